# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of all options: one canonical form, there and back over the wire, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.model.values import values_of

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model import types
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

CALM = settings(deadline=None, max_examples=40)
#: all types that options have, once each by what they say that they allow
TYPES: dict = {}


def _collect(table):
    for field in table:
        kind = field.type
        if isinstance(kind, types.Options):
            _collect(kind.table)
        elif isinstance(getattr(kind, 'item', None), types.Options):
            _collect(kind.item.table)
        else:
            TYPES.setdefault((type(kind).__name__, kind.allowed), (field, kind))


for _resource in RESOURCES.values():
    _collect(_resource.table)
DRAWN = []
for _name, (_field, _kind) in TYPES.items():
    try:
        values_of(_kind)
    except NotImplementedError:
        continue
    DRAWN.append(pytest.param(_kind, id=f'{_name[0]}-{_field.name}'))


def test_the_types_of_the_options_are_covered():
    assert len(DRAWN) > 50


@pytest.mark.parametrize('kind', DRAWN)
def test_one_canonical_form(kind):
    @CALM
    @given(values_of(kind))
    def canonical(value):
        parsed = kind.parse(value)
        assert kind.parse(parsed) == parsed
        assert type(kind.parse(parsed)) is type(parsed)

    canonical()


@pytest.mark.parametrize('kind', DRAWN)
def test_over_the_wire_and_back(kind):
    @CALM
    @given(values_of(kind))
    def there_and_back(value):
        parsed = kind.parse(value)
        wired = kind.wire(parsed)
        if wired is None:  # a flag that is not set is not sent
            assert parsed is False or isinstance(parsed, str)  # nor a word that another attribute tells
        elif parsed not in ('0.0.0.0', '::') and not (isinstance(parsed, list) and {'0.0.0.0', '::'} & set(parsed)):
            assert kind.unwire(wired) == parsed

    there_and_back()


@pytest.mark.parametrize('kind', DRAWN)
def test_iproute2_words(kind):
    @CALM
    @given(values_of(kind))
    def words(value):
        parsed = kind.parse(value)
        if getattr(kind, 'on', '') is not None:
            assert all(isinstance(word, str) for word in kind.argv(parsed))

    words()


NONSENSE = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=4)


@pytest.mark.parametrize('kind', [pytest.param(kind, id=f'{name[0]}-{field.name}') for name, (field, kind) in TYPES.items()])
def test_nonsense_is_refused_by_a_sentence(kind):
    """Whatever YAML can hold is taken or refused with ValueError, never anything else."""
    @settings(deadline=None, max_examples=60)
    @given(NONSENSE)
    def refused(value):
        try:
            kind.parse(value)
        except ValueError as exc:
            assert str(exc)

    refused()


REFUSED = [
    (types.Int(1, 4094), [0, 4095, -1, True, 1.5, '1.5', 'x', '', [], {}, float('nan'), float('inf')]),
    (types.Int(0, 255, names={'auto': 0}), ['autos', 256, None]),
    (types.Bool(), ['maybe', 2, None, '']),
    (types.Enum({'a': 0, 'b': 1}), ['c', 2, None, [], 1.5, float('inf')]),
    (types.Flags({'x': 1, 'y': 2}), ['z', ['x', 'z'], 3, None]),
    (types.Text(4), ['12345', 'ääää', 'a\0b']),
    (types.LinkName(), ['', '.', '..', 'a/b', 'a b', 'a:b', 'x' * 16, 'ä' * 8, 'a\tb', 'a\nb', 'a\0b', None, True, ['a']]),
    (types.AltName(), ['', '.', 'a/b', 'x' * 128, 'a b', 'a\0b']),
    (types.Netns(), ['', '.', '..', 'a/b', 'pid:', 'pid:x', 'pid:-1', 'x' * 256, 'a\0b', '/a\0b']),
    (types.NetnsName(), ['', '.', '..', '/a', 'a/b', 'x' * 256, 'a\0b']),
    (types.Mac(), ['02:00:00:00:00', '02:00:00:00:00:0g', '020000000001', '02:00:00:00:00:01:02', '']),
    (types.Ip(), ['192.0.2', '192.0.2.256', '::g', 'x', '', '192.0.2.1/24', '1', 3221225985]),
    (types.Ip(4), ['::1']), (types.Ip(6), ['192.0.2.1']),
    (types.Ip(multicast=True), ['192.0.2.1', 'fe80::1']), (types.Ip(multicast=False), ['224.0.0.1', 'ff02::1', '239.255.255.255']),
    (types.Cidr(), ['192.0.2.1/33', '::/129', '192.0.2.1/', '192.0.2.1/x', '/24', '192.0.2.1/-1', 'default', '192.0.2.1/24/24']),
    (types.Cidr(network=True), ['192.0.2.1/24', '2001:db8::1/64']),
    (types.Map(types.Int(0, 7), types.Int()), [[1], '1:2', {8: 1}, {1: -1}, {'x': 1}]),
    (types.ListOf(types.Ip(4), size=2), [['x'], ['192.0.2.1'] * 3, [['192.0.2.1']]]),
]


@pytest.mark.parametrize('kind, value', [(kind, value) for kind, values in REFUSED for value in values])
def test_refused(kind, value):
    with pytest.raises(ValueError) as caught:
        kind.parse(value)
    assert getattr(kind, 'item', kind).allowed[:6] in str(caught.value) or kind.allowed[:6] in str(caught.value) or 'at most' in str(caught.value)


CANONICAL = [
    (types.Int(), '0x10', 16), (types.Int(), 16.0, 16), (types.Int(0, 255, names={'auto': 0}), 0, 'auto'),
    (types.Int(0, 9, names={'auto': -1}), 'auto', 'auto'),
    (types.Bool(), 'Yes', True), (types.Bool(), 0, False), (types.Enum({'slow': 0, 'fast': 1}), '1', 'fast'), (types.Enum({'off': 0, 'on': 2}), True, 'on'),
    (types.Enum({'off': 0, 'on': 2}), False, 'off'), (types.Flags({'x': 1, 'y': 2}), ['y', 'x', 'y'], ['x', 'y']), (types.Flags({'x': 1}), 'x', ['x']),
    (types.LinkName(), 7, '7'), (types.LinkName(none=True), '', ''), (types.LinkName(), 'x' * 15, 'x' * 15), (types.Netns(), 'pid:7', 'pid:7'),
    (types.Netns(), '/proc/7/ns/net', '/proc/7/ns/net'), (types.Mac(), '02-00-00-00-00-AB', '02:00:00:00:00:ab'),
    (types.Ip(), '2001:DB8:0:0::1', '2001:db8::1'), (types.Cidr(), '192.0.2.1', '192.0.2.1/32'), (types.Cidr(), '2001:DB8::1', '2001:db8::1/128'),
    (types.Cidr(network=True, default=True), 'default', 'default'), (types.Map(types.Int(0, 7), types.Int()), {'3': '4', 1: 2}, {1: 2, 3: 4}),
    (types.ListOf(types.Int()), [3, 1, '3'], [1, 3]), (types.ListOf(types.Int(), ordered=True), [3, 1], [3, 1]), (types.ListOf(types.Int()), 5, [5]),
]


@pytest.mark.parametrize('kind, value, parsed', CANONICAL)
def test_canonical(kind, value, parsed):
    assert kind.parse(value) == parsed and type(kind.parse(value)) is type(parsed)


def test_is_multicast():
    assert [one for one in ('223.255.255.255', '224.0.0.0', '239.255.255.255', '240.0.0.0', 'ff02::1', 'fe80::1') if types.is_multicast(one)] == [
        '224.0.0.0', '239.255.255.255', 'ff02::1']


def test_a_map_that_changes_takes_back_what_is_no_longer_listed():
    kind = types.Map(types.Int(), types.Int())
    assert kind.change({1: 2}, {1: 5, 3: 4}) == {1: 2, 3: 0} and kind.change({1: 2}, None) == {1: 2}
    assert kind.argv({1: 2, 3: 0}) == ['1:2', '3:0']


# -- fields and tables -----------------------------------------------------------------------------------------------------

TABLE = Table([
    Field('plain', types.Int(0, 9), 'A', aliases=['old']), Field('key', types.Text(), 'K', secret=True), Field('low', types.Bool('on', 'off'), 'F', bit=1),
    Field('high', types.Bool(), 'F', bit=4), Field('either', types.Ip(), ('V4', 'V6')), Field('dev', types.LinkRef(), 'L'),
    Field('learning', types.Bool(None, None), 'B'), Field('flag', types.Flag(), 'X'), Field('time', types.Int(), 'T', tolerance=1, keyword='a time'),
    Field('hidden', types.Int(), 'H', write_only=True),
])


def test_a_field_says_where_and_what():
    with pytest.raises(InputError) as caught:
        TABLE.parse({'plain': 10}, 'config[3] (vx0)')
    assert caught.value.message == 'config[3] (vx0): plain is 10, but must be 0-9'
    with pytest.raises(InputError) as caught:
        TABLE.parse({'nosuch': 1}, 'here')
    assert caught.value.message == f"here: unknown option 'nosuch'; known are {', '.join(TABLE.by_name)}"
    with pytest.raises(InputError, match='must be a dict of options'):
        TABLE.parse(['x'], 'here')


def test_secrets_are_not_shown():
    with pytest.raises(InputError) as caught:
        TABLE.parse({'key': 'geheim' * 99}, 'here')
    assert 'geheim' not in caught.value.message and TABLE.arguments()['key']['no_log'] is True


def test_aliases_and_what_is_not_given():
    assert TABLE.parse({'old': 3, 'low': None}, '') == {'plain': 3}
    # AnsibleModule repeats an alias under its own name
    assert TABLE.parse({'old': 3, 'plain': 3}, '') == TABLE.parse({'plain': 3, 'old': 3}, '') == {'plain': 3}
    assert TABLE.arguments()['plain'] == {'type': 'int', 'aliases': ['old']}


def test_bits_share_an_attribute():
    assert TABLE.encode({'low': True, 'high': False}, None) == {'F': {'flags': 1, 'mask': 5}}
    assert TABLE.encode({'high': True}, None) == {'F': {'flags': 4, 'mask': 4}}
    assert TABLE.decode({'F': {'flags': 4, 'mask': 7}}, None) == {'low': False, 'high': True, 'flag': False}
    assert TABLE.decode({'F': {'flags': 4, 'mask': 0}}, None) == {'low': False, 'high': True, 'flag': False}  # drivers of CAN report no mask
    assert TABLE.decode({'F': {'flags': 4, 'mask': 4}}, None) == {'high': True, 'flag': False}


def test_bit_that_the_kernel_does_not_know_is_not_set():
    low = TABLE.by_name['low']
    assert low.equal(False, None) and not low.equal(True, None)


def test_addresses_have_an_attribute_a_family_and_links_an_index():
    assert TABLE.encode({'either': '2001:db8::1', 'dev': 'eth0'}, {'eth0': 7}.get) == {'V6': '2001:db8::1', 'L': 7}
    assert TABLE.decode({'V4': '192.0.2.1', 'L': 7}, {7: 'eth0'}.get) == {'either': '192.0.2.1', 'dev': 'eth0', 'flag': False}
    assert 'either' not in TABLE.decode({'V4': '0.0.0.0', 'V6': '::'}, None)
    assert 'hidden' not in TABLE.decode({'H': 1}, None)


def test_rounding_of_the_kernel_is_no_difference():
    field = TABLE.by_name['time']
    assert field.equal(100, 99) and field.equal(100, 101) and not field.equal(100, 98) and not field.equal(100, None)
    assert not TABLE.by_name['plain'].equal(1, 2)


def test_words_of_fields():
    assert TABLE.by_name['time'].command(5) == ['a', 'time', '5']
    assert TABLE.by_name['learning'].command(True) == ['learning'] and TABLE.by_name['learning'].command(False) == ['nolearning']
    assert TABLE.by_name['low'].command(False) == ['low', 'off']


def test_names_are_unique():
    """No option or alias of a table means two things."""
    def check(table):
        names = [name for field in table for name in (field.name, *field.aliases)]
        assert sorted(names) == sorted(set(names))
        for field in table:
            inner = field.type if isinstance(field.type, types.Options) else getattr(field.type, 'item', None)
            if isinstance(inner, types.Options):
                check(inner.table)

    for resource in RESOURCES.values():
        check(resource.table)


def test_a_list_that_has_no_order_is_sorted_however_the_kernel_reports_it():
    assert types.ListOf(types.Int()).unwire([3, 1]) == [1, 3] and types.ListOf(types.Int(), ordered=True).unwire([3, 1]) == [3, 1]
