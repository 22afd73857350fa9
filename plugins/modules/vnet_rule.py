#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_rule
short_description: Manage routing policy rules
version_added: 0.1.0
description:
  - Adds and removes rules. A rule is told from others by all of its selectors and its action, so one that differs is another rule and not a change.
  - Rules that this module makes carry the protocol number 118 unless O(protocol) says otherwise, and purging removes only rules of that protocol,
    so those of the kernel, of daemons and of the administrator stay.
  - With O(state=absent) a rule goes whatever its priority, unless O(priority) is given, and O(priority) alone means all rules that have it.
  - One task is one transaction; when an operation fails, those already applied are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
  - linuxnet.vnet.vnet_rule
"""

EXAMPLES = r"""
- name: Packets from one network have a table of their own
  linuxnet.vnet.vnet_rule:
    netns: blue
    src: 192.0.2.0/24
    table: 100

- name: These rules and no others of ours
  linuxnet.vnet.vnet_rule:
    purge: true
    config:
      - {priority: 1000, fwmark: 1, table: 100}
      - {priority: 2000, table: main, suppress_prefixlength: 0}
      - {priority: 3000, ipproto: tcp, dport: 8000-8999, action: prohibit, family: inet6}
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: rules, netns: blue, name: '32765: from 192.0.2.0/24 lookup 100', disruption: in_place,
       values: {priority: 32765, src: 192.0.2.0/24, table: 100}}
commands:
  description: The same as iproute2 command lines, runnable as they are.
  returned: always
  type: list
  elements: str
  sample:
    - ip -n blue rule add from 192.0.2.0/24 pref 32765 table 100 protocol 118
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
    resource_main('rules')


if __name__ == '__main__':
    main()
