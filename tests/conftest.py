# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as `ansible_collections.linuxnet.vnet`, however pytest is called."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / '.build' / 'collections'
LINK = COLLECTIONS / 'ansible_collections' / 'linuxnet' / 'vnet'

if not LINK.is_symlink():
    LINK.parent.mkdir(parents=True, exist_ok=True)
    LINK.symlink_to('../../../..')
sys.path.insert(0, str(COLLECTIONS))
# The children of a test find it too.
os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [os.environ.get('PYTHONPATH'), str(COLLECTIONS)]))


def pytest_report_header():
    versions = ', '.join(f'{name} {metadata.version(name)}' for name in ('pyroute2', 'ansible-core'))
    return f'linuxnet.vnet: {versions}, kernel {platform.release()}'
