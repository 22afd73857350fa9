# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of links: common ones by hand, those of kinds and ports from the kinds' own tables."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import PEER
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import (
    AltName, Bool, Enum, Int, LinkName, LinkRef, ListOf, Mac, Netns, Options, Text,
)
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.link import (
    IFF_ALLMULTI, IFF_MULTICAST, IFF_NOARP, IFF_PROMISC, IFF_UP,
)

ADDRGENMODES = {'eui64': 0, 'none': 1, 'stable_secret': 2, 'random': 3}
#: option: (bit of ifi_flags, whether the bit means the opposite)
FLAGS = {'up': (IFF_UP, False), 'arp': (IFF_NOARP, True), 'promisc': (IFF_PROMISC, False), 'allmulticast': (IFF_ALLMULTI, False),
         'multicast': (IFF_MULTICAST, False)}


COMMON = [
    Field('name', LinkName(), 'IFLA_IFNAME', 'Name of the link.'),
    Field('kind', Enum({name: place for place, name in enumerate(sorted(KINDS))}), None,
          'Kind of the link. Without it an existing link, such as a physical NIC, is configured.', aliases=['type']),
    Field('up', Bool('up', 'down'), None,
          'Administrative state. The default is V(true) where O(kind) is given; without O(kind) the state is left alone unless given.', keyword=''),
    Field('mtu', Int(0, 0x7FFFFFFF, 'bytes'), 'IFLA_MTU', 'Largest packet.'),
    Field('address', Mac(), 'IFLA_ADDRESS', 'MAC address.'),
    Field('broadcast', Mac(), 'IFLA_BROADCAST', 'Link-layer broadcast address.'),
    Field('alias', Text(255), 'IFLA_IFALIAS', 'Description of the link.', aliases=['ifalias']),
    Field('altnames', ListOf(AltName()), 'IFLA_PROP_LIST', 'All alternative names of the link.'),
    Field('group', Int(names={'default': 0}), 'IFLA_GROUP', 'Group of the link.'),
    Field('txqlen', Int(unit='packets'), 'IFLA_TXQLEN', 'Length of the transmit queue.', aliases=['txqueuelen']),
    Field('num_tx_queues', Int(1, 4096), 'IFLA_NUM_TX_QUEUES', 'Number of transmit queues.', live=RECREATE, keyword='numtxqueues'),
    Field('num_rx_queues', Int(1, 4096), 'IFLA_NUM_RX_QUEUES', 'Number of receive queues.', live=RECREATE, keyword='numrxqueues'),
    Field('gso_max_size', Int(unit='bytes'), 'IFLA_GSO_MAX_SIZE', 'Largest segmentation-offload packet.', nla=(41, 'uint32')),
    Field('gso_max_segs', Int(0, 65535), 'IFLA_GSO_MAX_SEGS', 'Most segments of such a packet.', nla=(40, 'uint32')),
    Field('promisc', Bool(), None, 'Receive frames for other MACs too.'),
    Field('allmulticast', Bool(), None, 'Receive all multicast.'),
    Field('arp', Bool(), None, 'Use ARP on the link.'),
    Field('multicast', Bool(), None, 'The link can do multicast.'),
    Field('addrgenmode', Enum(ADDRGENMODES), None, 'How the IPv6 link-local address is made.', aliases=['inet6_addr_gen_mode']),
    Field('master', LinkRef(none=True), 'IFLA_MASTER', "Bridge, bond, team or VRF that the link belongs to; V('') for none."),
    Field('link', LinkRef(), 'IFLA_LINK', 'Parent link, for kinds that sit on one.'),
    Field('link_netns', Netns(), None, 'Namespace of O(link), where it is another one.'),
    Field('move_from', Netns(), None, 'Namespace that the existing, for example physical, link is taken from if it is not here.'),
    Field('peer', Options(PEER), None, 'The other end of a pair.'),
]
KIND_FIELDS = [Field(kind.key, Options(kind.table), None, f'Options of O(kind={kind.name}).') for kind in KINDS.values() if kind.table.fields]
PORTS = {kind.port_option: kind for kind in KINDS.values() if kind.port_option}
PORT_FIELDS = [Field(option, Options(kind.port), None, f'Options of the link as a port of a {kind.name}.') for option, kind in PORTS.items()]
#: Part objects of options that any link may have
COMMON_PARTS: tuple = ()
#: sent and read by their attribute, with nothing special about them
PLAIN = Table([field for field in COMMON if field.attr and field.name not in ('name', 'altnames', 'master', 'link')])


def restorable(values: dict) -> dict:
    """The values of a live link with which it can be made again."""
    kept = {option: value for option, value in values.items() if value not in ('', [], None)}
    kind = KINDS.get(kept.get('kind', ''))
    if kind is not None and kind.restorable:
        kept[kind.key] = kind.restorable(kept.get(kind.key, {}))
    port = kept.get('bridge_port')
    if port is not None:
        kept['bridge_port'] = {option: value for option, value in port.items() if option != 'state'}
    if kept.get('bond_port', {}).get('prio') == 0:  # the default, which modes without priorities report but do not take
        kept['bond_port'] = {option: value for option, value in kept['bond_port'].items() if option != 'prio'}
    return kept
