# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random vnet_state documents that a kernel takes, drawn from the tables and cases of the other tests; see test_documents.py.

A document is a fabric of well-known links (bridges, bonds, VRFs, what sits on them, cables), some cases of options of all kinds and some
entries, each a few items that hang together. Its namespaces are written as `@blue@`: at() says where they are.
"""

from __future__ import annotations

import json
import random
import re
from ipaddress import ip_interface

from hypothesis import strategies as st

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import PORTS
from differential import test_link_options as options
from differential.kernels import kernel_has
from differential.test_link_options import Group, mac

PLACES, STAGE = ('@blue@', '@red@'), '@stage@'
#: the kinds of the fabric, which take several options at once
MASTERS = ('bridge', 'bond', 'vrf')
#: options that exclude others of the same link in ways that no table says
ALONE = {
    'bond': {'active_slave', 'primary', 'fail_over_mac', 'tlb_dynamic_lb', 'missed_max', 'packets_per_slave', 'arp_interval', 'arp_validate', 'arp_all_targets',
             'arp_ip_target', 'ns_ip6_target'},
    'vxlan': {'group', 'dev', 'external', 'vnifilter', 'gpe', 'gbp', 'ttl_inherit', 'local', 'remote', 'flowlabel', 'id'},
    # Linux 6.1 dies when a namespace goes whose VLANs with GVRP or MVRP have their parents in another one
    'vlan': {'id', 'bridge_binding', 'gvrp', 'mvrp'},
    'vrf': {'table'},
    # a MAC of the groups that are not forwarded is the bridge's own affair; other people's state of a port passes
    'bridge_port': {'state', 'backup_port'},
    'bond_port': {'prio'},
}
#: kinds of which no two can have the same ends and key
KIN = {'gretap': 'gre', 'erspan': 'gre', 'ip6gretap': 'ip6gre', 'ip6erspan': 'ip6gre', 'vti': 'ipip', 'vti6': 'ip6tnl'}
#: options that every kind of the fabric takes
EVERY_LINK = ('alias', 'allmulticast', 'arp', 'broadcast', 'group', 'gso_max_segs', 'gso_max_size', 'multicast', 'promisc', 'txqlen', 'addrgenmode')
SECTION = {resource.module: section for section, resource in RESOURCES.items()}


def at(document: dict, mark: str) -> dict:
    """The document with its namespaces called MARK-blue and so on."""
    return json.loads(re.sub('@([a-z]+)@', rf'{mark}-\1', json.dumps(document)))


def shuffled(document: dict, seed: int) -> dict:
    """Sections and items in another order.

    Two sections keep theirs, which means something: of the addresses of a link the first one of a network is the primary one, and rules without a
    priority get one before those that came earlier.
    """
    chance = random.Random(seed)
    found = {section: chance.sample(document[section], len(document[section])) for section in chance.sample(list(document), len(document))}
    for section in {'addresses', 'rules'} & set(found):
        found[section].sort(key=document[section].index)
    return found


def purged(document: dict) -> dict:
    """The document, and nothing but it: links may be made anew, and what is not listed goes."""
    found: dict = {'netns': [{'purge': True, 'purge_match': ['@*'], 'config': document['netns']}], 'links': []}
    places = [one['name'] for one in document['netns']]
    for place in places:
        mine = [dict(item, recreate=True) for item in document.get('links', []) if item['netns'] == place]
        found['links'].append({'netns': place, 'purge': True, 'purge_match': ['*'], 'config': mine})
    found.update((section, list(items)) for section, items in document.items() if section not in found)
    names = [(item['netns'], item['name']) for item in document.get('links', [])]
    found['bridge_vlans'] = [dict(item, purge=True) for item in document.get('bridge_vlans', [])]
    for section in ('addresses', 'neighs'):
        found[section] = found.get(section, []) + [{'netns': place, 'dev': name, 'purge': True} for place, name in names]
    tables = {(item['netns'], item.get('table', 'main')) for item in document.get('routes', [])} | {(place, 'main') for place in places}
    found['routes'] = found.get('routes', []) + [{'netns': place, 'table': table, 'purge': True, 'config': []} for place, table in sorted(tables, key=str)]
    return found


# ---- what there is to draw from


class Supply:
    """What this kernel takes: asked once, with `tried`, which makes a document in namespaces of its own and says whether that was refused."""

    def __init__(self, tried):
        self.clusters = {}
        for key, needed in (group.values for group in options.GROUPS):
            if not all(map(kernel_has, needed)):
                continue
            group = Group(key, needed)
            items = group.items(with_option=True)
            own = {option: [item for item in items if re.fullmatch(name + r'(\D.*)?', item['name'])] for option, name in group.names.items()}
            all_taken = tried({'links': items})
            self.clusters.update(((key, option), its) for option, its in own.items()
                                 if (key, option) not in PASSING and (all_taken or tried({'links': its})))
        self.stage = None
        self.entries: dict = {}


#: cases whose value passes by itself
PASSING = {('bond', 'active_slave'), ('bridge_port', 'state')}


def mixed(draw, key: str, sort: int = 3) -> dict:
    """Some options of a dict, each with the value of its case or one that a case needs."""
    cases = options.OPTIONS[key]
    found: dict = {}
    free = [option for option in cases if option not in ALONE.get(key, ())]
    for option in draw(st.lists(st.sampled_from(free), unique=True, max_size=sort)) if free else []:
        case = cases[option]
        wanted = {**case.needs, **case.along, option: case.value}
        if all(map(kernel_has, options.needs(key, case))) and all(found.get(name, value) == value for name, value in wanted.items()) and not case.up:
            found.update(wanted)
    kind = KINDS.get(key)
    return {} if kind is not None and kind.check and kind.check(found) and key != 'vxlan' else found


@st.composite
def documents(draw, supply: Supply, places=PLACES):
    """A document that makes sense: everything it refers to is in it."""
    spaces = [places[0], *draw(st.lists(st.sampled_from(places[1:]), unique=True))]
    document: dict = {'netns': [{'name': name, **draw(st.sampled_from([{}, {'lo_up': False}]))} for name in spaces]}
    fabric = Fabric(draw, spaces)
    links = fabric.links
    for place in spaces:
        for key, option in draw(st.lists(st.sampled_from(sorted(supply.clusters)), unique_by=lambda one: KIN.get(one[0], one[0]), max_size=4)):
            prefix = 'c' + str(sorted(supply.clusters).index((key, option)))
            links += [dict(item, netns=place) for item in renamed(supply.clusters[key, option], prefix)]
    document['links'] = links
    document.update(fabric.entries())
    if supply.stage is not None and draw(st.booleans()):
        document['netns'].append({'name': STAGE})
        add_stage(draw, supply, document, STAGE)
    return {section: items for section, items in document.items() if items}


def renamed(items: list, prefix: str) -> list:
    """Items of a Group with other names: x7, x7be and the like."""
    return json.loads(re.sub(r'"x\d+(be|br|po-a|po-b|po|)"', rf'"{prefix}\1"', json.dumps(items)))


def add_stage(draw, supply, document, place):
    """The links of the entries' tests and some of their items."""
    for section, items in supply.stage.items():
        document.setdefault(section, [])
        document[section] = document[section] + [dict(item, netns=place) for item in items]
    for module, items in supply.entries.items():
        # without a VLAN, an entry of a bridge is many, of all VLANs that the port has by then
        items = [dict(item, vlan=0) if module == 'vnet_fdb' and 'vlan' not in item and (item.get('master') or item['dev'] == 'b0') else item for item in items]
        chosen = draw(st.lists(st.sampled_from(range(len(items))), unique=True, max_size=5)) if items else []
        section = SECTION[module]
        document[section] = document.get(section, []) + [dict(items[number], netns=place) for number in sorted(chosen)]
    taken = {str(ip_interface(item['address']).network) for item in document.get('addresses', []) if item['netns'] == place}
    document['routes'] = [item for item in document.get('routes', []) if item['netns'] != place or item['dst'] not in taken]  # the kernel makes those


class Fabric:
    """Well-known links in a random structure."""

    def __init__(self, draw, spaces):
        self.draw, self.spaces = draw, spaces
        self.links: list = []
        self.made: dict = {place: {} for place in spaces}
        self.stacked: dict = {place: set() for place in spaces}  # those with a link on them
        for place in spaces:
            for kind in draw(st.lists(st.sampled_from(MASTERS), max_size=3)):
                self.link(kind, place)
            for kind in draw(st.lists(st.sampled_from(['dummy', 'dummy', 'vxlan', 'veth', 'macvlan', 'vlan']), max_size=5)):
                getattr(self, '_' + kind, self._leaf)(kind, place)

    def link(self, kind, place, **more):
        draw, name = self.draw, f'{kind[:2]}{len(self.links)}'
        item = {'netns': place, 'name': name, 'kind': kind, 'address': mac(place + name), **more}
        own = mixed(draw, kind) if options.OPTIONS.get(kind) else {}
        if kind == 'vxlan':
            own.update(id=10000 + len(self.links), dstport=20000 + len(self.links))  # devices of one port must agree on much
        elif kind == 'vlan':
            own['id'] = 2 + len(self.links)
        elif kind == 'vrf':
            own['table'] = 1000 + len(self.links)
        if own:
            item[kind] = own
        for option in draw(st.lists(st.sampled_from(EVERY_LINK), unique=True, max_size=2)):
            item[option] = options.OPTIONS[''][option].value
        if draw(st.integers(0, 4)) == 0:
            item['altnames'] = [f'alternative-{place.strip("@")}-{name}']
        if draw(st.integers(0, 4)) == 0:
            item['up'] = draw(st.booleans())
        if kind in ('dummy', 'vxlan') and draw(st.integers(0, 3)) == 0:
            item['mtu'] = draw(st.sampled_from([1400, 1280]))
        self.links.append(item)
        self.made[place][name] = kind
        return item

    def _leaf(self, kind, place):
        self._master(self.link(kind, place))

    def _vlan(self, kind, place):
        parents = [name for name, other in self.made[place].items() if other in ('dummy', 'bridge', 'bond', 'veth', 'vlan')
                   and (place, name) not in self.down()]
        if parents:
            parent = self.draw(st.sampled_from(parents))
            self.stacked[place].add(parent)
            there = self.draw(st.sampled_from(self.spaces))
            far = {'link_netns': place} if there != place else {}
            item = self.link(kind, there, link=parent, **far)
            for below in self.links:  # a new VLAN takes it over, one that is there does not
                if (below['netns'], below['name']) == (place, parent) and 'broadcast' in below:
                    item.setdefault('broadcast', below['broadcast'])
            self._master(item)

    def _macvlan(self, kind, place):
        parents = [name for name, other in self.made[place].items() if other in ('dummy', 'veth', 'vlan', 'bridge')
                   and (place, name) not in self.down() and not any(item.get('master') for item in self.links
                                                                    if (item['netns'], item['name']) == (place, name))]
        if parents:
            parent = self.draw(st.sampled_from(parents))
            self.stacked[place].add(parent)
            there = self.draw(st.sampled_from(self.spaces))
            self.link(kind, there, link=parent, **({'link_netns': place} if there != place else {}))['macvlan'] = {'mode': 'bridge'}

    def _veth(self, kind, place):
        there = self.draw(st.sampled_from(self.spaces))
        name = f've{len(self.links)}p'
        peer = {'name': name, 'address': mac(there + name), **self.draw(st.sampled_from([{}, {'up': False}, {'mtu': 1300}]))}
        if there != place:
            peer['netns'] = there
        self._master(self.link(kind, place, peer=peer))
        self.made[there][name] = 'veth'
        if self.draw(st.booleans()):
            self.links.append({'netns': there, 'name': name})
            self._master(self.links[-1])

    def _master(self, item):
        """Perhaps makes a link a port; nothing sits on a port."""
        draw, place = self.draw, item['netns']
        masters = [name for name, kind in self.made[place].items() if kind in MASTERS and not item.get('link') == name]
        if item['name'] in self.stacked[place] or not masters or draw(st.booleans()):
            return
        master = draw(st.sampled_from(masters))
        kind = self.made[place][master]
        if kind == 'bond' and (item.get('kind') != 'dummy' or 'mtu' in item):
            return  # bonds take MACs and MTUs of their own to all their ports
        if self._below(place, master, item):
            return
        item['master'] = master
        option = KINDS[kind].port_option
        own = mixed(draw, option) if option in options.OPTIONS else {}
        if own:
            item[option] = own
        if 'queue_id' in own:  # one for each port
            own['queue_id'] = sum('queue_id' in other.get(option, {}) for other in self.links if (other['netns'], other.get('master')) == (place, master))

    def _below(self, place, name, item) -> bool:
        """Whether a master sits, by whatever way, on the link that is to be its port (or on a link of the other end's side)."""
        todo, seen = [name], set()
        while todo:
            here = todo.pop()
            if here == item['name']:
                return True
            if here in seen:
                continue
            seen.add(here)
            todo += [one['name'] for one in self.links if one.get('master') == here]
            todo += [one['link'] for one in self.links if one['name'] == here and one.get('link')]
        todo, seen = [item.get('link')], set()
        while todo:
            here = todo.pop()
            if here is None or here in seen:
                continue
            if here == name:
                return True
            seen.add(here)
            todo += [one.get(option) for one in self.links if one['name'] == here for option in ('link', 'master')]
        return False

    def down(self) -> set:
        """The links that are to be down: nothing can be up on them."""
        ends = [(item['netns'], item) for item in self.links]
        ends += [(item['peer'].get('netns', item['netns']), item['peer']) for item in self.links if 'peer' in item]
        return {(place, item['name']) for place, item in ends if item.get('up') is False}

    def entries(self) -> dict:
        """Addresses, routes, neighbours, FDB entries and VLANs on the links."""
        draw = self.draw
        down = self.down()
        standing = [(place, name) for place in self.spaces for name in self.made[place] if (place, name) not in down]
        ports = [item for item in self.links if self.made[item['netns']].get(item.get('master')) == 'bridge']
        found: dict = {'addresses': [], 'routes': [], 'neighs': [], 'fdb': [], 'bridge_vlans': []}
        for number, (place, name) in enumerate(draw(st.lists(st.sampled_from(standing), unique=True, max_size=4)) if standing else []):
            six = draw(st.booleans())
            address = {'address': f'2001:db8:{number}::1/64', 'nodad': True} if six else {'address': f'192.0.{number}.1/24'}
            found['addresses'].append({'netns': place, 'dev': name, **address})
            if draw(st.booleans()):
                found['routes'].append({'netns': place, 'dst': f'2001:db8:10{number}::/48' if six else f'10.{number}.0.0/16',
                                        'via': f'2001:db8:{number}::9' if six else f'192.0.{number}.9', 'dev': name})
            if draw(st.booleans()):
                found['neighs'].append({'netns': place, 'dev': name, 'dst': f'2001:db8:{number}::9' if six else f'192.0.{number}.9',
                                        'lladdr': mac(f'{number}')})
        for item in self.links:
            sixes = [value for value in item.get('vxlan', {}).values() if isinstance(value, str) and ':' in value]
            if item.get('kind') == 'vxlan' and not sixes and 'gpe' not in item.get('vxlan', {}) and draw(st.booleans()):  # peers of one family, with MACs
                found['fdb'].append({'netns': item['netns'], 'dev': item['name'], 'remotes': draw(st.lists(
                    # no route above leads there: one that leads through the device itself is a loop, of which User Mode Linux dies
                    st.sampled_from([f'10.255.0.{last}' for last in range(1, 9)]), unique=True, min_size=1, max_size=3))})
        for item in ports:
            if draw(st.booleans()):
                found['bridge_vlans'].append({'netns': item['netns'], 'dev': item['name'], 'purge': draw(st.booleans()), 'vlans': [
                    {'vid': vid, **draw(st.sampled_from([{}, {'untagged': True}, {'untagged': True, 'pvid': True}] if isinstance(vid, int) else [{}]))}
                    for vid in draw(st.sampled_from([['10-12', 20], [4], ['5-9', 11]]))]})
        return found


@st.composite
def others(draw, document: dict):
    """A document that has the same names: what the given one would find on a machine that someone else has left.

    Links are missing, have fewer options than they are to have, other ones, another kind or another place; there are links and entries too many.
    """
    found = json.loads(json.dumps(document))
    links = []
    for item in found.get('links', []):
        way = draw(st.sampled_from(['same', 'same', 'bare', 'less', 'gone', 'dummy', 'other']))
        pinned = {name: item[name] for name in ('netns', 'name', 'kind', 'address', 'link', 'link_netns', 'peer') if name in item}
        own = item.get(item.get('kind', ''), {})
        needed = {name: own[name] for name in ('id', 'table', 'dstport', 'dev', 'external') if name in own}
        for name in ('link', 'dev'):
            if name in own and isinstance(own[name], str):
                needed[name] = own[name]
        if way == 'bare' and item.get('kind') in options.OPTIONS and item['kind'] in ('bridge', 'bond', 'vxlan', 'vlan', 'vrf', 'macvlan'):
            item = {**pinned, **({item['kind']: needed} if needed else {})}
        elif way == 'less':
            item = {name: value for name, value in item.items() if name in pinned or isinstance(value, dict) or draw(st.booleans())}
            if 'master' not in item:
                item = {name: value for name, value in item.items() if name not in PORTS}
        elif way == 'gone' and 'kind' in item:
            continue
        elif way == 'dummy' and 'kind' in item and 'peer' not in item:
            item = {'netns': item['netns'], 'name': item['name'], 'kind': 'dummy'}
        elif way == 'other':
            item['up'] = not item.get('up', True)
            if item.get('kind') == 'vxlan' and 'id' in own:
                item['vxlan'] = {**own, 'id': own['id'] + 5000}
            if item.get('kind') == 'vlan' and 'id' in own:
                item['vlan'] = {**own, 'id': own['id'] + 2000}
        links.append(item)
    if draw(st.booleans()):
        exchange(links)
    for place in [one['name'] for one in found['netns']]:
        if draw(st.booleans()):
            links += [{'netns': place, 'name': 'extra', 'kind': 'bridge', 'address': mac('extra')},
                      {'netns': place, 'name': 'extra1', 'kind': 'dummy', 'address': mac('extra1'), 'master': 'extra'}]
    found['links'] = links
    for section in list(found):
        if section not in ('netns', 'links'):
            chosen: dict = {}  # all or none of the addresses of a link, whose order means something
            found[section] = [item for place, item in enumerate(found[section])
                              if chosen.setdefault(item.get('dev') if section == 'addresses' else section if section == 'rules' else place,
                                                   draw(st.booleans()))]
    return consistent(found)


def exchange(links: list):
    """Gives each port the place of another: its master and what it has as a port, which no two ports of a master may have (the queue of a bond)."""
    ports: dict = {}
    for item in links:
        option = next((option for option in PORTS if option in item), None)
        if option and item.get('master'):
            ports.setdefault((item['netns'], option, *sorted(item[option])), []).append(item)  # what is not given stays
    for (unused, option, *unused2), its in ports.items():
        places = [(item['master'], item[option]) for item in its]
        for item, (master, own) in zip(its, places[1:] + places[:1]):
            item['master'], item[option] = master, own


def consistent(document: dict) -> dict:
    """Without what refers to links that are not there, or no longer fit."""
    links = document.get('links', [])
    while True:
        there = {(item['netns'], item['name']): item.get('kind') for item in links if 'kind' in item}
        there.update({(item['peer'].get('netns', item['netns']), item['peer']['name']): item['kind'] for item in links if item.get('peer')})
        ports = {(item['netns'], item['master'], item['name']) for item in links if item.get('master')}
        kept = [item for item in links if _stands(item, there, ports)]
        if len(kept) == len(links):
            break
        links = kept
    document = {**document, 'links': links}
    for section, items in document.items():
        if section in ('netns', 'links'):
            continue
        document[section] = [item for item in items if all((item['netns'], name) in there for name in names_in(item))
                             and (section != 'fdb' or there.get((item['netns'], item.get('dev'))) not in ('dummy',) or item.get('master'))]
        if section == 'rules' and len(document[section]) < len(items):  # all or none: without a priority their order gives them one
            document[section] = []
    return {section: items for section, items in document.items() if items}


def names_in(item: dict) -> list:
    """The links that an entry names."""
    return [item[name] for name in ('dev', 'via', 'iif', 'oif', 'port') if isinstance(item.get(name), str) and not re.match(r'[0-9a-f]*[.:]|\d', item[name])
            ] + [hop['dev'] for hop in item.get('nexthops', []) if 'dev' in hop]


def _stands(item: dict, there: dict, ports: set) -> bool:
    place = item['netns']
    if (place, item['name']) not in there:
        return False
    if item.get('link') and (item.get('link_netns', place), item['link']) not in there:
        return False
    own = item.get(item.get('kind', ''), {})
    for name in ('dev', 'link'):
        if isinstance(own.get(name), str) and (place, own[name]) not in there:
            return False
    for name in ('primary', 'active_slave'):  # the kernel keeps the name of any link, but shows a port alone
        if isinstance(own.get(name), str) and (place, item['name'], own[name]) not in ports:
            return False
    master = item.get('master')
    if master:
        kind = there.get((place, master))
        if kind not in KINDS or not any(kind == other for other in ('bridge', 'bond', 'vrf', 'team')):
            return False
        wrong = [option for option in PORTS if option in item and PORTS[option].name != kind]
        if wrong:
            return False
        if item.get('bridge_port', {}).get('backup_port') and (place, item['bridge_port']['backup_port']) not in there:
            return False
    return True
