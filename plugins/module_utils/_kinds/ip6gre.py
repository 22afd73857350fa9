# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ip6gre: IP over GRE over IPv6 (RFC 7676; net/ipv6/ip6_gre.c, IFLA_GRE_* of linux/if_tunnel.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tunnel, encap, endpoints, external, ipv6, keys

PREFIX = 'IFLA_IP6GRE_'
#: pyroute2 takes the flags for a number of the host's byte order
ROWS = [(2, PREFIX + 'IFLAGS', 'be16'), (3, PREFIX + 'OFLAGS', 'be16')]

FIELDS = [*endpoints(PREFIX, 6), *ipv6(PREFIX, (20, 'uint32')), *keys(PREFIX), external(PREFIX, (18, 'flag')), *encap(PREFIX, csum6=True)]

KIND = Tunnel('ip6gre', 'A tunnel of IP packets in GRE over IPv6.', FIELDS, rows=ROWS, fallback=('ip6gre0',))
