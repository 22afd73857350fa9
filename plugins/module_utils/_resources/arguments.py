# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument_spec of a resource's module, from its table: the same that the documentation is generated from."""

from __future__ import annotations

#: options of every module, by name: (argument, doc)
NETNS = {'type': 'str'}, ('Network namespace of the object: a name as C(ip -n) takes it, V(pid:N), or the absolute path of a namespace file. '
                          'Without it the namespace that the module runs in.')
STATE = {'type': 'str', 'choices': ['present', 'absent']}, ('Whether the object is there. Present enforces what is given and leaves the rest alone. '
                                                            'The default is V(present).')
STATE_PRESENT = {'type': 'str', 'choices': ['present']}, ('Only V(present), which is the default: a parameter is there as long as the kernel has it, '
                                                          'and going back means giving the former value.')
RECREATE = {'type': 'bool'}, ('Make the link anew when something is to change that the kernel cannot change on a live link. It gets back its '
                              'addresses, routes, ports, VLANs, FDB and neighbour entries{more}.')
PURGE = {'type': 'bool'}, 'Remove what is not listed, within {scope}.'
PURGE_MATCH = {'type': 'list', 'elements': 'str'}, 'Name patterns (globs) within which O(purge) removes.'
ALLOW_DISCONNECT = {'type': 'bool', 'default': False}, 'Go ahead even if the plan cuts the connection that Ansible came by.'
CONFIG = 'Many objects in one transaction: a list of dicts of the same options, each inheriting those given beside the list.'
SCOPES = {
    'links': 'O(netns) and the names that O(purge_match) covers',
    'netns': 'the names that O(purge_match) covers',
    'bridge_vlans': 'each listed O(dev)',
    'fdb': 'each listed O(dev), among permanent and static entries',
    'addresses': "each listed O(dev); the loopback's own addresses, the kernel's link-local ones and temporary ones stay",
    'neighs': 'each listed O(dev), among permanent entries',
    'routes': 'O(table) and O(protocol), which default to V(main) and to the mark of this collection, and O(family), where it is given',
    'nexthops': 'O(netns) and O(protocol), which defaults to the mark of this collection',
    'rules': "O(netns), O(protocol), which defaults to the mark of this collection, and O(family), where it is given; the kernel's own rules stay",
    'mdb': 'each listed O(dev), among permanent entries',
    'nat': 'O(netns)',
    'tc': "each listed O(dev); the kernel's own queues come back",
    'teams': 'the ports of each listed O(name)',
}


def options(resource) -> dict:
    """{name: (argument, doc)} of one object of the resource."""
    found = {}
    if resource.has_netns:
        found['netns'] = NETNS
    found['state'] = STATE_PRESENT if resource.section == 'sysctls' else STATE
    for field in resource.table:
        found[field.name] = field.argument(), field.doc
    if resource.section in ('links', 'teams'):
        found['recreate'] = RECREATE[0], RECREATE[1].format(more=', qdiscs, offload features and XDP programs' if resource.section == 'links' else '')
    return found


def top_options(resource) -> dict:
    """{name: (argument, doc)} that stand beside a config list only."""
    found = {}
    if resource.purgeable:
        found['purge'] = PURGE[0], PURGE[1].format(scope=SCOPES[resource.section])
        if resource.section in ('links', 'netns'):
            found['purge_match'] = PURGE_MATCH
    found['allow_disconnect'] = ALLOW_DISCONNECT
    return found


def argument_spec(resource) -> dict:
    """For AnsibleModule. Values are checked by the engine, which knows where each was written."""
    one = {name: dict(argument) for name, (argument, unused) in options(resource).items()}
    spec = {name: dict(argument) for name, argument in one.items()}
    spec['config'] = {'type': 'list', 'elements': 'dict', 'options': one}
    spec.update({name: dict(argument) for name, (argument, unused) in top_options(resource).items()})
    return spec
