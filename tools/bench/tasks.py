# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole Ansible tasks, over the local connection, in a network namespace of their own: seconds from the start of a task to its result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import workloads
import yaml

ROOT = Path(__file__).resolve().parents[2]
TIMES = 12


def play(tasks: list[dict], folder: Path) -> list[dict]:
    """Runs tasks one after the other; what the callback `record` wrote of each."""
    record, book = folder / "record.jsonl", folder / "play.yml"
    record.unlink(missing_ok=True)
    book.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks,
                                     "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}]), encoding="utf-8")
    # with PYTHONUNBUFFERED, Python reads a module that is piped to it byte by byte
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tools/callback"), "ANSIBLE_CALLBACKS_ENABLED": "record", "RECORD_FILE": str(record),
        "ANSIBLE_LIBRARY": str(ROOT / "tools/bench/library"), "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(["unshare", "--net", "--mount", str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(book)],
                          env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"The tasks failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


def seconds(rows: list[dict]) -> dict:
    """{name of the task: median seconds}"""
    found: dict = {}
    for row in rows:
        found.setdefault(row["task"], []).append(row["seconds"])
    return {name: median(values) for name, values in found.items()}


def link(name: str, **options) -> dict:
    return {"linuxnet.vnet.vnet_link": {"name": name, **options}}


def one_object(folder: Path) -> dict:
    """A task that finds nothing to do, one that changes something, and what else one might run."""
    pair = {"kind": "veth", "veth": {"peer": {"name": "b0"}}}
    tasks = [{"name": "warm", **link("a0", **pair)}, {"name": "warm", "ansible.builtin.ping": None}]
    for turn in range(TIMES):
        tasks += [
            {"name": "ping", "ansible.builtin.ping": None},
            {"name": "unchanged", **link("a0", **pair, mtu=1500)},
            {"name": "changed", **link("a0", mtu=1400 + turn)},
            {"name": "command", "ansible.builtin.command": {"argv": ["ip", "link", "set", "dev", "a0", "mtu", "1500"]}},
        ]
    return seconds(play(tasks, folder))


def thousand_objects(folder: Path, n: int = 1000, sample: int = 20) -> dict:
    """One task with n objects, and n tasks with one each (of which a sample is run)."""
    items = [{"name": f"a{place}", "kind": "veth", "veth": {"peer": {"name": f"b{place}"}}} for place in range(n)]
    found = seconds(play([{"name": "ping", "ansible.builtin.ping": None},
                          *({"name": "each", **link(**item)} for item in items[:sample]),
                          {"name": "gone", "linuxnet.vnet.vnet_link": {"config": [{"name": item["name"], "state": "absent"} for item in items[:sample]]}},
                          {"name": "one task", "linuxnet.vnet.vnet_link": {"config": items}},
                          {"name": "one task, unchanged", "linuxnet.vnet.vnet_link": {"config": items}}], folder))
    return {**found, "n tasks": found["each"] * n}


def large_document(folder: Path, n: int = 100_000) -> dict:
    """FDB entries from a file, and inline beside a module that does nothing with the same arguments."""
    document = workloads.Fdb(n).document("create")
    (folder / "document.json").write_text(json.dumps(document), encoding="utf-8")
    entries = document["fdb"][0]["config"][:n // 10]
    (folder / "entries.json").write_text(json.dumps({"entries": entries}), encoding="utf-8")
    device = {"name": "device", "linuxnet.vnet.vnet_link": {"name": "vx0", "kind": "vxlan", "vxlan": {"id": 100, "learning": False}}}
    gone = {"name": "gone", "linuxnet.vnet.vnet_link": {"name": "vx0", "state": "absent"}}
    state = {"linuxnet.vnet.vnet_state": {"src": str(folder / "document.json"), "remote_src": True}}
    inline = {"linuxnet.vnet.vnet_fdb": {"dev": "vx0", "config": "{{ entries }}"}}
    variables = {"name": "vars", "ansible.builtin.include_vars": str(folder / "entries.json")}
    rows = play([{"name": "empty", "linuxnet.vnet.vnet_state": {}}] * 3 + [device, gone, variables] +
                [device, {"name": "file", **state}, {"name": "file, unchanged", **state}, gone] * 3 +
                [device, {"name": "nothing, inline", "nothing": {"dev": "vx0", "config": "{{ entries }}"}}, {"name": "inline", **inline},
                 {"name": "inline, unchanged", **inline}, gone] * 3, folder)
    return seconds(rows)


def measure() -> dict:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return {"one object": one_object(Path(folder)), "thousand": thousand_objects(Path(folder)), "large": large_document(Path(folder))}
