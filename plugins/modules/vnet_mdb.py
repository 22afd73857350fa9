#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_mdb
short_description: Manage multicast groups of bridges and VXLAN devices
version_added: 0.1.0
description:
  - Adds and removes entries of the multicast database of a bridge or a VXLAN device.
  - Purging removes permanent entries only; what snooping has learned is left alone.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_mdb
"""

EXAMPLES = r"""
- name: A group behind a port
  linuxnet.vnet.vnet_mdb:
    dev: br0
    port: eth1
    grp: 239.1.1.1

- name: Exactly these groups
  linuxnet.vnet.vnet_mdb:
    dev: br0
    purge: true
    config:
      - {port: eth1, grp: 239.1.1.1, src: 192.0.2.1, vid: 10}
      - {port: eth2, grp: 'ff0e::1'}
      - {port: eth2, grp: '01:00:5e:11:11:11'}
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: mdb, netns: blue, name: 239.1.1.1 on eth1, disruption: in_place, values: {dev: br0, port: eth1, grp: 239.1.1.1}}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - bridge -n blue mdb add dev br0 port eth1 grp 239.1.1.1 permanent
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
    resource_main('mdb')


if __name__ == '__main__':
    main()
