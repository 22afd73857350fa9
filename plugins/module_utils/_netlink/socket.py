# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink sockets: batches with errors attributed to their messages, and dumps that notice when they were interrupted.

Constants are those of linux/netlink.h.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time
from collections import namedtuple

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import attributes

NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x1, 0x2, 0x4, 0x300, 0x10
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
_CAPPED, _ACK_TLVS = 0x100, 0x200
_NOOP, _ERROR, _DONE = 1, 2, 3
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT_CHK = 270, 10, 11, 12
_BUFFERS = ((32, socket.SO_SNDBUF), (33, socket.SO_RCVBUF))  # SO_SNDBUFFORCE, SO_RCVBUFFORCE, and what there is without privilege
_BUFFER = 8 << 20
#: A VXLAN FDB entry takes memory of each CPU, of which the kernel finds more only between two sends: in one of a thousand, each takes four times as long.
_CHUNK_MESSAGES, _CHUNK_BYTES = 100, 128 << 10
#: so many where the buffer is small: each may be answered by a link, which takes some kilobytes
_FEW_MESSAGES = 20
#: seconds before each try of a dump, since it may be interrupted: on a machine whose thousands of links have just come up, addresses change for seconds
_DUMP_PAUSES = (0, 0, 0, 0, 0.01, 0.02, 0.05, 0.1, 0.2, *[0.5] * 30)
_HEAD = struct.Struct('=IHHII')
_ERROR_TYPE = struct.pack('=H', _ERROR)

#: One message: netlink type, flags beyond NLM_F_REQUEST, body.
Request = namedtuple('Request', 'type flags body')


def parse_error(data, start: int, end: int, flags: int) -> KernelError | None:
    """The error of an NLMSG_ERROR or NLMSG_DONE body, with the extended ack's text; None for success."""
    code = -struct.unpack_from('=i', data, start)[0]
    if code <= 0:
        return None
    text, missing = '', None
    if flags & _ACK_TLVS:
        at = start + 4 + 16
        if not flags & _CAPPED and end - start >= 8:
            at = start + 4 + ((struct.unpack_from('=I', data, start + 4)[0] + 3) & ~3)
        for number, unused, first, last in attributes(data, at, end):
            if number == 1:
                text = bytes(data[first:last]).rstrip(b'\0').decode(errors='replace')
            elif number == 5 and last - first >= 4:
                missing = struct.unpack_from('=I', data, first)[0]
    return KernelError(code, text, missing)


def _messages(data):
    """Yield (type, flags, seq, start, end) of each message in one datagram."""
    at, size = 0, len(data)
    while size - at >= 16:
        length, kind, flags, seq, unused = _HEAD.unpack_from(data, at)
        if length < 16 or at + length > size:
            return
        yield kind, flags, seq, at + 16, at + length
        at += (length + 3) & ~3


class NetlinkSocket:
    """A netlink socket of the namespace that the calling thread was in when it was made."""

    #: messages of one send
    together = _CHUNK_MESSAGES

    def __init__(self, protocol: int = socket.NETLINK_ROUTE if hasattr(socket, 'NETLINK_ROUTE') else 0):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        for forced, option in _BUFFERS:
            try:
                self.sock.setsockopt(socket.SOL_SOCKET, forced, _BUFFER)
            except PermissionError:  # not root, or the root of a container
                self.sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)  # of which one gets what net.core.rmem_max and wmem_max allow
                self.together = _FEW_MESSAGES
        for option in (_CAP_ACK, _EXT_ACK, _STRICT_CHK):
            try:
                self.sock.setsockopt(_SOL_NETLINK, option, 1)
            except OSError as exc:
                if exc.errno != errno.ENOPROTOOPT:
                    raise
        self.sock.bind((0, 0))
        self.seq = 0

    def close(self):
        self.sock.close()

    def _receive(self) -> bytes:
        return self.sock.recv(1 << 18)

    def batch(self, requests) -> tuple[dict[int, KernelError], dict[int, list]]:
        """Send all Requests of an iterable, in order; the kernel goes on after a refused message.

        Returns ({index: KernelError}, {index: [(type, body), ...]}): what was refused, and replies to the gets among them.
        """
        failed: dict[int, KernelError] = {}
        replies: dict[int, list] = {}
        first, rest, pack = 0, iter(requests), _HEAD.pack
        following = next(rest, None)
        while following is not None:
            seq = base = self.seq + 1
            size, parts = 0, []
            while following is not None and len(parts) < 2 * self.together:
                kind, flags, body = following
                length = 16 + len(body)
                if parts and size + length > _CHUNK_BYTES:
                    break
                last = following
                parts += (pack(length, kind, flags | NLM_F_REQUEST, seq, 0), body if not length & 3 else body + b'\0' * (-length & 3))
                size += length
                seq += 1
                following = next(rest, None)
            self.seq = seq - 1
            kind, flags, body = last
            parts[-2] = pack(16 + len(body), kind, flags | NLM_F_REQUEST | NLM_F_ACK, self.seq, 0)
            self.sock.send(b''.join(parts))
            for data in self._collect(base, self.seq, first, failed):
                for kind, unused, number, start, end in _messages(data):
                    if kind > _DONE and base <= number <= self.seq:
                        replies.setdefault(first + number - base, []).append((kind, data[start:end]))
            first += seq - base
        return failed, replies

    def alike(self, kind: int, flags: int, head: bytes, tails: list) -> dict[int, KernelError]:
        """As batch(), of many small messages that begin with `head` and have tails of one length, a multiple of four.

        {index: KernelError}. They all have one sequence number; where one is refused, those sent with it are sent once more to learn which: use it
        for what may be said twice.
        """
        failed: dict[int, KernelError] = {}
        length = 16 + len(head) + len(tails[0] if tails else b'')
        for first in range(0, len(tails), _CHUNK_MESSAGES):
            part = tails[first:first + _CHUNK_MESSAGES]
            self.seq += 2
            begin = _HEAD.pack(length, kind, flags | NLM_F_REQUEST, self.seq - 1, 0) + head
            end = _HEAD.pack(16, _NOOP, NLM_F_REQUEST | NLM_F_ACK, self.seq, 0)  # answered when all the others are done
            self.sock.send(begin + begin.join(part) + end)
            refused: dict[int, KernelError] = {}
            self._collect(self.seq - 1, self.seq, 0, refused)
            if refused:
                refused, unused = self.batch(Request(kind, flags, head + tail) for tail in part)
                failed.update((first + place, error) for place, error in refused.items())
        return failed

    def _collect(self, base: int, final: int, first: int, failed: dict) -> list[bytes]:
        """Reads until message `final` is answered: what was refused goes into `failed`, other datagrams are returned."""
        told: list[bytes] = []
        while True:
            try:
                data = self._receive()
            except OSError as exc:
                if exc.errno != errno.ENOBUFS:
                    raise
                self._drain()
                raise KernelError(errno.ENOBUFS, 'the kernel had no room for its answers, so what was done is not known; try again') from None
            if data[4:6] != _ERROR_TYPE:
                told.append(data)
                continue
            for unused, flags, seq, start, end in _messages(data):
                if base <= seq <= final:
                    error = parse_error(data, start, end, flags)
                    if error is not None:
                        failed[first + seq - base] = error
                    if seq == final:
                        return told

    def _drain(self):
        """Throw away what is there: until then the kernel drops all further answers, without an error."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.sock.recv(1 << 18, socket.MSG_DONTWAIT)

    def dump(self, kind: int, body: bytes, whole=None):
        """List of (data, start, end) of each message body of a complete, uninterrupted dump.

        `whole`, a function of a datagram and the sequence number, may return what stands for all messages of the datagram, or None.
        """
        for pause in _DUMP_PAUSES:
            if pause:
                time.sleep(pause)
            found, interrupted = self._dump_once(kind, body, whole)
            if not interrupted:
                return found
        raise KernelError(errno.EINTR, f'a dump was interrupted by other changes for {sum(_DUMP_PAUSES):.0f} seconds; try again')

    def _dump_once(self, kind: int, body: bytes, whole):
        found, interrupted = [], False
        for told, disturbed in self.told(kind, body, whole):
            found += told
            interrupted = interrupted or disturbed
        return found, interrupted

    def told(self, kind: int, body: bytes, whole=None):
        """Yields (what dump() returns, whether it was interrupted) of each datagram of a dump as the kernel makes it; who leaves early closes the socket."""
        self.seq = (self.seq + 1) & 0xFFFFFFFF
        self.sock.send(_HEAD.pack(16 + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, self.seq, 0) + body)
        done = False
        while not done:
            try:
                data = self._receive()
            except OSError as exc:
                if exc.errno != errno.ENOBUFS:
                    raise
                yield [], True
                continue
            taken = whole(data, self.seq) if whole is not None else None
            if taken is not None:
                yield taken, False
                continue
            found, interrupted = [], False
            for got, flags, seq, start, end in _messages(data):
                if seq != self.seq:
                    continue
                interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
                if got == _DONE or got == _ERROR:
                    error = parse_error(data, start, end, flags) if end - start >= 4 else None
                    if error is not None:
                        raise error
                    done = True
                    break
                if got != _NOOP:
                    found.append((data, start, end))
            yield found, interrupted


def open_socket(protocol: int = 0) -> NetlinkSocket:
    """A NetlinkSocket, or a sentence about what the machine lacks."""
    try:
        return NetlinkSocket(protocol)
    except OSError as exc:
        raise MissingAbility(f'cannot open a netlink socket of protocol {protocol}: {os.strerror(exc.errno)}') from exc
