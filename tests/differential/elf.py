# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELF objects with a small XDP program, so that no test needs a compiler for BPF."""

from __future__ import annotations

import struct
import sys

LD_R0, EXIT = 0xB7, 0x95
ABORTED, DROP, PASS = 0, 1, 2


def instructions(verdict: int, padding: int = 0) -> bytes:
    """r0 = verdict, as often as it takes to be another program, and return."""
    return struct.pack('=BBhi', LD_R0, 0, 0, verdict) * (1 + padding) + struct.pack('=BBhi', EXIT, 0, 0, 0)


def xdp_object(verdict: int, section: str = 'prog', function: str = 'main_xdp', padding: int = 0) -> bytes:
    code, licence = instructions(verdict, padding), b'GPL\0'
    names = ['', section, 'license', '.symtab', '.strtab']
    strings = b'\0'
    at = {}
    for name in [*names[1:], function]:
        at[name] = len(strings)
        strings += name.encode() + b'\0'
    symbols = struct.pack('=IBBHQQ', 0, 0, 0, 0, 0, 0) + struct.pack('=IBBHQQ', at[function], 0x12, 0, 1, 0, len(code))
    bodies = [b'', code, licence, symbols, strings]
    #: type, flags, link, info, alignment, size of an entry
    kinds = [(0, 0, 0, 0, 0, 0), (1, 6, 0, 0, 8, 0), (1, 3, 0, 0, 1, 0), (2, 0, 4, 1, 8, 24), (3, 0, 0, 0, 1, 0)]
    data, table = b'', b''
    for name, body, (kind, flags, link, info, align, entry) in zip(names, bodies, kinds):
        data += b'\0' * (-len(data) % 8)
        table += struct.pack('=IIQQQQIIQQ', at.get(name, 0), kind, flags, 0, 64 + len(data) if kind else 0, len(body), link, info, align, entry)
        data += body
    data += b'\0' * (-len(data) % 8)
    order = {'little': 1, 'big': 2}[sys.byteorder]
    head = b'\x7fELF' + bytes([2, order, 1]) + bytes(9) + struct.pack('=HHIQQQIHHHHHH', 1, 247, 1, 0, 0, 64 + len(data), 0, 64, 0, 0, 64, len(names), 4)
    return head + data + table
