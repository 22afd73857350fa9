# -*- coding: utf-8 -*-
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory plugin that makes hosts of the network namespaces of machines."""

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
short_description: Network namespaces of machines as hosts
version_added: 0.1.0
description:
  - Adds a host for each named network namespace of the machines that other sources of the inventory have. Such a host has the variables of its machine,
    how it is reached among them, and enters the namespace by the become plugin P(linuxnet.vnet.netns#become).
  - So any module of any collection runs inside namespaces, on remote machines as well, and a play can have namespaces as its C(hosts).
  - Which namespaces there are is written in the inventory, here or in the machines' variables. No machine is asked, so they need not exist yet.
author:
  - The linuxnet.vnet authors (@linuxnet)
extends_documentation_fragment:
  - constructed
options:
  plugin:
    description: Marks the file as one of this plugin. Its name ends with C(netns.yml) or C(netns.yaml).
    type: string
    required: true
    choices: [linuxnet.vnet.netns]
  machines:
    description: Group whose hosts are the machines.
    type: string
    default: all
  namespaces:
    description:
      - Namespaces of the machines. An item is a name, or a dict with C(name) and, where not all machines have it, C(hosts) or C(groups), as in
        C(attachment_namespaces) of the role P(linuxnet.vnet.attachment#role).
    type: list
    elements: raw
    default: []
  variables:
    description:
      - Variables of the machines that hold such lists too. A machine without the variable has no namespaces from it. Items with C(state=absent) are left out.
    type: list
    elements: string
    default: [attachment_namespaces]
  name:
    description: What a host is called. V({namespace}) and V({machine}) stand for the two names.
    type: string
    default: '{namespace}.{machine}'
  group:
    description: Group of all hosts that are namespaces. They are in none of their machine's groups, so that plays for machines stay so.
    type: string
    default: namespaces
notes:
  - The source has to come after those of the machines, by its place in the command line or by its name in a folder.
  - Each host has the variables C(netns_name) and C(netns_machine), for O(groups) and O(keyed_groups) too.
  - Entering a namespace needs root. Where the connection is another user's, C(ansible_netns_exe=sudo -n) of the machine is taken over.
seealso:
  - plugin: linuxnet.vnet.netns
    plugin_type: become
  - module: linuxnet.vnet.vnet_netns
"""

EXAMPLES = r"""
# tenants.netns.yml: a host for each namespace that the role attachment makes, such as blue1.node1
plugin: linuxnet.vnet.netns
machines: fabric

# namespaces that are written here, those of one name in a group: netns_blue, netns_red
---
plugin: linuxnet.vnet.netns
namespaces:
  - blue
  - {name: red, hosts: [node1, node2]}
keyed_groups:
  - key: netns_name
    prefix: netns
"""

from ansible.errors import AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources

# How the machine itself becomes root is not how its namespaces are entered.
NOT_TAKEN_OVER = ("ansible_become", "ansible_netns_name", "ansible_netns_user")
HERE = ("name", "hosts", "groups", "state")


def entered_by(netns, machine_netns):
    """What the become plugin needs to enter a named namespace of a machine that is entered by ``machine_netns`` itself, if by any."""
    kind, _colon, pid = str(machine_netns or "").partition(":")
    return f"/proc/{pid}/root/run/netns/{netns}" if kind == "pid" and pid else netns


def belongs(item, machine, groups):
    """Whether an item is for a machine."""
    if item.get("state", "present") == "absent":
        return False
    if item.get("hosts") is None and item.get("groups") is None:
        return True
    return machine in (item.get("hosts") or ()) or bool(set(item.get("groups") or ()) & set(groups))


def connection(variables, machine, netns):
    """The variables of a namespace's host."""
    taken = {key: value for key, value in variables.items() if not key.startswith(NOT_TAKEN_OVER)}
    taken.setdefault("ansible_host", machine)
    return taken | {
        "ansible_become": True, "ansible_become_method": "linuxnet.vnet.netns", "ansible_netns": entered_by(netns, variables.get("ansible_netns")),
        "netns_name": netns, "netns_machine": machine,
    }


class InventoryModule(BaseInventoryPlugin, Constructable):
    NAME = "linuxnet.vnet.netns"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(("netns.yml", "netns.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        wanted = self.get_option("machines")
        if wanted not in inventory.groups:
            raise AnsibleParserError(f"{path}: the inventory has no group {wanted} yet; name the sources of the machines before this one.")
        sources = [*getattr(inventory, "processed_sources", []), path]
        group = inventory.add_group(self.get_option("group"))
        # Before all sources are read, hosts without a group are not in all yet.
        machines = inventory.hosts.values() if wanted == "all" else inventory.groups[wanted].get_hosts()
        for machine in list(machines):
            if "netns_machine" in machine.vars:
                continue  # a namespace itself, of another file
            variables = self._variables(machine, loader, sources)
            for netns in self._namespaces(machine, variables, path):
                name = self.get_option("name").format(namespace=netns, machine=machine.name)
                if name in inventory.hosts:
                    raise AnsibleParserError(f"{path}: there is a host {name} already; choose other names by the option name.")
                inventory.add_host(name, group=group)
                own = connection(variables, machine.name, netns)
                for key, value in own.items():
                    inventory.set_variable(name, key, value)
                strict = self.get_option("strict")
                self._set_composite_vars(self.get_option("compose"), own, name, strict=strict)
                self._add_host_to_composed_groups(self.get_option("groups"), own, name, strict=strict)
                self._add_host_to_keyed_groups(self.get_option("keyed_groups"), own, name, strict=strict)

    @staticmethod
    def _variables(machine, loader, sources):
        """All that the inventory says of a machine, files in group_vars and host_vars included."""
        groups = machine.get_groups()
        found = get_group_vars(groups)
        for more in (get_vars_from_inventory_sources(loader, sources, groups, "all"), machine.get_vars(),
                     get_vars_from_inventory_sources(loader, sources, [machine], "all")):
            found = combine_vars(found, more)
        # These name the machine, and Ansible gives each host its own.
        return {key: value for key, value in found.items() if key not in ("inventory_hostname", "inventory_hostname_short", "group_names", "inventory_file",
                                                                          "inventory_dir")}

    def _namespaces(self, machine, variables, path):
        """Names of the namespaces of a machine, each once."""
        self.templar.available_variables = dict(variables, inventory_hostname=machine.name)
        groups = [group.name for group in machine.get_groups()]
        lists = {"namespaces": self.get_option("namespaces")}
        for variable in self.get_option("variables"):
            value = variables.get(variable, [])
            lists[variable] = self.templar.template(value) if isinstance(value, str) else value
        names = []
        for variable, items in lists.items():
            if not isinstance(items, list):
                raise AnsibleParserError(f"{path}: {variable} of {machine.name} is no list of namespaces.")
            for item in items:
                item = item if isinstance(item, dict) else {"name": item}
                # Only what is needed here: the rest may hang on what is known in a play.
                item = {key: self.templar.template(item[key]) for key in HERE if key in item}
                if not isinstance(item.get("name"), str):
                    raise AnsibleParserError(f"{path}: an item of {variable} of {machine.name} has no name; give each the name of its namespace.")
                for key in ("hosts", "groups"):  # one name is a list for roles, too
                    item[key] = item[key].split(",") if isinstance(item.get(key), str) else item.get(key)
                if item["name"] not in names and belongs(item, machine.name, groups):
                    names.append(item["name"])
        return names
