"""One image: large, its patterns as colours over it that come and go without sending the picture again."""

import random
from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore.errors import DataError, ImageError
from cloudcore.masks.mask import Mask
from cloudcore.satellite import table
from cloudcore.satellite.boxes import Box
from cloudcore.satellite.table import PATTERNS
from cloudcore.ui.satellite import boxes_in_view, choices, correction, filters, gallery, pictures
from cloudcore.ui.satellite.dataset import Dataset

STRIP = 5
"""Thumbnails beside the image: it and its neighbours."""


def show(dataset: Dataset, found: Sequence[str], inspector: DeltaGenerator) -> None:
    """Draw the chosen image, its neighbours and its numbers; the canvas in its place while it is corrected."""
    image = chosen(dataset, found)
    if image is None:
        st.info("No image matches. Clear a filter.")
        st.button("Clear all filters", on_click=filters.clear_filters)
        return
    if st.session_state.get(correction.CORRECTING) == image:
        correction.show(dataset, image, inspector)
        return
    if st.query_params.get("image") != image:
        st.query_params["image"] = image
    masks = dataset.masks(image)
    boxes, drawn = boxes_in_view.boxes_for(dataset, image, masks)
    with inspector:
        _about(dataset, image)
        shown, way, opacity = _choose_look()
        _numbers(dataset, image, masks, boxes, drawn)
        _correct_button(dataset, image)
    strip, middle = _columns()
    with strip:
        _show_strip(dataset, found, image)
    with middle:
        _picture(dataset, image, pictures.overlay(masks, boxes, shown, way, opacity), shown)
        _steps(found, image)


def chosen(dataset: Dataset, found: Sequence[str]) -> str | None:
    """The image in view: the chosen one where the table has it, else the first that the filters let through."""
    wanted = st.session_state.get(choices.IMAGE)
    if wanted in dataset.table.images:
        return str(wanted)
    return found[0] if found else None


def _columns() -> tuple[DeltaGenerator, DeltaGenerator]:
    row = st.container(horizontal=True, gap="small")
    return row.container(width=124, gap="xsmall", key="satellite_strip"), row.container(
        gap="xsmall", key="satellite_middle"
    )


# The inspector


def _about(dataset: Dataset, image: str) -> None:
    st.subheader(gallery.shortened(image, 30), anchor=False)
    height, width = dataset.table.shape_hw
    kind = "Drawn sample" if dataset.is_sample else "Image missing" if image in dataset.missing else "Image"
    labels = "Labels are its boxes." if dataset.is_sample else "Labels are boxes that people drew, not outlines."
    st.caption(f"{kind}, {height} × {width} px (h × w). {labels}", help=image)


def _choose_look() -> tuple[tuple[str, ...], str, int]:
    """Ask for (patterns shown, way they are drawn, opacity of the fill in %)."""
    shown = st.pills(
        "Patterns shown",
        PATTERNS,
        selection_mode="multi",
        default=PATTERNS,
        key="satellite_shown",
        persist_state="session",
    )
    way = st.segmented_control(
        "Drawn as",
        pictures.WAYS,
        default=pictures.BOXES,
        required=True,
        key="satellite_way",
        persist_state="session",
        width="stretch",
    )
    opacity = 0
    if way != pictures.CONTOUR:
        opacity = st.slider("Opacity, %", 0, 60, 16, key="satellite_opacity", persist_state="session")
    return tuple(shown or ()), str(way), opacity


def _numbers(dataset: Dataset, image: str, masks: Mask, boxes: Sequence[Box], drawn: bool) -> None:
    """Draw share, runs and boxes of each pattern, with the table's mean share beside."""
    means = dataset.table.area_px.mean(axis=0) / (dataset.table.shape_hw[0] * dataset.table.shape_hw[1])
    rows = []
    for k, pattern in enumerate(PATTERNS):
        area = gallery.share(float(masks[k].mean()))
        count = sum(box.pattern == pattern for box in boxes)
        runs = len(dataset.table.runs(image, pattern))
        revision = dataset.revision(image, pattern)
        swatch = f"<i style='background:{pictures.colour(pattern)}'></i>"
        last = f"revision {revision}" if revision else f"{runs:,}"
        mean = gallery.share(float(means[k]))
        cells = "".join(f"<td>{cell}</td>" for cell in (area, mean, count, last))
        rows.append(f"<tr><th scope=row>{swatch}{pattern}</th>{cells}</tr>")
    head = "<tr><th></th><th>Share</th><th>Mean</th><th>Boxes</th><th>Runs</th></tr>"
    st.html(f"<table class=satellite-numbers>{head}{''.join(rows)}</table>")
    source = "Boxes of boxes.csv, one for each that a person drew" if drawn else "Boxes found in the run lengths"
    st.caption(f"{source}. Mean: over {len(dataset.table.images):,} images.")


def _correct_button(dataset: Dataset, image: str) -> None:
    missing = image in dataset.missing
    st.button(
        "Correct",
        type="primary",
        key="satellite_correct",
        disabled=missing,
        on_click=_start,
        args=(image,),
        help="The image is missing: put its file beside the others first." if missing else None,
    )


def _start(image: str) -> None:
    st.session_state[choices.IMAGE] = image
    st.session_state[correction.CORRECTING] = image


# The stage


def _show_strip(dataset: Dataset, found: Sequence[str], image: str) -> None:
    at = found.index(image) if image in found else 0
    first = max(0, min(at - STRIP // 2, len(found) - STRIP))
    shown = found[first : first + STRIP]
    pictures.make_thumbs(dataset, shown)
    for one in shown:
        gallery.card(dataset, one, note=False)


def _picture(dataset: Dataset, image: str, drawing: str, shown: Sequence[str]) -> None:
    """Draw the picture and the labels over it: only the labels change while classes come and go."""
    path = dataset.image_path(image)
    picture = pictures.empty_picture(dataset.table.shape_hw)
    if path is None:
        st.caption("The image is missing; its labels are drawn on a hatched ground.")
    else:
        try:
            picture, shape_hw = pictures.large(path)
            table.check_shape(dataset.table, image, shape_hw)
        except (ImageError, DataError, OSError) as problem:
            st.error(str(problem))
    there = [pattern for pattern in dataset.table.present(image) if pattern in shown]
    with st.container(key="satellite_stack", gap=None):
        st.image(picture, alt=f"Satellite image {image}", width="stretch")
        with st.container(key="satellite_overlay", gap=None):
            st.image(drawing, alt=f"Labels shown: {', '.join(there) or 'none'}", width="stretch")


def _steps(found: Sequence[str], image: str) -> None:
    """Draw previous, next and random, and the place among the images found."""
    at = found.index(image) if image in found else -1
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        before, after = (found[(at + step) % len(found)] if found else image for step in (-1, 1))
        st.button("Previous", shortcut="A", key="satellite_previous", on_click=choices.open_image, args=(before,))
        st.button("Next", shortcut="D", key="satellite_next", on_click=choices.open_image, args=(after,))
        st.button("Random", key="satellite_random", on_click=_open_random, args=(found,), disabled=len(found) < 2)
        st.caption(
            f"{at + 1:,} of {len(found):,}" if at >= 0 else f"outside the {len(found):,} filtered", width="content"
        )


def _open_random(found: Sequence[str]) -> None:
    now = st.session_state.get(choices.IMAGE)
    choices.open_image(random.choice([image for image in found if image != now]))
