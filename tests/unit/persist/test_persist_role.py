# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role persist forgets what it has kept, and leaves alone what is not its own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = Path(sys.executable).with_name('ansible-playbook')

pytestmark = pytest.mark.skipif(not PLAYBOOK.exists(), reason='needs ansible-playbook')


@pytest.fixture
def persist(tmp_path):
    """Run the role with persist_state: absent and these variables, or a part of it."""
    def run(part='main', wanted=0, **variables):
        play = {'hosts': 'localhost', 'gather_facts': False, 'tasks': [{'ansible.builtin.include_role': {'name': 'linuxnet.vnet.persist', 'tasks_from': part}}],
                'vars': {'ansible_python_interpreter': sys.executable, 'persist_state': 'absent',
                         **{f'persist_{name}': str(value) for name, value in variables.items()}}}
        (tmp_path / 'play.yml').write_text(json.dumps([play]))
        environment = {name: value for name, value in os.environ.items() if not name.startswith('ANSIBLE_')}
        environment |= {'ANSIBLE_COLLECTIONS_PATH': str(ROOT / '.build/collections'), 'ANSIBLE_NOCOLOR': '1', 'ANSIBLE_LOCAL_TEMP': str(tmp_path / 'l'),
                        'ANSIBLE_REMOTE_TEMP': str(tmp_path / 'r')}
        done = subprocess.run([PLAYBOOK, '-i', 'localhost,', '-c', 'local', 'play.yml'], cwd=tmp_path, env=environment, capture_output=True, text=True,
                              check=False, timeout=300)
        assert done.returncode == wanted, done.stdout + done.stderr

    return run


def test_files_of_others_stay(tmp_path, persist):
    name, folder = f'vnet-{secrets.token_hex(3)}', tmp_path / 'etc'
    (folder / 'theirs').mkdir(parents=True)
    for path in folder / f'{name}.json', folder / 'theirs' / 'keys', folder / 'hosts', folder / '.hidden', tmp_path / 'program.pyz':
        path.touch()
    for theirs in 'hosts', '.hidden', 'theirs':
        persist(name=name, folder=folder, program=tmp_path / 'program.pyz')
        assert (folder / theirs).exists() and not (folder / f'{name}.json').exists() and not (tmp_path / 'program.pyz').exists()
        subprocess.run(['rm', '-r', folder / theirs], check=True)
    persist(name=name, folder=folder, program=tmp_path / 'program.pyz')
    assert not folder.exists()
    persist(name=name, folder=folder, program=tmp_path / 'program.pyz')


def test_the_program_stays_for_other_documents(tmp_path, persist):
    program = tmp_path / 'program.pyz'
    program.touch()
    (tmp_path / 'etc').mkdir()
    for name in 'one', 'other':
        (tmp_path / 'etc' / f'{name}.json').touch()
    persist(name='one', folder=tmp_path / 'etc', program=program)
    assert program.exists() and [path.name for path in (tmp_path / 'etc').iterdir()] == ['other.json']


@pytest.mark.skipif(not os.access('/etc/systemd/system', os.W_OK), reason='needs a folder for units')
def test_the_program_stays_for_units_of_other_folders(tmp_path, persist):
    program, folder, unit = tmp_path / 'program.pyz', tmp_path / 'etc', Path(f'/etc/systemd/system/vnet-{secrets.token_hex(3)}.service')
    program.touch()
    folder.mkdir()
    unit.write_text(f'[Service]\nExecStart=/usr/bin/python3 {program} /other/folder/other.json\n')
    try:
        persist(name='one', folder=folder, program=program)
        assert program.exists() and not folder.exists()
    finally:
        unit.unlink()
    persist(name='one', folder=folder, program=program)
    assert not program.exists()


def test_a_folder_that_is_there_keeps_its_mode(tmp_path, persist):
    """As /etc would."""
    folder = tmp_path / 'etc'
    folder.mkdir(mode=0o755)
    persist('present', 2, name='no/folder/for/it', folder=folder, program=tmp_path / 'program.pyz')
    assert folder.stat().st_mode & 0o777 == 0o755 and (tmp_path / 'program.pyz').exists()
    persist('present', 2, name='no/folder/for/it', folder=tmp_path / 'new', program=tmp_path / 'program.pyz')
    assert (tmp_path / 'new').stat().st_mode & 0o777 == 0o700
