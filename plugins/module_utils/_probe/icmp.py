# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo packets, the kernel's error queue, and what ICMP errors mean. Pure functions over bytes and numbers."""

from __future__ import annotations

import array
import errno
import os
import socket
import struct

SO_ATTACH_FILTER = 26
SO_EE_ORIGIN_LOCAL, SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 = 1, 2, 3

ERRORS = {
    # (type, code): text; code None = any other code of the type. RFC 792, 1812
    (3, 0): 'network unreachable', (3, 1): 'host unreachable', (3, 2): 'protocol unreachable', (3, 3): 'port unreachable',
    (3, 4): 'fragmentation needed', (3, 9): 'network administratively prohibited', (3, 10): 'host administratively prohibited',
    (3, 13): 'administratively prohibited', (3, None): 'destination unreachable', (11, 0): 'time to live exceeded',
    (11, None): 'reassembly time exceeded', (12, None): 'parameter problem',
}
ERRORS6 = {
    # RFC 4443
    (1, 0): 'no route to destination', (1, 1): 'administratively prohibited', (1, 3): 'address unreachable', (1, 4): 'port unreachable',
    (1, None): 'destination unreachable', (2, None): 'packet too big', (3, 0): 'hop limit exceeded',
    (3, None): 'reassembly time exceeded', (4, None): 'parameter problem',
}


def checksum(data):
    """RFC 1071 over ``data``."""
    total = sum(struct.unpack(f'!{(len(data) + 1) // 2}H', data + b'\0' * (len(data) % 2)))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def echo_request(family, ident, seq, payload):
    """An ICMP(v6) echo request; the kernel fills in the ICMPv6 checksum."""
    if family == socket.AF_INET6:
        return struct.pack('!BBHHH', 128, 0, 0, ident, seq) + payload
    blank = struct.pack('!BBHHH', 8, 0, 0, ident, seq) + payload
    return blank[:2] + struct.pack('!H', checksum(blank)) + blank[4:]


def echo_reply(family, packet, ident, payload):
    """Sequence number of the echo reply in the ICMP ``packet``, None if it is not ours."""
    if len(packet) < 8:
        return None
    kind, dummy, dummy, found, seq = struct.unpack_from('!BBHHH', packet)
    ours = kind == (129 if family == socket.AF_INET6 else 0) and found == ident and packet[8:] == payload
    return seq if ours else None


def attach_filter(sock, family):
    """Have the kernel drop all but echo replies: a raw socket is given every ICMP packet of its namespace."""
    if family == socket.AF_INET6:
        code = [(0x30, 0, 0, 0), (0x15, 0, 1, 129)]  # load the type byte, compare
    else:
        code = [(0xb1, 0, 0, 0), (0x50, 0, 0, 0), (0x15, 0, 1, 0)]  # x = length of the IP header; the same
    code += [(0x06, 0, 0, 0xffffffff), (0x06, 0, 0, 0)]
    program = array.array('B', b''.join(struct.pack('HBBI', *line) for line in code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack('HP', len(code), program.buffer_info()[0]))


def parse_error(data):
    """The kernel's sock_extended_err (linux/errqueue.h) as {text, mtu, local, refused_by}.

    mtu: bytes or None; local: found by this host, not told by ICMP; refused_by: who says that the port is closed, or None.
    """
    if len(data) < 16:
        return None
    number, origin, kind, code, dummy, info, dummy = struct.unpack_from('IBBBBII', data)
    offender = None
    family = struct.unpack_from('H', data, 16)[0] if len(data) >= 18 else 0
    if family == socket.AF_INET and len(data) >= 24:
        offender = socket.inet_ntop(socket.AF_INET, data[20:24])
    elif family == socket.AF_INET6 and len(data) >= 40:
        offender = socket.inet_ntop(socket.AF_INET6, data[24:40])
    table = {SO_EE_ORIGIN_ICMP: ERRORS, SO_EE_ORIGIN_ICMP6: ERRORS6}.get(origin, {})
    text = table.get((kind, code)) or table.get((kind, None)) or os.strerror(number).lower()
    mtu = info if number == errno.EMSGSIZE and info else None
    if mtu:
        text = f"{'packet too large for' if origin == SO_EE_ORIGIN_LOCAL else text + ','} MTU {mtu}"
    if offender and origin != SO_EE_ORIGIN_LOCAL:
        text += f', says {offender}'
    return {'text': text, 'mtu': mtu, 'local': origin == SO_EE_ORIGIN_LOCAL, 'refused_by': offender if number == errno.ECONNREFUSED else None}
