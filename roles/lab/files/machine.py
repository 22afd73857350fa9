# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's machines under QEMU: accelerator, saved state, identities, cables."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import image
from common import HERE, LabError, Process, digest, find, locked, mac, new_folder, run

QEMU = "qemu-system-x86_64"
KVM_PATIENCE = 10.0  # seconds; where KVM works the answer takes one
BOOT_PATIENCE = 300.0
RESTORE_PATIENCE = 60.0
STATES_KEPT = 4  # the least recently used go; each is as large as a machine's memory
# Emulated cores pay for each of these: page table isolation and other mitigations flush their caches at every system call, address
# randomisation makes each process translate the same code again, fine grained grace periods make each link removal wait.
CMDLINE = "console=ttyS0 reboot=t panic=-1 net.ifnames=0 mitigations=off nokaslr norandmaps nowatchdog audit=0 rcupdate.rcu_expedited=1 loglevel=5"
CPU = {"kvm": "host", "tcg": "max,la57=off"}


# -- talking to a machine ---------------------------------------------------------------------------------------------------------

class Line:
    """Lines of text over a unix socket in a folder whose path may be longer than a socket address can be."""

    def __init__(self, path, patience, process):
        """``process`` is who answers there; once it is gone there is nothing to wait for."""
        self.end = time.monotonic() + patience
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.buffer = b""
        folder = os.open(path.parent, os.O_PATH)
        try:
            while True:
                try:
                    self.socket.connect(f"/proc/self/fd/{folder}/{path.name}")
                    return
                except (FileNotFoundError, ConnectionRefusedError):
                    if not process.pid():
                        raise LabError("QEMU ended at once") from None
                    if time.monotonic() > self.end:
                        raise LabError("QEMU does not answer") from None
                    time.sleep(0.02)
        finally:
            os.close(folder)

    def send(self, text, descriptors=()):
        if descriptors:
            socket.send_fds(self.socket, [text.encode() + b"\n"], descriptors)
        else:
            self.socket.sendall(text.encode() + b"\n")

    def receive(self):
        """The next line; LabError when it does not come in time or the other side is gone."""
        while b"\n" not in self.buffer:
            self.socket.settimeout(max(0.01, self.end - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise LabError("it did not answer in time") from None
            except ConnectionResetError:
                data = b""
            if not data:
                raise LabError("it ended unexpectedly")
            self.buffer += data
        line, unused, self.buffer = self.buffer.partition(b"\n")
        return line.decode(errors="replace")

    def close(self):
        self.socket.close()


class Qmp(Line):
    """QEMU's control socket."""

    def __init__(self, path, process, patience=10.0):
        super().__init__(path, patience, process)
        self.receive()
        self.ask("qmp_capabilities")

    def ask(self, command, descriptors=(), **arguments):
        self.send(json.dumps({"execute": command, "arguments": arguments}), descriptors)
        while True:
            answer = json.loads(self.receive())
            if "error" in answer:
                raise LabError(f"QEMU refused {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def migrated(self):
        """Wait until a state is saved or restored."""
        while True:
            status = self.ask("query-migrate").get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise LabError("QEMU could not move the machine's state")
            time.sleep(0.01)


# -- what a machine is made of ----------------------------------------------------------------------------------------------------

def comma(path):
    """A path as a value in QEMU's option lists."""
    return str(path).replace(",", ",,")


def command(config, accelerator, memory, backends, folder):
    """QEMU's argument list. ``backends`` are the -netdev values of eth0, eth1, ...; what they are may differ between the machine that
    saves a state and those that take it up, all else may not."""
    kernel, root = image.kernel_folder(config["cache"], config), image.root_folder(config["cache"], config)
    acceleration = "kvm" if accelerator == "kvm" else "tcg,thread=multi,tb-size=128"
    argv = [
        QEMU, "-machine", "q35,memory-backend=ram,vmport=off,hpet=off", "-accel", acceleration, "-cpu", CPU[accelerator], "-smp", str(
            config["cpus"]), "-m", str(config["memory"]),
        "-object", memory, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-name", folder.name,
        "-kernel", str(kernel / "vmlinuz"), "-initrd", str(kernel / "initrd"), "-append", CMDLINE,
        "-qmp", "unix:qmp,server=on,wait=off",
        "-chardev", "file,id=console,path=console.log,append=on", "-device", "isa-serial,chardev=console",
        "-chardev", "socket,id=agent,path=agent,server=on,wait=off", "-device", "isa-serial,chardev=agent",
    ]
    for name, path in (("root", root / "root.sqfs"), ("modules", kernel / "modules.sqfs")):
        argv += ["-drive", f"id={name},file={comma(path)},format=raw,if=none,readonly=on,file.locking=off", "-device", f"virtio-blk-pci,drive={name}"]
    for number, (backend, address) in enumerate(backends):
        argv += ["-netdev", f"{backend},id=net{number}", "-device", f"virtio-net-pci,id=nic{number},netdev=net{number},mac={address},romfile="]
    return argv


def spawn(config, folder, accelerator, memory, backends, *extra, pass_fds=()):
    for stale in ("qmp", "agent", "qemu.log"):
        (folder / stale).unlink(missing_ok=True)
    process = Process(folder, "qemu")
    process.spawn([*command(config, accelerator, memory, backends, folder), *extra], folder / "qemu.log", cwd=folder, pass_fds=pass_fds)
    return process


def why(folder):
    """The last words of a machine, for a message."""
    words = []
    for name in ("qemu.log", "console.log"):
        with contextlib.suppress(FileNotFoundError):
            words += (folder / name).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    return " | ".join(words) or "nothing in its log"


# -- accelerator ------------------------------------------------------------------------------------------------------------------

def accelerator(config):
    if config["accelerator"] != "auto":
        return config["accelerator"]
    return proven_accelerator(image.kernel_folder(config["cache"], config), Path(config["cache"]))


def proven_accelerator(kernel, cache):
    """``kvm`` where the kernel of that folder really runs under it, else ``tcg``; the answer is kept for this host kernel, processor and QEMU."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    about = host_key() + [kernel.name]
    answer = cache / "accelerator.json"
    with locked(cache):
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            known = json.loads(answer.read_text(encoding="utf-8"))
            if known["about"] == about:
                return known["accelerator"]
        found = "kvm" if kvm_works(kernel) else "tcg"
        answer.write_text(json.dumps({"about": about, "accelerator": found}), encoding="utf-8")
    return found


def host_key():
    model = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines() if line.startswith("model name")]
    return [os.uname().release, *model[:1], run([QEMU, "--version"], "qemu --version").splitlines()[0]]


def kvm_works(kernel):
    argv = [find(QEMU), "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", str(kernel / "vmlinuz"), "-initrd", str(kernel / "initrd"), "-append", "console=ttyS0 reboot=t panic=-1 quiet lab.probe",
            "-serial", "stdio"]
    try:
        done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=KVM_PATIENCE)
    except subprocess.TimeoutExpired:
        return False
    return b"accelerator works" in done.stdout


# -- saved state ------------------------------------------------------------------------------------------------------------------

def golden_folder(config, kind):
    inputs = [image.kernel_folder(config["cache"], config).name, image.root_folder(config["cache"], config).name, host_key(), kind,
              config["cpus"], config["memory"], len(config["nics"]), command(config, kind, "", [], Path("x"))]
    return Path(config["cache"]) / f"state-{digest(inputs)}"


def make_golden(config, kind):
    """Boot one machine that is nobody yet and keep its memory and devices; True when that had to be done."""
    target = golden_folder(config, kind)
    with locked(Path(config["cache"])):
        if target.exists():
            target.touch()
            return False
        for old in sorted(target.parent.glob("state-*"), key=lambda path: path.stat().st_mtime)[:1 - STATES_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        with new_folder(target) as work:
            memory = f"memory-backend-file,id=ram,size={config['memory']}M,mem-path={comma(work / 'memory')},share=on"
            nobody = [("user,restrict=on", mac(0, 0))] + [(f"hubport,hubid={n}", mac(0, n)) for n in range(1, len(config["nics"]) + 1)]
            process = spawn(config, work, kind, memory, nobody)
            try:
                agent = Line(work / "agent", BOOT_PATIENCE, process)
                if agent.receive() != "ready":
                    raise LabError("the agent said something unexpected")
                agent.close()
                qmp = Qmp(work / "qmp", process, 60.0)
                qmp.ask("stop")
                qmp.ask("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])
                with open(work / "devices", "wb") as stream:
                    qmp.ask("getfd", [stream.fileno()], fdname="devices")
                qmp.ask("migrate", uri="fd:devices")
                qmp.migrated()
                qmp.close()
            except LabError as error:
                logs = Path(config["cache"]) / "logs"
                logs.mkdir(exist_ok=True)
                for name in ("console.log", "qemu.log"):
                    with contextlib.suppress(FileNotFoundError):
                        shutil.copy(work / name, logs / f"first-boot-{name}")
                raise LabError(f"The first boot of a lab machine failed: {error} ({why(work)}; logs in {logs}).") from error
            finally:
                process.stop()
            for name in ("qmp", "agent"):
                (work / name).unlink(missing_ok=True)
    return True


# -- one machine ------------------------------------------------------------------------------------------------------------------

class PortTaken(LabError):
    """Another program was quicker; other ports will do."""


class Machine:
    """``number`` counts from 1 and is the n of node<n>."""

    def __init__(self, config, number):
        self.config, self.number = config, number
        self.name = f"node{number}"
        self.folder = Path(config["folder"]) / "machines" / self.name
        self.process = Process(self.folder, "qemu")

    def backends(self, ports):
        """eth0 is QEMU's own user network, reached by a forwarded port; the others go to the switch of their segment."""
        restrict = "off" if self.config["internet"] else "on"
        found = [(f"user,restrict={restrict},hostfwd=tcp:127.0.0.1:{ports['ssh'][self.name]}-:22", mac(self.number, 0))]
        for number, nic in enumerate(self.config["nics"], start=1):
            own, switch = ports["nics"][self.name][nic["name"]], ports["segments"][nic["segment"]]
            found.append((f"socket,udp=127.0.0.1:{switch},localaddr=127.0.0.1:{own}", mac(self.number, number)))
        return found

    def identity(self):
        if not (self.folder / "host_key").exists():
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(self.folder / "host_key")], "Making a host key")
        authorized = (Path(self.config["folder"]) / "id_ed25519.pub").read_text(encoding="ascii")
        nics = [{"name": "eth0", "mac": mac(self.number, 0), "address": "10.0.2.15/24", "gateway": "10.0.2.2"}]
        nics += [{"name": nic["name"], "mac": mac(self.number, number)} for number, nic in enumerate(self.config["nics"], start=1)]
        return {
            "hostname": self.name, "machine_id": secrets.token_hex(16), "seed": base64.b64encode(secrets.token_bytes(64)).decode(),
            "time": time.time(), "nics": nics,
            "files": {
                "/etc/ssh/ssh_host_ed25519_key": {"content": (self.folder / "host_key").read_text(encoding="ascii"), "mode": 0o600},
                "/etc/ssh/ssh_host_ed25519_key.pub": {"content": (self.folder / "host_key.pub").read_text(encoding="ascii"), "mode": 0o644},
                "/root/.ssh/authorized_keys": {"content": authorized, "mode": 0o600},
            },
        }

    def start(self, kind, golden, ports):
        """From the saved state; when there is none or it fails, from cold."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = Path(self.config["folder"]) / "logs" / f"{self.name}.log"
        log.parent.mkdir(exist_ok=True)
        log.touch()
        console = self.folder / "console.log"
        console.unlink(missing_ok=True)
        console.symlink_to(log)
        if golden:
            try:
                self.restore(kind, golden, ports)
                return "warm"
            except (LabError, OSError) as error:
                self.stop()
                self.refuse_taken_port()
                reason = f"{error}; {why(self.folder)}"
                return f"{self.boot(kind, ports)} (the saved state could not be used: {reason})"
        return self.boot(kind, ports)

    def refuse_taken_port(self):
        """A port that was free a moment ago need not be so when QEMU takes it."""
        words = (self.folder / "qemu.log").read_text(encoding="utf-8", errors="replace")
        if any(sign in words for sign in ("host forwarding rule", "already in use")):
            raise PortTaken(f"{self.name}: {why(self.folder)}")

    def boot(self, kind, ports):
        memory = f"memory-backend-ram,id=ram,size={self.config['memory']}M"
        spawn(self.config, self.folder, kind, memory, self.backends(ports))
        try:
            agent = Line(self.folder / "agent", BOOT_PATIENCE, self.process)
            self.introduce(agent, agent.receive())
        except LabError as error:
            self.stop()
            self.refuse_taken_port()
            raise LabError(f"{self.name} did not boot: {error} ({why(self.folder)}; its log is {self.folder / 'console.log'}).") from error
        return "cold"

    def restore(self, kind, golden, ports):
        # A private mapping: machines share the pages that none of them has written.
        memory = f"memory-backend-file,id=ram,size={self.config['memory']}M,mem-path={comma(golden / 'memory')},share=off"
        with open(golden / "devices", "rb") as devices:
            os.set_inheritable(devices.fileno(), True)
            spawn(self.config, self.folder, kind, memory, self.backends(ports), "-incoming", "defer", pass_fds=[devices.fileno()])
            qmp = Qmp(self.folder / "qmp", self.process, RESTORE_PATIENCE)
            qmp.ask("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])
            qmp.ask("migrate-incoming", uri=f"fd:{devices.fileno()}")
            qmp.migrated()
            qmp.ask("cont")
            qmp.close()
        self.introduce(Line(self.folder / "agent", RESTORE_PATIENCE, self.process), "ready")

    def introduce(self, agent, greeting):
        if greeting == "ready":
            agent.send(json.dumps(self.identity()))
            greeting = agent.receive()
        agent.close()
        if greeting != "done":
            raise LabError(f"its agent says: {greeting}")

    def stop(self):
        was = self.process.stop()
        for stale in ("qmp", "agent"):
            (self.folder / stale).unlink(missing_ok=True)
        return was

    def set_link(self, nic, connected):
        if not self.process.pid():
            raise LabError(f"{self.name} is not running; start the lab first.")
        names = [entry["name"] for entry in self.config["nics"]]
        qmp = Qmp(self.folder / "qmp", self.process)
        qmp.ask("set_link", name=f"nic{names.index(nic) + 1}", up=connected)
        qmp.close()


# -- the lab ----------------------------------------------------------------------------------------------------------------------

def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def choose_ports(config):
    """All ports of a lab at once, so that none is handed out twice: ``{"ssh": {node: port}, "nics": {node: {nic: port}}, "segments": {name: port}}``."""
    nodes = [f"node{n}" for n in range(1, config["machines"] + 1)]
    taken = set()

    def new(kind):
        while True:
            port = free_port(kind)
            if port not in taken:
                taken.add(port)
                return port

    return {
        "ssh": {node: new(socket.SOCK_STREAM) for node in nodes},
        "nics": {node: {nic["name"]: new(socket.SOCK_DGRAM) for nic in config["nics"]} for node in nodes},
        "segments": {name: new(socket.SOCK_DGRAM) for name in sorted({nic["segment"] for nic in config["nics"]})},
    }


def wiring(config, ports):
    """What switch.py is to serve."""
    plan = {name: {"port": port, "members": []} for name, port in ports["segments"].items()}
    for nics in ports["nics"].values():
        for nic in config["nics"]:
            plan[nic["segment"]]["members"].append(nics[nic["name"]])
    return plan


class Lab:
    def __init__(self, config):
        self.config = config
        self.folder = Path(config["folder"])
        self.machines = [Machine(config, number) for number in range(1, config["machines"] + 1)]
        self.switch = Process(self.folder, "switch")

    def running(self):
        return self.switch.pid() and all(machine.process.pid() for machine in self.machines)

    def start(self):
        """Idempotent; what runs in part is stopped first, since its ports may be others now. Returns changed and how each machine started."""
        made_of = digest(self.config, image.root_folder(self.config["cache"], self.config).name, image.kernel_folder(self.config["cache"], self.config).name)
        mark = self.folder / "made_of"
        if self.running() and mark.exists() and mark.read_text(encoding="ascii") == made_of:
            return False, {}
        self.stop()
        kind = accelerator(self.config)
        golden = golden_folder(self.config, kind) if self.config["warm_start"] else None
        golden = golden if golden and golden.exists() else None
        key = self.folder / "id_ed25519"
        if not key.exists():
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab {self.config['name']}", "-f", str(key)], "Making the lab's key")
        for attempt in range(3):
            try:
                how = self.start_all(kind, golden)
                break
            except PortTaken:
                if attempt == 2:
                    raise
        broken = [way for way in how if way.startswith("cold (")]
        if broken:  # a new one is saved at the next start
            shutil.rmtree(golden, ignore_errors=True)
        mark.write_text(made_of, encoding="ascii")
        return True, {machine.name: start for machine, start in zip(self.machines, how)}

    def start_all(self, kind, golden):
        ports = choose_ports(self.config)
        (self.folder / "ports.json").write_text(json.dumps(ports), encoding="ascii")
        self.switch.spawn([sys.executable, str(HERE / "switch.py"), json.dumps(wiring(self.config, ports))], self.folder / "logs" / "switch.log")
        try:
            with ThreadPoolExecutor(len(self.machines)) as pool:
                return list(pool.map(lambda machine: machine.start(kind, golden, ports), self.machines))
        except BaseException:
            self.stop()
            raise

    def stop(self):
        folders = sorted((self.folder / "machines").glob("node*")) if (self.folder / "machines").exists() else []
        with ThreadPoolExecutor(max(1, len(folders))) as pool:
            was = list(pool.map(lambda folder: Machine(self.config, int(folder.name.removeprefix("node"))).stop(), folders))
        return any([self.switch.stop(), *was])

    def cable(self, machine, nic, connected):
        """Always sent: QEMU does not tell how a link stands, and setting it twice changes nothing."""
        mark = self.folder / "machines" / machine / f"{nic}.cable"
        before = not mark.exists()
        Machine(self.config, int(machine.removeprefix("node"))).set_link(nic, connected)
        if connected:
            mark.unlink(missing_ok=True)
        else:
            mark.touch()
        self.switch.signal(signal.SIGHUP)
        return before != connected

    def hosts(self):
        ports = json.loads((self.folder / "ports.json").read_text(encoding="ascii"))["ssh"]
        known = [f"[127.0.0.1]:{ports[machine.name]} {(machine.folder / 'host_key.pub').read_text(encoding='ascii')}" for machine in self.machines]
        (self.folder / "known_hosts").write_text("".join(known), encoding="ascii")
        return {machine.name: {"ansible_host": "127.0.0.1", "ansible_port": ports[machine.name]} for machine in self.machines}

    def wait(self, patience=60.0):
        """Until every machine greets as an SSH server."""
        for name, host in self.hosts().items():
            end = time.monotonic() + patience
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", host["ansible_port"]), timeout=2) as line:
                        line.settimeout(max(0.1, end - time.monotonic()))
                        if line.recv(4) == b"SSH-":
                            break
                except OSError:
                    pass
                if time.monotonic() > end:
                    raise LabError(f"{name} runs but its SSH server does not answer; its log is {self.folder / 'logs' / name}.log.")
                time.sleep(0.05)
