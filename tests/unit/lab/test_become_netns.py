# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line that the become plugin netns puts before a module."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "plugins" / "become" / "netns.py"


@pytest.fixture(name="plugin", scope="module")
def the_plugin():
    spec = importlib.util.spec_from_file_location("lab_test_become_netns", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("netns", "exe", "flags", "words"), [
    ("blue", "", "", "ip netns exec blue"),
    ("blue", "sudo -n", "", "sudo -n ip netns exec blue"),
    ("blue", "/usr/sbin/ip", "", "/usr/sbin/ip netns exec blue"),
    ("pid:17", "", "", "nsenter --net=/proc/17/ns/net --mount=/proc/17/ns/mnt --"),
    ("pid:17", "sudo -n nsenter", "--uts", "sudo -n nsenter --uts --net=/proc/17/ns/net --mount=/proc/17/ns/mnt --"),
    ("/run/netns/a b", "", "", "nsenter|--net=/run/netns/a b|--"),
])
def test_words(plugin, netns, exe, flags, words):
    assert plugin.enter(netns, exe, flags) == (words.split("|") if "|" in words else words.split())


@pytest.mark.parametrize("netns", ["", ".", "..", "a/b", "pid:", "pid:x", "pid:0", "pid:-1", "pid:1;reboot"])
def test_refused(plugin, netns):
    with pytest.raises(ValueError, match="netns"):
        plugin.enter(netns)


class Shell:
    ECHO, COMMAND_SEP, SHELL_FAMILY = "echo", ";", "sh"


def become(plugin, **options):
    made = plugin.BecomeModule()
    made._options = {"netns": None, "become_user": None, "become_exe": "", "become_flags": "", **options}
    made._id = "token"
    return made


def test_command_keeps_the_success_marker(plugin):
    command = become(plugin, netns="blue").build_become_command("python3", Shell())
    assert command.startswith("ip netns exec blue ")
    assert "BECOME-SUCCESS-" in command
    assert command.rstrip("'").endswith("python3")


def test_root_does_not_count_as_a_user_that_is_become(plugin):
    """Ansible would leave the namespace out for a connection that is root's already."""
    assert become(plugin, become_user="root").get_option("become_user") is None


@pytest.mark.parametrize("options", [{}, {"netns": "blue", "become_user": "alice"}])
def test_never_falls_back_to_the_hosts_network(plugin, options):
    with pytest.raises(Exception, match="netns"):
        become(plugin, **options).build_become_command("python3", Shell())
