"""A new run before it starts: its questions, what it will take, and Start."""

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import runs
from cloudcore.errors import CloudcoreError, DataError
from cloudcore.learning import hardware, jobs, starting_weights
from cloudcore.learning.task import Task
from cloudcore.learning.tasks import find_tasks, get_task
from cloudcore.settings import Settings
from cloudcore.ui.shared.library import Library
from cloudcore.ui.shared.words import time_left
from cloudcore.ui.train import data, form, trial_form

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
    """Ask for the task; no question is asked while there is one only."""
    tasks = find_tasks()
    if len(tasks) == 1:
        return tasks[0]
    titles = {task.name: task.title for task in tasks}
    chosen = st.selectbox(
        "Task", list(titles), format_func=titles.__getitem__, key="train-task", persist_state="session"
    )
    return get_task(str(chosen))


def ask(library: Library) -> Wish | None:
    """Ask the inspector's questions, top to bottom; says why and returns None while no start is possible."""
    st.subheader("New run", anchor=False)
    task = choose_task()
    folder = data.choose(library, task)
    if folder is None:
        st.caption("Name a data folder to start.")
        return None
    found = data.preflight(folder, task)
    data.show_preflight(found, task)
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
    """Draw what the run will take, a button that times it, and the page's one primary button, in the head row.

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
            wish.task.name,
            config,
            wish.data,
            settings,
            name=wish.name,
            start_from=wish.start_from,
            processes=wish.processes,
        )


def start_button(place: DeltaGenerator, wish: Wish | None, settings: Settings, active: Sequence[runs.Run]) -> None:
    """Draw the page's one primary button in its place in the head row; a refusal is said where this is called."""
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
