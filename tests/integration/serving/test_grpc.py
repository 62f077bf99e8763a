"""The gRPC port of `bentoml serve` with two workers: shared, closed in good order, never silent."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from services.serving.api.grpc.wire import open_inference_pb2 as wire
from tests.conftest import free_port
from tests.fakes.serving import eventually
from tests.serving_process import ServingProcess, serving_process

SERVICE = "inference.GRPCInferenceService"
SERVING = health_pb2.HealthCheckResponse.SERVING
# Each channel has a connection of its own, so that the kernel hands it to any worker.
ALONE = (("grpc.use_local_subchannel_pool", 1),)


@pytest.fixture(scope="module")
def running(
    redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServingProcess]:
    folder = tmp_path_factory.mktemp("grpc")
    port = {"UNDERSTUDY_SERVING_GRPC_PORT": str(free_port())}
    with serving_process(folder, redis_server, workers=2, **port) as process:
        yield process


def address(running: ServingProcess) -> str:
    return f"127.0.0.1:{running.settings['UNDERSTUDY_SERVING_GRPC_PORT']}"


def question() -> wire.ModelInferRequest:
    request = wire.ModelInferRequest(model_name="flowers")
    tensor = request.inputs.add(name="x", datatype="FP64", shape=[1, 2])
    tensor.contents.fp64_contents.extend([1.5, 2.5])
    return request


def infer(channel: grpc.Channel) -> wire.ModelInferResponse:
    ask: Any = channel.unary_unary(
        f"/{SERVICE}/ModelInfer",
        request_serializer=wire.ModelInferRequest.SerializeToString,
        response_deserializer=wire.ModelInferResponse.FromString,
    )
    found: wire.ModelInferResponse = ask(question(), timeout=20.0)
    return found


def holders(port: int) -> set[int]:
    """The processes that listen at a port."""
    found = set()
    for process in psutil.process_iter():
        try:
            connections = process.net_connections(kind="tcp")
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
            found.add(process.pid)
    return found


def test_all_workers_answer_at_one_port(running: ServingProcess) -> None:
    port = int(running.settings["UNDERSTUDY_SERVING_GRPC_PORT"])
    assert holders(port) == running.worker_pids()
    for _ in range(20):
        with grpc.insecure_channel(address(running), ALONE) as channel:
            assert infer(channel).outputs[0].contents.bytes_contents[0] == b"setosa"
    told = running.log.lower()
    assert "warning" not in told
    assert "traceback" not in told


def test_health_is_for_everybody_and_reflection_for_holders_of_a_key(
    running: ServingProcess,
) -> None:
    with grpc.insecure_channel(address(running)) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", SERVICE):
            asked = health_pb2.HealthCheckRequest(service=service)
            assert stub.Check(asked, timeout=20.0).status == SERVING
        with pytest.raises(grpc.RpcError):
            ProtoReflectionDescriptorDatabase(channel).get_services()
        keyed = grpc.intercept_channel(channel, _Key(running.registry.admin.plaintext))
        described = ProtoReflectionDescriptorDatabase(keyed)
        assert SERVICE in [*described.get_services()]
        found = described.FindFileContainingSymbol(SERVICE)
        assert found.package == "inference"


class _Key(grpc.StreamStreamClientInterceptor):
    """Sends a key with each call."""

    def __init__(self, key: str) -> None:
        self._key = key

    def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        metadata = (("x-api-key", self._key),)
        return continuation(details._replace(metadata=metadata), requests)


def test_answers_are_counted_by_dialect(running: ServingProcess) -> None:
    with grpc.insecure_channel(address(running)) as channel:
        infer(channel)
    eventually(lambda: _counted(running.metrics()))


def _counted(metrics: str) -> bool:
    return any(
        line.startswith("understudy_predictions_total")
        and 'dialect="oip_grpc"' in line
        and 'outcome="ok"' in line
        and not line.endswith(" 0.0")
        for line in metrics.splitlines()
    )


def test_a_huge_declared_shape_costs_no_memory(running: ServingProcess) -> None:
    before = {pid: psutil.Process(pid).memory_info().rss for pid in running.worker_pids()}
    request = question()
    request.inputs[0].shape[:] = [2**40, 2]
    packed = wire.ModelInferRequest(model_name="flowers", id="x" * 1_000_000)
    with grpc.insecure_channel(address(running)) as channel:
        ask: Any = channel.unary_unary(f"/{SERVICE}/ModelInfer")
        for sent in (request.SerializeToString(), packed.SerializeToString()):
            with pytest.raises(grpc.RpcError) as caught:
                ask(sent, timeout=20.0)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        # A small message that is large when it is unpacked.
        with pytest.raises(grpc.RpcError) as caught:
            ask(b"\0" * 200_000_000, timeout=60.0, compression=grpc.Compression.Gzip)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for pid, size in before.items():
        assert psutil.Process(pid).memory_info().rss < size + 60_000_000


@pytest.mark.slow
def test_a_killed_workers_share_of_the_port_is_gone(running: ServingProcess) -> None:
    port = int(running.settings["UNDERSTUDY_SERVING_GRPC_PORT"])
    killed = min(running.worker_pids())
    psutil.Process(killed).kill()
    eventually(lambda: killed not in holders(port))
    # Nobody is sent to it any more, though the other is alone until it is replaced.
    for _ in range(10):
        with grpc.insecure_channel(address(running), ALONE) as channel:
            infer(channel)
    eventually(lambda: len(holders(port)) == 2, 60.0)


def test_a_stop_loses_no_call_and_says_so_first(running: ServingProcess) -> None:
    statuses: list[int] = []
    errors: list[grpc.RpcError] = []
    answered = [0]
    leaving = threading.Event()

    def ask() -> None:
        with grpc.insecure_channel(address(running), ALONE) as channel:
            while not leaving.is_set():
                try:
                    infer(channel)
                except grpc.RpcError as error:
                    errors.append(error)
                else:
                    answered[0] += 1

    def watch() -> None:
        with grpc.insecure_channel(address(running), ALONE) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            statuses.extend(found.status for found in stub.Watch(health_pb2.HealthCheckRequest()))
            leaving.set()

    threads = [threading.Thread(target=work) for work in (ask, watch)]
    for thread in threads:
        thread.start()
    eventually(lambda: statuses == [SERVING] and answered[0])
    assert running.stop() == 0
    for thread in threads:
        thread.join(20.0)
    assert statuses == [SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]
    # What came when nobody listened any more was refused, and nothing else went wrong.
    assert {error.code() for error in errors} <= {grpc.StatusCode.UNAVAILABLE}
    assert "Traceback" not in running.log


@pytest.mark.slow
def test_a_worker_that_can_not_have_its_port_says_so_and_ends(
    redis_server: str, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = {"UNDERSTUDY_SERVING_GRPC_PORT": str(taken.getsockname()[1])}
        process = ServingProcess(tmp_path, redis_server, 1, port)
        process.registry.start()
        process.launch()
        try:
            eventually(lambda: "worker_did_not_start" in process.log, 60.0)
            assert not process.ready()
        finally:
            process.stop()
            process.registry.stop()
