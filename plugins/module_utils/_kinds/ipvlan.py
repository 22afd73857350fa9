# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ipvlan: a link that shares the MAC of another one (drivers/net/ipvlan, IFLA_IPVLAN_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Enum

FIELDS = [
    Field('mode', Enum({'l2': 0, 'l3': 1, 'l3s': 2}), 'IFLA_IPVLAN_MODE', 'Switch (l2), route (l3) or route with netfilter hooks (l3s).', nla=(1, 'uint16')),
    Field('flags', Enum({'bridge': 0, 'private': 1, 'vepa': 2}), 'IFLA_IPVLAN_FLAGS', 'Who may talk to whom.', nla=(2, 'uint16'), keyword=''),
]

KIND = Kind('ipvlan', 'A link with addresses of its own but the MAC of the link that O(link) names.', FIELDS, parent='required')
