# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said when the state that was just made reads differently."""

from __future__ import annotations

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import run
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation

LOST = Operation('links', 'set', None, 'eth0', 'eth0', {'mtu': 1400})
CHOICE = Operation('teams', 'set', None, ('team0', 'active_port'), 'team0', {'active_port': 'eth1'}, facts={'follows': True})


@pytest.mark.parametrize('again, left, warnings', [
    ([], [], []),
    ([LOST], [], ['not found as it had just been made, and made again: links eth0']),
    ([LOST], [LOST], ['not found as it had just been made, and made again: links eth0',
                      'the kernel, or someone else on this machine, did not keep links eth0; see who else changes it, and run the task again']),
    ([CHOICE], [], []),
    ([CHOICE, LOST], [], ['not found as it had just been made, and made again: links eth0']),
])
def test_warnings(monkeypatch, again, left, warnings):
    plans, applied = [again, left], []

    class Applier:
        def __init__(self, *unused):
            pass

        def run(self, operations, *unused):
            applied.append(operations)

    monkeypatch.setattr(run, 'make_plan', lambda *unused: plans.pop(0))
    monkeypatch.setattr(run, 'Applier', Applier)
    assert run.verify(None, {}, None) == warnings
    assert applied == ([again] if again else [])
