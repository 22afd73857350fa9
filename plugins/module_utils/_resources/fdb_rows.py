# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many FDB entries of one VXLAN device as columns of bytes: a hundred thousand of them must not be as many objects.

Entries that differ in `mac` and `dst` alone are compared and sent in the form in which the kernel has them. What does not fit goes the
ordinary way, entry by entry; both mean the same.
"""

from __future__ import annotations

import errno
import re
import struct
from operator import concat, itemgetter

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import IN_PLACE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Ip, Mac
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import ADDRESS, attribute
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_MULTI, NLM_F_REPLACE, NetlinkSocket, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import fdb_found

#: from so many entries on
MANY = 256
#: entries that are written, and read back, at a time
_TOGETHER = 2000
#: entries that a result tells one by one
SHOWN = 20
#: options that may stand beside the list, with nothing but mac and dst in its items
_BESIDE = {'dev', 'netns', 'state', 'purge', 'allow_disconnect'}
_DST, _MAC_OF = Ip(multicast=False), Mac()
_pack, _read = ADDRESS
_NDA_DST, _NDA_LLADDR = 1, 2
_LLADDR = struct.pack('=HH', 10, _NDA_LLADDR)
_NDMSG = struct.Struct('=BxxxiHBB')
_STATE = neigh.NUD_PERMANENT | neigh.NUD_NOARP
#: A row is what follows the head of NDA_LLADDR: the MAC, its padding, and NDA_DST of 8 or 20 bytes. In what the kernel tells, NDA_CACHEINFO of 20 bytes
#: comes after it, and 32 bytes before it: struct nlmsghdr, struct ndmsg, the head of NDA_LLADDR.
_ROW = b'.{6}\0\0(?:%s.{4}|%s.{16})' % tuple(re.escape(struct.pack('=HH', size, _NDA_DST)) for size in (8, 20))
_BEFORE, _AFTER = 32, 20
_LENGTHS = b'(?:%s)' % b'|'.join(re.escape(struct.pack('=I', _BEFORE + 8 + size + _AFTER)) for size in (8, 20))
_MAC, _DST_AT = slice(0, 6), 8
_FLOOD = b'\0' * 6
_EVEN = bytes(range(0, 256, 2))


class Rows:
    """Entries as rows of bytes; `top` and `items` are the options as the user gave them."""

    __slots__ = ('resource', 'rows', 'top', 'items', 'unread')

    def __init__(self, resource, rows: list, top: dict, items: list):
        self.resource, self.rows, self.top, self.items = resource, rows, top, items
        #: what is to be done with them and was not read back yet: actions; None: nobody keeps count
        self.unread: set | None = None

    def single(self, one) -> tuple[list, list]:
        """(wanted, scopes): the same, entry by entry."""
        beside = {'dev': self.top['dev'], 'netns': one.netns, 'state': self.top.get('state')}
        wanted = [entry for place, item in enumerate(self.items) for entry in self.resource.parse({**beside, **item}, _item(one.where, place))]
        return wanted, [self.resource.scope(beside, one.where)] if self.top.get('purge') else []


def columns(resource, top: dict, items: list) -> Rows | None:
    """The rows of items that have just mac and dst, unicast and well formed; None where they have not."""
    if len(items) < MANY or not top.get('dev') or not top.keys() <= _BESIDE:
        return None
    try:
        if len(items[0]) > 2:  # AnsibleModule adds what was not given
            items = [{name: value for name, value in item.items() if value is not None} for item in items]
        if set(map(len, items)) != {2}:
            return None
        text = '\n'.join(map(itemgetter('mac'), items)) + '\n'
        names = list(map(itemgetter('dst'), items))
        octets = bytes.fromhex(text.replace(':', ''))
        if text[2::3] != ':::::\n' * len(items) or len(octets) != 6 * len(items):
            return None
        ends = {name: b'\0\0' + attribute(_NDA_DST, _pack(_DST.parse(name))) for name in set(names)}
    except (KeyError, TypeError, ValueError):
        return None
    if octets[::6].translate(None, _EVEN):  # multicast
        return None
    macs = list(map(itemgetter(0), struct.iter_unpack('6s', octets)))
    different = set(macs)
    if len(different) != len(items) or _FLOOD in different:
        return None
    return Rows(resource, list(map(concat, macs, map(ends.__getitem__, names))), top, items)


def _plain(index: int):
    """The expression of a plain permanent entry of a device as the kernel tells of it; its group is the row."""
    ndmsg = re.escape(_NDMSG.pack(neigh.AF_BRIDGE, index, _STATE, neigh.NTF_SELF, 0)[:-1]) + b'.'
    return re.compile(ndmsg + re.escape(_LLADDR) + b'(' + _ROW + b').{20}', re.DOTALL)


def _ask(socket, index: int, ask):
    """ask(socket, ...) for the entries of a device: datagrams that have nothing but plain permanent ones are one list of rows, others single messages."""
    one, many = _plain(index), {}

    def whole(data, seq):
        if seq not in many:
            many[seq] = re.compile(_LENGTHS + re.escape(struct.pack('=HHI', neigh.RTM_NEWNEIGH, NLM_F_MULTI, seq)) + b'.{4}' + one.pattern, re.DOTALL)
        rows = many[seq].findall(data)
        return [rows] if sum(map(len, rows)) + len(rows) * (_BEFORE + _AFTER) == len(data) else None

    return ask(socket, neigh.RTM_GETNEIGH, _NDMSG.pack(neigh.AF_BRIDGE, index, 0, 0, 0), whole), one


def observe(kernel, netns: str | None, dev: str) -> tuple[set, set, set]:
    """(plain permanent entries of a device as rows, MACs of other lasting entries, MACs of those that pass: learned by the device or by a routing daemon)."""
    dump, one = _ask(kernel.namespaces.socket(netns), kernel.index(netns, dev), NetlinkSocket.dump)
    found, other, passing = set(), set(), set()
    for told in dump:
        if isinstance(told, list):
            found.update(told)
            continue
        data, start, end = told
        match = one.fullmatch(data, start, end)
        if match:
            found.add(match[1])
        else:
            (other if _NDMSG.unpack_from(data, start)[2] & _STATE else passing).add(fdb_found.mac(data, start, end))
    return found, other, passing


def _stands(kernel, netns: str | None, index: int, rows: list) -> bool:
    """Whether entries that have just been made are there, as far as the beginning of a dump tells.

    Linux 6.16 and later tell of the newest entries first. To read all of them is much more than so many times the work: for each part of a dump the
    kernel walks over all that it has told before.
    """
    found: list = []
    with kernel.namespaces.aside(netns) as socket:
        parts, one = _ask(socket, index, NetlinkSocket.told)
        for told, unused in parts:
            for its in told:
                found += its if isinstance(its, list) else [match[1] for match in [one.fullmatch(*its)] if match]
            if len(found) >= len(rows):
                break
    return found[:len(rows)] == rows[::-1] or found and set(rows) <= set(found)


def _asked(kernel, netns: str | None, index: int, rows: list) -> list:
    """Those of the rows that are there, each of them asked for."""
    head = _NDMSG.pack(neigh.AF_BRIDGE, index, 0, neigh.NTF_SELF, 0) + _LLADDR
    one = _plain(index)
    unused, replies = kernel.namespaces.socket(netns).batch(Request(neigh.RTM_GETNEIGH, 0, head + row[:8]) for row in rows)
    told = {place: one.fullmatch(body) for place, ((unused, body),) in replies.items()}
    return [row for place, row in enumerate(rows) if told.get(place) and told[place][1] == row]


def plan(resource, one, world) -> list[Operation] | None:
    """Up to three operations: entries to make, to lead elsewhere, to remove. None where entries of other forms are in the way."""
    rows, dev, netns = one.values['rows'], one.values['dev'], one.netns
    if rows.unread == set():
        return []
    if not world.has_link(netns, dev):
        if one.absent:
            return []
        raise InputError(f"{one.where}: dev '{dev}' does not exist: No such device", errno=19, rolled_back=False)
    live = world.kernel is not None and world.kernel.namespaces.exists(netns) and dev in world.links(netns)
    if live and (netns, dev) in world.made:  # it is made anew, with all of its entries
        return None
    purge = bool(rows.top.get('purge'))
    found, other, passing = observe(world.kernel, netns, dev) if live else (set(), set(), set())
    if purge and (other or any(row[0] & 1 or row[_MAC] == _FLOOD for row in found)) or not {row[_MAC] for row in rows.rows}.isdisjoint(other | passing):
        return None
    new, moved, before, gone = [], [], [], []
    if one.absent:
        gone = sorted(found) if purge else [row for row in rows.rows if row in found]
    else:
        missing = [row for row in rows.rows if row not in found] if found else rows.rows
        standing = {row[_MAC]: row for row in found.difference(rows.rows)} if found and (missing or purge) else {}
        new = [row for row in missing if row[_MAC] not in standing] if standing else missing
        moved = [row for row in missing if row[_MAC] in standing] if standing else []
        before = [standing.pop(row[_MAC]) for row in moved]
        gone = sorted(standing.values()) if purge else []
    operations = []
    for action, changed, old in (('delete', gone, gone), ('set', moved, before), ('create', new, [])):
        if changed:
            operations.append(_operation(resource, one, action, changed, old, rendered=world.kernel is None))
    if operations:
        rows.unread = {operation.action for operation in operations}
        for operation in operations:
            operation.facts['of'] = rows
            operation.facts['few'] = 2 * len(operation.facts['rows']) < len(found)
    return operations


def _operation(resource, one, action, changed, before, rendered) -> Operation:
    dev, opposite = one.values['dev'], {'create': 'delete', 'delete': 'create', 'set': 'set'}[action]
    shown = changed if rendered else changed[:SHOWN]
    values = {'dev': dev, 'entries': len(changed), **_sample(changed)}
    old = {'dev': dev, 'entries': len(before), **_sample(before)} if before else {}
    phase = resource.unset_phase if action == 'delete' else resource.set_phase
    key = ('rows', dev, action)
    name = f'{len(changed)} entries on {dev}'
    back = Operation(resource.section, opposite, one.netns, key, name, old if action == 'set' else values,
                     facts={'rows': before if action == 'set' else changed, 'dev': dev})
    return Operation(resource.section, action, one.netns, key, name, {} if action == 'delete' else values, old, where=one.where, disruption=IN_PLACE,
                     phase=phase, requires=resource.needs(one.netns, {'dev': dev}), undo=[back],
                     facts={'rows': changed, 'dev': dev, 'shown': shown, 'items': one.values['rows'].items})


def _sample(rows: list) -> dict:
    """The first of the entries, for results; all when they are few."""
    shown = [{'mac': row[_MAC].hex(':'), 'dst': _text(row)} for row in rows[:SHOWN]]
    return {'config' if len(rows) <= SHOWN else f'first {SHOWN}': shown}


def _text(row: bytes) -> str:
    return _read(row, _DST_AT + 4, len(row))


def send(operation, kernel):
    """Write all entries of an operation. KernelError where one is refused, which the operation is named after then. New ones are read back, some at a time."""
    netns, rows, deleting = operation.netns, operation.facts['rows'], operation.action == 'delete'
    index, wanted = kernel.index(netns, operation.facts['dev']), operation.facts.get('of')
    head = _NDMSG.pack(neigh.AF_BRIDGE, index, _STATE, neigh.NTF_SELF, 0) + _LLADDR
    kind, flags = (neigh.RTM_DELNEIGH, 0) if deleting else (neigh.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE)
    seen = wanted is not None and wanted.unread is not None
    for part in _parts(rows):
        kernel.pause()
        refused = kernel.namespaces.socket(netns).alike(kind, flags, head, part)
        for place in sorted(refused):
            error = refused[place]
            if not (deleting and error.errno == errno.ENOENT):
                _name(operation, part[place])
                raise error
        if seen and operation.action == 'create':
            seen = _stands(kernel, netns, index, part)
        elif seen and operation.facts['few']:
            seen = len(_asked(kernel, netns, index, part)) == (0 if deleting else len(part))
        else:
            seen = False
    if seen:
        wanted.unread.discard(operation.action)


def _name(operation, row: bytes):
    """Says which of its entries an operation failed at."""
    mac = row[_MAC].hex(':')
    operation.name = f'{mac} on {operation.facts["dev"]} dst {_text(row)}'
    operation.values = {'dev': operation.facts['dev'], 'mac': mac, 'dst': _text(row)}
    for place, item in enumerate(operation.facts.get('items', ())):
        if _MAC_OF.parse(item['mac']) == mac:
            operation.where = _item(operation.where, place)


def _item(where: str, place: int) -> str:
    """Where an item of the list stands: `config[3]` of the module, `fdb[0].config[3]` of a document."""
    return f'{where}[{place}]' if where == 'config' else f'{where}.config[{place}]'


def _parts(rows: list):
    """Some rows at a time, of one length each: destinations are of IPv4 or of IPv6."""
    lengths = set(map(len, rows))
    for length in lengths:
        its = rows if len(lengths) == 1 else [row for row in rows if len(row) == length]
        for first in range(0, len(its), _TOGETHER):
            yield its[first:first + _TOGETHER]


def commands(operation, words) -> list[list[str]]:
    """The same as `bridge fdb` lines: all of them for a rendered plan, else the first."""
    verb = {'create': 'add', 'set': 'replace', 'delete': 'del'}[operation.action]
    tail = ['self'] if verb == 'del' else ['self', 'permanent']
    rows, shown = operation.facts['rows'], operation.facts['shown']
    lines = [[*words, 'fdb', verb, row[_MAC].hex(':'), 'dev', operation.facts['dev'], 'dst', _text(row), *tail] for row in shown]
    return lines if len(lines) == len(rows) else [*lines, ['#', 'and', str(len(rows) - len(lines)), 'more']]
