# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vnet_checkpoint: the state comes back by itself unless somebody commits over a new connection."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import checkpoint
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import Namespaces
from module import ModuleFailed, run_module

NUMBER = os.stat('/proc/self/ns/net').st_ino
REPORT, STATE = (Path(f'/run/linuxnet-vnet/{what}.{NUMBER}.json') for what in ('rollback', 'checkpoint'))


@pytest.fixture(autouse=True)
def _no_checkpoint_before_and_after():
    yield
    if STATE.exists():
        run_module('vnet_checkpoint', {'action': 'rollback'})


def create(timeout=600):
    return run_module('vnet_checkpoint', {'action': 'create', 'timeout': timeout})


def state(*spaces):
    return [space.normal('ip link', 'ip addr', 'ip route', 'ip rule', 'bridge vlan', 'bridge fdb') for space in spaces]


def build(space):
    space.batch(['ip link add br0 address 02:00:00:00:00:09 type bridge vlan_filtering 1', 'ip link add d0 address 02:00:00:00:00:01 type dummy',
                 'ip link set d0 master br0', 'ip link set d0 up', 'ip link set br0 up',
                 'ip link add vx0 address 02:00:00:00:00:08 type vxlan id 7 dstport 4789',
                 'ip link set vx0 up', 'ip addr add 192.0.2.1/24 dev br0', 'ip route add 198.51.100.0/24 via 192.0.2.9'])
    space.batch(['bridge vlan add dev d0 vid 100 pvid untagged', 'bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.1'])


def ruin(space):
    space.batch(['ip link del br0', 'ip link add d1 type dummy', 'ip link set d0 mtu 1400', 'ip link set d0 down', 'ip link add br1 type bridge',
                 'ip link set d0 master br1', 'ip addr add 203.0.113.1/24 dev d1', 'ip link set vx0 mtu 1300'])
    space.batch(['bridge fdb del 00:00:00:00:00:00 dev vx0 dst 10.0.0.1', 'bridge fdb add 02:00:00:00:00:07 dev vx0 dst 10.0.0.7'])


def test_time_is_over(spaces):
    space, gone = spaces('ours', 'gone')
    build(space)
    build(gone)
    before = state(space, gone)
    deadline = create(timeout=15)['deadline']
    ruin(space)
    gone.ip('netns del ' + gone.name)
    assert time.time() < deadline, 'this machine is too slow for the test'
    deadline = time.monotonic() + 60
    while not REPORT.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert json.loads(REPORT.read_text())['troubles'] == []
    for was, now in zip(before, state(space, gone)):
        space.unchanged(was, now)


def test_roll_back_at_once(spaces):
    space = spaces('ours')
    build(space)
    before = state(space)
    create()
    ruin(space)
    assert state(space) != before
    assert run_module('vnet_checkpoint', {'action': 'rollback'})['changed']
    space.unchanged(before[0], state(space)[0])
    with pytest.raises(ModuleFailed, match='no checkpoint.*rolled back'):
        run_module('vnet_checkpoint', {'action': 'commit'})


def test_commit_keeps_the_changes(spaces):
    space = spaces('ours')
    build(space)
    create()
    ruin(space)
    after = state(space)
    assert run_module('vnet_checkpoint', {'action': 'commit'})['changed']
    time.sleep(0.2)
    assert state(space) == after


def test_commit_over_the_same_connection_proves_nothing(spaces, monkeypatch):
    spaces('ours')
    monkeypatch.setenv('SSH_CONNECTION', '198.51.100.1 50000 198.51.100.2 22')
    create()
    with pytest.raises(ModuleFailed, match='reset_connection'):
        run_module('vnet_checkpoint', {'action': 'commit'})
    monkeypatch.setenv('SSH_CONNECTION', '198.51.100.1 50001 198.51.100.2 22')
    assert run_module('vnet_checkpoint', {'action': 'commit'})['changed']


def test_one_at_a_time(spaces):
    spaces('ours')
    create()
    with pytest.raises(ModuleFailed, match='already'):
        create()


def test_check_mode_leaves_nothing_behind(spaces):
    spaces('ours')
    assert run_module('vnet_checkpoint', {'action': 'create'}, check=True)['changed']
    assert not STATE.exists()


def test_kernel_parameters_come_back(spaces):
    spaces('ours')
    path = Path('/proc/sys/net/ipv4/ip_forward')
    before = path.read_text()
    create()
    path.write_text('0' if before.strip() == '1' else '1')
    run_module('vnet_checkpoint', {'action': 'rollback'})
    assert path.read_text() == before


def test_the_guardian_holds_nothing_of_the_task(spaces):
    """Whoever waits for the end of the task's output does not wait for the guardian."""
    spaces('ours')
    began = time.monotonic()
    create(timeout=300)  # run_module reads until all who have the pipe have closed it
    assert time.monotonic() - began < 200
    pid = json.loads(STATE.read_text())['pid']
    assert os.getsid(pid) != os.getsid(0)


def test_what_was_not_set_is_unset(spaces):
    """The document of a state says nothing of an alias, a master and the like that a link has not."""
    ours = spaces('ours')
    ours.batch(['ip link add br0 address 02:00:00:00:00:09 type bridge', 'ip link add d0 address 02:00:00:00:00:01 type dummy',
                'ip link add bo0 address 02:00:00:00:00:02 type bond mode active-backup', 'ip link set dev bo0 up',
                'ip link add link d0 name v7 address 02:00:00:00:00:03 type vlan id 7'])
    before = ours.normal('ip link')
    create()
    ours.batch(['ip link set dev d0 alias new master br0', 'ip link property add dev d0 altname another', 'ip link set dev d0 mode dormant',
                'ip link set dev bo0 type bond arp_interval 50 arp_ip_target 192.0.2.9', 'ip link set dev v7 type vlan egress 3:4'])
    assert run_module('vnet_checkpoint', {'action': 'rollback'})['changed']
    after = ours.normal('ip link')
    for link in (*before['ip link'], *after['ip link']):
        link.pop('tso_max_size')  # a bridge has had that of its ports ever since
    ours.unchanged(before, after)


def test_machines_that_are_namespaces_of_one_host(spaces):
    """They share /run, and neither knows of the other's checkpoint."""
    space = spaces('ours')
    build(space)
    before = state(space)
    machines = Namespaces()
    with machines.entered(space.name):
        create()
    create()
    with machines.entered(space.name):
        ruin(space)
        assert run_module('vnet_checkpoint', {'action': 'rollback'})['changed'] is True
        with pytest.raises(ModuleFailed, match='there is no checkpoint'):
            run_module('vnet_checkpoint', {'action': 'rollback'})
    machines.close()
    assert state(space) == before
    run_module('vnet_checkpoint', {'action': 'rollback'})


def test_a_nic_comes_back_from_where_it_was_moved_to(spaces):
    """Nobody can make it, so it is fetched."""
    ours, theirs = spaces('ours', 'theirs')
    subprocess.run(['modprobe', 'eql'], check=True)  # a device that no request can make, as NICs are
    try:
        subprocess.run(f'ip link set dev eql up netns {ours.name}; ip -n {ours.name} link set dev eql up; ip -n {ours.name} addr add 192.0.2.1/24 dev eql',
                       shell=True, check=True)
        before = ours.normal('ip addr', 'ip route')
        for to in theirs.name, '1':
            create()
            subprocess.run(['ip', '-n', ours.name, 'link', 'set', 'dev', 'eql', 'netns', to], check=True)
            if to != '1':
                subprocess.run(['ip', '-n', to, 'addr', 'add', '192.0.2.77/24', 'dev', 'eql'], check=True)
            assert run_module('vnet_checkpoint', {'action': 'rollback'})['changed']
            ours.unchanged(before, ours.normal('ip addr', 'ip route'))
        create()  # a namespace of the same name is another one
        subprocess.run(['ip', 'netns', 'del', ours.name], check=True)
        subprocess.run(['ip', 'netns', 'add', ours.name], check=True)
        assert run_module('vnet_checkpoint', {'action': 'rollback'})['changed']
        ours.unchanged(before, ours.normal('ip addr', 'ip route'))
    finally:
        subprocess.run(['ip', '-n', ours.name, 'link', 'set', 'dev', 'eql', 'netns', '1'], check=False)
        subprocess.run(['rmmod', 'eql'], check=False)


@pytest.mark.parametrize('how', [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_who_ends_the_guardian_does_not_commit(spaces, how):
    """As systemd does with what a session leaves behind, which may be the one that broke."""
    space = spaces('ours')
    build(space)
    before = state(space)
    create()
    ruin(space)
    os.kill(json.loads(STATE.read_text())['pid'], how)
    deadline = time.monotonic() + 60
    while STATE.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert json.loads(REPORT.read_text())['troubles'] == []
    space.unchanged(before[0], state(space)[0])


def test_commit_that_comes_while_it_is_rolled_back(spaces):
    """It does not say that the changes stay."""
    spaces('ours')
    create()
    pid = json.loads(STATE.read_text())['pid']
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGUSR1)
    threading.Timer(1, os.kill, (pid, signal.SIGCONT)).start()
    with pytest.raises(ModuleFailed, match='commit came too late; the last one was rolled back'):
        run_module('vnet_checkpoint', {'action': 'commit'})


def test_a_guardian_that_was_killed(spaces):
    spaces('ours')
    create()
    pid = json.loads(STATE.read_text())['pid']
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(1, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(ModuleFailed, match='not all of it: the guardian of the last one was ended'):
        run_module('vnet_checkpoint', {'action': 'rollback'})
    with pytest.raises(ModuleFailed, match='there is no checkpoint; the guardian of the last one was ended'):
        run_module('vnet_checkpoint', {'action': 'commit'})
    create()


def test_two_at_once(spaces):
    """One of them has a guardian, and the other is told so."""
    spaces('ours')
    results = []

    def one():
        code = ("import sys; from module import *\ntry: run_module('vnet_checkpoint', {'action': 'create', 'timeout': 600})\n"
                "except ModuleFailed as exc: sys.exit(exc.result['msg'])")
        results.append(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False, cwd='/',
                                      env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}))

    threads = [threading.Thread(target=one) for unused in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done.returncode for done in results) == [0, 1] and 'there is a checkpoint already' in ''.join(done.stderr for done in results)


def test_what_is_refused(spaces, tmp_path, monkeypatch):
    spaces('ours')
    for check in True, False:
        with pytest.raises(ModuleFailed, match='timeout is 0, but must be at least 1 s'):
            run_module('vnet_checkpoint', {'action': 'create', 'timeout': 0}, check=check)
    (tmp_path / 'file').touch()
    monkeypatch.setattr(checkpoint, 'FOLDER', str(tmp_path / 'file'))
    with pytest.raises(ModuleFailed, match='cannot be made: File exists'):
        create()
    monkeypatch.undo()
    create()
    with pytest.raises(ModuleFailed, match='already'):
        run_module('vnet_checkpoint', {'action': 'create'}, check=True)


def test_namespaces_that_come_and_go_meanwhile(spaces):
    """As those of containers do; the roll-back reads it all too."""
    space = spaces('ours')
    build(space)
    before = state(space)
    over = threading.Event()

    def others():
        for number in itertools.takewhile(lambda unused: not over.is_set(), itertools.count()):
            for what in 'add', 'del':
                subprocess.run(['ip', 'netns', what, f'fleeting{number}'], capture_output=True, check=False)

    thread = threading.Thread(target=others)
    thread.start()
    try:
        for unused in range(5):
            create()
            space.ip('link set d0 mtu 1400')
            assert run_module('vnet_checkpoint', {'action': 'rollback'})['changed']
    finally:
        over.set()
        thread.join()
        for name in Path('/run/netns').glob('fleeting*'):  # those that the roll-back brought back
            subprocess.run(['ip', 'netns', 'del', name.name], capture_output=True, check=False)
    space.unchanged(before[0], state(space)[0])
