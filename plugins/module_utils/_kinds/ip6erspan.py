# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ip6erspan: mirrored Ethernet frames over GRE over IPv6 (net/ipv6/ip6_gre.c, include/net/erspan.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds import ip6gre
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.erspan import CSUM, check
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tunnel, erspan

KIND = Tunnel('ip6erspan', 'Mirrored Ethernet frames in GRE over IPv6, to or from an analyser.',
              [*(field for field in ip6gre.FIELDS if field.name not in CSUM), *erspan(ip6gre.PREFIX)], data='ip6gre', rows=ip6gre.ROWS, check=check, ether=True)
