# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes (ip-route(8), linux/rtnetlink.h)."""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Phase, Scope, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Cidr, Enum, Int, Ip, LinkName, ListOf, Options
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
AF_INET, AF_INET6 = 2, 10
PROTOCOL = 118  #: our mark in rtm_protocol (/etc/iproute2/rt_protos leaves 100-185 to routing daemons; 118 is free)
PROTOCOLS = {'redirect': 1, 'kernel': 2, 'boot': 3, 'static': 4, 'ra': 9, 'dhcp': 16, 'bgp': 186}
TABLES = {'default': 253, 'main': 254, 'local': 255}
TYPES = {'unicast': 1, 'local': 2, 'broadcast': 3, 'anycast': 4, 'multicast': 5, 'blackhole': 6, 'unreachable': 7, 'prohibit': 8, 'throw': 9}
_DEAD_ENDS = ('blackhole', 'unreachable', 'prohibit', 'throw')
_ONLINK, _CLONED = 0x4, 0x200
_IPV6_METRIC = 1024
_NEXTHOP = struct.Struct('=HBBi')
_SUPPLEMENT = ((9, 'RTA_MULTIPATH', 'cdata'), (18, 'RTA_VIA', 'cdata'), (30, 'RTA_NH_ID', 'uint32'))

NEXTHOP = Table([
    Field('via', Ip(), None, 'Gateway.'),
    Field('dev', LinkName(), None, 'Link.'),
    Field('weight', Int(1, 256), None, 'Share of the traffic.'),
    Field('onlink', Bool(None, None), None, 'The gateway is on the link, whatever the addresses say.'),
])


class NexthopList(ListOf):
    """Nexthops of a multipath route, as dicts, in order."""

    def __init__(self):
        super().__init__(Options(NEXTHOP), ordered=True)

    def parse(self, value):
        if not isinstance(value, (list, tuple)):
            raise ValueError('a list of nexthops')
        try:
            return [{'weight': 1, **NEXTHOP.parse(one, 'nexthop')} for one in value]
        except InputError as exc:
            raise ValueError(f'a list of nexthops ({exc.message})') from None


class NexthopField(Field):
    """The kernel completes a nexthop with the link that its gateway is on."""

    def equal(self, wanted, found):
        return len(wanted) == len(found or ()) and all(
            all(hop.get(name) == value for name, value in one.items()) for one, hop in zip(wanted, found))


class Route(Entry):
    section, noun, module = 'routes', 'route', 'vnet_route'
    doc = 'routes'
    identity = ('dst',)
    purgeable = True
    set_phase, unset_phase = Phase.ROUTE, Phase.UNSET_ROUTE
    replaceable = ('via', 'dev', 'type', 'src', 'scope', 'mtu', 'onlink', 'nhid', 'nexthops', 'protocol')
    table = Table([
        Field('dst', Cidr(network=True, default=True), None, 'Destination network, or V(default).'),
        Field('family', Enum({'inet': 2, 'inet6': 10}), None, 'Address family of a V(default) route that has neither O(via) nor O(src).'),
        Field('via', Ip(), None, 'Gateway.', aliases=['gateway']),
        Field('dev', LinkName(), None, 'Link.'),
        Field('table', Int(1, names=TABLES), None, 'Routing table. The default is V(main).'),
        Field('metric', Int(), None, 'Metric; routes to one destination differ by it. The default is 0 for IPv4 and 1024 for IPv6.'),
        Field('type', Enum(TYPES), None, 'Type of the route. The default is V(unicast).'),
        Field('src', Ip(), None, 'Preferred source address.', aliases=['prefsrc']),
        Field('scope', Enum({'global': 0, 'site': 200, 'link': 253, 'host': 254}), None,
              'Scope. The default is V(link) for an IPv4 route without gateway, else V(global).'),
        Field('mtu', Int(0, unit='bytes'), None, 'MTU of the path.'),
        Field('onlink', Bool(None, None), None, 'The gateway is on the link, whatever the addresses say.'),
        Field('nhid', Int(1), None, 'Nexthop object.'),
        NexthopField('nexthops', NexthopList(), None, 'Several nexthops to share the traffic.'),
        Field('protocol', Int(0, 255, names=PROTOCOLS), None, 'Who made the route. The default is 118, the mark of this collection.'),
    ])

    def _family(self, values):
        for text in (values['dst'] if values['dst'] != 'default' else None, values.get('via'), values.get('src'),
                     *(hop.get('via') for hop in values.get('nexthops', ()))):
            if text:
                return 'inet6' if ':' in text else 'inet'
        return values.get('family', 'inet')

    def key(self, values):
        family = self._family(values)
        dst = values['dst'] if values['dst'] not in ('0.0.0.0/0', '::/0') else 'default'
        metric = values.get('metric', _IPV6_METRIC if family == 'inet6' else 0)
        return dst, values.get('table', 'main'), metric, family

    def title(self, key):
        dst, table, metric, family = key
        return dst + (f' table {table}' if table != 'main' else '') + (f' metric {metric}' if metric not in (0, _IPV6_METRIC) else '') + (
            ' (IPv6)' if dst == 'default' and family == 'inet6' else '')

    def normal(self, values, where):
        family = self._family(values)
        if len(values.get('nexthops', ())) == 1:  # to the kernel that is no multipath
            values.update({name: value for name, value in values.pop('nexthops')[0].items() if name != 'weight'})
        values['dst'] = self.key(values)[0]
        values['family'] = family
        for name in ('via', 'src'):
            if name in values and (':' in values[name]) != (family == 'inet6'):
                raise InputError(f"{where}: {name} {values[name]} is not of the family of {values['dst']}")
        return values

    def merged(self, found, values):
        """Where a route leads is said as a whole: by via and dev, by nexthops, by nhid, or by a type that leads nowhere."""
        gone: set = set()
        if 'via' in values or 'dev' in values:
            gone = {'nexthops', 'nhid'}
        if 'nexthops' in values or 'nhid' in values:
            gone = {'via', 'dev', 'onlink', 'nexthops', 'nhid'}
        if values.get('type') in _DEAD_ENDS:
            gone = {'via', 'dev', 'onlink', 'nexthops', 'nhid', 'src', 'scope', 'mtu'}
        return {**{name: value for name, value in found.items() if name not in gone}, **values}

    def same(self, name, value, found):
        return name in ('dst', 'family') or super().same(name, value, found)

    def plan(self, wanted, scopes, world):
        for one in wanted:
            if not one.absent and one.values.get('type', 'unicast') not in _DEAD_ENDS and not any(
                    name in one.values for name in ('via', 'dev', 'nhid', 'nexthops')):
                raise InputError(f'{one.where}: a route needs via, dev, nexthops or nhid')
            for hop in one.values.get('nexthops', ()):
                if hop.get('dev') and not world.has_link(one.netns, hop['dev']):
                    raise InputError(f"{one.where}: nexthop dev '{hop['dev']}' does not exist: No such device")
        return super().plan(wanted, scopes, world)

    def scope(self, item, where):
        kinds = self.table.by_name
        return Scope(self.section, item.get('netns'), {'table': kinds['table'].parse(item.get('table') or 'main', where),
                                                       'protocol': kinds['protocol'].parse(item.get('protocol') or PROTOCOL, where)}, where)

    def scoped(self, scope, key, values):
        return key[1] == scope.limits['table'] and values.get('protocol') == scope.limits['protocol']

    def returns(self, values):
        return values.get('protocol') not in ('kernel', 'redirect', 'ra')

    def hung(self, world, netns, name):
        return [self.creation(netns, key, values) for key, values in world.table(self.section, netns).items()
                if self.returns(values) and (values.get('dev') == name or any(hop.get('dev') == name for hop in values.get('nexthops', ())))]

    def needs(self, netns, values):
        needs = super().needs(netns, values)
        for hop in values.get('nexthops', ()):
            if hop.get('dev'):
                needs |= {('link', netns, hop['dev']), ('set', netns, hop['dev'])}
        return needs

    # -- netlink ------------------------------------------------------------------------------------------------------

    def _codec(self, kernel):
        return kernel.message('rtmsg', _SUPPLEMENT)

    def observe(self, world, netns):
        codec, names, table = self._codec(world.kernel), world.links(netns).name_of, {}
        kinds = {name: field.type for name, field in self.table.by_name.items()}
        for data, start, end in world.kernel.dump(netns, RTM_GETROUTE, codec.pack({}, {})):
            header = codec.read_header(data, start)
            if header['family'] not in (AF_INET, AF_INET6) or header['flags'] & _CLONED:
                continue
            attrs = codec.layout.read(data, start + codec.size, end)
            values = {
                'dst': f"{attrs['RTA_DST']}/{header['dst_len']}" if 'RTA_DST' in attrs else 'default',
                'family': 'inet6' if header['family'] == AF_INET6 else 'inet',
                'table': kinds['table'].unwire(attrs.get('RTA_TABLE', header['table'])),
                'metric': attrs.get('RTA_PRIORITY', 0),
                'type': kinds['type'].unwire(header['type']),
                'protocol': kinds['protocol'].unwire(header['proto']),
                'scope': kinds['scope'].unwire(header['scope']),
                'onlink': bool(header['flags'] & _ONLINK),
            }
            if 'RTA_OIF' in attrs:
                values['dev'] = names(attrs['RTA_OIF'])
            for name, attr in (('via', 'RTA_GATEWAY'), ('src', 'RTA_PREFSRC'), ('nhid', 'RTA_NH_ID')):
                if attr in attrs:
                    values[name] = attrs[attr]
            if 'RTAX_MTU' in attrs.get('RTA_METRICS', {}):
                values['mtu'] = attrs['RTA_METRICS']['RTAX_MTU']
            if 'RTA_MULTIPATH' in attrs:
                values['nexthops'] = self._read_nexthops(codec, attrs['RTA_MULTIPATH'], names)
            table[self.key(values)] = values
        return table

    @staticmethod
    def _read_nexthops(codec, data, names):
        """struct rtnexthop, each with attributes of its own (linux/rtnetlink.h)."""
        hops, at = [], 0
        while len(data) - at >= _NEXTHOP.size:
            length, flags, weight, index = _NEXTHOP.unpack_from(data, at)
            attrs = codec.layout.read(data, at + _NEXTHOP.size, at + length)
            hop = {'weight': weight + 1, 'dev': names(index)}
            if 'RTA_GATEWAY' in attrs:
                hop['via'] = attrs['RTA_GATEWAY']
            if flags & _ONLINK:
                hop['onlink'] = True
            hops.append(hop)
            at += (length + 3) & ~3
        return hops

    def encode(self, operation, kernel):
        values = operation.before if operation.action == 'delete' else operation.values
        codec = self._codec(kernel)
        kinds = {name: field.type for name, field in self.table.by_name.items()}
        family = self._family(values)
        kind = values.get('type', 'unicast')
        table = kinds['table'].wire(values.get('table', 'main'))
        direct = family == 'inet' and kind == 'unicast' and not any(name in values for name in ('via', 'nhid', 'nexthops'))
        scope = values.get('scope', 'link' if direct else 'global')
        if kind in ('local',):
            scope = values.get('scope', 'host')
        header = {'family': AF_INET6 if family == 'inet6' else AF_INET, 'table': table if table < 256 else 0,
                  'type': TYPES[kind], 'scope': kinds['scope'].wire(scope) if scope in kinds['scope'].numbers else int(scope),
                  'proto': kinds['protocol'].wire(values.get('protocol', PROTOCOL)), 'flags': _ONLINK if values.get('onlink') else 0}
        attrs = {'RTA_TABLE': table, 'RTA_PRIORITY': values.get('metric')}
        if values['dst'] != 'default':
            address, unused, length = values['dst'].partition('/')
            attrs['RTA_DST'], header['dst_len'] = address, int(length)
        for name, attr in (('via', 'RTA_GATEWAY'), ('src', 'RTA_PREFSRC'), ('nhid', 'RTA_NH_ID')):
            attrs[attr] = values.get(name)
        if 'dev' in values and not values.get('nexthops'):
            attrs['RTA_OIF'] = kernel.index(operation.netns, values['dev'])
        if 'nhid' in values:  # the object says where to, and the kernel wants it said once
            attrs['RTA_GATEWAY'] = attrs['RTA_OIF'] = None
        if values.get('mtu'):
            attrs['RTA_METRICS'] = {'RTAX_MTU': values['mtu']}
        if 'nexthops' in values:
            attrs['RTA_MULTIPATH'] = b''.join(self._pack_nexthop(hop, operation.netns, kernel, codec) for hop in values['nexthops'])
        if operation.action == 'delete':
            header['scope'] = 255 if family == 'inet' else 0  # RT_SCOPE_NOWHERE: any
            attrs.pop('RTA_PREFSRC')
            return [(operation.netns, Request(RTM_DELROUTE, 0, codec.pack(header, attrs)))]
        how = NLM_F_CREATE | (NLM_F_REPLACE if operation.action == 'set' else NLM_F_EXCL)
        return [(operation.netns, Request(RTM_NEWROUTE, how, codec.pack(header, attrs)))]

    @staticmethod
    def _pack_nexthop(hop, netns, kernel, codec):
        body = codec.layout.pack({'RTA_GATEWAY': hop.get('via')})
        index = kernel.index(netns, hop['dev']) if 'dev' in hop else 0
        packed = _NEXTHOP.pack(_NEXTHOP.size + len(body), _ONLINK if hop.get('onlink') else 0, hop.get('weight', 1) - 1, index) + body
        return packed + b'\0' * (-len(packed) & 3)

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == 3  # ESRCH: went with its link or address

    def commands(self, operation):
        values = operation.before if operation.action == 'delete' else operation.values
        verb = {'create': 'add', 'set': 'replace', 'delete': 'del'}[operation.action]
        line = [*prefix('ip', operation.netns)]
        if self._family(values) == 'inet6':
            line.insert(1, '-6')
        line += ['route', verb]
        if values.get('type', 'unicast') != 'unicast':
            line.append(values['type'])
        line.append(values['dst'])
        if 'nhid' in values:
            line += ['nhid', str(values['nhid'])]
        else:
            if 'via' in values:
                line += ['via', values['via']]
            if 'dev' in values and not values.get('nexthops'):
                line += ['dev', values['dev']]
        for name in ('table', 'metric'):
            if name in values and values[name] not in ('main', 0):
                line += [name, str(values[name])]
        if operation.action != 'delete':
            line += ['proto', str(values.get('protocol', PROTOCOL))]
            for name in ('scope', 'src', 'mtu'):
                if name in values and not (name == 'scope' and self._family(values) == 'inet6'):
                    line += [name, str(values[name])]
            if values.get('onlink'):
                line.append('onlink')
            for hop in values.get('nexthops', ()):
                line.append('nexthop')
                for name in ('via', 'dev', 'weight'):
                    if name in hop:
                        line += [name, str(hop[name])]
                if hop.get('onlink'):
                    line.append('onlink')
        return [line]

    def document(self, key, values, netns, world):
        if not self.returns(values):
            return None
        return {name: value for name, value in values.items() if not (name == 'onlink' and not value)}
