# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made when it is first asked for: Ansible compiles every file that a task imports anew, so a task imports what it uses."""

from __future__ import annotations


class Lazy(dict):
    """{name: object} from {name: function that makes it}. Names are known from the start, and asking for them makes nothing."""

    def __init__(self, makers: dict):
        super().__init__()
        self._makers = dict(makers)

    def __missing__(self, name):
        made = self[name] = self._makers[name]()
        return made

    def __contains__(self, name):
        return name in self._makers

    def __iter__(self):
        return iter(self._makers)

    def __len__(self):
        return len(self._makers)

    def get(self, name, default=None):
        return self[name] if name in self._makers else default

    def keys(self):
        return self._makers.keys()

    def values(self):
        return [self[name] for name in self]

    def items(self):
        return [(name, self[name]) for name in self]


class Asking(dict):
    """A dict that asks for what it does not have: ask(key) returns it, or None."""

    def ask(self, key):
        raise NotImplementedError

    def get(self, key, default=None):
        found = dict.get(self, key)
        if found is None and key:
            found = self.ask(key)
        return default if found is None else found

    def __missing__(self, key):
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key):
        return self.get(key) is not None


def _of_all(method):
    """A method of dict that looks at all there is, which is loaded before."""
    def loaded(one):
        one.load()
        return method(one)
    return loaded


class Loading(Asking):
    """A dict that asks for what somebody looks for, and for the rest, load(), when somebody looks at all of it."""

    def load(self):
        raise NotImplementedError

    __iter__, __len__ = _of_all(dict.__iter__), _of_all(dict.__len__)
    keys, values, items = _of_all(dict.keys), _of_all(dict.values), _of_all(dict.items)


class LazyDict(dict):
    """A dict whose content is made by a function when anybody looks at it; validate-modules makes dicts of its type that are empty."""

    def __init__(self, make=dict):
        super().__init__()
        self._make = make

    def _made(self) -> dict:
        if self._make is not None:
            make, self._make = self._make, None
            self.update(make())
        return self

    def __getitem__(self, name):
        return dict.__getitem__(self._made(), name)

    def __iter__(self):
        return dict.__iter__(self._made())

    def __len__(self):
        return dict.__len__(self._made())

    def __contains__(self, name):
        return dict.__contains__(self._made(), name)

    def __deepcopy__(self, memo):
        return {name: _copy(value, memo) for name, value in self.items()}

    def get(self, name, default=None):
        return dict.get(self._made(), name, default)

    def keys(self):
        return dict.keys(self._made())

    def values(self):
        return dict.values(self._made())

    def items(self):
        return dict.items(self._made())


def _copy(value, memo):
    import copy

    return copy.deepcopy(value, memo)
