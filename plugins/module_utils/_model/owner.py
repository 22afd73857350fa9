# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and groups of the managed host, by name or number; canonically numbers."""

from __future__ import annotations

import grp
import pwd

from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Type


class _Id(Type):
    """'' stands for nobody. The look-up is done where the names mean something: on the managed host."""

    spec = {'type': 'str'}
    what = ''

    def __init__(self):
        self.allowed = f"a {self.what} that this host knows by name, or a number from 0 to 4294967294, or '' for none"

    @staticmethod
    def look_up(name: str) -> int:
        raise NotImplementedError

    def parse(self, value):
        if value == '':
            return ''
        text = str(value)
        if text.isdigit() and not isinstance(value, bool):
            if int(text) < 0xFFFFFFFF:
                return int(text)
            raise ValueError(self.allowed)
        try:
            return self.look_up(text)
        except (KeyError, ValueError):
            raise ValueError(self.allowed) from None


class UserId(_Id):
    what = 'user'

    @staticmethod
    def look_up(name):
        return pwd.getpwnam(name).pw_uid


class GroupId(_Id):
    what = 'group'

    @staticmethod
    def look_up(name):
        return grp.getgrnam(name).gr_gid
