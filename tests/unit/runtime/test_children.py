"""A child gets what is on the list, and nothing that merely happens to be there."""

import sys

import pytest

from understudy.runtime.children import child_environment
from understudy.runtime.instance import instance_name


def test_a_child_gets_no_secret_whatever_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UNDERSTUDY_SERVICE_KEY", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "LD_PRELOAD"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("PATH", "/bin")
    environment = child_environment(HOME="/nowhere", DO_NOT_TRACK="1")
    assert "secret" not in environment.values()
    assert (environment["PATH"], environment["HOME"]) == ("/bin", "/nowhere")
    assert sys.path[-1] in environment["PYTHONPATH"]


def test_an_instance_is_named_by_host_and_process() -> None:
    host, _, process = instance_name().rpartition(":")
    assert host
    assert process.isdigit()
