"""The genus of a cloud photograph: any convolutional classifier, learnt from a folder per class."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore import models
from cloudcore.errors import DataError, ModelError
from cloudcore.frames.preflight import Preflight
from cloudcore.learning.batches import photograph_data
from cloudcore.learning.batches.class_data import fit_temperature, labels
from cloudcore.learning.batches.photograph_data import GenusData, predicting_side
from cloudcore.learning.settings import TrainingSettings, in_order, option, shared
from cloudcore.learning.task import Loss, Network, Progress, Task, Tensor
from cloudcore.photographs import decisions, folders, rejection

RECALL = 0.95


@in_order(
    "network weights epochs batch learning_rate size seed validation test equalise split_seed test_folder presize "
    "test_size progressive crop augment smoothing mixup cutmix dropout drop_path frozen body_rate optimiser "
    "momentum weight_decay schedule averaging flip_test precision stop_after compile"
)
@dataclass(frozen=True)
class Config(TrainingSettings):
    """Settings of a genus training. Defaults: a small network from scratch, minutes on two cores."""

    network: str = option("resnet10t", "Any convolutional network of timm or torchvision, such as resnet34")
    weights: str = option("none", "Start: none, imagenet (fetched), or a safetensors file")
    epochs: int = shared("epochs", 30, "Passes over the photographs")
    batch: int = shared("batch", 64, "Photographs a step", low=2)
    learning_rate: float = shared("learning_rate", 0.003)
    size: int = option(128, "Side of what the network sees in training", low=32, high=512, unit="px")
    validation: float = shared("validation", 0.1, "Share held out for choices: best epoch, temperature", high=0.5)
    test: float = option(0.15, "Share held out for the scores alone", low=0.0, high=0.5)
    equalise: str = option(
        "none",
        "Classes as they are, weighted in the loss, or drawn equally often",
        choices=("none", "weighted", "equalised"),
    )
    split_seed: int = option(0, "Fixes who is held out, whatever the seed", low=0, high=2**31 - 1, advanced=True)
    test_folder: str = option(
        "", "A folder of the same classes for the scores alone; empty: a part held out here", advanced=True
    )
    presize: int = option(256, "Photographs are kept at this shorter side", low=64, high=1024, unit="px", advanced=True)
    test_size: int = option(0, "Side when predicting; 0: as in training", low=0, high=512, unit="px", advanced=True)
    progressive: float = option(
        1.0, "Side of the first epochs, as a share; grows over two thirds", low=0.3, high=1.0, advanced=True
    )
    crop: float = option(0.5, "Smallest share of the area a random crop keeps", low=0.05, high=1.0, advanced=True)
    augment: float = option(0.5, "Strength of crops, flips, light, tint, grey", low=0.0, high=1.0, advanced=True)
    smoothing: float = option(0.1, "Label smoothing", low=0.0, high=0.5, advanced=True)
    mixup: float = option(0.0, "Beta of mixup; 0: none", low=0.0, high=2.0, advanced=True)
    cutmix: float = option(0.0, "Beta of cutmix; 0: none", low=0.0, high=2.0, advanced=True)
    dropout: float = option(0.0, "Dropout before the last layer", low=0.0, high=0.9, advanced=True)
    drop_path: float = option(0.0, "Stochastic depth, for networks that have it", low=0.0, high=0.5, advanced=True)
    frozen: float = option(
        0.25, "Share of the epochs with the body frozen, on given weights", low=0.0, high=0.9, advanced=True
    )
    body_rate: float = option(
        0.1, "Rate of the body over the rate of the head, on given weights", low=0.0, high=1.0, advanced=True
    )
    weight_decay: float = shared("weight_decay", 0.05, "Decoupled weight decay")
    flip_test: bool = option(True, "Predict on the photograph and its mirror image, averaged", advanced=True)


PRESETS: dict[str, dict[str, Any]] = {
    "Quick": {},
    "ResNet34 from ImageNet, as published": {
        "network": "resnet34",
        "weights": "imagenet",
        "epochs": 8,
        "size": 224,
        "learning_rate": 0.002,
        "batch": 32,
        "equalise": "equalised",
        "augment": 1.0,
    },
    "Thorough, from scratch": {
        "epochs": 300,
        "learning_rate": 0.003,
        "augment": 0.8,
        "crop": 0.3,
        "mixup": 0.2,
        "cutmix": 1.0,
        "dropout": 0.1,
        "averaging": 0.998,
        "progressive": 0.6,
        "precision": "bfloat16",
    },
}


def dataset(config: Config, folder: Path, progress: Progress | None = None) -> GenusData:
    """Read a folder of classes, the cleaner's decisions applied, twins together, split. Raises DataError."""
    decided = decisions.apply_to(folder)
    read = folders.read_folder(folder, config.presize, progress, where=decided)
    by_photo = {example.photo: example for example in read.examples}
    share = 0.0 if config.test_folder else config.test
    parts = folders.split(list(by_photo), config.validation, share, config.split_seed)
    train, valid, test = ([by_photo[photo] for photo in part] for part in (parts.train, parts.valid, parts.test))
    if config.test_folder:
        test = _test_part(config, read.classes, {example.photo.sha256 for example in read.examples})
    if not train:
        raise DataError(f"No photograph of {folder} is left to learn from. Add some, or hold out less.")
    note = (
        f"{len(train)} photographs to learn from, {len(valid)} for choices, {len(test)} for the scores, twins on one "
        f"side; {read.dropped} left out as filed under two names, {len(read.refused)} unreadable."
    )
    stems = {name: [e.photo.stem for e in part] for name, part in (("train", train), ("valid", valid), ("test", test))}
    return GenusData(config, read.classes, train, valid, test, note, stems)


def _test_part(config: Config, classes: tuple[str, ...], known: set[str]) -> list[folders.Example]:
    """Photographs of the separate test folder, without files that are in the training folder too."""
    folder = Path(config.test_folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"There is no test folder {config.test_folder!r}. Name a folder, or leave the field empty.")
    read = folders.read_folder(folder, config.presize)
    if read.classes != classes:
        raise DataError(
            f"The test folder holds {', '.join(read.classes)}, wanted {', '.join(classes)}. Name its folders alike."
        )
    return [example for example in read.examples if example.photo.sha256 not in known]


def network(config: Config, classes: int = 10) -> Network:
    """The torch module: normalised x (N, 3, H, W) -> logits (N, classes)."""
    from cloudcore.learning.networks import photograph_net

    try:
        net = photograph_net.build(
            config.network, classes, config.dropout, config.weights == "imagenet", config.drop_path
        )
    except OSError as problem:
        raise ModelError("ImageNet weights could not be fetched. Go online, or set weights to none.") from problem
    if config.weights not in ("none", "imagenet"):
        _fill_body(net, Path(config.weights))
    return net


def _fill_body(net: Network, path: Path) -> None:
    """Take what fits from a safetensors file of the same network, the last layer left out."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        given = load_file(path)
    except (OSError, SafetensorError) as problem:
        raise ModelError(
            f"Weights {path.name!r} cannot be read as safetensors. Give another file, or none."
        ) from problem
    own = net.body.state_dict()
    named = {name.removeprefix("body."): value for name, value in given.items()}
    fitting = {name: value for name, value in named.items() if name in own and own[name].shape == value.shape}
    if len(fitting) < 0.9 * len(own):
        raise ModelError(f"{path.name} fits {len(fitting)} of {len(own)} tensors. Choose the network it belongs to.")
    net.body.load_state_dict(fitting, strict=False)


def loss(config: Config) -> Loss:
    """loss(logits (N, K), target): cross-entropy, smoothed on soft targets (N, K), plain on classes (N,)."""
    from torch.nn import functional

    def value(logits: Tensor, target: Tensor) -> Tensor:
        if target.ndim == 1:
            return functional.cross_entropy(logits, target)
        return functional.cross_entropy(logits, target, label_smoothing=config.smoothing)

    return value


def deploy(config: Config, net: Network) -> tuple[Network, dict[str, Any]]:
    """What is exported: (module giving logits (N, K) and maps (N, K, h, w), how a photograph is fitted to it)."""
    from cloudcore.learning.networks import photograph_net

    side = predicting_side(config)
    return photograph_net.Deployed([net], config.flip_test), {
        "geometry": "square",
        "side": side,
        "multiple": photograph_data.STEP_PX,
    }


def calibrate(prepared: GenusData, predictor: models.Predictor) -> dict[str, Any]:
    """Temperature and rejection fitted on the validation photographs: {temperature, rejection, calibrated_on}.

    The temperature minimises the log loss (Guo et al. 2017). The rejection keeps 95 % of the photographs, by the free
    energy logsumexp(logits) (Liu et al. 2020) at half weight less the distance of the picture's statistics from those
    learnt from, each in units of its spread over the validation photographs. No other picture counts.
    """
    if not prepared.valid:
        return {}
    logits = np.stack([predictor.logits(example.image) for example in prepared.valid]).astype(np.float64)
    energy = np.array([models.strength(row, "energy") for row in logits])
    fitted = rejection.fit([example.image for example in prepared.train])
    away = np.array([rejection.distance(example.image, fitted) for example in prepared.valid])
    scale, distance_scale = (0.5 / max(energy.std(), 1e-6), 1 / max(away.std(), 1e-6)) if fitted else (1.0, 0.0)
    cut = float(np.quantile(energy * scale - away * distance_scale, 1 - RECALL))
    return {
        "temperature": fit_temperature(logits, labels(prepared.valid)),
        "rejection": {
            "by": "energy",
            "scale": float(scale),
            "distance_scale": float(distance_scale),
            "statistics": fitted,
            "threshold": round(cut, 5),
            "recall": RECALL,
            "n": len(prepared.valid),
        },
        "calibrated_on": sorted(example.photo.sha256 for example in prepared.valid),
    }


def preflight(folder: Path) -> Preflight:
    """A look at the folder before anything starts, the cleaner's decisions applied."""
    return folders.preflight(folder, decisions.apply_to(folder))


TASK = Task(
    name="genus",
    title="Cloud genera on photographs",
    kind="class",
    Config=Config,
    dataset=dataset,
    network=network,
    loss=loss,
    metrics=("macro_f1", "top3", "accuracy", "ece"),
    preflight=preflight,
    presets=PRESETS,
    deploy=deploy,
    calibrate=calibrate,
)
