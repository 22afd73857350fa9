# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the workers of the command lines in BENCH_LINES, a JSON list each, by turns, a round each: what else the machine does meets all of them alike.

Prints what each of them has found, a line each, in their order.
"""

import json
import os
import subprocess
import sys

commands = [json.loads(line) for line in os.environ["BENCH_LINES"].splitlines()]
workers, found = [], [""] * len(commands)
for command in commands:
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # pylint: disable=consider-using-with
    workers.append(worker)
    if not worker.stdout.readline():  # it is ready
        sys.exit(1)
for turn in range(max(int(command[-1]) for command in commands)):
    for place, (worker, command) in enumerate(zip(workers, commands)):
        if turn < int(command[-1]):
            worker.stdin.write("\n")
            worker.stdin.flush()
            found[place] = worker.stdout.readline()
            if not found[place]:
                sys.exit(1)
print("".join(found), end="")
