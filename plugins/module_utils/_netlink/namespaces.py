# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces without child processes: look-up, sockets inside, making and removing named ones as `ip netns` does."""

from __future__ import annotations

import contextlib
import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import open_socket

RUN_DIR = '/run/netns'
CLONE_NEWNET = 0x40000000
_MS_BIND, _MS_REC, _MS_SHARED, _MNT_DETACH = 0x1000, 0x4000, 0x100000, 2


def _libc():
    import ctypes  # costs more than the rest of this file; most tasks need none of it on Python >= 3.12

    return ctypes.CDLL(None, use_errno=True), ctypes


def _call(name: str, *arguments):
    libc, ctypes = _libc()
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def setns(fd: int):
    """Move this thread into the network namespace of `fd` (os.setns exists from Python 3.12 on)."""
    if hasattr(os, 'setns'):
        os.setns(fd, CLONE_NEWNET)
    else:
        _call('setns', fd, CLONE_NEWNET)


def unshare_net():
    """Move this thread into a network namespace of its own."""
    if hasattr(os, 'unshare'):
        os.unshare(CLONE_NEWNET)
    else:
        _call('unshare', CLONE_NEWNET)


def _mount(source: str, target: str, flags: int):
    _call('mount', source.encode(), target.encode(), b'none', flags, None)


def path(netns: str) -> str:
    """The file of a namespace given as a name, `pid:N` or an absolute path."""
    if netns.startswith('/'):
        return netns
    if netns.startswith('pid:'):
        return f'/proc/{netns[4:]}/ns/net'
    return os.path.join(RUN_DIR, netns)


def names() -> list[str]:
    """The named namespaces, sorted."""
    try:
        return sorted(os.listdir(RUN_DIR))
    except FileNotFoundError:
        return []


class Namespaces:
    """The namespaces of one task: file descriptors and sockets by (namespace, protocol), opened once."""

    def __init__(self):
        self._home = None
        self._fds: dict[str, int] = {}
        self._sockets: dict = {}
        #: descriptors of removed namespaces: they live until the task ends, so that the removal can be taken back
        self._kept: dict[str, int] = {}
        #: waits until no other thread uses a socket; set by the applier
        self.idle = lambda: None

    def exists(self, netns: str | None) -> bool:
        return netns is None or netns in self._fds or os.path.exists(path(netns))

    def fd(self, netns: str | None) -> int:
        """A descriptor of the namespace's file; it keeps the namespace alive until close()."""
        if netns is None:
            if self._home is None:
                self._home = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
            return self._home
        if netns not in self._fds:
            try:
                self._fds[netns] = os.open(path(netns), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as exc:
                raise InputError(f"network namespace '{netns}' does not exist (no {path(netns)}); create it with vnet_netns") from exc
        return self._fds[netns]

    @contextlib.contextmanager
    def entered(self, netns: str | None):
        """Run the body inside the namespace. Only the calling thread moves, and it always comes back."""
        if netns is None:
            yield
            return
        home = self.fd(None)
        target = self.fd(netns)
        try:
            setns(target)
        except OSError as exc:
            if exc.errno == 1:
                raise MissingAbility(f"entering network namespace '{netns}' needs root (CAP_SYS_ADMIN): use become") from exc
            raise InputError(f"'{netns}' ({path(netns)}) is not a network namespace: {exc.strerror}") from exc
        try:
            yield
        finally:
            setns(home)

    def socket(self, netns: str | None, protocol: int = 0):
        """The netlink socket of that protocol in that namespace."""
        self.idle()
        key = (netns, protocol)
        if key not in self._sockets:
            with self.entered(netns):
                self._sockets[key] = open_socket(protocol)
        return self._sockets[key]

    @contextlib.contextmanager
    def aside(self, netns: str | None):
        """A netlink socket of that namespace for something that will not be finished."""
        with self.entered(netns):
            sock = open_socket()
        try:
            yield sock
        finally:
            sock.close()

    def adopt(self, sock):
        """Use a socket made elsewhere as the one of the module's own namespace."""
        self._sockets[None, 0] = sock

    def forget(self, netns: str):
        """Close what is open of a namespace that is going away."""
        for key in [key for key in self._sockets if key[0] == netns]:
            self._sockets.pop(key).close()
        if netns in self._fds:
            os.close(self._fds.pop(netns))

    def close(self):
        for sock in self._sockets.values():
            sock.close()
        for fd in [*self._fds.values(), *self._kept.values(), *([] if self._home is None else [self._home])]:
            os.close(fd)
        self._sockets, self._fds, self._kept, self._home = {}, {}, {}, None

    def create(self, name: str):
        """Make a named namespace that `ip netns` sees: a file under /run/netns with the namespace mounted on it."""
        self._share_run_dir()
        home = self.fd(None)
        target = path(name)
        try:
            os.close(os.open(target, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
        except FileExistsError as exc:
            raise KernelError(exc.errno, f'{target} was made by someone else at the same time; run again') from exc
        try:
            unshare_net()
            try:
                _mount('/proc/thread-self/ns/net', target, _MS_BIND)
            finally:
                setns(home)
        except OSError as exc:
            os.unlink(target)
            if exc.errno == 1:
                raise MissingAbility('making a network namespace needs root (CAP_SYS_ADMIN): use become') from exc
            raise KernelError(exc.errno) from exc

    @staticmethod
    def _share_run_dir():
        """As iproute2: mounts made below /run/netns reach the other mount namespaces."""
        os.makedirs(RUN_DIR, mode=0o755, exist_ok=True)
        try:
            _mount('', RUN_DIR, _MS_SHARED | _MS_REC)
        except OSError as exc:
            if exc.errno != 22:
                raise KernelError(exc.errno, f'cannot share {RUN_DIR}: {exc.strerror}') from exc
            _mount(RUN_DIR, RUN_DIR, _MS_BIND | _MS_REC)
            _mount('', RUN_DIR, _MS_SHARED | _MS_REC)

    def remove(self, name: str):
        """Take the name away; the namespace stays alive, for restore(), until close()."""
        kept = os.dup(self.fd(name))
        self.forget(name)
        target = path(name)
        try:
            _call('umount2', target.encode(), _MNT_DETACH)
        except OSError as exc:
            if exc.errno != 22:  # EINVAL: a leftover file without a mount, which is just removed
                os.close(kept)
                raise KernelError(exc.errno) from exc
        try:
            os.unlink(target)
        except OSError as exc:
            os.close(kept)
            raise KernelError(exc.errno, f'removing {target}: {exc.strerror}') from exc
        self._kept[name] = kept

    def restore(self, name: str, kept: int | None = None):
        """Give a removed namespace its name back; `kept` is a descriptor of it, where it was not this object that removed it."""
        kept = self._kept.pop(name) if kept is None else kept
        target = path(name)
        os.close(os.open(target, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
        _mount(f'/proc/self/fd/{kept}', target, _MS_BIND)
        os.close(kept)
