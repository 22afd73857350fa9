# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IP tunnels that are made anew, as tables say; what the kernel makes of them is in tests/differential."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS


@pytest.mark.parametrize('kind', [name for name in KINDS if 'encap' in KINDS[name].table.by_name])
def test_options_of_a_second_encapsulation_go_with_it(kind):
    own = {'encap_dport': 7777, 'encap_csum': True, 'encap_udp6_csum': True, 'remote': '192.0.2.1'}
    kept = KINDS[kind].restorable({**own, 'encap': 'none'})
    assert not [name for name in kept if name.startswith('encap')]
    assert set(own) <= set(KINDS[kind].restorable({**own, 'encap': 'gue'}))
