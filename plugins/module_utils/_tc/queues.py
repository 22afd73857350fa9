# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Qdiscs without arithmetic: queues and round robins (linux/pkt_sched.h)."""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tc import Masked, Rate, Size, TcKind, Time, Word
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, ListOf
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout

_UNSET = 0xFFFFFFFF
_PRIOS = 16


class First(ListOf):
    """A list of which the first are given, each an argument of its own; the kernel has the rest."""

    def __init__(self, item, size: int):
        super().__init__(item, ordered=True, separator=' ', size=size)
        self.allowed = f'a list of at most {size} of: {item.allowed}'

    def same(self, wanted, found):
        return found is not None and wanted == found[:len(wanted)]


class Bands(First):
    """A list that is a nest of attributes of one number."""

    def wire(self, value):
        return {'BAND': [self.item.wire(one) for one in value]}

    def unwire(self, raw):
        return [self.item.unwire(one) for one in raw.get('BAND', ())]


class PrioMap(First):
    """The band of each of 16 priorities, bytes of one structure; those not given are as `rest` has them."""

    def __init__(self, rest: list):
        super().__init__(Int(0, 15), _PRIOS)
        self.rest = rest

    def wire(self, value):
        return bytes([*value, *self.rest[len(value):]])

    def unwire(self, raw):
        return list(raw)


class Unset:
    """Mixed into a type: what the kernel reports as the largest number is not set."""

    def unwire(self, raw):
        return None if raw == _UNSET else super().unwire(raw)


class MaxRate(Unset, Rate):
    pass


class Threshold(Unset, Time):
    pass


class CodelTime(Time):
    """CoDel counts in units of 1024 ns and reports less than it was given: canonical is what becomes what is reported."""

    @staticmethod
    def _kept(micro: int) -> int:
        return (micro * 1000 >> 10 << 10) // 1000

    def parse(self, value):
        return self.unwire(self._kept(self.number(value)))

    def unwire(self, raw):
        if raw == _UNSET:
            return None
        made = [micro for micro in (raw, raw + 1, raw + 2) if self._kept(micro) == raw]
        return super().unwire(min(made, key=lambda micro: (-len(str(micro)) + len(str(micro).rstrip('0')), micro)) if made else raw)


class Power(Int):
    """A power of two; on the wire its exponent."""

    def __init__(self):
        super().__init__(1, 1 << 18)
        self.allowed = 'a power of two, 1-262144'

    def parse(self, value):
        number = super().parse(value)
        if number & (number - 1):
            raise ValueError(self.allowed)
        return number

    def wire(self, value):
        return value.bit_length() - 1

    def unwire(self, raw):
        return 1 << raw


class Queues(ListOf):
    """COUNT@OFFSET of each traffic class."""

    def __init__(self):
        super().__init__(Int(0, 65535), ordered=True, separator=' ', size=16)
        self.spec = {'type': 'list', 'elements': 'str'}
        self.allowed = 'a list of COUNT@OFFSET, one for each traffic class'

    def parse(self, value):
        found = []
        for one in value if isinstance(value, (list, tuple)) else str(value).split():
            count, at, offset = str(one).partition('@')
            if not (at and count.isdigit() and offset.isdigit()):
                raise ValueError(self.allowed)
            found.append(f'{int(count)}@{int(offset)}')
        return found

    def argv(self, value):
        return list(value)


PRIO_BANDS = [1, 2, 2, 2, 1, 2, 0, 0] + [1] * 8
MQPRIO_CLASSES = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 1, 1, 3, 3, 3, 3]
#: what a queue keeps and drops packets by
_ECN = 'Mark packets of flows that can ECN instead of dropping them.'
_LIMIT = 'Packets that the queue holds.'


def _mqprio_encode(values, raw):
    raw['hw'] = int(values['hw'])
    pairs = [tuple(map(int, one.split('@'))) for one in values.get('queues', ())]
    pairs += [(0, 0)] * (_PRIOS - len(pairs))
    raw['count'], raw['offset'] = struct.pack('=16H', *(pair[0] for pair in pairs)), struct.pack('=16H', *(pair[1] for pair in pairs))
    for name in ('MIN_RATE', 'MAX_RATE'):
        if name in raw:
            raw[name]['BAND'] += [0] * (_PRIOS - len(raw[name]['BAND']))


def _mqprio_decode(raw, values):
    values['hw'] = bool(raw['hw'])
    pairs = list(zip(struct.unpack('=16H', raw['count']), struct.unpack('=16H', raw['offset'])))
    values['queues'] = [f'{count}@{offset}' for count, offset in pairs[:values['num_tc']]]


class Rates(Bands):
    """Rates of traffic classes."""

    def __init__(self):
        super().__init__(Rate(most=2**64 - 1), _PRIOS)

    def unwire(self, raw):
        rates = raw.get('BAND', [])
        while rates and not rates[-1]:
            rates = rates[:-1]
        return [self.item.unwire(one) for one in rates] or None


def _cbs(name, doc):
    return Field(name, Int(-2**31, 2**31 - 1), name, doc)


_ETF_FLAGS = {'deadline_mode': 1, 'offload': 2, 'skip_sock_check': 4}


def _etf_encode(values, raw):
    raw['flags'] = sum(bit for name, bit in _ETF_FLAGS.items() if values.get(name))


def _etf_decode(raw, values):
    values.update({name: bool(raw['flags'] & bit) for name, bit in _ETF_FLAGS.items()})


def _nothing(unused):
    return False


KINDS = [
    TcKind('noqueue', 'No queue at all: what cannot be sent at once is lost.'),
    TcKind('pfifo', 'First in, first out, counted in packets.',
           [Field('limit', Int(), 'limit', 'Packets that the queue holds; the default is the link\'s txqlen.')],
           struct=[('limit', 'I')], bare=True),
    TcKind('bfifo', 'First in, first out, counted in bytes.', [Field('limit', Size(), 'limit', "Bytes that the queue holds; the default is the link's txqlen"
                                                                     ' times its MTU.')], struct=[('limit', 'I')], bare=True),
    TcKind('pfifo_fast', 'Three bands by priority, the first one first.'),
    TcKind('prio', 'Bands that are served strictly one after the other; each is a class.', [
        Field('bands', Int(2, 16), 'bands', 'Number of bands. The default is 3.'),
        Field('priomap', PrioMap(PRIO_BANDS), 'priomap', 'The band of each of the 16 priorities, counted from 0.'),
    ], struct=[('bands', 'i'), ('priomap', '16s')], derived=[('bands', lambda values: 3), ('priomap', lambda values: PRIO_BANDS)]),
    TcKind('multiq', 'A band, and so a class, for each transmit queue of a link that has several.', struct=[('bands', 'H'), ('max_bands', 'H')]),
    TcKind('mq', 'A class for each transmit queue of a link that has several.', bare=True),
    TcKind('mqprio', 'Traffic classes that have transmit queues of their own.', [
        Field('num_tc', Int(1, 16), 'num_tc', 'Number of traffic classes. The default is 8.', live=RECREATE),
        Field('map', PrioMap(MQPRIO_CLASSES), 'map', 'The traffic class of each of the 16 priorities.', live=RECREATE),
        Field('queues', Queues(), None, 'The transmit queues of each traffic class.', live=RECREATE),
        Field('hw', Bool('1', '0'), None, 'The hardware maps the classes. The default is true.', live=RECREATE),
        Field('mode', Enum({'dcb': 0, 'channel': 1}), 'MODE', 'What the hardware maps.', nla=(1, 'uint16'), live=RECREATE),
        Field('shaper', Enum({'dcb': 0, 'bw_rlimit': 1}), 'SHAPER', 'The shaper in hardware.', nla=(2, 'uint16'), live=RECREATE),
        Field('min_rate', Rates(), 'MIN_RATE', 'Rate that a traffic class has at least, for shaper V(bw_rlimit).', nla=(3, Layout([(3, 'BAND', '*uint64')])),
              live=RECREATE),
        Field('max_rate', Rates(), 'MAX_RATE', 'Rate that a traffic class has at most, for shaper V(bw_rlimit).', nla=(4, Layout([(4, 'BAND', '*uint64')])),
              live=RECREATE),
    ], struct=[('num_tc', 'B'), ('map', '16s'), ('hw', 'B'), ('count', '32s'), ('offset', '32s')], encode=_mqprio_encode, decode=_mqprio_decode,
        derived=[('num_tc', lambda values: 8), ('map', lambda values: MQPRIO_CLASSES), ('hw', lambda values: True)]),
    TcKind('drr', 'Classes that take turns by deficit round robin. Packets that no filter gives to a class are dropped.', bare=True),
    TcKind('ets', 'Bands that are served strictly, then bands that share by quantum; each is a class.', [
        Field('bands', Int(1, 16), 'NBANDS', 'Number of bands. The default is that of O(strict) and O(quanta).', nla=(1, 'uint8')),
        Field('strict', Int(0, 16), 'NSTRICT', 'Number of bands that are served strictly.', nla=(2, 'uint8')),
        Field('quanta', Bands(Size(1), 16), 'QUANTA', 'Bytes that each of the sharing bands may send at its turn.', nla=(3, Layout([(4, 'BAND', '*uint32')]))),
        Field('priomap', Bands(Int(0, 15), _PRIOS), 'PRIOMAP', 'The band of each of the 16 priorities.', nla=(5, Layout([(6, 'BAND', '*uint8')]))),
    ], derived=[('bands', lambda values: values.get('strict', 0) + len(values.get('quanta', ())))]),
    TcKind('fq', 'Fair queueing with pacing, a flow for each socket.', [
        Field('limit', Int(), 'PLIMIT', _LIMIT, nla=(1, 'uint32')),
        Field('flow_limit', Int(), 'FLOW_PLIMIT', 'Packets that a flow holds.', nla=(2, 'uint32')),
        Field('quantum', Size(), 'QUANTUM', 'Bytes that a flow may send at its turn.', nla=(3, 'uint32')),
        Field('initial_quantum', Size(), 'INITIAL_QUANTUM', 'Bytes that a new flow may send at first.', nla=(4, 'uint32')),
        Field('pacing', Bool(None, None), 'RATE_ENABLE', "Keep to the sockets' pacing rates.", nla=(5, 'uint32')),
        Field('maxrate', MaxRate(percent=True), 'FLOW_MAX_RATE', 'Rate that a flow has at most.', nla=(7, 'uint32')),
        Field('buckets', Power(), 'BUCKETS_LOG', 'Size of the hash table of flows.', nla=(8, 'uint32')),
        Field('refill_delay', Time(), 'REFILL_DELAY', 'Time after which an idle flow has its quantum again.', nla=(9, 'uint32')),
        Field('orphan_mask', Int(), 'ORPHAN_MASK', 'Bits of the hash of packets without a socket.', nla=(10, 'uint32')),
        Field('low_rate_threshold', Rate(), 'LOW_RATE_THRESHOLD', 'Rate below which packets are sent one by one.', nla=(11, 'uint32')),
        Field('ce_threshold', Threshold(), 'CE_THRESHOLD', 'Time in the queue after which packets are marked (ECN).', nla=(12, 'uint32')),
        Field('timer_slack', Time(nano=True, most=_UNSET), 'TIMER_SLACK', 'Slack of the timer.', nla=(13, 'uint32')),
        Field('horizon', Time(), 'HORIZON', 'Time in the future that packets may be sent for at most.', nla=(14, 'uint32')),
        Field('horizon_drop', Bool('horizon_drop', 'horizon_cap'), 'HORIZON_DROP', 'Drop packets beyond the horizon; false has them sent at the horizon.',
              nla=(15, 'uint8'), keyword=''),
    ], bare=True),
    TcKind('codel', 'Keeps the time in the queue low by dropping early (RFC 8289).', [
        Field('limit', Int(), 'LIMIT', _LIMIT, nla=(2, 'uint32')),
        Field('target', CodelTime(), 'TARGET', 'Time in the queue that is fine. The default is 5ms.', nla=(1, 'uint32')),
        Field('interval', CodelTime(), 'INTERVAL', 'Time that the queue may be longer for. The default is 100ms.', nla=(3, 'uint32')),
        Field('ce_threshold', CodelTime(), 'CE_THRESHOLD', 'Time in the queue after which packets are marked (ECN).', nla=(5, 'uint32')),
        Field('ecn', Bool(None, None), 'ECN', _ECN, nla=(4, 'uint32')),
    ], bare=True),
    TcKind('fq_codel', 'Fair queueing with CoDel for each flow (RFC 8290).', [
        Field('limit', Int(), 'LIMIT', _LIMIT, nla=(2, 'uint32')),
        Field('memory_limit', Size(), 'MEMORY_LIMIT', 'Bytes that the queue holds.', nla=(9, 'uint32')),
        Field('flows', Int(1, 65536), 'FLOWS', 'Number of flows. The default is 1024.', nla=(5, 'uint32'), live=RECREATE),
        Field('quantum', Size(), 'QUANTUM', 'Bytes that a flow may send at its turn.', nla=(6, 'uint32')),
        Field('target', CodelTime(), 'TARGET', 'Time in the queue that is fine. The default is 5ms.', nla=(1, 'uint32')),
        Field('interval', CodelTime(), 'INTERVAL', 'Time that the queue may be longer for. The default is 100ms.', nla=(3, 'uint32')),
        Field('ce_threshold', CodelTime(), 'CE_THRESHOLD', 'Time in the queue after which packets are marked (ECN).', nla=(7, 'uint32')),
        Field('ce_threshold_selector', Masked(8, hexadecimal=True), None, 'Only packets whose DS field has this value under this mask are marked so.'),
        Field('ecn', Bool(None, None), 'ECN', _ECN, nla=(4, 'uint32')),
        Field('drop_batch', Int(), 'DROP_BATCH', 'Packets that are dropped at once when the limit is reached.', nla=(8, 'uint32')),
    ], rows=[(10, 'SELECTOR', 'uint8'), (11, 'SELECTOR_MASK', 'uint8')], pairs={'ce_threshold_selector': ('SELECTOR', 'SELECTOR_MASK')}, bare=True),
    TcKind('ingress', 'What filters on arrival hang on.', parent='ingress', bare=True),
    TcKind('clsact', 'What filters on arrival and on departure hang on, without a queue.', parent='ingress', bare=True),
    TcKind('plug', 'Holds packets back until it is released, by a program. The kernel does not report its options, so it has none here.', bare=True),
    TcKind('cbs', 'Credit-based shaper (IEEE 802.1Q).', [
        _cbs('hicredit', 'Credits that can be collected at most, in bytes.'),
        _cbs('locredit', 'Credits that can be owed at most, in bytes, so a negative number.'),
        _cbs('sendslope', 'Credits that are lost while it sends, in kbit/s, so a negative number.'),
        _cbs('idleslope', 'Credits that are collected while it waits, in kbit/s.'),
        Field('offload', Bool('1', '0'), 'offload', 'The hardware does it.'),
    ], struct=[('offload', 'B3x'), ('hicredit', 'i'), ('locredit', 'i'), ('idleslope', 'i'), ('sendslope', 'i')], within=1),
    TcKind('etf', 'Sends each packet at the time that its socket says.', [
        Field('clockid', Enum({'CLOCK_REALTIME': 0, 'CLOCK_MONOTONIC': 1, 'CLOCK_BOOTTIME': 7, 'CLOCK_TAI': 11}), 'clockid', 'The clock that the times are of.',
              live=RECREATE),
        Field('delta', Int(0, 2**31 - 1, unit='ns'), 'delta', 'Time before its own that a packet leaves the queue.', live=RECREATE),
        Field('offload', Word(), None, 'The hardware keeps the times.', live=RECREATE),
        Field('deadline_mode', Word(), None, 'The times are deadlines.', live=RECREATE),
        Field('skip_sock_check', Word(), None, 'Take packets whose sockets say no time, too.', live=RECREATE),
    ], struct=[('delta', 'i'), ('clockid', 'i'), ('flags', 'I')], within=1, encode=_etf_encode, decode=_etf_decode,
        derived=[(name, _nothing) for name in _ETF_FLAGS]),
]

DRR_CLASS = TcKind('drr', 'A class of qdisc drr.', [
    Field('quantum', Size(1), 'QUANTUM', "Bytes that the class may send at its turn; the default is the link's MTU.", nla=(1, 'uint32'))])
