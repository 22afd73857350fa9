# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller computes for a mesh of N machines: the index once, then the document of each. `mesh.py N` prints it as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".build/collections"))
from ansible_collections.linuxnet.vnet.plugins.filter import site  # noqa: E402  # pylint: disable=wrong-import-position

SEGMENTS = 2


def machine(place: int) -> dict:
    """Variables of one machine: two segments, a namespace in each."""
    tail = f"{place >> 8}.{place & 255}"
    return {
        "inventory_hostname": f"node{place}", "underlay_address": f"10.0.{tail}/16", "bridge_bridges": [{"name": "br0", "vlan_filtering": True}],
        "vxlan_segments": [{"name": f"seg{number}", "vni": 100 + number, "vid": 100 + number, "bridge": "br0"} for number in range(SEGMENTS)],
        "attachment_namespaces": [{"name": f"t{number}", "segment": f"seg{number}", "addresses": [f"172.{16 + number}.{tail}/16"]}
                                  for number in range(SEGMENTS)],
    }


def main():
    n = int(sys.argv[1])
    hosts = {f"node{place}": machine(place) for place in range(1, n + 1)}
    began = time.perf_counter()
    mesh = site.site_mesh(hosts, list(hosts))
    assert not mesh["problems"], mesh["problems"]
    indexed = time.perf_counter()
    entries = 0
    for host in hosts:
        document = site.site_document(hosts, host, mesh=mesh)
        entries += sum(len(item.get("remotes", ())) or len(item.get("config", ())) for item in document["fdb"])
    done = time.perf_counter()
    assert entries == SEGMENTS * n * (n - 1), entries
    print(json.dumps({"machines": n, "index": indexed - began, "documents": done - indexed, "entries": entries, "seconds": done - began,
                      "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
