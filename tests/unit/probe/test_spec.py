# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a probe: inheritance, defaults, refusals; and the small pure parts under it."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe import can, icmp, netns, responder, spec
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError


def test_inheritance_and_defaults():
    top = {option: row.get('default') for option, row in spec.item_spec().items()}
    top.update(netns='blue1', to='192.0.2.3', df=True)
    first, second, third = spec.items_of([{}, {'to': '2001:db8::1', 'df': False, 'expect': 'unreachable'}, {'count': 11, 'interval': 0.5}], top)
    assert (first['netns'], first['address'], first['df'], first['timeout'], first['family']) == ('blue1', '192.0.2.3', True, 5, socket.AF_INET)
    assert (second['netns'], second['df'], second['timeout'], second['family']) == ('blue1', False, 1, socket.AF_INET6)
    assert third['timeout'] == 5 + spec.LAST_WAIT
    assert len(spec.items_of(None, top)) == 1 and spec.items_of([], top) == []


def test_unreachable_sends_several_packets():
    item = spec.items_of([{'to': '192.0.2.1', 'expect': 'unreachable', 'timeout': 0.4, 'interval': 1}])[0]
    assert item['interval'] == pytest.approx(0.1)


def test_responder_among_probes_inherits_no_addresses():
    top = {option: row.get('default') for option, row in spec.item_spec().items()}
    top.update(to='192.0.2.3', src='192.0.2.1', dev='eth0', protocol='tcp', port=54321)
    listener, client = spec.items_of([{'listen': True, 'netns': 'ns2'}, {'netns': 'ns1'}], top)
    assert (listener['to'], listener['src'], listener['dev'], listener['port'], listener['timeout']) == (None, None, None, 54321, spec.LISTEN_TIMEOUT)
    assert (client['to'], client['src'], client['dev']) == ('192.0.2.3', '192.0.2.1', 'eth0')


def test_host_at_a_tap_inherits_no_addresses():
    top = {option: row.get('default') for option, row in spec.item_spec().items()}
    top.update(netns='blue', to='192.0.2.1', expect='unreachable', count=3)
    host, there = spec.items_of([{'tap': 'tap0', 'src': '192.0.2.9'}, {}], top)
    assert (host['netns'], host['to'], host['expect'], host['count']) == ('blue', None, 'reachable', None)
    assert (there['to'], there['expect'], there['tap']) == ('192.0.2.1', 'unreachable', None)


def test_zone_is_the_device():
    assert spec.items_of([{'to': 'fe80::1%eth0'}])[0]['dev'] == 'eth0'


@pytest.mark.parametrize('item, words', [
    ({}, "'to' is missing"), ({'to': 'node2'}, "to 'node2' is not an IPv4 or IPv6 address"), ({'to': '192.0.2.0/24'}, 'not an IPv4'),
    ({'to': '192.0.2.1', 'src': '2001:db8::1'}, 'same family'), ({'to': '192.0.2.1', 'protocol': 'tcp'}, 'needs a port'),
    ({'to': '192.0.2.1', 'protocol': 'tcp', 'port': 65536}, 'port 65536 is not within 1 to 65535'), ({'to': '192.0.2.1', 'ttl': 0}, 'ttl 0'),
    ({'to': '192.0.2.1', 'size': 65508}, 'size'), ({'to': '192.0.2.1', 'count': 0}, 'count 0'), ({'to': '192.0.2.1', 'interval': 0}, 'interval'),
    ({'to': '192.0.2.1', 'timeout': 0}, 'timeout'), ({'to': '192.0.2.1', 'max_loss': 1}, 'max_loss needs count'),
    ({'to': '192.0.2.1', 'max_gap': 1, 'count': 3, 'expect': 'unreachable'}, 'contradict'), ({'to': '192.0.2.1', 'count': 11, 'timeout': 1}, 'takes 2 s'),
    ({'to': '192.0.2.1', 'dev': 'sixteen-bytes-xx'}, 'interface name'), ({'to': '192.0.2.1', 'netns': 'a/b'}, "netns 'a/b'"),
    ({'to': '192.0.2.1', 'netns': 'pid:x'}, 'process id'), ({'to': '192.0.2.1', 'netns': '..'}, 'not a valid name'),
    ({'to': '192.0.2.1', 'seen_as': '192.0.2.1'}, 'protocol tcp or udp'), ({'listen': True}, 'needs protocol tcp or udp and a port'),
    ({'listen': True, 'protocol': 'tcp', 'port': 1, 'to': '192.0.2.1'}, 'exclude each other'), ({'to': 'fe80::1%a', 'dev': 'b'}, 'different interfaces'),
    ({'tap': 'tap0', 'to': '192.0.2.1'}, 'src is missing'), ({'tap': 'tap0', 'src': '::1'}, 'IPv4 addresses only'),
    ({'tap': 'tap0', 'src': '192.0.2.1', 'protocol': 'udp', 'port': 7}, 'ICMP only'),
    ({'tap': 'tap0', 'src': '192.0.2.1', 'dev': 'eth0'}, 'dev does not go with tap'),
    ({'tap': 'tap0', 'src': '192.0.2.1', 'mac': '01:00:5e:00:00:01'}, 'not the MAC address of one host'), ({'to': '192.0.2.1', 'user': 'vm'}, 'user needs tap'),
    ({'tap': 'tap0', 'src': '192.0.2.1', 'count': 3}, 'only answers'),
])
def test_refusals_name_the_item(item, words):
    with pytest.raises(ProbeError) as caught:
        spec.items_of([dict(item, name='red1')])
    assert words in str(caught.value) and ('red1' in str(caught.value) or 'netns' in str(caught.value))


@pytest.mark.parametrize('name, path', [
    (None, None), ('blue', '/run/netns/blue'), ('pid:12', '/proc/12/ns/net'), ('/var/run/docker/netns/x', '/var/run/docker/netns/x'),
])
def test_namespace_paths(name, path):
    assert netns.resolve(name) == path


def test_checksum_is_zero_over_itself():
    for payload in (b'', b'odd', bytes(range(256))):
        assert icmp.checksum(icmp.echo_request(socket.AF_INET, 0x1234, 77, payload)) == 0


def test_echo_reply_must_be_ours():
    reply = struct.pack('!BBHHH', 0, 0, 0, 5, 6) + b'cookie'
    assert icmp.echo_reply(socket.AF_INET, reply, 5, b'cookie') == 6
    assert icmp.echo_reply(socket.AF_INET, reply, 4, b'cookie') is None
    assert icmp.echo_reply(socket.AF_INET, reply, 5, b'other') is None
    assert icmp.echo_reply(socket.AF_INET, b'', 5, b'') is None
    assert icmp.echo_reply(socket.AF_INET6, struct.pack('!BBHHH', 128, 0, 0, 5, 6), 5, b'') is None


def test_kernel_errors_become_words():
    offender = struct.pack('HH4s8x', socket.AF_INET, 0, socket.inet_aton('10.0.0.1'))
    error = icmp.parse_error(struct.pack('IBBBBII', 90, 2, 3, 4, 0, 1450, 0) + offender)
    assert error == {'text': 'fragmentation needed, MTU 1450, says 10.0.0.1', 'mtu': 1450, 'local': False, 'refused_by': None}
    error = icmp.parse_error(struct.pack('IBBBBII', 90, 1, 0, 0, 0, 1500, 0))
    assert error['text'] == 'packet too large for MTU 1500' and error['local']
    assert icmp.parse_error(struct.pack('IBBBBII', 111, 2, 3, 3, 0, 0, 0) + offender)['refused_by'] == '10.0.0.1'
    assert icmp.parse_error(b'') is None


def test_responders_answer_requests_only_and_never_with_more_bytes():
    for number in (1, 65535):
        for host in ('192.0.2.1', '2001:db8:1111:2222:3333:4444:5555:6666'):
            asked = responder.request(number, 0)
            said = responder.reply(asked, host)
            assert len(said) <= len(asked)
            assert responder.answer(said) == (number, host)
            assert responder.reply(said, host) is None  # else two responders would never end
    assert responder.reply(b'', '192.0.2.1') is None and responder.reply(responder.REQUEST + b'1 ', '192.0.2.1') is None
    assert responder.answer(responder.reply(None, '192.0.2.1')) == (0, '192.0.2.1')
    assert responder.answer(responder.request(9, 0)) == (9, None)
    for noise in (b'', b'x', responder.ANSWER, responder.ANSWER + b'\n', responder.REQUEST):
        assert responder.answer(noise) == (None, None)


@pytest.mark.parametrize('text, shown', [('123#dead.beef', '123#DEADBEEF'), ('1ABCDE01#', '1ABCDE01#'), ('7ff#R', '7FF#R'), ('7ff#R4', '7FF#R4'),
                                         ('123##1' + '00' * 12, '123##1' + '00' * 12)])
def test_can_frames(text, shown):
    frame = can.parse(text)
    assert can.show(frame) == shown and len(frame) == (72 if '##' in text else 16) and can.same(frame, can.parse(shown))


@pytest.mark.parametrize('text', ['', '123', '12#00', '800#00', '123#0', '123#' + '00' * 9, '123##1' + '00' * 9, '123##', 'FFFFFFFF#'])
def test_can_frames_refused(text):
    with pytest.raises(ValueError, match='cansend'):
        can.parse(text)


def test_can_flags_of_the_kernel_make_no_difference():
    assert can.same(can.parse('123##0AA'), can.parse('123##4AA')) and not can.same(can.parse('123##0AA'), can.parse('123##0AB'))


@pytest.mark.parametrize('options, words', [
    ({'to': 'vcan1'}, "'dev' is missing"), ({'dev': 'vcan1'}, "'to' is missing"), ({'dev': 'vcan1', 'to': 'a/b'}, 'interface name'),
    ({'dev': 'v', 'to': 'v', 'frame': '12'}, "frame '12' is not a CAN frame"), ({'dev': 'v', 'to': 'v', 'port': 7}, 'port does not go with protocol can'),
])
def test_can_nonsense(options, words):
    with pytest.raises(ProbeError, match=words):
        spec.items_of([{'protocol': 'can', **options}])


@pytest.mark.parametrize('options, words', [
    ({'rate': '1mbit', 'protocol': 'icmp', 'port': None}, 'rate needs protocol udp'), ({'max_rate': '1mbit'}, 'max_rate needs rate'),
    ({'rate': 'fast'}, "rate 'fast' is not a rate such as"), ({'rate': '0mbit'}, 'is not a rate'), ({'rate': '1mbit', 'max_rate': '2mbit'}, 'send faster'),
    ({'rate': '1mbit', 'min_rate': '2mbit'}, 'send faster'), ({'rate': '1gbit'}, 'more than 65535'), ({'rate': '1mbit', 'count': 3}, 'excludes count'),
    ({'rate': '1mbit', 'frame': '123#'}, 'frame needs protocol can'),
])
def test_rates_refused(options, words):
    with pytest.raises(ProbeError, match=words):
        spec.items_of([{'to': '192.0.2.1', 'protocol': 'udp', 'port': 7, **options}])


def test_a_rate_is_a_count_and_an_interval():
    item = spec.items_of([{'to': '192.0.2.1', 'protocol': 'udp', 'port': 7, 'rate': '1.5mbit', 'size': 1458, 'duration': 4}])[0]
    assert item['interval'] == pytest.approx(0.008) and item['count'] == 500 and item['timeout'] > 4
