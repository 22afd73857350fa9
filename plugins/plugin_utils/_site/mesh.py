# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All machines seen together: who carries which segment, and whether what they say of it agrees.

The index is made once for all hosts, in time proportional to what they have set; a host's document then needs only its own segments of it::

    {'segments': {'blue': {'vteps': {'node1': '10.0.0.1', ...},            # in the order of the inventory
                           'gateways': {'node1': '192.0.2.254/24', ...},
                           'tenants': {'node1': [{'netns': 'blue1', 'address': '192.0.2.1'}], ...},
                           'mtu': 1450, 'vni': 10100}},
     'underlay': {'node1': '10.0.0.1', ...}}
"""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site import derive, names, variables

INTERFACE = re.compile(r"(?!\.{1,2}$)[^/\s:]{1,15}$")
# What all machines must say of one segment: option, what it is called, in which variable else it can be set.
AGREED = (("vni", "VNI"), ("port", "UDP port"), ("mtu", "MTU"), ("vid", "VLAN"), ("flooding", "flooding"))


def index(hostvars: Mapping[str, Mapping], hosts: Iterable[str]) -> tuple[dict, list[str]]:
    """The index and the contradictions found, one sentence each, naming both places.

    :param hostvars: each host's variables by host name.
    :param hosts: the hosts that can be part of the mesh, in order.
    """
    problems: list[str] = []
    mesh: dict = {"segments": {}, "underlay": {}}
    named: list[tuple] = []  # which hosts the segments name
    first: dict = {}  # what was said first, and where: {(subject): (value, place)}
    hosts = list(hosts)
    for host in hosts:
        before = len(problems)
        settings = variables.read(hostvars[host], problems)
        problems += _values(settings)
        if len(problems) == before:  # what follows from wrong values would only be noise
            settings = derive.own(settings)
            problems += _host(settings) + _against(settings, first)
            _add(mesh, settings)
            named += [(host, item["name"], wanted) for item in settings["vxlan_segments"] for wanted in item.get("hosts", ())]
    if not problems:
        known = set(hosts)
        problems = _across(mesh) + [
            f"{host}: vxlan_segments[{name}].hosts names {wanted}, which the inventory does not have in this site."
            for host, name, wanted in named if wanted not in known
        ]
    return mesh, problems


def _values(settings: dict) -> list[str]:
    """Values that no kernel would take: addresses, VIDs, VNIs, names."""
    host, problems = settings["host"], []

    def check(where: str, value, valid, what: str):
        try:
            good = value is None or valid(value)
        except ValueError:
            good = False
        if not good:
            problems.append(f"{host}: {where} is {value!r}; {what}.")

    def cidr(value) -> bool:
        return "/" in value and bool(ipaddress.ip_interface(value))

    def address(value) -> bool:
        return bool(ipaddress.ip_address(value))

    def interface(value) -> bool:
        return bool(INTERFACE.match(value)) and len(value.encode()) <= names.LONGEST

    with_prefix = "it must be an address with its prefix length, as 192.0.2.1/24"
    check("underlay_address", settings["underlay_address"], cidr, with_prefix)
    check("vxlan_local", settings.get("vxlan_local"), address, "it must be an IPv4 or IPv6 address")
    for role in variables.ROLES:
        for variable in variables.options_of(role):
            for number, item in enumerate(settings[variable] if isinstance(settings[variable], list) else ()):
                where = f"{variable}[{variables.label(item, number)}]"
                for key in ("address",) if variable == "gateway_networks" else ():
                    check(f"{where}.{key}", item.get(key), cidr, with_prefix)
                for key in ("addresses", "host_addresses"):
                    for value in item.get(key, []):
                        check(f"{where}.{key}", value, cidr, with_prefix)
                for key in ("gateway", "remotes"):
                    for value in item.get(key, []):
                        check(f"{where}.{key}", value, address, "it must be an IPv4 or IPv6 address")
                for key in ("remote", "group"):
                    check(f"{where}.{key}", item.get(key), address, "it must be an IPv4 or IPv6 address")
                check(f"{where}.source", item.get("source"), lambda value: bool(ipaddress.ip_network(value)), "it must be a network, as 192.0.2.0/24")
                check(f"{where}.vid", item.get("vid"), lambda value: 1 <= value <= 4094, "a VLAN is a number from 1 to 4094")
                check(f"{where}.id", item.get("id"), lambda value: 1 <= value <= 4094, "a VLAN is a number from 1 to 4094")
                check(f"{where}.vni", item.get("vni"), lambda value: 0 <= value < 1 << 24, "a VNI is a number from 0 to 16777215")
                check(f"{where}.mtu", item.get("mtu"), lambda value: 68 <= value <= 65535, "an MTU is a number from 68 to 65535")
                named = variable in ("aggregation_links", "vlan_links", "bridge_bridges")
                for key in ("name", "link") if named else ("bridge", "link", "out", "interface", "port"):
                    check(f"{where}.{key}", item.get(key), interface, "the name of an interface has 1 to 15 bytes without space, '/' and ':'")
                for value in item.get("ports", []):
                    value = value["name"] if isinstance(value, dict) else value
                    check(f"{where}.ports", value, interface, "the name of an interface has 1 to 15 bytes without space, '/' and ':'")
    check("vxlan_port", settings.get("vxlan_port"), lambda value: 1 <= int(value) <= 65535, "a UDP port is a number from 1 to 65535")
    return problems


def _host(settings: dict) -> list[str]:
    """Contradictions within one host, in variables as :func:`derive.own` leaves them."""
    host, problems = settings["host"], []
    bridges = {_place(item, item["name"]): item for item in _present(settings["bridge_bridges"])}
    segments = {item["name"]: item for item in _present(settings["vxlan_segments"])}
    owner: dict = {}

    def once(key, where: str, sentence: str):
        if key in owner:
            problems.append(f"{host}: {where} and {owner[key]} {sentence}.")
        owner.setdefault(key, where)

    for item in _present(settings["aggregation_links"]):
        where = f"aggregation_links[{item['name']}]"
        once(("device", (None, item["name"])), where, f"both describe {item['name']}")
        for port in item.get("ports", []):
            once(("port", (None, port)), f"{where}.ports", f"both have {port}; a link is a port of one other link only")
        if item.get("ports") and "kind" not in item:
            problems.append(f"{host}: {where} has ports, so it must say kind: bond or kind: team.")
    for item in _present(settings["vlan_links"]):
        name = names.vlan_link(item)
        once(("device", _place(item, name)), f"vlan_links[{name}]", f"both describe {name}")
        once(("vid", item["link"], item.get("protocol", "802.1Q"), item["id"]), f"vlan_links[{name}]", f"are both VLAN {item['id']} of {item['link']}")
    for place, item in bridges.items():
        name = item["name"]
        once(("device", place), f"bridge_bridges[{name}]", f"both describe {name}")
        for port in item.get("ports", []):
            if "peer" in port:
                once(("device", (None, port["peer"]["name"])), f"bridge_bridges[{name}].ports", f"both describe {port['peer']['name']}")
            once(("port", _place(item, port["name"])), f"bridge_bridges[{name}].ports", f"both have {port['name']}; a link is a port of one other link only")
            problems += _vlan_fits(host, f"bridge_bridges[{name}].ports[{port['name']}]", port.get("vid") or port.get("vids"), place, bridges)
    for name, item in segments.items():
        where = f"vxlan_segments[{name}]"
        device = names.vxlan_device(name)
        once(("device", (None, device)), where, f"both describe {device}")
        once(("vni", item["vni"]), f"{where}.vni", f"are both {item['vni']}; each segment has a VNI of its own")
        if item["flooding"] == "evpn":
            problems.append(f"{host}: {where}: flooding by evpn is not yet built; say vxlan_flooding: static or multicast.")
        if item["flooding"] == "multicast" and "group" not in item:
            problems.append(f"{host}: {where} floods by multicast and has no group; give it one, as group: 239.0.0.1.")
        if item["flooding"] == "multicast" and "dev" not in item:
            problems.append(f"{host}: {where} floods by multicast; say on which link with vxlan_underlay_dev, "
                            "or list the link with underlay_address among aggregation_links.")
        if item["flooding"] in ("static", "p2p") and "local" not in item:
            problems.append(f"{host}: {where} needs the machine's address in the network below; set underlay_address, as 10.0.0.1/24, for {host}.")
        if "bridge" in item:
            once(("vlan", item["bridge"], item.get("vid")), where,
                 f"are both {_vlan(item.get('vid'))} of {item['bridge']}; each segment has a VLAN or a bridge of its own")
            problems += _vlan_fits(host, where, item.get("vid"), (None, item["bridge"]), bridges)
    for item in _present(settings["attachment_namespaces"]):
        where = f"attachment_namespaces[{item['name']}]"
        once(("namespace", item["name"], item["interface"]), where, f"both describe interface {item['interface']} of namespace {item['name']}")
        problems += _placed(host, where, item, segments, bridges)
        if item["attach"] == "veth":
            device = names.port(item)
            once(("device", (item.get("port_netns"), device)), where, f"both describe {device}")
        elif "link" not in item:
            problems.append(f"{host}: {where} is attached by {item['attach']}; say on which NIC with link.")
    for number, item in enumerate(_present(settings["gateway_networks"])):
        where = f"gateway_networks[{variables.label(item, number)}]"
        problems += _placed(host, where, item, segments, bridges)
        if "source" not in item:
            problems.append(f"{host}: {where} has neither source nor address; say which network leaves here, as source: 192.0.2.0/24.")
        if "segment" in item and "netns" in item:
            problems.append(f"{host}: {where} has segment and netns, but segments are in the machine's own namespace; take one out.")
        if "address" in item and "bridge" not in item:
            problems.append(f"{host}: {where} has an address; say where with segment or bridge.")
    return problems


def _placed(host: str, where: str, item: dict, segments: dict, bridges: dict) -> list[str]:
    """Does the place that an item names exist, and do segment, bridge and VLAN agree?"""
    if item.get("segment") and "port_netns" in item:
        return [f"{host}: {where} has segment and port_netns, but segments are in the machine's own namespace; take one out."]
    if item.get("segment") and item["segment"] not in segments:
        return [f"{host}: {where}.segment is {item['segment']}, but vxlan_segments has no {item['segment']} for {host}."]
    segment = segments.get(item.get("segment"), {})
    for key in ("bridge", "vid"):
        if segment and item.get(key) != segment.get(key):
            return [f"{host}: {where}.{key} is {item.get(key)}, but that of vxlan_segments[{item['segment']}] is {segment.get(key)}."]
    if item.get("attach", "veth") == "veth" and "bridge" in item:
        return _vlan_fits(host, where, item.get("vid"), (item.get("port_netns") or item.get("netns"), item["bridge"]), bridges)
    return []


def _place(item: dict, name: str) -> tuple:
    """Namespace and name of a link."""
    return item.get("netns"), name


def _vlan_fits(host: str, where: str, vid, bridge: tuple, bridges: dict) -> list[str]:
    if bridge not in bridges:
        named = " of namespace ".join(filter(None, reversed(bridge)))
        return [f"{host}: {where}.bridge is {named}, but bridge_bridges has no {named} for {host}; "
                f"add it (with existing: true if it is there already and somebody else's)."]
    if bridges[bridge]["existing"] and "vlan_filtering" not in bridges[bridge]:
        return []
    filtering = bridges[bridge].get("vlan_filtering", False)
    if vid and not filtering:
        return [f"{host}: {where}.vid is {vid}, but bridge_bridges[{bridge[1]}] does not say vlan_filtering: true."]
    if filtering and not vid and not where.startswith("bridge_bridges"):
        return [f"{host}: {where} has no vid, but bridge_bridges[{bridge[1]}] has vlan_filtering: true; say in which VLAN it is."]
    return []


def _against(settings: dict, first: dict) -> list[str]:
    """Contradictions between this host and the ones before it."""
    host, problems = settings["host"], []

    def same(subject, value, place: str, why: str):
        known, where = first.setdefault(subject, (value, place))
        if known != value:
            problems.append(f"{place} is {value}, but {where} is {known}; {why}.")

    def unique(subject, place: str, why: str):
        where = first.setdefault(subject, place)
        if where != place:
            problems.append(f"{place} and {where} are both {subject[-1]}; {why}.")

    segments = _present(settings["vxlan_segments"])
    for address in sorted({item["local"] for item in segments if "local" in item}):
        unique(("underlay", address), f"{host}: underlay_address", "every machine has an address of its own")
        version = ipaddress.ip_address(address).version
        same("family", f"IPv{version}", f"{host}: the family of underlay_address", "all ends of a mesh are of one family")
    for item in segments:
        name = item["name"]
        for key, called in AGREED:
            same((name, key), item.get(key), f"{host}: {called} of vxlan_segments[{name}]", f"a segment has one {called} on all machines")
        same(("vni", item["vni"]), name, f"{host}: the segment with VNI {item['vni']}", "each segment has a VNI of its own")
        same((name, "members"), _members(item), f"{host}: hosts and groups of vxlan_segments[{name}]",
             "then one machine floods to another that does not flood back")
    for item in _present(settings["attachment_namespaces"]):
        for address in item.get("addresses", []) if "segment" in item else ():
            unique((item["segment"], str(ipaddress.ip_interface(address).ip)), f"{host}: an address of attachment_namespaces[{item['name']}]",
                   f"an address is used once in segment {item['segment']}")
    for item in _present(settings["gateway_networks"]):
        if "segment" in item and "address" in item:
            unique((item["segment"], str(ipaddress.ip_interface(item["address"]).ip)), f"{host}: the address of gateway_networks[{item['segment']}]",
                   f"an address is used once in segment {item['segment']}; say with hosts which machine is the gateway")
    return problems


def _members(item: dict) -> str:
    listed = [f"{key} {', '.join(sorted(item[key]))}" for key in ("hosts", "groups") if key in item]
    return " and ".join(listed) or "not limited"


def _add(mesh: dict, settings: dict) -> None:
    host = settings["host"]
    for item in _present(settings["vxlan_segments"]):
        segment = mesh["segments"].setdefault(
            item["name"], {"vni": item["vni"], "mtu": item.get("mtu"), "vteps": {}, "remotes": {}, "gateways": {}, "tenants": {}}
        )
        if "local" in item:
            segment["vteps"][host] = mesh["underlay"][host] = item["local"]
        if "remote" in item or "remotes" in item:
            segment["remotes"][host] = [item["remote"]] if "remote" in item else item["remotes"]
    for item in _present(settings["attachment_namespaces"]):
        for address in item.get("addresses", []) if item.get("segment") in mesh["segments"] else ():
            tenants = mesh["segments"][item["segment"]]["tenants"].setdefault(host, [])
            tenants.append({"netns": item["name"], "address": str(ipaddress.ip_interface(address).ip)})
    for item in _present(settings["gateway_networks"]):
        if "address" in item and item.get("segment") in mesh["segments"]:
            mesh["segments"][item["segment"]]["gateways"][host] = item["address"]


def _across(mesh: dict) -> list[str]:
    """Does everybody flood to those who flood to them?"""
    problems: list[str] = []
    for name, segment in mesh["segments"].items():
        owner = {address: host for host, address in segment["vteps"].items()}
        # A host without `remotes` of its own floods to all; only written ones can be one-sided.
        for host, remotes in segment["remotes"].items():
            own = segment["vteps"].get(host)
            for address in remotes:
                peer = owner.get(address)
                if peer and peer in segment["remotes"] and own not in segment["remotes"][peer]:
                    problems.append(f"{host}: vxlan_segments[{name}] sends to {address} ({peer}), but vxlan_segments[{name}] of {peer} "
                                    f"sends to {', '.join(segment['remotes'][peer]) or 'nobody'} and not to {own} ({host}).")
            for peer, address in segment["vteps"].items() if len(segment["remotes"]) < len(segment["vteps"]) else ():
                if peer not in segment["remotes"] and address not in remotes:
                    problems.append(f"{peer}: vxlan_segments[{name}] floods to all its machines, but the remotes of {host} leave out {address} ({peer}).")
    return problems


def _present(items: list[dict]) -> list[dict]:
    return [item for item in items if item["state"] == "present"]


def _vlan(vid) -> str:
    return f"VLAN {vid}" if vid else "untagged members"
