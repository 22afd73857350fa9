# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what vnet_info says of each machine to a picture of all of them."""
from __future__ import annotations

import fnmatch
import functools
import ipaddress
from collections import defaultdict

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram import model
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.model import (
    CHANGED, MISSING, PAIR, PARENT, PORT, REDIRECT, UNDERLAY, UNEXPECTED, Edge, Link, Machine, Picture, Place, Segment, Tag, Text, Tunnel, natural)
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.read import CHILDREN, NORMAL, TUNNELS, Facts, Told, facts

LEAVE_OUT = ("lo", "unused")
MOST_TAGS = 4
#: As many machines that are alike are drawn, in all; the others become lines of a table.
DRAWN_ALIKE = 3
#: More namespaces of a machine that are alike become lines of a list, in columns of so many.
SPELT_OUT, LIST = 6, 45
_LOOPBACK = ("127.0.0.1/8", "::1/128")
_CARRIERS = ("", "bond", "team", "vlan", "hsr", "batadv")
_ENDS = ("", "netdevsim", "ipoib")


def picture(states: dict, intended: dict | None = None, title: str = "", leave_out=LEAVE_OUT, detail: str = NORMAL) -> Picture:
    """:param states: {machine: result of vnet_info}
    :param intended: {machine: document}; machines that are not in it are drawn as they are
    """
    names = sorted(set(states) | set(intended or {}), key=natural)
    live = {name: _live(states.get(name), detail) for name in names}
    wanted = {name: facts(intended[name], detail=detail) for name in names if name in (intended or {})}
    for found in (*live.values(), *wanted.values()):
        _guess_parents(found)
    colours = _colours([*live.values(), *wanted.values()])
    machines = [_machine(name, live[name], wanted.get(name), colours, tuple(leave_out)) for name in names]
    segments = _segments(machines, live)
    inside = _tunnels(machines, live, segments, colours)
    ends = {end for segment in segments for end in segment.nics}
    ends |= {end for tunnels in (inside, *(segment.tunnels for segment in segments)) for tunnel in tunnels for end in tunnel.ends}
    for machine in machines:
        _alike_places(machine, {key for name, key in ends if name == machine.name} if len(machine.places) > SPELT_OUT else set())
    return Picture(title, _alike(machines), segments, inside)


def _live(result: dict | None, detail: str) -> Facts:
    result = result or {}
    return facts(result.get("state") or {}, result.get("teams"), detail)


def _guess_parents(found: Facts):
    """A link whose parent is in another namespace does not tell it. The parent listens to its MAC, or has the same one."""
    by_mac = defaultdict(list)
    for key, told in found.links.items():
        if told.mac and told.kind not in CHILDREN and not told.master:
            by_mac[told.mac].append(key)
    for key, told in found.links.items():
        if told.kind in CHILDREN and told.lower is None and told.mac:
            listening = [one for one in found.macs.get(told.mac, ()) if one[0] != key[0]]
            same = [one for one in by_mac.get(told.mac, ()) if one[0] != key[0]]
            for candidates in (listening, same):
                if len(candidates) == 1:
                    told.lower = candidates[0]
                    break


# ---- colours and tags


def _vni(told: Told):
    return told.options.get("id") if told.kind in ("vxlan", "geneve") else None


def _segment_name(what: str, number) -> tuple:
    text = str(number)
    return (what, int(text), "") if text.isdecimal() and text.isascii() else (what, 1 << 32, text)


def _colours(all_facts) -> model.Colours:
    colours = model.Colours()
    for found in all_facts:
        for key, told in found.links.items():
            for vid, (pvid, untagged, tunnel) in told.vlans.items():
                colours.add(_segment_name("vlan", vid))
                if tunnel:
                    colours.join(_segment_name("vlan", vid), _segment_name("vni", tunnel))
                elif pvid and untagged and _vni(told) is not None:
                    colours.join(_segment_name("vlan", vid), _segment_name("vni", _vni(told)))
            if told.kind == "vlan" and told.options.get("id") is not None:
                colours.add(_segment_name("vlan", told.options["id"]))
            if _vni(told) is not None:
                colours.add(_segment_name("vni", _vni(told)))
    colours.settle()
    return colours


def _own_tags(told: Told, colours) -> dict:
    """{name: Tag} of what a link is by itself."""
    if told.kind == "vlan" and told.options.get("id") is not None:
        name = _segment_name("vlan", told.options["id"])
        return {name: Tag(f"VLAN {told.options['id']}", colours.of(name))}
    if _vni(told) is not None:
        name = _segment_name("vni", _vni(told))
        return {name: Tag(f"VNI {_vni(told)}", colours.of(name))}
    return {}


def _filtering(found: Facts, key: tuple, told: Told) -> bool:
    bridge = found.links.get((key[0], told.master)) if told.master else told
    return bridge is None or bridge.options.get("vlan_filtering") not in (False, 0, "0", "false", "no", "off")


def _port_tags(found: Facts, key: tuple, told: Told, colours) -> dict:
    if not told.vlans or not _filtering(found, key, told):
        return {}
    tags = {}
    for vid in sorted(told.vlans, key=natural):
        pvid, untagged, tunnel = told.vlans[vid]
        name = _segment_name("vlan", vid)
        tags[name] = Tag(f"{vid} ↔ VNI {tunnel}" if tunnel else vid, colours.of(name), pvid and untagged)
    return tags


# ---- one machine


def _machine(name: str, live: Facts, wanted: Facts | None, colours, leave_out: tuple) -> Machine:
    places, links = {}, {}
    for place in _union(live.places, wanted and wanted.places):
        drift = _presence(place, live.places, wanted and wanted.places) if place else ""
        lines = _union(live.places.get(place, {}), (wanted.places.get(place, {}) if wanted else None))
        intended = wanted and wanted.places.get(place, {})
        places[place] = Place(place, [Text(line, _presence(line, live.places.get(place, {}), intended)) for line in lines], drift)
    for key in _union(live.links, wanted and wanted.links):
        links[key] = _link(key, live, wanted, colours)
    edges = _edges(live, wanted, links, colours)
    machine = Machine(name, places, links, edges)
    _leave_out(machine, leave_out)
    return machine


def _union(live, wanted) -> list:
    return sorted(set(live) | set(wanted or ()), key=lambda one: tuple(map(natural, one)) if isinstance(one, tuple) else (natural(one),))


def _presence(one, live, wanted) -> str:
    if wanted is None:
        return ""
    return MISSING if one not in live else UNEXPECTED if one not in wanted else ""


def _link(key: tuple, live: Facts, wanted: Facts | None, colours) -> Link:
    now, then = live.links.get(key), wanted.links.get(key) if wanted else None
    told = now or then
    link = Link(key[0], key[1], told.kind or "", told.up is not False)
    if wanted is not None:
        # A NIC that the intention does not mention is none of its business.
        link.drift = MISSING if now is None else UNEXPECTED if then is None and told.kind else ""
    if now and then:
        if then.kind and now.kind != then.kind:
            link.notes.append(Text(f"{then.kind} → {now.kind or 'no kind'}", CHANGED))
        if then.up is not None and now.up is not None and now.up != then.up:
            link.notes.append(Text(f"{_state(then.up)} → {_state(now.up)}", CHANGED))
    compared = then if now and then else None
    if told.up is False and not any(note.text.endswith("→ down") for note in link.notes):
        link.notes.append(Text("down"))
    for slot in [*told.slots, *(slot for slot in (compared.slots if compared else ()) if slot not in told.slots)]:
        text, usual = told.slots.get(slot, ("none", False))
        old = compared.slots.get(slot, (None, False))[0] if compared else None
        if old is not None and old.lower() != text.lower() and slot != "active":
            link.notes.append(Text(f"{old} → {text}", CHANGED))
        elif not usual and not (slot == "mtu" and _inherited(live if now else wanted, key, told, text)):
            link.notes.append(Text(text))
    link.addresses = _addresses(told, compared)
    link.tags = _tags(key, live if now else wanted, told, wanted if compared else None, compared, colours)
    if compared and compared.remotes:
        link.notes += [Text(f"no entry for {remote}", MISSING) for remote in sorted(compared.remotes - now.remotes, key=natural)]
        link.notes += [Text(f"entry for {remote}", UNEXPECTED) for remote in sorted(now.remotes - compared.remotes, key=natural)]
    return link


def _inherited(found: Facts, key: tuple, told: Told, text: str) -> bool:
    """Whether the MTU is that of the bridge or the parent, which says so."""
    above = [(key[0], told.master)] if told.master else [told.lower] if told.lower else []
    return any(found.links[one].slots.get("mtu", ("",))[0] == text for one in above if one in found.links)


def _state(up: bool) -> str:
    return "up" if up else "down"


def _addresses(told: Told, compared: Told | None) -> list:
    shown = {**(compared.addresses if compared else {}), **told.addresses}
    result = []
    for key in sorted(shown, key=natural):
        drift = ""
        if compared is not None:
            drift = MISSING if key not in told.addresses else UNEXPECTED if key not in compared.addresses and not key.startswith("fe80") else ""
        result.append(Text(shown[key], drift))
    return result


def _tags(key, found: Facts, told: Told, wanted: Facts | None, compared: Told | None, colours) -> list:
    own, port = _own_tags(told, colours), _port_tags(found, key, told, colours)
    result = []
    if compared is not None and compared.options.get("id") is not None:
        old = _own_tags(compared, colours)
        result += [Tag(tag.text, tag.colour, tag.untagged, MISSING) for name, tag in old.items() if name not in own]
        own = {name: tag if name in old else Tag(tag.text, tag.colour, tag.untagged, UNEXPECTED) for name, tag in own.items()}
    if compared is not None and compared.vlans:
        old = _port_tags(wanted, key, compared, colours)
        for name, tag in old.items():
            if name not in port:
                port[name] = Tag(tag.text, tag.colour, tag.untagged, MISSING)
            elif port[name].untagged != tag.untagged:
                port[name] = Tag(port[name].text, tag.colour, port[name].untagged, CHANGED)
        if compared.exact:
            port = {name: tag if name in old else Tag(tag.text, tag.colour, tag.untagged, UNEXPECTED) for name, tag in port.items()}
    listed = [port[name] for name in sorted(port)]
    if len(listed) > MOST_TAGS:
        first = [tag for tag in listed if tag.drift or tag.untagged][:MOST_TAGS]
        rest = [tag for tag in listed if tag not in first]
        listed = first + rest[:max(0, MOST_TAGS - len(first))]
        left = len(port) - len(listed)
        listed += [Tag(f"+{left}", -1, False)] if left else []
    return result + list(own.values()) + listed


def _edges(live: Facts, wanted: Facts | None, links: dict, colours) -> list:
    now = _joins(live)
    then = _joins(wanted) if wanted is not None else {}
    result = []
    for name in sorted(set(now) | set(then), key=lambda one: (one[0], tuple(map(natural, one[1])), tuple(map(natural, one[2])))):
        what, low, high = name
        if low not in links or high not in links:
            continue
        drift = ""
        if wanted is not None and name not in now:
            # Where the outer packets go is found, not told; a difference is no departure.
            drift = MISSING
            if what == UNDERLAY and links[high].drift != MISSING:
                continue
        elif wanted is not None and name not in then and what != UNDERLAY:
            owner = wanted.links.get(low if what == PORT else high)
            drift = UNEXPECTED if owner is not None and (owner.master is not None if what == PORT else owner.kind is not None) else ""
        told = live.links if name in now else wanted.links
        result.append(Edge(what, low, high, _edge_colour(what, low, high, told, live if name in now else wanted, colours), drift))
    return result


def _joins(found: Facts) -> dict:
    joins = {}
    by_address = defaultdict(dict)
    for key, told in found.links.items():
        for address in told.addresses:
            by_address[key[0]][model.bare(address)] = key
    for key, told in found.links.items():
        if told.peer is not None:
            joins[(PAIR, *sorted((key, told.peer), key=lambda one: tuple(map(natural, one))))] = None
        if told.master:
            joins[(PORT, key, (key[0], told.master))] = None
        if told.lower is not None:
            joins[(PARENT, told.lower, key)] = None
        for other in sorted(told.redirects):
            joins[(REDIRECT, key, other)] = None
        if told.kind in TUNNELS:
            carrier = _carrier(found, key, told, by_address)
            if carrier and carrier != key:
                joins[(UNDERLAY, carrier, key)] = None
    return joins


def _carrier(found: Facts, key: tuple, told: Told, by_address) -> tuple | None:
    """The link that the outer packets of a tunnel leave by."""
    place = told.lower[0] if told.lower else key[0]
    if told.options.get("dev"):
        return place, str(told.options["dev"])
    local = told.options.get("local")
    if local and model.bare(local) in by_address[place]:
        return by_address[place][model.bare(local)]
    for remote in filter(None, [told.options.get("remote"), *sorted(told.remotes)[:1]]):
        for address, other in by_address[place].items():
            shown = next((one for one in found.links[other].addresses if model.bare(one) == address), "")
            if other != key and _within(remote, shown):
                return other
    if told.options.get("remote") and place in found.defaults:
        return place, found.defaults[place]
    return None


def _within(address, subnet) -> bool:
    try:
        return ipaddress.ip_address(model.bare(address)) in ipaddress.ip_network(model.network(subnet) or "::/128")
    except ValueError:
        return False


def _edge_colour(what, low, high, links: dict, found: Facts, colours) -> int | None:
    """That of the one segment whose frames go untagged there."""
    if what == UNDERLAY:
        ends = (high,)
    elif what == PARENT:
        ends = (high,) if links[high].kind == "vlan" else ()
    else:
        ends = (low, high) if what == PAIR else (low,)
    for key in ends:
        told = links.get(key)
        if told is None:
            continue
        if what in (UNDERLAY, PARENT):
            own = list(_own_tags(told, colours).values())
            return own[0].colour if own else None
        tags = [tag for tag in _port_tags(found, key, told, colours).values() if tag.untagged]
        if len(tags) == 1:
            return tags[0].colour
        if told.master and not tags:
            # A bridge without VLANs that has one segment's VXLAN as a port is that segment.
            names = {name for other, each in found.links.items() if each.master == told.master and other[0] == key[0] for name in _own_tags(each, colours)
                     if name[0] == "vni"} if len(found.links) < 500 else set()
            if len(names) == 1:
                return colours.of(names.pop())
    return None


def _leave_out(machine: Machine, leave_out: tuple):
    patterns = [one for one in leave_out if one not in LEAVE_OUT]
    used = {key for edge in machine.edges for key in (edge.low, edge.high)}

    def kept(key, link) -> bool:
        if any(fnmatch.fnmatchcase(link.name, pattern) for pattern in patterns):
            return False
        if link.drift or any(one.drift for one in (*link.notes, *link.addresses, *link.tags)):
            return True
        if link.name == "lo":
            return "lo" not in leave_out or any(one.text not in _LOOPBACK for one in link.addresses)
        bystander = key not in used and not link.addresses and not link.kind
        return not (bystander and "unused" in leave_out)

    machine.links = {key: link for key, link in machine.links.items() if kept(key, link)}
    machine.edges = [edge for edge in machine.edges if edge.low in machine.links and edge.high in machine.links]


# ---- what is between machines


def _ways_down(machine: Machine, key: tuple) -> set:
    """The NICs that a link's frames leave the machine by, past tunnels' ends not."""
    lower, seen, found, waiting = _lower(machine), set(), set(), [key]
    while waiting:
        one = waiting.pop()
        if one in seen or one not in machine.links:
            continue
        seen.add(one)
        link = machine.links[one]
        below = lower.get(one, ())
        if not below and (link.kind in _ENDS or (link.kind == "veth" and one == key)) and link.name != "lo":
            found.add(one)
        waiting.extend(below)
    return found


def _lower(machine: Machine) -> dict:
    known = getattr(machine, "_lower", None)
    if known is not None:
        return known
    lower = defaultdict(list)
    for edge in machine.edges:
        if edge.what == PARENT:
            lower[edge.high].append(edge.low)
        elif edge.what == PORT:
            if machine.links[edge.low].kind in _CARRIERS and machine.links[edge.high].kind != "vrf":
                lower[edge.high].append(edge.low)
            elif machine.links[edge.high].kind == "bridge":
                lower[edge.low].append(edge.high)
        elif edge.what == PAIR:
            lower[edge.low].append(edge.high)
            lower[edge.high].append(edge.low)
    machine._lower = lower  # pylint: disable=protected-access
    return lower


def _segments(machines: list, live: dict) -> list:
    by_subnet = defaultdict(lambda: defaultdict(set))
    tags = defaultdict(dict)
    for machine in machines:
        for key, link in machine.links.items():
            subnets = {model.network(address.text.partition(" ")[0]) for address in link.addresses if address.drift != MISSING} - {""}
            for subnet in sorted(subnets):
                nics = _ways_down(machine, key)
                if nics:
                    by_subnet[subnet][machine.name] |= nics
                    if link.kind == "vlan":
                        tags[subnet].update((tag.text, tag) for tag in link.tags[:1])
    merged = defaultdict(list)
    for subnet in sorted(by_subnet, key=natural):
        nics = tuple((host, key) for host, keys in by_subnet[subnet].items() for key in sorted(keys))
        if len(by_subnet[subnet]) > 1:
            merged[nics].append((subnet, tuple(tags[subnet][name] for name in sorted(tags[subnet], key=natural))))
    return [Segment(names, list(nics)) for nics, names in merged.items()]


def _tunnels(machines: list, live: dict, segments: list, colours) -> list:
    """Puts tunnels into the segments that carry them; returns those that have both ends in one machine."""
    ends, homes = [], defaultdict(list)
    for machine in machines:
        for key, told in live[machine.name].links.items():
            for address in told.addresses:
                homes[model.bare(address.partition(" ")[0])].append((machine.name, key[0]))
            if told.kind in TUNNELS and key in machine.links:
                ends.append((machine.name, key, told))
    by_home = defaultdict(list)
    for number, (host, key, told) in enumerate(ends):
        by_home[host, told.kind, str(told.options.get("id", ""))].append(number)
    reached, parent = [], list(range(len(ends)))

    def root(one):
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    @functools.lru_cache(maxsize=None)
    def listening(remote, kind, name) -> tuple:
        """The ends that an address stands for. One without an address of its own listens on all that its namespace has."""
        found = []
        for host, place in homes.get(remote, ()):
            for other in by_home.get((host, kind, name), ()):
                local = ends[other][2].options.get("local")
                if model.bare(local) == remote if local else place == ends[other][1][0]:
                    found.append(other)
        return tuple(found)

    groups: dict = {}
    for number, (host, key, told) in enumerate(ends):
        kind, name, mine = told.kind, str(told.options.get("id", "")), set()
        group = told.options.get("group")
        if group:
            parent[root(number)] = root(groups.setdefault((kind, name, str(group)), number))
        remotes = told.remotes | {model.bare(told.options["remote"])} if told.options.get("remote") else told.remotes
        for remote in remotes:
            mine.update(listening(remote, kind, name))
        mine.discard(number)
        reached.append(mine)
        for other in mine:
            if parent[other] != parent[number]:
                parent[root(number)] = root(other)
    networks = defaultdict(list)
    for number in range(len(ends)):
        networks[root(number)].append(number)
    inside = []
    for members in sorted(networks.values(), key=lambda one: (_segment_name("", ends[one[0]][2].options.get("id", "")), one[0])):
        if len(members) < 2:
            continue
        tunnel = _tunnel(members, ends, reached, colours)
        hosts = {host for host, key in tunnel.ends}
        (inside if len(hosts) == 1 else _home(segments, machines, tunnel, [ends[one][2] for one in members]).tunnels).append(tunnel)
    return inside


def _tunnel(members: list, ends: list, reached: list, colours) -> Tunnel:
    told = ends[members[0]][2]
    number = told.options.get("id")
    vni = _vni(told)
    title = f"VNI {vni}" if vni is not None else f"{told.kind} {number}" if number is not None else told.kind
    notes = [told.kind] if vni is not None else []
    names = sorted({ends[one][1][1] for one in members}, key=natural)
    notes.append(", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else ""))
    notes += [f"UDP {told.options['dstport']}"] if told.options.get("dstport") else []
    if told.options.get("group"):
        notes.append(f"multicast {told.options['group']}")
    else:
        missing = []
        if sum(len(reached[one]) for one in members) < len(members) * (len(members) - 1):
            for one in members:
                missing += [(one, other) for other in members if other != one and other not in reached[one]][:4]
                if len(missing) > 3:
                    break
        if not missing and len(members) > 2:
            notes.append(f"full mesh of {len(members)}")
        several = len({ends[one][0] for one in members}) > 1
        words = [f"{ends[one][0 if several else 1]} → {ends[other][0 if several else 1]}" if several else
                 f"{ends[one][1][0]} → {ends[other][1][0]}" for one, other in missing[:3]]
        if words:
            notes.append("no entry " + ", ".join(words) + (" …" if len(missing) > 3 else ""))
    colour = colours.of(_segment_name("vni", vni)) if vni is not None else -1
    return Tunnel(title, colour, [(ends[one][0], ends[one][1]) for one in members], notes)


def _home(segments: list, machines: list, tunnel: Tunnel, told: list) -> Segment:
    hosts = {host for host, key in tunnel.ends}
    outer = [one.options.get("local") or one.options.get("remote") or next(iter(sorted(one.remotes)), "") for one in told[:1]]
    fitting = [segment for segment in segments if hosts <= {host for host, key in segment.nics}]
    for segment in fitting:
        if any(_within(address, subnet) for subnet, tags in segment.names for address in outer):
            return segment
    by_name = {machine.name: machine for machine in machines}
    nics = []
    for host, key in tunnel.ends:
        machine = by_name[host]
        carriers = [edge.low for edge in machine.edges if edge.what == UNDERLAY and edge.high == key]
        nics += [(host, nic) for carrier in carriers for nic in sorted(_ways_down(machine, carrier)) if (host, nic) not in nics]
    for segment in segments:
        if not segment.names and segment.nics == nics:
            return segment
    segments.append(Segment([], nics))
    return segments[-1]


# ---- what is the same


def _alike_places(machine: Machine, ends: set):
    """Many namespaces that hang on one bridge or NIC in the same way: a few stay, the others become one list."""
    if len(machine.places) <= SPELT_OUT:
        return
    links, edges = defaultdict(list), defaultdict(list)
    for key in machine.links:
        links[key[0]].append(key)
    for edge in machine.edges:
        for key in dict.fromkeys((edge.low, edge.high)):
            edges[key].append(edge)
    groups = defaultdict(list)
    for place in machine.places.values():
        unit = _unit(place, machine, links, edges, ends) if place.name else None
        if unit is not None:
            groups[unit[0]].append((place, unit[1], unit[2]))
    for (holder, *dummy), units in sorted(groups.items(), key=lambda one: natural(one[1][0][0].name)):
        gone = units[DRAWN_ALIKE:] if len(units) > SPELT_OUT else []
        if gone:
            _list(machine, holder, gone, links, units[DRAWN_ALIKE - 1][0].name)


def _unit(place: Place, machine: Machine, links: dict, edges: dict, ends: set):
    """(shape with what the namespace hangs on first, its ports there, cells of its line), or None where it is not so simple."""
    keys, ports, holders, outline = links[place.name], [], set(), []
    for key in keys:
        link = machine.links[key]
        if link.drift or key in ends or any(one.drift for one in (*link.addresses, *link.notes, *link.tags)):
            return None
        outline.append((link.name, link.kind, link.up, tuple(link.tags), tuple(link.notes), len(link.addresses)))
        for edge in edges[key]:
            other = edge.low if edge.high == key else edge.high
            if other[0] == place.name:
                outline.append((edge.what, edge.low[1], edge.high[1]))
                continue
            port = machine.links[other]
            if edge.what == PARENT:
                holders.add(other)
                outline.append((edge.what, link.name))
                continue
            masters = [one for one in edges[other] if one is not edge]
            if len(masters) != 1 or masters[0].what != PORT or masters[0].low != other or port.addresses or port.drift or masters[0].drift or edge.drift:
                return None
            holders.add(masters[0].high)
            ports.append(other)
            outline.append((edge.what, link.name, port.kind, port.up, tuple(port.tags), tuple(port.notes), edge.colour))
    if len(holders) != 1 or place.drift or any(note.drift for note in place.notes):
        return None
    cells = [place.name, *(port[1] for port in ports), *(one.text for key in keys for one in machine.links[key].addresses)]
    return (holders.pop(), tuple(place.notes), tuple(outline)), ports, cells


def _list(machine: Machine, holder: tuple, gone: list, links: dict, like: str):
    widths = [max(len(cells[number]) for dummy, dummy2, cells in gone) for number in range(len(gone[0][2]))]
    lines = ["  ".join(cell.ljust(wide) for cell, wide in zip(cells, widths)) for dummy, dummy2, cells in gone]
    rows = ["    ".join(lines[number::min(LIST, len(lines))]) for number in range(min(LIST, len(lines)))]
    rows = [Text(row.ljust(len(rows[0]))) for row in rows]
    removed = {key for place, ports, dummy in gone for key in (*links[place.name], *ports)}
    first = machine.links[links[gone[0][0].name][0]] if links[gone[0][0].name] else None
    colours = {edge.colour for edge in machine.edges if edge.low in removed or edge.high in removed}
    for place, dummy, dummy2 in gone:
        del machine.places[place.name]
    name = f"{gone[0][0].name} … {gone[-1][0].name}"
    key = (name, f"{len(gone)} like {like}")
    machine.places[name] = Place(name)
    machine.edges = [edge for edge in machine.edges if edge.low not in removed and edge.high not in removed]
    machine.edges.append(Edge(PARENT, holder, key, colours.pop() if len(colours) == 1 else None))
    machine.links = {one: link for one, link in machine.links.items() if one not in removed}
    machine.links[key] = Link(key[0], key[1], first.kind if first else "", True, rows, [])


def _shape(machine: Machine) -> tuple:
    return (
        tuple((place.name, len(place.notes), tuple(note.drift for note in place.notes), place.drift) for place in machine.places.values()),
        tuple((link.key, link.kind, link.up, tuple(link.tags), tuple(one.drift for one in link.addresses), tuple(one.drift for one in link.notes), link.drift)
              for link in machine.links.values()),
        tuple(machine.edges),
    )


def _texts(machine: Machine) -> list:
    """[(what it is of, text), ...]: what may differ among machines of one shape."""
    found = [(place.name, note.text) for place in machine.places.values() for note in place.notes]
    for link in machine.links.values():
        where = f"{link.place} {link.name}" if link.place else link.name
        found += [(where, one.text) for one in (*link.addresses, *link.notes)]
    return found


def _alike(machines: list) -> list:
    groups = defaultdict(list)
    for machine in machines:
        groups[_shape(machine)].append(machine)
    many = [members for members in groups.values() if len(members) > DRAWN_ALIKE + 1]
    drawn = max(1, DRAWN_ALIKE - (len(many) - 1))
    gone = set()
    for members in many:
        texts = [_texts(machine) for machine in members]
        differing = [number for number, column in enumerate(zip(*texts)) if len({text for where, text in column}) > 1]
        last = members[drawn - 1]
        last.columns = [texts[0][number][0] for number in differing]
        last.others = [(machine.name, [mine[number][1] for number in differing]) for machine, mine in zip(members[drawn:], texts[drawn:])]
        gone |= {machine.name for machine in members[drawn:]}
    return [machine for machine in machines if machine.name not in gone]
