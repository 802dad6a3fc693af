"""The learning-rate finder on Train: started in its own process, its curve and suggestions shown when it is done."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import streamlit as st

from cloudcore import charts
from cloudcore.settings import Settings
from cloudcore.ui import widgets

ROOT = Path(__file__).parents[2]


def _file(settings: Settings, task: str, folder: Path) -> Path:
    number = hashlib.sha256(str(folder).encode()).hexdigest()[:10]
    return settings.workspace / "rates" / f"{task}-{number}.json"


def offer(settings: Settings, task: str, folder: Path) -> None:
    """A button that starts the search, and what it found on this data."""
    path = _file(settings, task, folder)
    with st.expander("Learning rate", type="compact"):
        if st.button("Find", key=f"rate-{path.stem}", help="80 steps with a growing rate, in a process of its own"):
            _start(task, folder, path)
        _show(str(path))


def _start(task: str, folder: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.with_suffix(".going").touch()
    command = [sys.executable, "-m", "cloudcore", "find-rate", task, "--data", str(folder), "--json", str(path)]
    with path.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ)
        )
    threading.Thread(target=_wait, args=(process, path), daemon=True).start()


def _wait(process: "subprocess.Popen[bytes]", path: Path) -> None:
    process.wait()
    path.with_suffix(".going").unlink(missing_ok=True)


@st.fragment(run_every=2)
def _show(name: str) -> None:
    path = Path(name)
    if path.with_suffix(".going").exists():
        st.caption("Looking: 80 steps with a growing rate.")
    elif path.is_file():
        _draw(path)
    elif path.with_suffix(".log").is_file():
        st.caption(path.with_suffix(".log").read_text(errors="replace").strip()[-300:])


def _draw(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    figure = charts.figure(widgets.is_dark(), 190, yaxis_title="loss", xaxis_title="learning rate", showlegend=False)
    colours = charts.palette(widgets.is_dark())["colours"]
    figure.add_scatter(x=told["rates"], y=told["losses"], mode="lines", line={"width": 1.8, "color": colours[0]})
    for number, name in enumerate(("valley", "steep", "minimum"), 1):
        figure.add_vline(x=told[name], line={"width": 1.5, "dash": "dot", "color": colours[number]})
    figure.update_xaxes(type="log", tickformat=".0e")
    st.plotly_chart(
        figure, theme=None, config=charts.CONFIG, height=190, width="stretch", key=f"curve-{path.stem}",
        alt=f"Loss over learning rate; valley at {told['valley']:.2g}",
    )  # fmt: skip
    st.caption(f"Suggested: valley {told['valley']:.2g}, steep {told['steep']:.2g}, minimum {told['minimum']:.2g}.")
