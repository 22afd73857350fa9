# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of links that take more than one link or a device to try, against iproute2."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import termios
import threading

import pytest

from module import round_trip, run_here

PRINTED = ('ip link', 'bridge link', 'bridge vlan', 'bridge vlan tunnelshow', 'bridge vni', 'bridge fdb')


def made_alike(ours, theirs, replayed, config, printed=('ip link',)):
    """The items leave `ours` as `theirs` is, in one run, and their command lines leave `replayed` so."""
    planned = ours.module('vnet_link', config=config, check=True, diff=True)
    made = ours.module('vnet_link', config=config, diff=True)
    assert made == planned and made['changed']
    ours.like(theirs, *printed)
    assert ours.module('vnet_link', config=config)['operations'] == []
    ours.replay(made['commands'], (ours, replayed))
    replayed.like(theirs, *printed)
    round_trip(ours.name)
    return made


# -- pairs -----------------------------------------------------------------------------------------------------------------

def test_vxcan(spaces):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    theirs.batch(['ip link add one type vxcan peer name two', 'ip link set one mtu 72', 'ip link set one up', 'ip link set two up'])
    made_alike(ours, theirs, replayed, [{'name': 'one', 'kind': 'vxcan', 'mtu': 72, 'peer': {'name': 'two'}}])
    refused = ours.refused('vnet_link', name='three', kind='vxcan', address='02:00:00:00:00:01', peer={'name': 'four'})
    assert 'has no MAC' in refused['msg']


def test_vxcan_across_namespaces(spaces):
    theirs, far, ours, there = spaces('theirs', 'far', 'ours', 'there')
    theirs.batch([f'ip link add one type vxcan peer name two netns {far.name}', 'ip link set one up'])
    far.ip('link set two up')
    for unused in range(2):
        result = ours.module('vnet_link', name='one', kind='vxcan', vxcan={'peer': {'name': 'two', 'netns': there.name}})
    assert result['changed'] is False
    ours.like(theirs, 'ip link')
    there.like(far, 'ip link')


@pytest.mark.kernel('netkit')
def test_netkit(spaces):
    theirs, ours, replayed, rebuilt = spaces('theirs', 'ours', 'replayed', 'rebuilt')
    for line in ('add one type netkit mode l3 blackhole peer forward name two', 'set one up', 'set two up',
                 'add three address 02:00:00:00:00:03 type netkit mode l2 forward peer blackhole name four address 02:00:00:00:00:04',
                 'set three up', 'set four up'):
        theirs.ip('link ' + line)  # in a batch, mode is one too many the second time
    config = [{'name': 'one', 'kind': 'netkit', 'peer': {'name': 'two'}, 'netkit': {'mode': 'l3', 'policy': 'blackhole', 'peer_policy': 'forward'}},
              {'name': 'three', 'kind': 'netkit', 'address': '02:00:00:00:00:03',
               'netkit': {'peer': {'name': 'four', 'address': '02:00:00:00:00:04'}, 'mode': 'l2', 'policy': 'forward', 'peer_policy': 'blackhole'}}]
    made_alike(ours, theirs, replayed, config)
    state = round_trip(ours.name)
    run_here('vnet_state', {**state, 'links': [{**item, 'netns': rebuilt.name, **({'peer': {**item['peer'], 'netns': rebuilt.name}} if 'peer' in item else {})}
                                               for item in state['links']]})
    rebuilt.like(theirs, 'ip link')

    indexes = ours.links()
    theirs.batch(['ip link set one type netkit forward peer blackhole'])
    config[0]['netkit'].update(policy='forward', peer_policy='blackhole')
    changed = ours.module('vnet_link', config=config)
    assert ours.links() == indexes
    ours.like(theirs, 'ip link')
    ours.replay(changed['commands'], (ours, replayed))
    replayed.like(theirs, 'ip link')

    config[1]['netkit'].update(mode='l3', peer={'name': 'four'})
    config[1].pop('address')
    assert 'recreate' in ours.refused('vnet_link', config=config)['msg']
    ours.module('vnet_link', config=config, recreate=True)
    assert ours.link('three')['linkinfo']['info_data']['mode'] == 'l3' and ours.links()['one'] == indexes['one'] and ours.links()['three'] != indexes['three']
    ours.module('vnet_link', name='two', state='absent')
    assert set(ours.links()) == {'lo', 'three', 'four'}


# -- hsr -------------------------------------------------------------------------------------------------------------------

def test_hsr(spaces):
    theirs, ours, replayed, rebuilt = spaces('theirs', 'ours', 'replayed', 'rebuilt')
    slaves = [{'name': f'{ring}{end}', 'kind': 'dummy', 'address': f'02:00:00:00:0{ring[1]}:0{end}'} for ring in ('s0', 's1', 's2') for end in (1, 2)]
    theirs.batch([*(f'ip link add {item["name"]} address {item["address"]} up type dummy' for item in slaves),
                  'ip link add h0 type hsr slave1 s01 slave2 s02', 'ip link add h1 type hsr slave1 s11 slave2 s12 supervision 7 version 1',
                  'ip link add h2 type hsr slave1 s21 slave2 s22 proto 1', *(f'ip link set h{place} up' for place in range(3))])
    config = [{'name': 'h0', 'kind': 'hsr', 'hsr': {'slave1': 's01', 'slave2': 's02'}},
              {'name': 'h1', 'kind': 'hsr', 'hsr': {'slave1': 's11', 'slave2': 's12', 'supervision': 7, 'version': 1}},
              {'name': 'h2', 'kind': 'hsr', 'hsr': {'slave1': 's21', 'slave2': 's22', 'proto': 'prp'}}, *slaves]
    made_alike(ours, theirs, replayed, config)
    state = round_trip(ours.name)
    run_here('vnet_state', {**state, 'links': [{**item, 'netns': rebuilt.name} for item in state['links']]})
    rebuilt.like(theirs, 'ip link')

    theirs.batch(['ip link del h0', 'ip link add h0 type hsr slave1 s02 slave2 s01 supervision 9', 'ip link set h0 up'])
    config[0]['hsr'] = {'slave1': 's02', 'slave2': 's01', 'supervision': 9}
    assert 'recreate' in ours.refused('vnet_link', config=config)['msg']
    changed = ours.module('vnet_link', config=config, recreate=True)
    ours.like(theirs, 'ip link')
    ours.replay(changed['commands'], (ours, replayed))
    replayed.like(theirs, 'ip link')
    assert 'needs' not in ours.module('vnet_link', config=[{'name': f'h{place}'} for place in range(3)], state='absent').get('msg', '')
    assert set(ours.links()) == {'lo', *(item['name'] for item in slaves)}


# -- can -------------------------------------------------------------------------------------------------------------------

SLCAN = 17  # N_SLCAN of linux/tty.h


def swallow(descriptor):
    """Reads what is sent, until the other side is closed: the driver waits for its commands to be taken."""
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        pass


@pytest.fixture
def controllers():
    """Makes CAN controllers whose bus is a pseudo terminal: controllers(space) is can0 there."""
    subprocess.run(['modprobe', 'slcan'], check=True)
    opened = []

    def make(space):
        before = set(os.listdir('/sys/class/net'))
        opened.extend(os.openpty())
        threading.Thread(target=swallow, args=(opened[-2],), daemon=True).start()
        fcntl.ioctl(opened[-1], termios.TIOCSETD, struct.pack('=i', SLCAN))
        (name,) = set(os.listdir('/sys/class/net')) - before
        subprocess.run(['ip', 'link', 'set', 'dev', name, 'netns', space.name, 'name', 'can0'], check=True)

    yield make
    for descriptor in reversed(opened):
        os.close(descriptor)


@pytest.mark.kernel('slcan')
def test_can(spaces, controllers):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        controllers(space)
    theirs.batch(['ip link set can0 type can bitrate 500000', 'ip link set can0 up'])
    made_alike(ours, theirs, replayed, [{'name': 'can0', 'kind': 'can', 'can': {'bitrate': 500000}}])
    assert ours.link('can0')['linkinfo']['info_data']['bittiming_bitrate'] == 500000

    theirs.batch(['ip link set can0 down', 'ip link set can0 type can bitrate 125000', 'ip link set can0 up'])
    changed = made_alike(ours, theirs, replayed, [{'name': 'can0', 'kind': 'can', 'can': {'bitrate': 125000}}])
    assert [operation['disruption'] for operation in changed['operations']] == ['down']

    before = ours.normal('ip link')
    failed = ours.refused('vnet_link', config=[{'name': 'can0', 'kind': 'can', 'can': {'bitrate': 700000}}])
    assert failed['rolled_back'] and failed['errno']
    ours.unchanged(before, ours.normal('ip link'))
    assert 'hardware' in ours.refused('vnet_link', name='can7', kind='can')['msg']
    assert 'physical' in ours.refused('vnet_link', name='can0', state='absent')['msg']
    assert ours.module('vnet_link', purge=True, purge_match=['*'], config=[])['operations'] == []


# -- the VNIs of one VXLAN device ------------------------------------------------------------------------------------------

VNI = [{'vni': 100}, {'vni': '200-299', 'remote': '192.0.2.9'}, {'vni': 300, 'group': '239.1.1.1'}, {'vni': '301-399'}]
BARE = {'external': True, 'vnifilter': True, 'learning': False, 'local': '192.0.2.1', 'dev': 'd0'}


def vni_lines(rows):
    return [f'bridge vni add vni {row["vni"]} ' + ''.join(f'{name} {row[name]} ' for name in ('group', 'remote') if name in row) + 'dev vx' for row in rows]


def test_vnis(spaces):
    theirs, ours, replayed, rebuilt = spaces('theirs', 'ours', 'replayed', 'rebuilt')
    theirs.batch(['ip link add d0 up type dummy', 'ip link add vx type vxlan external vnifilter nolearning local 192.0.2.1 dev d0 dstport 4789',
                  'ip link set vx up'])
    for line in vni_lines(VNI):
        theirs.run(line)
    device = {'name': 'vx', 'kind': 'vxlan', 'vxlan': {**BARE, 'vnis': VNI}}
    printed = ('ip link', 'bridge vni', 'bridge fdb')
    made_alike(ours, theirs, replayed, [device, {'name': 'd0', 'kind': 'dummy'}], ('ip link',))
    for printing in ('bridge vni', 'bridge fdb'):
        ours.like(theirs, printing)
        replayed.like(theirs, printing)
    state = round_trip(ours.name)
    run_here('vnet_state', {**state, 'links': [{**item, 'netns': rebuilt.name} for item in state['links']], 'fdb': []})
    rebuilt.like(theirs, 'bridge vni')

    # written otherwise, the same
    device['vxlan']['vnis'] = [{'vni': '310-399'}, {'vni': '200-210', 'remote': '192.0.2.9'}, {'vni': '211-299', 'remote': '192.0.2.9'}, {'vni': '301-309'},
                               {'vni': 300, 'group': '239.1.1.1'}, {'vni': 100}]
    assert ours.module('vnet_link', config=[device])['operations'] == []

    index = ours.links()['vx']
    for line in ('delete vni 100', 'delete vni 250-299', 'add vni 260-299 remote 192.0.2.8', 'delete vni 300', 'add vni 300', 'add vni 400-402'):
        theirs.bridge(f'vni {line} dev vx')
    device['vxlan']['vnis'] = [{'vni': '200-249', 'remote': '192.0.2.9'}, {'vni': '260-299', 'remote': '192.0.2.8'}, {'vni': '300-402'}]
    changed = ours.module('vnet_link', config=[device], diff=True)
    assert ours.links()['vx'] == index and [operation['disruption'] for operation in changed['operations']] == ['in_place']
    ours.replay(changed['commands'], (ours, replayed))
    for printing in printed:
        ours.like(theirs, printing)
        replayed.like(theirs, printing)

    before = ours.normal(*printed[1:])
    failed = ours.refused('vnet_link', config=[{**device, 'vxlan': {**BARE, 'vnis': [{'vni': 7}]}},
                                               {**device, 'name': 'other', 'vxlan': {**BARE, 'vnis': [{'vni': '6-7'}]}}])  # a VNI is of one device a port
    assert failed['rolled_back']
    ours.unchanged(before, ours.normal(*printed[1:]))
    ours.module('vnet_link', config=[{**device, 'vxlan': {**BARE, 'vnis': []}}])
    assert ours.json('bridge vni')[0] == [] or not ours.json('bridge vni')[0][0]['vnis']


@pytest.mark.parametrize('vnis, sentence', [
    ([{'vni': '1-5'}, {'vni': '5-9'}], 'twice'), ([{'vni': 0}], '1-16777215'), ([{'vni': 16777216}], '1-16777215'), ([{'remote': '192.0.2.1'}], 'vni'),
    ([{'vni': 1, 'remote': '239.1.1.1'}], 'unicast'), ([{'vni': 1, 'remote': '192.0.2.1', 'group': '239.1.1.1'}], 'not both'),
])
def test_vnis_refused(spaces, vnis, sentence):
    ours = spaces('ours')
    assert sentence in ours.refused('vnet_link', name='vx', kind='vxlan', vxlan={'external': True, 'vnifilter': True, 'vnis': vnis})['msg']
    assert set(ours.links()) == {'lo'}


def test_one_vxlan_device_for_all_vlans(spaces):
    """The bridge maps VLANs to VNIs, and each VNI has FDB entries of its own."""
    theirs, ours = spaces('theirs', 'ours')
    theirs.batch(['ip link add bri type bridge vlan_filtering 1 vlan_default_pvid 0', 'ip link add port type dummy', 'ip link set port master bri',
                  'ip link add vx address 02:00:00:00:00:aa type vxlan external vnifilter nolearning local 192.0.2.1 dstport 4789', 'ip link set vx master bri',
                  'ip link set vx type bridge_slave vlan_tunnel on learning off neigh_suppress on',
                  *(f'ip link set {name} up' for name in ('bri', 'port', 'vx'))])
    theirs.batch(['bridge vlan add dev bri vid 10 self', 'bridge vlan add dev port vid 10 pvid untagged', 'bridge vlan add dev port vid 20-29',
                  'bridge vlan add dev vx vid 10', 'bridge vlan add dev vx vid 10 tunnel_info id 10010',
                  'bridge vlan add dev vx vid 20-29', 'bridge vlan add dev vx vid 20-29 tunnel_info id 10020-10029',
                  'bridge vni add vni 10010 dev vx', 'bridge vni add vni 10020-10029 remote 192.0.2.99 dev vx',
                  'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.2 src_vni 10010 self permanent',
                  'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.3 src_vni 10010 self permanent',
                  'bridge fdb add 02:00:00:00:00:07 dev vx dst 192.0.2.2 src_vni 10010 self permanent',
                  'bridge fdb add 02:00:00:00:00:07 dev vx dst 192.0.2.3 vni 777 src_vni 10020 self permanent',
                  'bridge fdb add 02:00:00:00:00:07 dev vx vlan 10 master static'])
    document = {
        'links': [
            {'name': 'bri', 'kind': 'bridge', 'bridge': {'vlan_filtering': True, 'vlan_default_pvid': 0}},
            {'name': 'port', 'kind': 'dummy', 'master': 'bri'},
            {'name': 'vx', 'kind': 'vxlan', 'address': '02:00:00:00:00:aa', 'master': 'bri',
             'bridge_port': {'vlan_tunnel': True, 'learning': False, 'neigh_suppress': True},
             'vxlan': {'external': True, 'vnifilter': True, 'learning': False, 'local': '192.0.2.1',
                       'vnis': [{'vni': 10010}, {'vni': '10020-10029', 'remote': '192.0.2.99'}]}}],
        'bridge_vlans': [
            {'dev': 'bri', 'vlans': [{'vid': 10}]}, {'dev': 'port', 'vlans': [{'vid': 10, 'pvid': True, 'untagged': True}, {'vid': '20-29'}]},
            {'dev': 'vx', 'vlans': [{'vid': 10, 'tunnel_id': 10010}, {'vid': '20-29', 'tunnel_id': '10020-10029'}]}],
        'fdb': [
            {'dev': 'vx', 'src_vni': 10010, 'remotes': ['192.0.2.2', '192.0.2.3']},
            {'dev': 'vx', 'mac': '02:00:00:00:00:07', 'dst': '192.0.2.2', 'src_vni': 10010},
            {'dev': 'vx', 'mac': '02:00:00:00:00:07', 'dst': '192.0.2.3', 'src_vni': 10020, 'vni': 777},
            {'dev': 'vx', 'mac': '02:00:00:00:00:07', 'vlan': 10, 'master': True, 'entry_state': 'static'}],
    }
    document = {section: [{**item, 'netns': ours.name} for item in items] for section, items in document.items()}
    run_here('vnet_state', document)
    ours.like(theirs, *PRINTED)
    assert run_here('vnet_state', document)['operations'] == []
    round_trip(ours.name)

    # made anew for another address, it gets everything back
    theirs.batch(['ip link set bri down', 'ip link set bri up'])
    document['links'][2]['vxlan']['dstport'] = 8472
    document['links'][2]['recreate'] = True
    run_here('vnet_state', document)
    assert ours.link('vx')['linkinfo']['info_data']['port'] == 8472
    ours.like(theirs, *(printed for printed in PRINTED if printed != 'ip link'))
    assert run_here('vnet_state', document)['operations'] == []


# -- options that not every link has ---------------------------------------------------------------------------------------

def test_protodown(spaces):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    theirs.batch(['ip link add below up type dummy', 'ip link add mv link below address 02:00:00:00:00:07 type macvlan mode bridge', 'ip link set mv up',
                  'ip link set mv protodown on'])
    item = {'name': 'mv', 'kind': 'macvlan', 'link': 'below', 'address': '02:00:00:00:00:07', 'macvlan': {'mode': 'bridge'}}
    made_alike(ours, theirs, replayed, [{'name': 'below', 'kind': 'dummy'}, {**item, 'protodown': True}])
    theirs.ip('link set mv protodown off')
    changed = ours.module('vnet_link', config=[{**item, 'protodown': False}])
    ours.like(theirs, 'ip link')
    ours.replay(changed['commands'], (ours, replayed))
    replayed.like(theirs, 'ip link')


def test_group_by_name(spaces, tmp_path):
    """As `ip link set group` looks it up, and as `ip -j link` prints it."""
    theirs, ours = spaces('theirs', 'ours')
    with open('/etc/iproute2/group', 'a', encoding='utf-8') as file:
        file.write('77\tuplinks\n')
    theirs.batch(['ip link add one type dummy', 'ip link set one group uplinks'])
    ours.module('vnet_link', name='one', kind='dummy', group='uplinks', up=False)
    ours.like(theirs, 'ip link')
    assert ours.link('one')['group'] == 'uplinks'
    assert ours.module('vnet_link', name='one', kind='dummy', group=77, up=False)['operations'] == []
    assert '/etc/iproute2/group' in ours.refused('vnet_link', name='one', group='downlinks')['msg']


@pytest.mark.kernel('6.12')
def test_mcast_max_groups(spaces):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    theirs.batch(['ip link add bri type bridge', 'ip link add port type dummy', 'ip link set port master bri'])
    theirs.bridge('link set dev port mcast_max_groups 7')
    made_alike(ours, theirs, replayed, [{'name': 'bri', 'kind': 'bridge', 'up': False}, {
        'name': 'port', 'kind': 'dummy', 'up': False, 'master': 'bri', 'bridge_port': {'mcast_max_groups': 7}}], ('bridge link', 'ip link'))


@pytest.mark.kernel('6.12')
def test_hsr_interlink(spaces):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    theirs.batch([f'ip link add s{end} address 02:00:00:00:00:0{end} up type dummy' for end in (1, 2, 3)])
    theirs.batch(['ip link add h0 type hsr slave1 s1 slave2 s2 interlink s3', 'ip link set h0 up'])
    made_alike(ours, theirs, replayed, [{'name': 'h0', 'kind': 'hsr', 'hsr': {'slave1': 's1', 'slave2': 's2', 'interlink': 's3'}},
                                        *({'name': f's{end}', 'kind': 'dummy', 'address': f'02:00:00:00:00:0{end}'} for end in (1, 2, 3))])


# -- batadv ----------------------------------------------------------------------------------------------------------------

MESH = {'ra': 'BATMAN_V', 'aggregation': False, 'ap_isolation': True, 'bonding': True, 'bridge_loop_avoidance': False, 'distributed_arp_table': False,
        'fragmentation': False, 'gw_mode': 'client', 'hop_penalty': 77, 'multicast_forceflood': True, 'orig_interval': 777, 'multicast_fanout': 7}


def test_batadv(spaces):
    """iproute2 shows no option of a mesh, and batctl is not here: what the kernel reports by generic netlink is compared with what was asked for."""
    theirs, ours, rebuilt = spaces('theirs', 'ours', 'rebuilt')
    mac = '02:00:00:00:00:07'
    theirs.batch(['ip link add port up type dummy', f'ip link add mesh address {mac} type batadv ra BATMAN_V', 'ip link set port master mesh',
                  'ip link set mesh up'])
    config = [{'name': 'mesh', 'kind': 'batadv', 'address': mac, 'batadv': {'ra': 'BATMAN_V'}}, {'name': 'port', 'kind': 'dummy', 'master': 'mesh'}]
    planned = ours.module('vnet_link', config=config, check=True)
    assert ours.module('vnet_link', config=config) == planned
    ours.like(theirs, 'ip link')
    assert ours.module('vnet_link', config=config)['operations'] == []
    before = {item['name']: item for item in round_trip(ours.name)['links']}['mesh']['batadv']
    assert before['ra'] == 'BATMAN_V' and all(before[option] != value for option, value in MESH.items() if option != 'ra'), before

    config[0]['batadv'] = MESH
    index = ours.links()['mesh']
    changed = ours.module('vnet_link', config=config)
    assert ours.links()['mesh'] == index and [operation['disruption'] for operation in changed['operations']] == ['in_place']
    assert f'nsenter --net=/run/netns/{ours.name} batctl meshif mesh hop_penalty 77' in changed['commands']
    state = round_trip(ours.name)
    assert {item['name']: item for item in state['links']}['mesh']['batadv'] == MESH
    run_here('vnet_state', {**state, 'links': [{**item, 'netns': rebuilt.name} for item in state['links']]})
    assert {item['name']: item for item in round_trip(rebuilt.name)['links']}['mesh']['batadv'] == MESH

    config[0]['batadv'] = {'ra': 'BATMAN_IV'}
    assert 'recreate' in ours.refused('vnet_link', config=config)['msg']
    ours.module('vnet_link', config=config, recreate=True)
    after = {item['name']: item for item in round_trip(ours.name)['links']}
    assert after['mesh']['batadv'] == {**MESH, 'ra': 'BATMAN_IV'} and after['port']['master'] == 'mesh'
