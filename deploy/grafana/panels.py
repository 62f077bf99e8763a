"""The panels that dashboards are made of: each with a unit, limits that mean something, and words.

A panel's description says what it shows and what is good; a legend names role and version.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    common,
    heatmap,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor as _FieldColor
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heat

from deploy.grafana.frame import Face, Query, framed, renamed_fields
from deploy.grafana.look import CALM, Colour, Steps, Unit

_DASHED: Final = {"fill": "dash", "dash": [8, 6]}
_DOTTED: Final = {"fill": "dot", "dash": [2, 6]}
_ROLES: Final = {"^main": Colour.MAIN, "^challenger": Colour.CHALLENGER}
_KINDS: Final = {
    "(estimated|p95|p99|peak|configured|threshold)$": _DASHED,
    "(baseline|limit)$": _DOTTED,
}
"""What is not measured on live rows, and upper percentiles, are no solid lines."""

_UNNUMBERED: Final = model.RegexMap(
    model.DashboardRegexMapOptions(r"^\d\d (.*)$", model.ValueMappingResult(text="$1", index=0))
)


def lines(
    face: Face,
    queries: Sequence[Query],
    *,
    unit: Unit,
    limits: Steps = CALM,
    minimum: float | None = 0,
    maximum: float | None = None,
    colours: Mapping[str, Colour] | None = None,
    stacked: bool = False,
    soft_maximum: float | None = None,
    decimals: int | None = None,
    logarithmic: bool = False,
) -> model.Panel:
    """Lines over time. Limits are drawn as dashed lines where there are any."""
    panel = framed(timeseries.Panel(), face, queries, unit, limits)
    drawn = options.GraphThresholdsStyleMode
    panel.thresholds_style(
        common.GraphThresholdsStyleConfig().mode(drawn.DASHED if len(limits) > 1 else drawn.OFF)
    )
    panel.legend(_legend()).tooltip(_tooltip()).line_width(2).fill_opacity(0)
    panel.show_points(options.VisibilityMode.NEVER).span_nulls(60_000.0)
    if stacked:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL)).fill_opacity(35)
    if minimum is not None:
        panel.min(minimum)
    if maximum is not None:
        panel.max(maximum)
    if soft_maximum is not None:
        panel.axis_soft_max(soft_maximum)
    if decimals is not None:
        panel.decimals(decimals)
    if logarithmic:
        scale = common.ScaleDistributionConfig().type(options.ScaleDistribution.LOG).log(10)
        panel.scale_distribution(scale)
    for pattern, colour in {**_ROLES, **(colours or {})}.items():
        panel.override_by_regexp(f"/{pattern}/", [coloured(colour)])
    for pattern, style in _KINDS.items():
        panel.override_by_regexp(
            f"/{pattern}/",
            [
                model.DynamicConfigValue("custom.lineStyle", style),
                model.DynamicConfigValue("custom.fillOpacity", 0),
            ],
        )
    hidden = {"legend": True, "tooltip": False, "viz": False}
    panel.override_by_regexp("/threshold$/", [model.DynamicConfigValue("custom.hideFrom", hidden)])
    return panel.build()


def figure(
    face: Face,
    query: Query,
    *,
    unit: Unit,
    limits: Steps = CALM,
    mapping: model.ValueMap | None = None,
    decimals: int | None = None,
    graph: bool = False,
) -> model.Panel:
    """One number, or one word. With a graph, the query is over the time that is shown."""
    panel = framed(stat.Panel(), face, [query], unit, limits)
    panel.graph_mode(options.BigValueGraphMode.AREA if graph else options.BigValueGraphMode.NONE)
    panel.color_mode(options.BigValueColorMode.VALUE).reduce_options(_last())
    panel.justify_mode(options.BigValueJustifyMode.CENTER).no_value("–")
    panel.text_mode(options.BigValueTextMode.VALUE)
    if mapping is not None:
        panel.mappings([mapping])
    if decimals is not None:
        panel.decimals(decimals)
    return panel.build()


def gauges(
    face: Face, query: Query, *, unit: Unit, limits: Steps, maximum: float | None = None
) -> model.Panel:
    """A bar for each series, as long as its value, in the colour of the limit it reached."""
    panel = framed(bargauge.Panel(), face, [query], unit, limits).min(0)
    panel.orientation(options.VizOrientation.HORIZONTAL).reduce_options(_last())
    panel.display_mode(options.BarGaugeDisplayMode.BASIC).show_unfilled(show_unfilled=True)
    panel.name_placement(options.BarGaugeNamePlacement.LEFT)
    panel.value_mode(options.BarGaugeValueMode.COLOR)
    panel.color_scheme(by_limits()).decimals(1)
    if maximum is not None:
        panel.max(maximum)
    return panel.build()


def columns(
    face: Face,
    queries: Mapping[str, Query],
    category: str,
    *,
    colours: Mapping[str, Colour],
    slanted: bool = False,
) -> model.Panel:
    """Bars side by side for each category: one colour a query, named as it is.

    A number in front of a category's name orders it, and is not shown.
    """
    panel = framed(barchart.Panel(), face, list(queries.values()), Unit.SHARE, CALM).min(0)
    panel.x_field(category).legend(_legend(values=False)).tooltip(_tooltip())
    panel.fill_opacity(80).line_width(0).group_width(0.8).bar_width(0.95)
    panel.show_value(options.VisibilityMode.NEVER).x_tick_label_max_length(14)
    if slanted:
        panel.x_tick_label_rotation(-45)
    panel.transformations(
        renamed_fields(category, {q.ref: name for name, q in queries.items()}, sort=category)
    )
    panel.override_by_name(category, [model.DynamicConfigValue("mappings", [_UNNUMBERED])])
    for name, colour in colours.items():
        panel.override_by_name(name, [coloured(colour)])
    return panel.build()


def warmth(face: Face, query: Query, *, unit: Unit, maximum: float) -> model.Panel:
    """A row for each series, a cell for each moment; the warmer, the more, up to the maximum."""
    panel = framed(heatmap.Panel(), face, [query], unit, CALM)
    scheme = common_scheme(maximum)
    panel.calculate(calculate=False).color(scheme).show_legend().cell_gap(1)
    panel.y_axis(heatmap.YAxisConfig().axis_placement(options.AxisPlacement.LEFT).axis_width(170))
    panel.show_value(options.VisibilityMode.NEVER).mode(options.TooltipDisplayMode.SINGLE)
    panel.cell_values(heatmap.CellValues().unit(unit).decimals(3))
    return panel.build()


def common_scheme(maximum: float) -> heatmap.HeatmapColorOptions:
    """From dark to bright."""
    return (
        heatmap.HeatmapColorOptions()
        .mode(heat.HeatmapColorMode.SCHEME)
        .scheme("Inferno")
        .scale(heat.HeatmapColorScale.LINEAR)
        .fill(Colour.BAD)
        .exponent(0.5)
        .steps(64)
        .min(0)
        .max(maximum)
    )


def states(face: Face, query: Query, mapping: model.ValueMap) -> model.Panel:
    """A band for each series, in the colours of what it was."""
    panel = framed(statetimeline.Panel(), face, [query], Unit.NONE, CALM)
    panel.mappings([mapping]).merge_values(merge_values=True).row_height(0.8)
    panel.show_value(options.VisibilityMode.AUTO).fill_opacity(75).line_width(0)
    panel.legend(_legend(values=False)).tooltip(_tooltip())
    return panel.build()


def coloured(colour: Colour) -> model.DynamicConfigValue:
    """A series' fixed colour."""
    return model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": str(colour)})


def by_limits() -> _FieldColor:
    """Colour by the limit that was reached."""
    return _FieldColor().mode(model.FieldColorModeId.THRESHOLDS)


def _legend(*, values: bool = True) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(show_legend=True)
    legend.display_mode(options.LegendDisplayMode.LIST).placement(options.LegendPlacement.BOTTOM)
    return legend.calcs(["lastNotNull"] if values else [])


def _tooltip() -> common.VizTooltipOptions:
    tooltip = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI)
    return tooltip.sort(options.SortOrder.DESCENDING)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False)
