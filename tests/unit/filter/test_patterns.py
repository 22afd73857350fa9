# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of the roles for CAN, monitoring, shaping, simulated NICs and MACsec; keys that change."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.linuxnet.vnet.plugins.filter.patterns import FilterModule
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES

FILTERS = FilterModule().filters()
SECRET = 'a secret of all machines'


@pytest.mark.parametrize('role, item, sections', [
    ('can', {'name': 'vcan1'}, {'links': [{'name': 'vcan1', 'up': True, 'kind': 'vcan'}]}),
    ('can', {'netns': 'net1', 'name': 'vxcan1', 'mtu': 72, 'peer': {'name': 'vxcan2', 'netns': 'net2'}}, {'links': [
        {'netns': 'net1', 'name': 'vxcan1', 'mtu': 72, 'up': True, 'kind': 'vxcan', 'peer': {'name': 'vxcan2', 'netns': 'net2', 'mtu': 72, 'up': True}}]}),
    ('monitor', {'name': 'nlmon0'}, {'links': [{'name': 'nlmon0', 'kind': 'nlmon', 'up': True}]}),
    ('simulated_nic', {'name': 'sim0', 'id': 10, 'num_vfs': 3, 'vfs': [{'id': 0, 'vlan': 7}]}, {'links': [
        {'name': 'sim0', 'kind': 'netdevsim', 'up': True, 'netdevsim': {'id': 10, 'num_vfs': 3}, 'vfs': [{'id': 0, 'vlan': 7}]}]}),
    ('shaping', {'dev': 'eth1', 'egress': {'rate': '100mbit'}}, {'tc': [
        {'dev': 'eth1', 'qdisc': {'root': True, 'handle': '1:', 'kind': 'tbf', 'options': {'rate': '100mbit', 'burst': 125000, 'latency': '50ms'}}}]}),
])
def test_document(role, item, sections):
    document = FILTERS['pattern_document']([item], role)
    assert document == sections
    from_document(RESOURCES, document)  # the engine takes it


def test_shaping_of_what_arrives():
    document = FILTERS['pattern_document']([{'dev': 'eth1', 'ifb': 'ifb0', 'ingress': {}}, {'dev': 'eth2', 'ifb': 'ifb1', 'ingress': {
        'rate': '1mbit', 'queue': {'kind': 'sfq'}}}], 'shaping')
    assert [link['name'] for link in document['links']] == ['ifb0', 'ifb1']
    shapes = [(one['dev'], one.get('qdisc', one.get('filter'))['kind']) for one in document['tc']]
    assert shapes == [('eth1', 'ingress'), ('eth1', 'u32'), ('ifb0', 'sfq'), ('eth2', 'ingress'), ('eth2', 'u32'), ('ifb1', 'tbf'), ('ifb1', 'sfq')]
    assert document['tc'][5]['qdisc']['options']['burst'] == 15000 and document['tc'][6]['qdisc']['parent'] == '1:1'
    from_document(RESOURCES, document)
    with pytest.raises(AnsibleFilterError, match='not a rate such as'):
        FILTERS['pattern_document']([{'dev': 'eth1', 'egress': {'rate': 'fast'}}], 'shaping')


class Machines:
    """What the role does on machines, without machines: the live device of each is what the last document made of it."""

    def __init__(self, *hosts, **links):
        self.items = {host: [{'name': 'macsec0', 'link': 'eth1', 'secret': SECRET, **links}] for host in hosts}
        self.live = {host: [] for host in hosts}

    def run(self, step='build', hosts=None):
        hosts = hosts or list(self.items)
        told = {host: FILTERS['macsec_seen'](self.items[host], host, self.live[host]) for host in hosts}
        plan = FILTERS['macsec_channels'](told, step)
        assert SECRET not in json.dumps([told, plan])
        documents = {host: FILTERS['macsec_document'](self.items[host], host, plan, told[host], list(self.items)) for host in hosts}
        for host, document in documents.items():
            from_document(RESOURCES, document)
            self.live[host] = [{'name': 'macsec0', 'netns': None, **self.device(document)}]
        return documents

    def device(self, document):
        macsec = next(link['macsec'] for link in document['links'] if 'macsec' in link)
        return {option: macsec[option] for option in ('sci', 'encodingsa', 'tx_sa', 'rx_channels')}

    def understood(self, sender, receiver):
        """Whether the receiver has the key that the sender sends by."""
        sending, receiving = self.live[sender][0], self.live[receiver][0]
        sa = next(sa for sa in sending['tx_sa'] if sa['an'] == sending['encodingsa'])
        channel = next((channel for channel in receiving['rx_channels'] if channel['sci'] == sending['sci']), {'sa': []})
        return any(other['an'] == sa['an'] and other['key_id'] == sa['key_id'] for other in channel['sa'])


def test_machines_understand_each_other():
    machines = Machines('node1', 'node2', 'node3')
    made = machines.run()
    assert all(machines.understood(a, b) for a in machines.items for b in machines.items if a != b)
    keys = [sa['key'] for host in made for sa in machines.live[host][0]['tx_sa']]
    assert len(set(keys)) == 3 and all(len(key) == 32 for key in keys)
    assert machines.run() == made


def test_keys_rotate_without_a_gap():
    machines = Machines('node1', 'node2', cipher='gcm-aes-256')
    machines.run()
    old = [sa['key_id'] for sa in machines.live['node1'][0]['tx_sa']]
    for step in ('add', 'use', 'drop'):
        for host in ('node1', 'node2'):
            before = dict(machines.live)
            after = Machines.run(machines, step)
            # whichever machine is first, each hears the other all the time
            for mixed in ({**before, host: machines.live[host]}, dict(machines.live)):
                kept, machines.live = machines.live, mixed
                assert machines.understood('node1', 'node2') and machines.understood('node2', 'node1'), (step, host)
                machines.live = kept
            assert Machines.run(machines, step) == after  # a step may be repeated
    new = [sa['key_id'] for sa in machines.live['node1'][0]['tx_sa']]
    assert len(new) == 1 and new != old and machines.live['node1'][0]['encodingsa'] == 1


def test_a_device_made_again_has_other_keys():
    machines = Machines('node1', 'node2')
    old = machines.run()['node1']['links'][1]['macsec']['tx_sa'][0]['key']
    machines.live['node1'] = []
    new = machines.run()['node1']['links'][1]['macsec']['tx_sa'][0]['key']
    assert new != old and machines.understood('node1', 'node2') and machines.understood('node2', 'node1')


def test_links_may_share_a_nic():
    machines = Machines('node1', 'node2')
    for items in machines.items.values():
        items.append({**items[0], 'name': 'macsec1'})
    links = machines.run()['node1']['links']
    assert [link['name'] for link in links] == ['eth1', 'macsec0', 'macsec1'] and links[1]['macsec']['sci'] != links[2]['macsec']['sci']


def test_another_secret_is_not_understood():
    machines = Machines('node1', 'node2')
    machines.items['node2'][0]['secret'] = 'another secret than that'
    machines.run()
    assert not machines.understood('node1', 'node2') and not machines.understood('node2', 'node1')


def test_secrets_change_without_a_gap():
    machines = Machines('node1', 'node2')
    machines.run()
    for items in machines.items.values():
        items[0]['secret'] = 'the next secret of all'
    for step in ('add', 'use', 'drop'):
        machines.run(step)
        assert machines.understood('node1', 'node2') and machines.understood('node2', 'node1'), step
    assert machines.run() == machines.run()


def test_who_is_not_asked_is_heard_and_who_left_is_not():
    machines = Machines('node1', 'node2', 'node3')
    machines.run()
    machines.run(hosts=['node1', 'node2'])
    assert machines.understood('node3', 'node1')
    del machines.items['node3']
    machines.run(hosts=['node1', 'node2'])
    assert len(machines.live['node1'][0]['rx_channels']) == 1


@pytest.mark.parametrize('change, words', [({'secret': 'short'}, 'at least 16 characters'), ({'sci': '0200000000010001'}, 'the same sci'),
                                           ({'cipher': 'gcm-aes-xpn-128'}, 'is not one of')])
def test_refused(change, words):
    with pytest.raises(AnsibleFilterError, match=words):
        Machines('node1', 'node2', **change).run()


def test_what_comes_back_after_a_reboot_has_no_associations():
    document = Machines('node1', 'node2').run()['node1']
    kept = FILTERS['persistent_document']({**document, 'tc': []})
    assert kept['links'][1]['macsec'] == {'sci': document['links'][1]['macsec']['sci'], 'encrypt': True} and 'tc' not in kept
