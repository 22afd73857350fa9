# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What crossed an interface, in a few tables: who spoke to whom, in which VLAN, tunnel, or secure channel."""

from __future__ import annotations

import collections

ROWS = 200  # of each table; the most frequent stay

# table: fields of its rows; a packet counts in it when it has the first of them
TABLES = {
    'vxlan': ('vxlan_vni', 'ip_src', 'ip_dst', 'dport'),
    'geneve': ('geneve_vni', 'ip_src', 'ip_dst', 'dport'),
    'arp': ('arp_operation', 'arp_sender_ip', 'arp_sender_mac', 'arp_target_ip'),
    'icmp': ('icmp_type', 'ip_src', 'ip_dst', 'icmp_id'),
    'lacp': ('lacp_actor_system', 'lacp_actor_key', 'lacp_actor_port', 'lacp_partner_system', 'lacp_partner_key', 'lacp_partner_port'),
    'stp': ('stp_bridge', 'stp_root', 'stp_type', 'stp_port'),
    'can': ('can_id', 'can_extended', 'can_fd'),
}


def _rows(counter, fields):
    return [dict(zip(fields, key), packets=count) for key, count in counter.most_common(ROWS)]


def summarise(packets):
    """Tables over decoded packets; what tunnels carried is summarised the same way under ``inner``."""
    summary = {'packets': len(packets), 'bytes': sum(packet['length'] for packet in packets)}
    count = collections.Counter
    summary['protocols'] = dict(count(layer for packet in packets for layer in set(packet['layers'])).most_common())
    summary['ethertypes'] = dict(count(packet['ethertype'] for packet in packets if 'ethertype' in packet).most_common())
    summary['vlans'] = _rows(count((vid,) for packet in packets for vid in set(packet.get('vlan', []))), ('vlan',))
    summary['untagged'] = sum(1 for packet in packets if 'src_mac' in packet and 'vlan' not in packet)
    summary['macs'] = _rows(count((packet['src_mac'],) for packet in packets if 'src_mac' in packet), ('mac',))
    summary['flows'] = _rows(count((packet['ip_src'], packet['ip_dst'], packet['layers'][-1]) for packet in packets if 'ip_src' in packet),
                             ('ip_src', 'ip_dst', 'protocol'))
    for table, fields in TABLES.items():
        rows = count(tuple(packet.get(field) for field in fields) for packet in packets if fields[0] in packet)
        if rows:
            summary[table] = _rows(rows, fields)
    channels = collections.defaultdict(list)
    for packet in packets:
        if 'macsec_pn' in packet:
            channels[packet.get('macsec_sci'), packet['macsec_an'], packet['macsec_encrypted']].append(packet['macsec_pn'])
    if channels:
        summary['macsec'] = [{'macsec_sci': sci, 'macsec_an': an, 'macsec_encrypted': encrypted, 'packets': len(numbers), 'pn_min': min(numbers),
                              'pn_max': max(numbers)} for (sci, an, encrypted), numbers in list(channels.items())[:ROWS]]
    messages = count(kind for packet in packets for kind in packet.get('netlink_type', []))
    if messages:
        summary['netlink'] = dict(messages.most_common(ROWS))
        summary['netlink_links'] = sorted({name for packet in packets for name in packet['netlink_ifname']})
    inner = [packet['inner'] for packet in packets if 'inner' in packet]
    if inner:
        summary['inner'] = summarise(inner)
    return summary
