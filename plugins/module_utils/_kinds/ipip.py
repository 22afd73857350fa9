# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ipip: IPv4 or MPLS over IPv4 (RFC 2003; net/ipv4/ipip.c, IFLA_IPTUN_* of linux/if_tunnel.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tunnel, encap, endpoints, external, ipv4
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Enum

PREFIX = 'IFLA_IPIP_'


def check(values: dict):
    if values.get('pmtudisc') is False and values.get('ttl', 'inherit') != 'inherit':
        return 'ttl needs pmtudisc: true'
    return None


KIND = Tunnel('ipip', 'A tunnel of IPv4 packets in IPv4.', [
    Field('mode', Enum({'ipip': 4, 'mplsip': 137, 'any': 0}), PREFIX + 'PROTO', 'What is carried: IPv4, MPLS, or both.', default='any', live=RECREATE,
          aliases=['proto']),
    *endpoints(PREFIX, 4), *ipv4(PREFIX), external(PREFIX), *encap(PREFIX),
], check=check, fallback=('tunl0',))
