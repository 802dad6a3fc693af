"""A run afterwards: its name, star, note, model card, and the way to the bin."""

from typing import Any

import streamlit as st

from cloudcore import models, runs
from cloudcore.errors import CloudcoreError
from cloudcore.settings import Settings
from cloudcore.ui.shared.words import SCORES, run_title_of

SHOWN_SCORES = ("miou", "dice", "macro_f1", "accuracy", "f1", "base_rate", "fraction_error", "top3", "ece")


def offer(run: runs.Run, settings: Settings) -> None:
    """Ask for name, star and note of a run, offer the bin, and show its model card once there is one."""
    with st.expander("Name, note, bin", type="compact"):
        _show_form(run)
        if st.button(
            "Move to bin",
            key=f"bin-{run.id}",
            disabled=run.status().state in runs.ACTIVE,
            help="Nothing is deleted: the folder goes to workspace/bin/runs.",
        ):
            _bin(run)
    if (run.model_folder / "model.json").is_file():
        with st.expander("Model card", type="compact"):
            show_card(run)


def _show_form(run: runs.Run) -> None:
    kept = run.keeping()
    with st.form(f"keep-{run.id}", border=False):
        name = st.text_input("Run name", value=kept.name or str(run.config().get("name") or ""), max_chars=60)
        note = st.text_input("Note", value=kept.note, max_chars=300)
        star = st.checkbox("Star: first in the table", value=kept.star)
        if not st.form_submit_button("Keep"):
            return
    try:
        run.keep(runs.Keeping(name.strip(), star, note.strip()))
    except CloudcoreError as error:
        st.error(str(error))
        return
    st.rerun()


def _bin(run: runs.Run) -> None:
    try:
        runs.remove(run)
    except CloudcoreError as error:
        st.error(str(error))
        return
    st.query_params.pop("run", None)
    st.toast(f"{run_title_of(run.id)} is in the bin")
    st.rerun()


def show_card(run: runs.Run) -> None:
    """Draw model.json in words: its classes, its data, its scores with n and interval, its versions."""
    try:
        info = models.ModelInfo.read(run.model_folder)
    except CloudcoreError as error:
        st.error(str(error))
        return
    for line in card(info):
        st.caption(line)
    st.download_button(
        "Download model.json",
        (run.model_folder / "model.json").read_bytes(),
        f"{run.id}.json",
        "application/json",
        key=f"card-{run.id}",
        on_click="ignore",
    )


def card(info: models.ModelInfo) -> list[str]:
    """Sentences of a model card from model.json."""
    network, learnt, scores = info.get("network", {}), info.get("trained_on", {}), info.get("scores", {})
    lines = [f"Answers {', '.join(info['classes'])} ({info['kind']}). {network.get('parameters', 0):,} weights."]
    lines.append(f"Learnt from {learnt.get('n', '–')} images. {learnt.get('split', '')}".strip())
    if learnt.get("started_from"):
        lines.append(f"Began from {learnt['started_from']}.")
    lines += [_score_line(name, row) for name, row in scores.get("metrics", {}).items() if name in SHOWN_SCORES]
    if not scores.get("metrics"):
        lines.append("Not scored: nothing was held out.")
    made, torch = str(info.get("created_at", "–"))[:16].replace("T", " "), info.get("versions", {}).get("torch", "–")
    lines.append(f"Terms of the data: {learnt.get('terms', '–')}")
    lines.append(f"Made {made} UTC, torch {torch}.")
    return lines


def _score_line(name: str, row: dict[str, Any]) -> str:
    value = "–" if row.get("value") is None else f"{row['value']:.3f}"
    low, high = row.get("low"), row.get("high")
    interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ", no interval"
    return f"{SCORES.get(name, name.replace('_', ' '))} {value}{interval}, n = {row.get('n', '–')}"
