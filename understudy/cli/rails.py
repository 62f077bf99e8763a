"""Guard-rails as a table: what was seen, what is allowed, how strong the evidence is."""

from collections.abc import Collection, Sequence

from rich.table import Table
from rich.text import Text

from understudy.cli.bars import evidence_bar
from understudy.cli.figures import NONE, amount, odds, percent
from understudy.cli.output import cell, make_table
from understudy.contracts.monitor import RailReading
from understudy.contracts.vocabulary import RuleName


def rails_table(
    rails: Sequence[RailReading], observed: str, vetoes: Collection[RuleName] = ()
) -> Table:
    """One line for each rail: since when its rows are counted, and whether it vetoes.

    `observed` heads the shares: a challenger's are beyond the main's.
    """
    table = make_table(("RAIL", "ROWS", observed, "ALLOWED", "EVIDENCE", ""), ())
    for place in (1, 2, 3):
        table.columns[place].justify = "right"
    for rail in rails:
        table.add_row(
            str(rail.rule),
            amount(rail.rows),
            percent(rail.observed) if rail.rows else NONE,
            percent(rail.allowed),
            _evidence(rail),
            _state(rail, vetoes),
        )
    return table


def _evidence(rail: RailReading) -> Text:
    drawn = evidence_bar(rail.log_evidence, rail.threshold, "red" if rail.crossed else "cyan")
    of = "" if rail.crossed else f" of {odds(rail.threshold)}"
    return drawn.append(f"  {odds(rail.log_evidence)}{of}")


def _state(rail: RailReading, vetoes: Collection[RuleName]) -> Text:
    since = f" since {cell(rail.since)}" if rail.since else ""
    if not rail.crossed:
        return Text(f"within{since}", "dim")
    return Text(f"{'vetoes' if rail.rule in vetoes else 'crossed'}{since}", "bold red")
