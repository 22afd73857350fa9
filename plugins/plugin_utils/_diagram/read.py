# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One document, live or intended, as facts that two documents can be compared by."""
from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.model import bare

BRIEF, NORMAL, FULL = "brief", "normal", "full"
OWN = ("", None, "/proc/self/ns/net")
#: Kinds that sit on another link, which may be in another namespace.
CHILDREN = frozenset("vlan macvlan macvtap ipvlan ipvtap macsec".split())
TUNNELS = frozenset("vxlan geneve gre gretap ip6gre ip6gretap erspan ip6erspan ipip sit ip6tnl vti vti6 bareudp amt wireguard".split())
_USUAL_MTU = {"": 1500, "lo": 65536, "vrf": 65575, "vxlan": 1450, "macsec": 1468, "gre": 1476, "vcan": 72, "vxcan": 72, "can": 16, "nlmon": 3776,
              "ipip": 1480, "sit": 1480, "gretap": 1462, "geneve": 1450, "wireguard": 1420}
#: What is said of a link of a kind, by option: how, and the value that goes without saying.
_OPTIONS = {
    "bond": (("mode", "{}", ""), ("primary", "primary {}", "")),
    "bridge": (("stp_state", "STP", False),),
    "vlan": (("protocol", "{}", "802.1Q"),),
    "vxlan": (("remote", "to {}", ""), ("group", "group {}", ""), ("dstport", "UDP {}", 4789), ("external", "external", False)),
    "geneve": (("remote", "to {}", ""), ("dstport", "UDP {}", 6081)),
    "macvlan": (("mode", "{}", ""),), "macvtap": (("mode", "{}", ""),),
    "ipvlan": (("mode", "{}", ""), ("flags", "{}", "bridge")), "ipvtap": (("mode", "{}", ""), ("flags", "{}", "bridge")),
    "macsec": (("encrypt", "encrypted", False), ("cipher", "{}", "gcm-aes-128")),
    "vrf": (("table", "table {}", ""),), "tun": (("type", "{}", ""),), "team": (),
    "ipoib": (("pkey", "pkey {}", ""), ("mode", "{}", "")), "xfrm": (("if_id", "if_id {}", ""),), "wireguard": (("listen_port", "UDP {}", 0),),
    **{kind: (("remote", "to {}", ""),) for kind in ("gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan", "ipip", "sit", "ip6tnl", "vti", "vti6")},
}
_QUIET_QDISCS = frozenset("noqueue mq fq_codel pfifo_fast pfifo ingress clsact".split())


@dataclass
class Told:
    """What a document tells of a link; what it does not tell is None or not there."""

    kind: str | None = None
    up: bool | None = None
    mac: str = ""
    lower: tuple | None = None
    master: str | None = None
    peer: tuple | None = None
    lone: bool = False  # one end of a pair whose other end is somewhere else
    slots: dict = field(default_factory=dict)  # what: (text, whether it goes without saying)
    options: dict = field(default_factory=dict)
    vlans: dict = field(default_factory=dict)  # VID or range: (pvid, untagged, tunnel_id)
    exact: bool = False  # vlans are all there are
    addresses: dict = field(default_factory=dict)  # as it is compared: as it is shown
    remotes: set = field(default_factory=set)
    redirects: set = field(default_factory=set)


@dataclass
class Facts:
    places: dict = field(default_factory=dict)  # name: {line: None}
    links: dict = field(default_factory=dict)
    defaults: dict = field(default_factory=dict)  # place: link of the default route
    macs: dict = field(default_factory=dict)  # MAC in a link's own table: its links


def items(document: dict, section: str):
    """The items of a section one by one, those of `config` with what they inherit, without what is to be absent."""
    for item in document.get(section) or ():
        if not isinstance(item, dict):
            continue
        config = item.get("config")
        if config is None:
            if item.get("state") != "absent":
                yield item
            continue
        inherited = {option: value for option, value in item.items() if option != "config"}
        for one in ([{**inherited, **each} for each in config] if isinstance(config, list) else [inherited]):
            if one.get("state") != "absent":
                yield one


def place_of(value) -> str:
    return "" if value in OWN else str(value)


def facts(document: dict, teams=(), detail: str = NORMAL) -> Facts:
    """:param teams: what vnet_info says of the runners"""
    found = Facts()
    found.places[""] = {}
    for item in items(document, "netns"):
        found.places.setdefault(str(item.get("name")), {})
    for item in items(document, "links"):
        _link(found, item, detail)
    for item in items(document, "teams"):
        _team(found, item)
    for status in teams or ():
        _runner(found, status)
    for item in items(document, "bridge_vlans"):
        _vlans(_at(found, item), item)
    for item in items(document, "fdb"):
        _entry(found, item)
    for item in items(document, "addresses"):
        address, peer = str(item.get("address")), item.get("peer")
        # An address with a peer is told from others by both.
        shown = f"{address} peer {peer}" if peer else address
        _at(found, item).addresses[_spelt(shown)] = shown
    for item in items(document, "tc"):
        _shaping(_at(found, item), item, place_of(item.get("netns")))
    if detail != BRIEF:
        for item in items(document, "nat"):
            _note(found, item, _nat(item))
    for item in items(document, "routes"):
        _route(found, item, detail)
    return found


def _spelt(address: str) -> str:
    head, slash, prefix = address.partition("/")
    return bare(head) + slash + prefix


def _at(found: Facts, item: dict, name: str = "dev") -> Told:
    key = place_of(item.get("netns")), str(item.get(name))
    told = found.links.get(key)
    if told is None:
        found.places.setdefault(key[0], {})
        told = found.links[key] = Told()
    return told


def _note(found: Facts, item: dict, text: str):
    if text:
        found.places.setdefault(place_of(item.get("netns")), {})[text] = None


def _link(found: Facts, item: dict, detail: str):
    told = _at(found, item, "name")
    place, name = place_of(item.get("netns")), str(item.get("name"))
    kind = str(item["kind"]) if item.get("kind") else None
    told.kind = kind or told.kind
    if item.get("up") is not None or (kind and told.up is None):
        told.up = bool(item.get("up", True))
    told.mac = str(item.get("address") or "").lower()
    told.options = (item.get(kind) if kind else None) or {}
    if not isinstance(told.options, dict):
        told.options = {}
    if item.get("link"):
        told.lower = (place_of(item["link_netns"]) if "link_netns" in item else place, str(item["link"]))
    if "master" in item:
        told.master = str(item["master"] or "")
    elif kind and told.master is None:
        told.master = ""
    peer = item.get("peer")
    if isinstance(peer, dict) and peer.get("name"):
        other = (place_of(peer["netns"]) if "netns" in peer else place, str(peer["name"]))
        told.peer = other
        found.places.setdefault(other[0], {})
        end = found.links.setdefault(other, Told())
        end.kind, end.peer = end.kind or kind, (place, name)
        end.up = bool(peer.get("up", True)) if end.up is None else end.up
        if peer.get("mtu"):
            end.slots.setdefault("mtu", _mtu(peer["mtu"], end.kind, other[1]))
    elif kind in ("veth", "vxcan", "netkit") and told.peer is None:
        told.lone = True
    if detail == BRIEF:
        return
    for option, words, usual in _OPTIONS.get(kind or "", ()):
        if option in told.options:
            value = told.options[option]
            value = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            flag = "{}" not in words
            plain = (words if value else f"no {words}") if flag else words.format(value)
            told.slots[option] = (plain, not value if flag else value in ("", None) or str(value) == str(usual))
    if item.get("mtu"):
        told.slots["mtu"] = _mtu(item["mtu"], kind, name)
    if detail == FULL and told.mac:
        told.slots["mac"] = (told.mac, False)


def _mtu(value, kind: str | None, name: str) -> tuple:
    usual = _USUAL_MTU["lo"] if name == "lo" else _USUAL_MTU.get(kind or "", 1500)
    return f"mtu {value}", str(value) == str(usual)


def _team(found: Facts, item: dict):
    told = _at(found, item, "name")
    told.kind = told.kind or "team"
    told.up = bool(item.get("up", True)) if told.up is None else told.up
    told.master = "" if told.master is None else told.master
    if item.get("runner"):
        told.slots["runner"] = (str(item["runner"]), False)
    for port in item.get("ports") or ():
        name = port.get("name") if isinstance(port, dict) else port
        _at(found, {**item, "dev": name}).master = str(item.get("name"))


def _runner(found: Facts, status: dict):
    if not isinstance(status, dict):
        return
    told = found.links.get((place_of(status.get("netns")), str(status.get("name"))))
    if told is not None:
        if status.get("runner"):
            told.slots.setdefault("runner", (str(status["runner"]), False))
        if status.get("active_port"):
            told.slots["active"] = (f"active {status['active_port']}", False)


def _vlans(told: Told, item: dict):
    told.exact = told.exact or bool(item.get("purge"))
    for one in item.get("vlans") or ():
        if isinstance(one, dict) and one.get("state") != "absent":
            told.vlans[str(one.get("vid"))] = (bool(one.get("pvid")), bool(one.get("untagged")), one.get("tunnel_id"))


def _entry(found: Facts, item: dict):
    # Of these there may be a million.
    told, dst, remotes = _at(found, item), item.get("dst"), item.get("remotes")
    if dst:
        told.remotes.add(bare(dst))
    elif remotes:
        told.remotes.update(map(bare, remotes))
    elif item.get("mac"):
        found.macs.setdefault(str(item["mac"]).lower(), set()).add((place_of(item.get("netns")), str(item.get("dev"))))


def _shaping(told: Told, item: dict, place: str):
    qdisc, rule = item.get("qdisc"), item.get("filter")
    if isinstance(qdisc, dict) and str(qdisc.get("kind")) not in _QUIET_QDISCS and (qdisc.get("root") or qdisc.get("parent") in (None, "root")):
        told.slots["qdisc"] = (str(qdisc.get("kind")), False)
    if isinstance(rule, dict):
        for action in rule.get("actions") or ():
            if isinstance(action, dict) and action.get("kind") == "mirred" and action.get("dev"):
                told.redirects.add((place, str(action["dev"])))


def _nat(item: dict) -> str:
    words = [str(item.get("type")), str(item.get("src") or "")]
    words += [f"for {item['dst']}"] if item.get("dst") else []
    words += [f"{item.get('proto') or ''} port {item['dport']}".strip()] if item.get("dport") else []
    words += [f"in {item['iif']}"] if item.get("iif") else []
    words += [f"out {item['oif']}"] if item.get("oif") else []
    words += [f"to {item['to']}"] if item.get("to") else []
    return " ".join(filter(None, words))


def _route(found: Facts, item: dict, detail: str):
    place, dst = place_of(item.get("netns")), str(item.get("dst"))
    hops = [hop for hop in item.get("nexthops") or () if isinstance(hop, dict)] or [item]
    if dst in ("default", "0.0.0.0/0", "::/0") and hops[0].get("dev"):
        found.defaults.setdefault(place, str(hops[0]["dev"]))
    ways = [f"via {bare(hop['via'])}" for hop in hops if isinstance(hop.get("via"), str)]
    kind = str(item.get("type") or "unicast")
    if detail == BRIEF or not (ways or kind != "unicast"):
        return
    table = str(item.get("table") or "main")
    words = [kind] if kind != "unicast" else []
    words += [dst, *ways]
    words += [f"table {table}"] if table not in ("main", "254") else []
    _note(found, item, " ".join(words))
