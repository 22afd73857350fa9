# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FDB entries that are asked for device by device answer as a dump of all of them does, and nobody reads more than it needs."""

from __future__ import annotations

import struct
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel, World
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NetlinkSocket
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

DEVICES = ['lo', 'b0', 'vx0', 'vx1', *(f'p{place}' for place in range(10))]
#: of no device, of no MAC, and of a MAC that another device has
STRANGE = [('none', '02:00:00:00:00:01'), ('vx0', '02:ff:ff:ff:ff:ff'), ('vx1', '02:00:00:00:00:02')]


@pytest.fixture
def busy(spaces):
    ours = spaces('ours')
    ours.batch(['ip link add name b0 type bridge vlan_filtering 1', 'ip link set dev b0 up',
                'ip link add name vx0 type vxlan id 7 dstport 4789 remote 10.9.9.9', 'ip link set dev vx0 master b0 up',
                'ip link add name vx1 type vxlan id 8 dstport 4790', 'ip link set dev vx1 up',
                *(f'ip link add name p{place} type dummy' for place in range(10)),
                *(f'ip link set dev p{place} {"master b0" if place < 5 else ""} up' for place in range(10))])
    ours.batch(['bridge fdb add 02:00:00:00:00:01 dev vx0 dst 10.0.0.1', 'bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.2',
                'bridge fdb add 02:00:00:00:00:02 dev vx0 master static', 'bridge fdb add 02:00:00:00:00:03 dev vx1 dst 10.0.0.3 vni 9',
                'bridge fdb add 02:00:00:00:00:04 dev p0 master static vlan 1', 'bridge fdb add 02:00:00:00:00:05 dev p7',
                'bridge fdb add 02:00:00:00:00:06 dev b0 self', 'bridge fdb add 02:00:00:00:00:07 dev vx1 dst 10.0.0.7 port 9999'])
    return ours


def table(space):
    kernel = Kernel()
    return World(RESOURCES, kernel).table('fdb', space.name), kernel


def test_answers_are_those_of_a_dump(busy):
    full, kernel = table(busy)
    whole = dict(full.items())
    kernel.close()
    assert len({key[0] for key in whole}) >= 10 and {key[1] for key in whole} >= {f'02:00:00:00:00:0{place}' for place in range(1, 8)}
    keys = [*whole, *((*key, *[None] * 7, False) for key in STRANGE)]
    questions = st.one_of(st.tuples(st.sampled_from(['get', 'in', 'item']), st.sampled_from(keys)),
                          st.tuples(st.just('of'), st.sampled_from([*DEVICES, 'none'])),
                          st.tuples(st.sampled_from(['all', 'count']), st.none()))

    def answer(entries, question, of):
        try:
            return {'get': lambda: entries.get(of), 'in': lambda: of in entries, 'item': lambda: entries[of], 'count': lambda: len(entries),
                    'of': lambda: dict(entries.of(of)) if entries is not whole else {key: values for key, values in whole.items() if key[0] == of},
                    'all': lambda: dict(entries.items())}[question]()
        except KeyError as exc:
            return exc.args

    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(questions, max_size=20))
    def ask(asked):
        live, kernel = table(busy)
        try:
            for question, of in asked:
                assert answer(live, question, of) == answer(whole, question, of), (question, of)
        finally:
            kernel.close()

    ask()


@pytest.mark.parametrize('module, item', [
    ('vnet_fdb', {'dev': 'vx1', 'mac': '02:00:00:00:00:09', 'dst': '10.0.0.9'}),
    ('vnet_fdb', {'dev': 'vx1', 'config': [{'mac': '02:00:00:00:00:03', 'dst': '10.0.0.3', 'vni': 9}], 'purge': True}),
    ('vnet_link', {'name': 'vx1', 'kind': 'vxlan', 'vxlan': {'id': 11}, 'recreate': True}),
    ('vnet_link', {'name': 'vx1', 'state': 'absent'}),
])
def test_only_the_device_in_question_is_read(busy, module, item):
    index, told = busy.links()['vx1'], []
    dump = NetlinkSocket.dump

    def noted(self, kind, body, *more):
        if kind == neigh.RTM_GETNEIGH and body[0] == neigh.AF_BRIDGE:
            told.append(struct.unpack_from('=i', body, 4)[0])
        return dump(self, kind, body, *more)

    with mock.patch.object(NetlinkSocket, 'dump', noted):
        assert busy.module(module, **item)['changed']
    assert index in told and 0 not in told, told
