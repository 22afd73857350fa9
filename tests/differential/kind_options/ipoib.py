# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of ipoib."""

from __future__ import annotations

import struct

CASES: dict = {}
LACKING = {
    'pkey': ('no InfiniBand hardware', '0x8007', (1, struct.pack('=H', 0x8007))),
    'mode': ('no InfiniBand hardware', 'connected', (2, struct.pack('=H', 1))),
    'umcast': ('no InfiniBand hardware', True, (3, struct.pack('=H', 1))),
}
