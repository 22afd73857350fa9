# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vlan: an 802.1Q or 802.1ad VLAN on another link (net/8021q, IFLA_VLAN_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Map
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import QOS_MAP

_FLAGS = (2, (('flags', 'I'), ('mask', 'I')))


def _flag(name: str, bit: int, doc: str) -> Field:
    return Field(name, Bool(), 'IFLA_VLAN_FLAGS', doc, nla=_FLAGS, bit=bit, unsaid=False)  # the kernel reports no flags where none is set


KIND = Kind('vlan', 'An 802.1Q or 802.1ad VLAN on the link that O(link) names.', [
    Field('id', Int(0, 4094), 'IFLA_VLAN_ID', 'VLAN identifier.', live=RECREATE),
    Field('protocol', Enum({'802.1Q': 0x8100, '802.1ad': 0x88A8}), 'IFLA_VLAN_PROTOCOL', 'Tag protocol.', live=RECREATE),
    _flag('reorder_hdr', 0x1, 'Take the tag out of received frames, so that captures show them untagged.'),
    _flag('gvrp', 0x2, 'Announce the VLAN by GVRP.'),
    _flag('mvrp', 0x8, 'Announce the VLAN by MVRP.'),
    _flag('loose_binding', 0x4, 'Do not follow the operational state of the parent.'),
    _flag('bridge_binding', 0x10, 'Follow the state of the bridge ports that are members of the VLAN.'),
    Field('ingress_qos_map', Map(Int(0, 7), Int()), 'IFLA_VLAN_INGRESS_QOS', 'Priority of received frames by their PCP, C({pcp: priority}).',
          nla=(4, QOS_MAP), aliases=['ingress_qos'], keyword='ingress-qos-map'),
    Field('egress_qos_map', Map(Int(), Int(0, 7)), 'IFLA_VLAN_EGRESS_QOS', 'PCP of sent frames by their priority, C({priority: pcp}).',
          nla=(3, QOS_MAP), aliases=['egress_qos'], keyword='egress-qos-map'),
], parent='required')
