# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sit: IPv6 over IPv4 (RFC 4213, RFC 5214, RFC 5969; net/ipv6/sit.c, IFLA_IPTUN_* of linux/if_tunnel.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds import ipip
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Packed, Tunnel, encap, endpoints, ipv4
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Cidr, Enum, Flag

PREFIX = 'IFLA_SIT_'


class SixRd(Packed):
    """A prefix of 6rd, whose length is an attribute of its own."""

    def pack(self, value, attrs):
        attr = PREFIX + self.name.upper()
        attrs[attr], unused, length = value.partition('/')
        attrs[attr + 'LEN'] = int(length)

    def unpack(self, attrs):
        attr = PREFIX + self.name.upper()
        return {self.name: f"{attrs[attr]}/{attrs[attr + 'LEN']}"} if attr in attrs else {}


def check(values: dict):
    if ':' not in values.get('6rd_prefix', '::'):
        return '6rd_prefix must be an IPv6 network'
    if ':' in values.get('6rd_relay_prefix', ''):
        return '6rd_relay_prefix must be an IPv4 network'
    if '6rd_relay_prefix' in values and '6rd_prefix' not in values:
        return '6rd_relay_prefix needs 6rd_prefix'
    return ipip.check(values)


KIND = Tunnel('sit', 'A tunnel of IPv6 packets in IPv4, and for transition from the one to the other (6to4, 6rd, ISATAP).', [
    Field('mode', Enum({'ip6ip': 41, 'ipip': 4, 'mplsip': 137, 'any': 0}), PREFIX + 'PROTO', 'What is carried: IPv6, IPv4, MPLS, or all of them.', default='any',
          live=RECREATE, aliases=['proto']),
    *endpoints(PREFIX, 4), *ipv4(PREFIX, ttl='inherit'),
    Packed('isatap', Flag(), None, 'Use ISATAP addresses.', bits=(PREFIX + 'FLAGS', 1), live=RECREATE),
    SixRd('6rd_prefix', Cidr(network=True), None, 'IPv6 prefix of the 6rd domain. The default is 2002::/16, that of 6to4.', usual='2002::/16',
          keyword='6rd-prefix'),
    SixRd('6rd_relay_prefix', Cidr(network=True), None, 'What the IPv4 addresses of the 6rd domain begin with, which is left out of its IPv6 addresses.'
          ' The default is nothing.', usual='0.0.0.0/0', keyword='6rd-relay_prefix'),
    *encap(PREFIX),
], rows=[(8, PREFIX + 'FLAGS', 'uint16')], check=check, fallback=('sit0',))
