"""SHAP values: one dot for each answer, feature by feature."""

from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup

from services.registry.pages.charts.drawing import (
    Scale,
    around,
    line,
    picture,
    shortened,
    tag,
    ticks,
    words,
)
from services.registry.pages.charts.numbers import short
from understudy.contracts.reviews import Shap, ShapFeature

_WIDTH: Final = 720.0
_LEFT: Final = 150.0
_ROW: Final = 26.0
_SHADES: Final = 5
_MOST_DOTS: Final = 400
_BINS: Final = 130


def beeswarm(found: Shap, features: Sequence[ShapFeature]) -> Markup:
    """To the right of the middle a value raised the answer; dark dots are large values."""
    values = [value for one in features for value, _ in one.points]
    reach = max((abs(end) for end in around(values, margin=0.02)), default=1.0)
    x = Scale(-reach, reach, _LEFT, _WIDTH - 12)
    bottom = 8 + _ROW * len(features)
    layers = [line((x(0), 4), (x(0), bottom), "chart__axis")]
    for tick in ticks(-reach, reach, 6):
        layers.append(line((x(tick), 4), (x(tick), bottom), "chart__grid"))
        layers.append(words(x(tick), bottom + 14, short(tick), "chart__tick", "middle"))
    for place, one in enumerate(features):
        middle = 8 + (place + 0.5) * _ROW
        layers.append(words(_LEFT - 10, middle + 4, shortened(one.feature, 22), "", "end"))
        layers += _dots(x, middle, one)
    layers.append(
        words((_LEFT + _WIDTH) / 2, bottom + 30, "Contribution to the answer", "", "middle")
    )
    said = "; ".join(f"{one.feature}: {short(one.mean_size)} on average" for one in features)
    return picture(
        _WIDTH,
        bottom + 36,
        f"SHAP values of {found.rows} answers",
        f"{said}.",
        *layers,
        kind="chart--wide",
    )


def _dots(x: Scale, middle: float, one: ShapFeature) -> Iterable[Markup]:
    """Dots that would cover each other stand side by side: one path for each shade."""
    step = max(1, -(-len(one.points) // _MOST_DOTS))
    held: dict[int, int] = {}
    shades: dict[str, list[str]] = {}
    for contribution, level in one.points[::step]:
        place = x(contribution)
        column = round(place / _WIDTH * _BINS)
        number = held.get(column, 0)
        held[column] = number + 1
        offset = min((number + 1) // 2 * 1.9, _ROW / 2 - 3) * (1 if number % 2 else -1)
        shade = "none" if level is None else str(min(int(level * _SHADES), _SHADES - 1))
        shades.setdefault(shade, []).append(f"M{place:.1f} {middle + offset:.1f}h0")
    for shade, steps in sorted(shades.items()):
        yield tag("path", d="".join(steps), class_=f"chart__swarm chart__swarm--{shade}")
