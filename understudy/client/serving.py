"""Serving: predictions, and what is told of them later."""

import json
from collections.abc import Mapping, Sequence

import httpx
from pydantic import TypeAdapter

from understudy.client.connection import Connection, Params, segment
from understudy.contracts.elsewhere import ToldPrediction, ToldResults
from understudy.contracts.serving import (
    LabelCorrection,
    LabelRequest,
    LabelResult,
    LabelResults,
    Prediction,
    Predictions,
    ProtectedRequest,
    ProtectedResults,
)
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Label

Row = Mapping[str, object]
"""Values by feature name: numbers, strings, booleans, None; numpy's numbers too."""

Groups = Mapping[str, Label]
"""Protected attributes of whom one prediction concerns, such as `{"sex": "f"}`."""

_LABELS = TypeAdapter(Sequence[LabelRequest])
_PROTECTED = TypeAdapter(Sequence[ProtectedRequest])
_TOLD = TypeAdapter(Sequence[ToldPrediction])


class ServingClient(Connection):
    """Serving, with an application's key; without one for public deployments."""

    service = "serving"
    setting = "--serving-url or UNDERSTUDY_SERVING_URL"

    def predict(
        self,
        deployment: str,
        row: Row,
        prediction_id: str | None = None,
        protected: Groups | None = None,
        *,
        confidence: bool = False,
    ) -> Prediction:
        """The main version's answer to one row.

        `prediction_id` names the prediction for a later label; serving makes one otherwise, and
        refuses one that is malformed. `protected` says of whom it concerns; no model sees it, and
        the prediction goes by `prediction_id.0` then, as a batch of one. With `confidence` the
        answer says how sure it is, or warns that this can't be told.
        """
        if protected is not None:
            given = [protected]
            return self.predict_many(
                deployment, [row], prediction_id, given, confidence=confidence
            )[0]
        params = _params(prediction_id, confidence=confidence)
        return self.read(self._predict(deployment, row, params), Prediction)

    def predict_many(
        self,
        deployment: str,
        rows: Sequence[Row],
        prediction_id: str | None = None,
        protected: Sequence[Groups] | None = None,
        *,
        confidence: bool = False,
    ) -> tuple[Prediction, ...]:
        """The main version's answers, in the order of the rows.

        With a `prediction_id` they go by `prediction_id.0`, `prediction_id.1` and so on.
        `protected` has attributes for each row, or an empty mapping.
        """
        body: dict[str, object] = {"rows": [dict(row) for row in rows]}
        if protected is not None:
            body["protected"] = [dict(groups) for groups in protected]
        params = _params(prediction_id, confidence=confidence)
        return self.read(self._predict(deployment, body, params), Predictions).predictions

    def label(self, deployment: str, labels: Sequence[LabelRequest]) -> LabelResults:
        """Tell what came true; each label is accepted or refused by itself."""
        content = _LABELS.dump_json(labels, exclude_none=True)
        path = f"/v1/deployments/{segment(deployment)}/labels"
        return self.read(self._send_bytes(path, content), LabelResults)

    def correct(
        self, deployment: str, prediction_id: str, correction: LabelCorrection
    ) -> LabelResult:
        """Tell what really came true, instead of an earlier label."""
        content = correction.model_dump_json(exclude_none=True).encode()
        path = f"/v1/deployments/{segment(deployment)}/labels/{segment(prediction_id)}"
        return self.read(self._send_bytes(path, content, method="PUT"), LabelResult)

    def protect(self, deployment: str, told: Sequence[ProtectedRequest]) -> ProtectedResults:
        """Tell protected attributes of whom predictions concern; no model ever sees them."""
        path = f"/v1/deployments/{segment(deployment)}/protected"
        return self.read(self._send_bytes(path, _PROTECTED.dump_json(told)), ProtectedResults)

    def log_predictions(self, deployment: str, told: Sequence[ToldPrediction]) -> ToldResults:
        """Tell predictions that were made elsewhere; each is accepted or refused by itself."""
        # A prediction of None is said: it means that the version failed.
        content = _TOLD.dump_json(told, exclude_unset=True)
        path = f"/v1/deployments/{segment(deployment)}/predictions"
        return self.read(self._send_bytes(path, content), ToldResults)

    def signature(self, deployment: str) -> Signature:
        """What the deployment takes and what it answers."""
        return self.get(f"/v1/deployments/{segment(deployment)}/signature", Signature)

    def describe(self, deployment: str) -> Mapping[str, object]:
        """How the deployment is asked, in every dialect, as an OpenAPI document."""
        path = f"/v1/deployments/{segment(deployment)}/openapi.json"
        return self.get(path, dict[str, object])

    def _predict(self, deployment: str, body: Row, params: Params | None) -> httpx.Response:
        content = json.dumps(body, default=_plain).encode()
        path = f"/v1/deployments/{segment(deployment)}/predict"
        return self._send_bytes(path, content, params)

    def _send_bytes(
        self, path: str, content: bytes, params: Params | None = None, *, method: str = "POST"
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return self.ask(method, path, content=content, headers=headers, params=params)


def _params(prediction_id: str | None, *, confidence: bool) -> Params | None:
    if prediction_id == "":
        raise ValueError("prediction_id is empty; leave it out and serving makes one")
    # Not as X-Request-ID: that may be anything, so a malformed one is dropped, not refused.
    named = {} if prediction_id is None else {"prediction_id": prediction_id}
    return (named | ({"confidence": "true"} if confidence else {})) or None


def _plain(value: object) -> object:
    """What JSON does not know: other mappings, and the numbers of numpy and pandas."""
    if isinstance(value, Mapping):
        return dict(value)
    if callable(item := getattr(value, "item", None)):
        return item()
    raise TypeError(f"{type(value).__name__} has no place in JSON: {value!r}")
