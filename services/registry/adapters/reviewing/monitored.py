"""What the monitor will hold live rows against."""

from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import MonitorReference


def monitor_of(subject: Subject) -> MonitorReference:
    """One part. Raises LeftOutError."""
    raise LeftOutError("it is not made yet")
