# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic control: qdiscs, classes, filters and their actions (tc(8), linux/rtnetlink.h)."""

from __future__ import annotations

import ctypes
import fcntl
import re
import socket
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Resource, Scope, Wanted, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tc import ClassId, Handle, Rate
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Int, LinkName, Options, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import tc
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout, attribute, attributes
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.tc_plan import CHANGEABLE, Branch, creations, names, same_filter, what_of
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.actions import SHORT
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.filters import Protocol
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.index import ACTIONS, CLASS_FILTERS, CLASSES, FILTERS, QDISCS

_ROOT, _CLSACT = 0xFFFFFFFF, 0xFFFFFFF1
_INGRESS, _EGRESS = 0xFFFFFFF2, 0xFFFFFFF3
_HOOKS = {'ingress': _INGRESS, 'egress': _EGRESS}
_QDISC_PARENT, _FILTER_PARENT, _CLASSID = ClassId({'root': _ROOT, 'ingress': _CLSACT}), ClassId(_HOOKS), ClassId(whole=True)
_HANDLE, _PROTOCOL = Handle(), Protocol()
_CLSACT_HANDLE = 'ffff:'
_ACTION = Layout([(1, 'KIND', 'asciiz'), (2, 'OPTIONS', 'cdata')])
_NESTED = 0x8000
_U32_AUTOMATIC = 0x800


class Kind(Type):
    """The name of a kind."""

    def __init__(self, kinds):
        self.spec = {'type': 'str', 'choices': list(kinds)}
        self.allowed = ', '.join(kinds)

    def parse(self, value):
        if value not in self.spec['choices']:
            raise ValueError('one of ' + self.allowed)
        return value


class Given(Type):
    """A dict that is checked when the kind is known."""

    spec = {'type': 'dict'}


class Raw(Type):
    spec = {'type': 'raw'}


class Actions(Type):
    """A list of dicts with a kind."""

    spec = {'type': 'list', 'elements': 'dict'}

    def parse(self, value):
        return [value] if isinstance(value, dict) else value


class FilterHandle(Type):
    """Of a filter: a number, of u32 also TABLE:BUCKET:ITEM, of fw also MARK/MASK. Canonical is hexadecimal."""

    spec = {'type': 'str'}
    allowed = 'a number such as 0x1, of u32 as 800::800, of fw also MARK/MASK'

    def parse(self, value):
        text = str(value)
        found = re.fullmatch('([0-9a-fA-F]{0,3}):([0-9a-fA-F]{0,2}):([0-9a-fA-F]{0,3})', text)
        if found:
            table, bucket, item = (int(part or '0', 16) for part in found.groups())
            return self.node(table << 20 | bucket << 12 | item)
        number, slash, mask = text.partition('/')
        try:
            return f'{int(number, 0):#x}' + (f'/{int(mask, 0):#x}' if slash else '')
        except ValueError:
            raise ValueError(self.allowed) from None

    @staticmethod
    def node(number: int) -> str:
        table, bucket, item = number >> 20, number >> 12 & 0xFF, number & 0xFFF
        return (f'{table:x}' if table else '') + ':' + (f'{bucket:x}' if bucket else '') + ':' + (f'{item:x}' if item else '')

    def wire(self, value):
        if ':' in value:
            table, bucket, item = (int(part or '0', 16) for part in value.split(':'))
            return table << 20 | bucket << 12 | item
        return int(value.partition('/')[0], 16)


_FILTER_HANDLE = FilterHandle()


def _manual(kinds: dict, table: str = 'table') -> str:
    """The options of all kinds, a sentence a kind."""
    said = []
    for kind in kinds.values():
        fields = [f'C({field.name}): {_plain(field.doc)}' + (f' ({_plain(field.type.allowed)})' if _told_apart(field) else _choices(field))
                  for field in getattr(kind, table)]
        if fields:
            said.append(f"Of C({kind.name}) - " + '; '.join(fields) + '.')
    return ' '.join(said)


def _plain(text: str) -> str:
    """A sentence as a part of one, with the options in it as plain names."""
    clauses = re.sub(r'(?<=[^ .])\. ([A-Z](?=[a-z ]))?', lambda end: ', ' + (end[1] or '').lower(), text)  # not the dots that are names themselves
    return re.sub(r'O\(([^)]*)\)', r'C(\1)', re.sub(r'(?<=[^ .])\.$', '', clauses)).replace(';', ',')


def _choices(field) -> str:
    choices = field.type.spec.get('choices')
    return f" ({', '.join(choices)})" if choices else ' (bool)' if field.type.spec['type'] == 'bool' else ''


def _told_apart(field) -> bool:
    return bool(field.type.allowed) and field.type.spec['type'] not in ('bool', 'dict') and 'choices' not in field.type.spec


def _kinds(kinds: dict) -> str:
    return ' '.join(f"C({kind.name}) - {_plain(kind.doc)}." for kind in kinds.values())


QDISC = Table([
    Field('kind', Kind(QDISCS), None, 'Kind of the qdisc. ' + _kinds(QDISCS)),
    Field('root', Bool(), None, 'It is the root of the link; the same as C(parent) V(root).'),
    Field('parent', _QDISC_PARENT, None, 'Where it is: V(root), or the class that it is the queue of. C(ingress) and C(clsact) have a place of their own.'),
    Field('handle', _HANDLE, None, 'Its own number, by which classes and filters refer to it.'),
    Field('options', Given(), None, 'Options of the kind, called as on the command line of tc. ' + _manual(QDISCS)),
])
CLASS = Table([
    Field('kind', Kind(CLASSES), None, 'Kind of the class, that of its qdisc.'),
    Field('parent', ClassId(), None, 'The handle of its qdisc, or another class, in quotes.'),
    Field('classid', _CLASSID, None, 'Its id, in quotes.'),
    Field('options', Given(), None, 'Options of the kind, called as on the command line of tc. ' + _manual(CLASSES)),
])
FILTER = Table([
    Field('kind', Kind(FILTERS), None, 'Kind of the filter. ' + _kinds(FILTERS)),
    Field('parent', _FILTER_PARENT, None, 'What it hangs on: the handle of a qdisc or a class, or V(ingress) or V(egress) of a C(clsact) or C(ingress) qdisc.'),
    Field('protocol', _PROTOCOL, None, 'EtherType of the packets that it looks at. The default is V(all).'),
    Field('pref', Int(1, 0xFFFF), None, 'Filters with a smaller number are asked first. The default is what the kernel has next, from 49152 downwards.',
          aliases=['prio', 'priority']),
    Field('handle', _FILTER_HANDLE, None, 'Its number among those of one C(pref), of C(fw) the mark. Without it a filter is known by what it matches.'),
    Field('chain', Int(0, 0x0FFFFFFF), None, 'Its chain. The default is 0.'),
    Field('match', Raw(), None, 'What it matches: of C(u32) a list of matches as after C(match) of tc, of others a dict.' + ' ' + _manual(FILTERS, 'match')),
    Field('options', Given(), None, 'Other options of the kind. ' + _manual(FILTERS)),
    Field('actions', Actions(), None, 'What happens to matching packets, in order: dicts of C(kind) and of the options of the kind.'
          ' They are all that the filter has.'
          ' The words pass, ok, drop, pipe, continue, reclassify and trap are kinds, too. ' + _kinds(ACTIONS) + ' ' + _manual(ACTIONS)),
])


class Tc(Resource):
    section, noun, module = 'tc', 'traffic control', 'vnet_tc'
    doc = 'traffic control: qdiscs, classes and filters'
    identity = ('dev',)
    purgeable = takes_purge = True
    table = Table([
        Field('dev', LinkName(), None, 'Link that it is on.'),
        Field('qdisc', Options(QDISC), None, 'A qdisc.'),
        Field('class', Options(CLASS), None, 'A class.'),
        Field('filter', Options(FILTER), None, 'A filter.'),
    ])

    # -- desired ------------------------------------------------------------------------------------------------------

    def parse(self, item, where):
        values = self.table.parse({name: value for name, value in item.items() if name in ('dev', 'qdisc', 'class', 'filter') and value is not None}, where)
        unknown = [name for name in item if name not in ('dev', 'qdisc', 'class', 'filter', 'netns', 'state', 'recreate', 'purge')]
        if unknown:
            raise InputError(f"{where}: unknown option '{unknown[0]}'; known are dev, qdisc, class, filter")
        kinds = [name for name in ('qdisc', 'class', 'filter') if name in values]
        if 'dev' not in values:
            raise InputError(f'{where}: dev is missing')
        if item.get('purge') and not kinds:
            return []  # purge alone: the link keeps nothing
        if len(kinds) != 1:
            raise InputError(f"{where}: one of qdisc, class and filter is needed, not {' and '.join(kinds) or 'none'}")
        what, dev, absent = kinds[0], values['dev'], item.get('state') == 'absent'
        spec = values[what]
        here = f'{where}: {what}'
        spec = {'qdisc': self._qdisc, 'class': self._class, 'filter': self._filter}[what](spec, absent, here)
        key = names(what, dev, spec)
        return [Wanted(self.section, item.get('netns'), key, {'dev': dev, what: spec}, absent, f'{where} ({title(key)})')]

    @staticmethod
    def _options(kinds, spec, absent, where):
        """The options by the table of the kind."""
        if 'kind' not in spec:
            if absent and not spec.get('options'):
                return
            raise InputError(f'{where}: kind is missing')
        kind = kinds[spec['kind']]
        given = kind.table.parse(spec.get('options') or {}, f'{where}.options of {kind.name}')
        if not absent:
            kind.check({**given, **(spec.get('match') or {})}, where)
        spec['options'] = given

    def _qdisc(self, spec, absent, where):
        spec = dict(spec)
        root, fixed = spec.pop('root', None), QDISCS[spec['kind']].parent if spec.get('kind') in QDISCS else None
        if root:
            if spec.get('parent', 'root') != 'root':
                raise InputError(f"{where}: root and parent exclude each other")
            spec['parent'] = 'root'
        if fixed:
            if spec.get('parent', fixed) != fixed:
                raise InputError(f"{where}: kind {spec['kind']} has a place of its own, so it takes no parent")
            spec['parent'], spec['handle'] = fixed, _CLSACT_HANDLE
        elif spec.get('parent') == 'ingress' and not absent:
            raise InputError(f'{where}: parent ingress is for kinds ingress and clsact')
        if 'parent' not in spec:
            raise InputError(f'{where}: root or parent is missing')
        self._options(QDISCS, spec, absent, where)
        return spec

    def _class(self, spec, absent, where):
        spec = dict(spec)
        for name in ('classid', *(() if absent else ('parent', 'kind'))):
            if name not in spec:
                raise InputError(f'{where}: {name} is missing')
        if 'parent' in spec and spec['parent'].split(':')[0] != spec['classid'].split(':')[0]:
            raise InputError(f"{where}: classid {spec['classid']} and parent {spec['parent']} must begin with the same number, that of the qdisc")
        self._options(CLASSES, spec, absent, where)
        return spec

    def _filter(self, spec, absent, where):
        spec = dict(spec)
        if 'parent' not in spec:
            raise InputError(f'{where}: parent is missing: the handle of a qdisc such as "1:", or ingress or egress')
        if spec['parent'] == _CLSACT_HANDLE:
            spec['parent'] = 'ingress'
        match = spec.pop('match', None)
        kind = FILTERS.get(spec.get('kind'))
        if kind is not None:
            if kind.name == 'fw' and '/' in spec.get('handle', ''):
                spec['handle'], unused, mask = spec['handle'].partition('/')
                match = {'mask': mask}
            if kind.name == 'cgroup':
                spec.setdefault('handle', '0x1')
            if kind.name == 'fw' and not absent and 'handle' not in spec:
                raise InputError(f'{where}: kind fw needs handle, the mark')
            match = {'match': match} if kind.name == 'u32' and match is not None else match or {}
            spec['match'] = kind.match.parse(match, f'{where}.match of {kind.name}')
            if not absent:
                spec.setdefault('protocol', 'all')
                spec.setdefault('chain', 0)
        elif match:
            raise InputError(f'{where}: kind is missing')
        self._options(FILTERS, spec, absent, where)
        if 'actions' in spec:
            spec['actions'] = [self._action(one, f'{where}.actions[{place}]') for place, one in enumerate(spec['actions'])]
        return spec

    @staticmethod
    def _action(item, where):
        if not isinstance(item, dict) or 'kind' not in item:
            raise InputError(f'{where}: must be a dict with kind, one of {", ".join([*ACTIONS, *SHORT])}')
        given = {name: value for name, value in item.items() if name != 'kind'}
        name = item['kind']
        if name in SHORT:
            name, given = 'gact', {'control': SHORT[name], **given}
        if name not in ACTIONS:
            raise InputError(f'{where}: kind is {name!r}, but must be one of {", ".join([*ACTIONS, *SHORT])}')
        values = ACTIONS[name].table.parse(given, f'{where} ({name})')
        ACTIONS[name].check(values, f'{where} ({name})')
        return {'kind': name, **values}

    def scope(self, item, where):
        if not item.get('dev'):
            raise InputError(f'{where}: purge needs dev')
        return Scope(self.section, item.get('netns'), {'dev': self.table.by_name['dev'].parse(item['dev'], where)}, where)

    def shown(self, values):
        spec = values.get('filter')
        if spec and isinstance(spec.get('match'), dict) and 'match' in spec['match']:
            values = {**values, 'filter': {**spec, 'match': spec['match']['match']}}
        return super().shown(values)

    def refers(self, wanted):
        return [(wanted.netns, wanted.values['dev']), *((wanted.netns, dev) for dev in targets(wanted.values))]

    # -- observed -----------------------------------------------------------------------------------------------------

    def observe(self, world, netns):
        kernel, links, table = world.kernel, world.links(netns), {}
        symbols = (None, links.name_of)
        for data, start, end in kernel.dump(netns, tc.RTM_GETQDISC, tc.message(0, 0, 0)):
            header, attrs = tc.read(data, start, end)
            if not header['handle']:
                continue  # the kernel's own
            dev, kind = links.name_of(header['index']), QDISCS.get(attrs['KIND'])
            spec = {'kind': attrs['KIND'], 'parent': _QDISC_PARENT.unwire(header['parent']), 'handle': _HANDLE.unwire(header['handle']), 'options': {}}
            if kind is not None and kind.table.fields and attrs.get('OPTIONS'):
                spec['options'] = kind.unpack(attrs['OPTIONS'], symbols)
            table['qdisc', dev, spec['parent']] = {'dev': dev, 'qdisc': spec, **({} if kind is not None else {'foreign': True})}
        busy = {}
        for what, dev, unused in list(table):
            busy.setdefault(dev, []).append(table[what, dev, unused]['qdisc'])
        for dev, qdiscs in busy.items():
            index = kernel.index(netns, dev)
            ids = self._observe_classes(kernel, netns, dev, index, qdiscs, table, symbols)
            for spec in qdiscs:
                parents = ['ingress', *(['egress'] if spec['kind'] == 'clsact' else [])] if spec['parent'] == 'ingress' else [spec['handle']]
                for parent in parents + [classid for classid in ids if classid.split(':')[0] + ':' == spec['handle'] and spec['kind'] in CLASS_FILTERS]:
                    self._observe_filters(kernel, netns, dev, index, parent, table, symbols)
        return table

    @staticmethod
    def _observe_classes(kernel, netns, dev, index, qdiscs, table, symbols):
        kinds = {spec['handle']: spec['kind'] for spec in qdiscs}
        ids = []
        if not set(kinds.values()) & set(CLASSES):
            return ids
        for data, start, end in kernel.dump(netns, tc.RTM_GETTCLASS, tc.message(index, 0, 0)):
            header, attrs = tc.read(data, start, end)
            classid = _CLASSID.unwire(header['handle'])
            kind = CLASSES.get(attrs.get('KIND'))
            if kind is None or kinds.get(_HANDLE.unwire(header['handle'])) != kind.name or not header['handle'] & 0xFFFF:
                continue
            parent = header['parent'] if header['parent'] != _ROOT else header['handle'] & tc.MAJOR
            options = kind.unpack(attrs['OPTIONS'], symbols) if attrs.get('OPTIONS') else {}
            spec = {'kind': kind.name, 'parent': ClassId().unwire(parent), 'classid': classid, 'options': options}
            table['class', dev, classid] = {'dev': dev, 'class': spec}
            ids.append(classid)
        return ids

    def _observe_filters(self, kernel, netns, dev, index, parent, table, symbols):
        for data, start, end in kernel.dump(netns, tc.RTM_GETTFILTER, tc.message(index, 0, _FILTER_PARENT.wire(parent))):
            header, attrs = tc.read(data, start, end)
            kind = FILTERS.get(attrs.get('KIND'))
            if 'OPTIONS' not in attrs or (not header['handle'] and attrs.get('KIND') != 'fw'):
                continue  # the head of those of one pref
            spec = {'kind': attrs['KIND'], 'parent': parent, 'protocol': _PROTOCOL.unwire(socket.ntohs(header['info'] & 0xFFFF)), 'pref': header['info'] >> 16,
                    'handle': _FILTER_HANDLE.node(header['handle']) if attrs['KIND'] == 'u32' else f"{header['handle']:#x}", 'chain': attrs.get('CHAIN', 0)}
            foreign = kind is None
            if kind is not None:
                if kind.name == 'u32' and not header['handle'] & 0xFFF:
                    continue  # a hash table, not a filter
                raw = kind.layout.read(attrs['OPTIONS'], 0, len(attrs['OPTIONS']))
                found = kind.unpack(attrs['OPTIONS'], symbols)
                spec['match'] = {name: value for name, value in found.items() if name in kind.match.by_name}
                spec['options'] = {name: value for name, value in found.items() if name in kind.table.by_name}
                spec['actions'] = self._read_actions(raw.get('ACTIONS', b''), symbols)
                foreign = any(one['kind'] not in ACTIONS or one.get('munge') == ['unknown'] for one in spec['actions']) or _ematches(raw) or (
                    kind.name == 'u32' and (not spec['match'] or header['handle'] >> 12 & 0xFF))
            values = {'dev': dev, 'filter': spec, **({'foreign': True} if foreign else {})}
            table['filter', dev, parent, spec['chain'], spec['protocol'], spec['pref'], spec['kind'], spec['handle']] = values

    @staticmethod
    def _read_actions(data, symbols):
        found = []
        for unused, unused2, begin, end in attributes(data, 0, len(data)):
            attrs = _ACTION.read(data, begin, end)
            kind = ACTIONS.get(attrs.get('KIND'))
            values = kind.unpack(attrs['OPTIONS'], symbols) if kind is not None and 'OPTIONS' in attrs else {}
            found.append({'kind': attrs.get('KIND'), **values})
        return found

    # -- plan ---------------------------------------------------------------------------------------------------------

    def plan(self, wanted, scopes, world):
        branches: dict = {}
        for one in wanted:
            if not one.absent and not world.has_link(one.netns, one.values['dev']):
                raise InputError(f"{one.where}: dev '{one.values['dev']}' does not exist: No such device", errno=19, rolled_back=False)
            branches.setdefault((one.netns, one.values['dev']), ([], []))[0].append(one)
        for scope in scopes:
            branches.setdefault((scope.netns, scope.limits['dev']), ([], []))[1].append(scope)
        operations = []
        for (netns, dev), (mine, purges) in branches.items():
            for one in mine:
                self._without_percent(one, world)
            operations += Branch(self, netns, dev, world).operations(mine, purges)
        return operations

    def _without_percent(self, one, world):
        """Rates in percent as what they are on this link."""
        what = what_of(one.values)
        options = one.values[what].get('options') or {}
        if not one.absent and re.search(r"'(m1|m2|rate|ceil|peakrate|maxrate|bandwidth)': '[0-9.e+-]+%'", str(options)):
            speed = link_speed(world.kernel, one.netns, one.values['dev']) if world.kernel is not None else None
            if not speed:
                raise InputError(f"{one.where}: the speed of '{one.values['dev']}' is not known, so a rate cannot be given in percent of it")
            one.values[what]['options'] = _resolved(options, speed)

    def hung(self, world, netns, name):
        table = world.table(self.section, netns)
        back = creations(self, netns, name, table)
        for key, values in table.items():
            if key[1] != name and name in targets(values) and not values.get('foreign'):  # its redirection has lost its aim
                back.append(self.setting(netns, key, values, values))
        return back

    def needs(self, netns, values) -> set:
        needs = {('netns', netns)} if netns else set()
        for dev in (values['dev'], *targets(values)):
            needs |= {('link', netns, dev), ('set', netns, dev)}
        return needs

    def creation(self, netns, key, values, where='', undo=True) -> Operation:
        operation = Operation(self.section, 'create', netns, key, title(key), values, where=where, phase=Phase.TC, requires=self.needs(netns, values))
        if undo:
            operation.undo = [Operation(self.section, 'delete', netns, key, title(key), before=values)]
        return operation

    def setting(self, netns, key, values, before, where='') -> Operation:
        return Operation(self.section, 'set', netns, key, title(key), values, before, where=where, phase=Phase.TC, requires=self.needs(netns, values),
                         undo=[Operation(self.section, 'set', netns, key, title(key), before, values)])

    # -- netlink ------------------------------------------------------------------------------------------------------

    def encode(self, operation, kernel):
        if operation.action == 'lost':
            return []  # it is only said
        values = operation.before if operation.action == 'delete' else operation.values
        netns, what = operation.netns, what_of(values)
        spec, index = values[what], kernel.index(netns, values['dev'])
        symbols = (lambda name: kernel.index(netns, name), str)
        if what == 'filter':
            return self._encode_filter(operation, kernel, spec, index, symbols)
        if what == 'qdisc':
            kinds, numbers = QDISCS, (tc.RTM_NEWQDISC, tc.RTM_DELQDISC)
            handle, parent = _HANDLE.wire(spec['handle']) if 'handle' in spec else 0, _QDISC_PARENT.wire(spec['parent'])
        else:
            kinds, numbers = CLASSES, (tc.RTM_NEWTCLASS, tc.RTM_DELTCLASS)
            handle, parent = _CLASSID.wire(spec['classid']), ClassId().wire(spec.get('parent', '0:'))
        if operation.action == 'delete':
            return [(netns, Request(numbers[1], 0, tc.message(index, handle, parent)))]
        kind = kinds[spec['kind']]
        how = NLM_F_CREATE | (NLM_F_REPLACE if operation.action == 'set' else NLM_F_EXCL)
        return [(netns, Request(numbers[0], how, tc.message(index, handle, parent, 0, self._body(kind, kind.pack(spec['options'], symbols)))))]

    @staticmethod
    def _body(kind, options, chain: int = 0) -> bytes:
        body = tc.ATTRIBUTES.pack({'KIND': kind.name, 'CHAIN': chain or None})
        return body if options is None else body + attribute(tc.NESTED_OPTIONS if kind.nested else 2, options)

    def _encode_filter(self, operation, kernel, spec, index, symbols):
        kind = FILTERS.get(spec['kind'])
        anew = operation.action == 'set' and spec['kind'] not in CHANGEABLE  # it has to go before it can come
        requests = []
        if operation.action == 'delete' or anew:
            if spec.get('handle', '::').startswith('::'):  # the number, or that of its table, is the kernel's
                spec = self._made(operation, kernel, spec)
                if spec is None:
                    return []
            body = tc.ATTRIBUTES.pack({'KIND': spec['kind'], 'CHAIN': spec['chain'] or None})
            requests.append((operation.netns, Request(tc.RTM_DELTFILTER, 0, self._head(index, spec, _FILTER_HANDLE.wire(spec['handle']), body))))
        if operation.action == 'delete':
            return requests
        handle = _FILTER_HANDLE.wire(spec['handle']) if 'handle' in spec else 0
        if kind.name == 'u32':
            handle &= 0xFFF  # tables are numbered by the kernel
        actions = None
        if spec.get('actions'):
            actions = b''.join(attribute(_NESTED | place, self._pack_action(one, symbols)) for place, one in enumerate(spec['actions'], 1))
        options = kind.pack({**spec['match'], **spec['options'], 'protocol': spec['protocol']}, symbols, actions)
        how = NLM_F_CREATE | (0 if operation.action == 'set' else NLM_F_EXCL)
        return [*requests, (operation.netns, Request(tc.RTM_NEWTFILTER, how, self._head(index, spec, handle, self._body(kind, options, spec['chain']))))]

    @staticmethod
    def _head(index, spec, handle, body):
        return tc.message(index, handle, _FILTER_PARENT.wire(spec['parent']), spec['pref'] << 16 | socket.htons(_PROTOCOL.wire(spec['protocol'])), body)

    @staticmethod
    def _pack_action(item, symbols):
        kind = ACTIONS[item['kind']]
        return _ACTION.pack({'KIND': kind.name}) + attribute(tc.NESTED_OPTIONS,
                                                             kind.pack({name: value for name, value in item.items() if name != 'kind'}, symbols))

    def _made(self, operation, kernel, spec):
        """A filter that the kernel gave a handle to: the last one that is as it was made."""
        dev, table = operation.before['dev'], {}
        self._observe_filters(kernel, operation.netns, dev, kernel.index(operation.netns, dev), spec['parent'], table, (None, str))
        found = [values['filter'] for values in table.values() if same_filter(spec, values['filter'])]
        return max(found, key=lambda one: _FILTER_HANDLE.wire(one['handle']), default=None)

    def forgiven(self, operation, error):
        gone = error.errno in (2, 19) or 'Parent Qdisc' in (error.extack or '')
        return gone and (operation.action == 'delete' or (operation.action == 'set' and operation.key[0] == 'filter'))

    def explain(self, operation, error):
        words = super().explain(operation, error)
        what = what_of(operation.values or operation.before)
        if error.errno == 16 and what == 'class' and operation.action == 'delete':
            return f'{words}: filters still lead to it, or it has classes of its own; list them as absent, too'
        if error.errno == 2 and what != 'qdisc' and operation.action == 'create' and not error.extack:
            return f'{words}: what it hangs on does not exist, or the kernel lacks this kind (modprobe sch_..., cls_... or act_...)'
        return words

    # -- iproute2 -----------------------------------------------------------------------------------------------------

    def commands(self, operation):
        values = operation.before if operation.action == 'delete' else operation.values
        what = what_of(values)
        spec = values[what]
        line = [*prefix('tc', operation.netns), what, {'create': 'add', 'set': 'replace', 'delete': 'del'}[operation.action], 'dev', values['dev']]
        deleting = operation.action == 'delete'
        if what == 'qdisc':
            line += [spec['kind']] if spec['parent'] == 'ingress' else ['root'] if spec['parent'] == 'root' else ['parent', spec['parent']]
            line += ['handle', spec['handle']] if 'handle' in spec and spec['parent'] != 'ingress' else []
            if spec['parent'] != 'ingress' and not deleting:
                line += [spec['kind'], *QDISCS[spec['kind']].words(spec['options'])]
            return [line]
        if what == 'class':
            line += [] if deleting else ['parent', spec['parent']]
            line += ['classid', spec['classid']]
            return [line if deleting else [*line, spec['kind'], *CLASSES[spec['kind']].words(spec['options'])]]
        if operation.action == 'set' and spec['kind'] not in CHANGEABLE:
            gone, made = ([*prefix('tc', operation.netns), what, verb, 'dev', values['dev']] for verb in ('del', 'add'))
            return [self._filter_words(gone, spec, True, full=True), self._filter_words(made, spec, False)]
        return [self._filter_words(line, spec, deleting, full=operation.action != 'create')]

    @staticmethod
    def _filter_words(line, spec, deleting, full=False):
        """The rest of a line on a filter; full: the handle of u32 is said with the number of its table."""
        kind = FILTERS.get(spec['kind'])
        line += [spec['parent']] if spec['parent'] in _HOOKS else ['parent', spec['parent']]
        line += ['protocol', spec['protocol'], 'pref', str(spec['pref'])]
        line += ['chain', str(spec['chain'])] if spec['chain'] else []
        if 'handle' in spec:
            handle = spec['handle']
            if spec['kind'] == 'u32' and not full:
                handle = '::' + handle.rpartition(':')[2]
            line += ['handle', handle + (f"/{spec['match']['mask']}" if spec.get('match', {}).get('mask', '0xffffffff') != '0xffffffff' and spec['kind'] == 'fw'
                                         else '')]
        line.append(spec['kind'])
        if deleting:
            return line
        line += kind.words({**spec['match'], **spec['options']})
        for one in spec.get('actions', ()):
            said = ACTIONS[one['kind']].words({name: value for name, value in one.items() if name != 'kind'})
            line += ['action', *([] if one['kind'] == 'gact' else [one['kind']]), *said]
        return line

    def document(self, key, values, netns, world):
        if values.get('foreign'):
            return None
        what = what_of(values)
        spec = dict(values[what])
        kind = {'qdisc': QDISCS, 'class': CLASSES, 'filter': FILTERS}[what][spec['kind']]
        full = {**spec.get('match', {}), **spec['options']}
        told = kind.told(full)
        spec['options'] = {name: value for name, value in spec['options'].items() if name in told}
        if what == 'filter':
            match = {name: value for name, value in spec['match'].items() if name in told}
            spec['match'] = match.get('match') if kind.name == 'u32' else match
            spec['actions'] = [{'kind': one['kind'], **ACTIONS[one['kind']].told({name: value for name, value in one.items() if name != 'kind'})}
                               for one in spec['actions']]
            if not spec['chain']:
                spec.pop('chain')
            if kind.name == 'u32':  # its table is numbered by the kernel, and so is it itself from 800 on
                item = int(spec.pop('handle').rpartition(':')[2], 16)
                if item < _U32_AUTOMATIC:
                    spec['handle'] = f'::{item:x}'
        elif what == 'qdisc' and spec['parent'] == 'ingress':
            spec.pop('parent'), spec.pop('handle')
        return {'dev': values['dev'], what: {name: value for name, value in spec.items() if value not in ({}, [])}}


def _ematches(raw: dict) -> bool:
    """Whether there are extended matches: struct tcf_ematch_tree_hdr is there in any case."""
    return len(raw.get('EMATCHES', b'')) >= 6 and raw['EMATCHES'][4:6] != b'\0\0'


def title(key: tuple) -> str:
    """An object for people."""
    what, dev, *rest = key
    if what != 'filter':
        return f"{what} {' '.join(rest)} on {dev}"
    parent, chain, protocol, pref, kind, handle = rest
    words = [kind or '', f'pref {pref}' if pref else '', f'handle {handle}' if isinstance(handle, str) else '', f'chain {chain}' if chain else '',
             f'protocol {protocol}' if protocol else '']
    return ' '.join(['filter', *(word for word in words if word), f'on {dev} {parent}'])


def targets(values: dict) -> list[str]:
    """The links that the actions of a filter give packets to."""
    return [one['dev'] for one in values.get('filter', {}).get('actions', ()) if one.get('dev')]


def _resolved(options, speed: int):
    """speed: bytes a second."""
    if isinstance(options, dict):
        return {name: _rate(value, speed) if name in ('m1', 'm2', 'rate', 'ceil', 'peakrate', 'maxrate', 'bandwidth') else _resolved(value, speed) for name,
                value in options.items()}
    return options


def _rate(value, speed: int):
    return Rate().unwire(int(float(value[:-1]) / 100 * speed)) if str(value).endswith('%') else value


def link_speed(kernel, netns, dev: str) -> int | None:
    """Bytes a second, by ETHTOOL_GSET; None where the driver does not know."""
    command = bytearray(struct.pack('=I', 1) + bytes(96))
    buffer = (ctypes.c_char * len(command)).from_buffer(command)
    request = struct.pack('=16s', dev.encode()) + struct.pack('P', ctypes.addressof(buffer)) + bytes(16)
    with kernel.namespaces.entered(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            fcntl.ioctl(sock, 0x8946, request)
        except OSError:
            return None
    low, high = struct.unpack_from('=H', command, 12)[0], struct.unpack_from('=H', command, 28)[0]
    speed = high << 16 | low
    return None if speed in (0, 0xFFFFFFFF) else speed * 125000
