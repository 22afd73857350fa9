# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""batadv: a mesh of links (net/batman-adv, IFLA_BATADV_* of linux/batman_adv.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int
from ansible_collections.linuxnet.vnet.plugins.module_utils._parts.batadv import MeshPart


def _switch(name: str, doc: str) -> Field:
    return Field(name, Bool('1', '0'), None, doc)


_FIELDS = [
    Field('ra', Enum({'BATMAN_IV': 'BATMAN_IV', 'BATMAN_V': 'BATMAN_V'}), 'IFLA_BATADV_ALGO_NAME', 'Routing algorithm.', nla=(1, 'asciiz'), live=RECREATE,
          aliases=['routing_algo']),
    _switch('aggregation', 'Send several of its own messages in one packet.'),
    _switch('ap_isolation', 'Keep clients of access points apart.'),
    _switch('bonding', 'Use several links to a neighbour at once.'),
    _switch('bridge_loop_avoidance', 'Notice meshes that are also connected by a LAN.'),
    _switch('distributed_arp_table', 'Answer ARP from what the mesh knows.'),
    _switch('fragmentation', 'Split packets that are too large for a link.'),
    Field('gw_mode', Enum({'off': 0, 'client': 1, 'server': 2}), None, 'Whether the node looks for a gateway, or is one.'),
    Field('hop_penalty', Int(0, 255), None, 'What each hop takes off the quality of a path.'),
    _switch('multicast_forceflood', 'Flood all multicast.'),
    Field('orig_interval', Int(40, 0x7FFFFFFF, 'milliseconds'), None, 'Pause between messages that announce the node.'),
    Field('multicast_fanout', Int(), None, 'Receivers up to which multicast is sent to each of them instead.'),
]

KIND = Kind('batadv', 'A mesh over the links that have it as O(master). Settings that have no keyword of C(ip) are those of batctl(8).', _FIELDS,
            parts=(MeshPart(_FIELDS),))
