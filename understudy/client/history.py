"""The monitor's memory: parts of the archive, and replays over them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from understudy.client.connection import Connection, segment
from understudy.contracts.registry import Page
from understudy.contracts.replays import (
    ArchivePart,
    ReplayAnswers,
    ReplayRequest,
    ReplayView,
)

_PART_SECONDS: Final = 60.0
_PAGE: Final = 1_000


class HistoryClient(Connection):
    """The monitor with a reader's key."""

    service = "the monitor"
    setting = "--monitor-url or UNDERSTUDY_MONITOR_URL"

    def parts(self, deployment: str, since: datetime, until: datetime) -> Iterator[ArchivePart]:
        """Parts of the prediction log with entries between two moments, oldest first."""
        params: dict[str, str | int] = {
            "since": since.isoformat(),
            "until": until.isoformat(),
            "limit": _PAGE,
        }
        while True:
            page = self.get(_path(deployment, "archive"), Page[ArchivePart], params)
            yield from page.items
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    def part(self, deployment: str, part: ArchivePart) -> bytes:
        """One Parquet file."""
        path = f"{_path(deployment, 'archive')}/{segment(part.stream)}/{segment(part.name)}"
        return self.ask("GET", path, timeout_seconds=_PART_SECONDS).content

    def begin_replay(self, deployment: str, request: ReplayRequest) -> ReplayView:
        """Have a candidate's answers taken."""
        return self.post(_path(deployment, "replays"), request, ReplayView)

    def add_answers(self, replay: ReplayView, answers: ReplayAnswers) -> ReplayView:
        """One batch. May be sent again when its answer was lost: it counts once."""
        body = answers.model_dump_json().encode()
        answer = self.ask(
            "POST",
            f"{_replay(replay)}/pairs",
            content=body,
            headers={"Content-Type": "application/json"},
            timeout_seconds=_PART_SECONDS,
        )
        return self.read(answer, ReplayView)

    def finish_replay(self, replay: ReplayView) -> ReplayView:
        """With its judgement."""
        answer = self.ask("POST", f"{_replay(replay)}/finish", timeout_seconds=_PART_SECONDS)
        return self.read(answer, ReplayView)

    def replays(self, deployment: str) -> tuple[ReplayView, ...]:
        """Those that the monitor still knows, the newest first."""
        return self.get(_path(deployment, "replays"), Page[ReplayView]).items


def _replay(replay: ReplayView) -> str:
    return f"{_path(replay.deployment, 'replays')}/{segment(replay.id)}"


def _path(deployment: str, name: str) -> str:
    return f"/v1/deployments/{segment(deployment)}/{name}"
