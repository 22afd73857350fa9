# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options that IP tunnels share. Each tunnel has a remote of its own: two alike would be refused."""

from __future__ import annotations

from differential.cases import Case, on

#: what User Mode Linux lacks: CONFIG_NET_FOU_IP_TUNNELS
FOU = {'kernel': ('6.12', 'fou', 'fou6')}


def own(family: int, more: dict | None = None, words: str = '', without: tuple = ()):
    """OWN of a kind over this IP version; `more` and its words for what the driver insists on, which options `without` have to do without."""

    def options(option, place):
        remote = f'198.51.100.{place + 1}' if family == 4 else f'2001:db8::{place + 1:x}'
        if option in without:
            return {'remote': remote}, f'remote {remote}'
        return {'remote': remote, **(more or {})}, f'remote {remote} {words}'

    return options


def endpoints(family: int) -> dict:
    remote, local = ('203.0.113.7', '192.0.2.7') if family == 4 else ('2001:db8:7::7', '2001:db8:8::8')
    return {
        'remote': Case(remote, f'remote {remote}'),
        'local': Case(local, f'local {local}'),
        'dev': Case('BELOW', 'dev BELOW'),
    }


IPV4 = {
    **endpoints(4),
    'ttl': Case(77, 'ttl 77'),
    'tos': Case('inherit', 'tos inherit'),
    'pmtudisc': Case(False, 'nopmtudisc'),
    'fwmark': Case(77, 'fwmark 77'),
}
IPV6 = {
    **endpoints(6),
    'hoplimit': Case(77, 'hoplimit 77'),
    'encaplimit': Case('none', 'encaplimit none'),
    'tclass': Case(0x28, 'tclass 28'),
    'flowlabel': Case('inherit', 'flowlabel inherit'),
    'dscp': Case('inherit', 'dscp inherit'),
    'allow_localremote': on('allow-localremote'),
    'fwmark': Case('inherit', 'fwmark inherit'),
}
KEYS = {
    'key': Case('0.0.1.7', 'key 0.0.1.7'),
    'ikey': Case(7, 'ikey 7'),
    'okey': Case(8, 'okey 8'),
}
SEQ = {'seq': on('seq'), 'iseq': on('iseq'), 'oseq': on('oseq')}
CSUM = {'csum': on('csum'), 'icsum': on('icsum'), 'ocsum': on('ocsum')}
EXTERNAL = {'external': on('external')}
GRE = {**KEYS, **SEQ, **CSUM, **EXTERNAL}
GUE = {'encap': 'gue', 'encap_dport': 7777}, 'encap gue encap-dport 7777'


def encap(csum6: bool) -> dict:
    return {
        'encap': Case('fou', 'encap fou encap-dport 7777', along={'encap_dport': 7777}, **FOU),
        'encap_sport': Case(7777, 'encap-sport 7777', *GUE, **FOU),
        'encap_dport': Case(7778, 'encap-dport 7778', *GUE, **FOU),
        'encap_csum': on('encap-csum', *GUE, **FOU),
        'encap_udp6_csum': Case(not csum6, 'noencap-udp6-csum' if csum6 else 'encap-udp6-csum', *GUE, **FOU),
        'encap_remcsum': on('encap-remcsum', *GUE, **FOU),
    }


#: what an ERSPAN driver insists on, and its own options
SESSION = {'seq': True, 'key': 5}, 'seq key 5'
VERSION2 = {'erspan_ver': 2}, 'erspan_ver 2'
ERSPAN = {
    'erspan_ver': Case(2, 'erspan_ver 2'),
    'erspan': Case(77, 'erspan 77'),
    'erspan_dir': Case('egress', 'erspan_dir egress', *VERSION2),
    'erspan_hwid': Case(7, 'erspan_hwid 7', *VERSION2),
}


def session(family: int):
    """Tunnels of ERSPAN have sequence numbers and keys, but for one way of each."""
    usual = own(family, *SESSION)

    def options(option, place):
        remote, words = own(family)(option, place)
        return {
            'seq': ({**remote, 'oseq': True, 'key': 5}, f'{words} oseq key 5'),
            'iseq': ({**remote, 'oseq': True, 'key': 5}, f'{words} oseq key 5'),
            'oseq': ({**remote, 'iseq': True, 'key': 5}, f'{words} iseq key 5'),
        }.get(option) or usual(option, place)

    return options
