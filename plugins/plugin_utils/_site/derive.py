# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from what is written, so that nobody has to write it.

First what follows from a host's own variables (``own``), then what follows from the others' through the mesh (``from_mesh``).
"""
from __future__ import annotations

import ipaddress

# Bytes that VXLAN adds around a frame's payload: inner Ethernet 14, VXLAN 8, UDP 8, and IPv4 20 or IPv6 40.
OVERHEAD = {4: 50, 6: 70}
ETHERNET_MTU = 1500


def own(variables: dict) -> dict:
    """The variables of one host (see :func:`variables.read`) with what follows from them filled in.

    Source address, port, MTU and flooding of the segments; bridge, VLAN and MTU of namespaces and gateways; network of a gateway.
    """
    uplink = _underlay_link(variables)
    local = variables.get("vxlan_local") or _address(variables.get("underlay_address"))
    segments = [_segment(item, variables, uplink, local) for item in variables.get("vxlan_segments", [])]
    by_name = {item["name"]: item for item in segments}
    by_vlan = {(item["bridge"], item.get("vid")): item for item in segments if "bridge" in item}

    def placed(item: dict) -> dict:
        if "netns" in item or "port_netns" in item:  # segments are in the machine's own namespace
            return item
        segment = by_name.get(item.get("segment")) or by_vlan.get((item.get("bridge"), item.get("vid")), {})
        place = {key: segment[key] for key in ("bridge", "vid", "mtu") if key in segment}
        return place | ({"segment": segment["name"]} if segment else {}) | item

    return variables | {
        "vxlan_segments": segments,
        "attachment_namespaces": [placed(item) if item["attach"] == "veth" else item for item in variables.get("attachment_namespaces", [])],
        "gateway_networks": [placed(_gateway(item)) for item in variables.get("gateway_networks", [])],
    }


def from_mesh(variables: dict, mesh: dict) -> dict:
    """The variables of one host (see :func:`own`) with what follows from the other hosts': peers and gateways."""
    segments = mesh.get("segments", {})

    def peers(item: dict) -> dict:
        vteps = segments.get(item["name"], {}).get("vteps", {})
        if item["flooding"] != "static" or "remotes" in item or variables["host"] not in vteps:
            return item
        return item | {"remotes": [address for host, address in vteps.items() if host != variables["host"]]}

    def routed(item: dict) -> dict:
        if "gateway" in item:
            return item
        gateways = [_address(address) for address in segments.get(item.get("segment"), {}).get("gateways", {}).values()]
        families = {ipaddress.ip_interface(address).version for address in item.get("addresses", [])}
        return item | {"gateway": [address for address in gateways if ipaddress.ip_address(address).version in families]}

    return variables | {
        "vxlan_segments": [peers(item) for item in variables["vxlan_segments"]],
        "attachment_namespaces": [routed(item) for item in variables["attachment_namespaces"]],
    }


def alone(variables: dict) -> list[str]:
    """One sentence for each segment whose peers are not known: building it would cut it off from the other machines."""
    return [
        f"{variables['host']}: nothing says who else carries vxlan_segments[{item['name']}]; put vxlan_segments into the inventory (group_vars, host_vars), "
        f"where all machines' values are seen, or give the segment its remotes."
        for item in variables["vxlan_segments"]
        if item["flooding"] == "static" and item["state"] == "present" and "remotes" not in item
    ]


def _segment(item: dict, variables: dict, uplink: dict, local: str | None) -> dict:
    mtu = variables.get("vxlan_underlay_mtu") or uplink.get("mtu") or ETHERNET_MTU
    if "remote" in item:
        flooding = "p2p"
    elif "group" in item:
        flooding = "multicast"
    else:
        flooding = item.get("flooding") or variables.get("vxlan_flooding")
    derived = {"port": variables.get("vxlan_port"), "local": local, "dev": variables.get("vxlan_underlay_dev") or uplink.get("name")}
    if local:
        derived["mtu"] = mtu - OVERHEAD[ipaddress.ip_address(local).version]
    return {key: value for key, value in derived.items() if value is not None} | item | {"flooding": flooding}


def _gateway(item: dict) -> dict:
    if "address" in item and "source" not in item:
        return item | {"source": str(ipaddress.ip_interface(item["address"]).network)}
    return item


def _underlay_link(variables: dict) -> dict:
    address = variables.get("underlay_address")
    return next((link for link in variables.get("aggregation_links", []) if address and address in link.get("addresses", [])), {})


def _address(cidr: str | None) -> str | None:
    return str(ipaddress.ip_interface(cidr).ip) if cidr else None
