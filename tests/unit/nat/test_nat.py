# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vnet_nat: what is refused, what nft is told, what is read back, and what is planned."""

from __future__ import annotations

import errno

import pytest
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_module
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import World
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import nft
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.nat import LiveRules, chain, comment, expression

NAT = RESOURCES['nat']


def values(**options):
    return from_module(NAT, options).wanted[0].values


@pytest.mark.parametrize('options, words', [
    ({'type': 'snat', 'src': '192.0.2.0/24'}, 'snat needs to with the address'),
    ({'type': 'dnat', 'iif': 'eth0', 'proto': 'tcp', 'to': '8080'}, 'dnat needs to with the address'),
    ({'type': 'masquerade', 'to': '192.0.2.1'}, 'use snat to choose the address'),
    ({'type': 'redirect', 'proto': 'tcp', 'to': '192.0.2.1:80'}, 'use dnat to choose the address'),
    ({'type': 'redirect', 'iif': 'eth0', 'dport': '80'}, 'dport needs proto, one of tcp, udp, sctp'),
    ({'type': 'redirect', 'iif': 'eth0', 'proto': 'gre', 'dport': '80'}, 'dport needs proto'),
    ({'type': 'dnat', 'iif': 'eth0', 'to': '192.0.2.1:80'}, 'a port in to needs proto'),
    ({'type': 'dnat', 'iif': 'eth0', 'oif': 'eth1', 'to': '192.0.2.1'}, 'not both'),
    ({'type': 'dnat', 'to': '192.0.2.1'}, 'needs at least one of'),
    ({'type': 'snat', 'src': '2001:db8::/64', 'to': '192.0.2.1'}, 'src 2001:db8::/64 and to 192.0.2.1 are of different address families'),
    ({'type': 'masquerade', 'src': '192.0.2.0/24', 'dst': '2001:db8::/64'}, 'different address families'),
    ({'type': 'masquerade', 'src': '192.0.2.0/24', 'proto': 'icmpv6'}, 'different address families'),
    ({'type': 'masquerade', 'src': '192.0.2.1/24'}, 'host bits must be zero'),
    ({'type': 'masquerade', 'oif': 'a"b'}, 'quotes'),
    ({'type': 'masquerade', 'oif': 'interface-too-long'}, '1-15 bytes'),
    ({'type': 'masquerade', 'proto': 'tcp', 'dport': '0'}, 'a port 1-65535'),
    ({'type': 'masquerade', 'proto': 'tcp', 'dport': '90-80'}, 'a port 1-65535'),
    ({'type': 'masquerade', 'proto': 'ftp'}, 'one of tcp'),
    ({'type': 'snat', 'to': '192.0.2.9-192.0.2.1'}, 'an address, a port'),
    ({'type': 'snat', 'to': '192.0.2.1-2001:db8::1'}, 'an address, a port'),
    ({'type': 'snat', 'to': '192.0.2.0/24'}, 'an address, a port'),
    ({'type': 'snat', 'to': 'example.org'}, 'an address, a port'),
    ({'type': 'snat', 'to': '192.0.2.1; flush ruleset'}, 'an address, a port'),
    ({'type': 'snat', 'proto': 'tcp', 'to': '192.0.2.1:0'}, 'an address, a port'),
    ({'type': 'dnat66', 'to': '192.0.2.1'}, 'one of masquerade'),
    ({'type': 'masquerade', 'dev': 'eth0'}, "unknown option 'dev'"),
    ({'config': [{'src': '192.0.2.0/24'}]}, 'type is missing'),
    ({'config': [{'type': 'masquerade'}, {'type': 'masquerade', 'state': 'absent'}]}, 'both present and absent'),
])
def test_refused_with_a_sentence(options, words):
    with pytest.raises(InputError) as caught:
        from_module(NAT, options)
    assert words in caught.value.message and '\n' not in caught.value.message


@pytest.mark.parametrize('text, canonical', [
    (8080, '8080'), (':8080', '8080'), ('80-80', '80'), ('192.0.2.1', '192.0.2.1'), ('192.0.2.1:80', '192.0.2.1:80'),
    ('192.0.2.1-192.0.2.1', '192.0.2.1'), ('192.0.2.9-192.0.2.10:80-90', '192.0.2.9-192.0.2.10:80-90'),
    ('2001:DB8:0::1', '2001:db8::1'), ('[2001:db8::1]', '2001:db8::1'), ('[2001:db8:0::1]:80', '[2001:db8::1]:80'), ('::1', '::1'),
    ('[2001:db8::1]-[2001:db8::a]:80', '[2001:db8::1]-[2001:db8::a]:80'), ('2001:db8::1-2001:db8::a', '2001:db8::1-2001:db8::a'),
])
def test_target(text, canonical):
    kind = NAT.table.by_name['to'].type
    assert kind.parse(text) == canonical == kind.parse(canonical)


def test_a_whole_family_is_said_once():
    assert values(type='masquerade', dst='0.0.0.0/0')['src'] == '0.0.0.0/0'
    assert 'src' not in values(type='masquerade', src='0.0.0.0/0', dst='192.0.2.0/24')
    assert 'src' not in values(type='masquerade', src='0.0.0.0/0', proto='icmp')  # nft leaves it out as well
    assert 'src' not in values(type='snat', src='::/0', to='2001:db8::1')
    with pytest.raises(InputError, match='listed twice'):
        from_module(NAT, {'config': [{'type': 'masquerade', 'src': '::/0'}, {'type': 'masquerade', 'dst': '::/0'}]})


# What nft 1.0.6 prints (nft -j -a -p) for the rules that the options make.
MATCH = {
    'saddr': {'match': {'op': '==', 'left': {'payload': {'protocol': 'ip', 'field': 'saddr'}}, 'right': {'prefix': {'addr': '192.0.2.0', 'len': 24}}}},
    'daddr6': {'match': {'op': '==', 'left': {'payload': {'protocol': 'ip6', 'field': 'daddr'}}, 'right': '2001:db8::1'}},
    'iif': {'match': {'op': '==', 'left': {'meta': {'key': 'iifname'}}, 'right': 'eth0'}},
    'oif': {'match': {'op': '==', 'left': {'meta': {'key': 'oifname'}}, 'right': 'eth*'}},
    'ipv6': {'match': {'op': '==', 'left': {'meta': {'key': 'nfproto'}}, 'right': 'ipv6'}},
    'gre': {'match': {'op': '==', 'left': {'meta': {'key': 'l4proto'}}, 'right': 47}},
    'tcp80': {'match': {'op': '==', 'left': {'payload': {'protocol': 'tcp', 'field': 'dport'}}, 'right': 80}},
    'udp': {'match': {'op': '==', 'left': {'payload': {'protocol': 'udp', 'field': 'dport'}}, 'right': {'range': [80, 90]}}},
}
RULES = [
    ({'type': 'masquerade', 'src': '192.0.2.0/24', 'oif': 'eth*'}, 'postrouting', [MATCH['oif'], MATCH['saddr'], {'masquerade': None}],
     'oifname "eth*" ip saddr 192.0.2.0/24 masquerade'),
    ({'type': 'masquerade', 'src': '::/0', 'iif': 'eth0'}, 'postrouting', [MATCH['iif'], MATCH['ipv6'], {'masquerade': None}],
     'iifname "eth0" meta nfproto ipv6 masquerade'),
    ({'type': 'masquerade', 'proto': 'udp', 'dport': '80-90', 'to': '1024-2047'}, 'postrouting',
     [MATCH['udp'], {'masquerade': {'port': {'range': [1024, 2047]}}}], 'udp dport 80-90 masquerade to :1024-2047'),
    ({'type': 'snat', 'proto': 'gre', 'to': '192.0.2.1-192.0.2.9'}, 'postrouting',
     [MATCH['gre'], {'snat': {'family': 'ip', 'addr': {'range': ['192.0.2.1', '192.0.2.9']}}}], 'meta l4proto 47 snat ip to 192.0.2.1-192.0.2.9'),
    ({'type': 'dnat', 'dst': '2001:db8::1', 'proto': 'tcp', 'dport': '80', 'to': '[2001:db8::1]-[2001:db8::9]:8080'}, 'prerouting',
     [MATCH['daddr6'], MATCH['tcp80'], {'dnat': {'family': 'ip6', 'addr': {'range': ['2001:db8::1', '2001:db8::9']}, 'port': 8080}}],
     'ip6 daddr 2001:db8::1/128 tcp dport 80 dnat ip6 to [2001:db8::1]-[2001:db8::9]:8080'),
    ({'type': 'dnat', 'oif': 'eth*', 'to': '2001:db8::9'}, 'output', [MATCH['oif'], {'dnat': {'family': 'ip6', 'addr': '2001:db8::9'}}],
     'oifname "eth*" dnat ip6 to 2001:db8::9'),
    ({'type': 'redirect', 'iif': 'eth0', 'proto': 'tcp', 'dport': '80', 'to': '8080'}, 'prerouting',
     [MATCH['iif'], MATCH['tcp80'], {'redirect': {'port': 8080}}], 'iifname "eth0" tcp dport 80 redirect to :8080'),
]


@pytest.mark.parametrize('options, where, expr, words', RULES)
def test_told_and_read_back(options, where, expr, words):
    wanted = values(**options)
    assert (chain(wanted), ' '.join(expression(wanted))) == (where, words)
    assert NAT.decode({'chain': where, 'expr': expr}) == wanted


@pytest.mark.parametrize('where, expr', [
    ('postrouting', [MATCH['oif'], MATCH['saddr']]),
    ('postrouting', [{'counter': {'packets': 0, 'bytes': 0}}, {'masquerade': None}]),
    ('postrouting', [{'masquerade': {'flags': 'random'}}]),
    ('postrouting', [MATCH['iif'], {'redirect': None}]),
    ('prerouting', [MATCH['oif'], {'redirect': None}]),
    ('postrouting', [MATCH['ipv6'], MATCH['saddr'], MATCH['daddr6'], {'masquerade': None}]),
    ('postrouting', [{'match': dict(MATCH['saddr']['match'], op='!=')}, {'masquerade': None}]),
    ('postrouting', [{'match': dict(MATCH['tcp80']['match'], right={'set': [80, 443]})}, {'masquerade': None}]),
    ('postrouting', [MATCH['tcp80'], MATCH['udp'], {'masquerade': None}]),
    ('postrouting', [MATCH['tcp80'], MATCH['gre'], {'masquerade': None}]),
])
def test_what_is_no_rule_of_ours(where, expr):
    assert NAT.decode({'chain': where, 'expr': expr}) is None


def listing(*rules, extra=()):
    """A listing of the table with (chain, expressions, comment) as rules; handles count from 10."""
    objects = [{'metainfo': {'version': '1.0.6'}}, {'table': {'family': 'inet', 'name': 'linuxnet_vnet', 'handle': 1}}]
    objects += [{'chain': {'name': name, 'handle': 1}} for name in ('prerouting', 'output', 'postrouting')]
    for number, (where, expr, told) in enumerate(rules):
        objects.append({'rule': {'chain': where, 'handle': 10 + number, 'expr': expr, **({'comment': told} if told else {})}})
    return NAT.read([*objects, *extra])


def plan(live, **options):
    world = World(RESOURCES, tables={('nat', None): live})
    return make_plan(from_module(NAT, options), world)


def commands(operations):
    return [' '.join(line) for operation in operations for line in NAT.commands(operation)]


ONE = {'type': 'masquerade', 'oif': 'eth*'}
TWO = {'type': 'redirect', 'iif': 'eth0'}
LIVE_ONE = ('postrouting', [MATCH['oif'], {'masquerade': None}], 'masquerade oif eth*')
LIVE_TWO = ('prerouting', [MATCH['iif'], {'redirect': None}], 'redirect iif eth0')
ALTERED = ('postrouting', [MATCH['iif'], {'masquerade': None}], 'masquerade oif eth*')


def test_the_table_comes_with_the_first_rule():
    for live in (NAT.empty(), {}):  # {}: a document that is rendered for an empty host
        lines = commands(plan(live, config=[ONE, TWO]))
        assert lines[0] == 'nft add table inet linuxnet_vnet' and [line.split()[2] for line in lines] == ['table', *['chain'] * 3, 'rule', 'rule']
        assert lines[4] == 'nft add rule inet linuxnet_vnet postrouting oifname "eth*" masquerade comment "masquerade oif eth*"'


def test_present_is_left_alone():
    assert plan(listing(LIVE_ONE, LIVE_TWO), config=[ONE, TWO], purge=True) == []
    assert plan(listing((*LIVE_ONE[:2], None)), **ONE) == []


def test_a_missing_rule_is_added_to_the_table():
    assert commands(plan(listing(LIVE_ONE), config=[ONE, TWO])) == [
        'nft add rule inet linuxnet_vnet prerouting iifname "eth0" redirect comment "redirect iif eth0"']


def test_absent_and_the_last_rule_takes_the_table_along():
    assert plan(NAT.empty(), state='absent', **ONE) == []
    assert commands(plan(listing(LIVE_ONE, LIVE_TWO), state='absent', **TWO)) == ['nft delete rule inet linuxnet_vnet prerouting handle 11']
    assert commands(plan(listing(LIVE_ONE), state='absent', **ONE)) == ['nft delete table inet linuxnet_vnet']


def test_purge():
    live = listing(LIVE_ONE, LIVE_TWO, ('output', [{'counter': None}], None))
    assert commands(plan(live, config=[ONE], purge=True)) == [
        'nft delete rule inet linuxnet_vnet prerouting handle 11', 'nft delete rule inet linuxnet_vnet output handle 12']
    assert commands(plan(live, config=[], purge=True))[-1] == 'nft delete table inet linuxnet_vnet'


def test_the_table_stays_while_a_new_rule_needs_it_or_it_holds_something_else():
    lines = commands(plan(listing(LIVE_ONE), config=[TWO], purge=True))
    assert lines[0] == 'nft delete rule inet linuxnet_vnet postrouting handle 10' and lines[1].startswith('nft add rule') and len(lines) == 2
    shared = listing(LIVE_ONE, extra=[{'set': {'name': 'mine'}}])
    assert commands(plan(shared, config=[], purge=True)) == ['nft delete rule inet linuxnet_vnet postrouting handle 10']


def test_an_altered_rule_is_repaired_in_its_place():
    for config in ({'config': [ONE]}, {'config': [ONE], 'purge': True}):
        operation, = plan(listing(ALTERED), **config)
        assert operation.action == 'set' and operation.before['expr'] == ALTERED[1]
        assert commands([operation]) == [
            'nft replace rule inet linuxnet_vnet postrouting handle 10 oifname "eth*" masquerade comment "masquerade oif eth*"']
    assert commands(plan(listing(ALTERED), state='absent', **ONE)) == ['nft delete table inet linuxnet_vnet']
    # what it was altered into is not taken for a rule that somebody asked for
    assert plan(listing(ALTERED), type='masquerade', iif='eth0')[0].action == 'create'


def test_of_two_alike_the_second_is_superfluous():
    assert commands(plan(listing(LIVE_ONE, LIVE_ONE), config=[ONE], purge=True)) == ['nft delete rule inet linuxnet_vnet postrouting handle 11']


def test_taken_back_once_for_each_namespace():
    operations = plan(listing(LIVE_ONE), config=[TWO], purge=True)
    assert [[back.action for back in operation.undo] for operation in operations] == [['restore'], []]


def test_long_comments_are_cut_alike_when_told_and_when_read():
    one = values(type='snat', src='2001:db8:1111:2222:3333:4444:5555:6666', dst='2001:db8:1111:2222:3333:4444:5555:7777', iif='abcdefghijklmno',
                 oif='\u00e9nmlkjihgfedc', to='2001:db8::1')
    title = NAT.title(NAT.key(one))
    assert len(title.encode()) > 128 >= len(comment(title).encode()) and title.startswith(comment(title))


@pytest.mark.parametrize('netns, tool', [
    (None, ['nft']), ('blue', ['ip', 'netns', 'exec', 'blue', 'nft']), ('pid:7', ['nsenter', '-t', '7', '-n', 'nft']), ('/x', ['nsenter', '--net=/x', 'nft'])])
def test_commands_in_namespaces(netns, tool):
    world = World(RESOURCES, tables={('nat', netns): NAT.empty()})
    operation, = make_plan(from_module(NAT, {'netns': netns, **ONE}), world)
    assert NAT.commands(operation)[0] == [*tool, 'add', 'table', 'inet', 'linuxnet_vnet']


def test_document_is_what_was_asked_for():
    live = listing(LIVE_ONE, ALTERED)
    assert [NAT.document(key, found, None, None) for key, found in live.items()] == [ONE, None]


def test_what_the_host_lacks_is_said_when_a_rule_is_wanted():
    live = LiveRules(MissingAbility('install it'))
    for options in (ONE, {**ONE, 'state': 'absent'}, {'config': [], 'purge': True}):
        with pytest.raises(MissingAbility, match='install it'):
            plan(live, **options)


@pytest.mark.parametrize('text, kind, code, words', [
    ('Error: Could not process rule: File exists\nadd table x\n^^^^\n', KernelError, errno.EEXIST, 'Could not process rule: File exists'),
    ('Error: No such file or directory; did you mean table \u2018a\u2019 in family inet?\nlist table inet b\n', KernelError, errno.ENOENT, 'did you mean'),
    ('/dev/stdin:1:1-4: Error: syntax error, unexpected newline\n', KernelError, errno.EINVAL, 'syntax error, unexpected newline'),
    ('Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n', MissingAbility, 0, 'become'),
    ('netlink: Error: cache initialization failed: Invalid argument\n', MissingAbility, 0, 'load the module nf_tables'),
    ('', KernelError, errno.EINVAL, 'no reason'),
])
def test_nft_words_as_errors(text, kind, code, words):
    error = nft.refusal(text)
    assert isinstance(error, kind) and words in error.message and getattr(error, 'errno', 0) == code


def test_without_the_library(monkeypatch):
    monkeypatch.setattr(nft, 'LIBRARY', 'libnftables.so.none')
    monkeypatch.setattr(nft, '_loaded', [])
    with pytest.raises(MissingAbility, match='install libnftables1'):
        nft.run('list tables')
