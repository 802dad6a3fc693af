"""Figures of a satellite label table, in the house's template. Pure: numbers in, a Figure out."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from cloudcore.views import figures, render

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
COLOURS = tuple("#{:02X}{:02X}{:02X}".format(*rgb) for rgb in render.PATTERNS)
"""Colours of the four patterns, as on the images."""
_MARGIN = {"l": 52, "t": 12, "r": 12, "b": 40}


def shares(names: Sequence[str], of_images: Floats, of_pixels: Floats, *, dark: bool, height: int = 240) -> go.Figure:
    """Share of images that have each pattern, and share of all pixels, both 0..1, side by side."""
    out = figures.figure(dark, height, barmode="group", hovermode="closest", margin={**_MARGIN, "t": 28})
    for label, values, opacity in (("of images", of_images, 1.0), ("of pixels", of_pixels, 0.45)):
        text = [f"{100 * value:.0f} %" for value in values]
        out.add_bar(
            x=list(names),
            y=100 * values,
            name=label,
            text=text,
            textposition="outside",
            cliponaxis=False,
            marker={**_marker(dark), "opacity": opacity},
            hovertemplate="%{x}, " + label + ": %{y:.1f} %<extra></extra>",
        )
    out.update_yaxes(title_text="share, %", range=[0, max(5.0, 112 * float(max(of_images.max(), of_pixels.max())))])
    out.update_layout(showlegend=False)
    return out


def per_image(counts: Ints, *, dark: bool, height: int = 240) -> go.Figure:
    """Number of images with 0, 1, 2, 3 and 4 patterns; counts is (5,)."""
    out = figures.figure(dark, height, xaxis_title="patterns in the image", yaxis_title="images", hovermode="closest")
    share = 100 * counts / max(1, counts.sum())
    out.add_bar(
        x=list(range(len(counts))),
        y=counts,
        text=[f"{value:,}" for value in counts],
        textposition="outside",
        cliponaxis=False,
        marker={"color": figures.palette(dark)["colours"][0]},
        customdata=share,
        hovertemplate="%{y:,} images, %{customdata:.1f} %<extra></extra>",
    )
    out.update_xaxes(dtick=1)
    out.update_yaxes(range=[0, 1.15 * float(max(1, counts.max()))])
    out.update_layout(showlegend=False, margin=_MARGIN)
    return out


def together(names: Sequence[str], counts: Ints, *, dark: bool, height: int = 240) -> go.Figure:
    """Of the images with the pattern of a row, the share, %, that also has that of a column; counts is (k, k)."""
    paint = figures.palette(dark)
    share = 100 * counts / np.maximum(1, np.diag(counts))[:, None]
    out = figures.figure(
        dark, height, hovermode="closest", xaxis_title="also has", margin={"l": 64, "t": 12, "r": 12, "b": 40}
    )
    out.add_heatmap(
        z=share,
        x=list(names),
        y=list(names),
        zmin=0,
        zmax=100,
        colorscale="Cividis",
        showscale=False,
        xgap=2,
        ygap=2,
        text=[[f"{value:.0f} %" for value in row] for row in share],
        texttemplate="%{text}",
        customdata=counts,
        hovertemplate="%{y} with %{x}: %{customdata:,} images, %{z:.0f} %<extra></extra>",
    )
    out.update_xaxes(showgrid=False, ticks="")
    out.update_yaxes(showgrid=False, ticks="", autorange="reversed", tickfont={"size": 12, "color": paint["grey"]})
    return out


def distributions(
    names: Sequence[str], values: Sequence[Floats | Ints], x_title: str, bins: Floats, *, dark: bool, height: int = 240
) -> go.Figure:
    """How often each value occurs, a line a pattern in its colour, as share, %, of the images that have it."""
    out = figures.figure(dark, height, xaxis_title=x_title, yaxis_title="% of images that have it")
    middle = (bins[:-1] + bins[1:]) / 2
    for k, name in enumerate(names):
        counts = np.histogram(np.clip(values[k], bins[0], bins[-1]), bins)[0]
        share = 100 * counts / max(1, counts.sum())
        line = {"width": 2.4, "color": _readable(k, dark), "shape": "hvh", "dash": ("solid", "dash")[k >= 2]}
        label = f"{name}, n = {len(values[k]):,}"
        out.add_scatter(x=middle, y=share, name=label, mode="lines", line=line, hovertemplate="%{y:.1f} %")
    out.update_layout(showlegend=True, margin={**_MARGIN, "t": 28}, legend={"font": {"size": 11}})
    out.update_yaxes(rangemode="tozero")
    return out


def pieces(names: Sequence[str], values: Sequence[Ints], most: int, *, dark: bool, height: int = 240) -> go.Figure:
    """How many 8-connected components a pattern has, as share, %, of the images that have it; the last bar is more."""
    out = figures.figure(dark, height, xaxis_title="components, 350 × 525", yaxis_title="% of images that have it")
    x = [str(count) for count in range(1, most)] + [f"{most} or more"]
    for k, name in enumerate(names):
        counts = np.bincount(np.minimum(values[k], most), minlength=most + 1)[1:]
        share = 100 * counts / max(1, counts.sum())
        marker = {"color": COLOURS[k], "line": {"width": 1, "color": figures.palette(dark)["grey"]}}
        label = f"{name}, n = {len(values[k]):,}"
        out.add_bar(x=x, y=share, name=label, marker=marker, hovertemplate="%{y:.1f} %")
    out.update_xaxes(type="category")
    out.update_layout(barmode="group", showlegend=True, margin={**_MARGIN, "t": 28}, legend={"font": {"size": 11}})
    return out


def heat(name: str, share: NDArray[np.float32], highest: float, *, dark: bool, height: int = 190) -> go.Figure:
    """Where in the image a pattern lies: share (h, w), 0..1 of the images that have it; one scale for all four."""
    out = figures.figure(dark, height, hovermode="closest", margin={"l": 4, "t": 26, "r": 4, "b": 4}, title_text="")
    out.add_heatmap(
        z=100 * share,
        zmin=0,
        zmax=100 * max(highest, 0.01),
        colorscale="Cividis",
        showscale=False,
        hovertemplate="%{z:.0f} % of the images with " + name + "<extra></extra>",
    )
    out.update_xaxes(visible=False, constrain="domain")
    out.update_yaxes(visible=False, autorange="reversed", scaleanchor="x", scaleratio=1, constrain="domain")
    out.add_annotation(
        text=f"{name}, at most {100 * float(share.max()):.0f} %",
        x=0,
        y=1,
        xref="paper",
        yref="paper",
        yanchor="bottom",
        xanchor="left",
        showarrow=False,
        font={"size": 13},
    )
    return out


def _marker(dark: bool) -> dict[str, object]:
    return {"color": list(COLOURS), "line": {"width": 1, "color": figures.palette(dark)["grey"]}}


def _readable(k: int, dark: bool) -> str:
    """A pattern's colour as a line: the two light ones are deepened on a light page."""
    return COLOURS[k] if dark else ("#2F8CFF", "#FF5C8A", "#B98900", "#2F9C83")[k]
