"""The same predictions as five witnesses count them, once nothing moves any more."""

import time
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster import LaptopCluster
from tests.traffic import count_log


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of the example's deployment, by witness."""

    metrics: int
    log: int
    pairs: int
    monitored: int
    monitored_pairs: int


def counted(cluster: LaptopCluster) -> Counted:
    """Ask serving's metrics, both streams and the monitor."""
    deployment = cluster.example.deployment
    log = count_log(cluster.redis_url, deployment)
    totals = cluster.monitor.assessment(deployment).totals
    return Counted(
        metrics=predictions_in_metrics(cluster, deployment),
        log=log.predictions.total(),
        pairs=log.pairs.total(),
        monitored=sum(totals.predictions.values()),
        monitored_pairs=sum(totals.pairs.values()),
    )


def settle(cluster: LaptopCluster, deadline_seconds: float = 60.0) -> Counted:
    """Count until challenger and monitor have caught up with the log, or the deadline passes."""
    deadline = time.monotonic() + deadline_seconds
    while True:
        now = counted(cluster)
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
