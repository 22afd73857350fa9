# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of every link kind, against iproute2.

The tables of the kinds say which options there are; OPTIONS below says for each of them a value that is not the default, and how iproute2 sets it. An option
without an entry fails test_every_option_has_a_case. All options of a kind are tried at once, each on a link of its own: starts of processes are what this tier
has little time for.
"""

from __future__ import annotations

import importlib
import json
import re
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import DOWN, IN_PLACE, RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import COMMON, PLAIN, PORTS
from differential.cases import Case, on
from differential.conftest import normalise
from module import ModuleFailed, round_trip, run_here

ACTIVE_BACKUP = {'mode': 'active-backup'}, 'mode active-backup'
LACP = {'mode': '802.3ad'}, 'mode 802.3ad'
MONITORED = {'miimon': 100}, 'miimon 100'
ARP = {'mode': 'active-backup', 'arp_interval': 1000, 'arp_ip_target': ['192.0.2.1']}, 'mode active-backup arp_interval 1000 arp_ip_target 192.0.2.1'
IPV6 = {'remote': '2001:db8::2'}, 'remote 2001:db8::2'
EXTERNAL = {'external': True, 'learning': False}, 'external nolearning'

#: For options that Linux 6.1 or its iproute2 does not have: the release of the other kernel of this tier, which comes with an iproute2 that has them all.
NEWER = ('6.12',)

OPTIONS = {
    'bond': {
        'mode': Case('balance-xor', 'mode balance-xor'),
        'miimon': Case(150, 'miimon 150'),
        'updelay': Case(200, 'updelay 200', *MONITORED),
        'downdelay': Case(300, 'downdelay 300', *MONITORED),
        'peer_notif_delay': Case(400, 'peer_notify_delay 400', *MONITORED),
        'use_carrier': Case(False, 'use_carrier 0'),
        'arp_interval': Case(700, 'arp_interval 700', *ACTIVE_BACKUP),
        'arp_ip_target': Case(['192.0.2.7', '192.0.2.3'], 'arp_ip_target 192.0.2.7,192.0.2.3', *ACTIVE_BACKUP),
        'ns_ip6_target': Case(['2001:db8::7', '2001:db8::3'], 'ns_ip6_target 2001:db8::7,2001:db8::3', *ACTIVE_BACKUP),
        'arp_validate': Case('filter_backup', 'arp_validate filter_backup', *ARP),
        'arp_all_targets': Case('all', 'arp_all_targets all', *ARP),
        'missed_max': Case(7, 'arp_missed_max 7'),
        'primary': Case('PORT-b', 'primary PORT-b', *ACTIVE_BACKUP, ports=True),
        'active_slave': Case('PORT-b', 'active_slave PORT-b', *ACTIVE_BACKUP, ports=True, up=True),
        'primary_reselect': Case('failure', 'primary_reselect failure', *ACTIVE_BACKUP),
        'fail_over_mac': Case('active', 'fail_over_mac active', *ACTIVE_BACKUP),
        'xmit_hash_policy': Case('layer3+4', 'xmit_hash_policy layer3+4'),
        'resend_igmp': Case(7, 'resend_igmp 7'),
        'num_peer_notif': Case(7, 'num_grat_arp 7'),
        'all_slaves_active': on('all_slaves_active 1'),
        'min_links': Case(2, 'min_links 2'),
        'lp_interval': Case(7, 'lp_interval 7'),
        'packets_per_slave': Case(7, 'packets_per_slave 7'),
        'lacp_rate': Case('fast', 'lacp_rate fast', *LACP),
        'lacp_active': Case(False, 'lacp_active off', *LACP),
        'coupled_control': Case(False, 'coupled_control off', *LACP, kernel=NEWER),
        'ad_select': Case('bandwidth', 'ad_select bandwidth', *LACP),
        'ad_actor_sys_prio': Case(7, 'ad_actor_sys_prio 7', *LACP),
        'ad_user_port_key': Case(7, 'ad_user_port_key 7', *LACP),
        'ad_actor_system': Case('02:00:00:00:00:07', 'ad_actor_system 02:00:00:00:00:07', *LACP),
        'tlb_dynamic_lb': Case(False, 'tlb_dynamic_lb 0', {'mode': 'balance-tlb'}, 'mode balance-tlb'),
    },
    'bridge': {
        'stp_state': on('stp_state 1'),
        'priority': Case(4096, 'priority 4096'),
        'forward_delay': Case(777, 'forward_delay 777'),
        'hello_time': Case(333, 'hello_time 333'),
        'max_age': Case(1777, 'max_age 1777'),
        'ageing_time': Case(77777, 'ageing_time 77777'),
        'vlan_filtering': on('vlan_filtering 1'),
        'vlan_protocol': Case('802.1ad', 'vlan_protocol 802.1ad'),
        'vlan_default_pvid': Case(77, 'vlan_default_pvid 77'),
        'vlan_stats_enabled': on('vlan_stats_enabled 1'),
        'vlan_stats_per_port': on('vlan_stats_per_port 1'),
        'mst_enabled': on('mst_enabled 1', kernel=NEWER),
        'fdb_max_learned': Case(7777, 'fdb_max_learned 7777', kernel=NEWER),
        'group_fwd_mask': Case(8, 'group_fwd_mask 8'),
        'group_address': Case('01:80:c2:00:00:0e', 'group_address 01:80:c2:00:00:0e'),
        'no_linklocal_learn': on('no_linklocal_learn 1'),
        'mcast_vlan_snooping': on('mcast_vlan_snooping 1', {'vlan_filtering': True}, 'vlan_filtering 1'),
        'mcast_router': Case('on', 'mcast_router 2'),
        'mcast_snooping': Case(False, 'mcast_snooping 0'),
        'mcast_query_use_ifaddr': on('mcast_query_use_ifaddr 1'),
        'mcast_querier': on('mcast_querier 1'),
        'mcast_hash_max': Case(512, 'mcast_hash_max 512'),
        'mcast_last_member_count': Case(7, 'mcast_last_member_count 7'),
        'mcast_startup_query_count': Case(7, 'mcast_startup_query_count 7'),
        'mcast_last_member_interval': Case(777, 'mcast_last_member_interval 777'),
        'mcast_membership_interval': Case(7777, 'mcast_membership_interval 7777'),
        'mcast_querier_interval': Case(7777, 'mcast_querier_interval 7777'),
        'mcast_query_interval': Case(7777, 'mcast_query_interval 7777'),
        'mcast_query_response_interval': Case(777, 'mcast_query_response_interval 777'),
        'mcast_startup_query_interval': Case(777, 'mcast_startup_query_interval 777'),
        'mcast_stats_enabled': on('mcast_stats_enabled 1'),
        'mcast_igmp_version': Case(3, 'mcast_igmp_version 3'),
        'mcast_mld_version': Case(2, 'mcast_mld_version 2'),
        'nf_call_iptables': on('nf_call_iptables 1'),
        'nf_call_ip6tables': on('nf_call_ip6tables 1'),
        'nf_call_arptables': on('nf_call_arptables 1'),
    },
    'macvlan': {
        'mode': Case('bridge', 'mode bridge'),
        'flags': Case(['nopromisc'], 'nopromisc', {'mode': 'passthru'}, 'mode passthru', up=True),
        'macaddr_data': Case(['02:00:00:00:00:07', '02:00:00:00:00:03'], 'macaddr set 02:00:00:00:00:07 02:00:00:00:00:03', {'mode': 'source'}, 'mode source'),
        'bc_queue_len': Case(7777, 'bcqueuelen 7777'),
        'bclim': Case(7, 'bclim 7', kernel=NEWER),
    },
    'vlan': {
        'id': Case(77, 'id 77'),
        'protocol': Case('802.1ad', 'protocol 802.1ad'),
        'reorder_hdr': Case(False, 'reorder_hdr off'),
        'gvrp': on('gvrp on'),
        'mvrp': on('mvrp on'),
        'loose_binding': on('loose_binding on'),
        'bridge_binding': on('bridge_binding on', below='bridge'),
        'ingress_qos_map': Case({1: 2, 3: 4}, 'ingress-qos-map 1:2 3:4'),
        'egress_qos_map': Case({2: 1, 4: 3}, 'egress-qos-map 2:1 4:3'),
    },
    'vrf': {
        'table': Case(77, 'table 77'),
    },
    'vxlan': {
        'id': Case(77, 'id 77'),
        'local': Case('192.0.2.7', 'local 192.0.2.7'),
        'remote': Case('192.0.2.8', 'remote 192.0.2.8'),
        'group': Case('239.1.1.7', 'group 239.1.1.7', {'dev': 'BELOW'}, 'dev BELOW'),
        'dev': Case('BELOW', 'dev BELOW'),
        'dstport': Case(7777, 'dstport 7777'),
        'port_range': Case('7000-7777', 'srcport 7000 7777'),
        'ttl': Case(77, 'ttl 77'),
        'ttl_inherit': on('ttl inherit'),
        'tos': Case(16, 'tos 0x10'),
        'df': Case('set', 'df set'),
        'flowlabel': Case(0x777, 'flowlabel 0x777', *IPV6),
        'ageing': Case(77, 'ageing 77'),
        'maxaddress': Case(77, 'maxaddress 77'),
        'learning': Case(False, 'nolearning'),
        'localbypass': Case(False, 'nolocalbypass', kernel=NEWER),
        'proxy': on('proxy'),
        'rsc': on('rsc'),
        'l2miss': on('l2miss'),
        'l3miss': on('l3miss'),
        'udp_csum': Case(False, 'noudpcsum'),
        'udp_zero_csum6_tx': on('udp6zerocsumtx'),
        'udp_zero_csum6_rx': on('udp6zerocsumrx'),
        'remcsumtx': on('remcsumtx'),
        'remcsumrx': on('remcsumrx'),
        'external': on('external', {'learning': False}, 'nolearning'),
        'vnifilter': on('vnifilter', *EXTERNAL),
        'gbp': on('gbp'),
        'gpe': on('gpe', *EXTERNAL),
    },
    'bridge_port': {
        'state': Case('learning', 'state 2', up=True),  # the kernel leaves `blocking` at the next event
        'priority': Case(7, 'priority 7'),
        'cost': Case(77, 'cost 77'),
        'hairpin': on('hairpin on'),
        'guard': on('guard on'),
        'root_block': on('root_block on'),
        'fastleave': on('fastleave on'),
        'learning': Case(False, 'learning off'),
        'flood': Case(False, 'flood off'),
        'mcast_flood': Case(False, 'mcast_flood off'),
        'bcast_flood': Case(False, 'bcast_flood off'),
        'mcast_to_unicast': on('mcast_to_unicast on'),
        'mcast_router': Case(2, 'mcast_router 2'),
        'proxy_arp': on('proxy_arp on'),
        'proxy_arp_wifi': on('proxy_arp_wifi on'),
        'neigh_suppress': on('neigh_suppress on'),
        'neigh_vlan_suppress': on('neigh_vlan_suppress on', kernel=NEWER),
        'group_fwd_mask': Case(8, 'group_fwd_mask 8'),
        'vlan_tunnel': on('vlan_tunnel on'),
        'isolated': on('isolated on'),
        'locked': on('locked on'),
        'mab': on('locked on mab on', kernel=NEWER),
        'backup_port': Case('BESIDE', 'backup_port BESIDE'),
        'backup_nhid': Case(7, 'backup_nhid 7', kernel=NEWER),
    },
    'bond_port': {
        'queue_id': Case(7, 'queue_id 7'),
        'prio': Case(-7, 'prio -7', *ACTIVE_BACKUP),
    },
    '': {
        'up': on('up'),
        'mtu': Case(1400, 'mtu 1400'),
        'address': Case('02:00:00:00:00:07', 'address 02:00:00:00:00:07'),
        'broadcast': Case('02:ff:ff:ff:ff:ff', 'broadcast 02:ff:ff:ff:ff:ff'),
        'alias': Case('to the "roof"', 'alias \'to the "roof"\''),
        'altnames': Case(['a-name-of-more-than-fifteen-bytes', 'other'], ''),
        'group': Case(7, 'group 7'),
        'txqlen': Case(77, 'txqueuelen 77'),
        'num_tx_queues': Case(7, 'numtxqueues 7'),
        'num_rx_queues': Case(7, 'numrxqueues 7', kernel=NEWER),  # there since ever, but not where CONFIG_RPS is off
        'gso_max_size': Case(7777, 'gso_max_size 7777'),
        'gso_max_segs': Case(7, 'gso_max_segs 7'),
        'promisc': on('promisc on'),
        'allmulticast': on('allmulticast on'),
        'arp': on('arp on'),
        'multicast': on('multicast on'),
        'trailers': Case(False, 'trailers off'),
        'dynamic': on('dynamic on'),
        'mode': Case('dormant', 'mode dormant'),
        'carrier': Case(False, 'carrier off'),
        'gro_max_size': Case(7777, 'gro_max_size 7777'),
        'gso_ipv4_max_size': Case(7777, 'gso_ipv4_max_size 7777', kernel=NEWER),
        'gro_ipv4_max_size': Case(7777, 'gro_ipv4_max_size 7777', kernel=NEWER),
        'addrgenmode': Case('eui64', 'addrgenmode eui64'),
        'master': Case('BESIDE', 'master BESIDE'),
    },
}

#: The kinds that have a file of their own, kind_options/KIND.py: CASES, and for the kind's sake OWN, LACKING and ELSEWHERE as below, and ADD, the words
#: of `ip` that make one where it is not `ip link add`, with WITHOUT_MAC, the options on links without a MAC that is set.
KIND_FILES = {path.stem: importlib.import_module(f'differential.kind_options.{path.stem}')
              for path in sorted((Path(__file__).parent / 'kind_options').glob('*.py'))}
OPTIONS.update({key: file.CASES for key, file in KIND_FILES.items()})

#: What no kernel of this tier or its iproute2 has: why, and the attribute that it has to become (linux/if_link.h), as (number, payload).
LACKING = {
    ('bond', 'broadcast_neighbor'): ('Linux 6.17', True, (33, b'\1')),
    ('bond_port', 'actor_port_prio'): ('Linux 6.18', 7, (10, struct.pack('=H', 7))),
    ('bridge', 'stp_mode'): ('Linux 7.1', 'user', (50, struct.pack('=I', 1))),
    ('bridge', 'mdb_offload_fail_notification'): ('Linux 6.15; bit 3 of IFLA_BR_MULTI_BOOLOPT', True, (46, struct.pack('=II', 8, 8))),
    ('bridge', 'fdb_local_vlan_0'): ('Linux 6.18; bit 4 of IFLA_BR_MULTI_BOOLOPT', True, (46, struct.pack('=II', 16, 16))),
    ('bridge_port', 'neigh_forward_grat'): ('Linux 7.1', True, (45, b'\1')),
    ('vxlan', 'mcroute'): ('Linux 6.17', True, (34, b'\1')),
    ('vxlan', 'reserved_bits'): ('Linux 6.14', 0xF7FFFFFF000000FF, (33, bytes.fromhex('f7ffffff000000ff'))),
}
LACKING.update({(key, option): why for key, file in KIND_FILES.items() for option, why in getattr(file, 'LACKING', {}).items()})

#: Options of links that are no setting of their own, and the tests that cover them.
ELSEWHERE = {
    ('', 'name'): 'all', ('', 'kind'): 'all', ('', 'link'): 'the kinds that sit on a link', ('', 'link_netns'): 'test_link.py',
    ('', 'protodown'): 'test_kinds.py', ('vxlan', 'vnis'): 'test_kinds.py',
    ('bridge_port', 'mcast_max_groups'): 'test_kinds.py',
    ('', 'move_from'): 'test_link.py', ('', 'peer'): 'test_link.py', ('veth', 'peer'): 'test_link.py',
    ('tun', 'persist'): 'test_device.py', **{('', option): 'test_device.py' for option in ('features', 'num_vfs', 'vfs', 'xdp')},
    **{(kind, option): 'test_device.py' for kind in ('macvtap', 'ipvtap') for option in ('user', 'group')},
    **{('netdevsim', option): 'test_device.py' for option in ('id', 'ports', 'queues', 'num_vfs')},
}
ELSEWHERE.update({(key, option): where for key, file in KIND_FILES.items() for option, where in getattr(file, 'ELSEWHERE', {}).items()})

#: What of an option iproute2 6.1 cannot show.
UNSEEN = {('bond', 'active_slave'): 'shown by the state of its ports', ('', 'carrier'): 'a flag that follows what the link is on'}

TABLES = {**{kind.key: kind.table for kind in KINDS.values()}, **{option: kind.port for option, kind in PORTS.items()}}


def needs(key: str, case: Case) -> tuple:
    """What the kernel has to have for a case; KERNEL of a file in kind_options holds for all of its cases."""
    return *getattr(KIND_FILES.get(key), 'KERNEL', ()), *case.kernel


GROUPS = [pytest.param(key, kernel, id='-'.join([key or 'link', *kernel]), marks=[pytest.mark.kernel(*kernel)] if kernel else [])
          for key, cases in OPTIONS.items() for kernel in dict.fromkeys(needs(key, case) for case in cases.values())]


def test_every_option_has_a_case():
    options = {(key, field.name) for key, table in TABLES.items() for field in table} | {('', field.name) for field in COMMON}
    cases = {(key, name) for key, cases in OPTIONS.items() for name in cases}
    assert cases | set(LACKING) | set(ELSEWHERE) == options
    assert not cases & set(LACKING)


@pytest.mark.parametrize('key, option', LACKING)
def test_option_that_this_kernel_lacks(key, option):
    unused, value, (number, payload) = LACKING[key, option]
    table = TABLES.get(key, PLAIN)
    layout = messages.port_layout(PORTS[key]) if key in PORTS else messages.data_layout(KINDS[key]) if key else messages.message(Kernel()).layout
    packed = layout.pack(table.encode({option: table.by_name[option].parse(value, '')}, None))
    assert packed == struct.pack('=HH', 4 + len(payload), number) + payload + b'\0' * (-len(payload) % 4)
    assert table.decode(layout.read(packed, 0, len(packed)), None)[option] == value


MADE = re.compile('link add (?:link \\S+ )? *(?:name )?(\\S+)')


def mac(name: str) -> str:
    """A MAC address for each name: those that the kernel draws differ between namespaces."""
    return '02:' + ':'.join(f'{byte:02x}' for byte in zlib.crc32(name.encode()).to_bytes(5, 'big'))


class Group:
    """All cases of one key of OPTIONS that need the same of the kernel: their links as items of vnet_link, and as lines for `ip -batch`."""

    def __init__(self, key: str, kernel: tuple):
        self.key, self.cases = key, {option: case for option, case in OPTIONS[key].items() if needs(key, case) == kernel}
        self.table = TABLES.get(key)
        self.names = {option: f'x{place}' for place, option in enumerate(self.cases)}
        drivers = [need for need in kernel if not need[0].isdigit()]
        if drivers:  # not all of them come when a link asks for them
            subprocess.run(['modprobe', '-a', *drivers], check=True)

    def live(self, option: str) -> str:
        return next(field for field in self.table or COMMON if field.name == option).live

    def items(self, with_option: bool) -> list[dict]:
        items = [item for option in self.cases for item in self._items(option, with_option)]
        return [{**({'address': mac(item['name'])} if item['name'] not in self.without_mac() else {}), **item} for item in items]

    def lines(self, live: bool = False) -> list[str]:
        """live: what can be changed on a live link is, where that leaves another link than making it so does: tunnels keep their MTU."""
        lines = [line for option in self.cases for line in self._lines(option, live and KINDS[self.key].anew and self.live(option) != RECREATE)]
        return [MADE.sub(lambda made: made[0] + (f' address {mac(made[1])}' if made[1] not in self.without_mac() else ''), line) for line in lines]

    def without_mac(self) -> set[str]:
        """Links that have none, or that of their parent, or one that is the option."""
        if self.key in KINDS and not KINDS[self.key].ether:
            return set(self.names.values())
        if hasattr(KIND_FILES.get(self.key), 'ADD'):
            return {self.names[option] for option in KIND_FILES[self.key].WITHOUT_MAC}
        if self.key in KINDS and not KINDS[self.key].ether:
            return set(self.names.values())
        family = KINDS[self.key].data if self.key in KINDS else ''
        if family in ('ipvlan', 'macvlan'):
            return {self.names[option] for option in self.cases if family == 'ipvlan' or option == 'flags'}
        return {self.names[option] for option in ('gpe', 'innerprotoinherit', 'address') if option in self.names}

    def _fill(self, text, option: str):
        if isinstance(text, str):
            for word in ('BELOW', 'BESIDE', 'PORT'):
                text = text.replace(word, f'{self.names[option]}{word[:2].lower()}')
        return text

    def _own(self, option: str, place: int) -> tuple[dict, str]:
        """Options that every link of the kind is made with here, beside the option that is tried: as (dict, words)."""
        if hasattr(KIND_FILES.get(self.key), 'OWN'):
            own, words = KIND_FILES[self.key].OWN(option, place)
            return {name: self._fill(value, option) for name, value in own.items()}, self._fill(words, option)
        return {
            'vlan': ({'id': 100 + place}, f'id {100 + place}'),
            'bridge_port': ({'locked': True} if option == 'mab' else {}, ''),
            'vrf': ({'table': 100 + place}, f'table {100 + place}'),
            'vxlan': ({'id': 100 + place, 'dstport': 4789}, f'id {100 + place} dstport 4789'),
        }.get(self.key, ({}, ''))

    def _items(self, option: str, with_option: bool) -> list[dict]:
        case, name = self.cases[option], self.names[option]
        kind = self.key if self.key in KINDS else 'dummy'
        settings, unused = self._own(option, list(self.cases).index(option))
        if option == 'external' and with_option and self.key in KIND_FILES:  # everything is in the packets
            settings = {}
        if self.key not in PORTS:
            settings = {**settings, **{key: self._fill(value, option) for key, value in case.needs.items()}}
        if settings.get('external') or option == 'external' and with_option:
            settings.pop('id', None)
        if self.key == 'vxlan' and option in ('vnifilter', 'external', 'gpe'):
            settings['dstport'] = 5000 + list(self.cases).index(option)
        if with_option:
            settings.update({**case.along, option: self._fill(case.value, option)})
        item = {'name': name, 'kind': kind, 'up': case.up}
        items = [item]
        if self.key in PORTS:
            item['master'] = name + 'be'
            if settings:
                item[self.key] = settings
            master = PORTS[self.key].name
            items.append({'name': name + 'be', 'kind': master, 'up': case.up, **({master: case.needs} if case.needs else {})})
            if option == 'backup_port':
                item['master'] = name + 'br'
                items[1] = {'name': name + 'br', 'kind': 'bridge', 'up': False}
                items.append({'name': name + 'be', 'kind': 'dummy', 'up': False, 'master': name + 'br'})
        elif self.key:
            if settings:
                item[self.key] = settings
            if KINDS[kind].parent == 'required':
                item['link'] = name + 'be'
                items.append({'name': name + 'be', 'kind': case.below, 'up': False})
            elif name + 'be' in [*settings.values(), self._fill(case.value, option)]:
                items.append({'name': name + 'be', 'kind': 'dummy', 'up': False})
            if case.ports:
                items += [{'name': f'{name}po-{end}', 'kind': 'dummy', 'up': case.up, 'master': name} for end in 'ab']
        else:
            item.update(settings)
            if option == 'master':
                items.append({'name': name + 'be', 'kind': 'bridge', 'up': False})
        return items

    def _lines(self, option: str, live: bool = False) -> list[str]:
        case, name = self.cases[option], self.names[option]
        kind = self.key if self.key in KINDS else 'dummy'
        unused, own = self._own(option, list(self.cases).index(option))
        if self.key == 'vxlan':
            if option in ('vnifilter', 'external', 'gpe'):
                own = f'dstport {5000 + list(self.cases).index(option)}'
            elif option in ('id', 'dstport'):
                own = {'id': 'dstport 4789', 'dstport': own.rpartition(' dstport')[0]}[option]
        elif option in ('id', 'table') and self.key not in KIND_FILES or option == 'external':
            own = ''
        words, also = self._fill(case.words, option), self._fill(case.also, option)
        up = [f'link set dev {name} up'] if case.up else []
        if self.key in PORTS:
            master = PORTS[self.key].name
            lines = [f'link add {name}be type {master} {also}', f'link add {name} type dummy', f'link set dev {name} master {name}be']
            if option == 'backup_port':
                lines = [f'link add {name}br type bridge', f'link add {name} type dummy', f'link add {name}be type dummy',
                         f'link set dev {name} master {name}br', f'link set dev {name}be master {name}br']
            if case.up:
                lines += [*up, f'link set dev {name}be up']
            elif self.key == 'bond_port':  # the bond has brought it up
                lines.append(f'link set dev {name} down')
            lines += [f'link set dev {name} type {master}_slave {words}']
        elif self.key:
            lines = []
            if KINDS[kind].parent == 'required' or f' {name}be' in f' {own} {words} {also}':
                lines.append(f'link add {name}be type {case.below}')
            parent = f'link {name}be' if KINDS[kind].parent == 'required' else ''
            if case.ports:
                lines += [f'link add name {name} type {kind} {own} {also}', *up]
                for end in 'ab':
                    lines += [f'link add {name}po-{end} type dummy', f'link set dev {name}po-{end} master {name}']
                    lines += [f'link set dev {name}po-{end} up'] if case.up else [f'link set dev {name}po-{end} down']
                lines.append(f'link set dev {name} type {kind} {words}')
            else:
                add = getattr(KIND_FILES.get(self.key), 'ADD', 'link add {parent} name {name} type {kind}').format(parent=parent, name=name, kind=kind)
                address = [f'link set dev {name} address {mac(name)}'] if 'link add' not in add and name not in self.without_mac() else []
                change = [f'link set dev {name} type {kind} {also} {words}'] if live else []
                lines += [f'{add} {own} {also} {"" if live else words}', *address, *change, *up]
        elif option == 'altnames':
            lines = [f'link add {name} type dummy', f'link property add dev {name} ' + ' '.join(f'altname {other}' for other in case.value)]
        elif option in ('num_tx_queues', 'num_rx_queues'):
            lines = [f'link add {name} {words} type dummy']
        else:
            lines = ([f'link add {name}be type bridge'] if option == 'master' else []) + [f'link add {name} type dummy', f'link set dev {name} {words}']
        return ['ip ' + line for line in lines]


@pytest.mark.parametrize('key, needed', GROUPS)  # `kernel` is the fixture that spaces builds on
def test_options(spaces, key, needed):
    group = Group(key, needed)
    theirs, ours, replayed, rebuilt = spaces('theirs', 'ours', 'replayed', 'rebuilt')
    theirs.batch(group.lines())
    items = group.items(with_option=True)

    planned = ours.module('vnet_link', config=items, check=True)
    assert ours.links().keys() == {'lo'}
    made = ours.module('vnet_link', config=items)
    assert made == planned
    ours.like(theirs, 'ip link')
    again = ours.module('vnet_link', config=items)
    assert again['changed'] is False and again['operations'] == []
    ours.replay(made['commands'], (ours, replayed))
    replayed.like(theirs, 'ip link')
    rebuild(ours, rebuilt)
    passing = {'bond': ('active_slave', 'po-a'), 'bridge_port': ('state', '')}.get(key)
    if passing and passing[0] in group.names:  # what a port just does is no setting
        for space in (theirs, rebuilt):
            space.ip(f'link del {group.names[passing[0]]}{passing[1]}')
    rebuilt.like(theirs, 'ip link')

    gone = ours.module('vnet_link', config=[{'name': item['name']} for item in items], state='absent')
    assert gone['changed'] and ours.links().keys() == {'lo'}
    assert ours.module('vnet_link', config=[{'name': item['name']} for item in items], state='absent')['operations'] == []


@pytest.mark.parametrize('key, needed', GROUPS)  # `kernel` is the fixture that spaces builds on
def test_options_of_live_links(spaces, key, needed):
    group = Group(key, needed)
    theirs, ours, replayed = spaces('theirs', 'ours', 'replayed')
    theirs.batch(group.lines(live=key in KINDS))
    bare = ours.module('vnet_link', config=group.items(with_option=False))
    before, indexes = by_name(ours), ours.links()
    fixed = {group.names[option] for option in group.cases if group.live(option) == RECREATE}
    items = group.items(with_option=True)
    if fixed and key in KINDS:  # what is made anew keeps its MTU
        theirs.batch([f"ip link set dev {name} mtu {before[name]['mtu']}" for name in fixed])

    for name in fixed:
        refused = ours.refused('vnet_link', config=[item for item in items if item['name'].startswith(name)])
        assert name in refused['msg'] and 'recreate' in refused['msg']
    planned = ours.module('vnet_link', config=items, recreate=True, check=True, diff=True)
    assert ours.links() == indexes
    changed = ours.module('vnet_link', config=items, recreate=True, diff=True)
    assert changed == planned
    ours.like(theirs, 'ip link')
    assert ours.module('vnet_link', config=items)['operations'] == []

    after = by_name(ours)
    costs = {operation['name']: operation['disruption'] for operation in changed['operations']}
    for option, name in group.names.items():
        assert before[name] != after[name] or (key, option) in UNSEEN, f'{option}: the value of the case changes nothing'
        assert costs[name] in {IN_PLACE: ('in_place', 'down'), DOWN: ('in_place', 'down'), RECREATE: ('recreate',)}[group.live(option)], option
        assert (ours.links()[name] == indexes[name]) == (name not in fixed), option
        assert f'{option}:' in changed['diff']['after'].replace("'", ''), option

    ours.replay(bare['commands'] + changed['commands'], (ours, replayed))
    replayed.like(theirs, 'ip link')


@pytest.mark.parametrize('key, needed', GROUPS)
def test_options_taken_back(spaces, key, needed):
    """What a task that fails at its end had set on live links is not there any more."""
    group, ours = Group(key, needed), spaces('ours')
    if key == 'vxlan':  # the kernel takes no link away from a live device: the task says that not everything could be taken back
        group.cases.pop('dev', None)
    ours.module('vnet_link', config=group.items(with_option=False))
    items = [dict(item, netns=ours.name, recreate=True) for item in group.items(with_option=True)]

    def shown() -> dict:
        links = ours.json('ip link')[0]
        for link in links:  # what a link got by being up, or a port of another, and which of its ports a bond takes just now
            link.pop('qdisc'), link.pop('tso_max_size', None), link.get('linkinfo', {}).get('info_slave_data', {}).pop('state', None)
            if key == 'tun':  # an owner cannot be taken away
                link['linkinfo'] = {name: value for name, value in link.get('linkinfo', {}).items() if name != 'info_data'}
        return {'ip link': normalise(links)}

    before = shown()
    with pytest.raises(ModuleFailed) as caught:
        run_here('vnet_state', {'links': items, 'routes': [{'netns': ours.name, 'dst': '198.51.100.0/24', 'via': '203.0.113.77'}]})
    assert caught.value.result.get('rolled_back') is True or key == 'tun', caught.value.result['msg'].partition('. ')[2]
    ours.unchanged(before, shown())


def test_printed_options_can_be_pasted_in(spaces):
    """The names and values that `ip -d -j link` prints are accepted, and mean what is there."""
    ours = spaces('ours')
    ours.batch(['ip link add name br type bridge', 'ip link add bond type bond', 'ip link add x type vxlan id 7 dstport 4789 srcport 7000 7777',
                'ip link add p type dummy', 'ip link set p master br', 'ip link add q type dummy', 'ip link set q master bond',
                'ip link add link p name v type vlan id 7',
                'ip link add link v name m type macvlan mode source'])
    read_only = set('''
        root_id bridge_id root_port root_path_cost topology_change topology_change_detected hello_timer tcn_timer topology_change_timer gc_timer
        mcast_hash_elasticity
        id no designated_port designated_cost hold_timer message_age_timer forward_delay_timer topology_change_ack config_pending group_fwd_mask_str
        state mii_status link_failure_count perm_hwaddr ad_aggregator_id flags flag macaddr_count macaddr_data usedbcqueuelen
    '''.split())
    config = []
    for link in ours.json('ip link')[0]:
        info = link.get('linkinfo', {})
        kind = info.get('info_kind')
        item = {'name': link['ifname'], **({'kind': kind, 'up': 'UP' in link['flags']} if kind else {})}
        for data, name in ((info.get('info_data'), kind), (info.get('info_slave_data'), f"{info.get('info_slave_kind')}_port")):
            if data:
                if data.get('port_range') == {'low': 0, 'high': 0}:  # none was set
                    del data['port_range']
                item[name] = {option: value for option, value in data.items(
                ) if value is not None and option not in read_only or name in ('vlan', 'vxlan') and option == 'id'}
        if 'link' in link:
            item['link'] = link['link']
        config.append(item)
    assert ours.module('vnet_link', config=config)['operations'] == []


def rebuild(there, here) -> None:
    """What vnet_info says of one namespace changes nothing there, and makes the same in another one."""
    state = round_trip(there.name)
    run_here('vnet_state', json.loads(json.dumps(state).replace(there.name, here.name)))


def by_name(space) -> dict:
    return {link['ifname']: link for link in space.normal('ip link')['ip link']}
