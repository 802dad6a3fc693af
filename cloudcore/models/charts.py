"""Figures of a model's scores: the surface of Dice, precision and recall, cloud fractions."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from cloudcore.views.figures import FloatArray, figure, line, palette, spread

SMALLEST_SPAN = 0.01
"""Dice that the colours of a surface span at least: less is no difference worth a colour."""


def surface(
    table: FloatArray,
    thresholds: Sequence[float],
    min_sizes: Sequence[int],
    here: tuple[float, float] | None = None,
    best: tuple[float, float] | None = None,
    *,
    dark: bool = False,
    height: int = 176,
) -> go.Figure:
    """Dice over threshold x min_size: table is float (T, M); here (+) and best (o) are (threshold, min_size px).

    The colours reach from the lower quartile of the table up, as the far corners are never where one looks; from the
    lowest value where the quartile is as good as the best.
    """
    paint, low, high = palette(dark), float(np.nanpercentile(table, 25)), float(np.nanmax(table))
    if high - low < SMALLEST_SPAN:
        low = min(float(np.nanmin(table)), high - SMALLEST_SPAN)
    out = figure(
        dark,
        height,
        xaxis_title="threshold",
        yaxis_title="px",
        hovermode="closest",
        showlegend=False,
        margin={"l": 48, "t": 8, "r": 4, "b": 40},
    )
    bar = {"thickness": 8, "outlinewidth": 0, "nticks": 4, "tickfont": {"size": 12, "color": paint["grey"]}, "xpad": 8}
    out.add_heatmap(
        z=np.asarray(table).T,
        x=list(thresholds),
        y=list(range(len(min_sizes))),
        colorscale="Cividis",
        zmin=low,
        zmax=high,
        colorbar=bar,
        customdata=np.repeat(np.asarray(min_sizes)[:, None], len(thresholds), axis=1),
        hovertemplate="threshold %{x:.2f}, %{customdata} px<br>Dice %{z:.3f}<extra></extra>",
    )
    for point, symbol, size in ((here, "cross-thin", 13), (best, "circle-open", 11)):
        if point is not None:
            at = float(np.interp(point[1], list(min_sizes), range(len(min_sizes))))
            for width, colour in ((4.5, "rgba(8,12,16,.75)"), (2.0, "#FFFFFF")):
                marker = {"symbol": symbol, "size": size, "color": colour, "line": {"width": width, "color": colour}}
                out.add_scatter(x=[point[0]], y=[at], mode="markers", marker=marker, hoverinfo="skip")
    shown = spread(len(min_sizes), 4)
    out.update_xaxes(showgrid=False, range=[thresholds[0], thresholds[-1]], constrain="domain")
    out.update_yaxes(showgrid=False, tickvals=shown, ticktext=[f"{min_sizes[at]:,}" for at in shown])
    return out


def precision_recall(
    lines: Mapping[str, tuple[FloatArray, FloatArray]],
    here: Mapping[str, tuple[float, float]] | None = None,
    base_rate: float | None = None,
    *,
    dark: bool = False,
    height: int = 260,
) -> go.Figure:
    """Precision against recall: lines maps a name to (precision, recall) over the thresholds; here marks a point each.

    base_rate, the share of cloud, is what a blind guess gets; it is drawn dotted. All are 0..1.
    """
    paint = palette(dark)
    out = figure(dark, height, xaxis_title="recall", yaxis_title="precision", hovermode="closest")
    for index, (name, (precision, recall)) in enumerate(lines.items()):
        text = name + "<br>recall %{x:.3f}, precision %{y:.3f}<extra></extra>"
        out.add_scatter(x=recall, y=precision, name=name, mode="lines", line=line(index, dark), hovertemplate=text)
        if here and name in here:
            colour = line(index, dark)["color"]
            marker = {"size": 9, "color": colour, "line": {"width": 2, "color": paint["paper"]}}
            out.add_scatter(
                x=[here[name][1]],
                y=[here[name][0]],
                mode="markers",
                marker=marker,
                showlegend=False,
                hovertemplate=text,
            )
    if base_rate is not None:
        out.add_hline(
            y=base_rate,
            line={"width": 1, "dash": "dot", "color": paint["grey"]},
            annotation_text="base rate",
            annotation_position="bottom left",
            annotation_font={"size": 12, "color": paint["grey"]},
        )
    out.update_layout(showlegend=len(lines) > 1, margin_t=28 if len(lines) > 1 else 12)
    out.update_xaxes(range=[0, 1.01])
    out.update_yaxes(range=[0, 1.01])
    return out


def fractions(
    truth: Sequence[float],
    predicted: Sequence[float],
    names: Sequence[str],
    *,
    dark: bool = False,
    height: int = 260,
) -> go.Figure:
    """Predicted against true cloud fraction, 0..1, a point a frame; the line is where both agree."""
    paint = palette(dark)
    out = figure(dark, height, xaxis_title="cloud, truth", yaxis_title="cloud, model", hovermode="closest")
    agree = {"width": 1, "color": paint["grey"], "dash": "dot"}
    out.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=agree, hoverinfo="skip")
    marker = {"size": 8, "color": paint["colours"][0], "opacity": 0.75, "line": {"width": 1, "color": paint["paper"]}}
    text = "%{text}<br>truth %{x:.3f}, model %{y:.3f}<extra></extra>"
    points = {"x": list(truth), "y": list(predicted), "text": list(names)}
    out.add_scatter(**points, mode="markers", marker=marker, hovertemplate=text)
    out.update_layout(showlegend=False)
    out.update_xaxes(range=[-0.03, 1.03])
    out.update_yaxes(range=[-0.03, 1.03])
    return out
