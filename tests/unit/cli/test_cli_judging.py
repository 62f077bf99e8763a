"""How versions are judged, from the command line: only what is named changes."""

import pytest
from pydantic import TypeAdapter

from tests.fakes.registry_bodies import deployment, release, version
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.cli.durations import duration_text
from understudy.contracts.judging import (
    Actions,
    ComparisonTerms,
    DriftTerms,
    GuardRails,
    Judging,
)
from understudy.contracts.policy import Policy
from understudy.contracts.vocabulary import (
    ActionMode,
    DriftStrata,
    LossName,
    ReleaseKind,
    VersionState,
)

RELEASES = "/v1/deployments/risk/releases"
JUDGING = Judging(
    ComparisonTerms(LossName.LOG_LOSS, clip=2.0, margin=0.1, label_horizon_seconds=30 * 86_400),
    GuardRails(slow_seconds=0.25, protected="gender", risk_tolerance=0.2),
    Actions(promote=ActionMode.AUTOMATIC, alerts=("Burn",)),
    DriftTerms(strata=DriftStrata.HOUR_OF_WEEK, entity="customer"),
)


def judged(run: Run, server: Script, *options: str, before: Judging | None = None) -> Judging:
    """What is sent when the options are typed."""
    policy = Policy(judging=before or Judging())
    server.on("GET", "/v1/deployments/risk", deployment(release(7, 1, policy=policy)))
    server.on("POST", RELEASES, release(8, 1, kind=ReleaseKind.CONFIGURE), 201)
    result = run("configure", "risk", *options)
    assert result.exit_code == 0, result.stderr
    body = server.sent("POST")[-1].json
    assert isinstance(body, dict)
    return TypeAdapter(Judging).validate_python(body["policy"]["judging"])


def test_every_option_has_its_place(run: Run, server: Script) -> None:
    options = (
        *("--loss", "log-loss", "--clip", "2", "--margin", "0.1", "--alpha", "0.01"),
        *("--label-horizon", "30d", "--minimum-labels", "50", "--promote", "automatic"),
        *("--roll-back", "off", "--cool-down", "2h", "--minimum-rows", "10"),
        *("--alert-rollback", "Burn", "--alert-rollback", "SlowBurn"),
        *("--max-errors", "0.02", "--slow-seconds", "0.25", "--max-slow", "0.03"),
        *("--max-invalid", "0.04", "--protected", "gender", "--fairness-gap", "0.1"),
        *("--risk-tolerance", "0.2", "--drift-tolerance", "0.01"),
        *("--drift-strata", "hour-of-week", "--drift-entity", "customer"),
    )
    assert judged(run, server, *options) == Judging(
        ComparisonTerms(LossName.LOG_LOSS, 2.0, 0.1, 0.01, 30 * 86_400, 50),
        GuardRails(0.02, 0.25, 0.03, 0.04, "gender", 0.1, 0.2),
        Actions(ActionMode.AUTOMATIC, ActionMode.OFF, 7_200, 10, ("Burn", "SlowBurn")),
        DriftTerms(0.01, DriftStrata.HOUR_OF_WEEK, "customer"),
    )


def test_what_is_not_named_stays(run: Run, server: Script) -> None:
    found = judged(run, server, "--roll-back", "automatic", before=JUDGING)
    assert found.actions == Actions(ActionMode.AUTOMATIC, ActionMode.AUTOMATIC, alerts=("Burn",))
    assert (found.comparison, found.rails, found.drift) == (
        *(JUDGING.comparison, JUDGING.rails, JUDGING.drift),
    )


def test_off_is_as_it_would_be_unless_stated(run: Run, server: Script) -> None:
    named = ("loss", "clip", "margin", "slow-seconds", "protected", "risk-tolerance")
    options = [
        f"--{name}=off" for name in (*named, "drift-strata", "drift-entity", "alert-rollback")
    ]
    found = judged(run, server, *options, before=JUDGING)
    assert found == Judging(
        ComparisonTerms(label_horizon_seconds=30 * 86_400),
        actions=Actions(promote=ActionMode.AUTOMATIC),
    )


@pytest.mark.parametrize(
    ("alerts", "told"),
    [
        (("Burn", "[x]Slow"), "Speak for rolling back: Burn, [x]Slow; as alerts of the rules"),
        ((), "No alert speaks for rolling back."),
    ],
)
def test_alerts_that_now_guard_are_told(
    run: Run, server: Script, alerts: tuple[str, ...], told: str
) -> None:
    policy = Policy(judging=Judging(actions=Actions(alerts=alerts)))
    server.on("GET", "/v1/deployments/risk", deployment(release(7, 1)))
    made = release(8, 1, kind=ReleaseKind.CONFIGURE, policy=policy)
    server.on("POST", RELEASES, made, 201)
    options = [f"--alert-rollback={name}" for name in alerts or ("off",)]
    assert told in run("configure", "risk", *options).stderr
    assert "rolling back" not in run("configure", "risk", "--alpha", "0.01").stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--loss", "hinge"), "--loss takes brier, log-loss, zero-one, absolute, squared"),
        (("--clip", "wide"), "--clip takes a number or off, not 'wide'"),
        (("--clip", "-1"), "--clip: clip is a finite number above 0"),
        (("--clip", "inf"), "--clip: clip is a finite number above 0"),
        (("--alpha", "0.9"), "--alpha: alpha is a probability of 1e-09 to 0.5"),
        (("--max-errors", "nan"), "--max-errors: errors is a share"),
        (("--label-horizon", "soon"), "'soon' is no duration"),
        (("--label-horizon", "400d"), "between 0 and 366 days"),
        (("--drift-strata", "month"), "--drift-strata takes none, hour-of-day"),
        (("--minimum-labels", "0"), "minimum_labels is 1 to 10,000,000"),
        (("--minimum-labels", "20000000"), "minimum_labels is 1 to 10,000,000"),
        (("--slow-seconds", "3601"), "slow_seconds is at most 3600"),
        (("--alert-rollback", "a,b"), "--alert-rollback: an alert's name is 1 to 128"),
        (
            ("--alert-rollback", "Burn", "--alert-rollback", "off"),
            "--alert-rollback takes names or off, not both",
        ),
        (("--promote", "always"), "'always' is not one of"),
    ],
)
def test_a_wrong_option_is_told_what_it_takes(
    run: Run, server: Script, options: tuple[str, ...], told: str
) -> None:
    server.on("GET", "/v1/deployments/risk", deployment(release(1, 1)))
    result = run("configure", "risk", *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert server.sent("POST") == []


def test_what_is_unusual_is_told_in_the_words_of_the_options(run: Run, server: Script) -> None:
    current = release(2, 1, policy=Policy(judging=JUDGING))
    server.on("GET", "/v1/deployments/risk", deployment(current))
    told = " ".join(run("status", "risk").stdout.split())
    assert (
        "loss log-loss, clip 2, margin 0.1, label horizon 30d, promote automatic, "
        "alert rollback Burn, "
        "slow seconds 0.25, protected gender, risk tolerance 0.2, drift strata hour-of-week, "
        "drift entity customer"
    ) in told


def test_deploy_keeps_how_versions_are_judged(run: Run, server: Script) -> None:
    current = release(2, 1, policy=Policy(judging=JUDGING))
    server.on("GET", "/v1/deployments/risk", deployment(current))
    server.on("POST", RELEASES, release(3, 1, kind=ReleaseKind.CONFIGURE), 201)
    server.on("GET", "/v1/models/risk/versions/1", version(1, VersionState.DEPLOYED))
    assert run("deploy", "risk", "1", "--name", "risk", "--durability", "relaxed").exit_code == 0
    body = server.sent("POST")[-1].json
    assert isinstance(body, dict)
    assert TypeAdapter(Judging).validate_python(body["policy"]["judging"]) == JUDGING


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0.0, "0s"), (0.5, "0.5s"), (10.0, "10s"), (60.0, "1m"), (90.0, "90s")),
        *((3_600.0, "1h"), (5_400.0, "90m"), (86_400.0, "1d"), (30 * 86_400.0, "30d")),
    ],
)
def test_durations_are_told_in_their_largest_unit(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
