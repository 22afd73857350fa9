# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""team: the bare device of the team driver (drivers/net/team, linux/if_team.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind

KIND = Kind('team', 'The bare device of the team driver; runners and ports are the matter of M(linuxnet.vnet.vnet_team).', port_down=True)
