# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Qdiscs and classes that shape by rates: token buckets, service curves, cake (linux/pkt_sched.h)."""

from __future__ import annotations

import math

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tc import Hex, Rate, Size, TcKind, Time, Word, spoken
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Options
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import tc

RATE64 = Rate(percent=True, most=2**64 - 1)
_WIDE = 1 << 32
_MTU = 1600  #: what tc makes default bursts large enough for


def spec(values: dict, rate: str, mtu: int = 0) -> bytes:
    """struct tc_ratespec of one of the rates."""
    return tc.rate_spec(RATE64.wire(values[rate]), mtu, values.get('linklayer', 'ethernet'), values.get('overhead', 0), values.get('mpu', 0))


def table(values: dict, rate: str, mtu: int = 0) -> bytes:
    return tc.rate_table(min(RATE64.wire(values[rate]), 0xFFFFFFFF), mtu, values.get('linklayer', 'ethernet'), values.get('mpu', 0))


def wide(values: dict, rate: str):
    """The rate where 32 bits do not hold it."""
    number = RATE64.wire(values[rate])
    return number if number >= _WIDE else None


LAYER = [
    Field('overhead', Int(0, 65535, unit='bytes'), None, 'Bytes that are added to each packet when they are counted.'),
    Field('mpu', Int(0, 65535, unit='bytes'), None, 'Size that smaller packets are counted as.'),
    Field('linklayer', Enum(tc.LINKLAYERS), None, 'What packets are carried by: V(atm) counts whole cells. The default is V(ethernet).'),
]
LAYER_DEFAULTS = [('overhead', lambda values: 0), ('mpu', lambda values: 0), ('linklayer', lambda values: 'ethernet')]


# -- tbf ----------------------------------------------------------------------------------------------------------------

def _sent(rate: int, size: int, values: dict) -> int:
    """Ticks as the kernel counts them: psched_l2t_ns() with the factors of psched_ratecfg_precompute()."""
    factor, shift = 1000000000, 0
    while not (factor // rate >> 31 or factor >> 63):
        factor, shift = factor << 1, shift + 1
    length = max(size + values.get('overhead', 0), values.get('mpu', 0))
    if values.get('linklayer') == 'atm':
        length = -(-length // 48) * 53
    return (length * (factor // rate) >> shift) >> 6


def _least(rate: int, ticks: int, values: dict) -> int:
    """The smallest size that takes as many ticks: the kernel reports those only."""
    size = max(tc.transmit_size(rate, ticks) - values.get('overhead', 0), 0)
    if values.get('linklayer') == 'atm':
        size = size * 48 // 53
    while _sent(rate, size, values) < ticks:
        size += 1
    while size and _sent(rate, size - 1, values) >= ticks:
        size -= 1
    return size


def _tbf_limit(values):
    """Bytes that may wait as long as `latency`."""
    if 'latency' not in values:
        return None
    latency = _TBF_TIME.wire(values['latency']) / 1000000
    limit = RATE64.wire(values['rate']) * latency + values['burst']
    if 'peakrate' in values:
        limit = min(limit, RATE64.wire(values['peakrate']) * latency + values['mtu'])
    return int(limit)


_TBF_TIME = Time()


def _tbf_check(values):
    missing = [name for name in ('rate', 'burst') if name not in values]
    if missing:
        return f"tbf needs {' and '.join(missing)}"
    if ('limit' in values) == ('latency' in values):
        return 'tbf needs one of limit and latency'
    return 'tbf with peakrate needs mtu' if 'peakrate' in values and 'mtu' not in values else None


def _tbf_encode(values, raw):
    mtu = values.get('mtu', 0)
    raw.update(rate=spec(values, 'rate', mtu), limit=values['limit'], buffer=tc.transmit_time(RATE64.wire(values['rate']), values['burst']),
               RTAB=table(values, 'rate', mtu), RATE64=wide(values, 'rate'), BURST=values['burst'], peakrate=bytes(tc.RATE_SPEC_SIZE))
    if 'peakrate' in values:
        raw.update(peakrate=spec(values, 'peakrate', mtu), mtu=tc.transmit_time(RATE64.wire(values['peakrate']), mtu), PTAB=table(values, 'peakrate', mtu),
                   PRATE64=wide(values, 'peakrate'), PBURST=mtu)


def _tbf_decode(raw, values):
    found = tc.read_rate_spec(raw['rate'])
    rate = raw.get('RATE64', found.pop('rate'))
    values.update(found, rate=RATE64.unwire(rate), limit=raw['limit'])
    values['burst'] = _least(rate, _sent(rate, raw['BURST'], found) if 'BURST' in raw else raw['buffer'], found)
    peak = raw.get('PRATE64', tc.read_rate_spec(raw['peakrate'])['rate'])
    if peak:
        values['peakrate'] = RATE64.unwire(peak)
        values['mtu'] = _least(peak, _sent(peak, raw['PBURST'], found) if 'PBURST' in raw else raw['mtu'], found)


TBF = TcKind('tbf', 'Token bucket: a rate, and a burst that may exceed it.', [
    Field('rate', RATE64, None, 'Rate that packets leave at.'),
    Field('burst', Size(1), None, 'Size of the bucket.', aliases=['buffer', 'maxburst']),
    Field('limit', Size(1), None, 'Bytes that may wait.'),
    Field('latency', _TBF_TIME, None, 'Time that a packet may wait at most; another way to say O(limit).', write_only=True),
    Field('mtu', Size(1), None, 'Size of the bucket of O(peakrate).', aliases=['minburst']),
    Field('peakrate', RATE64, None, 'Rate at which the bucket may be emptied.'),
    *LAYER,
], struct=[('rate', '12s'), ('peakrate', '12s'), ('limit', 'I'), ('buffer', 'I'), ('mtu', 'I')], within=1,
    rows=[(2, 'RTAB', 'cdata'), (3, 'PTAB', 'cdata'), (4, 'RATE64', 'uint64'), (5, 'PRATE64', 'uint64'), (6, 'BURST', 'uint32'), (7, 'PBURST', 'uint32')],
    encode=_tbf_encode, decode=_tbf_decode, check=_tbf_check, derived=[('limit', _tbf_limit), *LAYER_DEFAULTS],
    instead={'latency': ('limit',), 'limit': ('latency',)},
    words=lambda values: spoken(TBF.table, {name: value for name, value in values.items() if name != 'limit' or 'latency' not in values}))


# -- htb ----------------------------------------------------------------------------------------------------------------

def _htb_encode(values, raw):
    raw['version'], raw['rate2quantum'] = 3, values['r2q']


def _htb_decode(raw, values):
    values['offload'] = 'OFFLOAD' in raw


HTB = TcKind('htb', 'Hierarchy of token buckets: classes with a rate of their own, which lend what they do not need.', [
    Field('default', Hex(base=16), 'defcls',
          'Minor number of the class that gets the packets that no filter gives to one. The default is to send them unshaped.',
          live=RECREATE),
    Field('r2q', Int(1), 'rate2quantum', 'Divisor that makes the quantum of a class of its rate. The default is 10.', live=RECREATE),
    Field('direct_qlen', Int(), 'DIRECT_QLEN', "Packets of no class that may wait; the default is the link's txqlen.", nla=(5, 'uint32'), live=RECREATE),
    Field('offload', Word((None, True)), 'OFFLOAD', 'The hardware shapes.', nla=(9, 'flag'), live=RECREATE),
], struct=[('version', 'I'), ('rate2quantum', 'I'), ('defcls', 'I'), ('debug', 'I'), ('direct_pkts', 'I')], within=2, encode=_htb_encode, decode=_htb_decode,
    derived=[('default', lambda values: '0x0'), ('r2q', lambda values: 10), ('offload', lambda values: False)])


def _burst(rate: str):
    def burst(values):
        return RATE64.wire(values[rate]) // tc.frequency() + values.get('mtu', _MTU) if rate in values else None
    return burst


def _htb_class_encode(values, raw):
    mtu = values.get('mtu', _MTU)
    raw.update(rate=spec(values, 'rate', mtu), ceil=spec(values, 'ceil', mtu), buffer=tc.transmit_time(RATE64.wire(values['rate']), values['burst']),
               cbuffer=tc.transmit_time(RATE64.wire(values['ceil']), values['cburst']), RTAB=table(values, 'rate', mtu), CTAB=table(values, 'ceil', mtu),
               RATE64=wide(values, 'rate'), CEIL64=wide(values, 'ceil'))


def _htb_class_decode(raw, values):
    found = tc.read_rate_spec(raw['rate'])
    rate, ceil = raw.get('RATE64', found.pop('rate')), raw.get('CEIL64', tc.read_rate_spec(raw['ceil'])['rate'])
    values.update(found, rate=RATE64.unwire(rate), ceil=RATE64.unwire(ceil), burst=tc.transmit_size(rate, raw['buffer']),
                  cburst=tc.transmit_size(ceil, raw['cbuffer']))
    if not raw['quantum']:
        values.pop('quantum', None)


def _quantum(values):
    """What the kernel makes of the rate with the usual r2q."""
    return min(max(RATE64.wire(values['rate']) // 10, 1000), 200000) if 'rate' in values else None


HTB_CLASS = TcKind('htb', 'A class of qdisc htb.', [
    Field('rate', RATE64, None, 'Rate that the class is sure of.'),
    Field('ceil', RATE64, None, 'Rate that it can have when others lend. The default is O(rate).'),
    Field('burst', Size(1), None, 'Bytes that may be sent at once at O(ceil). The default is what the clock of the kernel demands.',
          aliases=['buffer', 'maxburst']),
    Field('cburst', Size(1), None, 'Bytes that may be sent at once at the speed of the link.', aliases=['cbuffer', 'cmaxburst']),
    Field('prio', Int(0, 7), 'prio', 'Classes with a smaller number are lent to first. The default is 0.'),
    Field('quantum', Size(), 'quantum', 'Bytes that the class is lent at its turn. The default is O(rate) by the r2q of the qdisc.'),
    Field('mtu', Int(0, unit='bytes'), None, 'Size of packets that default bursts are made for. The default is 1600.', write_only=True),
    *LAYER,
], struct=[('rate', '12s'), ('ceil', '12s'), ('buffer', 'I'), ('cbuffer', 'I'), ('quantum', 'I'), ('level', 'I'), ('prio', 'I')], within=1,
    rows=[(3, 'CTAB', 'cdata'), (4, 'RTAB', 'cdata'), (6, 'RATE64', 'uint64'), (7, 'CEIL64', 'uint64')], encode=_htb_class_encode, decode=_htb_class_decode,
    check=lambda values: None if 'rate' in values else 'a class of htb needs rate', filled=[('quantum', _quantum)],
    derived=[('prio', lambda values: 0), *LAYER_DEFAULTS, ('ceil', lambda values: values.get('rate')), ('burst', _burst('rate')), ('cburst', _burst('ceil'))])


# -- hfsc ---------------------------------------------------------------------------------------------------------------

HFSC = TcKind('hfsc', 'Classes with service curves: delay and rate apart from each other.', [
    Field('default', Hex(0xFFFF, base=16), 'defcls',
          'Minor number of the class that gets the packets that no filter gives to one. The default is to drop them.'),
], struct=[('defcls', 'H')], derived=[('default', lambda values: '0x0')])

_CURVE = Table([
    Field('m1', Rate(percent=True, least=0), None, 'Rate of the first segment.'),
    Field('d', Time(), None, 'Length of the first segment.'),
    Field('m2', Rate(percent=True, least=0), None, 'Rate of the second segment.'),
    Field('umax', Size(1), None, 'In place of these three: the largest unit of work'),
    Field('dmax', Time(), None, 'that is to be done within this time'),
    Field('rate', Rate(percent=True), None, 'at this rate.'),
])
_HFSC_ROWS = {'rt': 'RSC', 'ls': 'FSC', 'ul': 'USC'}
_CURVE_STRUCT = (('m1', 'I'), ('d', 'I'), ('m2', 'I'))


class Curve(Options):
    """A service curve; on the wire two slopes and where they meet."""

    def __init__(self):
        super().__init__(_CURVE)
        self.allowed = 'a dict of m1, d, m2, or of umax, dmax, rate'

    def parse_at(self, value, where):
        values = super().parse_at(value, where)
        if not values.get('m2') and not values.get('rate') or ({'m1', 'd', 'm2'} & set(values) and {'umax', 'dmax', 'rate'} & set(values)):
            raise ValueError(self.allowed)
        return values

    def wire(self, value):
        rates, times = _CURVE.by_name['m1'].type, _CURVE.by_name['d'].type
        if 'rate' not in value:
            return {'m1': rates.wire(value.get('m1', '0bit')), 'd': tc.kernel_time(times.wire(value.get('d', '0us'))), 'm2': rates.wire(value['m2'])}
        rate, umax, dmax = rates.wire(value['rate']), value.get('umax', 0), times.wire(value.get('dmax', '0us'))
        if dmax and math.ceil(1000000 * umax / dmax) > rate:
            return {'m1': math.ceil(1000000 * umax / dmax), 'd': tc.kernel_time(dmax), 'm2': rate}
        return {'m1': 0, 'd': tc.kernel_time(max(math.ceil(dmax - umax * 1000000 // rate), 0)), 'm2': rate}

    def unwire(self, raw):
        found = {'m1': raw['m1'], 'd': tc.from_kernel_time(raw['d']), 'm2': raw['m2']}
        return {name: _CURVE.by_name[name].type.unwire(value) for name, value in found.items()}

    def argv(self, value):
        return spoken(_CURVE, value)


def _hfsc_encode(values, raw):
    if 'sc' in values:
        raw['RSC'] = raw['FSC'] = Curve().wire(values['sc'])


def _hfsc_check(values):
    if not {'rt', 'ls', 'sc'} & set(values):
        return 'a class of hfsc needs rt, ls or sc'
    if 'sc' in values and {'rt', 'ls'} & set(values):
        return 'sc is rt and ls at once, so it excludes them'
    return 'ul needs ls or sc' if 'ul' in values and not {'ls', 'sc'} & set(values) else None


HFSC_CLASS = TcKind('hfsc', 'A class of qdisc hfsc.', [
    Field('rt', Curve(), 'RSC', 'Real-time service curve, a dict of C(m1), C(d) and C(m2), or of C(umax), C(dmax) and C(rate).', nla=(1, _CURVE_STRUCT)),
    Field('ls', Curve(), 'FSC', 'Link-share service curve.', nla=(2, _CURVE_STRUCT)),
    Field('sc', Curve(), None, 'Both of them.', write_only=True),
    Field('ul', Curve(), 'USC', 'Upper-limit service curve.', nla=(3, _CURVE_STRUCT)),
], encode=_hfsc_encode, check=_hfsc_check, instead={'sc': ('rt', 'ls'), 'rt': ('sc',), 'ls': ('sc',)})


# -- cake ---------------------------------------------------------------------------------------------------------------

_DIFFSERV = {'diffserv3': 0, 'diffserv4': 1, 'diffserv8': 2, 'besteffort': 3, 'precedence': 4}
_FLOWS = {'flowblind': 0, 'srchost': 1, 'dsthost': 2, 'hosts': 3, 'flows': 4, 'dual-srchost': 5, 'dual-dsthost': 6, 'triple-isolate': 7}


class AckFilter(Enum):
    def __init__(self):
        super().__init__({'disabled': 0, 'enabled': 1, 'aggressive': 2})

    def words(self, value):
        return {'disabled': 'no-ack-filter', 'enabled': 'ack-filter', 'aggressive': 'ack-filter-aggressive'}[value]


class Bandwidth(Rate):
    def argv(self, value):
        return [value] if value in self.names else ['bandwidth', value]


def _cake_encode(values, raw):
    if 'rtt' in values:
        raw['TARGET'] = max(raw['RTT'] // 20, 1)
    if values.get('raw'):
        raw['RAW'], raw['ATM'] = 0, 0
        raw.setdefault('OVERHEAD', 0)


def _cake_decode(raw, values):
    values['raw'] = 'RAW' in raw
    if values['raw']:
        values.pop('overhead', None)
        values.pop('atm', None)


CAKE = TcKind('cake', 'Shaper, fair queueing and queue management in one, for the link to the Internet.', [
    Field('bandwidth', Bandwidth(most=2**64 - 1, names={'unlimited': 0}), 'BASE_RATE64', 'Rate that packets leave at. The default is V(unlimited).',
          nla=(2, 'uint64'), keyword=''),
    Field('autorate_ingress', Word(), 'AUTORATE', 'Find the bandwidth by what arrives.', nla=(9, 'uint32'), keyword='autorate-ingress'),
    Field('diffserv', Enum(_DIFFSERV), 'DIFFSERV_MODE', 'How the DS field makes priorities.', nla=(3, 'uint32'), keyword=''),
    Field('flowmode', Enum(_FLOWS), 'FLOW_MODE', 'What is a flow, and whom bandwidth is shared among.', nla=(5, 'uint32'), keyword=''),
    Field('nat', Bool('nat', 'nonat'), 'NAT', 'Look up the addresses behind address translation.', nla=(11, 'uint32'), keyword=''),
    Field('wash', Bool('wash', 'nowash'), 'WASH', 'Clear the DS field.', nla=(13, 'uint32'), keyword=''),
    Field('ack_filter', AckFilter(), 'ACK_FILTER', 'Drop acknowledgements that later ones include.', nla=(16, 'uint32'), keyword=''),
    Field('split_gso', Bool('split-gso', 'no-split-gso'), 'SPLIT_GSO', 'Split aggregates of packets.', nla=(17, 'uint32'), keyword=''),
    Field('rtt', Time(), 'RTT', 'Time of a typical round trip. The default is 100ms.', nla=(7, 'uint32')),
    Field('raw', Word(), None, 'Count the packets as the kernel does; excludes O(overhead) and O(atm).'),
    Field('atm', Enum({'noatm': 0, 'atm': 1, 'ptm': 2}), 'ATM', 'The framing of the link below.', nla=(4, 'uint32'), keyword=''),
    Field('overhead', Int(-64, 256, unit='bytes'), 'OVERHEAD', 'Bytes that are added to each packet when they are counted.', nla=(6, 'int32')),
    Field('mpu', Int(0, 256, unit='bytes'), 'MPU', 'Size that smaller packets are counted as.', nla=(14, 'uint32')),
    Field('ingress', Bool('ingress', 'egress'), 'INGRESS', 'The shaper is behind the link, so that dropped packets count as well.', nla=(15, 'uint32'),
          keyword=''),
    Field('memlimit', Size(), 'MEMORY', 'Bytes of memory for packets.', nla=(10, 'uint32')),
    Field('fwmark', Hex(), 'FWMARK', 'Bits of the mark that choose the priority.', nla=(18, 'uint32')),
], rows=[(8, 'TARGET', 'uint32'), (12, 'RAW', 'uint32')], encode=_cake_encode, decode=_cake_decode,
    check=lambda values: 'raw excludes overhead and atm' if values.get('raw') and {'overhead', 'atm'} & set(values) else None,
    instead={'raw': ('overhead', 'atm'), 'overhead': ('raw',), 'atm': ('raw',)})
