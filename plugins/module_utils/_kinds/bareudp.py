# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bareudp: packets of one protocol in UDP without a header in between (drivers/net/bareudp.c, IFLA_BAREUDP_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Flag, Int

PREFIX = 'IFLA_BAREUDP_'


def _check(values: dict):
    missing = [name for name in ('dstport', 'ethertype') if name not in values]
    if missing:
        return f'{missing[0]} is needed'
    if values.get('multiproto') and values['ethertype'] not in ('ipv4', 'mpls_uc'):
        return 'multiproto needs ethertype ipv4 or mpls_uc'
    return None


def _restorable(values: dict) -> dict:
    return {name: value for name, value in values.items() if value}


KIND = Kind('bareudp', 'A tunnel of MPLS, IP or other packets in UDP. Where they go to is in their routes (C(encap ip)).', [
    Field('dstport', Int(1, 65535), PREFIX + 'PORT', 'UDP port, of both ends.', nla=(1, 'be16'), live=RECREATE),
    Field('ethertype', Int(1, 65535, names={'ipv4': 0x0800, 'ipv6': 0x86DD, 'mpls_uc': 0x8847, 'mpls_mc': 0x8848}), PREFIX + 'ETHERTYPE', 'What is carried.',
          nla=(2, 'be16'), live=RECREATE),
    Field('srcportmin', Int(0, 65535), PREFIX + 'SRCPORT_MIN', 'Smallest UDP source port. The default is 0, any.', nla=(3, 'uint16'), live=RECREATE),
    Field('multiproto', Flag(), PREFIX + 'MULTIPROTO_MODE', 'Carry IPv6 beside IPv4, or multicast MPLS beside unicast.', nla=(4, 'flag'), live=RECREATE),
], restorable=_restorable, check=_check, ether=False)
