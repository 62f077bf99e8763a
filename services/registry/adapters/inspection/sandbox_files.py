"""Which files a sandboxed process may touch, by Landlock: what is not named can't be opened.

Source: https://docs.kernel.org/userspace-api/landlock.html. Works without privileges since Linux
5.13; later interfaces add truncating (3), TCP (4), devices (5), abstract sockets and signals (6).
"""

import ctypes
import os
import stat
import struct
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""The same numbers on every machine."""
_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_TRUNCATE: Final = 1 << 14
_WITHIN: Final = (
    *(_READ_FILE, _READ_DIR, _WRITE_FILE, _TRUNCATE),
    *(_MAKE_FILE, _REMOVE_FILE, _MAKE_DIR, _REMOVE_DIR),
)
_RIGHTS: Final = {1: (1 << 13) - 1, 2: 1 << 13, 3: _TRUNCATE, 5: 1 << 15}
"""On files, by the interface that knows them first."""
_NETWORK: Final = {4: 0b11}
"""To bind and to connect by TCP."""
_SCOPES: Final = {6: 0b11}
"""Abstract sockets, and signals to whoever is outside."""


def interface(libc: ctypes.CDLL) -> int:
    """Which interface the kernel has; 0 for none."""
    return max(int(libc.syscall(CREATE_RULESET, None, 0, _VERSION)), 0)


def restrict_files(
    libc: ctypes.CDLL,
    readable: Collection[Path],
    writable: Collection[Path],
    *,
    listable: Collection[Path] = (),
    folders: Collection[Path] = (),
) -> None:
    """Let this thread, and all that it starts, read and write there and nowhere else.

    `writable` are files that exist; files can be made and removed within `folders` alone. Of what
    is `listable`, names can be read. Raises OSError.
    """
    known = interface(libc)
    rights = _up_to(_RIGHTS, known)
    attributes = struct.pack("<3Q", rights, _up_to(_NETWORK, known), _up_to(_SCOPES, known))
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = _called(libc, CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    try:
        for path in readable:
            _allow(libc, ruleset, path, _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(libc, ruleset, path, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & rights)
        for path in listable:
            _allow(libc, ruleset, path, _READ_DIR)
        for path in folders:
            _allow(libc, ruleset, path, sum(_WITHIN) & rights)
        _called(libc, RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _up_to(table: dict[int, int], known: int) -> int:
    return sum(bits for version, bits in table.items() if version <= known)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    """What is not there needs no leave."""
    with suppress(FileNotFoundError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(place).st_mode):
                rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE
            if not rights:
                return
            rule = struct.pack("<Qi", rights, place)
            _called(libc, ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        finally:
            os.close(place)


def _called(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    result = int(libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
