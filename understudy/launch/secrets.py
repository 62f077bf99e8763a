"""The installation's own keys: drawn at the first start, kept in files for their owner alone."""

import os
import secrets
from collections.abc import Callable
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
    token_secret: str
    """No key itself: the key derives from it that access tokens are signed with."""


def load_secrets(folder: Path) -> Secrets:
    """The keys in `folder`; those that are not there yet are drawn."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Secrets(
        admin_key=_load(folder / "admin.key", _key),
        service_key=_load(folder / "service.key", _key),
        monitor_key=_load(folder / "monitor.key", _key),
        metrics_key=_load(folder / "metrics.key", _key),
        alert_key=_load(folder / "alert.key", _key),
        token_secret=_load(folder / "token.secret", _secret),
    )


def _key() -> str:
    return make_key().plaintext


def _secret() -> str:
    return secrets.token_urlsafe(32)


def _load(path: Path, draw: Callable[[], str]) -> str:
    if not path.exists():
        # Written beside and renamed: a start that is cut off leaves no half key behind.
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(draw() + "\n")
        draft.replace(path)
    return path.read_text().strip()
