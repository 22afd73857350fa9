# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges on the running kernel, which may lack features that the kernels of the differential tests have."""

from __future__ import annotations

import os
import subprocess

import pytest
from module import ModuleFailed, run_module

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
TAG = f'br{os.getpid()}'


@pytest.fixture
def space():
    subprocess.run(['ip', 'netns', 'add', TAG], check=True)
    yield TAG
    subprocess.run(['ip', 'netns', 'del', TAG], check=True)


def test_a_bridge_without_vlan_filtering_needs_no_kernel_that_has_it(space):
    options = {'netns': space, 'name': 'br0', 'kind': 'bridge'}
    assert run_module('vnet_link', {**options, 'bridge': {'vlan_filtering': False, 'forward_delay': 400}})['changed']
    assert not run_module('vnet_link', {**options, 'bridge': {'vlan_filtering': False}})['changed']


def test_a_removed_bridge_comes_back(space):
    bridge = {'netns': space, 'name': 'br0', 'kind': 'bridge', 'bridge': {'forward_delay': 400}}
    run_module('vnet_link', bridge)
    before = run_module('vnet_info', {'netns': [space]})['state']
    with pytest.raises(ModuleFailed) as caught:
        run_module('vnet_state', {'links': [{'netns': space, 'name': 'br0', 'state': 'absent'}],
                                  'routes': [{'netns': space, 'dst': '198.51.100.0/24', 'via': '198.51.100.1'}]})
    assert caught.value.result['rolled_back'] is True, caught.value.result['msg']
    after = run_module('vnet_info', {'netns': [space]})['state']
    assert after == before

    # and as a document of its whole state, as a checkpoint puts it back
    item, = (link for link in before['links'] if link['name'] == 'br0')
    run_module('vnet_link', {'netns': space, 'name': 'br0', 'state': 'absent'})
    assert run_module('vnet_state', {'links': [item]})['changed']
