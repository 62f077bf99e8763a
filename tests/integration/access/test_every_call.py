"""Deny by default over gRPC: every method that the services' descriptions have."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from tests.integration.access.conftest import Neighbourhood

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OPEN: Final[Mapping[str, str]] = {
    "/grpc.health.v1.Health/Check": "an orchestrator asks without a key",
    "/grpc.health.v1.Health/Watch": "an orchestrator asks without a key",
    "/inference.GRPCInferenceService/ServerLive": "the same, in the protocol's words",
    "/inference.GRPCInferenceService/ServerReady": "the same, in the protocol's words",
}
TURNED_AWAY: Final = frozenset(
    {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,  # there is nothing behind it
    }
)


def methods(neighbourhood: Neighbourhood) -> Iterator[tuple[str, bool]]:
    """By name, and whether it is a stream; as the running server describes itself."""
    from google.protobuf.descriptor_pool import DescriptorPool  # noqa: PLC0415

    key = (("authorization", f"Bearer {neighbourhood.cluster.key('admin')}"),)
    with channel(neighbourhood) as open_channel:
        with_key = grpc.intercept_channel(open_channel, _WithKey(key))
        database = ProtoReflectionDescriptorDatabase(with_key)
        pool = DescriptorPool(database)
        for service in database.get_services():
            for method in pool.FindServiceByName(service).methods:
                streams = method.client_streaming or method.server_streaming
                yield f"/{service}/{method.name}", streams


class _WithKey(grpc.StreamStreamClientInterceptor):
    def __init__(self, key: tuple[tuple[str, str], ...]) -> None:
        self._key = key

    def intercept_stream_stream(self, go_on: Any, details: Any, requests: Any) -> Any:
        return go_on(details._replace(metadata=self._key), requests)


def channel(neighbourhood: Neighbourhood) -> Any:
    return grpc.insecure_channel(f"127.0.0.1:{neighbourhood.cluster.ports['serving_grpc']}")


def called(
    open_channel: Any, method: str, headers: Mapping[str, str], name: str
) -> tuple[grpc.StatusCode, str]:
    """How the call ends, and what is said; the first member of its message is the name."""
    message = b"\n" + bytes([len(name)]) + name.encode()
    metadata = [(key.lower(), value) for key, value in headers.items()]
    ask = open_channel.stream_stream(method)
    try:
        said = b"".join(ask(iter([message]), metadata=metadata, timeout=3))
    except grpc.RpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, said.decode(errors="replace")


def test_every_call_needs_a_key(neighbourhood: Neighbourhood) -> None:
    found = [*methods(neighbourhood)]
    assert {*OPEN} <= {name for name, _ in found}
    assert len(found) >= 8
    wrong = []
    with channel(neighbourhood) as open_channel:
        for method, _ in found:
            if method in OPEN:
                continue
            for who, headers in neighbourhood.strangers.items():
                status, _ = called(open_channel, method, headers, neighbourhood.there["deployment"])
                if status not in TURNED_AWAY:
                    wrong.append(f"{method} for {who}: {status}")
    assert not wrong, "\n".join(wrong)


def test_a_foreign_key_learns_of_nothing(neighbourhood: Neighbourhood) -> None:
    there, absent = neighbourhood.there["deployment"], neighbourhood.absent["deployment"]
    wrong = []
    with channel(neighbourhood) as open_channel:
        for method, _ in methods(neighbourhood):
            if method in OPEN or "Reflection" in method or "Server" in method:
                continue
            foreign = neighbourhood.foreign
            status, words = called(open_channel, method, foreign, there)
            other, others = called(open_channel, method, foreign, absent)
            same = words.replace(there, "…") == others.replace(absent, "…")
            told = status is grpc.StatusCode.OK and there in words
            if told or (status, same) != (other, True):
                wrong.append(f"{method}: {status} {words!r}, {other} {others!r}")
    assert not wrong, "\n".join(wrong)
