# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of ip6tnl."""

from __future__ import annotations

from differential.cases import Case
from differential.tunnels import EXTERNAL, IPV6, encap, own


CASES = {**IPV6, **EXTERNAL, **encap(csum6=True), 'mode': Case('ipip6', 'mode ipip6')}
OWN = own(6)
