# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of ipvtap."""

from __future__ import annotations

from differential.cases import Case

CASES = {
    'mode': Case('l2', 'mode l2'),
    'flags': Case('private', 'private', {'mode': 'l2'}, 'mode l2'),
}
