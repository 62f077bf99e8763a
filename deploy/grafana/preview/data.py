"""What a panel's queries return: named series, or one table after its transformations."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from deploy.grafana.preview.asking import Prometheus
from deploy.grafana.reading import Choices, Dashboard, Json, Window, named

Cell = float | str | None
Row = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Series:
    """A line: seconds since the epoch, and values (None where there is none)."""

    name: str
    times: list[float]
    values: list[float | None]

    @property
    def last(self) -> float | None:
        """The newest value that there is."""
        return next((value for value in reversed(self.values) if value is not None), None)


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation."""

    at: float
    title: str


@dataclass(frozen=True, slots=True)
class Looking:
    """Whom to ask, for which time, with what chosen."""

    prometheus: Prometheus
    window: Window
    choices: Choices
    scoped: tuple[tuple[str, str], ...] = ()
    """What a repeated panel is for."""

    def within(self, name: str, value: str) -> "Looking":
        """For one panel of those that a panel is repeated as."""
        return replace(self, scoped=((name, value),))

    def fill(self, text: str) -> str:
        """Variables replaced."""
        return self.choices.fill(text, self.window, **dict(self.scoped))

    def series(self, panel: Json) -> list[Series]:
        """Every series of every query, in order."""
        return [each for target in panel["targets"] for each in self._series(target)]

    def table(self, panel: Json) -> tuple[list[str], list[Row]]:
        """Columns and rows."""
        targets = panel["targets"]
        tables = [self._rows(target, alone=len(targets) == 1) for target in targets]
        return _transformed(tables, panel.get("transformations", []))

    def marks(self, dashboard: Dashboard) -> list[Mark]:
        """Annotations: one for each time that the query's values tell."""
        seen = {}
        for annotation in dashboard.annotations():
            asked = self.fill(annotation["expr"])
            window = self.window
            for each in self.prometheus.query_range(asked, window.start, window.end, window.step):
                title = named(annotation["titleFormat"], each["metric"])
                for _, value in each["values"]:
                    seen[float(value) / 1000, title] = Mark(float(value) / 1000, title)
        return [each for each in seen.values() if self.window.start <= each.at <= self.window.end]

    def _series(self, target: Json) -> Iterator[Series]:
        window, asked = self.window, self.fill(target["expr"])
        if target.get("instant"):
            for each in self.prometheus.query(asked, window.end):
                at, value = each["value"]
                name = named(target["legendFormat"], each["metric"])
                yield Series(name, [float(at)], [_number(value)])
            return
        start = window.start - window.start % window.step
        times = [
            start + number * window.step
            for number in range(int((window.end - start) / window.step) + 1)
        ]
        for each in self.prometheus.query_range(asked, start, window.end, window.step):
            found = {float(at): _number(value) for at, value in each["values"]}
            name = named(target["legendFormat"], each["metric"])
            yield Series(name, times, [found.get(at) for at in times])

    def _rows(self, target: Json, *, alone: bool) -> list[Row]:
        value = "Value" if alone else f"Value #{target['refId']}"
        return [
            {**each["metric"], value: _number(each["value"][1])}
            for each in self.prometheus.query(self.fill(target["expr"]), self.window.end)
        ]


def _number(value: str) -> float | None:
    number = float(value)
    return None if math.isnan(number) else number


def _transformed(tables: list[list[Row]], steps: list[Json]) -> tuple[list[str], list[Row]]:
    rows = [row for table in tables for row in table]
    names = list(dict.fromkeys(name for row in rows for name in row))
    for step in steps:
        options = step["options"]
        if step["id"] == "joinByField":
            rows = _joined(tables, options["byField"])
        elif step["id"] == "filterFieldsByName":
            names = [name for name in options["include"]["names"] if any(name in r for r in rows)]
        elif step["id"] == "organize":
            renamed = options["renameByName"]
            names = sorted(names, key=lambda name: options["indexByName"].get(name, 99))
            rows = [{renamed.get(k, k): v for k, v in row.items() if k in names} for row in rows]
            names = [renamed.get(name, name) for name in names]
        elif step["id"] == "sortBy":
            rows = _sorted(rows, options["sort"][0])
        else:
            raise ValueError(f"{step['id']} is not known to the preview")
    return names, rows


def _joined(tables: list[list[Row]], key: str) -> list[Row]:
    rows: dict[Cell, Row] = {}
    for table in tables:
        for row in table:
            rows.setdefault(row.get(key), {}).update(row)
    return list(rows.values())


def _sorted(rows: list[Row], by: Json) -> list[Row]:
    field = by["field"]

    def place(row: Row) -> tuple[bool, float, str]:
        value = row.get(field)
        number = value if isinstance(value, float) else -math.inf
        return value is not None, number, str(value)

    return sorted(rows, key=place, reverse=bool(by.get("desc")))
