# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces as hosts, by the inventory plugin netns."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
INVENTORY = Path(sys.executable).with_name("ansible-inventory")

pytestmark = pytest.mark.skipif(not INVENTORY.exists() or not (ROOT / ".build/collections").exists(), reason="needs ansible-inventory and the collection")

MACHINES = """
fabric:
  hosts:
    node1: {ansible_host: 192.0.2.1, ansible_port: 2201, ansible_become_method: sudo, ansible_become_password: secret, number: 1}
    node2: {ansible_netns: 'pid:17', number: 2}
  vars: {ansible_user: admin, ansible_netns_exe: sudo -n}
other:
  hosts:
    elsewhere:
"""
GROUP = """
attachment_namespaces:
  - {name: blue, addresses: ["192.0.2.{{ known_in_a_play }}/24"]}
  - {name: blue, interface: eth1}
  - {name: "red{{ number }}", hosts: [node1]}
  - {name: gone, state: absent}
  - {name: far, groups: [other]}
"""


def inventory(folder, text, *more):
    (folder / "group_vars").mkdir(exist_ok=True)
    (folder / "machines.yml").write_text(MACHINES)
    (folder / "group_vars/fabric.yml").write_text(GROUP)
    (folder / "x.netns.yml").write_text("plugin: linuxnet.vnet.netns\n" + text)
    sources = [word for name in (*more, "x.netns.yml") for word in ("-i", str(folder / name))]
    environment = dict(os.environ, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="true",
                       HOME=str(folder), ANSIBLE_HOME=str(folder))
    done = subprocess.run([str(INVENTORY), *sources, "--list"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def plain(one):
        return one.get("__ansible_unsafe", one)  # how text that is no template is marked

    return json.loads(done.stdout, object_hook=plain) if not done.returncode else done.stderr


def test_hosts_of_the_machines_variables(tmp_path):
    found = inventory(tmp_path, "machines: fabric\nkeyed_groups: [{key: netns_name, prefix: netns}]\n", "machines.yml")
    assert sorted(found["namespaces"]["hosts"]) == ["blue.node1", "blue.node2", "red1.node1"]
    assert sorted(found["fabric"]["hosts"]) == ["node1", "node2"]  # a play for machines stays one
    assert sorted(found["netns_blue"]["hosts"]) == ["blue.node1", "blue.node2"]
    variables = found["_meta"]["hostvars"]
    one = variables["blue.node1"]
    assert {key: one[key] for key in one if key.startswith(("ansible_", "netns_"))} == {
        "ansible_host": "192.0.2.1", "ansible_port": 2201, "ansible_user": "admin", "ansible_netns_exe": "sudo -n", "ansible_become": True,
        "ansible_become_method": "linuxnet.vnet.netns", "ansible_netns": "blue", "netns_name": "blue", "netns_machine": "node1"}
    assert one["number"] == 1
    # a machine that is entered by a process has its /run/netns where that process has it, and is reached by its own name
    assert variables["blue.node2"]["ansible_netns"] == "/proc/17/root/run/netns/blue"
    assert variables["blue.node2"]["ansible_host"] == "node2"


def test_hosts_that_are_written_in_the_file(tmp_path):
    found = inventory(tmp_path, "variables: []\ngroup: ns\nname: '{machine}-{namespace}'\nnamespaces: [blue, {name: red, groups: [other]}]\n", "machines.yml")
    assert sorted(found["ns"]["hosts"]) == ["elsewhere-blue", "elsewhere-red", "node1-blue", "node2-blue"]


@pytest.mark.parametrize(("text", "more", "says"), [
    ("machines: fabric\n", [], "the inventory has no group fabric yet; name the sources of the machines before this one"),
    ("name: '{machine}'\n", ["machines.yml"], "there is a host node1 already; choose other names"),
    ("namespaces: [{hosts: [node1]}]\n", ["machines.yml"], "an item of namespaces of .* has no name"),
])
def test_refused(tmp_path, text, more, says):
    said = inventory(tmp_path, text, *more)
    assert isinstance(said, str)
    assert re.search(says.replace(" ", r"\s+"), said), said


def test_where_items_apply_as_for_the_roles(tmp_path):
    """An empty list is nobody, and one name is no part of another."""
    namespaces = "[{name: nobody, hosts: []}, {name: one, hosts: node1}, {name: ten, hosts: 'node10,node2'}, {name: some, groups: other}]"
    found = inventory(tmp_path, f"variables: []\nnamespaces: {namespaces}\n", "machines.yml")
    assert sorted(found["namespaces"]["hosts"]) == ["one.node1", "some.elsewhere", "ten.node2"]
