# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ip6gretap: Ethernet over GRE over IPv6 (net/ipv6/ip6_gre.c)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.ip6gre import FIELDS, ROWS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tunnel

KIND = Tunnel('ip6gretap', 'An Ethernet segment in GRE over IPv6.', FIELDS, rows=ROWS, ether=True)
