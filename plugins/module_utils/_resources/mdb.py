# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Multicast groups of bridges and VXLAN devices (bridge-mdb of bridge(8), linux/if_bridge.h)."""

from __future__ import annotations

import socket
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Phase, Wanted, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Enum, Int, Ip, LinkName, ListOf, Mac, Type, canonical_ip
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import NLA_F_NESTED, Layout, Message, attribute, attributes
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.route import PROTOCOLS

RTM_NEWMDB, RTM_DELMDB, RTM_GETMDB = 84, 85, 86
AF_BRIDGE = 7
_STAR_EXCL = 0x04
#: struct br_mdb_entry: ifindex, state, flags, vid, address, its ethertype
ENTRY = struct.Struct('=IBBH16s2sxx')
_IPV4, _IPV6, _MAC = b'\x08\x00', b'\x86\xdd', b'\0\0'
_MDBA_MDB, _MDBA_MDB_ENTRY, _MDBA_MDB_ENTRY_INFO = 1, 1, 1


class _BrPortMsg:
    """struct br_port_msg, of which no release of pyroute2 has a class."""

    fields = (('family', 'B'), ('pad', '3x'), ('ifindex', 'I'))
    nla_map = ()


def _address(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ':' in text else socket.AF_INET, text)


def _text(data, start, end) -> str:
    return socket.inet_ntop(socket.AF_INET6 if end - start == 16 else socket.AF_INET, data[start:end])


_SOURCE = Layout([(1, 'ADDRESS', (_address, _text))])
_SOURCES = (lambda values: b''.join(attribute(1 | NLA_F_NESTED, _SOURCE.pack({'ADDRESS': one})) for one in values),
            lambda data, start, end: [_SOURCE.read(data, first, last)['ADDRESS'] for unused, unused2, first, last in attributes(data, start, end)])
#: what an entry is made of beside struct br_mdb_entry: in reports these are MDBA_MDB_EATTR_*, in requests MDBE_ATTR_*
_REST = {'dst': 'ipaddr', 'dst_port': 'uint16', 'vni': 'uint32', 'via': 'uint32', 'src_vni': 'uint32'}
_ATTRS = Layout([(1, 'src', 'ipaddr'), (2 | NLA_F_NESTED, 'source_list', _SOURCES), (3, 'filter_mode', 'uint8'), (4, 'protocol', 'uint8'),
                 *((number, *row) for number, row in enumerate(_REST.items(), 5))])
_REPORT = Layout([(2, 'source_list', _SOURCES), (3, 'filter_mode', 'uint8'), (4, 'src', 'ipaddr'), (5, 'protocol', 'uint8'),
                  *((number, *row) for number, row in enumerate(_REST.items(), 6))])
CODEC = Message(_BrPortMsg, ((1, 'MDBA_SET_ENTRY', (bytes, bytes)), (2, 'MDBA_SET_ENTRY_ATTRS', _ATTRS)))
_SINCE_6_3 = ('filter_mode', 'source_list', 'protocol')


class Group(Type):
    """An IP address, or the MAC address of a layer-2 group."""

    spec = {'type': 'str'}
    allowed = 'an IPv4 or IPv6 address, or a multicast MAC address'

    def parse(self, value):
        for parse in (Mac().parse, canonical_ip):
            try:
                return parse(str(value))
            except ValueError:
                pass
        raise ValueError(self.allowed)

    @staticmethod
    def pack(value: str) -> tuple[bytes, bytes]:
        """The union and the ethertype of struct br_mdb_entry."""
        if _is_mac(value):
            return bytes.fromhex(value.replace(':', '')), _MAC
        return _address(value), _IPV6 if ':' in value else _IPV4

    @staticmethod
    def read(data: bytes, ethertype: bytes) -> str:
        if ethertype == _MAC:
            return data[:6].hex(':')
        return _text(data, 0, 16 if ethertype == _IPV6 else 4)


def _is_mac(text: str) -> bool:
    return len(text) == 17 and text.count(':') == 5 and '::' not in text


class Mdb(Entry):
    section, noun, module = 'mdb', 'MDB entry', 'vnet_mdb'
    doc = 'multicast groups of bridges and VXLAN devices'
    identity = ('dev', 'grp')
    purgeable = True
    set_phase, unset_phase = Phase.MDB, Phase.UNSET_MDB
    table = Table([
        Field('dev', LinkName(), None, 'Bridge or VXLAN device.'),
        Field('port', LinkName(), None, 'Port that the group is behind; the bridge itself for a group that the host has joined. '
              'The default is O(dev), which is what a VXLAN device wants.'),
        Field('grp', Group(), None, 'Multicast group: an IP address, or a MAC address for a group of layer 2.', aliases=['group']),
        Field('src', Ip(), None, 'Source, of an entry for one source only.'),
        Field('vid', Int(1, 4094), None, 'VLAN. Without it, a bridge that filters VLANs gets an entry for each VLAN of the port.'),
        Field('entry_state', Enum({'temp': 0, 'permanent': 1}), None, 'Whether the entry stays; a temporary one ages out. The default is V(permanent), '
              'which differs from iproute2, or V(temp) for the bridge itself, which knows no other.'),
        Field('filter_mode', Enum({'exclude': 0, 'include': 1}), None,
              'Whether O(source_list) says which sources are wanted or which are not, since Linux 6.3. It takes effect, and can be read back, '
              'on a bridge of C(mcast_igmp_version) 3, for IPv6 of C(mcast_mld_version) 2. The default is V(exclude), with O(src) V(include).'),
        Field('source_list', ListOf(Ip()), None, 'Sources of an entry without O(src), since Linux 6.3.'),
        Field('protocol', Int(3, 255, names={name: number for name, number in PROTOCOLS.items() if number > 2}), None,
              'Who made the entry, since Linux 6.3. The default is V(static).', aliases=['proto']),
        Field('dst', Ip(), None, 'Remote VTEP, on a VXLAN device since Linux 6.4, as all that follows.'),
        Field('dst_port', Int(1, 65535), None, "UDP destination port, where it is not the device's own."),
        Field('vni', Int(0, 0xFFFFFF), None, "VNI to send with, where it is not the device's own."),
        Field('src_vni', Int(0, 0xFFFFFF), None, 'VNI that the entry belongs to, on an external device.'),
        Field('via', LinkName(), None, 'Link that the outer packets leave by.'),
    ])

    def key(self, values):
        return (values['dev'], values.get('port', values['dev']), values['grp'],
                *(values.get(name) for name in ('src', 'vid', 'dst', 'dst_port', 'vni', 'src_vni', 'via')))

    def title(self, key):
        names = ('', 'on', '', 'src', 'vid', 'dst', 'dst_port', 'vni', 'src_vni', 'via')
        words = [key[2]]
        for name, value in zip(names, key):
            if value is not None and name:
                words += [name, str(value)]
        return ' '.join(words)

    def normal(self, values, where):
        values.setdefault('port', values['dev'])
        values.setdefault('entry_state', 'temp' if values['port'] == values['dev'] and 'dst' not in values else 'permanent')
        group = values['grp']
        if _is_mac(group):
            if not int(group[:2], 16) & 1:
                raise InputError(f'{where}: grp {group} is no multicast address')
            if values['entry_state'] != 'permanent':
                raise InputError(f'{where}: a group of layer 2 is permanent')
        for name in ('src', *(['source_list'] if values.get('source_list') else [])):
            for source in values[name] if name == 'source_list' else [values['src']] if 'src' in values else []:
                if _is_mac(group) or (':' in source) != (':' in group):
                    raise InputError(f'{where}: {name} {source} is not of the family of {group}')
        if 'src' in values and any(name in values for name in ('filter_mode', 'source_list')) and 'dst' not in values:
            raise InputError(f'{where}: filter_mode and source_list are for entries without src')
        return values

    def same(self, name, value, found):
        if name in ('filter_mode', 'source_list') and not found.get('reported', True):
            return True
        if name in ('filter_mode', 'protocol'):
            return found.get(name, _unsaid(found)[name]) == value
        if name == 'source_list':
            return found.get(name, []) == value
        if name == 'port':
            return True
        return super().same(name, value, found)

    def scoped(self, scope, key, values):
        return key[0] == scope.limits['dev'] and self.returns(values)

    def returns(self, values):
        return values['entry_state'] == 'permanent' and not values.get('implied')

    def hung(self, world, netns, name):
        return [self.creation(netns, key, values) for key, values in self.standing(world, netns, name) if self.returns(values)]

    def devices(self, values):
        return {values['dev'], values['port'], values.get('via')}

    def refers(self, wanted):
        return [(wanted.netns, wanted.values[name]) for name in ('dev', 'port', 'via') if name in wanted.values]

    def needs(self, netns, values):
        needs = super().needs(netns, values)
        for name in ('port', 'via'):
            if name in values:
                needs |= {('link', netns, values[name]), ('set', netns, values[name])}
        return needs

    def plan(self, wanted, scopes, world):
        for one in wanted:
            for name in ('port', 'via'):
                if not one.absent and name in one.values and not world.has_link(one.netns, one.values[name]):
                    raise InputError(f"{one.where}: {name} '{one.values[name]}' does not exist: No such device", errno=19, rolled_back=False)
        return super().plan([each for one in wanted for each in self._by_vlan(one, world)], scopes, world)

    def _by_vlan(self, one, world) -> list[Wanted]:
        """Where the bridge filters VLANs, an entry without one is an entry for each VLAN of its port."""
        link = world.links(one.netns).get(one.values['dev'])
        if 'vid' in one.values or link is None or not link.values.get('bridge', {}).get('vlan_filtering'):
            return [one]
        vids = [vid for dev, vid in world.table('bridge_vlans', one.netns) if dev == one.values['port']]
        each = [{**one.values, 'vid': vid} for vid in vids]
        return [Wanted(self.section, one.netns, self.key(values), values, one.absent, one.where) for values in each] or [one]

    # -- netlink ------------------------------------------------------------------------------------------------------

    def observe(self, world, netns):
        names, table = world.links(netns).name_of, {}
        try:
            found = world.kernel.dump(netns, RTM_GETMDB, CODEC.pack({'family': AF_BRIDGE}, {}))
        except KernelError as exc:
            if exc.errno != 95:  # EOPNOTSUPP: there is no bridge driver, and so no bridge
                raise
            found = []
        for data, start, end in found:
            dev = names(CODEC.read_header(data, start)['ifindex'])
            for number, unused, first, last in attributes(data, start + CODEC.size, end):
                for kind, unused2, begin, stop in attributes(data, first, last) if number == _MDBA_MDB else ():
                    for info, unused3, at, until in attributes(data, begin, stop) if kind == _MDBA_MDB_ENTRY else ():
                        values = self._read(data, at, until, dev, names) if info == _MDBA_MDB_ENTRY_INFO else None
                        if values is not None:
                            table[self.key(values)] = values
        for values in table.values():  # the kernel makes an entry for each source of a list
            whole = table.get(self.key({**values, 'src': None})) if 'src' in values else None
            if whole is not None and values['src'] in whole.get('source_list', ()):
                values['implied'] = True
        return table

    def _read(self, data, start, end, dev, names):
        index, state, flags, vid, address, ethertype = ENTRY.unpack_from(data, start)
        attrs = _REPORT.read(data, start + ENTRY.size, end)
        values = {'dev': dev, 'port': names(index), 'grp': Group.read(address, ethertype), 'entry_state': 'permanent' if state & 1 else 'temp'}
        if vid:
            values['vid'] = vid
        values.update({name: attrs[name] for name in ('src', 'dst', 'dst_port', 'vni', 'src_vni') if name in attrs})
        if 'via' in attrs:
            values['via'] = names(attrs['via'])
        if attrs.get('source_list'):
            values['source_list'] = sorted(attrs['source_list'])
        for name in ('filter_mode', 'protocol'):
            if name in attrs:
                values[name] = self.table.by_name[name].type.unwire(attrs[name])
        if 'filter_mode' not in attrs:  # a bridge of IGMP version 2 or MLD version 1 keeps them to itself
            values['reported'] = False
        for name, value in _unsaid(values).items():  # older kernels understand that too
            if values.get(name) == value:
                del values[name]
        if flags & _STAR_EXCL:
            values['implied'] = True
        return values

    def encode(self, operation, kernel):
        values = operation.before if operation.action == 'delete' else operation.values
        delete = operation.action == 'delete'
        address, ethertype = Group.pack(values['grp'])
        state = self.table.by_name['entry_state'].type.wire(values['entry_state'])
        entry = ENTRY.pack(kernel.index(operation.netns, values['port']), state, 0, values.get('vid', 0), address, ethertype)
        attrs = {name: values[name] for name in ('src', 'dst', 'dst_port', 'vni', 'src_vni') if name in values}
        if 'via' in values:
            attrs['via'] = kernel.index(operation.netns, values['via'])
        if not delete:
            attrs.update({name: self.table.by_name[name].type.wire(values[name]) for name in ('filter_mode', 'protocol') if name in values})
            if values.get('source_list'):
                attrs['source_list'] = values['source_list']
                attrs.setdefault('filter_mode', 0)
        body = CODEC.pack({'family': AF_BRIDGE, 'ifindex': kernel.index(operation.netns, values['dev'])},
                          {'MDBA_SET_ENTRY': entry, 'MDBA_SET_ENTRY_ATTRS': attrs or None})
        return [(operation.netns, Request(RTM_DELMDB, 0, body) if delete else Request(RTM_NEWMDB, NLM_F_CREATE | NLM_F_EXCL, body))]

    def explain(self, operation, error):
        reason = super().explain(operation, error)
        newer = [name for name in _SINCE_6_3 if name in operation.values]
        if error.extack == 'Unknown attribute type' and newer:
            reason += f"; {', '.join(newer)} needs Linux 6.3"
        return reason

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno in (2, 22)  # ENOENT; EINVAL: older kernels say so of an entry that aged out or left with its port

    def commands(self, operation):
        values = operation.before if operation.action == 'delete' else operation.values
        line = [*prefix('bridge', operation.netns), 'mdb', 'del' if operation.action == 'delete' else 'add', 'dev', values['dev'], 'port', values['port'],
                'grp', values['grp']]
        for name in ('src', 'vid', 'dst', 'dst_port', 'vni', 'src_vni', 'via'):
            if name in values:
                line += [name, str(values[name])]
        if operation.action != 'delete':
            line.append(values['entry_state'])
            if 'filter_mode' in values or values.get('source_list'):
                line += ['filter_mode', values.get('filter_mode', 'exclude')]
            if values.get('source_list'):
                line += ['source_list', ','.join(values['source_list'])]
            if 'protocol' in values:
                line += ['proto', str(values['protocol'])]
        return [line]

    def document(self, key, values, netns, world):
        return {name: value for name, value in values.items() if name in self.table.by_name} if self.returns(values) else None


def _unsaid(values: dict) -> dict:
    """What is meant where nothing is said."""
    return {'filter_mode': 'include' if 'src' in values else 'exclude', 'protocol': 'static'}
