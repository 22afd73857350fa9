# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netdevsim: a simulated NIC (drivers/net/netdevsim), made through the files of its bus."""

from __future__ import annotations

import errno
import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import within
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Int
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.sysfs import debugfs, read, write
from ansible_collections.linuxnet.vnet.plugins.module_utils._parts.vfs import NUM_DOC, NumVfs

_BUS = 'bus/netdevsim'
_DEBUG = '/sys/kernel/debug'
_VFS_AT_FIRST = 4  # NSIM_BUS_DEV_MAX_VFS of the driver


def _names(name: str, own: dict) -> dict:
    """{name of the port: name of its link}."""
    return {'p1': name, **{f'p{port}': link for port, link in enumerate(_others(own), 2)}}


def _others(own: dict) -> list[str]:
    """The links of the ports beyond the first, under the names that udev gives them."""
    return [f"eni{own['id']}np{port}" for port in range(2, own.get('ports', 1) + 1)] if 'id' in own else []


def _device(raw: dict) -> str | None:
    return raw.get('IFLA_PARENT_DEV_NAME') if raw.get('IFLA_PARENT_DEV_BUS_NAME') == 'netdevsim' else None


def _links(kernel, netns: str | None, device: str) -> dict:
    """{name of the port: index} of the links of a device."""
    codec = messages.message(kernel)
    found = {}
    for data, start, end in kernel.dump(netns, messages.RTM_GETLINK, codec.pack({}, {'IFLA_EXT_MASK': messages.SKIP_STATS})):
        raw = codec.layout.scan(data, start + codec.size, end)
        if _device(raw) == device:
            found[raw.get('IFLA_PHYS_PORT_NAME')] = codec.read_header(data, start)['index']
    return found


class Netdevsim(Part):
    options = ('id', 'ports', 'queues')
    makes = removes = True

    def observe(self, kernel, netns, found):
        device = _device(found.raw)
        if not device:
            return {}
        ports = [link for link in found.table.values() if _device(link.raw) == device and link.raw.get('IFLA_PHYS_PORT_NAME', '')[1:].isdigit()]
        return {'id': int(device[len('netdevsim'):]), 'ports': len(ports), 'queues': found.raw['IFLA_NUM_TX_QUEUES']}

    def make(self, kernel, netns, name, values):
        own = values[KIND.key]
        if not os.path.exists(f'/sys/{_BUS}'):
            self._load(kernel, netns)
        try:
            with kernel.namespaces.entered(netns):
                write('/sys', f'{_BUS}/new_device', f"{own['id']} {own.get('ports', 1)} {own.get('queues', 1)}")
        except KernelError as exc:
            if exc.errno in (errno.ENOSPC, errno.EEXIST):
                raise KernelError(exc.errno, f"another simulated NIC of this machine has id {own['id']}; choose another id") from exc
            raise
        try:
            self._name(kernel, netns, f"netdevsim{own['id']}", _names(name, own))
        except BaseException:
            self.remove(kernel, netns, name, values)
            raise

    @staticmethod
    def _load(kernel, netns):
        """A link of the kind is asked for as if messages could make it, which loads the driver as it loads others."""
        body = messages.message(kernel).pack({}, {'IFLA_LINKINFO': messages.LINKINFO.pack({'IFLA_INFO_KIND': 'netdevsim'})})
        kernel.namespaces.socket(netns).batch([Request(messages.RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body)])
        if not os.path.exists(f'/sys/{_BUS}'):
            raise KernelError(errno.ENODEV, 'this kernel has no driver netdevsim, which simulates NICs; few distributions have it, so build it from the'
                                            ' source of this kernel (drivers/net/netdevsim) and load it (modprobe netdevsim)')

    @staticmethod
    def _name(kernel, netns, device, names):
        codec, links = messages.message(kernel), _links(kernel, netns, device)
        missing = [port for port in names if port not in links]
        if missing:
            raise KernelError(errno.ENODEV, f'{device} has no port {missing[0]}')
        requests = [Request(messages.RTM_SETLINK, 0, codec.pack({'index': links[port]}, {'IFLA_IFNAME': name})) for port, name in names.items()]
        failed, unused = kernel.namespaces.socket(netns).batch(requests)
        for error in failed.values():
            raise error

    def remove(self, kernel, netns, name, before):
        write('/sys', f'{_BUS}/del_device', str(before[KIND.key]['id']))

    def apply(self, kernel, netns, name, values, before):
        pass  # all is said when it is made

    def commands(self, netns, name, values, before):
        return []

    def make_commands(self, netns, name, values):
        own = values[KIND.key]
        device = f"/sys/{_BUS}/devices/netdevsim{own['id']}"
        lines = [[*within(netns), 'sh', '-c', f"echo {own['id']} {own.get('ports', 1)} {own.get('queues', 1)} > /sys/{_BUS}/new_device"]]
        for port, link in _names(name, own).items():
            find = f'basename $(dirname $(grep -lx {port} {device}/net/*/phys_port_name))'
            lines.append([*within(netns), 'sh', '-c', f'ip link set dev $({find}) name {link}'])
        return lines

    def remove_commands(self, netns, name, before):
        return [['sh', '-c', f"echo {before[KIND.key]['id']} > /sys/{_BUS}/del_device"]]


class SimulatedVfs(NumVfs):
    """As many as wanted: the driver allows few at first, and more where its file in debugfs is told so, while there are none."""

    options = ('num_vfs', 'id')
    fresh = {**NumVfs.fresh, 'spoofchk': False}

    def set(self, base, name, number):
        if number > _VFS_AT_FIRST:
            limit = self._limit(os.path.basename(os.readlink(f'{base}/class/net/{name}/device')))
            with debugfs() as files:
                try:
                    allowed = int(read(files, limit))
                except OSError as exc:
                    raise KernelError(exc.errno, f'num_vfs: the driver has no file {_DEBUG}/{limit} to allow more than {_VFS_AT_FIRST}') from exc
                if allowed < number:
                    write(files, limit, str(number), _DEBUG)
        super().set(base, name, number)

    @staticmethod
    def _limit(device: str) -> str:
        return f'netdevsim/{device}/max_vfs'

    def apply(self, kernel, netns, name, values, before):
        if 'num_vfs' in values:
            super().apply(kernel, netns, name, values, before)

    def commands(self, netns, name, values, before):
        number = values.get('num_vfs')
        if number is None:
            return []
        if number <= _VFS_AT_FIRST:
            return super().commands(netns, name, values, before)
        none = super().commands(netns, name, {'num_vfs': 0}, {}) if before.get('num_vfs') else []
        limit = f"{_DEBUG}/{self._limit('netdevsim' + str(values.get('id', before.get('id'))))}"
        return [*none, ['sh', '-c', f'echo {number} > {limit}'], *super().commands(netns, name, values, {'vfs': before.get('vfs', ())})]


def _check(values: dict):
    return None if 'id' in values else 'id is needed: the number of the simulated device'


DOC = ('A simulated NIC, for tests of what otherwise needs hardware: virtual functions, offloads, devlink. It is made through the bus of the driver, in the'
       ' namespace of the link. The link is its first port; the others are there as C(eniIDnpPORT), go with it, and are configured by items without O(kind).')

KIND = Kind('netdevsim', DOC, [
    Field('id', Int(0, 0x7FFFFFFF), None, 'Number of the device, unique on the machine.', live=RECREATE),
    Field('ports', Int(1, 128), None, 'Number of ports, each a link. The default is one.', live=RECREATE),
    Field('queues', Int(1, 4096), None, 'Number of queues of each port. The default is one.', live=RECREATE),
    Field('num_vfs', Int(0, 65535), None, NUM_DOC + f' The driver allows {_VFS_AT_FIRST} at first; if more are wanted, it is told so in debugfs.'),
], check=_check, brings=_others, parts=[Netdevsim(), SimulatedVfs()], together={'num_vfs': ['id']})
