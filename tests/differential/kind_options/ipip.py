# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of ipip."""

from __future__ import annotations

from differential.cases import Case
from differential.tunnels import EXTERNAL, IPV4, encap, own


CASES = {**IPV4, **EXTERNAL, **encap(csum6=False), 'mode': Case('mplsip', 'mode mplsip')}
OWN = own(4)
