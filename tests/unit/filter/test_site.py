# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's computations: documents, mesh, contradictions, expectations. No machine and no root is needed."""
from __future__ import annotations

import copy
import time
from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.linuxnet.vnet.plugins.filter import site
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import info
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site import documents, names, variables

FILTERS = site.FilterModule().filters()
FABRIC = """
aggregation_links:
  - {name: uplink0, kind: bond, mode: active-backup, miimon: 100, ports: [eth1, eth2], addresses: [UNDERLAY]}
bridge_bridges:
  - {name: br0, vlan_filtering: true}
vxlan_segments:
  - {name: blue, vni: 10100, vid: 100, bridge: br0}
  - {name: red, vni: 10200, vid: 200, bridge: br0}
attachment_namespaces:
  - {name: blue1, segment: blue, addresses: ["192.0.2.NUMBER/24"]}
  - {name: red1, attach: veth, bridge: br0, vid: 200, addresses: ["198.51.100.NUMBER/24"]}
gateway_networks:
  - {segment: blue, address: 192.0.2.254/24, out: mgmt0, hosts: [node1]}
"""


def make_site(count=3):
    """Host variables of `count` machines as the inventory of the example gives them."""
    hosts = {}
    for number in range(1, count + 1):
        underlay = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}/8"
        text = FABRIC.replace("UNDERLAY", underlay)
        if count < 250:
            text = text.replace("NUMBER", str(number))
        else:
            text = text.replace("192.0.2.NUMBER/24",
                                f"172.16.{number >> 8}.{number & 255}/12").replace("198.51.100.NUMBER", f"100.64.{number >> 8}.{number & 255}")
        host = f"node{number}"
        hosts[host] = yaml.safe_load(text) | {"underlay_address": underlay, "inventory_hostname": host, "group_names": ["fabric"]}
    return hosts


@pytest.fixture
def hosts():
    return make_site()


def mesh_of(hosts):
    mesh = site.site_mesh(hosts, list(hosts))
    assert mesh["problems"] == []
    return mesh


def refused(hosts):
    problems = site.site_mesh(hosts, list(hosts))["problems"]
    assert problems
    return problems


def by_name(items, key="name"):
    return {item[key]: item for item in items}


def test_document_of_a_machine(hosts):
    document = site.site_document(hosts, "node2", mesh=mesh_of(hosts))
    links = by_name(document["links"])
    assert links["uplink0"] == {"name": "uplink0", "kind": "bond", "up": True, "bond": {"mode": "active-backup", "miimon": 100}}
    assert links["eth2"] == {"name": "eth2", "master": "uplink0", "up": True}
    assert links["br0"]["bridge"] == {"vlan_filtering": True, "vlan_default_pvid": 0}
    assert links["vx-blue"] == {
        "name": "vx-blue", "kind": "vxlan", "up": True, "mtu": 1450, "master": "br0", "vxlan": {"id": 10100, "local": "10.0.0.2", "dstport": 4789},
    }
    assert links["ns-blue1"] == {
        "name": "ns-blue1", "kind": "veth", "up": True, "mtu": 1450, "master": "br0",
        "peer": {"name": "eth0", "netns": "blue1", "up": True, "mtu": 1450},
    }
    assert by_name(document["fdb"], "dev")["vx-red"] == {"dev": "vx-red", "remotes": ["10.0.0.1", "10.0.0.3"], "purge": True}
    assert by_name(document["bridge_vlans"], "dev")["ns-red1"]["vlans"] == [{"vid": 200, "pvid": True, "untagged": True}]
    assert {"dev": "uplink0", "address": "10.0.0.2/8"} in document["addresses"]
    assert document["routes"] == [{"netns": "blue1", "dst": "default", "via": "192.0.2.254", "dev": "eth0"}]
    assert document["sysctls"] == document["nat"] == []
    assert set(document) == set(documents.RESOURCES)


def test_document_of_the_gateway(hosts):
    document = site.site_document(hosts, "node1", mesh=mesh_of(hosts))
    assert by_name(document["links"])["br0.100"] == {"name": "br0.100", "kind": "vlan", "link": "br0", "up": True, "mtu": 1450, "vlan": {"id": 100}}
    assert by_name(document["bridge_vlans"], "dev")["br0"] == {"dev": "br0", "vlans": [{"vid": 100}]}
    assert {"dev": "br0.100", "address": "192.0.2.254/24"} in document["addresses"]
    assert document["nat"] == [{"type": "masquerade", "src": "192.0.2.0/24", "oif": "mgmt0"}]
    assert document["sysctls"] == [{"name": "net.ipv4.ip_forward", "value": "1"}]


def test_a_segment_may_have_a_bridge_of_its_own(hosts):
    for host in hosts.values():
        host["bridge_bridges"] = [{"name": "br-blue"}, {"name": "br-red"}]
        host["vxlan_segments"] = [{"name": "blue", "vni": 10100, "bridge": "br-blue"}, {"name": "red", "vni": 10200, "bridge": "br-red"}]
        host["attachment_namespaces"] = [{"name": "blue1", "segment": "blue", "addresses": host["attachment_namespaces"][0]["addresses"]}]
    document = site.site_document(hosts, "node1", mesh=mesh_of(hosts))
    assert document["bridge_vlans"] == []
    assert {"dev": "br-blue", "address": "192.0.2.254/24"} in document["addresses"]
    assert by_name(document["links"])["ns-blue1"]["master"] == "br-blue"
    assert "bridge" not in by_name(document["links"])["br-blue"]


def test_roles_can_be_asked_for_one_by_one(hosts):
    mesh = mesh_of(hosts)
    whole = site.site_document(hosts, "node1", mesh=mesh)
    parts = [site.site_document(hosts, "node1", [role], mesh) for role in variables.ROLES]
    assert documents.merge(parts) == whole
    assert [item["name"] for item in parts[variables.ROLES.index("bridge")]["links"]] == ["br0"]
    overridden = site.site_document(hosts, "node1", ["bridge"], bridge_bridges=[{"name": "other"}])
    assert [item["name"] for item in overridden["links"]] == ["other"]
    with pytest.raises(AnsibleFilterError, match="no role bridges; there are aggregation"):
        site.site_document(hosts, "node1", ["bridges"])


def test_vlans_of_a_nic(hosts):
    hosts["node1"]["vlan_links"] = [
        {"link": "uplink0", "id": 2, "addresses": ["192.0.2.1/24"]},
        {"link": "uplink0", "id": 3, "name": "red", "netns": "three", "protocol": "802.1ad", "vlan": {"gvrp": True}, "mtu": 1400},
    ]
    mesh_of(hosts)
    document = site.site_document(hosts, "node1", ["vlan"])
    assert document["netns"] == [{"name": "three"}] and document["addresses"] == [{"dev": "uplink0.2", "address": "192.0.2.1/24"}]
    assert document["links"] == [
        {"name": "uplink0", "up": True}, {"name": "uplink0.2", "kind": "vlan", "up": True, "link": "uplink0", "vlan": {"id": 2}},
        {"netns": "three", "name": "red", "kind": "vlan", "up": True, "link": "uplink0", "link_netns": documents.OWN_NAMESPACE, "mtu": 1400,
         "vlan": {"id": 3, "protocol": "802.1ad", "gvrp": True}}]
    assert by_name(site.site_document(hosts, "node1", ["aggregation", "vlan"])["links"])["uplink0"]["kind"] == "bond"
    hosts["node1"]["vlan_links"].append({"link": "uplink0", "id": 2, "name": "again"})
    assert "vlan_links[again] and vlan_links[uplink0.2] are both VLAN 2 of uplink0" in refused(hosts)[0]
    hosts["node1"]["vlan_links"] = [{"link": "uplink0", "id": 4095}]
    assert "vlan_links[0].id is 4095; a VLAN is a number from 1 to 4094" in refused(hosts)[0]


def test_a_bridge_and_a_router_in_namespaces(hosts):
    hosts["node1"] |= {
        "bridge_bridges": hosts["node1"]["bridge_bridges"] + [{"name": "br0", "netns": "lan", "ports": [
            {"name": "br-veth0", "peer": {"name": "veth0", "addresses": ["192.0.2.254/24"]}}]}],
        "attachment_namespaces": [
            {"name": "ns1", "bridge": "br0", "port_netns": "lan", "port": "br-ns1", "addresses": ["192.0.2.1/24"]},
            {"name": "ns2", "port_netns": "router", "interface": "veth1", "host_addresses": ["203.0.113.254/24"]},
            {"name": "router"}, {"name": "mac", "attach": "macvlan", "link": "eth9", "mode": "source", "options": {"macaddr_data": ["02:00:00:00:00:01"]}}],
        "gateway_networks": [{"netns": "router", "source": "203.0.113.0/24", "out": "eth0"}],
    }
    mesh_of(hosts)
    document = site.site_document(hosts, "node1", ["bridge", "attachment", "gateway"])
    links = {(item.get("netns"), item["name"]): item for item in document["links"]}
    assert links["lan", "br-veth0"] == {"netns": "lan", "name": "br-veth0", "master": "br0", "up": True}
    assert links[None, "veth0"]["peer"] == {"netns": "lan", "name": "br-veth0"} and (None, "br0") in links and ("lan", "br0") in links
    assert links["lan", "br-ns1"]["master"] == "br0" and "bridge_vlans" not in links["lan", "br-ns1"]
    assert links["mac", "eth0"]["macvlan"] == {"mode": "source", "macaddr_data": ["02:00:00:00:00:01"]}
    assert {"netns": "router", "dev": "ns-ns2-veth1", "address": "203.0.113.254/24"} in document["addresses"]
    assert document["nat"] == [{"netns": "router", "type": "masquerade", "src": "203.0.113.0/24", "oif": "eth0"}]
    assert document["sysctls"] == [{"netns": "router", "name": "net.ipv4.ip_forward", "value": "1"}]
    gone = site.site_document(hosts, "node1", ["bridge", "attachment", "gateway"], state="absent")
    assert {item["name"] for item in gone["netns"]} == {"lan", "ns1", "ns2", "router", "mac"} and not gone["nat"] and not gone["addresses"]
    assert {item["name"] for item in gone["links"]} >= {"veth0"}
    hosts["node1"]["attachment_namespaces"][0]["bridge"] = "br1"
    assert "bridge is br1 of namespace lan, but bridge_bridges has no br1 of namespace lan" in refused(hosts)[0]


def test_teardown_removes_what_is_described_and_nothing_that_goes_by_itself(hosts):
    document = site.site_document(hosts, "node1", mesh=mesh_of(hosts), state="absent")
    assert document["netns"] == [{"name": "blue1", "state": "absent"}, {"name": "red1", "state": "absent"}]
    assert {item["name"] for item in document["links"]} == {"uplink0", "br0", "vx-blue", "vx-red", "ns-blue1", "ns-red1", "br0.100"}
    assert all(item["state"] == "absent" for item in document["links"])
    assert document["nat"] == [{"type": "masquerade", "src": "192.0.2.0/24", "oif": "mgmt0", "state": "absent"}]
    assert document["sysctls"] == document["addresses"] == document["routes"] == document["fdb"] == document["bridge_vlans"] == []


def test_teardown_leaves_the_nic_and_the_bridge_of_others(hosts):
    host = hosts["node1"]
    host["aggregation_links"] = [{"name": "eth1", "addresses": [host["underlay_address"]]}]
    host["bridge_bridges"] = [{"name": "br0", "existing": True, "ports": [{"name": "eth5", "vid": 7}]}]
    document = site.site_document(hosts, "node1", mesh={}, state="absent")
    links = by_name(document["links"])
    assert "br0" not in links and "eth1" not in links
    assert links["eth5"] == {"name": "eth5", "master": ""}
    assert {"dev": "eth1", "address": "10.0.0.1/8", "state": "absent"} in document["addresses"]
    assert [item["dev"] for item in document["bridge_vlans"]] == ["eth5", "br0"]


def test_teardown_puts_back_what_was_found(hosts):
    operations = [
        {"resource": "links", "name": "eth1", "action": "set", "netns": None, "before": {"up": False, "mtu": 1500, "alias": "x"}},
        {"resource": "links", "name": "br0", "action": "set", "netns": None, "before": {"up": False}},
        {"resource": "links", "name": "lo", "action": "set", "netns": "blue1", "before": {"up": False}},
        {"resource": "links", "name": "br0", "action": "create", "netns": None, "before": {}},
        {"resource": "sysctls", "name": "net.ipv4.ip_forward", "action": "set", "netns": None, "before": {"name": "net/ipv4/ip_forward", "value": "0"}},
    ]
    found = FILTERS["site_found"](operations)
    assert found["links"][0] == {"up": False, "mtu": 1500, "alias": "x", "name": "eth1"} and len(found["links"]) == 2
    assert FILTERS["site_found"]([{"resource": "netns", "name": "blue1", "action": "create", "netns": None}, operations[2]]) == {}
    later = FILTERS["site_found"]([operations[0] | {"before": {"up": True, "address": "02:00:00:00:00:01"}}])
    document = site.site_document(hosts, "node1", state="absent", found=[found, later])
    assert document["sysctls"] == [{"name": "net.ipv4.ip_forward", "value": "0"}]
    links = by_name(document["links"])
    assert links["eth1"] == {"name": "eth1", "up": False, "mtu": 1500, "alias": "x", "address": "02:00:00:00:00:01"}
    assert links["br0"]["state"] == "absent" and "up" not in links["br0"]


ANYTHING = yaml.safe_load("""
netns: [{name: blue}]
links:
  - {name: br0, kind: bridge}
  - {name: veth0, kind: veth, peer: {name: veth1}, master: br0}
  - {name: veth1, mtu: 1400, master: br9}
  - {name: port0, kind: veth, peer: {name: eth0, netns: blue}}
  - {netns: blue, name: eth0, mtu: 1400}
  - {netns: blue, name: eth7, move_from: /proc/self/ns/net}
  - {name: eth1, mtu: 1400, master: br0}
  - {name: eth2, master: br9}
  - {name: old, state: absent}
bridge_vlans:
  - {dev: veth0, vlans: [{vid: 100}]}
  - {dev: eth2, vlans: [{vid: 100-102, pvid: false}], purge: true}
fdb: [{dev: eth2, mac: "02:00:00:00:00:09", master: true}]
mdb: [{dev: br0, port: veth0, grp: 239.1.1.1}, {dev: br9, port: eth2, grp: 239.1.1.1}]
addresses:
  - {netns: blue, dev: eth0, address: 192.0.2.1/24}
  - {dev: eth2, purge: true, config: [{address: 192.0.2.2/24}, {address: 192.0.2.3/24}]}
  - {dev: eth1, purge: true}
neighs: [{dev: eth2, dst: 192.0.2.9, lladdr: "02:00:00:00:00:09"}]
nexthops: [{id: 7, via: 192.0.2.9, dev: eth2}]
routes: [{dst: default, via: 192.0.2.9}]
rules: [{priority: 100, src: 192.0.2.0/24, table: 100}]
sysctls: [{name: net.ipv4.ip_forward, value: "1"}]
nat: [{type: masquerade, oif: eth2}]
tc: [{dev: eth2, qdisc: {kind: tbf, root: true, options: {rate: 1mbit, burst: 32kb, latency: 50ms}}}, {dev: veth1, qdisc: {kind: ingress}}]
""")


def test_removal_of_anything():
    removal = FILTERS["site_removal"](ANYTHING)
    assert set(removal) == set(documents.RESOURCES)
    assert [(item["name"], item.get("state", item.get("master"))) for item in removal["links"]] == [
        ("br0", "absent"), ("veth0", "absent"), ("port0", "absent"), ("eth7", None), ("eth2", "")]
    assert removal["links"][3] == {"name": "eth7", "move_from": "blue"}
    what = {section: removal[section] for section in documents.ENTRIES}
    assert {item["state"] for items in what.values() for item in items} == {"absent"}
    assert {section: [item.get("dev") for item in items] for section, items in what.items()} == {
        "bridge_vlans": ["eth2"], "fdb": ["eth2"], "mdb": ["br9"], "addresses": ["eth2", "eth2"], "neighs": ["eth2"], "nexthops": ["eth2"],
        "routes": [None], "rules": [None], "nat": [None], "tc": ["eth2"]}
    documents.from_document(documents.index.RESOURCES, removal)  # and the engine takes it


def test_entries_that_were_there_come_back():
    """Found is what was there first: entries that were ours all along stay away, whatever a later run found of them."""
    neigh = {"dev": "eth2", "dst": "192.0.2.9", "lladdr": "02:00:00:00:00:01", "nud": "permanent", "proxy": False}
    first = [
        {"resource": "links", "action": "create", "name": "br0", "netns": None, "values": {}},
        {"resource": "links", "action": "create", "name": "veth0", "netns": None, "values": {"kind": "veth", "peer": {"name": "veth1"}}},
        {"resource": "neighs", "action": "set", "name": "", "netns": None, "values": neigh | {"lladdr": "02:00:00:00:00:09"}, "before": neigh},
        {"resource": "bridge_vlans", "action": "delete", "name": "eth2 VLAN 1", "netns": None, "before": {"dev": "eth2", "vid": 1, "pvid": True}},
        {"resource": "bridge_vlans", "action": "set", "name": "eth2 VLAN 101", "netns": None, "values": {"pvid": False}, "before": {"pvid": True}},
        {"resource": "bridge_vlans", "action": "create", "name": "eth2 VLAN 102", "netns": None, "values": {"pvid": False}},
        {"resource": "bridge_vlans", "action": "create", "name": "veth0 VLAN 100", "netns": None, "values": {}},
        {"resource": "routes", "action": "create", "name": "default", "netns": None, "values": {"dst": "default", "via": "192.0.2.1", "metric": 0}},
    ]
    second = [
        {"resource": "routes", "action": "set", "name": "default", "netns": None, "values": {}, "before": {"dst": "default", "via": "192.0.2.1"}},
        {"resource": "neighs", "action": "set", "name": "", "netns": None, "values": neigh, "before": neigh | {"lladdr": "02:00:00:00:00:09"}},
        {"resource": "bridge_vlans", "action": "set", "name": "eth2 VLAN 102", "netns": None, "values": {}, "before": {"pvid": False}},
        {"resource": "addresses", "action": "delete", "name": "", "netns": None, "before": {"dev": "veth1", "address": "192.0.2.7/24"}},
        {"resource": "links", "action": "set", "name": "eth1", "netns": "old", "values": {"mtu": 1400}, "before": {"mtu": 1500}},
    ]
    found = [FILTERS["site_found"](operations) for operations in (first, second)]
    document = copy.deepcopy(ANYTHING)
    document["links"] = [item for item in document["links"] if item["name"] != "eth2"]  # it stays in its bridge
    removal = FILTERS["site_removal"](document, found)
    assert removal["neighs"] == [neigh]
    assert [item["state"] for item in removal["routes"]] == ["absent"]
    assert sorted(removal["bridge_vlans"], key=lambda item: str(item["vlans"][0]["vid"])) == [
        {"dev": "eth2", "vlans": [{"vid": "1", "pvid": True}]}, {"dev": "eth2", "vlans": [{"vid": 100}], "state": "absent"},
        {"dev": "eth2", "vlans": [{"vid": "101", "pvid": True}]}, {"dev": "eth2", "vlans": [{"vid": 102}], "state": "absent"}]
    assert [item["state"] for item in removal["addresses"]] == ["absent", "absent"]
    assert by_name(removal["links"])["eth1"] == {"name": "eth1", "netns": "old", "mtu": 1500}
    documents.from_document(documents.index.RESOURCES, removal)
    # A port that leaves its bridge leaves its VLANs there.
    assert all(item["state"] == "absent" for item in FILTERS["site_removal"](ANYTHING, found)["bridge_vlans"])


def test_an_absent_item_takes_along_only_what_nobody_else_needs(hosts):
    host = hosts["node1"]
    host["attachment_namespaces"][1]["state"] = "absent"
    host["attachment_namespaces"].append({"name": "blue1", "interface": "eth1", "attach": "macvlan", "link": "eth9", "state": "absent"})
    document = site.site_document(hosts, "node1", ["attachment"], mesh_of(hosts))
    assert document["netns"] == [{"name": "blue1"}, {"name": "red1", "state": "absent"}]
    assert by_name(document["links"])["ns-red1"] == {"name": "ns-red1", "kind": "veth", "state": "absent"}


def test_a_machine_added_or_removed_concerns_only_its_own_entries():
    def entries(count):
        hosts = make_site(count)
        mesh = mesh_of(hosts)
        return {host: site.site_document(hosts, host, mesh=mesh) for host in hosts}

    three, four = entries(3), entries(4)
    for host, before in three.items():
        after = four[host]
        for item in after["fdb"]:
            item["remotes"].remove("10.0.0.4")
        assert after == before


def test_limit_does_not_shrink_the_mesh(hosts):
    """The mesh is of the hosts handed over, whichever of them a play is limited to; those without segments are no peers."""
    hosts["other"] = {"inventory_hostname": "other", "group_names": []}
    assert list(mesh_of(hosts)["segments"]["blue"]["vteps"]) == ["node1", "node2", "node3"]
    assert site.site_document(hosts, "other", mesh=mesh_of(hosts)) == {resource: [] for resource in documents.RESOURCES}


def test_segments_for_some_machines(hosts):
    for host in hosts.values():
        host["vxlan_segments"][1]["hosts"] = ["node1", "node3"]
        del host["attachment_namespaces"][1]
    mesh = mesh_of(hosts)
    assert list(mesh["segments"]["red"]["vteps"]) == ["node1", "node3"]
    assert "vx-red" not in by_name(site.site_document(hosts, "node2", mesh=mesh)["links"])
    assert by_name(site.site_document(hosts, "node1", mesh=mesh)["fdb"], "dev")["vx-red"]["remotes"] == ["10.0.0.3"]


def test_mtu_follows_the_underlay(hosts):
    for number, host in enumerate(hosts.values(), 1):
        host["aggregation_links"][0] |= {"mtu": 9000, "addresses": [f"2001:db8::{number}/64"]}
        host["underlay_address"] = f"2001:db8::{number}/64"
    links = by_name(site.site_document(hosts, "node1", mesh=mesh_of(hosts))["links"])
    assert {links[name]["mtu"] for name in ("vx-blue", "ns-blue1", "br0.100")} == {8930}
    assert links["vx-blue"]["vxlan"]["local"] == "2001:db8::1"


def test_point_to_point_and_multicast(hosts):
    for host, remote in (("node1", "10.0.0.2"), ("node2", "10.0.0.1")):
        hosts[host]["vxlan_segments"].append({"name": "p2p", "vni": 100, "remote": remote, "addresses": ["203.0.113.1/24"]})
    for host in hosts.values():
        host["vxlan_segments"][1]["group"] = "239.0.0.1"
    document = site.site_document(hosts, "node1", mesh=mesh_of(hosts))
    links = by_name(document["links"])
    assert links["vx-p2p"]["vxlan"] == {"id": 100, "local": "10.0.0.1", "dstport": 4789, "remote": "10.0.0.2"}
    assert links["vx-red"]["vxlan"] == {"id": 10200, "local": "10.0.0.1", "dstport": 4789, "group": "239.0.0.1", "dev": "uplink0"}
    assert [item["dev"] for item in document["fdb"]] == ["vx-blue"]


def test_attachment_to_a_nic(hosts):
    hosts["node1"]["attachment_namespaces"] = [
        {"name": "a", "attach": "macvlan", "link": "eth1", "addresses": ["192.168.1.50/24"], "gateway": ["192.168.1.1"]},
        {"name": "b", "attach": "vlan", "link": "eth1", "vid": 2, "interface": "lan"},
    ]
    document = site.site_document(hosts, "node1", ["attachment"])
    assert [item for item in document["links"] if "kind" in item] == [
        {"netns": "a", "name": "eth0", "kind": "macvlan", "up": True, "link": "eth1", "link_netns": documents.OWN_NAMESPACE, "macvlan": {"mode": "bridge"}},
        {"netns": "b", "name": "lan", "kind": "vlan", "up": True, "link": "eth1", "link_netns": documents.OWN_NAMESPACE, "vlan": {"id": 2}},
    ]
    assert document["routes"] == [{"netns": "a", "dst": "default", "via": "192.168.1.1", "dev": "eth0"}]


def test_a_routed_namespace(hosts):
    hosts["node1"]["attachment_namespaces"] = [{"name": "outside", "addresses": ["203.0.113.1/24"], "host_addresses": ["203.0.113.254/24"]}]
    document = site.site_document(hosts, "node1", ["attachment"])
    assert {"dev": "ns-outside", "address": "203.0.113.254/24"} in document["addresses"] and "master" not in document["links"][0]


def test_team(hosts):
    hosts["node1"]["aggregation_links"][0] = {
        "name": "team0", "kind": "team", "runner": "activebackup", "ports": ["eth1", "eth2"], "team": {"link_watch": [{"name": "ethtool"}]}, "mtu": 9000,
    }
    document = site.site_document(hosts, "node1", ["aggregation"])
    assert document["teams"] == [
        {"name": "team0", "runner": "activebackup", "link_watch": [{"name": "ethtool"}], "ports": [{"name": "eth1"}, {"name": "eth2"}]}
    ]
    assert document["links"] == [{"name": "team0", "mtu": 9000}]
    gone = site.site_document(hosts, "node1", ["aggregation"], state="absent")
    assert gone["teams"] == [{"name": "team0", "state": "absent"}] and gone["links"] == []


def change(path, value):
    """A change to one host: `node2.vxlan_segments.0.vni` becomes the value (None removes it)."""
    def apply(hosts):
        *parents, last = path.split(".")
        place = hosts
        for key in parents:
            place = place[int(key) if isinstance(place, list) else key]
        last = int(last) if isinstance(place, list) else last
        if value is None:
            del place[last]
        else:
            place[last] = value
    return apply


@pytest.mark.parametrize("path, value, sentence", [
    ("node2.vxlan_segments.0.vni", 10101,
     "node2: VNI of vxlan_segments[blue] is 10101, but node1: VNI of vxlan_segments[blue] is 10100; a segment has one VNI on all machines."),
    ("node3.vxlan_port", 8472,
     "node3: UDP port of vxlan_segments[blue] is 8472, but node1: UDP port of vxlan_segments[blue] is 4789; a segment has one UDP port on all machines."),
    ("node3.vxlan_underlay_mtu", 9000,
     "node3: MTU of vxlan_segments[red] is 8950, but node1: MTU of vxlan_segments[red] is 1450; a segment has one MTU on all machines."),
    ("node2.vxlan_segments.0.hosts", ["node1", "node2"],
     "node2: hosts and groups of vxlan_segments[blue] is hosts node1, node2, but node1: hosts and groups of vxlan_segments[blue] is not limited;"
     " then one machine floods to another that does not flood back."),
    ("node2.underlay_address", "10.0.0.1/8", "node2: underlay_address and node1: underlay_address are both 10.0.0.1; every machine has an address of its own."),
    ("node2.underlay_address", None,
     "node2: vxlan_segments[blue] needs the machine's address in the network below; set underlay_address, as 10.0.0.1/24, for node2."),
    ("node2.underlay_address", "10.0.0.2", "node2: underlay_address is '10.0.0.2'; it must be an address with its prefix length, as 192.0.2.1/24."),
    ("node1.vxlan_segments.1.vni", 10100, "node1: vxlan_segments[red].vni and vxlan_segments[blue].vni are both 10100; each segment has a VNI of its own."),
    ("node1.vxlan_segments.1.vni", 1 << 24, "node1: vxlan_segments[red].vni is 16777216; a VNI is a number from 0 to 16777215."),
    ("node1.vxlan_segments.1.vid", 100,
     "node1: vxlan_segments[red] and vxlan_segments[blue] are both VLAN 100 of br0; each segment has a VLAN or a bridge of its own."),
    ("node1.vxlan_segments.0.vid", 4095, "node1: vxlan_segments[blue].vid is 4095; a VLAN is a number from 1 to 4094."),
    ("node1.vxlan_segments.0.vnii", 5, "node1: vxlan_segments[blue]: vnii. Supported parameters include"),
    ("node1.vxlan_segments.0.vni", None, "node1: vxlan_segments[blue]: missing required arguments: vni."),
    ("node1.vxlan_segments.0.bridge", "br1", "node1: vxlan_segments[blue].bridge is br1, but bridge_bridges has no br1 for node1;"),
    ("node1.vxlan_segments.0.vid", None, "node1: vxlan_segments[blue] has no vid, but bridge_bridges[br0] has vlan_filtering: true; say in which VLAN it is."),
    ("node1.bridge_bridges.0.vlan_filtering", False, "node1: vxlan_segments[blue].vid is 100, but bridge_bridges[br0] does not say vlan_filtering: true."),
    ("node1.attachment_namespaces.0.segment", "green", "node1: attachment_namespaces[blue1].segment is green, but vxlan_segments has no green for node1."),
    ("node2.attachment_namespaces.0.addresses", ["192.0.2.1/24"],
     "node2: an address of attachment_namespaces[blue1] and node1: an address of attachment_namespaces[blue1] are both 192.0.2.1;"),
    ("node1.attachment_namespaces.0.addresses", ["192.0.2.300/24"], "node1: attachment_namespaces[blue1].addresses is '192.0.2.300/24'; it must be an address"),
    ("node2.gateway_networks.0.hosts", ["node2"],
     "node2: the address of gateway_networks[blue] and node1: the address of gateway_networks[blue] are both 192.0.2.254; an address is used once"),
    ("node1.vxlan_flooding", "evpn", "node1: vxlan_segments[blue]: flooding by evpn is not yet built; say vxlan_flooding: static or multicast."),
    ("node1.vxlan_flooding", "flood", "node1: vxlan_flooding is 'flood'; it can be static, multicast, evpn."),
    ("node1.aggregation_links", {"name": "x"}, "node1: aggregation_links must be a list of items, not {'name': 'x'}."),
    ("node1.aggregation_links.0.name", "an-interface-too-long",
     "node1: aggregation_links[an-interface-too-long].name is 'an-interface-too-long'; the name of an"),
    ("node1.bridge_bridges.0.ports", [{"name": "eth1"}],
     "node1: bridge_bridges[br0].ports and aggregation_links[uplink0].ports both have eth1; a link is a port of one other link only."),
    ("node1.vxlan_segments.0.hosts", ["node1", "nodex"], "is hosts node1, nodex"),
])
def test_contradictions_name_both_places(hosts, path, value, sentence):
    assert mesh_of(hosts)
    change(path, value)(hosts)
    problems = refused(hosts)
    assert any(sentence in problem for problem in problems), problems


def test_one_sided_remotes(hosts):
    for host, remotes in (("node1", ["10.0.0.2"]), ("node2", ["10.0.0.3"]), ("node3", ["10.0.0.1", "10.0.0.2"])):
        hosts[host]["vxlan_segments"][0]["remotes"] = remotes
    assert refused(hosts) == [
        "node1: vxlan_segments[blue] sends to 10.0.0.2 (node2), but vxlan_segments[blue] of node2 sends to 10.0.0.3 and not to 10.0.0.1 (node1).",
        "node3: vxlan_segments[blue] sends to 10.0.0.1 (node1), but vxlan_segments[blue] of node1 sends to 10.0.0.2 and not to 10.0.0.3 (node3).",
    ]


def test_unknown_host_in_a_segment(hosts):
    for host in hosts.values():
        host["vxlan_segments"][1]["hosts"] = ["node1", "node2", "node3", "node9"]
    assert refused(hosts)[0] == "node1: vxlan_segments[red].hosts names node9, which the inventory does not have in this site."


def test_a_variable_that_cannot_be_worked_out_is_named_with_its_host(hosts):
    class Broken(dict):
        def __getitem__(self, name):
            if name == "vxlan_segments":
                raise AnsibleFilterError("'node_number' is undefined")
            return super().__getitem__(name)

    hosts["node2"] = Broken(hosts["node2"])
    assert "node2: the value of vxlan_segments cannot be worked out: 'node_number' is undefined" in refused(hosts)


def test_many_problems_are_cut_short():
    hosts = make_site(40)
    for host in hosts.values():
        host["vxlan_port"] = 0
    assert refused(hosts)[-1] == "and 20 more"


def test_expectations(hosts):
    found = site.site_expectations(
        hosts, "node2", mesh_of(hosts), outside=[{"address": "203.0.113.1", "server": {"host": "node1", "netns": "outside"}, "seen_as": "203.0.113.254"}],
        own=[{"from": {"host": "node2", "netns": "red1"}, "to": "192.0.2.3", "expect": "unreachable"}, {"from": {"host": "node1"}, "to": "10.0.0.9"}],
    )
    probes = by_name(found)
    assert probes["segment blue: blue1@node2 -> blue1@node3"] == {
        "name": "segment blue: blue1@node2 -> blue1@node3", "netns": "blue1", "to": "192.0.2.3", "expect": "reachable",
    }
    assert probes["MTU 1450: red1@node2 -> red1@node3"]["size"] == 1422 and probes["MTU 1450: red1@node2 -> red1@node3"]["df"]
    assert probes["underlay: node2 -> node1"]["size"] == 1472
    assert probes["apart: blue1@node2 -> red1@node3"]["expect"] == "unreachable"
    assert probes["gateway: blue1@node2 -> gateway@node1"]["to"] == "192.0.2.254"
    assert "gateway: red1@node2 -> gateway@node1" not in probes
    assert probes["way out: blue1@node2 -> outside"] == {
        "name": "way out: blue1@node2 -> outside", "netns": "blue1", "to": "203.0.113.1", "expect": "reachable",
        "protocol": "udp", "port": 54321, "seen_as": "203.0.113.254",
    }
    assert probes["own: red1@node2 -> 192.0.2.3"]["expect"] == "unreachable"
    assert len(found) == 2 + 2 * 2 + 2 + 2 + 1 + 1 + 1
    traffic = FILTERS["site_traffic"](found, 50, 0.1, 2000)
    assert [item["name"] for item in traffic][0] == "cable, segment blue: blue1@node2 -> blue1@node3"
    assert len(traffic) == 4 and all(item["count"] == 50 for item in traffic)


def test_captures(hosts):
    (capture,) = site.site_captures(hosts, "node2", mesh_of(hosts))
    assert capture["dev"] == "uplink0" and capture["vxlan_ports"] == [4789]
    assert [item["name"] for item in capture["expect"]] == [
        "wire, VXLAN 10100: blue1@node2 -> blue1@node3", "wire, in clear: blue1@node2 -> blue1@node3",
        "wire, VXLAN 10200: red1@node2 -> red1@node3", "wire, in clear: red1@node2 -> red1@node3",
    ]
    assert capture["expect"][0]["match"] == {"vxlan_vni": 10100, "ip_dst": "10.0.0.3", "inner": {"ip_dst": "192.0.2.3", "icmp_type": "echo_request"}}
    del hosts["node2"]["aggregation_links"]
    assert site.site_captures(hosts, "node2", mesh_of(hosts)) == []


def test_server_outside():
    outside = [{"address": "203.0.113.1", "server": {"host": "node1", "netns": "outside"}}, {"address": "203.0.113.9"}]
    assert FILTERS["site_servers"](outside, "node2") == []
    assert [(item["netns"], item["listen"]) for item in FILTERS["site_servers"](outside, "node1")] == [("outside", True)]


def test_probes_of_a_machine_do_not_grow_with_the_site():
    counts = []
    for count in (10, 100):
        hosts = make_site(count)
        counts.append(len(site.site_expectations(hosts, "node5", mesh_of(hosts))))
        assert len(site.site_expectations(hosts, "node5", mesh_of(hosts), peers=0)) > count
    assert counts[0] == counts[1]


def test_segments_routed_by_one_gateway_are_not_expected_apart(hosts):
    for host in hosts.values():
        host["gateway_networks"].append({"segment": "red", "address": "198.51.100.254/24", "hosts": ["node1"]})
    assert not [item for item in site.site_expectations(hosts, "node2", mesh_of(hosts)) if item["name"].startswith("apart")]


def result(name, to, ok, **more):
    return {"name": name, "to": to, "ok": ok, "expect": "reachable", "reachable": True, "listen": False, "rtt_ms": None, "max_gap_ms": None,
            "reason": ""} | more


def test_report():
    hostvars = {
        "node1": {"probed": {"results": [
            result("segment blue: blue1@node1 -> blue1@node2", "192.0.2.2", True, rtt_ms={"min": 0.1, "avg": 0.1234, "max": 0.2}),
            result("apart: blue1@node1 -> red1@node2", "198.51.100.2", False, expect="unreachable", reason="it answered"),
            result("cable, underlay: node1 -> node2", "10.0.0.2", True, sent=50, lost=2, max_gap_ms=310.4),
            result("server", "", True, listen=True),
        ]}, "captured": {"skipped": True}},
        "node2": {"probed": {"msg": "no python3"}},
        "node4": {"probed": {"probes": [], "results": [
            {"dev": "uplink0", "dropped": 0, "expectations": [{"name": "wire, VXLAN 1: a@node4 -> b@node5", "max": None, "packets": 3, "ok": True}]},
        ]}},
        "node3": {},
    }
    rows = FILTERS["site_rows"](hostvars, list(hostvars), ["captured", "probed", "cables"])
    lines = FILTERS["site_table"](rows)
    assert lines[1].split() == ["ok", "segment", "blue", "blue1@node1", "blue1@node2", "192.0.2.2", "reachable", "reachable", "in", "0.123", "ms"]
    assert lines[3].endswith("reachable, 2 of 50 lost, longest silence 310 ms")
    assert lines[2].startswith("FAILED") and lines[-1] == "3 of 6 checks proven, 3 FAILED"
    assert FILTERS["site_failures"](rows) == [
        "apart: blue1@node1 -> red1@node2 198.51.100.2: reachable: it answered",
        "probes: node2: nothing: no python3",
        "probes: node3: nothing: the machine gave no answer",
    ]
    assert "| **FAILED** | apart |" in FILTERS["site_markdown"](rows)


@pytest.mark.parametrize("pulled, outlasted, ok", [(True, True, True), (True, False, False), (False, True, False)])
def test_a_cable_counts_when_it_was_pulled_during_traffic(pulled, outlasted, ok):
    hostvars = {"node1": {"cables": [{"cable": {"machine": "node2", "nic": "eth1"}, "pulled": pulled, "outlasted": outlasted}]}}
    (row,) = FILTERS["site_rows"](hostvars, ["node1"], ["cables"])
    assert row["ok"] is ok and row["whom"] == "eth1 of node2"


def test_nothing_checked_is_no_proof():
    assert FILTERS["site_table"]([]) == ["Nothing was checked: no expectation follows from the variables."]


def test_a_segment_that_others_cannot_know_of_is_refused(hosts):
    segment = [{"name": "green", "vni": 1, "vid": 3, "bridge": "br0"}]
    with pytest.raises(AnsibleFilterError, match=r"node1: nothing says who else carries vxlan_segments\[green\]; put vxlan_segments into the inventory"):
        site.site_document(hosts, "node1", ["vxlan"], mesh_of(hosts), vxlan_segments=segment)


def told(nftables=True, teamd=True, **kinds):
    """The capabilities that vnet_info tells of a machine, whose kernel is played."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(info, "Kernel", mock.MagicMock())
        patch.setattr(info, "open_socket", mock.Mock())
        patch.setattr(info.namespaces, "unshare_net", mock.Mock())
        patch.setattr(info.namespaces, "setns", mock.Mock())
        patch.setattr(info, "_has_kind", lambda kernel, kind: kinds[kind])
        patch.setattr(info, "_keeps", lambda kernel, kind, option, value, **more: False)
        patch.setattr(info.nft, "LIBRARY", info.nft.LIBRARY if nftables else "libnone.so.1")
        patch.setattr(info.nft, "_loaded", [(None, None)] if nftables else [])
        patch.setattr(info.team_daemon, "program", lambda: "/usr/bin/teamd" if teamd else None)
        return {"state": {}, "capabilities": info.capabilities(list(kinds))}


def test_what_a_machine_lacks(hosts):
    lacking = FILTERS["site_lacking"]
    assert lacking(told(), hosts, "node1") == {"packages": [], "problems": []}
    assert lacking({"msg": "this host has no usable pyroute2"}, hosts, "node1") == {"packages": ["python3-pyroute2"], "problems": []}
    assert lacking({"msg": "needs root"}, hosts, "node1")["problems"] == ["node1: needs root"]
    found = told(nftables=False, teamd=False, bond=False, veth=True, bridge=True)
    assert lacking(found, hosts, "node1")["packages"] == ["nftables"]
    assert lacking(found, hosts, "node1")["problems"] == [
        "node1: the kernel has no bond, which uplink0 needs; install a kernel with it (on Debian linux-image-amd64), or give aggregation_links no kind.",
        "node1: the kernel has no bridge vlan filtering, which br0 needs; install a kernel with it (on Debian linux-image-amd64),"
        " or give each segment a bridge of its own without vid.",
    ]
    assert lacking(told(nftables=False, teamd=False), hosts, "node2") == {"packages": [], "problems": []}  # no gateway, no team


@pytest.mark.parametrize("team, needed", [
    ({"runner": "lacp"}, True), ({"runner": "roundrobin", "team": {"implementation": "teamd"}}, True), ({"runner": "activebackup"}, False), ({}, False),
    ({"runner": "activebackup", "team": {"link_watch": {"name": "arp_ping", "target_host": "192.0.2.1"}}}, True),
])
def test_teams_that_need_the_daemon(hosts, team, needed):
    hosts["node2"]["aggregation_links"] = [{"name": "team0", "kind": "team", "ports": ["eth1"]} | team]
    assert FILTERS["site_lacking"](told(teamd=False), hosts, "node2")["packages"] == (["teamd"] if needed else [])
    hosts["node2"]["ansible_facts"] = {"pkg_mgr": "apt"}
    assert FILTERS["site_lacking"](told(teamd=False), hosts, "node2")["packages"] == (["libteam-utils"] if needed else [])
    assert FILTERS["site_lacking"](told(), hosts, "node2")["packages"] == []


def test_names_fit_and_stay():
    assert names.vxlan_device("blue") == "vx-blue"
    assert names.vxlan_device("a-long-segment-name") == names.vxlan_device("a-long-segment-name")
    assert names.vxlan_device("a-long-segment-name") != names.vxlan_device("a-long-segment-namf")
    for name in ("exactlytwelve", "ünïcödé-ñämé-löng", "x" * 60):
        assert len(names.namespace_port(name, "eth0").encode()) <= 15
    assert names.namespace_port("blue1", "eth1") == "ns-blue1-eth1"
    assert names.vlan_interface("bond0", 4094) == "bond0.4094"
    assert names.vlan_interface("production-br-a", 100) == "produc-1918.100"
    assert names.vlan_interface("production-br-b", 100) == "produc-6f7b.100"
    assert len(names.vlan_interface("production-br-a", 4094)) == 15


def test_planning_a_thousand_machines_is_linear():
    hosts = make_site(1000)
    original = copy.deepcopy(hosts)
    start = time.process_time()
    mesh = mesh_of(hosts)
    one = time.process_time() - start
    documents_of = [site.site_document(hosts, host, mesh=mesh) for host in hosts]
    seconds = time.process_time() - start
    print(f"1000 machines: mesh {one:.2f} s, all {seconds:.2f} s")
    assert all(len(document["fdb"][0]["remotes"]) == 999 for document in documents_of)
    assert hosts == original
    assert seconds < 10


def test_defaults_of_the_roles_are_said_once():
    for role in variables.ROLES:
        defaults = yaml.safe_load((variables.ROLES_DIRECTORY / role / "defaults" / "main.yml").read_text(encoding="utf-8")) or {}
        specified = {name: option["default"] for name, option in variables.options_of(role).items() if "default" in option}
        assert defaults == specified


def test_a_machine_named_as_a_text_is_that_machine(hosts):
    for name in hosts:
        hosts[name]["bridge_bridges"] = [{"name": "br0"}, {"name": "br1", "hosts": "node10"}]
    assert "br1" not in [link["name"] for link in site.site_document(hosts, "node1", ["bridge"])["links"]]
