#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_info
short_description: The live network of a host as a document, and what it can do
version_added: 0.1.0
description:
  - Returns the state of the host in the form that M(linuxnet.vnet.vnet_state) takes; feeding it back changes nothing.
  - Returns which link kinds and features the kernel has, found by trying them in a namespace that vanishes at once, not by its version.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
options:
  netns:
    description: Namespaces to return; V('') is the one that the module runs in. Without it that one and all named ones.
    type: list
    elements: str
  gather:
    description: What to return.
    type: list
    elements: str
    choices: [state, capabilities]
    default: [state, capabilities]
  kinds:
    description: Link kinds to try for C(capabilities). Without it all, with an empty list none. Trying a kind loads its driver, as using it would.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Look at everything
  linuxnet.vnet.vnet_info:
  register: net

- name: Only what the kernel can do
  linuxnet.vnet.vnet_info:
    gather: [capabilities]
    kinds: [bond, bridge, vlan, vxlan]
"""

RETURN = r"""
state:
  description: Document of the live state, by sections as in M(linuxnet.vnet.vnet_state).
  returned: when gathered
  type: dict
links:
  description:
    - What each link is doing, with C(name), C(netns), C(carrier), C(operstate), and where it is the port of a bridge C(master) and C(port_state), such as
      C(forwarding). RV(state) says how links are set up.
  returned: when the state is gathered
  type: list
  elements: dict
teams:
  description: What each team is doing, with C(name), C(netns) and the state of its runner, such as the active port or the LACP partner.
  returned: when the state is gathered
  type: list
  elements: dict
macsec:
  description:
    - The channels of each MACsec link, with C(name), C(netns), C(sci), C(encodingsa), C(tx_sa) and C(rx_channels) as in M(linuxnet.vnet.vnet_link).
      Keys are not known, only what they are called (C(key_id)); RV(state) is without them for that reason.
  returned: when the state is gathered
  type: list
  elements: dict
bonds:
  description:
    - What each bond is doing, with C(name), C(netns), C(mode), C(active_slave), C(address), and with LACP the C(ad_info), whose C(partner_mac) is all zero
      as long as nobody answers.
    - C(ports) has of each port C(state), C(mii_status), C(link_failure_count), C(perm_hwaddr), and with LACP its C(ad_aggregator_id) and
      C(ad_actor_oper_port_state_str) and C(ad_partner_oper_port_state_str). A port sends when it is V(distributing), some seconds after it got a partner.
  returned: when the state is gathered
  type: list
  elements: dict
capabilities:
  description:
    - Dicts C(kinds) and C(features) of names to whether the machine has them.
    - Among the features are C(nftables), the library libnftables that M(linuxnet.vnet.vnet_nat) loads, and C(teamd), the program that runners of
      M(linuxnet.vnet.vnet_team) need. The others are features of the kernel's drivers, of those kinds that were tried and are there.
  returned: when gathered
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.info import capabilities, live_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.module import leave
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES


def main():
    module = AnsibleModule(argument_spec={
        'netns': {'type': 'list', 'elements': 'str'},
        'kinds': {'type': 'list', 'elements': 'str'},
        'gather': {'type': 'list', 'elements': 'str', 'choices': ['state', 'capabilities'], 'default': ['state', 'capabilities']},
    }, supports_check_mode=True)

    def outcome():
        found = {'changed': False}
        if 'state' in module.params['gather']:
            found['state'], activity = live_document(RESOURCES, module.params['netns'])
            found.update(activity)
        if 'capabilities' in module.params['gather']:
            found['capabilities'] = capabilities(module.params['kinds'])
        return found

    leave(module, outcome)


if __name__ == '__main__':
    main()
