# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vnet_team: what is refused, what is planned, what teamd is told, and the programs that hash packets."""

from __future__ import annotations

import socket
import threading

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document, from_module
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import World
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.team import FRAGMENTS, fragments_of, hash_program
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import team_daemon
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_found import FoundLink, LinkTable
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_fields import from_config, to_config
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.team_found import TeamTable

TEAM = RESOURCES['teams']
UP, RUNNING = 0x1, 0x40


def link(name, index, kind=None, master=0, address='02:00:00:00:00:01', flags=UP | RUNNING):
    found = FoundLink(name, index, {'name': name, 'up': bool(flags & UP), 'address': address, 'master': '', **({'kind': kind} if kind else {})}, flags=flags)
    found.master_index = master
    return found


def live(runner='activebackup', implementation='kernel', ports=('eth1', 'eth2'), **more):
    """A world with team0."""
    values = {'name': 'team0', 'up': True, 'implementation': implementation, 'runner': runner, 'runner_options': {}, 'link_watch': [],
              'ports': {port: {'prio': 0, 'queue_id': 0, 'enabled': True} for port in ports}}
    links = [link('eth1', 1, master=9 if 'eth1' in ports else 0), link(
        'eth2', 2, master=9 if 'eth2' in ports else 0), link('eth3', 3), link('team0', 9, 'team')]
    return world(links, TeamTable({'team0': values}, active={'team0': ports[0] if ports else None}, **more))


def world(links=None, teams=None):
    links = links if links is not None else [link('eth1', 1), link('eth2', 2)]
    return World(RESOURCES, tables={('links', None): LinkTable(links), ('teams', None): teams if teams is not None else TeamTable()})


def plan(here, **options):
    return make_plan(from_module(TEAM, {'name': 'team0', **options}), here)


def brief(operations):
    return [(operation.action, operation.section, operation.name, operation.disruption) for operation in operations]


PORTS = [{'name': 'eth1', 'prio': 5}, {'name': 'eth2'}]


# -- what is refused ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('options, words', [
    ({'runner': 'fastest'}, "runner is 'fastest', but must be one of activebackup"),
    ({'runner_options': {'fast': 1}}, "runner_options: unknown option 'fast'"),
    ({'runner': 'random', 'runner_options': {'fast_rate': True}}, 'runner_options.fast_rate does not fit runner random'),
    ({'runner_options': {'notify_peers': {'count': -1}}}, 'runner_options: notify_peers: count is -1, but must be 0-'),
    ({'link_watch': 'ethtool'}, "link_watch is 'ethtool', but must be a dict or a list of dicts"),
    ({'link_watch': {'name': 'ethtool', 'interval': 3}}, 'link_watch: interval does not fit ethtool, which takes delay_up, delay_down'),
    ({'link_watch': {'name': 'arp_ping'}}, 'link_watch: arp_ping needs target_host'),
    ({'ports': [{'prio': 1}]}, r'ports\[0\]: name is missing'),
    ({'ports': [{'name': 'eth1'}, {'name': 'eth1'}]}, r"ports\[1\]: port 'eth1' is listed twice"),
    ({'ports': [{'name': 'team0'}]}, 'a team cannot be its own port'),
    ({'ports': [{'name': 'eth9'}]}, "port 'eth9' does not exist in this network namespace"),
    ({'runner': 'random', 'ports': [{'name': 'eth1', 'sticky': True}]}, "port 'eth1': sticky needs runner activebackup or lacp, not random"),
    ({'runner': 'activebackup', 'ports': [{'name': 'eth1', 'lacp_key': 1}]}, "port 'eth1': lacp_key needs runner lacp, not activebackup"),
    ({'runner': 'activebackup', 'ports': [{'name': 'eth1', 'enabled': False}]}, 'under teamd runner activebackup decides by itself'),
    ({'implementation': 'kernel', 'runner': 'lacp'}, 'runner lacp needs teamd, not implementation kernel'),
    ({'implementation': 'kernel', 'runner': 'activebackup', 'ports': [{'name': 'eth1', 'sticky': True}]}, "sticky of port 'eth1' needs teamd"),
    ({'implementation': 'kernel', 'link_watch': {'name': 'ethtool', 'delay_up': 1}}, 'link_watch needs teamd'),
    ({'purge': True}, 'purge needs name and ports'),
])
def test_refused(options, words):
    with pytest.raises(InputError, match=words):
        plan(world(), **options)


def test_port_of_two_teams():
    with pytest.raises(InputError, match="port 'eth1' is also a port of 'team0'"):
        make_plan(from_module(TEAM, {'config': [{'name': 'team0', 'ports': PORTS}, {'name': 'team1', 'ports': PORTS}]}), world())


def test_name_that_is_something_else():
    with pytest.raises(InputError, match="'team0' exists as bridge, not team; remove it first"):
        plan(world([link('team0', 9, 'bridge')]))
    with pytest.raises(InputError, match="'team0' is bridge, not a team, and is left alone"):
        plan(world([link('team0', 9, 'bridge')]), state='absent')


# -- which implementation ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize('options, teamd, chosen', [
    ({'runner': 'roundrobin'}, True, 'kernel'),
    ({'runner': 'activebackup'}, True, 'teamd'),
    ({'runner': 'activebackup', 'link_watch': {'name': 'ethtool'}}, False, 'kernel'),
    ({'runner': 'loadbalance'}, False, 'kernel'),
    ({'runner': 'lacp'}, True, 'teamd'),
    ({'runner': 'broadcast', 'link_watch': {'name': 'ethtool', 'delay_up': 5}}, True, 'teamd'),
    ({'runner': 'activebackup', 'implementation': 'kernel'}, True, 'kernel'),
    ({'runner': 'roundrobin', 'implementation': 'teamd'}, True, 'teamd'),
])
def test_auto(options, teamd, chosen):
    operations = plan(world(teams=TeamTable(teamd=teamd)), **options)
    made = next(operation for operation in operations if operation.section == 'teams')
    assert made.values['implementation'] == chosen
    less = not teamd and options['runner'] in ('activebackup', 'loadbalance')
    assert bool(made.facts['warning']) == less


@pytest.mark.parametrize('options, words', [
    ({'runner': 'lacp'}, 'runner lacp needs the program teamd, which is not installed: install libteam-utils'),
    ({'runner': 'random', 'implementation': 'teamd'}, 'implementation teamd needs the program teamd'),
    ({'runner': 'loadbalance', 'runner_options': {'tx_balancer': {'name': 'basic'}}}, 'runner_options.tx_balancer needs the program teamd'),
])
def test_teamd_is_missing(options, words):
    with pytest.raises(MissingAbility, match=words):
        plan(world(teams=TeamTable(teamd=False)), **options)


def test_teamd_serves_the_name_elsewhere():
    with pytest.raises(InputError, match="serves a 'team0' in another network namespace"):
        plan(world(teams=TeamTable(taken=['team0'])), runner='activebackup')


def test_what_teamd_runs_already_stays_with_it():
    assert plan(live(runner='roundrobin', implementation='teamd')) == []


# -- plans -------------------------------------------------------------------------------------------------------------

def test_new_team_without_teamd():
    operations = plan(world(), runner='activebackup', implementation='kernel', ports=PORTS)
    assert brief(operations) == [
        ('create', 'links', 'team0', 'in_place'), ('create', 'teams', 'team0', 'in_place'), ('set', 'teams', 'eth1 of team0', 'down'),
        ('set', 'teams', 'eth2 of team0', 'down'), ('set', 'teams', 'team0', 'in_place')]
    assert operations[-1].values == {'active_port': 'eth1'}
    assert operations[2].before == {'master': '', 'up': True} and operations[2].flushes == ['routes', 'IPv6 addresses']


def test_same_again():
    assert plan(live(), ports=[{'name': 'eth1'}, {'name': 'eth2', 'prio': 0}], runner='activebackup', implementation='kernel') == []
    assert plan(live(), implementation='kernel', link_watch=[{'name': 'ethtool'}], runner_options={'hwaddr_policy': 'same_all'}) == []


def test_only_purge_takes_ports_out():
    assert plan(live(), implementation='kernel', ports=[{'name': 'eth1'}]) == []
    operations = plan(live(), implementation='kernel', ports=[{'name': 'eth1'}], purge=True)
    assert brief(operations) == [('delete', 'teams', 'eth2 of team0', 'down')]
    assert operations[0].undo[0].facts['enter']


def test_runner_needs_recreate():
    with pytest.raises(InputError, match='runner is activebackup and cannot become random while the team has ports; set recreate: true'):
        plan(live(), implementation='kernel', runner='random')
    operations = plan(live(), implementation='kernel', runner='random', recreate=True)
    assert brief(operations) == [('set', 'teams', 'team0', 'recreate')]
    assert operations[0].flushes == ['ports'] and operations[0].undo[0].facts['to']['runner'] == 'activebackup'
    assert operations[0].undo[0].facts['to']['active'] == 'eth1'
    assert brief(plan(live(ports=()), implementation='kernel', runner='random')) == [('set', 'teams', 'team0', 'in_place')]


def test_options_of_the_old_runner_are_forgotten():
    here = live(runner='lacp', implementation='teamd')
    here.table('teams', None)['team0']['runner_options'] = {'fast_rate': True, 'tx_hash': ['eth'], 'notify_peers': {'count': 1}}
    [operation] = plan(here, runner='activebackup', recreate=True)
    assert operation.facts['to']['runner_options'] == {'notify_peers': {'count': 1}}


def test_live_changes_under_teamd():
    here = live(implementation='teamd')
    for port in here.table('teams', None)['team0']['ports'].values():
        del port['enabled']
    assert brief(plan(here, ports=[{'name': 'eth1', 'prio': 3, 'queue_id': 1}])) == [('set', 'teams', 'eth1 of team0', 'in_place')]
    assert brief(plan(here, ports=[{'name': 'eth1', 'sticky': True}])) == [('set', 'teams', 'eth1 of team0', 'down')]
    assert brief(plan(here, link_watch={'name': 'ethtool', 'delay_up': 9})) == [('set', 'teams', 'team0', 'down')]
    assert plan(here, runner_options={'notify_peers': {'count': 1}}) == []  # what teamd does in this runner without being told


@pytest.mark.parametrize('down, prios, now, best', [
    ((), {}, 'eth1', None),
    (('eth1',), {}, 'eth1', 'eth2'),
    (('eth2',), {}, 'eth1', None),
    (('eth1', 'eth2'), {}, 'eth1', None),
    ((), {'eth2': 9}, 'eth1', 'eth2'),
    (('eth2',), {'eth2': 9}, 'eth1', None),
    ((), {}, None, 'eth1'),
])
def test_active_port(down, prios, now, best):
    here = live()
    here.table('teams', None).active['team0'] = now
    for name in down:
        here.links(None)[name].flags &= ~RUNNING
    operations = plan(here, implementation='kernel', ports=[{'name': name, 'prio': prio} for name, prio in prios.items()])
    chosen = [operation.values['active_port'] for operation in operations if 'active_port' in operation.values]
    assert chosen == ([best] if best else [])


def test_absent():
    operations = plan(live(implementation='teamd'), state='absent')
    assert brief(operations) == [('delete', 'teams', 'team0', 'in_place'), ('delete', 'links', 'team0', 'in_place')]
    assert plan(world(), state='absent') == []


def test_document_in_any_order():
    document = {'links': [{'name': 'v5', 'kind': 'vlan', 'link': 'team0', 'vlan': {'id': 5}}, {'name': 'p1', 'kind': 'dummy'}, {'name': 'p2',
                                                                                                                                'kind': 'dummy',
                                                                                                                                'master': 'team0'}],
                'teams': [{'name': 'team0', 'runner': 'random', 'ports': [{'name': 'p1'}]}]}
    operations = make_plan(from_document(RESOURCES, document), world([]))
    places = {(operation.section, operation.name): place for place, operation in enumerate(operations)}
    assert places['links', 'team0'] < places['links', 'v5']
    assert places['teams', 'team0'] < places['links', 'p2'], 'the driver takes its mode only while it has no ports'
    assert max(places['teams', 'team0'], places['links', 'p1']) < places['teams', 'p1 of team0']


def test_device_of_vnet_link_is_made_once():
    document = {'links': [{'name': 'team0', 'kind': 'team', 'mtu': 1400}], 'teams': [{'name': 'team0', 'runner': 'random'}]}
    operations = make_plan(from_document(RESOURCES, document), world([]))
    assert brief(operations) == [('create', 'links', 'team0', 'in_place'), ('create', 'teams', 'team0', 'in_place')]


# -- commands ----------------------------------------------------------------------------------------------------------

def lines(operations):
    return [' '.join(words) for operation in operations for words in RESOURCES[operation.section].commands(operation)]


def test_commands():
    assert lines(plan(world(), runner='random', ports=[{'name': 'eth1', 'prio': -5, 'enabled': False}])) == [
        'ip link add name team0 type team', 'ip link set dev team0 up', 'teamnl team0 setoption mode random',
        'ip link set dev team0 address 02:00:00:00:00:01', 'ip link set dev eth1 down', 'ip link set dev eth1 master team0',
        'ip link set dev eth1 address 02:00:00:00:00:01', 'teamnl -p eth1 -- team0 setoption priority -5', 'teamnl -p eth1 team0 setoption enabled false']
    assert lines(plan(live(implementation='teamd'), state='absent')) == ['teamd -k -t team0', 'ip link del dev team0']
    assert lines(plan(live(implementation='teamd'), ports=[{'name': 'eth3', 'prio': 2}])) == [
        'teamdctl team0 port config update eth3 {"prio": 2}', 'ip link set dev eth3 down', 'teamdctl team0 port add eth3']


# -- teamd's configuration ---------------------------------------------------------------------------------------------

def test_configuration_there_and_back():
    values = {'name': 'team0', 'runner': 'lacp', 'runner_options': {'fast_rate': True, 'tx_hash': ['eth', 'l4'], 'notify_peers': {'count': 2}},
              'link_watch': [{'name': 'ethtool'}, {'name': 'nsna_ping', 'target_host': 'fe80::1'}],
              'ports': {'eth1': {'prio': 4, 'lacp_key': 7}, 'eth2': {'link_watch': [{'name': 'ethtool', 'delay_up': 3}]}}}
    config = to_config(values)
    assert config['device'] == 'team0' and config['runner'] == {'name': 'lacp', 'fast_rate': True, 'tx_hash': ['eth', 'l4']}
    assert config['notify_peers'] == {'count': 2}
    assert config['ports'] == {'eth1': {'prio': 4, 'lacp_key': 7}, 'eth2': {'prio': 0, 'link_watch': {'name': 'ethtool', 'delay_up': 3}}}
    back = from_config(config)
    assert {**back, 'ports': {**back['ports'], 'eth2': {'link_watch': back['ports']['eth2']['link_watch']}}} == {
        name: value for name, value in values.items() if name != 'name'}


def test_watcher_that_teamd_adds_by_itself():
    implicit = {'runner': {'name': 'random'}, 'ports': {'eth1': {'prio': 0, 'link_watch': {'name': 'ethtool'}}}}
    assert from_config(implicit)['ports'] == {'eth1': {'prio': 0}}
    meant = {**implicit, 'link_watch': {'name': 'arp_ping', 'target_host': '192.0.2.1'}}
    assert from_config(meant)['ports'] == {'eth1': {'prio': 0, 'link_watch': [{'name': 'ethtool'}]}}


# -- teamd's socket ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('answer, words', [
    (b'REPLY_SUCCESS\n{"a": 1}', None),
    (b'REPLY_ERROR\nNoSuchDev\nNo such device.\n', 'teamd of team0 refused PortAdd of eth1: No such device.'),
    (b'', 'teamd of team0 refused PortAdd of eth1: no answer'),
])
def test_socket(tmp_path, monkeypatch, answer, words):
    monkeypatch.setattr(team_daemon, 'RUN_DIR', str(tmp_path))
    heard = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(f'{tmp_path}/team0.sock')
        server.listen(1)

        def serve():
            connection, unused = server.accept()
            with connection:
                heard.append(connection.recv(1000))
                connection.send(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        daemon = team_daemon.connect('team0')
        try:
            if words:
                with pytest.raises(KernelError, match=words):
                    daemon.ask('PortAdd', 'eth1')
            else:
                assert daemon.ask('PortConfigUpdate', 'eth1', '{"x":\n"\\\\"}') == '{"a": 1}'
        finally:
            daemon.close()
            thread.join(5)
    assert heard == [b'REQUEST\nPortAdd\neth1\n' if words else b'REQUEST\nPortConfigUpdate\neth1\n{"x":\\n"\\\\\\\\"}\n']


def test_no_daemon(tmp_path, monkeypatch):
    monkeypatch.setattr(team_daemon, 'RUN_DIR', str(tmp_path))
    assert team_daemon.connect('team0') is None
    assert team_daemon.taken(None, None) == set()


@pytest.mark.parametrize('name, unit', [('team0', 'vnet-teamd-team0.service'), ('up-link', 'vnet-teamd-up\\x2dlink.service'), ('a@b',
                                                                                                                               'vnet-teamd-a\\x40b.service')])
def test_unit(name, unit):
    assert team_daemon.unit(name) == unit


# -- hash programs -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('fragments', [['eth'], ['vlan'], ['tcp'], ['l3', 'l4'], list(FRAGMENTS)])
def test_program_tells_its_fragments(fragments):
    atoms = {atom for name in fragments for atom in FRAGMENTS[name]}
    assert set(fragments_of(hash_program(fragments))) == atoms


def test_program_of_others():
    assert fragments_of(b'') is None
    assert fragments_of(hash_program(['eth'])[:-8]) is None
