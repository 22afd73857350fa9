# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pcap files with nanoseconds, as tcpdump and Wireshark read them (the classic format, libpcap's savefile)."""

from __future__ import annotations

import struct

MAGIC_NANOSECONDS = 0xa1b23c4d
LINKTYPES = {'ethernet': 1, 'ip': 113, 'can': 227, 'netlink': 253}  # 113: Linux cooked, since tunnel devices have no header of their own


def cooked(packet):
    """Header of LINKTYPE_LINUX_SLL and LINKTYPE_NETLINK: packet type, device type, no address, protocol."""
    return struct.pack('!HHH8sH', packet['type'], packet['hatype'], 0, b'', packet['protocol'])


def write(stream, link, packets):
    """Write a capture to a binary stream. ``packets``: dicts with ``time`` (ns since the epoch), ``data``, ``type``, ``hatype``, ``protocol``."""
    stream.write(struct.pack('=IHHiIII', MAGIC_NANOSECONDS, 2, 4, 0, 0, 262144, LINKTYPES[link]))
    for packet in packets:
        data = packet['data'] if link in ('ethernet', 'can') else cooked(packet) + packet['data']
        stream.write(struct.pack('=IIII', packet['time'] // 10**9, packet['time'] % 10**9, len(data), len(data)) + data)
