# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the state: all of it is in the picture, twice the same, well-formed, and legible."""
from __future__ import annotations

import html
import re
from xml.etree import ElementTree

from ansible_collections.linuxnet.vnet.plugins.filter.diagram import diagram
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.diagram.test_pictures import overlapping, texts

NAMES = st.text(alphabet="abz09.-_<>&\"'#\\|[]{}é`;", min_size=1, max_size=12)
KINDS = st.sampled_from([None, None, "bridge", "bond", "veth", "vxlan", "vlan", "macvlan", "vrf", "dummy", "team", "tun", "gre", "macsec"])
ADDRESSES = st.builds("{}.{}.0.{}/{}".format, st.integers(1, 3), st.integers(0, 3), st.integers(1, 9), st.sampled_from([8, 16, 24, 32]))


@st.composite
def documents(draw):
    """Links that hang on each other at random, in circles too: nothing a kernel would do, and still drawn."""
    places = [None, *draw(st.lists(NAMES, max_size=4, unique=True))]
    keys = draw(st.lists(st.tuples(st.sampled_from(places), NAMES), max_size=10, unique=True))
    state: dict = {"netns": [{"name": place} for place in places if place], "links": [], "addresses": [], "bridge_vlans": [], "routes": []}
    names = [name for place, name in keys] or ["none"]
    for place, name in keys:
        kind = draw(KINDS)
        item: dict = {"name": name, "up": draw(st.booleans()), "mtu": draw(st.sampled_from([1500, 9000]))}
        item.update({"kind": kind} if kind else {}, **({"netns": place} if place else {}))
        if kind in ("vxlan", "vlan"):
            item[kind] = {"id": draw(st.integers(1, 5)), **({"remote": draw(ADDRESSES).partition("/")[0]} if kind == "vxlan" else {})}
        if draw(st.booleans()):
            item["master"] = draw(st.sampled_from(names))
        if kind in ("vlan", "macvlan", "macsec"):
            item["link"] = draw(st.sampled_from(names))
        if kind == "veth":
            other = draw(st.sampled_from(keys))
            item["peer"] = {"name": other[1], "netns": other[0] or ""}
        state["links"].append(item)
        where = {"dev": name, **({"netns": place} if place else {})}
        state["addresses"] += [{**where, "address": address} for address in draw(st.lists(ADDRESSES, max_size=2, unique=True))]
        if draw(st.booleans()):
            vids = draw(st.lists(st.integers(1, 9), min_size=1, max_size=6, unique=True))
            state["bridge_vlans"].append({**where, "vlans": [{"vid": vid, "pvid": vid == vids[0], "untagged": vid == vids[0]} for vid in vids]})
    return state


STATES = st.dictionaries(NAMES, documents().map(lambda state: {"state": state}), min_size=1, max_size=6)
CALM = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))


def told(drawing: str, kind: str) -> str:
    """What a reader sees, without the markup."""
    if kind == "svg":
        return "\n".join(node.text or "" for node in ElementTree.fromstring(drawing).iter())
    if kind == "mermaid":
        entities = {"quot": '"', "lt": "<", "gt": ">", "amp": "&"}
        return re.sub("#([0-9a-z]+);", lambda match: entities.get(match[1]) or chr(int(match[1])), drawing)
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], drawing)


def everything(states: dict) -> set:
    found = set(states)
    for result in states.values():
        for section, option in (("netns", "name"), ("links", "name"), ("addresses", "address")):
            found |= {item[option] for item in result["state"][section]}
    return found


@CALM
@given(STATES, st.sampled_from(["svg", "mermaid", "dot"]))
def test_all_of_it_is_there(states, kind):
    seen = told(diagram(states, kind, leave_out=[]), kind)
    assert [one for one in everything(states) if one not in seen] == []


@CALM
@given(STATES, STATES)
def test_with_another_state_as_the_intention(states, intended):
    intended = {name: result["state"] for name, result in intended.items()}
    seen = told(diagram(states, "svg", intended, leave_out=[]), "svg")
    assert [one for one in everything(states) | everything({name: {"state": one} for name, one in intended.items()}) if one not in seen] == []


@CALM
@given(STATES)
def test_no_text_lies_on_another(states):
    assert overlapping(texts(diagram(states, title="a title"))) == []


@CALM
@given(STATES, st.sampled_from(["svg", "mermaid", "dot"]), st.randoms(use_true_random=False))
def test_the_same_input_gives_the_same_bytes(states, kind, random):
    def shuffled(state):
        return {section: random.sample(items, len(items)) for section, items in state.items()}

    # Peers that contradict each other are the only thing in which the order of links counts.
    mixed = {name: {"state": {**shuffled(result["state"]), "links": result["state"]["links"]}} for name, result in sorted(states.items(), reverse=True)}
    assert diagram(states, kind) == diagram(states, kind) == diagram(mixed, kind)


@CALM
@given(NAMES)
def test_names_cannot_end_the_string_that_they_are_in(name):
    for kind, end in (("mermaid", r'^  subgraph n0\["[^"]*"\]$'), ("dot", r'^    labelloc=b; label="(?:[^"\\]|\\.)*";$')):
        assert re.search(end, diagram({name: {"state": {}}}, kind), re.MULTILINE)
    assert html.escape(name, quote=True).replace("&#x27;", "'") in diagram({name: {"state": {}}}, "svg")
