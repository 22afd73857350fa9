# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generic netlink: families by name (linux/genetlink.h)."""

from __future__ import annotations

import errno
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request

NETLINK_GENERIC = 16
_GENL_ID_CTRL, _CTRL_CMD_GETFAMILY = 0x10, 3
_CTRL = Layout([(1, 'CTRL_ATTR_FAMILY_ID', 'uint16'), (2, 'CTRL_ATTR_FAMILY_NAME', 'asciiz')])
#: struct genlmsghdr: command, version, reserved
HEADER = struct.Struct('=BBH')


class Family:
    """A family that a kernel has registered, in one namespace."""

    def __init__(self, kernel, netns: str | None, name: str, version: int):
        """KernelError(ENOENT) if the kernel has no family of that name."""
        self.socket, self.version = kernel.namespaces.socket(netns, NETLINK_GENERIC), version
        replies = self._send(_GENL_ID_CTRL, HEADER.pack(_CTRL_CMD_GETFAMILY, 1, 0) + _CTRL.pack({'CTRL_ATTR_FAMILY_NAME': name}))
        if not replies:
            raise KernelError(errno.ENOENT, f'this kernel has no generic netlink family {name}')
        self.number = _CTRL.read(replies[0], HEADER.size, len(replies[0]))['CTRL_ATTR_FAMILY_ID']

    def _send(self, kind: int, body: bytes) -> list[bytes]:
        failed, replies = self.socket.batch([Request(kind, 0, body)])
        if failed:
            raise failed[0]
        return [answer for unused, answer in replies.get(0, [])]

    def call(self, command: int, layout: Layout, values: dict) -> list[dict]:
        """The attributes of each message that the command is answered with."""
        answers = self._send(self.number, HEADER.pack(command, self.version, 0) + layout.pack(values))
        return [layout.read(answer, HEADER.size, len(answer)) for answer in answers]

    def dump(self, command: int, layout: Layout, values: dict, only=None):
        """The attributes of each message of a dump; only(data, start, end) picks those worth decoding."""
        found = self.socket.dump(self.number, HEADER.pack(command, self.version, 0) + layout.pack(values))
        return [layout.read(data, start + HEADER.size, end) for data, start, end in found if only is None or only(data, start + HEADER.size, end)]
