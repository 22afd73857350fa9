# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual functions of a NIC: how many (sriov_numvfs of its device), and how each is set (IFLA_VFINFO_LIST of linux/if_link.h)."""

from __future__ import annotations

import errno
import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import prefix, within
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Enum, Int, Mac, Rows, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import Layout
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.sysfs import read, sysfs, write

_FILTER_VF = 1  # RTEXT_FILTER_VF: without it the kernel says nothing of them
_PROTOCOLS = {'802.1q': 0x8100, '802.1ad': 0x88A8}


def _setting(format='I'):
    return (('vf', 'I'), ('setting', format))


_VF = Layout([
    (1, 'MAC', (('vf', 'I'), ('mac', '32s'))),
    (2, 'VLAN', (('vf', 'I'), ('vlan', 'I'), ('qos', 'I'))),
    (4, 'SPOOFCHK', _setting()), (5, 'LINK_STATE', _setting()), (7, 'RSS_QUERY_EN', _setting()), (9, 'TRUST', _setting()),
    (6, 'RATE', (('vf', 'I'), ('min_tx_rate', 'I'), ('max_tx_rate', 'I'))),
    (10, 'NODE_GUID', (('vf', 'I'), ('pad', '4x'), ('setting', 'Q'))), (11, 'PORT_GUID', (('vf', 'I'), ('pad', '4x'), ('setting', 'Q'))),
    # the protocol is in network order beside numbers that are not, so the bytes are turned here
    (12, 'VLAN_LIST', Layout([(1, 'INFO', (('vf', 'I'), ('vlan', 'I'), ('qos', 'I'), ('proto', '2s'), ('pad', '2x')))])),
])
_LIST = Layout([(1, 'VF', [_VF])])
_UNKNOWN = 0xFFFFFFFF  # what the kernel says of a setting that the driver does not know


class Guid(Type):
    """An InfiniBand identifier of 64 bits."""

    spec = {'type': 'str'}
    allowed = 'eight bytes such as 00:11:22:33:44:55:66:77'

    def parse(self, value):
        digits = str(value).lower().replace(':', '')
        if len(digits) != 16 or set(digits) - set('0123456789abcdef'):
            raise ValueError(self.allowed)
        return bytes.fromhex(digits).hex(':')

    def wire(self, value):
        return int(value.replace(':', ''), 16)

    def unwire(self, raw):
        return raw.to_bytes(8, 'big').hex(':')


class VfRows(Rows):
    """Virtual functions that are not listed are left alone: they are there all the same."""

    def same(self, wanted, found):
        there = self.by_key(found)
        return all(self.same_row(row, there.get(self.key(row))) for row in wanted)

    def narrow(self, wanted, found):
        """The settings that have to change, and how they are now."""
        there, changed, before = self.by_key(found), [], []
        for row in wanted:
            old = there.get(self.key(row), {})
            new = {name: value for name, value in row.items() if name != 'id' and old.get(name) != value}
            if new:
                changed.append({'id': row['id'], **new})
                before.append({'id': row['id'], **{name: old[name] for name in new if name in old}})
        return changed, before


TABLE = Table([
    Field('id', Int(0, 65535), None, 'Number of the virtual function, from 0.', aliases=['vf']),
    Field('mac', Mac(), None, 'MAC address that the guest sees.', aliases=['address']),
    Field('vlan', Int(0, 4095), None, 'VLAN that its frames are put into; 0 for none.'),
    Field('qos', Int(0, 7), None, 'Priority in that tag.'),
    Field('proto', Enum(_PROTOCOLS), None, 'Protocol of that tag.', aliases=['protocol']),
    Field('min_tx_rate', Int(unit='Mbit/s'), None, 'Guaranteed transmit rate; 0 for none.'),
    Field('max_tx_rate', Int(unit='Mbit/s'), None, 'Largest transmit rate; 0 for no limit.', aliases=['rate', 'tx_rate']),
    Field('spoofchk', Bool(), None, 'Drop frames with a source MAC that is not its own.'),
    Field('query_rss', Bool(), None, 'It may ask for the RSS configuration of the device.', aliases=['query_rss_en']),
    Field('state', Enum({'auto': 0, 'enable': 1, 'disable': 2}), None, 'Link that it sees: that of the device, always up, or always down.',
          aliases=['link_state']),
    Field('trust', Bool(), None, 'It may change its MAC, be promiscuous and the like.'),
    Field('node_guid', Guid(), None, 'Node GUID, InfiniBand.'),
    Field('port_guid', Guid(), None, 'Port GUID, InfiniBand.'),
])
ROWS = VfRows(TABLE, ('id',))
#: {option: attribute} of those that are a number of their own
_SINGLE = {'spoofchk': 'SPOOFCHK', 'query_rss': 'RSS_QUERY_EN', 'state': 'LINK_STATE', 'trust': 'TRUST', 'node_guid': 'NODE_GUID', 'port_guid': 'PORT_GUID'}


def decode(attrs: dict) -> dict:
    """The row of one IFLA_VF_INFO."""
    row = {'id': attrs['MAC']['vf'], 'mac': attrs['MAC']['mac'][:6].hex(':')}
    vlan = attrs.get('VLAN_LIST', {}).get('INFO') or attrs.get('VLAN')
    if vlan:
        proto = int.from_bytes(vlan.get('proto', b''), 'big')
        row.update(vlan=vlan['vlan'], qos=vlan['qos'], proto=next((name for name, number in _PROTOCOLS.items() if number == proto), '802.1q'))
    row.update({name: value for name, value in attrs.get('RATE', {}).items() if name != 'vf'})
    for option, attr in _SINGLE.items():
        if attr in attrs and attrs[attr]['setting'] != _UNKNOWN:
            row[option] = TABLE.by_name[option].type.unwire(attrs[attr]['setting'])
    return row


def encode(row: dict, old: dict) -> dict:
    """One IFLA_VF_INFO of the settings of a row; what travels together with them is taken from what was."""
    vf, attrs = row['id'], {}
    if 'mac' in row:
        attrs['MAC'] = {'vf': vf, 'mac': bytes.fromhex(row['mac'].replace(':', ''))}
    if row.keys() & {'vlan', 'qos', 'proto'}:
        whole = {'vlan': 0, 'qos': 0, 'proto': '802.1q', **old, **row}
        tag = {'vf': vf, 'vlan': whole['vlan'], 'qos': whole['qos']}
        if whole['proto'] == '802.1q':  # drivers that know no other take only this
            attrs['VLAN'] = tag
        else:
            attrs['VLAN_LIST'] = {'INFO': {**tag, 'proto': _PROTOCOLS[whole['proto']].to_bytes(2, 'big')}}
    if row.keys() & {'min_tx_rate', 'max_tx_rate'}:
        whole = {'min_tx_rate': 0, 'max_tx_rate': 0, **old, **row}
        attrs['RATE'] = {'vf': vf, 'min_tx_rate': whole['min_tx_rate'], 'max_tx_rate': whole['max_tx_rate']}
    for option, attr in _SINGLE.items():
        if option in row:
            attrs[attr] = {'vf': vf, 'setting': int(TABLE.by_name[option].type.wire(row[option]))}
    return attrs


def observe(kernel, netns: str | None, name: str) -> list[dict]:
    """The virtual functions of a link, asked for by themselves: no dump needs them."""
    data = messages.get(kernel, netns, name, _FILTER_VF | messages.SKIP_STATS).get('IFLA_VFINFO_LIST', b'')
    return [decode(attrs) for attrs in _LIST.read(data, 0, len(data)).get('VF', ()) if 'MAC' in attrs]


def write_rows(kernel, netns: str | None, name: str, rows: list[dict]):
    now = {row['id']: row for row in observe(kernel, netns, name)}
    missing = [row['id'] for row in rows if row['id'] not in now]
    if missing:
        raise KernelError(errno.EINVAL, f'vfs: there is no virtual function {missing[0]}, the link has {len(now)}; set num_vfs')
    codec = messages.message(kernel)
    # one by one: the kernel does not say which of many a driver refuses
    requests = [(row['id'], attr, Request(messages.RTM_SETLINK, 0, codec.pack({}, {
        'IFLA_IFNAME': name, 'IFLA_VFINFO_LIST': _LIST.pack({'VF': [{attr: value}]})}))) for row in rows for attr, value in encode(row, now[row['id']]).items()]
    failed, unused = kernel.namespaces.socket(netns).batch([request for unused1, unused2, request in requests])
    for place, error in sorted(failed.items()):
        raise KernelError(error.errno, f"vfs: the driver does not take {requests[place][1].lower()} of virtual function {requests[place][0]}:"
                                       f' {error.extack or os.strerror(error.errno)}')


def put_back(kernel, netns: str | None, name: str, rows: list[dict]):
    """The settings of those functions that there still are."""
    fresh = observe(kernel, netns, name)
    changed, unused = ROWS.narrow([row for row in rows if row['id'] < len(fresh)], fresh)
    write_rows(kernel, netns, name, changed)


class Vfs(Part):
    options = ('vfs',)

    def observe(self, kernel, netns, found):
        return {'vfs': observe(kernel, netns, found.name)}

    def keep(self, kernel, netns, found):
        return observe(kernel, netns, found.name) or None

    def restore(self, kernel, netns, name, kept):
        put_back(kernel, netns, name, kept)

    def restore_commands(self, netns, name, kept):
        return self.commands(netns, name, {'vfs': kept}, {})

    def check(self, values, found):
        known = {row['id'] for row in found.values.get('vfs', ())} if found is not None else None
        coming = values.get('num_vfs', values.get('netdevsim', {}).get('num_vfs'))
        for row in values['vfs']:
            if coming is None and known is not None and row['id'] not in known:
                return f"vfs: there is no virtual function {row['id']}, the link has {len(known)}; set num_vfs"
            if coming is not None and row['id'] >= coming:
                return f"vfs: there will be no virtual function {row['id']} with num_vfs {coming}"
        return None

    def apply(self, kernel, netns, name, values, before):
        write_rows(kernel, netns, name, values['vfs'])

    def commands(self, netns, name, values, before):
        old = {row['id']: row for row in before.get('vfs') or ()}
        lines = []
        for row in values['vfs']:
            whole = {**old.get(row['id'], {}), **row}
            head = [*prefix('ip', netns), 'link', 'set', 'dev', name, 'vf', str(row['id'])]
            words = []
            for group in (('vlan', 'qos', 'proto'), ('max_tx_rate', 'min_tx_rate')):
                if row.keys() & set(group):
                    whole.setdefault('vlan', 0)
                    words.append([word for option in group if option in whole for word in TABLE.by_name[option].command(whole[option])])
            words += [TABLE.by_name[option].command(row[option]) for option in row if option in ('mac', *_SINGLE)]
            lines += [[*head, *each] for each in words]
        return lines


def _file(name: str) -> str:
    return f'class/net/{name}/device/sriov_numvfs'


class NumVfs(Part):
    """How many there are. The kernel goes from one number to another only through none, which loses their settings.

    fresh  settings that a new function has, whatever the driver
    """

    options = ('num_vfs',)
    beside = ('vfs',)
    fresh = {'mac': '00:00:00:00:00:00', 'vlan': 0, 'qos': 0, 'proto': '802.1q', 'min_tx_rate': 0, 'max_tx_rate': 0, 'query_rss': False, 'state': 'auto',
             'trust': False}

    def observe(self, kernel, netns, found):
        if kernel is None:
            return {}
        with sysfs(kernel, netns) as base:
            try:
                return {'num_vfs': int(read(base, _file(found.name)))}
            except OSError:
                return {}

    def check(self, values, found):
        if 'num_vfs' in values and found is not None and found.index and 'num_vfs' not in found.values \
                and 'num_vfs' not in found.values.get('netdevsim', {}):
            return f'num_vfs: {found.name} is no device with virtual functions (it has no sriov_numvfs)'
        return None

    def apply(self, kernel, netns, name, values, before):
        wanted, path = values['num_vfs'], _file(name)
        with sysfs(kernel, netns) as base:
            try:
                now = int(read(base, path))
            except OSError as exc:
                raise KernelError(exc.errno, f'num_vfs: {name} is no device with virtual functions ({exc.strerror})') from exc
            if now == wanted:
                return
            if not now or not wanted:
                self.set(base, name, wanted)
                return
            rows = observe(kernel, netns, name)
            self.set(base, name, 0)
            try:
                self.set(base, name, wanted)
                put_back(kernel, netns, name, rows)
            except KernelError:
                self.set(base, name, 0)
                self.set(base, name, now)
                put_back(kernel, netns, name, rows)
                raise

    def set(self, base: str, name: str, number: int):
        """From none, or to none."""
        write(base, _file(name), str(number))

    def commands(self, netns, name, values, before):
        numbers = ([0] if before.get('num_vfs') and values['num_vfs'] else []) + [values['num_vfs']]
        again = [{option: value for option, value in row.items() if option == 'id' or self.fresh.get(option) != value}
                 for row in before.get('vfs', ()) if row['id'] < values['num_vfs']]
        return [[*within(netns), 'sh', '-c', '; '.join(f'echo {number} > /sys/{_file(name)}' for number in numbers)],
                *Vfs().commands(netns, name, {'vfs': again}, {})]


NUM_DOC = ('Number of virtual functions of the device. Between two numbers the kernel goes through 0, so all of them are made anew;'
           ' settings as in O(vfs) are put back.')
DOC = 'Settings of virtual functions, each as C(ip link set ... vf) sets it. What is not listed is left alone.'
