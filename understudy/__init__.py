"""What is shared: contracts, client, runtime, launcher and command line. Knows no service.

`understudy.register` makes a version of a fitted scikit-learn estimator; it needs the extra
`science`, which is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understudy.importing.registering import register

__all__ = ["register"]


def __getattr__(name: str) -> Any:
    if name != "register":
        raise AttributeError(f"module 'understudy' has no attribute '{name}'")
    try:
        from understudy.importing.registering import register  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ImportError(
            f"understudy.register needs {error.name}: pip install 'understudy[science]'"
        ) from error
    return register
