"""What a child that loads models may touch of the machine: its files and libraries, by Landlock.

No model is to read files, and what is known to is refused (`understudy.inference.harmless`). This
is for what nobody thought of: no other file can be opened, the registry's own environment
(`/proc/<its number>/environ`) among them, none can be written but within one folder, nothing can
be started, and no TCP connection be made (Linux 6.7).

Unlike the sandbox for pickles it leaves system calls alone, and where a kernel has no Landlock the
child works without it.
"""

import ctypes
import os
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from services.registry.adapters.inspection.sandbox import forbid_privileges, libraries
from services.registry.adapters.inspection.sandbox_files import interface, restrict_files

_OURS: Final = ("services", "understudy")
_MACHINE: Final = (
    *("/dev/null", "/dev/urandom", "/dev/random", "/etc/localtime", "/etc/timezone"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"),
    *("/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu", "/sys/devices/system/node"),
    *("/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage", "/usr/share/zoneinfo"),
)
"""What libraries look up about the machine: how many processors, how much memory, which zone."""
_CACHES: Final = ("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "TMPDIR", "XDG_CACHE_HOME")


def can_confine() -> bool:
    """Whether this kernel can: Linux 5.13, with 'landlock' among its LSMs."""
    return sys.platform.startswith("linux") and interface(ctypes.CDLL(None, use_errno=True)) > 0


def confine(
    readable: Iterable[str | None], folder: Path | None, trusted: Collection[str] = ()
) -> bool:
    """For good: this thread and those it starts read these files, and write within the folder.

    The installation's own modules that trusted types belong to are imported before, with whatever
    they import. False where the kernel can't; raises
    OSError where it should and did not.
    """
    if folder is not None:
        _cache_in(folder)
    if not can_confine():
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    places = [*libraries(), *map(Path, _MACHINE), *_places(_OURS)]
    places += _imported(trusted, places)
    files = [Path(name) for name in readable if name is not None]
    forbid_privileges(libc)
    restrict_files(
        libc,
        [*places, *files],
        [Path("/dev/null")],
        listable=[Path(name) for name in sys.path if name],
        folders=[] if folder is None else [folder],
    )
    return True


def _cache_in(folder: Path) -> None:
    for name in _CACHES:
        os.environ[name] = str(folder)
    tempfile.tempdir = str(folder)


def _imported(trusted: Iterable[str], known: Collection[Path]) -> list[Path]:
    """Where packages are that are none of the libraries."""
    found = list[Path]()
    for module in sorted({name.rpartition(".")[0] for name in trusted}):
        places = [*_places([module.partition(".")[0]])]
        if any(not _beneath(place, known) for place in places):
            found += places
            with suppress(Exception):  # whoever needs it is told why it can't be imported
                import_module(module)
    return found


def _beneath(place: Path, known: Iterable[Path]) -> bool:
    return any(place.is_relative_to(one) for one in known)


def _places(packages: Iterable[str]) -> Iterator[Path]:
    """Their own folders or files, not what lies beside them. Imports nothing."""
    for name in packages:
        with suppress(ImportError, ValueError):
            spec = find_spec(name)
            if spec is not None:
                yield from map(Path, spec.submodule_search_locations or ())
            if spec is not None and spec.has_location and spec.origin is not None:
                yield Path(spec.origin)
