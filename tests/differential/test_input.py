# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input is refused in one sentence that names the item, the option, the value and what is allowed; nothing is written."""

from __future__ import annotations

import os

import pytest

from module import ModuleFailed, run_here

LINKS = ['ip link add name b0 type bridge vlan_filtering 1', 'ip link add name d0 type dummy', 'ip link set dev d0 master b0', 'ip link set dev d0 up',
         'ip link add name d1 type dummy', 'ip link add link d1 name v7 type vlan id 7', 'ip link add name vx type vxlan id 7 dstport 4789',
         'ip link add name ve0 type veth peer name ve1', 'ip addr add 192.0.2.1/24 dev d0', 'ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev d0']
SEEN = ('ip link', 'ip addr', 'ip route show table all', 'ip neigh', 'bridge vlan', 'bridge fdb')
DUMMY = {'name': 'x', 'kind': 'dummy'}

#: module: [(items, what the sentence has to say)]; the first item of each is right
WRONG = {
    'vnet_netns': [
        ({'name': 'a/b'}, 'name', 'a/b', 'without slash'),
        ({'name': '..'}, 'name', '..'),
        ({'name': 'n' * 256}, 'name', '1-255 bytes'),
        ({'name': 'x', 'nsid': -7}, 'nsid', '-7', '0-2147483647', 'auto'),
        ({'name': 'x', 'sysctl': {'forward': 1}}, 'forward', 'net.ipv4.ip_forward'),
        ({'name': 'x', 'sysctl': {'net.ipv4.no_such': 1}}, 'x', 'net.ipv4.no_such', 'No such file'),
        ({'state': 'present'}, 'name is missing'),
    ],
    'vnet_link': [
        ({'name': 'a b', 'kind': 'dummy'}, 'name', 'a b', '1-15 bytes'),
        ({'name': 'sixteen-bytes-it', 'kind': 'dummy'}, 'name', 'sixteen-bytes-it', '1-15 bytes'),
        ({'name': '.', 'kind': 'dummy'}, 'name', '1-15 bytes'),
        ({'name': 'y', 'kind': 'dummy', 'mtu': -1}, 'y', 'mtu', '-1', '0-2147483647'),
        ({'name': 'y', 'kind': 'dummy', 'address': '02:00:00:00:00'}, 'y', 'address', '02:00:00:00:00', 'MAC'),
        ({'name': 'y', 'kind': 'vlan', 'link': 'd1', 'vlan': {'id': 4095}}, 'y', 'vlan: id', '4095', '4094'),
        ({'name': 'y', 'kind': 'vlan', 'vlan': {'id': 7}}, 'y', 'needs link'),
        ({'name': 'y', 'kind': 'vxlan', 'vxlan': {'id': 1 << 24}}, 'y', 'vxlan: id', '16777216', '0-16777215'),
        ({'name': 'y', 'kind': 'vxlan', 'vxlan': {'id': 5, 'dstport': 70000}}, 'y', 'dstport', '70000', '0-65535'),
        ({'name': 'y', 'kind': 'vxlan', 'vxlan': {'id': 5, 'group': '239.0.0.1'}}, 'y', 'group needs dev'),
        ({'name': 'y', 'kind': 'vxlan', 'vxlan': {'id': 5, 'remote': '239.0.0.1'}}, 'y', 'remote', '239.0.0.1', 'unicast'),
        ({'name': 'y', 'kind': 'vxlan', 'bridge': {'stp_state': True}}, 'y', "'bridge' does not fit kind vxlan"),
        ({'name': 'y', 'kind': 'veth'}, 'y', 'needs peer'),
        ({'name': 'y', 'kind': 'bond', 'bond': {'miimon': 100, 'arp_interval': 100}}, 'y', 'miimon and arp_interval exclude each other'),
        ({'name': 'y', 'kind': 'dummy', 'master': 'nobody'}, 'y', "master 'nobody' does not exist", 'No such device'),
        ({'name': 'y', 'mtu': 1400}, 'y', 'does not exist', 'give kind'),
        ({'name': 'd1', 'kind': 'bridge'}, 'd1', 'exists as dummy', 'recreate: true'),
        ({'name': 'v7', 'kind': 'vlan', 'link': 'd1', 'vlan': {'id': 8}}, 'v7', 'vlan.id is 7 and cannot become 8', 'recreate: true'),
        ({'name': 'v7', 'kind': 'vlan', 'link': 'd0'}, 'v7', 'sits on d1, not on d0'),
        ({'name': 've0', 'kind': 'veth', 'peer': {'name': 'other'}}, 've0', "'ve1'", "not 'other'"),
        ({'name': 'x', 'kind': 'dummy', 'mtu': 1400}, 'listed twice'),
        ({'name': 'x', 'state': 'absent'}, 'present and absent'),
        ([{'name': 'y', 'kind': 'bridge', 'master': 'z'}, {'name': 'z', 'kind': 'bridge', 'master': 'y'}], 'circle'),
        ({'name': 'y', 'kind': 'dummy', 'netns': 'no-such'}, "network namespace 'no-such' does not exist", 'vnet_netns'),
    ],
    'vnet_bridge_vlan': [
        ({'dev': 'd0', 'vlans': [{'vid': 0}]}, 'd0', 'vid', '0', '1-4094'),
        ({'dev': 'd0', 'vlans': [{'vid': '7-5'}]}, 'd0', 'vid', '7-5', 'range'),
        ({'dev': 'd0', 'vlans': [{'vid': '10-19', 'tunnel_id': '100-105'}]}, 'd0', 'tunnel_id 100-105 is not as long'),
        ({'dev': 'd0', 'vlans': [{'vid': 5, 'pvid': True}, {'vid': 6, 'pvid': True}]}, 'd0', 'one pvid'),
        ({'dev': 'd0', 'vlans': [{'vid': '5-6', 'pvid': True}]}, 'd0', 'pvid is one VLAN'),
        ({'dev': 'd0', 'vlans': [{'vid': '5-9'}, {'vid': 7}]}, 'd0', 'VLAN 7 is listed twice'),
        ({'dev': 'nobody', 'vlans': [{'vid': 5}]}, "'nobody' does not exist"),
        ({'dev': 'd0'}, 'd0', 'vlans is missing'),
    ],
    'vnet_fdb': [
        ({'dev': 'vx', 'mac': 'x'}, 'mac', "'x'", 'MAC'),
        ({'dev': 'vx', 'mac': '02:00:00:00:00:01', 'dst': '192.0.2'}, 'dst', '192.0.2', 'address'),
        ({'dev': 'vx', 'mac': '02:00:00:00:00:01', 'dst': '192.0.2.1', 'vni': 1 << 24}, 'vni', '16777216', '0-16777215'),
        ({'dev': 'vx', 'mac': '02:00:00:00:00:01', 'dst': '192.0.2.1', 'port': 0}, 'port', '0', '1-65535'),
        ({'dev': 'd0', 'mac': '02:00:00:00:00:01', 'master': True, 'dst': '192.0.2.1'}, 'VXLAN device'),
        ({'dev': 'vx', 'mac': '02:00:00:00:00:01', 'remotes': ['192.0.2.1']}, 'remotes', 'flooding'),
        ({'dev': 'nobody', 'remotes': ['192.0.2.1']}, "'nobody' does not exist"),
        ({'dev': 'vx', 'mac': '02:00:00:00:00:01', 'entry_state': 'eternal'}, 'entry_state', 'eternal', 'permanent'),
    ],
    'vnet_address': [
        ({'dev': 'd0', 'address': '192.0.2.300/24'}, 'address', '192.0.2.300/24', '192.0.2.1/24'),
        ({'dev': 'd0', 'address': '192.0.2.3/33'}, 'address', '192.0.2.3/33'),
        ({'dev': 'd0'}, 'address is missing'),
        ({'dev': 'nobody', 'address': '192.0.2.3/24'}, "'nobody' does not exist"),
        ({'dev': 'd0', 'address': '192.0.2.3/24', 'valid_lft': 'long'}, 'valid_lft', 'long', 'forever'),
        ({'dev': 'd0', 'address': '192.0.2.3/24', 'broadcast': '2001:db8::1'}, 'broadcast', '2001:db8::1', 'IPv4'),
    ],
    'vnet_route': [
        ({'dst': '198.51.100.1/24', 'dev': 'd0'}, 'dst', '198.51.100.1/24', 'host bits'),
        ({'dst': '198.51.100.0/24'}, 'needs via, dev, nexthops or nhid'),
        ({'dst': '2001:db8:1::/64', 'via': '192.0.2.3'}, 'via 192.0.2.3 is not of the family'),
        ({'dst': '198.51.100.0/24', 'dev': 'nobody'}, "'nobody' does not exist"),
        ({'dst': '198.51.100.0/24', 'dev': 'd0', 'table': 0}, 'table', '0', 'main'),
        ({'dst': '198.51.100.0/24', 'nexthops': [{'via': '192.0.2.3', 'weight': 0}]}, 'nexthops', 'weight', '1-256'),
    ],
    'vnet_neigh': [
        ({'dev': 'd0', 'dst': '192.0.2.3'}, 'lladdr is missing'),
        ({'dev': 'd0', 'dst': '192.0.2', 'lladdr': '02:00:00:00:00:01'}, 'dst', '192.0.2', 'address'),
        ({'dev': 'd0', 'dst': '192.0.2.3', 'lladdr': '02:00'}, 'lladdr', '02:00', 'MAC'),
        ({'dev': 'd0', 'dst': '192.0.2.3', 'lladdr': '02:00:00:00:00:01', 'proxy': True}, 'proxy and lladdr exclude each other'),
        ({'dev': 'nobody', 'dst': '192.0.2.3', 'lladdr': '02:00:00:00:00:01'}, "'nobody' does not exist"),
        ({'dev': 'd0', 'dst': '192.0.2.3', 'lladdr': '02:00:00:00:00:01', 'nud': 'alive'}, 'nud', 'alive', 'permanent'),
    ],
    'vnet_sysctl': [
        ({'name': 'forwarding', 'value': 1}, 'name', 'forwarding', 'net.ipv4.ip_forward'),
        ({'name': 'net.ipv4..x', 'value': 1}, 'name', 'net.ipv4..x'),
        ({'name': 'net.ipv4.no_such', 'value': 1}, 'net.ipv4.no_such', 'No such file'),
        ({'name': 'net.ipv4.ip_forward'}, 'value is missing'),
        ({'name': 'net.ipv4.ip_forward', 'state': 'absent'}, 'cannot be absent'),
        ({'value': 1}, 'name is missing'),
    ],
}
#: what each list begins with: an item that would be carried out if the other were not wrong
RIGHT = {
    'vnet_netns': {'name': 'right-one'}, 'vnet_link': DUMMY, 'vnet_bridge_vlan': {'dev': 'b0', 'vlans': [{'vid': 9}]},
    'vnet_fdb': {'dev': 'vx', 'remotes': ['192.0.2.9']}, 'vnet_address': {'dev': 'd1', 'address': '198.51.100.1/24'},
    'vnet_route': {'dst': '203.0.113.0/24', 'dev': 'd0'}, 'vnet_neigh': {'dev': 'd0', 'dst': '192.0.2.10', 'lladdr': '02:00:00:00:00:0a'},
    'vnet_sysctl': {'name': 'net.ipv4.conf.all.log_martians', 'value': 1},
}


@pytest.mark.parametrize('module', WRONG)
def test_wrong_input(spaces, module):
    ours = spaces('ours')
    ours.batch(LINKS)
    before, names = ours.normal(*SEEN), sorted(os.listdir('/run/netns'))
    common = {} if module == 'vnet_netns' else {'netns': ours.name}
    assert len(WRONG[module]) >= 5
    for item, *words in WRONG[module]:
        items = [RIGHT[module], *(item if isinstance(item, list) else [item])]
        message = failure(module, {**common, 'config': items})
        for word in [*words, *([] if 'circle' in words else ['config[1]'])]:
            assert word in message, f'{word!r} is not in: {message}'
        assert '\n' not in message and 'Traceback' not in message, message
    assert sorted(os.listdir('/run/netns')) == names
    ours.unchanged(before, ours.normal(*SEEN))
    assert run_here('vnet_sysctl', {**RIGHT['vnet_sysctl'], 'netns': ours.name}, check=True)['changed'] is True


def failure(module: str, options: dict) -> str:
    with pytest.raises(ModuleFailed) as caught:
        run_here(module, options)
    return caught.value.result['msg']


def test_unknown_options(spaces):
    """Beside what AnsibleModule itself refuses, documents and dicts of kinds name what they know."""
    ours = spaces('ours')
    for document, *words in [
        ({'links': [{'name': 'y', 'kind': 'vlan', 'link': 'y0', 'netns': ours.name, 'vlan': {'ident': 7}}]}, 'links[0]', "'ident'", 'id, protocol'),
        ({'links': [{'name': 'y', 'kind': 'dummy', 'colour': 'red', 'netns': ours.name}]}, 'links[0]', "'colour'"),
        ({'links': [{'name': 'y', 'kind': 'hovercraft', 'netns': ours.name}]}, 'links[0]', 'hovercraft', 'vxlan'),
        ({'addresses': [{'dev': 'y', 'address': '192.0.2.1/24', 'netns': ours.name}]}, 'addresses[0]', "'y' does not exist"),
        ({'netns': [{'name': ours.name, 'state': 'absent'}], 'links': [{'name': 'y', 'kind': 'dummy', 'netns': ours.name}]}, 'links[0]', 'is to be absent'),
    ]:
        message = failure('vnet_state', document)
        assert all(word in message for word in words), message
    assert set(ours.links()) == {'lo'}
