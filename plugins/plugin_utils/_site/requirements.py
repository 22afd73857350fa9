# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document needs of a machine, held against what vnet_info has found there."""
from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import team_fields
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site.documents import Document

PYROUTE2 = "python3-pyroute2"
# Feature: the package that brings it. The names are those of Fedora's family, which Debian's shares but for what is in APT.
PACKAGES = {"nftables": "nftables", "teamd": "teamd"}
APT = {"teamd": "libteam-utils"}


def needs(document: Document) -> dict[tuple[str, str], list[str]]:
    """``{('kinds', 'bond'): ['uplink0'], ('features', 'bridge_vlan_filtering'): ['br0'], ...}``: each ability with what needs it."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in document["links"]:
        if "kind" in item and item.get("state") != "absent":
            found.setdefault(("kinds", item["kind"]), []).append(item["name"])
            if item.get("bridge", {}).get("vlan_filtering"):
                found.setdefault(("features", "bridge_vlan_filtering"), []).append(item["name"])
    for item in document["teams"]:
        found.setdefault(("kinds", "team"), []).append(item["name"])
        if _by_daemon(item):
            found.setdefault(("features", "teamd"), []).append(item["name"])
    for item in document["nat"]:
        found.setdefault(("features", "nftables"), []).append(f"the NAT of {item['src']}")
    return found


def _by_daemon(team: dict) -> bool:
    """Whether the kernel alone cannot serve a team, which is then what vnet_team refuses without teamd."""
    if team.get("state") == "absent":
        return False
    values = team_fields.parse({key: value for key, value in team.items() if key not in ("netns", "state")}, "teams")
    return values.get("implementation") == "teamd" or team_fields.needs_daemon(values, values.get("runner")) is not None


def lacking(host: str, document: Document, found: dict, manager: str | None = None) -> dict[str, list[str]]:
    """``{'packages': [...], 'problems': [...]}``: what can be installed, and one sentence for each ability that no package of ours brings.

    :param found: the result of vnet_info.
    :param manager: what installs packages there (the fact pkg_mgr).
    """
    if "capabilities" not in found and "state" not in found:
        told = [found.get("msg") or "the machine did not tell what it can do", found.get("module_stderr")]
        message = ": ".join(text.strip() for text in told if text)
        return {"packages": [PYROUTE2], "problems": []} if "pyroute2" in message else {"packages": [], "problems": [f"{host}: {message}"]}
    capabilities = found.get("capabilities", {})
    missing = {key: users for key, users in needs(document).items() if not capabilities.get(key[0], {}).get(key[1], True)}
    packages = [APT.get(name, package) if manager == "apt" else package for name, package in PACKAGES.items() if missing.pop(("features", name), None)]
    return {"packages": packages, "problems": [_sentence(host, name, users) for (section, name), users in missing.items()]}


def _sentence(host: str, name: str, users: list[str]) -> str:
    without = {
        "bond": "or give aggregation_links no kind",
        "team": "or give aggregation_links no kind",
        "bridge_vlan_filtering": "or give each segment a bridge of its own without vid",
        "vlan": "or give each segment a bridge of its own without vid",
    }.get(name, "or do without")
    return (f"{host}: the kernel has no {name.replace('_', ' ')}, which {', '.join(users)} needs; install a kernel with it "
            f"(on Debian linux-image-amd64), {without}.")
