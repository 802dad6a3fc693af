"""A new process to its first prediction: ours through ONNX Runtime, the other through fastai's load_learner.

The same network answers on both sides: the U-Net of the shipped model `sky`, with two outputs for fastai, as its
segmentation loss wants. Weights of the other are random, which costs the same. Each side is timed from the start of its
process to its end, with the interpreter and every import in it.
"""

import atexit
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Case, Seconds, Way

ROOT = Path(__file__).parent.parent
_OURS = """
import sys
from cloudcore import images, models
probability = models.load("sky")(images.read(sys.argv[1]))
print(probability.shape)
"""
_OTHER = """
import sys
from fastai.learner import load_learner
learner = load_learner(sys.argv[2])
print(learner.predict(sys.argv[1])[0].shape)
"""


def label_of(path: Path) -> Path:
    """The label PNG of a frame; stands here by name, since an exported learner names the function it was made with."""
    return path.parents[1] / "masks" / path.name


def _first_answer(script: str, *arguments: Path) -> Seconds:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the process ended with {done.returncode}: {done.stderr[-500:]}")
    return Seconds(time.perf_counter() - start)


def _export_learner(folder: Path, config: Any) -> Path:
    """A fastai learner around the same U-Net, written by fastai's own export."""
    import segmentation_models_pytorch as smp
    from fastai.learner import Learner
    from fastai.losses import CrossEntropyLossFlat
    from fastai.vision.data import SegmentationDataLoaders

    frames = sorted((folder / "sky" / "images").glob("*.png"))[:8]
    loaders = SegmentationDataLoaders.from_label_func(
        folder, frames, label_of, codes=np.array(["sky", "cloud"]), bs=2, num_workers=0
    )
    channels = tuple(max(16, config["decoder_width"] // 2**level) for level in range(5))
    net = smp.Unet(config["encoder"], encoder_weights=None, decoder_channels=channels, in_channels=3, classes=2)
    learner = Learner(loaders, net, loss_func=CrossEntropyLossFlat(axis=1), path=folder)
    learner.export("learner")
    return folder / "learner"


def _make() -> tuple[Way, Way]:
    from cloudcore import models, samples

    folder = Path(tempfile.mkdtemp(prefix="predict-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    samples.write(folder / "drawn")
    frame = min((folder / "drawn" / "sky" / "images").glob("*.png"))
    learner = _export_learner(folder / "drawn", models.ModelInfo.read(models.find_folder("sky")).options)
    return lambda: _first_answer(_OURS, frame), lambda: _first_answer(_OTHER, frame, learner)


_OURS_GENUS = """
import sys
from cloudcore import images, models
print(models.load("genus").classify(images.read(sys.argv[1])).probability.argmax())
"""

_OTHER_GENUS = """
import sys
from fastai.learner import load_learner
learner = load_learner(sys.argv[2])
print(learner.predict(sys.argv[1])[0])
"""


def _make_genus() -> tuple[Way, Way]:
    """A photograph's genus: the shipped model, and fastai's vision_learner with ResNet34, its weights random."""
    from fastai.vision.data import ImageDataLoaders
    from fastai.vision.learner import vision_learner
    from torchvision.models import resnet34

    from cloudcore.samples import photographs

    folder = Path(tempfile.mkdtemp(prefix="predict-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    photographs.write(folder / "genus")
    photo = min((folder / "genus").rglob("*.jpg"))
    loaders = ImageDataLoaders.from_folder(folder / "genus", valid_pct=0.2, seed=0, bs=4, num_workers=0)
    vision_learner(loaders, resnet34, pretrained=False, path=folder).export("learner")
    learner = folder / "learner"
    return lambda: _first_answer(_OURS_GENUS, photo), lambda: _first_answer(_OTHER_GENUS, photo, learner)


CASES = [
    Case("predict: new process to first mask", _make, goal=10.0, repeats=7),
    Case("predict: new process to first genus", _make_genus, goal=10.0, repeats=7),
]
"""Cases of this file."""
