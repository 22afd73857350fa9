# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""struct ndmsg (linux/neighbour.h): what FDB entries and neighbours share."""

from __future__ import annotations

RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
AF_INET, AF_INET6, AF_BRIDGE = 2, 10, 7
NUD_REACHABLE, NUD_STALE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT = 0x02, 0x04, 0x20, 0x40, 0x80
NUD_STATES = {'permanent': 0x80, 'noarp': 0x40, 'reachable': 0x02, 'stale': 0x04, 'incomplete': 0x01, 'delay': 0x08, 'probe': 0x10, 'failed': 0x20}
NTF_SELF, NTF_MASTER, NTF_PROXY, NTF_EXT_LEARNED, NTF_OFFLOADED, NTF_STICKY, NTF_ROUTER = 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80

#: attributes that pyroute2 0.7.2 lacks
SUPPLEMENT = ((11, 'NDA_SRC_VNI', 'uint32'), (12, 'NDA_PROTOCOL', 'uint8'), (13, 'NDA_NH_ID', 'uint32'), (15, 'NDA_FLAGS_EXT', 'uint32'))


def codec(kernel):
    """The codec of struct ndmsg and its attributes."""
    return kernel.message('ndmsg', SUPPLEMENT)
