# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the values of links say by themselves: what they refer to, what has to wait, what differs and what changing it costs. Pure."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import COMMON, PORTS

#: options that say where a link is or comes from, not how it is set
PLACE = frozenset(('name', 'kind', 'peer', 'link', 'link_netns', 'move_from'))
FIELD = {field.name: field for field in COMMON}
#: options that may be dicts of options: most links have none of them
_NESTED = frozenset((*PORTS, *KINDS))


def lower_netns(netns, values):
    """Namespace of the link below, or of the outer packets."""
    if 'link_netns' not in values:
        return netns
    kind = KINDS.get(values.get('kind', ''))
    return values['link_netns'] if 'link' in values or (kind is not None and kind.underlay) else netns


def references(netns, values, late=False) -> list:
    """(option, netns, name) of the links that these values refer to; `late` adds those that are only looked at when all links are there."""
    lower, found = lower_netns(netns, values), []
    if values.get('master'):
        found.append(('master', netns, values['master']))
    if values.get('link'):
        found.append(('link', lower, values['link']))
    for option, table in tables(values):
        for name, value in values[option].items():
            field = table.by_name[name]
            if value and getattr(field.type, 'by_index', False) and (late or not field.late):
                found.append((f'{option}.{name}', netns if option in PORTS else lower, value))
    return found


def tables(values) -> list:
    """(option, Table) of the dicts of options among these values."""
    if _NESTED.isdisjoint(values):
        return []
    return [(option, PORTS[option].port if option in PORTS else KINDS[option].table)
            for option, value in values.items() if option in _NESTED and isinstance(value, dict)]


def late_options(values: dict) -> dict:
    """Those nested options that can only be set when other links are in place; taking a reference away can be done at any time."""
    late = {option: {name: value for name, value in values[option].items() if table.by_name[name].late and value} for option, table in tables(values)}
    return {option: own for option, own in late.items() if own}


def without_late(option: str, own: dict) -> dict:
    """The dict of options without its late ones."""
    late = late_options({option: own}).get(option, {})
    return {name: value for name, value in own.items() if name not in late}


def unique_options(option: str, own) -> list:
    """The names of those options of a port that no other port of its master can have the same of."""
    return [name for name in own if PORTS[option].port.by_name[name].unique] if option in PORTS else []


def late_needs(netns, late: dict) -> list:
    return [(what, netns, name) for option, own in late.items() for key, name in own.items() if key not in unique_options(option, own)
            for what in ('link', 'set')]


def with_defaults(values: dict) -> dict:
    """Our own defaults of the kind's options, added for creation."""
    kind = KINDS[values['kind']]
    defaults = {field.name: field.default for field in kind.table if field.default is not None}
    if defaults:
        values = {**values, kind.key: {**defaults, **values.get(kind.key, {})}}
    return values


def difference(values: dict, found) -> tuple[dict, dict]:
    """found: values, or a FoundLink. ({what has to change: to}, {the same: from}), nested options by themselves."""
    changed, before = {}, {}
    for option, value in values.items():
        if option in _NESTED and isinstance(value, dict):
            table = PORTS[option].port if option in PORTS else KINDS[option].table
            old = found.get(option, {})
            own = {name: one for name, one in value.items() if not table.by_name[name].equal(one, old.get(name, _nothing(one)))}
            own = {name: one for name, one in own.items() if not table.by_name[name].write_only}
            if own:
                changed[option] = own
                before[option] = {name: old.get(name, _nothing(own[name])) for name in own if old.get(name, _nothing(own[name])) is not None}
            continue
        field, old = FIELD[option], found.get(option)
        if old is None and field.live == RECREATE:
            continue  # this kernel does not say (receive queues, without CONFIG_RPS): nothing to make a link anew for
        if not field.equal(value, old):
            changed[option], old = field.type.narrow(value, old) if hasattr(field.type, 'narrow') else (value, old)
            if old is not None:  # else nothing to go back to (addrgenmode, where IPv6 is off)
                before[option] = old
    return changed, before


def complete(changed: dict, before: dict, values: dict, found):
    """Adds to the changed options of the kind those that the kernel takes only together with them."""
    kind = KINDS.get(found.kind)
    for group in kind.whole if kind is not None and kind.key in changed else ():
        if any(name in changed[kind.key] for name in group):
            changed[kind.key] = {**{name: values[kind.key][name] for name in group if name in values[kind.key]}, **changed[kind.key]}
            before[kind.key] = {**{name: found.values[kind.key][name] for name in group if name in found.values[kind.key]}, **before[kind.key]}


def values_back(changed: dict, before: dict, found) -> dict:
    """What is set to take a change back: the values before, those that the kernel changes by itself with them, and nothing where nothing was led to."""
    back, kind = before, KINDS.get(found.kind)
    if kind is not None and kind.disturbed and kind.key in changed:
        back = {**before, kind.key: {**kind.disturbed(changed[kind.key], found.values[kind.key]), **before.get(kind.key, {})}}
    for option, table in tables(changed):
        if option in PORTS and changed.get('master'):
            continue
        led = {name: '' for name in changed[option] if getattr(table.by_name[name].type, 'by_index', False) and name not in back.get(option, {})}
        if led:
            back = {**back, option: {**led, **back.get(option, {})}}
    return back


def _nothing(value):
    """What an unset option reads as."""
    return {} if isinstance(value, dict) else [] if isinstance(value, list) else '' if value == '' else None


def costs(changed: dict):
    """(option, what changing it costs) of all changed options."""
    for option, value in changed.items():
        if option in PORTS:
            continue
        if isinstance(value, dict) and option in KINDS:
            for name in value:
                yield f'{option}.{name}', KINDS[option].table.by_name[name].live
        else:
            yield option, FIELD[option].live


def value_at(values: dict, path: str):
    """The value at 'option' or 'kind.option'."""
    for name in path.split('.'):
        values = values.get(name) if isinstance(values, dict) else None
    return values
