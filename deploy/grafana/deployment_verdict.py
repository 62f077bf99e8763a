"""What is concluded of a deployment, and on which evidence."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import look, queries
from deploy.grafana.frame import Face, Query
from deploy.grafana.look import Colour, Unit
from deploy.grafana.panels import gauges, lines, states
from deploy.grafana.queries import HERE, ROLE, VERSION, newest

_HYPOTHESES = {"^better": Colour.GOOD, "^worse": Colour.BAD, "^equivalent": Colour.OTHER}
_BOUNDS = {"limit$": Colour.QUIET, "value$": Colour.CHALLENGER}


def verdict() -> list[model.Panel]:
    """The verdict over time, and what it rests on."""
    by = ("version", "hypothesis")
    told = "understudy_comparison"
    return [
        states(
            Face(
                "Verdict",
                "What was concluded, over time. Promote: a challenger is better on the same rows. "
                "Roll back: the main goes wrong. Wait: labels may still decide.",
                24,
                4,
            ),
            Query(queries.verdict(HERE), "verdict"),
            look.VERDICT_WORDS,
        ),
        lines(
            Face(
                "Evidence on the challenger",
                "Logarithm of what a bet on each claim has grown to; it is decided when a line "
                "reaches its threshold, dashed in its colour. Looking often does no harm.",
            ),
            [
                Query(
                    newest(f"{told}_log_evidence", HERE, VERSION, by=by),
                    "{{hypothesis}} v{{version}}",
                    "A",
                ),
                Query(
                    newest(f"{told}_threshold", HERE, VERSION, by=by),
                    "{{hypothesis}} v{{version}} threshold",
                    "B",
                ),
            ],
            unit=Unit.NATS,
            minimum=None,
            colours=_HYPOTHESES,
            decimals=1,
        ),
        lines(
            Face(
                "Loss: main less challenger",
                "Mean difference on the same labelled rows, with limits that hold at any time "
                "with 95 %. Above 0 the challenger is better; while 0 is between the limits, "
                "neither is.",
            ),
            [
                Query(_bound("low"), "v{{version}} lower limit", "A"),
                Query(_bound("value"), "challenger v{{version}} value", "B"),
                Query(_bound("high"), "v{{version}} upper limit", "C"),
            ],
            unit=Unit.NONE,
            minimum=None,
            colours=_BOUNDS,
            limits=((None, Colour.BAD), (0, Colour.GOOD)),
        ),
        lines(
            Face(
                "Labelled rows compared",
                "Rows that both answered and whose label has matured; those that are too young "
                "decide nothing yet. Expected: about how many more a decision needs.",
            ),
            [
                Query(
                    newest(f"{told}_labels", HERE, VERSION, by=("version", "state")),
                    "v{{version}} {{state}}",
                    "A",
                ),
                Query(
                    newest(f"{told}_expected_labels", HERE, VERSION, by=("version",)),
                    "v{{version}} expected",
                    "B",
                ),
            ],
            unit=Unit.COUNT,
            colours={
                "matured$": Colour.CHALLENGER,
                "waiting$": Colour.LOOK,
                "expected$": Colour.QUIET,
            },
        ),
        gauges(
            Face(
                "Guard-rails",
                "Evidence that a version goes wrong in more rows than allowed, times what it takes "
                "to act. Full is crossed: a challenger is vetoed, a main rolled back.",
                12,
                7,
            ),
            Query(
                queries.evidence_share("rail", HERE, ROLE, VERSION, by=("role", "version", "rule")),
                "{{role}} v{{version}}: {{rule}}",
                now=True,
            ),
            unit=Unit.TIMES,
            limits=look.ALARM,
            maximum=1,
        ),
        lines(
            Face(
                "Loss of the main against its baseline",
                "Mean loss on the newest labelled rows, and on the evaluation sample. A lasting "
                "gap means that what was learnt is true no more: concept drift.",
                12,
                7,
            ),
            [
                Query(
                    newest("understudy_concept_risk", HERE, VERSION, _LIVE, by=("version",)),
                    "main v{{version}}",
                    "A",
                ),
                Query(
                    newest("understudy_concept_risk", HERE, VERSION, _REFERENCE, by=("version",)),
                    "main v{{version}} baseline",
                    "B",
                ),
            ],
            unit=Unit.NONE,
        ),
    ]


_LIVE = 'sample="live"'
_REFERENCE = 'sample="reference"'


def _bound(bound: str) -> str:
    told = "understudy_comparison_difference"
    return newest(told, HERE, VERSION, f'bound="{bound}"', by=("version",))
