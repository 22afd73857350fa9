# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture of live networks shows: machines, their namespaces, links and what joins them. The renderers know nothing of documents."""
from __future__ import annotations

import functools
import ipaddress
import re
from dataclasses import dataclass, field

MISSING, UNEXPECTED, CHANGED = "missing", "unexpected", "changed"
# Where an edge leads from is drawn below where it leads to, but for pairs, which have no order of their own.
PAIR, PORT, PARENT, UNDERLAY, REDIRECT = "pair", "port", "parent", "underlay", "redirect"


@dataclass(frozen=True)
class Text:
    """A line of text and how it departs from what was intended."""

    text: str
    drift: str = ""


@dataclass(frozen=True)
class Tag:
    """A VLAN or VNI that a link carries; colour is a number that all tags of one segment share."""

    text: str
    colour: int
    untagged: bool = True
    drift: str = ""


@dataclass
class Link:
    place: str
    name: str
    kind: str = ""
    up: bool = True
    addresses: list = field(default_factory=list)
    tags: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    drift: str = ""

    @property
    def key(self) -> tuple:
        return self.place, self.name


@dataclass
class Place:
    """A network namespace; '' is the machine's own."""

    name: str
    notes: list = field(default_factory=list)
    drift: str = ""


@dataclass(frozen=True)
class Edge:
    what: str
    low: tuple
    high: tuple
    colour: int | None = None
    drift: str = ""


@dataclass
class Machine:
    name: str
    places: dict
    links: dict
    edges: list
    notes: list = field(default_factory=list)
    #: machines that are the same but for the texts of `columns`: [(name, [text, ...]), ...]
    others: list = field(default_factory=list)
    columns: list = field(default_factory=list)


@dataclass
class Tunnel:
    """Ends of one tunnel network, (machine, link key), and what is to be said of it."""

    title: str
    colour: int
    ends: list
    notes: list


@dataclass
class Segment:
    """Machines that share a subnet below their own links: the NICs, (machine, link key), that lead there, and the tunnels that it carries."""

    names: list
    nics: list
    tunnels: list = field(default_factory=list)


@dataclass
class Picture:
    title: str
    machines: list
    segments: list
    tunnels: list  # those within one machine


def natural(text) -> tuple:
    """Sorts eth2 before eth10."""
    return tuple((0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part) for part in re.split("([0-9]+)", str(text)))


def network(address: str) -> str:
    """The subnet of an address; '' of one that is alone in its subnet, or is no address."""
    try:
        found = ipaddress.ip_interface(str(address)).network
    except ValueError:
        return ""
    return "" if found.prefixlen == found.max_prefixlen or found.is_link_local or found.is_loopback else str(found)


@functools.lru_cache(maxsize=1 << 16)
def bare(address) -> str:
    """An address without its prefix length, spelt in one way."""
    text = str(address).partition("/")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


class Colours:
    """Numbers for segments: VLANs and VNIs that are bridged to each other have the same."""

    def __init__(self):
        self._parent: dict = {}
        self._number: dict = {}

    def _find(self, name):
        self._parent.setdefault(name, name)
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def join(self, one, other):
        first, second = sorted((self._find(one), self._find(other)))
        self._parent[second] = first

    def add(self, name):
        self._find(name)

    def settle(self):
        roots = sorted({self._find(name) for name in self._parent})
        self._number = {root: number for number, root in enumerate(roots)}

    def of(self, name) -> int:
        return self._number[self._find(name)]
