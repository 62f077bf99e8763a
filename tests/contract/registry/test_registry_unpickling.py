"""Pickles in the sandbox: the same payloads as everywhere, let loose, and what comes of them."""

import hashlib
import io
import os
import pickle
import socket
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.registry.adapters.inspection.children import Children
from services.registry.adapters.inspection.sandbox import NoSandboxError, require_sandbox
from services.registry.adapters.inspection.unpickling import Unpickler
from services.registry.domain.artifact_refusals import (
    ArtifactOtherVersionError,
    PickleNotConvertedError,
    SandboxUnavailableError,
)


def sandboxed() -> bool:
    try:
        require_sandbox()
    except NoSandboxError:
        return False
    return True


needs_sandbox = pytest.mark.skipif(not sandboxed(), reason="this kernel has no Landlock or seccomp")


class Payload:
    """Runs code when it is unpickled, and leaves what that came to in the model's place."""

    def __init__(self, *codes: str) -> None:
        self.codes = codes

    def __reduce__(self) -> Any:
        # What fails is told by its kind; skops keeps texts as they are.
        told = f"""
def attempt(code):
    try:
        return repr(eval(code))
    except BaseException as error:
        return type(error).__name__
found = [attempt(code) for code in {self.codes!r}]
"""
        return eval, (f"(lambda names: (exec({told!r}, names), names['found'])[1])({{}})",)


@dataclass
class Tried:
    """One folder, and an unpickler that has it."""

    folder: Path
    seconds: float = 60
    memory_bytes: int = 4 << 30
    most_bytes: int = 1 << 24
    kept: list[bytes] = field(default_factory=list)

    def convert(self, content: bytes, *, child: tuple[str, ...] | None = None) -> Any:
        """What the skops file holds that came of a pickle."""
        place = self.folder / hashlib.sha256(content).hexdigest()[:8]
        place.mkdir()
        (place / "pickle").write_bytes(content)
        more = {} if child is None else {"child": child}
        unpickler = Unpickler(
            Children(),
            seconds=self.seconds,
            memory_bytes=self.memory_bytes,
            most_bytes=self.most_bytes,
            **more,
        )
        made = unpickler.convert(place / "pickle", place)
        assert {path.name for path in place.iterdir()} == {"pickle", "converted"}
        self.kept.append(made.read_bytes())
        return skops.io.loads(self.kept[-1], trusted=["numpy.dtype"])

    def attempt(self, *codes: str) -> dict[str, str]:
        """What expressions came to in the sandbox."""
        found = self.convert(pickle.dumps(Payload(*codes)))
        return dict(zip(codes, found, strict=True))


@pytest.fixture
def tried(tmp_path: Path) -> Tried:
    return Tried(tmp_path)


ROWS, LABELS = load_iris(return_X_y=True)


@needs_sandbox
@pytest.mark.parametrize("compress", [("zlib", 3), None])
def test_a_benign_pickle_becomes_a_skops_file_that_answers_alike(
    tried: Tried, compress: Any
) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(ROWS, LABELS)
    out = io.BytesIO()
    if compress is None:
        pickle.dump(model, out)
    else:
        joblib.dump(model, out, compress=compress)
    converted = tried.convert(out.getvalue())
    assert np.array_equal(converted.predict_proba(ROWS), model.predict_proba(ROWS))
    assert skops.io.get_untrusted_types(data=tried.kept[-1]) == []


HARMFUL = (
    "open({outside!r}, 'w').write('x')",
    "open({folder!r} + '/new', 'w').write('x')",
    "__import__('os').mkdir({outside!r})",
    "__import__('os').symlink('/etc/passwd', {outside!r})",
    "__import__('os').rename({folder!r} + '/pickle', {outside!r})",
    "__import__('os').unlink({victim!r})",
    "__import__('os').truncate({victim!r}, 0)",
    "__import__('os').chmod({victim!r}, 0o777)",
    "open('/etc/passwd').read()",
    "open({victim!r}).read()",
    "__import__('os').listdir({folder!r})",
    "__import__('os').listdir('/')",
    "open('/proc/self/environ').read()",
    "open(f'/proc/{{__import__(\"os\").getppid()}}/environ').read()",
    "open('/proc/self/mem', 'rb').read(1)",
    "open('/dev/null').read()",
    "__import__('socket').socket()",
    "__import__('socket').create_connection(('127.0.0.1', {port}))",
    "__import__('socket').socket(__import__('socket').AF_UNIX)",
    "__import__('socket').socketpair()",
    "__import__('os').fork()",
    "PermissionError if __import__('os').system('touch {outside}') else 0",
    "__import__('subprocess').run(['/bin/true'])",
    "__import__('os').execv('/bin/true', ['true'])",
    "__import__('os').posix_spawn('/bin/true', ['true'], {{}})",
    "__import__('os').kill(__import__('os').getppid(), 9)",
    "__import__('os').kill(__import__('os').getpid(), 9)",
    "__import__('os').killpg(0, 9)",
    "__import__('signal').pidfd_send_signal(0, 9)",
    "__import__('os').pidfd_open(__import__('os').getppid())",
    "__import__('fcntl').fcntl(0, __import__('fcntl').F_SETOWN, __import__('os').getppid())",
    "__import__('os').setuid(0)",
    "__import__('os').memfd_create('x')",
    "__import__('os').chroot('/')",
    "__import__('os').setpriority(0, 0, -20)",
    "__import__('resource').prlimit(__import__('os').getppid(), 7)",
)


@needs_sandbox
def test_what_is_let_loose_in_it_does_no_harm(tried: Tried) -> None:
    victim, outside = tried.folder / "victim", tried.folder / "outside"
    victim.write_text("secret")
    places = {"outside": str(outside), "folder": str(tried.folder), "victim": str(victim)}
    with listening() as (port, heard):
        said = tried.attempt(*(code.format(**places, port=port) for code in HARMFUL))
    assert {code: told for code, told in said.items() if "PermissionError" not in told} == {}
    assert not heard
    assert not outside.exists()
    assert victim.read_text() == "secret"
    assert not (tried.folder / "new").exists()


CALLS = {
    "ptrace": (101, 16, 1, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "unshare": (272, 0x10000000),
    "setns": (308, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0),
    "bpf": (321, 0, 0, 0),
    "keyctl": (250, 0, 0, 0, 0, 0),
    "io_uring_setup": (425, 1, 0),
    "open_by_handle_at": (304, 0, 0, 0),
    "execveat": (322, 0, 0, 0, 0, 0),
    "userfaultfd": (323, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "clone": (56, 17, 0, 0, 0, 0),
    "clone of a namespace": (56, 0x10010000, 0, 0, 0, 0),
    "vfork": (58,),
    "tgkill of another": (234, 1, 1, 9),
    "landlock_create_ruleset": (444, 0, 0, 1),
    "seccomp": (317, 1, 0, 0),
}
"""By their numbers on x86-64."""


@needs_sandbox
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86-64")
def test_system_calls_that_do_no_computing_fail(tried: Tried) -> None:
    said = tried.attempt(*map(called, CALLS.values()))
    assert {name: said[called(call)] for name, call in CALLS.items()} == dict.fromkeys(
        CALLS, "(-1, 1)"
    )
    with pytest.raises(PickleNotConvertedError, match="its process ended"):
        tried.attempt(called((0x40000000 + 39,)))  # the same calls by other numbers


def called(call: tuple[int, ...]) -> str:
    ctypes = "__import__('ctypes')"
    listed = ", ".join(f"{ctypes}.c_long({one})" for one in call)
    return (
        f"(lambda libc: (libc.syscall({listed}), {ctypes}.get_errno()))"
        f"({ctypes}.CDLL(None, use_errno=True))"
    )


@needs_sandbox
def test_it_holds_no_secrets_and_no_files_of_ours_and_keeps_its_limits(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_ADMIN_KEY", "us_secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    with (tried.folder / "held").open("w") as held:
        os.set_inheritable(held.fileno(), True)  # noqa: FBT003 - the library's own
        secrets, files, limits = tried.attempt(
            "dict(__import__('os').environ)",
            "[n for n in range(3, 256) if __import__('ctypes').CDLL(None).fcntl(n, 1) != -1]",
            "__import__('resource').setrlimit(1, (1 << 40, 1 << 40))",
        ).values()
    assert "secret" not in secrets
    assert files == "[3]"  # the pickle itself, which is being read
    assert limits in {"ValueError", "PermissionError"}


@needs_sandbox
@pytest.mark.slow
def test_it_takes_no_more_than_it_may(tried: Tried) -> None:
    big = Tried(tried.folder, memory_bytes=2 << 30)
    with pytest.raises(PickleNotConvertedError, match=r"more memory|MemoryError|process ended"):
        big.convert(pickle.dumps(_Filling("bytearray(8 << 30)")))
    slow = Tried(tried.folder, seconds=8)
    with pytest.raises(PickleNotConvertedError, match=r"longer than 8 s|process ended"):
        slow.convert(pickle.dumps(_Filling("[0 for _ in iter(int, 1)]")))
    large = Tried(tried.folder, most_bytes=10_000)
    with pytest.raises(PickleNotConvertedError):
        large.convert(pickle.dumps(np.arange(100_000)))


class _Filling:
    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> Any:
        return eval, (self.code,)


@needs_sandbox
def test_what_it_says_is_not_believed(tried: Tried) -> None:
    lie = b'{"written": true}\n'
    code = f"__import__('os').write(0, {lie!r}) and __import__('os')._exit(0)"
    with pytest.raises(Exception, match="zip"):  # what it left is read as any other file
        tried.convert(pickle.dumps(_Filling(code)))
    garbage = "__import__('os').write(0, b'x' * 100 + b'\\n') and __import__('os')._exit(0)"
    with pytest.raises(PickleNotConvertedError):
        tried.convert(pickle.dumps(_Filling(garbage)))


@needs_sandbox
def test_a_pickle_of_another_release_is_refused(tried: Tried) -> None:
    model = LogisticRegression(max_iter=500).fit(ROWS, LABELS)
    here = model.__getstate__()["_sklearn_version"].encode()
    other = b"0" + here[1:]
    with pytest.raises(ArtifactOtherVersionError, match=f"scikit-learn {other.decode()}"):
        tried.convert(pickle.dumps(model).replace(here, other))


@needs_sandbox
@pytest.mark.parametrize("content", [b"\x80\x04" + b"x" * 100])
def test_what_is_no_whole_pickle_is_a_reason(tried: Tried, content: bytes) -> None:
    with pytest.raises(PickleNotConvertedError, match="no skops file came of it"):
        tried.convert(content)


def test_without_a_sandbox_nothing_is_read(tried: Tried) -> None:
    # A kernel that knows neither, as the child would find it.
    code = (
        "from services.registry.adapters.inspection import sandbox, unpickling_child;"
        "sandbox.interface = lambda libc: 0;"
        "unpickling_child.main()"
    )
    marker = tried.folder / "marker"
    with pytest.raises(SandboxUnavailableError, match="Landlock"):
        tried.convert(
            pickle.dumps(_Filling(f"open({str(marker)!r}, 'w')")),
            child=(sys.executable, "-c", code),
        )
    assert not marker.exists()


def test_outside_the_payloads_would_do_harm(tmp_path: Path) -> None:
    """So that the tests above test something."""
    marker = tmp_path / "marker"
    content = pickle.dumps(Payload(f"open({str(marker)!r}, 'w').write('x')"))
    script = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read()))"
    done = subprocess.run(
        [sys.executable, "-c", script], input=content, capture_output=True, check=True
    )
    assert done.stdout == b"['1']\n"
    assert marker.exists()


class listening:  # noqa: N801 - a context, in a word
    """A socket on this machine, and who has come to it."""

    def __enter__(self) -> tuple[int, list[Any]]:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._heard: list[Any] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self._server.getsockname()[1], self._heard

    def _accept(self) -> None:
        while True:
            connection, who = self._server.accept()
            with closing(connection):
                if connection.recv(1) == b"!":
                    return
            self._heard.append(who)

    def __exit__(self, *_: object) -> None:
        with socket.create_connection(self._server.getsockname()) as last:
            last.sendall(b"!")
            self._thread.join(10)
        self._server.close()
