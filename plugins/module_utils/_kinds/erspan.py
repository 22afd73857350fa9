# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""erspan: mirrored Ethernet frames over GRE over IPv4 (net/ipv4/ip_gre.c, include/net/erspan.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds import gre
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tunnel, erspan

CSUM = ('csum', 'icsum', 'ocsum')


def check(values: dict):
    if not (any(values.get(way + 'seq') for way in 'io') and any(values.get(way + 'key', 'none') != 'none' for way in 'io')):
        return 'needs seq: true and key, the session (0-1023)'
    version = values.get('erspan_ver', 1)
    for option, needed in (('erspan', 1), ('erspan_dir', 2), ('erspan_hwid', 2)):
        if values.get(option) and version != needed:
            return f'{option} needs erspan_ver: {needed}'
    return None


def checked(values: dict):
    return gre.check(values) or check(values)


KIND = Tunnel('erspan', 'Mirrored Ethernet frames in GRE over IPv4, to or from an analyser.',
              [*(field for field in gre.FIELDS if field.name not in CSUM), *erspan(gre.PREFIX)], data='gre', check=checked, ether=True, fallback=('erspan0',))
