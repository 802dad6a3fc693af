"""The kind of a storm on a radar picture: cellular, a line, tropical, other, noise, or missing data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore import images, models
from cloudcore.errors import DataError
from cloudcore.learning.batches.class_data import fit_temperature, labels
from cloudcore.learning.batches.radar_data import RadarData, spread
from cloudcore.learning.settings import TrainingSettings, in_order, option, shared
from cloudcore.learning.task import Loss, Network, Progress, Task
from cloudcore.photographs import folders as photographs_folders
from cloudcore.radar import folders
from cloudcore.radar import variants as radar_variants

MULTIPLE = 8


@in_order(
    "network epochs batch learning_rate rotation shift shear zoom flips seed dropout validation test split_seed "
    "optimiser momentum weight_decay schedule averaging precision stop_after compile"
)
@dataclass(frozen=True)
class Config(TrainingSettings):
    """Settings of a radar training. Defaults: three blocks on the samples in well under a minute on two cores."""

    network: str = option("blocks", "Three blocks, or the chapter's one convolution", choices=("blocks", "chapter"))
    epochs: int = shared("epochs", 16, "Passes over the pictures")
    batch: int = shared("batch", help="Pictures a step", low=2)
    learning_rate: float = shared("learning_rate", 0.008)
    rotation: float = option(10.0, "Turned at most", low=0.0, high=180.0, unit="degrees")
    shift: float = option(0.05, "Shifted at most, share of the side", low=0.0, high=0.5)
    shear: float = option(5.0, "Sheared at most", low=0.0, high=45.0, unit="degrees")
    zoom: float = option(0.1, "Zoomed at most, share", low=0.0, high=1.0)
    flips: bool = option(True, "Mirrored up and down, left and right")
    dropout: float = option(0.0, "Share of maps (chapter) or features (blocks) dropped", low=0.0, high=0.9)
    validation: float = shared("validation", help="Share held out for choices, by day", high=0.5)
    test: float = option(0.0, "Share held out for the scores alone, by day", low=0.0, high=0.5)
    split_seed: int = option(0, "Fixes who is held out, whatever the seed", low=0, high=2**31 - 1, advanced=True)
    optimiser: str = shared("optimiser", choices=("adamw", "adam", "sgd"))
    momentum: float = shared("momentum", help="Momentum of SGD, first beta of Adam")
    averaging: float = shared("averaging", 0.97)


_CHAPTER: dict[str, Any] = {
    "network": "chapter",
    "epochs": 10,
    "batch": 32,
    "optimiser": "adam",
    "schedule": "constant",
    "weight_decay": 0.0,
    "averaging": 0.0,
    "learning_rate": 1e-4,
    "rotation": 0.0,
    "shift": 0.0,
    "shear": 0.0,
    "zoom": 0.0,
    "flips": False,
}
PRESETS: dict[str, dict[str, Any]] = {
    "Three blocks": {},
    "Chapter": _CHAPTER,
    "Chapter, dropout and augmentation": _CHAPTER
    | {
        "learning_rate": 1e-5,
        "dropout": 0.3,
        "rotation": 5.0,
        "shift": 0.1,
        "shear": 5.0,
        "zoom": 0.1,
        "flips": True,
    },
}


def dataset(config: Config, folder: Path, progress: Progress | None = None) -> RadarData:
    """Read a folder of classes and split it by day. Raises DataError."""
    read = folders.read_folder(folder, progress)
    by_photo = {example.photo: example for example in read.examples}
    parts = photographs_folders.split(list(by_photo), config.validation, config.test, config.split_seed)
    train, valid, test = ([by_photo[photo] for photo in part] for part in (parts.train, parts.valid, parts.test))
    if not train:
        raise DataError(f"No picture of {folder} is left to learn from. Add some, or hold out less.")
    note = (
        f"{len(train)} pictures to learn from, {len(valid)} for choices, {len(test)} for scores, a day on one side; "
        f"{read.dropped} left out as twice there, {len(read.refused)} no radar pictures."
    )
    stems = {name: [e.photo.stem for e in part] for name, part in (("train", train), ("valid", valid), ("test", test))}
    return RadarData(config, read.classes, train, valid, test, note, stems)


def network(config: Config, classes: int = 6) -> Network:
    """The torch module: x (N, 1 or 3, 136, 136) of dBZ / 80 -> logits (N, classes)."""
    from cloudcore.learning.networks import radar_net

    return radar_net.build(config.network, classes, config.dropout)


def loss(config: Config) -> Loss:
    """loss(logits (N, K), classes (N,)): cross-entropy."""
    from torch.nn import functional

    return functional.cross_entropy


def deploy(config: Config, net: Network) -> tuple[Network, dict[str, Any]]:
    """What is exported: (module giving logits (N, K), how a picture is fitted to it)."""
    from cloudcore.learning.networks import radar_net

    return radar_net.Deployed(net), {"geometry": "square", "side": folders.SIDE, "multiple": MULTIPLE}


def calibrate(prepared: RadarData, predictor: models.Predictor) -> dict[str, Any]:
    """Temperature fitted on the validation pictures: {temperature, calibrated_on}; empty without any."""
    if not prepared.valid:
        return {}
    logits = np.stack([predictor.logits(example.image) for example in prepared.valid]).astype(np.float64)
    return {
        "temperature": fit_temperature(logits, labels(prepared.valid)),
        "calibrated_on": sorted(example.photo.sha256 for example in prepared.valid),
    }


def variants(config: Config, picture: images.Image, count: int = 9) -> list[images.Image]:
    """What the augmentation makes of a picture (136, 136, 3): the first `count` variants, in colours."""
    rng = np.random.default_rng([config.seed, 3])
    warps = radar_variants.draw(count, picture.shape[:2], spread(config), rng)
    fields = radar_variants.varied(np.repeat(picture[None, ..., 0], count, axis=0), warps)
    return [radar_variants.shown(np.repeat(one[..., None], 3, axis=2)) for one in fields]


TASK = Task(
    name="radar",
    title="Storms on radar pictures",
    kind="class",
    Config=Config,
    dataset=dataset,
    network=network,
    loss=loss,
    metrics=("accuracy", "macro_f1", "top3", "ece"),
    preflight=folders.preflight,
    presets=PRESETS,
    deploy=deploy,
    calibrate=calibrate,
    draw=radar_variants.shown,
    variants=variants,
)
