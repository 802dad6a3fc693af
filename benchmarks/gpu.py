"""Training on a GPU: images a second of three trainings, ours against the plain loop of the same library.

Ours: bfloat16, channels last, pictures held on the GPU as uint8 and augmented there. The plain loop: float32, every
picture decoded from its file by a DataLoader with workers, moved over batch by batch, no augmentation. Both sides give
seconds an image, measured over whole epochs after the first; the share of time the GPU was at work is printed beside
them. Without a GPU there are no cases.
"""

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.harness import Case, Seconds, Way
from cloudcore import images, runs, samples
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task
from cloudcore.satellite.table import PATTERNS

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
WORKERS = 8
EPOCHS, STEPS = 4, 40
WANTED: dict[str, tuple[str, dict[str, Any]]] = {
    "gpu-unet-resnet34-320x480": (
        "patterns",
        {"encoder": "resnet34", "decoder_width": 256, "size": "320x480", "batch": 64, "min_steps": STEPS},
    ),
    "gpu-cloudnet-dense-512": (
        "sky",
        {"network": "cloudnet", "size": 0, "crop": 512, "batch": 16, "stride": 4, "min_steps": STEPS},
    ),
    "gpu-resnet34-224": ("genus", {"network": "resnet34", "size": 224, "presize": 256, "batch": 64, "test": 0.0}),
}


class Files(Dataset[tuple[Any, Any]]):
    """Each entry read from its file when asked for: (x float32 (3, h, w), target)."""

    def __init__(self, read: Callable[[int], tuple[Any, Any]], files: int, length: int) -> None:
        self.read, self.files, self.length = read, files, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.read(index % self.files)


def _reader(name: str, config: Any, prepared: Any) -> tuple[Callable[[int], tuple[Any, Any]], int]:
    """What reads one training picture and its target from files, and how many there are."""

    def normal(image: images.Image) -> Any:
        return torch.from_numpy((image.astype(np.float32) / 255).transpose(2, 0, 1).copy())

    def pattern(index: int) -> tuple[Any, Any]:
        stem, size_hw = prepared.train[index], (320, 480)
        image = images.resize(images.read(prepared.folder / stem), size_hw)
        whole = prepared.table.masks(stem, size_hw)
        return normal(image), torch.from_numpy(np.asarray(whole, np.uint8).reshape(len(PATTERNS), *size_hw))

    def frame(index: int) -> tuple[Any, Any]:
        pair, side = prepared.train[index].pair, (config.crop, config.crop)
        label = images.read_label(pair.mask)
        return normal(images.resize(images.read(pair.image), side)), torch.from_numpy(np.resize(label, side))

    def photo(index: int) -> tuple[Any, Any]:
        example = prepared.train[index].photo
        return normal(images.resize(images.read(example.path), (config.size, config.size))), example.label

    return {"patterns": pattern, "sky": frame, "genus": photo}[name], len(prepared.train)


def _watched(work: Callable[[], Any]) -> tuple[Any, float | None]:
    """What work gives, and the mean utilisation of the GPU meanwhile, per cent, as nvidia-smi tells it."""
    over, seen = threading.Event(), []
    ask = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]

    def look() -> None:
        while not over.wait(0.2):
            told = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.split()
            seen.extend(float(word) for word in told[:1])

    watcher = threading.Thread(target=look)
    if DEVICE == "cuda":
        watcher.start()
    try:
        found = work()
    finally:
        over.set()
        if watcher.ident:
            watcher.join()
    return found, statistics.mean(seen) if seen else None


def _say(case: str, side: str, seconds: float, busy: float | None) -> Seconds:
    share = f"GPU at work {busy:.0f} % of the time" if busy is not None else "no GPU"
    print(f"  {case}, {side}: {1 / seconds:.1f} images/s, {share}", flush=True)
    return Seconds(seconds)


def _make(case: str) -> tuple[Way, Way]:
    name, options = WANTED[case]
    root = Path(tempfile.mkdtemp())
    os.environ["CLOUDCORE_WORKSPACE"] = str(root / "workspace")
    samples.write(root / "data")
    task = get_task(name)
    few = {"epochs": EPOCHS, "validation": 0.0, "schedule": "constant"}
    # a genus epoch is one pass over 80 photographs: more epochs stand for more steps
    config = make_config(task, {**options, **few, **({"epochs": STEPS} if name == "genus" else {})})
    prepared: Any = task.dataset(config, root / "data" / name)

    def ours() -> Seconds:
        from cloudcore.learning.fit import loop

        run = runs.create(root / "runs", name, root, {})
        with runs.Reporter(run) as reporter:
            _, busy = _watched(lambda: loop.fit(task, config, prepared, reporter, DEVICE))
        speed = statistics.median(row["images_per_second"] for row in run.history()[1:])
        return _say(case, "ours", 1 / speed, busy)

    def other() -> Seconds:
        read, count = _reader(name, config, prepared)
        loader = DataLoader(Files(read, count, config.batch * STEPS), config.batch, shuffle=True, num_workers=WORKERS)
        net = task.network(config, len(prepared.classes)) if task.kind == "class" else task.network(config)
        net = net.to(DEVICE).train()
        optimiser, loss = torch.optim.AdamW(net.parameters(), lr=config.learning_rate), task.loss(config)

        def epoch() -> float:
            began = time.perf_counter()
            for x, y in loader:
                optimiser.zero_grad()
                loss(task.forward(config, net, x.to(DEVICE)), y.to(DEVICE)).backward()
                optimiser.step()
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            return (time.perf_counter() - began) / (config.batch * STEPS)

        epoch()
        seconds, busy = _watched(epoch)
        return _say(case, "plain loop", seconds, busy)

    return ours, other


def _case(name: str) -> Case:
    return Case(name, lambda: _make(name), goal=1, repeats=2)


CASES = [_case(name) for name in WANTED] if DEVICE == "cuda" else []
