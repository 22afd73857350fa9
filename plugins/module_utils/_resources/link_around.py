# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around a link, there or wanted: what it sits on and what sits on it, its master and its ports."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_pairs import is_end, peer_of, with_peers
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_values import references


def place_name(netns) -> str:
    """A namespace as sentences call it."""
    return f"network namespace '{netns}'" if netns else 'this network namespace'


def removable(found) -> bool:
    """Whether a link is not hardware."""
    return found.kind is not None and not (found.kind in KINDS and not KINDS[found.kind].made)


def is_fallback(found) -> bool:
    """Whether the driver made the link by itself."""
    return found.kind in KINDS and found.name in KINDS[found.kind].fallback


def shakes(kind) -> bool:
    """Whether a master of this kind wants its ports down for a moment (bond, team), or takes them down and up itself."""
    return kind == 'vrf' or kind in KINDS and KINDS[kind].port_down


def lies_down(link) -> bool:
    """Whether a link is down and comes up with the one that it sits on."""
    return link.kind == 'vlan' and not link.up


def far_parent(world, netns, found) -> dict:
    """link_netns of a link that sits on one of another namespace, with link, or whose outer packets are there. Empty where that has no name."""
    kind = KINDS.get(found.kind)
    if found.link_nsid is None or kind is None or kind.paired or not (kind.underlay or kind.parent == 'required'):
        return {}
    known, place = world.place_of(netns, found)
    if not known:
        return {}
    lower = world.links(place)
    if kind.underlay:
        found.seen_from(lower)
        return {'link_netns': place}
    return {'link': lower.by_index[found.link_index].name, 'link_netns': place} if found.link_index in lower.by_index else {}


def parents_of(world, netns, child) -> set:
    """(namespace, name) of the links that a link goes with."""
    kind = KINDS.get(child.kind)
    if kind is None or not kind.falls:
        return set()
    place = netns
    if child.link_nsid is not None:
        far = far_parent(world, netns, child)
        if not far:
            return set()
        place = far['link_netns']
    links = world.links(place)
    found = {links.by_index[child.link_index].name} if child.link_index in links.by_index else set()
    if kind.parent == 'optional':
        found |= {name for unused, unused2, name in references(None, {'kind': child.kind, kind.key: child.values.get(kind.key, {})}) if name in links}
    return {(place, name) for name in found if (place, name) != (netns, child.name)}


class LinksAround:
    """The links that there are and that are wanted, seen from one of them."""

    def __init__(self, wanted, scopes, world):
        self.scopes, self.world = scopes, world
        self.wanted, self.made_by_pairs = with_peers(wanted)
        self.index = {(one.netns, one.key): one for one in self.wanted}
        self.names: dict = {}  # {(namespace, name or alternative name): wanted link that is to have it}
        self.children: dict | None = None
        self.looked: set = set()  # namespaces of which it is known who else has something on their links
        self.ports: dict = {}

    def _kind_of(self, netns, name) -> str | None:
        """The kind that a link has or will have."""
        if not name:
            return None
        wanted = self.index.get((netns, name))
        kind = wanted.values.get('kind') if wanted is not None else None
        if kind is None:
            found = self.world.links(netns).get(name)
            kind = found.kind if found is not None else self.world.promised(netns, name)
        return kind

    def _port_down(self, netns, master) -> bool:
        """Whether a port of this master must be down when it is enslaved."""
        kind = self._kind_of(netns, master)
        return kind in KINDS and KINDS[kind].port_down

    def _peer_of(self, netns, found):
        if found.link_nsid is not None and is_end(found):
            known, place = self.world.place_of(netns, found)
            if known:
                self.world.links(place)  # whether the task names that namespace or not
        return peer_of(self.world, netns, found)

    def _kept_peer(self, netns, found) -> Wanted | None:
        """The other end of a pair, where it is listed to stay."""
        peer = self._peer_of(netns, found)
        other = self.index.get(peer[:2]) if peer is not None else None
        return other if other is not None and not other.absent else None

    def _leads_to(self, netns, found, lower) -> bool:
        """Whether what is below a link of `netns` is in the namespace `lower`."""
        kernel = self.world.kernel
        return kernel is None or found.link_nsid == (None if lower == netns else messages.nsid(kernel, netns, lower))

    def _ports(self, netns, found) -> list[str]:
        """The names of a live link's ports."""
        if netns not in self.ports:
            self.ports[netns] = {}
            for name, link in self.world.links(netns).items():
                if link.master_index:
                    self.ports[netns].setdefault(link.master_index, []).append(name)
        return self.ports[netns].get(found.index, [])

    def _children(self, netns, name) -> list:
        """(namespace, link) of those that go when a link goes, in all namespaces of the task."""
        if self.children is None:
            self.children = {}
            for place in {one.netns for one in self.wanted} | {scope.netns for scope in self.scopes}:
                self.world.links(place)
            for section, place in list(self.world.tables):
                for link in self.world.tables[section, place].values() if section == 'links' else ():
                    for parent in parents_of(self.world, place, link):
                        self.children.setdefault(parent, []).append((place, link))
        return self.children.get((netns, name), [])

    def _going(self, netns, found, peer) -> list:
        """(namespace, link) of those that go when a link goes and, where it is one of a pair, its peer, in all named namespaces."""
        ends = [(netns, found.name), *([peer[:2]] if peer is not None else [])]
        for place, unused in ends:
            self._look_around(place)
        return [child for end in ends for child in self._children(*end)]

    def _look_around(self, netns):
        """Looks at all named namespaces that may have something on links of this one: it goes, or goes down, with these, whether the task names it or not."""
        if self.world.kernel is None or netns in self.looked or not self.world.kernel.namespaces.exists(netns):
            return
        self.looked.add(netns)
        for place in messages.knowing(self.world.kernel, netns):
            if ('links', place) not in self.world.tables:
                self.world.links(place)
                self.children = None

    def _above(self, netns, name) -> list:
        """(namespace, link) of those that sit on a link, and of those on them."""
        above = self._children(netns, name)
        return above + [other for place, link in above for other in self._above(place, link.name)]

    def _references(self, one):
        """Every link that is referred to must exist, or be made by the plan."""
        for option, netns, name in references(one.netns, one.values, late=True):
            other = self.index.get((netns, name))
            if other is not None and not other.absent:
                continue
            if netns is not None and netns in self.world.coming and other is None:
                exists = False
            else:
                exists = name in self.world.links(netns) and not (other is not None and other.absent)
            if not exists and not self.world.promised(netns, name):
                gone = ' (it is to be absent)' if other is not None else ''
                raise InputError(f"{one.where}: {option} '{name}' does not exist in {place_name(netns)}{gone}: No such device",
                                 failed_operation={'action': 'create', 'name': one.key, 'item': one.where}, errno=19, rolled_back=False)

    def _misplaced(self, one, found) -> str | None:
        """Where an existing link is that should be elsewhere: on another parent, or with another peer."""
        parent = one.values.get('link')
        if parent is not None:
            lower = one.values.get('link_netns', one.netns)
            if lower == one.netns:
                sits = found.get('link') in (parent, None)
            else:
                other = self.world.links(lower).get(parent)
                sits = other is None or found.link_index in (other.index, None)
            own = KINDS.get(found.kind)
            if sits and own is not None and own.parent == 'required' and not own.paired:
                sits = self._leads_to(one.netns, found, lower)
            if not sits:
                return f"'{one.key}' sits on {found.values.get('link') or 'another link'}, not on {parent}"
        kind = KINDS.get(one.values.get('kind', ''))
        if kind is not None and kind.underlay and 'link_netns' in one.values and not self._leads_to(one.netns, found, one.values['link_netns']):
            return f"the outer packets of '{one.key}' are not in {place_name(one.values['link_netns'])}"
        if kind is not None and kind.paired:
            wanted = (peer_netns(one.netns, one.values['peer']), one.values['peer']['name'])
            self.world.links(wanted[0])
            peer = self._peer_of(one.netns, found)
            if peer is None or peer[:2] != wanted:
                shown = f"'{peer[1]}' in {place_name(peer[0])}" if peer else 'in another namespace'
                return f"the other end of '{one.key}' is {shown}, not '{wanted[1]}' in {place_name(wanted[0])}"
        return None

    def _lets_go(self, one, owner, name) -> bool:
        """Whether a name that another link has may be free by then: its owner goes, or gets other alternative names."""
        other = self.index.get((one.netns, owner))
        if other is None:
            return any(scope.netns == one.netns for scope in self.scopes)
        return other.absent or (owner != name and name not in other.values.get('altnames', [name]))
