# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vcan (drivers/net)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind

KIND = Kind('vcan', 'A virtual CAN bus.', ether=False)
