# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that are namespaces of the running kernel.

Each has a network and a mount namespace of its own, with its own /run/netns and /run/teamd, so that two machines may have tenants and teams of
one name; a sleeping process holds them. The segments are bridges in the namespace of one more holder. The host's own network is never touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import LabError, Process, digest, find, mac, privileged, say

# What a holder does before it sleeps. /sys is mounted anew so that it shows the machine's own links.
HOLD = r"""
import ctypes, fcntl, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWNET, REC, PRIVATE, IFF_UP, SIOCSIFFLAGS = 0x20000, 0x40000000, 0x4000, 1 << 18, 1, 0x8914
def call(name, *arguments):
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), name + ": " + os.strerror(ctypes.get_errno()))
call("unshare", NEWNS | NEWNET)
call("mount", b"none", b"/", None, REC | PRIVATE, None)
for folder in ("/run/netns", "/run/teamd"):
    os.makedirs(folder, exist_ok=True)
    call("mount", b"tmpfs", folder.encode(), b"tmpfs", 0, b"mode=0755")
call("mount", b"sysfs", b"/sys", b"sysfs", 0, None)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
if sys.argv[1] == "switch":
    try:
        with open("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w") as setting:
            setting.write("1")  # its ports say nothing of their own
    except FileNotFoundError:
        pass  # a kernel without IPv6
os.write(1, b"%d\n" % os.getpid())
null = os.open("/dev/null", os.O_RDWR)
os.dup2(null, 1)
os.dup2(null, 2)
os.execvp("sleep", ["sleep", "infinity"])
"""
SWITCH = "switch"
# How many neighbours the kernel keeps, for all of its namespaces together: 1024 unless told otherwise.
NEIGHBOURS = [Path(f"/proc/sys/net/{family}/neigh/default/gc_thresh3") for family in ("ipv4", "ipv6")]
# A wire carries LACP too, which a switch keeps to itself; the kernel lets all of these groups through but that of pause frames.
ALL_BUT_PAUSE = 0xFFFD


def network_of(pid):
    """Inode of a process's network namespace; None when it is gone or not ours to see."""
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    return None


def port_name(number, nic_number):
    return f"m{number}p{nic_number}"


def wires(config, pids):
    """Lines for ``ip -batch`` in the switch: its bridges, and a pair for each card. ``pids`` is ``{node: holder's pid}``."""
    segments = sorted({nic["segment"] for nic in config["nics"]})
    bridges = {segment: f"seg{number}" for number, segment in enumerate(segments, start=1)}
    lines = []
    for segment, bridge in bridges.items():
        # A wire and nothing more: floods at once, snoops nothing, has no addresses.
        lines += [f"link add {bridge} alias {segment} type bridge stp_state 0 forward_delay 0 mcast_snooping 0", f"link set {bridge} up"]
    for number in range(1, config["machines"] + 1):
        for position, nic in enumerate(config["nics"], start=1):
            port = port_name(number, position)
            lines.append(f"link add {port} type veth peer name {nic['name']} address {mac(number, position)} netns {pids[f'node{number}']}")
            lines.append(f"link set {port} master {bridges[nic['segment']]} up")
            lines.append(f"link set {port} type bridge_slave group_fwd_mask {ALL_BUT_PAUSE}")
    return lines


def write(setting, value):
    """Set a kernel parameter; OSError where it cannot be."""
    if os.geteuid() == 0:
        setting.write_text(f"{value}\n", encoding="ascii")
    elif subprocess.run([*privileged(), find("tee"), str(setting)], check=False, input=f"{value}\n", capture_output=True, text=True).returncode:
        raise PermissionError(f"{setting} cannot be written")


class Holder:
    """A sleeping process and the namespaces that live with it."""

    def __init__(self, folder, name):
        self.folder, self.name = Path(folder) / "machines" / name, name
        self.process = Process(self.folder, "holder")

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        # -I -S: the standard library will do, and forty of them may start at once.
        child = subprocess.Popen([*privileged(), sys.executable, "-I", "-S", "-c", HOLD, self.name], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True)
        pid = child.stdout.readline().strip()
        if not pid:
            raise LabError(f"{self.name} could not be made, the local backend needs root: {child.communicate()[1].strip().splitlines()[-1:]}")
        child.stdout.close()
        child.stderr.close()
        child.returncode = 0  # it outlives this program on purpose
        self.process.remember(int(pid))
        return int(pid)

    def networks(self):
        """Inodes of its network namespace and of the named ones made in it, as far as it still runs."""
        pid = self.process.pid()
        if not pid:
            return set()
        found = {network_of(pid)}
        with contextlib.suppress(OSError):
            found |= {entry.stat().st_ino for entry in os.scandir(f"/proc/{pid}/root/run/netns")}
        return found - {None}

    def run(self, argv, text):
        pid = self.process.pid()
        if not pid:
            raise LabError(f"{self.name} is not running; start the lab first.")
        done = subprocess.run([*privileged(), find("nsenter"), f"--net=/proc/{pid}/ns/net", "--", find(argv[0]), *argv[1:]],
                              check=False, input=text, capture_output=True, text=True)
        if done.returncode:
            raise LabError(f"Wiring the local machines failed: {done.stderr.strip()}")


class Lab:
    def __init__(self, config):
        self.config = config
        self.folder = Path(config["folder"])
        self.holders = {name: Holder(self.folder, name) for name in [f"node{number}" for number in range(1, config["machines"] + 1)]}
        self.switch = Holder(self.folder, SWITCH)
        self.neighbours = self.folder / "neighbours.json"  # {setting: [as found, as set by us]}

    def make_room(self):
        """Let each machine have all others as neighbours, in the underlay and in three segments, where the kernel would keep fewer."""
        wanted, changed = 4 * self.config["machines"] ** 2, {}
        for setting in NEIGHBOURS:
            with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
                found = int(setting.read_text(encoding="ascii"))
                if found < wanted:
                    changed[str(setting)] = [found, wanted]
        if changed:  # written down first: whatever happens from here on, it can be given back
            self.neighbours.write_text(json.dumps(changed), encoding="ascii")
        for setting, (found, unused) in changed.items():
            try:
                write(Path(setting), wanted)
            except OSError:
                say(f"{setting} is {found}, which so many machines may find too few, and cannot be raised here")

    def give_room_back(self):
        """Put back what make_room() changed, unless somebody else has changed it meanwhile."""
        if not self.neighbours.exists():
            return
        for setting, (found, ours) in json.loads(self.neighbours.read_text(encoding="ascii")).items():
            try:
                if Path(setting).exists() and int(Path(setting).read_text(encoding="ascii")) == ours:
                    write(Path(setting), found)
            except OSError as error:
                raise LabError(f"{setting} cannot be put back; set it to {found} as root, then stop the lab again: {error}.") from error
        self.neighbours.unlink()

    def start(self):
        """Idempotent. Returns changed and how each machine started."""
        made_of = digest(self.config)
        mark = self.folder / "made_of"
        everybody = [self.switch, *self.holders.values()]
        if all(holder.process.pid() for holder in everybody) and mark.exists() and mark.read_text(encoding="ascii") == made_of:
            return False, {}
        self.stop()
        try:
            self.make_room()
            with ThreadPoolExecutor(4) as pool:
                pids = dict(zip((holder.name for holder in everybody), pool.map(Holder.start, everybody)))
            self.switch.run(["ip", "-batch", "-"], "".join(f"{line}\n" for line in wires(self.config, pids)))
        except BaseException:
            self.stop()
            raise
        mark.write_text(made_of, encoding="ascii")
        return True, {name: "local" for name in self.holders}

    def stop(self):
        """Ends the holders and whatever still runs in their namespaces, which would keep these alive."""
        folders = sorted((self.folder / "machines").glob("*")) if (self.folder / "machines").exists() else []
        holders = [Holder(self.folder, folder.name) for folder in folders]
        networks = set().union(*(holder.networks() for holder in holders)) - {network_of(os.getpid()), network_of(1)}
        for entry in os.listdir("/proc") if networks else []:
            if entry.isdigit() and network_of(entry) in networks and int(entry) not in [holder.process.pid() for holder in holders]:
                say(f"stopping process {entry}, which still runs in a machine of the lab")
                Process.kill(int(entry), signal.SIGKILL)
        stopped = [holder.process.stop() for holder in holders]  # all of them, so no generator
        self.give_room_back()
        return any(stopped)

    def cable(self, machine, nic, connected):
        position = [entry["name"] for entry in self.config["nics"]].index(nic) + 1
        mark = self.folder / "machines" / machine / f"{nic}.cable"
        before = not mark.exists()
        self.switch.run(["ip", "-batch", "-"], f"link set {port_name(int(machine.removeprefix('node')), position)} {'up' if connected else 'down'}\n")
        if connected:
            mark.unlink(missing_ok=True)
        else:
            mark.touch()
        return before != connected

    def wait(self):
        """A namespace is there as soon as it is made."""

    def hosts(self):
        found = {}
        for name, holder in self.holders.items():
            found[name] = {"ansible_netns": f"pid:{holder.process.pid()}"}
        return found
