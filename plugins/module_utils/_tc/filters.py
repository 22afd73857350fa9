# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters (linux/pkt_cls.h)."""

from __future__ import annotations

import re

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tc import ClassId, Hex, Masked, MaskedIp, MaskedMac, TcKind, Word, spoken
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Int, LinkName, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.u32 import Matches, terminal

ETHERTYPES = {'all': 0x0003, 'ip': 0x0800, 'arp': 0x0806, '802.1Q': 0x8100, 'ipv6': 0x86DD, 'mpls_uc': 0x8847, 'mpls_mc': 0x8848, 'ppp_ses': 0x8864,
              '802.1ad': 0x88A8}
_IP_PROTOCOLS = {'icmp': 1, 'tcp': 6, 'udp': 17, 'icmpv6': 58, 'l2tp': 115, 'sctp': 132}
_SKIP_HW, _SKIP_SW = 1, 2


class Protocol(Type):
    """An EtherType by name or number."""

    spec = {'type': 'str'}
    allowed = ', '.join(ETHERTYPES) + ' or an EtherType such as 0x88cc'

    def parse(self, value):
        for name in ETHERTYPES:
            if str(value).lower() == name.lower():
                return name
        try:
            number = int(str(value), 0) if not isinstance(value, bool) else -1
        except ValueError:
            number = -1
        if not 1 <= number <= 0xFFFF:
            raise ValueError(self.allowed)
        return self.unwire(number)

    def wire(self, value):
        return ETHERTYPES[value] if value in ETHERTYPES else int(value, 16)

    def unwire(self, raw):
        return next((name for name, number in ETHERTYPES.items() if number == raw), f'0x{raw:04x}')


class IpProtocol(Int):
    def __init__(self):
        super().__init__(0, 255, names=_IP_PROTOCOLS)

    def words(self, value):
        return value if value in self.names else f'{value:#x}'  # tc reads digits as hexadecimal


class Ports(Type):
    """A port, PORT/MASK or LOW-HIGH."""

    spec = {'type': 'str'}
    allowed = 'a port 0-65535, one with a mask as 80/0xfff0, or a range as 8000-8080'

    def parse(self, value):
        text = str(value)
        low, dash, high = text.partition('-')
        try:
            if dash:
                pair = int(low), int(high)
                if not 0 < pair[0] < pair[1] <= 65535:
                    raise ValueError
                return f'{pair[0]}-{pair[1]}'
            return Masked(16).parse(value)
        except ValueError:
            raise ValueError(self.allowed) from None


class CtState(Type):
    """Flags of connection tracking, + for set and - for unset."""

    spec = {'type': 'str'}
    bits = {'new': 1, 'est': 2, 'rel': 4, 'trk': 8, 'inv': 16, 'rpl': 32}
    allowed = 'flags with + or - before each, of ' + ', '.join(bits) + ', such as +trk+est'

    def parse(self, value):
        text = str(value)
        parts = re.findall('([+-])([a-z]+)', text)
        if not parts or ''.join(sign + name for sign, name in parts) != text or any(name not in self.bits for unused, name in parts):
            raise ValueError(self.allowed)
        mask = flags = 0
        for sign, name in parts:
            mask |= self.bits[name]
            flags |= self.bits[name] if sign == '+' else 0
        return self.unwire((flags, mask))

    def wire(self, value):
        mask = flags = 0
        for name, bit in self.bits.items():
            if f'+{name}' in value or f'-{name}' in value:
                mask |= bit
                flags |= bit if f'+{name}' in value else 0
        return flags, mask

    def unwire(self, raw):
        flags, mask = raw
        return ''.join(('+' if flags & bit else '-') + name for name, bit in self.bits.items() if (mask or 0) & bit)


class Fragments(Type):
    """ip_flags: frag, nofrag, firstfrag, nofirstfrag."""

    spec = {'type': 'str'}
    bits = {'frag': 1, 'firstfrag': 2}
    allowed = 'frag, nofrag, firstfrag or nofirstfrag, or two of them with a slash between'

    def parse(self, value):
        mask = flags = 0
        for word in str(value).split('/'):
            bit = self.bits.get(word.removeprefix('no'))
            if bit is None:
                raise ValueError(self.allowed)
            mask |= bit
            flags |= 0 if word.startswith('no') else bit
        return self.unwire((flags, mask))

    def wire(self, value):
        words = value.split('/')
        return (sum(self.bits[word] for word in words if not word.startswith('no')), sum(self.bits[word.removeprefix('no')] for word in words))

    def unwire(self, raw):
        return '/'.join(('' if raw[0] & bit else 'no') + name for name, bit in self.bits.items() if raw[1] & bit)


def _classid(nla):
    return Field('classid', ClassId(whole=True), 'CLASSID', 'Class that the packets go to, in quotes.', nla=(nla, 'uint32'), aliases=['flowid'])


def _skips(flags: int):
    """(fields, row, encode, decode) of skip_hw and skip_sw."""
    fields = [Field('skip_hw', Word(), None, 'Keep the filter out of the hardware.'), Field('skip_sw', Word(), None, 'Have it in the hardware only.')]

    def encode(values, raw):
        bits = (_SKIP_HW if values.get('skip_hw') else 0) | (_SKIP_SW if values.get('skip_sw') else 0)
        raw['FLAGS'] = bits or None

    def decode(raw, values):
        bits = raw.get('FLAGS', 0)
        values.update(skip_hw=bool(bits & _SKIP_HW), skip_sw=bool(bits & _SKIP_SW))

    return fields, [(flags, 'FLAGS', 'uint32')], encode, decode


_OFF = [(name, lambda values: False) for name in ('skip_hw', 'skip_sw')]


# -- u32 ----------------------------------------------------------------------------------------------------------------

_U32_SKIP = _skips(11)


def _u32_encode(values, raw):
    _U32_SKIP[2](values, raw)
    if 'match' in values:
        raw['SEL'] = terminal(raw['SEL'], 'classid' in values or 'ACTIONS' in raw)


U32 = TcKind('u32', 'Masked words of the packet.', [_classid(1), *_U32_SKIP[0]],
             match=[Field('match', Matches(), 'SEL', 'The matches.', nla=(5, 'cdata'), keyword='')],
             rows=_U32_SKIP[1], encode=_u32_encode, decode=_U32_SKIP[3], derived=_OFF, actions=7,
             check=lambda values: None if values.get('match') else "u32 needs match: a list of matches, or all")


# -- flower -------------------------------------------------------------------------------------------------------------

_IP4, _IP6, _MAC = 'ip4addr', 'ip6addr', 'l2addr'


def _be(name, attr, number, kind, type, doc, **more):
    return Field(name, type, attr, doc, nla=(number, kind), **more)


_PORT_ATTRS = {'tcp': (18, 19, 35, 36), 'udp': (20, 21, 37, 38), 'sctp': (41, 42, 39, 40)}  # source, destination, their masks
_FLOWER_MATCH = [
    _be('indev', 'INDEV', 2, 'asciiz', LinkName(), 'Link that the packet arrived by.'),
    Field('dst_mac', MaskedMac(), None, 'Destination MAC address.'), Field('src_mac', MaskedMac(), None, 'Source MAC address.'),
    _be('num_of_vlans', 'NUM_OF_VLANS', 102, 'uint8', Int(0, 255), 'Number of VLAN tags.'),
    _be('vlan_id', 'VLAN_ID', 23, 'uint16', Int(0, 4095), 'VLAN id, with protocol V(802.1Q) or V(802.1ad).'),
    _be('vlan_prio', 'VLAN_PRIO', 24, 'uint8', Int(0, 7), 'VLAN priority.'),
    _be('vlan_ethtype', 'VLAN_ETHTYPE', 25, 'be16', Protocol(), 'Protocol inside of the VLAN.'),
    _be('cvlan_id', 'CVLAN_ID', 77, 'uint16', Int(0, 4095), 'Id of the inner VLAN.'),
    _be('cvlan_prio', 'CVLAN_PRIO', 78, 'uint8', Int(0, 7), 'Priority of the inner VLAN.'),
    _be('cvlan_ethtype', 'CVLAN_ETHTYPE', 79, 'be16', Protocol(), 'Protocol inside of the inner VLAN.'),
    _be('mpls_label', 'MPLS_LABEL', 70, 'uint32', Int(0, 0xFFFFF), 'MPLS label, with protocol V(mpls_uc) or V(mpls_mc).'),
    _be('mpls_tc', 'MPLS_TC', 69, 'uint8', Int(0, 7), 'MPLS traffic class.'), _be('mpls_bos', 'MPLS_BOS', 68, 'uint8', Int(0, 1), 'MPLS bottom of stack.'),
    _be('mpls_ttl', 'MPLS_TTL', 67, 'uint8', Int(0, 255), 'MPLS TTL.'),
    _be('pppoe_sid', 'PPPOE_SID', 103, 'be16', Int(0, 65535), 'PPPoE session, with protocol V(ppp_ses).'),
    _be('ip_proto', 'IP_PROTO', 9, 'uint8', IpProtocol(), 'Protocol over IP.'),
    Field('ip_tos', Masked(8, hexadecimal=True), None, 'TOS or traffic class, in hexadecimal.'), Field('ip_ttl', Masked(8), None, 'TTL or hop limit.'),
    Field('ip_flags', Fragments(), None, 'Fragments.'),
    Field('src_ip', MaskedIp(), None, 'Source address, with protocol V(ip) or V(ipv6).'), Field('dst_ip', MaskedIp(), None, 'Destination address.'),
    Field('src_port', Ports(), None, 'Source port; needs O(ip_proto) V(tcp), V(udp) or V(sctp).'), Field('dst_port', Ports(), None, 'Destination port.'),
    Field('tcp_flags', Masked(12, hexadecimal=True), None, 'TCP flags, in hexadecimal.'),
    Field('type', Masked(8), None, 'ICMP type.'), Field('code', Masked(8), None, 'ICMP code.'),
    Field('arp_sip', MaskedIp(), None, 'Sender address of ARP, with protocol V(arp).'), Field('arp_tip', MaskedIp(), None, 'Target address of ARP.'),
    Field('arp_op', Masked(8), None, 'ARP operation: 1 for a request, 2 for a reply.'),
    Field('arp_sha', MaskedMac(), None, 'Sender MAC of ARP.'), Field('arp_tha', MaskedMac(), None, 'Target MAC of ARP.'),
    _be('enc_key_id', 'ENC_KEY_ID', 26, 'be32', Int(), 'Key of the tunnel (VNI).'),
    Field('enc_src_ip', MaskedIp(), None, 'Source address of the tunnel.'), Field('enc_dst_ip', MaskedIp(), None, 'Destination address of the tunnel.'),
    _be('enc_dst_port', 'ENC_DST_PORT', 45, 'be16', Int(0, 65535), 'Destination port of the tunnel.'),
    Field('enc_tos', Masked(8, hexadecimal=True), None, 'TOS of the tunnel, in hexadecimal.'), Field('enc_ttl', Masked(8), None, 'TTL of the tunnel.'),
    Field('ct_state', CtState(), None, 'State of connection tracking.'), Field('ct_zone', Masked(16), None, 'Zone of connection tracking.'),
    Field('ct_mark', Masked(32), None, 'Mark of the connection.'),
]
_PAIRS = {
    'dst_mac': ('ETH_DST', 'ETH_DST_MASK'), 'src_mac': ('ETH_SRC', 'ETH_SRC_MASK'), 'ip_tos': ('TOS', 'TOS_MASK'), 'ip_ttl': ('TTL', 'TTL_MASK'),
    'ip_flags': ('KEY_FLAGS', 'KEY_FLAGS_MASK'), 'tcp_flags': ('TCP_FLAGS', 'TCP_FLAGS_MASK'),
    'src_ip': (('IP4_SRC', 'IP4_SRC_MASK'), ('IP6_SRC', 'IP6_SRC_MASK')), 'dst_ip': (('IP4_DST', 'IP4_DST_MASK'), ('IP6_DST', 'IP6_DST_MASK')),
    'arp_sip': ('ARP_SIP', 'ARP_SIP_MASK'), 'arp_tip': ('ARP_TIP', 'ARP_TIP_MASK'), 'arp_op': ('ARP_OP', 'ARP_OP_MASK'),
    'arp_sha': ('ARP_SHA', 'ARP_SHA_MASK'), 'arp_tha': ('ARP_THA', 'ARP_THA_MASK'),
    'enc_src_ip': (('ENC4_SRC', 'ENC4_SRC_MASK'), ('ENC6_SRC', 'ENC6_SRC_MASK')), 'enc_dst_ip': (('ENC4_DST', 'ENC4_DST_MASK'), ('ENC6_DST', 'ENC6_DST_MASK')),
    'enc_tos': ('ENC_TOS', 'ENC_TOS_MASK'), 'enc_ttl': ('ENC_TTL', 'ENC_TTL_MASK'), 'ct_state': ('CT_STATE', 'CT_STATE_MASK'),
    'ct_zone': ('CT_ZONE', 'CT_ZONE_MASK'),
    'ct_mark': ('CT_MARK', 'CT_MARK_MASK'),
}
_PAIR_ROWS = [
    (4, 'ETH_DST', _MAC), (6, 'ETH_SRC', _MAC), (73, 'TOS', 'uint8'), (75, 'TTL', 'uint8'), (10, 'IP4_SRC', _IP4), (12, 'IP4_DST', _IP4), (14, 'IP6_SRC', _IP6),
    (16, 'IP6_DST', _IP6),
    (71, 'TCP_FLAGS', 'be16'), (57, 'ARP_SIP', _IP4), (59, 'ARP_TIP', _IP4), (61, 'ARP_OP', 'uint8'), (63, 'ARP_SHA', _MAC), (65, 'ARP_THA', _MAC),
    (27, 'ENC4_SRC', _IP4), (29, 'ENC4_DST', _IP4), (31, 'ENC6_SRC', _IP6), (33, 'ENC6_DST', _IP6), (80, 'ENC_TOS', 'uint8'), (82, 'ENC_TTL', 'uint8'),
    (91, 'CT_STATE', 'uint16'), (93, 'CT_ZONE', 'uint16'), (95, 'CT_MARK', 'uint32'), (47, 'KEY_FLAGS', 'be32'),
    (49, 'ICMP4_CODE', 'uint8'), (51, 'ICMP4_TYPE', 'uint8'), (53, 'ICMP6_CODE', 'uint8'), (55, 'ICMP6_TYPE', 'uint8'),
]
_FLOWER_SKIP = _skips(22)
_FLOWER_ROWS = [*_PAIR_ROWS, *((number + 1, f'{name}_MASK', kind) for number, name, kind in _PAIR_ROWS), (8, 'ETH_TYPE', 'be16'), *_FLOWER_SKIP[1],
                *((number, f'{proto}_{what}', 'be16') for proto, numbers in _PORT_ATTRS.items() for number,
                  what in zip(numbers, ('SRC', 'DST', 'SRC_MASK', 'DST_MASK'))),
                *((number, name, 'be16') for number, name in enumerate(('SRC_MIN', 'SRC_MAX', 'DST_MIN', 'DST_MAX'), 87))]


def _flower_encode(values, raw):
    _FLOWER_SKIP[2](values, raw)
    if values.get('protocol', 'all') != 'all':
        raw['ETH_TYPE'] = Protocol().wire(values['protocol'])
    proto = values.get('ip_proto')
    for option, what in (('src_port', 'SRC'), ('dst_port', 'DST')):
        if option in values:
            low, dash, high = values[option].partition('-')
            if dash:
                raw[f'{what}_MIN'], raw[f'{what}_MAX'] = int(low), int(high)
            else:
                raw[f'{proto}_{what}'], raw[f'{proto}_{what}_MASK'] = Masked(16).wire(values[option])
    for option in ('type', 'code'):
        if option in values:
            name = f"ICMP{4 if proto == 'icmp' else 6}_{option.upper()}"
            raw[name], raw[f'{name}_MASK'] = Masked(8).wire(values[option])


def _flower_decode(raw, values):
    _FLOWER_SKIP[3](raw, values)
    for option, what in (('src_port', 'SRC'), ('dst_port', 'DST')):
        if f'{what}_MIN' in raw:
            values[option] = f"{raw[f'{what}_MIN']}-{raw[f'{what}_MAX']}"
        for proto in _PORT_ATTRS:
            if f'{proto}_{what}' in raw:
                values[option] = Masked(16).unwire((raw[f'{proto}_{what}'], raw.get(f'{proto}_{what}_MASK', 0xFFFF)))
    for name, option in ((f'ICMP{version}_{option.upper()}', option) for version in (4, 6) for option in ('type', 'code')):
        if name in raw:
            values[option] = Masked(8).unwire((raw[name], raw.get(f'{name}_MASK', 0xFF)))


def _flower_check(values):
    ports = [name for name in ('src_port', 'dst_port') if name in values]
    if ports and values.get('ip_proto') not in _PORT_ATTRS:
        return f'{ports[0]} needs ip_proto tcp, udp or sctp'
    icmp = [name for name in ('type', 'code') if name in values]
    if icmp and values.get('ip_proto') not in ('icmp', 'icmpv6'):
        return f'{icmp[0]} needs ip_proto icmp or icmpv6'
    return None


FLOWER = TcKind('flower', 'Fields of the packet by name.', [_classid(1), *_FLOWER_SKIP[0]], match=_FLOWER_MATCH, rows=_FLOWER_ROWS, pairs=_PAIRS,
                encode=_flower_encode, decode=_flower_decode, check=_flower_check, derived=_OFF, actions=3)

# -- the small ones -----------------------------------------------------------------------------------------------------

_ALL_SKIP = _skips(3)
MATCHALL = TcKind('matchall', 'All packets.', [_classid(1), *_ALL_SKIP[0]], rows=_ALL_SKIP[1], encode=_ALL_SKIP[2], decode=_ALL_SKIP[3], derived=_OFF,
                  actions=2)


def _fw_decode(raw, values):
    values.setdefault('mask', '0xffffffff')


FW = TcKind('fw', 'The mark of the packet, which is the handle of the filter.', [
    _classid(1), Field('indev', LinkName(), 'INDEV', 'Link that the packet arrived by.', nla=(3, 'asciiz'))],
    match=[Field('mask', Hex(), 'MASK', 'Bits of the mark that count. The default is all.', nla=(5, 'uint32'))], actions=4,
    derived=[('mask', lambda values: '0xffffffff')], decode=_fw_decode, words=lambda values: spoken(FW.table, values))
BASIC = TcKind('basic', 'All packets; extended matches are not supported.', [_classid(1)], rows=[(2, 'EMATCHES', 'cdata')], actions=3)
CGROUP = TcKind('cgroup', 'The class that the control group of the sender names (net_cls.classid).', rows=[(3, 'EMATCHES', 'cdata')], actions=1)

KINDS = [U32, FLOWER, MATCHALL, FW, BASIC, CGROUP]
