# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the CAN gateway (linux/can/gw.h): route messages of a family that only can-gw answers."""

from __future__ import annotations

import errno
import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
AF_CAN, CAN_TO_CAN = 29, 1
#: option: CGW_FLAGS_CAN_*
FLAGS = {'echo': 1, 'iif_tx_ok': 4}
HEAD = struct.Struct('=BBH')  # struct rtcanmsg: family, type, flags
RULE = Layout([(9, 'SRC', 'uint32'), (10, 'DST', 'uint32'), (11, 'FILTER', (('id', 'I'), ('mask', 'I')))])
MODIFICATIONS = (1, 2, 3, 4, 5, 6, 15, 16, 17, 18)  # CGW_MOD_*, CGW_CS_*, CGW_FDMOD_*: rules that are not of our making
_DIGITS = 0x7ff
_ABSENT = (errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EINVAL)  # what a kernel without can-gw says


def parse_filter(text):
    """(id, mask) of `ID:MASK` as cangw takes it; ValueError."""
    number, colon, mask = str(text).partition(':')
    values = int(number, 16), int(mask, 16)
    if not colon or any(not 0 <= value <= 0xffffffff for value in values):
        raise ValueError
    return values


def show_filter(value):
    return ':'.join(f'{part:03X}' if part <= _DIGITS else f'{part:08X}' for part in value)


def rules(kernel, netns, names):
    """[{'src', 'dst', 'filter', 'echo', 'iif_tx_ok'}] of a namespace; `names` are {index: name}. Rules that change frames are somebody else's."""
    found = []
    try:
        answers = list(kernel.dump(netns, RTM_GETROUTE, HEAD.pack(AF_CAN, 0, 0)))
    except KernelError as exc:
        if exc.errno in _ABSENT:
            return []
        raise
    for data, start, end in answers:
        family, kind, flags = HEAD.unpack_from(data, start)
        if family != AF_CAN:  # without can-gw the kernel may answer with the routes of other families
            return []
        kinds = set(_kinds(data, start + HEAD.size, end))
        if kind != CAN_TO_CAN or kinds & set(MODIFICATIONS):
            continue
        raw = RULE.read(data, start + HEAD.size, end)
        matched = raw.get('FILTER')
        found.append({'src': names.get(raw['SRC'], ''), 'dst': names.get(raw['DST'], ''), 'filter': show_filter((matched['id'], matched['mask'])) if matched
                      else None, **{option: bool(flags & bit) for option, bit in FLAGS.items()}})
    return found


def _kinds(data, at, end):
    while at + 4 <= end:
        length, kind = struct.unpack_from('=HH', data, at)
        if length < 4:
            return
        yield kind
        at += (length + 3) & ~3


def write(kernel, netns, verb, rule):
    """Make ('create') or remove ('delete') a rule."""
    attrs = {'SRC': kernel.index(netns, rule['src']), 'DST': kernel.index(netns, rule['dst'])}
    if rule['filter']:
        attrs['FILTER'] = dict(zip(('id', 'mask'), parse_filter(rule['filter'])))
    body = HEAD.pack(AF_CAN, CAN_TO_CAN, sum(bit for option, bit in FLAGS.items() if rule[option])) + RULE.pack(attrs)
    failed, unused = kernel.namespaces.socket(netns).batch([Request(RTM_NEWROUTE if verb == 'create' else RTM_DELROUTE, 0, body)])
    for error in failed.values():
        if error.errno in _ABSENT[:2]:
            raise MissingAbility('this kernel has no gateway for CAN: load the driver can-gw (modprobe can-gw)')
        raise KernelError(error.errno, error.extack)
