# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of teams: what to make, change and take apart. Pure."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import DOWN, IN_PLACE, RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_daemon import INSTALL
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_fields import (
    DEFAULT_RUNNER, ETHTOOL, PORT_DEFAULTS, changed_options, check, fits, merged, needs_daemon, profits_from_daemon,
)
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_found import mode_of, running

#: what goes with a port that goes down, and comes back when that is undone
_HUNG = ('addresses', 'nexthops', 'routes')
#: port options that teamd reads when a port comes, so that the port has to leave and come
_AT_ENTRY = ('sticky', 'link_watch', 'lacp_prio', 'lacp_key')


def restoring(world, netns, found) -> Operation:
    """The operation that makes a team as it was found; its device and ports are there."""
    to = {**found, 'active': getattr(world.table('teams', netns), 'active', {}).get(found['name'])}
    return Operation('teams', 'set', netns, found['name'], found['name'], {}, {}, facts={'to': to, 'fresh': False}, phase=Phase.TEAM)


class TeamPlan:
    """Builds the operations of all wanted teams of a task."""

    def __init__(self, resource, wanted, scopes, world):
        self.resource, self.wanted, self.world = resource, wanted, world
        self.purged = {(scope.netns, scope.limits['name']) for scope in scopes}
        self.out: list[Operation] = []

    def operations(self) -> list[Operation]:
        self._one_team_a_port()
        for one in self.wanted:
            (self._absent if one.absent else self._present)(one)
        return self.out

    def _one_team_a_port(self):
        owners: dict = {}
        for one in self.wanted:
            for port in one.values.get('ports', {}) if not one.absent else ():
                other = owners.setdefault((one.netns, port), one)
                if other is not one:
                    raise InputError(f"{one.where}: port '{port}' is also a port of '{other.key}' ({other.where})")

    # -- present ------------------------------------------------------------------------------------------------------

    def _present(self, one):
        world, table = self.world, self.world.table('teams', one.netns)
        link = world.links(one.netns).get(one.key)
        if link is not None and link.kind != 'team':
            raise InputError(f"{one.where}: '{one.key}' exists as {link.kind or 'a physical or unknown link'}, not team; remove it first")
        found = table.get(one.key) or {'runner': None, 'implementation': 'kernel', 'runner_options': {}, 'link_watch': [], 'ports': {}}
        runner = one.values.get('runner') or found['runner'] or DEFAULT_RUNNER
        implementation, warning = self._implementation(one, found, runner, table)
        check(one.values, runner, implementation, one.where)
        self._references(one)
        fresh = link is None and (one.netns, one.key) not in world.made
        if fresh:
            self._links(one, {'kind': 'team', 'up': one.values.get('up', True)})
        elif link is not None and link.up != one.values.get('up', True):
            self._links(one, {'up': not link.up})
        target = self._target(one, found, runner, implementation)
        changed = self._team(one, found, target, link, fresh, warning)
        self._ports(one, found, target, link, fresh, changed)

    def _implementation(self, one, found, runner, table) -> tuple[str, str]:
        """What is to run the team, and a warning if it is less than what the runner asks for."""
        asked = one.values.get('implementation', 'auto')
        teamd, need = getattr(table, 'teamd', True), needs_daemon(one.values, runner)
        if asked == 'kernel':
            if need:
                raise InputError(f'{one.where}: {need} needs teamd, not implementation kernel')
            return asked, ''
        if asked == 'auto' and found['implementation'] == 'teamd':
            return 'teamd', ''
        if asked == 'auto' and not need and not (teamd and profits_from_daemon(runner)):
            if profits_from_daemon(runner):
                return 'kernel', (f'{one.where}: without teamd nothing reacts to a link that goes down in runner {runner} until the next run of this task; '
                                  + INSTALL)
            return 'kernel', ''
        if not teamd:
            raise MissingAbility(f"{one.where}: {need or 'implementation teamd'} needs the program teamd, which is not installed: {INSTALL}")
        if one.key in getattr(table, 'taken', ()):
            raise InputError(f"{one.where}: teamd serves a '{one.key}' in another network namespace and can serve only one of that name on a machine;"
                             ' give the team another name, or set implementation: kernel')
        return 'teamd', ''

    def _target(self, one, found, runner, implementation) -> dict:
        """All of the team as it is to be, with the ports that it has already."""
        options = {name: value for name, value in merged(found['runner_options'], one.values.get('runner_options', {})).items()
                   if fits(name, runner, implementation)}
        ports = {port: merged(old, one.values.get('ports', {}).get(port, {})) for port, old in found['ports'].items()}
        return {'name': one.key, 'implementation': implementation, 'runner': runner, 'runner_options': options,
                'link_watch': one.values.get('link_watch', found['link_watch']), 'ports': ports}

    def _team(self, one, found, target, link, fresh, warning) -> bool:
        """The operation on the team itself, if one is due."""
        before = {name: found[name] for name in ('runner', 'implementation') if found[name] != target[name]}
        options = changed_options(one.values.get('runner_options', {}), found['runner_options'], target['runner'], target['implementation'])
        if options:
            before['runner_options'] = {name: found['runner_options'].get(name) for name in options}
        if (target['link_watch'] or ETHTOOL) != (found['link_watch'] or ETHTOOL):
            before['link_watch'] = found['link_watch']
        if not before:
            return False
        new = found['runner'] is None
        values = {name: options if name == 'runner_options' else target[name] for name in before}
        if new:
            values = {'name': one.key, 'runner': target['runner'], 'implementation': target['implementation'], **values}
        released = not new and mode_of(target['runner']) != mode_of(found['runner']) and bool(found['ports'])
        if released and not one.recreate:
            raise InputError(f"{one.where}: runner is {found['runner']} and cannot become {target['runner']} while the team has ports;"
                             ' set recreate: true to have them leave for a moment and come back')
        restarted = 'teamd' in (target['implementation'], found['implementation']) and bool(found['ports'])
        if new:
            undo = [Operation('teams', 'delete', one.netns, one.key, one.key)] if target['implementation'] == 'teamd' else []
        else:
            undo = [restoring(self.world, one.netns, found)]
        self.out.append(Operation(
            'teams', 'create' if new else 'set', one.netns, one.key, one.key, values, {} if new else before, where=one.where,
            disruption=RECREATE if released else DOWN if restarted else IN_PLACE, flushes=['ports'] if released else [], phase=Phase.TEAM,
            provides=[('set', one.netns, one.key)], requires=self._needs(one.netns, one.key), undo=undo,
            facts={'to': target, 'fresh': fresh, 'released': sorted(found['ports']) if released else [], 'was': found,
                   'address': link.values.get('address') if link is not None else None, 'warning': warning}))
        return True

    # -- ports --------------------------------------------------------------------------------------------------------

    def _ports(self, one, found, target, link, fresh, changed):
        wanted = one.values.get('ports', {})
        leaving = [port for port in found['ports'] if port not in wanted] if (one.netns, one.key) in self.purged else []
        facts = {'team': one.key, 'implementation': target['implementation'], 'runner': target['runner']}
        for port in leaving:
            old = found['ports'][port]
            self._port(one, 'delete', port, before={'master': one.key, **old}, facts=facts, disruption=DOWN,
                       undo=[self._port_operation(one.netns, one.key, 'set', port, old, facts={**facts, 'all': old, 'enter': True})])
        address = link.values.get('address') if link is not None else None
        chosen, coming = False, 0
        for port, options in wanted.items():
            old = found['ports'].get(port)
            if old is None:
                lower = self.world.links(one.netns).get(port)
                first = fresh and not coming
                if first and lower is not None:
                    address = lower.values.get('address')
                self._enter(one, port, options, lower, {**facts, 'first': first, 'address': address})
                chosen, coming = True, coming + 1
                continue
            difference = {name: value for name, value in options.items()
                          if value != old.get(name, PORT_DEFAULTS[name]) and not (name == 'link_watch' and target['implementation'] == 'kernel')}
            if difference and not changed:
                again = target['implementation'] == 'teamd' and any(name in _AT_ENTRY for name in difference)
                before = {name: old.get(name, PORT_DEFAULTS[name]) for name in difference}
                more = {**facts, 'all': merged(old, options), 'again': again}
                back = self._port_operation(one.netns, one.key, 'set', port, before, facts={**facts, 'all': old, 'again': again})
                self._port(one, 'set', port, difference, before, facts=more, disruption=DOWN if again else IN_PLACE, undo=[back])
            chosen = chosen or 'prio' in difference
        if target['implementation'] == 'kernel':
            self._same_address(one, found, link, leaving, facts)
        if target['implementation'] == 'kernel' and target['runner'] == 'activebackup':
            self._active(one, found, wanted, leaving, chosen)

    def _enter(self, one, port, options, lower, facts):
        """A port comes: it goes down for it, and undoing that gives it back what it had."""
        undo = []
        before = {'master': lower.values.get('master') or '', 'up': lower.up} if lower is not None else {}
        if lower is not None:
            undo = [self._port_operation(one.netns, one.key, 'delete', port, {}, facts={**facts, 'back': before})]
            for section in _HUNG:
                if section in self.world.resources:
                    undo += self.world.resources[section].hung(self.world, one.netns, port)
        used = lower is not None and lower.up
        # a change of the port rather than a creation: one that fails half-way is taken back, too
        self._port(one, 'set', port, {'master': one.key, **options}, before, facts={**facts, 'all': options, 'enter': True},
                   disruption=DOWN if used else IN_PLACE, flushes=['routes', 'IPv6 addresses'] if used else [], undo=undo,
                   requires=[('link', one.netns, port), ('set', one.netns, port)])

    def _same_address(self, one, found, link, leaving, facts):
        """Not all modes of the driver give the ports the address of the team; without it packets to the team would be lost."""
        for port in found['ports']:
            lower = self.world.links(one.netns).get(port)
            if link is None or lower is None or port in leaving or lower.values.get('address') == link.values.get('address'):
                continue
            self._port(one, 'set', port, {'address': link.values['address']}, {'address': lower.values.get('address')}, facts=facts)

    def _active(self, one, found, wanted, leaving, chosen):
        """Without teamd the active port is chosen here: the one of the highest priority among those whose link is not down."""
        ports = {port: {**PORT_DEFAULTS, **options} for port, options in
                 [*((port, merged(found['ports'].get(port, {}), options)) for port, options in wanted.items()),
                  *((port, options) for port, options in found['ports'].items() if port not in leaving and port not in wanted)]}
        if not ports:
            return
        links = self.world.links(one.netns)
        alive = {port: not (port in links and port in found['ports'] and links[port].up and not running(links[port])) for port in ports}
        best = max(ports, key=lambda port: (alive[port], ports[port]['enabled'], ports[port]['prio']))
        now = getattr(self.world.table('teams', one.netns), 'active', {}).get(one.key)
        if now in ports and (best == now or not (chosen or (alive[best] and not alive[now]))):
            return
        undo = [Operation('teams', 'set', one.netns, (one.key, 'active_port'), one.key, {'active_port': now}, facts={'team': one.key})] if now else []
        self.out.append(Operation(
            'teams', 'set', one.netns, (one.key, 'active_port'), one.key, {'active_port': best}, {'active_port': now}, where=one.where, phase=Phase.TEAM,
            requires=[*self._needs(one.netns, one.key), ('set', one.netns, one.key), ('port', one.netns, best)], undo=undo,
            facts={'team': one.key, 'follows': True}))

    def _port(self, one, action, port, values=None, before=None, *, requires=(), **more):
        operation = self._port_operation(one.netns, one.key, action, port, values, before, **more)
        operation.where = one.where
        operation.provides = {('port', one.netns, port)}
        operation.requires = {*self._needs(one.netns, one.key), ('set', one.netns, one.key), *requires}
        self.out.append(operation)

    @staticmethod
    def _port_operation(netns, team, action, port, values=None, before=None, **more) -> Operation:
        return Operation('teams', action, netns, (team, port), f'{port} of {team}', values, before, phase=Phase.TEAM, **more)

    # -- absent -------------------------------------------------------------------------------------------------------

    def _absent(self, one):
        link = self.world.links(one.netns).get(one.key)
        if link is None:
            return
        if link.kind != 'team':
            raise InputError(f"{one.where}: '{one.key}' is {link.kind or 'a physical link'}, not a team, and is left alone")
        self._links(one, {'kind': 'team'}, absent=True)  # which ends the team first

    # -- parts --------------------------------------------------------------------------------------------------------

    def _links(self, one, values, absent=False) -> list[Operation]:
        """Operations on the device itself are those of links."""
        made = self.world.resources['links'].plan(
            [Wanted('links', one.netns, one.key, {'name': one.key, **values}, absent, one.where)], [], self.world)
        self.out += made
        return made

    def _references(self, one):
        for port in one.values.get('ports', {}):
            if not self.world.has_link(one.netns, port):
                place = f"network namespace '{one.netns}'" if one.netns else 'this network namespace'
                raise InputError(f"{one.where}: port '{port}' does not exist in {place}: No such device",
                                 failed_operation={'action': 'create', 'name': port, 'item': one.where}, errno=19, rolled_back=False)

    @staticmethod
    def _needs(netns, name) -> list:
        return [('link', netns, name)] + ([('netns', netns)] if netns else [])
