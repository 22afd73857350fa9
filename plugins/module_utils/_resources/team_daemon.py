# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""teamd(8): finding, asking, starting and stopping the daemon of a team.

Its control socket (teamd/teamd_usock.c of libteam) takes a line REQUEST, the method, and its arguments a line each, and answers
REPLY_SUCCESS or REPLY_ERROR with text. The sockets of all network namespaces lie in one folder, by the name of the device.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import signal
import socket
import struct
import time

from ansible_collections.linuxnet.vnet.plugins.module_utils import _programs
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError, MissingAbility
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import namespaces

RUN_DIR = '/run/teamd'
INSTALL = 'install libteam-utils (Debian, Ubuntu) or teamd (Fedora, RHEL)'
_TIMEOUT = 15


def program(name: str = 'teamd') -> str | None:
    return _programs.find(name)


class Daemon:
    """A running teamd, by its socket."""

    def __init__(self, name: str, connection):
        self.name, self.connection = name, connection
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.pid = struct.unpack('=iII', peer)[0]

    def close(self):
        self.connection.close()

    def lives_in(self, fd: int) -> bool:
        """Whether it runs in the namespace of a descriptor."""
        try:
            there, here = os.stat(f'/proc/{self.pid}/ns/net'), os.fstat(fd)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def supervised(self) -> bool:
        """Whether it is the systemd unit that start() makes."""
        return _read(f'/proc/{self.pid}/cgroup').rstrip('\n').endswith('/' + unit(self.name))

    def ask(self, method: str, *arguments: str) -> str:
        """What teamd answers; KernelError with its own words if it refuses."""
        lines = ['REQUEST', method, *(argument.replace('\\', '\\\\').replace('\n', '\\n') for argument in arguments)]
        try:
            self.connection.send(''.join(line + '\n' for line in lines).encode())
            answer = self.connection.recv(1 << 20).decode(errors='replace')
        except OSError as exc:
            raise KernelError(exc.errno or errno.ETIMEDOUT, f'teamd of {self.name} does not answer {method}: {exc}') from exc
        kind, unused, text = answer.partition('\n')
        if kind != 'REPLY_SUCCESS':
            words = ' '.join(text.split('\n')[1:]).strip() or 'no answer'
            raise KernelError(errno.EIO, f"teamd of {self.name} refused {method}{' of ' + arguments[0] if arguments else ''}: {words}")
        return text

    def config(self) -> dict:
        """Its configuration, with the ports that it has."""
        return json.loads(self.ask('ConfigDumpActual'))

    def state(self) -> dict:
        return json.loads(self.ask('StateDump'))

    def takes(self, port: str, enslaved=lambda: True) -> bool:
        """Wait until teamd has looked at a port that has come; false if it has put it out again, as it does when it cannot serve it."""
        deadline = time.monotonic() + _TIMEOUT
        while port not in self.state().get('ports', {}):
            if not enslaved() or time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def connect(name: str) -> Daemon | None:
    """The teamd that answers for a device of that name in whatever namespace."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(_TIMEOUT)
    try:
        connection.connect(f'{RUN_DIR}/{name}.sock')
    except OSError:
        connection.close()
        return None
    return Daemon(name, connection)


def find(kernel, netns: str | None, name: str) -> Daemon | None:
    """The teamd of a device of this namespace."""
    daemon = connect(name)
    if daemon is not None and not daemon.lives_in(kernel.namespaces.fd(netns)):
        daemon.close()
        return None
    return daemon


def taken(kernel, netns: str | None) -> set[str]:
    """Names that teamd serves in other namespaces, so that it cannot serve them here; without kernel, in all that there are."""
    names = set()
    for path in glob.glob(f'{RUN_DIR}/*.sock'):
        daemon = connect(os.path.basename(path)[:-5])
        if daemon is not None:
            if kernel is None or not daemon.lives_in(kernel.namespaces.fd(netns)):
                names.add(daemon.name)
            daemon.close()
    return names


def config_file(name: str) -> str:
    """The file that libteam's own systemd unit reads, too."""
    return f'{RUN_DIR}/{name}.conf'


def write_config(name: str, config: dict):
    os.makedirs(RUN_DIR, mode=0o755, exist_ok=True)
    path = config_file(name)
    with open(path + '.new', 'w') as file:
        json.dump(config, file, indent=2)
    os.replace(path + '.new', path)


def unit(name: str) -> str:
    """The systemd unit of a team."""
    return 'vnet-teamd-' + re.sub(r'[^A-Za-z0-9:_.]', lambda found: f'\\x{ord(found[0]):02x}', name) + '.service'


def arguments(name: str) -> list[str]:
    """teamd as it is run here: it takes over a device that is there, and leaves it when it ends."""
    return ['-U', '-o', '-N', '-t', name]


def start(kernel, netns: str | None, name: str, config: dict):
    """Run teamd with that configuration inside the namespace and wait until it serves the device."""
    teamd = program()
    if teamd is None:
        raise MissingAbility(f"'{name}' needs the program teamd, which is not installed: {INSTALL}")
    write_config(name, config)
    words = [teamd, *arguments(name), '-f', config_file(name)]
    inside = _inside(kernel, netns) if os.path.isdir('/run/systemd/system') and program('systemd-run') else None
    if inside is None:
        with kernel.namespaces.entered(netns):
            done = _run([words[0], '-d', *words[1:]])
        log = 'the system log'
    else:
        _run([program('systemctl'), 'reset-failed', unit(name)])
        done = _run([program('systemd-run'), '--quiet', '--unit=' + unit(name), f'--description=teamd of {name}, started by linuxnet.vnet',
                     '--collect', '--property=Restart=always', '--property=RestartSec=1', '--property=KillSignal=SIGKILL', *inside, *words])
        log = f'journalctl -u {unit(name)}'
    if done.returncode:
        os.unlink(config_file(name))
        words = [line for line in done.stderr.splitlines() if line.strip() and 'not intended to be run as root' not in line]
        raise KernelError(errno.EIO, f"teamd could not be started for {name}: {words[-1].strip() if words else 'see ' + log}")
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        daemon = find(kernel, netns, name)
        if daemon is not None:
            try:
                for port in config['ports']:
                    daemon.takes(port)
                return
            except KernelError:
                pass  # it ended in between
            finally:
                daemon.close()
        time.sleep(0.05)
    if inside is not None:
        _run([program('systemctl'), 'stop', unit(name)])
    raise KernelError(errno.ETIMEDOUT, f'teamd did not serve {name} within {_TIMEOUT} seconds; see {log}')


def stop(daemon: Daemon):
    """End a teamd so that its device and ports stay as they are: told to end by itself, it would take the ports out, or even the device."""
    if daemon.supervised():
        done = _run([program('systemctl'), 'stop', unit(daemon.name)])
        if done.returncode:
            raise KernelError(errno.EIO, f'systemctl could not stop {unit(daemon.name)}: {done.stderr.strip()}')
    else:
        try:
            os.kill(daemon.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        deadline = time.monotonic() + _TIMEOUT
        while _alive(daemon.pid):
            if time.monotonic() > deadline:
                raise KernelError(errno.ETIMEDOUT, f'teamd of {daemon.name} (pid {daemon.pid}) did not end within {_TIMEOUT} seconds')
            time.sleep(0.02)
    for suffix in ('.conf', '.sock', '.pid'):
        try:
            os.unlink(f'{RUN_DIR}/{daemon.name}{suffix}')
        except FileNotFoundError:
            pass


def _alive(pid: int) -> bool:
    """Whether a process runs: one that has ended but not been waited for does not."""
    return _read(f'/proc/{pid}/stat').rpartition(')')[2].split()[:1] not in ([], ['Z'], ['X'])


def _inside(kernel, netns: str | None) -> list[str] | None:
    """The words that enter the namespace from systemd's; None if there is no lasting way in."""
    here = os.fstat(kernel.namespaces.fd(netns))

    def same(path):
        try:
            found = os.stat(path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (here.st_dev, here.st_ino)

    if same('/proc/1/ns/net'):
        return []
    named = [namespaces.path(name) for name in ([netns] if netns is not None else []) + namespaces.names()]
    path = next((path for path in named if same(path)), None)
    enter = program('nsenter')
    return [enter, '--net=' + path] if path and enter else None


def _run(words: list[str]):
    try:
        return _programs.run(words)
    except OSError as exc:
        raise KernelError(exc.errno, f'{words[0]}: {exc.strerror}') from exc


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ''
