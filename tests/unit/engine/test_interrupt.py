# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that is asked to end takes back what it has done, whoever asks."""

from __future__ import annotations

import gc
import os
import signal

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import module


class Module:
    _diff = False

    def __init__(self):
        self.said = {}

    def fail_json(self, **said):
        self.said = said
        raise SystemExit(1)


@pytest.fixture(autouse=True)
def as_before():
    handlers = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    yield
    gc.enable()
    for one, handler in handlers.items():
        signal.signal(one, handler)


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGHUP', 'SIGINT'])
def test_the_transaction_is_taken_back_and_no_second_signal_disturbs_that(name):
    said, done = Module(), []

    def outcome():
        try:
            done.append('made')
            os.kill(os.getpid(), getattr(signal, name))
            done.append('not reached')
        except BaseException:
            os.kill(os.getpid(), signal.SIGTERM if name != 'SIGINT' else signal.SIGUSR2)
            done.append('taken back')
            raise

    before = signal.signal(signal.SIGUSR2, lambda *unused: None)
    try:
        with pytest.raises(SystemExit):
            module.leave(said, outcome)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert done == ['made', 'taken back']
    assert said.said['msg'] == f'interrupted by {name}; what this task had done by then was taken back'
