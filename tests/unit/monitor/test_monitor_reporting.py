"""Reports: one at a time, on any window, handed out again, and kept at alarms."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from services.monitor.adapters.event_log import prediction_rows
from services.monitor.domain.drifting.telling import DriftAlarm, DriftReading
from services.monitor.domain.errors import (
    InvalidWindowError,
    NothingObservedError,
    ReportDeadlineError,
    ReportFailedError,
    UnknownReportError,
)
from services.monitor.domain.reports import Ask, KeptReport, Span, feature_lines
from services.monitor.domain.sampling import EvenSample
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Sources
from services.monitor.operations.alarm_reports import AlarmReports
from services.monitor.operations.report_asides import aside_of, evidence_of, named
from services.monitor.operations.watching import Watch
from services.monitor.ports import ReportOrder
from tests.fakes.monitor import CannedReports, MemoryLog, MemoryReferences, MemoryStore
from tests.fakes.monitor_entries import (
    NAME,
    NOW,
    RULES,
    deployment,
    prediction_batch,
    reference_profile,
    sample,
)
from tests.fakes.monitor_figures import judgement
from tests.fakes.monitor_reports import MemoryShelf, reporting_of
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts.vocabulary import DriftKind, Verdict

pytestmark = pytest.mark.anyio

HOUR = 3_600.0


class World:
    """A deployment, a clock that is set by hand, and what reports are made of."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.log, self.numbers, self.shelf = MemoryLog(), CollectorRegistry(), MemoryShelf()
        self.reports = CannedReports()
        self.sources = Sources(
            log=self.log,
            store=MemoryStore(),
            references=MemoryReferences({"b" * 64: reference_profile(folder)}),
            outcomes=MemoryOutcomes(),
            metrics=MonitorMetrics(self.numbers),
            rules=RULES,
            clock=lambda: self.now,
        )
        self.watch = Watch(deployment(), self.sources)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_report_is_made_once_and_handed_out_again(world: World) -> None:
    world.log.append(prediction_batch(sample(5)))
    reporting = reporting_of(world.sources, reports=world.reports)
    first = await asyncio.gather(*(reporting.page(world.watch, Ask()) for _ in range(3)))
    assert len(set(first)) == len(world.reports.orders) == 1
    world.now += 61.0
    assert await reporting.page(world.watch, Ask()) != first[0]
    assert sum(len(rows.ids) for rows in world.reports.orders[0].rows) == 5


async def test_a_fresh_report_waits_for_no_other_that_is_being_made(world: World) -> None:
    class Held(CannedReports):
        async def render(self, order: ReportOrder, deadline_seconds: float) -> bytes:
            if any(name == "Sample" for name, _ in order.facts):
                await asyncio.sleep(60.0)
            return await super().render(order, deadline_seconds)

    world.log.append(prediction_batch(sample(150)))
    reporting = reporting_of(world.sources, reports=Held(), deadline_seconds=30.0)
    page = await reporting.page(world.watch, Ask())
    long = Ask(Span(NOW - HOUR, NOW + HOUR))
    making = asyncio.create_task(reporting.page(world.watch, long))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1.0):
        assert await reporting.page(world.watch, Ask()) == page
    assert not making.done()
    making.cancel()


async def test_without_rows_there_is_no_report(world: World) -> None:
    reporting = reporting_of(world.sources)
    with pytest.raises(NothingObservedError, match="has not answered any predictions"):
        await reporting.page(world.watch, Ask())


async def test_a_report_has_a_deadline(world: World) -> None:
    class Endless:
        async def render(self, order: ReportOrder, deadline_seconds: float) -> bytes:
            await asyncio.sleep(deadline_seconds + 60)
            return order.title.encode()

    world.log.append(prediction_batch(sample(5)))
    reporting = reporting_of(world.sources, reports=Endless(), deadline_seconds=0.01)
    with pytest.raises(ReportDeadlineError):
        await reporting.page(world.watch, Ask())


async def test_a_window_has_its_own_rows_and_version(world: World) -> None:
    for hour, main in ((0, 1), (1, 2), (2, 2)):
        entry = prediction_batch(sample(10 + hour), at=NOW - hour * HOUR, main=main)
        world.log.append(entry)
    reporting = reporting_of(world.sources, reports=world.reports)
    await reporting.page(world.watch, Ask(Span(NOW - 1.5 * HOUR, NOW - 0.5 * HOUR)))
    await reporting.page(world.watch, Ask(Span(NOW - 3 * HOUR, NOW + 1), version=2))
    orders = world.reports.orders
    assert [sum(len(rows.ids) for rows in order.rows) for order in orders] == [11, 23]
    assert orders[1].title == f"{NAME}: release 1, version 2"
    with pytest.raises(InvalidWindowError, match="does not have version 9 now; it has 1, 2"):
        await reporting.page(world.watch, Ask(version=9))


async def test_an_empty_window_says_how_far_back_the_log_reaches(world: World) -> None:
    world.log.append(prediction_batch(sample(5)))
    reporting = reporting_of(world.sources)
    with pytest.raises(NothingObservedError, match=r"in that window\. What is kept begins at 2027"):
        await reporting.page(world.watch, Ask(Span(NOW - 2 * HOUR, NOW - HOUR)))
    with pytest.raises(NothingObservedError, match="by version 2 as main"):
        await reporting.page(world.watch, Ask(version=2))


async def test_large_windows_are_sampled_and_say_so(world: World) -> None:
    for at in range(30):
        world.log.append(prediction_batch(sample(50, at), at=NOW - at, first_id=50 * at))
    reporting = reporting_of(world.sources, reports=world.reports)
    await reporting.page(world.watch, Ask(Span(NOW - HOUR, NOW + 1)))
    [order] = world.reports.orders
    assert dict(order.facts)["Sample"] == "100 of 1500 predictions, evenly spread"
    assert len({float(rows.at[0]) for rows in order.rows}) >= 25


async def test_a_version_is_sampled_among_its_own_rows(world: World) -> None:
    for at in range(30):
        main = 2 if at == 15 else 1
        world.log.append(prediction_batch(sample(50, at), at=NOW - at, first_id=50 * at, main=main))
    reporting = reporting_of(world.sources, reports=world.reports)
    await reporting.page(world.watch, Ask(Span(NOW - HOUR, NOW + 1), version=2))
    [order] = world.reports.orders
    assert sum(len(rows.ids) for rows in order.rows) == 50
    assert "Sample" not in dict(order.facts)
    window = "2027-01-15 08:00:15 to 2027-01-15 08:00:15 UTC"
    assert dict(order.facts)["Answered"] == window


async def test_our_own_figures_stand_beside(world: World) -> None:
    world.log.append(prediction_batch(sample(100, shift=2.0)))
    reporting = reporting_of(world.sources, reports=world.reports, telling=aside_of)
    await world.watch.step()
    await reporting.page(world.watch, Ask())
    [order] = world.reports.orders
    assert order.figures[0].feature == "income"
    assert (order.figures[0].psi or 0.0) > 1.0
    assert (order.figures[0].js or 0.0) > 0.1
    assert order.figures[0].live == pytest.approx(130, abs=6)
    assert order.figures[0].reference == pytest.approx(100, abs=2)
    assert "Drift" in {name.split()[0] for name, _ in order.facts}
    # What is evident now says nothing of windows that are over.
    await reporting.page(world.watch, Ask(Span(NOW - HOUR, NOW + 1)))
    world.now += HOUR
    await reporting.page(world.watch, Ask(Span(NOW - HOUR, NOW + 1)))
    now, then = world.reports.orders[1:]
    assert {"Kept since", "Drift alarm"} <= {name for name, _ in now.facts}
    assert {name for name, _ in then.facts} == {"Answered", "Made at", "Kept since"}
    assert dict(now.facts)["Made at"] != dict(then.facts)["Made at"]


def test_features_without_figures_come_last(tmp_path: Path) -> None:
    reference = reference_profile(tmp_path)
    columns = {**sample(100), "children": [None] * 100}
    lines = feature_lines(
        [prediction_rows(prediction_batch(columns))], reference, RULES, {"job": 2.0}, {"job": 0.1}
    )
    assert lines[-1].feature == "children"
    assert (lines[-1].psi, lines[-1].missing_ratio) == (None, 1.0)
    [job] = [line for line in lines if line.feature == "job"]
    assert (job.evidence, job.importance, job.live) == (2.0, 0.1, None)


@pytest.mark.parametrize("sizes", [[1] * 777, [100] * 9, [1_000], [3, 500, 1, 2] * 5, [40]])
def test_a_sample_is_bounded_and_even(sizes: list[int]) -> None:
    sample_of, first = EvenSample(50), 0
    for size in sizes:
        entry = prediction_batch(sample(size), first_id=first)
        sample_of.add(prediction_rows(entry))
        first += size
    ids = [int(name[1:]) for entry in sample_of.rows() for name in entry.ids]
    assert sample_of.seen == first
    assert len(ids) == min(50, first)
    assert ids == sorted(set(ids))
    assert np.diff(ids).max(initial=0) <= 4 * first / 50 + 1


async def test_kept_reports_are_listed_and_shown(world: World) -> None:
    world.log.append(prediction_batch(sample(5)))
    reporting = reporting_of(world.sources, reports=world.reports, shelf=world.shelf)
    report = await reporting.keep(world.watch, "drift: income (shape)")
    assert await reporting.kept(NAME) == [report]
    assert (report.rows, report.reason, report.release) == (5, "drift: income (shape)", 1)
    assert report.begins == report.ends == datetime.fromtimestamp(NOW, UTC)
    assert await reporting.kept_page(NAME, report.id) == b"<html>report 1</html>"
    with pytest.raises(UnknownReportError):
        await reporting.kept_page(NAME, "../../etc/passwd")


def alarm(subject: str, kind: DriftKind = DriftKind.SHAPE, evidence: float = 20.0) -> DriftAlarm:
    return DriftAlarm(subject, kind, evidence, 10.0, datetime.fromtimestamp(NOW, UTC), "")


class Drifted(Watch):
    """A watch whose drift is set by hand."""

    alarms: tuple[DriftAlarm, ...] = ()

    def drift(self) -> DriftReading:
        at = datetime.fromtimestamp(NOW, UTC)
        return DriftReading(NAME, 1, at, at, 100, self.alarms, self.alarms)


class Alarmed:
    """Alarm reports of one deployment."""

    def __init__(self, world: World, shelf: MemoryShelf) -> None:
        self.watch = Drifted(deployment(), world.sources)
        watches: Mapping[str, Watch] = {NAME: self.watch}
        reporting = reporting_of(world.sources, reports=world.reports, shelf=shelf)
        self.reports = AlarmReports(lambda: watches, world.sources, reporting)

    async def look(self, *alarms: DriftAlarm) -> None:
        self.watch.alarms = alarms
        await self.reports.step()


async def test_an_alarm_that_begins_is_reported_once_an_hour(world: World) -> None:
    world.log.append(prediction_batch(sample(5)))
    desk = Alarmed(world, world.shelf)
    income, job = alarm("income"), alarm("job", DriftKind.UNSEEN)
    await desk.look()
    for found in ((income,), (income,), (), (income,), (income, job)):
        await desk.look(*found)
    assert _reasons(world) == ["drift: job (unseen)", "drift: income (shape)"]
    # A restart, or another monitor, reads off the shelf what was reported.
    await Alarmed(world, world.shelf).look(income, job)
    assert len(_reasons(world)) == 2
    world.now += HOUR + 1
    await desk.look()
    await desk.look(income)
    assert len(_reasons(world)) == 3


async def test_many_alarms_at_once_make_one_report(world: World) -> None:
    world.log.append(prediction_batch(sample(5)))
    desk = Alarmed(world, world.shelf)
    await desk.look(*(alarm(f"f{at}") for at in range(7)))
    [reason] = _reasons(world)
    assert reason.count("drift: f") == 5
    assert reason.endswith("; and 2 more")


async def test_alarms_that_last_are_not_reported_again_after_a_restart(world: World) -> None:
    world.log.append(prediction_batch(sample(5)))
    alarms = [alarm(f"f{at}") for at in range(7)]
    await Alarmed(world, world.shelf).look(*alarms)
    world.now += 5 * HOUR
    desk = Alarmed(world, world.shelf)
    await desk.look(*alarms)
    assert len(_reasons(world)) == 1
    anew = replace(alarms[6], since=datetime.fromtimestamp(world.now - HOUR, UTC))
    await Alarmed(world, world.shelf).look(*alarms[:6], anew)
    assert _reasons(world)[0] == "drift: f6 (shape)"


async def test_a_verdict_to_roll_back_is_reported_once_for_a_release(world: World) -> None:
    world.log.append(prediction_batch(sample(5)))
    for release, seconds in ((1, 0.0), (1, 5 * HOUR), (2, 9 * HOUR)):
        world.now = NOW + seconds
        desk = Alarmed(world, world.shelf)
        released_at = datetime.fromtimestamp(NOW + (release - 1.5) * HOUR, UTC)
        desk.watch.deployment = desk.watch.deployment.model_copy(
            update={"release": release, "released_at": released_at}
        )
        desk.watch.judged = replace(judgement(NAME), verdict=Verdict.ROLL_BACK)
        await desk.look()
    assert _reasons(world) == ["verdict: roll back"] * 2


async def test_a_report_that_fails_is_counted_and_not_tried_at_each_look(world: World) -> None:
    class Failing(CannedReports):
        async def render(self, order: ReportOrder, deadline_seconds: float) -> bytes:
            self.orders.append(order)
            raise ReportFailedError(f"{deadline_seconds}")

    world.reports = Failing()
    world.log.append(prediction_batch(sample(5)))
    desk = Alarmed(world, world.shelf)
    for _ in range(3):
        await desk.look(alarm("income"))
    name = "understudy_monitor_report_failures_total"
    assert world.numbers.get_sample_value(name, {"deployment": NAME}) == 1.0
    assert (len(world.reports.orders), _reasons(world)) == (1, [])


def test_evidence_and_names_of_alarms() -> None:
    watched = [alarm("income", evidence=5.0), alarm("income", DriftKind.MISSING, 30.0)]
    assert evidence_of(watched) == [("income", 3.0)]
    assert named(watched[1]) == "income (missing)"


def _reasons(world: World) -> list[str]:
    held: list[KeptReport] = [report for report, _ in world.shelf.held.get(NAME, {}).values()]
    return [report.reason for report in reversed(held)]
