"""What is written down of settings and metrics is what the code says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from services.monitor.api.runbook import PAGE as RUNBOOK

DOCS = Path(__file__).parents[3] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["configuration", "metrics"])
def test_a_generated_page_is_fresh(page: str) -> None:
    written = (DOCS / f"{page}.md").read_text()
    assert getattr(generator(), page)() == written, "run: python docs/generate.py"


def test_the_page_of_the_runbook_is_fresh() -> None:
    assert generator().runbook() == RUNBOOK.read_text(), "run: python docs/generate.py"


def test_every_setting_and_metric_is_explained() -> None:
    pages = (DOCS / "configuration.md").read_text() + (DOCS / "metrics.md").read_text()
    rows = [line for line in pages.splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [row for row in rows if row.endswith("|  |")] == []
