"""How the inputs of a deployment, and the answers to them, differ from training."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import look, queries
from deploy.grafana.frame import Face, Query
from deploy.grafana.look import Colour, Unit
from deploy.grafana.panels import columns, gauges, lines, warmth
from deploy.grafana.queries import HERE, ROLE, VERSION, newest
from deploy.grafana.tables import Column, grid

_FEATURE = 'feature=~"$feature"'
_HALF = 0.5
"""Where bars and colours end: twice what is customarily called a large shift."""


def drift() -> list[model.Panel]:
    """Every feature's figures, and how they came to be."""
    return [
        _features(),
        warmth(
            Face(
                "Shift of each feature over time",
                "Debiased population stability index, in nats. Dark is as in training; what stays "
                "bright drifts.",
                10,
                10,
            ),
            Query(
                f"clamp_min({newest('understudy_feature_drift_psi', HERE, by=('feature',))}, 0)",
                "{{feature}}",
            ),
            unit=Unit.NONE,
            maximum=_HALF,
        ),
        gauges(
            Face(
                "All features together, and answers",
                "Evidence of drift, times its threshold, of tests of no single feature: all "
                "features pooled, how features go together, and what the versions answer. Full "
                "is an alarm.",
                12,
                7,
            ),
            Query(_together(), "{{subject}}{{of}}", now=True),
            unit=Unit.TIMES,
            limits=look.ALARM,
            maximum=1,
        ),
        lines(
            Face(
                "Shift of the answers",
                "Debiased population stability index of a version's answers against those to its "
                "evaluation sample. 0 is none.",
                12,
                7,
            ),
            [
                Query(
                    newest(
                        "understudy_output_drift_psi", HERE, ROLE, VERSION, by=("role", "version")
                    ),
                    "{{role}} v{{version}}",
                )
            ],
            unit=Unit.NATS,
            minimum=None,
            decimals=3,
        ),
    ]


def _together() -> str:
    evidence = queries.evidence_share("drift", HERE, _JOINT, by=("subject", "version"))
    return f'label_replace({evidence}, "of", " of v$1", "version", "(.+)")'


def distributions() -> list[model.Panel]:
    """A panel for each chosen feature."""
    return [
        columns(
            Face(
                "$feature",
                "Share of rows by range or category: in training and in the newest rows. The "
                "bars are alike when nothing drifts.",
                6,
                8,
                repeat="feature",
            ),
            {
                "training": Query(_shares("reference"), ref="A", as_table=True),
                "live": Query(_shares("live"), ref="B", as_table=True),
            },
            "bin",
            colours={"training": Colour.QUIET, "live": Colour.MAIN},
            slanted=True,
        )
    ]


def _shares(sample: str) -> str:
    alike = (HERE, 'feature="$feature"', f'sample="{sample}"')
    return newest("understudy_feature_share", *alike, by=("bin",))


def _features() -> model.Panel:
    def now(ref: str, expr: str) -> Query:
        return Query(expr, ref=ref, as_table=True)

    by = ("feature",)
    alarm = newest("understudy_drift_alarm", HERE, _OF_FEATURES, by=("subject",))
    evidence = queries.evidence_share("drift", HERE, _OF_FEATURES, by=("subject", "kind"))
    shift = newest("understudy_feature_drift_psi", HERE, by=by)
    missing = newest("understudy_feature_missing_ratio", HERE, by=by)
    beyond = newest("understudy_feature_out_of_range_ratio", HERE, by=by)
    unseen = newest("understudy_feature_unseen_ratio", HERE, by=by)
    return grid(
        Face(
            "Features",
            "Those that drift most come first. Evidence: times what makes an alarm, the strongest "
            "of shape, missing, unseen and out of range. Shift: how far it went; 0.1 is small "
            "and 0.25 large. Then the shares of rows that are missing, or that training never saw.",
            14,
            10,
        ),
        "feature",
        [
            Column(
                "Alarm",
                now("A", queries.renamed(alarm, "subject", "feature")),
                Unit.NONE,
                mapping=look.ALARM_WORDS,
                width=80,
            ),
            Column(
                "Evidence",
                now("B", queries.renamed(f"max by (subject) ({evidence})", "subject", "feature")),
                Unit.TIMES,
                look.ALARM,
                bar_up_to=1,
                decimals=1,
            ),
            Column(
                "Shift",
                now("C", f"clamp_min({shift}, 0)"),
                Unit.NONE,
                look.PSI,
                bar_up_to=_HALF,
                decimals=2,
            ),
            Column("Missing", now("D", missing), Unit.SHARE, look.CALM, decimals=1, width=90),
            Column(
                "Never seen",
                now("E", f"{beyond} or {unseen}"),
                Unit.SHARE,
                look.RARE,
                decimals=1,
                width=100,
            ),
        ],
        sort="Evidence",
        descending=True,
    )


_JOINT = 'subject=~"pooled|interaction|output|classes"'
_OF_FEATURES = 'kind=~"shape|missing|unseen|out_of_range", subject!~"output|classes"'
