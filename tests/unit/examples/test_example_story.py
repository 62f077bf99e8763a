import io
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from examples.progress import StepFailedError, Steps, wait_until
from examples.state import Addresses, Loaded, located
from examples.story import app
from tests.fakes import monitor_bodies as bodies
from tests.fakes.scripted_http import Script, scripted_server
from understudy.cli.addresses import Addresses as Written
from understudy.client import ClientError
from understudy.contracts.serving import ModelRef, Prediction

LOADED = Loaded(
    deployment="credit-risk",
    key="us_0123456789ab_secret",
    key_id="0123456789ab",
    example_row={"age": 41, "income": 34_000.0, "purpose": "car", "previous_default": False},
    forms={"iris": "http://127.0.0.1:8700/iris/form"},
)


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def steps(written: io.StringIO) -> Steps:
    return Steps(Console(file=written, width=200, highlight=False))


def story(*arguments: str | Path, key: str = "") -> tuple[int, str]:
    found = CliRunner().invoke(app, [str(a) for a in arguments], env={"UNDERSTUDY_KEY": key})
    return found.exit_code, found.output


def test_a_step_is_one_line_with_its_notes(steps: Steps, written: io.StringIO) -> None:
    with steps.step("Model [iris]") as note:
        note("there already")
    assert written.getvalue().startswith("✓ Model [iris]: there already (")
    assert "\x1b" not in written.getvalue()


def test_a_step_that_fails_names_itself_and_the_reason(steps: Steps) -> None:
    with (
        pytest.raises(StepFailedError, match="Deployment: the registry is gone"),
        steps.step("Deployment"),
    ):
        raise ClientError("the registry is gone")


def test_a_bar_is_silent_without_a_terminal(steps: Steps, written: io.StringIO) -> None:
    with steps.bar("300 rows", 300) as advance:
        for done in range(300):
            advance(done)
    assert written.getvalue().count("\n") == 1


def test_waiting_takes_refusals_for_not_yet() -> None:
    answers = iter([ClientError("401"), None, "served"])

    def ask() -> str | None:
        answer = next(answers)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    assert wait_until("served", ask, seconds=5) == "served"


def test_waiting_ends_and_says_what_stood_in_the_way() -> None:
    def ask() -> str | None:
        raise ClientError("no such deployment")

    with pytest.raises(TimeoutError, match=r"served: not within 0.3 s.*no such deployment"):
        wait_until("served", ask, seconds=0.3)


def test_what_was_loaded_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = LOADED.write(tmp_path / "state")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Loaded.read(tmp_path / "state") == LOADED
    assert Loaded.read(tmp_path / "elsewhere") is None
    path.write_text("{}")
    assert Loaded.read(tmp_path / "state") is None


def test_load_without_a_key_says_where_it_is_expected(tmp_path: Path) -> None:
    code, output = story("load", "--state-dir", tmp_path)
    assert code == 1
    assert "✗ Key: set UNDERSTUDY_KEY" in output


def test_load_without_a_registry_says_so(tmp_path: Path) -> None:
    code, output = story(
        "load", "--state-dir", tmp_path, "--registry-url", "http://127.0.0.1:9", key="us_x"
    )
    assert code == 1
    assert "✗ Project examples: The registry does not answer at http://127.0.0.1:9" in output


def test_a_refusal_stops_the_load_with_the_registrys_words(tmp_path: Path, server: Script) -> None:
    server.on("GET", "/v1/projects", {"items": []})
    server.problem("POST", "/v1/projects", 403, "The key may not do this.", None)
    code, output = story("load", "--state-dir", tmp_path, "--registry-url", server.url, key="us_x")
    assert code == 1
    assert "✗ Project examples: The key may not do this." in output


def test_traffic_sends_applicants_with_the_key_that_load_left(
    tmp_path: Path, server: Script
) -> None:
    LOADED.write(tmp_path)
    answer = Prediction(
        prediction_id="p", prediction="repaid", model=ModelRef(name="credit-risk", version=1)
    )
    server.on("POST", "/v1/deployments/credit-risk/predict", answer)
    code, output = story(
        "traffic", "--state-dir", tmp_path, "--serving-url", server.url, "--rate", "40",
        "--seconds", "1",
    )  # fmt: skip
    assert code == 0, output
    assert "answered" in output
    assert server.asked[0].headers["Authorization"] == f"Bearer {LOADED.key}"


def test_traffic_that_is_not_answered_ends_with_a_failure(tmp_path: Path, server: Script) -> None:
    LOADED.write(tmp_path)
    code, output = story(
        "traffic", "--state-dir", tmp_path, "--serving-url", server.url, "--rate", "10",
        "--seconds", "1",
    )  # fmt: skip
    assert code == 1
    assert "0 answered" in output
    assert "not_found" in output


def test_a_plot_needs_a_recording(tmp_path: Path) -> None:
    code, output = story("plot", "--state-dir", tmp_path)
    assert code == 1
    assert "run 'drift' first" in output


def test_addresses_are_those_that_up_left(tmp_path: Path) -> None:
    assert located(tmp_path) == Addresses()
    Written(serving_url="http://127.0.0.1:18700").write(tmp_path)
    assert located(tmp_path).serving_url == "http://127.0.0.1:18700"
    assert located(tmp_path, serving_url="http://there").serving_url == "http://there"


def test_drift_without_matplotlib_says_so_and_concludes(
    tmp_path: Path, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    LOADED.write(tmp_path)
    Written(serving_url=server.url, monitor_url=server.url).write(tmp_path)
    monkeypatch.setattr("examples.story.plotting_available", lambda: False)
    answer = Prediction(
        prediction_id="p", prediction="repaid", model=ModelRef(name="credit-risk", version=1)
    )
    server.on("POST", "/v1/deployments/credit-risk/predict", answer)
    server.on("GET", "/v1/deployments/credit-risk/assessment", bodies.assessment())
    phases = ("--normal-seconds", "1", "--drifted-seconds", "1", "--rate", "5")
    code, output = story("drift", "--state-dir", tmp_path, *phases)
    assert code == 0, output
    assert output.startswith("There will be no plot. Drawing needs matplotlib")
    assert "drift of income: 0.310" in output
