# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters behind the roles of the site: thin doors to plugin_utils/_site, where the thinking is."""
from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.plugin_utils._site import derive, documents, expectations, mesh, report, requirements, variables

MOST_PROBLEMS = 20  # more than that nobody reads at once


def _refuse(problems):
    if problems:
        raise AnsibleFilterError(" ".join(problems[:MOST_PROBLEMS]))


class _OfHost(dict):
    """Host variables read one at a time, so that a variable that cannot be templated is named with its host."""

    def __init__(self, hostvars, host):
        super().__init__()
        self._variables, self._host = hostvars[host], host

    def get(self, name, default=None):
        try:
            return variables.plain(self._variables[name]) if name in self._variables else default
        except Exception as exc:  # pylint: disable=broad-except  # whatever the user's expression trips over, in any release's templating
            raise variables.Unreadable(f"{self._host}: the value of {name} cannot be worked out: {exc}") from exc


class _Hosts(dict):
    def __init__(self, hostvars):
        super().__init__()
        self._hostvars = hostvars

    def __missing__(self, host):
        return _OfHost(self._hostvars, host)


def site_mesh(hostvars, hosts):
    """The index of all machines, and under C(problems) what is wrong with the things that they say about themselves and each other."""
    found, problems = mesh.index(_Hosts(hostvars), hosts)
    more = [f"and {len(problems) - MOST_PROBLEMS} more"] if len(problems) > MOST_PROBLEMS else []
    return found | {"problems": problems[:MOST_PROBLEMS] + more}


def site_document(hostvars, host, roles=variables.ROLES, mesh=None, state="present", found=None, **overrides):  # pylint: disable=redefined-outer-name
    """The document of one machine for vnet_state, of the given roles."""
    unknown = [role for role in roles if role not in variables.ROLES]
    if unknown:
        raise AnsibleFilterError(f"site_document: no role {', '.join(unknown)}; there are {', '.join(variables.ROLES)}.")
    problems = []
    source = _Overridden(_OfHost(hostvars, host), variables.plain(overrides))
    settings = derive.own(variables.read(source, problems))
    _refuse(problems)
    settings = derive.from_mesh(settings, mesh or {})
    if state == "present" and "vxlan" in roles:
        _refuse(derive.alone(settings))
    try:
        document = documents.build(settings, roles, state)
        return documents.restoring(document, variables.plain(found or [])) if state == "absent" else document
    except ValueError as exc:
        raise AnsibleFilterError(f"{host}: {exc}") from exc


def site_found(operations):
    """What there was before these operations of things that are not ours, for teardown to put back."""
    return documents.found(variables.plain(operations))


def site_removal(document, found=()):
    """The removal of what a document of vnet_state describes, which also puts back what was found."""
    return documents.removal(variables.plain(document), variables.plain(found))


def site_lacking(found, hostvars, host):
    """What a machine lacks for its document, by what vnet_info has found: packages to install and problems that need a person."""
    problems = []
    source = _OfHost(hostvars, host)
    settings = derive.own(variables.read(source, problems))
    _refuse(problems)
    manager = (source.get("ansible_facts") or {}).get("pkg_mgr")
    try:
        return requirements.lacking(host, documents.build(settings, variables.ROLES), variables.plain(found), manager)
    except (ValueError, InputError) as exc:
        raise AnsibleFilterError(f"{host}: {exc}") from exc


def site_expectations(hostvars, host, mesh, peers=2, outside=(), own=()):  # pylint: disable=redefined-outer-name
    """What is tried from one machine once the site is built, as items for vnet_probe."""
    problems = []
    settings = derive.own(variables.read(_OfHost(hostvars, host), problems))
    _refuse(problems)
    return expectations.of_host(settings, mesh, peers, variables.plain(outside), variables.plain(own))


def site_captures(hostvars, host, mesh):  # pylint: disable=redefined-outer-name
    """What must be seen on the wire of one machine meanwhile, as items for vnet_capture."""
    return expectations.captures_of_host(derive.own(variables.read(_OfHost(hostvars, host), [])), mesh)


def site_rows(hostvars, hosts, registered):
    """What the machines saw, as rows of a table: the results that vnet_probe left in the registered variables."""
    found = []
    for host in hosts:
        variable = _OfHost(hostvars, host)
        outcomes = [outcome for name in registered for outcome in _listed(variable.get(name))] or [None]
        found += [row for outcome in outcomes if not (outcome or {}).get("skipped") for row in report.rows(host, outcome)]
    order = list(dict.fromkeys(row["check"] for row in found))
    return sorted(found, key=lambda row: order.index(row["check"]))


def _listed(value):
    return [] if value is None else value if isinstance(value, list) else [value]


class _Overridden(dict):
    def __init__(self, below, overrides):
        super().__init__(overrides)
        self._below = below

    def get(self, name, default=None):
        return self[name] if name in self else self._below.get(name, default)


class FilterModule:
    def filters(self):
        return {
            "site_mesh": site_mesh,
            "site_found": site_found,
            "site_removal": site_removal,
            "site_lacking": site_lacking,
            "site_document": site_document,
            "site_expectations": site_expectations,
            "site_captures": site_captures,
            "site_servers": lambda outside, host: expectations.servers_of_host(host, variables.plain(outside)),
            "site_traffic": expectations.under_traffic,
            "site_rows": site_rows,
            "site_table": report.table,
            "site_markdown": report.markdown,
            "site_failures": report.failures,
        }
