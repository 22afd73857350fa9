# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard's generic netlink family (linux/wireguard.h)."""

from __future__ import annotations

import socket
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import NLA_F_NESTED, Layout, attribute, listing
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.genl import Family

_GET, _SET = 0, 1
_REMOVE, _REPLACE_ALLOWED = 1, 2  # WGPEER_F_*
_IN, _IN6 = struct.Struct('=HH4s8x'), struct.Struct('=HHI16sI')  # sockaddr_in, sockaddr_in6; ports are in network order
#: allowed networks, and peers, of one message: an attribute has 65535 bytes at most
_NETWORKS, _BYTES = 800, 24 << 10


def _pack_endpoint(value: str) -> bytes:
    host, unused, port = value.rpartition(':')
    if host.startswith('['):
        return _IN6.pack(socket.AF_INET6, socket.htons(int(port)), 0, socket.inet_pton(socket.AF_INET6, host[1:-1]), 0)
    return _IN.pack(socket.AF_INET, socket.htons(int(port)), socket.inet_pton(socket.AF_INET, host))


def _read_endpoint(data, start, end) -> str:
    if end - start >= _IN6.size:
        unused, port, unused2, address, unused3 = _IN6.unpack_from(data, start)
        return f'[{socket.inet_ntop(socket.AF_INET6, address)}]:{socket.ntohs(port)}'
    unused, port, address = _IN.unpack_from(data, start)
    return f'{socket.inet_ntop(socket.AF_INET, address)}:{socket.ntohs(port)}'


_NETWORK = Layout([(1, 'WGALLOWEDIP_A_FAMILY', 'uint16'), (2, 'WGALLOWEDIP_A_IPADDR', 'ipaddr'), (3, 'WGALLOWEDIP_A_CIDR_MASK', 'uint8')])


def _pack_network(value: str) -> bytes:
    address, unused, length = value.partition('/')
    return _NETWORK.pack({'WGALLOWEDIP_A_FAMILY': socket.AF_INET6 if ':' in address else socket.AF_INET, 'WGALLOWEDIP_A_IPADDR': address,
                          'WGALLOWEDIP_A_CIDR_MASK': int(length)})


def _read_network(data, start, end) -> str:
    found = _NETWORK.read(data, start, end)
    return f"{found['WGALLOWEDIP_A_IPADDR']}/{found['WGALLOWEDIP_A_CIDR_MASK']}"


def _nested_list(pack, read):
    """A list whose elements the driver wants marked as nested."""
    return lambda values: b''.join(attribute(place | NLA_F_NESTED, pack(value)) for place, value in enumerate(values)), listing(0, pack, read)[1]


#: names of the attributes are the names of the options, where there are any
_PEER = Layout([
    (1, 'public_key', 'cdata'), (2, 'preshared_key', 'cdata'), (3, 'flags', 'uint32'), (4, 'endpoint', (_pack_endpoint, _read_endpoint)),
    (5, 'persistent_keepalive', 'uint16'), (9 | NLA_F_NESTED, 'allowed_ips', _nested_list(_pack_network, _read_network)),
    (9, 'allowed_ips_found', _nested_list(_pack_network, _read_network)),
])
_PEERS = _nested_list(_PEER.pack, _PEER.read)
_DEVICE = Layout([
    (1, 'index', 'uint32'), (3, 'private_key', 'cdata'), (6, 'listen_port', 'uint16'), (7, 'fwmark', 'uint32'), (8 | NLA_F_NESTED, 'peers', _PEERS),
    (8, 'peers_found', _PEERS),
])


class Device:
    """One device. Keys are bytes, endpoints and networks text."""

    def __init__(self, kernel, netns: str | None, index: int):
        self.family, self.index = Family(kernel, netns, 'wireguard', 1), index

    def read(self) -> dict:
        """{'private_key', 'listen_port', 'fwmark', 'peers': [{'public_key', ...}, ...]}."""
        device: dict = {'peers': []}
        for message in self.family.dump(_GET, _DEVICE, {'index': self.index}):
            peers = message.pop('peers_found', [])
            device.update(message)
            for peer in peers:
                networks = peer.pop('allowed_ips_found', [])
                if device['peers'] and device['peers'][-1]['public_key'] == peer['public_key']:  # the rest of what did not fit in the message before
                    device['peers'][-1]['allowed_ips'] += networks
                else:
                    device['peers'].append({**peer, 'allowed_ips': networks})
        return device

    def write(self, options: dict, peers: list, gone: list):
        """Set options of the device and those of peers, whose allowed networks replace those that they have; remove others by their keys."""
        for values in messages(self.index, options, peers, gone):
            self.family.call(_SET, _DEVICE, values)


def messages(index: int, options: dict, peers: list, gone: list):
    """The attributes of the messages that this takes."""
    values, size, rows = {'index': index, **options}, 0, []
    for row in [{'public_key': key, 'flags': _REMOVE} for key in gone] + [part for peer in peers for part in _parts(peer)]:
        length = 200 + 40 * len(row.get('allowed_ips', ()))
        if rows and size + length > _BYTES:
            yield {**values, 'peers': rows}
            values, size, rows = {'index': index}, 0, []
        rows.append(row)
        size += length
    yield {**values, 'peers': rows} if rows else values


def _parts(peer: dict):
    """A peer, in pieces where it has too many networks for one message."""
    networks = peer.get('allowed_ips')
    if networks is None:
        yield peer
        return
    yield {**peer, 'flags': _REPLACE_ALLOWED, 'allowed_ips': networks[:_NETWORKS]}
    for first in range(_NETWORKS, len(networks), _NETWORKS):
        yield {'public_key': peer['public_key'], 'allowed_ips': networks[first:first + _NETWORKS]}
