# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes: each sends packets until its expectation is met or its time is over. All of them run at once in one event loop."""

from __future__ import annotations

import collections
import contextlib
import errno
import os
import resource
import socket

from ansible_collections.linuxnet.vnet.plugins.module_utils._probe import can, hint, icmp, responder, tap
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.loop import READ, WRITE, Loop
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError, where
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.spec import HEADERS

IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO, IP_RECVERR = 10, 0, 2, 11
IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_DONTFRAG = 23, 25, 62
MSG_ERRQUEUE = 0x2000
SO_RCVBUFFORCE = 33
DESCRIPTORS = 8  # that a probe may need, with its namespace
IFA_F_TENTATIVE = 0x40
DAD_PATIENCE = 3.0  # seconds
# local errors that show isolation; ENOBUFS is what a link says that drops the packet, as an ipvlan with the flag private does
PROOF = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EMSGSIZE, errno.EACCES, errno.EPERM, errno.ENOBUFS)
TCP_PATIENCE = 1.0  # seconds before an attempt to connect is given up for a fresh one


def target_of(item):
    if item['protocol'] == 'can' and item['to']:
        return f"{item['to']} by CAN"
    port = f":{item['port']}" if item['port'] else ''
    if not item['to']:
        return f"{item['protocol']}{port}"
    if not port:
        return item['to']
    host = f"[{item['to']}]" if ':' in item['to'] else item['to']
    return f"{item['protocol']} {host}{port}"


def empty_result(item):
    """The result of a probe that has not run: all keys, nothing known."""
    sender = ' '.join(filter(None, [item['netns'], item['tap']])) or 'host'
    return {
        'name': item['name'] or f'{sender} -> {target_of(item)}', 'netns': item['netns'], 'tap': item['tap'], 'to': item['to'], 'protocol': item['protocol'],
        'port': item['port'], 'listen': bool(item['listen']), 'expect': item['expect'], 'reachable': None, 'ok': None, 'reason': '', 'rtt_ms': None,
        'sent': 0, 'received': 0, 'lost': 0, 'max_gap_ms': None, 'rate': None, 'mtu': None, 'seen_as': None,
        'pid': None,
    }


class Probe:
    """What all protocols share: when to send, when to stop, and the accounts. Times are monotonic seconds."""

    def __init__(self, item, ident, namespaces, loop, channels, done):
        self.item, self.ident, self.namespaces, self.loop, self.channels, self.done = item, ident, namespaces, loop, channels, done
        self.sent = {}       # sequence number -> when
        self.rtts = {}       # sequence number -> seconds
        self.arrivals = []   # when
        self.number = 0
        self.error = None    # the newest thing that went wrong on the way
        self.refusal = False  # the target itself says that nobody listens: packets do reach it
        self.refused = None  # errno of the newest failure to send
        self.set_up = False  # whether a socket could be made as asked; a test without one proves nothing
        self.mtu = self.seen_as = None
        self.finished = False

    def start(self, waited=0.0):
        if self.item['expect'] == 'unreachable' and self.item['family'] == socket.AF_INET6 and waited < DAD_PATIENCE and self.tentative():
            # while duplicate address detection runs nothing gets through, which must not pass for isolation
            self.loop.at(self.loop.now() + 0.1, lambda: self.start(waited + 0.1))
            return
        self.deadline = self.loop.now() + self.item['timeout']
        self.next = self.first_try = self.loop.now()
        self.loop.at(self.deadline, self.finish)
        self.tick()

    def tentative(self):
        """Whether the namespace has an IPv6 address that is still being checked for duplicates."""
        try:
            with self.namespaces.inside(self.item['netns']), open('/proc/thread-self/net/if_inet6', encoding='ascii') as table:
                return any(int(line.split()[4], 16) & IFA_F_TENTATIVE for line in table)
        except (OSError, ProbeError):
            return False

    def tick(self):
        if self.finished:
            return
        self.number += 1
        self.last_try = self.loop.now()
        try:
            self.send(self.number)
        except ProbeError as exc:
            self.error = str(exc)
        except OSError as exc:
            self.note_error(exc)
        if self.item['count'] is None or self.number < self.item['count']:
            self.next = (self.next if self.item['count'] else self.loop.now()) + self.item['interval']
            if self.next < self.deadline:
                self.loop.at(self.next, self.tick)

    def note_error(self, exc):
        self.refused = exc.errno
        self.refusal |= exc.errno == errno.ECONNREFUSED
        if exc.errno == errno.EMSGSIZE:
            self.error = f"{self.item['size']} bytes of payload with 'do not fragment' are more than the MTU lets pass"
        elif exc.errno == errno.ENETUNREACH:
            self.error = f"no route to {self.item['to']}"
        elif exc.errno == errno.ENOBUFS:
            self.error = ("no buffer space available (or no room for one more neighbour, if the kernel's log says 'neighbor table overflow': raise"
                          " net.ipv4.neigh.default.gc_thresh3, which counts those of all namespaces)")
        else:
            self.error = exc.strerror.lower() if exc.strerror else str(exc)

    def open(self, kind, protocol=0):
        """A non-blocking socket in the namespace, with the options of the probe."""
        item = self.item
        v6 = item['family'] == socket.AF_INET6
        level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
        with self.namespaces.inside(item['netns']):
            try:
                sock = socket.socket(item['family'], kind, protocol)
            except PermissionError as exc:
                raise ProbeError('ICMP probes need root (CAP_NET_RAW): use become') from exc
            try:
                sock.setblocking(False)
                if item['dev']:
                    try:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, item['dev'].encode() + b'\0')
                        self.scope = socket.if_nametoindex(item['dev'])
                    except OSError as exc:
                        raise ProbeError(f"dev {item['dev']} in {where(item['netns'])}: {exc.strerror.lower()}") from exc
                sock.setsockopt(level, IPV6_MTU_DISCOVER if v6 else IP_MTU_DISCOVER, IP_PMTUDISC_DO if item['df'] else IP_PMTUDISC_DONT)
                if v6 and item['df']:
                    sock.setsockopt(level, IPV6_DONTFRAG, 1)
                if item['ttl']:
                    for option in (socket.IPV6_UNICAST_HOPS, socket.IPV6_MULTICAST_HOPS) if v6 else (socket.IP_TTL, socket.IP_MULTICAST_TTL):
                        sock.setsockopt(level, option, item['ttl'])
                if item['src']:
                    try:
                        sock.bind(self.address(item['src'], 0))
                    except OSError as exc:
                        raise ProbeError(f"src {item['src']} in {where(item['netns'])}: {exc.strerror.lower()}") from exc
            except BaseException:
                sock.close()
                raise
        self.set_up = True
        return sock

    scope = 0

    def address(self, host, port):
        if self.item['family'] == socket.AF_INET:
            return (host, port)
        link_local = host.lower().startswith(('fe8', 'fe9', 'fea', 'feb', 'ff'))
        return (host, port, 0, self.scope if link_local else 0)

    def got_reply(self, seq):
        if seq not in self.sent or seq in self.rtts:
            return
        now = self.loop.now()
        self.rtts[seq] = now - self.sent[seq]
        self.arrivals.append(now)
        if self.item['count'] is None or len(self.rtts) == self.item['count']:
            self.finish()

    def finish(self):
        if self.finished:
            return
        self.finished = True
        self.leave()
        self.done(self.item, self.result())

    def max_gap(self):
        """Longest time without an answer in ms, from the first packet to the last one or its answer."""
        times = [self.first_try] + self.arrivals
        times.append(max(times[-1], self.last_try))
        return round(max(b - a for a, b in zip(times, times[1:])) * 1000, 1)

    def rate(self):
        """Bits a second that arrived, with their headers, from the first packet sent to the last one or the last answer."""
        item = self.item
        frame = (max(item['size'], responder.LEAST) + HEADERS[item['family']]) * 8
        return round(frame * len(self.rtts) / max(max([self.last_try, *self.arrivals]) - self.first_try, item['interval']))

    def result(self):
        item, result = self.item, empty_result(self.item)
        rtts = list(self.rtts.values())
        if item['rate'] and self.sent:
            result['rate'] = self.rate()
        result.update(
            reachable=bool(rtts), sent=len(self.sent), received=len(rtts),
            # without a count, what is still on its way when the first answer comes is not lost
            lost=(item['count'] or len(self.sent)) - len(rtts) if item['count'] or not rtts else 0,
            max_gap_ms=self.max_gap() if item['count'] else None, mtu=self.mtu, seen_as=self.seen_as)
        if rtts:
            result['rtt_ms'] = {'min': round(min(rtts) * 1000, 3), 'avg': round(sum(rtts) / len(rtts) * 1000, 3), 'max': round(max(rtts) * 1000, 3)}
        result['ok'], result['reason'] = self.judge(result)
        return result

    def judge(self, result):
        item = self.item
        if not self.set_up:
            return False, self.error
        if item['expect'] == 'unreachable':
            if not self.sent and self.refused not in PROOF:
                return False, f'{self.error} (nothing could be sent, which proves nothing)'
            if self.refused == errno.ENODEV:
                return False, f'{self.error} (what was to be sent on went away, which proves nothing)'
            if self.refusal:
                return False, f'{self.error}: so packets do get there'
            return not result['reachable'], self.silence(result) if not result['reachable'] else f"answered after {result['rtt_ms']['min']} ms"
        if not result['reachable']:
            return False, self.silence(result)
        if item['seen_as'] and item['family'] and not same_address(item['seen_as'], result['seen_as']):
            return False, f"the other end sees {result['seen_as'] or 'no address (is it a responder of vnet_probe?)'}, not {item['seen_as']}"
        failures = []
        if item['max_loss'] is not None and result['lost'] > item['max_loss']:
            failures.append(f"{result['lost']} of {item['count']} lost, {item['max_loss']} allowed")
        if item['max_gap'] is not None and result['max_gap_ms'] > item['max_gap']:
            failures.append(f"{result['max_gap_ms']:g} ms without an answer, {item['max_gap']:g} ms allowed")
        for option, word, beyond in (('min_rate', 'at least', -1), ('max_rate', 'at most', 1)):
            if item[option] and (result['rate'] - item[option]) * beyond > 0:
                failures.append(f"{shown(result['rate'])} of {shown(item['rate'])} arrive, {word} {shown(item[option])} expected")
        if failures and self.error:
            failures.append(self.error)
        return not failures, '; '.join(failures)

    def silence(self, result):
        """Why nothing came back: the error if there was one, else the time waited, and what the host's tables say."""
        item = self.item
        unit = ('SYN' if item['protocol'] == 'tcp' else 'packet') + ('' if result['sent'] == 1 else 's')
        sent = f"{result['sent']} {unit} sent" if result['sent'] else 'nothing could be sent'
        with self.namespaces.inside(item['netns']):
            why = hint.explain(item['family'], item['address'], item['src'], item['dev'])
        text = self.error or f"no reply in {item['timeout']:g} s"
        details = [sent] + ([why] if why and why not in text else [])
        return f"{text} ({'; '.join(details)})"


class Channel:
    """A datagram socket and the probes that use it, by their ident.

    All like ICMP probes of a namespace share one: every raw socket is given the answers to all of them, so n sockets would cost n times n.
    """

    def __init__(self, sock, family, protocol, scope, loop):
        self.sock, self.family, self.protocol, self.scope, self.loop, self.probes = sock, family, protocol, scope, loop, {}
        level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if family == socket.AF_INET6 else (socket.IPPROTO_IP, IP_RECVERR)
        sock.setsockopt(level, option, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if protocol == 'icmp':
            icmp.attach_filter(sock, family)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        loop.add(sock, self.readable)

    def close(self):
        self.loop.remove(self.sock)
        self.sock.close()

    def _probe(self, header):
        """The probe that the ICMP ``header`` belongs to. A UDP socket has only one."""
        return self.probes.get(int.from_bytes(header[4:6], 'big') if self.protocol == 'icmp' else 0)

    def readable(self):
        self.drain_errors()
        while self.sock.fileno() >= 0:
            try:
                data, sender = self.sock.recvfrom(65535 + 100)
            except BlockingIOError:
                return
            except OSError:
                continue  # an error that drain_errors has told
            if self.protocol == 'icmp' and self.family == socket.AF_INET:
                data = data[(data[0] & 15) * 4:]
            probe = self._probe(data)
            if probe:
                probe.received(data, sender[0].split('%')[0])

    def drain_errors(self, sending=None):
        """Hand out what the error queue holds: ICMP errors to the probe whose packet caused them, errors of this host to the one that is sending."""
        while True:
            try:
                data, ancillary, dummy, address = self.sock.recvmsg(256, 256, MSG_ERRQUEUE)
            except OSError:
                return
            for dummy, dummy, value in ancillary:
                error = icmp.parse_error(value)
                probe = error and (sending if error['local'] else self._probe(data))
                if probe and (not address or same_address(address[0].split('%')[0], probe.item['address'])):
                    probe.failed(error)


class Datagrams(Probe):
    """ICMP echo and UDP: numbered packets, errors from the kernel's error queue."""

    channel = None

    def join(self):
        """The channel to send on, shared with the probes alike where it can be."""
        item = self.item
        self.cookie = os.urandom(8)
        if item['protocol'] == 'udp':
            self.key, ident = self, 0
        else:
            self.key, ident = tuple(item[option] for option in ('netns', 'family', 'src', 'dev', 'df', 'ttl')), self.ident
        if self.key not in self.channels:
            udp, v6 = item['protocol'] == 'udp', item['family'] == socket.AF_INET6
            sock = self.open(socket.SOCK_DGRAM) if udp else self.open(socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
            self.channels[self.key] = Channel(sock, item['family'], item['protocol'], self.scope, self.loop)
        self.channel = self.channels[self.key]
        self.channel.probes[ident] = self
        self.scope, self.set_up = self.channel.scope, True

    def leave(self):
        if self.channel:
            self.channel.probes.pop(self.ident if self.item['protocol'] == 'icmp' else 0)
            if not self.channel.probes:
                self.channels.pop(self.key).close()

    def payload(self, seq):
        size = self.item['size']
        if self.item['protocol'] == 'icmp':
            return (self.cookie * (size // 8 + 1))[:size]
        return responder.request(seq, size)

    def send(self, seq):
        if self.channel is None:
            self.join()
        self.channel.drain_errors()  # a pending error would be taken for this packet's
        item = self.item
        packet = self.payload(seq)
        if item['protocol'] == 'icmp':
            packet = icmp.echo_request(item['family'], self.ident, seq, packet)
        begin = self.loop.now()
        self.channel.sock.sendto(packet, self.address(item['address'], item['port'] if item['protocol'] == 'udp' else 0))
        self.sent[seq] = begin

    def note_error(self, exc):
        super().note_error(exc)
        if self.channel:
            self.channel.drain_errors(self)  # carries the MTU

    def received(self, data, sender):
        if not self.answered_by(sender):
            return
        if self.item['protocol'] == 'icmp':
            seq = icmp.echo_reply(self.item['family'], data, self.ident, self.payload(0))
        else:
            seq, address = responder.answer(data)
            self.seen_as = address or self.seen_as
            if seq is None:  # a server of another kind: take it for the answer to the newest packet
                seq = max(self.sent, default=None)
        if seq is not None:
            self.got_reply(seq)

    def failed(self, error):
        self.refusal |= same_address(error['refused_by'], self.item['address'])
        self.error, self.mtu = error['text'], error['mtu'] or self.mtu

    def answered_by(self, sender):
        address = self.item['address']
        if self.item['family'] == socket.AF_INET6:
            multicast = address.lower().startswith('ff')
        else:
            multicast = int(address.split('.')[0]) >= 224 or address.endswith('.255')
        return multicast or same_address(sender, address)


class Connections(Probe):
    """TCP: a packet is an attempt to connect. Attempts are renewed, since the kernel waits ever longer between its own repetitions."""

    def __init__(self, *args):
        super().__init__(*args)
        self.attempts, self.connected = {}, set()  # socket -> sequence number; sockets waiting for what the other end sees

    def drop(self, sock):
        self.loop.remove(sock)
        self.attempts.pop(sock)
        self.connected.discard(sock)
        sock.close()

    def leave(self):
        for sock in list(self.attempts):
            self.drop(sock)

    def send(self, seq):
        now = self.loop.now()
        if self.item['count'] is None:
            for sock in [each for each, number in self.attempts.items() if now - self.sent[number] > TCP_PATIENCE and each not in self.connected]:
                self.drop(sock)
        sock = self.open(socket.SOCK_STREAM)
        self.attempts[sock] = seq
        code = sock.connect_ex(self.address(self.item['address'], self.item['port']))
        if code in (0, errno.EINPROGRESS):
            self.sent[seq] = now
            self.loop.add(sock, lambda: self.ready(sock, seq), WRITE)
            return
        if code == errno.ECONNREFUSED:  # at once on the own host
            self.sent[seq] = now
        self.drop(sock)
        raise OSError(code, os.strerror(code))

    def ready(self, sock, seq):
        if sock not in self.connected:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self.note_error(OSError(code, os.strerror(code)))
                self.drop(sock)
                return
            try:
                sock.getpeername()
            except OSError:
                return  # meant for a closed socket whose descriptor this one got
            if not self.item['seen_as']:
                self.drop(sock)
                self.got_reply(seq)
                return
            self.connected.add(sock)
            self.loop.remove(sock)
            self.loop.add(sock, lambda: self.ready(sock, seq), READ)
            return
        try:
            self.seen_as = responder.answer(sock.recv(256))[1] or self.seen_as
        except BlockingIOError:
            return
        except OSError as exc:
            self.note_error(exc)
        self.drop(sock)
        self.got_reply(seq)


class Frames(Probe):
    """CAN: a frame sent on one interface is answered by its being received on another, or on the same by another socket."""

    sender = receiver = None
    other = ''  # the newest frame received that is not the one

    def leave(self):
        for sock in (self.sender, self.receiver):
            if sock is not None:
                self.loop.remove(sock)
                sock.close()

    def send(self, seq):
        item = self.item
        if self.sender is None:
            receiver = can.open_socket(item['to'], item['to_netns'], self.namespaces)
            try:
                self.sender = can.open_socket(item['dev'], item['netns'], self.namespaces)
            except BaseException:
                receiver.close()
                raise
            self.receiver = receiver
            self.loop.add(receiver, self.readable)
            self.set_up = True
        self.sender.send(item['frame_bytes'])
        self.sent[seq] = self.loop.now()

    def readable(self):
        while not self.finished:
            try:
                frame = self.receiver.recv(72)
            except OSError:
                return  # nothing more, or the interface went down
            if can.same(frame, self.item['seen_as_bytes']):
                self.seen_as = can.show(frame)
                self.got_reply(next((seq for seq in self.sent if seq not in self.rtts), 0))
            else:
                self.other = can.show(frame)

    def silence(self, result):
        item = self.item
        wanted = can.show(item['seen_as_bytes'])
        text = self.error or f"{item['to']} in {where(item['to_netns'])} received no frame {wanted} in {item['timeout']:g} s"
        return f"{text} ({result['sent']} sent on {item['dev']}{'; ' if self.other else ''}{self.other and 'received instead: ' + self.other})"


class Tapped(Datagrams):
    """ICMP echo of a host that lives in the descriptor of a tap device. Without an address to reach it only answers."""

    def join(self):
        item = self.item
        self.cookie = os.urandom(8)
        self.key = ('tap', item['netns'], item['tap'], item['user'])
        if self.key not in self.channels:
            self.channels[self.key] = tap.Tap(item, self.namespaces, self.loop)
        self.channel = self.channels[self.key]
        self.channel.join(item['src'], item['mac'])
        self.channel.probes[self.ident] = self
        self.set_up = True

    def send(self, seq):
        if self.channel is None:
            self.join()
        item = self.item
        self.sent[seq] = self.loop.now()
        self.channel.send(item['src'], item['address'], icmp.echo_request(item['family'], self.ident, seq, self.payload(seq)), item['ttl'], item['df'])

    def silence(self, result):
        item = self.item
        known = self.channel and (not self.channel.ethernet or item['address'] in self.channel.neighbours)
        why = '' if known else f"; ARP unanswered: {item['address']} beyond {item['tap']}"
        return f"{self.error or 'no reply in %g s' % item['timeout']} ({result['sent']} packets sent{why})"

    def attend(self):
        """Begin to answer. Whether that is possible."""
        try:
            self.join()
        except (ProbeError, OSError) as exc:
            self.error = str(exc)
        return self.set_up

    def attended(self):
        """The result of a host that only answered."""
        result = dict(empty_result(self.item), ok=self.set_up, reason=self.error or '')
        if self.set_up:
            result.update(received=self.channel.answered[self.item['src']])
            result['reason'] = f"answered {result['received']} requests"
        self.leave()
        return result


def shown(rate):
    """Bits a second for people, as tc writes them."""
    unit, factor = next(((unit, factor) for unit, factor in (('gbit', 10**9), ('mbit', 10**6), ('kbit', 10**3)) if rate >= factor), ('bit', 1))
    return f'{rate / factor:.4g}{unit}'


def same_address(one, other):
    """Whether two texts name the same IP address."""
    if one == other:
        return True
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, one) == socket.inet_pton(family, other)
        except (OSError, TypeError, ValueError):
            pass
    return False


def _listen(item, namespaces):
    result = empty_result(item)
    try:
        with responder.open_listener(item, namespaces) as sock:
            result['pid'] = responder.start_background(sock, item['protocol'] == 'tcp', item['timeout'], item['count'])
        result.update(ok=True, reason=f"answers for {item['timeout']:g} s")
    except (ProbeError, OSError) as exc:
        result.update(ok=False, reason=str(exc))
    return result


class Prober:
    """Runs probes concurrently on ``loop``; ``results`` is complete, in the order of the items, when ``finished`` has been called."""

    def __init__(self, items, namespaces, loop, finished):
        self.items, self.namespaces, self.loop, self.finished = items, namespaces, loop, finished
        self.results = [None] * len(items)
        self.channels = {}

    def start(self):
        base = int.from_bytes(os.urandom(2), 'big')
        self.waiting, self.attending, self.running = collections.deque(), [], 0
        for number, item in enumerate(self.items):
            if item['listen']:
                self.results[number] = _listen(item, self.namespaces)
            elif item['tap'] and not item['to']:
                self._attend(number, Tapped(item, (base + number) & 0xffff, self.namespaces, self.loop, self.channels, None))
            else:
                self.waiting.append((number, item, (base + number) & 0xffff))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < min(hard, 65536):
            soft = min(hard, 65536)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.at_once = max(soft // DESCRIPTORS, 1)
        self._fill()

    def _attend(self, number, probe):
        """Hosts that only answer are there before the first probe, and until the last one is over or, where that is later, their own time."""
        self.attending.append((number, probe))
        if probe.attend() and probe.item['timeout']:
            self.running += 1
            self.loop.at(self.loop.now() + probe.item['timeout'], self._over)

    def _fill(self):
        while self.waiting and self.running < self.at_once:
            number, item, ident = self.waiting.popleft()
            self.running += 1
            kind = Tapped if item['tap'] else {'tcp': Connections, 'can': Frames}.get(item['protocol'], Datagrams)
            probe = kind(item, ident, self.namespaces, self.loop, self.channels, lambda item, result, number=number: self._done(number, result))
            self.loop.at(self.loop.now(), probe.start)
        if not self.running and not self.waiting:
            for number, probe in self.attending:
                self.results[number] = probe.attended()
            self.finished()

    def _done(self, number, result):
        self.results[number] = result
        self._over()

    def _over(self):
        self.running -= 1
        self._fill()


def run(items, namespaces):
    """Results of ``items`` (see spec.normalise), in their order; takes about as long as the slowest."""
    loop = Loop()
    prober = Prober(items, namespaces, loop, loop.stop)
    loop.at(loop.now(), prober.start)
    loop.run()
    return prober.results


def failed_expectations(results, host):
    """One sentence for each result that is not as expected."""
    sentences = []
    for result in results:
        if result['ok'] is False:
            target = target_of(result)
            if result['listen'] or not result['to']:
                what = 'no responder'
            elif result['expect'] == 'unreachable' and result['reachable']:
                what = f'{target} must not be reachable'
            elif result['reachable']:
                what = f'{target} reachable, but not as required'
            else:
                what = f'{target} not reachable'
            sentences.append(f"{result['name']} on {host}: {what} from {where(result['netns'])}: {result['reason']}")
    return sentences
