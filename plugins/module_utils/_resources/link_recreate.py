# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link that is made anew, with all that was set and hung on it."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_around import far_parent, is_fallback, place_name, shakes
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import PORTS, restorable
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_operations import HUNG, OF_PORT
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_pairs import restorable_peer
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_ports import LinkPorts
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_values import FIELD, unique_options, with_defaults

#: options whose defaults are those of what the link carries
_LAYER = ('address', 'broadcast', 'arp', 'multicast', 'txqlen')
#: what a link keeps that is made anew as one of another kind, whose MAC, MTU, flags and queues are other ones
_ANY_KIND = ('name', 'alias', 'altnames', 'group', 'master')


class LinkRecreate(LinkPorts):
    """Makes links anew."""

    def _recreate(self, one, found):
        """Delete and create with everything that was set or hung on it, then what is wanted."""
        if self._remade(one, found):
            return
        peer = self._peer_of(one.netns, found)
        self._check_recreate(one, found, peer)
        values, other_layer = self._values_anew(one, found)
        kind, end = KINDS[values['kind']], None
        if kind.paired:
            if peer is None and 'peer' not in values:
                raise InputError(f'{one.where}: cannot be made anew: its other end is in a namespace that is not known here')
            values.setdefault('peer', restorable_peer(peer) if peer is not None else None)
            end = self._end_anew(one, values['peer'], peer)
        self.remade[one.netns, one.key] = one
        self.lost.update({place: one for place in [(one.netns, one.key), *([peer[:2]] if peer is not None else [])]})
        ports, restore = self._ports(one.netns, found), self._hung_anew(one, found, values)
        recreated = Operation(self.section, 'create', one.netns, one.key, one.key, values, restorable(found.values), where=one.where, disruption=RECREATE,
                              phase=Phase.LINK, facts={'netns': one.netns, 'port_down': self._port_down(one.netns, values.get('master'))})
        old_link = self._creation(one.netns, found)
        kept = old_link.facts['kept'] = self._kept(one.netns, found)
        if kind.name == found.kind:
            recreated.facts['kept'] = kept
        delete = self._deletion(one.netns, one.key, restorable(found.values))
        delete.where, delete.disruption = one.where, RECREATE
        delete.flushes = sorted({operation.section for operation in restore} | ({'ports'} if ports else set()) | ({'peer'} if peer is not None else set()))
        delete.undo = [old_link, *self._ports_back(one.netns, one.key, found.kind, old_link.values, ports), *self._down_above(one.netns, ports),
                       *self.hung(one.netns, one.key, HUNG)]
        if peer is not None:
            peers = self._kept(peer[0], peer[2])
            delete.undo += self._peer_back(peer)
            for back in delete.undo:
                if (back.section, back.netns, back.key) == (self.section, *peer[:2]):
                    back.facts['kept'] = peers
        delete.provides = {('gone', one.netns, one.key)} | ({('gone', *peer[:2])} if peer is not None else set())
        if found.kind == 'team':
            ending = self.world.resources['teams'].ending(self.world, one.netns, one.key, one.where)
            delete.requires.add(('stopped', one.netns, one.key))
            self.out += ending
            for back in [back for operation in ending for back in operation.undo] if kind.name == 'team' else ():
                again = Operation(back.section, 'set', back.netns, back.key, back.name, {'runner': back.facts['to']['runner']}, where=one.where,
                                  phase=Phase.TEAM, facts=back.facts)
                again.requires = {('link', one.netns, one.key), *((what, one.netns, port) for port in ports for what in ('link', 'set'))}
                self.out.append(again)
        self.out.append(delete)
        recreated.provides = {('link', one.netns, one.key)}
        recreated.requires = {('gone', one.netns, one.key), *self._needs(one.netns, values)}
        recreated.undo = [self._deletion(one.netns, one.key, values)]
        self.out.append(recreated)
        if peer is not None:
            delete.undo += self._master_back(peer[0], peer[2].values.get('master'))
        if kind.paired:
            place = (peer_netns(one.netns, values['peer']), values['peer']['name'])
            recreated.provides.add(('link', *place))
            recreated.requires.add(('gone', *place))
            recreated.requires |= {('netns', place[0])} if place[0] else set()
            if end is not None:
                self._peer_anew(one, end, peers if end[:2] == (peer or ())[:2] else self._kept(end[0], end[2]), other_layer)
        self._ports_anew(one, values, ports)
        self._put_back(restore, one)
        delete.undo += self._master_back(one.netns, found.values.get('master'))
        if values.get('master') == found.values.get('master'):
            self._put_back(self._mac_back(one.netns, values.get('master')), one)

    def _remade(self, one, found) -> bool:
        """Whether a link is made anew as the other end of one that was looked at before; it can have nothing then that only who makes it can give."""
        maker = self.remade.get((one.netns, one.key))
        if maker is None:
            return False
        peer = one.values.get('peer')
        fixed = [option for option, field in FIELD.items() if field.live == RECREATE and one.values.get(option, found.get(option)) != found.get(option)]
        if fixed or one.values.get('kind') not in (None, self._kind_of(maker.netns, maker.key)) or (
                peer is not None and (peer_netns(one.netns, peer), peer['name']) != (maker.netns, maker.key)):
            reason = f'which gives it no {fixed[0]} of its own' if fixed else 'and wanted otherwise here'
            raise InputError(f"{one.where}: '{one.key}' is made anew as the other end of '{maker.key}' ({maker.where}), {reason}")
        return True

    def _end_anew(self, one, values, peer):
        """(namespace, name, FoundLink) of the live link whose place the other end of a pair that is made anew takes, if there is one; it has to go."""
        place = (peer_netns(one.netns, values), values['name'])
        self.remade[place] = one
        if peer is not None and place == peer[:2]:
            return peer
        found = self.world.links(place[0]).get(place[1])
        return (*place, found) if found is not None else None

    def _check_remade(self):
        """Refuses a new end of a pair where a link is that stays, and to lose an end that is listed and that no pair makes again."""
        for place, one in self.remade.items():
            if place not in self.lost and place not in self.deleted and self.world.links(place[0]).get(place[1]) is not None:
                raise InputError(f"{one.where}: '{one.key}' cannot be made anew with the other end '{place[1]}' in {place_name(place[0])}:"
                                 ' there is such a link, which stays')
        for place, one in self.lost.items():
            other = self.index.get(place)
            if other is not None and not other.absent and place not in self.remade:
                raise InputError(f"{one.where}: '{one.key}' cannot be made anew: its other end '{place[1]}' in {place_name(place[0])}, which goes with it,"
                                 f' is listed ({other.where})')

    def _check_recreate(self, one, found, peer):
        """Refuses what nobody can make anew, and what cannot go because of the links on it."""
        for kind in (found.kind, one.values.get('kind')):
            if kind in KINDS and not KINDS[kind].made:
                raise InputError(f"{one.where}: '{one.key}' cannot be made anew: devices of kind {kind} come with their hardware")
        if found.kind is None or is_fallback(found):
            reason = 'its driver makes it in every network namespace' if found.kind else 'it is a physical link or the loopback'
            raise InputError(f"{one.where}: '{one.key}' cannot be made anew: {reason}")
        children = [link.name + (f' in {place_name(place)}' if place != one.netns else '') for place, link in self._going(one.netns, found, peer)]
        if children:
            raise InputError(f"{one.where}: '{one.key}' cannot be made anew while {', '.join(sorted(children))} sit on it"
                             f"{'' if peer is None else ' or on its other end'}; remove them first")

    def _values_anew(self, one, found) -> tuple[dict, bool]:
        """The values that the link is to have, of what it has and what is wanted; and whether it carries another layer then, with defaults of its own."""
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
        given, had = one.values.get(kind.key, {}), found.values.get(kind.key, {})
        own = {**(had if kind.name == found.kind else {}), **given}
        if kind.resets and kind.name == found.kind:
            gone = kind.resets(given, had) - given.keys()
            own = {option: value for option, value in own.items() if option not in gone}
        merged[kind.key] = {**(kind.restorable(own) if kind.restorable else own), **given}
        if not merged[kind.key]:
            merged.pop(kind.key)
        other_layer = bool(kind.layer) and (own.get(kind.layer) or False) != (had.get(kind.layer) or False)
        if other_layer:
            merged = {option: value for option, value in merged.items() if option in one.values or option not in _LAYER}
        sentences = [kind.check(merged.get(kind.key, {})) if kind.check else None,
                     *(part.check_recreate(merged.get(kind.key, {}), found) for part in kind.parts)]
        if any(sentences):
            raise InputError(f'{one.where}: {next(filter(None, sentences))}')
        return merged if kind.name == found.kind else with_defaults(merged), other_layer

    def _hung_anew(self, one, found, values) -> list[Operation]:
        """What hung on the link and is to hang on it again: with another master, not what it had as a port."""
        hung, old = self.hung(one.netns, one.key, HUNG), restorable(found.values)
        if values.get('master') != old.get('master'):
            kinds = {self._kind_of(one.netns, its.get('master')) for its in (values, old)}
            if 'bridge' in kinds:
                hung = [back for back in hung if back.section not in OF_PORT or back.section == 'fdb' and not back.values.get('master')]
            if 'vrf' in kinds:
                hung = self._of_any_vrf(hung)
        return hung

    def _peer_anew(self, one, peer, kept, other_layer):
        """Sets the other end, which is made with the link, as it is wanted and was."""
        place, name, unused = peer
        wanted = self.index.get((place, name))
        for back in self._peer_back(peer, wanted):
            back.where, back.requires = one.where, {('link', place, name)}
            back.facts['put_back'] = back.section != self.section
            if back.section != self.section:
                back.requires.add(('set', place, name))
            else:
                back.facts['kept'] = kept
                if other_layer:
                    given = wanted.values if wanted is not None else {}
                    back.values = {option: value for option, value in back.values.items() if option in given or option not in _LAYER}
            self.out.append(back)

    def _ports_anew(self, one, values, ports):
        """Makes the ports of the link its ports again, by then with what they cannot have the same of as they are wanted."""
        for back in self._ports_back(one.netns, one.key, values['kind'], values, ports):
            back.where = one.where
            back.requires |= {('link', one.netns, one.key)}
            for option in back.values if back.phase == Phase.LINK_LATE and (one.netns, back.key) in self.index else ():
                wanted = self.index[one.netns, back.key].values.get(option, {})
                back.values[option].update({name: wanted[name] for name in unique_options(option, back.values[option]) if name in wanted})
            if back.section == self.section:
                back.requires.add(('link', one.netns, back.key))  # it may be made anew as well
            else:
                back.facts['put_back'] = True
            self.out.append(back)
        for port in ports if shakes(values['kind']) else ():
            self._rises(one, self._above(one.netns, port))
