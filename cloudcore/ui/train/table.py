"""All runs in a table, the damaged ones below; two or more side by side: curves, what differs, the same images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cloudcore import runs
from cloudcore.errors import CloudcoreError
from cloudcore.runs import charts
from cloudcore.settings import Settings
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.ui.shared.words import SCORES, plain, run_title, run_title_of, score_text
from cloudcore.ui.train import same_images

HEAD_PX, ROW_PX = 36, 33
"""Height of the table without its rows, and of a row, CSS px."""


def show_runs(run: runs.Run, settings: Settings) -> None:
    """Draw all runs, starred ones first, then the newest; below the table the chosen ones side by side."""
    all_runs = sorted(runs.list_runs(settings.runs), key=lambda each: not each.keeping().star)
    st.subheader("Runs", anchor=False)
    event = st.dataframe(
        pd.DataFrame([_row(each) for each in all_runs]),
        hide_index=True,
        key="runs-table",
        on_select="rerun",
        selection_mode="multi-row",
        height=HEAD_PX + ROW_PX * min(len(all_runs), 10),
        alt=f"{len(all_runs)} runs, starred first, then the newest",
    )
    chosen = [all_runs[index] for index in event.selection.rows if index < len(all_runs)]
    if len(chosen) < 2:
        st.caption("Choose two rows to compare them.")
        return
    names = _names(chosen)
    _show_curves(chosen, names)
    _show_differences(chosen, names)
    same_images.show(chosen, names)


def show_damaged(settings: Settings) -> None:
    """Draw the folders that no run can be read from: a row each, with what is wrong and a way to the bin."""
    found = runs.damaged(settings.runs)
    if not found:
        return
    st.subheader("Damaged", anchor=False)
    st.caption("The other runs are not touched by it. Nothing is deleted: the bin is workspace/bin/runs.")
    for one in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"damaged-{one.folder.name}"):
            st.badge("damaged", color="red")
            st.markdown(plain(one.problem), width="stretch")
            if st.button("Move to bin", key=f"bin-damaged-{one.folder.name}"):
                _bin(one)


def _bin(one: runs.Damaged) -> None:
    try:
        runs.remove_damaged(one)
    except CloudcoreError as error:
        st.error(str(error))
        return
    st.toast(f"{run_title_of(one.folder.name)} is in the bin")
    st.rerun()


def _row(run: runs.Run) -> dict[str, str]:
    status, config, keeping = run.status(), run.config(), run.keeping()
    return {
        "Run": ("★ " if keeping.star else "") + run_title(run),
        "State": status.state,
        "Task": run.task(),
        "Score": score_text(status),
        "Network": str(config.get("options", {}).get("network", "")),
        "Started from": str(config.get("start") or "nothing"),
        "Epochs": f"{status.epoch} of {status.epochs}",
        "Data": Path(config.get("data", "")).name,
        "Note": keeping.note,
    }


def _names(chosen: Sequence[runs.Run]) -> list[str]:
    titles = [run_title(run) for run in chosen]
    return titles if len(set(titles)) == len(titles) else [run.id for run in chosen]


def _show_curves(chosen: Sequence[runs.Run], names: Sequence[str]) -> None:
    """Draw curves on the same axes: validation loss, and the first score they share."""
    histories = {name: run.history() for name, run in zip(names, chosen, strict=True)}
    scores = [run.status().metric_name for run in chosen]
    wanted = [
        ("valid_loss", "validation loss"),
        *((name, SCORES.get(name, name)) for name in dict.fromkeys(scores) if name),
    ][:2]
    for cell, (key, title) in zip(st.columns(2, gap="small"), wanted, strict=False):
        figure = charts.curves(histories, "epoch", [key], dark=is_dark(), x_title="epoch", y_title=title)
        if max(map(len, histories.values())) <= 12:
            figure.update_xaxes(dtick=1)
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
        name: {"task": config.get("task"), "data": config.get("data"), "start from": config.get("start") or "nothing"}
        | dict(config.get("options", {}))
        for name, config in configs.items()
    }
    keys = list(dict.fromkeys(key for config in flat.values() for key in config))
    rows = []
    for key in keys:
        values = [config.get(key) for config in flat.values()]
        if any(value != values[0] for value in values):
            words = ["–" if value is None else str(value) for value in values]
            rows.append({"Setting": key.replace("_", " "), **dict(zip(flat, words, strict=True))})
    return rows


def _show_differences(chosen: Sequence[runs.Run], names: Sequence[str]) -> None:
    rows = differences({name: run.config() for name, run in zip(names, chosen, strict=True)})
    if len({run.task() for run in chosen}) > 1:  # what one task alone can be told is no difference between runs
        rows = [row for row in rows if "–" not in row.values()]
    if not rows:
        st.caption("Their settings are the same.")
        return
    st.table(pd.DataFrame(rows), hide_index=True, border="horizontal")
