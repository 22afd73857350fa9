# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic control against tc: every option of every kind of qdisc, class, filter and action, and what becomes of a tree when something in it changes.

What is compared is tc's text, with details: its JSON lacks the rates of `police`, and of `pedit`, `nat` and `ets` it is broken in some releases. Each case
has a link of its own, since starts of processes are what this tier has little time for.
"""

from __future__ import annotations

import json
import re
import socket
import time

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import Namespaces
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.index import ACTIONS, CLASSES, FILTERS, QDISCS
from module import ModuleFailed, round_trip, run_here

#: kind: [(options, tc's words)]; a link LINK has several transmit queues where a kind needs them
QDISC_CASES = {
    'noqueue': [({}, '')],
    'pfifo': [({}, ''), ({'limit': 77}, 'limit 77')],
    'bfifo': [({'limit': '10kb'}, 'limit 10kb')],
    'pfifo_fast': [({}, '')],
    'prio': [({}, ''), ({'bands': 4, 'priomap': [3, 2, 1, 0] * 4}, 'bands 4 priomap 3 2 1 0 3 2 1 0 3 2 1 0 3 2 1 0')],
    'multiq': [({}, '')],
    'mq': [({}, '')],
    'mqprio': [({'num_tc': 2, 'map': [0, 1] * 8, 'queues': ['1@0', '2@1'], 'hw': False}, 'num_tc 2 map 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 queues 1@0 2@1 hw 0')],
    'drr': [({}, '')],
    'fq': [({}, ''), ({'limit': 7777, 'flow_limit': 77, 'quantum': 3000, 'initial_quantum': '15kb', 'pacing': False, 'maxrate': '10mbit', 'buckets': 512,
                       'refill_delay': '20ms', 'orphan_mask': 511, 'low_rate_threshold': '1mbit', 'ce_threshold': '4ms', 'timer_slack': '20us', 'horizon': '5s',
                       'horizon_drop': False},
           'limit 7777 flow_limit 77 quantum 3000 initial_quantum 15360 nopacing maxrate 10mbit buckets 512 refill_delay 20ms orphan_mask 511'
                      ' low_rate_threshold 1mbit ce_threshold 4ms timer_slack 20us horizon 5s horizon_cap'),
           ({'horizon_drop': True, 'pacing': True}, 'horizon_drop pacing')],
    'codel': [({'limit': 77, 'target': '7ms', 'interval': '77ms', 'ce_threshold': '3ms', 'ecn': True},
               'limit 77 target 7ms interval 77ms ce_threshold 3ms ecn')],
    'fq_codel': [({}, ''), ({'limit': 777, 'memory_limit': '1mb', 'flows': 77, 'quantum': 777, 'target': '7ms', 'interval': '77ms', 'ce_threshold': '3ms',
                             'ce_threshold_selector': '0x1/0x3', 'ecn': False, 'drop_batch': 7},
                 'limit 777 memory_limit 1mb flows 77 quantum 777 target 7ms interval 77ms ce_threshold 3ms ce_threshold_selector 0x1/0x3 noecn drop_batch 7'),
                 ({'target': '101us', 'interval': '102us'}, 'target 101us interval 102us')],
    'ingress': [({}, '')],
    'clsact': [({}, '')],
    'plug': [({}, None)],
    'cbs': [({'hicredit': 30, 'locredit': -1470, 'sendslope': -980000, 'idleslope': 20000, 'offload': False},
             'hicredit 30 locredit -1470 sendslope -980000 idleslope 20000 offload 0')],
    'etf': [({'clockid': 'CLOCK_TAI', 'delta': 300000, 'deadline_mode': True, 'skip_sock_check': True},
             'clockid CLOCK_TAI delta 300000 deadline_mode skip_sock_check')],
    'tbf': [({'rate': '1mbit', 'burst': '10kb', 'latency': '50ms'}, 'rate 1mbit burst 10kb latency 50ms'),
            ({'rate': '777kbit', 'burst': 7777, 'limit': '77kb', 'peakrate': '2mbit', 'mtu': 1600, 'overhead': 7, 'mpu': 64, 'linklayer': 'atm'},
             'rate 777kbit burst 7777 limit 77kb peakrate 2mbit mtu 1600 overhead 7 mpu 64 linklayer atm'),
            ({'rate': '77gbit', 'burst': '1mb', 'limit': '10mb'}, 'rate 77gbit burst 1mb limit 10mb')],
    'htb': [({}, ''), ({'default': '0x20', 'r2q': 77, 'direct_qlen': 777}, 'default 20 r2q 77 direct_qlen 777')],
    'hfsc': [({}, ''), ({'default': '20'}, 'default 20')],
    'cake': [({}, ''), ({'bandwidth': '10mbit', 'diffserv': 'diffserv4', 'flowmode': 'dual-srchost', 'nat': True, 'wash': True, 'ack_filter': 'enabled',
                         'split_gso': False,
                         'rtt': '50ms', 'atm': 'ptm', 'overhead': 22, 'mpu': 64, 'ingress': True, 'memlimit': '4mb', 'fwmark': '0xf0'},
             'bandwidth 10mbit diffserv4 dual-srchost nat wash ack-filter no-split-gso rtt 50ms ptm overhead 22 mpu 64 ingress memlimit 4mb fwmark 0xf0'),
             ({'bandwidth': 'unlimited', 'autorate_ingress': True, 'ack_filter': 'aggressive', 'raw': True},
              'unlimited autorate-ingress ack-filter-aggressive raw')],
    'red': [({'limit': '400kb', 'min': '30kb', 'max': '90kb', 'avpkt': 1000, 'burst': 55, 'bandwidth': '100mbit', 'probability': 0.07, 'ecn': True,
              'harddrop': True,
              'adaptive': True}, 'limit 400kb min 30kb max 90kb avpkt 1000 burst 55 bandwidth 100mbit probability 0.07 ecn harddrop adaptive'),
            ({'limit': '400kb', 'avpkt': 500, 'ecn': True, 'nodrop': True}, 'limit 400kb avpkt 500 bandwidth 10mbit ecn nodrop')],
    'sfq': [({}, ''), ({'limit': 77, 'perturb': 7, 'quantum': 2000, 'divisor': 512, 'flows': 77, 'depth': 7, 'headdrop': True},
                       'limit 77 perturb 7 quantum 2000 divisor 512 flows 77 depth 7 headdrop'),
            ({'redflowlimit': 100000, 'min': 8000, 'max': 60000, 'avpkt': 1000, 'burst': 27, 'probability': 0.12, 'ecn': True, 'harddrop': True},
             'redflowlimit 100000 min 8000 max 60000 avpkt 1000 burst 27 probability 0.12 ecn harddrop')],
    'netem': [({'delay': '50ms'}, 'delay 50ms'),
              ({'limit': 77, 'delay': '50ms', 'jitter': '7ms', 'delay_correlation': '25%', 'distribution': 'normal', 'loss': '0.3%', 'loss_correlation': '25%',
                'ecn': True,
                'duplicate': '1%', 'duplicate_correlation': '5%', 'corrupt': '0.1%', 'corrupt_correlation': '7%', 'reorder': '25%',
                'reorder_correlation': '50%', 'gap': 5,
                'rate': '7mbit', 'packet_overhead': 20, 'cell_size': 48, 'cell_overhead': 5},
               'limit 77 delay 50ms 7ms 25% distribution normal loss random 0.3% 25% ecn duplicate 1% 5% corrupt 0.1% 7%'
               ' reorder 25% 50% gap 5 rate 7mbit 20 48 5'),
              ({'loss_state': {'p13': '1%', 'p31': '60%', 'p32': '20%', 'p23': '70%', 'p14': '2%'}}, 'loss state 1% 60% 20% 70% 2%'),
              ({'loss_gemodel': {'p': '1%', 'r': '10%', 'one_minus_h': '70%', 'one_minus_k': '0.1%'}}, 'loss gemodel 1% 10% 70% 0.1%'),
              ({'loss_state': {'p13': '7%'}}, 'loss state 7%'),
              ({'slot': {'min_delay': '800us', 'max_delay': '1ms', 'packets': 32, 'bytes': '64kb'}, 'rate': '77gbit'},
               'slot 800us 1ms packets 32 bytes 64kb rate 77gbit'),
              ({'slot': {'distribution': 'normal', 'delay': '2ms', 'jitter': '1ms', 'packets': 7}}, 'slot distribution normal 2ms 1ms packets 7')],
}
#: kinds that this tier's first kernel does not have
NEWER_CASES = {
    'ets': [({'bands': 4, 'strict': 1, 'quanta': ['4kb', 2000], 'priomap': [3, 2, 1, 0]}, 'bands 4 strict 1 quanta 4096 2000 priomap 3 2 1 0'),
            ({'strict': 3}, 'strict 3')],
}
#: options that are not tried, and why
QDISC_LACKING = {
    'mqprio': {'mode': 'needs hardware', 'shaper': 'needs hardware', 'min_rate': 'needs hardware', 'max_rate': 'needs hardware'},
    'htb': {'offload': 'needs hardware'},
    'etf': {'offload': 'needs hardware'},
}
CLASS_CASES = {
    'htb': [({'rate': '1mbit'}, 'rate 1mbit'), ({'rate': '777kbit', 'ceil': '7777kbit', 'burst': '15k', 'cburst': '7k', 'prio': 3, 'quantum': 7777},
                                                'rate 777kbit ceil 7777kbit burst 15k cburst 7k prio 3 quantum 7777'),
            ({'rate': '1mbit', 'mtu': 9000, 'overhead': 7, 'mpu': 64, 'linklayer': 'atm'}, 'rate 1mbit mtu 9000 overhead 7 mpu 64 linklayer atm'),
            ({'rate': '40gbit', 'ceil': '100gbit', 'burst': 1042000, 'quantum': 60000}, 'rate 40gbit ceil 100gbit burst 1042000 quantum 60000')],
    'hfsc': [({'sc': {'rate': '1mbit'}}, 'sc rate 1mbit'), ({'rt': {'m1': '2mbit', 'd': '10ms', 'm2': '1mbit'}, 'ls': {'m2': '3mbit'}, 'ul': {'m2': '5mbit'}},
                                                            'rt m1 2mbit d 10ms m2 1mbit ls m2 3mbit ul m2 5mbit'),
             ({'rt': {'umax': 1500, 'dmax': '10ms', 'rate': '1mbit'}}, 'rt umax 1500 dmax 10ms rate 1mbit'),
             ({'ls': {'umax': 1500, 'dmax': '50ms', 'rate': '1mbit'}},
              'ls umax 1500 dmax 50ms rate 1mbit')],
    'drr': [({}, ''), ({'quantum': '7kb'}, 'quantum 7kb')],
}
TO = {'classid': '1:10'}
#: kind: [(item without parent, tc's words from the protocol on)]
FILTER_CASES = {
    'u32': [({'protocol': 'ip', 'pref': 7, 'match': [match], 'options': TO}, f'protocol ip pref 7 u32 match {match} classid 1:10') for match in (
        'ip src 192.0.2.0/24', 'ip dst 198.51.100.7', 'ip protocol 17 0xff', 'ip dport 53 0xffff', 'ip sport 1024 0xfc00', 'ip tos 0x10 0xff',
        'ip icmp_type 8 0xff', 'ip nofrag',
        'ip df', 'ip ihl 5 0xf', 'tcp dst 80 0xffff', 'udp src 53 0xffff', 'icmp type 8 0xff', 'u32 0x1234 0xffff at 20', 'u16 0x0800 0xffff at -2',
        'u8 0x40 0xf0 at nexthdr+12')] + [
        ({'protocol': 'ipv6', 'pref': 7, 'match': [match], 'options': TO}, f'protocol ipv6 pref 7 u32 match {match} classid 1:10') for match in (
            'ip6 src 2001:db8::/33', 'ip6 dst 2001:db8::7', 'ip6 protocol 6 0xff', 'ip6 dport 80 0xffff', 'ip6 priority 5 0xff')] + [
        ({'protocol': 'all', 'pref': 7, 'match': 'all', 'options': {'flowid': '1:10', 'skip_hw': True}},
         'protocol all pref 7 u32 match u32 0 0 flowid 1:10 skip_hw'),
        ({'protocol': 'ip', 'pref': 7, 'handle': '::7', 'match': ['ip protocol 6 0xff', 'ip dport 22 0xffff', 'ip src 192.0.2.1'], 'options': TO},
         'protocol ip pref 7 handle ::7 u32 match ip protocol 6 0xff match ip dport 22 0xffff match ip src 192.0.2.1 classid 1:10'),
        ({'match': 'all', 'actions': [{'kind': 'drop'}]}, 'protocol all u32 match u32 0 0 action drop')],
    'flower': [
        ({'protocol': 'ip', 'pref': 7, 'match': {'src_ip': '192.0.2.0/24', 'dst_ip': '198.51.100.7', 'ip_proto': 'tcp', 'src_port': 1024, 'dst_port': 80,
                                                 'tcp_flags': '0x2/0x17',
          'ip_tos': '0x10/0xfc', 'ip_ttl': 64}, 'options': TO},
         'protocol ip pref 7 flower ip_proto tcp src_ip 192.0.2.0/24 dst_ip 198.51.100.7 src_port 1024 dst_port 80'
         ' tcp_flags 0x2/0x17 ip_tos 0x10/0xfc ip_ttl 64 classid 1:10'),
        ({'protocol': 'ipv6', 'pref': 7, 'match': {'src_ip': '2001:db8::/33', 'dst_ip': '2001:db8::7', 'ip_proto': 'udp', 'dst_port': '5000-5010'},
          'options': {'skip_hw': True}},
         'protocol ipv6 pref 7 flower ip_proto udp src_ip 2001:db8::/33 dst_ip 2001:db8::7 dst_port 5000-5010 skip_hw'),
        ({'protocol': '802.1Q', 'match': {'vlan_id': 7, 'vlan_prio': 3, 'vlan_ethtype': 'ip', 'src_mac': '02:00:00:00:00:07',
                                          'dst_mac': '02:00:00:00:00:00/ff:00:00:00:00:00'}},
         'protocol 802.1Q flower vlan_id 7 vlan_prio 3 vlan_ethtype ip src_mac 02:00:00:00:00:07 dst_mac 02:00:00:00:00:00/8'),
        ({'protocol': '802.1ad', 'match': {'vlan_id': 7, 'vlan_ethtype': '802.1Q', 'cvlan_id': 8, 'cvlan_prio': 1, 'cvlan_ethtype': 'ipv6'}},
         'protocol 802.1ad flower vlan_id 7 vlan_ethtype 802.1Q cvlan_id 8 cvlan_prio 1 cvlan_ethtype ipv6'),
        ({'protocol': 'ip', 'match': {'ip_proto': 'icmp', 'type': 8, 'code': 0, 'ip_flags': 'nofrag'}},
         'protocol ip flower ip_proto icmp type 8 code 0 ip_flags nofrag'),
        ({'protocol': 'ipv6', 'match': {'ip_proto': 'icmpv6', 'type': 135, 'ip_flags': 'frag/nofirstfrag'}},
         'protocol ipv6 flower ip_proto icmpv6 type 135 ip_flags frag/nofirstfrag'),
        ({'protocol': 'ip', 'match': {'ip_proto': 'sctp', 'src_port': 7, 'dst_port': '80/0xfff0'}},
         'protocol ip flower ip_proto sctp src_port 7 dst_port 80/0xfff0'),
        ({'protocol': 'arp', 'match': {'arp_sip': '192.0.2.0/24', 'arp_tip': '192.0.2.1', 'arp_op': 1, 'arp_sha': '02:00:00:00:00:07',
                                       'arp_tha': '02:00:00:00:00:08'}},
         'protocol arp flower arp_sip 192.0.2.0/24 arp_tip 192.0.2.1 arp_op request arp_sha 02:00:00:00:00:07 arp_tha 02:00:00:00:00:08'),
        ({'protocol': 'mpls_uc', 'match': {'mpls_label': 7, 'mpls_tc': 3, 'mpls_bos': 1, 'mpls_ttl': 64}},
         'protocol mpls_uc flower mpls_label 7 mpls_tc 3 mpls_bos 1 mpls_ttl 64'),
        ({'protocol': 'all', 'match': {'enc_key_id': 77, 'enc_src_ip': '192.0.2.1', 'enc_dst_ip': '198.51.100.0/24', 'enc_dst_port': 4789, 'enc_tos': '0x10',
                                       'enc_ttl': 64}},
         'protocol all flower enc_key_id 77 enc_src_ip 192.0.2.1 enc_dst_ip 198.51.100.0/24 enc_dst_port 4789 enc_tos 0x10 enc_ttl 64'),
        ({'protocol': 'all', 'match': {'enc_src_ip': '2001:db8::1', 'enc_dst_ip': '2001:db8::/64'}},
         'protocol all flower enc_src_ip 2001:db8::1 enc_dst_ip 2001:db8::/64'),
        ({'protocol': 'ip', 'match': {'ct_state': '+trk-new', 'ct_mark': '7/255'}}, 'protocol ip flower ct_state +trk-new ct_mark 7/0xff'),
        ({'protocol': 'ppp_ses', 'match': {'pppoe_sid': 7}}, 'protocol ppp_ses flower pppoe_sid 7'),
        ({'protocol': 'all', 'pref': 7, 'handle': 77, 'chain': 7, 'match': {'indev': 'lo', 'num_of_vlans': 2}},
         'protocol all pref 7 handle 77 chain 7 flower indev lo num_of_vlans 2'),
    ],
    'matchall': [({'options': TO}, 'protocol all matchall classid 1:10'),
                 ({'protocol': 'ip', 'pref': 7, 'handle': '0x7', 'options': {'skip_hw': True}, 'actions': [{'kind': 'ok'}]},
                  'protocol ip pref 7 handle 0x7 matchall skip_hw action ok')],
    'fw': [({'protocol': 'all', 'handle': 6, 'options': TO}, 'protocol all handle 6 fw classid 1:10'),
           ({'protocol': 'ip', 'pref': 7, 'handle': '0x16/0xff', 'options': {'indev': 'lo', 'classid': '1:10'}},
            'protocol ip pref 7 handle 0x16/0xff fw indev lo classid 1:10'),
           ({'protocol': 'ip', 'pref': 8, 'handle': '0x17', 'match': {'mask': '0xfff'}, 'options': TO},
            'protocol ip pref 8 handle 0x17/0xfff fw classid 1:10')],
    'basic': [({'options': TO}, 'protocol all basic classid 1:10'),
              ({'pref': 7, 'handle': 7, 'actions': [{'kind': 'drop'}]}, 'protocol all pref 7 handle 7 basic action drop')],
    'cgroup': [({'pref': 7}, 'protocol all pref 7 handle 1 cgroup')],
}
FILTER_LACKING = {'u32': {'skip_sw': 'needs hardware'}, 'flower': {'skip_sw': 'needs hardware', 'ct_zone': 'CONFIG_NF_CONNTRACK_ZONES; see test_newer'},
                  'matchall': {'skip_sw': 'needs hardware'}}
#: kind: [(options, words after `action`)]
ACTION_CASES = {
    'gact': [({'control': 'drop'}, 'drop'), ({'control': 'goto chain 7'}, 'goto chain 7'),
             *(({'control': word}, word) for word in ('pass', 'pipe', 'continue', 'reclassify', 'trap'))],
    'mirred': [({'direction': direction, 'action': action, 'dev': 'lo'}, f'mirred {direction} {action} dev lo') for direction in ('egress', 'ingress')
               for action in ('redirect', 'mirror')]
    + [({'dev': 'lo', 'action': 'mirror', 'control': 'continue'}, 'mirred egress mirror dev lo continue')],
    'police': [({'rate': '1mbit', 'burst': '10k'}, 'police rate 1mbit burst 10k'),
               ({'rate': '777kbit', 'burst': 7777, 'mtu': 2000, 'peakrate': '2mbit', 'overhead': 7, 'mpu': 64, 'linklayer': 'atm',
                 'conform_exceed': 'drop/pipe'},
                'police rate 777kbit burst 7777 mtu 2000 peakrate 2mbit overhead 7 mpu 64 linklayer atm conform-exceed drop/pipe'),
               ({'pkts_rate': 777, 'pkts_burst': 77, 'conform_exceed': 'drop'}, 'police pkts_rate 777 pkts_burst 77 conform-exceed drop'),
               ({'rate': '40gbit', 'burst': 1042000, 'conform_exceed': 'drop/continue'}, 'police rate 40gbit burst 1042000 conform-exceed drop/continue')],
    'vlan': [({'action': 'pop'}, 'vlan pop'), ({'action': 'push', 'id': 7}, 'vlan push id 7'),
             ({'action': 'push', 'id': 7, 'protocol': '802.1ad', 'priority': 3, 'control': 'pass'}, 'vlan push id 7 protocol 802.1ad priority 3 pass'),
             ({'action': 'modify', 'id': 8, 'priority': 4}, 'vlan modify id 8 priority 4'), ({'action': 'pop_eth'}, 'vlan pop_eth'),
             ({'action': 'push_eth', 'dst_mac': '02:00:00:00:00:07', 'src_mac': '02:00:00:00:00:08'},
              'vlan push_eth dst_mac 02:00:00:00:00:07 src_mac 02:00:00:00:00:08')],
    'skbedit': [({'queue_mapping': 7, 'priority': '1:7', 'mark': 77, 'ptype': 'otherhost'}, 'skbedit queue_mapping 7 priority 1:7 mark 77 ptype otherhost'),
                ({'mark': '0x7/0xff', 'inheritdsfield': True}, 'skbedit mark 0x7/0xff inheritdsfield')],
    'tunnel_key': [({'src_ip': '192.0.2.1', 'dst_ip': '192.0.2.2', 'id': 77, 'dst_port': 4789, 'tos': 16, 'ttl': 64, 'csum': False},
                    'tunnel_key set src_ip 192.0.2.1 dst_ip 192.0.2.2 id 77 dst_port 4789 tos 0x10 ttl 64 nocsum'),
                   ({'src_ip': '2001:db8::1', 'dst_ip': '2001:db8::2', 'id': 77}, 'tunnel_key set src_ip 2001:db8::1 dst_ip 2001:db8::2 id 77'),
                   ({'mode': 'unset'}, 'tunnel_key unset')],
    'pedit': [({'munge': [text]}, f'pedit ex munge {text}') for text in (
        'eth dst set 02:00:00:00:00:07', 'eth src set 02:00:00:00:00:08', 'eth type set 2048', 'ip src set 192.0.2.1', 'ip dst set 192.0.2.2', 'ip tos set 16',
        'ip ttl add 255',
        'ip protocol set 17', 'ip6 src set 2001:db8::1', 'ip6 dst set 2001:db8::2', 'ip6 nexthdr set 17', 'ip6 hoplimit set 7', 'tcp sport set 7',
        'tcp dport set 77', 'tcp flags set 2',
        'udp sport set 7', 'udp dport add 7')] + [({'munge': ['ip ttl set 7', 'tcp dport set 80'], 'control': 'pipe'},
                                                   'pedit ex munge ip ttl set 7 munge tcp dport set 80 pipe')],
    'csum': [({'update': ['ip4h', 'tcp', 'udp']}, 'csum ip4h tcp udp'),
             ({'update': ['icmp', 'igmp', 'sctp', 'udplite'], 'control': 'pipe'}, 'csum icmp igmp udplite sctp pipe')],
    'connmark': [({}, 'connmark'), ({'zone': 7, 'control': 'continue'}, 'connmark zone 7 continue')],
    'ct': [({}, 'ct'), ({'commit': True, 'force': True, 'mark': '0x7/0xff', 'nat': 'src', 'nat_addr': '192.0.2.1-192.0.2.7', 'nat_port': '1000-2000'},
                        'ct commit force mark 0x7/0xff nat src addr 192.0.2.1-192.0.2.7 port 1000-2000 pipe'), ({'clear': True}, 'ct clear'),
           ({'commit': True, 'nat': 'dst', 'nat_addr': '2001:db8::7'}, 'ct commit nat dst addr 2001:db8::7 pipe'), ({'nat': 'restore'}, 'ct nat pipe')],
    'nat': [({'direction': 'ingress', 'old': '192.0.2.0/24', 'new': '198.51.100.0'}, 'nat ingress 192.0.2.0/24 198.51.100.0'),
            ({'direction': 'egress', 'old': '192.0.2.7', 'new': '198.51.100.7', 'control': 'pipe'}, 'nat egress 192.0.2.7 198.51.100.7 pipe')],
    'sample': [({'rate': 77, 'group': 7, 'trunc': 128}, 'sample rate 77 group 7 trunc 128')],
    'skbmod': [({'dmac': '02:00:00:00:00:07', 'smac': '02:00:00:00:00:08', 'etype': '0xbeef'},
                'skbmod set dmac 02:00:00:00:00:07 smac 02:00:00:00:00:08 etype 0xBEEF'),
               ({'swap_mac': True, 'control': 'continue'}, 'skbmod swap mac continue'), ({'ecn': True}, 'skbmod ecn')],
    'mpls': [({'action': 'push', 'protocol': 'mpls_uc', 'label': 7, 'tc': 3, 'ttl': 64, 'bos': 1}, 'mpls push protocol mpls_uc label 7 tc 3 ttl 64 bos 1'),
             ({'action': 'pop', 'protocol': 'ip'}, 'mpls pop protocol ip'), ({'action': 'dec_ttl'}, 'mpls dec_ttl'),
             ({'action': 'modify', 'ttl': 7}, 'mpls modify ttl 7')],
}
ACTION_LACKING = {'ct': {'zone': 'CONFIG_NF_CONNTRACK_ZONES; see test_newer'}, 'police': {'avrate': 'needs an estimator'}}
#: What tc knows beyond these kinds, and why it is not here.
MISSING = {
    'qdisc': {'choke, gred, sfb, pie, fq_pie, hhf, qfq, skbprio, dualpi2': 'nobody asked for them', 'taprio': 'schedules of hardware',
              'teql': 'makes a link of its own',
              'cbq, dsmark, atm': 'gone from the kernel'},
    'class': {'qfq': 'as its qdisc', 'prio, ets, mq, mqprio, multiq': 'come with their qdisc'},
    'filter': {'bpf': 'needs a program that is loaded', 'flow, route, tcindex, rsvp': 'rare, or gone from the kernel',
               'u32 with hash tables, basic and cgroup with ematches': 'left alone'},
    'action': {'bpf': 'needs a program that is loaded', 'gate, ife, ctinfo, simple, xt, ipt': 'rare'},
    'more': {'stab, estimators, shared blocks, qevents, actions by index, percentages without a known speed': 'not offered'},
}


class Group:
    """Cases on links of their own: items for the module, lines for tc."""

    def __init__(self, name: str):
        self.name, self.links, self.items, self.lines, self.parents = name, [], [], [], {}
        getattr(self, '_' + name)()

    def _link(self, *queues) -> str:
        link = f'd{len(self.links)}'
        self.links.append(link)
        return link

    def _qdisc(self):
        for kind, cases in QDISC_CASES.items():
            for options, words in cases:
                dev = self._link()
                fixed = QDISCS[kind].parent
                place = {} if fixed else {'root': True, 'handle': '7:'}
                place = {'root': True} if kind == 'noqueue' else place
                self.items.append({'dev': dev, 'qdisc': {'kind': kind, **place, **({'options': options} if options else {})}})
                self.lines.append(f"tc qdisc add dev {dev} {'' if fixed else 'root handle 7: ' if kind != 'noqueue' else 'root '}{kind} {words or ''}")
                if words is None:
                    self.lines.pop(), self.items.pop()

    def _class(self):
        for kind, cases in CLASS_CASES.items():
            dev = self._link()
            self.items.append({'dev': dev, 'qdisc': {'kind': kind, 'root': True, 'handle': '1:'}})
            self.lines.append(f'tc qdisc add dev {dev} root handle 1: {kind}')
            for place, (options, words) in enumerate(cases, 1):
                for parent, classid in (('1:', f'1:{place}'), (f'1:{place}', f'1:{place}a')):
                    if parent != '1:' and (kind == 'drr' or kind == 'hfsc' and not {'ls', 'sc'} & set(options)):
                        continue  # drr has no hierarchy, and real-time curves are for leaves
                    self.items.insert(0, {'dev': dev, 'class': {'kind': kind, 'parent': parent, 'classid': classid, 'options': options}})
                    self.lines.append(f'tc class add dev {dev} parent {parent} classid {classid} {kind} {words}')

    def _htb(self) -> str:
        dev = self._link()
        self.items += [{'dev': dev, 'qdisc': {'kind': 'htb', 'root': True, 'handle': '1:'}},
                       {'dev': dev, 'class': {'kind': 'htb', 'parent': '1:', 'classid': '1:10', 'options': {'rate': '1mbit'}}}]
        self.lines += [f'tc qdisc add dev {dev} root handle 1: htb', f'tc class add dev {dev} parent 1: classid 1:10 htb rate 1mbit']
        return dev

    def _filter(self):
        for kind, cases in FILTER_CASES.items():
            for item, words in cases:
                dev = self._htb()
                self.parents[dev] = '1:'
                self.items.append({'dev': dev, 'filter': {'parent': '1:', 'kind': kind, **item}})
                self.lines.append(f'tc filter add dev {dev} parent 1: {words}')

    def _action(self):
        for kind, cases in ACTION_CASES.items():
            dev = self._link()
            self.parents[dev] = 'ingress'
            self.items.append({'dev': dev, 'qdisc': {'kind': 'clsact'}})
            self.lines.append(f'tc qdisc add dev {dev} clsact')
            for pref, (options, words) in enumerate(cases, 1):
                self.items.append({'dev': dev,
                                   'filter': {'parent': 'ingress', 'protocol': 'ip', 'pref': pref, 'kind': 'matchall', 'actions': [{'kind': kind, **options}]}})
                self.lines.append(f'tc filter add dev {dev} ingress protocol ip pref {pref} matchall action {words}')

    def shown(self, space) -> list[str]:
        """What tc prints of all links."""
        lines = ['qdisc show'] + [f'class show dev {dev}' for dev in self.links if self.name == 'class'] + [
            f"filter show dev {dev} {parent if parent == 'ingress' else 'parent ' + parent}" for dev, parent in self.parents.items()]
        return shown(space, lines)


def shown(space, lines) -> list[str]:
    text = space.run('tc -details -batch -', ''.join(line + '\n' for line in lines))
    text = re.sub(r'(police) 0x[0-9a-f]+|\bindex \d+|\brefcnt \d+|\b8[0-9a-f]{3}:', r'\1', text)  # what the kernel numbers and counts
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def make_links(space, links):
    space.batch([f'ip link add name {link} address 02:00:00:00:01:{place:02x} numtxqueues 4 type dummy' for place,
                 link in enumerate(links)] + ['ip link set dev lo up'])


def same(found, wanted, what):
    missing, extra = [line for line in wanted if line not in found], [line for line in found if line not in wanted]
    told = f'{what}\nmissing: ' + '\n         '.join(missing) + '\nextra:   ' + '\n         '.join(extra)
    assert not missing and not extra and len(found) == len(wanted), told


@pytest.mark.parametrize('name, kinds, cases, lacking',
                         [('qdisc', QDISCS, QDISC_CASES, QDISC_LACKING), ('class', CLASSES, CLASS_CASES, {}),
                          ('action', ACTIONS, ACTION_CASES, ACTION_LACKING)])
def test_every_option_has_a_case(name, kinds, cases, lacking):
    for kind, table in ((kind.name, kind.table) for kind in kinds.values()):
        tried = {option for options, unused in {**NEWER_CASES, **cases}[kind] for option in options}
        assert tried | set(lacking.get(kind, ())) >= {field.name for field in table} - {'control'}, kind
        assert not tried & set(lacking.get(kind, ()))
        print(f"{name} {kind}: {len(tried)} options tried; not tried: {lacking.get(kind, {})}")
    print(f'{name}: {len(kinds)} kinds; not offered: {MISSING[name]}')


def test_every_filter_option_has_a_case():
    for kind in FILTERS.values():
        tried = {name for item, unused in FILTER_CASES[kind.name] for part in ('match', 'options')
                 for name in (item.get(part, {}) if isinstance(item.get(part, {}), dict) else ['match'])}
        tried = {'classid' if name == 'flowid' else name for name in tried}
        assert tried | set(FILTER_LACKING.get(kind.name, ())) == {field.name for table in (kind.match, kind.table) for field in table}, kind.name
        print(f'filter {kind.name}: {len(tried)} options tried; not tried: {FILTER_LACKING.get(kind.name, {})}')


@pytest.mark.parametrize('name', ['qdisc', 'class', 'filter', 'action'])
def test_items(spaces, name):
    """Created, checked, repeated, replayed, rebuilt from vnet_info, purged."""
    group = Group(name)
    theirs, ours, replayed, rebuilt = spaces('theirs', 'ours', 'replayed', 'rebuilt')
    for space in (theirs, ours, replayed):
        make_links(space, group.links)
    empty = group.shown(ours) if not group.parents else shown(ours, ['qdisc show'])
    theirs.batch(group.lines)
    wanted = group.shown(theirs)

    planned = ours.module('vnet_tc', config=group.items, check=True, diff=True)
    made = ours.module('vnet_tc', config=group.items, diff=True)
    assert made == planned and len(made['operations']) == len(group.items) and made['diff']['before'] == ''
    same(group.shown(ours), wanted, name)
    assert ours.module('vnet_tc', config=group.items[::-1])['operations'] == []
    if name == 'action':  # tc says on standard error what it reads of skbmod
        replayed.batch([command.replace(f'tc -n {ours.name} ', 'tc ', 1) for command in made['commands']])
    else:
        ours.replay(made['commands'], (ours, replayed))
    same(group.shown(replayed), wanted, f'{name}: commands')

    state = round_trip(ours.name)
    document = json.loads(json.dumps(state).replace(ours.name, rebuilt.name))
    run_here('vnet_state', document)
    lost = {'distribution'}
    same(group.shown(rebuilt), wanted, f'{name}: rebuilt from vnet_info, but for {lost}')
    ours.module('vnet_tc', config=[{'dev': dev} for dev in group.links], purge=True)
    same(shown(ours, ['qdisc show']), empty if name in ('filter', 'action') else shown(ours, ['qdisc show']), 'purged')
    assert not [line for line in shown(ours, ['qdisc show']) if re.search(r'qdisc \S+ [1-9a-f]', line)]


#: a tree with all that can hang on one, as lines of tc and as items
TREE = [
    'tc qdisc add dev d0 root handle 1: htb default 20', 'tc class add dev d0 parent 1: classid 1:1 htb rate 100mbit',
    'tc class add dev d0 parent 1:1 classid 1:10 htb rate 10mbit ceil 100mbit prio 1',
    'tc class add dev d0 parent 1:1 classid 1:20 htb rate 90mbit ceil 100mbit prio 2',
    'tc qdisc add dev d0 parent 1:10 handle 10: prio bands 2 priomap 1 1 1 1 0 0 0 0 1 1 1 1 1 1 1 1',
    'tc qdisc add dev d0 parent 10:1 handle 101: pfifo limit 77',
    'tc qdisc add dev d0 parent 1:20 handle 20: fq_codel flows 77',
    'tc filter add dev d0 parent 1: protocol ip pref 10 u32 match ip dport 22 0xffff flowid 1:10',
    'tc filter add dev d0 parent 1: protocol ipv6 pref 11 flower ip_proto tcp dst_port 22 classid 1:10',
    'tc filter add dev d0 parent 10: protocol ip pref 1 matchall flowid 10:2',
    'tc qdisc add dev d0 clsact',
    'tc filter add dev d0 ingress protocol ip pref 1 flower ip_proto udp action police rate 1mbit burst 10k conform-exceed drop/pipe'
    ' action mirred egress redirect dev d1',
    'tc filter add dev d0 egress protocol all pref 2 matchall action mirred egress mirror dev d1',
]
HTB = {'parent': 'root', 'handle': '1:', 'kind': 'htb'}


def tree(space) -> list[str]:
    return shown(space, ['qdisc show dev d0', 'class show dev d0', 'filter show dev d0 parent 1:', 'filter show dev d0 parent 10:',
                         'filter show dev d0 ingress', 'filter show dev d0 egress'])


def plant(space):
    make_links(space, ['d0', 'd1'])
    space.batch(TREE)
    return space


@pytest.fixture
def planted(spaces):
    """Two namespaces with the tree."""
    return tuple(map(plant, spaces('ours', 'theirs')))


def both(planted, lines, check=False, **options):
    """The module does what tc does by these lines, as it foretells, once; its commands do the same where the tree is as before."""
    ours, theirs = planted
    theirs.batch(lines)
    planned = ours.module('vnet_tc', check=True, diff=True, dev='d0', **options)
    done = ours.module('vnet_tc', diff=True, dev='d0', **options)
    assert done == planned and done['changed']
    same(tree(ours), tree(theirs), options)
    assert not ours.module('vnet_tc', dev='d0', **options)['operations']
    return done


@pytest.mark.parametrize('lines, options', [
    (['tc class change dev d0 parent 1:1 classid 1:10 htb rate 20mbit ceil 50mbit prio 1'],
     {'class': {'parent': '1:1', 'classid': '1:10', 'kind': 'htb', 'options': {'rate': '20mbit', 'ceil': '50mbit'}}}),
    (['tc qdisc change dev d0 parent 10:1 handle 101: pfifo limit 78'], {'qdisc': {'parent': '10:1', 'kind': 'pfifo', 'options': {'limit': 78}}}),
    (['tc qdisc change dev d0 parent 1:20 handle 20: fq_codel target 7ms noecn'],
     {'qdisc': {'parent': '1:20', 'kind': 'fq_codel', 'options': {'target': '7ms', 'ecn': False}}}),
    (['tc filter replace dev d0 parent 1: protocol ipv6 pref 11 handle 0x1 flower ip_proto tcp dst_port 22 classid 1:20'],
     {'filter': {'parent': '1:', 'protocol': 'ipv6', 'kind': 'flower', 'match': {'ip_proto': 'tcp', 'dst_port': 22}, 'options': {'classid': '1:20'}}}),
    (['tc filter replace dev d0 ingress protocol ip pref 1 handle 0x1 flower ip_proto udp action drop'],
     {'filter': {'parent': 'ingress', 'protocol': 'ip', 'pref': 1, 'kind': 'flower', 'match': {'ip_proto': 'udp'}, 'actions': [{'kind': 'drop'}]}}),
    (['tc filter add dev d0 parent 1: protocol ip u32 match ip sport 7 0xffff flowid 1:20', 'tc filter add dev d0 parent 1: protocol ip matchall flowid 1:20'],
     {'config': [{'filter': {'parent': '1:', 'protocol': 'ip', 'kind': 'u32', 'match': ['ip sport 7 0xffff'], 'options': {'flowid': '1:20'}}},
                 {'filter': {'parent': '1:', 'protocol': 'ip', 'kind': 'matchall', 'options': {'flowid': '1:20'}}}]}),
])
def test_change_in_place(planted, lines, options):
    done = both(planted, lines, **options)
    assert {operation['disruption'] for operation in done['operations']} == {'in_place'} and all(operation['action'] in ('set', 'create')
                                                                                                 for operation in done['operations'])


def test_derived_options_follow(planted):
    """What tc makes of the rate follows it: here the ceiling of 1:1, which was its rate."""
    both(planted, ['tc class change dev d0 parent 1: classid 1:1 htb rate 50mbit'],
         **{'class': {'parent': '1:', 'classid': '1:1', 'kind': 'htb', 'options': {'rate': '50mbit'}}})


@pytest.mark.parametrize('lines, options, flushed', [
    (['tc filter del dev d0 parent 1: protocol ip pref 10', 'tc filter add dev d0 parent 1: protocol ip pref 10 u32 match ip dport 22 0xffff flowid 1:20'],
     {'filter': {'parent': '1:', 'protocol': 'ip', 'pref': 10, 'kind': 'u32', 'match': ['ip dport 22 0xffff'], 'options': {'classid': '1:20'}}}, []),
    (['tc qdisc del dev d0 parent 1:20', 'tc qdisc add dev d0 parent 1:20 handle 20: fq_codel flows 78'],
     {'qdisc': {'parent': '1:20', 'kind': 'fq_codel', 'options': {'flows': 78}}}, []),
    (['tc qdisc del dev d0 parent 1:10', 'tc qdisc add dev d0 parent 1:10 handle 10: sfq'], {'qdisc': {'parent': '1:10', 'handle': '10:', 'kind': 'sfq'}},
     ['qdisc pfifo 101:', 'filter matchall pref 1 handle 0x1']),
    (['tc qdisc del dev d0 root', *(line.replace('default 20', 'default 10') for line in TREE[:10])], {'qdisc': {**HTB, 'options': {'default': 10}}},
     ['class htb 1:1', 'class htb 1:10', 'class htb 1:20', 'qdisc prio 10:', 'qdisc pfifo 101:', 'filter matchall pref 1 handle 0x1', 'qdisc fq_codel 20:',
      'filter u32 pref 10 handle 800::800', 'filter flower pref 11 handle 0x1']),
])
def test_made_anew(planted, lines, options, flushed):
    """What the kernel cannot change goes and comes back, with all below it where kind and number stay."""
    done = both(planted, lines, **options)
    assert {operation['disruption'] for operation in done['operations']} == {'recreate'}
    assert [one for operation in done['operations'] for one in operation.get('flushes', ())] == flushed


@pytest.mark.parametrize('lines, options', [
    (['tc filter del dev d0 parent 1: protocol ip pref 10'], {'filter': {'parent': '1:', 'pref': 10}}),
    (["tc filter del dev d0 ingress"], {"filter": {"parent": "ingress", "kind": "flower"}}),
    (['tc qdisc del dev d0 parent 1:20'], {'qdisc': {'parent': '1:20'}}),
    (['tc qdisc del dev d0 root'], {'qdisc': {'root': True}}),
    (['tc qdisc del dev d0 clsact'], {'qdisc': {'kind': 'clsact'}}),
    (['tc filter del dev d0 parent 1: protocol ip pref 10', 'tc filter del dev d0 parent 1: protocol ipv6 pref 11', 'tc class del dev d0 classid 1:10'],
     {'class': {'classid': '1:10'}}),
])
def test_absent(planted, lines, options):
    both(planted, lines, state='absent', **options)


def test_purge(planted):
    """What is not listed goes; what a listed one hangs on stays."""
    lines = [f'tc filter del dev d0 parent 1: protocol {one}' for one in ('ip pref 10', 'ipv6 pref 11')] + ['tc qdisc del dev d0 parent 1:10',
                                                                                                            'tc class del dev d0 classid 1:10',
                                                                                                            'tc qdisc del dev d0 clsact']
    both(planted, lines, purge=True, config=[{'qdisc': {'parent': '1:20', 'kind': 'fq_codel'}}])
    ours, theirs = planted
    theirs.batch(['tc qdisc del dev d0 root'])
    assert ours.module('vnet_tc', dev='d0', purge=True)['changed']
    same(shown(ours, ['qdisc show']), shown(theirs, ['qdisc show']), 'empty')


@pytest.mark.parametrize('options', [
    {'config': [{'qdisc': {**HTB, 'options': {'default': 10}}}]},
    {'config': [{'qdisc': {'parent': '1:10', 'handle': '10:', 'kind': 'sfq'}}]},
    {'config': [{'class': {'parent': '1:1', 'classid': '1:10', 'kind': 'htb', 'options': {'rate': '77mbit'}}}, {'filter': {
        'parent': '1:', 'protocol': 'ip', 'kind': 'matchall', 'options': {'classid': '1:20'}}}]},
    {'purge': True, 'config': [{'qdisc': {'kind': 'prio', 'root': True, 'handle': '1:'}}]},
    {'state': 'absent', 'config': [{'qdisc': {'root': True}}, {'qdisc': {'kind': 'clsact'}}]},
    {'state': 'absent', 'config': [{'class': {'classid': '1:10'}}]},
    {'config': [{'filter': {'parent': '1:', 'protocol': 'ip', 'pref': 10, 'handle': '::7', 'kind': 'u32', 'match': ['ip dport 23 0xffff'],
                            'options': {'classid': '1:10'}}}]},
])
def test_failure_leaves_no_trace(spaces, options):
    """A last step that the kernel refuses takes all before it back."""
    ours = plant(spaces('ours'))
    before = tree(ours)
    wrong = {'state': 'present', 'dev': 'd1', 'filter': {'parent': '7:', 'protocol': 'ip', 'kind': 'matchall', 'options': {'classid': '7:1'}}}
    result = ours.refused('vnet_tc', **{**options, 'dev': 'd0', 'config': [*options['config'], wrong]})
    assert result['rolled_back'] and 'matchall' in result['msg'], result['msg']
    same(tree(ours), before, 'taken back')


def test_link_made_anew(spaces):
    """Traffic control comes back with its link, and filters find the link again that they redirect to."""
    ours = plant(spaces('ours'))
    before = tree(ours)
    for name in ('d0', 'd1'):
        ours.module('vnet_link', name=name, kind='dummy', num_tx_queues=3, recreate=True, up=False)
        same(tree(ours), before, name)
    result = ours.module('vnet_link', name='d0', state='absent')
    assert result['changed']


def test_whole_document(spaces):
    """Links and their traffic control in one transaction, in any order; commands for an empty host."""
    ours, rendered = spaces('ours', 'rendered')
    document = {
        'tc': [{'dev': 'd0', 'filter': {'parent': 'ingress', 'kind': 'matchall', 'actions': [{'kind': 'mirred', 'dev': 'ifb7'}]}},
               {'dev': 'd0', 'qdisc': {'kind': 'clsact'}},
               {'dev': 'ifb7', 'qdisc': {'root': True, 'kind': 'tbf', 'options': {'rate': '1mbit', 'burst': '10kb', 'latency': '50ms'}}}],
        'links': [{'name': 'ifb7', 'kind': 'ifb'}, {'name': 'd0', 'kind': 'dummy'}],
    }
    placed = {section: [{**item, 'netns': ours.name} for item in items] for section, items in document.items()}
    planned = run_here('vnet_state', {**placed, 'state': 'rendered'})
    run_here('vnet_state', placed)
    assert not run_here('vnet_state', placed)['operations']
    ours.replay(planned['commands'], (ours, rendered))
    lines = ['qdisc show dev d0', 'qdisc show dev ifb7', 'filter show dev d0 ingress']
    same(shown(rendered, lines), shown(ours, lines), 'rendered')


@pytest.mark.parametrize('options, words', [
    ({'qdisc': {'kind': 'htb'}}, 'root or parent is missing'), ({'qdisc': {'kind': 'tbf', 'root': True, 'options': {'rate': '1mbit'}}}, 'tbf needs burst'),
    ({'qdisc': {'kind': 'netem', 'root': True, 'options': {'dely': '1ms'}}}, "unknown option 'dely'"),
    ({'class': {'kind': 'htb', 'parent': '1:', 'classid': 70, 'options': {'rate': '1mbit'}}}, 'in quotes'),
    ({'qdisc': {'kind': 'netem', 'root': True, 'options': {'delay': '1 parsec'}}}, 'a time such as'),
    ({'filter': {'parent': '1:', 'kind': 'u32', 'match': ['ip src nowhere']}}, 'a list of matches'),
    ({'filter': {'parent': 'ingress', 'kind': 'matchall', 'actions': [{'kind': 'mirred'}]}}, 'mirred needs dev'),
    ({'qdisc': {'kind': 'clsact'}, 'class': {}}, 'one of qdisc, class and filter'),
    ({'class': {'kind': 'htb', 'parent': '1:', 'classid': '1:1', 'options': {'rate': '50%'}}}, 'the speed of'),
])
def test_refused_before_anything_is_written(pair, options, words):
    pair.ours.ip('link add name d0 type dummy')
    result = pair.ours.refused('vnet_tc', dev='d0', **options)
    assert words in result['msg'], result['msg']


@pytest.mark.kernel('sch_ets')
def test_newer(spaces):
    """Kinds and options that the first kernel of this tier lacks."""
    ours, theirs = spaces('ours', 'theirs')
    links = [f'd{place}' for place in range(len(NEWER_CASES['ets']) + 2)]
    items = [{'dev': dev, 'qdisc': {'kind': 'ets', 'root': True, 'handle': '7:', 'options': options}} for dev,
             (options, unused) in zip(links, NEWER_CASES['ets'])]
    lines = [f'tc qdisc add dev {dev} root handle 7: ets {words}' for dev, (unused, words) in zip(links, NEWER_CASES['ets'])]
    dev = links[-1]
    items += [{'dev': dev, 'qdisc': {'kind': 'clsact'}},
              {'dev': dev, 'filter': {'parent': 'ingress', 'protocol': 'ip', 'kind': 'flower', 'match': {'ct_state': '+trk', 'ct_zone': 7},
                                      'actions': [{'kind': 'ct', 'zone': 8}]}}]
    lines += [f'tc qdisc add dev {dev} clsact', f'tc filter add dev {dev} ingress protocol ip flower ct_state +trk ct_zone 7 action ct zone 8']
    for space in (ours, theirs):
        make_links(space, links)
    theirs.batch(lines)
    ours.module('vnet_tc', config=items)
    assert not ours.module('vnet_tc', config=items)['operations']
    same(shown(ours, ['qdisc show', f'filter show dev {dev} ingress']), shown(theirs, ['qdisc show', f'filter show dev {dev} ingress']), 'ets, zones')
    round_trip(ours.name)


def test_it_really_limits(spaces):
    """A flow that arrives at full speed goes through ifb at a megabit."""
    left, right = spaces('left', 'right')
    left.ip(f'link add name a address 02:00:00:00:00:0a type veth peer name b address 02:00:00:00:00:0b netns {right.name}')
    for space, dev, mine, other, mac in ((left, 'a', 1, 2, '0b'), (right, 'b', 2, 1, '0a')):
        space.batch([f'ip addr add 192.0.2.{mine}/24 dev {dev}', f'ip link set dev {dev} up',
                     f'ip neigh add 192.0.2.{other} lladdr 02:00:00:00:00:{mac} dev {dev} nud permanent'])
    free = seconds(left, right)
    right.module('vnet_link', name='ifb7', kind='ifb')
    right.module('vnet_tc', config=[
        {'dev': 'b', 'qdisc': {'kind': 'clsact'}},
        {'dev': 'b', 'filter': {'parent': 'ingress', 'kind': 'matchall', 'actions': [{'kind': 'mirred', 'dev': 'ifb7'}]}},
        {'dev': 'ifb7', 'qdisc': {'root': True, 'kind': 'tbf', 'options': {'rate': '1mbit', 'burst': '5kb', 'limit': '1mb'}}}])
    limited = seconds(left, right)
    assert 0.45 < limited < 5 and limited > free + 0.3, (free, limited)


def seconds(left, right) -> float:
    """Time that 80 packets of 1000 bytes take; more do not fit into the buffer of a socket."""
    namespaces = Namespaces()
    try:
        with namespaces.entered(right.name):
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with namespaces.entered(left.name):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with receiver, sender:
            receiver.settimeout(5)
            receiver.bind(('192.0.2.2', 7777))
            begin = time.monotonic()
            for unused in range(80):
                sender.sendto(bytes(972), ('192.0.2.2', 7777))
            for unused in range(80):
                receiver.recv(2000)
            return time.monotonic() - begin
    finally:
        namespaces.close()


def test_what_cannot_be_made_again_is_told(spaces):
    """A qdisc of others of a kind that is not known goes for good: nobody is told that all was taken back."""
    ours = spaces('ours')
    ours.batch(['ip link add d0 type dummy', 'ip link set dev d0 up'])
    ours.tc('qdisc add dev d0 root handle 1: htb')
    ours.tc('class add dev d0 parent 1: classid 1:1 htb rate 1mbit')
    ours.tc('qdisc add dev d0 parent 1:1 handle 7: sfb')
    before = ours.tc('qdisc show dev d0').splitlines()
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'tc': [{'netns': ours.name, 'dev': 'd0', 'purge': True}],
                                'routes': [{'netns': ours.name, 'dst': '10.0.0.0/8', 'via': '192.0.2.1'}]})
    assert caught.value.result['rolled_back'] is False
    assert 'qdisc sfb 7: of d0 is of a kind that cannot be made again' in caught.value.result['msg']
    assert ours.tc('qdisc show dev d0').splitlines() == before[:1]
