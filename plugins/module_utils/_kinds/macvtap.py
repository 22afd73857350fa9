# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""macvtap: a macvlan whose frames a program takes from /dev/tapN (drivers/net/macvtap.c)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.macvlan import FIELDS, ROWS, TOGETHER, check, disturbed, encode
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._parts import tap_node

KIND = Kind('macvtap', 'As O(kind=macvlan), but its frames are taken by the program that opens its device node C(/dev/tapN).',
            FIELDS + tap_node.FIELDS, data='macvlan',
            parent='required', restorable=tap_node.restorable, parts=[tap_node.TapNode('macvtap')],
            rows=ROWS, encode=encode, check=check, disturbed=disturbed, together=TOGETHER)
