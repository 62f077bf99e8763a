"""Squares: correlations between features, and what was answered for what was true."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from services.registry.pages.charts.drawing import (
    picture,
    rectangle,
    shortened,
    tag,
    words,
)
from services.registry.pages.charts.numbers import count, figure, percent
from understudy.contracts.reviews import Correlations

_WRITTEN: Final = 12
"""Up to so many rows the cells tell their numbers."""


def heat_map(found: Correlations, shown: Sequence[int]) -> Markup:
    """Correlations of the features at those places; blue is positive, orange negative."""
    names = [found.names[place] for place in shown]
    room, cell = 104.0, max(11.0, min(34.0, 520 / max(len(shown), 1)))
    size, written = room + cell * len(shown) + 4, len(shown) <= _WRITTEN
    layers = []
    for row, place in enumerate(shown):
        middle = room + (row + 0.5) * cell
        layers.append(
            words(room - 6, middle + 3.5, shortened(names[row], 17), "chart__tick", "end")
        )
        layers.append(_standing(middle + 3.5, room - 6, names[row]))
        for column, other in enumerate(shown):
            value = found.values[place][other]
            told = f"{names[row]} and {names[column]}: {figure(value, 2)}"
            at = room + column * cell, room + row * cell
            layers.append(_cell(at, cell, value, told, written=written and row != column))
    strongest = max(
        (
            (abs(found.values[a][b] or 0.0), found.names[a], found.names[b])
            for a in shown
            for b in shown
            if a < b
        ),
        default=None,
    )
    said = "Nothing to compare."
    if strongest is not None:
        size_of, one, other_name = strongest
        said = f"The strongest is between {one} and {other_name}: {figure(size_of, 2)}."
    wide = max(size, 420.0)
    return picture(wide, size, "Correlations between features", said, *layers, kind="chart--square")


def _standing(x: float, y: float, name: str) -> Markup:
    return tag(
        "text",
        shortened(name, 17),
        x=x,
        y=y,
        class_="chart__text chart__tick",
        transform=f"rotate(-90 {x:.1f} {y:.1f})",
    )


def _cell(
    at: tuple[float, float], cell: float, value: float | None, told: str, *, written: bool
) -> Markup:
    x, y = at
    if value is None:
        return rectangle(x + 0.5, y + 0.5, cell - 1, cell - 1, "chart__nothing", rx=2)
    kind = "chart__heat" if value >= 0 else "chart__heat chart__heat--less"
    strength = min(abs(value), 1.0)
    parts = [
        tag("title", told),
        rectangle(
            x + 0.5, y + 0.5, cell - 1, cell - 1, kind, rx=2, fill_opacity=0.05 + 0.9 * strength
        ),
    ]
    if written and cell >= 22:
        text = "chart__in chart__in--on" if strength > 0.62 else "chart__in"
        parts.append(words(x + cell / 2, y + cell / 2 + 3, f"{value:.2f}", text, "middle"))
    return tag("g", *parts)


def confusion(rows: Sequence[Sequence[int]], names: Sequence[str]) -> Markup:
    """Rows by what was true, columns by what was answered; darker is more of what was true."""
    places = len(rows)
    room, cell = 92.0, max(4.0, min(96.0, 260 / max(places, 1)))
    lying = cell >= 60
    above = 40.0 if lying else 104.0
    width, height = max(360.0, room + cell * places + 6), above + cell * places + 4
    named = places <= 20
    layers = [words(room + cell * places / 2, 12, "Answered", "", "middle")]
    layers.append(words(room - 6, above - 8, "True", "", "end"))
    for row, counts in enumerate(rows):
        whole = sum(counts)
        top = above + row * cell
        if named:
            middle = top + cell / 2 + 3.5
            layers.append(words(room - 6, middle, shortened(names[row], 14), "chart__tick", "end"))
            across = room + (row + 0.5) * cell
            if lying:
                fitting = shortened(names[row], 16)
                layers.append(words(across, above - 8, fitting, "chart__tick", "middle"))
            else:
                layers.append(_standing(across + 3.5, above - 6, names[row]))
        for column, number in enumerate(counts):
            share = number / whole if whole else 0.0
            told = (
                f"True {names[row]}, answered {names[column]}: {count(number)} ({percent(share)})"
            )
            x = room + column * cell
            right = "" if row == column else " chart__heat--less"
            parts = [
                tag("title", told),
                rectangle(
                    x + 0.5,
                    top + 0.5,
                    cell - 1,
                    cell - 1,
                    f"chart__heat{right}",
                    rx=2,
                    fill_opacity=0.06 + 0.86 * share,
                ),
            ]
            if cell >= 36:
                kind = "chart__in chart__in--on" if share > 0.62 else "chart__in"
                middle = x + cell / 2
                parts.append(words(middle, top + cell / 2 - 1, count(number), kind, "middle"))
                parts.append(words(middle, top + cell / 2 + 12, percent(share), kind, "middle"))
            layers.append(tag("g", *parts))
    every, true = sum(map(sum, rows)), sum(rows[place][place] for place in range(places))
    said = f"{count(true)} of {count(every)} rows are answered with their true class."
    return picture(width, height, "Confusion matrix", said, *layers, kind="chart--square")
