# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures: packet sockets read by the event loop, decoded afterwards so that nothing is lost meanwhile."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import time

from ansible_collections.linuxnet.vnet.plugins.module_utils._probe import match, pcap, prober
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.decode import decode
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.loop import Loop
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError, resolve, where
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.spec import check_dev, item_spec
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.summary import summarise

ETH_P_ALL = 3
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS, PACKET_AUXDATA, PACKET_MR_PROMISC = 263, 1, 6, 8, 1
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
ARPHRD = {1: 'ethernet', 772: 'ethernet', 280: 'can', 824: 'netlink'}  # linux/if_arp.h; all others are read without a link header
DIRECTIONS = {0: 'in', 1: 'in', 2: 'in', 3: 'in', 4: 'out'}  # PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST, _OUTGOING
BUFFER = 8 << 20     # bytes the kernel may queue
MEMORY = 64 << 20    # bytes of packets kept
LINGER = 0.2         # seconds to go on after the last probe, for what is still on its way
DURATION = 5.0
LONGEST = 10**6      # seconds


def capture_spec(defaults=True):
    """Argument spec of one capture; items of a list have no defaults, see spec.item_spec."""
    spec = {
        'name': {'type': 'str'},
        'netns': {'type': 'str'},
        'dev': {'type': 'str'},
        'promisc': {'type': 'bool', 'default': False},
        'filter': {'type': 'dict'},
        'expect': {'type': 'list', 'elements': 'dict', 'options': {
            'name': {'type': 'str'},
            'match': {'type': 'dict', 'required': True},
            'distinct': {'type': 'str'},
            'min': {'type': 'int'},
            'max': {'type': 'int'},
        }},
        'max_packets': {'type': 'int', 'default': 50},
        'vxlan_ports': {'type': 'list', 'elements': 'int', 'default': [4789, 8472]},
        'geneve_ports': {'type': 'list', 'elements': 'int', 'default': [6081]},
        'pcap': {'type': 'path'},
    }
    if not defaults:
        for option in spec.values():
            option.pop('default', None)
    return spec


def argument_spec():
    return dict(
        capture_spec(),
        config={'type': 'list', 'elements': 'dict', 'options': capture_spec(defaults=False)},
        duration={'type': 'float'},
        count={'type': 'int'},
        during={'type': 'list', 'elements': 'dict', 'options': item_spec(defaults=False)},
        fail_on_mismatch={'type': 'bool', 'default': True},
    )


def items_of(params):
    """The captures of a task, checked; each with its predicates. ProbeError for nonsense."""
    for option in ('duration', 'count'):
        if params[option] is not None and not params[option] > 0:
            raise ProbeError(f'{option} {params[option]:g} must be more than 0')
    if params['duration'] is not None and params['duration'] > LONGEST:
        raise ProbeError(f"duration {params['duration']:g} must be at most {LONGEST}")
    items, devices = [], {}
    for number, own in enumerate([{}] if params['config'] is None else params['config'], 1):
        item = {option: params[option] if own.get(option) is None else own[option] for option in capture_spec()}
        label = item['name'] or (f'capture {number}' if params['config'] else 'the capture')
        if not item['dev']:
            raise ProbeError(f"{label}: 'dev' is missing: the interface to capture on")
        check_dev(label, item['dev'])
        resolve(item['netns'])
        if item['max_packets'] < 0:
            raise ProbeError(f"{label}: max_packets {item['max_packets']} must be 0 or more")
        for option in ('vxlan_ports', 'geneve_ports'):
            for port in item[option]:
                if not 1 <= port <= 65535:
                    raise ProbeError(f'{label}: {option} {port} is not within 1 to 65535')
        if item['pcap']:
            if item['pcap'] in devices:
                raise ProbeError(f"{label}: pcap {item['pcap']} is written by {devices[item['pcap']]} too; give each capture its own file")
            devices[item['pcap']] = label
        item['label'] = item['name'] or f"{item['netns']} {item['dev']}".replace('None ', '')
        item['wanted'] = match.compile_match(item['filter'], f'{label}: filter') if item['filter'] else None
        item['expectations'] = match.compile_expectations(item['expect'], f'{label}: expect')
        items.append(item)
    return items


def retag(frame, status, tci, tpid):
    """The frame as it was on the wire: the kernel takes the outer VLAN tag off and tells it apart."""
    if not status & TP_STATUS_VLAN_VALID or len(frame) < 12:
        return frame
    return frame[:12] + struct.pack('!HH', tpid if status & TP_STATUS_VLAN_TPID_VALID and tpid else 0x8100, tci) + frame[12:]


class Capture:
    """One packet socket on one device, and what came in through it. ``budget`` is [bytes left] of all captures together."""

    def __init__(self, item, namespaces, budget):
        self.item, self.budget, self.packets, self.decoded = item, budget, [], []
        self.captured = self.dropped = 0
        self.gone = False  # whether the device was removed, or went to another namespace, before the end
        with namespaces.inside(item['netns']):
            place = f"dev {item['dev']} in {where(item['netns'])}"
            try:
                self.hatype = self._hatype()
                self.link = ARPHRD.get(self.hatype, 'ip')
                # protocol 0 until bound: nothing of other devices gets in
                self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM if self.link == 'ip' else socket.SOCK_RAW, 0)
            except PermissionError as exc:
                raise ProbeError('capturing needs root (CAP_NET_RAW): use become') from exc
            except OSError as exc:
                raise ProbeError(f'{place}: {exc.strerror.lower()}') from exc
            try:
                self.sock.setblocking(False)
                with contextlib.suppress(OSError):
                    self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
                self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
                self.sock.bind((item['dev'], ETH_P_ALL))
                if item['promisc']:
                    index = socket.if_nametoindex(item['dev'])
                    self.sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack('iHH8s', index, PACKET_MR_PROMISC, 0, b''))
            except OSError as exc:
                self.sock.close()
                raise ProbeError(f'{place}: {exc.strerror.lower()}') from exc

    def _hatype(self):
        """ARPHRD number of the device: a socket bound to it knows."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as sock:
            sock.bind((self.item['dev'], 0))
            return sock.getsockname()[3] & 0xffff

    def read(self):
        """Take what has arrived. Returns False when memory is used up."""
        while self.budget[0] > 0:
            try:
                frame, ancillary, dummy, sender = self.sock.recvmsg(262144, 256)
            except BlockingIOError:
                return True
            except OSError:
                return True  # the device went down, which the socket tells once
            stamp = None
            for level, kind, data in ancillary:
                if level == SOL_PACKET and kind == PACKET_AUXDATA:
                    status, dummy, dummy, dummy, dummy, tci, tpid = struct.unpack('IIIHHHH', data[:20])
                    if self.link == 'ethernet':
                        frame = retag(frame, status, tci, tpid)
                elif level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack('ll', data[:struct.calcsize('ll')])
                    stamp = seconds * 10**9 + nanoseconds
            if self.link == 'can' and sys.byteorder == 'little':
                frame = frame[3::-1] + frame[4:]  # the id, to network order
            self.budget[0] -= len(frame) + 300
            self.packets.append({'time': stamp or time.time_ns(), 'data': frame, 'type': sender[2], 'hatype': sender[3] & 0xffff, 'protocol': sender[1]})
        return False

    def matching(self):
        """Decode what is new; the number of packets so far that pass the filter."""
        self.captured += len(self.packets)
        for raw in self.packets:
            facts = decode(raw['data'], self.link, raw['protocol'], self.item['vxlan_ports'], self.item['geneve_ports'])
            facts['direction'] = DIRECTIONS.get(raw['type'], str(raw['type']))
            if self.item['wanted'] is None or self.item['wanted'](facts):
                self.decoded.append((facts, raw))
        self.packets = []
        return len(self.decoded)

    def close(self):
        with contextlib.suppress(OSError):
            self.dropped = struct.unpack('II', self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
            self.gone = not self.sock.getsockname()[0]  # one that was given another name is still there
        self.sock.close()

    def result(self, began):
        """Everything known: decoded packets that pass the filter, their summary, the expectations; writes the pcap file."""
        item = self.item
        self.matching()
        packets = [facts for facts, dummy in self.decoded]
        for facts, raw in self.decoded:
            facts['time'] = round((raw['time'] - began) / 10**9, 6)
        expectations = match.check_expectations(item['expectations'], packets)
        lack = f'the kernel dropped {self.dropped} packets' if self.dropped else 'the device went away meanwhile' if self.gone else ''
        if lack:  # absence is proven only by a complete capture
            for row in expectations:
                if row['ok'] and row['max'] is not None:
                    row.update(ok=False, reason=f'{lack}, so what is missing cannot be told')
        result = empty_result(item)
        result.update(link=self.link, captured=self.captured, dropped=self.dropped, packets=packets[:item['max_packets']], summary=summarise(packets),
                      expectations=expectations, ok=all(row['ok'] for row in expectations))
        if item['pcap']:
            _write_pcap(item['pcap'], self.link, [raw for dummy, raw in self.decoded])
        return result


def empty_result(item):
    """The result of a capture that has not run."""
    return {'name': item['label'], 'netns': item['netns'], 'dev': item['dev'], 'link': None, 'captured': 0, 'dropped': 0, 'packets': [], 'summary': {},
            'expectations': [dict(row, packets=None, ok=None, reason='') for row, dummy in item['expectations']], 'ok': None, 'pcap': item['pcap']}


def _write_pcap(path, link, packets):
    """Through a temporary file that only root can read, since it holds what others said."""
    partial = f'{path}.{os.getpid()}.part'
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as stream:
            pcap.write(stream, link, packets)
        os.replace(partial, path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise ProbeError(f'pcap {path} cannot be written: {exc.strerror.lower()}') from exc


class Session:
    """Captures and probes in one loop. Ends when the probes are done and the time is over; what they captured ends earlier by count or memory."""

    def __init__(self, items, probes, namespaces, duration=None, count=None):
        self.items, self.namespaces, self.count = items, namespaces, count
        self.loop, self.captures, self.ended = Loop(), [], None
        self.prober = prober.Prober(probes, namespaces, self.loop, lambda: self.loop.at(self.loop.now() + LINGER, self.probes_done))
        self.waiting_for = {'probes'} if probes else set()
        self.duration = DURATION if duration is None and not probes else duration
        if self.duration is not None:
            self.waiting_for.add('duration')

    def run(self):
        """(results of the captures, results of the probes, why capturing ended: probes, duration, count or memory)."""
        budget = [MEMORY]
        try:
            for item in self.items:
                self.captures.append(Capture(item, self.namespaces, budget))
            began = time.time_ns()
            for capture in self.captures:
                self.loop.add(capture.sock, lambda capture=capture: self.readable(capture))
            if 'probes' in self.waiting_for:
                self.loop.at(self.loop.now(), self.prober.start)
            if self.duration is not None:
                self.loop.at(self.loop.now() + self.duration, lambda: self.over('duration'))
            self.loop.run()
        finally:
            for capture in self.captures:
                capture.close()
        return [capture.result(began) for capture in self.captures], self.prober.results, self.ended

    def probes_done(self):
        self.over('probes')

    def over(self, what):
        self.waiting_for.discard(what)
        if not self.waiting_for or (self.ended and 'probes' not in self.waiting_for):
            self.end(what)
            self.loop.stop()

    def readable(self, capture):
        if not capture.read():
            self.end('memory')
        elif self.count is not None and sum(each.matching() for each in self.captures) >= self.count:
            self.end('count')
        if self.ended and 'probes' not in self.waiting_for:
            self.loop.stop()

    def end(self, reason):
        """Stop capturing; probes go on."""
        if self.ended:
            return
        for capture in self.captures:
            if reason in ('probes', 'duration'):
                capture.read()
            self.loop.remove(capture.sock)
        self.ended = reason


def failed_expectations(results, host):
    """One sentence for each expectation of a capture that is not met."""
    return [f"{result['name']} on {host}: dev {result['dev']} in {where(result['netns'])}: {row['reason']}"
            for result in results for row in result['expectations'] if row['ok'] is False]
