"""What the Train page is made of before a run starts: data and the look at it, what it will take, and Start."""

import dataclasses
import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images, runs
from cloudcore.errors import CloudcoreError, DataError
from cloudcore.frames import labelled as frames_labelled
from cloudcore.frames import preflight as frames_preflight
from cloudcore.labels import exchange
from cloudcore.learning import hardware, jobs, starting_weights
from cloudcore.learning.task import Task
from cloudcore.learning.tasks import find_tasks, get_task
from cloudcore.masks import mask
from cloudcore.settings import Settings
from cloudcore.ui.shared.library import LABEL_SET, Library
from cloudcore.ui.shared.words import time_left
from cloudcore.ui.train import class_form, form, pattern_form, trial_form
from cloudcore.views import render

PAINTED, SAMPLES, FOLDER = "Painted", "Samples", "Folder"
LEFT_OUT = "left_out.txt"
STALE_S = 3600
"""Age from which an export that no run uses is removed, s."""
_STARTING = threading.Lock()


@dataclass(frozen=True)
class Wish:
    """Everything Start needs: task, its typed config, data folder, where to start from (None: nothing), a name.

    processes is the number of GPUs that share each batch.
    """

    task: Task
    config: Any
    data: Path
    start_from: str | None
    name: str | None
    n_images: int = 0
    processes: int = 1

    @property
    def trial(self) -> trial_form.Trial:
        """What of it can be tried out before it starts."""
        return trial_form.Trial(self.task, self.config, self.data, self.start_from)


def choose_task() -> Task:
    """The task, from those there are; no question is asked while there is one only."""
    tasks = find_tasks()
    if len(tasks) == 1:
        return tasks[0]
    titles = {task.name: task.title for task in tasks}
    chosen = st.selectbox(
        "Task", list(titles), format_func=titles.__getitem__, key="train-task", persist_state="session"
    )
    return get_task(str(chosen))


def labelled(library: Library) -> dict[str, int]:
    """Stem -> newest revision of the frames here that were painted and not set aside as bad."""
    heads, flags = library.store.heads(LABEL_SET), library.store.flags(LABEL_SET)
    stems = {frame.stem for frame in library.frames}
    return {stem: head.revision for stem, head in heads.items() if stem in stems and flags.get(stem) != "bad"}


def choose_data(library: Library, task: Task) -> Path | None:
    """The data folder to learn from: painted labels (written out first), the samples, or a folder by its path."""
    if task.kind == "masks":
        return pattern_form.choose_data(library.settings)
    if task.kind == "class":
        return class_form.choose_data(library, task)
    painted = labelled(library)
    options = [*([PAINTED] if painted else []), SAMPLES, FOLDER]
    source = st.segmented_control(
        "Data", options, default=options[0], required=True, key="train-data", persist_state="session", width="stretch"
    )
    if source == PAINTED:
        folder = painted_folder(library, painted)
        for sentence in (folder / LEFT_OUT).read_text(encoding="utf-8").splitlines():
            st.caption(sentence)
        return folder
    if source == SAMPLES:
        return library.settings.samples / "sky"
    text = st.text_input(
        "Data folder", key="train-folder", persist_state="session", placeholder="images/ and masks/, or pairs.csv"
    )
    return Path(text).expanduser().absolute() if text.strip() else None


def painted_folder(library: Library, painted: Mapping[str, int]) -> Path:
    """images/ and masks/ of the painted frames in workspace/data/<hash>, written once for each state of the labels.

    A run keeps its own folder, so painting on does not change what a resumed run learns from.
    """
    state = [str(library.frames_folder), *(f"{stem}\0{revision}" for stem, revision in sorted(painted.items()))]
    folder = library.settings.workspace / "data" / hashlib.sha256("\n".join(state).encode()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    building = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    building.parent.mkdir(parents=True, exist_ok=True)
    chosen = [frame for frame in library.frames if frame.stem in painted]
    try:
        with st.spinner(f"Writing {len(chosen)} painted frames"):
            cameras = library.settings.cameras
            report = exchange.export_folder(library.store, LABEL_SET, chosen, building, cameras)
        (building / LEFT_OUT).write_text("\n".join(report.left_out), encoding="utf-8")
        if not folder.is_dir():
            os.replace(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _drop_stale(folder, library.settings)
    return folder


def _drop_stale(newest: Path, settings: Settings) -> None:
    """Remove exports of painted frames that no run learns from: the labels themselves stay in the store."""
    used = {str(run.config().get("data")) for run in runs.list_runs(settings.runs)} | {str(newest)}
    for folder in newest.parent.iterdir():
        if str(folder.absolute()) not in used and time.time() - folder.stat().st_mtime > STALE_S:
            shutil.rmtree(folder, ignore_errors=True)


@st.cache_data(show_spinner="Looking at the data", max_entries=32, ttl=300)
def _preflight(folder: Path, task_name: str, changed: tuple[int, ...]) -> frames_preflight.Preflight:
    return get_task(task_name).preflight(folder)


def preflight(folder: Path, task: Task) -> frames_preflight.Preflight:
    """What stands against learning from this folder, and what is worth knowing; kept until the folder changes."""
    parts = (folder, folder / "images", folder / "masks", folder / "pairs.csv", folder / "train.csv")
    return _preflight(folder, task.name, tuple(part.stat().st_mtime_ns for part in parts if part.exists()))


def show_preflight(found: frames_preflight.Preflight, task: Task) -> None:
    """The look at the data in words: problems stop the start, notes do not."""
    if found.problems:
        st.error(found.problems[0])
        if len(found.problems) > 1:
            with st.expander(f"{len(found.problems) - 1} more problems", type="compact"):
                for problem in found.problems[1:]:
                    st.caption(problem)
        return
    rate = "–" if found.base_rate != found.base_rate else f"{found.base_rate:.3f}"
    if task.kind == "masks":
        st.caption(pattern_form.words(found.n_images, found.base_rate))
    elif task.kind == "class":
        st.caption(class_form.words(found.n_images, found.base_rate))
    else:
        st.caption(f"{found.n_images} frames, cloud base rate {rate}")
    for note in found.notes:
        st.caption(note)


def ask(library: Library) -> Wish | None:
    """The inspector's questions, top to bottom; None while something stands against a start, which is said."""
    st.subheader("New run", anchor=False)
    task = choose_task()
    folder = choose_data(library, task)
    if folder is None:
        st.caption("Name a data folder to start.")
        return None
    found = preflight(folder, task)
    show_preflight(found, task)
    st.caption(f"Runs on {trial_form.device_words()}")
    processes = trial_form.choose_processes()
    preset = form.choose_preset(task)
    origin = form.choose_start(task, preset, library.settings)
    fixed = starting_weights.options_of(str(origin.folder), task) if origin else {}
    try:
        config = form.form(task, preset, fixed)
    except DataError as error:
        st.error(str(error))
        return None
    begin = form.start_name(origin) if origin else None
    if not found.problems:
        key = f"train-{form.group(task, preset, fixed)}-{trial_form.RATE}"
        trial_form.offer(trial_form.Trial(task, config, folder, begin), key, library.settings)
    name = st.text_input("Name", key="train-name", placeholder="optional", max_chars=60).strip()
    return None if found.problems else Wish(task, config, folder, begin, name or None, found.n_images, processes)


def cost(wish: Wish, settings: Settings) -> tuple[str, str]:
    """(what a run will take in a few words, how that is known): from the speed a trial timed, else from the newest run
    with the same settings, else only what it will do."""
    epochs = int(getattr(wish.config, "epochs", 1))
    work = f"{wish.n_images:,} images × {epochs} epochs"
    timed = trial_form.measured(wish.trial, settings)
    if timed:
        left = _about(trial_form.seconds(timed, epochs, wish.n_images))
        held = f", {hardware.gib(timed['memory_mib'])} held" if timed.get("memory_mib") else ""
        speed = f"{timed['images_per_second']:.1f} images/s on {timed['device']}"
        return left, f"{work}, {left} at {speed}{held}, as timed."
    known = _known_speed(wish, settings)
    if known:
        left = _about(wish.n_images * epochs / known)
        return left, f"{work}, {left} at the {known:.1f} images/s of the last such run. Time it to be sure."
    return "", f"{work}. Time it to see how long that takes here."


def _about(seconds: float) -> str:
    return f"about {time_left(seconds).removesuffix(' left')} of learning"


def _known_speed(wish: Wish, settings: Settings) -> float | None:
    """Images/s of the newest run with this task and these settings, those apart that do not change it; or None."""
    wanted = _without(dataclasses.asdict(wish.config))
    for run in runs.list_runs(settings.runs):
        speed = run.status().images_per_second
        if speed and run.task() == wish.task.name and _without(run.config()["options"]) == wanted:
            return speed
    return None


def _without(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options without those that leave the speed as it is."""
    return {name: value for name, value in options.items() if name not in ("epochs", "learning_rate", "seed")}


def offer_start(place: DeltaGenerator, wish: Wish | None, settings: Settings, active: Sequence[runs.Run]) -> None:
    """What the run will take, a press to time it, and the page's one primary button, in their place in the head row.

    How the cost is known, and a trial's failure, are said where this is called.
    """
    if wish is not None:
        short, long = cost(wish, settings)
        with place:
            if short:
                st.caption(short, width="content")
            trial_form.offer_timing(wish.trial, settings)
        st.caption(long)
        failed = wish.trial.read(settings, only_speed=True).get("error")
        if failed:
            st.error(str(failed))
    start_button(place, wish, settings, active)


def start(wish: Wish, settings: Settings) -> runs.Run:
    """Start a run, or put it into the queue of its device; a double click starts one (jobs.start).

    Raises RunError, DataError or ModelError in words.
    """
    with _STARTING:
        config = dataclasses.asdict(wish.config)
        return jobs.start(
            wish.task.name, config, wish.data, settings, name=wish.name, start_from=wish.start_from,
            processes=wish.processes,
        )  # fmt: skip


def start_button(place: DeltaGenerator, wish: Wish | None, settings: Settings, active: Sequence[runs.Run]) -> None:
    """The page's one primary button, drawn in its place in the head row; a refusal is said where this is called."""
    clicked = place.button(
        "Start",
        type="primary",
        key="start",
        disabled=wish is None,
        help="One run a device at a time: this one waits for its turn." if active else None,
    )
    if not clicked or wish is None:
        return
    try:
        run = start(wish, settings)
    except CloudcoreError as error:
        st.error(str(error))
        return
    st.query_params["run"] = run.id
    st.rerun()


@st.cache_data(show_spinner=False, max_entries=256)
def _labelled(pair: frames_labelled.Pair, changed_ns: tuple[int, int]) -> bytes:
    image, label = frames_labelled.read_pair(pair)
    cloud, _ = mask.from_label(label)
    side_hw = images.short_side(image.shape[:2], 240)
    small = images.resize(image, side_hw)
    grid = np.ix_(*(np.arange(n) * full // n for n, full in zip(side_hw, cloud.shape, strict=True)))
    return images.encode_jpeg(render.overlay(small, cloud[grid], render.is_night(small)))


def show_data(wish: Wish, count: int = 10) -> None:
    """Frames of a data folder with what is marked cloud, evenly picked: what will be learnt from."""
    folder = wish.data
    if wish.task.kind == "masks":
        pattern_form.show_data(folder)
        return
    if wish.task.kind == "class":
        class_form.show_data(folder, wish.task, wish.config)
        return
    found = frames_labelled.pairs(folder)
    st.subheader("To learn from", anchor=False)
    picked = [found[index * len(found) // min(count, len(found))] for index in range(min(count, len(found)))]
    for first in range(0, len(picked), 5):
        cells = st.columns(5, gap="xsmall", wrap=False)
        for cell, pair in zip(cells, picked[first : first + 5], strict=False):
            picture = _labelled(pair, (pair.image.stat().st_mtime_ns, pair.mask.stat().st_mtime_ns))
            cell.image(picture, alt=f"Frame {pair.stem} with its label", width="stretch")
