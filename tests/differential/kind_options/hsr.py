# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of hsr."""

from __future__ import annotations

CASES: dict = {}
ELSEWHERE = dict.fromkeys(('slave1', 'slave2', 'interlink', 'supervision', 'version', 'proto'), 'test_kinds.py')
