# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which decoded packets are meant: a match is a dict of field: value, all of which must hold."""

from __future__ import annotations

import socket

from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.decode import FIELDS
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError

EITHER = {'ip': ('ip_src', 'ip_dst'), 'mac': ('src_mac', 'dst_mac'), 'port': ('sport', 'dport')}


def _number(value):
    if isinstance(value, bool):
        raise ValueError
    return int(value, 0) if isinstance(value, str) else int(value)


def _network(value):
    address, dummy, bits = str(value).partition('/')
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    width = len(packed) * 8
    bits = int(bits) if bits else width
    if not 0 <= bits <= width:
        raise ValueError
    return width, width - bits, int.from_bytes(packed, 'big') >> (width - bits)


def _in_network(network, value):
    packed = socket.inet_pton(socket.AF_INET6 if ':' in value else socket.AF_INET, value)
    width, shift, prefix = network
    return len(packed) * 8 == width and int.from_bytes(packed, 'big') >> shift == prefix


def _truth(value):
    text = str(value).lower()
    if text not in ('true', 'yes', 'on', '1', 'false', 'no', 'off', '0'):
        raise ValueError
    return text in ('true', 'yes', 'on', '1')


def _test(kind, value):
    """A function that tells whether a field's value equals ``value``; ValueError or OSError where ``value`` cannot be of that kind."""
    if kind == 'ip':
        network = _network(value)
        return lambda found: _in_network(network, found)
    if kind is bool:
        wanted = _truth(value)
    elif kind is int:
        wanted = _number(value)
    elif kind == 'hex':
        wanted = f'0x{_number(value):04x}'
    else:
        wanted = str(value).lower()
    return lambda found: (found.lower() if isinstance(found, str) else found) == wanted


def _holds(tests, found):
    if found is None:
        return None in tests
    values = found if isinstance(found, list) else [found]
    return any(test is not None and test(value) for test in tests for value in values)


def compile_match(match, label='match'):
    """The predicate of a match. A list of values means any of them, None means that the packet lacks the field. ProbeError for nonsense."""
    rules = []
    for key, wanted in match.items():
        if key == 'inner':
            if wanted is None:
                rules.append(lambda packet: 'inner' not in packet)
                continue
            if not isinstance(wanted, dict):
                raise ProbeError(f'{label}: inner must be a dict of the inner packet\'s fields')
            inside = compile_match(wanted, f'{label}: inner')
            rules.append(lambda packet, inside=inside: 'inner' in packet and inside(packet['inner']))
            continue
        fields = ('layers',) if key == 'protocol' else EITHER.get(key, (key,))
        if key != 'protocol' and fields[0] not in FIELDS:
            known = ', '.join(sorted([*FIELDS, *EITHER, 'protocol', 'inner']))
            raise ProbeError(f"{label}: unknown field '{key}'; known are {known}")
        kind = FIELDS.get(fields[0], str)
        try:
            tests = [None if value is None else _test(kind, value) for value in (wanted if isinstance(wanted, list) else [wanted])]
        except (OSError, OverflowError, TypeError, ValueError) as exc:
            what = {'ip': 'an IP address or network', int: 'a number', 'hex': 'an EtherType number', bool: 'true or false'}[kind]
            raise ProbeError(f"{label}: {key} '{wanted}' is not {what}") from exc
        rules.append(lambda packet, fields=fields, tests=tests: any(_holds(tests, packet.get(field)) for field in fields))
    return lambda packet: all(rule(packet) for rule in rules)


def compile_expectations(expectations, label='expect'):
    """[(item, predicate)] of a list of {match, min, max, name}; one that every capture would meet is refused."""
    compiled = []
    for number, item in enumerate(expectations or [], 1):
        least = 1 if item.get('min') is None and item.get('max') is None else item.get('min') or 0
        most = item.get('max')
        where = f"{label} {item.get('name') or number}"
        if least < 0 or (most is not None and most < least):
            raise ProbeError(f'{where}: min {least} and max {most} contradict each other')
        if least == 0 and most is None:
            raise ProbeError(f'{where}: min 0 without max is always met; give max, or a min of 1 or more')
        if not item['match']:
            raise ProbeError(f'{where}: match is empty; name at least one field')
        if item.get('distinct') and item['distinct'] not in FIELDS:
            raise ProbeError(f"{where}: distinct '{item['distinct']}' is not a field; known are {', '.join(sorted(FIELDS))}")
        compiled.append(({'name': item.get('name') or describe(item['match']), 'match': item['match'], 'min': least, 'max': most,
                          'distinct': item.get('distinct')},
                         compile_match(item['match'], where)))
    return compiled


def describe(match):
    return ', '.join(f"{key} {{{describe(value)}}}" if isinstance(value, dict) else f'{key} {value}' for key, value in match.items())


def check_expectations(compiled, packets):
    """Results {name, match, min, max, packets, ok, reason} of expectations against decoded packets."""
    results = []
    for item, holds in compiled:
        matching = [packet for packet in packets if holds(packet)]
        field = item['distinct']
        values = sorted({str(packet[field]) for packet in matching if field in packet}) if field else []
        count = len(values) if field else len(matching)
        ok = count >= item['min'] and (item['max'] is None or count <= item['max'])
        bounds = f"at least {item['min']}" if item['max'] is None else f"exactly {item['max']}" if item['min'] == item['max'] else \
            f"{item['min']} to {item['max']}"
        wanted = 'none' if item['max'] == 0 else bounds
        found = f"{count or 'no'} {field + ' value' if field else 'packet'}{'' if count == 1 else 's'}"
        shown = f" ({', '.join(values[:5])})" if values else ''
        reason = '' if ok else f"{found}{shown} with {describe(item['match'])}, {wanted} expected"
        results.append(dict(item, packets=len(matching), ok=ok, reason=reason))
    return results
