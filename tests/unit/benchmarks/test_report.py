from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.peers import tables
from benchmarks.peers.generator import Latency
from benchmarks.peers.measurements import Cell, Contestant, Machine, Results, Run
from benchmarks.peers.report import BEGIN, END, NoMarksError, write_report

ONE, EIGHT = Cell("linear", 1, 1), Cell("linear", 1, 8)
HALF = Cell("linear", 1, 64, rate=500.0)


def run(server: str, number: int, rate: float, cell: Cell = ONE, p99: float = 3_000.0) -> Run:
    return Run(
        server=server,
        cell=cell,
        round=number,
        rate=rate,
        errors={"503": 2} if server == "slow" else {},
        latency_us=Latency(1_000.0, 2_000.0, p99, 4_000.0, 5_000.0),
        server_cpu_seconds=1.5,
        answered=1_000,
        settle_seconds=0.0,
        memory_bytes=50_000_000,
        generator_cpu_share=0.2,
        others_cpu_seconds=0.0,
    )


def results(*runs: Run) -> Results:
    names = ("ours", "slow", "fast", "echo")
    return Results(
        title="A question",
        compared=tuple(("ours", name) for name in names[1:]),
        rounds=3,
        seconds=2.0,
        measured_at=datetime(2026, 11, 21, tzinfo=UTC),
        machine=Machine("a processor", 2, "6.1", "3.11", 0, 1),
        contestants=tuple(Contestant(name, f"{name} setup", (), {}, {}) for name in names),
        runs=runs,
    )


MEASURED = results(
    *(run("ours", number, rate) for number, rate in enumerate((900.0, 1_000.0, 1_300.0))),
    *(run("slow", number, rate) for number, rate in enumerate((100.0, 100.0, 100.0))),
    *(run("fast", number, rate) for number, rate in enumerate((300.0, 250.0, 260.0))),
    *(run("echo", number, 2_000.0) for number in range(3)),
    run("ours", 0, 500.0, HALF),
    run("fast", 0, 499.0, HALF),
)


def test_figures_are_medians_and_errors_are_summed() -> None:
    lines = tables.figures(MEASURED, [ONE])
    assert lines[0] == "| server | 1 connection | CPU s per million | MB | errors |"
    assert "| `ours` | 1,000 (1.00, 3.00) | 1,500 | 50 | 0 |" in lines
    assert "| `slow` | 100 (1.00, 3.00) | 1,500 | 50 | 503: 6 |" in lines


def test_ratios_are_taken_within_a_round() -> None:
    lines = tables.ratios(MEASURED, [ONE])
    assert "| `ours` / `fast` | requests/s | 4.00 (3.00–5.00) |" in lines
    assert "| `ours` / `fast` | p99 | 1.00 (1.00–1.00) |" in lines


def test_the_best_peer_is_never_the_ceiling() -> None:
    assert "4.00 (3.00–5.00) `fast`" in tables.best(MEASURED)[-1]


def test_who_has_no_rounds_leaves_a_gap() -> None:
    lines = tables.figures(MEASURED, [ONE, HALF])
    assert lines[0].startswith("| server | 1 connection | 500/s, open loop |")
    assert any(line.startswith("| `echo` | 2,000 (1.00, 3.00) | – |") for line in lines)


def test_nothing_is_best_of_one() -> None:
    assert tables.best(replace(MEASURED, compared=(("ours", "fast"),))) == []


def test_nobody_answered_costs_nothing_known() -> None:
    silent = results(replace(run("ours", 0, 0.0), answered=0))
    assert tables.figures(silent, [ONE])[2] == "| `ours` | 0 (1.00, 3.00) | – | 50 | 0 |"


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    MEASURED.write(tmp_path / "new" / "a.json")
    assert Results.read(tmp_path / "new" / "a.json") == MEASURED


def test_a_page_keeps_what_is_around_its_tables(tmp_path: Path) -> None:
    page, kept = tmp_path / "page.md", tmp_path / "a.json"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    failed = Contestant("slow", "slow setup", (), {"forest": "NotInstalledError: no\nmore"}, {})
    contestants = (*MEASURED.contestants[:1], failed)
    replace(MEASURED, contestants=contestants).write(kept)
    write_report([kept], page)
    once = page.read_text()
    write_report([kept], page)
    assert page.read_text() == once
    assert once.startswith("above\n")
    assert once.endswith("\nbelow\n")
    assert "old" not in once
    assert "* `slow` with forest: NotInstalledError: no\n" in once


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("by hand")
    with pytest.raises(NoMarksError):
        write_report([], tmp_path / "page.md")
