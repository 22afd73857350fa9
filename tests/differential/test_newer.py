# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of rules, multicast groups and addresses that came with later releases, against the iproute2 of their age; and what older kernels say."""

from __future__ import annotations

import os
import time

import pytest

from differential.kernels import numbers
from differential.test_entries import check, type_lines
from differential.test_link import wait_for_carriers
from module import round_trip

LINKS = [
    'ip link add name b0 address 02:00:00:00:00:01 type bridge mcast_igmp_version 3 mcast_mld_version 2',
    'ip link add name p address 02:00:00:00:00:02 type dummy', 'ip link set dev p master b0',
    'ip link add name vx address 02:00:00:00:00:03 type vxlan id 7 dstport 4789 local 192.0.2.1',
    'ip link add name ve address 02:00:00:00:00:04 type vxlan external dstport 4790 local 192.0.2.1',
    'ip link set dev b0 up', 'ip link set dev p up', 'ip link set dev vx up', 'ip link set dev ve up',
]
CASES = {
    'mdb': ('6.4', 'vnet_mdb', ['bridge mdb'], [
        ({'dev': 'b0', 'port': 'p', 'grp': '239.1.1.1', 'filter_mode': 'include', 'source_list': ['192.0.2.2', '192.0.2.3']},
         'bridge mdb add dev b0 port p grp 239.1.1.1 permanent filter_mode include source_list 192.0.2.2,192.0.2.3'),
        ({'dev': 'b0', 'port': 'p', 'grp': 'ff0e::1', 'filter_mode': 'exclude', 'source_list': '2001:db8::1', 'protocol': 'zebra'},
         'bridge mdb add dev b0 port p grp ff0e::1 permanent filter_mode exclude source_list 2001:db8::1 proto zebra'),
        ({'dev': 'b0', 'port': 'p', 'grp': '239.1.1.3', 'protocol': 118}, 'bridge mdb add dev b0 port p grp 239.1.1.3 permanent proto 118'),
        ({'dev': 'vx', 'grp': '239.1.1.4', 'dst': '198.51.100.4'}, 'bridge mdb add dev vx port vx grp 239.1.1.4 permanent dst 198.51.100.4'),
        ({'dev': 'vx', 'grp': '239.1.1.4', 'dst': '198.51.100.5', 'dst_port': 7777, 'vni': 77, 'via': 'p'},
         'bridge mdb add dev vx port vx grp 239.1.1.4 permanent dst 198.51.100.5 dst_port 7777 vni 77 via p'),
        ({'dev': 'vx', 'grp': 'ff0e::4', 'src': '2001:db8::4', 'dst': '198.51.100.6'},
         'bridge mdb add dev vx port vx grp ff0e::4 src 2001:db8::4 permanent dst 198.51.100.6'),
        ({'dev': 've', 'grp': '239.1.1.5', 'dst': '198.51.100.7', 'src_vni': 5},
         'bridge mdb add dev ve port ve grp 239.1.1.5 permanent dst 198.51.100.7 src_vni 5'),
    ]),
    'proto': ('6.4', 'vnet_address', ['ip addr'], [({'dev': 'p', 'address': '192.0.2.9/24', 'proto': 77}, 'ip addr add 192.0.2.9/24 dev p proto 77')]),
}


@pytest.mark.parametrize('name', [pytest.param(name, marks=pytest.mark.kernel(case[0])) for name, case in CASES.items()])
def test_items(spaces, name):
    unused, module, commands, items = CASES[name]
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(LINKS)
    empty = ours.normal(*commands)
    type_lines(theirs, '\n'.join(line for unused, line in items))
    config = [item for item, unused in items]
    planned = ours.module(module, config=config, check=True)
    made = ours.module(module, config=config)
    assert made == planned and made['changed']
    check(ours.normal(*commands), theirs.normal(*commands), name)
    assert ours.module(module, config=config[::-1])['operations'] == []
    ours.replay(made['commands'], (ours, replayed))
    check(replayed.normal(*commands), theirs.normal(*commands), f'{name}: commands')
    round_trip(ours.name)
    ours.module(module, config=config, state='absent')
    check(ours.normal(*commands), empty, f'{name}: absent')


@pytest.mark.skipif(numbers(os.uname().release) >= [6, 3], reason='this kernel knows all of it')
@pytest.mark.parametrize('module, item, text', [
    ('vnet_rule', {'dscp': 10, 'table': 7}, 'would ignore dscp: it needs Linux 6.13'),
    ('vnet_rule', {'flowlabel': 10, 'family': 'inet6'}, 'would ignore flowlabel: it needs Linux 6.14'),
    ('vnet_mdb', {'dev': 'b0', 'port': 'p', 'grp': '239.1.1.1', 'source_list': ['192.0.2.2']}, 'source_list needs Linux 6.3'),
])
def test_older(spaces, module, item, text):
    ours = spaces('ours')
    ours.batch(LINKS)
    assert text in ours.refused(module, **item)['msg']


def test_an_address_that_another_host_has(spaces):
    """Duplicate address detection fails some time after the address was set: the next run says so, and changes nothing."""
    ours, other = spaces('ours', 'other')
    ours.ip(f'link add name v address 02:00:00:00:00:01 type veth peer name v address 02:00:00:00:00:02 netns {other.name}')
    other.ip('link set dev v up')
    other.ip('addr add 2001:db8::1/64 dev v nodad')
    ours.module('vnet_sysctl', name='net/ipv6/conf/v/dad_transmits', value=600)  # it asks until it is answered, however busy this machine is
    ours.ip('link set dev v up')
    wait_for_carriers([(ours, 'v'), (other, 'v')], seconds=60)
    ours.module('vnet_address', dev='v', address='2001:db8::1/64')
    deadline = time.monotonic() + 60
    while 'dadfailed' not in ours.ip('addr show dev v'):
        assert time.monotonic() < deadline, 'nobody answered'
        time.sleep(0.1)
    again = ours.module('vnet_address', dev='v', address='2001:db8::1/64')
    assert again['operations'] == [] and 'another host has this address' in str(again['warnings'])
    assert ours.module('vnet_address', dev='v', address='2001:db8::2/64').get('warnings', []) == []


@pytest.mark.kernel('6.4')  # the older one is built without
def test_optimistic(spaces):
    ours = spaces('ours')
    ours.ip('link add name d0 type dummy')
    ours.ip('link set dev d0 up')
    ours.module('vnet_sysctl', name='net/ipv6/conf/d0/optimistic_dad', value=1)
    assert ours.module('vnet_address', dev='d0', address='2001:db8::1/64', optimistic=True)['commands'] == [
        f'ip -n {ours.name} address add 2001:db8::1/64 optimistic dev d0']
    assert 'optimistic' in ours.ip('addr') or 'tentative' not in ours.ip('addr')
    assert ours.module('vnet_address', dev='d0', address='2001:db8::1/64', optimistic=True)['operations'] == []
