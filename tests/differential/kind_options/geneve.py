# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of geneve."""

from __future__ import annotations

from differential.cases import Case, on


REMOTE6 = {'remote': '2001:db8::7'}, 'remote 2001:db8::7'
CASES = {
    'id': Case(77, 'id 77'),
    'remote': Case('203.0.113.7', 'remote 203.0.113.7'),
    'dstport': Case(7777, 'dstport 7777'),
    'ttl': Case('inherit', 'ttl inherit'),
    'tos': Case(16, 'tos 0x10'),
    'df': Case('inherit', 'df inherit'),
    'flowlabel': Case(0x777, 'flowlabel 0x777', *REMOTE6),
    'external': on('external', {'dstport': 6082}, 'dstport 6082'),
    'udpcsum': on('udpcsum'),
    'udp6zerocsumtx': on('udp6zerocsumtx', *REMOTE6),
    'udp6zerocsumrx': on('udp6zerocsumrx', *REMOTE6),
    'innerprotoinherit': on('innerprotoinherit', kernel=('6.12',)),  # iproute2 6.1 has no word for it
}
LACKING = {
    'local': ('Linux 7.1', '192.0.2.7', (17, bytes((192, 0, 2, 7)))),
    'port_range': ('Linux 6.15', '7000-7777', (15, bytes((0x1B, 0x58, 0x1E, 0x61)))),
}


def OWN(option, place):
    own = {'id': 100 + place, 'remote': f'198.51.100.{place + 1}'}
    if option in ('flowlabel', 'udp6zerocsumtx', 'udp6zerocsumrx'):
        return {'id': 100 + place}, f'id {100 + place}'
    return own, ' '.join(f'{name} {value}' for name, value in own.items() if name != option)
