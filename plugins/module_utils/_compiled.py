# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the bytecode of this collection on the managed host, as Python does for whatever is installed there.

Ansible sends a module and what it imports as an archive of sources, which Python compiles anew in each task, and twice at that: it takes longer than
all else that a small task does. Importing this module makes the imports that follow look into ~/.cache/linuxnet.vnet (or below
``sys.pycache_prefix``) first. A file there counts only if it was made from the very same source by the same Python, in a folder that none but this
user can write to. ``PYTHONDONTWRITEBYTECODE`` keeps them from being written.
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import pwd
import stat
import sys
import zipimport
from importlib.machinery import ModuleSpec

_COLLECTION = __name__.rpartition('.plugins.')[0] + '.'


class Importer:
    """Finds and loads what is in `archive`; `folder` has the bytecode, if there is one."""

    def __init__(self, archive: zipimport.zipimporter, folder: str | None):
        self.archive, self.folder = archive, folder

    def find_spec(self, name, path=None, target=None):
        if not name.startswith(_COLLECTION):
            return None
        base = os.path.join(self.archive.archive, *name.split('.'))
        for origin, is_package in ((base + '.py', False), (os.path.join(base, '__init__.py'), True)):
            try:
                source = self.archive.get_data(origin)
            except OSError:
                continue
            spec = ModuleSpec(name, self, origin=origin, loader_state=source, is_package=is_package)
            spec.has_location = True
            if is_package:
                spec.submodule_search_locations = [base]
            return spec
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        spec = module.__spec__
        exec(self._code(spec.name, spec.origin, spec.loader_state), module.__dict__)  # pylint: disable=exec-used  # as importlib does
        spec.loader_state = None

    def get_source(self, name):
        """For tracebacks."""
        spec = self.find_spec(name)
        return spec and spec.loader_state.decode()

    def _code(self, name: str, origin: str, source: bytes):
        kept = self.folder and os.path.join(self.folder, name[len(_COLLECTION):])
        mark = importlib.util.MAGIC_NUMBER + importlib.util.source_hash(source)
        code = kept and _read(kept, mark)
        if code is None:
            code = compile(source, os.path.relpath(origin, self.archive.archive), 'exec', dont_inherit=True)  # the archive lies elsewhere the next time
            if kept and not sys.dont_write_bytecode:
                _write(kept, mark + marshal.dumps(code))
        return code


def _read(path: str, mark: bytes):
    try:
        with open(path, 'rb') as file:
            return marshal.loads(file.read()) if file.read(len(mark)) == mark else None
    except (OSError, EOFError, ValueError, TypeError):
        return None


def _write(path: str, data: bytes):
    """All of it or nothing, whoever else writes it just now."""
    own = f'{path}.{os.getpid()}'
    try:
        with open(own, 'wb') as file:
            file.write(data)
        os.replace(own, path)
    except OSError:
        pass


def own_folder() -> str | None:
    """Where the bytecode of this Python is kept, made if need be; None where that is not safe or not possible."""
    try:
        base = sys.pycache_prefix or os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, '.cache')
        folder = os.path.join(base, 'linuxnet.vnet', str(sys.implementation.cache_tag))
        if not sys.dont_write_bytecode:
            os.makedirs(folder, 0o700, exist_ok=True)
        found = os.lstat(folder)
    except (KeyError, OSError):
        return None
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return folder if mine else None


def _install():
    archive = globals().get('__loader__')
    if isinstance(archive, zipimport.zipimporter):
        sys.meta_path.insert(0, Importer(archive, own_folder()))


_install()
