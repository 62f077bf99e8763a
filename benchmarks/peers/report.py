"""Writes the tables into the page, between its marks; the rest is written by hand."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from benchmarks.peers import tables
from benchmarks.peers.measurements import Results

BEGIN: Final = "<!-- written by `python -m benchmarks.peers report` from here -->"
END: Final = "<!-- to here -->"


class NoMarksError(Exception):
    """The page does not say where the tables go."""


def write_report(results: Iterable[Path], page: Path) -> None:
    """Replace the page's tables by those of the results. Raises NoMarksError."""
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise NoMarksError(f"{page} has no {BEGIN} … {END}")
    before, after = text.split(BEGIN)[0], text.split(END)[-1]
    body = "\n".join(line for file in results for line in section(Results.read(file)))
    page.write_text(
        f"{before}{BEGIN}\n\n{body or 'Nothing has been measured yet.'}\n\n{END}{after}"
    )


def section(results: Results) -> Iterator[str]:
    """The lines of one question."""
    machine = results.machine
    yield f"## {results.title}\n"
    yield (
        f"{results.measured_at:%Y-%m-%d %H:%M} UTC, {machine.cpu}, {machine.cores} cores, "
        f"Linux {machine.kernel}, Python {machine.python}; {results.rounds} rounds of "
        f"{results.seconds:g} s.\n"
    )
    yield from (*tables.setups(results), "")
    if notes := tables.notes(results):
        yield from (*notes, "")
    if results.runs:
        yield tables.company(results) + "\n"
    if missing := tables.failures(results):
        yield from ("Could not take part:\n", *missing, "")
    if best := tables.best(results):
        yield "Requests/s by those of the best peer: median (lowest–highest), and who it is.\n"
        yield from (*best, "")
    for heading, cells in tables.groups(results):
        yield f"### {heading}\n"
        yield "Requests/s (p50, p99 in ms), medians of the rounds.\n"
        yield from (*tables.figures(results, cells), "")
        yield "<details><summary>Ratios: median (lowest–highest)</summary>\n"
        yield from (*tables.ratios(results, cells), "\n</details>\n")
