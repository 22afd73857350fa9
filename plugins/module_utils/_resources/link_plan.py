# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of links: what to make, change and remove, and how to take it back. Pure."""

from __future__ import annotations

import fnmatch

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import DOWN, IN_PLACE, RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_around import far_parent, is_fallback, place_name, removable
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import COMMON_PARTS, PORTS, restorable
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_operations import HUNG, OF_PORT, OF_UP
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_recreate import LinkRecreate
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_values import (
    PLACE, complete, costs, difference, late_options, references, unique_options, value_at, values_back, with_defaults, without_late,
)

_OF_PARTS = {option for part in COMMON_PARTS for option in part.options}


class LinkPlan(LinkRecreate):
    """Builds the operations of all wanted links of a task.

    It stands on LinkRecreate, that on LinkPorts, LinkOperations and LinksAround: each uses only what is below it.
    """

    def operations(self) -> list[Operation]:
        self._names()
        for one in self.wanted:
            if not one.absent:
                self._present(one)
        for one in self.wanted:
            if one.absent:
                self._absent(one)
        for scope in self.scopes:
            self._purge(scope)
        self._check_remade()
        self._unique()
        self._keep_mtus()
        self._release()
        self._stay_down()
        return self.out

    def _present(self, one):
        found = self.world.links(one.netns).get(one.key)
        self._references(one)
        if found is None:
            self._missing(one)
            return
        if 'link_netns' in one.values:
            found.seen_from(self.world.links(one.values['link_netns']))
        else:
            far_parent(self.world, one.netns, found)
        kind = one.values.get('kind')
        if kind is not None and found.kind != kind:
            if not one.recreate:
                raise InputError(f"{one.where}: '{one.key}' exists as {found.kind or 'a physical or unknown link'}, not {kind};"
                                 ' remove it first, or set recreate: true')
            self._recreate(one, found)
            return
        values = {option: value for option, value in one.values.items() if option not in PLACE}
        if kind is not None and 'up' not in values:
            values['up'] = True
        self._look(one, found)
        misplaced = self._misplaced(one, found)
        if misplaced:
            if not one.recreate:
                raise InputError(f'{one.where}: {misplaced}; remove it first, or set recreate: true')
            self._recreate(one, found)
            return
        changed, before = difference(values, found)
        if 'master' in changed:  # as a port of another one it begins anew
            changed.update((option, values[option]) for option in PORTS if option in values)
        if not changed:
            return
        complete(changed, before, values, found)
        fixed = [name for name, live in costs(changed) if live == RECREATE]
        own = KINDS.get(found.kind)
        if own is not None and own.fixed and own.key in changed:
            fixed += [f'{own.key}.{name}' for name in own.fixed(changed[own.key], found.values.get(own.key, {}))]
        if fixed:
            if not one.recreate:
                name = fixed[0]
                raise InputError(f"{one.where}: {name} is {value_at(found.values, name)!r} and cannot become {value_at(values, name)!r} on a live link;"
                                 ' set recreate: true to have it made anew')
            self._recreate(one, found)
            return
        self._check_parts(one, found)
        self._set(one, changed, before, found)

    def _missing(self, one):
        if 'move_from' in one.values:
            self._move(one)
            return
        kind = one.values.get('kind')
        made_elsewhere = self.world.promised(one.netns, one.key) if kind is None else None  # a team, by its own resource
        if made_elsewhere or (one.netns, one.key) in self.made_by_pairs:
            values = {option: value for option, value in one.values.items() if option not in PLACE and option != kind}  # it is made with the kind's own
            facts = {'kind': kind or made_elsewhere, 'up_again': False, 'port_down': self._port_down(one.netns, values.get('master'))}
            if facts['port_down']:
                values.setdefault('up', True)
                facts['down'], facts['up_again'] = False, bool(values['up'])
            late = late_options(values)
            if late:
                values = {option: without_late(option, value) if option in late else value for option, value in values.items()}
            self._emit(one, 'set', values, {}, facts=facts, undo=self._master_back(one.netns, values.get('master')))
            self._emit_late(one, facts['kind'], late, {})
            return
        if kind is None:
            raise InputError(f"{one.where}: link '{one.key}' does not exist in {place_name(one.netns)} (No such device); give kind to have it made")
        if not KINDS[kind].made:
            raise InputError(f"{one.where}: '{one.key}' does not exist in {place_name(one.netns)} (No such device);"
                             f' devices of kind {kind} come with their hardware')
        if KINDS[kind].parent == 'required' and 'link' not in one.values:
            raise InputError(f'{one.where}: kind {kind} needs link, the link that it sits on')
        owner = self.world.links(one.netns).owner_of(one.key)
        if owner is not None and not self._lets_go(one, owner, one.key):
            raise InputError(f"{one.where}: '{one.key}' is an alternative name of {owner} in {place_name(one.netns)}; take another name, or that one away"
                             f' from {owner}')
        self._check_parts(one, None)
        values = with_defaults({'up': True, **one.values})
        facts = {'netns': one.netns, 'port_down': self._port_down(one.netns, values.get('master'))}
        create = self._emit(one, 'create', values, {}, facts=facts,
                            undo=[self._deletion(one.netns, one.key, values), *self._master_back(one.netns, values.get('master'))])
        create.provides |= {('link', one.netns, name) for name in KINDS[kind].brings(values.get(KINDS[kind].key, {}))}
        if KINDS[kind].paired:
            peer = values['peer']
            create.provides.add(('link', peer_netns(one.netns, peer), peer['name']))
            if peer.get('netns'):
                create.requires.add(('netns', peer['netns']))
        self._emit_late(one, kind, late_options(values), {})

    def _move(self, one):
        source = one.values['move_from']
        if one.key not in self.world.links(source):
            raise InputError(f"{one.where}: '{one.key}' is neither in {place_name(one.netns)} nor in {place_name(source)}, which move_from names")
        found = self.world.links(source)[one.key]
        back = Operation(self.section, 'move', source, one.key, one.key, facts={'from': one.netns})
        undo = [back]
        if found.up:
            undo.append(Operation(self.section, 'set', source, one.key, one.key, {'up': True}))
        if found.values.get('master'):
            master = self.world.links(source).get(found.values['master'])
            undo.append(self._enslave(source, one.key, found.values['master'], master.kind if master is not None else None))
        undo += self.hung(source, one.key, HUNG)
        # it goes down for it, and with it what sits on it, which stays where it is
        self._look_around(source)
        above = self._above(source, one.key)
        hung = [back for place, link in above for back in self.hung(place, link.name, OF_UP)] if found.up else []
        self._look(one, found)
        self._check_parts(one, found)
        values = {option: value for option, value in one.values.items() if option not in PLACE}
        # as a port of another one it begins anew
        changed, before = difference(values, {**{option: value for option, value in found.values.items() if option not in PORTS}, 'up': False, 'master': ''})
        undo += [self._mtu_back(place, link) for place, link in above if 'mtu' in changed and link.values['mtu'] > changed['mtu']]
        undo += [*hung, *self._down_above(source, [one.key])]
        move = Operation(self.section, 'move', one.netns, one.key, one.key, {}, {}, where=one.where, disruption=DOWN,
                         flushes=['addresses', 'routes'], phase=Phase.LINK, provides=[('link', one.netns, one.key)],
                         requires=[('netns', one.netns)] if one.netns else [], undo=undo, facts={'from': source})
        self.out.append(move)
        facts = {'kind': found.kind, 'up_again': False, 'port_down': self._port_down(one.netns, values.get('master'))}
        if facts['port_down'] and values.get('up') is False:  # the master brings it up
            changed['up'] = before['up'] = False
        late = late_options(changed)
        back = Operation(self.section, 'set', one.netns, one.key, one.key, before, facts={'kind': found.kind})
        changed = {option: own for option, own in {**changed, **{option: without_late(option, changed[option]) for option in late}}.items() if own != {}}
        if changed:
            self._emit(one, 'set', changed, before, facts=facts, requires=[('link', one.netns, one.key)],
                       undo=[back, *self._master_back(one.netns, values.get('master'))])
        self._emit_late(one, found.kind, late, before)
        if changed.get('up'):
            self._rises(one, above)
            self._put_back(hung, one)

    def _set(self, one, changed, before, found):
        kind = found.kind
        down = any(live == DOWN for unused, live in costs(changed))
        facts = {'kind': kind, 'down': False, 'up_again': False}
        if self._port_down(one.netns, changed.get('master')):
            down = facts['port_down'] = True
            if not found.up and 'up' not in changed:  # the master brings it up
                changed, before = {**changed, 'up': False}, {**before, 'up': False}
        undo_facts = {'kind': kind}
        undo_down = self._port_down(one.netns, before.get('master'))
        flushes = []
        if down and found.up:
            facts['down'] = True
            facts['up_again'] = one.values.get('up', True)
            undo_facts.update(down=True, up_again=True)
            flushes = ['routes', 'IPv6 addresses']
        elif changed.get('up') is False and found.up:
            flushes = ['routes', 'IPv6 addresses']
        if undo_down or (down and changed.get('up')):
            undo_facts.update(down=True, up_again=found.up)
        for option in changed.get(kind, ()) if kind in KINDS else ():
            for other in KINDS[kind].together.get(option, ()):
                facts.setdefault('together', {})[other] = found.values[kind].get(other)
        if kind in KINDS and KINDS[kind].underlay and KINDS[kind].key in changed:
            of_tunnel = self._facts_of_tunnel(one, found)
            facts.update(of_tunnel)
            undo_facts.update(of_tunnel)
        undo = [Operation(self.section, 'set', one.netns, one.key, one.key, values_back(changed, before, found), changed, facts=undo_facts)]
        if kind in KINDS and KINDS[kind].key in changed and (KINDS[kind].underlay or KINDS[kind].parent):
            # the MTU follows where its packets leave, ARP the mode of an ipvlan: they do not come back by themselves
            follows = {option: found.values[option] for option in ('mtu', 'arp') if option in found.values}
            undo.append(Operation(self.section, 'set', one.netns, one.key, one.key, follows, facts={'kind': kind}))
        if flushes:
            self._look_around(one.netns)
        above = self._above(one.netns, found.name)
        # VLANs go down and shrink with the link below them
        lost: tuple = OF_UP if flushes else ()
        into_vrf = found.up and 'vrf' in (self._kind_of(one.netns, changed.get('master')), self._kind_of(one.netns, before.get('master')))
        if into_vrf and not flushes:  # the kernel takes it down and up again; its routes are another table's matter then
            flushes, lost = ['routes', 'IPv6 addresses'], OF_UP
        elif not flushes and changed.keys() & {'address', 'broadcast', 'arp'}:
            lost = ('neighs',)
        hung = [back for place, link in ((one.netns, found), *above) for back in self.hung(place, link.name, lost)]
        disruption = DOWN if flushes else IN_PLACE
        if hung and not flushes:
            flushes = ['neighbours']
        undo += [self._mtu_back(place, link) for place, link in above if 'mtu' in changed and link.values['mtu'] > changed['mtu']]
        if before.get('master'):  # the settings of a port go with its master
            back = {option: own for option, own in restorable(found.values).items() if option in PORTS}
            undo += [Operation(self.section, 'set', one.netns, one.key, one.key, its, facts={'kind': kind}) for its in (
                {option: without_late(option, own) for option, own in back.items()}, late_options(back)) if its]
            undo += self.hung(one.netns, one.key, OF_PORT)
        undo += hung
        if 'vlan_default_pvid' in changed.get('bridge', ()):
            undo += [back for name in (one.key, *self._ports(one.netns, found)) for back in self.hung(one.netns, name, ('bridge_vlans',))]
        for master in dict.fromkeys((changed.get('master'), before.get('master'), found.values.get('master') if 'mtu' in changed else None)):
            undo += self._master_back(one.netns, master)
        undo += self._down_above(one.netns, [found.name])
        if facts['up_again'] or changed.get('up') or into_vrf:
            self._rises(one, above)
        if changed.get('up') and not found.up:  # taken back, it goes down, and with that goes what had been put on it while it was
            undo += self.hung(one.netns, one.key, OF_UP)
        late = late_options(changed)
        for option, own in late.items():
            freed = {name: 0 for name in unique_options(option, own) if 'master' not in changed and before[option].get(name)}
            changed = {**changed, option: {**without_late(option, changed[option]), **freed}}
        changed = {option: value for option, value in changed.items() if value != {}}
        if 'altnames' in changed:
            before = self._free_names(one, changed, before, undo)
        if changed:
            self._emit(one, 'set', changed, before, facts=facts, undo=undo, disruption=disruption, flushes=flushes)
        self._emit_late(one, kind, late, before, undo)
        if into_vrf:
            self._put_back(self._of_any_vrf(hung), one)
        elif facts['down'] and facts['up_again'] or disruption == IN_PLACE:
            self._put_back(hung, one)

    def _names(self):
        """Notes who is to have which name. Refuses an alternative one that another link has and keeps, or is to have, too."""
        for one in self.wanted:
            for name in (one.key, *one.values.get('altnames', ())) if not one.absent else ():
                other = self.names.setdefault((one.netns, name), one)
                if other is not one:
                    raise InputError(f"{one.where}: '{name}' is to be a name of '{one.key}' and of '{other.key}' ({other.where})")
        for (netns, name), one in self.names.items():
            if name == one.key:
                continue
            links = self.world.links(netns)
            owner = name if name in links else links.owner_of(name)
            if owner not in (None, one.key) and not self._lets_go(one, owner, name):
                raise InputError(f"{one.where}: altnames: '{name}' is a name of {owner} in {place_name(netns)}")

    def _free_names(self, one, changed, before, undo) -> dict:
        """Alternative names that others take are free before these take them; returns what the link has by then."""
        others = {name for name in before['altnames'] if name not in changed['altnames'] and self.names.get((one.netns, name), one) is not one}
        if not others:
            return before
        old, left = before['altnames'], [name for name in before['altnames'] if name not in others]
        undo[0].values = {**undo[0].values, 'altnames': left}
        back = Operation(self.section, 'set', one.netns, one.key, one.key, {'altnames': old}, {'altnames': left})
        free = self._emit(one, 'set', {'altnames': left}, {'altnames': old}, undo=[back])
        free.provides = {('free', one.netns, name) for name in others}
        if changed['altnames'] == left:
            del changed['altnames']
        return {**before, 'altnames': left}

    def _facts_of_tunnel(self, one, found) -> dict:
        """What has to be known of a tunnel to change its options: all of them, where a message replaces all, and where its outer packets are."""
        kind = KINDS[found.kind]
        known = {'known': found.values[kind.key]} if kind.anew else {}
        far = far_parent(self.world, one.netns, found)
        if found.link_nsid is not None and found.link_index and 'link_netns' not in {**far, **one.values}:
            raise InputError(f"{one.where}: to change '{one.key}', say in link_netns in which namespace its outer packets are")
        return {**known, 'lower': {'link_netns': one.netns, **far, **one.values}['link_netns']}

    def _absent(self, one):
        found = self.world.links(one.netns).get(one.key)
        if found is None or (one.netns, one.key) in self.deleted:
            return
        if found.index and (not removable(found) if found.kind else one.values.get('kind') is None):
            raise InputError(f"{one.where}: '{one.key}' is a physical link, which cannot be removed")
        if is_fallback(found):
            raise InputError(f"{one.where}: '{one.key}' is made by the driver in every network namespace and cannot be removed")
        if one.values.get('kind') not in (None, found.kind):
            raise InputError(f"{one.where}: '{one.key}' is of kind {found.kind}, not {one.values['kind']}, and is left alone")
        kept = self._kept_peer(one.netns, found)
        if kept is not None:
            raise InputError(f"{one.where}: '{one.key}' cannot go alone: its other end '{kept.key}' in {place_name(kept.netns)} is listed ({kept.where})")
        kept = self._kept_child(one.netns, found)
        if kept is not None:
            raise InputError(f"{one.where}: '{one.key}' cannot go: '{kept.key}' in {place_name(kept.netns)} sits on it and is listed ({kept.where})")
        self._delete(one.netns, found, one.where)

    def _purge(self, scope):
        """What listed links need stays: the other ends of pairs, what they sit on, their masters."""
        needed = {place[1:] for one in self.wanted if not one.absent for place in references(one.netns, one.values, late=True)}
        for name, found in list(self.world.links(scope.netns).items()):
            place = (scope.netns, name)
            if place in self.index or name == 'lo' or not removable(found) or is_fallback(found) or place in self.deleted or place in self.lost:
                continue
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in scope.limits['match']) or place in needed or self.world.promised(*place):
                continue
            if self._kept_peer(scope.netns, found) is None and self._kept_child(scope.netns, found) is None:
                self._delete(scope.netns, found, scope.where)

    def _kept_child(self, netns, found) -> Wanted | None:
        """A link that is listed to stay and goes with this one; not one that is made anew, elsewhere by then."""
        peer = self._peer_of(netns, found)
        for place, child in self._going(netns, found, peer):
            other = self.index.get((place, child.name))
            if other is not None and not other.absent and (place, child.name) not in self.lost:
                return other
            kept = self._kept_child(place, child)
            if kept is not None:
                return kept
        return None

    def _delete(self, netns, found, where):
        """Delete a link; what sits on it or on its other end goes before it, by operations of its own."""
        peer = self._peer_of(netns, found)
        self.deleted |= {(netns, found.name), *([peer[:2]] if peer is not None else [])}
        needs = set()
        for place, child in self._going(netns, found, peer):
            if (place, child.name) not in self.deleted and (place, child.name) not in self.lost:
                self._delete(place, child, where)
            needs.add(('gone', place, child.name))
        delete = self._deletion(netns, found.name)
        ports = self._ports(netns, found)
        if found.kind == 'vrf':
            self.released += [(netns, port, where) for port in ports]
        creation = self._creation(netns, found)
        delete.where, delete.before = where, restorable(found.values)
        delete.undo = [creation, *self._ports_back(netns, found.name, found.kind, creation.values, ports), *self._down_above(netns, ports),
                       *self.hung(netns, found.name, HUNG), *self._master_back(netns, found.values.get('master'))]
        if peer is not None:
            delete.undo += [*self._peer_back(peer), *self._master_back(peer[0], peer[2].values.get('master'))]
            delete.facts['peer'] = peer[:2]
        # ports that go as well go first: taken back in reverse, they find their master
        delete.requires = needs | {('gone', netns, port) for port in ports} | {('stopped', netns, found.name)}
        delete.provides = {('gone', netns, found.name)}
        if found.kind == 'team':
            self.out += self.world.resources['teams'].ending(self.world, netns, found.name, where)
        self.out.append(delete)

    @staticmethod
    def _look(one, found):
        """Reads the common parts that are asked for."""
        if not _OF_PARTS.isdisjoint(one.values):
            for part in COMMON_PARTS:
                if any(option in one.values for option in part.options):
                    found.look(part)

    def _check_parts(self, one, found):
        """Lets all parts refuse what is wanted of them; where a link is made anew, they are asked otherwise."""
        kind = KINDS.get(one.values.get('kind') or (found.kind if found is not None else None))
        asked = [(part, one.values[kind.key]) for part in kind.parts if kind.key in one.values] if kind is not None else []
        if not _OF_PARTS.isdisjoint(one.values):
            asked += [(part, one.values) for part in COMMON_PARTS if any(option in one.values for option in part.options)]
        for part, values in asked:
            sentence = part.check(values, found)
            if sentence:
                raise InputError(f'{one.where}: {sentence}')
