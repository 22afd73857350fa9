# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of what hangs on links (addresses, routes, neighbours, FDB entries, VLANs) against iproute2: made, unchanged, changed, removed.

ITEMS has one item or more for each option of a module's table, and the iproute2 line that does the same.
"""

from __future__ import annotations

import json

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.bridge_vlan import VLAN
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES
from module import ModuleFailed, round_trip, run_here

LINKS = [
    'ip link add name d0 address 02:00:00:00:00:01 type dummy', 'ip link add name d1 address 02:00:00:00:00:02 type dummy',
    'ip link add name b0 address 02:00:00:00:00:03 type bridge vlan_filtering 1 vlan_default_pvid 0',
    'ip link add name p address 02:00:00:00:00:04 type dummy', 'ip link add name vx address 02:00:00:00:00:05 type vxlan id 7 dstport 4789 dev d1',
    'ip link add name ve address 02:00:00:00:00:06 type vxlan external vnifilter dstport 5000 dev d1',
    'ip link add name b1 address 02:00:00:00:00:08 type bridge', 'ip link add name p1 address 02:00:00:00:00:09 type dummy', 'ip link set dev p1 master b1',
    'ip link set dev b1 up', 'ip link set dev p1 up',
    'ip link add name v6 address 02:00:00:00:00:07 type vxlan id 8 dstport 4790 local 2001:db8::1',
    'ip link set dev p master b0', 'ip link set dev ve master b0', 'ip link set dev ve type bridge_slave vlan_tunnel on',
    'ip link set dev lo up', 'ip link set dev d0 up', 'ip link set dev d1 up', 'ip link set dev b0 up', 'ip link set dev p up', 'ip link set dev vx up',
    'ip addr add 192.0.2.1/24 dev d0', 'ip addr add 192.0.2.2/24 dev d0', 'ip addr add 2001:db8::1/64 dev d0 nodad',
    'ip nexthop add id 7 via 192.0.2.7 dev d0', 'ip nexthop add id 8 via 192.0.2.8 fdb', 'ip nexthop add id 9 group 8 fdb',
]
M = '02:00:00:00:01:{:02x}'.format

#: module: [(options that this is the case of, item, iproute2 line)]
ITEMS = {
    'vnet_address': [
        ('dev address', {'dev': 'd1', 'address': '198.51.100.1/24'}, 'ip addr add 198.51.100.1/24 dev d1'),
        ('peer', {'dev': 'd1', 'address': '198.51.100.2/32', 'peer': '203.0.113.2'}, 'ip addr add 198.51.100.2 peer 203.0.113.2/32 dev d1'),
        ('broadcast', {'dev': 'd1', 'address': '10.1.0.1/24', 'broadcast': '10.1.0.255'}, 'ip addr add 10.1.0.1/24 broadcast 10.1.0.255 dev d1'),
        ('scope', {'dev': 'd1', 'address': '10.2.0.1/24', 'scope': 'link'}, 'ip addr add 10.2.0.1/24 scope link dev d1'),
        ('label', {'dev': 'd1', 'address': '10.3.0.1/24', 'label': 'd1:x'}, 'ip addr add 10.3.0.1/24 label d1:x dev d1'),
        ('metric', {'dev': 'd1', 'address': '10.4.0.1/24', 'metric': 77}, 'ip addr add 10.4.0.1/24 metric 77 dev d1'),
        ('valid_lft preferred_lft', {'dev': 'd1', 'address': '10.5.0.1/24', 'valid_lft': 7777, 'preferred_lft': 777},
         'ip addr add 10.5.0.1/24 valid_lft 7777 preferred_lft 777 dev d1'),
        ('nodad', {'dev': 'd1', 'address': '2001:db8:1::1/64', 'nodad': True}, 'ip addr add 2001:db8:1::1/64 nodad dev d1'),
        ('noprefixroute', {'dev': 'd1', 'address': '10.6.0.1/24', 'noprefixroute': True}, 'ip addr add 10.6.0.1/24 noprefixroute dev d1'),
        ('home', {'dev': 'd1', 'address': '2001:db8:2::1/64', 'home': True, 'nodad': True}, 'ip addr add 2001:db8:2::1/64 home nodad dev d1'),
        ('autojoin', {'dev': 'd1', 'address': '239.1.1.1/32', 'autojoin': True}, 'ip addr add 239.1.1.1/32 autojoin dev d1'),
        ('mngtmpaddr', {'dev': 'd1', 'address': '2001:db8:3::1/64', 'mngtmpaddr': True, 'nodad': True},
         'ip addr add 2001:db8:3::1/64 mngtmpaddr nodad dev d1'),
    ],
    'vnet_route': [
        ('dst dev', {'dst': '198.51.100.0/24', 'dev': 'd0'}, 'ip route add 198.51.100.0/24 dev d0 proto 118'),
        ('via', {'dst': 'default', 'via': '192.0.2.254'}, 'ip route add default via 192.0.2.254 proto 118'),
        ('via', {'dst': '2001:db8:9::/48', 'via': '2001:db8::9'}, 'ip route add 2001:db8:9::/48 via 2001:db8::9 proto 118'),
        ('family', {'dst': 'default', 'family': 'inet6', 'dev': 'd0'}, 'ip route add default dev d0 proto 118 family inet6'),
        ('table', {'dst': '10.1.0.0/16', 'dev': 'd0', 'table': 777}, 'ip route add 10.1.0.0/16 dev d0 table 777 proto 118'),
        ('metric', {'dst': '10.2.0.0/16', 'dev': 'd0', 'metric': 77}, 'ip route add 10.2.0.0/16 dev d0 metric 77 proto 118'),
        ('metric', {'dst': '10.2.0.0/16', 'dev': 'd1', 'metric': 78}, 'ip route add 10.2.0.0/16 dev d1 metric 78 proto 118'),
        ('type', {'dst': '10.3.0.0/16', 'type': 'blackhole'}, 'ip route add blackhole 10.3.0.0/16 proto 118'),
        ('type', {'dst': '2001:db8:8::/48', 'type': 'unreachable'}, 'ip route add unreachable 2001:db8:8::/48 proto 118'),
        ('src', {'dst': '10.4.0.0/16', 'dev': 'd0', 'src': '192.0.2.2'}, 'ip route add 10.4.0.0/16 dev d0 src 192.0.2.2 proto 118'),
        ('via', {'dst': '10.11.0.0/16', 'via': '2001:db8::7', 'dev': 'd0'}, 'ip route add 10.11.0.0/16 via inet6 2001:db8::7 dev d0 proto 118'),
        ('via family', {'dst': 'default', 'family': 'inet', 'via': '2001:db8::7', 'dev': 'd0', 'metric': 9},
         'ip route add 0.0.0.0/0 via inet6 2001:db8::7 dev d0 metric 9 proto 118'),
        ('nexthops', {'dst': '10.12.0.0/16', 'nexthops': [{'via': '2001:db8::7', 'dev': 'd0'}, {'via': '192.0.2.7'}]},
         'ip route add 10.12.0.0/16 proto 118 nexthop via inet6 2001:db8::7 dev d0 nexthop via 192.0.2.7'),
        ('nexthops', {'dst': '2001:db8:12::/48', 'nexthops': [{'via': '2001:db8::7', 'weight': 3}, {'via': '2001:db8::8'}]},
         'ip route add 2001:db8:12::/48 proto 118 nexthop via 2001:db8::7 weight 3 nexthop via 2001:db8::8'),
        ('from', {'dst': '2001:db8:13::/48', 'from': '2001:db8:99::/48', 'via': '2001:db8::7'},
         'ip route add 2001:db8:13::/48 from 2001:db8:99::/48 via 2001:db8::7 proto 118'),
        ('tos', {'dst': '10.13.0.0/16', 'dev': 'd0', 'tos': 16}, 'ip route add 10.13.0.0/16 tos 0x10 dev d0 proto 118'),
        ('tos', {'dst': '10.13.0.0/16', 'dev': 'd1', 'tos': 8}, 'ip route add 10.13.0.0/16 tos 0x08 dev d1 proto 118'),
        ('type', {'dst': '10.14.0.1/32', 'type': 'local', 'dev': 'd0', 'table': 'local'}, 'ip route add local 10.14.0.1 dev d0 table local proto 118'),
        ('type', {'dst': '10.14.0.255/32', 'type': 'broadcast', 'dev': 'd0'}, 'ip route add broadcast 10.14.0.255 dev d0 proto 118'),
        ('type', {'dst': '239.0.0.0/8', 'type': 'multicast', 'dev': 'd0'}, 'ip route add multicast 239.0.0.0/8 dev d0 proto 118'),
        ('type', {'dst': '2001:db8:14::/64', 'type': 'anycast', 'dev': 'd0'}, 'ip route add anycast 2001:db8:14::/64 dev d0 proto 118'),
        ('type', {'dst': '10.14.1.0/24', 'type': 'throw', 'table': 99}, 'ip route add throw 10.14.1.0/24 table 99 proto 118'),
        ('type', {'dst': '2001:db8:15::/64', 'type': 'prohibit', 'metric': 7}, 'ip route add prohibit 2001:db8:15::/64 metric 7 proto 118'),
        ('realms', {'dst': '10.15.0.0/16', 'dev': 'd0', 'realms': '3/4'}, 'ip route add 10.15.0.0/16 dev d0 realms 3/4 proto 118'),
        ('pref', {'dst': '2001:db8:16::/64', 'via': '2001:db8::7', 'pref': 'high'}, 'ip route add 2001:db8:16::/64 via 2001:db8::7 pref high proto 118'),
        ('expires', {'dst': '2001:db8:17::/64', 'via': '2001:db8::7', 'expires': 7000},
         'ip route add 2001:db8:17::/64 via 2001:db8::7 expires 7000 proto 118'),
        ('mtu lock', {'dst': '2001:db8:18::/64', 'via': '2001:db8::7', 'mtu': 1400, 'lock': 'mtu'},
         'ip route add 2001:db8:18::/64 via 2001:db8::7 mtu lock 1400 proto 118'),
        ('advmss window lock', {'dst': '10.16.0.0/16', 'dev': 'd0', 'advmss': 1300, 'window': 4000, 'lock': ['advmss']},
         'ip route add 10.16.0.0/16 dev d0 advmss lock 1300 window 4000 proto 118'),
        ('rtt rttvar rto_min', {'dst': '10.17.0.0/16', 'dev': 'd0', 'rtt': '20ms', 'rttvar': '1s', 'rto_min': 30},
         'ip route add 10.17.0.0/16 dev d0 rtt 20ms rttvar 1s rto_min 30ms proto 118'),
        ('ssthresh cwnd initcwnd initrwnd', {'dst': '10.18.0.0/16', 'dev': 'd0', 'ssthresh': 10, 'cwnd': 11, 'initcwnd': 12, 'initrwnd': 13, 'lock': ['cwnd']},
         'ip route add 10.18.0.0/16 dev d0 ssthresh 10 cwnd lock 11 initcwnd 12 initrwnd 13 proto 118'),
        ('reordering hoplimit', {'dst': '10.19.0.0/16', 'dev': 'd0', 'reordering': 5, 'hoplimit': 33},
         'ip route add 10.19.0.0/16 dev d0 reordering 5 hoplimit 33 proto 118'),
        ('quickack fastopen_no_cookie features congctl', {'dst': '10.20.0.0/16', 'dev': 'd0', 'quickack': True, 'fastopen_no_cookie': True,
                                                          'features': ['ecn'], 'congctl': 'reno'},
         'ip route add 10.20.0.0/16 dev d0 quickack 1 fastopen_no_cookie 1 features ecn congctl reno proto 118'),
        ('scope', {'dst': '10.5.0.0/16', 'dev': 'd0', 'scope': 'global'}, 'ip route add 10.5.0.0/16 dev d0 scope global proto 118'),
        ('mtu', {'dst': '10.6.0.0/16', 'via': '192.0.2.254', 'mtu': 1400}, 'ip route add 10.6.0.0/16 via 192.0.2.254 mtu 1400 proto 118'),
        ('onlink', {'dst': '10.7.0.0/16', 'via': '203.0.113.9', 'dev': 'd1', 'onlink': True},
         'ip route add 10.7.0.0/16 via 203.0.113.9 dev d1 onlink proto 118'),
        ('nhid', {'dst': '10.8.0.0/16', 'nhid': 7}, 'ip route add 10.8.0.0/16 nhid 7 proto 118'),
        ('nexthops', {'dst': '10.9.0.0/16', 'nexthops': [{'via': '192.0.2.8', 'weight': 2}, {'via': '203.0.113.9', 'dev': 'd1', 'onlink': True}]},
         'ip route add 10.9.0.0/16 proto 118 nexthop via 192.0.2.8 weight 2 nexthop via 203.0.113.9 dev d1 onlink'),
        ('protocol', {'dst': '10.10.0.0/16', 'dev': 'd0', 'protocol': 'static'}, 'ip route add 10.10.0.0/16 dev d0 proto static'),
    ],
    'vnet_rule': [
        ('src', {'src': '10.0.0.0/8'}, 'ip rule add from 10.0.0.0/8 protocol 118'),
        ('src', {'src': '2001:db8::/32', 'table': 7}, 'ip -6 rule add from 2001:db8::/32 table 7 protocol 118'),
        ('dst priority table', {'dst': '10.0.0.0/8', 'priority': 100, 'table': 1000}, 'ip rule add to 10.0.0.0/8 pref 100 table 1000 protocol 118'),
        ('invert', {'src': '10.1.0.0/16', 'invert': True, 'table': 8}, 'ip rule add not from 10.1.0.0/16 table 8 protocol 118'),
        ('iif oif', {'iif': 'd0', 'oif': 'later', 'table': 8}, 'ip rule add iif d0 oif later table 8 protocol 118'),
        ('fwmark', {'fwmark': 7, 'table': 8}, 'ip rule add fwmark 7 table 8 protocol 118'),
        ('fwmark fwmask', {'fwmark': 16, 'fwmask': 0xf0, 'table': 8, 'family': 'inet6'}, 'ip -6 rule add fwmark 16/0xf0 table 8 protocol 118'),
        ('fwmask', {'fwmark': 0, 'fwmask': 0xf, 'table': 8}, 'ip rule add fwmark 0/0xf table 8 protocol 118'),
        ('family', {'family': 'inet6', 'priority': 500}, 'ip -6 rule add pref 500 protocol 118'),
        ('tos', {'tos': 16, 'table': 8}, 'ip rule add tos 0x10 table 8 protocol 118'),
        ('ipproto sport', {'ipproto': 'udp', 'sport': 53, 'table': 8}, 'ip rule add ipproto udp sport 53 table 8 protocol 118'),
        ('ipproto dport', {'ipproto': 132, 'dport': '8000-8999', 'table': 8}, 'ip rule add ipproto sctp dport 8000-8999 table 8 protocol 118'),
        ('uidrange', {'uidrange': '1000-1999', 'table': 8}, 'ip rule add uidrange 1000-1999 table 8 protocol 118'),
        ('uidrange', {'uidrange': 1000, 'table': 8}, 'ip rule add uidrange 1000-1000 table 8 protocol 118'),
        ('tun_id', {'tun_id': 77, 'table': 8}, 'ip rule add tun_id 77 table 8 protocol 118'),
        ('l3mdev', {'l3mdev': True, 'priority': 600}, 'ip rule add l3mdev pref 600 protocol 118'),
        ('action', {'dst': '10.2.0.0/16', 'action': 'blackhole'}, 'ip rule add to 10.2.0.0/16 blackhole protocol 118'),
        ('action', {'dst': '2001:db8:2::/48', 'action': 'unreachable'}, 'ip -6 rule add to 2001:db8:2::/48 unreachable protocol 118'),
        ('action', {'dst': '10.3.0.0/16', 'action': 'prohibit'}, 'ip rule add to 10.3.0.0/16 prohibit protocol 118'),
        ('action', {'dst': '10.4.0.0/16', 'action': 'nop'}, 'ip rule add to 10.4.0.0/16 nop protocol 118'),
        ('goto', {'goto': 32766, 'priority': 200, 'dst': '10.5.0.0/16'}, 'ip rule add to 10.5.0.0/16 pref 200 goto 32766 protocol 118'),
        ('suppress_prefixlength', {'suppress_prefixlength': 0, 'priority': 300, 'table': 'main'},
         'ip rule add pref 300 table main suppress_prefixlength 0 protocol 118'),
        ('suppress_ifgroup', {'suppress_ifgroup': 7, 'priority': 301, 'table': 9}, 'ip rule add pref 301 table 9 suppress_ifgroup 7 protocol 118'),
        ('realms', {'realms': '3/4', 'src': '10.6.0.0/16'}, 'ip rule add from 10.6.0.0/16 realms 3/4 protocol 118'),
        ('protocol', {'src': '10.7.0.0/16', 'protocol': 'static', 'table': 'default'}, 'ip rule add from 10.7.0.0/16 table default protocol static'),
    ],
    'vnet_nexthop': [
        ('id via dev', {'id': 11, 'via': '192.0.2.11', 'dev': 'd0'}, 'ip nexthop add id 11 via 192.0.2.11 dev d0 protocol 118'),
        ('via', {'id': 12, 'via': '2001:db8::12', 'dev': 'd0'}, 'ip nexthop add id 12 via 2001:db8::12 dev d0 protocol 118'),
        ('dev', {'id': 13, 'dev': 'd1'}, 'ip nexthop add id 13 dev d1 protocol 118'),
        ('family', {'id': 14, 'dev': 'd1', 'family': 'inet6'}, 'ip -6 nexthop add id 14 dev d1 protocol 118'),
        ('blackhole', {'id': 15, 'blackhole': True}, 'ip nexthop add id 15 blackhole protocol 118'),
        ('blackhole family', {'id': 16, 'blackhole': True, 'family': 'inet6'}, 'ip -6 nexthop add id 16 blackhole protocol 118'),
        ('onlink', {'id': 17, 'via': '203.0.113.17', 'dev': 'd1', 'onlink': True}, 'ip nexthop add id 17 via 203.0.113.17 dev d1 onlink protocol 118'),
        ('fdb', {'id': 18, 'via': '203.0.113.18', 'fdb': True}, 'ip nexthop add id 18 via 203.0.113.18 fdb protocol 118'),
        ('group', {'id': 20, 'group': [{'id': 13, 'weight': 3}, {'id': 11}]}, 'ip nexthop add id 20 group 11/13,3 protocol 118'),
        ('group type', {'id': 21, 'group': [{'id': 12}], 'type': 'mpath'}, 'ip nexthop add id 21 group 12 protocol 118'),
        ('group fdb', {'id': 22, 'group': [{'id': 18}], 'fdb': True}, 'ip nexthop add id 22 group 18 fdb protocol 118'),
        ('type buckets idle_timer unbalanced_timer',
         {'id': 23, 'group': [{'id': 11}, {'id': 13}], 'type': 'resilient', 'buckets': 16, 'idle_timer': 60, 'unbalanced_timer': 300},
         'ip nexthop add id 23 group 11/13 type resilient buckets 16 idle_timer 60 unbalanced_timer 300 protocol 118'),
        ('protocol', {'id': 24, 'dev': 'd0', 'protocol': 'bgp'}, 'ip nexthop add id 24 dev d0 protocol bgp'),
    ],
    'vnet_mdb': [
        ('dev port grp', {'dev': 'b1', 'port': 'p1', 'grp': '239.1.1.1'}, 'bridge mdb add dev b1 port p1 grp 239.1.1.1 permanent'),
        ('grp', {'dev': 'b1', 'port': 'p1', 'grp': 'ff0e::1'}, 'bridge mdb add dev b1 port p1 grp ff0e::1 permanent'),
        ('grp', {'dev': 'b1', 'port': 'p1', 'grp': '01:02:03:04:05:06'}, 'bridge mdb add dev b1 port p1 grp 01:02:03:04:05:06 permanent'),
        ('src', {'dev': 'b1', 'port': 'p1', 'grp': '239.1.1.2', 'src': '192.0.2.2'}, 'bridge mdb add dev b1 port p1 grp 239.1.1.2 src 192.0.2.2 permanent'),
        ('vid', {'dev': 'b0', 'port': 'p', 'grp': '239.1.1.3', 'vid': 7}, 'bridge mdb add dev b0 port p grp 239.1.1.3 permanent vid 7'),
        ('entry_state', {'dev': 'b1', 'port': 'p1', 'grp': '239.1.1.4', 'entry_state': 'temp'}, 'bridge mdb add dev b1 port p1 grp 239.1.1.4 temp'),
        ('port', {'dev': 'b1', 'grp': '239.1.1.5'}, 'bridge mdb add dev b1 port b1 grp 239.1.1.5 temp'),
    ],
    'vnet_neigh': [
        ('dev dst lladdr', {'dev': 'd0', 'dst': '192.0.2.3', 'lladdr': M(3)}, f'ip neigh add 192.0.2.3 lladdr {M(3)} dev d0'),
        ('dst', {'dev': 'd0', 'dst': '2001:db8::3', 'lladdr': M(3)}, f'ip neigh add 2001:db8::3 lladdr {M(3)} dev d0'),
        ('nud', {'dev': 'd0', 'dst': '192.0.2.4', 'lladdr': M(4), 'nud': 'noarp'}, f'ip neigh add 192.0.2.4 lladdr {M(4)} nud noarp dev d0'),
        ('proxy', {'dev': 'd0', 'dst': '192.0.2.5', 'proxy': True}, 'ip neigh add proxy 192.0.2.5 dev d0'),
        ('router', {'dev': 'd0', 'dst': '2001:db8::6', 'lladdr': M(6), 'router': True}, f'ip neigh add 2001:db8::6 lladdr {M(6)} router dev d0'),
        ('managed', {'dev': 'd0', 'dst': '192.0.2.8', 'managed': True}, 'ip neigh add 192.0.2.8 managed dev d0'),
        ('protocol', {'dev': 'd0', 'dst': '192.0.2.9', 'lladdr': M(9), 'protocol': 'bgp'}, f'ip neigh add 192.0.2.9 lladdr {M(9)} protocol bgp dev d0'),
        ('extern_learn', {'dev': 'd0', 'dst': '192.0.2.7', 'lladdr': M(7), 'nud': 'reachable', 'extern_learn': True},
         f'ip neigh add 192.0.2.7 lladdr {M(7)} nud reachable extern_learn dev d0'),
    ],
    'vnet_fdb': [
        ('dev mac dst', {'dev': 'vx', 'mac': M(1), 'dst': '192.0.2.11'}, f'bridge fdb add {M(1)} dev vx dst 192.0.2.11 self permanent'),
        ('vni', {'dev': 'vx', 'mac': M(2), 'dst': '192.0.2.11', 'vni': 777}, f'bridge fdb add {M(2)} dev vx dst 192.0.2.11 vni 777 self permanent'),
        ('src_vni', {'dev': 've', 'mac': M(3), 'dst': '192.0.2.11', 'src_vni': 77}, f'bridge fdb add {M(3)} dev ve dst 192.0.2.11 src_vni 77 self permanent'),
        ('port', {'dev': 'vx', 'mac': M(4), 'dst': '192.0.2.11', 'port': 7777}, f'bridge fdb add {M(4)} dev vx dst 192.0.2.11 port 7777 self permanent'),
        ('via', {'dev': 'vx', 'mac': M(5), 'dst': '192.0.2.11', 'via': 'd0'}, f'bridge fdb add {M(5)} dev vx dst 192.0.2.11 via d0 self permanent'),
        ('vlan master', {'dev': 'p', 'mac': M(6), 'vlan': 7, 'master': True}, f'bridge fdb add {M(6)} dev p vlan 7 master permanent'),
        ('nhid', {'dev': 'vx', 'mac': M(7), 'nhid': 9}, f'bridge fdb add {M(7)} dev vx nhid 9 self permanent'),
        ('self', {'dev': 'v6', 'mac': M(8), 'dst': '2001:db8::11', 'self': True}, f'bridge fdb add {M(8)} dev v6 dst 2001:db8::11 self permanent'),
        ('self', {'dev': 'b0', 'mac': M(15), 'self': True}, f'bridge fdb add {M(15)} dev b0 self permanent'),
        ('entry_state', {'dev': 'p', 'mac': M(9), 'master': True, 'entry_state': 'static'}, f'bridge fdb add {M(9)} dev p master static'),
        ('entry_state', {'dev': 'p', 'mac': M(10), 'master': True, 'entry_state': 'dynamic'}, f'bridge fdb add {M(10)} dev p master dynamic'),
        ('router', {'dev': 'vx', 'mac': M(11), 'dst': '192.0.2.11', 'router': True}, f'bridge fdb add {M(11)} dev vx dst 192.0.2.11 self permanent router'),
        ('sticky', {'dev': 'p', 'mac': M(12), 'master': True, 'entry_state': 'static', 'sticky': True}, f'bridge fdb add {M(12)} dev p master static sticky'),
        ('extern_learn', {'dev': 'p', 'mac': M(13), 'master': True, 'entry_state': 'static', 'extern_learn': True},
         f'bridge fdb add {M(13)} dev p master static extern_learn'),
        ('onlink', {'dev': 'vx', 'mac': M(14), 'dst': '192.0.2.11', 'onlink': True}, f'bridge fdb add {M(14)} dev vx dst 192.0.2.11 self permanent'),
        ('remotes', {'dev': 'vx', 'remotes': ['192.0.2.11', '192.0.2.12']}, 'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.11 self permanent\n'
         'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.12 self permanent'),
    ],
    'vnet_bridge_vlan': [
        ('dev vlans vid', {'dev': 'b0', 'vlans': [{'vid': 7}, {'vid': '10-19'}]}, 'bridge vlan add dev b0 vid 7 self\nbridge vlan add dev b0 vid 10-19 self'),
        ('pvid untagged state', {'dev': 'p', 'vlans': [{'vid': 7, 'pvid': True, 'untagged': True}, {'vid': '20-29', 'untagged': True},
                                                       {'vid': '30-39', 'state': 'blocking'}]},
         'bridge vlan add dev p vid 7 pvid untagged\nbridge vlan add dev p vid 20-29 untagged\nbridge vlan add dev p vid 30-39\n'
         'bridge vlan set dev p vid 30-39 state 4'),
        ('tunnel_id', {'dev': 've', 'vlans': [{'vid': 7, 'tunnel_id': 7000}, {'vid': '10-19', 'tunnel_id': '5010-5019'}]},
         'bridge vlan add dev ve vid 7\nbridge vlan add dev ve vid 10-19\nbridge vlan add dev ve vid 7 tunnel_info id 7000\n'
         'bridge vlan add dev ve vid 10-19 tunnel_info id 5010-5019'),
    ],
}

#: module: [(item that changes a live entry, iproute2 lines that do the same, whether it stays the same entry)]
CHANGES = {
    'vnet_address': [
        ({'dev': 'd1', 'address': '10.4.0.1/24', 'metric': 99}, 'ip addr change 10.4.0.1/24 metric 99 dev d1', True),
        ({'dev': 'd1', 'address': '10.5.0.1/24', 'valid_lft': 'forever', 'preferred_lft': 'forever'}, 'ip addr change 10.5.0.1/24 dev d1', True),
        ({'dev': 'd1', 'address': '10.1.0.1/24', 'broadcast': '10.1.0.254'},
         'ip addr del 10.1.0.1/24 dev d1\nip addr add 10.1.0.1/24 broadcast 10.1.0.254 dev d1', False),
    ],
    'vnet_route': [
        ({'dst': 'default', 'via': '192.0.2.253'}, 'ip route replace default via 192.0.2.253 proto 118', True),
        ({'dst': '10.18.0.0/16', 'dev': 'd0', 'initcwnd': 0, 'cwnd': 22}, 'ip route replace 10.18.0.0/16 dev d0 ssthresh 10 cwnd lock 22 initrwnd 13 proto 118',
         True),
        ({'dst': '2001:db8:16::/64', 'pref': 'medium'}, 'ip route replace 2001:db8:16::/64 via 2001:db8::7 proto 118', True),
        ({'dst': '10.6.0.0/16', 'via': '192.0.2.254', 'mtu': 1300}, 'ip route replace 10.6.0.0/16 via 192.0.2.254 mtu 1300 proto 118', True),
        ({'dst': '10.3.0.0/16', 'type': 'prohibit'}, 'ip route replace prohibit 10.3.0.0/16 proto 118', True),
        ({'dst': '10.8.0.0/16', 'via': '192.0.2.253'}, 'ip route replace 10.8.0.0/16 via 192.0.2.253 proto 118', True),
        ({'dst': '10.7.0.0/16', 'type': 'throw'}, 'ip route replace throw 10.7.0.0/16 proto 118', True),
        ({'dst': '2001:db8:9::/48', 'via': '2001:db8::8'}, 'ip route replace 2001:db8:9::/48 via 2001:db8::8 proto 118', True),
        ({'dst': '10.9.0.0/16', 'nexthops': [{'via': '192.0.2.9', 'dev': 'd0'}]}, 'ip route replace 10.9.0.0/16 proto 118 nexthop via 192.0.2.9 dev d0', True),
    ],
    'vnet_rule': [],  # another rule is no change of one
    'vnet_nexthop': [
        ({'id': 11, 'via': '192.0.2.111', 'dev': 'd0'}, 'ip nexthop replace id 11 via 192.0.2.111 dev d0 protocol 118', True),
        ({'id': 20, 'group': [{'id': 11, 'weight': 9}]}, 'ip nexthop replace id 20 group 11,9 protocol 118', True),
        ({'id': 23, 'idle_timer': 30, 'group': [{'id': 11}, {'id': 17}]},
         'ip nexthop replace id 23 group 11/17 type resilient buckets 16 idle_timer 30 unbalanced_timer 300 protocol 118', True),
        ({'id': 24, 'protocol': 'static'}, 'ip nexthop replace id 24 dev d0 protocol static', True),
        ({'id': 21, 'via': '192.0.2.9', 'dev': 'd0'}, 'ip nexthop del id 21\nip nexthop add id 21 via 192.0.2.9 dev d0 protocol 118', False),
    ],
    'vnet_mdb': [
        ({'dev': 'b1', 'port': 'p1', 'grp': '239.1.1.1', 'entry_state': 'temp'},
         'bridge mdb del dev b1 port p1 grp 239.1.1.1\nbridge mdb add dev b1 port p1 grp 239.1.1.1 temp', False),
    ],
    'vnet_neigh': [
        ({'dev': 'd0', 'dst': '192.0.2.3', 'lladdr': M(33)}, f'ip neigh replace 192.0.2.3 lladdr {M(33)} dev d0', True),
        ({'dev': 'd0', 'dst': '192.0.2.4', 'lladdr': M(4), 'nud': 'permanent'}, f'ip neigh replace 192.0.2.4 lladdr {M(4)} nud permanent dev d0', True),
    ],
    'vnet_fdb': [
        ({'dev': 'p', 'mac': M(9), 'master': True, 'entry_state': 'permanent'}, f'bridge fdb replace {M(9)} dev p master permanent', True),
        ({'dev': 'vx', 'remotes': ['192.0.2.13']}, 'bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.13 self permanent', True),
    ],
    'vnet_bridge_vlan': [
        ({'dev': 'p', 'vlans': [{'vid': 7, 'pvid': False, 'untagged': False}, {'vid': 25, 'pvid': True, 'untagged': False},
                                {'vid': '30-34', 'state': 'forwarding'}]},
         'bridge vlan add dev p vid 7\nbridge vlan add dev p vid 25 pvid\nbridge vlan set dev p vid 30-34 state 3', True),
        ({'dev': 've', 'vlans': [{'vid': 7, 'tunnel_id': 7001}]}, 'bridge vlan del dev ve vid 7 tunnel_info id 7000\n'
         'bridge vlan add dev ve vid 7 tunnel_info id 7001', True),
    ],
}
PRINTED = {
    'vnet_address': ['ip addr', 'ip route show table all', 'ip -6 route show table all'],
    'vnet_route': ['ip route show table all', 'ip -6 route show table all'],
    'vnet_rule': ['ip rule', 'ip -6 rule'], 'vnet_nexthop': ['ip nexthop'], 'vnet_mdb': ['bridge mdb'],
    'vnet_neigh': ['ip neigh', 'ip neigh show proxy'], 'vnet_fdb': ['bridge fdb'], 'vnet_bridge_vlan': ['bridge vlan', 'bridge vlan tunnelshow', 'bridge link'],
}
#: options that this kernel lacks; test_newer.py has them
NEWER = {'vnet_address': {'proto', 'optimistic'}, 'vnet_rule': {'dscp', 'flowlabel', 'flowlabel_mask'},
         'vnet_mdb': {'filter_mode', 'source_list', 'protocol', 'dst', 'dst_port', 'vni', 'src_vni', 'via'}}
TABLES = {resource.module: resource.table for resource in RESOURCES.values()}


@pytest.mark.parametrize('module', ITEMS)
def test_every_option_has_an_item(module):
    options = {field.name for field in TABLES[module]} | ({field.name for field in VLAN} if module == 'vnet_bridge_vlan' else set())
    assert {option for options, unused, unused2 in ITEMS[module] for option in options.split()} | NEWER.get(module, set()) == options


def type_lines(space, text: str):
    """Lines of `ip` and `bridge`, in batches; `family` at the end of one is for ip itself."""
    space.replay([' '.join(words[:1] + ['-n', space.name] + words[1:]) if words[-2] != 'family' else
                  ' '.join(['ip', '-n', space.name, '-6', *words[1:-2]]) for words in map(str.split, text.splitlines())])


def printed(space, module) -> dict:
    """What iproute2 prints of the module's matter; `ip route show` is of one family only."""
    found = space.normal(*[command for command in PRINTED[module] if not command.startswith('ip -6')])
    for command in PRINTED[module]:
        if command.startswith('ip -6'):
            found[command] = json.loads(space.ip(command.replace('ip ', '-details -json ', 1)))
    for route in [route for command in found if 'route' in command for route in found[command]]:
        route.pop('expires', None)
    return found


@pytest.mark.parametrize('module', ITEMS)
def test_items(spaces, module):
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    for space in (theirs, ours, replayed):
        space.batch(LINKS)
        if module == 'vnet_fdb':
            space.bridge('vlan add dev p vid 7')
    empty = printed(ours, module)
    items = [item for unused, item, unused2 in ITEMS[module]]
    type_lines(theirs, '\n'.join(line for unused, unused2, line in ITEMS[module]))
    wanted = printed(theirs, module)

    planned = ours.module(module, config=items, check=True, diff=True)
    made = ours.module(module, config=items, diff=True)
    assert made == planned and made['changed'] and made['diff']['before'] == '' and made['diff']['after']
    check(printed(ours, module), wanted, module)
    assert ours.module(module, config=items[::-1])['operations'] == []
    ours.replay(made['commands'], (ours, replayed))
    check(printed(replayed, module), wanted, f'{module}: commands')
    round_trip(ours.name)

    changes = CHANGES[module]
    type_lines(theirs, '\n'.join(lines for unused, lines, unused2 in changes))
    wanted = printed(theirs, module)
    planned = ours.module(module, config=[item for item, unused, unused2 in changes], check=True, diff=True)
    changed = ours.module(module, config=[item for item, unused, unused2 in changes], diff=True)
    assert changed == planned and len(changed['operations']) >= len(changes)
    assert not changes or changed['diff']['before'] != changed['diff']['after']
    assert any(operation['disruption'] == 'recreate' for operation in changed['operations']) != all(same for unused, unused2, same in changes)
    check(printed(ours, module), wanted, f'{module}: changes')
    ours.replay(changed['commands'], (ours, replayed))
    check(printed(replayed, module), wanted, f'{module}: commands of changes')

    added = [item for item, unused, unused2 in changes if 'remotes' in item]
    gone = ours.module(module, config=[*items, *added], state='absent')
    assert gone['changed']
    check(printed(ours, module), empty, f'{module}: absent')
    assert ours.module(module, config=items, state='absent')['operations'] == []
    ours.replay(gone['commands'], (ours, replayed))
    check(printed(replayed, module), empty, f'{module}: commands of absent')


def check(found: dict, wanted: dict, what: str):
    for command, data in wanted.items():
        missing = [one for one in data if one not in found[command]]
        extra = [one for one in found[command] if one not in data]
        assert not missing and not extra, f'{what}: {command}\nmissing: {json.dumps(missing, indent=1)}\nextra: {json.dumps(extra, indent=1)}'


def test_sysctl(spaces):
    ours = spaces('ours')
    ours.ip('link add name d.0 type dummy')

    def value(name):
        return run_here('vnet_sysctl', {'netns': ours.name, 'config': [{'name': name, 'value': 'x'}]}, check=True)['operations'][0]['before']['value']

    config = [{'name': 'net.ipv4.ip_forward', 'value': 1}, {'name': 'net/ipv4/conf/d.0/rp_filter', 'value': '2'},
              {'name': 'net.ipv4.ip_local_port_range', 'value': '20000\t30000'}, {'name': 'net.ipv6.conf.all.forwarding', 'value': True}]
    before = [value(item['name']) for item in config]
    planned = ours.module('vnet_sysctl', config=config, check=True)
    assert [value(item['name']) for item in config] == before
    assert ours.module('vnet_sysctl', config=config) == planned
    assert planned['commands'][1] == f'nsenter --net=/run/netns/{ours.name} sysctl -w net/ipv4/conf/d.0/rp_filter=2'
    assert [value(item['name']) for item in config] == ['1', '2', '20000 30000', '1']
    assert ours.module('vnet_sysctl', config=config)['operations'] == []
    ours.module('vnet_sysctl', name='net.ipv4.ip_forward', value='0')
    ours.replay(planned['commands'][:1])
    assert value('net.ipv4.ip_forward') == '1'


def test_what_others_have_learned(spaces):
    """Neighbours and FDB entries of a routing daemon are in no document and survive a purge; what was asked for is made anew with its link."""
    ours = spaces('ours')
    ours.batch(['ip link add d0 type dummy', 'ip link set dev d0 up arp on', 'ip link add vx type vxlan id 7 dstport 4789', 'ip link set dev vx up',
                f'ip neigh add 192.0.2.7 lladdr {M(7)} nud reachable extern_learn dev d0', f'ip neigh add 192.0.2.8 lladdr {M(8)} extern_learn dev d0'])
    ours.bridge(f'fdb add {M(9)} dev vx dst 192.0.2.11 self permanent extern_learn')
    state = round_trip(ours.name)
    assert not {'neighs', 'fdb'} & set(state)
    ours.module('vnet_neigh', dev='d0', purge=True)
    ours.module('vnet_fdb', dev='vx', purge=True)
    assert len(ours.json('ip neigh')[0]) == 2 and M(9) in ours.bridge('fdb show dev vx')
    item = {'dev': 'd0', 'dst': '192.0.2.7', 'lladdr': M(7), 'nud': 'reachable', 'extern_learn': True}
    links = [{'name': 'd0', 'kind': 'dummy', 'num_tx_queues': 4, 'recreate': True}]
    run_here('vnet_state', {'links': [dict(link, netns=ours.name) for link in links], 'neighs': [dict(item, netns=ours.name)]})
    assert [one['dst'] for one in ours.json('ip neigh')[0]] == ['192.0.2.7']


VLANS = ['ip link add b0 address 02:00:00:00:00:01 type bridge vlan_filtering 1', 'ip link add p address 02:00:00:00:00:02 type dummy',
         'ip link set dev p master b0', 'ip link set dev b0 up', 'ip link set dev p up']
MACS = [
    [f'bridge fdb add {M(0x11)} dev p master static'],  # of all VLANs
    [f'bridge fdb add {M(0x12)} dev p master static vlan 7'],
    [f'bridge fdb add {M(0x13)} dev p master static', f'bridge fdb del {M(0x13)} dev p master vlan 1'],
    [f'bridge fdb add {M(0x14)} dev p master permanent', f'bridge fdb del {M(0x14)} dev p master vlan 1', f'bridge fdb del {M(0x14)} dev p master vlan 7'],
    [f'bridge fdb add {M(0x15)} dev b0 self permanent', f'bridge fdb del {M(0x15)} dev b0 self vlan 1'],
    [f'bridge fdb add {M(0x16)} dev p master static', f'bridge fdb replace {M(0x16)} dev p master permanent vlan 7'],
]


def fdb_of(space) -> list:
    return [{name: one.get(name) for name in ('mac', 'ifname', 'vlan', 'state')} for one in space.normal('bridge fdb')['bridge fdb']
            if one['mac'].startswith(M(0)[:14])]


@pytest.mark.parametrize('later', [[], ['bridge vlan add dev p vid 5']], ids=['all VLANs', 'a VLAN came later'])
def test_entries_of_all_vlans(spaces, later):
    """Without a VLAN, `bridge fdb add` makes an entry for each; what became of them is made again as it is."""
    ours, again = spaces('ours', 'again')
    ours.batch(VLANS)
    ours.batch(['bridge vlan add dev p vid 7', *(line for lines in MACS for line in lines), *later])
    state = round_trip(ours.name)
    mine = [one for one in state['fdb'] if one['mac'] == M(0x11)]
    assert sorted([one.get('vlan') for one in mine], key=str) == ([None] if not later else [0, 1, 7])
    run_here('vnet_state', json.loads(json.dumps(state).replace(ours.name, again.name)))
    assert fdb_of(again) == fdb_of(ours)
    # made anew, and taken back
    before = fdb_of(ours)
    item = {'netns': ours.name, 'name': 'b0', 'kind': 'bridge', 'num_tx_queues': 3, 'recreate': True}
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'links': [item], 'routes': [{'netns': ours.name, 'dst': '10.0.0.0/8', 'via': '203.0.113.1'}]})
    assert caught.value.result['rolled_back'] is True, caught.value.result['msg']
    assert fdb_of(ours) == before
    run_here('vnet_state', {'links': [item]})
    assert fdb_of(ours) == before


def test_entry_without_a_vlan_goes(spaces):
    """With it go those of all VLANs, as with `bridge fdb del`; without its own VLAN 0 alone."""
    ours = spaces('ours')
    ours.batch(VLANS)
    ours.batch(['bridge vlan add dev p vid 7', f'bridge fdb add {M(0x11)} dev p master static'])
    before = fdb_of(ours)
    refused = {'netns': ours.name, 'dst': '10.0.0.0/8', 'via': '203.0.113.1'}
    for item in {'vlan': 0}, {}, {'vlan': 7}:
        with pytest.raises(ModuleFailed):
            run_here('vnet_state', {'fdb': [{'netns': ours.name, 'dev': 'p', 'mac': M(0x11), 'master': True, 'state': 'absent', **item}], 'routes': [refused]})
        assert fdb_of(ours) == before
    ours.module('vnet_fdb', dev='p', mac=M(0x11), master=True, vlan=0, state='absent')
    assert [one['vlan'] for one in fdb_of(ours)] == [1, 7]
    ours.module('vnet_fdb', dev='p', mac=M(0x11), master=True, vlan=0, entry_state='static')
    assert fdb_of(ours) == before
    # a purge takes what no item stands for
    listed = {'dev': 'p', 'purge': True, 'config': [{'mac': M(0x11), 'master': True, 'entry_state': 'static'}]}
    assert ours.module('vnet_fdb', **listed)['operations'] == []
    ours.bridge(f'fdb add {M(0x12)} dev p master static')
    assert ours.module('vnet_fdb', **listed)['changed'] and fdb_of(ours) == before
    ours.module('vnet_fdb', dev='p', mac=M(0x11), master=True, state='absent')
    assert fdb_of(ours) == []


def test_purge_of_addresses_leaves_the_kernels_own(spaces):
    """Those of the loopback and link-local ones are the kernel's; a link-local one that the module made is not."""
    ours = spaces('ours')
    ours.batch(['ip link set dev lo up', 'ip link add d0 address 02:00:00:00:00:01 type dummy', 'ip link set dev d0 addrgenmode eui64', 'ip link set dev d0 up',
                'ip addr add 127.0.0.2/8 dev lo'])
    ours.module('vnet_address', dev='d0', config=[{'address': 'fe80::1/64'}, {'address': '192.0.2.1/24'}])
    assert {'dev': 'd0', 'address': 'fe80::1/64'}.items() <= next(one for one in round_trip(ours.name)['addresses'] if 'fe80' in one['address']).items()
    config = [{'dev': 'lo', 'purge': True}, {'dev': 'd0', 'purge': True}]
    run_here('vnet_state', {'addresses': [dict(item, netns=ours.name) for item in config]})
    assert sorted(one['local'] for link in ours.json('ip addr')[0] for one in link['addr_info']) == ['127.0.0.1', '::1', 'fe80::ff:fe00:1']


@pytest.mark.parametrize('item', [
    {'address': '2001:db8::1/64', 'scope': 'global'}, {'address': '192.0.2.1/24', 'peer': '192.0.2.1'}, {'address': '192.0.2.1/24', 'nodad': True},
    {'address': '192.0.2.1/24', 'metric': 0, 'broadcast': '0.0.0.0', 'label': ''}, {'address': '192.0.2.1/24', 'preferred_lft': 0},
    {'address': '192.0.2.2/24', 'noprefixroute': False, 'metric': 0, 'preferred_lft': 'forever'}, {'address': '2001:db8:2::2/64', 'metric': 0},
    {'address': '192.0.2.2/24', 'noprefixroute': True, 'preferred_lft': 0}, {'address': '192.0.2.9/24', 'preferred_lft': 0},
], ids=str)
def test_address_is_found_as_it_was_asked_for(spaces, item):
    ours = spaces('ours')
    ours.batch(['ip link add d0 type dummy', 'ip link set dev d0 up', 'ip addr add 192.0.2.9/24 dev d0 noprefixroute',
                'ip addr add 192.0.2.2/24 dev d0 noprefixroute metric 7', 'ip addr add 2001:db8:2::2/64 dev d0 metric 7'])
    assert not ours.module('vnet_address', dev='d0', **item).get('warnings')
    assert not ours.module('vnet_address', dev='d0', **item)['changed']


@pytest.mark.parametrize('item, words', [
    ({'address': '192.0.2.1/24', 'peer': '2001:db8::9'}, 'peer 2001:db8::9 is not of the family'),
    ({'address': '2001:db8::1/64', 'label': 'd0:x'}, 'IPv4 only'),
    ({'address': '2001:db8::1/64', 'broadcast': '192.0.2.255'}, 'IPv4 only'), ({'address': '192.0.2.1/24', 'home': True}, 'IPv6 only'),
    ({'address': '192.0.2.1/24', 'preferred_lft': 9}, 'needs a valid_lft'),
], ids=str)
def test_address_that_cannot_be(spaces, item, words):
    ours = spaces('ours')
    ours.ip('link add d0 type dummy')
    with pytest.raises(ModuleFailed, match=words):
        ours.module('vnet_address', dev='d0', **item)


def test_sysctl_of_all_links(spaces):
    """What the kernel changes along with it: values of single links are written after it, in whatever order they are listed."""
    ours = spaces('ours')
    ours.batch(['ip link add d.0 type dummy', 'ip link add vx type vxlan id 7 dstport 4789'])
    config = [{'name': 'net.ipv4.conf.d/0.forwarding', 'value': 0}, {'name': 'net.ipv4.conf.all.accept_redirects', 'value': 0},
              {'name': 'net.ipv4.ip_forward', 'value': '0x1'}]
    for forward in ('0x1', '0', '1'):
        config[2]['value'] = forward
        planned = ours.module('vnet_sysctl', config=config, check=True)
        assert ours.module('vnet_sysctl', config=config) == planned and planned['changed'] and not planned.get('warnings')
        assert not ours.module('vnet_sysctl', config=config)['changed']
    ours.module('vnet_sysctl', name='net.ipv4.ip_local_reserved_ports', value='80')
    assert not ours.module('vnet_sysctl', name='net.ipv4.ip_local_reserved_ports', value='').get('warnings')
    sysctl = {'netns': ours.name, 'name': 'net.ipv4.conf.vx.rp_filter', 'value': 2}
    run_here('vnet_state', {'sysctls': [sysctl]})
    anew = {'netns': ours.name, 'name': 'vx', 'kind': 'vxlan', 'vxlan': {'id': 8}, 'recreate': True}
    assert not run_here('vnet_state', {'links': [anew], 'sysctls': [sysctl]}).get('warnings')
    assert not run_here('vnet_state', {'links': [anew], 'sysctls': [sysctl]})['changed']


def test_source_that_is_looked_for_yet(spaces):
    """No route has an IPv6 address as its source while duplicate address detection is under way: one of the same task waits for it."""
    ours = spaces('ours')
    ours.batch(['ip link add d0 type dummy', 'ip link set dev d0 up arp on', 'ip link add d1 type dummy', 'ip link set dev d1 up arp on'])
    document = {'addresses': [{'netns': ours.name, 'dev': 'd0', 'address': '2001:db8::1/64'}, {'netns': ours.name, 'dev': 'd1', 'address': '2001:db8:1::1/64'}],
                'routes': [{'netns': ours.name, 'dst': '2001:db8:9::/48', 'via': '2001:db8:1::9', 'src': '2001:db8::1'}]}
    run_here('vnet_state', document)
    again = run_here('vnet_state', {**document, 'links': [{'netns': ours.name, 'name': 'd0', 'kind': 'dummy', 'num_tx_queues': 4, 'recreate': True}]})
    assert not again.get('warnings') and not run_here('vnet_state', document)['changed']


@pytest.mark.parametrize('module, item', [
    ('vnet_route', {'dst': '10.8.0.0/16', 'realms': '0'}), ('vnet_route', {'dst': '10.8.0.0/16', 'dev': 'd0', 'realms': '0'}),
    ('vnet_route', {'dst': '2001:db8:8::/48', 'type': 'prohibit', 'dev': 'lo'}), ('vnet_neigh', {'dst': '192.0.2.9', 'lladdr': M(9), 'protocol': 0}),
    ('vnet_neigh', {'dst': '192.0.2.8', 'lladdr': M(9), 'protocol': 0}), ('vnet_neigh', {'dst': '192.0.2.7', 'lladdr': M(9)}),
    ('vnet_rule', {'priority': 9, 'realms': '0', 'ipproto': 0}),
], ids=str)
def test_entry_is_found_as_it_was_asked_for(spaces, module, item):
    ours = spaces('ours')
    ours.batch(['ip link add d0 type dummy', 'ip link set dev d0 up arp on', 'ip addr add 192.0.2.1/24 dev d0', 'ip route add 10.8.0.0/16 dev d0 realms 7',
                f'ip neigh add 192.0.2.8 lladdr {M(8)} dev d0 protocol 7', 'ip neigh add 192.0.2.7 dev d0 managed'])
    options = {'dev': 'd0', **item} if module == 'vnet_neigh' else item
    assert not ours.module(module, **options).get('warnings')
    assert not ours.module(module, **options)['changed']


def test_gateways_are_found_by_routes_of_the_same_task(spaces):
    """In whatever order they are listed; nexthop objects are found by them, too."""
    ours = spaces('ours')
    ours.batch(['ip link add d0 type dummy', 'ip link set dev d0 up', 'ip addr add 192.0.2.1/32 dev d0'])
    document = {'nexthops': [{'netns': ours.name, 'id': 7, 'via': '169.254.1.2', 'dev': 'd0'}],
                'routes': [dict(item, netns=ours.name) for item in (
                    {'dst': 'default', 'via': '169.254.1.1'}, {'dst': '10.1.0.0/16', 'nhid': 7}, {'dst': '169.254.1.0/24', 'dev': 'd0'})]}
    run_here('vnet_state', document)
    assert not run_here('vnet_state', document)['changed']
    # they come back with the link, and with an address that is the only one
    run_here('vnet_state', {'links': [{'netns': ours.name, 'name': 'd0', 'kind': 'dummy', 'num_tx_queues': 4, 'recreate': True}]})
    ours.module('vnet_address', dev='d0', address='192.0.2.1/32', label='d0:x')
    assert not run_here('vnet_state', document)['changed']
    # a route that loses its gateway has the scope of one without
    ours.module('vnet_route', dst='default', dev='d0', protocol=119, metric=9)
    ours.module('vnet_route', dst='10.2.0.0/16', via='169.254.1.1')
    ours.ip('link add d1 type dummy')
    ours.ip('link set dev d1 up')
    ours.module('vnet_route', dst='10.2.0.0/16', dev='d1')
    ours.module('vnet_route', dst='10.3.0.0/16', via='10.2.0.9')


def test_neighbours_of_a_tunnel(spaces):
    """They have an IP address in place of a MAC, and documents tell it as iproute2 does."""
    ours = spaces('ours')
    ours.batch(['ip link add g0 type gre local 192.0.2.1 ttl 9', 'ip link set dev g0 up', 'ip neigh add 192.0.2.9 lladdr 198.51.100.9 dev g0'])
    assert [one['lladdr'] for one in round_trip(ours.name)['neighs']] == ['198.51.100.9']
    ours.module('vnet_neigh', dev='g0', dst='192.0.2.8', lladdr='198.51.100.8')
    assert ours.module('vnet_neigh', dev='g0', dst='192.0.2.8', lladdr='198.51.100.8')['operations'] == []
    assert '192.0.2.8 lladdr 198.51.100.8' in ours.ip('neigh show dev g0')


@pytest.mark.parametrize('module, item, words', [
    ('vnet_route', {'dst': '10.1.0.0/16', 'nexthops': []}, 'at least'),
    ('vnet_route', {'dst': '10.1.0.0/16', 'dev': 'd0', 'nexthops': [{'via': '192.0.2.1'}]}, 'excludes via and dev'),
    ('vnet_route', {'dst': '2001:db8::/48', 'type': 'blackhole', 'dev': 'd0'}, 'leads nowhere'),
    ('vnet_route', {'dst': '10.1.0.0/16', 'family': 'inet6', 'dev': 'd0'}, 'family inet6 is not that of'),
    ('vnet_neigh', {'dev': 'd0', 'dst': '192.0.2.9', 'proxy': True, 'nud': 'permanent'}, 'proxy and nud exclude each other'),
], ids=str)
def test_entry_that_contradicts_itself(spaces, module, item, words):
    ours = spaces('ours')
    ours.ip('link add d0 type dummy')
    with pytest.raises(ModuleFailed, match=words):
        ours.module(module, **item)
