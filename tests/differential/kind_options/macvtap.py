# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of macvtap."""

from __future__ import annotations

from differential.cases import Case

CASES = {
    'mode': Case('bridge', 'mode bridge'),
    'flags': Case(['nopromisc'], 'nopromisc', {'mode': 'passthru'}, 'mode passthru', up=True),
    'macaddr_data': Case(['02:00:00:00:00:07', '02:00:00:00:00:03'], 'macaddr set 02:00:00:00:00:07 02:00:00:00:00:03', {'mode': 'source'}, 'mode source'),
    'bc_queue_len': Case(7777, 'bcqueuelen 7777'),
    'bclim': Case(7, 'bclim 7', kernel=('6.12',)),
}
