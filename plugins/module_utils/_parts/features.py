# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offload features of a link, as `ethtool -K` sets them (ETHTOOL_MSG_FEATURES_* of linux/ethtool_netlink.h)."""

from __future__ import annotations

import errno
import fnmatch

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import within
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.genl import Family

#: (short name, long name, the kernel's names) as ethtool has them; a pattern is a group of features that are set together
_NAMES = (
    ('rx', 'rx-checksumming', 'rx-checksum'), ('tx', 'tx-checksumming', 'tx-checksum-*'), ('sg', 'scatter-gather', 'tx-scatter-gather*'),
    ('tso', 'tcp-segmentation-offload', 'tx-tcp*-segmentation'), ('ufo', 'udp-fragmentation-offload', 'tx-udp-fragmentation'),
    ('gso', 'generic-segmentation-offload', 'tx-generic-segmentation'), ('gro', 'generic-receive-offload', 'rx-gro'),
    ('lro', 'large-receive-offload', 'rx-lro'), ('rxvlan', 'rx-vlan-offload', 'rx-vlan-hw-parse'),
    ('txvlan', 'tx-vlan-offload', 'tx-vlan-hw-insert'), ('ntuple', 'ntuple-filters', 'rx-ntuple-filter'), ('rxhash', 'receive-hashing', 'rx-hashing'),
)
_KERNEL_NAMES = {name: kernel for short, long, kernel in _NAMES for name in (short, long)}
_SHORT_NAMES = {kernel: short for short, unused, kernel in _NAMES}
_FEATURES_GET, _FEATURES_SET = 11, 12
#: what is off with most drivers until somebody turns it on
_USUALLY_OFF = {'hw-tc-offload', 'l2-fwd-offload', 'loopback', 'rx-all', 'rx-fcs', 'rx-gro-list', 'rx-lro', 'rx-ntuple-filter', 'rx-udp-gro-forwarding',
                'tx-nocache-copy'}
_BIT = Layout([(2, 'NAME', 'asciiz'), (3, 'VALUE', 'flag')])
_BITSET = Layout([(3, 'BITS', Layout([(1, 'BIT', [_BIT])]))])
_MESSAGE = Layout([(1, 'HEADER', Layout([(2, 'DEV_NAME', 'asciiz')])), (2, 'HW', _BITSET), (3, 'WANTED', _BITSET), (4, 'ACTIVE', _BITSET),
                   (5, 'NOCHANGE', _BITSET)])


class Active(dict):
    """{the kernel's name: whether it is on} of a live link; `free` are those that can be changed."""

    def __init__(self, values, free):
        super().__init__(values)
        self.free = frozenset(free)

    def named(self, name: str) -> list[str]:
        """The features that a name stands for: of a group those that can be changed, if any can."""
        names = fnmatch.filter(self, name) if '*' in name else [name] if name in self else []
        return [one for one in names if one in self.free] or names

    def single(self, wanted: dict) -> dict:
        """The same for single features; what is said of one of a group overrules what is said of the group."""
        names = sorted(wanted, key=lambda name: '*' not in name)
        return {one: wanted[name] for name in names for one in self.named(name)}

    def differing(self, wanted: dict) -> dict:
        """{name: wanted} of the single features that are not as wanted."""
        return {one: value for one, value in self.single(wanted).items() if self[one] != value}

    def refusal(self, wanted: dict) -> str | None:
        """Why these cannot be had."""
        for name, value in wanted.items():
            shown = _SHORT_NAMES.get(name, name)
            names = self.named(name)
            if not names:
                return f"features: this kernel knows no feature '{shown}'; `ethtool -k` shows those that there are"
            if not self.free.intersection(names) and any(self[one] != value for one in names):
                return f"features: {shown} of this link is fixed {'on' if self[names[0]] else 'off'} by its driver and cannot be set; take it out"
        return None


class Features(Type):
    """{feature: on or off}, under the names that ethtool takes; canonically the kernel's, or the pattern of a group."""

    spec = {'type': 'dict'}
    allowed = 'a dict of features as `ethtool -K` takes them to true or false'
    state = Bool()

    def parse(self, value):
        if not isinstance(value, dict):
            raise ValueError(self.allowed)
        parsed = {}
        for name, one in value.items():
            name = str(name)
            kernel = _KERNEL_NAMES.get(name, name)
            if kernel not in _SHORT_NAMES and (not name or set(name) & set('*?[ \t\n\0') or len(name) > 31):
                raise ValueError(self.allowed)
            try:
                parsed[kernel] = self.state.parse(one)
            except ValueError:
                raise ValueError(self.allowed) from None
        return dict(sorted(parsed.items()))

    def same(self, wanted, found):
        return isinstance(found, Active) and not found.differing(wanted)

    def narrow(self, wanted, found):
        """All that are wanted, one by one, and how they are now: setting one may change another."""
        if not isinstance(found, Active):
            return wanted, {}
        single = found.single(wanted)
        return single, {name: found[name] for name in single}


def _names(bitset: dict, set_only: bool) -> list[str]:
    return [bit['NAME'] for bit in bitset.get('BITS', {}).get('BIT', ()) if bit.get('NAME') and (bit.get('VALUE') or not set_only)]


def read(kernel, netns: str | None, name: str) -> Active:
    """The features of a link. InputError where the kernel has no ethtool netlink."""
    try:
        family = Family(kernel, netns, 'ethtool', 1)
    except KernelError as exc:
        if exc.errno != errno.ENOENT:
            raise
        raise InputError('features need the generic netlink family ethtool (CONFIG_ETHTOOL_NETLINK, Linux 5.6), which this kernel has not') from exc
    reply = family.call(_FEATURES_GET, _MESSAGE, {'HEADER': {'DEV_NAME': name}})[0]
    active = set(_names(reply.get('ACTIVE', {}), False))
    fixed = _names(reply.get('NOCHANGE', {}), False)
    return Active({one: one in active for one in _names(reply['HW'], False)}, set(_names(reply['HW'], True)).difference(fixed))


def asked_for(kernel, netns: str | None, name: str) -> dict:
    """{feature: whether somebody wants it on} of those that can be changed, be they on or not. Nothing where the kernel has no ethtool netlink."""
    try:
        reply = Family(kernel, netns, 'ethtool', 1).call(_FEATURES_GET, _MESSAGE, {'HEADER': {'DEV_NAME': name}})[0]
    except KernelError:
        return {}
    wanted, fixed = set(_names(reply.get('WANTED', {}), False)), set(_names(reply.get('NOCHANGE', {}), False))
    return {one: one in wanted for one in _names(reply['HW'], True) if one not in fixed}


class FeaturesPart(Part):
    options = ('features',)

    def keep(self, kernel, netns, found):
        return asked_for(kernel, netns, found.name) or None

    def restore(self, kernel, netns, name, kept):
        """What was asked for is again, be it to be had or not: ports, say, are not back yet."""
        now = asked_for(kernel, netns, name)
        bits = [{'NAME': one, 'VALUE': value} for one, value in kept.items() if now.get(one, value) != value]
        if bits:
            Family(kernel, netns, 'ethtool', 1).call(_FEATURES_SET, _MESSAGE, {'HEADER': {'DEV_NAME': name}, 'WANTED': {'BITS': {'BIT': bits}}})

    def restore_commands(self, netns, name, kept):
        return self.commands(netns, name, {'features': {one: value for one, value in kept.items() if value == (one in _USUALLY_OFF)}}, {})

    def observe(self, kernel, netns, found):
        return {'features': read(kernel, netns, found.name)}

    def check(self, values, found):
        active = found.values.get('features') if found is not None else None
        return active.refusal(values['features']) if isinstance(active, Active) else None

    def apply(self, kernel, netns, name, values, before):
        wanted = values['features']
        active = read(kernel, netns, name)
        refusal = active.refusal(wanted)  # a link that has just been made could not be asked before
        if refusal:
            raise KernelError(errno.EOPNOTSUPP, refusal)
        changed = active.differing(wanted)
        bits = [{'NAME': one, 'VALUE': value} for one, value in changed.items()]
        Family(kernel, netns, 'ethtool', 1).call(_FEATURES_SET, _MESSAGE, {'HEADER': {'DEV_NAME': name}, 'WANTED': {'BITS': {'BIT': bits}}})
        refused = read(kernel, netns, name).differing(wanted)  # the kernel itself may turn off what depends on another
        if refused:
            shown = ', '.join(f"{one} {'on' if value else 'off'}" for one, value in refused.items())
            raise KernelError(errno.EOPNOTSUPP, f'features: the driver does not take {shown}; it may need another feature, or one off that excludes it')

    def commands(self, netns, name, values, before):
        words = [word for one, value in values['features'].items() for word in (_SHORT_NAMES.get(one, one), 'on' if value else 'off')]
        return [[*within(netns), 'ethtool', '-K', name, *words]] if words else []


DOC = ('Offload features as C(ethtool -K) sets them, such as V({hw-tc-offload: true, gro: false}), under the names that C(ethtool -k) prints, the short ones'
       ' (V(rx), V(tx), V(sg), V(tso), V(ufo), V(gso), V(gro), V(lro), V(rxvlan), V(txvlan), V(ntuple), V(rxhash)), or the names of the kernel.'
       ' V(tx), V(sg) and V(tso) stand for those features of their group that the driver can change. What is not listed is left alone.')
