# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of MACsec for machines that share a secret.

Each machine sends under keys of its own. A key is made of the secret, of who sends, and of a random number that is drawn when the key is needed first; this
number is the first half of the key's name (``key_id``), which the kernel keeps and shows to everybody. So nothing has to be kept elsewhere, and a device that
is made again, after a reboot say, has other keys: packet numbers never begin again under an old one. The second half of the name
shows which secret the key was made of.
"""
from __future__ import annotations

import hashlib
import hmac
import secrets

LABEL = b"linuxnet.vnet macsec "
KEY_BYTES = {"gcm-aes-128": 16, "gcm-aes-256": 32}
ASSOCIATIONS = 4
LEAST = 16  # characters of a secret
STEPS = ("build", "add", "use", "drop")
OPTIONS = ("cipher", "encrypt", "protect", "validate", "replay", "window")


def derived(secret: str, what: str, *parts: str) -> bytes:
    return hmac.new(secret.encode(), LABEL + "\0".join((what, *parts)).encode(), hashlib.sha256).digest()


def sci_of(host: str, item: dict) -> str:
    """The identifier of a machine as a sender: a locally administered address made of its name, so that nobody has to be asked for it."""
    return item.get("sci") or "02" + hashlib.sha256(LABEL + f"{host}\0{item['name']}".encode()).hexdigest()[:10] + "0001"


def key_name(secret: str, nonce: str) -> str:
    return nonce + derived(secret, "name", nonce).hex()[:16]


def key(secret: str, sci: str, name: str, cipher: str) -> str:
    return derived(secret, "key", sci, name[:16]).hex()[:2 * KEY_BYTES[cipher]]


def check(host: str, item: dict) -> None:
    """:raises ValueError: a link that cannot be made as it is written."""
    label = f"{host}: macsec_links[{item['name']}]"
    if len(item.get("secret") or "") < LEAST:
        raise ValueError(f"{label}: secret must have at least {LEAST} characters; all machines of the link share it, so keep it in a vault.")
    if item.get("cipher", "gcm-aes-128") not in KEY_BYTES:
        raise ValueError(f"{label}: cipher {item['cipher']!r} is not one of {', '.join(KEY_BYTES)}.")


def seen(host: str, items: list[dict], found: list[dict]) -> dict:
    """What a machine tells the others: ``{link: {sci, encodingsa, tx: {an: key_id}, rx: {sci: {an: key_id}}}}`` of its links, and of their live devices.

    Associations under another secret are not among ``tx``: the machine will not use them again.
    """
    live = {row["name"]: row for row in found if not row.get("netns")}
    result = {}
    for item in items:
        check(host, item)
        row = live.get(item["name"]) or {}
        names = {str(sa["an"]): sa["key_id"] for sa in row.get("tx_sa") or []}
        channels = {channel["sci"]: {str(sa["an"]): sa["key_id"] for sa in channel.get("sa") or []} for channel in row.get("rx_channels") or []}
        result[item["name"]] = {
            "sci": sci_of(host, item), "exists": bool(row), "encodingsa": row.get("encodingsa") or 0, "rx": channels, "tx": names,
            "ours": sorted(an for an, name in names.items() if name == key_name(item["secret"], name[:16])),
        }
    return result


def channels(told: dict[str, dict], step: str) -> dict:
    """What each machine is to send with, ``{link: {host: {sci, encodingsa, tx: {an: nonce or key_id}}}}``, after one step of:

    build: as it is, and a key where there is none; add: one more; use: send with the newest; drop: forget the others.
    """
    if step not in STEPS:
        raise ValueError(f"macsec_step {step!r} is not one of {', '.join(STEPS)}.")
    result: dict = {}
    for host, links in told.items():
        for name, link in links.items():
            result.setdefault(name, {})[host] = {"sci": link["sci"]} | _step(link, step)
    for name, hosts in result.items():
        senders: dict = {}
        for host, link in hosts.items():
            if link["sci"] in senders:
                raise ValueError(f"macsec_links[{name}]: {host} and {senders[link['sci']]} have the same sci {link['sci']}; give one of them another.")
            senders[link["sci"]] = host
    return result


def _step(link: dict, step: str) -> dict:
    now, sending = dict(link["tx"]), link["encodingsa"]
    good = [an for an in now if an in link["ours"]]
    following = str((sending + 1) % ASSOCIATIONS)
    if not now:
        return {"encodingsa": 0, "tx": {"0": secrets.token_hex(8)}}
    if step == "add" and following not in good or step == "build" and not good:
        # the number after the one in use: what is sent meanwhile goes on
        now = {an: name for an, name in now.items() if an != following} | {following: secrets.token_hex(8)}
        return {"encodingsa": int(following) if step == "build" else sending, "tx": now}
    if step == "use" and following in good:
        return {"encodingsa": int(following), "tx": now}
    if step == "drop" and str(sending) in now:
        return {"encodingsa": sending, "tx": {str(sending): now[str(sending)]}}
    return {"encodingsa": sending, "tx": now}


def document(host: str, items: list[dict], plan: dict, own: dict, members: list[str]) -> dict:
    """The document of one machine: its devices with the keys that it sends by, and those of the others that it receives.

    :param members: all machines of the links; those of them that are not in the plan (of a run with --limit) are received as before.
    """
    links, addresses = [], []
    for item in items:
        name, secret, cipher = item["name"], item["secret"], item.get("cipher", "gcm-aes-128")
        told = own[name]
        peers = {link["sci"]: link["tx"] for peer, link in plan[name].items() if peer != host}
        mine = plan[name][host]
        silent = {sci_of(member, {"name": name}) for member in members if member not in plan[name]}
        old = {sci: names for sci, names in told["rx"].items() if sci in silent}
        options = {option: item[option] for option in OPTIONS if item.get(option) is not None}
        options |= {
            "sci": mine["sci"], "encrypt": item.get("encrypt", True), "encodingsa": mine["encodingsa"],
            "tx_sa": [_association(secret, mine["sci"], an, text, cipher, told["tx"]) for an, text in sorted(mine["tx"].items())],
            "rx_channels": [{"sci": sci, "sa": [_association(secret, sci, an, text, cipher, told["rx"].get(sci, {})) for an, text in sorted(names.items())]}
                            for sci, names in sorted((peers | old).items())],
        }
        if not any(link["name"] == item["link"] for link in links):  # several links may share a NIC
            links += [{"name": item["link"], "up": True}]
        links += [{"name": name, "kind": "macsec", "link": item["link"], "up": True} | ({"mtu": item["mtu"]} if item.get("mtu") else {}) | {"macsec": options}]
        addresses += [{"dev": name, "address": address} for address in item.get("addresses") or []]
    return {"links": links, "addresses": addresses}


def _association(secret: str, sci: str, an: str, text: str, cipher: str, live: dict) -> dict:
    """``text`` is a nonce, or the name of a key made of it; a live association whose key cannot be made (of an older secret) is left as it is."""
    name = key_name(secret, text[:16])
    if live.get(an) == text != name:
        return {"an": int(an), "key_id": text}
    return {"an": int(an), "key_id": name, "key": key(secret, sci, name, cipher)}
