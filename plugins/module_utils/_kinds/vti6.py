# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vti6: a link for packets that IPsec policies protect by its key, over IPv6 (net/ipv6/ip6_vti.c, IFLA_VTI_* of linux/if_tunnel.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Key, Tunnel, endpoints, mark

PREFIX = 'IFLA_VTI_'

KIND = Tunnel('vti6', 'A tunnel whose packets IPsec states and policies with its key as mark protect, over IPv6.', [
    *endpoints(PREFIX, 6),
    Field('key', Key('key'), None, 'Key of both directions: O(vti6.ikey) and O(vti6.okey).', keyword=''),
    Field('ikey', Key('ikey'), PREFIX + 'IKEY', 'Mark of received packets; 0, the default, is none.', keyword=''),
    Field('okey', Key('okey'), PREFIX + 'OKEY', 'Mark of sent packets; 0, the default, is none.', keyword=''),
    mark(PREFIX),
], fallback=('ip6_vti0',))
