# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink attributes as bytes and back, compiled from pyroute2's message classes.

A Layout is a table of attributes: number, name, and a pair of functions over the payload. Values are plain Python: int,
str (addresses, names), bool (flags), bytes (what has no type), dict (structs and nested attributes). An attribute whose
type begins with `*`, or is a Layout in a list, may occur many times and is a list.
"""

from __future__ import annotations

import socket
import struct

NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF
_HEAD = struct.Struct('=HH')
_PAD = (b'', b'\0\0\0', b'\0\0', b'\0')


def attribute(number: int, payload: bytes) -> bytes:
    """One attribute: header, payload, padding to 4 bytes."""
    return _HEAD.pack(len(payload) + 4, number) + payload + _PAD[len(payload) & 3]


def attributes(data, start: int, end: int):
    """Yield (number, flags, start, end) of each attribute's payload; stops at a malformed one as the kernel does."""
    unpack = _HEAD.unpack_from
    while end - start >= 4:
        length, number = unpack(data, start)
        if length < 4 or start + length > end:
            return
        yield number & NLA_TYPE_MASK, number, start + 4, start + length
        start += (length + 3) & ~3


# -- atoms: (pack(value) -> bytes, unpack(data, start, end) -> value) -------------------------------------------------

_FORMATS = {'uint8': 'B', 'uint16': 'H', 'uint32': 'I', 'uint64': 'Q'}  # pyroute2 writes members of structs either way


def _number(fmt: str):
    packer = struct.Struct(fmt if fmt[0] in '<>=!' else '=' + fmt)
    unpack, size = packer.unpack_from, packer.size

    def read(data, start, end):
        if end - start < size:  # the kernel sends a few numbers shorter than pyroute2 declares them
            return int.from_bytes(data[start:end], 'big' if fmt[0] in '>!' else 'little')
        return unpack(data, start)[0]

    return packer.pack, read


def _structure(fields):
    fields = [(name, _FORMATS.get(fmt, fmt)) for name, fmt in fields]
    names = [name for name, fmt in fields if not fmt.endswith('x')]
    prefix = '=' + ''.join(fmt for unused, fmt in fields)
    if '>' in prefix:
        prefix = '>' + ''.join(fmt.lstrip('>') for unused, fmt in fields)
    packer = struct.Struct(prefix)

    def pack(value):
        return packer.pack(*(value[name] for name in names))

    def read(data, start, end):
        if end - start < packer.size:  # an older kernel knows fewer members, which read as 0
            data, start = bytes(data[start:end]).ljust(packer.size, b'\0'), 0
        return dict(zip(names, packer.unpack_from(data, start)))

    return pack, read


def _pack_address(value: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ':' in value else socket.AF_INET, value)


def _read_address(data, start, end) -> str:
    family = {4: socket.AF_INET, 16: socket.AF_INET6}.get(end - start)
    return socket.inet_ntop(family, data[start:end]) if family else bytes(data[start:end]).hex()


def _pack_hardware(value: str) -> bytes:
    return bytes.fromhex(value.replace(':', ''))


def _read_hardware(data, start, end) -> str:
    return bytes(data[start:end]).hex(':')


def _pack_text(value: str) -> bytes:
    return value.encode() + b'\0'


def _read_text(data, start, end) -> str:
    return bytes(data[start:end]).rstrip(b'\0').decode(errors='replace')


def _read_bytes(data, start, end) -> bytes:
    return bytes(data[start:end])


ADDRESS = (_pack_address, _read_address)
#: A text without the zero byte at its end.
TEXT = (str.encode, _read_text)
_HARDWARE = (_pack_hardware, _read_hardware)
_ATOMS = {
    'ip4addr': ADDRESS, 'ip6addr': ADDRESS, 'ipaddr': ADDRESS, 'target': ADDRESS,
    'l2addr': _HARDWARE, 'lladdr': _HARDWARE,
    'asciiz': (_pack_text, _read_text), 'string': (_pack_text, _read_text),
    'flag': (lambda value: b'', lambda data, start, end: True),
    'none': (bytes, _read_bytes), 'hex': (bytes, _read_bytes), 'cdata': (bytes, _read_bytes),
    'uint8': _number('B'), 'uint16': _number('H'), 'uint32': _number('I'), 'uint64': _number('Q'),
    'int8': _number('b'), 'int32': _number('i'), 'int64': _number('q'),
    'be16': _number('>H'), 'be32': _number('>I'), 'be64': _number('>Q'),
}


def _compile(kind):
    """The functions of one type: an atom's name, a pyroute2 class, a Layout, ((name, format), ...) of a struct, or the
    two functions themselves."""
    if isinstance(kind, Layout):
        return kind.pack, kind.read
    if isinstance(kind, tuple):
        return kind if callable(kind[0]) else _structure(kind)
    if isinstance(kind, str):
        return _ATOMS[kind]
    if not isinstance(kind, type):  # chosen by a function of other attributes: left to the caller
        return _ATOMS['cdata']
    fields = getattr(kind, 'fields', ())
    if getattr(kind, 'nla_map', ()):
        nested = Layout.of(kind)
        return nested.pack, nested.read
    for base in kind.__mro__:
        if base.__name__ in _ATOMS:
            return _ATOMS[base.__name__]
    if len(fields) == 1 and fields[0][0] == 'value':
        return _ATOMS['cdata'] if fields[0][1].endswith('s') else _number(fields[0][1])
    return _structure(tuple(fields)) if fields else _ATOMS['cdata']


def listing(first: int, pack, read, many_of: int | None = None):
    """The functions of a nested attribute that is a list: each element an attribute of type `many_of`, or numbered up
    from `first`."""

    def pack_all(values):
        return b''.join(attribute(first + place if many_of is None else many_of, pack(value)) for place, value in enumerate(values))

    def read_all(data, start, end):
        return [read(data, begin, stop) for unused, unused2, begin, stop in attributes(data, start, end)]

    return pack_all, read_all


#: A list of IPv4 or IPv6 addresses numbered from 0, as the bonding driver has them.
ADDRESS_LIST = listing(0, _pack_address, _read_address)
#: A flag that the kernel takes without payload and reports as a number.
FLAG_AS_NUMBER = (_ATOMS['flag'][0], lambda data, start, end: start == end or bool(data[start]))
#: A list of hardware addresses, each an IFLA_MACVLAN_MACADDR.
MAC_LIST = listing(0, _pack_hardware, _read_hardware, many_of=4)
_PAIR = _structure((('from', 'I'), ('to', 'I')))
_PAIRS = listing(0, _PAIR[0], _PAIR[1], many_of=1)
#: {from: to}, each pair an IFLA_VLAN_QOS_MAPPING.
QOS_MAP = (lambda value: _PAIRS[0]([{'from': key, 'to': item} for key, item in value.items()]),
           lambda data, start, end: {pair['from']: pair['to'] for pair in _PAIRS[1](data, start, end)})


class Attribute:
    """One row of a Layout; `pack` and `read`, its functions, are compiled when first used."""

    __slots__ = ('number', 'name', 'many', 'nested', 'flag', '_kind', 'pack', 'read')

    def __init__(self, number: int, name: str, kind):
        self.many = isinstance(kind, list) or (isinstance(kind, str) and kind.startswith('*'))
        self.number = number
        self.name = name
        self._kind = kind = kind if not self.many else kind[0] if isinstance(kind, list) else kind[1:]
        self.nested = isinstance(kind, Layout) or (isinstance(kind, type) and bool(getattr(kind, 'nla_map', ())))
        self.flag = kind == 'flag'

    def __getattr__(self, name):
        if name not in ('pack', 'read'):
            raise AttributeError(name)
        self.pack, self.read = _compile(self._kind)
        return getattr(self, name)


class Unread(dict):
    """{name: value} of attributes, each of which is decoded when it is first asked for."""

    __slots__ = ('_rows', '_data', '_start', '_places')

    def __init__(self, rows_by_name: dict, data, start: int, places: dict):
        """places: {number: (where its payload begins, where it ends)}, both from `start` on"""
        super().__init__()
        self._rows, self._data, self._start, self._places = rows_by_name, data, start, places

    def __missing__(self, name):
        row = self._rows[name]
        begin, end = self._places[row.number]
        value = self[name] = row.read(self._data, self._start + begin, self._start + end)
        return value

    def __contains__(self, name):
        return dict.__contains__(self, name) or (name in self._rows and self._rows[name].number in self._places)

    def get(self, name, default=None):
        return self[name] if name in self else default


class Layout:
    """A table of attributes, compiled to functions."""

    def __init__(self, rows):
        """rows: iterable of (number, name, type); a later row replaces an earlier one of the same number or name."""
        self.by_name: dict[str, Attribute] = {}
        self.by_number: dict[int, Attribute] = {}
        self._shapes: dict = {}
        for number, name, kind in rows:
            old = self.by_number.get(number)
            if old is not None:
                self.by_name.pop(old.name, None)
            self.by_number[number] = self.by_name[name] = Attribute(number, name, kind)

    @classmethod
    def of(cls, nla, extra=()) -> Layout:
        """The layout of a pyroute2 class, with rows of our own added or put in place of its own."""
        return cls(list(rows(nla)) + list(extra))

    def pack(self, values) -> bytes:
        """values: {name: value}; None values are left out; a flag is sent when true."""
        parts = []
        for name, value in values.items():
            if value is None:
                continue
            row = self.by_name[name]
            number = row.number | NLA_F_NESTED if row.nested else row.number
            for one in value if row.many else (value,):
                if one is False and row.flag:
                    continue
                parts.append(attribute(number, row.pack(one)))
        return b''.join(parts)

    def read(self, data, start: int, end: int) -> dict:
        """{name: value} of the attributes in data[start:end]."""
        values: dict = {}
        row_of, unpack = self.by_number.get, _HEAD.unpack_from
        while end - start >= 4:
            length, number = unpack(data, start)
            if length < 4 or start + length > end:
                break
            row = row_of(number & NLA_TYPE_MASK)
            if row is not None:
                if row.many:
                    values.setdefault(row.name, []).append(row.read(data, start + 4, start + length))
                else:
                    values[row.name] = row.read(data, start + 4, start + length)
            start += (length + 3) & ~3
        return values

    def scan(self, data, start: int, end: int) -> Unread:
        """As read(), of a message of which little will be looked at; for attributes that occur once.

        Messages of one length, and names of one length, mostly have the same attributes in the same places, which is then seen at a glance.
        """
        key = end - start, data[start:start + 2]
        shape = self._shapes.get(key)
        if shape and shape[0].unpack_from(data, start) == shape[1]:
            return Unread(self.by_name, data, start, shape[2])
        found = [(number, flags, first - start, last - start) for number, flags, first, last in attributes(data, start, end)]
        places = {number: (first, last) for number, unused, first, last in found}
        if shape is None:
            self._shapes[key] = ()
        elif not shape:  # seen for the second time
            form = ''.join([f'HH{min((last - first + 3) & ~3, end - start - first)}x' for unused, unused2, first, last in found])
            heads = tuple(value for unused, flags, first, last in found for value in (last - first + 4, flags))
            self._shapes[key] = struct.Struct('=' + form), heads, places
        return Unread(self.by_name, data, start, places)


def rows(nla):
    """(number, name, type) of a pyroute2 class's nla_map, in both of the forms that it may take."""
    table = nla.nla_map
    numbered = bool(table) and isinstance(table[0][0], int)
    for index, row in enumerate(table):
        number, name, kind = row[:3] if numbered else (index,) + tuple(row[:2])
        kind = kind.split('|')[0].split('(')[0].strip()
        many = kind.startswith('*')
        name_of_type = kind.lstrip('*')
        if name_of_type in ('nested', 'recursive'):
            yield number, name, 'cdata'
        elif name_of_type in _ATOMS:
            yield number, name, kind
        else:
            found = getattr(nla, name_of_type, None)
            if isinstance(found, type) and not many:
                yield number, name, found
            else:
                yield number, name, '*cdata' if many else 'cdata'


class Message:
    """A whole message body: fixed header + attributes."""

    def __init__(self, cls, extra=()):
        fields = list(cls.fields)
        self.header = struct.Struct('=' + ''.join(fmt for unused, fmt in fields))
        self.names = [name for name, fmt in fields if not fmt.endswith('x')]
        self.layout = Layout.of(cls, extra)
        self.size = (self.header.size + 3) & ~3

    def pack(self, header: dict, values: dict) -> bytes:
        """header: fields by name (missing ones are 0)."""
        head = self.header.pack(*(header.get(name, 0) for name in self.names))
        return head + b'\0' * (self.size - len(head)) + self.layout.pack(values)

    def read_header(self, data, start: int = 0) -> dict:
        return dict(zip(self.names, self.header.unpack_from(data, start)))

    def read(self, data) -> tuple[dict, dict]:
        """(header, attributes) of one message body."""
        return self.read_header(data), self.layout.read(data, self.size, len(data))
