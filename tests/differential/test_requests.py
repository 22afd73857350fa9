# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes that a module sends are those that iproute2 sends, where no kernel has the device: seen on the way, by nlmon."""

from __future__ import annotations

import select
import socket
import struct
import subprocess

import pytest

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import attributes
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.link import RTM_NEWLINK
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import Namespaces
from module import ModuleFailed, run_here

ETH_P_ALL = 3
IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA = 18, 1, 2
NLM_F_REQUEST = 1


class Wire:
    """The netlink messages of one namespace."""

    def __init__(self, space):
        self.space = space
        space.batch(['ip link add nlmon0 type nlmon', 'ip link set nlmon0 up'])
        spaces = Namespaces()
        with spaces.entered(space.name):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.bind(('nlmon0', 0))
        spaces.close()

    def requests(self, kind: str) -> list[bytes]:
        """The bodies of the requests for a link of a kind, without what the kernel answered."""
        found = []
        while select.select([self.socket], [], [], 0.2)[0]:
            data = self.socket.recv(1 << 16)
            length, number, flags = struct.unpack_from('=IHH', data)
            if number == RTM_NEWLINK and flags & NLM_F_REQUEST and kind.encode() + b'\0' in data[:length]:
                found.append(data[16:length])
        return found


def parts(body: bytes) -> dict:
    """{number: payload} of a body, IFLA_LINKINFO and the options in it taken apart: the order of attributes means nothing.

    Nor does the zero byte after the kind, which iproute2 leaves out.
    """
    top = _payloads(body, 16)
    info = _payloads(top[IFLA_LINKINFO])
    info[IFLA_INFO_KIND] = info[IFLA_INFO_KIND].rstrip(b'\0')
    return {'header': body[:16], **top, IFLA_LINKINFO: {**info, IFLA_INFO_DATA: _payloads(info.get(IFLA_INFO_DATA, b''))}}


def _payloads(data: bytes, start: int = 0) -> dict:
    return {number: bytes(data[first:last]) for number, unused, first, last in attributes(data, start, len(data))}


@pytest.mark.parametrize('words, options', [
    ('', {}),
    ('pkey 0x8003', {'pkey': 0x8003}),
    ('pkey 0x8003 mode connected', {'pkey': '0x8003', 'mode': 'connected'}),
    ('mode datagram umcast 1', {'mode': 'datagram', 'umcast': True}),
    ('pkey 0x7ffe mode connected umcast 0', {'pkey': 0x7FFE, 'mode': 'connected', 'umcast': False}),
])
def test_ipoib(spaces, words, options):
    """There is no InfiniBand device here, so both are refused; the request is all that can be compared."""
    space = spaces('ours')
    space.ip('link add ib0 type dummy')
    wire = Wire(space)
    line = f'ip -n {space.name} link add link ib0 name ib0.1 up type ipoib {words}'
    assert subprocess.run(line.split(), capture_output=True, check=False).returncode
    theirs = wire.requests('ipoib')
    with pytest.raises(ModuleFailed, match='no driver for kind ipoib'):
        run_here('vnet_link', {'netns': space.name, 'name': 'ib0.1', 'kind': 'ipoib', 'link': 'ib0', **({'ipoib': options} if options else {})})
    ours = wire.requests('ipoib')
    assert len(theirs) == len(ours) == 1
    assert parts(ours[0]) == parts(theirs[0])
