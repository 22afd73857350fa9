#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_state
short_description: Apply a whole host's network as one document in one transaction
version_added: 0.1.0
description:
  - Makes namespaces, links, addresses, routes and all else that a document lists, in one transaction and in any order of items.
  - What the document does not mention is left alone; an item with C(purge) empties the scope that it names.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
options:
  netns:
    description: Namespaces, as items of M(linuxnet.vnet.vnet_netns).
    type: list
    elements: dict
  links:
    description: Links, as items of M(linuxnet.vnet.vnet_link).
    type: list
    elements: dict
  teams:
    description: Teams, as items of M(linuxnet.vnet.vnet_team).
    type: list
    elements: dict
  bridge_vlans:
    description: VLAN membership, as items of M(linuxnet.vnet.vnet_bridge_vlan).
    type: list
    elements: dict
  fdb:
    description:
      - Forwarding entries, as items of M(linuxnet.vnet.vnet_fdb).
      - Many of them belong into the C(config) of one item for each device, which is quicker.
    type: list
    elements: dict
  mdb:
    description: Multicast groups, as items of M(linuxnet.vnet.vnet_mdb).
    type: list
    elements: dict
  addresses:
    description: Addresses, as items of M(linuxnet.vnet.vnet_address).
    type: list
    elements: dict
  neighs:
    description: Neighbours, as items of M(linuxnet.vnet.vnet_neigh).
    type: list
    elements: dict
  nexthops:
    description: Nexthop objects, as items of M(linuxnet.vnet.vnet_nexthop).
    type: list
    elements: dict
  routes:
    description: Routes, as items of M(linuxnet.vnet.vnet_route).
    type: list
    elements: dict
  rules:
    description: Routing policy rules, as items of M(linuxnet.vnet.vnet_rule).
    type: list
    elements: dict
  sysctls:
    description: Kernel parameters, as items of M(linuxnet.vnet.vnet_sysctl).
    type: list
    elements: dict
  nat:
    description: Address translation, as items of M(linuxnet.vnet.vnet_nat).
    type: list
    elements: dict
  tc:
    description: Traffic control, as items of M(linuxnet.vnet.vnet_tc).
    type: list
    elements: dict
  src:
    description:
      - File that holds the document, in YAML or JSON; a large document belongs in a file, since Ansible templates every string of inline ones.
      - Excludes the sections as options.
    type: path
  remote_src:
    description: The file is on the managed host; otherwise it is looked for on the controller, as M(ansible.builtin.copy) does.
    type: bool
    default: false
  state:
    description:
      - V(present) applies the document.
      - V(rendered) returns the plan and its C(commands) for an empty host, without root and without looking at this one.
    type: str
    choices: [present, rendered]
    default: present
  allow_disconnect:
    description: Go ahead even if the plan cuts the connection that Ansible came by.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: A namespace on a bridge
  linuxnet.vnet.vnet_state:
    netns:
      - name: blue
    links:
      - {name: br0, kind: bridge}
      - {name: blue-br, kind: veth, master: br0, peer: {name: eth0, netns: blue}}
    addresses:
      - {netns: blue, dev: eth0, address: 192.0.2.1/24}

# fabric.json: {"fdb": [{"dev": "vx100", "purge": true, "config": [{"mac": "02:00:00:00:00:01", "dst": "10.0.0.1"}]}]}
- name: A large document, which was computed elsewhere
  linuxnet.vnet.vnet_state:
    src: fabric.json

- name: The same as iproute2 commands, without touching anything
  linuxnet.vnet.vnet_state:
    state: rendered
    links:
      - {name: br0, kind: bridge}
  register: plan
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
commands:
  description: The same as iproute2 command lines, runnable as they are. Of many FDB entries in one operation the first 20, and a comment that says how many
    follow; all of them where O(state=rendered).
  returned: always
  type: list
  elements: str
failed_operation:
  description: The operation that was refused.
  returned: when an operation failed
  type: dict
errno:
  description: Number of the error that the kernel answered with.
  returned: when an operation failed
  type: int
errno_name:
  description: Its name, as in errno(3).
  returned: when an operation failed
  type: str
extack:
  description: What the kernel (of a team, C(teamd)) says about it, where it says something.
  returned: when an operation failed
  type: str
rolled_back:
  description: Whether everything else of the task was undone.
  returned: when an operation failed
  type: bool
"""

import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document, secrets
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.module import leave
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.run import rendered, run
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES


def read(path):
    """The document in a file: JSON, or YAML where the host has a library for it."""
    try:
        with open(path, encoding='utf-8') as file:
            text = file.read()
    except OSError as exc:
        raise InputError(f'src {path}: {exc.strerror}') from exc
    except ValueError as exc:
        raise InputError(f'src {path} is not text in UTF-8: {exc}') from exc
    try:
        document = json.loads(text)
    except ValueError:
        try:
            import yaml
        except ImportError:
            raise MissingAbility(f'{path} is not JSON, and reading YAML on the managed host needs python3-yaml') from None
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as exc:
            # without the lines that it quotes, which may hold keys
            mark = getattr(exc, 'problem_mark', None)
            what = getattr(exc, 'problem', None) or 'characters that are not allowed'
            raise InputError(f'src {path} is neither JSON nor YAML: {what}' + (f', line {mark.line + 1}, column {mark.column + 1}' if mark else '')) from None
    if not isinstance(document, dict):
        raise InputError(f'src {path}: must be a dict of sections')
    return document


def main():
    spec = {section: {'type': 'list', 'elements': 'dict'} for section in RESOURCES}
    spec.update(
        src={'type': 'path'},
        remote_src={'type': 'bool', 'default': False},
        state={'type': 'str', 'choices': ['present', 'rendered'], 'default': 'present'},
        allow_disconnect={'type': 'bool', 'default': False},
    )
    # a document may hold keys, and what is logged is written down before they can be looked for
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, no_log=True, mutually_exclusive=[('src', section) for section in RESOURCES])

    def outcome():
        document = read(module.params['src']) if module.params['src'] else {section: module.params[section] for section in RESOURCES}
        module.no_log_values.update(secrets(RESOURCES, document))
        desired = from_document(RESOURCES, document)
        if module.params['state'] == 'rendered':
            return {**rendered(desired, RESOURCES), 'changed': False}
        return run(desired, RESOURCES, check=module.check_mode, allow_disconnect=module.params['allow_disconnect'], diff=module._diff)

    leave(module, outcome)


if __name__ == '__main__':
    main()
