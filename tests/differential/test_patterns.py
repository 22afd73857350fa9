# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of the roles on a kernel: links that understand each other while keys change, limits that hold."""

from __future__ import annotations

import json

from ansible_collections.linuxnet.vnet.plugins.filter.patterns import FilterModule
from ansible_collections.linuxnet.vnet.plugins.filter.site import FilterModule as SiteFilters
from differential.traffic import Flow, Wire
from module import run_here, run_module

FILTERS = FilterModule().filters() | SiteFilters().filters()
SECRET = 'a secret of all machines'


def state(space, document, check=False):
    """The document of a machine, on a namespace that stands for it."""
    placed = {section: [{'netns': space.name, **item} for item in items] for section, items in document.items()}
    return run_here('vnet_state', placed, check=check, diff=True)


def probe(space, **options):
    return run_module('vnet_probe', {'netns': space.name, 'fail_on_mismatch': False, **options})


class Machines:
    """What the role macsec does, on two namespaces with a wire between."""

    def __init__(self, spaces):
        self.spaces = dict(zip(('node1', 'node2'), spaces('node1', 'node2')))
        one, other = self.spaces.values()
        one.module('vnet_link', name='eth1', kind='veth', up=False, peer={'name': 'eth1', 'netns': other.name, 'up': False})
        self.items = {host: [{'name': 'macsec0', 'link': 'eth1', 'secret': SECRET, 'addresses': [f'192.0.2.{number}/24']}]
                      for number, host in enumerate(self.spaces, 1)}

    def run(self, step='build'):
        told = {}
        for host, space in self.spaces.items():
            found = run_here('vnet_info', {'netns': [space.name], 'gather': ['state']})['macsec']
            told[host] = FILTERS['macsec_seen'](self.items[host], host, [{**row, 'netns': None} for row in found])
        plan = FILTERS['macsec_channels'](told, step)
        results = []
        for host, space in self.spaces.items():
            document = FILTERS['macsec_document'](self.items[host], host, plan, told[host], list(self.spaces))
            keys = [sa['key'] for link in document['links'] for sa in link.get('macsec', {}).get('tx_sa', ()) if 'key' in sa]
            planned, result = state(space, document, check=True), state(space, document)
            assert planned['commands'] == result['commands']  # packet numbers of what was there rise meanwhile
            text = json.dumps(result)
            assert not any(key in text for key in keys) and SECRET not in text
            results.append(result)
        return results


def test_keys_rotate_under_traffic(spaces):
    machines = Machines(spaces)
    assert all(result['changed'] for result in machines.run())
    assert not any(result['changed'] for result in machines.run())
    one, other = machines.spaces.values()
    assert probe(one, to='192.0.2.2', size=1440, df=True)['ok']
    with Wire(one, 'eth1') as wire, Flow((one, '192.0.2.1'), (other, '192.0.2.2')) as flow:
        for dummy in range(5):  # past the four numbers of associations
            for step in ('add', 'use', 'drop'):
                assert all(result['changed'] for result in machines.run(step)), step
                flow.wait(5)
        frames = wire.frames()
    assert flow.lost == [0, 0] and min(flow.sent) > 50
    assert {frame[12:14] for frame in frames if frame[:1] != b'\x33'} == {b'\x88\xe5'}  # 33: multicast of IPv6, of eth1 itself
    assert not any(result['changed'] for result in machines.run())


def test_another_secret_is_not_heard(spaces):
    machines = Machines(spaces)
    machines.run()
    one, dummy = machines.spaces.values()
    assert probe(one, to='192.0.2.2')['ok']
    machines.items['node2'][0]['secret'] = 'another secret than that'
    machines.run()
    result = probe(one, to='192.0.2.2', expect='unreachable')
    assert result['ok'], result
    assert not probe(one, to='192.0.2.2', timeout=0.5)['ok']


def test_a_limit_for_what_arrives(spaces):
    one, other = spaces('one', 'other')
    one.module('vnet_link', name='eth1', kind='veth', peer={'name': 'eth1', 'netns': other.name})
    for number, space in enumerate((one, other), 1):
        space.module('vnet_address', dev='eth1', address=f'192.0.2.{number}/24')
    before = one.json('ip link'), one.json('tc qdisc')
    items = [{'dev': 'eth1', 'ifb': 'ifb0', 'ingress': {'rate': '2mbit', 'queue': {'kind': 'sfq', 'options': {'perturb': 10}}}}]
    document = FILTERS['pattern_document'](items, 'shaping')
    built = state(one, document)
    assert built['changed'] and not state(one, document)['changed']
    flow = {'to': '192.0.2.1', 'protocol': 'udp', 'port': 54321, 'size': 1300, 'duration': 2}
    run_module('vnet_probe', {'netns': one.name, 'protocol': 'udp', 'port': 54321, 'listen': True, 'timeout': 120})
    limited = {**flow, 'netns': other.name, 'rate': '6mbit', 'max_rate': '2300kbit', 'min_rate': '1700kbit'}
    limited = {**flow, 'netns': other.name, 'rate': '6mbit', 'max_rate': '2300kbit', 'min_rate': '1700kbit'}
    seen = run_module('vnet_capture', {'netns': one.name, 'dev': 'ifb0', 'during': [limited], 'expect': [{'match': {'dport': 54321}, 'min': 100}]})
    assert seen['ok'] and seen['probes'][0]['rate'] > 1.7e6
    assert not probe(other, **flow, rate='6mbit', min_rate='5mbit')['ok']  # a broken check is noticed
    gone = FILTERS['site_removal']({section: [{'netns': one.name, **item} for item in items] for section, items in document.items()},
                                   [FILTERS['site_found'](built['operations'])])
    run_here('vnet_state', gone)
    assert (one.json('ip link'), one.json('tc qdisc')) == before
    free = probe(other, **flow, rate='6mbit', min_rate='2600kbit')  # more than the limit; how much more is a matter of the load of the machine
    assert free['ok'], free
