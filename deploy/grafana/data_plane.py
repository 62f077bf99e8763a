"""Data plane: what carries requests, rows, labels and judgements."""

from typing import Final

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import look, queries
from deploy.grafana.board import Section, dashboard, release_marks
from deploy.grafana.data_plane_log import log, redis, streams
from deploy.grafana.frame import Face, Query
from deploy.grafana.look import Colour, Unit
from deploy.grafana.panels import figure, lines
from deploy.grafana.queries import CHOSEN, newest, or_zero, quantile, rate, total
from deploy.grafana.variables import Addresses, several

UID: Final = "understudy-data-plane"
_STEP_AGE: Final = "time() - max(understudy_monitor_last_step_timestamp_seconds)"
_SKEW: Final = (
    f"{newest('understudy_current_release', CHOSEN, by=('deployment',))}"
    f" - on (deployment) min by (deployment) (understudy_release{{{CHOSEN}}})"
)


def data_plane(addresses: Addresses) -> model.Dashboard:
    """What is beneath all deployments."""
    return dashboard(
        UID,
        "Understudy / Data plane",
        "Workers, log, Redis, challengers' lag, monitor, registry: is every row on its way?",
        [
            Section("Now", _now()),
            Section("Serving", _serving()),
            Section("Log: from serving to Redis", log()),
            Section("Streams and who reads them", streams()),
            Section("Redis", redis()),
            Section("Monitor and archive", _monitor()),
            Section("Registry and releases", _registry()),
        ],
        variables=[
            several(
                "deployment",
                "Deployment",
                queries.values("deployment", "understudy_release_info"),
            ),
            *addresses.variables(),
        ],
        marks=[release_marks(CHOSEN)],
    )


def _now() -> list[model.Panel]:
    missing = "sum(understudy_workers_configured) - sum(understudy_workers)"
    size = (3, 4)
    return [
        figure(
            Face("Workers missing", "Configured less living ones. 0 is good.", *size),
            Query(missing, now=True),
            unit=Unit.NONE,
            limits=look.NONE_IS_GOOD,
        ),
        figure(
            Face("In flight", "Requests that are being answered.", *size),
            Query("sum(understudy_requests_in_flight)"),
            unit=Unit.COUNT,
            graph=True,
        ),
        figure(
            Face(
                "Log degraded", "Deployments, by worker, whose rows go to disk. 0 is good.", *size
            ),
            Query(total("understudy_log_degraded"), now=True),
            unit=Unit.COUNT,
            limits=look.NONE_IS_GOOD,
        ),
        figure(
            Face("Rows on disk", "Rows and labels in the spool that Redis may not have.", *size),
            Query(total("understudy_log_spool_rows"), now=True),
            unit=Unit.COUNT,
            limits=look.SPOOLED,
        ),
        figure(
            Face("Redis", "Whether the challenger's process reaches it.", *size),
            Query("min(understudy_redis_up)", now=True),
            unit=Unit.NONE,
            mapping=look.UP_WORDS,
        ),
        figure(
            Face("Redis' disk", "Whether what it holds is written, so that it survives.", *size),
            Query("min(understudy_redis_persistence_ok)", now=True),
            unit=Unit.NONE,
            mapping=look.PERSISTENCE_WORDS,
        ),
        figure(
            Face("Last step", "Since the monitor last read a log. Long means it stands.", *size),
            Query(_STEP_AGE, now=True),
            unit=Unit.SECONDS,
            limits=look.LAG,
            decimals=0,
        ),
        figure(
            Face("Release skew", "Releases that the slowest worker is behind. 0 is good.", *size),
            Query(f"max({_SKEW})", now=True),
            unit=Unit.NONE,
            limits=look.NONE_IS_GOOD,
        ),
    ]


def _serving() -> list[model.Panel]:
    return [
        lines(
            Face("Requests in flight", "Being answered at one time, of all workers."),
            [Query("sum(understudy_requests_in_flight)", "in flight")],
            unit=Unit.COUNT,
        ),
        lines(
            Face("Workers", "Living ones should be as many as configured."),
            [
                Query("sum(understudy_workers)", "living", "A"),
                Query("sum(understudy_workers_configured)", "configured", "B"),
            ],
            unit=Unit.COUNT,
            colours={"^living": Colour.GOOD, "^configured": Colour.QUIET},
            decimals=0,
        ),
        lines(
            Face(
                "Requests turned down",
                "Requests a second that were refused, by reason. 4xx is the caller's, 5xx ours.",
            ),
            [
                Query(
                    f"{rate('understudy_refusals_total', by=('code', 'status'))}",
                    "{{status}} {{code}}",
                    "A",
                ),
                Query(or_zero(rate("understudy_refusals_total")), "all", "B"),
            ],
            unit=Unit.REQUESTS,
            colours={"^all": Colour.QUIET, "^5": Colour.BAD},
        ),
    ]


def _monitor() -> list[model.Panel]:
    return [
        lines(
            Face(
                "Monitor behind",
                "Since each deployment's log was last read to its end, by the monitor that holds "
                "it. Seconds are good.",
            ),
            [
                Query(
                    f"min by (deployment) (understudy_monitor_lag_seconds{{{CHOSEN}}})",
                    "{{deployment}}",
                )
            ],
            unit=Unit.SECONDS,
        ),
        lines(
            Face(
                "Failures of the monitor",
                "Steps, judgements and reports a second that failed and are made again. 0 is good.",
            ),
            [
                Query(or_zero(rate(f"understudy_monitor_{each}_failures_total")), name, ref)
                for ref, each, name in (
                    ("A", "step", "steps"),
                    ("B", "judging", "judgements"),
                    ("C", "report", "reports"),
                )
            ],
            unit=Unit.PER_SECOND,
        ),
        lines(
            Face(
                "Archive",
                "Rows a second that were written to the archive, by kind, and tries that failed.",
            ),
            [
                Query(rate("understudy_archive_rows_total", CHOSEN, by=("stream",)), "{{stream}}"),
                Query(or_zero(rate("understudy_archive_failures_total", CHOSEN)), "failures", "B"),
            ],
            unit=Unit.PER_SECOND,
            colours={"^failures": Colour.BAD},
        ),
        lines(
            Face("Age of the last step", "Of any monitor over any log. Seconds are good.", 12),
            [Query(_STEP_AGE, "age")],
            unit=Unit.SECONDS,
        ),
        lines(
            Face(
                "Archive behind",
                "Age of the oldest entry that is not archived. Up to a file's window is in order; "
                "trimming waits for it.",
                12,
            ),
            [
                Query(
                    newest("understudy_archive_lag_seconds", CHOSEN, by=("deployment", "stream")),
                    "{{deployment}} {{stream}}",
                )
            ],
            unit=Unit.SECONDS,
        ),
    ]


def _registry() -> list[model.Panel]:
    return [
        lines(
            Face("Requests to the registry", "Requests a second, by how they ended.", 6),
            [Query(rate("understudy_registry_requests_total", by=("outcome",)), "{{outcome}}")],
            unit=Unit.REQUESTS,
            colours={"failed": Colour.BAD, "refused": Colour.LOOK, "answered": Colour.GOOD},
        ),
        lines(
            Face("Time to answer", "The registry's, without waits for a newer snapshot.", 6),
            [
                Query(quantile(share, "understudy_registry_request_duration_seconds"), name, ref)
                for ref, share, name in (("A", 0.5, "p50"), ("B", 0.99, "p99"))
            ],
            unit=Unit.SECONDS,
        ),
        lines(
            Face(
                "Followers",
                "Processes that follow the registry's releases, by kind. A fall is one that died "
                "or cannot reach it.",
                6,
            ),
            [Query(total("understudy_registry_followers", by=("component",)), "{{component}}")],
            unit=Unit.COUNT,
            decimals=0,
        ),
        lines(
            Face(
                "Release skew",
                "Releases that the slowest worker is behind the registry, by deployment. More "
                "than a moment above 0 is a worker that cannot load.",
                6,
            ),
            [Query(_SKEW, "{{deployment}}")],
            unit=Unit.COUNT,
            decimals=0,
        ),
    ]
