"""Dashboards' JSON read back: panels where they lie, variables, and queries as Grafana asks them.

The live test and the preview read the files that ship, not the code that wrote them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from deploy.grafana.generate import DASHBOARDS, FOLDER

Json = dict[str, Any]
Choice = str | Sequence[str]

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_SPECIAL: Final = re.compile(r"([\\^$*+?.()|\[\]{}'])")
_LABEL_VALUES: Final = re.compile(r"label_values\((.*), *(\w+)\)", re.DOTALL)
_POINTS: Final = 400


class Labels(Protocol):
    """Whoever knows the values of a label."""

    def label_values(self, label: str, matcher: str) -> list[str]:
        """Sorted or not."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is looked at, in seconds since the epoch, and how often it is scraped."""

    start: float
    end: float
    scrape_seconds: float = 10.0

    @property
    def step(self) -> float:
        """Between two points of a graph: what Grafana calls the interval."""
        whole = (self.end - self.start) / _POINTS
        return max(self.scrape_seconds, -(-whole // 5) * 5)

    def builtins(self) -> dict[str, str]:
        """Grafana's own variables, as its Prometheus datasource computes them."""
        rate = max(self.step + self.scrape_seconds, 4 * self.scrape_seconds)
        whole = max(self.end - self.start, 1)
        return {
            "__interval": f"{self.step:.0f}s",
            "__rate_interval": f"{rate:.0f}s",
            "__range": f"{whole:.0f}s",
            "__range_s": f"{whole:.0f}",
        }


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One file, read."""

    name: str
    json: Json

    @classmethod
    def read(cls, name: str, folder: Path = FOLDER) -> "Dashboard":
        """The generated one."""
        return cls(name, json.loads((folder / f"{name}.json").read_text()))

    @classmethod
    def all(cls, folder: Path = FOLDER) -> list["Dashboard"]:
        """All of them."""
        return [cls.read(name, folder) for name in DASHBOARDS]

    def panels(self) -> Iterator[Json]:
        """Those that ask, in closed rows too; rows themselves left out."""
        for panel in self.json["panels"]:
            if panel["type"] == "row":
                yield from panel.get("panels", [])
            else:
                yield panel

    def variables(self) -> list[Json]:
        """As declared."""
        return list(self.json["templating"]["list"])

    def annotations(self) -> list[Json]:
        """Of Prometheus."""
        return list(self.json["annotations"]["list"])


@dataclass
class Choices:
    """What is chosen of each variable of a dashboard; the first, or all, unless told."""

    values: dict[str, Choice] = field(default_factory=dict)
    escaped: set[str] = field(default_factory=set)
    """Variables of several values: what stands for them is a regular expression."""

    def resolve(
        self, dashboard: Dashboard, labels: Labels, window: Window, told: Mapping[str, Choice]
    ) -> "Choices":
        """Ask for each variable's values, in order, since later ones build upon earlier ones."""
        for variable in dashboard.variables():
            name = variable["name"]
            if variable.get("multi") or variable.get("includeAll"):
                self.escaped.add(name)
            self.values[name] = (
                told[name] if name in told else self._preset(variable, labels, window)
            )
        return self

    def _preset(self, variable: Json, labels: Labels, window: Window) -> Choice:
        if variable["type"] in {"datasource", "textbox"}:
            return str(variable["current"]["value"])
        if variable["type"] == "custom":
            return str(variable["query"]).split(",")
        found = label_values(variable, self, labels, window)
        if variable.get("includeAll"):
            return found
        current = variable.get("current", {}).get("value")
        return current if current in found else next(iter(found), "")

    def fill(self, text: str, window: Window, **scoped: str) -> str:
        """Put values in the place of variables."""
        known = {**self.values, **window.builtins(), **scoped}

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if name not in known:
                return match[0]
            chosen = known[name]
            if name in self.escaped and name not in scoped:
                return _alternatives([chosen] if isinstance(chosen, str) else chosen)
            return chosen if isinstance(chosen, str) else ",".join(chosen)

        return _VARIABLE.sub(value, text)


def label_values(variable: Json, choices: Choices, labels: Labels, window: Window) -> list[str]:
    """A query variable's values, sorted as Grafana is told to."""
    asked = _LABEL_VALUES.fullmatch(choices.fill(variable["query"]["query"], window))
    if asked is None:
        raise ValueError(f"{variable['name']} asks for no label's values")
    return sorted(labels.label_values(asked[2], asked[1]))


def named(legend: str, metric: Mapping[str, str]) -> str:
    """A series' name: its labels put into the legend."""
    if legend == "__auto":
        inside = ", ".join(f'{k}="{v}"' for k, v in metric.items() if k != "__name__")
        return metric.get("__name__", "") + (f"{{{inside}}}" if inside else "") or "Value"
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda m: metric.get(m[1], ""), legend).strip()


def legend_labels(legend: str) -> list[str]:
    """Labels that a legend names."""
    return re.findall(r"\{\{\s*(\w+)\s*\}\}", legend)


def _alternatives(values: Sequence[str]) -> str:
    escaped = [_SPECIAL.sub(r"\\\\\1", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
