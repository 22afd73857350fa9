# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies a document of vnet_state to this machine, as the module does, without Ansible. Says what it did by name, never a key."""

from __future__ import annotations

import json
import sys

from ansible_collections.linuxnet.vnet.plugins.module_utils._engine import ending
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.apply import left_behind
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.desired import from_document
from ansible_collections.linuxnet.vnet.plugins.module_utils._engine.run import run
from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import VnetError
from ansible_collections.linuxnet.vnet.plugins.module_utils._resources.index import RESOURCES


def main(path: str) -> int:
    ending.listen()
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        # at boot nobody is connected whom the plan could cut off
        result = run(from_document(RESOURCES, document), RESOURCES, allow_disconnect=True)
    except (OSError, ValueError) as exc:
        print(f"{path}: {exc}", file=sys.stderr)
        return 1
    except VnetError as exc:
        print(f"{path}: {exc.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as exc:
        print(f"{path}: interrupted by {exc}{left_behind(getattr(exc, 'troubles', []))}", file=sys.stderr)
        return 1
    for warning in result["warnings"]:
        print(warning, file=sys.stderr)
    for operation in result["operations"]:
        print(f"{operation['action']} {operation['resource']} {operation['name']}" + (f" in {operation['netns']}" if operation.get("netns") else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
