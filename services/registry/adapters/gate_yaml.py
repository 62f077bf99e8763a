"""A gate's policy in YAML, read as plain values. JSON is YAML too.

What a policy has no use for is refused rather than followed: anchors, tags, several documents, deep
nesting. So no text can grow while it is read. What stands without quotes means what it means in
JSON, and is text otherwise: `no`, `1:30`, `1__` and `2026-03-01` are text. Source: the JSON schema
of YAML 1.2.2, chapter 10.2.
"""

import json
import re
from contextlib import suppress
from typing import Any, Final

import yaml

from services.registry.domain.gate_texts import LONGEST_TEXT, InvalidGateError
from understudy.contracts.refusals import FieldError

_DEEPEST: Final = 8
"""A policy has three levels; more is a mistake that is told as one."""
_INTEGER: Final = "tag:yaml.org,2002:int"
_NUMBER: Final = "tag:yaml.org,2002:float"
_WORDS: Final = (
    ("tag:yaml.org,2002:null", re.compile(r"(?:null)?\Z")),
    ("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z")),
    (_INTEGER, re.compile(r"-?(?:0|[1-9][0-9]*)\Z")),
    (_NUMBER, re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")),
)
"""Tried in this order."""


class YamlGates:
    """Implements `ports.gates.GateReader`."""

    def values(self, text: str) -> object:
        """Maps, lists, texts, numbers. Raises InvalidGateError."""
        if len(text.encode(errors="replace")) > LONGEST_TEXT:
            raise _refused(f"it has more than {LONGEST_TEXT} bytes")
        if text.lstrip().startswith("{"):
            # Where YAML and JSON differ, in tabs and escapes, it is JSON.
            with suppress(ValueError, RecursionError):
                return json.loads(text, object_pairs_hook=_once)
        return _loaded(text)


def _loaded(text: str) -> object:
    try:
        loader = _PlainLoader(text)
    except yaml.YAMLError as error:  # characters that are none
        raise _refused(str(error).splitlines()[0]) from error
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark or _here(loader)
        raise _refused(f"{_at(mark)}: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # escapes of what is no character
        raise _refused(f"{_at(_here(loader))}: {str(error).splitlines()[0]}") from error
    finally:
        loader.dispose()


class _PlainLoader(yaml.SafeLoader):
    """YAML without what makes trees larger than their text, and without names that stand twice."""

    yaml_implicit_resolvers = {None: [*_WORDS]}  # noqa: RUF012 - as theirs

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _problem("anchors and aliases are not read here; write it out", event)
        if getattr(event, "tag", None) is not None:
            raise _problem("tags are not read here; write the plain value", event)
        if self._depth >= _DEEPEST:
            raise _problem(f"it is nested more than {_DEEPEST} levels deep", event)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT002 - theirs
        seen = set[str]()
        for name, _ in node.value:
            if name.value == "<<" and name.style is None:
                raise _problem("merging is not done here; write it out", name)
            if not isinstance(name.value, str):
                raise _problem("a name must be text", name)
            if name.value in seen:
                raise _problem(f"{name.value[:40]!r} stands twice; write it once", name)
            seen.add(name.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: Any) -> int | float:
        """Of more digits than Python reads it is told where it stands."""
        try:
            return int(node.value) if node.tag == _INTEGER else float(node.value)
        except ValueError as error:
            raise _problem(str(error), node) from error


for _tag in (_INTEGER, _NUMBER):
    _PlainLoader.add_constructor(_tag, _PlainLoader.construct_number)


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused(f"{twice[:40]!r} stands twice; write it once")
    return found


def _here(loader: _PlainLoader) -> Any:
    return loader.get_mark()


def _at(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _problem(said: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=said, problem_mark=at.start_mark)


def _refused(why: str) -> InvalidGateError:
    return InvalidGateError(FieldError("", why))
