# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All cases of all kinds and resources that the other tests know, in one document: one transaction, once, and what vnet_info tells of it makes the
same elsewhere.

A kind, a resource and a group of traffic control each have a namespace of their own, and cables to their neighbours. A new case takes part by itself.
"""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from differential import test_entries as entries
from differential import test_link_options as options
from differential import test_tc as tc
from differential.conftest import equal
from differential.documents import PASSING, SECTION
from differential.kernels import kernel_has
from differential.test_documents import Seen, build, here, marks, picture
from differential.test_link_options import Group, mac
from module import round_trip, run_here


def kinds():
    """The links of one key of OPTIONS after the other, as test_options makes them."""
    for number, (key, needed) in enumerate(group.values for group in options.GROUPS):
        if all(map(kernel_has, needed)):
            group = Group(key, needed)
            passing = [group.names[option] for option in group.cases if (key, option) in PASSING]
            yield number, {'links': [item for item in group.items(with_option=True)
                                     if not any(re.fullmatch(name + r'(\D.*)?', item['name']) for name in passing)]}


def resources(stage: dict):
    """The items of each module for entries, on links of their own."""
    for number, (module, rows) in enumerate(entries.ITEMS.items()):
        section, items = SECTION[module], [item for unused, item, unused2 in rows]
        found = {**stage, section: [*stage.get(section, []), *items]}
        if module == 'vnet_fdb':
            found['bridge_vlans'] = [*stage.get('bridge_vlans', []), {'dev': 'p', 'vlans': [{'vid': 7}]}]
            found['fdb'] = [item for item in items if not item.get('master') or 'vlan' in item]  # without one it stands for entries of all VLANs
        yield number, found


def traffic():
    for number, name in enumerate(['qdisc', 'class', 'filter', 'action']):
        group = tc.Group(name)
        items = [item for item in group.items if not ('queue_mapping' in str(item) and kernel_has('6.2'))]  # from then on hardware's matter on ingress
        yield number, {'tc': items, 'links': [{'name': link, 'kind': 'dummy', 'address': mac(link), 'num_tx_queues': 4} for link in group.links]}


REST = {
    'links': [{'name': name, 'kind': 'dummy', 'address': mac('team0')} for name in ('eth1', 'eth2', 'eth3')],  # a team gives its own to its ports
    'teams': [{'name': 'team0', 'implementation': 'kernel', 'runner': 'activebackup', 'ports': [{'name': 'eth1'}, {'name': 'eth2'}]}],
    'sysctls': [{'name': 'net.ipv4.ip_forward', 'value': 1}, {'name': 'net.ipv4.conf.eth3.rp_filter', 'value': 2}],
}
NAT = [{'type': 'masquerade', 'src': '192.0.2.0/24', 'oif': 'eth1'}, {'type': 'dnat', 'iif': 'eth1', 'proto': 'tcp', 'dport': 80, 'to': '192.0.2.10:8080'},
       {'type': 'snat', 'src': '2001:db8::/64', 'oif': 'eth1', 'to': '2001:db8:1::1'}]


def everything(stage: dict) -> dict:
    parts = {f'@kind{letters(number)}@': part for number, part in kinds()}
    parts.update((f'@entry{letters(number)}@', part) for number, part in resources(stage))
    parts.update((f'@tc{letters(number)}@', part) for number, part in traffic())
    parts['@rest@'] = {**REST, **({'nat': NAT} if kernel_has('nft_chain_nat') else {})}
    document: dict = {'netns': [{'name': place} for place in parts]}
    for place, part in parts.items():
        for section, items in part.items():
            document.setdefault(section, []).extend({**item, 'netns': place} for item in items)
    for place, beside in zip(parts, [*list(parts)[1:], *parts]):
        document['links'].append({'netns': place, 'name': 'cable', 'kind': 'veth', 'address': mac(place), 'peer': {
            'name': 'cable-end', 'netns': beside, 'address': mac(place + beside)}})
    return document


def letters(number: int) -> str:
    """Namespaces are called by letters, which documents.at() looks for."""
    return chr(ord('a') + number // 26) + chr(ord('a') + number % 26)


def made_by_lines(mark: str) -> dict:
    """What vnet_info says of the links that the tests of entries make with ip, without their place."""
    build({'netns': [{'name': '@stage@'}]}, mark)
    place = here(mark)[0]
    Seen(place).batch(entries.LINKS)
    state = run_here('vnet_info', {'netns': [place], 'gather': ['state']})['state']
    return {section: [{key: value for key, value in item.items() if key != 'netns'} for item in items]
            for section, items in state.items() if section != 'netns'}


@pytest.mark.kernel()  # each of them, with all that it has
def test_everything_at_once(kernel):
    with marks(3) as (one, other, mark):
        document = everything(made_by_lines(mark))
        missing = set(RESOURCES) - set(document) - {'nat'}
        assert not missing, f'no item of {missing}'
        planned = build(document, one, check=True, diff=True)
        assert not here(one)
        made = build(document, one, diff=True)
        assert made == planned and len(made['operations']) > 500
        assert build(document, one)['operations'] == []
        state = round_trip(*here(one))
        run_here('vnet_state', json.loads(json.dumps(state).replace(one + '-', other + '-')))
        equal(picture(other), picture(one), ('made', 'made from vnet_info'))
