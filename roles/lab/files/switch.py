#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The segments between emulated machines: one learning switch for each, over UDP on loopback.

    switch.py '{"fabric": {"port": 40001, "members": [40002, 40003]}, ...}'

Each network card sends its frames from its own port to that of its segment. (QEMU's multicast segments need no switch, but hand each
frame back to its sender, which a bridge or macvlan in the machine cannot bear.) SIGHUP makes it forget where addresses are, as a
switch does when a cable is pulled; SIGTERM ends it.
"""

from __future__ import annotations

import json
import select
import signal
import socket
import sys

LARGEST = 65535


class Segment:
    """Which members a frame goes to; ``learned`` holds ``{MAC: member}``."""

    def __init__(self, members):
        self.members = list(members)
        self.learned = {}

    def targets(self, member, frame):
        destination, source = frame[:6], frame[6:12]
        if not source[0] & 1:
            self.learned[source] = member
        known = None if destination[0] & 1 else self.learned.get(destination)
        if known is not None:
            return [] if known == member else [known]
        return [other for other in self.members if other != member]


def serve(plan):
    poll, served = select.epoll(), {}
    for name, wiring in plan.items():
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        line.bind(("127.0.0.1", wiring["port"]))
        line.setblocking(False)
        poll.register(line, select.EPOLLIN)
        served[line.fileno()] = (line, Segment(wiring["members"]))

    def forget(*_unused):
        for _line, segment in served.values():
            segment.learned.clear()

    signal.signal(signal.SIGHUP, forget)
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit(0))
    while True:
        for number, _event in poll.poll():
            line, segment = served[number]
            for _turn in range(64):
                try:
                    frame, (address, member) = line.recvfrom(LARGEST)
                except BlockingIOError:
                    break
                except ConnectionRefusedError:  # a member is not up yet or already gone
                    continue
                if address != "127.0.0.1" or member not in segment.members or len(frame) < 14:
                    continue
                for target in segment.targets(member, frame):
                    try:
                        line.sendto(frame, ("127.0.0.1", target))
                    except (BlockingIOError, ConnectionRefusedError):
                        pass  # as on a wire: nobody there, or no room


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
