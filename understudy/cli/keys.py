"""API keys: issue, list, revoke."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.durations import parse_duration
from understudy.cli.output import make_table, remark, show
from understudy.client.oauth import TOKEN_PATH, ClientCredentials
from understudy.contracts.limits import Limits
from understudy.contracts.registry import KeyRequest
from understudy.contracts.vocabulary import Scope

app = typer.Typer(
    no_args_is_help=True,
    help="Issue, list and revoke API keys.",
    rich_markup_mode="markdown",
)


@app.command()
def create(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="What it is for.", show_default=False)],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(show_default="predict, label", help="What it may do; may be repeated."),
    ] = None,
    deployment: Annotated[str | None, typer.Option(help="Only there.", show_default=False)] = None,
    project: Annotated[str | None, typer.Option(help="Only there.", show_default=False)] = None,
    expires: Annotated[
        str | None, typer.Option(help="After how long it ends: 12h, 30d.", show_default=False)
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Requests it may make per second.", show_default=False),
    ] = None,
    burst: Annotated[
        int | None,
        typer.Option(
            min=1, help="Requests it may make at once; as many as --rate.", show_default=False
        ),
    ] = None,
    per_day: Annotated[
        int | None,
        typer.Option(min=1, help="Rows it may have answered a day (UTC).", show_default=False),
    ] = None,
) -> None:
    """Issue a key. Its secret is shown this once; only a digest of it is stored.

    Example: `understudy keys create website --scope predict --deployment credit-risk`
    """
    ends = datetime.now(UTC) + parse_duration(expires) if expires else None
    request = KeyRequest(
        name=name,
        scopes=tuple(scope or (Scope.PREDICT, Scope.LABEL)),
        deployment=deployment,
        project=project,
        expires_at=ends,
        limits=_limits(rate, burst, per_day),
    )
    with connections(context).registry() as registry:
        issued = registry.issue_key(request)
    show(context, issued, issued.key)
    remark(f"Key {issued.id} ({', '.join(issued.scopes)}). Keep it: it is not shown again.")


@app.command("list")
def list_keys(context: typer.Context) -> None:
    """List all keys, without their secrets."""
    with connections(context).registry() as registry:
        found = registry.keys()
    rows = [
        (
            k.id,
            k.name,
            k.scopes,
            k.deployment or k.project or "all",
            _told(k.limits),
            k.issued_by,
            k.last_used_at,
            k.expires_at,
            k.revoked_at,
        )
        for k in found
    ]
    told = ("ID", "NAME", "SCOPES", "REACHES", "LIMITS", "ISSUER", "USED", "EXPIRES", "REVOKED")
    show(context, found, make_table(told, rows))


@app.command()
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="Its id, as in `keys list`.", show_default=False)],
) -> None:
    """Take a key's rights away, at once."""
    with connections(context).registry() as registry:
        registry.revoke_key(key_id)
    remark(f"Key {key_id} is revoked.")


@app.command()
def token(
    context: typer.Context,
    *,
    client_id: Annotated[str, typer.Option(help="The key's id.", show_default=False)],
    client_secret: Annotated[
        str | None,
        typer.Option(
            help="The key, or what follows the id in it; asked for when it is left out.",
            envvar="UNDERSTUDY_CLIENT_SECRET",
            show_default=False,
        ),
    ] = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(show_default="all of the key's", help="What it may do; may be repeated."),
    ] = None,
) -> None:
    """Print an access token of a key, as OAuth2 clients get it.

    Example: `understudy keys token --client-id 1a2b3c4d5e6f --scope predict`
    """
    url = connections(context).addresses.registry_url.rstrip("/") + TOKEN_PATH
    wanted = " ".join(scope) if scope else None
    # Nothing but the token goes where `$(…)` reads it.
    secret = client_secret or typer.prompt("Client secret", hide_input=True, err=True)
    granted = ClientCredentials(url, client_id, secret, scope=wanted).grant()
    show(context, granted, granted.access_token)
    remark(f"Valid for {granted.expires_in:g} s, for {granted.scope}.")


def _limits(rate: float | None, burst: int | None, per_day: int | None) -> Limits | None:
    if rate is None and burst is not None:
        raise typer.BadParameter("--burst needs --rate")
    if rate is None and per_day is None:
        return None
    return Limits(requests_per_second=rate, burst=burst, predictions_per_day=per_day)


def _told(limits: Limits | None) -> str:
    if limits is None:
        return ""
    told = []
    if limits.requests_per_second is not None:
        told.append(f"{limits.requests_per_second:g}/s, {limits.at_once} at once")
    if limits.predictions_per_day is not None:
        told.append(f"{limits.predictions_per_day:,} rows a day")
    return "; ".join(told)
