# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of can."""

from __future__ import annotations

import struct

_MEMBERS = {'bitrate': 500000, 'sample_point': '0.875', 'tq': 125, 'prop_seg': 6, 'phase_seg1': 7, 'phase_seg2': 2, 'sjw': 1}
_BITS = {'loopback': 0x1, 'listen_only': 0x2, 'triple_sampling': 0x4, 'one_shot': 0x8, 'berr_reporting': 0x10, 'fd': 0x20, 'presume_ack': 0x40,
         'fd_non_iso': 0x80, 'cc_len8_dlc': 0x100, 'restricted': 0x800, 'xl': 0x1000, 'tms': 0x8000}
_NESTED = {16: ('tdcv', 'tdco', 'tdcf'), 21: ('xtdcv', 'xtdco', 'xtdcf'), 22: ('pwms', 'pwml', 'pwmo')}
_WHY = 'no such controller'


def _bittiming(place: int, value) -> bytes:
    """struct can_bittiming of linux/can/netlink.h."""
    return struct.pack('=8I', *(int(str(value).replace('0.', '')) if number == place else 0 for number in range(8)))


CASES: dict = {}
#: bitrate on a controller that there is; tdc_mode and xtdc_mode, which are two bits each, in tests/unit
ELSEWHERE = {'bitrate': 'test_kinds.py', 'tdc_mode': 'test_can.py', 'xtdc_mode': 'test_can.py'}
LACKING = {
    **{phase + name: (_WHY, value, (attribute, _bittiming(place, value))) for phase, attribute in (('', 1), ('d', 9), ('x', 18))
       for place, (name, value) in enumerate(_MEMBERS.items()) if phase + name != 'bitrate'},
    **{name: (_WHY, True, (5, struct.pack('=II', bit, bit))) for name, bit in _BITS.items()},
    **{name: (_WHY, 7, (attribute | 0x8000, struct.pack('=HHI', 8, place, 7))) for attribute, names in _NESTED.items() for place, name in enumerate(names, 7)},
    'restart_ms': (_WHY, 100, (6, struct.pack('=I', 100))),
    'termination': (_WHY, 120, (11, struct.pack('=H', 120))),
}
