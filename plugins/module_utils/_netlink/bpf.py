# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in the kernel (bpf(2), linux/bpf.h), and what of an object file says which program it is."""

from __future__ import annotations

import hashlib
import os
import struct
import sys

from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import _libc

_CALL = {'x86_64': 321, 'i686': 357, 'armv7l': 386, 'ppc64': 361, 'ppc64le': 361, 's390x': 351}
_CALL_ELSEWHERE = 280
_OBJ_GET, _PROG_GET_FD_BY_ID, _OBJ_GET_INFO_BY_FD = 7, 13, 15
_INFO_SIZE = 80  # of struct bpf_prog_info, up to and with the name


def _bpf(command: int, attr: bytes) -> int:
    libc, ctypes = _libc()
    buffer = ctypes.create_string_buffer(attr.ljust(128, b'\0'))
    result = libc.syscall(_CALL.get(os.uname().machine, _CALL_ELSEWHERE), command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def by_id(number: int) -> int:
    """A descriptor of a loaded program."""
    return _bpf(_PROG_GET_FD_BY_ID, struct.pack('=I', number))


def pinned(path: str) -> int:
    """A descriptor of a program that has a name below a bpf file system."""
    unused, ctypes = _libc()
    name = ctypes.create_string_buffer(path.encode())
    return _bpf(_OBJ_GET, struct.pack('=QII', ctypes.addressof(name), 0, 0))


def info(program: int) -> dict:
    """id, tag and name of the program behind a descriptor."""
    unused, ctypes = _libc()
    found = ctypes.create_string_buffer(_INFO_SIZE)
    _bpf(_OBJ_GET_INFO_BY_FD, struct.pack('=IIQ', program, _INFO_SIZE, ctypes.addressof(found)))
    return {'id': struct.unpack_from('=I', found.raw, 4)[0], 'tag': found.raw[8:16].hex(), 'name': found.raw[64:80].rstrip(b'\0').decode(errors='replace')}


# -- object files -----------------------------------------------------------------------------------------------------

_SYMTAB, _REL, _FUNC = 2, 9, 2
_R_64_64 = 1
_LD_IMM64, _MAP_FD, _MAP_VALUE = 0x18, 1, 2


class Object:
    """An ELF file with programs, as far as it is needed to know one of them again."""

    def __init__(self, data: bytes):
        """ValueError with what is wrong with the file."""
        self.order = {1: '<', 2: '>'}.get(data[5] if len(data) > 64 else 0)
        if self.order is None or data[:4] != b'\x7fELF' or data[4] != 2:
            raise ValueError('is no ELF object of 64 bits')
        if {'<': 'little', '>': 'big'}[self.order] != sys.byteorder:
            raise ValueError('was compiled for the other byte order')
        self.data = data
        try:
            if self._unpack('H', 18)[0] != 247:
                raise ValueError('is no BPF object')
            at, = self._unpack('Q', 40)
            size, count, names = self._unpack('HHH', 58)
            self.sections = [self._unpack('IIQQQQIIQQ', at + place * size) for place in range(count)]
            self.names = [self._text(self.sections[names][4] + section[0]) for section in self.sections]
        except (struct.error, IndexError):
            raise ValueError('is damaged') from None

    def _unpack(self, fmt: str, at: int) -> tuple:
        return struct.unpack_from(self.order + fmt, self.data, at)

    def _text(self, at: int) -> str:
        return self.data[at:].partition(b'\0')[0].decode(errors='replace')

    def _body(self, place: int) -> bytes:
        return self.data[self.sections[place][4]:self.sections[place][4] + self.sections[place][5]]

    def _entries(self, place: int, fmt: str) -> list[tuple]:
        return list(struct.iter_unpack(self.order + fmt, self._body(place)))

    def identity(self, section: str) -> dict:
        """{'name', 'tags'} of the first program of a section; tags is None where it depends on the kernel that loads it.

        The kernel's tag of a program is the start of a digest over its instructions, those without numbers of maps: SHA-1, since Linux 6.18 SHA-256.
        """
        if section not in self.names:
            raise ValueError(f"has no section {section}; there are {', '.join(name for name in self.names if name)}")
        place = self.names.index(section)
        try:
            table = next(number for number, entry in enumerate(self.sections) if entry[1] == _SYMTAB)
            symbols = self._entries(table, 'IBBHQQ')
            texts = self.sections[self.sections[table][6]][4]
            functions = sorted((symbol[4], symbol[5], self._text(texts + symbol[0])) for symbol in symbols if symbol[1] & 15 == _FUNC and symbol[3] == place)
            if not functions:
                raise ValueError(f'has no program in section {section}')
            start, size, name = functions[0]
            return {'name': name[:15], 'tags': self._tags(place, start, size)}
        except (struct.error, IndexError, StopIteration):
            raise ValueError('is damaged') from None

    def _tags(self, place: int, start: int, size: int):
        code = bytearray(self._body(place)[start:start + size])
        if '.BTF.ext' in self.names:  # fields that the loader looks up in the running kernel
            header = self._body(self.names.index('.BTF.ext'))
            length, = struct.unpack_from(self.order + 'I', header, 4)
            if length >= 32 and struct.unpack_from(self.order + 'I', header, 28)[0]:
                return None
        for number, entry in enumerate(self.sections):
            if entry[1] != _REL or entry[7] != place:
                continue
            for at, what in self._entries(number, 'QQ'):
                at -= start
                if not 0 <= at < size:
                    continue
                symbol = self._unpack('IBBHQQ', self.sections[entry[6]][4] + 24 * (what >> 32))
                target = self.names[symbol[3]] if 0 < symbol[3] < len(self.names) else ''
                value = target.startswith(('.data', '.rodata', '.bss'))
                if what & 0xFFFFFFFF != _R_64_64 or code[at] != _LD_IMM64 or not (value or target in ('.maps', 'maps')):
                    return None  # a call of another function, or something of the kernel's
                source = _MAP_VALUE if value else _MAP_FD
                code[at + 1] = code[at + 1] & 0x0F | source << 4 if self.order == '<' else code[at + 1] & 0xF0 | source
                code[at + 4:at + 8] = code[at + 12:at + 16] = bytes(4)
        return {hashlib.new(digest, bytes(code), usedforsecurity=False).hexdigest()[:16] for digest in ('sha1', 'sha256')}
