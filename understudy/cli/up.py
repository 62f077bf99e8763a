"""`understudy up`: everything on this machine, in the foreground, until Ctrl-C."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from understudy.cli.addresses import Addresses
from understudy.cli.board import Board
from understudy.cli.connections import connections
from understudy.cli.output import said
from understudy.cli.welcome import welcome
from understudy.client import ClientError, RegistryClient

if TYPE_CHECKING:  # the laptop's libraries are an extra, and slow to import
    from understudy.launch.laptop import Laptop
    from understudy.launch.settings import LaptopSettings

Result = TypeVar("Result")

_LOADING: Final = "example.loading"
"""There while the example is being loaded, so that a start that was cut off goes on with it."""
_EXAMPLE_STOP_SECONDS: Final = 5.0


class _StopAskedError(Exception):
    """Ctrl-C or SIGTERM came before everything was up."""


def up(
    context: typer.Context,
    *,
    example: Annotated[
        bool | None,
        typer.Option(
            "--example/--no-example",
            show_default="when nothing is deployed",
            help="Load two example models and send them their first rows.",
        ),
    ] = None,
) -> None:
    """Start Redis, registry, serving, challenger process and monitor; keep them up.

    Everything runs as processes of this machine and keeps its state in one folder, so that the
    next start goes on where this one stopped. Logs are in `var/logs`. Ctrl-C stops all of it.

    Ports and the like are environment variables: `UNDERSTUDY_SERVING_PORT` (8700),
    `UNDERSTUDY_REGISTRY_PORT` (8701), `UNDERSTUDY_MONITOR_PORT` (8702), `UNDERSTUDY_REDIS_PORT`
    (8703), `UNDERSTUDY_CHALLENGER_PORT` (8704), `UNDERSTUDY_SERVING_GRPC_PORT` (8706),
    `UNDERSTUDY_HOST` (127.0.0.1), `UNDERSTUDY_SERVING_WORKERS` (2), `UNDERSTUDY_REDIS_SERVER` (a
    binary), `UNDERSTUDY_REDIS_URL` (a Redis that runs already; then none is started),
    `UNDERSTUDY_TRUSTED_TYPES` (type names that artifacts may hold beyond what skops trusts and the
    example needs).
    """
    from understudy.launch.errors import LaunchError  # noqa: PLC0415 - an extra, imported on use

    settings, board = _settings(connections(context).state_dir), Board()
    try:
        asyncio.run(_run(settings, board, example))
    except _StopAskedError:
        board.say("Stopped.")
    except LaunchError as error:
        board.fail(str(error))
        raise typer.Exit(1) from error


async def _run(settings: "LaptopSettings", board: Board, example: bool | None) -> None:
    from understudy.launch.laptop import laptop  # noqa: PLC0415 - an extra, imported on use

    began, stop = time.monotonic(), asyncio.Event()
    async with laptop(settings, board.tell) as started:
        _on_signals(stop, board, started)
        addresses = _write_addresses(settings)
        board.say(f"Understudy {'resumes' if started.resumed else 'begins'} in {_shown(settings)}")
        with board.waiting():
            await _until(stop, started.supervisor.start())
        if example or (example is None and await _until(stop, _wants_example(started))):
            await _until(stop, _load_example(started, board))
        nobody = await _until(stop, _has_nobody(started))
        seconds = time.monotonic() - began
        board.show(welcome(addresses, settings.state_dir, seconds, nobody=nobody))
        await stop.wait()
    board.say("Stopped; the next start goes on from here.")


def _settings(state_dir: Path) -> "LaptopSettings":
    try:
        from pydantic import ValidationError  # noqa: PLC0415 - with the extra below

        from understudy.launch.settings import LaptopSettings  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise typer.BadParameter(
            f"starting services needs the laptop extra: pip install 'understudy[laptop]' ({error})"
        ) from error
    try:
        return LaptopSettings(state_dir=state_dir)
    except ValidationError as error:
        wrong = "; ".join(
            f"UNDERSTUDY_{str(e['loc'][0]).upper()}: {said(e['msg'])}" for e in error.errors()
        )
        raise typer.BadParameter(wrong) from error


def _write_addresses(settings: "LaptopSettings") -> Addresses:
    addresses = Addresses(
        serving_url=settings.serving_url,
        registry_url=settings.registry_url,
        monitor_url=settings.monitor_url,
    )
    addresses.write(settings.state_dir)
    return addresses


def _on_signals(stop: asyncio.Event, board: Board, started: "Laptop") -> None:
    """The first signal stops everything in order, the next one at once."""

    def asked() -> None:
        if stop.is_set():
            board.say("Killing what is left.")
            started.supervisor.hurry()
        else:
            board.say("\nStopping (once more to kill) …")
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked)


async def _until(stop: asyncio.Event, work: Awaitable[Result]) -> Result:
    """The work's result, unless a person asks to stop before."""
    working, asked = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise _StopAskedError
    finally:
        for task in (working, asked):
            task.cancel()
        await asyncio.gather(working, asked, return_exceptions=True)


async def _wants_example(started: "Laptop") -> bool:
    """Whether nothing is deployed, or an earlier load was cut off."""
    settings = started.settings
    if (settings.state_dir / _LOADING).exists():
        return True

    def nothing_deployed() -> bool:
        with RegistryClient(settings.registry_url, started.secrets.admin_key) as registry:
            return not registry.deployments()

    try:
        return await asyncio.to_thread(nothing_deployed)
    except ClientError:
        return False


async def _has_nobody(started: "Laptop") -> bool:
    """Whether nobody can sign in yet."""

    def nobody() -> bool:
        registry_url, key = started.settings.registry_url, started.secrets.admin_key
        with RegistryClient(registry_url, key) as registry:
            return not registry.users()

    try:
        return await asyncio.to_thread(nobody)
    except ClientError:
        return False


async def _load_example(started: "Laptop", board: Board) -> None:
    """Run the story as an outsider would; what it prints is passed on."""
    settings, marker = started.settings, started.settings.state_dir / _LOADING
    command = ["load", "--registry-url", settings.registry_url]
    command += ["--serving-url", settings.serving_url, "--monitor-url", settings.monitor_url]
    marker.touch()
    board.say("\nLoading the example")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "understudy.launch.child", str(os.getpid())),
        *(sys.executable, "-m", "examples.story", *command),
        env={
            **os.environ,
            "UNDERSTUDY_KEY": started.secrets.admin_key,
            "UNDERSTUDY_STATE_DIR": str(settings.state_dir.absolute()),
        },
        start_new_session=True,
    )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    if code:
        board.fail(
            f"The example was not loaded (exit code {code}). The services run on; "
            "the next start tries again."
        )
    else:
        marker.unlink()


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _EXAMPLE_STOP_SECONDS)
    except TimeoutError:
        process.kill()


def _shown(settings: "LaptopSettings") -> str:
    try:
        return f"./{settings.state_dir.absolute().relative_to(Path.cwd())}"
    except ValueError:
        return str(settings.state_dir)
