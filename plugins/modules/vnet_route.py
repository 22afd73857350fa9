#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_route
short_description: Manage routes
version_added: 0.1.0
description:
  - Adds, replaces and removes routes. Routes that this module makes carry the protocol number 118 unless O(protocol) says otherwise.
  - Purging removes only routes of that protocol, so those of the kernel, of daemons and of the administrator stay.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_route
"""

EXAMPLES = r"""
- name: Routes in a namespace
  linuxnet.vnet.vnet_route:
    netns: blue
    config:
      - {dst: default, via: 192.0.2.254}
      - {dst: 203.0.113.0/24, type: blackhole}

- name: Two ways
  linuxnet.vnet.vnet_route:
    dst: 198.51.100.0/24
    nexthops:
      - {via: 192.0.2.2}
      - {via: 192.0.2.3, weight: 2}
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: routes, netns: blue, name: default, disruption: in_place, values: {dst: default, via: 192.0.2.254}}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - ip -n blue route add default via 192.0.2.254 proto 118
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
    resource_main('routes')


if __name__ == '__main__':
    main()
