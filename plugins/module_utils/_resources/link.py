# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links: every kind, and existing interfaces (ip-link(8), rtnetlink(7))."""

from __future__ import annotations

import os

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._kinds.index import KIND_OPTIONS, KINDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import Table
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.pair import peer_netns
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.part import told_otherwise
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Resource, Scope, Wanted, prefix
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Options
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink import link as messages
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.link import (
    IFF_UP, RTM_DELLINK, RTM_DELLINKPROP, RTM_GETLINK, RTM_NEWLINK, RTM_NEWLINKPROP,
)
from ansible_collections.linuxnet.vnet.plugins.module_utils._netlink.socket import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, Request
from ansible_collections.linuxnet.vnet.plugins.module_utils._parts.vfs import Vfs
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_around import far_parent
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_fields import (
    ADDRGENMODES, COMMON, COMMON_PARTS, FLAGS, KIND_FIELDS, PLAIN, PORT_FIELDS, PORTS, restorable,
)
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_found import FoundLink, LinkTable, LiveLinks
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_pairs import peer_of, restorable_peer
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_plan import LinkPlan
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.link_values import lower_netns, references, without_late

#: how a link in another namespace calls the one that the module runs in; elsewhere that is no name at all
OWN_NETNS = '/proc/self/ns/net'


class Link(Resource):
    section, noun, module = 'links', 'link', 'vnet_link'
    doc = 'links of every kind, and existing interfaces'
    table = Table(COMMON + KIND_FIELDS + PORT_FIELDS)
    identity = ('name',)
    purgeable = True
    by_name = True
    _dicts = frozenset(field.name for field in table if isinstance(field.type, Options))

    # -- desired ------------------------------------------------------------------------------------------------------

    def parse(self, item, where):
        given = {name: value for name, value in item.items() if value is not None}
        nested = {name: given.pop(name) for name in [name for name in given if name in self._dicts]}
        if 'name' not in given:
            raise InputError(f'{where}: name is missing')
        name = self.table.by_name['name'].parse(given.pop('name'), where)
        where = f'{where} ({name})'
        if 'kind' in given and given['kind'] not in list(KINDS):  # its numbers are nobody's
            raise InputError(f"{where}: kind is {given['kind']!r}, but must be one of {', '.join(KINDS)}")
        values = {'name': name, **self.table.parse({option: value for option, value in given.items() if option not in ('netns', 'state', 'recreate')}, where)}
        if values.get('link_netns') == OWN_NETNS:
            values['link_netns'] = None
        kind = KINDS.get(values.get('kind', ''))
        if kind is not None and kind.paired:  # the dict of a pair is its other end: veth.peer is peer
            own = nested.pop(kind.key, {})
            if not isinstance(own, dict):
                raise InputError(f'{where}: {kind.key}: must be a dict of options, not {own!r}')
            own = dict(own)
            inner = own.pop('peer', None)
            nested = {**({'peer': inner} if inner is not None else {}), **({kind.key: own} if own else {}), **nested}
        for name, options in nested.items():
            values[name] = self.table.by_name[name].type.table.parse(options, f'{where}: {name}')
            if name in PORTS or (name == 'peer' and kind is not None and kind.paired):
                continue
            if kind is None or name != kind.key:
                raise InputError(f"{where}: option '{name}' does not fit kind {values['kind']}" if 'kind' in values else
                                 f"{where}: option '{name}' needs kind: {KIND_OPTIONS.get(name) or 'veth, vxcan or netkit'}")
            if kind.expand:
                values[name] = kind.expand(values[name])
        absent = item.get('state') == 'absent'
        if kind is not None and not kind.ether:
            for option in ('address', 'broadcast'):
                if option in values:
                    raise InputError(f'{where}: kind {kind.name} has no MAC of its own, so no {option}')
        if not absent:
            self._check(values, kind, where)
        return [Wanted(self.section, item.get('netns'), values['name'], values, absent, where, bool(item.get('recreate')))]

    @staticmethod
    def _check(values, kind, where):
        if kind is not None:
            sentence = kind.check(values.get(kind.key, {})) if kind.check else None
            if sentence:
                raise InputError(f'{where}: {sentence}')
            if kind.paired and 'name' not in values.get('peer', {}):
                raise InputError(f'{where}: kind {kind.name} needs peer.name, the name of its other end')
            if kind.parent is None and 'link' in values:
                raise InputError(f'{where}: kind {kind.name} sits on no other link; take out link')
        for name in ('master', 'link'):
            if values.get(name) == values['name'] and 'link_netns' not in values:
                raise InputError(f"{where}: a link cannot be its own {'master' if name == 'master' else 'parent'}")
        if 'link_netns' in values and 'link' not in values and not (kind is not None and kind.underlay):
            raise InputError(f'{where}: link_netns needs link')
        if values.get('kind') and values.get('move_from'):
            raise InputError(f'{where}: move_from takes an existing link and excludes kind')
        for option in PORTS:
            if option in values and values.get('master') == '':
                raise InputError(f'{where}: {option} needs master, the {PORTS[option].name} that the link is a port of')

    def scope(self, item, where):
        if not item.get('purge_match'):
            raise InputError(f'{where}: purge needs purge_match, the name patterns within which unlisted links are removed')
        return Scope(self.section, item.get('netns'), {'match': list(item['purge_match'])}, where)

    # -- observed -----------------------------------------------------------------------------------------------------

    def observe(self, world, netns):
        kernel = world.kernel
        codec = messages.message(kernel)

        def found(data, start, end):
            header = codec.read_header(data, start)
            raw = codec.layout.scan(data, start + codec.size, end)
            return FoundLink(raw['IFLA_IFNAME'], header['index'], flags=header['flags'], raw=raw)

        def every():
            links = [found(*told) for told in kernel.dump(netns, RTM_GETLINK, codec.pack({}, {'IFLA_EXT_MASK': messages.SKIP_STATS}))]
            kernel.learn(netns, {link.name: link.index for link in links})
            return links

        def one(name, index):
            told = messages.ask(kernel, netns, name, index)
            return found(told, 0, len(told)) if told is not None else None

        links = LiveLinks(kernel, netns, every, one)
        if world.listed.get(netns, 0) > links.FEW:
            links.load()
        return links

    def other_end(self, world, netns, found) -> tuple | None:
        """(namespace, name, FoundLink) of the other end of a live pair, among the namespaces that the task has looked at."""
        return peer_of(world, netns, found)

    def empty(self, names=()):
        """A namespace with its loopback, and NICs of these names."""
        return LinkTable([FoundLink('lo', 1, {'name': 'lo', 'up': False, 'mtu': 65536}),
                          *(FoundLink(name, 2 + place, {'name': name, 'up': False, 'master': ''}) for place, name in enumerate(names))])

    def promises(self, wanted):
        return {(one.netns, name): 'a port' for one in wanted if not one.absent and one.values.get('kind')
                for name in KINDS[one.values['kind']].brings(one.values.get(KINDS[one.values['kind']].key, {}))}

    def refers(self, wanted):
        found = [(netns, name) for unused, netns, name in references(wanted.netns, wanted.values, late=True)]
        return found if wanted.values.get('kind') or wanted.absent else [*found, (wanted.netns, wanted.key)]

    # -- plan ---------------------------------------------------------------------------------------------------------

    def plan(self, wanted, scopes, world):
        operations = LinkPlan(self, wanted, scopes, world).operations()
        for operation in operations:
            before = (operation.before or {}) if operation.action == 'set' else {}
            if 'num_vfs' in before or 'num_vfs' in before.get('netdevsim', ()):
                found = world.links(operation.netns).get(operation.key)
                if found is not None:  # else it comes from another namespace first
                    found.look(Vfs())  # no dump tells of them
                    operation.facts['beside'] = {'vfs': found.values.get('vfs', [])}
        return operations

    # -- netlink ------------------------------------------------------------------------------------------------------

    def encode(self, operation, kernel):
        return getattr(self, '_encode_' + operation.action)(operation, kernel)

    def immediate(self, operation, kernel):
        """What does not travel in link messages: made or removed before them, set after them."""
        netns, name, values, before = operation.netns, operation.key, operation.values, operation.before or {}
        kind = _kind_of(operation)
        parts = kind.parts if kind is not None else ()
        if operation.action == 'delete':
            remover = next((part for part in parts if part.removes), None)
            return (lambda: remover.remove(kernel, netns, name, before)) if remover is not None else None, None
        maker = next((part for part in parts if part.makes), None) if operation.action == 'create' else None
        settings, kept = _part_settings(kind, operation), operation.facts.get('kept', ())
        own = [one for one in settings if one[0] not in COMMON_PARTS]

        def last():
            for part, *change in own:
                part.apply(kernel, netns, name, *change)
            for part, what in kept:
                part.restore(kernel, netns, name, what)
            for part, *change in settings[len(own):]:
                part.apply(kernel, netns, name, *change)

        return (lambda: maker.make(kernel, netns, name, values)) if maker is not None else None, last if settings or kept else None

    def explain(self, operation, error):
        words = super().explain(operation, error)
        if operation.action == 'create' and 'Unknown device type' in error.extack:
            kind = operation.values['kind']
            return (f'{words}: this kernel has no driver for kind {kind}; load it (modprobe rtnl-link-{kind})'
                    " or install the package with the kernel's extra modules")
        if error.errno == 1 and not error.extack:
            return f'{words}: ' + ('needs root (CAP_NET_ADMIN); use become' if os.geteuid() else 'the kernel forbids it, or this container lacks CAP_NET_ADMIN')
        return words

    def forgiven(self, operation, error):
        return operation.action == 'delete' and error.errno == 19  # ENODEV: it went with its peer or parent

    def _encode_create(self, operation, kernel):
        netns, values, codec = operation.netns, operation.values, messages.message(kernel)
        kind = KINDS[values['kind']]
        first, later = _split(operation)
        if any(part.makes for part in kind.parts):
            kernel.expect(netns, values['name'])
            own = {option: value for option, value in first.pop(kind.key, {}).items() if option not in told_otherwise(kind.parts)}
            rest = {**first, **({kind.key: own} if own else {}), **later}
            return self._changes(netns, values['name'], rest, {}, {**operation.facts, 'kind': kind.name}, kernel)
        attrs = {'IFLA_IFNAME': values['name'], **PLAIN.encode(first, None)}
        info = {'IFLA_INFO_KIND': kind.name}
        own, data = {option: value for option, value in _told(kind, first).items() if kind.fresh.get(option) != value}, b''
        lower = lower_netns(netns, values)
        if kind.paired:
            peer = values['peer']
            other = peer_netns(netns, peer)
            data = messages.peer_data(kernel, kind.paired, peer['name'], None if other == netns else kernel.namespaces.fd(other))
            kernel.expect(other, peer['name'])
        if own:
            data += _info_data(kind, own, lambda name: kernel.index(lower, name))
        if data:
            info['IFLA_INFO_DATA'] = data
        attrs['IFLA_LINKINFO'] = messages.LINKINFO.pack(info)
        if 'link' in values:
            attrs['IFLA_LINK'] = kernel.index(lower, values['link'])
        sender = lower
        if lower != netns and kind.underlay:
            sender, attrs['IFLA_LINK_NETNSID'] = netns, messages.given_nsid(kernel, netns, lower)
        elif lower != netns:
            attrs['IFLA_NET_NS_FD'] = kernel.namespaces.fd(netns)
        if first.get('master'):
            attrs['IFLA_MASTER'] = kernel.index(netns, first['master'])
        kernel.expect(netns, values['name'])
        flags, change = _flags(first)
        body = codec.pack({'flags': flags, 'change': change}, attrs)
        requests = [(sender, Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body))]
        if later:
            requests += self._changes(netns, values['name'], later, {}, {**operation.facts, 'kind': kind.name}, kernel)
        return requests

    def _encode_set(self, operation, kernel):
        return self._changes(operation.netns, operation.key, operation.values, operation.before, operation.facts, kernel)

    def _encode_delete(self, operation, kernel):
        kernel.forget(operation.netns, operation.key)
        kind = _kind_of(operation)
        if kind is not None and any(part.removes for part in kind.parts):
            return []
        return [(operation.netns, Request(RTM_DELLINK, 0, messages.message(kernel).pack({}, {'IFLA_IFNAME': operation.key})))]

    def remove_many(self, netns, operations, kernel):
        """By a group of their own: the kernel waits once for all of a group to be out of use, which it else does for each (20 ms)."""
        names = [one for one in operations if _kind_of(one) is None or not any(part.removes for part in _kind_of(one).parts)]
        codec, socket = messages.message(kernel), kernel.namespaces.socket(netns)
        group = 1 + int.from_bytes(os.urandom(4), 'big') % 0x7FFFFFFE
        refused, unused = socket.batch(Request(RTM_NEWLINK, 0, codec.pack({}, {'IFLA_IFNAME': one.key, 'IFLA_GROUP': group})) for one in names)
        failed, unused = socket.batch([Request(RTM_DELLINK, 0, codec.pack({}, {'IFLA_GROUP': group}))])
        if failed:
            before = [{'IFLA_IFNAME': one.key, **PLAIN.encode({'group': (one.before or {}).get('group', 'default')}, None)} for one in names]
            socket.batch(Request(RTM_NEWLINK, 0, codec.pack({}, attrs)) for place, attrs in enumerate(before) if place not in refused)

    def _encode_move(self, operation, kernel):
        source = operation.facts['from']
        kernel.forget(source, operation.key)
        kernel.expect(operation.netns, operation.key)
        body = messages.message(kernel).pack({}, {'IFLA_IFNAME': operation.key, 'IFLA_NET_NS_FD': kernel.namespaces.fd(operation.netns)})
        return [(source, Request(RTM_NEWLINK, 0, body))]

    def _changes(self, netns, name, values, before, facts, kernel):
        """The messages that change a live link: down first where it must be, then everything that may share one, up last."""
        codec, requests = messages.message(kernel), []

        def send(attrs, flags=0, change=0, kind=RTM_NEWLINK, create=0):
            requests.append((netns, Request(kind, create, codec.pack({'flags': flags, 'change': change}, {'IFLA_IFNAME': name, **attrs}))))

        if facts.get('down'):
            send({}, 0, IFF_UP)
        if values.get('master') == '':  # a bond gives its port back the MAC and MTU that it came with
            send({'IFLA_MASTER': 0})
        attrs = PLAIN.encode(values, None)
        kind = KINDS.get(facts.get('kind', ''))
        own = _told(kind, values)
        if own:
            old = before.get(kind.key, {})
            own = {option: _change(kind.table.by_name[option], value, old.get(option)) for option, value in own.items()}
            own = {**facts.get('known', {}), **own}
            for turn in kind.turns(own):
                data = _info_data(kind, turn, lambda other: kernel.index(facts.get('lower', netns), other))
                # a message of its own: VXLAN refuses one that also has an MTU
                send({'IFLA_LINKINFO': messages.LINKINFO.pack({'IFLA_INFO_KIND': kind.name, 'IFLA_INFO_DATA': data})})
        if 'addrgenmode' in values:
            attrs['IFLA_AF_SPEC'] = messages.AF_SPEC.pack({'AF_INET6': {'IFLA_INET6_ADDR_GEN_MODE': ADDRGENMODES[values['addrgenmode']]}})
        if values.get('master'):
            attrs['IFLA_MASTER'] = kernel.index(netns, values['master'])
        port_mtu = {'IFLA_MTU': attrs.pop('IFLA_MTU')} if facts.get('port_down') and 'IFLA_MTU' in attrs else {}  # a bond gives a new port its own
        flags, change = _flags(values)
        ports = [option for option in PORTS if values.get(option)]
        last_up = facts.get('up_again') or (bool(flags & IFF_UP) and (facts.get('down') or facts.get('port_down') or 'addrgenmode' in values))
        # a bond or team brings its new port up, which may have to stay down
        last_down = not last_up and facts.get('port_down') and bool(change & IFF_UP)
        if last_up or last_down:
            flags, change = flags & ~IFF_UP, change & ~IFF_UP
        if attrs or change:
            send(attrs, flags, change)
        if port_mtu:
            send(port_mtu)
        for option in ports:
            port = PORTS[option]
            data = port.port.encode(values[option], lambda other: kernel.index(netns, other) if other else 0)
            send({'IFLA_LINKINFO': messages.LINKINFO.pack({'IFLA_INFO_SLAVE_KIND': port.name,
                                                           'IFLA_INFO_SLAVE_DATA': messages.port_layout(port).pack(data)})})
        if last_up or last_down:
            send({}, IFF_UP if last_up else 0, IFF_UP)
        if 'altnames' in values:
            old = set(before.get('altnames', ()))
            for kind_of, flag, names in ((RTM_DELLINKPROP, 0, old - set(values['altnames'])),
                                         (RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_APPEND | NLM_F_EXCL, set(values['altnames']) - old)):
                if names:
                    send({'IFLA_PROP_LIST': {'IFLA_ALT_IFNAME': sorted(names)}}, kind=kind_of, create=flag)
        return requests

    # -- iproute2 -----------------------------------------------------------------------------------------------------

    def commands(self, operation):
        ip = prefix('ip', operation.netns)
        values, name = operation.values, operation.key
        if operation.action == 'delete':
            kind = _kind_of(operation)
            remover = next((part for part in kind.parts if part.removes), None) if kind is not None else None
            return remover.remove_commands(operation.netns, name, operation.before or {}) if remover is not None else [[*ip, 'link', 'del', 'dev', name]]
        if operation.action == 'move':
            return [[*prefix('ip', operation.facts['from']), 'link', 'set', 'dev', name, 'netns', operation.netns or '1']]
        kind = _kind_of(operation)
        parts = [line for part, what in operation.facts.get('kept', ()) for line in part.restore_commands(operation.netns, name, what)]
        parts += [line for part, *change in _part_settings(kind, operation) for line in part.commands(operation.netns, name, *change)]
        if operation.action == 'set':
            return self._set_commands(ip, name, values, operation.before, operation.facts) + parts
        return self._create_commands(operation, ip, kind) + parts

    def _create_commands(self, operation, ip, kind):
        values, name = operation.values, operation.key
        first, later = _split(operation)
        maker = next((part for part in kind.parts if part.makes), None)
        if maker is not None:
            own = _told(kind, first)
            rest = {**{option: value for option, value in first.items() if option != kind.key}, **({kind.key: own} if own else {}), **later}
            return maker.make_commands(operation.netns, name, values) + self._set_commands(ip, name, rest, {}, {**operation.facts, 'kind': kind.name})
        up = first.pop('up', None)
        words = self._plain_words({option: value for option, value in first.items() if option not in FLAGS}, creating=True)
        line = [*prefix('ip', values.get('link_netns') if 'link_netns' in values else operation.netns), 'link', 'add']
        if 'link' in values:
            line += ['link', values['link']]
        line += ['name', name]
        lower = lower_netns(operation.netns, values)
        if lower != operation.netns and not kind.underlay:
            line += ['netns', operation.netns or '1']
        line += words + ['type', kind.name]
        if kind.paired:
            peer = values['peer']
            other = peer_netns(operation.netns, peer)
            theirs = ['name', peer['name']] + (['netns', other or '1'] if other != operation.netns else [])
        for option, value in _told(kind, first).items():
            words = kind.table.by_name[option].command(value)
            if kind.paired and words[0] == 'peer':  # an option of the other end: after the one keyword for all of them
                theirs = words[1:] + theirs
            else:
                line += words
        if kind.paired:
            line += ['peer', *theirs]
        rest = {option: value for option, value in first.items() if option in FLAGS or option == 'master'}
        if up or (up is False and operation.facts.get('port_down')):
            rest['up'] = up
        commands = [line]
        if lower != operation.netns and kind.underlay:
            commands.append([*prefix('ip', lower), 'link', 'set', 'dev', name, 'netns', operation.netns or '1'])
        merged = {**rest, **later}
        if merged:
            commands += self._set_commands(ip, name, merged, {}, {**operation.facts, 'kind': kind.name})
        return commands

    def _plain_words(self, values, creating=False):
        words = []
        for option, value in values.items():
            field = PLAIN.by_name.get(option)
            if field is not None:
                words += field.command(value)
        return words

    def _set_commands(self, ip, name, values, before, facts):
        head = [*ip, 'link', 'set', 'dev', name]
        lines = [head + ['down']] if facts.get('down') else []
        words = self._plain_words(values)
        for option in FLAGS:
            if option in values and option != 'up':
                words += self.table.by_name[option].command(values[option])
        if 'addrgenmode' in values:
            words += ['addrgenmode', values['addrgenmode']]
        if 'master' in values:
            words += ['master', values['master']] if values['master'] else ['nomaster']
        if words:
            lines.append(head + words)
        kind = KINDS.get(facts.get('kind', ''))
        own = _told(kind, values)
        if own:
            same = {option: value for option, value in facts.get('together', {}).items() if value is not None}
            for turn in kind.turns({**same, **own}):
                line = head + ['type', kind.name]
                for option, value in turn.items():
                    field = kind.table.by_name[option]
                    line += field.command(_change(field, value, before.get(kind.key, {}).get(option)))
                lines.append(line)
        if 'up' in values or facts.get('up_again'):
            lines.append(head + ['up' if values.get('up', True) else 'down'])
        for option in PORTS:
            if values.get(option):
                bridge = ['bridge' if word == 'ip' else word for word in ip]
                words = {'ip': head + ['type', PORTS[option].name + '_slave'], 'bridge': [*bridge, 'link', 'set', 'dev', name]}
                said = set()
                for key, value in values[option].items():
                    field = PORTS[option].port.by_name[key]
                    words[field.tool] += ['nobackup_port'] if value == '' else field.command(value)
                    said.add(field.tool)
                lines += [words[tool] for tool in words if tool in said]
        if 'altnames' in values:
            old = set(before.get('altnames', ()))
            for verb, names in (('del', old - set(values['altnames'])), ('add', set(values['altnames']) - old)):
                for other in sorted(names):
                    lines.append([*ip, 'link', 'property', verb, 'dev', name, 'altname', other])
        return lines

    # -- document -----------------------------------------------------------------------------------------------------

    def document(self, key, values, netns, world):
        found = values
        if key == 'lo' or (found.kind in KINDS and key in KINDS[found.kind].fallback):
            return None
        far = far_parent(world, netns, found)
        item = self.table.document(restorable(found.values), secrets=True)
        item['up'] = found.up
        kind = KINDS.get(found.kind)
        if kind is None:
            item.pop('kind', None)
        elif kind.paired:
            peer = peer_of(world, netns, found)
            if peer is None:
                item.pop('kind')  # the other end is in a namespace that is not part of the document
                item.pop(kind.key, None)
            elif found.is_peer:  # the other end makes it
                item.pop('kind')
                item.pop(kind.key, None)
            else:
                item['peer'] = restorable_peer(peer)
        if far:
            item.update({**far, 'link_netns': far['link_netns'] or OWN_NETNS})
        return item


def _kind_of(operation):
    """The Kind of the link that an operation is about, where that is known."""
    return KINDS.get((operation.values or {}).get('kind') or operation.facts.get('kind') or (operation.before or {}).get('kind'))


def _told(kind, values: dict) -> dict:
    """Those options of the kind's dict that travel in link messages, in the order of its table, which iproute2 may want."""
    own = values.get(kind.key) if kind is not None else None
    return {option: own[option] for option in kind.table.by_name if option in own and option not in told_otherwise(kind.parts)} if own else {}


def _info_data(kind, own: dict, index_of) -> bytes:
    """IFLA_INFO_DATA of these options of the kind's dict."""
    attrs = kind.table.encode(own, index_of)
    if kind.encode:
        kind.encode(own, attrs)
    return messages.data_layout(kind).pack(attrs)


def _part_settings(kind, operation) -> list[tuple]:
    """(part, values, values before) of the parts that have something to set; a link that has just been made has no values before."""
    settings, values, same = [], operation.values, operation.facts.get('together', {})
    before, beside = operation.before if operation.before and operation.action == 'set' else {}, operation.facts.get('beside', {})
    for part, now, old in ([(part, values.get(kind.key, {}), {**same, **before.get(kind.key, {})}) for part in kind.parts] if kind is not None else []) + [
            (part, values, before) for part in COMMON_PARTS]:
        wanted = {option: now[option] for option in part.options if option in now}
        if wanted:
            known = {option: old[option] for option in part.options if option in old}
            settings.append((part, wanted, {**{option: beside[option] for option in part.beside if option in beside}, **known}))
    return settings


def _flags(values) -> tuple[int, int]:
    """(ifi_flags, ifi_change) of the flag options that were given."""
    flags = change = 0
    for option, (bit, inverse) in FLAGS.items():
        if option in values:
            change |= bit
            if values[option] != inverse:
                flags |= bit
    return flags, change


def _change(field, wanted, found):
    """What to send to get a live field from `found` to `wanted`."""
    return field.type.change(wanted, found) if hasattr(field.type, 'change') else wanted


def _split(operation) -> tuple[dict, dict]:
    """split_creation() of an operation, which is sent and told: done once."""
    if 'split' not in operation.facts:
        operation.facts['split'] = split_creation(operation.values, operation.facts)
    first, later = operation.facts['split']
    return dict(first), dict(later)


def split_creation(values: dict, facts: dict) -> tuple[dict, dict]:
    """What travels in the message that makes a link, and what only a later one can say."""
    kind = KINDS[values['kind']]
    later = {option: values[option] for option in ('alias', 'altnames', 'addrgenmode', 'carrier', 'protodown', *kind.later, *PORTS) if option in values}
    first = {option: value for option, value in values.items() if option not in later and option not in ('name', 'kind', 'peer', 'link', 'link_netns')}
    if kind.creatable and kind.key in first:
        first[kind.key] = kind.creatable(first[kind.key])
    for part in (first, later):
        part.update({option: without_late(option, part[option]) for option in (kind.key, *PORTS) if isinstance(part.get(option), dict)})
    if lower_netns(facts.get('netns'), values) != facts.get('netns') and kind.underlay and 'up' in first:  # moving it takes it down
        later['up'] = first.pop('up')
    alone = facts.get('port_down') or values.get('link_netns', facts.get('netns')) != facts.get('netns')
    if alone and first.get('master'):
        later['master'] = first.pop('master')
    if ('addrgenmode' in later or 'master' in later) and 'up' in first:
        later['up'] = first.pop('up')
    if first.get('master') == '':
        first.pop('master')
    return first, later
