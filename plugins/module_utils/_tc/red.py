# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random early detection, and stochastic fair queueing with it (linux/pkt_sched.h). Of the burst, the average packet and the bandwidth that tc
asks for, the kernel keeps two exponents only, and of redflowlimit nothing; what is found has the plainest that lead to the same."""

from __future__ import annotations

import math

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tc import Rate, Size, TcKind, Word, spoken
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Int, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import tc

_ECN, _HARDDROP, _ADAPTIVE, _NODROP = 1, 2, 4, 8
_RATE = Rate(percent=True)
_BANDWIDTH = '10mbit'


class Probability(Type):
    """A number from 0 to 1; on the wire a share of 2**32."""

    spec = {'type': 'str'}
    allowed = 'a number from 0 to 1'

    def parse(self, value):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = -1.0
        if not 0 <= number < 1 or isinstance(value, bool):
            raise ValueError(self.allowed)
        return self.unwire(self.wire(number))

    def wire(self, value):
        return int(float(value) * 2**32)

    def unwire(self, raw):
        texts = [f'{raw / 2**32 + more:.{digits}g}' for digits in range(1, 17) for more in (0, 2**-33)]
        return next((text for text in texts if int(float(text) * 2**32) == raw), repr(raw / 2**32))


def weight(least: int, burst: int, average: int) -> int | None:
    """log2 of the weight of the moving average: burst + 1 - least/average < (1 - (1 - W)^burst) / W."""
    aim = burst + 1 - least / average
    if aim < 1:
        return None
    return next((log for log in range(1, 32) if aim <= (1 - (1 - 2.0**-log)**burst) * 2**log), None)


def slope(least: int, most: int, probability: float) -> int:
    """log2 of the probability by the distance of the thresholds."""
    if most == least:
        return 0
    share = probability / (most - least)
    return next((log for log in range(32) if share * 2**log > 1), 31)


def damping(log: int, average: int, rate: int) -> tuple[int, bytes]:
    """How the average falls while the link is idle: the size of a cell, and its table."""
    fall = -math.log(1 - 2.0**-log) / tc.transmit_time(rate, average)
    cell = next((one for one in range(32) if 31 / fall / (1 << one) < 512), 31)
    return cell, bytes([0, *(min(int((place << cell) * fall) & 255, 31) for place in range(1, 255)), 31])


def _burst(values):
    """The least that is large enough for the thresholds."""
    return (2 * values['min'] + values['max']) // (3 * values['avpkt']) if {'min', 'max', 'avpkt'} <= set(values) else None


def _thresholds(limit: str):
    return [('max', lambda values: values['min'] * 3 if values.get('min') else values[limit] // 4 if limit in values else None),
            ('min', lambda values: values['max'] // 3 if values.get('max') else None)]


def representative(values: dict, log: int, cell: int | None = None) -> dict:
    """The plainest avpkt, burst and bandwidth that lead to what the kernel has."""
    for average in (1000, 1500, 500, 250, 125, 64):
        first = _burst({**values, 'avpkt': average}) or 1
        burst = next((one for one in (first, *range(1 + values['min'] // average, 1 << 12)) if weight(values['min'], one, average) == log), None)
        if burst is None:
            continue
        for rate in (_BANDWIDTH, *(f'{10**exponent}kbit' for exponent in range(1, 8)),
                     *(f'{2**exponent}kbit' for exponent in range(30))) if cell is not None else (_BANDWIDTH,):
            if cell is None or damping(log, average, _RATE.wire(rate))[0] == cell:
                return {'avpkt': average, 'burst': burst, **({'bandwidth': rate} if cell is not None else {})}
    return {}


def _red_check(values):
    missing = [name for name in ('limit', 'avpkt') if not values.get(name)]
    if missing:
        return f"red needs {' and '.join(missing)}"
    full = RED.complete(values)
    if weight(full['min'], full['burst'], full['avpkt']) is None:
        return f"burst {full['burst']} is too small, try {1 + full['min'] // full['avpkt']}"
    return None


def _red_encode(values, raw):
    log = weight(values['min'], values['burst'], values['avpkt'])
    raw['Wlog'] = log or 1
    raw['Plog'] = slope(values['min'], values['max'], float(values['probability']))
    raw['Scell'], raw['STAB'] = damping(raw['Wlog'], values['avpkt'], _RATE.wire(values['bandwidth']))


def _red_decode(raw, values):
    values.update(representative(values, raw['Wlog'], raw['Scell']))


def _flag(name, bit, doc, **more):
    return Field(name, Word(), 'FLAGS', doc, bit=bit, **more)


RED = TcKind('red', 'Random early detection: drops or marks the more, the longer the queue is.', [
    Field('limit', Size(1), 'limit', 'Bytes that the queue holds.'),
    Field('min', Size(1), 'qmin', 'Length of the queue at which packets begin to be marked. The default is a third of O(max).'),
    Field('max', Size(1), 'qmax', 'Length at which O(probability) is reached. The default is a quarter of O(limit).'),
    Field('avpkt', Size(1), None, 'Size of an average packet.'),
    Field('burst', Int(1), None, 'Packets of a burst that is let through.'),
    Field('bandwidth', _RATE, None, 'Rate of the link, for times when it is idle. The default is 10mbit.'),
    Field('probability', Probability(), 'MAX_P', 'Largest probability of marking. The default is 0.02.', nla=(3, 'uint32')),
    _flag('ecn', _ECN, 'Mark packets of flows that can ECN instead of dropping them.', nla=(4, (('flags', 'I'), ('mask', 'I')))),
    _flag('harddrop', _HARDDROP, 'Drop packets above O(max) even with O(ecn).'),
    _flag('adaptive', _ADAPTIVE, 'Adapt O(probability) to the traffic.'),
    _flag('nodrop', _NODROP, 'Never drop what cannot be marked.'),
], struct=[('limit', 'I'), ('qmin', 'I'), ('qmax', 'I'), ('Wlog', 'B'), ('Plog', 'B'), ('Scell', 'B'), ('old_flags', 'B')], within=1,
    rows=[(2, 'STAB', 'cdata')], encode=_red_encode, decode=_red_decode, check=_red_check,
    derived=[*_thresholds('limit'), ('burst', _burst), ('bandwidth', lambda values: _BANDWIDTH), ('probability', lambda values: '0.02'),
             *((name, lambda values: False) for name in ('ecn', 'harddrop', 'adaptive', 'nodrop'))],
    words=lambda values: spoken(RED.table, {'bandwidth': _BANDWIDTH, **values}))  # tc complains without it

_SFQ_RED = ('redflowlimit', 'min', 'max', 'avpkt', 'burst', 'probability', 'ecn', 'harddrop')


def _sfq_red(values: dict) -> dict:
    """The options of random early detection made complete; none without redflowlimit."""
    if not values.get('redflowlimit'):
        return {}
    full = {'avpkt': 1000, 'probability': '0.02', **{name: value for name, value in values.items() if name in _SFQ_RED}}
    for name, function in [*_thresholds('redflowlimit'), ('burst', _burst)]:
        full.setdefault(name, function(full))
    return full


def _sfq_check(values):
    full = _sfq_red(values)
    if not full:
        others = [name for name in _SFQ_RED if values.get(name)]
        return f'{others[0]} needs redflowlimit' if others else None
    if not full['min'] < full['max'] <= full['redflowlimit']:
        return 'min, max and redflowlimit must be in this order'
    return None if weight(full['min'], full['burst'], full['avpkt']) else f"burst {full['burst']} is too small, try {1 + full['min'] // full['avpkt']}"


def _sfq_encode(values, raw):
    full = _sfq_red(values)
    raw['headdrop'] = int(bool(values.get('headdrop')))
    raw['flags'] = _ECN * bool(values.get('ecn')) | _HARDDROP * bool(values.get('harddrop'))
    raw['stats'] = b''
    if full:
        raw.update(qmin=full['min'], qmax=full['max'], Wlog=weight(full['min'], full['burst'], full['avpkt']) or 1,
                   Plog=slope(full['min'], full['max'], float(full['probability'])), max_P=Probability().wire(full['probability']))


def _sfq_decode(raw, values):
    values['headdrop'] = bool(raw['headdrop'])
    values.pop('redflowlimit')
    if raw['limit'] and raw['flows']:
        values['flows'] = min(raw['flows'], raw['limit'])  # what the kernel makes of it when the limit is given, too
    if not raw['qmin']:
        return
    values.update(redflowlimit=raw['qmax'], min=raw['qmin'], max=raw['qmax'], probability=Probability().unwire(raw['max_P']), ecn=bool(raw['flags'] & _ECN),
                  harddrop=bool(raw['flags'] & _HARDDROP))
    values.update(representative(values, raw['Wlog']))


_SFQ_USUAL = {'limit': 127, 'depth': 127, 'divisor': 1024}

SFQ = TcKind('sfq', 'Fair queueing by a hash of flows.', [
    Field('limit', Int(2), 'limit', 'Packets that the queue holds.'),
    Field('perturb', Int(0, 2**31 - 1, unit='seconds'), 'perturb', 'Interval at which the hash changes.'),
    Field('quantum', Size(), 'quantum', "Bytes that a flow may send at its turn; the default is the link's MTU."),
    Field('divisor', Int(1, 65536), 'divisor', 'Size of the hash table, a power of two.'),
    Field('flows', Int(1, 65536), 'flows', 'Number of flows.'),
    Field('depth', Int(1, 65536), 'depth', 'Packets that a flow holds.'),
    Field('headdrop', Word(), None, 'Drop the oldest packet of a flow instead of the newest.'),
    Field('redflowlimit', Int(), 'red_limit', 'Bytes that a flow holds: turns random early detection on for each flow. The kernel does not report it.'),
    Field('min', Int(1, unit='bytes'), None, 'As of V(red), for a flow.'), Field('max', Int(1, unit='bytes'), None, 'As of V(red), for a flow.'),
    Field('avpkt', Size(1), None, 'As of V(red). The default is 1000.'), Field('burst', Int(1), None, 'As of V(red).'),
    Field('probability', Probability(), None, 'As of V(red).'), Field('ecn', Word(), None, 'As of V(red).'), Field('harddrop', Word(), None, 'As of V(red).'),
], struct=[('quantum', 'I'), ('perturb', 'i'), ('limit', 'I'), ('divisor', 'I'), ('flows', 'I'), ('depth', 'I'), ('headdrop', 'I'), ('red_limit', 'I'),
           ('qmin', 'I'),
           ('qmax', 'I'), ('Wlog', 'B'), ('Plog', 'B'), ('Scell', 'B'), ('flags', 'B'), ('max_P', 'I'), ('stats', '24s')], bare=True,
    encode=_sfq_encode, decode=_sfq_decode, check=_sfq_check, derived=[('perturb', lambda values: 0), ('headdrop', lambda values: False)],
    filled=[('flows', lambda values: min(128, values.get('limit', 127))), *((name, lambda values, usual=usual: usual) for name, usual in _SFQ_USUAL.items())])
for one in SFQ.table:  # the kernel has no way to change it
    one.live = RECREATE
