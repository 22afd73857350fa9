# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of erspan."""

from __future__ import annotations

from differential.cases import on
from differential.tunnels import ERSPAN, EXTERNAL, IPV4, KEYS, SEQ, encap, session


CASES = {
    **IPV4, **KEYS, **SEQ, **EXTERNAL, **ERSPAN, **encap(csum6=False),
    'ignore_df': on('ignore-df', {'pmtudisc': False}, 'nopmtudisc'),
}
OWN = session(4)
