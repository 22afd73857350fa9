# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels and associations of MACsec against `ip macsec`; keys that change under traffic; what keys must not become."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from differential.traffic import Flow, Wire
from module import ModuleFailed, round_trip, run_here

KEYS = [f'{place}0112233445566778899aabbccddeeff' for place in '1234']
LONG = [key * 2 for key in KEYS]
OTHER, SCI = '02:00:00:00:00:09', '0200000000090001'
SHOW = 'ip link', 'ip macsec show'
BELOW = ['ip link add name d address 02:00:00:00:00:07 type dummy']
MACSEC = {'name': 'm', 'kind': 'macsec', 'link': 'd', 'up': False}  # nothing is sent, so packet numbers stay


def key_id(key: str) -> str:
    return hashlib.sha256(b'linuxnet.vnet macsec key\0' + bytes.fromhex(key)).hexdigest()[:32]


KEY_OF = {key_id(key): key for key in KEYS + LONG}


def replay(ours, commands, other):
    """The commands with the keys that they leave out."""
    ours.replay([re.sub('(\\w+) SECRET', lambda found: f'{found[1]} {KEY_OF[found[1]]}', line) for line in commands], (ours, other))


def shown(namespace, name='m') -> dict:
    return next(device for device in namespace.json('ip macsec show')[0] if device['ifname'] == name)


def make(space, **macsec):
    return space.module('vnet_link', **MACSEC, macsec=macsec)


def test_channels_and_associations(spaces):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(BELOW)
    theirs.batch([
        'ip link add link d name m type macsec port 7 encrypt on encodingsa 1',
        f'ip macsec add m tx sa 0 pn 1 on key {key_id(KEYS[0])} {KEYS[0]}',
        f'ip macsec add m tx sa 1 pn 777 on key {key_id(KEYS[1])} {KEYS[1]}',
        f'ip macsec add m rx port 1 address {OTHER} on',
        f'ip macsec add m rx port 1 address {OTHER} sa 3 pn 7 off key 07 {KEYS[2]}',
        'ip macsec add m rx sci 0200000000aa0002 off',
    ])
    KEY_OF['07'.ljust(32, '0')] = KEYS[2]
    wanted = {'port': 7, 'encrypt': True, 'encodingsa': 1, 'tx_sa': [{'an': 0, 'key': KEYS[0]}, {'an': 1, 'pn': 777, 'key': KEYS[1].upper()}],
              'rx_channels': [{'port': 1, 'address': OTHER, 'sa': [{'an': 3, 'pn': 7, 'active': False, 'key_id': '07', 'key': KEYS[2]}]},
                              {'sci': '0200000000aa0002', 'active': False}]}
    planned = ours.module('vnet_link', **MACSEC, macsec=wanted, check=True, diff=True)
    assert ours.links().keys() == {'lo', 'd'}
    made = ours.module('vnet_link', **MACSEC, macsec=wanted, diff=True)
    assert made == planned and not any(key in json.dumps(made).lower() for key in KEYS)
    ours.like(theirs, *SHOW)
    assert make(ours, **wanted)['operations'] == []
    replay(ours, made['commands'], replayed)
    replayed.like(theirs, *SHOW)
    macsec = next(link for link in round_trip(ours.name)['links'] if link['name'] == 'm')['macsec']
    assert 'tx_sa' not in macsec and macsec['rx_channels'] == [{'sci': SCI, 'active': True}, {'sci': '0200000000aa0002', 'active': False}]
    told = run_here('vnet_info', {'netns': [ours.name], 'gather': ['state']})['macsec']
    assert [(one['name'], one['netns'], one['encodingsa'], [sa['key_id'] for sa in one['tx_sa']]) for one in told] == [
        ('m', ours.name, 1, [key_id(KEYS[0]), key_id(KEYS[1])])]
    assert told[0]['rx_channels'][0]['sa'][0]['key_id'] == '07'.ljust(32, '0')


def test_mtu_from_the_beginning(spaces):
    """The driver makes up its own when it is made, whatever the message says."""
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(BELOW)
    theirs.batch(['ip link add link d name m type macsec', 'ip link set dev m mtu 1300'])
    made = ours.module('vnet_link', **MACSEC, mtu=1300)
    ours.like(theirs, 'ip link')
    ours.replay(made['commands'], (ours, replayed))
    replayed.like(theirs, 'ip link')


def test_extended_packet_numbers(spaces):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(BELOW)
    salt = '0102030405060708090a0b0c'
    theirs.batch(['ip link add link d name m type macsec cipher gcm-aes-xpn-256',
                  f'ip macsec add m tx sa 0 xpn {2**32 + 7} salt {salt} ssci 77 on key {key_id(LONG[0])} {LONG[0]}', f'ip macsec add m rx sci {SCI}',
                  f'ip macsec add m rx sci {SCI} sa 1 xpn 9 salt {salt} ssci 78 on key {key_id(LONG[1])} {LONG[1]}'])
    wanted = {'cipher': 'gcm-aes-xpn-256', 'tx_sa': [{'an': 0, 'xpn': 2**32 + 7, 'salt': salt, 'ssci': '77', 'key': LONG[0]}],
              'rx_channels': [{'sci': SCI, 'sa': [{'an': 1, 'pn': 9, 'salt': salt, 'ssci': '0x78', 'key': LONG[1]}]}]}
    made = make(ours, **wanted)
    ours.like(theirs, *SHOW)
    replay(ours, made['commands'], replayed)
    replayed.like(theirs, *SHOW)
    assert make(ours, **wanted)['operations'] == []
    theirs.ip(f'macsec set m tx sa 0 xpn {2**40 + 5} on')
    wanted['tx_sa'][0]['xpn'] = 2**40 + 5
    raised = make(ours, **wanted)
    assert raised['operations'][0]['before']['macsec']['tx_sa'][0]['pn'] == 2**32 + 7
    ours.like(theirs, *SHOW)
    replay(ours, raised['commands'], replayed)
    replayed.like(theirs, *SHOW)
    assert make(ours, **wanted)['operations'] == []


def test_change_of_keys(spaces):
    """In the order that loses nothing: receive by the new one, have it, send by it, forget the old one."""
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(BELOW)
    old = {'tx_sa': [{'an': 0, 'key': KEYS[0]}], 'rx_channels': [{'sci': SCI, 'sa': [{'an': 0, 'key': KEYS[0]}]}, {'sci': '0200000000aa0002'}]}
    new = {'encodingsa': 1, 'tx_sa': [{'an': 1, 'key': KEYS[1]}], 'rx_channels': [{'sci': SCI, 'sa': [{'an': 1, 'key': KEYS[1]}]}]}
    made = make(ours, **old)
    index = ours.links()['m']
    changed = make(ours, **new)
    assert ours.links()['m'] == index and {operation['disruption'] for operation in changed['operations']} == {'in_place'}
    words = [line.removeprefix(f'ip -n {ours.name} ').split(' pn ')[0] for line in changed['commands']]
    assert words == [f'macsec add m rx sci {SCI} sa 1', 'macsec add m tx sa 1', 'link set dev m type macsec encodingsa 1', 'macsec set m tx sa 0 off',
                     'macsec del m tx sa 0', f'macsec set m rx sci {SCI} sa 0 off', f'macsec del m rx sci {SCI} sa 0', 'macsec del m rx sci 0200000000aa0002']
    assert make(ours, **new)['operations'] == []
    theirs.batch(['ip link add link d name m type macsec encodingsa 1', f'ip macsec add m tx sa 1 pn 1 on key {key_id(KEYS[1])} {KEYS[1]}',
                  f'ip macsec add m rx sci {SCI} on', f'ip macsec add m rx sci {SCI} sa 1 pn 1 on key {key_id(KEYS[1])} {KEYS[1]}'])
    ours.like(theirs, *SHOW)
    replay(ours, made['commands'] + changed['commands'], replayed)
    replayed.like(theirs, *SHOW)

    make(ours, rx_channels=[{'sci': SCI, 'active': False, 'sa': [{'an': 1, 'active': False}]}])
    theirs.batch([f'ip macsec set m rx sci {SCI} off', f'ip macsec set m rx sci {SCI} sa 1 off'])
    ours.like(theirs, *SHOW)
    make(ours, tx_sa=[], rx_channels=[])
    assert shown(ours)['sa_list'] == shown(ours)['rx_sc'] == []


def test_other_key_under_a_number_that_is_not_sent_by(spaces):
    ours = spaces('ours')
    ours.batch(BELOW)
    make(ours, tx_sa=[{'an': 0, 'key': KEYS[0]}, {'an': 1, 'pn': 7, 'key': KEYS[1]}], rx_channels=[{'sci': SCI, 'sa': [{'an': 0, 'pn': 9, 'key': KEYS[0]}]}])
    changed = make(ours, tx_sa=[{'an': 0}, {'an': 1, 'key': KEYS[2]}], rx_channels=[{'sci': SCI, 'sa': [{'an': 0, 'key': KEYS[3]}]}])
    assert changed['changed']
    assert [(sa['an'], sa['pn'], sa['key']) for sa in shown(ours)['sa_list']] == [(0, 1, key_id(KEYS[0])), (1, 1, key_id(KEYS[2]))]
    assert [(sa['an'], sa['pn'], sa['key']) for sa in shown(ours)['rx_sc'][0]['sa_list']] == [(0, 1, key_id(KEYS[3]))]


def test_packet_numbers_only_rise(spaces):
    ours = spaces('ours')
    ours.batch(BELOW)

    def numbers(**options):
        changed = make(ours, tx_sa=[{'an': 0, 'key': KEYS[0], **options}], rx_channels=[{'sci': SCI, 'sa': [{'an': 0, 'key': KEYS[0], **options}]}])['changed']
        return changed, shown(ours)['sa_list'][0]['pn'], shown(ours)['rx_sc'][0]['sa_list'][0]['pn']

    assert numbers(pn=1000) == (True, 1000, 1000)
    assert numbers(pn=500) == numbers() == numbers(pn=1000) == (False, 1000, 1000)
    assert numbers(pn=2000) == (True, 2000, 2000)


TX, RX = [{'an': 0, 'key': KEYS[0]}], [{'sci': SCI, 'sa': [{'an': 0, 'key': KEYS[1]}]}]
REFUSED = [
    ({'tx_sa': [{'an': 1, 'key': KEYS[0]}]}, 'association 1 has the key of 0'),
    ({'tx_sa': [{'an': 0, 'key': KEYS[2]}]}, 'association 0 is being sent by'),
    ({'tx_sa': [{'an': 1, 'key': KEYS[2]}]}, 'encodingsa is 0, but tx_sa has no such association'),
    ({'encodingsa': 3}, 'encodingsa is 3, but tx_sa has no such association'),
    ({'tx_sa': [{'an': 0}, {'an': 1}]}, 'association 1 is not there, so its key is needed'),
    ({'tx_sa': [{'an': 0}, {'an': 1, 'key': LONG[1]}]}, 'has a key of 32 bytes, but cipher gcm-aes-128 takes 16'),
    ({'tx_sa': [{'an': 0, 'pn': 2**32}]}, 'pn beyond 4294967295'),
    ({'tx_sa': [{'an': 0, 'ssci': '1'}]}, 'only the XPN ciphers have'),
    ({'tx_sa': [{'an': 0, 'key_id': '07'}]}, 'has another key, so the new one is needed'),
    ({'tx_sa': [{'an': 0, 'key': KEYS[1]}, {'an': 1, 'key': KEYS[1]}]}, 'two associations have the same key'),
    ({'tx_sa': [{'key': KEYS[1]}]}, 'tx_sa[0]: an is missing'),
    ({'tx_sa': [{'an': 1, 'key': 'x' + KEYS[1][1:]}]}, 'key is a value, but must be 32 or 64 hexadecimal digits'),
    ({'rx_channels': [{'port': 7}]}, 'rx_channels[0]: needs sci, or port and address'),
    ({'rx_channels': [{'sci': SCI, 'port': 7}]}, 'sci excludes port and address'),
    ({'sci': SCI, 'port': 7}, 'exclude each other'),
    ({'replay': True}, 'replay: true and window need each other'),
    ({'window': 7}, 'replay: true and window need each other'),
    ({'send_sci': True, 'end_station': True}, 'send_sci and end_station exclude each other'),
    ({'icvlen': 9}, 'icvlen must be 8 or 12-16'),
    ({'cipher': 'gcm-aes-256'}, 'set recreate: true'),
]


def test_refused(spaces):
    ours = spaces('ours')
    ours.batch(BELOW)
    make(ours, tx_sa=TX, rx_channels=RX)
    before = ours.normal(*SHOW)
    for options, words in REFUSED:
        result = ours.refused('vnet_link', **MACSEC, macsec=options)
        assert words in result['msg'] and not any(key in json.dumps(result) for key in KEYS), options
    assert ours.normal(*SHOW) == before


def test_made_anew(spaces):
    """A key that was on the device must not come again, nor can those that nobody knows; other keys may."""
    ours = spaces('ours')
    ours.batch(BELOW)
    make(ours, tx_sa=TX, rx_channels=RX)
    index = ours.links()['m']
    for macsec, words in (({}, 'needs other keys than it has'),
                          ({'tx_sa': TX, 'rx_channels': []}, f'the key {key_id(KEYS[0])} of association 0 was on the device'),
                          ({'tx_sa': [{'an': 1, 'key': KEYS[0]}], 'rx_channels': []}, 'was on the device before'),
                          ({'tx_sa': [{'an': 0, 'key': KEYS[2]}], 'rx_channels': RX}, 'was on the device before')):
        assert words in ours.refused('vnet_link', **MACSEC, macsec={'port': 9, **macsec}, recreate=True)['msg']
    assert ours.links()['m'] == index
    new = {'port': 9, 'tx_sa': [{'an': 0, 'key': KEYS[2]}], 'rx_channels': [{'sci': SCI, 'sa': [{'an': 0, 'key': KEYS[3]}]}]}
    ours.module('vnet_link', **MACSEC, macsec=new, recreate=True)
    assert ours.links()['m'] != index
    assert shown(ours)['sci'] == '0x200000000070009' and [sa['key'] for sa in shown(ours)['sa_list']] == [key_id(KEYS[2])]
    assert make(ours, **new)['operations'] == []


#: what only the kernel can know to be impossible
WRONG = {'name': 'wrong', 'kind': 'vlan', 'link': 'd', 'vlan': {'id': 7}}


def test_undone(spaces):
    """What can be taken back is; where a key is not known, what works stays, and the failure says so."""
    ours = spaces('ours')
    ours.batch([*BELOW, 'ip link add link d name taken type vlan id 7'])
    make(ours, replay=True, window=7, tx_sa=[*TX, {'an': 1, 'key': KEYS[2]}], rx_channels=RX)
    before = ours.normal(*SHOW)

    def fail(**macsec):
        return ours.refused('vnet_link', config=[{**MACSEC, 'macsec': macsec}, WRONG])

    result = fail(encodingsa=1, replay=False, tx_sa=[{'an': 0, 'active': False}, {'an': 1}, {'an': 2, 'key': KEYS[3]}],
                  rx_channels=[{'sci': SCI, 'sa': [{'an': 0}, {'an': 1, 'key': KEYS[3]}]}, {'sci': '0200000000aa0002'}])
    assert result['rolled_back'] is True and ours.normal(*SHOW) == before

    result = fail(encodingsa=1, tx_sa=[{'an': 1}])
    assert result['rolled_back'] is False
    assert 'tx_sa: association 0 cannot be made, since its key is not known' in result['msg']
    assert shown(ours)['encoding_sa'] == 1 and [sa['an'] for sa in shown(ours)['sa_list']] == [1]

    result = ours.refused('vnet_state', links=[{'name': 'm', 'netns': ours.name, 'state': 'absent'}],
                          routes=[{'netns': ours.name, 'dst': '198.51.100.0/24', 'via': '203.0.113.1'}])
    if 'm' not in ours.links():
        pytest.fail('the device was not brought back')
    if result.get('rolled_back') is False:
        assert 'association 1 cannot be made' in result['msg'] and f'rx_channels {SCI}: sa: association 0' in result['msg']


# ---- packets


def ends(spaces):
    """Two namespaces with an Ethernet between them, without addresses on it."""
    left, right = spaces('left', 'right')
    left.module('vnet_link', name='wire', kind='veth', address='02:00:00:00:00:01', peer={'name': 'wire', 'netns': right.name, 'address': '02:00:00:00:00:02'})
    return left, right


def secure(end, place: int, sending: int, keys: dict, receiving: dict | None = None):
    """One end, 1 or 2, with these keys by association number."""
    return end.module('vnet_link', name='m', kind='macsec', link='wire', macsec={
        'encrypt': True, 'encodingsa': sending, 'tx_sa': [{'an': an, 'key': key} for an, key in keys.items()],
        'rx_channels': [{'port': 1, 'address': f'02:00:00:00:00:0{3 - place}', 'sa': [{'an': an, 'key': key} for an, key in (receiving or keys).items()]}]})


def addresses(left, right):
    for end, address in ((left, '192.0.2.1'), (right, '192.0.2.2')):
        end.module('vnet_address', dev='m', address=f'{address}/24')
        end.module('vnet_neigh', dev='m', dst='192.0.2.2' if address.endswith('1') else '192.0.2.1',
                   lladdr='02:00:00:00:00:02' if address.endswith('1') else '02:00:00:00:00:01')


def probe(netns, expect):
    return run_here('vnet_probe', {'netns': netns.name, 'to': '192.0.2.2', 'expect': expect})


def test_packets_with_the_right_key_and_with_a_wrong_one(spaces):
    left, right = ends(spaces)
    secure(left, 1, 0, {0: KEYS[0]})
    secure(right, 2, 0, {0: KEYS[0]})
    addresses(left, right)
    with Wire(right, 'wire') as wire:
        probe(left, 'reachable')
        frames = wire.frames()
    assert frames and {frame[12:14].hex() for frame in frames} == {'88e5'}
    assert not any(bytes([192, 0, 2, 1]) in frame for frame in frames), 'the packets are in clear'
    secure(right, 2, 1, {1: KEYS[1]}, {0: KEYS[1]})
    probe(left, 'unreachable')
    with pytest.raises(ModuleFailed):
        probe(left, 'reachable')


def test_keys_change_under_traffic(spaces):
    """The three tasks that DOC of the kind tells to do, with packets both ways all the time."""
    left, right = ends(spaces)
    both = (left, 1), (right, 2)
    for end in both:
        secure(*end, 0, {0: KEYS[0]})
    addresses(left, right)
    with Wire(left, 'wire') as wire, Flow((left, '192.0.2.1'), (right, '192.0.2.2')) as flow:
        for an in range(1, 5):
            now, then = {(an - 1) % 4: f'{an - 1}' * 32}, {an % 4: f'{an}' * 32}
            if an == 1:
                now = {0: KEYS[0]}
            for steps in ((an - 1) % 4, now, {**now, **then}), (an % 4, then, {**now, **then}), (an % 4, then, then):
                for end in both:
                    assert secure(*end, *steps)['changed']
                    flow.wait(10)
        frames = wire.frames()
    assert min(flow.sent) > 200 and flow.lost == [0, 0], (flow.sent, flow.lost)
    assert {frame[12:14].hex() for frame in frames} == {'88e5'}
    assert {frame[14] & 3 for frame in frames} == {0, 1, 2, 3}, 'not all associations were sent by'
