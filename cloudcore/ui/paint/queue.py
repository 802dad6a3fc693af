"""Which frame comes next on the Paint page, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from cloudcore import images
from cloudcore.errors import CloudcoreError
from cloudcore.frames import labelling_order, listing
from cloudcore.settings import Settings
from cloudcore.sky import dome_search, initial_masks
from cloudcore.ui.shared.library import Library
from cloudcore.ui.shared.models import find_predictor

QUEUE = "paint_queue"
ORDER = "paint_order"
KEPT_ORDER = "paint_kept_order"
UNLABELLED, UNCERTAIN, ALL = ORDERS = ("Without a label first", "Most uncertain first", "All frames")
SMALL_SIDE = 256
"""Longer side at which a network is asked how unsure it is, px."""


@dataclass(frozen=True)
class Turn:
    """A frame in the queue and the reason for its place."""

    frame: listing.Frame
    reason: str


@dataclass(frozen=True)
class Queue:
    """Frames in the order they are offered; it stays as it is until the order or the set of frames is changed."""

    order: str
    model: str | None
    turns: Sequence[Turn]
    frames: Sequence[listing.Frame]

    def place(self, stem: str) -> int:
        """Where a frame stands, from 0; -1 for a frame that is not in the queue."""
        return next((i for i, turn in enumerate(self.turns) if turn.frame.stem == stem), -1)

    def step(self, stem: str, by: int) -> str:
        """The stem `by` places on; stays at the ends."""
        place = max(0, min(len(self.turns) - 1, self.place(stem) + by))
        return self.turns[place].frame.stem

    def next_open(self, stem: str, done: set[str]) -> str:
        """The next frame after a stem that is not done yet, round from the start; the stem itself if none."""
        place = self.place(stem)
        for turn in (*self.turns[place + 1 :], *self.turns[: max(place, 0)]):
            if turn.frame.stem not in done:
                return turn.frame.stem
        return stem


def queue(library: Library, order: str, model: str | None) -> Queue:
    """The session's queue, made anew when order, model or frames changed."""
    known: Queue | None = st.session_state.get(QUEUE)
    wanted = model if order == UNCERTAIN else None
    if known is None or (known.order, known.model, known.frames) != (order, wanted, library.frames):
        known = Queue(order, wanted, _turns(library, order, wanted), library.frames)
        st.session_state[QUEUE] = known
    return known


def order() -> tuple[str, str | None]:
    """The chosen order and the model that tells how unsure it is."""
    return st.session_state.get(KEPT_ORDER) or UNLABELLED, st.session_state.get("paint_order_model")


def choose_order(library: Library, names: Sequence[str]) -> None:
    """Draw the form of the queue: order, model, and how many frames are done."""
    done, flags = library.heads(), library.flags()
    n_done = sum(frame.stem in done for frame in library.frames)
    n_bad = sum(flags.get(frame.stem) == "bad" for frame in library.frames)
    st.progress(n_done / max(1, len(library.frames)), f"{n_done} of {len(library.frames)} frames labelled, {n_bad} bad")
    orders = ORDERS if names else (UNLABELLED, ALL)
    if st.session_state.get(KEPT_ORDER) not in orders:
        st.session_state[KEPT_ORDER] = UNLABELLED
    place = orders.index(st.session_state[KEPT_ORDER])
    chosen = st.radio("Order", orders, place, key=ORDER, on_change=_keep_order)
    if chosen == UNCERTAIN:
        st.selectbox("Model", names, key="paint_order_model", persist_state="session")
        st.caption("Unsure is where the network's probability is near one half, on average over the dome.")


def _keep_order() -> None:
    """Keep the order under a key of its own: a radio button forgets its choice when the page is left."""
    st.session_state[KEPT_ORDER] = st.session_state[ORDER]


def uncertainty(frame: listing.Frame, model: str, settings: Settings) -> float:
    """How unsure a model is of a frame, 0..1; kept until frame or model change. Raises CloudcoreError."""
    answers = find_predictor(model, settings)
    changed = (answers.folder / "model.json").stat().st_mtime_ns, frame.path.stat().st_mtime_ns
    return _uncertainty(frame.path, model, changed, settings)


@st.cache_data(show_spinner=False, max_entries=20_000)
def _uncertainty(path: Path, model: str, changed_ns: tuple[int, int], _settings: Settings) -> float:
    image = images.thumbnail(images.read(path), SMALL_SIDE)
    circle = dome_search.find(image)
    valid = np.ones(image.shape[:2], np.bool_) if circle is None else circle.mask((image.shape[0], image.shape[1]))
    return initial_masks.uncertainty(find_predictor(model, _settings)(image), valid)


def _turns(library: Library, order: str, model: str | None) -> list[Turn]:
    heads, flags = library.heads(), library.flags()
    labelled = set(heads)
    if order == ALL:
        return [Turn(frame, _state(frame.stem, labelled, flags)) for frame in library.frames]
    rest = [Turn(frame, _state(frame.stem, labelled, flags)) for frame in library.frames if frame.stem in heads]
    skipped = [Turn(f, "skipped") for f in library.frames if flags.get(f.stem) == "skip" and f.stem not in heads]
    first = [
        Turn(item.frame, item.reason) for item in labelling_order.next_to_label(library.frames, labelled, set(flags))
    ]
    if order == UNCERTAIN and model:
        first = _most_uncertain(first, model, library.settings)
    return first + skipped + rest


def _state(stem: str, labelled: set[str], flags: dict[str, str]) -> str:
    if flags.get(stem) == "bad":
        return "bad frame"
    return "labelled" if stem in labelled else "skipped" if stem in flags else "no label yet"


def _most_uncertain(turns: Sequence[Turn], model: str, settings: Settings) -> list[Turn]:
    """The turns with the most unsure first; frames that cannot be read come last, with the reason."""
    scored: list[tuple[float, Turn]] = []
    bar = st.progress(0.0, "Asking the network")
    for number, turn in enumerate(turns, 1):
        try:
            score = uncertainty(turn.frame, model, settings)
            scored.append((score, Turn(turn.frame, f"{model} is unsure, {score:.2f}")))
        except CloudcoreError as error:
            scored.append((-1.0, Turn(turn.frame, str(error))))
        bar.progress(number / len(turns), f"{number} of {len(turns)} frames asked")
    bar.empty()
    return [turn for _, turn in sorted(scored, key=lambda pair: -pair[0])]
