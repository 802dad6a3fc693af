"""The genus of a cloud photograph: any convolutional classifier, learnt from a folder per class."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore import genus_data, genus_light, images, models, photo_decisions, picture_statistics
from cloudcore.class_scorer import ClassParts, ClassScorer, fit_temperature, labels
from cloudcore.data import Preflight
from cloudcore.errors import DataError, ModelError
from cloudcore.task import Task, option

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
RECALL = 0.95
STEP_PX = 32


@dataclass(frozen=True)
class Config:
    """Settings of a genus training. Defaults: a small network from scratch, minutes on two cores."""

    network: str = option("resnet10t", "Any convolutional network of timm or torchvision, such as resnet34")
    weights: str = option("none", "Start: none, imagenet (fetched), or a safetensors file")
    epochs: int = option(30, "Passes over the photographs", low=1, high=2000)
    batch: int = option(64, "Photographs a step", low=2, high=512)
    learning_rate: float = option(0.003, "Peak learning rate", low=1e-7, high=1.0)
    size: int = option(128, "Side of what the network sees in training", low=32, high=512, unit="px")
    seed: int = option(0, "Same seed, same numbers on the CPU", low=0, high=2**31 - 1)
    validation: float = option(0.1, "Share held out for choices: best epoch, temperature", low=0.0, high=0.5)
    test: float = option(0.15, "Share held out for the scores alone", low=0.0, high=0.5)
    equalise: str = option(
        "none", "Classes as they are, weighted in the loss, or drawn equally often",
        choices=("none", "weighted", "equalised"),
    )  # fmt: skip
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
    frozen: float = option(0.25, "Share of the epochs with the body frozen, on given weights", low=0.0, high=0.9,
                           advanced=True)  # fmt: skip
    body_rate: float = option(0.1, "Rate of the body over the rate of the head, on given weights", low=0.0, high=1.0,
                              advanced=True)  # fmt: skip
    optimiser: str = option("adamw", "Who takes the steps", choices=("adamw", "sgd"), advanced=True)
    momentum: float = option(0.9, "Momentum of SGD, first beta of AdamW", low=0.0, high=0.999, advanced=True)
    weight_decay: float = option(0.05, "Decoupled weight decay", low=0.0, high=1.0, advanced=True)
    schedule: str = option("one_cycle", "Learning rate over time", choices=("one_cycle", "constant"), advanced=True)
    averaging: float = option(0.0, "Decay of averaged weights a step; 0: none", low=0.0, high=0.9999, advanced=True)
    flip_test: bool = option(True, "Predict on the photograph and its mirror image, averaged", advanced=True)
    precision: str = option("auto", "Arithmetic", choices=("auto", "float32", "bfloat16"), advanced=True)
    stop_after: int = option(0, "Stop after so many epochs without a lower loss; 0: never", low=0, high=1000,
                             advanced=True)  # fmt: skip
    compile: bool = option(False, "Compile the network first: for long runs on a GPU", advanced=True)


PRESETS: dict[str, dict[str, Any]] = {
    "Quick": {},
    "ResNet34 from ImageNet, as published": {
        "network": "resnet34", "weights": "imagenet", "epochs": 8, "size": 224, "learning_rate": 0.002, "batch": 32,
        "equalise": "equalised", "augment": 1.0,
    },
    "Thorough, from scratch": {
        "epochs": 300, "learning_rate": 0.003, "augment": 0.8, "crop": 0.3, "mixup": 0.2, "cutmix": 1.0, "dropout": 0.1,
        "averaging": 0.998, "progressive": 0.6, "precision": "bfloat16",
    },
}  # fmt: skip


@dataclass
class GenusData(ClassParts):
    """Photographs in memory, split by twins. Batches are cropped, mixed and normalised on demand."""

    config: Config
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD

    def side(self, epoch: int) -> int:
        """Side of the training crops of an epoch, px: grows to the full size over the first two thirds."""
        share = min(1.0, epoch / max(1, self.config.epochs * 2 / 3))
        wanted = self.config.size * (self.config.progressive + (1 - self.config.progressive) * share)
        return min(self.config.size, max(32, round(wanted / 16) * 16))

    def batches(self, epoch: int) -> Iterator[tuple[Any, Any]]:
        """Batches of an epoch, a pure function of seed and epoch: x float32 (N, 3, h, w), target float32 (N, K)."""
        import torch

        rng = np.random.default_rng([self.config.seed, epoch])
        order, side, count, weights = self._order(rng), self.side(epoch), len(self.classes), self._weights()
        for step in range(self.steps):
            chosen = order[step * self.config.batch : (step + 1) * self.config.batch].tolist()
            if len(chosen) < 2:
                chosen = [*chosen, int(rng.integers(len(self.train)))]
            truth = labels([self.train[i] for i in chosen])
            hard = torch.from_numpy(np.eye(count, dtype=np.float32)[truth] * weights[truth][:, None]).to(self.place)
            x, y = _mixed(self._views(chosen, side, rng), hard, self.config, rng)
            yield genus_light.normalised(x, MEAN, STD), y

    def _views(self, chosen: list[int], side: int, rng: np.random.Generator) -> Any:
        """Random views float32 (N, 3, side, side) in 0..255, made where the photographs are held."""
        import torch

        from cloudcore.networks.held import Held

        crop, strength = self.config.crop, self.config.augment
        if str(self.place) == "cpu":
            pictures = [self.train[i].image for i in chosen]
            return torch.from_numpy(genus_light.augmented(pictures, side, crop, strength, rng))
        self.held = self.held or Held([example.image for example in self.train], self.place)
        boxes = genus_light.draw([self.train[i].image.shape[:2] for i in chosen], crop, strength, rng)
        views = genus_light.cut_there(self.held, chosen, boxes, side)
        return genus_light.lit(views, strength, rng) if strength else views

    def _weights(self) -> Any:
        """What a photograph of each class counts in the loss, float32 (K,), 1 on average over the photographs."""
        counts = np.bincount(labels(self.train), minlength=len(self.classes))
        if self.config.equalise != "weighted":
            return np.ones(len(self.classes), np.float32)
        return (len(self.train) / (np.maximum(counts, 1) * (counts > 0).sum())).astype(np.float32)

    def _order(self, rng: np.random.Generator) -> Any:
        if self.config.equalise != "equalised":
            return rng.permutation(len(self.train))
        truth = labels(self.train)
        rows = [np.flatnonzero(truth == k) for k in range(len(self.classes)) if (truth == k).any()]
        each = math.ceil(len(self.train) / len(rows))
        rows = [
            np.concatenate([rng.permutation(row) for _ in range(math.ceil(each / len(row)))])[:each] for row in rows
        ]
        return rng.permutation(np.concatenate(rows))[: len(self.train)]

    def validation(self) -> Iterator[tuple[Any, Any]]:
        """Held-out photographs as the model will see them, and their classes int64 (N,)."""
        import torch

        side = predicting_side(self.config)
        for start in range(0, len(self.valid), self.config.batch):
            chosen = self.valid[start : start + self.config.batch]
            seen = np.stack([images.resize(e.image, (side, side)) for e in chosen])
            x = seen.transpose(0, 3, 1, 2).astype(np.float32)
            yield genus_light.normalised(x, MEAN, STD), torch.from_numpy(labels(chosen))

    def scorer(self) -> ClassScorer:
        """A fresh scorer for an epoch."""
        return ClassScorer(self.valid)


def _mixed(x: Any, y: Any, config: Config, rng: np.random.Generator) -> tuple[Any, Any]:
    """Mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019) of a batch with its own permutation, one of them at random.

    x float32 (N, 3, h, w) and y float32 (N, K), tensors on one device.
    """
    import torch

    ways = [name for name in ("mixup", "cutmix") if getattr(config, name) > 0]
    if not ways:
        return x, y
    way = ways[int(rng.integers(len(ways)))]
    share, other = float(rng.beta(*(getattr(config, way),) * 2)), rng.permutation(len(x))
    there = torch.from_numpy(other).to(x.device)
    if way == "mixup":
        return x * share + x[there] * (1 - share), y * share + y[there] * (1 - share)
    height, width = x.shape[2:]
    half_y, half_x = (int(side * math.sqrt(1 - share) / 2) for side in (height, width))
    row, column = int(rng.integers(height)), int(rng.integers(width))
    top, bottom = max(0, row - half_y), min(height, row + half_y)
    left, right = max(0, column - half_x), min(width, column + half_x)
    mixed = x.clone()
    mixed[:, :, top:bottom, left:right] = x[there, :, top:bottom, left:right]
    share = 1 - (bottom - top) * (right - left) / (height * width)
    return mixed, y * share + y[there] * (1 - share)


def predicting_side(config: Config) -> int:
    """Side of the square a photograph is resized to when predicting, px, a multiple of 32."""
    return max(STEP_PX, round((config.test_size or config.size) / STEP_PX) * STEP_PX)


def dataset(config: Config, folder: Path, progress: Callable[[int, int], None] | None = None) -> GenusData:
    """Read a folder of classes, the cleaner's decisions applied, twins together, split. Raises DataError."""
    decided = photo_decisions.apply_to(folder)
    read = genus_data.read_folder(folder, config.presize, progress, where=decided)
    by_photo = {example.photo: example for example in read.examples}
    share = 0.0 if config.test_folder else config.test
    parts = genus_data.split(list(by_photo), config.validation, share, config.split_seed)
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


def _test_part(config: Config, classes: tuple[str, ...], known: set[str]) -> list[genus_data.Example]:
    """Photographs of the separate test folder, without files that are in the training folder too."""
    folder = Path(config.test_folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"There is no test folder {config.test_folder!r}. Name a folder, or leave the field empty.")
    read = genus_data.read_folder(folder, config.presize)
    if read.classes != classes:
        raise DataError(
            f"The test folder holds {', '.join(read.classes)}, wanted {', '.join(classes)}. Name its folders alike."
        )
    return [example for example in read.examples if example.photo.sha256 not in known]


def network(config: Config, classes: int = 10) -> Any:
    """The torch module: normalised x (N, 3, H, W) -> logits (N, classes)."""
    from cloudcore.networks import genus

    try:
        net = genus.build(config.network, classes, config.dropout, config.weights == "imagenet", config.drop_path)
    except OSError as problem:
        raise ModelError("ImageNet weights could not be fetched. Go online, or set weights to none.") from problem
    if config.weights not in ("none", "imagenet"):
        _fill_body(net, Path(config.weights))
    return net


def _fill_body(net: Any, path: Path) -> None:
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


def loss(config: Config) -> Callable[[Any, Any], Any]:
    """loss(logits (N, K), target): cross-entropy, smoothed on soft targets (N, K), plain on classes (N,)."""
    from torch.nn import functional

    def value(logits: Any, target: Any) -> Any:
        if target.ndim == 1:
            return functional.cross_entropy(logits, target)
        return functional.cross_entropy(logits, target, label_smoothing=config.smoothing)

    return value


def deploy(config: Config, net: Any) -> tuple[Any, dict[str, Any]]:
    """What is exported: (module giving logits (N, K) and maps (N, K, h, w), how a photograph is fitted to it)."""
    from cloudcore.networks import genus

    side = predicting_side(config)
    return genus.Deployed([net], config.flip_test), {"geometry": "square", "side": side, "multiple": STEP_PX}


def calibrate(prepared: GenusData, predictor: models.Predictor) -> dict[str, Any]:
    """Temperature and rejection fitted on the validation photographs: {temperature, rejection, calibrated_on}.

    The temperature minimises the log loss (Guo et al. 2017). The rejection keeps 95 % of the photographs, by the free
    energy logsumexp(logits) (Liu et al. 2020) at half weight less the distance of the picture's statistics from those
    learnt from, each in units of its spread over the validation photographs. No other picture has a say.
    """
    if not prepared.valid:
        return {}
    logits = np.stack([predictor.logits(example.image) for example in prepared.valid]).astype(np.float64)
    energy = np.array([models.strength(row, "energy") for row in logits])
    fitted = picture_statistics.fit([example.image for example in prepared.train])
    away = np.array([picture_statistics.distance(example.image, fitted) for example in prepared.valid])
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
    return genus_data.preflight(folder, photo_decisions.apply_to(folder))


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
