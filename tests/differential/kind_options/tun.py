# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of tun."""

from __future__ import annotations

from differential.cases import Case, on

CASES = {
    'type': Case('tun', 'mode tun'),
    'user': Case(1000, 'user 1000'),
    'group': Case(1001, 'group 1001'),
    'pi': on('pi'),
    'vnet_hdr': on('vnet_hdr'),
    'multi_queue': on('multi_queue'),
}

ADD = 'tuntap add dev {name}'
WITHOUT_MAC = {'type'}


def OWN(option, place):
    return {'type': 'tap'}, '' if option == 'type' else 'mode tap'
