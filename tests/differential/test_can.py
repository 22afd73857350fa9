# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAN frames that are sent and received, and the gateway that passes them on."""

from __future__ import annotations

import os
import subprocess

import pytest
from module import ModuleFailed, run_here, run_module


def probe(**options):
    return run_module('vnet_probe', dict(protocol='can', fail_on_mismatch=False, **options))


@pytest.fixture
def buses(spaces):
    """A cable vx1 - vx2 between two namespaces, and a bus vcan0 in each."""
    left, right = spaces('left', 'right')
    left.module('vnet_link', config=[{'name': 'vcan0', 'kind': 'vcan', 'mtu': 72},
                                     {'name': 'vx1', 'kind': 'vxcan', 'mtu': 72, 'peer': {'name': 'vx2', 'netns': right.name, 'mtu': 72}}])
    right.module('vnet_link', name='vcan0', kind='vcan', mtu=72)
    return left, right


@pytest.mark.parametrize('frame', ['123#DEADBEEF', '1ABCDE01#', '7FF#R', '123##51122334455667788AABBCCDD'])
def test_frame(buses, frame):
    left, right = buses
    result = probe(netns=left.name, dev='vx1', to='vx2', to_netns=right.name, frame=frame, count=3, interval=0.01)['results'][0]
    assert (result['ok'], result['received'], result['lost'], result['seen_as']) == (True, 3, 0, frame.upper())
    own = probe(netns=left.name, dev='vcan0', to='vcan0', to_netns=left.name, frame=frame)['results'][0]
    assert own['ok'] and own['received'] == 1
    apart = probe(netns=left.name, dev='vcan0', to='vcan0', to_netns=right.name, frame=frame, expect='unreachable', timeout=0.3)['results'][0]
    assert apart['ok'] and not apart['reachable'] and apart['sent'] >= 2


def test_what_goes_wrong_is_named(buses):
    left, right = buses
    options = {'netns': left.name, 'dev': 'vcan0', 'to': 'vcan0', 'to_netns': right.name, 'timeout': 0.2}
    (sentence,) = probe(**options)['failed_expectations']
    assert f'vcan0 by CAN not reachable from netns {left.name}: vcan0 in netns {right.name} received no frame 123#DEADBEEF in 0.2 s' in sentence
    (sentence,) = probe(**{**options, 'dev': 'vx1', 'to': 'vx2', 'seen_as': '124#'})['failed_expectations']
    assert sentence.endswith('received instead: 123#DEADBEEF)')
    missing = probe(**{**options, 'to': 'nope'}, expect='unreachable')['results'][0]
    assert missing['ok'] is False and 'no such device' in missing['reason']


def gateway(check=False, **options):
    return run_here('vnet_can_gateway', options, check=check, diff=True)


def test_gateway(buses):
    left, right = buses
    across = {'netns': left.name, 'dev': 'vcan0', 'to': 'vcan0', 'to_netns': right.name, 'timeout': 0.5}
    assert not probe(**across)['ok']
    rules = [{'netns': left.name, 'src': 'vcan0', 'dst': 'vx1'}, {'netns': right.name, 'src': 'vx2', 'dst': 'vcan0', 'echo': True, 'filter': '123:7ff'}]
    planned = gateway(check=True, config=rules)
    if not os.path.exists('/sys/module/can_gw'):
        with pytest.raises(ModuleFailed) as caught:
            gateway(config=rules)
        assert 'modprobe can-gw' in caught.value.result['msg']
        subprocess.run(['modprobe', 'can-gw'], check=True)
    assert not probe(**across)['ok']
    made = gateway(config=rules)
    assert made == planned and made['changed']
    assert made['commands'] == [f'ip netns exec {left.name} cangw -A -s vcan0 -d vx1',
                                f'ip netns exec {right.name} cangw -A -s vx2 -d vcan0 -e -f 123:7FF']
    assert probe(**across)['ok'] and not probe(frame='124#', **across)['ok']
    assert gateway(config=rules)['operations'] == []
    # echo is what a socket on the interface needs
    changed = gateway(**{**rules[1], 'echo': False})
    assert [operation['action'] for operation in changed['operations']] == ['delete', 'create'] and not probe(**across)['ok']
    gateway(**rules[1])
    assert probe(**across)['ok']
    # a bus in one namespace and a bus in the other with one number: the kernel takes the one for the other
    for space in buses:
        space.batch(['ip link add name vcan9 index 900 type vcan', 'ip link set dev vcan9 up'])
    numbered = [{'netns': left.name, 'src': 'vcan9', 'dst': 'vx1'}, {'netns': right.name, 'src': 'vx2', 'dst': 'vcan9', 'echo': True}]
    gateway(config=numbered)
    assert not probe(**{**across, 'dev': 'vcan9', 'to': 'vcan9'})['ok']
    numbered[1]['iif_tx_ok'] = True
    assert gateway(config=numbered)['commands'] == [f'ip netns exec {right.name} cangw -D -s vx2 -d vcan9 -e',
                                                    f'ip netns exec {right.name} cangw -A -s vx2 -d vcan9 -e -i']
    assert probe(**{**across, 'dev': 'vcan9', 'to': 'vcan9'})['ok'] and gateway(config=numbered)['operations'] == []
    gateway(config=numbered, state='absent')
    # nothing stays of what fails
    with pytest.raises(ModuleFailed) as caught:
        gateway(netns=left.name, config=[{'src': 'vx1', 'dst': 'vcan0'}, {'src': 'vcan0', 'dst': 'nope'}])
    failed = caught.value.result
    assert "vcan0 to nope: no interface 'nope'" in failed['msg'] and failed['rolled_back'] and failed['failed_operation']['name'] == 'vcan0 to nope'
    assert gateway(check=True, netns=left.name, src='vx1', dst='vcan0')['changed']
    gone = gateway(config=rules, state='absent')
    assert [operation['action'] for operation in gone['operations']] == ['delete', 'delete'] and not probe(**across)['ok']
    assert gateway(config=rules, state='absent')['operations'] == []


@pytest.mark.parametrize('options, words', [({'src': 'a'}, 'dst is missing'), ({'src': 'a', 'dst': 'b', 'filter': '12'}, 'is not ID:MASK')])
def test_gateway_refuses(options, words):
    with pytest.raises(ModuleFailed) as caught:
        gateway(**options)
    assert words in caught.value.result['msg']
