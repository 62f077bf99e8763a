"""Labels: the truth about earlier predictions, one or many."""

from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from services.serving.api.bodies import ClientGoneError, decode_json, read_body
from services.serving.domain.errors import InvalidLabelsError
from services.serving.metrics import ServingMetrics
from services.serving.operations import LabelItem, Serving
from understudy.contracts.refusals import FieldError, Refusal, json_pointer
from understudy.contracts.serving import LabelRequest, LabelResult, LabelResults, LabelStatus
from understudy.runtime.keys import presented_key

_LABELS: Final = TypeAdapter(list[LabelRequest])
_MOST_ERRORS: Final = 100
_LABEL_WORDS: Final = "must be a class (text, number, true or false) or a number"
_CLIENT_GONE: Final = 499
"""Nobody reads it; nginx's number, for those who count answers."""


class Labels:
    """`POST /v1/deployments/{deployment}/labels`."""

    def __init__(self, serving: Serving, metrics: ServingMetrics, body_limit: int) -> None:
        self._serving = serving
        self._metrics = metrics
        self._body_limit = body_limit

    async def __call__(self, request: Request) -> Response:
        """202 with a result for each label."""
        try:
            return await self._take(request)
        except ClientGoneError:
            return Response(status_code=_CLIENT_GONE)
        except Refusal as refusal:
            self._metrics.refused(refusal.code)
            raise

    async def _take(self, request: Request) -> Response:
        deployment = request.path_params["deployment"]
        key = presented_key(request.headers)
        self._serving.check_may_label(deployment, key=key)
        body = await read_body(request.scope, request.receive, self._body_limit)
        requests = _requests(decode_json(body))
        items = [_item(label) for label in requests]
        results = await self._serving.label(deployment, items, key=key)
        return Response(
            _results(requests, results).model_dump_json(exclude_none=True),
            202,
            media_type="application/json",
        )


def _requests(decoded: object) -> list[LabelRequest]:
    single = not isinstance(decoded, list)
    try:
        return _LABELS.validate_python([decoded] if single else decoded)
    except ValidationError as invalid:
        raise InvalidLabelsError(
            'A label is {"prediction_id": …, "label": …, "observed_at"?: …, "source"?: …}; '
            "send one, or a list.",
            *_field_errors(invalid, single=single),
        ) from invalid


def _field_errors(invalid: ValidationError, *, single: bool) -> list[FieldError]:
    """One for each member: pydantic has one for each type that a label may have."""
    found: dict[str, str] = {}
    for error in invalid.errors()[:_MOST_ERRORS]:
        index, *member = error["loc"][:2]
        words = _LABEL_WORDS if member == ["label"] and len(error["loc"]) > 2 else error["msg"]
        found.setdefault(json_pointer(*([] if single else [index]), *member), words)
    return [FieldError(pointer, words) for pointer, words in found.items()]


def _item(label: LabelRequest) -> LabelItem:
    observed = None if label.observed_at is None else label.observed_at.timestamp()
    return LabelItem(label.prediction_id, label.label, observed, label.source)


def _results(requests: Sequence[LabelRequest], problems: Sequence[str | None]) -> LabelResults:
    return LabelResults(
        results=tuple(
            LabelResult(
                prediction_id=label.prediction_id,
                status=LabelStatus.REFUSED if why else LabelStatus.ACCEPTED,
                message=why,
            )
            for label, why in zip(requests, problems, strict=True)
        )
    )
