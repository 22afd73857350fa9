# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes each result of a playbook down, a line of JSON each, for tools/topologies."""

from __future__ import annotations

DOCUMENTATION = r"""
name: record
type: notification
short_description: Results as lines of JSON in a file
description:
  - Appends every result to the file that the environment variable E(RECORD_FILE) names, with the C(topology_phase) of its play.
requirements:
  - the file's folder
author: linuxnet.vnet contributors (@linuxnet)
"""

import json
import os
import time

from ansible import constants
from ansible.plugins.callback import CallbackBase

KEPT = ("changed", "msg", "commands", "state", "stdout")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "MODULE_CACHE" in os.environ:  # what a module imports is packed once, and not once a playbook
            os.symlink(os.environ["MODULE_CACHE"], os.path.join(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache"))
        self.file = open(os.environ["RECORD_FILE"], "a", encoding="utf-8", buffering=1)  # pylint: disable=consider-using-with
        self.play = None
        self.began = 0.0

    def v2_playbook_on_play_start(self, play):
        self.play = play

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.began = time.monotonic()

    def v2_runner_on_ok(self, result):
        self._write(result, "ok")

    def v2_runner_on_skipped(self, result):
        self._write(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self._write(result, "failed")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._write(result, "ignored" if ignore_errors else "failed")

    def _write(self, result, status):
        task = result._task  # pylint: disable=protected-access
        outcome = result._result  # pylint: disable=protected-access
        line = {
            "at": time.time(), "seconds": time.monotonic() - self.began,
            "phase": self.play.vars.get("topology_phase"), "play": self.play.get_name(), "task": task.get_name(),
            "role": task._role is not None, "action": task.action, "host": result._host.get_name(), "status": status,  # pylint: disable=protected-access
        }
        line.update((key, outcome[key]) for key in KEPT if key in outcome)
        self.file.write(json.dumps(line, default=str) + "\n")
