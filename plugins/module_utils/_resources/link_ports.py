# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of masters: what they cannot have twice, and how they and their masters become again what they were."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_around import shakes
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import PORTS, restorable
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_operations import HUNG, OF_PORT, OF_UP, LinkOperations
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_values import late_options, unique_options, without_late

_PORT_OPTIONS = frozenset(PORTS)
#: the MTU of a new link that does not sit on another one
_ETHERNET = 1500


class LinkPorts(LinkOperations):
    """What concerns the ports of masters."""

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

    def _enslave(self, netns, port, master, master_kind):
        found = self.world.links(netns)[port]
        values = {'master': master}
        for option in PORTS:
            if option in found.values and PORTS[option].name == master_kind:
                values[option] = without_late(option, restorable(found.values)[option])
        down = master_kind in KINDS and KINDS[master_kind].port_down
        if down and not found.up:  # where the master brings it up
            values['up'] = False
        return Operation(self.section, 'set', netns, port, port, values, phase=Phase.LINK,
                         facts={'kind': found.kind, 'port_down': down, 'down': down and found.up, 'up_again': down and found.up})

    def _ports_back(self, netns, name, kind, values, ports) -> list[Operation]:
        """What makes the ports of a link that was gone its ports again, as they were."""
        operations = [self._enslave(netns, port, name, kind) for port in ports]
        operations += self._late_back(netns, name, values, ports)
        sections, above = (HUNG, OF_UP) if shakes(kind) else (OF_PORT, ())
        return operations + [back for port in ports for back in (*self.hung(netns, port, sections), *self._hung_above(netns, port, above))]

    def _late_back(self, netns, name, values, ports) -> list[Operation]:
        """The late options of a link that is made anew and of its ports, set when all of them are back."""
        operations = []
        for link, its in ((name, values), *((port, restorable(self.world.links(netns)[port].values)) for port in ports)):
            late = late_options(its)
            if late:
                kind = its.get('kind')
                operations.append(Operation(self.section, 'set', netns, link, link, late, facts={'kind': kind}, phase=Phase.LINK_LATE))
        return operations

    def _master_back(self, netns, master) -> list[Operation]:
        """What makes a master what it was before its ports changed."""
        return self._mac_back(netns, master) + self._mtus_back(netns, master)

    def _mac_back(self, netns, master) -> list[Operation]:
        """What makes the MAC of a bond what it was: it draws another one when its last port goes, with which its neighbours go."""
        found = self.world.links(netns).get(master) if master else None
        if found is None or found.kind != 'bond' or len(self._ports(netns, found)) > 1 or 'address' not in found.values:
            return []
        return [Operation(self.section, 'set', netns, master, master, {'address': found.values['address']}, facts={'kind': 'bond'}),
                *self.hung(netns, master, ('neighs',))]

    def _mtus_back(self, netns, master) -> list[Operation]:
        """What widens again what sits on a bridge: a bridge is as narrow as its narrowest port, and takes them along only when it gets narrower."""
        found = self.world.links(netns).get(master) if master else None
        return [self._mtu_back(place, link) for place, link in self._above(netns, master)] if found is not None and found.kind == 'bridge' else []

    def _mtu_back(self, netns, link) -> Operation:
        return Operation(self.section, 'set', netns, link.name, link.name, {'mtu': link.values['mtu']}, facts={'kind': link.kind})
