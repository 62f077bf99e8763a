"""A process that reads a pickle, before it reads it: alone, poor, and unable to do harm.

Of the machine it sees the interpreter, its libraries and the one file; it writes one file; it has
no network, starts nothing, signals nobody, and is given no secrets. All of that is the kernel's
doing and can't be undone by code that runs in here. Where a kernel can't do it, nothing is read.
"""

import ctypes
import os
import resource
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.registry.adapters.inspection.sandbox_calls import filters_calls, restrict_calls
from services.registry.adapters.inspection.sandbox_files import interface, restrict_files

_SET_DUMPABLE, _DROP_BOUNDING, _NO_NEW_PRIVILEGES, _AMBIENT = 4, 24, 38, 47
_CLEAR_ALL: Final = 4
_CAPABILITIES: Final = 0x20080522
_LAST_CAPABILITY: Final = 63
_STANDARD_FILES, _MOST_FILES = 3, 256
_SYSTEM: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_SINGLE: Final = ("/etc/ld.so.cache", "/proc/self/maps", "/usr/share/zoneinfo")
"""Its own map of memory is how threadpoolctl finds libraries."""


class NoSandboxError(Exception):
    """Nothing here could keep foreign code from doing harm. The message says what is missing."""


def require_sandbox() -> None:
    """Raises NoSandboxError where this kernel can't keep foreign code from doing harm."""
    libc = _libc()
    if not sys.platform.startswith("linux") or not interface(libc):
        raise NoSandboxError(
            "the kernel has no Landlock (Linux 5.13, and 'landlock' among its LSMs)"
        )
    if not filters_calls(libc):
        raise NoSandboxError("the kernel does not filter system calls (seccomp) on this machine")


def limit(*, memory_bytes: int, cpu_seconds: int, file_bytes: int) -> None:
    """Bound what the process takes; it can't raise the bounds again."""
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, _MOST_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def shut_in(readable: Path, writable: Path) -> None:
    """First: it reads the one file and the libraries, and writes the other, for good.

    While it has one thread: what it starts later is shut in with it. Raises NoSandboxError.
    """
    require_sandbox()
    if len([*Path("/proc/self/task").iterdir()]) != 1:
        raise NoSandboxError("there are threads already, which would stay outside")
    os.closerange(_STANDARD_FILES, _MOST_FILES)
    libc = _libc()
    with _refusing():
        forbid_privileges(libc)
        _drop_capabilities(libc)
        restrict_files(libc, [*libraries(), readable], [writable])


def disarm() -> None:
    """Then, once libraries are loaded: all of its threads may compute, and do nothing else.

    Raises NoSandboxError, and then nothing foreign may be read.
    """
    libc = _libc()
    with _refusing():
        _prctl(libc, _SET_DUMPABLE, 0)
        restrict_calls(libc)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoSandboxError(f"the sandbox could not be made ({error})") from error


def libraries() -> Iterator[Path]:
    """The interpreter's and the system's, and no folder that holds anything else.

    Folders of `sys.path` are not among them: one may be where the registry keeps its secrets.
    """
    homes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    named = {f"{home}/lib" for home in homes}
    named |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return map(Path, sorted({*named, *_SYSTEM, *_SINGLE}))


def forbid_privileges(libc: ctypes.CDLL) -> None:
    """What is started gets no more rights than this process has. Raises OSError."""
    _prctl(libc, _NO_NEW_PRIVILEGES, 1)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Who is root outside is nobody special in here."""
    for number in range(_LAST_CAPABILITY + 1):
        libc.prctl(_DROP_BOUNDING, number, 0, 0, 0)  # fails for who may not, and has none
    libc.prctl(_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    none = (ctypes.c_uint32 * 6)()
    if libc.capset(ctypes.byref(header), ctypes.byref(none)) != 0:
        raise OSError(ctypes.get_errno(), "capabilities could not be dropped")


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} failed")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
