# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ipoib: IP over InfiniBand, a partition of a port (drivers/infiniband/ulp/ipoib, IFLA_IPOIB_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int


class Pkey(Int):
    """A partition key; iproute2 prints it hexadecimal."""

    def __init__(self):
        super().__init__(0x0001, 0xFFFF)
        self.spec = {'type': 'str'}
        self.allowed = '0x0001-0xffff'

    def parse(self, value):
        number = super().parse(value)
        if not number & 0x7FFF:  # the highest bit is full membership, the others are the partition
            raise ValueError(self.allowed + ' and not 0x8000')
        return f'{number:#06x}'

    def wire(self, value):
        return int(value, 0)

    def unwire(self, raw):
        return f'{raw:#06x}'


KIND = Kind('ipoib', 'A partition of the InfiniBand port whose link O(link) names.', [
    Field('pkey', Pkey(), 'IFLA_IPOIB_PKEY', 'Key of the partition.', nla=(1, 'uint16'), live=RECREATE, aliases=['key']),
    Field('mode', Enum({'datagram': 0, 'connected': 1}), 'IFLA_IPOIB_MODE', 'Unreliable datagrams, or connections with a larger MTU.', nla=(2, 'uint16')),
    Field('umcast', Bool('1', '0'), 'IFLA_IPOIB_UMCAST', 'Multicast groups are joined by user space.', nla=(3, 'uint16')),
], parent='required', ether=False)
