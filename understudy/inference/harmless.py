"""What a loaded model may not hold, whatever types it is made of: settings that reach for files.

skops says which types a file may hold, not what their attributes say. In scikit-learn 1.9 what
opens files, or goes by names that are given, was looked for (`open(`, `load(`, `joblib`, `memory`,
`input=`, `import_module`, `eval(`) and is:

- `input` of CountVectorizer, TfidfVectorizer and HashingVectorizer: "filename" opens the file that
  a row names, "file" calls what a row holds. Anything but "content" is refused.
- `memory` of Pipeline, FeatureUnion, FeatureAgglomeration, AgglomerativeClustering and OPTICS: a
  folder of pickles, for fitting. It is taken away.
- both within the grids of searches (GridSearchCV and others), which set them on copies: refused.
- `sklearn.datasets`, `sklearn.externals`, `export_graphviz`: no estimators; skops trusts none.

`metric`, `kernel`, `scoring`, `loss` and the like are looked up in tables of scikit-learn's own;
what is called by an estimator (`func`, `tokenizer`, …) is loaded as a type that has to be trusted.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final

import numpy as np

from understudy.inference.errors import UnfitModelError

MOST_OBJECTS: Final = 50_000_000
"""More than that no model is looked through for."""

_ATOMS: Final = frozenset({str, bytes, int, float, complex, bool, type(None), np.ufunc})
_OUTSIDE: Final = (
    *(type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, FrameType),
    *(np.generic, np.dtype),
)
"""Belong to libraries, and lead to everything else; or lead nowhere."""
_READS_FILES: Final = frozenset({"filename", "file"})
_OBJECTS_AT_ONCE: Final = 10_000


def disarm(model: Any) -> None:
    """Take folders for caches away, and refuse what would open files.

    Raises UnfitModelError, which names the setting. Takes about a second for five million values in
    lists; arrays of numbers are not looked into.
    """
    for found in _parts(model):
        if isinstance(found, dict):
            _require_harmless_grid(found)
        own = getattr(found, "__dict__", None)
        if isinstance(own, dict):
            _require_content(found, own)
            if _caches(own.get("memory")):
                own["memory"] = None


def _parts(model: Any) -> Iterator[Any]:
    """Everything that hangs on it and could hold something, each once."""
    seen, waiting, passed = {id(model)}, [model], 0
    while waiting:
        part = waiting.pop()
        yield part
        for inner in _held(part):
            passed += 1
            if passed > MOST_OBJECTS:
                raise UnfitModelError(f"the model holds more than {MOST_OBJECTS} objects")
            if type(inner) in _ATOMS or id(inner) in seen or isinstance(inner, _OUTSIDE):
                continue
            seen.add(id(inner))
            waiting.append(inner)


def _held(part: Any) -> Iterable[Any]:
    """As the garbage collector sees it, which knows containers of all kinds but arrays."""
    if isinstance(part, np.ndarray):
        return _objects(part) if part.dtype.hasobject else ()
    return gc.get_referents(part)


def _objects(array: Any) -> Iterator[Any]:
    if array.dtype.names is not None:
        for name in array.dtype.names:
            yield from _held(array[name])
        return
    flat = array.reshape(-1)
    for first in range(0, flat.size, _OBJECTS_AT_ONCE):
        yield from flat[first : first + _OBJECTS_AT_ONCE].tolist()


def _require_content(found: Any, own: Mapping[str, Any]) -> None:
    if "input" not in own:
        return
    value = own["input"]
    reads = hasattr(type(found), "decode") or _reads_files(value)
    if reads and not (type(value) is str and value == "content"):
        raise UnfitModelError(
            f"it holds a {type(found).__name__} with input={str(value)[:40]!r}, which would read "
            "files that rows name; use input='content' and hand over the text itself"
        )


def _require_harmless_grid(grid: Mapping[Any, Any]) -> None:
    """Settings that are still to be set, by `set_params`."""
    for name, value in grid.items():
        last = name.rpartition("__")[2] if type(name) is str else ""
        if last == "input":
            harmful = any(map(_reads_files, _values(value)))
        elif last == "memory" and name != last:
            harmful = any(map(_caches, _values(value)))
        else:
            continue
        if harmful:
            raise UnfitModelError(
                f"it holds the setting '{name[:100]}', which would read or write files; save the "
                "model without it"
            )


def _values(value: Any) -> Iterable[Any]:
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype.kind in "OU" else ()
    return value if isinstance(value, list | tuple | set) else (value,)


def _reads_files(value: Any) -> bool:
    return isinstance(value, str) and value in _READS_FILES


def _caches(memory: Any) -> bool:
    """What scikit-learn takes for a place to cache in."""
    return isinstance(memory, str) or hasattr(memory, "cache")
