"""Files by the SHA-256 of their bytes. Uploads and downloads are streamed."""

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.registry.api.edge import Fetcher, PathDigest, Registrar, Verbs
from understudy.contracts.registry import ArtifactView
from understudy.runtime.describing import gives

router = APIRouter(prefix="/v1/artifacts/{sha256}")


@router.put("", status_code=201)
async def upload(
    caller: Registrar, verbs: Verbs, sha256: PathDigest, request: Request
) -> ArtifactView:
    """Store the body if it is what the path says."""
    size = await verbs.files.upload(caller, sha256, request.stream())
    return ArtifactView(digest=sha256, size_bytes=size)


@router.get("", response_class=Response, responses=gives("application/octet-stream", "The bytes."))
async def download(caller: Fetcher, verbs: Verbs, sha256: PathDigest) -> Response:
    """The bytes."""
    size = await run_in_threadpool(verbs.files.size, caller, sha256)
    return StreamingResponse(verbs.files.read(sha256), headers=_headers(sha256, size))


@router.head("", response_class=Response)
def look(caller: Fetcher, verbs: Verbs, sha256: PathDigest) -> Response:
    """Whether it is there, and how large."""
    return Response(headers=_headers(sha256, verbs.files.size(caller, sha256)))


def _headers(digest: str, size: int) -> dict[str, str]:
    return {
        "Content-Length": str(size),
        "Content-Type": "application/octet-stream",
        "ETag": f'"{digest}"',
        "Cache-Control": "private, immutable",
    }
