# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAN frames as people write them (the notation of candump and cansend), and raw CAN sockets (linux/can.h, linux/can/raw.h)."""

from __future__ import annotations

import errno
import re
import socket
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError, where

AF_CAN, CAN_RAW, SOL_CAN_RAW, CAN_RAW_FD_FRAMES = 29, 1, 101, 5
EXTENDED, REMOTE = 1 << 31, 1 << 30
NOTATION = re.compile(r'([0-9A-F]{3}|[0-9A-F]{8})#(?:(R)([0-8])?|#([0-9A-F])((?:[0-9A-F]{2})*)|((?:[0-9A-F]{2})*))', re.IGNORECASE)
FD_LENGTHS = (*range(9), 12, 16, 20, 24, 32, 48, 64)
ALLOWED = "ID#DATA, ID#R or ID##FLAGSDATA in hexadecimal digits as cansend takes it, such as '123#DEADBEEF': 3 digits of ID, or 8 of an extended one"


def parse(text):
    """struct can_frame or canfd_frame of a frame in that notation; ValueError says what it must look like."""
    found = NOTATION.fullmatch(str(text).replace('.', ''))
    if not found:
        raise ValueError(ALLOWED)
    digits, remote, length, flags, fd_data, data = found.groups()
    number = int(digits, 16)
    if number > (0x1fffffff if len(digits) == 8 else 0x7ff):
        raise ValueError(ALLOWED)
    number |= EXTENDED if len(digits) == 8 else 0
    if remote:
        return struct.pack('=IB3x8s', number | REMOTE, int(length or 0), b'')
    payload = bytes.fromhex(data if flags is None else fd_data)
    if len(payload) not in (FD_LENGTHS[:9] if flags is None else FD_LENGTHS):
        raise ValueError(ALLOWED + '; 8 bytes of data at most, or with CAN FD one of ' + ', '.join(str(size) for size in FD_LENGTHS))
    if flags is None:
        return struct.pack('=IB3x8s', number, len(payload), payload)
    return struct.pack('=IBB2x64s', number, len(payload), int(flags, 16), payload)


def show(frame):
    """A frame in that notation."""
    number, length, flags = struct.unpack_from('=IBB', frame)
    digits = f'{number & 0x1fffffff:08X}' if number & EXTENDED else f'{number & 0x7ff:03X}'
    if number & REMOTE:
        return f"{digits}#R{length or ''}"
    data = frame[8:8 + length].hex().upper()
    return f'{digits}##{flags & 15:X}{data}' if len(frame) == 72 else f'{digits}#{data}'


def same(one, other):
    """Whether two frames say the same; the kernel adds flags to those of CAN FD."""
    return show(one) == show(other) or (len(one) == len(other) == 72 and one[:5] + one[8:] == other[:5] + other[8:])


def open_socket(dev, netns, namespaces):
    """A non-blocking raw socket on one interface of a namespace."""
    with namespaces.inside(netns):
        try:
            sock = socket.socket(AF_CAN, socket.SOCK_RAW, CAN_RAW)
        except OSError as exc:
            if exc.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
                raise ProbeError('this kernel has no CAN sockets: load the drivers can and can-raw') from exc
            raise
        try:
            sock.setblocking(False)
            sock.setsockopt(SOL_CAN_RAW, CAN_RAW_FD_FRAMES, 1)
            sock.bind((dev,))
        except OSError as exc:
            sock.close()
            raise ProbeError(f'{dev} in {where(netns)}: {exc.strerror.lower()}') from exc
    return sock
