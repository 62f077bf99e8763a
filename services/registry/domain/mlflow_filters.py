"""MLflow's filter strings and orders: conditions joined by AND, over attributes and tags."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from services.registry.domain.annotations import Tags
from services.registry.domain.mlflow_refusals import InvalidFilterError

Value = str | int
_PROMPT: Final = "mlflow.prompt.is_prompt"
"""Clients ask for models by saying that they want no prompts; models carry no such tag."""
_LONGEST: Final = 10_000
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<name>[A-Za-z_]\w*(?:\.(?:`[^`]+`|"[^"]+"|[\w./-]+))?)
      | (?P<number>-?\d{1,18})
      | (?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_SIGNS: Final = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
_WORDS: Final = frozenset({"LIKE", "ILIKE", "IN", "NOT"})
_COMPARE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is filtered and ordered, as MLflow names its parts."""

    attributes: Mapping[str, Value]
    tags: Tags


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison."""

    key: str
    sign: str
    values: tuple[Value, ...]
    tag: bool = False

    @property
    def of_the_name(self) -> bool:
        """Whether it speaks of a model's name."""
        return self.key == "name" and not self.tag

    def holds(self, subject: Subject) -> bool:
        """Whether it is so. What is not there compares to nothing."""
        found = subject.tags.get(self.key) if self.tag else subject.attributes.get(self.key)
        if found is None:
            return self.tag and self.key == _PROMPT and (self.sign, *self.values) in _NO_PROMPT
        if isinstance(found, int):
            return _COMPARE[self.sign](found, int(self.values[0]))
        return _text_holds(found, self.sign, [str(value) for value in self.values])


_NO_PROMPT: Final = frozenset({("=", "false"), ("!=", "true")})


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...] = ()

    def holds(self, subject: Subject) -> bool:
        """Whether all do."""
        return all(condition.holds(subject) for condition in self.conditions)

    def may_be_of(self, model: str) -> bool:
        """Whether it could hold for a model of that name, or for its versions."""
        named = Subject({"name": model}, {})
        return all(one.holds(named) for one in self.conditions if one.of_the_name)

    @property
    def name(self) -> str | None:
        """The one name that can match, if the filter says so."""
        for one in self.conditions:
            if (one.key, one.sign, one.tag) == ("name", "=", False):
                return str(one.values[0])
        return None


@dataclass(frozen=True, slots=True)
class Order:
    """By which attributes, each descending or not."""

    keys: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """Which attributes a list knows: texts and numbers."""

    texts: frozenset[str]
    numbers: frozenset[str]
    order: tuple[tuple[str, bool], ...]
    """What it is ordered by in the end."""

    def filter(self, text: str) -> Filter:
        """Raises InvalidFilterError."""
        if len(text) > _LONGEST:
            raise InvalidFilterError("/filter", f"A filter has at most {_LONGEST} characters.")
        reading = _Reading(text)
        found: list[Condition] = []
        while reading.left:
            found.append(self._condition(reading))
            if not reading.left:
                break
            if not reading.taken("AND") or not reading.left:
                raise reading.wrong("join conditions with AND")
        return Filter(tuple(found))

    def ordered(self, clauses: Iterable[str]) -> Order:
        """Raises InvalidFilterError."""
        found: dict[str, bool] = {}
        for clause in clauses:
            name, *direction = clause.strip().removeprefix("attribute.").split() or [""]
            known = name in self.numbers | {"name"}
            if not known or [word.upper() for word in direction] not in ([], ["ASC"], ["DESC"]):
                names = ", ".join(sorted(self.numbers | {"name"}))
                raise InvalidFilterError(
                    "/order_by", f"Order by one of {names}, followed by ASC or DESC or nothing."
                )
            found.setdefault(name, bool(direction) and direction[0].upper() == "DESC")
        return Order((*found.items(), *(last for last in self.order if last[0] not in found)))

    def _condition(self, reading: "_Reading") -> Condition:
        key, tag = self._key(reading)
        sign = reading.sign()
        several = sign in {"IN", "NOT IN"}
        values = reading.listed() if several else (reading.value(),)
        if not tag and key in self.numbers:
            if sign not in _COMPARE or not isinstance(values[0], int):
                raise reading.wrong(f"'{key}' is a number; compare it with one")
        elif sign not in {"=", "!=", "LIKE", "ILIKE"} and (tag or not several):
            raise reading.wrong(f"'{key}' is text; use =, !=, LIKE or ILIKE")
        return Condition(key, sign, values, tag)

    def _key(self, reading: "_Reading") -> tuple[str, bool]:
        name = reading.take("name", "name what to compare")
        kind, dot, key = name.partition(".")
        if dot and kind in {"tag", "tags"}:
            return key.strip('`"'), True
        key = key if dot and kind in {"attribute", "attributes"} else name
        if key not in self.texts | self.numbers:
            known = ", ".join(sorted(self.texts | self.numbers))
            raise reading.wrong(f"'{name[:80]}' is not known; compare {known} or tags.<name>")
        return key, False


class _Reading:
    """The tokens of a filter, from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place, text = 0, text.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                raise InvalidFilterError("/filter", f"The filter is not understood at {place}.")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            place = match.end()
        self._next = 0

    @property
    def left(self) -> bool:
        return self._next < len(self._tokens)

    def taken(self, word: str) -> bool:
        """Go past that word if it comes next."""
        found = self.left and self._tokens[self._next][1].upper() == word
        self._next += found
        return found

    def take(self, kind: str, what: str) -> str:
        if not self.left or self._tokens[self._next][0] != kind:
            raise self.wrong(what)
        self._next += 1
        return self._tokens[self._next - 1][1]

    def sign(self) -> str:
        kind, text = self._tokens[self._next] if self.left else ("", "")
        self._next += 1
        if kind == "sign" and text in _SIGNS:
            return "!=" if text == "<>" else text
        if kind == "name" and text.upper() in _WORDS:
            if text.upper() != "NOT":
                return text.upper()
            if self.taken("IN"):
                return "NOT IN"
        raise self.wrong("compare with =, !=, <, <=, >, >=, LIKE, ILIKE, IN or NOT IN")

    def value(self) -> Value:
        kind, text = self._tokens[self._next] if self.left else ("", "")
        self._next += 1
        if kind == "number":
            return int(text)
        if kind == "text":
            return text[1:-1].replace(text[0] * 2, text[0])
        raise self.wrong("put the value in quotes, or give a number")

    def listed(self) -> tuple[Value, ...]:
        found: list[Value] = []
        if not self.taken("("):
            raise self.wrong("put the values in brackets")
        while not found or self.taken(","):
            found.append(self.value())
        if not self.taken(")"):
            raise self.wrong("close the bracket")
        return tuple(found)

    def wrong(self, remedy: str) -> InvalidFilterError:
        detail = f"The filter is not understood at its token {self._next + 1}: {remedy}."
        return InvalidFilterError("/filter", detail)


def _text_holds(found: str, sign: str, values: list[str]) -> bool:
    match sign:
        case "=" | "IN":
            return found in values
        case "!=" | "NOT IN":
            return found not in values
        case "ILIKE":
            return like(found.lower(), values[0].lower())
        case _:
            return like(found, values[0])


def like(text: str, pattern: str) -> bool:
    """SQL's LIKE: `%` is any text, `_` any character. Takes length times length at most."""
    place, star, mark, at = 0, -1, 0, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "%":
            star, mark, at = at, place, at + 1
        elif at < len(pattern) and pattern[at] in {"_", text[place]}:
            place, at = place + 1, at + 1
        elif star >= 0:
            mark += 1
            place, at = mark, star + 1
        else:
            return False
    return not pattern[at:].strip("%")
