# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MACsec and WireGuard without a kernel: what goes over the wire, the order of changes, keys and what they are told by."""

from __future__ import annotations

import base64
import hashlib
import struct
import sys

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds import macsec, wireguard
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import macsec as macsec_messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import wireguard as wireguard_messages

KEY, OTHER = '00112233445566778899aabbccddeeff', '10112233445566778899aabbccddeeff'
SCI = '0200000000090001'
PUBLIC = base64.b64encode(bytes(range(32))).decode()


def attr(number: int, payload: bytes, nested: bool = False) -> bytes:
    """struct nlattr."""
    return struct.pack('=HH', 4 + len(payload), number | (0x8000 if nested else 0)) + payload + b'\0' * (-len(payload) % 4)


def parse(kind, **values):
    return kind.table.parse(values, 'here')


# ---- macsec


@pytest.mark.parametrize('row, pn', [({'pn': 7}, struct.pack('=I', 7)), ({'pn': 2**40, 'ssci': '00000077', 'salt': '01' * 12}, struct.pack('=Q', 2**40))])
def test_association_as_bytes(row, pn):
    """linux/if_macsec.h: MACSEC_ATTR_IFINDEX 1, RXSC_CONFIG 2 {SCI 1}, SA_CONFIG 3 {AN 1, ACTIVE 2, PN 3, KEY 4, KEYID 5, SSCI 8, SALT 9}."""
    values = macsec_messages.request(7, 'add', 'rx', SCI, {'an': 3, 'active': True, 'key': KEY, 'key_id': OTHER, **row})
    xpn = [attr(8, b'\0\0\0\x77'), attr(9, b'\1' * 12)] if 'ssci' in row else []
    assert macsec_messages._MESSAGE.pack(values) == attr(1, struct.pack('=I', 7)) + attr(2, attr(1, bytes.fromhex(SCI)), True) + attr(
        3, attr(1, b'\3') + attr(2, b'\1') + attr(3, pn) + attr(4, bytes.fromhex(KEY)) + attr(5, bytes.fromhex(OTHER)) + b''.join(xpn), True)


def test_change_and_removal_tell_no_key():
    row = {'an': 1, 'pn': 7, 'active': False, 'key': KEY, 'key_id': OTHER}
    assert macsec_messages.request(7, 'set', 'tx', None, row)['MACSEC_ATTR_SA_CONFIG'].keys() == {
        'MACSEC_SA_ATTR_AN', 'MACSEC_SA_ATTR_ACTIVE', 'MACSEC_SA_ATTR_PN'}
    packed = macsec_messages._MESSAGE.pack(macsec_messages.request(7, 'del', 'tx', None, row))
    assert packed == attr(1, struct.pack('=I', 7)) + attr(3, attr(1, b'\1'), True)


def test_packet_numbers_of_both_lengths_are_read():
    for size in 4, 8:
        read = macsec_messages._SA.read(attr(3, (77).to_bytes(size, sys.byteorder)), 0, 4 + size)
        assert read == {'MACSEC_SA_ATTR_PN': 77}


def test_key_identifier():
    """As the documentation says it is made, and no other: devices that were made with it must be known again."""
    assert macsec.key_id(KEY) == hashlib.sha256(b'linuxnet.vnet macsec key' + b'\0' + bytes.fromhex(KEY)).hexdigest()[:32]
    assert parse(macsec.KIND, tx_sa=[{'an': 0, 'key': KEY.upper()}])['tx_sa'] == [{'an': 0, 'key': KEY, 'key_id': macsec.key_id(KEY)}]
    assert parse(macsec.KIND, tx_sa=[{'an': 0, 'key': KEY, 'key_id': '01'}])['tx_sa'][0]['key_id'] == '01'.ljust(32, '0')


def sa(an, key=KEY, **more):
    return {'an': an, 'pn': 5, 'active': True, 'key_id': macsec.key_id(key), **more}


NEW = {'an': 1, 'key': OTHER, 'key_id': macsec.key_id(OTHER)}
MADE = {'pn': 1, 'active': True, **NEW}


def off(what, sci, an):
    return [('set', what, sci, {'an': an, 'active': False}), ('del', what, sci, {'an': an})]


@pytest.mark.parametrize('wanted, now, steps', [
    # a new key: receive by it, have it, send by it, forget the old one
    ({'encodingsa': 1, 'tx_sa': [NEW], 'rx_channels': [{'sci': SCI, 'sa': [NEW]}]},
     {'encodingsa': 0, 'tx_sa': [sa(0)], 'rx_channels': [{'sci': SCI, 'active': True, 'sa': [sa(0)]}]},
     [('add', 'rx', SCI, MADE), ('add', 'tx', None, MADE), ('set', 'encodingsa', None, {'an': 1}), *off('tx', None, 0), *off('rx', SCI, 0)]),
    # the one to be sent by gets its key before, the one that was sent by after
    ({'encodingsa': 1, 'tx_sa': [{**NEW, 'an': 0}, {**NEW, 'key_id': '7' * 32}]}, {'encodingsa': 0, 'tx_sa': [sa(0), sa(1)]},
     [*off('tx', None, 1), ('add', 'tx', None, {**MADE, 'key_id': '7' * 32}), ('set', 'encodingsa', None, {'an': 1}), *off('tx', None, 0),
      ('add', 'tx', None, {**MADE, 'an': 0})]),
    # numbers rise, and never fall
    ({'tx_sa': [{'an': 0, 'pn': 4}]}, {'tx_sa': [sa(0)]}, []),
    ({'tx_sa': [{'an': 0, 'pn': 5}]}, {'tx_sa': [sa(0)]}, []),
    ({'tx_sa': [{'an': 0, 'pn': 6}]}, {'tx_sa': [sa(0)]}, [('set', 'tx', None, {'an': 0, 'pn': 6})]),
    ({'tx_sa': [{'an': 0, 'pn': 6}]}, {'tx_sa': [sa(0, ssci='00000001')]}, [('set', 'tx', None, {'an': 0, 'ssci': '00000001', 'pn': 6})]),
    # what is not listed goes, what is not said stays
    ({'rx_channels': [{'sci': SCI}]}, {'rx_channels': [{'sci': SCI, 'active': False, 'sa': [sa(0)]}, {'sci': '07' * 8, 'active': True, 'sa': []}]},
     [('del', 'channel', '07' * 8, {})]),
    ({'encodingsa': 2}, {'encodingsa': 2}, []),
])
def test_steps(wanted, now, steps):
    assert macsec.steps(wanted, now) == (steps, [])


def test_steps_without_a_key_take_nothing_away():
    todo, lost = macsec.steps({'encodingsa': 0, 'tx_sa': [sa(0)], 'rx_channels': [{'sci': '07' * 8, 'active': True, 'sa': []}]},
                              {'encodingsa': 1, 'tx_sa': [sa(1, OTHER)], 'rx_channels': [{'sci': SCI, 'active': True, 'sa': [sa(1, OTHER)]}]})
    assert todo == [('add', 'channel', '07' * 8, {'active': True})] and len(lost) == 1 and 'association 0' in lost[0]


def test_identifiers_are_quoted_or_refused():
    """0200000000070001 without quotes is an octal number to YAML, which no length could tell from another identifier."""
    assert parse(macsec.KIND, sci='0x200000000070001')['sci'] == parse(macsec.KIND, sci='0200000000070001')['sci'] == '0200000000070001'
    with pytest.raises(InputError, match='16 hexadecimal digits, in quotes'):
        parse(macsec.KIND, sci=0o0200000000070001)


def test_restorable_can_be_made():
    """What the kernel reports of a live device, without what it does not take all at once."""
    live = {'sci': SCI, 'port': 1, 'send_sci': True, 'replay': False}
    assert macsec._restorable(live) == {'sci': SCI, 'send_sci': True}
    assert macsec._restorable({**live, 'end_station': True}) == {'sci': SCI, 'end_station': True}
    assert macsec._restorable({**live, 'send_sci': False}) == {'port': 1, 'send_sci': False}
    assert macsec._restorable({**live, 'port': 2}) == {'send_sci': True}
    assert macsec._restorable({**live, 'replay': True, 'window': 7})['window'] == 7


# ---- wireguard


def test_peer_as_bytes():
    """linux/wireguard.h: WGDEVICE_A_IFINDEX 1, PRIVATE_KEY 3, LISTEN_PORT 6, FWMARK 7, PEERS 8; each level marked as nested."""
    values = list(wireguard_messages.messages(7, {'listen_port': 77}, [{
        'public_key': b'p' * 32, 'preshared_key': b's' * 32, 'endpoint': '[2001:db8::1]:258', 'persistent_keepalive': 5, 'allowed_ips': ['192.0.2.0/24'],
    }], [b'g' * 32]))
    sockaddr = struct.pack('=H', 10) + b'\1\2' + bytes(4) + bytes.fromhex('20010db8' + '0' * 22 + '01') + bytes(4)
    network = attr(0, attr(1, struct.pack('=H', 2)) + attr(2, bytes([192, 0, 2, 0])) + attr(3, b'\x18'), True)
    gone = attr(0, attr(1, b'g' * 32) + attr(3, struct.pack('=I', 1)), True)
    peer = attr(1, attr(1, b'p' * 32) + attr(2, b's' * 32) + attr(4, sockaddr) + attr(5, struct.pack('=H', 5)) + attr(9, network, True)
                + attr(3, struct.pack('=I', 2)), True)
    packed = [wireguard_messages._DEVICE.pack(one) for one in values]
    assert len(packed) == 1
    assert sorted(packed[0]) == sorted(attr(1, struct.pack('=I', 7)) + attr(6, struct.pack('=H', 77)) + attr(8, gone + peer, True))
    assert wireguard_messages._DEVICE.read(packed[0], 0, len(packed[0]))['peers_found'][1]['endpoint'] == '[2001:db8::1]:258'


def test_many_networks_go_in_many_messages():
    networks = [f'10.{place // 256}.{place % 256}.0/24' for place in range(3000)]
    found = list(wireguard_messages.messages(7, {'fwmark': 1}, [{'public_key': b'p' * 32, 'allowed_ips': networks}], []))
    assert [network for one in found for peer in one['peers'] for network in peer['allowed_ips']] == networks
    assert [peer.get('flags') for one in found for peer in one['peers']] == [2, None, None, None]  # replaced by the first, added to by the others
    assert all(len(wireguard_messages._DEVICE.pack(one)) < 60000 for one in found) and len(found) > 1
    assert 'fwmark' in found[0] and not any('fwmark' in one for one in found[1:])


def test_private_key_as_the_kernel_keeps_it():
    key = parse(wireguard.KIND, private_key=base64.b64encode(b'\xff' * 32).decode())['private_key']
    assert base64.b64decode(key) == b'\xf8' + b'\xff' * 30 + b'\x7f'
    assert parse(wireguard.KIND, private_key='')['private_key'] == ''


def test_peers_are_canonical():
    row = parse(wireguard.KIND, peers=[{'public_key': PUBLIC, 'endpoint': '[2001:DB8:0::1]:7', 'allowed_ips': ['192.0.2.9/24', '2001:DB8::1', '192.0.2.0/24'],
                                        'persistent_keepalive': 0}])['peers'][0]
    assert row == {'public_key': PUBLIC, 'endpoint': '[2001:db8::1]:7', 'allowed_ips': ['192.0.2.0/24', '2001:db8::1/128'], 'persistent_keepalive': 'off'}


def test_only_what_changes_is_sent():
    peers = [{'public_key': name, 'allowed_ips': ['192.0.2.0/24'], 'persistent_keepalive': 5} for name in 'abc']
    wanted = [{'public_key': 'a', 'persistent_keepalive': 5}, {'public_key': 'b', 'persistent_keepalive': 7}, {'public_key': 'd'}]
    assert wireguard.changes({'fwmark': 7, 'listen_port': 1, 'peers': wanted}, {'fwmark': 7, 'peers': peers}) == (
        {'listen_port': 1}, [{'public_key': 'b', 'persistent_keepalive': 7}, {'public_key': 'd'}], ['c'])
    assert wireguard.changes({'fwmark': 7}, {'fwmark': 7, 'peers': peers}) == ({}, [], [])
