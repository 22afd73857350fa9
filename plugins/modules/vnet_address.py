#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_address
short_description: Manage IPv4 and IPv6 addresses
version_added: 0.1.0
description:
  - Adds and removes addresses of links. Addresses that this module makes carry the protocol number 118, where the kernel has it.
  - O(purge) removes the other addresses of a link whoever made them, those of DHCP and of router advertisements, too. Only V(127.0.0.1/8) and V(::1/128)
    of the loopback stay, and of IPv6 temporary addresses and link-local ones that the kernel made or that say of nobody who did.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_address
"""

EXAMPLES = r"""
- name: Addresses in a namespace
  linuxnet.vnet.vnet_address:
    netns: blue
    dev: eth0
    config:
      - address: 192.0.2.1/24
      - {address: '2001:db8::1/64', nodad: true}

- name: Exactly this address
  linuxnet.vnet.vnet_address:
    dev: eth1
    address: 198.51.100.1/24
    purge: true
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: addresses, netns: blue, name: 192.0.2.1/24 on eth0, disruption: in_place}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - ip -n blue address add 192.0.2.1/24 dev eth0
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
    resource_main('addresses')


if __name__ == '__main__':
    main()
