# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of live networks: a thin door to plugin_utils/_diagram."""
from __future__ import annotations

from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram import plain, svg
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.picture import LEAVE_OUT, picture
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._diagram.read import BRIEF, FULL, NORMAL

FORMATS = {"svg": svg.render, "mermaid": plain.mermaid, "dot": plain.dot}
DETAILS = (BRIEF, NORMAL, FULL)


def diagram(states, format="svg", intended=None, title="", leave_out=LEAVE_OUT, detail=NORMAL):  # pylint: disable=redefined-builtin
    """The picture of what vnet_info has found on each machine."""
    for value, choices, name in ((format, FORMATS, "format"), (detail, DETAILS, "detail")):
        if value not in choices:
            raise AnsibleFilterError(f"diagram: {name} is {value!r}; it can be {', '.join(choices)}.")
    intended = intended or {}
    for what, documents in (("the input", states), ("intended", intended)):
        if not isinstance(documents, Mapping) or not all(isinstance(one, dict) for one in dict(documents).values()):
            raise AnsibleFilterError(f"diagram: {what} must be a dictionary of machines, each with a dictionary.")
    for machine, found in states.items():
        if found and "state" not in found:
            raise AnsibleFilterError(f"diagram: what vnet_info found on {machine} has no state; gather it (gather: [state]) and hand over the whole result.")
    if not states and not intended:
        raise AnsibleFilterError("diagram: there is no machine to draw; gather vnet_info from at least one.")
    leave_out = [leave_out] if isinstance(leave_out, str) else list(leave_out)
    return FORMATS[format](picture(dict(states), dict(intended) or None, str(title or ""), leave_out, detail))


class FilterModule:
    def filters(self):
        return {"diagram": diagram}
