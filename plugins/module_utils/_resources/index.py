# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All resources, by their key in a vnet_state document, in the order in which they are planned."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.address import Address
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.bridge_vlan import BridgeVlan
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.fdb import Fdb
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link import Link
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.mdb import Mdb
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.nat import Nat
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.neigh import Neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.netns import Netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.nexthop import Nexthop
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.route import Route
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.rule import Rule
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.sysctl import Sysctl
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.tc import Tc
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team import Team

RESOURCES = {resource.section: resource for resource in (
    Netns(), Link(), Team(), BridgeVlan(), Fdb(), Mdb(), Address(), Neigh(), Nexthop(), Route(), Rule(), Sysctl(), Nat(), Tc(),
)}
