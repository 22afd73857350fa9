# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding entries of bridges and VXLAN devices (bridge-fdb of bridge(8), linux/neighbour.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Ip, LinkName, ListOf, Mac
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import fdb_rows
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.fdb_found import ATTRS, FLAGS, FLOOD, FdbTable

_STATES = {'permanent': neigh.NUD_PERMANENT | neigh.NUD_NOARP, 'static': neigh.NUD_REACHABLE | neigh.NUD_NOARP, 'dynamic': neigh.NUD_REACHABLE}
#: where an entry leads
_LEADS = ('dst', 'vni', 'port', 'via', 'nhid')


class Fdb(Entry):
    section, noun, module = 'fdb', 'FDB entry', 'vnet_fdb'
    doc = 'forwarding entries of bridges and VXLAN devices'
    identity = ('dev', 'mac')
    purgeable = True
    set_phase, unset_phase = Phase.FDB, Phase.UNSET_FDB
    replaceable = (*_LEADS, 'entry_state', 'router', 'sticky', 'extern_learn')
    table = Table([
        Field('dev', LinkName(), None, 'Bridge port, bridge or VXLAN device.'),
        Field('mac', Mac(), None, 'MAC address; V(00:00:00:00:00:00) on a VXLAN device is where to flood to.', aliases=['lladdr', 'address']),
        Field('dst', Ip(), None, 'Remote VTEP of a VXLAN entry.'),
        Field('vni', Int(0, 0xFFFFFF), None, "VNI to send with, where it is not the device's own."),
        Field('src_vni', Int(0, 0xFFFFFF), None, 'VNI that the entry belongs to, on an external device.'),
        Field('port', Int(1, 65535), None, "UDP destination port, where it is not the device's own."),
        Field('via', LinkName(), None, 'Link that the outer packets leave by.'),
        Field('vlan', Int(0, 4094), None, 'VLAN of the entry, on a bridge. Without it there is an entry for each VLAN that the port has when it is made,'
              ' and one without a VLAN; V(0) is the latter alone.'),
        Field('nhid', Int(1), None, 'Nexthop group of the entry, in place of O(dst).'),
        Field('master', Bool(), None, "The entry is in the table of the bridge that O(dev) is a port of."),
        Field('self', Bool(), None, "The entry is in the table of O(dev) itself. The default is V(true) where O(master) is not."),
        Field('entry_state', Enum({name: place for place, name in enumerate(_STATES)}), None,
              'Whether the entry ever ages or moves. The default is V(permanent).'),
        Field('router', Bool(), None, 'A router is behind the MAC.'),
        Field('sticky', Bool(), None, 'The entry does not move to another port.'),
        Field('extern_learn', Bool(), None, 'The entry was learned outside the kernel, and is kept by who learned it: purge leaves it alone,'
              ' and vnet_info does not tell it.'),
        Field('onlink', Bool(), None, 'Accepted for completeness of iproute2 input; the kernel has no such flag for FDB entries.', write_only=True),
        Field('remotes', ListOf(Ip()), None, 'Short form for head-end replication: one flooding entry for each of these VTEPs.'),
    ])

    def key(self, values):
        mac, master = values.get('mac', FLOOD), bool(values.get('master'))
        if not master and mac != FLOOD and not int(mac[:2], 16) & 1:  # there is one entry for it, which leads somewhere
            return (values['dev'], mac, None, None, values.get('src_vni'), None, None, values.get('vlan') or None, None, master)
        return (values['dev'], mac, values.get('dst'), values.get('vni'), values.get('src_vni'), values.get('port'),
                values.get('via'), values.get('vlan') or None, values.get('nhid'), master)

    def named(self, key, values):
        words = [values.get('mac', FLOOD), 'on', values['dev']]
        for name in ('dst', 'vni', 'src_vni', 'port', 'via', 'vlan', 'nhid'):
            if values.get(name) is not None:
                words += [name, str(values[name])]
        return ' '.join(words + (['master'] if values.get('master') else []))

    def parse(self, item, where):
        remotes = item.get('remotes')
        if remotes is None:
            return super().parse(item, where)
        if item.get('mac') not in (None, FLOOD):
            raise InputError(f"{where}: remotes are flooding entries ({FLOOD}); give mac and dst without remotes for another MAC")
        rest = {name: value for name, value in item.items() if name not in ('remotes', 'purge')}
        result = []
        for dst in self.table.by_name['remotes'].parse(remotes, where):
            result += super().parse({**rest, 'mac': FLOOD, 'dst': dst}, where)
        return result

    def columns(self, top, items):
        return fdb_rows.columns(self, top, items)

    def plan(self, wanted, scopes, world):
        operations, single, scopes = [], [], list(scopes)
        for one in wanted:
            if 'rows' not in one.values:
                single.append(one)
                continue
            made = fdb_rows.plan(self, one, world)
            if made is None:
                entries, scope = one.values['rows'].single(one)
                single += entries
                scopes += scope
            else:
                operations += made
        # an item without a VLAN stands for the entries of all VLANs, which no purge takes
        stands = {(one.netns, one.key[0], one.key[1], one.key[-1]) for one in single if not one.absent and 'vlan' not in one.values}
        absent = {(one.netns, one.key) for one in single if one.absent}
        operations += [one for one in super().plan(single, scopes, world) if one.action != 'delete' or (one.netns, one.key) in absent
                       or not one.before.get('vlan') or (one.netns, one.key[0], one.key[1], one.key[-1]) not in stands]
        gone = {(operation.netns, operation.key) for operation in operations if operation.action == 'delete'}
        alone = {(one.netns, one.key) for one in single if one.values.get('vlan') == 0}
        for delete in [operation for operation in operations if operation.action == 'delete' and operation.before.get('vlan') == 0]:
            for values in self._of_vlans(world, delete.netns, delete.key).values():  # they go as well
                key = self.key(values)
                delete.undo.append(self.creation(delete.netns, key, values))
                if (delete.netns, key) not in gone and ((self.section, delete.netns, key) in world.wanted or (delete.netns, delete.key) in alone):
                    back = self.creation(delete.netns, key, values, delete.where)
                    back.facts['put_back'] = True
                    operations.append(back)
        return operations

    def immediate(self, operation, kernel):
        if 'rows' in operation.facts:
            return lambda: fdb_rows.send(operation, kernel), None
        if operation.action != 'create' or operation.values.get('vlan') != 0:
            return None, None
        before: set = set()
        return lambda: before.update(self._vlans(operation, kernel)), lambda: self._alone(operation, kernel, before)

    def _vlans(self, operation, kernel) -> set:
        """The VLANs that an entry's MAC has entries of now."""
        codec, values = neigh.codec(kernel), operation.values
        header = {'family': neigh.AF_BRIDGE, 'ifindex': kernel.index(operation.netns, values['dev'])}
        found = set()
        for data, start, end in kernel.dump(operation.netns, neigh.RTM_GETNEIGH, codec.pack(header, {})):
            if codec.read_header(data, start)['ifindex'] == header['ifindex']:
                attrs = codec.layout.read(data, start + codec.size, end)
                if attrs.get('NDA_LLADDR') == values['mac'] and 'NDA_VLAN' in attrs:
                    found.add(attrs['NDA_VLAN'])
        return found

    def _alone(self, operation, kernel, before: set):
        """Removes the entries of all VLANs that the kernel has made with the one without a VLAN."""
        for vlan in sorted(self._vlans(operation, kernel) - before):
            values = {**operation.values, 'vlan': vlan}
            for netns, request in self.encode(Operation(self.section, 'delete', operation.netns, operation.key, operation.name, before=values), kernel):
                failed, unused = kernel.namespaces.socket(netns).batch([request])
                for error in failed.values():
                    raise error

    def normal(self, values, where):
        master, own = values.get('master'), values.get('self')
        if master and own:
            raise InputError(f'{where}: master and self are two entries; write one item for each')
        values['master'], values['self'] = bool(master), not master
        values.pop('onlink', None)
        if values['master'] and any(name in values for name in ('dst', 'vni', 'src_vni', 'port', 'via', 'nhid')):
            raise InputError(f'{where}: dst, vni, port, via and nhid belong to a VXLAN device (self), not to a bridge (master)')
        if 'dst' in values and 'nhid' in values:
            raise InputError(f'{where}: dst and nhid exclude each other')
        values.setdefault('entry_state', 'permanent')
        return values

    def creation(self, netns, key, values, where=''):
        operation = super().creation(netns, key, values, where)
        if not any(name in values for name in _LEADS):  # one of a bridge without a VLAN follows: it brings those of all VLANs that the port has by then
            (operation.provides if values.get('vlan') else operation.requires).add(('fdb', netns, key[:2]))
        return operation

    def hung(self, world, netns, name):
        operations = sorted(super().hung(world, netns, name), key=lambda operation: not operation.values.get('vlan'))
        for operation in operations:
            if operation.values.get('vlan') == 0 and self._of_all_vlans(world, netns, operation.key):
                operation.values = {option: value for option, value in operation.values.items() if option != 'vlan'}
        return operations

    def _of_vlans(self, world, netns, key) -> dict:
        """{VLAN: values} of the entries that a bridge has beside one without a VLAN."""
        found = world.standing.get((self.section, netns, 'VLANs'))
        if found is None:
            found = world.standing[self.section, netns, 'VLANs'] = {}
            for other, values in world.table(self.section, netns).items():
                if values.get('vlan'):
                    found.setdefault((other[0], other[1], other[-1]), {})[values['vlan']] = values
        return found.get((key[0], key[1], key[-1]), {})

    def _of_all_vlans(self, world, netns, key) -> bool:
        """Whether an entry without a VLAN and those beside it are what the kernel makes of one item without a VLAN."""
        table = world.table(self.section, netns)
        whole = {**table[key], 'vlan': None}
        beside = {vlan for vlan, values in self._of_vlans(world, netns, key).items() if {**values, 'vlan': None} == whole}
        vids = world.standing.get(('bridge_vlans', netns))
        if vids is None:
            vids = world.standing['bridge_vlans', netns] = {}
            for dev, vid in world.table('bridge_vlans', netns):
                vids.setdefault(dev, set()).add(vid)
        return beside == vids.get(key[0], set())

    def needs(self, netns, values):
        return super().needs(netns, values) | ({('nexthop', netns, values['nhid'])} if 'nhid' in values else set())

    def same(self, name, value, found):
        if name in FLAGS:
            return bool(found.get(name)) == value
        if name == 'entry_state' and found.get('master') and found.get('extern_learn'):
            return True  # the bridge leaves such an entry to who learned it, whatever its state
        return name not in (*_LEADS, 'entry_state') or value == found.get(name)

    def present(self, world, netns):
        table = super().present(world, netns)
        moved = {dev for place, dev in world.moved if place == netns}
        return {key: values for key, values in table.items() if key[0] not in moved or not values['master']} if moved else table

    def find(self, table, one):
        found = super().find(table, one)
        if found is not None and one.absent and any(one.values[name] != found.get(name) for name in _LEADS if name in one.values):
            return None  # it leads elsewhere
        return found

    def merged(self, found, values):
        kept = {name: value for name, value in found.items() if not (name in _LEADS and {'dst', 'nhid'} & values.keys())}
        return {**kept, **values}

    def standing(self, world, netns, name):
        table = world.table(self.section, netns)
        return table.of(name) if isinstance(table, FdbTable) else super().standing(world, netns, name)

    def near(self, world, scope):
        table = self.present(world, scope.netns)
        return table.of(scope.limits['dev']) if isinstance(table, FdbTable) else super().near(world, scope)

    def scoped(self, scope, key, values):
        return key[0] == scope.limits['dev'] and self.returns(values) and not values.get('local')

    def returns(self, values):
        return values['entry_state'] in ('permanent', 'static') and not values.get('extern_learn') and not values.get('implied')

    def observe(self, world, netns):
        return FdbTable(world, netns, self.key)

    def encode(self, operation, kernel):
        if 'rows' in operation.facts:
            return []
        values = operation.before if operation.action == 'delete' else operation.values
        codec = neigh.codec(kernel)
        flags = neigh.NTF_MASTER if values.get('master') else neigh.NTF_SELF
        for name, bit in FLAGS.items():
            if values.get(name):
                flags |= bit
        header = {'family': neigh.AF_BRIDGE, 'ifindex': kernel.index(operation.netns, values['dev']),
                  'state': _STATES[values.get('entry_state', 'permanent')], 'flags': flags}
        attrs = {'NDA_LLADDR': values['mac']}
        for name, attr in ATTRS.items():
            if values.get(name) is not None and (name, values[name]) != ('vlan', 0):
                attrs[attr] = values[name]
        if values.get('via'):
            attrs['NDA_IFINDEX'] = kernel.index(operation.netns, values['via'])
        if operation.action == 'delete':
            return [(operation.netns, Request(neigh.RTM_DELNEIGH, 0, codec.pack(header, attrs)))]
        if operation.action == 'set':
            how = NLM_F_CREATE | NLM_F_REPLACE
        elif values['mac'] == FLOOD and values.get('dst'):
            how = NLM_F_CREATE | NLM_F_APPEND
        else:
            how = NLM_F_CREATE | NLM_F_EXCL
        return [(operation.netns, Request(neigh.RTM_NEWNEIGH, how, codec.pack(header, attrs)))]

    def forgiven(self, operation, error):
        if operation.action == 'create':  # the entry without a VLAN is there, and one of a VLAN of the port was before
            return error.errno == 17 and not operation.values.get('vlan') and not any(name in operation.values for name in _LEADS)
        return operation.action == 'delete' and error.errno == 2  # ENOENT: aged out or gone with its link

    def commands(self, operation):
        if 'rows' in operation.facts:
            return fdb_rows.commands(operation, prefix('bridge', operation.netns))
        values = operation.before if operation.action == 'delete' else operation.values
        append = values['mac'] == FLOOD and values.get('dst')
        verb = {'create': 'append' if append else 'add', 'set': 'replace', 'delete': 'del'}[operation.action]
        line = [*prefix('bridge', operation.netns), 'fdb', verb, values['mac'], 'dev', values['dev']]
        for name in ('dst', 'vni', 'src_vni', 'port', 'via', 'vlan', 'nhid'):
            if values.get(name) is not None and (name, values[name]) != ('vlan', 0):
                line += [name, str(values[name])]
        line.append('master' if values.get('master') else 'self')
        if operation.action != 'delete':
            line.append(values.get('entry_state', 'permanent'))
            line += [name for name in FLAGS if values.get(name)]
        return [line]

    def document(self, key, values, netns, world):
        if not self.returns(values):
            return None
        item = {name: value for name, value in values.items() if value is not False and value is not None and name != 'self'}
        if 'vlan' in item:
            bare = (*key[:7], None, *key[8:])
            if bare in world.table(self.section, netns) and self._of_all_vlans(world, netns, bare):
                if item.pop('vlan'):
                    return None  # the item without a VLAN says all of them
        return item
