# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base of the resources that are entries of a table: addresses, routes, neighbours, FDB entries."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import IN_PLACE, RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Resource, Scope, Wanted


class Entry(Resource):
    """An entry is there or not, and may be replaced.

    A subclass gives the table, key(), observe(), encode(), commands(), and the phases in which entries come and go.
    """

    takes_purge = True
    set_phase = unset_phase = 0
    #: the link that an entry is on: the name of its option
    on = 'dev'
    #: options whose change the kernel takes on a live entry; others need the entry to be made anew
    replaceable: tuple = ()

    def key(self, values: dict) -> tuple:
        """Identity within the namespace."""
        raise NotImplementedError

    def title(self, key: tuple) -> str:
        """The entry for people."""
        return ' '.join(str(part) for part in key if part not in (None, '', 0))

    def named(self, key: tuple, values: dict) -> str:
        """The entry for people, where more than its key is worth saying."""
        return self.title(key)

    def normal(self, values: dict, where: str) -> dict:
        """Values made complete or refused; called after the single options were checked."""
        return values

    def scoped(self, scope: Scope, key: tuple, values: dict) -> bool:
        """Whether a live entry may be purged within this scope."""
        return key[0] == scope.limits.get('dev')

    def returns(self, values: dict) -> bool:
        """Whether a live entry must be put back with its link (false for what the kernel makes by itself)."""
        return True

    def parse(self, item, where):
        given = {name: value for name, value in item.items() if name not in ('netns', 'state', 'recreate', 'purge') and value is not None}
        values = self.table.parse(given, where)
        if item.get('purge') and not any(name in values for name in self.identity if name != self.on):
            return []  # purge alone: the link keeps none
        for name in self.identity:
            if name not in values:
                raise InputError(f'{where}: {name} is missing')
        key = self.key(values)
        where = f'{where} ({self.named(key, values)})'
        values = self.normal(values, where)
        return [Wanted(self.section, item.get('netns'), self.key(values), values, item.get('state') == 'absent', where)]

    def scope(self, item, where):
        if not item.get(self.on):
            raise InputError(f'{where}: purge needs {self.on}')
        return Scope(self.section, item.get('netns'), {'dev': self.table.by_name[self.on].parse(item[self.on], where)}, where)

    # -- plan ---------------------------------------------------------------------------------------------------------

    def plan(self, wanted, scopes, world):
        operations = []
        for one in wanted:
            found = self.find(self.present(world, one.netns), one)
            if one.absent:
                if found is not None:
                    operations.append(self.deletion(one.netns, one.key, found, one.where))
                continue
            device = one.values.get(self.on)
            if device and not world.has_link(one.netns, device):
                raise InputError(f"{one.where}: {self.on} '{device}' does not exist: No such device", errno=19, rolled_back=False)
            if found is None:
                operations.append(self.creation(one.netns, one.key, one.values, one.where))
                continue
            changed = {name: value for name, value in one.values.items() if not self.same(name, value, found)}
            if changed:
                operations += self.replacement(one, changed, found)
        keep = {(one.netns, one.key) for one in wanted if not one.absent} if scopes else ()
        gone = {(operation.netns, operation.key) for operation in operations if operation.action == 'delete'}
        for scope in scopes:
            for key, values in self.near(world, scope):
                place = (scope.netns, key)
                if place not in keep and place not in gone and self.scoped(scope, key, values):
                    gone.add(place)
                    operations.append(self.deletion(scope.netns, key, values, scope.where))
        return operations

    def present(self, world, netns) -> dict:
        """Those of the live entries that are still there when all links of the plan are."""
        return world.table(self.section, netns)

    def near(self, world, scope: Scope):
        """(key, values) of live entries, among them all that a scope is about."""
        return self.present(world, scope.netns).items()

    def find(self, table, one):
        """The live entry of a wanted one."""
        return table.get(one.key)

    def same(self, name: str, value, found: dict) -> bool:
        return name in self.identity or self.table.by_name[name].equal(value, found.get(name))

    def merged(self, found: dict, values: dict) -> dict:
        """A live entry with what is wanted of it; what is not given stays."""
        return {**found, **values}

    def replacement(self, one, changed, found) -> list[Operation]:
        """Change a live entry: by one message where the kernel can, else by removing and making it."""
        merged = self.merged(found, one.values)
        if all(name in self.replaceable for name in changed):
            back = Operation(self.section, 'set', one.netns, one.key, self.named(one.key, found), found, merged)
            return [Operation(self.section, 'set', one.netns, one.key, self.named(one.key, merged), merged, found, where=one.where, disruption=IN_PLACE,
                              phase=self.set_phase, undo=[back], requires=self.needs(one.netns, one.values))]
        delete = self.deletion(one.netns, one.key, found, one.where)
        create = self.creation(one.netns, one.key, merged, one.where)
        delete.disruption = create.disruption = RECREATE
        create.before = found
        gone = ('gone', one.netns, (self.section, one.key))
        delete.provides.add(gone)
        create.requires.add(gone)
        return [delete, create]

    def needs(self, netns, values) -> set:
        needs = {('netns', netns)} if netns else set()
        device = values.get(self.on)
        if device:
            needs |= {('link', netns, device), ('set', netns, device)}
        return needs

    def creation(self, netns, key, values, where='') -> Operation:
        return Operation(self.section, 'create', netns, key, self.named(key, values), values, where=where, phase=self.set_phase,
                         requires=self.needs(netns, values),
                         undo=[Operation(self.section, 'delete', netns, key, self.named(key, values), before=values)])

    def deletion(self, netns, key, found, where='') -> Operation:
        return Operation(self.section, 'delete', netns, key, self.named(key, found), before=found, where=where, phase=self.unset_phase,
                         undo=[Operation(self.section, 'create', netns, key, self.named(key, found), found)])

    def devices(self, values: dict) -> set:
        """Names of the links that an entry is on or leads to."""
        return {values.get(self.on)}

    def standing(self, world, netns, name) -> list:
        """(key, values) of the live entries that go with a link."""
        found = world.standing.get((self.section, netns))
        if found is None:
            found = world.standing[self.section, netns] = {}
            for key, values in world.table(self.section, netns).items():
                for device in self.devices(values):
                    found.setdefault(device, []).append((key, values))
        return found.get(name, [])

    def hung(self, world, netns, name):
        return [self.creation(netns, key, values) for key, values in self.standing(world, netns, name)
                if self.returns(values) or (self.section, netns, key) in world.wanted]

    def document(self, key, values, netns, world):
        return dict(values) if self.returns(values) else None
