# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live state of a machine as a document that vnet_state takes, and what its kernel can do, found by trying."""

from __future__ import annotations

import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel, World
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import namespaces, nft
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, Request, open_socket
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import bond_found, team_daemon

_EOPNOTSUPP = 95
#: (name, kind, option that is set and read back, options that it needs)
_FEATURES = (
    ('bridge_vlan_filtering', 'bridge', 'vlan_filtering', {}),
    ('bridge_mcast_snooping', 'bridge', 'mcast_snooping', {}),
    ('vxlan_vnifilter', 'vxlan', 'vnifilter', {'external': True}),
)


def live_document(resources: dict, netns: list | None = None, secrets: bool = False) -> tuple[dict, dict]:
    """{section: [item, ...]} of this namespace and the named ones, or of those listed ('' is the one of the module), and activity().

    With secrets, keys that the kernel tells are among it, for who puts it back but does not show it.
    """
    kernel = Kernel()
    try:
        world = World(resources, kernel)
        places = [None, *filter(lambda name: _opens(kernel, name), namespaces.names())] if netns is None else [name or None for name in netns]
        for place in places:
            world.links(place)  # so that pairs across namespaces find their other ends
        named = [name for name in places if name is not None and not name.startswith(('/', 'pid:'))]
        document: dict = {'netns': [{'name': name, 'lo_up': world.links(name)['lo'].up} for name in named]}
        for section, resource in resources.items():
            if section in ('netns', 'sysctls'):
                continue
            items, hiding = [], not secrets and resource.table.hiding
            for place in places:
                for key, values in world.table(section, place).items():
                    item = resource.document(key, values, place, world)
                    if item is not None:
                        item = resource.table.document(item, secrets) if hiding else item
                        items.append({**item, **({'netns': place} if place is not None else {})})
            document[section] = resource.merge_documents(items)
        return {section: items for section, items in document.items() if items}, activity(world, places)
    finally:
        kernel.close()


def _opens(kernel, name: str) -> bool:
    """Whether a namespace is still there, as it is from then on, and is one: `ip netns` leaves plain files behind where it was ended."""
    try:
        kernel.namespaces.socket(name)
    except InputError:
        return False
    return True


def activity(world, places: list) -> dict:
    """What is told of links and cannot be handed back: carriers, states of bridge ports, how bonds and teams fare (active port, LACP
    partner), and MACsec's secure channels, without keys.
    """
    teams = world.resources['teams']
    channels = [{'name': name, 'netns': place, **{option: found.values['macsec'].get(option) for option in ('sci', 'encodingsa', 'tx_sa', 'rx_channels')}}
                for place in places for name, found in world.links(place).items() if found.kind == 'macsec']
    return {'links': [{'name': name, 'netns': place, **found.activity()} for place in places for name, found in world.links(place).items()],
            'teams': [{'name': name, 'netns': place, **teams.status(world, place, name)} for place in places for name in world.table('teams', place)],
            'bonds': [{'name': name, 'netns': place, **one} for place in places for name, one in bond_found.status(world.links(place)).items()],
            'macsec': channels}


def capabilities(kinds: list | None = None) -> dict:
    """{'kinds': {name: bool}, 'features': {name: bool}} of these kinds, or of all, tried in a namespace that vanishes afterwards. Features are what
    kinds that are there can do, and whether library and program are there that packages bring.

    Trying a kind loads its driver, and a few drivers (bonding, dummy, ifb) make devices of their own when they are loaded.
    """
    kernel = Kernel()
    home = kernel.namespaces.fd(None)
    try:
        try:
            namespaces.unshare_net()
        except OSError as exc:
            raise MissingAbility(f'probing needs root (CAP_SYS_ADMIN): {os.strerror(exc.errno)}; use become') from exc
        try:
            kernel.namespaces.adopt(open_socket())
        finally:
            namespaces.setns(home)
        found = {name: _has_kind(kernel, name) for name in sorted(KINDS if kinds is None else kinds)}
        features = {name: _keeps(kernel, kind, option, True, **more) for name, kind, option, more in _FEATURES if found.get(kind)}
        return {'kinds': found, 'features': {**features, 'nftables': nft.there(), 'teamd': team_daemon.program() is not None}}
    finally:
        kernel.close()


def _try(kernel, kind: str, data: bytes | None = None) -> KernelError | None:
    """The error of making a link of a kind; the link stays, in a namespace that vanishes."""
    codec = messages.message(kernel)
    info = {'IFLA_INFO_KIND': kind, 'IFLA_INFO_DATA': data}
    body = codec.pack({}, {'IFLA_IFNAME': 'probe', 'IFLA_LINKINFO': messages.LINKINFO.pack(info)})
    failed, unused = kernel.namespaces.socket(None).batch([Request(messages.RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)])
    return failed.get(0)


def _remove(kernel):
    body = messages.message(kernel).pack({}, {'IFLA_IFNAME': 'probe'})
    kernel.namespaces.socket(None).batch([Request(messages.RTM_DELLINK, 0, body)])


def _has_kind(kernel, kind: str) -> bool:
    for part in KINDS[kind].parts if kind in KINDS else ():
        if part.makes and part.possible() is not None:
            return bool(part.possible())
    error = _try(kernel, kind)
    if error is None:
        _remove(kernel)
    return error is None or error.errno != _EOPNOTSUPP or 'Unknown device type' not in error.extack  # the kernel's words since Linux 4.20


def _keeps(kernel, kind: str, option: str, value, **more) -> bool:
    """Whether an option that is set is read back."""
    table = KINDS[kind].table
    data = messages.data_layout(KINDS[kind]).pack(table.encode({option: value, **more}, None))
    if _try(kernel, kind, data) is not None:
        return False
    codec = messages.message(kernel)
    request = Request(messages.RTM_GETLINK, 0, codec.pack({}, {'IFLA_IFNAME': 'probe'}))
    unused, replies = kernel.namespaces.socket(None).batch([request])
    body = replies[0][0][1]
    info = codec.layout.scan(body, codec.size, len(body)).get('IFLA_LINKINFO', b'')
    raw = messages.LINKINFO.read(info, 0, len(info)).get('IFLA_INFO_DATA', b'')
    found = table.decode(messages.data_layout(KINDS[kind]).read(raw, 0, len(raw)), str)
    _remove(kernel)
    return found.get(option) == value
