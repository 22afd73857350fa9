# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program at the other side of a tun, tap, macvtap or ipvtap device: small IPv4 hosts that live in a file descriptor.

A host answers ARP and echo requests for its address and sends echo requests of its own. What is written to the descriptor the kernel takes for
received on the device, and what it sends through the device is read here (linux/if_tun.h).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import pwd
import socket
import struct
import time

from ansible_collections.linuxnet.vnet.plugins.module_utils._probe import hint, icmp
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.decode import decode, mac
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError, where

TUNSETIFF, TUNGETIFF, TUNGETVNETHDRSZ, SIOCGIFHWADDR = 0x400454CA, 0x800454D2, 0x800454D7, 0x8927
IFF_TUN, IFF_TAP, IFF_MULTI_QUEUE, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x0002, 0x0100, 0x1000, 0x4000
IFLA_ADDRESS, IFLA_LINKINFO, INFO_KIND, INFO_DATA = 1, 18, 1, 2
TUN_TYPE, TUN_PI, TUN_VNET_HDR, TUN_MULTI_QUEUE = 3, 4, 5, 7  # IFLA_TUN_* of linux/if_link.h
IFREQ = struct.Struct('=16sH22x')
ETH_P_IP, ETH_P_ARP = 0x0800, 0x0806
BROADCAST = 'ff:ff:ff:ff:ff:ff'
TTL = 64
SETTLING = 2  # seconds


def _packed(address):
    return bytes.fromhex(address.replace(':', ''))


@contextlib.contextmanager
def acting_as(user):
    """Code in this block has the rights of ``user`` (a name or a number) and its groups, and no privilege. None: those it has anyway."""
    if user is None:
        yield
        return
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError as exc:
        raise ProbeError(f"user '{user}' does not exist on this host") from exc
    before = os.geteuid(), os.getegid(), os.getgroups()
    try:
        os.setgroups(os.getgrouplist(entry.pw_name, entry.pw_gid))
        os.setegid(entry.pw_gid)
        os.seteuid(entry.pw_uid)
        yield
    except PermissionError as exc:
        if os.geteuid() == before[0] != 0:
            raise ProbeError(f'acting as user {user} needs root: use become') from exc
        raise
    finally:
        os.seteuid(before[0])
        os.setegid(before[1])
        if os.geteuid() == 0:
            os.setgroups(before[2])


class Tap:
    """An open device, the hosts in it, and the probes that they send, by their ident. It is to its probes what a Channel is to others."""

    scope = 0

    def __init__(self, item, namespaces, loop):
        self.dev, self.loop = item['tap'], loop
        self.hosts = {}       # address -> MAC
        self.answered = {}    # address -> requests
        self.neighbours = {}  # address -> MAC
        self.waiting = {}     # address -> the newest packet that waits for its MAC
        self.probes = {}
        place = f"tap {self.dev} in {where(item['netns'])}"
        with namespaces.inside(item['netns']):
            try:
                link = hint.link(self.dev)
            except OSError as exc:
                raise ProbeError(f"{place}: {exc.strerror.lower() if exc.errno else 'no such device'}") from exc
            info = hint.attributes(link.attrs.get(IFLA_LINKINFO, b''))
            self.kind = info.get(INFO_KIND, b'').rstrip(b'\0').decode(errors='replace')
            path, flags = self._node(place, link.index, hint.attributes(info.get(INFO_DATA, b'')))
            self.address = mac(link.attrs.get(IFLA_ADDRESS, b''))
            self.ethernet = not flags & IFF_TUN
            try:
                with acting_as(item['user']):
                    self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                    try:
                        fcntl.ioctl(self.fd, TUNSETIFF, IFREQ.pack(self.dev.encode(), flags))
                    except OSError:
                        os.close(self.fd)
                        raise
            except OSError as exc:
                raise ProbeError(f"{place}: {self._refusal(exc, path, item['user'])}") from exc
        self.information = not flags & IFF_NO_PI
        self.head = b'\0' * 4 if self.information else b''
        if flags & IFF_VNET_HDR:
            self.head += bytes(struct.unpack('i', fcntl.ioctl(self.fd, TUNGETVNETHDRSZ, b'\0' * 4))[0])
        if self.kind != 'tun' and not self._ours():
            os.close(self.fd)
            raise ProbeError(f'{place}: {path} is the node of another device, a link in another network namespace with the same index {link.index}')
        with namespaces.inside(item['netns']):
            self._settle()
        loop.add(self, self.readable)

    def _node(self, place, index, data):
        """The device's node, and the flags to attach with: those it has, since a test changes nothing."""
        if self.kind == 'tun':
            flags = data.get(TUN_TYPE, b'\1')[0]
            for attribute, flag, given in ((TUN_PI, IFF_NO_PI, False), (TUN_VNET_HDR, IFF_VNET_HDR, True), (TUN_MULTI_QUEUE, IFF_MULTI_QUEUE, True)):
                flags |= flag if bool(data.get(attribute, b'\0')[0]) == given else 0
            return '/dev/net/tun', flags
        if self.kind in ('macvtap', 'ipvtap'):
            return f'/dev/tap{index}', IFF_TAP | IFF_NO_PI
        raise ProbeError(f"{place}: it is a {self.kind or 'NIC'} and has no program at its other side; name a tun, tap, macvtap or ipvtap device")

    def _refusal(self, exc, path, user):
        if exc.errno == errno.EBUSY:
            return 'a program is attached to it, and it takes only one at a time'
        if exc.errno in (errno.EACCES, errno.EPERM):
            return f'{path} is not for user {user}' if user else f'{path} needs root: use become'
        if exc.errno == errno.ENOENT:
            return f'there is no {path}'
        return f'{path}: {exc.strerror.lower()}'

    def _ours(self):
        """Whether the open node is that of the device: its index alone may be that of another one in another namespace."""
        name = IFREQ.unpack(fcntl.ioctl(self.fd, TUNGETIFF, IFREQ.pack(b'', 0)))[0].rstrip(b'\0').decode(errors='replace')
        found = fcntl.ioctl(self.fd, SIOCGIFHWADDR, IFREQ.pack(self.dev.encode(), 0))[18:24]
        return (name, mac(found)) == (self.dev, self.address)

    def _settle(self):
        """Let the kernel take note of the carrier that attaching gave it."""
        until = time.monotonic() + SETTLING
        with contextlib.suppress(OSError):
            while hint.link(self.dev).awaits_kernel and time.monotonic() < until:
                time.sleep(0.002)

    def fileno(self):
        return self.fd

    def close(self):
        self.loop.remove(self)
        os.close(self.fd)

    def drain_errors(self, dummy=None):
        """A descriptor has no queue of errors."""

    def join(self, address, own_mac):
        """A host with this address. Its MAC: a tap's own belongs to the kernel's side, while the others are handed frames for theirs only."""
        made = hashlib.sha256(f'{self.dev} {address}'.encode()).hexdigest()
        self.hosts[address] = own_mac or (self.address if self.kind != 'tun' else ':'.join(['02', *(made[at:at + 2] for at in range(0, 10, 2))]))
        self.answered.setdefault(address, 0)

    def _write(self, kind, body, src=None, dst=None):
        head = struct.pack('!HH', 0, kind) + self.head[4:] if self.information else self.head
        frame = _packed(dst) + _packed(src) + struct.pack('!H', kind) if self.ethernet else b''
        os.write(self.fd, head + frame + body)

    def _arp(self, operation, src, src_mac, dst, dst_mac):
        body = struct.pack('!HHBBH', 1, ETH_P_IP, 6, 4, operation) + _packed(src_mac) + socket.inet_aton(src) + _packed(dst_mac) + socket.inet_aton(dst)
        self._write(ETH_P_ARP, body, src_mac, BROADCAST if operation == 1 else dst_mac)

    def send(self, src, dst, message, ttl=None, df=False):
        """An ICMP message in an IPv4 packet, to whoever has the address; as long as nobody has said so, that is asked first."""
        header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(message), 0, 0x4000 if df else 0, ttl or TTL, socket.IPPROTO_ICMP, 0,
                             socket.inet_aton(src), socket.inet_aton(dst))
        packet = header[:10] + struct.pack('!H', icmp.checksum(header)) + header[12:] + message
        if not self.ethernet:
            self._write(ETH_P_IP, packet)
        elif dst in self.neighbours:
            self._write(ETH_P_IP, packet, self.hosts[src], self.neighbours[dst])
        else:
            self.waiting[dst] = src, packet
            self._arp(1, src, self.hosts[src], dst, '00:00:00:00:00:00')

    def readable(self):
        while self.probes:  # the last of them to end closes the device
            try:
                frame = os.read(self.fd, 65536 + 64)
            except OSError:
                return  # nothing more, or the device went down
            body = frame[len(self.head):]
            facts = decode(body, 'ethernet' if self.ethernet else 'ip', ETH_P_IP if body[:1] and body[0] >> 4 == 4 else 0)
            if 'vlan' not in facts and not facts.get('truncated'):
                with contextlib.suppress(OSError):  # as on a wire, what cannot be sent is lost
                    self._take(facts, body[14:] if self.ethernet else body)

    def _take(self, facts, packet):
        if facts.get('arp_target_ip') in self.hosts:
            sender = facts['arp_sender_ip']
            self.neighbours[sender] = facts['arp_sender_mac']
            if facts['arp_operation'] == 'who-has':
                own = facts['arp_target_ip']
                self._arp(2, own, self.hosts[own], sender, facts['arp_sender_mac'])
            if sender in self.waiting:
                src, waiting = self.waiting.pop(sender)
                self._write(ETH_P_IP, waiting, self.hosts[src], self.neighbours[sender])
        elif facts.get('icmp_type') in ('echo_request', 'echo_reply') and facts.get('ip_dst') in self.hosts and not facts['fragment']:
            own = facts['ip_dst']
            if facts.get('dst_mac', self.hosts[own]) != self.hosts[own]:
                return  # flooded, and meant for somebody else
            message = packet[(packet[0] & 15) * 4:struct.unpack_from('!H', packet, 2)[0]]
            if facts['icmp_type'] == 'echo_request':
                self.answered[own] += 1
                self.neighbours.setdefault(facts['ip_src'], facts.get('src_mac', ''))
                blank = b'\0\0\0\0' + message[4:]
                self.send(own, facts['ip_src'], blank[:2] + struct.pack('!H', icmp.checksum(blank)) + blank[4:])
            else:
                probe = self.probes.get(facts['icmp_id'])
                if probe:
                    probe.received(message, facts['ip_src'])
