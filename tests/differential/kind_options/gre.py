# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of gre."""

from __future__ import annotations

from differential.cases import on
from differential.tunnels import GRE, IPV4, encap, own


CASES = {
    **IPV4, **GRE, **encap(csum6=False),
    'ignore_df': on('ignore-df', {'pmtudisc': False}, 'nopmtudisc'),
}
OWN = own(4)
