# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders against frames built by hand from the standards; any prefix and any garbage must decode without an exception."""

from __future__ import annotations

import io
import random
import socket
import struct

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe import capture, pcap
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.decode import FIELDS, decode
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.summary import summarise

A, B = bytes.fromhex('020000000001'), bytes.fromhex('020000000002')


def ether(kind, payload, dst=B, src=A):
    return dst + src + struct.pack('!H', kind) + payload


def tag(vid, kind, payload, priority=0):
    return struct.pack('!HH', priority << 13 | vid, kind) + payload


def ip4(protocol, payload, src='192.0.2.1', dst='192.0.2.2', fragment=0, options=b''):
    words = 5 + len(options) // 4
    return struct.pack('!BBHHHBBH4s4s', 0x40 | words, 0, words * 4 + len(payload), 0, fragment, 64, protocol, 0,
                       socket.inet_aton(src), socket.inet_aton(dst)) + options + payload


def ip6(following, payload, src='2001:db8::1', dst='2001:db8::2'):
    addresses = b''.join(socket.inet_pton(socket.AF_INET6, address) for address in (src, dst))
    return struct.pack('!IHBB', 6 << 28, len(payload), following, 64) + addresses + payload


def udp(dport, payload, sport=50000):
    return struct.pack('!HHHH', sport, dport, 8 + len(payload), 0) + payload


def vxlan(vni, frame):
    return struct.pack('!B3xI', 8, vni << 8) + frame


ECHO = struct.pack('!BBHHH', 8, 0, 0, 7, 9) + b'x' * 8
ECHO6 = struct.pack('!BBHHH', 129, 0, 0, 7, 9)
ARP = struct.pack('!HHBBH', 1, 0x0800, 6, 4, 1) + A + socket.inet_aton('192.0.2.1') + bytes(6) + socket.inet_aton('192.0.2.2')
LACPDU = (b'\x01\x01\x01\x14' + struct.pack('!H6sHHHB3x', 65535, A, 9, 255, 1, 0x3d)
          + b'\x02\x14' + struct.pack('!H6sHHHB3x', 65535, B, 15, 255, 2, 0x3f) + b'\x03\x10' + bytes(62))
BPDU = b'\x42\x42\x03' + struct.pack('!HBBB8sI8sHHHHH', 0, 0, 0, 0, b'\x80\x00' + A, 4, b'\x80\x01' + B, 0x8002, 0, 0x1400, 0x200, 0xf00)
NEWLINK = struct.pack('=IHHII', 44, 16, 0, 1, 0) + bytes(16) + struct.pack('=HH', 10, 3) + b'dummy\0\0\0'

CASES = {
    'arp': (ether(0x0806, ARP), {'layers': ['arp'], 'ethertype': '0x0806', 'arp_operation': 'who-has', 'arp_sender_ip': '192.0.2.1',
                                 'arp_sender_mac': '02:00:00:00:00:01', 'arp_target_ip': '192.0.2.2'}),
    'echo': (ether(0x0800, ip4(1, ECHO, fragment=0x4000)), {'layers': ['ipv4', 'icmp'], 'icmp_type': 'echo_request', 'icmp_id': 7, 'icmp_seq': 9, 'df': True,
                                                            'fragment': False, 'src_mac': '02:00:00:00:00:01', 'dst_mac': '02:00:00:00:00:02'}),
    'ip options': (ether(0x0800, ip4(17, udp(53, b''), options=b'\x01' * 8)), {'dport': 53, 'sport': 50000}),
    'later fragment': (ether(0x0800, ip4(17, udp(4789, vxlan(1, b'')), fragment=0x2001)), {'layers': ['ipv4', 'udp'], 'fragment': True, 'dport': None}),
    'tcp': (ether(0x0800, ip4(6, struct.pack('!HHIIBBHHH', 1, 54321, 0, 0, 0x50, 0x12, 0, 0, 0))), {'dport': 54321, 'tcp_flags': 'syn,ack'}),
    'echo6': (ether(0x86dd, ip6(58, ECHO6)), {'layers': ['ipv6', 'icmpv6'], 'icmp_type': 'echo_reply', 'ip_dst': '2001:db8::2'}),
    'ipv6 extensions': (ether(0x86dd, ip6(0, b'\x2c\x00' + bytes(6) + b'\x3a\x00\x00\x01' + bytes(4) + ECHO6)), {'icmp_type': 'echo_reply', 'fragment': True}),
    'solicitation': (ether(0x86dd, ip6(58, struct.pack('!BBHI', 135, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, 'fe80::5'))),
                     {'icmp_type': 'neighbour_solicitation', 'nd_target': 'fe80::5'}),
    'vlan': (ether(0x8100, tag(100, 0x0806, ARP, 3)), {'layers': ['vlan', 'arp'], 'vlan': [100], 'vlan_priority': [3], 'ethertype': '0x0806'}),
    'qinq': (ether(0x88a8, tag(7, 0x8100, tag(100, 0x0800, ip4(1, ECHO)))), {'vlan': [7, 100], 'icmp_seq': 9}),
    'vxlan in vlan': (ether(0x8100, tag(5, 0x0800, ip4(17, udp(4789, vxlan(10100, ether(0x8100, tag(9, 0x86dd, ip6(58, ECHO6)))))))),
                      {'vlan': [5], 'layers': ['vlan', 'ipv4', 'udp', 'vxlan'], 'vxlan_vni': 10100, 'ip_src': '192.0.2.1',
                       'inner': {'vlan': [9], 'icmp_type': 'echo_reply', 'ip_src': '2001:db8::1'}}),
    'vxlan over ipv6': (ether(0x86dd, ip6(17, udp(8472, vxlan(16777215, ether(0x0806, ARP))))), {'vxlan_vni': 16777215, 'inner': {'arp_operation': 'who-has'}}),
    'no vni flag': (ether(0x0800, ip4(17, udp(4789, bytes(30)))), {'vxlan_vni': None, 'inner': None}),
    'geneve': (ether(0x0800, ip4(17, udp(6081, struct.pack('!BBHI', 1, 0, 0x6558, 300 << 8) + bytes(4) + ether(0x0806, ARP)))),
               {'geneve_vni': 300, 'inner': {'layers': ['arp']}}),
    'gretap': (ether(0x0800, ip4(47, struct.pack('!HHI', 0x2000, 0x6558, 42) + ether(0x0806, ARP))), {'gre_key': 42, 'inner': {'layers': ['arp']}}),
    'ipip': (ether(0x0800, ip4(4, ip4(1, ECHO, src='10.0.0.1'))), {'layers': ['ipv4', 'ipip'], 'inner': {'ip_src': '10.0.0.1', 'icmp_id': 7}}),
    'macsec': (ether(0x88e5, b'\x2d\x00\x00\x00\x01\x02' + A + b'\x00\x01' + bytes(40)),
               {'macsec_sci': '0200000000010001', 'macsec_an': 1, 'macsec_pn': 258, 'macsec_encrypted': True, 'inner': None}),
    'macsec clear': (ether(0x88e5, b'\x20\x00\x00\x00\x00\x05' + A + b'\x00\x01' + struct.pack('!H', 0x0806) + ARP),
                     {'macsec_encrypted': False, 'macsec_pn': 5, 'inner': {'arp_target_ip': '192.0.2.2'}}),
    'macsec end station': (ether(0x88e5, b'\x4c\x00\x00\x00\x00\x05' + bytes(32)), {'macsec_sci': '0200000000010001', 'macsec_encrypted': True}),
    'lacp': (ether(0x8809, LACPDU), {'layers': ['slow', 'lacp'], 'lacp_actor_system': '02:00:00:00:00:01', 'lacp_actor_key': 9, 'lacp_actor_port': 1,
                                     'lacp_actor_state': 0x3d, 'lacp_partner_system': '02:00:00:00:00:02', 'lacp_partner_key': 15, 'lacp_partner_port': 2}),
    'stp': (ether(len(BPDU), BPDU + bytes(8)), {'layers': ['llc', 'stp'], 'stp_type': 'config', 'stp_root': '8000.02:00:00:00:00:01', 'stp_cost': 4,
                                                'stp_bridge': '8001.02:00:00:00:00:02', 'stp_port': 0x8002, 'ethertype': None}),
    'eapol': (ether(0x888e, b'\x02\x01\x00\x00'), {'layers': ['eapol'], 'eapol_type': 1}),
}


def check(facts, expected):
    for key, value in expected.items():
        if isinstance(value, dict):
            check(facts[key], value)
        else:
            assert facts.get(key) == value, key


@pytest.mark.parametrize('name', CASES)
def test_frame(name):
    frame, expected = CASES[name]
    facts = decode(frame)
    check(facts, dict(expected, truncated=None, length=len(frame)))


@pytest.mark.parametrize('name', CASES)
def test_truncated_frames_never_raise(name):
    frame = CASES[name][0]
    for end in range(len(frame)):
        facts = decode(frame[:end])
        assert facts['length'] == end
        assert end >= 14 or facts['truncated'] is True


def test_garbage_never_raises_and_holds_only_known_fields():
    rng = random.Random(1)
    frames = [bytearray(case[0]) for case in CASES.values()]
    for dummy in range(20000):
        frame = bytearray(rng.choice(frames))
        for dummy2 in range(rng.randrange(1, 8)):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        link = rng.choice(['ethernet', 'can', 'netlink', 'ip'])
        facts = decode(bytes(frame[:rng.randrange(len(frame) + 1)]), link, rng.choice([0, 0x0800, 0x86dd]))
        while facts:
            assert set(facts) <= {*FIELDS, 'layers', 'inner'}
            facts = facts.get('inner')


def test_can_and_netlink():
    check(decode(struct.pack('!IB3x', 0x123, 2) + b'\xca\xfe' + bytes(6), 'can'), {'can_id': 0x123, 'can_extended': False, 'can_fd': False, 'can_data': 'cafe'})
    check(decode(struct.pack('!IBB2x', 0x80012345, 12, 0) + bytes(64), 'can'), {'can_id': 0x12345, 'can_extended': True, 'can_fd': True, 'can_data': '00' * 12})
    facts = decode(NEWLINK + struct.pack('=IHHII', 16, 3, 0, 1, 0), 'netlink')
    check(facts, {'netlink_family': 'route', 'netlink_type': ['newlink', 'done'], 'netlink_ifname': ['dummy']})


def test_other_vxlan_port():
    frame = ether(0x0800, ip4(17, udp(5000, vxlan(3, ether(0x0806, ARP)))))
    assert 'vxlan_vni' not in decode(frame)
    assert decode(frame, vxlan_ports=[5000])['vxlan_vni'] == 3


def test_stripped_tag_is_put_back():
    frame = ether(0x0806, ARP)
    assert decode(capture.retag(frame, 0x10 | 0x40, 100, 0x88a8))['vlan'] == [100]
    assert capture.retag(frame, 0x10 | 0x40, 100, 0x88a8)[12:14] == b'\x88\xa8'
    assert capture.retag(frame, 0x10, 100, 0)[12:14] == b'\x81\x00'
    assert capture.retag(frame, 0, 100, 0x8100) == frame


def test_summary():
    summary = summarise([dict(decode(CASES[name][0])) for name in ('arp', 'vlan', 'vxlan in vlan', 'macsec', 'lacp', 'stp', 'macsec')])
    assert summary['packets'] == 7 and summary['untagged'] == 5
    assert summary['protocols']['arp'] == 2 and summary['ethertypes']['0x0806'] == 2
    assert summary['vlans'] == [{'vlan': 100, 'packets': 1}, {'vlan': 5, 'packets': 1}]
    assert summary['vxlan'] == [{'vxlan_vni': 10100, 'ip_src': '192.0.2.1', 'ip_dst': '192.0.2.2', 'dport': 4789, 'packets': 1}]
    assert summary['inner']['vlans'] == [{'vlan': 9, 'packets': 1}] and summary['inner']['icmp'][0]['icmp_type'] == 'echo_reply'
    assert summary['macsec'] == [{'macsec_sci': '0200000000010001', 'macsec_an': 1, 'macsec_encrypted': True, 'packets': 2, 'pn_min': 258, 'pn_max': 258}]
    assert summary['lacp'][0]['lacp_partner_system'] == '02:00:00:00:00:02' and summary['stp'][0]['stp_bridge'] == '8001.02:00:00:00:00:02'


def test_pcap():
    stream = io.BytesIO()
    frame = CASES['arp'][0]
    pcap.write(stream, 'ethernet', [{'time': 1_500_000_001, 'data': frame, 'type': 0, 'hatype': 1, 'protocol': 0x0806}])
    data = stream.getvalue()
    assert struct.unpack('=IHH', data[:8]) == (0xa1b23c4d, 2, 4) and struct.unpack('=I', data[20:24]) == (1,)
    assert struct.unpack('=IIII', data[24:40]) == (1, 500_000_001, len(frame), len(frame)) and data[40:] == frame
    stream = io.BytesIO()
    pcap.write(stream, 'netlink', [{'time': 0, 'data': NEWLINK, 'type': 4, 'hatype': 824, 'protocol': 0}])
    data = stream.getvalue()
    assert struct.unpack('=I', data[20:24]) == (253,) and data[40:56] == struct.pack('!HH10xH', 4, 824, 0) and data[56:] == NEWLINK
