# Copyright: (c) 2026, linuxnet.vnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables through libnftables (libnftables(3)), in this process."""

from __future__ import annotations

import errno
import os
import socket

from ansible_collections.linuxnet.vnet.plugins.module_utils._errors import KernelError, MissingAbility

LIBRARY = 'libnftables.so.1'
_NETLINK_NETFILTER = 12
_HANDLE, _JSON, _NUMERIC_PROTO = 1 << 3, 1 << 4, 1 << 7  # NFT_CTX_OUTPUT_* of nftables/libnftables.h
_NO_NFTABLES = 'this kernel has no nftables ({}): load the module nf_tables, or install the package with the modules of this kernel'


def run(commands: str, as_json: bool = False) -> str:
    """Run nft commands, one a line, as one transaction in the current network namespace; returns what nft prints.

    as_json: as `nft -j -a -p`. KernelError carries nft's own sentence.
    """
    # libnftables ends the whole process when it gets no socket.
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER).close()
    except OSError as exc:
        raise MissingAbility(_NO_NFTABLES.format(exc.strerror)) from exc
    library, pointer = _library()
    context = pointer(library.nft_ctx_new(0))
    try:
        library.nft_ctx_buffer_output(context)
        library.nft_ctx_buffer_error(context)
        if as_json:
            library.nft_ctx_output_set_flags(context, _JSON | _HANDLE | _NUMERIC_PROTO)
        failed = library.nft_run_cmd_from_buffer(context, commands.encode())
        if failed:
            raise refusal(library.nft_ctx_get_error_buffer(context).decode(errors='replace'))
        return library.nft_ctx_get_output_buffer(context).decode()
    finally:
        library.nft_ctx_free(context)


def there() -> bool:
    """Whether libnftables can be loaded. Whether the kernel has nftables is another matter, and asking makes it load its modules."""
    try:
        _library()
    except MissingAbility:
        return False
    return True


def refusal(text: str):
    """The error that nft's words stand for: 'Error: Could not process rule: File exists\\nadd ...\\n^^^'."""
    line = next((line for line in text.splitlines() if 'Error: ' in line), text.strip() or 'nft gave no reason')
    words = line.rpartition('Error: ')[2]
    reason = words.partition(';')[0].rpartition(': ')[2]
    code = next((code for code in errno.errorcode if os.strerror(code) == reason), errno.EINVAL)
    if code == errno.EPERM:
        return MissingAbility('nftables needs root (CAP_NET_ADMIN): use become')
    if 'cache initialization failed' in words:
        return MissingAbility(_NO_NFTABLES.format(reason))
    return KernelError(code, words)


_loaded: list = []


def _library():
    """(library, void pointer type), loaded at the first call."""
    if not _loaded:
        import ctypes  # only the tasks that need it pay for it

        try:
            library = ctypes.CDLL(LIBRARY)
        except OSError as exc:
            raise MissingAbility(f'this host has no {LIBRARY}: install libnftables1 (Debian, Ubuntu) or nftables (others)') from exc
        library.nft_ctx_new.restype = ctypes.c_void_p
        for name in ('nft_ctx_get_output_buffer', 'nft_ctx_get_error_buffer'):
            getattr(library, name).restype = ctypes.c_char_p
        _loaded.append((library, ctypes.c_void_p))
    return _loaded[0]
