# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Teams as they live: the driver's options, and what their teamd says."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.team import NO_MODE, TeamDriver, fragments_of
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import team_daemon
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_fields import DECIDES, from_config

#: mode of the driver, where the runner has another name
_MODES = {'lacp': 'loadbalance'}
_IFF_RUNNING = 0x40


def running(link) -> bool:
    """Whether a link is up and has a carrier."""
    return bool(link.flags & _IFF_RUNNING)


def mode_of(runner: str) -> str:
    return _MODES.get(runner, runner)


class TeamTable(dict):
    """{name: values} of one namespace; the values have the shape of the options, with ports as {name: options}.

    teamd   the daemon is installed
    taken   names that teamd serves in other namespaces
    active  {name: active port} of teams in mode activebackup
    """

    def __init__(self, teams=(), teamd: bool = True, taken=(), active=None):
        super().__init__(teams)
        self.teamd, self.taken, self.active = teamd, set(taken), active or {}


def observe(world, netns) -> TeamTable:
    kernel, links = world.kernel, world.links(netns)
    table = TeamTable(teamd=team_daemon.program() is not None, taken=team_daemon.taken(kernel, netns))
    for name, link in links.items():
        if link.kind == 'team':
            table[name], table.active[name] = _read(kernel, netns, link, links)
    return table


def _read(kernel, netns, link, links):
    """(values, active port or None) of one team."""
    options = TeamDriver(kernel, netns, link.index).options()
    values = {'name': link.name, 'up': link.up, **driver_values(options)}
    members = {port.name: port.index for port in links.values() if port.master_index == link.index}
    values['ports'] = {name: driver_port(options, index) for name, index in members.items()}
    daemon = team_daemon.find(kernel, netns, link.name)
    if daemon is not None:
        try:
            told = from_config(daemon.config())
        finally:
            daemon.close()
        if told['runner'] in DECIDES:
            for port in values['ports'].values():
                del port['enabled']
        ports = {name: {**told['ports'].get(name, {}), **port} for name, port in values['ports'].items()}
        values = {**values, **told, 'ports': ports, 'implementation': 'teamd'}
    active = options.get(('activeport', 0))
    return values, next((name for name, index in members.items() if index == active), None)


def driver_values(options: dict) -> dict:
    """The options of the team itself, of a team without teamd."""
    mode = options['mode', 0]
    repeats = {name: {part: options.get((f'{name}_{part}', 0), 0) for part in ('count', 'interval')} for name in ('notify_peers', 'mcast_rejoin')}
    values = {'implementation': 'kernel', 'runner': None if mode == NO_MODE else mode, 'link_watch': [], 'runner_options': repeats}
    if mode == 'loadbalance':
        values['runner_options']['tx_hash'] = fragments_of(options.get(('bpf_hash_func', 0), b''))
    return values


def driver_port(options: dict, index: int) -> dict:
    return {'prio': options.get(('priority', index), 0), 'queue_id': options.get(('queue_id', index), 0), 'enabled': options.get(('enabled', index), True)}


def status(world, netns, name: str) -> dict:
    """How a team fares: runner, implementation, active port, and by port whether its link is up, whether it is used, and its LACP partner."""
    links = world.links(netns)
    values = world.table('teams', netns)[name]
    active = world.table('teams', netns).active.get(name)
    found = {'runner': values['runner'], 'implementation': values['implementation'], 'active_port': active, 'ports': {}}
    daemon = team_daemon.find(world.kernel, netns, name)
    if daemon is None:
        for port in values['ports']:
            found['ports'][port] = {'up': running(links[port]), 'enabled': values['ports'][port]['enabled']}
        return found
    try:
        state = daemon.state()
    finally:
        daemon.close()
    found['active_port'] = state.get('runner', {}).get('active_port') or None
    for port, told in state.get('ports', {}).items():
        one = {'up': told.get('link_watches', {}).get('up', told.get('link', {}).get('up')),
               'speed': told.get('link', {}).get('speed'), 'duplex': told.get('link', {}).get('duplex')}
        runner = told.get('runner', {})
        if 'partner_lacpdu_info' in runner:
            one.update(state=runner.get('state'), selected=runner.get('selected'), aggregator=runner.get('aggregator', {}).get('id'),
                       actor=runner.get('actor_lacpdu_info'), partner=runner['partner_lacpdu_info'])
        found['ports'][port] = one
    return found
