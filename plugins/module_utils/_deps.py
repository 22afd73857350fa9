# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that touches pyroute2: its message classes are the schema that the codec compiles.

pyroute2's package imports itself whole (asyncio, databases, process helpers), which costs more than everything else a
module does. The message classes need none of that, so they are imported below a bare package object; when a release
does not bear it, the ordinary import is used.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import MissingAbility

OLDEST = '0.7.2'
_MODULES = ('ifinfmsg', 'ndmsg', 'ifaddrmsg', 'rtmsg', 'fibmsg')


class Classes:
    """pyroute2's message classes by their own names: `classes.ifinfmsg`, `classes.ndmsg` ..."""

    def __init__(self):
        try:
            self._take()
        except ImportError:
            raise
        except Exception:  # pylint: disable=broad-except  # whatever a release trips over under the bare package
            _forget()
            importlib.import_module('pyroute2')
            self._take()

    def _take(self):
        for name in _MODULES:
            module = importlib.import_module('pyroute2.netlink.rtnl.' + name)
            setattr(self, name, getattr(module, name))


def _forget():
    for name in [name for name in sys.modules if name.split('.')[0] == 'pyroute2']:
        del sys.modules[name]


def _bare_package():
    spec = importlib.util.find_spec('pyroute2')
    if spec is None:
        raise ImportError('pyroute2')
    sys.modules['pyroute2'] = importlib.util.module_from_spec(spec)


_classes = []


def classes() -> Classes:
    """pyroute2's message classes, imported at the first call."""
    if not _classes:
        try:
            if 'pyroute2' not in sys.modules:
                _bare_package()
            _classes.append(Classes())
        except ImportError as exc:
            raise MissingAbility(
                f'this host has no usable pyroute2 for {sys.executable} ({exc}): install python3-pyroute2'
                f' (or pip install "pyroute2>={OLDEST}")'
            ) from exc
    return _classes[0]
