"""What counting and reading go by; the settings give the figures."""

from dataclasses import dataclass

from understudy.profiles.arrays import Floats

DISTRIBUTIONS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """The same for every deployment."""

    latency_edges: Floats
    window_minutes: int
    retention_minutes: int
    """How far back cells of minutes reach."""
    drift_rows: int
    """From fewer live rows than this no drift is computed."""
    history_minutes: int = 50_400
    """How far back cells of hours reach, which those of minutes are added to in the end."""
    distributions: int = DISTRIBUTIONS
    """Features of each deployment whose distribution is shown in metrics."""
