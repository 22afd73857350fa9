# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel changes by itself when it takes a change comes back when that is taken back."""

from __future__ import annotations

import subprocess

import pytest
from differential.test_link import MAC, wait_for_carriers
from module import ModuleFailed, run_here, run_module

#: refused by the kernel, when all the rest is done: nothing leads to the gateway
REFUSED = {'dst': '198.51.100.0/24', 'via': '203.0.113.77'}
SEEN = ('ip link', 'ip addr', 'ip neigh', 'ip route show table all')


def seen(space) -> dict:
    found = space.normal(*SEEN)
    for link in found['ip link'] + found['ip addr']:
        link.pop('tso_max_size', None)  # a bridge takes over that of its ports, and what sits on it that of the bridge, for good
    return found


def refused_and_back(space, **sections):
    """A task that fails at its end leaves no trace."""
    before = seen(space)
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {**{section: [dict(item, netns=space.name) for item in items] for section, items in sections.items()},
                                'routes': [dict(REFUSED, netns=space.name)]})
    assert caught.value.result.get('rolled_back') is True, caught.value.result['msg']
    space.unchanged(before, seen(space))


def test_first_address(spaces):
    """With the last IPv4 address of a link, which the first one is when it is taken back, the kernel drops neighbours and routes."""
    ours = spaces('ours')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up arp on', f'ip neigh add 192.0.2.9 lladdr {MAC(9)} dev d0',
                'ip route add 10.2.0.0/16 dev d0', f'ip neigh add 2001:db8::9 lladdr {MAC(9)} dev d0'])
    refused_and_back(ours, addresses=[{'dev': 'd0', 'address': '192.0.2.1/24'}, {'dev': 'd0', 'address': '192.0.2.2/24'}])


def test_first_address_refused(spaces):
    """The others of its batch were made all the same."""
    ours = spaces('ours')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up', 'ip route add 10.2.0.0/16 dev d0'])
    before = seen(ours)
    refused = [{'address': '192.0.2.1/24', 'valid_lft': 5, 'preferred_lft': 50}, {'address': '192.0.2.2/24'}, {'address': '192.0.3.1/24'}]
    assert ours.refused('vnet_address', dev='d0', config=refused)['rolled_back'] is True
    ours.unchanged(before, seen(ours))


def test_first_address_and_a_route_with_several_ways(spaces):
    """Such a route stays when a link loses its last IPv4 address, with a way that is dead until the route is made anew."""
    ours = spaces('ours')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', f'ip link add d1 address {MAC(2)} type dummy', 'ip link set dev d0 up', 'ip link set dev d1 up',
                'ip addr add 192.0.2.1/24 dev d0',
                'ip route add 10.9.0.0/16 nexthop via 192.0.2.8 dev d0 weight 2 nexthop via 203.0.113.9 dev d1 onlink',
                'ip route add 10.8.0.0/16 nexthop via 203.0.113.8 dev d1 onlink nexthop via 203.0.113.9 dev d1 onlink'])
    refused_and_back(ours, addresses=[{'dev': 'd1', 'address': '10.5.0.1/24'}])


@pytest.mark.parametrize('change', [{'master': 'bo0', 'address': MAC(8), 'mtu': 1300}, {'name': 'd1', 'master': '', 'address': MAC(8), 'mtu': 1200}], ids=str)
def test_port_of_a_bond_has_its_own_address_back(spaces, change):
    """A bond gives a port the MAC and MTU that it came with when it lets go of it."""
    ours = spaces('ours')
    ours.batch([f'ip link add bo0 address {MAC(1)} type bond mode active-backup', 'ip link set dev bo0 up', f'ip link add d0 address {MAC(2)} type dummy',
                f'ip link add d1 address {MAC(3)} type dummy', 'ip link set dev d1 master bo0', 'ip link set dev d0 up', 'ip link set dev d1 up'])
    wait_for_carriers([(ours, 'bo0')])
    link = {'name': 'd0', **change}
    refused_and_back(ours, links=[link])
    ours.module('vnet_link', **link)
    assert change['master'] or {'address': MAC(8), 'mtu': 1200}.items() <= ours.link('d1').items()


def test_another_address(spaces):
    """Neighbours and routes stay where one address takes the place of another."""
    ours = spaces('ours')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up arp on', 'ip addr add 192.0.2.1/24 dev d0',
                f'ip neigh add 192.0.2.9 lladdr {MAC(9)} dev d0', 'ip route add 10.2.0.0/16 dev d0'])
    before = ours.normal('ip neigh', 'ip route')
    ours.module('vnet_address', dev='d0', purge=True, config=[{'address': '192.0.2.2/24'}])
    left = ours.normal('ip neigh', 'ip route')
    assert left['ip neigh'] == before['ip neigh'] and [route['dst'] for route in left['ip route']] == ['10.2.0.0/16', '192.0.2.0/24']


@pytest.mark.parametrize('own, change', [
    ({'miimon': 100, 'updelay': 200, 'downdelay': 300}, {'arp_interval': 50, 'arp_ip_target': ['192.0.2.9']}),
    ({'miimon': 100, 'updelay': 200}, {'miimon': 0, 'arp_interval': 50}),
    ({'miimon': 100, 'updelay': 200}, {'miimon': 200}),
    ({'miimon': 100, 'updelay': 200}, {'miimon': 0, 'updelay': 0}),
    ({'arp_interval': 50, 'arp_ip_target': ['192.0.2.9'], 'arp_validate': 'active'}, {'miimon': 100}),
    ({'arp_interval': 50, 'arp_ip_target': ['192.0.2.9'], 'arp_validate': 'all'}, {'miimon': 100, 'arp_interval': 0, 'updelay': 200}),
])
def test_one_way_of_watching_ends_the_other(spaces, own, change):
    ours = spaces('ours')
    words = ' '.join(f'{name} {",".join(value) if isinstance(value, list) else value}' for name, value in own.items())
    ours.batch([f'ip link add bo0 type bond mode active-backup {words}', 'ip link set dev bo0 up'])
    refused_and_back(ours, links=[{'name': 'bo0', 'bond': change, 'kind': 'bond'}])


def test_way_of_watching_at_a_checkpoint(spaces):
    ours = spaces('ours')
    ours.batch(['ip link add bo0 type bond mode active-backup miimon 100 updelay 200', 'ip link add bo1 type bond mode active-backup arp_interval 50'
                ' arp_ip_target 192.0.2.9 arp_validate active', 'ip link set dev bo0 up', 'ip link set dev bo1 up'])
    before = ours.normal('ip link')
    run_module('vnet_checkpoint', {'action': 'create', 'timeout': 60})
    ours.module('vnet_link', config=[{'name': 'bo0', 'kind': 'bond', 'bond': {'arp_interval': 70, 'arp_ip_target': ['192.0.2.7']}},
                                     {'name': 'bo1', 'kind': 'bond', 'bond': {'miimon': 100}}])
    run_module('vnet_checkpoint', {'action': 'rollback'})
    ours.unchanged(before, ours.normal('ip link'))


def test_delays_follow_miimon(spaces):
    """The kernel keeps delays as multiples of miimon: who says both means both."""
    ours = spaces('ours')
    ours.ip('link add bo0 type bond mode active-backup miimon 100 updelay 200')
    item = {'name': 'bo0', 'kind': 'bond', 'bond': {'miimon': 200, 'updelay': 200}}
    assert ours.module('vnet_link', **item)['changed']
    data = ours.link('bo0')['linkinfo']['info_data']
    assert (data['miimon'], data['updelay']) == (200, 200)
    assert ours.module('vnet_link', **item)['operations'] == []


def test_mac_of_a_bond(spaces):
    """A bond draws another MAC when its last port goes."""
    ours = spaces('ours')
    ours.batch([f'ip link add bo0 address {MAC(1)} type bond', f'ip link add bo1 address {MAC(2)} type bond', f'ip link add d1 address {MAC(3)} type dummy',
                'ip link set dev d1 master bo1', 'ip link set dev bo0 up', 'ip link set dev bo1 up', f'ip link add d2 address {MAC(4)} type dummy',
                'ip addr add 192.0.2.1/24 dev bo1', f'ip neigh add 192.0.2.9 lladdr {MAC(9)} dev bo1'])

    def state():
        found = ours.normal('ip link', 'ip neigh')
        return [(link['ifname'], link['address'], link.get('master')) for link in found['ip link']], found['ip neigh']

    before = state()
    for link in ({'name': 'd0', 'kind': 'dummy', 'master': 'bo0'}, {'name': 'd2', 'master': 'bo0'}, {'name': 'd1', 'master': ''},
                 {'name': 'd1', 'master': 'bo0'}, {'name': 'd1', 'state': 'absent'}, {'name': 'd1', 'kind': 'dummy', 'num_tx_queues': 3, 'recreate': True}):
        with pytest.raises(ModuleFailed) as caught:
            run_here('vnet_state', {'links': [dict(link, netns=ours.name)], 'routes': [dict(REFUSED, netns=ours.name)]})
        assert caught.value.result.get('rolled_back') is True, caught.value.result['msg']
        assert state() == before, link
    ours.module('vnet_link', name='d1', kind='dummy', num_tx_queues=3, recreate=True)
    assert state() == before


@pytest.mark.parametrize('mode, left', [('802.3ad', 100), ('balance-xor', 0)])
def test_another_mode_watches_links(spaces, mode, left):
    """A mode that cannot do without miimon has it, as in a bond that is new."""
    ours = spaces('ours')
    ours.ip('link add bo0 type bond mode balance-rr')
    ours.module('vnet_link', name='bo0', kind='bond', bond={'mode': mode}, recreate=True)
    assert ours.link('bo0')['linkinfo']['info_data']['miimon'] == left


@pytest.mark.parametrize('own', [
    {'miimon': 0, 'updelay': 0, 'downdelay': 0, 'peer_notif_delay': 0}, {'updelay': 0}, {'mode': '802.3ad', 'updelay': 0},
    {'mode': '802.3ad', 'miimon': 0, 'updelay': 0}, {'mode': '802.3ad', 'arp_interval': 0, 'arp_validate': 'none'},
    {'mode': 'active-backup', 'lacp_rate': 'slow', 'lacp_active': True, 'packets_per_slave': 1, 'tlb_dynamic_lb': True},
    {'mode': '802.3ad', 'ad_actor_system': '00:00:00:00:00:00'},
], ids=lambda own: ' '.join(f'{name}={value}' for name, value in own.items()))
def test_what_would_be_so_anyway(spaces, own):
    """The kernel refuses what does not fit the mode or the way of watching, be it what it has anyway; we need not say it."""
    ours, replayed = spaces('ours', 'replayed')
    item = {'name': 'bo0', 'kind': 'bond', 'address': MAC(1), 'bond': own}
    made = ours.module('vnet_link', **item)
    assert ours.module('vnet_link', **item)['operations'] == []
    ours.replay(made['commands'], (ours, replayed))
    replayed.like(ours, 'ip link')


NARROW = {'name': 'd1', 'kind': 'dummy', 'master': 'br0', 'mtu': 1400}


@pytest.mark.parametrize('links', [
    [NARROW],
    [{'name': 'd0', 'mtu': 1400}],
    [{'name': 'd2', 'master': 'br0'}],
    [{'name': 'v1', 'kind': 'veth', 'peer': {'name': 'v2'}}, {'name': 'v2', 'mtu': 1400, 'master': 'br0'}],
    [{'name': 'd0', 'state': 'absent'}, NARROW],
    [{'name': 'd0', 'kind': 'veth', 'peer': {'name': 'v2'}, 'mtu': 1400, 'master': 'br0', 'recreate': True}],
], ids=str)
def test_what_sits_on_a_bridge_gets_narrow_with_it(spaces, links):
    """A bridge is as wide as its narrowest port; VLANs on it do not widen with it."""
    ours = spaces('ours')
    ours.batch([f'ip link add br0 address {MAC(1)} type bridge', f'ip link add d0 address {MAC(2)} mtu 2000 type dummy', 'ip link set dev d0 master br0 up',
                f'ip link add d2 address {MAC(3)} mtu 1400 type dummy', 'ip link set dev br0 up', 'ip link add vl1 link br0 type vlan id 5',
                'ip link add mv1 link vl1 type macvlan mode bridge', f'ip link set dev mv1 address {MAC(4)} up', 'ip link set dev vl1 up'])
    wait_for_carriers([(ours, name) for name in ('br0', 'vl1', 'mv1')])
    assert ours.link('mv1')['mtu'] == 2000
    refused_and_back(ours, links=[{**link, 'peer': {**link['peer'], 'netns': ours.name}} if 'peer' in link else link for link in links])


def test_vlan_stays_down(spaces):
    """All VLANs on a link come up with it."""
    ours = spaces('ours')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up', 'ip link add vl1 link d0 type vlan id 5',
                'ip link add vl2 link vl1 type vlan id 6', 'ip link set dev vl1 up', 'ip link set dev vl2 up', 'ip link set dev vl1 down',
                'ip addr add 192.0.2.1/24 dev vl1', 'ip addr add 2001:db8::1/64 dev vl1 nodad'])
    before = seen(ours)
    refused_and_back(ours, links=[{'name': 'd0', 'up': False}])
    ours.module('vnet_link', name='d0', up=False)
    up = {'name': 'd0', 'up': True}
    refused_and_back(ours, links=[up])
    assert 'warnings' not in ours.module('vnet_link', config=[up, {'name': 'vl1', 'up': False}])
    ours.unchanged(before, seen(ours))
    ours.module('vnet_link', name='d0', up=False)
    ours.module('vnet_link', config=[up, {'name': 'vl1', 'up': True}, {'name': 'vl2', 'kind': 'vlan', 'link': 'vl1', 'vlan': {'id': 7}, 'recreate': True}])
    assert ours.module('vnet_link', config=[dict(up, mtu=1400), {'name': 'vl1', 'up': True}, {'name': 'vl2', 'up': True}])['changed']


def test_into_a_vrf_with_routes(spaces):
    """A link that gets into a VRF goes down and up: what is listed is there afterwards, wherever it was before."""
    ours = spaces('ours')
    ours.batch(['ip link add vr0 type vrf table 1000', 'ip link set dev vr0 up', f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up'])
    entries = {'addresses': [{'dev': 'd0', 'address': '2001:db8:1::1/64', 'nodad': True}, {'dev': 'd0', 'address': '192.0.2.1/24'}],
               'routes': [{'dst': '2001:db8:101::/48', 'via': '2001:db8:1::9', 'dev': 'd0'}, {'dst': '10.0.0.0/16', 'via': '192.0.2.9', 'dev': 'd0'}]}
    entries = {section: [dict(item, netns=ours.name) for item in items] for section, items in entries.items()}
    run_here('vnet_state', entries)
    document = {'links': [{'netns': ours.name, 'name': 'd0', 'master': 'vr0'}], **entries}
    made = run_here('vnet_state', document)
    assert 'warnings' not in made and run_here('vnet_state', document)['operations'] == []


@pytest.mark.parametrize('change', [{'address': MAC(7)}, {'broadcast': MAC(7)}, {'arp': False}], ids=str)
def test_neighbours_stay(spaces, change):
    """The kernel forgets them with either MAC."""
    ours = spaces('ours')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up arp on', 'ip addr add 192.0.2.1/24 dev d0',
                'ip link add vl1 link d0 type vlan id 5', 'ip link set dev vl1 up', f'ip neigh add 2001:db8::8 lladdr {MAC(8)} dev vl1',
                *(f'ip neigh add {dst} lladdr {MAC(9)} dev d0' for dst in ('192.0.2.9', '2001:db8::9'))])
    refused_and_back(ours, links=[{'name': 'd0', **change}])
    before = ours.normal('ip neigh')
    assert 'warnings' not in ours.module('vnet_link', name='d0', **change)
    ours.unchanged(before, ours.normal('ip neigh'))


@pytest.mark.parametrize('link', [{'name': 'vr0', 'state': 'absent'}, {'name': 'vr0', 'kind': 'vrf', 'vrf': {'table': 1001}, 'recreate': True},
                                  {'name': 'd0', 'master': ''}, {'name': 'd1', 'master': 'vr0'}], ids=str)
def test_ports_of_a_vrf_keep_what_they_have(spaces, link):
    """A VRF takes its ports down and up when they come and go, and with them what sits on them."""
    ours = spaces('ours')
    ours.batch([f'ip link add vr0 address {MAC(7)} type vrf table 1000', 'ip link set dev vr0 up'] + [line for number in (0, 1) for line in (
        f'ip link add d{number} address {MAC(number)} type dummy', *(['ip link set dev d0 master vr0'] if number == 0 else []),
        f'ip link set dev d{number} up', f'ip addr add 192.0.{number}.1/24 dev d{number}', f'ip addr add 2001:db8:{number}::1/64 dev d{number} nodad',
        *(f'ip neigh add {dst} lladdr {MAC(9)} dev d{number}' for dst in (f'192.0.{number}.9', f'2001:db8:{number}::9')),
        *(f'ip route add {dst} table {1000 if number == 0 else "main"}' for dst in (
            f'10.{number}.0.0/16 via 192.0.{number}.9', f'2001:db8:9{number}::/64 via 2001:db8:{number}::9')),
        *(line for vid in (5, 6) for line in (f'ip link add vl{number}{vid} link d{number} type vlan id {vid}', f'ip link set dev vl{number}{vid} up')),
        f'ip addr add 2001:db8:8{number}::1/64 dev vl{number}5 nodad', f'ip neigh add 2001:db8:8{number}::8 lladdr {MAC(8)} dev vl{number}5',
        f'ip link set dev vl{number}6 down')])
    refused_and_back(ours, links=[link])

    def kept():
        links = [one for one in ours.normal('ip addr')['ip addr'] if one['ifname'] != 'vr0']
        return {'neigh': ours.normal('ip neigh'), 'addr': [(one['ifname'], 'UP' in one['flags'], one['addr_info']) for one in links]}

    before = kept()
    ours.module('vnet_link', **link)
    assert kept() == before


def crossing(spaces) -> list:
    """Namespaces with a pair between them, whose other end has an address."""
    ours, far = spaces('ours', 'far')
    ours.ip(f'link add v0 address {MAC(1)} type veth peer name w0 address {MAC(2)} netns {far.name}')
    ours.batch(['ip link set dev v0 up'])
    far.batch(['ip link set dev w0 mtu 1400', 'ip link set dev w0 up', 'ip addr add 192.0.2.1/24 dev w0'])
    wait_for_carriers([(ours, 'v0'), (far, 'w0')])
    return [ours, far]


def test_pair_that_goes_has_its_other_end_back_in_a_namespace_that_nobody_names(spaces):
    ours, far = crossing(spaces)
    before = seen(far)
    refused_and_back(ours, links=[{'name': 'v0', 'state': 'absent'}])
    wait_for_carriers([(far, 'w0')])
    far.unchanged(before, seen(far))


@pytest.mark.parametrize('order', [1, -1], ids=['the one that goes first', 'it last'])
def test_pair_does_not_go_while_its_other_end_is_listed(spaces, order):
    ours, far = crossing(spaces)
    items = [{'netns': ours.name, 'name': 'v0', 'state': 'absent'}, {'netns': far.name, 'name': 'w0', 'up': True}]
    for check in (True, False):
        with pytest.raises(ModuleFailed, match="'v0' cannot go alone: its other end 'w0' in network namespace"):
            run_here('vnet_link', {'config': items[::order]}, check=check)


def test_pair_whose_other_end_is_in_a_namespace_without_a_name(spaces):
    """It cannot come back there, and the task says so."""
    ours = spaces('ours')
    ours.batch(['ip link add v0 type veth peer name w0'])
    with subprocess.Popen(['unshare', '--net', 'sh', '-c', 'echo; read end'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()  # it is there
        ours.ip(f'link set w0 netns {process.pid}')
        with pytest.raises(ModuleFailed) as caught:
            run_here('vnet_state', {'links': [{'netns': ours.name, 'name': 'v0', 'state': 'absent'}], 'routes': [dict(REFUSED, netns=ours.name)]})
        process.communicate(b'\n')
    failed = caught.value.result
    assert failed['rolled_back'] is False and "the other end of 'v0' was in a network namespace that has no name; it is 'peer-v0' here now" in failed['msg']


def refused_and_back_up(ends, **sections):
    """As refused_and_back(), in the namespaces of all of these (namespace, link), which have their carriers again some time later."""
    wait_for_carriers(ends)
    before = {space: seen(space) for space, unused in ends}
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {**{section: [dict(item, netns=ends[0][0].name) for item in items] for section, items in sections.items()},
                                'routes': [dict(REFUSED, netns=ends[0][0].name)]})
    assert caught.value.result.get('rolled_back') is True, caught.value.result['msg']
    wait_for_carriers(ends)
    for space, found in before.items():
        space.unchanged(found, seen(space))


def test_pairs_exchange_ends(spaces):
    """Both pairs are made anew, each with the other end that the other one had; what hung on the ends is put back, or all of it as it was."""
    ours, there = spaces('ours', 'there')
    ours.batch([f'ip link add name a address {MAC(1)} type veth peer name b address {MAC(2)} netns {there.name}',
                f'ip link add name c address {MAC(3)} type veth peer name d address {MAC(4)} netns {there.name}',
                'ip link set dev a up', 'ip link set dev c up'])
    there.batch(['ip link set dev b up', 'ip link set dev d up', 'ip link set dev d mtu 1400', 'ip addr add 192.0.2.1/24 dev b',
                 'ip addr add 192.0.3.1/24 dev d'])
    wanted = [{'name': name, 'kind': 'veth', 'recreate': True, 'peer': {'name': peer, 'netns': there.name}} for name, peer in (('a', 'd'), ('c', 'b'))]
    refused_and_back_up([(ours, 'a'), (ours, 'c'), (there, 'b'), (there, 'd')], links=wanted)
    assert ours.module('vnet_link', config=wanted)['changed']
    assert not ours.module('vnet_link', config=wanted)['changed']
    assert {link['ifname']: link['mtu'] for link in there.json('ip link')[0]} | {'lo': 0} == {'lo': 0, 'b': 1500, 'd': 1400}
    assert {one['local'] for link in there.json('ip addr')[0] for one in link['addr_info'] if one['family'] == 'inet'} == {'192.0.2.1', '192.0.3.1'}
    # an end comes home: another link, which has nothing of the old one
    home = {'name': 'a', 'kind': 'veth', 'recreate': True, 'peer': {'name': 'e', 'netns': ours.name}}
    refused_and_back_up([(ours, 'a'), (ours, 'c'), (there, 'b'), (there, 'd')], links=[home])
    assert ours.module('vnet_link', config=[home])['changed'] and not ours.module('vnet_link', config=[home])['changed']
    assert set(ours.links()) == {'lo', 'a', 'c', 'e'} and set(there.links()) == {'lo', 'b'}


def test_what_sits_on_the_other_end(spaces):
    """It goes with the pair, by an operation of its own, and comes back."""
    ours = spaces('ours')
    ours.batch([f'ip link add name a address {MAC(1)} type veth peer name b address {MAC(2)}', 'ip link set dev a up', 'ip link set dev b up',
                'ip link add link b name b.5 type vlan id 5', 'ip link set dev b.5 up', 'ip addr add 192.0.2.1/24 dev b.5'])
    refused_and_back_up([(ours, 'a'), (ours, 'b'), (ours, 'b.5')], links=[{'name': 'a', 'state': 'absent'}])
    refused = ours.refused('vnet_link', name='a', kind='veth', recreate=True, num_tx_queues=3, peer={'name': 'b'})
    assert 'b.5' in refused['msg'] and set(ours.links()) == {'lo', 'a', 'b', 'b.5'}
    assert [one['name'] for one in ours.module('vnet_link', name='a', state='absent')['operations']] == ['b.5', 'a']


SOURCES = ['ip link set dev lo up', f'ip link add d0 address {MAC(1)} type dummy', f'ip link add d1 address {MAC(2)} type dummy', 'ip link set dev d0 up',
           'ip link set dev d1 up',
           'ip addr add 192.0.2.1/24 dev d0', 'ip addr add 2001:db8::1/64 dev d0 nodad', 'ip addr add 198.51.100.1/24 dev d1',
           'ip addr add 198.51.100.2/24 dev d1', 'ip addr add 2001:db8:1::1/128 dev d1 nodad', 'ip route add 10.1.0.0/16 via 192.0.2.9 src 198.51.100.1',
           'ip route add 10.2.0.0/16 via 192.0.2.9 src 198.51.100.2', 'ip route add 2001:db8:9::/48 via 2001:db8::9 src 2001:db8:1::1']


@pytest.mark.parametrize('change', [
    {'addresses': [{'dev': 'd1', 'address': '198.51.100.1/24', 'state': 'absent'}, {'dev': 'd1', 'address': '2001:db8:1::1/128', 'state': 'absent'}]},
    {'addresses': [{'dev': 'd1', 'purge': True}]}, {'links': [{'name': 'd1', 'state': 'absent'}]}, {'links': [{'name': 'd1', 'up': False}]},
    {'addresses': [{'dev': 'd1', 'address': '2001:db8:1::1/128', 'metric': 7}]},
], ids=str)
def test_routes_have_their_source_back(spaces, change):
    """Routes on other links go with the address that is their source, or stay without it."""
    ours = spaces('ours')
    ours.batch(SOURCES)
    refused_and_back(ours, **change)


@pytest.mark.parametrize('module, options', [
    ('vnet_address', {'dev': 'd1', 'config': [{'address': '198.51.100.1/24', 'label': 'd1:x'}, {'address': '2001:db8:1::1/128', 'home': True}]}),
    ('vnet_address', {'dev': 'd1', 'purge': True, 'config': [{'address': f'198.51.100.{host}/25'} for host in (1, 2)] + [{'address': '2001:db8:1::1/64'}]}),
    ('vnet_link', {'name': 'd1', 'kind': 'dummy', 'num_tx_queues': 4, 'recreate': True}),
])
def test_routes_keep_their_source(spaces, module, options):
    ours = spaces('ours')
    ours.batch(SOURCES)

    def of_others():
        found = ours.normal('ip route show table all')['ip route show table all']
        return [route for route in found if route['dst'] in ('10.1.0.0/16', '10.2.0.0/16', '2001:db8:9::/48')]

    before = of_others()
    ours.module(module, **options)
    assert len(before) == 3 and of_others() == before


def test_alternative_names_change_hands(spaces):
    """Who has a name gives it up before another one takes it, in whatever order they are listed; a new link may take one, too."""
    ours = spaces('ours')
    ours.batch([line for number in '123' for line in (f'ip link add name d{number} address {MAC(int(number))} type dummy',
                                                      f'ip link property add dev d{number} altname m{number} altname n{number}')])
    wanted = [{'name': 'd1', 'altnames': ['n2', 'm1']}, {'name': 'd2', 'altnames': ['n3'], 'mtu': 1400}, {'name': 'd3', 'altnames': ['n1', 'm2']},
              {'name': 'm3', 'kind': 'veth', 'peer': {'name': 'p3'}}]

    def names():
        return {link['ifname']: sorted(link.get('altnames', ())) for link in ours.json('ip link')[0]}

    before = names()
    refused_and_back(ours, links=wanted)
    assert names() == before
    foretold = ours.module('vnet_link', check=True, config=wanted)
    assert ours.module('vnet_link', config=wanted)['operations'] == foretold['operations']
    assert names() == {'lo': [], 'd1': ['m1', 'n2'], 'd2': ['n3'], 'd3': ['m2', 'n1'], 'm3': [], 'p3': []}
    assert not ours.module('vnet_link', config=wanted)['changed']
    assert "'m1' is a name of d1" in ours.refused('vnet_link', name='d2', altnames=['m1'])['msg']
    assert 'd1' in ours.refused('vnet_link', config=[{'name': 'd1', 'altnames': ['q']}, {'name': 'd2', 'altnames': ['q']}])['msg']


def test_move_and_what_sits_on_it(spaces):
    """It stays where it is, goes down with the link that moves, and has its routes again: when that is up again, or back."""
    ours, there = spaces('ours', 'there')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up', 'ip link add link d0 name d0.5 type vlan id 5',
                'ip link set dev d0.5 up', 'ip addr add 192.0.2.1/24 dev d0.5', 'ip route add 10.1.0.0/16 via 192.0.2.9 dev d0.5',
                f'ip neigh add 192.0.2.9 lladdr {MAC(9)} dev d0.5'])
    moved = {'netns': there.name, 'name': 'd0', 'move_from': ours.name, 'up': True}
    before = seen(ours)
    with pytest.raises(ModuleFailed):
        run_here('vnet_state', {'links': [dict(moved, mtu=1400)], 'routes': [dict(REFUSED, netns=ours.name)]})
    ours.unchanged(before, seen(ours))
    run_here('vnet_link', moved)
    assert {route['dst'] for route in ours.json('ip route')[0]} >= {'192.0.2.0/24', '10.1.0.0/16'} and ours.json('ip neigh')[0]
    assert not run_here('vnet_link', moved)['changed']


@pytest.mark.parametrize('up', [True, False, None])
def test_move_into_a_bond(spaces, up):
    """Its new port is down when it comes, and is afterwards what it is to be, with an MTU and a queue of its own."""
    ours, there = spaces('ours', 'there')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up'])
    there.batch([f'ip link add name b0 address {MAC(8)} type bond mode active-backup'])
    moved = {'netns': there.name, 'name': 'd0', 'move_from': ours.name, 'master': 'b0', 'mtu': 1400, 'bond_port': {'queue_id': 2}}
    moved.update({} if up is None else {'up': up})
    before = seen(ours), seen(there)
    with pytest.raises(ModuleFailed):
        run_here('vnet_state', {'links': [moved], 'routes': [dict(REFUSED, netns=there.name)]})
    ours.unchanged(before[0], seen(ours))
    there.unchanged(before[1], seen(there))
    made = run_here('vnet_link', moved)
    assert not made.get('warnings') and not run_here('vnet_link', moved)['changed']


@pytest.mark.parametrize('name', ['ipv4.ip_forward', 'ipv4.conf.all.forwarding', 'ipv6.conf.all.forwarding', 'ipv6.conf.all.disable_ipv6',
                                  'ipv6.conf.d0.disable_ipv6', 'ipv6.conf.all.ignore_routes_with_linkdown'])
def test_parameter_of_all_links(spaces, name):
    """With it the kernel sets those of each link, and with IPv6 all addresses go."""
    ours = spaces('ours')
    ours.batch(['ip link set dev lo up', f'ip link add d0 address {MAC(1)} type dummy', f'ip link add d1 address {MAC(2)} type dummy',
                'ip link set dev d0 up arp on', 'ip addr add 2001:db8::1/64 dev d0 nodad', f'ip neigh add 2001:db8::8 lladdr {MAC(8)} dev d0',
                'ip route add 2001:db8:9::/48 via 2001:db8::8'])
    ours.module('vnet_sysctl', config=[{'name': f'net.{one}', 'value': value} for one, value in {
        'ipv4.conf.all.accept_redirects': 0, 'ipv4.conf.d0.forwarding': 1, 'ipv6.conf.d0.forwarding': 1, 'ipv6.conf.d1.disable_ipv6': 1,
        'ipv6.conf.d0.ignore_routes_with_linkdown': 1}.items()])

    def parameters():
        words = ['nsenter', f'--net={ours.file}', 'grep', '-rs', '.', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv4/conf', '/proc/sys/net/ipv6/conf']
        return sorted(subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines())

    before = parameters()
    refused_and_back(ours, sysctls=[{'name': f'net.{name}', 'value': 1}])
    assert parameters() == before and len(before) > 100


def test_what_sits_on_it_elsewhere(spaces):
    """What sits on a link in a namespace that the task does not name goes, and goes down, with it; it is told, and comes back."""
    ours, there = spaces('ours', 'there')
    ours.batch([f'ip link add d0 address {MAC(1)} type dummy', 'ip link set dev d0 up', 'ip link add link d0 name v5 type vlan id 5',
                f'ip link set dev v5 netns {there.name}'])
    there.batch(['ip link set dev v5 up', 'ip addr add 192.0.2.1/24 dev v5', 'ip route add 10.1.0.0/16 via 192.0.2.9 dev v5',
                 f'ip link add link v5 name mv0 address {MAC(5)} type macvlan', f'ip neigh add 192.0.2.9 lladdr {MAC(9)} dev v5'])
    for item in ({'state': 'absent'}, {'up': False}):
        before = seen(there)
        refused_and_back(ours, links=[{'name': 'd0', **item}])
        there.unchanged(before, seen(there))
    refused = ours.refused('vnet_link', name='d0', kind='dummy', recreate=True, num_tx_queues=3)
    assert 'v5 in network' in refused['msg'] and 'v5' in there.links()
    gone = ours.module('vnet_link', name='d0', state='absent')
    assert [(one['netns'], one['name']) for one in gone['operations']] == [(there.name, 'mv0'), (there.name, 'v5'), (ours.name, 'd0')]


@pytest.mark.parametrize('item', [{'purge': True}, {'priority': 100, 'src': '10.2.0.0/16', 'table': 5, 'state': 'absent'}], ids=str)
def test_rules_of_one_priority_keep_their_order(spaces, item):
    """They are tried in the order in which they were added."""
    ours = spaces('ours')
    ours.batch([f'ip rule add pref 100 from 10.{place}.0.0/16 lookup 5 protocol {owner}' for place, owner in enumerate((118, 9, 118, 118, 9))])
    before = ours.ip('rule show')
    refused_and_back(ours, rules=[item])
    assert ours.ip('rule show') == before


@pytest.mark.parametrize('implementation', ['kernel', 'teamd'])
def test_device_of_a_team(spaces, implementation):
    """Where the device goes or is made anew as a link, its runner, its daemon and the options of its ports come back with it."""
    ours = spaces('ours')
    name = f't{ours.name[-6:]}'  # a daemon is known by the name of the device on all of the machine
    ours.batch([f'ip link add name d{number} address {MAC(number)} type dummy' for number in (1, 2)])
    team = {'netns': ours.name, 'name': name, 'runner': 'activebackup', 'implementation': implementation, 'ports': [{'name': 'd1', 'prio': 10}, {'name': 'd2'}]}
    run_here('vnet_team', team)
    try:
        for item in ({'name': name, 'state': 'absent'}, {'purge': True, 'purge_match': [name], 'config': []},
                     {'name': name, 'kind': 'team', 'num_tx_queues': 17, 'recreate': True}):
            with pytest.raises(ModuleFailed) as caught:
                run_here('vnet_state', {'links': [dict(item, netns=ours.name)], 'routes': [dict(REFUSED, netns=ours.name)]})
            assert caught.value.result['rolled_back'] is True, caught.value.result['msg']
            assert run_here('vnet_team', team, check=True)['operations'] == []
        made = run_here('vnet_link', {'netns': ours.name, 'name': name, 'kind': 'team', 'num_tx_queues': 17, 'recreate': True})
        assert not made.get('warnings') and run_here('vnet_team', team, check=True)['operations'] == []
    finally:
        gone = run_here('vnet_link', {'netns': ours.name, 'name': name, 'state': 'absent'})
    assert [(one['action'], one['resource']) for one in gone['operations']] == [('delete', 'teams'), ('delete', 'links')]
