# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vnet_probe and vnet_capture against the running kernel: two namespaces, a router between two more, real packets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import Namespaces
from module import ModuleFailed, run_module

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
TAG = f'pr{os.getpid()}'


def ip(*words):
    subprocess.run(['ip', *words], check=True, capture_output=True, text=True)


class Net:
    """Namespaces left, router, right. left 192.0.2.1 - 192.0.2.254 router 203.0.113.254 - 203.0.113.1 right (MTU 1400 there), IPv6 alike,
    and a VXLAN 100 from left to right with 198.51.100.1 and .2."""

    left, router, right = (f'{TAG}-{name}' for name in ('l', 'r', 'x'))


@pytest.fixture(scope='module')
def net():
    try:
        for name in (Net.left, Net.router, Net.right):
            ip('netns', 'add', name)
            ip('-n', name, 'link', 'set', 'lo', 'up')
        for name, dev, peer, address, gateway, six, six_gateway in (
                (Net.left, 'eth0', 'eth1', '192.0.2.1/24', '192.0.2.254', '2001:db8:1::1/64', '2001:db8:1::fe'),
                (Net.right, 'eth0', 'eth2', '203.0.113.1/24', '203.0.113.254', '2001:db8:2::1/64', '2001:db8:2::fe')):
            ip('link', 'add', dev, 'netns', name, 'type', 'veth', 'peer', 'name', peer, 'netns', Net.router)
            for where, link, inet, inet6 in ((name, dev, address, six), (Net.router, peer, f'{gateway}/24', f'{six_gateway}/64')):
                ip('-n', where, 'addr', 'add', inet, 'dev', link)
                ip('-n', where, 'addr', 'add', inet6, 'dev', link, 'nodad')
                ip('-n', where, 'link', 'set', link, 'up')
            ip('-n', name, 'route', 'add', 'default', 'via', gateway)
            ip('-n', name, 'route', 'add', 'default', 'via', six_gateway)
        with Namespaces() as namespaces, namespaces.inside(Net.router):
            for path in ('ipv4/conf/all/forwarding', 'ipv6/conf/all/forwarding'):
                with open(f'/proc/sys/net/{path}', 'w', encoding='ascii') as stream:
                    stream.write('1')
        ip('-n', Net.router, 'link', 'set', 'eth2', 'mtu', '1400')
        ip('-n', Net.right, 'link', 'set', 'eth0', 'mtu', '1400')
        for name, local, remote, address in (
                (Net.left, '192.0.2.1', '203.0.113.1', '198.51.100.1/24'), (Net.right, '203.0.113.1', '192.0.2.1', '198.51.100.2/24')):
            ip('-n', name, 'link', 'add', 'vx0', 'type', 'vxlan', 'id', '100', 'local', local, 'remote', remote, 'dstport', '4789')
            ip('-n', name, 'link', 'set', 'vx0', 'mtu', '1350', 'up')
            ip('-n', name, 'addr', 'add', address, 'dev', 'vx0')
        yield Net
    finally:
        for name in (Net.left, Net.router, Net.right):
            subprocess.run(['ip', 'netns', 'del', name], check=False, capture_output=True)


def probe(**options):
    return run_module('vnet_probe', dict({'netns': Net.left, 'fail_on_mismatch': False}, **options))


def only(**options):
    (result,) = probe(**options)['results']
    return result


@contextlib.contextmanager
def responders(*items):
    """Responders in the background, ended afterwards."""
    result = run_module('vnet_probe', {'listen': True, 'timeout': 20, 'config': list(items)})
    try:
        yield result['results']
    finally:
        for row in result['results']:
            with contextlib.suppress(ProcessLookupError):
                os.kill(row['pid'], signal.SIGTERM)


@pytest.mark.parametrize('to', ['192.0.2.254', '203.0.113.1', '2001:db8:2::1', '198.51.100.2'])
def test_reachable_ends_at_the_first_answer(net, to):
    began = time.monotonic()
    result = only(to=to)
    assert result['ok'] and result['reachable'] and result['received'] == 1 and result['rtt_ms']['min'] > 0
    assert time.monotonic() - began < 4


def test_inherited_and_path_namespaces(net):
    holder = subprocess.Popen(['ip', 'netns', 'exec', net.left, 'sleep', '20'])
    try:
        time.sleep(0.2)
        result = probe(to='192.0.2.254', config=[{}, {'netns': f'/run/netns/{net.left}'}, {'netns': f'pid:{holder.pid}'}, {'to': '203.0.113.1'}])
    finally:
        holder.kill()
        holder.wait()
    assert [row['ok'] for row in result['results']] == [True] * 4 and result['ok'] and result['failed_expectations'] == []


def test_unreachable_waits_and_sends_several(net):
    began = time.monotonic()
    result = only(to='192.0.2.77', expect='unreachable')
    assert result['ok'] and not result['reachable'] and result['sent'] >= 4
    assert time.monotonic() - began >= 1
    assert 'ARP unanswered: 192.0.2.77 on eth0' in result['reason']


def test_what_answers_is_not_unreachable(net):
    result = probe(to='203.0.113.1', expect='unreachable', name='segments')
    assert not result['ok'] and result['results'][0]['reachable']
    assert result['failed_expectations'][0].startswith(
        f'segments on {os.uname().nodename}: 203.0.113.1 must not be reachable from netns {net.left}: answered after')


def test_failure_names_the_probe_and_the_cause(net):
    with pytest.raises(ModuleFailed) as caught:
        run_module('vnet_probe', {'netns': net.left, 'to': '192.0.2.78', 'name': 'blue1', 'timeout': 1})
    result = caught.value.result
    assert f'blue1 on {os.uname().nodename}: 192.0.2.78 not reachable from netns {net.left}: no reply in 1 s (5 packets sent; ARP unanswered' in result['msg']
    assert result['changed'] is False and len(result['results']) == 1


def test_icmp_errors_count_with_their_reason(net):
    rows = probe(timeout=1, config=[{'to': '203.0.113.77', 'timeout': 4}, {'to': '203.0.113.1', 'ttl': 1}, {'to': '2001:db8:2::1', 'ttl': 1}])['results']
    assert 'host unreachable, says 192.0.2.254' in rows[0]['reason']
    assert 'time to live exceeded, says 192.0.2.254' in rows[1]['reason'] and 'hop limit exceeded, says 2001:db8:1::fe' in rows[2]['reason']
    assert not any(row['ok'] for row in rows)


def test_no_route_and_link_down(net):
    ip('netns', 'add', f'{TAG}-d')
    try:
        ip('-n', f'{TAG}-d', 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb')
        ip('-n', f'{TAG}-d', 'addr', 'add', '192.0.2.1/24', 'dev', 'va')
        row = only(netns=f'{TAG}-d', to='192.0.2.2', timeout=0.3)
        assert 'no route to 192.0.2.2' in row['reason'] and 'down: ' in row['reason'] and 'va' in row['reason']
        ip('-n', f'{TAG}-d', 'link', 'set', 'va', 'up')
        assert 'va has no carrier' in only(netns=f'{TAG}-d', to='192.0.2.2', timeout=0.3)['reason']
    finally:
        ip('netns', 'del', f'{TAG}-d')


@pytest.mark.parametrize('to, fits, over', [('192.0.2.254', 1472, 1473), ('203.0.113.1', 1372, 1373), ('2001:db8:2::1', 1352, 1353)])
def test_path_mtu(net, to, fits, over):
    rows = probe(to=to, df=True, config=[{'size': fits}, {'size': over, 'expect': 'unreachable'}, {'size': over, 'timeout': 1}])['results']
    assert [row['ok'] for row in rows] == [True, True, False]
    assert rows[1]['mtu'] == rows[2]['mtu'] == fits + (48 if ':' in to else 28) and 'MTU' in rows[2]['reason']


def test_without_df_large_packets_pass_in_fragments(net):
    assert all(row['ok'] for row in probe(size=4000, config=[{'to': '203.0.113.1'}, {'to': '2001:db8:2::1', 'timeout': 5}])['results'])


@pytest.mark.parametrize('options, words', [
    ({'netns': f'{TAG}-none', 'to': '192.0.2.1'}, 'does not exist'), ({'to': '192.0.2.254', 'dev': 'eth7'}, 'dev eth7'),
    ({'to': '192.0.2.254', 'src': '192.0.2.9'}, 'src 192.0.2.9'),
    ({'netns': '/proc/self/status', 'to': '192.0.2.1'}, 'is /proc/self/status a network namespace'),
])
@pytest.mark.parametrize('expect', ['reachable', 'unreachable'])
def test_a_probe_that_cannot_be_made_proves_nothing(net, options, words, expect):
    row = only(**options, expect=expect, timeout=0.3)
    assert row['ok'] is False and words in row['reason']


def test_counted(net):
    row = only(to='203.0.113.1', count=10, interval=0.02, max_loss=0, max_gap=500)
    assert row['ok'] and (row['sent'], row['received'], row['lost']) == (10, 10, 0) and 20 <= row['max_gap_ms'] < 500


def test_pulled_cable_is_measured(net):
    def pull():
        time.sleep(0.5)
        ip('-n', net.router, 'link', 'set', 'eth2', 'down')
        time.sleep(0.6)
        ip('-n', net.router, 'link', 'set', 'eth2', 'up')

    thread = threading.Thread(target=pull)
    thread.start()
    try:
        rows = probe(to='203.0.113.1', count=40, interval=0.05, config=[{}, {'max_loss': 2}, {'max_gap': 300}, {'max_loss': 40, 'max_gap': 20000}])['results']
    finally:
        thread.join()
        ip('-n', net.router, 'addr', 'replace', '2001:db8:2::fe/64', 'dev', 'eth2', 'nodad')  # left with the link
    assert [row['ok'] for row in rows] == [True, False, False, True]
    assert rows[0]['lost'] >= 5 and rows[0]['max_gap_ms'] >= 500
    assert 'lost, 2 allowed' in rows[1]['reason'] and 'without an answer, 300 ms allowed' in rows[2]['reason']


@pytest.mark.parametrize('protocol', ['tcp', 'udp'])
def test_responder_tells_whom_it_sees(net, protocol):
    with responders({'netns': net.right, 'protocol': protocol, 'port': 54321}):
        rows = probe(protocol=protocol, port=54321, config=[
            {'to': '203.0.113.1', 'seen_as': '192.0.2.1'}, {'to': '2001:db8:2::1', 'seen_as': '2001:db8:1::1'}, {'to': '198.51.100.2'},
            {'to': '203.0.113.1', 'seen_as': '203.0.113.254'}, {'to': '203.0.113.1', 'count': 20, 'interval': 0.01, 'max_loss': 0},
            {'to': '203.0.113.1', 'expect': 'unreachable'}])['results']
        assert [row['ok'] for row in rows] == [True, True, True, False, True, False]
        assert rows[0]['seen_as'] == '192.0.2.1' and 'sees 192.0.2.1, not 203.0.113.254' in rows[3]['reason']
        # a second responder on the same port, as in a repeated play, is no error
        again = run_module('vnet_probe', {'netns': net.right, 'listen': True, 'protocol': protocol, 'port': 54321, 'timeout': 0.2})
        assert again['results'][0]['ok']


def running(pid):
    """False for a zombie too: when it is reaped is up to init."""
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as stream:
            return stream.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_responder_ends_by_itself_and_holds_no_namespace(net):
    result = run_module('vnet_probe', {'netns': net.right, 'listen': True, 'protocol': 'tcp', 'port': 4000, 'timeout': 1})
    pid = result['results'][0]['pid']
    assert os.readlink(f'/proc/{pid}/ns/net') == os.readlink('/proc/self/ns/net') and os.readlink(f'/proc/{pid}/cwd') == '/'
    assert {os.readlink(f'/proc/{pid}/fd/{fd}').split(':')[0] for fd in os.listdir(f'/proc/{pid}/fd')} == {'/dev/null', 'socket'}
    deadline = time.monotonic() + 5
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running(pid)


def test_both_ends_in_one_task(net):
    result = probe(protocol='tcp', port=54322, config=[{'to': '203.0.113.1'}, {'netns': net.right, 'listen': True, 'timeout': 10, 'count': 1}])
    assert result['ok'], result


@pytest.mark.parametrize('protocol, word', [('tcp', 'connection refused'), ('udp', 'port unreachable')])
def test_closed_port(net, protocol, word):
    rows = probe(to='203.0.113.1', protocol=protocol, port=9, timeout=0.5, config=[{}, {'expect': 'unreachable'}])['results']
    assert [row['ok'] for row in rows] == [False, False] and not rows[0]['reachable']
    assert word in rows[0]['reason'] and 'packets do get there' in rows[1]['reason']


def test_hundred_probes_take_one_timeout(net):
    began = time.monotonic()
    there = [{'to': '203.0.113.1', 'timeout': 5} for dummy in range(50)]
    rows = probe(config=there + [{'to': f'192.0.2.{number}', 'expect': 'unreachable'} for number in range(100, 150)])['results']
    assert all(row['ok'] for row in rows) and time.monotonic() - began < 3


def test_check_mode_sends_nothing(net):
    result = run_module('vnet_probe', {'netns': f'{TAG}-none', 'to': '192.0.2.1'}, check=True)
    assert result['results'][0]['reachable'] is None and result['results'][0]['ok'] is None and not result['changed']
    result = run_module('vnet_probe', {'listen': True, 'protocol': 'tcp', 'port': 4001}, check=True)
    assert result['results'][0]['pid'] is None


def test_many_connections_at_once(net):
    """More sockets than the usual limit of descriptors."""
    with responders({'netns': net.right, 'protocol': 'tcp', 'port': 54323}):
        rows = probe(protocol='tcp', port=54323, config=[{'to': '203.0.113.1'}] * 400 + [{'to': '192.0.2.66', 'expect': 'unreachable'}] * 300)['results']
    assert all(row['ok'] for row in rows), [row for row in rows if not row['ok']][:3]


def test_a_thousand_probes_of_one_namespace(net):
    began = time.monotonic()
    result = probe(config=[{'to': '203.0.113.1'}] * 1000)
    assert result['ok'] and time.monotonic() - began < 5
    assert sum(row['sent'] for row in result['results']) < 3000  # not saved by repetition


def test_own_address(net):
    assert all(row['ok'] for row in probe(config=[{'to': to} for to in ('127.0.0.1', '::1', '192.0.2.1')])['results'])


def test_multicast_may_be_answered_by_anybody(net):
    assert only(to='ff02::1', dev='eth0', count=2, timeout=3)['reachable']


# --- vnet_capture


def capture(**options):
    return run_module('vnet_capture', dict({'netns': Net.left}, **options))


def test_vxlan_on_the_underlay_plain_on_the_overlay(net):
    echo = {'vxlan_vni': 100, 'ip_dst': '203.0.113.1', 'inner': {'icmp_type': 'echo_request', 'ip_dst': '198.51.100.2'}}
    result = capture(
        during=[{'netns': net.left, 'to': '198.51.100.2', 'count': 3, 'interval': 0.05}],
        config=[
            {'dev': 'eth0', 'expect': [{'match': echo, 'min': 3, 'max': 3}, {'match': {'ip': '198.51.100.0/24'}, 'max': 0}]},
            {'netns': net.right, 'dev': 'eth0', 'expect': [{'match': {'vxlan_vni': 100, 'direction': 'in'}, 'min': 3}]},
            {'dev': 'vx0', 'expect': [{'match': {'icmp_type': ['echo_request', 'echo_reply']}, 'min': 6, 'max': 6},
                                      {'match': {'protocol': 'vxlan'}, 'max': 0}]}])
    assert result['ok'] and result['ended'] == 'probes' and result['probes'][0]['received'] == 3
    under = result['results'][0]
    assert {(row['vxlan_vni'], row['ip_src'], row['ip_dst'], row['dport']) for row in under['summary']['vxlan']} == {
        (100, '192.0.2.1', '203.0.113.1', 4789), (100, '203.0.113.1', '192.0.2.1', 4789)}
    assert under['summary']['inner']['protocols']['icmp'] == 6 and under['dropped'] == 0


def test_unmet_expectations_fail_with_a_sentence(net):
    with pytest.raises(ModuleFailed) as caught:
        capture(dev='eth0', during=[{'netns': net.left, 'to': '198.51.100.2'}],
                expect=[{'match': {'vxlan_vni': 200}}, {'match': {'vxlan_vni': 100}, 'max': 0, 'name': 'leak'}])
    result = caught.value.result
    assert f'dev eth0 in netns {net.left}: no packets with vxlan_vni 200, at least 1 expected' in result['msg'] and 'none expected' in result['msg']
    assert [row['ok'] for row in result['results'][0]['expectations']] == [False, False]


def test_failed_probe_fails_the_capture(net):
    with pytest.raises(ModuleFailed) as caught:
        capture(dev='eth0', during=[{'netns': net.left, 'to': '192.0.2.99', 'timeout': 0.3}])
    assert '192.0.2.99 not reachable' in caught.value.result['msg']
    assert caught.value.result['summary']['arp'][0]['arp_operation'] == 'who-has'


def test_vlan_tags_offloaded_or_not(net):
    """A tag that the kernel moved out of the frame (as NICs do) and one within are seen alike."""
    with Namespaces() as namespaces, namespaces.inside(net.right):
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(('eth0', 0))
    stop = threading.Event()

    def send():
        while not stop.wait(0.05):
            for vids in ((100,), (7, 200), ()):
                tags = b''.join(struct.pack('!HH', 0x8100, vid) for vid in vids)
                sender.send(b'\xff' * 6 + b'\x02' + bytes(5) + tags + struct.pack('!H', 0x88b5) + bytes(46))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        result = capture(netns=net.router, dev='eth2', count=9, duration=5, filter={'src_mac': '02:00:00:00:00:00'}, pcap=f'/tmp/{TAG}.pcap', expect=[
            {'match': {'vlan': 100, 'ethertype': 0x88b5}}, {'match': {'vlan': 200}}, {'match': {'vlan': 7}}, {'match': {'vlan': None, 'ethertype': '0x88b5'}}])
        assert result['ended'] == 'count' and {tuple(packet.get('vlan', ())) for packet in result['packets']} == {(100,), (7, 200), ()}
        with open(f'/tmp/{TAG}.pcap', 'rb') as stream:
            data = stream.read()
        assert os.stat(f'/tmp/{TAG}.pcap').st_mode & 0o777 == 0o600
        assert struct.unpack('=I', data[:4]) == (0xa1b23c4d,) and struct.pack('!HHH', 0x8100, 100, 0x88b5) in data
    finally:
        stop.set()
        thread.join()
        sender.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f'/tmp/{TAG}.pcap')


def test_duration_and_max_packets(net):
    began = time.monotonic()
    result = capture(dev='eth0', duration=1, during=[{'netns': net.left, 'to': '192.0.2.254', 'count': 5, 'interval': 0.01}], max_packets=2)
    assert result['ended'] == 'duration' and 1 <= time.monotonic() - began < 4
    assert len(result['packets']) == 2 and result['summary']['packets'] >= 10


@pytest.mark.parametrize('words, ok', [(['link', 'del', 'gone0'], False), (['link', 'set', 'gone0', 'netns', Net.right], False),
                                       (['link', 'set', 'gone0', 'name', 'gone9'], True)], ids=['removed', 'moved', 'renamed'])
def test_absence_is_not_proven_by_a_device_that_goes(net, words, ok):
    ip('-n', net.left, 'link', 'add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1')
    try:
        timer = threading.Timer(0.5, lambda: ip('-n', net.left, *words))
        timer.start()
        result = run_module('vnet_capture', {'netns': net.left, 'dev': 'gone0', 'duration': 1.5, 'fail_on_mismatch': False, 'expect': [
            {'match': {'protocol': 'icmp'}, 'max': 0}]})
        timer.join()
    finally:
        subprocess.run(['ip', '-n', net.left, 'link', 'del', 'gone1'], check=False, capture_output=True)
    assert result['ok'] is ok and ok == ('went away' not in result['results'][0]['expectations'][0]['reason'])


def test_isolation_is_not_proven_on_a_device_that_goes(net):
    ip('-n', net.left, 'link', 'add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1')
    for name in ('gone0', 'gone1'):
        ip('-n', net.left, 'link', 'set', name, 'up')
    threading.Timer(0.3, lambda: ip('-n', net.left, 'link', 'del', 'gone0')).start()
    result = run_module('vnet_probe', {'netns': net.left, 'to': '192.0.2.77', 'dev': 'gone0', 'expect': 'unreachable', 'fail_on_mismatch': False})
    assert result['ok'] is False and 'no such device' in result['results'][0]['reason']


@pytest.mark.parametrize('options, words', [
    ({'duration': 'inf'}, 'duration inf must be at most 1000000'), ({'duration': 'nan'}, 'duration nan must be more than 0'),
    ({'duration': 1e10}, 'duration 1e+10 must be at most'), ({'filter': {'vlan': float('inf')}}, "vlan 'inf' is not a number")])
def test_numbers_without_end(options, words):
    with pytest.raises(ModuleFailed) as failure:
        run_module('vnet_capture', {'dev': 'lo', 'duration': 1, **options})
    assert words in failure.value.result['msg']


def test_tun_device_has_no_link_header(net):
    """What a routed packet on a tun device begins with is its IP header."""
    ip('-n', net.left, 'tuntap', 'add', 'tun0', 'mode', 'tun')
    try:
        ip('-n', net.left, 'link', 'set', 'tun0', 'up')
        result = capture(dev='tun0', duration=0.2)
        assert result['results'][0]['link'] == 'ip'
    finally:
        ip('-n', net.left, 'link', 'del', 'tun0')


@pytest.fixture
def taps(net):
    """In a namespace: tun0 with 10.9.0.1/24, and br0 with 10.8.0.1/24 and the taps tap0 and tap1 of user 65534."""
    name = f'{TAG}-t'
    ip('netns', 'add', name)
    try:
        ip('-n', name, 'tuntap', 'add', 'tun0', 'mode', 'tun', 'pi')
        ip('-n', name, 'link', 'add', 'br0', 'type', 'bridge', 'stp_state', '0')
        for tap in ('tap0', 'tap1'):
            ip('-n', name, 'tuntap', 'add', tap, 'mode', 'tap', 'user', '65534')
            ip('-n', name, 'link', 'set', tap, 'master', 'br0', 'up')
        for dev, address in (('tun0', '10.9.0.1/24'), ('br0', '10.8.0.1/24')):
            ip('-n', name, 'addr', 'add', address, 'dev', dev)
            ip('-n', name, 'link', 'set', dev, 'up')
        yield name
    finally:
        ip('netns', 'del', name)


def shown(netns, dev):
    """Options of a device that a test must leave alone."""
    text = subprocess.run(['ip', '-n', netns, '-d', 'link', 'show', 'dev', dev], check=True, capture_output=True, text=True).stdout
    return text.partition('tun type')[2].partition('addrgenmode')[0]


def test_a_packet_routed_into_tun_is_read_and_what_is_written_comes_back(taps):
    before = shown(taps, 'tun0')
    assert 'pi on' in before
    host, probe_there = probe(netns=taps, config=[{'tap': 'tun0', 'src': '10.9.0.2'}, {'to': '10.9.0.2', 'size': 1000}])['results']
    assert host['ok'] and host['received'] == probe_there['received'] == 1 and probe_there['ok']
    result = capture(netns=taps, dev='tun0', during=[{'netns': taps, 'tap': 'tun0', 'src': '10.9.0.3', 'to': '10.9.0.1', 'ttl': 9, 'count': 2}], expect=[
        {'match': {'direction': 'in', 'ip_src': '10.9.0.3', 'icmp_type': 'echo_request', 'ttl': 9}, 'min': 2, 'max': 2},
        {'match': {'direction': 'out', 'ip_dst': '10.9.0.3', 'icmp_type': 'echo_reply'}, 'min': 2, 'max': 2}])
    assert result['probes'][0]['name'] == f'{taps} tun0 -> 10.9.0.1' and result['probes'][0]['received'] == 2
    row = only(netns=taps, to='10.9.0.2', timeout=0.5)
    assert not row['ok'] and 'no carrier' in row['reason']
    assert shown(taps, 'tun0') == before


def test_hosts_on_taps_speak_through_the_bridge(taps):
    rows = probe(netns=taps, config=[
        {'tap': 'tap1', 'src': '10.8.0.3', 'mac': '02:00:00:00:00:33'}, {'tap': 'tap1', 'src': '10.8.0.4'},
        {'tap': 'tap0', 'src': '10.8.0.2', 'to': '10.8.0.3'}, {'tap': 'tap0', 'src': '10.8.0.2', 'to': '10.8.0.4', 'size': 1400, 'user': 'root'},
        {'tap': 'tap0', 'src': '10.8.0.2', 'to': '10.8.0.1'}, {'to': '10.8.0.4'}, {'to': '10.8.0.2'},
        {'tap': 'tap0', 'src': '10.8.0.2', 'to': '10.8.0.5', 'expect': 'unreachable'},
        {'tap': 'tap0', 'src': '10.8.0.2', 'to': '10.8.0.5', 'timeout': 0.5}])['results']
    # one device takes one program: the other user's waits until it is free
    assert [row['ok'] for row in rows] == [True] * 8 + [False] and rows[3]['sent'] < rows[7]['sent'], rows
    assert 'ARP unanswered: 10.8.0.5 beyond tap0' in rows[8]['reason']
    rows = probe(netns=taps, config=[{'tap': 'tap0', 'src': '10.8.0.2'}, {'tap': 'tap0', 'src': '10.8.0.2', 'user': 'root'}])['results']
    assert [row['ok'] for row in rows] == [True, False] and 'takes only one at a time' in rows[1]['reason']
    result = capture(netns=taps, dev='tap1', during=[{'netns': taps, 'tap': 'tap1', 'src': '10.8.0.3', 'mac': '02:00:00:00:00:33', 'to': '10.8.0.1'}],
                     expect=[{'match': {'src_mac': '02:00:00:00:00:33', 'arp_operation': 'who-has', 'arp_target_ip': '10.8.0.1'}}])
    assert result['ok']


@pytest.mark.skipif(not os.access('/dev/net/tun', os.R_OK) or os.stat('/dev/net/tun').st_mode & 0o006 != 0o006, reason='/dev/net/tun is for root only here')
def test_a_tap_is_for_its_user(taps):
    rows = probe(netns=taps, timeout=2, config=[{'tap': 'tap0', 'src': '10.8.0.2', 'to': '10.8.0.1', 'user': user} for user in ('65534', 'daemon')])['results']
    assert rows[0]['ok'] and not rows[1]['ok'] and '/dev/net/tun is not for user daemon' in rows[1]['reason'] and os.geteuid() == 0


@pytest.mark.parametrize('options, words', [
    ({'tap': 'eth0', 'src': '10.8.0.2', 'to': '10.8.0.1'}, 'it is a veth and has no program at its other side'),
    ({'tap': 'tap7', 'src': '10.8.0.2'}, 'no such device'), ({'tap': 'tun0', 'src': '10.8.0.2', 'user': 'nobody-such'}, 'does not exist on this host'),
])
@pytest.mark.parametrize('expect', ['reachable', 'unreachable'])
def test_a_tap_that_cannot_be_opened_proves_nothing(net, taps, options, words, expect):
    options = dict({'netns': net.left if options['tap'] == 'eth0' else taps}, **options)
    if 'to' in options:
        options['expect'] = expect
    result = probe(**options)
    assert not result['ok'] and words in result['failed_expectations'][0]


@pytest.mark.parametrize('options, words', [
    ({'dev': 'eth7'}, 'dev eth7'), ({}, "'dev' is missing"), ({'dev': 'eth0', 'filter': {'vni': 1}}, "unknown field 'vni'"),
    ({'dev': 'eth0', 'expect': [{'match': {'vlan': 1}, 'min': 0}]}, 'always met'), ({'dev': 'eth0', 'duration': 0}, 'duration 0'),
    ({'dev': 'eth0', 'during': [{'to': 'x'}]}, "to 'x'"), ({'dev': 'eth0', 'duration': 0.1, 'pcap': '/nonexistent/x.pcap'}, 'cannot be written'),
])
def test_bad_input(net, options, words):
    with pytest.raises(ModuleFailed) as caught:
        capture(**options)
    assert words in caught.value.result['msg'] and 'Traceback' not in str(caught.value)


def test_check_mode_captures_nothing(net, tmp_path):
    options = {'dev': 'eth7', 'pcap': str(tmp_path / 'x.pcap'), 'during': [{'to': '192.0.2.1'}], 'expect': [{'match': {'vlan': 1}}]}
    result = run_module('vnet_capture', options, check=True)
    assert result['results'][0]['ok'] is None and result['probes'][0]['ok'] is None and not list(tmp_path.iterdir())


@contextlib.contextmanager
def limited(name, dev, rate):
    subprocess.run(['tc', '-n', name, 'qdisc', 'add', 'dev', dev, 'root', 'tbf', 'rate', rate, 'burst', '8kb', 'latency', '20ms'], check=True)
    try:
        yield
    finally:
        subprocess.run(['tc', '-n', name, 'qdisc', 'del', 'dev', dev, 'root'], check=True)


def test_rate_of_a_flow(net):
    flow = {'to': '203.0.113.1', 'protocol': 'udp', 'port': 54330, 'size': 1300, 'rate': '6mbit', 'duration': 1}
    with responders({'netns': net.right, 'protocol': 'udp', 'port': 54330}):
        free = only(**flow, min_rate='5.5mbit')
        assert free['ok'] and 5.5e6 < free['rate'] < 6.5e6 and free['lost'] == 0
        result = probe(**flow, max_rate='3mbit', name='limit')
        assert not result['ok'] and 'of 6mbit arrive, at most 3mbit expected' in result['failed_expectations'][0]
        with limited(net.left, 'eth0', '2mbit'):
            slow = only(**flow, min_rate='1.7mbit', max_rate='2.4mbit')
            assert slow['ok'] and slow['lost'] > 100, slow
            result = probe(**flow, min_rate='5mbit')
        assert not result['ok'] and 'at least 5mbit expected' in result['failed_expectations'][0]
