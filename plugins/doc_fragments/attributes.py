# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of every module that changes the network."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: The plan that check mode shows is the plan that is applied.
    support: full
  diff_mode:
    description: Shows the touched objects before and after, as YAML.
    support: full
  action_group:
    description:
      - Defaults of C(group/linuxnet.vnet.vnet) in C(module_defaults) are given to each module of the collection that the play uses, and one that has no such
        option fails.
      - So C(netns) can be given for plays without M(linuxnet.vnet.vnet_netns), M(linuxnet.vnet.vnet_checkpoint) and M(linuxnet.vnet.vnet_state), where it is a
        list of namespaces to make.
    support: full
    membership:
      - linuxnet.vnet.vnet
requirements:
  - Linux, and root on the managed host
  - Python >= 3.9
  - pyroute2 >= 0.7.2
"""
