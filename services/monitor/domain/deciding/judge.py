"""The judge: readings in, one verdict out. Pure; the first rule that applies decides.

1. Nothing was answered under this release: no data.
2. The main crosses a rail of its own: roll back, unless it replaced no version, or the version that
   it replaced runs beside it and goes wrong on the same rows.
3. An alert that the policy names fires, and began under the main: roll back, unless it replaced no
   version, or the version that it replaced runs beside it and is known to do worse.
4. Of the challengers that are better and not vetoed, the one with the strongest evidence: promote;
   or roll back, when it is the version that the main had replaced.
5. The main's losses have risen: roll back, unless the version that it replaced runs beside it, in
   which case the labels of both decide.
6. Some challenger is undecided: wait. None has labels, and none is on its way: no data.
7. Some is as good as the main: equivalent. All are worse or vetoed: keep.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.monitor.domain.deciding.judgement import (
    AlertReading,
    ComparisonReading,
    ConceptReading,
    Conclusion,
    RailReading,
)
from services.monitor.domain.deciding.rails import crossed, rails_in_words
from understudy.contracts.vocabulary import RuleName, Verdict

_FEWEST_PAIRED: Final = 50
_ALERTS_TOLD: Final = 3
_TIME: Final = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(frozen=True, slots=True)
class Case:
    """All that a verdict rests on."""

    main: int
    previous_main: int | None
    rows: int
    """That the main was asked since the release."""
    main_rails: Sequence[RailReading]
    comparisons: Sequence[ComparisonReading]
    concept: ConceptReading | None
    alerts: Sequence[AlertReading] = ()

    def comparison(self, version: int | None) -> ComparisonReading | None:
        """With the challenger of that number."""
        return next((found for found in self.comparisons if found.challenger == version), None)


def judge(case: Case) -> Conclusion:
    """The first rule that applies."""
    rules: tuple[Callable[[Case], Conclusion | None], ...] = (
        _nothing,
        _faulty_main,
        _alerted,
        _better,
        _risen,
        _alone,
        _undecided,
    )
    concluded = (rule(case) for rule in rules)
    found = next((conclusion for conclusion in concluded if conclusion is not None), _settled(case))
    return replace(found, reasons=(*found.reasons, *_excuses(case)))


def _nothing(case: Case) -> Conclusion | None:
    labelled = any(found.labels or found.waiting for found in case.comparisons)
    if case.rows or labelled:  # rows that were told late are in no minute
        return None
    said = "no prediction has been answered under this release yet"
    return Conclusion(Verdict.NO_DATA, RuleName.NO_TRAFFIC, reasons=(said,))


def _faulty_main(case: Case) -> Conclusion | None:
    rail = crossed(case.main_rails)
    if rail is None:
        return None
    said = rails_in_words(case.main_rails)
    if _as_bad(case, rail):
        more = (
            f"version {case.previous_main} goes wrong on the same rows: going back would not help"
        )
        return Conclusion(Verdict.KEEP, rail.rule, reasons=(*said, more))
    return _back(case, rail.rule, said)


def _back(case: Case, rule: RuleName, said: tuple[str, ...]) -> Conclusion:
    """To the former main. A first main is kept: nobody can do what would be asked of them."""
    if case.previous_main is None:
        more = f"version {case.main} replaced no version: there is nothing to roll back to"
        return Conclusion(Verdict.KEEP, rule, reasons=(*said, more))
    return Conclusion(Verdict.ROLL_BACK, rule, case.previous_main, said)


def _as_bad(case: Case, rail: RailReading) -> bool:
    """Whether the former main runs beside, and would take away less than half of the excess."""
    beside = case.comparison(case.previous_main)
    if beside is None or rail.observed is None:
        return False
    paired = next((found for found in beside.rails if found.rule is rail.rule), None)
    if paired is None or paired.observed is None or paired.rows < _FEWEST_PAIRED:
        return False
    return paired.observed > -(rail.observed - rail.allowed) / 2


def _alerted(case: Case) -> Conclusion | None:
    accusing = [alert for alert in case.alerts if alert.accuses]
    if not accusing:
        return None
    said = tuple(_fires(alert) for alert in accusing[:_ALERTS_TOLD])
    if (more := _known_worse(case)) is not None:
        return Conclusion(Verdict.KEEP, RuleName.ALERT, reasons=(*said, more))
    return _back(case, RuleName.ALERT, said)


def _known_worse(case: Case) -> str | None:
    """What an alert measures is not known; how the former main does beside the main may be."""
    beside = case.comparison(case.previous_main)
    if beside is None or not (beside.vetoed_by or beside.rule is RuleName.WORSE):
        return None
    return f"going back would not help: {'; '.join(against(beside))}"


def _fires(alert: AlertReading) -> str:
    summary = f": {alert.summary}" if alert.summary else ""
    return f"alert {alert.alert} fires since {alert.since:{_TIME}}{summary}"


def _excuses(case: Case) -> tuple[str, ...]:
    """Alerts that the policy names, that fire, and that decide nothing."""
    excused = [alert for alert in case.alerts if alert.excused is not None]
    return tuple(
        f"alert {alert.alert} fires since {alert.since:{_TIME}} and decides nothing: "
        f"{alert.excused}"
        for alert in excused[:_ALERTS_TOLD]
    )


def _better(case: Case) -> Conclusion | None:
    better = [found for found in case.comparisons if found.verdict is Verdict.PROMOTE]
    if not better:
        return None
    best = max(better, key=lambda found: found.log_evidence_better)
    back = best.challenger == case.previous_main
    verdict = Verdict.ROLL_BACK if back else Verdict.PROMOTE
    role = "the former main" if back else "the challenger"
    said = f"version {best.challenger}, {role}, is better than {case.main}: {_difference(best)}"
    return Conclusion(verdict, RuleName.BETTER, best.challenger, (said, *_others(case, best)))


def _risen(case: Case) -> Conclusion | None:
    concept = case.concept
    measured = case.comparison(case.previous_main) is not None
    if concept is None or not concept.alarm or case.previous_main is None or measured:
        return None
    risk = "" if concept.risk is None else f" to {concept.risk.value:.4g}"
    said = (
        f"the main's mean loss rose{risk}, above its baseline's {concept.reference_risk:.4g} "
        f"and the tolerance of {concept.tolerance:.4g}"
    )
    return Conclusion(Verdict.ROLL_BACK, RuleName.RISK, case.previous_main, (said,))


def _alone(case: Case) -> Conclusion | None:
    if case.comparisons:
        return None
    said = "there is no challenger to compare the main with"
    return Conclusion(Verdict.KEEP, RuleName.NO_CHALLENGER, reasons=(said,))


def _undecided(case: Case) -> Conclusion | None:
    waiting = [found for found in case.comparisons if _waits(found)]
    if waiting:
        first = min(waiting, key=_still_needed)
        reasons = tuple(_waiting(found) for found in waiting)
        return Conclusion(Verdict.WAIT, first.rule, first.challenger, reasons)
    if all(found.verdict is Verdict.NO_DATA for found in case.comparisons):
        said = "no label has come for a prediction that both main and challenger answered"
        return Conclusion(Verdict.NO_DATA, RuleName.NO_LABELS, reasons=(said,))
    return None


def _settled(case: Case) -> Conclusion:
    """Nobody is better and nobody is undecided."""
    equals = [found for found in case.comparisons if found.verdict is Verdict.EQUIVALENT]
    if equals:
        first = max(equals, key=lambda found: found.log_evidence_equivalent)
        said = f"version {first.challenger} is as good as {case.main}: {_difference(first)}"
        return Conclusion(Verdict.EQUIVALENT, RuleName.EQUIVALENT, first.challenger, (said,))
    kept = [found for found in case.comparisons if found.verdict is Verdict.KEEP]
    reasons = tuple(said for found in kept for said in against(found))
    return Conclusion(Verdict.KEEP, kept[0].rule if kept else RuleName.UNDECIDED, None, reasons)


def _waits(found: ComparisonReading) -> bool:
    return found.verdict is Verdict.WAIT or (found.verdict is Verdict.NO_DATA and found.waiting > 0)


def _still_needed(found: ComparisonReading) -> float:
    return float("inf") if found.expected_labels is None else found.expected_labels


def _waiting(found: ComparisonReading) -> str:
    if found.rule in {RuleName.NO_LABELS, RuleName.TOO_FEW_LABELS}:
        return (
            f"version {found.challenger}: {found.labels:,} labels have matured, "
            f"{found.waiting:,} more have come but are too young"
        )
    more = "" if found.expected_labels is None else f"; about {found.expected_labels:,} more needed"
    return f"version {found.challenger}: {_difference(found)} is not decided yet{more}"


def against(found: ComparisonReading) -> tuple[str, ...]:
    """What speaks against a challenger, in words."""
    worse = f"version {found.challenger} is worse: {_difference(found)}"
    return (*rails_in_words(found.rails), *([worse] if found.rule is RuleName.WORSE else []))


def _others(case: Case, best: ComparisonReading) -> tuple[str, ...]:
    beside = (found for found in case.comparisons if found is not best)
    return tuple(said for found in beside for said in rails_in_words(found.rails))


def _difference(found: ComparisonReading) -> str:
    shown = found.difference
    if shown is None:
        return f"{found.labels:,} labels"
    low, high = shown.low or 0.0, shown.high or 0.0
    ends, word = ((low, high), "lower") if shown.value >= 0 else ((-high, -low), "higher")
    told = f"mean loss {word} by {abs(shown.value):.4g} ({ends[0]:.4g} to {ends[1]:.4g})"
    return f"{told} on {found.labels:,} labels"
