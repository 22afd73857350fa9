# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink sockets against a scripted kernel: whose error is it, is the dump whole, does anything get lost."""

from __future__ import annotations

import errno
import socket
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import socket as netlink
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import attribute
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NetlinkSocket, Request, parse_error

HEAD = struct.Struct('=IHHII')
CAPPED, TLVS, MULTI = 0x100, 0x200, 0x2
NEW = 16


def message(kind, seq, body=b'', flags=0):
    return HEAD.pack(16 + len(body), kind, flags, seq, 1) + body + b'\0' * (-len(body) & 3)


def ack(seq, code=0, text='', capped=True):
    """NLMSG_ERROR as the kernel sends it with NETLINK_EXT_ACK, with or without NETLINK_CAP_ACK."""
    echo = HEAD.pack(16 if capped else 24, NEW, 5, seq, 0)
    body = struct.pack('=i', -code) + echo + (b'' if capped else b'\1' * 8)
    tlvs = attribute(1, text.encode() + b'\0') if text else b''
    return message(2, seq, body + tlvs, (CAPPED if capped else 0) | (TLVS if tlvs else 0))


def done(seq, code=0, flags=0):
    return message(3, seq, struct.pack('=i', -code), MULTI | flags)


class Scripted:
    """Stands for the socket: answer(requests) -> datagrams, where requests are (type, flags, seq, body)."""

    def __init__(self, answer):
        self.answer, self.sends, self.queue = answer, [], []

    def send(self, data):
        requests, at = [], 0
        while at < len(data):
            length, kind, flags, seq, unused = HEAD.unpack_from(data, at)
            requests.append((kind, flags, seq, data[at + 16:at + length]))
            at += (length + 3) & ~3
        self.sends.append(requests)
        self.queue += self.answer(requests)

    def recv(self, size, flags=0):
        if flags == socket.MSG_DONTWAIT and not self.queue:
            raise BlockingIOError
        assert self.queue, 'the kernel has nothing more to say: a real socket would hang'
        found = self.queue.pop(0)
        if isinstance(found, Exception):
            raise found
        assert len(found) <= size
        return found


def connected(answer) -> NetlinkSocket:
    sock = NetlinkSocket.__new__(NetlinkSocket)
    sock.sock, sock.seq = Scripted(answer), 0
    return sock


def kernel(refuse=()):
    """A kernel that refuses requests by their body, {body: (errno, text)}, and acknowledges what asks for it."""
    refuse = dict(refuse)

    def answer(requests):
        out = []
        for unused, flags, seq, body in requests:
            if body in refuse:
                out.append(ack(seq, *refuse[body]))
            elif flags & netlink.NLM_F_ACK:
                out.append(ack(seq))
        return out

    return answer


def requests(*bodies):
    return [Request(NEW, 0x400, body) for body in bodies]


def test_acknowledged_on_the_last_only():
    sock = connected(kernel())
    assert sock.batch(requests(b'aaaa', b'bbbb', b'c')) == ({}, {})
    sent, = sock.sock.sends
    assert [flags & netlink.NLM_F_ACK for unused, flags, unused2, unused3 in sent] == [0, 0, netlink.NLM_F_ACK]
    assert all(flags & netlink.NLM_F_REQUEST and flags & 0x400 for unused, flags, unused2, unused3 in sent)
    assert [body for *unused, body in sent] == [b'aaaa', b'bbbb', b'c']


def test_nothing_to_send():
    sock = connected(kernel())
    assert sock.batch([]) == ({}, {}) and sock.sock.sends == []


def test_errors_belong_to_their_messages():
    failed, unused = connected(kernel({b'bbbb': (errno.EEXIST, ''), b'dddd': (errno.EINVAL, 'no such thing')})).batch(
        requests(b'aaaa', b'bbbb', b'cccc', b'dddd'))
    assert {place: (error.errno, error.extack) for place, error in failed.items()} == {1: (errno.EEXIST, ''), 3: (errno.EINVAL, 'no such thing')}
    assert failed[1].name == 'EEXIST' and failed[1].message == 'File exists' and failed[3].message == 'no such thing'


def test_answers_of_an_earlier_batch_are_not_ours():
    stale = [True]

    def answer(sent):
        return ([ack(1, errno.EPERM), ack(2, errno.EPERM)] if stale and len(sent) == 1 and sent[0][2] == 4 else []) + kernel()(sent)

    sock = connected(answer)
    sock.batch(requests(b'aaaa', b'bbbb', b'cccc'))
    assert sock.batch(requests(b'dddd')) == ({}, {})


@pytest.mark.parametrize('count', [99, 100, 101, 2500])
def test_many_messages_travel_in_chunks(count):
    bodies = [struct.pack('=I', number) for number in range(count)]
    wrong = {bodies[number]: (errno.ENODEV, str(number)) for number in (0, count // 2, count - 1)}
    sock = connected(kernel(wrong))
    failed, unused = sock.batch(requests(*bodies))
    assert {place: error.extack for place, error in failed.items()} == {number: str(number) for number in (0, count // 2, count - 1)}
    assert [len(sent) for sent in sock.sock.sends] == [100] * (count // 100) + ([count % 100] if count % 100 else [])
    assert [sent[-1][1] & netlink.NLM_F_ACK for sent in sock.sock.sends] == [netlink.NLM_F_ACK] * len(sock.sock.sends)
    assert [body for sent in sock.sock.sends for *unused, body in sent] == bodies


def test_large_messages_travel_in_chunks():
    sock = connected(kernel())
    sock.batch(requests(*[b'x' * 50000] * 5, b'y' * 300000))
    assert [len(sent) for sent in sock.sock.sends] == [2, 2, 1, 1]


def test_replies_belong_to_their_gets():
    def answer(sent):
        out = []
        for place, (unused, flags, seq, body) in enumerate(sent):
            out.append(message(NEW, seq, b'reply to ' + body) if place != 1 else ack(seq, errno.ENODEV))
            out += [ack(seq)] if flags & netlink.NLM_F_ACK else []
        return out

    failed, replies = connected(answer).batch(requests(b'a', b'b', b'c'))
    assert failed[1].errno == errno.ENODEV and list(failed) == [1]
    assert replies == {0: [(NEW, b'reply to a')], 2: [(NEW, b'reply to c')]}


def test_lost_answers_of_a_batch_are_said():
    """The kernel had no room for its answers: what it did is unknown, and a later batch is answered, which it is only when all has been taken out."""
    def answer(sent):
        if sent[0][2] == 1:
            return [OSError(errno.ENOBUFS, 'No buffer space available'), message(NEW, 1, b'aaaa'), message(NEW, 1, b'bbbb')]
        return [] if sock.sock.queue else [ack(2)] + kernel()(sent)

    sock = connected(answer)
    with pytest.raises(KernelError) as caught:
        sock.batch(requests(b'aaaa', b'bbbb'))
    assert caught.value.errno == errno.ENOBUFS and 'answers' in caught.value.message
    assert sock.batch(requests(b'cccc')) == ({}, {})


def test_few_messages_at_a_time_where_answers_have_little_room(monkeypatch):
    """Not root, or root of a container: the buffer cannot be forced to a size."""
    def refuse(self, level, option, value):
        if option in (32, 33):
            raise PermissionError
        asked.append(option)

    asked = []
    monkeypatch.setattr(netlink.socket, 'socket', type('Socket', (), {'__init__': lambda *unused: None, 'setsockopt': refuse, 'bind': lambda *unused: None}))
    sock = NetlinkSocket(0)
    assert asked[:2] == [socket.SO_SNDBUF, socket.SO_RCVBUF]
    sock.sock = Scripted(kernel())
    assert sock.batch(requests(*[b'aaaa'] * 50)) == ({}, {}) and [len(sent) for sent in sock.sock.sends] == [20, 20, 10]


# -- dumps -----------------------------------------------------------------------------------------------------------------


def bodies(found):
    return [bytes(data[start:end]) for data, start, end in found]


def test_dump():
    sock = connected(lambda sent: [message(NEW, 1, b'aaaa', MULTI) + message(NEW, 1, b'bb', MULTI), message(NEW, 1, b'cccc', MULTI) + done(1)])
    assert bodies(sock.dump(18, b'body')) == [b'aaaa', b'bb', b'cccc']
    (kind, flags, seq, body), = sock.sock.sends[0]
    assert (kind, flags, seq, body) == (18, netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP, 1, b'body')


@pytest.mark.parametrize('where', ['message', 'done'])
def test_interrupted_dump_is_tried_again(where):
    def answer(sent):
        seq = sent[0][2]
        flag = netlink.NLM_F_DUMP_INTR if seq < 3 else 0
        return [message(NEW, seq, b'old%d' % seq, MULTI | (flag if where == 'message' else 0)) + done(seq, flags=flag if where == 'done' else 0)]

    sock = connected(answer)
    assert bodies(sock.dump(18, b'')) == [b'old3'] and len(sock.sock.sends) == 3


def test_a_dump_that_is_always_interrupted_ends(monkeypatch):
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)
    sock = connected(lambda sent: [done(sent[0][2], flags=netlink.NLM_F_DUMP_INTR)])
    with pytest.raises(KernelError, match='interrupted') as caught:
        sock.dump(18, b'')
    assert caught.value.errno == errno.EINTR and 3 <= len(sock.sock.sends) <= 100


def test_a_dump_with_lost_messages_is_tried_again():
    def answer(sent):
        seq = sent[0][2]
        if seq == 1:
            return [message(NEW, 1, b'aaaa', MULTI), OSError(errno.ENOBUFS, 'x'), done(1)]
        return [message(NEW, seq, b'aaaa', MULTI), message(NEW, seq, b'bbbb', MULTI) + done(seq)]

    assert bodies(connected(answer).dump(18, b'')) == [b'aaaa', b'bbbb']


def test_other_trouble_of_a_dump_is_not_hidden():
    with pytest.raises(OSError):
        connected(lambda sent: [OSError(errno.EBADF, 'x')]).dump(18, b'')


@pytest.mark.parametrize('answer', [lambda seq: ack(seq, errno.EOPNOTSUPP), lambda seq: done(seq, errno.EOPNOTSUPP)])
def test_a_refused_dump(answer):
    with pytest.raises(KernelError) as caught:
        connected(lambda sent: [answer(sent[0][2])]).dump(18, b'')
    assert caught.value.errno == errno.EOPNOTSUPP


def test_messages_of_another_dump_are_not_ours():
    sock = connected(lambda sent: [message(NEW, 77, b'alien', MULTI) + done(77), message(NEW, 1, b'ours', MULTI), message(1, 1), done(1)])
    assert bodies(sock.dump(18, b'')) == [b'ours']


def test_nonsense_in_a_datagram_ends_it():
    sock = connected(lambda sent: [message(NEW, 1, b'aaaa', MULTI) + b'\4\0\0\0' + b'\0' * 20, done(1)])
    assert bodies(sock.dump(18, b'')) == [b'aaaa']


# -- extended acknowledgements ---------------------------------------------------------------------------------------------


def parsed(raw):
    unused, unused2, flags, *unused3 = HEAD.unpack_from(raw)
    return parse_error(raw, 16, len(raw), flags)


@pytest.mark.parametrize('capped', [True, False])
def test_parse_error(capped):
    assert parsed(ack(1, 0, capped=capped)) is None
    error = parsed(ack(1, errno.EINVAL, 'VXLAN ID must be lower than 16777216', capped))
    assert (error.errno, error.extack, error.name) == (errno.EINVAL, 'VXLAN ID must be lower than 16777216', 'EINVAL')
    assert parsed(ack(1, errno.EINVAL, capped=capped)).message == 'Invalid argument'


def test_parse_error_names_the_missing_attribute():
    body = struct.pack('=i', -errno.EINVAL) + HEAD.pack(16, NEW, 5, 1, 0) + attribute(4, struct.pack('=I', 20)) + attribute(5, struct.pack('=I', 3))
    raw = message(2, 1, body, CAPPED | TLVS)
    assert parsed(raw).missing == 3 and parsed(raw).extack == ''


def test_parse_error_of_a_number_without_a_name():
    assert parsed(ack(1, 524)).name == '524'


def test_a_warning_is_no_error():
    assert parsed(ack(1, 0, 'deprecated')) is None


@given(st.binary(max_size=60), st.integers(0, 0x3FF))
def test_parse_error_survives_nonsense(tail, flags):
    raw = struct.pack('=i', -errno.EINVAL) + tail
    error = parse_error(raw, 0, len(raw), flags)
    assert error.errno == errno.EINVAL


@given(st.binary(max_size=200))
def test_receive_survives_nonsense(raw):
    for unused, unused2, unused3, start, end in netlink._messages(raw):
        assert 16 <= start <= end <= len(raw)


def test_alike_is_a_batch_of_messages_with_one_beginning():
    """An empty message at the end of each send is answered. Where one was refused, those of its send are said again, each with a number of its own."""
    once = []

    def answer(requests):
        *mine, (kind, flags, seq, body) = requests
        if kind == 28:  # said again
            mine = requests
            assert flags == 0x405 and len({number for unused, unused2, number, unused3 in mine}) == len(mine)
        else:
            assert (kind, flags, body) == (1, 5, b'') and len(mine) <= 100 and len({number for unused, unused2, number, unused3 in mine}) == 1
            once.extend(body for unused, unused2, unused3, body in mine)
        told = [ack(number, errno.ENOENT) for unused, unused2, number, body in mine if struct.unpack_from('=I', body, 4)[0] % 700 == 5]
        return [*told, ack(seq)]

    sock = connected(answer)
    tails = [struct.pack('=I', place) for place in range(2050)]
    failed = sock.alike(28, 0x400, b'head', tails)
    assert {place: error.errno for place, error in failed.items()} == {5: errno.ENOENT, 705: errno.ENOENT, 1405: errno.ENOENT}
    assert once == [b'head' + tail for tail in tails]
    assert sorted(len(requests) for requests in sock.sock.sends) == [51] + [100] * 3 + [101] * 20
    assert sock.alike(28, 0x400, b'head', []) == {}


def test_whole_datagrams_of_a_dump():
    """What is said to stand for a datagram takes its place; the others are told message by message; a dump that is interrupted begins anew."""
    def answer(requests):
        (unused, unused2, seq, unused3), = requests
        again = len(sock.sock.sends) > 1
        row = message(NEW, seq, b'aaaa', MULTI)
        return [row * 2, message(NEW, seq, b'bbbb', MULTI | (0 if again else 0x10)), row + done(seq)]

    def whole(data, seq):
        assert struct.unpack_from('=I', data, 8)[0] == seq
        return ['a'] * (len(data) // 20) if data[16:20] == b'aaaa' and len(data) % 20 == 0 and data.count(b'aaaa') * 20 == len(data) else None

    sock = connected(answer)
    *rows, (data, start, end), (data2, start2, end2) = sock.dump(NEW, b'', whole)
    assert rows == ['a', 'a'] and data[start:end] == b'bbbb' and data2[start2:end2] == b'aaaa' and len(sock.sock.sends) == 2
