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

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import IN_PLACE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Ip
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import ADDRESS, attribute
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_REPLACE

#: from so many entries on
MANY = 256
#: entries that a result tells one by one
SHOWN = 20
#: options that may stand beside the list, with nothing but mac and dst in its items
_BESIDE = {'dev', 'netns', 'state', 'purge', 'allow_disconnect'}
_MACS = re.compile(r'(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}\n)*')
_DST = Ip(multicast=False)
_pack, _read = ADDRESS
_NDA_DST, _NDA_LLADDR = 1, 2
_LLADDR = struct.pack('=HH', 10, _NDA_LLADDR)
_NDMSG = struct.Struct('=BxxxiHBB')
_STATE = neigh.NUD_PERMANENT | neigh.NUD_NOARP
#: What the kernel reports of an entry: struct ndmsg, NDA_LLADDR, NDA_DST of 8 or 20 bytes, and then what says when it was used.
_FOUND = {8: struct.Struct('=BxxxiHBB4s6s2x8s'), 20: struct.Struct('=BxxxiHBB4s6s2x20s')}
_FLOOD = b'\0' * 6
_DST_HEAD = {struct.pack('=HH', size, _NDA_DST): size for size in _FOUND}


class Rows:
    """{mac: dst attribute} in bytes; `top` and `items` are the options as the user gave them."""

    __slots__ = ('resource', 'dst_of', 'top', 'items')

    def __init__(self, resource, dst_of: dict, top: dict, items: list):
        self.resource, self.dst_of, self.top, self.items = resource, dst_of, top, items

    def single(self, one) -> tuple[list, list]:
        """(wanted, scopes): the same, entry by entry."""
        beside = {'dev': self.top['dev'], 'netns': one.netns, 'state': self.top.get('state')}
        wanted = [entry for place, item in enumerate(self.items) for entry in self.resource.parse({**beside, **item}, f'{one.where}[{place}]')]
        return wanted, [self.resource.scope(beside, one.where)] if self.top.get('purge') else []


def columns(resource, top: dict, items: list) -> Rows | None:
    """The rows of items that have just mac and dst, unicast and well formed; None where they have not."""
    if len(items) < MANY or not top.get('dev') or not top.keys() <= _BESIDE:
        return None
    try:
        if len(items[0]) > 2:  # AnsibleModule adds what was not given
            items = [{name: value for name, value in item.items() if value is not None} for item in items]
        if any(len(item) != 2 for item in items):
            return None
        text = '\n'.join([item['mac'] for item in items]).lower() + '\n'
        names = [item['dst'] for item in items]
        if not _MACS.fullmatch(text):
            return None
        attrs = {name: attribute(_NDA_DST, _pack(_DST.parse(name))) for name in set(names)}
    except (KeyError, TypeError, ValueError):
        return None
    macs = bytes.fromhex(text.replace(':', '').replace('\n', ''))
    if any(first & 1 for first in macs[::6]):
        return None
    dst_of = dict(zip([macs[place:place + 6] for place in range(0, len(macs), 6)], [attrs[name] for name in names]))
    return Rows(resource, dst_of, top, items) if len(dst_of) == len(items) and _FLOOD not in dst_of else None


def observe(kernel, netns: str | None, dev: str) -> tuple[dict, set]:
    """({mac: dst attribute} of the plain permanent entries of a device, the MACs that have other entries than such a one)."""
    body = _NDMSG.pack(neigh.AF_BRIDGE, kernel.index(netns, dev), 0, 0, 0)
    found, other = {}, set()
    for data, start, end in kernel.dump(netns, neigh.RTM_GETNEIGH, body):
        size = _DST_HEAD.get(data[start + 24:start + 28], 8)
        if end - start < 24 + size:
            continue
        unused, unused2, state, flags, unused3, head, mac, dst = _FOUND[size].unpack_from(data, start)
        if head != _LLADDR:
            continue
        # after the address there is only struct nda_cacheinfo, in an attribute of 20 bytes
        if state == _STATE and flags == neigh.NTF_SELF and dst[:4] in _DST_HEAD and end - start == 24 + size + 20 and mac not in found:
            found[mac] = dst
        elif state & _STATE:
            other.add(mac)
    return found, other


def plan(resource, one, world) -> list[Operation] | None:
    """Up to three operations: entries to make, to lead elsewhere, to remove. None where entries of other forms are in the way."""
    rows, dev, netns = one.values['rows'], one.values['dev'], one.netns
    if not world.has_link(netns, dev):
        if one.absent:
            return []
        raise InputError(f"{one.where}: dev '{dev}' does not exist: No such device", errno=19, rolled_back=False)
    live = world.kernel is not None and world.kernel.namespaces.exists(netns) and dev in world.links(netns)
    found, other = observe(world.kernel, netns, dev) if live else ({}, set())
    wanted = rows.dst_of
    purge = rows.top.get('purge')
    if other & wanted.keys() or purge and (other or _FLOOD in found):
        return None
    if one.absent:
        new, moved, gone = {}, {}, {mac: dst for mac, dst in wanted.items() if found.get(mac) == dst}
    else:
        missing = wanted.items() - found.items()
        new = {mac: dst for mac, dst in missing if mac not in found}
        moved = {mac: dst for mac, dst in missing if mac in found}
        gone = {mac: found[mac] for mac in found.keys() - wanted.keys()} if purge else {}
    operations = []
    for action, changed, before in (('delete', gone, gone), ('set', moved, {mac: found[mac] for mac in moved}), ('create', new, {})):
        if changed:
            operations.append(_operation(resource, one, action, changed, before, rendered=world.kernel is None))
    return operations


def _operation(resource, one, action, changed, before, rendered) -> Operation:
    dev, opposite = one.values['dev'], {'create': 'delete', 'delete': 'create', 'set': 'set'}[action]
    values = {'dev': dev, 'entries': len(changed), **_sample(changed)}
    old = {'dev': dev, 'entries': len(before), **_sample(before)} if before else {}
    phase = resource.unset_phase if action == 'delete' else resource.set_phase
    key = ('rows', dev, action)
    name = f'{len(changed)} entries on {dev}'
    back = Operation(resource.section, opposite, one.netns, key, name, old if action == 'set' else values,
                     facts={'rows': before if action == 'set' else changed, 'dev': dev})
    return Operation(resource.section, action, one.netns, key, name, {} if action == 'delete' else values, old, where=one.where, disruption=IN_PLACE,
                     phase=phase, requires=resource.needs(one.netns, {'dev': dev}), undo=[back],
                     facts={'rows': changed, 'dev': dev, 'all': rendered})


def _sample(rows: dict) -> dict:
    """Some of the entries, for results; all when they are few."""
    shown = [{'mac': mac.hex(':'), 'dst': _text(rows[mac])} for mac in sorted(rows)[:SHOWN]]
    return {'config' if len(rows) <= SHOWN else f'first {SHOWN}': shown}


def _text(attr: bytes) -> str:
    return _read(attr, 4, len(attr))


def send(operation, kernel):
    """Write all entries of an operation; KernelError names the first that was refused."""
    netns, rows, deleting = operation.netns, operation.facts['rows'], operation.action == 'delete'
    head = _NDMSG.pack(neigh.AF_BRIDGE, kernel.index(netns, operation.facts['dev']), _STATE, neigh.NTF_SELF, 0) + _LLADDR
    kind, flags = (neigh.RTM_DELNEIGH, 0) if deleting else (neigh.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE)
    macs = list(rows)
    refused, unused = kernel.namespaces.socket(netns).batch((kind, flags, head + mac + b'\0\0' + rows[mac]) for mac in macs)
    for place in sorted(refused):
        error = refused[place]
        if not (deleting and error.errno == errno.ENOENT):
            raise KernelError(error.errno, f'{macs[place].hex(":")} dst {_text(rows[macs[place]])}: {error.args[0]}')


def commands(operation, words) -> list[list[str]]:
    """The same as `bridge fdb` lines: all of them for a rendered plan, else the first."""
    verb = {'create': 'add', 'set': 'replace', 'delete': 'del'}[operation.action]
    tail = ['self'] if verb == 'del' else ['self', 'permanent']
    rows = operation.facts['rows']
    shown = sorted(rows) if operation.facts['all'] or len(rows) <= SHOWN else sorted(rows)[:SHOWN]
    lines = [[*words, 'fdb', verb, mac.hex(':'), 'dev', operation.facts['dev'], 'dst', _text(rows[mac]), *tail] for mac in shown]
    return lines if len(lines) == len(rows) else [*lines, ['#', 'and', str(len(rows) - len(lines)), 'more']]
