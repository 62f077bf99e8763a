"""Fleet: every deployment at a glance."""

from typing import Final

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import look, queries
from deploy.grafana.board import Section, dashboard, release_marks
from deploy.grafana.frame import Face, Query
from deploy.grafana.look import Unit
from deploy.grafana.panels import figure, lines, states
from deploy.grafana.queries import CHOSEN, newest, or_zero, or_zero_each
from deploy.grafana.tables import Column, alerts, grid
from deploy.grafana.variables import Addresses, several

UID: Final = "understudy-fleet"
_DETAIL: Final = (
    "/d/understudy-deployment?${__url_time_range}&var-deployment=${__value.text}"
    "&${datasource:queryparam}"
)
_BY: Final = ("deployment",)
_RATE: Final = f"understudy:requests:rate5m{{{CHOSEN}}}"
_ERRORS: Final = f"understudy:errors:ratio_rate5m{{{CHOSEN}}}"
_P99: Final = f"max by (deployment) (understudy:latency_seconds:p99{{{CHOSEN}}})"
_ALARMS: Final = queries.total("understudy_drift_alarm", CHOSEN, by=_BY)


def fleet(addresses: Addresses) -> model.Dashboard:
    """All deployments: what they do, how well, and what is concluded of them."""
    return dashboard(
        UID,
        "Understudy / Fleet",
        "All deployments: state, traffic, errors, latency, drift and verdict. Begin here.",
        [
            Section("Now", [*_figures(), _table(), _alerts(), _verdicts()]),
            Section("Over time", _history()),
        ],
        variables=[
            several("deployment", "Deployment", queries.values("deployment", _RELEASED)),
            *addresses.variables(),
        ],
        marks=[release_marks(CHOSEN)],
    )


_RELEASED: Final = "understudy_release_info"


def _figures() -> list[model.Panel]:
    drifting = f"count(max by (deployment) (understudy_drift_alarm{{{CHOSEN}}}) > 0)"
    firing = 'count(ALERTS{alertstate="firing", alertname!="UnderstudyWatchdog"})'
    return [
        figure(
            Face("Deployments", "Deployments with a release.", 4, 4),
            Query(f"count({newest(_RELEASED, CHOSEN, by=_BY)})", now=True),
            unit=Unit.COUNT,
        ),
        figure(
            Face("Requests", "Requests for predictions a second, of all deployments.", 4, 4),
            Query(f"sum({_RATE})"),
            unit=Unit.REQUESTS,
            graph=True,
        ),
        figure(
            Face(
                "Errors, worst deployment",
                "Share of requests of the last 5 minutes that failed, of the deployment where it "
                "is highest. The objective is 0.1 %; red is what a page is sent for.",
                4,
                4,
            ),
            Query(or_zero(f"max({_ERRORS})")),
            unit=Unit.SHARE,
            limits=look.ERRORS,
            decimals=2,
            graph=True,
        ),
        figure(
            Face(
                "p99, slowest deployment",
                "99 % of the answers of the last 5 minutes came within this time, in the "
                "deployment where it is longest. The objective is 0.1 s.",
                4,
                4,
            ),
            Query(f"max({_P99})"),
            unit=Unit.SECONDS,
            limits=look.LATENCY,
            graph=True,
        ),
        figure(
            Face(
                "Drifting deployments",
                "Deployments with at least one drift alarm. An alarm is evidence beyond its "
                "threshold, which chance crosses seldom, however often one looks.",
                4,
                4,
            ),
            Query(or_zero(drifting)),
            unit=Unit.COUNT,
            limits=look.NONE_IS_GOOD,
            graph=True,
        ),
        figure(
            Face("Alerts firing", "Alerts that fire now, the watchdog left out.", 4, 4),
            Query(or_zero(firing)),
            unit=Unit.COUNT,
            limits=look.NONE_IS_GOOD,
            graph=True,
        ),
    ]


def _table() -> model.Panel:
    def now(ref: str, expr: str) -> Query:
        return Query(expr, ref=ref, as_table=True)

    running = newest("understudy_deployment_state", CHOSEN, 'state="running"', by=_BY)
    challengers = f"count by (deployment) (understudy_release_challenger_info{{{CHOSEN}}})"
    main = newest("understudy_main_version", CHOSEN, by=_BY)
    release = newest("understudy_current_release", CHOSEN, by=_BY)
    coverage = newest("understudy_label_coverage_ratio", CHOSEN, by=_BY)
    return grid(
        Face(
            "Deployments",
            "One row each; its name leads to its own dashboard. Green is good; orange is a "
            "challenger that should be promoted; red asks for somebody.",
            24,
            6,
        ),
        "deployment",
        [
            Column("State", now("A", running), Unit.NONE, mapping=look.RUNNING_WORDS, width=100),
            Column("Release", now("B", release), Unit.NONE, width=80),
            Column("Main", now("C", main), Unit.NONE, width=80),
            Column(
                "Challengers", now("D", or_zero_each(challengers, CHOSEN)), Unit.NONE, width=100
            ),
            Column("Verdict", now("E", queries.verdict(CHOSEN)), mapping=look.VERDICT_WORDS),
            Column("Requests", now("F", _RATE), Unit.REQUESTS, decimals=1),
            Column("Errors", now("G", _ERRORS), Unit.SHARE, look.ERRORS, decimals=2),
            Column("p99", now("H", _P99), Unit.SECONDS, look.LATENCY),
            Column("Drift alarms", now("I", _ALARMS), Unit.NONE, look.NONE_IS_GOOD, width=110),
            Column(
                "Labelled", now("J", coverage), Unit.SHARE, look.COVERAGE, bar_up_to=1, decimals=0
            ),
        ],
        sort="deployment",
        link=("Open the deployment", _DETAIL),
    )


def _alerts() -> model.Panel:
    return alerts(
        Face(
            "Alerts",
            "What fires or is about to, as Prometheus' rules say, with the way to the runbook. "
            "The watchdog always fires: it shows that alerts are evaluated.",
            12,
            8,
        )
    )


def _verdicts() -> model.Panel:
    return states(
        Face(
            "Verdicts",
            "What was concluded of each deployment, over time. Promote: a challenger is better. "
            "Roll back: the main goes wrong. Wait: labels may still decide.",
            12,
            8,
        ),
        Query(queries.verdict(CHOSEN), "{{deployment}}"),
        look.VERDICT_WORDS,
    )


def _history() -> list[model.Panel]:
    return [
        lines(
            Face("Requests", "Requests for predictions a second, by deployment.", 6),
            [Query(_RATE, "{{deployment}}")],
            unit=Unit.REQUESTS,
        ),
        lines(
            Face(
                "Errors",
                "Share of requests that failed, by deployment, over 5 minutes. The lines stand at "
                "the objective, 0.1 %, and at what a page is sent for.",
                6,
            ),
            [Query(or_zero_each(_ERRORS, CHOSEN), "{{deployment}}")],
            unit=Unit.SHARE,
            limits=look.ERRORS,
            soft_maximum=0.02,
        ),
        lines(
            Face(
                "p99",
                "99 % of a deployment's answers came within this time, over 5 minutes. The upper "
                "line is the objective, 0.1 s.",
                6,
            ),
            [Query(_P99, "{{deployment}}")],
            unit=Unit.SECONDS,
            limits=look.LATENCY,
        ),
        lines(
            Face(
                "Drift alarms",
                "Features, answers and joint tests that drift, by deployment. None is good.",
                6,
            ),
            [Query(_ALARMS, "{{deployment}}")],
            unit=Unit.COUNT,
            soft_maximum=4,
            decimals=0,
        ),
    ]
