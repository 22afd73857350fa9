# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live side of a task: sockets, interface indexes, dumps; and the observed state that the planner looks at."""

from __future__ import annotations

import errno

from ansible_collections.linuxnet.vnet.plugins.module_utils import _deps
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as link_messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Message
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import Namespaces


class Kernel:
    """Netlink of all namespaces of a task."""

    def __init__(self):
        self.namespaces = Namespaces()
        self._messages: dict[str, Message] = {}
        self._indexes: dict = {}
        self._fresh: dict = {}
        self.flush = lambda: None  # set by the applier: sends what is pending
        self.pause = lambda: None  # set by the applier: where something long may end, to be taken back

    def close(self):
        self.namespaces.close()

    def message(self, name: str, extra=()) -> Message:
        """The compiled codec of pyroute2's message class of that name."""
        if name not in self._messages:
            self._messages[name] = Message(getattr(_deps.classes(), name), extra)
        return self._messages[name]

    def dump(self, netns: str | None, kind: int, body: bytes, protocol: int = 0):
        return self.namespaces.socket(netns, protocol).dump(kind, body)

    # -- interface indexes --------------------------------------------------------------------------------------------

    def learn(self, netns: str | None, indexes: dict[str, int]):
        """Remember the indexes of a complete dump."""
        self._indexes[netns] = dict(indexes)
        self._fresh.pop(netns, None)

    def expect(self, netns: str | None, name: str):
        """A link of that name is being made: its index is asked for when needed."""
        self._indexes.setdefault(netns, {}).pop(name, None)
        self._fresh.setdefault(netns, set()).add(name)

    def forget(self, netns: str | None, name: str):
        self._indexes.setdefault(netns, {}).pop(name, None)

    def index(self, netns: str | None, name: str) -> int:
        """The index of an interface; KernelError(ENODEV) if there is none."""
        known = self._indexes.setdefault(netns, {})
        if name not in known:
            self.flush()
            names = sorted(self._fresh.pop(netns, set()) | {name})
            known.update(link_messages.get_indexes(self, netns, names))
        if name not in known:
            raise KernelError(errno.ENODEV, f"no interface '{name}' in {place(netns)}")
        return known[name]


#: in place of a namespace that has no name
_NAMELESS = object()


def place(netns: str | None) -> str:
    return f"network namespace '{netns}'" if netns else 'this network namespace'


class World:
    """Observed state, dumped when first looked at and kept for the plan. Tests fill `tables` instead of having a kernel."""

    def __init__(self, resources: dict, kernel: Kernel | None = None, tables: dict | None = None, coming: set | None = None):
        """resources: {section: Resource}; coming: namespaces that the plan will make (they are empty)."""
        self.resources, self.kernel = resources, kernel
        self.tables = tables if tables is not None else {}
        self.coming = coming or set()
        #: sentences for the user that no operation has
        self.warnings: list[str] = []
        #: namespaces in which something is to be; None: all
        self.needed: set | None = None
        #: (section, netns, key) of all that is to be there
        self.wanted: set = set()
        #: {netns: how many links the task lists}
        self.listed: dict = {}
        #: {(netns, name): kind} of links that other resources than links make (teams)
        self.promises: dict = {}
        #: {(section, netns): {link: [(key, values)]}} of observed entries, where somebody has asked for those of a link
        self.standing: dict = {}
        #: {netns: {id: namespace}} of those that the kernel told of
        self.nsids: dict = {}
        #: {(netns, name): kind} of links that the plan makes
        self.made: dict = {}
        #: {(netns, name): {vid}} that the kernel gives to bridges and ports that the plan makes
        self.default_vlans: dict = {}
        #: (netns, name) of links that become ports of another master: what they have as ports goes
        self.moved: set = set()
        #: {(netns, name): (vid, vid)} of live bridges whose default VLAN changes
        self.default_pvids: dict = {}

    def promised(self, netns: str | None, name: str) -> str | None:
        """The kind of a link that another resource of the same plan makes."""
        return self.promises.get((netns, name))

    def has_link(self, netns: str | None, name: str) -> bool:
        """Whether the link is there or will be."""
        return (netns, name) in self.made or (netns, name) in self.promises or name in self.links(netns)

    def table(self, section: str, netns: str | None):
        """{key: values} of one resource in one namespace."""
        key = (section, netns)
        if key not in self.tables:
            resource = self.resources[section]
            if self.kernel is None:
                self.tables[key] = resource.empty()
            elif section == 'netns' or self.kernel.namespaces.exists(netns):
                self.tables[key] = resource.observe(self, netns)
            elif netns in self.coming or (self.needed is not None and netns not in self.needed):
                self.tables[key] = resource.empty()
            else:
                raise InputError(f"network namespace '{netns}' does not exist; create it with vnet_netns, or list it under netns")
        return self.tables[key]

    def links(self, netns: str | None):
        return self.table('links', netns)

    def place_of(self, netns: str | None, found) -> tuple:
        """(True, namespace) that a link of `netns` leads to by its IFLA_LINK_NETNSID; (False, None) where that has no name."""
        looked_at = sorted((other for section, other in self.tables if section == 'links' and other != netns), key=lambda other: other is None)
        if self.kernel is None:
            places = [other for other in looked_at if found.link_index in self.tables['links', other].by_index]
            return (True, places[0]) if places else (False, None)
        if netns not in self.nsids:
            self.nsids[netns] = {link_messages.nsid(self.kernel, netns, other): other for other in reversed(looked_at) if self.kernel.namespaces.exists(other)}
        ids = self.nsids[netns]
        if found.link_nsid not in ids:
            ids.update((number, other) for number, other in link_messages.named_nsids(self.kernel, netns).items() if number not in ids)
            ids.setdefault(found.link_nsid, _NAMELESS)
        return (False, None) if ids[found.link_nsid] is _NAMELESS else (True, ids[found.link_nsid])
