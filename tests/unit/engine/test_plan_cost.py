# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan looks at grows with what is listed, not with its square: counted, since time tells little on a busy machine."""

from __future__ import annotations

from unittest import mock

import pytest
from unit.engine.worlds import Simulator, read_world

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_found import LinkTable

MANY = 500


class Counted(dict):
    """A table that counts how many of its rows were walked over."""

    def __init__(self, table, walks):
        super().__init__(table)
        self.walks = walks

    def items(self):
        self.walks[0] += len(self)
        return super().items()

    def values(self):
        self.walks[0] += len(self)
        return super().values()


@pytest.mark.parametrize('change', [{'mtu': 1400}, {'up': False}, {'state': 'absent'}], ids=str)
def test_links_on_links(change):
    links = [{'name': 'd0', 'kind': 'dummy', 'index': 2, 'mtu': 9000, 'up': True}]
    links += [{'name': f'v{vid}', 'kind': 'vlan', 'link': 'd0', 'index': 2 + vid, 'link_index': 2, 'mtu': 9000, 'up': True, 'vlan': {'id': vid}}
              for vid in range(1, MANY + 1)]
    addresses = [{'dev': f'v{vid}', 'address': f'10.{vid >> 8}.{vid & 255}.1/24'} for vid in range(1, MANY + 1)]
    world = Simulator(read_world({'links': links, 'addresses': addresses})).world()
    desired = from_document(RESOURCES, {'links': [{'name': link['name'], **change} for link in links]})
    walks = [0]
    world.tables['addresses', None] = Counted(world.tables['addresses', None], walks)
    with mock.patch.object(LinkTable, 'values', lambda table: Counted(table, walks).values(), create=True):
        operations = make_plan(desired, world)
    assert len(operations) == MANY + 1
    assert walks[0] <= 20 * MANY
