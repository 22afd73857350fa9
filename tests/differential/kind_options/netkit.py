# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of netkit."""

from __future__ import annotations

CASES: dict = {}
ELSEWHERE = dict.fromkeys(('peer', 'mode', 'policy', 'peer_policy'), 'test_kinds.py')
LACKING = {
    'scrub': ('Linux 6.13', 'none', (6, bytes(4))),
    'peer_scrub': ('Linux 6.13', 'none', (7, bytes(4))),
}
