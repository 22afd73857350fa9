# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Multicast entries as bytes: what iproute2 sends, and a report of the kernel."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.mdb import ENTRY, Group, Mdb


class Kernel:
    def index(self, netns, name):
        return {'b0': 2, 'p': 3}[name]


def test_a_request():
    values = {'dev': 'b0', 'port': 'p', 'grp': '239.1.1.1', 'vid': 7, 'entry_state': 'permanent', 'filter_mode': 'include',
              'source_list': ['192.0.2.2', '192.0.2.3'], 'protocol': 118}
    ((netns, request),) = Mdb().encode(Operation('mdb', 'create', None, (), '', values), Kernel())
    assert (netns, request.type) == (None, 84)
    assert request.body.hex(' ', 4) == ' '.join([
        '07000000 02000000', '20000100', '03000000 01000700 ef010101 00000000 00000000 00000000 08000000',  # struct br_port_msg, struct br_mdb_entry
        '30000280', '05000300 01000000', '05000400 76000000',  # filter_mode, protocol
        '1c000280', '0c000180 08000100 c0000202', '0c000180 08000100 c0000203',  # the list and its entries are marked as nested
    ])


@pytest.mark.parametrize('group', ['239.1.1.1', 'ff0e::1', '01:02:03:04:05:06'])
def test_groups(group):
    address, ethertype = Group.pack(group)
    entry = ENTRY.pack(1, 1, 0, 0, address, ethertype)
    assert len(entry) == 28 and Group.read(*ENTRY.unpack(entry)[4:]) == group
