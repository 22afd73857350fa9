# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tunnels as a whole: across namespaces, made anew with what hangs on them, and with the names that iproute2 prints."""

from __future__ import annotations

import json

import pytest

from module import ModuleFailed, round_trip, run_here

TUNNELS = {
    'vxlan': {'id': 7, 'local': '192.0.2.1', 'remote': '192.0.2.2', 'dev': 'eth', 'dstport': 4789},
    'gre': {'local': '192.0.2.1', 'remote': '192.0.2.2', 'key': 7, 'dev': 'eth'},
    'ipip': {'local': '192.0.2.1', 'remote': '192.0.2.2', 'dev': 'eth'},
    'sit': {'local': '192.0.2.1', 'remote': '192.0.2.2', 'dev': 'eth'},
    'vti': {'local': '192.0.2.1', 'remote': '192.0.2.2', 'key': 8, 'dev': 'eth'},
    'ip6gretap': {'local': '2001:db8::1', 'remote': '2001:db8::2', 'dev': 'eth'},
    'ip6tnl': {'local': '2001:db8::1', 'remote': '2001:db8::2', 'dev': 'eth'},
}


@pytest.mark.parametrize('kind', TUNNELS)
def test_outer_packets_in_another_namespace(spaces, kind):
    lower, ours, under, theirs = spaces('lower', 'ours', 'under', 'theirs')
    change = {'ttl': 77} if 'ttl' in by_name(kind) else {'hoplimit': 77} if 'hoplimit' in by_name(kind) else {'fwmark': 77}
    for space in (lower, under):
        space.batch(['ip link add pad type dummy', 'ip link add eth type dummy'])  # so that its index is not that of another link above
    words = ' '.join(f'{name} {value}' for name, value in TUNNELS[kind].items())
    under.batch([f'ip link add name t type {kind} {words}', f'ip link set dev t netns {theirs.name}'])
    theirs.ip('link set dev t address 02:00:00:00:00:07 up' if kind.endswith(('tap', 'lan')) else 'link set dev t up')

    item = {'name': 't', 'kind': kind, 'link_netns': lower.name, kind: TUNNELS[kind],
            **({'address': '02:00:00:00:00:07'} if kind.endswith(('tap', 'lan')) else {})}
    made = ours.module('vnet_link', **item)
    assert made['changed'] and 't' not in lower.links()
    ours.like(theirs, 'ip link')
    assert ours.module('vnet_link', **item)['operations'] == []
    for places in [ours.name], [ours.name, lower.name]:
        (told,) = [one for one in round_trip(*places)['links'] if one['name'] == 't']
        assert told['link_netns'] == lower.name and told[kind].get('dev') == TUNNELS[kind].get('dev')

    index = ours.links()['t']
    item[kind] = {**TUNNELS[kind], **change}
    unsaid = {name: value for name, value in item[kind].items() if name != 'dev'}
    assert ours.module('vnet_link', name='t', kind=kind, **{kind: unsaid})['changed'] and ours.links()['t'] == index  # they stay where they are
    assert ours.module('vnet_link', **item)['operations'] == []
    theirs.ip(f'link set dev t type {kind} ' + ' '.join(f'{name} {value}' for name, value in change.items()))
    ours.like(theirs, 'ip link')
    assert 'outer packets' in ours.refused('vnet_link', **{**item, 'link_netns': under.name})['msg']

    upper = spaces('upper')
    with pytest.raises(ModuleFailed):
        run_here('vnet_state', {'links': [{'name': 't', 'netns': ours.name, 'state': 'absent'}],
                                'routes': [{'netns': ours.name, 'dst': '10.0.0.0/8', 'via': '10.0.0.1'}]})
    ours.like(theirs, 'ip link')
    assert ours.module('vnet_link', **item)['operations'] == []
    state = json.dumps(round_trip(ours.name, lower.name)['links'])
    ours.module('vnet_link', name='t', state='absent')  # two alike would be refused, for they meet in the lower namespace
    run_here('vnet_state', {'links': json.loads(state.replace(ours.name, upper.name))})
    upper.like(theirs, 'ip link')
    upper.module('vnet_link', name='t', state='absent')
    upper.replay(made['commands'], (ours, upper))
    assert 't' in upper.links() and 't' not in lower.links()


def by_name(kind):
    from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS

    return KINDS[kind].table.by_name


@pytest.mark.parametrize('kind, first, then', [
    ('sit', {'local': '192.0.2.1'}, {'remote': '192.0.2.2'}),  # from many to one: another kind of device
    ('gre', {'remote': '192.0.2.2'}, {'external': True}),
    ('ipip', {'remote': '192.0.2.2'}, {'mode': 'ipip'}),
    ('geneve', {'id': 7, 'remote': '192.0.2.2'}, {'id': 8, 'remote': '192.0.2.2'}),
])
def test_made_anew(spaces, kind, first, then):
    ours = spaces('ours')
    ours.module('vnet_link', name='t', kind=kind, mtu=1300, **{kind: first})
    ours.batch(['ip addr add 10.0.0.1/24 dev t', 'ip route add 10.7.0.0/16 via 10.0.0.2', 'ip route add 2001:db8:7::/48 dev t'])
    hangs = ours.normal('ip addr', 'ip route')
    refused = ours.refused('vnet_link', name='t', kind=kind, **{kind: then})
    assert 'recreate' in refused['msg']
    ours.unchanged(hangs, ours.normal('ip addr', 'ip route'))
    assert ours.module('vnet_link', name='t', kind=kind, recreate=True, **{kind: then})['changed']
    assert ours.module('vnet_link', name='t', kind=kind, mtu=1300, **{kind: then})['operations'] == []
    after = ours.normal('ip addr', 'ip route')
    assert after['ip route'] == hangs['ip route'] and ours.ip('-6 route show 2001:db8:7::/48')
    assert [one['addr_info'] for one in after['ip addr']] == [one['addr_info'] for one in hangs['ip addr']]
    assert round_trip(ours.name)


def test_printed_options_can_be_pasted_in(spaces):
    """What `ip -d -j link` says of tunnels is accepted and means what is there."""
    ours = spaces('ours')
    ours.batch(['ip link add eth type dummy',
                'ip link add name a type gre remote 192.0.2.2 key 7 seq icsum tos inherit dev eth fwmark 7',
                'ip link add name b type ip6gre remote 2001:db8::2 encaplimit none tclass inherit flowlabel inherit dscp inherit allow-localremote'
                ' fwmark inherit',
                'ip link add name c type ip6tnl remote 2001:db8::2 mode ipip6 tclass 20 flowlabel 777',
                'ip link add name d type ipip remote 192.0.2.2 mode ipip',
                'ip link add name e type vti remote 192.0.2.3 ikey 1.2.3.4',
                'ip link add name f type erspan remote 192.0.2.4 seq key 7 erspan_ver 2 erspan_hwid 17',
                'ip link add name g type geneve id 7 remote 2001:db8::2 flowlabel 0x777 tos 0x10'])
    config = [{'name': link['ifname'], 'kind': link['linkinfo']['info_kind'], 'up': False, link['linkinfo']['info_kind']: link['linkinfo']['info_data']}
              for link in ours.json('ip link')[0] if link.get('linkinfo', {}).get('info_data')]
    assert len(config) == 7
    assert ours.module('vnet_link', config=config)['operations'] == []


def test_driver_devices_are_left_alone(spaces):
    """Two tunnels of one description are refused by the kernel, in one sentence, and nothing is left of the task."""
    ours = spaces('ours')
    same = {'kind': 'gre', 'gre': {'remote': '192.0.2.2'}}
    refused = ours.refused('vnet_link', config=[{'name': 'a', **same}, {'name': 'b', **same}])
    assert "'b'" in refused['msg'] and ours.links().keys() == {'lo'}
