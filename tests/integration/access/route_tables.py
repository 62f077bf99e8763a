"""What an application answers, read off its own tables: `python -m … serving` prints JSON lines.

The application is built as its process builds it, from the same environment, and walked: routers,
mounts, what stands behind them, and what middleware wraps.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute

Found = tuple[str, list[str]]
"""A path as a template, and its methods; none where an application takes whatever comes."""
_OURS: Final = ("services.", "understudy.", "starlette.", "fastapi.", "bentoml", "_bentoml")


def walk(app: Any, prefix: str = "", seen: set[int] | None = None) -> Iterator[Found]:
    """Every route that can be reached from an ASGI application."""
    seen = set() if seen is None else seen
    if id(app) in seen:
        return
    seen.add(id(app))
    if isinstance(app, BaseRoute):
        yield from _of_route(app, prefix, seen)
        return
    for route in getattr(app, "routes", None) or ():
        yield from walk(route, prefix, seen)
    for inner in _inner(app):
        yield from walk(inner, prefix, seen)


def _of_route(route: BaseRoute, prefix: str, seen: set[int]) -> Iterator[Found]:
    match route:
        case Mount():
            if not route.routes:
                yield f"{prefix}{route.path}/{{path}}", []
            yield from walk(route.app, prefix + route.path, seen)
        case Host():
            yield from walk(route.app, prefix, seen)
        case WebSocketRoute():
            yield prefix + route.path, ["WEBSOCKET"]
        case Route():
            yield prefix + route.path, sorted(route.methods or ())
        case _ if hasattr(route, "path"):
            yield prefix + route.path, sorted(getattr(route, "methods", None) or ())
        case _:  # a router that was included as it is
            yield from (found for inner in _inner(route) for found in walk(inner, prefix, seen))


def _inner(app: Any) -> Iterator[Any]:
    """Applications within: what a middleware wraps, what a router falls back to."""
    slots = [name for kind in type(app).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in [*getattr(app, "__dict__", {}), *slots]:
        value = getattr(app, name, None)
        if isinstance(value, Router) or (callable(value) and _is_ours(value)):
            yield value
    for cell in getattr(app, "__closure__", None) or ():
        if callable(cell.cell_contents) and _is_ours(cell.cell_contents):
            yield cell.cell_contents
    if (bound := getattr(app, "__self__", None)) is not None and _is_ours(bound):
        yield bound


def _is_ours(value: Any) -> bool:
    kind = value if hasattr(value, "__module__") else type(value)
    module = getattr(kind, "__module__", None) or ""
    return not isinstance(value, type) and module.startswith(_OURS)


def serving() -> Any:
    from services.serving.bento import Understudy  # noqa: PLC0415

    service: Any = Understudy
    return service.to_asgi()


def challenger() -> Any:
    from services.serving.app.challenger import ChallengerProcess  # noqa: PLC0415
    from services.serving.settings import ChallengerSettings  # noqa: PLC0415

    return ChallengerProcess(ChallengerSettings()).app()


def registry() -> Any:
    from services.registry.app import build  # noqa: PLC0415
    from services.registry.settings import RegistrySettings  # noqa: PLC0415

    return build(RegistrySettings()).asgi


def monitor() -> Any:
    from services.monitor.app import create_app  # noqa: PLC0415
    from services.monitor.settings import MonitorSettings  # noqa: PLC0415

    return create_app(MonitorSettings())


BUILT: Final = {
    "serving": serving,
    "challenger": challenger,
    "registry": registry,
    "monitor": monitor,
}

if __name__ == "__main__":
    for path, methods in walk(BUILT[sys.argv[1]]()):
        sys.stdout.write(json.dumps(["route", path, methods]) + "\n")
