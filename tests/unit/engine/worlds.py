# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worlds without a kernel: observed tables made from YAML, and a simulator that carries a plan out as the kernel would.

The simulator is strict: it refuses what the kernel refuses (a missing parent, an entry that exists, a port of a bond that is up), so that a plan
in the wrong order fails, and it forgets what the kernel forgets (all that hangs on a link that goes), so that a plan or an undo that puts too
little back is seen.
"""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import World
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model import types
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_found import FoundLink, LinkTable

ENTRIES = ('bridge_vlans', 'fdb', 'addresses', 'neighs', 'routes')
BASE = {'up': False, 'mtu': 1500, 'alias': '', 'altnames': [], 'master': '', 'arp': True, 'promisc': False, 'allmulticast': False, 'multicast': True,
        'txqlen': 1000, 'num_tx_queues': 1, 'group': 'default', 'addrgenmode': 'eui64'}


def found_link(index: int, values: dict, *, master: int | None = None, link: int | None = None, nsid: int | None = None) -> FoundLink:
    raw = {'IFLA_MASTER': master, 'IFLA_LINK': link, 'IFLA_LINK_NETNSID': nsid}
    return FoundLink(values['name'], index, values, raw={name: value for name, value in raw.items() if value is not None})


def read_world(document: dict) -> World:
    """A World from {'netns': [name], SECTION: [item, ...]}; a link's `index`, `link_index`, `master_index` and `link_nsid` are the kernel's.

    Entries are written as a user would write them. The namespace of an item is its `netns`; of links, those of `netns` have their loopback.
    """
    tables = {('netns', None): {name: {'name': name} for name in document.get('netns', [])}}
    links: dict = {netns: [found_link(1, {'name': 'lo', 'up': True, 'mtu': 65536})] for netns in (None, *document.get('netns', []))}
    for item in document.get('links', []):
        item = dict(item)
        place = {name: item.pop(name, None) for name in ('index', 'link_index', 'master_index', 'link_nsid')}
        netns = item.pop('netns', None)
        item = {'master': '', **item}
        links.setdefault(netns, []).append(found_link(place['index'], item, master=place['master_index'], link=place['link_index'],
                                                      nsid=place['link_nsid']))
    for netns, found in links.items():
        tables['links', netns] = LinkTable(found)
    for section in ENTRIES:
        for netns in links:
            tables[section, netns] = {}
        for item in document.get(section, []):
            item = dict(item)
            seen = {name: item.pop(name) for name in ('temporary', 'proto', 'local', 'implied') if name in item}  # what is only ever read
            for one in RESOURCES[section].parse(item, section):
                values = {'pvid': False, 'untagged': False, **one.values} if section == 'bridge_vlans' else one.values
                tables[section, one.netns][one.key] = {**values, **seen}
    return World(RESOURCES, tables=tables)


# -- the simulator ---------------------------------------------------------------------------------------------------------


def default(field):
    """What the kernel reports of an option that nobody set; None if nothing."""
    kind = field.type
    if field.name == 'vlan_default_pvid':
        return 1
    if isinstance(kind, types.Bool):
        return False
    if isinstance(kind, types.Enum):
        return 'forwarding' if 'forwarding' in kind.numbers else next(iter(kind.numbers))
    if isinstance(kind, types.Int):
        return kind.unwire(max(kind.lo, 0))
    if isinstance(kind, types.Map):
        return {}
    if isinstance(kind, types.ListOf):
        return []
    return None


def defaults(table) -> dict:
    found = {field.name: default(field) for field in table if not field.write_only}
    return {name: value for name, value in found.items() if value is not None}


def complete(values: dict):
    """Add to a link's values what the kernel reports of options that nobody set."""
    for option, value in BASE.items():
        values.setdefault(option, value)
    kind = KINDS.get(values.get('kind'))
    if kind is not None and kind.table.fields and not kind.paired:
        values[kind.key] = {**defaults(kind.table), **values.get(kind.key, {})}
    for port in KINDS.values():
        if port.port_option in values:
            values[port.port_option] = {**defaults(port.port), **values[port.port_option]}


class Refused(Exception):
    """The kernel would not do that."""


class Simulator:
    """Applies operations to the tables of a World."""

    def __init__(self, world: World | None = None):
        self.tables = world.tables if world is not None else read_world({}).tables
        for (section, unused), table in self.tables.items():
            for link in table.values() if section == 'links' else ():
                complete(link.values)
        self.next_index = 1 + max(link.index for (section, unused), table in self.tables.items() if section == 'links' for link in table.values())
        self.kept: dict = {}
        self.done: list = []

    def world(self) -> World:
        """A fresh World that sees what is there now."""
        return World(RESOURCES, tables=dict(self.tables))

    def copy(self) -> Simulator:
        return Simulator(read_world({})).load(self)

    def load(self, other: Simulator) -> Simulator:
        self.tables = {}
        for (section, netns), table in other.tables.items():
            if section == 'links':
                self.tables[section, netns] = LinkTable([
                    found_link(link.index, _deep(link.values), master=link.master_index, link=link.link_index, nsid=link.link_nsid)
                    for link in table.values()])
            else:
                self.tables[section, netns] = {key: _deep(values) for key, values in table.items()}
        self.next_index = other.next_index
        return self

    def snapshot(self) -> dict:
        """All that a user could tell apart: {(section, netns): {key: values}} without indexes."""
        found = {}
        for (section, netns), table in self.tables.items():
            if section == 'links':
                rows = {link.name: {**_deep(link.values), 'peer': self.peer(netns, link)} for link in table.values()}
            elif section in ENTRIES and section != 'bridge_vlans':  # what the kernel makes by itself comes and goes by itself
                rows = {key: _deep(values) for key, values in table.items() if RESOURCES[section].returns(values)}
            else:
                rows = {key: _deep(values) for key, values in table.items()}
            if rows:
                found[section, netns] = rows
        return found

    def peer(self, netns, link):
        kind = KINDS.get(link.kind)
        if kind is None or not kind.paired:
            return None
        for (section, other), table in self.tables.items():
            if section == 'links' and link.link_index in table.by_index and (other != netns) == (link.link_nsid is not None):
                found = table.by_index[link.link_index]
                if found.link_index == link.index and found.kind == link.kind:
                    return other, found.name
        return None

    def run(self, operations):
        """Apply a plan; with `undo()` it is taken back."""
        for operation in operations:
            self.apply(operation)
            self.done.append(operation)

    def undo(self):
        """Take back all that was applied, in reverse, as the Applier does: what did not work is tried once more at the end."""
        again = []
        for operation in reversed(self.done):
            for back in operation.undo:
                if not self._lenient(back):
                    again.append(back)
        left = [back for back in again if not self._lenient(back)]
        self.done = []
        return left

    def _lenient(self, operation) -> bool:
        try:
            self.apply(operation)
        except Refused as exc:
            return exc.args[0] == 'EEXIST' or operation.action == 'delete'
        return True

    def apply(self, operation):
        if operation.section in ('links', 'netns'):
            getattr(self, f'_{operation.section}_{operation.action}')(operation)
        elif operation.section == 'bridge_vlans':
            self._vlans(operation)
        elif operation.section in ENTRIES:
            self._entry(operation)
        else:
            raise NotImplementedError(operation.section)

    # -- namespaces

    def _netns_create(self, operation):
        name = operation.key
        if ('links', name) in self.tables:
            raise Refused('EEXIST', name)
        self.tables['netns', None][name] = {'name': name}
        self.tables['links', name] = LinkTable([found_link(1, {**BASE, 'name': 'lo', 'mtu': 65536})])
        for section in ENTRIES:
            self.tables[section, name] = {}

    def _netns_delete(self, operation):
        name = operation.key
        if ('links', name) not in self.tables:
            raise Refused('ENOENT', name)
        del self.tables['netns', None][name]
        self.kept[name] = {key: self.tables.pop(key) for key in list(self.tables) if key[1] == name}

    def _netns_restore(self, operation):
        self.tables['netns', None][operation.key] = {'name': operation.key}
        self.tables.update(self.kept.pop(operation.key))

    # -- links

    def _links(self, netns) -> LinkTable:
        if ('links', netns) not in self.tables:
            raise Refused('ENOENT', f'no namespace {netns}')
        return self.tables['links', netns]

    def _link(self, netns, name):
        found = self._links(netns).get(name)
        if found is None:
            raise Refused('ENODEV', f'no {name} in {netns}')
        return found

    def _add(self, netns, values, **raw):
        table = self._links(netns)
        if values['name'] in table:
            raise Refused('EEXIST', values['name'])
        link = found_link(self.next_index, values, **raw)
        self.next_index += 1
        link.table = table
        table[link.name] = table.by_index[link.index] = link
        return link

    def _links_create(self, operation):
        netns, given = operation.netns, _deep(operation.values)
        kind = KINDS[given['kind']]
        self._links(netns)
        if given['name'] in self._links(netns):
            raise Refused('EEXIST', given['name'])
        lower = given.get('link_netns', netns) if 'link' in given else netns
        parent = self._link(lower, given['link']) if 'link' in given else None
        if kind.parent == 'required' and parent is None:
            raise Refused('EINVAL', f'{kind.name} without a parent')
        if kind.name == 'vrf' and 'table' not in given.get('vrf', {}):
            raise Refused('EINVAL', 'vrf without a table')
        if given.get('master'):
            self._link(netns, given['master'])
        own = {name: value for name, value in given.get(kind.key, {}).items() if not kind.table.by_name[name].late}
        for name, value in own.items():
            if getattr(kind.table.by_name[name].type, 'by_index', False):
                self._link(lower, value)
        values = {**BASE, **{name: value for name, value in given.items() if name not in ('peer', 'master', 'link_netns', 'bridge_port', 'bond_port')}}
        if kind.table.fields and not kind.paired:
            values[kind.key] = {**defaults(kind.table), **own}
        nsid = None if lower == netns else 0
        peer = given.get('peer')
        link = self._add(netns, values, link=None if parent is None else parent.index, nsid=nsid)
        if peer is not None:
            where = peer_netns(netns, peer)
            try:
                other = self._add(where, {**BASE, 'name': peer['name'], 'kind': kind.name}, link=link.index)
            except Refused:
                self._remove(netns, link)
                raise
            link.link_index = other.index
            if where != netns:
                link.link_nsid = other.link_nsid = 0
        self._default_vlan(netns, link.name, link.name if kind.name == 'bridge' else None)
        if given.get('master'):
            if self._link(netns, given['master']).kind in ('bond', 'team') and given.get('up') and not operation.facts.get('port_down'):
                raise Refused('EPERM', 'a port of a bond must be down')
            self._enslave(netns, link, given['master'], given)

    def _links_set(self, operation):
        netns, given, facts = operation.netns, _deep(operation.values), operation.facts
        link = self._link(netns, operation.key)
        values = link.values
        if facts.get('down'):
            self._down(netns, link)
        kind = KINDS.get(facts.get('kind') or '')
        if kind is not None and kind.key in given:
            if link.kind != kind.name:
                raise Refused('EOPNOTSUPP', f'{link.name} is no {kind.name}')
            for name, value in given[kind.key].items():
                field = kind.table.by_name[name]
                if field.live == 'recreate':
                    raise Refused('EOPNOTSUPP', f'{name} cannot change')
                if field.live == 'down' and values['up']:
                    raise Refused('EBUSY', f'{name} cannot change while {link.name} is up')
                if getattr(field.type, 'by_index', False):
                    target = self._link(netns, value)
                    if field.late and target.master_index != link.index:
                        raise Refused('EINVAL', f'{value} is no port of {link.name}')
            values[kind.key].update(given[kind.key])
        if 'master' in given and given['master'] != values['master']:
            if link.master_index:
                self._release(netns, link)
            if given['master']:
                if self._link(netns, given['master']).kind in ('bond', 'team') and values['up'] and not facts.get('port_down'):
                    raise Refused('EPERM', 'a port of a bond must be down')
                self._enslave(netns, link, given['master'], given)
        for option in ('bridge_port', 'bond_port'):
            if given.get(option) and given.get('master') in (None, values['master']):
                if option not in values:
                    raise Refused('EINVAL', f'{link.name} is no port')
                values[option].update(given[option])
        if given.get('up') is False:
            self._down(netns, link)
        values.update({name: value for name, value in given.items() if name in BASE and name != 'master' and value is not None})
        if 'address' in given:
            values['address'] = given['address']
        if facts.get('up_again'):
            values['up'] = True

    def _links_delete(self, operation):
        self._remove(operation.netns, self._link(operation.netns, operation.key))

    def _links_move(self, operation):
        source, netns = operation.facts['from'], operation.netns
        link = self._link(source, operation.key)
        if link.name in self._links(netns):
            raise Refused('EEXIST', link.name)
        self._forget_entries(source, link)
        if link.master_index:
            self._release(source, link)
        table = self._links(source)
        del table[link.name], table.by_index[link.index]
        link.values.update(up=False, master='')
        target = self._links(netns)
        link.index, self.next_index = self.next_index, self.next_index + 1
        link.table = target
        target[link.name] = target.by_index[link.index] = link

    def _enslave(self, netns, link, master, given):
        found = self._link(netns, master)
        link.master_index, link.values['master'] = found.index, master
        port = next((one for one in KINDS.values() if one.port_option and one.name == found.kind), None)
        if port is not None:
            link.values[port.port_option] = {**defaults(port.port), **given.get(port.port_option, {})}
        self._default_vlan(netns, link.name, master if found.kind == 'bridge' else None)

    def _release(self, netns, link):
        link.master_index, link.values['master'] = None, ''
        for option in ('bridge_port', 'bond_port'):
            link.values.pop(option, None)
        self._forget(netns, 'bridge_vlans', lambda values: values['dev'] == link.name)
        self._forget(netns, 'fdb', lambda values: values['dev'] == link.name and values['master'])

    def _default_vlan(self, netns, name, bridge):
        if bridge is None:
            return
        vid = self._link(netns, bridge).values['bridge']['vlan_default_pvid']
        if vid:
            self.tables['bridge_vlans', netns][name, vid] = {'dev': name, 'vid': vid, 'pvid': True, 'untagged': True}

    def _down(self, netns, link):
        link.values['up'] = False
        self._forget(netns, 'routes', lambda values: _uses(values, link.name))
        self._forget(netns, 'addresses', lambda values: values['dev'] == link.name and ':' in values['address'])

    def _forget(self, netns, section, gone):
        table = self.tables[section, netns]
        for key in [key for key, values in table.items() if gone(values)]:
            del table[key]

    def _forget_entries(self, netns, link):
        for section in ('bridge_vlans', 'fdb', 'addresses', 'neighs'):
            self._forget(netns, section, lambda values: values['dev'] == link.name)
        self._forget(netns, 'routes', lambda values: _uses(values, link.name))

    def _remove(self, netns, link):
        table = self._links(netns)
        self._forget_entries(netns, link)
        for other in list(table.values()):
            if other.master_index == link.index:
                self._release(netns, other)
        peer = self.peer(netns, link)
        del table[link.name], table.by_index[link.index]
        for other in list(table.values()):
            kind = KINDS.get(other.kind)
            below = other.link_index == link.index and other.link_nsid is None and kind is not None and kind.parent
            if other.name in table and (below or other.values.get('vxlan', {}).get('dev') == link.name):
                self._remove(netns, other)
        if peer is not None and peer[1] in self.tables['links', peer[0]]:
            other = self.tables['links', peer[0]][peer[1]]
            other.link_index = None
            self._remove(peer[0], other)

    # -- entries

    def _vlans(self, operation):
        dev, first, last = operation.key
        self._link(operation.netns, dev)
        table = self.tables['bridge_vlans', operation.netns]
        for vid in range(first, last + 1):
            if operation.action == 'delete':
                if table.pop((dev, vid), None) is None:
                    raise Refused('ENOENT', f'VLAN {vid} of {dev}')
                continue
            values = {name: value for name, value in operation.values.items() if name not in ('dev', 'vid')}
            if 'tunnel_id' in values:
                values['tunnel_id'] += vid - first
            if values.get('pvid'):
                for (other, unused), old in table.items():
                    if other == dev:
                        old['pvid'] = False
            table[dev, vid] = {'dev': dev, 'vid': vid, 'pvid': False, 'untagged': False, **values}

    def _entry(self, operation):
        if (operation.section, operation.netns) not in self.tables:
            raise Refused('ENOENT', f'no namespace {operation.netns}')
        table = self.tables[operation.section, operation.netns]
        if operation.action == 'delete':
            if table.pop(operation.key, None) is None and operation.section == 'fdb':
                raise Refused('ENOENT', operation.name)
            return
        device = operation.values.get('dev')
        if device:
            self._link(operation.netns, device)
        for hop in operation.values.get('nexthops', ()):
            if hop.get('dev'):
                self._link(operation.netns, hop['dev'])
        if operation.action == 'create' and operation.key in table:
            if operation.facts.get('put_back'):
                return
            raise Refused('EEXIST', operation.name)
        table[operation.key] = _deep(operation.values)


def _uses(route: dict, name: str) -> bool:
    return route.get('dev') == name or any(hop.get('dev') == name for hop in route.get('nexthops', ()))


def _deep(value):
    if isinstance(value, dict):
        return {key: _deep(one) for key, one in value.items()}
    return [_deep(one) for one in value] if isinstance(value, list) else value
