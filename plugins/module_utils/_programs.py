# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs, for what netlink, an ioctl or a file cannot do."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess

_PATH = os.pathsep.join([os.environ.get('PATH', ''), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'])
_SECONDS = 60


def find(name: str) -> str | None:
    """The path of a program, whatever little PATH a task has."""
    return shutil.which(name, path=_PATH)


def run(words: list[str]) -> subprocess.CompletedProcess:
    """How a program ended, and what it said as text. OSError where it could not be started, TimeoutError where it did not end."""
    words = [find(words[0]) or words[0], *words[1:]]
    try:  # pylint: disable-next=ansible-bad-function  # the engine knows no AnsibleModule
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors='replace', timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as exc:
        raise TimeoutError(errno.ETIMEDOUT, f'did not end within {_SECONDS} seconds') from exc
