"""Every number that the monitor exposes, declared once, a module for each noun.

What was counted in this process are counters; what was counted in the log is read off the state at
each scrape, so that it is the same whichever process answers and however often it was restarted.
"""

from services.monitor.metrics.alerts import AlertMetrics
from services.monitor.metrics.archive import ArchiveMetrics
from services.monitor.metrics.figures import FiguresCollector
from services.monitor.metrics.leases import LeaseMetrics
from services.monitor.metrics.process import MonitorMetrics
from services.monitor.metrics.window import most_drifted

__all__ = [
    "AlertMetrics",
    "ArchiveMetrics",
    "FiguresCollector",
    "LeaseMetrics",
    "MonitorMetrics",
    "most_drifted",
]
