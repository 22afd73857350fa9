# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""xfrm: a link for packets that IPsec policies protect by its identifier (net/xfrm/xfrm_interface_core.c, IFLA_XFRM_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.tunnel import Number, external
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import LinkRef

PREFIX = 'IFLA_XFRM_'


def _check(values: dict):
    if values.get('external'):
        return 'external takes the identifier from each packet and excludes if_id and dev' if 'if_id' in values or 'dev' in values else None
    return None if 'if_id' in values else 'if_id is needed (1-4294967295), or external: true'


def _fixed(changed: dict, found: dict) -> list:
    return list(changed) if found.get('external') else []


def _restorable(values: dict) -> dict:
    return {'external': True} if values.get('external') else {name: value for name, value in values.items() if name != 'external'}


KIND = Kind('xfrm', 'A link whose packets IPsec states and policies with its identifier protect.', [
    Field('if_id', Number(1, 0xFFFFFFFF), PREFIX + 'IF_ID', 'Identifier that the states and policies have.'),
    Field('dev', LinkRef(), PREFIX + 'LINK', 'Link that the protected packets leave by.', live=RECREATE),
    external(PREFIX, (3, 'flag')),
], check=_check, fixed=_fixed, restorable=_restorable, together={'if_id': ['dev']}, anew=True, underlay=True, ether=False)
