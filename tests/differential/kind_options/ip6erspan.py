# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of ip6erspan."""

from __future__ import annotations

from differential.tunnels import ERSPAN, EXTERNAL, IPV6, KEYS, SEQ, encap, session


CASES = {**IPV6, **KEYS, **SEQ, **EXTERNAL, **ERSPAN, **encap(csum6=True)}
OWN = session(6)
