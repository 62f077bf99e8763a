"""Models that other tools keep: MLflow's folders, BentoML's model store."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from understudy.cli.connections import connections
from understudy.cli.output import show, wrong_members
from understudy.contracts.signature import Signature
from understudy.importing.errors import ImportingError

if TYPE_CHECKING:
    from understudy.importing.bringing import Brought
    from understudy.importing.found import Found

app = typer.Typer(
    no_args_is_help=True, help="Register models that other tools keep on this machine."
)

Model = Annotated[str, typer.Argument(help="The model's name here.", show_default=False)]
Reference = Annotated[
    Path,
    typer.Option(help="The reference sample, Parquet: features and target.", exists=True),
]
Evaluation = Annotated[
    Path | None,
    typer.Option(help="Rows it was not trained on, Parquet.", exists=True, show_default=False),
]
Target = Annotated[
    str | None,
    typer.Option(
        help="The samples' column that the model answers; needed where more than one column is no "
        "feature.",
        metavar="COLUMN",
        show_default=False,
    ),
]
TimeColumn = Annotated[
    str | None,
    typer.Option(
        help="The samples' column that says when a row was.", metavar="COLUMN", show_default=False
    ),
]
Protected = Annotated[
    list[str] | None,
    typer.Option(
        help="A column of the samples with a protected attribute, which the model never sees; may "
        "be repeated.",
        metavar="COLUMN",
        show_default=False,
    ),
]
SignatureFile = Annotated[
    Path | None,
    typer.Option(
        help="What the model takes and answers, JSON, instead of what is inferred.",
        exists=True,
        show_default=False,
    ),
]
LoadPickle = Annotated[
    bool,
    typer.Option(
        "--load-pickle",
        help="Read the model although it is a pickle: WHATEVER CODE IS IN IT RUNS ON THIS MACHINE, "
        "with your rights. What is sent is skops that is written of it here.",
    ),
]
Project = Annotated[
    str | None,
    typer.Option(
        help="Make the model in this project where it is absent.",
        metavar="NAME",
        show_default=False,
    ),
]
Description = Annotated[str, typer.Option(help="What is special about this version.")]
Review = Annotated[bool, typer.Option("--review/--no-review", help="Wait for the review.")]


@app.command()
def mlflow(
    context: typer.Context,
    *,
    path: Annotated[
        Path,
        typer.Argument(help="The folder that holds MLmodel.", exists=True, show_default=False),
    ],
    model: Model,
    reference: Reference,
    evaluation: Evaluation = None,
    target: Target = None,
    time_column: TimeColumn = None,
    protected: Protected = None,
    signature: SignatureFile = None,
    load_pickle: LoadPickle = False,
    project: Project = None,
    description: Description = "",
    review: Review = True,
) -> None:
    """Register a model that MLflow saved: its flavours sklearn and onnx.

    skops and ONNX files are sent as they are. MLflow need not be installed.

    Example: `understudy import mlflow mlruns/1/models/m-1/artifacts credit-risk --project lending
    --reference train.parquet --target defaulted`
    """
    with _told():
        from understudy.importing.bringing import Brought  # noqa: PLC0415 - large
        from understudy.importing.found import in_mlflow  # noqa: PLC0415

        said = Brought(
            reference=reference,
            evaluation=evaluation,
            target=target,
            time_column=time_column,
            protected=tuple(protected or ()),
            signature=_signature(signature),
            load_pickle=load_pickle,
            description=description,
        )
        _bring(context, (model, project), in_mlflow(path), said, review=review)


@app.command()
def bentoml(
    context: typer.Context,
    *,
    tag: Annotated[
        str, typer.Argument(help="name:version, or name for the latest.", show_default=False)
    ],
    model: Model,
    reference: Reference,
    evaluation: Evaluation = None,
    target: Target = None,
    time_column: TimeColumn = None,
    protected: Protected = None,
    signature: SignatureFile = None,
    load_pickle: LoadPickle = False,
    project: Project = None,
    description: Description = "",
    review: Review = True,
    home: Annotated[
        Path,
        typer.Option(envvar="BENTOML_HOME", help="Where BentoML keeps its models."),
    ] = Path("~/bentoml"),
) -> None:
    """Register a model of BentoML's model store, as bentoml.sklearn or bentoml.onnx saved it.

    BentoML need not be installed.

    Example: `understudy import bentoml credit:latest credit-risk --project lending
    --reference train.parquet --target defaulted --load-pickle`
    """
    with _told():
        from understudy.importing.bringing import Brought  # noqa: PLC0415 - large
        from understudy.importing.found import in_bentoml  # noqa: PLC0415

        said = Brought(
            reference=reference,
            evaluation=evaluation,
            target=target,
            time_column=time_column,
            protected=tuple(protected or ()),
            signature=_signature(signature),
            load_pickle=load_pickle,
            description=description,
        )
        found = in_bentoml(tag, home.expanduser())
        _bring(context, (model, project), found, said, review=review)


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong or not installed, as a message."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            f"this needs {error.name}: pip install 'understudy[science]'"
        ) from error
    except ImportingError as error:
        raise typer.BadParameter(str(error)) from error


def _bring(
    context: typer.Context,
    wanted: tuple[str, str | None],
    found: "Found",
    said: "Brought",
    *,
    review: bool,
) -> None:
    """`wanted`: the model, and the project to make it in."""
    from understudy.importing.bringing import parcel_of  # noqa: PLC0415 - large
    from understudy.importing.progress import bars  # noqa: PLC0415
    from understudy.importing.sending import continued, send  # noqa: PLC0415

    model, project = wanted
    with tempfile.TemporaryDirectory(prefix="understudy-") as folder:
        parcel = parcel_of(found, said, Path(folder))
        with connections(context).registry() as registry, bars() as shown:
            if said.signature is None:
                signature = continued(registry, model, parcel.signature)
                parcel = replace(parcel, signature=signature)
            made = send(registry, model, parcel, project=project, review=review, shown=shown)
    show(context, made.view, str(made))


def _signature(path: Path | None) -> Signature | None:
    if path is None:
        return None
    try:
        return TypeAdapter(Signature).validate_json(path.read_bytes())
    except ValidationError as error:
        raise typer.BadParameter(f"{path}: {wrong_members(error)}") from error
