# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of teams, as teamd.conf(5) has them, and between them and teamd's own configuration."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, LinkName, ListOf, Options, Text, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.team import FRAGMENTS

RUNNERS = ('activebackup', 'loadbalance', 'lacp', 'broadcast', 'roundrobin', 'random')
DEFAULT_RUNNER = 'roundrobin'
#: runners of teamd that enable and disable ports by themselves
DECIDES = ('activebackup', 'lacp', 'loadbalance')
_MS = Int(0, 0x7FFFFFFF, 'milliseconds')
_KEY = Int(0, 65535)
_KEY.spec = {**_KEY.spec, 'no_log': False}  # a number that ports share, not a secret, which Ansible guesses from its name


def _names(names) -> Enum:
    return Enum({name: place for place, name in enumerate(names)})


WATCH = Table([
    Field('name', _names(('ethtool', 'arp_ping', 'nsna_ping')), None, 'Kind of the watcher.'),
    Field('delay_up', _MS, None, 'ethtool: wait after a carrier comes.'),
    Field('delay_down', _MS, None, 'ethtool: wait after a carrier goes.'),
    Field('interval', Int(1, 0x7FFFFFFF, 'milliseconds'), None, 'Pings: pause between requests.'),
    Field('init_wait', _MS, None, 'Pings: wait before the first request.'),
    Field('missed_max', Int(0, 0x7FFFFFFF), None, 'Pings: answers missed before the port is down.'),
    Field('source_host', Text(), None, 'arp_ping: source address of the requests.'),
    Field('target_host', Text(), None, 'Pings: address that is asked.'),
    Field('validate_active', Bool(), None, 'arp_ping: count only answers on active ports.'),
    Field('validate_inactive', Bool(), None, 'arp_ping: count only answers on inactive ports.'),
    Field('vlanid', Int(0, 4095), None, 'arp_ping: VLAN that the requests are tagged with.'),
    Field('send_always', Bool(), None, 'arp_ping: ask through inactive ports too.'),
])
_PING = ('interval', 'init_wait', 'missed_max', 'target_host')
_WATCH_FITS = {
    'ethtool': ('delay_up', 'delay_down'), 'nsna_ping': _PING,
    'arp_ping': (*_PING, 'source_host', 'validate_active', 'validate_inactive', 'vlanid', 'send_always'),
}


class Watches(Type):
    """One link watcher or a list of them."""

    spec = {'type': 'raw'}
    allowed = 'a dict or a list of dicts, each with name and the keys that teamd.conf(5) has for link_watch'

    def parse(self, value):
        watches = [value] if isinstance(value, dict) else value
        if not isinstance(watches, list) or any(not isinstance(watch, dict) or 'name' not in watch for watch in watches):
            raise ValueError(self.allowed)
        return watches


REPEAT = Table([
    Field('count', Int(0, 0x7FFFFFFF), None, 'How many times. The default is V(1) for activebackup under teamd, else V(0).'),
    Field('interval', _MS, None, 'Pause between them.'),
])
BALANCER = Table([
    Field('name', _names(('basic',)), None, 'The balancer.'),
    Field('balancing_interval', Int(1, 0x7FFFFFFF, 'tenths of a second'), None, 'Pause between moves of flows.'),
])
RUNNER_OPTIONS = Table([
    Field('hwaddr_policy', _names(('same_all', 'by_active', 'only_active')), None, 'activebackup: whose MAC address the team and its ports have.'),
    Field('tx_hash', ListOf(_names(FRAGMENTS)), None, 'loadbalance, lacp: headers that decide the port of a packet.'),
    Field('tx_balancer', Options(BALANCER), None, 'loadbalance, lacp: move flows by load.'),
    Field('active', Bool(), None, 'lacp: send LACPDUs unasked.'),
    Field('fast_rate', Bool(), None, 'lacp: ask the partner for a LACPDU every second.'),
    Field('sys_prio', Int(0, 65535), None, 'lacp: system priority.'),
    Field('min_ports', Int(1, 255), None, 'lacp: ports that must be up for the team to have a carrier.'),
    Field('agg_select_policy', _names(('lacp_prio', 'lacp_prio_stable', 'bandwidth', 'count', 'port_config')), None,
          'lacp: how the aggregator is chosen.'),
    Field('notify_peers', Options(REPEAT), None, 'Gratuitous ARPs and unsolicited NAs after a port is enabled or disabled.'),
    Field('mcast_rejoin', Options(REPEAT), None, 'IGMP reports after a port is enabled or disabled.'),
])
_BALANCED, _ANY = ('tx_hash', 'tx_balancer'), ('notify_peers', 'mcast_rejoin')
_RUNNER_FITS = {
    'activebackup': ('hwaddr_policy',), 'loadbalance': _BALANCED,
    'lacp': (*_BALANCED, 'active', 'fast_rate', 'sys_prio', 'min_ports', 'agg_select_policy'),
}
PORT = Table([
    Field('name', LinkName(), None, 'Name of the port.'),
    Field('prio', Int(-0x80000000, 0x7FFFFFFF), None, 'Priority when the active port or aggregator is chosen; higher is better.'),
    Field('sticky', Bool(), None, 'The port stays active although a better one appears. Needs teamd.'),
    Field('link_watch', Watches(), None, 'Link watchers of this port beside those of the team. Needs teamd.'),
    Field('queue_id', Int(0, 65535), None, 'Transmit queue that is mapped to the port.'),
    Field('lacp_prio', Int(0, 65535), None, 'lacp: port priority, lower is better.'),
    Field('lacp_key', _KEY, None, 'lacp: only ports of the same key are aggregated.'),
    Field('enabled', Bool(), None, 'Whether the port sends and receives, for runners that do not decide it themselves.'),
])
TEAM = Table([
    Field('name', LinkName(), None, 'Name of the team device.'),
    Field('up', Bool(), None, 'Administrative state. The default is V(true).'),
    Field('runner', _names(RUNNERS), None,
          'How traffic is spread over the ports. A new team gets V(roundrobin) without it. A change on a team with ports needs O(recreate), because '
          'they have to leave for a moment. The device stays with all that is on it.'),
    Field('runner_options', Options(RUNNER_OPTIONS), None, 'Options of the runner, as in teamd.conf(5).'),
    Field('link_watch', Watches(), None, 'How the links of the ports are watched. Anything but V(ethtool) without delays needs teamd.'),
    Field('ports', ListOf(Options(PORT), ordered=True), None, 'Ports of the team. Ports that are not listed stay unless O(purge) is set.'),
    Field('implementation', _names(('auto', 'kernel', 'teamd')), None,
          'What runs the team. V(kernel) is the driver alone. In runners broadcast, roundrobin and random it passes over ports without carrier. '
          'Nothing fails over in activebackup, where the active port is chosen when a task runs, and loadbalance goes on using dead ports. '
          "V(teamd) is libteam's daemon. V(auto), the default, is teamd where the runner or an option needs it and it is installed, or where it runs the "
          'team already. Else it is the kernel.'),
])

#: what counts as said when nothing was said, from teamd.conf(5)
PORT_DEFAULTS = {'prio': 0, 'sticky': False, 'link_watch': [], 'queue_id': 0, 'lacp_prio': 255, 'lacp_key': 0, 'enabled': True}
OPTION_DEFAULTS = {
    'hwaddr_policy': 'same_all', 'tx_hash': ['eth', 'ipv4', 'ipv6'], 'tx_balancer': {}, 'active': True, 'fast_rate': False, 'sys_prio': 65535,
    'min_ports': 1, 'agg_select_policy': 'lacp_prio', 'notify_peers': {'count': 0, 'interval': 0}, 'mcast_rejoin': {'count': 0, 'interval': 0},
}
ETHTOOL = [{'name': 'ethtool'}]


# -- what a user writes ------------------------------------------------------------------------------------------------

def parse(item: dict, where: str) -> dict:
    """Canonical values; ports become {name: {option: value}}."""
    values = TEAM.parse(item, where)
    if 'runner_options' in values:
        values['runner_options'] = _nested(RUNNER_OPTIONS, values['runner_options'], f'{where}: runner_options')
    if 'link_watch' in values:
        values['link_watch'] = _watches(values['link_watch'], f'{where}: link_watch')
    if 'ports' in values:
        ports: dict = {}
        for place, one in enumerate(values['ports']):
            here = f'{where}: ports[{place}]'
            port = PORT.parse(one, here)
            if 'name' not in port:
                raise InputError(f'{here}: name is missing')
            name = port.pop('name')
            if name in ports:
                raise InputError(f"{here}: port '{name}' is listed twice")
            if name == values.get('name'):
                raise InputError(f'{here}: a team cannot be its own port')
            if 'link_watch' in port:
                port['link_watch'] = _watches(port['link_watch'], f'{here}: link_watch')
            ports[name] = port
        values['ports'] = ports
    return values


def _nested(table, values, where) -> dict:
    parsed = table.parse(values, where)
    return {name: _nested(table.by_name[name].type.table, value, f'{where}.{name}') if isinstance(table.by_name[name].type, Options) else value
            for name, value in parsed.items()}


def _watches(watches, where) -> list[dict]:
    parsed = [WATCH.parse(watch, where) for watch in watches]
    for watch in parsed:
        name = watch['name']
        for option in watch:
            if option != 'name' and option not in _WATCH_FITS[name]:
                raise InputError(f"{where}: {option} does not fit {name}, which takes {', '.join(_WATCH_FITS[name])}")
        if name != 'ethtool' and 'target_host' not in watch:
            raise InputError(f'{where}: {name} needs target_host, the address that it asks')
    return parsed


def check(values: dict, runner: str, implementation: str, where: str):
    """Refuse options that the runner, or the kernel alone, has no use for."""
    for option in values.get('runner_options', {}):
        if not fits(option, runner, 'teamd'):
            raise InputError(f'{where}: runner_options.{option} does not fit runner {runner}')
    for name, port in values.get('ports', {}).items():
        here = f"{where}: port '{name}'"
        for option in port:
            if option.startswith('lacp_') and runner != 'lacp':
                raise InputError(f'{here}: {option} needs runner lacp, not {runner}')
            if option == 'sticky' and runner not in ('activebackup', 'lacp'):
                raise InputError(f'{here}: sticky needs runner activebackup or lacp, not {runner}')
        if 'enabled' in port and implementation == 'teamd' and runner in DECIDES:
            raise InputError(f'{here}: under teamd runner {runner} decides by itself which ports are enabled; take enabled out')


def fits(option: str, runner: str, implementation: str) -> bool:
    """Whether a runner option means anything to the runner."""
    return option in _ANY or (option in _RUNNER_FITS.get(runner, ()) and (implementation == 'teamd' or option == 'tx_hash'))


def needs_daemon(values: dict, runner: str) -> str | None:
    """Which option the kernel alone cannot serve, as words for a sentence."""
    if runner == 'lacp':
        return 'runner lacp'
    options = values.get('runner_options', {})
    if options.get('tx_balancer'):
        return 'runner_options.tx_balancer'
    if options.get('hwaddr_policy', 'same_all') != 'same_all':
        return f"runner_options.hwaddr_policy {options['hwaddr_policy']}"
    if values.get('link_watch', ETHTOOL) != ETHTOOL:
        return 'link_watch'
    for name, port in values.get('ports', {}).items():
        for option in ('sticky', 'link_watch'):
            if port.get(option) and port[option] != ETHTOOL:
                return f"{option} of port '{name}'"
    return None


def profits_from_daemon(runner: str) -> bool:
    """Runners that without teamd do not react to a link that goes down."""
    return runner in ('activebackup', 'loadbalance')


# -- comparison --------------------------------------------------------------------------------------------------------

def changed_options(wanted: dict, found: dict, runner: str, implementation: str) -> dict:
    """The runner options that are not as wanted, nested ones by themselves."""
    changed: dict = {}
    for option, value in wanted.items():
        old = found.get(option, OPTION_DEFAULTS[option])
        if isinstance(value, dict):
            counted = {'count': 1} if option in _ANY and runner == 'activebackup' and implementation == 'teamd' else {}
            base = {**OPTION_DEFAULTS[option], **counted, **found.get(option, {})}
            own = {name: one for name, one in value.items() if base.get(name) != one}
            if own:
                changed[option] = own
        elif option == 'tx_hash':
            if old is None or atoms(value) != atoms(old):
                changed[option] = value
        elif value != old:
            changed[option] = value
    return changed


def atoms(fragments) -> set:
    return {atom for name in fragments for atom in FRAGMENTS[name]}


def merged(found: dict, wanted: dict) -> dict:
    """Found values with the wanted ones in their place, nested dicts by themselves."""
    result = dict(found)
    for name, value in wanted.items():
        result[name] = merged(result.get(name) or {}, value) if isinstance(value, dict) else value
    return result


# -- teamd's own configuration -----------------------------------------------------------------------------------------

def to_config(values: dict, extra: dict | None = None) -> dict:
    """teamd.conf(5) of a team; extra: top-level keys that it is to keep."""
    options = dict(values.get('runner_options') or {})
    config = {**(extra or {}), 'device': values['name'], **{name: options.pop(name) for name in _ANY if options.get(name)}}
    config['runner'] = {'name': values['runner'], **{name: value for name, value in options.items() if value not in (None, {})}}
    if values.get('link_watch'):
        config['link_watch'] = _one_or_many(values['link_watch'])
    config['ports'] = {name: to_port_config(port) for name, port in values.get('ports', {}).items()}
    return config


def to_port_config(port: dict) -> dict:
    """The configuration of a port. teamd wants a prio in each that it is to update."""
    config = {name: value for name, value in port.items() if name not in ('enabled', 'link_watch') and value != PORT_DEFAULTS[name]}
    if port.get('link_watch'):
        config['link_watch'] = _one_or_many(port['link_watch'])
    return {'prio': port.get('prio', 0), **config}


def _one_or_many(watches):
    return watches[0] if len(watches) == 1 else watches


def from_config(config: dict) -> dict:
    """Runner, options, watchers and ports of teamd's configuration, as far as this collection knows them."""
    runner = dict(config.get('runner', {}))
    values = {'runner': runner.pop('name', DEFAULT_RUNNER)}
    given = {name: value for name, value in {**runner, **{name: config[name] for name in _ANY if name in config}}.items() if name in RUNNER_OPTIONS.by_name}
    values['runner_options'] = _known(RUNNER_OPTIONS, given)
    watches = _listed(config.get('link_watch'))
    values['link_watch'] = watches
    values['ports'] = {}
    for name, port in config.get('ports', {}).items():
        own = _known(PORT, {option: value for option, value in port.items() if option in PORT_DEFAULTS and option != 'link_watch'})
        if 'link_watch' in port and (watches or _listed(port['link_watch']) != ETHTOOL):  # teamd writes in what it watches without being told
            own['link_watch'] = _listed(port['link_watch'])
        values['ports'][name] = own
    return values


def _listed(watches) -> list:
    return [watches] if isinstance(watches, dict) else watches or []


def _known(table, values) -> dict:
    try:
        return _nested(table, values, 'teamd')
    except InputError:
        return values  # written by others in a way that is not ours; shown as it is
