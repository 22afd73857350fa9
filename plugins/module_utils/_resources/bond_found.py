# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bonds fare: what the kernel tells of them and nobody can ask for (linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout

_AD = Layout([(1, 'aggregator', 'uint16'), (2, 'num_ports', 'uint16'), (3, 'actor_key', 'uint16'), (4, 'partner_key', 'uint16'), (5, 'partner_mac', 'l2addr')])
_BOND = Layout([(23, 'ad_info', _AD)])
_PORT = Layout([(1, 'state', 'uint8'), (2, 'mii_status', 'uint8'), (3, 'link_failure_count', 'uint32'), (4, 'perm_hwaddr', 'l2addr'),
                (6, 'ad_aggregator_id', 'uint16'), (7, 'ad_actor_oper_port_state', 'uint8'), (8, 'ad_partner_oper_port_state', 'uint16')])
_STATES = ('active', 'backup')
_MII = ('up', 'going_down', 'down', 'going_back')
# Flags of an LACP port from the lowest bit on (IEEE 802.1AX, 6.4.2.3; linux/if_bonding.h), as iproute2 names them.
_LACP = ('active', 'short_timeout', 'aggregating', 'in_sync', 'collecting', 'distributing', 'defaulted', 'expired')


def status(links) -> dict:
    """{name: how it fares} of the bonds among the links of a namespace, by the names that `ip -d -j link` prints."""
    bonds = {link.index: link for link in links.values() if link.kind == 'bond'}
    found = {}
    for link in bonds.values():
        values = link.values['bond']
        found[link.name] = {'mode': values['mode'], 'active_slave': values.get('active_slave') or None, 'address': link.values.get('address'),
                            **_read(_BOND, link, 'IFLA_INFO_DATA'), 'ports': {}}
    for link in links.values():
        bond = bonds.get(link.master_index)
        if bond is not None:
            port = _read(_PORT, link, 'IFLA_INFO_SLAVE_DATA')
            for state in [name for name in port if name.endswith('_oper_port_state')]:
                port[f'{state}_str'] = [name for bit, name in enumerate(_LACP) if port[state] >> bit & 1]
            found[bond.name]['ports'][link.name] = {**port, 'state': _STATES[port['state']], 'mii_status': _MII[port['mii_status']]}
    return found


def _read(layout: Layout, link, attribute: str) -> dict:
    data = link.raw['info'].get(attribute, b'')
    return layout.read(data, 0, len(data))
