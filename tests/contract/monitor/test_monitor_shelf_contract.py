"""Kept reports: the shelf in memory does what the folder does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.monitor.adapters.report_shelf import FileReportShelf
from services.monitor.domain.reports import KeptReport
from services.monitor.ports import ReportShelf
from tests.fakes.monitor_reports import MemoryShelf
from tests.fakes.object_stores import OBJECT_STORES, fresh_folder

pytestmark = pytest.mark.anyio

BEGIN = datetime(2027, 1, 15, 8, tzinfo=UTC)


@pytest.fixture(params=["memory", "file", "fsspec-memory", *OBJECT_STORES])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> ReportShelf:
    if request.param == "memory":
        return MemoryShelf(room=3)
    if request.param == "s3":
        return FileReportShelf(fresh_folder(), room=3, deadline_seconds=10.0)
    url = tmp_path.as_uri() if request.param == "file" else f"memory://{tmp_path}"
    return FileReportShelf(url, room=3, deadline_seconds=10.0)


def report(minute: int) -> KeptReport:
    at = BEGIN + timedelta(minutes=minute)
    name = f"{at:%Y%m%dt%H%M%Sz}-0123abcd"
    return KeptReport(name, 4, at, at, at, 100, "drift: Größe (shape)", 11)


async def test_reports_come_newest_first_and_the_oldest_go(shelf: ReportShelf) -> None:
    assert list(await shelf.reports("iris")) == []
    for minute in range(5):
        await shelf.put("iris", report(minute), b"<html>%d</html>" % minute)
    assert list(await shelf.reports("iris")) == [report(minute) for minute in (4, 3, 2)]
    assert await shelf.page("iris", report(4).id) == b"<html>4</html>"
    assert await shelf.page("iris", report(0).id) is None
    assert list(await shelf.reports("wine")) == []


@pytest.mark.parametrize("name", ["", "..", "../iris/x", "%2e%2e", "x" * 300, "20270115t080000z"])
async def test_nothing_else_is_handed_out(shelf: ReportShelf, name: str) -> None:
    await shelf.put("iris", report(0), b"page")
    assert await shelf.page("iris", name) is None


async def test_half_a_report_is_none_and_goes_in_its_turn(tmp_path: Path) -> None:
    shelf = FileReportShelf(tmp_path.as_uri(), room=2, deadline_seconds=10.0)
    await shelf.put("iris", report(0), b"page")
    (tmp_path / "iris" / f"{report(0).id}.json").unlink()
    await shelf.put("iris", report(1), b"page")
    assert list(await shelf.reports("iris")) == [report(1)]
    await shelf.put("iris", report(2), b"page")
    await shelf.put("iris", report(3), b"page")
    assert len([*(tmp_path / "iris").iterdir()]) == 4
