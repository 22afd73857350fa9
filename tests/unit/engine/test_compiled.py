# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytecode that is kept between tasks: taken when it is of the same source, never when somebody else could have put it there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[3] / 'plugins/module_utils/_compiled.py'
PLACE = 'ansible_collections/linuxnet/vnet/plugins/module_utils'
PROGRAM = f"""
import sys
sys.path.insert(0, sys.argv[1])
from {PLACE.replace('/', '.')} import _compiled
from {PLACE.replace('/', '.')}._part import thing
print(thing.SAID, thing.__file__ == sys.argv[1] + '/{PLACE}/_part/thing.py')
thing.fail()
"""


@pytest.fixture
def task(tmp_path):
    """Runs a task of an archive with this text in one of its modules; returns what it says and its traceback."""
    kept = tmp_path / 'kept'

    def run(said, number=0, **environment):
        archive = tmp_path / f'archive{number}.zip'
        with zipfile.ZipFile(archive, 'w') as file:
            for folder in (*(PLACE.split('/')[:count] for count in range(1, 6)), (PLACE + '/_part').split('/')):
                file.writestr('/'.join((*folder, '__init__.py')), '')
            file.write(SOURCE, PLACE + '/_compiled.py')
            file.writestr(PLACE + '/_part/thing.py', f'SAID = {said!r}\n\n\ndef fail():\n    raise ValueError("on purpose")  # seen\n')
        done = subprocess.run([sys.executable, '-c', PROGRAM, str(archive)], capture_output=True, text=True, check=False, timeout=60, env={
            **{name: value for name, value in os.environ.items() if name != 'PYTHONDONTWRITEBYTECODE'}, 'PYTHONPYCACHEPREFIX': str(kept), **environment})
        return done.stdout.strip(), done.stderr

    run.kept = kept / 'linuxnet.vnet' / str(sys.implementation.cache_tag)
    run.file = run.kept / 'plugins.module_utils._part.thing'
    return run


def swap(path: Path, one: bytes, other: bytes):
    path.write_bytes(path.read_bytes().replace(one, other))


def test_what_is_kept_is_taken_the_next_time(task):
    assert task('first')[0] == 'first True'
    assert task.kept.stat().st_mode & 0o777 == 0o700
    swap(task.file, b'first', b'other')
    assert task('first', 1)[0] == 'other True'


def test_another_source_is_compiled_anew_and_kept_instead(task):
    task('first')
    assert task('second', 1)[0] == 'second True'
    swap(task.file, b'second', b'fourth')
    assert task('second', 2)[0] == 'fourth True'


def test_a_traceback_shows_the_source(task):
    task('first')
    trace = task('first', 1)[1]
    assert f'File "{PLACE}/_part/thing.py", line 5, in fail' in trace
    assert 'ValueError: on purpose' in trace


@pytest.mark.parametrize('damage', [lambda data: b'', lambda data: data[:30], lambda data: data[:-40], lambda data: b'\0' * len(data)])
def test_what_is_damaged_is_made_anew(task, damage):
    task('first')
    task.file.write_bytes(damage(task.file.read_bytes()))
    assert task('first', 1)[0] == 'first True'
    swap(task.file, b'first', b'other')
    assert task('first', 2)[0] == 'other True'


def test_a_folder_that_others_write_to_is_not_trusted(task):
    task('first')
    swap(task.file, b'first', b'other')
    task.kept.chmod(0o777)
    assert task('first', 1)[0] == 'first True'


def test_a_folder_of_somebody_else_is_not_trusted(task, tmp_path):
    if os.geteuid():
        pytest.skip('only root can give a folder away')
    task('first')
    swap(task.file, b'first', b'other')
    shutil.chown(task.kept, 65534)
    assert task('first', 1)[0] == 'first True'


def test_nothing_is_written_where_python_is_told_so(task):
    assert task('first', PYTHONDONTWRITEBYTECODE='1')[0] == 'first True'
    assert not task.kept.exists()


def test_a_place_that_cannot_be_written_to_does_no_harm(task, tmp_path):
    (tmp_path / 'kept').write_text('a file')
    assert task('first')[0] == 'first True'
