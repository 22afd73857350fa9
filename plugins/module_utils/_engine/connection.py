# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of the Ansible connection, and plans that would cut it."""

from __future__ import annotations

import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.answers import SECTIONS, Answers, route_back
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request

_IPV6_MTU = 1280


def ssh_connection() -> str | None:
    """SSH_CONNECTION (ssh(1)) of this process, or of an ancestor where sudo has cleaned the environment: both ends of the connection."""
    value = os.environ.get('SSH_CONNECTION')
    pid = os.getppid()
    while not value and pid > 1:
        try:
            with open(f'/proc/{pid}/environ', 'rb') as file:
                found = [entry for entry in file.read().split(b'\0') if entry.startswith(b'SSH_CONNECTION=')]
            with open(f'/proc/{pid}/stat') as file:
                pid = int(file.read().rpartition(')')[2].split()[1])
        except (OSError, ValueError):
            return None
        value = found[0].partition(b'=')[2].decode() if found else None
    return value or None


def own_address() -> str | None:
    """The address of this machine that the SSH connection came to; None without one."""
    words = (ssh_connection() or '').split()
    return words[2].partition('%')[0] if len(words) == 4 else None


def holders(address: str, world) -> set[str]:
    """The links of this namespace that have an address."""
    return {values['dev'] for values in world.table('addresses', None).values() if values['address'].partition('/')[0] == address}


def path_of(address: str, world, client: str = '') -> set[str]:
    """The links that carry an address of this namespace: the one that has it, its ports and its parents, downwards; and their VRFs. Of the ports of a
    bridge only the one that leads to the client, where that is known."""
    links = world.links(None)
    todo = list(holders(address, world))
    names, mac = set(todo), None
    while todo:
        link = links.get(todo.pop())
        if link is None:
            continue
        below = [port.name for port in links.values() if port.master_index == link.index]
        if link.kind == 'bridge' and len(below) > 1 and world.kernel is not None:
            mac = mac or _next_mac(client, address, world)
            used = mac and links.by_index.get(_port_to(mac, link, {1, *_vids(links, names)}, world))
            below = [used.name] if used and used.name in below else below
        parent = links.by_index.get(link.link_index) if link.link_nsid is None else None
        if parent is not None:
            below.append(parent.name)
        fresh = [name for name in below if name not in names]
        names.update(fresh)
        todo += fresh
    masters = [links.by_index.get(links[name].master_index) for name in names if name in links]
    return names | {master.name for master in masters if master is not None and master.kind == 'vrf'}


def _next_mac(client: str, address: str, world) -> str | None:
    """The MAC address that answers to a client are sent to, its own or that of the gateway, where it is known."""
    route = client and route_back(world, client, address)
    dev = world.links(None).get(route['dev']) if route and route.get('dev') else None
    if dev is None:
        return None
    hop, codec = route.get('via') or client, neigh.codec(world.kernel)
    body = codec.pack({'family': neigh.AF_INET6 if ':' in hop else neigh.AF_INET, 'ifindex': dev.index}, {'NDA_DST': hop})
    return next((attrs['NDA_LLADDR'] for unused, attrs in _asked(body, codec, world) if 'NDA_LLADDR' in attrs), None)


def _vids(links, names: set) -> set:
    """The VLANs that frames may be in: those of the links above a bridge, and its own default."""
    found = {links[name].values.get('vlan', {}).get('id') for name in names if name in links and links[name].kind == 'vlan'}
    return (found | {link.values.get('bridge', {}).get('vlan_default_pvid') for link in links.values() if link.kind == 'bridge'}) - {None, 0}


def _port_to(mac: str, bridge, vids: set, world) -> int | None:
    """The index of the port that a bridge has learned a MAC address on; None where it has not, or on several, in different VLANs."""
    codec, found = neigh.codec(world.kernel), set()
    for vid in (None, *sorted(vids)):
        body = codec.pack({'family': neigh.AF_BRIDGE}, {'NDA_LLADDR': mac, 'NDA_MASTER': bridge.index, **({'NDA_VLAN': vid} if vid else {})})
        found |= {header['ifindex'] for header, unused in _asked(body, codec, world)}
    return found.pop() if len(found) == 1 else None


def _asked(body: bytes, codec, world) -> list:
    """(header, attributes) of the neighbour or FDB entry that a request asks for; of none where there is none."""
    unused, replies = world.kernel.namespaces.socket(None).batch([Request(neigh.RTM_GETNEIGH, 0, body)])
    return [(codec.read_header(data, 0), codec.layout.read(data, codec.size, len(data))) for kind, data in replies.get(0, ()) if kind == neigh.RTM_NEWNEIGH]


def far_ends(path: set, operations: list, world) -> set[tuple]:
    """(namespace, name) of the other ends of pairs on the path, among the namespaces that the plan has to do with."""
    for operation in operations:
        if operation.section == 'netns' and operation.action == 'delete':
            world.links(operation.key)
    links = world.links(None)
    ends = [world.resources['links'].other_end(world, None, links[name]) for name in path if name in links]
    return {end[:2] for end in ends if end is not None and end[0] is not None}


def protect(operations: list, world):
    """Refuse a plan that would cut the connection that this task came by."""
    if not any(_may_cut(operation) for operation in operations):
        return
    address = own_address()
    if address is None:
        return
    client = (ssh_connection() or '').partition(' ')[0].partition('%')[0]
    path, having = path_of(address, world, client), holders(address, world)
    carrying = {(None, name) for name in path} | far_ends(path, operations, world)
    answers = Answers(operations, world, client, address)
    for operation in operations:
        if answers.cut_by(operation) if operation.section in SECTIONS else _may_cut(operation) and _cuts(operation, carrying, address, having):
            raise InputError(
                f"{operation.where or operation.name}: would cut the connection that Ansible came by ({address} on {', '.join(sorted(path))}):"
                f' {operation.action} {operation.section} {operation.name}; set allow_disconnect: true if that is meant')


def _may_cut(operation) -> bool:
    if operation.section in SECTIONS:
        return operation.netns is None
    if operation.section == 'teams':
        return operation.netns is None and (operation.disruption != 'in_place' or operation.action == 'delete' or bool(operation.facts.get('enter')))
    if operation.section == 'links':
        return _interrupts(operation) or _too_small(operation)
    if operation.section == 'netns':
        return operation.action == 'delete'
    if operation.section == 'sysctls':
        return operation.netns is None and _without_ipv6(operation) is not None
    return operation.section == 'addresses' and operation.netns is None and operation.action == 'delete'


def _interrupts(operation) -> bool:
    """What else the far end of a pair is made a port of, is as it should be for all we know."""
    return (operation.action in ('delete', 'move') or operation.disruption == 'down' or operation.values.get('up') is False
            or 'master' in operation.values and operation.netns is None)


def _too_small(operation) -> bool:
    """Whether a link loses its IPv6 addresses, which need 1280 bytes (RFC 8200)."""
    return operation.netns is None and operation.values.get('mtu', _IPV6_MTU) < _IPV6_MTU


def _without_ipv6(operation) -> str | None:
    """The link, or `all`, whose IPv6 addresses an operation on a kernel parameter removes."""
    parts = operation.key.split('/')
    switch = parts[:3] == ['net', 'ipv6', 'conf'] and parts[4:] == ['disable_ipv6'] and parts[3] != 'default'
    return parts[3] if switch and operation.values.get('value', '0') != '0' else None


def _cuts(operation, carrying, address, having) -> bool:
    """`having` are the links that have the address."""
    if operation.section == 'sysctls':
        return ':' in address and (_without_ipv6(operation) == 'all' and bool(having) or _without_ipv6(operation) in having)
    if operation.section == 'netns':
        return any(netns == operation.key for netns, unused in carrying)
    if operation.section == 'addresses':
        return operation.before.get('address', '').partition('/')[0] == address
    if operation.section == 'links' and not _interrupts(operation):
        return ':' in address and operation.key in having
    names = operation.key if isinstance(operation.key, tuple) else (operation.key,)
    return any((operation.facts.get('from') if operation.action == 'move' else operation.netns, name) in carrying for name in names)
