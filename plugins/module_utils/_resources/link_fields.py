# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of links: common ones by hand, those of kinds and ports from the kinds' own tables."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KIND_OPTIONS, KINDS, PORT_OPTIONS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.lazy import Lazy
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import PEER
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import (
    AltName, Bool, Enum, Int, LinkName, LinkRef, ListOf, Mac, Netns, Options, Text,
)
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.link import (
    IFF_ALLMULTI, IFF_DYNAMIC, IFF_MULTICAST, IFF_NOARP, IFF_NOTRAILERS, IFF_PROMISC, IFF_UP,
)
from ansible_collections.linuxnet.vnet.plugins.module_utils._parts import features, vfs, xdp

ADDRGENMODES = {'eui64': 0, 'none': 1, 'stable_secret': 2, 'random': 3}
#: option: (bit of ifi_flags, whether the bit means the opposite)
FLAGS = {'up': (IFF_UP, False), 'arp': (IFF_NOARP, True), 'promisc': (IFF_PROMISC, False), 'allmulticast': (IFF_ALLMULTI, False),
         'multicast': (IFF_MULTICAST, False), 'trailers': (IFF_NOTRAILERS, True), 'dynamic': (IFF_DYNAMIC, False)}
#: of what nobody sets, nothing is said
_DEFAULTS = {'trailers': True, 'dynamic': False, 'mode': 'default', 'protodown': False}


class Group(Int):
    """A number, or a name that the host's iproute2 knows."""

    def __init__(self):
        super().__init__(names={'default': 0})
        self.allowed += ' or a name of /etc/iproute2/group'

    def parse(self, value):
        return super().parse(named_group(value) or value)


def named_group(name) -> int | None:
    """The number of a group by its name."""
    for path in ('/etc/iproute2/group', '/usr/share/iproute2/group'):
        try:
            with open(path, encoding='utf-8') as file:
                lines = [line.split('#')[0].split() for line in file]
        except OSError:
            continue
        for words in lines:
            if len(words) == 2 and words[1] == name:
                return int(words[0], 0)
    return None


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
    Field('group', Group(), 'IFLA_GROUP', 'Group of the link.'),
    Field('txqlen', Int(unit='packets'), 'IFLA_TXQLEN', 'Length of the transmit queue.', aliases=['txqueuelen']),
    Field('num_tx_queues', Int(1, 4096), 'IFLA_NUM_TX_QUEUES', 'Number of transmit queues.', live=RECREATE, keyword='numtxqueues'),
    Field('num_rx_queues', Int(1, 4096), 'IFLA_NUM_RX_QUEUES', 'Number of receive queues.', live=RECREATE, keyword='numrxqueues'),
    Field('gso_max_size', Int(unit='bytes'), 'IFLA_GSO_MAX_SIZE', 'Largest segmentation-offload packet.'),
    Field('gso_max_segs', Int(0, 65535), 'IFLA_GSO_MAX_SEGS', 'Most segments of such a packet.'),
    Field('gro_max_size', Int(unit='bytes'), 'IFLA_GRO_MAX_SIZE', 'Largest packet that received ones are merged to.'),
    Field('gso_ipv4_max_size', Int(unit='bytes'), 'IFLA_GSO_IPV4_MAX_SIZE', 'As O(gso_max_size), for IPv4.'),
    Field('gro_ipv4_max_size', Int(unit='bytes'), 'IFLA_GRO_IPV4_MAX_SIZE', 'As O(gro_max_size), for IPv4.'),
    Field('mode', Enum({'default': 0, 'dormant': 1}), 'IFLA_LINKMODE', 'Whether the link is operational as soon as it has a carrier, or waits, dormant,'
          ' for a program such as an IEEE 802.1X supplicant.'),
    Field('carrier', Bool(), 'IFLA_CARRIER', 'Carrier, of links whose driver lets it be set, such as dummy ones.'),
    Field('protodown', Bool(), 'IFLA_PROTO_DOWN', 'A protocol holds the link down: it has no carrier. The driver must know of it, as macvlan and vxlan do.'),
    Field('promisc', Bool(), None, 'Receive frames for other MACs too.'),
    Field('allmulticast', Bool(), None, 'Receive all multicast.'),
    Field('arp', Bool(), None, 'Use ARP on the link.'),
    Field('multicast', Bool(), None, 'The link can do multicast.'),
    Field('trailers', Bool(), None, 'The link may use trailers; nothing in the kernel looks at it.'),
    Field('dynamic', Bool(), None, 'Mark the link as one whose addresses are lost when it goes down; nothing in the kernel looks at it.'),
    Field('addrgenmode', Enum(ADDRGENMODES), None, 'How the IPv6 link-local address is made.', aliases=['inet6_addr_gen_mode']),
    Field('master', LinkRef(none=True), 'IFLA_MASTER', "Bridge, bond, team or VRF that the link belongs to; V('') for none."),
    Field('link', LinkRef(), 'IFLA_LINK', 'Parent link, for kinds that sit on one.'),
    Field('link_netns', Netns(), None, 'Namespace of O(link), where it is another one; for tunnels, that of the outer packets.'),
    Field('move_from', Netns(), None, 'Namespace that the existing, for example physical, link is taken from if it is not here.'),
    Field('peer', Options(PEER), None, 'The other end of a pair.'),
    Field('features', features.Features(), None, features.DOC),
    Field('num_vfs', Int(0, 65535), None, vfs.NUM_DOC),
    Field('vfs', vfs.ROWS, None, vfs.DOC),
    Field('xdp', xdp.Xdp(), None, xdp.DOC),
]
KIND_FIELDS = [Field(option, Options(lambda kind=kind: KINDS[kind].table), None, f'Options of O(kind={kind}).') for option, kind in KIND_OPTIONS.items()]
PORTS = Lazy({option: lambda kind=kind: KINDS[kind] for option, kind in PORT_OPTIONS.items()})
PORT_FIELDS = [Field(option, Options(lambda kind=kind: KINDS[kind].port), None, f'Options of the link as a port of a {kind}.')
               for option, kind in PORT_OPTIONS.items()]
#: Part objects of options that any link may have
COMMON_PARTS: tuple = (features.FeaturesPart(), vfs.NumVfs(), vfs.Vfs(), xdp.XdpPart())
#: sent and read by their attribute, with nothing special about them
PLAIN = Table([field for field in COMMON if field.attr and field.name not in ('name', 'altnames', 'master', 'link')])


def emptied(now: dict, then: dict) -> dict:
    """Of two items of documents of one link: what of `now` has to be unset to come back to `then`, which says nothing of what was not set."""
    if now.get('kind') != then.get('kind'):
        return {}
    found = {option: '' if option in ('alias', 'master') else [] if option == 'altnames' else _DEFAULTS[option]
             for option in ('alias', 'master', 'altnames', *_DEFAULTS) if option in now and option not in then}
    for option, own in then.items():
        gone = {name: type(value)() for name, value in now.get(option, {}).items() if name not in own and isinstance(value, (list, dict))
                } if isinstance(own, dict) and isinstance(now.get(option), dict) else {}
        if gone:
            found[option] = {**own, **gone}
    return found


def restorable(values: dict) -> dict:
    """The values of a live link with which it can be made again."""
    kept = {option: value for option, value in values.items() if value not in ('', [], None) and (option not in _DEFAULTS or value != _DEFAULTS[option])}
    kept.pop('carrier', None)  # it is the driver's, as a rule
    if kept.get('address') == '00:00:00:00:00:00':  # it has none, as a netkit of mode l3
        kept.pop('address')
    kind = KINDS.get(kept.get('kind', ''))
    if kind is not None and kind.restorable:
        kept[kind.key] = kind.restorable(kept.get(kind.key, {}))
    port = kept.get('bridge_port')
    if port is not None:
        kept['bridge_port'] = {option: value for option, value in port.items() if option != 'state'}
    if 'bond_port' in kept:  # the defaults, which modes without priorities report but do not take
        kept['bond_port'] = {option: value for option, value in kept['bond_port'].items() if (option, value) not in (('prio', 0), ('actor_port_prio', 255))}
    return kept
