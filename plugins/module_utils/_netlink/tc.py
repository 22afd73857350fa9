# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""struct tcmsg (linux/rtnetlink.h), and the arithmetic of traffic control: ticks and rate tables.

pyroute2 knows a part of the kinds only, and packs their options by way of functions of its own. Nothing of it is used here.
"""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS = 40, 41, 42
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46
MAJOR = 0xFFFF0000

_HEADER = struct.Struct('=B3xiIII')
#: kind, its options, and of a filter the chain
ATTRIBUTES = Layout([(1, 'KIND', 'asciiz'), (2, 'OPTIONS', 'cdata'), (11, 'CHAIN', 'uint32')])
NESTED_OPTIONS = 0x8000 | 2
_RATE_SPEC = struct.Struct('=BBHhHI')
RATE_SPEC_SIZE = _RATE_SPEC.size
RTAB = 256  #: entries of a rate table
LINKLAYERS = {'ethernet': 1, 'atm': 2}
_MTU = 2047  #: what a rate table reaches when nobody says


def message(index: int, handle: int, parent: int, info: int = 0, body: bytes = b'') -> bytes:
    return _HEADER.pack(0, index, handle, parent, info) + body


def read(data, start: int, end: int) -> tuple[dict, dict]:
    """(header, attributes) of one message."""
    unused, index, handle, parent, info = _HEADER.unpack_from(data, start)
    return {'index': index, 'handle': handle, 'parent': parent, 'info': info}, ATTRIBUTES.read(data, start + _HEADER.size, end)


# -- the kernel's clock of packet schedulers --------------------------------------------------------------------------

_clock: list = []


def _read_clock() -> tuple[int, int, int, int]:
    """Ticks of packet schedulers in a second as a fraction, units of the kernel's own time in one, and the frequency that bursts are made for."""
    if not _clock:
        try:
            with open('/proc/net/psched') as file:
                ticks, micro, resolution, hz = (int(word, 16) for word in file.read().split()[:4])
        except (OSError, ValueError):  # not on Linux: as a kernel with high resolution timers has it
            ticks, micro, resolution, hz = 1000, 64, 1000000, 1000000000
        if resolution == 1000000000:
            ticks = micro
        _clock.append((ticks * resolution, micro, resolution, hz if resolution == 1000000 else 100))
    return _clock[0]


def frequency() -> int:
    return _read_clock()[3]


def transmit_time(rate: int, size: int) -> int:
    """Ticks that `size` bytes take at `rate` bytes a second; whole numbers, so that what transmit_size() makes of them stays."""
    ticks, per = _read_clock()[:2]
    return min(-(-size * ticks // (per * rate)), 0xFFFFFFFF)


def transmit_size(rate: int, ticks: int) -> int:
    """Bytes that go through in that many ticks."""
    second, per = _read_clock()[:2]
    return rate * ticks * per // second


def kernel_time(micro: int) -> int:
    return micro * _read_clock()[2] // 1000000


def from_kernel_time(units: int) -> int:
    return units * 1000000 // _read_clock()[2]


def rate_spec(rate: int, mtu: int, linklayer: str = 'ethernet', overhead: int = 0, mpu: int = 0) -> bytes:
    """struct tc_ratespec; the cell is that of a rate table that reaches to `mtu`."""
    return _RATE_SPEC.pack(_cell(mtu), LINKLAYERS[linklayer], overhead, -1, mpu, min(rate, 0xFFFFFFFF))


def read_rate_spec(data: bytes) -> dict:
    unused, layer, overhead, unused2, mpu, rate = _RATE_SPEC.unpack(data)
    linklayer = {number: name for name, number in LINKLAYERS.items()}.get(layer & 15, 'ethernet')
    return {'rate': rate, 'linklayer': linklayer, 'overhead': overhead, 'mpu': mpu}


def _cell(mtu: int) -> int:
    cell = 0
    while (mtu or _MTU) >> cell > 255:
        cell += 1
    return cell


def rate_table(rate: int, mtu: int, linklayer: str = 'ethernet', mpu: int = 0) -> bytes:
    """Ticks by packet size, which the kernel still demands though it counts by itself since 3.8."""
    cell = _cell(mtu)
    sizes = [max((place + 1) << cell, mpu) for place in range(RTAB)]
    if linklayer == 'atm':
        sizes = [-(-size // 48) * 53 for size in sizes]
    return struct.pack(f'={RTAB}I', *(transmit_time(rate, size) for size in sizes))
