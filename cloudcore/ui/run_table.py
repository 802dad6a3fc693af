"""All runs in a table; two or more of them side by side: curves, what differs in their settings, the same frames."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cloudcore import charts, data, images, mask, metrics, models, render, runs
from cloudcore.errors import CloudcoreError
from cloudcore.settings import Settings
from cloudcore.ui import widgets

FRAMES = 4
"""Frames that each of the chosen runs answers."""
SIDE = 320
"""Longer side of a picture, px."""


def show_runs(run: runs.Run, settings: Settings) -> None:
    """All runs, starred ones first, then the newest; below the table those whose rows are chosen, side by side."""
    all_runs = sorted(runs.list_runs(settings.runs), key=lambda each: not each.keeping().star)
    st.subheader("Runs", anchor=False)
    event = st.dataframe(
        pd.DataFrame([_row(each) for each in all_runs]),
        hide_index=True,
        key="runs-table",
        on_select="rerun",
        selection_mode="multi-row",
        height=min(38 + 35 * len(all_runs), 260),
        alt=f"{len(all_runs)} runs, starred first, then the newest",
    )
    chosen = [all_runs[index] for index in event.selection.rows if index < len(all_runs)]
    if len(chosen) < 2:
        st.caption("Choose two rows to compare them.")
        return
    names = _names(chosen)
    _show_curves(chosen, names)
    _show_differences(chosen, names)
    _show_same_frames(chosen, names)


def _row(run: runs.Run) -> dict[str, str]:
    status, config, keeping = run.status(), run.config(), run.keeping()
    return {
        "Run": ("★ " if keeping.star else "") + widgets.run_title(run),
        "State": status.state,
        "Score": widgets.score_text(status),
        "Network": str(config.get("options", {}).get("network", "")),
        "Started from": str(config.get("start") or "nothing"),
        "Epochs": f"{status.epoch} of {status.epochs}",
        "Data": Path(config.get("data", "")).name,
        "Note": keeping.note,
    }


def _names(chosen: Sequence[runs.Run]) -> list[str]:
    titles = [widgets.run_title(run) for run in chosen]
    return titles if len(set(titles)) == len(titles) else [run.id for run in chosen]


def _show_curves(chosen: Sequence[runs.Run], names: Sequence[str]) -> None:
    """Curves on the same axes: validation loss, and the first score they share."""
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


def differences(configs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Rows {"Setting": name, run: value, ...} of all that is not the same in every config.json, "–" where absent."""
    flat = {
        name: {"task": told.get("task"), "data": told.get("data"), "start from": told.get("start") or "nothing"}
        | dict(told.get("options", {}))
        for name, told in configs.items()
    }
    keys = list(dict.fromkeys(key for told in flat.values() for key in told))
    rows = []
    for key in keys:
        values = [told.get(key) for told in flat.values()]
        if any(value != values[0] for value in values):
            words = ["–" if value is None else str(value) for value in values]
            rows.append({"Setting": key.replace("_", " "), **dict(zip(flat, words, strict=True))})
    return rows


def _show_differences(chosen: Sequence[runs.Run], names: Sequence[str]) -> None:
    rows = differences({name: run.config() for name, run in zip(names, chosen, strict=True)})
    if not rows:
        st.caption("Their settings are the same.")
        return
    st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")


def _show_same_frames(chosen: Sequence[runs.Run], names: Sequence[str]) -> None:
    """The same held-out frames answered by each run's model, a row a run, errors as on Compare."""
    done = [(run, name) for run, name in zip(chosen, names, strict=True) if (run.model_folder / "model.json").is_file()]
    try:
        pairs = _shared_pairs([run for run, _ in done])
        rows = [(name, [_answered(run, pair) for pair in pairs]) for run, name in done]
    except CloudcoreError as error:
        st.caption(str(error))
        return
    if len(done) < 2 or not pairs:
        st.caption("The same frames by each: once two of them have left a model for masks and share a held-out frame.")
        return
    st.subheader("The same frames by each", anchor=False)
    for name, pictures in rows:
        st.caption(name)
        for cell, (picture, words), pair in zip(st.columns(FRAMES, gap="xsmall", wrap=False), pictures, pairs,
                                                strict=False):  # fmt: skip
            with cell.container(gap=None):
                st.image(picture, width="stretch", alt=f"{name} on {pair.stem}: {words}")
                st.caption(words)


def _shared_pairs(done: Sequence[runs.Run]) -> list[data.Pair]:
    """At most FRAMES labelled frames that every one of these runs held out, evenly picked; none for other kinds."""
    if len(done) < 2 or any(models.read_info(run.model_folder)["kind"] != "mask" for run in done):
        return []
    held = [set(models.read_info(run.model_folder).get("validated_on", [])) for run in done]
    found = [pair for pair in data.pairs(Path(done[0].config()["data"])) if all(pair.stem in each for each in held)]
    count = min(FRAMES, len(found))
    return [found[index * len(found) // count] for index in range(count)]


def _answered(run: runs.Run, pair: data.Pair) -> tuple[bytes, str]:
    changed = (run.model_folder / "model.json").stat().st_mtime_ns, pair.image.stat().st_mtime_ns
    return _error_map(run.model_folder, pair, changed)


@st.cache_data(show_spinner="Asking both models", max_entries=128)
def _error_map(model: Path, pair: data.Pair, changed_ns: tuple[int, int]) -> tuple[bytes, str]:
    """Error map as JPEG, and the frame's mIoU in words."""
    answers, (image, label) = models.load(model), data.read_pair(pair)
    truth, valid = mask.from_label(label)
    predicted = mask.clean(answers(image), answers.threshold[0], answers.min_size[0], valid)
    score = metrics.confusion(predicted, truth, valid).miou
    picture = images.thumbnail(render.error_map(image, predicted, truth, valid), SIDE)
    return images.encode_jpeg(picture), f"mIoU {score:.3f}"
