# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic control: a kind of qdisc, class, filter or action is a table of fields, and the values are those of tc(8)."""

from __future__ import annotations

import re
import socket
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Mac, Type, canonical_ip
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout, attribute, attributes

_NUMBER = re.compile(r'([0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?|\.[0-9]+)\s*([a-z%]*)', re.IGNORECASE)
_MAX = 0xFFFFFFFF


def _split(value, allowed: str) -> tuple[float, str]:
    """A number and the unit after it."""
    found = _NUMBER.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
    if found is None:
        raise ValueError(allowed)
    return float(found[1]), found[2].lower()


class Rate(Type):
    """A rate; on the wire bytes a second. Canonical is the largest unit of bits that has no fraction. Percent is of the link's speed."""

    spec = {'type': 'str'}
    _scale = {'': 1, 'bit': 1, 'kibit': 2**10, 'kbit': 10**3, 'mibit': 2**20, 'mbit': 10**6, 'gibit': 2**30, 'gbit': 10**9, 'tibit': 2**40, 'tbit': 10**12}
    _scale.update({name.replace('bit', 'bps'): scale * 8 for name, scale in list(_scale.items()) if name})

    def __init__(self, percent: bool = False, most: int = _MAX, least: int = 1, names: dict | None = None):
        self.percent, self.most, self.least, self.names = percent, most, least, names or {}
        self.allowed = 'a rate such as 10mbit, 1.5gbit or 125kbps (bare numbers are bit/s)' + (', or percent of the speed of the link' if percent
                                                                                               else '') + ''.join(
            f', or {name}' for name in self.names)

    def parse(self, value):
        if value in self.names:
            return value
        number, unit = _split(value, self.allowed)
        if unit == '%' and self.percent and number <= 100:
            return f'{number:g}%'
        if unit not in self._scale:
            raise ValueError(self.allowed)
        rate = int(number * self._scale[unit] / 8)
        if not self.least <= rate <= self.most:
            raise ValueError(f'{self.allowed}, {self.unwire(self.least)} to {self.unwire(self.most)}')
        return self.unwire(rate)

    def wire(self, value) -> int:
        if value in self.names:
            return self.names[value]
        number, unit = _split(value, self.allowed)
        return int(number * self._scale[unit] / 8)

    def unwire(self, raw):
        for name, number in self.names.items():
            if raw == number:
                return name
        for unit, scale in (('tbit', 10**12), ('gbit', 10**9), ('mbit', 10**6), ('kbit', 10**3)):
            if raw and raw * 8 % scale == 0:
                return f'{raw * 8 // scale}{unit}'
        return f'{raw * 8}bit'


class Size(Type):
    """Bytes."""

    spec = {'type': 'str'}
    _scale = {'': 1, 'b': 1, 'k': 2**10, 'kb': 2**10, 'm': 2**20, 'mb': 2**20, 'g': 2**30, 'gb': 2**30, 'kbit': 2**7, 'mbit': 2**17, 'gbit': 2**27}

    def __init__(self, least: int = 0, most: int = _MAX):
        self.least, self.most = least, most
        self.allowed = 'a size such as 1600, 15kb or 1mb (of 1024 bytes)'

    def parse(self, value):
        number, unit = _split(value, self.allowed)
        if unit not in self._scale:
            raise ValueError(self.allowed)
        size = int(number * self._scale[unit])
        if not self.least <= size <= self.most:
            raise ValueError(f'{self.allowed}, {self.least} to {self.most} bytes')
        return size


class Time(Type):
    """A time; on the wire in microseconds, or nanoseconds where `nano`."""

    spec = {'type': 'str'}
    _scale = {'s': 10**9, 'sec': 10**9, 'secs': 10**9, 'ms': 10**6, 'msec': 10**6, 'msecs': 10**6, 'us': 10**3, 'usec': 10**3, 'usecs': 10**3,
              'ns': 1, 'nsec': 1, 'nsecs': 1}

    def __init__(self, nano: bool = False, most: int | None = None, names: dict | None = None):
        self.unit = 1 if nano else 1000
        self.most = most if most is not None else 2**63 - 1 if nano else _MAX
        self.names = names or {}
        self.allowed = f"a time such as 50ms, 1.5s or 100us (bare numbers are {'nanoseconds' if nano else 'microseconds'})" + ''.join(
            f', or {name}' for name in self.names)

    def number(self, value) -> int:
        """What was written, as a number for the wire."""
        number, unit = _split(value, self.allowed)
        if unit and unit not in self._scale:
            raise ValueError(self.allowed)
        raw = int(number * (self._scale[unit] / self.unit if unit else 1))
        if raw > self.most:
            raise ValueError(f'{self.allowed}, at most {Time.unwire(self, self.most)}')
        return raw

    def parse(self, value):
        return value if value in self.names else self.unwire(self.number(value))

    def wire(self, value) -> int:
        if value in self.names:
            return self.names[value]
        digits = re.match('[0-9]+', value)[0]
        return int(digits) * self._scale[value[len(digits):]] // self.unit

    def unwire(self, raw):
        for name, number in self.names.items():
            if raw == number:
                return name
        nano = raw * self.unit
        for unit in ('s', 'ms', 'us', 'ns'):
            if nano % self._scale[unit] == 0 and (nano or unit == 'us'):
                return f'{nano // self._scale[unit]}{unit}'
        return f'{nano}ns'


class Percent(Type):
    """A probability, on the wire a share of 2**32 - 1 (or of `whole`); canonical is the shortest percentage that becomes that share."""

    spec = {'type': 'str'}
    allowed = 'a percentage, 0%-100%'

    def parse(self, value):
        number, unit = _split(value, self.allowed)
        if unit not in ('', '%') or number > 100:
            raise ValueError(self.allowed)
        return self.unwire(self._share(number))

    @staticmethod
    def _share(number: float) -> int:
        return round(number / 100 * _MAX)

    def wire(self, value) -> int:
        return self._share(float(value.rstrip('%')))

    def unwire(self, raw):
        for digits in range(1, 17):
            text = f'{raw / _MAX * 100:.{digits}g}'
            if self._share(float(text)) == raw:
                break
        return f'{float(text):g}%' if self._share(float(f'{float(text):g}')) == raw else f'{text}%'


class Handle(Type):
    """The handle of a qdisc, `1:`; on the wire the major part of a 32-bit number. It is hexadecimal."""

    spec = {'type': 'str'}
    allowed = 'a hexadecimal number of 16 bits and a colon, in quotes, as "1:" or "8001:"'

    def parse(self, value):
        text = str(value)
        if not re.fullmatch('[0-9a-fA-F]{1,4}:?', text) or isinstance(value, bool) or not int(text.rstrip(':'), 16):
            raise ValueError(self.allowed)
        return f"{int(text.rstrip(':'), 16):x}:"

    def wire(self, value):
        return int(value.rstrip(':'), 16) << 16

    def unwire(self, raw):
        return f'{raw >> 16:x}:'


class ClassId(Type):
    """The id of a class, `1:10`, or of a qdisc, `1:`; `words` name places that are no class ({'root': 0xffffffff})."""

    spec = {'type': 'str'}

    def __init__(self, words: dict | None = None, whole: bool = False):
        """whole: an id of a class, so the part after the colon is needed."""
        self.numbers, self.whole = words or {}, whole
        self.allowed = ''.join(f'{word}, ' for word in self.numbers) + (
            'an id in hexadecimal and in quotes such as "1:10" (YAML reads 1:10 without quotes as the number 70)')

    def parse(self, value):
        text = str(value)
        if text in self.numbers:
            return text
        found = re.fullmatch('([0-9a-fA-F]{0,4}):([0-9a-fA-F]{0,4})', text)
        if found is None or (self.whole and not found[2]):
            raise ValueError(self.allowed)
        return self.unwire(int(found[1] or '0', 16) << 16 | int(found[2] or '0', 16))

    def wire(self, value):
        if value in self.numbers:
            return self.numbers[value]
        major, unused, minor = value.partition(':')
        return int(major or '0', 16) << 16 | int(minor or '0', 16)

    def unwire(self, raw):
        for word, number in self.numbers.items():
            if number == raw:
                return word
        major, minor = raw >> 16, raw & 0xFFFF
        return (f'{major:x}' if major else '') + ':' + (f'{minor:x}' if minor or not major else '')


class Hex(Type):
    """A number that tc reads and writes in hexadecimal."""

    spec = {'type': 'str'}

    def __init__(self, most: int = _MAX, base: int = 0, prefix: str = '0x'):
        """base: 16 where tc takes digits without 0x for hexadecimal, too."""
        self.most, self.base, self.prefix = most, base, prefix
        self.allowed = f'a number up to {most:#x}' + (', in hexadecimal' if base == 16 else '')

    def parse(self, value):
        try:
            number = int(str(value), self.base) if not isinstance(value, bool) else -1
        except ValueError:
            number = -1
        if not 0 <= number <= self.most:
            raise ValueError(self.allowed)
        return self.unwire(number)

    def wire(self, value):
        return int(value, 16)

    def unwire(self, raw):
        return f'{self.prefix}{raw:x}'


class Masked(Type):
    """VALUE or VALUE/MASK of whole numbers; on the wire a pair. Without a mask all bits count."""

    spec = {'type': 'str'}

    def __init__(self, bits: int, hexadecimal: bool = False):
        """hexadecimal: tc reads digits without 0x as such."""
        self.full, self.base = (1 << bits) - 1, 16 if hexadecimal else 0
        self.form = '0x{:x}' if hexadecimal else '{}'
        self.allowed = f'a number up to {self.full:#x}, or one with a mask as VALUE/MASK' + (', in hexadecimal' if hexadecimal else '')

    def parse(self, value):
        text, slash, mask = str(value).partition('/')
        try:
            pair = int(text, self.base), int(mask, self.base) if slash else self.full
        except ValueError:
            raise ValueError(self.allowed) from None
        if not (0 <= pair[0] <= self.full and 0 < pair[1] <= self.full) or isinstance(value, bool):
            raise ValueError(self.allowed)
        return self.unwire((pair[0] & pair[1], pair[1]))

    def wire(self, value):
        text, slash, mask = value.partition('/')
        return int(text, 0), int(mask, 0) if slash else self.full

    def unwire(self, raw):
        value, mask = raw
        return self.form.format(value) + ('' if mask == self.full else '/' + f'0x{mask:x}')


class MaskedMac(Type):
    """MAC, MAC/MASK or MAC/BITS; on the wire a pair."""

    spec = {'type': 'str'}
    allowed = 'a MAC address, or one with a mask as 02:00:00:00:00:00/ff:00:00:00:00:00'
    _full = 'ff:ff:ff:ff:ff:ff'

    def parse(self, value):
        text, slash, mask = str(value).partition('/')
        if slash and mask.isdigit() and int(mask) <= 48:
            mask = (((1 << int(mask)) - 1) << (48 - int(mask))).to_bytes(6, 'big').hex(':')
        try:
            mac, mask = Mac().parse(text), Mac().parse(mask) if slash else self._full
        except ValueError:
            raise ValueError(self.allowed) from None
        kept = bytes(one & other for one, other in zip(bytes.fromhex(mac.replace(':', '')), bytes.fromhex(mask.replace(':', ''))))
        return self.unwire((kept.hex(':'), mask))

    def wire(self, value):
        mac, slash, mask = value.partition('/')
        return mac, mask if slash else self._full

    def unwire(self, raw):
        return raw[0] + ('' if raw[1] == self._full else f'/{raw[1]}')


class MaskedIp(Type):
    """An address or ADDRESS/PREFIXLEN; on the wire a pair of addresses."""

    spec = {'type': 'str'}
    allowed = 'an address or a network such as 192.0.2.0/24 or 2001:db8::/32'

    def parse(self, value):
        text, slash, length = str(value).partition('/')
        try:
            address = canonical_ip(text)
        except ValueError:
            raise ValueError(self.allowed) from None
        bits = 128 if ':' in address else 32
        if slash and not (length.isdigit() and int(length) <= bits):
            raise ValueError(self.allowed)
        count = int(length) if slash else bits
        family = socket.AF_INET6 if bits == 128 else socket.AF_INET
        number = int.from_bytes(socket.inet_pton(family, address), 'big') >> (bits - count) << (bits - count)
        return socket.inet_ntop(family, number.to_bytes(bits // 8, 'big')) + ('' if count == bits else f'/{count}')

    def wire(self, value):
        address, slash, length = value.partition('/')
        bits, family = (128, socket.AF_INET6) if ':' in address else (32, socket.AF_INET)
        count = int(length) if slash else bits
        return address, socket.inet_ntop(family, (((1 << count) - 1) << (bits - count)).to_bytes(bits // 8, 'big'))

    def unwire(self, raw):
        address, mask = raw
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        bits = ''.join(f'{byte:08b}' for byte in socket.inet_pton(family, mask))
        return address if '0' not in bits else f"{address}/{bits.count('1')}"


class Word(Bool):
    """A keyword that stands for itself; without it tc has nothing to say. `bit` on the wire."""

    def __init__(self, wire=(0, 1)):
        super().__init__(None, None, wire)

    def argv(self, value):
        return []


class TcKind:
    """One kind of qdisc, class, filter or action.

    name      TCA_KIND, and tc's own word
    doc       a sentence for the manual
    fields    options; Field.attr is an attribute of `rows`, or a member of `struct`
    rows      (number, name, type) of the attributes of TCA_OPTIONS; those of fields with nla=... need not be repeated
    struct    [(member, format)]: a fixed structure, and `within` the number of the attribute that it is the payload of; None: it
              begins TCA_OPTIONS itself. Members that no field has are 0, or what `encode` sets.
    encode    function(values, raw) to set in raw what no single field says
    decode    function(raw, values) the other way
    words     function(values) -> words of the tc command line, where they do not follow from the fields one by one
    check     function(values) -> sentence or None, for options that contradict each other or miss one another
    derived   [(option, function(values))]: what tc makes of the others where an option is not given, in order
    filled    like derived, but what the kernel itself makes of the others: never sent, only recognised
    instead   {option: others}: the option says the same in another way, so it replaces them
    parent    a qdisc's only place, for those that have one
    match     a filter's table of what is matched, whose fields are fields of the kind, too
    pairs     {option: (attribute, attribute of its mask)} of Masked values; two of those for addresses, one a family
    bare      TCA_OPTIONS is left out where there is nothing to say
    actions   number of the attribute that has a filter's actions
    """

    def __init__(self, name: str, doc: str, fields=(), *, rows=(), struct=(), within: int | None = None, encode=None, decode=None, words=None, check=None,
                 derived=(), filled=(), instead=None, parent: str | None = None, match=None, pairs=None, bare: bool = False, actions: int = 0):
        self.name, self.doc = name, doc
        self.match = Table(match if match is not None else ())
        self.table = Table(fields)
        self._all = Table([*self.match, *self.table])
        self.struct, self.within = list(struct), within
        self._packer = None if not struct else _packer(self.struct)
        self.layout = Layout([*rows, *self._all.supplement(), *([(actions, 'ACTIONS', 'cdata')] if actions else [])])
        self._encode, self._decode, self._words, self._check = encode, decode, words, check
        self.derived, self.filled, self.instead = list(derived), list(filled), instead or {}
        self.parent, self.pairs, self.bare, self.actions = parent, pairs or {}, bare, actions
        #: TCA_OPTIONS is a nest of attributes
        self.nested = within is not None or not struct

    def check(self, values: dict, where: str):
        sentence = self._check(values) if self._check else None
        if sentence:
            raise InputError(f'{where}: {sentence}')

    # -- what follows from other options ------------------------------------------------------------------------------

    def complete(self, values: dict) -> dict:
        """With what tc makes of the options that are given."""
        values = dict(values)
        for name, function in self.derived:
            if name not in values:
                value = function(values)
                if value is not None:
                    values[name] = value
        return values

    def told(self, values: dict) -> dict:
        """Without what would follow from the others anyway."""
        values = dict(values)
        for name, function in [*self.filled, *reversed(self.derived)]:
            if name in values:
                rest = {other: value for other, value in values.items() if other != name}
                if function(rest) == values[name]:
                    values = rest
        return values

    def merged(self, found: dict, wanted: dict) -> dict:
        """What is there with what is wanted of it; what follows from what changed follows it."""
        gone = {other for option in wanted for other in self.instead.get(option, ())}
        kept = {name: value for name, value in self.told(found).items() if name not in gone}
        return {**kept, **wanted}

    # -- netlink ------------------------------------------------------------------------------------------------------

    def pack(self, values: dict, kernel=None, actions: bytes | None = None) -> bytes | None:
        """The payload of TCA_OPTIONS; kernel: how to find interfaces by name and back, (index_of, name_of)."""
        if self.bare and not values:
            return None
        values = self.complete(values)
        raw = self._all.encode(values, kernel[0] if kernel else None)
        for option, attrs in self.pairs.items():
            if option in values:
                raw.update(zip(attrs[':' in values[option]] if isinstance(attrs[0], tuple) else attrs, self._all.by_name[option].type.wire(values[option])))
        if actions is not None:
            raw['ACTIONS'] = actions
        if self._encode:
            self._encode(values, raw)
        if self._packer is None:
            return self.layout.pack(raw)
        members = [raw.pop(name, 0) for name, fmt in self.struct]
        packed = self._packer.pack(*(value if not isinstance(value, str) else value.encode() for value in members))
        rest = self.layout.pack(raw)
        if self.within is None:
            return packed + (b'\0' * (-len(packed) & 3) + rest if rest else b'')
        return attribute(self.within, packed) + rest

    def unpack(self, data: bytes, kernel=None) -> dict:
        raw: dict = {}
        start = 0
        if self._packer is not None:
            body = data
            if self.within is not None:
                body = next((data[begin:end] for number, unused, begin, end in attributes(data, 0, len(data)) if number == self.within), b'')
            body = bytes(body[:self._packer.size]).ljust(self._packer.size, b'\0')  # an older kernel knows fewer members
            raw = dict(zip([name for name, unused in self.struct], self._packer.unpack(body)))
            start = (self._packer.size + 3) & ~3 if self.within is None else 0
        raw.update(self.layout.read(data, start, len(data)))
        values = self._all.decode(raw, kernel[1] if kernel else str)
        for option, attrs in self.pairs.items():
            for value, mask in attrs if isinstance(attrs[0], tuple) else (attrs,):
                if value in raw:
                    kind = self._all.by_name[option].type
                    values[option] = kind.unwire((raw[value], raw.get(mask, getattr(kind, 'full', None))))
        if self._decode:
            self._decode(raw, values)
        return values

    # -- iproute2 -----------------------------------------------------------------------------------------------------

    def words(self, values: dict) -> list[str]:
        if self._words:
            return self._words(values)
        return spoken(self._all, values)


def spoken(table, values: dict) -> list[str]:
    """The words of values one by one; a flag is its keyword, or its opposite where it has one."""
    words: list[str] = []
    for field in table:
        if field.name in values:
            value = values[field.name]
            if isinstance(field.type, Word):
                words += field.keyword.split() if value else []
            else:
                words += field.command(value)
    return words


def _packer(fields) -> struct.Struct:
    return struct.Struct('=' + ''.join(fmt for unused, fmt in fields))
