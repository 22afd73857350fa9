# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why there was no answer: what the kernel's route, link and neighbour tables say about a destination.

Three rtnetlink requests (linux/rtnetlink.h) in the namespace of the caller, by hand, so that a probe needs no library.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
import typing

SIOCGIFFLAGS = 0x8913
RTM_GETLINK, RTM_GETROUTE, RTM_GETNEIGH, NLMSG_ERROR = 18, 26, 30, 2
NLM_F_REQUEST = 1
RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY = 1, 2, 4, 5
IFLA_IFNAME = 3
NDA_DST, NDA_LLADDR = 1, 2
IFF_UP, IFF_RUNNING, IFF_LOWER_UP = 0x1, 0x40, 0x10000
NUD_INCOMPLETE, NUD_FAILED = 0x01, 0x20
ROUTE_TYPES = {6: 'blackhole', 7: 'unreachable', 8: 'prohibit', 9: 'throw'}


def attributes(data):
    """Netlink attributes in ``data`` as {type: bytes}; stops at the first malformed one."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from('HH', data, at)
        if length < 4 or at + length > len(data):
            break
        found[kind & 0x3fff] = data[at + 4:at + length]
        at += (length + 3) & ~3
    return found


def _attribute(kind, value):
    return struct.pack('HH', len(value) + 4, kind) + value + b'\0' * (-len(value) % 4)


def _ask(sock, kind, header, **attrs):
    """Answer to one request as (header bytes, {type: bytes}); raises OSError as the kernel says."""
    body = header + b''.join(_attribute(int(key[1:]), value) for key, value in attrs.items())
    sock.send(struct.pack('IHHII', 16 + len(body), kind, NLM_F_REQUEST, 1, 0) + body)
    data = sock.recv(65536)
    if struct.unpack_from('H', data, 4)[0] == NLMSG_ERROR:
        number = -struct.unpack_from('i', data, 16)[0]
        raise OSError(number, os.strerror(number))
    size = len(header)
    return data[16:16 + size], attributes(data[16 + size:struct.unpack_from('I', data)[0]])


class Link(typing.NamedTuple):
    """A link of this namespace, its attributes as {type: bytes}."""

    index: int
    flags: int
    attrs: dict

    @property
    def awaits_kernel(self):
        """Whether it has a carrier of which the kernel's link watch has not taken note: until then all that it should send is dropped."""
        return self.flags & (IFF_UP | IFF_RUNNING | IFF_LOWER_UP) == IFF_UP | IFF_LOWER_UP


def link(dev):
    """The Link of this name; raises OSError where there is none."""
    index = socket.if_nametoindex(dev)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.settimeout(1)
        header, attrs = _ask(sock, RTM_GETLINK, struct.pack('BxHiII', 0, 0, index, 0, 0))
    return Link(index, struct.unpack_from('I', header, 8)[0], attrs)


def explain(family, dst, src=None, dev=None):
    """What stands between here and ``dst`` as a short clause, '' where the tables look healthy."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
            sock.settimeout(1)
            return _explain(sock, family, socket.inet_pton(family, dst), src, dev)
    except OSError as exc:
        return f'{exc.strerror}'.lower() if exc.errno in (errno.ENODEV, errno.EINVAL) else ''


def _down():
    """Names of the links that are down: their routes are gone with them."""
    down = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for dummy, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                flags = struct.unpack_from('H', fcntl.ioctl(sock, SIOCGIFFLAGS, name.encode().ljust(40, b'\0')), 16)[0]
                if not flags & IFF_UP and name != 'lo':
                    down.append(name)
    return down


def _explain(sock, family, dst, src, dev):
    bits = len(dst) * 8
    query = {f'_{RTA_DST}': dst}
    if src:
        query[f'_{RTA_SRC}'] = socket.inet_pton(family, src)
    if dev:
        query[f'_{RTA_OIF}'] = struct.pack('I', socket.if_nametoindex(dev))
    header = struct.pack('BBBBBBBBI', family, bits, bits if src else 0, 0, 0, 0, 0, 0, 0)
    try:
        route, attrs = _ask(sock, RTM_GETROUTE, header, **query)
    except OSError as exc:
        if exc.errno == errno.ENETUNREACH:
            down = _down()
            return f"down: {', '.join(down[:3])}{' ...' if down[3:] else ''}" if down else 'no route'
        return {errno.EHOSTUNREACH: 'an unreachable route', errno.EACCES: 'a prohibit route',
                errno.EINVAL: 'a blackhole route or a source address that is not local'}.get(exc.errno, f'route lookup: {exc.strerror}'.lower())
    if route[7] in ROUTE_TYPES:
        return f'{ROUTE_TYPES[route[7]]} route' if family == socket.AF_INET or RTA_OIF in attrs else 'no route'
    if RTA_OIF not in attrs:
        return ''
    index = struct.unpack('I', attrs[RTA_OIF])[0]
    way, attrs_link = _ask(sock, RTM_GETLINK, struct.pack('BxHiII', 0, 0, index, 0, 0))
    name = attrs_link.get(IFLA_IFNAME, b'?').rstrip(b'\0').decode(errors='replace')
    flags = struct.unpack_from('I', way, 8)[0]
    if not flags & IFF_UP:
        return f'{name} is down'
    if not flags & IFF_LOWER_UP:
        return f'{name} has no carrier'
    hop = attrs.get(RTA_GATEWAY, dst)
    shown = ('gateway ' if RTA_GATEWAY in attrs else '') + socket.inet_ntop(family, hop)
    question = 'ARP' if family == socket.AF_INET else 'neighbour discovery'
    try:
        neighbour, attrs = _ask(sock, RTM_GETNEIGH, struct.pack('BxHiHBB', family, 0, index, 0, 0, 0), **{f'_{NDA_DST}': hop})
    except OSError:
        return f'leaves by {name}'
    if struct.unpack_from('H', neighbour, 8)[0] & (NUD_INCOMPLETE | NUD_FAILED):
        return f'{question} unanswered: {shown} on {name}'
    mac = attrs.get(NDA_LLADDR, b'')
    return f'leaves by {name} to {shown}' + (f" at {mac.hex(':')}" if any(mac) else '')
