# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A state that the host comes back to by itself unless somebody who can still reach it says that all is well.

A guardian, a process of its own, keeps the state in memory and the namespaces alive by their descriptors. It ends when it is told
that the changes stay, and puts everything back when it is told so or when its time is over.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.connection import ssh_connection
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import Desired
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.info import live_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.run import run
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, VnetError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import namespaces
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.namespaces import Namespaces
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import emptied

FOLDER = '/run/linuxnet-vnet'
_SYSCTLS = '/proc/sys/net'
_HOME = '/proc/self/ns/net'
_READINGS = 20
_PATIENCE = 120  # seconds that a roll-back may take
_STAYS, _BACK = signal.SIGUSR2, signal.SIGUSR1
#: what else ends processes (with their session, say) tells nobody that all is well: everything goes back
_ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


# -- the state --------------------------------------------------------------------------------------------------------

class Snapshot:
    """All that the collection knows of this machine: the document of vnet_info, kernel parameters, namespaces."""

    def __init__(self, resources: dict):
        self.resources = resources
        self.kept = {}
        for name in namespaces.names():
            with contextlib.suppress(FileNotFoundError):  # it has gone meanwhile
                self.kept[name] = os.open(namespaces.path(name), os.O_RDONLY | os.O_CLOEXEC)
        self.document = _live(resources, secrets=True)
        for name in set(self.kept).difference(item['name'] for item in self.document.get('netns', ())):
            os.close(self.kept.pop(name))
        self.sysctls = {name: parameters(self._place(name)) for name in (None, *self.kept)}

    def rehearse(self):
        """Load all that restore() needs: the files of the module are gone when it is called."""
        for lazy in (self.resources, KINDS):  # also of what is not there yet
            lazy.values()
        self._run([(section, item) for section, items in self.document.items() for item in items], check=True)

    def restore(self) -> list[str]:
        """Put everything back; returns sentences about what could not be."""
        troubles = []
        for name, kept in self.kept.items():
            try:
                _named_again(name, kept)
            except (OSError, VnetError) as exc:
                troubles.append(f'netns {name}: {exc}')
        now = _live(self.resources)
        links = {(item.get('netns'), item['name']): item for item in now.get('links', ())}
        gone, back = self._absent(now), [(section, {**item, **self._thoroughly(section)}) for section, items in self.document.items() for item in items]
        back = [(section, {**item, **emptied(links.get((item.get('netns'), item['name']), {}), item)} if section == 'links' else item)
                for section, item in back]
        back = [(section, self._from_elsewhere(item, links)) if section == 'links' else (section, item) for section, item in back]
        troubles += self._apply(gone + back)
        for name, before in self.sysctls.items():
            troubles += restore_parameters(self._place(name), before)
        return troubles

    def _place(self, name: str | None) -> str | None:
        """A namespace by its descriptor, whatever becomes of its name."""
        return None if name is None else f'/proc/self/fd/{self.kept[name]}'

    @staticmethod
    def _thoroughly(section) -> dict:
        return {'recreate': True} if section in ('links', 'teams') else {'purge': True} if section == 'bridge_vlans' else {}

    def _from_elsewhere(self, item: dict, links: dict) -> dict:
        """A NIC, which nobody can make, is fetched from the namespace that it was moved to; `links` are those that are there now."""
        name = item['name']
        if 'kind' in item or (item.get('netns'), name) in links:
            return item
        then = {(one.get('netns'), one['name']) for one in self.document['links']}
        found = [netns for netns, other in links if other == name and (netns, name) not in then and 'kind' not in links[netns, name]]
        return {**item, 'move_from': found[0] or _HOME} if found else item

    def _absent(self, now: dict) -> list[tuple]:
        """(section, item) of what is there now and was not then."""
        then = {key for section, items in self.document.items() for item in items for key in self._keys(section, item)}
        named = {item['name'] for item in self.document.get('netns', ())}
        gone = []
        for section, items in now.items():
            for item in items:
                home = item.get('name') if section == 'netns' else item.get('netns')
                if section != 'netns' and home is not None and home not in named:
                    continue  # goes with its namespace
                keys = self._keys(section, item)
                if keys & then or (section == 'links' and 'kind' not in item):
                    continue
                gone.append((section, {**item, 'state': 'absent', **({'force': True} if section == 'netns' else {})}))
        return gone

    def _keys(self, section, item) -> set:
        desired = Desired()
        desired.add(self.resources[section], item)
        return {(one.section, one.netns, one.key) for one in desired.wanted if one.section == section}

    def _apply(self, items: list[tuple]) -> list[str]:
        """All in one transaction; where that fails, as much as is possible, item by item."""
        try:
            self._run(items)
            return []
        except VnetError as exc:
            troubles = [exc.message]
        again = []
        for one in items:
            try:
                self._run([one])
            except VnetError:
                again.append(one)
        left = []
        for one in again:  # what needed something that came back after it
            try:
                self._run([one])
            except VnetError as exc:
                left.append(exc.message)
        return left and troubles + left

    def _run(self, items, check=False):
        desired = Desired()
        for section, item in items:
            desired.add(self.resources[section], item, f"{section} {item.get('name') or item.get('dev') or ''}".strip())
        desired.check()
        run(desired, self.resources, check=check, allow_disconnect=True, diff=False)


def _live(resources: dict, secrets: bool = False) -> dict:
    """The live document. Read again where a namespace, of a container say, goes away while it is read."""
    for unused in range(_READINGS - 1):
        with contextlib.suppress(InputError):
            return live_document(resources, secrets=secrets)[0]
        time.sleep(0.05)
    return live_document(resources, secrets=secrets)[0]


def _named_again(name: str, kept: int):
    """Have a namespace under its name, where that is gone or is another's by now."""
    try:
        if os.path.samestat(os.stat(namespaces.path(name)), os.fstat(kept)):
            return
        there = True
    except FileNotFoundError:
        there = False
    spaces = Namespaces()
    try:
        if there:
            spaces.remove(name)
        spaces.restore(name, os.dup(kept))
    finally:
        spaces.close()


def parameters(netns: str | None) -> dict:
    """{path: text} of the writable kernel parameters below net/ in a namespace."""
    found, spaces = {}, Namespaces()
    try:
        with spaces.entered(netns):
            for folder, unused, files in os.walk(_SYSCTLS):
                for name in files:
                    path = os.path.join(folder, name)
                    try:
                        if os.stat(path).st_mode & 0o200:
                            with open(path) as file:
                                found[path] = file.read()
                    except OSError:
                        pass  # write-only, or gone with its interface
    finally:
        spaces.close()
    return found


def restore_parameters(netns: str | None, before: dict) -> list[str]:
    """Write those that differ; returns sentences about those that cannot be written."""
    now, troubles, spaces = parameters(netns), [], Namespaces()
    different = [path for path, text in before.items() if now.get(path, text) != text]
    try:
        with spaces.entered(netns):
            # `all` and `forwarding` set others as well, so the particular comes last
            for path in sorted(different, key=lambda path: ('/all/' not in path, '/default/' not in path, path)):
                try:
                    with open(path, 'w') as file:
                        file.write(before[path])
                except OSError as exc:
                    troubles.append(f'{path}: {exc.strerror}')
    finally:
        spaces.close()
    return troubles


# -- the guardian -----------------------------------------------------------------------------------------------------

def _state_file() -> str:
    """What is known of the guardian: pid, its start time, deadline, connection."""
    return _file('checkpoint')


def _report_file() -> str:
    """What the last roll-back could not put back."""
    return _file('rollback')


def _file(what: str) -> str:
    """Machines that are namespaces of one host share this folder, and each has a checkpoint of its own."""
    return os.path.join(FOLDER, f"{what}.{os.stat('/proc/self/ns/net').st_ino}.json")


def current() -> dict | None:
    """What is known of the guardian that is alive."""
    try:
        with open(_state_file()) as file:
            state = json.load(file)
        return state if state['start'] == _start(state['pid']) else None
    except (OSError, ValueError, KeyError):
        return None


def _start(pid: int) -> str:
    with open(f'/proc/{pid}/stat') as file:
        return file.read().rpartition(')')[2].split()[19]


def check(timeout: int):
    """Raise InputError where create() would."""
    if timeout < 1:
        raise InputError(f'timeout is {timeout}, but must be at least 1 s')
    state = current()
    if state is not None:
        left = max(0, round(state['deadline'] - time.time()))
        raise InputError(f'there is a checkpoint already, which rolls back in {left} s; commit it or roll it back first')


def create(resources: dict, timeout: int) -> dict:
    """Take the state and leave a guardian with it; returns what is known of it."""
    try:
        os.makedirs(FOLDER, mode=0o700, exist_ok=True)
        lock = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise InputError(f'{FOLDER}, the folder for what is known of checkpoints, cannot be made: {exc.strerror}') from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two at once one would have a guardian that nobody knows of
        check(timeout)
        return _create(resources, timeout)
    finally:
        os.close(lock)


def _create(resources: dict, timeout: int) -> dict:
    snapshot = Snapshot(resources)
    snapshot.rehearse()
    deadline, connection = time.time() + timeout, ssh_connection()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            _leave_session({write, *snapshot.kept.values()})
            signal.pthread_sigmask(signal.SIG_BLOCK, {_STAYS, _BACK, *_ENDING})
            _forget(_report_file())
            _write(_state_file(), {'pid': os.getpid(), 'start': _start(os.getpid()), 'deadline': deadline, 'connection': connection})
            os.write(write, b'.')
            os.close(write)
            _guard(snapshot, deadline)
        finally:
            os._exit(1)
    os.close(write)
    started = os.read(read, 1)
    os.close(read)
    os.waitpid(child, 0)
    state = current()
    if not started or state is None:
        raise InputError(f'the guardian of the checkpoint did not start; is {FOLDER} writable?')
    return state


def _leave_session(keep: set):
    """Nothing that ends with the task ends this process, and nobody who waits for the task's output waits for it; `keep` are descriptors."""
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir('/')
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for fd in {int(name) for name in os.listdir('/proc/self/fd')} - keep - {0, 1, 2}:
        try:
            os.close(fd)
        except OSError:
            pass  # the one that the list was read by


def _guard(snapshot: Snapshot, deadline: float):
    """Never returns. The state file stays where a roll-back could not be told of."""
    code = 1
    try:
        told = signal.sigtimedwait({_STAYS, _BACK, *_ENDING}, max(0, deadline - time.time()))
        if told is None or told.si_signo != _STAYS:
            try:
                troubles = snapshot.restore()
            except Exception as exc:  # pylint: disable=broad-except  # nobody else can tell
                troubles = [f'{type(exc).__name__}: {exc}']
            _write(_report_file(), {'troubles': troubles, 'time': time.time()})
        _forget(_state_file())
        code = 0
    finally:
        os._exit(code)


def _write(path: str, content: dict):
    fd = os.open(path + '.new', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, 'w') as file:
        json.dump(content, file)
    os.replace(path + '.new', path)


def _forget(path: str):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def commit():
    """The changes stay. Refused on the connection that the checkpoint was made over, which proves nothing."""
    state = _needed()
    if state['connection'] and state['connection'] == ssh_connection():
        raise InputError('commit came over the connection that the checkpoint was made over, which proves nothing about new ones;'
                         ' run `meta: reset_connection` before it')
    _end(state, _STAYS)
    if os.path.exists(_report_file()) or os.path.exists(_state_file()):
        raise InputError('commit came too late' + _last())


def roll_back() -> list[str]:
    """Back to the checkpoint now; returns sentences about what could not be put back."""
    _end(_needed(), _BACK)
    try:
        with open(_report_file()) as file:
            return json.load(file)['troubles']
    except (OSError, ValueError):
        return [_last().lstrip('; ')]


def _needed() -> dict:
    state = current()
    if state is None:
        raise InputError('there is no checkpoint' + _last())
    return state


def _last() -> str:
    """What became of the last one."""
    try:
        with open(_report_file()) as file:
            report = json.load(file)
    except (OSError, ValueError):
        ended = '; the guardian of the last one was ended before it could tell what it has put back, if anything'
        return ended if os.path.exists(_state_file()) else ''
    text = f"; the last one was rolled back {round(time.time() - report['time'])} s ago"
    return text + (f", but not all of it: {'; '.join(report['troubles'])}" if report['troubles'] else '')


def _end(state: dict, how: int):
    with contextlib.suppress(ProcessLookupError):  # its time was over just now
        os.kill(state['pid'], how)
    deadline = time.monotonic() + _PATIENCE
    while current() is not None:
        if time.monotonic() > deadline:
            raise InputError(f"the guardian of the checkpoint (pid {state['pid']}) has not ended within {_PATIENCE} s")
        time.sleep(0.02)
