# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the role persist: one file, no Ansible, the same result as the module."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[2] / 'roles' / 'persist' / 'files'


def packed(folder, name='program.pyz'):
    subprocess.run([sys.executable, FILES / 'pack.py', folder / name], check=True)
    return folder / name


@pytest.mark.parametrize('python', sorted({os.path.realpath(sys.executable), os.path.realpath('/usr/bin/python3')}))
def test_program(spaces, tmp_path, python):
    """With the Python of the tests, and with that of the system: older ones look for packages in archives otherwise."""
    ours = spaces('ours')
    program, again = packed(tmp_path), packed(tmp_path, 'again.pyz')
    assert hashlib.sha256(program.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest()
    key = '7' * 32
    document = {'links': [{'netns': ours.name, 'name': 'd', 'kind': 'dummy'},
                          {'netns': ours.name, 'name': 'm', 'kind': 'macsec', 'link': 'd', 'macsec': {'tx_sa': [{'an': 0, 'key': key}]}}],
                'addresses': [{'netns': ours.name, 'dev': 'd', 'address': '192.0.2.1/24'}]}
    (tmp_path / 'state.json').write_text(json.dumps(document))

    def apply():
        # a folder of its own: nothing of the checkout can be imported; -I would hide pyroute2, which tests have on PYTHONPATH
        return subprocess.run([python, program, tmp_path / 'state.json'], cwd='/', capture_output=True, text=True, check=False)

    done = apply()
    assert done.returncode == 0, done.stderr
    assert f'create links d in {ours.name}' in done.stdout and key not in done.stdout + done.stderr and 'Traceback' not in done.stderr
    assert ours.links().keys() == {'lo', 'd', 'm'} and not ours.module('vnet_link', name='d', kind='dummy')['changed']
    assert (apply().stdout, apply().stderr) == ('', '')
    document = {'links': [{'netns': ours.name, 'name': 'e', 'kind': 'dummy'}, {'netns': ours.name, 'name': 'no', 'mtu': 1}]}
    (tmp_path / 'state.json').write_text(json.dumps(document))
    failed = apply()
    assert failed.returncode == 1 and 'Traceback' not in failed.stderr and "state.json: " in failed.stderr and ours.links().keys() == {'lo', 'd', 'm'}
