# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests run on which kernel: hooks of pytest, and a check of what they wrote down.

    @pytest.mark.kernel('netkit')           # a driver that not every kernel of this tier has, as a module or built in
    @pytest.mark.kernel('bonding', '6.9')   # and the release that brought what is tested

A kernel without them leaves the test out. So that no test is left out everywhere, each run keeps a ledger, `--ledger FILE`, and
`python kernels.py FOLDER...` fails when a test ran in none of the ledgers of a folder.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

LEDGER = pytest.StashKey[dict]()
RAN = 'ran'


@functools.cache
def kernel_has(need: str) -> bool:
    if need[0].isdigit():
        return numbers(need) <= numbers(os.uname().release)
    return subprocess.run(['modprobe', '--dry-run', '--quiet', need], check=False).returncode == 0


def numbers(release: str) -> list[int]:
    return [int(number) for number in re.match(r'\d+(\.\d+)*', release)[0].split('.')]


def pytest_addoption(parser):
    parser.addoption('--ledger', metavar='FILE', help='write down which tests ran here and which were left to another kernel')


@pytest.hookimpl(trylast=True)  # of what -k and -m have left
def pytest_collection_modifyitems(config, items):
    lacking = {item: [need for mark in item.iter_markers('kernel') for need in mark.args if not kernel_has(need)] for item in items}
    config.stash[LEDGER] = {item.nodeid: f'left out, for it needs {" and ".join(needs)}' if needs else 'not run' for item, needs in lacking.items()}
    config.hook.pytest_deselected(items=[item for item in items if lacking[item]])
    items[:] = [item for item in items if not lacking[item]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == 'call' and not report.skipped or report.failed:
        item.config.stash[LEDGER][item.nodeid] = RAN
    elif report.skipped:
        item.config.stash[LEDGER][item.nodeid] = f'skipped: {report.longrepr[2]}'
    return report


def pytest_sessionfinish(session):
    if session.config.option.ledger:
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:  # no failure where another kernel may have run them
            session.exitstatus = pytest.ExitCode.OK
        Path(session.config.option.ledger).write_text(json.dumps(session.config.stash.get(LEDGER, {}), indent=1), encoding='utf-8')


def main(folders: list[str]) -> int:
    bad = 0
    for folder in folders:
        ledgers = {path.stem: json.loads(path.read_text(encoding='utf-8')) for path in sorted(Path(folder).glob('*.json'))}
        for test in sorted(set().union(*ledgers.values())):
            found = {kernel: ledger[test] for kernel, ledger in ledgers.items() if test in ledger}
            if RAN not in found.values():
                print(f'{test} ran on no kernel: ' + '; '.join(f'{kernel}: {what}' for kernel, what in found.items()))
                bad += 1
        ran = {kernel: sum(what == RAN for what in ledger.values()) for kernel, ledger in ledgers.items()}
        print(f'{Path(folder).name}: tests that ran: ' + ', '.join(f'{count} on {kernel}' for kernel, count in ran.items()))
        bad += not sum(ran.values())
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
