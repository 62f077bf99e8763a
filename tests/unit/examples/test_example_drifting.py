import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from examples.credit.applicants import Drift
from examples.credit.signature import SIGNATURE
from examples.drift_plot import PlottingUnavailableError, draw_plot
from examples.drifting import Demonstration, Reading, Recording
from tests.fakes.scripted_http import Script, scripted_server
from understudy.client import MonitorClient, ServingClient
from understudy.contracts.monitor import Assessment, FeatureReading, Moments, Totals
from understudy.contracts.serving import ModelRef, Prediction

PREDICT = "/v1/deployments/credit-risk/predict"
ASSESSMENT = "/v1/deployments/credit-risk/assessment"
PNG = b"\x89PNG\r\n\x1a\n"


class Watch:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        script.on(
            "POST",
            PREDICT,
            Prediction(
                prediction_id="p",
                prediction="repaid",
                model=ModelRef(name="credit-risk", version=1),
            ),
        )
        yield script


def assessment(psi: float | None) -> Assessment:
    moments = Moments(rows=100)
    return Assessment(
        deployment="credit-risk",
        release=1,
        window_from=datetime(2026, 1, 1, tzinfo=UTC),
        window_to=datetime(2026, 1, 2, tzinfo=UTC),
        rows=100,
        features=tuple(
            FeatureReading(
                feature=feature.name,
                kind=feature.kind,
                drift_psi=psi,
                live=moments,
                reference=moments,
                missing_ratio=0.1,
            )
            for feature in SIGNATURE.features
        ),
        versions=(),
        agreements=(),
        totals=Totals(predictions={}, pairs={}, pair_errors={}, labels=0),
    )


def demonstrate(server: Script) -> tuple[Demonstration, str]:
    watch = Watch()
    with ServingClient(server.url) as serving, MonitorClient(server.url) as monitor:
        shown = Demonstration(
            serving, monitor, "credit-risk", rate=4, clock=watch.read, sleep=watch.sleep
        )
        counts = shown.run(3, 5, seed=1)
    return shown, str(counts)


def recorded() -> Recording:
    recording = Recording(deployment="credit-risk", rate=50, switched_at_seconds=60)
    for second in range(0, 180, 10):
        level = max(0.0, second - 60) / 600
        recording.readings.append(
            Reading(
                at_seconds=second,
                rows=50 * second,
                drift_psi={n: level if n in Drift.shifted else 0.001 for n in SIGNATURE.names},
                missing_ratio={n: level if n in Drift.withheld else 0.0 for n in SIGNATURE.names},
            )
        )
    return recording


def test_normal_applicants_come_first_and_drifted_ones_after(server: Script) -> None:
    server.on("GET", ASSESSMENT, assessment(0.01))
    shown, counts = demonstrate(server)
    assert counts == "32 answered (32 by v1)"
    assert shown.recording.switched_at_seconds == pytest.approx(3.0)
    purposes = [
        row["purpose"]
        for asked in server.asked
        if asked.path == PREDICT and isinstance(row := asked.json, dict)
    ]
    usual, drifted = purposes[:12], purposes[12:]
    surging = Drift().surging_purpose
    assert drifted.count(surging) / 20 > usual.count(surging) / 12
    assert len(shown.recording.readings) >= 8
    assert shown.recording.readings[-1].drift_psi["income"] == 0.01


def test_a_figure_that_cannot_be_had_is_left_out(server: Script) -> None:
    server.on("GET", ASSESSMENT, assessment(None))
    shown, _ = demonstrate(server)
    assert shown.recording.readings[-1].drift_psi == {}
    assert set(shown.recording.features) == set(SIGNATURE.names)


def test_a_silent_monitor_leaves_gaps_and_stops_nothing(server: Script) -> None:
    server.problem("GET", ASSESSMENT, 503, "not ready", None)
    shown, counts = demonstrate(server)
    assert shown.recording.gaps >= 8
    assert shown.recording.readings == []
    assert counts == "32 answered (32 by v1)"


def test_the_verdict_sets_what_was_shifted_against_the_highest_of_the_rest() -> None:
    verdict = recorded().verdict()
    assert set(verdict) == {*Drift.shifted, "others"}
    assert verdict["others"] == 0.001
    assert min(verdict[name] for name in Drift.shifted) > 0.1


def test_a_recording_can_be_kept_and_drawn(tmp_path: Path) -> None:
    recorded().write(tmp_path / "state" / "recording.json")
    kept = Recording.model_validate_json((tmp_path / "state" / "recording.json").read_bytes())
    assert kept == recorded()
    draw_plot(kept, tmp_path / "plots" / "drift.png")
    assert (tmp_path / "plots" / "drift.png").read_bytes().startswith(PNG)


def test_an_empty_recording_is_drawn_too(tmp_path: Path) -> None:
    draw_plot(Recording(deployment="credit-risk", rate=1), tmp_path / "drift.png")
    assert (tmp_path / "drift.png").exists()


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PlottingUnavailableError, match="matplotlib"):
        draw_plot(recorded(), tmp_path / "drift.png")
