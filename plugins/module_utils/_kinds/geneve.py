# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""geneve: Ethernet over UDP (RFC 8926; drivers/net/geneve.c, IFLA_GENEVE_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.vxlan import PortRange
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Number, Tos
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Flag, Int, Ip

PREFIX = 'IFLA_GENEVE_'


class Ttl(Int):
    """`inherit` has an attribute of its own."""

    def __init__(self):
        super().__init__(0, 255, names={'auto': 0, 'inherit': None})


def _check(values: dict):
    if values.get('external'):
        others = [name for name in ('id', 'remote', 'local') if name in values]
        return f"external takes the destination from each packet and excludes {', '.join(others)}" if others else None
    for name, what in (('id', '0-16777215'), ('remote', 'the address of the other end')):
        if name not in values:
            return f'{name} is needed ({what}), or external: true'
    if (':' in values.get('local', values['remote'])) != (':' in values['remote']):
        return 'local and remote must be of one address family'
    if values.get('flowlabel') and ':' not in values['remote']:
        return 'flowlabel needs a remote that is an IPv6 address'
    return None


def _fixed(changed: dict, found: dict) -> list:
    """A live device keeps its address family, and one that takes everything from the packets keeps all."""
    if found.get('external'):
        return list(changed)
    return [name for name in ('remote', 'local') if name in changed and (':' in changed[name]) != (':' in found['remote'])]


def _encode(values: dict, attrs: dict):
    if values.get('ttl') == 'inherit':
        attrs[PREFIX + 'TTL_INHERIT'] = 1


def _decode(attrs: dict) -> dict:
    return {'ttl': 'inherit'} if attrs.get(PREFIX + 'TTL_INHERIT') else {}


def _restorable(values: dict) -> dict:
    left_out = ('id', 'remote', 'local', 'udpcsum', 'udp6zerocsumtx') if values.get('external') else ()
    return {name: value for name, value in values.items() if name not in left_out and (value or name.startswith('udp'))}


KIND = Kind('geneve', 'An Ethernet segment carried in UDP between two hosts, RFC 8926.', [
    Field('id', Int(0, 0xFFFFFF), PREFIX + 'ID', 'Virtual network identifier (VNI).', live=RECREATE, aliases=['vni']),
    Field('remote', Ip(multicast=False), (PREFIX + 'REMOTE', PREFIX + 'REMOTE6'), 'Destination of the outer packets.', aliases=['remote6']),
    Field('local', Ip(multicast=False), (PREFIX + 'LOCAL', PREFIX + 'LOCAL6'), 'Source address of the outer packets (Linux 7.1).', live=RECREATE,
          aliases=['local6']),
    Field('dstport', Int(1, 65535), PREFIX + 'PORT', 'UDP destination port. The default is 6081.', live=RECREATE, aliases=['port']),
    Field('port_range', PortRange(), PREFIX + 'PORT_RANGE', 'UDP source ports to spread flows over (Linux 6.15); iproute2 has no word for it.',
          nla=(15, (('low', '>H'), ('high', '>H'))), live=RECREATE),
    Field('ttl', Ttl(), PREFIX + 'TTL', 'TTL of the outer packets.', aliases=['hoplimit']),
    Field('tos', Tos(), PREFIX + 'TOS', 'TOS of the outer packets.'),
    Field('df', Enum({'unset': 0, 'set': 1, 'inherit': 2}), PREFIX + 'DF', "Don't-fragment bit of outer IPv4 packets.", nla=(13, 'uint8')),
    Field('flowlabel', Number(0, 0xFFFFF), PREFIX + 'LABEL', 'Flow label of outer IPv6 packets.', aliases=['label']),
    Field('external', Flag(), PREFIX + 'COLLECT_METADATA', 'Take the parameters of the tunnel from each packet (routes, tc).', live=RECREATE),
    Field('udpcsum', Bool(None, None), PREFIX + 'UDP_CSUM', 'Compute UDP checksums of outer IPv4 packets.', live=RECREATE, aliases=['udp_csum']),
    Field('udp6zerocsumtx', Bool(None, None), PREFIX + 'UDP_ZERO_CSUM6_TX', 'Send outer IPv6 packets without UDP checksum.', live=RECREATE,
          aliases=['udp_zero_csum6_tx']),
    Field('udp6zerocsumrx', Bool(None, None), PREFIX + 'UDP_ZERO_CSUM6_RX', 'Accept outer IPv6 packets without UDP checksum.', live=RECREATE,
          aliases=['udp_zero_csum6_rx']),
    Field('innerprotoinherit', Flag(), PREFIX + 'INNER_PROTO_INHERIT', 'Carry IP packets as such, beside Ethernet frames.', nla=(14, 'flag'), live=RECREATE,
          aliases=['inner_proto_inherit']),
], rows=[(17, PREFIX + 'LOCAL', 'ip4addr'), (18, PREFIX + 'LOCAL6', 'ip6addr')], encode=_encode, decode=_decode, check=_check, fixed=_fixed,
    restorable=_restorable, layer='innerprotoinherit', together={name: ['id'] for name in ('remote', 'ttl', 'tos', 'df', 'flowlabel')})
