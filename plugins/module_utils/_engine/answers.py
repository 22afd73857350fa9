# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a connection: the rule, the route and the nexthop that the answers take, and plans that take those away."""

from __future__ import annotations

import ipaddress

SECTIONS = ('routes', 'rules', 'nexthops')
_DROPPING = ('blackhole', 'unreachable', 'prohibit')
#: what a rule may say and still be for every packet of the answers
_PLAIN = ('priority', 'family', 'src', 'dst', 'action', 'table', 'protocol', 'copies', 'suppress_prefixlength', 'suppress_ifgroup')


class Answers:
    """Only clear cases count: the route of the answers, its nexthop or the last rule that leads to its table goes, or something before them drops
    the packets. A route that is to lead elsewhere is what was asked for."""

    def __init__(self, operations: list, world, client: str, server: str):
        self.client, self.server = client, server
        self.operations = [operation for operation in operations if operation.section in SECTIONS and operation.netns is None]
        self.world = world
        self.route = route_back(world, client, server) if self.operations else None
        self.key = self.route and world.resources['routes'].key(self.route)

    def cut_by(self, operation) -> bool:
        if self.route is None or operation not in self.operations:
            return False
        return getattr(self, '_' + operation.section)(operation)

    def _goes(self, operation) -> bool:
        """Whether something is removed and not made again."""
        return operation.action == 'delete' and not any(
            other.section == operation.section and other.action == 'create' and other.key == operation.key for other in self.operations)

    def _routes(self, operation) -> bool:
        if operation.key == self.key:
            return self._goes(operation) or operation.values.get('type') in _DROPPING
        values = operation.values
        return (values.get('type') in _DROPPING and operation.key[1] == self.key[1] and values['dst'] != 'default'
                and _within(self.client, values['dst']) and _length(values['dst']) > _length(self.route['dst']))

    def _nexthops(self, operation) -> bool:
        return operation.key == self.route.get('nhid') and self._goes(operation)

    def _rules(self, operation) -> bool:
        leading = [rule for rule in self.world.table('rules', None).values() if self._leads(rule)]
        if operation.action == 'create':
            values = operation.values
            return values['action'] in _DROPPING and self._is_for(values) and all(values['priority'] <= rule['priority'] for rule in leading)
        mine = [other for other in self.operations if other.section == 'rules']
        gone = [other.before for other in mine if other.action == 'delete']
        return operation.before in leading and all(rule in gone for rule in leading) and not any(
            self._leads(other.values) for other in mine if other.action == 'create')

    def _leads(self, rule: dict) -> bool:
        return self._is_for(rule) and rule.get('table') == self.key[1]

    def _is_for(self, rule: dict) -> bool:
        plain = all(name in _PLAIN or (name, value) == ('iif', 'lo') for name, value in rule.items())
        return (plain and (rule['family'] == 'inet6') == (':' in self.client)
                and _within(self.server, rule.get('src')) and _within(self.client, rule.get('dst')))


def route_back(world, client: str, server: str) -> dict | None:
    """The route that answers take, as the kernel finds it."""
    return world.resources['routes'].towards(world, None, client, server)


def _within(address: str, network: str | None) -> bool:
    return network is None or (':' in address) == (':' in network) and ipaddress.ip_address(address) in ipaddress.ip_network(network)


def _length(dst: str) -> int:
    return int(dst.partition('/')[2] or 0)
