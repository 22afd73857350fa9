# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of links: what to make, change, make anew and remove, and how to take it back. Pure."""

from __future__ import annotations

import fnmatch

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import DOWN, IN_PLACE, RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import COMMON, COMMON_PARTS, PORTS, restorable

#: resources that hang on a link and go with it, in the order in which they come back
HUNG = ('bridge_vlans', 'fdb', 'mdb', 'addresses', 'neighs', 'nexthops', 'routes', 'tc')
#: those of them that go when a port leaves its bridge
OF_PORT = ('bridge_vlans', 'fdb', 'mdb')
#: those of them that go when a link goes down
OF_UP = ('addresses', 'neighs', 'nexthops', 'routes')
#: options that say where a link is or comes from, not how it is set
_PLACE = ('name', 'kind', 'peer', 'link', 'link_netns', 'move_from')
#: options whose defaults are those of what the link carries
_LAYER = ('address', 'broadcast', 'arp', 'multicast', 'txqlen')
#: what a link keeps that is made anew as one of another kind, whose MAC, MTU, flags and queues are other ones
_ANY_KIND = ('name', 'alias', 'altnames', 'group', 'master')
_FIELD = {field.name: field for field in COMMON}
_PORT_OPTIONS = frozenset(PORTS)
_OF_PARTS = {option for part in COMMON_PARTS for option in part.options}
#: the MTU of a new link that does not sit on another one
_ETHERNET = 1500


def _place(netns):
    return f"network namespace '{netns}'" if netns else 'this network namespace'


class LinkPlan:
    """Builds the operations of all wanted links of a task."""

    def __init__(self, resource, wanted, scopes, world):
        self.resource, self.scopes, self.world = resource, scopes, world
        self.wanted = self._with_peers(wanted)
        self.index = {(one.netns, one.key): one for one in self.wanted}
        self.out: list[Operation] = []
        self.deleted: set = set()
        self.children: dict | None = None
        self.pairs: dict | None = None
        self.ports: dict = {}
        self.risen: list = []  # (wanted link that comes up, namespace and VLAN on it that is down)
        self.released: list = []  # (namespace, port, item) of VRFs that go

    def operations(self) -> list[Operation]:
        for one in self.wanted:
            if one.absent:
                self._absent(one)
            else:
                self._present(one)
        for scope in self.scopes:
            self._purge(scope)
        self._unique()
        self._keep_mtus()
        for place, port, where in self.released:
            if (place, port) not in self.deleted:
                one = Wanted(self.resource.section, place, port, {}, where=where)
                self._put_back(self._of_any_vrf(self.hung(place, port, OF_UP) + self._hung_above(place, port, OF_UP)), one)
                self._rises(one, self._above(place, port))
        for one, place, vlan in self.risen:
            wanted = self.index.get((place, vlan.name))
            goes = (place, vlan.name) in self.deleted or (wanted is not None and wanted.absent)
            if not goes and not (wanted is not None and wanted.values.get('up', 'kind' in wanted.values)):
                down, *hung = self._down_again(place, vlan)
                down.where, down.provides = one.where, {('set', place, vlan.name)}
                down.requires = {('set', one.netns, one.key), ('link', one.netns, one.key), ('link', place, vlan.name)}
                self.out.append(down)
                self._put_back(hung, Wanted(self.resource.section, place, vlan.name, {}, where=one.where))
        return self.out

    # -- desired: both ends of a pair are links of their own -------------------------------------------------------------

    def _with_peers(self, wanted):
        merged = {(one.netns, one.key): one for one in wanted}
        result = list(wanted)
        for one in wanted:
            kind = KINDS.get(one.values.get('kind', ''))
            if one.absent or kind is None or not kind.paired:
                continue
            peer = dict(one.values['peer'])
            netns = peer_netns(one.netns, peer)
            peer.pop('netns', None)
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
        return result

    def _is_peer_of_new(self, one) -> Wanted | None:
        """The wanted pair that will make this link as its other end."""
        if self.pairs is None:
            self.pairs = {}
            for place, pair in enumerate(self.wanted):
                kind = KINDS.get(pair.values.get('kind', ''))
                if not pair.absent and kind is not None and kind.paired:
                    self.pairs.setdefault((peer_netns(pair.netns, pair.values['peer']), pair.values['peer']['name']), (place, pair))
                    self.pairs.setdefault(id(pair), (place, pair))
        place, pair = self.pairs.get((one.netns, one.key), (None, None))
        if pair is None or pair is one:
            return None
        own = self.pairs.get(id(one))
        return None if own is not None and own[0] < place else pair  # both ends are listed as pairs: the first of them makes it

    # -- one link -----------------------------------------------------------------------------------------------------

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
            self._recreate(one, found, {})
            return
        values = {option: value for option, value in one.values.items() if option not in _PLACE}
        if kind is not None and 'up' not in values:
            values['up'] = True
        self._look(one, found)
        misplaced = self._misplaced(one, found)
        if misplaced:
            if not one.recreate:
                raise InputError(f'{one.where}: {misplaced}; remove it first, or set recreate: true')
            self._recreate(one, found, values)
            return
        changed, before = difference(values, found, kind)
        if 'master' in changed:  # as a port of another one it begins anew
            changed.update((option, values[option]) for option in PORTS if option in values)
        if not changed:
            return
        _complete(changed, before, values, found)
        fixed = [name for name, live in _costs(changed, kind) if live == RECREATE]
        own = KINDS.get(found.kind)
        if own is not None and own.fixed and own.key in changed:
            fixed += [f'{own.key}.{name}' for name in own.fixed(changed[own.key], found.values.get(own.key, {}))]
        if fixed:
            if not one.recreate:
                name = fixed[0]
                raise InputError(f"{one.where}: {name} is {_get(found.values, name)!r} and cannot become {_get(values, name)!r} on a live link;"
                                 ' set recreate: true to have it made anew')
            self._recreate(one, found, values)
            return
        self._check_parts(one, found)
        self._set(one, changed, before, found)

    def _missing(self, one):
        if 'move_from' in one.values:
            self._move(one)
            return
        kind = one.values.get('kind')
        made_elsewhere = self.world.promised(one.netns, one.key) if kind is None else None  # a team, by its own resource
        if made_elsewhere or self._is_peer_of_new(one) is not None:
            values = {option: value for option, value in one.values.items() if option not in _PLACE and option != kind}  # it is made with the kind's own
            facts = {'kind': kind or made_elsewhere, 'up_again': False, 'port_down': self._port_down(one.netns, values.get('master'))}
            if facts['port_down']:
                values.setdefault('up', True)
                facts['down'], facts['up_again'] = False, bool(values['up'])
            late = late_options(values)
            values = {option: without_late(option, value) if option in late else value for option, value in values.items()}
            self._emit(one, 'set', values, {}, facts=facts, undo=self._master_back(one.netns, values.get('master')))
            self._emit_late(one, facts['kind'], late, {})
            return
        if kind is None:
            raise InputError(f"{one.where}: link '{one.key}' does not exist in {_place(one.netns)} (No such device); give kind to have it made")
        if not KINDS[kind].made:
            raise InputError(f"{one.where}: '{one.key}' does not exist in {_place(one.netns)} (No such device);"
                             f' devices of kind {kind} come with their hardware')
        if KINDS[kind].parent == 'required' and 'link' not in one.values:
            raise InputError(f'{one.where}: kind {kind} needs link, the link that it sits on')
        owner = self.world.links(one.netns).owner_of(one.key)
        if owner is not None and not self._lets_go(one, owner):
            raise InputError(f"{one.where}: '{one.key}' is an alternative name of {owner} in {_place(one.netns)}; take another name, or that one away"
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

    def _lets_go(self, one, owner) -> bool:
        """Whether the name of a new link may be free by then: its owner goes, or gets other alternative names."""
        other = self.index.get((one.netns, owner))
        if other is None:
            return any(scope.netns == one.netns for scope in self.scopes)
        return other.absent or one.key not in other.values.get('altnames', [one.key])

    def _move(self, one):
        source = one.values['move_from']
        if one.key not in self.world.links(source):
            raise InputError(f"{one.where}: '{one.key}' is neither in {_place(one.netns)} nor in {_place(source)}, which move_from names")
        found = self.world.links(source)[one.key]
        back = Operation(self.resource.section, 'move', source, one.key, one.key, facts={'from': one.netns})
        undo = [back]
        if found.up:
            undo.append(Operation(self.resource.section, 'set', source, one.key, one.key, {'up': True}))
        if found.values.get('master'):
            master = self.world.links(source).get(found.values['master'])
            undo.append(self._enslave(source, one.key, found.values['master'], master.kind if master is not None else None))
        undo += self.hung(source, one.key, HUNG)
        move = Operation(self.resource.section, 'move', one.netns, one.key, one.key, {}, {}, where=one.where, disruption=DOWN,
                         flushes=['addresses', 'routes'], phase=Phase.LINK, provides=[('link', one.netns, one.key)],
                         requires=[('netns', one.netns)] if one.netns else [], undo=undo, facts={'from': source})
        self.out.append(move)
        values = {option: value for option, value in one.values.items() if option not in _PLACE}
        changed, before = difference(values, {**found.values, 'up': False, 'master': ''}, None)
        if changed:
            back = Operation(self.resource.section, 'set', one.netns, one.key, one.key, before, facts={'kind': found.kind})
            self._emit(one, 'set', changed, before, facts={'kind': found.kind, 'up_again': False}, requires=[('link', one.netns, one.key)], undo=[back])

    def _set(self, one, changed, before, found):
        kind = found.kind
        down = any(live == DOWN for unused, live in _costs(changed, kind))
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
            if KINDS[kind].anew:
                facts['known'] = undo_facts['known'] = found.values[KINDS[kind].key]
            far = far_parent(self.world, one.netns, found)
            if found.link_nsid is not None and found.link_index and 'link_netns' not in {**far, **one.values}:
                raise InputError(f"{one.where}: to change '{one.key}', say in link_netns in which namespace its outer packets are")
            facts['lower'] = undo_facts['lower'] = {'link_netns': one.netns, **far, **one.values}['link_netns']
        back = before
        if kind in KINDS and KINDS[kind].disturbed and KINDS[kind].key in changed:
            own = KINDS[kind].key
            back = {**before, own: {**KINDS[kind].disturbed(changed[own], found.values[own]), **before.get(own, {})}}
        for option, table in _tables(changed):
            if option in PORTS and changed.get('master'):
                continue
            led = {name: '' for name in changed[option] if getattr(table.by_name[name].type, 'by_index', False) and name not in back.get(option, {})}
            if led:  # to nowhere, before
                back = {**back, option: {**led, **back.get(option, {})}}
        undo = [Operation(self.resource.section, 'set', one.netns, one.key, one.key, back, changed, facts=undo_facts)]
        if kind in KINDS and KINDS[kind].key in changed and (KINDS[kind].underlay or KINDS[kind].parent):
            # the MTU follows where its packets leave, ARP the mode of an ipvlan: they do not come back by themselves
            follows = {option: found.values[option] for option in ('mtu', 'arp') if option in found.values}
            undo.append(Operation(self.resource.section, 'set', one.netns, one.key, one.key, follows, facts={'kind': kind}))
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
            undo += [Operation(self.resource.section, 'set', one.netns, one.key, one.key, its, facts={'kind': kind}) for its in (
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
        if changed:
            self._emit(one, 'set', changed, before, facts=facts, undo=undo, disruption=disruption, flushes=flushes)
        self._emit_late(one, kind, late, before, undo)
        if into_vrf:
            self._put_back(self._of_any_vrf(hung), one)
        elif facts['down'] and facts['up_again'] or disruption == IN_PLACE:
            self._put_back(hung, one)

    def _above(self, netns, name) -> list:
        """(namespace, link) of those that sit on a link, and of those on them."""
        above = self._children(netns, name)
        return above + [other for place, link in above for other in self._above(place, link.name)]

    def _down_again(self, netns, vlan) -> list[Operation]:
        """What leaves a VLAN down that comes up with the link below it, as all of them do."""
        return [Operation(self.resource.section, 'set', netns, vlan.name, vlan.name, {'up': False}, {'up': False}, facts={'kind': vlan.kind},
                          phase=Phase.LINK_LATE),
                *self.hung(netns, vlan.name, OF_UP)]

    def _rises(self, one, above):
        """Notes what comes up although it is to stay down: VLANs on a link that comes up."""
        self.risen += [(one, place, link) for place, link in above if _lies_down(link)]

    def _of_any_vrf(self, operations) -> list[Operation]:
        """What hung on a link and is to hang on it in another VRF as well; routes that nobody lists are another table's matter then."""
        return [back for back in operations if back.section in ('addresses', 'neighs') or (back.section, back.netns, back.key) in self.world.wanted]

    def _put_back(self, operations, one):
        for operation in operations:
            operation.where = one.where
            operation.requires |= {('set', one.netns, one.key), ('link', one.netns, one.key)}
            operation.facts['put_back'] = True
            self.out.append(operation)

    def _recreate(self, one, found, values):
        """Delete and create with everything that was set or hung on it, then what is wanted."""
        for kind in (found.kind, one.values.get('kind')):
            if kind in KINDS and not KINDS[kind].made:
                raise InputError(f"{one.where}: '{one.key}' cannot be made anew: devices of kind {kind} come with their hardware")
        if found.kind is None or is_fallback(found):
            reason = 'its driver makes it in every network namespace' if found.kind else 'it is a physical link or the loopback'
            raise InputError(f"{one.where}: '{one.key}' cannot be made anew: {reason}")
        self._lower_gone(one, found)
        old = restorable(found.values)
        if 'link' not in one.values and one.values.get('kind') in (None, found.kind):
            old.update(far_parent(self.world, one.netns, found))
        if one.values.get('kind') not in (None, found.kind):
            old = {option: value for option, value in old.items() if option in _ANY_KIND or option in PORTS}
        merged = {**old, **{option: value for option, value in one.values.items() if option != 'move_from'}}
        for option in PORTS:
            if merged.get('master') != old.get('master'):
                merged = {name: value for name, value in merged.items() if name != option or option in one.values}
            elif option in old and option in merged:
                merged[option] = {**old[option], **merged[option]}
        if 'kind' in one.values:
            merged['up'] = one.values.get('up', True)
        kind = KINDS[merged['kind']]
        given = one.values.get(kind.key, {})
        own = {**(found.values.get(kind.key, {}) if kind.name == found.kind else {}), **given}
        if kind.resets and kind.name == found.kind:
            gone = kind.resets(given, found.values.get(kind.key, {})) - given.keys()
            own = {option: value for option, value in own.items() if option not in gone}
        merged[kind.key] = {**(kind.restorable(own) if kind.restorable else own), **given}
        if not merged[kind.key]:
            merged.pop(kind.key)
        other_layer = kind.layer and (own.get(kind.layer) or False) != (found.values.get(kind.key, {}).get(kind.layer) or False)
        if other_layer:
            merged = {option: value for option, value in merged.items() if option in one.values or option not in _LAYER}
        sentences = [kind.check(merged.get(kind.key, {})) if kind.check else None,
                     *(part.check_recreate(merged.get(kind.key, {}), found) for part in kind.parts)]
        if any(sentences):
            raise InputError(f'{one.where}: {next(filter(None, sentences))}')
        if kind.name != found.kind:
            merged = with_defaults(merged)
        peer = None
        if kind.paired:
            peer = self._peer_of(one.netns, found)
            if peer is None and 'peer' not in merged:
                raise InputError(f'{one.where}: cannot be made anew: its other end is in a namespace that is not known here')
            if peer is not None:
                merged['peer'] = {**restorable_peer(peer), **merged.get('peer', {})}
        ports = self._ports(one.netns, found)
        restore = self.hung(one.netns, one.key, HUNG)
        if merged.get('master') != old.get('master'):
            kinds = {self._kind_of(one.netns, its.get('master')) for its in (merged, old)}
            if 'bridge' in kinds:
                restore = [back for back in restore if back.section not in OF_PORT or back.section == 'fdb' and not back.values.get('master')]
            if 'vrf' in kinds:
                restore = self._of_any_vrf(restore)
        recreated = Operation(self.resource.section, 'create', one.netns, one.key, one.key, merged,
                              facts={'netns': one.netns, 'port_down': self._port_down(one.netns, merged.get('master'))})
        old_link = self._creation(one.netns, found)
        kept = old_link.facts['kept'] = self._kept(one.netns, found)
        if kind.name == found.kind:
            recreated.facts['kept'] = kept
        delete = self._deletion(one.netns, one.key)
        delete.where, delete.disruption = one.where, RECREATE
        delete.flushes = sorted({operation.section for operation in restore} | ({'ports'} if ports else set()))
        delete.before = restorable(found.values)
        delete.undo = [old_link, *self._ports_back(one.netns, one.key, found.kind, old_link.values, ports), *self._down_above(one.netns, ports),
                       *self.hung(one.netns, one.key, HUNG)]
        if peer is not None:
            peers = self._kept(peer[0], peer[2])
            delete.undo += self._peer_back(peer)
            for back in delete.undo:
                if (back.section, back.netns, back.key) == (self.resource.section, *peer[:2]):
                    back.facts['kept'] = peers
            delete.flushes = sorted({*delete.flushes, 'peer'})
        delete.phase = Phase.DELETE_LINK
        delete.provides = {('gone', one.netns, one.key)}
        self.out.append(delete)
        recreated.where, recreated.disruption, recreated.phase = one.where, RECREATE, Phase.LINK
        recreated.before = restorable(found.values)
        recreated.provides = {('link', one.netns, one.key)}
        recreated.requires = {('gone', one.netns, one.key), *self._needs(one.netns, merged)}
        recreated.undo = [self._deletion(one.netns, one.key, merged)]
        self.out.append(recreated)
        if peer is not None:
            recreated.provides.add(('link', *peer[:2]))
            for back in self._peer_back(peer, self.index.get(peer[:2])):
                back.where = one.where
                back.requires = {('link', *peer[:2])} | ({('set', *peer[:2])} if back.section != self.resource.section else set())
                back.facts['put_back'] = back.section != self.resource.section
                if back.section == self.resource.section:
                    back.facts['kept'] = peers
                if other_layer and back.section == self.resource.section:
                    given = self.index[peer[:2]].values if peer[:2] in self.index else {}
                    back.values = {option: value for option, value in back.values.items() if option in given or option not in _LAYER}
                self.out.append(back)
        for back in self._ports_back(one.netns, one.key, kind.name, merged, ports):
            back.where = one.where
            back.requires |= {('link', one.netns, one.key)}
            for option in back.values if back.phase == Phase.LINK_LATE and (one.netns, back.key) in self.index else ():
                wanted = self.index[one.netns, back.key].values.get(option, {})
                back.values[option].update({name: wanted[name] for name in unique_options(option, back.values[option]) if name in wanted})
            if back.section == self.resource.section:
                back.requires.add(('link', one.netns, back.key))  # it may be made anew as well
            else:
                back.facts['put_back'] = True
            self.out.append(back)
        for port in ports if _shakes(kind.name) else ():
            self._rises(one, self._above(one.netns, port))
        self._put_back(restore, one)
        delete.undo += self._master_back(one.netns, found.values.get('master'))
        if merged.get('master') == found.values.get('master'):
            self._put_back(self._mac_back(one.netns, merged.get('master')), one)

    def _master_back(self, netns, master) -> list[Operation]:
        """What makes a master what it was before its ports changed."""
        return self._mac_back(netns, master) + self._mtus_back(netns, master)

    def _mac_back(self, netns, master) -> list[Operation]:
        """What makes the MAC of a bond what it was: it draws another one when its last port goes, with which its neighbours go."""
        found = self.world.links(netns).get(master) if master else None
        if found is None or found.kind != 'bond' or len(self._ports(netns, found)) > 1 or 'address' not in found.values:
            return []
        return [Operation(self.resource.section, 'set', netns, master, master, {'address': found.values['address']}, facts={'kind': 'bond'}),
                *self.hung(netns, master, ('neighs',))]

    def _mtus_back(self, netns, master) -> list[Operation]:
        """What widens again what sits on a bridge: a bridge is as narrow as its narrowest port, and takes them along only when it gets narrower."""
        found = self.world.links(netns).get(master) if master else None
        return [self._mtu_back(place, link) for place, link in self._above(netns, master)] if found is not None and found.kind == 'bridge' else []

    def _mtu_back(self, netns, link) -> Operation:
        return Operation(self.resource.section, 'set', netns, link.name, link.name, {'mtu': link.values['mtu']}, facts={'kind': link.kind})

    def _keep_mtus(self):
        """A listed bridge follows a narrower port that comes, unless it is told an MTU that it does not have: neither when it is made nor by its own MTU."""
        made = {(one.netns, one.key) for one in self.out if one.action == 'set' and 'mtu' in one.values}
        for operation in [one for one in self.out if one.values.get('master') or 'mtu' in one.values]:
            found = self.world.links(operation.netns).get(operation.key)
            now = found.values if found is not None else {}
            place = (operation.netns, operation.values.get('master') or ('mtu' in operation.values and now.get('master')))
            one = self.index.get(place)
            if one is None or place in made or self._kind_of(*place) != 'bridge' or one.values.get('mtu') is None:
                continue
            kind = KINDS.get(operation.values.get('kind'))
            own = 0 if kind is not None and (kind.underlay or kind.parent) else _ETHERNET
            if operation.values.get('mtu', now.get('mtu', own)) < one.values['mtu']:
                made.add(place)
                back = [self._mtu_back(netns, link) for netns, link in [(one.netns, self.world.links(one.netns).get(one.key))] if link is not None]
                self._emit(one, 'set', {'mtu': one.values['mtu']}, {}, facts={'kind': 'bridge'}, undo=back, phase=Phase.LINK_LATE)

    def _ports(self, netns, found) -> list[str]:
        """The names of a live link's ports."""
        if netns not in self.ports:
            self.ports[netns] = {}
            for name, link in self.world.links(netns).items():
                if link.master_index:
                    self.ports[netns].setdefault(link.master_index, []).append(name)
        return self.ports[netns].get(found.index, [])

    def _ports_back(self, netns, name, kind, values, ports) -> list[Operation]:
        """What makes the ports of a link that was gone its ports again, as they were."""
        operations = [self._enslave(netns, port, name, kind) for port in ports]
        operations += self._late_back(netns, name, values, ports)
        sections, above = (HUNG, OF_UP) if _shakes(kind) else (OF_PORT, ())
        return operations + [back for port in ports for back in (*self.hung(netns, port, sections), *self._hung_above(netns, port, above))]

    def _hung_above(self, netns, name, sections) -> list[Operation]:
        return [back for place, link in self._above(netns, name) for back in self.hung(place, link.name, sections)]

    def _down_above(self, netns, names) -> list[Operation]:
        return [back for name in names for place, link in self._above(netns, name) if _lies_down(link) for back in self._down_again(place, link)]

    def _late_back(self, netns, name, values, ports) -> list[Operation]:
        """The late options of a link that is made anew and of its ports, set when all of them are back."""
        operations = []
        for link, its in ((name, values), *((port, restorable(self.world.links(netns)[port].values)) for port in ports)):
            late = late_options(its)
            if late:
                kind = its.get('kind')
                operations.append(Operation(self.resource.section, 'set', netns, link, link, late, facts={'kind': kind}, phase=Phase.LINK_LATE))
        return operations

    def _enslave(self, netns, port, master, master_kind):
        found = self.world.links(netns)[port]
        values = {'master': master}
        for option in PORTS:
            if option in found.values and PORTS[option].name == master_kind:
                values[option] = without_late(option, restorable(found.values)[option])
        down = master_kind in KINDS and KINDS[master_kind].port_down
        if down and not found.up:  # where the master brings it up
            values['up'] = False
        return Operation(self.resource.section, 'set', netns, port, port, values, phase=Phase.LINK,
                         facts={'kind': found.kind, 'port_down': down, 'down': down and found.up, 'up_again': down and found.up})

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
            raise InputError(f"{one.where}: '{one.key}' cannot go alone: its other end '{kept.key}' in {_place(kept.netns)} is listed ({kept.where})")
        self._delete(one.netns, found, one.where)

    def _kept_peer(self, netns, found) -> Wanted | None:
        """The other end of a pair, where it is listed to stay."""
        if found.kind not in KINDS or not KINDS[found.kind].paired:
            return None
        peer = self._peer_of(netns, found)
        other = self.index.get(peer[:2]) if peer is not None else None
        return other if other is not None and not other.absent else None

    def _purge(self, scope):
        for name, found in list(self.world.links(scope.netns).items()):
            wanted = self.index.get((scope.netns, name))
            if wanted is not None or name == 'lo' or not removable(found) or is_fallback(found) or (scope.netns, name) in self.deleted:
                continue
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in scope.limits['match']) and self._kept_peer(scope.netns, found) is None:
                self._delete(scope.netns, found, scope.where)

    def _delete(self, netns, found, where):
        """Delete a link; what sits on it goes before it, by operations of its own."""
        self.deleted.add((netns, found.name))
        needs = set()
        for place, child in self._children(netns, found.name):
            if (place, child.name) not in self.deleted:
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
        peer = self._peer_of(netns, found) if found.kind in KINDS and KINDS[found.kind].paired else None
        if peer is not None:
            self.deleted.add(peer[:2])
            delete.undo += self._peer_back(peer)
            delete.facts['peer'] = peer[:2]
        # ports that go as well go first: taken back in reverse, they find their master
        delete.requires = needs | {('gone', netns, port) for port in ports}
        delete.provides = {('gone', netns, found.name)}
        self.out.append(delete)

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

    def _peer_back(self, peer, wanted=None):
        """The other end of a pair as it was, or as it is wanted."""
        netns, name, found = peer
        values = {**restorable(found.values), **(wanted.values if wanted is not None else {})}
        values = {option: value for option, value in values.items() if option not in _PLACE and option not in KINDS
                  and (option in PORTS or _FIELD[option].live != RECREATE)}
        facts = {'kind': found.kind, 'port_down': self._port_down(netns, values.get('master'))}
        return [Operation(self.resource.section, 'set', netns, name, name, values, facts=facts, provides=[('set', netns, name)], phase=Phase.LINK),
                *self.hung(netns, name, HUNG)]

    def _creation(self, netns, found) -> Operation:
        """The operation that makes a live link as it is."""
        far = far_parent(self.world, netns, found)  # by which its values have names of links there
        values = {**restorable(found.values), **far}
        kind = KINDS.get(found.kind)
        if kind is not None and kind.paired:
            peer = self._peer_of(netns, found)
            values['peer'] = restorable_peer(peer) if peer is not None else {'name': 'peer-' + found.name[:10]}
        return Operation(self.resource.section, 'create', netns, found.name, found.name, values,
                         facts={'netns': netns, 'port_down': self._port_down(netns, values.get('master'))})

    def _kept(self, netns, found) -> list:
        """(part, what) of the common parts that have something to put back onto a link that is made anew."""
        kept = [(part, part.keep(self.world.kernel, netns, found)) for part in COMMON_PARTS] if self.world.kernel is not None else []
        return [(part, what) for part, what in kept if what is not None]

    def _peer_of(self, netns, found):
        return peer_of(self.world, netns, found)

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
        asked += [(part, one.values) for part in COMMON_PARTS if any(option in one.values for option in part.options)]
        for part, values in asked:
            sentence = part.check(values, found)
            if sentence:
                raise InputError(f'{one.where}: {sentence}')

    # -- checks -------------------------------------------------------------------------------------------------------

    def _misplaced(self, one, found) -> str | None:
        """Where an existing link is that should be elsewhere: on another parent, or with another peer."""
        parent = one.values.get('link')
        if parent is not None:
            lower = one.values.get('link_netns', one.netns)
            if lower == one.netns:
                sits = found.values.get('link') in (parent, None)
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
            return f"the outer packets of '{one.key}' are not in {_place(one.values['link_netns'])}"
        if kind is not None and kind.paired:
            wanted = (peer_netns(one.netns, one.values['peer']), one.values['peer']['name'])
            self.world.links(wanted[0])
            peer = self._peer_of(one.netns, found)
            if peer is None or peer[:2] != wanted:
                shown = f"'{peer[1]}' in {_place(peer[0])}" if peer else 'in another namespace'
                return f"the other end of '{one.key}' is {shown}, not '{wanted[1]}' in {_place(wanted[0])}"
        return None

    def _leads_to(self, netns, found, lower) -> bool:
        """Whether what is below a link of `netns` is in the namespace `lower`."""
        kernel = self.world.kernel
        return kernel is None or found.link_nsid == (None if lower == netns else messages.nsid(kernel, netns, lower))

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
                raise InputError(f"{one.where}: {option} '{name}' does not exist in {_place(netns)}{gone}: No such device",
                                 failed_operation={'action': 'create', 'name': one.key, 'item': one.where}, errno=19, rolled_back=False)

    def _unique(self):
        """Refuses what two ports of a master cannot both have."""
        owners: dict = {}
        for one in self.wanted:
            for option in _PORT_OPTIONS.intersection(one.values) if not one.absent else ():
                for name in unique_options(option, one.values[option]):
                    found = self.world.links(one.netns).get(one.key)
                    master = one.values.get('master', found.values.get('master') if found is not None else None)
                    if not master or not one.values[option][name]:
                        continue
                    place = (one.netns, master, option, name)
                    if place not in owners:
                        owners[place] = self._owners(*place)
                    other = owners[place].setdefault(one.values[option][name], one.key)
                    if other != one.key:
                        raise InputError(f"{one.where}: {option}.{name} {one.values[option][name]} is that of '{other}', another port of '{master}', already")

    def _owners(self, netns, master, option, name) -> dict:
        """{value: live port of a master that has it and keeps it}."""
        found, owners = self.world.links(netns).get(master), {}
        for port in self._ports(netns, found) if found is not None else ():
            one, value = self.index.get((netns, port)), self.world.links(netns)[port].values.get(option, {}).get(name)
            values = one.values if one is not None else {}
            if value and (netns, port) not in self.deleted and values.get('master', master) == master and name not in values.get(option, ()):
                owners[value] = port
        return owners

    def _lower_gone(self, one, found):
        children = [link.name + (f' in {_place(place)}' if place != one.netns else '') for place, link in self._children(one.netns, found.name)]
        if children:
            raise InputError(f"{one.where}: '{one.key}' cannot be made anew while {', '.join(sorted(children))} sit on it; remove them first")

    def _port_down(self, netns, master) -> bool:
        """Whether a port of this master must be down when it is enslaved."""
        kind = self._kind_of(netns, master)
        return kind in KINDS and KINDS[kind].port_down

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

    def hung(self, netns, name, sections):
        """Operations that put back what hangs on a link."""
        operations = []
        for section in sections:
            if section in self.world.resources:
                operations += self.world.resources[section].hung(self.world, netns, name)
        return operations

    # -- operations ---------------------------------------------------------------------------------------------------

    def _needs(self, netns, values):
        needs = {('netns', name) for name in (netns, values.get('link_netns')) if name}
        for unused, where, name in references(netns, values):
            needs |= {('link', where, name), ('set', where, name)}
        return needs

    def _emit(self, one, action, values, before, *, facts=None, undo=(), disruption=IN_PLACE, flushes=(), phase=Phase.LINK, requires=()):
        operation = Operation(self.resource.section, action, one.netns, one.key, one.key, values, before, where=one.where, disruption=disruption,
                              flushes=flushes, phase=phase, undo=undo, facts=facts)
        if phase != Phase.LINK_LATE:  # late options follow what depends on the link; nothing waits for them
            operation.provides = {('link' if action == 'create' else 'set', one.netns, one.key)}
        operation.requires = self._needs(one.netns, values) | set(requires)
        if action == 'set':
            operation.requires.add(('link', one.netns, one.key))
        self.out.append(operation)
        return operation

    def _emit_late(self, one, kind, late, before, undo=()):
        """What is set when all links are there, and free when another one is to have it; taken back, it is free first."""
        if not late:
            return
        old = {option: {name: before.get(option, {}).get(name) for name in own} for option, own in late.items()}
        freed = {option: {name: 0 for name in unique_options(option, own)} for option, own in late.items() if unique_options(option, own)}
        back = [Operation(self.resource.section, 'set', one.netns, one.key, one.key, freed, facts={'kind': kind})] if freed and undo else []
        self._emit(one, 'set', late, old, facts={'kind': kind}, phase=Phase.LINK_LATE, undo=[*back, *undo], requires=_late_needs(one.netns, late))

    def _deletion(self, netns, name, before=None):
        return Operation(self.resource.section, 'delete', netns, name, name, before=before, phase=Phase.DELETE_LINK)


def peer_of(world, netns, found):
    """(netns, name, FoundLink) of the other end of a pair, among the namespaces that the task has looked at."""
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


def _shakes(kind) -> bool:
    """Whether a master of this kind wants its ports down for a moment (bond, team), or takes them down and up itself."""
    return kind == 'vrf' or kind in KINDS and KINDS[kind].port_down


def _lies_down(link) -> bool:
    """Whether a link is down and comes up with the one that it sits on."""
    return link.kind == 'vlan' and not link.up


def removable(found) -> bool:
    """Whether a link is not hardware."""
    return found.kind is not None and not (found.kind in KINDS and not KINDS[found.kind].made)


def is_fallback(found) -> bool:
    """Whether the driver made the link by itself."""
    return found.kind in KINDS and found.name in KINDS[found.kind].fallback


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


def restorable_peer(peer) -> dict:
    """The peer option that makes a live other end."""
    return {'name': peer[1], 'netns': peer[0] or ''}


def lower_netns(netns, values):
    """Namespace of the link below, or of the outer packets."""
    kind = KINDS.get(values.get('kind', ''))
    return values.get('link_netns', netns) if 'link' in values or (kind is not None and kind.underlay) else netns


def references(netns, values, late=False):
    """(option, netns, name) of the links that these values refer to; `late` adds those that are only looked at when all links are there."""
    lower = lower_netns(netns, values)
    if values.get('master'):
        yield 'master', netns, values['master']
    if values.get('link'):
        yield 'link', lower, values['link']
    for option, table in _tables(values):
        for name, value in values[option].items():
            field = table.by_name[name]
            if value and getattr(field.type, 'by_index', False) and (late or not field.late):
                yield f'{option}.{name}', netns if option in PORTS else lower, value


def _tables(values):
    """(option, Table) of the dicts of options among these values."""
    for option, value in values.items():
        if isinstance(value, dict) and (option in PORTS or option in KINDS):
            yield option, PORTS[option].port if option in PORTS else KINDS[option].table


def late_options(values: dict) -> dict:
    """Those nested options that can only be set when other links are in place; taking a reference away can be done at any time."""
    late = {option: {name: value for name, value in values[option].items() if table.by_name[name].late and value} for option, table in _tables(values)}
    return {option: own for option, own in late.items() if own}


def without_late(option: str, own: dict) -> dict:
    """The dict of options without its late ones."""
    late = late_options({option: own}).get(option, {})
    return {name: value for name, value in own.items() if name not in late}


def unique_options(option: str, own) -> list:
    """The names of those options of a port that no other port of its master can have the same of."""
    return [name for name in own if PORTS[option].port.by_name[name].unique] if option in PORTS else []


def _late_needs(netns, late: dict) -> list:
    return [(what, netns, name) for option, own in late.items() for key, name in own.items() if key not in unique_options(option, own)
            for what in ('link', 'set')]


def with_defaults(values: dict) -> dict:
    """Our own defaults of the kind's options, added for creation."""
    kind = KINDS[values['kind']]
    defaults = {field.name: field.default for field in kind.table if field.default is not None}
    if defaults:
        values = {**values, kind.key: {**defaults, **values.get(kind.key, {})}}
    return values


def difference(values: dict, found, kind: str | None) -> tuple[dict, dict]:
    """found: values, or a FoundLink. ({what has to change: to}, {the same: from}), nested options by themselves."""
    changed, before = {}, {}
    for option, value in values.items():
        if isinstance(value, dict) and (option in PORTS or option in KINDS):
            table = PORTS[option].port if option in PORTS else KINDS[option].table
            old = found.get(option, {})
            own = {name: one for name, one in value.items() if not table.by_name[name].equal(one, old.get(name, _nothing(one)))}
            own = {name: one for name, one in own.items() if not table.by_name[name].write_only}
            if own:
                changed[option] = own
                before[option] = {name: old.get(name, _nothing(own[name])) for name in own if old.get(name, _nothing(own[name])) is not None}
        elif found.get(option) is None and _FIELD[option].live == RECREATE:
            continue  # this kernel does not say (receive queues, without CONFIG_RPS): nothing to make a link anew for
        elif not _FIELD[option].equal(value, found.get(option)):
            narrow = getattr(_FIELD[option].type, 'narrow', lambda *both: both)
            changed[option], before[option] = narrow(value, found.get(option))
            if before[option] is None:  # nothing to go back to (addrgenmode, where IPv6 is off)
                del before[option]
    return changed, before


def _complete(changed: dict, before: dict, values: dict, found):
    """Adds to the changed options of the kind those that the kernel takes only together with them."""
    kind = KINDS.get(found.kind)
    for group in kind.whole if kind is not None and kind.key in changed else ():
        if any(name in changed[kind.key] for name in group):
            changed[kind.key] = {**{name: values[kind.key][name] for name in group if name in values[kind.key]}, **changed[kind.key]}
            before[kind.key] = {**{name: found.values[kind.key][name] for name in group if name in found.values[kind.key]}, **before[kind.key]}


def _nothing(value):
    """What an unset option reads as."""
    return {} if isinstance(value, dict) else [] if isinstance(value, list) else '' if value == '' else None


def _costs(changed: dict, kind: str | None):
    """(option, what changing it costs) of all changed options."""
    for option, value in changed.items():
        if option in PORTS:
            continue
        if isinstance(value, dict) and option in KINDS:
            for name in value:
                yield f'{option}.{name}', KINDS[option].table.by_name[name].live
        else:
            yield option, _FIELD[option].live


def _get(values: dict, path: str):
    """The value at 'option' or 'kind.option'."""
    for name in path.split('.'):
        values = values.get(name) if isinstance(values, dict) else None
    return values
