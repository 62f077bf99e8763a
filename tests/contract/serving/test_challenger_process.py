"""Challengers in child processes: whatever one does is an outcome, and each row gets one."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from services.serving.adapters.log_entries import prediction_batch
from services.serving.adapters.scoring.frames import Begin, ModelFiles
from services.serving.adapters.scoring.process import CHILD, ScoringProcess
from services.serving.adapters.scoring.responder import CallLimits, ProcessResponder
from services.serving.adapters.scoring.workshop import LoadFailedError, Workshop
from services.serving.domain.table import Live
from services.serving.domain.warming import probe_rows
from services.serving.metrics import ChallengerMetrics
from services.serving.ports import Answered, Answers, Delivery
from tests.fakes.challengers import ABORTS, EATS, HANGS, LEAVES, PRINTS, RAISES, SLOW
from tests.fakes.serving import (
    FLOWERS,
    LOANS,
    StoredArtifacts,
    artifact_of,
    digest_of,
    eventually,
    flower_model,
    loaded,
    loan_model,
    served,
)
from understudy.contracts.events import PairBatch, decode_heading, decode_pairs, encode, unpack
from understudy.contracts.registry import Compiled, ServedVersion
from understudy.inference.compiling import CompiledModel, compile_model
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.runtime.loops import Backoff, cancel

pytestmark = pytest.mark.anyio

UNRULY = "tests.fakes.challengers"
FIRST, SECOND = artifact_of(flower_model(0)), artifact_of(flower_model(1, 2.0))
AT_ONCE = Backoff(0.0, 0.0)
CLEAR = 20.0
"""Seconds that no call of a well-behaved challenger takes."""


def entry(number: int, *widths: float, release: int = 1) -> Delivery:
    """As the inbox hands it over."""
    rows = np.array([[9.0, width] for width in widths])
    scored = Scored(np.zeros(len(rows)), np.tile([0.9, 0.1], (len(rows), 1)))
    ids = [f"{number}.{index}" for index in range(len(rows))]
    answered = Answered(
        "flowers", Live(release, loaded(1), (2,)), ids, time.time(), 0.001, Rows(rows, ()), scored
    )
    fields = encode(prediction_batch([answered]))
    name = f"{int(time.time() * 1_000)}-{number}".encode()
    return Delivery(name, fields, decode_heading(fields))


def outcomes(answers: Answers) -> dict[str, str]:
    """Of each row, by its id; each has one."""
    found = [decode_pairs(paired.fields) for paired in answers.paired]
    listed = [pair for pairs in found for pair in zip(pairs.ids, pairs.outcomes, strict=True)]
    assert len(listed) == len(dict(listed))
    assert sum(sum(paired.rows) for paired in answers.paired) == len(listed)
    return dict(listed)


def errors(answers: Answers) -> list[str | None]:
    return [decode_pairs(paired.fields).error for paired in answers.paired]


class Bench:
    """Makes responders, and ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = CollectorRegistry()
        self.metrics = ChallengerMetrics(self.numbers)
        self.made: list[ProcessResponder] = []

    def responder(
        self,
        version: ServedVersion,
        *artifacts: bytes,
        module: str = CHILD,
        call_seconds: float = CLEAR,
        timed_ratio: float = 0.0,
        memory_bytes: int = 4 * 1024**3,
    ) -> ProcessResponder:
        workshop = Workshop(
            StoredArtifacts(self.folder, *artifacts),
            self.folder,
            load_seconds=60.0,
            memory_bytes=memory_bytes,
            nice=0,
            timed_ratio=timed_ratio,
            module=module,
        )
        limits = CallLimits(call_seconds, 1_000, 3_600.0)
        made = ProcessResponder(
            "flowers", version, workshop, self.metrics, limits, restarts=AT_ONCE
        )
        self.made.append(made)
        return made

    def unruly(self, call_seconds: float = CLEAR) -> ProcessResponder:
        return self.responder(served(2, FIRST), FIRST, module=UNRULY, call_seconds=call_seconds)

    def restarts(self, reason: str) -> float:
        labels = {"deployment": "flowers", "version": "2", "reason": reason}
        name = "understudy_challenger_restarts_total"
        return self.numbers.get_sample_value(name, labels) or 0.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    for responder in bench.made:
        await responder.close()


async def test_a_model_of_a_skops_file_answers_whole_entries(bench: Bench) -> None:
    responder = bench.responder(served(2, SECOND), SECOND)
    await responder.start()
    answers = await responder.respond([entry(1, 1.0, 2.0), entry(2, 3.0), entry(3, 4.0, release=2)])
    pairs: Sequence[PairBatch] = [decode_pairs(paired.fields) for paired in answers.paired]
    assert [(p.release, p.ids) for p in pairs] == [(1, ["1.0", "1.1", "2.0"]), (2, ["3.0"])]
    assert pairs[0].outcomes == ["ok", "ok", "ok"]
    given = flower_model(1, 2.0).predict_proba([[9.0, 1.0], [9.0, 2.0], [9.0, 3.0]])
    found = unpack(pairs[0].challenger_scores.probabilities, 2)
    assert found.tolist() == pytest.approx(given)
    assert unpack(pairs[0].main_scores.probabilities, 2).tolist() == [[0.9, 0.1]] * 3
    usage = responder.usage()
    assert usage is not None
    assert usage.memory_bytes > 10_000_000
    assert usage.cpu_seconds > 0.0


async def test_categories_reach_the_model(bench: Bench) -> None:
    loan = artifact_of(loan_model())
    responder = bench.responder(served(2, loan, LOANS), loan)
    rows = Rows(
        np.array([[20_000.0, np.nan, 1.0], [80_000.0, 40.0, 0.0]]),
        (["car", None], ["Ghent", "elsewhere"]),
    )
    model = replace(loaded(1), signature=LOANS)
    scored = Scored(np.zeros(2))
    answered = Answered("loans", Live(1, model, (2,)), ["a", "b"], 0.0, 0.0, rows, scored)
    fields = encode(prediction_batch([answered]))
    delivery = Delivery(b"9000000000000-1", fields, decode_heading(fields))
    answers = await responder.respond([delivery])
    assert outcomes(answers) == {"a": "ok", "b": "ok"}
    (pairs,) = [decode_pairs(paired.fields) for paired in answers.paired]
    assert unpack(pairs.challenger_scores.values).tolist() == [1.0, 0.0]


async def test_an_artifact_that_cannot_be_loaded_says_why(bench: Bench) -> None:
    responder = bench.responder(served(2, b"nothing"), b"nothing")
    with pytest.raises(LoadFailedError, match=r"BadZipFile|zip"):
        await responder.start()
    assert responder.usage() is None


async def test_rows_that_raise_spoil_no_other(bench: Bench) -> None:
    responder = bench.unruly()
    answers = await responder.respond([entry(1, 1.0, RAISES), entry(2, 1.0)])
    assert outcomes(answers) == {"1.0": "ok", "1.1": "error", "2.0": "ok"}
    assert errors(answers) == ["ValueError: unlucky"]


@pytest.mark.parametrize(
    ("width", "reason", "words"),
    [
        (ABORTS, "died", "its process died of SIGABRT"),
        (LEAVES, "died", "its process died with status 3"),
        (EATS, "memory", "its process ran out of memory"),
    ],
)
async def test_a_row_that_takes_the_process_along_is_its_own_outcome(
    bench: Bench, width: float, reason: str, words: str
) -> None:
    responder = bench.unruly()
    answers = await responder.respond([entry(1, 1.0, 2.0), entry(2, 1.0, width, 3.0)])
    assert outcomes(answers) == {"1.0": "ok", "1.1": "ok", "2.0": "ok", "2.1": "error", "2.2": "ok"}
    assert errors(answers) == [None, words]
    assert bench.restarts(reason) == 2
    assert set(outcomes(await responder.respond([entry(3, 1.0, 2.0)])).values()) == {"ok"}
    assert bench.restarts(reason) == 2


async def test_a_row_that_hangs_is_a_timeout(bench: Bench) -> None:
    responder = bench.unruly(call_seconds=0.5)
    answers = await responder.respond([entry(1, 1.0, HANGS), entry(2, 1.0)])
    assert outcomes(answers) == {"1.0": "ok", "1.1": "timeout", "2.0": "ok"}
    assert bench.restarts("timeout") == 2


async def test_a_challenger_that_only_dies_does_so_a_few_times(bench: Bench) -> None:
    responder = bench.unruly()
    deadly = [entry(number, *[ABORTS] * 10) for number in range(3)]
    assert set(outcomes(await responder.respond(deadly)).values()) == {"error"}
    assert bench.restarts("died") == 3
    assert set(outcomes(await responder.respond(deadly)).values()) == {"error"}
    assert bench.restarts("died") == 4
    assert set(outcomes(await responder.respond([entry(1, 1.0, 2.0)])).values()) == {"ok"}
    answers = await responder.respond([entry(1, 1.0, ABORTS, 2.0)])
    assert outcomes(answers) == {"1.0": "ok", "1.1": "error", "1.2": "ok"}


async def test_calls_adapt_to_what_rows_cost(bench: Bench) -> None:
    responder = bench.unruly(call_seconds=1.0)
    await responder.start()
    assert responder.most_rows == 64
    slow = [SLOW] * 10
    assert set(outcomes(await responder.respond([entry(1, *slow)])).values()) == {"ok"}
    assert responder.most_rows <= 4
    # More rows than a call may have: in parts, and one entry of pairs.
    answers = await responder.respond([entry(1, *slow)])
    assert set(outcomes(answers).values()) == {"ok"}
    assert len(answers.paired) == 1
    assert bench.restarts("timeout") == 0
    for number in range(6):
        await responder.respond([entry(number, 1.0)])
    assert responder.most_rows > 4


async def test_what_a_model_prints_goes_nowhere(bench: Bench) -> None:
    assert set(outcomes(await bench.unruly().respond([entry(1, PRINTS)])).values()) == {"ok"}


async def test_corrupt_entries_are_told_from_others(bench: Bench) -> None:
    sound = entry(1, 1.0)
    broken = Delivery(b"1-9", {**sound.fields, b"b": sound.fields[b"b"][:-4]}, sound.heading)
    answers = await bench.unruly().respond([broken, sound])
    assert [*answers.corrupt] == [b"1-9"]
    assert outcomes(answers) == {"1.0": "ok"}


async def test_rows_without_the_features_are_errors(bench: Bench) -> None:
    sound = entry(1, 1.0)
    other = {**sound.fields, b"b": sound.fields[b"b"].replace(b"width", b"depth")}
    answers = await bench.unruly().respond([Delivery(b"1-9", other, sound.heading), entry(2, 1.0)])
    assert outcomes(answers) == {"1.0": "error", "2.0": "ok"}


async def test_rows_can_be_given_up_and_set_apart_without_a_process(bench: Bench) -> None:
    responder = bench.unruly()
    answers = responder.give_up([entry(1, 1.0, 2.0), entry(2, 3.0)], "too late")
    assert outcomes(answers) == {"1.0": "timeout", "1.1": "timeout", "2.0": "timeout"}
    assert errors(answers) == ["too late"]
    (paired,) = answers.paired
    first, second = (decode_pairs(part.fields) for part in responder.apart(paired))
    assert (first.ids, second.ids) == (["1.0", "1.1"], ["2.0"])
    assert responder.usage() is None


async def test_a_share_of_rows_is_timed_beside_the_main_version(bench: Bench) -> None:
    responder = bench.responder(served(2, SECOND), FIRST, SECOND, timed_ratio=1.0)
    responder.beside(served(1, FIRST))
    answers = await responder.respond([entry(1, 1.0), entry(2, 2.0, 3.0)])
    (paired,) = answers.paired
    pairs = decode_pairs(paired.fields)
    assert len(pairs.timed) >= 1
    assert [*paired.timed_main] == unpack(pairs.timed_main_seconds).tolist()
    assert [*paired.timed_challenger] == unpack(pairs.timed_challenger_seconds).tolist()
    assert min(*paired.timed_main, *paired.timed_challenger) > 0.0
    parts = [decode_pairs(part.fields) for part in responder.apart(paired)]
    assert sum(len(part.timed) for part in parts) == len(pairs.timed)


async def test_a_main_version_that_cannot_be_loaded_does_no_harm(bench: Bench) -> None:
    responder = bench.responder(served(2, SECOND), b"nothing", SECOND, timed_ratio=1.0)
    responder.beside(served(1, b"nothing"))
    answers = await responder.respond([entry(1, 1.0)])
    assert outcomes(answers) == {"1.0": "ok"}
    assert decode_pairs(answers.paired[0].fields).timed == []


async def test_a_main_version_that_takes_the_process_along_is_not_tried_again(
    bench: Bench,
) -> None:
    responder = bench.responder(served(2, FIRST), FIRST, SECOND, module=UNRULY, timed_ratio=1.0)
    responder.beside(served(1, SECOND))
    assert set(outcomes(await responder.respond([entry(1, 1.0, 2.0)])).values()) == {"ok"}
    assert bench.restarts("died") == 1
    responder.beside(served(1, SECOND))
    assert set(outcomes(await responder.respond([entry(2, 1.0, 2.0)])).values()) == {"ok"}
    assert bench.restarts("died") == 1


async def test_a_compiled_twin_answers_where_it_opens(bench: Bench) -> None:
    twin = compile_model(flower_model(1, 2.0), FLOWERS, probe_rows(FLOWERS, 64))
    assert isinstance(twin, CompiledModel)
    described = Compiled(
        kind=twin.kind,
        artifact=digest_of(twin.content),
        precision=twin.precision,
        rows=twin.rows,
        difference=twin.difference,
        tolerance=twin.tolerance,
        speedup=twin.speedup,
    )
    compiled = served(2, SECOND).model_copy(update={"compiled": described})
    damaged = described.model_copy(update={"artifact": digest_of(b"damaged")})
    broken = served(2, SECOND).model_copy(update={"compiled": damaged})
    missing = described.model_copy(update={"artifact": "0" * 64})
    absent = served(2, SECOND).model_copy(update={"compiled": missing})
    found = []
    for version in (compiled, broken, absent):
        responder = bench.responder(version, SECOND, twin.content, b"damaged")
        answers = await responder.respond([entry(1, 1.0, 2.0)])
        (pairs,) = [decode_pairs(paired.fields) for paired in answers.paired]
        assert pairs.outcomes == ["ok", "ok"]
        found.append(unpack(pairs.challenger_scores.probabilities).tolist())
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert found[1] == found[2]


async def test_versions_that_hang_while_they_load_hold_up_no_other(tmp_path: Path) -> None:
    workshop = Workshop(
        StoredArtifacts(tmp_path, FIRST),
        tmp_path,
        load_seconds=3_600.0,
        memory_bytes=1 << 32,
        nice=0,
        timed_ratio=0.0,
        module=UNRULY,
        turn_seconds=0.1,
    )
    hanging = [asyncio.create_task(workshop.begin(served(9, FIRST))) for _ in range(4)]
    await asyncio.sleep(0)
    process, _ = await workshop.begin(served(2, FIRST))
    assert not any(task.done() for task in hanging)
    await process.end()
    await cancel(hanging)


async def test_a_killed_child_is_replaced(bench: Bench) -> None:
    responder = bench.unruly()
    await responder.start()
    assert responder._process is not None
    os.kill(responder._process.pid, signal.SIGKILL)
    assert outcomes(await responder.respond([entry(1, 1.0, 2.0)])) == {"1.0": "ok", "1.1": "ok"}
    assert bench.restarts("died") == 1


async def test_a_child_knows_no_secret_and_has_its_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_SERVICE_KEY", "us_secret")
    (tmp_path / "artifact").write_bytes(FIRST)
    files = ModelFiles(
        version=2, signature=FLOWERS, artifact=str(tmp_path / "artifact"), trusted=()
    )
    process = await ScoringProcess.start()
    try:
        begin = Begin(challenger=files, memory_bytes=1 << 31, nice=7, timed_ratio=0.0)
        await process.ask(begin, 60.0)
        proc = Path(f"/proc/{process.pid}")
        assert b"us_secret" not in (proc / "environ").read_bytes()
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 7
        limits = (proc / "limits").read_text()
        assert f"{1 << 31}" in next(line for line in limits.splitlines() if "address space" in line)
    finally:
        await process.end()
    assert process.usage() is None


def test_no_child_outlives_a_killed_parent() -> None:
    code = """
import asyncio
from services.serving.adapters.scoring.process import ScoringProcess

async def main():
    process = await ScoringProcess.start()
    print(process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
