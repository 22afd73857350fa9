# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of wireguard: ip knows none of them."""

from __future__ import annotations

CASES: dict = {}
ELSEWHERE = dict.fromkeys(('private_key', 'listen_port', 'fwmark', 'peers'), 'test_wireguard.py')
