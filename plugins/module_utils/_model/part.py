# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a link does not travel in link messages: keys of MACsec and WireGuard, owners of taps, offload features ..."""

from __future__ import annotations


class Part:
    """Options of a link that are read and set by another way: generic netlink, an ioctl, a file of the driver.

    A part is one object that holds no state. Its options are rows of the kind's table (or of the common options) without
    a netlink attribute; parsing, documentation and comparison are theirs. A part acts when the messages that make or change
    the link are through, or, where it `makes` the link, before them.

    options  names of the options, in the kind's dict, or among the common ones
    beside   names of common options that are lost by setting its own, so that it is told what they were
    makes    the link is not made by a message, but by make()
    removes  the link is not removed by a message, but by remove()
    """

    options: tuple = ()
    beside: tuple = ()
    makes = removes = False

    def observe(self, kernel, netns: str | None, found) -> dict:
        """{option: canonical value} of a live link (a FoundLink); options that cannot be read are left out."""
        raise NotImplementedError

    def apply(self, kernel, netns: str | None, name: str, values: dict, before: dict):
        """Set these options of a link that exists; `before` has those of them that were known (and what the kind says
        goes `together` with them); it is empty where the link has just been made. Raises KernelError."""
        raise NotImplementedError

    def commands(self, netns: str | None, name: str, values: dict, before: dict) -> list[list[str]]:
        """apply() as command lines of iproute2 and its like."""
        raise NotImplementedError

    def make(self, kernel, netns: str | None, name: str, values: dict):
        """Make the link, where the part `makes` it; `values` are all that is wanted of it. Raises KernelError."""
        raise NotImplementedError

    def possible(self) -> bool | None:
        """Whether this kernel can make() such a link; None: asking for one by a message tells."""
        return None

    def make_commands(self, netns: str | None, name: str, values: dict) -> list[list[str]]:
        raise NotImplementedError

    def remove(self, kernel, netns: str | None, name: str, before: dict):
        """Remove the link, where the part `removes` it; `before` are its values. Raises KernelError."""
        raise NotImplementedError

    def remove_commands(self, netns: str | None, name: str, before: dict) -> list[list[str]]:
        raise NotImplementedError

    def check(self, values: dict, found) -> str | None:
        """A sentence that refuses these wanted values of a live link (a FoundLink; None: a link that is to be made); None where it may be done.

        `values` are all that is wanted: of the kind's dict, or of the link for a common part.
        """
        return None

    def keep(self, kernel, netns: str | None, found):
        """What of a live link is to be put back by restore() where it is made anew, though nobody asks for it; None where there is nothing."""
        return None

    def restore(self, kernel, netns: str | None, name: str, kept):
        """Put back what the link that had this name before had. Raises KernelError."""
        raise NotImplementedError

    def restore_commands(self, netns: str | None, name: str, kept) -> list[list[str]]:
        raise NotImplementedError

    def check_recreate(self, values: dict, found) -> str | None:
        """A sentence that refuses making a live link anew with these values."""
        return self.check(values, None)


def told_otherwise(parts) -> set:
    """The options that do not travel in link messages."""
    return {option for part in parts for option in part.options}
