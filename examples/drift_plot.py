"""Draws a recorded drift demonstration: the monitor's gauges by feature, over time."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from examples.drifting import Recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by the colour-blind too.
COLOURS: Final = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")
GREY: Final = "#b4b4b4"
INK: Final = "#333333"
MISSING_MATPLOTLIB: Final = (
    "Drawing needs matplotlib, which is in the development group: "
    "'uv sync --group dev' or 'pip install matplotlib'."
)

Series = tuple[list[float], list[float]]


class PlottingUnavailableError(Exception):
    """Matplotlib is not installed."""


def plotting_available() -> bool:
    """Whether matplotlib is there, without loading it."""
    return find_spec("matplotlib") is not None


def draw_plot(recording: Recording, path: Path) -> None:
    """Write the plot as PNG. Raises PlottingUnavailableError without matplotlib."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws needs it
    except ImportError as error:
        raise PlottingUnavailableError(MISSING_MATPLOTLIB) from error
    figure = Figure(figsize=(10.0, 6.4), dpi=160, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.6, 1.0))
    for axes, gauge, coloured in (
        (upper, "drift_psi", recording.shifted),
        (lower, "missing_ratio", recording.withheld),
    ):
        lines = {name: _series(recording, gauge, name) for name in recording.features}
        if gauge == "missing_ratio":
            lines = {name: _change(recording, line) for name, line in lines.items()}
        _tidy(axes)
        _mark_switch(axes, recording)
        _draw_lines(axes, lines, _colours(recording, coloured))
    _word(figure, upper, lower, recording)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _colours(recording: Recording, coloured: tuple[str, ...]) -> dict[str, str]:
    """A colour of its own for each feature that the simulator changes."""
    changed = (*recording.shifted, *recording.withheld)
    return {name: COLOURS[changed.index(name) % len(COLOURS)] for name in coloured}


def _series(recording: Recording, gauge: str, feature: str) -> Series:
    """A gauge's minutes and values, where it was given."""
    found = [
        (reading.at_seconds / 60, getattr(reading, gauge)[feature])
        for reading in recording.readings
        if feature in getattr(reading, gauge)
    ]
    return [minute for minute, _ in found], [value for _, value in found]


def _change(recording: Recording, line: Series) -> Series:
    """Values less the last one before the switch: some features are always mostly missing."""
    minutes, values = line
    switch = (recording.switched_at_seconds or 0.0) / 60
    before = [value for minute, value in zip(minutes, values, strict=True) if minute <= switch]
    usual = (before or values or [0.0])[-1]
    return minutes, [value - usual for value in values]


def _draw_lines(axes: "Axes", lines: dict[str, Series], colours: dict[str, str]) -> None:
    ends = []
    for name, (minutes, values) in lines.items():
        if name not in colours:
            axes.plot(minutes, values, color=GREY, linewidth=1.1, zorder=2)
        elif minutes:
            axes.plot(minutes, values, color=colours[name], linewidth=2.4, zorder=3)
            ends.append((minutes[-1], values[-1], name, colours[name]))
    _name_ends(axes, ends)


def _name_ends(axes: "Axes", ends: list[tuple[float, float, str, str]]) -> None:
    """Each name at its line's end, moved up where it would cover the one below."""
    low, high = axes.get_ylim()
    apart = (high - low) * 14 / (axes.get_window_extent().height * 72 / axes.figure.dpi)
    free = float("-inf")
    for minute, value, name, colour in sorted(ends, key=lambda end: end[1]):
        free = max(value, free)
        axes.annotate(
            name,
            (minute, free),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            fontsize=9.5,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )
        free += apart


def _mark_switch(axes: "Axes", recording: Recording) -> None:
    end = recording.readings[-1].at_seconds / 60 if recording.readings else 1.0
    axes.set_xlim(0, end)
    if recording.switched_at_seconds is not None:
        minute = recording.switched_at_seconds / 60
        axes.axvline(minute, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.axvspan(minute, end, color="#f6f1e7", zorder=0, linewidth=0)


def _tidy(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(axis="y", color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)


def _word(figure: "Figure", upper: "Axes", lower: "Axes", recording: Recording) -> None:
    figure.suptitle(
        f"{recording.deployment}: other people apply, and the monitor names what changed",
        x=0.01,
        ha="left",
        fontsize=13,
        fontweight="bold",
        color=INK,
    )
    upper.set_title(
        f"coloured: what the simulator changes · grey: all other features ({_others(recording)})",
        loc="left",
        fontsize=10,
        color="#666666",
    )
    upper.set_ylabel("drift: debiased PSI (nats)", color=INK)
    lower.set_ylabel("more not stated\n(percentage points)", color=INK)
    lower.yaxis.set_major_formatter(lambda value, _: f"{round(100 * value, 6):+g}")
    lower.set_xlabel(f"minutes, at up to {recording.rate:g} applicants a second", color=INK)
    if recording.switched_at_seconds is not None:
        upper.annotate(
            "drift switched on",
            (recording.switched_at_seconds / 60, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(5, -4),
            textcoords="offset points",
            va="top",
            fontsize=9.5,
            color=INK,
        )


def _others(recording: Recording) -> int:
    return len(set(recording.features) - {*recording.shifted, *recording.withheld})
