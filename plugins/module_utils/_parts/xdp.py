# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The XDP program of a link (IFLA_XDP of linux/if_link.h). An object file is loaded by `ip`, which has a loader; all the rest is netlink and bpf(2)."""

from __future__ import annotations

import contextlib
import errno
import os

from ansible_collections.linuxnet.vnet.plugins.module_utils import _programs
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import Part
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import prefix, within
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Enum, Text, Type
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import bpf
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.codec import NLA_F_NESTED, Layout, attribute
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import Request

#: XDP_FLAGS_*_MODE, and the attribute with the id of the program of that mode
_MODES = {'generic': (2, 'SKB_PROG_ID'), 'drv': (4, 'DRV_PROG_ID'), 'offload': (8, 'HW_PROG_ID')}
_XDP = Layout([(1, 'FD', 'int32'), (3, 'FLAGS', 'uint32'), (5, 'DRV_PROG_ID', 'uint32'), (6, 'SKB_PROG_ID', 'uint32'), (7, 'HW_PROG_ID', 'uint32')])
_SECTION = 'prog'

TABLE = Table([
    Field('object', Text(4095), None, 'Absolute path, on the managed host, of the ELF object that holds the program.', aliases=['obj']),
    Field('section', Text(255), None, f'Section of that object; V({_SECTION}) where none is given, as with C(ip).', aliases=['sec']),
    Field('pinned', Text(4095), None, 'Absolute path of a program that is loaded already and pinned in a bpf file system.'),
    Field('mode', Enum({'off': 0, **{mode: flag for mode, (flag, unused) in _MODES.items()}}), None,
          "Where it runs: V(generic) in the kernel's own receive path, V(drv) in the driver, V(offload) on the card; V(off) takes programs off."
          ' Where none is given, in the driver if it can, and either is fine.'),
])


class Attached(dict):
    """{mode: {id, tag, name}} of the programs of a live link."""


class Xdp(Type):
    """What is wanted; compared with what is attached by the kernel's tag of the program, else by its function's name, and a pinned one by its id."""

    table = TABLE
    allowed = 'object (and section) or pinned, an absolute path each, with or without mode; or mode: off alone'

    def __init__(self):
        self.spec = {'type': 'dict', 'options': TABLE.arguments()}

    def parse_at(self, value, where):
        values = TABLE.parse(value, where)
        sources = [values[source] for source in ('object', 'pinned') if source in values]
        if len(sources) != (values.get('mode') != 'off') or any(not source.startswith('/') for source in sources) or (
                'section' in values and 'object' not in values):
            raise ValueError(self.allowed)
        return {**values, 'section': values.get('section', _SECTION)} if 'object' in values else values

    def same(self, wanted, found):
        if not isinstance(found, Attached) or wanted.get('mode') == 'off':
            return found == {}
        there = [found[mode] for mode in found if wanted.get('mode', mode) == mode]
        try:
            known = identity(wanted)
        except (OSError, ValueError):
            return False  # check() and apply() say why
        if 'id' in known:
            return any(program['id'] == known['id'] for program in there)
        return any(program['tag'] in known['tags'] if known['tags'] else program['name'] == known['name'] for program in there)


def identity(wanted: dict) -> dict:
    """By what the wanted program is known. OSError, ValueError."""
    if 'pinned' in wanted:
        program = bpf.pinned(wanted['pinned'])
        try:
            return {'id': bpf.info(program)['id']}
        finally:
            os.close(program)
    with open(wanted['object'], 'rb') as file:
        return bpf.Object(file.read()).identity(wanted['section'])


def observe(kernel, netns: str | None, name: str) -> Attached:
    data = messages.get(kernel, netns, name).get('IFLA_XDP', b'')
    attrs, found = _XDP.read(data, 0, len(data)), Attached()
    for mode, (unused, attr) in _MODES.items():
        if attrs.get(attr):
            found[mode] = {'id': attrs[attr], 'tag': '', 'name': ''}
            with contextlib.suppress(OSError):  # without CAP_BPF, or gone by now
                program = bpf.by_id(attrs[attr])
                try:
                    found[mode] = bpf.info(program)
                finally:
                    os.close(program)
    return found


#: descriptors of programs that were taken off: until the task ends they can be put back
_held: list[int] = []


class XdpPart(Part):
    options = ('xdp',)

    def observe(self, kernel, netns, found):
        return {'xdp': observe(kernel, netns, found.name)}

    def keep(self, kernel, netns, found):
        attached = observe(kernel, netns, found.name)
        self._hold(attached)
        return attached or None

    def restore(self, kernel, netns, name, kept):
        self.apply(kernel, netns, name, {'xdp': kept}, {})

    def restore_commands(self, netns, name, kept):
        return [[*within(netns), 'bpftool', 'net', 'attach', 'xdp' + mode, 'id', str(program['id']), 'dev', name] for mode, program in kept.items()]

    @staticmethod
    def _hold(attached: Attached):
        for program in attached.values():
            with contextlib.suppress(OSError):
                _held.append(bpf.by_id(program['id']))

    def check(self, values, found):
        wanted = values['xdp']
        if wanted.get('mode') == 'off':
            return None
        source = wanted.get('object') or wanted.get('pinned')
        try:
            identity(wanted)
        except OSError as exc:
            return f'xdp: {source} cannot be read: {exc.strerror}'
        except ValueError as exc:
            return f'xdp: {source} {exc}'
        return None

    def apply(self, kernel, netns, name, values, before):
        wanted, now = values['xdp'], observe(kernel, netns, name)
        self._hold(now)
        if isinstance(wanted, Attached):  # taken back
            target = {mode: program['id'] for mode, program in wanted.items()}
            self._detach(kernel, netns, name, [mode for mode in now if mode not in target])
            for mode, number in target.items():
                self._attach(kernel, netns, name, lambda number=number: bpf.by_id(number), mode)
            return
        mode = wanted.get('mode')
        # a program in another mode keeps the new one out; one in the same is replaced without a gap
        self._detach(kernel, netns, name, [other for other in now if mode and other != mode])
        if 'pinned' in wanted:
            self._attach(kernel, netns, name, lambda: bpf.pinned(wanted['pinned']), mode or next(iter(now), None))
        elif 'object' in wanted:
            self._load(netns, name, wanted, mode or next(iter(now), None))

    @staticmethod
    def _send(kernel, netns, name, descriptor, flags):
        body = messages.message(kernel).pack({}, {'IFLA_IFNAME': name})
        body += attribute(43 | NLA_F_NESTED, _XDP.pack({'FD': descriptor, 'FLAGS': flags}))
        failed, unused = kernel.namespaces.socket(netns).batch([Request(messages.RTM_SETLINK, 0, body)])
        for error in failed.values():
            raise KernelError(error.errno, f'xdp: {error.extack or os.strerror(error.errno)}')

    def _detach(self, kernel, netns, name, modes):
        for mode in modes:
            self._send(kernel, netns, name, -1, _MODES[mode][0])

    def _attach(self, kernel, netns, name, get, mode):
        try:
            program = get()
        except OSError as exc:
            raise KernelError(exc.errno, f'xdp: the program cannot be had from the kernel: {exc.strerror}') from exc
        try:
            self._send(kernel, netns, name, program, _MODES[mode][0] if mode else 0)
        finally:
            os.close(program)

    @staticmethod
    def _load(netns, name, wanted, mode):
        words = _words(netns, name, wanted, mode)
        try:
            done = _programs.run(words)
        except FileNotFoundError as exc:
            raise KernelError(errno.ENOENT, f'xdp: loading an object needs the program {words[0]}; install iproute2') from exc
        except OSError as exc:
            raise KernelError(exc.errno, f"xdp: ip cannot load {wanted['object']}: {exc.strerror}") from exc
        if done.returncode:
            said = '; '.join(line.strip() for line in done.stderr.splitlines() if line.strip())
            raise KernelError(errno.EINVAL, f"xdp: ip cannot load section {wanted['section']} of {wanted['object']}: {said[-600:] or 'it says not why'}")

    def commands(self, netns, name, values, before):
        wanted, now = values['xdp'], before.get('xdp') or {}
        ip = [*prefix('ip', netns), 'link', 'set', 'dev', name]
        mode = wanted.get('mode')
        lines = [[*ip, 'xdp' + other, 'off'] for other in now if mode and other != mode]
        return lines if mode == 'off' else [*lines, _words(netns, name, wanted, mode or next(iter(now), None))]


def _words(netns, name, wanted, mode) -> list[str]:
    source = ['pinned', wanted['pinned']] if 'pinned' in wanted else ['object', wanted['object'], 'section', wanted['section']]
    return [*prefix('ip', netns), '-force', 'link', 'set', 'dev', name, 'xdp' + (mode or ''), *source]


DOC = ("XDP program of the link, from an object file, which C(ip) on the managed host loads, or one that is pinned; O(xdp.mode=off) takes it off."
       ' A program that is attached is taken for the wanted one if its tag is that of the object (a digest of its instructions, so a changed object is'
       ' loaded anew), or, where the tag depends on the kernel (CO-RE relocations, calls of functions), if it has the name of the function;'
       ' a pinned program if it is the very same.')
