# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic control without a kernel: values as tc reads them, bytes that no kernel here takes, and what a plan does to a tree."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import World
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tc import ClassId, Handle, MaskedIp, MaskedMac, Percent, Rate, Size, Time
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import tc
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import attributes
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_found import LinkTable
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.tc import Tc
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.index import ACTIONS, CLASSES, FILTERS, QDISCS
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.queues import CodelTime
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.u32 import Matches


@pytest.mark.parametrize('kind, written, canonical, wire', [
    (Rate(), '10mbit', '10mbit', 1250000), (Rate(), '1.5Gbit', '1500mbit', 187500000), (Rate(), 8000, '8kbit', 1000), (Rate(), '125kbps', '1mbit', 125000),
    (Rate(), '1mibit', '1048576bit', 131072), (Rate(), '77777', '77776bit', 9722), (Size(), '10kb', 10240, 10240), (Size(), '1m', 1048576, 1048576),
    (Size(), '8kbit', 1024, 1024), (Size(), '1.5k', 1536, 1536), (Time(), '50ms', '50ms', 50000), (Time(), '1500', '1500us', 1500),
    (Time(), '1.5s', '1500ms', 1500000),
    (Time(nano=True), '1500', '1500ns', 1500), (Time(nano=True), '20us', '20us', 20000), (Percent(), '100%', '100%', 2**32 - 1),
    (Percent(), 0.3, '0.3%', 12884902),
    (Handle(), 1, '1:', 0x10000), (Handle(), 'ffff:', 'ffff:', 0xFFFF0000), (ClassId(), '1:10', '1:10', 0x10010), (ClassId(), ':a', ':a', 10),
    (ClassId({'root': 7}), 'root', 'root', 7),
    (MaskedIp(), '192.0.2.7/24', '192.0.2.0/24', ('192.0.2.0', '255.255.255.0')),
    (MaskedIp(), '2001:db8::7/33', '2001:db8::/33', ('2001:db8::', 'ffff:ffff:8000::')),
    (MaskedIp(), '0.0.0.0/0', '0.0.0.0/0', ('0.0.0.0', '0.0.0.0')),
    (MaskedMac(), '02:00:00:00:00:07/8', '02:00:00:00:00:00/ff:00:00:00:00:00', ('02:00:00:00:00:00', 'ff:00:00:00:00:00')),
])
def test_values(kind, written, canonical, wire):
    assert kind.parse(written) == canonical and kind.parse(canonical) == canonical
    assert kind.wire(canonical) == wire and kind.unwire(wire) == canonical


@pytest.mark.parametrize('kind, written', [
    (Rate(), '10 parsec'), (Rate(), ''), (Rate(), -1), (Rate(), '50%'), (Rate(), '0'), (Rate(), '1tbit'), (Size(), '5gb'), (Size(), 'x'), (Time(), '2h'),
    (Time(), '2000000s'),
    (Percent(), '101%'), (Handle(), '0:'), (Handle(), '10000:'), (Handle(), True), (ClassId(), '70'), (ClassId(), 70), (ClassId(whole=True), '1:'),
    (MaskedIp(), '192.0.2.0/33'), (MaskedIp(), 'x'),
    (MaskedMac(), '02:00'), (Matches(), ['ip dport 80']), (Matches(), ['ip src 192.0.2.0/33']), (Matches(), ['u16 1 1 at 1']), (Matches(), ['u8 256 255 at 0']),
    (Matches(), ['ip dport 80 0xffff', 'ip dport 81 0xffff']), (Matches(), 7),
])
def test_refused_values(kind, written):
    with pytest.raises(ValueError, match='.'):
        kind.parse(written)


@given(st.integers(1, 2**32 - 1))
def test_what_the_kernel_reports_is_what_it_is_told(number):
    for kind in (Rate(), Time(), Percent(), Time(nano=True)):
        assert kind.wire(kind.unwire(number)) == number and kind.parse(kind.unwire(number)) == kind.unwire(number)


@given(st.integers(0, 10**7))
def test_codel_times_stay(micro):
    kind = CodelTime()
    kept = (micro * 1000 >> 10 << 10) // 1000
    canonical = kind.parse(f'{micro}us')
    assert canonical == kind.unwire(kept) == kind.parse(canonical)


@given(st.integers(1000, 2**33), st.integers(1, 10**7), st.sampled_from(['ethernet', 'atm']), st.integers(0, 64))
def test_bursts_stay(rate, burst, linklayer, overhead):
    """A burst that is read back and written again is the same, in the units of the kernel."""
    for kind, options in ((QDISCS['tbf'], {'limit': 10**6}), (CLASSES['htb'], {'ceil': '1gbit', 'cburst': 7777})):
        values = {'rate': Rate(most=2**64).unwire(rate), 'burst': burst, 'linklayer': linklayer, 'overhead': overhead, **options}
        once = kind.unpack(kind.pack(values))
        assert kind.unpack(kind.pack(once)) == once
        assert once['burst'] <= burst + rate * 64e-9 + 54


def test_rate_table():
    """256 times, of packets up to the cell's size each; ATM counts whole cells."""
    table = struct.unpack('=256I', tc.rate_table(125000, 1600))
    assert len(table) == 256 and table[0] == tc.transmit_time(125000, 8) and table[255] == tc.transmit_time(125000, 2048)
    assert struct.unpack('=256I', tc.rate_table(125000, 1600, 'atm'))[5] == tc.transmit_time(125000, 53)
    assert struct.unpack('=256I', tc.rate_table(125000, 1600, mpu=64))[0] == tc.transmit_time(125000, 64)
    assert tc.rate_spec(1 << 40, 1600, 'atm', 7, 64) == struct.pack('=BBHhHI', 3, 2, 7, -1, 64, 0xFFFFFFFF)


def packed(kind, **options) -> dict:
    """{number: payload} of options."""
    data = kind.pack({name: kind._all.by_name[name].parse(value, '') for name, value in options.items()})
    found = {number: data[start:end] for number, unused, start, end in attributes(data, 0, len(data))}
    assert all(kind.unpack(data)[name] == kind._all.by_name[name].parse(value, '') for name, value in options.items())
    return found


def test_bytes_that_need_hardware():
    """What no kernel of the tests takes (linux/pkt_sched.h, linux/pkt_cls.h)."""
    assert packed(QDISCS['htb'], offload=True)[9] == b''
    for name, number in (('flower', 22), ('matchall', 3)):
        assert packed(FILTERS[name], skip_sw=True)[number] == struct.pack('=I', 2) and packed(FILTERS[name], skip_hw=True)[number] == struct.pack('=I', 1)
    assert packed(QDISCS['etf'], offload=True)[1] == struct.pack('=iiI', 0, 0, 2)
    assert packed(QDISCS['cbs'], offload=True, hicredit=7)[1] == struct.pack('=B3xiiii', 1, 7, 0, 0, 0)
    assert packed(ACTIONS['police'], avrate='1mbit')[4] == struct.pack('=I', 125000)
    mqprio = QDISCS['mqprio']
    data = mqprio.pack({'num_tc': 2, 'mode': 'channel', 'shaper': 'bw_rlimit', 'max_rate': ['1gbit', '2gbit'], 'queues': ['1@0', '1@1']})
    assert data[:18] == bytes([2, *range(8), 0, 1, 1, 1, 3, 3, 3, 3, 1]) and struct.unpack_from('=2H', data, 18) == (1, 1) and struct.unpack_from('=2H', data,
                                                                                                                                                  50) == (0, 1)
    found = {number: data[start:end] for number, unused, start, end in attributes(data, 84, len(data))}
    assert found[1] == struct.pack('=H', 1) and found[2] == struct.pack('=H', 1) and len(found[4]) == 16 * 12
    assert struct.unpack_from('=HHQ', found[4]) == (12, 4, 125000000)
    assert mqprio.unpack(data)['max_rate'] == ['1gbit', '2gbit']


def test_bytes_of_newer_kernels():
    found = packed(QDISCS['ets'], bands=3, strict=1, quanta=[2000, 3000], priomap=[2, 1])
    assert (found[1], found[2]) == (b'\3', b'\1')
    assert found[3] == struct.pack('=HHIHHI', 8, 4, 2000, 8, 4, 3000) and found[5] == struct.pack('=HHB3xHHB3x', 5, 6, 2, 5, 6, 1)
    found = packed(FILTERS['flower'], ct_zone='7/255')
    assert found[93] == struct.pack('=H', 7) and found[94] == struct.pack('=H', 255)
    assert packed(ACTIONS['ct'], zone=7)[4] == struct.pack('=H', 7)


def test_u32():
    match = Matches().parse(['ip src 192.0.2.0/24', 'ip dport 80 0xffff', 'ip sport 1024 0xfc00'])
    assert match == ['u32 0xc0000200 0xffffff00 at 12', 'u32 0x4000050 0xfc00ffff at 20']  # ports share a word
    raw = Matches().wire(match)
    assert raw[2] == 2 and raw[16:24] == bytes.fromhex('ffffff00c0000200') and Matches().unwire(raw) == match


# -- the plan -----------------------------------------------------------------------------------------------------------

HTB = {'dev': 'd0', 'qdisc': {'root': True, 'handle': '1:', 'kind': 'htb'}}
CLASS = {'dev': 'd0', 'class': {'parent': '1:', 'classid': '1:10', 'kind': 'htb', 'options': {'rate': '1mbit'}}}
FILTER = {'dev': 'd0', 'filter': {'parent': '1:', 'kind': 'matchall', 'options': {'classid': '1:10'}}}


def world(*items) -> World:
    """As if these were there."""
    table = {}
    for item in items:
        for one in Tc().parse(item, 'x'):
            values = {'dev': one.values['dev']}
            what = one.key[0]
            spec = dict(one.values[what])
            kinds = {'qdisc': QDISCS, 'class': CLASSES, 'filter': FILTERS}[what]
            kind = kinds[spec['kind']]
            full = kind.unpack(kind.pack({**spec.get('match', {}), **spec['options']}) or b'')
            spec['options'] = {name: value for name, value in full.items() if name in kind.table.by_name}
            key = one.key
            if what == 'filter':
                spec.update(pref=spec.get('pref', 49152), handle='0x1', actions=spec.get('actions', []))
                key = (*one.key[:5], spec['pref'], spec['kind'], '0x1')
            table[key] = {**values, what: spec}
    links = LinkTable([])
    made = World(RESOURCES, tables={('links', None): links, ('tc', None): table, ('netns', None): {}})
    made.made = {(None, 'd0'): 'dummy', (None, 'd1'): 'dummy'}
    return made


def plan(there, *items, **more):
    return [f"{one.action} {one.name}" for one in make_plan(from_document(RESOURCES, {'tc': [{**item, **more} for item in items]}), there)]


def test_order():
    """From above downwards, whatever the order of the items; away in reverse."""
    assert plan(world(), FILTER, CLASS, HTB) == [
        'create qdisc root on d0', 'create class 1:10 on d0', 'create filter matchall pref 49152 protocol all on d0 1:']
    assert plan(world(HTB, CLASS, FILTER), HTB, CLASS, FILTER) == []
    assert plan(world(HTB, CLASS, FILTER), CLASS, state='absent') == ['delete filter matchall pref 49152 handle 0x1 protocol all on d0 1:',
                                                                      'delete class 1:10 on d0']
    assert plan(world(HTB, CLASS, FILTER), HTB, CLASS, FILTER, state='absent') == ['delete qdisc root on d0']
    assert plan(world(HTB, CLASS, FILTER), {'dev': 'd0', 'purge': True}) == ['delete qdisc root on d0']
    assert plan(world(HTB, CLASS, FILTER), {**CLASS, 'purge': True}) == ['delete filter matchall pref 49152 handle 0x1 protocol all on d0 1:']


def test_preferences_are_those_of_the_kernel():
    """The first is 49152, and each other one less."""
    others = [{'dev': 'd0', 'filter': {'parent': '1:', 'kind': 'flower', 'protocol': protocol, 'options': {'classid': '1:10'}}} for protocol in ('ip', 'ipv6')]
    assert [line.split()[4] for line in plan(world(HTB, CLASS, FILTER), *others)] == ['49151', '49150']


@pytest.mark.parametrize('items, words', [
    ([HTB, HTB, {**HTB, 'qdisc': {**HTB['qdisc'], 'kind': 'hfsc'}}], 'listed twice'), ([{**CLASS, 'dev': 'nowhere'}], 'No such device'),
    ([{'dev': 'd0'}], 'one of qdisc, class and filter'),
    ([{'dev': 'd0', 'filter': {**FILTER['filter'], 'parent': 'egress'}}], 'needs qdisc clsact'),
    ([{**CLASS, 'class': {**CLASS['class'], 'classid': '2:10'}}], 'must begin with the same number'),
    ([{**HTB, 'typo': 1}], "unknown option 'typo'"),
])
def test_refused(items, words):
    with pytest.raises(InputError, match=words):
        plan(world(), *items)


def test_told_is_enough():
    """What a document leaves out comes back by itself."""
    for kinds in (QDISCS, CLASSES):
        for kind in kinds.values():
            for options in ({}, {'rate': '1mbit', 'burst': 7777, 'limit': 77777}, {'limit': 777777, 'avpkt': 1000}, {'delay': '7ms', 'loss': '1%'}):
                mine = {name: value for name, value in options.items() if name in kind.table.by_name}
                try:
                    kind.check(mine, 'x')
                    whole = kind.unpack(kind.pack(mine) or b'')
                except (InputError, KeyError):
                    continue
                assert kind.unpack(kind.pack(kind.told(whole)) or b'') == whole or kind.filled, kind.name
