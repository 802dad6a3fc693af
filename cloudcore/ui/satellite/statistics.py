"""Statistics of the label table as pictures, and images that look alike as pairs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cloudcore.frames import near_duplicates
from cloudcore.satellite import charts, statistics
from cloudcore.satellite.statistics import Statistics
from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite import gallery, pictures
from cloudcore.ui.satellite.dataset import Dataset
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures

PAIRS = 12
MOST_PIECES = 5
"""Components from here on share the last bar."""


@st.cache_resource(show_spinner=False, max_entries=3)
def _computed(key: str, cache: Path, _dataset: Dataset) -> Statistics:
    place = st.empty()

    def show_progress(done: int, total: int) -> None:
        if done % 50 == 0 and total > 300:
            place.progress(done / total, f"{done:,} of {total:,} images counted")

    found = statistics.statistics(_dataset.table, cache, show_progress)
    place.empty()
    return found


def show(dataset: Dataset) -> None:
    """Draw the statistics of all images of the table, whatever the filters: the caption says so."""
    found = _computed(dataset.table.key, dataset.settings.workspace / "cache" / "patterns", dataset)
    n, missing = found.n_images, len(dataset.missing)
    st.caption(
        f"All {n:,} images of {dataset.path.name}, whatever the filters. {missing:,} of them have no image file "
        f"({gallery.share(missing / n)}). Areas are boxes that people drew, not clouds."
    )
    _first_row(found)
    _second_row(found)
    _heat(found)
    if missing:
        _show_missing(sorted(dataset.missing))
    _alike(dataset)


def _chart(title: str, figure: go.Figure, alt: str, key: str) -> None:
    st.markdown(f"**{title}**")
    st.plotly_chart(figure, width="stretch", theme=None, config=figures.CONFIG, alt=alt, key=key)


def _first_row(found: Statistics) -> None:
    dark, n = is_dark(), found.n_images
    one, two, three = st.columns(3, gap="small")
    of_images = found.with_pattern / n
    with one:
        best = PATTERNS[int(np.argmax(of_images))]
        alt = f"Most frequent: {best}, {gallery.share(float(of_images.max()))} of images"
        figure = charts.shares(PATTERNS, of_images, found.pixel_share, dark=dark)
        _chart("Share of images (full) and of pixels (pale)", figure, alt, "satellite_share")
    with two:
        usual = int(np.argmax(found.per_image))
        alt = f"Most images have {usual} patterns: {found.per_image[usual]:,} of {n:,}"
        _chart("Patterns per image", charts.per_image(found.per_image, dark=dark), alt, "satellite_per_image")
    with three:
        alt = "Of the images with a row's pattern, the share that has the column's too"
        figure = charts.together(PATTERNS, found.together, dark=dark)
        _chart("Of images with one, how many have the other", figure, alt, "satellite_together")


def _second_row(found: Statistics) -> None:
    dark = is_dark()
    there = [found.area_share[:, k] > 0 for k in range(len(PATTERNS))]
    areas = [100 * found.area_share[there[k], k] for k in range(len(PATTERNS))]
    parts = [found.parts[there[k], k] for k in range(len(PATTERNS))]
    runs = [found.run_counts[there[k], k] for k in range(len(PATTERNS))]
    longest = max((int(one.max()) for one in runs if len(one)), default=1)
    tens, steps = np.linspace(0, 100, 21), np.linspace(0, max(10, longest), 21)
    spread = charts.distributions
    for cell, title, values, figure, key in zip(
        st.columns(3, gap="small"),
        ("Area", "Components", "Runs"),
        (areas, parts, runs),
        (
            spread(PATTERNS, areas, "share of the image, %", tens, dark=dark, height=270),
            charts.pieces(PATTERNS, parts, MOST_PIECES, dark=dark, height=270),
            spread(PATTERNS, runs, "runs in the table", steps, dark=dark, height=270),
        ),
        ("area", "parts", "runs"),
        strict=True,
    ):
        with cell:
            medians = ", ".join(f"{p} {np.median(v):,.0f}" for p, v in zip(PATTERNS, values, strict=True) if len(v))
            _chart(title, figure, f"{title}, medians: {medians}", f"satellite_{key}")
            st.caption(f"Medians: {medians or '–'}")


def _heat(found: Statistics) -> None:
    st.markdown("**Where in the image each pattern lies**, share of the images that have it; one scale for all")
    highest = float(found.heat.max())
    for k, cell in enumerate(st.columns(4, gap="small", wrap=False)):
        with cell:
            figure = charts.heat(PATTERNS[k], found.heat[k], highest, dark=is_dark())
            alt = f"{PATTERNS[k]} covers the place where it is most frequent in {found.heat[k].max():.0%} of its images"
            st.plotly_chart(
                figure, width="stretch", theme=None, config=figures.CONFIG, alt=alt, key=f"satellite_heat_{k}"
            )


def _show_missing(names: Sequence[str]) -> None:
    with st.expander(f"Images that are missing, {len(names):,}", type="compact"):
        st.caption("Their labels count above; put the files beside the table to see them.")
        st.dataframe({"image": names[:2000]}, height=200, hide_index=True)


# Images that look alike


@st.cache_resource(show_spinner=False, max_entries=2)
def _pairs(key: str, count: int, _dataset: Dataset) -> list[tuple[str, str, float]]:
    there = [image for image in _dataset.table.images if image not in _dataset.missing]
    pictures.make_thumbs(_dataset, there)
    names, prints = [], []
    for image in there:
        if (small := pictures.thumb_of(_dataset, image)) is not None:
            names.append(image)
            prints.append(near_duplicates.fingerprint(small))
    return statistics.alike(np.stack(prints), names) if len(prints) > 1 else []


def _alike(dataset: Dataset) -> None:
    """Draw pairs of near-duplicates, found when asked: across a split the model would know one of them already."""
    there = len(dataset.table.images) - len(dataset.missing)
    with st.expander("Images that look alike", type="compact", key="satellite_alike", on_change="rerun") as box:
        if not box.open:
            return
        if there < 2:
            st.caption("Fewer than two images are here: nothing to hold against each other.")
            return
        pairs = _pairs(dataset.table.key, there, dataset)
        limit = f"mean difference of 16 × 16 thumbnails below {near_duplicates.TWIN_DIFFERENCE} of 255"
        st.caption(f"{len(pairs) or 'No'} pairs among {there:,} images ({limit}); closest first.")
        for place in range(0, min(len(pairs), PAIRS), 2):
            cells = st.columns(4, gap="xsmall", wrap=False)
            for pair, side in zip(pairs[place : place + 2], (cells[:2], cells[2:]), strict=False):
                for cell, image in zip(side, pair[:2], strict=True):
                    picture = pictures.labelled_thumb(dataset, image)
                    cell.image(picture, alt=f"{image}, like {pair[1]}", width="stretch")
                    cell.caption(f"{image[:24]}, difference {pair[2]:.1f}")
