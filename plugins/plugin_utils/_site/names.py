# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interface names that follow from other names."""
from __future__ import annotations

import hashlib

LONGEST = 15  # bytes: IFNAMSIZ less the closing zero


def interface_name(prefix: str, name: str, suffix: str = "") -> str:
    """``prefix + name + suffix``, the name shortened with four hexadecimal digits of a hash where the kernel would not take it.

    The same name gives the same result on every machine and in every run.
    """
    full = prefix + name + suffix
    if len(full.encode()) <= LONGEST:
        return full
    digest = hashlib.sha256(name.encode()).hexdigest()[:4]
    room = LONGEST - len(prefix) - len(digest) - len(suffix) - 1
    return f"{prefix}{name.encode()[:room].decode(errors='ignore')}-{digest}{suffix}"


def vxlan_device(segment: str) -> str:
    return interface_name("vx-", segment)


def namespace_port(namespace: str, interface: str) -> str:
    """The machine's end of the pair whose other end is ``interface`` in ``namespace``."""
    return interface_name("ns-", namespace if interface == "eth0" else f"{namespace}-{interface}")


def port(item: dict) -> str:
    """The other end of the pair of an item of attachment_namespaces."""
    return item.get("port") or namespace_port(item["name"], item["interface"])


def vlan_link(item: dict) -> str:
    """The link of an item of vlan_links."""
    return item.get("name") or vlan_interface(item["link"], item["id"])


def vlan_interface(bridge: str, vid: int) -> str:
    """The VLAN device on a link, such as the one on a bridge that carries the machine's own address in that VLAN."""
    return interface_name("", bridge, f".{vid}")
