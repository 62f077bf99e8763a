"""From cells to alarms: what is told, since when, and that nothing but the cells matters."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.monitor.adapters.event_log import prediction_rows
from services.monitor.domain.accounting import Delivery, Positions, State, account
from services.monitor.domain.cells import Cell, CellId
from services.monitor.domain.drifting.baselines import output_baseline
from services.monitor.domain.drifting.detecting import detect, trail_of
from services.monitor.domain.drifting.history import drift_history
from services.monitor.domain.drifting.planning import Plan, Setup, plan_drift
from services.monitor.domain.drifting.telling import DriftAlarm, DriftReading, tell
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.rules import Rules
from tests.fakes.monitor_entries import NAME, NOW, RULES, SIGNATURE, prediction_batch, sample
from understudy.contracts.judging import DriftTerms
from understudy.contracts.vocabulary import BaselineSample, DriftKind, DriftStrata, Role
from understudy.profiles.reading import read_reference
from understudy.profiles.reference import Reference
from understudy.profiles.sample_times import Ordering

ROWS = 4_000
LONG = Rules(RULES.latency_edges, 10, 1_440, 50)


def reference_of(folder: Path, ordering: Ordering | None = None, days: float = 7.0) -> Reference:
    """A time-ordered sample of a week, ending when live rows begin."""
    at = NOW - 86_400 * days * np.linspace(1, 0, ROWS, endpoint=False)
    columns = {**sample(ROWS, seed=1), "at": at.tolist()}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    (folder / "reference.parquet").write_bytes(buffer.getvalue())
    asked = Ordering("at") if ordering is None else ordering
    return read_reference(folder / "reference.parquet", SIGNATURE, 10_000, asked)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_of(Path(tmp_path_factory.mktemp("reference")))


def planned(
    reference: Reference,
    terms: DriftTerms | None = None,
    baseline: Baseline | None = None,
    doubted: tuple[int, ...] = (),
) -> Plan:
    baselines = {}
    if baseline is not None:
        baselines[Role.MAIN, 1] = output_baseline(baseline, reference.output)
    importances = {"income": 0.5, "job": 0.1}
    return plan_drift(
        Setup(reference, terms or DriftTerms(), ("no", "yes"), baselines, importances, doubted)
    )


def counted(
    reference: Reference, shifts: list[float], rows: int = 60, yes: float = 0.3
) -> dict[CellId, Cell]:
    """One minute for each shift of incomes, the last of them now."""
    state = State()
    for number, shift in enumerate(shifts):
        now = NOW - 60.0 * (len(shifts) - 1 - number)
        rng = np.random.default_rng(number)
        entry = prediction_batch(
            sample(rows, seed=100 + number, shift=shift),
            at=now,
            probabilities=rng.beta(10 * yes, 10 * (1 - yes), rows).tolist(),
        )
        delivery = Delivery(Positions(f"{number}-1"), (prediction_rows(entry),))
        state = state.after(account(state, delivery, lambda _: reference, LONG, now))
    return dict(state.cells)


def told(plan: Plan, cells: Mapping[CellId, Cell], now: float = NOW) -> DriftReading:
    return tell(NAME, 1, detect(plan, trail_of(plan), cells, now), now)


def of(reading: DriftReading, subject: str, kind: DriftKind = DriftKind.SHAPE) -> DriftAlarm:
    return next(one for one in reading.watched if (one.subject, one.kind) == (subject, kind))


def test_without_rows_there_is_nothing_to_tell(reference: Reference) -> None:
    reading = told(planned(reference), {})
    assert (reading.rows, reading.since, reading.alarms, reading.watched) == (0, None, (), ())


def test_without_drift_everything_is_watched_and_nothing_alarms(reference: Reference) -> None:
    reading = told(planned(reference), counted(reference, [0.0] * 40))
    assert (reading.rows, reading.alarms) == (40 * 60, ())
    assert {one.kind for one in reading.watched} >= {DriftKind.MISSING, DriftKind.UNSEEN}
    assert of(reading, "income").design_effect == 1.0


def test_drift_is_told_with_its_size_and_beginning(reference: Reference) -> None:
    reading = told(planned(reference), counted(reference, [0.0] * 30 + [1.0] * 20))
    alarm = next(one for one in reading.alarms if one.subject == "income")
    assert abs(alarm.since.timestamp() - (NOW - 20 * 60)) <= 4 * 60
    assert alarm.live is not None
    assert alarm.reference is not None
    assert alarm.live - alarm.reference == pytest.approx(15.0, abs=3.0)
    assert alarm.js is not None
    assert alarm.impact == pytest.approx(0.5 * alarm.js)
    assert reading.alarms[0].subject == "income"
    assert {one.subject for one in reading.alarms} == {"income", "pooled"}


def test_drift_that_is_over_is_no_alarm_any_more(reference: Reference) -> None:
    reading = told(planned(reference), counted(reference, [0.0] * 20 + [2.0] * 10 + [0.0] * 30))
    past = of(reading, "income")
    assert reading.alarms == ()
    assert past.log_evidence > past.threshold
    assert past.ended is not None
    assert abs(past.ended.timestamp() - (NOW - 29 * 60)) <= 8 * 60
    again = told(
        planned(reference), counted(reference, [0.0] * 20 + [2.0] * 10 + [0.0] * 30 + [2.0] * 9)
    )
    assert {one.subject for one in again.alarms} == {"income", "pooled"}


def test_answers_are_held_against_the_baseline(reference: Reference) -> None:
    rng = np.random.default_rng(0)
    yes = rng.beta(3, 7, 3_000)
    both = np.stack([1 - yes, yes], axis=1)
    baseline = Baseline(
        BaselineSample.EVALUATION,
        (yes > 0.5).astype(float),
        both,
        np.full(yes.size, np.nan),
        classes=2,
    )
    plan = planned(reference, baseline=baseline)
    assert told(plan, counted(reference, [0.0] * 20)).alarms == ()
    reading = told(plan, counted(reference, [0.0] * 20, yes=0.6))
    assert {one.subject for one in reading.alarms} == {"output", "classes", "pooled"}
    assert of(reading, "output").version == 1


def test_what_is_not_watched_or_not_by_the_hour_is_said(reference: Reference) -> None:
    plan = planned(reference, doubted=(3,))
    assert "Answers of version 3 are not watched" in plan.assumes
    assert "register with an evaluation sample" in plan.assumes
    scores = np.linspace(0.0, 1.0, 500)
    both = np.stack([1 - scores, scores], axis=1)
    untimed = Baseline(BaselineSample.EVALUATION, np.round(scores), both, np.round(scores), 2)
    assert "all hours together" not in planned(reference, baseline=untimed).assumes
    by_day = planned(reference, DriftTerms(strata=DriftStrata.DAY_OF_WEEK), untimed)
    assert "all hours together" in by_day.assumes


def test_bundles_and_memory_change_nothing(reference: Reference) -> None:
    """One trail over growing cells tells what a new one tells of all, with or without bundles."""
    plan, cells = planned(reference), counted(reference, [0.0] * 120 + [0.8] * 30, rows=10)
    trail, seen = trail_of(plan), dict[CellId, Cell]()
    for name in sorted(cells):
        seen[name] = cells[name]
        kept = detect(plan, trail, seen, name.minute * 60.0)
    fresh = detect(plan, trail_of(plan), cells, max(cells).minute * 60.0)
    assert kept.evidence is not None
    assert fresh.evidence is not None
    assert kept.evidence.by_start.tolist() == fresh.evidence.by_start.tolist()
    assert kept.minutes.tolist() == fresh.minutes.tolist()
    assert kept.suffixes[0].sum() == pytest.approx(fresh.suffixes[0].sum())


def test_an_hour_in_minutes_tells_what_the_hour_tells(reference: Reference) -> None:
    """Between hours, that is; the newest are minutes anyway."""
    plan, cells = planned(reference), counted(reference, [0.0] * 180 + [0.8] * 60, rows=10)
    first, *_, last = sorted({name.hour.minute for name in cells})
    kept, whole = dict[CellId, Cell](), dict[CellId, Cell]()
    for name, cell in sorted(cells.items()):
        recent, halved = name.minute >= last, name.hour.minute == first + 60
        for seen, minutes in ((whole, recent), (kept, recent or halved)):
            key = name if minutes else name.hour
            seen[key] = seen[key] + cell if key in seen else cell
    assert len(kept) == len(whole) + 59
    assert told(plan, kept) == told(plan, whole)


def test_hours_of_the_day_are_compared_with_themselves(reference: Reference) -> None:
    plan = planned(reference, DriftTerms(strata=DriftStrata.HOUR_OF_WEEK))
    assert plan.strata is DriftStrata.NONE
    assert "too few reference rows" in plan.assumes
    plan = planned(reference, DriftTerms(strata=DriftStrata.DAY_OF_WEEK))
    assert plan.strata is DriftStrata.DAY_OF_WEEK
    assert told(plan, counted(reference, [0.0] * 40)).alarms == ()
    drifted = told(plan, counted(reference, [0.0] * 20 + [1.0] * 20))
    assert {one.subject for one in drifted.alarms} == {"income", "pooled"}


def test_without_a_time_column_strata_and_effects_are_said_to_be_missing(tmp_path: Path) -> None:
    plan = planned(reference_of(tmp_path, Ordering()), DriftTerms(strata=DriftStrata.HOUR_OF_DAY))
    assert plan.strata is DriftStrata.NONE
    assert "Not compared by hour of day: no time column." in plan.assumes


def test_of_one_entity_the_first_row_of_a_minute_counts(tmp_path: Path) -> None:
    by_job = reference_of(tmp_path, Ordering("at", "job"))
    cells = counted(by_job, [0.0] * 3)
    firsts = [cell.firsts for cell in cells.values() if cell.firsts is not None]
    assert [one.cell.rows for one in firsts] == [3, 3, 3]
    reading = told(planned(by_job), cells)
    assert reading.rows == 9
    assert "Only the first row of each job in a minute counts;" in of(reading, "income").assumes


def test_history_is_by_the_hour(reference: Reference) -> None:
    found = drift_history(NAME, counted(reference, [0.0] * 90 + [2.0] * 60), reference, 50)
    assert sum(found.rows) == 150 * 60
    assert next(iter(found.features)) == "income"
    figures = [value for value in found.features["income"] if value is not None]
    assert figures[-1] > 0.5 > abs(figures[0])
