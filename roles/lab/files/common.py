# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the lab needs: errors, locks, keys of caches, processes that are provably ours."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
GUEST = HERE / "guest"
KILL_PATIENCE = 5.0  # seconds, in which the kernel takes down even a large machine


class LabError(Exception):
    """One sentence for the user that says what to do next."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def digest(*parts):
    """A short key for a cache entry; ``parts`` are strings, bytes, or anything JSON can hold."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()[:16]


@contextlib.contextmanager
def locked(path):
    """One process at a time in a cache folder; others wait."""
    path.mkdir(parents=True, exist_ok=True)
    with open(path / ".lock", "w", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def new_folder(target):
    """A folder that appears under its name only when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield work
        work.chmod(0o755)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def find(program):
    """Full path of a program, also where an ordinary user's PATH lacks the sbin folders."""
    found = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"]))
    if not found:
        raise LabError(f"The program {program} is missing; run the lab's packages step or install it.")
    return found


def run(argv, what, **options):
    """Run to the end; a failure says what was being done and shows the last lines."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([find(argv[0]), *argv[1:]], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise LabError(f"{what} failed: " + " | ".join(done.stdout.strip().splitlines()[-3:]))
    return done.stdout


def started_at(pid):
    """The kernel's start time of a process, in clock ticks since boot: with the pid it names a process for ever. None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def mac(node, nic):
    """Address of a machine's network card; 0 is the one of the management network."""
    return f"52:54:00:{node >> 8:02x}:{node & 255:02x}:{nic:02x}"


def privileged():
    """Prefix of a command that needs root."""
    return [] if os.geteuid() == 0 else ["sudo", "-n"]


class Process:
    """A daemon of the lab, remembered in ``<folder>/<name>.pid`` as pid and start time, so that a reused pid is never taken for it."""

    def __init__(self, folder, name):
        self.file = Path(folder) / f"{name}.pid"

    def pid(self):
        """Its pid while it runs, else None."""
        try:
            pid, start = map(int, self.file.read_text(encoding="ascii").split())
        except (FileNotFoundError, ValueError):
            return None
        return pid if started_at(pid) == start else None

    def spawn(self, argv, log, **options):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as stream:
            child = subprocess.Popen([find(argv[0]), *argv[1:]], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True, **options)
        child.returncode = 0  # it outlives this program on purpose
        self.remember(child.pid)

    def remember(self, pid):
        self.file.write_text(f"{pid} {started_at(pid) or 0}\n", encoding="ascii")

    @staticmethod
    def kill(pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            subprocess.run([*privileged(), "kill", f"-{int(number)}", str(pid)], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def signal(self, number):
        pid = self.pid()
        if pid:
            self.kill(pid, number)
        return bool(pid)

    def stop(self, patience=5.0):
        """True when it was running. LabError when it cannot be ended, as another user's without sudo."""
        was = self.signal(signal.SIGTERM)
        end = time.monotonic() + patience
        while self.pid():
            if time.monotonic() > end + KILL_PATIENCE:
                raise LabError(f"Process {self.pid()} of the lab cannot be ended; end it as root, then stop the lab again.")
            if time.monotonic() > end:
                self.signal(signal.SIGKILL)
            time.sleep(0.02)
        self.file.unlink(missing_ok=True)
        return was
