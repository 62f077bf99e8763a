"""The import contracts hold, and each of them was seen to fail on a deliberate violation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# Contract → a module to which a line is added that breaks it.
VIOLATIONS = {
    "Services never import each other": (
        "services/monitor/operations/watching.py",
        "import services.registry.operations",
    ),
    "Every service has the same spine": (
        "services/serving/operations/answers.py",
        "import services.serving.app",
    ),
    "The shared package is layered": (
        "understudy/contracts/vocabulary.py",
        "import understudy.client",
    ),
    "The shared package knows no service": (
        "understudy/launch/plan.py",
        "import services.registry.settings",
    ),
    "Examples use what an outsider would": (
        "examples/story.py",
        "import understudy.runtime.loops",
    ),
    "Domains are pure": ("services/monitor/domain/drift.py", "import time"),
    "BentoML is imported at serving's edge alone": (
        "services/serving/operations/answers.py",
        "import bentoml",
    ),
    "Model libraries are imported by inference and adapters alone": (
        "services/serving/operations/answers.py",
        "import sklearn",
    ),
    "Compiled models are asked without what made them": (
        "understudy/inference/coding.py",
        "import pandas",
    ),
    "SQL is spoken by adapters alone": (
        "services/registry/operations/catalogue.py",
        "import sqlalchemy",
    ),
    "Evidently is imported by the report process alone": (
        "services/monitor/operations/watching.py",
        "import evidently",
    ),
}


def lint(folder: Path) -> str:
    """Output of import-linter over a tree."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )
    return done.stdout + done.stderr


def copy_of_the_tree(folder: Path) -> Path:
    for package in ("understudy", "services", "examples"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def test_all_contracts_hold() -> None:
    assert "0 broken." in lint(ROOT)


def test_every_contract_has_a_violation_here() -> None:
    text = (ROOT / ".importlinter").read_text()
    names = {line.removeprefix("name = ") for line in text.splitlines() if line.startswith("name")}
    assert names == set(VIOLATIONS)


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_is_seen(contract: str, tmp_path: Path) -> None:
    module, line = VIOLATIONS[contract]
    tree = copy_of_the_tree(tmp_path)
    broken = tree / module
    assert broken.exists(), f"{module} has moved: name another module to break"
    broken.write_text(broken.read_text() + f"\n{line}\n")
    assert f"{contract} BROKEN" in lint(tree)
