# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All resources, by their key in a vnet_state document, in the order in which they are planned; imported when they are used."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.lazy import Lazy


def _netns():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.netns import Netns

    return Netns()


def _links():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link import Link

    return Link()


def _teams():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team import Team

    return Team()


def _bridge_vlans():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.bridge_vlan import BridgeVlan

    return BridgeVlan()


def _fdb():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.fdb import Fdb

    return Fdb()


def _mdb():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.mdb import Mdb

    return Mdb()


def _addresses():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.address import Address

    return Address()


def _neighs():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.neigh import Neigh

    return Neigh()


def _nexthops():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.nexthop import Nexthop

    return Nexthop()


def _routes():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.route import Route

    return Route()


def _rules():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.rule import Rule

    return Rule()


def _sysctls():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.sysctl import Sysctl

    return Sysctl()


def _nat():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.nat import Nat

    return Nat()


def _tc():
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.tc import Tc

    return Tc()


RESOURCES = Lazy({
    'netns': _netns, 'links': _links, 'teams': _teams, 'bridge_vlans': _bridge_vlans, 'fdb': _fdb, 'mdb': _mdb, 'addresses': _addresses,
    'neighs': _neighs, 'nexthops': _nexthops, 'routes': _routes, 'rules': _rules, 'sysctls': _sysctls, 'nat': _nat, 'tc': _tc,
})
