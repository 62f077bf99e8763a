"""Alerts that the monitor was told of, as a table."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from understudy.cli.output import cell, make_table
from understudy.contracts.monitor import AlertReading
from understudy.contracts.vocabulary import AlertState


def alerts_table(alerts: Sequence[AlertReading]) -> Table:
    """One line for each, and what it says of the main."""
    table = make_table(("ALERT", "STATE", "SINCE", "TOLD", "SAYS"), ())
    for alert in alerts:
        table.add_row(
            Text(cell(alert.alert)),
            _state(alert),
            cell(alert.since),
            cell(alert.told_at),
            _says(alert),
        )
    return table


def _state(alert: AlertReading) -> Text:
    firing = alert.state is AlertState.FIRING
    return Text(str(alert.state), "bold red" if alert.accuses else "yellow" if firing else "dim")


def _says(alert: AlertReading) -> Text:
    told = Text(cell(alert.summary) if alert.summary else "")
    return told.append(f"{' – ' if alert.summary else ''}{_weight(alert)}", "dim")


def _weight(alert: AlertReading) -> str:
    if alert.accuses:
        return "speaks for rolling back"
    if alert.excused is not None:
        return f"decides nothing: {cell(alert.excused)}"
    return "named by the policy" if alert.named else "not named by the policy"
