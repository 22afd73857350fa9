# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matches and expectations of a capture."""

from __future__ import annotations

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.match import check_expectations, compile_expectations, compile_match
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError

INNER = {'layers': ['ipv4', 'icmp'], 'ip_src': '192.0.2.1', 'ip_dst': '192.0.2.3', 'icmp_type': 'echo_request', 'src_mac': '02:00:00:00:00:0a'}
PACKET = {'layers': ['vlan', 'ipv4', 'udp', 'vxlan'], 'vlan': [5, 7], 'ip_src': '10.0.0.1', 'ip_dst': '10.0.0.3', 'dport': 4789, 'sport': 1, 'df': True,
          'vxlan_vni': 10100, 'ethertype': '0x0800', 'src_mac': '02:00:00:00:00:01', 'inner': INNER}
PLAIN = {'layers': ['ipv6', 'icmpv6'], 'ip_src': '2001:db8::1', 'ip_dst': '2001:db8::2'}


@pytest.mark.parametrize('match', [
    {'vxlan_vni': 10100}, {'vxlan_vni': '10100'}, {'vxlan_vni': [1, 10100]}, {'protocol': 'vxlan'}, {'protocol': ['tcp', 'udp']}, {'protocol': 'VLAN'},
    {'ip': '10.0.0.3'}, {'ip': '10.0.0.0/24'}, {'ip_src': '10.0.0.0/30', 'ip_dst': ['192.0.2.1', '10.0.0.3']}, {'ethertype': 0x0800}, {'ethertype': '0x800'},
    {'vlan': 7}, {'df': True}, {'df': 'yes'}, {'src_mac': '02:00:00:00:00:01'}, {'mac': '02:00:00:00:00:01'}, {'port': 1}, {'geneve_vni': None},
    {'inner': {'icmp_type': 'echo_request', 'ip': '192.0.2.0/24', 'src_mac': '02:00:00:00:00:0A'}}, {'vlan': [None, 5]}, {},
])
def test_matches(match):
    assert compile_match(match)(PACKET)


@pytest.mark.parametrize('match', [
    {'vxlan_vni': 1010}, {'protocol': 'icmp'}, {'ip': '192.0.2.0/24'}, {'ip_src': '::/0'}, {'vlan': 100}, {'vlan': None}, {'df': False}, {'inner': None},
    {'inner': {'ip': '10.0.0.1'}}, {'port': 2}, {'vxlan_vni': 10100, 'dport': 8472}, {'geneve_vni': 1},
])
def test_does_not_match(match):
    assert not compile_match(match)(PACKET)


def test_absent_fields():
    assert compile_match({'vlan': None, 'inner': None, 'ip': '2001:db8::/32'})(PLAIN)
    assert not compile_match({'inner': {}})(PLAIN)


@pytest.mark.parametrize('match, words', [
    ({'vni': 3}, ["unknown field 'vni'", 'vxlan_vni']), ({'ip': '192.0.2.300'}, ['ip', '192.0.2.300', 'IP address']), ({'ip': '10.0.0.0/33'}, ['10.0.0.0/33']),
    ({'vlan': 'blue'}, ['vlan', 'a number']), ({'vlan': True}, ['a number']), ({'df': 'maybe'}, ['true or false']), ({'inner': 3}, ['inner', 'dict']),
    ({'inner': {'nope': 1}}, ["inner: unknown field 'nope'"]), ({'ethertype': 'arp'}, ['EtherType']),
])
def test_nonsense_is_named(match, words):
    with pytest.raises(ProbeError) as caught:
        compile_match(match, 'filter')
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize('item, words', [
    ({'match': {'vlan': 1}, 'min': 0}, 'always met'), ({'match': {}}, 'match is empty'), ({'match': {'vlan': 1}, 'min': 3, 'max': 2}, 'contradict'),
    ({'match': {'vlan': 1}, 'min': -1}, 'contradict'),
])
def test_expectations_that_cannot_fail_are_refused(item, words):
    with pytest.raises(ProbeError, match=words):
        compile_expectations([item])


def test_expectations():
    rows = check_expectations(compile_expectations([
        {'match': {'vxlan_vni': 10100}}, {'match': {'vxlan_vni': 10100}, 'min': 2}, {'match': {'ip': '192.0.2.0/24'}, 'max': 0},
        {'match': {'ip': '10.0.0.1'}, 'max': 0, 'name': 'leak'}, {'match': {'protocol': 'udp'}, 'min': 1, 'max': 1}, {'match': {'protocol': 'tcp'}},
    ]), [PACKET, PLAIN])
    assert [row['ok'] for row in rows] == [True, False, True, False, True, False]
    assert rows[1]['reason'] == '1 packet with vxlan_vni 10100, at least 2 expected'
    assert rows[3]['name'] == 'leak' and rows[3]['reason'] == '1 packet with ip 10.0.0.1, none expected'
    assert rows[5]['reason'] == 'no packets with protocol tcp, at least 1 expected'


def test_distinct_values_are_counted_instead_of_packets():
    packets = [{'src_mac': mac, 'ip_src': '192.0.2.1', 'layers': []} for mac in ('02:00:00:00:00:01', '02:00:00:00:00:01', '02:00:00:00:00:02')]
    one = [{'match': {'ip': '192.0.2.0/24'}, 'distinct': 'src_mac', 'min': 1, 'max': 1}]
    assert check_expectations(compile_expectations(one), packets[:2])[0]['ok']
    row = check_expectations(compile_expectations(one), packets)[0]
    assert not row['ok'] and row['packets'] == 3
    assert row['reason'] == '2 src_mac values (02:00:00:00:00:01, 02:00:00:00:00:02) with ip 192.0.2.0/24, exactly 1 expected'
    assert not check_expectations(compile_expectations(one), [])[0]['ok']
    with pytest.raises(ProbeError, match="distinct 'smac' is not a field"):
        compile_expectations([{'match': {'ip': '192.0.2.0/24'}, 'distinct': 'smac'}])
