# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A field: one option of an object, from the playbook to the wire and back."""

from __future__ import annotations

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import InputError
from ansible_collections.linuxnet.vnet.plugins.module_utils._model.types import Options, Rows, Type

#: What changing a field costs a link that is in use.
IN_PLACE, DOWN, RECREATE = 'in_place', 'down', 'recreate'
#: stands for a secret in results, command lines and logs
HIDDEN = 'SECRET'


class Field:
    """One option.

    name      as iproute2 has it, `-` as `_`
    type      a _model.types object
    attr      netlink attribute, as pyroute2 names it; two for an address that has one attribute a family
    doc       one sentence for the manual
    nla       (number, codec type) where a supported pyroute2 lacks the attribute or has its type wrong
    live      IN_PLACE, DOWN or RECREATE
    default   what is sent at creation when nothing was given (the kernel's own default otherwise)
    aliases   other names, as `ip -d -j` prints them
    keyword   iproute2's keyword where it is not the name
    bit       the field is this bit of a {flags, mask} or {value, mask} attribute
    member    the field is this member of an attribute that is a struct or nested
    late      can only be set when other links of the plan are in place (a bond's primary port)
    unique    no two ports of a master can have the same value, but for 0: it is freed first, and given when all that are to be free are (implies late)
    tolerance largest difference from what was asked that is the kernel's own rounding
    unsaid    what is meant where the kernel leaves the attribute out of its report
    write_only  nobody can read it back: it is not compared
    secret    it is never shown, in results, command lines and errors
    tool      iproute2's program that has the keyword, for options of bridge ports that ip has none for
    """

    def __init__(self, name: str, type: Type, attr=None, doc: str = '', *, nla=None, live: str = IN_PLACE, default=None,
                 aliases=(), keyword: str | None = None, bit: int = 0, member: str = '', late: bool = False, unique: bool = False,
                 tolerance: int = 0, unsaid=None, write_only: bool = False, secret: bool = False, tool: str = 'ip'):
        self.name, self.type, self.attr, self.doc = name, type, attr, doc
        self.nla, self.live, self.default = nla, live, default
        self.aliases = list(aliases)
        self.keyword = name if keyword is None else keyword
        self.bit, self.member, self.tolerance = bit, member, tolerance
        self.late, self.unique = late or unique, unique
        self.unsaid, self.write_only, self.secret, self.tool = unsaid, write_only, secret, tool

    def parse(self, value, where: str):
        """The canonical value; InputError names the place, the value and what is allowed."""
        try:
            return self.type.parse_at(value, f'{where}: {self.name}') if hasattr(self.type, 'parse_at') else self.type.parse(value)
        except ValueError as exc:
            shown = 'a value' if self.secret else repr(value)
            raise InputError(f'{where}: {self.name} is {shown}, but must be {exc}') from None

    def equal(self, wanted, found) -> bool:
        if wanted == found or self.bit and found is None and wanted is False:  # a bit that the kernel does not know is not set
            return True
        if hasattr(self.type, 'same'):
            return self.type.same(wanted, found)
        if self.tolerance and isinstance(found, int) and isinstance(wanted, int):
            return abs(wanted - found) <= self.tolerance
        return False

    def decode(self, attrs: dict, name_of):
        """The canonical value among what the kernel reports; None where it says nothing. name_of(index) names interfaces."""
        if self.attr is None or self.write_only:
            return None
        if self.bit:
            bits = attrs.get(self.attr)
            if bits is None:
                return self.unsaid
            # a mask names the bits that this kernel knows; not all kinds fill it in
            return bool(bits['flags'] & self.bit) if not bits['mask'] or bits['mask'] & self.bit else None
        for attr in self.attr if isinstance(self.attr, tuple) else (self.attr,):
            if attr in attrs:
                raw = attrs[attr].get(self.member) if self.member else attrs[attr]
                value = (name_of(raw) if raw else None) if _is_ref(self) else self.type.unwire(raw)
                if value is not None:
                    return value
        if getattr(self.type, 'on', '') is None and self.type.wire(False) is None:
            return False
        return self.unsaid

    def argument(self) -> dict:
        """The argument_spec entry."""
        spec = dict(self.type.spec)
        if self.aliases:
            spec['aliases'] = list(self.aliases)
        if self.secret:
            spec['no_log'] = True
        elif 'key' in self.name:
            spec['no_log'] = False  # said outright, since Ansible takes the name for a secret's
        return spec

    def command(self, value) -> list[str]:
        """iproute2's words for it."""
        if getattr(self.type, 'on', '') is None:
            return self.keyword.split() if value else [] if self.type.wire(False) is None else ['no' + self.keyword]
        return [*self.keyword.split(), *self.type.argv(value)]


class Table:
    """An ordered set of fields that make a dict of options."""

    def __init__(self, fields):
        self.fields = list(fields)
        self.by_name = {field.name: field for field in self.fields}
        self.types = {field.name: field.type for field in self.fields}
        #: options that are secret, or may have secrets within
        self.hiding = {field.name for field in self.fields if field.secret or isinstance(field.type, (Options, Rows))}
        self._names = {alias: field for field in self.fields for alias in [field.name, *field.aliases]}

    def __iter__(self):
        return iter(self.fields)

    def parse(self, values: dict, where: str, what: str = 'option') -> dict:
        """Canonical {name: value} of what was given (None means not given)."""
        if not isinstance(values, dict):
            raise InputError(f'{where}: must be a dict of options, not {values!r}')
        parsed: dict = {}
        for name, value in values.items():
            if value is None:
                continue
            field = self._names.get(name)
            if field is None:
                raise InputError(f"{where}: unknown {what} '{name}'; known are {', '.join(self.by_name)}")
            if field.name in parsed and name != field.name:
                continue  # AnsibleModule repeats an alias under its own name
            parsed[field.name] = field.parse(value, where)
        return parsed

    def named(self, values: dict) -> dict:
        """The same values, those that were given under an alias under the field's own name."""
        found = {}
        for name, value in values.items():
            own = self._names[name].name if name in self._names else name
            if own == name or own not in values:
                found[own] = value
        return found

    def shown(self, values: dict) -> dict:
        """The values as people and logs may see them: without secrets."""
        found = dict(values)
        for name in self.hiding.intersection(values):
            found[name] = self._shown(self.by_name[name], values[name])
        return found

    def secrets(self, values: dict):
        """Yield the secrets among values as a user gave them."""
        for name, value in values.items():
            field = self._names.get(name)
            if field is None or value is None:
                continue
            if field.secret:
                yield str(value)
            table = getattr(field.type, 'table', None)
            if isinstance(table, Table):
                for one in value if isinstance(value, list) else [value]:
                    yield from table.secrets(one) if isinstance(one, dict) else ()

    @staticmethod
    def _shown(field, value):
        if value is None:
            return value
        if field.secret:
            return HIDDEN
        table = field.type.table
        if isinstance(value, dict):
            return table.shown(value)
        return [table.shown(one) if isinstance(one, dict) else one for one in value] if isinstance(value, list) else value

    def document(self, values: dict, secrets: bool) -> dict:
        """The values as a document has them: with or without secrets, and without rows that nobody could make again, as a secret of theirs cannot be read."""
        kept = {}
        for name, value in values.items():
            field = self.by_name.get(name)
            table = getattr(getattr(field, 'type', None), 'table', None)
            if field is not None and field.secret and not secrets or isinstance(value, list) and isinstance(table, Table) and any(
                    one.secret and one.write_only for one in table):
                continue
            if isinstance(table, Table) and isinstance(value, (dict, list)):
                value = table.document(value, secrets) if isinstance(value, dict) else [table.document(one, secrets) for one in value]
            kept[name] = value
        return kept

    def arguments(self) -> dict:
        return {field.name: field.argument() for field in self.fields}

    # -- netlink ------------------------------------------------------------------------------------------------------

    def supplement(self) -> list[tuple]:
        """Attribute rows that pyroute2 lacks."""
        rows = []
        for field in self.fields:
            if field.nla is not None:
                rows.append((field.nla[0], field.attr, field.nla[1]))
        return rows

    def encode(self, values: dict, index_of) -> dict:
        """{attribute: wire value} of those values that have one; index_of(name) resolves interfaces."""
        attrs: dict = {}
        for name, value in values.items():
            field = self.by_name.get(name)
            if field is None or field.attr is None:
                continue
            if field.bit:
                bits = attrs.setdefault(field.attr, {'flags': 0, 'mask': 0})
                bits['mask'] |= field.bit
                bits['flags'] |= field.bit if value else 0
                continue
            if field.member:
                attrs.setdefault(field.attr, {})[field.member] = field.type.wire(value)
                continue
            attr = field.attr
            if isinstance(attr, tuple):
                attr = attr[1] if ':' in value else attr[0]
            attrs[attr] = (index_of(value) if value else 0) if _is_ref(field) else field.type.wire(value)
        return attrs

    def decode(self, attrs: dict, name_of) -> dict:
        """Canonical values of what the kernel reports; name_of(index) names interfaces."""
        values = {}
        for field in self.fields:
            value = field.decode(attrs, name_of)
            if value is not None:
                values[field.name] = value
        return values


def _is_ref(field: Field) -> bool:
    return getattr(field.type, 'by_index', False)
