# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""macvtap: a macvlan whose frames a program takes from /dev/tapN (drivers/net/macvtap.c)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.macvlan import FIELDS, ROWS, TOGETHER, check, encode
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind

KIND = Kind('macvtap', 'As O(kind=macvlan), but its frames are taken by the program that opens its device node C(/dev/tapN).', FIELDS, data='macvlan',
            parent='required', rows=ROWS, encode=encode, check=check, together=TOGETHER)
