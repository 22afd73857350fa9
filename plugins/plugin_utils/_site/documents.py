# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each role's variables mean, as a document of the shape that vnet_state takes.

One function a role: it gets the role's variables of one host, complete (see :mod:`derive`), and returns the document
``{resource: [item, ...]}`` of what is present. ``absent`` turns a document into its removal, ``merge`` makes one of several.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site import names

Document = dict[str, list[dict]]

RESOURCES = ("netns", "links", "teams", "bridge_vlans", "fdb", "addresses", "routes", "sysctls", "nat")
# What two items have in common that speak of the same thing; the others are the same only when they are equal.
IDENTITY = {"netns": ("name",), "links": ("netns", "name"), "teams": ("netns", "name"), "bridge_vlans": ("netns", "dev"), "sysctls": ("netns", "name")}
# The machine's own namespace, as seen from a link that is made in another one.
OWN_NAMESPACE = "/proc/self/ns/net"
# What a link that is not ours gets back.
PUT_BACK = ("up", "mtu", "master", "address")


def aggregation(variables: dict) -> Document:
    return _items(variables["aggregation_links"], _uplink)


def bridge(variables: dict) -> Document:
    return _items(variables["bridge_bridges"], _bridge)


def vxlan(variables: dict) -> Document:
    return _items(variables["vxlan_segments"], _segment)


def attachment(variables: dict) -> Document:
    return _items(variables["attachment_namespaces"], _namespace)


def gateway(variables: dict) -> Document:
    return _items(variables["gateway_networks"], _gateway)


BUILDERS: dict[str, Callable[[dict], Document]] = {
    "aggregation": aggregation, "bridge": bridge, "vxlan": vxlan, "attachment": attachment, "gateway": gateway,
}


def build(variables: dict, roles: Iterable[str], state: str = "present") -> Document:
    """The document of one host for these roles; with ``state`` absent the removal of all that its variables describe."""
    if state == "present":
        return merge(BUILDERS[role](variables) for role in roles)
    described = {
        name: [item | {"state": "present"} if isinstance(item, dict) else item for item in value] if isinstance(value, list) else value
        for name, value in variables.items()
    }
    return absent(build(described, roles))


def _uplink(item: dict) -> Document:
    name, kind, mtu = item["name"], item.get("kind"), item.get("mtu")
    document: Document = {"links": [], "addresses": _addresses(name, item)}
    ports = item.get("ports", [])
    if kind == "team":
        options = dict(item.get("team", {}))
        options.setdefault("ports", [{"name": port} for port in ports])
        document["teams"] = [_given(name=name, runner=item.get("runner")) | options]
        document["links"] = [_given(name=name, mtu=mtu)] if mtu else []
        return document
    if kind == "bond":
        options = _given(mode=item.get("mode"), miimon=item.get("miimon")) | item.get("bond", {})
        document["links"] = [_given(name=name, kind="bond", up=True, mtu=mtu, bond=options or None)]
        document["links"] += [{"name": port, "master": name, "up": True} for port in ports]
    else:
        document["links"] = [_given(name=name, up=True, mtu=mtu)]
    return document


def _bridge(item: dict) -> Document:
    name, existing = item["name"], item["existing"]
    options = _given(**{key: item.get(key) for key in ("vlan_filtering", "stp_state", "forward_delay", "mcast_snooping", "vlan_default_pvid")})
    if options.get("vlan_filtering"):
        options.setdefault("vlan_default_pvid", 0)
    options |= item.get("bridge", {})
    own = _given(name=name, kind="bridge", up=True, mtu=item.get("mtu"), address=item.get("address"), bridge=options or None)
    ports = item.get("ports", [])
    return {
        "links": ([] if existing else [own])
        + [_given(name=port["name"], master=name, up=True, bridge_port=port.get("bridge_port")) for port in ports],
        "bridge_vlans": [
            {"dev": port["name"], "vlans": _access(port.get("vid")) + [{"vid": vid} for vid in port.get("vids", [])], "purge": True}
            for port in ports if port.get("vid") or port.get("vids")
        ],
        "addresses": _addresses(name, item),
    }


def _segment(item: dict) -> Document:
    device = names.vxlan_device(item["name"])
    options = _given(
        id=item["vni"], local=item.get("local"), dstport=item.get("port"), learning=item.get("learning"),
        remote=item.get("remote"), group=item.get("group"), dev=item.get("dev") if item.get("group") else None,
    ) | item.get("vxlan", {})
    link = _given(name=device, kind="vxlan", up=True, mtu=item.get("mtu"), master=item.get("bridge"), vxlan=options)
    document: Document = {"links": [link], "addresses": _addresses(device, item)}
    if item.get("vid"):
        document["bridge_vlans"] = [{"dev": device, "vlans": _access(item["vid"]), "purge": True}]
    if "remote" not in options and "group" not in options:
        document["fdb"] = [{"dev": device, "remotes": item.get("remotes", []), "purge": True}]
    return document


def _namespace(item: dict) -> Document:
    name, inside, attach = item["name"], item["interface"], item["attach"]
    common = _given(mtu=item.get("mtu"), address=item.get("address"))
    document: Document = {
        "netns": [{"name": name}],
        "addresses": _addresses(inside, item, netns=name),
        "routes": [{"netns": name, "dst": "default" if _version(via) == 4 else "::/0", "via": via, "dev": inside} for via in item.get("gateway", [])]
        + [{"netns": name, "dev": inside} | route for route in item.get("routes", [])],
    }
    if attach == "veth":
        port = names.namespace_port(name, inside)
        end = _given(name=port, kind="veth", up=True, mtu=item.get("mtu"), master=item.get("bridge"))
        document["links"] = [end | {"peer": {"name": inside, "netns": name, "up": True} | common}]
        document["addresses"] += [{"dev": port, "address": address} for address in item.get("host_addresses", [])]
        if item.get("vid"):
            document["bridge_vlans"] = [{"dev": port, "vlans": _access(item["vid"]), "purge": True}]
        return document
    options = {"id": item.get("vid")} if attach == "vlan" else {"mode": item.get("mode") or {"macvlan": "bridge", "ipvlan": "l2"}[attach]}
    link = {"netns": name, "name": inside, "kind": attach, "up": True, "link": item.get("link"), "link_netns": OWN_NAMESPACE, attach: options}
    document["links"] = [link | common]
    return document


def _gateway(item: dict) -> Document:
    address, bridge_name, vid, source = item.get("address"), item.get("bridge"), item.get("vid"), item.get("source")
    version = _version(source or address)
    document: Document = {"sysctls": [{"name": {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}[version], "value": "1"}]}
    if item.get("out"):
        document["nat"] = [{"type": "masquerade", "src": source, "oif": item["out"]}]
    if address and bridge_name:
        device = bridge_name
        if vid:
            device = names.vlan_interface(bridge_name, vid)
            document["links"] = [_given(name=device, kind="vlan", link=bridge_name, up=True, mtu=item.get("mtu"), vlan={"id": vid})]
            document["bridge_vlans"] = [{"dev": bridge_name, "vlans": [{"vid": vid}]}]
        document["addresses"] = [{"dev": device, "address": address}]
    return document


def merge(documents: Iterable[Document]) -> Document:
    """One document of several, every resource a list. Items that speak of the same thing become one.

    :raises ValueError: two items want different things of the same object.
    """
    documents = list(documents)
    result: Document = {}
    for resource in RESOURCES:
        found: dict[object, dict] = {}
        for document in documents:
            for item in document.get(resource, []):
                key = _identity(resource, item)
                found[key] = _combine(resource, found[key], item) if key in found else item
        result[resource] = list(found.values())
    return result


def absent(document: Document) -> Document:
    """The removal of what a document describes, and of nothing that would go with it by itself.

    Kernel parameters and NICs have no absence: what they were is known from :func:`found` (see :func:`restoring`).
    """
    namespaces = {item["name"] for item in document.get("netns", [])}
    made = {(item.get("netns"), item["name"]) for item in document.get("links", []) + document.get("teams", []) if "kind" in item}
    made |= {(item.get("netns"), item["name"]) for item in document.get("teams", [])}
    result: Document = {"netns": [{"name": name, "state": "absent"} for name in sorted(namespaces)], "links": [], "sysctls": []}
    for item in document.get("links", []):
        where = _given(netns=item.get("netns"), name=item["name"])
        if item.get("netns") in namespaces or (item.get("netns"), item["name"]) in made and "kind" not in item:
            continue
        if "kind" in item:
            result["links"].append(where | {"kind": item["kind"], "state": "absent"})
        elif item.get("master") and (item.get("netns"), item["master"]) not in made:
            result["links"].append(where | {"master": ""})
    result["teams"] = [_given(netns=item.get("netns"), name=item["name"]) | {"state": "absent"} for item in document.get("teams", [])]
    for resource in ("bridge_vlans", "fdb", "addresses", "routes", "nat"):
        result[resource] = [
            {key: value for key, value in item.items() if key != "purge"} | {"state": "absent"}
            for item in document.get(resource, [])
            if item.get("netns") not in namespaces and (item.get("netns"), item.get("dev")) not in made
        ]
    return result


def found(operations: Iterable[dict]) -> Document:
    """What there was before these operations of things that are not ours: ``{'links': [...], 'sysctls': [...]}``, for teardown to put back.

    :param operations: those of a result of vnet_state, with what each changed in ``before``.
    """
    result: Document = {"links": [], "sysctls": []}
    for operation in operations:
        section, before = operation["resource"], operation.get("before")
        if section in result and operation["action"] == "set" and before and not operation.get("netns"):
            kept = {key: value for key, value in before.items() if section == "sysctls" or key in PUT_BACK}
            if kept:
                result[section].append(kept | {"name": operation["name"]})
    return {section: items for section, items in result.items() if items}


def restoring(removal: Document, findings: Iterable[Document]) -> Document:
    """A removal that also puts back what was found of the things it leaves.

    :param findings: what the runs found, oldest first; the oldest counts, since a later run found what an earlier one had made.
    """
    sysctls: dict[str, dict] = {}
    gone = {item["name"] for section in ("links", "teams") for item in removal[section] if item.get("state") == "absent" and not item.get("netns")}
    links = {(item.get("netns"), item["name"]): item for item in removal["links"]}
    for before in reversed(list(findings)):
        sysctls.update({item["name"]: item for item in before.get("sysctls", [])})
        for item in before.get("links", []):
            if item["name"] not in gone:
                links[(None, item["name"])] = links.get((None, item["name"]), {}) | item
    return removal | {"links": list(links.values()), "sysctls": list(sysctls.values())}


def _items(items: list[dict], build: Callable[[dict], Document]) -> Document:
    """The items of one variable; one with ``state: absent`` stands for the removal of what it would have made."""
    kept = merge(build(item) for item in items if item["state"] == "present")
    gone = merge(build(item) for item in items if item["state"] == "absent")
    if not any(gone.values()):
        return kept
    # What another item still needs (a shared namespace, forwarding) stays.
    needed = {(resource, _identity(resource, item)) for resource, listed in kept.items() for item in listed}
    leaving = {
        resource: [item for item in listed if (resource, _identity(resource, item)) not in needed] for resource, listed in absent(gone).items()
    }
    return merge([kept, leaving])


def _identity(resource: str, item: dict):
    if resource in IDENTITY:
        return tuple(item.get(key) for key in IDENTITY[resource])
    return repr(sorted((key, value) for key, value in item.items() if key != "state"))


def _combine(resource: str, one: dict, other: dict) -> dict:
    if resource == "bridge_vlans":
        vlans = one["vlans"] + [vlan for vlan in other["vlans"] if vlan not in one["vlans"]]
        return one | other | {"vlans": vlans}
    for key in one.keys() & other.keys():
        if one[key] != other[key]:
            raise ValueError(f"{resource}: {one.get('name')} has {key} {one[key]!r} in one place and {other[key]!r} in another.")
    return one | other


def _addresses(dev: str, item: dict, **where) -> list[dict]:
    return [where | {"dev": dev, "address": address} for address in item.get("addresses", [])]


def _access(vid) -> list[dict]:
    return [{"vid": vid, "pvid": True, "untagged": True}] if vid else []


def _given(**values) -> dict:
    return {key: value for key, value in values.items() if value is not None}


def _version(address: str) -> int:
    return ipaddress.ip_interface(address).version
