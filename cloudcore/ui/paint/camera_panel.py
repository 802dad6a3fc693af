"""The dome, the horizon mask and the default model of a camera and exposure: found, set by numbers or by hand, kept."""

from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cloudcore import images
from cloudcore.errors import CloudcoreError, ImageError
from cloudcore.masks.mask import CLOUD, Mask
from cloudcore.sky import cameras, dome, dome_search
from cloudcore.sky.cameras import Camera
from cloudcore.sky.dome import Dome
from cloudcore.ui import brush
from cloudcore.ui.paint import initial_mask, strokes
from cloudcore.ui.paint.paint_session import PaintSession, reopen
from cloudcore.ui.shared import error_boundary, notices
from cloudcore.ui.shared.library import open_library

SHEET = "camera_sheet"
CANVAS = "camera_canvas"
ROW, COLUMN, RADIUS = "camera_row", "camera_column", "camera_radius"


def offer(session: PaintSession) -> None:
    """Say what is known of the frame's camera, and offer the dialog that sets it."""
    with st.expander("Dome and horizon", type="compact"):
        st.caption(words(session.camera))
        if st.button("Set dome and horizon", key="paint_dome_open"):
            _prepare(session, session.camera)
            set_camera(session)


def words(camera: Camera) -> str:
    """A camera in a sentence or two."""
    circle = camera.dome
    where = "No dome was found: the whole frame counts."
    if circle is not None:
        row, column = circle.centre_yx
        where = f"Dome at row {row:.0f}, column {column:.0f}, radius {circle.radius:.0f} px."
    share = "" if camera.horizon is None else f" Horizon mask: {100 * camera.horizon.mean():.1f} % of the frame."
    model = f" Model: {camera.model}." if camera.model else ""
    return f"{where}{share}{model}"


@st.dialog("Dome and horizon", width="large")
@error_boundary.in_words
def set_camera(session: PaintSession) -> None:
    """Ask for the dome by handles or numbers, for the horizon by paint or file; keep them per camera and exposure."""
    sheet: brush.Sheet = st.session_state[SHEET]
    height, width = sheet.shape_hw
    circle = Dome((float(st.session_state[ROW]), float(st.session_state[COLUMN])), float(st.session_state[RADIUS]))
    sheet = brush.with_dome(sheet, circle)
    st.caption("Drag the two white handles, or type. Paint what never is sky: trees, masts, walls.")
    brush.brush(sheet, key=CANVAS, on_dome=_take_handles)
    brush.note(sheet, brush.revision(sheet, CANVAS), "not kept yet", key="camera_note")
    columns = st.columns(4, vertical_alignment="bottom")
    columns[0].number_input("Centre row, px", -1.0 * height, 2.0 * height, step=1.0, format="%.1f", key=ROW)
    columns[1].number_input("Centre column, px", -1.0 * width, 2.0 * width, step=1.0, format="%.1f", key=COLUMN)
    columns[2].number_input("Radius, px", 8.0, 2.0 * max(height, width), step=1.0, format="%.1f", key=RADIUS)
    columns[3].button("Find again", on_click=_find_again, args=(session,), width="stretch")
    names = ["–", *initial_mask.sky_models(open_library().settings)]
    left, middle, right = st.columns(3)
    name = left.text_input("Camera", session.camera.name or session.frame.camera, max_chars=80)
    exposure = middle.text_input("Exposure", session.camera.exposure, max_chars=40, help="Each has its own model.")
    usual = session.camera.model
    model = right.selectbox("Default model", names, names.index(usual) if usual in names else 0)
    given = st.file_uploader("Horizon mask from a file: white = never sky, or a frame painted pink", key="camera_file")
    if given is not None:
        st.button("Use this file", on_click=_take_file, args=(session, given))
    if problem := st.session_state.pop("camera_problem", ""):
        st.error(problem)
    if st.button("Keep for this camera", type="primary", key="camera_keep"):
        painted = brush.value(sheet, CANVAS)
        horizon = brush.first_cloud(sheet) if painted is None else painted.label == CLOUD
        shown = "" if model == "–" else str(model)
        marked = horizon if horizon.any() else None
        _keep(session, Camera(name, exposure, sheet.shape_hw, circle, marked, shown or None))


def _prepare(session: PaintSession, camera: Camera, horizon: Mask | None = None) -> None:
    """Make a new sheet for the dialog, its numbers from the camera; the largest circle where no dome is known."""
    height, width = session.valid.shape
    circle = camera.dome or Dome((height / 2, width / 2), min(height, width) / 2)
    st.session_state[ROW], st.session_state[COLUMN] = (float(value) for value in circle.centre_yx)
    st.session_state[RADIUS] = float(circle.radius)
    drawn = horizon if horizon is not None else camera.horizon
    if drawn is None:
        drawn = np.zeros(session.valid.shape, np.bool_)
    number = st.session_state.get("camera_number", 0) + 1
    st.session_state["camera_number"] = number
    doc = f"{session.sheet.doc}-horizon-{number}"
    st.session_state[SHEET] = brush.horizon_sheet(session.image, drawn, circle, doc=doc)


def _take_handles() -> None:
    circle = brush.moved_dome(st.session_state[SHEET], CANVAS)
    if circle is not None:
        st.session_state[ROW], st.session_state[COLUMN] = circle.centre_yx
        st.session_state[RADIUS] = circle.radius


def _find_again(session: PaintSession) -> None:
    circle = dome_search.find(session.image)
    if circle is None:
        st.session_state["camera_problem"] = "No circle is seen in this frame. Try a brighter one, or set it by hand."
        return
    st.session_state[ROW], st.session_state[COLUMN] = (float(value) for value in circle.centre_yx)
    st.session_state[RADIUS] = float(circle.radius)


def horizon_of_file(content: bytes, shape_hw: tuple[int, int]) -> Mask:
    """Never sky, bool (H, W), of a picture: pink paint over a frame, else all that is lighter than mid-grey.

    Raises ImageError for a file that is no picture, has another size, or marks nothing.
    """
    try:
        marked = dome.horizon_from_pink(images.read(content))
    except ImageError:
        marked = images.read_label(content) > 127
    if marked.shape != shape_hw:
        sizes = f"{marked.shape[0]} × {marked.shape[1]} px (h × w), the frame {shape_hw[0]} × {shape_hw[1]}"
        raise ImageError(f"The horizon mask has {sizes}. Draw it on this frame.")
    return marked


def _take_file(session: PaintSession, given: UploadedFile) -> None:
    shape_hw = (session.valid.shape[0], session.valid.shape[1])
    try:
        horizon = horizon_of_file(given.getvalue(), shape_hw)
    except ImageError as error:
        st.session_state["camera_problem"] = str(error)
        return
    circle = Dome((st.session_state[ROW], st.session_state[COLUMN]), st.session_state[RADIUS])
    _prepare(session, replace(session.camera, dome=circle), horizon)


def _keep(session: PaintSession, camera: Camera) -> None:
    try:
        cameras.save_camera(open_library().settings.cameras, camera)
        strokes.keep_stroke()
        reopen(camera)
    except (CloudcoreError, OSError) as error:
        st.error(f"Not kept: {error}")
        return
    notices.tell(f"Kept for {camera.name or 'this camera'}, {camera.exposure}")
    st.rerun()
