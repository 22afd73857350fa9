# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vnet_state with a file: what Ansible makes of it on the controller, and what the module says of one that it cannot read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from module import ModuleFailed, run_here

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK, VAULT = (Path(sys.executable).with_name(name) for name in ('ansible-playbook', 'ansible-vault'))
KEY = '00112233445566778899aabbccddeeff'


@pytest.mark.skipif(sys.version_info < (3, 10), reason='a controller has ansible-core 2.17 or newer, which needs Python 3.10')
def test_from_the_controller(tmp_path):
    """With a value that is a vault of its own, whole in a vault, and in the background; keys are shown by none of them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith('ANSIBLE_')}
    environment |= {'ANSIBLE_COLLECTIONS_PATH': str(ROOT / '.build/collections'), 'ANSIBLE_NOCOLOR': '1', 'ANSIBLE_LOCAL_TEMP': str(tmp_path / 'l'),
                    'ANSIBLE_REMOTE_TEMP': str(tmp_path / 'r'), 'ANSIBLE_VAULT_PASSWORD_FILE': str(tmp_path / 'password'), 'ANSIBLE_ASYNC_DIR': str(tmp_path)}

    def call(*words):
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=300).stdout

    (tmp_path / 'password').write_text('password\n')
    value = call(VAULT, 'encrypt_string', KEY).replace('\n', '\n     ')
    head = 'links:\n- {name: d0, kind: dummy}\n- name: m0\n  kind: macsec\n  link: d0\n  macsec:\n   tx_sa:\n   - an: 0\n     key: '
    (tmp_path / 'value.yml').write_text(head + value + '\n')
    (tmp_path / 'whole.yml').write_text(head + f'"{KEY}"\n')
    call(VAULT, 'encrypt', 'whole.yml')
    tasks = [{'linuxnet.vnet.vnet_state': {'src': f'{name}.yml', 'state': 'rendered'}, **more, 'register': 'done'}
             for name, more in (('value', {}), ('whole', {}), ('whole', {'async': 60, 'poll': 1}))]
    shown = [{'ansible.builtin.debug': {'msg': '<{{ done.commands | length }}>'}}]
    play = {'hosts': 'localhost', 'gather_facts': False, 'vars': {'ansible_python_interpreter': sys.executable}, 'tasks': [
        task for one in tasks for task in (one, *shown)]}
    (tmp_path / 'play.yml').write_text(json.dumps([play]))
    said = call(PLAYBOOK, '-vvv', '-i', 'localhost,', '-c', 'local', 'play.yml')
    assert said.count('<5>') == 3 and KEY not in said


@pytest.mark.parametrize('content, said', [
    (b'links:\n  - {name: d0, alias: "' + KEY.encode() + b'}\n', 'is neither JSON nor YAML: found unexpected end of stream, line 3, column 1'),
    (b'links:\n  - name: d0\n  alias: ' + KEY.encode() + b'\n   x', 'is neither JSON nor YAML: '),
    (KEY.encode() + b'\x01', 'is neither JSON nor YAML: '),
    (b'links: "' + KEY.encode() + b'\xe9"', 'is not text in UTF-8'),
])
def test_what_cannot_be_read_is_not_shown(tmp_path, content, said):
    pytest.importorskip('yaml')
    (tmp_path / 'state.yml').write_bytes(content)
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'src': str(tmp_path / 'state.yml'), 'remote_src': True, 'state': 'rendered'})
    assert said in caught.value.result['msg'] and KEY not in caught.value.result['msg'], caught.value.result['msg']
