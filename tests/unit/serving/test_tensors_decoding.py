"""Tensors by themselves: what is sent comes back, and what can't be decoded is refused."""

import json
import math
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.serving.domain.errors import MalformedTensorsError
from services.serving.domain.tensor_bytes import from_bytes, to_bytes
from services.serving.domain.tensors import (
    FLOATS,
    INTEGERS,
    Datatype,
    Tensor,
    datatype_of,
    from_nested,
)
from understudy.contracts.refusals import Refusal

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_WIDTHS: Final = {Datatype.FP16: 16, Datatype.FP32: 32, Datatype.FP64: 64}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


def values_of(datatype: Datatype) -> st.SearchStrategy[Any]:
    if datatype is Datatype.BOOL:
        return st.booleans()
    if datatype is Datatype.BYTES:
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    if datatype in INTEGERS:
        low, high = INTEGERS[datatype]
        return st.integers(low, high)
    width: Any = _WIDTHS[datatype]
    return st.none() | st.floats(width=width, allow_nan=False, allow_infinity=False)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    datatype = draw(st.sampled_from(Datatype))
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    count = math.prod(shape)
    values = draw(st.lists(values_of(datatype), min_size=count, max_size=count))
    return Tensor("x", datatype, shape, values)


def nested(shape: tuple[int, ...], values: Any) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape).tolist()


@unhurried
@given(tensors())
def test_what_becomes_bytes_comes_back(tensor: Tensor) -> None:
    found = from_bytes("x", tensor.datatype, tensor.shape, to_bytes(tensor))
    assert found == tensor
    assert [*map(type, found.values)] == [*map(type, tensor.values)]


@unhurried
@given(tensors())
def test_what_becomes_json_comes_back(tensor: Tensor) -> None:
    flat = json.loads(json.dumps(tensor.values))
    assert from_nested("x", tensor.datatype, tensor.shape, flat) == tensor
    if tensor.shape:
        lists = json.loads(json.dumps(nested(tensor.shape, tensor.values)))
        assert from_nested("x", tensor.datatype, tensor.shape, lists) == tensor


@unhurried
@given(
    st.sampled_from(Datatype),
    st.lists(st.integers(-1, 2**70) | st.integers(0, 3), max_size=9),
    st.binary(max_size=64),
)
def test_whatever_the_bytes_they_are_read_or_refused(
    datatype: Datatype, shape: list[int], data: bytes
) -> None:
    try:
        found = from_bytes("x", datatype, shape, data)
    except Refusal:
        return
    assert len(found.values) == math.prod(shape) <= max(1, len(data))


@unhurried
@given(st.sampled_from(Datatype), st.lists(JSON, max_size=4) | st.just([2, 2]), JSON)
def test_whatever_the_json_it_is_read_or_refused(
    datatype: Datatype, shape: list[Any], data: object
) -> None:
    try:
        found = from_nested("x", datatype, shape, data)
    except Refusal:
        return
    assert len(found.values) == math.prod(shape)


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "why"),
    [
        (Datatype.FP32, [2], b"1234567", r"shape \[2\] of FP32 is 8 bytes; there are 7"),
        (Datatype.FP32, [2**40, 2**40], b"1234", "there are 4"),
        (Datatype.FP32, [-1], b"", "at least 0; got -1"),
        (Datatype.FP32, [1] * 9, b"", "9 dimensions"),
        (Datatype.FP32, [True], b"1234", "got true"),
        (Datatype.BOOL, [2], b"\x00\x02", "0 or 1; got 2"),
        (Datatype.BYTES, [2**62], b"\x00\x00\x00\x00", "there are 4"),
        (Datatype.BYTES, [1], b"\xff\xff\xff\xffab", "is 4294967295 bytes long; 2 bytes are left"),
        (Datatype.BYTES, [2], b"\x04\x00\x00\x00abcd", "before element 1 of 2"),
        (Datatype.BYTES, [1], b"\x01\x00\x00\x00\xff", "not UTF-8"),
        (Datatype.BYTES, [1], b"\x01\x00\x00\x00abc", "2 bytes are left after its 1 elements"),
    ],
)
def test_bytes_that_are_not_what_is_declared(
    datatype: Datatype, shape: list[int], data: bytes, why: str
) -> None:
    with pytest.raises(MalformedTensorsError, match=why):
        from_bytes("x", datatype, shape, data)


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "why"),
    [
        (Datatype.INT64, [3], [1, 2], r"shape \[3\] has 3 elements; data holds 2"),
        (Datatype.INT64, [2**62], [1], "data holds 1"),
        (Datatype.INT64, [2, 2], [[1, 2], [3]], "a list of 2 was due at depth 1, not 1"),
        (Datatype.INT64, [2, 2], [[1, 2], 3], "a list of 2 was due at depth 1, not 3"),
        (Datatype.INT64, [2], [[1], [2]], "got a list"),
        (Datatype.INT64, [1], 7, "data must be a list; got 7"),
        (Datatype.INT64, [1], None, "data must be a list; got null"),
        (Datatype.INT8, [2], [1, 128], "a whole number from -128 to 127; got 128"),
        (Datatype.INT8, [1], [True], "got true"),
        (Datatype.INT8, [2], [1, None], "got null"),
        (Datatype.INT8, [1], [1.5], "got 1.5"),
        (Datatype.UINT8, [1], [-1], "from 0 to 255; got -1"),
        (Datatype.BOOL, [1], [2], "true or false; got 2"),
        (Datatype.BOOL, [1], ["true"], "true or false; got 'true'"),
        (Datatype.BYTES, [1], [1], "a text or null; got 1"),
        (Datatype.FP16, [1], [65_505], "at most 65504"),
        (Datatype.FP32, [1], [1e39], "at most 3.40282e"),
        (Datatype.FP64, [1], [10**400], "too many digits"),
        (Datatype.FP64, [1], ["1"], "a number of at most"),
    ],
)
def test_json_that_is_not_what_is_declared(
    datatype: Datatype, shape: list[int], data: object, why: str
) -> None:
    with pytest.raises(MalformedTensorsError, match=why):
        from_nested("x", datatype, shape, data)


def test_whole_numbers_may_have_a_point_and_floats_may_have_none() -> None:
    whole = from_nested("x", Datatype.INT8, [2], [1.0, 2]).values
    floats = from_nested("x", Datatype.FP32, [3], [1, None, 2.5]).values
    assert [*map(type, whole)] == [int, int]
    assert floats == [1.0, None, 2.5]
    assert type(floats[0]) is float


def test_booleans_may_be_numbers() -> None:
    found = from_nested("x", Datatype.BOOL, [4], [True, 0, 1.0, 0.0]).values
    assert [*map(repr, found)] == ["True", "False", "True", "False"]


def test_nan_is_a_missing_value_both_ways() -> None:
    data = np.array([1.5, math.nan], "<f4").tobytes()
    tensor = from_bytes("x", Datatype.FP32, [2], data)
    assert tensor.values == [1.5, None]
    assert to_bytes(tensor) == data
    assert from_nested("x", Datatype.FP32, [2], [1.5, math.nan]).values == [1.5, None]


def test_limits_of_floats_are_those_of_numpy() -> None:
    for datatype, kind in ((Datatype.FP16, "f2"), (Datatype.FP32, "f4"), (Datatype.FP64, "f8")):
        assert FLOATS[datatype] == float(np.finfo(kind).max)


@pytest.mark.parametrize("text", ["fp32", "BF16", "", None, 7, []])
def test_an_unknown_datatype_is_told_those_there_are(text: object) -> None:
    with pytest.raises(MalformedTensorsError, match="BOOL, UINT8"):
        datatype_of("x", text)
