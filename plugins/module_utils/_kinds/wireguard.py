# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wireguard: encrypted tunnels over UDP (drivers/net/wireguard, linux/wireguard.h)."""

from __future__ import annotations

import base64
import errno
import ipaddress
import re

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import HIDDEN, Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import within
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Int, ListOf, Rows, Type, canonical_ip
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.wireguard import Device

_NONE = bytes(32)


class Key(Type):
    """32 bytes in base64. `none`: '' is no key, which is all zeros to the kernel."""

    spec = {'type': 'str'}

    def __init__(self, none: bool = False):
        self.none = none
        self.allowed = '32 bytes in base64, 44 characters as wg genkey prints them' + (", or '' for none" if none else '')

    def parse(self, value):
        text = str(value)
        if self.none and not text:
            return ''
        if not re.fullmatch('[A-Za-z0-9+/]{43}=', text):
            raise ValueError(self.allowed)
        return self.unwire(base64.b64decode(text))

    def wire(self, value):
        return base64.b64decode(value) if value else _NONE

    def unwire(self, raw):
        return '' if self.none and bytes(raw) == _NONE else base64.b64encode(raw).decode()


class PrivateKey(Key):
    """The kernel sets the bits that Curve25519 fixes, and tells the key with them."""

    def unwire(self, raw):
        fixed = bytes([raw[0] & 248, *raw[1:31], raw[31] & 127 | 64])
        return super().unwire(raw if bytes(raw) == _NONE else fixed)


class Endpoint(Type):
    """Address and port."""

    spec = {'type': 'str'}
    allowed = 'an address and a port, such as 192.0.2.1:51820 or [2001:db8::1]:51820; the kernel takes no names, so look them up before'

    def parse(self, value):
        found = re.fullmatch(r'(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})', str(value))
        if not found or not 1 <= int(found[3]) <= 65535 or (found[1] and ':' not in found[1]):
            raise ValueError(self.allowed)
        try:
            address = canonical_ip(found[1] or found[2])
        except ValueError:
            raise ValueError(self.allowed) from None
        return f'[{address}]:{int(found[3])}' if found[1] else f'{address}:{int(found[3])}'


class Network(Type):
    """A network; as with wg, bits behind the prefix are cleared and a single address needs no prefix."""

    spec = {'type': 'str'}
    allowed = 'networks such as 192.0.2.0/24 or 2001:db8::/64'

    def parse(self, value):
        try:
            return str(ipaddress.ip_network(str(value), strict=False))
        except ValueError:
            raise ValueError(self.allowed) from None


class Peers(Table):
    """Rows of peers."""

    def parse(self, values, where, what='option'):
        row = super().parse(values, where, what)
        if 'public_key' not in row:
            raise InputError(f'{where}: public_key is missing')
        return row


_PEERS = Rows(Peers([
    Field('public_key', Key(), None, 'Public key of the peer, 44 characters of base64.', keyword='peer'),
    Field('preshared_key', Key(none=True), None, "Key shared with this peer, mixed into what is agreed on; V('') for none.", keyword='preshared-key',
          secret=True),
    Field('endpoint', Endpoint(), None,
          'Address and port to send to, V(192.0.2.1:51820) or V([2001:db8::1]:51820). The kernel follows a peer that moves; the endpoint is set back to what'
          ' is given here, so leave it out for peers that roam.'),
    Field('allowed_ips', ListOf(Network()), None, 'All networks that the peer may send from and that are sent to it.', keyword='allowed-ips'),
    Field('persistent_keepalive', Int(0, 65535, 'seconds', names={'off': 0}), None, 'Send something that often even if there is nothing to say.',
          keyword='persistent-keepalive'),
]), ('public_key',))


#: options of the device beside its peers
_OWN = Table([
    Field('private_key', PrivateKey(none=True), None,
          "Key of this end, as C(wg genkey) makes it; V('') for none. Root can read it from the kernel, so a changed one is noticed, but it is never shown.",
          keyword='private-key', secret=True),
    Field('listen_port', Int(1, 65535), None, 'UDP port to listen on. Without it the kernel chooses one when the link goes up.', keyword='listen-port'),
    Field('fwmark', Int(names={'off': 0}), None, 'Mark of the packets that are sent, for rules of routing.'),
])


def changes(wanted: dict, now: dict) -> tuple[dict, list, list]:
    """(options of the device, peers with just what changes, keys of peers that go)."""
    options = {field.name: wanted[field.name] for field in _OWN if wanted.get(field.name, now.get(field.name)) != now.get(field.name)}
    peers, gone = [], []
    if 'peers' in wanted:
        there = _PEERS.by_key(now.get('peers'))
        for row in wanted['peers']:
            old = there.pop(_PEERS.key(row), {})
            changed = {option: value for option, value in row.items() if old.get(option) != value}
            if changed:
                peers.append({'public_key': row['public_key'], **changed})
        gone = [key for (key,) in there]
    return options, peers, gone


def _wire(table: Table, values: dict) -> dict:
    return {option: [one.wire(item) for item in value] if isinstance(value, list) else one.wire(value)
            for option, value in values.items() for one in [getattr(table.by_name[option].type, 'item', table.by_name[option].type)]}


def _found(table: Table, raw: dict) -> dict:
    return {field.name: field.type.unwire(raw[field.name]) for field in table if field.name in raw}


def _words(table: Table, values: dict) -> list[str]:
    words = []
    for field in table:
        if field.name in values:
            value = values[field.name]
            words += [field.keyword, *(field.type.argv(value) if not field.secret else [HIDDEN] if value else ['/dev/null'])]
    return words


class Settings(Part):
    """All that a device has: its key, port, mark and peers. Peers that do not change keep their sessions."""

    options = (*_OWN.by_name, 'peers')

    def observe(self, kernel, netns, found):
        try:
            return self._read(Device(kernel, netns, found.index))
        except KernelError as exc:
            if exc.errno == errno.EPERM:  # told to root only
                return {}
            raise

    @staticmethod
    def _read(device) -> dict:
        raw = device.read()
        peers = [_found(_PEERS.table, peer) for peer in raw['peers']]
        return {'private_key': '', **_found(_OWN, raw), 'peers': sorted(peers, key=_PEERS.key)}

    def apply(self, kernel, netns, name, values, before):
        device = Device(kernel, netns, kernel.index(netns, name))
        options, peers, gone = changes(values, self._read(device))
        device.write(_wire(_OWN, options), [_wire(_PEERS.table, peer) for peer in peers], [base64.b64decode(key) for key in gone])

    def commands(self, netns, name, values, before):
        options, peers, gone = changes(values, before)
        rest = [_words(_OWN, options)] if options else []
        rest += [['peer', key, 'remove'] for key in gone] + [_words(_PEERS.table, peer) for peer in peers]
        return [[*within(netns), 'wg', 'set', name, *words] for words in rest]


def _check(values: dict):
    owner: dict = {}
    for peer in values.get('peers', ()):
        for network in peer.get('allowed_ips', ()):
            if owner.setdefault(network, peer['public_key']) != peer['public_key']:
                return f"wireguard: {network} is in allowed_ips of two peers, {owner[network]} and {peer['public_key']}, but only one can have it"
    return None


DOC = ('An encrypted tunnel over UDP, layer 3. It has no MAC address. Peers are compared one by one, and those that do not change keep their sessions.'
       ' The keys are read from the kernel to compare them, and never shown.')

KIND = Kind('wireguard', DOC, [
    *_OWN, Field('peers', _PEERS, None, 'All peers; what is not listed is removed. Of a listed peer, what is not given is left alone.'),
], check=_check, ether=False, parts=[Settings()])
