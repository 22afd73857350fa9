# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netem: the network emulator (linux/pkt_sched.h)."""

from __future__ import annotations

import os
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tc import Percent, Rate, Size, TcKind, Time, Word
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Int, Options, Text
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout

_ALL = 0xFFFFFFFF
_SHARE, _TIME, _RATE = Percent(), Time(nano=True), Rate(percent=True, most=2**64 - 1, least=0)
_PLACES = ('/usr/lib/tc', '/lib/tc', '/usr/lib64/tc', '/usr/share/tc')  # and below /usr/lib the directory of the architecture


def distribution(name: str) -> bytes:
    """A table of delays that iproute2 brings along, as numbers of 16 bits."""
    places = [*_PLACES, *(f'/usr/lib/{one}/tc' for one in sorted(os.listdir('/usr/lib')))] if os.path.isdir('/usr/lib') else _PLACES
    for place in places:
        try:
            with open(f'{place}/{name}.dist') as file:
                words = [word for line in file if not line.startswith('#') for word in line.split()]
        except OSError:
            continue
        return struct.pack(f'={len(words)}h', *map(int, words))
    raise MissingAbility(f"this host has no table of the distribution '{name}': it comes with iproute2 (in {_PLACES[0]})")


class Name(Text):
    """The name of a distribution, which is a file's."""

    def parse(self, value):
        text = super().parse(value)
        if not text or '/' in text:
            raise ValueError('normal, pareto, paretonormal, experimental or the name of another table of iproute2')
        return text


STATE = Table([Field(name, _SHARE, None, doc) for name, doc in (
    ('p13', 'Probability of going from receiving to a burst of losses.'), ('p31', 'Of going back. The default is what O(p13) leaves.'),
    ('p32', 'Of going from losses to a burst of arrivals.'), ('p23', 'Of going back. The default is 100%.'), ('p14', 'Of losing a single packet.'))])
GEMODEL = Table([
    Field('p', _SHARE, None, 'Probability of going to the bad state.'), Field('r', _SHARE, None, 'Of going back. The default is what O(p) leaves.'),
    Field('one_minus_h', _SHARE, None, 'Of losing a packet in the bad state. The default is 100%.'),
    Field('one_minus_k', _SHARE, None, 'Of losing a packet in the good state. The default is 0%.')])
SLOT = Table([
    Field('min_delay', _TIME, None, 'Least time between slots.'), Field('max_delay', _TIME, None, 'Most time between slots. The default is O(min_delay).'),
    Field('distribution', Name(), None, 'Table that the times between slots are drawn by, in place of O(min_delay).', write_only=True),
    Field('delay', _TIME, None, 'Their mean.'), Field('jitter', _TIME, None, 'Their spread.'),
    Field('packets', Int(0, 2**31 - 1), None, 'Packets that a slot has room for.'), Field('bytes', Size(), None, 'Bytes that a slot has room for.')])


def _state(value: dict) -> dict:
    p13 = _SHARE.wire(value['p13'])
    return {'p13': p13, 'p31': _ALL - p13, 'p32': 0, 'p23': _ALL, 'p14': 0, **{name: _SHARE.wire(one) for name, one in value.items()}}


def _gemodel(value: dict) -> dict:
    p = _SHARE.wire(value['p'])
    given = {name: _SHARE.wire(one) for name, one in value.items()}
    return {'p': p, 'r': given.get('r', _ALL - p), 'h': _ALL - given.get('one_minus_h', _ALL), 'k1': given.get('one_minus_k', 0)}


_LOSS = Layout([(1, 'GI', tuple((name, 'I') for name in ('p13', 'p31', 'p32', 'p14', 'p23'))), (2, 'GE', tuple((name, 'I') for name in ('p', 'r', 'h', 'k1')))])
_SLOT = (('min_delay', 'q'), ('max_delay', 'q'), ('packets', 'i'), ('bytes', 'i'), ('delay', 'q'), ('jitter', 'q'))
_PAIR = (('share', 'I'), ('correlation', 'I'))
_CORRELATIONS = {'delay_correlation': 'delay', 'loss_correlation': 'loss', 'duplicate_correlation': 'duplicate'}
_ZERO = {'loss': '0%', 'duplicate': '0%', 'corrupt': '0%', 'reorder': '0%', **{name: '0%' for name in _CORRELATIONS}, 'corrupt_correlation': '0%',
         'reorder_correlation': '0%',
         'delay': '0us', 'jitter': '0us', 'gap': 0, 'rate': '0bit', 'packet_overhead': 0, 'cell_size': 0, 'cell_overhead': 0, 'ecn': False}


def _encode(values, raw):
    raw['CORR'] = {member: _SHARE.wire(values[name]) for name, member in _CORRELATIONS.items()}
    for name, attr in (('reorder', 'REORDER'), ('corrupt', 'CORRUPT')):
        raw[attr] = {'share': _SHARE.wire(values[name]), 'correlation': _SHARE.wire(values[f'{name}_correlation'])}
    rate = _RATE.wire(values['rate'])
    raw['RATE'] = {'rate': min(rate, _ALL), **{name: values[name] for name in ('packet_overhead', 'cell_size', 'cell_overhead')}}
    raw['RATE64'] = rate if rate > _ALL else None
    if values['reorder'] != '0%' and not values['gap']:
        raw['gap'] = 1
    if 'loss_state' in values:
        raw['LOSS'] = {'GI': _state(values['loss_state'])}
    elif 'loss_gemodel' in values:
        raw['LOSS'] = {'GE': _gemodel(values['loss_gemodel'])}
    if 'distribution' in values:
        raw['DELAY_DIST'] = distribution(values['distribution'])
    if 'slot' in values:
        slot = values['slot']
        raw['SLOT'] = {name: SLOT.by_name[name].type.wire(slot[name]) if name in slot else 0 for name, unused in _SLOT}
        if 'max_delay' not in slot:
            raw['SLOT']['max_delay'] = raw['SLOT']['min_delay']
        if 'distribution' in slot:
            raw['SLOT_DIST'] = distribution(slot['distribution'])


def _decode(raw, values):
    values.update({name: _SHARE.unwire(raw['CORR'][member]) for name, member in _CORRELATIONS.items()} if 'CORR' in raw else {})
    for name, attr in (('reorder', 'REORDER'), ('corrupt', 'CORRUPT')):
        if attr in raw:
            values[name], values[f'{name}_correlation'] = _SHARE.unwire(raw[attr]['share']), _SHARE.unwire(raw[attr]['correlation'])
    if 'RATE' in raw:
        values.update(raw['RATE'], rate=_RATE.unwire(raw.get('RATE64', raw['RATE']['rate'])))
    loss = raw.get('LOSS', {})
    if 'GI' in loss:
        values['loss_state'] = {name: _SHARE.unwire(loss['GI'][name]) for name in STATE.by_name}
    if 'GE' in loss:
        found = loss['GE']
        values['loss_gemodel'] = {'p': _SHARE.unwire(found['p']), 'r': _SHARE.unwire(found['r']), 'one_minus_h': _SHARE.unwire(_ALL - found['h']),
                                  'one_minus_k': _SHARE.unwire(found['k1'])}
    if 'SLOT' in raw:
        names = ('delay', 'jitter') if raw['SLOT']['jitter'] else ('min_delay', 'max_delay')
        slot = {name: SLOT.by_name[name].type.unwire(raw['SLOT'][name]) for name in (*names, 'packets', 'bytes')}
        values['slot'] = {name: value for name, value in slot.items() if value or name in names}
    values['ecn'] = bool(raw.get('ECN'))


def _check(values):
    full = {**_ZERO, **values}
    models = [name for name in ('loss', 'loss_state', 'loss_gemodel') if values.get(name) not in (None, '0%')]
    if len(models) > 1:
        return f'{models[0]} and {models[1]} exclude each other'
    if full['ecn'] and not models:
        return 'ecn needs loss, loss_state or loss_gemodel'
    if full['reorder'] != '0%' and full['delay'] == '0us':
        return 'reorder needs delay: it sends some packets at once and delays the others'
    if full['gap'] and full['reorder'] == '0%':
        return 'gap needs reorder'
    if 'distribution' in values and '0us' in (full['delay'], full['jitter']):
        return 'distribution needs delay and jitter'
    for name, first in (('loss_state', 'p13'), ('loss_gemodel', 'p')):
        if name in values and first not in values[name]:
            return f'{name} needs {first}'
    slot = values.get('slot')
    if slot is not None and not ('min_delay' in slot or {'delay', 'jitter'} <= set(slot)):
        return 'slot needs min_delay, or distribution with delay and jitter'
    return None


def _words(values: dict) -> list[str]:
    full = {**_ZERO, **values}
    words: list[str] = []

    def say(name, *more):
        """An option and those that may stand after it, as far as they say something."""
        said = [full[one] for one in (name, *more)]
        while len(said) > 1 and said[-1] == _ZERO[(name, *more)[len(said) - 1]]:
            said.pop()
        if name in values and (said[0] != _ZERO[name] or len(said) > 1):
            words.extend([name, *map(str, said)])

    if 'limit' in values:
        words.extend(['limit', str(values['limit'])])
    say('delay', 'jitter', 'delay_correlation')
    if 'distribution' in values:
        words.extend(['distribution', values['distribution']])
    if 'loss' in values and values['loss'] != '0%':
        words.extend(['loss', 'random', values['loss'], *([full['loss_correlation']] if full['loss_correlation'] != '0%' else [])])
    for name, table in (('loss_state', STATE), ('loss_gemodel', GEMODEL)):
        if name in values:
            numbers = _state(values[name]) if name == 'loss_state' else _gemodel(values[name])
            shares = numbers if name == 'loss_state' else {'p': numbers['p'], 'r': numbers['r'], 'one_minus_h': _ALL - numbers['h'],
                                                           'one_minus_k': numbers['k1']}
            words.extend(['loss', name[5:], *(_SHARE.unwire(shares[one]) for one in table.by_name)])
    if full['ecn']:
        words.append('ecn')
    say('reorder', 'reorder_correlation')
    say('corrupt', 'corrupt_correlation')
    if full['gap']:
        words.extend(['gap', str(full['gap'])])
    say('duplicate', 'duplicate_correlation')
    say('rate', 'packet_overhead', 'cell_size', 'cell_overhead')
    slot = values.get('slot')
    if slot:
        words.append('slot')
        words.extend(['distribution', slot['distribution'], slot['delay'], slot['jitter']] if 'distribution' in slot else
                     [slot[name] for name in ('min_delay', 'max_delay') if name in slot])
        for name in ('packets', 'bytes'):
            words.extend([name, str(slot[name])] if slot.get(name) else [])
    return words


def _correlation(name):
    return Field(f'{name}_correlation', _SHARE, None, f'How much the {name} of a packet depends on that of the one before.')


NETEM = TcKind('netem', 'Emulates a network: delay, loss, duplication, corruption, reordering, rate.', [
    Field('limit', Int(1), 'limit', 'Packets that the queue holds. The default is 1000.'),
    Field('delay', _TIME, 'LATENCY64', 'Time that packets are held back for.', nla=(10, 'int64'), aliases=['latency']),
    Field('jitter', _TIME, 'JITTER64', 'Spread of the delay.', nla=(11, 'int64')), _correlation('delay'),
    Field('distribution', Name(), None, 'Table that the delay is drawn by: V(normal), V(pareto), V(paretonormal), V(experimental) or another one that'
          ' iproute2 has.'
          ' The kernel does not report it.', write_only=True),
    Field('loss', _SHARE, 'loss', 'Packets that are lost by chance.', aliases=['drop']), _correlation('loss'),
    Field('loss_state', Options(STATE), None, 'Losses by a model of four states: a dict of C(p13), C(p31), C(p32), C(p23), C(p14).'),
    Field('loss_gemodel', Options(GEMODEL), None, 'Losses by the model of Gilbert and Elliott: a dict of C(p), C(r), C(one_minus_h), C(one_minus_k).'),
    Field('ecn', Word(), 'ECN', 'Mark packets that can ECN instead of losing them.', nla=(7, 'uint32')),
    Field('duplicate', _SHARE, 'duplicate', 'Packets that arrive twice.'), _correlation('duplicate'),
    Field('corrupt', _SHARE, None, 'Packets that have a bit inverted.'), _correlation('corrupt'),
    Field('reorder', _SHARE, None, 'Packets that are sent at once while others are delayed.'), _correlation('reorder'),
    Field('gap', Int(), 'gap', 'Only each packet of this number is sent at once.'),
    Field('rate', _RATE, None, 'Rate that packets leave at.'),
    Field('packet_overhead', Int(-2**31, 2**31 - 1, unit='bytes'), None, 'Bytes that are added to each packet when they are counted.'),
    Field('cell_size', Int(unit='bytes'), None, 'Size of the cells that packets are cut into.'),
    Field('cell_overhead', Int(-2**31, 2**31 - 1, unit='bytes'), None, 'Bytes that are added to each cell.'),
    Field('slot', Options(SLOT), None, 'Packets leave in slots only: a dict of C(min_delay), C(max_delay), C(packets), C(bytes), or of C(distribution),'
          ' C(delay),'
          ' C(jitter), C(packets), C(bytes).'),
], struct=[('latency', 'I'), ('limit', 'I'), ('loss', 'I'), ('gap', 'I'), ('duplicate', 'I'), ('jitter', 'I')],
    rows=[(1, 'CORR', tuple((name, 'I') for name in _CORRELATIONS.values())), (2, 'DELAY_DIST', 'cdata'), (3, 'REORDER', _PAIR), (4, 'CORRUPT', _PAIR),
          (5, 'LOSS', _LOSS),
          (6, 'RATE', (('rate', 'I'), ('packet_overhead', 'i'), ('cell_size', 'I'), ('cell_overhead', 'i'))), (8, 'RATE64', 'uint64'), (12, 'SLOT', _SLOT),
          (13, 'SLOT_DIST', 'cdata')], encode=_encode, decode=_decode, words=_words, check=_check,
    derived=[('limit', lambda values: 1000), *((name, lambda values, value=value: value) for name, value in _ZERO.items())],
    instead={name: tuple(other for other in ('loss', 'loss_state', 'loss_gemodel') if other != name) for name in ('loss', 'loss_state', 'loss_gemodel')})
