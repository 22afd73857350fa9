#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of the role linuxnet.vnet.lab.

    lab.py STEP CONFIG.json [MACHINE NIC up|down]

CONFIG.json is written by the role::

    {"name": "site", "folder": ".build/lab/site", "cache": ".build/lab/.cache", "backend": "qemu", "machines": 3, "memory": 384, "cpus": 2,
     "nics": [{"name": "eth1", "segment": "fabric"}], "suite": "bookworm", "mirror": null, "kernel": "linux-image-cloud-amd64", "packages": [],
     "accelerator": "auto", "warm_start": true, "internet": false, "underlay": "10.0.0.0/24"}

``check`` comes before CONFIG.json is written, so the role gives it /dev/stdin. Each step is idempotent and ends with one line of JSON on standard
output: ``{"changed": true, "message": "what was done"}``.
"""

from __future__ import annotations

import argparse
import collections
import ipaddress
import json
import os
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

import image
import local
import machine
from common import LabError, digest, say

LONGEST_SOCKET_PATH = 107  # sun_path of unix(7), without its closing zero
TEMPORARY_SUFFIX = 17  # ssh makes the socket under a longer name first


BACKENDS = {"local": local.Lab, "qemu": machine.Lab}


def backend(config):
    return BACKENDS[config["backend"]](config)


def control_folder(folder):
    """Where ssh keeps its master sockets: in the lab, or under a short name of its own when that path is too long for a socket."""
    wanted = Path(folder) / "ssh"
    if len(str(wanted)) + len("/node1000") + TEMPORARY_SUFFIX <= LONGEST_SOCKET_PATH:
        return wanted
    return Path(tempfile.gettempdir()) / f"vnet-lab-{os.getuid()}-{digest(str(folder))}"


def inventory(config, hosts):
    """The inventory as a document; ``hosts`` holds what the backend knows of each machine."""
    network = ipaddress.ip_network(config["underlay"])
    # A fixed interpreter spares each run its discovery; for local machines it is the one that has the controller's libraries.
    common = {"ansible_python_interpreter": "{{ ansible_playbook_python }}" if config["backend"] == "local" else "/usr/bin/python3"}
    if config["backend"] == "local":
        common |= {"ansible_connection": "local", "ansible_become": True, "ansible_become_method": "linuxnet.vnet.netns", "ansible_pipelining": True}
        if os.geteuid():
            common["ansible_netns_exe"] = "sudo -n nsenter"
    else:
        folder = Path(config["folder"])
        arguments = [
            "-F", "none", "-o", f'UserKnownHostsFile="{folder / "known_hosts"}"', "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes",
            "-o", "ControlMaster=auto", "-o", "ControlPersist=600", "-o", f"Ciphers={config['cipher']}",
        ]
        common |= {
            "ansible_user": "root", "ansible_ssh_private_key_file": str(folder / "id_ed25519"),
            "ansible_ssh_args": shlex.join(arguments),
            "ansible_control_path": f"{control_folder(folder)}/%%p", "ansible_pipelining": True,
        }
    # What the cable task needs to find the lab again.
    common |= {"lab_name": config["name"], "lab_directory": str(Path(config["folder"]).parent)}
    document = {}
    for number, (name, host) in enumerate(hosts.items(), start=1):
        document[name] = {**host, "underlay_address": f"{network[number]}/{network.prefixlen}", "node_number": number}
        if config.get("lacks"):
            document[name]["lab_lacks"] = config["lacks"]
    return {"fabric": {"hosts": document, "vars": common}}


def check(config):
    """What can be known before anything is started."""
    machines, names = config["machines"], [nic["name"] for nic in config["nics"]]
    if machines < 1:
        raise LabError(f"lab_machines is {machines}; take at least 1.")
    try:
        network = ipaddress.ip_network(config["underlay"])
    except ValueError as error:
        raise LabError(f"lab_underlay is no network ({error}); write it like 10.0.0.0/24.") from None
    if network.num_addresses < machines + 2:
        raise LabError(f"lab_underlay {network} is too small for {machines} machines; take a shorter prefix or fewer machines.")
    twice = [name for name, number in collections.Counter(names).items() if number > 1]
    if twice:
        raise LabError(f"lab_nics has {', '.join(twice)} more than once; give each card a name of its own.")
    return False, f"{machines} machines, {config['backend']}"


def packages(config):
    missing = image.missing_packages(config["backend"])
    if missing:
        image.install_packages(missing)
    return bool(missing), f"installed {' '.join(missing)}" if missing else "nothing was missing"


def kernel(config):
    made = image.make_kernel(config["cache"], config)
    release = (image.kernel_folder(config["cache"], config) / "release").read_text(encoding="ascii").strip()
    return made, f"Linux {release}"


def root(config):
    made = image.make_root(config["cache"], config)
    size = (image.root_folder(config["cache"], config) / "root.sqfs").stat().st_size
    return made, f"{size / 2**20:.0f} MiB"


def state(config):
    """The state that machines start from; without it they boot from cold, so that a failure here is only told."""
    kind = machine.accelerator(config)
    if not config["warm_start"]:
        return False, f"accelerator {kind}, no saved state wanted"
    try:
        made = machine.make_golden(config, kind)
    except LabError as error:
        say(f"Machines will boot from cold: {error}")
        return False, f"accelerator {kind}, machines will boot from cold: {error}"
    return made, f"accelerator {kind}"


def start(config):
    for other in set(BACKENDS) - {config["backend"]}:
        BACKENDS[other](config).stop()  # as this lab was before
    changed, how = backend(config).start()
    ways = collections.Counter(how.values())
    return changed, ", ".join(f"{number} {way}" for way, number in ways.items()) or "already running"


def reachable(config):
    lab = backend(config)
    lab.wait()
    target = Path(config["folder"]) / "inventory.yml"
    if config["backend"] == "qemu":
        control = control_folder(config["folder"])
        control.mkdir(mode=0o700, exist_ok=True)
    # JSON is YAML.
    text = json.dumps(inventory(config, lab.hosts()), indent=2) + "\n"
    changed = not target.exists() or target.read_text(encoding="utf-8") != text
    if changed:
        target.write_text(text, encoding="utf-8")
    return changed, str(target)


def stop(config):
    # CONFIG.json says what was asked for last, which need not be what runs.
    stopped = [lab(config).stop() for lab in BACKENDS.values()]  # all of them, so no generator
    changed = any(stopped)
    control = control_folder(config["folder"])
    if control.is_dir() and control.stat().st_uid == os.getuid():
        shutil.rmtree(control)
    return changed, "stopped" if changed else "was not running"


def remove(config):
    stop(config)
    folder = Path(config["folder"])
    changed = folder.exists()
    if changed:
        shutil.rmtree(folder)
    return changed, "removed" if changed else "was not there"


def cable(config, name, nic, position):
    nodes = [f"node{number}" for number in range(1, config["machines"] + 1)]
    names = [entry["name"] for entry in config["nics"]]
    if name not in nodes or nic not in names:
        raise LabError(f"There is no cable at {nic} of {name}; machines are {', '.join(nodes)}, their cards {', '.join(names)}.")
    changed = backend(config).cable(name, nic, position == "up")
    return changed, f"{nic} of {name} is {'connected' if position == 'up' else 'pulled'}"


STEPS = {"check": check, "packages": packages, "kernel": kernel, "root": root, "state": state, "start": start, "reachable": reachable,
         "stop": stop, "remove": remove, "cable": cable}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("config", type=Path)
    parser.add_argument("what", nargs="*")
    arguments = parser.parse_args()
    begun = time.monotonic()
    try:
        config = json.loads(arguments.config.read_text(encoding="utf-8"))
        changed, message = STEPS[arguments.step](config, *arguments.what)
    except LabError as error:
        print(json.dumps({"changed": False, "failed": True, "message": str(error)}))
        return 1
    print(json.dumps({"changed": changed, "message": f"{message} ({time.monotonic() - begun:.1f} s)"}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
