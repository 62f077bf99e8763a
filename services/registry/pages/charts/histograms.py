"""How values are spread, in both samples."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from services.registry.pages.charts.drawing import (
    Scale,
    line,
    path,
    picture,
    rectangle,
    shortened,
    tag,
    words,
)
from services.registry.pages.charts.numbers import percent, short
from understudy.contracts.reviews import Bars

_WIDTH: Final = 235.0
_HEIGHT: Final = 96.0
_ROW: Final = 16.0
_MOST_NAMES: Final = 7


def histogram(bars: Bars, name: str) -> Markup:
    """Training rows as areas, evaluation rows as an outline."""
    if bars.edges is not None:
        return _numbers(bars, bars.edges, name)
    return _categories(bars, bars.names or (), name)


def _numbers(bars: Bars, edges: Sequence[float], name: str) -> Markup:
    # Each bar is as wide as any other: edges may be quantiles, far outliers would hide the rest.
    places = max(len(bars.reference), 1)
    x = Scale(0, places, 1, _WIDTH - 1)
    most = max((*bars.reference, *(bars.evaluation or ())), default=0.0) or 1.0
    y = Scale(0, most, _HEIGHT - 18, 4)
    layers = [
        rectangle(x(place) + 0.5, y(share), x(1) - x(0) - 1, y(0) - y(share), "chart__bar")
        for place, share in enumerate(bars.reference)
    ]
    if bars.evaluation is not None:
        outline = [(x(0), y(0))]
        for place, share in enumerate(bars.evaluation):
            outline += [(x(place), y(share)), (x(place + 1), y(share))]
        layers.append(path([*outline, (x(places), y(0))], "chart__outline"))
    layers.append(line((1, y(0)), (_WIDTH - 1, y(0)), "chart__axis"))
    if edges:
        layers.append(words(1, _HEIGHT - 4, short(edges[0]), "chart__tick"))
        layers.append(words(_WIDTH - 1, _HEIGHT - 4, short(edges[-1]), "chart__tick", "end"))
    told = "; ".join(
        f"{short(low)} to {short(high)}: {percent(share)}"
        for (low, high), share in zip(pairwise(edges), bars.reference, strict=False)
    )
    return picture(_WIDTH, _HEIGHT, f"How {name} is spread", f"Training rows: {told}.", *layers)


def _categories(bars: Bars, names: Sequence[str], name: str) -> Markup:
    shown = list(zip(names, bars.reference, bars.evaluation or [None] * len(names), strict=False))
    rest = shown[_MOST_NAMES:]
    shown = shown[:_MOST_NAMES]
    shares = [share for _, *both in shown for share in both if share is not None]
    x = Scale(0, max(shares, default=0.0) or 1.0, 92, _WIDTH - 44)
    layers = [part for place, one in enumerate(shown) for part in _category(x, place, *one)]
    height = _ROW * len(shown) + 4
    if rest:
        height += _ROW
        layers.append(words(86, height - 8, f"{len(rest)} more", "chart__tick", "end"))
        told = percent(sum(share for _, share, _ in rest))
        layers.append(words(94, height - 8, told, "chart__tick"))
    said = "; ".join(f"{each}: {percent(share)}" for each, share, _ in shown)
    return picture(
        _WIDTH, height, f"How {name} is spread", f"Training rows: {said}.", tag("g", *layers)
    )


def _category(
    x: Scale, place: int, name: str, share: float, evaluation: float | None
) -> Iterable[Markup]:
    top = 2 + place * _ROW
    yield words(86, top + 11, shortened(name, 15), "chart__tick", "end")
    yield rectangle(x(0), top + 2, max(x(share) - x(0), 0.5), _ROW - 5, "chart__bar")
    if evaluation is not None:
        at = x(evaluation)
        yield line((at, top), (at, top + _ROW - 1), "chart__outline")
    end = max(x(share), x(evaluation or 0.0))
    yield words(end + 5, top + 11, percent(share), "chart__tick")
