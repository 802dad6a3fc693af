"""The frame at the cursor of a night: its picture with the mask, its values with their spans, and the way to Paint."""

import math
from html import escape

import cv2
import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.errors import CloudcoreError
from cloudcore.frames import chosen_folder
from cloudcore.images import fits as images_fits
from cloudcore.night.cache import NightCache
from cloudcore.night.frame_selection import TimedFrame
from cloudcore.night.measure import Measurement
from cloudcore.sky.cloud_amount import MEASURES, Estimate
from cloudcore.ui.night.curves import Picked
from cloudcore.ui.night.work import View
from cloudcore.ui.shared.library import forget_frames
from cloudcore.views import render

DIM = 0.45
MASK = "night_mask"


def show(view: View, picked: Picked) -> None:
    """Picture, values and [Open in Paint] of the frame at the cursor."""
    row = picked.row
    if row is None:
        st.caption("The frame under the cursor stands here once a frame is measured.")
        return
    masked = st.session_state.get(MASK, True)
    fraction = row.amounts["cloud_fraction"]
    seen = f"cloud fraction {fraction.value:.2f}" if math.isfinite(fraction.value) else "no sky that counts"
    try:
        picture = _picture(view, row, bool(masked))
    except CloudcoreError as error:
        st.error(str(error))
        return
    with st.container(gap=None):
        st.image(picture, alt=f"Frame of {row.time:%Y-%m-%d %H:%M} UTC: {seen}", width="stretch")
        st.caption(f"{row.time:%Y-%m-%d %H:%M:%S} UTC")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.toggle("Mask", True, key=MASK, persist_state="session")
        st.space("stretch")
        _paint_button(view, row)
    st.html(_table(row))
    st.caption(_words(row))


def _picture(view: View, row: Measurement, masked: bool) -> bytes:
    """JPEG of the kept small picture: cloud tinted, what does not count darkened."""
    frame = next(frame for frame in view.selection.frames if frame.file == row.file)
    with NightCache(view.choice.library.settings.workspace) as cache:
        kept = cache.picture(row.content)
        if kept is None:
            raise CloudcoreError("This frame's picture is not kept any more. Open the page again.")
        small, shape_hw = kept
        if masked:
            small = _masked(view, cache, frame, row, small, shape_hw)
    return images.encode_jpeg(small, 90)


def _masked(
    view: View, cache: NightCache, frame: TimedFrame, row: Measurement, small: images.Image, shape_hw: tuple[int, int]
) -> images.Image:
    observer = view.observer(cache)
    prediction = observer.predictions(row.content)[0]
    sky = observer.grid(observer.camera(row.camera, shape_hw), (prediction.levels.shape[0], prediction.levels.shape[1]))
    counted = observer.counted(frame, sky)
    size_wh = (small.shape[1], small.shape[0])
    cloud, counts = (
        np.asarray(cv2.resize(part.view(np.uint8), size_wh, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8) > 0
        for part in (prediction.cloud(prediction.threshold, sky.valid) & counted, counted)
    )
    dimmed = np.where(counts[..., None], small, (small * np.float32(DIM)).astype(np.uint8))
    return render.overlay(np.asarray(dimmed, np.uint8), cloud, render.is_night(small))


def _paint_button(view: View, row: Measurement) -> None:
    fits = images_fits.is_fits(view.selection.folder / row.file)
    elsewhere = view.selection.folder != view.choice.library.frames_folder
    why = "FITS frames cannot be painted. Convert them to PNG." if fits else None
    if elsewhere and not fits:
        why = "Paint, Compare and Overview then read their frames from this folder."
    if st.button("Open in Paint", shortcut="O", disabled=fits, help=why, key="night_paint"):
        if elsewhere:
            chosen_folder.remember_folder(view.choice.library.settings, view.selection.folder)
            forget_frames()
        stem = row.file.rsplit(".", 1)[0]
        st.switch_page("pages/paint.py", query_params={"frame": stem, "coat": view.choice.names[0]})


def _table(row: Measurement) -> str:
    line = "border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent)"
    cell = f"style='text-align:right;padding:3px 0 3px 8px;{line}"
    rows = []
    for name, words in MEASURES.items():
        value, span = _written(row.amounts[name])
        rows.append(
            f"<tr><th scope='row' style='text-align:left;font-weight:400;{line}'>{escape(words)}</th>"
            f"<td {cell};font-weight:600'>{value}</td><td {cell};opacity:.78;white-space:nowrap'>{span}</td></tr>"
        )
    return (
        "<table style='width:100%;border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums'>"
        f"{''.join(rows)}</table>"
    )


def _written(amount: Estimate) -> tuple[str, str]:
    if not math.isfinite(amount.value):
        return "–", ""
    return f"{amount.value:.2f}", f"{amount.low:.2f} to {amount.high:.2f}"


def _words(row: Measurement) -> str:
    """Okta, clear or cloudy, sun and moon, and the file."""
    words = []
    if row.okta is not None:
        words.append(f"{row.okta} {'okta' if row.okta == 1 else 'oktas'}, {'cloudy' if row.cloudy else 'clear'}")
    if row.sun_altitude is not None and row.moon_altitude is not None:
        words.append(f"sun {row.sun_altitude:.0f}°, moon {row.moon_altitude:.0f}°".replace("-", "−"))
    if row.left_out:
        words.append(f"{100 * row.left_out_share:.0f} % of the sky left out around the {row.left_out}")
    if row.left_out and math.isfinite(row.cloud_fraction_all):
        words.append(f"with it {row.cloud_fraction_all:.2f}")
    return " · ".join([*words, row.file])
