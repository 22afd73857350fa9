# -*- coding: utf-8 -*-
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Become plugin that runs modules inside a network namespace."""

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
short_description: Run modules inside a network namespace
description:
  - Runs any module of any collection inside a network namespace of the managed host, over any connection, with or without pipelining.
  - Entering a namespace needs root. Connect as root, or let O(become_exe) begin with V(sudo -n).
author:
  - The linuxnet.vnet authors (@linuxnet)
version_added: 0.1.0
options:
  netns:
    description:
      - The namespace to run in.
      - "A name is a named namespace, entered as C(ip netns exec) does it: with C(/etc/netns/NAME) bound over C(/etc) and with a
        C(/sys) that shows the namespace's own links."
      - "V(pid:N) enters the network namespace and the mount namespace of process V(N), which has its own C(/run/netns), C(/sys)
        and files where that process has them: a container, or a machine of the role P(linuxnet.vnet.lab#role)."
      - An absolute path is the file of a network namespace, such as V(/run/netns/blue) or V(/proc/17/ns/net).
      - A namespace is always needed. Without one the task fails rather than running in the host's own network.
    type: string
    ini:
      - section: netns_become_plugin
        key: netns
    vars:
      - name: ansible_netns
      - name: ansible_netns_name
    env:
      - name: ANSIBLE_NETNS
  become_user:
    description: Only root can enter a namespace. That needs no saying, and any other user is refused.
    type: string
    ini:
      - section: privilege_escalation
        key: become_user
      - section: netns_become_plugin
        key: user
    vars:
      - name: ansible_become_user
      - name: ansible_netns_user
    env:
      - name: ANSIBLE_BECOME_USER
      - name: ANSIBLE_NETNS_USER
    keyword:
      - name: become_user
  become_exe:
    description:
      - The program that enters the namespace, with anything that has to stand before it.
      - The default is C(ip) for a named namespace and C(nsenter) for the others. V(sudo -n) alone is put before either.
    type: string
    default: ''
    ini:
      - section: netns_become_plugin
        key: executable
    vars:
      - name: ansible_netns_exe
    env:
      - name: ANSIBLE_NETNS_EXE
  become_flags:
    description: More options for C(nsenter), such as V(--uts). They are not used for a named namespace.
    type: string
    default: ''
    ini:
      - section: netns_become_plugin
        key: flags
    vars:
      - name: ansible_netns_flags
    env:
      - name: ANSIBLE_NETNS_FLAGS
notes:
  - Uses C(nsenter) of util-linux, and C(ip) of iproute2 for named namespaces.
seealso:
  - module: linuxnet.vnet.vnet_netns
"""

EXAMPLES = r"""
- name: Ask for a page from inside the namespace blue
  ansible.builtin.uri:
    url: http://192.0.2.10/
  become: true
  become_method: linuxnet.vnet.netns
  vars:
    ansible_netns: blue

- name: Set a sysctl in the network of process 4711
  ansible.posix.sysctl:
    name: net.ipv4.ip_forward
    value: "1"
    sysctl_file: /dev/null
  become: true
  become_method: linuxnet.vnet.netns
  vars:
    ansible_netns: pid:4711
"""

import shlex

from ansible.errors import AnsibleError
from ansible.plugins.become import BecomeBase


def enter(netns, exe="", flags=""):
    """The words that run a command in ``netns``: a name, ``pid:N`` or an absolute path. ValueError says what is wrong with it."""
    prefix = shlex.split(exe)
    own_program = prefix and prefix[-1].rpartition("/")[2] in ("ip", "nsenter")
    kind, _colon, pid = netns.partition(":")
    if kind == "pid" and _colon:
        if not (pid.isascii() and pid.isdigit() and int(pid)):
            raise ValueError(f"netns {netns!r} names no process; write pid: and a number above 0, such as pid:4711.")
        words = ["nsenter", *shlex.split(flags), f"--net=/proc/{pid}/ns/net", f"--mount=/proc/{pid}/ns/mnt", "--"]
    elif netns.startswith("/"):
        words = ["nsenter", *shlex.split(flags), f"--net={netns}", "--"]
    elif not netns or "/" in netns or netns in (".", ".."):
        raise ValueError(f"netns {netns!r} is no namespace; set ansible_netns to a name, to pid:N or to an absolute path.")
    else:
        words = ["ip", "netns", "exec", netns]
    return prefix + words[1:] if own_program else prefix + words


class BecomeModule(BecomeBase):
    """Puts ``nsenter`` or ``ip netns exec`` before a module's command."""

    name = "linuxnet.vnet.netns"

    def get_option(self, option, hostvars=None, playcontext=None):
        """Ansible leaves out a become that does not change the user. This one changes the network, so who is already root must not count."""
        value = super().get_option(option, hostvars=hostvars, playcontext=playcontext)
        return None if option == "become_user" and value == "root" else value

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        if not cmd:
            return cmd
        user = self.get_option("become_user")
        if user:
            raise AnsibleError(f"become method {self.name} runs as root only, not as {user}; leave become_user out.")
        try:
            words = enter(self.get_option("netns") or "", self.get_option("become_exe") or "", self.get_option("become_flags") or "")
        except ValueError as error:
            raise AnsibleError(str(error)) from error
        return f"{shlex.join(words)} {self._build_success_command(cmd, shell)}"
