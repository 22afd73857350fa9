# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The device node of a macvtap or ipvtap, /dev/tapN with N its index: who owns it."""

from __future__ import annotations

import errno
import os
import shlex
import stat

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.owner import GroupId, UserId
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.sysfs import read, sysfs

DEV = '/dev'

FIELDS = [
    Field('user', UserId(), None, 'Owner of the device node C(/dev/tapN), by name or number.', aliases=['owner']),
    Field('group', GroupId(), None, 'Group of the device node C(/dev/tapN), by name or number.'),
]


def node(kernel, netns: str | None, kind: str, name: str, index: int) -> str:
    """The path of the node of a link. Indexes are the same in many namespaces, so the node's numbers must be those that the kernel says."""
    path = f'{DEV}/tap{index}'
    with sysfs(kernel, netns) as base:
        try:
            numbers = read(base, f'class/net/{name}/{kind}/tap{index}/dev')
        except OSError as exc:
            raise KernelError(exc.errno, f'the kernel shows no device node of {name}: {exc.strerror}') from exc
    try:
        found = os.stat(path)
    except FileNotFoundError as exc:
        raise KernelError(errno.ENOENT, f'there is no {path} for user and group: this system has neither devtmpfs nor udev to make it,'
                                        f" so make it (mknod {path} c {numbers.replace(':', ' ')}) and run again") from exc
    if not stat.S_ISCHR(found.st_mode) or f'{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}' != numbers:
        raise KernelError(errno.EEXIST, f'{path} is the node of another device: a link in another network namespace has the same index {index};'
                                        f" make one for this link elsewhere (mknod PATH c {numbers.replace(':', ' ')}), and take user and group out")
    return path


class TapNode(Part):
    options = ('user', 'group')

    def __init__(self, kind: str):
        self.kind = kind

    def observe(self, kernel, netns, found):
        if kernel is None:
            return {}
        try:
            owner = os.stat(node(kernel, netns, self.kind, found.name, found.index))
        except (KernelError, OSError):
            return {}
        return {'user': owner.st_uid, 'group': owner.st_gid}

    def check(self, values, found):
        for option in self.options:
            if values.get(option) == '':
                return f"{option} is '', but a device node always has one; 0 is root"
        return None

    def apply(self, kernel, netns, name, values, before):
        path = node(kernel, netns, self.kind, name, kernel.index(netns, name))
        try:
            os.chown(path, values.get('user', -1), values.get('group', -1))
        except OSError as exc:
            raise KernelError(exc.errno, f'chown {path}: {exc.strerror}') from exc

    def commands(self, netns, name, values, before):
        """The index is not known before the link is there, so the shell looks it up."""
        owner = ':'.join(str(values.get(option, '')) for option in self.options).rstrip(':')
        return [['sh', '-c', f"chown {owner} {DEV}/tap$({shlex.join([*prefix('ip', netns), '-o', 'link', 'show', 'dev', name])} | cut -d: -f1)"]]


def restorable(values: dict) -> dict:
    """Without what every new node has, so that it need not be looked for."""
    return {option: value for option, value in values.items() if option not in TapNode.options or value != 0}
