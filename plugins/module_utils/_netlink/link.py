# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RTM_*LINK messages (rtnetlink(7), linux/if_link.h) in terms of pyroute2's ifinfmsg."""

from __future__ import annotations

import contextlib
import errno
import os

from ansible_collections.linuxnet.vnet.plugins.module_utils import _deps
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import namespaces
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import TEXT, Layout, attribute
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request, open_socket

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWLINKPROP, RTM_DELLINKPROP = 108, 109
RTM_NEWNSID, RTM_GETNSID = 88, 90
AF_BRIDGE = 7
IFF_UP, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI, IFF_MULTICAST = 0x1, 0x80, 0x100, 0x200, 0x1000
IFF_NOTRAILERS, IFF_DYNAMIC = 0x20, 0x8000
SKIP_STATS, BRVLAN = 0x8, 0x2
#: bytes of the name of a link with its end; alternative names may be longer
IFNAMSIZ = 16

#: What the supported pyroute2 releases lack or have wrong at the top level (linux/if_link.h).
SUPPLEMENT = (
    (12, 'IFLA_PROTINFO', 'cdata'), (18, 'IFLA_LINKINFO', 'cdata'), (26, 'IFLA_AF_SPEC', 'cdata'),
    (28, 'IFLA_NET_NS_FD', 'uint32'), (46, 'IFLA_TARGET_NETNSID', 'int32'), (37, 'IFLA_LINK_NETNSID', 'int32'),
    (16, 'IFLA_OPERSTATE', 'uint8'), (17, 'IFLA_LINKMODE', 'uint8'), (33, 'IFLA_CARRIER', 'uint8'), (39, 'IFLA_PROTO_DOWN', 'uint8'),
    (40, 'IFLA_GSO_MAX_SEGS', 'uint32'),
    (41, 'IFLA_GSO_MAX_SIZE', 'uint32'), (58, 'IFLA_GRO_MAX_SIZE', 'uint32'), (63, 'IFLA_GSO_IPV4_MAX_SIZE', 'uint32'),
    (64, 'IFLA_GRO_IPV4_MAX_SIZE', 'uint32'), (22, 'IFLA_VFINFO_LIST', 'cdata'), (43, 'IFLA_XDP', 'cdata'), (53, 'IFLA_ALT_IFNAME', '*asciiz'),
    (52, 'IFLA_PROP_LIST', Layout([(53, 'IFLA_ALT_IFNAME', '*asciiz')])), (20, 'IFLA_IFALIAS', TEXT),
)
LINKINFO = Layout([(1, 'IFLA_INFO_KIND', 'asciiz'), (2, 'IFLA_INFO_DATA', 'cdata'), (4, 'IFLA_INFO_SLAVE_KIND', 'asciiz'),
                   (5, 'IFLA_INFO_SLAVE_DATA', 'cdata')])
#: IFLA_AF_SPEC of AF_UNSPEC: AF_INET6 (10) { IFLA_INET6_ADDR_GEN_MODE (8) }
INET6_SPEC = Layout([(8, 'IFLA_INET6_ADDR_GEN_MODE', 'uint8')])
AF_SPEC = Layout([(10, 'AF_INET6', INET6_SPEC)])


def message(kernel):
    """The codec of struct ifinfomsg and its attributes."""
    return kernel.message('ifinfmsg', SUPPLEMENT)


_layouts: dict = {}


def data_layout(kind) -> Layout:
    """The layout of a kind's IFLA_INFO_DATA: pyroute2's class, with the rows that our table adds."""
    if kind.name not in _layouts:
        cls = _deps.classes().ifinfmsg.ifinfo.data_map.get(kind.data)
        extra = [*kind.table.supplement(), *kind.rows]
        _layouts[kind.name] = Layout.of(cls, extra) if cls is not None else Layout(extra)
    return _layouts[kind.name]


def port_layout(kind) -> Layout:
    """The layout of IFLA_INFO_SLAVE_DATA of ports of such a link."""
    name = ('port', kind.name)
    if name not in _layouts:
        cls = getattr(_deps.classes().ifinfmsg.ifinfo, kind.name + '_slave_data', None)
        _layouts[name] = Layout.of(cls, kind.port.supplement()) if cls is not None else Layout(kind.port.supplement())
    return _layouts[name]


def peer_data(kernel, number: int, name: str, netns_fd: int | None) -> bytes:
    """The other end among a pair's IFLA_INFO_DATA: an ifinfomsg of its own. IFF_UP there is refused by veth, so it is not offered."""
    values = {'IFLA_IFNAME': name}
    if netns_fd is not None:
        values['IFLA_NET_NS_FD'] = netns_fd
    return attribute(number, message(kernel).pack({}, values))


def get_indexes(kernel, netns: str | None, names: list[str]) -> dict[str, int]:
    """{name: index} of those that exist, asked for by name in one batch."""
    codec = message(kernel)
    sock = kernel.namespaces.socket(netns)
    failed, replies = sock.batch([Request(RTM_GETLINK, 0, codec.pack({}, {'IFLA_IFNAME': name, 'IFLA_EXT_MASK': SKIP_STATS})) for name in names])
    for error in failed.values():
        if error.errno != errno.ENODEV:
            raise error
    found = {}
    for place, answers in replies.items():
        found[names[place]] = codec.read_header(answers[0][1])['index']
    return found


def ask(kernel, netns: str | None, name: str | None, index: int | None) -> bytes | None:
    """What the kernel tells of one link, by its name, an alternative name or its index."""
    try:
        return _ask(kernel, netns, name, index)
    except KernelError as exc:
        if exc.errno != errno.ENODEV:
            raise
    return None


def get(kernel, netns: str | None, name: str, mask: int = SKIP_STATS) -> dict:
    """The attributes of one link; KernelError(ENODEV) if there is none. `mask` asks for more than every dump has (IFLA_EXT_MASK)."""
    codec, data = message(kernel), _ask(kernel, netns, name, mask=mask)
    return codec.layout.scan(data, codec.size, len(data))


def _ask(kernel, netns: str | None, name: str | None, index: int | None = None, mask: int = SKIP_STATS) -> bytes:
    attrs = {} if name is None else {'IFLA_IFNAME' if len(name) < IFNAMSIZ else 'IFLA_ALT_IFNAME': name}
    body = message(kernel).pack({'index': index or 0}, {**attrs, 'IFLA_EXT_MASK': mask})
    failed, replies = kernel.namespaces.socket(netns).batch([Request(RTM_GETLINK, 0, body)])
    if failed:
        raise failed[0]
    return replies[0][0][1]


#: namespaces that are asked about in one batch: as many descriptors are open
_AT_ONCE = 256
_NSID = Layout([(1, 'NETNSA_NSID', 'int32'), (3, 'NETNSA_FD', 'uint32')])


def given_nsid(kernel, netns: str | None, target: str | None) -> int:
    """The id by which `netns` knows the namespace `target`, which it gets where it has none."""
    number = nsid(kernel, netns, target)
    if number is None:
        body = b'\0' * 4 + _NSID.pack({'NETNSA_NSID': -1, 'NETNSA_FD': kernel.namespaces.fd(target)})
        failed, unused = kernel.namespaces.socket(netns).batch([Request(RTM_NEWNSID, 0, body)])
        for error in failed.values():
            raise error
        number = nsid(kernel, netns, target)
    return number


def nsid(kernel, netns: str | None, target: str | None) -> int | None:
    """The id by which `netns` knows the namespace `target`; None if it has none."""
    return nsids(kernel, netns, [kernel.namespaces.fd(target)])[0]


def named_nsids(kernel, netns: str | None) -> dict:
    """{id: name} of the named namespaces that `netns` knows; None is the one of the module."""
    found, names = {nsid(kernel, netns, None): None}, namespaces.names()
    for start in range(0, len(names), _AT_ONCE):
        opened = {}
        try:
            for name in names[start:start + _AT_ONCE]:
                with contextlib.suppress(OSError):  # gone by now
                    opened[name] = os.open(namespaces.path(name), os.O_RDONLY | os.O_CLOEXEC)
            found.update(zip(nsids(kernel, netns, list(opened.values())), opened))
        finally:
            for one in opened.values():
                os.close(one)
    found.pop(None, None)
    return found


def knowing(kernel, netns: str | None) -> list:
    """Names of the named namespaces that know `netns` by an id, as those do in which something sits on its links; None is the one of the module."""
    target, home, found = kernel.namespaces.fd(netns), kernel.namespaces.fd(None), []
    if netns is not None and nsid(kernel, None, netns) is not None:
        found.append(None)
    for name in namespaces.names():
        try:
            there = os.open(namespaces.path(name), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # gone by now
            continue
        try:
            namespaces.setns(there)
            try:
                sock = open_socket()  # of its own: on a machine with very many of them, not all can be open
            finally:
                namespaces.setns(home)
            try:
                if _nsids(sock, [target])[0] is not None:
                    found.append(name)
            finally:
                sock.close()
        except OSError:  # a file that nothing is mounted on
            continue
        finally:
            os.close(there)
    return found


def nsids(kernel, netns: str | None, descriptors: list[int]) -> list[int | None]:
    """The ids by which `netns` knows these namespaces, None for those that have none and for what is no namespace."""
    return _nsids(kernel.namespaces.socket(netns), descriptors)


def _nsids(sock, descriptors: list[int]) -> list[int | None]:
    unused, replies = sock.batch([Request(RTM_GETNSID, 0, b'\0' * 4 + _NSID.pack({'NETNSA_FD': one})) for one in descriptors])
    numbers: list = [None] * len(descriptors)
    for place, answers in replies.items():
        data = answers[0][1]
        number = _NSID.read(data, 4, len(data)).get('NETNSA_NSID', -1)
        numbers[place] = None if number < 0 else number
    return numbers
