"""What a file is is told by its bytes, and archives that skops did not write are refused unread."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
import skops.io
from onnx import helper
from scipy import sparse
from sklearn.linear_model import LinearRegression

from services.registry.adapters.inspection.archives import UnsafeArchiveError, require_safe
from services.registry.adapters.inspection.formats import Kind, tell

MODEL = {"model": [1, 2.5, "three"], "weights": np.arange(5.0), "rows": sparse.eye(3).tocsr()}
MOST = 1 << 26


def joblib_of(compress: Any) -> bytes:
    out = io.BytesIO()
    joblib.dump(MODEL, out, compress=compress)
    return out.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def graph() -> bytes:
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return helper.make_model(helper.make_graph(nodes, "g", [x], [y])).SerializeToString()


def npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, weights=np.arange(3.0))
    return out.getvalue()


PICKLES: dict[str, Callable[[], bytes]] = {
    **{f"protocol {n}": lambda n=n: pickle.dumps(MODEL, n) for n in range(6)},  # type: ignore[misc]
    "large, without a header": lambda: pickle.dumps(["x" * 100] * 3 + [*range(500_000)], 0),
    "joblib": lambda: joblib_of(0),
    "joblib zlib": lambda: joblib_of(("zlib", 3)),
    "joblib gzip": lambda: joblib_of(("gzip", 3)),
    "joblib bzip2": lambda: joblib_of(("bz2", 3)),
    "joblib xz": lambda: joblib_of(("xz", 3)),
    "joblib lzma": lambda: joblib_of(("lzma", 3)),
    "joblib lz4": lambda: b"\x04\x22\x4d\x18" + bytes(100),
    "joblib of old": lambda: b"ZF0x10" + bytes(100),
    "gzip": lambda: gzip.compress(pickle.dumps(MODEL)),
    "zlib": lambda: zlib.compress(pickle.dumps(MODEL, 0)),
    "bzip2": lambda: bz2.compress(pickle.dumps(MODEL)),
    "xz": lambda: lzma.compress(pickle.dumps(MODEL)),
    "torch": lambda: zipped({"archive/data.pkl": pickle.dumps(MODEL), "archive/version": b"3"}),
    "a pickle before an archive": lambda: pickle.dumps(MODEL) + skops.io.dumps(MODEL),
    "what every Python runs": lambda: b"cos\nsystem\n(S'true'\ntR.",
}
OTHERS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"hello, world\n" * 40,
    "zeros": lambda: bytes(5_000),
    "an image": lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "gzip of text": lambda: gzip.compress(b"hello, world\n" * 40),
    "an array": lambda: npz()[:0] + b"\x93NUMPY\x01\x00" + bytes(100),
    "arrays": npz,
    "another archive": lambda: zipped({"hello.txt": b"hello"}),
    "an empty archive": lambda: zipped({}),
    "a message of something else": lambda: b"\x08\x07\x7a\x03abc",
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_is_one_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(PICKLES[name]())
    assert tell(tmp_path / "model.skops").kind is Kind.PICKLE


@pytest.mark.parametrize("name", OTHERS)
def test_what_nobody_reads_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(OTHERS[name]())
    assert tell(tmp_path / "model.pkl").kind is Kind.UNKNOWN


def test_skops_and_onnx_are_told(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(skops.io.dumps(MODEL))
    assert tell(tmp_path / "model.pkl").kind is Kind.SKOPS
    (tmp_path / "model.pkl").write_bytes(graph())
    assert tell(tmp_path / "model.pkl").kind is Kind.ONNX


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_what_skops_writes_is_safe(method: int, tmp_path: Path) -> None:
    model = LinearRegression().fit(np.eye(3), [1.0, 2.0, 3.0])
    skops.io.dump(
        {**MODEL, "model": model, "bytes": b"123"}, tmp_path / "model", compression=method
    )
    require_safe(tmp_path / "model", MOST)


SCHEMA = b'{"protocol": 2}'
ARRAY = b"\x93NUMPY\x01\x00" + b"v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }"
OBJECTS = b"\x93NUMPY\x01\x00" + b"v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"


def with_objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return out.getvalue()


def with_symlink() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("schema.json", SCHEMA)
        link = zipfile.ZipInfo("1.npy")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, b"/etc/passwd")
    return out.getvalue()


def twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("schema.json", SCHEMA)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("schema.json", b'{"protocol": 1}')
    return out.getvalue()


def patched(content: bytes, at: bytes, offset: int, value: bytes) -> bytes:
    """With some bytes changed after the last place where `at` stands."""
    place = content.rindex(at) + offset
    return content[:place] + value + content[place + len(value) :]


def overlapping() -> bytes:
    """The list names the first member's bytes for the second one too."""
    content = zipped({"1.bin": b"x" * 50, "2.bin": b"x" * 50, "schema.json": SCHEMA})
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(b"2.bin"))
    return content[: at + 42] + struct.pack("<L", 0) + content[at + 46 :]


def many() -> bytes:
    content = zipped({"schema.json": SCHEMA})
    return patched(content, b"PK\x05\x06", 8, struct.pack("<HH", 0xFFFE, 0xFFFE))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a ratio bomb": (
        lambda: zipped({"schema.json": SCHEMA, "1.bin": bytes(MOST + 1)}, zipfile.ZIP_DEFLATED),
        "unpacks to",
    ),
    "a pickle as a member": (
        lambda: zipped({"schema.json": SCHEMA, "model.pkl": pickle.dumps(MODEL)}),
        "a name that skops gives to nothing",
    ),
    "a pickle as an array": (
        lambda: zipped({"schema.json": SCHEMA, "1.npy": pickle.dumps(MODEL)}),
        "is no numpy array",
    ),
    "an array of objects": (
        lambda: zipped({"schema.json": SCHEMA, "1.npy": with_objects()}),
        "keeps as a pickle",
    ),
    "an array of objects within": (
        lambda: zipped({"schema.json": SCHEMA, "1.npz": zipped({"data.npy": OBJECTS})}),
        "keeps as a pickle",
    ),
    "a pickle within": (
        lambda: zipped({"schema.json": SCHEMA, "1.npz": zipped({"data.pkl": b"."})}),
        "a name that skops gives to nothing",
    ),
    "a bomb within": (
        lambda: zipped(
            {
                "schema.json": SCHEMA,
                "1.npz": zipped({"data.npy": ARRAY + bytes(MOST)}, zipfile.ZIP_DEFLATED),
            }
        ),
        "unpacks to",
    ),
    "a way out": (
        lambda: zipped({"schema.json": SCHEMA, "../../etc/cron.d/x": b"x"}),
        "a name that skops gives to nothing",
    ),
    "a folder": (
        lambda: zipped({"schema.json": SCHEMA, "a/": b""}),
        "a name that skops gives to nothing",
    ),
    "a link": (with_symlink, "no plain file"),
    "two of one name": (twice, "twice"),
    "members that overlap": (overlapping, "overlaps another member"),
    "a list that is longer than it": (many, "another number of members"),
    "something after it": (
        lambda: zipped({"schema.json": SCHEMA}) + b"x" * 30,
        "something follows its list",
    ),
    "something before it": (
        lambda: b"PK\x03\x04" + bytes(40) + zipped({"schema.json": SCHEMA}),
        "overlap its list|is not where",
    ),
    "half of it": (lambda: skops.io.dumps(MODEL)[:700], "something follows its list"),
    "a password": (
        lambda: _encrypted(zipped({"schema.json": SCHEMA})),
        "is encrypted",
    ),
    "a flipped bit": (
        lambda: zipped({"schema.json": SCHEMA, "1.bin": b"x" * 50}).replace(b"xxxx", b"xyxx", 1),
        "damaged",
    ),
    "a schema without end": (
        lambda: zipped({"schema.json": b"[" * 200_000}),
        "nested too deeply",
    ),
    "a schema that is none": (lambda: zipped({"schema.json": b"[]"}), "no object"),
    "two names for one": (
        lambda: patched(zipped({"schema.json": SCHEMA, "1.bin": b""}), b"1.bin", 0, b"2.bin"),
        "has two names",
    ),
}


def _encrypted(content: bytes) -> bytes:
    at = content.rindex(b"PK\x01\x02") + 8
    return content[:at] + b"\x01\x00" + content[at + 2 :]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_skops_did_not_write_is_refused(name: str, tmp_path: Path) -> None:
    make, words = HOSTILE[name]
    (tmp_path / "model.skops").write_bytes(make())
    with pytest.raises(UnsafeArchiveError, match=words):
        require_safe(tmp_path / "model.skops", MOST)


def test_more_members_than_can_be_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 1 << 46, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 4, 1)
    last = b"PK\x05\x06" + b"\x00" * 4 + b"\xff" * 12 + b"\x00\x00"
    (tmp_path / "model.skops").write_bytes(b"PK\x03\x04" + end + locator + last)
    with pytest.raises(UnsafeArchiveError, match="it lists 1099511627776 members"):
        tell(tmp_path / "model.skops")


def test_a_schema_of_absurd_size_is_refused_unread(tmp_path: Path) -> None:
    content = json.dumps({"protocol": 2, "content": " " * (65 << 20)}).encode()
    (tmp_path / "model.skops").write_bytes(zipped({"schema.json": content}, zipfile.ZIP_DEFLATED))
    with pytest.raises(UnsafeArchiveError, match="its schema has more than"):
        require_safe(tmp_path / "model.skops", 1 << 30)
