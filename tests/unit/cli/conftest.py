"""The command line as a person runs it, against a scripted server, in an empty folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.fakes.scripted_http import Script, scripted_server
from tests.fakes.typed_commands import Run
from understudy.cli.root import app


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("KEY", "REGISTRY_URL", "SERVING_URL", "MONITOR_URL"):
        monkeypatch.delenv(f"UNDERSTUDY_{name}", raising=False)
    return tmp_path


@pytest.fixture
def run(server: Script) -> Run:
    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        env = {
            f"UNDERSTUDY_{name}_URL": server.url for name in ("REGISTRY", "SERVING", "MONITOR")
        } | {
            "UNDERSTUDY_KEY": "us_key",
            "COLUMNS": "200",
        }
        return CliRunner().invoke(app, list(arguments), env=env, input=stdin)

    return invoke
