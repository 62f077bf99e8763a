"""Which metrics and labels a query names, and what is known of each metric.

No parser: names, braces and the words in front of parentheses are enough for that.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[3]
PROMETHEUS: Final = ROOT / "deploy" / "prometheus"

SCRAPED: Final = frozenset({"job", "instance"})
"""Labels that Prometheus gives to whatever it scrapes."""
FOREIGN: Final[Mapping[str, frozenset[str]]] = {
    "up": frozenset(),
    "certmanager_certificate_expiration_timestamp_seconds": frozenset({"name", "namespace"}),
}
"""What others export."""

_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_RANGE: Final = re.compile(r"\[[^\]]*\]")
_SELECTOR: Final = re.compile(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?")
_CALL: Final = re.compile(r"(?<![\w:])(\w+)\s*\(")
_MATCHER: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_WORDS: Final = frozenset({"and", "or", "unless", "bool", "offset", "by", "without", "on"})
_REPLACED: Final = re.compile(r'label_replace\(.*?,\s*"(\w+)"', re.DOTALL)
_ROW: Final = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """What a query names."""

    metrics: Mapping[str, frozenset[str]]
    """To the labels that are matched."""
    grouped: frozenset[str]
    """Labels in by, on and the like."""
    made: frozenset[str]
    """Labels that it makes."""


def read(promql: str) -> Query:
    """What it names."""
    made = frozenset(_REPLACED.findall(promql))
    # Texts may hold braces; what matters of them is that they are there.
    plain = "\n".join(line.partition("#")[0] for line in _TEXT.sub('""', promql).splitlines())
    grouped = {each.strip() for found in _GROUPING.findall(plain) for each in found.split(",")}
    bare = _RANGE.sub("", _GROUPING.sub(" ", plain))
    metrics: dict[str, frozenset[str]] = {}
    for name, inside in _SELECTOR.findall(_CALL.sub("(", re.sub(r"\boffset\s+\w+", " ", bare))):
        if name not in _WORDS and not _is_number(name):
            labels = frozenset(_MATCHER.findall(inside))
            metrics[name] = metrics.get(name, frozenset()) | labels
    return Query(metrics, frozenset(grouped - {""}), made)


def catalogue(process: str = "") -> dict[str, frozenset[str]]:
    """Every metric of ours, or of a process, as docs/metrics.md has it, to its labels."""
    found: dict[str, frozenset[str]] = {}
    text = (ROOT / "docs" / "metrics.md").read_text()
    if process:
        text = text.partition(f"\n## {process}\n")[2].partition("\n## ")[0]
    for name, kind, told in _ROW.findall(text):
        labels = frozenset(re.findall(r"`(\w+)`", told))
        # Some are exported by several processes, with other labels each.
        found[name] = found.get(name, frozenset()) | labels
        if kind == "histogram":
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_count": labels}
            found[f"{name}_sum"] = labels
    return found


def alerts() -> list[dict[str, Any]]:
    """All of them, file by file."""
    return [rule for rule in _rules() if "alert" in rule]


def recordings() -> list[dict[str, Any]]:
    """All rules that record a series."""
    return [rule for rule in _rules() if "record" in rule]


def _rules() -> Iterator[dict[str, Any]]:
    for file in sorted((PROMETHEUS / "rules").glob("*.yml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]


def recorded() -> dict[str, frozenset[str]]:
    """What is recorded, to its labels."""
    rules = ((rule["record"], read(rule["expr"])) for rule in recordings())
    return {name: query.grouped | query.made for name, query in rules}


def known() -> dict[str, frozenset[str]]:
    """Whatever a query may name."""
    return {**catalogue(), **FOREIGN, **recorded()}


def faults(promql: str, names: Mapping[str, frozenset[str]]) -> list[str]:
    """Metrics, and labels of theirs, that there are not."""
    query = read(promql)
    wrong = [name for name in query.metrics if name not in names]
    there = {name: names[name] | SCRAPED for name in query.metrics if name in names}
    for name, labels in there.items():
        wrong += [f"{name}{{{label}}}" for label in query.metrics[name] - labels]
    anywhere = frozenset[str]().union(*there.values(), query.made) if there else query.grouped
    wrong += [f"by ({label})" for label in query.grouped - anywhere]
    return wrong


def _is_number(text: str) -> bool:
    return text.lower() in {"inf", "nan", "e"}
