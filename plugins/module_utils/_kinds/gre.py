# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gre: IP over GRE over IPv4 (RFC 2784, RFC 2890; net/ipv4/ip_gre.c, IFLA_GRE_* of linux/if_tunnel.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tunnel, encap, endpoints, external, ipv4, keys
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool

PREFIX = 'IFLA_GRE_'


def check(values: dict):
    if values.get('ignore_df') and values.get('pmtudisc', True):
        return 'ignore_df needs pmtudisc: false'
    return None


FIELDS = [
    *endpoints(PREFIX, 4), *ipv4(PREFIX),
    Field('ignore_df', Bool(None, None), PREFIX + 'IGNORE_DF', 'Fragment packets that must not be; needs O(ignore:pmtudisc=false).', keyword='ignore-df'),
    *keys(PREFIX), external(PREFIX), *encap(PREFIX),
]

KIND = Tunnel('gre', 'A tunnel of IP packets in GRE over IPv4.', FIELDS, check=check, fallback=('gre0',))
