# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that iproute2 can say of an entry is an option, or is left out for a reason. That each option has a test is seen to by test_entries.py."""

from __future__ import annotations

import re
import subprocess

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from differential.known_entries import KNOWN, LEFT_OUT, SAME

TABLES = {resource.module: resource.table for resource in RESOURCES.values()}
HELP = {'vnet_address': 'ip address', 'vnet_route': 'ip route', 'vnet_rule': 'ip rule', 'vnet_neigh': 'ip neigh', 'vnet_nexthop': 'ip nexthop',
        'vnet_mdb': 'bridge mdb', 'vnet_fdb': 'bridge fdb'}
#: words of the help that are filters of lists, arguments of `get`, or parts of what is left out
NO_KEYWORD = {'vnet_address': 'master to type vrf', 'vnet_route': 'dport hmac ipproto link_dev mark mode oif sport uid root match exact', 'vnet_neigh': 'vrf',
              'vnet_nexthop': 'master nhid', 'vnet_fdb': 'brport br state'}


def is_option(module: str, word: str) -> bool:
    return any(word in (field.name, field.keyword, *field.aliases) or SAME.get(module, {}).get(word) == field.name for field in TABLES[module])


@pytest.mark.parametrize('module', KNOWN)
def test_nothing_is_missing(module):
    missing = [word for word in KNOWN[module] if not is_option(module, word) and (module, word) not in LEFT_OUT]
    assert not missing, f'{module}: neither an option nor left out for a reason: {", ".join(missing)}'
    out = [word for word in KNOWN[module] if (module, word) in LEFT_OUT]
    print(f'{module}: {len(KNOWN[module])} known, {len(KNOWN[module]) - len(out)} options, left out: {", ".join(out) or "none"}')


def test_no_reason_is_stale():
    assert {(module, word) for module, word in LEFT_OUT if word not in KNOWN[module] or is_option(module, word)} == set()


@pytest.mark.parametrize('module', KNOWN)
def test_words_of_the_installed_iproute2(module):
    """Each line of the help that offers a keyword with a value, `[ word VALUE ]`, offers one that is known here."""
    done = subprocess.run([*HELP[module].split(), 'help'], capture_output=True, text=True, check=False)
    words = set(re.findall(r'\[ *([a-z][a-z0-9_-]+) [A-Z]', done.stdout + done.stderr))
    unknown = {word for word in words - set(NO_KEYWORD.get(module, '').split()) if word not in KNOWN[module] and not is_option(module, word)}
    assert words and not unknown, f'`{HELP[module]} help` has words that known_entries.py has not: {", ".join(sorted(unknown))}'
