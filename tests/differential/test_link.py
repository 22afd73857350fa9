# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that more than one namespace has to do with, kinds without options, namespaces, purge, vnet_info; and traps that the kernel has set for others."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from module import ModuleFailed, round_trip, run_here

PLAIN_KINDS = [kind for kind in KINDS.values() if not kind.table.fields]
MAC = '02:00:00:00:00:{:02x}'.format


def both_ways(document: dict) -> dict:
    """Checked, done, done again: the result of the doing."""
    planned = run_here('vnet_state', document, check=True)
    done = run_here('vnet_state', document)
    assert done == planned and done['changed']
    assert run_here('vnet_state', document)['operations'] == []
    return done


def wait_for_carriers(links, seconds: float = 5, operstate: str = 'up') -> None:
    """Routes and port states follow a carrier some time after the link is up."""
    deadline = time.monotonic() + seconds
    while any(space.sys(f'class/net/{name}/operstate') != operstate for space, name in links):
        assert time.monotonic() < deadline, 'no carrier'
        time.sleep(0.05)


def test_kinds_without_options(spaces):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    items = [{'name': f'x-{kind.name}', 'kind': kind.name, 'mtu': 1280} for kind in PLAIN_KINDS if not kind.paired]
    assert len(items) >= 4
    theirs.batch([line for item in items for line in (f"ip link add name {item['name']} mtu 1280 type {item['kind']}", f"ip link set dev {item['name']} up")])
    made = ours.module('vnet_link', config=items)
    ours.like(theirs, 'ip link')
    indexes = ours.links()
    assert ours.module('vnet_link', config=items)['operations'] == []
    ours.replay(made['commands'], (ours, replayed))
    replayed.like(theirs, 'ip link')
    round_trip(ours.name)
    theirs.batch([f"ip link set dev {item['name']} down" for item in items])
    changed = ours.module('vnet_link', config=[{**item, 'up': False} for item in items], diff=True)
    assert {operation['disruption'] for operation in changed['operations']} == {'down'} and 'up: false' in changed['diff']['after']
    ours.like(theirs, 'ip link')
    assert ours.links() == indexes
    assert ours.module('vnet_link', config=[{'name': item['name'], 'kind': item['kind'], 'state': 'absent'} for item in items])['changed']
    assert set(ours.links()) == {'lo'}


def test_what_links_are_doing(spaces):
    """As `ip -details link` tells it."""
    ours, away = spaces('ours', 'away')
    ours.batch(['ip link add name br0 type bridge', f'ip link add name v0 type veth peer name v1 netns {away.name}', 'ip link set dev v0 master br0',
                'ip link add name v2 type veth peer name v3', 'ip link set dev v2 master br0 up', 'ip link set dev br0 up', 'ip link set dev v0 up'])

    def told() -> dict:
        return {(one['netns'], one['name']): one for one in run_here('vnet_info', {'netns': [ours.name, away.name], 'gather': ['state']})['links']}

    wait_for_carriers([(ours, 'v0')], operstate='lowerlayerdown')
    assert told()[ours.name, 'v0']['carrier'] is False and told()[ours.name, 'v0']['port_state'] == 'disabled'
    away.batch(['ip link set dev v1 up'])
    wait_for_carriers([(ours, 'v0'), (away, 'v1'), (ours, 'br0')])
    for space in (ours, away):
        for link in space.json('ip link show')[0]:
            one = told()[space.name, link['ifname']]
            assert one['operstate'] == link['operstate'].lower(), link
            assert one.get('port_state') == link.get('linkinfo', {}).get('info_slave_data', {}).get('state'), link
            assert one.get('master') == link.get('master'), link
            if 'UP' in link['flags']:
                assert one['carrier'] is ('NO-CARRIER' not in link['flags']), link
    assert told()[ours.name, 'v0']['carrier'] and not told()[ours.name, 'v2']['carrier']


def test_pair(spaces):
    theirs, there, ours, away, replayed, distant = spaces('theirs', 'there', 'ours', 'away', 'replayed', 'distant')
    theirs.batch([f'ip link add name a address {MAC(1)} mtu 1400 type veth peer name b netns {there.name}', 'ip link set dev a up',
                  f'ip link add name c address {MAC(3)} type veth peer name d', 'ip link set dev c up'])
    there.batch([f'ip link set dev b address {MAC(2)} mtu 1300 up'])
    theirs.batch([f'ip link set dev d address {MAC(4)} down'])
    config = [{'name': 'a', 'kind': 'veth', 'address': MAC(1), 'mtu': 1400, 'peer': {'name': 'b', 'netns': away.name, 'address': MAC(2), 'mtu': 1300}},
              {'name': 'c', 'kind': 'veth', 'address': MAC(3), 'veth': {'peer': {'name': 'd', 'address': MAC(4), 'up': False}}}]
    planned = ours.module('vnet_link', config=config, check=True)
    made = ours.module('vnet_link', config=config)
    assert made == planned and ours.module('vnet_link', config=config[::-1])['operations'] == []
    for mine, wanted in ((ours, theirs), (away, there)):
        mine.like(wanted, 'ip link')
    ours.replay(made['commands'], (ours, replayed), (away, distant))
    for mine, wanted in ((replayed, theirs), (distant, there)):
        mine.like(wanted, 'ip link')
    round_trip(ours.name, away.name)
    # the other end changes as a link of its own, and as the peer of this one
    before = ours.links(), away.links()
    assert away.module('vnet_link', name='b', mtu=1200)['changed']
    assert [operation['name'] for operation in ours.module('vnet_link', config=config)['operations']] == ['b']
    assert (ours.links(), away.links()) == before
    assert ours.module('vnet_link', config=[{'name': 'a', 'state': 'absent'}, {'name': 'c', 'state': 'absent'}])['changed']
    assert set(ours.links()) == set(away.links()) == {'lo'}


def test_pair_with_equal_indexes(spaces):
    """The ifindex of a veth's peer, which is another namespace's, is no link of this one."""
    ours, away = spaces('ours', 'away')
    ours.batch([f'ip link add name a index 77 type veth peer name b index 88 netns {away.name}', 'ip link add name wrong index 88 type dummy'])
    away.batch(['ip link add name wrong index 77 type dummy'])
    config = [{'name': 'a', 'kind': 'veth', 'up': False, 'peer': {'name': 'b', 'netns': away.name, 'up': False}}]
    assert ours.module('vnet_link', config=config)['operations'] == []
    message = ours.refused('vnet_link', name='a', kind='veth', peer={'name': 'wrong'})['msg']
    assert "'b'" in message or 'another namespace' in message
    round_trip(ours.name, away.name)


def test_pair_made_anew(spaces):
    """Both ends get back what they had."""
    ours, away = spaces('ours', 'away')
    ours.batch([f'ip link add name a address {MAC(1)} numtxqueues 1 type veth peer name b address {MAC(2)} netns {away.name}', 'ip link set dev a up',
                'ip addr add 192.0.2.1/24 dev a', 'ip route add 198.51.100.0/24 via 192.0.2.2'])
    away.batch(['ip link add name b0 type bridge', 'ip link set dev b0 up', 'ip link set dev b master b0', 'ip link set dev b mtu 1400 up',
                'ip link set dev b type bridge_slave isolated on', 'ip addr add 192.0.2.2/24 dev b'])
    seen = 'ip addr', 'ip route show table all'
    ends = (ours, 'a'), (away, 'b'), (away, 'b0')
    wait_for_carriers(ends)
    before = ours.normal(*seen), away.normal(*seen)
    item = {'name': 'a', 'kind': 'veth', 'num_tx_queues': 2, 'peer': {'name': 'b', 'netns': away.name}}
    assert 'recreate' in ours.refused('vnet_link', **item)['msg']
    ours.module('vnet_link', recreate=True, **item)
    wait_for_carriers(ends)
    after = ours.normal(*seen), away.normal(*seen)
    for link in before[0]['ip addr'] + after[0]['ip addr']:
        link.pop('num_tx_queues')
        link.pop('qdisc')
    for old, new in zip(before, after):
        ours.unchanged(old, new)


def test_parent_in_another_namespace(spaces):
    theirs, below, ours, lower, replayed, deep = spaces('theirs', 'below', 'ours', 'lower', 'replayed', 'deep')
    for space in (below, lower, deep):
        space.batch([f'ip link add name d0 address {MAC(1)} type dummy', 'ip link set dev d0 up'])
    below.batch([f'ip link add link d0 name v7 address {MAC(2)} netns {theirs.name} type vlan id 7',
                 f'ip link add link d0 name m0 address {MAC(3)} netns {theirs.name} type macvlan mode bridge'])
    theirs.batch(['ip link set dev v7 up', 'ip link set dev m0 up'])
    config = [{'name': 'v7', 'kind': 'vlan', 'link': 'd0', 'link_netns': lower.name, 'address': MAC(2), 'vlan': {'id': 7}},
              {'name': 'm0', 'kind': 'macvlan', 'link': 'd0', 'link_netns': lower.name, 'address': MAC(3), 'macvlan': {'mode': 'bridge'}}]
    made = ours.module('vnet_link', config=config)
    ours.like(theirs, 'ip link')
    assert ours.module('vnet_link', config=config)['operations'] == []
    ours.replay(made['commands'], (ours, replayed), (lower, deep))
    replayed.like(theirs, 'ip link')
    round_trip(ours.name, lower.name)
    state = round_trip(ours.name)
    assert [one['link_netns'] for one in state['links'] if one['name'] != 'lo'] == [lower.name] * 2
    again = spaces('again')
    ours.module('vnet_link', config=[{'name': 'v7', 'state': 'absent'}, {'name': 'm0', 'state': 'absent'}])
    run_here('vnet_state', json.loads(json.dumps(state).replace(ours.name, again.name)))
    again.like(theirs, 'ip link')


def test_parent_below_is_told_apart(spaces):
    """Links of two namespaces may have the same name and index."""
    ours, lower, other = spaces('ours', 'lower', 'other')
    for space in (ours, lower, other):
        space.batch(['ip link add d0 type dummy', 'ip link set dev d0 up'])
    lower.ip(f'link add link d0 name v7 netns {ours.name} type vlan id 7')
    item = {'name': 'v7', 'kind': 'vlan', 'link': 'd0', 'vlan': {'id': 7}}
    assert 'sits on' in ours.refused('vnet_link', **item)['msg']
    assert 'sits on' in ours.refused('vnet_link', link_netns=other.name, **item)['msg']
    assert ours.module('vnet_link', link_netns=lower.name, up=False, **item)['operations'] == []
    assert ours.module('vnet_link', link_netns=other.name, recreate=True, **item)['changed']
    assert [one['link_netns'] for one in round_trip(ours.name)['links'] if one['name'] == 'v7'] == [other.name]
    # made anew it stays on what it sits on
    ours.module('vnet_link', name='v7', kind='vlan', vlan={'id': 8}, recreate=True)
    assert [one['link_netns'] for one in round_trip(ours.name)['links'] if one['name'] == 'v7'] == [other.name]


def test_parent_in_the_namespace_of_the_module(spaces):
    """It has no name; the document calls it as a user would."""
    ours = spaces('ours')
    name = 'd' + secrets.token_hex(3)
    try:
        run_here('vnet_link', {'name': name, 'kind': 'dummy'})
        ours.module('vnet_link', name='m0', kind='macvlan', link=name, link_netns='/proc/self/ns/net', address=MAC(3), macvlan={'mode': 'bridge'})
        before = ours.normal('ip link')
        state = round_trip(ours.name)
        assert [one['link_netns'] for one in state['links'] if one['name'] == 'm0'] == ['/proc/self/ns/net']
        ours.module('vnet_link', name='m0', state='absent')
        run_here('vnet_state', state)
        ours.unchanged(before, ours.normal('ip link'))
    finally:
        run_here('vnet_link', {'name': name, 'state': 'absent'})


def test_what_is_on_a_link_in_other_namespaces(spaces):
    """It shrinks and goes down with it, and is as before when that is taken back."""
    ours, upper = spaces('ours', 'upper')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up'])
    ours.ip(f'link add link d0 name v7 address {MAC(2)} netns {upper.name} type vlan id 7')
    upper.batch(['ip link set dev v7 up', 'ip addr add 192.0.2.1/24 dev v7', 'ip route add 10.7.0.0/16 via 192.0.2.9'])
    before = upper.normal('ip link', 'ip addr', 'ip route')
    for change in {'mtu': 1400}, {'up': False}:
        with pytest.raises(ModuleFailed) as caught:
            run_here('vnet_state', {'links': [{'netns': ours.name, 'name': 'd0', **change}, {'netns': upper.name, 'name': 'v7'}],
                                    'routes': [{'netns': upper.name, 'dst': '10.0.0.0/8', 'via': '203.0.113.1'}]})
        assert caught.value.result['rolled_back'] is True, caught.value.result['msg']
        upper.unchanged(before, upper.normal('ip link', 'ip addr', 'ip route'))


def test_moved_from_another_namespace(spaces):
    ours, source = spaces('ours', 'source')
    source.batch(['ip link add name nic0 type dummy', 'ip link set dev nic0 up', 'ip addr add 192.0.2.1/24 dev nic0'])
    before = source.normal('ip addr', 'ip route show table all')
    item = {'name': 'nic0', 'move_from': source.name, 'up': True, 'mtu': 1400}
    # refused later on, it goes home
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'links': [dict(item, netns=ours.name)], 'routes': [{'netns': ours.name, 'dst': '10.0.0.0/8', 'via': '10.0.0.1'}]})
    assert caught.value.result['rolled_back'] is True, caught.value.result['msg']
    source.unchanged(before, source.normal('ip addr', 'ip route show table all'))
    assert 'nic0' in ours.module('vnet_link', check=True, **item)['operations'][0]['name'] and 'nic0' in source.links()
    assert ours.module('vnet_link', **item)['changed']
    assert ours.link('nic0')['mtu'] == 1400 and 'UP' in ours.link('nic0')['flags'] and 'nic0' not in source.links()
    assert ours.module('vnet_link', **item)['operations'] == []


# ---- namespaces


def test_namespaces(kernel):
    mark = secrets.token_hex(3)
    config = [{'name': f'{mark}-a', 'nsid': 77, 'sysctl': {'net.ipv4.ip_forward': 1}}, {'name': f'{mark}-b', 'lo_up': False, 'nsid': 'auto'}]
    planned = run_here('vnet_netns', {'config': config}, check=True, diff=True)
    assert not [name for name in os.listdir('/run/netns') if name.startswith(mark)]
    made = run_here('vnet_netns', {'config': config}, diff=True)
    assert made == planned and f'netns {mark}-a:' in made['diff']['after'] and 'up: false' in made['diff']['before']
    try:
        assert run_here('vnet_netns', {'config': config})['operations'] == []
        listed = {one['name']: one.get('id') for one in json.loads(subprocess.run(['ip', '-j', 'netns', 'list'], capture_output=True, check=True).stdout)}
        assert listed[f'{mark}-a'] == 77 and isinstance(listed[f'{mark}-b'], int)
        with pytest.raises(ModuleFailed) as caught:
            run_here('vnet_netns', {'name': f'{mark}-a', 'nsid': 78})
        message = caught.value.result['msg']
        assert 'nsid is 77 already' in message and '78' in message
        show = ['-j', 'link', 'show', 'lo']
        flags = {name: json.loads(subprocess.run(['ip', '-n', f'{mark}-{name}', *show], capture_output=True, check=True).stdout)[0]['flags'] for name in 'ab'}
        assert 'UP' in flags['a'] and 'UP' not in flags['b']
        # a process lives inside
        process = subprocess.Popen(['ip', 'netns', 'exec', f'{mark}-a', 'sleep', '60'])
        time.sleep(0.3)
        try:
            with pytest.raises(ModuleFailed) as caught:
                run_here('vnet_netns', {'name': f'{mark}-a', 'state': 'absent'})
            assert str(process.pid) in caught.value.result['msg'] and 'force: true' in caught.value.result['msg']
            assert caught.value.result['pids'] == [process.pid]
            assert run_here('vnet_netns', {'name': f'{mark}-a', 'state': 'absent', 'force': True})['changed']
        finally:
            process.kill()
            process.wait()
        # commands, executed as they are
        subprocess.run(['ip', '-batch', '-'], input='\n'.join(line[3:] for line in made['commands'] if line.startswith('ip netns') and f'{mark}-a' in line),
                       text=True, check=True)
        assert os.path.exists(f'/run/netns/{mark}-a')
        # purge needs a scope and keeps to it
        with pytest.raises(ModuleFailed, match='purge_match'):
            run_here('vnet_netns', {'purge': True, 'name': f'{mark}-a'})
        others = {name for name in os.listdir('/run/netns') if not name.startswith(mark)}
        gone = run_here('vnet_netns', {'config': [{'name': f'{mark}-a'}], 'purge': True, 'purge_match': [f'{mark}-*']})
        assert [(operation['action'], operation['name']) for operation in gone['operations'] if operation['resource'] == 'netns'] == [('delete', f'{mark}-b')]
        assert set(os.listdir('/run/netns')) == others | {f'{mark}-a'}
    finally:
        run_here('vnet_netns', {'purge': True, 'purge_match': [f'{mark}-*'], 'config': []})


# ---- purge


def test_purge(spaces):
    """What is not listed goes, within the scope; what others made stays."""
    ours = spaces('ours')
    ours.batch(['ip link add name b0 type bridge vlan_filtering 1', 'ip link set dev b0 up',
                'ip link add name vx address 02:00:00:00:00:01 type vxlan id 7 dstport 4789',
                'ip link set dev vx master b0', 'ip link set dev vx up', 'ip link add name t-1 type dummy', 'ip link add name t-2 type dummy',
                'ip link set dev t-1 master b0', 'ip link set dev t-1 addrgenmode eui64', 'ip link set dev t-1 up', 'ip addr add 192.0.2.1/24 dev t-1',
                'ip addr add 192.0.2.2/24 dev t-1', 'ip addr add 2001:db8::1/64 dev t-1 nodad', 'ip addr add 203.0.113.1/24 dev b0',
                'ip route add 10.1.0.0/16 dev t-1 proto 118', 'ip route add 10.2.0.0/16 dev t-1 proto 118', 'ip route add 10.3.0.0/16 dev t-1 proto static',
                'ip route add 10.4.0.0/16 dev t-1 proto 118 table 77', 'ip neigh add 192.0.2.8 lladdr 02:00:00:00:01:08 dev t-1',
                'ip neigh add 192.0.2.9 lladdr 02:00:00:00:01:09 dev t-1', 'ip neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 nud reachable dev t-1'])
    ours.batch(['bridge vlan add dev t-1 vid 10-19', 'bridge fdb append 00:00:00:00:00:00 dev vx dst 198.51.100.1',
                'bridge fdb append 00:00:00:00:00:00 dev vx dst 198.51.100.2',
                'bridge fdb add 02:00:00:00:02:01 dev vx dst 198.51.100.2 self dynamic', 'bridge fdb add 02:00:00:00:02:02 dev vx master dynamic',
                'bridge fdb add 02:00:00:00:02:03 dev t-1 master static'])

    def gone(module, **options):
        result = ours.module(module, purge=True, **options)
        assert ours.module(module, purge=True, **options)['operations'] == []
        return sorted(operation['name'] for operation in result['operations'] if operation['action'] == 'delete')

    assert gone('vnet_fdb', dev='vx', remotes=['198.51.100.1']) == ['00:00:00:00:00:00 on vx dst 198.51.100.2']
    left = {entry['mac'] for entry in ours.json('bridge fdb')[0]}
    assert left >= {'02:00:00:00:02:01', '02:00:00:00:02:02', '02:00:00:00:02:03'}
    assert gone('vnet_route', config=[{'dst': '10.1.0.0/16', 'dev': 't-1'}]) == ['10.2.0.0/16']
    routes = {route['dst'] for route in ours.json('ip route show table all')[0]}
    assert routes >= {'10.1.0.0/16', '10.3.0.0/16', '10.4.0.0/16', '192.0.2.0/24'}
    assert gone('vnet_route', table=77, config=[]) == ['10.4.0.0/16 table 77']
    assert gone('vnet_neigh', dev='t-1', dst='192.0.2.8', lladdr='02:00:00:00:01:08') == ['192.0.2.9 on t-1']
    assert {entry['dst'] for entry in ours.json('ip neigh')[0]} >= {'192.0.2.8', '192.0.2.7'}
    assert gone('vnet_bridge_vlan', dev='t-1', vlans=[{'vid': '10-15'}]) == ['t-1 VLAN 1', 't-1 VLAN 16-19']
    assert gone('vnet_address', dev='t-1', address='192.0.2.2/24') == ['192.0.2.1/24 on t-1', '2001:db8::1/64 on t-1']
    addresses = {f"{one['local']}" for link in ours.json('ip addr')[0] for one in link['addr_info']}
    assert addresses >= {'192.0.2.2', '203.0.113.1'} and any(one.startswith('fe80:') for one in addresses)
    assert gone('vnet_link', purge_match=['t-*'], config=[{'name': 't-1'}]) == ['t-2']
    assert set(ours.links()) == {'lo', 'b0', 'vx', 't-1'}
    assert 'purge_match' in ours.refused('vnet_link', purge=True, name='t-1')['msg']


def test_purge_keeps_what_listed_links_need(spaces):
    """Masters and parents of listed links, and devices of listed teams."""
    ours = spaces('ours')
    ours.batch(['ip link add name t-br type bridge', 'ip link add name d0 type dummy', 'ip link add name t-d1 type dummy', 'ip link set dev t-d1 up',
                'ip link add link t-d1 name v5 type vlan id 5', 'ip link add name t-team type team', 'ip link add name t-gone type dummy'])
    document = {'links': [{'netns': ours.name, 'purge': True, 'purge_match': ['t-*'], 'config': [
        {'name': 'd0', 'kind': 'dummy', 'master': 't-br'}, {'name': 'v5', 'mtu': 1400}]}],
        'teams': [{'netns': ours.name, 'name': 't-team', 'runner': 'roundrobin', 'implementation': 'kernel'}]}
    foretold = run_here('vnet_state', document, check=True)
    made = run_here('vnet_state', document)
    assert made['operations'] == foretold['operations'] and not made.get('warnings')
    assert set(ours.links()) == {'lo', 't-br', 'd0', 't-d1', 'v5', 't-team'}
    assert not run_here('vnet_state', document)['changed']
    refused = ours.refused('vnet_link', config=[{'name': 'v5', 'mtu': 1300}, {'name': 't-d1', 'state': 'absent'}])
    assert "'v5'" in refused['msg'] and 'v5' in ours.links()


# ---- vnet_info


def test_capabilities_are_what_ip_link_add_can_do(spaces):
    ours = spaces('ours')
    told = run_here('vnet_info', {'gather': ['capabilities']})['capabilities']
    for kind, has in sorted(told['kinds'].items()):
        words = ['tuntap', 'add', 'name', 'probe', 'mode', 'tap'] if kind == 'tun' else ['link', 'add', 'name', 'probe', 'type', kind]
        done = subprocess.run(['ip', '-n', ours.name, *words], capture_output=True, text=True, check=False)
        assert ('Unknown device type' in done.stderr) != has, f'{kind}: {done.stderr}'
        if not done.returncode:
            ours.ip('link del probe')
    assert told['features'] == {'bridge_vlan_filtering': True, 'bridge_mcast_snooping': True, 'vxlan_vnifilter': True, 'nftables': True, 'teamd': True}
    packages = {'nftables': True, 'teamd': True}
    assert run_here('vnet_info', {'gather': ['capabilities'], 'kinds': []})['capabilities'] == {'kinds': {}, 'features': packages}


# ---- traps


def test_unchanged_vxlan_is_left_alone(spaces):
    """The kernel answers "not supported" when an unchanged attribute of a VXLAN device is sent again."""
    ours = spaces('ours')
    ours.ip('link add name d0 type dummy')
    item = {'name': 'vx', 'kind': 'vxlan', 'mtu': 1400, 'vxlan': {
        'id': 7, 'local': '2001:db8::1', 'remote': '2001:db8::2', 'dev': 'd0', 'dstport': 4789, 'port_range': '7000-7777', 'ttl': 7, 'tos': 'inherit',
        'df': 'unset', 'learning': False, 'proxy': True, 'l2miss': True, 'l3miss': True, 'udp_csum': True, 'udp_zero_csum6_tx': True, 'ageing': 77,
        'maxaddress': 77}}
    assert ours.module('vnet_link', **item)['changed']
    index = ours.links()
    assert ours.module('vnet_link', **item)['operations'] == []
    changed = ours.module('vnet_link', **{**item, 'mtu': 1300, 'vxlan': {**item['vxlan'], 'ageing': 78}})
    assert changed['operations'][0]['values'] == {'mtu': 1300, 'vxlan': {'ageing': 78}} and ours.links() == index
    assert 'recreate' in ours.refused('vnet_link', name='vx', kind='vxlan', vxlan={'id': 7, 'port_range': '1-2'})['msg']


def test_vxlan_defaults(spaces):
    """Port 4789 unless told otherwise; an external device does not learn, as with ip."""
    theirs, ours = spaces('theirs', 'ours')
    theirs.batch([f'ip link add name x address {MAC(1)} type vxlan id 7 dstport 4789', f'ip link add name y address {MAC(2)} type vxlan external dstport 5000'])
    ours.module('vnet_link', up=False, config=[{'name': 'x', 'kind': 'vxlan', 'address': MAC(1), 'vxlan': {'id': 7}},
                                               {'name': 'y', 'kind': 'vxlan', 'address': MAC(2), 'vxlan': {'external': True, 'dstport': 5000}}])
    ours.like(theirs, 'ip link')


def test_family_of_a_live_vxlan(spaces):
    """The kernel cannot take a live device from IPv4 to IPv6: said before anything is written."""
    ours = spaces('ours')
    ours.ip('link add name vx type vxlan id 7 dstport 4789 local 192.0.2.1 remote 192.0.2.2')
    message = ours.refused('vnet_link', name='vx', kind='vxlan', mtu=1300, vxlan={'id': 7, 'local': '2001:db8::1', 'remote': '2001:db8::2'})['msg']
    assert 'recreate: true' in message and ours.link('vx')['mtu'] == 1500
    ours.module('vnet_link', name='vx', kind='vxlan', recreate=True, vxlan={'id': 7, 'local': '2001:db8::1', 'remote': '2001:db8::2'})
    assert ours.link('vx')['linkinfo']['info_data']['remote6'] == '2001:db8::2'


def test_timers_and_spanning_tree(spaces):
    """Bridge timers round to clock ticks; a priority is kept while STP is off."""
    ours = spaces('ours')
    config = [{'name': f'b{place}', 'kind': 'bridge', 'bridge': {
        'forward_delay': 201 + place, 'hello_time': 101 + place, 'max_age': 601 + place, 'ageing_time': 12301 + place, 'mcast_query_interval': 12501 + place,
        'mcast_last_member_interval': 101 + place, 'mcast_startup_query_interval': 3101 + place, 'priority': 4096, 'stp_state': place % 2 == 0}}
        for place in range(20)]
    ours.module('vnet_link', config=config)
    assert ours.module('vnet_link', config=config)['operations'] == []
    # other kernels count in other ticks than this one: what they read back may be one off
    ours.ip('link set dev b0 type bridge forward_delay 202 hello_time 102')
    assert ours.module('vnet_link', config=config)['operations'] == []
    ours.ip('link set dev b0 type bridge forward_delay 203')
    assert ours.module('vnet_link', config=config)['operations'][0]['values'] == {'bridge': {'forward_delay': 201}}
    assert {link['linkinfo']['info_data']['priority'] for link in ours.json('ip link')[0] if 'linkinfo' in link} == {4096}


def test_default_vlan_of_a_new_bridge(spaces):
    """The VLAN that the kernel gives to bridge and ports is known before they are there."""
    ours = spaces('ours')
    for pvid, vlans in ((1, [{'vid': 7, 'pvid': True, 'untagged': True}]), (7, [{'vid': 7}]), (0, [{'vid': 7}])):
        document = {'links': [{'netns': ours.name, 'name': f'b{pvid}', 'kind': 'bridge', 'bridge': {'vlan_filtering': True, 'vlan_default_pvid': pvid}},
                              {'netns': ours.name, 'name': f'p{pvid}', 'kind': 'dummy', 'master': f'b{pvid}'}],
                    'bridge_vlans': [{'netns': ours.name, 'dev': f'{name}{pvid}', 'purge': True, 'vlans': vlans} for name in 'bp']}
        both_ways(document)
        found = {port['ifname']: port['vlans'] for port in ours.json('bridge vlan')[0]}
        assert [vlan['vlan'] for vlan in found[f'p{pvid}']] == [vlan['vlan'] for vlan in found[f'b{pvid}']] == [7]
        assert ('PVID' in found[f'p{pvid}'][0].get('flags', [])) == ('pvid' in vlans[0])


def test_parent_removed_and_added_again(spaces):
    """What sat on a parent that was gone in between is made again; nothing remembers the old index."""
    ours = spaces('ours')
    document = {'links': [{'netns': ours.name, 'name': 'd0', 'kind': 'dummy'},
                          {'netns': ours.name, 'name': 'v7', 'kind': 'vlan', 'link': 'd0', 'vlan': {'id': 7}},
                          {'netns': ours.name, 'name': 'vx', 'kind': 'vxlan', 'vxlan': {'id': 7, 'dev': 'd0'}}],
                'addresses': [{'netns': ours.name, 'dev': 'v7', 'address': '192.0.2.1/24'}],
                'fdb': [{'netns': ours.name, 'dev': 'vx', 'remotes': ['192.0.2.2']}]}
    both_ways(document)
    before = set(ours.links())
    ours.batch(['ip link del d0', 'ip link add name d0 type dummy'])
    assert set(ours.links()) < before
    both_ways(document)
    assert set(ours.links()) == before


def test_mac_is_kept(spaces):
    """A second run, and one that makes the link anew, leave the MAC as it is."""
    ours = spaces('ours')
    item = {'name': 'vx', 'kind': 'vxlan', 'vxlan': {'id': 7}}
    ours.module('vnet_link', **item)
    mac = ours.link('vx')['address']
    ours.module('vnet_link', **item, mtu=1300)
    ours.module('vnet_link', **{**item, 'vxlan': {'id': 8}}, recreate=True)
    assert ours.link('vx')['address'] == mac


def test_missing_namespace(spaces):
    ours = spaces('ours')
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_address', {'netns': 'nowhere', 'dev': 'lo', 'address': '192.0.2.1/32'})
    assert "network namespace 'nowhere' does not exist" in caught.value.result['msg']
    assert 'nowhere' in ours.refused('vnet_link', name='a', kind='veth', peer={'name': 'b', 'netns': 'nowhere'})['msg']
    assert set(ours.links()) == {'lo'}


def test_failed_run_does_not_block_the_next(spaces):
    """No lock, no half-made thing, no memory."""
    ours = spaces('ours')
    wrong = {'links': [{'netns': ours.name, 'name': 'b0', 'kind': 'bridge'}, {'netns': ours.name, 'name': 'd0', 'kind': 'dummy', 'master': 'b0'}],
             'addresses': [{'netns': ours.name, 'dev': 'b0', 'address': '192.0.2.1/24'}],
             'routes': [{'netns': ours.name, 'dst': '10.0.0.0/8', 'via': '203.0.113.1'}]}
    for unused in range(2):
        with pytest.raises(ModuleFailed) as caught:
            run_here('vnet_state', wrong)
        assert caught.value.result['rolled_back'] is True and set(ours.links()) == {'lo'}
    both_ways({**wrong, 'routes': [{'netns': ours.name, 'dst': '10.0.0.0/8', 'via': '192.0.2.254'}]})


def test_processes_see_the_same(pair):
    """As Ansible runs it, in a process of its own."""
    item = {'name': 'x', 'kind': 'bridge', 'bridge': {'stp_state': True}}
    assert pair.module('vnet_link', **item)['changed'] is True
    assert pair.module('vnet_link', **item)['changed'] is False
    pair.theirs.batch(['ip link add name x type bridge stp_state 1', 'ip link set dev x up'])
    pair.same('ip link')


def test_what_is_no_namespace_is_left_out(spaces):
    """`ip netns` leaves the plain file of a namespace behind where it was ended."""
    there = spaces('there')
    stale = there.file.parent / 'stale'
    stale.touch()
    try:
        told = run_here('vnet_info', {'gather': ['state']})['state']['netns']
    finally:
        stale.unlink()
    assert there.name in [one['name'] for one in told] and 'stale' not in [one['name'] for one in told]


@pytest.mark.parametrize('alias', ['a' * 255, 'ä' * 127, ''], ids=len)
def test_longest_alias(pair, alias):
    pair.both('ip link add d0 type dummy', 'ip link set d0 alias before')
    assert pair.module('vnet_link', name='d0', alias=alias)['changed'] and not pair.module('vnet_link', name='d0', alias=alias)['changed']
    pair.theirs.ip(f"link set d0 alias '{alias}'")
    pair.same('ip link')
