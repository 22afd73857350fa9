# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""macsec: encryption of a link (IEEE 802.1AE; drivers/net/macsec.c, IFLA_MACSEC_* of linux/if_link.h, linux/if_macsec.h)."""

from __future__ import annotations

import errno
import hashlib

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import HIDDEN, RECREATE, Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Mac, Rows, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.macsec import Device
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request

#: {cipher: (number, bytes of a key)}
_CIPHERS = {'gcm-aes-128': (0x0080C20001000001, 16), 'gcm-aes-256': (0x0080C20001000002, 32),
            'gcm-aes-xpn-128': (0x0080C20001000003, 16), 'gcm-aes-xpn-256': (0x0080C20001000004, 32)}
_DEFAULT, _DEFAULT_NUMBER = 'gcm-aes-128', 0x0080020001000001  # the kernel's older number for it, which is also the one that it reports
_XPN_WINDOW = 2**30 - 1
_LABEL = b'linuxnet.vnet macsec key\0'


class Hex(Type):
    """Bytes as hexadecimal digits. `pad`: iproute2 takes fewer digits, and fills up on this side."""

    spec = {'type': 'str'}

    def __init__(self, *sizes: int, pad: str = ''):
        self.sizes, self.pad = sizes, pad
        digits = ' or '.join(str(2 * size) for size in sizes)
        self.allowed = f'{"at most " if pad else ""}{digits} hexadecimal digits, in quotes'

    def parse(self, value):
        text = str(value).lower()
        length = 2 * self.sizes[0]
        if text.startswith('0x'):  # as iproute2 prints numbers: without leading zeros
            text = text[2:].rjust(length, '0')
        elif self.pad and text:
            text = text.rjust(length, '0') if self.pad == 'left' else text.ljust(length, '0') if not len(text) % 2 else ''
        if len(text) not in [2 * size for size in self.sizes] or set(text) - set('0123456789abcdef'):
            raise ValueError(self.allowed)
        return text

    def wire(self, value):
        return bytes.fromhex(value)

    def unwire(self, raw):
        return raw.hex()


class Cipher(Enum):
    """A cipher suite; `default` is what 802.1AE makes it, and the kernel tells no difference."""

    def __init__(self):
        super().__init__({name: number for name, (number, unused) in _CIPHERS.items()})
        self.spec = {'type': 'str'}  # without choices: iproute2 prints the names in capital letters
        self.allowed += ', default'

    def parse(self, value):
        text = str(value).lower()
        return _DEFAULT if text == 'default' else super().parse(text)

    def unwire(self, raw):
        return _DEFAULT if raw == _DEFAULT_NUMBER else super().unwire(raw)


class PacketNumber(Int):
    """A number that only rises: a key must never see one twice, so what is there already or past it is as wanted."""

    def same(self, wanted, found) -> bool:
        return isinstance(found, int) and wanted <= found


class Associations(Table):
    """Rows of secure associations."""

    def parse(self, values, where, what='option'):
        row = super().parse(values, where, what)
        if 'an' not in row:
            raise InputError(f'{where}: an is missing, the number of the association (0-3)')
        if 'key' in row:
            row.setdefault('key_id', key_id(row['key']))
        return row


class Channels(Table):
    """Rows of receive channels; whichever way a row says its identifier, it has `sci`."""

    def parse(self, values, where, what='option'):
        row = super().parse(values, where, what)
        port, address = row.pop('port', None), row.pop('address', None)
        if 'sci' in row and (port is not None or address is not None):
            raise InputError(f'{where}: sci excludes port and address, of which it is made')
        if 'sci' not in row:
            if port is None or address is None:
                raise InputError(f'{where}: needs sci, or port and address of the sender')
            row['sci'] = f'{address.replace(":", "")}{port:04x}'
        return row


def key_id(key: str) -> str:
    """What a key is told by where the user gave it no identifier. One-way: it is shown and the key must not be."""
    return hashlib.sha256(_LABEL + bytes.fromhex(key)).hexdigest()[:32]


def _associations(active: str) -> list:
    return [
        Field('an', Int(0, 3), None, 'Number of the association.', keyword='sa'),
        Field('pn', PacketNumber(1, 2**64 - 1), None,
              'Next packet number; 1 where the association is made. It only ever rises under the same key: a number that is behind that of a live association'
              ' is no difference. With the XPN ciphers it has 64 bits, otherwise 32.', aliases=['xpn']),
        Field('salt', Hex(12), None, 'Salt of the XPN ciphers, 24 hexadecimal digits. Nobody can read it back.', write_only=True),
        Field('ssci', Hex(4, pad='left'), None, 'Short identifier of the sender with the XPN ciphers, in hexadecimal digits as iproute2 takes it.'),
        Field('active', Bool(), None, f'{active} V(true) is the default where the association is made.', keyword=''),
        Field('key_id', Hex(16, pad='right'), None,
              'Name of the key, up to 32 hexadecimal digits. Nobody can read a key back, so this is what a changed key is told by. The default is made of the'
              " key: the first 16 bytes of SHA-256 over the text V(linuxnet.vnet macsec key), a zero byte, and the bytes of the key.", keyword='key'),
        Field('key', Hex(16, 32), None,
              'Key, 32 or 64 hexadecimal digits as the cipher wants it. Needed where the association is made or gets another key.', keyword='', secret=True,
              write_only=True),
    ]


_TX = Rows(Associations(_associations('May send.')), ('an',))
_RX = Rows(Associations(_associations('May receive.')), ('an',))
_CHANNELS = Rows(Channels([
    Field('sci', Hex(8), None, 'Identifier of the sender, 16 hexadecimal digits: its MAC address and a port.'),
    Field('port', Int(1, 0xFFFF), None, 'Port of the sender, with O(macsec.rx_channels[].address) instead of O(macsec.rx_channels[].sci).'),
    Field('address', Mac(), None, 'MAC address of the sender.'),
    Field('active', Bool(), None, 'Receive on this channel. V(true) is the default where the channel is made.', keyword=''),
    Field('sa', _RX, None, 'All associations of the channel; what is not listed is removed.'),
]), ('sci',))


# -- from what is there to what is wanted ------------------------------------------------------------------------------


def steps(wanted: dict, now: dict) -> tuple[list, list]:
    """([(verb, what, sci, row), ...], [sentence, ...]): how to get there without losing a packet, and what cannot be had.

    What is new comes first, so that others may use it already; then the association to send by changes; what is old goes last.
    Where the key of an association is not known, nothing is switched or removed: better what works than what was.
    """
    add, drop, lost = [], [], []
    if 'rx_channels' in wanted:
        there = _CHANNELS.by_key(now.get('rx_channels'))
        for channel in wanted['rx_channels']:
            sci, active = channel['sci'], channel.get('active')
            found = there.pop((sci,), None)
            if found is None:
                add.append(('add', 'channel', sci, {'active': active is not False}))
            elif active not in (None, found['active']):
                (add if active else drop).append(('set', 'channel', sci, {'active': active}))
            if 'sa' in channel:
                _sa_steps('rx', sci, channel['sa'], (found or {}).get('sa', ()), None, add, drop, lost)
        drop += [('del', 'channel', sci, {}) for (sci,) in there]
    old = now.get('encodingsa', 0)
    if 'tx_sa' in wanted:
        _sa_steps('tx', None, wanted['tx_sa'], now.get('tx_sa', ()), old, add, drop, lost)
        drop.sort(key=lambda step: step[1] != 'tx')
    if lost:
        return add, lost
    switch = [('set', 'encodingsa', None, {'an': wanted['encodingsa']})] if wanted.get('encodingsa', old) != old else []
    return add + switch + drop, []


def _sa_steps(what, sci, wanted, found, in_use, add, drop, lost):
    there = {row['an']: row for row in found}
    for row in wanted:
        old = there.pop(row['an'], None)
        if old is not None and row.get('key_id', old['key_id']) == old['key_id']:
            change = {option: row[option] for option, differs in (
                ('pn', row.get('pn', 0) > old['pn']), ('active', row.get('active', old['active']) != old['active'])) if differs}
            if change:
                (add if change.get('active', True) else drop).append(('set', what, sci, {'an': row['an'], **_xpn(old), **change}))
            continue
        if 'key' not in row:
            where = 'tx_sa' if sci is None else f'rx_channels {sci}: sa'
            lost.append(f"{where}: association {row['an']} cannot be made, since its key is not known; nobody can read a key back")
            continue
        place = drop if old is not None and row['an'] == in_use else add
        place += (_removal(what, sci, old) if old is not None else []) + [('add', what, sci, {'pn': 1, 'active': True, **row})]
    for old in there.values():
        drop += _removal(what, sci, old)


def _removal(what, sci, row) -> list:
    """The kernel does not remove what is active."""
    off = [('set', what, sci, {'an': row['an'], 'active': False})] if row['active'] else []
    return [*off, ('del', what, sci, {'an': row['an']})]


def _xpn(row) -> dict:
    return {'ssci': row['ssci']} if 'ssci' in row else {}


class Channel(Part):
    """Channels, associations, and which of them is sent by: the last is a link's option, but has its place among the steps."""

    options = ('encodingsa', 'tx_sa', 'rx_channels')

    def observe(self, kernel, netns, found):
        now = Device(kernel, netns, found.index).read()
        if now:
            now['port'], now['offload'] = int(now['sci'][12:], 16), _OFFLOAD.unwire(now['offload'])
        return now

    def apply(self, kernel, netns, name, values, before):
        index = kernel.index(netns, name)
        device = Device(kernel, netns, index)
        todo, lost = steps(values, device.read())
        for verb, what, sci, row in todo:
            if what == 'encodingsa':
                data = messages.data_layout(KIND).pack({'IFLA_MACSEC_ENCODING_SA': row['an']})
                body = messages.message(kernel).pack({'index': index}, {'IFLA_LINKINFO': messages.LINKINFO.pack(
                    {'IFLA_INFO_KIND': KIND.name, 'IFLA_INFO_DATA': data})})
                failed, unused = kernel.namespaces.socket(netns).batch([Request(messages.RTM_NEWLINK, 0, body)])
                if failed:
                    raise failed[0]
            else:
                device.act(verb, what, sci, row)
        if lost:
            raise KernelError(errno.ENOKEY, '; '.join(lost))

    def commands(self, netns, name, values, before):
        ip, lines = prefix('ip', netns), []
        for verb, what, sci, row in steps(values, before)[0]:
            if what == 'encodingsa':
                lines.append([*ip, 'link', 'set', 'dev', name, 'type', 'macsec', 'encodingsa', str(row['an'])])
                continue
            line = [*ip, 'macsec', verb, name, *(('tx',) if sci is None else ('rx', 'sci', sci))]
            if verb == 'add' and what != 'channel':
                row = {**row, 'key': HIDDEN}
            for field in _TX.table:  # in iproute2's order
                if field.name in row and (verb == 'add' or field.name != 'ssci'):
                    keyword = 'xpn' if field.name == 'pn' and 'ssci' in row else field.keyword
                    line += [*keyword.split(), *field.type.argv(row[field.name])]
            lines.append(line)
        return lines

    def check(self, values, found):
        now = found.values.get('macsec', {}) if found is not None else {}
        cipher = values.get('cipher', now.get('cipher', _DEFAULT))
        if 'xpn' in cipher and values.get('window', 0) > _XPN_WINDOW:
            return f'macsec: window must be at most {_XPN_WINDOW} with cipher {cipher}'
        there = _CHANNELS.by_key(now.get('rx_channels'))
        lists = [('tx_sa', values.get('tx_sa', ()), now.get('tx_sa', ()))]
        lists += [(f"rx_channels {row['sci']}: sa", row.get('sa', ()), there.get((row['sci'],), {}).get('sa', ())) for row in values.get('rx_channels', ())]
        for where, rows, old in lists:
            for row in rows:
                sentence = _check_row(row, {one['an']: one for one in old}.get(row['an']), cipher)
                if sentence:
                    return f"macsec: {where}: association {row['an']}{sentence}"
        return _check_sending(values, now)

    def check_recreate(self, values, found):
        now = found.values.get('macsec', {})
        used = {row['key_id'] for row in _all_rows(now)}
        for row in _all_rows(values):
            if 'key' not in row:
                return ('macsec: made anew, the device needs other keys than it has, and nobody can read those back; give tx_sa, and rx_channels with sa,'
                        ' with new keys, or empty')
            if row['key_id'] in used:
                return (f"macsec: the key {row['key_id']} of association {row['an']} was on the device before it is made anew, and its packet numbers"
                        ' would start again, which gives the encryption away; give a new key')
        return self.check(values, None)


def _all_rows(values: dict) -> list:
    return [*values.get('tx_sa', ()), *(row for channel in values.get('rx_channels', ()) for row in channel.get('sa', ()))]


def _check_row(row, old, cipher):
    """What is wrong with an association that is `old` now, as the rest of a sentence."""
    size, xpn = _CIPHERS[cipher][1], 'xpn' in cipher
    new = old is None or row.get('key_id', old['key_id']) != old['key_id']
    if new and 'key' not in row:
        return ' is not there, so its key is needed' if old is None else ' has another key, so the new one is needed beside its key_id'
    if 'key' in row and len(row['key']) != 2 * size:
        return f" has a key of {len(row['key']) // 2} bytes, but cipher {cipher} takes {size}"
    if not xpn:
        if 'salt' in row or 'ssci' in row:
            return f' has salt or ssci, which only the XPN ciphers have, not {cipher}'
        if row.get('pn', 1) > 0xFFFFFFFF:
            return f' has a pn beyond 4294967295, which only the XPN ciphers have, not {cipher}'
    elif new and not ('salt' in row and 'ssci' in row):
        return f' needs salt and ssci with cipher {cipher}'
    elif old is not None and not new and row.get('ssci', old['ssci']) != old['ssci']:
        return ' cannot have another ssci under the same key; give it a new key'
    return None


def _check_sending(values, now):
    """What must not become of the associations to send by while they are in use."""
    old, wanted = {row['an']: row for row in now.get('tx_sa', ())}, values.get('tx_sa')
    for row in wanted or ():
        for other in old.values():
            if other['an'] != row['an'] and other['key_id'] == row.get('key_id'):
                return (f"macsec: tx_sa: association {row['an']} has the key of {other['an']}, {row['key_id']}, and its packet numbers would start again,"
                        ' which gives the encryption away; give it a new key')
    using, sending = now.get('encodingsa'), values.get('encodingsa', now.get('encodingsa'))
    if not old.get(using, {}).get('active') or wanted == []:
        return None
    new = {row['an']: row for row in wanted} if wanted is not None else old
    if sending not in new:
        return f'macsec: encodingsa is {sending}, but tx_sa has no such association, so nothing could be sent any more'
    if sending == using and new[using].get('key_id', old[using]['key_id']) != old[using]['key_id']:
        return (f'macsec: tx_sa: association {using} is being sent by, and others could not tell its new key from the old one; give the new key to another'
                f' association, with encodingsa, and take {using} out when all receive by it')
    return None


# -- the kind ----------------------------------------------------------------------------------------------------------


def _check(values: dict):
    sci, port = values.get('sci'), values.get('port')
    if sci is not None and port is not None and int(sci[12:], 16) != port:
        return f'macsec: sci {sci} and port {port} exclude each other; the last four digits of sci are the port'
    if sci is not None and values.get('send_sci') is False:
        return 'macsec: sci needs send_sci: true, as without it others take the identifier to be the MAC address and port 1'
    if values.get('icvlen') in (9, 10, 11):
        return 'macsec: icvlen must be 8 or 12-16'
    if ('window' in values) != bool(values.get('replay')):
        return 'macsec: replay: true and window need each other'
    given = [option for option in ('send_sci', 'end_station', 'scb') if values.get(option)]
    if len(given) > 1:
        return f'macsec: {given[0]} and {given[1]} exclude each other'
    keys = [row['key_id'] for row in values.get('tx_sa', ()) if 'key_id' in row]
    if len(set(keys)) < len(keys):
        return 'macsec: tx_sa: two associations have the same key, whose packet numbers must not be used twice; give each a key of its own'
    return None


def _restorable(values: dict) -> dict:
    kept = dict(values)
    sci, port = kept.get('sci'), kept.get('port')
    if sci is not None and port is not None and int(sci[12:], 16) != port:  # one is wanted, the other is of the device as it is
        del kept['sci'], kept['port']
    elif kept.get('send_sci') is False:
        kept.pop('sci', None)
    elif sci is not None:
        kept.pop('port', None)
    if kept.get('send_sci') and (kept.get('end_station') or kept.get('scb')):  # the kernel has both where nobody says otherwise, but lets nobody say both
        del kept['send_sci']
    if not kept.get('replay'):  # the default; older iproute2 sends a window with it that XPN ciphers do not take
        kept.pop('replay', None)
        kept.pop('window', None)
    return kept


_OFFLOAD = Enum({'off': 0, 'phy': 1, 'mac': 2})

DOC = ('Encryption and authentication of all that goes over the link that O(link) names, IEEE 802.1AE. Associations are set without losing a packet: new ones'
       ' are made, then O(macsec.encodingsa) changes, then old ones are removed. To change keys on running machines, first give all of them the new'
       ' association to receive by, then to send by, then take out the old one, in three tasks. Where a device is removed or changed and a later step of'
       ' the same task fails, associations cannot be brought back, since nobody can read keys from the kernel; the failure says so.')

KIND = Kind('macsec', DOC, [
    Field('sci', Hex(8), 'IFLA_MACSEC_SCI', 'Identifier of the secure channel to send by, 16 hexadecimal digits: a MAC address and a port.', nla=(1, 'hex'),
          live=RECREATE),
    Field('port', Int(1, 0xFFFF), 'IFLA_MACSEC_PORT', 'Port of that identifier, whose other part is the MAC address of the link then. The default is 1.',
          nla=(2, 'be16'), live=RECREATE),
    Field('cipher', Cipher(), 'IFLA_MACSEC_CIPHER_SUITE',
          'Cipher suite: V(gcm-aes-128), V(gcm-aes-256), V(gcm-aes-xpn-128) or V(gcm-aes-xpn-256); V(default) is V(gcm-aes-128).', nla=(4, 'uint64'),
          live=RECREATE, aliases=['cipher_suite']),
    Field('icvlen', Int(8, 16, 'bytes'), 'IFLA_MACSEC_ICV_LEN', 'Length of the integrity check value: 8 or 12-16. The default is 16.', nla=(3, 'uint8'),
          live=RECREATE, aliases=['icv_len']),
    Field('encrypt', Bool(), 'IFLA_MACSEC_ENCRYPT', 'Encrypt what is sent, rather than only authenticate it. The default is V(false).', nla=(7, 'uint8')),
    Field('protect', Bool(), 'IFLA_MACSEC_PROTECT', 'Protect what is sent at all.', nla=(8, 'uint8')),
    Field('send_sci', Bool(), 'IFLA_MACSEC_INC_SCI', 'Send the identifier in each packet. The default is V(true).', nla=(9, 'uint8'), aliases=['inc_sci']),
    Field('end_station', Bool(), 'IFLA_MACSEC_ES', 'Set the end station bit in what is sent.', nla=(10, 'uint8'), aliases=['es']),
    Field('scb', Bool(), 'IFLA_MACSEC_SCB', 'Set the single copy broadcast bit in what is sent.', nla=(11, 'uint8')),
    Field('replay', Bool(), 'IFLA_MACSEC_REPLAY_PROTECT', 'Refuse packets that came before; needs O(macsec.window).', nla=(12, 'uint8'),
          aliases=['replay_protect']),
    Field('window', Int(unit='packets'), 'IFLA_MACSEC_WINDOW', 'How much older than the newest packet one may be that comes late; 0 wants strict order.',
          nla=(5, 'uint32')),
    Field('validate', Enum({'disabled': 0, 'check': 1, 'strict': 2}), 'IFLA_MACSEC_VALIDATION',
          'What becomes of packets that are not valid: V(strict) drops them, V(check) counts them, V(disabled) does not look.', nla=(13, 'uint8'),
          aliases=['validation']),
    Field('offload', _OFFLOAD, 'IFLA_MACSEC_OFFLOAD', 'Let the NIC or its PHY do the work.', nla=(15, 'uint8'), live=RECREATE),
    Field('encodingsa', Int(0, 3), 'IFLA_MACSEC_ENCODING_SA', 'Association to send by. The default is 0.', nla=(6, 'uint8'), aliases=['encoding_sa']),
    Field('tx_sa', _TX, None, 'All associations to send by; what is not listed is removed. The one that is in use keeps its key.'),
    Field('rx_channels', _CHANNELS, None, 'All channels to receive on; what is not listed is removed.'),
], parent='required', check=_check, restorable=_restorable, whole=[('replay', 'window')], parts=[Channel()], later=['mtu'])
