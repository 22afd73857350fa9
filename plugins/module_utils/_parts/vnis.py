# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VNIs that a VXLAN device with vnifilter accepts (bridge-vni of bridge(8), struct tunnel_msg of linux/if_link.h)."""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Ip, Rows, Type, is_multicast
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout, attributes
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request

RTM_NEWTUNNEL, RTM_DELTUNNEL, RTM_GETTUNNEL = 120, 121, 122
_AF_BRIDGE = 7
_IFLA_VXLAN_VNIFILTER = 30
_MESSAGE = struct.Struct('=BBHI')
_ENTRY = Layout([(1, 'START', 'uint32'), (2, 'END', 'uint32'), (3, 'GROUP', 'ip4addr'), (4, 'GROUP6', 'ip6addr')])
_ENTRIES = Layout([(1, 'ENTRY', _ENTRY)])

DOC = ('All VNIs that a device with O(vxlan.vnifilter) accepts, C({vni: 100}) or C({vni: 100-199}); others are taken from it.')


class VniRange(Type):
    """A VNI or a range of them, '100' or '100-199'."""

    spec = {'type': 'str'}
    allowed = 'a VNI 1-16777215, or a range such as 100-199'

    def parse(self, value):
        first, dash, last = str(value).partition('-')
        if isinstance(value, bool) or not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(self.allowed)
        pair = int(first), int(last) if dash else int(first)
        if not 1 <= pair[0] <= pair[1] <= 0xFFFFFF:
            raise ValueError(self.allowed)
        return _text(*pair)


def _text(first: int, last: int) -> str:
    return f'{first}-{last}' if last > first else str(first)


def _bounds(row: dict) -> tuple[int, int]:
    first, unused, last = row['vni'].partition('-')
    return int(first), int(last or first)


def _destination(row: dict) -> str | None:
    return row.get('group') or row.get('remote')


def _row(first: int, last: int, destination: str | None) -> dict:
    row = {'vni': _text(first, last)}
    if destination:
        row['group' if is_multicast(destination) else 'remote'] = destination
    return row


def merged(rows) -> list[dict]:
    """The same VNIs in as few rows as can be, in order."""
    found: list = []
    for row in sorted(rows or (), key=_bounds):
        (first, last), destination = _bounds(row), _destination(row)
        if found and found[-1][1] == first - 1 and found[-1][2] == destination:
            found[-1][1] = last
        else:
            found.append([first, last, destination])
    return [_row(*one) for one in found]


def without(rows, others) -> list[dict]:
    """Rows of the VNIs that `rows` has and `others` has not, or with another destination."""
    left = []
    for row in rows:
        pieces = [_bounds(row)]
        for other in others:
            if _destination(other) == _destination(row):
                first, last = _bounds(other)
                pieces = [piece for one in pieces for piece in ((one[0], min(one[1], first - 1)), (max(one[0], last + 1), one[1])) if piece[0] <= piece[1]]
        left += [_row(*piece, _destination(row)) for piece in pieces]
    return left


class Vnis(Rows):
    """Rows of ranges: the same VNIs may be written in more rows or fewer."""

    def __init__(self):
        super().__init__(Table([
            Field('vni', VniRange(), None, 'VNI, or a range of them.'),
            Field('group', Ip(multicast=True), None, 'Multicast group that frames of the VNI go to where the FDB has no entry.'),
            Field('remote', Ip(multicast=False), None, 'Host that frames of the VNI go to where the FDB has no entry.'),
        ]), ('vni',))

    def parse_at(self, value, where):
        rows = super().parse_at(value, where)
        if any('vni' not in row for row in rows):
            raise ValueError('a list whose rows all have vni')
        rows.sort(key=_bounds)
        if any('group' in row and 'remote' in row for row in rows):
            raise ValueError('a list whose rows have group or remote, not both')
        for row, following in zip(rows, rows[1:]):
            if _bounds(row)[1] >= _bounds(following)[0]:
                raise ValueError(f"a list without a VNI twice, as in {row['vni']} and {following['vni']}")
        return rows

    def same(self, wanted, found):
        return merged(wanted) == merged(found)


class VnisPart(Part):
    options = ('vnis',)

    def observe(self, kernel, netns, found):
        data = found.raw['info'].get('IFLA_INFO_DATA', b'')
        if not any(number == _IFLA_VXLAN_VNIFILTER and any(data[start:end]) for number, unused, start, end in attributes(data, 0, len(data))):
            return {}
        rows = []
        for data, start, end in kernel.dump(netns, RTM_GETTUNNEL, _MESSAGE.pack(_AF_BRIDGE, 0, 0, found.index)):
            for number, unused, first, last in attributes(data, start + _MESSAGE.size, end):
                entry = _ENTRY.read(data, first, last) if number == 1 else {}
                if entry:
                    destination = entry.get('GROUP', entry.get('GROUP6'))
                    rows.append(_row(entry['START'], entry.get('END', entry['START']), None if destination in ('0.0.0.0', '::') else destination))
        return {'vnis': merged(rows)}

    @staticmethod
    def _steps(values, before):
        """(whether to add, row): what goes, then what comes. A destination that is merely replaced leaves its FDB entry behind."""
        now, old = merged(values['vnis']), merged(before.get('vnis'))
        return [(False, row) for row in without(old, now)] + [(True, row) for row in without(now, old)]

    def apply(self, kernel, netns, name, values, before):
        head = _MESSAGE.pack(_AF_BRIDGE, 0, 0, kernel.index(netns, name))
        requests = []
        for add, row in self._steps(values, before):
            first, last = _bounds(row)
            entry = {'START': first, 'END': last if last > first else None}
            destination = _destination(row) if add else None
            if destination:
                entry['GROUP6' if ':' in destination else 'GROUP'] = destination
            requests.append(Request(RTM_NEWTUNNEL if add else RTM_DELTUNNEL, 0, head + _ENTRIES.pack({'ENTRY': entry})))
        failed, unused = kernel.namespaces.socket(netns).batch(requests)
        for error in failed.values():
            raise error

    def commands(self, netns, name, values, before):
        lines = []
        for add, row in self._steps(values, before):
            destination = [word for option in ('group', 'remote') if add and option in row for word in (option, row[option])]
            lines.append([*prefix('bridge', netns), 'vni', 'add' if add else 'delete', 'vni', row['vni'], *destination, 'dev', name])
        return lines
