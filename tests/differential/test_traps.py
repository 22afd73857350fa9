# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps that the kernel has set for others, each in a test of its own; some more are in test_link.py (traps) and test_bulk.py.

unchanged VXLAN, VXLAN defaults and family, timers, default VLAN, parent removed and added again, MAC at a second run, missing namespace,
failed run and the next: test_link.py. A peer's index equal to another's: test_pair_with_equal_indexes there. Packet numbers: test_macsec.py.
"""

from __future__ import annotations

import threading
import time
from unittest import mock

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import apply
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import namespaces
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NetlinkSocket, Request
from module import ModuleFailed, round_trip, run_here

RTM_NEWNEIGH = 28
MAC = '02:00:00:00:01:{:02x}'.format


def dropping(kind: int, number: int, always: bool = False):
    """A NetlinkSocket.batch that silently loses the message of that number among those of a kind; once, or each time."""
    batch, seen, lost = NetlinkSocket.batch, [0], []

    def lossy(self, requests):
        kept = []
        for request in requests:
            mine = request.type == kind
            seen[0] += mine
            if mine and (seen[0] == number + 1 or always and lost and request.body == lost[0]):
                lost.append(request.body)
            else:
                kept.append(request)
        return batch(self, kept)

    return mock.patch.object(NetlinkSocket, 'batch', lossy), lost


def refusing(kind: int, number: int):
    """A NetlinkSocket.batch that loses the message of that number among those of a kind, and whose kernel refuses it when it is sent again."""
    batch, seen, lost = NetlinkSocket.batch, [0], []

    def lossy(self, requests):
        kept = []
        for request in requests:
            seen[0] += request.type == kind
            if request.type == kind and seen[0] == number + 1 and not lost:
                lost.append(request.body)
            else:
                kept.append(Request(17, 0, b'\0' * 16) if request.body in lost else request)
        return batch(self, kept)

    return mock.patch.object(NetlinkSocket, 'batch', lossy)


@pytest.fixture
def vxlan(spaces):
    ours = spaces('ours')
    ours.ip('link add name vx address 02:00:00:00:00:01 type vxlan id 7 dstport 4789 nolearning')
    return ours


FDB = [{'mac': MAC(number), 'dst': '192.0.2.1'} for number in range(100)]


def entries(space) -> set:
    return {entry['mac'] for entry in space.json('bridge fdb show dev vx')[0]}


@pytest.mark.parametrize('number', [0, 57, 99])
def test_fdb_insert_that_is_lost_is_repaired(vxlan, number):
    """While its hash table grows, the kernel can lose an insert and say nothing."""
    patch, lost = dropping(RTM_NEWNEIGH, number)
    with patch:
        result = run_here('vnet_fdb', {'netns': vxlan.name, 'dev': 'vx', 'config': FDB})
    assert len(lost) == 1 and entries(vxlan) >= {item['mac'] for item in FDB}
    assert result['changed'] and 'made again' in str(result['warnings'])
    assert run_here('vnet_fdb', {'netns': vxlan.name, 'dev': 'vx', 'config': FDB})['operations'] == []


def test_fdb_insert_that_is_lost_again_is_reported(vxlan):
    patch, lost = dropping(RTM_NEWNEIGH, 57, always=True)
    with patch:
        result = run_here('vnet_fdb', {'netns': vxlan.name, 'dev': 'vx', 'config': FDB})
    assert len(lost) == 2 and MAC(57) not in entries(vxlan)
    assert 'did not keep' in str(result['warnings']), result


def test_repair_that_is_refused_is_reported(vxlan):
    """What was made stays; the warning says what is missing, and why."""
    with refusing(RTM_NEWNEIGH, 57):
        result = run_here('vnet_fdb', {'netns': vxlan.name, 'dev': 'vx', 'config': FDB})
    assert MAC(57) not in entries(vxlan) and len(entries(vxlan)) == len(FDB) - 1
    warning = str(result['warnings'])
    assert MAC(57) in warning and 'could not be made again' in warning
    assert 'The rest of the task stands' in warning and 'of this task was taken back' not in warning


@pytest.mark.parametrize('option, value', [('id', 8), ('dstport', 4790), ('port_range', '7000-7777'), ('proxy', True), ('gbp', True)])
def test_immutable_attribute(vxlan, option, value):
    """Refused before anything is written, though another option of the item could have been changed."""
    before = vxlan.normal('ip link')
    message = vxlan.refused('vnet_link', name='vx', kind='vxlan', mtu=1300, vxlan={'id': 7, option: value})['msg']
    assert f'vxlan.{option}' in message and 'recreate: true' in message
    vxlan.unchanged(before, vxlan.normal('ip link'))


def test_dumps_while_others_change_links(spaces):
    """Hundreds of links, and someone who makes and removes others all the time: dumps are interrupted, the outcome is right all the same."""
    ours, other = spaces('ours', 'other')
    config = [{'name': f'd{number}', 'kind': 'dummy', 'mtu': 1400} for number in range(300)]
    ours.module('vnet_link', config=config)
    interrupted, once, stop = [], NetlinkSocket._dump_once, threading.Event()

    def watched(self, *arguments):
        found = once(self, *arguments)
        interrupted.append(found[1])
        return found

    def churn():
        while not stop.is_set():
            ours.batch([line for number in range(40) for line in (f'ip link add name c{number} type dummy', f'ip link del c{number}')])

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        with mock.patch.object(NetlinkSocket, '_dump_once', watched):
            deadline = time.monotonic() + 20
            while not any(interrupted) and time.monotonic() < deadline:
                assert ours.module('vnet_link', config=config)['operations'] == []
    finally:
        stop.set()
        thread.join()
    assert other.links().keys() == {'lo'}


def test_answers_that_find_no_room(spaces):
    """ENOBUFS during a dump: it is made again. After a batch nobody knows what was done: everything is taken back."""
    ours = spaces('ours')
    config = [{'name': f'd{number}', 'kind': 'dummy'} for number in range(300)]
    ours.module('vnet_link', config=config)
    receive, calls = NetlinkSocket._receive, []

    def full(self):
        calls.append(1)
        if len(calls) == 2:
            receive(self)  # what was lost
            raise OSError(105, 'No buffer space available')
        return receive(self)

    with mock.patch.object(NetlinkSocket, '_receive', full):
        assert ours.module('vnet_link', config=config)['operations'] == []
    assert len(calls) > 2
    send, before = apply.Applier._send, ours.links().keys()

    def no_room(self, *part):
        with mock.patch.object(NetlinkSocket, '_collect', side_effect=KernelError(105, 'the kernel had no room for its answers')):
            return send(self, *part)

    with mock.patch.object(apply.Applier, '_send', no_room):
        with pytest.raises((ModuleFailed, AssertionError)):
            ours.module('vnet_link', config=[{'name': f'e{number}', 'kind': 'dummy'} for number in range(300)])
    assert ours.links().keys() == before


def test_address_whose_detection_failed(spaces):
    """An address that someone else has: DAD marks it, the second run finds it and changes nothing."""
    ours, other = spaces('ours', 'other')
    ours.batch([f'ip link add name a type veth peer name b netns {other.name}', 'ip link set dev a up'])
    other.batch(['ip link set dev b up', 'ip addr add 2001:db8::1/64 dev b nodad'])
    item = {'dev': 'a', 'address': '2001:db8::1/64'}
    ours.module('vnet_address', **item)
    deadline = time.monotonic() + 10
    while not any(address.get('dadfailed') for link in ours.json('ip addr')[0] for address in link['addr_info']):
        assert time.monotonic() < deadline, 'no failure'
        time.sleep(0.1)
    assert ours.module('vnet_address', **item)['operations'] == []
    round_trip(ours.name, other.name)


def test_stp_priority_with_stp_off(spaces):
    """Told together with what turns STP off, a priority is kept and asked for once."""
    ours = spaces('ours')
    item = {'name': 'b0', 'kind': 'bridge', 'bridge': {'stp_state': False, 'priority': 8192}}
    for unused in range(2):
        ours.module('vnet_link', **item)
        assert ours.link('b0')['linkinfo']['info_data']['priority'] == 8192
        assert ours.module('vnet_link', **item)['operations'] == []
        ours.batch(['ip link set b0 type bridge stp_state 1 priority 4096'])


def meanwhile(space, *commands):
    """Someone else acts when the transaction is through, before its outcome is read back."""
    run = apply.Applier.run

    def disturbed(self, *operations):
        told = run(self, *operations)
        while commands_left:
            space.ip(commands_left.pop(0))
        return told

    commands_left = list(commands)
    return mock.patch.object(apply.Applier, 'run', disturbed)


def test_mac_that_udev_sets_after_creation(spaces):
    """MACAddressPolicy=persistent: the MAC of a new link becomes another one. It was not asked for, so it is left alone."""
    ours = spaces('ours')
    document = {'links': [{'netns': ours.name, 'name': 'b0', 'kind': 'bridge'},
                          {'netns': ours.name, 'name': 'vx', 'kind': 'vxlan', 'vxlan': {'id': 7}, 'master': 'b0'}]}
    with meanwhile(ours, 'link set dev b0 address 02:00:00:00:00:0b', 'link set dev vx address 02:00:00:00:00:0a'):
        assert not run_here('vnet_state', document).get('warnings')
    assert run_here('vnet_state', document)['operations'] == []
    assert ours.link('vx')['address'] == '02:00:00:00:00:0a'


def test_mac_that_udev_changes_is_set_again_where_it_was_given(spaces):
    ours = spaces('ours')
    item = {'netns': ours.name, 'name': 'd0', 'kind': 'dummy', 'address': '02:00:00:00:00:01'}
    with meanwhile(ours, 'link set dev d0 address 02:00:00:00:00:0a'):
        run_here('vnet_link', item)
    assert ours.link('d0')['address'] == item['address']
    assert run_here('vnet_link', item)['operations'] == []


def test_name_that_udev_changes_after_creation(spaces):
    """The run says so and does not fail; the next one finds what was asked for."""
    ours = spaces('ours')
    item = {'netns': ours.name, 'name': 'd0', 'kind': 'dummy'}
    with meanwhile(ours, 'link set dev d0 down', 'link set dev d0 name e0'):
        assert 'd0' in str(run_here('vnet_link', item)['warnings'])
    assert run_here('vnet_link', item)['operations'] == []


def test_name_that_udev_changes_between_creation_and_use(spaces):
    """A link that someone renames behind us is named in the failure, and nothing stays behind but what was renamed."""
    ours = spaces('ours')
    flush, done = apply.Applier._flush, []

    def renaming(self):
        flush(self)
        if 'd0' in ours.links() and not done:
            done.append(True)
            ours.batch(['ip link set dev d0 down', 'ip link set dev d0 name e0'])

    document = {'links': [{'netns': ours.name, 'name': 'd0', 'kind': 'dummy'},
                          {'netns': ours.name, 'name': 'v7', 'kind': 'vlan', 'link': 'd0', 'vlan': {'id': 7}}]}
    with mock.patch.object(apply.Applier, '_flush', renaming):
        with pytest.raises(ModuleFailed) as caught:
            run_here('vnet_state', document)
    assert "'d0'" in caught.value.result['msg'] or '(v7)' in caught.value.result['msg']
    assert 'Traceback' not in caught.value.result['msg']
    ours.ip('link del e0') if 'e0' in ours.links() else None
    assert run_here('vnet_state', document)['changed'] and run_here('vnet_state', document)['operations'] == []


FOREIGN = [
    'ip link add name b0 type bridge', 'ip link add name r0 type vrf table 77', 'ip link add name ours-p type dummy', 'ip link add name their-p type dummy',
    'ip link add name their-m type dummy', 'ip link set dev their-p master b0', 'ip link set dev their-m master r0',
    'ip link set dev b0 up', 'ip link set dev r0 up', 'ip link set dev ours-p up', 'ip link set dev their-p up', 'ip link set dev their-m up',
    'ip addr add 192.0.2.1/24 dev ours-p', 'ip addr add 198.51.100.1/24 dev their-m', 'ip route add 10.1.0.0/16 via 192.0.2.9 proto static',
    'ip route add 10.2.0.0/16 via 192.0.2.9 proto bird', 'ip route add 10.3.0.0/16 via 192.0.2.9 proto 118', 'ip route add 10.4.0.0/16 via 192.0.2.9 table 77',
    'ip rule add from 192.0.2.0/24 table 77 priority 1000', 'ip -6 rule add from 2001:db8::/32 table 77 priority 1000',
]


def test_what_others_made_survives_every_purge(spaces):
    """Routes, rules, bridge ports and members of VRFs of other managers."""
    ours = spaces('ours')
    ours.replay([line.replace('ip ', f'ip -n {ours.name} ', 1) for line in FOREIGN])
    before = ours.normal('ip link', 'ip addr', 'ip route show table all', 'ip rule')
    at = {'netns': ours.name}
    done = run_here('vnet_state', {
        'netns': [{'name': ours.name}],
        'links': [{**at, 'purge': True, 'purge_match': ['ours-*'], 'config': [{'name': 'ours-p', 'kind': 'dummy', 'master': 'b0'}]}],
        'routes': [{**at, 'purge': True, 'config': []}, {**at, 'purge': True, 'table': 77, 'config': []}],
        'rules': [{**at, 'purge': True, 'config': []}], 'neighs': [{**at, 'dev': 'ours-p', 'purge': True}],
    })
    assert [operation['name'] for operation in done['operations'] if operation['action'] == 'delete'] == ['10.3.0.0/16']
    after = ours.normal('ip link', 'ip addr', 'ip route show table all', 'ip rule')
    gone = [route for route in before['ip route show table all'] if route not in after['ip route show table all']]
    assert [route['dst'] for route in gone] == ['10.3.0.0/16']
    assert after['ip rule'] == before['ip rule']
    masters = {link['ifname']: link.get('master') for link in after['ip link']}
    assert masters == {'lo': None, 'b0': None, 'r0': None, 'ours-p': 'b0', 'their-p': 'b0', 'their-m': 'r0'}


def failing(space) -> dict:
    """Sections of a document whose last operation the kernel refuses, so that all others are taken back."""
    return {'routes': [{'netns': space.name, 'dst': '203.0.113.0/24', 'via': '198.51.100.1'}]}


def test_dummy_made_anew_as_a_tunnel(spaces):
    """Defaults that only count with a second encapsulation are not taken for options without it."""
    ours = spaces('ours')
    ours.ip('link add name t0 type dummy')
    item = {'name': 't0', 'kind': 'ip6tnl', 'recreate': True, 'ip6tnl': {'local': '2001:db8::1', 'remote': '2001:db8::2'}}
    assert ours.module('vnet_link', **item)['changed']
    assert ours.module('vnet_link', **item)['operations'] == []


def test_delays_of_a_bond_go_back_with_its_monitor(spaces):
    """Without miimon, the kernel refuses a delay, be it 0."""
    ours = spaces('ours')
    ours.batch(['ip link add name bo type bond', 'ip link set dev bo address 02:00:00:00:00:01 up'])
    before = ours.normal('ip link')
    item = {'netns': ours.name, 'name': 'bo', 'kind': 'bond', 'address': '02:00:00:00:00:02', 'promisc': True,
            'bond': {'miimon': 100, 'updelay': 200, 'downdelay': 300, 'peer_notif_delay': 400}}
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'links': [item], **failing(ours)})
    assert caught.value.result['rolled_back'] is True, caught.value.result['msg']
    ours.unchanged(before, ours.normal('ip link'))
    assert run_here('vnet_link', item)['changed'] and run_here('vnet_link', item)['operations'] == []
    off = {**item, 'bond': dict.fromkeys(item['bond'], 0)}
    done = run_here('vnet_link', off)
    assert done['changed'] and run_here('vnet_link', off)['operations'] == []
    run_here('vnet_link', item)
    ours.replay(done['commands'])
    assert run_here('vnet_link', off)['operations'] == []


def test_what_was_carried_out_in_part_is_taken_back_in_part(spaces):
    """The first message of an operation is refused, the second one is not: nor is it when the operation is taken back."""
    ours = spaces('ours')
    ours.batch(['ip link add name bo type bond', 'ip link set dev bo address 02:00:00:00:00:01 up'])
    before = ours.normal('ip link')
    item = {'netns': ours.name, 'name': 'bo', 'kind': 'bond', 'address': '02:00:00:00:00:02', 'promisc': True, 'bond': {'updelay': 200}}
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_link', item)
    assert caught.value.result['errno'] == 1
    ours.unchanged(before, ours.normal('ip link'))


def test_option_that_wants_the_link_down_is_taken_back_though_it_came_up(spaces):
    ours = spaces('ours')
    ours.batch(['ip link add name bo type bond mode 802.3ad lacp_rate slow', 'ip link set dev bo up', 'ip link set dev bo down'])
    before = ours.normal('ip link')
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'links': [{'netns': ours.name, 'name': 'bo', 'kind': 'bond', 'up': True, 'bond': {'lacp_rate': 'fast'}}], **failing(ours)})
    assert caught.value.result['rolled_back'] is True, caught.value.result['msg']
    ours.unchanged(before, ours.normal('ip link'))


STRANGER = '02:00:00:00:00:99'


@pytest.mark.parametrize('made', ['link add name d0 address {} type dummy', 'link add name other type dummy'])
def test_link_that_someone_else_makes_meanwhile_is_not_touched(spaces, made):
    """The name is taken when the message that makes it arrives: what is to follow it is not for that link. So with the other end of a pair."""
    ours = spaces('ours')
    config = [{'name': 'a', 'kind': 'dummy', 'alias': 'ours', 'altnames': ['another-name']},
              {'name': 'd0', 'kind': 'dummy', 'alias': 'ours', 'addrgenmode': 'none', 'altnames': ['yet-another'], 'up': True},
              {'name': 'v0', 'kind': 'veth', 'peer': {'name': 'other', 'mtu': 1300}}]
    run, seen = apply.Applier.run, []

    def after_someone(self, *operations):
        ours.ip(made.format(STRANGER))
        seen.append(ours.normal('ip link'))
        return run(self, *operations)

    with mock.patch.object(apply.Applier, 'run', after_someone):
        assert ours.refused('vnet_link', config=config)['errno'] == 17
    ours.unchanged(seen[0], ours.normal('ip link'))


def test_name_that_is_another_links_alternative(spaces):
    ours = spaces('ours')
    ours.batch(['ip link add name e0 type dummy', 'ip link property add dev e0 altname d0'])
    before = ours.normal('ip link')
    message = ours.refused('vnet_link', check=True, name='d0', kind='dummy', alias='ours')['msg']
    assert "'d0' is an alternative name of e0" in message, message
    ours.unchanged(before, ours.normal('ip link'))


def test_macs_of_what_sits_on_a_link_are_not_entries(spaces):
    """The kernel adds them to the table of the link below, and of that below it, with whatever sits on it."""
    ours, away = spaces('ours', 'away')
    ours.batch(['ip link add name d0 type dummy', 'ip link set dev d0 up', 'ip link add link d0 name v7 address 02:00:00:00:07:07 type vlan id 7',
                'ip link set dev v7 up', 'ip link add link v7 name m0 address 02:00:00:00:07:01 type macvlan mode bridge', 'ip link set dev m0 up',
                f'ip link add link d0 name m1 address 02:00:00:00:07:02 netns {away.name} type macvlan mode bridge'])
    away.ip('link set dev m1 up')
    ours.bridge('fdb add 02:00:00:00:07:09 dev d0')
    shown = {entry['mac'] for entry in ours.json('bridge fdb show dev d0')[0]}
    assert {'02:00:00:00:07:01', '02:00:00:00:07:02', '02:00:00:00:07:07', '02:00:00:00:07:09'} <= shown
    state = run_here('vnet_info', {'netns': [ours.name, away.name], 'gather': ['state']})['state']
    assert [(item['dev'], item['mac']) for item in state['fdb']] == [('d0', '02:00:00:00:07:09')]
    round_trip(ours.name, away.name)


def test_entries_of_a_port_in_all_of_its_vlans(spaces):
    """One without a VLAN makes those of all VLANs of the port: they are back after the port was made anew, and with a document of vnet_info."""
    ours, again = spaces('ours', 'again')
    ours.batch(['ip link add name b0 type bridge vlan_filtering 1', 'ip link set dev b0 up',
                'ip link add name p0 address 02:00:00:00:00:01 mtu 1400 type dummy', 'ip link set dev p0 master b0', 'ip link set dev p0 up'])
    ours.bridge('fdb add 02:00:00:00:00:0a dev p0 master static sticky')
    ours.bridge('vlan add dev p0 vid 10')
    ours.bridge('fdb add 02:00:00:00:00:0b dev p0 master static')
    ours.bridge('fdb add 02:00:00:00:00:0c dev p0 master static vlan 10')

    def shown(space):
        return sorted((entry['mac'], entry.get('vlan', 0), entry['state'], *entry['flags']) for entry in space.json('bridge fdb show dev p0')[0]
                      if entry['mac'].startswith('02:00:00:00:00:0') and entry.get('master') and entry['state'] == 'static')

    before = shown(ours)
    assert len(before) == 2 + 3 + 1, before
    ours.module('vnet_link', name='p0', kind='dummy', num_tx_queues=2, recreate=True)
    assert shown(ours) == before
    state = run_here('vnet_info', {'netns': [ours.name], 'gather': ['state']})['state']
    run_here('vnet_state', {section: [{**item, 'netns': again.name} for item in items] for section, items in state.items() if section != 'netns'})
    assert shown(again) == before


def test_namespace_that_someone_else_makes_meanwhile(spaces):
    """It is theirs: the task fails and leaves it."""
    ours = spaces('ours')
    name, run = ours.name + '-x', apply.Applier.run

    def after_someone(self, *operations):
        namespaces.Namespaces().create(name)
        return run(self, *operations)

    try:
        with mock.patch.object(apply.Applier, 'run', after_someone), pytest.raises(ModuleFailed) as caught:
            run_here('vnet_netns', {'name': name})
        assert 'by someone else at the same time; run again (EEXIST)' in caught.value.result['msg'] and name in namespaces.names()
    finally:
        namespaces.Namespaces().remove(name)


def test_what_is_on_a_link_that_was_down_survives_its_coming_up(spaces):
    """Taken back, the link goes down again, and with that the kernel forgets its neighbours and IPv6 addresses."""
    ours = spaces('ours')
    ours.batch(['ip link add name d0 type dummy', 'ip link set dev d0 up', 'ip link set dev d0 down', 'ip addr add 192.0.2.1/24 dev d0',
                'ip addr add 2001:db8::1/64 dev d0 nodad', 'ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev d0'])
    before = ours.normal('ip addr', 'ip neigh')
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'links': [{'netns': ours.name, 'name': 'd0', 'up': True}], **failing(ours)})
    assert caught.value.result['rolled_back'] is True, caught.value.result['msg']
    ours.unchanged(before, ours.normal('ip addr', 'ip neigh'))
