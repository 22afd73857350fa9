#!/usr/bin/env python3
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs what the modules import, and apply.py to start it, into one file that Python runs. The same collection gives the same bytes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLUGINS = HERE.parents[2] / "plugins"
NAME = "ansible_collections/linuxnet/vnet/plugins"


def pack(target: str) -> None:
    with open(target, "wb") as stream:
        stream.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            parts = {f"{NAME}/{path.relative_to(PLUGINS)}": path for path in (PLUGINS / "module_utils").rglob("*.py")}
            # before Python 3.13 a folder in an archive is a package only if it says so
            packages = {f"{folder}/__init__.py": None for name in parts for folder in Path(name).parents if folder.name}
            for name, path in sorted({**packages, **parts, "__main__.py": HERE / "apply.py"}.items()):
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes() if path else b"", zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    pack(sys.argv[1])
