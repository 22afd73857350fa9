# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of addresses, routes, rules, neighbours, nexthops and multicast groups: the keywords of their `help` in iproute2, up to 6.15, and those
that are left out, with the reason. known.py has the same of links."""

from __future__ import annotations

KNOWN = {key: words.split() for key, words in {
    'vnet_address': 'dev local peer broadcast anycast label scope metric valid_lft preferred_lft home nodad mngtmpaddr noprefixroute autojoin optimistic proto',
    'vnet_route': 'type to from tos dsfield table vrf proto scope metric preference ttl-propagate nhid encap'
                  ' via dev weight onlink pervasive nexthop mtu advmss as'
                  ' rtt rttvar reordering window cwnd initcwnd ssthresh realms src rto_min hoplimit initrwnd features quickack congctl pref expires'
                  ' fastopen_no_cookie lock',
    'vnet_rule': 'not from to tos dsfield dscp fwmark iif dev oif pref order l3mdev uidrange ipproto sport dport tun_id flowlabel table'
                 ' lookup protocol nat map-to'
                 ' realms goto nop blackhole unreachable prohibit suppress_prefixlength suppress_ifgroup vrf',
    'vnet_neigh': 'to lladdr nud proxy dev router use managed extern_learn protocol extern_valid',
    'vnet_nexthop': 'id via dev onlink encap blackhole group fdb type buckets idle_timer unbalanced_timer protocol hw_stats vrf',
    'vnet_mdb': 'dev port grp src permanent temp vid filter_mode source_list proto dst dst_port vni src_vni via',
    'vnet_fdb': 'dev self master use router extern_learn sticky local static dynamic vlan dst port vni nhid via src_vni activity_notify inactive',
}.items()}

#: keywords that are an option of another name, or a value of one
SAME = {
    'vnet_route': {'to': 'dst', 'preference': 'metric', 'nexthop': 'nexthops', 'weight': 'nexthops', 'proto': 'protocol'},
    'vnet_rule': {word: 'action' for word in ('nop', 'blackhole', 'unreachable', 'prohibit')},
    'vnet_mdb': {'permanent': 'entry_state', 'temp': 'entry_state'},
    'vnet_fdb': {'local': 'entry_state', 'static': 'entry_state', 'dynamic': 'entry_state'},
}

_BY_TABLE = 'another way to say the table, which is an option of the VRF'
_ENCAP = 'encapsulations (mpls, ip, seg6 and others) are a language of their own for each type'
LEFT_OUT = {
    ('vnet_address', 'anycast'): 'the kernel does not look at it',
    ('vnet_route', 'vrf'): _BY_TABLE, ('vnet_rule', 'vrf'): _BY_TABLE, ('vnet_nexthop', 'vrf'): 'a filter of lists',
    ('vnet_route', 'encap'): _ENCAP, ('vnet_nexthop', 'encap'): _ENCAP,
    ('vnet_route', 'ttl-propagate'): 'of MPLS routes, which are no routes here', ('vnet_route', 'as'): 'of MPLS routes, which are no routes here',
    ('vnet_route', 'pervasive'): 'without effect in the kernel',
    ('vnet_rule', 'nat'): 'gone from the kernel since Linux 2.6', ('vnet_rule', 'map-to'): 'gone from the kernel since Linux 2.6',
    ('vnet_neigh', 'use'): 'an action, not a state: it asks for the address once', ('vnet_fdb', 'use'): 'an action, not a state',
    ('vnet_neigh', 'extern_valid'): 'newer than all kernels that are tested',
    ('vnet_nexthop', 'hw_stats'): 'counters of switch hardware alone',
    ('vnet_fdb', 'activity_notify'): 'for daemons that listen to notifications of multihoming', ('vnet_fdb', 'inactive'): 'goes with activity_notify',
}
