# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The macsec driver's generic netlink family: secure channels and associations (linux/if_macsec.h)."""

from __future__ import annotations

import struct
import sys

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout, listing
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.genl import Family

_GET = 0
#: {(what is done, to what): command}
_COMMANDS = {
    ('add', 'channel'): 1, ('del', 'channel'): 2, ('set', 'channel'): 3,
    ('add', 'tx'): 4, ('del', 'tx'): 5, ('set', 'tx'): 6,
    ('add', 'rx'): 7, ('del', 'rx'): 8, ('set', 'rx'): 9,
}
#: a packet number, of 4 bytes, or 8 with the XPN ciphers: packed from (number, XPN)
_PN = (lambda value: struct.pack('=Q' if value[1] else '=I', value[0]), lambda data, start, end: int.from_bytes(data[start:end], sys.byteorder))
_SA = Layout([
    (1, 'MACSEC_SA_ATTR_AN', 'uint8'), (2, 'MACSEC_SA_ATTR_ACTIVE', 'uint8'), (3, 'MACSEC_SA_ATTR_PN', _PN), (4, 'MACSEC_SA_ATTR_KEY', 'cdata'),
    (5, 'MACSEC_SA_ATTR_KEYID', 'cdata'), (8, 'MACSEC_SA_ATTR_SSCI', 'cdata'), (9, 'MACSEC_SA_ATTR_SALT', 'cdata'),
])
_SAS = listing(1, _SA.pack, _SA.read)
_CHANNEL = Layout([(1, 'MACSEC_RXSC_ATTR_SCI', 'cdata'), (2, 'MACSEC_RXSC_ATTR_ACTIVE', 'uint8'), (3, 'MACSEC_RXSC_ATTR_SA_LIST', _SAS)])
_SECY = Layout([(1, 'MACSEC_SECY_ATTR_SCI', 'cdata'), (2, 'MACSEC_SECY_ATTR_ENCODING_SA', 'uint8')])
_OFFLOAD = Layout([(1, 'MACSEC_OFFLOAD_ATTR_TYPE', 'uint8')])
_MESSAGE = Layout([
    (1, 'MACSEC_ATTR_IFINDEX', 'uint32'), (2, 'MACSEC_ATTR_RXSC_CONFIG', _CHANNEL), (3, 'MACSEC_ATTR_SA_CONFIG', _SA), (4, 'MACSEC_ATTR_SECY', _SECY),
    (5, 'MACSEC_ATTR_TXSA_LIST', _SAS), (6, 'MACSEC_ATTR_RXSC_LIST', listing(1, _CHANNEL.pack, _CHANNEL.read)), (9, 'MACSEC_ATTR_OFFLOAD', _OFFLOAD),
])


class Device:
    """The channels and associations of one device. Identifiers and keys are hexadecimal text, as iproute2 writes them."""

    def __init__(self, kernel, netns: str | None, index: int):
        self.family, self.index = Family(kernel, netns, 'macsec', 1), index

    def read(self) -> dict:
        """{'sci', 'encodingsa', 'offload', 'tx_sa': [row, ...], 'rx_channels': [row, ...]}; {} if there is no such device."""
        for message in self.family.dump(_GET, _MESSAGE, {}, only=self._is_ours):
            secy = message['MACSEC_ATTR_SECY']
            return {
                'sci': secy['MACSEC_SECY_ATTR_SCI'].hex(), 'encodingsa': secy['MACSEC_SECY_ATTR_ENCODING_SA'],
                'offload': message.get('MACSEC_ATTR_OFFLOAD', {}).get('MACSEC_OFFLOAD_ATTR_TYPE', 0),
                'tx_sa': [_row(sa) for sa in message.get('MACSEC_ATTR_TXSA_LIST', [])],
                'rx_channels': sorted((
                    {'sci': channel['MACSEC_RXSC_ATTR_SCI'].hex(), 'active': bool(channel['MACSEC_RXSC_ATTR_ACTIVE']),
                     'sa': [_row(sa) for sa in channel.get('MACSEC_RXSC_ATTR_SA_LIST', [])]}
                    for channel in message.get('MACSEC_ATTR_RXSC_LIST', [])), key=lambda channel: channel['sci']),
            }
        return {}

    def _is_ours(self, data, start, end) -> bool:
        """The dump is of all devices of the namespace."""
        return _MESSAGE.scan(data, start, end).get('MACSEC_ATTR_IFINDEX') == self.index

    def act(self, verb: str, what: str, sci: str | None, row: dict):
        """add, set or del a channel, or an association of tx or rx (the channel `sci`); raises KernelError."""
        self.family.call(_COMMANDS[verb, what], _MESSAGE, request(self.index, verb, what, sci, row))


def _row(sa: dict) -> dict:
    row = {'an': sa['MACSEC_SA_ATTR_AN'], 'pn': sa['MACSEC_SA_ATTR_PN'], 'key_id': sa['MACSEC_SA_ATTR_KEYID'].hex(),
           'active': bool(sa['MACSEC_SA_ATTR_ACTIVE'])}
    if 'MACSEC_SA_ATTR_SSCI' in sa:  # the XPN ciphers have it
        row['ssci'] = sa['MACSEC_SA_ATTR_SSCI'].hex()
    return row


def request(index: int, verb: str, what: str, sci: str | None, row: dict) -> dict:
    """The attributes of a command."""
    values = {'MACSEC_ATTR_IFINDEX': index}
    active = None if verb == 'del' else row.get('active')
    if sci is not None:
        values['MACSEC_ATTR_RXSC_CONFIG'] = {'MACSEC_RXSC_ATTR_SCI': bytes.fromhex(sci), 'MACSEC_RXSC_ATTR_ACTIVE': active if what == 'channel' else None}
    if what != 'channel':
        values['MACSEC_ATTR_SA_CONFIG'] = sa = {'MACSEC_SA_ATTR_AN': row['an'], 'MACSEC_SA_ATTR_ACTIVE': active}
        if verb != 'del' and 'pn' in row:
            sa['MACSEC_SA_ATTR_PN'] = (row['pn'], 'ssci' in row)
        if verb == 'add':
            sa.update({f'MACSEC_SA_ATTR_{attr}': bytes.fromhex(row[option]) for attr, option in
                       (('KEY', 'key'), ('KEYID', 'key_id'), ('SSCI', 'ssci'), ('SALT', 'salt')) if option in row})
    return values
