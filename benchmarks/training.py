"""Training on the CPU: our whole Learner against a bare loop, and an epoch against the published pipeline.

The bare loop takes the same batches, network, loss and optimiser; ours also watches, writes history, pictures,
TensorBoard events and a checkpoint. The published pipeline decodes the full JPEG and its run lengths at every visit,
works image by image in float64, and trains in float32; ours reads a cache, augments the batch, and trains in bfloat16,
channels last. Network, batch, images and steps are the same.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.harness import Case, Seconds, Way
from benchmarks.patterns import MEAN, STD
from benchmarks.rle import plain_decode
from cloudcore import runs, samples
from cloudcore.learning.options import make_config
from cloudcore.learning.task import Task
from cloudcore.learning.tasks import get_task
from cloudcore.samples import patterns
from cloudcore.satellite.table import PATTERNS

SIZE_HW = (320, 480)
BATCH = 4
DISTORTED = 0.2
"""Chance of a distorted grid, and of an elastic distortion, in the published augmentation."""


def fitted(task: Task, config: Any, prepared: Any, root: Path) -> Way:
    """A way that trains one fresh run with everything a run has around it."""

    def ours() -> Any:
        from cloudcore.learning.fit import loop

        run = runs.create(root / "runs", task.name, root, {})
        with runs.Reporter(run) as reporter:
            return loop.fit(task, config, prepared, reporter, "cpu")

    return ours


def _bare() -> tuple[Way, Way]:
    """An epoch of sky crops, 24 steps of 8, by fit and by a loop of ten lines."""
    import torch

    folder = Path(tempfile.mkdtemp())
    samples.write(folder / "drawn")
    task = get_task("sky")
    config = make_config(task, {"epochs": 1, "validation": 0.0, "min_steps": 24, "schedule": "constant"})
    prepared = task.dataset(config, folder / "drawn" / "sky")

    def other() -> Any:
        torch.manual_seed(0)
        net = task.network(config).to(memory_format=torch.channels_last).train()
        optimiser = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        loss = task.loss(config)
        for x, y in prepared.batches(0):
            optimiser.zero_grad()
            loss(net(x), y).backward()
            optimiser.step()
        return net

    return fitted(task, config, prepared, folder), other


def _moved(x: Any, y: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """One image and its masks mirrored, and now and then distorted, as the published augmentation does it."""
    for axis in (0, 1):
        if rng.random() < 0.5:
            x, y = np.flip(x, axis), np.flip(y, axis)
    height, width = SIZE_HW
    for cells, reach in ((5, 12.0), (height // 8, 6.0)):
        if rng.random() >= DISTORTED:
            continue
        shift = rng.uniform(-reach, reach, (2, cells, cells)).astype(np.float32)
        down, right = np.indices(SIZE_HW, np.float32)
        maps = [cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in shift]
        x, y = (
            cv2.remap(np.ascontiguousarray(part), right + maps[0], down + maps[1], method)
            for part, method in ((x, cv2.INTER_LINEAR), (y, cv2.INTER_NEAREST))
        )
    return x, y


def published_batches(folder: Path, texts: dict[str, list[str]], rng: np.random.Generator | None) -> Iterator[Any]:
    """(x float32 (N, 3, h, w), y float32 (N, 4, h, w)) decoded afresh, image by image, augmented where rng is given."""
    import torch

    names = list(texts)
    order = rng.permutation(len(names)) if rng else np.arange(len(names))
    for start in range(0, len(names), BATCH):
        chosen = [names[i] for i in order[start : start + BATCH]]
        x = np.empty((len(chosen), *SIZE_HW, 3))
        y = np.empty((len(chosen), *SIZE_HW, len(PATTERNS)))
        for row, name in enumerate(chosen):
            image = cv2.cvtColor(cv2.imread(str(folder / name)), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
            masks = np.stack([plain_decode(text) for text in texts[name]], axis=-1).astype(np.float32)
            small, cut = cv2.resize(image, SIZE_HW[::-1]), cv2.resize(masks, SIZE_HW[::-1])
            x[row], y[row] = _moved(small, cut, rng) if rng else (small, cut)
        x = (x - MEAN) / STD
        yield tuple(torch.from_numpy(a.transpose(0, 3, 1, 2).astype(np.float32, order="C")) for a in (x, y))


def _repeat(folder: Path, times: int) -> None:
    """Every image under `times` names, its rows of train.csv too: as many reads as a larger set would take."""
    head, *rows = (folder / "train.csv").read_text().splitlines()
    for path in sorted((folder / "train_images").iterdir()):
        for copy in range(1, times):
            os.link(path, path.with_name(f"{copy}{path.name}"))
    rows = [f"{copy or ''}{row}" for copy in range(times) for row in rows]
    (folder / "train.csv").write_text("\n".join([head, *rows]) + "\n")


def _sides(root: Path) -> tuple[Way, Way]:
    """An epoch of both, over the images below root / "data"."""
    import torch

    os.environ["CLOUDCORE_WORKSPACE"] = str(root / "workspace")
    task = get_task("patterns")
    options = {
        "size": "320x480",
        "decoder_width": 256,
        "batch": BATCH,
        "epochs": 1,
        "min_steps": 1,
        "precision": "bfloat16",
        "schedule": "constant",
        "shift_scale_rotate": 0.0,
        "blur": 0.0,
        "grid_distortion": DISTORTED,
        "elastic": DISTORTED,
    }
    config = make_config(task, options)
    prepared: Any = task.dataset(config, root / "data")  # the cache is filled here, once, as before a first epoch
    texts = {
        part: {name: [prepared.table.text(name, pattern) for pattern in PATTERNS] for name in getattr(prepared, part)}
        for part in ("train", "valid")
    }

    def other() -> Any:
        torch.manual_seed(0)
        net, rng = task.network(config).train(), np.random.default_rng(0)
        optimiser, loss = torch.optim.Adam(net.parameters(), lr=config.learning_rate), task.loss(config)
        for x, y in published_batches(prepared.folder, texts["train"], rng):
            optimiser.zero_grad()
            loss(net(x), y).backward()
            optimiser.step()
        net.eval()
        with torch.no_grad():
            return [float(loss(net(x), y)) for x, y in published_batches(prepared.folder, texts["valid"], None)]

    return fitted(task, config, prepared, root), other


def _epoch() -> tuple[Way, Way]:
    """One epoch at 320 x 480 with a small encoder and the published decoder, validation included.

    12 drawn images, each 8 times. Each side runs in a process of its own, since ours tells the C library to keep freed
    memory, which would help the other too; the first epoch there warms up, the second is timed.
    """
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    for draw in patterns.write(root / "data"):
        draw()
    _repeat(root / "data", 8)

    def side(place: int) -> Way:
        def run() -> Seconds:
            command = [sys.executable, "-m", "benchmarks.training", str(place), str(root)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"the process ended with {done.returncode}: {done.stderr[-500:]}")
            return Seconds(float(done.stdout.split()[-1]))

        return run

    return side(0), side(1)


CASES = [
    Case("train-in-a-bare-loop", _bare, goal=0.95, repeats=5),
    Case("train-epoch-published-320x480", _epoch, goal=3, repeats=2),
]

if __name__ == "__main__":
    way = _sides(Path(sys.argv[2]))[int(sys.argv[1])]
    way()
    began = time.perf_counter()
    way()
    print(time.perf_counter() - began)
