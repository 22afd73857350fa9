# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be set of links: the keywords that iproute2 7.1 takes, by kind, and those that are left out, with the reason.

The keywords are those that the parser of the kind compares its arguments with, without such as are values of another keyword, and without the `no` that
takes one back. Attributes of linux/if_link.h of Linux 7.1 that can be set but have no keyword stand there by their name in capitals, as BOND_LACP_STRICT.
"""

from __future__ import annotations

_TUNNEL = 'remote local dev ttl hoplimit hlim tos tclass dsfield encap encap-sport encap-dport encap-csum encap-udp6-csum encap-remcsum external fwmark '
_GRE = _TUNNEL + 'key ikey okey seq iseq oseq csum icsum ocsum '
_GRE4 = _GRE + 'pmtudisc ignore-df '
_GRE6 = _GRE + 'flowlabel fl dscp encaplimit allow-localremote '
_ERSPAN = 'erspan erspan_ver erspan_dir erspan_hwid '
_VTI = 'key ikey okey remote local dev fwmark'
_BITTIMING = 'bitrate sample-point tq prop-seg phase-seg1 phase-seg2 sjw'

KNOWN = {key: words.split() for key, words in {
    '': 'up down name index link address broadcast brd txqueuelen qlen txqlen mtu inet xdp xdpgeneric xdpdrv xdpoffload netns multicast allmulticast promisc'
        ' trailers arp carrier vf master vrf dynamic type alias group mode state numtxqueues numrxqueues addrgenmode link-netns link-netnsid protodown'
        ' protodown_reason gso_max_size gso_max_segs gro_max_size gso_ipv4_max_size gro_ipv4_max_size parentdev altname IFLA_WEIGHT IFLA_MAP',
    'amt': 'mode relay_port gateway_port max_tunnels dev local discovery',
    'bareudp': 'dstport ethertype srcportmin multiproto',
    'batadv': 'ra',
    'bond': 'mode active_slave clear_active_slave miimon updelay downdelay peer_notify_delay use_carrier arp_interval arp_ip_target ns_ip6_target arp_validate'
            ' arp_all_targets arp_missed_max primary primary_reselect fail_over_mac xmit_hash_policy resend_igmp num_grat_arp num_unsol_na all_slaves_active'
            ' min_links lp_interval packets_per_slave lacp_rate lacp_active coupled_control broadcast_neighbor ad_select ad_user_port_key ad_actor_sys_prio'
            ' ad_actor_system tlb_dynamic_lb BOND_LACP_STRICT',
    'bond_port': 'queue_id prio actor_port_prio',
    'bridge': 'forward_delay hello_time max_age ageing_time stp_state stp_mode priority vlan_filtering vlan_protocol group_fwd_mask group_address'
              ' no_linklocal_learn mst_enabled fdb_max_learned fdb_flush vlan_default_pvid vlan_stats_enabled vlan_stats_per_port mcast_router mcast_snooping'
              ' mcast_vlan_snooping mcast_query_use_ifaddr mcast_querier mcast_hash_elasticity mcast_hash_max mcast_last_member_count'
              ' mcast_startup_query_count mcast_last_member_interval mcast_membership_interval mcast_querier_interval mcast_query_interval'
              ' mcast_query_response_interval mcast_startup_query_interval mcast_stats_enabled mcast_igmp_version mcast_mld_version nf_call_iptables'
              ' nf_call_ip6tables nf_call_arptables mdb_offload_fail_notification fdb_local_vlan_0',
    # of ip link set type bridge_slave, and of bridge link set
    'bridge_port': 'fdb_flush state priority cost hairpin guard root_block fastleave learning flood mcast_flood bcast_flood mcast_to_unicast proxy_arp'
                   ' proxy_arp_wifi mcast_router mcast_fast_leave neigh_suppress neigh_vlan_suppress neigh_forward_grat group_fwd_mask vlan_tunnel isolated'
                   ' locked mab backup_port nobackup_port backup_nhid mcast_max_groups learning_sync hwmode BRPORT_MCAST_EHT_HOSTS_LIMIT',
    'can': ' '.join([_BITTIMING, *('d' + word for word in _BITTIMING.split()), *('x' + word for word in _BITTIMING.split())]) +
           ' tdcv tdco tdcf xtdcv xtdco xtdcf pwms pwml pwmo loopback listen-only triple-sampling one-shot berr-reporting fd fd-non-iso presume-ack cc-len8-dlc'
           ' tdc-mode restricted xl xtdc-mode tms restart restart-ms termination',
    'dummy': '', 'ifb': '', 'nlmon': '', 'vcan': '', 'team': '',
    'erspan': _GRE4 + _ERSPAN,
    'geneve': 'id vni remote local ttl hoplimit tos dsfield df label flowlabel dstport external udpcsum udp6zerocsumtx udp6zerocsumrx innerprotoinherit'
              ' GENEVE_PORT_RANGE GENEVE_GRO_HINT',
    'gre': _GRE4, 'gretap': _GRE4,
    'hsr': 'supervision version proto slave1 slave2 interlink',
    'ip6erspan': _GRE6 + _ERSPAN, 'ip6gre': _GRE6, 'ip6gretap': _GRE6,
    'ip6tnl': _TUNNEL + 'mode tc encaplimit flowlabel fl dscp allow-localremote',
    'ipip': _TUNNEL + 'mode tc pmtudisc',
    'ipoib': 'pkey mode umcast',
    'ipvlan': 'mode private vepa bridge', 'ipvtap': 'mode private vepa bridge',
    'macsec': 'sci address port cipher icvlen encrypt send_sci end_station scb protect replay window validate encodingsa offload',
    'macvlan': 'mode flag nopromisc nodst macaddr bcqueuelen bclim', 'macvtap': 'mode flag nopromisc nodst macaddr bcqueuelen bclim',
    'netkit': 'mode forward blackhole peer scrub NETKIT_HEADROOM NETKIT_TAILROOM NETKIT_PAIRING',
    'sit': _TUNNEL + 'mode tc pmtudisc isatap 6rd-prefix 6rd-relay_prefix 6rd-reset',
    'veth': 'peer', 'vxcan': 'peer',
    'vlan': 'protocol id reorder_hdr gvrp mvrp loose_binding bridge_binding ingress-qos-map egress-qos-map',
    'vrf': 'table',
    'vti': _VTI, 'vti6': _VTI,
    # with `bridge vni` for the last three
    'vxlan': 'id vni group remote local dev ttl hoplimit tos dsfield df label flowlabel ageing maxaddress port srcport dstport learning proxy rsc l2miss l3miss'
             ' udpcsum udp6zerocsumtx udp6zerocsumrx remcsumtx remcsumrx localbypass reserved_bits external gbp gpe vnifilter mcroute'
             ' VXLAN_REMCSUM_NOPARTIAL VXLAN_LABEL_POLICY vnis',
    'xfrm': 'dev if_id external',
}.items()}

#: keywords for what another option or another way of writing it says: {keyword: option}, for the kind or for all kinds (with an option of either name)
SAME = {
    '': {'up': 'up', 'down': 'up', 'brd': 'broadcast', 'txqueuelen': 'txqlen', 'qlen': 'txqlen', 'type': 'kind', 'vrf': 'master', 'altname': 'altnames',
         'netns': 'move_from', 'link-netns': 'link_netns', 'link-netnsid': 'link_netns', 'xdpgeneric': 'xdp', 'xdpdrv': 'xdp', 'xdpoffload': 'xdp',
         'vf': 'vfs'},
    '*': {'hoplimit': 'ttl', 'hlim': 'ttl hoplimit', 'dsfield': 'tos tclass', 'tclass': 'tos', 'tc': 'tos tclass', 'fl': 'flowlabel', 'dscp': 'flowlabel',
          'label': 'flowlabel', 'vni': 'id', 'port': 'port_range'},
    'bond': {'clear_active_slave': 'active_slave'},
    'bridge_port': {'nobackup_port': 'backup_port', 'mcast_fast_leave': 'fastleave'},
    'ipvlan': {'private': 'flags', 'vepa': 'flags', 'bridge': 'flags'}, 'ipvtap': {'private': 'flags', 'vepa': 'flags', 'bridge': 'flags'},
    'macvlan': {'flag': 'flags', 'nopromisc': 'flags', 'nodst': 'flags', 'macaddr': 'macaddr_data'},
    'macvtap': {'flag': 'flags', 'nopromisc': 'flags', 'nodst': 'flags', 'macaddr': 'macaddr_data'},
    'macsec': {'address': 'sci', 'port': 'port'},
    'netkit': {'forward': 'policy', 'blackhole': 'policy'},
    'sit': {'6rd-reset': 'sixrd_prefix'},
}

_ACTION = 'an action, not a state'
_NO_WORD = 'iproute2 has no keyword for it, so there would be no command to show'
LEFT_OUT = {
    ('', 'index'): 'numbers are given by the kernel; links are told apart by name',
    ('', 'inet'): 'the settings of net.ipv4.conf, which are those of vnet_sysctl',
    ('', 'state'): 'the operational state is what a supplicant says of the link, not what a playbook wants of it',
    ('', 'protodown_reason'): 'bits of daemons that hold links down, each of which takes back its own',
    ('', 'parentdev'): 'of drivers of modems (wwan, rmnet), which are no kinds here',
    ('', 'IFLA_WEIGHT'): 'no driver looks at it', ('', 'IFLA_MAP'): 'addresses of ISA cards',
    ('bond', 'BOND_LACP_STRICT'): _NO_WORD,
    ('bridge', 'fdb_flush'): _ACTION, ('bridge_port', 'fdb_flush'): _ACTION,
    ('bridge', 'mcast_hash_elasticity'): 'without effect since Linux 4.20',
    ('bridge_port', 'learning_sync'): 'of switch hardware alone', ('bridge_port', 'hwmode'): 'a mode of hardware (IFLA_BRIDGE_MODE), not of the port',
    ('bridge_port', 'BRPORT_MCAST_EHT_HOSTS_LIMIT'): _NO_WORD,
    ('can', 'restart'): _ACTION,
    **{(kind, word): 'the driver takes keys and sequence numbers only (erspan_validate)' for kind in ('erspan', 'ip6erspan')
       for word in ('csum', 'icsum', 'ocsum')},
    ('sit', 'external'): 'the driver has no such mode (ipip has)',
    ('geneve', 'GENEVE_GRO_HINT'): _NO_WORD,
    ('netkit', 'NETKIT_HEADROOM'): _NO_WORD, ('netkit', 'NETKIT_TAILROOM'): _NO_WORD, ('netkit', 'NETKIT_PAIRING'): _NO_WORD,
    ('vxlan', 'VXLAN_REMCSUM_NOPARTIAL'): _NO_WORD, ('vxlan', 'VXLAN_LABEL_POLICY'): _NO_WORD,
}
