# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong, as types: each carries one sentence for the user."""

from __future__ import annotations

import errno as _errno
import os


class VnetError(Exception):
    """Base of all errors that end a task. `details` becomes extra keys of the failed result."""

    def __init__(self, message: str, **details):
        super().__init__(message)
        self.message = message
        self.details = details


class InputError(VnetError):
    """The request is wrong or contradicts itself or the live state; nothing was written."""


class MissingAbility(VnetError):
    """The machine lacks a driver, module file, library or privilege; the text says what to install or load."""


class KernelError(VnetError):
    """The kernel refused a message. `errno` is positive; `extack` is the kernel's own sentence or ''."""

    def __init__(self, code: int, extack: str = '', missing: int | None = None):
        self.errno = code
        self.extack = extack
        self.missing = missing
        super().__init__(extack or os.strerror(code))

    @property
    def name(self) -> str:
        """Symbolic name, `EEXIST`, as the kernel's sources have it."""
        if self.errno == _errno.EOPNOTSUPP:  # Python's table has another name of the same number
            return 'EOPNOTSUPP'
        return _errno.errorcode.get(self.errno, str(self.errno))


class TransactionError(VnetError):
    """An operation failed; what had been applied was undone."""
