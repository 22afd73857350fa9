# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""bond: link aggregation (drivers/net/bonding, IFLA_BOND_* of linux/if_link.h)."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import DOWN, RECREATE, Field
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.kind import Kind
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Ip, LinkRef, ListOf, Mac
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import ADDRESS_LIST


def _check(values: dict):
    if values.get('miimon') and values.get('arp_interval'):
        return 'miimon and arp_interval exclude each other: links are watched in one way'
    for name in ('updelay', 'downdelay'):
        if values.get(name) and not values.get('miimon', 1):
            return f'{name} needs miimon'
    return None


_DELAYS = ('updelay', 'downdelay', 'peer_notif_delay')
_LACP, _ONE_ACTIVE, _NO_ARP = ('802.3ad',), ('active-backup', 'balance-tlb', 'balance-alb'), ('802.3ad', 'balance-tlb', 'balance-alb')
#: options that the kernel reports in every mode, and takes in these only (bond_opts of drivers/net/bonding/bond_options.c)
_MODES = {
    **dict.fromkeys(('lacp_rate', 'lacp_active', 'coupled_control', 'ad_actor_sys_prio', 'ad_actor_system', 'ad_user_port_key',
                     'broadcast_neighbor'), _LACP),
    'primary': _ONE_ACTIVE, 'packets_per_slave': ('balance-rr',), 'tlb_dynamic_lb': ('balance-tlb',),
}


def _restorable(values: dict) -> dict:
    mode = values.get('mode', 'balance-rr')
    # which port is active is the bond's own doing; a preference is `primary`
    kept = {option: value for option, value in values.items() if mode in _MODES.get(option, (mode,)) and option != 'active_slave'}
    if not values.get('miimon'):
        for option in _DELAYS:
            kept.pop(option, None)
    for option in ('arp_interval', 'arp_validate', 'missed_max') if mode in _NO_ARP else () if values.get('arp_interval') else ('arp_validate',):
        kept.pop(option, None)
    if kept.get('ad_actor_system') == '00:00:00:00:00:00':  # none was set
        kept.pop('ad_actor_system')
    return kept


#: what the kernel refuses where it does not fit, though it is so anyway
_ANYWAY = {
    **dict.fromkeys(_DELAYS, 0), 'lacp_rate': 'slow', 'lacp_active': True, 'ad_actor_system': '00:00:00:00:00:00', 'packets_per_slave': 1,
    'tlb_dynamic_lb': True, 'arp_interval': 0, 'arp_validate': 'none',
}


def _creatable(values: dict) -> dict:
    mode = values.get('mode', 'balance-rr')
    fits = {option: mode in modes for option, modes in _MODES.items()}
    fits.update(dict.fromkeys(_DELAYS, bool(values.get('miimon', mode in _NO_ARP))), ad_actor_system=False)  # which must be a MAC wherever it is said
    fits.update(dict.fromkeys(('arp_interval', 'arp_validate'), mode not in _NO_ARP))
    return {option: value for option, value in values.items() if fits.get(option, True) or option not in _ANYWAY or value != _ANYWAY[option]}


def _disturbed(changed: dict, found: dict) -> dict:
    """One way to watch links ends the other."""
    names = ('miimon', *_DELAYS) if changed.get('arp_interval') and found.get('miimon') else (
        'arp_interval', 'arp_validate') if changed.get('miimon') and found.get('arp_interval') else ()
    return {name: found[name] for name in names if name in found}


def _resets(given: dict, found: dict) -> set:
    """Some modes cannot do without miimon: the kernel turns it on with them."""
    return {'miimon'} if given.get('mode') in _NO_ARP and found.get('mode') not in _NO_ARP and not found.get('miimon') else set()


def _turns(changed: dict) -> list[dict]:
    """Without miimon the kernel refuses a delay, be it 0: the delays go first."""
    delays = {option: value for option, value in changed.items() if option in _DELAYS}
    if not delays or changed.get('miimon') != 0:
        return [changed]
    return [delays, {option: value for option, value in changed.items() if option not in _DELAYS}]


KIND = Kind('bond', 'Several links used as one.', [
    Field('mode', Enum({'balance-rr': 0, 'active-backup': 1, 'balance-xor': 2, 'broadcast': 3, '802.3ad': 4, 'balance-tlb': 5, 'balance-alb': 6}),
          'IFLA_BOND_MODE', 'How traffic is spread over the ports.', live=RECREATE),
    Field('miimon', Int(0, 0x7FFFFFFF, 'milliseconds'), 'IFLA_BOND_MIIMON', 'How often the carrier of the ports is looked at; 0 is never.'),
    Field('updelay', Int(0, 0x7FFFFFFF, 'milliseconds'), 'IFLA_BOND_UPDELAY', 'Wait after a carrier comes; a multiple of O(bond.miimon).'),
    Field('downdelay', Int(0, 0x7FFFFFFF, 'milliseconds'), 'IFLA_BOND_DOWNDELAY', 'Wait after a carrier goes; a multiple of O(bond.miimon).'),
    Field('peer_notif_delay', Int(0, 300000, 'milliseconds'), 'IFLA_BOND_PEER_NOTIF_DELAY', 'Pause between gratuitous ARPs after a failover.',
          nla=(28, 'uint32'), aliases=['peer_notify_delay'], keyword='peer_notify_delay'),
    Field('use_carrier', Bool('1', '0'), 'IFLA_BOND_USE_CARRIER', 'Trust the carrier that the driver reports.'),
    Field('arp_interval', Int(0, 0x7FFFFFFF, 'milliseconds'), 'IFLA_BOND_ARP_INTERVAL', 'How often the ARP targets are asked; 0 is never.'),
    Field('arp_ip_target', ListOf(Ip(4), ordered=True, size=16), 'IFLA_BOND_ARP_IP_TARGET', 'Addresses to ask by ARP.', nla=(8, ADDRESS_LIST)),
    Field('ns_ip6_target', ListOf(Ip(6), ordered=True, size=16), 'IFLA_BOND_NS_IP6_TARGET', 'Addresses to ask by neighbour solicitation.',
          nla=(31, ADDRESS_LIST)),
    Field('arp_validate', Enum({'none': 0, 'active': 1, 'backup': 2, 'all': 3, 'filter': 4, 'filter_active': 5, 'filter_backup': 6}),
          'IFLA_BOND_ARP_VALIDATE', 'Which ARP answers count.'),
    Field('arp_all_targets', Enum({'any': 0, 'all': 1}), 'IFLA_BOND_ARP_ALL_TARGETS', 'Whether one or all targets must answer.'),
    Field('missed_max', Int(1, 255), 'IFLA_BOND_MISSED_MAX', 'ARP answers missed in a row before a port is down.', nla=(30, 'uint8'),
          aliases=['arp_missed_max'], keyword='arp_missed_max'),
    Field('primary', LinkRef(), 'IFLA_BOND_PRIMARY', 'Port that is active whenever it can be.', late=True),
    Field('active_slave', LinkRef(), 'IFLA_BOND_ACTIVE_SLAVE', 'Port to make active now.', late=True),
    Field('primary_reselect', Enum({'always': 0, 'better': 1, 'failure': 2}), 'IFLA_BOND_PRIMARY_RESELECT', 'When the primary takes over again.'),
    Field('fail_over_mac', Enum({'none': 0, 'active': 1, 'follow': 2}), 'IFLA_BOND_FAIL_OVER_MAC', 'Whose MAC the bond has.', live=RECREATE),
    Field('xmit_hash_policy', Enum({'layer2': 0, 'layer3+4': 1, 'layer2+3': 2, 'encap2+3': 3, 'encap3+4': 4, 'vlan+srcmac': 5}),
          'IFLA_BOND_XMIT_HASH_POLICY', 'What decides the port of a flow.'),
    Field('resend_igmp', Int(0, 255), 'IFLA_BOND_RESEND_IGMP', 'IGMP reports sent after a failover.'),
    Field('num_peer_notif', Int(0, 255), 'IFLA_BOND_NUM_PEER_NOTIF', 'Gratuitous ARPs sent after a failover.', aliases=['num_grat_arp', 'num_unsol_na'],
          keyword='num_grat_arp'),
    Field('all_slaves_active', Bool('1', '0'), 'IFLA_BOND_ALL_SLAVES_ACTIVE', 'Deliver frames that inactive ports receive.'),
    Field('min_links', Int(0, 0x7FFFFFFF), 'IFLA_BOND_MIN_LINKS', 'Ports that must be up for the bond to have a carrier.'),
    Field('lp_interval', Int(1, 0x7FFFFFFF, 'seconds'), 'IFLA_BOND_LP_INTERVAL', 'Pause between learning packets.'),
    Field('packets_per_slave', Int(0, 65535), 'IFLA_BOND_PACKETS_PER_SLAVE', 'Packets in a row through one port in balance-rr; 0 is random.'),
    Field('lacp_rate', Enum({'slow': 0, 'fast': 1}), 'IFLA_BOND_AD_LACP_RATE', 'How often the partner sends LACPDUs.', live=DOWN,
          aliases=['ad_lacp_rate']),
    Field('lacp_active', Bool('on', 'off'), 'IFLA_BOND_AD_LACP_ACTIVE', 'Send LACPDUs unasked.', nla=(29, 'uint8'), live=DOWN,
          aliases=['ad_lacp_active']),
    Field('coupled_control', Bool('on', 'off'), 'IFLA_BOND_COUPLED_CONTROL', 'Couple the collecting and distributing states of LACP.',
          nla=(32, 'uint8'), live=DOWN),
    Field('broadcast_neighbor', Bool('on', 'off'), 'IFLA_BOND_BROADCAST_NEIGH', 'Send ARP and neighbour discovery through all ports.', nla=(33, 'uint8')),
    Field('ad_select', Enum({'stable': 0, 'bandwidth': 1, 'count': 2}), 'IFLA_BOND_AD_SELECT', 'How the aggregator is chosen.', live=DOWN),
    Field('ad_actor_sys_prio', Int(1, 65535), 'IFLA_BOND_AD_ACTOR_SYS_PRIO', 'LACP system priority.', live=DOWN),
    Field('ad_user_port_key', Int(0, 1023), 'IFLA_BOND_AD_USER_PORT_KEY', 'Upper bits of the LACP port key.', live=DOWN),
    Field('ad_actor_system', Mac(), 'IFLA_BOND_AD_ACTOR_SYSTEM', 'LACP system MAC.', nla=(26, 'l2addr'), live=DOWN),
    Field('tlb_dynamic_lb', Bool('1', '0'), 'IFLA_BOND_TLB_DYNAMIC_LB', 'Move flows by load in balance-tlb.', live=DOWN),
], check=_check, restorable=_restorable, creatable=_creatable, disturbed=_disturbed, resets=_resets, turns=_turns,
    whole=[('miimon', *_DELAYS)], port_down=True, port_option='bond_port', port=[
    Field('queue_id', Int(0, 65535), 'IFLA_BOND_SLAVE_QUEUE_ID', 'Transmit queue that is mapped to the port; 0 for none.', unique=True),
    Field('prio', Int(-0x80000000, 0x7FFFFFFF), 'IFLA_BOND_SLAVE_PRIO', 'Preference when the active port is chosen; higher is better.', nla=(9, 'int32')),
    Field('actor_port_prio', Int(0, 65535), 'IFLA_BOND_SLAVE_ACTOR_PORT_PRIO', 'LACP priority of the port; lower is better. The default is 255.',
          nla=(10, 'uint16')),
])
