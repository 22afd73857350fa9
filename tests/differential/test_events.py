# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change costs, as a listener of the kernel's events sees it: nothing where it is `in_place`, one interruption where it is `down`."""

from __future__ import annotations

import itertools
import socket
import struct

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import DOWN, IN_PLACE
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.link import RTM_NEWLINK
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import Namespaces

RTMGRP_LINK = 1
RTM_DELLINK = 17
IFF_UP = 1
HEADER = struct.Struct('=IHHIIBBHiII')  # nlmsghdr, ifinfomsg


class Events:
    """The events of the links of one namespace since the last question."""

    def __init__(self, space):
        spaces = Namespaces()
        with spaces.entered(space.name):
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        spaces.close()
        self.socket.setblocking(False)
        self.socket.bind((0, RTMGRP_LINK))

    def of(self, index: int) -> list[bool | None]:
        """Whether the link was up, event by event without repetition; None where it went."""
        found = []
        while True:
            try:
                data = self.socket.recv(1 << 17)
            except BlockingIOError:  # events are sent before the change is acknowledged
                return [state for state, unused in itertools.groupby(found)]
            offset = 0
            while offset + HEADER.size <= len(data):
                length, number, *unused, family, unused2, unused3, changed, flags, unused4 = HEADER.unpack_from(data, offset)
                if changed == index and family == socket.AF_UNSPEC:  # not those of bridges about their ports
                    found.append(bool(flags & IFF_UP) if number == RTM_NEWLINK else None)
                offset += (length + 3) & ~3


@pytest.fixture
def watched(spaces):
    space = spaces('ours')
    events = Events(space)
    yield space, events
    events.socket.close()


BELOW = [{'name': 'below', 'kind': 'dummy'}]
MASTER = {'bridge': [{'name': 'br', 'kind': 'bridge'}], 'bond': [{'name': 'bo', 'kind': 'bond', 'bond': {'mode': 'active-backup', 'miimon': 100}}]}


@pytest.mark.parametrize('before, link, changes, cost', [
    ([], {'kind': 'dummy'}, {'mtu': 1400}, IN_PLACE),
    ([], {'kind': 'dummy'}, {'address': '02:00:00:00:00:07'}, IN_PLACE),
    ([], {'kind': 'dummy'}, {'alias': 'roof', 'txqlen': 77, 'group': 7}, IN_PLACE),
    ([], {'kind': 'dummy'}, {'altnames': ['another-name-of-it'], 'promisc': True}, IN_PLACE),
    ([], {'kind': 'bridge'}, {'bridge': {'vlan_filtering': True, 'ageing_time': 7777}}, IN_PLACE),
    ([], {'kind': 'bond', 'bond': {'mode': 'active-backup', 'miimon': 100}}, {'bond': {'miimon': 200}}, IN_PLACE),
    ([], {'kind': 'bond', 'bond': {'mode': '802.3ad', 'miimon': 100}}, {'bond': {'ad_select': 'bandwidth'}}, DOWN),
    ([], {'kind': 'bond', 'bond': {'mode': '802.3ad', 'miimon': 100}}, {'bond': {'lacp_rate': 'fast'}}, DOWN),
    ([], {'kind': 'vxlan', 'vxlan': {'id': 7, 'dstport': 4789}}, {'vxlan': {'ageing': 77, 'learning': False}}, IN_PLACE),
    (BELOW, {'kind': 'vlan', 'link': 'below', 'vlan': {'id': 7}}, {'vlan': {'loose_binding': True, 'egress_qos_map': {2: 1}}}, IN_PLACE),
    (BELOW, {'kind': 'macvlan', 'link': 'below', 'macvlan': {'mode': 'bridge'}}, {'macvlan': {'mode': 'private'}}, IN_PLACE),
    (BELOW, {'kind': 'ipvlan', 'link': 'below', 'ipvlan': {'mode': 'l3'}}, {'ipvlan': {'mode': 'l2'}}, IN_PLACE),
    ([], {'kind': 'gre', 'gre': {'remote': '192.0.2.1'}}, {'gre': {'remote': '192.0.2.2', 'ttl': 7}}, IN_PLACE),
    ([], {'kind': 'geneve', 'geneve': {'id': 7, 'remote': '192.0.2.1'}}, {'geneve': {'ttl': 7}}, IN_PLACE),
    (MASTER['bridge'], {'kind': 'dummy', 'master': 'br'}, {'bridge_port': {'cost': 77, 'hairpin': True}}, IN_PLACE),
    (MASTER['bridge'], {'kind': 'dummy'}, {'master': 'br'}, IN_PLACE),
    (MASTER['bond'], {'kind': 'dummy'}, {'master': 'bo'}, DOWN),
    ([], {'kind': 'veth', 'peer': {'name': 'peer'}}, {'mtu': 1400, 'alias': 'cable'}, IN_PLACE),
])
def test_interruptions(watched, before, link, changes, cost):
    """A link that is up: no event of a change in place shows it down; one that has to be down is so once, and no longer than its task."""
    space, events = watched
    space.module('vnet_link', config=[*before, {'name': 'x', **link}])
    index = space.links()['x']
    assert events.of(index)[-1] is True
    kind = link['kind']
    wanted = {'name': 'x', **link, **changes, **({kind: {**link.get(kind, {}), **changes[kind]}} if kind in changes else {})}
    planned = space.module('vnet_link', config=[*before, wanted], check=True)
    assert False not in events.of(index)  # that it is up may be told again: carriers take their time
    done = space.module('vnet_link', config=[*before, wanted])
    assert done == planned and {operation['disruption'] for operation in done['operations']} == {cost}
    seen = events.of(index)
    assert seen.count(False) == {IN_PLACE: 0, DOWN: 1}[cost] and None not in seen and seen[-1:] != [False] and space.links()['x'] == index
    assert space.module('vnet_link', config=[*before, wanted])['operations'] == [] and False not in events.of(index)
