# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each role's variables mean, as a document of the shape that vnet_state takes.

One function a role: it gets the role's variables of one host, complete (see :mod:`derive`), and returns the document
``{resource: [item, ...]}`` of what is present. ``absent`` turns a document into its removal, ``merge`` makes one of several; ``found`` and ``restoring``
let a removal put back what was there before.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import index
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.bridge_vlan import VlanRange
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site import names

Document = dict[str, list[dict]]

RESOURCES = tuple(index.RESOURCES)
# What may be there or not in a namespace or on a link; the others have rules of their own.
ENTRIES = tuple(section for section in RESOURCES if section not in ("netns", "links", "teams", "sysctls"))
# What two items have in common that speak of the same thing; the others are the same only when they are equal.
IDENTITY = {"netns": ("name",), "links": ("netns", "name"), "teams": ("netns", "name"), "bridge_vlans": ("netns", "dev"), "sysctls": ("netns", "name")}
# The machine's own namespace, as seen from a link that is made in another one.
OWN_NAMESPACE = "/proc/self/ns/net"
# Options that tell where an item is or what is purged, and not what it is.
PLACE = {"netns", "dev", "port", "table", "protocol", "family", "state", "purge", "purge_match", "recreate"}
# Options that a link has only as long as it is a port.
OF_A_PORT = ("bridge_port", "bond_port")


def aggregation(variables: dict) -> Document:
    return _items(variables["aggregation_links"], _uplink)


def vlan(variables: dict) -> Document:
    return _items(variables["vlan_links"], _vlan_link)


def bridge(variables: dict) -> Document:
    return _items(variables["bridge_bridges"], _bridge)


def vxlan(variables: dict) -> Document:
    return _items(variables["vxlan_segments"], _segment)


def attachment(variables: dict) -> Document:
    return _items(variables["attachment_namespaces"], _namespace)


def gateway(variables: dict) -> Document:
    return _items(variables["gateway_networks"], _gateway)


BUILDERS: dict[str, Callable[[dict], Document]] = {
    "aggregation": aggregation, "vlan": vlan, "bridge": bridge, "vxlan": vxlan, "attachment": attachment, "gateway": gateway,
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


def _vlan_link(item: dict) -> Document:
    name, below = names.vlan_link(item), item["link"]
    inside = _given(netns=item.get("netns"))
    options = _given(id=item["id"], protocol=item.get("protocol")) | item.get("vlan", {})
    own = {"name": name, "kind": "vlan", "up": True, "link": below, "vlan": options} | _given(mtu=item.get("mtu"), address=item.get("address"))
    return {
        "netns": [{"name": item["netns"]}] if inside else [],
        "links": [{"name": below, "up": True}, inside | ({"link_netns": OWN_NAMESPACE} if inside else {}) | own],
        "addresses": _addresses(name, item, **inside),
    }


def _bridge(item: dict) -> Document:
    name, existing = item["name"], item["existing"]
    inside = _given(netns=item.get("netns"))
    options = _given(**{key: item.get(key) for key in ("vlan_filtering", "stp_state", "forward_delay", "mcast_snooping", "vlan_default_pvid")})
    if options.get("vlan_filtering"):
        options.setdefault("vlan_default_pvid", 0)
    options |= item.get("bridge", {})
    own = inside | _given(name=name, kind="bridge", up=True, mtu=item.get("mtu"), address=item.get("address"), bridge=options or None)
    ports = item.get("ports", [])
    pairs = [(port["peer"], port["name"]) for port in ports if "peer" in port]
    return {
        "netns": [{"name": item["netns"]}] if inside and not existing else [],
        "links": ([] if existing else [own])
        + [_given(name=end["name"], kind="veth", up=True, mtu=item.get("mtu"), peer=inside | {"name": port}) for end, port in pairs]
        + [inside | _given(name=port["name"], master=name, up=True, bridge_port=port.get("bridge_port")) for port in ports],
        "bridge_vlans": [
            inside | {"dev": port["name"], "vlans": _access(port.get("vid")) + [{"vid": vid} for vid in port.get("vids", [])], "purge": True}
            for port in ports if port.get("vid") or port.get("vids")
        ],
        "addresses": _addresses(name, item, **inside) + [one for end, dummy in pairs for one in _addresses(end["name"], end)],
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
        port, outside = names.port(item), _given(netns=item.get("port_netns"))
        end = outside | _given(name=port, kind="veth", up=True, mtu=item.get("mtu"), master=item.get("bridge"))
        document["links"] = [end | {"peer": {"name": inside, "netns": name, "up": True} | common}]
        document["addresses"] += [outside | {"dev": port, "address": address} for address in item.get("host_addresses", [])]
        if item.get("vid"):
            document["bridge_vlans"] = [outside | {"dev": port, "vlans": _access(item["vid"]), "purge": True}]
        return document
    options = {"id": item.get("vid")} if attach == "vlan" else {"mode": item.get("mode") or {"macvlan": "bridge", "ipvlan": "l2"}[attach]}
    options |= item.get("options", {})
    link = {"netns": name, "name": inside, "kind": attach, "up": True, "link": item.get("link"), "link_netns": OWN_NAMESPACE, attach: options}
    document["links"] = ([{"name": item["link"], "up": True}] if "link" in item else []) + [link | common]
    return document


def _gateway(item: dict) -> Document:
    address, bridge_name, vid, source = item.get("address"), item.get("bridge"), item.get("vid"), item.get("source")
    version, inside = _version(source or address), _given(netns=item.get("netns"))
    document: Document = {"sysctls": [inside | {"name": {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}[version], "value": "1"}]}
    if item.get("out"):
        document["nat"] = [inside | {"type": "masquerade", "src": source, "oif": item["out"]}]
    if address and bridge_name:
        device = bridge_name
        if vid:
            device = names.vlan_interface(bridge_name, vid)
            document["links"] = [inside | _given(name=device, kind="vlan", link=bridge_name, up=True, mtu=item.get("mtu"), vlan={"id": vid})]
            document["bridge_vlans"] = [inside | {"dev": bridge_name, "vlans": [{"vid": vid}]}]
        document["addresses"] = [inside | {"dev": device, "address": address}]
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
    described = {section: [one for item in document.get(section) or [] for one in _singly(item)] for section in RESOURCES}
    namespaces = {item["name"] for item in described["netns"]}
    made = _made(described["links"] + described["teams"]) | {(item.get("netns"), item["name"]) for item in described["teams"]}
    result: Document = {section: [] for section in RESOURCES}
    result["netns"] = [{"name": name, "state": "absent"} for name in sorted(namespaces)]
    for item in described["links"]:
        here = item.get("netns")
        where = _given(netns=here, name=item["name"])
        if "kind" in item:
            if here not in namespaces:
                result["links"].append(where | {"kind": item["kind"], "state": "absent"})
        elif item.get("move_from"):
            home = None if item["move_from"] == OWN_NAMESPACE else item["move_from"]
            result["links"].append(_given(netns=home, name=item["name"], move_from=here or OWN_NAMESPACE))
        elif item.get("master") and here not in namespaces and not {(here, item["name"]), (here, item["master"])} & made:
            result["links"].append(where | {"master": ""})
    result["teams"] = [_given(netns=item.get("netns"), name=item["name"]) | {"state": "absent"} for item in described["teams"]]
    for section in ENTRIES:
        result[section] = [
            {key: value for key, value in item.items() if key not in ("purge", "purge_match", "recreate")} | {"state": "absent"}
            for item in described[section] if item.keys() - PLACE and not _goes(item, namespaces, made)
        ]
    return result


def found(operations: Iterable[dict]) -> Document:
    """What there was before these operations of things that are not ours, for teardown to put back.

    An entry that was not there is among it with ``state: absent``, so that what a later run finds of it is known to be ours.

    :param operations: those of a result of vnet_state, with what each changed in ``before``.
    """
    operations = list(operations)
    created = [operation for operation in operations if operation["action"] == "create"]
    namespaces = {operation["name"] for operation in created if operation["resource"] == "netns"}
    made = _made([{"kind": ""} | operation.get("values", {}) | {"netns": operation.get("netns"), "name": operation["name"]}
                  for operation in created if operation["resource"] in ("links", "teams")])
    result: Document = {}
    for operation in operations:
        section, action, before = operation["resource"], operation["action"], operation.get("before")
        where = _given(netns=operation.get("netns"))
        if where.get("netns") in namespaces:
            continue
        if section in ("links", "sysctls"):
            kept = {key: value for key, value in (before or {}).items() if value is not None and not ("master" in before and key in OF_A_PORT)}
            if action == "set" and kept and (where.get("netns"), operation["name"]) not in made:
                result.setdefault(section, []).append(kept | where | {"name": operation["name"]})
        elif section in ENTRIES:
            item = where | (operation.get("values", {}) | {"state": "absent"} if action == "create" else before or {})
            if section == "bridge_vlans":
                item = _vlan(operation["name"], item)
            if not _goes(item, namespaces, made):
                result.setdefault(section, []).append(item)
    return result


def removal(document: Document, findings: Iterable[Document]) -> Document:
    """The removal of what a document describes, which also puts back what was found."""
    return restoring(absent(document), findings, _made(one for item in document.get("links") or [] for one in _singly(item)))


def restoring(leaving: Document, findings: Iterable[Document], made: Iterable[tuple] = ()) -> Document:
    """A removal that also puts back what was found of the things it leaves.

    :param findings: what the runs found, oldest first; the oldest counts, since a later run found what an earlier one had made.
    :param made: namespace and name of more links that go, such as the other ends of pairs.
    """
    findings = list(findings)
    namespaces = {item["name"] for item in leaving["netns"] if item.get("state") == "absent"}
    gone = {(item.get("netns"), item["name"]) for section in ("links", "teams") for item in leaving[section] if item.get("state") == "absent"}
    gone |= set(made)
    result = dict(leaving)
    links = {(item.get("netns"), item["name"]): item for item in leaving["links"]}
    sysctls: dict[tuple, dict] = {}
    for before in reversed(findings):
        for item in before.get("sysctls", []):
            if item.get("netns") not in namespaces:
                sysctls[item.get("netns"), item["name"]] = item
        for item in before.get("links", []):
            place = (item.get("netns"), item["name"])
            if place not in gone and item.get("netns") not in namespaces:
                links[place] = links.get(place, {}) | item
    result["links"], result["sysctls"] = list(links.values()), list(sysctls.values())
    moved = {place for place, item in links.items() if "master" in item}  # what a port had in its bridge has gone with that
    for section in ENTRIES:
        oldest: dict[tuple, dict] = {}
        for before in findings:
            for item in before.get(section, []):
                for key in _keys(section, item):
                    oldest.setdefault(key, item)
        back = {key: item for key, item in oldest.items()
                if item.get("state") != "absent" and not _goes(item, namespaces, gone) and not _of_a_port(section, item) & moved}
        if back:
            singly = [one for item in leaving[section] for one in _entries(section, item)]
            result[section] = [item for item in singly if not back.keys() & _keys(section, item)] + list(back.values())
    return result


def _singly(item: dict) -> list[dict]:
    """The present things that an item of a document stands for: those in its ``config``, or itself."""
    common = {key: value for key, value in item.items() if key != "config"}
    return [one for one in ([common | given for given in item["config"]] if "config" in item else [common]) if one.get("state", "present") == "present"]


def _made(links: Iterable[dict]) -> set[tuple]:
    """Where the links are that these items make, each with the other end of a pair."""
    result = set()
    for item in links:
        if "kind" in item:
            peer = item.get("peer") or (item.get(item["kind"]) or {}).get("peer") or {}
            result.add((item.get("netns"), item["name"]))
            if "name" in peer:
                result.add((peer.get("netns", item.get("netns")) or None, peer["name"]))
    return result


def _goes(item: dict, namespaces: set, links: set) -> bool:
    """Whether an entry is removed along with its namespace or link."""
    return item.get("netns") in namespaces or (item.get("netns"), item.get("dev")) in links


def _of_a_port(section: str, item: dict) -> set[tuple]:
    """The ports in whose bridge an entry is."""
    if section == "mdb":
        return {(item.get("netns"), item.get("port"))}
    return {(item.get("netns"), item["dev"])} if section == "bridge_vlans" or section == "fdb" and item.get("master") else set()


def _vlan(name: str, values: dict) -> dict:
    """A VLAN of an operation, as an item of a document; its name is ``DEV VLAN VID``."""
    dev, vid = name.split(" VLAN ")
    outside = ("netns", "state") if values.get("state") == "absent" else ("netns",)
    options = {key: value for key, value in values.items() if key not in (*outside, "dev")}
    return {key: values[key] for key in outside if key in values} | {"dev": dev, "vlans": [options | {"vid": vid}]}


def _entries(section: str, item: dict) -> list[dict]:
    """An item of a removal as items of one entry each, where it lists several."""
    if section == "bridge_vlans":
        ranges = [VlanRange().parse(vlan["vid"] if isinstance(vlan, dict) else vlan) for vlan in item["vlans"]]
        return [item | {"vlans": [{"vid": vid}]} for first, last in ranges for vid in range(first, last + 1)]
    if "remotes" in item:
        return [{key: value for key, value in item.items() if key != "remotes"} | {"remotes": [remote]} for remote in item["remotes"]]
    return [item]


def _keys(section: str, item: dict) -> set[tuple]:
    """What the engine tells the entries of an item apart by."""
    return {(wanted.netns, wanted.key) for wanted in from_document(index.RESOURCES, {section: [item]}).wanted}


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
