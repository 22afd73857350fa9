# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that options take: how they are checked, sent, read back, documented and written for iproute2.

parse() turns what a user wrote into the one canonical form (raising ValueError with what is allowed); wire() and unwire()
go between the canonical form and what the codec takes; words() is the text that iproute2 takes.
"""

from __future__ import annotations

import re
import socket

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.lazy import LazyDict

_MAC = re.compile(r'[0-9a-f]{2}(:[0-9a-f]{2}){5}')
_TRUE = ('yes', 'on', 'true', '1', 'y', 't')
_FALSE = ('no', 'off', 'false', '0', 'n', 'f')


class Type:
    """Base: the canonical form goes over the wire as it is."""

    spec: dict = {'type': 'raw'}
    allowed = ''

    def parse(self, value):
        return value

    def wire(self, value):
        return value

    def unwire(self, raw):
        return raw

    def words(self, value) -> str:
        return str(value)

    def argv(self, value) -> list[str]:
        """words() as arguments of a command line."""
        return [self.words(value)]


class Int(Type):
    """A whole number in lo..hi; `names` are words for some numbers (`inherit` for 0), which are the canonical form then."""

    def __init__(self, lo: int = 0, hi: int = 0xFFFFFFFF, unit: str = '', names: dict | None = None):
        self.lo, self.hi, self.unit = lo, hi, unit
        self.names = names or {}
        self._of_number = {number: name for name, number in self.names.items()}
        self.spec = {'type': 'str' if names else 'int'}
        self.allowed = f'{lo}-{hi}' + (f' {unit}' if unit else '') + ''.join(f' or {name}' for name in self.names)

    def parse(self, value):
        if isinstance(value, str) and value in self.names:
            return value
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError(self.allowed)
        try:
            number = int(value, 0) if isinstance(value, str) else int(value)
        except (TypeError, ValueError):
            raise ValueError(self.allowed) from None
        if number in self._of_number:
            return self._of_number[number]
        if not self.lo <= number <= self.hi:
            raise ValueError(self.allowed)
        return number

    def wire(self, value):
        return self.names.get(value, value)

    def unwire(self, raw):
        return self._of_number.get(raw, raw)


class Bool(Type):
    """A flag. `on` and `off` are what iproute2 writes for it after the keyword; on=None makes the keyword itself the flag
    (`learning` / `nolearning`)."""

    spec = {'type': 'bool'}
    allowed = 'true or false'

    def __init__(self, on: str | None = 'on', off: str | None = 'off', wire=(0, 1)):
        self.on, self.off = on, off
        self._wire = wire

    def parse(self, value):
        if isinstance(value, bool):
            return value
        text = str(value).lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise ValueError(self.allowed)

    def wire(self, value):
        return self._wire[value]

    def unwire(self, raw):
        return bool(raw)

    def words(self, value):
        return self.on if value else self.off


class Flag(Bool):
    """A flag attribute without payload: present is true."""

    def __init__(self):
        super().__init__(None, None, (None, True))


class Enum(Type):
    """One of a set of names, {name: number}; the number is taken too. numeric: iproute2 wants the number."""

    def __init__(self, numbers: dict, numeric: bool = False):
        self.numbers, self.numeric = numbers, numeric
        self._of_number = {number: name for name, number in numbers.items()}
        self.spec = {'type': 'str', 'choices': list(numbers)}
        self.allowed = ', '.join(numbers)

    def parse(self, value):
        if isinstance(value, bool):  # YAML reads on and off as booleans
            value = ('on' if value else 'off') if 'on' in self.numbers else int(value)
        if isinstance(value, str) and value in self.numbers:
            return value
        try:
            return self._of_number[int(value) if isinstance(value, str) else value]
        except (KeyError, TypeError, ValueError):
            raise ValueError('one of ' + self.allowed) from None

    def wire(self, value):
        return self.numbers[value]

    def unwire(self, raw):
        return self._of_number.get(raw, str(raw))

    def words(self, value):
        return str(self.numbers[value]) if self.numeric else value


class Numbered(Enum):
    """iproute2 prints and takes the number, so that too must get past the argument_spec."""

    def __init__(self, numbers: dict):
        super().__init__(numbers, numeric=True)
        self.spec = {'type': 'str'}


class Flags(Type):
    """A list of names, each a bit of one number."""

    def __init__(self, bits: dict):
        self.bits = bits
        self.spec = {'type': 'list', 'elements': 'str', 'choices': list(bits)}
        self.allowed = 'a list of ' + ', '.join(bits)

    def parse(self, value):
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, (list, tuple)) or any(one not in list(self.bits) for one in value):
            raise ValueError(self.allowed)
        return sorted(set(value))

    def wire(self, value):
        return sum(self.bits[one] for one in value)

    def unwire(self, raw):
        return sorted(name for name, bit in self.bits.items() if raw & bit)

    def argv(self, value):
        return list(value)


class Text(Type):
    """A string of at most `size` bytes."""

    spec = {'type': 'str'}

    def __init__(self, size: int = 255, no_log: bool = False):
        self.size = size
        self.allowed = f'at most {size} bytes'

    def parse(self, value):
        text = str(value)
        if len(text.encode()) > self.size or '\0' in text:
            raise ValueError(self.allowed)
        return text


_NOT_IN_NAMES = re.compile(r'[/:\s\0]').search


class LinkName(Type):
    """The name of an interface: 1-15 bytes, no slash, colon or space, not . or .. (dev_valid_name() in the kernel)."""

    spec = {'type': 'str'}
    allowed = '1-15 bytes without slash, colon or space, and not . or ..'

    def __init__(self, none: bool = False):
        """none: '' is allowed and means no interface."""
        self.none = none

    def parse(self, value):
        text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ''
        if self.none and value == '':
            return ''
        if not 1 <= len(text.encode()) <= 15 or text in ('.', '..') or _NOT_IN_NAMES(text):
            raise ValueError(self.allowed)
        return text


class LinkRef(LinkName):
    """Another interface, on the wire by its index."""

    by_index = True


class AltName(LinkName):
    """An alternative name of an interface: up to 127 bytes."""

    allowed = '1-127 bytes without slash, colon or space'

    def parse(self, value):
        text = str(value)
        if not 1 <= len(text.encode()) <= 127 or text in ('.', '..') or _NOT_IN_NAMES(text):
            raise ValueError(self.allowed)
        return text


class Netns(Type):
    """A namespace: a name as `ip netns` has them, `pid:N`, or the absolute path of a namespace file."""

    spec = {'type': 'str'}
    allowed = 'a name without slash that is not . or .., or pid:N, or an absolute path'

    def __init__(self, home: bool = False):
        """home: '' is allowed and means the namespace that the module runs in."""
        self.home = home

    def parse(self, value):
        if self.home and value == '':
            return ''
        text = str(value)
        if '\0' in text:
            raise ValueError(self.allowed)
        if text.startswith('pid:'):
            if text[4:].isdigit():
                return text
        elif text.startswith('/') or (text and '/' not in text and text not in ('.', '..') and len(text.encode()) <= 255):
            return text
        raise ValueError(self.allowed)


class NetnsName(Netns):
    """The name of a named namespace."""

    allowed = 'a name of 1-255 bytes without slash that is not . or ..'

    def parse(self, value):
        text = str(value)
        if not 1 <= len(text.encode()) <= 255 or '/' in text or '\0' in text or text in ('.', '..'):
            raise ValueError(self.allowed)
        return text


class Mac(Type):
    """A 48-bit hardware address, canonically lower case with colons."""

    spec = {'type': 'str'}
    allowed = 'a MAC address such as 02:00:00:00:00:01'

    def parse(self, value):
        text = str(value).lower().replace('-', ':')
        if not _MAC.fullmatch(text):
            raise ValueError(self.allowed)
        return text


def canonical_ip(text: str) -> str:
    """The canonical text of an address; ValueError if it is none."""
    family = socket.AF_INET6 if ':' in text else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except (OSError, UnicodeEncodeError):
        raise ValueError('an IPv4 or IPv6 address') from None


def is_multicast(address: str) -> bool:
    """RFC 5771 and RFC 4291 multicast."""
    return address.startswith('ff') if ':' in address else 224 <= int(address.split('.')[0]) < 240


class Ip(Type):
    """An address. family 4, 6 or None for both; multicast True or False to allow just these; any: words for none set."""

    def __init__(self, family: int | None = None, multicast: bool | None = None):
        self.family, self.multicast = family, multicast
        self.spec = {'type': 'str'}
        self.allowed = f'an IPv{family} address' if family else 'an IPv4 or IPv6 address'
        if multicast is not None:
            self.allowed = self.allowed.replace('an ', 'a multicast ' if multicast else 'a unicast ')

    def parse(self, value):
        try:
            text = canonical_ip(str(value))
        except ValueError:
            raise ValueError(self.allowed) from None
        if self.family and (':' in text) != (self.family == 6):
            raise ValueError(self.allowed)
        if self.multicast is not None and is_multicast(text) != self.multicast:
            raise ValueError(self.allowed)
        return text

    def unwire(self, raw):
        if raw in ('0.0.0.0', '::') or (self.multicast is not None and is_multicast(raw) != self.multicast):
            return None
        return raw


class Cidr(Type):
    """An address with prefix length, 192.0.2.1/24; network: host bits must be zero; default: the word is taken too."""

    spec = {'type': 'str'}

    def __init__(self, network: bool = False, default: bool = False):
        self.network, self.default = network, default
        self.allowed = ('a network such as 192.0.2.0/24 or 2001:db8::/64' if network
                        else 'an address with prefix length such as 192.0.2.1/24 or 2001:db8::1/64') + (' or default' if default else '')

    def parse(self, value):
        text = str(value)
        if self.default and text == 'default':
            return text
        address, slash, length = text.partition('/')
        try:
            address = canonical_ip(address)
        except ValueError:
            raise ValueError(self.allowed) from None
        bits = 128 if ':' in address else 32
        if not slash:
            length = str(bits)
        if not length.isdigit() or int(length) > bits:
            raise ValueError(self.allowed)
        prefix = int(length)
        if self.network:
            family = socket.AF_INET6 if bits == 128 else socket.AF_INET
            number = int.from_bytes(socket.inet_pton(family, address), 'big')
            if number & ((1 << (bits - prefix)) - 1):
                raise ValueError(self.allowed + ' (host bits must be zero)')
        return f'{address}/{prefix}'


class Map(Type):
    """A dict of numbers, {1: 2}; on the wire a list of {'from', 'to'}."""

    spec = {'type': 'dict'}

    def __init__(self, key: Type, item: Type):
        self.key, self.item = key, item
        self.allowed = f'a dict of {key.allowed} to {item.allowed}'

    def parse(self, value):
        if not isinstance(value, dict):
            raise ValueError(self.allowed)
        try:
            parsed = {self.key.parse(key): self.item.parse(item) for key, item in value.items()}
        except (TypeError, ValueError):
            raise ValueError(self.allowed) from None
        return dict(sorted(parsed.items()))

    def change(self, wanted, found):
        """What to send so that a live map becomes `wanted`: what is no longer listed goes back to 0."""
        return {**{key: 0 for key in found or {} if key not in wanted}, **wanted}

    def argv(self, value):
        return [f'{key}:{item}' for key, item in value.items()]


class ListOf(Type):
    """A list of values of one type; `ordered` lists keep their order, others are sorted."""

    def __init__(self, item: Type, ordered: bool = False, separator: str = ',', size: int | None = None):
        """separator: what iproute2 has between the values; ' ' makes each an argument of its own."""
        self.item, self.ordered, self.separator, self.size = item, ordered, separator, size
        self.spec = {'type': 'list', 'elements': item.spec['type']}
        if 'options' in item.spec:
            self.spec['options'] = item.spec['options']
        if 'choices' in item.spec:
            self.spec['choices'] = item.spec['choices']
        self.allowed = f'a list of {item.allowed}' if item.allowed else 'a list'

    def parse(self, value):
        if not isinstance(value, (list, tuple)):
            value = [value]
        if self.size is not None and len(value) > self.size:
            raise ValueError(f'at most {self.size} of: {self.item.allowed}')
        parsed = [self.item.parse(one) for one in value]
        return parsed if self.ordered else sorted(set(parsed))

    def unwire(self, raw):
        values = [value for value in map(self.item.unwire, raw) if value is not None]
        return values if self.ordered else sorted(values)

    def argv(self, value):
        words = [self.item.words(one) for one in value]
        return words if self.separator == ' ' else [self.separator.join(words)]


class Options(Type):
    """A dict of options with a table of its own (a _model.field.Table)."""

    def __init__(self, table):
        """table: a Table, or a function that makes it when it is needed."""
        self._table = table
        self.spec = {'type': 'dict', 'options': LazyDict(self._arguments)}
        self.allowed = 'a dict of options'

    def _arguments(self) -> dict:
        return self.table.arguments()

    @property
    def table(self):
        if callable(self._table):
            self._table = self._table()
        return self._table

    def parse_at(self, value, where):
        """parse() for values whose parts have places of their own in what is said about them; raises InputError."""
        return self.table.parse(value, where)


class Rows(Type):
    """A list of dicts that each have the options of one table; `identity` names those that tell one from another.

    The list stands for all there are: a row that is not in it goes. Of a row, what is not given is left alone.
    """

    def __init__(self, table, identity: tuple):
        self.table, self.identity = table, identity
        self.spec = {'type': 'list', 'elements': 'dict', 'options': table.arguments()}
        self.allowed = 'a list of dicts of options'

    def key(self, row: dict) -> tuple:
        return tuple(row.get(name) for name in self.identity)

    def by_key(self, rows) -> dict:
        return {self.key(row): row for row in rows or ()}

    def parse_at(self, value, where):
        if not isinstance(value, (dict, list)):
            raise ValueError(self.allowed)
        rows = [self.table.parse(row, f'{where}[{place}]') for place, row in enumerate([value] if isinstance(value, dict) else value)]
        for place, row in enumerate(rows):
            if self.key(row) in map(self.key, rows[:place]):
                raise ValueError(f'a list without two of the same {", ".join(self.identity)}')
        return sorted(rows, key=lambda row: [(value is not None, value) for value in self.key(row)])

    def same(self, wanted, found) -> bool:
        """Whether all wanted rows are there as given, and no other."""
        there = self.by_key(found)
        return len(there) == len(wanted) and all(self.same_row(row, there.get(self.key(row))) for row in wanted)

    def same_row(self, wanted: dict, found: dict | None) -> bool:
        """Whether a row is as wanted; what is only written is not looked at."""
        return found is not None and all(
            field.write_only or field.equal(wanted[field.name], found.get(field.name)) for field in self.table if field.name in wanted)
