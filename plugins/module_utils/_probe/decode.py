# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames to dictionaries. Pure: bytes in, dict out; never raises, whatever the bytes are.

``decode`` gives flat facts of one frame (see FIELDS); a tunnel's payload is the same kind of dict under ``inner``.
``layers`` lists what was recognised, outermost first; ``truncated`` is True when the bytes end before a header does.
"""

from __future__ import annotations

import socket
import struct

ETHERTYPES = {
    0x0800: 'ipv4', 0x0806: 'arp', 0x86dd: 'ipv6', 0x8100: 'vlan', 0x88a8: 'vlan', 0x9100: 'vlan', 0x8809: 'slow', 0x888e: 'eapol', 0x88cc: 'lldp',
    0x88e5: 'macsec', 0x8847: 'mpls', 0x8848: 'mpls', 0x8863: 'pppoe', 0x8864: 'pppoe', 0x88f7: 'ptp', 0x22f0: 'avtp', 0x892f: 'hsr', 0x88fb: 'prp',
    0x4305: 'batman',
}
IP_PROTOCOLS = {
    1: 'icmp', 2: 'igmp', 4: 'ipip', 6: 'tcp', 17: 'udp', 41: 'sit', 47: 'gre', 50: 'esp', 51: 'ah', 58: 'icmpv6', 89: 'ospf', 103: 'pim', 112: 'vrrp',
    132: 'sctp',
}
ICMP_TYPES = {0: 'echo_reply', 3: 'unreachable', 4: 'source_quench', 5: 'redirect', 8: 'echo_request', 9: 'router_advertisement', 10: 'router_solicitation',
              11: 'time_exceeded', 12: 'parameter_problem', 13: 'timestamp', 14: 'timestamp_reply'}
ICMPV6_TYPES = {1: 'unreachable', 2: 'packet_too_big', 3: 'time_exceeded', 4: 'parameter_problem', 128: 'echo_request', 129: 'echo_reply',
                130: 'mld_query', 131: 'mld_report', 132: 'mld_done', 133: 'router_solicitation', 134: 'router_advertisement',
                135: 'neighbour_solicitation', 136: 'neighbour_advertisement', 137: 'redirect', 143: 'mld2_report'}
ARP_OPERATIONS = {1: 'who-has', 2: 'is-at', 3: 'rarp-request', 4: 'rarp-reply'}
TCP_FLAGS = (('fin', 1), ('syn', 2), ('rst', 4), ('psh', 8), ('ack', 16), ('urg', 32))
NETLINK_FAMILIES = {0: 'route', 4: 'sock_diag', 6: 'xfrm', 9: 'audit', 12: 'netfilter', 15: 'uevent', 16: 'generic'}
RTNETLINK = {16: 'newlink', 17: 'dellink', 18: 'getlink', 19: 'setlink', 20: 'newaddr', 21: 'deladdr', 22: 'getaddr', 24: 'newroute', 25: 'delroute',
             26: 'getroute', 28: 'newneigh', 29: 'delneigh', 30: 'getneigh', 32: 'newrule', 33: 'delrule', 34: 'getrule', 36: 'newqdisc', 37: 'delqdisc',
             38: 'getqdisc'}
NETLINK_CONTROL = {1: 'noop', 2: 'error', 3: 'done', 4: 'overrun'}
VXLAN_PORTS, GENEVE_PORTS = (4789, 8472), (6081,)
DEPTH = 2  # tunnels within tunnels

# What a dict may hold, with the type of its values; the keys a match may use.
FIELDS = {
    'link': str, 'direction': str, 'length': int, 'truncated': bool,
    'src_mac': 'mac', 'dst_mac': 'mac', 'ethertype': 'hex', 'vlan': int, 'vlan_priority': int,
    'ip_src': 'ip', 'ip_dst': 'ip', 'ttl': int, 'tos': int, 'df': bool, 'fragment': bool,
    'sport': int, 'dport': int, 'tcp_flags': str,
    'icmp_type': str, 'icmp_code': int, 'icmp_id': int, 'icmp_seq': int, 'nd_target': 'ip',
    'arp_operation': str, 'arp_sender_ip': 'ip', 'arp_sender_mac': 'mac', 'arp_target_ip': 'ip', 'arp_target_mac': 'mac',
    'vxlan_vni': int, 'geneve_vni': int, 'gre_key': int,
    'macsec_sci': str, 'macsec_an': int, 'macsec_pn': int, 'macsec_encrypted': bool,
    'lacp_actor_system': 'mac', 'lacp_actor_key': int, 'lacp_actor_port': int, 'lacp_actor_state': int,
    'lacp_partner_system': 'mac', 'lacp_partner_key': int, 'lacp_partner_port': int, 'lacp_partner_state': int,
    'stp_type': str, 'stp_root': str, 'stp_bridge': str, 'stp_cost': int, 'stp_port': int,
    'eapol_type': int, 'can_id': int, 'can_extended': bool, 'can_remote': bool, 'can_error': bool, 'can_fd': bool, 'can_data': str,
    'netlink_family': str, 'netlink_type': str, 'netlink_ifname': str,
}


class _Short(Exception):
    """The bytes end inside a header."""


def _take(layout, data, at=0):
    if at + struct.calcsize(layout) > len(data):
        raise _Short
    return struct.unpack_from(layout, data, at)


def _bytes(data, at, size):
    if at + size > len(data):
        raise _Short
    return data[at:at + size]


def mac(data):
    return data.hex(':')


def decode(frame, link='ethernet', ethertype=0, vxlan_ports=VXLAN_PORTS, geneve_ports=GENEVE_PORTS):
    """Facts of one frame.

    ``link`` is ethernet; ip (no link header, ``ethertype`` tells the version); can (struct can_frame with its id in network order);
    or netlink (messages; ``ethertype`` is the netlink family).
    """
    facts = {'link': link, 'length': len(frame), 'layers': []}
    reader = _Reader(vxlan_ports, geneve_ports)
    try:
        if link == 'ethernet':
            reader.ethernet(facts, frame, 0)
        elif link == 'can':
            _can(facts, frame)
        elif link == 'netlink':
            _netlink(facts, frame, ethertype)
        else:
            reader.payload(facts, ethertype, frame, 0)
    except _Short:
        facts['truncated'] = True
    return facts


class _Reader:
    def __init__(self, vxlan_ports, geneve_ports):
        self.vxlan_ports, self.geneve_ports = vxlan_ports, geneve_ports

    def ethernet(self, facts, data, depth):
        facts['dst_mac'], facts['src_mac'] = mac(_bytes(data, 0, 6)), mac(_bytes(data, 6, 6))
        kind, at = _take('!H', data, 12)[0], 14
        while ETHERTYPES.get(kind) == 'vlan':
            tag, kind = _take('!HH', data, at)
            at += 4
            facts['layers'].append('vlan')
            facts.setdefault('vlan', []).append(tag & 0xfff)
            facts.setdefault('vlan_priority', []).append(tag >> 13)
        if kind < 0x600:
            facts['layers'].append('llc')
            if data[at:at + 3] == b'\x42\x42\x03':
                _stp(facts, data[at + 3:at + kind])
            return
        facts['ethertype'] = f'0x{kind:04x}'
        self.payload(facts, kind, data[at:], depth)

    def payload(self, facts, kind, data, depth):
        layer = ETHERTYPES.get(kind)
        if layer:
            facts['layers'].append(layer)
        if layer == 'ipv4':
            self.ipv4(facts, data, depth)
        elif layer == 'ipv6':
            self.ipv6(facts, data, depth)
        elif layer == 'macsec':
            self.macsec(facts, data, depth)
        elif layer == 'arp':
            _arp(facts, data)
        elif layer == 'slow' and data[:1] == b'\x01':
            _lacp(facts, data)
        elif layer == 'eapol':
            facts['eapol_type'] = _take('!BB', data)[1]

    def inner(self, facts, data, depth, kind=None):
        if depth >= DEPTH:
            return
        facts['inner'] = inner = {'length': len(data), 'layers': []}
        try:
            if kind is None:
                self.ethernet(inner, data, depth + 1)
            else:
                self.payload(inner, kind, data, depth + 1)
        except _Short:
            inner['truncated'] = True

    def ipv4(self, facts, data, depth):
        first, facts['tos'], total, dummy, fragment, facts['ttl'], protocol, dummy = _take('!BBHHHBBH', data)
        facts['ip_src'] = socket.inet_ntop(socket.AF_INET, _bytes(data, 12, 4))
        facts['ip_dst'] = socket.inet_ntop(socket.AF_INET, _bytes(data, 16, 4))
        facts['df'] = bool(fragment & 0x4000)
        facts['fragment'] = bool(fragment & 0x3fff)
        head = (first & 15) * 4
        if head < 20:
            raise _Short
        self.transport(facts, protocol, data[head:total] if total >= head else data[head:], depth, fragment & 0x1fff)

    def ipv6(self, facts, data, depth):
        first, length, following, facts['ttl'] = _take('!IHBB', data)
        facts['tos'] = first >> 20 & 0xff
        facts['ip_src'] = socket.inet_ntop(socket.AF_INET6, _bytes(data, 8, 16))
        facts['ip_dst'] = socket.inet_ntop(socket.AF_INET6, _bytes(data, 24, 16))
        data = data[40:40 + length] if length else data[40:]
        facts['fragment'], offset = False, 0
        while following in (0, 43, 44, 60):
            number, size, fragment = _take('!BBH', data)
            if following == 44:
                facts['fragment'], offset, size = True, fragment >> 3, 0
            following, data = number, data[(size + 1) * 8:]
            if offset:
                break
        self.transport(facts, following, data, depth, offset)

    def transport(self, facts, protocol, data, depth, offset):
        layer = IP_PROTOCOLS.get(protocol)
        if layer:
            facts['layers'].append(layer)
        if offset:
            return  # only the first fragment has the header
        if layer == 'udp':
            self.udp(facts, data, depth)
        elif layer == 'tcp':
            facts['sport'], facts['dport'] = _take('!HH', data)
            flags = _take('!B', data, 13)[0]
            facts['tcp_flags'] = ','.join(name for name, bit in TCP_FLAGS if flags & bit)
        elif layer in ('icmp', 'icmpv6'):
            _icmp(facts, data, ICMP_TYPES if layer == 'icmp' else ICMPV6_TYPES)
        elif layer in ('ipip', 'sit'):
            self.inner(facts, data, depth, 0x0800 if layer == 'ipip' else 0x86dd)
        elif layer == 'gre':
            self.gre(facts, data, depth)

    def udp(self, facts, data, depth):
        facts['sport'], facts['dport'] = _take('!HH', data)
        if facts['dport'] in self.vxlan_ports:
            flags, vni = _take('!B3xI', data, 8)
            if flags & 0x08:
                facts['layers'].append('vxlan')
                facts['vxlan_vni'] = vni >> 8
                self.inner(facts, data[16:], depth)
        elif facts['dport'] in self.geneve_ports:
            first, dummy, kind, vni = _take('!BBHI', data, 8)
            if first >> 6 == 0:
                facts['layers'].append('geneve')
                facts['geneve_vni'] = vni >> 8
                self.inner(facts, data[16 + (first & 0x3f) * 4:], depth, None if kind == 0x6558 else kind)

    def gre(self, facts, data, depth):
        flags, kind = _take('!HH', data)
        at = 4 + (4 if flags & 0xc000 else 0)
        if flags & 0x2000:
            facts['gre_key'] = _take('!I', data, at)[0]
            at += 4
        at += 4 if flags & 0x1000 else 0
        if not flags & 7:  # version 1 is PPTP
            self.inner(facts, data[at:], depth, None if kind == 0x6558 else kind)

    def macsec(self, facts, data, depth):
        tag, dummy, facts['macsec_pn'] = _take('!BBI', data)
        facts['macsec_an'] = tag & 3
        facts['macsec_encrypted'] = bool(tag & 0x08)
        at = 6
        if tag & 0x20:
            facts['macsec_sci'] = _bytes(data, 6, 8).hex()
            at = 14
        elif tag & 0x40:  # an end station's SCI is its MAC address and port 1
            facts['macsec_sci'] = facts.get('src_mac', '').replace(':', '') + '0001'
        if not tag & 0x0c:  # neither encrypted nor changed: the rest can be read
            self.inner(facts, data[at + 2:], depth, _take('!H', data, at)[0])


def _arp(facts, data):
    dummy, kind, hardware, protocol, operation = _take('!HHBBH', data)
    facts['arp_operation'] = ARP_OPERATIONS.get(operation, str(operation))
    if (kind, hardware, protocol) == (0x0800, 6, 4):
        facts['arp_sender_mac'], facts['arp_sender_ip'] = mac(_bytes(data, 8, 6)), socket.inet_ntop(socket.AF_INET, _bytes(data, 14, 4))
        facts['arp_target_mac'], facts['arp_target_ip'] = mac(_bytes(data, 18, 6)), socket.inet_ntop(socket.AF_INET, _bytes(data, 24, 4))


def _icmp(facts, data, types):
    kind, facts['icmp_code'] = _take('!BB', data)
    facts['icmp_type'] = types.get(kind, str(kind))
    if facts['icmp_type'] in ('echo_request', 'echo_reply'):
        facts['icmp_id'], facts['icmp_seq'] = _take('!HH', data, 4)
    elif types is ICMPV6_TYPES and kind in (135, 136):
        facts['nd_target'] = socket.inet_ntop(socket.AF_INET6, _bytes(data, 8, 16))


def _lacp(facts, data):
    facts['layers'].append('lacp')
    for who, at in (('actor', 2), ('partner', 22)):
        dummy, dummy, dummy, system, key, dummy, port, state = _take('!BBH6sHHHB', data, at)
        facts.update({f'lacp_{who}_system': mac(system), f'lacp_{who}_key': key, f'lacp_{who}_port': port, f'lacp_{who}_state': state})


def _bridge_id(data):
    return f'{data[:2].hex()}.{mac(data[2:])}'


def _stp(facts, data):
    facts['layers'].append('stp')
    protocol, version, kind = _take('!HBB', data)
    if protocol:
        return
    facts['stp_type'] = 'tcn' if kind == 0x80 else {0: 'config', 2: 'rstp', 3: 'mstp'}.get(version, str(version))
    if kind != 0x80:
        dummy, root, facts['stp_cost'], bridge, facts['stp_port'] = _take('!B8sI8sH', data, 4)
        facts['stp_root'], facts['stp_bridge'] = _bridge_id(root), _bridge_id(bridge)


def _can(facts, data):
    facts['layers'].append('can')
    number, length, flags = _take('!IBB', data)
    facts['can_extended'], facts['can_remote'], facts['can_error'] = bool(number >> 31), bool(number >> 30 & 1), bool(number >> 29 & 1)
    facts['can_id'] = number & (0x1fffffff if facts['can_extended'] else 0x7ff)
    facts['can_fd'] = len(data) == 72
    facts['can_data'] = _bytes(data, 8, min(length, 64)).hex()


def _netlink(facts, data, family):
    facts['layers'].append('netlink')
    facts['netlink_family'] = NETLINK_FAMILIES.get(family, str(family))
    facts['netlink_type'], facts['netlink_ifname'] = [], []
    at = 0
    while at < len(data):
        length, kind = _take('=IH', data, at)
        if length < 16:
            return
        names = NETLINK_CONTROL if kind < 16 else RTNETLINK if family == 0 else {}
        facts['netlink_type'].append(names.get(kind, str(kind)))
        if family == 0 and kind in (16, 17, 19):
            name = _ifname(_bytes(data, at, length)[32:])
            facts['netlink_ifname'] += [name] if name else []
        at += (length + 3) & ~3


def _ifname(data):
    """IFLA_IFNAME (3) among link attributes, None if absent."""
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from('=HH', data, at)
        if length < 4:
            return None
        if kind == 3:
            return data[at + 4:at + length].rstrip(b'\0').decode(errors='replace')
        at += (length + 3) & ~3
    return None
