# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of drivers below /sys and in debugfs, which may be mounted nowhere. What /sys/class/net shows is a matter of the namespace in which it was mounted,
so each look mounts its own, attached to no place.
"""

from __future__ import annotations

import contextlib
import errno
import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import _libc

_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432  # of all architectures, since Linux 5.2
_CLOEXEC, _CREATE = 1, 6


def _mounted(kind: bytes) -> int:
    """A descriptor of a file system of that kind, of the calling thread's namespace, that is attached to no place."""
    libc, ctypes = _libc()

    def call(*arguments):
        result = libc.syscall(*(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    context = call(_FSOPEN, kind, _CLOEXEC)
    try:
        call(_FSCONFIG, context, _CREATE, None, None, 0)
        return call(_FSMOUNT, context, _CLOEXEC, 0)
    finally:
        os.close(context)


@contextlib.contextmanager
def sysfs(kernel, netns: str | None):
    """The path of a /sys as the namespace sees it, for the time of the body."""
    try:
        with kernel.namespaces.entered(netns):
            folder = _mounted(b'sysfs')
    except OSError as exc:
        if netns is not None:
            raise KernelError(exc.errno, f'the files of drivers in another network namespace cannot be reached ({exc.strerror}):'
                                         ' this needs Linux 5.2 and root (CAP_SYS_ADMIN)') from exc
        yield '/sys'
        return
    try:
        yield f'/proc/self/fd/{folder}'
    finally:
        os.close(folder)


@contextlib.contextmanager
def debugfs():
    """The path of a debugfs, for the time of the body."""
    try:
        folder = _mounted(b'debugfs')
    except OSError as exc:
        raise KernelError(exc.errno, f'the debugfs of the kernel cannot be reached ({exc.strerror}): this needs Linux 5.2 with debugfs'
                                     ' and root (CAP_SYS_ADMIN)') from exc
    try:
        yield f'/proc/self/fd/{folder}'
    finally:
        os.close(folder)


def read(base: str, path: str) -> str:
    with open(f'{base}/{path}') as file:
        return file.read().strip()


def write(base: str, path: str, text: str, place: str = '/sys'):
    """KernelError with the path, where the kernel does not take it."""
    try:
        with open(f'{base}/{path}', 'w') as file:
            file.write(text)
    except OSError as exc:
        code = exc.errno or errno.EIO
        raise KernelError(code, f"writing '{text}' to {place}/{path}: {os.strerror(code)}") from exc
