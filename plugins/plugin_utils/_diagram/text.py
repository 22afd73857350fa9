# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How wide a text is: the widths of Helvetica, which Arial and Liberation Sans share, in thousandths of the font's size."""
from __future__ import annotations

SANS = "Helvetica, Arial, 'Liberation Sans', sans-serif"
MONO = "'DejaVu Sans Mono', Menlo, 'Liberation Mono', Consolas, monospace"

_WIDTHS = {
    191: "'", 222: "ijl", 260: "|", 278: " !,./:;I[\\]ft", 333: "()-`r", 334: "{}", 355: '"', 389: "*", 469: "^", 500: "Jckosvxyz",
    556: "#$0123456789?L_abdeghnopqu", 584: "+<=>~", 611: "FTZ", 667: "&ABEKPSVXY", 722: "CDHNRUw", 778: "GOQ", 833: "Mm", 889: "%", 944: "W", 1015: "@",
}
_OF = {character: width for width, characters in _WIDTHS.items() for character in characters}
_OF.update({"o": 556, "·": 333, "…": 1000, "–": 556, "→": 1000, "↔": 1000})
_MONO = 602  # DejaVu Sans Mono; no usual one is wider
_BOLD = 1.08


def width(text: str, size: float, mono: bool = False, bold: bool = False) -> float:
    """In pixels; what the table does not know counts as a full square."""
    if mono:
        return sum(_MONO if ord(character) < 0x2000 else 1000 for character in text) * size / 1000
    return sum(_OF.get(character, 1000) for character in text) * size / 1000 * (_BOLD if bold else 1)
