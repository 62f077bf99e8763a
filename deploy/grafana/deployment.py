"""Deployment: main against challenger, from traffic to verdict."""

from typing import Final

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import look, queries
from deploy.grafana.board import Section, dashboard, release_marks
from deploy.grafana.deployment_drift import distributions, drift
from deploy.grafana.deployment_quality import fairness, predictions, quality
from deploy.grafana.deployment_verdict import verdict
from deploy.grafana.frame import Face, Query
from deploy.grafana.look import Unit
from deploy.grafana.panels import figure, lines
from deploy.grafana.queries import HERE, ROLE, VERSION, newest, or_zero, quantile, rate
from deploy.grafana.tables import words
from deploy.grafana.variables import Addresses, one, roles, several

UID: Final = "understudy-deployment"
_LINKS: Final = (
    "**${deployment}** &nbsp; [Ask it (form)](${serving}/${deployment}/form) &nbsp;·&nbsp; "
    "[Report: training against live](${monitor}/v1/deployments/${deployment}/report) &nbsp;·&nbsp; "
    "[Why this verdict](${monitor}/v1/deployments/${deployment}/verdict) &nbsp;·&nbsp; "
    "[Runbook](${monitor}/runbook) &nbsp;·&nbsp; "
    "[All deployments](/d/understudy-fleet?${__url_time_range})"
)


def deployment(addresses: Addresses) -> model.Dashboard:
    """One deployment."""
    return dashboard(
        UID,
        "Understudy / Deployment",
        "One deployment: main (blue) against challenger (orange), drift, quality and verdict.",
        [
            Section("${deployment} now", _now()),
            Section("Rate, errors, duration: main against challenger", _traffic()),
            Section("Verdict and its evidence", verdict()),
            Section("Drift", drift()),
            Section("Training against live", distributions()),
            Section("Predictions", predictions()),
            Section("Quality", quality()),
            Section("Fairness", fairness(), closed=True),
        ],
        variables=[
            one("deployment", "Deployment", _values("deployment", "understudy_release_info")),
            roles(),
            several(
                "version",
                "Version",
                _values("version", "understudy_output_error_ratio", HERE, ROLE),
            ),
            several("feature", "Feature", _values("feature", "understudy_feature_share", HERE)),
            one("metric", "Quality metric", _values("metric", "understudy_quality", HERE)),
            *addresses.variables(),
        ],
        marks=[release_marks(HERE)],
    )


_values = queries.values


def _now() -> list[model.Panel]:
    here = f"{{{HERE}}}"
    coverage = newest("understudy_label_coverage_ratio", HERE, by=("deployment",))
    return [
        words(Face("", "Where to go from here.", 24, 2), _LINKS),
        figure(
            Face("Verdict", "What is concluded now; the evidence is below.", 4, 4),
            Query(queries.verdict(HERE), now=True),
            unit=Unit.NONE,
            mapping=look.VERDICT_WORDS,
        ),
        figure(
            Face("Release", "Number of the current release. Marks show when releases came.", 3, 4),
            Query(newest("understudy_current_release", HERE), now=True),
            unit=Unit.NONE,
        ),
        figure(
            Face("Main version", "The version that answers.", 3, 4),
            Query(newest("understudy_main_version", HERE), now=True),
            unit=Unit.NONE,
        ),
        figure(
            Face("Requests", "Requests for predictions a second.", 3, 4),
            Query(f"understudy:requests:rate5m{here}"),
            unit=Unit.REQUESTS,
            graph=True,
        ),
        figure(
            Face("Errors", "Share of requests that failed, 5 minutes. Objective: 0.1 %.", 3, 4),
            Query(or_zero(f"max(understudy:errors:ratio_rate5m{here})")),
            unit=Unit.SHARE,
            limits=look.ERRORS,
            decimals=2,
            graph=True,
        ),
        figure(
            Face("p99", "99 % of the answers came within it, 5 minutes. Objective: 0.1 s.", 3, 4),
            Query(f"max(understudy:latency_seconds:p99{here})"),
            unit=Unit.SECONDS,
            limits=look.LATENCY,
            graph=True,
        ),
        figure(
            Face("Drift alarms", "Features, answers and joint tests that drift. 0 is good.", 2, 4),
            Query(queries.total("understudy_drift_alarm", HERE), now=True),
            unit=Unit.COUNT,
            limits=look.NONE_IS_GOOD,
        ),
        figure(
            Face("Labelled", "Share of the main's answers that have a label.", 3, 4),
            Query(f"max({coverage})", now=True),
            unit=Unit.SHARE,
            limits=look.COVERAGE,
            decimals=0,
        ),
    ]


def _traffic() -> list[model.Panel]:
    rows = "understudy_predictions_total"
    pairs = "understudy_pairs_total"
    failed = 'outcome!="ok"'
    by = ("version",)
    spent = "understudy_model_latency_seconds"
    return [
        lines(
            Face(
                "Rows a second",
                "Rows that the main answered, and that challengers answered too. A challenger "
                "keeps up when its line lies on the main's.",
            ),
            [
                Query(rate(rows, HERE, VERSION, by=by), "main v{{version}}", "A"),
                Query(rate(pairs, HERE, VERSION, by=by), "challenger v{{version}}", "B"),
            ],
            unit=Unit.ROWS,
        ),
        lines(
            Face(
                "Errors",
                "Share of rows that a version failed on. A challenger's errors reach no caller, "
                "yet keep it from being promoted. 0 is good.",
            ),
            [
                Query(_failing(rows, failed), "main v{{version}}", "A"),
                Query(_failing(pairs, failed), "challenger v{{version}}", "B"),
            ],
            unit=Unit.SHARE,
            limits=look.ERRORS,
            soft_maximum=0.02,
        ),
        lines(
            Face(
                "Scoring a row",
                "How long a version takes for a row, the median and the slowest 1 %: like with "
                "like, without network and log.",
            ),
            [
                Query(
                    quantile(0.5, spent, HERE, ROLE, VERSION, by=("role", "version")),
                    "{{role}} v{{version}} p50",
                    "A",
                ),
                Query(
                    quantile(0.99, spent, HERE, ROLE, VERSION, by=("role", "version")),
                    "{{role}} v{{version}} p99",
                    "B",
                ),
            ],
            unit=Unit.SECONDS,
            logarithmic=True,
            minimum=None,
        ),
        lines(
            Face(
                "Answering a request",
                "From a decoded request to its answer, log included, over 5 minutes. "
                "The upper line is the objective for 99 %.",
            ),
            [
                Query(
                    f"understudy:latency_seconds:{each}{{{HERE},{VERSION}}}",
                    f"main v{{{{version}}}} {each}",
                    ref,
                )
                for ref, each in (("A", "p50"), ("B", "p95"), ("C", "p99"))
            ],
            unit=Unit.SECONDS,
            limits=((None, look.Colour.GOOD), (0.1, look.Colour.BAD)),
        ),
        lines(
            Face(
                "Agreement",
                "Share of the newest rows on which challenger and main say the same. Low means "
                "that the choice between them matters, not who is right.",
            ),
            [
                Query(
                    newest("understudy_agreement_ratio", HERE, VERSION, by=by),
                    "challenger v{{version}}",
                )
            ],
            unit=Unit.SHARE,
            minimum=None,
            maximum=1,
        ),
        lines(
            Face(
                "How far challengers are behind",
                "Age of the oldest row that a challenger has not scored. Seconds are good.",
            ),
            [
                Query(
                    newest("understudy_challenger_behind_seconds", HERE, VERSION, by=by),
                    "challenger v{{version}}",
                )
            ],
            unit=Unit.SECONDS,
        ),
    ]


def _failing(metric: str, failed: str) -> str:
    whole = rate(metric, HERE, VERSION, by=("version",))
    part = rate(metric, HERE, VERSION, failed, by=("version",))
    return queries.share(f"({part} or 0 * {whole})", whole)
