# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From parameters to wanted objects: what is refused and by which sentence, what items inherit, what a purge covers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml
from module import ModuleFailed, run_here
from unit.engine.worlds import read_world

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document, from_module
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

SENTENCES = yaml.safe_load(Path(__file__).with_name('sentences.yml').read_text())


def plan(desired):
    return make_plan(desired, read_world({'links': [{'name': 'd0', 'index': 2, 'kind': 'dummy'}]}))


@pytest.mark.parametrize('case', SENTENCES, ids=lambda case: f"{case['section']}-{case['error'].partition(': ')[2][:40]}")
def test_sentence(case):
    section, item = case['section'], case['item']
    with pytest.raises(InputError) as caught:
        plan(from_document(RESOURCES, {section: [item]}) if 'purge' in item else from_module(RESOURCES[section], {'config': [item]}))
    assert caught.value.message == case['error'].replace('KINDS', ', '.join(sorted(KINDS)))


def test_five_sentences_a_module():
    counted = Counter(case['section'] for case in SENTENCES)
    assert {section for section in RESOURCES if counted[section] < 5} <= {'teams'}


def test_every_wrong_value_is_refused_before_anything_else():
    """One wrong item in a long list: none of it is wanted."""
    with pytest.raises(InputError, match=r'config\[150\]'):
        from_module(RESOURCES['fdb'], {'dev': 'd0', 'config': [
            {'mac': f'02:00:00:00:00:{number:02x}', **({'vni': -1} if number == 150 else {})} for number in range(200)]})


@pytest.mark.parametrize('document, sentence', [
    ({'nosuch': []}, f"unknown section 'nosuch'; known are {', '.join(RESOURCES)}"),
    ({'links': {'name': 'd0'}}, 'links: must be a list of items'),
    ({'links': ['d0']}, "links[0]: must be a dict of options, not 'd0'"),
    ({'links': [{'config': {'name': 'd0'}}]}, 'links[0]: config must be a list of items'),
    ({'links': [{'name': 'wg0', 'kind': 'wireguard', 'wireguard': {'peers': 5}}]},
     'links[0] (wg0): wireguard: peers is 5, but must be a list of dicts of options'),
    ({'links': [{'config': ['d0']}]}, "links[0].config[0]: must be a dict of options, not 'd0'"),
    ({'links': [{'name': 'd0', 'mtu': -1}]}, 'links[0] (d0): mtu is -1, but must be 0-2147483647 bytes'),
    ({'links': [{'netns': 'blue', 'config': [{'name': 'd0'}, {'name': 'd0'}]}]}, 'links[0].config[1] (d0): listed twice (links[0].config[0] (d0))'),
    ({'netns': [{'name': 'x', 'lo_up': False}], 'links': [{'netns': 'x', 'name': 'lo', 'up': True}]},
     'links[0] (lo): up of lo contradicts netns[0] (x): lo_up'),
])
def test_documents(document, sentence):
    with pytest.raises(InputError) as caught:
        from_document(RESOURCES, document)
    assert caught.value.message == sentence


def values(desired):
    return [(one.netns, one.key, one.absent, one.values) for one in desired.wanted]


def test_items_inherit_what_stands_beside_them():
    made = from_module(RESOURCES['links'], {'netns': 'blue', 'kind': 'dummy', 'mtu': 1400, 'state': None, 'config': [
        {'name': 'a'}, {'name': 'b', 'mtu': 1500, 'netns': 'red'}, {'name': 'c', 'state': 'absent', 'mtu': None}]})
    assert values(made) == [
        ('blue', 'a', False, {'kind': 'dummy', 'mtu': 1400, 'name': 'a'}),
        ('red', 'b', False, {'kind': 'dummy', 'mtu': 1500, 'name': 'b'}),
        ('blue', 'c', True, {'kind': 'dummy', 'mtu': 1400, 'name': 'c'})]
    assert [one.where for one in made.wanted] == ['config[0] (a)', 'config[1] (b)', 'config[2] (c)']


@pytest.mark.parametrize('state, item, absent', [
    ('absent', {}, True), ('absent', {'state': 'present'}, False), (None, {'state': 'absent'}, True), (None, {}, False)])
def test_state_of_an_item(state, item, absent):
    one, = from_module(RESOURCES['addresses'], {'dev': 'd0', 'state': state, 'config': [{'address': '192.0.2.1/24', **item}]}).wanted
    assert one.absent is absent


def test_one_object_without_config():
    one, = from_module(RESOURCES['links'], {'name': 'd0', 'kind': 'dummy', 'config': None, 'allow_disconnect': True, 'recreate': True}).wanted
    assert (one.where, one.values, one.recreate) == ('vnet_link (d0)', {'name': 'd0', 'kind': 'dummy'}, True)


def test_an_empty_list_wants_nothing():
    for section in RESOURCES:
        made = from_module(RESOURCES[section], {'config': []})
        assert made.wanted == [] and made.scopes == []


@pytest.mark.parametrize('item', [
    {'name': 'vx0', 'type': 'vxlan', 'vxlan': {'id': 5, 'port': 4790, 'label': 7, 'limit': 3}, 'ifalias': 'x', 'txqueuelen': 9},
    {'name': 'vx0', 'kind': 'vxlan', 'vxlan': {'id': 5, 'dstport': 4790, 'flowlabel': 7, 'maxaddress': 3}, 'alias': 'x', 'txqlen': 9}])
def test_names_that_ip_prints(item):
    one, = from_module(RESOURCES['links'], item).wanted
    assert one.values == {'name': 'vx0', 'kind': 'vxlan', 'vxlan': {'id': 5, 'dstport': 4790, 'flowlabel': 7, 'maxaddress': 3}, 'alias': 'x', 'txqlen': 9}


def test_the_same_thing_written_differently_is_the_same_thing():
    with pytest.raises(InputError, match='listed twice'):
        from_module(RESOURCES['addresses'], {'dev': 'd0', 'config': [{'address': '2001:DB8:0::1/64'}, {'address': '2001:db8::1/64'}]})
    with pytest.raises(InputError, match='listed twice'):
        from_module(RESOURCES['fdb'], {'dev': 'd0', 'config': [{'mac': '02-00-00-00-00-0A'}, {'mac': '02:00:00:00:00:0a'}]})


def scopes(desired):
    return [(scope.section, scope.netns, scope.limits) for scope in desired.scopes]


def test_what_many_items_purge_is_purged_once():
    items = [{'dev': f'vx{place % 2}', 'mac': f'02:00:00:00:00:{place:02x}', 'dst': '10.0.0.1', 'purge': True} for place in range(10)]
    scopes = from_document(RESOURCES, {'fdb': items}).scopes
    assert [(scope.limits, scope.where) for scope in scopes] == [({'dev': 'vx0'}, 'fdb[0]'), ({'dev': 'vx1'}, 'fdb[1]')]


def test_what_a_purge_covers():
    made = from_module(RESOURCES['fdb'], {'purge': True, 'netns': 'blue', 'config': [{'dev': 'vx0', 'remotes': ['10.0.0.1']}, {'dev': 'vx1', 'remotes': []}]})
    assert scopes(made) == [('fdb', 'blue', {'dev': 'vx0'}), ('fdb', 'blue', {'dev': 'vx1'})] and len(made.wanted) == 1
    made = from_module(RESOURCES['routes'], {'purge': True, 'table': 100, 'config': []})
    assert scopes(made) == [('routes', None, {'table': 100, 'protocol': 118, 'family': None})]
    made = from_module(RESOURCES['routes'], {'purge': True, 'config': [], 'protocol': 'static'})
    assert scopes(made) == [('routes', None, {'table': 'main', 'protocol': 'static', 'family': None})]


@pytest.mark.parametrize('match', ['test*', ['test*']])
def test_one_pattern_need_not_be_a_list(match):
    """Never its letters, of which one is a star."""
    for section in ('links', 'netns'):
        made = from_document(RESOURCES, {section: [{'purge': True, 'purge_match': match, 'config': []}]})
        assert made.scopes[0].limits['match'] == ['test*']


@pytest.mark.parametrize('value', ['yes', True, 'true', 1])
def test_purge_as_documents_write_it(value):
    assert len(from_document(RESOURCES, {'addresses': [{'dev': 'd0', 'purge': value, 'config': []}]}).scopes) == 1
    assert from_document(RESOURCES, {'addresses': [{'dev': 'd0', 'purge': 'no', 'config': []}]}).scopes == []


@pytest.mark.parametrize('count', [2, 300])
@pytest.mark.parametrize('value, purges', [('no', False), ('False', False), (False, False), ('yes', True), (True, True)])
def test_purge_of_few_and_of_many(count, value, purges):
    config = [{'mac': f'02:00:00:00:{place >> 8:02x}:{place & 255:02x}', 'dst': '10.0.0.1'} for place in range(count)]
    desired = from_document(RESOURCES, {'fdb': [{'dev': 'vx0', 'purge': value, 'config': config}]})
    rows = [one.values['rows'] for one in desired.wanted if 'rows' in one.values]
    assert [bool(one.top.get('purge')) for one in rows] == ([purges] if count > 256 else [])
    assert bool(desired.scopes) == (purges and count < 256)


@pytest.mark.parametrize('count', [2, 300])
def test_purge_that_is_no_switch(count):
    config = [{'mac': f'02:00:00:00:{place >> 8:02x}:{place & 255:02x}', 'dst': '10.0.0.1'} for place in range(count)]
    with pytest.raises(InputError, match="purge is 'nonsense', but must be true or false"):
        from_document(RESOURCES, {'fdb': [{'dev': 'vx0', 'purge': 'nonsense', 'config': config}]})


def test_a_namespace_brings_its_loopback_and_parameters():
    made = from_module(RESOURCES['netns'], {'name': 'blue', 'sysctl': {'net.ipv4.ip_forward': True}})
    assert values(made) == [(None, 'blue', False, {'name': 'blue'}), ('blue', 'lo', False, {'name': 'lo', 'up': True}),
                            ('blue', 'net/ipv4/ip_forward', False, {'name': 'net/ipv4/ip_forward', 'value': '1'})]
    assert len(from_document(RESOURCES, {'netns': [{'name': 'blue'}], 'links': [{'netns': 'blue', 'name': 'lo', 'mtu': 9000}]}).wanted) == 2


@pytest.mark.parametrize('document', [
    {'bridge_vlans': [{'purge': True}]},
    {'routes': [{'dst': '192.0.2.0/24', 'nexthops': 5}]},
], ids=str)
def test_documents_of_a_wrong_shape(document):
    with pytest.raises(InputError):
        plan(from_document(RESOURCES, document))


def test_vlans_as_one_string():
    assert [one.key for one in from_document(RESOURCES, {'bridge_vlans': [{'dev': 'd0', 'vlans': '12'}]}).wanted] == [('d0', 12)]


def test_force_as_documents_write_it():
    made = from_document(RESOURCES, {'netns': [{'purge': True, 'purge_match': ['x'], 'force': 'no', 'config': []}]})
    assert made.scopes[0].limits['force'] is False


def test_an_alias_counts_where_purge_asks_for_entries():
    made = from_document(RESOURCES, {'fdb': [{'dev': 'vx0', 'lladdr': '02:00:00:00:00:02', 'dst': '10.0.0.2', 'purge': True}]})
    assert len(made.wanted) == 1 and len(made.scopes) == 1


def test_an_alias_in_an_item_of_a_document_overrides_what_it_inherits():
    one, = from_document(RESOURCES, {'links': [{'txqlen': 5, 'config': [{'name': 'd0', 'txqueuelen': 9}]}]}).wanted
    assert one.values['txqlen'] == 9


@pytest.mark.parametrize('module, options, words', [
    ('vnet_nexthop', {'id': 10, 'group': [1, 2]}, r'group\[0\]: must be a dict of options, not 1'),
    ('vnet_bridge_vlan', {'dev': 'br0', 'vlans': '10,20-30'}, "vid is '10,20-30', but must be"),
])
def test_what_ansible_cannot_convert_is_told_of_as_it_was_given(module, options, words):
    with pytest.raises(ModuleFailed, match=words):
        run_here(module, options)
