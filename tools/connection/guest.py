# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands for a kernel of tools/kernel-run, handed over as files in a folder that both sides see; `python guest.py FOLDER` is the other side.

So Ansible itself runs at full speed on this machine, and only modules run where a process is dear.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: guest
short_description: Run commands in a kernel of tools/kernel-run
description:
  - Hands commands over as files in a folder that both sides see.
author: linuxnet.vnet contributors (@linuxnet)
options:
  folder:
    description: The folder.
    required: true
    vars:
      - name: guest_folder
"""

import base64
import contextlib
import ctypes
import gc
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAUSE = 0.01
END = "end"
SHELL = "/bin/sh"


def put(path: Path, content) -> None:
    """All or nothing, for the other side looks all the time."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content), encoding="ascii")
    draft.rename(path)


def call(folder: Path, argv: list[str], given: bytes = b"", alive=lambda: True) -> tuple[int, bytes, bytes]:
    """Runs a command over there."""
    job = folder / f"{uuid.uuid4().hex}.job"
    put(job, {"argv": argv, "given": base64.b64encode(given).decode()})
    answer = job.with_suffix(".answer")
    while not answer.exists():
        if not alive() or (folder / END).exists():
            raise ConnectionError("the kernel has ended")
        time.sleep(PAUSE)
    found = json.loads(answer.read_text(encoding="ascii"))
    answer.unlink()
    return found["code"], base64.b64decode(found["out"]), base64.b64decode(found["err"])


# ---- over there: a process that has all modules loaded, and a fork of it for each command


def serve(folder: Path) -> None:
    warm_up()
    gc.collect()
    gc.disable()
    gc.freeze()  # forks share all of it as long as nobody writes to it, which the collector would
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while not (folder / END).exists():
        for name in os.listdir(folder):
            if name.endswith(".job"):
                job = folder / name
                wanted = json.loads(job.read_text(encoding="ascii"))
                job.unlink()
                if not os.fork():
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    with contextlib.suppress(BaseException):
                        code, out, err = _do(wanted["argv"], base64.b64decode(wanted["given"]))
                        put(job.with_suffix(".answer"), {"code": code, "out": base64.b64encode(out).decode(), "err": base64.b64encode(err).decode()})
                    os._exit(0)
        time.sleep(PAUSE)


def warm_up() -> None:
    """Loads what modules import, and makes what they make when it is first asked for, once: that is most of what a module costs."""
    sys.path.insert(0, str(ROOT / ".build/collections"))
    importlib.import_module("ansible.module_utils.basic")
    package, utils = "ansible_collections.linuxnet.vnet.plugins.modules", "ansible_collections.linuxnet.vnet.plugins.module_utils"
    for path in (ROOT / "plugins/modules").glob("vnet_*.py"):
        importlib.import_module(f"{package}.{path.stem}")
        del sys.modules[f"{package}.{path.stem}"]  # it will be run as a program
    for path in (ROOT / "plugins/module_utils").glob("_*/*.py"):
        with contextlib.suppress(ImportError):
            importlib.import_module(f"{utils}.{path.parent.name}.{path.stem}")
    sys.modules[f"{utils}._engine.info"].live_document(sys.modules[f"{utils}._resources.index"].RESOURCES)


def _do(argv: list[str], given: bytes) -> tuple[int, bytes, bytes]:
    place = re.search(r"nsenter --net=(\S+) --mount=(\S+) --", argv[-1])
    if argv[0] != SHELL or b"_ansiballz_main" not in given or not place and "nsenter" in argv[-1]:
        done = subprocess.run(argv, input=given, capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr
    return _module(place.groups() if place else (), given)


def _module(place: tuple, given: bytes) -> tuple[int, bytes, bytes]:
    """A module as Ansible sent it, run by this very process, which has what it imports."""
    libc = ctypes.CDLL(None, use_errno=True)
    for path in [os.open(path, os.O_RDONLY) for path in place]:
        if libc.setns(path, 0):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(path)
    os.chdir("/")
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.argv = ["module"]
        code = 0
        try:
            exec(compile(given, "module", "exec"), {"__name__": "__main__"})  # pylint: disable=exec-used
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
        except BaseException:  # pylint: disable=broad-except
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
else:
    from ansible.plugins.connection import ConnectionBase

    class Connection(ConnectionBase):
        transport = "guest"
        has_pipelining = True

        def _connect(self):
            return self

        def exec_command(self, cmd, in_data=None, sudoable=True):
            super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
            return call(Path(self.get_option("folder")), [SHELL, "-c", cmd], in_data or b"")

        def put_file(self, in_path, out_path):
            super().put_file(in_path, out_path)
            call(Path(self.get_option("folder")), ["tee", out_path], Path(in_path).read_bytes())

        def fetch_file(self, in_path, out_path):
            super().fetch_file(in_path, out_path)
            Path(out_path).write_bytes(call(Path(self.get_option("folder")), ["cat", in_path])[1])

        def close(self):
            pass
