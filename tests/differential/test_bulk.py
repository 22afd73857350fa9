# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred items in one task, in any order; and what happens to all of them when the kernel refuses one."""

from __future__ import annotations

import os
import random
import secrets
import shutil
from pathlib import Path
from unittest import mock

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import apply
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NetlinkSocket
from module import ModuleFailed, round_trip, run_here

COUNT = 200


def mixed(items: list, seed: int = 1) -> list:
    """The items in an order that no plan can profit from."""
    items = list(items)
    random.Random(seed).shuffle(items)
    return items


def tower() -> list:
    """200 links: bridges, dummies in them, VLANs on bonds, macvlans on VLANs."""
    items = []
    for place in range(40):
        bridge, bond = f'br{place}', f'bo{place}'
        items += [{'name': bridge, 'kind': 'bridge'}, {'name': bond, 'kind': 'bond', 'bond': {'mode': 'active-backup', 'miimon': 100}},
                  {'name': f'du{place}', 'kind': 'dummy', 'master': bond}, {'name': f'v{place}', 'kind': 'vlan', 'link': bond, 'vlan': {'id': place + 2}},
                  {'name': f'mv{place}', 'kind': 'macvlan', 'link': f'v{place}', 'macvlan': {'mode': 'bridge'}, 'master': bridge}]
    assert len(items) == COUNT
    return items


def tower_lines() -> list[str]:
    lines = []
    for place in range(40):
        lines += [f'ip link add name br{place} type bridge', f'ip link set dev br{place} up',
                  f'ip link add name bo{place} type bond mode active-backup miimon 100',
                  f'ip link set dev bo{place} up', f'ip link add name du{place} type dummy', f'ip link set dev du{place} master bo{place}',
                  f'ip link set dev du{place} up', f'ip link add link bo{place} name v{place} type vlan id {place + 2}', f'ip link set dev v{place} up',
                  f'ip link add link v{place} name mv{place} type macvlan mode bridge', f'ip link set dev mv{place} master br{place}',
                  f'ip link set dev mv{place} up']
    return lines


def without_macs(space) -> dict:
    """Names, kinds, masters, parents and flags of all links."""
    found = {}
    for link in space.normal('ip link')['ip link']:
        info = link.get('linkinfo', {})
        found[link['ifname']] = (info.get('info_kind'), link.get('master'), link.get('link'), tuple(link['flags']), link['mtu'],
                                 info.get('info_data', {}).get('id'), info.get('info_data', {}).get('mode'))
    return found


def test_links(spaces):
    theirs, ours = spaces('theirs', 'ours')
    theirs.batch(tower_lines())
    planned = ours.module('vnet_link', config=mixed(tower()), check=True)
    made = ours.module('vnet_link', config=mixed(tower()))
    assert made == planned and len(made['operations']) == COUNT
    assert without_macs(ours) == without_macs(theirs)
    assert ours.module('vnet_link', config=mixed(tower(), 2))['operations'] == []
    round_trip(ours.name)
    ours.module('vnet_link', config=[{'name': item['name'], 'state': 'absent'} for item in mixed(tower(), 3)])
    assert set(ours.links()) == {'lo'}


def test_pairs_across_namespaces_that_the_task_makes(kernel):
    """Namespaces and the cables between them in one document; both ends are named as in other namespaces, with indexes that meet."""
    mark = secrets.token_hex(3)
    names = [f'{mark}-{place}' for place in range(20)]
    links = []
    for place, name in enumerate(names):
        other = names[(place + 1) % len(names)]
        links += [{'netns': name, 'name': f'up{cable}', 'kind': 'veth', 'mtu': 1400 + cable, 'peer': {'name': f'down{cable}', 'netns': other, 'mtu': 1400}}
                  for cable in range(5)]
        links += [{'netns': other, 'name': f'down{cable}', 'alias': f'from {name}'} for cable in range(5)]
    document = {'netns': [{'name': name} for name in mixed(names)], 'links': mixed(links)}
    try:
        planned = run_here('vnet_state', document, check=True)
        assert not any(os.path.exists(f'/run/netns/{name}') for name in names)
        assert run_here('vnet_state', document) == planned
        assert run_here('vnet_state', document)['operations'] == []
        state = round_trip(*names)
        assert len([link for link in state['links'] if link.get('mtu') == 1404]) == 20
        assert len([link for link in state['links'] if link.get('alias', '').startswith('from ')]) == 100
    finally:
        gone = run_here('vnet_netns', {'purge': True, 'purge_match': [f'{mark}-*']})
    assert len(gone['operations']) == 20 and not any(os.path.exists(f'/run/netns/{name}') for name in names)
    assert run_here('vnet_netns', {'purge': True, 'purge_match': [f'{mark}-*']})['operations'] == []


def test_namespaces(kernel):
    mark = secrets.token_hex(3)
    config = mixed([{'name': f'{mark}-{place}', 'lo_up': place % 2 == 0} for place in range(COUNT)])
    made = run_here('vnet_netns', {'config': config})
    assert len([operation for operation in made['operations'] if operation['resource'] == 'netns']) == COUNT
    assert sorted(name for name in os.listdir('/run/netns') if name.startswith(mark)) == sorted(item['name'] for item in config)
    assert run_here('vnet_netns', {'config': mixed(config, 2)})['operations'] == []
    run_here('vnet_netns', {'config': [{'name': item['name'], 'state': 'absent'} for item in mixed(config, 3)]})
    assert not [name for name in os.listdir('/run/netns') if name.startswith(mark)]


def test_vlans(spaces):
    theirs, ours = spaces('theirs', 'ours')
    for space in (theirs, ours):
        space.batch(['ip link add name b0 type bridge vlan_filtering 1', *[line for place in range(COUNT) for line in (
            f'ip link add name p{place} type dummy', f'ip link set dev p{place} master b0')]])
    config = mixed([{'dev': f'p{place}', 'vlans': [{'vid': place + 2, 'pvid': True, 'untagged': True}, {'vid': f'{place + 300}-{place + 309}'}]}
                    for place in range(COUNT)])
    theirs.batch([line for place in range(COUNT) for line in (
        f'bridge vlan del dev p{place} vid 1', f'bridge vlan add dev p{place} vid {place + 2} pvid untagged',
        f'bridge vlan add dev p{place} vid {place + 300}-{place + 309}')])
    planned = ours.module('vnet_bridge_vlan', config=config, purge=True, check=True)
    made = ours.module('vnet_bridge_vlan', config=config, purge=True)
    assert made == planned and len(made['operations']) == 3 * COUNT
    ours.like(theirs, 'bridge vlan')
    assert ours.module('vnet_bridge_vlan', config=mixed(config, 2), purge=True)['operations'] == []


def test_fdb(spaces):
    theirs, ours = spaces('theirs', 'ours')
    for space in (theirs, ours):
        space.batch(['ip link add name vx address 02:00:00:00:00:01 type vxlan id 7 dstport 4789 nolearning'])
    macs = [f'02:00:00:00:{place >> 8:02x}:{place & 255:02x}' for place in range(1500)]
    config = mixed([{'mac': macs[place + 16], 'dst': f'192.0.2.{place + 1}'} for place in range(COUNT)])
    theirs.batch([f"bridge fdb add {item['mac']} dev vx dst {item['dst']} self permanent" for item in config])
    made = ours.module('vnet_fdb', dev='vx', config=config)
    assert len(made['operations']) == COUNT
    ours.like(theirs, 'bridge fdb')
    assert ours.module('vnet_fdb', dev='vx', config=mixed(config, 2))['operations'] == []
    # far more than the hash table of the device holds before it has to grow: none may be lost
    many = [{'mac': mac, 'dst': '192.0.2.1'} for mac in macs[16:]]
    ours.module('vnet_fdb', dev='vx', config=mixed(many), purge=True)
    found = {entry['mac'] for entry in ours.json('bridge fdb show dev vx')[0]}
    assert found >= {item['mac'] for item in many}


# ---- all or nothing


def refused_at(place: int) -> list:
    """200 links of which one, in the end, asks for what only the kernel can know to be impossible."""
    items = tower()
    return [*items[:place], {'name': 'wrong', 'kind': 'vlan', 'link': 'parent', 'vlan': {'id': 7}}, *items[place:-1]]


def test_refused_item_leaves_nothing(spaces):
    """Item 150 makes a VLAN whose id the parent has already."""
    ours = spaces('ours')
    ours.batch(['ip link add name parent type dummy', 'ip link add link parent name taken type vlan id 7', 'ip link set dev parent up',
                'ip addr add 192.0.2.1/24 dev parent', 'ip route add 198.51.100.0/24 via 192.0.2.254'])
    before = ours.normal('ip link', 'ip addr', 'ip route show table all')
    result = ours.refused('vnet_link', config=refused_at(150))
    assert before == ours.normal('ip link', 'ip addr', 'ip route show table all')
    assert 'config[150] (wrong)' in result['msg'] and 'VLAN device already exists' in result['msg'] and 'EEXIST' in result['msg']
    assert result['failed_operation']['name'] == 'wrong' and result['errno'] == 17 and result['rolled_back'] is True
    # and the next run is not hindered
    items = [item for item in refused_at(150) if item['name'] != 'wrong']
    assert len(ours.module('vnet_link', config=items)['operations']) == COUNT - 1


def test_parent_that_goes_between_plan_and_apply(spaces):
    ours = spaces('ours')
    ours.ip('link add name parent type dummy')
    before = ours.links().keys() - {'parent'}
    run = apply.Applier.run

    def late(self, *operations):
        if 'parent' in ours.links():
            ours.ip('link del parent')
        return run(self, *operations)

    with mock.patch.object(apply.Applier, 'run', late):
        result = ours.refused('vnet_link', config=refused_at(150))
    assert ours.links().keys() == before
    assert 'config[150] (wrong)' in result['msg'] and 'link does not exist (ENODEV)' in result['msg']
    assert result['errno'] == 19 and result['rolled_back'] is True and result['failed_operation']['name'] == 'wrong'


def test_parent_that_does_not_exist(spaces):
    ours = spaces('ours')
    result = ours.refused('vnet_link', config=refused_at(150))
    assert ours.links().keys() == {'lo'}
    assert result['msg'].startswith("config[150] (wrong): link 'parent' does not exist in network namespace")
    assert result['errno'] == 19 and result['rolled_back'] is False


LIVE = [
    'ip link add name b0 address 02:00:00:00:00:01 type bridge vlan_filtering 1 forward_delay 700', 'ip link set dev b0 up',
    'ip link add name p0 address 02:00:00:00:00:02 type dummy', 'ip link set dev p0 master b0', 'ip link set dev p0 type bridge_slave isolated on cost 77',
    'ip link add name p1 address 02:00:00:00:00:03 type dummy', 'ip link set dev p1 master b0', 'ip link set dev p0 up', 'ip link set dev p1 up',
    'ip link add name lower address 02:00:00:00:00:04 type dummy', 'ip link set dev lower up', 'ip addr add 203.0.113.1/24 dev lower',
    'ip link add name vx address 02:00:00:00:00:05 type vxlan id 7 dstport 4789 local 203.0.113.1 dev lower nolearning', 'ip link set dev vx master b0',
    'ip link set dev vx type bridge_slave learning off neigh_suppress on', 'ip link set dev vx mtu 1400 alias tunnel', 'ip link set dev vx up',
    'ip addr add 192.0.2.1/24 dev b0', 'ip addr add 2001:db8::1/64 dev b0 nodad', 'ip route add 198.51.100.0/24 via 192.0.2.254 proto 118',
    'ip route add 10.0.0.0/8 via 192.0.2.254 proto static metric 7', 'ip -6 route add 2001:db8:9::/48 via 2001:db8::9 proto 118',
    'ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev b0', 'ip addr add 172.16.0.1/24 dev vx', 'ip neigh add 172.16.0.9 lladdr 02:00:00:00:00:0a dev vx',
    'ip route add 172.17.0.0/16 via 172.16.0.254 proto 118', 'ip link add link b0 name v9 address 02:00:00:00:00:06 type vlan id 9', 'ip link set dev v9 up',
    'ip addr add 172.18.0.1/24 dev v9',
]
LIVE_BRIDGE = [
    'bridge vlan add dev p0 vid 10-19', 'bridge vlan add dev p1 vid 20 pvid untagged', 'bridge vlan add dev vx vid 10-20', 'bridge vlan add dev b0 vid 9 self',
    'bridge vlan del dev vx vid 1', 'bridge fdb append 00:00:00:00:00:00 dev vx dst 203.0.113.2 self permanent',
    'bridge fdb append 00:00:00:00:00:00 dev vx dst 203.0.113.3 self permanent', 'bridge fdb add 02:00:00:00:00:0b dev vx dst 203.0.113.2 self permanent',
    'bridge fdb add 02:00:00:00:00:0c dev p0 vlan 10 master static',
]
ALL = ('ip link', 'ip addr', 'ip route show table all', 'ip neigh', 'bridge link', 'bridge vlan', 'bridge fdb')


def settled(data: dict) -> dict:
    """Without what passes: the state of new ports, dynamic entries, and the order that ports came in."""
    def keep(value):
        if isinstance(value, dict):
            return {key: keep(one) for key, one in value.items() if key not in ('state', 'designated_port', 'no')}
        return [keep(one) for one in value] if isinstance(value, list) else value

    data = keep(data)
    for link in data['ip link'] + data['ip addr']:
        link.get('linkinfo', {}).get('info_slave_data', {}).pop('id', None)
    return data


@pytest.fixture
def live(spaces):
    ours = spaces('ours')
    ours.replay([line.replace('ip ', f'ip -n {ours.name} ', 1) for line in LIVE])
    ours.batch(LIVE_BRIDGE)
    return ours


#: what is removed or made anew, before the item that the kernel refuses
DISRUPTIONS = {
    'links removed': {'links': [{'name': 'b0', 'state': 'absent'}, {'name': 'vx', 'state': 'absent'}, {'name': 'p0', 'state': 'absent'}]},
    'lower link removed': {'links': [{'name': 'lower', 'state': 'absent'}]},
    'vxlan made anew': {'links': [{'name': 'vx', 'kind': 'vxlan', 'vxlan': {'id': 8}, 'recreate': True}]},
    'settings changed': {'links': [{'name': 'b0', 'mtu': 1300, 'up': False}, {'name': 'p0', 'master': '', 'alias': 'x'}],
                         'bridge_vlans': [{'dev': 'p1', 'vlans': [{'vid': 30}], 'purge': True}], 'addresses': [{'dev': 'vx', 'purge': True}]},
}


@pytest.mark.parametrize('name', DISRUPTIONS)
def test_undo(live, name):
    """Whatever went before the refused operation comes back with all that hung on it."""
    before = settled(live.normal(*ALL))
    document = {section: [dict(item, netns=live.name) for item in items] for section, items in DISRUPTIONS[name].items()}
    # refused by the kernel alone, after everything else: there is no route to this gateway
    document['routes'] = [{'netns': live.name, 'dst': '10.99.0.0/16', 'via': '10.98.0.1'}]
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', document)
    result = caught.value.result
    assert result.get('rolled_back') is True, result['msg']
    assert result['failed_operation']['name'] == '10.99.0.0/16' and 'Nexthop has invalid gateway' in result['msg']
    live.unchanged(before, settled(live.normal(*ALL)))


def test_recreated_vxlan_gets_everything_back(live):
    before = settled(live.normal(*ALL))
    refused = live.refused('vnet_link', name='vx', kind='vxlan', vxlan={'id': 8})
    assert '(vx): vxlan.id is 7 and cannot become 8 on a live link; set recreate: true' in refused['msg']
    live.unchanged(before, settled(live.normal(*ALL)))

    planned = live.module('vnet_link', name='vx', kind='vxlan', vxlan={'id': 8}, recreate=True, check=True)
    live.unchanged(before, settled(live.normal(*ALL)))
    made = live.module('vnet_link', name='vx', kind='vxlan', vxlan={'id': 8}, recreate=True)
    assert made == planned
    (delete,) = [operation for operation in made['operations'] if (operation['action'], operation['resource']) == ('delete', 'links')]
    assert delete['disruption'] == 'recreate' and set(delete['flushes']) >= {'addresses', 'routes', 'fdb', 'bridge_vlans', 'neighs'}
    after = settled(live.normal(*ALL))
    for link in before['ip link'] + before['ip addr']:
        if link['ifname'] == 'vx':
            assert link['linkinfo']['info_data'].pop('id') == 7
    for link in after['ip link'] + after['ip addr']:
        if link['ifname'] == 'vx':
            assert link['linkinfo']['info_data'].pop('id') == 8
    live.unchanged(before, after)


def test_recreated_bridge_gets_its_ports_back(live):
    live.ip('link del v9')  # nothing may sit on a link that is made anew
    before = settled(live.normal(*ALL))
    live.module('vnet_link', name='b0', kind='bridge', num_tx_queues=2, recreate=True)
    after = settled(live.normal(*ALL))
    for data, queues in ((before, 1), (after, 2)):
        for link in data['ip link'] + data['ip addr']:
            if link['ifname'] == 'b0':
                assert link.pop('num_tx_queues') == queues
                link.pop('qdisc')
    live.unchanged(before, after)


def test_undo_of_removed_namespaces(kernel):
    mark = secrets.token_hex(3)
    run_here('vnet_state', {'netns': [{'name': f'{mark}-a'}, {'name': f'{mark}-b'}],
                            'links': [{'netns': f'{mark}-a', 'name': 've', 'kind': 'veth', 'peer': {'name': 've', 'netns': f'{mark}-b'}}],
                            'addresses': [{'netns': f'{mark}-a', 'dev': 've', 'address': '192.0.2.1/24'}]})
    inodes = {name: os.stat(f'/run/netns/{mark}-{name}').st_ino for name in 'ab'}
    (Path('/run/netns') / f'{mark}-z').mkdir()  # no namespace, and no file: its removal is refused
    try:
        with pytest.raises(ModuleFailed) as caught:
            run_here('vnet_netns', {'config': [{'name': f'{mark}-{name}', 'state': 'absent'} for name in 'abz']})
        assert caught.value.result['rolled_back'] is True and f'{mark}-z' in caught.value.result['msg']
        assert {name: os.stat(f'/run/netns/{mark}-{name}').st_ino for name in 'ab'} == inodes
        state = round_trip(f'{mark}-a', f'{mark}-b')
        assert [address['address'] for address in state['addresses']] == ['192.0.2.1/24']
    finally:
        shutil.rmtree(f'/run/netns/{mark}-z')
        run_here('vnet_netns', {'purge': True, 'purge_match': [f'{mark}-*']})


def test_interrupted_dumps(spaces):
    """Dumps that others' changes interrupt, or that overrun the buffer, are made again."""
    ours = spaces('ours')
    ours.module('vnet_link', config=tower())
    once, calls = NetlinkSocket._dump_once, []

    def interrupted(self, *arguments):
        calls.append(arguments)
        found, bad = once(self, *arguments)
        return (found[:3], True) if len(calls) % 3 else (found, bad)

    with mock.patch.object(NetlinkSocket, '_dump_once', interrupted):
        assert ours.module('vnet_link', config=mixed(tower()))['operations'] == []
    assert len(calls) == 3
    with mock.patch.object(NetlinkSocket, '_dump_once', lambda *arguments: ([], True)), mock.patch('time.sleep'):
        assert 'interrupted' in ours.refused('vnet_link', config=tower())['msg']


def names_of(space) -> set:
    return set(space.links()) - {'lo', 'sit0', 'ip6tnl0', 'tunl0', 'gre0', 'gretap0', 'erspan0', 'ip_vti0', 'ip6_vti0', 'ip6gre0'}


def test_many_links_that_go_leave_alone_what_is_not_theirs(pair):
    """They go by way of a group of their own; others, in whatever group, are not of it."""
    names = [f'm{number}' for number in range(20)]
    pair.ours.batch([f'ip link add name {name} type dummy' for name in [*names, 'kept']] + ['ip link set dev kept group 7', 'ip link set dev m3 group 7'])
    result = pair.ours.module('vnet_link', config=[{'name': name, 'state': 'absent'} for name in names])
    assert result['changed'] and len(result['operations']) == 20
    assert names_of(pair.ours) == {'kept'} and pair.ours.link('kept')['group'] == '7'


def test_many_links_that_cannot_go_at_once_go_one_by_one(pair, monkeypatch):
    """The loopback is in the very group: the kernel removes none of it then."""
    names = [f'm{number}' for number in range(8)]
    pair.ours.batch([f'ip link add name {name} type dummy' for name in names] + ['ip link set dev lo group 1', 'ip link set dev m2 group 9'])
    monkeypatch.setattr(os, 'urandom', bytes)
    result = pair.ours.module('vnet_link', config=[{'name': name, 'state': 'absent'} for name in names])
    assert len(result['operations']) == 8 and names_of(pair.ours) == set()


def test_many_links_that_were_made_are_taken_back(pair):
    items = [{'name': f'm{number}', 'kind': 'veth', 'veth': {'peer': {'name': f'w{number}'}}} for number in range(20)]
    refused = [{'name': f'x{number}', 'kind': 'vxlan', 'vxlan': {'id': 5}} for number in (1, 2)]
    assert pair.ours.refused('vnet_link', config=items + refused)['rolled_back']
    assert names_of(pair.ours) == set()


def test_one_link_of_many(spaces):
    """On a crowded machine a task that has nothing to do with a link asks for that one, and for those that it leads to."""
    ours, asked = spaces('ours'), []
    ours.batch([*(f'ip link add d{place} type dummy' for place in range(30)), 'ip link add v0 type veth peer name v1', 'ip link add br0 type bridge',
                'ip link set dev v0 up master br0', 'ip link set dev v1 up', 'ip link add link v1 name v1.7 type vlan id 7'])
    dump = NetlinkSocket.dump

    def watched(self, kind, *arguments):
        asked.append(kind)
        return dump(self, kind, *arguments)

    wanted = ({'name': 'd3', 'up': False}, {'name': 'v0', 'kind': 'veth', 'peer': {'name': 'v1'}, 'master': 'br0'},
              {'name': 'v1.7', 'kind': 'vlan', 'link': 'v1', 'vlan': {'id': 7}, 'up': False}, {'name': 'none', 'state': 'absent'})
    with mock.patch.object(NetlinkSocket, 'dump', watched):
        for options in wanted:
            assert not ours.module('vnet_link', **options)['changed']
        assert asked == []
        assert ours.module('vnet_link', name='v1', mtu=1400)['changed'] and asked  # what sits on it may have to come along
