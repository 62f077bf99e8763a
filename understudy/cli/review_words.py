"""A review as a person reads it in a terminal: findings first, then figures."""

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from understudy.cli.figures import NONE, amount, number, percent
from understudy.cli.output import cell, console, make_table
from understudy.contracts.gate import Assessment
from understudy.contracts.registry import ReviewStanding
from understudy.contracts.reviews import Estimate, Finding, Metric, Results, Review
from understudy.contracts.vocabulary import Severity

_STYLES: Final = {Severity.BLOCK: "bold red", Severity.WARN: "yellow", Severity.LOOK: "cyan"}
_MOST_SUBJECTS: Final = 8


def told(review: Review, standing: ReviewStanding, assessment: Assessment | None) -> None:
    """Print it."""
    shown = console()
    made = cell(standing.made_at or review.made_at)
    shown.print(Text(f"{review.model} version {review.version}, reviewed {made}", "bold"))
    findings = assessment.findings if assessment else review.findings
    for part in (
        *_findings(findings),
        *_gate(assessment),
        *_samples(review),
        *_results(review.results),
        *_fairness(review),
        *_left_out(review),
    ):
        shown.print(part)


def _findings(findings: tuple[Finding, ...]) -> Iterator[RenderableType]:
    yield _heading("Findings")
    if not findings:
        yield Text("Nothing was found.")
    for each in findings:
        severity = Text(f"{each.severity.value.upper():<6}", _STYLES[each.severity])
        yield Text.assemble(severity, (cell(each.title), "bold"), f" ({each.code.value})")
        yield Text("       " + cell(each.detail))
        if each.subjects:
            more = len(each.subjects) - _MOST_SUBJECTS
            names = cell(each.subjects[:_MOST_SUBJECTS])
            yield Text(f"       {names}" + (f" and {more} more" if more > 0 else ""), "dim")


def _gate(assessment: Assessment | None) -> Iterator[RenderableType]:
    if assessment is None:
        return
    yield _heading(f"Gate (policy {assessment.policy})")
    if assessment.open:
        yield Text("Open: you may deploy this version.", "green")
    for each in assessment.obstacles:
        place = f"{each.code.value:<14} "
        yield Text.assemble((place, "bold red"), cell(each.detail))
    if assessment.obstacles and assessment.may_override:
        yield Text("You may decide against this: --override --reason …", "dim")


def _samples(review: Review) -> Iterator[RenderableType]:
    yield _heading("Data")
    rows = [
        (
            each.sample.value,
            amount(each.rows),
            amount(each.read),
            amount(each.labelled),
            amount(each.duplicates),
            each.since,
            each.until,
        )
        for each in review.data.samples
    ]
    columns = ("SAMPLE", "ROWS", "READ", "LABELLED", "DUPLICATES", "SINCE", "UNTIL")
    yield make_table(columns, rows)
    failed = [each for each in review.data.checks if not each.passed]
    yield Text(f"{len(review.data.checks) - len(failed)} of {len(review.data.checks)} checks pass")
    for each in failed:
        yield Text(f"  {cell(each.name)}: {cell(each.says)} Seen: {cell(each.seen)}", "yellow")


def _results(results: Results | None) -> Iterator[RenderableType]:
    if results is None:
        return
    yield _heading(f"Results on {amount(results.rows)} rows of the {results.sample.value} sample")
    main = "MAIN" if results.main is None else f"MAIN (VERSION {results.main})"
    yield make_table(
        ("METRIC", "MODEL", "DUMMY", main, "GAIN"), [_metric_row(each) for each in results.metrics]
    )


def _metric_row(metric: Metric) -> tuple[str, ...]:
    dummy, main = (_value(each) for each in (metric.dummy, metric.main))
    return (metric.name, _estimate(metric.model), dummy, main, _estimate(metric.gain))


def _fairness(review: Review) -> Iterator[RenderableType]:
    if review.fairness is None:
        return
    yield _heading("Fairness: the largest gaps")
    rows = [
        (
            each.attribute,
            gap.figure,
            " / ".join(gap.between),
            _estimate(gap.size),
            percent(gap.ratio),
        )
        for each in review.fairness.attributes
        for gap in each.gaps
    ]
    yield make_table(("ATTRIBUTE", "FIGURE", "BETWEEN", "GAP", "RATIO"), rows)


def _left_out(review: Review) -> Iterator[RenderableType]:
    if not review.left_out:
        return
    yield _heading("Left out")
    for each in review.left_out:
        yield Text(f"{cell(each.part)}: {cell(each.reason)}")


def _heading(text: str) -> Text:
    return Text(f"\n{text}", "bold underline")


def _value(figure: Estimate | None) -> str:
    return NONE if figure is None else number(figure.value)


def _estimate(figure: Estimate | None) -> str:
    if figure is None or figure.low is None or figure.high is None:
        return _value(figure)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"
