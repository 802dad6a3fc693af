"""What Night shows of its rows: keogram and curve on one axis, steps and measures, the list of what was left out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from cloudcore import images
from cloudcore.files.names import plain
from cloudcore.night import charts, export, keogram, picture
from cloudcore.night import series as night_series
from cloudcore.night.cache import NightCache
from cloudcore.night.frame_selection import Options
from cloudcore.night.measure import Measurement, moment
from cloudcore.night.series import Point
from cloudcore.sky.cloud_amount import MEASURES
from cloudcore.sky.sun_moon import Orientation
from cloudcore.ui.night import choices
from cloudcore.ui.night.work import View
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures, render

CHART, AT = "night_chart", "night_at"
ALL_NIGHTS = "All nights"
KEOGRAM_PX = 1100


@dataclass(frozen=True)
class Picked:
    """How the rows are looked at: a step and a measure, the rows of the night in view, the frame at the cursor.

    points are those of the curve, second those of the series laid over it.
    """

    step: str
    measure: str
    rows: tuple[Measurement, ...]
    row: Measurement | None
    points: list[Point]
    second: list[Point]
    second_name: str

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The axis of the night in view: half a frame wider than its frames, UTC."""
        seconds = [row.time.timestamp() for row in self.rows]
        half = keogram.width_of(seconds) / 2
        return moment(seconds[0] - half), moment(seconds[-1] + half)


def choose(view: View) -> Picked:
    """Step, measure, night, second series; and the row at the cursor. Stops in words where there is no row at all."""
    if not view.rows:
        _show_empty(view)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        step = st.segmented_control(
            "Step",
            night_series.STEPS,
            default="Frames",
            required=True,
            key="night_step",
            persist_state="session",
            label_visibility="collapsed",
        )
        measure = st.selectbox(
            "Measure",
            list(MEASURES),
            format_func=lambda name: MEASURES[name],
            key="night_measure",
            persist_state="session",
            label_visibility="collapsed",
            width=160,
        )
        seen = _choose_camera(view)
        night = _choose_night(seen) if step == "Frames" else ALL_NIGHTS
        series, name = choices.second_series(view.choice)
    rows = tuple(row for row in seen if night in (ALL_NIGHTS, row.night))
    points = night_series.curve(rows, str(measure), str(step)) if rows else []
    second = night_series.binned(series, str(step))
    return Picked(str(step), str(measure), rows, _at(rows), points, second, name)


def _choose_camera(view: View) -> list[Measurement]:
    """The rows of one camera: frames of several make no curve."""
    names = sorted({row.camera for row in view.rows})
    if len(names) < 2:
        return view.rows
    if st.session_state.get("night_of_camera") not in names:
        st.session_state["night_of_camera"] = night_series.commonest_camera(view.rows)
    name = st.selectbox(
        "Camera",
        names,
        key="night_of_camera",
        persist_state="session",
        label_visibility="collapsed",
        width=170,
        format_func=lambda name: name or "no camera named",
        help="Frames of several cameras make no curve.",
    )
    return [row for row in view.rows if row.camera == name]


def _choose_night(rows: Sequence[Measurement]) -> str:
    nights = list(night_series.night_summary(rows))
    if len(nights) < 2:
        return ALL_NIGHTS
    if st.session_state.get("night_night") not in nights:
        st.session_state["night_night"] = nights[-1]
    return str(
        st.selectbox(
            "Night",
            nights,
            key="night_night",
            persist_state="session",
            label_visibility="collapsed",
            width=150,
            format_func=lambda night: f"night of {night}",
        )
    )


def _at(rows: Sequence[Measurement]) -> Measurement | None:
    wanted = st.session_state.get(AT)
    return next((row for row in rows if row.file == wanted), rows[0] if rows else None)


def _show_empty(view: View) -> None:
    if view.missing:
        st.skeleton(height=470)
        return
    st.info("No frame of this folder counts. The list says why.")
    show_left_out(view)
    st.stop()


def show_curve(view: View, picked: Picked) -> None:
    """Keogram over curve with the scrubber below, or the curve of nights, weeks or months."""
    if not picked.rows:
        return
    name = MEASURES[picked.measure]
    style: dict[str, Any] = {"second": picked.second, "second_name": picked.second_name, "dark": is_dark()}
    if picked.step != "Frames":
        figure = charts.curve(picked.points, name, picked.step.lower(), **style)
        words = f"{name} over {len(picked.points)} {picked.step.lower()}"
        st.plotly_chart(figure, theme=None, config=figures.CONFIG, key="night_curve", alt=words)
        return
    start, end = picked.span
    style["second"] = [point for point in picked.second if start <= point.time <= end]
    times = [row.time.replace(tzinfo=None) for row in picked.rows]
    cursor = picked.row.time if picked.row else None
    url = _keogram_url(view, picked)
    figure = charts.night(picked.points, times, url, picked.span, name, cursor=cursor, **style)
    st.plotly_chart(
        figure,
        theme=None,
        config=figures.CONFIG,
        key=CHART,
        on_select=lambda: _take_click(picked.rows),
        selection_mode="points",
        alt=_alt(picked),
    )
    _scrub(picked)


def _alt(picked: Picked) -> str:
    values = [point.value for point in picked.points]
    if not values:
        return "Keogram of the night; no frame shows sky that counts"
    return (
        f"Keogram and {MEASURES[picked.measure].lower()} of {len(values)} frames from {picked.span[0]:%Y-%m-%d %H:%M} "
        f"UTC: {min(values):.2f} to {max(values):.2f}"
    )


def _take_click(rows: Sequence[Measurement]) -> None:
    """The frame nearest to the time that was clicked."""
    selected = st.session_state.get(CHART)
    points = selected["selection"]["points"] if selected else []
    if points and rows:
        clicked = datetime.fromisoformat(str(points[0]["x"]).strip()).replace(tzinfo=UTC)
        nearest = min(rows, key=lambda row: abs(row.time - clicked))
        st.session_state[AT] = nearest.file


def _scrub(picked: Picked) -> None:
    """A slider over the frames of the night; arrow keys step."""
    if len(picked.rows) < 2 or picked.row is None:
        return
    names = {row.file: f"{row.time:%H:%M:%S}" for row in picked.rows}

    def take() -> None:
        st.session_state[AT] = st.session_state["night_scrub"]

    if st.session_state.get("night_scrub") != picked.row.file:  # else a slider being dragged would jump back
        st.session_state["night_scrub"] = picked.row.file
    st.select_slider(
        "Time, UTC",
        list(names),
        format_func=lambda file: names.get(file, file),
        key="night_scrub",
        on_change=take,
        label_visibility="collapsed",
    )


def _keogram_url(view: View, picked: Picked) -> str:
    camera = view.choice.library.settings.cameras
    changed = max((file.stat().st_mtime_ns for file in camera.glob("*.json")), default=0) if camera.is_dir() else 0
    drawn_from = repr(
        (
            picked.rows[0].content,
            [row.content for row in picked.rows],
            _orientations(view.choice.options, picked.rows),
            changed,
        )
    )
    return _drawn_keogram(hashlib.sha256(drawn_from.encode()).hexdigest(), view, picked)


def _orientations(options: Options, rows: Sequence[Measurement]) -> list[Orientation | None]:
    return [options.orientation_of(name) for name in sorted({row.camera for row in rows})]


@st.cache_data(show_spinner=False, max_entries=64)
def _drawn_keogram(key: str, _view: View, _picked: Picked) -> str:
    return render.data_url(images.encode_jpeg(_keogram(_view, _picked), 90), "image/jpeg")


def _keogram(view: View, picked: Picked) -> images.Image:
    with NightCache(view.choice.library.settings.workspace) as cache:
        observer = view.observer(cache)
        columns = [observer.column(row) for row in picked.rows]
    start, end = (time.timestamp() for time in picked.span)
    return keogram.keogram(columns, [row.time.timestamp() for row in picked.rows], start, end, KEOGRAM_PX)


def show_words(view: View, picked: Picked) -> None:
    """What the band is, how the second series agrees, what was done about sun and moon; then what was left out."""
    if not view.rows:
        return
    options, several = view.choice.options, len(view.choice.names) > 1
    if picked.step == "Frames":
        who = f"{len(view.choice.names)} models" if several else f"model {view.choice.names[0]}"
        band = f"Band: least and most of {who} with thresholds ± {options.spread:.2f}, not the whole error."
    else:
        of = "its frames" if picked.step == "Nights" else "its nights"
        band = f"Medians; the band is the quartiles of {of}."
    about = options.words(frame.camera for frame in view.selection.frames)
    cameras = len({row.camera for row in view.rows})
    who = picked.rows[0].camera or "the unnamed one"
    whose = f"Frames of {cameras} cameras; the curve is of {who}." if cameras > 1 else ""
    st.caption(" ".join(filter(None, [band, *about, whose])))
    if picked.second:
        st.caption(_agreement_words(picked))
    show_left_out(view)


def _agreement_words(picked: Picked) -> str:
    found = night_series.agreement(night_series.pairs(picked.points, picked.second, picked.step))
    words = f"Dashed: {picked.second_name}. {found.words}"
    if picked.second_name == choices.TRUTH and found.difference is not None and picked.measure == "cloud_fraction":
        words += f" Mean absolute difference {found.difference:.3f}, n = {found.n}."
    return words


def show_left_out(view: View) -> None:
    """How many files have no row, and the list of reasons."""
    count = len(view.left_out)
    if count:
        words = (
            f"{count:,} frames left out; the list says why." if count > 1 else "1 frame left out; the list says why."
        )
        with st.expander(words, type="compact"):
            table = pd.DataFrame({"File": [o.file for o in view.left_out], "Why": [o.reason for o in view.left_out]})
            st.dataframe(table, hide_index=True, height=min(38 + 35 * count, 260), alt=words)


def show_status(view: View) -> None:
    """Frames and nights, and how many were cloudy, at the right of the head row."""
    nights = night_series.night_summary(view.rows)
    cloudy = sum(found[1] for found in nights.values())
    kind = "drawn sample night" if view.choice.is_sample else f"{len(nights)} night{'s' * (len(nights) != 1)}"
    count = f"{len(view.rows):,} frame{'s' * (len(view.rows) != 1)}"
    st.caption(f"{kind}, {count}, {cloudy:,} cloudy", width="content")


def show_downloads(view: View, picked: Picked) -> None:
    """The table as CSV and Parquet, the picture as PNG; made when asked for."""
    if not view.rows:
        return
    name = view.selection.folder.parent.name if view.selection.folder.name == "images" else view.selection.folder.name
    base = plain(name, "night")
    with st.popover("Download"):
        rows, left_out = view.rows, view.left_out
        made: list[tuple[str, Any, str]] = [
            ("csv", lambda: export.as_csv(rows, left_out), "text/csv"),
            ("parquet", lambda: export.as_parquet(rows, left_out), "application/vnd.apache.parquet"),
            ("png", lambda: _png(view, picked), "image/png"),
        ]
        for kind, make, mime in made:
            st.download_button(
                kind.upper() if kind != "parquet" else "Parquet",
                make,
                f"{base}.{kind}",
                mime,
                key=f"night_{kind}",
                on_click="ignore",
                width="stretch",
            )
        st.caption("Tables hold a row for every file, those left out with their reason.")


def _png(view: View, picked: Picked) -> bytes:
    name = MEASURES[picked.measure]
    frames = picked.step == "Frames"
    camera = f", {picked.rows[0].camera}" if len({row.camera for row in view.rows}) > 1 else ""
    title = f"{name}{camera}, {len(picked.rows):,} frames, model {', '.join(view.choice.names)}"
    strip, span = (_keogram(view, picked), picked.span) if frames else (None, None)
    return images.encode_png(picture.draw(picked.points, title, name, strip, span))
