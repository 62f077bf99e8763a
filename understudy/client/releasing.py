"""Changing a deployment's release from within a service. Asynchronous."""

import asyncio

import httpx
from pydantic import ValidationError

from understudy.client.connection import segment
from understudy.client.errors import UnexpectedAnswerError, UnreachableError, failure_of
from understudy.contracts.registry import ReleaseRequest, ReleaseView

_SERVICE = "the registry"
_SETTING = "UNDERSTUDY_REGISTRY_URL"


class RegistryReleasing:
    """The registry's ordinary road to another release, with a key of the scope `release`."""

    def __init__(self, url: str, key: str, *, deadline_seconds: float = 10.0) -> None:
        self._url = url
        self._deadline_seconds = deadline_seconds
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            timeout=deadline_seconds,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def release(self, deployment: str, change: ReleaseRequest) -> int:
        """`POST /v1/deployments/{deployment}/releases`; the number of the release that was made.

        Never tried again: a change whose answer was lost may have been made. With
        `expected_release` the next try is a conflict then. Raises ProblemError (its `conflict`
        says that somebody was faster), UnreachableError or UnexpectedAnswerError.
        """
        answer = await self._asked(deployment, change.model_dump_json(exclude_none=True))
        if not answer.is_success:
            raise failure_of(answer, _SERVICE, _SETTING)
        try:
            return ReleaseView.model_validate_json(answer.content, extra="ignore").release
        except ValidationError as error:
            what = f"{error.error_count()} members of ReleaseView do not fit"
            raise UnexpectedAnswerError(_SERVICE, str(answer.url), _SETTING, what) from error

    async def _asked(self, deployment: str, body: str) -> httpx.Response:
        path = f"/v1/deployments/{segment(deployment)}/releases"
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._http.post(path, content=body)
        except TimeoutError as error:
            late = TimeoutError(f"no answer within {self._deadline_seconds:g} s")
            raise UnreachableError(_SERVICE, self._url, _SETTING, late) from error
        except httpx.TransportError as error:
            raise UnreachableError(_SERVICE, self._url, _SETTING, error) from error
