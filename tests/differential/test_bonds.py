# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bonds fare: `bonds` of vnet_info tells what `ip -d -j link` does, from the first LACPDU until all ports send."""

from __future__ import annotations

import time

from module import run_here

PORTS = ('port0', 'port1')


def told(space) -> dict:
    found = run_here('vnet_info', {'netns': [space.name], 'gather': ['state']})['bonds']
    return {name: {key: value for key, value in port.items() if key != 'name'} for name, port in found[0]['ports'].items()}


def shown(space) -> dict:
    """The same of iproute2, which calls states UP what are up here."""
    ports = {name: dict(space.link(name)['linkinfo']['info_slave_data']) for name in PORTS}
    return {name: {key: value.lower() if key in ('state', 'mii_status') else value for key, value in port.items() if key != 'queue_id'}
            for name, port in ports.items()}


def test_lacp_of_two_bonds(spaces):
    left, right = spaces('left', 'right')
    for name in PORTS:
        left.ip(f'link add {name} type veth peer {name} netns {right.name}')
    for space in (left, right):
        space.ip('link add bond0 type bond mode 802.3ad miimon 100 lacp_rate fast')
        for name in PORTS:
            space.ip(f'link set {name} master bond0')
        space.ip('link set bond0 up')
    seen, deadline = set(), time.monotonic() + 60
    while time.monotonic() < deadline:
        before, ports = shown(left), told(left)
        if shown(left) == before:  # it did not change while we looked
            for name in PORTS:
                common = ports[name].keys() & before[name].keys()
                assert common >= {'state', 'ad_actor_oper_port_state', 'ad_actor_oper_port_state_str', 'ad_partner_oper_port_state_str'}
                assert {key: ports[name][key] for key in common} == {key: before[name][key] for key in common}
            seen.add(all('distributing' in port['ad_actor_oper_port_state_str'] for port in ports.values()))
            if True in seen:
                break
        time.sleep(0.2)
    assert seen == {False, True}
