# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From task parameters to wanted objects and purge scopes. Pure."""

from __future__ import annotations

from collections import Counter

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, ListOf, Netns, Text

#: options that every module has beside those of its resource
COMMON = ('config', 'state', 'netns', 'purge', 'purge_match', 'recreate', 'allow_disconnect')
_STATES = ('present', 'absent')
_SWITCHES = {'purge', 'recreate'}
_BOOL, _NETNS, _PATTERNS = Bool(), Netns(), ListOf(Text())


class Desired:
    """All that a task wants: lists of Wanted and Scope."""

    def __init__(self):
        self.wanted: list = []
        self.scopes: list = []

    def add(self, resource, params: dict, where: str = ''):
        """Add what one module's parameters (or one item of a document) want."""
        top = _given(resource, params)
        config = top.pop('config', None)
        if config is None:
            self._item(resource, top, where)
            return
        if not isinstance(config, list):
            raise InputError(f"{where or 'config'}: config must be a list of items")
        _switches(top, where or resource.module)
        rows = resource.columns(top, config)
        if rows is not None:
            first = Desired()
            first._item(resource, {**top, 'purge': False, **_given(resource, config[0])}, (f'{where}.' if where else '') + 'config[0]')
            one = first.wanted[0]
            self.wanted.append(Wanted(one.section, one.netns, ('rows', top['dev']), {'dev': top['dev'], 'rows': rows}, one.absent, where or 'config'))
            return
        purge = top.get('purge')
        if purge and not config:
            self._item(resource, top, where or 'purge', only_scope=True)
        for place, item in enumerate(config):
            here = (f'{where}.' if where else '') + f'config[{place}]'
            if not isinstance(item, dict):
                raise InputError(f'{here}: must be a dict of options, not {item!r}')
            self._item(resource, {**top, **_given(resource, item)}, here)

    def _item(self, resource, item: dict, where: str, only_scope: bool = False):
        item = dict(item)
        here = where or resource.module
        state = item.get('state', 'present')
        if state not in _STATES:
            raise InputError(f'{here}: state is {state!r}, but must be present or absent')
        _switches(item, here)
        if 'netns' in item:
            try:
                item['netns'] = _NETNS.parse(item['netns'])
            except ValueError as exc:
                raise InputError(f"{here}: netns is {item['netns']!r}, but must be {exc}") from None
        item.pop('allow_disconnect', None)
        purge, match = item.pop('purge', False), item.pop('purge_match', None)
        if purge:
            if not resource.purgeable:
                raise InputError(f'{here}: {resource.section} cannot be purged')
            patterns = None if match is None else _PATTERNS.parse(match)
            self.scopes.append(resource.scope({**item, 'purge_match': patterns}, here))
        elif match is not None:
            raise InputError(f'{here}: purge_match needs purge: true')
        bare = not any(item.get(name) is not None for name in resource.identity)
        if only_scope or (purge and bare):
            return
        self.wanted += resource.parse({**item, **({'purge': True} if purge else {})} if resource.takes_purge else item, here)

    def _one_way(self):
        """Where a device is wanted as rows and by other items as well, all of its entries are single ones."""
        rows = [one for one in self.wanted if 'rows' in one.values]
        if not rows:
            return
        places = Counter((one.section, one.netns, one.values.get('dev')) for one in self.wanted)
        places.update((scope.section, scope.netns, scope.limits.get('dev')) for scope in self.scopes)
        for one in rows:
            if places[one.section, one.netns, one.values['dev']] > 1:
                self.wanted.remove(one)
                wanted, scopes = one.values['rows'].single(one)
                self.wanted += wanted
                self.scopes += scopes

    def check(self):
        """Refuse what contradicts itself: one object listed twice with different values."""
        self._one_way()
        scopes: dict = {}
        for scope in self.scopes:  # each of many items may name the same one
            scopes.setdefault((scope.section, scope.netns, repr(scope.limits)), scope)
        self.scopes = list(scopes.values())
        seen: dict = {}
        kept = []
        for one in self.wanted:
            key = (one.section, one.netns, one.key)
            other = seen.get(key)
            if other is None:
                seen[key] = one
                kept.append(one)
                continue
            if other.absent != one.absent:
                raise InputError(f'{one.where}: is to be both present and absent ({other.where})')
            if other.where == one.where or (other.values == one.values and one.section == 'links' and one.key == 'lo'):
                continue
            if one.section == 'links' and one.key == 'lo':
                merged = {**other.values, **one.values}
                for name, value in merged.items():
                    if other.values.get(name, value) != value or one.values.get(name, value) != value:
                        raise InputError(f'{one.where}: {name} of lo contradicts {other.where}')
                other.values = merged
                continue
            raise InputError(f'{one.where}: listed twice ({other.where})')
        self.wanted = kept
        gone = {one.key for one in kept if one.section == 'netns' and one.absent}
        for one in kept:
            linked = (one.values.get('peer', {}).get('netns'), one.values.get('link_netns')) if one.section == 'links' else ()
            for netns in () if one.absent else (one.netns, *linked):
                if netns in gone:
                    raise InputError(f"{one.where}: lives in network namespace '{netns}', which is to be absent")


def _switches(options: dict, where: str):
    """Those options that are switches, as such."""
    for name in _SWITCHES.intersection(options):
        try:
            options[name] = _BOOL.parse(options[name])
        except ValueError:
            raise InputError(f'{where}: {name} is {options[name]!r}, but must be true or false') from None


def _given(resource, options: dict) -> dict:
    return resource.table.named({name: value for name, value in options.items() if value is not None})


def from_module(resource, params: dict) -> Desired:
    """What a module of one resource wants."""
    desired = Desired()
    desired.add(resource, params)
    desired.check()
    return desired


def from_document(resources: dict, document: dict) -> Desired:
    """What a vnet_state document wants: {section: [item, ...]}."""
    desired = Desired()
    for section, items in document.items():
        if items is None:
            continue
        if section not in resources:
            raise InputError(f"unknown section '{section}'; known are {', '.join(resources)}")
        if not isinstance(items, list):
            raise InputError(f'{section}: must be a list of items')
        for place, item in enumerate(items):
            if not isinstance(item, dict):
                raise InputError(f'{section}[{place}]: must be a dict of options, not {item!r}')
            desired.add(resources[section], item, f'{section}[{place}]')
    desired.check()
    return desired


def secrets(resources: dict, document: dict) -> set:
    """The keys and passwords that a document holds."""
    found: set = set()
    for section, items in document.items():
        table = resources[section].table if section in resources else None
        if table is None or not isinstance(items, list) or not table.hiding:
            continue
        for item in items:
            config = item.get('config') if isinstance(item, dict) else None
            for one in [item, *(config if isinstance(config, list) else ())]:
                found.update(table.secrets(one) if isinstance(one, dict) else ())
    return found
