"""Serving: predictions, and the labels that come later."""

import json
from collections.abc import Mapping, Sequence

import httpx
from pydantic import TypeAdapter

from understudy.client.connection import Connection, segment
from understudy.contracts.serving import LabelRequest, LabelResults, Prediction, Predictions
from understudy.contracts.signature import Signature

Row = Mapping[str, object]
"""Values by feature name: numbers, strings, booleans, None; numpy's numbers too."""

_LABELS = TypeAdapter(Sequence[LabelRequest])


class ServingClient(Connection):
    """Serving, with an application's key; without one for public deployments."""

    service = "serving"
    setting = "--serving-url or UNDERSTUDY_SERVING_URL"

    def predict(self, deployment: str, row: Row, prediction_id: str | None = None) -> Prediction:
        """The main version's answer to one row.

        `prediction_id` names the prediction for a later label; serving makes one otherwise.
        """
        headers = {} if prediction_id is None else {"X-Request-ID": prediction_id}
        answer = self._send_json(f"/v1/deployments/{segment(deployment)}/predict", row, headers)
        return self.read(answer, Prediction)

    def predict_many(self, deployment: str, rows: Sequence[Row]) -> tuple[Prediction, ...]:
        """The main version's answers, in the order of the rows."""
        path = f"/v1/deployments/{segment(deployment)}/predict"
        answer = self._send_json(path, {"rows": [dict(row) for row in rows]})
        return self.read(answer, Predictions).predictions

    def label(self, deployment: str, labels: Sequence[LabelRequest]) -> LabelResults:
        """Tell what came true; each label is accepted or refused by itself."""
        content = _LABELS.dump_json(labels, exclude_none=True)
        path = f"/v1/deployments/{segment(deployment)}/labels"
        return self.read(self._send_bytes(path, content), LabelResults)

    def signature(self, deployment: str) -> Signature:
        """What the deployment takes and what it answers."""
        return self.get(f"/v1/deployments/{segment(deployment)}/signature", Signature)

    def _send_json(
        self, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self._send_bytes(path, json.dumps(body, default=_plain).encode(), headers)

    def _send_bytes(
        self, path: str, content: bytes, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = {"Content-Type": "application/json", **(headers or {})}
        return self.ask("POST", path, content=content, headers=sent)


def _plain(value: object) -> object:
    """What JSON does not know: other mappings, and the numbers of numpy and pandas."""
    if isinstance(value, Mapping):
        return dict(value)
    if callable(item := getattr(value, "item", None)):
        return item()
    raise TypeError(f"{type(value).__name__} has no place in JSON: {value!r}")
