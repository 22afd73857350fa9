# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nexthop objects that routes and FDB entries share (ip-nexthop(8), linux/nexthop.h)."""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Scope, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Ip, LinkName, Rows
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout, Message
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.route import AF_INET6, FAMILIES, ONLINK, PROTOCOL, PROTOCOLS

RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP = 104, 105, 106
_TYPES = {'mpath': 0, 'resilient': 1}
#: struct nexthop_grp; the weight is one less than what it means, its high byte exists since Linux 6.12
_MEMBER = struct.Struct('=IBBxx')
_TICKS = 100  #: of clock_t in a second
_RESILIENT = Layout([(1, 'NHA_RES_GROUP_BUCKETS', 'uint16'), (2, 'NHA_RES_GROUP_IDLE_TIMER', 'uint32'), (3, 'NHA_RES_GROUP_UNBALANCED_TIMER', 'uint32')])
_TIMERS = {'idle_timer': 'NHA_RES_GROUP_IDLE_TIMER', 'unbalanced_timer': 'NHA_RES_GROUP_UNBALANCED_TIMER'}
_OF_GROUP = ('type', 'buckets', *_TIMERS)
_OF_ONE = ('via', 'dev', 'blackhole', 'onlink')


class _Nhmsg:
    """struct nhmsg, of which no release of pyroute2 has a class."""

    fields = (('family', 'B'), ('scope', 'B'), ('protocol', 'B'), ('reserved', 'B'), ('flags', 'I'))
    nla_map = ()


CODEC = Message(_Nhmsg, (
    (1, 'NHA_ID', 'uint32'), (2, 'NHA_GROUP', 'cdata'), (3, 'NHA_GROUP_TYPE', 'uint16'), (4, 'NHA_BLACKHOLE', 'flag'), (5, 'NHA_OIF', 'uint32'),
    (6, 'NHA_GATEWAY', 'ipaddr'), (11, 'NHA_FDB', 'flag'), (12, 'NHA_RES_GROUP', _RESILIENT),
))
MEMBER = Table([
    Field('id', Int(1), None, 'A nexthop.'),
    Field('weight', Int(1, 65536), None, 'Share of the traffic. The default is 1; more than 256 needs Linux 6.12.'),
])


class Nexthop(Entry):
    section, noun, module = 'nexthops', 'nexthop', 'vnet_nexthop'
    doc = 'nexthop objects, which routes and FDB entries may share'
    identity = ('id',)
    purgeable = True
    # a nexthop takes its routes with it: it goes when they and the groups that it was in lead elsewhere
    set_phase, unset_phase = Phase.NEXTHOP, Phase.UNSET_NEXTHOP
    replaceable = ('via', 'dev', 'onlink', 'blackhole', 'group', 'protocol', *_TIMERS)
    table = Table([
        Field('id', Int(1), None, 'Number of the nexthop, by which routes (C(nhid)), FDB entries and groups refer to it.'),
        Field('via', Ip(), None, 'Gateway.', aliases=['gateway']),
        Field('dev', LinkName(), None, 'Link. It must be up.'),
        Field('blackhole', Bool(None, None), None, 'Packets are dropped.'),
        Field('onlink', Bool(None, None), None, 'The gateway is on the link, whatever the addresses say.'),
        Field('group', Rows(MEMBER, ('id',)), None, 'Nexthops that share the traffic.'),
        Field('type', Enum(_TYPES), None, 'How a group spreads flows: by hash, or by a table of buckets that changes as little as possible. '
              'The default is V(mpath).'),
        Field('buckets', Int(1, 65535), None, 'Number of buckets of a resilient group.'),
        Field('idle_timer', Int(0, 0xFFFFFFFF // _TICKS, 'seconds'), None, 'How long a bucket is without traffic before it may move. The default is 120.'),
        Field('unbalanced_timer', Int(0, 0xFFFFFFFF // _TICKS, 'seconds'), None,
              'How long a resilient group may be unbalanced before buckets move all the same. The default is 0, which is forever.'),
        Field('fdb', Bool(None, None), None, 'For FDB entries of a VXLAN device, not for routes.'),
        Field('family', Enum(FAMILIES), None, 'Address family of a nexthop without O(via). The default is V(inet).'),
        Field('protocol', Int(0, 255, names=PROTOCOLS), None, 'Who made the nexthop. The default is 118, the mark of this collection.', aliases=['proto']),
    ])

    def key(self, values):
        return values['id']

    def title(self, key):
        return str(key)

    def normal(self, values, where):
        if values.get('group') == []:
            raise InputError(f'{where}: a group needs a nexthop at least')
        for member in values.get('group', ()):
            member.setdefault('weight', 1)
        for name in ('blackhole', 'onlink', 'fdb'):
            if values.get(name) is False and name != 'onlink':
                values.pop(name)  # the kernel knows it as a nexthop of another sort
        sorts = [name for name in ('group', 'blackhole') if name in values] + (['via or dev'] if 'via' in values or 'dev' in values else [])
        if len(sorts) > 1:
            raise InputError(f"{where}: {' and '.join(sorts)} exclude each other")
        stray = [name for name in values if name in (_OF_ONE if 'group' in values else _OF_GROUP)]
        if stray and sorts:
            raise InputError(f"{where}: {stray[0]} is for {'single nexthops' if 'group' in values else 'groups'}")
        if values.get('type', 'resilient') != 'resilient' and any(name in values for name in ('buckets', *_TIMERS)):
            raise InputError(f'{where}: buckets and timers are for type resilient')
        if 'group' in values:
            values.pop('family', None)  # a group has that of its nexthops
        elif 'via' in values:
            if values.get('family', 'inet6' if ':' in values['via'] else 'inet') != ('inet6' if ':' in values['via'] else 'inet'):
                raise InputError(f"{where}: via {values['via']} is not of family {values['family']}")
            values['family'] = 'inet6' if ':' in values['via'] else 'inet'
        return values

    def merged(self, found, values):
        """Where a nexthop leads is said as a whole."""
        if 'group' in values:
            gone = {*_OF_ONE, 'family'}
        elif any(name in values for name in ('via', 'dev', 'blackhole')):
            gone = {*_OF_ONE, *_OF_GROUP, 'group', 'family'}
        else:
            gone = set()
        return {**{name: value for name, value in found.items() if name not in gone}, **values}

    def same(self, name, value, found):
        if name in ('blackhole', 'onlink', 'fdb'):
            return bool(found.get(name)) == value
        if name == 'type':
            return found.get(name, 'mpath') == value
        return super().same(name, value, found)

    def replacement(self, one, changed, found):
        swapped = ('group' in one.values) != ('group' in found) and any(name in one.values for name in ('group', 'via', 'dev', 'blackhole'))
        operations = super().replacement(one, {**changed, 'id': True} if swapped else changed, found)  # id: not replaceable
        for operation in operations:
            if operation.action != 'delete':
                operation.provides.add(('nexthop', one.netns, one.key))
        return operations

    def creation(self, netns, key, values, where=''):
        operation = super().creation(netns, key, values, where)
        operation.provides.add(('nexthop', netns, key))
        return operation

    def needs(self, netns, values):
        return super().needs(netns, values) | {('nexthop', netns, member['id']) for member in values.get('group', ())}

    def plan(self, wanted, scopes, world):
        for one in wanted:
            if one.absent:
                continue
            found = world.table(self.section, one.netns).get(one.key)
            whole = self.merged(found or {}, one.values)
            if not any(name in whole for name in ('group', 'blackhole', 'dev')) and not (whole.get('fdb') and 'via' in whole):
                raise InputError(f'{one.where}: a nexthop needs dev, blackhole or a group, or via with fdb')
        operations = super().plan(wanted, scopes, world)
        operations.sort(key=lambda operation: operation.action == 'delete' and 'group' not in operation.before)  # groups go before what is in them
        gone = {(operation.netns, operation.key) for operation in operations if operation.action == 'delete'}
        for delete in [operation for operation in operations if operation.action == 'delete']:
            groups, lost = self._lost(world, delete.netns, delete.key, gone)
            delete.undo += groups + lost
            delete.flushes = [f'{back.section} {back.name}' for back in lost]
            if delete.disruption == RECREATE:
                for back in groups + lost:
                    back.where, back.facts['put_back'] = delete.where, True
                    operations.append(back)
        return operations

    def _lost(self, world, netns, key, gone) -> tuple[list, list]:
        """What puts back the groups that lose a nexthop, and the routes and FDB entries that go with it."""
        table = world.table(self.section, netns)
        groups = [other for other, values in table.items() if any(member['id'] == key for member in values.get('group', ()))]
        dead = {key, *(other for other in groups if all((netns, member['id']) in gone for member in table[other]['group']))}
        back = [self._put(netns, other, table[other]) for other in groups if (netns, other) not in gone]
        users = [world.resources[section].creation(netns, entry, values) for section in ('routes', 'fdb') if section in world.resources
                 for entry, values in world.table(section, netns).items() if values.get('nhid') in dead]
        return back, users

    def _put(self, netns, key, values) -> Operation:
        """Makes a group what it was, whether it is still there or not."""
        return Operation(self.section, 'set', netns, key, self.title(key), values, values, phase=self.set_phase, requires=self.needs(netns, values),
                         provides={('nexthop', netns, key)})

    def on_link(self, world, netns, name) -> tuple[list, list]:
        """The nexthops that go with a link, and the groups that they are in."""
        table = world.table(self.section, netns)
        single = [key for key, values in table.items() if values.get('dev') == name]
        return single, [key for key, values in table.items() if any(member['id'] in single for member in values.get('group', ()))]

    def hung(self, world, netns, name):
        table = world.table(self.section, netns)
        single, groups = self.on_link(world, netns, name)
        return [self.creation(netns, key, table[key]) for key in single] + [self._put(netns, key, table[key]) for key in groups]

    def scope(self, item, where):
        protocol = self.table.by_name['protocol']
        given = item.get('protocol')
        return Scope(self.section, item.get('netns'), {'protocol': protocol.parse(PROTOCOL if given is None else given, where)}, where)

    def scoped(self, scope, key, values):
        return values.get('protocol') == scope.limits['protocol']

    # -- netlink ------------------------------------------------------------------------------------------------------

    def observe(self, world, netns):
        names, table = world.links(netns).name_of, {}
        kinds = self.table.types
        try:
            found = world.kernel.dump(netns, RTM_GETNEXTHOP, CODEC.pack({}, {}))
        except KernelError as exc:
            if exc.errno != 95:  # EOPNOTSUPP: a kernel before 5.3
                raise
            found = []
        for data, start, end in found:
            header = CODEC.read_header(data, start)
            attrs = CODEC.layout.read(data, start + CODEC.size, end)
            values = {'id': attrs['NHA_ID'], 'protocol': kinds['protocol'].unwire(header['protocol'])}
            values.update({name: True for name, attr in (('blackhole', 'NHA_BLACKHOLE'), ('fdb', 'NHA_FDB')) if attr in attrs})
            if 'NHA_GROUP' in attrs:
                members = _MEMBER.iter_unpack(attrs['NHA_GROUP'])
                values['group'] = sorted(({'id': one, 'weight': (high << 8 | low) + 1} for one, low, high in members), key=lambda member: member['id'])
                values['type'] = kinds['type'].unwire(attrs.get('NHA_GROUP_TYPE', 0))
                if 'NHA_RES_GROUP' in attrs:
                    values['buckets'] = attrs['NHA_RES_GROUP']['NHA_RES_GROUP_BUCKETS']
                    values.update({name: attrs['NHA_RES_GROUP'][attr] // _TICKS for name, attr in _TIMERS.items()})
            else:
                values['family'] = 'inet6' if header['family'] == AF_INET6 else 'inet'
            if 'NHA_GATEWAY' in attrs:
                values['via'] = attrs['NHA_GATEWAY']
            if 'NHA_OIF' in attrs and 'blackhole' not in values:  # IPv6 has its blackholes on the loopback
                values['dev'] = names(attrs['NHA_OIF'])
            if header['flags'] & ONLINK:
                values['onlink'] = True
            table[values['id']] = values
        return table

    def encode(self, operation, kernel):
        if operation.action == 'delete':
            return [(operation.netns, Request(RTM_DELNEXTHOP, 0, CODEC.pack({}, {'NHA_ID': operation.key})))]
        values = operation.values
        header = {'family': 0 if 'group' in values else FAMILIES[values.get('family', 'inet')], 'flags': ONLINK if values.get('onlink') else 0,
                  'protocol': self.table.by_name['protocol'].type.wire(values.get('protocol', PROTOCOL))}
        attrs = {'NHA_ID': values['id'], 'NHA_BLACKHOLE': values.get('blackhole'), 'NHA_FDB': values.get('fdb'), 'NHA_GATEWAY': values.get('via')}
        if 'dev' in values:
            attrs['NHA_OIF'] = kernel.index(operation.netns, values['dev'])
        if 'group' in values:
            attrs['NHA_GROUP'] = b''.join(_MEMBER.pack(one['id'], one['weight'] - 1 & 255, one['weight'] - 1 >> 8) for one in values['group'])
            if values.get('type', 'mpath') != 'mpath':
                attrs['NHA_GROUP_TYPE'] = _TYPES[values['type']]
                attrs['NHA_RES_GROUP'] = {'NHA_RES_GROUP_BUCKETS': values.get('buckets')}
                attrs['NHA_RES_GROUP'].update({attr: values[name] * _TICKS for name, attr in _TIMERS.items() if name in values})
        attrs = {name: value for name, value in attrs.items() if value is not None}
        how = NLM_F_CREATE | (NLM_F_REPLACE if operation.action == 'set' else NLM_F_EXCL)
        return [(operation.netns, Request(RTM_NEWNEXTHOP, how, CODEC.pack(header, attrs)))]

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == 2  # ENOENT: gone with its link, or with the last nexthop of the group

    def commands(self, operation):
        line = [*prefix('ip', operation.netns)]
        values = operation.before if operation.action == 'delete' else operation.values
        if values.get('family') == 'inet6' and 'via' not in values and operation.action != 'delete':
            line.insert(line.index('ip') + 1, '-6')
        verb = {'create': 'add', 'set': 'replace', 'delete': 'del'}[operation.action]
        line += ['nexthop', verb, 'id', str(operation.key)]
        if operation.action == 'delete':
            return [line]
        if 'group' in values:
            line += ['group', '/'.join(f"{one['id']},{one['weight']}" for one in values['group'])]
            if values.get('type', 'mpath') != 'mpath':
                line += [word for name in _OF_GROUP if name in values for word in (name, str(values[name]))]
        if values.get('blackhole'):
            line.append('blackhole')
        line += [word for name in ('via', 'dev') if name in values for word in (name, str(values[name]))]
        line += [name for name in ('onlink', 'fdb') if values.get(name)]
        return [[*line, 'protocol', str(values.get('protocol', PROTOCOL))]]

    def document(self, key, values, netns, world):
        return dict(values)
