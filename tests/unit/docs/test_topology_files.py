# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files beside the playbooks of the topologies."""

from __future__ import annotations

from pathlib import Path

from differential.elf import PASS, xdp_object

FILES = Path(__file__).resolve().parents[3] / 'playbooks/topologies/files'


def test_the_object_has_a_source():
    """xdp_pass.o is no foreign binary: it is what differential/elf.py makes."""
    assert (FILES / 'xdp_pass.o').read_bytes() == xdp_object(PASS)
