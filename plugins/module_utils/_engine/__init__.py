# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules are made of; all of it is imported the quick way."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils import _compiled  # noqa: F401  # pylint: disable=unused-import
