"""What the overview counts, which frames it puts forward, and how frames come in."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import streamlit as st

from cloudcore import models, runs
from cloudcore.errors import CloudcoreError, ImageError
from cloudcore.frames import chosen_folder, labelling_order
from cloudcore.settings import Settings
from cloudcore.ui.shared import error_boundary
from cloudcore.ui.shared.library import Library, forget_frames
from cloudcore.ui.shared.widgets import Card, frame_strip, thumbnail
from cloudcore.ui.shared.words import run_title, score_text, time_left, when

SHOWN = 10
"""Thumbnails under Next to label: two rows of five."""


_Link = tuple[str, str, dict[str, str]]


_SAID = "upload-words"


@dataclass(frozen=True)
class State:
    """Everything the overview shows: counts, frames to label, runs newest first, and the run that is going on."""

    n_frames: int
    n_labels: int
    n_skipped: int
    next_frames: Sequence[labelling_order.Next]
    all_runs: Sequence[runs.Run]
    n_damaged: int
    running: runs.Run | None
    all_models: Sequence[models.ModelEntry]


def state(library: Library) -> State:
    """Count and choose; reads the label store's heads, the runs' status files and the model folders."""
    labelled, flagged = set(library.heads()), set(library.flags())
    all_runs = runs.list_runs(library.settings.runs)
    damaged = runs.damaged(library.settings.runs)
    running = next((run for run in all_runs if run.status().state in ("running", "queued")), None)
    return State(
        n_frames=len(library.frames),
        n_labels=len(labelled),
        n_skipped=len(flagged - labelled),
        next_frames=labelling_order.next_to_label(library.frames, labelled, flagged),
        all_runs=all_runs,
        n_damaged=len(damaged),
        running=running,
        all_models=models.available(library.settings),
    )


def show_numbers(now: State) -> None:
    """Draw Frames | Labels | Runs | Models, each with what it is to be compared with."""
    share = f"{now.n_labels / now.n_frames:.0%} of frames".replace("%", " %") if now.n_frames else "–"
    done = sum(run.status().state == "done" for run in now.all_runs)
    shipped = sum(entry.shipped for entry in now.all_models)
    numbers = (
        ("Frames", now.n_frames, f"{now.n_skipped} set aside"),
        ("Labels", now.n_labels, share),
        ("Runs", len(now.all_runs), f"{done} done"),
        ("Models", len(now.all_models), f"{shipped} shipped"),
    )
    for cell, (name, count, company) in zip(st.columns(4, gap="small", wrap=False), numbers, strict=True):
        with cell.container(gap=None):
            st.metric(name, f"{count:,}")
            st.caption(company)


def show_next(now: State) -> None:
    """Draw Next to label: up to ten thumbnails, each a link to Paint with its reason; or say why there are none."""
    if not now.next_frames:
        if now.n_frames:
            st.info("Every frame has a label. See the worst on Compare.")
        else:
            st.info("No frames yet. Use the samples, or choose a folder.")
        return
    st.subheader("Next to label", anchor=False)
    cards, unreadable = [], []
    for item in now.next_frames[:SHOWN]:
        try:
            picture = thumbnail(item.frame.path)
        except (ImageError, OSError) as error:
            unreadable.append(str(error))
            continue
        name = when(item.frame)
        alt, query = f"Frame {name}: {item.reason}", {"frame": item.frame.stem}
        cards.append(Card(picture, alt, name, item.reason, "pages/paint.py", query))
    frame_strip(cards, columns=5, key="next")
    for sentence in unreadable:
        st.caption(sentence)
    if (more := len(now.next_frames) - SHOWN) > 0:
        st.caption(f"{more:,} more without a label.")


def show_running(run: runs.Run) -> None:
    """Draw state, progress and time left of the run that goes on, anew every second until it ends."""
    st.subheader("Running", anchor=False)

    @st.fragment(run_every=1)
    @error_boundary.in_words
    def live() -> None:
        status = run.status()
        if status.state not in ("running", "queued"):
            st.rerun()
        total = max(1, status.epochs)
        st.progress(min(1.0, status.epoch / total), f"{status.epoch} of {total} epochs done")
        st.caption(f"{run_title(run)} · {status.state} · {time_left(status.eta_seconds)}")

    live()
    st.page_link("pages/train.py", label="Watch it", query_params={"run": run.id})


def show_do_next(now: State) -> None:
    """Draw three links, in the order in which they help now."""
    st.subheader("Do next", anchor=False)
    done = next((run for run in now.all_runs if run.status().state == "done"), None)
    paint = "Paint the next frame" if now.n_labels else "Paint a first frame"
    train = {0: "Train on the samples", 1: "Train on the painted frame"}.get(now.n_labels)
    compare = "See what the newest run got wrong" if done else "See what the shipped model gets wrong"
    links: tuple[_Link, _Link, _Link] = (
        ("pages/paint.py", paint, _paint_query(now)),
        ("pages/train.py", train or f"Train on {now.n_labels} painted frames", {}),
        ("pages/compare.py", compare, {"model": done.name} if done else {}),
    )
    for page, label, query in _in_order(now, *links):
        st.page_link(page, label=label, query_params=query)


def _in_order(now: State, paint: _Link, train: _Link, compare: _Link) -> tuple[_Link, ...]:
    if now.n_labels == 0:
        return paint, compare, train
    newest = now.all_runs[0].status() if now.all_runs else None
    if newest is not None and newest.state == "done":
        return compare, paint, train
    return train, paint, compare


def _paint_query(now: State) -> dict[str, str]:
    return {"frame": now.next_frames[0].frame.stem} if now.next_frames else {}


def show_newest_runs(now: State, count: int = 4) -> None:
    """Draw the newest runs: name, state and score, each a link to Train."""
    st.subheader("Newest runs", anchor=False)
    if not now.all_runs:
        st.caption("No run yet. Paint a frame or use the samples, then start one on Train.")
    for run in now.all_runs[:count]:
        status = run.status()
        with st.container(gap=None, key=f"newest-{run.id}"):
            st.page_link("pages/train.py", label=run_title(run), query_params={"run": run.id})
            st.caption(f"{status.state} · {score_text(status)}")
    if now.n_damaged:
        many = "1 run folder is damaged" if now.n_damaged == 1 else f"{now.n_damaged} run folders are damaged"
        st.page_link("pages/train.py", label=f"{many}: see Train")


def show_sample_note(library: Library) -> None:
    """Say that the frames are drawn samples and how to point the app at one's own."""
    if library.is_sample:
        st.subheader("These are samples", anchor=False)
        st.caption(
            "The frames are drawn, no camera took them, and their masks are exact. To work on your own, open Frames "
            "above: name a folder, or upload."
        )


def choose_frames(library: Library) -> None:
    """Draw the Frames popover: a folder by its path, or files into workspace/images; say why one is refused."""
    with st.popover("Frames…", key="frames"):
        st.caption(f"Read from {library.frames_folder}")
        with st.form("choose-folder", border=False):
            text = st.text_input("Folder of frames", key="folder-path", placeholder="/data/allsky/2017")
            if st.form_submit_button("Use folder"):
                _use_folder(library.settings, text)
        with st.form("upload-frames", border=False, clear_on_submit=True):
            files = st.file_uploader(
                "Upload frames, PNG, JPEG or TIFF, to 50 MB each", accept_multiple_files=True, key="frame-files"
            )
            if st.form_submit_button("Add frames") and files:
                _add(library.settings, [(file.name, file) for file in files])
        if not library.is_sample and chosen_folder.sample_frames(library.settings).is_dir():
            st.button(
                "Use the samples", on_click=_use, args=(library.settings, chosen_folder.sample_frames(library.settings))
            )


def _use(settings: Settings, folder: Path) -> None:
    chosen_folder.remember_folder(settings, folder)
    forget_frames()


def _use_folder(settings: Settings, text: str) -> None:
    try:
        _use(settings, chosen_folder.check_folder(text))
    except CloudcoreError as error:
        st.error(str(error))
        return
    st.rerun()


def _add(settings: Settings, files: Sequence[tuple[str, BytesIO]]) -> None:
    """Take uploads in, then draw the page anew with the sentences about them."""
    added, notes, refused = chosen_folder.add_frames(settings, [(name, file.getvalue()) for name, file in files])
    st.session_state[_SAID] = (refused, notes, len(added))
    if added:
        _use(settings, settings.images)
    st.rerun()


def show_upload_words() -> None:
    """Say once what became of the last upload: refusals, then what was normalised."""
    refused, notes, added = st.session_state.pop(_SAID, ((), (), 0))
    for sentence in refused:
        st.error(sentence)
    if added:
        st.success(f"{added} frames added." if added > 1 else "1 frame added.")
    for sentence in notes:
        st.caption(sentence)


def paint_button(now: State) -> None:
    """Draw the page's one primary button: to Paint, with the frame that is next."""
    if now.next_frames and st.button("Paint next frame", type="primary"):
        st.switch_page("pages/paint.py", query_params=_paint_query(now))
