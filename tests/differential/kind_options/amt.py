# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of amt."""

from __future__ import annotations

from differential.cases import Case


KERNEL = ('amt',)
CASES = {
    'mode': Case('gateway', 'mode gateway discovery 203.0.113.1', along={'discovery': '203.0.113.1'}),
    'local': Case('192.0.2.7', 'local 192.0.2.7'),
    'dev': Case('BELOW', 'dev BELOW'),
    'discovery': Case('203.0.113.7', 'discovery 203.0.113.7'),
    'relay_port': Case(7777, 'relay_port 7777'),
    'gateway_port': Case(7777, 'gateway_port 7777'),
    'max_tunnels': Case(77, 'max_tunnels 77'),
}


def OWN(option, place):
    own = {'mode': 'gateway', 'dev': 'x0be' if option == 'dev' else 'BELOW',  # that of the first case
           'local': '192.0.2.1', 'discovery': '203.0.113.1'}
    if option in ('mode', 'max_tunnels'):  # a relay has nothing to discover
        own = {**own, 'mode': 'relay'}
        del own['discovery']
    return own, ' '.join(f'{name} {value}' for name, value in own.items() if name != option)
