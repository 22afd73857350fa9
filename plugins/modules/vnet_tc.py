#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_tc
short_description: Manage traffic control, qdiscs, classes and filters with actions
version_added: 0.1.0
description:
  - Shapes, schedules, polices, classifies and redirects packets, as C(tc) does. Options are called as on the command line of C(tc),
    and rates, sizes and times are written as there, so C(10mbit), C(15kb) and C(50ms).
  - A qdisc is known by its place, a class by its id, and a filter by its O(filter.pref) and O(filter.handle), or without these by what it matches.
  - A qdisc of the same kind and number is changed in place where its kind can do that. Otherwise it is made anew, and its classes, filters and
    inner qdiscs come back if the kind and number are the same; if not, they go, and C(flushes) of the operation names them.
  - Ids such as V(1:10) must be in quotes, since YAML takes them for numbers in base 60.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_tc
"""

EXAMPLES = r"""
- name: Ten megabits for SSH and the rest for others
  linuxnet.vnet.vnet_tc:
    dev: eth0
    config:
      - qdisc: {root: true, handle: "1:", kind: htb, options: {default: 20}}
      - class: {parent: "1:", classid: "1:1", kind: htb, options: {rate: 100mbit}}
      - class: {parent: "1:1", classid: "1:10", kind: htb, options: {rate: 10mbit, ceil: 100mbit, prio: 0}}
      - class: {parent: "1:1", classid: "1:20", kind: htb, options: {rate: 90mbit, ceil: 100mbit, prio: 1}}
      - qdisc: {parent: "1:20", kind: fq_codel}
      - filter:
          parent: "1:"
          protocol: ip
          pref: 10
          kind: u32
          match: [ip protocol 6 0xff, ip dport 22 0xffff]
          options: {classid: "1:10"}

- name: A slow and unreliable line
  linuxnet.vnet.vnet_tc:
    dev: eth0
    qdisc: {root: true, kind: netem, options: {delay: 50ms, jitter: 10ms, loss: 1%}}

- name: What arrives goes through ifb0, where it is shaped; more than 1 Mbit/s of pings is dropped before
  linuxnet.vnet.vnet_tc:
    config:
      - {dev: eth0, qdisc: {kind: clsact}}
      - dev: eth0
        filter:
          parent: ingress
          protocol: ip
          pref: 10
          kind: flower
          match: {ip_proto: icmp}
          actions:
            - {kind: police, rate: 1mbit, burst: 10kb, conform_exceed: drop/pipe}
            - {kind: mirred, dev: ifb0}
      - dev: eth0
        filter: {parent: ingress, pref: 20, kind: matchall, actions: [{kind: mirred, direction: egress, action: redirect, dev: ifb0}]}
      - {dev: ifb0, qdisc: {root: true, kind: tbf, options: {rate: 20mbit, burst: 32kb, latency: 50ms}}}

- name: Packets to a network leave with a VLAN tag
  linuxnet.vnet.vnet_tc:
    dev: eth0
    config:
      - qdisc: {kind: clsact}
      - filter:
          parent: egress
          protocol: ip
          pref: 10
          kind: flower
          match: {dst_ip: 192.0.2.0/24, ip_proto: udp, dst_port: 5000-5010}
          actions:
            - {kind: vlan, action: push, id: 100}

- name: Nothing but the kernel's own queue
  linuxnet.vnet.vnet_tc:
    dev: eth0
    purge: true
"""

RETURN = r"""
operations:
  description:
    - What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before), C(disruption) and C(flushes).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: tc, netns: null, name: qdisc root on eth0, disruption: in_place}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - 'tc qdisc add dev eth0 root netem delay 50ms 10ms loss random 1%'
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
    resource_main('tc')


if __name__ == '__main__':
    main()
