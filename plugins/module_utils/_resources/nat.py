# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address translation (nft(8)), in an nftables table of our own in each namespace.

The table, with its three chains, is there as long as it has a rule. A rule is read back from its expressions; its comment
says what it was made as, so that one that was altered by hand is known, and repaired where it stands.
"""

from __future__ import annotations

import errno
import json
import re
import socket

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase, Scope, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Cidr, Enum, LinkName, Type, canonical_ip
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import nft

TABLE = ['inet', 'linuxnet_vnet']
#: name: hook and priority; older nft knows `dstnat` for prerouting only
CHAINS = {'prerouting': 'dstnat', 'output': '-100', 'postrouting': 'srcnat'}
TYPES = {'masquerade': 0, 'snat': 1, 'dnat': 2, 'redirect': 3}
PROTOCOLS = {'tcp': 6, 'udp': 17, 'sctp': 132, 'icmp': 1, 'icmpv6': 58, 'gre': 47, 'esp': 50, 'ah': 51}
_WITH_PORTS = ('tcp', 'udp', 'sctp')
_SOURCE = ('masquerade', 'snat')  # postrouting changes the source, the other hooks the destination
_ALL = {'inet': '0.0.0.0/0', 'inet6': '::/0'}
_NFT_FAMILY = {'inet': 'ip', 'inet6': 'ip6'}
_NFPROTO = {'ipv4': 'inet', 'ipv6': 'inet6', 2: 'inet', 10: 'inet6'}
_PORTS = re.compile(r'(\d{1,5})(?:-(\d{1,5}))?')
_COMMENT_SIZE = 128  # NFTNL_UDATA_COMMENT_MAXLEN


class Device(LinkName):
    """An interface as nft matches it by name: a trailing * stands for anything, quotes cannot be written."""

    allowed = LinkName.allowed + ', nor with quotes or backslash'

    def parse(self, value):
        text = super().parse(value)
        if '"' in text or '\\' in text:
            raise ValueError(self.allowed)
        return text


class Ports(Type):
    """A port or a range of ports, as text."""

    spec = {'type': 'str'}
    allowed = 'a port 1-65535 or a range such as 8000-8010'

    def parse(self, value):
        match = None if isinstance(value, bool) else _PORTS.fullmatch(str(value))
        if not match:
            raise ValueError(self.allowed)
        low, high = int(match[1]), int(match[2] or match[1])
        if not 1 <= low <= high <= 65535:
            raise ValueError(self.allowed)
        return str(low) if low == high else f'{low}-{high}'


class Target(Type):
    """What is put in: addresses, ports or both, as nft writes them (`[2001:db8::1]:80`); ports alone without colon."""

    spec = {'type': 'str'}
    allowed = 'an address, a port, or both, such as 192.0.2.1:8080 or [2001:db8::1]:8080; ranges are written with -'

    def parse(self, value):
        address, ports = split_target(str(value))
        try:
            ports = Ports().parse(ports) if ports else ''
            if not address and ports:
                return ports
            ends = [canonical_ip(end.strip('[]')) for end in address.split('-')]
            packed = [socket.inet_pton(socket.AF_INET6 if ':' in end else socket.AF_INET, end) for end in ends]
        except ValueError:
            raise ValueError(self.allowed) from None
        if len(ends) > 2 or len(set(map(len, packed))) > 1 or packed != sorted(packed):
            raise ValueError(self.allowed)
        ends = list(dict.fromkeys(f'[{end}]' if ports and ':' in end else end for end in ends))
        return '-'.join(ends) + (f':{ports}' if ports else '')


def split_target(text: str) -> tuple[str, str]:
    """(addresses, ports) of a target; either may be ''."""
    head, colon, tail = text.rpartition(':')
    if colon and (':' not in head or head.endswith(']')):
        return head, tail
    return ('', text) if _PORTS.fullmatch(text) else (text, '')


class LiveRules(dict):
    """{key: values} in the order of the chains. What is no rule of ours, or no longer, has the key ('', chain, handle).

    places   {key: (chain, handle)}
    altered  {(chain, comment): key} of rules that are no longer what their comment says
    complete the table is there with all its chains
    shared   somebody put more than rules into our table
    missing  the error that says what this host lacks to have rules at all
    """

    def __init__(self, missing: MissingAbility | None = None):
        super().__init__()
        self.places, self.altered, self.complete, self.shared, self.missing = {}, {}, False, False, missing


class Nat(Entry):
    section, noun, module = 'nat', 'NAT rule', 'vnet_nat'
    doc = 'address translation rules'
    identity = ('type',)
    purgeable = True
    batched = False
    table = Table([
        Field('type', Enum(TYPES), None,
              'What is translated: V(masquerade) and V(snat) the source of what leaves, to the address of the outgoing link or to O(to); V(dnat) and '
              'V(redirect) the destination of what comes in, to O(to) or to this host. Of the rules that match a connection, the first in the table '
              'decides: new ones are appended in the order listed, existing ones keep their place.'),
        Field('src', Cidr(network=True), None, 'Source address or network. V(0.0.0.0/0) and V(::/0) stand for a whole address family; a rule '
              'that names no address applies to both.'),
        Field('dst', Cidr(network=True), None, 'Destination address or network.'),
        Field('iif', Device(), None, 'Link that the packet came in by; a trailing C(*) stands for any ending. Older kernels '
              'do not see it when V(masquerade) and V(snat) rules are looked at.'),
        Field('oif', Device(), None, 'Link that the packet leaves by; a trailing C(*) stands for any ending. A V(dnat) or V(redirect) rule with O(oif) '
              'is for connections that this host itself opens (V(lo) for those to its own addresses), without it for those that come in.'),
        Field('proto', Enum(PROTOCOLS), None, 'Protocol.'),
        Field('dport', Ports(), None, 'Destination port, or a range such as V(8000-8010), before translation. Needs O(proto) V(tcp), V(udp) or V(sctp).'),
        Field('to', Target(), None, 'What is put in: an address (V(192.0.2.1)), with port (V(192.0.2.1:8080), V([2001:db8::1]:8080)), or ranges of '
              'them (V(192.0.2.1-192.0.2.9:1024-2047)). V(masquerade) and V(redirect) take ports only (V(8080)). A port needs O(proto).'),
    ])

    def key(self, values):
        return tuple(values.get(name) for name in self.table.by_name)

    def title(self, key):
        if key[0] == '':
            return f"{' '.join(TABLE)} {key[1]} handle {key[2]}"
        return ' '.join([key[0], *(f'{name} {value}' for name, value in list(zip(self.table.by_name, key))[1:] if value is not None)])

    def normal(self, values, where):
        kind, ports = values['type'], split_target(values.get('to', ''))[1]
        address = split_target(values.get('to', ''))[0]
        if kind in ('snat', 'dnat') and not address:
            raise InputError(f'{where}: {kind} needs to with the address that is put in')
        if kind in ('masquerade', 'redirect') and address:
            raise InputError(f"{where}: {kind} puts in an address of this host, so to takes ports only, not {values['to']};"
                             f" use {'snat' if kind == 'masquerade' else 'dnat'} to choose the address")
        for name, there in (('dport', 'dport' in values), ('a port in to', bool(ports))):
            if there and values.get('proto') not in _WITH_PORTS:
                raise InputError(f"{where}: {name} needs proto, one of {', '.join(_WITH_PORTS)}")
        if kind not in _SOURCE and 'iif' in values and 'oif' in values:
            raise InputError(f'{where}: {kind} takes iif (connections that come in) or oif (connections of this host), not both')
        if kind not in _SOURCE and not any(name in values for name in ('src', 'dst', 'iif', 'oif', 'proto')):
            raise InputError(f'{where}: {kind} needs at least one of src, dst, iif, oif, proto; it would take every connection to this host')
        families = {name: 'inet6' if ':' in values[name] else 'inet' for name in ('src', 'dst') if name in values}
        if address:
            families['to'] = 'inet6' if ':' in address else 'inet'
        if values.get('proto') in ('icmp', 'icmpv6'):
            families['proto'] = 'inet' if values['proto'] == 'icmp' else 'inet6'
        if len(set(families.values())) > 1:
            raise InputError(f"{where}: {' and '.join(f'{name} {values[name]}' for name in families)} are of different address families")
        return self._without_all(values, address)

    @staticmethod
    def _without_all(values, address):
        """A whole family is written once, as src, and only where nothing else tells the family."""
        whole = [values.pop(name) for name in ('src', 'dst') if values.get(name) in _ALL.values()]
        if whole and not address and 'src' not in values and 'dst' not in values and values.get('proto') not in ('icmp', 'icmpv6'):
            values['src'] = whole[0]
        return values

    def scope(self, item, where):
        return Scope(self.section, item.get('netns'), {}, where)

    # -- plan ---------------------------------------------------------------------------------------------------------

    def empty(self):
        return LiveRules()

    def plan(self, wanted, scopes, world):
        operations: dict = {}
        for one in [*wanted, *scopes]:
            missing = getattr(world.table(self.section, one.netns), 'missing', None)
            if missing:
                raise missing
        for one in wanted:
            live = world.table(self.section, one.netns)
            found = one.key if one.key in live else live.altered.get((chain(one.values), comment(self.title(one.key)))) if live else None
            if one.absent:
                if found:
                    self._add(operations, 'delete', one.netns, found, None, live, one.where)
            elif found != one.key:
                self._add(operations, 'set' if found else 'create', one.netns, found or one.key, one, live, one.where)
        keep = {(one.netns, one.key) for one in wanted if not one.absent}
        for scope in scopes:
            live = world.table(self.section, scope.netns)
            for key in live:
                if (scope.netns, key) not in keep and key not in operations.get(scope.netns, ()):
                    self._add(operations, 'delete', scope.netns, key, None, live, scope.where)
        return [operation for netns, planned in operations.items()
                for operation in self._finished(list(planned.values()), world.table(self.section, netns))]

    def _add(self, operations, action, netns, key, one, live, where):
        """Note one step under the key of the live rule that it is about (of the new one for create)."""
        facts = {'lines': []}
        if action != 'create':
            facts['place'] = live.places[key]
        target = one.key if one else key
        operations.setdefault(netns, {})[key] = Operation(
            self.section, action, netns, target, self.title(target), one.values if one else None, live.get(key), where=where,
            phase=Phase.UNSET_NAT if action == 'delete' else Phase.NAT, requires=[('netns', netns)] if netns else (), facts=facts)

    @staticmethod
    def _finished(operations, live):
        """What the table itself needs, and how to take all back: the whole table is put back by the operation that goes first."""
        operations.sort(key=lambda operation: operation.phase)
        creates = [operation for operation in operations if operation.action == 'create']
        if creates and not getattr(live, 'complete', False):
            creates[0].facts['lines'] = [['add', 'table', *TABLE]] + [
                ['add', 'chain', *TABLE, name, f'{{ type nat hook {name} priority {priority}; }}'] for name, priority in CHAINS.items()]
        if all(operation.action == 'delete' for operation in operations) and len(operations) == len(live) and not live.shared:
            operations[-1].facts['lines'] = [['delete', 'table', *TABLE]]
        first = operations[0]
        first.facts['before'] = ''
        first.undo = [Operation('nat', 'restore', first.netns, first.key, 'rules', facts=first.facts)]
        return operations

    # -- nftables -----------------------------------------------------------------------------------------------------

    def observe(self, world, netns):
        with world.kernel.namespaces.entered(netns):
            try:
                text = _listing(as_json=True)
            except MissingAbility as exc:
                return LiveRules(exc)
        return self.read(json.loads(text)['nftables']) if text else LiveRules()

    def read(self, objects: list) -> LiveRules:
        """The rules in a listing of our table by `nft -j -a -p`."""
        live = LiveRules()
        chains = set()
        for kind, body in [pair for one in objects for pair in one.items()]:
            if kind == 'chain' and body['name'] in CHAINS:
                chains.add(body['name'])
            elif kind == 'rule':
                self._read_rule(body, live)
            elif kind not in ('metainfo', 'table'):
                live.shared = True
        live.complete = len(chains) == len(CHAINS)
        return live

    def _read_rule(self, rule, live):
        values, told = self.decode(rule), rule.get('comment')
        key = self.key(values) if values else None
        if not values or key in live or told not in (None, comment(self.title(key))):
            key = ('', rule['chain'], rule['handle'])
            values = {'expr': rule.get('expr', []), **({'comment': told} if told else {})}
            if told:
                live.altered.setdefault((rule['chain'], told), key)
        live[key] = values
        live.places[key] = rule['chain'], rule['handle']

    def decode(self, rule: dict) -> dict | None:
        """The values that make this rule, from its expressions (libnftables-json(5)); None if none do."""
        values: dict = {}
        family = None
        for kind, body in [pair for one in rule.get('expr', ()) for pair in one.items()]:
            found = _match(body) if kind == 'match' else _statement(kind, body)
            if found is None:
                return None
            family = found.pop('family', family)
            if any(values.setdefault(name, value) != value for name, value in found.items()):
                return None
        if family and 'src' not in values and 'dst' not in values:
            values['src'] = _ALL[family]
        try:
            values = self.normal(self.table.parse(values, ''), '') if 'type' in values else {}
        except InputError:
            return None
        return values if values and chain(values) == rule['chain'] else None

    def perform(self, operation, kernel):
        with kernel.namespaces.entered(operation.netns):
            if operation.action == 'restore':
                nft.run('\n'.join([' '.join(['add', 'table', *TABLE]), ' '.join(['delete', 'table', *TABLE]), operation.facts['before']]))
                return
            if 'before' in operation.facts:
                operation.facts['before'] = _listing() or ''
            nft.run('\n'.join(' '.join(line) for line in self._lines(operation)))

    def _lines(self, operation) -> list[list[str]]:
        """The operation in nft's words."""
        lines = operation.facts['lines']
        if operation.action == 'delete':
            place, handle = operation.facts['place']
            return lines or [['delete', 'rule', *TABLE, place, 'handle', str(handle)]]
        rule = [*expression(operation.values), 'comment', f'"{comment(operation.name)}"']
        if operation.action == 'set':
            place, handle = operation.facts['place']
            return [['replace', 'rule', *TABLE, place, 'handle', str(handle), *rule]]
        return [*lines, ['add', 'rule', *TABLE, chain(operation.values), *rule]]

    def commands(self, operation):
        netns = operation.netns
        named = netns and not netns.startswith(('/', 'pid:'))
        tool = ['ip', 'netns', 'exec', netns, 'nft'] if named else prefix('nft', netns)
        return [[*tool, *line] for line in self._lines(operation)]

    def explain(self, operation, error):
        if operation.facts.get('lines') and error.errno in (errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT):
            return (f'{error.extack} ({error.name}): the kernel needs NAT of the nftables family inet, Linux 5.2 or later with the modules'
                    ' nft_chain_nat, nft_nat, nft_masq and nft_redir')
        return super().explain(operation, error)

    def hung(self, world, netns, name):
        return []  # rules name links, they are not on them

    def document(self, key, values, netns, world):
        return dict(values) if key[0] else None


def chain(values: dict) -> str:
    """The chain that a rule belongs into."""
    return 'postrouting' if values['type'] in _SOURCE else 'output' if 'oif' in values else 'prerouting'


def comment(title: str) -> str:
    """The comment of a rule, as long as the kernel keeps it."""
    return title.encode()[:_COMMENT_SIZE].decode(errors='ignore')


def expression(values: dict) -> list[str]:
    """The matches and the statement of a rule, in nft's words."""
    words = []
    for name in ('iif', 'oif'):
        if name in values:
            words += [name + 'name', f'"{values[name]}"']
    for name, keyword in (('src', 'saddr'), ('dst', 'daddr')):
        if name in values:
            family = 'inet6' if ':' in values[name] else 'inet'
            words += ['meta', 'nfproto', 'ipv6' if family == 'inet6' else 'ipv4'] if values[name] in _ALL.values() else [
                _NFT_FAMILY[family], keyword, values[name]]
    if 'dport' in values:
        words += [values['proto'], 'dport', values['dport']]
    elif 'proto' in values:
        words += ['meta', 'l4proto', str(PROTOCOLS[values['proto']])]  # names need /etc/protocols
    words.append(values['type'])
    if 'to' in values:
        address, unused = split_target(values['to'])
        words += [_NFT_FAMILY['inet6' if ':' in address else 'inet'], 'to', values['to']] if address else ['to', ':' + values['to']]
    return words


def _listing(as_json: bool = False) -> str | None:
    """Our table in the current namespace; None if it is not there."""
    try:
        return nft.run(' '.join(['list', 'table', *TABLE]), as_json)
    except KernelError as exc:
        if exc.errno == errno.ENOENT:
            return None
        raise


def _text(value) -> str:
    """An operand as we write it: 192.0.2.0/24, 80-90."""
    if isinstance(value, dict) and 'prefix' in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict) and 'range' in value:
        return '-'.join(map(str, value['range']))
    return value if isinstance(value, int) else str(value)


def _match(body: dict) -> dict | None:
    """{option: value} of a match expression."""
    left, right = body['left'], body['right']
    if body['op'] != '==' or not isinstance(left, dict):
        return None
    meta, payload = left.get('meta', {}).get('key'), left.get('payload', {})
    if meta == 'nfproto':
        return {'family': _NFPROTO[right]} if right in _NFPROTO else None
    if meta in ('iifname', 'oifname', 'l4proto'):
        return {{'iifname': 'iif', 'oifname': 'oif', 'l4proto': 'proto'}[meta]: _text(right)}
    protocol, field = payload.get('protocol'), payload.get('field')
    if protocol in ('ip', 'ip6') and field in ('saddr', 'daddr'):
        return {'src' if field == 'saddr' else 'dst': _text(right)}
    if field == 'dport' and protocol in _WITH_PORTS:
        return {'proto': PROTOCOLS[protocol], 'dport': _text(right)}
    return {'dport': _text(right)} if (protocol, field) == ('th', 'dport') else None


def _statement(kind: str, body: dict | None) -> dict | None:
    """{option: value} of a NAT statement."""
    body = body or {}
    if kind not in TYPES or set(body) - {'addr', 'family', 'port'}:
        return None
    found = {'type': kind}
    address, ports = _text(body.get('addr', '')), _text(body.get('port', ''))
    if ports != '':
        address = '-'.join(f'[{end}]' if ':' in end else end for end in address.split('-'))
    if address or ports:
        found['to'] = f'{address}:{ports}' if address and ports else address or ports
    return found
