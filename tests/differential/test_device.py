# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a link goes through ioctls, ethtool and files of its driver: owners of taps, features, virtual functions, XDP, simulated NICs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
from unittest import mock

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel
from differential.elf import DROP, PASS, xdp_object
from module import round_trip

TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
TUN, TAP, NO_PI, VNET_HDR, MULTI_QUEUE = 0x1, 0x2, 0x1000, 0x4000, 0x100
#: what the kernel refuses when all the rest is done
BAD = {'name': 'bad', 'kind': 'veth', 'peer': {'name': 'bad-too'}, 'mtu': 1}
FRAME = bytes.fromhex('ffffffffffff020000000007') + b'\x88\xb5' + b'a frame of a program of uid 1000'.ljust(46, b'\0')


@contextlib.contextmanager
def inside(space):
    """This thread in the namespace."""
    kernel = Kernel()
    try:
        with kernel.namespaces.entered(space.name):
            yield
    finally:
        kernel.close()


@contextlib.contextmanager
def attached(space, name, flags):
    """A program's end of a tun device: a file to read and write."""
    with inside(space):
        file = os.open('/dev/net/tun', os.O_RDWR)
        fcntl.ioctl(file, TUNSETIFF, struct.pack('16sH22x', name.encode(), flags))
    try:
        yield file
    finally:
        os.close(file)


def as_user(uid, gid, work) -> bool:
    """Whether work() succeeds in a process of that user without privilege."""
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            work()
            code = 0
        finally:
            os._exit(code)  # pylint: disable=protected-access
    return os.waitpid(child, 0)[1] == 0


def features(space, name) -> dict:
    """What `ethtool -k` prints: {name: on or off}."""
    shown = subprocess.run(['ip', 'netns', 'exec', space.name, 'ethtool', '--json', '-k', name], capture_output=True, text=True, check=True).stdout
    return {feature: state['active'] for feature, state in json.loads(shown)[0].items() if isinstance(state, dict)}


# ---- tun


def test_tap_of_a_user_carries_a_frame_to_a_bridge(spaces):
    """A program of the owner opens the tap without privilege; what it writes comes out of another port of the bridge."""
    ours = spaces('ours')
    ours.module('vnet_link', config=[
        {'name': 'br', 'kind': 'bridge'}, {'name': 'out', 'kind': 'veth', 'peer': {'name': 'end'}, 'master': 'br'},
        {'name': 'tap', 'kind': 'tun', 'tun': {'type': 'tap', 'user': '1000', 'group': 1001}, 'master': 'br'}])
    os.chmod('/dev/net/tun', 0o666)
    with inside(ours):
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
        ear.bind(('end', 0))

    def program():
        with open('/dev/net/tun', 'r+b', buffering=0) as tun:
            fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', b'tap', TAP | NO_PI))
            for unused in range(50):  # the bridge's port wakes up with the carrier that this gives
                tun.write(FRAME)
                if select.select([ear], [], [], 0.1)[0]:
                    return
        raise AssertionError('no frame came out')

    with ear, inside(ours):
        assert as_user(1000, 1001, program)
        assert ear.recv(2000)[:len(FRAME)] == FRAME
        assert not as_user(1002, 1001, program)
        assert not as_user(1000, 1002, program)


def test_owner_of_a_live_tap(spaces):
    ours = spaces('ours')
    ours.module('vnet_link', name='t', kind='tun', tun={'type': 'tap', 'user': 1000})
    before = ours.links()
    changed = ours.module('vnet_link', name='t', kind='tun', tun={'type': 'tap', 'user': 'root', 'group': 'root'})
    assert [operation['disruption'] for operation in changed['operations']] == ['in_place'] and ours.links() == before
    assert ours.link('t')['linkinfo']['info_data'] | {'user': 'root', 'group': 'root'} == ours.link('t')['linkinfo']['info_data']
    assert ours.module('vnet_link', name='t', kind='tun', tun={'type': 'tap', 'user': 0, 'group': '0'})['changed'] is False
    refused = ours.refused('vnet_link', name='t', kind='tun', tun={'type': 'tap', 'user': ''})
    assert 'recreate' in refused['msg']
    ours.module('vnet_link', name='t', kind='tun', tun={'type': 'tap', 'user': ''}, recreate=True)
    assert 'user' not in ours.link('t')['linkinfo']['info_data'] and ours.link('t')['linkinfo']['info_data']['group'] == 'root'


def test_owner_is_taken_back(spaces):
    """A later failure of the task gives a live tap its old owner, and takes a new tap away."""
    ours = spaces('ours')
    ours.batch(['ip tuntap add dev t mode tap user 1000 group 1001', 'ip tuntap add dev none mode tap'])
    before = ours.normal('ip link')

    refused = ours.refused('vnet_link', config=[{'name': 't', 'tun': {'user': 0, 'group': 0, 'type': 'tap'}, 'kind': 'tun', 'up': False},
                                                {'name': 'new', 'kind': 'tun', 'tun': {'type': 'tap', 'user': 7}}, BAD])
    assert refused['rolled_back'] is True
    ours.unchanged(before, ours.normal('ip link'))
    refused = ours.refused('vnet_link', config=[{'name': 'none', 'tun': {'user': 0, 'type': 'tap'}, 'kind': 'tun', 'up': False}, BAD])
    assert refused['rolled_back'] is False and 'cannot take user or group away' in refused['msg']


def test_tap_that_a_program_holds(spaces):
    ours = spaces('ours')
    tun = {'type': 'tap', 'user': 1000, 'vnet_hdr': False}
    ours.module('vnet_link', name='t', kind='tun', tun=tun)
    with attached(ours, 't', TAP | VNET_HDR):
        assert ours.link('t')['linkinfo']['info_data']['vnet_hdr'] is True
        assert ours.module('vnet_link', name='t', kind='tun', tun=tun)['changed'] is False  # the program's choice
        refused = ours.refused('vnet_link', name='t', kind='tun', tun={**tun, 'user': 7})
        assert 'a program is attached' in refused['msg'] and refused['errno'] == 16
    assert ours.module('vnet_link', name='t', kind='tun', tun=tun)['changed'] is True
    assert ours.link('t')['linkinfo']['info_data']['vnet_hdr'] is False


def test_tap_of_a_program_becomes_persistent(spaces):
    ours = spaces('ours')
    with attached(ours, 't', TAP | NO_PI | MULTI_QUEUE):
        ours.ip('link set dev t up')
        assert ours.link('t')['linkinfo']['info_data']['persist'] is False
        assert ours.module('vnet_link', name='t', kind='tun', tun={'type': 'tap', 'persist': True})['changed'] is True
        assert ours.module('vnet_link', name='t', kind='tun', tun={'type': 'tap', 'persist': True})['changed'] is False
    assert ours.link('t')['linkinfo']['info_data']['persist'] is True
    assert 'vanish' in ours.refused('vnet_link', name='t', kind='tun', tun={'type': 'tap', 'persist': False})['msg']


def test_missing_tun(spaces):
    ours = spaces('ours')
    from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds import tun

    with mock.patch.object(tun, 'DEVICE', '/dev/net/none'):
        refused = ours.refused('vnet_link', name='t', kind='tun', tun={'type': 'tun'})
    assert 'modprobe tun' in refused['msg'] and refused['rolled_back'] is True


# ---- features


def test_features(spaces):
    """Short names, long ones, the kernel's, and groups, against `ethtool -K`."""
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(['ip link add v type veth peer w'])
    wanted = {'gro': True, 'tso': False, 'tx-vlan-offload': False, 'tx-gre-segmentation': False, 'tx': False, 'rx': 'off', 'rx-checksum': False}
    subprocess.run(['ip', 'netns', 'exec', theirs.name, 'ethtool', '-K', 'v', *'gro on tso off txvlan off tx-gre-segmentation off tx off rx off'.split()],
                   capture_output=True, check=True)
    planned = ours.module('vnet_link', name='v', features=wanted, check=True)
    changed = ours.module('vnet_link', name='v', features=wanted)
    assert changed == planned and changed['changed'] is True
    assert features(ours, 'v') == features(theirs, 'v')
    assert ours.module('vnet_link', name='v', features=wanted)['operations'] == []
    ours.replay(changed['commands'], (ours, replayed))
    assert features(replayed, 'v') == features(theirs, 'v')


def test_features_of_a_new_link_and_their_undo(spaces):
    ours = spaces('ours')
    ours.module('vnet_link', name='v', kind='veth', peer={'name': 'w'}, features={'tso': False})
    assert features(ours, 'v')['tcp-segmentation-offload'] is False
    before = features(ours, 'v')
    refused = ours.refused('vnet_link', config=[{'name': 'v', 'features': {'tso': True, 'gro': True}}, BAD])
    assert refused['rolled_back'] is True and features(ours, 'v') == before
    assert 'knows no feature' in ours.refused('vnet_link', name='new', kind='dummy', features={'nonsense': True})['msg']
    assert ours.links().keys() == {'lo', 'v', 'w'}


def test_features_that_cannot_be_had(spaces):
    ours = spaces('ours')
    ours.batch(['ip link add v type veth peer w'])
    before = features(ours, 'v')
    for wanted, words in (({'hw-tc-offload': True}, 'hw-tc-offload of this link is fixed off'), ({'nonsense': True}, "knows no feature 'nonsense'")):
        refused = ours.refused('vnet_link', name='v', features={'gro': True, **wanted})
        assert words in refused['msg'] and 'failed_operation' not in refused
    assert ours.module('vnet_link', name='v', features={'hw-tc-offload': False})['changed'] is False
    # segmentation without checksums is what the kernel itself does not do
    refused = ours.refused('vnet_link', name='v', features={'tx': False, 'tso': True})
    assert 'does not take' in refused['msg'] and refused['rolled_back'] is True
    assert features(ours, 'v') == before


# ---- nodes of macvtap and ipvtap


@pytest.mark.parametrize('kind', ['macvtap', 'ipvtap'])
def test_owner_of_a_tap_node(spaces, kind):
    ours, theirs = spaces('ours', 'theirs')
    link = {'name': 't', 'kind': kind, 'link': 'below'}
    below = {'name': 'below', 'kind': 'dummy'}
    made = ours.module('vnet_link', config=[below, {**link, kind: {'user': 1000, 'group': 'root'}}])
    node = f"/dev/tap{ours.links()['t']}"
    assert (os.stat(node).st_uid, os.stat(node).st_gid) == (1000, 0)
    assert ours.module('vnet_link', config=[{**link, kind: {'user': 1000, 'group': 0}}])['changed'] is False
    assert as_user(1000, 1000, lambda: os.close(os.open(node, os.O_RDWR)))
    changed = ours.module('vnet_link', config=[{**link, kind: {'user': 1001, 'group': 1002}}])
    assert (os.stat(node).st_uid, os.stat(node).st_gid) == (1001, 1002)
    for commands, owner in ((made['commands'][-1:], (1000, 0)), (changed['commands'], (1001, 1002))):
        ours.replay(commands)
        assert (os.stat(node).st_uid, os.stat(node).st_gid) == owner
    assert not as_user(1000, 1000, lambda: os.close(os.open(node, os.O_RDWR)))

    refused = ours.refused('vnet_link', config=[{**link, kind: {'user': 7}}, BAD])
    assert refused['rolled_back'] is True and os.stat(node).st_uid == 1001
    # the same index in another namespace: the node there is of the first
    theirs.batch([f"ip link add index {ours.links()['below']} name below type dummy"])
    theirs.ip(f"link add link below name t index {ours.links()['t']} type {kind}")
    refused = theirs.refused('vnet_link', name='t', **{kind: {'user': 7}}, kind=kind, link='below')
    assert 'the node of another device' in refused['msg'] and os.stat(node).st_uid == 1001
    os.unlink(node)
    refused = ours.refused('vnet_link', config=[{**link, kind: {'user': 7}}])
    assert 'there is no /dev/tap' in refused['msg'] and 'mknod' in refused['msg']


# ---- simulated NICs and virtual functions


@pytest.fixture
def sim(spaces):
    """A namespace in which the simulated NICs with ids 70-79 go in the end."""
    ours = spaces('ours')
    yield ours
    for number in range(70, 80):
        if os.path.exists(f'/sys/bus/netdevsim/devices/netdevsim{number}'):
            with open('/sys/bus/netdevsim/del_device', 'w') as file:
                file.write(str(number))


def vfs(space, name) -> dict:
    """{number: what `ip link` prints of a virtual function}."""
    return {row.pop('vf'): row for row in space.link(name).get('vfinfo_list', ())}


@pytest.mark.kernel('netdevsim')
def test_simulated_nic(sim, spaces):
    nic = {'name': 'nic', 'kind': 'netdevsim', 'netdevsim': {'id': 70, 'ports': 2, 'queues': 4, 'num_vfs': 2}, 'up': False}
    items = [{'name': 'eni70np2', 'mtu': 1400}, nic]
    planned = sim.module('vnet_link', config=items, check=True)
    assert sim.links().keys() == {'lo'}
    made = sim.module('vnet_link', config=items)
    assert made == planned and sim.links().keys() == {'lo', 'nic', 'eni70np2'}
    assert sim.link('eni70np2')['mtu'] == 1400 and sim.link('nic')['num_tx_queues'] == 4 and len(vfs(sim, 'nic')) == 2
    assert sim.module('vnet_link', config=items)['operations'] == []
    round_trip(sim.name)

    refused = sim.refused('vnet_link', config=[{'name': 'other', 'kind': 'netdevsim', 'netdevsim': {'id': 70}}])
    assert 'has id 70' in refused['msg']
    refused = sim.refused('vnet_link', config=[{'name': 'other', 'kind': 'netdevsim', 'netdevsim': {'id': 71}}, BAD])
    assert refused['rolled_back'] is True and sim.links().keys() == {'lo', 'nic', 'eni70np2'}
    before = sim.links()
    refused = sim.refused('vnet_link', config=[{**nic, 'netdevsim': {'id': 70, 'ports': 1}}])
    assert 'recreate' in refused['msg'] and sim.links() == before
    refused = sim.refused('vnet_link', config=[{'name': 'nic', 'state': 'absent'}, BAD])
    assert refused['rolled_back'] is True and sim.links().keys() == {'lo', 'nic', 'eni70np2'} and len(vfs(sim, 'nic')) == 2

    gone = sim.module('vnet_link', name='nic', state='absent')
    assert sim.links().keys() == {'lo'}
    sim.replay(made['commands'])
    assert sim.links().keys() == {'lo', 'nic', 'eni70np2'} and len(vfs(sim, 'nic')) == 2 and sim.link('eni70np2')['mtu'] == 1400
    sim.replay(gone['commands'])
    assert sim.links().keys() == {'lo'}


@pytest.mark.kernel('netdevsim')
def test_virtual_functions(sim, spaces):
    """Against `ip link set ... vf`, one NIC each."""
    theirs, replayed = spaces('theirs', 'replayed')
    for number, space in ((70, sim), (71, theirs), (72, replayed)):
        space.module('vnet_link', name='nic', kind='netdevsim', netdevsim={'id': number}, num_vfs=3)
    theirs.batch([f'ip link set dev nic vf {words}' for words in (
        '0 mac 02:00:00:00:00:07', '0 vlan 7 qos 3 proto 802.1ad', '0 max_tx_rate 700 min_tx_rate 70', '1 spoofchk on', '1 query_rss on', '1 state enable',
        '1 trust on', '2 vlan 9', '2 max_tx_rate 90')])
    wanted = [{'id': 0, 'mac': '02:00:00:00:00:07', 'vlan': 7, 'qos': 3, 'proto': '802.1ad', 'max_tx_rate': 700, 'min_tx_rate': 70},
              {'id': 1, 'spoofchk': True, 'query_rss': True, 'state': 'enable', 'trust': True}, {'vf': 2, 'vlan': 9, 'rate': 90}]
    planned = sim.module('vnet_link', name='nic', vfs=wanted, check=True)
    changed = sim.module('vnet_link', name='nic', vfs=wanted)
    assert planned == changed and vfs(sim, 'nic') == vfs(theirs, 'nic')
    assert sim.module('vnet_link', name='nic', vfs=wanted)['operations'] == []
    replayed.replay(changed['commands'], (sim, replayed))
    assert vfs(replayed, 'nic') == vfs(theirs, 'nic')

    # what is not given stays, and comes back
    before = vfs(sim, 'nic')
    sim.module('vnet_link', name='nic', vfs=[{'id': 0, 'qos': 0}, {'id': 2, 'min_tx_rate': 9}])
    theirs.batch(['ip link set dev nic vf 0 vlan 7 proto 802.1ad', 'ip link set dev nic vf 2 max_tx_rate 90 min_tx_rate 9'])
    assert vfs(sim, 'nic') == vfs(theirs, 'nic') != before
    before = vfs(sim, 'nic')
    refused = sim.refused('vnet_link', config=[{'name': 'nic', 'vfs': [{'id': 0, 'vlan': 8, 'trust': True}]}, BAD])
    assert refused['rolled_back'] is True and vfs(sim, 'nic') == before
    assert 'no virtual function 3' in sim.refused('vnet_link', name='nic', vfs=[{'id': 3, 'vlan': 8}])['msg']
    assert 'multicast' not in sim.refused('vnet_link', name='nic', vfs=[{'id': 0, 'mac': '01:00:00:00:00:07'}])['msg']
    assert vfs(sim, 'nic') == before


@pytest.mark.kernel('netdevsim')
def test_number_of_virtual_functions(sim):
    """From 3 to 4 through 0, with the settings of each; 5 are more than the device has, and nothing is lost by trying."""
    sim.module('vnet_link', name='nic', kind='netdevsim', netdevsim={'id': 70, 'num_vfs': 3}, vfs=[{'id': 2, 'mac': '02:00:00:00:00:07', 'trust': True}])
    before = vfs(sim, 'nic')
    assert before[2]['address'] == '02:00:00:00:00:07'
    refused = sim.refused('vnet_link', name='nic', num_vfs=5)
    assert 'sriov_numvfs' in refused['msg'] and vfs(sim, 'nic') == before
    refused = sim.refused('vnet_link', config=[{'name': 'nic', 'num_vfs': 4}, BAD])
    assert refused['rolled_back'] is True and vfs(sim, 'nic') == before
    changed = sim.module('vnet_link', name='nic', num_vfs=4, vfs=[{'id': 3, 'trust': True}])
    after = vfs(sim, 'nic')
    assert {number: after[number] for number in before} == before and after[3]['trust'] is True
    assert sim.module('vnet_link', name='nic', num_vfs=4, vfs=[{'id': 3, 'trust': True}])['operations'] == []
    assert 'will be no virtual function 4' in sim.refused('vnet_link', name='nic', num_vfs=4, vfs=[{'id': 4, 'vlan': 1}])['msg']
    sim.module('vnet_link', name='nic', num_vfs=3)
    sim.replay(changed['commands'])
    assert vfs(sim, 'nic') == after
    # as many as wanted where the driver is known; its limit is raised first
    more = {'name': 'nic', 'kind': 'netdevsim', 'netdevsim': {'id': 70, 'num_vfs': 6}}
    before = vfs(sim, 'nic')
    refused = sim.refused('vnet_link', config=[more, BAD])
    assert refused['rolled_back'] is True and vfs(sim, 'nic') == before
    changed = sim.module('vnet_link', config=[more])
    assert len(vfs(sim, 'nic')) == 6 and {number: vfs(sim, 'nic')[number] for number in before} == before
    assert sim.module('vnet_link', config=[more])['operations'] == []
    sim.module('vnet_link', name='nic', state='absent')
    made = sim.module('vnet_link', config=[more])
    assert len(vfs(sim, 'nic')) == 6
    sim.module('vnet_link', name='nic', state='absent')
    sim.replay(made['commands'])
    assert len(vfs(sim, 'nic')) == 6
    sim.module('vnet_link', name='nic', num_vfs=3)
    sim.replay(changed['commands'])
    assert len(vfs(sim, 'nic')) == 6
    sim.module('vnet_link', name='d', kind='dummy')
    assert 'no device with virtual functions' in sim.refused('vnet_link', name='d', num_vfs=1)['msg']


@pytest.mark.kernel('netdevsim')
def test_offload_of_a_simulated_nic(sim):
    sim.module('vnet_link', name='nic', kind='netdevsim', netdevsim={'id': 70}, features={'hw-tc-offload': True})
    assert features(sim, 'nic')['hw-tc-offload'] is True
    assert sim.module('vnet_link', name='nic', features={'hw-tc-offload': True})['changed'] is False


# ---- XDP


def attached_xdp(space, name) -> dict:
    """{mode: name of the program} as `ip link` prints it."""
    modes = {1: 'drv', 2: 'generic', 3: 'offload'}
    shown = space.link(name).get('xdp', {})
    return {modes[one['mode']]: one['prog']['name'] for one in shown.get('attached', [shown] if shown.get('prog') else [])}


@pytest.fixture
def objects(tmp_path):
    made = {'pass': xdp_object(PASS), 'drop': xdp_object(DROP), 'other': xdp_object(PASS, 'xdp', 'other_name'), 'longer': xdp_object(PASS, padding=1),
            'none': b'no object'}
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_xdp(spaces, objects):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(['ip link add v type veth peer w'])
    for mode in ('generic', 'drv'):
        wanted = {'object': f'{objects}/pass', 'mode': mode}
        theirs.ip(f'-force link set dev v xdp{"drv" if mode == "generic" else "generic"} off')
        theirs.ip(f'-force link set dev v xdp{mode} object {objects}/pass section prog')
        planned = ours.module('vnet_link', name='v', xdp=wanted, check=True)
        changed = ours.module('vnet_link', name='v', xdp=wanted)
        assert changed == planned and changed['changed'] is True
        assert attached_xdp(ours, 'v') == attached_xdp(theirs, 'v') == {mode: 'main_xdp'}
        assert ours.module('vnet_link', name='v', xdp=wanted)['operations'] == []
        assert ours.module('vnet_link', name='v', xdp={'object': f'{objects}/pass'})['operations'] == []  # in whatever mode
        ours.replay(changed['commands'], (ours, replayed))
        assert attached_xdp(replayed, 'v') == attached_xdp(theirs, 'v')
    # another program of the same name and size, and a longer one, are not the same
    for name in ('drop', 'longer'):
        assert ours.module('vnet_link', name='v', xdp={'object': f'{objects}/{name}'})['changed'] is True
        assert ours.module('vnet_link', name='v', xdp={'object': f'{objects}/{name}'})['changed'] is False
    assert ours.module('vnet_link', name='v', xdp={'object': f'{objects}/other', 'section': 'xdp'})['changed'] is True
    assert attached_xdp(ours, 'v') == {'drv': 'other_name'}
    off = ours.module('vnet_link', name='v', xdp={'mode': 'off'})
    assert attached_xdp(ours, 'v') == {} and ours.module('vnet_link', name='v', xdp={'mode': 'off'})['changed'] is False
    ours.replay(off['commands'], (ours, replayed))
    assert attached_xdp(replayed, 'v') == {}


def test_xdp_is_taken_back(spaces, objects):
    ours = spaces('ours')
    ours.batch(['ip link add v type veth peer w'])
    wanted = {'object': f'{objects}/pass', 'mode': 'generic'}
    refused = ours.refused('vnet_link', config=[{'name': 'v', 'xdp': wanted}, BAD])
    assert refused['rolled_back'] is True and attached_xdp(ours, 'v') == {}
    ours.module('vnet_link', name='v', xdp=wanted)
    for other in ({'object': f'{objects}/drop', 'mode': 'drv'}, {'object': f'{objects}/drop'}, {'mode': 'off'}):
        refused = ours.refused('vnet_link', config=[{'name': 'v', 'xdp': other}, BAD])
        assert refused['rolled_back'] is True and ours.module('vnet_link', name='v', xdp=wanted)['changed'] is False


def test_xdp_drops_and_passes(spaces, objects):
    """What the program says is done to frames."""
    ours = spaces('ours')
    ours.module('vnet_link', config=[{'name': 'v', 'kind': 'veth', 'peer': {'name': 'w'}}, {'name': 'w', 'xdp': {'object': f'{objects}/drop'}}])
    with inside(ours):
        ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
        ear.bind(('w', 0))
        mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        mouth.bind(('v', 0))
    with ear, mouth:
        for program, comes in (('drop', False), ('pass', True)):
            ours.module('vnet_link', name='w', xdp={'object': f'{objects}/{program}'})
            mouth.send(FRAME)
            assert bool(select.select([ear], [], [], 1)[0]) == comes


def test_pinned_xdp(spaces, objects):
    ours, theirs = spaces('ours', 'theirs')
    ours.batch(['ip link add v type veth peer w', 'ip link add x type veth peer y'])
    folder = '/run/test-bpf'
    os.makedirs(folder, exist_ok=True)
    subprocess.run(['mount', '-t', 'bpf', 'bpf', folder], check=True)
    try:
        from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import bpf

        ours.module('vnet_link', name='x', xdp={'object': f'{objects}/pass'})
        program = bpf.by_id(ours.link('x')['xdp']['prog']['id'])
        pin(program, folder + '/one')
        os.close(program)
        changed = ours.module('vnet_link', name='v', xdp={'pinned': folder + '/one', 'mode': 'drv'})
        assert changed['changed'] and ours.link('v')['xdp']['prog']['id'] == ours.link('x')['xdp']['prog']['id']
        assert ours.module('vnet_link', name='v', xdp={'pinned': folder + '/one'})['changed'] is False
        ours.module('vnet_link', name='v', xdp={'mode': 'off'})
        ours.replay(changed['commands'])
        assert ours.link('v')['xdp']['prog']['id'] == ours.link('x')['xdp']['prog']['id']
        ours.module('vnet_link', name='v', xdp={'object': f'{objects}/pass'})  # the same instructions are the same program
        assert 'cannot be read' in ours.refused('vnet_link', name='v', xdp={'pinned': folder + '/none'})['msg']
    finally:
        subprocess.run(['umount', folder], check=True)


def test_made_anew_with_features_and_programs(spaces, objects):
    """Of either end of a pair, without anybody naming them; and as they were when that is taken back."""
    ours = spaces('ours')
    ours.batch(['ip link add v type veth peer w', 'ip link set dev v up', 'ip link set dev w up'])
    ours.module('vnet_link', config=[{'name': 'v', 'features': {'tso': False, 'rx-gro-list': True}, 'xdp': {'object': f'{objects}/pass', 'mode': 'generic'}},
                                     {'name': 'w', 'features': {'gso': False}, 'xdp': {'object': f'{objects}/other', 'section': 'xdp', 'mode': 'generic'}}])

    def state() -> list:
        return [(features(ours, name), attached_xdp(ours, name), ours.link(name)['xdp']['prog']['id']) for name in ('v', 'w')]

    before, index = state(), ours.links()['v']
    assert before[0][0]['generic-segmentation-offload'] is not before[1][0]['generic-segmentation-offload']
    item = {'name': 'v', 'kind': 'veth', 'peer': {'name': 'w'}, 'num_tx_queues': ours.link('v')['num_tx_queues'] + 1, 'recreate': True}
    assert ours.refused('vnet_link', config=[item, BAD])['rolled_back'] is True
    assert state() == before and ours.links()['v'] != index
    made = ours.module('vnet_link', **item)
    assert state() == before
    assert any('ethtool -K v' in line for line in made['commands']) and any('bpftool net attach xdpgeneric' in line for line in made['commands'])
    # what is named is as it is named, the rest as it was
    ours.module('vnet_link', **{**item, 'num_tx_queues': item['num_tx_queues'] + 1, 'features': {'tso': True}, 'xdp': {'mode': 'off'}})
    different = {name for name, value in features(ours, 'v').items() if value is not before[0][0][name]}
    assert 'tcp-segmentation-offload' in different and all('tcp' in name for name in different) and attached_xdp(ours, 'v') == {}


@pytest.mark.kernel('netdevsim')
def test_made_anew_with_virtual_functions(spaces):
    ours = spaces('ours')
    ours.module('vnet_link', name='nic', kind='netdevsim', netdevsim={'id': 71, 'num_vfs': 2}, vfs=[{'id': 1, 'mac': '02:00:00:00:00:77', 'vlan': 7}])
    before = ours.link('nic')['vfinfo_list']
    ours.module('vnet_link', name='nic', kind='netdevsim', netdevsim={'id': 71, 'num_vfs': 2, 'queues': 3}, recreate=True)
    assert ours.link('nic')['vfinfo_list'] == before


def pin(program: int, path: str) -> None:
    """BPF_OBJ_PIN."""
    import ctypes

    from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import bpf

    name = ctypes.create_string_buffer(path.encode())
    bpf._bpf(6, struct.pack('=QII', ctypes.addressof(name), program, 0))  # pylint: disable=protected-access


def test_xdp_that_cannot_be_had(spaces, objects):
    ours = spaces('ours')
    ours.batch(['ip link add v type veth peer w', 'ip link add dum type dummy'])
    for wanted, words in (({'object': f'{objects}/none'}, 'is no ELF object'), ({'object': f'{objects}/missing'}, 'cannot be read: No such file'),
                          ({'object': f'{objects}/pass', 'section': 'nothing'}, 'has no section nothing; there are prog'), ({}, 'must be object'),
                          ({'object': 'pass'}, 'must be object'), ({'object': f'{objects}/pass', 'mode': 'off'}, 'must be object')):
        refused = ours.refused('vnet_link', name='v', xdp=wanted)
        assert words in refused['msg'] and 'failed_operation' not in refused, refused['msg']
    refused = ours.refused('vnet_link', name='dum', xdp={'object': f'{objects}/pass', 'mode': 'drv'})
    assert 'ip cannot load section prog' in refused['msg'] and refused['rolled_back'] is True
    from ansible_collections.linuxnet.vnet.plugins.module_utils._parts import xdp

    with mock.patch.object(xdp, 'prefix', lambda tool, netns: ['/nowhere/ip']):
        assert 'install iproute2' in ours.refused('vnet_link', name='v', xdp={'object': f'{objects}/pass'})['msg']
    assert attached_xdp(ours, 'v') == {}
