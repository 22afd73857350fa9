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
    description: Use C(group/linuxnet.vnet.vnet) in C(module_defaults) to set options for all modules at once.
    support: full
    membership:
      - linuxnet.vnet.vnet
requirements:
  - Linux, and root on the managed host
  - Python >= 3.9
  - pyroute2 >= 0.7.2
"""
