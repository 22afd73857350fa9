# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gretap: Ethernet over GRE over IPv4 (net/ipv4/ip_gre.c)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.gre import FIELDS, check
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tunnel

KIND = Tunnel('gretap', 'An Ethernet segment in GRE over IPv4.', FIELDS, check=check, ether=True, fallback=('gretap0',))
