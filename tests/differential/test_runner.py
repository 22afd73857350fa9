# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground that the other tests stand on: a kernel with the drivers, and a comparison that sees differences and nothing but differences."""

from __future__ import annotations

import pytest

SITE = [
    'ip link add br0 type bridge vlan_filtering 1 forward_delay 400',
    'ip link add bond0 type bond mode active-backup miimon 100',
    'ip link add veth0 type veth peer name veth1',
    'ip link set veth0 master bond0',
    'ip link set bond0 master br0',
    'ip link set bond0 up',
    'ip link set veth0 up',
    'ip link set veth1 up',
    'ip link set br0 up',
    'ip addr add 192.0.2.1/24 dev br0',
    'ip route add 198.51.100.0/24 via 192.0.2.254',
]


def test_bond_shows_in_json(pair):
    pair.theirs.ip('link add bond0 type bond mode active-backup miimon 100')
    info = pair.theirs.link('bond0')['linkinfo']
    assert info['info_kind'] == 'bond'
    assert info['info_data']['mode'] == 'active-backup'
    assert info['info_data']['miimon'] == 100


def test_kernel_has_drivers(pair):
    drivers = {
        'dummy': '', 'veth': '', 'bridge': 'vlan_filtering 1', 'bond': 'mode 802.3ad', 'team': '', 'vxlan': 'id 5 dstport 4789', 'vrf': 'table 10',
        'ifb': '', 'nlmon': '', 'vcan': '', 'vxcan': '', 'geneve': 'id 5 remote 192.0.2.1',
    }
    on_top = {'vlan': 'id 5', 'macvlan': 'mode bridge', 'macvtap': 'mode bridge', 'ipvlan': 'mode l3s', 'ipvtap': 'mode l2', 'macsec': 'encrypt on'}
    pair.theirs.batch([f'ip link add name x-{driver} type {driver} {options}' for driver, options in drivers.items()])
    for driver, options in on_top.items():  # each on a link of its own: some claim the one below for themselves
        pair.theirs.batch([f'ip link add below-{driver} type dummy', f'ip link add link below-{driver} name x-{driver} type {driver} {options}'])
    kinds = {link['linkinfo']['info_kind'] for link in pair.theirs.json('ip link')[0] if 'linkinfo' in link}
    assert kinds >= {*drivers, *on_top}


def test_same_commands_compare_equal(pair):
    pair.both(*SITE)
    pair.same()


def test_order_of_creation_does_not_matter(pair):
    pair.ours.batch(SITE)
    pair.theirs.batch([SITE[2], *SITE[:2], *SITE[3:]])
    pair.same()


@pytest.mark.parametrize('difference, where', [
    ('ip link set br0 type bridge forward_delay 500', 'ip link'),
    ('ip link set veth1 mtu 1400', 'ip link'),
    ('ip link set veth1 down', 'ip link'),
    ('ip link set veth1 address 02:00:00:00:00:01', 'ip link'),
    ('ip addr add 192.0.2.2/24 dev br0', 'ip addr'),
    ('ip route replace 198.51.100.0/24 via 192.0.2.253', 'ip route show table all'),
    ('ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:03 dev br0', 'ip neigh'),
    ('bridge vlan add dev bond0 vid 7', 'bridge vlan'),
    ('bridge fdb add 02:00:00:00:00:02 dev bond0 master static', 'bridge fdb'),
    ('bridge link set dev bond0 hairpin on', 'bridge link'),
])
def test_difference_is_seen(pair, difference, where):
    pair.both(*SITE)
    pair.ours.run(difference)
    with pytest.raises(pytest.fail.Exception, match=where):
        pair.same(settle=0)
