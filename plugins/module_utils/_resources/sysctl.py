# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters below /proc/sys (sysctl(8)), of any namespace."""

from __future__ import annotations

import errno
import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Resource, Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Text, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import path

ROOT = '/proc/sys'


class SysctlName(Type):
    """Dots between the parts, or slashes where a part (an interface) has a dot; canonically slashes."""

    spec = {'type': 'str'}
    allowed = 'a name such as net.ipv4.ip_forward, or with slashes where an interface name has a dot'

    def parse(self, value):
        text = str(value).strip('/')
        parts = text.split('/') if '/' in text else text.split('.')
        if len(parts) < 2 or any(part in ('', '.', '..') for part in parts):
            raise ValueError(self.allowed)
        return '/'.join(parts)


class SysctlValue(Text):
    """Numbers and words; whitespace between them does not matter."""

    def parse(self, value):
        if str(value) in ('True', 'False'):  # a boolean, of which Ansible may have made a string
            value = int(str(value) == 'True')
        return ' '.join(super().parse(value).split())


class LiveValues(dict):
    """{name: {'name', 'value'}} read one by one; None for what does not exist."""

    def __init__(self, namespaces, netns):
        super().__init__()
        self.namespaces, self.netns = namespaces, netns

    def get(self, name, default=None):
        if name not in self:
            with self.namespaces.entered(self.netns):
                try:
                    with open(os.path.join(ROOT, name)) as file:
                        self[name] = {'name': name, 'value': ' '.join(file.read().split())}
                except (FileNotFoundError, NotADirectoryError):
                    self[name] = None
                except OSError as exc:
                    raise InputError(f"sysctl {dotted(name)} cannot be read: {exc.strerror}") from exc
        return self[name]


class Sysctl(Resource):
    section, noun, module = 'sysctls', 'kernel parameter', 'vnet_sysctl'
    doc = 'kernel parameters'
    identity = ('name',)
    batched = False
    table = Table([
        Field('name', SysctlName(), None, 'Parameter, with dots, or with slashes where the name of an interface has a dot.'),
        Field('value', SysctlValue(4096), None, 'Value; fields of a list are separated by spaces.'),
    ])

    def parse(self, item, where):
        values = self.table.parse({name: value for name, value in item.items() if name not in ('netns', 'state', 'recreate')}, where)
        if 'name' not in values:
            raise InputError(f'{where}: name is missing')
        where = f"{where} ({dotted(values['name'])})"
        if item.get('state') == 'absent':
            raise InputError(f'{where}: a kernel parameter cannot be absent; give the value that it is to have')
        if 'value' not in values:
            raise InputError(f'{where}: value is missing')
        return [Wanted(self.section, item.get('netns'), values['name'], values, False, where)]

    def observe(self, world, netns):
        return LiveValues(world.kernel.namespaces, netns)

    def plan(self, wanted, scopes, world):
        operations = []
        for one in wanted:
            name, value = one.key, one.values['value']
            found = world.table(self.section, one.netns).get(name)
            if found is None and world.kernel is not None and not self._coming(one, world):
                raise InputError(f'{one.where}: sysctl {dotted(name)} does not exist on this kernel or in this namespace: No such file or directory')
            if found is not None and found['value'] == value:
                continue
            before = dict(found) if found else {}
            undo = [Operation(self.section, 'set', one.netns, name, dotted(name), before, one.values)] if found else []
            needs = {('netns', one.netns)} if one.netns else set()
            device = interface(name)
            if device:
                needs.add(('link', one.netns, device))
            operations.append(Operation(self.section, 'set', one.netns, name, dotted(name), one.values, before, where=one.where,
                                        phase=Phase.SYSCTL, requires=needs, undo=undo))
        return operations

    @staticmethod
    def _coming(one, world) -> bool:
        """Whether the parameter belongs to a namespace or link that the plan makes."""
        device = interface(one.key)
        return one.netns in world.coming or (device is not None and world.has_link(one.netns, device))

    def perform(self, operation, kernel):
        with kernel.namespaces.entered(operation.netns):
            try:
                with open(os.path.join(ROOT, operation.key), 'w') as file:
                    file.write(operation.values['value'])
            except OSError as exc:
                raise KernelError(exc.errno or errno.EIO, f'writing {os.path.join(ROOT, operation.key)}: {os.strerror(exc.errno or errno.EIO)}') from exc

    def commands(self, operation):
        words = ['sysctl', '-w', f"{dotted(operation.key)}={operation.values['value']}"]
        return [words if operation.netns is None else ['nsenter', '--net=' + path(operation.netns), *words]]

    def document(self, key, values, netns, world):
        return dict(values) if values else None


def dotted(name: str) -> str:
    """The usual form; with slashes where a part holds a dot."""
    return name if '.' in name else name.replace('/', '.')


def interface(name: str) -> str | None:
    """The interface that a parameter such as net/ipv4/conf/eth0/rp_filter belongs to."""
    parts = name.split('/')
    if len(parts) == 5 and parts[2] in ('conf', 'neigh') and parts[3] not in ('all', 'default'):
        return parts[3]
    return None
