# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way through: desired → observe → plan → apply → verify → result."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import connection, ending
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.apply import Applier
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.result import result
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel, World
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import TransactionError, VnetError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns


def run(desired, resources: dict, *, check: bool = False, allow_disconnect: bool = False, diff: bool = True) -> dict:
    """Make this machine as desired, or say what would be done; `diff` is told where it is wanted. Raises VnetError."""
    kernel = Kernel()
    try:
        world = World(resources, kernel)
        operations = make_plan(desired, world)
        if not allow_disconnect:
            connection.protect(operations, world)
        warnings = world.warnings + [operation.facts['warning'] for operation in operations if operation.facts.get('warning')]

        def told():
            return result(operations, resources, warnings, with_diff=diff)

        if not operations or check:
            return told()
        with ending.held():
            answer = Applier(resources, kernel, pause=ending.obey).run(operations, told)
            try:
                answer['warnings'] += verify(desired, resources, kernel)
            except VnetError as exc:
                answer['warnings'].append(f'this task has done its work, but could not read all of it back: {exc.message}')
        return answer
    finally:
        kernel.close()


def verify(desired, resources: dict, kernel) -> list[str]:
    """Read back what was written: a difference is repaired once, then reported; returns warnings."""
    again = make_plan(desired, World(resources, kernel))
    if not again:
        return []
    surprising = [one for one in again if not one.facts.get('follows')]
    try:
        Applier(resources, kernel, 'this repair').run(again)
    except TransactionError as exc:
        return [f'not found as it had just been made: {_named(again)}. The rest of the task stands, but this could not be made again: {exc.message};'
                ' see who else changes it, and run the task again']
    if not surprising:
        return []
    left = make_plan(desired, World(resources, kernel))
    return [f'not found as it had just been made, and made again: {_named(surprising)}'] + (
        [f'the kernel, or someone else on this machine, did not keep {_named(left)}; see who else changes it, and run the task again'] if left else [])


def _named(operations: list, most: int = 10) -> str:
    names = [f'{one.section} {one.name}' + (f' (network namespace {one.netns})' if one.netns else '') for one in operations]
    return ', '.join(names[:most]) + (f' and {len(names) - most} more' if len(names) > most else '')


def rendered(desired, resources: dict) -> dict:
    """The plan for an empty host: no root, no kernel. Links that the document refers to but does not make are taken as there."""
    world = World(resources)
    made = {(one.netns, peer_netns(one.netns, one.values['peer']), one.values['peer']['name']) for one in desired.wanted
            if one.section == 'links' and not one.absent and one.values.get('peer')}
    made_names = {(netns, name) for unused, netns, name in made}
    made_names |= {(one.netns, one.key) for one in desired.wanted if one.section == 'links' and one.values.get('kind')}
    made_names |= {(one.netns, one.key) for one in desired.wanted if one.section == 'teams'}
    foreign: dict = {}
    for one in desired.wanted:
        for netns, name in resources[one.section].refers(one):
            if (netns, name) not in made_names:
                foreign.setdefault(netns, set()).add(name)
    for netns in {one.netns for one in desired.wanted} | set(foreign):
        names = sorted(foreign.get(netns, set()) - {'lo'})
        world.tables['links', netns] = resources['links'].empty(names)
    return result(make_plan(desired, world), resources)
