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
#: parameters of all links that the kernel sets of each link and of `default`, too
_OF_EACH = {'ipv4': ('forwarding',), 'ipv6': ('forwarding', 'disable_ipv6', 'ignore_routes_with_linkdown', 'addr_gen_mode')}
_OF_IPV6 = ('addresses', 'neighs', 'nexthops', 'routes')  #: what a link loses with IPv6


class SysctlName(Type):
    """Dots between the parts, or slashes where a part (an interface) has a dot; canonically slashes."""

    spec = {'type': 'str'}
    allowed = 'a name such as net.ipv4.ip_forward, or with slashes where an interface name has a dot'

    def parse(self, value):
        text = str(value).strip('/')
        first = next((char for char in text if char in './'), '.')
        parts = text.split('/') if first == '/' else [part.replace('/', '.') for part in text.split('.')]  # as sysctl(8): the first one separates
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
        after: dict = {}  # {(netns, name): value} of what the kernel changes along with parameters of all links: it is written after them
        for one in wanted:
            found = world.table(self.section, one.netns).get(one.key)
            if found is None or not _same(found['value'], one.values['value']):
                after.update(((one.netns, name), value) for name, value in _along(one.key, one.values['value'], world, one.netns).items())
        operations = []
        for one in sorted(wanted, key=lambda one: (one.netns, one.key) in after and not _along(one.key, '', world, one.netns)):
            name, value = one.key, one.values['value']
            found = world.table(self.section, one.netns).get(name)
            if found is None and world.kernel is not None and not self._coming(one, world):
                raise InputError(f'{one.where}: sysctl {dotted(name)} does not exist on this kernel or in this namespace: No such file or directory')
            anew = (one.netns, interface(name)) in world.made  # with the link all of its parameters are new
            if found is not None and not anew and _same(found['value'], value) and _same(after.get((one.netns, name), value), value):
                continue
            before = dict(found) if found else {}
            undo = self._undo(one, before, world) if found else []
            needs = {('netns', one.netns)} if one.netns else set()
            device = interface(name)
            if device:
                needs.add(('link', one.netns, device))
            operations.append(Operation(self.section, 'set', one.netns, name, dotted(name), one.values, before, where=one.where,
                                        phase=Phase.SYSCTL, requires=needs, undo=undo))
        return operations

    def _undo(self, one, before, world) -> list[Operation]:
        """The former value, those that the kernel changes along with it, and what it removes with IPv6."""
        table = world.table(self.section, one.netns)
        undo = [self._back(one.netns, one.key, before, one.values)]
        for name, value in _along(one.key, before['value'], world, one.netns).items():
            found = table.get(name)
            if found is not None and not _same(found['value'], value):
                undo.append(self._back(one.netns, name, found, {'name': name, 'value': value}))
        parts = one.key.split('/')
        if parts[:3] == ['net', 'ipv6', 'conf'] and parts[4:] == ['disable_ipv6'] and one.values['value'] != '0':
            for dev in [link for link in world.links(one.netns) if parts[3] in ('all', link)]:
                if (table.get(f'net/ipv6/conf/{dev}/disable_ipv6') or {}).get('value') == '0':
                    undo += [back for section in _OF_IPV6 if section in world.resources for back in world.resources[section].hung(world, one.netns, dev)
                             if section == 'nexthops' or back.values.get('family') == 'inet6' or any(
                                 ':' in back.values.get(name, '') for name in ('address', 'dst'))]
        return undo

    def _back(self, netns, name, found, values) -> Operation:
        return Operation(self.section, 'set', netns, name, dotted(name), dict(found), values)

    @staticmethod
    def _coming(one, world) -> bool:
        """Whether the parameter belongs to a namespace or link that the plan makes."""
        device = interface(one.key)
        return one.netns in world.coming or (device is not None and world.has_link(one.netns, device))

    def perform(self, operation, kernel):
        with kernel.namespaces.entered(operation.netns):
            try:
                with open(os.path.join(ROOT, operation.key), 'w') as file:
                    file.write(operation.values['value'] + '\n')  # an empty value is one, too
            except OSError as exc:
                raise KernelError(exc.errno or errno.EIO, f'writing {os.path.join(ROOT, operation.key)}: {os.strerror(exc.errno or errno.EIO)}') from exc

    def commands(self, operation):
        words = ['sysctl', '-w', f"{dotted(operation.key)}={operation.values['value']}"]
        return [words if operation.netns is None else ['nsenter', '--net=' + path(operation.netns), *words]]

    def document(self, key, values, netns, world):
        return dict(values) if values else None


def _same(one: str, other: str) -> bool:
    """Whether two values are one to the kernel, which takes numbers as C writes them."""
    return one == other or list(map(_number, one.split())) == list(map(_number, other.split()))


def _number(word: str):
    try:
        return int(word, 0)
    except ValueError:
        return word


def _along(name: str, value: str, world, netns) -> dict:
    """{name: value} of what the kernel changes along with a parameter of all links (inet_forward_change() and the like)."""
    parts = ['net', 'ipv4', 'conf', 'all', 'forwarding'] if name == 'net/ipv4/ip_forward' else name.split('/')
    if parts[0] != 'net' or parts[2:4] != ['conf', 'all'] or not set(parts[4:]) & set(_OF_EACH.get(parts[1], ())):
        return {}
    found = {'/'.join([*parts[:3], dev, parts[4]]): value for dev in ('default', *world.links(netns))}
    if parts[1] == 'ipv4':
        found.update({'net/ipv4/ip_forward': value, 'net/ipv4/conf/all/forwarding': value, 'net/ipv4/conf/all/accept_redirects': str(int(value == '0'))})
    return {other: one for other, one in found.items() if other != name}


def dotted(name: str) -> str:
    """The usual form; with slashes where a part holds a dot."""
    return name if '.' in name else name.replace('/', '.')


def interface(name: str) -> str | None:
    """The interface that a parameter such as net/ipv4/conf/eth0/rp_filter belongs to."""
    parts = name.split('/')
    if len(parts) == 5 and parts[2] in ('conf', 'neigh') and parts[3] not in ('all', 'default'):
        return parts[3]
    return None
