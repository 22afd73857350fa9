# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes (ip-route(8), linux/rtnetlink.h)."""

from __future__ import annotations

import re
import socket
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Phase, Scope, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import (
    Bool, Cidr, Enum, Flags, Int, Ip, LinkName, ListOf, Options, Text, Type)
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import ADDRESS, Layout
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.address import wait_for

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
AF_INET, AF_INET6 = 2, 10
PROTOCOL = 118  #: our mark in rtm_protocol (/etc/iproute2/rt_protos leaves 100-185 to routing daemons; 118 is free)
PROTOCOLS = {'redirect': 1, 'kernel': 2, 'boot': 3, 'static': 4, 'gated': 8, 'ra': 9, 'mrt': 10, 'zebra': 11, 'bird': 12, 'dnrouted': 13, 'xorp': 14, 'ntk': 15,
             'dhcp': 16, 'keepalived': 18, 'babel': 42, 'bgp': 186, 'isis': 187, 'ospf': 188, 'rip': 189, 'eigrp': 192}
FAMILIES = {'inet': AF_INET, 'inet6': AF_INET6}
TABLES = {'default': 253, 'main': 254, 'local': 255}
TYPES = {'unicast': 1, 'local': 2, 'broadcast': 3, 'anycast': 4, 'multicast': 5, 'blackhole': 6, 'unreachable': 7, 'prohibit': 8, 'throw': 9}
_WHERE_TO = ('via', 'dev', 'onlink', 'nexthops', 'nhid')
_LEADS = frozenset(_WHERE_TO) - {'onlink'}
_DEAD_ENDS = ('blackhole', 'unreachable', 'prohibit', 'throw')
_NHID = ('nhid',)  #: among the links of routes, for those that lead through a nexthop object
_SOURCE = 'src'  #: with an address, for those that have it as their source
ONLINK, _CLONED, _LOOKUP_TABLE, _FIB_MATCH = 0x4, 0x200, 0x1000, 0x2000
_IPV6_METRIC = 1024
_NEXTHOP = struct.Struct('=HBBi')
_TICKS = 100  #: of clock_t in a second
_CACHEINFO = tuple((name, 'I') for name in ('clntref', 'lastuse', 'expires', 'error', 'used', 'id', 'ts', 'tsage'))


class Realms(Type):
    """Two numbers, SOURCE/DESTINATION, or the destination alone."""

    spec = {'type': 'str'}
    allowed = 'a number of 0-65535, or two with a slash between them'

    def parse(self, value):
        found = re.fullmatch(r'(?:(\d+)/)?(\d+)', str(value))
        if not found or max(map(int, (found.group(1) or 0, found.group(2)))) > 0xFFFF:
            raise ValueError(self.allowed)
        return self.unwire(int(found.group(1) or 0) << 16 | int(found.group(2)))

    def wire(self, value):
        source, unused, destination = value.rpartition('/')
        return int(source or 0) << 16 | int(destination)

    def unwire(self, raw):
        return (f'{raw >> 16}/' if raw >> 16 else '') + str(raw & 0xFFFF)


class Time(Int):
    """Milliseconds, which the kernel has in parts."""

    def __init__(self, parts: int = 1):
        super().__init__(0, 0xFFFFFFFF // parts, 'milliseconds')
        self.parts = parts
        self.spec = {'type': 'str'}
        self.allowed += ', or with a unit such as 20ms or 1s'

    def parse(self, value):
        found = re.fullmatch(r'(\d+)(ms|s)', str(value))
        return super().parse(int(found.group(1)) * (1000 if found.group(2) == 's' else 1) if found else value)

    def wire(self, value):
        return value * self.parts

    def unwire(self, raw):
        return raw // self.parts

    def words(self, value):
        return f'{value}ms'


#: RTAX_* that have an option; iproute2 locks rto_min whenever it sets it
_RTO_MIN = 1 << 13
METRICS = Table([
    Field('mtu', Int(0, unit='bytes'), 'RTAX_MTU', 'MTU of the path.', nla=(2, 'uint32')),
    Field('advmss', Int(0, unit='bytes'), 'RTAX_ADVMSS', 'Segment size to advertise to the other end of a TCP connection.', nla=(8, 'uint32')),
    Field('window', Int(0, unit='bytes'), 'RTAX_WINDOW', 'Largest TCP window to advertise.', nla=(3, 'uint32')),
    Field('rtt', Time(8), 'RTAX_RTT', 'First estimate of the round-trip time.', nla=(4, 'uint32')),
    Field('rttvar', Time(4), 'RTAX_RTTVAR', 'First estimate of its variance.', nla=(5, 'uint32')),
    Field('rto_min', Time(), 'RTAX_RTO_MIN', 'Shortest time to wait before TCP sends again.', nla=(13, 'uint32')),
    Field('ssthresh', Int(), 'RTAX_SSTHRESH', 'First slow-start threshold.', nla=(6, 'uint32')),
    Field('cwnd', Int(), 'RTAX_CWND', 'Clamp of the congestion window; it holds only where O(lock) has it.', nla=(7, 'uint32')),
    Field('initcwnd', Int(unit='segments'), 'RTAX_INITCWND', 'First congestion window.', nla=(11, 'uint32')),
    Field('initrwnd', Int(unit='segments'), 'RTAX_INITRWND', 'First receive window.', nla=(14, 'uint32')),
    Field('reordering', Int(0, 127), 'RTAX_REORDERING', 'How much reordering TCP expects.', nla=(9, 'uint32')),
    Field('hoplimit', Int(0, 255), 'RTAX_HOPLIMIT', 'Hop limit of packets; V(0) is that of the system.', nla=(10, 'uint32')),
    Field('quickack', Bool('1', '0'), 'RTAX_QUICKACK', 'TCP acknowledges at once.', nla=(15, 'uint32')),
    Field('fastopen_no_cookie', Bool('1', '0'), 'RTAX_FASTOPEN_NO_COOKIE', 'TCP Fast Open without a cookie.', nla=(17, 'uint32')),
    Field('features', Flags({'ecn': 1, 'tcp_usec_ts': 16}), 'RTAX_FEATURES', 'Features of TCP to use.', nla=(12, 'uint32')),
    Field('congctl', Text(15), 'RTAX_CC_ALGO', 'Congestion control of TCP.', nla=(16, 'asciiz')),
])
_LOCKABLE = {field.name: 1 << field.nla[0] for field in METRICS
             if field.name in ('mtu', 'advmss', 'window', 'rtt', 'rttvar', 'ssthresh', 'cwnd', 'reordering', 'hoplimit', 'congctl')}
METRICS = Table([*METRICS, Field('lock', Flags(_LOCKABLE), 'RTAX_LOCK', 'Options of these that the kernel may not adapt, as C(mtu lock 1400).',
                                 nla=(1, 'uint32'))])


def _pack_via(address: str) -> bytes:
    """struct rtvia: a gateway of another family than the route."""
    family = AF_INET6 if ':' in address else AF_INET
    return struct.pack('=H', family) + socket.inet_pton(family, address)


def _read_via(data, start, end) -> str:
    return ADDRESS[1](data, start + 2, end)


_SUPPLEMENT = ((8, 'RTA_METRICS', Layout(METRICS.supplement())), (9, 'RTA_MULTIPATH', 'cdata'), (11, 'RTA_FLOW', 'uint32'),
               (12, 'RTA_CACHEINFO', _CACHEINFO), (18, 'RTA_VIA', (_pack_via, _read_via)), (20, 'RTA_PREF', 'uint8'), (23, 'RTA_EXPIRES', 'uint32'),
               (30, 'RTA_NH_ID', 'uint32'))

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


class ExpiresField(Field):
    """It counts down: what is left of it is still what was asked for."""

    def equal(self, wanted, found):
        return found is not None and found <= wanted


class Route(Entry):
    section, noun, module = 'routes', 'route', 'vnet_route'
    doc = 'routes'
    identity = ('dst',)
    purgeable = True
    set_phase, unset_phase = Phase.ROUTE, Phase.UNSET_ROUTE
    replaceable = ('via', 'dev', 'type', 'src', 'scope', 'onlink', 'nhid', 'nexthops', 'protocol', 'realms', 'pref', 'expires',
                   *(field.name for field in METRICS))
    table = Table([
        Field('dst', Cidr(network=True, default=True), None, 'Destination network, or V(default).'),
        Field('family', Enum(FAMILIES), None, 'Address family of a V(default) route that has neither O(via) nor O(src).'),
        Field('via', Ip(), None, 'Gateway. An IPv4 route may have an IPv6 one.', aliases=['gateway']),
        Field('dev', LinkName(), None, 'Link.'),
        Field('from', Cidr(network=True), None, 'Sources that an IPv6 route is for; routes to one destination differ by it.'),
        Field('tos', Int(0, 255), None, 'Type of service that an IPv4 route is for; routes to one destination differ by it.', aliases=['dsfield']),
        Field('table', Int(1, names=TABLES), None, 'Routing table. The default is V(main), or V(local) for the types V(local), V(broadcast) and V(anycast).'),
        Field('metric', Int(), None, 'Metric; routes to one destination differ by it. The default is 0 for IPv4 and 1024 for IPv6.'),
        Field('type', Enum(TYPES), None, 'Type of the route. The default is V(unicast).'),
        Field('src', Ip(), None, 'Preferred source address.', aliases=['prefsrc']),
        Field('scope', Int(0, 255, names={'global': 0, 'site': 200, 'link': 253, 'host': 254, 'nowhere': 255}), None,
              'Scope of an IPv4 route. The default is V(host) for the type V(local), V(link) for V(broadcast), V(multicast), V(anycast) '
              'and without gateway, else V(global).'),
        *METRICS,
        Field('realms', Realms(), None, 'Realms of an IPv4 route, the destination or SOURCE/DESTINATION.'),
        Field('pref', Enum({'low': 3, 'medium': 0, 'high': 1}), None, 'Preference of an IPv6 route. The default is V(medium).'),
        ExpiresField('expires', Int(1, 0xFFFFFFFF // _TICKS, 'seconds'), None, 'How long an IPv6 route lives.'),
        Field('onlink', Bool(None, None), None, 'The gateway is on the link, whatever the addresses say.'),
        Field('nhid', Int(1), None, 'Nexthop object.'),
        NexthopField('nexthops', NexthopList(), None, 'Several nexthops to share the traffic.'),
        Field('protocol', Int(0, 255, names=PROTOCOLS), None, 'Who made the route. The default is 118, the mark of this collection.'),
    ])

    def _family(self, values):
        if values['dst'] == 'default' and 'family' in values:
            return values['family']
        if values['dst'] != 'default':
            return 'inet6' if ':' in values['dst'] else 'inet'
        for text in (values.get('via'), values.get('src'), *(hop.get('via') for hop in values.get('nexthops', ()))):
            if text:
                return 'inet6' if ':' in text else 'inet'
        return 'inet'

    def key(self, values, family=None):
        family = family or self._family(values)
        dst = values['dst'] if values['dst'] not in ('0.0.0.0/0', '::/0') else 'default'
        metric = values.get('metric') or (_IPV6_METRIC if family == 'inet6' else 0)
        source = values.get('from') if values.get('from') != '::/0' else None
        return dst, _table(values), metric, family, values.get('tos', 0), source

    def title(self, key):
        dst, table, metric, family, tos, source = key
        return dst + (f' from {source}' if source else '') + (f' tos {tos}' if tos else '') + (f' table {table}' if table != 'main' else '') + (
            f' metric {metric}' if metric not in (0, _IPV6_METRIC) else '') + (' (IPv6)' if dst == 'default' and family == 'inet6' else '')

    def normal(self, values, where):
        family = self._family(values)
        if values.get('nexthops') == [] or 'nexthops' in values and ('via' in values or 'dev' in values):
            raise InputError(f"{where}: nexthops needs a nexthop at least, and excludes via and dev")
        if len(values.get('nexthops', ())) == 1:  # to the kernel that is no multipath
            values.update({name: value for name, value in values.pop('nexthops')[0].items() if name != 'weight'})
        if values.get('family', family) != family:
            raise InputError(f"{where}: family {values['family']} is not that of {values['dst']}")
        values['dst'], values['family'] = self.key(values, family)[0], family
        if family == 'inet6':
            values.pop('scope', None)  # an address says itself where it is valid
        if values.get('from') == '::/0':
            del values['from']
        for name in ('via', 'src', 'from'):
            if name in values and (':' in values[name]) != (family == 'inet6') and not (name == 'via' and family == 'inet'):
                raise InputError(f"{where}: {name} {values[name]} is not of the family of {values['dst']}")
        for name, of in (('tos', 'inet'), ('realms', 'inet'), ('pref', 'inet6'), ('expires', 'inet6')):
            if values.get(name) and family != of:
                raise InputError(f"{where}: {name} is for {'IPv4' if of == 'inet' else 'IPv6'} only")
        if values.get('type') in _DEAD_ENDS:
            if family == 'inet6' and values.get('dev') == 'lo':
                del values['dev']  # where IPv6 has them
            if any(name in values for name in _LEADS):
                raise InputError(f"{where}: a route of type {values['type']} leads nowhere; leave out via, dev, nexthops and nhid")
        if 'nhid' in values and any(name in values for name in _WHERE_TO if name != 'nhid'):
            raise InputError(f'{where}: nhid says where the route leads; leave out via, dev, onlink and nexthops')
        return values

    def merged(self, found, values):
        """Where a route leads is said as a whole: by via and dev, by nexthops, by nhid, or by a type that leads nowhere."""
        gone: set = set()
        if any(name in values for name in _WHERE_TO):
            gone = {*_WHERE_TO} if 'nexthops' in values or 'nhid' in values else {'nexthops', 'nhid'}
            if values.get('via', found.get('via')) != found.get('via') and not values['via'].startswith('fe80:'):
                gone |= {'dev', 'onlink'}  # the link is that which the gateway is on
            if values.get('dev', found.get('dev')) != found.get('dev'):
                gone |= {'via', 'onlink'}
            if found.get('type') in _DEAD_ENDS:
                gone |= {'type', 'scope'}
        if values.get('type') in _DEAD_ENDS:
            gone = {*_WHERE_TO, 'src', 'scope', *(field.name for field in METRICS)}
        whole = {**{name: value for name, value in found.items() if name not in gone}, **values}
        if 'scope' not in values and _by_gateway(whole) != _by_gateway(found):
            whole.pop('scope', None)  # that of the other way
        return whole

    def same(self, name, value, found):
        if name in ('dst', 'family', 'metric', 'tos', 'from', 'table'):  # what it was found by
            return True
        if name in ('pref', 'realms') or name in METRICS.by_name and not value:
            return found.get(name, {'pref': 'medium', 'realms': '0'}.get(name, value)) == value
        return super().same(name, value, found)

    def plan(self, wanted, scopes, world):
        for one in wanted:
            if one.absent:
                continue
            if _LEADS.isdisjoint(one.values):
                whole = self.merged(world.table(self.section, one.netns).get(one.key, {}), one.values)
                if whole.get('type', 'unicast') not in _DEAD_ENDS and _LEADS.isdisjoint(whole):
                    raise InputError(f'{one.where}: a route needs via, dev, nexthops or nhid')
            for hop in one.values.get('nexthops', ()):
                if hop.get('dev') and not world.has_link(one.netns, hop['dev']):
                    raise InputError(f"{one.where}: nexthop dev '{hop['dev']}' does not exist: No such device")
        return super().plan(wanted, scopes, world)

    def creation(self, netns, key, values, where=''):
        operation = super().creation(netns, key, values, where)
        operation.phase = _phase(values)
        return operation

    def replacement(self, one, changed, found):
        operations = super().replacement(one, changed, found)
        for operation in operations:
            if operation.action != 'delete':
                operation.phase = _phase(operation.values)
        return operations

    def scope(self, item, where):
        kinds = self.table.by_name
        protocol = PROTOCOL if item.get('protocol') is None else item['protocol']
        return Scope(self.section, item.get('netns'), {'table': kinds['table'].parse(item.get('table') or 'main', where),
                                                       'protocol': kinds['protocol'].parse(protocol, where),
                                                       'family': kinds['family'].parse(item['family'], where) if item.get('family') else None}, where)

    def scoped(self, scope, key, values):
        return key[1] == scope.limits['table'] and values.get('protocol') == scope.limits['protocol'] and scope.limits['family'] in (None, key[3])

    def returns(self, values):
        return values.get('protocol') not in ('kernel', 'redirect', 'ra')

    def leading(self, world, netns, name) -> list:
        """What puts back the routes that lead to a link."""
        found = dict(self.standing(world, netns, name))
        indirect = self.standing(world, netns, _NHID)
        if indirect:
            single, groups = world.resources['nexthops'].on_link(world, netns, name)
            through = {*single, *groups}
            found.update((key, values) for key, values in indirect if values['nhid'] in through)
        return [self.creation(netns, key, values) for key, values in found.items() if self.returns(values)]

    def sourced(self, world, netns, addresses: set) -> list:
        """What puts back the routes that lose one of these addresses as their source: of IPv4 they go, of IPv6 they stay without it."""
        backs = [self.creation(netns, key, values) for address in addresses for key, values in self.standing(world, netns, (_SOURCE, address))
                 if self.returns(values)]
        for back in backs:
            if back.values['family'] == 'inet6':
                back.action, back.before, back.undo = 'set', {name: value for name, value in back.values.items() if name != 'src'}, []
        return backs

    def hung(self, world, netns, name):
        backs = self.leading(world, netns, name)
        table = world.resources['addresses'].standing(world, netns, name) if 'addresses' in world.resources else ()
        known = {back.key for back in backs}
        return backs + [back for back in self.sourced(world, netns, {key[1].partition('/')[0] for key, unused in table}) if back.key not in known]

    def devices(self, values):
        return {values.get('dev'), *(hop.get('dev') for hop in values.get('nexthops', ())), *([_NHID] if 'nhid' in values else []),
                *([(_SOURCE, values['src'])] if 'src' in values else [])}

    def needs(self, netns, values):
        needs = super().needs(netns, values)
        if 'nhid' in values:
            needs.add(('nexthop', netns, values['nhid']))
        for hop in values.get('nexthops', ()):
            if hop.get('dev'):
                needs |= {('link', netns, hop['dev']), ('set', netns, hop['dev'])}
        return needs

    # -- netlink ------------------------------------------------------------------------------------------------------

    def _codec(self, kernel):
        return kernel.message('rtmsg', _SUPPLEMENT)

    def towards(self, world, netns, dst: str, src: str) -> dict | None:
        """The route that packets of this host to an address take (`ip route get DST from SRC fibmatch`)."""
        if world.kernel is None:
            return None
        header = {'family': AF_INET, 'dst_len': 32, 'src_len': 32, 'flags': _FIB_MATCH | _LOOKUP_TABLE}
        if ':' in dst:  # IPv6 says the table unasked, and refuses to be asked
            header = {'family': AF_INET6, 'dst_len': 128, 'src_len': 128, 'flags': _FIB_MATCH}
        body = self._codec(world.kernel).pack(header, {'RTA_DST': dst, 'RTA_SRC': src})
        unused, replies = world.kernel.namespaces.socket(netns).batch([Request(RTM_GETROUTE, 0, body)])
        found = self.observe(world, netns, [(data, 0, len(data)) for unused2, data in replies.get(0, ())])
        return next(iter(found.values()), None)

    def observe(self, world, netns, answers=None):
        codec, names, table = self._codec(world.kernel), world.links(netns).name_of, {}
        kinds = self.table.types
        for data, start, end in world.kernel.dump(netns, RTM_GETROUTE, codec.pack({}, {})) if answers is None else answers:
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
                'onlink': bool(header['flags'] & ONLINK),
            }
            if header['tos']:
                values['tos'] = header['tos']
            if header['src_len'] and 'RTA_SRC' in attrs:
                values['from'] = f"{attrs['RTA_SRC']}/{header['src_len']}"
            for name, attr in (('via', 'RTA_GATEWAY'), ('via', 'RTA_VIA'), ('src', 'RTA_PREFSRC'), ('realms', 'RTA_FLOW')):
                if attr in attrs:
                    values[name] = kinds[name].unwire(attrs[attr])
            if attrs.get('RTA_PREF'):
                values['pref'] = kinds['pref'].unwire(attrs['RTA_PREF'])
            metrics = attrs.get('RTA_METRICS', {})
            if 'RTAX_LOCK' in metrics:
                metrics['RTAX_LOCK'] &= ~_RTO_MIN
            if metrics:
                values.update({name: value for name, value in METRICS.decode(metrics, None).items() if value})
            if attrs.get('RTA_CACHEINFO', {}).get('expires'):
                values['expires'] = attrs['RTA_CACHEINFO']['expires'] // _TICKS
            if 'RTA_NH_ID' in attrs:
                values['nhid'] = attrs['RTA_NH_ID']  # where the object leads is reported as well, but is the object's
                del values['onlink']
                values.pop('via', None)
            elif 'RTA_MULTIPATH' in attrs:
                values['nexthops'] = self._read_nexthops(codec, attrs['RTA_MULTIPATH'], names)
            elif 'RTA_OIF' in attrs and not (header['family'] == AF_INET6 and values['type'] in _DEAD_ENDS):  # IPv6 has its dead ends on the loopback
                values['dev'] = names(attrs['RTA_OIF'])
            table[self.key(values, values['family'])] = values
        return table

    @staticmethod
    def _read_nexthops(codec, data, names):
        """struct rtnexthop, each with attributes of its own (linux/rtnetlink.h)."""
        hops, at = [], 0
        while len(data) - at >= _NEXTHOP.size:
            length, flags, weight, index = _NEXTHOP.unpack_from(data, at)
            attrs = codec.layout.read(data, at + _NEXTHOP.size, at + length)
            hop = {'weight': weight + 1, 'dev': names(index)}
            if 'RTA_GATEWAY' in attrs or 'RTA_VIA' in attrs:
                hop['via'] = attrs.get('RTA_GATEWAY') or attrs['RTA_VIA']
            if flags & ONLINK:
                hop['onlink'] = True
            hops.append(hop)
            at += (length + 3) & ~3
        return hops

    def immediate(self, operation, kernel):
        values = operation.values
        if operation.action == 'delete' or ':' not in values.get('src', ''):
            return None, None
        return (lambda: wait_for(kernel, operation.netns, values['src'])), None

    def encode(self, operation, kernel):
        values = operation.before if operation.action == 'delete' else operation.values
        codec = self._codec(kernel)
        kinds = self.table.types
        family = self._family(values)
        kind = values.get('type', 'unicast')
        table = kinds['table'].wire(_table(values))
        header = {'family': FAMILIES[family], 'table': table if table < 256 else 0, 'type': TYPES[kind], 'tos': values.get('tos', 0),
                  'scope': kinds['scope'].wire(values.get('scope') or self._scope(family, kind, values)),
                  'proto': kinds['protocol'].wire(values.get('protocol', PROTOCOL)), 'flags': ONLINK if values.get('onlink') else 0}
        attrs = {'RTA_TABLE': table, 'RTA_PRIORITY': values.get('metric'), 'RTA_PREFSRC': values.get('src'), 'RTA_NH_ID': values.get('nhid')}
        for name, attr, length in (('dst', 'RTA_DST', 'dst_len'), ('from', 'RTA_SRC', 'src_len')):
            if values.get(name, 'default') != 'default':
                attrs[attr], unused, bits = values[name].partition('/')
                header[length] = int(bits)
        if 'nhid' not in values:
            if 'via' in values:
                attrs[_via(family, values['via'])] = values['via']
            if 'nexthops' in values:
                attrs['RTA_MULTIPATH'] = b''.join(self._pack_nexthop(hop, operation.netns, kernel, codec, family) for hop in values['nexthops'])
            elif 'dev' in values:
                attrs['RTA_OIF'] = kernel.index(operation.netns, values['dev'])
        if operation.action == 'delete':
            header['scope'] = 255 if family == 'inet' else 0  # RT_SCOPE_NOWHERE: any
            del attrs['RTA_PREFSRC']
            return [(operation.netns, Request(RTM_DELROUTE, 0, codec.pack(header, attrs)))]
        metrics = METRICS.encode({name: value for name, value in values.items() if name in METRICS.by_name and value}, None)
        if 'RTAX_RTO_MIN' in metrics:
            metrics['RTAX_LOCK'] = metrics.get('RTAX_LOCK', 0) | _RTO_MIN
        attrs.update({attr: kinds[name].wire(values[name]) for name, attr in (('realms', 'RTA_FLOW'), ('pref', 'RTA_PREF'), ('expires', 'RTA_EXPIRES'))
                      if name in values})
        attrs['RTA_METRICS'] = metrics or None
        how = NLM_F_CREATE | (NLM_F_REPLACE if operation.action == 'set' else NLM_F_EXCL)
        return [(operation.netns, Request(RTM_NEWROUTE, how, codec.pack(header, attrs)))]

    @staticmethod
    def _scope(family: str, kind: str, values: dict) -> str:
        """What iproute2 takes where nothing is said."""
        if family != 'inet':
            return 'global'
        if kind == 'local':
            return 'host'
        if kind in ('broadcast', 'multicast', 'anycast'):
            return 'link'
        return 'link' if kind == 'unicast' and not _by_gateway(values) else 'global'

    @staticmethod
    def _pack_nexthop(hop, netns, kernel, codec, family):
        body = codec.layout.pack({_via(family, hop['via']): hop['via']} if 'via' in hop else {})
        index = kernel.index(netns, hop['dev']) if 'dev' in hop else 0
        packed = _NEXTHOP.pack(_NEXTHOP.size + len(body), ONLINK if hop.get('onlink') else 0, hop.get('weight', 1) - 1, index) + body
        return packed + b'\0' * (-len(packed) & 3)

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == 3  # ESRCH: went with its link or address

    def commands(self, operation):
        values = operation.before if operation.action == 'delete' else operation.values
        verb = {'create': 'add', 'set': 'replace', 'delete': 'del'}[operation.action]
        line = [*prefix('ip', operation.netns)]
        family = self._family(values)
        if family == 'inet6':
            line.insert(line.index('ip') + 1, '-6')
        elif values['dst'] == 'default' and ':' in values.get('via', ''):
            line.insert(line.index('ip') + 1, '-4')
        line += ['route', verb]
        if values.get('type', 'unicast') != 'unicast':
            line.append(values['type'])
        line.append(values['dst'])
        if 'from' in values:
            line += ['from', values['from']]
        if 'nhid' in values:
            line += ['nhid', str(values['nhid'])]
        else:
            line += _via_words(family, values)
            if 'dev' in values and not values.get('nexthops'):
                line += ['dev', values['dev']]
        for name in ('table', 'metric', 'tos'):
            if name in values and (values[name] not in ('main', 0) or name == 'table' and values.get('type', 'unicast') != 'unicast'):
                line += [name, hex(values[name]) if name == 'tos' else str(values[name])]
        if operation.action == 'delete':
            return [line]
        line += ['proto', str(values.get('protocol', PROTOCOL))]
        for name in ('scope', 'src', 'realms', 'pref', 'expires'):
            if name in values and not (name == 'scope' and family == 'inet6'):
                line += [name, str(values[name])]
        for field in METRICS if not METRICS.by_name.keys().isdisjoint(values) else ():
            if values.get(field.name) and field.name != 'lock':
                word, *rest = field.command(values[field.name])
                line += [word, *(['lock'] if field.name in values.get('lock', ()) else []), *rest]
        if values.get('onlink'):
            line.append('onlink')
        for hop in values.get('nexthops', ()):
            line += ['nexthop', *_via_words(family, hop)]
            for name in ('dev', 'weight'):
                if name in hop:
                    line += [name, str(hop[name])]
            if hop.get('onlink'):
                line.append('onlink')
        return [line]

    def document(self, key, values, netns, world):
        if not self.returns(values):
            return None
        return {name: value for name, value in values.items() if not (name == 'onlink' and not value)}


def _table(values: dict):
    """The table of a route, which is that of iproute2 where nothing is said."""
    return values.get('table') or ('local' if values.get('type') in ('local', 'broadcast', 'anycast') else 'main')


def _phase(values: dict) -> int:
    """Routes that a gateway is found by come before nexthops and routes that have one."""
    return Phase.ROUTE if _by_gateway(values) else Phase.NEIGH


def _by_gateway(values: dict) -> bool:
    return any(name in values for name in ('via', 'nhid', 'nexthops'))


def _via(family: str, gateway: str) -> str:
    return 'RTA_VIA' if family == 'inet' and ':' in gateway else 'RTA_GATEWAY'


def _via_words(family: str, values: dict) -> list[str]:
    if 'via' not in values:
        return []
    return ['via', *(['inet6'] if _via(family, values['via']) == 'RTA_VIA' else []), values['via']]
