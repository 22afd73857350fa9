# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets inside network namespaces, without a child process.

A socket belongs for life to the namespace in which it was made. So it is enough to enter a namespace,
open the socket and come back; afterwards one event loop serves the sockets of any number of namespaces.
"""

from __future__ import annotations

import contextlib
import errno
import os

RUN_DIR = '/run/netns'
CLONE_NEWNET = 0x40000000


class ProbeError(Exception):
    """One sentence for the user: what is wrong and what to do next."""


def resolve(netns):
    """Path of the namespace file of ``netns``: a name as in ``ip -n``, ``pid:N``, an absolute path, or None for the current one."""
    if not netns:
        return None
    if netns.startswith('/'):
        return netns
    if netns.startswith('pid:'):
        pid = netns[4:]
        if not pid.isdigit():
            raise ProbeError(f"netns '{netns}': what follows 'pid:' must be a process id")
        return f'/proc/{pid}/ns/net'
    if '/' in netns or netns in ('.', '..'):
        raise ProbeError(f"netns '{netns}' is not a valid name: it must not hold '/', nor be '.' or '..'; paths must be absolute")
    return f'{RUN_DIR}/{netns}'


def where(netns):
    """How messages call a namespace."""
    return f'netns {netns}' if netns else 'the current namespace'


def _setns(fd):
    if hasattr(os, 'setns'):
        os.setns(fd, CLONE_NEWNET)
        return
    import ctypes  # only Python < 3.12 needs it

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Namespaces:
    """Enters namespaces and always comes back. A context manager; it keeps one descriptor a namespace while it lives."""

    def __init__(self):
        self._home = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
        self._fds = {}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for fd in [self._home, *self._fds.values()]:
            os.close(fd)
        self._fds.clear()

    def _fd(self, netns):
        if netns not in self._fds:
            path = resolve(netns)
            try:
                self._fds[netns] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as exc:
                if exc.errno == errno.ENOENT:
                    raise ProbeError(f'{where(netns)} does not exist on this host ({path} not found)') from exc
                raise ProbeError(f'cannot open {where(netns)}: {exc.strerror}: {path}') from exc
        return self._fds[netns]

    @contextlib.contextmanager
    def inside(self, netns):
        """Code in this block runs in ``netns``; an empty one is the namespace we are in anyway."""
        if not netns:
            yield
            return
        try:
            _setns(self._fd(netns))
        except OSError as exc:
            if exc.errno == errno.EPERM:
                raise ProbeError(f'entering {where(netns)} needs root (CAP_SYS_ADMIN): use become') from exc
            raise ProbeError(f'cannot enter {where(netns)}: {exc.strerror}; is {resolve(netns)} a network namespace?') from exc
        try:
            yield
        finally:
            _setns(self._home)
