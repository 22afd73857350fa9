# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other side of a TCP or UDP probe: a small background process that tells each caller which address it sees.

It is bounded by time, handles one request at a time, never sends more bytes than it was sent (UDP), and never
answers what another responder says, so two of them cannot talk to each other for ever.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time

from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError, where

REQUEST = b'linuxnet.vnet probe '
ANSWER = b'linuxnet.vnet seen_as '
LEAST = 80  # bytes of a request, so that no answer is longer


def request(number, size):
    """A UDP request of ``size`` bytes (at least LEAST)."""
    return (REQUEST + b'%d ' % number).ljust(max(size, LEAST), b'.')


def reply(data, host):
    """What to answer to the request ``data`` of ``host``, None if it is no request. TCP callers say nothing: number 0."""
    if data is None:
        number = b'0'
    elif data.startswith(REQUEST):
        number = data[len(REQUEST):len(REQUEST) + 6].partition(b' ')[0]
    else:
        return None
    text = ANSWER + host.encode() + b' ' + number + b'\n'
    return text if data is None or len(text) <= len(data) else None


def answer(data):
    """(number, address seen) of what came back: a reply, or the request itself from an echo server; (None, None) for anything else."""
    words = data.split(b' ')
    if data.startswith(ANSWER) and data.endswith(b'\n') and len(words) == 4 and words[3].strip().isdigit():
        return int(words[3]), words[2].decode(errors='replace')
    if data.startswith(REQUEST) and words[2].isdigit():
        return int(words[2]), None
    return None, None


def open_listener(item, namespaces):
    """The bound socket of a ``listen`` item in its namespace. Responders of an earlier run on the same port do no harm."""
    host = item['src'] or '::'
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with namespaces.inside(item['netns']):
        try:
            sock = socket.socket(family, socket.SOCK_STREAM if item['protocol'] == 'tcp' else socket.SOCK_DGRAM)
        except OSError as exc:
            if item['src'] or exc.errno != errno.EAFNOSUPPORT:
                raise
            host, family = '0.0.0.0', socket.AF_INET  # a kernel without IPv6
            sock = socket.socket(family, socket.SOCK_STREAM if item['protocol'] == 'tcp' else socket.SOCK_DGRAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6 and not item['src']:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            if item['dev']:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, item['dev'].encode() + b'\0')
            sock.bind((host, item['port']))
            if item['protocol'] == 'tcp':
                sock.listen(64)
        except OSError as exc:
            sock.close()
            raise ProbeError(f"cannot listen on {item['protocol']} port {item['port']} in {where(item['netns'])}: {exc.strerror}") from exc
    sock.setblocking(False)
    return sock


def _plain(address):
    """::ffff:192.0.2.1 is how a dual-stack socket shows an IPv4 caller."""
    host = address[0]
    return host[7:] if host.startswith('::ffff:') and '.' in host else host.split('%')[0]


def serve(sock, tcp, deadline, count=None):
    """Answer until ``deadline`` (monotonic seconds), or until ``count`` requests were answered."""
    answered = 0
    while count is None or answered < count:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([sock], [], [], left)[0]:
            return
        try:
            if tcp:
                peer, address = sock.accept()
                with peer:
                    peer.settimeout(1)
                    peer.sendall(reply(None, _plain(address)))
            else:
                data, address = sock.recvfrom(65535)
                text = reply(data, _plain(address))
                if text is None:
                    continue
                sock.sendto(text, address)
        except OSError:
            continue  # a caller that went away
        answered += 1


def start_background(sock, tcp, timeout, count=None):
    """Serve in a process that outlives this one, holds nothing of it but the socket, and ends by itself. Returns its pid."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()
            grandchild = os.fork()
            if grandchild:
                os.write(write_end, b'%d' % grandchild)
            else:
                os.chdir('/')
                null = os.open(os.devnull, os.O_RDWR)
                for fd in (0, 1, 2):
                    os.dup2(null, fd)
                keep = os.dup2(sock.fileno(), 3, inheritable=False) if sock.fileno() != 3 else 3
                own = socket.socket(fileno=keep)
                own.setblocking(False)
                os.closerange(4, 65536)
                serve(own, tcp, time.monotonic() + timeout, count)
            status = 0
        finally:
            os._exit(status)
    os.close(write_end)
    pid = os.read(read_end, 20)
    os.close(read_end)
    os.waitpid(child, 0)
    if not pid:
        raise ProbeError('cannot start the background responder: out of processes or memory')
    return int(pid)
