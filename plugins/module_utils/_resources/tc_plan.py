# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of traffic control on one link: qdiscs above classes above qdiscs, and the filters that hang on them. Pure."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.field import RECREATE
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.resource import Operation, Phase
from ansible_collections.linuxnet.vnet.plugins.module_utils._tc.index import ACTIONS, CLASSES, FILTERS, QDISCS

_AUTO_LAST = 49152  #: the preference that the kernel gives to a first filter; others get smaller ones
_AUTO_FIRST = 32768
#: kinds of filters that take another class or other actions while they work
CHANGEABLE = ('flower', 'basic', 'fw', 'cgroup')
_HOOK = 'ffff'


def what_of(values: dict) -> str:
    return next(name for name in ('qdisc', 'class', 'filter') if name in values)


def names(what: str, dev: str, spec: dict) -> tuple:
    """The key of an object."""
    if what == 'qdisc':
        return what, dev, spec['parent']
    if what == 'class':
        return what, dev, spec['classid']
    handle = spec.get('handle')
    if handle is None:  # known by what it matches
        handle = (repr(sorted(spec.get('match', {}).items())),)
    return what, dev, spec['parent'], spec.get('chain'), spec.get('protocol'), spec.get('pref'), spec.get('kind'), handle


def major(identity: str) -> str:
    """The number of the qdisc that an id is of."""
    return _HOOK if identity in ('ingress', 'egress') else identity.split(':')[0]


class Symbols:
    """Names of links as numbers and back, where there is no kernel to ask."""

    def __init__(self):
        self.known: list[str] = []

    def pair(self):
        return self.index_of, self.name_of

    def index_of(self, name):
        if name not in self.known:
            self.known.append(name)
        return self.known.index(name) + 1

    def name_of(self, index):
        return self.known[index - 1]


def changed(kind, found: dict, wanted: dict) -> tuple[list, dict]:
    """(names of what would become another value, all values then): what is wanted is looked at as the kernel would report it."""
    symbols = Symbols().pair()
    merged = kind.merged(found, wanted)
    if not wanted:
        return [], merged
    packed = kind.pack(merged, symbols)
    effective = kind.unpack(packed, symbols) if packed is not None else {}
    fields = kind.table.by_name
    different = []
    filled = {name for name, unused in kind.filled} - set(wanted)  # the kernel will make them of the others
    for name in fields:
        if name in filled or (name not in effective and name not in found):
            continue
        if name in merged and merged[name] == found.get(name):
            continue
        if name in effective and name in found and (fields[name].write_only or fields[name].equal(effective[name], found[name])):
            continue
        if name not in effective and name not in wanted:
            continue
        different.append(name)
    return different, merged


def same_actions(wanted: list, found: list) -> bool:
    def plain(item):
        return {name: value for name, value in item.items() if name != 'kind'}

    return len(wanted) == len(found) and all(
        one['kind'] == other['kind'] and not changed(ACTIONS[one['kind']], plain(other), {**ACTIONS[one['kind']].complete(plain(one))})[0]
        for one, other in zip(wanted, found))


def matches(wanted: dict, found: dict) -> bool:
    """Whether a live filter is the one that is meant."""
    for name in ('parent', 'protocol', 'chain', 'pref', 'kind'):
        if wanted.get(name) is not None and wanted[name] != found.get(name):
            return False
    handle = wanted.get('handle')
    if handle is not None and handle != found['handle'] and not (handle.startswith('::') and handle == '::' + found['handle'].rpartition(':')[2]):
        return False
    numbered = handle is not None and (wanted.get('pref') is not None or wanted.get('kind') in ('fw', 'cgroup'))
    return numbered or 'match' not in wanted or same_match(wanted, found)


def same_match(wanted: dict, found: dict) -> bool:
    kind = FILTERS[wanted['kind']]
    mine = {name: value for name, value in kind.complete(wanted['match']).items() if name in kind.match.by_name}
    return mine == found.get('match', {})


def same_filter(wanted: dict, found: dict) -> bool:
    """Whether a live filter is in all as one is wanted."""
    return matches(wanted, found) and same_match(wanted, found) and not changed(FILTERS[wanted['kind']], found['options'], wanted['options'])[0] and (
        'actions' not in wanted or same_actions(wanted['actions'], found['actions']))


def below(table: dict, dev: str, key: tuple, leading: bool = False) -> list:
    """Keys of all that goes with an object, in the order in which it can be made again; `leading`: filters that lead to the class, too."""
    values = table[key]
    what, spec = what_of(values), values[what_of(values)]
    mine = {other: one for other, one in table.items() if other[1] == dev}
    found: list = []
    if what == 'qdisc':
        number = major(spec['handle'])
        inside = [other for other in mine if other[0] == 'class' and major(other[2]) == number]
        inside.sort(key=lambda other: _depth(mine, other))
        hung = [other for other in mine if other[0] == 'filter' and major(other[2]) == number]
        queues = [other for other in mine if other[0] == 'qdisc' and other[2] not in ('root', 'ingress') and major(other[2]) == number]
    elif what == 'class':
        inside = [other for other in mine if other[0] == 'class' and _is_below(mine, other, spec['classid'])]
        inside.sort(key=lambda other: _depth(mine, other))
        ids = {spec['classid'], *(other[2] for other in inside)}
        hung = [other for other in mine if other[0] == 'filter'
                and (other[2] in ids or (leading and mine[other]['filter'].get('options', {}).get('classid') in ids))]
        queues = [other for other in mine if other[0] == 'qdisc' and other[2] in ids]
    else:
        return []
    found += inside
    for queue in queues:
        found += [queue, *below(table, dev, queue)]
    return found + hung


def _is_below(mine, key, classid) -> bool:
    seen = set()
    while key in mine and key not in seen:
        seen.add(key)
        parent = mine[key]['class']['parent']
        if parent == classid:
            return True
        key = ('class', key[1], parent)
    return False


def _depth(mine, key) -> int:
    """How many objects are above a qdisc or class."""
    depth, seen = 0, set()
    while key in mine and key not in seen:
        seen.add(key)
        values = mine[key]
        parent = values[what_of(values)].get('parent', '')
        if parent in ('root', 'ingress', ''):
            break
        up = ('class', key[1], parent)
        if up not in mine:
            up = next((other for other, one in mine.items() if other[0] == 'qdisc' and one['qdisc'].get('handle') == major(parent) + ':'), None)
            depth += key[0] == 'qdisc'  # below a class that comes with its qdisc
        key, depth = up, depth + 1
    return depth


def creations(resource, netns, dev: str, table: dict) -> list:
    """What makes all of a link again."""
    tops = [key for key in table if key[:2] == ('qdisc', dev) and key[2] in ('root', 'ingress')]
    keys = [one for top in tops for one in (top, *below(table, dev, top))]
    return [resource.creation(netns, key, restorable(table[key])) for key in keys if not table[key].get('foreign')]


def restorable(values: dict) -> dict:
    """An object as it has to be asked for to come back."""
    what = what_of(values)
    spec = dict(values[what])
    kind = {'qdisc': QDISCS, 'class': CLASSES, 'filter': FILTERS}[what].get(spec['kind'])
    if kind is not None:
        full = {**spec.get('match', {}), **spec['options']}
        told = kind.told(full)
        spec['options'] = {name: value for name, value in spec['options'].items() if name in told}
    return {'dev': values['dev'], what: spec}


class Branch:
    """Builds the operations of one link."""

    def __init__(self, resource, netns, dev, world):
        self.resource, self.netns, self.dev, self.world = resource, netns, dev, world
        table = world.table(resource.section, netns)
        self.found = {key: values for key, values in table.items() if key[1] == dev}
        self.left = dict(self.found)  #: what is still there at this point of the plan
        self.coming: dict = {}  #: what comes back with something that is made anew
        self.claimed: set = set()  #: what is wanted and there
        self.deletions: list = []
        self.creations: list = []

    def operations(self, wanted, scopes) -> list:
        absent, present = [one for one in wanted if one.absent], [one for one in wanted if not one.absent]
        whole = {**self.found, **{one.key: one.values for one in present}}
        for one in absent:
            self._absent(one)
        for one in sorted((one for one in present if one.key[0] != 'filter'), key=lambda one: _depth(whole, one.key)):
            self._present(one)
        filters = [one for one in present if one.key[0] == 'filter']
        for one in sorted(filters, key=lambda one: 'handle' not in one.values['filter'] or 'pref' not in one.values['filter']):
            self._filter(one)
        for scope in scopes:
            self._purge(scope, whole)
        back = [self._back(key, values) for key, values in self.coming.items() if key not in self.claimed]
        return self.deletions + self._ordered(back + self.creations)

    def _ordered(self, operations):
        """Qdiscs and classes from above, then filters; each after what it hangs on."""
        whole = {**self.left, **{one.key: one.values for one in operations}}
        rank = {id(one): (one.key[0] == 'filter', _depth(whole, one.key) if one.key[0] != 'filter' else 0) for one in operations}
        return sorted(operations, key=lambda one: rank[id(one)])

    def _name(self, *more):
        return ('tc', self.netns, self.dev, *more)

    # -- removing -----------------------------------------------------------------------------------------------------

    def _delete(self, key, where, disruption=None):
        """Remove an object with all below it; a class's own classes and filters go one by one before it, since the kernel refuses otherwise."""
        if key not in self.left:
            return None
        values = self.left[key]
        family = below(self.left, self.dev, key, leading=key[0] == 'class')
        if key[0] == 'class':
            for other in [other for other in reversed(family) if other[0] == 'filter'] + [other for other in reversed(family) if other[0] == 'class']:
                if other in self.left:
                    self._single(other, where, [], disruption)
            family = [other for other in family if other in self.left]
        return self._single(key, where, family, disruption)

    def _single(self, key, where, family, disruption=None):
        values = self.left.pop(key)
        flushed = [self.left.pop(other) for other in family if other in self.left]
        operation = self.resource.creation(self.netns, key, values).undo[0]
        operation.before = values if not values.get('foreign') else {name: value for name, value in values.items() if name != 'foreign'}
        operation.where, operation.phase = where, Phase.UNSET_TC
        operation.flushes = [_short(one) for one in flushed]
        operation.undo = [self.resource.creation(self.netns, other, restorable(self.found[other]), undo=False)
                          for other in (key, *family) if not self.found[other].get('foreign')]
        lost = {other: {'lost': f'{_short(self.found[other])} of {self.dev} is of a kind that cannot be made again'} for other in (key, *family)}
        operation.undo += [Operation(self.resource.section, 'lost', self.netns, other, operation.name, facts=lost[other])
                           for other in (key, *family) if self.found[other].get('foreign')]
        operation.provides = {self._name('gone', key)}
        if key[0] == 'class':
            operation.requires = {self._name('led elsewhere')}
        elif key[0] == 'qdisc':
            operation.requires = {self._name('gone', other) for other in self.found if other != key and other not in family and other not in self.left
                                  and other[0] != 'qdisc'}
        if disruption:
            operation.disruption = disruption
        self.deletions.append(operation)
        return operation

    def _absent(self, one):
        if one.key[0] == 'filter':
            spec = one.values['filter']
            meant = spec if spec.get('match') else {name: value for name, value in spec.items() if name != 'match'}
            for key in [key for key, values in self.left.items() if key[0] == 'filter' and matches(meant, values['filter'])]:
                self._delete(key, one.where)
            return
        found = self.left.get(one.key)
        if found is None:
            return
        spec, there = one.values[one.key[0]], found[one.key[0]]
        if all(spec.get(name, there.get(name)) == there.get(name) for name in ('kind', 'handle', 'parent')):
            self._delete(one.key, one.where)

    def _purge(self, scope, whole):
        kept = set(self.claimed) | {operation.key for operation in self.creations}
        for key in list(kept):  # what a wanted object hangs on
            while key is not None:
                kept.add(key)
                values = whole.get(key) or self.left.get(key)
                parent = values[what_of(values)].get('parent') if values else None
                up = None
                if parent and parent != 'root':
                    number = _HOOK if parent == 'ingress' else major(parent)
                    up = ('class', self.dev, parent)
                    if up not in whole:
                        up = next((other for other, value in whole.items() if other[0] == 'qdisc' and value['qdisc'].get('handle') == number + ':'), None)
                key = up if up not in kept else None
        for kind in ('qdisc', 'filter', 'class'):  # with a qdisc, all below it goes
            for key in sorted((key for key in self.left if key[0] == kind), key=lambda key: 0 if kind == 'filter' else _depth(self.found, key),
                              reverse=kind == 'class'):
                if key in self.left and key not in kept:
                    self._delete(key, scope.where)
        self.coming = {key: values for key, values in self.coming.items() if key in kept}

    # -- making -------------------------------------------------------------------------------------------------------

    def _create(self, key, values, where, before=None):
        operation = self.resource.creation(self.netns, key, values, where)
        what = what_of(values)
        spec = values[what]
        if what == 'qdisc' and 'handle' in spec:
            operation.provides.add(self._name(spec['handle']))
        elif what == 'class':
            operation.provides.add(self._name(spec['classid']))
        self._require(operation, spec)
        if before is not None:
            operation.before, operation.disruption = before, RECREATE
        self.creations.append(operation)
        return operation

    def _require(self, operation, spec):
        ids = [spec.get('parent'), spec.get('options', {}).get('classid') if operation.key[0] == 'filter' else None]
        for one in filter(None, ids):
            operation.requires |= {self._name(one), self._name(major(one) + ':')}
        operation.requires |= {self._name('gone', deletion.key) for deletion in self.deletions if deletion.key[0] != 'class' or deletion.disruption == RECREATE}

    def _set(self, key, values, before, where):
        operation = self.resource.setting(self.netns, key, values, before, where)
        self._require(operation, values[what_of(values)])
        if key[0] == 'filter':
            operation.provides.add(self._name('led elsewhere'))
            operation.requires = {one for one in operation.requires if one[:1] != ('tc',) or 'gone' not in one}
        self.creations.append(operation)

    def _back(self, key, values):
        """What comes back with something that is made anew."""
        self._create(key, restorable(values), '')
        operation = self.creations.pop()
        operation.disruption, operation.undo = RECREATE, []
        return operation

    def _present(self, one):
        what = one.key[0]
        kinds = QDISCS if what == 'qdisc' else CLASSES
        spec, found = one.values[what], self.left.get(one.key)
        kind = kinds[spec['kind']]
        if found is None:
            old = self.coming.get(one.key)
            if old is not None and old[what]['kind'] == spec['kind']:
                self.claimed.add(one.key)
                self.coming.pop(one.key)
                spec = {**old[what], **spec, 'options': kind.merged(old[what]['options'], spec['options'])}
            self._create(one.key, {'dev': self.dev, what: spec}, one.where)
            return
        there = found[what]
        self.claimed.add(one.key)
        same_place = there['kind'] == spec['kind'] and all(spec.get(name, there[name]) == there[name] for name in ('handle', 'parent') if name in there)
        if not same_place or found.get('foreign'):
            self._replace(one, found, spec, fits=there['kind'] == spec['kind'] and spec.get('handle', there.get('handle')) == there.get('handle'))
            return
        different, merged = changed(kind, there['options'], spec['options'])
        if not different:
            return
        if any(name in kind.table.by_name and kind.table.by_name[name].live == RECREATE for name in different):
            self._replace(one, found, {**there, **spec, 'options': merged}, fits=True)
            return
        live = {name: value for name, value in merged.items() if kind.table.by_name[name].live != RECREATE or not kind.nested}
        self._set(one.key, {'dev': self.dev, what: {**there, 'options': live}}, restorable(found), one.where)

    def _replace(self, one, found, spec, fits):
        """Another object in the same place. What hung on the old one comes back where the new one is of the same kind and number."""
        family = [(key, self.left[key]) for key in below(self.left, self.dev, one.key, leading=one.key[0] == 'class')]
        self._delete(one.key, one.where, RECREATE)
        if fits:
            self.coming.update((key, values) for key, values in family if not values.get('foreign'))
        create = self._create(one.key, {'dev': self.dev, one.key[0]: spec}, one.where, restorable(found)[one.key[0]] and restorable(found))
        create.requires.add(self._name('gone', one.key))

    def _filter(self, one):
        spec = one.values['filter']
        self._complain(one, spec)
        key, source = None, None
        for source in (self.left, self.coming):
            key = next((key for key, values in source.items() if key[0] == 'filter' and key not in self.claimed and matches(spec, values['filter'])), None)
            if key is not None:
                break
        if key is None:
            pref = spec.get('pref') or self._next_pref(spec)
            self._create((*one.key[:5], pref, *one.key[6:]), {'dev': self.dev, 'filter': {**spec, 'pref': pref}}, one.where)
            return
        there = source[key]['filter']
        self.claimed.add(key)
        different, merged = changed(FILTERS[spec['kind']], there['options'], spec['options'])
        actions = spec.get('actions', there['actions'])
        other = not same_match(spec, there)
        values = {'dev': self.dev, 'filter': {**there, 'match': spec['match'] if other else there['match'], 'options': merged, 'actions': actions}}
        if source is self.coming:
            self.coming.pop(key)
            self._create(key, values, one.where)
            return
        if not different and not other and same_actions(actions, there['actions']):
            return
        before = restorable(source[key])
        if spec['kind'] in CHANGEABLE:
            self._set(key, values, before, one.where)
            return
        self._delete(key, one.where, RECREATE)
        create = self._create(key, values, one.where, before)
        create.requires.add(self._name('gone', key))
        create.provides.add(self._name('led elsewhere'))

    def _complain(self, one, spec):
        if spec['parent'] == 'egress' and not any(values['qdisc']['kind'] == 'clsact' for values in (
                *self.left.values(), *(operation.values for operation in self.creations)) if 'qdisc' in values):
            raise InputError(f"{one.where}: parent egress needs qdisc clsact on {self.dev}")

    def _next_pref(self, spec) -> int:
        """As the kernel chooses: below the smallest of those in the upper half."""
        table = [values['filter'] for values in (*self.left.values(), *self.coming.values(), *(operation.values for operation in self.creations))
                 if 'filter' in values]
        given = [other['pref'] for other in table if other['parent'] == spec['parent'] and other['chain'] == spec['chain'] and other['pref'] >= _AUTO_FIRST]
        return min(given, default=_AUTO_LAST + 1) - 1


def _short(values: dict) -> str:
    what = what_of(values)
    spec = values[what]
    if what == 'filter':
        return f"filter {spec['kind']} pref {spec['pref']} handle {spec['handle']}"
    return f"{what} {spec['kind']} {spec.get('classid') or spec.get('handle') or spec['parent']}"
