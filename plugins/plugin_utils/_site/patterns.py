# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of the roles for CAN, monitoring, shaping and simulated NICs mean, as documents of the shape that vnet_state takes."""
from __future__ import annotations

import re
from collections.abc import Callable

Document = dict[str, list[dict]]

UNITS = {"": 1, "bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
# A bucket has to hold what a rate lets pass between two looks at the clock, and a few large packets.
BUCKET_SECONDS, BUCKET_LEAST = 0.01, 15000
PLAIN = ("netns", "name", "mtu", "alias")
# Secrets whose loss a reboot does not undo: under the same key packet numbers must not begin again.
ASSOCIATIONS = ("tx_sa", "rx_channels", "encodingsa")


def picked(item: dict, *options: str) -> dict:
    return {option: item[option] for option in options if item.get(option) is not None}


def can(item: dict) -> Document:
    """A bus (vcan), or a cable (vxcan) where there is another end."""
    link = picked(item, *PLAIN) | {"up": True}
    if not item.get("peer"):
        return {"links": [link | {"kind": "vcan"}]}
    return {"links": [link | {"kind": "vxcan", "peer": {"up": True} | picked(item, "mtu") | item["peer"]}]}


def monitor(item: dict) -> Document:
    return {"links": [picked(item, *PLAIN) | {"kind": "nlmon", "up": True}]}


def shaping(item: dict) -> Document:
    """What arrives on a device goes through an ifb, where it has a queue like what leaves."""
    where = picked(item, "netns")
    on = where | {"dev": item["dev"]}
    document: Document = {"links": [], "tc": []}
    if item.get("ingress") is not None:
        name = item.get("ifb") or "ifb0"
        document["links"] = [where | {"name": name, "kind": "ifb", "up": True}]
        redirect = {"kind": "mirred", "direction": "egress", "action": "redirect", "dev": name}
        document["tc"] = [on | {"qdisc": {"kind": "ingress"}},
                          on | {"filter": {"parent": "ffff:", "protocol": "all", "pref": 10, "kind": "u32", "match": "all", "actions": [redirect]}}]
        document["tc"] += _queues(where | {"dev": name}, item["ingress"])
    if item.get("egress") is not None:
        document["tc"] += _queues(on, item["egress"])
    return document


def _queues(on: dict, wanted: dict) -> list[dict]:
    """A token bucket where a rate is given, and the queue, within it or alone."""
    queue = wanted.get("queue")
    if wanted.get("rate") is None:
        return [on | {"qdisc": {"root": True, "handle": "1:"} | (queue or {"kind": "sfq"})}]
    options = {"rate": wanted["rate"], "burst": wanted.get("burst") or _bucket(wanted["rate"]), "latency": wanted.get("latency") or "50ms"}
    bucket = [on | {"qdisc": {"root": True, "handle": "1:", "kind": "tbf", "options": options}}]
    return bucket + ([on | {"qdisc": {"parent": "1:1", "handle": "10:"} | queue}] if queue else [])


def _bucket(rate: str) -> int:
    found = re.fullmatch(r"([0-9.]+)([a-z]*)", str(rate).lower())
    if not found or found[2] not in UNITS:
        raise ValueError(f"shaping: rate {rate!r} is not a rate such as 500kbit, 10mbit or 1gbit; with other units give burst too.")
    return max(int(float(found[1]) * UNITS[found[2]] * BUCKET_SECONDS / 8), BUCKET_LEAST)


def simulated_nic(item: dict) -> Document:
    device = picked(item, "id", "ports", "queues", "num_vfs")
    return {"links": [picked(item, *PLAIN, "features", "xdp", "vfs") | {"kind": "netdevsim", "up": True, "netdevsim": device}]}


BUILDERS: dict[str, Callable[[dict], Document]] = {"can": can, "monitor": monitor, "shaping": shaping, "simulated_nic": simulated_nic}


def build(role: str, items: list[dict], namespaces: list[str]) -> Document:
    """The document of all items of a role's variable, and of the namespaces that it makes."""
    document: Document = {"netns": [{"name": name} for name in namespaces]}
    for item in items:
        for section, found in BUILDERS[role](item).items():
            document.setdefault(section, []).extend(found)
    return {section: found for section, found in document.items() if found}


def persistent(document: Document) -> Document:
    """A document as it may be applied again after a reboot: without the associations of MACsec, whose packet numbers would begin again under their keys."""
    def kept(link: dict) -> dict:
        macsec = link.get("macsec")
        return link | {"macsec": {option: value for option, value in macsec.items() if option not in ASSOCIATIONS}} if macsec else link

    return {section: [kept(item) for item in items] if section == "links" else items for section, items in document.items() if items}
