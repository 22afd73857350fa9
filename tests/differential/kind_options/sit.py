# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of sit."""

from __future__ import annotations

from differential.cases import Case, on
from differential.tunnels import IPV4, encap, own


NEWER = ('6.12',)  # Linux 6.1 as it is here was built without CONFIG_IPV6_SIT_6RD
CASES = {
    **IPV4, **encap(csum6=False),
    'mode': Case('ip6ip', 'mode ip6ip'),
    'isatap': on('isatap'),
    'sixrd_prefix': Case('2001:db8::/32', '6rd-prefix 2001:db8::/32', kernel=NEWER),
    'sixrd_relay_prefix': Case('10.0.0.0/8', '6rd-relay_prefix 10.0.0.0/8', {'sixrd_prefix': '2001:db8::/32'}, '6rd-prefix 2001:db8::/32',
                               kernel=NEWER),
}
OWN = own(4)
