#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_link
short_description: Make, change and remove network links of every kind
version_added: 0.1.0
description:
  - Makes virtual links, configures existing ones such as physical NICs, and removes links.
  - Both ends of a pair, parents, masters and namespaces may be listed in any order.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_link
"""

EXAMPLES = r"""
- name: A bridge with VLAN filtering
  linuxnet.vnet.vnet_link:
    name: br0
    kind: bridge
    bridge:
      vlan_filtering: true
      stp_state: false

- name: A veth pair from a namespace to the bridge
  linuxnet.vnet.vnet_link:
    name: blue-br
    kind: veth
    master: br0
    bridge_port:
      isolated: true
    peer:
      name: eth0
      netns: blue

- name: A VXLAN segment
  linuxnet.vnet.vnet_link:
    name: vx100
    kind: vxlan
    mtu: 1450
    vxlan:
      id: 100
      local: 10.0.0.1

- name: Remove all test links that are not listed
  linuxnet.vnet.vnet_link:
    purge: true
    purge_match: ['test*']
    config:
      - {name: test0, kind: dummy}
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: links, netns: null, name: br0, disruption: in_place, values: {name: br0, kind: bridge, up: true}}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - ip link add name br0 type bridge
    - ip link set dev br0 up
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
    resource_main('links')


if __name__ == '__main__':
    main()
