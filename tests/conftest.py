"""Fixtures every test may use: seeded randomness, the sample workspace, real data where it is named, a browser."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import waiting

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the checkout's own workspace or labels."""
    monkeypatch.setenv("CLOUDCORE_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("CLOUDCORE_LABELS", str(tmp_path / "labels"))
    monkeypatch.delenv("CLOUDCORE_DATABASE_URL", raising=False)


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator."""
    return np.random.default_rng(20261121)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample workspace, written once a test session; read only."""
    from cloudcore import samples as writer

    folder = tmp_path_factory.mktemp("samples") / "samples"
    writer.write(folder, seed=0)
    return folder


@pytest.fixture(scope="session")
def small_sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve small frames of four nights: bright round clouds on a dark sky. A sky data folder; read only."""
    from cloudcore import images

    root = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(5)
    grid = np.indices((72, 80)).transpose(1, 2, 0)
    for night in range(4):
        for number in range(3):
            cloud = np.zeros((72, 80), bool)
            for _ in range(3):
                cloud |= np.linalg.norm(grid - rng.uniform(0, 72, 2), axis=2) < rng.uniform(8, 22)
            light = np.where(cloud[..., None], (190, 190, 185), (40, 60, 110)) + rng.normal(0, 12, (72, 80, 3))
            stem = f"c_2020-01-{night * 2 + 1:02d}T22-0{number}-00"
            label = np.where(cloud, 255, 0).astype(np.uint8)
            label[:6] = 128
            images.write_png(root / "images" / f"{stem}.png", np.clip(light, 0, 255).astype(np.uint8))
            images.write_png(root / "masks" / f"{stem}.png", label)
    return root


@pytest.fixture(scope="session")
def sky_data(samples: Path) -> Path:
    """A sky data folder: real frames where CLOUDCORE_REAL_DATA names them, the samples otherwise."""
    real = os.environ.get("CLOUDCORE_REAL_DATA", "")
    return Path(real) / "allsky" if real else samples / "sky"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class App:
    """A running Cloud Lab on a free port of 127.0.0.1, with folders of its own."""

    def __init__(self, folder: Path, samples_from: Path | None, environ: dict[str, str]) -> None:
        self.folder, self.port = folder, _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.workspace, self.labels = folder / "workspace", folder / "labels"
        if samples_from is not None and not (self.workspace / "samples").exists():
            self.workspace.mkdir(parents=True)
            shutil.copytree(samples_from, self.workspace / "samples")
        self.environ = {**os.environ, **environ, "CLOUDCORE_WORKSPACE": str(self.workspace)}
        self.environ["CLOUDCORE_LABELS"] = str(self.labels)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "App":
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={self.port}"]
        self.log = open(self.folder / "server.log", "ab")  # noqa: SIM115 - closed in stop()
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=self.log, stderr=self.log)
        waiting.until(self._answers, told=lambda: (self.folder / "server.log").read_text()[-2000:])
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/_stcore/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Stop the server."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None
            self.log.close()
        # a training goes on without its server: end those that were started here
        found = subprocess.run(["pgrep", "-f", f"cloudcore train .*{self.workspace}"], capture_output=True, text=True)
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@pytest.fixture
def app_factory(tmp_path: Path, samples: Path) -> Iterator[Callable[..., App]]:
    """Makes running apps: app_factory(samples=True, environ={})."""
    apps: list[App] = []

    def make(with_samples: bool = True, environ: dict[str, str] | None = None, name: str = "app") -> App:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        apps.append(App(folder, samples if with_samples else None, environ or {}).start())
        return apps[-1]

    yield make
    for app in apps:
        app.stop()


def chromium_path() -> str | None:
    """The system's Chromium, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return None


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium by Playwright; skipped in words without one, failed where CI=true."""
    path = chromium_path()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium found, and CI must run the browser tests: install the package chromium")
        pytest.skip("no Chromium found: install the package chromium to run the browser tests")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh browser page of 1440x900."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()
