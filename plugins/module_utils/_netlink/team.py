# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The team driver's generic netlink family (linux/if_team.h), and the hash programs that its loadbalance mode runs."""

from __future__ import annotations

import errno
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout, listing
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.genl import Family

_OPTIONS_SET, _OPTIONS_GET = 1, 2
#: numbers of linux/netlink.h's enum of attribute types, which name the type of an option
_U32, _STRING, _FLAG, _BINARY, _S32 = 3, 5, 6, 11, 14
_OPTION = Layout([
    (1, 'TEAM_ATTR_OPTION_NAME', 'asciiz'), (3, 'TEAM_ATTR_OPTION_TYPE', 'uint8'), (4, 'TEAM_ATTR_OPTION_DATA', 'cdata'),
    (5, 'TEAM_ATTR_OPTION_REMOVED', 'flag'), (6, 'TEAM_ATTR_OPTION_PORT_IFINDEX', 'uint32'), (7, 'TEAM_ATTR_OPTION_ARRAY_INDEX', 'uint32'),
])

_MESSAGE = Layout([(1, 'TEAM_ATTR_TEAM_IFINDEX', 'uint32'), (2, 'TEAM_ATTR_LIST_OPTION', listing(0, _OPTION.pack, _OPTION.read, many_of=1))])

NO_MODE = '*NOMODE*'
#: type of each option that is used here
_TYPES = {
    'mode': _STRING, 'notify_peers_count': _U32, 'notify_peers_interval': _U32, 'mcast_rejoin_count': _U32, 'mcast_rejoin_interval': _U32,
    'activeport': _U32, 'bpf_hash_func': _BINARY, 'enabled': _FLAG, 'user_linkup': _FLAG, 'user_linkup_enabled': _FLAG, 'priority': _S32,
    'queue_id': _U32,
}


class TeamDriver:
    """The options of one team device."""

    def __init__(self, kernel, netns: str | None, index: int):
        self.family, self.index = Family(kernel, netns, 'team', 1), index

    def options(self) -> dict:
        """{(option, index of the port or 0): value}; arrays are left out."""
        found = {}
        for message in self.family.call(_OPTIONS_GET, _MESSAGE, {'TEAM_ATTR_TEAM_IFINDEX': self.index}):
            for option in message.get('TEAM_ATTR_LIST_OPTION', []):
                name = option['TEAM_ATTR_OPTION_NAME']
                if name in _TYPES and 'TEAM_ATTR_OPTION_ARRAY_INDEX' not in option and 'TEAM_ATTR_OPTION_REMOVED' not in option:
                    found[name, option.get('TEAM_ATTR_OPTION_PORT_IFINDEX', 0)] = _value(_TYPES[name], option.get('TEAM_ATTR_OPTION_DATA'))
        return found

    def set(self, name: str, value, port: int = 0):
        """Set one option; port: index of the port that it is an option of."""
        option = {'TEAM_ATTR_OPTION_NAME': name, 'TEAM_ATTR_OPTION_TYPE': _TYPES[name], 'TEAM_ATTR_OPTION_DATA': _data(_TYPES[name], value),
                  'TEAM_ATTR_OPTION_PORT_IFINDEX': port or None}
        try:
            self.family.call(_OPTIONS_SET, _MESSAGE, {'TEAM_ATTR_TEAM_IFINDEX': self.index, 'TEAM_ATTR_LIST_OPTION': [option]})
        except KernelError as exc:
            if exc.errno != errno.ESRCH:  # it is set, but nobody listened to the news of it, which the driver takes for an error
                raise


def _value(kind, data):
    if kind == _FLAG:
        return data is not None
    if kind == _STRING:
        return data.rstrip(b'\0').decode()
    if kind == _BINARY:
        return data or b''
    return struct.unpack('=i' if kind == _S32 else '=I', data)[0]


def _data(kind, value):
    if kind == _FLAG:
        return b'' if value else None
    if kind == _STRING:
        return value.encode() + b'\0'
    if kind == _BINARY:
        return value
    return struct.pack('=i' if kind == _S32 else '=I', value)


# -- what decides the port of a packet in mode loadbalance: classic BPF (linux/bpf_common.h, linux/filter.h) ---------------

#: fragments as teamd.conf(5) has them, as sets of the smallest ones
FRAGMENTS = {'eth': ('eth',), 'vlan': ('vlan',), 'ipv4': ('ipv4',), 'ipv6': ('ipv6',), 'ip': ('ipv4', 'ipv6'), 'l3': ('ipv4', 'ipv6'),
             'tcp': ('tcp',), 'udp': ('udp',), 'sctp': ('sctp',), 'l4': ('tcp', 'udp', 'sctp')}
_ATOMS = ('eth', 'vlan', 'ipv4', 'ipv6', 'tcp', 'udp', 'sctp')
_PROTOCOLS = {'tcp': 6, 'udp': 17, 'sctp': 132}
_LD_IMM, _LDX_IMM, _LD_WORD, _LD_HALF, _LD_BYTE, _LD_WORD_X, _LDX_HEADER, _LDX_MEM, _STX = 0x00, 0x01, 0x20, 0x28, 0x30, 0x40, 0xb1, 0x61, 0x03
_AND, _XOR_X, _TAX, _TXA, _RET_A, _JA, _JEQ, _JSET = 0x54, 0xac, 0x07, 0x87, 0x16, 0x05, 0x15, 0x45
_VLAN_TAG = 0xfffff000 + 44  # SKF_AD_OFF + SKF_AD_VLAN_TAG: the tag that the skb carries beside the frame
_MARK = 0x746d0000  # the first instruction loads this and the set of fragments, and what it loads is not used


class _Program:
    """Instructions with labels; jumps go forward only."""

    def __init__(self):
        self.code: list[tuple] = []
        self.labels: dict[str, int] = {}

    def add(self, code: int, k: int = 0, true: str = '', false: str = ''):
        self.code.append((code, k, true, false))

    def label(self, name: str):
        self.labels[name] = len(self.code)

    def mix(self, load: int, at: int):
        """X ^= what is loaded."""
        self.add(load, at)
        self.add(_XOR_X)
        self.add(_TAX)

    def bytes(self) -> bytes:
        packed = []
        for place, (code, k, true, false) in enumerate(self.code):
            ways = [self.labels[name] - place - 1 if name else 0 for name in (true, false)]
            if code == _JA:
                k, ways = ways[0], [0, 0]
            packed.append(struct.pack('=HBBI', code, *ways, k))
        return b''.join(packed)


def hash_program(fragments) -> bytes:
    """The program for a list of fragments: the exclusive or of the fields that they stand for, in X."""
    atoms = {atom for name in fragments for atom in FRAGMENTS[name]}
    program = _Program()
    program.add(_LD_IMM, _MARK | sum(1 << place for place, atom in enumerate(_ATOMS) if atom in atoms))
    program.add(_LDX_IMM, 0)
    if 'eth' in atoms:
        for load, at in ((_LD_WORD, 2), (_LD_HALF, 0), (_LD_WORD, 8), (_LD_HALF, 6)):
            program.mix(load, at)
    if 'vlan' in atoms:
        program.mix(_LD_BYTE, _VLAN_TAG)
    program.add(_LD_HALF, 12)
    program.add(_JEQ, 0x8100, 'tagged', 'plain')
    for label, shift in (('plain', 0), ('tagged', 4)):
        program.label(label)
        _network(program, label, shift, atoms)
    program.label('end')
    program.add(_TXA)
    program.add(_RET_A)
    return program.bytes()


def _network(program, branch, shift, atoms):
    """Network and transport header of a frame whose VLAN tag takes `shift` bytes."""
    if shift and 'vlan' in atoms:
        program.add(_LD_HALF, 14)
        program.add(_AND, 0xfff)
        program.add(_XOR_X)
        program.add(_TAX)
    protocols = [_PROTOCOLS[atom] for atom in _PROTOCOLS if atom in atoms]
    program.add(_LD_HALF, 12 + shift)
    program.add(_JEQ, 0x0800, branch + '4', branch + '-not4')
    program.label(branch + '-not4')
    program.add(_JEQ, 0x86dd, branch + '6', branch + '-other')
    program.label(branch + '-other')
    program.add(_JA, 0, 'end')
    for version, addresses, proto in ((4, (26, 30), 23), (6, range(22, 54, 4), 20)):
        here = f'{branch}{version}'
        program.label(here)
        if f'ipv{version}' in atoms:
            for at in addresses:
                program.mix(_LD_WORD, at + shift)
        if version == 4 and protocols:
            program.add(_LD_HALF, 20 + shift)
            program.add(_JSET, 0x1fff, here + '-end', here + '-whole')  # only a first fragment has ports
            program.label(here + '-whole')
        if protocols:
            program.add(_LD_BYTE, proto + shift)
        for number in protocols:
            program.add(_JEQ, number, here + '-ports', f'{here}-not{number}')
            program.label(f'{here}-not{number}')
        program.label(here + '-end')
        program.add(_JA, 0, 'end')
        program.label(here + '-ports')
        if version == 4:  # the length of the header goes through X
            program.add(_STX, 0)
            program.add(_LDX_HEADER, 14 + shift)
            program.add(_LD_WORD_X, 14 + shift)
            program.add(_LDX_MEM, 0)
        else:
            program.add(_LD_WORD, 54 + shift)
        program.add(_XOR_X)
        program.add(_TAX)
        program.add(_JA, 0, 'end')


def fragments_of(program: bytes) -> list[str] | None:
    """The fragments of a program of ours; None for another one."""
    if len(program) < 8:
        return None
    mark = struct.unpack_from('=HBBI', program)[3]
    fragments = [atom for place, atom in enumerate(_ATOMS) if mark & (1 << place)]
    return fragments if hash_program(fragments) == program else None
