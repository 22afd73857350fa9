# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FDB entries as the kernel reports them."""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.lazy import Loading
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import neigh
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import attributes

FLOOD = '00:00:00:00:00:00'
FLAGS = {'router': neigh.NTF_ROUTER, 'sticky': neigh.NTF_STICKY, 'extern_learn': neigh.NTF_EXT_LEARNED}
ATTRS = {'dst': 'NDA_DST', 'vni': 'NDA_VNI', 'src_vni': 'NDA_SRC_VNI', 'port': 'NDA_PORT', 'vlan': 'NDA_VLAN', 'nhid': 'NDA_NH_ID'}
_NDA_LLADDR = 2
_FIRST = struct.pack('=HH', 10, _NDA_LLADDR)
_INDEX = struct.Struct('=i')


def mac(data, start: int, end: int) -> bytes | None:
    """The MAC of an entry, which all drivers tell of first."""
    if data[start + 12:start + 16] == _FIRST:
        return data[start + 16:start + 22]
    return next((data[begin:last] for number, unused, begin, last in attributes(data, start + 12, end) if number == _NDA_LLADDR), None)


class FdbTable(Loading):
    """{key: values} of the FDB entries of a namespace. One device may have a hundred thousand of them, and most tasks ask for a few.

    The kernel is asked for those of one device where few devices are looked at; and of what it tells, only the MACs that are looked at are decoded.
    """

    FEW = 8

    def __init__(self, world, netns, key):
        """key(values) -> identity of an entry"""
        super().__init__()
        self.world, self.netns, self.key = world, netns, key
        self.codec, self.links = neigh.codec(world.kernel), world.links(netns)
        self.above = Above(world, netns)
        self._told: dict = {}  # {index: {MAC: [(data, start, end)]}}, of what is not decoded yet
        self._asked: set = set()  # indexes that have been asked for; 0: all
        self._on: dict = {}  # {device: {key: values}}
        self._defaults: dict = {}  # {index: (mac, dst) that come with the device}

    def ask(self, key):
        if key[0] not in self.links:
            return None
        index = self.links[key[0]].index
        self._decode(index, self._of(index).pop(bytes.fromhex(key[1].replace(':', '')), ()))
        return dict.get(self, key)

    def of(self, device: str) -> list:
        """(key, values) of all entries of a device."""
        if device not in self.links:
            return []
        index = self.links[device].index
        told = self._of(index)
        for mac in list(told):
            self._decode(index, told.pop(mac))
        return list(self._on.get(device, {}).items())

    def _of(self, index: int) -> dict:
        """{MAC: messages} of a device, of what is not decoded yet."""
        if 0 not in self._asked and index not in self._asked:
            self._ask(index if len(self._asked) < self.FEW else 0)
        return self._told.get(index, {})

    def _ask(self, index: int):
        for told in self.world.kernel.dump(self.netns, neigh.RTM_GETNEIGH, self.codec.pack({'family': neigh.AF_BRIDGE, 'ifindex': index}, {})):
            place, address = _INDEX.unpack_from(told[0], told[1] + 4)[0], mac(*told)
            if address is not None and place not in self._asked:
                self._told.setdefault(place, {}).setdefault(address, []).append(told)
        self._asked.add(index)

    def load(self):
        if 0 not in self._asked:
            self._ask(0)
        for index in list(self._told):
            for told in self._told.pop(index).values():
                self._decode(index, told)

    def _decode(self, index: int, told):
        link = self.links.by_index.get(index)
        for data, start, end in told:
            header = self.codec.read_header(data, start)
            attrs = self.codec.layout.read(data, start + self.codec.size, end)
            state, flags = header['state'], header['flags']
            values = {'dev': self.links.name_of(index), 'mac': attrs['NDA_LLADDR'],
                      'entry_state': 'permanent' if state & neigh.NUD_PERMANENT else 'static' if state & neigh.NUD_NOARP else 'dynamic'}
            values.update({name: attrs[attr] for name, attr in ATTRS.items() if attr in attrs})
            values['master'] = 'NDA_MASTER' in attrs and not flags & neigh.NTF_SELF
            if link is not None and link.kind == 'bridge':
                if not values['master']:
                    continue  # MACs of links that sit on the bridge
                values['master'] = False  # its only table is its own
            values['self'] = not values['master']
            if values['master'] or link is not None and link.kind == 'bridge':
                values.setdefault('vlan', 0)
            values.update({name: True for name, bit in FLAGS.items() if flags & bit})
            if 'NDA_IFINDEX' in attrs:
                values['via'] = self.links.name_of(attrs['NDA_IFINDEX'])
            if link is not None and self._is_implied(values, link):
                values['implied'] = True
            key = self.key(values)
            self[key] = self._on.setdefault(values['dev'], {})[key] = values

    def _is_implied(self, values, link) -> bool:
        """Whether the kernel has the entry by itself."""
        if link.index not in self._defaults:
            self._defaults[link.index] = implied(link)
        return (values['mac'], values.get('dst')) in self._defaults[link.index] or (
            values['entry_state'] == 'permanent' and not values.get('dst') and _is_own(values, link, self.links, self.above))


def implied(link) -> set:
    """(mac, dst) of the entry that a VXLAN device has for its own default destination: it is set with the link."""
    vxlan = link.get('vxlan') or {} if link.kind == 'vxlan' else {}
    remote = vxlan.get('remote') or vxlan.get('group')
    return {(FLOOD, remote)} if remote else set()


class Above:
    """What sits on the links of a namespace, in any that the task has looked at: its MACs are in the tables of the links below."""

    def __init__(self, world, netns):
        self.world, self.netns = world, netns
        self._sitting: dict | None = None
        self._known: dict = {}

    def macs(self, link) -> set:
        if self._sitting is None:
            self._sitting = self._parents()
        if link.index not in self._known:
            self._known[link.index] = self._macs((self.netns, link.index))
        return self._known[link.index]

    def _parents(self) -> dict:
        """{(namespace, index): [(namespace, link on it), ...]}"""
        found: dict = {}
        ids: dict = {}
        for section, place in list(self.world.tables):
            for link in self.world.tables[section, place].values() if section == 'links' else ():
                kind = KINDS.get(link.kind)
                if not link.link_index or kind is None or kind.parent != 'required':
                    continue
                if link.link_nsid is not None and place not in ids:
                    ids[place] = messages.nsid(self.world.kernel, place, self.netns)
                if link.link_nsid is None or link.link_nsid == ids[place]:
                    found.setdefault((place if link.link_nsid is None else self.netns, link.link_index), []).append((place, link))
        return found

    def _macs(self, parent) -> set:
        found: set = set()
        for place, link in self._sitting.get(parent, ()):
            found |= {link.values.get('address')} | self._macs((place, link.index))
        return found


def _is_own(values, link, links, above) -> bool:
    """The entries that the kernel keeps for a link's own MAC, those of what sits on it, and the multicast groups that it listens to."""
    mac = values['mac']
    if mac.startswith(('33:33:', '01:00:5e:', '01:80:c2:')):
        return True
    own = {link.values.get('address')}
    master = links.by_index.get(link.master_index)
    if master is not None:
        own.add(master.values.get('address'))
    return mac in own or mac in above.macs(link)
