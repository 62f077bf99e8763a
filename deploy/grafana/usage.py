"""Usage: what each deployment and each process takes of the machines."""

from typing import Final

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import queries
from deploy.grafana.board import Section, dashboard, release_marks
from deploy.grafana.frame import Face, Query
from deploy.grafana.look import Unit
from deploy.grafana.panels import figure, lines
from deploy.grafana.queries import CHOSEN, newest, rate, total
from deploy.grafana.tables import Column, grid
from deploy.grafana.variables import Addresses, several

UID: Final = "understudy-usage"
_MODELS: Final = "understudy_model_cpu_seconds_total"
_CHALLENGERS: Final = "understudy_challenger_cpu_seconds_total"
_BY: Final = ("deployment",)
_OF: Final = ("deployment", "version")
_OTHERS: Final = 'job=~"understudy-.*", job!="understudy-serving"'
_WORKERS_CPU: Final = "sum(clamp_min(deriv(understudy_worker_cpu_seconds[$__rate_interval]), 0))"


def usage(addresses: Addresses) -> model.Dashboard:
    """CPU and memory, by deployment and by process."""
    return dashboard(
        UID,
        "Understudy / Usage",
        "CPU and memory per deployment, version and process: what a model costs.",
        [
            Section("Now", [*_figures(), _table()]),
            Section("By deployment and version", _deployments()),
            Section("By process", _processes()),
        ],
        variables=[
            several("deployment", "Deployment", queries.values("deployment", _RELEASED)),
            *addresses.variables(),
        ],
        marks=[release_marks(CHOSEN)],
    )


_RELEASED: Final = "understudy_release_info"


def _figures() -> list[model.Panel]:
    return [
        figure(
            Face("CPU of models", "Cores that main versions are computing on.", 6, 4),
            Query(rate(_MODELS, CHOSEN)),
            unit=Unit.CORES,
            decimals=3,
            graph=True,
        ),
        figure(
            Face("CPU of challengers", "Cores that challengers are computing on.", 6, 4),
            Query(rate(_CHALLENGERS, CHOSEN)),
            unit=Unit.CORES,
            decimals=3,
            graph=True,
        ),
        figure(
            Face("Models in memory", "About what loaded versions take, of all workers.", 6, 4),
            Query(total("understudy_model_bytes", CHOSEN)),
            unit=Unit.BYTES,
            graph=True,
        ),
        figure(
            Face("Memory of challengers", "Resident, of their processes.", 6, 4),
            Query(total("understudy_challenger_memory_bytes", CHOSEN)),
            unit=Unit.BYTES,
            graph=True,
        ),
    ]


def _table() -> model.Panel:
    def now(ref: str, expr: str) -> Query:
        return Query(expr, ref=ref, as_table=True)

    rows = rate("understudy_predictions_total", CHOSEN, by=_BY)
    spent = rate(_MODELS, CHOSEN, by=_BY)
    beside = rate(_CHALLENGERS, CHOSEN, by=_BY)
    return grid(
        Face(
            "What a deployment takes",
            "Cores and memory of each deployment's versions, and what a thousand predictions cost "
            "in CPU time: of the main, and of the challengers beside it.",
            24,
            5,
        ),
        "deployment",
        [
            Column("Rows", now("A", rows), Unit.ROWS, decimals=1),
            Column("Main: CPU", now("B", spent), Unit.CORES, decimals=3),
            Column(
                "Main: CPU per 1,000 rows",
                now("C", f"1000 * {queries.share(spent, rows)}"),
                Unit.SECONDS,
                decimals=0,
            ),
            Column(
                "Main: memory",
                now("D", total("understudy_model_bytes", CHOSEN, by=_BY)),
                Unit.BYTES,
            ),
            Column("Challengers: CPU", now("E", beside), Unit.CORES, decimals=3),
            Column(
                "Challengers: CPU per 1,000 rows",
                now("F", f"1000 * {queries.share(beside, rows)}"),
                Unit.SECONDS,
                decimals=0,
            ),
            Column(
                "Challengers: memory",
                now("G", total("understudy_challenger_memory_bytes", CHOSEN, by=_BY)),
                Unit.BYTES,
            ),
        ],
        sort="deployment",
    )


def _deployments() -> list[model.Panel]:
    main, challenger = "main {{deployment}} v{{version}}", "challenger {{deployment}} v{{version}}"
    return [
        lines(
            Face(
                "CPU",
                "Cores that each version is computing on: main versions within serving, "
                "challengers in processes of their own.",
                12,
                9,
            ),
            [
                Query(rate(_MODELS, CHOSEN, by=_OF), main, "A"),
                Query(rate(_CHALLENGERS, CHOSEN, by=_OF), challenger, "B"),
            ],
            unit=Unit.CORES,
            decimals=3,
        ),
        lines(
            Face(
                "Memory",
                "Main: about what a version takes, of all workers. Challenger: resident memory of "
                "its process, libraries included.",
                12,
                9,
            ),
            [
                Query(total("understudy_model_bytes", CHOSEN, by=_OF), main, "A"),
                Query(
                    newest("understudy_challenger_memory_bytes", CHOSEN, by=_OF), challenger, "B"
                ),
            ],
            unit=Unit.BYTES,
        ),
    ]


def _processes() -> list[model.Panel]:
    others = f"sum by (job) (rate(process_cpu_seconds_total{{{_OTHERS}}}[$__rate_interval]))"
    return [
        lines(
            Face("CPU", "Cores of each process; of serving, its workers together.", 12, 9),
            [
                Query(others, "{{job}}", "A"),
                Query(_WORKERS_CPU, "understudy-serving", "B"),
            ],
            unit=Unit.CORES,
            decimals=2,
            stacked=True,
        ),
        lines(
            Face("Memory", "Resident, of each process; of serving, its workers together.", 12, 9),
            [
                Query(total("process_resident_memory_bytes", _OTHERS, by=("job",)), "{{job}}", "A"),
                Query(total("understudy_worker_resident_bytes"), "understudy-serving", "B"),
            ],
            unit=Unit.BYTES,
            stacked=True,
        ),
    ]
