"""Reports from a real child: it fails in the open and ends in time."""

import html
import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from structlog.testing import capture_logs

from services.monitor.adapters.child_process import reason_of
from services.monitor.adapters.event_log import prediction_rows
from services.monitor.adapters.report_heading import heading
from services.monitor.adapters.report_process import (
    ReportProcess,
    ReportTask,
    current_table,
)
from services.monitor.adapters.reports import usable_columns
from services.monitor.domain.errors import ReportDeadlineError, ReportFailedError
from services.monitor.domain.reports import FeatureLine
from services.monitor.ports import ReportOrder
from tests.fakes.monitor_entries import SIGNATURE, Columns, prediction_batch, reference_file, sample

pytestmark = pytest.mark.anyio

NAN = float("nan")


@pytest.fixture
def order(tmp_path: Path) -> ReportOrder:
    reference = tmp_path / "reference.parquet"
    reference.write_bytes(reference_file())
    rows = [prediction_rows(prediction_batch(sample(20)))]
    return ReportOrder("risk", SIGNATURE, reference, rows, most_rows=10)


async def test_a_child_that_fails_is_told_apart(order: ReportOrder) -> None:
    order.reference.write_bytes(b"no Parquet")
    with pytest.raises(ReportFailedError), capture_logs() as logs:
        await ReportProcess().render(order, 60.0)
    [entry] = logs
    assert entry["reason"].startswith("pyarrow.lib.ArrowInvalid at ")
    assert "Parquet" not in str(entry)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "\npandas.errors.ParserError at reader.py:12\n",
            "pandas.errors.ParserError at reader.py:12",
        ),
        ("Traceback\n  File x\nModuleNotFoundError: No module named 'y'\n", "ModuleNotFoundError"),
        ("MemoryError\n", "MemoryError"),
        ("UserWarning: odd value 'Ada Lovelace'\n", "unknown"),
        ("ValueError: could not convert 'Ada\nLovelace': no number", "unknown"),
        ("Error" * 400 + ": x", "unknown"),
        ("", "unknown"),
    ],
)
async def test_of_what_a_child_said_no_value_is_passed_on(said: str, reason: str) -> None:
    assert reason_of(said) == reason


async def test_a_child_that_takes_too_long_is_killed(order: ReportOrder) -> None:
    with pytest.raises(ReportDeadlineError):
        await ReportProcess().render(order, 0.3)
    assert "services.monitor.adapters.reports" not in _command_lines_of_children()


async def test_columns_that_can_not_be_compared_are_named() -> None:
    task = ReportTask(
        title="risk",
        reference="",
        current="",
        page="",
        numbers=["income", "children"],
        categories=["job"],
        most_rows=10,
        seconds=1,
    )
    current = pd.DataFrame({"income": [1.0], "children": [NAN], "job": ["clerk"]})
    reference = pd.DataFrame({"income": [1.0], "children": [1.0]})
    usable, notes = usable_columns(task, current, reference)
    assert usable == ["income"]
    assert notes == [
        "children is left out: the window holds no values.",
        "job is left out: the reference holds no values.",
    ]


async def test_rows_without_a_category_are_reported_too(order: ReportOrder) -> None:
    columns = {**sample(40), "job": [None, "clerk"] * 20}
    rows = [prediction_rows(prediction_batch(columns))]
    page = await ReportProcess().render(replace(order, rows=rows, most_rows=40), 100.0)
    assert b"40 rows of the log" in page


async def test_odd_columns_and_names_make_a_page(order: ReportOrder) -> None:
    columns: Columns = {
        "income": [7.0] * 40,
        "children": [NAN] * 40,
        "owner": [float("inf")] * 40,
        "job": ["<script>alert(1)</script>"] * 40,
    }
    rows = [prediction_rows(prediction_batch(columns))]
    figures = [FeatureLine("in<b>come", 1.5, NAN, -0.00001, None, 0.5, None, 1.0, None)]
    facts = [("Verdict", "roll back <img src=x>")]
    page = await ReportProcess().render(
        replace(order, rows=rows, most_rows=40, figures=figures, facts=facts), 100.0
    )
    for name in (b"children", b"owner"):
        assert name + b" is left out: the window holds no values." in page
    assert b"<script>alert" not in page
    assert b"<td>in&lt;b&gt;come</td><td>1.500</td><td>\xe2\x80\x93</td><td>1.00</td>" in page
    assert b'<tr class="alarm">' in page
    assert b"<dd>roll back &lt;img src=x&gt;</dd>" in page
    head = page.partition(b"<body>")[0]
    assert head[:500].count(b"<title>") == 1
    assert f"<title>{html.escape(order.title)}</title>".encode() in head[:500]


def test_wide_tables_are_cut_and_say_so() -> None:
    lines = [FeatureLine(f"f{at}", *[None] * 6) for at in range(103)]
    above = heading("title", ["note"], [], lines)
    assert above.count("<tr>") == 101
    assert "3 features that drifted less are left out." in above
    assert "<table>" not in heading("title", [], [], [])


def test_without_evidence_there_is_no_column_of_it_and_means_are_plain() -> None:
    past = FeatureLine("income", 0.1, 0.1, 13_490.4, 0.25, 0.0, 0.0)
    then = heading("title", [], [], [past])
    assert "Evidence" not in then
    assert "<td>13490</td><td>0.25</td>" in then
    assert "Evidence" in heading("title", [], [], [replace(past, evidence=0.5)])


async def test_the_newest_rows_are_shown(order: ReportOrder) -> None:
    table = current_table(order.rows, SIGNATURE, 5)
    assert table.column_names == list(SIGNATURE.names)
    expected = sample(20)["income"][-5:]
    assert table["income"].to_pylist() == expected


def _command_lines_of_children() -> str:
    path = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    children = path.read_text().split() if path.exists() else []
    return "\n".join(Path(f"/proc/{child}/cmdline").read_text() for child in children)
