# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tun and tap: links whose other side is a program (drivers/net/tun.c, linux/if_tun.h, IFLA_TUN_* of linux/if_link.h)."""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.owner import GroupId, UserId
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import prefix, within
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages

DEVICE = '/dev/net/tun'
_SETIFF, _SETPERSIST, _SETOWNER, _SETGROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE  # _IOW('T', 202 ..., int)
_IFREQ = struct.Struct('=16sH22x')
_TYPES = {'tun': 1, 'tap': 2}
_NO_CARRIER, _MULTI_QUEUE, _NO_PI, _VNET_HDR, _EXCL = 0x0040, 0x0100, 0x1000, 0x4000, 0x8000
_INT = 1 << 31

_NO_DRIVER = "this kernel has no driver tun; load it (modprobe tun) or install the package with the kernel's extra modules"
#: what a missing device node or driver means, by errno of open()
_MISSING = {
    errno.ENOENT: f'there is no {DEVICE}: load the driver (modprobe tun), or give the container this device',
    errno.ENODEV: _NO_DRIVER,
    errno.ENXIO: _NO_DRIVER,
}


class OfProgram(Bool):
    """What a program decides when it attaches: while one is attached it cannot be read, and whatever was wanted is fine."""

    def same(self, wanted, found):
        return found is None


def _flags(values: dict) -> int:
    return (_TYPES[values['type']] | (0 if values.get('pi') else _NO_PI) | (_VNET_HDR if values.get('vnet_hdr') else 0)
            | (_MULTI_QUEUE if values.get('multi_queue') else 0))


def _attach(name: str, flags: int, values: dict):
    """Attach to a device, or make it, and set what is kept with it. The namespace is that of the calling thread."""
    try:
        device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as exc:
        raise KernelError(exc.errno, _MISSING.get(exc.errno, f'opening {DEVICE}: {exc.strerror}')) from exc
    try:
        fcntl.ioctl(device, _SETIFF, _IFREQ.pack(name.encode(), flags))
        for option, request in (('user', _SETOWNER), ('group', _SETGROUP)):
            if values.get(option, '') != '':
                # ioctl() takes a C int, ids go up to 2^32 - 2
                fcntl.ioctl(device, request, (values[option] + _INT) % (2 * _INT) - _INT)
        fcntl.ioctl(device, _SETPERSIST, 1)
    except OSError as exc:
        text = ''
        if exc.errno == errno.EBUSY and not flags & _EXCL:
            text = 'a program is attached to it, and it takes only one at a time; stop that program first'
        elif exc.errno == errno.EPERM:
            text = 'this needs root (CAP_NET_ADMIN); use become'
        raise KernelError(exc.errno, text) from exc
    finally:
        os.close(device)


class Tun(Part):
    """The ioctls of /dev/net/tun; the options are read from link messages."""

    options = ('type', 'user', 'group', 'pi', 'vnet_hdr', 'multi_queue', 'persist')
    makes = True

    def observe(self, kernel, netns, found):
        if kernel is None:
            return {}
        own = found.raw['info'].get('IFLA_INFO_DATA', b'')
        attrs = messages.data_layout(KIND).read(own, 0, len(own))
        values = {} if 'IFLA_TUN_OWNER' in attrs else {'user': ''}
        if 'IFLA_TUN_GROUP' not in attrs:
            values['group'] = ''
        if attrs.get('IFLA_TUN_NUM_QUEUES') or found.raw.get('IFLA_CARRIER'):  # the driver counts only where there may be many
            values.update(pi=None, vnet_hdr=None)
        return values

    def possible(self):
        try:
            os.close(os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC))
        except OSError:
            return False
        return True

    def make(self, kernel, netns, name, values):
        own = values[KIND.key]
        with kernel.namespaces.entered(netns):
            _attach(name, _flags(own) | _EXCL, own)

    def apply(self, kernel, netns, name, values, before):
        if not before:
            return  # it was just made with all of them
        if '' in (values.get('user'), values.get('group')):
            raise KernelError(errno.EOPNOTSUPP, 'the kernel cannot take user or group away from a live device')
        info = messages.get(kernel, netns, name)['IFLA_LINKINFO']
        own = messages.LINKINFO.read(info, 0, len(info)).get('IFLA_INFO_DATA', b'')
        now = KIND.table.decode(messages.data_layout(KIND).read(own, 0, len(own)), None)
        with kernel.namespaces.entered(netns):
            _attach(name, _flags({**now, **values}) | _NO_CARRIER, values)

    def make_commands(self, netns, name, values):
        own = values[KIND.key]
        words = [word for flag in ('pi', 'vnet_hdr', 'multi_queue') if own.get(flag) for word in (flag,)]
        ids = [word for option in ('user', 'group') if own.get(option, '') != '' for word in (option, str(own[option]))]
        return [[*prefix('ip', netns), 'tuntap', 'add', 'dev', name, 'mode', own['type'], *ids, *words]]

    def commands(self, netns, name, values, before):
        """iproute2 cannot change a live device, nor can another tool that is widely there; this is what apply() does."""
        if not before:
            return []
        steps = [(_SETIFF, f"struct.pack('16sH22x',{name.encode()!r},{_flags({**before, **values}) | _NO_CARRIER})")]
        steps += [(request, values[option]) for option, request in (('user', _SETOWNER), ('group', _SETGROUP)) if values.get(option, '') != '']
        steps += [(_SETPERSIST, 1)] if 'persist' in values else []
        code = ''.join(f';fcntl.ioctl(d,{request},{argument})' for request, argument in steps)
        return [[*within(netns), 'python3', '-c', f"import fcntl,struct;d=open('{DEVICE}','r+b',0){code}"]]


def _check(values: dict):
    if 'type' not in values:
        return 'type is needed: tun or tap'
    if values.get('persist') is False:
        return 'persist: false would have the device vanish with the task that makes it; let the program make its own, or take persist out'
    return None


def _restorable(values: dict) -> dict:
    return {option: value for option, value in values.items() if value not in (None, '') and (option, value) != ('persist', False)}


def _fixed(changed: dict, found: dict) -> list:
    return [name for name in ('user', 'group') if changed.get(name) == '']


DOC = ('A link whose other side is a program that opens C(/dev/net/tun): IP packets with O(tun.type=tun), Ethernet frames with O(tun.type=tap).'
       ' It is made as C(ip tuntap add) makes it, and stays until it is removed.')

KIND = Kind('tun', DOC, [
    Field('type', Enum(_TYPES), 'IFLA_TUN_TYPE', 'What it carries: V(tun) IP packets, V(tap) Ethernet frames. Needed to make one.', live=RECREATE,
          aliases=['mode'], keyword='mode'),
    Field('user', UserId(), 'IFLA_TUN_OWNER',
          "User who may attach to it without privilege, by name or number; V('') for none, which a live link cannot go back to.", aliases=['owner']),
    Field('group', GroupId(), 'IFLA_TUN_GROUP', "Group whose members may, by name or number; V('') for none, which a live link cannot go back to."),
    Field('pi', OfProgram(), 'IFLA_TUN_PI', 'Four bytes of packet information before each packet. The program that attaches decides;'
          ' while one is attached the option is not compared.'),
    Field('vnet_hdr', OfProgram(), 'IFLA_TUN_VNET_HDR', 'A virtio header before each packet. The program that attaches decides;'
          ' while one is attached the option is not compared.'),
    Field('multi_queue', Bool(), 'IFLA_TUN_MULTI_QUEUE', 'Many programs or threads may attach, a queue each.', live=RECREATE),
    Field('persist', Bool(), 'IFLA_TUN_PERSIST', 'It stays when no program is attached. What the module makes is always so; V(true) gives'
          ' this property to a device that a program has made, V(false) is refused.'),
], check=_check, restorable=_restorable, fixed=_fixed, layer='type', parts=[Tun()],
    together={option: ['type', 'pi', 'vnet_hdr', 'multi_queue'] for option in ('user', 'group', 'pi', 'vnet_hdr', 'persist')})
