# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that is asked to end takes back what it has done, whoever asks and whenever."""

from __future__ import annotations

import gc
import os
import signal

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import ending, module, run
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from unit.engine.test_apply import RESOURCES, Kernel, operation

NAMES = ['SIGTERM', 'SIGHUP', 'SIGINT']


class Module:
    _diff = False

    def __init__(self):
        self.said, self.warned = {}, []

    def warn(self, sentence):
        self.warned.append(sentence)

    def fail_json(self, **said):
        self.said = said
        raise SystemExit(1)

    def exit_json(self, **said):
        self.said = said
        raise SystemExit(0)


@pytest.fixture(autouse=True)
def as_before():
    handlers = {one: signal.getsignal(one) for one in ending.SIGNALS}
    yield
    gc.enable()
    ending._state.update(asked='', held=False)  # pylint: disable=protected-access
    for one, handler in handlers.items():
        signal.signal(one, handler)


def send(name):
    os.kill(os.getpid(), getattr(signal, name))


def left(outcome) -> dict:
    said = Module()
    with pytest.raises(SystemExit):
        module.leave(said, outcome)
    return {**said.said, **({'warned': said.warned} if said.warned else {})}


@pytest.mark.parametrize('name', NAMES)
def test_at_once_while_nothing_is_written(name):
    reached = []

    def outcome():
        send(name)
        reached.append('more')

    assert left(outcome) == {'msg': f'interrupted by {name}; what this task had done by then was taken back', 'rolled_back': True}
    assert not reached


class Asking(Kernel):
    """Asks for an end when a word reaches it, and again with each word after that."""

    def __init__(self, name, word, **more):
        super().__init__(**more)
        self.name, self.word = name, word
        self.sent = Sent(self)


class Sent(list):
    def __init__(self, kernel):
        super().__init__()
        self.kernel, self.asked = kernel, False

    def append(self, word):
        super().append(word)
        self.asked = self.asked or word == self.kernel.word
        if self.asked:
            send(self.kernel.name)


def applied(monkeypatch, kernel, operations, read_back=()):
    """What a module says of these operations."""
    monkeypatch.setattr(run, 'Kernel', lambda: kernel)
    monkeypatch.setattr(kernel, 'close', lambda: None, raising=False)
    plans = [operations, *read_back, []]
    monkeypatch.setattr(run, 'make_plan', lambda *unused: plans.pop(0))
    monkeypatch.setattr(run.connection, 'protect', lambda *unused: None)
    monkeypatch.setattr(run, 'result', lambda *unused, **unused2: {'changed': True, 'warnings': []})
    return left(lambda: run.run(None, RESOURCES))


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('section', ['acts', 'surrounded'])
def test_what_is_being_done_is_taken_back_as_a_whole(monkeypatch, name, section):
    """However often the signal comes, also while that is done."""
    kernel = Asking(name, {'acts': 'create b', 'surrounded': 'first create b'}[section])
    said = applied(monkeypatch, kernel, [operation('create a'), operation('create b', section=section), operation('create c', section='acts')])
    assert said['msg'] == f'interrupted by {name}; what this task had done by then was taken back' and said['rolled_back'] is True
    words = [word for word in kernel.sent if word.partition(' ')[0] in ('create', 'delete')]
    assert words == ['create a', 'create b', 'delete b', 'delete a']


def test_what_could_not_be_taken_back_is_said(monkeypatch):
    kernel = Asking('SIGTERM', 'create b', refuse={'delete a': KernelError(16)})
    said = applied(monkeypatch, kernel, [operation('create a'), operation('create b', section='acts'), operation('create c', section='acts')])
    assert said['rolled_back'] is False and said['msg'].startswith('interrupted by SIGTERM. Not everything could be taken back: ')


def test_what_is_done_stands(monkeypatch):
    """Too late: the last of it was being sent, or read back."""
    kernel = Asking('SIGTERM', 'create a')
    assert applied(monkeypatch, kernel, [operation('create a')], read_back=[[operation('create b', section='acts')], []])['changed'] is True
    assert 'create a' in kernel.sent and 'delete a' not in kernel.sent and 'create b' in kernel.sent and 'delete b' not in kernel.sent


def test_what_cannot_be_read_back_stands(monkeypatch):
    def verify(*unused):
        raise KernelError(4, 'a dump was interrupted')

    monkeypatch.setattr(run, 'verify', verify)
    assert applied(monkeypatch, Kernel(), [operation('create a')]) == {
        'changed': True, 'warned': ['this task has done its work, but could not read all of it back: a dump was interrupted']}
