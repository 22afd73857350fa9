# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bridge: an Ethernet switch (net/bridge, IFLA_BR_* and IFLA_BRPORT_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, LinkRef, Mac, Numbered

_CLOCK = 'hundredths of a second'
_BOOLOPT = (46, (('flags', 'I'), ('mask', 'I')))


def _time(name: str, attr: str, doc: str, **more) -> Field:
    """A timer. The kernel counts in its own ticks, so what is read back may be one less or more."""
    return Field(name, Int(unit=_CLOCK), attr, doc, tolerance=1, **more)


def _interval(name: str, attr: str, doc: str) -> Field:
    return Field(name, Int(0, 0xFFFFFFFFFFFF, _CLOCK), attr, doc, tolerance=1, aliases=[name.replace('interval', 'intvl')])


def _switch(name: str, attr: str, doc: str, **more) -> Field:
    return Field(name, Bool('1', '0'), attr, doc, **more)


def _port(name: str, attr: str, doc: str, number: int | None = None, **more) -> Field:
    return Field(name, Bool('on', 'off'), attr, doc, nla=None if number is None else (number, 'uint8'), **more)


KIND = Kind('bridge', 'An Ethernet switch whose ports are the links that have it as O(master).', [
    _switch('stp_state', 'IFLA_BR_STP_STATE', 'Run the spanning tree protocol.'),
    Field('stp_mode', Enum({'auto': 0, 'user': 1, 'kernel': 2}), 'IFLA_BR_STP_MODE',
          'Who runs the spanning tree: the kernel unless a program wants to, always a program, or always the kernel; only while STP is off.',
          nla=(50, 'uint32')),
    Field('priority', Int(0, 65535), 'IFLA_BR_PRIORITY', 'Bridge priority of the spanning tree; lower wins.'),
    _time('forward_delay', 'IFLA_BR_FORWARD_DELAY', 'Time a port listens and learns before it forwards; 200 to 3000 while STP runs.'),
    _time('hello_time', 'IFLA_BR_HELLO_TIME', 'Pause between hello packets of the root.'),
    _time('max_age', 'IFLA_BR_MAX_AGE', 'Age at which a hello packet counts as lost.'),
    _time('ageing_time', 'IFLA_BR_AGEING_TIME', 'Lifetime of learned FDB entries.'),
    _switch('vlan_filtering', 'IFLA_BR_VLAN_FILTERING', 'Let only those VLANs through that a port is a member of.'),
    Field('vlan_protocol', Enum({'802.1Q': 0x8100, '802.1ad': 0x88A8}), 'IFLA_BR_VLAN_PROTOCOL', 'Tag protocol.'),
    Field('vlan_default_pvid', Int(0, 4094), 'IFLA_BR_VLAN_DEFAULT_PVID', 'VLAN of untagged frames on new ports; 0 for none.'),
    _switch('vlan_stats_enabled', 'IFLA_BR_VLAN_STATS_ENABLED', 'Count by VLAN.'),
    _switch('vlan_stats_per_port', 'IFLA_BR_VLAN_STATS_PER_PORT', 'Count by VLAN and port; only while no port has VLANs.', nla=(45, 'uint8')),
    Field('group_fwd_mask', Int(0, 65535), 'IFLA_BR_GROUP_FWD_MASK', 'Link-local groups 01:80:c2:00:00:0X to forward, a bit each.'),
    Field('group_address', Mac(), 'IFLA_BR_GROUP_ADDR', 'Group address of the spanning tree protocol.', aliases=['group_addr']),
    _switch('no_linklocal_learn', 'IFLA_BR_MULTI_BOOLOPT', 'Do not learn from link-local frames.', nla=_BOOLOPT, bit=1),
    _switch('mcast_vlan_snooping', 'IFLA_BR_MULTI_BOOLOPT', 'Snoop multicast by VLAN.', nla=_BOOLOPT, bit=2),
    _switch('mst_enabled', 'IFLA_BR_MULTI_BOOLOPT', 'Multiple spanning trees; only while no VLANs exist.', nla=_BOOLOPT, bit=4),
    _switch('mdb_offload_fail_notification', 'IFLA_BR_MULTI_BOOLOPT', 'Tell listeners about multicast entries that hardware did not take.',
            nla=_BOOLOPT, bit=8),
    _switch('fdb_local_vlan_0', 'IFLA_BR_MULTI_BOOLOPT', 'Keep the MACs of the bridge and its ports once for all VLANs; only while no VLANs exist.',
            nla=_BOOLOPT, bit=16),
    Field('fdb_max_learned', Int(), 'IFLA_BR_FDB_MAX_LEARNED', 'Largest number of learned FDB entries; 0 is no limit.', nla=(49, 'uint32')),
    Field('mcast_router', Numbered({'off': 0, 'auto': 1, 'on': 2}), 'IFLA_BR_MCAST_ROUTER',
          'Whether a multicast router is behind the bridge: V(off), V(on), or V(auto) where that is found out.'),
    _switch('mcast_snooping', 'IFLA_BR_MCAST_SNOOPING', 'Send multicast only to ports that asked for it.'),
    _switch('mcast_query_use_ifaddr', 'IFLA_BR_MCAST_QUERY_USE_IFADDR', "Send IGMP queries from the bridge's own address."),
    _switch('mcast_querier', 'IFLA_BR_MCAST_QUERIER', 'Send IGMP and MLD queries.'),
    Field('mcast_hash_max', Int(1), 'IFLA_BR_MCAST_HASH_MAX', 'Largest number of multicast groups; a power of two.'),
    Field('mcast_last_member_count', Int(), 'IFLA_BR_MCAST_LAST_MEMBER_CNT', 'Queries before a group counts as empty.',
          aliases=['mcast_last_member_cnt']),
    Field('mcast_startup_query_count', Int(), 'IFLA_BR_MCAST_STARTUP_QUERY_CNT', 'Queries sent at start.', aliases=['mcast_startup_query_cnt']),
    _interval('mcast_last_member_interval', 'IFLA_BR_MCAST_LAST_MEMBER_INTVL', 'Pause between queries to a group that lost a member.'),
    _interval('mcast_membership_interval', 'IFLA_BR_MCAST_MEMBERSHIP_INTVL', 'Lifetime of a group without reports.'),
    _interval('mcast_querier_interval', 'IFLA_BR_MCAST_QUERIER_INTVL', 'Silence after which another querier counts as gone.'),
    _interval('mcast_query_interval', 'IFLA_BR_MCAST_QUERY_INTVL', 'Pause between queries.'),
    _interval('mcast_query_response_interval', 'IFLA_BR_MCAST_QUERY_RESPONSE_INTVL', 'Time within which reports must come.'),
    _interval('mcast_startup_query_interval', 'IFLA_BR_MCAST_STARTUP_QUERY_INTVL', 'Pause between the queries at start.'),
    _switch('mcast_stats_enabled', 'IFLA_BR_MCAST_STATS_ENABLED', 'Count IGMP and MLD packets.'),
    Field('mcast_igmp_version', Int(2, 3), 'IFLA_BR_MCAST_IGMP_VERSION', 'IGMP version of the queries.'),
    Field('mcast_mld_version', Int(1, 2), 'IFLA_BR_MCAST_MLD_VERSION', 'MLD version of the queries.'),
    _switch('nf_call_iptables', 'IFLA_BR_NF_CALL_IPTABLES', 'Hand bridged IPv4 packets to iptables.'),
    _switch('nf_call_ip6tables', 'IFLA_BR_NF_CALL_IP6TABLES', 'Hand bridged IPv6 packets to ip6tables.'),
    _switch('nf_call_arptables', 'IFLA_BR_NF_CALL_ARPTABLES', 'Hand bridged ARP packets to arptables.'),
], later=('mtu',), port_option='bridge_port', port=[
    Field('state', Enum({'disabled': 0, 'listening': 1, 'learning': 2, 'forwarding': 3, 'blocking': 4}, numeric=True), 'IFLA_BRPORT_STATE',
          'Spanning tree state; only settable while STP is off.'),
    Field('priority', Int(0, 63), 'IFLA_BRPORT_PRIORITY', 'Port priority of the spanning tree; lower wins.'),
    Field('cost', Int(1, 65535), 'IFLA_BRPORT_COST', 'Path cost of the spanning tree.'),
    _port('hairpin', 'IFLA_BRPORT_MODE', 'Send frames back through the port that they came by.'),
    _port('guard', 'IFLA_BRPORT_GUARD', 'Drop spanning tree packets that come in.', aliases=['bpdu_guard']),
    _port('root_block', 'IFLA_BRPORT_PROTECT', 'Never let the port lead to the root.'),
    _port('fastleave', 'IFLA_BRPORT_FAST_LEAVE', 'End a group at once when a member leaves.', aliases=['mcast_fast_leave']),
    _port('learning', 'IFLA_BRPORT_LEARNING', 'Learn MACs from received frames.'),
    _port('flood', 'IFLA_BRPORT_UNICAST_FLOOD', 'Send unicast to unknown MACs through the port.'),
    _port('mcast_flood', 'IFLA_BRPORT_MCAST_FLOOD', 'Send multicast of unknown groups through the port.'),
    _port('bcast_flood', 'IFLA_BRPORT_BCAST_FLOOD', 'Send broadcast through the port.'),
    _port('mcast_to_unicast', 'IFLA_BRPORT_MCAST_TO_UCAST', 'Send multicast as unicast to each member.'),
    Field('mcast_router', Int(0, 3), 'IFLA_BRPORT_MULTICAST_ROUTER', 'Multicast router behind the port: 0 no, 1 if seen, 2 yes, 3 if seen for a while.',
          aliases=['multicast_router']),
    _port('proxy_arp', 'IFLA_BRPORT_PROXYARP', 'Answer ARP for neighbours that the bridge knows.'),
    _port('proxy_arp_wifi', 'IFLA_BRPORT_PROXYARP_WIFI', 'Answer ARP as IEEE 802.11 wants it.'),
    _port('neigh_suppress', 'IFLA_BRPORT_NEIGH_SUPPRESS', 'Answer ARP and neighbour solicitations instead of flooding them.'),
    _port('neigh_vlan_suppress', 'IFLA_BRPORT_NEIGH_VLAN_SUPPRESS', 'Suppress by VLAN.', 43),
    Field('group_fwd_mask', Int(0, 65535), 'IFLA_BRPORT_GROUP_FWD_MASK', 'Link-local groups to forward, a bit each.'),
    _port('vlan_tunnel', 'IFLA_BRPORT_VLAN_TUNNEL', 'Map VLANs to tunnel identifiers.'),
    _port('isolated', 'IFLA_BRPORT_ISOLATED', 'Do not talk to other isolated ports.'),
    _port('locked', 'IFLA_BRPORT_LOCKED', 'Let only MACs in that have an FDB entry.', 39),
    _port('mab', 'IFLA_BRPORT_MAB', 'Learn locked FDB entries for MAC authentication.', 40),
    Field('backup_port', LinkRef(none=True), 'IFLA_BRPORT_BACKUP_PORT', 'Port that takes the traffic while this one has no carrier.',
          late=True),
    Field('backup_nhid', Int(), 'IFLA_BRPORT_BACKUP_NHID', 'FDB nexthop group that traffic for the backup port is sent to; 0 for none.',
          nla=(44, 'uint32'), unsaid=0),
    _port('neigh_forward_grat', 'IFLA_BRPORT_NEIGH_FORWARD_GRAT', 'Flood gratuitous ARP and unsolicited neighbour advertisements'
          ' in spite of neigh_suppress.', 45),
    Field('mcast_max_groups', Int(), 'IFLA_BRPORT_MCAST_MAX_GROUPS', 'Largest number of multicast groups behind the port; 0 is no limit.', nla=(42, 'uint32'),
          tool='bridge'),
], fresh={option: False for option in ('vlan_filtering', 'mcast_vlan_snooping', 'mst_enabled', 'fdb_local_vlan_0')})
