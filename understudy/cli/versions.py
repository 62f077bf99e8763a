"""Versions of models: register them, list them."""

import json
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from understudy.cli.connections import connections
from understudy.cli.output import make_details, make_table, remark, show, wrong_members
from understudy.cli.sample_gaps import gaps
from understudy.cli.version_figures import COLUMNS, baseline, details_of, row_of, runner
from understudy.client import ProblemError, RegistryClient
from understudy.contracts.registry import JobView, Lineage, VersionRequest, VersionView
from understudy.contracts.signature import Signature

Parsed = TypeVar("Parsed")

_NOT_FOUND: Final = 404

Model = Annotated[str, typer.Argument(help="The model's name.", show_default=False)]
Number = Annotated[int, typer.Argument(min=1, help="The version's number.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the audit trail.")]


Override = Annotated[
    bool,
    typer.Option(
        "--override",
        help="Decide although the gate is closed: needs a role that the project's policy names, "
        "and a --reason.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Give the root this module's commands."""
    app.command()(register)
    app.command()(versions)


def register(
    context: typer.Context,
    *,
    model: Model,
    artifact: Annotated[
        Path, typer.Option(help="The model: a skops or an ONNX file.", exists=True)
    ],
    reference: Annotated[
        Path, typer.Option(help="The reference sample, Parquet: features and target.", exists=True)
    ],
    evaluation: Annotated[
        Path | None,
        typer.Option(
            help="Rows it was not trained on, Parquet with the same columns: what its baseline is "
            "measured on; the reference sample without it.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(
            help="The samples' column that says when a row was: timestamps, dates, or seconds "
            "since 1970.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    protected: Annotated[
        list[str] | None,
        typer.Option(
            help="A column of the samples with a protected attribute, which the model never sees; "
            "may be repeated.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    attestation: Annotated[
        Path | None,
        typer.Option(
            help="The artifact's signature, as `understudy sign` writes it.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    signature: Annotated[
        Path, typer.Option(help="What the model takes and answers, JSON.", exists=True)
    ],
    metrics: Annotated[
        Path | None, typer.Option(help="Figures by name, JSON.", exists=True, show_default=False)
    ] = None,
    lineage: Annotated[
        Path | None,
        typer.Option(
            help="Author, git_commit, data_sha256, trained_at, libraries; JSON.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option(
            help="Make the model in this project where it is absent, and the project too.",
            show_default=False,
        ),
    ] = None,
    description: Annotated[str, typer.Option(help="What is special about this version.")] = "",
) -> None:
    """Upload a version's files and register it; it is then *pending* until somebody decides.

    Files that the registry has already are not sent again.

    Example: `understudy register credit-risk --project lending --artifact model.skops
    --reference reference.parquet --evaluation held-out.parquet --time-column decided_at
    --signature signature.json --metrics metrics.json`
    """
    checked = _read(signature, Signature)
    figures = _read(metrics, dict[str, float]) if metrics else {}
    origin = _read(lineage, Lineage) if lineage else Lineage()
    with connections(context).registry() as registry:
        _ensure_model(registry, model, project)
        request = VersionRequest(
            artifact=_upload(registry, artifact),
            reference=_upload(registry, reference),
            evaluation=None if evaluation is None else _upload(registry, evaluation),
            time_column=time_column,
            protected=tuple(protected or ()),
            attestation=None if attestation is None else _upload(registry, attestation),
            signature=checked,
            metrics=figures,
            lineage=origin,
            description=description,
        )
        made = _registered(registry, model, request)
    show(context, made, f"{made.model} version {made.version} is {made.state}")
    remark(f"Runner: {runner(made)}" + (f" ({made.not_compiled})" if made.not_compiled else ""))
    remark(f"Baseline: {baseline(made)}")
    for gap in gaps(made, evaluation or reference):
        remark(f"WARNING: {gap}")
    remark(f"Next: understudy review {model} {made.version} --wait")


def versions(
    context: typer.Context,
    *,
    model: Annotated[str | None, typer.Argument(help="A model; all models without it.")] = None,
    version: Annotated[
        int | None, typer.Argument(min=1, help="One version; all of them without it.")
    ] = None,
) -> None:
    """List the models or the versions of one, or show one version.

    The runner is what serving asks: the model as it was compiled, and how many times faster one
    row was answered where it was compiled, or scikit-learn.

    Examples: `understudy versions`, `understudy versions credit-risk`,
    `understudy versions credit-risk 2`
    """
    with connections(context).registry() as registry:
        if model is not None and version is not None:
            one = registry.version(model, version)
            show(context, one, make_details(details_of(one)))
        elif model is None:
            found = registry.models()
            rows = [(m.name, m.project, m.versions, m.description) for m in found]
            show(context, found, make_table(("MODEL", "PROJECT", "VERSIONS", "DESCRIPTION"), rows))
        else:
            listed = registry.versions(model)
            show(context, listed, make_table(COLUMNS, [row_of(version) for version in listed]))


def _registered(registry: RegistryClient, model: str, request: VersionRequest) -> VersionView:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("waiting for its turn", total=1.0)

        def told(job: JobView) -> None:
            step = job.step or "waiting for its turn"
            shown.update(task, description=step, completed=job.progress)

        return registry.register(model, request, told)


def _ensure_model(registry: RegistryClient, model: str, project: str | None) -> None:
    try:
        registry.model(model)
    except ProblemError as error:
        if error.status != _NOT_FOUND:
            raise
        if project is None:
            raise typer.BadParameter(
                f"there is no model {model!r}; add --project NAME to make it in that project"
            ) from error
        if all(found.name != project for found in registry.projects()):
            registry.create_project(project)
            remark(f"made project {project}")
        registry.create_model(model, project)
        remark(f"made model {model} in project {project}")


def _upload(registry: RegistryClient, path: Path) -> str:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, TransferSpeedColumn(), console=console) as progress:
        task = progress.add_task(path.name, total=path.stat().st_size)
        return registry.upload_artifact(
            path, lambda sent, total: progress.update(task, completed=sent, total=total)
        )


def _read(path: Path, kind: type[Parsed]) -> Parsed:
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except ValidationError as error:
        raise typer.BadParameter(f"{path}: {wrong_members(error)}") from error
    except (OSError, json.JSONDecodeError) as error:
        raise typer.BadParameter(f"{path}: {error}") from error
