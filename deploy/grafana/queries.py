"""PromQL, put together from few forms, so that every panel asks in the same way.

Gauges of a deployment are taken as the maximum over instances: each monitor that ever held its
lease may still tell them. Quantiles are read off summed buckets and never averaged.
"""

from collections.abc import Sequence
from typing import Final

from deploy.grafana.look import VERDICTS

HERE: Final = 'deployment="$deployment"'
"""The one deployment that a dashboard shows."""
CHOSEN: Final = 'deployment=~"$deployment"'
"""Those that were chosen, one or all."""
VERSION: Final = 'version=~"$version"'
ROLE: Final = 'role=~"$role"'


def series(metric: str, *matchers: str) -> str:
    """A selector."""
    return f"{metric}{{{','.join(matchers)}}}" if matchers else metric


def newest(metric: str, *matchers: str, by: Sequence[str] = ()) -> str:
    """A gauge, whoever tells it."""
    return f"max by ({', '.join(by)}) ({series(metric, *matchers)})"


def total(metric: str, *matchers: str, by: Sequence[str] = ()) -> str:
    """A gauge that is summed over processes."""
    return f"sum by ({', '.join(by)}) ({series(metric, *matchers)})"


def rate(metric: str, *matchers: str, by: Sequence[str] = ()) -> str:
    """Of a counter, per second."""
    return f"sum by ({', '.join(by)}) (rate({series(metric, *matchers)}[$__rate_interval]))"


def quantile(share: float, metric: str, *matchers: str, by: Sequence[str] = ()) -> str:
    """Of a histogram's summed buckets. Nothing where nothing was observed."""
    buckets = rate(f"{metric}_bucket", *matchers, by=("le", *by))
    return f"histogram_quantile({share}, {buckets}) >= 0"


def or_zero(expression: str) -> str:
    """0 instead of nothing, for what is counted only once it happened."""
    return f"{expression} or vector(0)"


def or_zero_each(expression: str, *matchers: str) -> str:
    """The same by deployment: every deployment that is released has a figure."""
    released = newest("understudy_release_info", *matchers, by=("deployment",))
    # Without its name a recorded figure is the same series as the 0 that it replaces.
    return f"max by (deployment) ({expression}) or 0 * {released}"


def share(part: str, whole: str) -> str:
    """A ratio; nothing where the whole is nothing."""
    return f"{part} / ({whole} > 0)"


def verdict(*matchers: str) -> str:
    """The verdict of each deployment, as its place in `VERDICTS`."""
    told = (
        newest("understudy_verdict", *matchers, f'verdict="{each}"', by=("deployment",))
        for each in VERDICTS
    )
    return " + ".join(f"{each} * {place}" for place, each in enumerate(told))


def evidence_share(name: str, *matchers: str, by: Sequence[str]) -> str:
    """Evidence, times its threshold: 1 is decided. Evidence against is shown as 0."""
    evidence = newest(f"understudy_{name}_log_evidence", *matchers, by=by)
    threshold = newest(f"understudy_{name}_threshold", *matchers, by=by)
    return f"clamp_min({evidence} / {threshold}, 0)"


def renamed(expression: str, label: str, name: str) -> str:
    """A label under another name, for tables that are joined by it."""
    return f'label_replace({expression}, "{name}", "$1", "{label}", "(.*)")'


def releases(*matchers: str) -> str:
    """The time of each release in milliseconds, labelled with what was released.

    Both gauges come from one scrape of one registry, so that a release is never told with the
    time of another; the one that a replica does not know yet is the old one, told again.
    """
    told = series("understudy_release_info", *matchers)
    made = series("understudy_release_timestamp_seconds", *matchers)
    return (
        "max by (deployment, release, version) "
        f"({told} * on (instance, deployment) group_left () {made}) * 1000"
    )


def values(label: str, metric: str, *matchers: str) -> str:
    """A variable's choices."""
    return f"label_values({series(metric, *matchers)}, {label})"


def with_role(expression: str, *matchers: str) -> str:
    """Figures by version alone get the role that the version plays.

    The roles are on the many side: a version that plays both, while a release changes, is told
    twice instead of making the query fail.
    """
    played = newest("understudy_quality_labelled_rows", *matchers, by=("role", "version"))
    return f"(0 * {played} + 1) * on (version) group_left () {expression}"
