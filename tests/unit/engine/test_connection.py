# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No lock-out: plans that would cut the connection that Ansible came by."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from unit.engine.worlds import read_world

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import answers, connection, run
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

#: eth0 and eth1 in bond0, VLAN 10 on it, which has the address; br0 with eth2 stands beside it
WORLD = {
    'netns': ['blue'],
    'links': [
        {'name': 'eth0', 'index': 2, 'up': True, 'mtu': 1500, 'master': 'bond0', 'master_index': 4, 'bond_port': {'queue_id': 0}},
        {'name': 'eth1', 'index': 3, 'up': True, 'mtu': 1500, 'master': 'bond0', 'master_index': 4, 'bond_port': {'queue_id': 0}},
        {'name': 'bond0', 'index': 4, 'kind': 'bond', 'up': True, 'mtu': 1500, 'bond': {'mode': '802.3ad', 'lacp_rate': 'slow'}},
        {'name': 'v10', 'index': 5, 'kind': 'vlan', 'up': True, 'mtu': 1500, 'link': 'bond0', 'link_index': 4, 'vlan': {'id': 10}},
        {'name': 'eth2', 'index': 6, 'up': True, 'mtu': 1500, 'master': 'br0', 'master_index': 7},
        {'name': 'br0', 'index': 7, 'kind': 'bridge', 'up': True, 'mtu': 1500, 'bridge': {'vlan_default_pvid': 1}},
        {'name': 'far', 'index': 9, 'kind': 'veth', 'up': True, 'mtu': 1500, 'link_index': 5, 'link_nsid': 0},
        {'name': 'v10', 'netns': 'blue', 'index': 5, 'kind': 'dummy', 'up': True, 'mtu': 1500},
    ],
    'addresses': [
        {'dev': 'v10', 'address': '192.0.2.10/24'}, {'dev': 'v10', 'address': '192.0.2.11/24'}, {'dev': 'br0', 'address': '198.51.100.1/24'},
        {'dev': 'v10', 'address': '2001:db8::10/64'}, {'dev': 'lo', 'address': '127.0.0.1/8'},
        {'netns': 'blue', 'dev': 'v10', 'address': '192.0.2.10/24'},
    ],
}
SSH = '203.0.113.9 50000 192.0.2.10 22'


def protect(monkeypatch, document, ssh=SSH):
    monkeypatch.setenv('SSH_CONNECTION', ssh)
    world = read_world(WORLD)
    connection.protect(make_plan(from_document(RESOURCES, document), world), world)


CUTS = [
    {'links': [{'name': 'v10', 'state': 'absent'}]},
    {'links': [{'name': 'bond0', 'state': 'absent'}]},
    {'links': [{'name': 'v10', 'up': False}]},
    {'links': [{'name': 'bond0', 'up': False}]},
    {'links': [{'name': 'eth0', 'up': False}]},
    {'links': [{'name': 'bond0', 'kind': 'bond', 'bond': {'lacp_rate': 'fast'}}]},
    {'links': [{'name': 'v10', 'kind': 'vlan', 'link': 'bond0', 'recreate': True, 'vlan': {'id': 11}}]},
    {'links': [{'name': 'eth0', 'master': 'br0'}]},
    {'links': [{'name': 'v10', 'master': 'br0'}]},
    {'links': [{'name': 'eth0', 'master': ''}]},
    {'links': [{'purge': True, 'purge_match': ['v*'], 'config': []}]},
    {'addresses': [{'dev': 'v10', 'address': '192.0.2.10/24', 'state': 'absent'}]},
    {'addresses': [{'dev': 'v10', 'purge': True, 'config': []}]},
    {'addresses': [{'dev': 'v10', 'address': '192.0.2.10/24', 'label': 'v10:1', 'broadcast': '192.0.2.255'}]},
]


@pytest.mark.parametrize('document', CUTS, ids=str)
def test_refused(monkeypatch, document):
    with pytest.raises(InputError) as caught:
        protect(monkeypatch, document)
    assert 'would cut the connection that Ansible came by (192.0.2.10 on bond0, eth0, eth1, v10)' in caught.value.message
    assert 'allow_disconnect: true' in caught.value.message


@pytest.mark.parametrize('document', [
    {'links': [{'name': 'br0', 'state': 'absent'}]},
    {'links': [{'name': 'eth2', 'up': False}]},
    {'links': [{'name': 'bond0', 'mtu': 1400}, {'name': 'd9', 'kind': 'dummy', 'master': 'br0'}]},
    {'links': [{'name': 'v11', 'kind': 'vlan', 'link': 'bond0', 'vlan': {'id': 11}}]},
    {'links': [{'name': 'v10', 'netns': 'blue', 'state': 'absent'}]},
    {'addresses': [{'dev': 'v10', 'address': '192.0.2.11/24', 'state': 'absent'}]},
    {'addresses': [{'dev': 'v10', 'netns': 'blue', 'address': '192.0.2.10/24', 'state': 'absent'}]},
    {'addresses': [{'dev': 'br0', 'purge': True, 'config': []}]},
], ids=str)
def test_let_through(monkeypatch, document):
    protect(monkeypatch, document)


def test_by_ipv6(monkeypatch):
    with pytest.raises(InputError, match='2001:db8::10 on bond0, eth0, eth1, v10'):
        protect(monkeypatch, {'addresses': [{'dev': 'v10', 'address': '2001:db8::10/64', 'state': 'absent'}]}, '2001:db8::9 5 2001:db8::10 22')


@pytest.mark.parametrize('ssh', ['127.0.0.1 5 127.0.0.1 22', '203.0.113.9 5 203.0.113.10 22'])
def test_a_connection_by_another_way(monkeypatch, ssh):
    for document in CUTS[:3]:
        protect(monkeypatch, document, ssh)


def test_an_address_of_the_loopback(monkeypatch):
    with pytest.raises(InputError, match=r'127.0.0.1 on lo\)'):
        protect(monkeypatch, {'links': [{'name': 'lo', 'up': False}]}, '127.0.0.1 5 127.0.0.1 22')
    protect(monkeypatch, {'links': [{'name': 'lo', 'up': False}]})


def test_a_moved_nic(monkeypatch):
    """What is moved out of the namespace of the module, not into it."""
    monkeypatch.setenv('SSH_CONNECTION', SSH)
    world = read_world(WORLD)
    operations = make_plan(from_document(RESOURCES, {'links': [{'name': 'eth2', 'netns': 'blue', 'move_from': 'red'}]}),
                           read_world({'netns': ['blue', 'red'], 'links': [{'name': 'eth2', 'netns': 'red', 'index': 2, 'up': True}]}))
    connection.protect(operations, world)
    move = next(operation for operation in operations if operation.action == 'move')
    move.facts['from'], move.key = None, 'eth1'
    with pytest.raises(InputError, match='move links'):
        connection.protect(operations, world)


def test_without_ssh(monkeypatch):
    monkeypatch.setattr(connection, 'own_address', lambda: None)
    protect(monkeypatch, CUTS[0])


@pytest.mark.parametrize('value, address', [
    (SSH, '192.0.2.10'), ('fe80::9%eth0 5 fe80::10%eth0 22', 'fe80::10'), ('nonsense', None), ('a b c', None)])
def test_own_address(monkeypatch, value, address):
    monkeypatch.setenv('SSH_CONNECTION', value)
    assert connection.own_address() == address


def test_own_address_where_sudo_has_cleaned_the_environment():
    """An ancestor has it."""
    code = f'from {connection.__name__} import own_address; print(own_address())'
    inner = [sys.executable, '-c', code]
    outer = [sys.executable, '-c', f'import os, subprocess; e = dict(os.environ); e.pop("SSH_CONNECTION"); subprocess.run({inner!r}, env=e, check=True)']
    done = subprocess.run(outer, env={**os.environ, 'SSH_CONNECTION': SSH}, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == '192.0.2.10'


@pytest.mark.parametrize('allow', [False, True])
def test_allow_disconnect(monkeypatch, allow):
    class Kernel:
        def close(self):
            pass

    monkeypatch.setenv('SSH_CONNECTION', SSH)
    monkeypatch.setattr(run, 'Kernel', Kernel)
    monkeypatch.setattr(run, 'World', lambda resources, kernel, *more: read_world(WORLD))
    desired = from_document(RESOURCES, CUTS[0])
    if allow:
        assert run.run(desired, RESOURCES, check=True, allow_disconnect=True)['changed']
    else:
        with pytest.raises(InputError, match='cut the connection'):
            run.run(desired, RESOURCES, check=True)


# -- the way back

ROUTES = [{'dst': 'default', 'via': '192.0.2.1', 'dev': 'v10', 'table': 100}, {'dst': '203.0.113.0/24', 'via': '192.0.2.2', 'dev': 'v10', 'table': 100},
          {'dst': 'default', 'via': '192.0.2.1', 'dev': 'v10'}]
RULES = [{'priority': 100, 'src': '192.0.2.0/24', 'table': 100}, {'priority': 200, 'table': 100, 'dst': '203.0.113.9/32'}]


def protect_answers(monkeypatch, document, nhid=None):
    monkeypatch.setenv('SSH_CONNECTION', SSH)
    world = read_world({**WORLD, 'routes': ROUTES})
    rules = RESOURCES['rules']
    live = [*rules.empty().values(), *({**one.values, 'protocol': 118} for item in RULES for one in rules.parse(item, 'rule'))]
    world.tables['rules', None] = {rules.key(values): values for values in live}
    world.tables['nexthops', None] = {key: {'id': key, 'dev': 'v10', 'family': 'inet', 'protocol': 118} for key in (7, 8)}
    route = {'dst': 'default', 'nhid': nhid, 'table': 100} if nhid else ROUTES[1]
    monkeypatch.setattr(answers, 'route_back', lambda world, client, server: {**route, 'family': 'inet'})
    connection.protect(make_plan(from_document(RESOURCES, document), world), world)


@pytest.mark.parametrize('document, nhid', [
    ({'routes': [{'dst': '203.0.113.0/24', 'table': 100, 'state': 'absent'}]}, None),
    ({'routes': [{'dst': '203.0.113.0/24', 'table': 100, 'type': 'blackhole'}]}, None),
    ({'routes': [{'dst': '203.0.113.8/30', 'table': 100, 'type': 'unreachable'}]}, None),
    ({'rules': [{'priority': 50, 'dst': '203.0.113.0/24', 'action': 'prohibit'}]}, None),
    ({'rules': [{'priority': 50, 'iif': 'lo', 'action': 'blackhole'}]}, None),
    ({'rules': [{'purge': True, 'config': []}]}, None),
    ({'rules': [{**RULES[0], 'state': 'absent'}, {**RULES[1], 'state': 'absent'}]}, None),
    ({'nexthops': [{'id': 7, 'state': 'absent'}]}, 7),
    ({'links': [{'name': 'v10', 'master': 'red'}, {'name': 'red', 'kind': 'vrf', 'vrf': {'table': 10}}]}, None),
], ids=str)
def test_answers_cut(monkeypatch, document, nhid):
    with pytest.raises(InputError, match='would cut the connection'):
        protect_answers(monkeypatch, document, nhid)


@pytest.mark.parametrize('document, nhid', [
    ({'routes': [{'dst': 'default', 'state': 'absent'}, {'dst': 'default', 'table': 100, 'state': 'absent'}]}, None),
    ({'routes': [{'dst': '203.0.113.0/24', 'via': '192.0.2.9', 'table': 100}]}, None),
    ({'routes': [{'dst': '203.0.113.16/28', 'table': 100, 'type': 'blackhole'}, {'dst': '203.0.113.8/30', 'type': 'blackhole'}]}, None),
    ({'rules': [{'priority': 50, 'dst': '203.0.114.0/24', 'action': 'prohibit'}, {'priority': 51, 'family': 'inet6', 'action': 'blackhole'}]}, None),
    ({'rules': [{'priority': 300, 'action': 'blackhole'}, {'priority': 50, 'iif': 'eth2', 'action': 'blackhole'}]}, None),
    ({'rules': [{**RULES[0], 'state': 'absent'}]}, None),
    ({'rules': [{'purge': True, 'config': [{'priority': 70, 'table': 100}]}]}, None),
    ({'rules': [{'netns': 'blue', 'priority': 50, 'action': 'blackhole'}]}, None),
    ({'nexthops': [{'id': 8, 'state': 'absent'}]}, 7),
], ids=str)
def test_answers_let_through(monkeypatch, document, nhid):
    protect_answers(monkeypatch, document, nhid)


#: the address is on a member of a VRF that is one end of a pair, whose other end is a port in blue
FAR = {
    'netns': ['blue'],
    'links': [
        {'name': 'red', 'index': 2, 'kind': 'vrf', 'up': True, 'mtu': 1500, 'vrf': {'table': 7}},
        {'name': 'other', 'index': 3, 'kind': 'dummy', 'up': True, 'mtu': 1500, 'master': 'red', 'master_index': 2},
        {'name': 'near', 'index': 5, 'kind': 'veth', 'up': True, 'mtu': 1500, 'link_index': 6, 'link_nsid': 0, 'master': 'red', 'master_index': 2},
        {'name': 'near', 'netns': 'blue', 'index': 5, 'kind': 'dummy', 'up': True, 'mtu': 1500},
        {'name': 'far', 'netns': 'blue', 'index': 6, 'kind': 'veth', 'up': True, 'mtu': 1500, 'link_index': 5, 'link_nsid': 0},
        {'name': 'br0', 'netns': 'blue', 'index': 7, 'kind': 'bridge', 'up': True, 'mtu': 1500, 'bridge': {'vlan_default_pvid': 1}},
    ],
    'addresses': [{'dev': 'near', 'address': '192.0.2.10/24'}],
}


def protect_far(monkeypatch, document):
    monkeypatch.setenv('SSH_CONNECTION', SSH)
    world = read_world(FAR)
    connection.protect(make_plan(from_document(RESOURCES, document), world), world)


@pytest.mark.parametrize('document', [
    {'links': [{'name': 'far', 'netns': 'blue', 'state': 'absent'}]},
    {'links': [{'name': 'far', 'netns': 'blue', 'up': False}]},
    {'links': [{'name': 'far', 'netns': 'green', 'move_from': 'blue'}], 'netns': [{'name': 'green'}]},
    {'links': [{'purge': True, 'purge_match': ['f*'], 'netns': 'blue', 'config': []}]},
    {'netns': [{'name': 'blue', 'state': 'absent'}]},
    {'links': [{'name': 'near', 'master': ''}]},
    {'links': [{'name': 'red', 'state': 'absent'}]},
    {'links': [{'name': 'red', 'up': False}]},
], ids=str)
def test_the_other_end_of_a_pair_and_the_vrf(monkeypatch, document):
    with pytest.raises(InputError) as caught:
        protect_far(monkeypatch, document)
    assert 'would cut the connection that Ansible came by (192.0.2.10 on near, red)' in caught.value.message


@pytest.mark.parametrize('document', [
    {'links': [{'name': 'near', 'netns': 'blue', 'state': 'absent'}]},
    {'links': [{'name': 'far', 'netns': 'blue', 'master': 'br0', 'mtu': 1400}]},
    {'links': [{'name': 'other', 'state': 'absent'}]},
], ids=str)
def test_beside_the_pair_and_the_vrf(monkeypatch, document):
    protect_far(monkeypatch, document)
