# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture as text that other programs lay out: Mermaid and Graphviz's DOT."""
from __future__ import annotations

import re

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.layout import tiers_of, upright
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.model import CHANGED, MISSING, REDIRECT, UNEXPECTED, Machine, Picture
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.svg import DRIFT, GREY, PAPER, RULE, colour_of

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_PREFIX = {MISSING: "missing: ", UNEXPECTED: "not intended: ", CHANGED: "changed: "}


def _said(text) -> str:
    return _PREFIX.get(getattr(text, "drift", ""), "") + _CONTROL.sub("\ufffd", str(getattr(text, "text", text)))


def _lines(link) -> list:
    tags = ", ".join(_said(tag).replace(tag.text, f"VID {tag.text}" if tag.text[:1].isdecimal() else tag.text) + ("" if tag.untagged else " tagged")
                     for tag in link.tags)
    notes = [_said(note) for note in link.notes]
    return [line for line in (_said(link.name) + (f" ({link.kind})" if link.kind else ""), tags, *notes, *(_said(one) for one in link.addresses)) if line]


def _drift_of(link) -> str:
    within = {one.drift for one in (*link.addresses, *link.notes, *link.tags)} - {""}
    return link.drift or (CHANGED if within else "")


def _joins(machine: Machine) -> list:
    """(lower key, higher key, edge) as the picture has them."""
    tiers = tiers_of(machine)
    across = [(edge.low, edge.high, edge) if tiers[edge.low[0]] <= tiers[edge.high[0]] else (edge.high, edge.low, edge)
              for edge in machine.edges if edge.low[0] != edge.high[0]]
    return [*upright(machine, tiers), *across]


class _Names:
    """n1, n2, ... for what has names that the languages would not have."""

    def __init__(self):
        self._known: dict = {}

    def of(self, *what) -> str:
        return self._known.setdefault(what, f"n{len(self._known)}")


def _listing(machine: Machine) -> list:
    heads = [f"{_said(name)}: " + ", ".join(f"{_said(column)} {_said(value)}" for column, value in zip(machine.columns, values))
             for name, values in machine.others]
    return [f"{len(heads)} machines, the same as {_said(machine.name)}" + (" but for" if machine.columns else ""), *(head.rstrip(": ") for head in heads)]


def _between(picture: Picture) -> list:
    """[(lines of a hub, [(machine, link key), ...], dashed, colour, whether it has a hub of its own), ...]."""
    found = []
    drawn = {machine.name for machine in picture.machines}
    listed = {name: machine.name for machine in picture.machines for name, values in machine.others}

    def ends(these) -> list:
        result = []
        for host, key in these:
            one = (host, key) if host in drawn else (listed[host], None)
            if one not in result:
                result.append(one)
        return result

    for segment in picture.segments:
        if segment.names:
            words = [name + "".join(f" {tag.text}" for tag in tags) for name, tags in segment.names]
            found.append((words, ends(segment.nics), False, None))
        for tunnel in segment.tunnels:
            found.append(([tunnel.title, *tunnel.notes], ends(tunnel.ends), True, tunnel.colour))
    for tunnel in picture.tunnels:
        found.append(([tunnel.title, *tunnel.notes], ends(tunnel.ends), True, tunnel.colour))
    return found


# ---- Mermaid


def _quoted(lines: list) -> str:
    """A label in quotes: what could end it or be taken for markup is written as an entity."""
    def plain(line):
        text = line.replace("#", "#35;").replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
        return text.replace("`", "#96;").replace("\\", "#92;")

    return '"' + "<br>".join(map(plain, lines)) + '"'


def mermaid(picture: Picture) -> str:
    names, styles, links = _Names(), [], []
    out = ["---", f"title: {_title(picture.title)}", "---"] if picture.title else []
    out.append("flowchart BT")
    for machine in picture.machines:
        top = names.of("machine", machine.name)
        out.append(f"  subgraph {top}[{_quoted([_said(machine.name)])}]")
        styles.append(f"  class {top} machine")
        for place in machine.places.values():
            keys = [key for key in machine.links if key[0] == place.name]
            indent = "    "
            if place.name:
                box = names.of("place", machine.name, place.name)
                out.append(f"    subgraph {box}[{_quoted([_said(place.name)])}]")
                indent = "      "
                if not keys and not place.notes:
                    out.append(f'{indent}{names.of("empty", machine.name, place.name)}[" "]')
                styles.append(f"  class {box} {place.drift or 'netns'}")
            if place.notes:  # a title has room for one line only
                node = names.of("notes", machine.name, place.name)
                out.append(f"{indent}{node}[{_quoted([_said(note) for note in place.notes])}]")
                styles.append(f"  class {node} note")
            for key in keys:
                link = machine.links[key]
                node = names.of("link", machine.name, key)
                out.append(f"{indent}{node}[{_quoted(_lines(link))}]")
                drift = _drift_of(link)
                kind = drift or ("" if link.kind else "nic")
                styles += [f"  class {node} {kind}"] if kind else []
            if place.name:
                out.append("    end")
        if not machine.links and not any(place.name or place.notes for place in machine.places.values()):
            out.append(f'    {names.of("empty", machine.name)}[" "]')
        out.append("  end")
        if machine.others:
            out.append(f"  {names.of('others', machine.name)}[{_quoted(_listing(machine))}]")
        for low, high, edge in _joins(machine):
            arrow = "-.->" if edge.what == REDIRECT else "-.-" if edge.drift == MISSING else "---"
            label = f"|{_quoted([edge.drift])}|" if edge.drift else ""
            out.append(f"  {names.of('link', machine.name, low)} {arrow}{label} {names.of('link', machine.name, high)}")
            links.append((edge.colour, edge.drift))
    for number, (words, ends, dashed, colour) in enumerate(_between(picture)):
        nodes = [names.of("link", host, key) if key else names.of("others", host) for host, key in ends]
        if dashed and len(nodes) == 2:
            out.append(f"  {nodes[0]} <-. {_quoted(words)} .-> {nodes[1]}")
            links.append((colour, ""))
            continue
        hub = names.of("hub", number)
        out.append(f"  {hub}({_quoted([words[0], ' · '.join(words[1:])] if words[1:] else words)})")
        styles.append(f"  class {hub} hub")
        for node in nodes:
            out.append(f"  {hub} {'-.-' if dashed else '---'} {node}")
            links.append((colour, ""))
    for colour, drift in sorted({one for one in links if one[0] is not None or one[1]}, key=str):
        those = ",".join(str(number) for number, one in enumerate(links) if one == (colour, drift))
        out.append(f"  linkStyle {those} stroke:{DRIFT.get(drift) or colour_of(colour)},stroke-width:2px")
    out.append(f"  classDef default fill:#ffffff,stroke:{RULE},color:#1a1a1a")
    used = {style.split()[-1] for style in styles}
    looks = {
        "machine": "fill:#ffffff,stroke:#1a1a1a,color:#1a1a1a", "netns": f"fill:{PAPER},stroke:{RULE},color:#1a1a1a",
        "note": f"fill:none,stroke:none,color:{GREY}",
        "nic": f"fill:#ececea,stroke:{GREY},color:#1a1a1a", "hub": f"fill:{PAPER},stroke:#1a1a1a,color:#1a1a1a",
        MISSING: f"fill:#ffffff,stroke:{DRIFT[MISSING]},stroke-width:2px,stroke-dasharray:5 3,color:#1a1a1a",
        UNEXPECTED: f"fill:#fff3d6,stroke:{DRIFT[UNEXPECTED]},stroke-width:2px,color:#1a1a1a",
        CHANGED: f"fill:#ffffff,stroke:{DRIFT[CHANGED]},stroke-width:2px,color:#1a1a1a",
    }
    out += [f"  classDef {name} {look}" for name, look in looks.items() if name in used]
    return "\n".join(out + styles) + "\n"


def _title(text: str) -> str:
    return '"' + _CONTROL.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"') + '"'


# ---- DOT


def _string(lines: list) -> str:
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'


def dot(picture: Picture) -> str:
    names = _Names()
    out = ["graph vnet {",
           f"  graph [rankdir=BT, fontname=Helvetica, compound=true, newrank=true, label={_string([_said(picture.title)])}, labelloc=t];",
           f'  node [shape=box, fontname=Helvetica, fontsize=10, color="{GREY}", style=filled, fillcolor=white];',
           f'  edge [color="{RULE}", fontname=Helvetica];']
    for number, machine in enumerate(picture.machines):
        own = machine.places.get("")
        out.append(f"  subgraph cluster_{number} {{")
        out.append(f"    labelloc=b; label={_string([_said(machine.name), *(_said(note) for note in (own.notes if own else ()))])};")
        for index, place in enumerate(machine.places.values()):
            keys = [key for key in machine.links if key[0] == place.name]
            if place.name:
                look = {MISSING: f'color="{DRIFT[MISSING]}"; style=dashed;', UNEXPECTED: f'color="{DRIFT[UNEXPECTED]}"; penwidth=2;'}.get(place.drift, "")
                label = _string([_said(place.name), *(_said(note) for note in place.notes)])
                out.append(f"    subgraph cluster_{number}_{index} {{ labelloc=b; label={label}; {look}")
                if not keys:
                    out.append(f'      {names.of("empty", number, index)} [label="", style=invis];')
            for key in keys:
                link = machine.links[key]
                drift = _drift_of(link)
                look = f', color="{DRIFT[drift]}", penwidth=2' if drift else "" if link.kind else ', fillcolor="#ececea"'
                look += ', style="filled,dashed"' if drift == MISSING else ', fillcolor="#fff3d6"' if drift == UNEXPECTED else ""
                out.append(f"      {names.of('link', machine.name, key)} [label={_string(_lines(link))}{look}];")
            if place.name:
                out.append("    }")
        if not machine.links and not [place for place in machine.places if place]:
            out.append(f'    {names.of("empty", number)} [label="", style=invis];')
        out.append("  }")
        if machine.others:
            out.append(f"  {names.of('others', machine.name)} [shape=note, label={_string(_listing(machine))}];")
        for low, high, edge in _joins(machine):
            look = [f'color="{DRIFT.get(edge.drift) or colour_of(edge.colour)}"'] + (["penwidth=2"] if edge.colour is not None or edge.drift else [])
            look += ["style=dashed"] if edge.drift == MISSING or edge.what == REDIRECT else []
            look += ["dir=forward"] if edge.what == REDIRECT else []
            out.append(f"  {names.of('link', machine.name, low)} -- {names.of('link', machine.name, high)} [{', '.join(look)}];")
    for number, (words, ends, dashed, colour) in enumerate(_between(picture)):
        hub = names.of("hub", number)
        out.append(f'  {hub} [shape=box, style="rounded,filled", fillcolor="{PAPER}", label={_string([_said(word) for word in words])}];')
        look = f'color="{colour_of(colour)}", penwidth=2, style=dashed' if dashed else "penwidth=1.5"
        out += [f"  {hub} -- {names.of('link', host, key) if key else names.of('others', host)} [{look}];" for host, key in ends]
    return "\n".join(out + ["}"]) + "\n"
