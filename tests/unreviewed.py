"""Settings of a registry in tests that are about something else than reviews."""

from pathlib import Path
from typing import Final

UNREVIEWED: Final = {
    "REGISTRY_REVIEW": "false",
    "GATE_POLICY": str(Path(__file__).parent / "gates" / "open.yaml"),
}
"""Without their prefix: nothing is reviewed, and nothing stands in the way of a decision."""
