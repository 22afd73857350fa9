# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of what hangs on links (addresses, routes, neighbours, FDB entries, VLANs) against iproute2: made, unchanged, changed, removed.

ITEMS has one item or more for each option of a module's table, and the iproute2 line that does the same.
"""

from __future__ import annotations

import json

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.bridge_vlan import VLAN
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from module import round_trip, run_here

LINKS = [
    'ip link add name d0 address 02:00:00:00:00:01 type dummy', 'ip link add name d1 address 02:00:00:00:00:02 type dummy',
    'ip link add name b0 address 02:00:00:00:00:03 type bridge vlan_filtering 1 vlan_default_pvid 0',
    'ip link add name p address 02:00:00:00:00:04 type dummy', 'ip link add name vx address 02:00:00:00:00:05 type vxlan id 7 dstport 4789 dev d1',
    'ip link add name ve address 02:00:00:00:00:06 type vxlan external vnifilter dstport 5000 dev d1',
    'ip link add name v6 address 02:00:00:00:00:07 type vxlan id 8 dstport 4790 local 2001:db8::1',
    'ip link set dev p master b0', 'ip link set dev ve master b0', 'ip link set dev ve type bridge_slave vlan_tunnel on',
    'ip link set dev d0 up', 'ip link set dev d1 up', 'ip link set dev b0 up', 'ip link set dev p up', 'ip link set dev vx up',
    'ip addr add 192.0.2.1/24 dev d0', 'ip addr add 192.0.2.2/24 dev d0', 'ip addr add 2001:db8::1/64 dev d0 nodad',
    'ip nexthop add id 7 via 192.0.2.7 dev d0', 'ip nexthop add id 8 via 192.0.2.8 fdb', 'ip nexthop add id 9 group 8 fdb',
]
M = '02:00:00:00:01:{:02x}'.format

#: module: [(options that this is the case of, item, iproute2 line)]
ITEMS = {
    'vnet_address': [
        ('dev address', {'dev': 'd1', 'address': '198.51.100.1/24'}, 'ip addr add 198.51.100.1/24 dev d1'),
        ('peer', {'dev': 'd1', 'address': '198.51.100.2/32', 'peer': '203.0.113.2'}, 'ip addr add 198.51.100.2 peer 203.0.113.2/32 dev d1'),
        ('broadcast', {'dev': 'd1', 'address': '10.1.0.1/24', 'broadcast': '10.1.0.255'}, 'ip addr add 10.1.0.1/24 broadcast 10.1.0.255 dev d1'),
        ('scope', {'dev': 'd1', 'address': '10.2.0.1/24', 'scope': 'link'}, 'ip addr add 10.2.0.1/24 scope link dev d1'),
        ('label', {'dev': 'd1', 'address': '10.3.0.1/24', 'label': 'd1:x'}, 'ip addr add 10.3.0.1/24 label d1:x dev d1'),
        ('metric', {'dev': 'd1', 'address': '10.4.0.1/24', 'metric': 77}, 'ip addr add 10.4.0.1/24 metric 77 dev d1'),
        ('valid_lft preferred_lft', {'dev': 'd1', 'address': '10.5.0.1/24', 'valid_lft': 7777, 'preferred_lft': 777},
         'ip addr add 10.5.0.1/24 valid_lft 7777 preferred_lft 777 dev d1'),
        ('nodad', {'dev': 'd1', 'address': '2001:db8:1::1/64', 'nodad': True}, 'ip addr add 2001:db8:1::1/64 nodad dev d1'),
        ('noprefixroute', {'dev': 'd1', 'address': '10.6.0.1/24', 'noprefixroute': True}, 'ip addr add 10.6.0.1/24 noprefixroute dev d1'),
        ('home', {'dev': 'd1', 'address': '2001:db8:2::1/64', 'home': True, 'nodad': True}, 'ip addr add 2001:db8:2::1/64 home nodad dev d1'),
        ('mngtmpaddr', {'dev': 'd1', 'address': '2001:db8:3::1/64', 'mngtmpaddr': True, 'nodad': True},
         'ip addr add 2001:db8:3::1/64 mngtmpaddr nodad dev d1'),
    ],
    'vnet_route': [
        ('dst dev', {'dst': '198.51.100.0/24', 'dev': 'd0'}, 'ip route add 198.51.100.0/24 dev d0 proto 118'),
        ('via', {'dst': 'default', 'via': '192.0.2.254'}, 'ip route add default via 192.0.2.254 proto 118'),
        ('via', {'dst': '2001:db8:9::/48', 'via': '2001:db8::9'}, 'ip route add 2001:db8:9::/48 via 2001:db8::9 proto 118'),
        ('family', {'dst': 'default', 'family': 'inet6', 'dev': 'd0'}, 'ip route add default dev d0 proto 118 family inet6'),
        ('table', {'dst': '10.1.0.0/16', 'dev': 'd0', 'table': 777}, 'ip route add 10.1.0.0/16 dev d0 table 777 proto 118'),
        ('metric', {'dst': '10.2.0.0/16', 'dev': 'd0', 'metric': 77}, 'ip route add 10.2.0.0/16 dev d0 metric 77 proto 118'),
        ('metric', {'dst': '10.2.0.0/16', 'dev': 'd1', 'metric': 78}, 'ip route add 10.2.0.0/16 dev d1 metric 78 proto 118'),
        ('type', {'dst': '10.3.0.0/16', 'type': 'blackhole'}, 'ip route add blackhole 10.3.0.0/16 proto 118'),
        ('type', {'dst': '2001:db8:8::/48', 'type': 'unreachable'}, 'ip route add unreachable 2001:db8:8::/48 proto 118'),
        ('src', {'dst': '10.4.0.0/16', 'dev': 'd0', 'src': '192.0.2.2'}, 'ip route add 10.4.0.0/16 dev d0 src 192.0.2.2 proto 118'),
        ('scope', {'dst': '10.5.0.0/16', 'dev': 'd0', 'scope': 'global'}, 'ip route add 10.5.0.0/16 dev d0 scope global proto 118'),
        ('mtu', {'dst': '10.6.0.0/16', 'via': '192.0.2.254', 'mtu': 1400}, 'ip route add 10.6.0.0/16 via 192.0.2.254 mtu 1400 proto 118'),
        ('onlink', {'dst': '10.7.0.0/16', 'via': '203.0.113.9', 'dev': 'd1', 'onlink': True},
         'ip route add 10.7.0.0/16 via 203.0.113.9 dev d1 onlink proto 118'),
        ('nhid', {'dst': '10.8.0.0/16', 'nhid': 7}, 'ip route add 10.8.0.0/16 nhid 7 proto 118'),
        ('nexthops', {'dst': '10.9.0.0/16', 'nexthops': [{'via': '192.0.2.8', 'weight': 2}, {'via': '203.0.113.9', 'dev': 'd1', 'onlink': True}]},
         'ip route add 10.9.0.0/16 proto 118 nexthop via 192.0.2.8 weight 2 nexthop via 203.0.113.9 dev d1 onlink'),
        ('protocol', {'dst': '10.10.0.0/16', 'dev': 'd0', 'protocol': 'static'}, 'ip route add 10.10.0.0/16 dev d0 proto static'),
    ],
    'vnet_neigh': [
        ('dev dst lladdr', {'dev': 'd0', 'dst': '192.0.2.3', 'lladdr': M(3)}, f'ip neigh add 192.0.2.3 lladdr {M(3)} dev d0'),
        ('dst', {'dev': 'd0', 'dst': '2001:db8::3', 'lladdr': M(3)}, f'ip neigh add 2001:db8::3 lladdr {M(3)} dev d0'),
        ('nud', {'dev': 'd0', 'dst': '192.0.2.4', 'lladdr': M(4), 'nud': 'noarp'}, f'ip neigh add 192.0.2.4 lladdr {M(4)} nud noarp dev d0'),
        ('proxy', {'dev': 'd0', 'dst': '192.0.2.5', 'proxy': True}, 'ip neigh add proxy 192.0.2.5 dev d0'),
        ('router', {'dev': 'd0', 'dst': '2001:db8::6', 'lladdr': M(6), 'router': True}, f'ip neigh add 2001:db8::6 lladdr {M(6)} router dev d0'),
        ('extern_learn', {'dev': 'd0', 'dst': '192.0.2.7', 'lladdr': M(7), 'nud': 'reachable', 'extern_learn': True},
         f'ip neigh add 192.0.2.7 lladdr {M(7)} nud reachable extern_learn dev d0'),
    ],
    'vnet_fdb': [
        ('dev mac dst', {'dev': 'vx', 'mac': M(1), 'dst': '192.0.2.11'}, f'bridge fdb add {M(1)} dev vx dst 192.0.2.11 self permanent'),
        ('vni', {'dev': 'vx', 'mac': M(2), 'dst': '192.0.2.11', 'vni': 777}, f'bridge fdb add {M(2)} dev vx dst 192.0.2.11 vni 777 self permanent'),
        ('src_vni', {'dev': 've', 'mac': M(3), 'dst': '192.0.2.11', 'src_vni': 77}, f'bridge fdb add {M(3)} dev ve dst 192.0.2.11 src_vni 77 self permanent'),
        ('port', {'dev': 'vx', 'mac': M(4), 'dst': '192.0.2.11', 'port': 7777}, f'bridge fdb add {M(4)} dev vx dst 192.0.2.11 port 7777 self permanent'),
        ('via', {'dev': 'vx', 'mac': M(5), 'dst': '192.0.2.11', 'via': 'd0'}, f'bridge fdb add {M(5)} dev vx dst 192.0.2.11 via d0 self permanent'),
        ('vlan master', {'dev': 'p', 'mac': M(6), 'vlan': 7, 'master': True}, f'bridge fdb add {M(6)} dev p vlan 7 master permanent'),
        ('nhid', {'dev': 'vx', 'mac': M(7), 'nhid': 9}, f'bridge fdb add {M(7)} dev vx nhid 9 self permanent'),
        ('self', {'dev': 'v6', 'mac': M(8), 'dst': '2001:db8::11', 'self': True}, f'bridge fdb add {M(8)} dev v6 dst 2001:db8::11 self permanent'),
        ('self', {'dev': 'b0', 'mac': M(15), 'self': True}, f'bridge fdb add {M(15)} dev b0 self permanent'),
        ('entry_state', {'dev': 'p', 'mac': M(9), 'master': True, 'entry_state': 'static'}, f'bridge fdb add {M(9)} dev p master static'),
        ('entry_state', {'dev': 'p', 'mac': M(10), 'master': True, 'entry_state': 'dynamic'}, f'bridge fdb add {M(10)} dev p master dynamic'),
        ('router', {'dev': 'vx', 'mac': M(11), 'dst': '192.0.2.11', 'router': True}, f'bridge fdb add {M(11)} dev vx dst 192.0.2.11 self permanent router'),
        ('sticky', {'dev': 'p', 'mac': M(12), 'master': True, 'entry_state': 'static', 'sticky': True}, f'bridge fdb add {M(12)} dev p master static sticky'),
        ('extern_learn', {'dev': 'p', 'mac': M(13), 'master': True, 'entry_state': 'static', 'extern_learn': True},
         f'bridge fdb add {M(13)} dev p master static extern_learn'),
        ('onlink', {'dev': 'vx', 'mac': M(14), 'dst': '192.0.2.11', 'onlink': True}, f'bridge fdb add {M(14)} dev vx dst 192.0.2.11 self permanent'),
        ('remotes', {'dev': 'vx', 'remotes': ['192.0.2.11', '192.0.2.12']}, 'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.11 self permanent\n'
         'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.12 self permanent'),
    ],
    'vnet_bridge_vlan': [
        ('dev vlans vid', {'dev': 'b0', 'vlans': [{'vid': 7}, {'vid': '10-19'}]}, 'bridge vlan add dev b0 vid 7 self\nbridge vlan add dev b0 vid 10-19 self'),
        ('pvid untagged state', {'dev': 'p', 'vlans': [{'vid': 7, 'pvid': True, 'untagged': True}, {'vid': '20-29', 'untagged': True},
                                                       {'vid': '30-39', 'state': 'blocking'}]},
         'bridge vlan add dev p vid 7 pvid untagged\nbridge vlan add dev p vid 20-29 untagged\nbridge vlan add dev p vid 30-39\n'
         'bridge vlan set dev p vid 30-39 state 4'),
        ('tunnel_id', {'dev': 've', 'vlans': [{'vid': 7, 'tunnel_id': 7000}, {'vid': '10-19', 'tunnel_id': '5010-5019'}]},
         'bridge vlan add dev ve vid 7\nbridge vlan add dev ve vid 10-19\nbridge vlan add dev ve vid 7 tunnel_info id 7000\n'
         'bridge vlan add dev ve vid 10-19 tunnel_info id 5010-5019'),
    ],
}

#: module: [(item that changes a live entry, iproute2 lines that do the same, whether it stays the same entry)]
CHANGES = {
    'vnet_address': [
        ({'dev': 'd1', 'address': '10.4.0.1/24', 'metric': 99}, 'ip addr change 10.4.0.1/24 metric 99 dev d1', True),
        ({'dev': 'd1', 'address': '10.5.0.1/24', 'valid_lft': 'forever', 'preferred_lft': 'forever'}, 'ip addr change 10.5.0.1/24 dev d1', True),
        ({'dev': 'd1', 'address': '10.1.0.1/24', 'broadcast': '10.1.0.254'},
         'ip addr del 10.1.0.1/24 dev d1\nip addr add 10.1.0.1/24 broadcast 10.1.0.254 dev d1', False),
    ],
    'vnet_route': [
        ({'dst': 'default', 'via': '192.0.2.253'}, 'ip route replace default via 192.0.2.253 proto 118', True),
        ({'dst': '10.6.0.0/16', 'via': '192.0.2.254', 'mtu': 1300}, 'ip route replace 10.6.0.0/16 via 192.0.2.254 mtu 1300 proto 118', True),
        ({'dst': '10.3.0.0/16', 'type': 'prohibit'}, 'ip route replace prohibit 10.3.0.0/16 proto 118', True),
        ({'dst': '10.8.0.0/16', 'via': '192.0.2.253'}, 'ip route replace 10.8.0.0/16 via 192.0.2.253 proto 118', True),
        ({'dst': '10.7.0.0/16', 'type': 'throw'}, 'ip route replace throw 10.7.0.0/16 proto 118', True),
        ({'dst': '2001:db8:9::/48', 'via': '2001:db8::8'}, 'ip route replace 2001:db8:9::/48 via 2001:db8::8 proto 118', True),
        ({'dst': '10.9.0.0/16', 'nexthops': [{'via': '192.0.2.9', 'dev': 'd0'}]}, 'ip route replace 10.9.0.0/16 proto 118 nexthop via 192.0.2.9 dev d0', True),
    ],
    'vnet_neigh': [
        ({'dev': 'd0', 'dst': '192.0.2.3', 'lladdr': M(33)}, f'ip neigh replace 192.0.2.3 lladdr {M(33)} dev d0', True),
        ({'dev': 'd0', 'dst': '192.0.2.4', 'lladdr': M(4), 'nud': 'permanent'}, f'ip neigh replace 192.0.2.4 lladdr {M(4)} nud permanent dev d0', True),
    ],
    'vnet_fdb': [
        ({'dev': 'p', 'mac': M(9), 'master': True, 'entry_state': 'permanent'}, f'bridge fdb replace {M(9)} dev p master permanent', True),
        ({'dev': 'vx', 'remotes': ['192.0.2.13']}, 'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.13 self permanent', True),
    ],
    'vnet_bridge_vlan': [
        ({'dev': 'p', 'vlans': [{'vid': 7, 'pvid': False, 'untagged': False}, {'vid': 25, 'pvid': True, 'untagged': False},
                                {'vid': '30-34', 'state': 'forwarding'}]},
         'bridge vlan add dev p vid 7\nbridge vlan add dev p vid 25 pvid\nbridge vlan set dev p vid 30-34 state 3', True),
        ({'dev': 've', 'vlans': [{'vid': 7, 'tunnel_id': 7001}]}, 'bridge vlan del dev ve vid 7 tunnel_info id 7000\n'
         'bridge vlan add dev ve vid 7 tunnel_info id 7001', True),
    ],
}
PRINTED = {
    'vnet_address': ['ip addr', 'ip route show table all', 'ip -6 route show table all'],
    'vnet_route': ['ip route show table all', 'ip -6 route show table all'],
    'vnet_neigh': ['ip neigh', 'ip neigh show proxy'], 'vnet_fdb': ['bridge fdb'], 'vnet_bridge_vlan': ['bridge vlan', 'bridge vlan tunnelshow', 'bridge link'],
}
TABLES = {resource.module: resource.table for resource in RESOURCES.values()}


@pytest.mark.parametrize('module', ITEMS)
def test_every_option_has_an_item(module):
    options = {field.name for field in TABLES[module]} | ({field.name for field in VLAN} if module == 'vnet_bridge_vlan' else set())
    assert {option for options, unused, unused2 in ITEMS[module] for option in options.split()} == options


def type_lines(space, text: str):
    """Lines of `ip` and `bridge`, in batches; `family` at the end of one is for ip itself."""
    space.replay([' '.join(words[:1] + ['-n', space.name] + words[1:]) if words[-2] != 'family' else
                  ' '.join(['ip', '-n', space.name, '-6', *words[1:-2]]) for words in map(str.split, text.splitlines())])


def printed(space, module) -> dict:
    """What iproute2 prints of the module's matter; `ip route show` is of one family only."""
    found = space.normal(*[command for command in PRINTED[module] if not command.startswith('ip -6')])
    for command in PRINTED[module]:
        if command.startswith('ip -6'):
            found[command] = json.loads(space.ip(command.replace('ip ', '-details -json ', 1)))
            for route in found[command]:
                route.pop('expires', None)
    return found


@pytest.mark.parametrize('module', ITEMS)
def test_items(spaces, module):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(LINKS)
        if module == 'vnet_fdb':
            space.bridge('vlan add dev p vid 7')
    empty = printed(ours, module)
    items = [item for unused, item, unused2 in ITEMS[module]]
    type_lines(theirs, '\n'.join(line for unused, unused2, line in ITEMS[module]))
    wanted = printed(theirs, module)

    planned = ours.module(module, config=items, check=True, diff=True)
    made = ours.module(module, config=items, diff=True)
    assert made == planned and made['changed'] and made['diff']['before'] == '' and made['diff']['after']
    check(printed(ours, module), wanted, module)
    assert ours.module(module, config=items[::-1])['operations'] == []
    ours.replay(made['commands'], (ours, replayed))
    check(printed(replayed, module), wanted, f'{module}: commands')
    round_trip(ours.name)

    changes = CHANGES[module]
    type_lines(theirs, '\n'.join(lines for unused, lines, unused2 in changes))
    wanted = printed(theirs, module)
    planned = ours.module(module, config=[item for item, unused, unused2 in changes], check=True, diff=True)
    changed = ours.module(module, config=[item for item, unused, unused2 in changes], diff=True)
    assert changed == planned and len(changed['operations']) >= len(changes)
    assert changed['diff']['before'] != changed['diff']['after']
    assert any(operation['disruption'] == 'recreate' for operation in changed['operations']) != all(same for unused, unused2, same in changes)
    check(printed(ours, module), wanted, f'{module}: changes')
    ours.replay(changed['commands'], (ours, replayed))
    check(printed(replayed, module), wanted, f'{module}: commands of changes')

    added = [item for item, unused, unused2 in changes if 'remotes' in item]
    gone = ours.module(module, config=[*items, *added], state='absent')
    assert gone['changed']
    check(printed(ours, module), empty, f'{module}: absent')
    assert ours.module(module, config=items, state='absent')['operations'] == []
    ours.replay(gone['commands'], (ours, replayed))
    check(printed(replayed, module), empty, f'{module}: commands of absent')


def check(found: dict, wanted: dict, what: str):
    for command, data in wanted.items():
        missing = [one for one in data if one not in found[command]]
        extra = [one for one in found[command] if one not in data]
        assert not missing and not extra, f'{what}: {command}\nmissing: {json.dumps(missing, indent=1)}\nextra: {json.dumps(extra, indent=1)}'


def test_sysctl(spaces):
    ours = spaces('ours')
    ours.ip('link add name d.0 type dummy')

    def value(name):
        return run_here('vnet_sysctl', {'netns': ours.name, 'config': [{'name': name, 'value': 'x'}]}, check=True)['operations'][0]['before']['value']

    config = [{'name': 'net.ipv4.ip_forward', 'value': 1}, {'name': 'net/ipv4/conf/d.0/rp_filter', 'value': '2'},
              {'name': 'net.ipv4.ip_local_port_range', 'value': '20000\t30000'}, {'name': 'net.ipv6.conf.all.forwarding', 'value': True}]
    before = [value(item['name']) for item in config]
    planned = ours.module('vnet_sysctl', config=config, check=True)
    assert [value(item['name']) for item in config] == before
    assert ours.module('vnet_sysctl', config=config) == planned
    assert planned['commands'][1] == f'nsenter --net=/run/netns/{ours.name} sysctl -w net/ipv4/conf/d.0/rp_filter=2'
    assert [value(item['name']) for item in config] == ['1', '2', '20000 30000', '1']
    assert ours.module('vnet_sysctl', config=config)['operations'] == []
    ours.module('vnet_sysctl', name='net.ipv4.ip_forward', value='0')
    ours.replay(planned['commands'][:1])
    assert value('net.ipv4.ip_forward') == '1'
