# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Multicast groups and what they hang on: ports, bridges, VLANs. Every option is in test_entries.py, those of newer kernels here."""

from __future__ import annotations

import pytest

from module import ModuleFailed, round_trip, run_here

LINKS = [
    'ip link add name b0 address 02:00:00:00:00:01 type bridge', 'ip link add name p address 02:00:00:00:00:02 type dummy',
    'ip link add name q address 02:00:00:00:00:03 type dummy', 'ip link set dev p master b0', 'ip link set dev q master b0',
    'ip link set dev b0 up', 'ip link set dev p up', 'ip link set dev q up',
]
GROUPS = [f'bridge mdb add dev b0 port {port} grp {group}' for port, group in (
    ('p', '239.1.1.1 permanent'), ('p', '239.1.1.2 src 192.0.2.2 permanent'), ('p', 'ff0e::1 permanent'), ('p', '01:02:03:04:05:06 permanent'),
    ('q', '239.1.1.1 permanent'), ('q', '239.1.1.4 temp'))]


@pytest.fixture
def ours(spaces):
    space = spaces('ours')
    space.batch(LINKS)
    space.batch(GROUPS)
    return space


def permanent(space) -> list:
    return sorted((entry['port'], entry['grp']) for bridge in space.json('bridge mdb')[0] for entry in bridge['mdb'] if entry['state'] == 'permanent')


ALL = [('p', '01:02:03:04:05:06'), ('p', '239.1.1.1'), ('p', '239.1.1.2'), ('p', 'ff0e::1'), ('q', '239.1.1.1')]


@pytest.mark.parametrize('change', [
    {'name': 'b0', 'kind': 'bridge', 'state': 'absent'},
    {'name': 'p', 'master': ''},
    {'name': 'p', 'state': 'absent'},
], ids=str)
def test_undo(ours, change):
    before = ours.normal('bridge mdb')
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'links': [{'netns': ours.name, **change}], 'rules': [{'netns': ours.name, 'priority': 900, 'goto': 800}]})
    assert caught.value.result['rolled_back'], caught.value.result
    ours.unchanged(before, ours.normal('bridge mdb'))
    assert permanent(ours) == ALL


def test_with_a_port_that_is_made_anew(ours):
    ours.ip('link add name v link q type vlan id 5')
    ours.ip('link set dev v master b0 up')
    ours.bridge('mdb add dev b0 port v grp 239.1.1.9 permanent')
    ours.module('vnet_link', name='v', kind='vlan', link='q', vlan={'id': 6}, recreate=True)
    assert permanent(ours) == [*ALL, ('v', '239.1.1.9')]


def test_purge(ours):
    planned = ours.module('vnet_mdb', dev='b0', purge=True, config=[{'port': 'p', 'grp': '239.1.1.1'}, {'port': 'p', 'grp': '239.1.1.8'}], check=True)
    assert ours.module('vnet_mdb', dev='b0', purge=True, config=[{'port': 'p', 'grp': '239.1.1.1'}, {'port': 'p', 'grp': '239.1.1.8'}]) == planned
    assert permanent(ours) == [('p', '239.1.1.1'), ('p', '239.1.1.8')]
    assert '239.1.1.4' in ours.bridge('mdb')  # temporary
    ours.module('vnet_mdb', dev='b0', purge=True, config=[])
    assert permanent(ours) == []


def test_every_vlan_of_the_port(ours):
    """Where VLANs are filtered, an entry without one stands for one in each."""
    ours.ip('link set dev b0 type bridge vlan_filtering 1')
    ours.bridge('vlan add dev p vid 5')
    made = ours.module('vnet_mdb', dev='b0', port='p', grp='239.1.1.7')
    assert [operation['values']['vid'] for operation in made['operations']] == [1, 5]
    assert ours.module('vnet_mdb', dev='b0', port='p', grp='239.1.1.7')['operations'] == []
    assert ours.bridge('mdb').count('239.1.1.7') == 2
    ours.module('vnet_mdb', dev='b0', port='p', grp='239.1.1.7', state='absent')
    assert '239.1.1.7' not in ours.bridge('mdb')


def test_a_document(spaces):
    theirs, ours = spaces('theirs', 'ours')
    theirs.batch(LINKS)
    theirs.batch(GROUPS)
    links = [{'name': 'p', 'kind': 'dummy', 'address': '02:00:00:00:00:02', 'master': 'b0'},
             {'name': 'q', 'kind': 'dummy', 'address': '02:00:00:00:00:03', 'master': 'b0'},
             {'name': 'b0', 'kind': 'bridge', 'address': '02:00:00:00:00:01'}]
    groups = [{'port': 'p', 'grp': '239.1.1.1'}, {'port': 'p', 'grp': '239.1.1.2', 'src': '192.0.2.2'}, {'port': 'p', 'grp': 'ff0e::1'},
              {'port': 'p', 'grp': '01:02:03:04:05:06'}, {'port': 'q', 'grp': '239.1.1.1'}, {'port': 'q', 'grp': '239.1.1.4', 'entry_state': 'temp'}]
    run_here('vnet_state', {'mdb': [{'netns': ours.name, 'dev': 'b0', **group} for group in groups], 'links': [{'netns': ours.name, **link} for link in links]})
    ours.like(theirs, 'bridge mdb')
    assert len(round_trip(ours.name)['mdb']) == 5


@pytest.mark.parametrize('item, text', [
    ({'grp': '239.1.1.1', 'port': 'lo'}, 'lo'), ({'grp': '02:00:00:00:00:01', 'port': 'p'}, 'no multicast address'),
    ({'grp': '01:02:03:04:05:07', 'port': 'p', 'entry_state': 'temp'}, 'is permanent'), ({'grp': '239.1.1.1', 'src': '::1', 'port': 'p'}, 'not of the family'),
    ({'grp': '239.1.1.1', 'port': 'none'}, 'does not exist'),
])
def test_refused(ours, item, text):
    assert text in ours.refused('vnet_mdb', dev='b0', **item)['msg']
    assert permanent(ours) == ALL
