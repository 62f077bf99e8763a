"""What all pictures are drawn with: escaped elements, scales with round ticks, two axes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from services.registry.pages.charts.numbers import percent, short

_MOST_TICKS: Final = 12
_ELLIPSIS: Final = "…"
Point = tuple[float, float]


def tag(name: str, *inside: str, **attributes: object) -> Markup:
    """One element; text and attributes are escaped, `class_` and `stroke_width` find their names.

    Attributes that are None are left out.
    """
    told = Markup("").join(
        Markup(' {}="{}"').format(_attribute(key), _shown(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), told, Markup("").join(inside))  # noqa: S704 - names of elements are ours


def picture(
    width: float, height: float, title: str, description: str, *inside: Markup, kind: str = ""
) -> Markup:
    """A whole picture, which scales with its place."""
    return tag(
        "svg",
        tag("title", title),
        tag("desc", description),
        *inside,
        class_=f"chart {kind}".strip(),
        viewBox=f"0 0 {_shown(width)} {_shown(height)}",
        role="img",
    )


def words(x: float, y: float, text: str, kind: str = "", anchor: str | None = None) -> Markup:
    """Text in a picture."""
    return tag("text", text, x=x, y=y, class_=f"chart__text {kind}".strip(), text_anchor=anchor)


def line(start: Point, end: Point, kind: str) -> Markup:
    """A straight line."""
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=kind)


def rectangle(x: float, y: float, width: float, height: float, kind: str, **rest: object) -> Markup:
    """A rectangle; nothing is drawn of one without width."""
    width, height = max(width, 0.0), max(height, 0.0)
    return tag("rect", x=x, y=y, width=width, height=height, class_=kind, **rest)


def dot(x: float, y: float, radius: float, kind: str, title: str = "") -> Markup:
    """A point, which tells what it is when it is pointed at."""
    inside = (tag("title", title),) if title else ()
    return tag("circle", *inside, cx=x, cy=y, r=radius, class_=kind)


def path(points: Iterable[Point], kind: str, *, closed: bool = False) -> Markup:
    """A line through points, or the area within them."""
    steps = " ".join(f"{_shown(x)} {_shown(y)}" for x, y in points)
    return tag("path", d=f"M{steps}{'Z' if closed else ''}", class_=kind) if steps else Markup("")


def shortened(text: str, most: int) -> str:
    """Text that fits."""
    return text if len(text) <= most else text[: max(1, most - 1)].rstrip() + _ELLIPSIS


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places. What lies beyond is drawn at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is."""
        width = self.high - self.low
        share = (value - self.low) / width if width > 0 and math.isfinite(width) else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def around(values: Iterable[float], *, margin: float = 0.06) -> tuple[float, float]:
    """Bounds that hold all values with a margin, never of no width."""
    held = [value for value in values if math.isfinite(value)]
    low, high = (min(held), max(held)) if held else (0.0, 1.0)
    width = high - low
    if width <= 1e-12 * max(abs(low), abs(high), 1e-300):
        width = abs(low) or 1.0
    return low - margin * width, high + margin * width


def ticks(low: float, high: float, wanted: int = 5) -> tuple[float, ...]:
    """Round values within the bounds."""
    width = high - low
    if not (width > 0 and math.isfinite(width)):
        return (low,) if math.isfinite(low) else ()
    rough = width / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 0.0
    if power == 0 or not math.isfinite(power):
        return (low, high)
    step = power * next(each for each in (1, 2, 2.5, 5, 10) if each * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    found = [(first + place) * step for place in range(_MOST_TICKS)]
    return tuple(0.0 if abs(one) < step / 1e6 else one for one in found if one <= high + step / 1e6)


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a plot."""

    low: float
    high: float
    says: str
    shares: bool = False
    """Whether values are shares, told in per cent."""
    wanted: int = 5
    """How many ticks there are about; 0 for none."""

    @property
    def ticks(self) -> tuple[float, ...]:
        """Its round values."""
        return ticks(self.low, self.high, self.wanted) if self.wanted else ()

    def told(self, value: float) -> str:
        """A value as its tick says it."""
        return percent(value).replace(".0", "") if self.shares else short(value)


SHARE: Final = (0.0, 1.0)
_RIGHT, _TOP = 10.0, 10.0


class Plot:
    """Two axes with a grid; layers are drawn in their scales."""

    def __init__(self, x: Axis, y: Axis, *, width: float = 360.0, height: float = 250.0) -> None:
        self._axes = (x, y)
        self._size = (width, height)
        self.left, self.right = (56.0 if y.says else 36.0), width - _RIGHT
        self.bottom = height - (40.0 if x.says else 22.0)
        self.x = Scale(x.low, x.high, self.left, self.right)
        self.y = Scale(y.low, y.high, self.bottom, _TOP)

    def points(self, x: Sequence[float], y: Sequence[float]) -> list[Point]:
        """Places of pairs of values."""
        return [(self.x(a), self.y(b)) for a, b in zip(x, y, strict=True)]

    def drawn(self, title: str, description: str, *layers: Markup) -> Markup:
        """All of it."""
        width, height = self._size
        return picture(width, height, title, description, *self._grid(), *layers, kind="plot")

    def _grid(self) -> Iterable[Markup]:
        across, up = self._axes
        left, right, bottom = self.left, self.right, self.bottom
        for tick in up.ticks:
            yield line((left, self.y(tick)), (right, self.y(tick)), "chart__grid")
            yield words(left - 6, self.y(tick) + 3.5, up.told(tick), "chart__tick", "end")
        for tick in across.ticks:
            yield words(self.x(tick), bottom + 15, across.told(tick), "chart__tick", "middle")
        yield line((left, bottom), (right, bottom), "chart__axis")
        if across.says:
            yield words((left + right) / 2, bottom + 35, across.says, "", "middle")
        if up.says:
            yield self._standing(up.says)

    def _standing(self, says: str) -> Markup:
        middle = (_TOP + self.bottom) / 2
        return tag(
            "text",
            says,
            x=11,
            y=middle,
            class_="chart__text",
            text_anchor="middle",
            transform=f"rotate(-90 11 {_shown(middle)})",
        )


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _shown(value: object) -> str:
    if isinstance(value, float):
        text = f"{value:.2f}" if math.isfinite(value) else "0"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)
