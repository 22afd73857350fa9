# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the time of a task goes on the managed host: `stages.py N CREATE`, started by `unshare --net --mount`.

Runs vnet_link in this process with N links, which are there already unless CREATE is 1, and prints milliseconds by stage as JSON. What a stage calls
of another one counts for that one alone.
"""

from __future__ import annotations

import json
import os
import sys
import time

BEGAN = float(os.environ["BENCH_BEGAN"])
ENTERED = time.time()


class Clock:
    """Exclusive seconds by stage."""

    def __init__(self):
        self.seconds: dict = {}
        self.running: list = []
        self.last = time.perf_counter()

    def _account(self):
        now = time.perf_counter()
        if self.running:
            self.seconds[self.running[-1]] = self.seconds.get(self.running[-1], 0) + now - self.last
        self.last = now

    def __call__(self, stage: str, function):
        def timed(*given, **named):
            self._account()
            self.running.append(stage)
            try:
                return function(*given, **named)
            finally:
                self._account()
                self.running.pop()
        return timed


def main():
    clock = Clock()
    n, create = int(sys.argv[1]), sys.argv[2] == "1"
    sys.path[:0] = [os.environ["BENCH_COLLECTIONS"]]

    def ansible():
        from ansible.module_utils import basic  # pylint: disable=import-outside-toplevel
        return basic

    def ours():  # pylint: disable=import-outside-toplevel
        from ansible_collections.linuxnet.vnet.plugins.module_utils import _deps
        from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import apply, module, run, world
        from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import socket
        from ansible_collections.linuxnet.vnet.plugins.modules import vnet_link
        _deps.classes()
        return apply, module, run, world, socket, vnet_link

    basic = clock("import of Ansible's part", ansible)()
    apply, module, run, world, socket, vnet_link = clock("import of ours and of pyroute2", ours)()
    for owner, name, stage in (
            (module.Module, "__init__", "arguments, checked by Ansible"), (module, "from_module", "arguments, parsed by us"), (run, "make_plan", "plan"),
            (world.World, "table", "observed state, decoded"), (apply.Applier, "run", "messages, packed"), (socket.NetlinkSocket, "batch", "kernel"),
            (socket.NetlinkSocket, "dump", "kernel"), (run, "verify", "read back"), (run, "result", "result"), (module, "leave", "rest of the module")):
        setattr(owner, name, clock(stage, getattr(owner, name)))
    module.Module.exit_json = clock("output", module.Module.exit_json)

    def task(count):
        items = [{"name": f"a{place}", "kind": "veth", "veth": {"peer": {"name": f"b{place}"}}} for place in range(count)]
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": {"config": items}}).encode()  # pylint: disable=protected-access
        basic._ANSIBLE_PROFILE = "legacy"  # pylint: disable=protected-access
        try:
            vnet_link.main()
        except SystemExit:
            pass

    answers, sys.stdout = sys.stdout, open(os.devnull, "w", encoding="utf-8")  # pylint: disable=consider-using-with
    imported = dict(clock.seconds)
    if not create:
        task(n // 2 or 1)
    clock.seconds = imported
    task(n // 2 or 1)
    sys.stdout = answers
    print(json.dumps({"start of Python": (ENTERED - BEGAN) * 1e3, **{stage: seconds * 1e3 for stage, seconds in clock.seconds.items()}}))


if __name__ == "__main__":
    main()
