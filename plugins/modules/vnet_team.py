#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_team
short_description: Make teams of links, with or without teamd
version_added: 0.1.0
description:
  - Makes a team device, gives it a runner and ports, by the team driver alone or by libteam's daemon C(teamd).
  - A team that C(teamd) runs is reconfigured without losing its device. The daemon is a supervised unit C(vnet-teamd-NAME.service) where there is systemd,
    else a process of its own.
  - MTU, MAC address and master of the device are matters of M(linuxnet.vnet.vnet_link). A team that is made here takes the MAC address of its first port.
  - C(teamd) keeps its sockets in one folder, so that a machine can have one team of a name under C(teamd), whatever its namespaces.
  - One task is one transaction; when an operation fails, those already applied are undone.
requirements:
  - libteam-utils (Debian, Ubuntu) or teamd (Fedora, RHEL) for runner V(lacp), for other link watchers than the carrier, and for failover.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_team
"""

EXAMPLES = r"""
- name: Fail over between two NICs
  linuxnet.vnet.vnet_team:
    name: team0
    runner: activebackup
    link_watch: {name: ethtool}
    ports:
      - {name: eth1, prio: 100, sticky: true}
      - {name: eth2}

- name: LACP towards a switch, with exactly these ports
  linuxnet.vnet.vnet_team:
    name: team1
    runner: lacp
    runner_options: {fast_rate: true, tx_hash: [eth, ip, l4]}
    ports:
      - {name: eth3}
      - {name: eth4}
    purge: true

- name: Round robin in a namespace, by the driver alone
  linuxnet.vnet.vnet_team:
    netns: blue
    name: team2
    runner: roundrobin
    implementation: kernel
    ports: [{name: veth1}, {name: veth2}]
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: teams, netns: null, name: team0, disruption: in_place}
commands:
  description: The same as lines of C(ip), C(teamnl), C(teamd) and C(teamdctl), runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - ip link add name team0 type team
    - teamnl team0 setoption mode roundrobin
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
    resource_main('teams')


if __name__ == '__main__':
    main()
