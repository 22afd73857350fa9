# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLAN membership of bridge ports (bridge-vlan of bridge(8), linux/if_bridge.h)."""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Resource, Scope, Wanted, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, LinkName, ListOf, Options, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout, attribute
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request

RTM_NEWVLAN, RTM_GETVLAN = 112, 114
_SELF = 2  #: BRIDGE_FLAGS_SELF
_PVID, _UNTAGGED, _BEGIN, _END = 0x2, 0x4, 0x8, 0x10
_VLAN_INFO = struct.Struct('=HH')
_TUNNEL = Layout([(1, 'ID', 'uint32'), (2, 'VID', 'uint16'), (3, 'FLAGS', 'uint16')])
_SPEC = Layout([(0, 'FLAGS', 'uint16'), (1, 'MODE', 'uint16'), (2, 'VLAN_INFO', '*cdata'), (3, 'TUNNEL_INFO', '*cdata')])
#: struct br_vlan_msg + BRIDGE_VLANDB_ENTRY (linux/if_bridge.h)
_VLAN_MESSAGE = struct.Struct('=BBHI')
_DB_ENTRY = Layout([(1, 'INFO', 'cdata'), (2, 'RANGE', 'uint16'), (3, 'STATE', 'uint8')])
_STATES = {'disabled': 0, 'listening': 1, 'learning': 2, 'forwarding': 3, 'blocking': 4}


class VlanRange(Type):
    """A VLAN or a range of them, 100 or '100-199'."""

    spec = {'type': 'str'}
    allowed = 'a VLAN ID 1-4094, or a range such as 100-199'

    def __init__(self, hi: int = 4094, allowed: str | None = None, lo: int = 1):
        self.lo, self.hi = lo, hi
        self.allowed = allowed or self.allowed

    def parse(self, value):
        first, dash, last = str(value).partition('-')
        if isinstance(value, bool) or not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(self.allowed)
        pair = int(first), int(last) if dash else int(first)
        if not self.lo <= pair[0] <= pair[1] <= self.hi:
            raise ValueError(self.allowed)
        return pair


VLAN = Table([
    Field('vid', VlanRange(), None, 'VLAN ID, or a range of them.', aliases=['vlan']),
    Field('pvid', Bool(), None, 'Untagged frames that come in belong to this VLAN.'),
    Field('untagged', Bool(), None, 'Frames of the VLAN go out untagged.'),
    Field('tunnel_id', VlanRange(0xFFFFFF, 'a VNI 0-16777215, or a range as long as that of vid', 0), None,
          'VNI that the VLAN is mapped to on a port with C(bridge_port.vlan_tunnel); a range maps one to one.'),
    Field('state', Enum(_STATES, numeric=True), None, 'Spanning tree state of the VLAN on the port.'),
])


class BridgeVlan(Resource):
    """Keys are (dev, vid); values pvid, untagged, tunnel_id, state. An operation covers a range of equal neighbours."""

    section, noun, module = 'bridge_vlans', 'VLAN membership', 'vnet_bridge_vlan'
    doc = 'VLAN membership of bridge ports and bridges'
    identity = ('dev',)
    purgeable = True
    takes_purge = True
    table = Table([
        Field('dev', LinkName(), None, 'Bridge port, or the bridge itself.'),
        Field('vlans', ListOf(Options(VLAN), ordered=True), None, 'VLANs of the port.'),
    ])

    def parse(self, item, where):
        if not item.get('dev'):
            raise InputError(f'{where}: dev is missing')
        dev = self.table.by_name['dev'].parse(item['dev'], where)
        where = f'{where} ({dev})'
        unknown = set(item) - set(self.table.by_name) - {'netns', 'state', 'purge', 'recreate'}
        if unknown:
            raise InputError(f"{where}: unknown option '{sorted(unknown)[0]}'; known are dev, vlans")
        vlans = item.get('vlans') or []
        if not isinstance(vlans, (list, tuple)):
            vlans = [vlans]
        if not vlans and not item.get('purge'):
            raise InputError(f'{where}: vlans is missing')
        wanted: dict = {}
        absent = item.get('state') == 'absent'
        for place, one in enumerate(vlans):
            here = f'{where}: vlans[{place}]'
            values = VLAN.parse(one if isinstance(one, dict) else {'vid': one}, here)
            if 'vid' not in values:
                raise InputError(f'{here}: vid is missing')
            first, last = values.pop('vid')
            tunnel = values.pop('tunnel_id', None)
            if tunnel is not None and tunnel[1] - tunnel[0] != last - first:
                raise InputError(f'{here}: tunnel_id {tunnel[0]}-{tunnel[1]} is not as long as vid {first}-{last}')
            if values.get('pvid') and first != last:
                raise InputError(f'{here}: pvid is one VLAN, not the range {first}-{last}')
            for vid in range(first, last + 1):
                if vid in wanted:
                    raise InputError(f'{here}: VLAN {vid} is listed twice')
                wanted[vid] = dict(values)
                if tunnel is not None:
                    wanted[vid]['tunnel_id'] = tunnel[0] + vid - first
        pvids = [vid for vid, values in wanted.items() if values.get('pvid')]
        if len(pvids) > 1:
            raise InputError(f"{where}: a port has one pvid, not {' and '.join(map(str, pvids))}")
        return [Wanted(self.section, item.get('netns'), (dev, vid), {'dev': dev, 'vid': vid, **values}, absent, where)
                for vid, values in wanted.items()]

    def scope(self, item, where):
        if not item.get('dev'):
            raise InputError(f'{where}: purge needs dev')
        dev = self.table.by_name['dev'].parse(item['dev'], where)
        return Scope(self.section, item.get('netns'), {'dev': dev}, f'{where} ({dev})')

    # -- observed -----------------------------------------------------------------------------------------------------

    def observe(self, world, netns):
        kernel, names, table = world.kernel, world.links(netns).name_of, {}
        codec = messages.message(kernel)
        body = codec.pack({'family': messages.AF_BRIDGE}, {'IFLA_EXT_MASK': messages.BRVLAN})
        for data, start, end in kernel.dump(netns, messages.RTM_GETLINK, body):
            dev = names(codec.read_header(data, start)['index'])
            spec = codec.layout.scan(data, start + codec.size, end).get('IFLA_AF_SPEC')
            if not spec:
                continue
            attrs = _SPEC.read(spec, 0, len(spec))
            first = None
            for raw in attrs.get('VLAN_INFO', ()):
                flags, vid = _VLAN_INFO.unpack_from(raw)
                if flags & _BEGIN:
                    first = vid
                    continue
                for one in range(first if flags & _END and first is not None else vid, vid + 1):
                    table[dev, one] = {'dev': dev, 'vid': one, 'pvid': bool(flags & _PVID), 'untagged': bool(flags & _UNTAGGED)}
            begin = None
            for raw in attrs.get('TUNNEL_INFO', ()):
                tunnel = _TUNNEL.read(raw, 0, len(raw))
                if tunnel.get('FLAGS', 0) & _BEGIN:
                    begin = tunnel
                    continue
                begin = begin if tunnel.get('FLAGS', 0) & _END and begin else tunnel
                for one in range(begin['VID'], tunnel['VID'] + 1):
                    if (dev, one) in table:
                        table[dev, one]['tunnel_id'] = begin['ID'] + one - begin['VID']
        if table:
            self._read_states(kernel, netns, names, table)
        return table

    @staticmethod
    def _read_states(kernel, netns, names, table):
        """STP states by RTM_GETVLAN, which kernels before 5.6 do not know."""
        try:
            found = kernel.dump(netns, RTM_GETVLAN, _VLAN_MESSAGE.pack(messages.AF_BRIDGE, 0, 0, 0))
        except KernelError as exc:
            if exc.errno in (95, 22):
                return
            raise
        layout = Layout([(1, 'ENTRY', '*cdata')])
        state_names = {number: name for name, number in _STATES.items()}
        for data, start, end in found:
            dev = names(_VLAN_MESSAGE.unpack_from(data, start)[3])
            for raw in layout.read(data, start + _VLAN_MESSAGE.size, end).get('ENTRY', ()):
                entry = _DB_ENTRY.read(raw, 0, len(raw))
                if 'STATE' not in entry or 'INFO' not in entry:
                    continue
                vid = _VLAN_INFO.unpack_from(entry['INFO'])[1]
                for one in range(vid, entry.get('RANGE', vid) + 1):
                    if (dev, one) in table:
                        table[dev, one]['state'] = state_names.get(entry['STATE'], 'forwarding')

    # -- plan ---------------------------------------------------------------------------------------------------------

    def plan(self, wanted, scopes, world):
        steps: list[tuple] = []
        for one in wanted:
            dev, vid = one.key
            self._check_device(one, dev, world)
            kept, given = self._present(world, one.netns)
            found = kept.get(one.key)
            if one.absent:
                if found is not None:
                    steps.append(('delete', one.netns, dev, vid, found, {}, one.where))
                continue
            values = {name: value for name, value in one.values.items() if name not in ('dev', 'vid')}
            full = {'pvid': False, 'untagged': False, **values}
            if found is None or one.key in given:
                steps.append(('create', one.netns, dev, vid, {}, full, one.where))
            else:
                changed = {name: value for name, value in values.items() if found.get(name) != value}
                if changed:
                    old = {name: value for name, value in found.items() if name not in ('dev', 'vid')}
                    steps.append(('set', one.netns, dev, vid, old, {**old, **values}, one.where))
        keep = {(one.netns, *one.key) for one in wanted if not one.absent}
        standing: dict = {}
        for scope in scopes:
            dev = scope.limits['dev']
            if scope.netns not in standing:
                of_netns = standing[scope.netns] = {}
                for (name, vid), found in self._present(world, scope.netns)[0].items():
                    of_netns.setdefault(name, {})[vid] = found
            for vid, found in sorted(standing[scope.netns].get(dev, {}).items()):
                if (scope.netns, dev, vid) not in keep:
                    steps.append(('purge', scope.netns, dev, vid, found, {}, scope.where))
        return self._merge(steps, world)

    def _present(self, world, netns) -> tuple[dict, set]:
        """The table as it will be when all links of the plan are there, and which of that the bridges give by themselves: their default VLANs."""
        found = world.standing.get((self.section, netns, 'present'))
        if found is not None:
            return found
        table = world.table(self.section, netns)
        known = {dev for dev, unused in table}
        found = {key: values for key, values in table.items() if (netns, key[0]) not in world.moved}
        given = set()
        for place, vids in world.default_vlans.items():
            if place[0] == netns and (place[1] not in known or place in world.moved):
                given.update((place[1], vid) for vid in vids)
        for (place, bridge), (old, new) in world.default_pvids.items():
            links = world.links(netns) if place == netns else {}
            for dev in (name for name, link in links.items() if (name == bridge or link.values.get('master') == bridge) and (netns, name) not in world.moved):
                has = found.get((dev, old), {})
                # br_vlan.c, __br_vlan_set_default_pvid(): what somebody has set otherwise stays
                if (dev, new) not in found and (has.get('pvid') and has.get('untagged') if old else new):
                    found.pop((dev, old), None)
                    given.update({(dev, new)} if new else ())
        found.update(((dev, vid), {'dev': dev, 'vid': vid, 'pvid': True, 'untagged': True}) for dev, vid in given)
        world.standing[self.section, netns, 'present'] = found, given
        return found, given

    def _check_device(self, one, dev, world):
        if not one.absent and not world.has_link(one.netns, dev):
            raise InputError(f"{one.where}: dev '{dev}' does not exist: No such device", errno=19, rolled_back=False)

    def _merge(self, steps, world) -> list[Operation]:
        """Neighbouring VLANs with the same step become one operation over a range."""
        operations: list[Operation] = []
        last = None
        for step in sorted(steps, key=lambda one: (one[0] not in ('delete', 'purge'), one[0], one[1] or '', one[2], one[3])):
            action, netns, dev, vid, before, after, where = step
            shape = (action, netns, dev, _without_ids(before), _without_ids(after), where)
            offset = after.get('tunnel_id', 0) - vid if 'tunnel_id' in after else None
            old_offset = before.get('tunnel_id', 0) - vid if 'tunnel_id' in before else None
            if last is not None and last[0] == (shape, offset, old_offset) and last[1] == vid - 1 and not after.get('pvid') and not before.get('pvid'):
                operation = operations[-1]
                operation.key = (dev, operation.key[1], vid)
                operation.name = f'{dev} VLAN {operation.key[1]}-{vid}'
            else:
                operations.append(self._operation(action, netns, dev, vid, before, after, where, world))
            last = ((shape, offset, old_offset), vid)
        for operation in operations:
            # what the bridge had given goes or comes back with the port
            given = operation.action == 'delete' and operation.phase == Phase.VLAN
            operation.undo = [] if given else self._undo(operation) + self._old_pvid(operation, world)
        return operations

    def _old_pvid(self, operation, world) -> list[Operation]:
        """What makes the former pvid of a port its pvid again: a new one has silently taken its place."""
        dev, vid = operation.key[:2]
        if not operation.values.get('pvid') or operation.before.get('pvid'):
            return []
        return [Operation(self.section, 'create', operation.netns, (dev, old, old), f'{dev} VLAN {old}',
                          {name: value for name, value in values.items() if name not in ('dev', 'vid', 'tunnel_id', 'state')}, {}, facts=operation.facts)
                for (other, old), values in world.table(self.section, operation.netns).items() if other == dev and old != vid and values.get('pvid')]

    def _operation(self, action, netns, dev, vid, before, after, where, world):
        facts = {'self': self._is_bridge(netns, dev, world)}
        deleting = action in ('delete', 'purge')
        # what a new port is given by its bridge can only be taken away once the port is there
        fresh = deleting and ((netns, dev) in world.moved or (dev, vid) not in world.table(self.section, netns))
        operation = Operation(self.section, 'delete' if deleting else action, netns, (dev, vid, vid), f'{dev} VLAN {vid}', after, before,
                              where=where, facts=facts, phase=Phase.UNSET_VLAN if deleting and not fresh else Phase.VLAN,
                              requires={('link', netns, dev), ('set', netns, dev)} | ({('netns', netns)} if netns else set()))
        return operation

    def _undo(self, operation):
        if operation.action == 'create':
            return [Operation(self.section, 'delete', operation.netns, operation.key, operation.name, before=operation.values, facts=operation.facts)]
        action = 'set' if operation.action == 'set' else 'create'
        return [Operation(self.section, action, operation.netns, operation.key, operation.name, operation.before, operation.values,
                          facts=operation.facts)]

    @staticmethod
    def _is_bridge(netns, dev, world) -> bool:
        link = world.links(netns).get(dev)
        return (world.made.get((netns, dev)) or (link.kind if link is not None else None)) == 'bridge'  # it may become one

    def hung(self, world, netns, name):
        table = world.table(self.section, netns)
        steps = [('create', netns, dev, vid, {}, {key: value for key, value in values.items() if key not in ('dev', 'vid') and value != 'forwarding'}, '')
                 for (dev, vid), values in table.items() if dev == name]
        # the VLAN that the kernel gives to new bridges and ports was perhaps taken away
        link = world.links(netns)[name]
        bridge = link if link.kind == 'bridge' else world.links(netns).by_index.get(link.master_index)
        vid = bridge.values.get('bridge', {}).get('vlan_default_pvid') if bridge is not None else None
        if vid and (name, vid) not in table:
            steps.append(('delete', netns, name, vid, {'dev': name, 'vid': vid, 'pvid': True, 'untagged': True}, {}, ''))
        operations = self._merge(steps, world)
        for operation in operations:
            operation.phase = Phase.VLAN
        return operations

    # -- netlink ------------------------------------------------------------------------------------------------------

    def encode(self, operation, kernel):
        dev, first, last = operation.key
        netns, values, before = operation.netns, operation.values, operation.before
        index = kernel.index(netns, dev)
        codec = messages.message(kernel)
        own = operation.facts.get('self')
        requests = []

        def send(kind, spec):
            if own:
                spec = {'FLAGS': _SELF, **spec}
            body = codec.pack({'family': messages.AF_BRIDGE, 'index': index}, {'IFLA_AF_SPEC': _SPEC.pack(spec)})
            requests.append((netns, Request(kind, 0, body)))

        if operation.action == 'delete':
            send(messages.RTM_DELLINK, {'VLAN_INFO': _range(first, last, 0)})
            return requests
        flags = (_PVID if values.get('pvid') else 0) | (_UNTAGGED if values.get('untagged') else 0)
        if operation.action == 'create' or any(values.get(name) != before.get(name) for name in ('pvid', 'untagged')):
            send(messages.RTM_SETLINK, {'VLAN_INFO': _range(first, last, flags)})
        if values.get('tunnel_id') != before.get('tunnel_id'):
            if before.get('tunnel_id') is not None:
                send(messages.RTM_DELLINK, {'TUNNEL_INFO': _tunnels(first, last, before['tunnel_id'])})
            if values.get('tunnel_id') is not None:
                send(messages.RTM_SETLINK, {'TUNNEL_INFO': _tunnels(first, last, values['tunnel_id'])})
        if values.get('state') is not None and values['state'] != before.get('state', 'forwarding'):
            entry = _DB_ENTRY.pack({'INFO': _VLAN_INFO.pack(0x40, first), 'RANGE': last if last != first else None, 'STATE': _STATES[values['state']]})
            requests.append((netns, Request(RTM_NEWVLAN, 0, _VLAN_MESSAGE.pack(messages.AF_BRIDGE, 0, 0, index) + attribute(0x8001, entry))))
        return requests

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == 2

    def commands(self, operation):
        dev, first, last = operation.key
        vid = str(first) if first == last else f'{first}-{last}'
        bridge = prefix('bridge', operation.netns)
        values, before = operation.values, operation.before
        tail = ['self'] if operation.facts.get('self') else []
        if operation.action == 'delete':
            return [[*bridge, 'vlan', 'del', 'dev', dev, 'vid', vid, *tail]]
        lines = []
        if operation.action == 'create' or any(values.get(name) != before.get(name) for name in ('pvid', 'untagged')):
            lines.append([*bridge, 'vlan', 'add', 'dev', dev, 'vid', vid, *[name for name in ('pvid', 'untagged') if values.get(name)], *tail])
        if values.get('tunnel_id') != before.get('tunnel_id'):
            for verb, source in (('del', before), ('add', values)):
                if source.get('tunnel_id') is not None:
                    number = source['tunnel_id']
                    shown = str(number) if first == last else f'{number}-{number + last - first}'
                    lines.append([*bridge, 'vlan', verb, 'dev', dev, 'vid', vid, 'tunnel_info', 'id', shown])
        if values.get('state') is not None and values['state'] != before.get('state', 'forwarding'):
            lines.append([*bridge, 'vlan', 'set', 'vid', vid, 'dev', dev, 'state', str(_STATES[values['state']])])
        return lines

    def document(self, key, values, netns, world):
        vlan = {name: value for name, value in values.items() if name != 'dev' and value is not False and not (name == 'state' and value == 'forwarding')}
        return {'dev': values['dev'], 'vlans': [vlan]}

    def merge_documents(self, items):
        ports: dict = {}
        for item in items:
            ports.setdefault((item.get('netns'), item['dev']), {**item, 'vlans': []})['vlans'] += item['vlans']
        return list(ports.values())


def _without_ids(values: dict) -> tuple:
    return tuple(sorted((name, value) for name, value in values.items() if name not in ('dev', 'vid', 'tunnel_id')))


def _range(first: int, last: int, flags: int) -> list[bytes]:
    if first == last:
        return [_VLAN_INFO.pack(flags, first)]
    return [_VLAN_INFO.pack(flags | _BEGIN, first), _VLAN_INFO.pack(flags | _END, last)]


def _tunnels(first: int, last: int, number: int) -> list[bytes]:
    if first == last:
        return [_TUNNEL.pack({'ID': number, 'VID': first})]
    return [_TUNNEL.pack({'ID': number, 'VID': first, 'FLAGS': _BEGIN}),
            _TUNNEL.pack({'ID': number + last - first, 'VID': last, 'FLAGS': _END})]
