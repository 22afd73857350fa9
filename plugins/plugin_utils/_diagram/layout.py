# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything of one machine stands.

Namespaces stand in tiers: the machine's own at the bottom, on it those that are joined to it, on these the next. Within one, links stand in layers, NICs
at the bottom; what has several neighbours above or below becomes a bar over them, so that almost every line is a short vertical one.
"""
from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.model import PAIR, PORT, Machine, natural
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.text import width

NAME, SMALL, ADDRESS, HEAD, TITLE = 12, 10, 11, 13, 15  # sizes of fonts
LINE, PAD, GAP, RISE, CHANNEL, TRACK = 15, 8, 14, 22, 24, 7
MARGIN = 12  # inside of namespaces and machines
PILL = 9  # what a tag's frame is wider than its text
_SWEEPS = 8
_ABOVE = frozenset(("veth", "vxcan", "netkit", "tun", "dummy", "ifb"))


@dataclass
class Chip:
    """A link, or a bend of a line that passes its layer (without link)."""

    link: object = None
    rows: list = field(default_factory=list)  # of (what, content, width): see rows_of
    own: float = 0
    slot: float = 0
    height: float = 0
    spans: bool = False  # it spans its neighbours
    layer: int = 0
    x: float = 0  # centre
    y: float = 0  # top
    left: float = 0
    right: float = 0


@dataclass
class Box:
    place: object
    chips: list
    header: str = "top"
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    head_width: float = 0
    head_height: float = 0
    layers: list = field(default_factory=list)
    local: list = field(default_factory=list)  # (chip, chip, edge)
    exits: dict = field(default_factory=dict)  # see _exit


@dataclass
class Line:
    points: list
    edge: object
    tunnel: object = None


@dataclass
class Card:
    machine: Machine
    width: float = 0
    height: float = 0
    head: float = 0
    boxes: list = field(default_factory=list)
    chips: dict = field(default_factory=dict)
    lines: list = field(default_factory=list)


# ---- texts


def rows_of(link) -> list:
    """The lines of a link's chip: [[(style, content, width), ...], ...]."""
    first = [("name", link.name, width(link.name, NAME, bold=True))]
    if link.kind:
        first.append(("kind", link.kind, width(link.kind, SMALL)))
    tags = [("tag", tag, width(tag.text, SMALL, bold=True) + PILL) for tag in link.tags]
    rows = [first + tags] if len(tags) < 3 else [first, tags]
    plain = [note.text for note in link.notes if not note.drift]
    if plain:
        text = " · ".join(plain)
        rows.append([("note", text, width(text, SMALL))])
    rows += [[("note " + note.drift, note.text, width(note.text, SMALL))] for note in link.notes if note.drift]
    rows += [[("address " + one.drift if one.drift else "address", one.text, width(one.text, ADDRESS, mono=True))] for one in link.addresses]
    return rows


def span(row: list) -> float:
    return sum(piece[2] for piece in row) + 5 * (len(row) - 1)


def _chip(link) -> Chip:
    rows = rows_of(link)
    own = max(64, max(span(row) for row in rows) + 2 * PAD)
    return Chip(link, rows, own, own, len(rows) * LINE + PAD)


# ---- tiers


def tiers_of(machine: Machine) -> dict:
    """{namespace: tier}; a machine's own namespace is not in it when it has no links."""
    joined = defaultdict(lambda: defaultdict(int))
    for edge in machine.edges:
        if edge.low[0] != edge.high[0]:
            joined[edge.low[0]][edge.high[0]] += 1
            joined[edge.high[0]][edge.low[0]] += 1
    peopled = {key[0] for key in machine.links}
    tiers: dict = {}
    starts = sorted(machine.places, key=lambda place: (place != "", -sum(joined[place].values()), natural(place)))
    for start in starts:
        if start in tiers or (start == "" and "" not in peopled):
            continue
        alone = not joined[start]
        tiers[start] = 1 if alone and start and "" in peopled else 0
        waiting = [start]
        while waiting:
            place = waiting.pop(0)
            for other in sorted(joined[place], key=natural):
                if other not in tiers:
                    tiers[other] = tiers[place] + 1
                    waiting.append(other)
    return tiers


# ---- one namespace


def upright(machine: Machine, tiers: dict) -> list:
    """The joins within namespaces as (lower key, higher key, edge): ports that lead up to a namespace stand above their bridge."""
    peers, ports = {}, set()
    for edge in machine.edges:
        if edge.what == PAIR:
            peers[edge.low], peers[edge.high] = edge.high, edge.low
        elif edge.what == PORT:
            ports.add(edge.low)
    result = []
    for edge in machine.edges:
        if edge.low[0] != edge.high[0] or edge.low == edge.high:
            continue
        low, high = edge.low, edge.high
        if edge.what == PORT and machine.links[high].kind != "vrf":
            kind, peer = machine.links[low].kind, peers.get(low)
            if (peer and (peer[0] == low[0] or tiers[peer[0]] >= tiers[low[0]])) or (not peer and kind in _ABOVE and kind != "veth"):
                low, high = high, low
        elif edge.what == PAIR and high in ports and low not in ports:
            low, high = high, low
        result.append((low, high, edge))
    return result


def _layers(keys: list, joins: list) -> dict:
    below, above = defaultdict(list), defaultdict(list)
    for low, high, dummy in joins:
        below[high].append(low)
        above[low].append(high)
    layer: dict = {}

    def climb(start):
        waiting, busy = [(start, iter(below[start]))], {start}
        while waiting:
            key, rest = waiting[-1]
            other = next(rest, None)
            if other is None:
                waiting.pop()
                busy.discard(key)
                layer[key] = max((layer[one] + 1 for one in below[key] if one in layer), default=0)
            elif other not in layer and other not in busy:
                busy.add(other)
                waiting.append((other, iter(below[other])))

    for key in keys:
        if key not in layer:
            climb(key)
    for dummy in range(2):  # what nothing holds below goes up to what it belongs to, but for NICs
        for key in keys:
            if not below[key] and above[key]:
                layer[key] = max(layer[key], min(layer[one] for one in above[key]) - 1)
    return layer


def _crossings(layers: list, joins: list) -> int:
    place = {id(chip): (number, index) for number, row in enumerate(layers) for index, chip in enumerate(row)}
    found, by_layer = 0, defaultdict(list)
    for low, high, dummy in joins:
        by_layer[place[id(low)][0]].append((place[id(low)][1], place[id(high)][1]))
    for ends in by_layer.values():
        seen: list = []
        for dummy, end in sorted(ends):
            found += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return found


def _order(layers: list, joins: list):
    above, below = defaultdict(list), defaultdict(list)
    for low, high, dummy in joins:
        above[id(low)].append(high)
        below[id(high)].append(low)
    best, least = [list(row) for row in layers], _crossings(layers, joins)
    for sweep in range(_SWEEPS):
        if not least:
            break
        near, rows = (below, layers) if sweep % 2 == 0 else (above, layers[::-1])
        for row in rows:
            index = {id(chip): number / max(1, len(other) - 1) for other in layers for number, chip in enumerate(other)}
            weight = {id(chip): sum(index[id(one)] for one in near[id(chip)]) / len(near[id(chip)]) if near[id(chip)] else index[id(chip)] for chip in row}
            row.sort(key=lambda chip, weight=weight: weight[id(chip)])
        crossings = _crossings(layers, joins)
        if crossings < least:
            best, least = [list(row) for row in layers], crossings
    layers[:] = best


def spread(wanted: list, widths: list, gap: float) -> list:
    """Centres as near to those wanted as can be without overlap, in this order: regression under an order, on the distances that are too much."""
    offsets, total = [], 0.0
    for number, own in enumerate(widths):
        total += own / 2 + (widths[number - 1] / 2 + gap if number else 0)
        offsets.append(total)
    blocks: list = []
    for one, offset in zip(wanted, offsets):
        blocks.append([one - offset, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value, count = blocks.pop()
            blocks[-1] = [(blocks[-1][0] * blocks[-1][1] + value * count) / (blocks[-1][1] + count), blocks[-1][1] + count]
    flat = [value for value, count in blocks for dummy in range(count)]
    return [value + offset for value, offset in zip(flat, offsets)]


def _slots(layers: list, joins: list):
    """A chip with several neighbours on a side is as wide as these together."""
    above, below = defaultdict(list), defaultdict(list)
    for low, high, dummy in joins:
        above[id(low)].append(high)
        below[id(high)].append(low)
    for rows, near, far in ((layers, below, above), (layers[::-1], above, below), (layers, below, above)):
        for row in rows:
            for chip in row:
                if chip.link is None:
                    continue
                shares = [one.slot / max(1, len(far[id(one)])) for one in near[id(chip)]]
                if len(shares) > 1:
                    chip.spans = True
                    chip.slot = max(chip.slot, sum(shares) + GAP * (len(shares) - 1))


def _coordinates(layers: list, joins: list):
    near = defaultdict(list)
    for low, high, dummy in joins:
        near[id(low)].append(high)
        near[id(high)].append(low)
    for row in layers:
        for chip, x in zip(row, spread([0.0] * len(row), [chip.slot for chip in row], GAP)):
            chip.x = x
    for sweep in range(_SWEEPS):
        for row in (layers if sweep % 2 else layers[::-1]):
            wanted = [sum(one.x for one in near[id(chip)]) / len(near[id(chip)]) if near[id(chip)] else chip.x for chip in row]
            for chip, x in zip(row, spread(wanted, [chip.slot for chip in row], GAP)):
                chip.x = x
    for row in layers:
        for chip in row:
            chip.left, chip.right = chip.x - chip.own / 2, chip.x + chip.own / 2
    for row in (*layers, *layers[::-1]):
        for chip in row:
            if chip.spans:
                others = [(one.left, one.right) if one.link else (one.x - 10, one.x + 10) for one in near[id(chip)]]
                low, high = chip.x - chip.slot / 2, chip.x + chip.slot / 2
                chip.left = max(low, min([chip.left, *(left for left, dummy in others)]))
                chip.right = min(high, max([chip.right, *(right for dummy, right in others)]))


def _fill(box: Box, machine: Machine, chips: dict, joins: list, down: set, up: dict, rank: dict):
    """Puts the links of one namespace in place, from (0, 0). `up`: {key: its lines to other namespaces, each (width that it wants, what it is)}."""
    local = [one for one in joins if one[0][0] == box.place.name]
    touched = {key for one in local for key in one[:2]}

    def before(key) -> tuple:
        """What hangs together comes first, by the segment that it is of, then what leads elsewhere, last what stands alone."""
        tags = [(False, tag.colour, ()) for tag in machine.links[key].tags if tag.colour >= 0]
        place = rank.get(key) or min(tags, default=(True, 1 << 20, ()))
        return key not in touched, key not in touched and key not in rank and key not in down, place, natural(key[1])

    keys = sorted((key for key in machine.links if key[0] == box.place.name), key=before)
    layer = _layers(keys, local)
    top = max(layer.values(), default=0)
    lone = [key for key in keys if key not in touched and key in up and key not in down]
    if lone and top == 0 and any(key in down for key in keys):
        top = 1
    for key in lone:
        layer[key] = top
    layers: list = [[] for dummy in range(top + 1)]
    for key in keys:
        chip = chips[key]
        chip.layer = layer[key]
        if key in up and layer[key] == top:
            chip.slot = max(chip.own, sum(wide for wide, dummy in up[key]) + GAP * (len(up[key]) - 1))
            if len(up[key]) > 1:
                chip.own = max(chip.own, chip.slot - 2 * GAP)
        layers[layer[key]].append(chip)
    bends: list = []

    def bend(low, high, edge, slot=0.0):
        """Joins two chips, with bends in the layers between; one may be None: the line leaves the namespace there."""
        first, last = (low.layer + 1 if low else 0), (high.layer if high else top + 1)
        chain = [low] if low else []
        for number in range(first, last):
            chain.append(Chip(layer=number, slot=slot))
            layers[number].append(chain[-1])
        chain += [high] if high else []
        bends.extend((one, other, edge) for one, other in zip(chain, chain[1:]))

    for low, high, edge in local:
        one, other = chips[low], chips[high]
        if one.layer < other.layer:
            bend(one, other, edge)
        elif one.layer > other.layer:
            bend(other, one, edge)
    for key in keys:
        if key in up and layer[key] < top:
            for wide, what in up[key]:
                bend(chips[key], None, ("up", key, what), wide)
        if key in down and layer[key] > 0:
            bend(None, chips[key], ("down", key, None))
    box.local = bends
    for low, high, edge in bends:
        end = (low if edge[0] == "down" else high) if isinstance(edge, tuple) else None
        if end is not None and end.link is None and end.layer == (0 if edge[0] == "down" else top):
            box.exits[(*edge[:2], id(edge[2]))] = end
    _order(layers, bends)
    _slots(layers, bends)
    _coordinates(layers, bends)
    present = [chip for row in layers for chip in row]
    # Room for what stands above is kept; that of a bar was only there to bring its neighbours to their places.
    room = [(chip.x - chip.slot / 2, chip.x + chip.slot / 2) for chip in present
            if chip.link is None or (chip.link.key in up and chip.layer == top)]
    left = min([low for low, dummy in room] + [chip.left for chip in present], default=0)
    right = max([high for dummy, high in room] + [chip.right for chip in present], default=0)
    heights = [max((chip.height for chip in row), default=0) for row in layers]
    total = sum(heights) + RISE * (len(layers) - 1)
    y = total
    for row, height in zip(layers, heights):
        for chip in row:
            chip.x, chip.left, chip.right = chip.x - left, chip.left - left, chip.right - left
            chip.height = chip.height if chip.link else height
            chip.y = y - chip.height
        y -= height + RISE
    box.layers = layers
    box.chips = [chips[key] for key in keys]
    content = right - left
    if not keys:
        total = 0
    if not box.place.name:
        box.width, box.height = content, total
        return
    lines = [width(box.place.name, HEAD, bold=True)] + [width(note.text, SMALL) for note in box.place.notes]
    box.head_width, box.head_height = max(lines), 18 + 13 * len(box.place.notes)
    box.header = "left" if up and down and keys else "bottom" if up else "top"
    shift_x, shift_y = MARGIN, MARGIN
    if box.header == "left":
        box.width = content + box.head_width + 2 * MARGIN + GAP
        box.height = max(total, box.head_height) + 2 * MARGIN
        shift_x += box.head_width + GAP
        shift_y += max(0, (box.height - 2 * MARGIN - total) / 2)
    else:
        box.width = max(content, box.head_width) + 2 * MARGIN
        box.height = total + box.head_height + 2 * MARGIN - (0 if keys else MARGIN)
        shift_x += (box.width - 2 * MARGIN - content) / 2
        shift_y += box.head_height - 4 if box.header == "top" else 0
    for chip in present:
        _move(chip, shift_x, shift_y)


def _move(chip: Chip, x: float, y: float):
    chip.x, chip.left, chip.right, chip.y = chip.x + x, chip.left + x, chip.right + x, chip.y + y


# ---- one machine


def card(machine: Machine, tunnels: list) -> Card:
    """:param tunnels: those with both ends in this machine"""
    result = Card(machine)
    tiers = tiers_of(machine)
    chips = {key: _chip(link) for key, link in machine.links.items()}
    joins = upright(machine, tiers)
    across = [edge for edge in machine.edges if edge.low[0] != edge.high[0]]
    down, upward, level = set(), defaultdict(list), []
    for edge in across:
        low, high = (edge.low, edge.high) if tiers[edge.low[0]] <= tiers[edge.high[0]] else (edge.high, edge.low)
        if tiers[low[0]] == tiers[high[0]]:
            level.append((low, high, edge, None))
        else:
            down.add(high)
            upward[low].append((high, edge))
    for tunnel in tunnels:
        keys = [key for host, key in tunnel.ends]
        level += [(one, other, None, tunnel) for one, other in zip(keys, keys[1:])]
    boxes = {place: Box(machine.places[place], []) for place in tiers}
    by_tier = defaultdict(list)
    for place, tier in tiers.items():
        by_tier[tier].append(place)
    arrivals = defaultdict(int)
    for highs in upward.values():
        for high, dummy in highs:
            arrivals[high[0]] += 1
    tag = {key: min(((edge.colour is None, edge.colour or 0),)) for edge in across for key in (edge.low, edge.high)}
    place_rank = {place: min([tag[key] for key in machine.links if key[0] == place and key in tag], default=(True, 1 << 20)) + (natural(place),)
                  for place in tiers}
    for tier in sorted(by_tier, reverse=True):
        for place in by_tier[tier]:
            # one namespace alone above has all the room it wants
            crowded = len(by_tier.get(tier + 1, ())) > 1
            up = {key: [(boxes[high[0]].width / arrivals[high[0]] if crowded else 0, edge)
                        for high, edge in sorted(highs, key=lambda one: (place_rank[one[0][0]], natural(one[0][1])))]
                  for key, highs in upward.items() if key[0] == place}
            for low, high, edge, tunnel in level:
                for key in (low, high):
                    if key[0] == place:
                        up.setdefault(key, []).append((0, tunnel or edge))
            rank = {key: min(place_rank[high[0]] for high, dummy in upward[key]) for key in up if key in upward and upward[key]}
            _fill(boxes[place], machine, chips, joins, {key for key in down if key[0] == place}, up, rank)
    _stack(result, boxes, by_tier, tiers, chips, upward, level, place_rank)
    return result


def _stack(result: Card, boxes: dict, by_tier: dict, tiers: dict, chips: dict, upward: dict, level: list, place_rank: dict):
    """Puts the namespaces into rows, each over what it hangs on, and draws the lines between them."""
    hangs = defaultdict(list)
    for low, highs in upward.items():
        for high, edge in highs:
            hangs[high[0]].append((low, high, edge))
    for tier in sorted(by_tier):
        places = by_tier[tier]
        wanted = {}
        for place in places:
            wishes = [boxes[low[0]].x + _exit(boxes[low[0]], chips[low], ("up", low, edge)).x
                      - _exit(boxes[place], chips[high], ("down", high, None)).x + boxes[place].width / 2
                      for low, high, edge in hangs[place] if tiers[low[0]] < tier]
            wanted[place] = sum(wishes) / len(wishes) if wishes else float(1 << 20 if tier else 0)
        places.sort(key=lambda place: (wanted[place], place_rank[place]))
        far = max((one for one in wanted.values() if one < 1 << 20), default=0.0)
        centres = spread([min(wanted[place], far) for place in places], [boxes[place].width for place in places], GAP)
        for place, x in zip(places, centres):
            boxes[place].x = x - boxes[place].width / 2
    left = min((box.x for box in boxes.values()), default=0)
    y, lines = 0.0, []
    rows = sorted(by_tier)
    # from the bottom up, y grows downwards: the card is turned round at the end
    for tier in rows:
        height = max(boxes[place].height for place in by_tier[tier])
        for place in by_tier[tier]:
            boxes[place].x += MARGIN - left
            boxes[place].y = -(y + boxes[place].height)
        going = [(low, high, edge, None) for low, highs in upward.items() for high, edge in highs if tiers[low[0]] == tier]
        sideways = [one for one in level if tiers[one[0][0]] == tier]
        bottom = y + height
        tracks: list = []
        routes = []
        for low, high, edge, tunnel in going + sideways:
            same = tiers[low[0]] == tiers[high[0]]
            routes.append((low, high, edge, tunnel, same))
        lines.append((tier, bottom, routes, tracks))
        y = bottom + CHANNEL + TRACK * min(12, sum(1 for one in routes if one[4]) + len(routes) // 3)
        if not routes and tier != rows[-1]:
            y = bottom + CHANNEL
        if tier == rows[-1] and not sideways:
            y = bottom
    result.head = 26 + 13 * len(result.machine.places[""].notes if "" in result.machine.places else ())
    result.height = y + result.head + 2 * MARGIN
    heads = [width(result.machine.name, TITLE, bold=True)]
    heads += [width(note.text, SMALL) for note in (result.machine.places[""].notes if "" in result.machine.places else ())]
    extent = max((box.x + box.width for box in boxes.values()), default=MARGIN)
    result.width = max(extent + MARGIN, max(heads) + 2 * MARGIN)
    shift = (result.width - extent - MARGIN) / 2
    floor = result.height - MARGIN
    for box in boxes.values():
        box.x, box.y = box.x + shift, box.y + floor
        for row in box.layers:
            for chip in row:
                _move(chip, box.x, box.y)
    for box in boxes.values():
        result.lines += _local_lines(box)
    for dummy, bottom, routes, dummies in lines:
        _route(result, floor - bottom, routes, boxes, chips)
    result.boxes = [box for place, box in boxes.items() if place]
    result.chips = chips


def _exit(box: Box, chip: Chip, what: tuple) -> Chip:
    """Where a line from a chip to another namespace leaves its own: the last bend, or the chip itself."""
    return box.exits.get((*what[:2], id(what[2])), chip)


def _joint(low: Chip, high: Chip) -> tuple:
    """Where a line leaves the lower chip and where it enters the upper one."""
    def reach(chip):
        inset = min(8, (chip.right - chip.left) / 2)
        return (chip.x, chip.x) if chip.link is None else (chip.left + inset, chip.right - inset)

    first, second = reach(low), reach(high)
    narrow, wide = (low, second) if first[1] - first[0] <= second[1] - second[0] else (high, first)
    if wide[0] <= narrow.x <= wide[1]:
        return narrow.x, narrow.x
    start, end = max(first[0], second[0]), min(first[1], second[1])
    if start <= end:
        return (start + end) / 2, (start + end) / 2
    return min(max(high.x, first[0]), first[1]), min(max(low.x, second[0]), second[1])


def _local_lines(box: Box) -> list:
    result, bent = [], defaultdict(int)
    for low, high, edge in box.local:
        if isinstance(edge, tuple):
            continue
        start, end = _joint(low, high)
        top, bottom = low.y if low.link else low.y, high.y + high.height
        # the lower chip's top may be below its layer's: bends stay in the space between the layers
        free = bottom + RISE
        points = [(start, top), (end, bottom)]
        if abs(start - end) > .5:
            bent[high.layer] += 1
            middle = bottom + 5 + (bent[high.layer] * 4) % (RISE - 8)
            points = [(start, top), (start, min(middle, free)), (end, min(middle, free)), (end, bottom)]
        if low.link is None:
            points.insert(0, (start, low.y + low.height))
        result.append(Line(points, edge))
    for low, high, edge in box.local:
        if isinstance(edge, tuple):
            start, end = _joint(low, high)
            bottom = high.y + high.height
            points = [(start, low.y), (end, bottom)] if abs(start - end) <= .5 else [(start, low.y), (start, bottom + 10), (end, bottom + 10), (end, bottom)]
            if high.link is None:
                points.append((end, high.y))
            result.append(Line(points, edge))
    return result


def _route(result: Card, ceiling: float, routes: list, boxes: dict, chips: dict):
    """Lines through the space above a tier; those that cannot be straight have a track of their own."""
    taken: list = []

    def track(start, stop):
        start, stop = min(start, stop) - 6, max(start, stop) + 6
        for number, others in enumerate(taken):
            if all(stop < one or other < start for one, other in others):
                others.append((start, stop))
                return number
        taken.append([(start, stop)])
        return len(taken) - 1

    pending = []
    for low, high, edge, tunnel, same in routes:
        one = _exit(boxes[low[0]], chips[low], ("up", low, tunnel or edge))
        other = _exit(boxes[high[0]], chips[high], ("up", high, tunnel or edge) if same else ("down", high, None))
        if same:
            pending.append((abs(one.x - other.x), one, other, edge, tunnel, same, one.x, other.x))
        else:
            start, stop = _joint(one, other)
            pending.append((abs(start - stop), one, other, edge, tunnel, same, start, stop))
    for dummy, one, other, edge, tunnel, same, start, stop in sorted(pending, key=lambda item: item[0]):
        foot = one.y
        if same:
            y = ceiling - 8 - TRACK * track(start, stop)
            points = [(start, foot), (start, y), (stop, y), (stop, other.y)]
        elif abs(start - stop) < .5:
            points = [(start, foot), (stop, other.y + other.height)]
        else:
            y = ceiling - 8 - TRACK * track(start, stop)
            points = [(start, foot), (start, y), (stop, y), (stop, other.y + other.height)]
        result.lines.append(Line(points, edge, tunnel))


def stretch(drawn: Card, more: float):
    """Makes a machine's card higher; what is in it stays at the bottom."""
    if not more:
        return
    drawn.height += more
    for box in drawn.boxes:
        box.y += more
    for chip in drawn.chips.values():
        chip.y += more
    for line in drawn.lines:
        line.points = [(x, y + more) for x, y in line.points]
