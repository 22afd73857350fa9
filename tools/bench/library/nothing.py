#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that takes the arguments of vnet_fdb and does nothing with them: what Ansible itself costs."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def main():
    AnsibleModule(argument_spec={"dev": {"type": "str"}, "config": {"type": "list", "elements": "dict"}}).exit_json(changed=False)


if __name__ == "__main__":
    main()
