# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the bytecode of modules that are imported from zip archives, in lab machines only.

Ansible sends each module with its libraries as a zip archive of sources. Python compiles these anew for every task, which on an
emulated processor is the largest part of a task's cost. A name is the digest of the source, so an entry can never be out of date.
"""

from __future__ import annotations

import zipimport

FOLDER = "/run/zipcache"


def install(compile_source):
    def cached(pathname, source):
        import _sha1
        import marshal
        import os

        path = f"{FOLDER}/{_sha1.sha1(source).hexdigest()}"
        try:
            with open(path, "rb") as stream:
                return marshal.load(stream)
        except (OSError, ValueError, EOFError, TypeError):
            pass
        code = compile_source(pathname, source)
        try:
            os.makedirs(FOLDER, mode=0o700, exist_ok=True)
            with open(f"{path}.{os.getpid()}", "wb") as stream:
                marshal.dump(code, stream)
            os.rename(f"{path}.{os.getpid()}", path)
        except OSError:
            pass  # only slower
        return code

    return cached


if hasattr(zipimport, "_compile_source"):
    zipimport._compile_source = install(zipimport._compile_source)
