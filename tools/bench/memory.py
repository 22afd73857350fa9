# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peak memory of a process that applies FDB entries from a file, and of one that parses what `bridge -j fdb show` prints of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import worker
import workloads

N = 100_000
ENGINE = """
import json, sys
sys.path[:0] = [PATHS]
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.run import run
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
with open(sys.argv[1]) as file:
    document = json.load(file)
run(from_document(RESOURCES, document), RESOURCES, diff=False)
"""
PARSER = "import json, sys; json.load(sys.stdin)"


def peak(*words, **more) -> float:
    """Megabytes of a process at most."""
    process = subprocess.Popen(words, **more)  # pylint: disable=consider-using-with
    unused, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{words[0]} failed")
    return usage.ru_maxrss / 1024


def main():
    worker.run(["ip", "link", "set", "dev", "lo", "up"])
    worker.run(["ip", "-batch", "-"], "\n".join(workloads.Fdb(N).prepare()) + "\n")
    engine = ENGINE.replace("PATHS", repr(str(worker.COLLECTIONS)))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(workloads.Fdb(N).document("create"), file)
        file.flush()
        made = peak(sys.executable, "-c", engine, file.name)
        unchanged = peak(sys.executable, "-c", engine, file.name)
    with subprocess.Popen(["bridge", "-j", "fdb", "show", "dev", "vx0"], stdout=subprocess.PIPE) as shown:
        parsed = peak(sys.executable, "-c", PARSER, stdin=shown.stdout)
    print(json.dumps({"entries": N, "made": made, "unchanged": unchanged, "bridge and JSON parser": parsed, "bare": peak(sys.executable, "-c", "pass")}))


if __name__ == "__main__":
    main()
