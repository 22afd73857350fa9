# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a probe: their argument spec, the inheritance from the top level, and what makes no sense together."""

from __future__ import annotations

import re
import socket

from ansible_collections.linuxnet.vnet.plugins.module_utils._probe import can
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.netns import ProbeError, resolve
from ansible_collections.linuxnet.vnet.plugins.module_utils._probe.responder import LEAST

TIMEOUT = {'reachable': 5.0, 'unreachable': 1.0}
LISTEN_TIMEOUT = 60.0
LAST_WAIT = 2.0  # seconds for the answer to the last of `count` packets
HEADERS = {socket.AF_INET: 42, socket.AF_INET6: 62}  # bytes of Ethernet, IP and UDP before the payload
UNITS = {'': 1, 'bit': 1, 'kbit': 10**3, 'mbit': 10**6, 'gbit': 10**9}
FRAME = '123#DEADBEEF'


def item_spec(defaults=True):
    """Argument spec of one probe. Items of a list have no defaults: what they leave out comes from the top level."""
    spec = {
        'name': {'type': 'str'},
        'netns': {'type': 'str'},
        'tap': {'type': 'str'},
        'user': {'type': 'str'},
        'mac': {'type': 'str'},
        'to': {'type': 'str'},
        'to_netns': {'type': 'str'},
        'protocol': {'type': 'str', 'choices': ['icmp', 'tcp', 'udp', 'can'], 'default': 'icmp'},
        'frame': {'type': 'str'},
        'port': {'type': 'int'},
        'src': {'type': 'str'},
        'dev': {'type': 'str'},
        'size': {'type': 'int', 'default': 56},
        'df': {'type': 'bool', 'default': False},
        'ttl': {'type': 'int'},
        'count': {'type': 'int'},
        'interval': {'type': 'float', 'default': 0.2},
        'timeout': {'type': 'float'},
        'expect': {'type': 'str', 'choices': ['reachable', 'unreachable'], 'default': 'reachable'},
        'max_loss': {'type': 'int'},
        'max_gap': {'type': 'float'},
        'rate': {'type': 'str'},
        'duration': {'type': 'float'},
        'min_rate': {'type': 'str'},
        'max_rate': {'type': 'str'},
        'seen_as': {'type': 'str'},
        'listen': {'type': 'bool', 'default': False},
    }
    if not defaults:
        for option in spec.values():
            option.pop('default', None)
    return spec


def family_of(address):
    """AF_INET or AF_INET6 of an address without prefix or zone, None for anything else."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, address)
            return family
        except (OSError, ValueError):
            pass
    return None


def _range(item, label, option, low, high):
    value = item[option]
    if value is not None and not low <= value <= high:
        raise ProbeError(f'{label}: {option} {value:g} is not within {low:g} to {high:g}')


def check_dev(label, dev):
    if dev and (len(dev.encode()) > 15 or '/' in dev or ' ' in dev or dev in ('.', '..')):
        raise ProbeError(f"{label}: dev '{dev}' is not an interface name (1 to 15 bytes, no '/', no space)")


def bits(label, option, text):
    """Bits in a second of a rate as tc writes it, None of none."""
    if text is None:
        return None
    found = re.fullmatch(r'([0-9]+(?:\.[0-9]+)?)([a-z]*)', str(text).lower())
    if not found or found[2] not in UNITS or not float(found[1]):
        raise ProbeError(f"{label}: {option} '{text}' is not a rate such as 500kbit, 10mbit or 1gbit")
    return float(found[1]) * UNITS[found[2]]


def _normalise_rate(item, label):
    """A flow at a rate is a count of packets and the time between them."""
    for option in ('rate', 'min_rate', 'max_rate'):
        item[option] = bits(label, option, item[option])
    if item['rate'] is None:
        for option in ('duration', 'min_rate', 'max_rate'):
            if item[option] is not None:
                raise ProbeError(f'{label}: {option} needs rate: how fast to send')
        return
    if item['protocol'] != 'udp' or item['expect'] == 'unreachable' or item['count'] is not None:
        raise ProbeError(f'{label}: rate needs protocol udp, and excludes count and expect: unreachable')
    if item['min_rate'] is not None and item['rate'] < item['min_rate']:
        raise ProbeError(f'{label}: rate {item["rate"]:g} bit/s cannot prove a min_rate of {item["min_rate"]:g} bit/s; send faster')
    if item['max_rate'] is not None and item['rate'] <= item['max_rate']:
        raise ProbeError(f'{label}: rate {item["rate"]:g} bit/s cannot prove a max_rate of {item["max_rate"]:g} bit/s; send faster')
    item['duration'] = item['duration'] or 2.0
    _range(item, label, 'duration', 0.1, 60)
    item['interval'] = (max(item['size'], LEAST) + HEADERS[item['family']]) * 8 / item['rate']
    item['count'] = max(int(item['duration'] / item['interval']), 2)
    if item['count'] > 65535:
        raise ProbeError(f"{label}: {item['count']} packets of {item['size']} bytes are more than 65535; give a larger size, a smaller rate or a shorter"
                         ' duration')


def _normalise_can(item, label):
    for option in ('dev', 'to'):
        if not item[option]:
            raise ProbeError(f"{label}: protocol can needs dev, the CAN interface to send on, and to, the one to receive on ('{option}' is missing)")
        if len(item[option].encode()) > 15 or '/' in item[option] or ' ' in item[option]:
            raise ProbeError(f"{label}: {option} '{item[option]}' is not an interface name (1 to 15 bytes, no '/', no space)")
    for option in ('port', 'src', 'ttl', 'rate', 'duration', 'min_rate', 'max_rate'):
        if item[option] is not None:
            raise ProbeError(f'{label}: {option} does not go with protocol can')
    resolve(item['netns'])
    resolve(item['to_netns'])
    item['frame'] = item['frame'] or FRAME
    for option in ('frame', 'seen_as'):
        try:
            item[option + '_bytes'] = can.parse(item[option] or item['frame'])
        except ValueError as exc:
            raise ProbeError(f"{label}: {option} '{item[option]}' is not a CAN frame: {exc}") from exc
    item['family'] = item['address'] = None
    return _normalise_time(item, label)


def _normalise_tap(item, label):
    """A host of its own at the other side of a tap device; without an address to reach one that answers."""
    if item['protocol'] != 'icmp':
        raise ProbeError(f"{label}: at the other side of a tap there is ICMP only, no protocol {item['protocol']}")
    for option in ('dev', 'port', 'seen_as', 'frame', 'to_netns', 'rate', 'duration', 'min_rate', 'max_rate'):
        if item[option] is not None:
            raise ProbeError(f'{label}: {option} does not go with tap')
    check_dev(label, item['tap'])
    resolve(item['netns'])
    for option in ('src', 'to') if item['to'] else ('src',):
        if family_of(item[option] or '') != socket.AF_INET:
            raise ProbeError(f"{label}: tap needs src, the IPv4 address of the host at the other side, and can reach IPv4 addresses only"
                             f" ({option} is {item[option] or 'missing'})")
    if item['mac'] and not re.fullmatch(r'[0-9a-f][02468ace](:[0-9a-f]{2}){5}', item['mac'].lower()):
        raise ProbeError(f"{label}: mac '{item['mac']}' is not the MAC address of one host, such as 02:00:00:00:00:01")
    item['mac'] = item['mac'] and item['mac'].lower()
    item['family'], item['address'] = socket.AF_INET, item['to']
    _range(item, label, 'size', 0, 65507)
    _range(item, label, 'ttl', 1, 255)
    if item['to']:
        return _normalise_time(item, label)
    if item['expect'] == 'unreachable' or item['count'] is not None:
        raise ProbeError(f"{label}: without 'to' the host at the other side only answers, so count and expect: unreachable say nothing")
    _range(item, label, 'timeout', 0.01, 86400)
    return item


def normalise(params, number=None):
    """A complete probe out of parameters: defaults that depend on other options filled in, nonsense refused with ProbeError."""
    item = {option: params.get(option) for option in item_spec()}
    label = item['name'] or (f'probe {number}' if number else 'the probe')
    if item['listen']:
        return _normalise_listener(item, label)
    if item['tap']:
        return _normalise_tap(item, label)
    for option in ('user', 'mac'):
        if item[option] is not None:
            raise ProbeError(f'{label}: {option} needs tap: the device at whose other side it is')
    if item['protocol'] == 'can':
        return _normalise_can(item, label)
    for option in ('frame', 'to_netns'):
        if item[option] is not None:
            raise ProbeError(f'{label}: {option} needs protocol can')
    if not item['to']:
        raise ProbeError(f"{label}: 'to' is missing: the address to reach")
    item['address'], dummy, zone = item['to'].partition('%')
    item['family'] = family_of(item['address'])
    if item['family'] is None:
        raise ProbeError(f"{label}: to '{item['to']}' is not an IPv4 or IPv6 address")
    if zone:
        if item['dev'] and item['dev'] != zone:
            raise ProbeError(f"{label}: to '{item['to']}' and dev '{item['dev']}' name different interfaces")
        item['dev'] = zone
    if item['src'] and family_of(item['src']) != item['family']:
        raise ProbeError(f"{label}: src '{item['src']}' is not an address of the same family as to '{item['to']}'")
    if item['seen_as'] and not family_of(item['seen_as']):
        raise ProbeError(f"{label}: seen_as '{item['seen_as']}' is not an IPv4 or IPv6 address")
    resolve(item['netns'])
    check_dev(label, item['dev'])
    if item['protocol'] != 'icmp' and item['port'] is None:
        raise ProbeError(f"{label}: protocol {item['protocol']} needs a port")
    if item['seen_as'] and item['protocol'] == 'icmp':
        raise ProbeError(f'{label}: seen_as needs protocol tcp or udp and a responder (listen: true) at the other end')
    if item['seen_as'] and item['expect'] == 'unreachable':
        raise ProbeError(f'{label}: seen_as and expect: unreachable contradict each other')
    _range(item, label, 'port', 1, 65535)
    _range(item, label, 'size', 0, 65507)
    _range(item, label, 'ttl', 1, 255)
    _normalise_rate(item, label)
    return _normalise_time(item, label)


def _normalise_time(item, label):
    """How many packets, how often, and how long to wait."""
    _range(item, label, 'count', 1, 65535)
    if not item['rate']:
        _range(item, label, 'interval', 0.001, 3600)
    _range(item, label, 'timeout', 0.01, 86400)
    _range(item, label, 'max_loss', 0, 65535)
    _range(item, label, 'max_gap', 0, 1e9)
    for option in ('max_loss', 'max_gap'):
        if item[option] is not None and item['count'] is None:
            raise ProbeError(f'{label}: {option} needs count: the number of packets to send')
        if item[option] is not None and item['expect'] == 'unreachable':
            raise ProbeError(f'{label}: {option} and expect: unreachable contradict each other')
    if item['count']:
        sending = (item['count'] - 1) * item['interval']
        if item['timeout'] is None:
            item['timeout'] = sending + (LAST_WAIT if item['expect'] == 'reachable' else TIMEOUT['unreachable'])
        elif item['timeout'] <= sending:
            raise ProbeError(f"{label}: sending {item['count']} packets every {item['interval']:g} s takes {sending:g} s,"
                             f" more than the timeout of {item['timeout']:g} s")
    elif item['timeout'] is None:
        item['timeout'] = TIMEOUT[item['expect']]
    if item['expect'] == 'unreachable' and not item['count']:
        item['interval'] = min(item['interval'], item['timeout'] / 4)  # one lost packet must not pass for isolation
    return item


def _normalise_listener(item, label):
    if item['protocol'] not in ('tcp', 'udp') or item['port'] is None:
        raise ProbeError(f'{label}: listen needs protocol tcp or udp and a port')
    if item['to']:
        raise ProbeError(f"{label}: listen and 'to' exclude each other: give 'src' to listen on one address only")
    if item['src'] and family_of(item['src']) is None:
        raise ProbeError(f"{label}: src '{item['src']}' is not an IPv4 or IPv6 address")
    resolve(item['netns'])
    check_dev(label, item['dev'])
    if item['timeout'] is None:
        item['timeout'] = LISTEN_TIMEOUT
    _range(item, label, 'port', 1, 65535)
    _range(item, label, 'count', 1, 65535)
    _range(item, label, 'timeout', 0.01, 86400)
    return item


def items_of(config, inherited=None):
    """The probes of a list, each inheriting the values of the top level (given without a list: the one probe of the top level)."""
    base = {option: row.get('default') for option, row in item_spec().items()}
    if inherited:
        base.update({option: inherited[option] for option in base})
    if config is None:
        return [normalise(base)]
    items = []
    for number, own in enumerate(config, 1):
        merged = {option: base[option] if own.get(option) is None else own[option] for option in base}
        if merged['listen'] or own.get('tap'):  # where the probes beside it go to and come from is not its business
            merged.update(to=own.get('to'), src=own.get('src'), dev=own.get('dev'), to_netns=None, frame=None)
        if own.get('tap') and not own.get('to'):  # nor how they are sent
            merged.update(count=own.get('count'), timeout=own.get('timeout'), expect=own.get('expect') or 'reachable')
        items.append(normalise(merged, number))
    return items
