"""`mlflow-artifacts/artifacts`: versions' files to read, and files that wait for a registration."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.registry.api.edge import Registrar, Verbs, needs
from services.registry.api.mlflow.answers import Answer
from services.registry.api.mlflow.errors import REFUSED
from services.registry.domain.sources import kept_place
from services.registry.operations import Operations
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller

PREFIX: Final = "/api/2.0/mlflow-artifacts/artifacts"
STREAMED: Final = PREFIX + "/"
"""Bodies below it are not read as a whole; staging has their limit."""

router = APIRouter(prefix=PREFIX, responses=REFUSED)

Looking = Annotated[Caller, needs(Scope.READ, Scope.REGISTER)]
"""At versions' files by the one, at one's own by the other."""
PathOf = Annotated[str, Path(max_length=1_000)]


@router.get("")
def look(
    caller: Looking, verbs: Verbs, path: Annotated[str, Query(max_length=1_000)] = ""
) -> Answer:
    """What is in a folder, one level of it."""
    place = kept_place(path)
    if place is None:
        below = len(path.strip("/")) + 1 if path.strip("/") else 0
        held = verbs.mlflow.staging.files(caller, path)
        return {"files": _level((file.path[below:], file.size_bytes) for file in held)}
    model, number, name = place
    if name:
        return {"files": []}
    found = verbs.mlflow.files.files(caller.wanting(Scope.READ), model, number)
    return {"files": _level((file.name, file.size_bytes) for file in found)}


@router.put("/{path:path}")
async def put(caller: Registrar, verbs: Verbs, path: PathOf, request: Request) -> Answer:
    """Keep a file until it is registered, or swept."""
    await verbs.mlflow.staging.put(caller, path, request.stream())
    return {}


@router.get("/{path:path}", response_class=StreamingResponse)
async def get(caller: Looking, verbs: Verbs, path: PathOf) -> Response:
    """The bytes of a file."""
    size, chunks = await run_in_threadpool(_found, caller, verbs, path)
    headers = {
        "Content-Length": str(size),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(chunks, headers=headers, media_type="application/octet-stream")


@router.delete("/{path:path}")
def delete(caller: Registrar, verbs: Verbs, path: PathOf) -> Answer:
    """Delete files that wait."""
    verbs.mlflow.staging.remove(caller, path)
    return {}


def _found(caller: Caller, verbs: Operations, path: str) -> tuple[int, Iterator[bytes]]:
    place = kept_place(path)
    if place is None:
        staged = verbs.mlflow.staging.find(caller, path)
        return staged.size_bytes, verbs.mlflow.staging.read(caller, staged)
    found = verbs.mlflow.files.find(caller.wanting(Scope.READ), *place)
    return found.size_bytes, verbs.mlflow.files.read(found)


def _level(files: Iterable[tuple[str, int]]) -> list[Answer]:
    """Files, and folders once each."""
    found: dict[str, Answer] = {}
    for path, size in files:
        name, deeper, _ = path.partition("/")
        if deeper:
            found[name] = {"path": name, "is_dir": True}
        else:
            found[name] = {"path": name, "is_dir": False, "file_size": size}
    return list(found.values())
