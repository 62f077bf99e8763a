"""Reviews in a terminal: what was found, how good the model is, and the questionnaire."""

from pathlib import Path
from typing import Annotated, Final

import typer
import yaml
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from understudy.cli.connections import connections
from understudy.cli.output import (
    Format,
    make_details,
    output_format,
    remark,
    show,
    visible,
    wrong_members,
)
from understudy.cli.review_words import told
from understudy.cli.versions import Model, Number
from understudy.client import RegistryClient
from understudy.contracts.gate import Assessment
from understudy.contracts.questionnaire import QUESTIONS
from understudy.contracts.registry import JobView, QuestionnaireRequest, ReviewStanding
from understudy.contracts.reviews import Review
from understudy.contracts.vocabulary import Question, ReviewState, VersionState

_REVIEW: Final = TypeAdapter(Review)


def add_to(app: typer.Typer) -> None:
    """Give the root this module's commands."""
    app.command()(review)
    app.command()(answer)


def review(
    context: typer.Context,
    *,
    model: Model,
    version: Number,
    again: Annotated[bool, typer.Option("--again", help="Have it made anew first.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for one that is being made.")] = False,
) -> None:
    """Show a version's review; you have opened it with that, which the audit trail keeps.

    `-o json` prints all of it. Whoever decides about a version must have opened its review.

    Example: `understudy review credit-risk 3 --wait`
    """
    with connections(context).registry() as registry:
        if again:
            registry.make_review(model, version)
        if again or wait:
            standing = _awaited(registry, model, version)
        else:
            standing = registry.review_status(model, version)
        _require_made(standing, model, version, anew=again)
        found = registry.review(model, version)
        if output_format(context) is Format.JSON:
            typer.echo(visible(_REVIEW.dump_json(found, indent=2).decode(), keep="\n"))
            return
        pending = registry.version(model, version).state is VersionState.PENDING
        assessment = registry.assessment(model, version) if pending else None
        told(found, standing, assessment)
        remark(f"All of it, with charts: {registry.url}/models/{model}/versions/{version}")
    _next_step(model, version, assessment)


def answer(
    context: typer.Context,
    *,
    model: Model,
    version: Number,
    file: Annotated[
        Path | None,
        typer.Option(help="Answers by question, YAML or JSON.", exists=True, show_default=False),
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print the questions with the answers so far.")
    ] = False,
) -> None:
    """Answer a version's questionnaire, while it is pending; without a file, show the answers.

    Questions that the file does not name keep their answers; an empty text takes one away.

    Example: `understudy answer credit-risk 3 --template > answers.yaml`, then
    `understudy answer credit-risk 3 --file answers.yaml`
    """
    if file is not None and template:
        raise typer.BadParameter("--file and --template can't go together")
    body = None if file is None else _read(file)
    with connections(context).registry() as registry:
        if body is not None:
            found = registry.answer(model, version, body.answers)
        else:
            found = registry.questionnaire(model, version)
    if template:
        typer.echo(_template(found.answers), nl=False)
        return
    rows = [(question.value, found.answers.get(question)) for question in Question]
    by = [("answered", found.answered_at), ("by", found.answered_by)]
    show(context, found, make_details([*rows, *by]))


def _awaited(registry: RegistryClient, model: str, version: int) -> ReviewStanding:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("waiting for its turn", total=1.0)

        def hear(job: JobView) -> None:
            step = visible(job.step) or "waiting for its turn"
            shown.update(task, description=step, completed=job.progress)

        return registry.await_review(model, version, hear)


def _require_made(standing: ReviewStanding, model: str, version: int, *, anew: bool) -> None:
    """An older review is shown while another one is made, but not when that was asked for."""
    if standing.review is not None and not (anew and standing.state is ReviewState.FAILED):
        if standing.state is ReviewState.RUNNING:
            remark(f"Another review is being made ({standing.progress:.0%}); this is the last one.")
        return
    command = f"understudy review {model} {version}"
    match standing.state:
        case ReviewState.RUNNING:
            step = f", {standing.step}" if standing.step else ""
            remark(f"The review is being made ({standing.progress:.0%}{step}): {command} --wait")
        case ReviewState.FAILED:
            remark(f"The review failed: {standing.failure} Make it anew: {command} --again")
        case _:
            remark(f"There is no review yet; have it made: {command} --again")
    raise typer.Exit(1)


def _next_step(model: str, version: int, assessment: Assessment | None) -> None:
    if assessment is not None and assessment.open:
        remark(f"Next: understudy deploy {model} {version} --name {model}")
        remark(f"  or, to decide and leave that to others: understudy approve {model} {version}")


def _read(file: Path) -> QuestionnaireRequest:
    known = [question.value for question in Question]
    try:
        written = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{file}: {error}") from error
    if not isinstance(written, dict):
        raise typer.BadParameter(f"{file}: write answers by question: {', '.join(known)}")
    if strange := [name for name in written if name not in known]:
        raise typer.BadParameter(
            f"{file}: there is no question {str(strange[0])!r}; there are {', '.join(known)}"
        )
    try:
        answers = {name: "" if text is None else text for name, text in written.items()}
        return QuestionnaireRequest.model_validate({"answers": answers})
    except ValidationError as error:
        raise typer.BadParameter(f"{file}: {wrong_members(error)}") from error


def _template(answers: dict[Question, str]) -> str:
    """YAML with each question as a comment; what was answered stands there already."""
    parts = []
    for question in Question:
        text = yaml.safe_dump(
            {question.value: answers.get(question, "")}, allow_unicode=True, width=90
        )
        parts.append(f"# {QUESTIONS[question].hint}\n{text}")
    return "\n".join(parts)
