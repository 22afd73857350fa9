# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vnet_team against ip, teamnl and teamd: the same options in the driver, the same configuration in teamd, and packets that go on."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import setns
from module import ModuleFailed, run_module

pytestmark = pytest.mark.skipif(not shutil.which('teamd'), reason='needs teamd, teamnl and teamdctl (package libteam-utils)')
PORTS = ['eth1', 'eth2']
DUMMIES = ['ip link add eth1 address 02:00:00:00:00:01 type dummy', 'ip link add eth2 address 02:00:00:00:00:02 type dummy',
           *(f'ip link set {port} {state}' for port in PORTS for state in ('up', 'down'))]  # a link that was never up has another queueing discipline
#: numbers that count and change by themselves, and opinions on links that only teamd has
PASSING = ('lb_', 'user_linkup')


@contextlib.contextmanager
def inside(namespace):
    home = os.open('/proc/self/ns/net', os.O_RDONLY)
    with open(namespace.file) as there:
        setns(there.fileno())
    try:
        yield
    finally:
        setns(home)
        os.close(home)


def run(namespace, *words: str) -> str:
    with inside(namespace):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert not done.returncode, (words, done.stdout, done.stderr)
    return done.stdout


def driver(namespace, team: str = 'team0') -> list[str]:
    """What teamnl prints, with the name of the active port instead of its number."""
    lines = sorted(line.strip('* ') for line in run(namespace, 'teamnl', team, 'options').splitlines())
    names = {str(link['ifindex']): link['ifname'] for link in namespace.json('ip link')[0]}
    return [f'activeport {names.get(line.split()[1])}' if line.startswith('activeport') else line for line in lines if not line.startswith(PASSING)]


def active(namespace, team: str = 'team0') -> str:
    return next(line.split()[1] for line in driver(namespace, team) if line.startswith('activeport'))


def state(namespace, team: str = 'team0') -> dict:
    return json.loads(run(namespace, 'teamdctl', team, 'state', 'dump'))


def config(namespace, team: str = 'team0') -> dict:
    return json.loads(run(namespace, 'teamdctl', team, 'config', 'dump', 'actual'))


def until(condition, seconds: float = 10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'not reached within {seconds} seconds'
        time.sleep(0.05)


def pids() -> list[int]:
    return [int(word) for word in subprocess.run(['pidof', 'teamd'], capture_output=True, text=True, check=False).stdout.split()]


@pytest.fixture(autouse=True)
def no_daemon_left():
    yield
    for pid in pids():  # this kernel is the test's own
        os.kill(pid, signal.SIGKILL)
    until(lambda: not pids())
    shutil.rmtree('/run/teamd', ignore_errors=True)


@pytest.fixture
def wires(pair):
    """eth1 and eth2 of `ours`, each wired to the one of `theirs`."""
    for number in (1, 2):
        pair.ours.ip(f'link add eth{number} address 02:00:00:00:00:0{number} type veth'
                     f' peer eth{number} address 02:00:00:00:01:0{number} netns {pair.theirs.name}')
    return pair


def team(pair, **options) -> dict:
    """Runs the task in check mode, for real, and again: the plan holds, and the second run changes nothing."""
    planned = pair.module('vnet_team', check=True, **options)
    done = pair.module('vnet_team', **options)
    assert planned['operations'] == done['operations'] and planned['commands'] == done['commands']
    assert not done.get('warnings')
    again = pair.module('vnet_team', **options)
    assert not again['changed'], again['operations']
    return done


# -- the driver alone --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('runner', ['broadcast', 'activebackup', 'loadbalance'])
def test_driver_as_by_hand(pair, runner):
    pair.both(*DUMMIES)
    team(pair, name='team0', runner=runner, implementation='kernel', runner_options={'notify_peers': {'count': 2, 'interval': 50}},
         ports=[{'name': 'eth1', 'prio': -3}, {'name': 'eth2', 'prio': 7, 'queue_id': 2, 'enabled': runner == 'activebackup'}])
    theirs = pair.theirs
    theirs.batch(['ip link add team0 type team', 'ip link set team0 address 02:00:00:00:00:01 up'])
    options = [('mode', runner), ('notify_peers_count', 2), ('notify_peers_interval', 50)]
    for name, value in options:
        run(theirs, 'teamnl', 'team0', 'setoption', name, str(value))
    theirs.batch([line for port in PORTS for line in (f'ip link set {port} master team0', f'ip link set {port} address 02:00:00:00:00:01')])
    for port, name, value in (('eth1', 'priority', -3), ('eth2', 'priority', 7), ('eth2', 'queue_id', 2), ('eth2', 'enabled', runner == 'activebackup')):
        run(theirs, 'teamnl', '-p', port, '--', 'team0', 'setoption', name, str(value).lower())
    if runner == 'activebackup':
        run(theirs, 'teamnl', 'team0', 'setoption', 'activeport', str(theirs.link('eth2')['ifindex']))
    hashes = ('bpf_hash_func',)  # its bytes are our own; what it does is shown below
    assert [line for line in driver(pair.ours) if not line.startswith(hashes)] == [line for line in driver(theirs) if not line.startswith(hashes)]
    pair.same('ip link')


@pytest.mark.parametrize('runner, implementation', [('activebackup', 'kernel'), ('activebackup', 'teamd'), ('loadbalance', 'kernel')])
def test_commands_do_the_same(pair, runner, implementation):
    """What `commands` says, run in the other namespace, gives the same."""
    pair.both(*DUMMIES, 'ip link set eth1 up')
    options = {'name': 'team0', 'runner': runner, 'implementation': implementation, 'ports': [{'name': 'eth1', 'prio': 5}, {'name': 'eth2'}]}
    commands = [*pair.module('vnet_team', **options)['commands'],
                *pair.module('vnet_team', **{**options, 'ports': [{'name': 'eth1', 'prio': -5}], 'purge': True})['commands']]
    ours = driver(pair.ours), config(pair.ours) if implementation == 'teamd' else None
    links = pair.ours.normal('ip link')
    if implementation == 'teamd':  # its socket is known by the name of the team alone
        os.kill(pids()[0], signal.SIGKILL)
        until(lambda: not pids())
        shutil.rmtree('/run/teamd')
    for command in commands:
        words = [word.replace(pair.ours.name, pair.theirs.name) for word in shlex.split(command)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert not done.returncode, (command, done.stderr)
    until(lambda: driver(pair.theirs) == ours[0], 3)
    assert ours[1] is None or config(pair.theirs) == ours[1]
    assert pair.theirs.normal('ip link') == links


def test_active_port_moves_when_its_link_is_down(wires):
    options = {'name': 'team0', 'runner': 'activebackup', 'implementation': 'kernel', 'ports': [{'name': 'eth1', 'prio': 9}, {'name': 'eth2'}]}
    wires.theirs.batch(['ip link set eth1 up', 'ip link set eth2 up'])
    team(wires, **options)
    assert active(wires.ours) == 'eth1'
    wires.theirs.ip('link set eth1 down')
    until(lambda: 'LOWER_UP' not in wires.ours.link('eth1')['flags'])
    assert active(wires.ours) == 'eth1'  # nobody else does it
    team(wires, **options)
    assert active(wires.ours) == 'eth2'


def test_ports_follow_the_address(pair):
    pair.ours.batch(DUMMIES)
    options = {'name': 'team0', 'runner': 'activebackup', 'implementation': 'kernel', 'ports': [{'name': port} for port in PORTS]}
    team(pair, **options)
    pair.ours.ip('link set team0 address 02:00:00:00:00:09')
    team(pair, **options)
    assert {pair.ours.link(port)['address'] for port in PORTS} == {'02:00:00:00:00:09'}


@pytest.mark.parametrize('hashed, spread, vlan', [(['eth', 'ipv4', 'tcp'], False, False), (['l4'], True, False), (['eth', 'ip', 'vlan', 'udp'], True, True)])
def test_hash_spreads_what_it_is_to(wires, hashed, spread, vlan):
    """Sixty flows that differ in their UDP source port only."""
    wires.theirs.batch(['ip link set eth1 up', 'ip link set eth2 up'])
    team(wires, name='team0', runner='loadbalance', implementation='kernel', runner_options={'tx_hash': hashed}, ports=[{'name': port} for port in PORTS])
    device = 'team0'
    if vlan:
        device = 'team0.5'
        wires.ours.ip('link add link team0 name team0.5 type vlan id 5')
        wires.ours.ip('link set team0.5 up')
    wires.ours.ip(f'addr add 192.0.2.1/24 dev {device}')
    wires.ours.ip(f'neigh add 192.0.2.2 lladdr 02:00:00:00:01:01 dev {device}')
    before = sent(wires.ours)
    with inside(wires.ours):
        for number in range(60):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind(('192.0.2.1', 20000 + number))
                sender.sendto(b'x', ('192.0.2.2', 9))
    counts = [now - then for now, then in zip(sent(wires.ours), before)]
    assert sum(counts) >= 60
    assert (min(counts) > 10) == spread, counts


def sent(namespace) -> list[int]:
    return [int(namespace.sys(f'class/net/{port}/statistics/tx_packets')) for port in PORTS]


# -- teamd -------------------------------------------------------------------------------------------------------------

REFERENCES = {
    'activebackup': (
        {'runner': 'activebackup', 'runner_options': {'hwaddr_policy': 'same_all', 'notify_peers': {'count': 3}}, 'link_watch': {'name': 'ethtool',
                                                                                                                                 'delay_up': 5},
         'ports': [{'name': 'eth1', 'prio': 100, 'sticky': True}, {'name': 'eth2', 'prio': -10}]},
        {'runner': {'name': 'activebackup', 'hwaddr_policy': 'same_all'}, 'notify_peers': {'count': 3}, 'link_watch': {'name': 'ethtool', 'delay_up': 5},
         'ports': {'eth1': {'prio': 100, 'sticky': True}, 'eth2': {'prio': -10}}}),
    'loadbalance': (
        {'runner': 'loadbalance', 'runner_options': {'tx_hash': ['eth', 'l3'], 'tx_balancer': {'name': 'basic', 'balancing_interval': 30}},
         'ports': [{'name': 'eth1', 'queue_id': 1}, {'name': 'eth2'}]},
        {'runner': {'name': 'loadbalance', 'tx_hash': ['eth', 'l3'], 'tx_balancer': {'name': 'basic', 'balancing_interval': 30}},
         'ports': {'eth1': {'queue_id': 1, 'prio': 0}, 'eth2': {'prio': 0}}}),
    'lacp': (
        {'runner': 'lacp', 'runner_options': {'fast_rate': True, 'active': False, 'sys_prio': 7, 'min_ports': 2, 'agg_select_policy': 'port_config'},
         'ports': [{'name': 'eth1', 'lacp_prio': 3, 'lacp_key': 4}, {'name': 'eth2', 'lacp_key': 4}]},
        {'runner': {'name': 'lacp', 'fast_rate': True, 'active': False, 'sys_prio': 7, 'min_ports': 2, 'agg_select_policy': 'port_config'},
         'ports': {'eth1': {'lacp_prio': 3, 'lacp_key': 4, 'prio': 0}, 'eth2': {'lacp_key': 4, 'prio': 0}}}),
    'two watchers': (
        {'runner': 'activebackup', 'link_watch': [{'name': 'ethtool'}, {'name': 'arp_ping', 'interval': 500, 'target_host': '192.0.2.9'}],
         'ports': [{'name': 'eth1'}, {'name': 'eth2', 'link_watch': {'name': 'nsna_ping', 'target_host': 'fe80::9'}}]},
        {'runner': {'name': 'activebackup'}, 'link_watch': [{'name': 'ethtool'}, {'name': 'arp_ping', 'interval': 500, 'target_host': '192.0.2.9'}],
         'ports': {'eth1': {'prio': 0}, 'eth2': {'prio': 0, 'link_watch': {'name': 'nsna_ping', 'target_host': 'fe80::9'}}}}),
}


@pytest.mark.parametrize('case', REFERENCES)
def test_teamd_as_by_hand(pair, case):
    pair.both(*DUMMIES)
    options, reference = REFERENCES[case]
    team(pair, name='team0', implementation='teamd', **options)
    ours, lasting = config(pair.ours), _lasting(state(pair.ours))
    pair.ours.ip('link set team0 up')
    found, links = driver(pair.ours), pair.ours.normal('ip link')
    os.kill(pids()[0], signal.SIGKILL)
    until(lambda: not pids())
    shutil.rmtree('/run/teamd')
    run(pair.theirs, 'teamd', '-d', '-t', 'team0', '-c', json.dumps(reference))
    pair.theirs.ip('link set team0 up')
    until(lambda: driver(pair.theirs) == found, 3)
    assert ours == config(pair.theirs)
    assert lasting == _lasting(state(pair.theirs))
    pair.same('ip link')
    assert pair.ours.normal('ip link') == links


def _lasting(told: dict) -> dict:
    """A state without what one teamd has of its own: numbers of interfaces and processes, what it has counted and heard."""
    if isinstance(told, dict):
        return {name: _lasting(value) for name, value in told.items()
                if name not in ('pid', 'ifindex', 'id', 'missed', 'down_count', 'up', 'state', 'selected', 'active_port', 'key', 'port')}
    return told


def test_teamd_fails_over_and_goes_on(wires):
    team(wires, name='team0', runner='activebackup', link_watch={'name': 'ethtool'}, ports=[{'name': 'eth1', 'prio': 9}, {'name': 'eth2'}])
    wires.theirs.batch(['ip link add br0 type bridge', 'ip link set eth1 master br0 up', 'ip link set eth2 master br0 up', 'ip link set br0 up',
                        'ip addr add 192.0.2.2/24 dev br0'])
    wires.ours.ip('addr add 192.0.2.1/24 dev team0')
    for cable, used in (('eth1 up', 'eth1'), ('eth1 down', 'eth2'), ('eth1 up', 'eth1'), ('eth2 down', 'eth1')):
        wires.theirs.ip(f'link set {cable}')
        until(lambda: active(wires.ours) == used)  # pylint: disable=cell-var-from-loop
        until(lambda: echoes(wires))


def echoes(pair) -> bool:
    """Whether a datagram gets from ours to theirs and back."""
    with inside(pair.theirs):
        answerer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with inside(pair.ours):
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with answerer, asker:
        answerer.bind(('192.0.2.2', 7))
        answerer.settimeout(0.5)
        asker.settimeout(0.5)
        try:
            asker.sendto(b'hello', ('192.0.2.2', 7))
            data, sender = answerer.recvfrom(100)
            answerer.sendto(data, sender)
            return asker.recv(100) == b'hello'
        except OSError:
            return False


def test_lacp_finds_its_partner(wires):
    ports = [{'name': port} for port in PORTS]
    team(wires, name='team0', runner='lacp', runner_options={'fast_rate': True}, ports=ports)
    run(wires.theirs, 'teamd', '-d', '-t', 'team9', '-c', json.dumps({'runner': {'name': 'lacp', 'fast_rate': True}, 'ports': {port: {} for port in PORTS}}))
    wires.theirs.ip('link set team9 up')
    wires.theirs.ip('addr add 192.0.2.2/24 dev team9')
    wires.ours.ip('addr add 192.0.2.1/24 dev team0')
    until(lambda: all(port['runner']['state'] == 'current' and port['runner']['selected'] for port in state(wires.ours)['ports'].values()), 15)
    until(lambda: echoes(wires))
    found = status(wires.ours, 'team0')
    assert (found['runner'], found['implementation']) == ('lacp', 'teamd')
    assert {port['partner']['system'] for port in found['ports'].values()} == {wires.theirs.link('team9')['address']}
    assert all(port['up'] and port['selected'] and port['state'] == 'current' for port in found['ports'].values())


def status(namespace, name: str) -> dict:
    from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel, World
    from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

    kernel = Kernel()
    try:
        return RESOURCES['teams'].status(World(RESOURCES, kernel), namespace.name, name)
    finally:
        kernel.close()


def test_status_of_driver(wires):
    wires.theirs.ip('link set eth2 up')
    team(wires, name='team0', runner='activebackup', implementation='kernel', ports=[{'name': port} for port in PORTS])
    team(wires, name='team0', runner='activebackup', implementation='kernel', ports=[{'name': port} for port in PORTS])
    assert status(wires.ours, 'team0') == {'runner': 'activebackup', 'implementation': 'kernel', 'active_port': 'eth2',
                                           'ports': {'eth1': {'up': False, 'enabled': True}, 'eth2': {'up': True, 'enabled': True}}}


# -- changes of a live team --------------------------------------------------------------------------------------------

@pytest.mark.parametrize('implementation', ['kernel', 'teamd'])
def test_device_outlives_every_change(pair, implementation):
    pair.ours.batch(DUMMIES)
    ports = [{'name': port} for port in PORTS]
    options = {'name': 'team0', 'runner': 'activebackup', 'implementation': implementation, 'ports': ports}
    team(pair, **options)
    pair.ours.batch(['ip link add link team0 name team0.5 type vlan id 5', 'ip link set team0.5 up', 'ip addr add 192.0.2.1/24 dev team0.5',
                     'ip addr add 198.51.100.1/24 dev team0', 'ip route add 203.0.113.0/24 via 198.51.100.9'])
    kept = ('ip addr', 'ip route show table all')
    before = _names(pair.ours.normal(*kept))
    with pytest.raises(ModuleFailed, match='runner is activebackup and cannot become loadbalance while the team has ports; set recreate: true'):
        team(pair, **{**options, 'runner': 'loadbalance'})
    steps = [
        ({'runner': 'loadbalance', 'recreate': True, 'runner_options': {'tx_hash': ['l4']}}, 'recreate'),
        ({'runner': 'loadbalance', 'runner_options': {'tx_hash': ['l3']}}, 'in_place' if implementation == 'kernel' else 'down'),
        ({'runner': 'loadbalance', 'ports': [{'name': 'eth1', 'prio': 5}]}, 'in_place'),
        ({'runner': 'loadbalance', 'ports': [{'name': 'eth1'}], 'purge': True}, 'down'),
        ({'runner': 'activebackup', 'recreate': True}, 'recreate'),
    ]
    if implementation == 'teamd':
        steps += [
            ({'ports': [{'name': 'eth1', 'sticky': True}]}, 'down'),
            ({'link_watch': {'name': 'ethtool', 'delay_down': 10}}, 'down'),
            ({'runner': 'lacp', 'recreate': True}, 'recreate'),
            ({'runner': 'lacp', 'ports': [{'name': 'eth2', 'lacp_key': 8}]}, 'down'),
            ({'runner': 'loadbalance'}, 'down'),  # the driver's mode is the same
        ]
    for step, disruption in steps:
        done = pair.module('vnet_team', **{**options, **step})
        assert not pair.module('vnet_team', **{**options, **step})['changed'], step
        assert done['operations'][0]['disruption'] == disruption, step
        assert _names(pair.ours.normal(*kept)) == before, step
    if implementation == 'teamd':
        with open('/run/teamd/team0.conf') as file:  # what a restart would go by
            assert json.load(file)['ports'].keys() == config(pair.ours)['ports'].keys()


def _names(found: dict) -> dict:
    """Addresses and routes, without the ports, and without the flags that follow the carrier."""
    links = {link['ifname']: (link['address'], link['addr_info']) for link in found['ip addr'] if link['ifname'].startswith('team0')}
    return {'addresses': links, 'routes': [{**route, 'flags': []} for route in found['ip route show table all'] if 'team0' in route.get('dev', '')]}


def test_between_driver_and_teamd(pair):
    pair.ours.batch(DUMMIES)
    options = {'name': 'team0', 'runner': 'activebackup', 'ports': [{'name': 'eth1', 'prio': 1}, {'name': 'eth2'}]}
    team(pair, **options, implementation='kernel')
    first, index = driver(pair.ours), pair.ours.link('team0')['ifindex']
    team(pair, **options, implementation='teamd')
    assert config(pair.ours)['ports']['eth1']['prio'] == 1 and active(pair.ours) == 'eth1'
    team(pair, **options, implementation='kernel')
    assert not pids()
    lasting = [line for line in first if '_peers_' not in line and '_rejoin_' not in line]
    assert [line for line in driver(pair.ours) if '_peers_' not in line and '_rejoin_' not in line] == lasting
    done = team(pair, **options)  # auto: the runner wants teamd, and it is there
    assert done['changed'] and pids() and pair.ours.link('team0')['ifindex'] == index


def test_teamd_of_others_is_reconfigured(pair):
    pair.ours.batch(DUMMIES)
    run(pair.ours, 'teamd', '-d', '-t', 'team0', '-c', json.dumps({'debug_level': 1, 'runner': {'name': 'activebackup'}, 'ports': {'eth1': {'prio': 4}}}))
    pid = pids()
    team(pair, name='team0', ports=[{'name': 'eth1', 'prio': 8}, {'name': 'eth2'}])
    assert pids() == pid and config(pair.ours)['ports']['eth1']['prio'] == 8
    index = pair.ours.link('team0')['ifindex']
    team(pair, name='team0', link_watch={'name': 'ethtool', 'delay_up': 3})  # only a new teamd knows that
    assert pids() != pid and pair.ours.link('team0')['ifindex'] == index
    assert config(pair.ours)['ports'].keys() == {'eth1', 'eth2'} and config(pair.ours)['debug_level'] == 1


def _differences(found: dict, wanted: dict) -> list:
    """What is in one dump and not in the other, short enough to read."""
    return [(command, item) for command in wanted for one, other in ((found, wanted), (wanted, found)) for item in one[command] if item not in other[command]]


# -- undo --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('implementation', ['kernel', 'teamd'])
def test_failure_leaves_no_trace(pair, implementation):
    pair.ours.batch([*DUMMIES, 'ip link set eth1 up', 'ip addr add 192.0.2.1/24 dev eth1', 'ip route add 203.0.113.0/24 via 192.0.2.9'])
    everything = ('ip link', 'ip addr', 'ip route show table all')
    before = pair.ours.normal(*everything)
    bad = [{'name': 'eth1'}, {'name': 'eth2', 'queue_id': 60000}]  # more than the device has queues
    with pytest.raises(ModuleFailed) as caught:
        pair.module('vnet_team', name='team0', runner='random', implementation=implementation, ports=bad)
    assert caught.value.result['rolled_back'], caught.value.result
    assert not _differences(pair.ours.normal(*everything), before)
    assert not pids()


@pytest.mark.parametrize('implementation', ['kernel', 'teamd'])
def test_failed_change_is_taken_back(pair, implementation):
    pair.ours.batch([*DUMMIES, 'ip link add eth3 address 02:00:00:00:00:03 type dummy', 'ip link set eth3 up'])
    options = {'name': 'team0', 'runner': 'activebackup', 'implementation': implementation, 'runner_options': {'notify_peers': {'count': 4}},
               'ports': [{'name': 'eth1', 'prio': 4}, {'name': 'eth2', 'prio': 3}]}
    team(pair, **options)
    pair.ours.batch(['ip link add link team0 name team0.5 type vlan id 5', 'ip addr add 192.0.2.1/24 dev team0.5'])
    before = driver(pair.ours), pair.ours.normal('ip link', 'ip addr'), config(pair.ours) if implementation == 'teamd' else None
    first = {**options, 'runner': 'loadbalance', 'recreate': True, 'ports': [{'name': 'eth1', 'prio': -1}], 'purge': True}
    for item in (first, {'name': 'team0', 'state': 'absent'}):
        # nothing can be a port of a team in one namespace and fail later but a port that the driver refuses
        failing = {'name': 'team1', 'runner': 'random', 'implementation': 'kernel', 'ports': [{'name': 'eth3', 'queue_id': 60000}]}
        with pytest.raises(ModuleFailed) as caught:
            run_module('vnet_state', {'teams': [dict(one, netns=pair.ours.name) for one in (item, failing)]})
        assert caught.value.result['rolled_back'], caught.value.result
        until(lambda: driver(pair.ours) == before[0], 3)
        assert not _differences(pair.ours.normal('ip link', 'ip addr'), before[1])
        if implementation == 'teamd':
            found = config(pair.ours)
            assert {name: found[name] for name in before[2]} == before[2]


@pytest.mark.parametrize('implementation', ['kernel', 'teamd'])
def test_absent(pair, implementation):
    pair.ours.batch(DUMMIES)
    before = pair.ours.normal('ip link', 'ip addr')
    team(pair, name='team0', implementation=implementation, ports=[{'name': port} for port in PORTS])
    pair.ours.batch(['ip link add link team0 name team0.5 type vlan id 5', 'ip addr add 192.0.2.1/24 dev team0.5'])
    team(pair, name='team0', state='absent')
    assert pair.ours.normal('ip link', 'ip addr') == before
    assert not pids() and not [name for name in os.listdir('/run/teamd') if name.startswith('team0')] if implementation == 'teamd' else not pids()


# -- documents ---------------------------------------------------------------------------------------------------------

def test_one_document_in_any_order(pair):
    """The VLAN on the team, the team, and its ports, which are made by the same document, the last first."""
    netns = pair.ours.name
    document = {
        'links': [
            {'name': 'team0.5', 'kind': 'vlan', 'link': 'team0', 'vlan': {'id': 5}, 'netns': netns},
            {'name': 'br0', 'kind': 'bridge', 'netns': netns},
            {'name': 'eth1', 'kind': 'dummy', 'netns': netns},
            {'name': 'eth2', 'kind': 'dummy', 'netns': netns},
            {'name': 'eth3', 'kind': 'dummy', 'netns': netns, 'master': 'team0'},
        ],
        'teams': [{'name': 'team0', 'netns': netns, 'runner': 'activebackup', 'ports': [{'name': 'eth1', 'prio': 3}, {'name': 'eth2'}]}],
        'addresses': [{'dev': 'team0', 'address': '192.0.2.1/24', 'netns': netns}],
    }
    done = run_module('vnet_state', document)
    assert done['changed']
    again = run_module('vnet_state', document)
    assert not again['changed'], again['operations']
    assert {link['ifname'] for link in pair.ours.json('ip link')[0] if link.get('master') == 'team0'} == {'eth1', 'eth2', 'eth3'}
    assert config(pair.ours)['ports']['eth1']['prio'] == 3
    live = run_module('vnet_info', {'netns': [netns], 'gather': ['state']})['state']
    assert not run_module('vnet_state', live)['changed'], live['teams']
    [item] = live['teams']
    assert item['implementation'] == 'teamd' and {'name': 'eth1', 'prio': 3} in item['ports']


def test_bare_device_of_vnet_link_gets_a_runner(pair):
    netns = pair.ours.name
    pair.ours.batch(DUMMIES)
    document = {'links': [{'name': 'team0', 'kind': 'team', 'netns': netns, 'address': '02:00:00:00:00:07', 'mtu': 1400}],
                'teams': [{'name': 'team0', 'netns': netns, 'runner': 'roundrobin', 'ports': [{'name': 'eth1'}]}]}
    done = run_module('vnet_state', document)
    assert len([command for command in done['commands'] if 'link add' in command]) == 1
    assert not run_module('vnet_state', document)['changed']
    assert pair.ours.link('eth1')['address'] == '02:00:00:00:00:07' and pair.ours.link('eth1')['mtu'] == 1400


# -- refusals ----------------------------------------------------------------------------------------------------------

def test_one_teamd_of_a_name(pair):
    pair.both(*DUMMIES)
    run(pair.theirs, 'teamd', '-d', '-t', 'team0', '-c', '{"runner": {"name": "activebackup"}}')
    with pytest.raises(ModuleFailed, match="teamd serves a 'team0' in another network namespace"):
        pair.module('vnet_team', name='team0', runner='activebackup', ports=[{'name': 'eth1'}])
    assert 'team0' not in str(pair.ours.json('ip link'))
    team(pair, name='team0', runner='activebackup', implementation='kernel', ports=[{'name': 'eth1'}])
    team(pair, name='team0', state='absent')
    assert pids(), 'the one in the other namespace is left alone'


@pytest.mark.parametrize('options, words', [
    ({'ports': [{'name': 'eth9'}]}, "port 'eth9' does not exist in network namespace"),
    ({'name': 'eth1'}, "'eth1' exists as dummy, not team; remove it first"),
    ({'name': 'eth1', 'state': 'absent'}, "'eth1' is dummy, not a team, and is left alone"),
])
def test_refused(pair, options, words):
    pair.both(*DUMMIES)
    with pytest.raises(ModuleFailed, match=words):
        pair.module('vnet_team', **{'name': 'team0', **options})
    pair.same('ip link')
