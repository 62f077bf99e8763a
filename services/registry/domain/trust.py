"""Which types artifacts may hold beyond what skops trusts: asked for, then decided by a person.

To trust a name is to let whoever writes a file call what it names, with arguments of their choice
(skops builds objects by calling them). So a person may trust
what `trust_rules` lists, classes of known packages that compute with numbers, and nothing else.
Who runs the installation may name more by the settings, of packages of its own.
"""

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.registry.domain.artifact_refusals import TypeNeverTrustedError
from services.registry.domain.errors import NothingChangesError
from services.registry.domain.trust_rules import LISTED, admitted
from understudy.contracts.refusals import FieldError
from understudy.contracts.vocabulary import TrustState

MOST_OPEN: Final = 500
"""Types that nobody has decided about yet."""
LONGEST_NAME: Final = 300

_NAME: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_STANDARD: Final = frozenset(sys.stdlib_module_names) | {"__main__", "builtins", "nt", "posix"}
_LOADERS: Final = frozenset(
    {
        *("cffi", "cloudpickle", "cython", "dask", "dill", "distributed", "fsspec", "ipython"),
        *(
            "IPython",
            "joblib",
            "jsonpickle",
            "numba",
            "numexpr",
            "pip",
            "pkg_resources",
            "pyximport",
        ),
        *("requests", "httpx", "setuptools", "sh", "skops", "sqlalchemy", "torch", "yaml"),
        *("keras", "onnxruntime", "tensorflow", "tf_keras", "threadpoolctl"),
        *("services", "understudy", "_pytest", "pytest"),
    }
)
"""Packages that load pickles, run code, or reach files and the network; and our own."""
_NEVER_LAST: Final = frozenset(
    {
        *("DataSource", "ExcelFile", "ExcelWriter", "HDFStore", "LowLevelCallable", "Parallel"),
        *("Memory", "Unpickler"),
        *("Popen", "Process", "Thread", "__import__", "apply_along_axis", "apply_over_axes"),
        *("attrgetter", "bench", "call", "check_call", "check_output", "compile", "delayed"),
        *("eval", "exec", "f2py", "fork", "frombuffer", "fromfile", "fromfunction", "fromiter"),
        *("frompyfunc", "fromregex", "genfromtxt", "get_include", "getattr", "import_module"),
        *("info", "input", "itemgetter", "load", "load_library", "loads", "loadtxt", "lookfor"),
        *("memmap", "methodcaller", "open", "open_memmap", "partial", "piecewise", "popen"),
        *("read_pickle", "reduce", "run", "rundocs", "runstring", "save", "savetxt", "savez"),
        *("savez_compressed", "set_module", "setattr", "show_config", "source", "spawn"),
        *("system", "test", "tofile", "vectorize", "dump", "dumps", "loadmat", "savemat"),
    }
)
"""Names that mean the same wherever a module has imported them."""
_NEVER_WITHIN: Final = frozenset(
    {
        *("_testing", "testing", "tests", "datasets", "externals", "distutils", "ctypeslib"),
        *("f2py", "_joblib", "parallel", "io", "weave", "_npyio_impl", "npyio", "memmap"),
        *("__globals__", "__builtins__", "__init__", "__class__", "__dict__", "__subclasses__"),
    }
)
"""Parts of a name: what lies there reads files, fetches data or starts processes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A type that artifacts want to hold, and where it stands."""

    type: str
    state: TrustState
    asked_at: datetime
    asked_by: str
    model: str
    """Whose registration asked first; empty when an administrator decided unasked."""
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None


def never(name: str) -> str | None:
    """Why a type can't be trusted, whoever asks; None when a person may decide."""
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        return "it is no name of a type"
    if admitted(name):
        return None
    return _place(name.split(".")) or (
        "it is none of the classes and functions that are known to compute with numbers and do "
        "nothing else (who runs the installation may name its own packages' by the setting "
        "UNDERSTUDY_TRUSTED_TYPES)"
    )


def require_decidable(name: str) -> None:
    """Raises TypeNeverTrustedError."""
    why = never(name)
    if why is not None:
        detail = f"'{name[:LONGEST_NAME]}' can't be trusted by anybody: {why}."
        raise TypeNeverTrustedError(detail, FieldError("/type", detail))


def effective(configured: Collection[str], decided: Mapping[str, TrustState]) -> tuple[str, ...]:
    """What may be loaded: what the settings or an administrator trust, and nobody has denied.

    The settings may name what belongs to the installation's own packages, and nothing more than
    that beyond what may be decided: who sets them runs the installation.
    """
    trusted = {name for name, state in decided.items() if state is TrustState.TRUSTED}
    own = [name for name in configured if admitted(name) or _is_own(name)]
    decided_so = sorted(name for name in trusted - {*own} if never(name) is None)
    wanted = [*own, *decided_so]
    denied = {name for name, state in decided.items() if state is TrustState.DENIED}
    return tuple(name for name in wanted if name not in denied)


def decide(asked: Asked, state: TrustState, *, by: str, at: datetime, reason: str) -> Asked:
    """Trust it or deny it. Raises TypeNeverTrustedError or NothingChangesError."""
    if state is TrustState.TRUSTED:
        require_decidable(asked.type)
    if asked.state is state:
        raise NothingChangesError(
            f"'{asked.type}' is {state.value} already, since {asked.decided_by} decided so."
        )
    return replace(asked, state=state, decided_at=at, decided_by=by, reason=reason)


def _is_own(name: str) -> bool:
    parts = name.split(".")
    return parts[0] not in LISTED and _place(parts) is None


def _place(parts: list[str]) -> str | None:
    if parts[0] in _STANDARD:
        return f"who names something of Python's own module '{parts[0]}' may run code"
    if parts[0] in _LOADERS:
        return f"'{parts[0]}' loads pickles, runs code, or reaches files and the network"
    if parts[-1] in _NEVER_LAST or _NEVER_WITHIN & {*parts[1:]}:
        return "what it names reads, writes, calls or starts something"
    return None
