# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One contestant, one workload, one size, in a network namespace of its own: `worker.py CONTESTANT WORKLOAD N ROUNDS`, started by `unshare --net --mount`.

Says when it is ready; a line of its standard input, or its end, begins a round, after which it prints {phase: [seconds of each round so far]} as JSON.
Programs are timed with their start, Python without the start of the interpreter and the imports.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
COLLECTIONS = Path(__file__).resolve().parents[2] / ".build/collections"
sys.path.insert(0, str(COLLECTIONS))
import workloads  # noqa: E402  # pylint: disable=wrong-import-position

PHASES = ("undo", "create", "unchanged", "change", "remove")


def run(command: list[str], text: str | None = None, phase: str = ""):
    done = subprocess.run(command, input=text or "", text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{phase} {' '.join(command)[:200]}: {done.stderr[:500]}")
    return done.stdout


def settle():
    """Waits, for two seconds at most, until the kernel is done with what the phase before has left it to do: memory to free, carriers to tell of."""
    for unused in range(20):
        before = idle()
        time.sleep(0.1)
        if idle() - before >= 0.09 * os.cpu_count():
            break


def idle() -> float:
    """Seconds that all processors together had nothing to do."""
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[1])


def index_of(name: str) -> int:
    return socket.if_nametoindex(name)


class Contestant:
    """Carries out a phase of a workload; seconds."""

    def __init__(self, workload):
        self.workload = workload

    def ready(self):
        """What may be done before any of the clocks runs."""

    def prepare(self, phase: str):
        """What may be done before the clock runs."""

    def can(self, phase: str) -> bool:
        return phase != "undo"

    def act(self, phase: str):
        raise NotImplementedError


class Engine(Contestant):
    """Our engine, from the document to the result; a diff is made only where Ansible is asked for one."""

    def ready(self):
        # pylint: disable=import-outside-toplevel
        from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
        from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.run import run as engine
        from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import TransactionError
        from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
        gc.disable()  # as the modules do
        self.go = lambda document: engine(from_document(RESOURCES, document), RESOURCES, diff=False)
        self.refused = TransactionError
        small = type(self.workload)(100)
        for phase in ("create", "remove"):
            self.go(small.document(phase))

    def can(self, phase):
        return True

    def prepare(self, phase):
        if not hasattr(self, "documents"):  # in memory that no round has been through, as a task has them
            self.documents = {phase: self.workload.document(phase) for phase in PHASES}
        self.document = self.documents[phase]
        gc.collect()

    def act(self, phase):
        try:
            changed = self.go(self.document)["changed"]
        except self.refused as exc:
            assert phase == "undo" and exc.details["rolled_back"], exc
        else:
            assert phase != "undo" and changed == (phase != "unchanged"), phase


class Floor(Contestant):
    """Messages packed by hand, many a send, only the last of which is answered. `unchanged` is what the kernel takes to tell them, undecoded."""

    def ready(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.bind((0, 0))
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.sock.setsockopt(socket.SOL_SOCKET, 32, 8 << 20)  # SO_SNDBUFFORCE
        self.sock.setsockopt(270, 10, 1)                      # NETLINK_CAP_ACK

    def can(self, phase):
        return True

    def act(self, phase):
        work = self.workload
        if phase == "unchanged":
            kind, body = work.dump(index_of)
            self.sock.send(struct.pack("=IHHII", 16 + len(body), kind, 0x301, 1, 0) + body)
            while not self._done(self.sock.recv(1 << 20)):
                pass
        elif phase == "undo":
            self._send(work.messages("create", index_of))
            self._send(work.messages("back", index_of))
        else:
            self._send(work.messages(phase, index_of))

    @staticmethod
    def _done(data) -> bool:
        return struct.unpack_from("=H", data, 4)[0] == 3 or data[-20:-16] == b"\x14\0\0\0"[:4] and struct.unpack_from("=H", data, len(data) - 16)[0] == 3

    def _send(self, messages):
        for start in range(0, len(messages), 200):
            part = messages[start:start + 200]
            packed = [struct.pack("=IHHII", 16 + len(body), kind, 1 | flags | (4 if place == len(part) - 1 else 0), place, 0) + body
                      for place, (kind, flags, body) in enumerate(part)]
            self.sock.send(b"".join(packed))
            while True:
                answer = self.sock.recv(65536)
                place, = struct.unpack_from("=I", answer, 8)
                code, = struct.unpack_from("=i", answer, 16)
                assert code == 0, (os.strerror(-code), part[place])
                if place == len(part) - 1:
                    break


class Batch(Contestant):
    """`ip -batch` or `bridge -batch`; `unchanged` is what a script would do to find out: show, and a JSON parser."""

    def prepare(self, phase):
        if phase != "unchanged":
            self.file = tempfile.NamedTemporaryFile("w", suffix=".batch")  # pylint: disable=consider-using-with
            self.file.write("\n".join(self.workload.lines(phase)) + "\n")
            self.file.flush()

    def act(self, phase):
        if phase == "unchanged":
            json.loads(run(self.workload.show))
        else:
            run([self.workload.tool, "-batch", self.file.name], phase=phase)


class BatchOfNamespaces(Contestant):
    """A batch for each of the namespaces, as a script would do it."""

    def act(self, phase):
        names, text = self.workload.names(), "\n".join(self.workload.lines_in(phase)) + "\n"
        for name in names:
            if phase == "create":
                run(["ip", "netns", "add", name])
                run(["ip", "-n", name, "-batch", "-"], text)
            elif phase == "unchanged":
                json.loads(run(["ip", "-n", name, "-d", "-j", "address", "show"]))
            elif phase == "remove":
                run(["ip", "netns", "del", name])
        if phase == "change":
            run(["ip", "-n", names[0], "link", "set", "dev", "v0", "mtu", "1400"])


class Each(Contestant):
    """A process for each object."""

    def can(self, phase):
        return phase in ("create", "change", "remove")

    def prepare(self, phase):
        self.commands = [[self.workload.tool, *line.split()] for line in self.workload.lines(phase)]

    def act(self, phase):
        for command in self.commands:
            run(command)


class EachOfNamespaces(Each):
    def can(self, phase):
        return phase in ("create", "remove")

    def prepare(self, phase):
        names = self.workload.names()
        if phase == "remove":
            self.commands = [["ip", "netns", "del", name] for name in names]
        else:
            self.commands = [command for name in names for command in (
                ["ip", "netns", "add", name], *(["ip", "-n", name, *line.split()] for line in self.workload.lines_in(phase)))]


class Pyroute2(Contestant):
    """The ordinary calls of pyroute2."""

    def ready(self):
        import pyroute2  # pylint: disable=import-outside-toplevel
        self.ipr = pyroute2.IPRoute()

    def act(self, phase):
        self.workload.pyroute2(self.ipr, phase, index_of)


class Ifstate(Contestant):
    """ifstatecli, which is installed into .build/ifstate where that works."""

    def can(self, phase):
        return phase in ("create", "unchanged")

    def prepare(self, phase):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")  # pylint: disable=consider-using-with
        json.dump({"interfaces": self.workload.interfaces()}, self.file)
        self.file.flush()

    def act(self, phase):
        run([str(COLLECTIONS.parent / "ifstate/bin/ifstatecli"), "-q", "-c", self.file.name, "apply"], phase=phase)


def contestant(name: str, workload) -> Contestant:
    if workload.name == "netns":
        return {"engine": Engine, "batch": BatchOfNamespaces, "each": EachOfNamespaces}[name](workload)
    return {"engine": Engine, "floor": Floor, "batch": Batch, "each": Each, "pyroute2": Pyroute2, "ifstate": Ifstate}[name](workload)


def main():
    name, kind, n, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    run(["mount", "-t", "tmpfs", "tmpfs", "/run/netns"]) if os.path.isdir("/run/netns") else None
    run(["ip", "link", "set", "dev", "lo", "up"])
    workload = workloads.ALL[kind](n)
    if workload.prepare():
        run(["ip", "-batch", "-"], "\n".join(workload.prepare()) + "\n")
    one = contestant(name, workload)
    one.ready()
    seconds: dict = {}
    print("ready", flush=True)
    for unused in range(rounds):
        sys.stdin.readline()
        for phase in PHASES:
            if one.can(phase):
                one.prepare(phase)
                settle()
                began = time.perf_counter()
                one.act(phase)
                seconds.setdefault(phase, []).append(time.perf_counter() - began)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
