"""A gate's policy as people write it: plain values in, a policy out, each mistake where it stands.

What is written was YAML or JSON before; what comes out of `document_of` becomes JSON again.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar

from understudy.contracts.gate import METRICS, GatePolicy, MetricDemand, Override
from understudy.contracts.refusals import FieldError, Refusal, json_pointer
from understudy.contracts.vocabulary import FindingCode, MemberRole, Question, Severity

Word = TypeVar("Word", bound=StrEnum)
Path = tuple[str | int, ...]

LONGEST_TEXT: Final = 64 * 1024
"""Bytes of a policy with its comments."""
_MOST_DAYS: Final = 36_500
_SHOWN: Final = 40
_NEVER_OVERRIDING: Final = frozenset({MemberRole.VIEWER, MemberRole.SCIENTIST})
"""Roles are judged by scopes: every approver has the first, every author the second."""
_BOUNDS: Final = ("at_least", "at_most", "better_than_dummy_by", "worse_than_main_by_at_most")


class InvalidGateError(Refusal):
    """The policy can't be read, or could never mean anything; each error says where."""

    code: ClassVar = "invalid_gate"

    def __init__(self, *errors: FieldError) -> None:
        told = "; ".join(
            f"{each.pointer}: {each.message}".removeprefix(": ") for each in errors[:5]
        )
        super().__init__(f"This is no policy of a gate: {told}.", *errors)


def policy_of(written: object) -> GatePolicy:
    """The policy that plain values say; members that are not named are as in the default.

    Raises InvalidGateError for all that is wrong at once.
    """
    reading = _Reading()
    policy = reading.policy(written)
    if reading.errors:
        raise InvalidGateError(*reading.errors)
    return policy


def document_of(policy: GatePolicy) -> dict[str, object]:
    """All members as plain values that JSON can hold; `policy_of` makes the same policy of them."""
    return {
        "review": policy.review,
        "findings": {code.value: severity.value for code, severity in policy.findings.items()},
        "metrics": {name: _demand_document(demand) for name, demand in policy.metrics.items()},
        "questions": [question.value for question in policy.questions],
        "second_person": policy.second_person,
        "review_days": policy.review_days,
        "training_days": policy.training_days,
        "signed": policy.signed,
        "pickle": policy.pickle,
        "override": {"roles": [role.value for role in policy.override.roles]},
    }


def _demand_document(demand: MetricDemand) -> dict[str, object]:
    bounds = {name: getattr(demand, name) for name in _BOUNDS}
    stated = {name: bound for name, bound in bounds.items() if bound is not None}
    return {**stated, "certain": demand.certain}


@dataclass(slots=True)
class _Reading:
    """Goes on after a mistake, so that people hear of all of them."""

    errors: list[FieldError] = field(default_factory=list)

    def policy(self, written: object) -> GatePolicy:
        if written is None:
            self._wrong((), "nothing is written; write {} for the standard policy")
            return GatePolicy()
        readers: Mapping[str, Callable[[object, Path], Any]] = {
            "review": self._flag,
            "findings": self._findings,
            "metrics": self._metrics,
            "questions": lambda value, path: self._words(value, path, Question),
            "second_person": self._flag,
            "review_days": self._days,
            "training_days": self._days,
            "signed": self._flag,
            "pickle": self._flag,
            "override": self._override,
        }
        read = self._members(written, (), readers)
        policy = GatePolicy(**read) if not self.errors else GatePolicy()
        if not policy.review:
            self._require_review(read)
        return policy

    def _require_review(self, read: Mapping[str, object]) -> None:
        """Nobody should believe in a demand that nothing is held against."""
        for name in ("findings", "metrics", "review_days"):
            if read.get(name):
                self._wrong((name,), "means nothing without reviews; remove it, or `review: false`")

    def _findings(self, value: object, path: Path) -> Mapping[FindingCode, Severity]:
        found: dict[FindingCode, Severity] = {}
        for name, severity in self._mapping(value, path).items():
            code = self._word(name, (*path, name), FindingCode)
            told = self._word(severity, (*path, name), Severity)
            if code is not None and told is not None:
                found[code] = told
        return found

    def _metrics(self, value: object, path: Path) -> Mapping[str, MetricDemand]:
        found: dict[str, MetricDemand] = {}
        for name, demand in self._mapping(value, path).items():
            if name not in METRICS:
                self._unknown((*path, name), name, METRICS)
            found[name] = self._demand(demand, (*path, name))
        return found

    def _demand(self, value: object, path: Path) -> MetricDemand:
        readers: Mapping[str, Callable[[object, Path], Any]] = {
            **dict.fromkeys(_BOUNDS, self._number),
            "certain": self._flag,
        }
        before = len(self.errors)
        demand = MetricDemand(**self._members(value, path, readers))
        if len(self.errors) == before and all(getattr(demand, name) is None for name in _BOUNDS):
            self._wrong(path, f"demands nothing; name one of {', '.join(_BOUNDS)}")
        low, high = demand.at_least, demand.at_most
        if low is not None and high is not None and low > high:
            self._wrong((*path, "at_least"), "is more than `at_most`, so nothing could reach both")
        return demand

    def _override(self, value: object, path: Path) -> Override:
        readers = {"roles": self._overriders}
        return Override(**self._members(value, path, readers))

    def _overriders(self, value: object, path: Path) -> tuple[MemberRole, ...]:
        roles = self._words(value, path, MemberRole)
        for role in roles:
            if role in _NEVER_OVERRIDING:
                self._wrong(
                    path,
                    f"'{role.value}' can't decide against a gate: whoever may read or register has "
                    "that role; name approver, operator or admin",
                )
        return roles

    def _members(
        self, value: object, path: Path, readers: Mapping[str, Callable[[object, Path], Any]]
    ) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for name, member in self._mapping(value, path).items():
            if name in readers:
                read[name] = readers[name](member, (*path, name))
            else:
                self._unknown((*path, name), name, readers)
        return read

    def _mapping(self, value: object, path: Path) -> Mapping[str, object]:
        if value is None:  # `findings:` whose lines are all commented out
            return {}
        if not isinstance(value, Mapping):
            self._wrong(path, f"must be members with values, not {_shown(value)}")
            return {}
        for name in value:
            if not isinstance(name, str):
                self._wrong(path, f"the name {_shown(name)} must be text")
        return {name: member for name, member in value.items() if isinstance(name, str)}

    def _words(self, value: object, path: Path, kind: type[Word]) -> tuple[Word, ...]:
        if value is None:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str):
            self._wrong(path, f"must be a list such as [{next(iter(kind)).value}]")
            return ()
        read = [self._word(item, (*path, place), kind) for place, item in enumerate(value)]
        return tuple(dict.fromkeys(word for word in read if word is not None))

    def _word(self, value: object, path: Path, kind: type[Word]) -> Word | None:
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        self._unknown(path, value, [word.value for word in kind])
        return None

    def _flag(self, value: object, path: Path) -> bool:
        if not isinstance(value, bool):
            self._wrong(path, f"must be true or false, not {_shown(value)}")
            return False
        return value

    def _number(self, value: object, path: Path) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._wrong(path, f"must be a number such as 0.001, not {_shown(value)}")
            return None
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._wrong(path, "must be a finite number")
            return None
        return number

    def _days(self, value: object, path: Path) -> int | None:
        if value is None:
            return None
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole and 1 <= value <= _MOST_DAYS):  # type: ignore[operator]
            self._wrong(path, f"must be a whole number of days, 1 to {_MOST_DAYS}")
            return None
        return value  # type: ignore[return-value]

    def _unknown(self, path: Path, value: object, known: Collection[str]) -> None:
        near = get_close_matches(value[:_SHOWN], known, 1) if isinstance(value, str) else []
        remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        self._wrong(path, f"{_shown(value)} is not known here; {remedy}")

    def _wrong(self, path: Path, message: str) -> None:
        short = (_legible(step) if isinstance(step, str) else step for step in path)
        self.errors.append(FieldError(json_pointer(*short), message))


def _legible(name: str) -> str:
    """Halves of characters, which YAML lets through, could not be told."""
    return name[:_SHOWN].encode(errors="backslashreplace").decode()


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "members"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
