"""Signatures of artifacts."""

from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.output import remark
from understudy.importing.errors import ImportingError


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(sign)


def sign(
    *,
    artifact: Annotated[
        Path,
        typer.Argument(
            help="The model's file, as it will be registered.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ],
    key: Annotated[
        Path,
        typer.Option(
            "--private-key",  # --key is the registry's
            help="Your private key, PEM, of the curve P-256, P-384 or P-521.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ],
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle", help="Where the signature goes; beside the model, as .sig, without it."
        ),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="UNDERSTUDY_SIGNING_PASSWORD",
            help="Of the key, where it has one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Sign a model's file with a key of yours, by Sigstore's model-signing.

    The registry takes it with `understudy register … --attestation model.sig` when the setting
    UNDERSTUDY_SIGNING_KEYS names the public key. Nothing is sent anywhere.

    Example: `understudy sign model.skops --private-key key.pem`
    """
    from understudy.importing import signing  # noqa: PLC0415 - an extra

    target = bundle or artifact.with_suffix(".sig")
    try:
        signing.sign(artifact, key, target, password)
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            f"this needs {error.name}: pip install 'understudy[signing]'"
        ) from error
    except ImportingError as error:
        raise typer.BadParameter(str(error)) from error
    remark(f"Signed: {target}")
    remark(f"Next: understudy register MODEL --artifact {artifact} --attestation {target} …")
