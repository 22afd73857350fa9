# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection as Ansible does on a managed host: JSON arguments in, JSON result out."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from unittest import mock

from ansible.module_utils import basic


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
    try:
        result = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise AssertionError(f'{name} printed no result:\n{output}') from None
    if result.get('failed'):
        raise ModuleFailed(name, result)
    return result


def _child(module, arguments: dict, write: int):
    """Never returns: the standard output of module.main() goes to `write`."""
    encoded = json.dumps({'ANSIBLE_MODULE_ARGS': arguments}).encode()
    try:
        with open(write, 'w', encoding='utf-8') as sys.stdout:
            # Ansible's own wrapper sets the profile from ansible-core 2.19 on.
            with mock.patch.object(basic, '_ANSIBLE_ARGS', encoded), mock.patch.object(basic, '_ANSIBLE_PROFILE', 'legacy', create=True):
                try:
                    module.main()
                except SystemExit:
                    pass
                except BaseException:  # a traceback in the output is what the parent reports
                    traceback.print_exc(file=sys.stdout)
    finally:
        os._exit(0)
