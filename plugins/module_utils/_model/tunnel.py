# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IP tunnels have in common (linux/if_tunnel.h, net/ipv4/ip_tunnel.c, net/ipv6/ip6_tunnel.c).

Their messages pack several options into one number, and tell a word of an option (`tclass inherit`) by a bit elsewhere. A
message that changes a live tunnel replaces all its parameters: Kind(anew=True).
"""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Flag, Int, Ip, LinkRef, canonical_ip, is_multicast

#: bits of IFLA_GRE_IFLAGS and OFLAGS
_CSUM, _KEY, _SEQ = 0x8000, 0x2000, 0x1000
#: bits of IFLA_IPTUN_FLAGS and IFLA_GRE_FLAGS (linux/ip6_tunnel.h)
_NO_ENCAPLIMIT, _ORIG_TCLASS, _ORIG_FLOWLABEL, _COPY_DSCP, _ORIG_FWMARK, _LOCAL_REMOTE = 0x1, 0x2, 0x4, 0x10, 0x20, 0x40


class Packed(Field):
    """An option that shares an attribute with others.

    bits  (attribute, mask): the value is these bits of the number
    word  (value, attribute, mask): this value is told by that bit; a negative mask: by its absence
    usual what it is where nobody says anything, if that is not 0
    """

    def __init__(self, name, type, attr, doc, *, bits=None, word=None, usual=None, **more):
        super().__init__(name, type, attr, doc, **more)
        self.bits, self.word, self.usual = bits, word, usual

    def pack(self, value, attrs: dict):
        if self.bits:
            attr, mask = self.bits
            attrs[attr] = attrs.get(attr, 0) | (self.type.wire(value) or 0) * (mask & -mask)
        if self.word:
            word, attr, mask = self.word
            attrs[attr] = attrs.get(attr, 0) | (abs(mask) if (value == word) == (mask > 0) else 0)

    def unpack(self, attrs: dict) -> dict:
        if self.word:
            word, attr, mask = self.word
            if attr in attrs and bool(attrs[attr] & abs(mask)) == (mask > 0):
                return {self.name: word}
        if self.bits and self.bits[0] in attrs:
            mask = self.bits[1]
            return {self.name: self.type.unwire((attrs[self.bits[0]] & mask) // (mask & -mask))}
        return {}


# -- values -----------------------------------------------------------------------------------------------------------


class Number(Int):
    """A number that iproute2 prints, and where `base` is 16 reads, as hexadecimal, or a word that has no number of its own.

    iproute2 prints some of these words as a key of their own that is true; true is taken for the word.
    """

    def __init__(self, lo: int, hi: int, word: str | None = None, base: int = 10):
        super().__init__(lo, hi)
        self.word, self.base = word, base
        self.spec = {'type': 'str'}
        self.allowed += f' or {word}' if word else ''

    def parse(self, value):
        if self.word and (value == self.word or str(value).lower() == 'true'):
            return self.word
        return super().parse(value)

    def wire(self, value):
        return 0 if value == self.word else value

    def words(self, value):
        return f'{value:#x}' if self.base == 16 and value != self.word else str(value)


class Tos(Int):
    """iproute2 reads a number here as hexadecimal."""

    def __init__(self):
        super().__init__(0, 255, names={'inherit': 1})

    def words(self, value):
        return value if value in self.names else f'{value:#x}'


class Key(Number):
    """The key of one direction: a number, which may be written as an IPv4 address is."""

    def __init__(self, name: str, none: bool = False):
        super().__init__(0, 0xFFFFFFFF, 'none' if none else None)
        self.name = name
        self.allowed += ' or four such as 0.0.0.7'

    def parse(self, value):
        text = str(value)
        if text.count('.') == 3:
            try:
                return number_of(canonical_ip(text))
            except ValueError:
                raise ValueError(self.allowed) from None
        return super().parse(value)

    def argv(self, value):
        return ['no' + self.name] if value == self.word else [self.name, str(value)]


class Endpoint(Ip):
    """An address of the outer packets; `any` is none."""

    def __init__(self, family: int, multicast: bool | None = None):
        super().__init__(family, multicast)
        self.allowed += ' or any'

    def parse(self, value):
        return value if value == 'any' else super().parse(value)

    def wire(self, value):
        return None if value == 'any' else value  # where it is optional, some drivers refuse an empty one

    def unwire(self, raw):
        return 'any' if raw in ('0.0.0.0', '::') else raw


def number_of(address: str) -> int:
    number = 0
    for part in address.split('.'):
        number = number * 256 + int(part)
    return number


# -- options ----------------------------------------------------------------------------------------------------------


def endpoints(prefix: str, family: int) -> list[Field]:
    return [
        Field('remote', Endpoint(family), prefix + 'REMOTE', 'Destination of the outer packets; V(any) takes it from each packet.'),
        Field('local', Endpoint(family), prefix + 'LOCAL', 'Source of the outer packets; V(any) leaves it to the routes.'),
        Field('dev', LinkRef(), prefix + 'LINK', 'Link that the outer packets leave by.', aliases=['link']),
    ]


def ipv4(prefix: str, ttl=None) -> list[Field]:
    """Options of outer IPv4 headers; ttl: what is sent at creation where the driver has another default."""
    return [
        Field('ttl', Int(0, 255, names={'inherit': 0}), prefix + 'TTL', 'TTL of the outer packets; V(inherit) takes that of the inner ones, the default.',
              default=ttl, aliases=['hoplimit']),
        Field('tos', Tos(), prefix + 'TOS', 'TOS of the outer packets; V(inherit) takes that of the inner ones. The default is 0.', aliases=['tclass']),
        Field('pmtudisc', Bool(None, None), prefix + 'PMTUDISC', 'Path MTU discovery: outer packets have the DF bit.', default=True),
        mark(prefix),
    ]


def mark(prefix: str, nla=None) -> Field:
    return Field('fwmark', Number(0, 0xFFFFFFFF), prefix + 'FWMARK', 'Mark by which the outer packets are routed; 0, the default, is none.', nla=nla)


def ipv6(prefix: str, fwmark=None) -> list[Field]:
    """Options of outer IPv6 headers."""
    flow, flags = prefix + 'FLOWINFO', prefix + 'FLAGS'
    return [
        Field('hoplimit', Int(0, 255, names={'inherit': 0}), prefix + 'TTL', 'Hop limit of the outer packets; V(inherit) takes that of the inner ones.',
              default=64, aliases=['ttl']),
        Packed('encaplimit', Number(0, 255, 'none'), prefix + 'ENCAP_LIMIT',
               'How many times the packets may be encapsulated further; V(none) leaves out the option that says so.', default=4,
               word=('none', flags, _NO_ENCAPLIMIT), aliases=['encap_limit', 'ip6_tnl_f_ign_encap_limit']),
        Packed('tclass', Number(0, 255, 'inherit', 16), None,
               'Traffic class of the outer packets; V(inherit) takes that of the inner ones. The default is 0.', bits=(flow, 0x0FF00000),
               word=('inherit', flags, _ORIG_TCLASS), aliases=['tos', 'ip6_tnl_f_use_orig_tclass']),
        Packed('flowlabel', Number(0, 0xFFFFF, 'inherit', 16), None,
               'Flow label of the outer packets; V(inherit) takes that of the inner ones. The default is 0.', bits=(flow, 0x000FFFFF),
               word=('inherit', flags, _ORIG_FLOWLABEL), aliases=['ip6_tnl_f_use_orig_flowlabel']),
        Packed('dscp', CopyDscp(), None, 'V(inherit) copies the DSCP of received outer packets to the inner ones; V(none), the default, does not.',
               bits=(flags, _COPY_DSCP), keyword='', aliases=['ip6_tnl_f_rcv_dscp_copy']),
        Packed('allow_localremote', Bool(None, None), None, 'Allow a remote address that is one of this host.', bits=(flags, _LOCAL_REMOTE),
               keyword='allow-localremote', aliases=['ip6_tnl_f_allow_local_remote']),
        Packed('fwmark', Number(0, 0xFFFFFFFF, 'inherit'), prefix + 'FWMARK',
               'Mark by which the outer packets are routed; 0, the default, is none; V(inherit) takes that of the inner packet.', nla=fwmark,
               word=('inherit', flags, _ORIG_FWMARK), aliases=['ip6_tnl_f_use_orig_fwmark']),
    ]


class CopyDscp(Enum):
    """iproute2 can say only one of the two words."""

    def __init__(self):
        super().__init__({'none': 0, 'inherit': 1})
        self.spec = {'type': 'str'}
        self.allowed = 'inherit or none'

    def parse(self, value):
        return 'inherit' if str(value).lower() == 'true' else super().parse(value)

    def argv(self, value):
        return ['dscp', value] if value == 'inherit' else []


def keys(prefix: str, csum: bool = True) -> list[Field]:
    """Key, sequence numbers and checksums of GRE, either way."""
    fields = [Field('key', Key('key'), None, 'Key of both directions: O(ignore:ikey) and O(ignore:okey).', keyword='')]
    for way, attr, doc in (('i', 'IKEY', 'Key that received packets must have'), ('o', 'OKEY', 'Key of sent packets')):
        fields.append(Packed(f'{way}key', Key(f'{way}key', none=True), prefix + attr, doc + '; V(none), the default, is without.', keyword='',
                             word=('none', f'{prefix}{way.upper()}FLAGS', -_KEY)))
    for name, bit, received, sent in (
            ('seq', _SEQ, 'Drop received packets that are out of sequence.', 'Number the packets that are sent.'),
            ('csum', _CSUM, 'Require checksums of received packets.', 'Send packets with checksums.'))[:1 + csum]:
        fields += [Field(name, Bool(None, None), None, f'Both O(ignore:i{name}) and O(ignore:o{name}).'),
                   Packed('i' + name, Bool(None, None), None, received, bits=(prefix + 'IFLAGS', bit)),
                   Packed('o' + name, Bool(None, None), None, sent, bits=(prefix + 'OFLAGS', bit))]
    return fields


def encap(prefix: str, csum6: bool = False) -> list[Field]:
    """A second encapsulation in UDP; csum6: what the default of encap_udp6_csum is."""
    flags = prefix + 'ENCAP_FLAGS'
    more = {'default': True} if csum6 else {}
    return [
        Field('encap', Enum({'none': 0, 'fou': 1, 'gue': 2}), prefix + 'ENCAP_TYPE',
              'Encapsulation of the tunnel in UDP: foo-over-UDP or generic UDP encapsulation, from the kernel module fou. The default is V(none).'),
        Packed('encap_sport', Int(0, 65535, names={'auto': 0}), None, 'UDP source port; V(auto), the default, is one for each flow.',
               bits=(prefix + 'ENCAP_SPORT', 0xFFFF), keyword='encap-sport'),
        Packed('encap_dport', Int(0, 65535), None, 'UDP destination port.', bits=(prefix + 'ENCAP_DPORT', 0xFFFF), keyword='encap-dport'),
        Packed('encap_csum', Bool(None, None), None, 'UDP checksums over IPv4.', bits=(flags, 1), keyword='encap-csum'),
        Packed('encap_udp6_csum', Bool(None, None), None, 'UDP checksums over IPv6.', bits=(flags, 2), keyword='encap-udp6-csum', aliases=['encap_csum6'],
               **more),
        Packed('encap_remcsum', Bool(None, None), None, 'Remote checksum offload, with V(gue).', bits=(flags, 4), keyword='encap-remcsum'),
    ]


def external(prefix: str, nla=None) -> Field:
    return Field('external', Flag(), prefix + 'COLLECT_METADATA', 'Take the parameters of the tunnel from each packet (routes, tc).', nla=nla, live=RECREATE)


def erspan(prefix: str) -> list[Field]:
    return [
        Field('erspan_ver', Int(0, 2), prefix + 'ERSPAN_VER', 'Version: 0 is type I, 1 is type II, 2 is type III.', nla=(22, 'uint8'), default=1,
              live=RECREATE),
        Field('erspan', Int(0, 0xFFFFF), prefix + 'ERSPAN_INDEX', 'Index of the mirrored port, version 1.', nla=(21, 'uint32'), aliases=['erspan_index']),
        Field('erspan_dir', Enum({'ingress': 0, 'egress': 1}), prefix + 'ERSPAN_DIR', 'Direction of the mirrored traffic, version 2.', nla=(23, 'uint8')),
        Field('erspan_hwid', Number(0, 63), prefix + 'ERSPAN_HWID', 'Identifier of the mirroring engine, version 2.', nla=(24, 'uint16')),
    ]


# -- kinds ------------------------------------------------------------------------------------------------------------


class Tunnel(Kind):
    """A kind of IP tunnel; `ether` where it carries Ethernet frames, `check` for what is peculiar to it."""

    def __init__(self, name, doc, fields, *, check=None, ether=False, **more):
        fields = list(fields)
        second = [field.name for field in fields if field.name.startswith('encap_')]
        # iproute2 reads the ports of a live link the wrong way round
        more.setdefault('together', {field.name: second for field in fields})
        super().__init__(name, doc, fields, encode=self._pack, decode=self._unpack, expand=self._expand, check=self._sentence, restorable=self._restorable,
                         fixed=self._stays, anew=True, underlay=True, ether=ether, **more)
        encap = self.table.by_name.get('encap')
        self._encap = encap.attr if encap is not None else None
        self.packed = [field for field in self.table if isinstance(field, Packed)]
        self._own_check = check

    def _expand(self, values: dict) -> dict:
        """key, seq and csum are both directions; the key of a multicast group is its address, as iproute2 has it."""
        own = {name: value for name, value in values.items() if name not in ('key', 'seq', 'csum')}
        both = {name: values[name] for name in ('key', 'seq', 'csum') if name in values}
        if 'iseq' in self.table.by_name and 'key' not in both and ':' not in own.get('remote', '') and reach(own.get('remote', 'any')) == 'group':
            both['key'] = number_of(own['remote'])
        for name, value in both.items():
            for way in 'io':
                own.setdefault(way + name, value)
        return own

    def _pack(self, values: dict, attrs: dict):
        checksums = self.table.by_name.get('encap_udp6_csum')
        if checksums is not None and checksums.default is not None:  # lies in wait where there is no second encapsulation yet
            values = {checksums.name: checksums.default, **values}
        for field in self.packed:
            if field.name in values:
                field.pack(values[field.name], attrs)
        if values.get('external'):  # the rest is in the packets
            for attr in list(attrs):
                if not attr.endswith(('COLLECT_METADATA', 'PROTO')):
                    del attrs[attr]

    def _unpack(self, attrs: dict) -> dict:
        values: dict = {}
        for field in self.packed:
            values.update(field.unpack(attrs))
        if attrs.get(self._encap) == 0:
            values = {name: value for name, value in values.items() if not name.startswith('encap_')}
        return values

    def _restorable(self, values: dict) -> dict:
        """Without what is as if it had not been given."""
        names = [field.name for field in self.table]
        if values.get('external'):
            names = ['external', 'mode']
        elif values.get('encap', 'none') == 'none':
            names = [name for name in names if not name.startswith('encap_')]
        return {name: value for name, value in values.items() if name in names and not self._unsaid(self.table.by_name[name], value)}

    def _unsaid(self, field, value) -> bool:
        """Whether the value is that of an attribute that is left out, which is 0."""
        if field.default is not None:
            return False
        attrs = self.table.encode({field.name: value}, lambda name: 1)
        if isinstance(field, Packed):
            if value == field.usual:
                return True
            field.pack(value, attrs)
        return not any(attrs.values())

    def _stays(self, changed: dict, found: dict) -> list[str]:
        if found.get('external'):
            return list(changed)
        if self.ether or self.table.by_name['remote'].type.family == 6 or 'remote' not in changed or (
                reach(changed['remote']) == reach(found.get('remote', 'any'))):
            return []
        return ['remote']

    def _sentence(self, values: dict):
        if values.get('external'):
            others = [name for name, value in values.items() if name not in ('external', 'mode') and not self._unsaid(self.table.by_name[name], value)
                      and value != self.table.by_name[name].default]
            if others:
                return f"external takes the parameters from each packet and excludes {', '.join(others)}"
            return None
        second = [name for name in values if name.startswith('encap_')]
        if second and values.get('encap', 'none') == 'none':
            return f'{second[0]} needs encap: fou or gue'
        if reach(values.get('remote', 'any')) == 'group' and values.get('local', 'any') == 'any':
            return 'a remote that is a multicast group needs local, the source address'
        return self._own_check(values) if self._own_check else None


def reach(remote: str) -> str:
    """What a live IPv4 tunnel stays: to anywhere, to a group, or to one host."""
    return 'any' if remote == 'any' else 'group' if is_multicast(remote) else 'host'
