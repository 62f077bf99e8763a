"""Figures drawn with characters: readable with and without colours, in a terminal and in a file."""

import math
from collections.abc import Sequence
from typing import Final

from rich.text import Text

from understudy.contracts.monitor import Interval

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_EMPTY: Final = "·"
_BAR_CELLS: Final = 12
_FOREST_CELLS: Final = 41
_MOST_LEVELS: Final = 10


def bar(share: float, style: str = "", cells: int = _BAR_CELLS) -> Text:
    """A bar that is `share` full; what is beyond 0 and 1 is drawn as its end."""
    eighths = round(min(max(share, 0.0), 1.0) * cells * 8)
    whole, part = divmod(eighths, 8)
    full = "█" * whole + (_EIGHTHS[part] if part else "")
    return Text.assemble((full, style), (_EMPTY * (cells - len(full)), "dim"))


def evidence_bar(log_evidence: float, threshold: float, style: str = "cyan") -> Text:
    """Evidence on its way to the threshold, in logarithms: full is enough."""
    reached = log_evidence >= threshold
    share = log_evidence / threshold if threshold > 0 else float(reached)
    return bar(share, f"bold {style}" if reached else style)


def forest(interval: Interval, margin: float | None = None) -> Text:
    """An interval on a line with 0 in its middle; `╎` marks the margin on both sides."""
    low = interval.value if interval.low is None else interval.low
    high = interval.value if interval.high is None else interval.high
    widest = 1.1 * max(abs(low), abs(high), 2 * (margin or 0.0), 1e-12)

    def cell(at: float) -> int:
        return round((at / widest + 1) / 2 * (_FOREST_CELLS - 1))

    first, last = cell(low), cell(high)
    drawn = [_EMPTY] * _FOREST_CELLS
    drawn[first : last + 1] = "─" * (last - first + 1)
    for at in () if margin is None else (-margin, margin):
        drawn[cell(at)] = "╎"
    drawn[cell(0.0)] = "┼" if low <= 0 <= high else "│"
    drawn[cell(interval.value)] = "●"
    line = Text("".join(drawn), "dim")
    line.stylize(f"not dim {_side(low, high)}", first, last + 1)
    return line


def sparkline(counts: Sequence[int]) -> str:
    """Counts as heights, in the order of their bins; neighbours share a column when many."""
    joined = _joined(counts)
    most = max(joined, default=0)
    if not most:
        return ""
    return "".join(
        _LEVELS[math.ceil(count / most * (len(_LEVELS) - 1))] if count else " " for count in joined
    )


def _side(low: float, high: float) -> str:
    """Green when all of it is above 0, red when all of it is below."""
    if low > 0:
        return "green"
    return "red" if high < 0 else "yellow"


def _joined(counts: Sequence[int]) -> list[int]:
    each = math.ceil(len(counts) / _MOST_LEVELS) or 1
    return [sum(counts[at : at + each]) for at in range(0, len(counts), each)]
