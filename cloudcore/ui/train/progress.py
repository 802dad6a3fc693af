"""A run while it goes on and afterwards: numbers, curves, worst and best frames, log, naming."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cloudcore import images, models, runs
from cloudcore.errors import CloudcoreError
from cloudcore.learning import hardware, jobs
from cloudcore.learning.fit import early_stopping
from cloudcore.learning.tasks import find_tasks
from cloudcore.runs import charts
from cloudcore.settings import Settings
from cloudcore.ui.shared import error_boundary
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.ui.shared.words import SCORES, plain, run_title, score_text, time_left
from cloudcore.ui.train import same_images

STATE_COLOURS: dict[str, Any] = {
    "running": "blue",
    "queued": "blue",
    "done": "green",
    "failed": "red",
    "lost": "orange",
}
"""Badge colour of a state; the word stands in it, so colour is never alone."""

SAMPLE_SCORES = {"mask": "mIoU", "masks": "Dice, a mean over the patterns", "class": "probability of its true class"}
"""What the number below a held-out image is, by kind."""


def chosen_run(all_runs: Sequence[runs.Run], active: Sequence[runs.Run]) -> runs.Run | None:
    """The run in the address (?run=ID), else the one going on, one that waits, the newest; None without any."""
    wanted = st.query_params.get("run")
    named = next((run for run in all_runs if run.id == wanted), None)
    running = next((run for run in active if run.status().state == "running"), None)
    return named or running or next(iter(active), None) or next(iter(all_runs), None)


def choose_run(all_runs: Sequence[runs.Run], run: runs.Run | None) -> None:
    """Ask for the run to look at; the choice goes into the address, so that a reload and a link show the same."""
    if run is None:
        return
    ids = [each.id for each in all_runs]
    names = {each.id: run_title(each) for each in all_runs}

    def go() -> None:
        st.query_params["run"] = st.session_state[key]

    key = f"chosen-run-{run.id}"
    with st.container(width=360):
        st.selectbox("Run", ids, ids.index(run.id), names.__getitem__, key, on_change=go, label_visibility="collapsed")


def count_words(all_runs: Sequence[runs.Run], active: Sequence[runs.Run]) -> str:
    """How many runs there are, in words."""
    counted = f"{len(all_runs)} runs" if len(all_runs) != 1 else "1 run"
    return f"{counted}, {len(active)} going on" if active else counted


def live(show: Callable[[runs.Run, Settings], None], run: runs.Run, settings: Settings) -> None:
    """Draw a part of the page anew every second while the run goes on, and the whole page once when it ends.

    show may use the page's current container only, as a fragment must.
    """
    going = run.status().state in runs.ACTIVE

    @st.fragment(run_every=1 if going else None)
    @error_boundary.in_words
    def part() -> None:
        show(run, settings)
        if going and run.status().state not in runs.ACTIVE:
            st.rerun()

    part()


def show_state(run: runs.Run, settings: Settings) -> None:
    """Draw name, state, progress, time left and numbers of a run, with Stop or Resume."""
    status = run.status()
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{plain(run_title(run))}**", width="content")
        st.badge(status.state, color=STATE_COLOURS.get(status.state, "gray"))
    if status.state in runs.ACTIVE:
        _progress(status)
    elif status.error:
        st.error(status.error)
    if status.message.strip(".").lower() not in ("", status.state):
        st.caption(plain(status.message))
    _show_early_stopping(run, status)
    _numbers(status)
    if status.state in runs.ACTIVE:
        if st.button("Stop", key="stop", help="Keeps what was learnt so far; Resume goes on from it."):
            _try(lambda: jobs.stop(run))
    elif status.state in ("stopped", "failed", "lost") and st.button("Resume", key="resume"):
        _try(lambda: jobs.resume(run, settings))
        st.rerun(scope="app")


def _show_early_stopping(run: runs.Run, status: runs.Status) -> None:
    """Say how near the run is to stopping early, or that it did; nothing where its settings never stop it."""
    found = early_stopping.countdown(run.history(), int(run.config()["options"].get("stop_after") or 0))
    if found is None:
        return
    if status.state in runs.ACTIVE and found.epochs:
        epochs = "1 epoch" if found.epochs == 1 else f"{found.epochs} epochs"
        st.caption(f"Stops in {epochs} unless the {found.loss} loss falls below {found.below:.4f}.")
    elif status.state == "done" and status.epoch < status.epochs:
        limit = run.config()["options"]["stop_after"]
        st.caption(f"Stopped early: the {found.loss} loss has not fallen below {found.below:.4f} for {limit} epochs.")


def _progress(status: runs.Status) -> None:
    # between two epochs the batch count still stands at its end
    part = status.batch / status.batches if status.batch < status.batches else 0.0
    share = (status.epoch + part) / max(1, status.epochs)
    words = f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}" if status.epochs else "starting"
    st.progress(min(1.0, max(0.0, share)), f"{words} · {time_left(status.eta_seconds)}")


def _numbers(status: runs.Status) -> None:
    rate = "–" if status.learning_rate is None else f"{status.learning_rate:.2g}"
    speed = "–" if status.images_per_second is None else f"{status.images_per_second:.1f}"
    rows = {
        "Epochs": f"{status.epoch} of {status.epochs}",
        "Loss, training": _number(status.loss),
        "Score": score_text(status),
        "Learning rate": rate,
        "Images/s": speed,
        "Memory, most": "–" if status.memory_mib is None else hardware.gib(status.memory_mib),
        "Device": status.device or "–",
    }
    on_gpu = getattr(status, "gpu_memory_mib", None)
    if on_gpu is not None:
        rows["GPU memory, most"] = hardware.gib(on_gpu)
    table = pd.DataFrame({"name": list(rows), "value": list(rows.values())})
    st.table(table, hide_index=True, hide_header=True, border="horizontal")


def _try(action: Callable[[], Any]) -> None:
    try:
        action()
    except CloudcoreError as error:
        st.error(str(error))


def show_learning(run: runs.Run, settings: Settings) -> None:
    """Draw loss and metric over the epochs, the worst and best validation frames, and the end of the log."""
    history = run.history()
    if history:
        last, named = history[-1], run.status().metric_name
        st.plotly_chart(
            charts.training(history, metric=named if named in last else None, dark=is_dark(), height=300),
            theme=None,
            key=f"learning-{run.id}",
            config={"displayModeBar": False},
            alt=f"Epoch {last['epoch']}: training loss {_number(last.get('train_loss'))}",
        )
        _show_scores(last)
        with st.expander("Learning rate over the epochs", type="compact"):
            st.plotly_chart(
                charts.learning_rate(history, dark=is_dark(), height=150),
                theme=None,
                key=f"rate-{run.id}",
                config={"displayModeBar": False},
                alt=f"Learning rate over {len(history)} epochs",
            )
    else:
        st.container(height=300, border=True).caption("Curves appear after the first epoch.")
    _show_samples(run)
    with st.expander("Log", type="compact"):
        st.code("\n".join(run.log_tail(30)) or "Nothing yet.", language=None)
    if (run.folder / "tensorboard").is_dir():
        with st.expander("TensorBoard", type="compact"):
            st.caption("The same numbers for TensorBoard; one command shows every run:")
            st.code(f"tensorboard --logdir {shlex.quote(str(run.folder.parent))}", language=None)


def _show_scores(row: dict[str, Any]) -> None:
    """Draw the last epoch in a line: every score with its name, the base rate beside accuracy."""
    known = (
        "miou",
        "dice",
        "dice_nonempty",
        "all_empty",
        "f1",
        "macro_f1",
        "top3",
        "accuracy",
        "base_rate",
        "ece",
        "fraction_error",
    )
    parts = [f"{SCORES.get(name, name)} {row[name]:.3f}" for name in known if isinstance(row.get(name), float)]
    if parts:
        st.caption("Validation, last epoch: " + " · ".join(parts))


def _show_samples(run: runs.Run) -> None:
    """Draw the worst and best validation frames of the last epoch."""
    found = [sample for sample in run.samples() if sample["path"].is_file()]
    if not found:
        return
    kind = {task.name: task.kind for task in find_tasks()}.get(run.task(), "mask")
    title = f"Worst and best held-out {same_images.WORDS[kind]}, epoch {found[0]['epoch']}"
    st.subheader(title, anchor=False, help=f"With each its {SAMPLE_SCORES[kind]}, 1 is best.")
    with st.container(key="strip-worst"):
        cells = st.columns(6, gap="xsmall", wrap=False)
    for cell, sample in zip(cells, found, strict=False):
        score = "–" if sample["score"] is None else f"{sample['score']:.3f}"
        truth = f"{sample['stem'].split('/')[0]} · " if kind == "class" and "/" in sample["stem"] else ""
        with cell.container(gap=None):
            st.image(
                _picture(sample["path"], sample["path"].stat().st_mtime_ns),
                width="stretch",
                alt=f"{sample['kind']} of epoch {sample['epoch']}: {sample['stem']}, score {score}",
            )
            st.caption(f"{sample['kind']} · {plain(truth)}{score}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


@st.cache_data(show_spinner=False, max_entries=64)
def _picture(path: Path, changed_ns: int) -> bytes:
    return images.encode_jpeg(images.thumbnail(images.read(path), 320))


def show_outcome(run: runs.Run, settings: Settings) -> None:
    """Lead to what a run's model got wrong, and ask for a name to save it under; nothing before the run is done."""
    if run.status().state != "done":
        return
    kinds = {task.name: task.kind for task in find_tasks()}
    if run.task() not in kinds:
        st.caption(f"This version knows no task {run.task()!r}; it has {', '.join(kinds)}.")
        return
    page = "pages/inside.py" if kinds[run.task()] == "class" else "pages/compare.py"
    words = "See where it looked" if page.endswith("inside.py") else "See what it got wrong"
    st.page_link(page, label=words, query_params={"model": run.name})
    with st.form("name-model", border=False):
        name = st.text_input("Model name", key="model-name", placeholder="sky-kpno", max_chars=60)
        if not st.form_submit_button("Save as model"):
            return
    try:
        models.save_run_as(run, name.strip(), settings)
    except CloudcoreError as error:
        st.error(str(error))
        return
    st.toast(f"Saved as model {name}")
