"""What child processes that work on foreign files are given of our environment."""

import os
import sys
from typing import Final

_KEPT: Final = frozenset({"HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR"})
"""The parent's environment holds keys and passwords; the child gets no more of it than this."""
_ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def child_environment(**own: str) -> dict[str, str]:
    """The little that is passed on, and what the child is told besides."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    # The child finds what the parent finds, wherever it was started.
    path = os.pathsep.join(filter(None, sys.path))
    return {**kept, **_ONE_THREAD, "PYTHONPATH": path, **own}
