# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every document: a plan can be carried out in its order, makes the world as wanted whatever the order of the items, and can be
taken back."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from unit.engine.worlds import Simulator

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan, order
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

CALM = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
NAMESPACES = ('blue', 'red')
MACS = [f'02:00:00:00:00:{number:02x}' for number in range(1, 6)]
OPTIONS = {
    'bridge': {'stp_state': st.booleans(), 'forward_delay': st.integers(200, 3000), 'vlan_filtering': st.booleans(),
               'mcast_router': st.sampled_from(['off', 'auto']),
               'vlan_default_pvid': st.integers(0, 3), 'no_linklocal_learn': st.booleans()},
    'bond': {'mode': st.sampled_from(['active-backup', '802.3ad']), 'lacp_rate': st.sampled_from(['slow', 'fast']), 'min_links': st.integers(0, 2)},
    'vxlan': {'ttl': st.integers(1, 255), 'learning': st.booleans(), 'dstport': st.integers(1, 65535)},
    'macvlan': {'mode': st.sampled_from(['bridge', 'private'])},
    'vlan': {'ingress_qos_map': st.dictionaries(st.integers(0, 7), st.integers(1, 9), max_size=2), 'gvrp': st.booleans()},
    'dummy': {}, 'veth': {}, 'vrf': {},
}


@st.composite
def documents(draw):
    """A document that makes sense: everything it refers to is in it."""
    spaces = draw(st.lists(st.sampled_from(NAMESPACES), unique=True))
    document: dict = {'netns': [{'name': name, **draw(st.sampled_from([{}, {'lo_up': False}]))} for name in spaces]}
    places = [None, *spaces]
    links, made, stacked = [], {place: {} for place in places}, {place: [] for place in places}

    def link(kind, place, **more):
        name = f'{kind[:2]}{len(links)}'
        item = {'name': name, 'kind': kind, **({'netns': place} if place else {}), **more}
        own = {option: draw(value) for option, value in OPTIONS[kind].items() if draw(st.booleans())}
        if kind == 'vxlan':
            own['id'] = 100 + len(links)
        elif kind == 'vlan':
            own['id'] = draw(st.integers(1, 4094))
        elif kind == 'vrf':
            own['table'] = 1000 + len(links)
        item.update(_fitting(kind, own))
        for option, value in (('mtu', st.sampled_from([1400, 9000])), ('alias', st.sampled_from(['', 'x', 'two words'])), ('up', st.booleans()),
                              ('altnames', st.lists(st.sampled_from(['alt' + name, 'other' + name]), unique=True)), ('arp', st.booleans())):
            if draw(st.integers(0, 3)) == 0:
                item[option] = draw(value)
        links.append(item)
        made[place][name] = kind
        return item

    for place in places:
        for kind in draw(st.lists(st.sampled_from(['bridge', 'bond', 'vrf']), max_size=3)):
            link(kind, place)
        for kind in draw(st.lists(st.sampled_from(['dummy', 'vxlan', 'veth', 'macvlan', 'vlan']), max_size=4)):
            if kind in ('macvlan', 'vlan'):
                parents = [name for name, other in made[place].items() if other in ('dummy', 'bridge', 'bond', 'vlan') and name not in stacked[place]]
                if not parents:
                    continue
                parent = draw(st.sampled_from(parents))
                item = link(kind, place, link=parent)
                stacked[place].append(parent)
            elif kind == 'veth':
                other = draw(st.sampled_from(places))
                # the namespace of the module has no name, so a pair with an end there is written from there
                if place is not None and other is None:
                    place, other = other, place
                name = f've{len(links)}p'
                item = link(kind, place, peer={'name': name, **({'netns': other} if other != place else {}),
                                               **draw(st.sampled_from([{}, {'up': False}, {'mtu': 1300}]))})
                made[other][name] = 'veth'
                if draw(st.booleans()):
                    links.append({'name': name, **({'netns': other} if other else {}), **_mastered(draw, made[other])})
            else:
                item = link(kind, place)
            item.update(_mastered(draw, made[place]) if item['name'] not in stacked[place] else {})
    document['links'] = links
    down = {item['name'] for item in links if item.get('up') is False} | {item['peer']['name'] for item in links if item.get('peer', {}).get('up') is False}
    # a link that is down keeps no routes and no IPv6 addresses
    standing = [(place, name) for place in places for name in made[place] if name not in down]
    document['addresses'] = draw(st.lists(st.sampled_from(standing), unique=True, max_size=4)) if standing else []
    document['addresses'] = [{'dev': name, 'address': f'192.0.{place}.1/24' if draw(st.booleans()) else f'2001:db8:{place}::1/64', **_in(netns)}
                             for place, (netns, name) in enumerate(document['addresses'])]
    document['routes'] = [{'dst': f'10.{number}.0.0/16', 'dev': item['dev'], **({'netns': item['netns']} if 'netns' in item else {})}
                          for number, item in enumerate(document['addresses']) if draw(st.booleans())]
    document['fdb'] = [{'dev': item['name'], 'remotes': [f'10.0.0.{number}' for number in draw(st.sets(st.integers(1, 9), min_size=1, max_size=3))],
                        'purge': draw(st.booleans()), **_in(item.get('netns'))} for item in links if item.get('kind') == 'vxlan' and draw(st.booleans())]
    ports = [item for item in links if made[item.get('netns')].get(item.get('master')) == 'bridge']
    document['bridge_vlans'] = [
        {'dev': item['name'], 'purge': draw(st.booleans()), **_in(item.get('netns')),
         'vlans': [{'vid': vid, **draw(st.sampled_from([{}, {'untagged': True}]))} for vid in draw(st.sampled_from([['10-12', 20], [4], ['5-9', 11]]))]}
        for item in ports if draw(st.booleans())]
    return {section: items for section, items in document.items() if items}


def _fitting(kind, own):
    if kind == 'bond' and own.get('mode') != '802.3ad':
        own.pop('lacp_rate', None)
    return {kind: own} if own else {}


def _in(netns):
    return {'netns': netns} if netns else {}


def _mastered(draw, made):
    masters = [name for name, kind in made.items() if kind in ('bridge', 'bond', 'vrf')]
    if not masters or not draw(st.booleans()):
        return {}
    master = draw(st.sampled_from(masters))
    port = {'bridge_port': {'isolated': draw(st.booleans())}} if made[master] == 'bridge' and draw(st.booleans()) else {}
    return {'master': master, **port}


def plan(document, simulator):
    return make_plan(from_document(RESOURCES, document), simulator.world())


def shuffled(document, seed):
    chance = random.Random(seed)
    sections = list(document)
    chance.shuffle(sections)
    return {section: chance.sample(document[section], len(document[section])) for section in sections}


@CALM
@given(documents())
def test_carried_out_once(document):
    """The order holds on a strict kernel, and there is nothing left to do."""
    simulator = Simulator()
    simulator.run(plan(document, simulator))
    assert plan(document, simulator) == []


@CALM
@given(documents(), st.integers())
def test_order_of_items_does_not_matter(document, seed):
    ends = []
    for one in (document, shuffled(document, seed)):
        simulator = Simulator()
        operations = plan(one, simulator)
        simulator.run(operations)
        ends.append((simulator.snapshot(), sorted((operation.action, operation.section, operation.name, operation.netns or '') for operation in operations)))
    assert ends[0] == ends[1]


@CALM
@given(documents())
def test_taken_back(document):
    simulator = Simulator()
    before = simulator.snapshot()
    simulator.run(plan(document, simulator))
    assert simulator.undo() == []
    assert simulator.snapshot() == before


@st.composite
def changes(draw):
    """A document, and one that changes what it made."""
    first = draw(documents())
    second = {section: [dict(item) for item in items] for section, items in first.items()}
    for item in second.get('links', []):
        kind = item.get('kind')
        item['recreate'] = True
        if draw(st.integers(0, 2)) == 0:
            item['mtu'] = draw(st.sampled_from([1280, 2000]))
        if kind in OPTIONS and OPTIONS[kind] and draw(st.integers(0, 2)) == 0:
            item.update(_fitting(kind, {**item.get(kind, {}), **{option: draw(value) for option, value in OPTIONS[kind].items() if draw(st.booleans())}}))
        if kind == 'vxlan' and draw(st.integers(0, 2)) == 0:
            item['vxlan'] = {**item['vxlan'], 'id': item['vxlan']['id'] + 5000}
    if any('vxlan' in item for item in second.get('links', [])):
        first = {**first, 'bridge_vlans': [{**item, 'purge': False} for item in first.get('bridge_vlans', [])]}  # see plans/recreate_without_default_vlan
        second['bridge_vlans'] = first['bridge_vlans']
    for section in ('addresses', 'routes'):
        for item in second.get(section, []):
            if draw(st.integers(0, 2)) == 0:
                item['state'] = 'absent'
    return first, second


@CALM
@given(changes())
def test_change_of_a_live_world(pair):
    """From one document to the next: carried out, idempotent, and taken back to what the first had made."""
    first, second = pair
    simulator = Simulator()
    simulator.run(plan(first, simulator))
    simulator.done = []
    before = simulator.snapshot()
    try:
        operations = plan(second, simulator)
    except InputError as exc:
        event('refused: ' + exc.message.partition(')')[2][:40])
        assert simulator.snapshot() == before
        return
    simulator.run(operations)
    assert plan(second, simulator) == []
    assert simulator.undo() == []
    assert simulator.snapshot() == before


@CALM
@given(documents(), st.integers())
def test_nothing_given_nothing_taken(document, seed):
    """Any part of a document that was carried out is already there."""
    simulator = Simulator()
    simulator.run(plan(document, simulator))
    chance = random.Random(seed)
    part = {section: [item for item in items if chance.random() < 0.5] for section, items in document.items() if section != 'netns'}

    assert plan(part, simulator) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, 'blue']), st.sets(st.integers(0, 9), max_size=3)), max_size=10))
def test_order_is_by_phase_unless_something_is_required(rows):
    """Each operation provides its own number and requires some others; what comes later than it could, waits for something."""
    operations = [Operation('links', 'set', netns, place, str(place), phase=phase, provides=[place], requires=requires - {place})
                  for place, (phase, netns, requires) in enumerate(rows)]
    try:
        ordered = order(operations)
    except InputError as exc:
        assert 'in a circle' in exc.message and _has_circle(operations)
        return
    assert not _has_circle(operations) and sorted(one.key for one in ordered) == list(range(len(rows)))
    done: set = set()
    there = {one.key for one in operations}
    for place, one in enumerate(ordered):
        assert one.requires & there <= done
        ready = [other for other in ordered[place:] if other.requires & there <= done]
        assert one.phase == min(other.phase for other in ready)
        done.add(one.key)


def _has_circle(operations) -> bool:
    left = {one.key: set(one.requires) for one in operations}
    while True:
        free = [key for key, needs in left.items() if not needs & set(left)]
        if not free:
            return bool(left)
        for key in free:
            del left[key]


def test_a_circle_names_its_items():
    operations = [Operation('links', 'create', None, name, name, where=f'links[{place}]', provides=[name], requires=[other])
                  for place, (name, other) in enumerate([('a', 'b'), ('b', 'a'), ('c', 'nothing')])]
    with pytest.raises(InputError, match=r'circle: links\[0\], links\[1\]$'):
        order(operations)
