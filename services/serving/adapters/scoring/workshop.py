"""Starts children with what they load: files fetched and verified here, with our key alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path
from typing import Final

import structlog

from services.serving.adapters.scoring.frames import Ask, Begin, Beside, ModelFiles, Ready, Refused
from services.serving.adapters.scoring.process import CHILD, LostError, ScoringProcess
from services.serving.ports import Artifacts
from understudy.client.following import prune_artifacts
from understudy.contracts.registry import ServedVersion

_STARTS_AT_ONCE: Final = 2
_TURN_SECONDS: Final = 5.0
_UNUSED_FILE_SECONDS: Final = 86_400


class LoadFailedError(Exception):
    """A version could not be loaded; the message says why."""


class Workshop:
    """What all children of this process share."""

    def __init__(
        self,
        artifacts: Artifacts,
        folder: Path,
        *,
        load_seconds: float,
        memory_bytes: int,
        nice: int,
        timed_ratio: float,
        compiled: bool = True,
        module: str = CHILD,
        turn_seconds: float = _TURN_SECONDS,
    ) -> None:
        self._artifacts = artifacts
        self._folder = folder
        self._load_seconds = load_seconds
        self._memory_bytes = memory_bytes
        self._nice = nice
        self._timed_ratio = timed_ratio
        self._compiled_too = compiled
        self._module = module
        self._turn_seconds = turn_seconds
        self._trusted: tuple[str, ...] = ()
        # Loading takes seconds of a whole core: not all versions at once.
        self._turns = asyncio.Semaphore(_STARTS_AT_ONCE)

    @property
    def times(self) -> bool:
        """Whether rows are timed beside the main version."""
        return self._timed_ratio > 0.0

    def trust(self, types: Sequence[str]) -> None:
        """Types that artifacts may hold, from now on."""
        self._trusted = tuple(types)

    async def tidy(self, in_use: Collection[ServedVersion]) -> None:
        """Remove files that no version in use has had for a day. Raises OSError."""
        digests = {digest for version in in_use for digest in version.files}
        await asyncio.to_thread(prune_artifacts, self._folder, digests, _UNUSED_FILE_SECONDS)

    async def begin(self, served: ServedVersion) -> tuple[ScoringProcess, float | None]:
        """A child with that version in it, and how long a row took.

        Raises LoadFailedError, or what fetching raises.
        """
        async with self._turn():
            begin = Begin(
                challenger=await self._files(served),
                memory_bytes=self._memory_bytes,
                nice=self._nice,
                timed_ratio=self._timed_ratio,
            )
            process = await ScoringProcess.start(self._module)
            try:
                ready = await self._load(process, begin)
            except LostError as lost:
                raise LoadFailedError(f"it could not be loaded: {lost}") from lost
            except BaseException:
                await process.end()
                raise
            return process, ready.row_seconds

    async def beside(self, process: ScoringProcess, main: ServedVersion) -> bool:
        """Load a main version there too; False when it can't be. Raises LostError."""
        try:
            await self._load(process, Beside(await self._files(main)))
        except LostError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: no timing, and no harm
            log = structlog.stdlib.get_logger()
            log.warning("main_not_timed", version=main.version, error=type(error).__name__)
            return False
        return True

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One that takes long goes on, and the next begins beside it: it may hang."""
        await self._turns.acquire()
        over = contextlib.ExitStack()
        over.callback(self._turns.release)
        timer = asyncio.get_running_loop().call_later(self._turn_seconds, over.close)
        try:
            yield
        finally:
            timer.cancel()
            over.close()

    async def _load(self, process: ScoringProcess, ask: Ask) -> Ready:
        reply = await process.ask(ask, self._load_seconds)
        if isinstance(reply, Refused):
            raise LoadFailedError(reply.error)
        if not isinstance(reply, Ready):
            raise LoadFailedError(f"its process answered with {type(reply).__name__}")
        return reply

    async def _files(self, served: ServedVersion) -> ModelFiles:
        """Verified at every start: whatever happened to the files meanwhile."""
        async with asyncio.timeout(self._load_seconds):
            artifact = await self._artifacts.fetch_artifact(served.artifact, self._folder)
            compiled = await self._compiled(served) if self._compiled_too else None
        return ModelFiles(
            version=served.version,
            signature=served.signature,
            artifact=str(artifact.resolve()),
            trusted=self._trusted,
            compiled=None if compiled is None else str(compiled.resolve()),
            compiled_kind=None if served.compiled is None else served.compiled.kind,
            format=served.format,
        )

    async def _compiled(self, served: ServedVersion) -> Path | None:
        """None where there is none, or it can't be had: the artifact alone will do."""
        if served.compiled is None:
            return None
        digest = served.compiled.artifact
        try:
            return await self._artifacts.fetch_artifact(digest, self._folder)
        except Exception as error:  # noqa: BLE001 - slower then, but as right
            log = structlog.stdlib.get_logger()
            log.warning("compiled_unused", version=served.version, error=type(error).__name__)
            return None
