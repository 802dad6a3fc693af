"""How a run is shown while it goes on and afterwards: numbers, curves, worst and best frames, log, table, naming."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cloudcore import charts, images, jobs, models, runs
from cloudcore.errors import CloudcoreError
from cloudcore.settings import Settings
from cloudcore.task import get_task
from cloudcore.ui import widgets

STATE_COLOURS: dict[str, Any] = {
    "running": "blue",
    "queued": "blue",
    "done": "green",
    "failed": "red",
    "lost": "orange",
}
"""Badge colour of a state; the word stands in it, so colour is never alone."""

CURVES = ("train_loss", "valid_loss")


def chosen_run(all_runs: Sequence[runs.Run], active: Sequence[runs.Run]) -> runs.Run | None:
    """The run in the address (?run=ID), else the one going on, else the newest; None when there is none."""
    wanted = st.query_params.get("run")
    named = next((run for run in all_runs if run.id == wanted), None)
    return named or next(iter(active), None) or next(iter(all_runs), None)


def choose_run(all_runs: Sequence[runs.Run], run: runs.Run | None) -> None:
    """The run to look at, by name; the choice goes into the address, so that a reload and a link show the same."""
    if run is None:
        return
    ids = [each.id for each in all_runs]
    names = {each.id: widgets.run_title(each) for each in all_runs}

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
    def part() -> None:
        show(run, settings)
        if going and run.status().state not in runs.ACTIVE:
            st.rerun()

    part()


def show_state(run: runs.Run, settings: Settings) -> None:
    """Name, state, progress, time left and numbers of a run, with Stop or Resume."""
    status = run.status()
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{_plain(widgets.run_title(run))}**", width="content")
        st.badge(status.state, color=STATE_COLOURS.get(status.state, "gray"))
    if status.state in runs.ACTIVE:
        _progress(status)
    elif status.error:
        st.error(status.error)
    if status.message.strip(".").lower() not in ("", status.state):
        st.caption(_plain(status.message))
    _numbers(status)
    if status.state in runs.ACTIVE:
        if st.button("Stop", key="stop", help="Keeps what was learnt so far; Resume goes on from it."):
            _try(lambda: jobs.stop(run))
    elif status.state in ("stopped", "failed", "lost") and st.button("Resume", key="resume"):
        _try(lambda: jobs.resume(run, settings))
        st.rerun(scope="app")


def _progress(status: runs.Status) -> None:
    # between two epochs the batch count still stands at its end
    part = status.batch / status.batches if status.batch < status.batches else 0.0
    share = (status.epoch + part) / max(1, status.epochs)
    words = f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}" if status.epochs else "starting"
    st.progress(min(1.0, max(0.0, share)), f"{words} · {widgets.time_left(status.eta_seconds)}")


def _numbers(status: runs.Status) -> None:
    rate = "–" if status.learning_rate is None else f"{status.learning_rate:.2g}"
    speed = "–" if status.images_per_second is None else f"{status.images_per_second:.1f}"
    rows = {
        "Epochs": f"{status.epoch} of {status.epochs}",
        "Loss": "–" if status.loss is None else f"{status.loss:.4f}",
        "Score": widgets.score_text(status),
        "Learning rate": rate,
        "Images/s": speed,
        "Device": status.device or "–",
    }
    table = pd.DataFrame({"name": list(rows), "value": list(rows.values())})
    st.table(table, hide_index=True, hide_header=True, border="horizontal")


def _try(action: Callable[[], Any]) -> None:
    try:
        action()
    except CloudcoreError as error:
        st.error(str(error))


def show_learning(run: runs.Run, settings: Settings) -> None:
    """Loss and metric over the epochs, the worst and best validation frames, and the end of the log."""
    history = run.history()
    if history:
        last = history[-1]
        st.plotly_chart(
            charts.training(history, dark=widgets.is_dark(), height=300).update_layout(
                yaxis2_tickmode="linear", yaxis2_dtick=0.2
            ),
            theme=None,
            key=f"learning-{run.id}",
            config={"displayModeBar": False},
            alt=f"Epoch {last.get('epoch')}: training loss {last.get('train_loss', float('nan')):.4f}",
        )
        _show_scores(last)
    else:
        st.container(height=300, border=True).caption("Curves appear after the first epoch.")
    _show_samples(run)
    with st.expander("Log", type="compact"):
        st.code("\n".join(run.log_tail(30)) or "Nothing yet.", language=None)


def _show_scores(row: dict[str, Any]) -> None:
    """Last epoch in a line: every score with its name, the base rate beside accuracy."""
    known = ("miou", "f1", "macro_f1", "top3", "accuracy", "base_rate", "ece", "fraction_error")
    parts = [f"{widgets.SCORES.get(name, name)} {row[name]:.3f}" for name in known if isinstance(row.get(name), float)]
    if parts:
        st.caption("Validation, last epoch: " + " · ".join(parts))


def _show_samples(run: runs.Run) -> None:
    """The strip of the worst and best validation frames of the last epoch."""
    found = [sample for sample in run.samples() if sample["path"].is_file()]
    if not found:
        return
    st.subheader("Worst and best validation frames", anchor=False)
    for cell, sample in zip(st.columns(6, gap="xsmall", wrap=False), found, strict=False):
        score = "–" if sample["score"] is None else f"{sample['score']:.3f}"
        with cell.container(gap=None):
            st.image(
                _picture(sample["path"], sample["path"].stat().st_mtime_ns),
                width="stretch",
                alt=f"{sample['kind']} of epoch {sample['epoch']}: {sample['stem']}, score {score}",
            )
            st.caption(f"{sample['kind']} · {score}")


@st.cache_data(show_spinner=False, max_entries=64)
def _picture(path: Path, changed_ns: int) -> bytes:
    return images.encode_jpeg(images.thumbnail(images.read(path), 320))


def show_runs(run: runs.Run, settings: Settings) -> None:
    """All runs, newest first, with their state and score; below the table the curves of those whose rows are chosen."""
    all_runs = runs.list_runs(settings.runs)
    st.subheader("Runs", anchor=False)
    rows = []
    for each in all_runs:
        status, config = each.status(), each.config()
        rows.append(
            {
                "Run": widgets.run_title(each),
                "State": status.state,
                "Score": widgets.score_text(status),
                "Network": config.get("options", {}).get("network", ""),
                "Started from": config.get("start") or "nothing",
                "Epochs": f"{status.epoch} of {status.epochs}",
                "Data": Path(config.get("data", "")).name,
            }
        )
    event = st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="runs-table",
        on_select="rerun",
        selection_mode="multi-row",
        height=min(38 + 35 * len(rows), 260),
        alt=f"{len(rows)} runs, newest first",
    )
    chosen = [all_runs[index] for index in event.selection.rows if index < len(all_runs)]
    if len(chosen) < 2:
        st.caption("Choose two rows to compare their curves.")
        return
    _compare(chosen)


def _compare(chosen: Sequence[runs.Run]) -> None:
    """Curves of two or more runs on the same axes: validation loss, and the first score they share."""
    titles = [widgets.run_title(run) for run in chosen]
    names = titles if len(set(titles)) == len(titles) else [run.id for run in chosen]
    histories = {name: run.history() for name, run in zip(names, chosen, strict=True)}
    scores = [run.status().metric_name for run in chosen]
    wanted = [("valid_loss", "validation loss"), *((name, name) for name in dict.fromkeys(scores) if name)][:2]
    for cell, (key, title) in zip(st.columns(2, gap="small"), wanted, strict=False):
        figure = charts.curves(histories, "epoch", [key], dark=widgets.is_dark(), x_title="epoch", y_title=title)
        cell.plotly_chart(
            figure,
            theme=None,
            key=f"compare-{key}",
            config={"displayModeBar": False},
            alt=f"{title} of {', '.join(histories)} over the epochs",
        )


def show_outcome(run: runs.Run, settings: Settings) -> None:
    """Once a run has left a model: lead to what it got wrong, and make it a model with a name."""
    if run.status().state != "done":
        return
    page = "pages/cloud_type.py" if get_task(run.task()).kind == "class" else "pages/compare.py"
    st.page_link(page, label="See what it got wrong", query_params={"model": run.name})
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


def _plain(text: str) -> str:
    """Text with Markdown's signs escaped: names and messages are data."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~$:-])", r"\\\1", text)
