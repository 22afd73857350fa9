# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No lock-out by layer 3: the kernel is asked which route the answers of the connection take. In the namespace of the module, as a connection is."""

from __future__ import annotations

import subprocess

import pytest

from module import ModuleFailed, run_here

LINES = ['link add name ssh0 type dummy', 'link set dev ssh0 up', 'addr add 192.0.2.10/24 dev ssh0', 'addr add 2001:db8::10/64 dev ssh0 nodad',
         'route add default via 192.0.2.1 proto 118', 'route add 203.0.113.0/24 via 192.0.2.2 proto 118', '-6 route add default via 2001:db8::1 proto 118',
         'nexthop add id 7 via 192.0.2.3 dev ssh0', 'route add 198.51.100.0/24 nhid 7 table 100', 'rule add to 198.51.100.0/24 table 100 pref 50 protocol 118']


@pytest.fixture
def home(kernel):
    for line in LINES:
        subprocess.run(['ip', *line.split()], check=True)
    yield
    subprocess.run(['ip', 'link', 'del', 'ssh0'], check=True)
    subprocess.run(['ip', 'rule', 'del', 'pref', '50'], check=False)


@pytest.mark.parametrize('client, server, module, options', [
    ('203.0.113.9', '192.0.2.10', 'vnet_route', {'dst': '203.0.113.0/24', 'state': 'absent'}),
    ('8.8.8.8', '192.0.2.10', 'vnet_route', {'dst': 'default', 'state': 'absent'}),
    ('8.8.8.8', '192.0.2.10', 'vnet_route', {'purge': True, 'config': []}),
    ('2001:db8:9::9', '2001:db8::10', 'vnet_route', {'dst': 'default', 'family': 'inet6', 'state': 'absent'}),
    ('198.51.100.9', '192.0.2.10', 'vnet_nexthop', {'id': 7, 'state': 'absent'}),
    ('198.51.100.9', '192.0.2.10', 'vnet_rule', {'purge': True, 'config': []}),
    ('198.51.100.9', '192.0.2.10', 'vnet_rule', {'priority': 10, 'action': 'blackhole'}),
    ('203.0.113.9', '192.0.2.10', 'vnet_link', {'name': 'ssh0', 'master': 'red'}),
], ids=str)
def test_refused(home, monkeypatch, client, server, module, options):
    monkeypatch.setenv('SSH_CONNECTION', f'{client} 50000 {server} 22')
    if module == 'vnet_link':
        module, options = 'vnet_state', {'links': [{'name': 'red', 'kind': 'vrf', 'vrf': {'table': 10}}, options]}
    before = subprocess.run(['ip', 'route', 'show', 'table', 'all'], capture_output=True, check=True).stdout
    with pytest.raises(ModuleFailed) as caught:
        run_here(module, options)
    assert f'would cut the connection that Ansible came by ({server} on ssh0)' in caught.value.result['msg']
    assert subprocess.run(['ip', 'route', 'show', 'table', 'all'], capture_output=True, check=True).stdout == before


@pytest.mark.parametrize('module, options', [
    ('vnet_route', {'dst': '203.0.113.0/24', 'state': 'absent'}), ('vnet_nexthop', {'id': 7, 'state': 'absent'}),
    ('vnet_rule', {'priority': 50, 'state': 'absent'}), ('vnet_route', {'dst': '192.0.2.64/26', 'type': 'blackhole'}),
], ids=str)
def test_let_through(home, monkeypatch, module, options):
    monkeypatch.setenv('SSH_CONNECTION', '8.8.8.8 50000 192.0.2.10 22')
    assert run_here(module, options, check=True)['changed']


MAC = '02:00:00:00:00:77'


def ports(vlan):
    """A bridge with the address, in a VLAN or not, whose port n0 leads to 192.0.2.1 and 2001:db8::1; n1 is another port."""
    dev = 'v10' if vlan else 'br0'
    lines = [f'link add br0 type bridge vlan_filtering {int(bool(vlan))}', *(f'link add {name} master br0 type dummy' for name in ('n0', 'n1')),
             *(['link add link br0 name v10 type vlan id 10'] if vlan else []), *(f'link set dev {name} up' for name in ('n0', 'n1', 'br0', dev)),
             f'addr add 192.0.2.10/24 dev {dev}', f'addr add 2001:db8::10/64 dev {dev} nodad', 'route add 203.0.113.0/24 via 192.0.2.1',
             f'neigh replace 192.0.2.1 lladdr {MAC} dev {dev}', f'neigh replace 2001:db8::1 lladdr {MAC} dev {dev}']
    return [*(f'ip {line}' for line in lines), *([f'bridge vlan add dev {name} vid 10' for name in ('n0', 'n1')] if vlan else []),
            f'bridge fdb add {MAC} dev n0 master dynamic' + (' vlan 10' if vlan else '')]


@pytest.fixture
def bridged(kernel):
    def build(vlan):
        for line in ports(vlan):
            subprocess.run(line.split(), check=True)

    yield build
    for name in 'br0', 'n0', 'n1':
        subprocess.run(['ip', 'link', 'del', name], check=False)


@pytest.mark.parametrize('vlan', [None, 10])
@pytest.mark.parametrize('client, server', [('203.0.113.9', '192.0.2.10'), ('192.0.2.1', '192.0.2.10'), ('2001:db8::1', '2001:db8::10')])
def test_the_port_of_a_bridge_that_leads_to_the_client(bridged, monkeypatch, client, server, vlan):
    """Others may come and go, as those of containers do; where the bridge has not learned it, any may be the one."""
    bridged(vlan)
    monkeypatch.setenv('SSH_CONNECTION', f'{client} 50000 {server} 22')
    assert run_here('vnet_link', {'name': 'n1', 'state': 'absent'}, check=True)['changed']
    with pytest.raises(ModuleFailed, match='would cut the connection'):
        run_here('vnet_link', {'name': 'n0', 'state': 'absent'}, check=True)
    subprocess.run(['bridge', 'fdb', 'del', MAC, 'dev', 'n0', 'master', *(['vlan', '10'] if vlan else [])], check=True)
    with pytest.raises(ModuleFailed, match='would cut the connection'):
        run_here('vnet_link', {'name': 'n1', 'state': 'absent'}, check=True)


def test_without_ipv6(home, monkeypatch):
    """The addresses go with it."""
    for client, server, cut in ('2001:db8::1', '2001:db8::10', {'ssh0', 'all'}), ('8.8.8.8', '192.0.2.10', set()):
        monkeypatch.setenv('SSH_CONNECTION', f'{client} 50000 {server} 22')
        for dev in 'ssh0', 'lo', 'all', 'default':
            options = {'name': f'net.ipv6.conf.{dev}.disable_ipv6', 'value': 1}
            if dev in cut:
                with pytest.raises(ModuleFailed, match='would cut the connection'):
                    run_here('vnet_sysctl', options, check=True)
            else:
                assert run_here('vnet_sysctl', options, check=True)['changed']


def test_too_small_for_ipv6(home, monkeypatch):
    """Below 1280 bytes its addresses go too."""
    for client, server, cut in ('2001:db8::1', '2001:db8::10', True), ('8.8.8.8', '192.0.2.10', False):
        monkeypatch.setenv('SSH_CONNECTION', f'{client} 50000 {server} 22')
        assert run_here('vnet_link', {'name': 'ssh0', 'mtu': 1280}, check=True)['changed']
        if cut:
            with pytest.raises(ModuleFailed, match='would cut the connection'):
                run_here('vnet_link', {'name': 'ssh0', 'mtu': 1279}, check=True)
        else:
            assert run_here('vnet_link', {'name': 'ssh0', 'mtu': 1279}, check=True)['changed']
