"""Asks a Prometheus which alerts of a deployment fire."""

import json
from typing import Any, Final

import httpx

from services.monitor.domain.errors import WitnessSilentError

_SECONDS: Final = 3.0


class PrometheusWitness:
    """Implements `ports.AlertWitness`."""

    def __init__(self, url: str, seconds: float = _SECONDS) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/query"
        self._http = httpx.AsyncClient(timeout=seconds)

    async def aclose(self) -> None:
        """Give its connections back."""
        await self._http.aclose()

    async def firing(self, deployment: str) -> frozenset[tuple[str, str]]:
        """One instant query, by a deadline."""
        asked = f'ALERTS{{alertstate="firing",deployment={json.dumps(deployment)}}}'
        try:
            answer = await self._http.get(self._url, params={"query": asked})
            found: Any = answer.raise_for_status().json()["data"]["result"]
            labels = [one["metric"] for one in found]
            return frozenset((each["alertname"], each.get("version", "")) for each in labels)
        except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise WitnessSilentError(type(error).__name__) from error
