# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a broadcast costs a machine that floods to N others: `flood.py N`, started by `unshare --net`. Prints microseconds a copy as JSON.

The underlay is a cable to nowhere: each copy is encapsulated, routed, and dropped at the far end. A short frame, as an ARP request.
"""

from __future__ import annotations

import json
import socket
import sys
import time

import worker

FRAMES = 20_000  # copies in all


def main():
    n = int(sys.argv[1])
    worker.run(["ip", "-batch", "-"], "\n".join([
        "link add name u0 type veth peer name u1", "link set dev u0 up", "link set dev u1 up", "address add 10.0.0.1/16 dev u0",
        "route add default via 10.0.255.254", "neigh add 10.0.255.254 lladdr 02:00:00:00:00:01 dev u0",
        "link add name vx0 up type vxlan id 100 dstport 4789 local 10.0.0.1 nolearning", "link set dev vx0 up"]) + "\n")
    worker.run(["bridge", "-batch", "-"], "\n".join(
        f"fdb append 00:00:00:00:00:00 dev vx0 dst 10.{1 + (place >> 8)}.{place & 255}.1 self permanent" for place in range(n)) + "\n")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(("vx0", 0))
    frame = b"\xff" * 6 + b"\x02\0\0\0\0\x02" + b"\x08\x06" + b"\0" * 46
    sock.send(frame)
    count = max(1, FRAMES // n)
    began = time.perf_counter()
    for unused in range(count):
        sock.send(frame)
    took = time.perf_counter() - began
    print(json.dumps({"machines": n + 1, "microseconds a copy": took / count / n * 1e6}))


if __name__ == "__main__":
    main()
