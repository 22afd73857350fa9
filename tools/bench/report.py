# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark found, as Markdown and as a plot."""

from __future__ import annotations

import math
import re
from pathlib import Path

PHASES = ("create", "unchanged", "change", "undo", "remove")
NAMES = {"floor": "packed by hand", "engine": "**linuxnet.vnet**", "batch": "ip/bridge -batch", "pyroute2": "pyroute2 calls", "each": "a process each",
         "ifstate": "ifstate"}
COLOURS = {"floor": "#888888", "engine": "#0b6e4f", "batch": "#c1440e", "pyroute2": "#5b5ea6", "each": "#b8860b", "ifstate": "#7a1f5c"}
WHAT = {"veth": "links (veth pairs, up)", "vlan": "VLANs on one link", "macvlan": "macvlans on one link", "bridge_vlan": "VLANs on ports of a bridge",
        "fdb": "FDB entries of a VXLAN device", "address": "addresses", "route": "routes", "netns": "namespaces with 20 objects each"}


def show(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1e3:.1f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def table(rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], ["---"] * len(rows[0]), *rows[1:]))


def engine(found: dict) -> str:
    parts = []
    for workload, sizes in found["engine"].items():
        kernel = "" if sizes["kernel"] == "running" else f", in {sizes['kernel']}"
        parts.append(f"### {WHAT[workload]}{kernel}\n")
        rows = [["n", "", *PHASES]]
        for n, contestants in sizes.items():
            if n == "kernel":
                continue
            rows += [[n, NAMES[name], *(show(phases.get(phase)) for phase in PHASES)] for name, phases in contestants.items()]
        parts.append(table(rows) + "\n")
    return "\n".join(parts)


def criteria(found: dict) -> list[tuple[str, float, float]]:
    """(what, at most, measured) of what we hold ourselves to."""
    kinds = found["engine"]
    result = []

    def ratio(what, limit, workload, n, phase, own, other, other_phase=None):
        row = kinds.get(workload, {}).get(str(n), {})
        if phase in row.get(own, {}) and (other_phase or phase) in row.get(other, {}):
            result.append((what, limit, row[own][phase] / row[other][other_phase or phase]))

    for kind, name in (("veth", "links (veth pairs)"), ("macvlan", "macvlans"), ("vlan", "VLANs")):
        ratio(f"1000 {name} made, to `ip -batch`", 0.8, kind, 1000, "create", "engine", "batch")
        ratio(f"1000 {name} made, to the same packed by hand", 1.25, kind, 1000, "create", "engine", "floor")
    ratio("1000 links removed, to `ip -batch`", 1.0, "veth", 1000, "remove", "engine", "batch")
    ratio("1000 links unchanged, to `ip -d -j link` and a JSON parser", 1.0, "veth", 1000, "unchanged", "engine", "batch")
    ratio("100 000 FDB entries made, to `bridge -batch`", 0.35, "fdb", 100_000, "create", "engine", "batch")
    ratio("100 000 FDB entries removed, to `bridge -batch`", 0.35, "fdb", 100_000, "remove", "engine", "batch")
    ratio("100 000 FDB entries unchanged, to `bridge -j fdb show` and a JSON parser", 0.8, "fdb", 100_000, "unchanged", "engine", "batch")
    if "tasks" in found:
        one, thousand, large = (found["tasks"][part] for part in ("one object", "thousand", "large"))
        fdb = kinds["fdb"]["100000"]["batch"]
        result += [
            ("a task that finds nothing to do, to `ping`", 1.3, one["unchanged"] / one["ping"]),
            ("a task that changes one object, to `ping`", 1.4, one["changed"] / one["ping"]),
            ("one task with 1000 links, to 1000 tasks", 0.01, thousand["one task"] / thousand["n tasks"]),
            ("a task for 100 000 FDB entries from a file less an empty one, to `bridge -batch`", 1.0, (large["file"] - large["empty"]) / fdb["create"]),
            ("the same, unchanged, to `bridge -j fdb show` and a JSON parser", 1.0, (large["file, unchanged"] - large["empty"]) / fdb["unchanged"]),
        ]
        peak = found["memory"]
        result.append(("peak memory with 100 000 FDB entries, to that of the JSON parser", 2.0,
                       max(peak["made"], peak["unchanged"]) / peak["bridge and JSON parser"]))
        veth = kinds["veth"]
        if "4000" in veth:
            growth = {name: (veth["4000"][name]["create"] / 4000) / (veth["100"][name]["create"] / 100) for name in ("engine", "floor")}
            result.append(("growth of the cost of a link from 100 to 4000, to that of the same packed by hand", 1.25, growth["engine"] / growth["floor"]))
        result.append(("seconds to plan for 1000 machines, on the controller", 10, found["mesh"][-1]["seconds"]))
    return result


def text(found: dict) -> str:
    machine = found["machine"]
    rows = [["", "at most", "measured", ""]]
    for what, limit, value in criteria(found):
        rows.append([what, f"{limit:g}", f"{value:.2f}" if value > 0.05 else f"{value:.4f}", "yes" if value <= limit else "**no**"])
    held = ["## What it is held to\n", table(rows) + "\n"] if rows[1:] else []
    parts = [f"Linux {machine['kernel']}, {machine['cores']} cores, Python {machine['python']}, {machine['iproute2']}, pyroute2 {machine['pyroute2']}, "
             f"ansible-core {machine['ansible-core']}, ifstate {machine['ifstate'] or 'not here'}.\n",
             *held]
    if "tasks" in found:
        one, thousand, large = (found["tasks"][part] for part in ("one object", "thousand", "large"))
        parts += ["## Whole tasks, local connection\n", table([
            ["task", "seconds"],
            ["`ping`", show(one["ping"])], ["`command: ip link set ...`", show(one["command"])],
            ["`vnet_link`, nothing to do", show(one["unchanged"])], ["`vnet_link`, one change", show(one["changed"])],
            ["`vnet_link`, 1000 links made", show(thousand["one task"])], ["`vnet_link`, 1000 links, nothing to do", show(thousand["one task, unchanged"])],
            ["1000 tasks with one link each (from 20 of them)", show(thousand["n tasks"])],
            ["`vnet_state`, nothing in it", show(large["empty"])],
            ["`vnet_state`, 100 000 FDB entries from a file", show(large["file"])], ["the same, nothing to do", show(large["file, unchanged"])],
            ["a module that does nothing, 10 000 FDB entries inline", show(large["nothing, inline"])],
            ["`vnet_fdb`, the same inline", show(large["inline"])], ["the same, nothing to do", show(large["inline, unchanged"])],
        ]) + "\n"]
        tasks_of = {"one pair, unchanged": one["unchanged"], "1000 links, unchanged": thousand["one task, unchanged"], "1000 links made": thousand["one task"]}
        stages = list(dict.fromkeys(stage for row in found["stages"].values() for stage in row))
        rows = [["", *tasks_of],
                *([stage, *(show(found["stages"][name].get(stage, 0) / 1e3) for name in tasks_of)] for stage in stages),
                ["controller, connection, what else the machine did", *(
                    show(max(0, whole - sum(found["stages"][name].values()) / 1e3)) for name, whole in tasks_of.items())]]
        parts += ["## Where the time of a task goes\n", "The start of Python includes that it reads the module with its arguments. What the controller does"
                  " with a result grows with it: 1000 links are 1000 operations and their commands.\n", table(rows) + "\n"]
        peak = found["memory"]
        parts += ["## Memory\n", table([["process, 100 000 FDB entries", "at most"], *(
            [name, f"{value:.0f} MB"] for name, value in peak.items() if name != "entries")]) + "\n"]
        meshes = [[str(row["machines"]), show(row["index"]), show(row["documents"]), str(row["entries"]), f"{row['megabytes']:.0f} MB"] for row in
                  found["mesh"]]
        parts += ["## Meshes, on the controller\n", table([["machines", "index", "all documents", "FDB entries", "memory"], *meshes]) + "\n",
                  "A broadcast to the others of a mesh, by head-end replication: " + ", ".join(
                      f"{row['microseconds a copy']:.1f} µs a copy with {row['machines'] - 1} others" for row in found["flood"]) + ".\n"]
    parts += ["## The engine\n", "From the document to the result, without the start of Python; programs with their start. `unchanged` is, for the tools,"
              " what a script has to do to find out: show, and a JSON parser; packed by hand it is the dump alone, undecoded. `change` is one of each"
              " hundred, which the others are told and the engine finds by itself. `undo` is making all and taking all back.\n",
              "Packed by hand means what a program does that knows everything beforehand: Python's `struct`, 200 messages a system call, the last of them"
              " answered; it looks at nothing before and reads nothing back. It can be slower where it packs entries one by one that the engine has as"
              " columns or ranges."
              " Who is not in a table was left out because it takes minutes (20 ms to remove a link by itself), or does not run on this machine.\n",
              engine(found)]
    return "\n".join(parts)


def write(found: dict, docs: Path):
    page = docs / "performance.md"
    body = f"<!-- generated: bench -->\n\n{text(found)}\n<!-- end -->"
    before = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r"<!-- generated: bench -->.*<!-- end -->", lambda unused: body, before, flags=re.DOTALL), encoding="utf-8")
    (docs / "performance.svg").write_text(plot(found["engine"]["veth"]), encoding="utf-8")


def plot(sizes: dict, width: int = 760, height: int = 420) -> str:
    """Microseconds a link against the number of links, both logarithmic."""
    points = {name: [(int(n), row[name]["create"] / int(n) * 1e6) for n, row in sizes.items() if n != "kernel" and name in row] for name in NAMES}
    points = {name: found for name, found in points.items() if found}
    xs = [x for found in points.values() for x, unused in found]
    ys = [y for found in points.values() for unused, y in found]
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))
    left, right, top, bottom = 80, width - 170, 40, height - 50

    def x_of(value):
        return left + (right - left) * math.log(value / min(xs)) / math.log(max(xs) / min(xs))

    def y_of(value):
        return bottom - (bottom - top) * math.log(value / low) / math.log(high / low)

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
             f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
             '<text x="16" y="22" font-size="15">Making veth links: microseconds a link, less is better (both axes logarithmic)</text>']
    for n in sorted(set(xs)):
        lines += [f'<line x1="{x_of(n):.1f}" y1="{top}" x2="{x_of(n):.1f}" y2="{bottom}" stroke="#e5e5e5"/>',
                  f'<text x="{x_of(n):.1f}" y="{bottom + 20}" text-anchor="middle">{n}</text>']
    value = low
    while value <= high:
        for step in (1, 2, 5):
            if value * step <= high:
                lines += [f'<line x1="{left}" y1="{y_of(value * step):.1f}" x2="{right}" y2="{y_of(value * step):.1f}" stroke="#e5e5e5"/>',
                          f'<text x="{left - 8}" y="{y_of(value * step) + 4:.1f}" text-anchor="end">{value * step:,.0f}</text>']
        value *= 10
    lines.append(f'<text x="{(left + right) / 2}" y="{height - 8}" text-anchor="middle">links</text>')
    labels: list[float] = []
    for name, found in sorted(points.items(), key=lambda item: item[1][-1][1]):
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in found)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2.5"/>')
        lines += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3.5" fill="{COLOURS[name]}"/>' for x, y in found]
        at = y_of(found[-1][1]) + 4
        while any(abs(at - other) < 16 for other in labels):
            at -= 2
        labels.append(at)
        lines.append(f'<text x="{x_of(found[-1][0]) + 10:.1f}" y="{at:.1f}" fill="{COLOURS[name]}">{NAMES[name].strip("*")}</text>')
    return "\n".join([*lines, "</svg>", ""])
