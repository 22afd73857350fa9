# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Neighbours, ARP and NDP (ip-neighbour(8), linux/neighbour.h)."""

from __future__ import annotations

import re
import socket

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Phase, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Ip, LinkName, Mac, canonical_ip
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.route import PROTOCOLS

_FLAGS = {'proxy': neigh.NTF_PROXY, 'router': neigh.NTF_ROUTER, 'extern_learn': neigh.NTF_EXT_LEARNED}
_BYTES = re.compile(r'[0-9a-f]{2}(:[0-9a-f]{2}){5}((:[0-9a-f]{2}){14})?')  # Ethernet, InfiniBand
_MANAGED = 1  #: of NDA_FLAGS_EXT
_SETTABLE = ('permanent', 'noarp', 'reachable', 'stale')


class LinkAddress(Mac):
    """A MAC address, or what a link has in its place: tunnels an IP address, InfiniBand more bytes."""

    allowed = Mac.allowed + ', or on a tunnel an IP address'

    def parse(self, value):
        text = str(value).lower()
        if _BYTES.fullmatch(text):
            return self.unwire(text)
        try:
            return canonical_ip(text)
        except ValueError:
            return super().parse(value)

    def wire(self, value):
        if _BYTES.fullmatch(value):
            return value
        return socket.inet_pton(socket.AF_INET6 if ':' in value else socket.AF_INET, value).hex(':')

    def unwire(self, raw):
        data = bytes.fromhex(raw.replace(':', ''))
        return socket.inet_ntop(socket.AF_INET6 if len(data) == 16 else socket.AF_INET, data) if len(data) in (4, 16) else raw


class Neigh(Entry):
    section, noun, module = 'neighs', 'neighbour', 'vnet_neigh'
    doc = 'neighbour entries (ARP and NDP)'
    identity = ('dev', 'dst')
    purgeable = True
    set_phase, unset_phase = Phase.NEIGH, Phase.UNSET_NEIGH
    replaceable = ('lladdr', 'nud', 'router', 'extern_learn', 'protocol')
    table = Table([
        Field('dev', LinkName(), None, 'Link that the neighbour is on.'),
        Field('dst', Ip(), None, 'Address of the neighbour.', aliases=['address', 'to']),
        Field('lladdr', LinkAddress(), None, 'MAC address of the neighbour; on a tunnel such as GRE the address of its other end.'),
        Field('nud', Enum({name: neigh.NUD_STATES[name] for name in _SETTABLE}), None, 'State of the entry. The default is V(permanent).'),
        Field('proxy', Bool(None, None), None, 'Answer for the address on the link, in place of knowing its MAC.'),
        Field('router', Bool(None, None), None, 'The neighbour is a router.'),
        Field('extern_learn', Bool(None, None), None, 'The entry was learned outside the kernel, and is kept by who learned it: purge leaves it alone,'
              ' and vnet_info does not tell it.'),
        Field('managed', Bool(None, None), None, 'The kernel finds out the MAC and keeps it fresh, since Linux 5.16; excludes O(lladdr) and O(nud).'),
        Field('protocol', Int(0, 255, names=PROTOCOLS), None, 'Who made the entry.', aliases=['proto']),
    ])

    def key(self, values):
        return values['dev'], values['dst'], bool(values.get('proxy'))

    def title(self, key):
        return f'{key[1]} on {key[0]}' + (' proxy' if key[2] else '')

    def normal(self, values, where):
        values['proxy'] = bool(values.get('proxy'))
        if values.get('managed'):
            if values['proxy'] or 'lladdr' in values or 'nud' in values:
                raise InputError(f'{where}: managed excludes proxy, lladdr and nud')
        elif not values['proxy']:
            values.setdefault('nud', 'permanent')
        elif 'lladdr' in values or 'nud' in values:
            raise InputError(f"{where}: proxy and {'lladdr' if 'lladdr' in values else 'nud'} exclude each other")
        return values

    def plan(self, wanted, scopes, world):
        for one in wanted:
            if not one.absent and not one.values['proxy'] and not one.values.get('managed') and 'lladdr' not in one.values:
                raise InputError(f'{one.where}: lladdr is missing')
        return super().plan(wanted, scopes, world)

    def same(self, name, value, found):
        if name in ('router', 'extern_learn', 'managed'):
            return bool(found.get(name)) == value
        return value == 0 and name not in found or super().same(name, value, found)  # protocol 0 is none

    def merged(self, found, values):
        return super().merged({name: value for name, value in found.items() if name != 'managed' or 'lladdr' not in values}, values)

    def replacement(self, one, changed, found):
        anew = 'protocol' in changed and (not changed['protocol'] or 'protocol' not in found)  # the kernel does not take it away
        anew = anew or found.get('managed') and 'lladdr' in changed
        return super().replacement(one, {**changed, 'dst': one.values['dst']} if anew else changed, found)  # dst: not replaceable

    def scoped(self, scope, key, values):
        return key[0] == scope.limits['dev'] and self.returns(values)

    def returns(self, values):
        return (values.get('nud') == 'permanent' or values['proxy'] or values.get('managed', False)) and not values.get('extern_learn')

    def observe(self, world, netns):
        codec, names, table = neigh.codec(world.kernel), world.links(netns).name_of, {}
        states = {number: name for name, number in neigh.NUD_STATES.items()}
        for family in (neigh.AF_INET, neigh.AF_INET6):
            for extra in (0, neigh.NTF_PROXY):
                for data, start, end in world.kernel.dump(netns, neigh.RTM_GETNEIGH, codec.pack({'family': family, 'flags': extra}, {})):
                    header = codec.read_header(data, start)
                    attrs = codec.layout.read(data, start + codec.size, end)
                    if 'NDA_DST' not in attrs:
                        continue
                    values = {'dev': names(header['ifindex']), 'dst': attrs['NDA_DST'], 'proxy': bool(header['flags'] & neigh.NTF_PROXY)}
                    if attrs.get('NDA_FLAGS_EXT', 0) & _MANAGED:
                        values['managed'] = True  # its state and MAC are what the kernel finds out
                    elif not values['proxy']:
                        values['nud'] = states.get(header['state'], 'stale')
                    if attrs.get('NDA_PROTOCOL'):
                        values['protocol'] = self.table.by_name['protocol'].type.unwire(attrs['NDA_PROTOCOL'])
                    if 'NDA_LLADDR' in attrs and 'managed' not in values:
                        values['lladdr'] = self.table.types['lladdr'].unwire(attrs['NDA_LLADDR'])
                    values.update({name: True for name, bit in _FLAGS.items() if header['flags'] & bit})
                    table[self.key(values)] = values
        return table

    def encode(self, operation, kernel):
        values = operation.before if operation.action == 'delete' else operation.values
        codec = neigh.codec(kernel)
        header = {'family': neigh.AF_INET6 if ':' in values['dst'] else neigh.AF_INET, 'ifindex': kernel.index(operation.netns, values['dev']),
                  'state': 0 if values.get('managed') else neigh.NUD_STATES[values.get('nud', 'permanent')],
                  'flags': sum(bit for name, bit in _FLAGS.items() if values.get(name))}
        attrs = {'NDA_DST': values['dst'], 'NDA_FLAGS_EXT': _MANAGED if values.get('managed') else None,
                 'NDA_LLADDR': self.table.types['lladdr'].wire(values['lladdr']) if 'lladdr' in values else None}
        if 'protocol' in values:
            attrs['NDA_PROTOCOL'] = self.table.by_name['protocol'].type.wire(values['protocol'])
        if operation.action == 'delete':
            return [(operation.netns, Request(neigh.RTM_DELNEIGH, 0, codec.pack(header, attrs)))]
        # a learned entry for the address may stand already without being listed as ours: it is taken over
        how = NLM_F_CREATE | (NLM_F_EXCL if operation.action == 'create' and values['proxy'] else NLM_F_REPLACE)
        return [(operation.netns, Request(neigh.RTM_NEWNEIGH, how, codec.pack(header, attrs)))]

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == 2  # ENOENT: gone with its link

    def commands(self, operation):
        values = operation.before if operation.action == 'delete' else operation.values
        line = [*prefix('ip', operation.netns), 'neighbour', 'del' if operation.action == 'delete' else 'replace']
        if values['proxy']:
            line += ['proxy', values['dst']]
        else:
            line += [values['dst']]
            if operation.action != 'delete' and not values.get('managed'):
                line += ['lladdr', values['lladdr'], 'nud', values.get('nud', 'permanent')]
        line += ['dev', values['dev']]
        if operation.action != 'delete':
            line += [name for name in ('router', 'extern_learn', 'managed') if values.get(name)]
            if 'protocol' in values:
                line += ['protocol', str(values['protocol'])]
        return [line]

    def document(self, key, values, netns, world):
        if not self.returns(values):
            return None
        return {name: value for name, value in values.items() if value is not False}
