# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hsr: a redundant ring or pair of networks, IEC 62439-3 (net/hsr, IFLA_HSR_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Int, LinkRef, Numbered

#: the address is reported whole, and its last byte set by an attribute of its own
_LAST_BYTE = (lambda value: bytes((0x01, 0x15, 0x4E, 0x00, 0x01, value)), lambda data, start, end: int.from_bytes(data[start:end][-1:], 'big'))


def _encode(values: dict, attrs: dict):
    if 'IFLA_HSR_SUPERVISION_ADDR' in attrs:
        attrs['IFLA_HSR_MULTICAST_SPEC'] = attrs.pop('IFLA_HSR_SUPERVISION_ADDR')


def _check(values: dict):
    if values.get('proto') == 'prp' and values.get('version'):
        return 'version is of proto hsr; prp has only one'
    return None


KIND = Kind('hsr', 'A node of a redundant network: every frame is sent on two links, and what comes twice is passed on once.', [
    Field('slave1', LinkRef(), 'IFLA_HSR_SLAVE1', 'First link of the ring, or to the first network.', nla=(1, 'uint32'), live=RECREATE),
    Field('slave2', LinkRef(), 'IFLA_HSR_SLAVE2', 'Second link of the ring, or to the second network.', nla=(2, 'uint32'), live=RECREATE),
    Field('interlink', LinkRef(), 'IFLA_HSR_INTERLINK', 'Link to nodes that know nothing of the redundancy.', nla=(8, 'uint32'), live=RECREATE,
          write_only=True),
    Field('supervision', Int(0, 255), 'IFLA_HSR_SUPERVISION_ADDR', 'Last byte of the multicast address of supervision frames. The default is 0.',
          nla=(4, _LAST_BYTE), live=RECREATE),
    Field('version', Int(0, 1), 'IFLA_HSR_VERSION', 'Version of HSR. The default is 0.', nla=(6, 'uint8'), live=RECREATE, write_only=True),
    Field('proto', Numbered({'hsr': 0, 'prp': 1}), 'IFLA_HSR_PROTOCOL', 'Protocol: a ring (V(hsr), the default) or two networks (V(prp)).',
          nla=(7, 'uint8'), live=RECREATE),
], rows=[(3, 'IFLA_HSR_MULTICAST_SPEC', 'uint8')], encode=_encode, check=_check, ether=False)
