# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of xfrm."""

from __future__ import annotations

from differential.cases import Case, on


KERNEL = ('xfrm_interface',)
CASES = {
    'if_id': Case(77, 'if_id 77'),
    'dev': Case('BELOW', 'dev BELOW'),
    'external': on('external'),
}


def OWN(option, place):
    return {'if_id': 100 + place}, f'if_id {100 + place}'
