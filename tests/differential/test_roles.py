# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles run by Ansible, where what they do besides applying a document counts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from module import run_here

COLLECTIONS = Path(__file__).resolve().parents[2] / '.build' / 'collections'
PLAYBOOK = Path(sys.executable).with_name('ansible-playbook')


@pytest.fixture
def role(tmp_path):
    """role(NAME, VARIABLE=VALUE, ...): run it on this machine; returns how many tasks changed something."""
    def run(name, **variables):
        play = {'hosts': 'localhost', 'gather_facts': False, 'vars': {'ansible_python_interpreter': sys.executable, **variables},
                'roles': [f'linuxnet.vnet.{name}']}
        (tmp_path / 'play.yml').write_text(json.dumps([play]))
        done = subprocess.run([PLAYBOOK, '-i', 'localhost,', '-c', 'local', tmp_path / 'play.yml'], capture_output=True, text=True, check=False, env={
            **os.environ, 'ANSIBLE_COLLECTIONS_PATH': str(COLLECTIONS), 'ANSIBLE_NOCOLOR': '1', 'ANSIBLE_PIPELINING': '1', 'ANSIBLE_LOCAL_TEMP': str(tmp_path),
            'ANSIBLE_REMOTE_TEMP': str(tmp_path)})
        assert done.returncode == 0, done.stdout + done.stderr
        return int(re.search(r'changed=(\d+)', done.stdout)[1])

    return run


def test_can_takes_its_rules_away_from_links_that_stay(spaces, role):
    ours = spaces('ours')
    ours.module('vnet_link', config=[{'name': name, 'kind': 'vcan', 'mtu': 72} for name in ('theirs1', 'theirs2', 'mine')])
    rule = {'netns': ours.name, 'src': 'theirs1', 'dst': 'theirs2', 'filter': '123:7ff'}
    if not os.path.exists('/sys/module/can_gw'):
        subprocess.run(['modprobe', 'can-gw'], check=True)
    run_here('vnet_can_gateway', rule)
    # a namespace of the role that has gone already has no rules to ask for
    changed = role('can', can_state='absent', can_namespaces=['gone'], can_links=[{'netns': ours.name, 'name': 'mine'}],
                   can_gateways=[rule, {'netns': 'gone', 'src': 'vcan0', 'dst': 'vcan1'}])
    assert changed == 2 and {'theirs1', 'theirs2'} == set(ours.links()) - {'lo'}
    assert run_here('vnet_can_gateway', {**rule, 'state': 'absent'}, check=True)['changed'] is False
