# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of bareudp."""

from __future__ import annotations

from differential.cases import Case, on


KERNEL = ('bareudp',)
CASES = {
    'dstport': Case(7777, 'dstport 7777'),
    'ethertype': Case('ipv6', 'ethertype ipv6'),
    'srcportmin': Case(7777, 'srcportmin 7777'),
    'multiproto': on('multiproto'),
}


def OWN(option, place):
    own = {'dstport': 6635 + place, 'ethertype': 'mpls_uc'}
    return own, ' '.join(f'{name} {value}' for name, value in own.items() if name != option)
