# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that are got one by one answer as a dump of all of them does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_found import FoundLink, LinkTable, LiveLinks

NAMES = {'lo': 1, 'eth0': 2, 'eth1': 3, 'br0': 9, **{f'd{place}': 20 + place for place in range(12)}}
ALTERNATIVE = {'uplink': 'eth0', 'a-very-long-alternative-name': 'eth1'}
QUESTIONS = st.one_of(
    st.tuples(st.sampled_from(['get', 'in', 'item', 'owner', 'name of', 'get index', 'in index', 'item index']),
              st.sampled_from([*NAMES, *ALTERNATIVE, 'none', *NAMES.values(), 0, 77])),
    st.tuples(st.sampled_from(['names', 'links', 'count']), st.none()))


def found() -> list[FoundLink]:
    return [FoundLink(name, index, raw={'IFLA_PROP_LIST': {'IFLA_ALT_IFNAME': [other for other, owner in ALTERNATIVE.items() if owner == name]}})
            for name, index in NAMES.items()]


class Machine:
    """Counts what it is asked."""

    def __init__(self):
        self.dumps = self.gets = 0

    def every(self):
        self.dumps += 1
        return found()

    def one(self, name, index):
        self.gets += 1
        return next((link for link in found() if link.name == ALTERNATIVE.get(name, name) or link.index == index), None)


def answer(table, question, of):
    ways = {'get': lambda: table.get(of), 'in': lambda: of in table, 'item': lambda: table[of], 'owner': lambda: table.owner_of(of),
            'name of': lambda: table.name_of(of), 'get index': lambda: table.by_index.get(of), 'in index': lambda: of in table.by_index,
            'item index': lambda: table.by_index[of], 'names': lambda: list(table), 'links': lambda: [link.name for link in table.values()],
            'count': lambda: (len(table), [name for name, unused in table.items()], list(table.keys()))}
    try:
        told = ways[question]()
    except KeyError as exc:
        return exc.args
    return (told.name, told.index, told.table is table) if isinstance(told, FoundLink) else told


def fits(question, of) -> bool:
    return of is None or isinstance(of, int) == (question == 'name of' or question.endswith('index'))


@given(st.lists(QUESTIONS.filter(lambda one: fits(*one)), max_size=30))
def test_answers_are_those_of_a_dump(questions):
    machine = Machine()
    live, full = LiveLinks(None, None, machine.every, machine.one), LinkTable(found())
    for question, of in questions:
        assert answer(live, question, of) == answer(full, question, of), (question, of)
    assert machine.dumps <= 1 and machine.gets <= LiveLinks.FEW


def test_few_are_got_and_many_dumped():
    machine = Machine()
    live = LiveLinks(None, None, machine.every, machine.one)
    first = live['eth0']
    for unused in range(3):
        assert live.get('eth0') is first and live.by_index[2] is first and 'none' not in live
    assert (machine.gets, machine.dumps) == (2, 0)
    assert set(live) == set(NAMES) and live['eth0'] is first and machine.dumps == 1
    assert 'nobody' not in live and machine.gets == 2
