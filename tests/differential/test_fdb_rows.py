# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many FDB entries at once: the form in which they travel as columns means the same as the one entry by entry."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NetlinkSocket
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import fdb_rows
from module import ModuleFailed, run_here


def entries(count, dst=lambda place: f'10.0.0.{place % 5 + 1}', first=0):
    return [{'mac': f'02:00:00:00:{place >> 8:02x}:{place & 255:02x}', 'dst': dst(place)} for place in range(first, first + count)]


def lines(config, verb='add'):
    return [f"bridge fdb {verb} {entry['mac']} dev vx0 dst {entry['dst']}" for entry in config]


@pytest.fixture(params=['rows', 'single'])
def pair_either_way(request, pair, monkeypatch):
    """Both namespaces with a device, and both ways to go, of which the first is taken from three entries on."""
    monkeypatch.setattr(fdb_rows, 'MANY', 3 if request.param == 'rows' else 1 << 30)
    pair.both('ip link add vx0 type vxlan id 7 dstport 4789 remote 10.9.9.9', 'ip link set vx0 up')
    pair.way = request.param
    return pair


def same(pair):
    pair.same('bridge fdb')
    assert pair.module('vnet_info', gather=['state'])['changed'] is False


def test_add_and_again(pair_either_way):
    pair, config = pair_either_way, entries(300)
    planned = pair.module('vnet_fdb', check=True, dev='vx0', config=config)
    made = pair.module('vnet_fdb', dev='vx0', config=config)
    assert made == planned and made['changed'] and len(made['operations']) == (1 if pair.way == 'rows' else 300)
    pair.theirs.batch(lines(config))
    pair.ours.like(pair.theirs, 'bridge fdb')
    assert pair.module('vnet_fdb', dev='vx0', config=config)['operations'] == []


def test_entries_move_to_another_remote(pair_either_way):
    pair = pair_either_way
    pair.both(*lines(entries(10)))
    moved = entries(10, dst=lambda place: '10.0.9.9' if place % 2 else f'10.0.0.{place % 5 + 1}')
    changed = pair.module('vnet_fdb', dev='vx0', config=moved)
    assert changed['changed'] and {operation['action'] for operation in changed['operations']} == {'set'}
    pair.theirs.batch(lines(moved, 'replace'))
    pair.ours.like(pair.theirs, 'bridge fdb')
    assert pair.module('vnet_fdb', dev='vx0', config=moved)['operations'] == []


def test_purge_takes_what_is_not_listed_and_leaves_the_default_destination(pair_either_way):
    pair = pair_either_way
    pair.both(*lines(entries(40)))
    pair.ours.batch(['bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.7.7', 'bridge fdb add 02:aa:00:00:00:01 dev vx0 dst 10.0.7.7 vni 9'])
    kept = entries(10)
    pair.module('vnet_fdb', dev='vx0', config=kept, purge=True)
    pair.theirs.batch(lines(entries(30, first=10), 'del'))
    pair.ours.like(pair.theirs, 'bridge fdb')
    assert pair.module('vnet_fdb', dev='vx0', config=kept, purge=True)['operations'] == []


def test_absent(pair_either_way):
    pair = pair_either_way
    pair.both(*lines(entries(20)))
    gone = entries(15, first=10)  # five of them are not there
    assert pair.module('vnet_fdb', dev='vx0', config=gone, state='absent')['changed']
    pair.theirs.batch(lines(entries(10, first=10), 'del'))
    pair.ours.like(pair.theirs, 'bridge fdb')
    assert pair.module('vnet_fdb', dev='vx0', config=gone, state='absent')['operations'] == []


def test_absent_and_purge_leave_none(pair_either_way):
    pair = pair_either_way
    pair.both('ip link add vx1 type vxlan id 8 dstport 4789', 'ip link set vx1 up')  # with no entry of its own
    pair.ours.batch([line.replace('vx0', 'vx1') for line in lines(entries(20))])
    gone = {'dev': 'vx1', 'config': entries(15, first=10), 'state': 'absent', 'purge': True}
    assert pair.module('vnet_fdb', **gone)['changed']
    pair.ours.like(pair.theirs, 'bridge fdb')
    assert pair.module('vnet_fdb', **gone)['operations'] == []


def test_what_others_have_learned_comes_back(pair_either_way):
    """A failed task replaced entries of a routing daemon and of the device itself."""
    pair = pair_either_way
    pair.both('bridge fdb add 02:00:00:00:00:03 dev vx0 dst 10.8.8.8 self dynamic extern_learn',
              'bridge fdb add 02:00:00:00:00:04 dev vx0 dst 10.8.8.8 self dynamic')
    with pytest.raises(ModuleFailed) as caught:
        pair.module('vnet_fdb', dev='vx0', config=[*entries(10), {'mac': '02:00:00:00:09:09', 'dst': '2001:db8::1'}])
    assert caught.value.result['rolled_back']
    pair.ours.like(pair.theirs, 'bridge fdb')


def test_a_device_whose_packets_are_in_another_namespace(pair_either_way, spaces):
    """What the kernel tells of its entries begins with the other namespace."""
    pair, far = pair_either_way, spaces('far')
    for number, space in enumerate((pair.ours, pair.theirs)):
        far.ip(f'link add vx1 type vxlan id {number + 1} dstport 4789')
        far.ip(f'link set vx1 netns {space.name} up')
    on = {'dev': 'vx1', 'config': entries(20)}
    theirs = [line.replace('vx0', 'vx1') for line in lines(entries(20))]
    assert pair.module('vnet_fdb', **on)['changed'] and pair.module('vnet_fdb', **on)['operations'] == []
    pair.theirs.batch(theirs)
    pair.ours.like(pair.theirs, 'bridge fdb')
    with pytest.raises(ModuleFailed):  # what stood before still does
        pair.module('vnet_fdb', dev='vx1', config=[*entries(25), {'mac': '02:00:00:00:09:09', 'dst': '2001:db8::1'}])
    pair.ours.like(pair.theirs, 'bridge fdb')
    pair.module('vnet_fdb', purge=True, dev='vx1', config=entries(5))
    pair.theirs.batch([line.replace(' add ', ' del ') for line in theirs[5:]])
    pair.ours.like(pair.theirs, 'bridge fdb')
    pair.module('vnet_fdb', state='absent', **on)
    pair.theirs.batch([line.replace(' add ', ' del ') for line in theirs[:5]])
    pair.ours.like(pair.theirs, 'bridge fdb')


def test_purge_on_a_device_that_is_made_anew(pair_either_way):
    pair, netns = pair_either_way, pair_either_way.ours.name
    pair.both('ip link add vx1 type vxlan id 8 dstport 4790', 'ip link set vx1 up')
    pair.ours.batch([line.replace('vx0', 'vx1') for line in lines(entries(20))])
    document = {'links': [{'netns': netns, 'name': 'vx1', 'kind': 'vxlan', 'recreate': True, 'vxlan': {'id': 9, 'dstport': 4790}}],
                'fdb': [{'netns': netns, 'dev': 'vx1', 'purge': True, 'config': entries(10, first=5)}]}
    made = run_here('vnet_state', document)
    assert made['changed'] and not made.get('warnings')
    pair.theirs.batch([line.replace('vx0', 'vx1') for line in lines(entries(10, first=5))])
    pair.ours.like(pair.theirs, 'bridge fdb')
    assert run_here('vnet_state', document)['operations'] == []


def test_ipv6_remotes(pair_either_way):
    pair = pair_either_way
    pair.both('ip link del vx0', 'ip link add vx0 type vxlan id 7 dstport 4789 local ::1')
    config = entries(6, dst=lambda place: f'2001:db8::{place + 1:x}')
    pair.module('vnet_fdb', dev='vx0', config=config)
    pair.theirs.batch(lines(config))
    pair.ours.like(pair.theirs, 'bridge fdb')
    assert pair.module('vnet_fdb', dev='vx0', config=config)['operations'] == []


def test_a_refused_entry_takes_the_others_back(pair_either_way):
    pair = pair_either_way
    pair.ours.batch(lines(entries(4)))
    before = pair.ours.normal('bridge fdb')
    config = entries(8, dst=lambda place: '2001:db8::1' if place == 6 else '10.0.0.1')  # the device has IPv4 remotes
    failed = pair.ours.refused('vnet_fdb', dev='vx0', config=config)
    assert failed['rolled_back'] is True and '02:00:00:00:00:06' in failed['msg']
    pair.ours.unchanged(before, pair.ours.normal('bridge fdb'))


def test_what_the_kernel_dropped_is_written_again(pair_either_way, monkeypatch):
    pair, config, dropped = pair_either_way, entries(20), []

    def forgetful(send):
        def sends(self, *arguments):
            *beside, messages = arguments
            messages = list(messages)
            if len(messages) > 5 and not dropped:
                dropped.append(messages.pop(3))
            return send(self, *beside, messages)
        return sends

    for way in ('batch', 'alike'):
        monkeypatch.setattr(NetlinkSocket, way, forgetful(getattr(NetlinkSocket, way)))
    run_here('vnet_fdb', {'netns': pair.ours.name, 'dev': 'vx0', 'config': config})
    assert dropped
    pair.theirs.batch(lines(config))
    pair.ours.like(pair.theirs, 'bridge fdb')


@pytest.mark.parametrize('order', ['newest first', 'any'])
@pytest.mark.parametrize('action', ['create', 'set', 'delete'])
def test_each_loss_is_noticed(pair, monkeypatch, action, order):
    """What is read back where: new entries from the beginning of a dump, some at a time; a few of many one by one; else all."""
    monkeypatch.setattr(fdb_rows, 'MANY', 3)
    monkeypatch.setattr(fdb_rows, '_TOGETHER', 7)
    pair.both('ip link add vx0 type vxlan id 7 dstport 4789 remote 10.9.9.9')
    pair.both(*lines(entries(60)))
    if order == 'any':  # as kernels before 6.16 tell of them: by what their MAC comes to
        told = NetlinkSocket.told
        monkeypatch.setattr(NetlinkSocket, 'told', lambda *arguments: reversed(list(told(*arguments))))
    alike, lost = NetlinkSocket.alike, []

    def forgetful(self, kind, flags, head, tails):
        if not lost:
            lost.append(tails[2])
            tails = tails[:2] + tails[3:]
        return alike(self, kind, flags, head, tails)

    monkeypatch.setattr(NetlinkSocket, 'alike', forgetful)
    config = {'create': entries(40, first=60), 'set': entries(20, dst=lambda place: '10.0.9.9'), 'delete': entries(20)}[action]
    options = {'netns': pair.ours.name, 'dev': 'vx0', 'config': config, 'state': 'absent' if action == 'delete' else 'present'}
    made = run_here('vnet_fdb', options)
    assert lost and 'made again' in str(made['warnings'])
    pair.theirs.batch(lines(config, {'create': 'add', 'set': 'replace', 'delete': 'del'}[action]))
    pair.ours.like(pair.theirs, 'bridge fdb')
    assert run_here('vnet_fdb', options)['operations'] == []


def test_listed_twice(pair_either_way):
    config = entries(5) + entries(1, dst=lambda place: '10.0.0.9')
    assert 'twice' in pair_either_way.ours.refused('vnet_fdb', dev='vx0', config=config)['msg']


def test_a_wrong_entry_is_named(pair_either_way):
    config = entries(5)
    config[3]['mac'] = '02:00:00:00:00:0g'
    assert 'config[3]' in pair_either_way.ours.refused('vnet_fdb', dev='vx0', config=config)['msg']


def test_device_made_in_the_same_document(pair_either_way):
    pair, config = pair_either_way, entries(5)
    pair.ours.ip('link del vx0')
    run_here('vnet_state', {
        'links': [{'netns': pair.ours.name, 'name': 'vx0', 'kind': 'vxlan', 'vxlan': {'id': 7, 'remote': '10.9.9.9'}}],
        'fdb': [{'netns': pair.ours.name, 'dev': 'vx0', 'config': config}, {'netns': pair.ours.name, 'dev': 'vx0', 'remotes': ['10.0.0.8'], 'purge': True}]})
    pair.theirs.batch([*lines(config), 'bridge fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.0.8'])
    pair.ours.like(pair.theirs, 'bridge fdb')


def test_commands_of_a_rendered_document_are_complete(monkeypatch):
    monkeypatch.setattr(fdb_rows, 'SHOWN', 2)
    monkeypatch.setattr(fdb_rows, 'MANY', 3)
    config = entries(6)
    made = run_here('vnet_state', {'state': 'rendered', 'fdb': [{'dev': 'vx0', 'config': config}]})
    assert made['commands'] == [f"bridge fdb add {entry['mac']} dev vx0 dst {entry['dst']} self permanent" for entry in config]


def test_few_of_many_are_told(pair, monkeypatch):
    monkeypatch.setattr(fdb_rows, 'SHOWN', 2)
    monkeypatch.setattr(fdb_rows, 'MANY', 3)
    pair.ours.ip('link add vx0 type vxlan id 7 dstport 4789')
    made = pair.module('vnet_fdb', dev='vx0', config=entries(6), diff=True)
    operation, = made['operations']
    assert operation['values']['entries'] == 6 and len(operation['values']['first 2']) == 2
    assert len(made['commands']) == 3 and made['commands'][-1].startswith('#')
    assert 'entries: 6' in made['diff']['after']


def test_the_entry_that_was_refused_is_named(pair_either_way):
    pair = pair_either_way
    config = [*entries(5), {'mac': '02:00:00:00:77:01', 'dst': '2001:db8::1'}, *entries(5, first=10)]
    before = pair.ours.json('bridge fdb')
    refused = pair.ours.refused('vnet_fdb', dev='vx0', config=config)
    assert refused['msg'].startswith('config[5]') and '02:00:00:00:77:01 on vx0 dst 2001:db8::1' in refused['msg'], refused['msg']
    assert 'config[5]' in refused['failed_operation']['item'] and '02:00' not in refused['extack'] and refused['rolled_back'] is True
    assert pair.ours.json('bridge fdb') == before
    document = {'fdb': [{'netns': pair.ours.name, 'dev': 'vx0', 'config': config}]}
    with pytest.raises(ModuleFailed, match=r'^vnet_state: fdb\[0\]\.config\[5\]'):
        run_here('vnet_state', document)
