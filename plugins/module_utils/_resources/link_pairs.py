# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs (veth and its like): both ends are links of their own, and one makes the other."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages


def is_end(found) -> bool:
    """Whether a live link is one end of a pair."""
    return found.kind in KINDS and KINDS[found.kind].paired


def peer_of(world, netns, found):
    """(netns, name, FoundLink) of the other end of a pair, among the namespaces that the task has looked at; None of what is no pair."""
    if not is_end(found):
        return None
    if found.link_nsid is None:
        peer = getattr(world.links(netns), 'by_index', {}).get(found.link_index)
        return (netns, peer.name, peer) if peer is not None else None
    for section, other in list(world.tables):
        if section != 'links' or other == netns:
            continue
        peer = world.links(other).by_index.get(found.link_index)
        if peer is not None and peer.kind == found.kind and peer.link_index == found.index and (
                world.kernel is None or messages.nsid(world.kernel, netns, other) == found.link_nsid):
            return other, peer.name, peer
    return None


def restorable_peer(peer) -> dict:
    """The peer option that makes a live other end."""
    return {'name': peer[1], 'netns': peer[0] or ''}


def with_peers(wanted) -> tuple[list, set]:
    """What is wanted, with the other ends of pairs that are not listed by themselves, and the (namespace, name) of those ends that a pair makes."""
    merged = {(one.netns, one.key): one for one in wanted}
    result, ends, pairs = list(wanted), set(), set()
    for one in wanted:
        kind = KINDS.get(one.values.get('kind', ''))
        if one.absent or kind is None or not kind.paired:
            continue
        peer = dict(one.values['peer'])
        netns = peer_netns(one.netns, peer)
        peer.pop('netns', None)
        pairs.add((one.netns, one.key))
        if (netns, peer['name']) not in pairs:  # where both ends are listed as pairs, the first of them makes the other
            ends.add((netns, peer['name']))
        own = {option: value for option, value in peer.items() if option != 'name'}
        own.setdefault('up', True)
        other = merged.get((netns, peer['name']))
        if other is None:
            other = Wanted(one.section, netns, peer['name'], {'name': peer['name'], **own}, where=f'{one.where}: peer', recreate=one.recreate)
            merged[(netns, peer['name'])] = other
            result.append(other)
            continue
        if other.absent:
            raise InputError(f"{one.where}: its peer '{peer['name']}' is to be absent ({other.where})")
        if other.values.get('kind') not in (None, kind.name):
            raise InputError(f"{one.where}: its peer '{peer['name']}' is also listed as kind {other.values['kind']} ({other.where})")
        for option, value in peer.items():
            if other.values.get(option, value) != value:
                raise InputError(f"{one.where}: peer.{option} is {value!r}, but {other.where} says {other.values[option]!r}")
        other.values = {**own, **other.values}
    return result, ends
