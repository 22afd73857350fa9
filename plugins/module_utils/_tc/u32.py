# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""u32: matches of masked words of the packet, read and written as tc has them (linux/pkt_cls.h)."""

from __future__ import annotations

import re
import socket
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Type, canonical_ip

_SELECTOR = struct.Struct('>BBBxHHhhI')
_KEY = struct.Struct('>II')
_WHERE = struct.Struct('=ii')
_TERMINAL = 1
_MASKS = {'u8': 0xFF, 'u16': 0xFFFF, 'u32': 0xFFFFFFFF}
_NEXT = -1  #: offmask of what is counted from the next header
#: keyword: (size in bits, offset, whether from the next header)
_PLACES = {
    'ip tos': (8, 1, 0), 'ip dsfield': (8, 1, 0), 'ip precedence': (8, 1, 0), 'ip ihl': (8, 0, 0), 'ip protocol': (8, 9, 0), 'ip sport': (16, 20, 0),
    'ip dport': (16, 22, 0), 'ip icmp_type': (8, 20, 0), 'ip icmp_code': (8, 21, 0),
    'ip6 protocol': (8, 6, 0), 'ip6 sport': (16, 40, 0), 'ip6 dport': (16, 42, 0), 'ip6 icmp_type': (8, 40, 0), 'ip6 icmp_code': (8, 41, 0),
    'udp src': (16, 0, _NEXT), 'udp dst': (16, 2, _NEXT), 'tcp src': (16, 0, _NEXT), 'tcp dst': (16, 2, _NEXT), 'icmp type': (8, 0, _NEXT),
    'icmp code': (8, 1, _NEXT),
}
_FIXED = {'ip nofrag': (0, 0x3FFF), 'ip firstfrag': (0x2000, 0x3FFF), 'ip df': (0x4000, 0x4000), 'ip mf': (0x2000, 0x2000)}
_ADDRESSES = {'ip src': (12, 32), 'ip dst': (16, 32), 'ip6 src': (8, 128), 'ip6 dst': (24, 128)}


class Matches(Type):
    """A list of matches as tc takes them after `match`; canonical are whole words, `u32 VALUE MASK at OFFSET`."""

    spec = {'type': 'raw'}
    allowed = ("a list of matches such as 'ip src 192.0.2.0/24', 'ip dport 80 0xffff', 'ip6 dst 2001:db8::/32', 'tcp dst 443 0xffff',"
               " 'u32 0x0 0x0 at 0', 'u16 0x800 0xffff at nexthdr+2', or all")

    def parse(self, value):
        keys: list[list] = []
        for text in [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [None]:
            words = str(text).removeprefix('match ').split()
            try:
                for number, mask, offset, base in self._keys(words):
                    self._merge(keys, number & mask, mask, offset, base)
            except (ValueError, IndexError, OSError, OverflowError):
                raise ValueError(self.allowed) from None
        return [self._shown(key) for key in keys]

    @staticmethod
    def _merge(keys, number, mask, offset, base):
        """Bits of one word are one key, as tc has it."""
        for key in keys:
            if key[2:] == [offset, base]:
                if (key[0] ^ number) & mask & key[1]:
                    raise ValueError('contradiction')
                key[0], key[1] = key[0] | number, key[1] | mask
                return
        keys.append([number, mask, offset, base])

    def _keys(self, words):
        """Yield (value, mask, offset of the word, base) of one match."""
        name = ' '.join(words[:2])
        if words == ['all']:
            yield 0, 0, 0, 0
        elif words[0] in _MASKS:
            number, mask = int(words[1], 0), int(words[2], 0)
            base, place = 0, words[4] if len(words) == 5 and words[3] == 'at' else words[3:] and self._refuse() or '0'
            if place.startswith('nexthdr'):
                base, place = _NEXT, place[len('nexthdr'):] or '0'
            yield self._word(int(words[0][1:]), number, mask, int(place, 0), base)
        elif name in _ADDRESSES and len(words) == 3:
            offset, bits = _ADDRESSES[name]
            address, unused, length = words[2].partition('/')
            family = socket.AF_INET6 if bits == 128 else socket.AF_INET
            data, length = socket.inet_pton(family, canonical_ip(address)), int(length or bits)
            if not 0 <= length <= bits:
                self._refuse()
            for place in range(0, max(length, 1 if bits == 32 else 0), 32):
                kept = min(length - place, 32)
                yield int.from_bytes(data[place // 8:place // 8 + 4], 'big'), (0xFFFFFFFF << (32 - kept)) & 0xFFFFFFFF, offset + place // 8, 0
        elif name in _FIXED and len(words) == 2:
            yield self._word(16, *_FIXED[name], 6, 0)
        elif name == 'ip6 flowlabel' and len(words) == 4:
            yield int(words[2], 0) & 0xFFFFF, int(words[3], 0) & 0xFFFFF, 0, 0
        elif name == 'ip6 priority' and len(words) == 4:
            yield (int(words[2], 0) & 0xFF) << 20, (int(words[3], 0) & 0xFF) << 20, 0, 0
        elif name in _PLACES and len(words) == 4:
            yield self._word(_PLACES[name][0], int(words[2], 0), int(words[3], 0), *_PLACES[name][1:])
        else:
            self._refuse()

    @staticmethod
    def _refuse():
        raise ValueError('no match')

    @staticmethod
    def _word(bits, number, mask, offset, base):
        """A part of a word as one."""
        if not (0 <= number < 1 << bits and 0 <= mask < 1 << bits) or offset % (bits // 8):
            raise ValueError('out of range')
        shift = 32 - bits - offset % 4 * 8
        return number << shift, mask << shift, offset - offset % 4, base

    @staticmethod
    def _shown(key):
        number, mask, offset, base = key
        return f'u32 0x{number:x} 0x{mask:x} at ' + (f'nexthdr+{offset}' if base else str(offset))

    @staticmethod
    def wire(value) -> bytes:
        keys = []
        for text in value:
            found = re.fullmatch(r'u32 (\w+) (\w+) at (nexthdr\+)?(-?\d+)', text)
            keys.append(_KEY.pack(int(found[2], 0), int(found[1], 0)) + _WHERE.pack(int(found[4]), _NEXT if found[3] else 0))
        return _SELECTOR.pack(0, 0, len(keys), 0, 0, 0, 0, 0) + b''.join(keys)

    def unwire(self, raw):
        if len(raw) < _SELECTOR.size:
            return None
        count = _SELECTOR.unpack_from(raw)[2]
        keys = []
        for place in range(_SELECTOR.size, _SELECTOR.size + count * 16, 16):
            mask, number = _KEY.unpack_from(raw, place)
            keys.append([number, mask, *_WHERE.unpack_from(raw, place + 8)])
        return [self._shown(key) for key in keys]

    def argv(self, value):
        return [word for text in value for word in ('match', *text.split())]


def terminal(selector: bytes, ends: bool) -> bytes:
    """The selector of a filter that ends the search, by its class or its actions."""
    return bytes([_TERMINAL if ends else 0]) + selector[1:]
