"""The fake keeps what the SQL store keeps, and lets go of what that lets go of."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from services.monitor.adapters.outcome_store import SqlOutcomes
from services.monitor.adapters.outcome_store.tally_codec import (
    UnknownTallyError,
    decode_tally,
    encode_tally,
)
from services.monitor.domain.deciding.deeds import Deed
from services.monitor.domain.errors import OutcomesUnavailableError, UnknownOutcomesError
from services.monitor.domain.outcomes.facts import Incoming, Standing
from services.monitor.domain.outcomes.tallies import CohortTally
from services.monitor.domain.reports import Span
from services.monitor.domain.rows import (
    LabelRows,
    PairRows,
    PredictionRows,
    ProtectedRows,
    Responses,
)
from services.monitor.ports import Outcomes
from tests.fakes.outcome_facts import (
    BEGAN,
    NAME,
    TARGETS,
    Entry,
    Story,
    after_all,
    seen,
    terms_of,
    written,
)
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts.vocabulary import Label, Verdict

pytestmark = pytest.mark.anyio

TARGET, TERMS = TARGETS["binary"], terms_of("binary")
DAY = 86_400.0


@pytest.fixture(params=["memory", *DATABASES])
def outcomes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outcomes]:
    if request.param == "memory":
        yield MemoryOutcomes(after_all)
        return
    store = SqlOutcomes(fresh_url(request.param, tmp_path), after_all)
    yield store
    store.close()


def predictions(ids: Sequence[str], yes: float = 0.8, at: float = BEGAN) -> PredictionRows:
    rows = len(ids)
    return PredictionRows(1, 1, [*ids], np.full(rows, at), np.zeros(rows), {}, said(rows, yes))


def said(rows: int, yes: float) -> Responses:
    chances = np.tile([1 - yes, yes], (rows, 1))
    return Responses(np.full(rows, float(yes > 0.5)), chances, TARGET.classes)


def pairs(ids: Sequence[str], yes: float, outcome: str = "ok", at: float = BEGAN) -> PairRows:
    rows, main = len(ids), said(len(ids), 0.8)
    times, nothing = np.full(rows, at), np.full(rows, np.nan)
    outcomes = [outcome] * rows
    return PairRows(
        1, 1, 2, [*ids], times, main, said(rows, yes), nothing, outcomes, nothing, nothing
    )


def labels(ids: Sequence[str], label: Label, at: float = BEGAN + 60.0) -> LabelRows:
    rows = len(ids)
    return LabelRows(tuple(ids), (label,) * rows, (at,) * rows, (None,) * rows, (None,) * rows)


def protected(ids: Sequence[str], group: str, at: float = BEGAN) -> ProtectedRows:
    return ProtectedRows(tuple(ids), ({"sex": group},) * len(ids), (at,) * len(ids))


async def tell(outcomes: Outcomes, *entries: Entry) -> None:
    await outcomes.apply(
        Incoming(
            NAME,
            TARGET,
            TERMS,
            [entry for entry in entries if isinstance(entry, PredictionRows)],
            [entry for entry in entries if isinstance(entry, PairRows)],
            [entry for entry in entries if isinstance(entry, LabelRows)],
            [entry for entry in entries if isinstance(entry, ProtectedRows)],
        )
    )


async def tally(outcomes: Outcomes) -> CohortTally:
    (found,) = (await outcomes.tallies(NAME, 0.0)).values()
    return found


async def test_nothing_is_known_at_first(outcomes: Outcomes) -> None:
    assert await outcomes.tallies(NAME, 0.0) == {}
    assert await outcomes.standing(NAME) == Standing()
    assert (await outcomes.newest_losses(NAME, 1, Span(0.0, after_all()), 10)).losses.size == 0
    assert [*await outcomes.joined(NAME, ["a"])] == []
    assert [*await outcomes.deeds(NAME)] == []
    assert [*await outcomes.deployments()] == []
    assert await outcomes.expire(NAME, after_all()) == 0
    assert await outcomes.expire_protected(NAME, after_all()) == 0


async def test_answers_labels_and_groups_are_joined(outcomes: Outcomes) -> None:
    await tell(outcomes, labels(["a", "b", "late"], "yes"), protected(["a"], "f"))
    assert await outcomes.standing(NAME) == Standing(parked=3, parked_protected=1)
    await tell(outcomes, predictions(["a", "b", "c"]), pairs(["a", "c"], 0.4))
    found = await tally(outcomes)
    assert await outcomes.standing(NAME) == Standing(parked=1)
    assert [*await outcomes.deployments()] == [NAME]
    main, rival = found.versions[1], found.versions[2]
    assert (main.rows, main.labelled, rival.rows, rival.labelled) == (3, 2, 2, 1)
    # (0.2² - 0.6²) / 0.5: the challenger is worse.
    assert found.couples[2].differences.mean == pytest.approx(-0.64, abs=1e-4)
    assert found.groups[1, "sex", "f"].true_positives == 1
    assert dict(found.labels) == {"yes": 2}


async def test_a_challenger_that_failed_is_the_worst(outcomes: Outcomes) -> None:
    await tell(outcomes, predictions(["a"]), pairs(["a"], 0.4, "timeout"), labels(["a"], "no"))
    found = await tally(outcomes)
    assert found.versions[2].failed == 1
    assert (found.couples[2].challenger_failed, found.couples[2].differences.mean) == (1, -1.0)


async def test_of_several_answers_one_counts_whatever_their_order(outcomes: Outcomes) -> None:
    await tell(outcomes, labels(["a"], "yes"))
    told = [
        (predictions(["a"], 0.1, BEGAN + 3), pairs(["a"], 0.1, at=BEGAN + 3)),
        (predictions(["a"], 0.8), pairs(["a"], 0.7, "timeout", at=BEGAN - 9)),
        (predictions(["a", "a"], 0.3, BEGAN + 1), pairs(["a"], 0.6)),
    ]
    for entries in told:
        await tell(outcomes, *entries)
    # An answer goes before a failure, the earliest before the others.
    found = written(await outcomes.tallies(NAME, 0.0))
    assert (await tally(outcomes)).couples[2].differences.mean == pytest.approx(-0.24, abs=1e-4)
    for entries in told:
        await tell(outcomes, *entries)
    assert written(await outcomes.tallies(NAME, 0.0)) == found


async def test_the_latest_label_counts_whichever_comes_last(outcomes: Outcomes) -> None:
    events = [labels(["a"], "no", BEGAN + 1), labels(["a"], "yes", BEGAN + 9)]
    await tell(outcomes, predictions(["a"]))
    for event in (*reversed(events), *events):
        await tell(outcomes, event)
    found = await tally(outcomes)
    assert dict(found.labels) == {"yes": 1}
    assert await outcomes.standing(NAME) == Standing(corrected=1)
    await tell(outcomes, labels(["a"], "yes", BEGAN + 20), labels(["a"], "perhaps", BEGAN + 30))
    assert dict((await tally(outcomes)).labels) == {"yes": 1}
    assert await outcomes.standing(NAME) == Standing(corrected=1, duplicates=1, refused=1)


async def test_a_group_is_corrected_by_a_later_one(outcomes: Outcomes) -> None:
    await tell(outcomes, predictions(["a"]), protected(["a"], "f", BEGAN + 1))
    await tell(outcomes, protected(["a"], "m", BEGAN + 2))
    await tell(outcomes, protected(["a"], "x", BEGAN))
    assert [*(await tally(outcomes)).groups] == [(1, "sex", "m")]


def of_release(number: int, ids: Sequence[str], main: int = 1) -> PredictionRows:
    return replace(predictions(ids), release=number, main=main)


async def test_rows_have_the_terms_of_their_release(outcomes: Outcomes) -> None:
    await tell(outcomes, predictions(["a"]))
    wide = replace(TERMS, clip=0.25)
    late = [of_release(1, ["a", "b"]), of_release(2, ["c"]), of_release(3, ["d"])]
    await outcomes.apply(Incoming(NAME, TARGET, wide, late, release=3))
    narrow = Incoming(NAME, TARGET, TERMS, release=4)
    await outcomes.apply(replace(narrow, predictions=[of_release(3, ["e"])]))
    await tell(outcomes, labels(["a", "b", "c", "d", "e"], "yes"))
    found = await outcomes.tallies(NAME, 0.0)
    assert {(c.release, c.terms): held.versions[1].labelled for c, held in found.items()} == {
        (1, TERMS.fingerprint): 2,
        (2, TERMS.fingerprint): 1,
        (3, wide.fingerprint): 2,
    }


async def test_a_main_that_left_has_its_own_terms(outcomes: Outcomes) -> None:
    former = replace(TERMS, scale=3.0)
    rows = [of_release(1, ["a"], main=7), of_release(2, ["b"], main=8)]
    await outcomes.apply(Incoming(NAME, TARGET, TERMS, rows, others={7: former}, release=2, main=8))
    found = await outcomes.tallies(NAME, 0.0)
    assert {cohort.main: cohort.terms for cohort in found} == {
        7: former.fingerprint,
        8: TERMS.fingerprint,
    }


async def test_a_name_that_is_used_again_is_another_deployment(outcomes: Outcomes) -> None:
    three = TARGETS["multiclass"]
    await tell(outcomes, predictions(["a"]), labels(["parked"], "yes"))
    again = Incoming(NAME, three, terms_of("multiclass"), release=5, first_release=5)
    said_now = Responses(np.array([2.0]), np.array([[0.1, 0.1, 0.7, 0.1]]), three.classes)
    now = replace(of_release(5, ["b"]), responses=said_now)
    told = [labels(["a", "b", "parked"], 3)]
    await outcomes.apply(replace(again, predictions=[now, of_release(1, ["z"])], labels=told))
    (cohort,) = await outcomes.tallies(NAME, 0.0)
    assert cohort.release == 5
    assert await outcomes.standing(NAME) == Standing(parked=2)
    # A monitor that has not heard of it yet does no harm.
    await tell(outcomes, labels(["a"], "yes"), protected(["a"], "f"))
    assert [*await outcomes.tallies(NAME, 0.0)] == [cohort]
    assert [*await outcomes.deployments()] == [NAME]
    assert await outcomes.expire(NAME, after_all()) == 8


async def test_texts_are_no_groups(outcomes: Outcomes) -> None:
    await tell(outcomes, predictions(["a"]), protected(["a"], "x" * 41))
    assert not (await tally(outcomes)).groups
    assert await outcomes.expire_protected(NAME, after_all()) == 0


async def test_it_is_known_how_long_rows_take_to_mature(outcomes: Outcomes) -> None:
    assert await outcomes.maturing_seconds(NAME) == 0.0
    await tell(outcomes, predictions(["a"]))
    assert await outcomes.maturing_seconds(NAME) == 40.0


async def test_losses_come_in_the_order_of_prediction(outcomes: Outcomes) -> None:
    for number, yes in enumerate((0.9, 0.8, 0.7, 0.6)):
        await tell(outcomes, predictions([f"p{number}"], yes, BEGAN - 60.0 * number))
    await tell(outcomes, labels(["p3", "p0", "p2"], "yes"))
    found = await outcomes.newest_losses(NAME, 1, Span(0.0, BEGAN), 2)
    assert found.at.tolist() == [BEGAN - 180.0, BEGAN - 120.0]
    assert found.losses == pytest.approx([0.4**2, 0.3**2])
    later = await outcomes.newest_losses(NAME, 1, Span(BEGAN - 120.0, BEGAN), 2)
    assert later.at.tolist() == [BEGAN - 120.0]
    (rows,) = await outcomes.joined(NAME, ["p3", "p1", "never"])
    assert sorted(rows.ids) == ["p1", "p3"]


async def test_tallies_are_those_of_cohorts_that_end_later(outcomes: Outcomes) -> None:
    await tell(outcomes, predictions(["a"]), predictions(["b"], at=BEGAN + 10.0))
    assert len(await outcomes.tallies(NAME, BEGAN + 5.0)) == 2
    assert [name.start for name in await outcomes.tallies(NAME, BEGAN + 10.0)] == [BEGAN + 10]
    assert len(await outcomes.tallies(NAME, 0.0)) == 2


async def test_old_cohorts_are_merged_and_late_labels_find_them(outcomes: Outcomes) -> None:
    ids = [f"p{number}" for number in range(30)]
    for number, name in enumerate(ids):
        await tell(outcomes, predictions([name], at=BEGAN + 10.0 * number))
    assert len(await outcomes.tallies(NAME, 0.0)) == 30
    await tell(outcomes, predictions(["hours later"], at=BEGAN + 6 * 3_600.0))
    assert {name.seconds for name in await outcomes.tallies(NAME, 0.0)} == {3_600, 10}
    await tell(outcomes, predictions(["days later"], at=BEGAN + 6 * DAY))
    await tell(outcomes, labels(ids, "yes"))
    merged, newest = sorted((await outcomes.tallies(NAME, 0.0)).items())
    assert (merged[0].seconds, merged[1].versions[1].labelled) == (DAY, 30)
    assert newest[0].seconds == 10


async def test_what_is_old_is_let_go_of_and_stays_counted(outcomes: Outcomes) -> None:
    await tell(outcomes, predictions(["a"]), pairs(["a"], 0.4), labels(["a"], "yes"))
    await tell(outcomes, predictions(["b"], at=BEGAN + DAY), protected(["a"], "f"))
    before = written(await outcomes.tallies(NAME, 0.0))
    assert await outcomes.expire(NAME, BEGAN + 60.0) == 4
    assert await outcomes.expire(NAME, BEGAN + 60.0) == 0
    assert written(await outcomes.tallies(NAME, 0.0)) == before
    await tell(outcomes, predictions(["a"]))
    assert written(await outcomes.tallies(NAME, 0.0)) == before
    assert await outcomes.standing(NAME) == Standing(expired=1)
    await tell(outcomes, labels(["b"], "yes"))
    assert written(await outcomes.tallies(NAME, 0.0)) != before


async def test_what_waited_in_vain_is_counted(outcomes: Outcomes) -> None:
    await tell(outcomes, labels(["a"], "yes"), labels(["b"], "yes", BEGAN + DAY))
    await tell(outcomes, pairs(["a", "c"], 0.4), protected(["d"], "f"))
    assert await outcomes.expire(NAME, BEGAN + 3_600.0) == 4
    assert await outcomes.standing(NAME) == Standing(parked=1, expired=4)


async def test_forgotten_attributes_stay_counted_and_do_not_come_back(outcomes: Outcomes) -> None:
    await tell(outcomes, predictions(["a"]), protected(["a", "unknown"], "f"))
    before = written(await outcomes.tallies(NAME, 0.0))
    assert await outcomes.expire_protected(NAME, BEGAN + 60.0) == 2
    assert await outcomes.expire_protected(NAME, BEGAN + 60.0) == 0
    await tell(outcomes, protected(["a"], "m", BEGAN + 99.0))
    assert written(await outcomes.tallies(NAME, 0.0)) == before
    assert await outcomes.standing(NAME) == Standing(expired=1)


async def test_deeds_are_told_newest_first(outcomes: Outcomes) -> None:
    done = [Deed(NAME, BEGAN + n, n, Verdict.PROMOTE, 2, 1) for n in range(120)]
    for deed in done:
        await outcomes.note(deed)
    await outcomes.note(replace(done[0], deployment="another"))
    assert [*await outcomes.deeds(NAME)] == done[:19:-1]


@pytest.mark.parametrize("kind", TARGETS)
async def test_a_tally_is_read_as_it_was_written(kind: str) -> None:
    story, memory = Story(kind, 3), MemoryOutcomes(after_all)
    await memory.apply(story.incoming(story.entries))
    for found in (await memory.tallies(NAME, 0.0)).values():
        data = encode_tally(found)
        assert encode_tally(decode_tally(data)) == data
        assert not found - decode_tally(data)
    with pytest.raises(UnknownTallyError):
        decode_tally(b"something else")


async def test_a_store_of_a_newer_understudy_is_refused(tmp_path: Path) -> None:
    url = fresh_url("sqlite", tmp_path)
    await seen(SqlOutcomes(url))
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE outcome_schema SET version = 99"))
    with pytest.raises(UnknownOutcomesError, match="schema 99; this monitor knows 2"):
        await seen(SqlOutcomes(url))


async def test_a_locked_database_refuses_without_telling_values(tmp_path: Path) -> None:
    url = fresh_url("sqlite", tmp_path)
    store = SqlOutcomes(url, after_all)
    await tell(store, predictions(["a"]))
    path = url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as broken:
        broken.execute("DROP TABLE outcome_labels")
    with pytest.raises(OutcomesUnavailableError) as refused:
        await tell(store, labels(["a"], "yes"), protected(["a"], "secret"))
    assert "secret" not in str(refused.value)
    assert "secret" not in str(refused.value.__cause__)
    store.close()


async def test_many_at_once_wait_their_turn(tmp_path: Path) -> None:
    store = SqlOutcomes(fresh_url("sqlite", tmp_path), after_all)
    await asyncio.gather(*(tell(store, predictions([f"p{n}"])) for n in range(20)))
    assert (await tally(store)).versions[1].rows == 20
    store.close()


async def test_a_store_is_known_by_its_id(outcomes: Outcomes) -> None:
    found = await outcomes.identity()
    assert len(found) == 32
    assert await outcomes.identity() == found
    assert await MemoryOutcomes().identity() != found


@pytest.mark.parametrize("database", DATABASES)
async def test_the_id_stays_with_the_rows(database: str, tmp_path: Path) -> None:
    url = fresh_url(database, tmp_path)
    first, second = SqlOutcomes(url), SqlOutcomes(url)
    found = await asyncio.gather(first.identity(), second.identity())
    other = SqlOutcomes(fresh_url(database, tmp_path))
    assert found[0] == found[1] != await other.identity()
    for store in (first, second, other):
        store.close()


async def test_a_store_from_before_ids_gets_one(tmp_path: Path) -> None:
    url = fresh_url("sqlite", tmp_path)
    first = SqlOutcomes(url)
    found = await first.identity()
    first.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE outcome_identity"))
    engine.dispose()
    again = SqlOutcomes(url)
    assert await again.identity() not in {"", found}
    again.close()
