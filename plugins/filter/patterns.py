# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters behind the roles that are patterns of their own: thin doors to plugin_utils/_site, where the thinking is."""
from __future__ import annotations

import functools

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site import macsec, patterns
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site.variables import plain


def _door(function):
    """A filter that hands plain values on, and tells of what is wrong with them in one sentence."""
    @functools.wraps(function)
    def inner(*arguments):
        try:
            return function(*(plain(argument) for argument in arguments))
        except ValueError as exc:
            raise AnsibleFilterError(str(exc)) from exc
    return inner


class FilterModule:
    def filters(self):
        return {
            "pattern_document": _door(lambda items, role, namespaces=(): patterns.build(role, items, namespaces)),
            "persistent_document": _door(patterns.persistent),
            "macsec_seen": _door(lambda items, host, found: macsec.seen(host, items, found)),
            "macsec_channels": _door(macsec.channels),
            "macsec_document": _door(lambda items, host, plan, own, members: macsec.document(host, items, plan, own, members)),
        }
