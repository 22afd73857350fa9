# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to end, as signals: followed at once while nothing is written, and in a transaction where all that has been done is known.

An exception out of a signal handler comes between any two steps, of a library or of taking back too; what it leaves then, nobody knows.
"""

from __future__ import annotations

import contextlib
import signal

#: what terminals, CI runners, timeout(1), systemd and connections that break end a task with
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_state = {'asked': '', 'held': False}


def listen():
    """From now on the signals are requests to end, which raise KeyboardInterrupt with the name of the signal."""
    for one in SIGNALS:
        signal.signal(one, _note)


def _note(number, unused):
    _state['asked'] = _state['asked'] or signal.Signals(number).name
    if not _state['held']:
        obey()


def obey():
    """Raise KeyboardInterrupt where the end has been asked for."""
    if _state['asked']:
        raise KeyboardInterrupt(_state['asked'])


@contextlib.contextmanager
def held():
    """Requests wait for obey() meanwhile, and for nothing where that is not called any more: what has been done then stands."""
    _state['held'] = True
    try:
        yield
    finally:
        _state['held'] = False
