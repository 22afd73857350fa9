#!/usr/bin/python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a lab machine its identity.

The host speaks to it over the second serial port. The agent says ``ready`` when the machine is up and still nobody:
that is the moment when its state is saved. Then one JSON line arrives::

    {"hostname": "node1", "machine_id": "32 hex digits", "seed": "base64", "time": 1700000000.0,
     "nics": [{"name": "eth0", "mac": "52:54:00:00:01:00", "address": "10.0.2.15/24", "gateway": "10.0.2.2"}, ...],
     "files": {"/etc/ssh/ssh_host_ed25519_key": {"content": "...", "mode": 384}, ...}}

and the agent answers ``done``, or ``failed: <why>``, and ends.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import termios
import time
import tty

PORT = "/dev/ttyS1"
DRIVER = "/sys/bus/virtio/drivers/virtio_net"
RNDADDENTROPY = 0x40085203
RNDRESEEDCRNG = 0x5207


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def write(path, content, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as stream:
        stream.write(content)


def reseed(seed):
    """Machines restored from one state share their random pool: give each its own before anything secret is drawn."""
    with open("/dev/urandom", "wb", buffering=0) as pool:
        fcntl.ioctl(pool, RNDADDENTROPY, struct.pack("ii", 8 * len(seed), len(seed)) + seed)
        fcntl.ioctl(pool, RNDRESEEDCRNG)


def cards():
    """``{mac: interface name}`` of the virtio network cards."""
    found = {}
    for name in os.listdir("/sys/class/net"):
        if os.path.exists(f"/sys/class/net/{name}/device"):
            with open(f"/sys/class/net/{name}/address", encoding="ascii") as stream:
                found[stream.read().strip()] = name
    return found


def claim_nics(nics):
    """The saved state carries the card addresses of the machine that it was made from; a driver that binds again
    resets the card, which then shows its own address as the permanent one."""
    macs = [nic["mac"] for nic in nics]
    if not set(macs) <= set(cards()):
        devices = sorted((entry for entry in os.listdir(DRIVER) if entry.startswith("virtio")), key=lambda entry: int(entry[6:]))
        for action in ("unbind", "bind"):
            for device in devices:
                with open(f"{DRIVER}/{action}", "w", encoding="ascii") as stream:
                    stream.write(device)
    found = cards()
    missing = [mac for mac in macs if mac not in found]
    if missing:
        raise RuntimeError(f"network cards {missing} are not there, only {sorted(found)}")
    wrong = [nic for nic in nics if found[nic["mac"]] != nic["name"]]
    for number, nic in enumerate(wrong):
        run("ip", "link", "set", "dev", found[nic["mac"]], "name", f"lab{number}")
    for number, nic in enumerate(wrong):
        run("ip", "link", "set", "dev", f"lab{number}", "name", nic["name"])
    for nic in nics:
        if nic.get("address"):
            run("ip", "address", "add", nic["address"], "dev", nic["name"])
            run("ip", "link", "set", "dev", nic["name"], "up")
        if nic.get("gateway"):
            run("ip", "route", "add", "default", "via", nic["gateway"])


def become(identity):
    reseed(base64.b64decode(identity["seed"]))
    time.clock_settime(time.CLOCK_REALTIME, identity["time"])
    socket.sethostname(identity["hostname"])
    write("/etc/hostname", identity["hostname"] + "\n")
    write("/etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {identity['hostname']}\n")
    write("/etc/machine-id", identity["machine_id"] + "\n", 0o444)
    for path, entry in identity["files"].items():
        write(path, entry["content"], entry["mode"])
    claim_nics(identity["nics"])
    run("systemctl", "start", "ssh.service")


def warm():
    """What every Ansible task touches is read once, so that it lies in the page cache of the saved state."""
    modules = "asyncio, concurrent.futures, ctypes, glob, hashlib, inspect, json, logging, pyroute2, runpy, select, shlex, tempfile, typing, zipfile"
    for argv in (["/usr/bin/python3", "-c", f"import {modules}"], ["sshd", "-t"], ["ip", "-V"], ["bridge", "-V"], ["tc", "-V"], ["nft", "-v"],
                 ["modprobe", "-V"]):
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main():
    line = os.open(PORT, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line, termios.TCSANOW)
    subprocess.run(["systemctl", "is-system-running", "--wait"], check=False, stdout=subprocess.DEVNULL)
    warm()
    os.write(line, b"ready\n")
    received = b""
    while not received.endswith(b"\n"):
        received += os.read(line, 4096)
    try:
        become(json.loads(received))
    except Exception as error:  # whatever it is, the host has to hear of it
        os.write(line, f"failed: {type(error).__name__}: {error}\n".encode())
        return 1
    os.write(line, b"done\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
