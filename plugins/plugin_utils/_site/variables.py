# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the site: what each role's argument specification says of them, and what a host has set.

The specification in ``roles/<role>/meta/argument_specs.yml`` is the only place that knows options, types and defaults.
"""
from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

# In the order in which a packet from the wire meets them.
ROLES = ("aggregation", "vlan", "bridge", "vxlan", "attachment", "gateway")
ROLES_DIRECTORY = Path(__file__).parents[3] / "roles"


class Unreadable(Exception):
    """A variable's value that cannot be worked out; says which and why."""


@functools.lru_cache(maxsize=None)
def options_of(role: str) -> dict[str, dict]:
    """Variable name to its specification, of the role's main entry point."""
    text = (ROLES_DIRECTORY / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=loader)["argument_specs"]["main"]["options"]


@functools.lru_cache(maxsize=None)
def _validator(role: str, variable: str) -> ArgumentSpecValidator:
    return ArgumentSpecValidator(options_of(role)[variable]["options"])


def plain(value):
    """A copy made of ordinary dicts, lists, strings and numbers; Ansible's own containers template lazily and refuse changes."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value


def selected(item: dict, host: str, groups: list[str]) -> bool:
    """Does the item apply to this host? Without ``hosts`` and ``groups`` it applies wherever the variable is set."""
    hosts, of_groups = item.get("hosts"), item.get("groups")
    if hosts is None and of_groups is None:
        return True
    return host in (hosts or ()) or any(group in groups for group in of_groups or ())


def read(source: Mapping, problems: list[str], roles=ROLES) -> dict:
    """The roles' variables of one host, validated, with defaults filled in and without the items meant for other hosts.

    :param source: the host's variables (an element of ``hostvars``, say).
    :param problems: gets one sentence for each thing that is wrong, naming host, variable and item.
    :returns: ``{variable: value}`` with ``host``, ``groups`` and ``underlay_address`` beside the roles' own.
    """
    host = str(source.get("inventory_hostname", "this host"))
    groups = source.get("group_names") or []
    found = {"host": host, "groups": groups, "underlay_address": source.get("underlay_address")}
    for role in roles:
        for variable, option in options_of(role).items():
            try:
                value = source.get(variable)
            except Unreadable as exc:
                problems.append(str(exc))
                value = None
            if value is None:
                value = option.get("default", [] if option["type"] == "list" else None)
            elif "options" in option:
                value = _read_items(host, groups, role, variable, value, problems)
            elif "choices" in option and value not in option["choices"]:
                problems.append(f"{host}: {variable} is {value!r}; it can be {', '.join(option['choices'])}.")
            found[variable] = value
    return found


def _read_items(host: str, groups: list[str], role: str, variable: str, items, problems: list[str]) -> list[dict]:
    if not isinstance(items, list):
        problems.append(f"{host}: {variable} must be a list of items, not {items!r}.")
        return []
    result = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            problems.append(f"{host}: {variable}[{index}] must be a dictionary, not {item!r}.")
            continue
        checked = _validator(role, variable).validate(item)
        if checked.error_messages:
            problems += [f"{host}: {variable}[{label(item, index)}]: {message}." for message in checked.error_messages]
        elif selected(checked.validated_parameters, host, groups):
            result.append(_given(checked.validated_parameters))
    return result


def _given(value):
    """Without the options that were left out, which the validator fills with None."""
    if isinstance(value, dict):
        return {key: _given(item) for key, item in value.items() if item is not None}
    return [_given(item) for item in value] if isinstance(value, list) else value


def label(item: dict, index: int) -> str:
    """How a sentence calls an item of a list: by its name where it has one."""
    return str(item.get("name") or item.get("segment") or item.get("source") or index)
