# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was proven, as rows, and the rows as a text table and as Markdown.

A row is ``{'check', 'who', 'whom', 'expected', 'seen', 'ok'}``, strings but for the last.
"""
from __future__ import annotations

COLUMNS = {"check": "check", "who": "who", "whom": "whom", "expected": "expected", "seen": "seen"}


def rows(host: str, expectations: list[dict], outcome: dict) -> list[dict]:
    """The rows of one host: each expectation beside what vnet_probe saw of it.

    :param outcome: the module's result; where it failed as a whole, that is what was seen.
    """
    results = outcome.get("results") or [None] * len(expectations)
    return [_row(host, expectation, result, outcome) for expectation, result in zip(expectations, results)]


def _row(host: str, expectation: dict, result: dict | None, outcome: dict) -> dict:
    probe = expectation["probe"]
    whom = f"{expectation['whom']} {probe['to']}".strip()
    row = {
        "check": expectation["check"], "who": "@".join(filter(None, [probe.get("netns"), host])), "whom": whom,
        "expected": probe["expect"] + (f", {probe['size']} bytes whole" if probe.get("df") else ""),
    }
    if result is None:
        return row | {"seen": f"not tried: {outcome.get('msg') or 'the module gave no result'}", "ok": False}
    seen = "reachable" if result["reachable"] else "unreachable"
    if result.get("rtt_ms") is not None:
        seen += f" in {result['rtt_ms']:.3g} ms"
    if not result["ok"] and result.get("reason"):
        seen += f": {result['reason']}"
    return row | {"seen": seen, "ok": bool(result["ok"])}


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
    return [f"{row['check']}: {row['who']} -> {row['whom']}: expected {row['expected']}, seen {row['seen']}" for row in listed if not row["ok"]]


def markdown(listed: list[dict]) -> str:
    def line(cells) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    head = ["", *COLUMNS.values()]
    body = [["ok" if row["ok"] else "**FAILED**", *(row[key] for key in COLUMNS)] for row in listed]
    return "\n".join(["# What was proven", "", summary(listed), "", line(head), line("---" for cell in head), *map(line, body), ""])
