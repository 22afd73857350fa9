# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vrf: a routing domain (drivers/net/vrf.c, IFLA_VRF_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Int

KIND = Kind('vrf', 'A routing domain whose members are the links that have it as O(master).', [
    Field('table', Int(1), 'IFLA_VRF_TABLE', 'Routing table of the domain.', live=RECREATE),
])
