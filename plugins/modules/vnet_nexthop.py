#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_nexthop
short_description: Manage nexthop objects
version_added: 0.1.0
description:
  - Adds, replaces and removes nexthop objects and groups of them. Routes (O(linuxnet.vnet.vnet_route#module:nhid)) and FDB entries
    (O(linuxnet.vnet.vnet_fdb#module:nhid)) that refer to one follow it when it changes.
  - Nexthops that this module makes carry the protocol number 118 unless O(protocol) says otherwise, and purging removes only nexthops of that protocol.
  - The kernel removes the routes of a nexthop with it; C(flushes) in RV(operations) names them.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_nexthop
"""

EXAMPLES = r"""
- name: Two gateways that share the traffic
  linuxnet.vnet.vnet_nexthop:
    config:
      - {id: 1, via: 192.0.2.1, dev: eth0}
      - {id: 2, via: 198.51.100.1, dev: eth1}
      - {id: 10, group: [{id: 1}, {id: 2, weight: 2}]}

- name: A route over them
  linuxnet.vnet.vnet_route:
    dst: 203.0.113.0/24
    nhid: 10

- name: Remote VTEPs of FDB entries
  linuxnet.vnet.vnet_nexthop:
    config:
      - {id: 21, via: 192.0.2.21, fdb: true}
      - {id: 22, via: 192.0.2.22, fdb: true}
      - {id: 20, group: [{id: 21}, {id: 22}], fdb: true}
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: nexthops, netns: blue, name: '1', disruption: in_place, values: {id: 1, via: 192.0.2.1, dev: eth0}}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - ip -n blue nexthop add id 1 via 192.0.2.1 dev eth0 protocol 118
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
    resource_main('nexthops')


if __name__ == '__main__':
    main()
