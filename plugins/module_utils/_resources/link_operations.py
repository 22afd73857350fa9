# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that plans of links are made of, and those that bring back what a change takes along."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import IN_PLACE, RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_around import LinksAround, far_parent, lies_down
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import COMMON_PARTS, PORTS, restorable
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_pairs import restorable_peer
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_values import FIELD, PLACE, late_needs, references, unique_options

#: resources that hang on a link and go with it, in the order in which they come back
HUNG = ('bridge_vlans', 'fdb', 'mdb', 'addresses', 'neighs', 'nexthops', 'routes', 'tc')
#: those of them that go when a port leaves its bridge
OF_PORT = ('bridge_vlans', 'fdb', 'mdb')
#: those of them that go when a link goes down
OF_UP = ('addresses', 'neighs', 'nexthops', 'routes')
#: options that are set on the other end of a pair when it is there
_OF_END = frozenset(PORTS) | {option for option, field in FIELD.items() if option not in PLACE and field.live != RECREATE}


class LinkOperations(LinksAround):
    """Collects operations, and makes those that take them back from what there is."""

    def __init__(self, resource, wanted, scopes, world):
        super().__init__(wanted, scopes, world)
        self.section = resource.section
        self.out: list[Operation] = []
        self.deleted: set = set()  # (namespace, name) of links that go
        self.remade: dict = {}  # {(namespace, name): wanted link that makes it anew}
        self.lost: dict = {}  # {(namespace, name) of links that go to be made anew, and of other ends that go with them: wanted link}
        self.risen: list = []  # (wanted link that comes up, namespace and VLAN on it that is down)
        self.released: list = []  # (namespace, port, item) of VRFs that go

    def _emit(self, one, action, values, before, *, facts=None, undo=(), disruption=IN_PLACE, flushes=(), phase=Phase.LINK, requires=()):
        # late options follow what depends on the link; nothing waits for them
        provides = [('link' if action == 'create' else 'set', one.netns, one.key)] if phase != Phase.LINK_LATE else ()
        needs = self._needs(one.netns, values)
        needs.update(requires)
        if action == 'set':
            needs.add(('link', one.netns, one.key))
        operation = Operation(self.section, action, one.netns, one.key, one.key, values, before, where=one.where, disruption=disruption,
                              flushes=flushes, phase=phase, provides=provides, requires=needs, undo=undo, facts=facts)
        self.out.append(operation)
        return operation

    def _emit_late(self, one, kind, late, before, undo=()):
        """What is set when all links are there, and free when another one is to have it; taken back, it is free first."""
        if not late:
            return
        old = {option: {name: before.get(option, {}).get(name) for name in own} for option, own in late.items()}
        freed = {option: {name: 0 for name in unique_options(option, own)} for option, own in late.items() if unique_options(option, own)}
        back = [Operation(self.section, 'set', one.netns, one.key, one.key, freed, facts={'kind': kind})] if freed and undo else []
        self._emit(one, 'set', late, old, facts={'kind': kind}, phase=Phase.LINK_LATE, undo=[*back, *undo], requires=late_needs(one.netns, late))

    def _needs(self, netns, values):
        needs = {('netns', name) for name in (netns, values.get('link_netns')) if name}
        needs |= {('free', netns, name) for name in (values.get('name'), *values.get('altnames', ())) if name}
        if values.get('peer'):
            needs.add(('free', peer_netns(netns, values['peer']), values['peer']['name']))
        for unused, where, name in references(netns, values):
            needs.update((('link', where, name), ('set', where, name)))
        return needs

    def _deletion(self, netns, name, before=None):
        return Operation(self.section, 'delete', netns, name, name, before=before, phase=Phase.DELETE_LINK)

    def _put_back(self, operations, one):
        for operation in operations:
            operation.where = one.where
            operation.requires |= {('set', one.netns, one.key), ('link', one.netns, one.key)}
            operation.facts['put_back'] = True
            self.out.append(operation)

    def hung(self, netns, name, sections):
        """Operations that put back what hangs on a link."""
        operations = []
        for section in sections:
            if section in self.world.resources:
                operations += self.world.resources[section].hung(self.world, netns, name)
        return operations

    def _hung_above(self, netns, name, sections) -> list[Operation]:
        return [back for place, link in self._above(netns, name) for back in self.hung(place, link.name, sections)]

    def _of_any_vrf(self, operations) -> list[Operation]:
        """What hung on a link and is to hang on it in another VRF as well; routes that nobody lists are another table's matter then."""
        return [back for back in operations if back.section in ('addresses', 'neighs') or (back.section, back.netns, back.key) in self.world.wanted]

    def _release(self):
        """Puts back what ports of VRFs lose that go, where they stay."""
        for place, port, where in self.released:
            if (place, port) not in self.deleted:
                one = Wanted(self.section, place, port, {}, where=where)
                self._put_back(self._of_any_vrf(self.hung(place, port, OF_UP) + self._hung_above(place, port, OF_UP)), one)
                self._rises(one, self._above(place, port))

    def _rises(self, one, above):
        """Notes what comes up although it is to stay down: VLANs on a link that comes up."""
        self.risen += [(one, place, link) for place, link in above if lies_down(link)]

    def _stay_down(self):
        """Takes down again what has risen, unless it is to go or to be up."""
        for one, place, vlan in self.risen:
            wanted = self.index.get((place, vlan.name))
            goes = (place, vlan.name) in self.deleted or (wanted is not None and wanted.absent)
            if not goes and not (wanted is not None and wanted.values.get('up', 'kind' in wanted.values)):
                down, *hung = self._down_again(place, vlan)
                down.where, down.provides = one.where, {('set', place, vlan.name)}
                down.requires = {('set', one.netns, one.key), ('link', one.netns, one.key), ('link', place, vlan.name)}
                self.out.append(down)
                self._put_back(hung, Wanted(self.section, place, vlan.name, {}, where=one.where))

    def _down_again(self, netns, vlan) -> list[Operation]:
        """What leaves a VLAN down that comes up with the link below it, as all of them do."""
        return [Operation(self.section, 'set', netns, vlan.name, vlan.name, {'up': False}, {'up': False}, facts={'kind': vlan.kind},
                          phase=Phase.LINK_LATE),
                *self.hung(netns, vlan.name, OF_UP)]

    def _down_above(self, netns, names) -> list[Operation]:
        return [back for name in names for place, link in self._above(netns, name) if lies_down(link) for back in self._down_again(place, link)]

    def _creation(self, netns, found) -> Operation:
        """The operation that makes a live link as it is."""
        far = far_parent(self.world, netns, found)  # by which its values have names of links there
        values = {**restorable(found.values), **far}
        kind, facts = KINDS.get(found.kind), {'netns': netns, 'port_down': self._port_down(netns, values.get('master'))}
        if kind is not None and kind.paired:
            peer = self._peer_of(netns, found)
            values['peer'] = restorable_peer(peer) if peer is not None else {'name': 'peer-' + found.name[:10]}
            if peer is None:
                facts['lost'] = f"the other end of '{found.name}' was in a network namespace that has no name; it is '{values['peer']['name']}' here now"
        return Operation(self.section, 'create', netns, found.name, found.name, values, facts=facts)

    def _kept(self, netns, found) -> list:
        """(part, what) of the common parts that have something to put back onto a link that is made anew."""
        kept = [(part, part.keep(self.world.kernel, netns, found)) for part in COMMON_PARTS] if self.world.kernel is not None else []
        return [(part, what) for part, what in kept if what is not None]

    def _peer_back(self, peer, wanted=None):
        """The other end of a pair as it was, or as it is wanted."""
        netns, name, found = peer
        values = {**restorable(found.values), **(wanted.values if wanted is not None else {})}
        values = {option: value for option, value in values.items() if option in _OF_END}
        facts = {'kind': found.kind, 'port_down': self._port_down(netns, values.get('master'))}
        return [Operation(self.section, 'set', netns, name, name, values, facts=facts, provides=[('set', netns, name)], phase=Phase.LINK),
                *self.hung(netns, name, HUNG)]
