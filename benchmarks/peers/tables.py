"""Results as Markdown tables."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Final

from benchmarks.peers.measurements import Cell, Results, Run

CEILING: Final = "echo"
"""No model server, so never the best of them."""

Value = Callable[[Run], float]


def rate(run: Run) -> float:
    """Requests per second."""
    return run.rate


def p50(run: Run) -> float:
    """Median latency, µs."""
    return run.latency_us.p50


def p99(run: Run) -> float:
    """Latency that one request in a hundred exceeds, µs."""
    return run.latency_us.p99


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of one table."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def setups(results: Results) -> list[str]:
    """Who took part, and how it was set up."""
    rows = [
        (f"`{each.name}`", each.setup, ", ".join(each.requirements)) for each in results.contestants
    ]
    return table(("server", "set up as", "pinned"), rows)


def failures(results: Results) -> list[str]:
    """Who could not take part, and why."""
    return [
        f"* `{each.name}` with {model}: {why.splitlines()[0]}"
        for each in results.contestants
        for model, why in each.failures.items()
    ]


def notes(results: Results) -> list[str]:
    """What became of the models."""
    return [
        f"* `{each.name}` with {model}: {note}"
        for each in results.contestants
        for model, note in each.notes.items()
    ]


def company(results: Results) -> str:
    """What may have disturbed the measuring."""
    busiest = max(run.generator_cpu_share for run in results.runs)
    beside = max(run.others_cpu_seconds for run in results.runs)
    return (
        f"The generator used {busiest:.0%} of its core at most; all servers that waited together "
        f"{beside:.2f} CPU seconds within a run at most."
    )


def groups(results: Results) -> list[tuple[str, list[Cell]]]:
    """Cells by model and rows of a request, each with its heading."""
    return [
        (f"{model}, {rows} row{'s' if rows > 1 else ''} a request", [*cells])
        for (model, rows), cells in groupby(results.cells, lambda cell: (cell.model, cell.rows))
    ]


def figures(results: Results, cells: Sequence[Cell]) -> list[str]:
    """Medians of every server: rate, p50 and p99; and what a million predictions cost.

    The cost is that of the closed loop with the most connections.
    """
    head = ["server", *map(_column, cells), "CPU s per million", "MB", "errors"]
    rows = [
        [
            f"`{each.name}`",
            *(_figure(results, each.name, cell) for cell in cells),
            *_costs(results, each.name, cells),
        ]
        for each in results.contestants
        if any(results.of(each.name, cell) for cell in cells)
    ]
    return table(head, rows)


def ratios(results: Results, cells: Sequence[Cell]) -> list[str]:
    """Each pair that is compared: median of the rounds' ratios, and their range."""
    head = ["by", "of", *map(_column, cells)]
    rows = [
        [
            f"`{first}` / `{second}`",
            what,
            *(spread(results.ratios((first, second), cell, value)) for cell in cells),
        ]
        for first, second in results.compared
        if any(results.ratios((first, second), cell, rate) for cell in cells)
        for what, value in (("requests/s", rate), ("p50", p50), ("p99", p99))
    ]
    return table(head, rows)


def best(results: Results) -> list[str]:
    """Each of ours by whoever is best under each load; empty where there is no choice."""
    rows = [
        [heading, f"`{mine}`", *(_by_best(results, mine, others, cell) for cell in cells)]
        for heading, cells in groups(results)
        for mine, others in _rivals(results).items()
        if any(results.of(mine, cell) for cell in cells)
    ]
    if not rows:
        return []
    columns = [_column(cell) for cell in groups(results)[0][1]]
    return table(["", "", *columns], rows)


def spread(found: Sequence[float]) -> str:
    """Median and range, as in `2.1 (1.9–2.4)`."""
    if not found:
        return "–"
    return f"{number(statistics.median(found))} ({number(min(found))}–{number(max(found))})"


def number(value: float) -> str:
    """Two or three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _rivals(results: Results) -> dict[str, list[str]]:
    rivals: dict[str, list[str]] = {}
    for first, second in results.compared:
        rivals.setdefault(first, []).extend([second] if second != CEILING else [])
    return {mine: others for mine, others in rivals.items() if len(others) > 1}


def _by_best(results: Results, mine: str, others: Sequence[str], cell: Cell) -> str:
    rates = {o: found for o in others if (found := results.median(o, cell, rate))}
    if not rates:
        return "–"
    strongest = max(rates, key=rates.__getitem__)
    return f"{spread(results.ratios((mine, strongest), cell, rate))} `{strongest}`"


def _column(cell: Cell) -> str:
    if cell.rate:
        return f"{cell.rate:,.0f}/s, open loop"
    return f"{cell.connections} connection{'s' if cell.connections > 1 else ''}"


def _figure(results: Results, server: str, cell: Cell) -> str:
    medians = [results.median(server, cell, value) for value in (rate, p50, p99)]
    found = [median for median in medians if median is not None]
    if len(found) < len(medians):
        return "–"
    return f"{found[0]:,.0f} ({found[1] / 1e3:.2f}, {found[2] / 1e3:.2f})"


def _costs(results: Results, server: str, cells: Sequence[Cell]) -> list[str]:
    runs = [run for cell in cells for run in results.of(server, cell)]
    busiest = [cell for cell in cells if not cell.rate][-1:]
    busy = [run for cell in busiest for run in results.of(server, cell)]
    costs = [cost for run in busy if (cost := run.cpu_per_million) is not None]
    kinds = sorted({kind for run in runs for kind in run.errors})
    errors = ", ".join(f"{kind}: {sum(run.errors.get(kind, 0) for run in runs)}" for kind in kinds)
    median = number(statistics.median(costs)) if costs else "–"
    return [median, f"{max(run.memory_bytes for run in runs) / 1e6:,.0f}", errors or "0"]
