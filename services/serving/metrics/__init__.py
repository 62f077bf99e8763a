"""Every number that serving and the challenger process publish, declared once.

Serving runs in several workers whose figures are summed through files, so a gauge says how
workers combine, and `prometheus_client` must not be imported before a worker's environment is
set: this module is imported when a worker builds its application, never earlier.
"""

from services.serving.metrics.challenger import ChallengerMetrics
from services.serving.metrics.log import BadRecord, LogMetrics, LogState
from services.serving.metrics.redis_server import RedisFigures, RedisMetrics
from services.serving.metrics.refusals import INTERNAL
from services.serving.metrics.trimming import TrimmingMetrics
from services.serving.metrics.worker import Dialect, ServingMetrics, forget_dead_workers

__all__ = [
    "INTERNAL",
    "BadRecord",
    "ChallengerMetrics",
    "Dialect",
    "LogMetrics",
    "LogState",
    "RedisFigures",
    "RedisMetrics",
    "ServingMetrics",
    "TrimmingMetrics",
    "forget_dead_workers",
]
