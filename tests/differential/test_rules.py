# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules are a multiset that others share: which one is meant, what a purge leaves, what comes back. Every option is in test_entries.py."""

from __future__ import annotations

import pytest

from module import run_here


def lines(space) -> list[str]:
    """`ip rule` of both families as text, without spacing."""
    return [' '.join(line.split()) for family in ('-4', '-6') for line in space.ip(f'{family} rule').splitlines()]


@pytest.fixture
def ours(spaces):
    return spaces('ours')


BORN = ['0: from all lookup local', '32766: from all lookup main', '32767: from all lookup default', '0: from all lookup local', '32766: from all lookup main']


def added(space) -> list[str]:
    found = lines(space)
    for line in BORN:
        found.remove(line)
    return found


def test_without_a_priority(ours):
    """Found whatever its priority and whoever made it; a new one gets what the kernel would give."""
    ours.ip('rule add from 10.0.0.0/8 table 7 pref 77 protocol bird')
    assert ours.module('vnet_rule', src='10.0.0.0/8', table=7)['operations'] == []
    made = ours.module('vnet_rule', config=[{'src': '10.1.0.0/16', 'table': 7}, {'src': '10.2.0.0/16', 'table': 7}])
    assert [operation['values']['priority'] for operation in made['operations']] == [76, 75]
    assert added(ours) == ['75: from 10.2.0.0/16 lookup 7 proto 118', '76: from 10.1.0.0/16 lookup 7 proto 118', '77: from 10.0.0.0/8 lookup 7 proto bird']
    made = ours.module('vnet_rule', src='10.0.0.0/8', table=7, protocol=118)  # this one is not there
    assert [operation['action'] for operation in made['operations']] == ['create']


def test_what_differs_is_another_rule(ours):
    ours.module('vnet_rule', priority=100, src='10.0.0.0/8', table=7)
    ours.module('vnet_rule', priority=100, src='10.0.0.0/8', table=8)
    assert added(ours) == ['100: from 10.0.0.0/8 lookup 7 proto 118', '100: from 10.0.0.0/8 lookup 8 proto 118']
    ours.module('vnet_rule', priority=100, src='10.0.0.0/8', table=7, state='absent')
    assert added(ours) == ['100: from 10.0.0.0/8 lookup 8 proto 118']
    assert ours.module('vnet_rule', priority=100, dst='10.0.0.0/8', table=8, state='absent')['operations'] == []


@pytest.mark.parametrize('absent, left', [
    ({'priority': 100}, ['200: from 10.0.0.0/8 lookup 7']),
    ({'src': '10.0.0.0/8', 'table': 7}, ['100: from all lookup 8 proto bird']),
    ({'src': '10.0.0.0/8', 'table': 7, 'priority': 200}, ['100: from 10.0.0.0/8 lookup 7 proto 118', '100: from all lookup 8 proto bird']),
    ({'src': '10.0.0.0/8', 'table': 7, 'protocol': 118}, ['100: from all lookup 8 proto bird', '200: from 10.0.0.0/8 lookup 7']),
])
def test_absent(ours, absent, left):
    ours.batch(['ip rule add from 10.0.0.0/8 table 7 pref 100 protocol 118', 'ip rule add table 8 pref 100 protocol bird',
                'ip rule add from 10.0.0.0/8 table 7 pref 200'])
    ours.module('vnet_rule', state='absent', **absent)
    assert added(ours) == left
    assert ours.module('vnet_rule', state='absent', **absent)['operations'] == []


@pytest.mark.parametrize('more, left', [
    ({}, ['10: from all lookup 5 proto bird', '30: from 10.0.0.0/8 lookup 7', '40: from all lookup 7 proto 118']),
    ({'family': 'inet6'}, ['10: from all lookup 5 proto bird', '20: from all fwmark 0x1 lookup 6 proto 118', '30: from 10.0.0.0/8 lookup 7',
                           '40: from all lookup 7 proto 118']),
    ({'protocol': 'bird'}, ['20: from all fwmark 0x1 lookup 6 proto 118', '30: from 10.0.0.0/8 lookup 7', '40: from all lookup 7 proto 118',
                            '50: from all lookup 9 proto 118']),
    ({'protocol': 'kernel'}, ['10: from all lookup 5 proto bird', '20: from all fwmark 0x1 lookup 6 proto 118', '30: from 10.0.0.0/8 lookup 7',
                              '40: from all lookup 7 proto 118', '50: from all lookup 9 proto 118']),
])
def test_purge(ours, more, left):
    ours.batch(['ip rule add table 5 pref 10 protocol bird', 'ip rule add fwmark 1 table 6 pref 20 protocol 118', 'ip rule add from 10.0.0.0/8 table 7 pref 30',
                'ip rule add table 7 pref 40 protocol 118'])
    ours.ip('-6 rule add table 9 pref 50 protocol 118')
    config = [] if more else [{'table': 7, 'priority': 40}]
    planned = ours.module('vnet_rule', purge=True, config=config, check=True, **more)
    assert ours.module('vnet_rule', purge=True, config=config, **more) == planned
    assert sorted(added(ours)) == sorted(left)  # and BORN is there


def test_one_that_the_kernel_would_take_for_another(ours):
    """The kernel removes the first rule that a message fits, and `from all` fits any source."""
    ours.ip('rule add from 10.0.0.0/8 table 7 pref 100 protocol 118')
    refused = ours.refused('vnet_rule', priority=100, table=7)
    assert 'its own' in refused['msg'] and 'priority' in refused['msg'] and refused['errno'] == 17 and refused['rolled_back']
    ours.ip('rule del pref 100')
    ours.module('vnet_rule', config=[{'priority': 100, 'table': 7}, {'priority': 100, 'table': 7, 'src': '10.0.0.0/8'}])
    ours.module('vnet_rule', priority=100, table=7, state='absent')
    assert added(ours) == ['100: from 10.0.0.0/8 lookup 7 proto 118']


def test_undo(ours):
    """The last item is refused by the kernel: all is as before, in the same order."""
    ours.batch(['ip rule add from 10.0.0.0/8 table 7 pref 100 protocol 118', 'ip rule add table 8 pref 100 protocol bird'])
    before = lines(ours)
    refused = ours.refused('vnet_rule', config=[
        {'src': '10.0.0.0/8', 'table': 7, 'state': 'absent'}, {'src': '10.9.0.0/16', 'table': 9}, {'priority': 900, 'goto': 800}])
    assert refused['rolled_back'] and refused['failed_operation']['name'] == '900: from all goto 800'
    assert sorted(lines(ours)) == sorted(before)


def test_with_its_namespace(ours, spaces):
    """A document makes the namespace, the VRF and the rules at once; the rules of the kernel are no part of what vnet_info says."""
    name = ours.name + '-new'
    document = {'netns': [{'name': name}], 'links': [{'name': 'red', 'netns': name, 'kind': 'vrf', 'vrf': {'table': 10}}],
                'rules': [{'netns': name, 'src': '192.0.2.0/24', 'table': 100}, {'netns': name, 'iif': 'red', 'table': 10, 'family': 'inet6'}]}
    try:
        assert run_here('vnet_state', document)['changed']
        state = run_here('vnet_info', {'netns': [name], 'gather': ['state']})['state']
        assert [rule['protocol'] for rule in state['rules']] == [118, 118]
        assert run_here('vnet_state', state)['operations'] == [] and run_here('vnet_state', document)['operations'] == []
    finally:
        run_here('vnet_netns', {'name': name, 'state': 'absent'})
