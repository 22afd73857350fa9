# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks as Ansible runs them, as far as nothing is changed by it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
HERE = {"ansible_connection": "local", "ansible_become": False}

pytestmark = pytest.mark.skipif(not PLAYBOOK.exists(), reason="needs ansible-playbook")


@pytest.fixture
def play(tmp_path):
    """play(PLAYBOOK, HOSTS, *WORDS): what ansible-playbook says; the playbook is a name of the collection's or a list of plays."""
    def run(playbook, hosts, *words):
        path = ROOT / "playbooks" / f"{playbook}.yml"
        if isinstance(playbook, list):
            path = tmp_path / "play.yml"
            path.write_text(json.dumps(playbook))
        inventory = tmp_path / "inventory.yml"
        inventory.write_text(json.dumps({"machines": {"hosts": {name: {**HERE, **variables} for name, variables in hosts.items()}}}))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment |= {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(tmp_path),
                        "ANSIBLE_REMOTE_TEMP": str(tmp_path)}
        words = [PLAYBOOK, "-i", inventory, path, *words]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_machine_leaves_another_group(play):
    """What is said on the command line wins over the vars of an import."""
    listed = play("operations/leave", dict.fromkeys(["n1", "n2", "n3"], {}), "-e", "site_hosts=machines", "-e", "leaving=n3", "--list-hosts")
    plays = [set(re.findall(r"^ {6}(\S+)$", text, re.MULTILINE)) for text in listed.split("\n  play #")[1:]]
    assert plays[0] == {"localhost"} and plays[-1] == {"n3"} and len(plays) == 6
    assert all(hosts == {"n1", "n2"} for hosts in plays[1:-1])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to look at this machine")
def test_check_mode_on_a_machine_without_pyroute2(play, tmp_path):
    """It says what it would install there, leaves the machine out of all plays, and goes on with the others."""
    without = tmp_path / "pyroute2" / "__init__.py"
    without.parent.mkdir()
    without.write_text("raise ImportError('pyroute2')")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    item = {"name": "lo", "hosts": ["fresh", "ready"]}
    hosts = {"fresh": {"ansible_python_interpreter": str(python)}, "ready": {"ansible_python_interpreter": sys.executable}}
    hosts = {name: {"aggregation_links": [item], **variables} for name, variables in hosts.items()}
    said = play("site", hosts, "-e", "site_hosts=machines", "--check", "--diff")
    assert re.search(r"python3-pyroute2 would be installed on fresh", said)
    recap = said.partition("PLAY RECAP")[2]
    assert re.search(r"^fresh .* failed=0 ", recap, re.MULTILINE) and re.search(r"^ready .* failed=0 ", recap, re.MULTILINE)
    built = said.partition("TASK [Build what the variables describe")[2].partition("TASK")[0]
    assert "[ready]" in built and "fresh" not in built, said


def test_servers_on_machines_outside_the_limit(play):
    outside = [{"address": "203.0.113.1", "server": {"host": "n1"}}, {"address": "203.0.113.2", "server": {"host": "n2"}}, {"address": "203.0.113.3"}]
    shown = {"msg": "tried {{ verify_beyond | map(attribute='address') | sort | join(' ') }}, not {{ verify_unproven | map(attribute='address') | join(' ') }},"
                    " served {{ verify_servers | map(attribute='src') | join(' ') }}."}
    plays = [{"hosts": "machines", "gather_facts": False, "vars": {"verify_outside": outside}, "vars_files": [str(ROOT / "roles/verify/vars/main.yml")],
              "tasks": [{"ansible.builtin.debug": shown}]}]
    hosts = dict.fromkeys(["n1", "n2"], {})
    assert "tried 203.0.113.2 203.0.113.3, not 203.0.113.1, served 203.0.113.2." in play(plays, hosts, "--limit", "n2")
    assert "tried 203.0.113.1 203.0.113.2 203.0.113.3, not , served 203.0.113.1." in play(plays, hosts)
