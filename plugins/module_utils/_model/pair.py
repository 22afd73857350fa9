# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other end of a pair (veth and its like)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Int, LinkName, Mac, Netns

PEER = Table([
    Field('name', LinkName(), None, 'Name of the other end.'),
    Field('netns', Netns(home=True), None, "Namespace of the other end, V('') for the one that the module runs in. Without it the one of O(netns)."),
    Field('address', Mac(), None, 'MAC address of the other end.'),
    Field('mtu', Int(68, 0x7FFFFFFF, 'bytes'), None, 'MTU of the other end.'),
    Field('up', Bool(), None, 'Whether the other end is up. The default is V(true) where the pair is made.'),
])


def peer_netns(netns: str | None, peer: dict) -> str | None:
    """The namespace of the other end of a pair whose one end is in `netns`."""
    return (peer['netns'] or None) if 'netns' in peer else netns
