# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dummy: a link that swallows what is sent into it (drivers/net/dummy.c)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind

KIND = Kind('dummy', 'A link that swallows what is sent into it; holds addresses that belong to no wire.')
