"""The first start: with nothing there yet, samples are drawn once, by one thread of one process, whoever asks first."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import streamlit as st

from cloudcore import samples
from cloudcore import settings as environment
from cloudcore.frames.chosen_folder import frames_folder, sample_frames
from cloudcore.settings import Settings


def needs_samples(settings: Settings) -> bool:
    """Whether there is nothing to show: no frame of one's own, no chosen folder, no samples."""
    return frames_folder(settings) == sample_frames(settings) and not sample_frames(settings).is_dir()


def _warm() -> None:
    """Compile the kernels into numba's cache on disk, in a process of its own: the compiler would block this one."""
    root = str(Path(__file__).parents[3])
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", "from cloudcore.masks import sweep; sweep.warm()"]
    subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)


class _Preparation:
    """The samples on their way: drawn in one thread while another process compiles the kernels."""

    def __init__(self, settings: Settings) -> None:
        self.fraction, self.text = 0.0, "Drawing sample frames"
        self._settings = settings
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="first-start")
        threading.Thread(target=_warm, daemon=True).start()
        self.done: Future[None] = self._pool.submit(self._write)
        self._pool.shutdown(wait=False)

    def _progress(self, fraction: float, text: str) -> None:
        self.fraction, self.text = min(1.0, max(0.0, fraction)), text

    def _write(self) -> None:
        """Write under a lock that other processes respect and that a crash releases: SQLite's own, on any system."""
        self._settings.workspace.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(self._settings.workspace / "first-start.lock", timeout=120, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            if needs_samples(self._settings):
                samples.write(self._settings.samples, progress=self._progress)
        finally:
            lock.close()


@st.cache_resource(show_spinner=False, max_entries=16)
def _preparation(settings: Settings) -> _Preparation:
    return _Preparation(settings)


def prepare() -> None:
    """Draw the samples if there is nothing to show; every session that comes meanwhile watches the same progress."""
    settings = environment.load()
    if not needs_samples(settings):
        return
    work = _preparation(settings)
    place = st.empty()
    with place.container(width=520, key="first-start"):
        st.subheader("First start: drawing a sky to try things on", anchor=False)
        st.caption("Sample frames by night and by day, with exact masks. They are drawn, no camera took them.")
        bar = st.progress(0.0)
    while not work.done.done():
        bar.progress(work.fraction, work.text)
        time.sleep(0.1)
    place.empty()
    _preparation.clear(settings)
    try:
        work.done.result()
    except OSError as error:
        st.error(
            f"The samples cannot be written to {settings.samples}: {(error.strerror or 'refused').lower()}. "
            "Free the place, or name another with CLOUDCORE_WORKSPACE, and start again."
        )
        st.stop()
