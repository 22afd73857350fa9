# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made, told to each contestant in its own language: our document, lines of iproute2, netlink messages packed by hand."""

from __future__ import annotations

import ipaddress
import struct

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 16, 17, 18, 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH, RTM_SETLINK = 24, 25, 26, 28, 29, 30, 19
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
IFF_UP, AF_BRIDGE, AF_INET = 1, 7, 2
SKIP_STATS = 8
#: phases in which all of it goes; `back` is what undo amounts to
GOING = ("remove", "back")
#: what the kernel refuses when all else is there: the second of two VXLAN devices with one VNI; a group of a nexthop that nobody has
REFUSED_AFTER = [{"id": 7, "group": [{"id": 99}]}]
REFUSED = [{"name": f"refused{number}", "kind": "vxlan", "vxlan": {"id": 77}} for number in (1, 2)]


def attribute(number: int, payload: bytes) -> bytes:
    return struct.pack("=HH", len(payload) + 4, number) + payload + b"\0" * (-len(payload) % 4)


def text(number: int, value: str) -> bytes:
    return attribute(number, value.encode() + b"\0")


def number32(number: int, value: int) -> bytes:
    return attribute(number, struct.pack("=I", value))


def link(attrs: bytes, up: bool = False, index: int = 0, family: int = 0) -> bytes:
    return struct.pack("=BxHiII", family, 0, index, IFF_UP if up else 0, IFF_UP if up else 0) + attrs


class Workload:
    """n objects. Phases: create, unchanged, change (1 % of them), undo (made, then all taken back since the last item is refused), remove."""

    name = ""
    tool = "ip"          #: the tool whose batch mode makes them
    show: list[str] = []  #: how the tool tells all of them
    rivals = ("batch", "each", "pyroute2")

    def __init__(self, n: int):
        self.n = n

    @property
    def few(self) -> range:
        """The places of those that change."""
        return range(0, self.n, 100)

    def prepare(self) -> list[str]:
        """Lines of `ip -batch` for what is there before."""
        return []

    def document(self, phase: str) -> dict:
        raise NotImplementedError

    def lines(self, phase: str) -> list[str]:
        raise NotImplementedError

    def messages(self, phase: str, index_of) -> list[tuple]:
        """[(type, flags, body)]"""
        raise NotImplementedError

    def dump(self, index_of) -> tuple:
        """(type, body) of the request for all of them."""
        return RTM_GETLINK, link(number32(29, SKIP_STATS))

    def pyroute2(self, ipr, phase: str, index_of):
        """The same by pyroute2's ordinary calls."""
        raise NotImplementedError


class Links(Workload):
    show = ["ip", "-d", "-j", "link", "show"]

    def names(self):
        return [f"l{place}" for place in range(self.n)]

    def _document(self, phase, items):
        if phase == "change":
            for place in self.few:
                items[place]["mtu"] = 1400
        if phase in GOING:
            items = [{"name": item["name"], "state": "absent"} for item in items]
        return {"links": items + (REFUSED if phase == "undo" else [])}

    def lines(self, phase):
        names = self.names()
        if phase == "change":
            return [f"link set dev {names[place]} mtu 1400" for place in self.few]
        if phase in GOING:
            return [f"link del dev {name}" for name in names]
        return self._made()

    def messages(self, phase, index_of):
        names = self.names()
        if phase == "change":
            return [(RTM_NEWLINK, 0, link(text(3, names[place]) + number32(4, 1400))) for place in self.few]
        if phase in GOING:
            group = number32(27, 0x5EED)  # all of a group go at once
            return [(RTM_NEWLINK, 0, link(text(3, name) + group)) for name in names] + [(RTM_DELLINK, 0, link(group))]
        return self._packed(index_of)

    def pyroute2(self, ipr, phase, index_of):
        names = self.names()
        if phase == "create":
            self._add(ipr, index_of)
            indexes = {one.get_attr("IFLA_IFNAME"): one["index"] for one in ipr.get_links()}
            for name in self._all():
                ipr.link("set", index=indexes[name], state="up")
        elif phase == "unchanged":
            list(ipr.get_links())
        else:
            indexes = {one.get_attr("IFLA_IFNAME"): one["index"] for one in ipr.get_links()}
            for place in self.few if phase == "change" else ():
                ipr.link("set", index=indexes[names[place]], mtu=1400)
            for name in names if phase in GOING else ():
                ipr.link("del", index=indexes[name])

    def _all(self):
        return self.names()


class Veth(Links):
    """n links: n/2 pairs, all of them up."""

    name = "veth"
    rivals = (*Links.rivals, "ifstate")

    def interfaces(self) -> dict:
        """As ifstate has them."""
        pairs = [(name, f"p{name}") for name in self.names()]
        return {name: {"link": {"kind": "veth", "state": "up", "peer": other}} for pair in pairs for name, other in (pair, pair[::-1])}

    def names(self):
        return [f"l{place}" for place in range(self.n // 2)]

    @property
    def few(self):
        return range(0, self.n // 2, 100)

    def document(self, phase):
        return self._document(phase, [{"name": name, "kind": "veth", "veth": {"peer": {"name": f"p{name}"}}} for name in self.names()])

    def _made(self):
        return [f"link add name {name} type veth peer name p{name}" for name in self.names()] + [f"link set dev {name} up" for name in self._all()]

    def _all(self):
        return [end for name in self.names() for end in (name, f"p{name}")]

    def _packed(self, index_of):
        def info(name):
            return attribute(18, text(1, "veth") + attribute(2, attribute(1, link(text(3, f"p{name}")))))

        # all are made before any of them gets its carrier, which the kernel has work with that would be in the way of the others
        return [(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link(text(3, name) + info(name), up=True)) for name in self.names()] + [
            (RTM_NEWLINK, 0, link(text(3, f"p{name}"), up=True)) for name in self.names()]

    def _add(self, ipr, index_of):
        for name in self.names():
            ipr.link("add", ifname=name, kind="veth", peer=f"p{name}")


class OnParent(Links):
    """n links on one end of a pair, all of them up."""

    kind = ""

    def prepare(self):
        return ["link add name base0 type veth peer name base1", "link set dev base0 up", "link set dev base1 up"]

    def options(self, place: int) -> dict:
        return {}

    def words(self, place: int) -> str:
        return ""

    def data(self, place: int) -> bytes:
        return b""

    def document(self, phase):
        return self._document(phase, [{"name": name, "kind": self.kind, "link": "base0", self.kind: self.options(place)}
                                      for place, name in enumerate(self.names())])

    def _made(self):
        return [f"link add name {name} link base0 up type {self.kind} {self.words(place)}" for place, name in enumerate(self.names())]

    def _packed(self, index_of):
        base = number32(5, index_of("base0"))
        return [(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
                 link(text(3, name) + base + attribute(18, text(1, self.kind) + attribute(2, self.data(place))), up=True))
                for place, name in enumerate(self.names())]

    def _add(self, ipr, index_of):
        base = index_of("base0")
        for place, name in enumerate(self.names()):
            ipr.link("add", ifname=name, kind=self.kind, link=base, **self.keywords(place))


class Vlan(OnParent):
    name = kind = "vlan"

    def options(self, place):
        return {"id": place + 1}

    def words(self, place):
        return f"id {place + 1}"

    def data(self, place):
        return attribute(1, struct.pack("=H", place + 1))

    def keywords(self, place):
        return {"vlan_id": place + 1}


class Macvlan(OnParent):
    name = kind = "macvlan"

    def options(self, place):
        return {"mode": "bridge"}

    def words(self, place):
        return "mode bridge"

    def data(self, place):
        return number32(1, 4)

    def keywords(self, place):
        return {"macvlan_mode": "bridge"}


class Fdb(Workload):
    """n entries of a VXLAN device: as many MACs behind 250 machines."""

    name = "fdb"
    tool = "bridge"
    show = ["bridge", "-j", "fdb", "show", "dev", "vx0"]
    rivals = ("batch", "each", "pyroute2")

    def prepare(self):
        return ["link add name vx0 up type vxlan id 100 dstport 4789 nolearning"]

    def entries(self, changed: bool = False):
        few = set(self.few) if changed else ()
        return [("02:%02x:%02x:%02x:%02x:01" % (place >> 24, place >> 16 & 255, place >> 8 & 255, place & 255),
                 f"192.0.2.{place % 250 + (2 if place in few else 1)}") for place in range(self.n)]

    def document(self, phase):
        config = [{"mac": mac, "dst": dst} for mac, dst in self.entries(phase in ("change", "remove"))]
        item = {"dev": "vx0", "config": config, **({"state": "absent"} if phase in GOING else {})}
        return {"fdb": [item], **({"nexthops": REFUSED_AFTER} if phase == "undo" else {})}

    def lines(self, phase):
        entries = self.entries(phase in ("change", "remove"))
        if phase == "change":
            return [f"fdb replace {entries[place][0]} dev vx0 dst {entries[place][1]} self permanent" for place in self.few]
        verb = "del" if phase in GOING else "add"
        return [f"fdb {verb} {mac} dev vx0 dst {dst} self" + (" permanent" if verb == "add" else "") for mac, dst in entries]

    def _header(self, index_of):
        return struct.pack("=BxxxiHBB", AF_BRIDGE, index_of("vx0"), 0x80 | 0x40, 2, 0)

    def messages(self, phase, index_of):
        head, entries = self._header(index_of), self.entries(phase in ("change", "remove"))
        places = self.few if phase == "change" else range(self.n)
        kind, flags = (RTM_DELNEIGH, 0) if phase in GOING else (RTM_NEWNEIGH, NLM_F_CREATE | (NLM_F_REPLACE if phase == "change" else 0))
        packed = {dst: struct.pack("=HH", 8, 1) + ipaddress.ip_address(dst).packed for unused, dst in entries}
        lladdr = struct.pack("=HH", 10, 2)
        return [(kind, flags, head + lladdr + bytes.fromhex(entries[place][0].replace(":", "")) + b"\0\0" + packed[entries[place][1]]) for place in places]

    def dump(self, index_of):
        return RTM_GETNEIGH, struct.pack("=BxxxiHBB", AF_BRIDGE, index_of("vx0"), 0, 0, 0)

    def pyroute2(self, ipr, phase, index_of):
        index, entries = index_of("vx0"), self.entries(phase in ("change", "remove"))
        if phase == "unchanged":
            list(ipr.fdb("dump", ifindex=index))
        elif phase == "change":
            for place in self.few:
                ipr.fdb("del", ifindex=index, lladdr=entries[place][0])
                ipr.fdb("add", ifindex=index, lladdr=entries[place][0], dst=entries[place][1])
        else:
            for mac, dst in entries:
                ipr.fdb("del" if phase in GOING else "add", ifindex=index, lladdr=mac, dst=dst)


class BridgeVlans(Workload):
    """n VLANs on ports of one bridge, 100 on each, of which no two make a range."""

    name = "bridge_vlan"
    tool = "bridge"
    show = ["bridge", "-j", "vlan", "show"]
    rivals = ("batch", "each")

    def prepare(self):
        lines = ["link add name br0 up type bridge vlan_filtering 1 vlan_default_pvid 0"]
        for port in range(self.n // 100):
            lines += [f"link add name p{port} type veth peer name q{port}", f"link set dev p{port} master br0 up"]
        return lines

    def _rows(self):
        return [(f"p{place // 100}", 2 * (place % 100) + 2) for place in range(self.n)]

    def document(self, phase):
        few = set(self.few)
        if phase in GOING:
            return {"bridge_vlans": [{"dev": f"p{port}", "vlans": [], "purge": True} for port in range(self.n // 100)]}
        items: dict = {}
        for place, (port, vid) in enumerate(self._rows()):
            items.setdefault(port, []).append({"vid": vid, "untagged": phase == "change" and place in few})
        refused = [{"dev": "p0", "vlans": [{"vid": 3000, "tunnel_id": 5}]}] if phase == "undo" else []
        return {"bridge_vlans": [{"dev": port, "vlans": vlans} for port, vlans in items.items()] + refused}

    def lines(self, phase):
        rows = self._rows()
        if phase == "change":
            return [f"vlan add dev {rows[place][0]} vid {rows[place][1]} untagged" for place in self.few]
        return [f"vlan {'del' if phase == 'remove' else 'add'} dev {port} vid {vid}" for port, vid in rows]

    def messages(self, phase, index_of):
        rows, few = self._rows(), set(self.few)
        indexes = {port: index_of(port) for port, unused in rows}
        kind = RTM_DELLINK if phase in GOING else RTM_SETLINK
        made: dict = {}
        for place, (port, vid) in enumerate(rows):
            if phase != "change" or place in few:
                made.setdefault(port, []).append(attribute(2, struct.pack("=HH", 4 if phase == "change" else 0, vid)))
        return [(kind, 0, link(attribute(26, b"".join(vlans)), index=indexes[port], family=AF_BRIDGE)) for port, vlans in made.items()]

    def dump(self, index_of):
        return RTM_GETLINK, link(number32(29, 2), family=AF_BRIDGE)


class Addresses(Workload):
    """n addresses of one link."""

    name = "address"
    show = ["ip", "-d", "-j", "address", "show"]

    def prepare(self):
        return ["link add name v0 up type veth peer name v1", "link set dev v1 up"]

    def _rows(self):
        return [f"10.{place >> 8}.{place & 255}.1" for place in range(self.n)]

    def document(self, phase):
        few = set(self.few) if phase == "change" else ()
        items = [{"address": f"{one}/24", **({"metric": 7} if place in few else {})} for place, one in enumerate(self._rows())]
        return {"addresses": [{"dev": "v0", "config": items, **({"state": "absent"} if phase in GOING else {})}],
                **({"nexthops": REFUSED_AFTER} if phase == "undo" else {})}

    def lines(self, phase):
        rows = self._rows()
        if phase == "change":
            return [f"address change {rows[place]}/24 dev v0 metric 7" for place in self.few]
        return [f"address {'del' if phase == 'remove' else 'add'} {one}/24 dev v0" for one in rows]

    def messages(self, phase, index_of):
        rows, head = self._rows(), struct.pack("=BBBBi", AF_INET, 24, 0, 0, index_of("v0"))
        metric = number32(9, 7) if phase == "change" else b""
        kind, flags = (RTM_DELADDR, 0) if phase in GOING else (RTM_NEWADDR, NLM_F_REPLACE if phase == "change" else NLM_F_CREATE | NLM_F_EXCL)
        made = []
        for place in self.few if phase == "change" else range(self.n):
            packed = ipaddress.ip_address(rows[place]).packed
            made.append((kind, flags, head + attribute(2, packed) + attribute(1, packed) + metric))
        return made

    def dump(self, index_of):
        return RTM_GETADDR, struct.pack("=BBBBi", 0, 0, 0, 0, 0)

    def pyroute2(self, ipr, phase, index_of):
        index, rows = index_of("v0"), self._rows()
        if phase == "unchanged":
            list(ipr.get_addr())
        elif phase == "change":
            for place in self.few:
                ipr.addr("replace", index=index, address=rows[place], prefixlen=24, metric=7)
        else:
            for one in rows:
                ipr.addr("del" if phase in GOING else "add", index=index, address=one, prefixlen=24)


class Routes(Workload):
    """n routes by one next hop."""

    name = "route"
    show = ["ip", "-d", "-j", "route", "show"]

    def prepare(self):
        return ["link add name v0 up type veth peer name v1", "link set dev v1 up", "address add 192.0.2.1/24 dev v0"]

    def _rows(self):
        return [f"10.{place >> 8}.{place & 255}.0" for place in range(self.n)]

    def document(self, phase):
        few = set(self.few) if phase in ("change", "remove") else ()
        items = [{"dst": f"{one}/24", "via": f"192.0.2.{3 if place in few else 2}"} for place, one in enumerate(self._rows())]
        refused = [{"dst": "10.255.0.0/24", "via": "198.51.100.1"}] if phase == "undo" else []
        return {"routes": [{"config": items + refused, **({"state": "absent"} if phase in GOING else {})}]}

    def lines(self, phase):
        rows = self._rows()
        if phase == "change":
            return [f"route replace {rows[place]}/24 via 192.0.2.3 proto 118" for place in self.few]
        return [f"route del {one}/24" if phase in GOING else f"route add {one}/24 via 192.0.2.2 proto 118" for one in rows]

    def messages(self, phase, index_of):
        rows, head = self._rows(), struct.pack("=BBBBBBBBI", AF_INET, 24, 0, 0, 254, 118, 0, 1, 0)
        gateway = b"" if phase in GOING else attribute(5, ipaddress.ip_address("192.0.2.3" if phase == "change" else "192.0.2.2").packed)
        kind, flags = (RTM_DELROUTE, 0) if phase in GOING else (RTM_NEWROUTE, NLM_F_CREATE | (NLM_F_REPLACE if phase == "change" else NLM_F_EXCL))
        return [(kind, flags, head + attribute(1, ipaddress.ip_address(rows[place]).packed) + gateway)
                for place in (self.few if phase == "change" else range(self.n))]

    def dump(self, index_of):
        return RTM_GETROUTE, struct.pack("=BBBBBBBBI", AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)

    def pyroute2(self, ipr, phase, index_of):
        if phase == "unchanged":
            list(ipr.get_routes())
            return
        verb = {"remove": "del", "change": "replace"}.get(phase, "add")
        rows = self._rows()
        for place in self.few if phase == "change" else range(self.n):
            ipr.route(verb, dst=f"{rows[place]}/24", **({} if phase in GOING else {"gateway": "192.0.2.3" if phase == "change" else "192.0.2.2"}))


class Namespaces(Workload):
    """n namespaces, each with 20 objects: five veth pairs, up, with an address each."""

    name = "netns"
    rivals = ("batch", "each")

    def names(self):
        return [f"bench{place}" for place in range(self.n)]

    def document(self, phase):
        names = self.names()
        if phase in GOING:
            return {"netns": [{"name": name, "state": "absent"} for name in names]}
        links, addresses = [], []
        for place, name in enumerate(names):
            for pair in range(5):
                mtu = {"mtu": 1400} if phase == "change" and place == 0 and pair == 0 else {}
                links.append({"netns": name, "name": f"v{pair}", "kind": "veth", "veth": {"peer": {"name": f"w{pair}"}}, **mtu})
                addresses += [{"netns": name, "dev": f"{end}{pair}", "address": f"10.{side}.{pair}.1/24"} for side, end in enumerate("vw")]
        return {"netns": [{"name": name} for name in names], "links": links + (REFUSED if phase == "undo" else []), "addresses": addresses}

    def lines_in(self, phase) -> list[str]:
        """Lines for each of the namespaces."""
        lines = []
        for pair in range(5):
            lines += [f"link add name v{pair} type veth peer name w{pair}"]
            for side, end in enumerate("vw"):
                lines += [f"link set dev {end}{pair} up", f"address add 10.{side}.{pair}.1/24 dev {end}{pair}"]
        return lines


ALL = {one.name: one for one in (Veth, Vlan, Macvlan, Fdb, BridgeVlans, Addresses, Routes, Namespaces)}
