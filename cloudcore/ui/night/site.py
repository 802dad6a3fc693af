"""What Night asks about the sky: the band, site and orientation of each camera, and what is left out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from cloudcore.errors import CloudcoreError
from cloudcore.night.frame_selection import NIGHT_SUN, Options
from cloudcore.settings import Settings
from cloudcore.sky import cameras as sky_cameras
from cloudcore.sky.cameras import Pose

PROBLEMS = "night_site_problems"
_FIELDS = ("latitude", "longitude", "elevation", "north", "mirrored")


def ask(settings: Settings, cameras: Sequence[str]) -> dict[str, Any]:
    """Fields of Options by name. Site and orientation are kept on disk at once, for page and command alike."""
    session: dict[str, Any] = {"persist_state": "session"}
    one, two = st.columns(2)
    spread = one.number_input("Band: threshold ±", 0.0, 0.5, 0.2, 0.05, key="night_spread", **session)
    cloudy = two.number_input("Cloudy above, fraction", 0.0, 1.0, 0.25, 0.05, key="night_cloudy", **session)
    poses = {name: _kept(settings, name) for name in cameras}
    _ask_pose(settings, poses)
    has_site = any(pose.site for pose in poses.values())
    is_oriented = any(pose.site and pose.orientation for pose in poses.values())
    one, two, three = st.columns(3)
    degrees: dict[str, Any] = {"format": "%.0f", "step": 5.0, **session}
    sun = one.number_input(
        "Sun below, °",
        -90.0,
        90.0,
        NIGHT_SUN,
        key="night_sun",
        disabled=not has_site,
        **{**degrees, "step": 1.0},
        help="Frames taken with the sun lower than this count as night.",
    )
    moon = two.number_input(
        "Around moon, °",
        0.0,
        180.0,
        Options().moon_radius,
        key="night_moon",
        disabled=not is_oriented,
        **degrees,
        help="Left out around a moon that has risen.",
    )
    around = three.number_input(
        "Around sun, °",
        0.0,
        180.0,
        Options().sun_radius,
        key="night_sun_radius",
        disabled=not is_oriented,
        **degrees,
        help="Left out around a sun that has risen; it matters where frames by day count.",
    )
    every = st.toggle("Frames by day too", key="night_every", disabled=not has_site, **session)
    return {
        "poses": {name: pose for name, pose in poses.items() if pose != Pose()},
        "sun_below": None if every else float(sun),
        "moon_radius": float(moon),
        "sun_radius": float(around),
        "spread": float(spread),
        "cloudy_above": float(cloudy),
    }


def show_problems() -> None:
    """What could not be read or kept of a camera's site, once."""
    for words in st.session_state.pop(PROBLEMS, []):
        st.error(words)


def _keep_problem(words: str) -> None:
    st.session_state.setdefault(PROBLEMS, []).append(words)


def _kept(settings: Settings, name: str) -> Pose:
    try:
        return sky_cameras.load_pose(settings.cameras, name)
    except CloudcoreError as error:
        _keep_problem(str(error))
        return Pose()


def _ask_pose(settings: Settings, poses: dict[str, Pose]) -> None:
    """Five fields for one camera, filled from the disk and kept there at every change."""
    names = list(poses)
    if len(names) > 1:
        if st.session_state.get("night_camera") not in names:
            st.session_state["night_camera"] = names[0]
        name = str(st.selectbox("Camera", names, key="night_camera", persist_state="session", format_func=_called))
    else:
        name = names[0] if names else ""
    pose = poses.get(name, Pose())
    keys = {field: f"night_{field}_{name}" for field in _FIELDS}
    for field, key in keys.items():
        value = not pose.east_left if field == "mirrored" else getattr(pose, field)
        if key not in st.session_state or st.session_state[key] != value:
            st.session_state[key] = value

    def keep() -> None:
        given = {field: st.session_state[key] for field, key in keys.items()}
        given["elevation"] = given["elevation"] or 0.0
        changed = replace(pose, east_left=not given.pop("mirrored"), **given)
        try:
            sky_cameras.save_pose(settings.cameras, name, changed)
        except OSError as problem:
            _keep_problem(
                f"The site is not kept ({problem.strerror}). Free space or check {settings.cameras}, then set it again."
            )

    one, two, three = st.columns(3)
    one.number_input("Latitude, °", -90.0, 90.0, None, format="%.4f", key=keys["latitude"], on_change=keep)
    two.number_input("Longitude, °", -180.0, 360.0, None, format="%.4f", key=keys["longitude"], on_change=keep)
    three.number_input("Height, m", -500.0, 9000.0, None, 50.0, format="%.0f", key=keys["elevation"], on_change=keep)
    one, two = st.columns((1, 2), vertical_alignment="bottom")
    one.number_input(
        "North, °",
        0.0,
        360.0,
        None,
        5.0,
        key=keys["north"],
        format="%.0f",
        on_change=keep,
        disabled=pose.site is None,
        help="Where north is in the frame, degrees clockwise from its top. Without it moon and sun cannot be placed.",
    )
    two.toggle(
        "East is right of north",
        key=keys["mirrored"],
        disabled=pose.north is None,
        on_change=keep,
        help="Mirrored frames. Seen from below, with north up, east is at the left.",
    )
    if pose.site is None:
        st.caption("Latitude and longitude (north and east positive) let sun and moon be reckoned with.")
    else:
        st.caption(f"Kept for {_called(name)}; the command night uses it too.")


def _called(name: str) -> str:
    return name or "this camera"
