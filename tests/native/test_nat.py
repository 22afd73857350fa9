# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vnet_nat against the running kernel: a router between two namespaces, connections of TCP and UDP, and what nft says afterwards."""

from __future__ import annotations

import errno
import os
import shlex
import socket
import subprocess

import pytest
import yaml
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import Namespaces
from module import ModuleFailed, run_module

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
TAG = f'na{os.getpid()}'
CLIENT, ROUTER, SERVER, EMPTY = (f'{TAG}-{name}' for name in 'crse')
UNANSWERED = 'timed out|refused|unreachable'
OTHERS = (
    'table inet others {\n\tchain prerouting {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n'
    '\t\tudp dport 7 redirect to :9 comment "mine"\n\t}\n}\n')


def ip(*words):
    subprocess.run(['ip', *words], check=True, capture_output=True, text=True)


def nft(*words, netns=ROUTER, text=None):
    return subprocess.run(['ip', 'netns', 'exec', netns, 'nft', *words], check=True, capture_output=True, text=True, input=text).stdout


def ruleset(netns=ROUTER):
    return nft('list', 'ruleset', netns=netns)


@pytest.fixture(scope='module')
def net():
    """client 192.0.2.1 - 192.0.2.254 eth1 router eth2 203.0.113.254 - 203.0.113.1 server, IPv6 alike; the server has no route to the client."""
    try:
        for name in (CLIENT, ROUTER, SERVER, EMPTY):
            ip('netns', 'add', name)
            ip('-n', name, 'link', 'set', 'lo', 'up')
        for name, peer, four, six in ((CLIENT, 'eth1', '192.0.2', '2001:db8:1:'), (SERVER, 'eth2', '203.0.113', '2001:db8:2:')):
            ip('link', 'add', 'eth0', 'netns', name, 'type', 'veth', 'peer', 'name', peer, 'netns', ROUTER)
            for where, dev, last, last6 in ((name, 'eth0', 1, 1), (ROUTER, peer, 254, 'fe')):
                ip('-n', where, 'addr', 'add', f'{four}.{last}/24', 'dev', dev)
                ip('-n', where, 'addr', 'add', f'{six}:{last6}/64', 'dev', dev, 'nodad')
                ip('-n', where, 'link', 'set', dev, 'up')
        ip('-n', CLIENT, 'route', 'add', 'default', 'via', '192.0.2.254')
        ip('-n', CLIENT, 'route', 'add', 'default', 'via', '2001:db8:1::fe')
        for name in ('net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'):
            run_module('vnet_sysctl', {'netns': ROUTER, 'name': name, 'value': '1'})
        yield
    finally:
        for name in (CLIENT, ROUTER, SERVER, EMPTY):
            subprocess.run(['ip', 'netns', 'del', name], check=False, capture_output=True)


@pytest.fixture
def router(net):
    """The router with somebody else's table and none of ours."""
    nft('flush', 'ruleset')
    nft('-f', '-', text=OTHERS)
    return ROUTER


def nat(check=False, **options):
    return run_module('vnet_nat', {'netns': ROUTER, **options}, check=check, diff=True)


class Sockets:
    """Sockets inside namespaces, closed together."""

    def __init__(self):
        self.namespaces, self.opened = Namespaces(), []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for one in self.opened:
            one.close()
        self.namespaces.close()

    def open(self, netns, address, kind):
        with self.namespaces.entered(netns):
            one = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, kind)
        self.opened.append(one)
        one.settimeout(2)
        return one

    def listen(self, netns, address, port=0, kind=socket.SOCK_STREAM):
        one = self.open(netns, address, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        if kind == socket.SOCK_STREAM:
            one.listen()
        return one


def tcp(source, to, port, listener, address, at):
    """Connect from a namespace to `to`:port while `listener` listens on address:at; returns whom it sees, after words went both ways."""
    with Sockets() as sockets:
        server = sockets.listen(listener, address, at)
        client = sockets.open(source, to, socket.SOCK_STREAM)
        client.connect((to, port))
        accepted, peer = server.accept()
        with accepted:
            accepted.settimeout(2)
            client.sendall(b'ping')
            assert accepted.recv(9) == b'ping'
            accepted.sendall(b'pong')
            assert client.recv(9) == b'pong'
        return peer[:2]


def udp(source, to, port, listener, address, at):
    """The same with datagrams; the answer has to come from where the question went."""
    with Sockets() as sockets:
        server = sockets.listen(listener, address, at, socket.SOCK_DGRAM)
        client = sockets.open(source, to, socket.SOCK_DGRAM)
        client.connect((to, port))
        client.send(b'ping')
        words, peer = server.recvfrom(9)
        assert words == b'ping'
        server.sendto(b'pong', peer)
        assert client.recv(9) == b'pong'
        return peer[:2]


@pytest.mark.parametrize('exchange', [tcp, udp])
@pytest.mark.parametrize('to, seen', [('203.0.113.1', '203.0.113.254'), ('2001:db8:2::1', '2001:db8:2::fe')])
def test_masquerade(router, exchange, to, seen):
    with pytest.raises(OSError, match=UNANSWERED):  # the server cannot answer the client's own address
        exchange(CLIENT, to, 4000, SERVER, to, 4000)
    nat(type='masquerade', oif='eth2')
    assert exchange(CLIENT, to, 4000, SERVER, to, 4000)[0] == seen


def test_masquerade_of_one_network_by_incoming_link_and_to_ports(router):
    nat(config=[{'type': 'masquerade', 'src': '192.0.2.0/24', 'oif': 'eth2', 'proto': 'tcp', 'to': '20000-20010'},
                {'type': 'masquerade', 'iif': 'eth1', 'oif': 'eth*', 'proto': 'udp'}])
    peer = tcp(CLIENT, '203.0.113.1', 4000, SERVER, '203.0.113.1', 4000)
    assert peer[0] == '203.0.113.254' and 20000 <= peer[1] <= 20010
    assert udp(CLIENT, '203.0.113.1', 4000, SERVER, '203.0.113.1', 4000)[0] == '203.0.113.254'
    assert udp(CLIENT, '2001:db8:2::1', 4000, SERVER, '2001:db8:2::1', 4000)[0] == '2001:db8:2::fe'
    with pytest.raises(OSError, match=UNANSWERED):
        tcp(CLIENT, '2001:db8:2::1', 4000, SERVER, '2001:db8:2::1', 4000)  # another family than src


@pytest.mark.parametrize('address, prefix, to', [('203.0.113.77', '24', '203.0.113.1'), ('2001:db8:2::77', '64', '2001:db8:2::1')])
def test_snat(router, address, prefix, to):
    ip('-n', ROUTER, 'addr', 'add', f'{address}/{prefix}', 'dev', 'eth2', *(['nodad'] if ':' in address else []))
    try:
        nat(type='snat', oif='eth2', to=address)
        assert tcp(CLIENT, to, 4000, SERVER, to, 4000)[0] == address
    finally:
        ip('-n', ROUTER, 'addr', 'del', f'{address}/{prefix}', 'dev', 'eth2')


@pytest.mark.parametrize('exchange', [tcp, udp])
@pytest.mark.parametrize('outside, inside, to, source', [
    ('203.0.113.254', '192.0.2.1', '192.0.2.1:8080', '203.0.113.1'),
    ('2001:db8:2::fe', '2001:db8:1::1', '[2001:db8:1::1]:8080', '2001:db8:2::1')])
def test_dnat(router, exchange, outside, inside, to, source):
    rule = {'type': 'dnat', 'iif': 'eth2', 'proto': exchange.__name__, 'dport': '80', 'to': to}
    nat(**rule)
    assert exchange(SERVER, outside, 80, CLIENT, inside, 8080)[0] == source
    with pytest.raises(OSError, match=UNANSWERED):  # the router itself goes out by another hook
        exchange(ROUTER, outside, 80, CLIENT, inside, 8080)
    nat(type='dnat', oif='lo', dst=outside, proto=exchange.__name__, dport='80', to=to)
    assert exchange(ROUTER, outside, 80, CLIENT, inside, 8080)
    nat(state='absent', **rule)
    with pytest.raises(OSError, match=UNANSWERED):
        exchange(SERVER, outside, 80, CLIENT, inside, 8080)


@pytest.mark.parametrize('exchange', [tcp, udp])
@pytest.mark.parametrize('far, near', [('203.0.113.1', '192.0.2.254'), ('2001:db8:2::1', '2001:db8:1::fe')])
def test_redirect(router, exchange, far, near):
    nat(type='redirect', iif='eth1', proto=exchange.__name__, dport='53-54', to='5353')
    assert exchange(CLIENT, far, 54, ROUTER, near, 5353)


MANY = [
    {'type': 'masquerade', 'src': '192.0.2.0/24', 'oif': 'eth2'}, {'type': 'masquerade'}, {'type': 'masquerade', 'src': '::/0', 'iif': 'eth*'},
    {'type': 'masquerade', 'dst': '0.0.0.0/0', 'proto': 'sctp', 'dport': '1-65535', 'to': '1024-65535'},
    {'type': 'snat', 'oif': 'eth2', 'to': '203.0.113.10-203.0.113.20'}, {'type': 'snat', 'proto': 'icmpv6', 'to': '2001:db8:2::fe'},
    {'type': 'snat', 'src': '192.0.2.1', 'proto': 'tcp', 'dport': '80-90', 'to': '203.0.113.254:1024-2047'},
    {'type': 'snat', 'proto': 'udp', 'to': '[2001:db8:2::1]-[2001:db8:2::9]:1024-2047'},
    {'type': 'snat', 'src': '2001:db8:1111:2222:3333:4444:5555:6666', 'dst': '2001:db8:1111:2222:3333:4444:5555:7777', 'iif': 'abcdefghijklmno',
     'oif': '\u00e9nmlkjihgfedc', 'proto': 'tcp', 'dport': '10000', 'to': '[2001:db8:1111:2222:3333:4444:5555:6666]:10000'},
    {'type': 'dnat', 'iif': 'eth2', 'proto': 'tcp', 'dport': '80', 'to': '192.0.2.1:8080'}, {'type': 'dnat', 'dst': '203.0.113.9', 'to': '192.0.2.9'},
    {'type': 'dnat', 'oif': 'lo', 'proto': 'esp', 'to': '192.0.2.1'}, {'type': 'dnat', 'iif': 'eth2', 'proto': 'gre', 'to': '2001:db8:1::1'},
    {'type': 'redirect', 'iif': 'eth1', 'proto': 'udp', 'dport': '53', 'to': '5353'}, {'type': 'redirect', 'proto': 'icmp', 'dst': '203.0.113.0/24'},
    {'type': 'redirect', 'oif': 'eth2', 'proto': 'ah'}, {'type': 'redirect', 'iif': '-x', 'proto': 'tcp', 'dport': '1', 'to': '1-2'},
]


def test_every_form_is_idempotent_and_removal_leaves_no_trace(router):
    before = ruleset()
    planned = nat(config=MANY, check=True)
    assert ruleset() == before and planned['changed']
    made = nat(config=MANY)
    assert {name: made[name] for name in planned} == planned
    full = ruleset()
    assert full.startswith(before) and full.count('comment') == len(MANY) + 1
    for again in (nat(config=MANY), nat(config=MANY[::-1], purge=True), nat(config=MANY, check=True)):
        assert not again['changed'] and again['operations'] == again['commands'] == []
    assert ruleset() == full
    for gone in (nat(config=MANY, state='absent'), nat(config=MANY) and nat(config=[], purge=True)):
        assert gone['changed'] and ruleset() == before
    assert not nat(config=MANY, state='absent')['changed'] and not nat(config=[], purge=True)['changed']


def test_commands_do_the_same(router):
    """The commands of each step, run as they are in another namespace, make the same ruleset."""
    nft('flush', 'ruleset')
    for options in ({'config': MANY}, {'config': MANY[3:8], 'purge': True}, {'config': MANY[:6], 'purge': True}, {'config': [], 'purge': True}):
        lines = nat(**options)['commands']
        for line in lines:
            subprocess.run(shlex.split(line.replace(ROUTER, EMPTY)), check=True, capture_output=True)
        assert lines and ruleset(EMPTY) == ruleset()
    assert ruleset() == ''


def test_purge_keeps_to_our_table(router):
    nat(config=MANY)
    nft('add', 'rule', 'inet', 'linuxnet_vnet', 'output', 'counter')
    result = nat(config=MANY[:1], purge=True)
    assert {operation['action'] for operation in result['operations']} == {'delete'} and len(result['operations']) == len(MANY)
    assert ruleset().startswith(OTHERS) and ruleset().count('comment') == 2 and 'counter' not in ruleset()


def test_a_rule_altered_by_hand_is_repaired_in_its_place(router):
    nat(config=MANY[:3])
    before = ruleset()
    handle = nft('-a', 'list', 'table', 'inet', 'linuxnet_vnet').partition('comment "masquerade" # handle ')[2].split()[0]
    nft('replace', 'rule', 'inet', 'linuxnet_vnet', 'postrouting', 'handle', handle, 'oifname', 'lo', 'masquerade', 'comment', '"masquerade"')
    result = nat(config=MANY[:3])
    assert [operation['action'] for operation in result['operations']] == ['set'] and ruleset() == before
    nft('flush', 'chain', 'inet', 'linuxnet_vnet', 'postrouting')
    assert len(nat(config=MANY[:3])['operations']) == 3 and ruleset() == before
    nft('delete', 'table', 'inet', 'linuxnet_vnet')
    assert nat(config=MANY[:3])['changed'] and ruleset() == before


def test_all_is_taken_back_when_the_kernel_refuses(router):
    nat(config=MANY[:4])
    nft('delete', 'chain', 'inet', 'linuxnet_vnet', 'output')
    nft('add', 'chain', 'inet', 'linuxnet_vnet', 'output', '{ type filter hook output priority 0; }')  # it takes no dnat
    before = ruleset()
    with pytest.raises(ModuleFailed) as caught:
        nat(purge=True, config=[*MANY[2:7], {'type': 'dnat', 'oif': 'lo', 'dst': '203.0.113.254', 'to': '192.0.2.1'}])
    failure = caught.value.result
    assert failure['rolled_back'] and failure['errno'] == errno.EOPNOTSUPP and 'dnat dst 203.0.113.254/32 oif lo to 192.0.2.1' in failure['msg']
    assert ruleset() == before


def test_the_first_rules_are_taken_back_with_the_table(router):
    before = ruleset()
    with pytest.raises(ModuleFailed) as caught:
        run_module('vnet_state', {'nat': [{'netns': ROUTER, **one} for one in MANY],
                                  'routes': [{'netns': ROUTER, 'dst': '198.51.100.0/24', 'via': '198.51.100.1'}]})
    assert caught.value.result['rolled_back'] and ruleset() == before


def test_many_rules_in_a_namespace_that_the_same_task_makes(net):
    name = f'{TAG}-n'
    document = {'netns': [{'name': name}],
                'nat': [{'netns': name, 'type': 'dnat', 'iif': 'eth0', 'proto': 'tcp', 'dport': str(1000 + port), 'to': f'192.0.2.1:{port}'}
                        for port in range(1, 301)]}
    try:
        assert run_module('vnet_state', document)['changed']
        assert not run_module('vnet_state', document)['changed']
        assert ruleset(name).count('dnat ip to') == 300
    finally:
        ip('netns', 'del', name)


def test_info_gives_back_what_was_asked_for(router):
    nat(config=MANY[:3])
    state = run_module('vnet_info', {'netns': [ROUTER]})['state']
    assert state['nat'] == [{'netns': ROUTER, **one} for one in MANY[:3]]
    assert not run_module('vnet_state', {'nat': state['nat']})['changed']


def test_diff_and_operations(router):
    result = nat(**MANY[0])
    operation, = result['operations']
    assert operation.items() >= {'action': 'create', 'resource': 'nat', 'netns': ROUTER, 'name': 'masquerade src 192.0.2.0/24 oif eth2',
                                 'disruption': 'in_place', 'values': MANY[0]}.items()
    assert yaml.safe_load(result['diff']['after']) == {f'nat masquerade src 192.0.2.0/24 oif eth2 netns {ROUTER}': MANY[0]}
    assert result['diff']['before'] == ''


def test_without_the_namespace(net):
    with pytest.raises(ModuleFailed, match='does not exist'):
        nat(netns=f'{TAG}-none', type='masquerade')
