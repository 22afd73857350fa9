# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink attributes: every field of every kind there and back, numbers and types as the kernel's headers have them, nonsense survived."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.model.values import values_of

from ansible_collections.linuxnet.vnet.plugins.module_utils import _deps
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import codec, link, neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources import address, route
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import PLAIN

CALM = settings(deadline=None, max_examples=40)
INDEXES = {'eth0': 7, 'eth1': 8}
NAMES = {number: name for name, number in INDEXES.items()}

#: linux/if_link.h: {attribute: (number, type)} of what the options use
HEADER = {
    'vxlan': {
        'ID': (1, 'u32'), 'GROUP': (2, 'ip4'), 'LINK': (3, 'u32'), 'LOCAL': (4, 'ip4'), 'TTL': (5, 'u8'), 'TOS': (6, 'u8'), 'LEARNING': (7, 'u8'),
        'AGEING': (8, 'u32'), 'LIMIT': (9, 'u32'), 'PORT_RANGE': (10, 'be16 be16'), 'PROXY': (11, 'u8'), 'RSC': (12, 'u8'), 'L2MISS': (13, 'u8'),
        'L3MISS': (14, 'u8'), 'PORT': (15, 'be16'), 'GROUP6': (16, 'ip6'), 'LOCAL6': (17, 'ip6'), 'UDP_CSUM': (18, 'u8'),
        'UDP_ZERO_CSUM6_TX': (19, 'u8'), 'UDP_ZERO_CSUM6_RX': (20, 'u8'), 'REMCSUM_TX': (21, 'u8'), 'REMCSUM_RX': (22, 'u8'), 'GBP': (23, 'flag'),
        'COLLECT_METADATA': (25, 'u8'), 'LABEL': (26, 'be32'), 'GPE': (27, 'flag'), 'TTL_INHERIT': (28, 'flag'), 'DF': (29, 'u8'),
        'VNIFILTER': (30, 'u8'), 'LOCALBYPASS': (31, 'u8'), 'RESERVED_BITS': (33, None), 'MC_ROUTE': (34, 'u8'),
    },
    'br': {
        'FORWARD_DELAY': (1, 'u32'), 'HELLO_TIME': (2, 'u32'), 'MAX_AGE': (3, 'u32'), 'AGEING_TIME': (4, 'u32'), 'STP_STATE': (5, 'u32'),
        'PRIORITY': (6, 'u16'), 'VLAN_FILTERING': (7, 'u8'), 'VLAN_PROTOCOL': (8, 'be16'), 'GROUP_FWD_MASK': (9, 'u16'), 'GROUP_ADDR': (20, 'mac'),
        'MCAST_ROUTER': (22, 'u8'), 'MCAST_SNOOPING': (23, 'u8'), 'MCAST_QUERY_USE_IFADDR': (24, 'u8'), 'MCAST_QUERIER': (25, 'u8'),
        'MCAST_HASH_MAX': (27, 'u32'), 'MCAST_LAST_MEMBER_CNT': (28, 'u32'), 'MCAST_STARTUP_QUERY_CNT': (29, 'u32'),
        'MCAST_LAST_MEMBER_INTVL': (30, 'u64'), 'MCAST_MEMBERSHIP_INTVL': (31, 'u64'), 'MCAST_QUERIER_INTVL': (32, 'u64'),
        'MCAST_QUERY_INTVL': (33, 'u64'), 'MCAST_QUERY_RESPONSE_INTVL': (34, 'u64'), 'MCAST_STARTUP_QUERY_INTVL': (35, 'u64'),
        'NF_CALL_IPTABLES': (36, 'u8'), 'NF_CALL_IP6TABLES': (37, 'u8'), 'NF_CALL_ARPTABLES': (38, 'u8'), 'VLAN_DEFAULT_PVID': (39, 'u16'),
        'VLAN_STATS_ENABLED': (41, 'u8'), 'MCAST_STATS_ENABLED': (42, 'u8'), 'MCAST_IGMP_VERSION': (43, 'u8'), 'MCAST_MLD_VERSION': (44, 'u8'),
        'VLAN_STATS_PER_PORT': (45, 'u8'), 'MULTI_BOOLOPT': (46, 'u32 u32'), 'FDB_MAX_LEARNED': (49, 'u32'), 'STP_MODE': (50, 'u32'),
    },
    'brport': {
        'STATE': (1, 'u8'), 'PRIORITY': (2, 'u16'), 'COST': (3, 'u32'), 'MODE': (4, 'u8'), 'GUARD': (5, 'u8'), 'PROTECT': (6, 'u8'),
        'FAST_LEAVE': (7, 'u8'), 'LEARNING': (8, 'u8'), 'UNICAST_FLOOD': (9, 'u8'), 'PROXYARP': (10, 'u8'), 'PROXYARP_WIFI': (12, 'u8'),
        'MULTICAST_ROUTER': (25, 'u8'), 'MCAST_FLOOD': (27, 'u8'), 'MCAST_TO_UCAST': (28, 'u8'), 'VLAN_TUNNEL': (29, 'u8'), 'BCAST_FLOOD': (30, 'u8'),
        'GROUP_FWD_MASK': (31, 'u16'), 'NEIGH_SUPPRESS': (32, 'u8'), 'ISOLATED': (33, 'u8'), 'BACKUP_PORT': (34, 'u32'), 'LOCKED': (39, 'u8'),
        'MAB': (40, 'u8'), 'MCAST_MAX_GROUPS': (42, 'u32'), 'NEIGH_VLAN_SUPPRESS': (43, 'u8'), 'BACKUP_NHID': (44, 'u32'), 'NEIGH_FORWARD_GRAT': (45, 'u8'),
    },
    'bond': {
        'MODE': (1, 'u8'), 'ACTIVE_SLAVE': (2, 'u32'), 'MIIMON': (3, 'u32'), 'UPDELAY': (4, 'u32'), 'DOWNDELAY': (5, 'u32'), 'USE_CARRIER': (6, 'u8'),
        'ARP_INTERVAL': (7, 'u32'), 'ARP_IP_TARGET': (8, 'list'), 'ARP_VALIDATE': (9, 'u32'), 'ARP_ALL_TARGETS': (10, 'u32'), 'PRIMARY': (11, 'u32'),
        'PRIMARY_RESELECT': (12, 'u8'), 'FAIL_OVER_MAC': (13, 'u8'), 'XMIT_HASH_POLICY': (14, 'u8'), 'RESEND_IGMP': (15, 'u32'),
        'NUM_PEER_NOTIF': (16, 'u8'), 'ALL_SLAVES_ACTIVE': (17, 'u8'), 'MIN_LINKS': (18, 'u32'), 'LP_INTERVAL': (19, 'u32'),
        'PACKETS_PER_SLAVE': (20, 'u32'), 'AD_LACP_RATE': (21, 'u8'), 'AD_SELECT': (22, 'u8'), 'AD_ACTOR_SYS_PRIO': (24, 'u16'),
        'AD_USER_PORT_KEY': (25, 'u16'), 'AD_ACTOR_SYSTEM': (26, 'mac'), 'TLB_DYNAMIC_LB': (27, 'u8'), 'PEER_NOTIF_DELAY': (28, 'u32'),
        'AD_LACP_ACTIVE': (29, 'u8'), 'MISSED_MAX': (30, 'u8'), 'NS_IP6_TARGET': (31, 'list'), 'COUPLED_CONTROL': (32, 'u8'),
        'BROADCAST_NEIGH': (33, 'u8'),
    },
    'bond_slave': {'QUEUE_ID': (5, 'u16'), 'PRIO': (9, 's32'), 'ACTOR_PORT_PRIO': (10, 'u16')},
    'vlan': {'ID': (1, 'u16'), 'FLAGS': (2, 'u32 u32'), 'EGRESS_QOS': (3, 'list'), 'INGRESS_QOS': (4, 'list'), 'PROTOCOL': (5, 'be16')},
    'macvlan': {'MODE': (1, 'u32'), 'FLAGS': (2, 'u16'), 'MACADDR_MODE': (3, 'u32'), 'MACADDR_DATA': (5, 'list'), 'BC_QUEUE_LEN': (7, 'u32'),
                'BC_CUTOFF': (9, 's32')},
    'ipvlan': {'MODE': (1, 'u16'), 'FLAGS': (2, 'u16')},
    'vrf': {'TABLE': (1, 'u32')},
    'netkit': {'PRIMARY': (2, 'u8'), 'POLICY': (3, 'u32'), 'PEER_POLICY': (4, 'u32'), 'MODE': (5, 'u32'), 'SCRUB': (6, 'u32'), 'PEER_SCRUB': (7, 'u32')},
    'hsr': {'SLAVE1': (1, 'u32'), 'SLAVE2': (2, 'u32'), 'MULTICAST_SPEC': (3, 'u8'), 'SUPERVISION_ADDR': (4, None), 'VERSION': (6, 'u8'), 'PROTOCOL': (7, 'u8'),
            'INTERLINK': (8, 'u32')},
    'ipoib': {'PKEY': (1, 'u16'), 'MODE': (2, 'u16'), 'UMCAST': (3, 'u16')},
    'batadv': {'ALGO_NAME': (1, 'text')},
    'can': {'BITTIMING': (1, None), 'CTRLMODE': (5, 'u32 u32'), 'RESTART_MS': (6, 'u32'), 'DATA_BITTIMING': (9, None), 'TERMINATION': (11, 'u16'),
            'TDC': (16, None), 'XL_DATA_BITTIMING': (18, None), 'XL_TDC': (21, None), 'XL_PWM': (22, None)},
    'geneve': {'ID': (1, 'u32'), 'REMOTE': (2, 'ip4'), 'TTL': (3, 'u8'), 'TOS': (4, 'u8'), 'PORT': (5, 'be16'), 'COLLECT_METADATA': (6, 'flag'),
               'REMOTE6': (7, 'ip6'), 'UDP_CSUM': (8, 'u8'), 'UDP_ZERO_CSUM6_TX': (9, 'u8'), 'UDP_ZERO_CSUM6_RX': (10, 'u8'), 'LABEL': (11, 'be32'),
               'DF': (13, 'u8'), 'INNER_PROTO_INHERIT': (14, 'flag'), 'PORT_RANGE': (15, None), 'LOCAL': (17, 'ip4'), 'LOCAL6': (18, 'ip6')},
    'gre': {'LINK': (1, 'u32'), 'IKEY': (4, 'be32'), 'OKEY': (5, 'be32'), 'LOCAL': (6, 'ip4'), 'REMOTE': (7, 'ip4'), 'TTL': (8, 'u8'), 'TOS': (9, 'u8'),
            'PMTUDISC': (10, 'u8'), 'ENCAP_TYPE': (14, 'u16'), 'COLLECT_METADATA': (18, 'flag'), 'IGNORE_DF': (19, 'u8'), 'FWMARK': (20, 'u32')},
    'ip6gre': {'LINK': (1, 'u32'), 'IKEY': (4, 'be32'), 'OKEY': (5, 'be32'), 'LOCAL': (6, 'ip6'), 'REMOTE': (7, 'ip6'), 'TTL': (8, 'u8'),
               'ENCAP_LIMIT': (11, 'u8'), 'ENCAP_TYPE': (14, 'u16'), 'COLLECT_METADATA': (18, 'flag'), 'FWMARK': (20, 'u32')},
    'ip6tnl': {'LINK': (1, 'u32'), 'LOCAL': (2, 'ip6'), 'REMOTE': (3, 'ip6'), 'TTL': (4, 'u8'), 'ENCAP_LIMIT': (6, 'u8'), 'PROTO': (9, 'u8'),
               'ENCAP_TYPE': (15, 'u16'), 'COLLECT_METADATA': (19, 'flag'), 'FWMARK': (20, 'u32')},
    **{name: {'LINK': (1, 'u32'), 'LOCAL': (2, 'ip4'), 'REMOTE': (3, 'ip4'), 'TTL': (4, 'u8'), 'TOS': (5, 'u8'), 'PROTO': (9, 'u8'), 'PMTUDISC': (10, 'u8'),
              'ENCAP_TYPE': (15, 'u16'), 'COLLECT_METADATA': (19, 'flag'), 'FWMARK': (20, 'u32')} for name in ('ipip', 'sit')},
    'vti': {'LINK': (1, 'u32'), 'IKEY': (2, 'be32'), 'OKEY': (3, 'be32'), 'LOCAL': (4, None), 'REMOTE': (5, None), 'FWMARK': (6, 'u32')},
    'xfrm': {'LINK': (1, 'u32'), 'IF_ID': (2, 'u32'), 'COLLECT_METADATA': (3, 'flag')},
    'bareudp': {'PORT': (1, 'be16'), 'ETHERTYPE': (2, 'be16'), 'SRCPORT_MIN': (3, 'u16'), 'MULTIPROTO_MODE': (4, 'flag')},
    'amt': {'MODE': (1, 'u32'), 'RELAY_PORT': (2, 'be16'), 'GATEWAY_PORT': (3, 'be16'), 'LINK': (4, 'u32'), 'LOCAL_IP': (5, 'ip4'), 'DISCOVERY_IP': (7, 'ip4'),
            'MAX_TUNNELS': (8, 'u32')},
    'macsec': {'SCI': (1, None), 'PORT': (2, 'be16'), 'ICV_LEN': (3, 'u8'), 'CIPHER_SUITE': (4, 'u64'), 'WINDOW': (5, 'u32'), 'ENCODING_SA': (6, 'u8'),
               'ENCRYPT': (7, 'u8'), 'PROTECT': (8, 'u8'), 'INC_SCI': (9, 'u8'), 'ES': (10, 'u8'), 'SCB': (11, 'u8'), 'REPLAY_PROTECT': (12, 'u8'),
               'VALIDATION': (13, 'u8'), 'OFFLOAD': (15, 'u8')},
    'tun': {'OWNER': (1, 'u32'), 'GROUP': (2, 'u32'), 'TYPE': (3, 'u8'), 'PI': (4, 'u8'), 'VNET_HDR': (5, 'u8'), 'PERSIST': (6, 'u8'),
            'MULTI_QUEUE': (7, 'u8')},
}
#: kinds whose attributes have the names of another
SAME = {'bridge': 'br', 'gretap': 'gre', 'erspan': 'gre', 'ip6gretap': 'ip6gre', 'ip6erspan': 'ip6gre', 'vti6': 'vti'}
_ERSPAN = {'ERSPAN_INDEX': (21, 'u32'), 'ERSPAN_VER': (22, 'u8'), 'ERSPAN_DIR': (23, 'u8'), 'ERSPAN_HWID': (24, 'u16')}
HEADER.update(erspan={**HEADER['gre'], **_ERSPAN}, ip6erspan={**HEADER['ip6gre'], **_ERSPAN})
TOP = {
    'ADDRESS': (1, 'mac'), 'BROADCAST': (2, 'mac'), 'IFNAME': (3, 'text'), 'MTU': (4, 'u32'), 'LINK': (5, 'u32'), 'MASTER': (10, 'u32'),
    'PROTINFO': (12, None), 'TXQLEN': (13, 'u32'), 'LINKINFO': (18, None), 'IFALIAS': (20, 'alias'), 'AF_SPEC': (26, None), 'GROUP': (27, 'u32'),
    'NET_NS_FD': (28, 'u32'), 'EXT_MASK': (29, 'u32'), 'NUM_TX_QUEUES': (31, 'u32'), 'NUM_RX_QUEUES': (32, 'u32'), 'LINK_NETNSID': (37, 's32'),
    'GSO_MAX_SEGS': (40, 'u32'), 'GSO_MAX_SIZE': (41, 'u32'), 'LINKMODE': (17, 'u8'), 'CARRIER': (33, 'u8'),
    'PROTO_DOWN': (39, 'u8'), 'GRO_MAX_SIZE': (58, 'u32'), 'GSO_IPV4_MAX_SIZE': (63, 'u32'), 'GRO_IPV4_MAX_SIZE': (64, 'u32'),
    'TARGET_NETNSID': (46, 's32'), 'PROP_LIST': (52, None), 'ALT_IFNAME': (53, None),
}
NEIGH = {'DST': (1, 'ip4'), 'LLADDR': (2, 'mac'), 'VLAN': (5, 'u16'), 'PORT': (6, 'be16'), 'VNI': (7, 'u32'), 'IFINDEX': (8, 'u32'), 'MASTER': (9, 'u32'),
         'SRC_VNI': (11, 'u32'), 'PROTOCOL': (12, 'u8'), 'NH_ID': (13, 'u32'), 'FLAGS_EXT': (15, 'u32')}
ADDR = {'ADDRESS': (1, 'ip4'), 'LOCAL': (2, 'ip4'), 'LABEL': (3, 'text'), 'BROADCAST': (4, 'ip4'), 'CACHEINFO': (6, 'u32 u32 u32 u32'), 'FLAGS': (8, 'u32'),
        'RT_PRIORITY': (9, 'u32'), 'PROTO': (11, 'u8')}
ROUTE = {'DST': (1, None), 'OIF': (4, 'u32'), 'GATEWAY': (5, None), 'PRIORITY': (6, 'u32'), 'PREFSRC': (7, None), 'METRICS': (8, None), 'MULTIPATH': (9, None),
         'TABLE': (15, 'u32'), 'VIA': (18, None), 'NH_ID': (30, 'u32')}

#: {type: (value, payload)}
SAMPLES = {
    'u8': (0xA1, b'\xa1'), 'u16': (0xA1B2, struct.pack('=H', 0xA1B2)), 'u32': (0xA1B2C3D4, struct.pack('=I', 0xA1B2C3D4)),
    's32': (-5, struct.pack('=i', -5)), 'u64': (0xA1B2C3D4E5F60718, struct.pack('=Q', 0xA1B2C3D4E5F60718)), 'be16': (0xA1B2, b'\xa1\xb2'),
    'be32': (0xA1B2C3D4, b'\xa1\xb2\xc3\xd4'), 'ip4': ('192.0.2.1', b'\xc0\0\x02\x01'), 'ip6': ('2001:db8::1', b'\x20\x01\x0d\xb8' + b'\0' * 11 + b'\x01'),
    'mac': ('02:00:00:00:00:01', b'\x02\0\0\0\0\x01'), 'flag': (True, b''), 'text': ('eth0', b'eth0\0'), 'alias': ('eth0', b'eth0'),
}


class Kernel:
    """As much of a kernel as codecs need."""

    def message(self, name, extra=()):
        return codec.Message(getattr(_deps.classes(), name), extra)


KERNEL = Kernel()
MESSAGES = {'ifinfmsg': link.message(KERNEL), 'ndmsg': neigh.codec(KERNEL), 'ifaddrmsg': address.Address()._codec(KERNEL),
            'rtmsg': route.Route()._codec(KERNEL)}


def layouts():
    """(prefix, layout, table of the header, names that our options use)"""
    for kind in KINDS.values():
        if kind.table.fields:
            prefix = SAME.get(kind.name, kind.data)
            yield prefix, link.data_layout(kind), HEADER.get(kind.name, HEADER.get(prefix, {})), kind.table
        if kind.port_option:
            prefix = {'bridge': 'brport', 'bond': 'bond_slave'}.get(kind.name, kind.name)
            yield prefix, link.port_layout(kind), HEADER.get(prefix, {}), kind.port
    yield '', MESSAGES['ifinfmsg'].layout, TOP, PLAIN


ROWS = [pytest.param(layout, f'IFLA_{prefix}_{name}'.replace('__', '_').upper(), number, kind, id=f'{prefix}-{name}')
        for prefix, layout, table, unused in layouts() for name, (number, kind) in table.items()]
ROWS += [pytest.param(MESSAGES[message].layout, f'{prefix}_{name}', number, kind, id=f'{message}-{name}')
         for message, prefix, table in (('ndmsg', 'NDA', NEIGH), ('ifaddrmsg', 'IFA', ADDR), ('rtmsg', 'RTA', ROUTE)) for name, (number, kind) in table.items()]


@pytest.mark.parametrize('layout, name, number, kind', ROWS)
def test_number_and_type(layout, name, number, kind):
    row = layout.by_name[name]
    assert row.number == number
    if kind in (None, 'list'):
        return
    if ' ' in kind:
        parts = kind.split()
        payload = b''.join(SAMPLES[part][1] for part in parts)
        value = row.read(payload, 0, len(payload))
        assert list(value.values()) == [SAMPLES[part][0] for part in parts]
    else:
        value, payload = SAMPLES[kind]
        assert row.read(payload, 0, len(payload)) == value
    assert row.pack(value) == payload


def test_every_option_is_in_the_table():
    for prefix, unused, table, options in layouts():
        used = {attr for field in options for attr in (field.attr if isinstance(field.attr, tuple) else (field.attr,)) if attr}
        known = {f'IFLA_{prefix}_{name}'.replace('__', '_').upper() for name in table}
        assert used <= known, prefix


HEADERS = Path('/usr/include/linux')


@pytest.mark.skipif(not (HEADERS / 'if_link.h').exists(), reason='no kernel headers here (linux-libc-dev)')
def test_the_table_is_that_of_the_installed_header():
    """Where a header has a name, it has our number; newer names may be missing there."""
    text = ''.join((HEADERS / name).read_text() for name in ('if_link.h', 'neighbour.h', 'if_addr.h', 'rtnetlink.h'))
    text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
    numbers = {}
    for body in re.findall(r'enum(?:\s+\w+)?\s*\{(.*?)\}', text, flags=re.S):
        number = -1
        for entry in re.sub(r'^\s*#.*$', '', body, flags=re.M).split(','):
            found = re.fullmatch(r'\s*(\w+)\s*(?:=\s*(\w+)\s*)?', entry)
            if found:
                value = found[2]
                number = number + 1 if value is None else int(value, 0) if value[0].isdigit() else numbers.get(value, number + 1)
                numbers[found[1]] = number
    checked = 0
    for parameters in ROWS:
        unused, name, number, unused2 = parameters.values
        if name in numbers:
            checked += 1
            assert numbers[name] == number, name
    assert checked > 100


# -- there and back --------------------------------------------------------------------------------------------------------

FIELDS = [pytest.param(layout, table, field, id=f'{prefix}-{field.name}')
          for prefix, layout, unused, table in layouts() for field in table if field.attr and not field.write_only]


@pytest.mark.parametrize('layout, table, field', FIELDS)
def test_field_there_and_back(layout, table, field):
    @CALM
    @given(values_of(field.type))
    def there_and_back(value):
        value = field.parse(value, 'here')
        data = layout.pack(table.encode({field.name: value}, INDEXES.get))
        assert len(data) % 4 == 0
        found = table.decode(layout.read(data, 0, len(data)), NAMES.get)
        if value in ('0.0.0.0', '::') or (isinstance(value, str) and field.type.wire(value) is None) or (
                getattr(field.type, 'by_index', False) and value == ''):
            assert found.get(field.name) in (None, 'any')
        else:
            value = [one for one in value if one not in ('0.0.0.0', '::')] if isinstance(value, list) else value  # the drivers refuse those
            assert found[field.name] == value
            assert field.equal(value, found[field.name])

    there_and_back()


@pytest.mark.parametrize('kind', [kind for kind in KINDS.values() if kind.table.fields], ids=lambda kind: kind.name)
@settings(deadline=None, max_examples=30)
@given(st.data())
def test_all_options_of_a_kind_together(kind, data):
    layout = link.data_layout(kind)
    values = {field.name: field.parse(data.draw(values_of(field.type)), 'here')
              for field in kind.table if field.attr and not field.write_only and data.draw(st.booleans())}
    if 'remote' in values:
        values.pop('group', None)
    raw = layout.pack(kind.table.encode(values, INDEXES.get))
    found = kind.table.decode(layout.read(raw, 0, len(raw)), NAMES.get)
    for name, value in values.items():
        if isinstance(value, str) and kind.table.by_name[name].type.wire(value) is None:
            continue  # told by another attribute, or by none
        assert found.get(name) == value or value in ('0.0.0.0', '::', '') or {'0.0.0.0', '::'} & set(value)


# -- the same bytes as pyroute2's ------------------------------------------------------------------------------------------

FOREIGN = [
    ('ndmsg', {'family': 7, 'ifindex': 5, 'state': 0xC0, 'flags': 2},
     {'NDA_LLADDR': '02:00:00:00:00:01', 'NDA_DST': '192.0.2.1', 'NDA_VLAN': 100, 'NDA_PORT': 4789, 'NDA_VNI': 0xABCDE, 'NDA_IFINDEX': 9}),
    ('ndmsg', {'family': 10, 'ifindex': 5, 'state': 0x80}, {'NDA_DST': '2001:db8::1', 'NDA_LLADDR': 'fe:ff:00:00:00:01'}),
    ('ifinfmsg', {'index': 3, 'flags': 1, 'change': 1},
     {'IFLA_IFNAME': 'eth0', 'IFLA_MTU': 1450, 'IFLA_ADDRESS': '02:00:00:00:00:01', 'IFLA_LINK': 4, 'IFLA_MASTER': 5, 'IFLA_TXQLEN': 100, 'IFLA_GROUP': 2,
      'IFLA_EXT_MASK': 8, 'IFLA_NUM_TX_QUEUES': 2}),
    ('ifaddrmsg', {'family': 2, 'prefixlen': 24, 'scope': 0, 'index': 7},
     {'IFA_LOCAL': '192.0.2.1', 'IFA_ADDRESS': '192.0.2.1', 'IFA_BROADCAST': '192.0.2.255', 'IFA_LABEL': 'eth0:1',
      'IFA_CACHEINFO': {'ifa_preferred': 10, 'ifa_valid': 20, 'cstamp': 0, 'tstamp': 0}}),
    ('ifaddrmsg', {'family': 10, 'prefixlen': 64, 'index': 7}, {'IFA_LOCAL': '2001:db8::1', 'IFA_ADDRESS': '2001:db8::1'}),
    ('rtmsg', {'family': 2, 'dst_len': 24, 'table': 254, 'proto': 118, 'scope': 0, 'type': 1},
     {'RTA_TABLE': 254, 'RTA_PRIORITY': 50, 'RTA_DST': '198.51.100.0', 'RTA_GATEWAY': '192.0.2.254', 'RTA_PREFSRC': '192.0.2.1', 'RTA_OIF': 7}),
    ('rtmsg', {'family': 10, 'dst_len': 64, 'table': 254, 'proto': 118, 'type': 1},
     {'RTA_DST': '2001:db8::', 'RTA_GATEWAY': 'fe80::1', 'RTA_OIF': 7}),
]


@pytest.mark.parametrize('name, header, attrs', FOREIGN)
def test_bytes_are_those_of_pyroute2(name, header, attrs):
    ours = MESSAGES[name].pack(header, attrs)
    message = getattr(_deps.classes(), name)()
    for field, value in header.items():
        message[field] = value
    message['attrs'] = [[attr, value] for attr, value in attrs.items()]
    message.encode()
    assert ours == bytes(message.data[16:len(message.data)])
    assert MESSAGES[name].read(ours)[1] == attrs
    assert {field: value for field, value in MESSAGES[name].read_header(ours).items() if field in header} == header


def test_pyroute2_reads_a_vxlan_of_ours():
    """IFLA_INFO_DATA, with nested attributes marked as such, is what pyroute2 makes of it."""
    kind = KINDS['vxlan']
    data = link.data_layout(kind).pack(kind.table.encode({'id': 42, 'local': '192.0.2.1', 'dstport': 4789, 'port_range': '1000-2000', 'learning': False}, None))
    body = MESSAGES['ifinfmsg'].pack({}, {'IFLA_IFNAME': 'vx0', 'IFLA_LINKINFO': link.LINKINFO.pack({'IFLA_INFO_KIND': 'vxlan', 'IFLA_INFO_DATA': data})})
    cls = _deps.classes().ifinfmsg
    message = cls(struct.pack('=IHHII', 16 + len(body), 16, 0, 1, 0) + body)
    message.decode()
    info = message.get_attr('IFLA_LINKINFO')
    found = dict(info.get_attr('IFLA_INFO_DATA')['attrs'])
    assert info.get_attr('IFLA_INFO_KIND') == 'vxlan'
    assert found['IFLA_VXLAN_ID'] == 42 and found['IFLA_VXLAN_LOCAL'] == '192.0.2.1' and found['IFLA_VXLAN_PORT'] == 4789
    assert (found['IFLA_VXLAN_PORT_RANGE']['low'], found['IFLA_VXLAN_PORT_RANGE']['high']) == (1000, 2000) and found['IFLA_VXLAN_LEARNING'] == 0


# -- structure -------------------------------------------------------------------------------------------------------------

def test_attribute_is_padded_to_four():
    assert codec.attribute(1, b'abc') == struct.pack('=HH', 7, 1) + b'abc\0'
    assert [len(codec.attribute(1, b'x' * size)) for size in range(6)] == [4, 8, 8, 8, 8, 12]


def test_attributes_stop_at_nonsense():
    good = codec.attribute(1, b'abcd')
    for bad in (b'\x03\0\1\0', b'\0\0\0\0', b'\xff\xff\1\0', b'\1\0', b''):
        assert [number for number, *unused in codec.attributes(good + bad, 0, len(good + bad))] == [1]


def test_flags_of_the_type_are_no_part_of_the_number():
    assert [found[0] for found in codec.attributes(codec.attribute(0x8000 | 0x4000 | 7, b''), 0, 4)] == [7]


def test_nested_lists_and_flags():
    layout = codec.Layout([(1, 'MANY', '*uint16'), (2, 'NESTED', codec.Layout([(1, 'TEXT', 'asciiz')])), (3, 'FLAG', 'flag')])
    data = layout.pack({'MANY': [1, 2], 'NESTED': {'TEXT': 'a'}, 'FLAG': True})
    assert layout.read(data, 0, len(data)) == {'MANY': [1, 2], 'NESTED': {'TEXT': 'a'}, 'FLAG': True}
    assert struct.unpack_from('=H', data, 18)[0] == 0x8002
    assert layout.pack({'FLAG': False, 'NESTED': None}) == b''


def test_what_is_not_looked_at_is_not_decoded():
    layout = codec.Layout([(1, 'NUMBER', 'uint16'), (2, 'TEXT', (bytes, lambda *unused: 1 / 0)), (3, 'FLAG', 'flag'), (4, 'OTHER', 'uint8')])
    data = codec.attribute(1, b'\x05\0') + codec.attribute(2, b'x') + codec.attribute(3, b'') + codec.attribute(77, b'')
    found = layout.scan(b'????' + data, 4, 4 + len(data))
    assert found['NUMBER'] == found.get('NUMBER') == 5 and found.get('FLAG') is True
    assert 'TEXT' in found and 'OTHER' not in found and found.get('OTHER', 9) == 9
    with pytest.raises(KeyError):
        found['OTHER']
    with pytest.raises(ZeroDivisionError):
        found['TEXT']
    assert layout.scan(data[:-2], 0, len(data) - 2)['NUMBER'] == 5


def test_a_later_row_replaces_number_and_name():
    layout = codec.Layout([(1, 'OLD', 'uint8'), (1, 'NEW', 'uint16')])
    assert list(layout.by_name) == ['NEW'] and layout.by_number[1].name == 'NEW'


def test_a_struct_that_an_older_kernel_sends_shorter():
    layout = codec.Layout([(1, 'S', (('a', 'I'), ('b', 'I'))), (2, 'N', 'uint32')])
    data = codec.attribute(1, struct.pack('=I', 5)) + codec.attribute(2, b'\x07')
    assert layout.read(data, 0, len(data)) == {'S': {'a': 5, 'b': 0}, 'N': 7}


ALL = [layout for unused, layout, *unused2 in layouts()] + [message.layout for message in MESSAGES.values()]


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(ALL), st.lists(st.tuples(st.integers(0, 70), st.binary(max_size=24)), max_size=6), st.integers(0, 64))
def test_nonsense_is_survived(layout, parts, cut):
    """Payloads of any length under any number, cut anywhere: values may be odd, but reading them never fails."""
    data = b''.join(codec.attribute(number, payload) for number, payload in parts)
    layout.read(data, 0, max(0, len(data) - cut))
    for row in layout.by_number.values():
        for unused, payload in parts:
            row.read(payload, 0, len(payload))
