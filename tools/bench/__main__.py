# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark: what the engine and whole tasks cost, beside what else one might use, in one run.

    make bench                  all of it, about twenty minutes; writes docs/performance.md and its plots
    make bench ARGS=--quick     small sizes, two minutes; prints the tables and writes nothing to docs
    make bench ARGS='--only fdb route'

All of it happens in network namespaces that end with their process. Kinds of links that the running kernel has no driver for run in the kernel of
tools/kernel-run. Seconds of one machine say little: what counts are the ratios within a run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import distributions
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import report  # noqa: E402  # pylint: disable=wrong-import-position
import tasks  # noqa: E402  # pylint: disable=wrong-import-position
import workloads  # noqa: E402  # pylint: disable=wrong-import-position

RESULTS = ROOT / ".build/bench"
#: (workload, sizes)
PLAN = [
    ("veth", (10, 100, 1000, 4000)),
    ("vlan", (10, 100, 1000, 4000)),
    ("macvlan", (10, 100, 1000, 4000)),
    ("bridge_vlan", (4000,)),
    ("fdb", (10_000, 100_000)),
    ("address", (1000,)),
    ("route", (1000,)),
    ("netns", (50,)),
]
QUICK = [("veth", (10, 100)), ("fdb", (10_000,)), ("address", (100,)), ("route", (100,)), ("netns", (5,))]
CONTESTANTS = ("floor", "engine", "batch", "pyroute2", "each", "ifstate")
#: above these sizes a contestant would take minutes without saying more
MOST = {"each": 100, "pyroute2": 10_000, "ifstate": 100}
IFSTATE = ROOT / ".build/ifstate"


def rounds(contestant: str, workload: str, n: int, elsewhere: bool = False) -> int:
    if contestant in ("each", "ifstate") or elsewhere and n > 1000:
        return 1
    if contestant in ("batch", "pyroute2") and workload in ("veth", "vlan", "macvlan") and n >= 1000:  # the kernel takes 20 ms to remove each
        return 1 if n > 1000 or elsewhere else 2
    return 3 if n > 1000 or elsewhere else 5 if n > 100 else 7


def command(contestant: str, workload: str, n: int, elsewhere: bool = False) -> list[str]:
    return ["unshare", "--net", "--mount", sys.executable, str(HERE / "worker.py"), contestant, workload, str(n),
            str(rounds(contestant, workload, n, elsewhere))]


def runs_here(workload: str) -> bool:
    """Whether the running kernel has what the workload needs, tried with few."""
    return subprocess.run(command("batch", workload, 100), capture_output=True, check=False).returncode == 0


def takes_part(contestant: str, workload: str, n: int, elsewhere: bool = False) -> bool:
    if n > MOST.get(contestant, n) or contestant == "ifstate" and not IFSTATE.exists():
        return False
    if contestant == "floor":
        return workload != "netns"
    if contestant in (("pyroute2", "batch") if elsewhere else ("pyroute2",)) and workload in ("veth", "vlan", "macvlan") and n > 1000:
        return False
    return contestant == "engine" or contestant in workloads.ALL[workload].rivals


def measure(plan) -> dict:
    found: dict = {}
    done, whole = 0, sum(len(sizes) for unused, sizes in plan)
    for workload, sizes in plan:
        elsewhere = workload != "netns" and not runs_here(workload)
        for n in sizes:
            runs = [one for one in CONTESTANTS if takes_part(one, workload, n, elsewhere)]
            done += 1
            print(f"{done} of {whole}: {n} {workload}, by {', '.join(runs)}", file=sys.stderr, flush=True)
            lines = [json.dumps(command(one, workload, n, elsewhere)) for one in runs]
            wrapped = [str(ROOT / "tools/kernel-run"), "--timeout", "1200", "--"] if elsewhere else []
            ran = subprocess.run([*wrapped, sys.executable, str(HERE / "several.py")], text=True, capture_output=True, check=False,
                                 env={**os.environ, "BENCH_LINES": "\n".join(lines)})
            if ran.returncode:
                sys.exit(f"{workload} {n}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
            for contestant, line in zip(runs, [line for line in ran.stdout.splitlines() if line.startswith("{")]):
                seconds = json.loads(line)
                found.setdefault(workload, {"kernel": "User Mode Linux" if elsewhere else "running"}).setdefault(str(n), {})[contestant] = {
                    phase: median(values) for phase, values in seconds.items()}
    return found


def memory() -> dict:
    """Peak megabytes with a hundred thousand FDB entries."""
    done = subprocess.run(["unshare", "--net", "--mount", sys.executable, str(HERE / "memory.py")], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def stages() -> dict:
    """{task: {stage: milliseconds}} of one link, of many and of many that are made."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {
        "PYTHONPYCACHEPREFIX": str(RESULTS / "pycache"), "BENCH_COLLECTIONS": str(ROOT / ".build/collections")}
    found = {}
    for name, n, create in (("one pair, unchanged", 2, 0), ("1000 links, unchanged", 1000, 0), ("1000 links made", 1000, 1)):
        words, seen = ["unshare", "--net", "--mount", sys.executable, str(HERE / "stages.py"), str(n), str(create)], []
        for unused in range(6):
            done = subprocess.run(words, check=True, text=True, capture_output=True, env=environment | {"BENCH_BEGAN": str(time.time())})
            seen.append(json.loads(done.stdout))
        found[name] = {stage: median(one.get(stage, 0) for one in seen[1:]) for stage in seen[0]}  # the first one compiles
    return found


def floods(sizes) -> list[dict]:
    return [json.loads(subprocess.run(["unshare", "--net", sys.executable, str(HERE / "flood.py"), str(n)], capture_output=True, text=True, check=True).stdout)
            for n in sizes]


def meshes(sizes) -> list[dict]:
    return [json.loads(subprocess.run([sys.executable, str(HERE / "mesh.py"), str(n)], capture_output=True, text=True, check=True).stdout) for n in sizes]


def machine() -> dict:
    def said(*words):
        try:
            return subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()[0].strip()
        except (OSError, IndexError):
            return "not here"

    versions = {}
    for package, where in (("pyroute2", sys.path), ("ansible-core", sys.path), ("ifstate", [str(path) for path in IFSTATE.glob("lib/*/site-packages")])):
        versions[package] = next((one.version for one in distributions(name=package, path=where)), None)
    return {"kernel": platform.release(), "python": platform.python_version(), "cores": os.cpu_count(), "iproute2": said("ip", "-V"), **versions}


def main():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, without whole tasks; nothing is written to docs")
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD", choices=[name for name, unused in PLAN],
                        help="these workloads alone, without whole tasks; nothing is written to docs")
    parser.add_argument("--again", action="store_true", help="only draw and write anew what the last run has found")
    arguments = parser.parse_args()
    if os.geteuid():
        sys.exit("The benchmark makes network namespaces: run it as root.")
    RESULTS.mkdir(parents=True, exist_ok=True)
    part = arguments.quick or bool(arguments.only)
    file = RESULTS / ("part.json" if part else "results.json")
    if arguments.again:
        if not file.exists():
            sys.exit("There is nothing to write anew: let the benchmark run to its end first (make bench).")
        found = json.loads(file.read_text(encoding="utf-8"))
    else:
        plan = [one for one in (QUICK if arguments.quick else PLAN) if not arguments.only or one[0] in arguments.only]
        if not plan:
            sys.exit(f"--quick has no {' or '.join(arguments.only)}: take --only alone, or one of {', '.join(name for name, unused in QUICK)}.")
        found = {"machine": machine(), "engine": measure(plan)}
        if not part:
            print("meshes, memory, whole tasks", file=sys.stderr, flush=True)
            found.update(mesh=meshes((10, 100, 1000)), flood=floods((10, 100, 1000)), memory=memory(), stages=stages(), tasks=tasks.measure())
        file.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(report.text(found))
    if not part:
        report.write(found, ROOT / "docs")
    print(f"Kept in {file.relative_to(ROOT)}." + (" Nothing was written to docs." if part else " Written to docs/performance.md and docs/performance.svg."))


if __name__ == "__main__":
    main()
