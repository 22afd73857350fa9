# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a type accepts, over its whole range."""

from __future__ import annotations

import ipaddress

from hypothesis import strategies as st

from ansible_collections.linuxnet.vnet.plugins.module_utils._model import types

MACS = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(':'))
WORD = st.text('abcdefghijklmnopqrstuvwxyzABC0123456789_.-', min_size=1, max_size=15).filter(lambda text: text not in ('.', '..'))


def addresses(kind):
    found = []
    for family, version in ((4, st.ip_addresses(v=4)), (6, st.ip_addresses(v=6))):
        if kind.family in (None, family):
            found.append(version.map(str))
    either = st.one_of(found)
    if kind.multicast is True:
        return st.integers(1, 0xFFFFFFE).map(lambda number: str(ipaddress.IPv4Address(0xE0000000 + number))) | st.integers(1, 2**100).map(
            lambda number: str(ipaddress.IPv6Address((0xFF02 << 112) + number)))
    return either.filter(lambda text: not types.is_multicast(types.canonical_ip(text))) if kind.multicast is False else either


def values_of(kind) -> st.SearchStrategy:
    """What parse() accepts, canonical or not."""
    if type(kind).__name__ == 'Pkey':
        return st.integers(1, 0x7FFF).map(hex) | st.integers(0x8001, 0xFFFF)
    if type(kind).__name__ == 'SamplePoint':
        return st.integers(1, 999).map(lambda part: f'0.{part:03}') | st.sampled_from([0.5, '.75'])
    if isinstance(kind, types.Int):
        numbers = st.integers(kind.lo, kind.hi)
        return numbers | numbers.map(str) | (st.sampled_from(list(kind.names)) if kind.names else st.nothing())
    if isinstance(kind, types.Bool):
        return st.booleans() | st.sampled_from(['yes', 'no', 'On', 'off', 1, 0, 'true', 'False'])
    if isinstance(kind, types.Enum):
        return st.sampled_from(list(kind.numbers)) | st.sampled_from(list(kind.numbers.values()))
    if isinstance(kind, types.Flags):
        return st.lists(st.sampled_from(list(kind.bits)))
    if isinstance(kind, (types.AltName, types.NetnsName)):
        return WORD
    if isinstance(kind, types.LinkRef):
        return st.sampled_from(['eth0', 'eth1'] + ([''] if kind.none else []))
    if isinstance(kind, types.LinkName):
        return WORD
    if isinstance(kind, types.Netns):
        return WORD | st.integers(1, 99999).map('pid:{}'.format) | WORD.map('/run/{}'.format)
    if isinstance(kind, types.Mac):
        return MACS | MACS.map(str.upper) | MACS.map(lambda text: text.replace(':', '-'))
    if isinstance(kind, types.Ip):
        return addresses(kind)
    if isinstance(kind, types.Cidr):
        found = st.ip_addresses(v=4).flatmap(lambda one: st.integers(0, 32).map(lambda length: f'{one}/{length}')) | st.ip_addresses(v=6).flatmap(
            lambda one: st.integers(0, 128).map(lambda length: f'{one}/{length}')) | st.ip_addresses().map(str)
        if kind.network:
            found = found.map(lambda text: str(ipaddress.ip_network(text, strict=False)))
        return found | st.just('default') if kind.default else found
    if isinstance(kind, types.Map):
        return st.dictionaries(values_of(kind.key), values_of(kind.item), max_size=4)
    if isinstance(kind, types.ListOf):
        return st.lists(values_of(kind.item), max_size=kind.size or 5)
    if isinstance(kind, types.Text):
        return st.text(st.characters(codec='utf-8', exclude_characters='\0'), max_size=max(1, kind.size // 4))
    if type(kind).__name__ == 'Hex':
        return st.sampled_from(kind.sizes).flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(bytes.hex)
    if type(kind).__name__ == 'PortRange':
        return st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted).map(lambda pair: f'{pair[0]}-{pair[1]}')
    if type(kind).__name__ in ('UserId', 'GroupId'):
        return st.integers(1, 65533)
    raise NotImplementedError(type(kind).__name__)
