# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAN controllers: what no single option says, and what excludes what."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.can import KIND
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link


def packed(values: dict) -> bytes:
    attrs = KIND.table.encode(KIND.table.parse(values, ''), None)
    KIND.encode(values, attrs)
    return link.data_layout(KIND).pack(attrs)


def found(data: bytes) -> dict:
    attrs = link.data_layout(KIND).read(data, 0, len(data))
    return {**KIND.table.decode(attrs, None), **KIND.decode(attrs)}


@pytest.mark.parametrize('values, mask, flags', [
    ({'tdc_mode': 'auto'}, 0x200, 0x200), ({'tdc_mode': 'manual'}, 0x400, 0x400), ({'tdc_mode': 'off'}, 0x600, 0),
    ({'xtdc_mode': 'auto'}, 0x2000, 0x2000), ({'xtdc_mode': 'manual'}, 0x4000, 0x4000), ({'xtdc_mode': 'off', 'fd': True}, 0x6020, 0x20),
])
def test_modes_of_delay_compensation(values, mask, flags):
    """The bits that iproute2 sends (can_parse_opt), and what they are read as."""
    data = packed(values)
    assert data == struct.pack('=HHII', 12, 5, mask, flags)
    assert {option: found(data)[option] for option in values} == values


def test_a_bit_is_told_by_its_parts_where_they_are_known():
    """The kernel refuses a rate beside them."""
    data = packed({'bitrate': 500000, 'sample_point': '0.875', 'tq': 125, 'prop_seg': 6, 'phase_seg1': 7, 'phase_seg2': 2, 'sjw': 1})
    assert data == struct.pack('=HH8I', 36, 1, 0, 0, 125, 6, 7, 2, 1, 0)


@pytest.mark.parametrize('values, sentence', [
    ({'bitrate': 500000, 'tq': 125}, 'exclude'), ({'sample_point': '0.875'}, 'needs bitrate'), ({'sjw': 1}, 'needs bitrate or tq'),
    ({'prop_seg': 1, 'bitrate': 500000}, 'needs tq'), ({'dbitrate': 2000000, 'bitrate': 500000}, 'needs fd'),
    ({'fd': True, 'bitrate': 500000}, 'both bit timings'), ({'tdcv': 1, 'bitrate': 500000}, 'needs fd'),
    ({'bitrate': 500000, 'dbitrate': 2000000, 'fd': True, 'tdc_mode': 'auto'}, None),
    ({'bitrate': 500000, 'sample_point': '0.875', 'sjw': 1, 'loopback': True, 'tdc_mode': 'off'}, None),
])
def test_contradictions(values, sentence):
    assert (KIND.check(values) or '') == '' if sentence is None else sentence in KIND.check(values)


def test_rates_that_the_controller_comes_close_to_are_the_same():
    rate, point = KIND.table.by_name['bitrate'], KIND.table.by_name['sample_point']
    assert rate.equal(500000, 499999) and rate.equal(83333, 83333) and not rate.equal(500000, 125000) and not rate.equal(500000, None)
    assert point.equal('0.875', '0.866') and not point.equal('0.875', '0.750') and not point.equal('0.875', None)
