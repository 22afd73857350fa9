# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of vti6."""

from __future__ import annotations

from differential.cases import Case
from differential.tunnels import KEYS, endpoints, own


CASES = {**endpoints(6), **KEYS, 'fwmark': Case(77, 'fwmark 77')}
OWN = own(6)
