# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vxlan: Ethernet over UDP (RFC 7348; drivers/net/vxlan, IFLA_VXLAN_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Tos
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Flag, Int, Ip, LinkRef, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import FLAG_AS_NUMBER
from ansible_collections.linuxnet.vnet.plugins.module_utils._parts.vnis import Vnis, VnisPart
from ansible_collections.linuxnet.vnet.plugins.module_utils._parts.vnis import DOC as VNIS_DOC


class PortRange(Type):
    """UDP source ports, 'LOW-HIGH'; iproute2 writes them apart and prints a dict."""

    spec = {'type': 'raw'}
    allowed = 'two ports as LOW-HIGH, 1-65535'

    def parse(self, value):
        text = '{low}-{high}'.format(**value) if isinstance(value, dict) and set(value) == {'low', 'high'} else str(value)
        low, unused, high = text.replace(' ', '-').partition('-')
        if not (low.isdigit() and high.isdigit() and 1 <= int(low) <= int(high) <= 65535):
            raise ValueError(self.allowed)
        return f'{int(low)}-{int(high)}'

    def wire(self, value):
        low, unused, high = value.partition('-')
        return {'low': int(low), 'high': int(high)}

    def unwire(self, raw):
        return f"{raw['low']}-{raw['high']}" if raw['high'] else None

    def argv(self, value):
        return value.split('-')


class Hex(Int):
    """64 bits."""

    def __init__(self):
        super().__init__(0, 0xFFFFFFFFFFFFFFFF)
        self.spec = {'type': 'str'}

    def words(self, value):
        return f'{value:#x}'


def _check(values: dict):
    if values.get('vnis') and not values.get('vnifilter'):
        return 'vnis needs vnifilter: true (and external: true)'
    if 'remote' in values and 'group' in values:
        return 'remote and group exclude each other: a default destination is either one host or a multicast group'
    if 'group' in values and 'dev' not in values:
        return 'group needs dev: the link on which the multicast group is joined'
    if 'id' not in values and not values.get('external'):
        return 'id is needed (0-16777215), or external: true'
    families = {':' in values[name] for name in ('local', 'remote', 'group') if name in values}
    if len(families) > 1:
        return 'local, remote and group must be of one address family'
    return None


def _fixed(changed: dict, found: dict) -> list:
    """A live device keeps its address family; without any address that is IPv4."""
    names = ('local', 'remote', 'group')
    six = any(':' in found.get(name, '') for name in names)
    return [name for name in names if name in changed and (':' in changed[name]) != six]


def _disturbed(changed: dict, found: dict) -> dict:
    """An address that there was none of is unset; remote and group are one in the kernel."""
    back = {}
    for names in (('local',), ('remote', 'group')):
        new = [changed[name] for name in names if name in changed]
        if new:
            back.update({name: found[name] for name in names if name in found} or {names[0]: '::' if ':' in new[0] else '0.0.0.0'})
    return back


def _encode(values: dict, attrs: dict):
    if values.get('external') and 'learning' not in values:
        attrs['IFLA_VXLAN_LEARNING'] = 0  # as iproute2: there is one table for all VNIs


def _restorable(values: dict) -> dict:
    kept = {option: value for option, value in values.items() if value is not False or option in ('learning', 'udp_csum', 'localbypass')}
    if kept.get('external'):
        kept.pop('id', None)
    if kept.get('ttl_inherit'):
        kept.pop('ttl', None)
    return kept


DOC = ('An Ethernet segment carried in UDP between hosts, RFC 7348. Without O(vxlan.dstport) port 4789 is used, as assigned by IANA;'
       " the kernel's own default, and so that of C(ip link), is 8472.")

KIND = Kind('vxlan', DOC, [
    Field('id', Int(0, 0xFFFFFF), 'IFLA_VXLAN_ID', 'VXLAN network identifier (VNI).', live=RECREATE),
    Field('local', Ip(multicast=False), ('IFLA_VXLAN_LOCAL', 'IFLA_VXLAN_LOCAL6'), 'Source address of the outer packets.', aliases=['local6']),
    Field('remote', Ip(multicast=False), ('IFLA_VXLAN_GROUP', 'IFLA_VXLAN_GROUP6'), 'Default destination where the FDB has no entry.', aliases=['remote6']),
    Field('group', Ip(multicast=True), ('IFLA_VXLAN_GROUP', 'IFLA_VXLAN_GROUP6'), 'Multicast group to join and flood to; needs O(vxlan.dev).',
          aliases=['group6']),
    Field('dev', LinkRef(), 'IFLA_VXLAN_LINK', 'Link that the outer packets leave by.', aliases=['link']),
    Field('dstport', Int(0, 65535), 'IFLA_VXLAN_PORT', 'UDP destination port.', default=4789, live=RECREATE, aliases=['port']),
    Field('port_range', PortRange(), 'IFLA_VXLAN_PORT_RANGE', 'UDP source ports to spread flows over.', live=RECREATE, keyword='srcport',
          aliases=['srcport']),
    Field('ttl', Int(0, 255, names={'auto': 0}), 'IFLA_VXLAN_TTL', 'TTL of the outer packets.'),
    Field('ttl_inherit', Flag(), 'IFLA_VXLAN_TTL_INHERIT', "Take the TTL of the inner packet.", nla=(28, FLAG_AS_NUMBER), live=RECREATE, keyword='ttl inherit'),
    Field('tos', Tos(), 'IFLA_VXLAN_TOS', 'TOS of the outer packets.'),
    Field('df', Enum({'unset': 0, 'set': 1, 'inherit': 2}), 'IFLA_VXLAN_DF', "Don't-fragment bit of outer IPv4 packets."),
    Field('flowlabel', Int(0, 0xFFFFF), 'IFLA_VXLAN_LABEL', 'Flow label of outer IPv6 packets.', nla=(26, 'be32'), aliases=['label']),
    Field('ageing', Int(unit='seconds'), 'IFLA_VXLAN_AGEING', 'Lifetime of learned FDB entries; 0 keeps them.'),
    Field('maxaddress', Int(), 'IFLA_VXLAN_LIMIT', 'Largest number of FDB entries; 0 is no limit.', live=RECREATE, aliases=['limit']),
    Field('learning', Bool(None, None), 'IFLA_VXLAN_LEARNING', 'Learn which MAC is behind which remote from received packets.'),
    Field('proxy', Bool(None, None), 'IFLA_VXLAN_PROXY', 'Answer ARP and neighbour solicitations from the neighbour table.', live=RECREATE),
    Field('rsc', Bool(None, None), 'IFLA_VXLAN_RSC', 'Short-circuit routes: rewrite the destination MAC of routed packets.', live=RECREATE),
    Field('l2miss', Bool(None, None), 'IFLA_VXLAN_L2MISS', 'Tell listeners about destinations without an FDB entry.', live=RECREATE),
    Field('l3miss', Bool(None, None), 'IFLA_VXLAN_L3MISS', 'Tell listeners about addresses without a neighbour entry.', live=RECREATE),
    Field('udp_csum', Bool(None, None), 'IFLA_VXLAN_UDP_CSUM', 'Compute UDP checksums of outer IPv4 packets.', live=RECREATE, keyword='udpcsum',
          aliases=['udpcsum']),
    Field('udp_zero_csum6_tx', Bool(None, None), 'IFLA_VXLAN_UDP_ZERO_CSUM6_TX', 'Send outer IPv6 packets without UDP checksum.', live=RECREATE,
          keyword='udp6zerocsumtx', aliases=['udp6zerocsumtx']),
    Field('udp_zero_csum6_rx', Bool(None, None), 'IFLA_VXLAN_UDP_ZERO_CSUM6_RX', 'Accept outer IPv6 packets without UDP checksum.', live=RECREATE,
          keyword='udp6zerocsumrx', aliases=['udp6zerocsumrx']),
    Field('remcsumtx', Bool(None, None), 'IFLA_VXLAN_REMCSUM_TX', 'Remote checksum offload on sending.', live=RECREATE, aliases=['remcsum_tx']),
    Field('remcsumrx', Bool(None, None), 'IFLA_VXLAN_REMCSUM_RX', 'Remote checksum offload on receipt.', live=RECREATE, aliases=['remcsum_rx']),
    Field('external', Bool(None, None), 'IFLA_VXLAN_COLLECT_METADATA', 'Take the tunnel parameters from each packet (routes, tc, VLAN map of a bridge).',
          live=RECREATE),
    Field('vnifilter', Bool(None, None), 'IFLA_VXLAN_VNIFILTER', 'Accept only listed VNIs on an external device.', nla=(30, 'uint8'), live=RECREATE),
    Field('localbypass', Bool(None, None), 'IFLA_VXLAN_LOCALBYPASS', 'Deliver packets to local VXLAN devices directly.', nla=(31, 'uint8')),
    Field('mcroute', Bool(None, None), 'IFLA_VXLAN_MC_ROUTE', 'Let multicast routing have outer multicast packets too.', nla=(34, 'uint8')),
    Field('reserved_bits', Hex(), 'IFLA_VXLAN_RESERVED_BITS', 'Bits of the VXLAN header, as a number of 64 bits, that may be set in received packets;'
          ' others make the packet be dropped.', nla=(33, 'be64'), live=RECREATE),
    Field('vnis', Vnis(), None, VNIS_DOC),
    Field('gbp', Flag(), 'IFLA_VXLAN_GBP', 'Group policy extension.', live=RECREATE),
    Field('gpe', Flag(), 'IFLA_VXLAN_GPE', 'Generic protocol extension.', live=RECREATE),
], parent='optional', falls=True, encode=_encode, check=_check, restorable=_restorable, disturbed=_disturbed, fixed=_fixed, together={'group': ['dev']},
    layer='gpe', underlay=True, parts=(VnisPart(),))
