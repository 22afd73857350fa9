#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_checkpoint
short_description: Come back to the present network state unless the changes are committed
version_added: 0.1.0
description:
  - Before a risky change, O(action=create) remembers the state of this machine and of its named network namespaces, and leaves a process behind
    that puts it back after O(timeout) seconds.
  - After the change, O(action=commit) ends that process. It must come over a new connection, so that it proves that the host can still be reached.
    Whoever else asks that process to end, by SIGTERM say, has the state put back at once.
  - Remembered is what M(linuxnet.vnet.vnet_info) reports, the namespaces themselves, and all kernel parameters below C(net). Keys of WireGuard are
    remembered too; the process that is left behind holds them in memory until it ends. Those of MACsec cannot be read back, so a MACsec link that was
    removed meanwhile comes back without its associations.
  - Without O(action=commit), C(/run/linuxnet-vnet/rollback.NUMBER.json) says afterwards what could not be put back. The number is that of the network
    namespace (C(stat -Lc %i /proc/self/ns/net)), since machines that are namespaces of one host share that folder.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
options:
  action:
    description:
      - V(create) remembers the state; there is at most one checkpoint on a host.
      - V(commit) keeps the changes.
      - V(rollback) puts the remembered state back now.
    type: str
    choices: [create, commit, rollback]
    required: true
  timeout:
    description: Seconds after which the state is put back, with O(action=create). At least V(1).
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Remember what is there
  linuxnet.vnet.vnet_checkpoint:
    action: create
    timeout: 120

- name: Change it
  linuxnet.vnet.vnet_link:
    name: eth0
    mtu: 9000

- name: From here on over a new connection
  ansible.builtin.meta: reset_connection

- name: The host can be reached, so the change may stay
  linuxnet.vnet.vnet_checkpoint:
    action: commit
"""

RETURN = r"""
deadline:
  description: When the state is put back without a commit, in seconds since 1970.
  returned: when a checkpoint was created
  type: float
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import checkpoint
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.module import leave
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import VnetError
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES


def main():
    module = AnsibleModule(argument_spec={
        'action': {'type': 'str', 'choices': ['create', 'commit', 'rollback'], 'required': True},
        'timeout': {'type': 'int', 'default': 60},
    }, supports_check_mode=True)

    def outcome():
        action = module.params['action']
        if action == 'create':
            checkpoint.check(module.params['timeout'])
        if module.check_mode:
            return {'changed': action == 'create' or checkpoint.current() is not None}
        if action == 'create':
            return {'changed': True, 'deadline': checkpoint.create(RESOURCES, module.params['timeout'])['deadline']}
        if action == 'commit':
            checkpoint.commit()
            return {'changed': True}
        troubles = checkpoint.roll_back()
        if troubles:
            raise VnetError('rolled back, but not all of it: ' + '; '.join(troubles))
        return {'changed': True}

    leave(module, outcome)


if __name__ == '__main__':
    main()
