# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All kinds of traffic control, by name."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._tc import actions, filters, netem, queues, red, shapers

QDISCS = {kind.name: kind for kind in (*queues.KINDS, shapers.TBF, shapers.HTB, shapers.HFSC, shapers.CAKE, red.RED, red.SFQ, netem.NETEM)}
#: of a qdisc that takes classes: its classes
CLASSES = {kind.name: kind for kind in (shapers.HTB_CLASS, shapers.HFSC_CLASS, queues.DRR_CLASS)}
FILTERS = {kind.name: kind for kind in filters.KINDS}
ACTIONS = {kind.name: kind for kind in actions.KINDS}
#: kinds whose classes may have filters of their own
CLASS_FILTERS = ('htb', 'hfsc')
