# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an AnsibleModule to the engine and back: all that the modules do."""

from __future__ import annotations

import gc

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import ending
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.apply import left_behind
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_module
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.run import run
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import VnetError
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.arguments import argument_spec
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES


class Module(AnsibleModule):
    """An AnsibleModule whose complaints about arguments are the engine's where the engine has one: it names the item, the value and
    what is allowed."""

    def __init__(self, resource, **more):
        self._resource = resource
        super().__init__(**more)
        self._resource = None

    def _load_params(self):
        """The items of a list go to the engine as they are: AnsibleModule would look for each option of each kind in each of them, and take longer
        than all the rest. What is secret in them is told to it nevertheless."""
        super()._load_params()
        # of what it cannot convert, AnsibleModule makes nothing
        self._given = {name: value for name, value in self.params.items() if not name.startswith('_ansible_')}
        listed = self.argument_spec['config']
        self.argument_spec['config'] = {name: value for name, value in listed.items() if name != 'options'}
        items, table = self.params.get('config'), self._resource.table
        if table.hiding and isinstance(items, list):
            for item in items:
                self.no_log_values.update(table.secrets(item) if isinstance(item, dict) else ())

    def fail_json(self, msg, **details):
        if self._resource is not None:
            try:
                from_module(self._resource, self._given)
            except VnetError as exc:
                msg = exc.message
        super().fail_json(msg, **details)


def resource_main(section: str):
    """The main() of a module of one resource."""
    module = Module(RESOURCES[section], argument_spec=argument_spec(RESOURCES[section]), supports_check_mode=True)
    leave(module, lambda: run(from_module(RESOURCES[section], module.params), RESOURCES, check=module.check_mode,
                              allow_disconnect=module.params['allow_disconnect'], diff=module._diff))


def leave(module: AnsibleModule, outcome):
    """Leave with the result that `outcome()` returns, or with one sentence about what is wrong."""
    gc.disable()  # a module lives for a moment, and what it makes it needs to the end
    ending.listen()
    try:
        result = outcome()
    except VnetError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    except KeyboardInterrupt as exc:
        troubles = getattr(exc, 'troubles', [])
        left = left_behind(troubles) or '; what this task had done by then was taken back'
        module.fail_json(msg=f'interrupted by {exc}{left}', rolled_back=not troubles)
    for warning in result.pop('warnings', ()):
        module.warn(warning)
    if not module._diff:
        result.pop('diff', None)
    module.exit_json(**result)
