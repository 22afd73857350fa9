# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the options of macsec."""

from __future__ import annotations

from differential.cases import Case, on

CASES = {
    'sci': Case('0200000000070007', 'sci 0200000000070007'),
    'port': Case(7, 'port 7'),
    'cipher': Case('gcm-aes-xpn-256', 'cipher gcm-aes-xpn-256'),
    'icvlen': Case(12, 'icvlen 12'),
    'encrypt': on('encrypt on'),
    'protect': Case(False, 'protect off'),
    'send_sci': Case(False, 'send_sci off'),
    'end_station': on('end_station on'),
    'scb': on('scb on'),
    'replay': on('replay on window 7', along={'window': 7}),
    'window': Case(7, 'replay on window 7'),
    'validate': Case('check', 'validate check'),
    'encodingsa': Case(2, 'encodingsa 2'),
}

#: Devices that work are needed to let them work for others: netdevsim has it since Linux 6.7, and test_macsec.py.
LACKING = {'offload': ('no device that offloads', 'phy', (15, b'\1'))}
ELSEWHERE = {'tx_sa': 'test_macsec.py', 'rx_channels': 'test_macsec.py'}


def OWN(option, place):
    return ({'replay': True, 'window': 3}, '') if option == 'window' else ({}, '')
