#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_nat
short_description: Manage address translation with nftables
version_added: 0.1.0
description:
  - Adds and removes rules that translate the source or destination addresses of connections, IPv4 and IPv6.
  - The rules live in the nftables table C(inet linuxnet_vnet) of the namespace, which is made with the first rule and removed with the last.
    Other tables are neither looked at nor touched.
  - All options together are the identity of a rule. A rule that was altered by hand is repaired where it stands.
  - Translation needs forwarding, which M(linuxnet.vnet.vnet_sysctl) switches on, and a connection keeps the translation that it began with.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
requirements:
  - libnftables with JSON support (package C(libnftables1) on Debian and Ubuntu, C(nftables) on others)
  - Linux 5.2
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_nat
"""

EXAMPLES = r"""
- name: A namespace that hides its network behind its own address
  linuxnet.vnet.vnet_nat:
    netns: router
    type: masquerade
    src: 192.0.2.0/24
    oif: eth0

- name: Exactly these rules
  linuxnet.vnet.vnet_nat:
    netns: router
    purge: true
    config:
      - {type: snat, src: 192.0.2.0/24, oif: eth0, to: 203.0.113.1-203.0.113.4}
      - {type: dnat, iif: eth0, proto: tcp, dport: 80, to: '192.0.2.10:8080'}
      - {type: dnat, iif: eth0, proto: tcp, dport: 80, to: '[2001:db8::10]:8080'}
      - {type: redirect, iif: eth1, proto: udp, dport: 53, to: 5353}

- name: This host's own connections to its public address, too
  linuxnet.vnet.vnet_nat:
    type: dnat
    oif: lo
    dst: 203.0.113.1
    proto: tcp
    dport: 80
    to: 192.0.2.10:8080
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - action: create
      resource: nat
      netns: router
      name: masquerade src 192.0.2.0/24 oif eth0
      disruption: in_place
      values: {type: masquerade, src: 192.0.2.0/24, oif: eth0}
commands:
  description: The same as nft command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - ip netns exec router nft add table inet linuxnet_vnet
    - >-
      ip netns exec router nft add chain inet linuxnet_vnet postrouting '{ type nat hook postrouting priority srcnat; }'
    - >-
      ip netns exec router nft add rule inet linuxnet_vnet postrouting oifname '"eth0"' ip saddr 192.0.2.0/24 masquerade
      comment '"masquerade src 192.0.2.0/24 oif eth0"'
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
    resource_main('nat')


if __name__ == '__main__':
    main()
