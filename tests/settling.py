"""The same predictions as five witnesses count them, once nothing moves any more."""

import time
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster import LaptopCluster
from tests.traffic import LogReader


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of the example's deployment, by witness."""

    metrics: int
    log: int
    pairs: int
    monitored: int
    monitored_pairs: int


def counted(cluster: LaptopCluster, reader: LogReader | None = None) -> Counted:
    """Ask serving's metrics, both streams and the monitor."""
    deployment = cluster.example.deployment
    log = (reader or LogReader(cluster.redis_url, deployment)).read()
    totals = cluster.monitor.assessment(deployment).totals
    return Counted(
        metrics=predictions_in_metrics(cluster, deployment),
        log=log.predictions.total(),
        pairs=log.pairs.total(),
        monitored=sum(totals.predictions.values()),
        monitored_pairs=sum(totals.pairs.values()),
    )


def settle(cluster: LaptopCluster, deadline_seconds: float = 120.0) -> Counted:
    """Count until challenger and monitor have caught up with the log, or the deadline passes."""
    deadline = time.monotonic() + deadline_seconds
    reader = LogReader(cluster.redis_url, cluster.example.deployment)
    while True:
        now = counted(cluster, reader)
        caught_up = now.pairs == now.log == now.monitored and now.monitored_pairs == now.pairs
        if caught_up or time.monotonic() > deadline:
            return now
        time.sleep(0.25)


def predictions_in_metrics(cluster: LaptopCluster, deployment: str) -> int:
    """Answered rows by serving's own counter, all workers together."""
    return round(
        metric(
            cluster,
            "serving",
            "understudy_predictions_total",
            deployment=deployment,
            outcome="ok",
        )
    )


def metric(cluster: LaptopCluster, service: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    families = text_string_to_metric_families(cluster.metrics(service))
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
