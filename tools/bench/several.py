# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the command lines in BENCH_LINES, a JSON list each, one after the other."""

import json
import os
import subprocess
import sys

for line in os.environ["BENCH_LINES"].splitlines():
    if subprocess.run(json.loads(line), check=False).returncode:
        sys.exit(1)
