# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of policy rules that are younger than the kernels of the differential tests, on the running kernel."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from module import run_module

RELEASE = tuple(int(number) for number in re.findall(r'\d+', os.uname().release)[:2])
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
TAG = f'ru{os.getpid()}'


@pytest.fixture
def space():
    subprocess.run(['ip', 'netns', 'add', TAG], check=True)
    for line in ('link set dev lo up', 'link add name v type veth peer name w', 'link set dev w up', 'link set dev v up', 'address add 192.0.2.1/24 dev v',
                 'route add default via 192.0.2.2', 'route add unreachable default table 7'):
        subprocess.run(['ip', '-n', TAG, *line.split()], check=True)
    yield TAG
    subprocess.run(['ip', 'netns', 'del', TAG], check=True)


def reached(space: str, tos: int) -> bool:
    """Whether packets with this type of service find a way."""
    return not subprocess.run(['ip', '-n', space, 'route', 'get', '203.0.113.1', 'tos', hex(tos)], check=False, capture_output=True).returncode


def comes_and_goes(space: str, rule: dict):
    options = {'netns': space, 'table': 7, **rule}
    assert run_module('vnet_rule', options)['changed']
    assert not run_module('vnet_rule', options)['changed']
    told, = (one for one in run_module('vnet_info', {'netns': [space]})['state']['rules'] if one.get('table') == 7)
    assert rule.items() <= told.items()
    yield
    assert run_module('vnet_rule', {**options, 'state': 'absent'})['changed']
    assert not run_module('vnet_rule', {**options, 'state': 'absent'})['changed']
    yield


@pytest.mark.skipif(RELEASE < (6, 13), reason='rules by DSCP came with Linux 6.13')
def test_dscp_decides(space):
    steps = comes_and_goes(space, {'dscp': 10})
    assert reached(space, 10 << 2)
    next(steps)
    assert not reached(space, 10 << 2) and reached(space, 11 << 2) and reached(space, 0)
    next(steps)
    assert reached(space, 10 << 2)


@pytest.mark.skipif(RELEASE < (6, 14), reason='rules by flow label came with Linux 6.14')
def test_flow_label(space):
    steps = comes_and_goes(space, {'flowlabel': 77, 'flowlabel_mask': 255, 'family': 'inet6'})
    next(steps)
    next(steps)
