#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_bridge_vlan
short_description: Make bridge ports members of VLANs
version_added: 0.1.0
description:
  - Sets which VLANs a bridge port or a bridge itself is a member of, with PVID, untagging, tunnel mapping and spanning tree state.
  - Ranges become one netlink message.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_bridge_vlan
"""

EXAMPLES = r"""
- name: An access port in VLAN 100 and nothing else
  linuxnet.vnet.vnet_bridge_vlan:
    dev: blue-br
    vlans:
      - {vid: 100, pvid: true, untagged: true}
    purge: true

- name: A trunk
  linuxnet.vnet.vnet_bridge_vlan:
    dev: eth1
    vlans:
      - {vid: 100-199}
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: bridge_vlans, netns: null, name: blue-br VLAN 100, disruption: in_place, values: {pvid: true, untagged: true}}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - bridge vlan add dev blue-br vid 100 pvid untagged
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

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.module import resource_main


def main():
    resource_main('bridge_vlans')


if __name__ == '__main__':
    main()
