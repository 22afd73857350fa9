# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner on documents and worlds written in YAML: plans/CASE/{desired,observed,plan}.yml."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from unit.engine.worlds import Simulator, read_world

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.result import result
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

#: what the planner does not do yet: these fail until it does
CASES = sorted(path.parent for path in Path(__file__).parent.glob('plans/*/desired.yml'))


def read(path):
    return yaml.safe_load(path.read_text()) or {} if path.exists() else {}


def line(operation) -> str:
    """One operation as plan.yml writes it."""
    words = [operation.action, operation.section, operation.name]
    words += [f'netns {operation.netns}'] if operation.netns else []
    words += [operation.disruption] if operation.disruption != 'in_place' else []
    words += ['flushes ' + ', '.join(operation.flushes)] if operation.flushes else []
    return ' '.join(words)


def planned(case, world=None):
    """What plan.yml says, made now."""
    world = world or read_world(read(case / 'observed.yml'))
    try:
        operations = make_plan(from_document(RESOURCES, read(case / 'desired.yml')), world)
    except InputError as exc:
        return {'error': exc.message}, None
    return {'operations': [line(operation) for operation in operations], 'commands': result(operations, RESOURCES)['commands']}, operations


@pytest.mark.parametrize('case', [case for case in CASES if (case / 'plan.yml').exists()], ids=lambda case: case.name)
def test_plan(case):
    made, unused = planned(case)
    assert made == read(case / 'plan.yml')


@pytest.mark.parametrize('case', [
    case for case in CASES if 'error' not in read(case / 'plan.yml')], ids=lambda case: case.name)
def test_carried_out_and_taken_back(case):
    """The order holds on a strict kernel, a second plan is empty, and the undo leads back."""
    simulator = Simulator(read_world(read(case / 'observed.yml')))
    before = simulator.snapshot()
    unused, operations = planned(case, simulator.world())
    simulator.run(operations)
    assert planned(case, simulator.world())[0]['operations'] == []
    assert simulator.undo() == []
    assert simulator.snapshot() == before


def test_there_are_cases():
    assert len(CASES) >= 30
