# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task returns: views of its plan, nothing computed anew."""

from __future__ import annotations

import re
import shlex

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.apply import describe

_PLAIN = re.compile(r'[A-Za-z_/][A-Za-z0-9_./@%+ -]*')
_SAFE = re.compile(r'[\w@%+=:,./ -]*', re.ASCII)  # what no shell looks at
_WORDS = ('true', 'false', 'yes', 'no', 'on', 'off', 'null', 'y', 'n', '~', '')


def result(operations: list, resources: dict, warnings=(), *, with_diff: bool = True) -> dict:
    """changed, operations, commands, diff if wanted, warnings."""
    return {
        'changed': bool(operations),
        'operations': [describe(operation, resources) for operation in operations],
        'commands': [_line(words) for operation in operations for words in resources[operation.section].commands(operation)],
        'warnings': list(warnings),
        **({'diff': diff(operations, resources)} if with_diff else {}),
    }


def _line(words: list) -> str:
    line = ' '.join(words)
    return line if words[0] == '#' or (_SAFE.fullmatch(line) and '' not in words and ' ' not in ''.join(words)) else shlex.join(words)


def diff(operations: list, resources: dict) -> dict:
    """before and after as YAML of exactly the touched objects."""
    before: dict = {}
    after: dict = {}
    for operation in operations:
        where, shown = operation.netns or '', resources[operation.section].shown
        key = f'{operation.section} {operation.name}' + (f' netns {where}' if where else '')
        if operation.action != 'create' and operation.before or operation.action == 'delete':
            before.setdefault(key, {}).update(shown(operation.before or {}))
        if operation.action != 'delete':
            after.setdefault(key, {}).update(shown(operation.values) or {'netns': operation.netns})
        elif key in after:
            after.pop(key)
    return {'before': to_yaml(before), 'after': to_yaml(after)}


def _scalar(value) -> str:
    if value is None:
        return 'null'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not text.endswith(' '):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + ''.join(one if one.isprintable() and one not in '"\\' else f'\\U{ord(one):08x}' for one in text) + '"'


def to_yaml(value, indent: str = '') -> str:
    """Dicts, lists and scalars as YAML; a managed host need not have a YAML library."""
    lines = []
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, (dict, list)) and one:
                lines.append(f'{indent}{_scalar(key)}:\n{to_yaml(one, indent + "  ")}')
            else:
                lines.append(f'{indent}{_scalar(key)}: {_empty(one)}\n')
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, (dict, list)) and one:
                lines.append(indent + '- ' + to_yaml(one, indent + '  ').lstrip(' '))
            else:
                lines.append(f'{indent}- {_empty(one)}\n')
    return ''.join(lines)


def _empty(value) -> str:
    return '{}' if isinstance(value, dict) else '[]' if isinstance(value, list) else _scalar(value)
