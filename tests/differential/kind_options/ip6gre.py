# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of ip6gre."""

from __future__ import annotations

from differential.tunnels import GRE, IPV6, encap, own


CASES = {**IPV6, **GRE, **encap(csum6=True)}
OWN = own(6)
