# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture as SVG that needs nothing else: no script, no font, no stylesheet from outside."""
from __future__ import annotations

import re
from dataclasses import dataclass, field

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram import layout, text
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.layout import ADDRESS, HEAD, LINE, NAME, SMALL, TITLE, Card, card
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.model import CHANGED, MISSING, REDIRECT, UNEXPECTED, Edge, Machine, Picture, Tag

#: Segments, told apart by people who do not see all colours, dark enough for white text.
PALETTE = ("#0072B2", "#B3477D", "#00795A", "#7A5C00", "#5B3FA8", "#3A7D9C", "#8C3B1A", "#4D4D4D")
INK, GREY, RULE, PAPER = "#1a1a1a", "#5c5c5c", "#8a8a8a", "#f4f4f2"
DRIFT = {MISSING: "#C40000", UNEXPECTED: "#B36B00", CHANGED: "#B36B00"}
WIDEST = 1700  # of a row of machines
EDGE, BETWEEN, DROP, STRAND = 20, 28, 26, 30
STRETCH = 90  # a machine that is less lower than its neighbours is drawn as high as they are
_BARS = frozenset("bridge bond team vrf hsr batadv".split())
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(value) -> str:
    plain = _FORBIDDEN.sub("\ufffd", str(value))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


class Canvas:
    def __init__(self):
        self.parts: list = []

    def rect(self, x, y, wide, high, look, radius=3):
        self.parts.append(f'<rect x="{_number(x)}" y="{_number(y)}" width="{_number(wide)}" height="{_number(high)}" rx="{radius}" {look}/>')

    def path(self, points, look):
        drawn = "".join(f"{'L' if number else 'M'}{_number(x)} {_number(y)}" for number, (x, y) in enumerate(points))
        self.parts.append(f'<path d="{drawn}" fill="none" {look}/>')

    def dot(self, x, y, colour, radius=3.5):
        self.parts.append(f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{radius}" fill="{colour}"/>')

    def text(self, x, y, content, size, mono=False, bold=False, fill=INK, anchor=""):
        if not str(content):
            return
        wide = text.width(str(content), size, mono, bold)
        look = f' fill="{fill}"' if fill != INK else ""
        look += ' font-weight="bold"' if bold else ""
        look += f' text-anchor="{anchor}"' if anchor else ""
        # A reader's substitute for the font may be wider; it is held to the width that was reckoned with.
        look += f' textLength="{_number(wide)}" lengthAdjust="spacingAndGlyphs"' if not bold else ""
        look += ' xml:space="preserve"' if "  " in str(content) else ""
        self.parts.append(f'<text class="{"m" if mono else "s"}" font-size="{size}" x="{_number(x)}" y="{_number(y)}"{look}>{escape(content)}</text>')


def colour_of(number: int | None) -> str:
    return RULE if number is None else GREY if number < 0 else PALETTE[number % len(PALETTE)]


def _dashes(number: int | None) -> str:
    """Segments beyond the palette have its colours again, with lines that differ."""
    return "" if number is None or number < len(PALETTE) else ' stroke-dasharray="7 2"' if number < 2 * len(PALETTE) else ' stroke-dasharray="7 2 1 2"'


def _tag(canvas: Canvas, tag: Tag, x: float, y: float, wide: float):
    colour = colour_of(tag.colour)
    frame = DRIFT.get(tag.drift, colour)
    fill = colour if tag.untagged and tag.drift != MISSING else "#ffffff"
    dash = ' stroke-dasharray="3 2"' if tag.drift == MISSING else ""
    canvas.rect(x, y - 10, wide, 13, f'fill="{fill}" stroke="{frame}" stroke-width="{2 if tag.drift else 1}"{dash}', 6)
    canvas.text(x + wide / 2, y, tag.text, SMALL, bold=True, fill="#ffffff" if fill == colour else frame if tag.drift else colour, anchor="middle")


def _chip(canvas: Canvas, chip):
    link = chip.link
    stroke, fill, wide = RULE, "#ffffff", 1.0
    if link.kind in _BARS:
        fill, stroke = "#e3e8ee", "#55606c"
    elif not link.kind:
        fill, stroke = "#ececea", "#55606c"
    dash = ""
    if link.drift:
        stroke, wide = DRIFT[link.drift], 2.0
        fill = "#fff3d6" if link.drift == UNEXPECTED else "#ffffff"
        dash = ' stroke-dasharray="5 3"' if link.drift == MISSING else ""
    elif not link.up:
        dash = ' stroke-dasharray="2 2"'
    canvas.rect(chip.left, chip.y, chip.right - chip.left, chip.height, f'fill="{fill}" stroke="{stroke}" stroke-width="{_number(wide)}"{dash}')
    y = chip.y + 15
    for row in chip.rows:
        x = (chip.left + chip.right - layout.span(row)) / 2
        for style, content, wide in row:
            what, dummy, drift = style.partition(" ")
            colour = DRIFT.get(drift, INK)
            if what == "tag":
                _tag(canvas, content, x, y, wide)
            elif what == "address":
                canvas.text(x, y, content, ADDRESS, mono=True, fill=colour)
                _marked(canvas, drift, x, y, wide)
            elif what == "name":
                canvas.text(x, y, content, NAME, bold=True, fill=INK if link.up or link.drift else GREY)
            else:
                canvas.text(x, y, content, SMALL, fill=colour if drift else GREY)
                _marked(canvas, drift if drift == MISSING else "", x, y, wide)
            x += wide + 5
        y += LINE


def _marked(canvas: Canvas, drift: str, x: float, y: float, wide: float):
    if drift == MISSING:
        canvas.rect(x - 3, y - 11, wide + 6, 14, f'fill="none" stroke="{DRIFT[MISSING]}" stroke-dasharray="3 2"')
    elif drift == UNEXPECTED:
        canvas.path([(x, y + 2.5), (x + wide, y + 2.5)], f'stroke="{DRIFT[UNEXPECTED]}" stroke-width="1.5"')


def _notes(canvas: Canvas, notes: list, x: float, y: float):
    for note in notes:
        canvas.text(x, y, note.text, SMALL, fill=DRIFT.get(note.drift, GREY))
        _marked(canvas, note.drift, x, y, text.width(note.text, SMALL))
        y += 13


def _line(canvas: Canvas, line, colours: dict):
    edge = line.edge
    colour, drift, what, tunnel = None, "", "", line.tunnel
    if isinstance(edge, tuple) and isinstance(edge[2], Edge):
        colour, drift = edge[2].colour, edge[2].drift
    elif isinstance(edge, tuple) and edge[2] is not None:
        tunnel = edge[2]
    elif isinstance(edge, tuple):
        colour, drift = colours.get(edge[1], (None, ""))
    elif edge is not None:
        colour, drift, what = edge.colour, edge.drift, edge.what
    if tunnel is not None:
        colour = tunnel.colour
    look = f'stroke="{DRIFT.get(drift) or colour_of(colour)}" stroke-width="{2.2 if colour is not None or drift else 1.4}"'
    if drift == MISSING or what == REDIRECT or tunnel is not None:
        look += ' stroke-dasharray="5 3"'
    else:
        look += _dashes(colour)
    canvas.path(line.points, look)
    if what == REDIRECT:  # the only one that has a direction
        x, y = line.points[-1]
        canvas.parts.append(f'<path d="M{_number(x - 4)} {_number(y + 6)}L{_number(x)} {_number(y)}L{_number(x + 4)} {_number(y + 6)}" fill="none" {look}/>')
    if line.tunnel is not None:
        tag = Tag(line.tunnel.title, line.tunnel.colour)
        wide = text.width(tag.text, SMALL, bold=True) + layout.PILL
        (start, y), (stop, dummy) = line.points[1], line.points[2]
        _tag(canvas, tag, (start + stop - wide) / 2, y + 4, wide)


def _card(canvas: Canvas, drawn: Card):
    """At (0, 0); the group around it brings it where it belongs."""
    machine = drawn.machine
    canvas.rect(0, 0, drawn.width, drawn.height, f'fill="#ffffff" stroke="{INK}" stroke-width="1.4"', 6)
    canvas.text(layout.MARGIN, 22, machine.name, TITLE, bold=True)
    if "" in machine.places:
        _notes(canvas, machine.places[""].notes, layout.MARGIN, 38)
    for box in drawn.boxes:
        drift = box.place.drift
        look = f'fill="{PAPER}" stroke="{DRIFT.get(drift, RULE)}" stroke-width="{2 if drift else 1}"' + (' stroke-dasharray="5 3"' if drift == MISSING else "")
        canvas.rect(box.x, box.y, box.width, box.height, look, 8)
        y = box.y + box.height - box.head_height - 8 if box.header == "bottom" else box.y + 2
        canvas.text(box.x + layout.MARGIN, y + 16, box.place.name, HEAD, bold=True)
        _notes(canvas, box.place.notes, box.x + layout.MARGIN, y + 30)
    colours = {}
    for edge in machine.edges:
        for key in (edge.low, edge.high):
            if edge.low[0] != edge.high[0]:
                colours.setdefault(key, (edge.colour, edge.drift))
    for line in drawn.lines:
        _line(canvas, line, colours)
    for chip in drawn.chips.values():
        _chip(canvas, chip)


# ---- machines that are the same


@dataclass
class Listing:
    """The card of machines that are like another one: a line each with what they differ in."""

    machine: Machine
    width: float = 0
    height: float = 0
    columns: list = field(default_factory=list)  # (header, width)
    blocks: list = field(default_factory=list)  # rows, block after block from left to right
    sentence: str = ""
    block: float = 0


def _listing(machine: Machine) -> Listing:
    names = [name for name, values in machine.others]
    result = Listing(machine)
    result.sentence = f"{len(names)} machines, the same as {machine.name}" + (" but for" if machine.columns else "")
    headers = ["machine", *machine.columns]
    for number, header in enumerate(headers):
        cells = [name if number == 0 else values[number - 1] for name, values in machine.others]
        wide = max([text.width(header, SMALL, bold=True)] + [text.width(cell, SMALL, mono=number > 0, bold=number == 0) for cell in cells])
        result.columns.append((header, wide))
    result.block = sum(wide for dummy, wide in result.columns) + 14 * len(headers)
    most = max(30, int((len(names) * result.block / 22) ** .5)) if len(names) > 30 else len(names)
    result.blocks = [machine.others[start:start + most] for start in range(0, len(names), most)]
    title = _range(names)
    result.width = max(len(result.blocks) * result.block, text.width(title, TITLE, bold=True), text.width(result.sentence, SMALL)) + 2 * layout.MARGIN
    result.height = 62 + 14 * min(most, len(names)) + layout.MARGIN
    return result


def _range(names: list) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"


def _draw_listing(canvas: Canvas, listing: Listing):
    for shift in (6, 3):
        canvas.rect(shift, -shift, listing.width, listing.height, f'fill="#ffffff" stroke="{RULE}"', 6)
    canvas.rect(0, 0, listing.width, listing.height, f'fill="#ffffff" stroke="{INK}" stroke-width="1.4"', 6)
    canvas.text(layout.MARGIN, 22, _range([name for name, values in listing.machine.others]), TITLE, bold=True)
    canvas.text(layout.MARGIN, 38, listing.sentence, SMALL, fill=GREY)
    for number, rows in enumerate(listing.blocks):
        left = layout.MARGIN + number * listing.block
        x = left
        for column, (header, wide) in enumerate(listing.columns):
            canvas.text(x, 56, header, SMALL, bold=True, fill=GREY)
            for line, (name, values) in enumerate(rows):
                canvas.text(x, 72 + 14 * line, values[column - 1] if column else name, SMALL, mono=column > 0, bold=not column)
            x += wide + 14
        canvas.path([(left, 60), (left + listing.block - 14, 60)], f'stroke="{RULE}" stroke-width="0.8"')


# ---- all machines


def _drops(segment, host: str, drawn) -> list:
    """[(x within the card, y of the NIC from the card's bottom or 0), ...] where a machine enters a segment."""
    if isinstance(drawn, Listing):
        return [(drawn.width / 2, 0.0)]
    keys = [key for name, key in segment.nics if name == host]
    return [(drawn.chips[key].x, drawn.height - drawn.chips[key].y - drawn.chips[key].height) if not key[0] else (drawn.chips[key].x, 0.0)
            for key in keys if key in drawn.chips] or [(drawn.width / 2, 0.0)]


def _strand(tunnel, hosts: set) -> tuple:
    words = " · ".join(tunnel.notes)
    return words, text.width(tunnel.title, SMALL, bold=True) + layout.PILL + 8 + text.width(words, SMALL)


def _segment_rows(canvas: Canvas, picture: Picture, row: list, y: float) -> tuple:
    """Draws what lies under one row of machines, [(x, host names, drawn), ...]; returns its bottom and its right edge."""
    right, cards, boxes = 0.0, y, []
    for segment in picture.segments:
        hosts = {host for host, key in segment.nics} | {host for tunnel in segment.tunnels for host, key in tunnel.ends}
        present = [(x, names, drawn) for x, names, drawn in row if hosts & set(names)]
        if not present:
            continue
        drops = {}
        for x, names, drawn in present:
            drops[names[0]] = [(x + at, up) for at, up in _drops(segment, names[0], drawn)]
        xs = [x for each in drops.values() for x, dummy in each]
        top = y + DROP
        words = "between the machines" if segment.names else "from machine to machine by routes"
        label_width = text.width(words, SMALL) + sum(
            text.width(name, ADDRESS, mono=True) + 14 + sum(text.width(tag.text, SMALL, bold=True) + layout.PILL + 6 for tag in tags)
            for name, tags in segment.names)
        strands = [(tunnel, *_strand(tunnel, hosts)) for tunnel in segment.tunnels]
        left = min(xs) - 40
        wide = max([max(xs) + 40 - left, label_width + 28] + [need + 28 for dummy, dummy2, need in strands])
        high = 24 + STRAND * len(strands)
        for each in drops.values():  # before all boxes: a line passes behind those that it does not lead to
            for x, up in each:
                canvas.path([(x, cards - up), (x, top)], f'stroke="{INK}" stroke-width="1.6"')
        boxes.append((segment, present, drops, strands, words, left, top, wide, high))
        right, y = max(right, left + wide), top + high
    for segment, present, drops, strands, words, left, top, wide, high in boxes:
        canvas.rect(left, top, wide, high, f'fill="{PAPER}" stroke="{INK}" stroke-width="1.4"', 11)
        for each in drops.values():
            for x, dummy in each:
                canvas.dot(x, top, INK, 3)
        at = left + 14
        for name, tags in segment.names:
            canvas.text(at, top + 16, name, ADDRESS, mono=True)
            at += text.width(name, ADDRESS, mono=True) + 6
            for tag in tags:
                long = text.width(tag.text, SMALL, bold=True) + layout.PILL
                _tag(canvas, tag, at, top + 16, long)
                at += long + 6
            at += 8
        canvas.text(at, top + 16, words, SMALL, fill=GREY)
        strand_y = top + 24
        for tunnel, told, dummy in strands:
            tag = Tag(tunnel.title, tunnel.colour)
            pill = text.width(tag.text, SMALL, bold=True) + layout.PILL
            _tag(canvas, tag, left + 14, strand_y + 12, pill)
            canvas.text(left + 22 + pill, strand_y + 12, told, SMALL, fill=GREY)
            members = {host for host, key in tunnel.ends}
            points = [drops[names[0]][0][0] for x, names, drawn in present if members & set(names)]
            colour = colour_of(tunnel.colour)
            if points:
                # a line that goes on in another row of machines runs to the edge
                everyone = {name for dummy2, names, drawn in row for name in names}
                stop = left + wide - 14 if members - everyone else max(points)
                canvas.path([(min(points), strand_y + 22), (stop, strand_y + 22)], f'stroke="{colour}" stroke-width="2.2" stroke-dasharray="5 3"')
            for x in points:
                canvas.dot(x, strand_y + 22, colour, 4)
            strand_y += STRAND
    return y, right


def _legend(canvas: Canvas, picture: Picture, top: float, widest: float) -> float:
    links = [link for machine in picture.machines for link in machine.links.values()]
    tags = [tag for link in links for tag in link.tags]
    drifts = {one.drift for one in tags} | {link.drift for link in links} | {edge.drift for machine in picture.machines for edge in machine.edges}
    drifts |= {note.drift for link in links for note in (*link.notes, *link.addresses)}
    drifts |= {each for machine in picture.machines for place in machine.places.values() for each in (place.drift, *(note.drift for note in place.notes))}
    ports = [tag for tag in tags if not tag.text.startswith("V") and tag.colour >= 0]
    entries = []
    if any(tag.untagged for tag in ports):
        entries.append((lambda x, y: _tag(canvas, Tag("100", -1), x, y, 27), 27, "untagged on this port"))
    if any(not tag.untagged for tag in ports):
        entries.append((lambda x, y: _tag(canvas, Tag("100", -1, False), x, y, 27), 27, "tagged on this port"))
    if picture.tunnels or any(segment.tunnels for segment in picture.segments):
        entries.append((lambda x, y: canvas.path([(x, y - 4), (x + 27, y - 4)], f'stroke="{GREY}" stroke-width="2.2" stroke-dasharray="5 3"'), 27, "tunnel"))
    if any(not link.up and not link.drift for link in links):
        entries.append((lambda x, y: canvas.rect(x, y - 10, 27, 13, f'fill="#ffffff" stroke="{RULE}" stroke-dasharray="2 2"'), 27, "down"))
    for drift, words in ((MISSING, "intended, and missing"), (UNEXPECTED, "there, and not intended"), (CHANGED, "intended → found")):
        if drift in drifts:
            look = f'fill="{"#fff3d6" if drift == UNEXPECTED else "#ffffff"}" stroke="{DRIFT[drift]}" stroke-width="2"'
            look += ' stroke-dasharray="5 3"' if drift == MISSING else ""
            if drift == CHANGED:
                entries.append((lambda x, y: canvas.text(x, y, "a → b", SMALL, fill=DRIFT[CHANGED]), 27, words))
            else:
                entries.append((lambda x, y, look=look: canvas.rect(x, y - 10, 27, 13, look), 27, words))
    x, y = EDGE, top
    for draw, wide, words in entries:
        need = wide + 6 + text.width(words, SMALL) + 22
        if x + need > max(widest, 300) and x > EDGE:
            x, y = EDGE, y + 20
        draw(x, y)
        canvas.text(x + wide + 6, y, words, SMALL, fill=GREY)
        x += need
    return y + 8 if entries else top - 14


def render(picture: Picture) -> str:
    canvas = Canvas()
    inside = {}
    for tunnel in picture.tunnels:
        inside.setdefault(tunnel.ends[0][0], []).append(tunnel)
    drawn = []
    for machine in picture.machines:
        drawn.append(([machine.name], card(machine, inside.get(machine.name, []))))
        if machine.others:
            drawn.append(([name for name, values in machine.others], _listing(machine)))
    rows: list = [[]]
    x = float(EDGE)
    for names, each in drawn:
        if rows[-1] and x + each.width + EDGE > WIDEST:
            rows.append([])
            x = float(EDGE)
        rows[-1].append((x, names, each))
        x += each.width + BETWEEN
    y, right = EDGE + 0.0, 0.0
    if picture.title:
        canvas.text(EDGE, y + 14, picture.title, 18, bold=True)
        y, right = y + 34, text.width(picture.title, 18, bold=True) + EDGE
    for row in rows:
        if not row:
            continue
        y += 8 if any(isinstance(each, Listing) for x, names, each in row) else 0
        tallest = max(each.height for x, names, each in row)
        for x, names, each in row:
            if isinstance(each, Card) and tallest - each.height <= STRETCH:
                layout.stretch(each, tallest - each.height)
            canvas.parts.append(f'<g transform="translate({_number(x)} {_number(y + tallest - each.height)})">')
            (_draw_listing if isinstance(each, Listing) else _card)(canvas, each)
            canvas.parts.append("</g>")
            right = max(right, x + each.width + 6)
        bottom, far = _segment_rows(canvas, picture, row, y + tallest)
        y, right = bottom + BETWEEN, max(right, far)
    y = _legend(canvas, picture, y, right)
    wide, high = _number(right + EDGE), _number(y + EDGE - 8)
    name = f"<title>{escape(picture.title)}</title>" if picture.title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" fill="{INK}" role="img">{name}\n'
        f'<style>.s{{font-family:{text.SANS}}}.m{{font-family:{text.MONO}}}</style>\n<rect width="{wide}" height="{high}" fill="#ffffff"/>\n'
        + "\n".join(canvas.parts) + "\n</svg>\n")
