# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that iproute2 can set of links is an option with a test, or is left out for a reason; `-s` prints how much that is, by kind."""

from __future__ import annotations

import re
import subprocess

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import COMMON, PORTS
from differential.known import KNOWN, LEFT_OUT, SAME
from differential.test_link_options import ELSEWHERE, LACKING, OPTIONS, TABLES

ALL = {**TABLES, '': Table(COMMON)}
#: kinds without words of their own at `ip link`: they are set by other tools, or by files of the driver
OTHERS = {'wireguard', 'tun', 'netdevsim'}


def option_of(key: str, word: str) -> str | None:
    """The option that a keyword is."""
    for known in (SAME.get(key, {}), SAME['*']):
        for option in known.get(word, '').split():
            if option in ALL[key].by_name:
                return option
    name = re.sub('^[A-Z]+_', '', word).lower() if word.isupper() else word
    for field in ALL[key]:
        if {name, name.replace('-', '_')} & {field.name, *field.aliases, *field.keyword.split()[:1]}:
            return field.name
    return None


def report() -> dict:
    """{key: (known, options, with a test, left out, missing)}, lists of keywords."""
    tested = {(key, option) for key, cases in OPTIONS.items() for option in cases} | set(LACKING) | set(ELSEWHERE)
    found = {}
    for key, words in KNOWN.items():
        if key not in ALL:
            continue
        options = {word: option_of(key, word) for word in words}
        have = [word for word in words if options[word]]
        out = [word for word in words if not options[word] and (key, word) in LEFT_OUT]
        found[key] = words, have, [word for word in have if (key, options[word]) in tested], out, [
            word for word in words if word not in have and word not in out]
    return found


def test_report():
    lines = [f'{"kind":12} known options tested left out']
    for key, (words, have, tested, out, missing) in report().items():
        share = f'{100 * len(have) // len(words):4} %' if words else '      '
        lines.append(f'{key or "any link":12} {len(words):5} {len(have):7} {len(tested):6} {len(out):8} {share} ' + ', '.join([
            *out, *(f'{word}: MISSING' for word in missing)]))
    print('\n' + '\n'.join(lines))
    assert set(KINDS) - OTHERS <= set(KNOWN)


@pytest.mark.parametrize('key', [key for key in KNOWN if key in ALL])
def test_nothing_is_missing(key):
    unused, have, tested, unused2, missing = report()[key]
    assert not missing, f'{key}: neither an option nor left out for a reason: {", ".join(missing)}'
    assert have == tested


def test_no_reason_is_stale():
    assert {(key, word) for key, word in LEFT_OUT if word not in KNOWN[key] or key in ALL and option_of(key, word)} == set()


#: words of the help that are values or names of groups of words
NO_KEYWORD = set('on off no i o nopmtudisc inherit auto none unset set and or to get type options the of for first values are defaults if nothing is specified'
                 ' number mode default'.split())

#: kinds whose help is that of a family, with the words of this one
SHARED = {'gre': 'erspan', 'gretap': 'erspan', 'ip6gre': 'ip6erspan', 'ip6gretap': 'ip6erspan', 'ipip': 'sit'}


#: what only the iproute2 of a newer kernel knows
NEWER = {'netkit': [pytest.mark.kernel('netkit')]}


@pytest.mark.parametrize('key', [pytest.param(key, marks=NEWER.get(key, ())) for key in KNOWN if key in KINDS or key in PORTS])
def test_words_of_the_installed_iproute2(key):
    """Each line of the help that offers a keyword, `[ word VALUE ]`, offers one that is known here."""
    kind = PORTS[key].name + '_slave' if key in PORTS else key
    done = subprocess.run(['ip', 'link', 'help', kind], capture_output=True, text=True, check=False)
    help_text = (done.stdout + done.stderr).split('Where')[0]
    if 'ip link help' in help_text:
        pytest.skip(f'the iproute2 that is installed does not know {kind}')
    known = {*KNOWN[key], *KNOWN[SHARED.get(key, key)]}
    words = set(re.findall(r'\[\s*(?:\[no\]|\[no\]\[i\|o\]|no)?([a-z0-9][a-z0-9_-]*[a-z][a-z0-9_-]*)\b', help_text)) - NO_KEYWORD
    unknown = {word for word in words if not {word, 'no' + word, re.sub('^no', '', word)} & known and option_of(key, word) is None}
    assert not unknown, f'{kind}: `ip link help` has words that known.py has not: {", ".join(sorted(unknown))}'
