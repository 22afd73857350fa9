# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was proven, as rows, and the rows as a text table and as Markdown.

A row is ``{'check', 'who', 'whom', 'expected', 'seen', 'ok'}``, strings but for the last.
"""
from __future__ import annotations

COLUMNS = {"check": "check", "who": "who", "whom": "whom", "expected": "expected", "seen": "seen"}


def rows(host: str, outcome: dict | None) -> list[dict]:
    """The rows of one run of vnet_probe, or of vnet_capture with its probes, on one host.

    :param outcome: the module's result; where there are no results in it, that is what was seen.
    """
    if outcome and "cable" in outcome:
        return [_cable(host, outcome)]
    if not outcome or "results" not in outcome:
        seen = "nothing: " + ((outcome or {}).get("msg") or "the machine gave no answer")
        return [{"check": "probes", "who": host, "whom": "", "expected": "results", "seen": seen, "ok": False}]
    probes = outcome["probes"] if "probes" in outcome else outcome["results"]
    captures = outcome["results"] if "probes" in outcome else []
    return [_probe(host, result) for result in probes if not result["listen"] or not result["ok"]] + [
        _capture(host, capture, expectation) for capture in captures for expectation in capture["expectations"]
    ]


def _named(host: str, name: str) -> dict:
    """The columns that a name of the form ``CHECK: WHO -> WHOM`` stands for."""
    check, dummy, ends = name.partition(": ")
    who, dummy, whom = ends.partition(" -> ")
    return {"check": check, "who": who or host, "whom": whom}


def _cable(host: str, outcome: dict) -> dict:
    """Whether the traffic of this host was there when the cable was pulled and plugged in."""
    pulled, outlasted = (str(outcome[key]).lower() == "true" for key in ("pulled", "outlasted"))  # templates of old releases make text of them
    seen = "lost its carrier" if pulled else "kept its carrier"
    seen += ", traffic went on" if outlasted else ", traffic had ended before; raise verify_cable_packets"
    ends = {"who": host, "whom": f"{outcome['cable']['nic']} of {outcome['cable']['machine']}"}
    return {"check": "cable pulled", **ends, "expected": "during traffic", "seen": seen, "ok": pulled and outlasted}


def _capture(host: str, capture: dict, expectation: dict) -> dict:
    wanted = f"{'nothing' if expectation['max'] == 0 else 'packets'} on {capture['dev']}"
    seen = f"{expectation['packets']} packets" + (f", and {capture['dropped']} were lost unseen" if capture["dropped"] else "")
    return _named(host, expectation["name"]) | {"expected": wanted, "seen": seen, "ok": bool(expectation["ok"])}


def _probe(host: str, result: dict) -> dict:
    row = _named(host, result["name"])
    whom = row["whom"]
    whom = " ".join(filter(None, [whom, result["to"] if whom != result["to"] else ""]))
    expected = result["expect"] + (f", seen as {result['seen_as']}" if result.get("seen_as") and result["ok"] else "")
    seen = "reachable" if result["reachable"] else "unreachable"
    if result.get("rtt_ms"):
        seen += f" in {result['rtt_ms']['avg']:.3g} ms"
    if result.get("max_gap_ms") is not None:
        seen += f", {result['lost']} of {result['sent']} lost, longest silence {result['max_gap_ms']:.0f} ms"
    if not result["ok"] and result.get("reason"):
        seen += f": {result['reason']}"
    return row | {"whom": whom, "expected": expected, "seen": seen, "ok": bool(result["ok"])}


def table(listed: list[dict]) -> list[str]:
    """The lines of an aligned table, and one line that sums it up."""
    if not listed:
        return ["Nothing was checked: no expectation follows from the variables."]
    widths = {key: max(len(title), *(len(row[key]) for row in listed)) for key, title in COLUMNS.items()}
    widths["seen"] = 0  # the last column needs no filling

    def line(mark: str, cells: dict) -> str:
        return f"{mark:<6}  " + "  ".join(f"{cells[key]:<{widths[key]}}" for key in COLUMNS).rstrip()

    lines = [line("", COLUMNS)] + [line("ok" if row["ok"] else "FAILED", row) for row in listed]
    return lines + [summary(listed)]


def summary(listed: list[dict]) -> str:
    failed = sum(not row["ok"] for row in listed)
    return f"{len(listed) - failed} of {len(listed)} checks proven" + (f", {failed} FAILED" if failed else "")


def failures(listed: list[dict]) -> list[str]:
    return [f"{row['check']}: {' -> '.join(filter(None, [row['who'], row['whom']]))}: {row['seen']}" for row in listed if not row["ok"]]


def markdown(listed: list[dict]) -> str:
    def line(cells) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    head = ["", *COLUMNS.values()]
    body = [["ok" if row["ok"] else "**FAILED**", *(row[key] for key in COLUMNS)] for row in listed]
    return "\n".join(["# What was proven", "", summary(listed), "", line(head), line("---" for cell in head), *map(line, body), ""])
