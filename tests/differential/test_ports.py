# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a port has of its master: from one master to another, made anew, and what only one of its ports can have."""

from __future__ import annotations

import pytest
from differential.conftest import equal
from differential.test_documents import writes
from differential.test_link import MAC
from differential.test_undo import refused_and_back, seen
from module import ModuleFailed, run_here

BOND = [f'ip link add bond0 address {MAC(100)} type bond', f'ip link add bond1 address {MAC(101)} type bond',
        *(f'ip link add d{number} address {MAC(number)} type dummy' for number in (0, 1, 2, 4)),
        'ip link set dev d4 up', 'ip link add br0 up type bridge', f'ip link add d5 address {MAC(5)} type dummy', 'ip link set dev d5 up master br0',
        *(f'ip link set dev d{number} master bond0' for number in range(3)),
        'ip link set dev d0 type bond_slave queue_id 1', 'ip link set dev d1 type bond_slave queue_id 2']


def refused_anywhere(task, shown) -> dict:
    """Each message of a task is refused in turn, and all is as before; then the result of the task."""
    before, number = shown(), 0
    while True:
        try:
            with writes(refused=number) as sent:
                made = task()
        except ModuleFailed as exc:
            assert exc.result['rolled_back'] is True, (number, exc.result['msg'])
            equal(shown(), before, ('before', f'after message {number} was refused'))
            number += 1
        else:
            assert number >= sent[0] > 0
            return made


def links(*config) -> dict:
    return {'config': [dict(one) for one in config]}


def port(name, queue_id, **more) -> dict:
    return {'name': name, 'master': 'bond0', 'bond_port': {'queue_id': queue_id}, **more}


def test_another_bridge(pair):
    """A port begins anew on another bridge, and has there what it is to have, also where it had just that."""
    pair.both('ip link add br0 type bridge', 'ip link add br1 type bridge', 'ip link add d0 type dummy', 'ip link set d0 master br0')
    pair.both('bridge link set dev d0 cost 50 hairpin on')
    pair.theirs.batch(['ip link set d0 master br1'])
    pair.theirs.batch(['bridge link set dev d0 cost 50'])
    result = pair.ours.module('vnet_link', name='d0', master='br1', bridge_port={'cost': 50})
    pair.same()
    assert result['changed'] and not pair.ours.module('vnet_link', name='d0', master='br1', bridge_port={'cost': 50})['changed']


@pytest.mark.parametrize('master', ['br0', ''])
def test_made_anew(pair, master):
    """A port that is made anew keeps what it had and nobody speaks of, as long as it is one."""
    pair.both('ip link add br0 type bridge', f'ip link add v0 address {MAC(1)} type vxlan id 1 dstport 4789', 'ip link set v0 up master br0')
    pair.both('bridge link set dev v0 cost 50 hairpin on')
    wanted = {'name': 'v0', 'kind': 'vxlan', 'vxlan': {'id': 2}, 'master': master, **({'bridge_port': {'cost': 60}} if master else {})}
    pair.ours.module('vnet_link', recreate=True, **wanted)
    pair.theirs.batch(['ip link del v0', f'ip link add v0 address {MAC(1)} type vxlan id 2 dstport 4789', 'ip link set v0 up'])
    if master:
        pair.theirs.batch(['ip link set v0 master br0'])
        pair.theirs.batch(['bridge link set dev v0 cost 60 hairpin on'])
    pair.same()


@pytest.mark.parametrize('wanted', [
    [port('d0', 2), port('d1', 1)],
    [port('d2', 1), port('d0', 0)],
    [port('d2', 1), port('d0', 2), port('d1', 3)],
    [port('d2', 1), {'name': 'd0', 'master': ''}],
    [port('d4', 1), {'name': 'd0', 'master': 'bond1', 'bond_port': {'queue_id': 1}}, {'name': 'd1', 'bond_port': {'queue_id': 0}}],
    [port('d2', 1), {'name': 'd0', 'master': 'bond1', 'bond_port': {'queue_id': 1}}],
    [{'name': 'd4', 'master': 'br0', 'bridge_port': {'backup_port': 'd5'}, 'alias': 'spare'}],
    [port('d2', 2), {'name': 'd1', 'state': 'absent'}],
    [port('d3', 1, kind='dummy', address=MAC(3)), {'name': 'd0', 'state': 'absent'}],
    [{'name': 'bond0', 'kind': 'bond', 'bond': {'mode': '802.3ad'}, 'recreate': True}, port('d0', 2), port('d1', 1)],
], ids=['swapped', 'moved', 'round', 'port leaves', 'port comes', 'port to another bond', 'port with a backup', 'port goes', 'new port', 'bond made anew'])
def test_queues_of_a_bond(spaces, wanted):
    """Two ports of a bond never have the same queue, not even for a moment: the kernel says EPERM."""
    ours = spaces('ours')
    ours.batch(BOND)
    refused_and_back(ours, links=wanted)
    planned = ours.module('vnet_link', check=True, **links(*wanted))
    made = refused_anywhere(lambda: ours.module('vnet_link', **links(*wanted)), lambda: seen(ours))
    assert made['operations'] == planned['operations']
    shown = {link['ifname']: link['linkinfo'].get('info_slave_data', {}).get('queue_id') for link in ours.json('ip link')[0] if 'linkinfo' in link}
    for one in wanted:
        assert 'bridge_port' in one or shown.get(one['name']) == one.get('bond_port', {}).get('queue_id')
    assert not ours.module('vnet_link', **links(*wanted))['operations']


@pytest.mark.parametrize('wanted, other', [
    ([port('d2', 1)], 'd0'),
    ([port('d2', 7), port('d0', 7)], 'd2'),
    ([port('d3', 2, kind='dummy')], 'd1'),
    ([{'name': 'd2', 'bond_port': {'queue_id': 1}}], 'd0'),
], ids=['live', 'listed', 'new', 'without a word of the master'])
def test_queue_of_another_port(spaces, wanted, other):
    ours = spaces('ours')
    ours.batch(BOND)
    result = ours.refused('vnet_link', check=True, **links(*wanted))
    assert f"is that of '{other}', another port of 'bond0', already" in result['msg']


@pytest.mark.parametrize('narrow', [
    {'kind': 'vxlan', 'vxlan': {'id': 1}, 'address': MAC(1), 'mtu': 1400},
    {'mtu': 1400},
    {'kind': 'vxlan', 'vxlan': {'id': 1, 'dev': 'd1'}},
], ids=['new', 'there', 'by itself'])
def test_narrow_port(spaces, narrow):
    """A bridge is as narrow as its narrowest port, unless it has an MTU of its own: one that is listed keeps it, as one that is made with it does."""
    ours = spaces('ours')
    ours.batch(['ip link add br0 type bridge', 'ip link add d0 type dummy', 'ip link add d1 type dummy', 'ip link set dev d1 up master br0',
                'ip link set dev d0 up master br0', 'ip link set dev br0 up'])
    wanted = [{'name': 'd0' if 'kind' not in narrow else 'v0', 'master': 'br0', **narrow}, {'name': 'br0', 'kind': 'bridge', 'mtu': 1500}]
    refused_and_back(ours, links=wanted)
    planned = ours.module('vnet_link', check=True, **links(*wanted))
    assert ours.module('vnet_link', **links(*wanted))['operations'] == planned['operations']
    assert ours.link('br0')['mtu'] == 1500 and not ours.module('vnet_link', **links(*wanted))['changed']


@pytest.mark.parametrize('mtu, told', [(1500, 0), (9000, 1)])
def test_ports_of_a_new_bridge(spaces, mtu, told):
    """Its own MTU is told once more only where its ports may have made it narrower."""
    ours = spaces('ours')
    wanted = [{'name': 'br0', 'kind': 'bridge', 'mtu': mtu}, {'name': 'd0', 'kind': 'dummy', 'master': 'br0'}, {'name': 'd1', 'kind': 'dummy', 'master': 'br0'}]
    operations = ours.module('vnet_link', **links(*wanted))['operations']
    assert len(operations) == 3 + told and ours.link('br0')['mtu'] == mtu


#: where a port comes from: a bridge of its own, with a VLAN and an entry that it is to have on the other one as well
ELSEWHERE = ['ip link add br0 up type bridge', 'ip link add br1 up type bridge', f'ip link add d0 up address {MAC(1)} type dummy',
             f'ip link add d1 up address {MAC(2)} type dummy', 'ip link set dev d0 master br0', 'ip link set dev d1 master br1']
VLANS = ['bridge vlan add dev d0 vid 10', f'bridge fdb add {MAC(9)} dev d0 master static vlan 10']


TEN, ONLY_TEN = {'vlans': [{'vid': 10}]}, {'vlans': [{'vid': 10}], 'purge': True}
MOVED = {'name': 'd0', 'master': 'br1'}


def default(bridge, vid) -> dict:
    return {'name': bridge, 'kind': 'bridge', 'bridge': {'vlan_default_pvid': vid}}


@pytest.mark.parametrize('links, own, vlans', [
    ([MOVED], {'d0': [1, 10]}, TEN),
    ([MOVED], {'d0': [10]}, ONLY_TEN),
    ([default('br0', 77)], {'d0': [1, 77, 10], 'br0': [77]}, {'vlans': [{'vid': 10}, {'vid': 1}]}),
    ([default('br0', 77)], {'d0': [10], 'br0': [77]}, ONLY_TEN),
    ([default('br1', 77), MOVED], {'d0': [10, 77], 'd1': [77], 'br1': [77]}, TEN),
    ([default('br1', 77), MOVED], {'d0': [10], 'd1': [77], 'br0': [1]}, ONLY_TEN),
    ([default('br1', 0), MOVED], {'d0': [10], 'd1': [], 'br1': []}, TEN),
], ids=['moved', 'moved, purged', 'default', 'default, purged', 'moved, default', 'moved, default, purged', 'no default'])
def test_vlans_and_entries_of_a_port(spaces, links, own, vlans):
    """They go with the bridge, and the default VLAN follows the bridge's; what is listed is there afterwards, also where it was there before."""
    ours = spaces('ours')
    ours.batch([line for line in ELSEWHERE if line.startswith('ip ')])
    ours.batch(VLANS)
    document = {'links': links, 'bridge_vlans': [{'dev': 'd0', **vlans}],
                'fdb': [{'dev': 'd0', 'mac': MAC(9), 'master': True, 'entry_state': 'static', 'vlan': 10}]}
    document = {section: [dict(item, netns=ours.name) for item in items] for section, items in document.items()}

    def tables() -> dict:
        vlans, entries = ours.normal('bridge vlan', 'bridge fdb').values()
        return {'vlans': vlans, 'entries': [entry for entry in entries if entry['mac'] == MAC(9)]}

    planned = run_here('vnet_state', document, check=True)
    assert refused_anywhere(lambda: run_here('vnet_state', document), tables)['operations'] == planned['operations']
    found = {one['ifname']: sorted(each['vlan'] for each in one['vlans']) for one in ours.json('bridge vlan')[0]}
    assert {name: found.get(name, []) for name in own} == {name: sorted(vids) for name, vids in own.items()}
    assert any(entry['mac'] == MAC(9) and entry.get('vlan') == 10 and entry['ifname'] == 'd0' for entry in ours.json('bridge fdb')[0])
    assert not run_here('vnet_state', document)['operations']
