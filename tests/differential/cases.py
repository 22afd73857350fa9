# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of options say of one option; see test_link_options.py."""

from __future__ import annotations


class Case:
    """One option on one link, NAME in the texts below.

    value    what the module is given
    words    what iproute2 is given for it
    needs    other options of the same dict that it only works with, and `also` how iproute2 writes them
    along    options of the same dict that are given with it only; `words` have them
    below    kind of the link below, for kinds that sit on one
    ports    two links PORT-a, PORT-b have the link as master; `words` are set when they are there
    up       link and ports are up
    kernel   what the kernel has to have for it, as @pytest.mark.kernel has it
    """

    def __init__(self, value, words, needs=None, also='', *, below='dummy', ports=False, up=False, along=None, kernel=()):
        self.value, self.words, self.needs, self.also, self.along = value, words, needs or {}, also, along or {}
        self.below, self.ports, self.up, self.kernel = below, ports, up, tuple(kernel)


def on(words, *more, **others):
    return Case(True, words, *more, **others)
