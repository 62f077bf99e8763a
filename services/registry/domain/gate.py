"""What a project's policy makes of a version, and whether somebody may decide about it.

Facts in, obstacles out: the gate is open when nothing stands in the way. Each obstacle says what
would remove it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.registry.domain.gate_metrics import shortfalls
from services.registry.domain.gate_refusals import (
    GateClosedError,
    OverrideRefusedError,
    ReasonTooShortError,
)
from services.registry.domain.reviews import Answers, Attempt, Opening
from services.registry.domain.versions import Version
from understudy.contracts.gate import SHORTEST_REASON, Assessment, GatePolicy, Obstacle
from understudy.contracts.reviews import Finding, Metric
from understudy.contracts.vocabulary import (
    Decision,
    MemberRole,
    ObstacleCode,
    Question,
    ReviewState,
    Severity,
)

_ORDER: Final = tuple(Severity)
_FOR_IGNORING: Final = frozenset({ObstacleCode.NOT_OPENED})
"""Who ignores a version needs no more than to have seen what there is to see."""


@dataclass(frozen=True, slots=True)
class Written:
    """One version of a project's policy, with the words that somebody wrote."""

    project: str
    number: int
    """1 is the project's first; 0 is the installation's own."""
    policy: GatePolicy
    text: str
    at: datetime | None = None
    by: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Basis:
    """What must still be so when a decision is written down."""

    project: str
    policy: int
    review: int | None
    """The newest review that was made, 0 for none; None when it does not matter."""
    asked: bool = False
    """Whether answers are demanded."""
    answered_at: datetime | None = None
    """When the questionnaire was answered last."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the gate looks at, of one moment."""

    version: Version
    state: ReviewState
    """How the newest try to review it stands."""
    failure: str
    """Why that has made no review."""
    review: Attempt | None
    """The newest that was made."""
    metrics: tuple[Metric, ...]
    """Of that review's results."""
    opening: Opening | None
    """When the person who decides first opened that review."""
    answers: Answers | None
    attested: bool
    """Whether the artifact carries a signature by a key that the installation knows."""
    author: str
    """The person who registered the version."""
    decider: str
    """The person who would decide."""
    roles: frozenset[MemberRole]
    """What that person may do in the project."""
    now: datetime
    prepares: bool = True
    """Whether who asks may have reviews made and answer questions: otherwise others are named."""


def assess(policy: GatePolicy, number: int, facts: Facts) -> Assessment:
    """What the policy of that number makes of the facts."""
    found = facts.review.made.findings if facts.review and facts.review.made else ()
    findings = judged(policy, found)
    obstacles = (
        *_of_review(policy, facts),
        *(_of_findings(findings) if policy.review else ()),
        *_of_metrics(policy, facts),
        *_of_training(policy, facts),
        *_of_answers(policy, facts),
        *_of_people(policy, facts),
        *_of_signature(policy, facts),
    )
    return Assessment(
        policy=number,
        open=not obstacles,
        obstacles=obstacles,
        findings=findings,
        may_override=not facts.roles.isdisjoint(policy.override.roles),
    )


def judged(policy: GatePolicy, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings with the policy's severities; blocks first, otherwise in their order."""
    told = (
        replace(each, severity=policy.findings.get(each.code, each.severity)) for each in findings
    )
    return tuple(sorted(told, key=lambda each: _ORDER.index(each.severity)))


def require_leave(
    title: str,
    policy: GatePolicy,
    assessment: Assessment,
    decision: Decision,
    *,
    override: bool,
    reason: str,
) -> tuple[Obstacle, ...]:
    """The obstacles that are decided against, which is none where none stands in the way.

    Raises GateClosedError, OverrideRefusedError or ReasonTooShortError.
    """
    obstacles = standing_against(assessment, decision)
    if not obstacles:
        return ()
    if not override:
        raise GateClosedError(title, obstacles)
    if not assessment.may_override:
        raise OverrideRefusedError(policy, obstacles)
    # Spaces, and characters that nobody sees, are no reason.
    if sum(character.isalnum() for character in reason) < SHORTEST_REASON:
        raise ReasonTooShortError
    return obstacles


def standing_against(assessment: Assessment, decision: Decision) -> tuple[Obstacle, ...]:
    """What stands in the way of that decision."""
    if decision is not Decision.IGNORE:
        return assessment.obstacles
    return tuple(each for each in assessment.obstacles if each.code in _FOR_IGNORING)


def named(obstacles: Sequence[Obstacle]) -> tuple[str, ...]:
    """As `code:subject`, each once."""
    return tuple(dict.fromkeys(f"{each.code.value}:{each.subject}" for each in obstacles))


def _of_review(policy: GatePolicy, facts: Facts) -> Iterator[Obstacle]:
    review = facts.review
    made = review.made if review else None
    if review is None or made is None:
        if policy.review or policy.review_days is not None:
            yield Obstacle(ObstacleCode.NO_REVIEW, "review", _missing(facts))
        return
    command = _command("review", facts)
    if policy.review and facts.opening is None:
        detail = f"Open the review first: {command}, or its page."
        yield Obstacle(ObstacleCode.NOT_OPENED, f"review {review.number}", detail)
    if policy.review_days is not None and facts.now - made.at > timedelta(days=policy.review_days):
        since = made.at.date().isoformat()
        old = f"The review is of {since}, older than {_days(policy.review_days)}."
        detail = f"{old} {_advised('Make it anew', f'{command} --again', facts)}"
        yield Obstacle(ObstacleCode.REVIEW_STALE, f"review {review.number}", detail)


def _missing(facts: Facts) -> str:
    command = _command("review", facts)
    if facts.state is ReviewState.RUNNING:
        return f"The review is being made: wait for it, {command} --wait."
    if facts.state is ReviewState.FAILED:
        failed = f"The review failed: {facts.failure.rstrip('.')}."
        return f"{failed} {_advised('Make it anew', f'{command} --again', facts)}"
    return f"There is no review yet. {_advised('Make it', f'{command} --again', facts)}"


def _of_findings(findings: Sequence[Finding]) -> Iterator[Obstacle]:
    for each in findings:
        if each.severity is Severity.BLOCK:
            detail = f"{each.title.rstrip('.')}. {each.detail}"
            yield Obstacle(ObstacleCode.FINDING, each.code.value, detail)


def _of_metrics(policy: GatePolicy, facts: Facts) -> Iterator[Obstacle]:
    measured = {each.name: each for each in facts.metrics}
    main = facts.review.made.main if facts.review and facts.review.made else None
    for name, demand in policy.metrics.items():
        for detail in shortfalls(name, demand, measured.get(name), main):
            yield Obstacle(ObstacleCode.METRIC, name, detail)


def _of_training(policy: GatePolicy, facts: Facts) -> Iterator[Obstacle]:
    if policy.training_days is None:
        return
    trained = facts.version.draft.lineage.trained_at
    if trained is None:
        detail = (
            "The version does not say when it was trained, and must not be older than "
            f"{_days(policy.training_days)}: register it with `trained_at` in its lineage."
        )
    elif facts.now - trained > timedelta(days=policy.training_days):
        detail = (
            f"The version was trained on {trained.date().isoformat()}, longer ago than "
            f"{_days(policy.training_days)}: train it anew and register that."
        )
    else:
        return
    yield Obstacle(ObstacleCode.TRAINING_STALE, "trained_at", detail)


def _of_answers(policy: GatePolicy, facts: Facts) -> Iterator[Obstacle]:
    for question in policy.questions:
        if not _answered(facts.answers, question):
            command = _command("answer", facts)
            what = f"Answer the question '{question.value}'"
            detail = _advised(what, f"{command} --file answers.yaml", facts)
            yield Obstacle(ObstacleCode.QUESTION, question.value, detail)


def _answered(answers: Answers | None, question: Question) -> bool:
    return answers is not None and bool(answers.answers.get(question, "").strip())


def _of_people(policy: GatePolicy, facts: Facts) -> Iterator[Obstacle]:
    if policy.second_person and facts.decider == facts.author:
        detail = (
            f"Whoever registered the version ({facts.author.removeprefix('user:')}) must not "
            "decide about it: ask another person, with a sign-in or a key of their own."
        )
        yield Obstacle(ObstacleCode.SAME_PERSON, facts.author, detail)


def _of_signature(policy: GatePolicy, facts: Facts) -> Iterator[Obstacle]:
    if policy.signed and not facts.attested:
        detail = (
            "The artifact carries no signature by a key that the installation knows: sign it, "
            "and register it with its attestation."
        )
        yield Obstacle(ObstacleCode.UNSIGNED, "artifact", detail)


def _advised(what: str, command: str, facts: Facts) -> str:
    """Nobody is told to do what they may not."""
    if facts.prepares:
        return f"{what}: {command}."
    return f"{what}: ask who registers or reviews versions in the project."


def _command(verb: str, facts: Facts) -> str:
    return f"understudy {verb} {facts.version.draft.model} {facts.version.number}"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
