#!/usr/bin/python
# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vnet_can_gateway
short_description: Manage rules that pass CAN frames from one interface to another
version_added: 0.1.0
description:
  - Adds and removes rules of the kernel's CAN gateway (can-gw), as C(cangw) of can-utils does, without needing that program.
  - A rule passes frames in one direction and as they are. Rules that change frames are left alone.
  - A rule goes with either of its interfaces. When a rule of a task fails, those already made are undone.
author: The linuxnet.vnet contributors (!UNKNOWN)
extends_documentation_fragment:
  - linuxnet.vnet.attributes
options:
  netns:
    description: &netns
      - Network namespace of both interfaces, a name as C(ip -n) takes it, V(pid:N), or the absolute path of a namespace file.
      - Without it the namespace that the module runs in.
    type: str
  src:
    description: &src Interface that the frames arrive on. Required, here or in each item of O(config).
    type: str
  dst:
    description: &dst Interface that they are sent on. Required, here or in each item of O(config).
    type: str
  filter:
    description: &filter
      - Pass only frames whose identifier matches, V(ID:MASK) in hexadecimal digits as C(cangw -f) takes it, such as V(123:7FF). Without it all frames.
      - Rules of the same interfaces with different filters are different rules.
    type: str
  echo:
    description: &echo Sockets on O(dst) receive the frame too, as if it had been sent there by another program. The default is V(false).
    type: bool
  iif_tx_ok:
    description: &iif_tx_ok
      - Pass also frames that came into this machine by an interface with the number of O(dst). The default is V(false), which stops loops.
      - Each namespace numbers its interfaces by itself, and the kernel looks at the number only. What comes from another namespace over a C(vxcan)
        needs V(true) where the interface that it was sent on there has by chance the number of O(dst).
    type: bool
  state:
    description: &state Whether the rule is there. The default is V(present).
    type: str
    choices: [present, absent]
  config:
    description: Many rules, each inheriting the options given beside the list.
    type: list
    elements: dict
    suboptions:
      netns:
        description: *netns
        type: str
      src:
        description: *src
        type: str
      dst:
        description: *dst
        type: str
      filter:
        description: *filter
        type: str
      echo:
        description: *echo
        type: bool
      iif_tx_ok:
        description: *iif_tx_ok
        type: bool
      state:
        description: *state
        type: str
        choices: [present, absent]
"""

EXAMPLES = r"""
- name: What is sent on vcan0 reaches the other end of the cable, and back
  linuxnet.vnet.vnet_can_gateway:
    netns: net1
    config:
      - {src: vcan0, dst: vxcan1}
      - {src: vxcan1, dst: vcan0, echo: true, iif_tx_ok: true}

- name: Only the engine's frames leave
  linuxnet.vnet.vnet_can_gateway:
    src: vcan0
    dst: can0
    filter: "100:700"
"""

RETURN = r"""
operations:
  description: What was or would be done, in order; each with C(action), C(resource), C(name), C(netns), C(values), C(before) and C(disruption).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, resource: can_gateways, netns: net1, name: vcan0 to vxcan1, disruption: in_place}
commands:
  description: The same as command lines of cangw.
  returned: always
  type: list
  elements: str
  sample:
    - ip netns exec net1 cangw -A -s vcan0 -d vxcan1
failed_operation:
  description: The operation that was refused.
  returned: when an operation failed
  type: dict
errno:
  description: Number of the error that the kernel answered with.
  returned: when an operation failed
  type: int
errno_name:
  description: Its name, as in errno(3).
  returned: when an operation failed
  type: str
extack:
  description: What the kernel (of a team, C(teamd)) says about it, where it says something.
  returned: when an operation failed
  type: str
rolled_back:
  description: Whether everything else of the task was undone.
  returned: when an operation failed
  type: bool
"""

import shlex

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import ending
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.apply import left_behind
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.module import leave
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.world import Kernel
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError, KernelError, VnetError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import within
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import can_gw
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.link import get_indexes

SPEC = {
    'netns': {'type': 'str'}, 'src': {'type': 'str'}, 'dst': {'type': 'str'}, 'filter': {'type': 'str'}, 'echo': {'type': 'bool'},
    'iif_tx_ok': {'type': 'bool'}, 'state': {'type': 'str', 'choices': ['present', 'absent']},
}


def wanted(params):
    """[(netns, rule, absent)] of the task, checked."""
    found = {}
    for number, own in enumerate([{}] if params['config'] is None else params['config'], 1):
        item = {option: params[option] if own.get(option) is None else own[option] for option in SPEC}
        where = f'config[{number - 1}]' if params['config'] is not None else 'the rule'
        for option in ('src', 'dst'):
            if not item[option]:
                raise InputError(f'{where}: {option} is missing')
        if item['filter']:
            try:
                item['filter'] = can_gw.show_filter(can_gw.parse_filter(item['filter']))
            except ValueError:
                raise InputError(f"{where}: filter '{item['filter']}' is not ID:MASK in hexadecimal digits, such as 123:7FF") from None
        key = item['netns'] or None, item['src'], item['dst'], item['filter']
        if key in found:
            raise InputError(f'{where}: the rule from {item["src"]} to {item["dst"]} is listed twice')
        found[key] = {'src': item['src'], 'dst': item['dst'], 'filter': item['filter'] or None,
                      **{option: bool(item[option]) for option in can_gw.FLAGS}}, item['state'] == 'absent'
    return [(key[0], rule, absent) for key, (rule, absent) in found.items()]


def plan(kernel, rules):
    """[(verb, netns, rule)]: a rule that differs in a flag is made anew."""
    tables, todo = {}, []
    for netns, rule, absent in rules:
        if netns not in tables:
            names = {index: name for name, index in get_indexes(kernel, netns, sorted({one[end] for place, one, unused in rules if place == netns
                                                                                       for end in ('src', 'dst')})).items()}
            tables[netns] = can_gw.rules(kernel, netns, names)
        there = [one for one in tables[netns] if {**one, **dict.fromkeys(can_gw.FLAGS)} == {**rule, **dict.fromkeys(can_gw.FLAGS)}]
        keep = [] if absent else [one for one in there if one == rule][:1]
        todo += [('delete', netns, one) for one in there if not any(one is other for other in keep)]
        if not absent and not keep:
            todo.append(('create', netns, rule))
    return todo


def described(verb, netns, rule):
    name = f"{rule['src']} to {rule['dst']}" + (f" filter {rule['filter']}" if rule['filter'] else '')
    values = {'values': rule, 'before': None} if verb == 'create' else {'values': {}, 'before': rule}
    return {'action': verb, 'resource': 'can_gateways', 'name': name, 'netns': netns, 'disruption': 'in_place', **values}


def command(verb, netns, rule):
    words = [*within(netns), 'cangw', '-A' if verb == 'create' else '-D', '-s', rule['src'], '-d', rule['dst']]
    flags = [f'-{option[0]}' for option in can_gw.FLAGS if rule[option]]
    return ' '.join(shlex.quote(word) for word in words + flags + (['-f', rule['filter']] if rule['filter'] else []))


def apply(kernel, todo):
    done = []
    with ending.held():
        try:
            for step in todo:
                ending.obey()
                can_gw.write(kernel, step[1], step[0], step[2])
                done.append(step)
        except (VnetError, KeyboardInterrupt) as exc:
            exc.troubles = take_back(kernel, done)
            if isinstance(exc, VnetError):
                refused = described(*todo[len(done)])
                exc.message = f"{refused['name']}: {exc.message}{left_behind(exc.troubles)}"
                exc.details.update(failed_operation=refused, rolled_back=not exc.troubles)
            if isinstance(exc, KernelError):
                exc.details.update(errno=exc.errno, errno_name=exc.name, extack=exc.extack)
            raise


def take_back(kernel, done) -> list:
    """Sentences about what could not be taken back."""
    troubles = []
    for verb, netns, rule in reversed(done):
        try:
            can_gw.write(kernel, netns, 'delete' if verb == 'create' else 'create', rule)
        except VnetError as exc:
            troubles.append(f"{described(verb, netns, rule)['name']}: {exc.message}")
    return troubles


def main():
    module = AnsibleModule(argument_spec=dict(SPEC, config={'type': 'list', 'elements': 'dict', 'options': SPEC}), supports_check_mode=True)

    def outcome():
        rules = wanted(module.params)
        kernel = Kernel()
        try:
            todo = plan(kernel, rules)
            if not module.check_mode:
                apply(kernel, todo)
        finally:
            kernel.close()
        before = [command('create', netns, rule) for verb, netns, rule in todo if verb == 'delete']
        after = [command('create', netns, rule) for verb, netns, rule in todo if verb == 'create']
        return {'changed': bool(todo), 'operations': [described(*step) for step in todo], 'commands': [command(*step) for step in todo],
                'diff': {'before': ''.join(f'{line}\n' for line in before), 'after': ''.join(f'{line}\n' for line in after)}}

    leave(module, outcome)


if __name__ == '__main__':
    main()
