# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vxcan: a virtual CAN cable (drivers/net/can/vxcan.c, linux/can/vxcan.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import PEER
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Options

KIND = Kind('vxcan', 'A virtual CAN cable with two ends, in one namespace or in two: what goes into one end comes out of the other.', [
    Field('peer', Options(PEER), None, 'The other end; the same as O(peer).'),
], paired=1, ether=False)
