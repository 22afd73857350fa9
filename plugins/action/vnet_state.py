# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vnet_state with `src` on the controller: the file travels as JSON, so that the managed host needs no YAML library."""

from __future__ import annotations

import json
import os
import tempfile

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        source = args.get('src')
        if source and not boolean(args.get('remote_src', False), strict=False):
            try:
                args['src'] = self._send(source)
            except AnsibleError as exc:
                result.update(failed=True, msg=str(exc))
                return result
            args['remote_src'] = True
        later = bool(self._task.async_val) and not self._connection.has_native_async
        result.update(self._execute_module(module_name='linuxnet.vnet.vnet_state', module_args=args, task_vars=task_vars, wrap_async=later))
        if not later:  # what runs on removes it itself
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _send(self, source: str) -> str:
        """The path on the managed host of a file of the controller."""
        found = self._find_needle('files', source)
        if self._connection._shell.tmpdir is None:
            self._make_tmp_path()
        remote = self._connection._shell.join_path(self._connection._shell.tmpdir, 'state.json')
        handle, local = tempfile.mkstemp(suffix='.json')
        try:
            with os.fdopen(handle, 'w') as file:
                json.dump(self._loader.load_from_file(found), file, default=str)  # a value of `!vault` is decrypted as text
            self._transfer_file(local, remote)
        finally:
            os.unlink(local)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        return remote
