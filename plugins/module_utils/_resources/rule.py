# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routing policy rules (ip-rule(8), linux/fib_rules.h)."""

from __future__ import annotations

import os
import re

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Phase, Scope, Wanted, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Cidr, Enum, Int, LinkName, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.route import AF_INET6, FAMILIES, PROTOCOL, PROTOCOLS, TABLES, Realms

RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
ACTIONS = {'lookup': 1, 'goto': 2, 'nop': 3, 'blackhole': 6, 'unreachable': 7, 'prohibit': 8}
DEAD_ENDS = ('blackhole', 'unreachable', 'prohibit')
_INVERT = 2
_NONE = 0xFFFFFFFF
_SUPPLEMENT = ((23, 'FRA_SPORT_RANGE', (('start', 'H'), ('end', 'H'))), (24, 'FRA_DPORT_RANGE', (('start', 'H'), ('end', 'H'))),
               (20, 'FRA_UID_RANGE', (('start', 'I'), ('end', 'I'))), (25, 'FRA_DSCP', 'uint8'), (26, 'FRA_FLOWLABEL', 'be32'),
               (27, 'FRA_FLOWLABEL_MASK', 'be32'))
#: selectors that an older kernel would ignore, which makes a rule for all packets of it: the release that has them
_SINCE = {'dscp': (6, 13), 'flowlabel': (6, 14), 'flowlabel_mask': (6, 14)}


class Prefix(Cidr):
    """A network, or all."""

    def __init__(self):
        super().__init__(network=True)
        self.allowed += ' or all'

    def parse(self, value):
        return 'all' if value in ('all', 'any', 'default') else super().parse(value)


class Range(Type):
    """One number or FIRST-LAST, canonically as short as can be."""

    spec = {'type': 'str'}

    def __init__(self, lo: int, hi: int):
        self.lo, self.hi = lo, hi
        self.allowed = f'a number of {lo}-{hi}, or a range FIRST-LAST of them'

    def parse(self, value):
        found = re.fullmatch(r'(\d+)(?:-(\d+))?', str(value))
        if not found:
            raise ValueError(self.allowed)
        first = int(found.group(1))
        last = int(found.group(2) or first)
        if not self.lo <= first <= last <= self.hi:
            raise ValueError(self.allowed)
        return self.unwire({'start': first, 'end': last})

    def wire(self, value):
        first, unused, last = value.partition('-')
        return {'start': int(first), 'end': int(last or first)}

    def unwire(self, raw):
        return str(raw['start']) if raw['start'] == raw['end'] else f"{raw['start']}-{raw['end']}"


class UidRange(Range):
    """iproute2 wants both ends of it."""

    def unwire(self, raw):
        return f"{raw['start']}-{raw['end']}"


class Suppress(Int):
    """The kernel reports the highest number where there is none."""

    def unwire(self, raw):
        return None if raw == _NONE else raw


class Rule(Entry):
    section, noun, module = 'rules', 'rule', 'vnet_rule'
    doc = 'routing policy rules'
    purgeable = True
    set_phase, unset_phase = Phase.RULE, Phase.UNSET_RULE
    table = Table([
        Field('priority', Int(), 'FRA_PRIORITY', 'Place among the rules: they are tried in this order. Without it, a rule that is there is found whatever '
              'its priority, and a new one gets that before the second rule, as the kernel would choose.', aliases=['pref', 'preference', 'order'],
              keyword='pref'),
        Field('family', Enum(FAMILIES), None, 'Address family of a rule that has neither O(src) nor O(dst). The default is V(inet).'),
        Field('invert', Bool(None, None), None, 'The rule is for what the selectors do not match.', aliases=['not'], keyword='not'),
        Field('src', Prefix(), None, 'Source addresses. The default is V(all).', aliases=['from'], keyword='from'),
        Field('dst', Prefix(), None, 'Destination addresses. The default is V(all).', aliases=['to'], keyword='to'),
        Field('iif', LinkName(), 'FRA_IIFNAME', "Link that packets come in by; V(lo) is for the host's own. It need not exist yet.", aliases=['dev']),
        Field('oif', LinkName(), 'FRA_OIFNAME', 'Link that the socket of a packet is bound to. It need not exist yet.'),
        Field('fwmark', Int(), 'FRA_FWMARK', 'Mark of the packet.'),
        Field('fwmask', Int(), 'FRA_FWMASK', 'Bits of O(fwmark) that count. The default is all.'),
        Field('tos', Int(0, 255), None, 'Type of service, as the whole octet.', aliases=['dsfield']),
        Field('dscp', Int(0, 63), 'FRA_DSCP', 'DSCP, since Linux 6.13; excludes O(tos).'),
        Field('flowlabel', Int(0, 0xFFFFF), 'FRA_FLOWLABEL', 'IPv6 flow label, since Linux 6.14.'),
        Field('flowlabel_mask', Int(0, 0xFFFFF), 'FRA_FLOWLABEL_MASK', 'Bits of O(flowlabel) that count. The default is all.'),
        Field('ipproto', Int(0, 255, names={'icmp': 1, 'tcp': 6, 'udp': 17, 'dccp': 33, 'esp': 50, 'ah': 51, 'ipv6-icmp': 58, 'sctp': 132}),
              'FRA_IP_PROTO', 'IP protocol.'),
        Field('sport', Range(1, 65534), 'FRA_SPORT_RANGE', 'Source port.'),
        Field('dport', Range(1, 65534), 'FRA_DPORT_RANGE', 'Destination port.'),
        Field('uidrange', UidRange(0, _NONE - 1), 'FRA_UID_RANGE', 'User ids that the socket of a packet belongs to.'),
        Field('tun_id', Int(0, 2**64 - 1), 'FRA_TUN_ID', 'Id of the tunnel that the packet came by.'),
        Field('l3mdev', Bool(None, None), None, 'Look into the table of the VRF that the link of the packet belongs to.'),
        Field('action', Enum(ACTIONS), None, 'What becomes of the packet. The default is V(lookup), or V(goto) where O(goto) is given.', aliases=['type']),
        Field('table', Int(1, names=TABLES), None, 'Routing table to look into. The default is V(main).', aliases=['lookup']),
        Field('goto', Int(), 'FRA_GOTO', 'Priority of the rule to go on with.'),
        Field('suppress_prefixlength', Suppress(0, 128), 'FRA_SUPPRESS_PREFIXLEN',
              'Go on with the next rule where the route that was found has a prefix of this length or less.', aliases=['suppress_prefixlen']),
        Field('suppress_ifgroup', Suppress(0, _NONE - 1), 'FRA_SUPPRESS_IFGROUP',
              'Go on with the next rule where the route that was found leads to a link of this group.'),
        Field('realms', Realms(), 'FRA_FLOW', 'Realms of an IPv4 packet, the destination or SOURCE/DESTINATION.', aliases=['flow_to']),
        Field('protocol', Int(0, 255, names=PROTOCOLS), 'FRA_PROTOCOL', 'Who made the rule. A new one gets 118, the mark of this collection; '
              'without it, a rule that is there is found whoever made it.', aliases=['proto']),
    ])
    #: all that the kernel tells rules by, beside the priority and who made them
    _selectors = tuple(field.name for field in table if field.name not in ('priority', 'protocol'))
    identity = ('priority', *(name for name in _selectors if name != 'family'))

    def key(self, values):
        return tuple(values.get(name) for name in ('priority', 'protocol', *self._selectors))

    def title(self, key):
        values = dict(zip(('priority', 'protocol', *self._selectors), key))
        words = self._words({name: value for name, value in values.items() if value is not None and name not in ('priority', 'protocol')})
        where = ' (IPv6)' if values['family'] == 'inet6' and 'to' not in words and values['src'] is None else ''
        return (f"{values['priority']}: " if values['priority'] is not None else '') + ' '.join(words) + where

    def parse(self, item, where):
        given = {name: value for name, value in item.items() if name not in ('netns', 'state', 'recreate', 'purge')}
        values = self.table.parse(given, where)
        absent = item.get('state') == 'absent'
        if not any(name in values for name in self.identity):
            raise InputError(f'{where}: a rule needs a priority, a selector or an action')
        if not (absent and values.keys() <= {'priority', 'family', 'protocol'}):  # a priority alone: all rules that have it
            values = self.normal(values, where)
        values.setdefault('family', 'inet')
        key = self.key(values)
        return [Wanted(self.section, item.get('netns'), key, values, absent, f'{where} ({self.title(key)})')]

    def normal(self, values, where):
        """The one way to write a rule, which is also that of observe()."""
        families = {FAMILIES['inet6' if ':' in values[name] else 'inet'] for name in ('src', 'dst') if values.get(name, 'all') != 'all'}
        if 'family' in values:
            families.add(FAMILIES[values['family']])
        if len(families) > 1:
            raise InputError(f'{where}: src, dst and family are not of one address family')
        values['family'] = 'inet6' if families == {AF_INET6} else 'inet'
        for name in ('src', 'dst'):
            if values.get(name, '/0').endswith(('/0', 'all')):
                values.pop(name, None)
        mark = values.pop('fwmark', 0)
        mask = values.pop('fwmask', _NONE if mark else 0)
        if mark or mask:
            values.update(fwmark=mark, fwmask=mask)
        if 'flowlabel' in values:
            values.setdefault('flowlabel_mask', 0xFFFFF)
        for name in ('invert', 'l3mdev', 'tos', 'tun_id', 'ipproto', 'realms'):
            if values.get(name, '0') in (0, '0'):  # as good as none
                values.pop(name, None)
        values.setdefault('action', 'goto' if 'goto' in values else 'lookup')
        if ('goto' in values) != (values['action'] == 'goto'):
            raise InputError(f'{where}: action goto and the priority to go to, goto, belong together')
        if 'table' in values and (values['action'] != 'lookup' or 'l3mdev' in values):
            other = 'l3mdev' if 'l3mdev' in values else 'table'
            raise InputError(f'{where}: a rule that looks into a table has no other action and no l3mdev; leave out {other}')
        if values['action'] == 'lookup' and 'l3mdev' not in values:
            values.setdefault('table', 'main')
        elif 'suppress_prefixlength' in values or 'suppress_ifgroup' in values:
            raise InputError(f'{where}: suppress_prefixlength and suppress_ifgroup need a table to look into')
        if ('sport' in values or 'dport' in values) and 'ipproto' not in values:
            raise InputError(f'{where}: ports need ipproto, tcp or udp say')
        if values['family'] == 'inet' and 'flowlabel' in values or values['family'] == 'inet6' and 'realms' in values:
            raise InputError(f"{where}: {'flowlabel is for IPv6' if 'flowlabel' in values else 'realms are for IPv4'} only")
        return values

    def scope(self, item, where):
        protocol, family = self.table.by_name['protocol'], self.table.by_name['family']
        return Scope(self.section, item.get('netns'), {
            'protocol': protocol.parse(PROTOCOL if item.get('protocol') is None else item['protocol'], where),
            'family': family.parse(item['family'], where) if item.get('family') else None}, where)

    def scoped(self, scope, key, values):
        return self.returns(values) and values.get('protocol') == scope.limits['protocol'] and scope.limits['family'] in (None, values['family'])

    def returns(self, values):
        return values.get('protocol') != 'kernel'

    def empty(self):
        """The rules that a namespace is born with; IPv6 has no table `default`."""
        born = [{'priority': place, 'family': family, 'action': 'lookup', 'table': table, 'protocol': 'kernel'}
                for family in FAMILIES for place, table in ((0, 'local'), (32766, 'main'), (32767, 'default')) if (family, table) != ('inet6', 'default')]
        return {self.key(values): values for values in born}

    # -- plan ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def meets(wanted: dict, rule: dict) -> bool:
        """Whether a live rule is the wanted one. A wanted one of a priority alone is every rule that has it."""
        loose = 'action' not in wanted
        return all(wanted.get(name) == rule.get(name) for name in (('family', 'priority') if loose else Rule._selectors)) and all(
            wanted.get(name, rule.get(name)) == rule.get(name) for name in ('priority', 'protocol'))

    @staticmethod
    def _takes(rule: dict, other: dict) -> bool:
        """Whether the kernel, told to remove or add `rule`, takes `other` for it: what a message does not say may be anything, and it does not
        look at `not` and at the target of a goto."""
        return all(rule.get(name) in (None, other.get(name)) for name in ('priority', 'protocol', *Rule._selectors) if name not in ('invert', 'goto'))

    def plan(self, wanted, scopes, world):
        live: dict = {}  # by namespace, in the kernel's order, kept up to date with the plan

        def rules(netns):
            return live.setdefault(netns, list(world.table(self.section, netns).values()))

        gone = [(one.netns, rule, one.where) for one in wanted if one.absent for rule in rules(one.netns) if self.meets(one.values, rule)]
        for scope in scopes:
            kept = [one.values for one in wanted if not one.absent and one.netns == scope.netns]
            gone += [(scope.netns, rule, scope.where) for rule in rules(scope.netns)
                     if self.scoped(scope, (), rule) and not any(self.meets(values, rule) for values in kept)]
        operations = []
        doomed = {(netns, self.key(rule)): where for netns, rule, where in reversed(gone)}
        for netns in {netns: None for netns, unused, unused2 in gone}:
            for rule in list(rules(netns)):  # in the kernel's order, since it removes the first that the message fits
                key = self.key(rule)
                if (netns, key) not in doomed:
                    continue
                first = next(other for other in rules(netns) if self._takes(rule, other))
                if first is not rule:
                    raise InputError(f"{doomed[netns, key]}: the kernel cannot tell this rule from '{self.title(self.key(first))}' before it, and would remove"
                                     ' that one; remove both, and add the other again')
                operations.append(self.deletion(netns, key, rule, doomed[netns, key]))
                operations[-1].undo += self._behind(netns, rule, list(world.table(self.section, netns).values()))
                rules(netns).remove(rule)
        for one in wanted:
            if one.absent or any(self.meets(one.values, rule) for rule in rules(one.netns)):
                continue
            _need_release(one, world)
            values = {'priority': _next_priority(rules(one.netns), one.values['family']), 'protocol': PROTOCOL, **one.values}
            place = next((place for place, rule in enumerate(rules(one.netns)) if rule['family'] == values['family']
                          and rule['priority'] > values['priority']), len(rules(one.netns)))
            rules(one.netns).insert(place, values)
            operations.append(self.creation(one.netns, self.key(values), values, one.where))
        return operations

    def _behind(self, netns, rule, rules) -> list:
        """What puts the rules behind it again that were behind a rule of the same priority: one that comes back comes last."""
        alike = [other for other in rules if (other['family'], other['priority']) == (rule['family'], rule['priority'])]
        behind = alike[alike.index(rule) + 1:]
        if any(next(other for other in alike if self._takes(one, other)) is not one for one in behind):
            return []  # the kernel cannot tell them apart
        return [back for one in behind for back in (*self.creation(netns, self.key(one), one).undo, self.creation(netns, self.key(one), one))]

    def hung(self, world, netns, name):
        return []  # a rule stays when its link goes, and holds again when one of that name comes

    def refers(self, wanted):
        return []

    # -- netlink ------------------------------------------------------------------------------------------------------

    def observe(self, world, netns):
        codec, table = world.kernel.message('fibmsg', _SUPPLEMENT), {}
        kinds = self.table.types
        families = {number: name for name, number in FAMILIES.items()}
        for data, start, end in world.kernel.dump(netns, RTM_GETRULE, codec.pack({}, {})):
            header = codec.read_header(data, start)
            if header['family'] not in families:
                continue  # multicast routing has rules of its own
            attrs = codec.layout.read(data, start + codec.size, end)
            values = {'priority': 0, **self.table.decode(attrs, None), 'family': families[header['family']],
                      'action': kinds['action'].unwire(header['action'])}
            for name, attr, length in (('src', 'FRA_SRC', 'src_len'), ('dst', 'FRA_DST', 'dst_len')):
                if attr in attrs:
                    values[name] = f'{attrs[attr]}/{header[length]}'
            if 'fwmask' in values:
                values.setdefault('fwmark', 0)
            if header['flags'] & _INVERT:
                values['invert'] = True
            if attrs.get('FRA_L3MDEV'):
                values['l3mdev'] = True
            if header['tos']:
                values['tos'] = header['tos']
            number = attrs.get('FRA_TABLE', header['table'])
            if values['action'] == 'lookup' and number and 'l3mdev' not in values:
                values['table'] = kinds['table'].unwire(number)
            found = table.setdefault(self.key(values), values)
            if found is not values:  # others may add a rule twice
                found['copies'] = found.get('copies', 1) + 1
        return table

    def encode(self, operation, kernel):
        values = operation.before if operation.action == 'delete' else operation.values
        codec = kernel.message('fibmsg', _SUPPLEMENT)
        number = self.table.by_name['table'].type.wire(values['table']) if 'table' in values else 0
        header = {'family': FAMILIES[values['family']], 'action': ACTIONS[values['action']], 'tos': values.get('tos', 0),
                  'table': number if number < 256 else 0, 'flags': _INVERT if values.get('invert') else 0}
        attrs = self.table.encode(values, None)
        attrs['FRA_TABLE'] = number or None
        attrs['FRA_L3MDEV'] = 1 if values.get('l3mdev') else None
        for name, attr, length in (('src', 'FRA_SRC', 'src_len'), ('dst', 'FRA_DST', 'dst_len')):
            if name in values:
                attrs[attr], unused, bits = values[name].partition('/')
                header[length] = int(bits)
        body, copies = codec.pack(header, attrs), values.get('copies', 1)
        if operation.action == 'delete':
            return [(operation.netns, Request(RTM_DELRULE, 0, body))] * copies
        return [(operation.netns, Request(RTM_NEWRULE, NLM_F_CREATE | (0 if copy else NLM_F_EXCL), body)) for copy in range(copies)]

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == 2  # ENOENT

    def explain(self, operation, error):
        reason = super().explain(operation, error)
        if error.errno == 17:
            reason += '; the kernel takes it for another rule of this priority, which says less or differs in not or goto only: give it a priority of its own'
        return reason

    def _words(self, values) -> list[str]:
        """What iproute2 has between the verb and the end."""
        words = ['not'] if values.get('invert') else []
        words += ['from', values.get('src') or 'all']
        for field in self.table:
            if field.name in ('invert', 'src', 'family', 'action', 'fwmask', 'flowlabel_mask', 'goto') or field.name not in values:
                continue
            if field.name == 'fwmark':
                words += ['fwmark', hex(values['fwmark']) + (f"/{hex(values['fwmask'])}" if values['fwmask'] != _NONE else '')]
            elif field.name == 'flowlabel':
                words += ['flowlabel', f"{hex(values['flowlabel'])}/{hex(values['flowlabel_mask'])}"]
            elif field.name == 'tos':
                words += ['tos', hex(values['tos'])]
            else:
                words += field.command(values[field.name])
        if values.get('action', 'lookup') != 'lookup':
            words += [values['action'], *([str(values['goto'])] if 'goto' in values else [])]
        return words

    def commands(self, operation):
        values = operation.before if operation.action == 'delete' else operation.values
        line = [*prefix('ip', operation.netns)]
        if values['family'] == 'inet6':
            line.insert(line.index('ip') + 1, '-6')
        return [[*line, 'rule', 'del' if operation.action == 'delete' else 'add', *self._words(values)]] * values.get('copies', 1)

    def document(self, key, values, netns, world):
        return {name: value for name, value in values.items() if name != 'copies'} if self.returns(values) else None


def _next_priority(rules, family: str) -> int:
    """What the kernel gives a rule without priority: that before the second one."""
    mine = [rule['priority'] for rule in rules if rule['family'] == family]
    return max(mine[1] - 1, 0) if len(mine) > 1 else 0


def _need_release(one, world):
    """An unknown attribute is ignored by the kernel, and the rule would be for every packet."""
    if world.kernel is None:
        return
    release = tuple(map(int, re.findall(r'\d+', os.uname().release)[:2]))
    for name, since in _SINCE.items():
        if name in one.values and release < since:
            raise MissingAbility(f'{one.where}: this kernel ({os.uname().release}) would ignore {name}: it needs Linux {since[0]}.{since[1]}')
