# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a site once it is built, as probes.

Each host probes a bounded number of others (its next ones in the order of the inventory, as on a ring), so that a site of N machines needs a
number of probes proportional to N; every link of the mesh near it is covered from both sides.

An expectation is ``{'check': ..., 'whom': ..., 'probe': {...}}``: what kind of claim it is, which other end it speaks of, and the item for vnet_probe.
"""
from __future__ import annotations

import ipaddress

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site.derive import OVERHEAD

# What a probe's payload is smaller than the MTU by: IP and ICMP headers.
HEADERS = {4: 28, 6: 48}


def of_host(settings: dict, mesh: dict, peers: int = 2, outside=(), own=()) -> list[dict]:
    """The expectations that are tried from one host.

    :param settings: the host's variables as :func:`derive.own` leaves them.
    :param mesh: the index of all hosts (see :mod:`mesh`).
    :param peers: how many other hosts each host probes a segment; 0 means all.
    :param outside: addresses beyond the gateway that tenants with a gateway must reach.
    :param own: the user's own expectations, for any host.
    """
    host, found = settings["host"], []
    tenants = [
        (item, str(ipaddress.ip_interface(address).ip))
        for item in settings["attachment_namespaces"] if item["state"] == "present" for address in item.get("addresses", [])
    ]
    carried = {item["name"]: item for item in settings["vxlan_segments"] if item["state"] == "present"}
    found += _underlay(host, mesh, carried, peers)
    for item, address in tenants:
        segment = mesh["segments"].get(item.get("segment"))
        if not segment:
            continue
        netns, version = item["name"], ipaddress.ip_address(address).version
        near = _tenants(segment, _next(segment["tenants"], host, peers), version)
        for other, tenant in near:
            whom = f"{tenant['netns']}@{other}"
            found.append(_expectation(f"segment {item['segment']}", netns, tenant["address"], whom))
        if near and item.get("mtu"):
            other, tenant = near[0]
            size = item["mtu"] - HEADERS[version]
            found.append(_expectation(f"MTU {item['mtu']}", netns, tenant["address"], f"{tenant['netns']}@{other}", size=size, df=True))
        for name, foreign in mesh["segments"].items():
            # Two segments with their gateway on the same machine are routed there, which is no fault.
            if name == item["segment"] or segment["gateways"].keys() & foreign["gateways"].keys():
                continue
            for other, tenant in _tenants(foreign, _next(foreign["tenants"], host, 1) or [host], version)[:1]:
                found.append(_expectation("apart", netns, tenant["address"], f"{tenant['netns']}@{other}", expect="unreachable"))
        gateways = [
            (other, gateway) for other, cidr in segment["gateways"].items()
            for gateway in [str(ipaddress.ip_interface(cidr).ip)] if ipaddress.ip_address(gateway).version == version
        ]
        found += [_expectation("gateway", netns, gateway, f"gateway@{other}") for other, gateway in gateways]
        if gateways:
            found += [_expectation("way out", netns, to, "outside") for to in outside if ipaddress.ip_address(to).version == version]
    for number, item in enumerate(own):
        origin = item["from"]
        if origin["host"] == host:
            probe = {key: value for key, value in item.items() if key != "from"}
            found.append(_expectation(item.get("name") or "own", origin.get("netns"), **{"whom": "", **probe}))
    return [item | {"probe": item["probe"] | {"name": _name(host, item)}} for item in found]


def _underlay(host: str, mesh: dict, carried: dict, peers: int) -> list[dict]:
    """The network below carries packets as large as the segments make them."""
    found = []
    largest = max((item["mtu"] for item in carried.values() if "mtu" in item), default=None)
    for other in _next(mesh["underlay"], host, peers) if host in mesh["underlay"] else ():
        address = mesh["underlay"][other]
        version = ipaddress.ip_address(address).version
        size = {"size": largest + OVERHEAD[version] - HEADERS[version], "df": True} if largest else {}
        found.append(_expectation("underlay", None, address, other, **size))
    return found


def _next(hosts, host: str, count: int) -> list[str]:
    """The next ``count`` hosts after this one, in a ring; all others where count is 0."""
    ring = list(hosts)
    start = ring.index(host) + 1 if host in ring else 0
    others = [name for name in ring[start:] + ring[:start] if name != host]
    return others[:count] if count else others


def _tenants(segment: dict, hosts: list[str], version: int) -> list[tuple[str, dict]]:
    """One tenant of that address family on each of the hosts."""
    found = []
    for host in hosts:
        tenants = [tenant for tenant in segment["tenants"].get(host, []) if ipaddress.ip_address(tenant["address"]).version == version]
        found += [(host, tenants[0])] if tenants else []
    return found


def _expectation(check: str, netns: str | None, to: str, whom: str, **probe) -> dict:
    probe = {"to": to, "expect": "reachable"} | probe | ({"netns": netns} if netns else {})
    probe.pop("name", None)
    return {"check": check, "whom": whom, "probe": probe}


def _name(host: str, item: dict) -> str:
    who = "@".join(filter(None, [item["probe"].get("netns"), host]))
    return f"{item['check']}: {who} -> {item['whom'] or item['probe']['to']}"
