"""What `understudy why` tells of a verdict."""

import json
import re

import pytest

from tests.fakes import monitor_bodies as bodies
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.monitor import ActionView, AlertReading, Judgement
from understudy.contracts.vocabulary import ActionMode, AlertState, RuleName, Verdict

PATH = "/v1/deployments/risk/verdict"


def back(release: int | None) -> ActionView:
    recommended = {"verdict": Verdict.ROLL_BACK, "mode": ActionMode.RECOMMEND, "release": release}
    return bodies.action().model_copy(update=recommended)


def test_without_a_version_to_go_to_no_command_is_told(run: Run, server: Script) -> None:
    server.on(
        "GET",
        PATH,
        bodies.promotion(action=back(release=None)).model_copy(update={"version": None}),
    )
    assert "understudy" not in run("why", "risk").stdout


def test_the_verdict_comes_first(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.promotion())
    told = run("why", "risk").stdout.splitlines()
    assert told[0] == "risk: promote version 3 – its answers are better"
    assert "version 3 answers better than version 1" in told[1]


@pytest.mark.parametrize(
    ("concluded", "version", "told"),
    [
        ((Verdict.WAIT, RuleName.UNDECIDED), 3, "wait – the evidence is not strong enough yet"),
        ((Verdict.KEEP, RuleName.WORSE), None, "keep the main – its answers are worse"),
        ((Verdict.EQUIVALENT, RuleName.EQUIVALENT), 3, "version 3 is as good as the main"),
        ((Verdict.ROLL_BACK, RuleName.ERRORS), 2, "roll back to version 2 – too many rows fail"),
        ((Verdict.ROLL_BACK, RuleName.ERRORS), None, "roll back to the former main"),
        ((Verdict.NO_DATA, RuleName.NO_TRAFFIC), None, "no data – no rows were answered"),
    ],
)
def test_every_verdict_has_words(
    run: Run, server: Script, concluded: tuple[Verdict, RuleName], version: int | None, told: str
) -> None:
    server.on("GET", PATH, bodies.judgement(*concluded, (), version=version))
    assert told in run("why", "risk").stdout


def test_numbers_thresholds_and_what_is_expected(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.judgement())
    told = run("why", "risk").stdout
    assert "2,150 matured, 640 waiting; about 2,300 more for a decision" in told
    assert "+0.0061 [-0.0012, +0.0134] less Brier loss than the main" in told
    assert "6.3 of 40" in told
    assert "1 d old" in told


def test_nothing_more_is_expected_of_what_is_decided(run: Run, server: Script) -> None:
    decided = bodies.comparison().model_copy(update={"expected_labels": 0})
    server.on("GET", PATH, bodies.judgement(comparisons=(decided,)))
    told = run("why", "risk").stdout
    assert "2,150 matured, 640 waiting" in told
    assert "for a decision" not in told


def test_a_veto_is_told_with_what_was_observed(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.promotion())
    (line,) = [line for line in run("why", "risk").stdout.splitlines() if "vetoes" in line]
    assert line.split()[:4] == ["slow", "12,400", "8.40%", "1.00%"]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (bodies.promotion(), ("held by", "understudy promote risk 3 --expect 4")),
        (bodies.promotion(action=bodies.action(due=True)), ("automatic", "promote version 3")),
        (
            bodies.promotion(action=bodies.action(done=5)),
            ("release 5 was made", "understudy rollback risk"),
        ),
        (
            bodies.promotion(action=back(release=2)),
            ("understudy rollback risk --to 2 --expect 4",),
        ),
        # What runs beside is promoted, as the monitor would: the policy stays.
        (bodies.promotion(action=back(release=None)), ("understudy promote risk 3 --expect 4",)),
    ],
)
def test_what_the_policy_makes_of_it(
    run: Run, server: Script, found: Judgement, told: tuple[str, ...]
) -> None:
    server.on("GET", PATH, found)
    shown = run("why", "risk").stdout
    assert [part for part in told if part not in shown] == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (bodies.alert(), "firing 5 % of requests fail – speaks for rolling back"),
        (bodies.alert(excused="it began before"), "decides nothing: it began before"),
        (bodies.alert(state=AlertState.RESOLVED), "resolved 5 % of requests fail – named by"),
        (bodies.alert(named=False), "fail – not named by the policy"),
    ],
)
def test_alerts_and_what_they_say(run: Run, server: Script, found: AlertReading, told: str) -> None:
    server.on("GET", PATH, bodies.judgement().model_copy(update={"alerts": (found,)}))
    (line,) = [line for line in run("why", "risk").stdout.splitlines() if "Burn" in line]
    date = r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert told in re.sub(date, "", " ".join(line.split()))


def test_a_named_alert_that_nobody_told_of_is_seen(run: Run, server: Script) -> None:
    found = bodies.judgement().model_copy(update={"alerts_unheard": ("Nonsense",)})
    server.on("GET", PATH, found)
    assert (
        "Nonsense: named by the policy; nothing is held of it: it is well, or misspelt"
        in run("why", "risk").stdout
    )


def test_an_alarm_of_concept_drift(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.judgement(concept=bodies.concept(alarm=True)))
    assert "the loss has risen since 2026" in run("why", "risk").stdout


def test_the_state_reproduces_it(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.judgement())
    assert '{"-120": 40, "0": 1990, "260": 120}' in run("why", "risk", "--state").stdout
    assert '"-120"' not in run("why", "risk").stdout


def test_programs_get_the_body(run: Run, server: Script) -> None:
    found = bodies.promotion()
    server.on("GET", PATH, found)
    assert Judgement.model_validate(json.loads(run("why", "risk", "-o", "json").stdout)) == found


def test_watching_is_for_people(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.judgement())
    assert run("why", "risk", "--watch", "-o", "json").exit_code == 2


def test_texts_of_others_obey_no_terminal(run: Run, server: Script) -> None:
    server.on("GET", PATH, bodies.judgement(reasons=("a\x1b[2Jb",)))
    assert "\x1b" not in run("why", "risk").stdout


def test_markup_of_others_is_shown_as_text(run: Run, server: Script) -> None:
    strange = {"alert": "[/bold]x[red] :bug:", "summary": "[/] of [a]", "excused": "[/b] is"}
    alert = bodies.alert(excused="it").model_copy(update=strange)
    found = bodies.judgement(reasons=("[/red]y",)).model_copy(update={"alerts": (alert,)})
    server.on("GET", PATH, found)
    told = run("why", "risk")
    assert told.exit_code == 0
    shown = [part for part in (*strange.values(), "[/red]y") if part in told.stdout]
    assert len(shown) == 4


def test_without_an_answer_it_fails(run: Run) -> None:
    assert run("why", "risk").exit_code == 1
