# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a site once it is built, as probes.

Each host probes a bounded number of others (its next ones in the order of the inventory, as on a ring), so that a site of N machines needs a
number of probes proportional to N; every link of the mesh near it is covered from both sides.

An expectation is an item for vnet_probe. Its name says ``CHECK: WHO -> WHOM``, from which the report makes the columns of its table.
"""
from __future__ import annotations

import ipaddress

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site.derive import OVERHEAD

# What a probe's payload is smaller than the MTU by: IP and ICMP headers.
HEADERS = {4: 28, 6: 48}
# UDP port and seconds of life of the servers that tell whom they see.
PORT, PATIENCE = 54321, 60


def of_host(settings: dict, mesh: dict, peers: int = 2, outside=(), own=()) -> list[dict]:
    """The expectations that are tried from one host.

    :param settings: the host's variables as :func:`derive.own` leaves them.
    :param mesh: the index of all hosts (see :mod:`mesh`).
    :param peers: how many other hosts each host probes a segment; 0 means all.
    :param outside: what tenants with a gateway must reach beyond it: ``{'address': ..., 'seen_as': ..., 'server': {'host': ..., 'netns': ...}}``.
    :param own: the user's own expectations, for any host.
    """
    host, found = settings["host"], []
    carried = {item["name"]: item for item in settings["vxlan_segments"] if item["state"] == "present"}
    found += _underlay(host, mesh, carried, peers)
    for item in settings["attachment_namespaces"]:
        segment = mesh["segments"].get(item.get("segment"))
        if not segment or item["state"] != "present":
            continue
        who = {"netns": item["name"]}
        for version in sorted({ipaddress.ip_interface(address).version for address in item.get("addresses", [])}):
            near = _tenants(segment, _next(segment["tenants"], host, peers), version)
            found += [_probe(f"segment {item['segment']}", host, tenant, who) for tenant in near]
            if near and item.get("mtu"):
                found.append(_probe(f"MTU {item['mtu']}", host, near[0], who, size=item["mtu"] - HEADERS[version], df=True))
            for name, foreign in mesh["segments"].items():
                # Two segments with their gateway on the same machine are routed there, which is no fault.
                if name != item["segment"] and not segment["gateways"].keys() & foreign["gateways"].keys():
                    others = _tenants(foreign, _next(foreign["tenants"], host, 1) or [host], version)
                    found += [_probe("apart", host, tenant, who, expect="unreachable") for tenant in others]
            gateways = [(f"gateway@{other}", str(ipaddress.ip_interface(cidr).ip)) for other, cidr in segment["gateways"].items()]
            gateways = [target for target in gateways if ipaddress.ip_address(target[1]).version == version]
            found += [_probe("gateway", host, target, who) for target in gateways]
            if gateways:
                found += [_probe("way out", host, ("outside", beyond["address"]), who, **_seen(beyond))
                          for beyond in outside if ipaddress.ip_address(beyond["address"]).version == version]
    for item in own:
        if item["from"]["host"] == host:
            given = {key: value for key, value in item.items() if key not in ("from", "to", "name")}
            if item["from"].get("netns"):
                given["netns"] = item["from"]["netns"]
            found.append(_probe(item.get("name") or "own", host, ("", item["to"]), given))
    return found


def servers_of_host(host: str, outside=()) -> list[dict]:
    """What answers on this host and tells whom it sees, for those outside addresses whose server is on a machine of ours."""
    return [
        {"name": f"server for {beyond['address']}", "listen": True, "protocol": "udp", "port": PORT, "src": beyond["address"], "timeout": PATIENCE}
        | ({"netns": beyond["server"]["netns"]} if beyond["server"].get("netns") else {})
        for beyond in outside if beyond.get("server") and beyond["server"]["host"] == host
    ]


def captures_of_host(settings: dict, mesh: dict) -> list[dict]:
    """What must cross this host's underlay while its probes run, as items for vnet_capture: each tenant's echo inside VXLAN of its segment's VNI, and nothing
    of a tenant outside a tunnel. None where no link of the host is known to be the underlay.
    """
    host, expected = settings["host"], []
    dev = next((item["dev"] for item in settings["vxlan_segments"] if "dev" in item), None)
    for item in settings["attachment_namespaces"]:
        segment = mesh["segments"].get(item.get("segment"))
        near = segment and item["state"] == "present" and _next(segment["tenants"], host, 1)
        for version in sorted({ipaddress.ip_interface(address).version for address in item.get("addresses", [])}) if near else ():
            for whom, address in _tenants(segment, near, version):
                ends = f"{item['name']}@{host} -> {whom}"
                inner = {"ip_dst": address, "icmp_type": "echo_request"}
                expected.append({
                    "name": f"wire, VXLAN {segment['vni']}: {ends}",
                    "match": {"vxlan_vni": segment["vni"], "ip_dst": segment["vteps"][near[0]], "inner": inner}
                })
                expected.append({"name": f"wire, in clear: {ends}", "match": {"ip_dst": address, "icmp_type": "echo_request"}, "max": 0})
    ports = sorted({item["port"] for item in settings["vxlan_segments"] if "port" in item})
    return [{"dev": dev, "max_packets": 0, "vxlan_ports": ports, "expect": expected}] if dev and expected else []


def under_traffic(expectations: list[dict], count: int, interval: float, max_gap: float) -> list[dict]:
    """Those expectations that a pulled cable must not break, as steady traffic of so many packets that may pause ``max_gap`` milliseconds."""
    return [
        item | {"name": f"cable, {item['name']}", "count": count, "interval": interval, "max_gap": max_gap}
        for item in expectations if item["name"].startswith("segment ")
    ]


def _underlay(host: str, mesh: dict, carried: dict, peers: int) -> list[dict]:
    """The network below carries packets as large as the segments make them."""
    found = []
    largest = max((item["mtu"] for item in carried.values() if "mtu" in item), default=None)
    for other in _next(mesh["underlay"], host, peers) if host in mesh["underlay"] else ():
        address = mesh["underlay"][other]
        version = ipaddress.ip_address(address).version
        size = {"size": largest + OVERHEAD[version] - HEADERS[version], "df": True} if largest else {}
        found.append(_probe("underlay", host, (other, address), {}, **size))
    return found


def _next(hosts, host: str, count: int) -> list[str]:
    """The next ``count`` hosts after this one, in a ring; all others where count is 0."""
    ring = list(hosts)
    start = ring.index(host) + 1 if host in ring else 0
    others = [name for name in ring[start:] + ring[:start] if name != host]
    return others[:count] if count else others


def _tenants(segment: dict, hosts: list[str], version: int) -> list[tuple[str, str]]:
    """One tenant of that address family on each of the hosts: what the table calls it, and its address."""
    found = []
    for host in hosts:
        tenants = [tenant for tenant in segment["tenants"].get(host, []) if ipaddress.ip_address(tenant["address"]).version == version]
        found += [(f"{tenants[0]['netns']}@{host}", tenants[0]["address"])] if tenants else []
    return found


def _seen(beyond: dict) -> dict:
    if not beyond.get("server"):
        return {}
    return {"protocol": "udp", "port": PORT} | ({"seen_as": beyond["seen_as"]} if beyond.get("seen_as") else {})


def _probe(check: str, host: str, target: tuple[str, str], who: dict, **options) -> dict:
    whom, address = target
    sender = "@".join(filter(None, [who.get("netns"), host]))
    return {"name": f"{check}: {sender} -> {whom or address}", "to": address, "expect": "reachable"} | who | options
