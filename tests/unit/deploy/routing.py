"""Which alerts a route takes, and which hush which, computed from alertmanager.yml.

A label whose value only the metric knows has any value: what might match, matches.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tests.unit.deploy.promql import ROOT, alerts, read

CONFIG: Final = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"

Rule = Mapping[str, Any]

_MATCHER: Final = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"(.*)"\s*')


@dataclass(frozen=True, slots=True)
class Hushing:
    """One alert that keeps another from being told."""

    source: Rule
    target: Rule


def config() -> dict[str, Any]:
    """As it ships."""
    found: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return found


def routes(route: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
    """The route and all below it."""
    this = config()["route"] if route is None else route
    yield this
    for below in this.get("routes", []):
        yield from routes(below)


def routed_to(receiver: str, rules: Iterable[Rule] | None = None) -> list[Rule]:
    """Alerts that a route to it may take."""
    matchers = [each["matchers"] for each in routes() if each["receiver"] == receiver]
    given = alerts() if rules is None else rules
    return [rule for rule in given if any(_may_match(each, rule) for each in matchers)]


def hushing(targets: Iterable[Rule], sources: Iterable[Rule] | None = None) -> list[Hushing]:
    """Whatever may keep one of these from being told."""
    given = alerts() if sources is None else list(sources)
    wanted = list(targets)
    return [
        Hushing(source, target)
        for rule in config()["inhibit_rules"]
        for source in given
        if _may_match(rule["source_matchers"], source)
        for target in wanted
        if target is not source and _may_match(rule["target_matchers"], target)
        if all(_may_equal(label, source, target) for label in rule.get("equal", []))
    ]


def _may_match(matchers: Iterable[str], rule: Rule) -> bool:
    return all(_one_may(matcher, rule) for matcher in matchers)


def _one_may(matcher: str, rule: Rule) -> bool:
    found = _MATCHER.fullmatch(matcher)
    assert found, matcher
    label, how, text = found.groups()
    value = _value(label, rule)
    if value is None:
        return True
    same = re.fullmatch(text, value) is not None if "~" in how else value == text
    return same is not how.startswith("!")


def _may_equal(label: str, one: Rule, other: Rule) -> bool:
    values = _value(label, one), _value(label, other)
    return None in values or values[0] == values[1]


def _value(label: str, rule: Rule) -> str | None:
    """The label's value, empty where there is none; None where the metric tells."""
    fixed: Mapping[str, str] = {**rule["labels"], "alertname": rule["alert"]}
    if label in fixed:
        return fixed[label]
    query = read(rule["expr"])
    # What is recorded by deployment has that label without naming it.
    from_metric = label in query.grouped or any(":" in name for name in query.metrics)
    return None if from_metric else ""
