# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a batman-adv mesh, by its generic netlink family (linux/batman_adv.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.genl import Family

_GET_MESH, _SET_MESH = 1, 15
#: option: (number, name of the attribute's type)
ATTRIBUTES = {
    'aggregation': (41, 'uint8'), 'ap_isolation': (42, 'uint8'), 'bonding': (45, 'uint8'), 'bridge_loop_avoidance': (46, 'uint8'),
    'distributed_arp_table': (47, 'uint8'), 'fragmentation': (48, 'uint8'), 'gw_mode': (51, 'uint8'), 'hop_penalty': (53, 'uint8'),
    'multicast_forceflood': (55, 'uint8'), 'orig_interval': (57, 'uint32'), 'multicast_fanout': (60, 'uint32'),
}
_MESH = Layout([(2, 'ra', 'asciiz'), (3, 'MESH_IFINDEX', 'uint32'), *((number, name, kind) for name, (number, kind) in ATTRIBUTES.items())])


class MeshPart(Part):
    options = tuple(ATTRIBUTES)

    def __init__(self, fields):
        self.types = {field.name: field.type for field in fields}

    def observe(self, kernel, netns, found):
        answers = Family(kernel, netns, 'batadv', 1).call(_GET_MESH, _MESH, {'MESH_IFINDEX': found.index})
        return {option: self.types[option].unwire(raw) for option, raw in answers[0].items() if option in self.types} if answers else {}

    def apply(self, kernel, netns, name, values, before):
        attrs = {option: self.types[option].wire(value) for option, value in values.items()}
        Family(kernel, netns, 'batadv', 1).call(_SET_MESH, _MESH, {'MESH_IFINDEX': kernel.index(netns, name), **attrs})

    def commands(self, netns, name, values, before):
        head = ['batctl', 'meshif', name]
        if netns:
            target = f'/proc/{netns[4:]}/ns/net' if netns.startswith('pid:') else netns if netns.startswith('/') else f'/run/netns/{netns}'
            head = ['nsenter', '--net=' + target, *head]
        return [[*head, option, self.types[option].words(value)] for option, value in values.items()]
