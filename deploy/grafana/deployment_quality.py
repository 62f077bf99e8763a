"""What versions answer, how good it was once labels came, and for whom."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import look
from deploy.grafana.frame import Face, Query
from deploy.grafana.look import Colour, Unit
from deploy.grafana.panels import columns, lines
from deploy.grafana.queries import HERE, ROLE, VERSION, newest, or_zero, rate, with_role

_OF = ("role", "version")


def predictions() -> list[model.Panel]:
    """What main and challenger answer to the same rows."""
    share = "understudy_output_ratio"
    return [
        columns(
            Face(
                "Answers by class",
                "Share of the newest answers, main and challenger side by side, on the same rows. "
                "Bars of different heights are rows on which the choice matters.",
                10,
            ),
            {
                "main": Query(newest(share, HERE, _MAIN, by=("class",)), ref="A", as_table=True),
                "challenger": Query(
                    newest(share, HERE, _CHALLENGER, by=("class",)), ref="B", as_table=True
                ),
            },
            "class",
            colours={"main": Colour.MAIN, "challenger": Colour.CHALLENGER},
        ),
        lines(
            Face(
                "Mean answer",
                "Mean of the predicted number; of classes, of the last one's probability. Main "
                "and challenger part where they were taught differently; both move when inputs do.",
                14,
            ),
            [
                Query(
                    newest("understudy_output_mean", HERE, ROLE, VERSION, by=_OF),
                    "{{role}} v{{version}}",
                )
            ],
            unit=Unit.NONE,
            minimum=None,
            decimals=3,
        ),
    ]


_MAIN = 'role="main"'
_CHALLENGER = 'role="challenger"'


def quality() -> list[model.Panel]:
    """Labelled, estimated and baseline quality; which labels it rests on."""
    told = ("understudy_quality", HERE, ROLE, VERSION, 'metric="$metric"')
    coverage = ("understudy_label_coverage_ratio", HERE, VERSION)
    lag = ("understudy_label_lag_seconds", HERE, VERSION)
    return [
        lines(
            Face(
                "$metric",
                "On matured labels (solid), estimated without labels (dashed), and on the "
                "evaluation sample (dotted). The estimate assumes that what was learnt is still "
                "true; a lasting gap to it speaks of concept drift.",
                12,
                9,
            ),
            [
                Query(
                    newest(*told, f'kind="{kind}"', by=_OF),
                    f"{{{{role}}}} v{{{{version}}}}{name}",
                    ref,
                )
                for ref, kind, name in (
                    ("A", "realised", ""),
                    ("B", "estimated", " estimated"),
                    ("C", "baseline", " baseline"),
                )
            ],
            unit=Unit.NONE,
            minimum=None,
            decimals=3,
        ),
        lines(
            Face(
                "Labelled share",
                "Share of a version's answers that have a label. Quality speaks for the "
                "labelled rows; the fewer, the less it says.",
                6,
                9,
            ),
            [
                Query(
                    with_role(newest(*coverage, by=("version",)), HERE, ROLE, VERSION),
                    "{{role}} v{{version}}",
                )
            ],
            unit=Unit.SHARE,
            maximum=1,
        ),
        lines(
            Face(
                "How long labels take",
                "Half of the main's labels came within p50, 95 % within p95. The label horizon "
                "should lie above p95.",
                6,
                9,
            ),
            [
                Query(
                    with_role(
                        newest(*lag, f'percentile="{each}"', by=("version",)), HERE, _MAIN, VERSION
                    ),
                    f"{{{{role}}}} v{{{{version}}}} {each}",
                    ref,
                )
                for ref, each in (("A", "p50"), ("B", "p95"))
            ],
            unit=Unit.SECONDS,
        ),
        lines(
            Face("Labels a second", "Labels that serving took, by what became of them.", 12, 7),
            [Query(rate("understudy_labels_total", HERE, by=("status",)), "{{status}}")],
            unit=Unit.PER_SECOND,
            colours={"accepted": Colour.GOOD, "refused": Colour.BAD},
        ),
        lines(
            Face(
                "Labels that cannot be used",
                "Parked: their prediction is not known, or not yet. Refused: none of the target's "
                "values. Corrected and repeated ones are no fault.",
                12,
                7,
            ),
            [
                Query(newest("understudy_labels_parked", HERE), "parked", "A"),
                *(
                    Query(
                        or_zero(
                            f"sum(increase(understudy_labels_{each}_total{{{HERE}}}[$__range]))"
                        ),
                        f"{each}",
                        ref,
                    )
                    for ref, each in (("B", "refused"), ("C", "corrected"), ("D", "duplicate"))
                ),
            ],
            unit=Unit.COUNT,
            colours={"parked": Colour.LOOK, "refused": Colour.BAD},
        ),
    ]


def fairness() -> list[model.Panel]:
    """Differences between groups, where protected attributes are told."""
    by = ("role", "version", "attribute", "measure")
    return [
        lines(
            Face(
                "Widest gap between groups",
                "Difference between the two groups of a protected attribute that are furthest "
                "apart; groups of few rows left out. Told only where callers send protected "
                "attributes. 0 is even.",
                24,
                9,
            ),
            [
                Query(
                    newest("understudy_fairness_gap", HERE, ROLE, VERSION, by=by),
                    "{{role}} v{{version}} {{attribute}}: {{measure}}",
                )
            ],
            unit=Unit.SHARE,
            limits=((None, Colour.GOOD), (0.1, look.Colour.LOOK)),
        )
    ]
