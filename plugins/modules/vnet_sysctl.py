#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_sysctl
short_description: Set kernel parameters, in any namespace
version_added: 0.1.0
description:
  - Writes parameters below C(/proc/sys) of the running kernel. Nothing is written to C(/etc/sysctl.d).
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_sysctl
"""

EXAMPLES = r"""
- name: Forward packets in a namespace
  linuxnet.vnet.vnet_sysctl:
    netns: router
    config:
      - {name: net.ipv4.ip_forward, value: '1'}
      - {name: net/ipv4/conf/eth0.100/rp_filter, value: '2'}
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: set, resource: sysctls, netns: router, name: net.ipv4.ip_forward, disruption: in_place}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - nsenter --net=/run/netns/router sysctl -w net.ipv4.ip_forward=1
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
    resource_main('sysctls')


if __name__ == '__main__':
    main()
