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

    def __init__(self, option, doc, **more):  # an option of a module cannot begin with a digit
        super().__init__('sixrd_' + option, Cidr(network=True), None, doc, keyword='6rd-' + option, **more)
        self.prefix = PREFIX + '6RD_' + option.upper()

    def pack(self, value, attrs):
        attrs[self.prefix], unused, length = value.partition('/')
        attrs[self.prefix + 'LEN'] = int(length)

    def unpack(self, attrs):
        attr = self.prefix
        return {self.name: f"{attrs[attr]}/{attrs[attr + 'LEN']}"} if attr in attrs else {}


def check(values: dict):
    if ':' not in values.get('sixrd_prefix', '::'):
        return 'sixrd_prefix must be an IPv6 network'
    if ':' in values.get('sixrd_relay_prefix', ''):
        return 'sixrd_relay_prefix must be an IPv4 network'
    if 'sixrd_relay_prefix' in values and 'sixrd_prefix' not in values:
        return 'sixrd_relay_prefix needs sixrd_prefix'
    return ipip.check(values)


KIND = Tunnel('sit', 'A tunnel of IPv6 packets in IPv4, and for transition from the one to the other (6to4, 6rd, ISATAP).', [
    Field('mode', Enum({'ip6ip': 41, 'ipip': 4, 'mplsip': 137, 'any': 0}), PREFIX + 'PROTO', 'What is carried: IPv6, IPv4, MPLS, or all of them.',
          default='any', live=RECREATE, aliases=['proto']),
    *endpoints(PREFIX, 4), *ipv4(PREFIX, ttl='inherit'),
    Packed('isatap', Flag(), None, 'Use ISATAP addresses.', bits=(PREFIX + 'FLAGS', 1), live=RECREATE),
    SixRd('prefix', 'IPv6 prefix of the 6rd domain (C(6rd-prefix) of ip-link(8)). The default is 2002::/16, that of 6to4.', usual='2002::/16'),
    SixRd('relay_prefix', 'What the IPv4 addresses of the 6rd domain begin with, which is left out of its IPv6 addresses (C(6rd-relay_prefix) of ip-link(8)).'
          ' The default is nothing.', usual='0.0.0.0/0'),
    *encap(PREFIX),
], rows=[(8, PREFIX + 'FLAGS', 'uint16')], check=check, fallback=('sit0',))
