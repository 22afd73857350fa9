# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""amt: multicast across networks without multicast (RFC 7450; drivers/net/amt.c, IFLA_AMT_* of linux/amt.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Enum, Int, Ip, LinkRef

PREFIX = 'IFLA_AMT_'


def _check(values: dict):
    missing = [name for name in ('mode', 'local', 'dev') if name not in values]
    if missing:
        return f'{missing[0]} is needed'
    if values['mode'] == 'gateway' and 'discovery' not in values:
        return 'mode gateway needs discovery, the address of the relay'
    if values['mode'] == 'relay' and 'discovery' in values:
        return 'discovery is for mode gateway; take it out'
    return None


def _restorable(values: dict) -> dict:
    return {name: value for name, value in values.items() if name != 'discovery' or values.get('mode') == 'gateway'}


KIND = Kind('amt', 'A gateway or relay of automatic multicast tunneling.', [
    Field('mode', Enum({'gateway': 0, 'relay': 1}), PREFIX + 'MODE', 'Receives multicast for this host, or sends it to gateways.', nla=(1, 'uint32'),
          live=RECREATE),
    Field('local', Ip(4), PREFIX + 'LOCAL_IP', 'Source address of the outer packets.', nla=(5, 'ip4addr'), live=RECREATE),
    Field('dev', LinkRef(), PREFIX + 'LINK', 'Link that the outer packets leave by.', nla=(4, 'uint32'), live=RECREATE, aliases=['link']),
    Field('discovery', Ip(4), PREFIX + 'DISCOVERY_IP', 'Where a gateway asks for its relay.', nla=(7, 'ip4addr'), live=RECREATE),
    Field('relay_port', Int(1, 65535), PREFIX + 'RELAY_PORT', 'UDP port of the relay. The default is 2268.', nla=(2, 'be16'), live=RECREATE),
    Field('gateway_port', Int(1, 65535), PREFIX + 'GATEWAY_PORT', 'UDP port of the gateway. The default is 2268.', nla=(3, 'be16'), live=RECREATE),
    Field('max_tunnels', Int(1), PREFIX + 'MAX_TUNNELS', 'Most gateways of a relay. The default is 128.', nla=(8, 'uint32'), live=RECREATE),
], parent='optional', falls=True, check=_check, restorable=_restorable)
