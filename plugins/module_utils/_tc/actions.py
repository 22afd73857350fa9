# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions of filters (linux/tc_act/*.h)."""

from __future__ import annotations

import re
import socket
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tc import ClassId, Masked, MaskedIp, Rate, Size, TcKind, spoken
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Ip, LinkRef, ListOf, Mac, Type, canonical_ip
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import tc
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout, attribute, attributes
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.filters import Protocol
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.shapers import LAYER, LAYER_DEFAULTS, spec, table, wide

_SIGNED = 1 << 32
_JUMP, _GOTO = 0x10000000, 0x20000000
VERDICTS = {'continue': -1, 'pass': 0, 'reclassify': 1, 'drop': 2, 'pipe': 3, 'stolen': 4, 'trap': 8}
_SAME = {'ok': 'pass', 'shot': 'drop'}
GEN = [('index', 'I'), ('capab', 'I'), ('verdict', 'i'), ('refcnt', 'i'), ('bindcnt', 'i')]


class Control(Type):
    """What happens to the packet after the action."""

    spec = {'type': 'str'}
    allowed = ', '.join(name for name in VERDICTS if name != 'stolen') + ", 'goto chain N' or 'jump N'"

    def parse(self, value):
        text = _SAME.get(str(value), str(value))
        found = re.fullmatch(r'(goto chain|jump) (\d{1,8})', text)
        if text not in VERDICTS and not found:
            raise ValueError(self.allowed)
        return f'{found[1]} {int(found[2])}' if found else text

    def wire(self, value):
        if value in VERDICTS:
            return VERDICTS[value]
        return (_GOTO if value.startswith('goto') else _JUMP) | int(value.split()[-1])

    def unwire(self, raw):
        for base, word in ((_GOTO, 'goto chain'), (_JUMP, 'jump')):
            if raw >= 0 and raw & 0xF0000000 == base:
                return f'{word} {raw & 0x0FFFFFFF}'
        return next((name for name, number in VERDICTS.items() if number == raw), str(raw))

    def argv(self, value):
        return value.split()


def control(default: str):
    """The field that each action has."""
    return Field('control', Control(), 'verdict', f'What happens to the packet then. The default is {default}.', keyword='')


def _kind(name, doc, fields, *, usual='pipe', within=2, struct=(), **more):
    derived = [*more.pop('derived', ()), ('control', usual if callable(usual) else lambda values: usual)]
    shown = 'V(stolen) for V(redirect) and V(pipe) for V(mirror)' if callable(usual) else f'V({usual})'
    return TcKind(name, doc, [*fields, control(shown)], struct=[*GEN, *struct], within=within, derived=derived, **more)


def _said(kind, values, *first):
    """Words of an action: those that come first, then its options, then the verdict (which some take for an option before it)."""
    rest = {name: value for name, value in values.items() if name != 'control'}
    return [*first, *spoken(kind.table, rest), *(Control().argv(values['control']) if values.get('control', 'stolen') != 'stolen' else [])]


# -- gact, mirred -------------------------------------------------------------------------------------------------------

GACT = _kind('gact', 'The verdict alone. Its words are kinds as well: C(kind=drop) is gact with O(control) drop.', [], usual='pass',
             words=lambda values: Control().argv(values.get('control', 'pass')))


def _after_mirred(values):
    return 'stolen' if values.get('action') == 'redirect' else 'pipe'


_EACTIONS = {('egress', 'redirect'): 1, ('egress', 'mirror'): 2, ('ingress', 'redirect'): 3, ('ingress', 'mirror'): 4}


def _mirred_encode(values, raw):
    raw['eaction'] = _EACTIONS[values['direction'], values['action']]


def _mirred_decode(raw, values):
    for (values['direction'], values['action']), number in _EACTIONS.items():
        if number == raw['eaction']:
            return


MIRRED = _kind('mirred', 'Gives the packet to another link.', [
    Field('direction', Enum({'egress': 0, 'ingress': 1}), None, 'As if it left, or as if it arrived there. The default is V(egress).', keyword=''),
    Field('action', Enum({'redirect': 0, 'mirror': 1}), None, 'The packet itself, or a copy. The default is V(redirect).', keyword=''),
    Field('dev', LinkRef(), 'ifindex', 'That link.'),
], usual=_after_mirred, struct=[('eaction', 'i'), ('ifindex', 'I')], encode=_mirred_encode, decode=_mirred_decode,
    check=lambda values: None if 'dev' in values else 'mirred needs dev',
    derived=[('direction', lambda values: 'egress'), ('action', lambda values: 'redirect')], words=lambda values: _said(MIRRED, MIRRED.complete(values)))


# -- police -------------------------------------------------------------------------------------------------------------

_RATE = Rate(most=2**64 - 1)


class Exceed(Type):
    """EXCEED or EXCEED/CONFORM."""

    spec = {'type': 'str'}
    allowed = f'one of {Control.allowed}, or two of them as EXCEED/CONFORM'

    def parse(self, value):
        try:
            return '/'.join(Control().parse(one) for one in str(value).split('/', 1))
        except ValueError:
            raise ValueError(self.allowed) from None

    def argv(self, value):
        return value.split()


def _police_check(values):
    if not any(name in values for name in ('rate', 'avrate', 'pkts_rate', 'mtu')):
        return 'police needs rate, pkts_rate, avrate or mtu'
    for name, other in (('rate', 'burst'), ('pkts_rate', 'pkts_burst'), ('peakrate', 'mtu'), ('peakrate', 'rate')):
        if name in values and other not in values:
            return f'police with {name} needs {other}'
    return 'rate and pkts_rate exclude each other' if {'rate', 'pkts_rate'} <= set(values) else None


def _police_encode(values, raw):
    mtu = values.get('mtu', 0)
    raw.update(rate=bytes(tc.RATE_SPEC_SIZE), peakrate=bytes(tc.RATE_SPEC_SIZE), mtu=mtu)
    if 'rate' in values:
        raw.update(rate=spec(values, 'rate', mtu), RATE=table(values, 'rate', mtu), RATE64=wide(values, 'rate'),
                   burst=tc.transmit_time(_RATE.wire(values['rate']), values['burst']))
    if 'peakrate' in values:
        raw.update(peakrate=spec(values, 'peakrate', mtu), PEAKRATE=table(values, 'peakrate', mtu), PEAKRATE64=wide(values, 'peakrate'))
    if 'pkts_rate' in values:
        raw['PKTBURST64'] = tc.transmit_time(values['pkts_rate'], values['pkts_burst'])
    exceed, slash, conform = values['conform_exceed'].partition('/')
    raw['verdict'] = Control().wire(exceed)
    if slash:
        raw['RESULT'] = Control().wire(conform) & 0xFFFFFFFF


def _police_decode(raw, values):
    found = tc.read_rate_spec(raw['rate'])
    rate, peak = raw.get('RATE64', found.pop('rate')), raw.get('PEAKRATE64', tc.read_rate_spec(raw['peakrate'])['rate'])
    if rate:
        values.update(found, rate=_RATE.unwire(rate), burst=tc.transmit_size(rate, raw['burst']))
    if peak:
        values['peakrate'] = _RATE.unwire(peak)
    if raw['mtu'] not in (0, 0xFFFFFFFF):
        values['mtu'] = raw['mtu']
    if 'PKTRATE64' in raw:
        values['pkts_burst'] = tc.transmit_size(raw['PKTRATE64'], raw.get('PKTBURST64', 0))
    values['conform_exceed'] = Control().unwire(raw['verdict'])
    if raw.get('RESULT'):  # 0 is pass, which is meant where nothing is said
        result = raw['RESULT']
        values['conform_exceed'] += '/' + Control().unwire(result - _SIGNED if result >> 31 else result)


class ExceedField(Field):
    """The kernel does not report that what conforms passes."""

    def parse(self, value, where):
        return super().parse(value, where).removesuffix('/pass')


POLICE = TcKind('police', 'Lets a rate through; what exceeds it has another verdict.', [
    Field('rate', _RATE, None, 'Rate that conforms.'), Field('burst', Size(1), None, 'Bytes that may be let through at once.', aliases=['buffer', 'maxburst']),
    Field('mtu', Size(1), None, 'Largest packet that conforms.', aliases=['minburst']),
    Field('peakrate', _RATE, None, 'Rate at which the burst may be used up; needs O(mtu).'),
    Field('avrate', Rate(), 'AVRATE', "Rate that the kernel's estimator has to measure, in place of O(rate).", nla=(4, 'uint32')),
    Field('pkts_rate', Int(1), 'PKTRATE64', 'Packets a second that conform.', nla=(10, 'uint64')),
    Field('pkts_burst', Int(1), None, 'Packets that may be let through at once.'),
    *LAYER,
    ExceedField('conform_exceed', Exceed(), None,
                'Verdict on what exceeds, and with a slash on what conforms: V(drop/pipe). The default is V(reclassify), and V(pass).',
                keyword='conform-exceed'),
], struct=[('index', 'I'), ('verdict', 'i'), ('limit', 'I'), ('burst', 'I'), ('mtu', 'I'), ('rate', '12s'), ('peakrate', '12s'), ('refcnt', 'i'),
           ('bindcnt', 'i'), ('capab', 'I')],
    within=1, rows=[(2, 'RATE', 'cdata'), (3, 'PEAKRATE', 'cdata'), (5, 'RESULT', 'uint32'), (8, 'RATE64', 'uint64'), (9, 'PEAKRATE64', 'uint64'),
                    (11, 'PKTBURST64', 'uint64')],
    encode=_police_encode, decode=_police_decode, check=_police_check,
    filled=[('mtu', lambda values: 2040 if 'rate' in values else None)], derived=[*LAYER_DEFAULTS, ('conform_exceed', lambda values: 'reclassify')])


# -- what changes packets -----------------------------------------------------------------------------------------------

_NEEDS = {'push': ('id',), 'modify': ('id',), 'push_eth': ('dst_mac', 'src_mac')}


def _vlan_check(values):
    lacking = [name for name in _NEEDS.get(values.get('action'), ()) if name not in values]
    if 'action' not in values or lacking:
        return f"vlan with action {values['action']} needs {lacking[0]}" if 'action' in values else 'vlan needs action'
    return None


VLAN = _kind('vlan', 'VLAN tags.', [
    Field('action', Enum({'pop': 1, 'push': 2, 'modify': 3, 'pop_eth': 4, 'push_eth': 5}), 'v_action', 'What is done.', keyword=''),
    Field('id', Int(0, 4095), 'VID', 'VLAN id, to push or to set.', nla=(3, 'uint16')),
    Field('protocol', Protocol(), 'PROTOCOL', 'V(802.1Q) or V(802.1ad).', nla=(4, 'be16')),
    Field('priority', Int(0, 7), 'PRIORITY', 'VLAN priority.', nla=(6, 'uint8')),
    Field('dst_mac', Mac(), 'DST', 'Destination of the Ethernet header to push.', nla=(7, 'l2addr')),
    Field('src_mac', Mac(), 'SRC', 'Its source.', nla=(8, 'l2addr')),
], struct=[('v_action', 'i')], check=_vlan_check, words=lambda values: _said(VLAN, values),
    derived=[('protocol', lambda values: '802.1Q' if values.get('action') in ('push', 'modify') else None)])

_INHERIT, _SKBHASH = 0x20, 0x40


def _skbedit_encode(values, raw):
    if 'inheritdsfield' in values:
        raw['FLAGS'] = _INHERIT if values['inheritdsfield'] else None
    if raw.get('MASK') == 0xFFFFFFFF:
        raw.pop('MASK')


def _skbedit_decode(raw, values):
    values['inheritdsfield'] = bool(raw.get('FLAGS', 0) & _INHERIT)


class Inherit(Bool):
    def argv(self, value):
        return ['inheritdsfield'] if value else []


SKBEDIT = _kind('skbedit', 'What the kernel knows of the packet.', [
    Field('queue_mapping', Int(0, 65535), 'QUEUE', 'Transmit queue.', nla=(4, 'uint16')),
    Field('priority', ClassId(), 'PRIORITY', 'Priority, as an id of a class, in quotes.', nla=(3, 'uint32')),
    Field('mark', Masked(32), None, 'Mark, or MARK/MASK.'),
    Field('ptype', Enum({'host': 0, 'broadcast': 1, 'multicast': 2, 'otherhost': 3}), 'PTYPE', 'Type of the packet.', nla=(7, 'uint16')),
    Field('inheritdsfield', Inherit(), None, 'Take the priority from the DS field.', keyword=''),
], rows=[(5, 'MARK', 'uint32'), (8, 'MASK', 'uint32'), (9, 'FLAGS', 'uint64')], pairs={'mark': ('MARK', 'MASK')}, encode=_skbedit_encode,
    decode=_skbedit_decode,
    derived=[('inheritdsfield', lambda values: False)], words=lambda values: _said(SKBEDIT, values))


def _tunnel_encode(values, raw):
    if 'csum' in values:
        raw['NO_CSUM'] = int(not values['csum'])


def _tunnel_decode(raw, values):
    if 'NO_CSUM' in raw:
        values['csum'] = not raw['NO_CSUM']


TUNNEL_KEY = _kind('tunnel_key', 'Parameters for a tunnel device in external mode.', [
    Field('mode', Enum({'set': 1, 'unset': 2}), 't_action', 'Give them to the packet, or take them away. The default is V(set).', keyword=''),
    Field('src_ip', Ip(), ('SRC4', 'SRC6'), 'Source address of the tunnel.'), Field('dst_ip', Ip(), ('DST4', 'DST6'), 'Destination address of the tunnel.'),
    Field('id', Int(), 'KEY', 'Key (VNI).', nla=(7, 'be32')), Field('dst_port', Int(0, 65535), 'PORT', 'Destination port.', nla=(9, 'be16')),
    Field('tos', Int(0, 255), 'TOS', 'TOS of the tunnel.', nla=(12, 'uint8')), Field('ttl', Int(0, 255), 'TTL', 'TTL of the tunnel.', nla=(13, 'uint8')),
    Field('csum', Bool('csum', 'nocsum'), None, 'Compute the checksum of UDP. The default is true.', keyword=''),
], struct=[('t_action', 'i')], rows=[(3, 'SRC4', 'ip4addr'), (4, 'DST4', 'ip4addr'), (5, 'SRC6', 'ip6addr'), (6, 'DST6', 'ip6addr'), (10, 'NO_CSUM', 'uint8')],
    encode=_tunnel_encode, decode=_tunnel_decode, derived=[('mode', lambda values: 'set'), ('csum', lambda values: True if values['mode'] == 'set' else None)],
    check=lambda values: 'tunnel_key needs src_ip and dst_ip' if values.get('mode', 'set') == 'set' and not {'src_ip', 'dst_ip'} <= set(values) else None,
    words=lambda values: _said(TUNNEL_KEY, TUNNEL_KEY.complete(values)))


class Checksums(ListOf):
    bits = {'ip4h': 1, 'icmp': 2, 'igmp': 4, 'tcp': 8, 'udp': 16, 'udplite': 32, 'sctp': 64}

    def __init__(self):
        super().__init__(Enum(self.bits), separator=' ')

    def wire(self, value):
        return sum(self.bits[one] for one in value)

    def unwire(self, raw):
        return sorted(name for name, bit in self.bits.items() if raw & bit)


CSUM = _kind('csum', 'Computes checksums anew.', [Field('update', Checksums(), 'update', 'Which ones.', keyword='')], usual='pass', within=1,
             struct=[('update', 'I')],
             check=lambda values: None if values.get('update') else 'csum needs update', words=lambda values: _said(CSUM, values))
CONNMARK = _kind('connmark', 'Gives the packet the mark of its connection.',
                 [Field('zone', Int(0, 65535), 'zone', 'Zone of connection tracking. The default is 0.')],
                 within=1, struct=[('zone', 'H2x')], words=lambda values: _said(CONNMARK, values), derived=[('zone', lambda values: 0)])


# -- ct -----------------------------------------------------------------------------------------------------------------

_CT = {'commit': 1, 'force': 2, 'clear': 4}
_NAT, _NAT_SRC, _NAT_DST = 8, 16, 32


class Range(Type):
    """A or A-B; on the wire a pair."""

    spec = {'type': 'str'}

    def __init__(self, what: str, one):
        self.allowed, self.one = f'{what}, or two of them with a dash between', one

    def parse(self, value):
        try:
            ends = [self.one(text) for text in str(value).split('-', 1)]
        except ValueError:
            raise ValueError(self.allowed) from None
        return '-'.join(map(str, ends if len(ends) == 2 and ends[0] != ends[1] else ends[:1]))


def _port(text):
    if not text.isdigit() or int(text) > 65535:
        raise ValueError
    return int(text)


def _ct_encode(values, raw):
    bits = sum(bit for name, bit in _CT.items() if values.get(name))
    if 'nat' in values:
        bits |= _NAT | {'src': _NAT_SRC, 'dst': _NAT_DST, 'restore': 0}[values['nat']]
    raw['ACTION'] = bits
    raw['ZONE'] = raw.get('ZONE') or None  # a kernel without zones refuses the usual one, too
    for name, attrs in (('nat_addr', ('IP4_MIN', 'IP4_MAX') if ':' not in values.get('nat_addr', '') else ('IP6_MIN', 'IP6_MAX')),
                        ('nat_port', ('PORT_MIN', 'PORT_MAX'))):
        if name in values:
            low, dash, high = values[name].partition('-')
            ends = (low, high if dash else low)
            raw.update(zip(attrs, ends if name == 'nat_addr' else map(int, ends)))


def _ct_decode(raw, values):
    bits = raw.get('ACTION', 0)
    values.update({name: bool(bits & bit) for name, bit in _CT.items()})
    if not bits & _CT['clear']:
        values.setdefault('zone', 0)
    if bits & _NAT:
        values['nat'] = 'src' if bits & _NAT_SRC else 'dst' if bits & _NAT_DST else 'restore'
    for name, attr in (('nat_addr', 'IP4'), ('nat_addr', 'IP6'), ('nat_port', 'PORT')):
        if f'{attr}_MIN' in raw:
            low, high = raw[f'{attr}_MIN'], raw.get(f'{attr}_MAX', raw[f'{attr}_MIN'])
            values[name] = str(low) if low == high else f'{low}-{high}'


def _ct_words(values):
    words = [name for name in _CT if values.get(name)]
    for name in ('zone', 'mark'):
        words += [name, str(values[name])] if name in values else []
    if 'nat' in values:
        words += ['nat', *([values['nat']] if values['nat'] != 'restore' else [])]
        words += ['addr', values['nat_addr']] if 'nat_addr' in values else []
        words += ['port', values['nat_port']] if 'nat_port' in values else []
    ends = values.get('control', 'pipe' if 'nat' in values else None)  # after nat, tc demands a word
    return words + (Control().argv(ends) if ends else [])


def _ct_check(values):
    if values.get('clear') and any(values.get(name) for name in ('commit', 'force', 'nat')):
        return 'clear excludes commit, force and nat'
    if values.get('nat') in ('src', 'dst') and not (values.get('commit') and 'nat_addr' in values):
        return f"nat {values['nat']} needs commit and nat_addr"
    return None


CT = _kind('ct', 'Connection tracking.', [
    Field('commit', Bool(), None, 'Enter the connection.'), Field('force', Bool(), None, 'Enter it anew if it is known the other way round.'),
    Field('clear', Bool(), None, 'Forget what is known of the packet.'),
    Field('zone', Int(0, 65535), 'ZONE', 'Zone of connection tracking.', nla=(4, 'uint16')),
    Field('mark', Masked(32), None, 'Mark for the connection, or MARK/MASK.'),
    Field('nat', Enum({'src': 0, 'dst': 1, 'restore': 2}), None, 'Translate source or destination; V(restore) does what the connection has.'),
    Field('nat_addr', Range('an address', canonical_ip), None, 'Address to translate to, or two as FIRST-LAST.'),
    Field('nat_port', Range('a port', _port), None, 'Port to translate to, or two as FIRST-LAST.'),
], within=1, rows=[(3, 'ACTION', 'uint16'), (5, 'MARK', 'uint32'), (6, 'MARK_MASK', 'uint32'), (9, 'IP4_MIN', 'ip4addr'), (10, 'IP4_MAX', 'ip4addr'),
                   (11, 'IP6_MIN', 'ip6addr'),
                   (12, 'IP6_MAX', 'ip6addr'), (13, 'PORT_MIN', 'be16'), (14, 'PORT_MAX', 'be16')], pairs={'mark': ('MARK', 'MARK_MASK')},
    encode=_ct_encode, decode=_ct_decode, words=_ct_words, check=_ct_check,
    derived=[*((name, lambda values: False) for name in _CT), ('zone', lambda values: None if values.get('clear') else 0)])


# -- nat, sample, skbmod, mpls ------------------------------------------------------------------------------------------

def _nat_encode(values, raw):
    address, mask = MaskedIp().wire(values['old'])
    raw['old'], raw['mask'] = (socket.inet_aton(one) for one in (address, mask))
    raw['new'] = socket.inet_aton(values['new'])
    raw['flags'] = int(values['direction'] == 'egress')


def _nat_decode(raw, values):
    values['old'] = MaskedIp().unwire((socket.inet_ntoa(raw['old']), socket.inet_ntoa(raw['mask'])))
    values['new'] = socket.inet_ntoa(raw['new'])
    values['direction'] = 'egress' if raw['flags'] & 1 else 'ingress'


NAT = _kind('nat', 'Stateless translation of addresses.', [
    Field('direction', Enum({'ingress': 0, 'egress': 1}), None, 'Destination of what arrives, or source of what leaves.', keyword=''),
    Field('old', MaskedIp(), None, 'Address or network to be translated.', keyword=''), Field('new', Ip(4), None, 'Address to translate to.', keyword=''),
], usual='pass', within=1, struct=[('old', '4s'), ('new', '4s'), ('mask', '4s'), ('flags', 'I')], encode=_nat_encode, decode=_nat_decode,
    words=lambda values: _said(NAT, values),
    check=lambda values: None if {'direction', 'old', 'new'} <= set(values) else 'nat needs direction, old and new')
SAMPLE = _kind('sample', 'Samples of packets for psample.', [
    Field('rate', Int(1), 'RATE', 'One packet of this number.', nla=(3, 'uint32')),
    Field('group', Int(), 'GROUP', 'Group that listeners join.', nla=(5, 'uint32')),
    Field('trunc', Int(1, unit='bytes'), 'TRUNC', 'Size that samples are cut to.', nla=(4, 'uint32')),
], check=lambda values: None if {'rate', 'group'} <= set(values) else 'sample needs rate and group', words=lambda values: _said(SAMPLE, values))

_SKBMOD = {'dmac': 1, 'smac': 2, 'etype': 4, 'swap_mac': 8, 'ecn': 16}


def _skbmod_encode(values, raw):
    raw['flags'] = sum(bit for name, bit in _SKBMOD.items() if values.get(name))


def _skbmod_decode(raw, values):
    values.update({name: bool(raw['flags'] & _SKBMOD[name]) for name in ('swap_mac', 'ecn')})


def _skbmod_words(values):
    words = ['set', *(word for name in ('dmac', 'smac', 'etype') if name in values
                      for word in (name, f"{Protocol().wire(values[name]):#x}" if name == 'etype' else values[name]))]
    words = words if len(words) > 1 else []
    words += ['swap', 'mac'] if values.get('swap_mac') else []
    words += ['ecn'] if values.get('ecn') else []
    return words + (Control().argv(values['control']) if 'control' in values else [])


SKBMOD = _kind('skbmod', 'The Ethernet header, and ECN.', [
    Field('dmac', Mac(), 'DMAC', 'Destination MAC.', nla=(3, 'l2addr')), Field('smac', Mac(), 'SMAC', 'Source MAC.', nla=(4, 'l2addr')),
    Field('etype', Protocol(), 'ETYPE', 'EtherType.', nla=(5, 'uint16')), Field('swap_mac', Bool(), None, 'Swap the two MACs.'),
    Field('ecn', Bool(), None, 'Mark congestion.'),
], struct=[('flags', '4xQ')], encode=_skbmod_encode, decode=_skbmod_decode, words=_skbmod_words,
    derived=[('swap_mac', lambda values: False), ('ecn', lambda values: False)],
    check=lambda values: None if any(values.get(name) for name in _SKBMOD) else 'skbmod needs dmac, smac, etype, swap_mac or ecn')


def _mpls_decode(raw, values):
    if values.get('action') not in ('pop', 'push', 'mac_push'):
        values.pop('protocol', None)  # reported, but refused when it is set


MPLS = _kind('mpls', 'MPLS labels.', [
    Field('action', Enum({'pop': 1, 'push': 2, 'modify': 3, 'dec_ttl': 4, 'mac_push': 5}), 'm_action', 'What is done.', keyword=''),
    Field('protocol', Protocol(), 'PROTO', 'Protocol of the packet then: needed to pop.', nla=(4, 'be16')),
    Field('label', Int(0, 0xFFFFF), 'LABEL', 'Label.', nla=(5, 'uint32')),
    Field('tc', Int(0, 7), 'TC', 'Traffic class.', nla=(6, 'uint8')), Field('ttl', Int(1, 255), 'TTL', 'TTL.', nla=(7, 'uint8')),
    Field('bos', Int(0, 1), 'BOS', 'Bottom of stack.', nla=(8, 'uint8')),
], struct=[('m_action', 'i')], decode=_mpls_decode, words=lambda values: _said(MPLS, values),
    check=lambda values: 'mpls needs action' if 'action' not in values else 'mpls with action pop needs protocol' if values['action'] == 'pop'
    and 'protocol' not in values else None,
    derived=[('protocol', lambda values: 'mpls_uc' if values.get('action') in ('push', 'mac_push') else None)])


# -- pedit --------------------------------------------------------------------------------------------------------------

_HEADERS = {'eth': 1, 'ip': 2, 'ip6': 3, 'tcp': 4, 'udp': 5}
#: field: (offset, bytes, kind of value, mask of its bits)
_PARTS = {
    'eth dst': (0, 6, 'mac', 0), 'eth src': (6, 6, 'mac', 0), 'eth type': (12, 2, 'int', 0xFFFF), 'ip src': (12, 4, 'ip', 0), 'ip dst': (16, 4, 'ip', 0),
    'ip tos': (1, 1, 'int', 0xFF), 'ip ttl': (8, 1, 'int', 0xFF), 'ip protocol': (9, 1, 'int', 0xFF), 'ip6 src': (8, 16, 'ip6', 0),
    'ip6 dst': (24, 16, 'ip6', 0),
    'ip6 nexthdr': (6, 1, 'int', 0xFF), 'ip6 hoplimit': (7, 1, 'int', 0xFF), 'tcp sport': (0, 2, 'int', 0xFFFF), 'tcp dport': (2, 2, 'int', 0xFFFF),
    'tcp flags': (13, 1, 'int', 0xFF),
    'udp sport': (0, 2, 'int', 0xFFFF), 'udp dport': (2, 2, 'int', 0xFFFF),
}
_PEDIT_AT = struct.Struct('=IIII')
_PEDIT_EX = Layout([(1, 'HEADER', 'uint16'), (2, 'COMMAND', 'uint16')])


class Munge(ListOf):
    """Changes of fields, in order: `ip ttl add 255`, `eth dst set MAC`."""

    def __init__(self):
        super().__init__(Type(), ordered=True, separator=' ')
        self.spec = {'type': 'list', 'elements': 'str'}
        self.allowed = "a list such as 'ip ttl set 64', 'ip ttl add 255', 'eth dst set 02:00:00:00:00:01', 'tcp dport set 80'; fields are " + ', '.join(_PARTS)

    def parse(self, value):
        return [self._one(str(text)) for text in (value if isinstance(value, (list, tuple)) else [value])]

    def _one(self, text):
        words = text.removeprefix('munge ').split()
        name = ' '.join(words[:2])
        if len(words) != 4 or name not in _PARTS or words[2] not in ('set', 'add') or (words[2] == 'add' and _PARTS[name][2] != 'int'):
            raise ValueError(self.allowed)
        unused, unused2, kind, most = _PARTS[name]
        try:
            value = Mac().parse(words[3]) if kind == 'mac' else Ip(6 if kind == 'ip6' else 4).parse(words[3]) if kind != 'int' else int(words[3], 0)
        except ValueError:
            raise ValueError(self.allowed) from None
        if kind == 'int' and not 0 <= value <= most:
            raise ValueError(self.allowed)
        return f'{name} {words[2]} {value}'

    @staticmethod
    def keys(value) -> list[tuple]:
        """(header, add, offset, value, mask kept) of each word that is changed."""
        keys = []
        for text in value:
            header, part, command, given = text.split()
            offset, size, kind, unused = _PARTS[f'{header} {part}']
            data = (bytes.fromhex(given.replace(':', '')) if kind == 'mac' else socket.inet_pton(socket.AF_INET6 if kind == 'ip6' else socket.AF_INET, given)
                    if kind != 'int'
                    else int(given).to_bytes(size, 'big'))
            while data:
                begin = offset % 4
                piece, data = data[:4 - begin], data[4 - begin:]
                word = (bytes(begin) + piece).ljust(4, b'\0')
                kept = b'\xff' * begin + bytes(len(piece)) + b'\xff' * (4 - begin - len(piece))
                keys.append((_HEADERS[header], int(command == 'add'), offset - begin, int.from_bytes(word, 'big'), int.from_bytes(kept, 'big')))
                offset += len(piece)
        return keys

    @classmethod
    def read(cls, keys) -> list | None:
        """The changes that these keys are, by matching them from the front; None if tc's words do not cover them."""
        found = []
        while keys:
            for name, (offset, size, kind, unused) in _PARTS.items():
                probe = cls.keys([f'{name} set ' + {'mac': '00:00:00:00:00:00', 'ip': '0.0.0.0', 'ip6': '::', 'int': '0'}[kind]])
                head = keys[:len(probe)]
                if [(key[0], key[2], key[4]) for key in head] != [(key[0], key[2], key[4]) for key in probe]:
                    continue
                data = b''.join(key[3].to_bytes(4, 'big') for key in head)[offset % 4:][:size]
                text = data.hex(':') if kind == 'mac' else str(int.from_bytes(data, 'big')) if kind == 'int' else socket.inet_ntop(
                    socket.AF_INET6 if kind == 'ip6' else socket.AF_INET, data)
                found.append(f"{name} {'add' if head[0][1] else 'set'} {text}")
                keys = keys[len(probe):]
                break
            else:
                return None
        return found

    def argv(self, value):
        return [word for text in value for word in ('munge', *text.split())]


_PEDIT_HEAD = struct.Struct('=IIiiiBBxx')


def _pedit_encode(values, raw):
    keys = Munge.keys(values['munge'])
    body = b''.join(kept.to_bytes(4, 'big') + value.to_bytes(4, 'big') + _PEDIT_AT.pack(offset, 0, 0, 0)
                    for unused, unused2, offset, value, kept in keys)
    raw['PARMS'] = _PEDIT_HEAD.pack(0, 0, raw.pop('verdict'), 0, 0, len(keys), 0) + body
    raw['KEYS'] = b''.join(attribute(0x8000 | 6, _PEDIT_EX.pack({'HEADER': header, 'COMMAND': command})) for header, command, unused, unused2, unused3 in keys)


def _pedit_decode(raw, values):
    head = raw.get('PARMS', bytes(_PEDIT_HEAD.size))
    fields = _PEDIT_HEAD.unpack_from(head)
    values['control'] = Control().unwire(fields[2])
    packed = raw.get('KEYS', b'')
    extended = [_PEDIT_EX.read(packed, begin, end) for unused, unused2, begin, end in attributes(packed, 0, len(packed))]
    keys = []
    for place in range(fields[5]):
        at = _PEDIT_HEAD.size + place * 24
        more = extended[place] if place < len(extended) else {}
        keys.append((more.get('HEADER', 0), more.get('COMMAND', 0), _PEDIT_AT.unpack_from(head, at + 8)[0], int.from_bytes(head[at + 4:at + 8], 'big'),
                     int.from_bytes(head[at:at + 4], 'big')))
    values['munge'] = Munge.read(keys)
    if values['munge'] is None:
        values['munge'] = ['unknown']


PEDIT = TcKind('pedit', 'Fields of the packet. Checksums are a matter of C(csum).', [
    Field('munge', Munge(), None, 'The changes, in order.', keyword=''), control('V(pass)')],
    rows=[(4, 'PARMS', 'cdata'), (5, 'KEYS', 'cdata'), (99, 'verdict', 'int32')], encode=_pedit_encode, decode=_pedit_decode,
    derived=[('control', lambda values: 'pass')],
    check=lambda values: None if values.get('munge') else 'pedit needs munge', words=lambda values: _said(PEDIT, values, 'ex'))

KINDS = [GACT, MIRRED, POLICE, VLAN, SKBEDIT, TUNNEL_KEY, PEDIT, CSUM, CONNMARK, CT, NAT, SAMPLE, SKBMOD, MPLS]
#: verdicts that stand for gact
SHORT = {**{name: name for name in VERDICTS if name != 'stolen'}, **_SAME}
