"""The snippets of docs/dialects.md, run as they stand there by the clients that they are for."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.foreign.conftest import Foreign
from tests.foreign.environments import ROOT, environment
from tests.foreign.test_previsionio import CLIENT, SECRET, token_endpoint

PAGE = (ROOT / "docs" / "dialects.md").read_text()
SNIPPETS = re.findall(r"<!-- (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
TOKENS = "http://127.0.0.1:8701/v1/oauth/token"


def test_every_snippet_is_run() -> None:
    assert len(SNIPPETS) == PAGE.count("```python")
    assert {client for client, _ in SNIPPETS} == {
        path.stem for path in (ROOT / "tests" / "foreign" / "clients").glob("*.txt")
    } - {"schemathesis"}


def here(text: str, foreign: Foreign) -> str:
    """What a reader puts in; a client that can send a key asks what is closed without one."""
    host, _, port = foreign.url.removeprefix("http://").partition(":")
    if "us_…" in text:
        text = text.replace("us_…", foreign.key).replace("flowers", "orchids")
    text = text.replace("127.0.0.1:8706", foreign.grpc).replace("127.0.0.1:8700", f"{host}:{port}")
    return text.replace('"127.0.0.1", 8700', f'"{host}", {port}')


def answered(*command: str | Path) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(ROOT / ".foreign")},
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    assert "setosa" in done.stdout, (done.stdout, done.stderr[-4_000:])


@pytest.mark.parametrize(
    ("client", "snippet"),
    [(client, text) for client, text in SNIPPETS if client != "previsionio"],
    ids=[f"{place}-{one}" for place, (one, _) in enumerate(SNIPPETS) if one != "previsionio"],
)
def test_a_client_is_answered(foreign: Foreign, client: str, snippet: str, tmp_path: Path) -> None:
    script = tmp_path / "snippet.py"
    script.write_text(here(snippet, foreign))
    answered(environment(client), script)


def test_previsions_client_is_answered(foreign: Foreign, tmp_path: Path) -> None:
    (snippet,) = (text for client, text in SNIPPETS if client == "previsionio")
    script = tmp_path / "snippet.py"
    with token_endpoint(foreign.key) as url:
        text = snippet.replace(TOKENS, url).replace("1a2b3c4d5e6f", CLIENT).replace("us_…", SECRET)
        script.write_text(here(text.replace("flowers", "orchids"), foreign))
        answered(environment("previsionio"), script)


@pytest.mark.parametrize("place", range(len(COMMANDS)))
def test_a_command_is_answered(foreign: Foreign, place: int) -> None:
    answered("bash", "-euc", here(COMMANDS[place], foreign))
