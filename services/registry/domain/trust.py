"""Which types artifacts may hold beyond what skops trusts: asked for, then decided by a person.

To trust a name is to let whoever writes a file call what it names, with arguments of their choice
(skops builds objects by calling them). So what reads, writes, runs or imports can't be trusted at
all, whoever asks: everything of the standard library but a few kinds of plain values, everything
that loads pickles, and all functions but those of numpy, scipy and scikit-learn that calculate.
"""

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.registry.domain.artifact_refusals import TypeNeverTrustedError
from services.registry.domain.errors import NothingChangesError
from understudy.contracts.refusals import FieldError
from understudy.contracts.vocabulary import TrustState

MOST_OPEN: Final = 500
"""Types that nobody has decided about yet."""
LONGEST_NAME: Final = 300

_NAME: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)
_PLAIN: Final = frozenset(
    {
        *("collections.Counter", "collections.OrderedDict", "collections.defaultdict"),
        *("collections.deque", "decimal.Decimal", "fractions.Fraction", "uuid.UUID"),
        *("datetime.date", "datetime.datetime", "datetime.time"),
        *("datetime.timedelta", "datetime.timezone", "zoneinfo.ZoneInfo"),
    }
)
"""Of the standard library: values that do nothing."""
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
        *("services", "understudy", "_pytest", "pytest"),
    }
)
"""Packages that load pickles, run code, or reach files and the network; and our own."""
_CALCULATING: Final = (
    "numpy",
    "numpy._core",
    "numpy.core",
    "numpy.linalg",
    "scipy.linalg",
    "scipy.spatial.distance",
    "scipy.special",
    "scipy.stats",
    "sklearn.feature_extraction.text",
    "sklearn.feature_selection",
    "sklearn.metrics",
    "sklearn.preprocessing",
)
"""Where functions may be trusted, and in private modules below."""
_NUMPY_KINDS: Final = frozenset({"numpy.dtype", "numpy.ndarray"})
"""Classes that are written like functions."""
_NEVER_LAST: Final = frozenset(
    {
        *("DataSource", "ExcelFile", "ExcelWriter", "HDFStore", "LowLevelCallable", "Parallel"),
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
    if name in _PLAIN or name in _NUMPY_KINDS:
        return None
    parts = name.split(".")
    return _place(parts) or (None if _looks_like_a_class(parts[-1]) else _function(parts))


def require_decidable(name: str) -> None:
    """Raises TypeNeverTrustedError."""
    why = never(name)
    if why is not None:
        detail = f"'{name[:LONGEST_NAME]}' can't be trusted by anybody: {why}."
        raise TypeNeverTrustedError(detail, FieldError("/type", detail))


def effective(configured: Collection[str], decided: Mapping[str, TrustState]) -> tuple[str, ...]:
    """What may be loaded: what the settings or an administrator trust, and nobody has denied.

    The settings may name functions of the installation's own packages, and nothing more than that
    beyond what may be decided: who sets them runs the installation.
    """
    trusted = {name for name, state in decided.items() if state is TrustState.TRUSTED}
    own = [name for name in configured if name in _PLAIN or _place(name.split(".")) is None]
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


def _place(parts: list[str]) -> str | None:
    if parts[0] in _STANDARD:
        return f"who names something of Python's own module '{parts[0]}' may run code"
    if parts[0] in _LOADERS:
        return f"'{parts[0]}' loads pickles, runs code, or reaches files and the network"
    if parts[-1] in _NEVER_LAST or _NEVER_WITHIN & {*parts[1:]}:
        return "what it names reads, writes, calls or starts something"
    return None


def _looks_like_a_class(last: str) -> bool:
    """By the convention that everybody keeps to (PEP 8): nothing is imported to find out."""
    return last.lstrip("_")[:1].isupper()


def _function(parts: list[str]) -> str | None:
    place = ".".join(parts[:-1])
    below = any(place == home or place.startswith(f"{home}._") for home in _CALCULATING)
    if below and not any(_looks_like_a_class(part) for part in parts):
        return None
    return "it is a function or a method, and files could have it called with anything"
