"""Before a run: its device, its speed timed at one press, what it will take; and the learning-rate finder."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from cloudcore.errors import CloudcoreError
from cloudcore.learning import hardware
from cloudcore.learning import trial as learning_trial
from cloudcore.learning.task import Task
from cloudcore.runs import charts
from cloudcore.settings import Settings
from cloudcore.ui.shared import error_boundary
from cloudcore.ui.shared.widgets import is_dark

RATE = "learning_rate"
VALIDATION_SHARE = 1 / 3
"""A held-out image costs about this share of one learnt from: the pass forward without the one back."""


@dataclass(frozen=True)
class Trial:
    """A trial: task, its typed config, data folder, where its weights begin (None: nothing)."""

    task: Task
    config: Any
    folder: Path
    begin: str | None

    @property
    def options(self) -> dict[str, Any]:
        """The config's fields by name."""
        return dataclasses.asdict(self.config)

    def _request(self, only_speed: bool) -> learning_trial.Trial:
        return learning_trial.Trial(self.task.name, self.options, self.folder, self.begin, only_speed=only_speed)

    def place(self, settings: Settings, only_speed: bool) -> Path:
        """Where the answer lies or will lie."""
        return learning_trial.answer_path(self._request(only_speed), settings)

    def read(self, settings: Settings, only_speed: bool) -> dict[str, Any]:
        """The answer as far as it is there; a file that cannot be read counts as a trial that failed."""
        try:
            return learning_trial.read(self.place(settings, only_speed))
        except CloudcoreError as error:
            return {"state": "failed", "error": str(error)}

    def start(self, settings: Settings, only_speed: bool) -> None:
        """Start the trial and draw the page anew to watch it; a refusal is said."""
        try:
            learning_trial.start(self._request(only_speed), settings)
        except CloudcoreError as error:
            st.error(str(error))
            return
        st.rerun()


@st.cache_resource(show_spinner="Looking for a GPU", ttl=600)
def _cards() -> tuple[list[hardware.Gpu], bool]:
    """GPUs and whether torch was built for them; asked once in a while, as a sleeping driver takes seconds."""
    found = hardware.gpus()
    return found, hardware.torch_uses_gpus() if found else False


def device_words() -> str:
    """The device that a run will use and its memory, in words."""
    return hardware.words(*_cards(), hardware.memory())


def choose_processes() -> int:
    """Ask how many GPUs share each batch; only where a run could take several."""
    cards, with_cuda = _cards()
    if len(cards) < 2 or not with_cuda:
        return 1
    return int(
        st.number_input(
            "GPUs",
            1,
            len(cards),
            1,
            key="train-gpus",
            persist_state="session",
            help="Each batch is shared among them; a run takes them all until it ends.",
        )
    )


def offer(trial: Trial, key: str, settings: Settings) -> None:
    """Draw the finder for these settings; `key` is the key of the form's learning-rate field."""
    with st.expander("Learning-rate finder", type="compact"):
        state = trial.read(settings, only_speed=False).get("state")
        going = state == "running"
        words = "Try again" if state in ("done", "failed", "lost") else "Try rates"
        if st.button(words, key="rate-try", disabled=going, help="60 steps at rising rates; nothing of them is kept."):
            trial.start(settings, only_speed=False)
        _watch(trial, key, going, settings)


def _watch(trial: Trial, key: str, going: bool, settings: Settings) -> None:
    """Draw the trial's progress anew every second while it goes on, and the page once when it ends."""

    @st.fragment(run_every=1 if going else None)
    @error_boundary.in_words
    def part() -> None:
        answer = trial.read(settings, only_speed=False)
        if answer.get("state") == "running":
            _show_progress(answer)
        elif going:
            st.rerun()
        elif answer.get("error"):
            st.error(answer["error"])
        elif answer.get("state") == "done":
            _show(answer, key)

    part()


def _show_progress(answer: Mapping[str, Any]) -> None:
    done, of = int(answer.get("done", 0)), int(answer.get("of", 0))
    if answer.get("doing") == "data" or not done:
        st.progress(done / of if of else 0.0, f"Loading the data: {done} of {of}" if of else "Starting")
    else:
        st.progress(done / of if of else 0.0, f"{done} of {of} steps" if of else f"{done} steps timed")


def _show(answer: Mapping[str, Any], key: str) -> None:
    found = answer["suggestions"]
    st.plotly_chart(
        charts.rate_trial(answer["rates"], answer["losses"], found, dark=is_dark()),
        theme=None,
        key="rate-curve",
        config={"displayModeBar": False},
        alt="Loss over learning rate; suggested: " + ", ".join(f"{name} {rate:g}" for name, rate in found.items()),
    )
    with st.container(horizontal=True, gap="xsmall"):
        for name, rate in found.items():
            st.button(f"{name} {rate:g}", key=f"rate-{name}", on_click=_take, args=(key, rate))
    st.caption(f"{answer['images_per_second']:.1f} images/s on {answer['device']} while it tried")


def _take(key: str, rate: float) -> None:
    """Put a suggestion into the form's learning rate."""
    st.session_state[key] = rate


def measured(trial: Trial, settings: Settings) -> dict[str, Any] | None:
    """The answer of a trial that timed these settings, the short one or the finder's; None before either."""
    for only_speed in (True, False):
        answer = trial.read(settings, only_speed)
        if answer.get("state") == "done":
            return answer
    return None


def seconds(answer: Mapping[str, Any], epochs: int, n_images: int) -> float:
    """Seconds of a training by what a trial timed: every epoch's images, and those held out at their share."""
    an_epoch = answer.get("epoch_images", n_images) + VALIDATION_SHARE * answer.get("valid_images", 0)
    return float(epochs * an_epoch / answer["images_per_second"])


def offer_timing(trial: Trial, settings: Settings) -> None:
    """Draw the button that times a few steps with these settings, and its progress, where this is called."""
    going = trial.read(settings, only_speed=True).get("state") == "running"

    @st.fragment(run_every=1 if going else None)
    @error_boundary.in_words
    def part() -> None:
        answer = trial.read(settings, only_speed=True)
        if answer.get("state") == "running":
            with st.container(width=180):
                _show_progress(answer)
        elif going:
            st.rerun()
        elif st.button("Time it", key="time-it", help="Some seconds of real steps with these settings, thrown away."):
            trial.start(settings, only_speed=True)

    part()
