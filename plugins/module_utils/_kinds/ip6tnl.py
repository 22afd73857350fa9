# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ip6tnl: IPv6 or IPv4 over IPv6 (RFC 2473; net/ipv6/ip6_tunnel.c, IFLA_IPTUN_* of linux/if_tunnel.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tunnel, encap, endpoints, external, ipv6
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Enum

PREFIX = 'IFLA_IP6TNL_'
ENCAP = encap(PREFIX, csum6=True)
OTHERS = [
    Field('mode', Enum({'ip6ip6': 41, 'ipip6': 4, 'any': 0}), PREFIX + 'PROTO', 'What is carried: IPv6, IPv4, or both.', default='any', aliases=['proto']),
    *endpoints(PREFIX, 6), *ipv6(PREFIX), external(PREFIX),
]

# iproute2 forgets the encapsulation of a live link where it is not told again
KIND = Tunnel('ip6tnl', 'A tunnel of IPv6 or IPv4 packets in IPv6.', OTHERS + ENCAP, fallback=('ip6tnl0',),
              together={field.name: [other.name for other in ENCAP] for field in OTHERS + ENCAP})
