# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links as the kernel reports them."""

from __future__ import annotations

import errno
from functools import lru_cache

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS, PORT_OPTIONS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.lazy import Asking, Loading
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.link import IFF_UP
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import ADDRGENMODES, FLAGS, PLAIN, PORTS

#: IF_OPER_* of linux/if.h
_OPERSTATES = ('unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up')

#: options that are what one attribute says, whatever the link is
_APART = {field.name for field in PLAIN} - {'address', 'broadcast', 'alias'}


@lru_cache(maxsize=256)
def _linkinfo(payload: bytes) -> dict:
    """IFLA_LINKINFO, which many links have alike."""
    return messages.LINKINFO.read(payload, 0, len(payload))


class _Own(Loading):
    """The options of a link's kind, each of which is decoded when it is asked for."""

    def __init__(self, table, attrs: dict, name_of):
        super().__init__()
        self.table, self.attrs, self.name_of = table, attrs, name_of

    def ask(self, key):
        field = self.table.by_name.get(key)
        value = field.decode(self.attrs, self.name_of) if field is not None and self.attrs is not None else None
        if value is not None:
            self[key] = value
        return value

    def load(self):
        if self.attrs is not None:
            attrs, self.attrs = self.attrs, None
            self.clear()  # what is told has the order of the table
            self.update(self.table.decode(attrs, self.name_of))


class FoundLink:
    """A live link; its attributes are decoded when looked at. Tests give `values` straight away."""

    __slots__ = ('name', 'index', 'flags', 'raw', 'table', '_values', 'kind', 'master_index', 'link_index', 'link_nsid', '_lower', '_own')

    def __init__(self, name: str, index: int = 0, values: dict | None = None, *, flags: int = 0, raw: dict | None = None, table=None):
        self.name, self.index, self.flags, self.raw, self.table = name, index, flags, {} if raw is None else raw, table
        self._values = values
        info = self.raw.get('IFLA_LINKINFO')
        self.raw['info'] = _linkinfo(info) if info else {}
        self.kind = values.get('kind') if values is not None else self.raw['info'].get('IFLA_INFO_KIND') or _kind_of_bus(self.raw)
        self.master_index = self.raw.get('IFLA_MASTER')
        self.link_index = self.raw.get('IFLA_LINK')
        self.link_nsid = self.raw.get('IFLA_LINK_NETNSID')
        self._lower = self._own = None

    @property
    def up(self) -> bool:
        return self._values.get('up', False) if self._values is not None else bool(self.flags & IFF_UP)

    def seen_from(self, lower: LinkTable):
        """Says which links are in the namespace that its outer packets are in, where that is another one."""
        if self.link_nsid is not None and self.raw['info'] and self._lower is not lower:
            self._lower, self._values, self._own = lower, None, None

    @property
    def values(self) -> dict:
        """Canonical values, in the shape of the options."""
        if self._values is None:
            self._values = self._decode()
        return self._values

    def get(self, option: str, default=None):
        """One of the values. The others are not decoded for it where it stands by itself, as most do."""
        value = None
        if self._values is not None:
            value = self._values.get(option)
        elif option in FLAGS:
            bit, inverse = FLAGS[option]
            return bool(self.flags & bit) != inverse
        elif option == 'master':
            return self._master()
        elif option == 'link':
            value = self._parent(KINDS.get(self.kind))
        elif option in _APART:
            value = PLAIN.by_name[option].decode(self.raw, self.table.name_of)
        elif option == self.kind and option in KINDS and KINDS[option].key == option and not KINDS[option].parts:
            value = self._of_kind(KINDS[option])
        else:
            value = self.values.get(option)
        return default if value is None else value

    @property
    def is_peer(self) -> bool:
        """Whether it was made as the other end of a pair of a kind whose ends are not alike."""
        return self.kind in KINDS and KINDS[self.kind].primary is not None and not self._data().get(KINDS[self.kind].primary, 1)

    def _data(self) -> dict:
        """The attributes of IFLA_INFO_DATA."""
        data = self.raw['info'].get('IFLA_INFO_DATA', b'')
        return messages.data_layout(KINDS[self.kind]).read(data, 0, len(data))

    def _decode(self) -> dict:
        raw, name_of = self.raw, self.table.name_of
        values = {'name': self.name}
        if self.kind:
            values['kind'] = self.kind
        kind = KINDS.get(self.kind)
        values.update(PLAIN.decode(raw, name_of))
        values.setdefault('alias', '')
        if kind is not None and not kind.ether:
            for option in ('address', 'broadcast'):
                values.pop(option, None)
        for option, (bit, inverse) in FLAGS.items():
            values[option] = bool(self.flags & bit) != inverse
        values['altnames'] = sorted(raw.get('IFLA_PROP_LIST', {}).get('IFLA_ALT_IFNAME', []))
        values['master'] = self._master()
        parent = self._parent(kind)
        if parent is not None:
            values['link'] = parent
        spec = raw.get('IFLA_AF_SPEC')
        if spec:
            mode = messages.AF_SPEC.read(spec, 0, len(spec)).get('AF_INET6', {}).get('IFLA_INET6_ADDR_GEN_MODE')
            values['addrgenmode'] = {number: name for name, number in ADDRGENMODES.items()}.get(mode, 'eui64')
        own = self._of_kind(kind) if kind is not None else None
        if own is not None:
            values[kind.key] = dict(own)
        for part in kind.parts if kind is not None else ():
            values.setdefault(kind.key, {}).update(part.observe(self.table.kernel, self.table.netns, self))
        port = next((PORTS[option] for option, kind in PORT_OPTIONS.items() if kind == raw['info'].get('IFLA_INFO_SLAVE_KIND')), None)
        if port is not None:
            data = raw['info'].get('IFLA_INFO_SLAVE_DATA', b'')
            attrs = messages.port_layout(port).read(data, 0, len(data))
            values[port.port_option] = port.port.decode(attrs, name_of)
            if attrs.get('IFLA_BOND_SLAVE_PERM_HWADDR'):  # its own MAC; while it is a port it has that of the bond
                values['address'] = attrs['IFLA_BOND_SLAVE_PERM_HWADDR']
        return values

    def _master(self) -> str:
        return self.table.name_of(self.master_index) if self.master_index else ''

    def _parent(self, kind) -> str | None:
        """The link that it sits on, in the same namespace."""
        if self.link_index and self.link_nsid is None and self.link_index != self.index and (kind is None or kind.parent):
            return self.table.name_of(self.link_index)
        return None

    def _of_kind(self, kind) -> dict | None:
        """The options of its kind that link messages have."""
        if self._own is None and any(field.attr for field in kind.table):
            attrs = self._data()
            lower = self.table if self.link_nsid is None else self._lower
            self._own = _Own(kind.table, attrs, lower.name_of if lower is not None else lambda index: None)
            if kind.decode:
                self._own = {**self._own, **kind.decode(attrs)}
        return self._own

    def activity(self) -> dict:
        """What it is doing just now, which nobody can ask for."""
        told = {'carrier': bool(self.raw.get('IFLA_CARRIER')), 'operstate': _OPERSTATES[self.raw.get('IFLA_OPERSTATE', 0)]}
        if 'bridge_port' in self.values:
            told.update(master=self.values['master'], port_state=self.values['bridge_port']['state'])
        return told

    def look(self, part):
        """Reads the options of a common part, which nobody asked for until now."""
        if self.table is not None and self.table.kernel is not None and not any(option in self.values for option in part.options):
            self.values.update(part.observe(self.table.kernel, self.table.netns, self))


def _kind_of_bus(raw: dict) -> str | None:
    """The kind of a link that the kernel has none for, but whose bus makes links: that is the first port of the device."""
    bus = raw.get('IFLA_PARENT_DEV_BUS_NAME')
    return bus if bus in KINDS and raw.get('IFLA_PHYS_PORT_NAME') == 'p1' else None


class LinkTable(dict):
    """{name: FoundLink} of one namespace."""

    def __init__(self, links=(), kernel=None, netns=None):
        self.kernel, self.netns = kernel, netns
        self._owners: dict | None = None
        super().__init__((link.name, link) for link in links)
        self.by_index = {link.index: link for link in self.values()}
        for link in self.values():
            link.table = self

    def owner_of(self, altname: str) -> str | None:
        """The link that has this alternative name."""
        if self._owners is None:
            self._owners = {other: link.name for link in self.values() for other in link.raw.get('IFLA_PROP_LIST', {}).get('IFLA_ALT_IFNAME', ())}
        return self._owners.get(altname)

    def name_of(self, index: int) -> str:
        found = self.by_index.get(index)
        return found.name if found else f'if{index}'


class LiveLinks(Loading, LinkTable):
    """Links of a kernel. On a crowded machine a dump is much more than what most tasks ask for: the first few are got one by one."""

    FEW = 8

    def __init__(self, kernel, netns, every, one):
        """every() -> all FoundLinks; one(name) or one(None, index) -> the FoundLink, or None."""
        self._every = None
        super().__init__((), kernel, netns)
        self._every, self._one = every, one
        self._asked: dict = {}
        self.by_index = _Numbers(self)

    def ask(self, key):
        found = self.look_for(key)
        return found if found is not None and found.name == key else None

    def look_for(self, name: str | None, index: int | None = None) -> FoundLink | None:
        """The link of that name, alternative name, or index."""
        if self._every is not None and (name, index) not in self._asked:
            self._look_for(name, index)
        if self._every is not None:
            found = self._asked[name, index]
            return found if found is None else dict.__getitem__(self, found.name)
        return dict.get(self, name) if index is None else dict.get(self.by_index, index)

    def _look_for(self, name, index):
        if len(self._asked) < self.FEW:
            try:
                found = self._asked[name, index] = self._one(name, index)
            except KernelError as exc:
                if exc.errno != errno.ENOBUFS:  # else a dump, which is made again where answers find no room
                    raise
            else:
                if found is not None:
                    self._add(found)
                return
        self.load()

    def _add(self, link):
        link = self.setdefault(link.name, link)
        link.table = self
        self.by_index[link.index] = link

    def load(self):
        if self._every is None:
            return
        every, self._every = self._every, None
        known = dict(dict.items(self))
        self.clear()
        self.by_index.clear()
        for link in every():
            self._add(known.get(link.name, link))

    def owner_of(self, altname):
        if self._every is None:
            return super().owner_of(altname)
        found = self.look_for(altname)
        return found.name if found is not None and found.name != altname else None


class _Numbers(Asking):
    """{index: FoundLink} of LiveLinks, for those who ask for one."""

    def __init__(self, links: LiveLinks):
        super().__init__()
        self.links = links

    def ask(self, key):
        return self.links.look_for(None, key)
