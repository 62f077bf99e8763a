"""The Open Inference Protocol over gRPC, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import numpy as np
import pytest
import structlog
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from services.registry.adapters.token_signing import TokenSigner, public_key
from services.registry.domain.tokens import Claims
from services.serving.api.grpc import health, inference, reflection
from services.serving.api.grpc.statuses import STATUS, told
from services.serving.api.grpc.wire import open_inference_pb2 as wire
from tests.fakes.grpc_service import REQUESTS, GrpcService
from tests.fakes.grpc_service import told as beside
from tests.fakes.serving import UNLUCKY_WIDTH, key_record
from understudy.contracts.limits import Limits
from understudy.contracts.refusals import Fault, FieldError, Refusal
from understudy.contracts.registry import KeyRecord, TokenKey
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.keys import KeyRing, make_key
from understudy.runtime.tokens import TokenVerifier

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("one_loop")]

OPEN = ("ServerLive", "ServerReady")
METHODS = [method.name for method in inference._SERVICE.methods]
CLOSED = [name for name in METHODS if name not in OPEN]
FLAT = [2.0, 1.0, 8.0, 1.0]
SHAPE = (2, 2)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
async def service() -> AsyncIterator[GrpcService]:
    service = GrpcService()
    await service.begin(*AccessLevel)
    yield service
    await service.end()


def question(
    model: str = "public",
    shape: tuple[int, ...] = SHAPE,
    datatype: str = "FP64",
    raw: bytes | None = None,
    **contents: Any,
) -> wire.ModelInferRequest:
    request = wire.ModelInferRequest(model_name=model)
    tensor = request.inputs.add(name="x", datatype=datatype, shape=shape)
    if raw is not None:
        request.raw_input_contents.append(raw)
    if contents:
        tensor.contents.CopyFrom(wire.InferTensorContents(**contents))
    return request


def flat(**members: Any) -> wire.ModelInferRequest:
    return question(fp64_contents=FLAT, **members)


async def infer(
    service: GrpcService, request: wire.ModelInferRequest, **also: Any
) -> wire.ModelInferResponse:
    return (await service.ask("ModelInfer", request, wire.ModelInferResponse, **also))[0]


async def refused(
    service: GrpcService, request: wire.ModelInferRequest | bytes, **also: Any
) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service.ask("ModelInfer", request, wire.ModelInferResponse, **also)
    error = caught.value
    return error.code(), str(error.details()), beside(error.trailing_metadata())


async def test_a_table_in_fields_is_answered_in_fields(service: GrpcService) -> None:
    answer = await infer(service, flat())
    assert (answer.model_name, answer.model_version) == ("public", "1")
    prediction, probabilities = answer.outputs
    assert [*prediction.contents.bytes_contents] == [b"setosa", b"virginica"]
    assert (prediction.name, prediction.datatype, [*prediction.shape]) == (
        "prediction",
        "BYTES",
        [2],
    )
    assert [*probabilities.contents.fp64_contents] == pytest.approx([0.8, 0.2, 0.2, 0.8])
    assert [*probabilities.shape] == [2, 2]
    assert not answer.raw_output_contents


async def test_a_raw_table_is_answered_raw(service: GrpcService) -> None:
    answer = await infer(service, question(raw=np.array(FLAT).tobytes()))
    assert answer.raw_output_contents[0] == b"\x06\0\0\0setosa\x09\0\0\0virginica"
    likely = np.frombuffer(answer.raw_output_contents[1])
    assert likely.tolist() == pytest.approx([0.8, 0.2, 0.2, 0.8])
    assert not any(output.HasField("contents") for output in answer.outputs)


@pytest.mark.parametrize(
    ("datatype", "field"),
    [
        ("INT8", "int_contents"),
        ("INT16", "int_contents"),
        ("INT32", "int_contents"),
        ("INT64", "int64_contents"),
        ("UINT8", "uint_contents"),
        ("UINT16", "uint_contents"),
        ("UINT32", "uint_contents"),
        ("UINT64", "uint64_contents"),
        ("FP32", "fp32_contents"),
        ("FP64", "fp64_contents"),
    ],
)
async def test_numbers_of_every_type_are_read(
    service: GrpcService, datatype: str, field: str
) -> None:
    values: Any = FLAT if datatype.startswith("FP") else [*map(int, FLAT)]
    answer = await infer(service, question(datatype=datatype, **{field: values}))
    assert [*answer.outputs[0].contents.bytes_contents] == [b"setosa", b"virginica"]


@pytest.mark.parametrize(("datatype", "kind"), [("FP16", "<f2"), ("FP32", "<f4"), ("INT8", "i1")])
async def test_raw_numbers_are_read_by_their_type(
    service: GrpcService, datatype: str, kind: str
) -> None:
    raw = np.array(FLAT).astype(kind).tobytes()
    answer = await infer(service, question(datatype=datatype, raw=raw))
    assert answer.raw_output_contents[0].endswith(b"virginica")


async def test_texts_of_numbers_are_read(service: GrpcService) -> None:
    texts = [str(value).encode() for value in FLAT]
    answer = await infer(service, question(datatype="BYTES", bytes_contents=texts))
    assert len(answer.outputs[0].contents.bytes_contents) == 2


async def test_outputs_are_those_that_are_asked_for(service: GrpcService) -> None:
    request = flat()
    request.outputs.add(name="probabilities")
    assert [output.name for output in (await infer(service, request)).outputs] == ["probabilities"]
    request.outputs.add(name="nothing")
    status, detail, _ = await refused(service, request)
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert "nothing" in detail


async def test_ids_name_predictions(service: GrpcService) -> None:
    request = flat()
    request.id = "mine"
    answer, told_beside = await service.ask(
        "ModelInfer", request, wire.ModelInferResponse, x_request_id="hello"
    )
    assert answer.id == "mine"
    assert told_beside == {"x-request-id": "hello", "x-model-version": "1"}
    assert [answered.ids for answered in service.dialects.log.answered] == [["mine.0", "mine.1"]]

    request.id = "not well-formed"
    answer = await infer(service, request)
    assert answer.id == "not well-formed"
    assert answer.parameters["prediction_id"].string_param

    one = question(shape=(1, 2), fp64_contents=FLAT[:2])
    answer, told_beside = await service.ask(
        "ModelInfer", one, wire.ModelInferResponse, x_request_id="hello"
    )
    assert answer.id == told_beside["x-prediction-id"] == "hello"


@pytest.mark.parametrize("method", CLOSED)
async def test_without_a_key_nothing_but_what_is_public_is_told(method: str) -> None:
    service = GrpcService()
    await service.begin(AccessLevel.PROJECT)
    # What names a model has the name in its first field; for infer that is the same.
    named = wire.ModelReadyRequest(name="project").SerializeToString()
    try:
        given: list[Any] = [{}, {"x_api_key": make_key().plaintext}, {"authorization": "Basic a"}]
        for headers in given:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await service.ask(method, named, wire.ServerLiveResponse, **headers)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert beside(caught.value.trailing_metadata())["code"] == "unauthenticated"
    finally:
        await service.end()


@pytest.mark.parametrize(
    "method", ["ModelReady", "ModelMetadata", "ModelInfer", "ModelConfig", "ModelStatistics"]
)
async def test_a_foreign_key_can_not_tell_forbidden_from_missing(
    service: GrpcService, method: str
) -> None:
    details = []
    for name in ("project", "missing"):
        named = wire.ModelReadyRequest(name=name).SerializeToString()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await service.ask(method, named, wire.ServerLiveResponse, key=service.dialects.foreign)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        details.append(str(caught.value.details()).replace(name, "it"))
    assert details[0] == details[1]


@pytest.mark.parametrize("header", ["authorization", "x_api_key"])
async def test_a_key_opens_what_is_not_public(service: GrpcService, header: str) -> None:
    key = service.dialects.key.plaintext
    given: Any = {header: f"Bearer {key}" if header == "authorization" else key}
    assert (await infer(service, flat(model="project"), **given)).model_name == "project"


async def test_a_token_opens_what_its_key_does_as_far_as_it_says(service: GrpcService) -> None:
    issuer, now, key = "https://registry.example", datetime.now(UTC), service.dialects.key
    public, signer = public_key("s" * 32, issuer), TokenSigner("s" * 32, issuer)
    verifier = TokenVerifier([TokenKey(kid=public.kid, x=public.x, issuer=public.issuer)])
    service.dialects.ring = KeyRing([key_record(key, Scope.PREDICT, Scope.READ)], verifier)

    def bearer(*scopes: Scope) -> str:
        claims = Claims(key.id, scopes, now, now + timedelta(hours=1), "t1")
        return f"Bearer {signer.sign(claims)}"

    request = flat(model="project")
    answer = await infer(service, request, authorization=bearer(Scope.PREDICT))
    assert answer.model_name == "project"
    status, *_ = await refused(service, request, authorization=bearer(Scope.READ))
    assert status is grpc.StatusCode.PERMISSION_DENIED
    tampered = bearer(Scope.PREDICT)[:-6] + "AAAAAA"
    status, *_ = await refused(service, request, authorization=tampered)
    assert status is grpc.StatusCode.UNAUTHENTICATED


async def test_a_limited_key_is_told_what_is_left_with_every_answer(service: GrpcService) -> None:
    key, limits = service.dialects.key, Limits(requests_per_second=0.01, burst=2)
    held = KeyRecord(id=key.id, digest=key.digest, scopes=(Scope.PREDICT,), limits=limits)
    service.dialects.ring = KeyRing([held])
    request = flat(model="project")
    _, first = await service.ask("ModelInfer", request, wire.ModelInferResponse, key=key)
    wide = question("project", fp64_contents=[11.0, 1.0, 1.0, 1.0])
    _, _, wrong = await refused(service, wide, key=key)
    status, _, last = await refused(service, request, key=key)
    assert (status, last["code"]) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "rate_limited")
    assert int(last["retry-after"]) > 60
    assert [told["ratelimit-policy"] for told in (first, wrong, last)] == [
        '"requests";q=2;w=200'
    ] * 3
    left = [told["ratelimit"].split(";")[1] for told in (first, wrong, last)]
    assert left == ["r=1", "r=0", "r=0"]


@pytest.mark.parametrize("method", OPEN)
async def test_probes_are_open(service: GrpcService, method: str) -> None:
    kind = getattr(wire, f"{method}Response")
    answer, _ = await service.ask(method, b"", kind)
    assert answer == kind(**{method.removeprefix("Server").lower(): True})


async def test_models_are_told_of(service: GrpcService) -> None:
    server, _ = await service.ask("ServerMetadata", b"", wire.ServerMetadataResponse)
    assert server.name == "understudy"
    named = wire.ModelMetadataRequest(name="public", version="1")
    model, _ = await service.ask("ModelMetadata", named, wire.ModelMetadataResponse)
    assert [(one.name, one.datatype, [*one.shape]) for one in model.inputs] == [
        ("length", "FP64", [-1]),
        ("width", "FP64", [-1]),
    ]
    assert [*model.versions] == ["1"]
    found, _ = await service.ask("ModelConfig", named, wire.ModelConfigResponse)
    assert [one.data_type for one in found.config.output] == [wire.TYPE_STRING, wire.TYPE_FP64]
    ready, _ = await service.ask("ModelReady", named, wire.ModelReadyResponse)
    assert ready.ready
    index, _ = await service.ask("RepositoryIndex", b"", wire.RepositoryIndexResponse)
    assert [(one.name, one.version, one.state) for one in index.models] == [
        ("public", "1", "READY")
    ]
    key = service.dialects.key
    index, _ = await service.ask("RepositoryIndex", b"", wire.RepositoryIndexResponse, key=key)
    assert [one.name for one in index.models] == ["instance", "project", "public"]


async def test_statistics_are_counted(service: GrpcService) -> None:
    await infer(service, flat())
    service.dialects.metrics.publish()
    found, _ = await service.ask(
        "ModelStatistics", wire.ModelStatisticsRequest(), wire.ModelStatisticsResponse
    )
    (model,) = found.model_stats
    assert (model.name, model.inference_count, model.execution_count) == ("public", 2, 1)
    assert model.inference_stats.success.count == 1
    labels = {"deployment": "public", "version": "1", "dialect": "oip_grpc", "outcome": "ok"}
    counted = service.dialects.numbers.get_sample_value("understudy_predictions_total", labels)
    assert counted == 2


@pytest.mark.parametrize("version", ["2", "one", "01", "²"])
@pytest.mark.parametrize("method", ["ModelReady", "ModelMetadata", "ModelInfer", "ModelConfig"])
async def test_an_unknown_version_is_not_found(
    service: GrpcService, method: str, version: str
) -> None:
    named = wire.ModelReadyRequest(name="public", version=version)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service.ask(method, named, wire.ServerLiveResponse)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert beside(caught.value.trailing_metadata())["code"] == "unknown_version"


def several(*names: str) -> wire.ModelInferRequest:
    request = wire.ModelInferRequest(model_name="public")
    for name in names:
        request.inputs.add(name=name, datatype="FP64", shape=[1]).contents.fp64_contents.append(1.0)
    return request


def both() -> wire.ModelInferRequest:
    request = flat()
    request.raw_input_contents.append(np.array(FLAT).tobytes())
    return request


WRONG: dict[str, wire.ModelInferRequest | bytes] = {
    "no message": b"\xff\xff\xff",
    "no inputs": wire.ModelInferRequest(model_name="public"),
    "too many inputs": several(*(f"x{index}" for index in range(100))),
    "missing": several("length"),
    "extra": several("length", "width", "depth"),
    "misnamed": several("length", "girth"),
    "twice": several("length", "length"),
    "wrong shape": flat(shape=(4, 1)),
    "no shape": flat(shape=()),
    "negative shape": flat(shape=(-2, 2)),
    "many dimensions": flat(shape=(1,) * 100),
    "huge": flat(shape=(2**40, 2)),
    "huge in bits": flat(shape=(2**62, 2**62)),
    "huge raw": question(shape=(2**40, 2), raw=b"\0" * 8),
    "huge texts": question(shape=(2**40, 2), datatype="BYTES", raw=b"\0" * 8),
    "no type": flat(datatype="FP63"),
    "other field": flat(datatype="INT64"),
    "no field for halves": flat(datatype="FP16"),
    "out of range": question(datatype="INT8", int_contents=[1, 2, 300, 4]),
    "truncated": question(raw=np.array(FLAT).tobytes()[:-1]),
    "beyond its texts": question(shape=(1, 2), datatype="BYTES", raw=b"\xff\0\0\0a"),
    "no UTF-8": question(shape=(1, 2), datatype="BYTES", bytes_contents=[b"\xff", b"1"]),
    "raw and fields": both(),
    "infinite": question(fp64_contents=[float("inf"), 1.0, 1.0, 1.0]),
    "missing value": question(fp64_contents=[float("nan"), 1.0, 1.0, 1.0]),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_said(service: GrpcService, case: str) -> None:
    sent = WRONG[case]
    status, detail, told_beside = await refused(service, sent)
    assert status is grpc.StatusCode.INVALID_ARGUMENT, detail
    assert detail
    assert "Traceback" not in detail
    assert told_beside["code"] in {
        "malformed_body",
        "malformed_tensors",
        "invalid_tensors",
        "invalid_rows",
    }


async def test_raw_contents_are_those_of_all_inputs(service: GrpcService) -> None:
    request = flat()
    request.raw_input_contents.extend([b"", b""])
    assert "2 entries for 1 inputs" in (await refused(service, request))[1]


async def test_more_rows_than_may_be_are_refused(service: GrpcService) -> None:
    status, _, told_beside = await refused(
        service, question(shape=(6, 2), fp64_contents=[1.0] * 12)
    )
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert told_beside["code"] == "too_many_rows"


async def test_a_message_beyond_the_limit_is_not_read(service: GrpcService) -> None:
    assert (await refused(service, b"\0" * 50_000))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("name", ["shared_memory_region", "classification"])
async def test_extensions_that_there_are_none_of_are_named(service: GrpcService, name: str) -> None:
    request = flat()
    request.outputs.add(name="prediction").parameters[name].int64_param = 1
    assert (await refused(service, request))[0] is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("method", ["ModelStreamInfer", "RepositoryModelLoad", "LogSettings"])
async def test_methods_that_there_are_none_of_say_so(service: GrpcService, method: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service.ask(method, b"\x0a\x01a", wire.RefusedResponse)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert beside(caught.value.trailing_metadata())["code"] == "unsupported"


async def test_a_failing_model_is_no_riddle(service: GrpcService) -> None:
    request = question(fp64_contents=[1.0, UNLUCKY_WIDTH, 1.0, 1.0])
    status, _, told_beside = await refused(service, request)
    assert (status, told_beside["code"]) == (grpc.StatusCode.INTERNAL, "scoring_failed")


async def test_what_nobody_foresaw_is_logged_and_not_told(
    service: GrpcService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(service.dialects.serving, "enter", broken)
    names: Any = {"x_request_id": "hello", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as logged:
        status, detail, told_beside = await refused(service, flat(), **names)
    assert (status, told_beside["code"]) == (grpc.StatusCode.INTERNAL, "internal")
    assert "secret" not in detail
    assert told_beside["x-request-id"] == "hello"
    lines = [(line["event"], line["request_id"], line["trace_id"]) for line in logged]
    assert lines == [("request_failed", "hello", TRACE)]
    assert refusals(service, "public", "internal", 500) == 1


def refusals(service: GrpcService, deployment: str, code: str, status: int) -> float | None:
    labels = {"deployment": deployment, "code": code, "status": str(status)}
    return service.dialects.numbers.get_sample_value("understudy_refusals_total", labels)


async def test_refusals_are_counted_once(service: GrpcService) -> None:
    await refused(service, flat(model="project"))
    await refused(service, flat(shape=(4, 1)))
    await refused(service, question(fp64_contents=[11.0, 1.0, 1.0, 1.0]))
    assert refusals(service, "project", "unauthenticated", 401) == 1
    assert refusals(service, "public", "invalid_tensors", 422) == 1
    assert refusals(service, "public", "invalid_rows", 422) == 1


async def until_under_way(service: GrpcService, calls: int) -> None:
    while service.admission.under_way != calls:  # noqa: ASYNC110 - nobody is told of it
        await asyncio.sleep(0.01)


async def test_too_much_at_once_is_refused_and_probes_are_not(service: GrpcService) -> None:
    slow = [service.streaming("ModelInfer") for _ in range(REQUESTS)]
    await until_under_way(service, REQUESTS)
    status, _, told_beside = await refused(service, flat())
    assert status is grpc.StatusCode.UNAVAILABLE
    assert (told_beside["code"], told_beside["retry-after"]) == ("overloaded", "1")
    live, _ = await service.ask("ServerLive", b"", wire.ServerLiveResponse)
    assert live.live
    assert await health_of(service) == health_pb2.HealthCheckResponse.SERVING
    for call in slow:
        call.cancel()
    await until_under_way(service, 0)
    assert (await infer(service, flat())).model_name == "public"


async def test_a_message_that_does_not_come_is_not_waited_for() -> None:
    service = GrpcService(body_seconds=0.1)
    await service.begin(AccessLevel.PUBLIC)
    call = service.streaming("ModelInfer")
    assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert beside(await call.trailing_metadata())["code"] == "slow_body"
    assert service.admission.under_way == 0
    await service.end()


async def test_a_call_without_a_message_is_malformed(service: GrpcService) -> None:
    call = service.streaming("ModelInfer")
    await call.done_writing()
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


async def health_of(service: GrpcService, name: str = "") -> int:
    asked = health_pb2.HealthCheckRequest(service=name)
    answer, _ = await service.ask(
        "Check", asked, health_pb2.HealthCheckResponse, service=health.SERVICE
    )
    return answer.status


@pytest.mark.parametrize("name", ["", inference.SERVICE])
async def test_health_follows_readiness(service: GrpcService, name: str) -> None:
    assert await health_of(service, name) == health_pb2.HealthCheckResponse.SERVING
    service.ready = False
    assert await health_of(service, name) == health_pb2.HealthCheckResponse.NOT_SERVING
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health_of(service, "nobody")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_whoever_watches_health_is_told_of_changes_and_of_the_end(
    service: GrpcService,
) -> None:
    call = service.streaming("Watch", service=health.SERVICE)
    await call.write(b"")
    statuses = []
    for ready in (True, False, True):
        service.ready = ready
        said: Any = await call.read()
        statuses.append(health_pb2.HealthCheckResponse.FromString(said).status)
    stopping = service.server.begin_to_stop(5.0)
    last: Any = await call.read()
    statuses.append(health_pb2.HealthCheckResponse.FromString(last).status)
    await stopping
    assert statuses == [1, 2, 1, 2]
    assert await call.code() is grpc.StatusCode.OK


async def test_one_peer_may_not_watch_without_bounds(service: GrpcService) -> None:
    calls = []
    for _ in range(16):
        calls.append(service.streaming("Watch", service=health.SERVICE))
        await calls[-1].write(b"")
        assert isinstance(await calls[-1].read(), bytes)
    beyond = service.streaming("Watch", service=health.SERVICE)
    assert await beyond.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for call in calls:
        call.cancel()
    for _ in range(200):
        again = service.streaming("Watch", service=health.SERVICE)
        with suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
            await again.write(b"")
            assert isinstance(await again.read(), bytes)
            return
        await asyncio.sleep(0.02)
    raise AssertionError("those that went away still count")


async def test_whoever_watches_is_let_go_after_a_while(service: GrpcService) -> None:
    service.server._health._watch_seconds = 0.1
    call = service.streaming("Watch", service=health.SERVICE)
    await call.write(b"")
    assert isinstance(await call.read(), bytes)
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_reflection_is_for_holders_of_a_key(service: GrpcService) -> None:
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    call = service.streaming("ServerReflectionInfo", service=reflection.SERVICE)
    assert await call.code() is grpc.StatusCode.UNAUTHENTICATED

    call = service.streaming(
        "ServerReflectionInfo", service=reflection.SERVICE, key=service.dialects.key
    )
    await call.write(asked.SerializeToString())
    said: Any = await call.read()
    listed = reflection_pb2.ServerReflectionResponse.FromString(said).list_services_response
    await call.done_writing()
    assert {found.name for found in listed.service} == {
        inference.SERVICE,
        health.SERVICE,
        reflection.SERVICE,
    }
    assert await call.code() is grpc.StatusCode.OK


def test_every_fault_has_a_status() -> None:
    assert {*STATUS} == {*Fault}


def test_long_words_are_cut() -> None:
    errors = [FieldError(f"/{index}", "é" * 100) for index in range(100)]
    assert len(told(Refusal("no", *errors)).detail.encode()) < 4_000
