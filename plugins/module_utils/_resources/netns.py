# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named network namespaces (ip-netns(8))."""

from __future__ import annotations

import fnmatch
import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Resource, Scope, Wanted
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Int, NetnsName, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import namespaces
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.sysctl import Sysctl

_NSID = Layout([(1, 'NETNSA_NSID', 'int32'), (3, 'NETNSA_FD', 'uint32')])
_SYSCTL = Sysctl()


class Parameters(Type):
    """A dict of kernel parameters."""

    spec = {'type': 'dict'}
    allowed = 'a dict of kernel parameters'

    def parse(self, value):
        if not isinstance(value, dict):
            raise ValueError(self.allowed)
        return value


class LiveNamespaces(dict):
    """{name: {'name', 'nsid'}}; the nsid is asked for when looked at."""

    def __init__(self, kernel):
        super().__init__((name, {'name': name}) for name in namespaces.names())
        self.kernel = kernel

    def nsid(self, name):
        return messages.nsid(self.kernel, None, name)


class Netns(Resource):
    section, noun, module = 'netns', 'network namespace', 'vnet_netns'
    doc = 'named network namespaces'
    identity = ('name',)
    purgeable = True
    has_netns = False
    batched = False
    table = Table([
        Field('name', NetnsName(), None, 'Name of the namespace, as C(ip netns) has it.'),
        Field('lo_up', Bool(), None, 'Whether its loopback is up. The default is V(true).'),
        Field('nsid', Int(0, 0x7FFFFFFF, names={'auto': -1}), None, "Number by which the namespace of the module knows it; V(auto) for any."),
        Field('sysctl', Parameters(), None, 'Kernel parameters to set inside, as for M(linuxnet.vnet.vnet_sysctl).'),
        Field('force', Bool(), None, 'Remove the namespace although processes live in it.'),
    ])

    def parse(self, item, where):
        values = self.table.parse({name: value for name, value in item.items() if name not in ('netns', 'state', 'recreate')}, where)
        if 'name' not in values:
            raise InputError(f'{where}: name is missing')
        name = values['name']
        where = f'{where} ({name})'
        absent = item.get('state') == 'absent'
        force, sysctls, lo_up = values.pop('force', False), values.pop('sysctl', {}), values.pop('lo_up', True)
        wanted = [Wanted(self.section, None, name, {**values, **({'force': force} if absent else {})}, absent, where)]
        if absent:
            return wanted
        wanted.append(Wanted('links', name, 'lo', {'name': 'lo', 'up': lo_up}, False, f'{where}: lo_up'))
        return wanted + [Wanted('sysctls', name, *self._parameter(key, value, f'{where}: sysctl'), False, f'{where}: sysctl {key}')
                         for key, value in sysctls.items()]

    @staticmethod
    def _parameter(key, value, where):
        one = _SYSCTL.parse({'name': key, 'value': value}, where)[0]
        return one.key, one.values

    def scope(self, item, where):
        if not item.get('purge_match'):
            raise InputError(f'{where}: purge needs purge_match, the name patterns within which unlisted namespaces are removed')
        return Scope(self.section, None, {'match': list(item['purge_match']), 'force': self.table.by_name['force'].parse(item.get('force') or False,
                                                                                                                         where)}, where)

    def observe(self, world, netns):
        return LiveNamespaces(world.kernel)

    def plan(self, wanted, scopes, world):
        operations, table = [], world.table(self.section, None)
        keep = {one.key for one in wanted}
        for one in wanted:
            found = table.get(one.key)
            if one.absent:
                if found is not None:
                    operations.append(self._deletion(one.key, one.values.get('force'), one.where, world))
            else:
                operations += self._present(one, found, table)
        for scope in scopes:
            for name in table:
                if name not in keep and any(fnmatch.fnmatchcase(name, pattern) for pattern in scope.limits['match']):
                    operations.append(self._deletion(name, scope.limits['force'], scope.where, world))
        return operations

    def _present(self, one, found, table):
        operations = []
        if found is None:
            operations.append(Operation(self.section, 'create', None, one.key, one.key, {'name': one.key}, where=one.where, phase=Phase.NETNS,
                                        provides=[('netns', one.key)],
                                        undo=[Operation(self.section, 'delete', None, one.key, one.key)]))
        nsid = one.values.get('nsid')
        if nsid is not None:
            live = table.nsid(one.key) if found is not None and hasattr(table, 'nsid') else (found or {}).get('nsid')
            if live is None or (nsid != 'auto' and live != nsid):
                if live is not None:
                    raise InputError(f'{one.where}: nsid is {live} already and the kernel cannot change it to {nsid}')
                operations.append(Operation(self.section, 'set', None, one.key, one.key, {'name': one.key, 'nsid': nsid}, {}, where=one.where,
                                            phase=Phase.NETNS, requires=[('netns', one.key)]))
        return operations

    def _deletion(self, name, force, where, world):
        if not force and world.kernel is not None:
            pids = processes_in(name)
            if pids:
                raise InputError(f"{where}: processes live in network namespace '{name}': {', '.join(map(str, pids))}; end them, or set force: true",
                                 pids=pids)
        return Operation(self.section, 'delete', None, name, name, before={'name': name}, where=where, phase=Phase.DELETE_NETNS,
                         undo=[Operation(self.section, 'restore', None, name, name)])

    def perform(self, operation, kernel):
        name = operation.key
        if operation.action == 'create':
            kernel.namespaces.create(name)
        elif operation.action == 'delete':
            kernel.namespaces.remove(name)
        elif operation.action == 'restore':
            kernel.namespaces.restore(name)
        else:
            number = self.table.by_name['nsid'].type.wire(operation.values['nsid'])
            body = b'\0' * 4 + _NSID.pack({'NETNSA_NSID': number, 'NETNSA_FD': kernel.namespaces.fd(name)})
            failed, unused = kernel.namespaces.socket(None).batch([Request(messages.RTM_NEWNSID, 0, body)])
            if failed:
                raise failed[0]

    def commands(self, operation):
        if operation.action == 'create':
            return [['ip', 'netns', 'add', operation.key]]
        if operation.action == 'delete':
            return [['ip', 'netns', 'del', operation.key]]
        return [['ip', 'netns', 'set', operation.key, str(operation.values['nsid'])]]

    def document(self, key, values, netns, world):
        return {'name': key}


def processes_in(name: str) -> list[int]:
    """The pids that live in a named namespace, sorted."""
    try:
        target = os.stat(namespaces.path(name))
    except FileNotFoundError:
        return []
    pids = []
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                found = os.stat(f'/proc/{entry}/ns/net')
            except OSError:
                continue
            if (found.st_ino, found.st_dev) == (target.st_ino, target.st_dev):
                pids.append(int(entry))
    return sorted(pids)
