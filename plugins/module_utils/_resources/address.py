# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses (ip-address(8), linux/if_addr.h)."""

from __future__ import annotations

import ipaddress
import time

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.entry import Entry
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE, Field, Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Phase, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Bool, Cidr, Enum, Int, Ip, LinkName, Text
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
AF_INET, AF_INET6 = 2, 10
FOREVER = 0xFFFFFFFF
PROTOCOL = 118  #: our mark in IFA_PROTO, the same as that of our routes
_PROTOCOLS = {'kernel_lo': 1, 'kernel_ra': 2, 'kernel_ll': 3}
_SUPPLEMENT = ((8, 'IFA_FLAGS', 'uint32'), (9, 'IFA_RT_PRIORITY', 'uint32'), (11, 'IFA_PROTO', 'uint8'))
_FLAGS = {'nodad': 0x02, 'optimistic': 0x04, 'home': 0x10, 'mngtmpaddr': 0x100, 'noprefixroute': 0x200, 'autojoin': 0x400}
_DADFAILED, _DEPRECATED, _TENTATIVE = 0x08, 0x20, 0x40
_DAD = 6  #: seconds that duplicate address detection may take
_PERMANENT, _SECONDARY, _TEMPORARY = 0x80, 0x01, 0x01
_LOOPBACK = (('lo', '127.0.0.1/8'), ('lo', '::1/128'))  #: what the kernel gives to it


def _secondary_of(values: dict, primary: dict) -> bool:
    """Whether an address goes with another one: an IPv4 address of the same network and link, unless promote_secondaries is set."""
    if not values.get('secondary') or primary.get('secondary') or ':' in primary['address'] or values['dev'] != primary['dev']:
        return False
    one, other = (ipaddress.ip_interface(place['address']).network for place in (values, primary))
    return one == other


def _lost(world, netns, dev) -> list:
    """Operations that put back what the kernel drops with the last IPv4 address of a link.

    A route that leads to other links as well stays, with a nexthop that is dead for good: it is made anew.
    """
    operations = []
    for section in ('neighs', 'routes'):
        resource = world.resources.get(section)
        for back in () if resource is None else resource.leading(world, netns, dev) if section == 'routes' else resource.hung(world, netns, dev):
            if len({hop.get('dev') for hop in back.values.get('nexthops', ())}) > 1:
                operations.append(resource.deletion(netns, back.key, back.values))
            operations.append(back)
    return operations


def wait_for(kernel, netns, address: str):
    """Wait until duplicate address detection of an IPv6 address is over: before, the kernel takes it for no source of a route."""
    codec = kernel.message('ifaddrmsg', _SUPPLEMENT)
    body, until = codec.pack({'family': AF_INET6}, {'IFA_ADDRESS': address}), time.monotonic() + _DAD
    while True:
        unused, replies = kernel.namespaces.socket(netns).batch([Request(RTM_GETADDR, 0, body)])
        flags = [codec.read_header(data, 0)['flags'] for unused2, data in replies.get(0, ())]
        if time.monotonic() > until or not any(bits & _TENTATIVE and not bits & (_DADFAILED | _FLAGS['optimistic']) for bits in flags):
            return
        kernel.pause()
        time.sleep(0.05)


def _put_back(backs: list, where: str) -> list:
    for back in backs:
        back.where, back.facts['put_back'] = where, True
    return backs


def _bare(key: tuple) -> str:
    """The address without its prefix length."""
    return key[1].partition('/')[0]


class Lifetime(Int):
    """Seconds, or forever."""

    def __init__(self):
        super().__init__(0, FOREVER, 'seconds', names={'forever': FOREVER})


class LifetimeField(Field):
    """A lifetime counts down: what is left of it is still what was asked for."""

    def equal(self, wanted, found):
        return wanted == found or (isinstance(wanted, int) and isinstance(found, int) and found <= wanted)


class Address(Entry):
    section, noun, module = 'addresses', 'address', 'vnet_address'
    doc = 'IPv4 and IPv6 addresses of links'
    identity = ('dev', 'address')
    purgeable = True
    set_phase, unset_phase = Phase.ADDRESS, Phase.UNSET_ADDRESS
    replaceable = ('metric', 'valid_lft', 'preferred_lft', 'noprefixroute', 'proto')
    table = Table([
        Field('dev', LinkName(), None, 'Link that has the address.'),
        Field('address', Cidr(), None, 'Address with prefix length.', aliases=['local']),
        Field('peer', Ip(), 'IFA_ADDRESS', 'Other end of a point-to-point link.'),
        Field('broadcast', Ip(4), 'IFA_BROADCAST', 'Broadcast address.'),
        Field('scope', Enum({'global': 0, 'site': 200, 'link': 253, 'host': 254}), None, 'Where an IPv4 address is valid; an IPv6 address says so itself.'),
        Field('label', Text(15), 'IFA_LABEL', 'Label of an IPv4 address; begins with the name of the link.'),
        Field('metric', Int(), 'IFA_RT_PRIORITY', 'Metric of the prefix route.'),
        LifetimeField('valid_lft', Lifetime(), None, 'Valid lifetime.', aliases=['valid_life_time']),
        LifetimeField('preferred_lft', Lifetime(), None, 'Preferred lifetime.', aliases=['preferred_life_time']),
        Field('nodad', Bool(None, None), None, 'Skip duplicate address detection.'),
        Field('noprefixroute', Bool(None, None), None, 'Make no route for the prefix.'),
        Field('home', Bool(None, None), None, 'Home address of mobile IPv6.'),
        Field('mngtmpaddr', Bool(None, None), None, 'Make temporary addresses from this one.'),
        Field('optimistic', Bool(None, None), None, 'Use an IPv6 address while duplicate address detection is under way; the sysctl C(optimistic_dad) '
              'of the link has to allow it.', write_only=True),
        Field('autojoin', Bool(None, None), None, 'Join the multicast group that the address is.'),
        Field('proto', Int(0, 255, names=_PROTOCOLS), None, 'Who made the address, since Linux 5.18. The default is 118, the mark of this collection.',
              aliases=['protocol']),
    ])

    def key(self, values):
        return values['dev'], values['address']

    def title(self, key):
        return f'{key[1]} on {key[0]}'

    def normal(self, values, where):
        family = 6 if ':' in values['address'] else 4
        for name in ('peer', 'broadcast') if family == 4 else ('peer',):
            if name in values and (':' in values[name]) != (family == 6):
                raise InputError(f"{where}: {name} {values[name]} is not of the family of {values['address']}")
        for name in ('home', 'mngtmpaddr') if family == 4 else ('label', 'broadcast'):
            if values.get(name):
                raise InputError(f"{where}: {name} is for IPv{10 - family} only")
        for name in ('nodad', 'optimistic', 'home', 'mngtmpaddr') if family == 4 else ('scope', 'label'):
            values.pop(name, None)  # there is no such thing, or the address says it itself
        if values.get('label') == '':
            values['label'] = values['dev']
        return values

    def scoped(self, scope, key, values):
        return key[0] == scope.limits['dev'] and self.returns(values)

    def returns(self, values):
        if values.get('temporary') or values.get('proto') in ('kernel_lo', 'kernel_ll') or (values['dev'], values['address']) in _LOOPBACK:
            return False
        return not values['address'].startswith('fe80:') or values.get('proto', 0) != 0  # before Linux 5.18 nothing says whose it is

    def plan(self, wanted, scopes, world):
        """The kernel drops routes and neighbours of a link with its last IPv4 address: they come back with an address that does."""
        operations = super().plan(wanted, scopes, world)
        for one in wanted:
            life = {'valid_lft': 'forever', 'preferred_lft': 'forever', **world.table(self.section, one.netns).get(one.key, {}), **one.values}
            if not one.absent and ':' not in life['address'] and life['valid_lft'] == 'forever' and life['preferred_lft'] not in (0, 'forever'):
                raise InputError(f"{one.where}: preferred_lft of an IPv4 address needs a valid_lft, which it does not go beyond")
            if not one.absent and world.table(self.section, one.netns).get(one.key, {}).get('dadfailed'):
                world.warnings.append(f'{one.where}: another host has this address, so the kernel does not use it; give one of them another')
        # secondary addresses go first: taken back in reverse, they are secondary again
        operations.sort(key=lambda operation: operation.action == 'delete' and not operation.before.get('secondary'))
        deletions = [operation for operation in operations if operation.action == 'delete']
        gone = {(operation.netns, operation.key) for operation in deletions}
        coming: dict = {}
        for operation in operations:
            if operation.action == 'create' and ':' not in operation.key[1]:
                coming.setdefault((operation.netns, operation.key[0]), []).append(operation)
        links = dict.fromkeys([*((delete.netns, delete.key[0]) for delete in deletions), *coming])
        standing = {link: self.standing(world, *link) for link in links if link[1] in world.links(link[0])}
        secondary = {link: [(key, values) for key, values in its if values.get('secondary') and (link[0], key) not in gone] for link, its in standing.items()}
        lost = {link: _lost(world, *link) for link in standing}
        back_in_plan = set()
        made = {(operation.netns, _bare(operation.key)) for operation in operations if operation.action == 'create'}
        for delete in deletions:
            link = delete.netns, delete.key[0]
            lose = {_bare(delete.key), *(_bare(key) for key, values in secondary[link] if _secondary_of(values, delete.before))}
            sourced = world.resources['routes'].sourced(world, delete.netns, lose) if 'routes' in world.resources else []
            if (delete.netns, _bare(delete.key)) in made:
                operations += _put_back(sourced, delete.where)
            for key, values in secondary[link]:
                if _secondary_of(values, delete.before):
                    delete.undo.append(self.creation(delete.netns, key, values))
                    back = self.creation(delete.netns, key, values, delete.where)
                    back.facts['put_back'] = True
                    operations.append(back)
            delete.undo += sourced + lost[link]
            if link not in back_in_plan and (delete.disruption == RECREATE or link in coming and ':' not in delete.key[1]):
                back_in_plan.add(link)
                operations += _put_back(lost[link], delete.where)
        for change in operations:  # an address that is taken back by removing and making it
            if change.action == 'set' and change.undo and change.undo[0].action == 'delete' and 'routes' in world.resources:
                change.undo += world.resources['routes'].sourced(world, change.netns, {_bare(change.key)})
        for link, its in coming.items():  # taken back, one of them is the last one that goes: the first of those that were not refused
            if link in standing and all(':' in address for (unused, address), unused2 in standing[link]):
                for operation in its:
                    operation.undo += lost[link]
        return operations

    def same(self, name, value, found):
        if name == 'optimistic':
            return True  # the kernel forgets it when the detection is over
        if name in _FLAGS:
            return bool(found.get(name)) == value
        if name == 'peer':
            return found.get(name, found['address'].partition('/')[0]) == value
        if value in (0, '0.0.0.0') and name not in found:  # no metric, no broadcast address
            return True
        return super().same(name, value, found)

    def replacement(self, one, changed, found):
        stays = changed.get('metric') == 0 if ':' in one.values['address'] else 'noprefixroute' in changed  # the kernel changes it of the other family only
        operations = super().replacement(one, {**changed, 'address': True} if stays else changed, found)  # address: not replaceable
        if ':' in one.values['address'] and 'metric' not in found and operations[0].action == 'set':
            operations[0].undo = [*self.creation(one.netns, one.key, found).undo, self.creation(one.netns, one.key, found)]  # a metric cannot be taken away
        return operations

    def _codec(self, kernel):
        return kernel.message('ifaddrmsg', _SUPPLEMENT)

    def observe(self, world, netns):
        codec, names, table = self._codec(world.kernel), world.links(netns).name_of, {}
        for data, start, end in world.kernel.dump(netns, RTM_GETADDR, codec.pack({}, {})):
            header = codec.read_header(data, start)
            attrs = codec.layout.read(data, start + codec.size, end)
            local = attrs.get('IFA_LOCAL', attrs.get('IFA_ADDRESS'))
            if local is None:
                continue
            flags = attrs.get('IFA_FLAGS', header['flags'])
            values = {'dev': names(header['index']), 'address': f"{local}/{header['prefixlen']}"}
            if attrs.get('IFA_ADDRESS', local) != local:
                values['peer'] = attrs['IFA_ADDRESS']
            if header['family'] == AF_INET:
                values['scope'] = self.table.by_name['scope'].type.unwire(header['scope'])
                values['label'] = attrs.get('IFA_LABEL', values['dev'])
                if 'IFA_BROADCAST' in attrs:
                    values['broadcast'] = attrs['IFA_BROADCAST']
                if flags & _SECONDARY:
                    values['secondary'] = True
            elif flags & _TEMPORARY:
                values['temporary'] = True
            if 'IFA_RT_PRIORITY' in attrs:
                values['metric'] = attrs['IFA_RT_PRIORITY']
            life = attrs.get('IFA_CACHEINFO', {'ifa_valid': FOREVER, 'ifa_preferred': FOREVER})
            for name, part in (('valid_lft', 'ifa_valid'), ('preferred_lft', 'ifa_preferred')):
                values[name] = 'forever' if life[part] == FOREVER else life[part]
            if flags & _DEPRECATED and values['valid_lft'] == 'forever':  # IPv4 does not count down what is valid forever
                values['preferred_lft'] = 0
            values.update({name: True for name, bit in _FLAGS.items() if flags & bit and name != 'optimistic'})
            if flags & _DADFAILED:
                values['dadfailed'] = True
            values['proto'] = self.table.by_name['proto'].type.unwire(attrs.get('IFA_PROTO', 0))
            table[self.key(values)] = values
        return table

    def encode(self, operation, kernel):
        values = operation.before if operation.action == 'delete' else operation.values
        codec = self._codec(kernel)
        address, unused, length = values['address'].partition('/')
        header = {'family': AF_INET6 if ':' in address else AF_INET, 'prefixlen': int(length), 'index': kernel.index(operation.netns, values['dev'])}
        attrs = {'IFA_LOCAL': address, 'IFA_ADDRESS': values.get('peer', address)}
        if operation.action == 'delete':
            return [(operation.netns, Request(RTM_DELADDR, 0, codec.pack(header, attrs)))]
        flags = sum(bit for name, bit in _FLAGS.items() if values.get(name))
        header['flags'] = flags & 0xFF
        if header['family'] == AF_INET:
            default = 'host' if address.startswith('127.') else 'global'
            header['scope'] = self.table.by_name['scope'].type.wire(values.get('scope', default))
            attrs['IFA_LABEL'] = values.get('label')
            attrs['IFA_BROADCAST'] = values.get('broadcast')
        attrs['IFA_FLAGS'] = flags or None
        attrs['IFA_RT_PRIORITY'] = values.get('metric')
        attrs['IFA_PROTO'] = self.table.by_name['proto'].type.wire(values.get('proto', PROTOCOL)) or None  # what was nobody's comes back so
        life = {name: FOREVER if values.get(name, 'forever') == 'forever' else values[name] for name in ('valid_lft', 'preferred_lft')}
        if set(life.values()) != {FOREVER} or operation.action == 'set':
            attrs['IFA_CACHEINFO'] = {'ifa_preferred': life['preferred_lft'], 'ifa_valid': life['valid_lft'], 'cstamp': 0, 'tstamp': 0}
        how = NLM_F_REPLACE if operation.action == 'set' else NLM_F_CREATE | NLM_F_EXCL
        return [(operation.netns, Request(RTM_NEWADDR, how, codec.pack(header, attrs)))]

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == 99  # EADDRNOTAVAIL: went with its primary or its link

    def commands(self, operation):
        values = operation.before if operation.action == 'delete' else operation.values
        address = values['address']
        verb = {'create': 'add', 'set': 'change', 'delete': 'del'}[operation.action]
        if 'peer' in values:
            bare, unused, length = address.partition('/')
            words = [bare, 'peer', f"{values['peer']}/{length}"]
        else:
            words = [address]
        if operation.action != 'delete':
            for name in ('broadcast', 'scope', 'label', 'metric', 'valid_lft', 'preferred_lft'):
                if name in values and not (name == 'label' and values[name] == values['dev']) and values[name] != 'forever':
                    words += [name, str(values[name])]
            words += [name for name in _FLAGS if values.get(name)]
            if values.get('proto', PROTOCOL) not in (0, PROTOCOL):
                words += ['proto', str(self.table.by_name['proto'].type.wire(values['proto']))]
        return [[*prefix('ip', operation.netns), 'address', verb, *words, 'dev', values['dev']]]

    def document(self, key, values, netns, world):
        if not self.returns(values):
            return None
        return {name: value for name, value in values.items() if name in self.table.by_name and (name, value) != ('proto', 0)}
