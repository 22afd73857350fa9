# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Teams (drivers/net/team, teamd(8)): the device is a link; runner, options and ports are here."""

from __future__ import annotations

import errno
import json
import shlex

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Resource, Scope, Wanted, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.link import IFF_UP, RTM_GETLINK, RTM_NEWLINK
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import path
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.team import TeamDriver, hash_program
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import team_daemon, team_found
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_fields import (
    DECIDES, OPTION_DEFAULTS, PORT_DEFAULTS, TEAM, parse, to_config, to_port_config,
)
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_found import mode_of
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_plan import TeamPlan, restoring

#: port options that the driver keeps, by its names
_DRIVER = {'prio': 'priority', 'queue_id': 'queue_id', 'enabled': 'enabled'}

#: teamd may put a port out again that comes right after it has left, while it still works on that
_TRIES = 3


class Team(Resource):
    section, module = 'teams', 'vnet_team'
    noun = 'team'
    doc = 'teams of links'
    table = TEAM
    identity = ('name',)
    purgeable = True
    batched = False

    def parse(self, item, where):
        given = {name: value for name, value in item.items() if name not in ('netns', 'state', 'recreate') and value is not None}
        if 'name' not in given:
            raise InputError(f'{where}: name is missing')
        where = f"{where} ({given['name']})"
        values = parse(given, where)
        return [Wanted(self.section, item.get('netns'), values['name'], values, item.get('state') == 'absent', where, bool(item.get('recreate')))]

    def scope(self, item, where):
        if not item.get('name') or (item.get('ports') is None and item.get('state') != 'absent'):
            raise InputError(f'{where}: purge needs name and ports, the ports that the team is to have')
        return Scope(self.section, item.get('netns'), {'name': str(item['name'])}, where)

    def observe(self, world, netns):
        return team_found.observe(world, netns)

    def empty(self):
        return team_found.TeamTable(teamd=team_daemon.program() is not None, taken=team_daemon.taken(None, None))

    def status(self, world, netns, name: str) -> dict:
        """How a live team fares, for vnet_info: runner, active port, ports with their link and LACP partner."""
        return team_found.status(world, netns, name)

    def plan(self, wanted, scopes, world):
        return TeamPlan(self, wanted, scopes, world).operations()

    def ending(self, world, netns, name, where) -> list[Operation]:
        """What ends a live team before its device goes; taken back, the team is as it was once its device and ports are there. A bare device has none."""
        found = world.table('teams', netns).get(name)
        if found is None or not found['runner']:
            return []
        return [Operation(self.section, 'delete', netns, name, name, before=found, where=where, phase=Phase.DELETE_LINK - 1,
                          provides=[('stopped', netns, name)], undo=[restoring(world, netns, found)], facts={'implementation': found['implementation']})]

    def promises(self, wanted):
        return {(one.netns, one.key): 'team' for one in wanted if not one.absent}

    def refers(self, wanted):
        return [(wanted.netns, port) for port in wanted.values.get('ports', {})]

    def explain(self, operation, error):
        words = super().explain(operation, error)
        if error.errno == 22 and 'to' in operation.facts:
            mode = mode_of(operation.facts['to']['runner'])
            return f"{words}: this kernel may lack the mode; load it (modprobe team_mode_{mode}) or install the package with the kernel's extra modules"
        return words

    # -- acting -------------------------------------------------------------------------------------------------------

    def perform(self, operation, kernel):
        netns, facts = operation.netns, operation.facts
        if not isinstance(operation.key, tuple):
            if operation.action == 'delete':
                self._stop(kernel, netns, operation.key)
            else:
                self._bring(kernel, netns, facts)
            return
        team, port = operation.key
        if port == 'active_port' and 'active_port' in operation.values:
            self._driver(kernel, netns, team).set('activeport', kernel.index(netns, operation.values['active_port']))
        elif facts.get('enter'):
            self._enter(kernel, netns, team, port, facts)
        elif operation.action == 'delete':
            self._leave(kernel, netns, team, port, facts)
        else:
            self._change(kernel, netns, team, port, operation.values, facts)

    @staticmethod
    def _driver(kernel, netns, team) -> TeamDriver:
        return TeamDriver(kernel, netns, kernel.index(netns, team))

    @staticmethod
    def _stop(kernel, netns, team):
        daemon = team_daemon.find(kernel, netns, team)
        if daemon is not None:
            daemon.close()
            team_daemon.stop(daemon)

    def _bring(self, kernel, netns, facts):
        """Make a team that has its device and ports as facts['to'] says."""
        to, name = facts['to'], facts['to']['name']
        driver = self._driver(kernel, netns, name)
        extra = self._end_daemon(kernel, netns, name, to)
        old = driver.options()
        ports = [link['name'] for link in _links(kernel, netns) if link['master'] == driver.index]
        moved = ports if old['mode', 0] != mode_of(to['runner']) else []
        for port in moved:
            _set(kernel, netns, port, {'IFLA_MASTER': 0})
        if to['implementation'] == 'teamd':
            if not facts.get('fresh'):
                extra['hwaddr'] = _link(kernel, netns, name)['address']
            team_daemon.start(kernel, netns, name, to_config({**to, 'ports': {port: to['ports'].get(port, {}) for port in ports}}, extra))
            return
        for option, value in _driver_options(to, old):
            driver.set(option, value)
        for port in moved:
            self._enslave(kernel, netns, name, port)
        for port in ports:
            options = {**PORT_DEFAULTS, **to['ports'].get(port, {})}
            index = kernel.index(netns, port)
            driver.set('user_linkup_enabled', False, index)  # teamd's opinion of the link, if there was one
            self._port_options(driver, index, options)
        if to.get('active') in ports:
            driver.set('activeport', kernel.index(netns, to['active']))

    @staticmethod
    def _end_daemon(kernel, netns, name, to) -> dict:
        """Stop the teamd of a team, if it has one; returns those of its settings that this collection does not know."""
        daemon = team_daemon.find(kernel, netns, name)
        if daemon is None:
            return {}
        try:
            config = daemon.config()
        finally:
            daemon.close()
        team_daemon.stop(daemon)
        known = ('device', 'runner', 'link_watch', 'ports', 'notify_peers', 'mcast_rejoin', 'hwaddr')
        return {key: value for key, value in config.items() if key not in known}

    @staticmethod
    def _port_options(driver, index, options):
        for option, name in _DRIVER.items():
            if option in options:
                driver.set(name, options[option], index)

    @staticmethod
    def _enslave(kernel, netns, team, port):
        """Without teamd: the port goes down for it and comes up in the team."""
        _set(kernel, netns, port, {}, 0, IFF_UP)
        _set(kernel, netns, port, {'IFLA_MASTER': kernel.index(netns, team)})
        address = _link(kernel, netns, team)['address']
        if _link(kernel, netns, port)['address'] != address:  # some modes give it to their ports by themselves, some do not
            _set(kernel, netns, port, {'IFLA_ADDRESS': address})

    def _enter(self, kernel, netns, team, port, facts):
        options = facts.get('all', {})
        driver, index = self._driver(kernel, netns, team), kernel.index(netns, port)
        if facts['implementation'] == 'teamd':
            self._enter_daemon(kernel, netns, team, port, options)
            options = {'enabled': options['enabled']} if 'enabled' in options and facts['runner'] not in DECIDES else {}
        else:
            if facts.get('first'):
                _set(kernel, netns, team, {'IFLA_ADDRESS': _link(kernel, netns, port)['address']})
            if _link(kernel, netns, port)['master'] != driver.index:
                self._enslave(kernel, netns, team, port)
        self._port_options(driver, index, options)

    @staticmethod
    def _enter_daemon(kernel, netns, team, port, options):
        daemon = _daemon(kernel, netns, team)
        try:
            daemon.ask('PortConfigUpdate', port, json.dumps(to_port_config(options)))
            if _link(kernel, netns, port)['master'] == kernel.index(netns, team):
                daemon.ask('PortRemove', port)
            for unused in range(_TRIES):
                _set(kernel, netns, port, {}, 0, IFF_UP)
                daemon.ask('PortAdd', port)
                if daemon.takes(port, lambda: _link(kernel, netns, port)['master'] == kernel.index(netns, team)):
                    break
            else:
                raise KernelError(errno.EINVAL, f'teamd of {team} does not take the port; its log says why')
            team_daemon.write_config(team, daemon.config())
        finally:
            daemon.close()

    def _leave(self, kernel, netns, team, port, facts):
        daemon = team_daemon.find(kernel, netns, team) if facts['implementation'] == 'teamd' else None
        if _link(kernel, netns, port)['master'] != kernel.index(netns, team):
            pass  # an entry that failed is taken back
        elif daemon is not None:
            try:
                daemon.ask('PortRemove', port)
                team_daemon.write_config(team, daemon.config())
            finally:
                daemon.close()
        else:
            _set(kernel, netns, port, {'IFLA_MASTER': 0})
        back = facts.get('back', {})
        if back.get('master'):
            _set(kernel, netns, port, {'IFLA_MASTER': kernel.index(netns, back['master'])})
        if back.get('up'):
            _set(kernel, netns, port, {}, IFF_UP, IFF_UP)

    def _change(self, kernel, netns, team, port, values, facts):
        if 'address' in values:
            _set(kernel, netns, port, {'IFLA_ADDRESS': values['address']})
            return
        if facts['implementation'] == 'teamd':
            if facts.get('again'):
                self._enter_daemon(kernel, netns, team, port, facts['all'])
            else:
                daemon = _daemon(kernel, netns, team)
                try:
                    daemon.ask('PortConfigUpdate', port, json.dumps(to_port_config(facts['all'])))
                    team_daemon.write_config(team, daemon.config())
                finally:
                    daemon.close()
        self._port_options(self._driver(kernel, netns, team), kernel.index(netns, port), values)

    # -- command lines ------------------------------------------------------------------------------------------------

    def commands(self, operation):
        inside = [] if operation.netns is None else ['nsenter', '--net=' + path(operation.netns)]
        ip, facts = prefix('ip', operation.netns), operation.facts
        if not isinstance(operation.key, tuple):
            return [inside + words for words in self._team_commands(operation, facts)]
        team, port = operation.key
        if port == 'active_port' and 'active_port' in operation.values:
            # teamnl takes the number of the interface, which only the machine knows
            number = f"$(ip -o link show dev {shlex.quote(operation.values['active_port'])} | cut -d: -f1)"
            return [[*inside, 'sh', '-c', f'teamnl {shlex.quote(team)} setoption activeport {number}']]
        daemon, add = facts['implementation'] == 'teamd', []
        down = [*ip, 'link', 'set', 'dev', port, 'down']
        ask = [*inside, 'teamdctl', team, 'port']
        if operation.action == 'delete':
            return [[*ask, 'remove', port] if daemon else [*ip, 'link', 'set', 'dev', port, 'nomaster']]
        options = facts['all'] if facts.get('enter') else operation.values
        if 'address' in options:
            return [[*ip, 'link', 'set', 'dev', port, 'address', options['address']]]
        if daemon:
            update = [*ask, 'config', 'update', port, json.dumps(to_port_config(facts['all']))]
            enabled = {'enabled': options['enabled']} if 'enabled' in options else {}
            if facts.get('enter') or facts.get('again'):
                remove = [[*ask, 'remove', port]] if facts.get('again') else []
                return [update, *remove, down, [*ask, 'add', port], *self._option_commands(inside, team, port, enabled)]
            return [update, *self._option_commands(inside, team, port, {name: value for name, value in options.items() if name != 'prio'})]
        if facts.get('enter'):
            if facts.get('first') and facts.get('address'):
                add.append([*ip, 'link', 'set', 'dev', team, 'address', facts['address']])
            add += [down, [*ip, 'link', 'set', 'dev', port, 'master', team]]
            if facts.get('address'):
                add.append([*ip, 'link', 'set', 'dev', port, 'address', facts['address']])
        return add + self._option_commands(inside, team, port, options)

    @staticmethod
    def _option_commands(inside, team, port, options):
        words = {name: _word(options[option]) for option, name in _DRIVER.items() if option in options}
        return [[*inside, 'teamnl', '-p', port, *(['--'] if word.startswith('-') else []), team, 'setoption', name, word] for name, word in words.items()]

    @staticmethod
    def _team_commands(operation, facts):
        name = operation.key
        if operation.action == 'delete':
            return [['teamd', '-k', '-t', name]] if facts.get('implementation') == 'teamd' else []
        to, was = facts['to'], facts.get('was', {})
        lines = [['teamd', '-k', '-t', name]] if was.get('implementation') == 'teamd' else []
        lines += [['ip', 'link', 'set', 'dev', port, 'nomaster'] for port in facts.get('released', ())]
        if to['implementation'] == 'teamd':
            extra = {'hwaddr': facts['address']} if facts.get('address') else {}
            return lines + [['teamd', '-d', *team_daemon.arguments(name), '-c', json.dumps(to_config(to, extra))]]
        old = {('mode', 0): mode_of(was['runner']) if was.get('runner') else None}
        lines += [['teamnl', name, 'setoption', option, _word(value)] for option, value in _driver_options(to, old)]
        return lines + [['ip', 'link', 'set', 'dev', port, 'master', name] for port in facts.get('released', ())]

    # -- document -----------------------------------------------------------------------------------------------------

    def document(self, key, values, netns, world):
        if values['runner'] is None:
            return None
        item = {name: values[name] for name in ('name', 'up', 'implementation', 'runner')}
        options = {name: value for name, value in values['runner_options'].items() if value not in (None, OPTION_DEFAULTS[name])}
        if options:
            item['runner_options'] = options
        if values['link_watch']:
            item['link_watch'] = values['link_watch']
        if values['ports']:
            item['ports'] = [{'name': name, **{option: value for option, value in port.items() if value != PORT_DEFAULTS[option]}}
                             for name, port in values['ports'].items()]
        return item


def _driver_options(to: dict, old: dict):
    """(option, value) of the team itself that differ from what the driver has."""
    options = to.get('runner_options', {})
    wanted = {'mode': mode_of(to['runner'])}
    for name in ('notify_peers', 'mcast_rejoin'):
        for part, value in (options.get(name) or {}).items():
            wanted[f'{name}_{part}'] = value
    if to['runner'] == 'loadbalance':
        wanted['bpf_hash_func'] = hash_program(options.get('tx_hash') or OPTION_DEFAULTS['tx_hash'])
    return [(option, value) for option, value in wanted.items() if old.get((option, 0), 0 if option.endswith(('count', 'interval')) else None) != value]


def _word(value) -> str:
    """An option's value for teamnl."""
    if isinstance(value, bytes):
        return ''.join(f'\\{byte:02x}' for byte in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _daemon(kernel, netns, team):
    daemon = team_daemon.find(kernel, netns, team)
    if daemon is None:
        raise InputError(f"no teamd serves '{team}' any more")
    return daemon


def _set(kernel, netns, name, attrs, flags=0, change=0):
    body = messages.message(kernel).pack({'flags': flags, 'change': change}, {'IFLA_IFNAME': name, **attrs})
    failed, unused = kernel.namespaces.socket(netns).batch([Request(RTM_NEWLINK, 0, body)])
    if failed:
        raise failed[0]


def _seen(codec, data, start, end) -> dict:
    raw = codec.layout.scan(data, start + codec.size, end)
    return {'name': raw['IFLA_IFNAME'], 'address': raw.get('IFLA_ADDRESS'), 'master': raw.get('IFLA_MASTER', 0)}


def _links(kernel, netns) -> list[dict]:
    codec = messages.message(kernel)
    return [_seen(codec, *found) for found in kernel.dump(netns, RTM_GETLINK, codec.pack({}, {'IFLA_EXT_MASK': messages.SKIP_STATS}))]


def _link(kernel, netns, name) -> dict:
    codec = messages.message(kernel)
    body = codec.pack({}, {'IFLA_IFNAME': name, 'IFLA_EXT_MASK': messages.SKIP_STATS})
    failed, replies = kernel.namespaces.socket(netns).batch([Request(RTM_GETLINK, 0, body)])
    if failed:
        raise failed[0]
    data = replies[0][0][1]
    return _seen(codec, data, 0, len(data))
