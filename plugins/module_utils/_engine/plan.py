# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From wanted and observed to an ordered list of operations. Pure: the world may be a dict."""

from __future__ import annotations

import heapq
from collections import Counter

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Scope


def make_plan(desired, world) -> list:
    """The operations that make the world as desired, in the order in which they can be applied."""
    listed = {one.key for one in desired.wanted if one.section == 'netns' and not one.absent}
    world.coming = listed.difference(world.table('netns', None)) if listed else listed
    # where everything is to be absent, a namespace that does not exist is as good as an empty one
    world.needed = {one.netns for one in desired.wanted if not one.absent}
    world.wanted = {(one.section, one.netns, one.key) for one in desired.wanted if not one.absent}
    world.listed = Counter(one.netns for one in desired.wanted if one.section == 'links')
    for one in desired.wanted if world.kernel is not None else ():
        if one.netns not in world.coming and not world.kernel.namespaces.exists(one.netns):
            raise InputError(f"{one.where}: network namespace '{one.netns}' does not exist; create it with vnet_netns, or list it under netns")
    by_section: dict = {}
    for one in (*desired.wanted, *desired.scopes):
        by_section.setdefault(one.section, ([], []))[isinstance(one, Scope)].append(one)
    for section, (wanted, unused) in by_section.items():
        world.promises.update(world.resources[section].promises(wanted))
    operations = []
    for section in world.resources:
        if section not in by_section:
            continue
        made = world.resources[section].plan(*by_section[section], world)
        operations += made
        if section == 'links':
            _note_links(made, world)
    return order(_without_put_back_of_deleted(operations))


def _note_links(operations, world):
    """What later resources have to know of links that do not exist yet."""
    made, changed = {}, {}  # {bridge: its default VLAN}
    for operation in operations:
        for key in operation.provides:
            if key[0] == 'link':
                world.made[key[1:]] = operation.values.get('kind')
        if operation.section == 'links' and operation.action == 'create' and operation.values.get('kind') == 'bridge':
            made[operation.netns, operation.key] = operation.values.get('bridge', {}).get('vlan_default_pvid', 1)
        elif operation.section == 'links' and operation.action == 'set' and 'vlan_default_pvid' in operation.values.get('bridge', ()):
            changed[operation.netns, operation.key] = operation.values['bridge']['vlan_default_pvid']
    for (netns, name), new in changed.items():
        found = world.links(netns).get(name)
        if (netns, name) not in made and found is not None and found.kind == 'bridge':
            world.default_pvids[netns, name] = (found.values['bridge'].get('vlan_default_pvid', 1), new)
    default = {**made, **{place: new for place, (unused, new) in world.default_pvids.items()}}
    for operation in operations:
        if operation.action not in ('create', 'set') or operation.facts.get('put_back'):
            continue
        place, master = (operation.netns, operation.key), operation.values.get('master')
        found = world.links(operation.netns).get(operation.key) if 'master' in operation.values else None
        if found is not None and found.get('master', '') not in ('', master):
            world.moved.add(place)
        if place in made and operation.action == 'create':
            world.default_vlans[place] = {made[place]} - {0}
        if not master:
            continue
        vid = default.get((operation.netns, master))
        if vid is None:
            found = world.links(operation.netns).get(master)
            if found is None or found.kind != 'bridge':
                continue
            vid = found.values.get('bridge', {}).get('vlan_default_pvid', 1)
        world.default_vlans[place] = {vid} - {0}


def _without_put_back_of_deleted(operations):
    """What a recreated link would get back, but the plan removes or makes itself, is left out."""
    taken = {(operation.section, operation.netns, operation.key) for operation in operations if not operation.facts.get('put_back')}
    seen, kept = set(), []
    for operation in operations:
        if operation.facts.get('put_back'):
            key = (operation.section, operation.netns, operation.key)
            if key in taken or key in seen:
                continue
            seen.add(key)
        kept.append(operation)
    return kept


def order(operations: list) -> list:
    """Coarse phases, overruled by what an operation requires of others; InputError on a cycle."""
    providers: dict = {}
    for place, operation in enumerate(operations):
        for key in operation.provides:
            providers.setdefault(key, []).append(place)
    waiting, followers = [0] * len(operations), [[] for unused in operations]
    for place, operation in enumerate(operations):
        before = {provider for key in operation.requires for provider in providers.get(key, ()) if provider != place}
        waiting[place] = len(before)
        for provider in before:
            followers[provider].append(place)
    heap = [(operation.phase, operation.netns or '', place) for place, operation in enumerate(operations) if not waiting[place]]
    heapq.heapify(heap)
    result = []
    while heap:
        unused, unused2, place = heapq.heappop(heap)
        result.append(operations[place])
        for follower in followers[place]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(heap, (operations[follower].phase, operations[follower].netns or '', follower))
    if len(result) < len(operations):
        stuck = [operations[place] for place in range(len(operations)) if waiting[place]]
        raise InputError('these depend on each other in a circle: ' + ', '.join(sorted({operation.where or operation.name for operation in stuck})))
    return result
