# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of batadv, which iproute2 does not show."""

from __future__ import annotations

CASES: dict = {}
ELSEWHERE = dict.fromkeys((
    'ra', 'aggregation', 'ap_isolation', 'bonding', 'bridge_loop_avoidance', 'distributed_arp_table', 'fragmentation', 'gw_mode', 'hop_penalty',
    'multicast_forceflood', 'orig_interval', 'multicast_fanout'), 'test_kinds.py')
