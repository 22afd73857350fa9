# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard devices against `wg`, and packets through them."""

from __future__ import annotations

import base64
import ipaddress
import json
import shlex
import subprocess

import pytest
from differential.traffic import Flow, inside
from module import round_trip, run_here

pytestmark = pytest.mark.kernel('wireguard')
SECRETS = [base64.b64encode(bytes([byte]) * 32).decode() for byte in range(1, 8)]
SHARED = base64.b64encode(bytes(range(32))).decode()


def public(secret: str) -> str:
    return subprocess.run(['wg', 'pubkey'], input=secret, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope='module')
def peers() -> list[str]:
    return sorted(public(secret) for secret in SECRETS[1:4])


def wg(namespace, *words: str, **files: str) -> str:
    """`wg` in the namespace; words that name one of `files` become the path of a file with that content."""
    paths = {}
    for name, content in files.items():
        paths[name] = f'/run/{name}'
        with open(paths[name], 'w', encoding='ascii') as stream:
            stream.write(content)
    with inside(namespace):
        done = subprocess.run(['wg', *(paths.get(word, word) for word in words)], capture_output=True, text=True, check=False)
    assert not done.returncode, (words, done.stderr)
    return done.stdout


def dump(namespace, name: str = 'w') -> list[list[str]]:
    """The device, and its peers without what traffic makes of them."""
    own, *rows = [line.split('\t') for line in wg(namespace, 'show', name, 'dump').splitlines()]
    return [own, *sorted([key, shared, endpoint, ' '.join(sorted(allowed.split(','))), keepalive]
                         for key, shared, endpoint, allowed, unused, unused2, unused3, keepalive in rows)]


def make(namespace, check=False, **wireguard):
    return namespace.module('vnet_link', name='w', kind='wireguard', up=False, wireguard=wireguard, check=check, diff=True)


def test_device_and_peers(spaces, peers):
    theirs, ours, rebuilt = spaces('theirs', 'ours', 'rebuilt')
    theirs.ip('link add w type wireguard')
    wg(theirs, 'set', 'w', 'private-key', 'own', 'listen-port', '7777', 'fwmark', '0x77', 'peer', peers[0], 'preshared-key', 'shared',
       'endpoint', '192.0.2.7:77', 'persistent-keepalive', '25', 'allowed-ips', '192.0.2.0/24,2001:db8::/64,198.51.100.7/32', 'peer', peers[1],
       'endpoint', '[2001:db8::7]:78', 'peer', peers[2], own=SECRETS[0], shared=SHARED)
    wanted = {'private_key': SECRETS[0], 'listen_port': 7777, 'fwmark': 0x77, 'peers': [
        {'public_key': peers[0], 'preshared_key': SHARED, 'endpoint': '192.0.2.7:77', 'persistent_keepalive': 25,
         'allowed_ips': ['2001:db8:0::7/64', '198.51.100.7', '192.0.2.9/24']},
        {'public_key': peers[2]}, {'public_key': peers[1], 'endpoint': '[2001:DB8:0::7]:78'}]}
    planned = make(ours, check=True, **wanted)
    assert ours.links().keys() == {'lo'}
    made = make(ours, **wanted)
    assert made == planned and not any(secret in json.dumps(made) for secret in (SECRETS[0], SHARED))
    assert dump(ours) == dump(theirs)
    ours.like(theirs, 'ip link')
    assert make(ours, **wanted)['operations'] == []
    lines = [shlex.split(line)[5:] for line in made['commands'] if ' wg ' in line]
    rebuilt.ip('link add w type wireguard')
    for words in lines:
        wg(rebuilt, *[{'private-key': 'own', 'preshared-key': 'shared'}.get(words[place - 1], word) if word == 'SECRET' else word
                      for place, word in enumerate(words)], own=SECRETS[0], shared=SHARED)
    assert dump(rebuilt) == dump(theirs)
    state = round_trip(ours.name)
    assert not any(secret in json.dumps(state) for secret in (SECRETS[0], SHARED))
    document = next(link for link in state['links'] if link['name'] == 'w')
    assert document['wireguard']['listen_port'] == 7777 and len(document['wireguard']['peers']) == 3 and 'address' not in document


CHANGES = [
    ({'private_key': SECRETS[5]}, ['private-key', 'own']),
    ({'private_key': ''}, ['private-key', '/dev/null']),
    ({'listen_port': 7778}, ['listen-port', '7778']),
    ({'fwmark': 7}, ['fwmark', '7']),
    ({'fwmark': 'off'}, ['fwmark', 'off']),
    ({'preshared_key': SHARED}, ['preshared-key', 'shared']),
    ({'preshared_key': ''}, ['preshared-key', '/dev/null']),
    ({'endpoint': '192.0.2.8:88'}, ['endpoint', '192.0.2.8:88']),
    ({'endpoint': '[2001:db8::8]:88'}, ['endpoint', '[2001:db8::8]:88']),
    ({'allowed_ips': ['192.0.2.0/25', '203.0.113.0/24']}, ['allowed-ips', '192.0.2.0/25,203.0.113.0/24']),
    ({'allowed_ips': []}, ['allowed-ips', '']),
    ({'persistent_keepalive': 77}, ['persistent-keepalive', '77']),
    ({'persistent_keepalive': 'off'}, ['persistent-keepalive', 'off']),
]


def test_live_changes(spaces, peers):
    """Each option by itself: as wg does it, once, and nothing else."""
    theirs, ours = spaces('theirs', 'ours')
    start = {'private_key': SECRETS[0], 'listen_port': 7777, 'fwmark': 5, 'peers': [
        {'public_key': key, 'preshared_key': SECRETS[6], 'allowed_ips': [f'10.{place}.0.0/16'], 'persistent_keepalive': 5}
        for place, key in enumerate(peers[:2])]}
    for space in (ours, theirs):
        make(space, **start)
    index = ours.links()['w']
    for options, words in CHANGES:
        own = set(options) & {'private_key', 'listen_port', 'fwmark'}
        wanted = options if own else {'peers': [{'public_key': peers[0], **options}, {'public_key': peers[1]}]}
        before = dump(ours)
        changed = make(ours, **wanted)
        wg(theirs, 'set', 'w', *([] if own else ['peer', peers[0]]), *words, own=SECRETS[5], shared=SHARED)
        assert dump(ours) == dump(theirs) != before, options
        assert [operation['disruption'] for operation in changed['operations']] == ['in_place']
        assert make(ours, **wanted)['operations'] == []
    assert ours.links()['w'] == index

    make(ours, peers=[{'public_key': peers[2], 'allowed_ips': ['10.1.0.0/16']}, {'public_key': peers[1]}])  # a network that another one had
    wg(theirs, 'set', 'w', 'peer', peers[0], 'remove', 'peer', peers[2], 'allowed-ips', '10.1.0.0/16')
    assert dump(ours) == dump(theirs)
    make(ours, peers=[])
    assert len(dump(ours)) == 1


def test_more_than_one_message_holds(spaces, peers):
    """Many networks of one peer, and many peers: the kernel's messages have an end, and ours too."""
    ours = spaces('ours')
    networks = [str(network) for network in ipaddress.ip_network('10.0.0.0/8').subnets(new_prefix=20)][:3000]
    others = [base64.b64encode(number.to_bytes(32, 'little')).decode() for number in range(1000, 1200)]
    wanted = {'peers': [{'public_key': peers[0], 'allowed_ips': networks},
                        *({'public_key': key, 'allowed_ips': [f'192.0.2.{place}/32']} for place, key in enumerate(others))]}
    make(ours, **wanted)
    found = dump(ours)
    assert len(found) == 202 and sorted(next(row for row in found if row[0] == peers[0])[3].split()) == sorted(networks)
    assert make(ours, **wanted)['operations'] == []
    make(ours, peers=[{'public_key': peers[0], 'allowed_ips': networks[:1000]}])
    assert dump(ours)[1][3] == ' '.join(sorted(networks[:1000])) and len(dump(ours)) == 2


REFUSED = [
    ({'private_key': 'x' * 44}, 'private_key is a value, but must be 32 bytes in base64'),
    ({'peers': [{'public_key': 'abc'}]}, "public_key is 'abc', but must be 32 bytes in base64"),
    ({'peers': [{'endpoint': '192.0.2.1:7'}]}, 'peers[0]: public_key is missing'),
    ({'peers': [{'public_key': SECRETS[1], 'endpoint': 'vpn.example.com:51820'}]}, 'the kernel takes no names'),
    ({'peers': [{'public_key': SECRETS[1], 'endpoint': '2001:db8::1:51820'}]}, 'such as 192.0.2.1:51820 or [2001:db8::1]:51820'),
    ({'peers': [{'public_key': SECRETS[1], 'allowed_ips': ['192.0.2.0/33']}]}, 'networks such as 192.0.2.0/24'),
    ({'peers': [{'public_key': key, 'allowed_ips': ['192.0.2.0/24']} for key in SECRETS[1:3]]}, '192.0.2.0/24 is in allowed_ips of two peers'),
    ({'peers': [{'public_key': SECRETS[1]}] * 2}, 'without two of the same public_key'),
]


def test_refused(spaces):
    ours = spaces('ours')
    for options, words in REFUSED:
        assert words in ours.refused('vnet_link', name='w', kind='wireguard', wireguard=options)['msg'], options
    assert 'has no MAC' in ours.refused('vnet_link', name='w', kind='wireguard', address='02:00:00:00:00:01')['msg']
    assert ours.links().keys() == {'lo'}


def test_undone(spaces, peers):
    """All comes back, keys too: the kernel tells them to root."""
    ours = spaces('ours')
    ours.batch(['ip link add name d type dummy', 'ip link add link d name taken type vlan id 7'])
    make(ours, private_key=SECRETS[0], listen_port=7777, fwmark=5, peers=[
        {'public_key': peers[0], 'preshared_key': SHARED, 'endpoint': '192.0.2.7:77', 'allowed_ips': ['10.0.0.0/8'], 'persistent_keepalive': 5}])
    before = dump(ours)
    wrong = {'name': 'wrong', 'kind': 'vlan', 'link': 'd', 'vlan': {'id': 7}}
    result = ours.refused('vnet_link', config=[{'name': 'w', 'kind': 'wireguard', 'up': False, 'wireguard': {
        'private_key': SECRETS[5], 'listen_port': 1, 'fwmark': 'off', 'peers': [{'public_key': peers[1], 'allowed_ips': ['10.0.0.0/8']}]}}, wrong])
    assert result['rolled_back'] is True and dump(ours) == before
    result = ours.refused('vnet_link', config=[{'name': 'w', 'state': 'absent'}, wrong])
    assert result['rolled_back'] is True and dump(ours) == before
    assert not any(secret in json.dumps(result) for secret in (SECRETS[0], SHARED))


# ---- packets


def tunnel(end, place: int, peer_key: str, **more):
    """One end, 1 or 2, of a tunnel 192.0.2.x over the wire 10.0.0.x."""
    return end.module('vnet_link', name='w', kind='wireguard', wireguard={
        'private_key': SECRETS[place], 'listen_port': 7777, 'peers': [
            {'public_key': peer_key, 'endpoint': f'10.0.0.{3 - place}:7777', 'allowed_ips': [f'192.0.2.{3 - place}'], **more}]})


def probe(netns, expect, to='192.0.2.2'):
    return run_here('vnet_probe', {'netns': netns.name, 'to': to, 'expect': expect})


def test_packets(spaces):
    """Through with the right keys, not with a wrong one; a change beside a session leaves the session alone."""
    left, right = spaces('left', 'right')
    left.module('vnet_link', name='wire', kind='veth', peer={'name': 'wire', 'netns': right.name})
    keys = {1: public(SECRETS[1]), 2: public(SECRETS[2])}
    for end, place in ((left, 1), (right, 2)):
        end.module('vnet_address', dev='wire', address=f'10.0.0.{place}/24')
        tunnel(end, place, keys[3 - place], preshared_key=SHARED)
        end.module('vnet_address', dev='w', address=f'192.0.2.{place}/24')
    probe(left, 'reachable')
    handshakes = wg(left, 'show', 'w', 'latest-handshakes')
    assert not handshakes.rstrip().endswith('\t0')
    other = public(SECRETS[3])
    with Flow((left, '192.0.2.1'), (right, '192.0.2.2')) as flow:
        for peers in ([{'public_key': keys[2], 'persistent_keepalive': 5}, {'public_key': other, 'allowed_ips': ['198.51.100.0/24']}],
                      [{'public_key': keys[2], 'allowed_ips': ['192.0.2.2', '203.0.113.0/24']}]):
            assert left.module('vnet_link', name='w', kind='wireguard', wireguard={'peers': peers})['changed']
            flow.wait(10)
    assert min(flow.sent) > 20 and flow.lost == [0, 0], (flow.sent, flow.lost)
    assert wg(left, 'show', 'w', 'latest-handshakes') == handshakes

    tunnel(right, 2, keys[1], preshared_key=SECRETS[6])
    tunnel(left, 1, keys[2], preshared_key=SECRETS[5])
    for end in (left, right):  # sessions that were agreed on last for minutes
        end.ip('link set dev w down')
        end.ip('link set dev w up')
    probe(left, 'unreachable')
    tunnel(left, 1, keys[2], preshared_key=SECRETS[6])
    probe(left, 'reachable')


def test_endpoint_that_moved(spaces):
    """The kernel follows the peer; what is given is set again, and what is not given is left alone."""
    left, right = spaces('left', 'right')
    left.module('vnet_link', name='wire', kind='veth', peer={'name': 'wire', 'netns': right.name})
    keys = {1: public(SECRETS[1]), 2: public(SECRETS[2])}
    for end, place in ((left, 1), (right, 2)):
        end.module('vnet_address', dev='wire', address=f'10.0.0.{place}/24')
        tunnel(end, place, keys[3 - place])
        end.module('vnet_address', dev='w', address=f'192.0.2.{place}/24')
    right.module('vnet_link', name='w', kind='wireguard', wireguard={'listen_port': 8888})
    probe(right, 'reachable', '192.0.2.1')
    assert dump(left)[1][2] == '10.0.0.2:8888'
    assert left.module('vnet_link', name='w', kind='wireguard', wireguard={'peers': [{'public_key': keys[2]}]})['changed'] is False
    assert tunnel(left, 1, keys[2])['changed'] is True
    assert dump(left)[1][2] == '10.0.0.2:7777'
