# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event loop under probes and captures: timers and sockets, nothing else."""

from __future__ import annotations

import heapq
import select
import time

READ = select.POLLIN
WRITE = select.POLLOUT


class Loop:
    """Calls back when a socket is ready or a time (monotonic seconds) has come. Stops when told, or when nothing is left to wait for."""

    def __init__(self):
        self._poll = select.poll()
        self._handlers = {}
        self._timers = []
        self._number = 0
        self._stopped = False

    now = staticmethod(time.monotonic)

    def add(self, sock, callback, events=READ):
        self._handlers[sock.fileno()] = callback
        self._poll.register(sock.fileno(), events)

    def remove(self, sock):
        if self._handlers.pop(sock.fileno(), None):
            self._poll.unregister(sock.fileno())

    def at(self, when, callback):
        self._number += 1  # equal times keep their order, callbacks are never compared
        heapq.heappush(self._timers, (when, self._number, callback))

    def stop(self):
        self._stopped = True

    def run(self):
        self._stopped = False
        while not self._stopped and (self._handlers or self._timers):
            wait = None
            if self._timers:
                wait = max(0, self._timers[0][0] - self.now()) * 1000
            for fd, dummy in self._poll.poll(wait if wait is None else int(wait) + (wait > int(wait))):
                callback = self._handlers.get(fd)  # an earlier callback of this round may have removed it
                if callback:
                    callback()
            now = self.now()  # what becomes due meanwhile waits: under load, sockets must get their turn
            while self._timers and self._timers[0][0] <= now and not self._stopped:
                heapq.heappop(self._timers)[2]()
