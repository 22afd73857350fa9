# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planner works with: wanted objects, scopes of purge, operations; and what a resource has to know."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import IN_PLACE, Table


class Wanted:
    """One desired object.

    section   the vnet_state key of its resource, `links`
    netns     namespace (None: where the module runs)
    key       identity within the namespace
    values    canonical values of what was given
    absent    it must not exist
    where     where the user wrote it: "config[3] (vx0)"
    recreate  it may be made anew to change what a live link cannot change
    """

    __slots__ = ('section', 'netns', 'key', 'values', 'absent', 'where', 'recreate')

    def __init__(self, section: str, netns: str | None, key, values: dict, absent: bool = False, where: str = '', recreate: bool = False):
        self.section, self.netns, self.key, self.values = section, netns, key, values
        self.absent, self.where, self.recreate = absent, where, recreate


class Scope:
    """A purge: what is in it and not wanted goes. `dev` limits it to one link, `match` to names, other keys as the resource says."""

    __slots__ = ('section', 'netns', 'limits', 'where')

    def __init__(self, section: str, netns: str | None, limits: dict, where: str = ''):
        self.section, self.netns, self.limits, self.where = section, netns, limits, where


class Operation:
    """One step of a plan.

    action      create, set, delete, move
    name        what it concerns, for people: "vx0", "192.0.2.1/24 on eth0"
    values      what will be there: all values for create, the changed ones for set
    before      what was there, same shape
    disruption  IN_PLACE, DOWN or RECREATE; flushes: what goes with it and is put back
    phase       coarse order; provides/requires: exact order between objects, as (what, netns, name) keys
    undo        operations that take it back, in the order they are to be run
    facts       what the encoder needs beyond the values (the link's kind, say); `follows`: its aim changes with what happens around (carriers),
                so that nobody need be told when it differs right after
    """

    __slots__ = ('section', 'action', 'netns', 'key', 'name', 'values', 'before', 'where', 'disruption', 'flushes', 'phase',
                 'provides', 'requires', 'undo', 'facts')

    def __init__(self, section: str, action: str, netns: str | None, key, name: str, values: dict | None = None, before: dict | None = None, *,
                 where: str = '', disruption: str = IN_PLACE, flushes=(), phase: int = 50, provides=(), requires=(), undo=(), facts=None):
        self.section, self.action, self.netns, self.key, self.name = section, action, netns, key, name
        self.values, self.before, self.where = values or {}, before or {}, where
        self.disruption, self.flushes, self.phase = disruption, list(flushes), phase
        self.provides, self.requires = set(provides), set(requires)
        self.undo, self.facts = list(undo), facts or {}

    def __repr__(self):
        return f'<{self.action} {self.section} {self.name} in {self.netns}: {self.values}>'


class Phase:
    """Coarse order of a plan; within and across it `requires` decides."""

    UNSET_TC = 0
    UNSET_NAT, UNSET_RULE, UNSET_ROUTE, UNSET_NEIGH, UNSET_MDB, UNSET_FDB, UNSET_VLAN, UNSET_ADDRESS = 1, 2, 3, 4, 5, 6, 7, 8
    DELETE_LINK = 10
    NETNS = 20
    LINK, TEAM, LINK_LATE = 30, 31, 40
    SYSCTL = 45
    VLAN, FDB, MDB = 50, 51, 52
    ADDRESS, NEIGH, NEXTHOP, ROUTE, RULE, UNSET_NEXTHOP = 60, 61, 62, 63, 64, 65
    TC = 68
    NAT = 70
    DELETE_NETNS = 90


class Resource:
    """Base of the resources; the engine knows nothing of them but this.

    section   key in vnet_state; noun: one of them in a sentence; module: the module of its own
    table     its options
    identity  names of the options that make its key
    batched   encode() gives netlink messages that may travel together; otherwise perform() acts by itself
    by_name   messages that follow the one that makes an object find it by its name
    """

    section = ''
    noun = 'object'
    module = ''
    doc = ''
    table = Table(())
    identity: tuple = ()
    purgeable = False
    batched = True
    by_name = False
    has_netns = True
    #: parse() wants to know that purge is set (an item without entries empties its scope)
    takes_purge = False

    def columns(self, top: dict, items: list):
        """Many alike items as one object, where the resource has a form for that; None where it has not, or the items are not alike."""
        return None

    def parse(self, item: dict, where: str) -> list[Wanted]:
        """The wanted objects of one item (common options already taken out into item['netns'], ['state'], ['recreate'])."""
        raise NotImplementedError

    def scope(self, item: dict, where: str) -> Scope:
        """What an item with purge: true covers."""
        raise NotImplementedError

    def observe(self, world, netns: str | None) -> dict:
        """{key: values} of what lives in the namespace."""
        raise NotImplementedError

    def empty(self) -> dict:
        """What a namespace has that was just made."""
        return {}

    def plan(self, wanted: list[Wanted], scopes: list[Scope], world) -> list[Operation]:
        """Pure: compares wanted with world.table(section, netns)."""
        raise NotImplementedError

    def encode(self, operation: Operation, kernel) -> list[tuple]:
        """[(netns, Request), ...]"""
        raise NotImplementedError

    def immediate(self, operation: Operation, kernel) -> tuple:
        """(first, last): functions to call before and after the messages of an operation, None where nothing but messages is needed."""
        return None, None

    def perform(self, operation: Operation, kernel):
        """Act, for resources that are not batched."""
        raise NotImplementedError

    def remove_many(self, netns: str | None, operations: list[Operation], kernel):
        """Do at once what these deletions are for, where the kernel has a quicker way for many; nothing otherwise."""

    def shown(self, values: dict) -> dict:
        """Values as people and logs may see them."""
        return self.table.shown(values)

    def commands(self, operation: Operation) -> list[list[str]]:
        """The same as iproute2 command lines."""
        raise NotImplementedError

    def refers(self, wanted: Wanted) -> list[tuple]:
        """(netns, name) of the links that a wanted object needs."""
        name = wanted.values.get('dev')
        return [(wanted.netns, name)] if name else []

    def promises(self, wanted: list[Wanted]) -> dict:
        """{(netns, name): kind} of links that wanted objects of this resource bring with them."""
        return {}

    def explain(self, operation: Operation, error) -> str:
        """Why the kernel refused, for the user: its own words, and what to do where that is known."""
        words = error.extack or error.args[0]
        return f'{words} ({error.name})'

    def hung(self, world, netns: str | None, name: str) -> list[Operation]:
        """Operations that put back what this resource has on a link."""
        return []

    def forgiven(self, operation: Operation, error) -> bool:
        """Whether an error means that the aim was reached already."""
        return False

    def document(self, key, values: dict, netns: str | None, world) -> dict | None:
        """The item for vnet_info's state; None for what is the kernel's own."""
        raise NotImplementedError

    def merge_documents(self, items: list[dict]) -> list[dict]:
        """Items of one resource as one would write them."""
        return items


def prefix(tool: str, netns: str | None) -> list[str]:
    """`ip`, `ip -n blue`, or the entry by nsenter for what has no name."""
    if netns is None:
        return [tool]
    if netns.startswith('pid:'):
        return ['nsenter', '-t', netns[4:], '-n', tool]
    if netns.startswith('/'):
        return ['nsenter', '--net=' + netns, tool]
    return [tool, '-n', netns]


def within(netns: str | None) -> list[str]:
    """The words before a program without an option for the namespace that it is to run in."""
    if netns is None:
        return []
    if netns.startswith('pid:'):
        return ['nsenter', '-t', netns[4:], '-n']
    return ['nsenter', '--net=' + netns] if netns.startswith('/') else ['ip', 'netns', 'exec', netns]
