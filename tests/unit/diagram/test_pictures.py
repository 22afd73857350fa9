# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of recorded states: what is in them, what is not, and that nothing lies on anything else. states.json is what vnet_info said of live machines."""
from __future__ import annotations

import copy
import json
import re
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.linuxnet.vnet.plugins.filter.diagram import diagram
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram import layout, model, svg, text
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.picture import picture

HERE = Path(__file__).parent
STATES = json.loads((HERE / "states.json").read_text())
SITE = json.loads((HERE / "site.json").read_text())
SVG = "{http://www.w3.org/2000/svg}"


def texts(drawing: str) -> list:
    """[(left, top, right, bottom, text), ...] of all texts in an SVG."""
    found = []

    def walk(node, x, y):
        moved = re.fullmatch(r"translate\(([-\d.]+) ([-\d.]+)\)", node.get("transform", ""))
        x, y = (x + float(moved[1]), y + float(moved[2])) if moved else (x, y)
        if node.tag == SVG + "text":
            size = float(node.get("font-size"))
            wide = text.width(node.text, size, node.get("class") == "m", node.get("font-weight") == "bold")
            left = x + float(node.get("x")) - (wide / 2 if node.get("text-anchor") == "middle" else 0)
            base = y + float(node.get("y"))
            found.append((left, base - size * .7, left + wide, base + size * .15, node.text))
        for child in node:
            walk(child, x, y)

    walk(ElementTree.fromstring(drawing), 0, 0)
    return found


def overlapping(boxes: list) -> list:
    boxes, found = sorted(boxes), []
    for number, one in enumerate(boxes):
        for other in boxes[number + 1:]:
            if other[0] >= one[2] - .5:
                break
            if one[1] < other[3] - .5 and other[1] < one[3] - .5:
                found.append((one[-1], other[-1]))
    return found


def outside(drawing: str) -> list:
    root = ElementTree.fromstring(drawing)
    wide, high = float(root.get("width")), float(root.get("height"))
    return [one for one in texts(drawing) if one[0] < 0 or one[1] < 0 or one[2] > wide or one[3] > high]


def site_of(count: int) -> dict:
    hosts = {}
    for number in range(1, count + 1):
        state = json.dumps(STATES["vxlan-mesh-3"]["node1"])
        state = state.replace('"10.0.0.1', f'"10.0.{number >> 8}.{number & 255}').replace('"192.0.2.1/', f'"172.16.{number >> 8}.{number & 255}/')
        hosts[f"node{number}"] = json.loads(state.replace("10.0.0.0/24", "10.0.0.0/8"))
        others = [f"10.0.{other >> 8}.{other & 255}" for other in range(1, count + 1) if other != number]
        hosts[f"node{number}"]["state"]["fdb"] = [
            {"dev": "vx-blue", "mac": "00:00:00:00:00:00", "entry_state": "permanent", "dst": other} for other in others]
        for address in hosts[f"node{number}"]["state"]["addresses"]:
            address["address"] = address["address"].replace("/24", "/12")
    return hosts


@pytest.mark.parametrize("name", STATES)
def test_no_text_lies_on_another(name):
    drawing = diagram(STATES[name], title=name)
    assert overlapping(texts(drawing)) == []
    assert outside(drawing) == []


def test_overlaps_are_seen():
    assert overlapping([(0, 0, 10, 10, "a"), (5, 5, 20, 20, "b"), (30, 0, 40, 10, "c")]) == [("a", "b")]


@pytest.mark.parametrize("name", STATES)
def test_no_link_lies_on_another_or_leaves_its_namespace(name):
    drawn = picture(STATES[name])
    for machine in drawn.machines:
        card = layout.card(machine, [tunnel for tunnel in drawn.tunnels if tunnel.ends[0][0] == machine.name])
        chips = list(card.chips.values())
        assert overlapping([(chip.left, chip.y, chip.right, chip.y + chip.height, chip.link.name) for chip in chips]) == []
        assert overlapping([(box.x, box.y, box.x + box.width, box.y + box.height, box.place.name) for box in card.boxes]) == []
        boxes = {box.place.name: box for box in card.boxes}
        for chip in chips:
            box = boxes.get(chip.link.place)
            left, top, right, bottom = (box.x, box.y, box.x + box.width, box.y + box.height) if box else (0, card.head, card.width, card.height)
            assert left <= chip.left and chip.right <= right and top <= chip.y and chip.y + chip.height <= bottom, chip.link.key


@pytest.mark.parametrize("name", [name for name in STATES if name != "site"])
def test_lines_of_the_small_topologies_are_straight(name):
    drawn = picture(STATES[name])
    for machine in drawn.machines:
        for line in layout.card(machine, []).lines:
            assert len({round(x, 1) for x, y in line.points}) == 1, line


def test_the_site_shows_its_segments_in_one_colour_each():
    drawn = picture(STATES["site"])
    node = drawn.machines[0]
    blue = {tag.colour for key in (("", "vx-blue"), ("", "ns-blue1"), ("", "br0.100")) for tag in node.links[key].tags}
    red = {tag.colour for key in (("", "vx-red"), ("", "ns-red1")) for tag in node.links[key].tags}
    assert len(blue) == 1 and len(red) == 1 and blue != red
    segment, = drawn.segments
    assert segment.names == [("10.0.0.0/24", ())]
    assert [tunnel.title for tunnel in segment.tunnels] == ["VNI 10100", "VNI 10200"]
    assert {tunnel.colour for tunnel in segment.tunnels} == blue | red
    assert all("full mesh of 3" in tunnel.notes for tunnel in segment.tunnels)
    assert [note.text for note in node.places[""].notes] == ["masquerade 192.0.2.0/24 out ns-outside"]


def test_cables_begin_at_the_machines_whatever_segment_they_lead_to():
    states = copy.deepcopy(STATES["vxlan-mesh-3"])
    for number, told in enumerate(states.values(), start=1):
        told["state"]["links"].append({"name": "eth9", "up": True})
        told["state"]["addresses"].append({"dev": "eth9", "address": f"10.9.0.{number}/24"})
    cables = [[float(one) for one in re.findall(r"[\d.]+", path)] for path in re.findall(r'<path d="([^"]*)"[^>]*stroke-width="1.6"', diagram(states))]
    assert len(cables) == 6 and len({end for *unused, end in cables}) == 2, cables
    assert max(start for unused, start, *unused2 in cables) < min(end for *unused, end in cables)


def test_a_mesh_names_the_entry_that_it_lacks():
    states = copy.deepcopy(STATES["vxlan-mesh-3"])
    states["node1"]["state"]["fdb"] = [entry for entry in states["node1"]["state"]["fdb"] if entry.get("dst") != "10.0.0.3"]
    assert "no entry node1 → node3" in diagram(states)
    assert "no entry" not in diagram(STATES["vxlan-mesh-3"])


def test_a_tunnel_within_a_machine_joins_its_namespaces():
    tunnel, = picture(STATES["vxlan-through-router"]).tunnels
    assert tunnel.ends == [("node1", ("ns1", "vx0")), ("node1", ("ns2", "vx0"))]


def test_two_vlans_in_one_subnet_are_both_named():
    state = {"links": [{"name": "eth1", "up": True}]}
    state["links"] += [{"name": f"eth1.{number}", "kind": "vlan", "link": "eth1", "vlan": {"id": number}} for number in (3, 2)]
    machines = {f"node{host}": {"state": {**state, "addresses": [{"dev": f"eth1.{number}", "address": f"192.0.{number}.{host}/16"} for number in (2, 3)]}}
                for host in (1, 2)}
    segment, = picture(machines).segments
    assert [(name, [tag.text for tag in tags]) for name, tags in segment.names] == [("192.0.0.0/16", ["VLAN 2", "VLAN 3"])]


@pytest.mark.parametrize("name, link", [("macvlan-ns", "macvlan1"), ("ipvlan-ns", "ipvl0")])
def test_the_parent_in_another_namespace_is_found(name, link):
    edges = picture(STATES[name]).machines[0].edges
    assert [(edge.what, edge.low, edge.high[1]) for edge in edges][0] == ("parent", ("", "eth1"), link)


def test_unused_nics_are_left_out_unless_asked_for():
    assert ">eth2<" not in diagram(STATES["vxlan-p2p"])
    assert ">eth2<" in diagram(STATES["vxlan-p2p"], leave_out=[])
    assert ">vx0<" not in diagram(STATES["vxlan-p2p"], leave_out=["vx*"])


def test_detail():
    state = STATES["site"]
    assert "active-backup" not in diagram(state, detail="brief") and "active-backup" in diagram(state)
    mac = state["node1"]["state"]["links"][0]["address"]
    assert mac not in diagram(state) and mac in diagram(state, detail="full")


# ---- departures from what was intended


def test_no_departure_is_drawn_where_there_is_none():
    with_intention, without = diagram(STATES["site"], intended=SITE), diagram(STATES["site"])
    assert with_intention == without


def _drift(change) -> model.Machine:
    states = copy.deepcopy(STATES["site"])
    change(states["node1"]["state"])
    return picture(states, SITE).machines[0]


def _named(state: dict, name: str) -> dict:
    return next(link for link in state["links"] if link["name"] == name and "netns" not in link)


def test_a_missing_link_and_its_join():
    def change(state):
        state["links"] = [link for link in state["links"] if link["name"] != "vx-red"]
        state["bridge_vlans"] = [item for item in state["bridge_vlans"] if item["dev"] != "vx-red"]
        state["fdb"] = [item for item in state["fdb"] if item["dev"] != "vx-red"]

    machine = _drift(change)
    assert machine.links["", "vx-red"].drift == model.MISSING
    assert [edge.drift for edge in machine.edges if edge.what == model.PORT and edge.low == ("", "vx-red")] == [model.MISSING]


def test_an_unexpected_link():
    machine = _drift(lambda state: state["links"].append({"name": "docker0", "kind": "bridge", "up": True}))
    assert machine.links["", "docker0"].drift == model.UNEXPECTED
    assert {link.drift for link in machine.links.values() if link.name != "docker0"} == {""}


def test_a_nic_that_nobody_mentioned_is_not_unexpected():
    machine = _drift(lambda state: (state["links"].append({"name": "eth9", "up": True}), state["addresses"].append({"dev": "eth9", "address": "10.9.0.1/24"})))
    assert machine.links["", "eth9"].drift == ""


def test_changed_values_are_shown_with_the_old_ones():
    def change(state):
        _named(state, "uplink0")["bond"]["mode"] = "802.3ad"
        _named(state, "ns-red1")["up"] = False
        state["addresses"][0]["address"] = "10.0.0.7/24"
        state["nat"] = []

    machine = _drift(change)
    assert model.Text("active-backup → 802.3ad", model.CHANGED) in machine.links["", "uplink0"].notes
    assert model.Text("up → down", model.CHANGED) in machine.links["", "ns-red1"].notes
    assert machine.links["", "uplink0"].addresses == [model.Text("10.0.0.1/24", model.MISSING), model.Text("10.0.0.7/24", model.UNEXPECTED)]
    assert machine.places[""].notes == [model.Text("masquerade 192.0.2.0/24 out ns-outside", model.MISSING)]


def test_a_wrong_vlan_and_a_port_that_fell_off():
    def change(state):
        next(item for item in state["bridge_vlans"] if item["dev"] == "ns-blue1")["vlans"][0]["vid"] = 200
        _named(state, "eth2").pop("master")

    machine = _drift(change)
    assert {(tag.text, tag.drift) for tag in machine.links["", "ns-blue1"].tags} == {("100", model.MISSING), ("200", model.UNEXPECTED)}
    assert [edge.drift for edge in machine.edges if edge.low == ("", "eth2")] == [model.MISSING]


def test_a_machine_that_was_not_found_is_drawn_as_missing():
    drawn = picture({name: state for name, state in STATES["site"].items() if name != "node3"}, SITE)
    assert {link.drift for link in drawn.machines[2].links.values() if link.kind} == {model.MISSING}
    drawing = svg.render(drawn)
    assert overlapping(texts(drawing)) == [] and "intended, and missing" in drawing


# ---- many machines


def test_machines_that_are_the_same_become_a_table():
    states = site_of(30)
    states["node7"]["state"]["links"].append({"name": "odd0", "kind": "dummy", "up": True})
    drawn = picture(states)
    assert [machine.name for machine in drawn.machines] == ["node1", "node2", "node3", "node7"]
    assert [name for name, values in drawn.machines[2].others] == [f"node{number}" for number in range(4, 31) if number != 7]
    drawing = svg.render(drawn)
    assert "26 machines, the same as node3 but for" in drawing and "full mesh of 30" in drawing
    assert overlapping(texts(drawing)) == [] and outside(drawing) == []


def test_a_thousand_machines():
    """With a million entries in the forwarding databases."""
    states = site_of(1000)
    for kind in ("svg", "mermaid", "dot"):
        start = time.process_time()
        drawing = diagram(states, kind)
        assert time.process_time() - start < 8, kind  # it takes less than two seconds
        assert "full mesh of 1000" in drawing
        assert all(f"{net}.{number >> 8}.{number & 255}/12" in drawing for net in ("172.16", "10.0") for number in range(1, 1001))


def test_namespaces_that_are_the_same_become_a_list():
    state = {"links": [{"name": "br0", "kind": "bridge"}], "addresses": [], "netns": [{"name": f"ns{number}"} for number in range(1, 201)]}
    for number in range(1, 201):
        state["links"] += [{"name": f"veth{number}", "kind": "veth", "master": "br0", "peer": {"name": "eth0", "netns": f"ns{number}"}},
                           {"name": "eth0", "netns": f"ns{number}", "kind": "veth", "peer": {"name": f"veth{number}", "netns": ""}}]
        state["addresses"].append({"dev": "eth0", "netns": f"ns{number}", "address": f"192.0.2.{number}/24"})
    drawing = diagram({"node1": {"state": state}})
    found = " ".join(one[-1] for one in texts(drawing)).split()
    assert set(found) >= {f"{what}{number}" for what in ("ns", "veth") for number in range(1, 201)} | {f"192.0.2.{number}/24" for number in range(1, 201)}
    assert "197 like ns3" in drawing and overlapping(texts(drawing)) == []
    assert float(ElementTree.fromstring(drawing).get("width")) < 2500


# ---- bad input


@pytest.mark.parametrize("arguments, sentence", [
    (({"a": {}}, "png"), "format is 'png'; it can be svg, mermaid, dot"),
    (({},), "there is no machine to draw"),
    (({"a": None},), "the input must be a dictionary of machines"),
    ((["a"],), "the input must be a dictionary of machines"),
    (({"a": {"links": [{"name": "br0"}]}},), "what vnet_info found on a has no state"),
])
def test_refused(arguments, sentence):
    with pytest.raises(AnsibleFilterError, match=re.escape(sentence)):
        diagram(*arguments)


def test_a_machine_without_anything_is_drawn():
    for kind in ("svg", "mermaid", "dot"):
        assert "bare" in diagram({"bare": {"state": {}}}, kind)
