"""Why: what the monitor concludes of a deployment, by which rule, from which numbers."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from understudy.cli.alerts import alerts_table
from understudy.cli.bars import evidence_bar, forest
from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.figures import amount, interval, lasting, number, odds
from understudy.cli.output import Format, cell, make_details, output_format, show, visible
from understudy.cli.rails import rails_table
from understudy.cli.watching import Watch, watch
from understudy.cli.wording import LOSSES, RULES, STYLES, verdict_in_words
from understudy.contracts.monitor import ActionView, ComparisonReading, ConceptView, Judgement


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(why)


def why(
    context: typer.Context,
    *,
    deployment: Deployment,
    state: Annotated[
        bool,
        typer.Option("--state", help="Also print the counts that the evidence is computed from."),
    ] = False,
    watching: Watch = False,
) -> None:
    """Say what the monitor concludes, by which rule, from which numbers and which window.

    Evidence is a factor: what a bet on the claim would have grown to. It may be looked at as often
    as one likes; a claim holds once its bar is full.

    Examples: `understudy why credit-risk`, `understudy why credit-risk --watch`
    """
    with connections(context).monitor() as monitor:
        if watching:
            watch(context, lambda: page(monitor.verdict(deployment), state=state))
        found = monitor.verdict(deployment)
    if output_format(context) is Format.JSON:
        show(context, found, "")
    else:
        show(context, found, page(found, state=state))


def page(found: Judgement, *, state: bool = False) -> RenderableType:
    """All of it, the conclusion first."""
    parts: list[RenderableType] = [headline(found), *_reasons(found), Text(), _terms(found)]
    for comparison in found.comparisons:
        parts += [Text(), *_comparison(found, comparison)]
        if state:
            parts.append(Padding(_state(comparison), (0, 0, 0, 2)))
    if found.main_rails:
        parts += [Text(), _title("MAIN"), _indented(rails_table(found.main_rails, "OBSERVED"))]
    if found.alerts or found.alerts_unheard:
        parts += [Text(), _title("ALERTS"), *_alerts(found)]
    if found.concept is not None:
        parts += [Text(), _title("WHAT ANSWERS MEAN"), _indented(_concept(found.concept))]
    if found.action is not None:
        parts += [Text(), _title("ACTION"), _indented(_action(found, found.action))]
    return Group(*parts)


def headline(found: Judgement) -> Text:
    """The verdict in one line."""
    style = STYLES[found.verdict]
    line = Text.assemble(
        (f"{cell(found.deployment)}: ", "bold"),
        (verdict_in_words(found), f"bold {style}"),
        f" – {RULES[found.rule]}",
    )
    return line.append(" (replayed)", "dim") if found.replay else line


def _reasons(found: Judgement) -> Iterator[Text]:
    for reason in found.reasons:
        yield Text(f"  {visible(reason)}")


def _terms(found: Judgement) -> Table:
    rows: list[tuple[str, object]] = [("rule", f"{found.rule} (release {found.release})")]
    if found.loss is not None:
        told = LOSSES[found.loss]
        parts = (("differences clipped at", found.clip), ("margin", found.margin))
        told += "".join(f", {name} {number(value)}" for name, value in parts if value is not None)
        rows.append(("loss", told))
    if found.alpha is not None:
        shared = len(found.comparisons)
        of = f", shared by {shared} challengers" if shared > 1 else ""
        rows.append(("error", f"at most {found.alpha:.3g} ever, however often one looks{of}"))
    if found.label_horizon_seconds is not None:
        rows.append(("labels", _maturity(found.label_horizon_seconds)))
    if found.comparisons:
        rows.append(("evidence", "what a bet on the claim has grown to, of what is needed"))
    return make_details([*rows, ("as of", found.at)])


def _maturity(horizon_seconds: float) -> str:
    if not horizon_seconds:
        return "a prediction counts as soon as its cohort has ended"
    return f"a prediction counts once its cohort is {lasting(horizon_seconds)} old"


def _comparison(found: Judgement, reading: ComparisonReading) -> Iterator[RenderableType]:
    style = STYLES[reading.verdict]
    title = _title(f"CHALLENGER {reading.challenger}  ")
    title.append(str(reading.verdict).replace("_", " "), f"bold {style}")
    yield title.append(f" – {RULES[reading.rule]}")
    yield _indented(_numbers(found, reading))
    if reading.rails:
        yield Text()
        yield _indented(rails_table(reading.rails, "BEYOND MAIN", reading.vetoed_by))


def _numbers(found: Judgement, reading: ComparisonReading) -> Table:
    table = _grid()
    table.add_row("labels", Text(_labels(reading)))
    table.add_row("window", Text(_window(reading)))
    if reading.difference is not None:
        loss = "loss" if found.loss is None else LOSSES[found.loss]
        told = f"{interval(reading.difference, signed=True)} less {loss} than the main"
        table.add_row("difference", Text(told))
        table.add_row("", forest(reading.difference, found.margin))
    either, same = reading.threshold, reading.equivalence_threshold
    table.add_row("better", _evidence(reading.log_evidence_better, either, "green"))
    table.add_row("worse", _evidence(reading.log_evidence_worse, either, "red"))
    table.add_row("equivalent", _evidence(reading.log_evidence_equivalent, same, "cyan"))
    return table


def _labels(reading: ComparisonReading) -> str:
    told = f"{amount(reading.labels)} matured, {amount(reading.waiting)} waiting"
    if not reading.expected_labels:
        return told
    return f"{told}; about {amount(reading.expected_labels)} more for a decision"


def _window(reading: ComparisonReading) -> str:
    sides = f"{cell(reading.since)} to {cell(reading.until)}"
    return f"predictions of {sides}, since release {reading.release}"


def _evidence(log_evidence: float, threshold: float, style: str) -> Text:
    reached = log_evidence >= threshold
    text = f"  {odds(log_evidence)}" + ("" if reached else f" of {odds(threshold)}")
    return evidence_bar(log_evidence, threshold, style).append(
        text, f"bold {style}" if reached else ""
    )


def _alerts(found: Judgement) -> Iterator[RenderableType]:
    if found.alerts:
        yield _indented(alerts_table(found.alerts))
    for name in found.alerts_unheard:
        yield Text(
            f"  {cell(name)}: named by the policy; nothing is held of it: it is well, or misspelt",
            "dim",
        )


def _concept(reading: ConceptView) -> Table:
    table = _grid()
    risk = f"{interval(reading.risk)} on {amount(reading.rows)} labels of version {reading.version}"
    if reading.reference_risk is not None:
        risk += f"; {number(reading.reference_risk)} in its baseline"
    table.add_row("mean loss", Text(f"{risk}, {number(reading.tolerance)} more is tolerated"))
    table.add_row("worse", _evidence(reading.log_evidence, reading.threshold, "red"))
    if reading.assumes is not None:
        table.add_row("assumes", Text(reading.assumes, "dim"))
    if reading.alarm:
        since = f" since {cell(reading.since)}" if reading.since else ""
        table.add_row("alarm", Text(f"the loss has risen{since}", "bold red"))
    if reading.changed_at is not None:
        table.add_row("changed", Text(f"{cell(reading.changed_at)}, by ADWIN"))
    if reading.estimate_gap is not None:
        gap = number(reading.estimate_gap, signed=True)
        table.add_row("estimate", Text(f"realised less estimated accuracy {gap}"))
    if reading.trained_days_ago is not None:
        table.add_row("trained", Text(f"{reading.trained_days_ago:.0f} days ago"))
    return table


def _action(found: Judgement, action: ActionView) -> Table:
    rows: list[tuple[str, object]] = [("mode", action.mode)]
    if action.done_release is not None:
        rows.append(("done", f"release {action.done_release} was made"))
    elif action.due:
        rows.append(("due", f"{str(action.verdict).replace('_', ' ')} version {action.version}"))
    if action.held_by:
        rows.append(("held by", action.held_by))
    command = _command(found, action)
    if action.done_release is None and not action.due and command is not None:
        rows.append(("by hand", command))
    if action.undo:
        rows.append(("undo", action.undo))
    return make_details(rows)


def _command(found: Judgement, action: ActionView) -> str | None:
    """What the monitor would do; without `--to` a rollback takes back no more than one release."""
    if action.release is not None:
        done = f"rollback {found.deployment} --to {action.release}"
    elif any(beside.challenger == found.version for beside in found.comparisons):
        done = f"promote {found.deployment} {found.version}"
    else:
        return None
    return f"understudy {done} --expect {found.release}"


def _state(reading: ComparisonReading) -> Text:
    counts = {str(place): count for place, count in sorted(reading.state.items())}
    return Text(f"state of {reading.challenger} (place in clip/16384: count)\n{json.dumps(counts)}")


def _title(text: str) -> Text:
    return Text.assemble((text, "bold"))


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, 2), expand=False)


def _grid() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True, min_width=10)
    table.add_column(overflow="fold")
    return table
