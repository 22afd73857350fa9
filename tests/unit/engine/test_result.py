# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task returns: YAML that reads back as what it was written from, commands that a shell takes apart as they were meant."""

from __future__ import annotations

import shlex

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.result import diff, result, to_yaml
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

TEXT = st.text(max_size=20) | st.sampled_from(
    ['', 'yes', 'No', 'on', 'OFF', 'null', 'Null', '~', 'true', 'y', 'N', '1', '0x10', '1e3', '.5', '.inf', '.NaN', '...', '---', '- a', 'a: b',
     'a #b', '#a', '1:30', '2001-01-01', "it's", '"', ' a', 'a ', 'a\nb', '\t', '=', '<<', '!x', '&x', '*x', '%x', '@x', '`x', '192.0.2.1/24',
     '02:00:00:00:00:01', 'a\\b', '\x85', '\u2028'])
SCALAR = st.none() | st.booleans() | st.integers() | TEXT
NESTED = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(TEXT, NESTED, min_size=1, max_size=3) | st.lists(NESTED, min_size=1, max_size=3))
def test_yaml_there_and_back(value):
    assert yaml.safe_load(to_yaml(value)) == value


def test_yaml_is_easy_on_the_eye():
    assert to_yaml({'links vx0': {'mtu': 1450, 'up': True, 'alias': 'two words', 'vlan': {'id': 1}, 'remotes': ['10.0.0.1', 'x'], 'none': [], 'map': {}}}) == (
        "links vx0:\n  mtu: 1450\n  up: true\n  alias: two words\n  vlan:\n    id: 1\n  remotes:\n    - '10.0.0.1'\n    - x\n  none: []\n  map: {}\n")


def link(action, name, values=None, before=None, netns=None, **more):
    return Operation('links', action, netns, name, name, values, before, **more)


def test_diff_is_of_exactly_what_is_touched():
    found = diff([link('create', 'a', {'name': 'a'}), link('set', 'b', {'mtu': 1}, {'mtu': 2}),
                  link('delete', 'c', before={'name': 'c'}, netns='blue')], RESOURCES)
    assert yaml.safe_load(found['before']) == {'links b': {'mtu': 2}, 'links c netns blue': {'name': 'c'}}
    assert yaml.safe_load(found['after']) == {'links a': {'name': 'a'}, 'links b': {'mtu': 1}}


def test_diff_of_what_is_made_anew():
    found = diff([link('delete', 'a', before={'id': 1, 'mtu': 2}), link('create', 'a', {'id': 3, 'mtu': 2}, {'id': 1, 'mtu': 2}),
                  link('set', 'a', {'up': True}, {'up': False})], RESOURCES)
    assert yaml.safe_load(found['before']) == {'links a': {'id': 1, 'mtu': 2, 'up': False}}
    assert yaml.safe_load(found['after']) == {'links a': {'id': 3, 'mtu': 2, 'up': True}}
    assert diff([link('set', 'a', {'x': 1}, {'x': 0}), link('delete', 'a', before={'x': 1})], RESOURCES)['after'] == ''


def test_nothing():
    assert result([], RESOURCES) == {'changed': False, 'operations': [], 'commands': [], 'diff': {'before': '', 'after': ''}, 'warnings': []}


@pytest.mark.parametrize('alias', ['two words', "it's", '$(reboot)', '; reboot', 'a"b', '-x', '*'])
def test_commands_are_quoted(alias):
    made = result([link('set', 'd0', {'alias': alias}, {'alias': ''})], RESOURCES)
    command, = made['commands']
    assert shlex.split(command) == ['ip', 'link', 'set', 'dev', 'd0', 'alias', alias]
    assert made['changed'] is True and made['operations'][0]['values'] == {'alias': alias}


@pytest.mark.parametrize('netns, head', [
    (None, ['ip']), ('blue', ['ip', '-n', 'blue']), ('pid:7', ['nsenter', '-t', '7', '-n', 'ip']), ('/run/x y', ['nsenter', '--net=/run/x y', 'ip'])])
def test_commands_in_namespaces(netns, head):
    command, = result([link('delete', 'd0', before={}, netns=netns)], RESOURCES)['commands']
    assert shlex.split(command) == [*head, 'link', 'del', 'dev', 'd0']
