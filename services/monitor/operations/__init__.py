"""What the monitor does, one module per noun.

It watches each deployment's log, says what it found, judges, acts, and makes reports.
"""

from services.monitor.operations.monitoring import Monitoring
from services.monitor.operations.probing import ProbeTerms, Probing
from services.monitor.operations.reporting import Reporting, ReportTerms
from services.monitor.operations.sources import Clock, Sources
from services.monitor.operations.watching import Watch

__all__ = [
    "Clock",
    "Monitoring",
    "ProbeTerms",
    "Probing",
    "ReportTerms",
    "Reporting",
    "Sources",
    "Watch",
]
