# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets between namespaces, while something happens to what carries them."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import setns

EVERY, LAST = 0.005, 1.0  # seconds between two packets, and to wait for the last ones


@contextlib.contextmanager
def inside(namespace):
    """This thread is in the namespace meanwhile; sockets that it opens stay there."""
    home = os.open('/proc/self/ns/net', os.O_RDONLY)
    with open(namespace.file) as there:
        setns(there.fileno())
    try:
        yield
    finally:
        setns(home)
        os.close(home)


class Flow:
    """Numbered datagrams from each of two (namespace, address) to the other, while the context lasts; `lost` are those that did not arrive."""

    def __init__(self, *ends):
        self.sockets, self.sent, self.got, self.over = [], [0, 0], [set(), set()], threading.Event()
        for namespace, address in ends:
            with inside(namespace):
                self.sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self.sockets[-1].bind((address, 7))
            self.sockets[-1].settimeout(0.1)
        self.addresses = [address for unused, address in ends]
        self.threads = [threading.Thread(target=work, args=(place,)) for place in (0, 1) for work in (self._send, self._receive)]
        self.done = threading.Event()

    def _send(self, place):
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                self.sockets[place].sendto(struct.pack('!I', self.sent[place]), (self.addresses[1 - place], 7))
            self.sent[place] += 1
            time.sleep(EVERY)

    def _receive(self, place):
        while not self.done.is_set():
            with contextlib.suppress(OSError):
                self.got[1 - place].add(struct.unpack('!I', self.sockets[place].recv(100))[0])

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait(10)
        return self

    def wait(self, count: int):
        """Goes on when so many more were sent each way, and something has arrived."""
        deadline, aim = time.monotonic() + 20, [sent + count for sent in self.sent]
        while any(sent < goal for sent, goal in zip(self.sent, aim)) and time.monotonic() < deadline:
            time.sleep(EVERY)

    def __exit__(self, *unused):
        self.over.set()
        deadline = time.monotonic() + LAST
        while self.lost != [0, 0] and time.monotonic() < deadline:
            time.sleep(EVERY)
        self.done.set()
        for thread in self.threads:
            thread.join()
        for one in self.sockets:
            one.close()

    @property
    def lost(self) -> list[int]:
        return [sent - len(got) for sent, got in zip(self.sent, self.got)]


class Wire:
    """What crosses a link of a namespace."""

    def __init__(self, namespace, name: str):
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE: nobody reads until the end
        self.socket.bind((name, 3))
        self.socket.setblocking(False)

    def frames(self) -> list[bytes]:
        found = []
        with contextlib.suppress(BlockingIOError):  # there is no more
            while True:
                found.append(self.socket.recv(65536))
        return found

    def __enter__(self):
        self.frames()
        return self

    def __exit__(self, *unused):
        self.socket.close()
