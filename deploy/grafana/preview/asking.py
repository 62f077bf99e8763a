"""Prometheus, asked over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One server. Every call raises ValueError with Prometheus' words when it refuses."""

    url: str

    def query(self, promql: str, at: float) -> list[dict[str, Any]]:
        """An instant vector."""
        return list(self._ask("query", {"query": promql, "time": str(at)})["result"])

    def query_range(
        self, promql: str, start: float, end: float, step: float
    ) -> list[dict[str, Any]]:
        """A matrix."""
        asked = {"query": promql, "start": str(start), "end": str(end), "step": str(step)}
        return list(self._ask("query_range", asked)["result"])

    def label_values(self, label: str, matcher: str) -> list[str]:
        """Values of a label in the series that match."""
        url = f"{self.url}/api/v1/label/{label}/values"
        answer = httpx.get(url, params={"match[]": matcher}, timeout=30)
        return list(_data(answer, matcher))

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing ones."""
        answer = httpx.get(f"{self.url}/api/v1/alerts", timeout=30)
        return list(_data(answer, "alerts")["alerts"])

    def _ask(self, what: str, asked: Mapping[str, str]) -> Any:
        answer = httpx.post(f"{self.url}/api/v1/{what}", data=dict(asked), timeout=60)
        return _data(answer, asked["query"])


def _data(answer: httpx.Response, asked: str) -> Any:
    body = answer.json()
    if body["status"] != "success":
        raise ValueError(f"{asked}: {body['error']}")
    return body["data"]
