"""`python -m services.monitor.adapters.reports task.json`: makes one page, in a process of its own.

The only module that imports Evidently, and only once the limits are in force. Evidently fails on a
column that is missing, all null or infinite, and takes 1 and "1" for drift: such columns are left
out and named on the page, categories are text on both sides. It also writes names and values into
the page as they are, and callers send values: what could open a tag is replaced by a look-alike.
"""

import html
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import pyarrow.parquet as pq

from services.monitor.adapters.child_manners import limit, tell_without_values
from services.monitor.adapters.report_heading import heading
from services.monitor.adapters.report_process import ReportTask

_NO_TITLE: Final = re.compile(r"<title>[^<]*</title>")
_HARMLESS: Final = str.maketrans("<>", "‹›")

if TYPE_CHECKING:
    import pandas as pd


def main(path: str) -> None:
    """Read the task, write its page."""
    task = msgspec.json.decode(Path(path).read_bytes(), type=ReportTask)
    limit(task.seconds, task.memory_bytes)
    page = _page(task)
    Path(task.page).write_text(page, encoding="utf-8")


def usable_columns(
    task: ReportTask, current: "pd.DataFrame", reference: "pd.DataFrame"
) -> tuple[list[str], list[str]]:
    """Columns that can be compared, and a sentence for each that can't."""
    usable, notes = [], []
    for name in (*task.numbers, *task.categories):
        reason = next(
            (
                f"{frame_name} holds no values"
                for frame_name, frame in (("the window", current), ("the reference", reference))
                if name not in frame or frame[name].isna().all()
            ),
            None,
        )
        if reason is None:
            usable.append(name)
        else:
            notes.append(f"{name} is left out: {reason}.")
    return usable, notes


def _page(task: ReportTask) -> str:
    current, reference = _frame(task.current, task), _frame(task.reference, task)
    usable, notes = usable_columns(task, current, reference)
    if not usable:
        return _document(task, [*notes, "No column is left to compare."], "")
    # Imported here so that the limits hold for the import too.
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415 - as above
    from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: PLC0415 - as above

    definition = DataDefinition(
        numerical_columns=[_harmless(name) for name in task.numbers if name in usable],
        categorical_columns=[_harmless(name) for name in task.categories if name in usable],
    )
    report = Report([DataDriftPreset(), DataSummaryPreset()])
    snapshot = report.run(
        Dataset.from_pandas(current[usable].rename(columns=_harmless), data_definition=definition),
        Dataset.from_pandas(
            reference[usable].rename(columns=_harmless), data_definition=definition
        ),
    )
    sizes = f"{len(current)} rows of the log against {len(reference)} rows of the reference sample."
    return _document(task, [sizes, *notes], snapshot.get_html_str(as_iframe=False))


def _frame(path: str, task: ReportTask) -> "pd.DataFrame":
    """At most `most_rows` rows, drawn evenly; numbers as floats, categories as text."""
    import pandas as pd  # noqa: PLC0415 - the limits hold for this import too

    there = set(pq.read_schema(path).names)
    wanted = [name for name in (*task.numbers, *task.categories) if name in there]
    frame = pd.read_parquet(path, columns=wanted)
    if len(frame) > task.most_rows:
        frame = frame.sample(task.most_rows, random_state=0)
    for name in frame.columns.intersection(task.numbers):
        numbers = pd.to_numeric(frame[name], errors="coerce").astype("float64")
        frame[name] = numbers.where(np.isfinite(numbers))
    for name in frame.columns.intersection(task.categories):
        held = frame[name]
        text = held.astype(str).map(_harmless, na_action="ignore")
        frame[name] = text.where(held.notna(), None).astype(object)
    return frame


def _harmless(text: str) -> str:
    return text.translate(_HARMLESS)


def _document(task: ReportTask, notes: list[str], body: str) -> str:
    """Our heading above Evidently's page."""
    above = heading(task.title, notes, task.facts, task.figures)
    title = f"<title>{html.escape(task.title)}</title>"
    before, marker, after = body.partition("<body>")
    if marker:
        head, opened, rest = _NO_TITLE.sub("", before, count=1).partition("<head>")
        return f"{head}{opened}{title}{rest}{marker}{above}{after}"
    return (
        f"<!doctype html><html><head><meta charset=utf-8>{title}</head>"
        f"<body>{above}{body}</body></html>"
    )


if __name__ == "__main__":
    sys.excepthook = tell_without_values
    main(sys.argv[1])
