# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection as Ansible does on a managed host: JSON arguments in, JSON result out."""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import sys
import traceback
from types import SimpleNamespace
from unittest import mock

from ansible.module_utils import basic
from ansible.module_utils.common import warnings

try:
    from ansible.module_utils import _internal
except ImportError:  # before ansible-core 2.19
    _internal = SimpleNamespace()


class ModuleFailed(Exception):
    """The module reported a failure; `result` is all that it returned."""

    def __init__(self, name: str, result: dict):
        super().__init__(f'{name}: {result.get("msg")}\n{json.dumps(result, indent=2)}')
        self.result = result


def run_module(name: str, options: dict, check: bool = False, diff: bool = False) -> dict:
    """The result of one run of the module `name` (`vnet_link`); ModuleFailed where Ansible would report the task as failed.

    It runs in a child process, so that nothing that a run leaves in memory reaches the next one; no Ansible controller takes part.
    """
    module = importlib.import_module(f'ansible_collections.linuxnet.vnet.plugins.modules.{name}')
    arguments = dict(options, _ansible_check_mode=check, _ansible_diff=diff)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _child(module, arguments, write)
    os.close(write)
    with open(read, encoding='utf-8') as stream:
        output = stream.read()
    os.waitpid(child, 0)
    return _result(name, output)


def _result(name: str, output: str) -> dict:
    try:
        result = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise AssertionError(f'{name} printed no result:\n{output}') from None
    if result.get('failed'):
        raise ModuleFailed(name, result)
    return result


def run_here(name: str, options: dict, check: bool = False, diff: bool = False) -> dict:
    """As run_module, in this process: a process costs a hundred times more than the run where the kernel runs in user mode.

    What a run leaves behind in memory is thrown away here; a test of exactly that wants run_module.
    """
    module = importlib.import_module(f'ansible_collections.linuxnet.vnet.plugins.modules.{name}')
    output = io.StringIO()
    with mock.patch.object(sys, 'stdout', output):
        _main(module, dict(options, _ansible_check_mode=check, _ansible_diff=diff))
    gc.enable()
    warnings._global_warnings.clear()  # pylint: disable=protected-access
    return _result(name, output.getvalue())


def round_trip(*netns: str) -> dict:
    """What vnet_info says of these namespaces, all that vnet_state needs to find nothing to do; returns it."""
    state = run_here('vnet_info', {'netns': list(netns), 'gather': ['state']})['state']
    again = run_here('vnet_state', state)
    assert again['operations'] == [], json.dumps(again['operations'], indent=1)
    return state


def _child(module, arguments: dict, write: int):
    """Never returns: the standard output of module.main() goes to `write`."""
    try:
        with open(write, 'w', encoding='utf-8') as sys.stdout:
            _main(module, arguments)
    finally:
        os._exit(0)


def _main(module, arguments: dict):
    """Runs module.main(); a traceback goes where its result would."""
    encoded = json.dumps({'ANSIBLE_MODULE_ARGS': arguments}).encode()
    # Ansible's own wrapper sets the profile from ansible-core 2.19 on; a test may have imported parts of the controller, where warnings go elsewhere.
    with (mock.patch.object(basic, '_ANSIBLE_ARGS', encoded), mock.patch.object(basic, '_ANSIBLE_PROFILE', 'legacy', create=True),
          mock.patch.object(_internal, 'is_controller', False, create=True)):
        try:
            module.main()
        except SystemExit:
            pass
        except BaseException:  # a traceback in the output is what the caller reports
            traceback.print_exc(file=sys.stdout)
