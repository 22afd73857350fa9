# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netkit: a pair of devices run by BPF programs (drivers/net/netkit.c, IFLA_NETKIT_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import PEER
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Enum, Options

_POLICY = {'forward': 0, 'blackhole': 2}
_SCRUB = {'none': 0, 'default': 1}


def _restorable(values: dict) -> dict:
    """Without the kernel's defaults: of the scrubs, older kernels do not know the attribute."""
    return {option: value for option, value in values.items() if value != 'default'}


DOC = ('A pair as of O(kind=veth) whose packets BPF programs decide on; the end that is listed is the primary one, which programs are attached to and'
       ' which alone can change the policies.')

KIND = Kind('netkit', DOC, [
    Field('peer', Options(PEER), None, 'The other end; the same as O(peer).'),
    Field('mode', Enum({'l2': 0, 'l3': 1}), 'IFLA_NETKIT_MODE', 'Frames with MACs (l2), or packets without (l3, the default of the kernel).',
          nla=(5, 'uint32'), live=RECREATE),
    Field('policy', Enum(_POLICY), 'IFLA_NETKIT_POLICY', 'What becomes of packets while no BPF program is attached to this end.',
          nla=(3, 'uint32'), keyword=''),
    Field('peer_policy', Enum(_POLICY), 'IFLA_NETKIT_PEER_POLICY', 'What becomes of packets while no BPF program is attached to the other end.',
          nla=(4, 'uint32'), keyword='peer'),
    Field('scrub', Enum(_SCRUB), 'IFLA_NETKIT_SCRUB', "Clear mark and priority of packets that this end's program has seen (default), or not (none).",
          nla=(6, 'uint32'), live=RECREATE),
    Field('peer_scrub', Enum(_SCRUB), 'IFLA_NETKIT_PEER_SCRUB', "Clear mark and priority of packets that the other end's program has seen (default), or not"
          ' (none).', nla=(7, 'uint32'), live=RECREATE, keyword='peer scrub'),
], paired=1, primary='IFLA_NETKIT_PRIMARY', rows=[(2, 'IFLA_NETKIT_PRIMARY', 'uint8')], restorable=_restorable, layer='mode')
