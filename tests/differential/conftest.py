# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two throw-away namespaces a test: one that the collection's modules work in, one that iproute2 works in, and a comparison of the two.

    def test_mode(pair):
        pair.theirs.ip('link add bond0 type bond mode 802.3ad')
        pair.module('vnet_link', name='bond0', kind='bond', bond={'mode': '802.3ad'}, up=False)
        pair.same()

A process costs 50 to 100 ms on this tier's kernel. That is why namespaces are made without one, and dumps come in batches.
"""

from __future__ import annotations

import ctypes
import difflib
import itertools
import json
import os
import secrets
import shlex
import subprocess
import time
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, core, settings
from hypothesis.internal.conjecture import providers

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import run
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.apply import describe
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.plan import make_plan
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import World
from differential import kernels
from module import ModuleFailed, run_here, run_module

# What `pair.same()` compares unless told otherwise.
EVERYTHING = (
    'ip link', 'ip addr', 'ip route show table all', 'ip rule', 'ip neigh', 'ip nexthop',
    'bridge link', 'bridge vlan', 'bridge fdb', 'bridge mdb',
)

# Keys that the kernel numbers, counts or changes by itself some time after a change.
VOLATILE = frozenset('''
    ifindex index link_index link_netnsid stats stats64 used updated refcnt
    operstate tentative dadfailed seq_nr
    hello_timer tcn_timer topology_change_timer gc_timer message_age_timer forward_delay_timer hold_timer
    mii_status link_failure_count active_slave ad_info ad_aggregator_id ad_actor_oper_port_state ad_actor_oper_port_state_str
    ad_partner_oper_port_state ad_partner_oper_port_state_str
'''.split())
VOLATILE_FLAGS = frozenset({'LOWER_UP', 'NO-CARRIER', 'M-DOWN', 'linkdown'})
FOREVER = 2**32 - 1

NETNS = Path('/run/netns')
RANDOM = 1  # NET_ADDR_RANDOM of linux/netdevice.h
CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MS_SHARED = 1 << 20
MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)

pytest_addoption = kernels.pytest_addoption
pytest_collection_modifyitems = kernels.pytest_collection_modifyitems
pytest_runtest_makereport = kernels.pytest_runtest_makereport
pytest_sessionfinish = kernels.pytest_sessionfinish

# A failing example is made small only on demand, with --hypothesis-profile=small: that takes minutes.
CALM = {'deadline': None, 'database': None, 'suppress_health_check': list(HealthCheck), 'report_multiple_bugs': False}
settings.register_profile('small', phases=[Phase.generate, Phase.shrink], **CALM)
settings.register_profile('as-found', phases=[Phase.generate], **CALM)


def pytest_configure(config):
    settings.load_profile(config.getoption('hypothesis_profile', None) or 'as-found')
    if config.getoption('hypothesis_seed', None) is None:  # the same for everybody: a change is judged by what it changed, not by luck
        config.option.hypothesis_seed = core.global_force_seed = 1
        if hasattr(providers, '_get_local_constants'):  # numbers and texts of our own sources, which newer releases draw from, would make others of them
            providers._get_local_constants = lambda: providers._local_constants
    if not os.path.exists('/run/kernel-run'):
        pytest.exit('These tests change the network of the kernel they run on. `make differential` gives them one of their own; so does'
                    ' `tools/kernel-run -- .build/venv/bin/python -m pytest tests/differential`.', returncode=2)


def pytest_report_header(config):
    return f'random documents: --hypothesis-seed={config.option.hypothesis_seed}'


class Namespace:
    """A named network namespace; `ip`, `bridge` and `tc` run the command line in it and return what it prints."""

    def __init__(self, name: str):
        self.name = name
        self.file = NETNS / name
        self.sysfs = Path('/run/sysfs') / name
        self.file.parent.mkdir(exist_ok=True)
        self.file.touch()
        self.sysfs.mkdir(parents=True)
        home = os.open('/proc/self/ns/net', os.O_RDONLY)
        try:
            _libc('unshare', CLONE_NEWNET)
            _libc('mount', b'/proc/self/ns/net', os.fsencode(self.file), None, MS_BIND, None)
            _libc('mount', b'sysfs', os.fsencode(self.sysfs), b'sysfs', 0, None)
        finally:
            _libc('setns', home, CLONE_NEWNET)
            os.close(home)

    def remove(self) -> None:
        for path in (self.sysfs, self.file):
            _libc('umount2', os.fsencode(path), MNT_DETACH)
        self.file.unlink()
        self.sysfs.rmdir()

    def ip(self, arguments: str) -> str:
        return self.run('ip ' + arguments)

    def bridge(self, arguments: str) -> str:
        return self.run('bridge ' + arguments)

    def tc(self, arguments: str) -> str:
        return self.run('tc ' + arguments)

    def run(self, command: str, text: str = '') -> str:
        tool, *arguments = shlex.split(command)
        done = subprocess.run([tool, '-n', self.name, *arguments], input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f'{command}: {done.stderr or done.stdout}{text}')
        return done.stdout

    def batch(self, commands: list[str]) -> None:
        """Runs many command lines of one tool with one start of it."""
        tool, lines = _batch(commands)
        self.run(f'{tool} -batch -', lines)

    def module(self, module: str, check: bool = False, diff: bool = False, **options) -> dict:
        """Runs a module of the collection, by its option netns in this namespace, and returns its result."""
        with mock.patch.object(run, 'verify', nothing_to_repair):
            return run_here(module, dict(options, netns=self.name), check=check, diff=diff)

    def refused(self, module: str, check: bool = False, **options) -> dict:
        """The result of a run that has to fail."""
        with pytest.raises(ModuleFailed) as caught:
            self.module(module, check, **options)
        return caught.value.result

    @staticmethod
    def replay(commands: list[str], *pairs: tuple[Namespace, Namespace]) -> None:
        """Executes `commands` of a module's result as they are, but where they name the first namespace of a pair they act on the second."""
        text = '\n'.join(commands)
        for there, here in pairs:
            text = text.replace(there.name, here.name)
        lines = [shlex.split(line) for line in text.splitlines()]
        # One start of a tool does a whole run of lines; what comes before the object (`-n NAME`, `-6`) is the same for all of them.
        for head, run in itertools.groupby(lines, head_of):
            starts = [(words, None) for words in run]
            if head:
                starts = [([*head, '-batch', '-'], ''.join(shlex.join(words[len(head):]) + '\n' for words, unused in starts))]
            for words, given in starts:
                done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
                assert not done.returncode and not done.stderr, f'{shlex.join(words)}: {done.stderr}{given or ""}'

    def links(self) -> dict[str, int]:
        """{name: index} of the interfaces, without a process."""
        names = [name for name in os.listdir(self.sysfs / 'class/net') if (self.sysfs / 'class/net' / name / 'ifindex').exists()]
        return {name: int(self.sys(f'class/net/{name}/ifindex')) for name in names}

    def json(self, *commands: str) -> list:
        """What `ip link` and the like, all of one tool, print with -details: the data of each, as it is."""
        tool, lines = _batch(commands)
        text, decoder, found = self.run(f'{tool} -details -json -batch -', lines), json.JSONDecoder(), []
        while text := text.lstrip():
            data, end = decoder.raw_decode(text)
            found.append(data)
            text = text[end:]
        assert len(found) == len(commands), f'{commands} printed {len(found)} documents'
        return found

    def link(self, name: str) -> dict:
        """What `ip -details link show dev NAME` prints."""
        return self.json(f'ip link show dev {name}')[0][0]

    def sys(self, path: str) -> str:
        """Content of a file below /sys, as seen in this namespace."""
        return (self.sysfs / path).read_text().strip()

    def normal(self, *commands: str) -> dict:
        """command -> its data without what two namespaces differ in though they are configured alike."""
        aliases = self.random_macs()
        found = {}
        for tool in dict.fromkeys(command.split()[0] for command in commands):
            mine = [command for command in commands if command.split()[0] == tool]
            found.update(zip(mine, self.json(*mine)))
        text = json.dumps(found)
        for mac, alias in aliases.items():
            text = text.replace(mac, alias)
        return normalise(json.loads(text))

    @staticmethod
    def unchanged(before: dict, after: dict) -> None:
        """Fails with the difference between two outcomes of normal()."""
        equal(after, before, ('before', 'after'))

    def like(self, other: Namespace, *commands: str) -> None:
        """Fails unless the commands (as `ip link`), or all of EVERYTHING, print the same here as in the other namespace."""
        alike(self, other, commands, (other.name, self.name))

    def random_macs(self) -> dict[str, str]:
        """MAC addresses that the kernel drew by lot -> 'MAC of LINK'; of links that share one, the first by name."""
        names = sorted(os.listdir(self.sysfs / 'class/net'), reverse=True)
        names = [name for name in names if (self.sysfs / 'class/net' / name / 'addr_assign_type').exists()]
        names = [name for name in names if int(self.sys(f'class/net/{name}/addr_assign_type')) == RANDOM and self.sys(f'class/net/{name}/address')]
        macs = {self.sys(f'class/net/{name}/address'): f'MAC of {name}' for name in names}
        # Bridge ids are printed without leading zeros.
        return macs | {':'.join(f'{int(byte, 16):x}' for byte in mac.split(':')): alias for mac, alias in macs.items()}


class Pair:
    """The namespaces `ours` and `theirs` of one test."""

    def __init__(self):
        self.ours = Namespace('ours-' + secrets.token_hex(3))
        self.theirs = Namespace('theirs-' + secrets.token_hex(3))

    def __iter__(self):
        return iter((self.ours, self.theirs))

    def module(self, module: str, check: bool = False, diff: bool = False, **options) -> dict:
        """Runs a module of the collection in `ours` and returns its result."""
        return run_module(module, dict(options, netns=self.ours.name), check=check, diff=diff)

    def both(self, *commands: str) -> None:
        """Runs command lines of one tool in both, for what has to be there before the test begins."""
        for namespace in self:
            namespace.batch(commands)

    def same(self, *commands: str, settle: float = 3) -> None:
        """Fails unless the commands (as `ip link`), or all of EVERYTHING, print the same in both within `settle` seconds: link monitors take their time."""
        alike(self.ours, self.theirs, commands, ('iproute2', 'ours'), settle)


def head_of(words: list[str]) -> list[str] | None:
    """The tool and the options before its object; None for what is no matter of a namespace, and for lines of which iproute2 remembers words in a batch:
    of two modes of netkit, or two destinations of VNIs, it takes the second for one too many."""
    place = next((place for place, word in enumerate(words[1:], 1) if word[0] != '-' and words[place - 1] != '-n'), 0)
    return words[:place] if '-n' in words[:place] and not {'netkit', 'vni'} & set(words) else None


def alike(ours: Namespace, theirs: Namespace, commands, names: tuple[str, str], settle: float = 3) -> None:
    """Fails with the difference of two namespaces if it does not go within `settle` seconds: carriers, and groups that follow them, take their time."""
    deadline = time.monotonic() + settle
    while True:
        wanted, found = (namespace.normal(*commands or EVERYTHING) for namespace in (theirs, ours))
        if wanted == found or time.monotonic() > deadline:
            return equal(found, wanted, names)
        time.sleep(0.1)


def equal(found: dict, wanted: dict, names: tuple[str, str]) -> None:
    """Fails with the difference of what two namespaces print, as Namespace.normal() has it."""
    different = [command for command in wanted if wanted[command] != found[command]]
    if different:
        texts = [json.dumps({command: data[command] for command in different}, indent=1, sort_keys=True).splitlines() for data in (wanted, found)]
        lines = '\n'.join(difflib.unified_diff(*texts, *names, lineterm='', n=6))
        pytest.fail(f'{", ".join(different)}: {names[1]} differs from {names[0]}\n{lines}', pytrace=False)


def nothing_to_repair(desired, resources, kernel) -> list:
    """In place of verify(), which repairs what a plan left undone: here that is a defect of the plan."""
    again = make_plan(desired, World(resources, kernel))
    assert not again, f'left undone: {[describe(operation, resources) for operation in again]}'
    return []


def _libc(name: str, *arguments) -> None:
    if getattr(LIBC, name)(*arguments):
        raise OSError(ctypes.get_errno(), f'{name}: {os.strerror(ctypes.get_errno())}')


def _batch(commands) -> tuple[str, str]:
    """The tool that all commands begin with, and the lines for its -batch."""
    (tool,) = {command.split()[0] for command in commands}
    return tool, ''.join(command.split(maxsplit=1)[1] + '\n' for command in commands)


def passing(item, key: str) -> bool:
    """True for the empty, for flags that follow the carrier, and for what multicast snooping learned."""
    return item in ({}, None) or key == 'flags' and item in VOLATILE_FLAGS or key == 'mdb' and item['state'] == 'temp'


def normalise(value, key: str = ''):
    """iproute2's JSON without volatile keys and flags, lists in the order of names and text, finite lifetimes only as such."""
    if isinstance(value, dict):
        drawn = value.get('link_type') in ('tunnel6', 'gre6')  # by lot: their permanent address
        return {name: normalise(item, name) for name, item in value.items() if name not in VOLATILE and not (drawn and name == 'permaddr')}
    if isinstance(value, list):
        items = [normalise(item) for item in value if not passing(item, key)]
        return sorted(items, key=lambda item: (item.get('ifname', '') if isinstance(item, dict) else '', json.dumps(item, sort_keys=True)))
    if key in ('valid_life_time', 'preferred_life_time'):
        return 'forever' if value == FOREVER else 'finite'
    return value


@pytest.fixture(scope='session')
def kernel():
    """Settings of the throw-away kernel that make two namespaces comparable at any moment."""
    subprocess.run(['modprobe', '-a', 'bridge', 'ipv6'], check=True)  # without its module, `bridge vlan` fails where others print nothing
    # As the first `ip netns add` does: mounts made before it would be there twice.
    NETNS.mkdir(exist_ok=True)
    _libc('mount', os.fsencode(NETNS), os.fsencode(NETNS), None, MS_BIND, None)
    _libc('mount', b'', os.fsencode(NETNS), None, MS_SHARED, None)
    # No IPv6 link-local addresses: they hold random MACs and come some time after the link.
    Path('/proc/sys/net/ipv6/conf/default/addr_gen_mode').write_text('1')
    Path('/proc/sys/net/core/devconf_inherit_init_net').write_text('1')
    Path('/proc/sys/net/core/fb_tunnels_only_for_init_net').write_text('1')  # no tunl0, sit0 ... in each of them when a driver comes


@pytest.fixture
def pair(kernel):
    both = Pair()
    yield both
    for namespace in both:
        namespace.remove()


@pytest.fixture
def spaces(kernel):
    """Makes namespaces: spaces('left', 'right') are two, for the time of the test."""
    made = []

    def make(*names):
        made.extend(Namespace(f'{name}-{secrets.token_hex(3)}') for name in names)
        return made[-len(names):] if len(names) > 1 else made[-1]

    yield make
    for namespace in made:
        namespace.remove()
