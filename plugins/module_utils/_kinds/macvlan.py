# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""macvlan: a link with a MAC of its own on another link (drivers/net/macvlan.c, IFLA_MACVLAN_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Enum, Flags, Int, ListOf, Mac
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import MAC_LIST

_SET = 3  # MACVLAN_MACADDR_SET
ROWS = [(3, 'IFLA_MACVLAN_MACADDR_MODE', 'uint32')]
TOGETHER = {'flags': ['mode'], 'macaddr_data': ['mode']}


class MacvlanFlags(Flags):
    """iproute2 wants the keyword before each flag, and a word where there is none."""

    def argv(self, value):
        return [word for flag in value or ['null'] for word in ('flag', flag)]


def encode(values: dict, attrs: dict):
    if 'macaddr_data' in values:
        attrs['IFLA_MACVLAN_MACADDR_MODE'] = _SET


def check(values: dict):
    if values.get('macaddr_data') and values.get('mode') not in (None, 'source'):
        return f"macaddr_data needs mode source, not {values['mode']}"
    return None


def disturbed(changed: dict, found: dict) -> dict:
    """The default of bclim is not told, and comes back by its number alone."""
    return {'bclim': 1} if 'bclim' in changed and 'bclim' not in found else {}


FIELDS = [
    Field('mode', Enum({'private': 1, 'vepa': 2, 'bridge': 4, 'passthru': 8, 'source': 16}), 'IFLA_MACVLAN_MODE',
          'Who may talk to whom: siblings not at all, through an outside switch that reflects, directly, a single child that owns the parent,'
          ' or only listed senders.', nla=(1, 'uint32')),
    Field('flags', MacvlanFlags({'nopromisc': 1, 'nodst': 2}), 'IFLA_MACVLAN_FLAGS',
          'V(nopromisc) keeps a passthru parent out of promiscuous mode; V(nodst) does not filter by destination in source mode.',
          nla=(2, 'uint16'), keyword=''),
    Field('macaddr_data', ListOf(Mac(), separator=' '), 'IFLA_MACVLAN_MACADDR_DATA', 'Allowed sender MACs of mode V(source).', nla=(5, MAC_LIST),
          keyword='macaddr set'),
    Field('bc_queue_len', Int(), 'IFLA_MACVLAN_BC_QUEUE_LEN', 'Length of the queue of broadcast and multicast frames.', nla=(7, 'uint32'),
          aliases=['bcqueuelen'], keyword='bcqueuelen'),
    Field('bclim', Int(-0x80000000, 0x7FFFFFFF), 'IFLA_MACVLAN_BC_CUTOFF', 'Broadcast and multicast to more than this many children is queued; the others'
          ' are delivered at once. The default is 1.', nla=(9, 'int32')),
]

KIND = Kind('macvlan', 'A link with a MAC address of its own on the link that O(link) names.', FIELDS, parent='required', rows=ROWS, encode=encode, check=check,
            disturbed=disturbed, together=TOGETHER)
