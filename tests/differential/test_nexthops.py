# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hangs on nexthop objects: routes, groups, FDB entries and links. Every option is in test_entries.py."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.apply import Applier
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel, World
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from module import round_trip, run_here

PRINTED = 'ip nexthop', 'ip route show table all', 'bridge fdb'
LINKS = [
    'ip link add name d0 address 02:00:00:00:00:01 type dummy', 'ip link add name d1 address 02:00:00:00:00:02 type dummy',
    'ip link add name vx address 02:00:00:00:00:03 type vxlan id 7 dstport 4789',
    'ip link set dev lo up', 'ip link set dev d0 up', 'ip link set dev d1 up', 'ip link set dev vx up',
    'ip addr add 192.0.2.1/24 dev d0', 'ip addr add 198.51.100.1/24 dev d1', 'ip addr add 2001:db8::1/64 dev d0 nodad',
]
HOPS = [
    'ip nexthop add id 1 via 192.0.2.2 dev d0 protocol 118', 'ip nexthop add id 2 via 198.51.100.2 dev d1 protocol 118',
    'ip nexthop add id 3 via 2001:db8::2 dev d0 protocol 118', 'ip nexthop add id 10 group 1/2,5 protocol 118', 'ip nexthop add id 11 group 1 protocol 12',
    'ip nexthop add id 8 via 203.0.113.8 fdb protocol 118', 'ip nexthop add id 9 group 8 fdb protocol 118',
    'ip route add 10.1.0.0/16 nhid 1 proto 118', 'ip route add 10.10.0.0/16 nhid 10 proto 118', 'ip route add 10.11.0.0/16 nhid 11 proto 12',
    'ip route add 2001:db8:3::/48 nhid 3 proto 118',
]
FDB = 'bridge fdb add 02:00:00:00:01:01 dev vx nhid 9 self permanent'


@pytest.fixture
def ours(spaces):
    space = spaces('ours')
    space.batch(LINKS + HOPS)
    space.bridge(FDB.partition(' ')[2])
    return space


def test_a_document_in_any_order(spaces):
    theirs, ours = spaces('theirs', 'ours')
    theirs.batch(LINKS + HOPS)
    theirs.bridge(FDB.partition(' ')[2])
    ours.batch(LINKS)
    document = {
        'fdb': [{'dev': 'vx', 'mac': '02:00:00:00:01:01', 'nhid': 9}],
        'routes': [{'dst': '10.1.0.0/16', 'nhid': 1}, {'dst': '10.10.0.0/16', 'nhid': 10}, {'dst': '10.11.0.0/16', 'nhid': 11, 'protocol': 'bird'},
                   {'dst': '2001:db8:3::/48', 'nhid': 3}],
        'nexthops': [{'id': 9, 'group': [{'id': 8}], 'fdb': True}, {'id': 11, 'group': {'id': 1}, 'protocol': 'bird'},
                     {'id': 10, 'group': [{'id': 2, 'weight': 5}, {'id': 1}]}, {'id': 3, 'via': '2001:db8::2', 'dev': 'd0'},
                     {'id': 8, 'via': '203.0.113.8', 'fdb': True}, {'id': 2, 'via': '198.51.100.2', 'dev': 'd1'}, {'id': 1, 'via': '192.0.2.2', 'dev': 'd0'}],
    }
    document = {section: [{'netns': ours.name, **item} for item in items] for section, items in document.items()}
    assert run_here('vnet_state', document)['changed']
    assert run_here('vnet_state', document)['operations'] == []
    ours.like(theirs, *PRINTED)
    assert '2001:db8:3::/48 nhid 3' in ours.ip('-6 route')
    state = round_trip(ours.name)
    assert {'nhid': 10, 'dst': '10.10.0.0/16'}.items() <= next(route for route in state['routes'] if route['dst'] == '10.10.0.0/16').items()
    gone = {section: [{**item, 'state': 'absent'} for item in items] for section, items in document.items()}
    run_here('vnet_state', gone)
    assert ours.ip('nexthop') == '' and 'nhid' not in ours.ip('route')


def test_changed_live(ours):
    """Routes follow a nexthop that changes; nobody touches them."""
    made = ours.module('vnet_nexthop', config=[{'id': 1, 'via': '192.0.2.22', 'dev': 'd0'}, {'id': 10, 'group': [{'id': 2}]}])
    assert [(operation['resource'], operation['disruption']) for operation in made['operations']] == [('nexthops', 'in_place')] * 2
    assert '10.1.0.0/16 nhid 1 via 192.0.2.22 dev d0' in ours.ip('route') and '10.10.0.0/16 nhid 10 via 198.51.100.2 dev d1' in ours.ip('route')


def test_made_anew(ours):
    """A nexthop that becomes a group: its routes come back, and the groups that it was in."""
    before = ours.ip('route')
    made = ours.module('vnet_nexthop', id=10, group=[{'id': 1}, {'id': 2}], type='resilient', buckets=8)
    assert {operation['disruption'] for operation in made['operations'] if operation['name'] == '10'} == {'recreate'}
    assert 'type resilient' in ours.ip('nexthop get id 10')
    assert [line.split()[:3] for line in ours.ip('route').splitlines()] == [line.split()[:3] for line in before.splitlines()]


def test_absent_says_what_goes_with_it(ours):
    planned = ours.module('vnet_nexthop', id=1, state='absent', check=True)
    assert sorted(planned['operations'][0]['flushes']) == ['routes 10.1.0.0/16', 'routes 10.11.0.0/16']
    assert ours.module('vnet_nexthop', id=1, state='absent') == planned
    assert 'id 11' not in ours.ip('nexthop') and 'id 10 group 2' in ours.ip('nexthop')
    assert ours.module('vnet_nexthop', id=1, state='absent')['operations'] == []


@pytest.mark.parametrize('gone', [[1], [2], [10], [1, 2, 10], [9], [8, 9], [8], [3]], ids=str)
def test_undo(ours, gone):
    """Nexthops are among the last that go, so that nothing is left that could be refused: the undo is run by itself."""
    before = ours.normal(*PRINTED)
    six = ours.ip('-6 route')
    kernel = Kernel()
    try:
        desired = from_document(RESOURCES, {'nexthops': [{'netns': ours.name, 'id': one, 'state': 'absent'} for one in gone]})
        applier = Applier(RESOURCES, kernel)
        applier.run(make_plan(desired, World(RESOURCES, kernel)))
        assert ours.normal(*PRINTED) != before
        assert applier._undo() == []  # pylint: disable=protected-access
    finally:
        kernel.close()
    ours.unchanged(before, ours.normal(*PRINTED))
    assert ours.ip('-6 route') == six


def test_with_a_link_that_is_made_anew(ours):
    """A link takes its nexthops with it, and they their routes and groups."""
    ours.ip('link add name v5 link d0 type vlan id 5')
    ours.batch(['ip link set dev v5 up', 'ip addr add 203.0.113.1/24 dev v5', 'ip nexthop add id 5 via 203.0.113.5 dev v5 protocol 118',
                'ip nexthop replace id 10 group 1/2/5 protocol 118', 'ip route add 10.5.0.0/16 nhid 5 proto 118'])
    before = ours.normal(*PRINTED)
    made = ours.module('vnet_link', name='v5', kind='vlan', link='d0', vlan={'id': 6}, recreate=True)
    assert made['changed']
    ours.unchanged(before, ours.normal(*PRINTED))


@pytest.mark.parametrize('protocol, left', [(None, {4, 11, 7}), ('bird', {1, 2, 3, 8, 9, 10, 4, 7})])
def test_purge(ours, protocol, left):
    ours.batch(['ip nexthop add id 4 dev d1 protocol static', 'ip nexthop add id 7 dev d0', 'ip nexthop replace id 11 group 7 protocol 12'])
    ours.module('vnet_nexthop', purge=True, config=[], **({'protocol': protocol} if protocol else {}))
    assert {nexthop['id'] for nexthop in ours.json('ip nexthop')[0]} == left


@pytest.mark.parametrize('item, text', [
    ({'id': 5}, 'needs dev, blackhole or a group'), ({'id': 5, 'via': '192.0.2.5'}, 'needs dev'),
    ({'id': 5, 'group': [{'id': 77}]}, 'Invalid nexthop id'), ({'id': 5, 'dev': 'no'}, 'does not exist'),
    ({'id': 1, 'via': '192.0.2.5', 'dev': 'd0', 'group': [{'id': 2}]}, 'exclude each other'),
    ({'id': 5, 'via': '::1', 'family': 'inet', 'dev': 'd0'}, 'not of family'), ({'id': 5, 'dev': 'd0', 'buckets': 3}, 'is for groups'),
])
def test_refused(ours, item, text):
    before = ours.normal(*PRINTED)
    assert text in ours.refused('vnet_nexthop', **item)['msg']
    ours.unchanged(before, ours.normal(*PRINTED))
