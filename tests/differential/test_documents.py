# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every document, on a kernel: any order gives the same, from any state, once, as check mode said; and all of it or nothing.

The documents are random (documents.py), drawn from the tables and cases of the other tests. They are the same in every run;
`--hypothesis-seed=N` draws others.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from unittest import mock

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import run
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel, World
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import namespaces
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NetlinkSocket, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import COMMON_PARTS
from differential import test_entries as entries
from differential.conftest import EVERYTHING, MNT_DETACH, Namespace, _libc, equal, nothing_to_repair
from differential.documents import Supply, at, documents, others, purged, shuffled
from module import ModuleFailed, round_trip, run_here

#: one example in so many is looked at with iproute2's eyes as well: its processes cost twenty times what all the rest does
LOOK = 5
#: what of a link passes by itself
PASSING = {'bridge_port': ['state'], 'bond': ['active_slave'],
           # /dev/tapN is named by an index that links of several namespaces may have
           'macvtap': ['user', 'group'], 'ipvtap': ['user', 'group']}


class Seen(Namespace):
    """A namespace that the task itself has made."""

    def __init__(self, name: str):  # pylint: disable=super-init-not-called
        self.name = name

    def random_macs(self):
        return {}


@contextlib.contextmanager
def marks(count: int):
    """Beginnings of the names of namespaces, which are gone afterwards."""
    found = [secrets.token_hex(3) for unused in range(count)]
    try:
        yield found[0] if count == 1 else found
    finally:
        for name in namespaces.names():
            if name.split('-')[0] in found:
                _libc('umount2', os.fsencode(namespaces.path(name)), MNT_DETACH)
                os.unlink(namespaces.path(name))


def here(mark: str) -> list[str]:
    return [name for name in namespaces.names() if name.startswith(mark + '-')]


def build(document: dict, mark: str, **how) -> dict:
    """The result of vnet_state; what verify() would have to repair is a defect."""
    with mock.patch.object(run, 'verify', nothing_to_repair):
        return run_here('vnet_state', at(document, mark), **how)


def picture(mark: str, thorough: bool = False) -> dict:
    """All that the tables of all resources say of all namespaces of a mark; and all that iproute2 says."""
    time.sleep(0.02)  # what the kernel does in the background as soon as it has the time, as the local route of an IPv6 address
    kernel = Kernel()
    try:
        world = World(RESOURCES, kernel)
        places = here(mark)
        for place in places:
            world.links(place)
        found = {f'{place} {section}': {str(key): shown(values) for key, values in world.table(section, place).items()
                                        if getattr(resource, 'returns', lambda unused: True)(values)}
                 for place in places for section, resource in RESOURCES.items() if section not in ('netns', 'sysctls')}
    finally:
        kernel.close()
    if thorough:
        for place in places:
            found.update({f'{place} {command}': settled(data, command) for command, data in Seen(place).normal(*EVERYTHING).items()})
    return json.loads(json.dumps(found, default=str, sort_keys=True).replace(mark + '-', ''))


def shown(values) -> dict:
    if not isinstance(values, dict):  # a FoundLink
        values = {**values.values, 'up': values.up, 'far parent': values.link_nsid is not None}
        for option, names in PASSING.items():
            if option in values:
                values[option] = {key: value for key, value in values[option].items() if key not in names}
    return {key: value for key, value in values.items() if key not in ('valid_lft', 'preferred_lft', 'expires', 'carrier')}


#: what ip shows of links that follows their ports, some time later or not at all
FOLLOWS = {'permaddr',  # the MAC that a link was made with: drawn by lot where another document had made it
           'bridge_id', 'root_id', 'qdisc', 'expires', 'state', 'designated_port', 'no', 'id', 'queue_id', 'tso_max_size', 'tso_max_segs',
           # how many want a link to listen to all: not counted while the link is down, and Linux 6.1.176 still counts a VLAN that is gone
           'promiscuity', 'allmulti',
           # what bridges with STP tell each other, when they come to it
           'root_port', 'root_path_cost', 'designated_bridge', 'designated_root', 'designated_cost', 'topology_change', 'topology_change_detected',
           'topology_change_ack', 'config_pending'}


def by_itself(one: dict) -> bool:
    """The rule that comes with the first VRF of a namespace and stays for ever; what a link got when it came up with ARP, which it may not have now."""
    kernels = one.get('protocol') == 'kernel' and ('l3mdev' in one or one.get('dst', '').startswith(('ff00::/8', 'fe80:')))
    queried = one.get('type') == 'temp'  # a router that a bridge has heard of
    return kernels or queried or one.get('local', '').startswith('fe80:') or 'extern_learn' in one  # who learned that tells it anew


def settled(value, command: str = ''):
    """Without what passes by itself: learned entries, groups that are listened to, the state of a port, the number that it got.

    `bridge link` takes the index of a parent in another namespace for one of this.
    """
    if isinstance(value, list):
        value = [one for one in value if not (isinstance(one, dict) and by_itself(one))]
    if command == 'bridge link':
        value = [{key: one for key, one in port.items() if key != 'link'} for port in value]
    if command == 'bridge fdb':
        return [entry for entry in value if entry.get('state') in ('permanent', 'static') and not entry['mac'].startswith(('01:00:5e', '33:33'))]
    if isinstance(value, dict):
        value = {key: settled(one) for key, one in value.items() if key not in FOLLOWS}
        return {key: one for key, one in value.items() if one not in ([], {})}
    return [settled(one) for one in value] if isinstance(value, list) else value


@contextlib.contextmanager
def writes(refused: int | None = None):
    """Counts what is sent to the kernel that is not a question, [number]; the one of number `refused` is made impossible."""
    count, batch = [0], NetlinkSocket.batch

    def counted() -> bool:
        count[0] += 1
        return refused is not None and count[0] == refused + 1

    def watched(self, requests):
        requests = [Request(17, 0, b'\0' * 16) if self.sock.proto == 0 and (request.type - 16) % 4 != 2 and counted() else request for request in requests]
        return batch(self, requests)

    def watching(function):
        def called(*arguments, **named):
            if counted():
                raise KernelError(22, 'refused by the test')
            return function(*arguments, **named)
        return called

    parts = {id(part): part for part in [*COMMON_PARTS, *(part for kind in KINDS.values() for part in kind.parts)]}
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(NetlinkSocket, 'batch', watched))
        # what goes ahead of deletions may be refused without harm, and no kernel refuses what is gone
        stack.enter_context(mock.patch.object(RESOURCES['links'], 'remove_many', lambda *arguments: None))
        for one, names in [*((resource, ['perform']) for resource in RESOURCES.values() if not resource.batched),
                           *((part, ['apply', 'make', 'remove']) for part in parts.values())]:
            for name in names:
                stack.enter_context(mock.patch.object(one, name, watching(getattr(one, name))))
        yield count


def refusal(document: dict, mark: str) -> str:
    """Why vnet_state does not take a document; '' if it does."""
    try:
        build(document, mark)
    except ModuleFailed as exc:
        return exc.result['msg']
    return ''


@pytest.fixture(scope='module')
def supply(kernel):
    """What there is to draw documents from on this kernel."""
    def tried(document):
        with marks(1) as mark:
            return not refusal({'netns': [{'name': '@blue@'}], **{section: [dict(item, netns='@blue@') for item in items]
                                                                  for section, items in document.items()}}, mark)

    supply = Supply(tried)
    with marks(1) as mark:
        build({'netns': [{'name': '@stage@'}]}, mark)
        Seen(f'{mark}-stage').batch([line for line in entries.LINKS if line.startswith('ip ')])
        state = run_here('vnet_info', {'netns': [f'{mark}-stage'], 'gather': ['state']})['state']
        supply.stage = {section: [{key: value for key, value in item.items() if key != 'netns'} for item in items]
                        for section, items in state.items() if section != 'netns'}
    for module, rows in entries.ITEMS.items():
        section = next((section for section, resource in RESOURCES.items() if resource.module == module), None)
        supply.entries[module] = [item for unused, item, unused2 in rows if section and tried(
            {**supply.stage, section: [*supply.stage.get(section, []), item]})]
    return supply


def test_supply(supply):
    """What the random documents below are drawn from: nothing of it may get lost unseen."""
    assert len(supply.clusters) > 100 and set(supply.stage) >= {'links', 'addresses'}
    assert all(supply.entries.values()), supply.entries


@settings(max_examples=40)
@given(data=st.data(), seed=st.integers(0, 999))
def test_any_order_once_as_foretold(supply, data, seed):
    """Two orders of the items make the same; check mode said so; the second run only asks; what vnet_info says is what is there."""
    document = data.draw(documents(supply))
    with marks(2) as (one, other):
        planned = build(document, one, check=True, diff=True)
        assert not here(one)
        made = build(document, one, diff=True)
        assert made == planned
        build(shuffled(document, seed), other)
        thorough = seed % LOOK == 0
        equal(picture(other, thorough), picture(one, thorough), ('as drawn', 'shuffled'))
        with writes() as sent:
            again = build(shuffled(document, seed + 1), one)
        assert again['operations'] == [] and again['changed'] is False and sent == [0]
        state = round_trip(*here(one))
        if any(item.get('purge') for item in document.get('bridge_vlans', [])):
            return  # that a new port is not to have the default VLAN is not in vnet_info's document
        with marks(1) as third:
            run_here('vnet_state', json.loads(json.dumps(state).replace(one + '-', third + '-')))
            equal(picture(third, thorough), picture(one, thorough), ('made', 'made from vnet_info'))


@settings(max_examples=40)
@given(data=st.data(), seed=st.integers(0, 999))
def test_from_any_state(supply, data, seed):
    """A document that says all (purge, recreate) makes the same of what another document left as of nothing."""
    document = data.draw(documents(supply))
    before = data.draw(others(document))
    whole = purged(document)
    with marks(2) as (fresh, dirty):
        refused = refusal(before, dirty)
        event('the state before: ' + ('refused' if refused else 'made'))
        assume(not refused)
        build(whole, fresh)
        left = picture(dirty)
        try:
            planned = build(whole, dirty, check=True, diff=True)
        except ModuleFailed as exc:
            event('refused: ' + exc.result['msg'].partition(')')[2][-40:])
            equal(picture(dirty), left, ('before', 'after a refusal'))
            assert 'cannot be made anew while' in exc.result['msg'], exc.result['msg']
            return
        equal(picture(dirty), left, ('before', 'after check mode'))
        assert build(whole, dirty, diff=True) == planned
        thorough = seed % LOOK == 0
        equal(picture(dirty, thorough), picture(fresh, thorough), ('from nothing', 'from another state'))
        with writes() as sent:
            assert build(whole, dirty)['operations'] == [] and sent == [0]


@settings(max_examples=40)
@given(data=st.data(), seed=st.integers(0, 999), where=st.floats(0, 1, exclude_max=True))
def test_refused_anywhere_leaves_no_trace(supply, data, seed, where):
    """Whichever message the kernel refuses: everything is as it was before, and the next run succeeds."""
    document = data.draw(documents(supply))
    before = data.draw(others(document))
    whole = purged(document)
    with marks(2) as (twin, mark):
        assume(not refusal(before, mark) and not refusal(before, twin))
        with writes() as sent:
            refused = refusal(whole, twin)
        assume(not refused and sent[0])
        thorough = seed % LOOK == 0
        left = picture(mark, thorough)
        with writes(refused=int(where * sent[0])), pytest.raises(ModuleFailed) as caught:
            build(whole, mark)
        result = caught.value.result
        equal(picture(mark, thorough), left, ('before', f"after {result['msg']}"))
        assert result['rolled_back'] is True, result['msg']
        build(whole, mark)
        equal(picture(mark, thorough), picture(twin, thorough), ('without a failure', 'after one'))
