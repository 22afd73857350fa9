#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_fdb
short_description: Manage forwarding entries of bridges and VXLAN devices
version_added: 0.1.0
description:
  - Adds and removes static forwarding entries. Learned entries are left alone.
  - O(remotes) is the short form for head-end replication, one flooding entry a remote VTEP.
  - A O(config) of 256 or more items that have nothing but O(mac) and O(dst), on a VXLAN O(dev) beside it, is handled as a whole. That takes a sixth of the
    time, and the result has one operation for all of them, which tells the first 20.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_fdb
"""

EXAMPLES = r"""
- name: Flood to exactly these VTEPs
  linuxnet.vnet.vnet_fdb:
    dev: vx100
    remotes: [10.0.0.2, 10.0.0.3]
    purge: true

- name: Exactly these, of which there may be a hundred thousand
  linuxnet.vnet.vnet_fdb:
    dev: vx100
    purge: true
    config:
      - {mac: 02:00:00:00:00:01, dst: 10.0.0.1}
      - {mac: 02:00:00:00:00:02, dst: 10.0.0.2}

- name: A MAC behind a VTEP
  linuxnet.vnet.vnet_fdb:
    dev: vx100
    mac: 02:00:00:00:00:03
    dst: 10.0.0.3
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: fdb, netns: null, name: '00:00:00:00:00:00 on vx100 dst 10.0.0.2', disruption: in_place}
commands:
  description: The same as iproute2 command lines, runnable as they are. Of many entries in one operation the first 20, and a comment that says how many follow.
  returned: always
  type: list
  elements: str
  sample:
    - bridge fdb append 00:00:00:00:00:00 dev vx100 dst 10.0.0.2 self permanent
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
    resource_main('fdb')


if __name__ == '__main__':
    main()
