"""Gates of projects: what is demanded of a version before it is deployed."""

from pathlib import Path
from typing import Annotated, Final

import typer

from understudy.cli.connections import connections
from understudy.cli.members import ProjectArgument
from understudy.cli.output import Format, make_table, output_format, remark, show, visible
from understudy.cli.versions import Reason
from understudy.contracts.gate_views import GateView

app = typer.Typer(
    no_args_is_help=True,
    help="Say what a project demands of a version before it is deployed.",
    rich_markup_mode="markdown",
)

EXAMPLE: Final = """\
# What this project demands before a version is deployed. Every member may be left out; it is then
# as it says here in brackets. docs/gate.md explains them.

# A review must exist, and whoever decides must have opened it. [true]
review: true

# What findings mean here, instead of their own severities: block, warn or look. [their own]
findings:
  near_perfect_score: block
  unfair: block
  proxy: block
  imbalance: look

# What figures of the review must reach. [nothing]
metrics:
  roc_auc:
    at_least: 0.70                      # hold the worse end of the interval against it
    better_than_dummy_by: 0.10
    worse_than_main_by_at_most: 0.01    # nothing is demanded where there is no main
    certain: true
  brier:
    at_most: 0.20

# Questions of the questionnaire that must be answered. [none]
questions: [objective, label_meaning, intended_use, fairness, monitoring, retraining]

# Whoever decides must be another person than who registered the version. [false]
second_person: true

# After so many days a review must be made anew. [never]
review_days: 30

# How old the training may be, in days. [any age]
training_days: 180

# The artifact must carry a signature by a key that the installation knows. [false]
signed: false

# Pickles are taken, read once in a sandbox and kept as skops. [false]
# Only an administrator of the whole installation sets it to true.
pickle: false

# Who may decide against all of this, with a reason; [] is nobody. [admin]
override:
  roles: [admin]
"""


@app.command("show")
def show_gate(context: typer.Context, project: ProjectArgument) -> None:
    """Show what a project demands now, as it was written.

    Example: `understudy gate-policy show bank`
    """
    with connections(context).registry() as registry:
        found = registry.gate(project)
    if output_format(context) is Format.TABLE and found.text:
        remark(_title(found))
        typer.echo(visible(found.text.rstrip("\n"), keep="\n"))
    else:
        show(context, found, _title(found))


@app.command("set")
def set_gate(
    context: typer.Context,
    *,
    project: ProjectArgument,
    file: Annotated[
        Path, typer.Option(help="The policy, YAML or JSON; see `example`.", exists=True)
    ],
    reason: Reason = "",
    expect: Annotated[
        int | None,
        typer.Option(min=0, show_default=False, help="Only if the policy of this number holds."),
    ] = None,
) -> None:
    """Have another policy hold from now on; decisions that were made stay.

    Example: `understudy gate-policy set bank --file gate.yaml --reason "as agreed with risk"`
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}") from error
    with connections(context).registry() as registry:
        made = registry.set_gate(project, text, reason=reason, expected=expect)
    show(context, made, _title(made))


@app.command()
def history(context: typer.Context, project: ProjectArgument) -> None:
    """List what a project has demanded so far, newest first.

    Example: `understudy gate-policy history bank`
    """
    with connections(context).registry() as registry:
        found = registry.gates(project)
    rows = [(each.number, each.set_at, each.set_by, each.reason) for each in found]
    show(context, found, make_table(("NUMBER", "SET", "BY", "REASON"), rows))


@app.command()
def example() -> None:
    """Print a policy with all members, explained.

    Example: `understudy gate-policy example > gate.yaml`
    """
    typer.echo(EXAMPLE, nl=False)


def _title(found: GateView) -> str:
    if found.number:
        return f"{found.project}: policy {found.number}"
    whose = "the installation's own policy" if found.text else "the standard policy"
    return f"{found.project}: no policy of its own; {whose} holds"
