"""The installation's own keys: drawn at the first start, kept in files for their owner alone."""

import os
from dataclasses import dataclass
from pathlib import Path

from understudy.runtime.keys import make_key


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys by which the processes know each other and the operator."""

    admin_key: str
    service_key: str
    monitor_key: str
    metrics_key: str
    alert_key: str


def load_secrets(folder: Path) -> Secrets:
    """The keys in `folder`; those that are not there yet are drawn."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Secrets(
        admin_key=_load(folder / "admin.key"),
        service_key=_load(folder / "service.key"),
        monitor_key=_load(folder / "monitor.key"),
        metrics_key=_load(folder / "metrics.key"),
        alert_key=_load(folder / "alert.key"),
    )


def _load(path: Path) -> str:
    if not path.exists():
        # Written beside and renamed: a start that is cut off leaves no half key behind.
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(make_key().plaintext + "\n")
        draft.replace(path)
    return path.read_text().strip()
