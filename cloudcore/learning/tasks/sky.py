"""Cloud or sky, a probability for every pixel of an all-sky frame: U-Net, and CloudNet as published or dense."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import data, evaluate, images, mask, metrics, models, render
from cloudcore.errors import DataError, ModelError
from cloudcore.task import Shown, Task, option

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PATCH = 32
UNET_MULTIPLE = 32
VALIDATION_PATCHES = 1500


@dataclass(frozen=True)
class Config:
    """Settings of a sky training. Defaults: three epochs on the samples in well under two minutes on two cores."""

    network: str = option("unet", "U-Net, or the 32x32-patch CloudNet of 2017", choices=("unet", "cloudnet"))
    epochs: int = option(3, "Passes over the frames", low=1, high=2000)
    batch: int = option(8, "Frames (or crops) a step", low=1, high=256)
    learning_rate: float = option(0.002, "Peak learning rate", low=1e-7, high=1.0)
    size: int = option(256, "Shorter side the frames are resized to; 0 leaves them", low=0, high=2048, unit="px")
    crop: int = option(224, "Side of the square cut for training", low=32, high=1024, unit="px")
    loss: str = option("bce_dice", "What is minimised", choices=("bce_dice", "bce", "dice", "cross_entropy"))
    seed: int = option(0, "Same seed, same numbers on the CPU", low=0, high=2**31 - 1)
    validation: float = option(0.2, "Share of frames held out, by whole nights or blocks", low=0.0, high=0.6)
    form: str = option("dense", "CloudNet: trained on real context, or on padded patches", choices=("dense", "patch"))
    encoder: str = option("tu-mobilenetv4_conv_small", "U-Net: any encoder of segmentation-models", advanced=True)
    decoder_width: int = option(128, "U-Net: channels of the deepest decoder block", low=16, high=512, advanced=True)
    weights: str = option("none", "Encoder start: none, imagenet (fetched), or a safetensors file", advanced=True)
    optimiser: str = option("adamw", "Who takes the steps", choices=("adamw", "sgd"), advanced=True)
    momentum: float = option(0.9, "Momentum of SGD, first beta of AdamW", low=0.0, high=0.999, advanced=True)
    weight_decay: float = option(0.01, "Decoupled weight decay", low=0.0, high=1.0, advanced=True)
    schedule: str = option("one_cycle", "Learning rate over time", choices=("one_cycle", "constant"), advanced=True)
    averaging: float = option(0.0, "Decay of averaged weights a step; 0: none", low=0.0, high=0.9999, advanced=True)
    augment: float = option(
        0.5, "Strength of flips, turns, scale, gain, tint and noise", low=0.0, high=1.0, advanced=True
    )
    stride: int = option(4, "CloudNet: every n-th pixel learns and is scored", choices=(1, 2, 4, 8), advanced=True)
    min_steps: int = option(8, "Steps an epoch has at least", low=1, high=10000, advanced=True)
    flip_test: bool = option(False, "Predict on the frame and its mirror images, averaged", advanced=True)
    precision: str = option("auto", "Arithmetic", choices=("auto", "float32", "bfloat16"), advanced=True)
    stop_after: int = option(0, "Stop after so many epochs without a lower loss; 0: never", low=0, high=1000,
                             advanced=True)  # fmt: skip
    compile: bool = option(False, "Compile the network first: for long runs on a GPU", advanced=True)


PRESETS: dict[str, dict[str, Any]] = {
    "Quick": {},
    "CloudNet, dense": {
        "network": "cloudnet", "size": 0, "crop": 160, "batch": 4, "learning_rate": 0.001, "loss": "cross_entropy",
        "epochs": 10, "stride": 4,
    },
    "CloudNet, as published": {
        "network": "cloudnet", "form": "patch", "size": 0, "batch": 4, "optimiser": "sgd", "learning_rate": 0.001,
        "momentum": 0.9, "weight_decay": 0.0, "schedule": "constant", "loss": "cross_entropy", "augment": 0.0,
        "epochs": 10,
    },
    "Thorough U-Net": {
        "epochs": 120, "batch": 8, "learning_rate": 0.003, "crop": 256, "averaging": 0.998, "augment": 1.0,
        "flip_test": True, "weight_decay": 0.05, "precision": "bfloat16",
    },
}  # fmt: skip


@dataclass
class SkyData:
    """Frames in memory, split by group. Arrays are uint8; batches are cut, augmented and normalised on demand."""

    config: Config
    train: list[data.Example]
    valid: list[data.Example]
    note: str
    base_rate: float
    stems: dict[str, list[str]] = field(default_factory=dict)
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    classes: tuple[str, ...] = ("cloud",)
    grid_hw: tuple[int, int] | None = None
    place: Any = "cpu"
    held: Any = None

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(self.config.min_steps, math.ceil(len(self.train) / self.config.batch))

    @property
    def validation_steps(self) -> int:
        """One batch a validation frame."""
        return max(1, len(self.valid))

    @property
    def base_words(self) -> str:
        """Share of cloud among the scored pixels: what always answering cloud would reach."""
        return f"share of cloud in what is scored: {self.base_rate:.3f}"

    @property
    def train_hashes(self) -> list[str]:
        """sha256 of every image learnt from."""
        return sorted(example.sha256 for example in self.train)

    def batches(self, epoch: int) -> Iterator[tuple[Any, Any]]:
        """Training batches of an epoch, a pure function of seed and epoch: x float32 (N,3,h,w), y uint8 (N,h,w)."""
        rng = np.random.default_rng([self.config.seed, epoch])
        wanted = self.steps * self.config.batch
        order = np.concatenate([rng.permutation(len(self.train)) for _ in range(math.ceil(wanted / len(self.train)))])
        for step in range(self.steps):
            chosen = order[step * self.config.batch : (step + 1) * self.config.batch].tolist()
            if _is_patch(self.config):
                yield self._patches([self.train[i] for i in chosen], rng, 64)
            else:
                yield self._crops(chosen, rng) if str(self.place) == "cpu" else self._crops_there(chosen, rng)

    def validation(self) -> Iterator[tuple[Any, Any]]:
        """One batch a validation frame: the whole frame, padded to what the network takes (padding undefined)."""
        import torch

        for number, example in enumerate(self.valid):
            if _is_patch(self.config):
                rng = np.random.default_rng([self.config.seed, 7, number])
                yield self._patches([example], rng, VALIDATION_PATCHES)
                continue
            multiple = UNET_MULTIPLE if self.config.network == "unet" else 8
            image, label = _pad(example.image, example.label, multiple)
            yield _normalise(torch.from_numpy(image)[None]), torch.from_numpy(label)[None]

    def scorer(self) -> "_Scorer":
        """A fresh scorer for an epoch."""
        return _Scorer(self.valid, self.config.stride)

    def score(self, predictor: models.Predictor) -> dict[str, Any]:
        """Sky scores of the exported model on the held-out frames at their full size, whole and by source."""
        found = [(evaluate.confusion_of(predictor, e.pair), e.pair.source or "all") for e in self.valid]
        scores: dict[str, Any] = {"n": len(found)}
        if not found:
            return scores
        by_source = {
            name: evaluate.score([c for c, source in found if source == name])
            for name in sorted({source for _, source in found})
        }
        return {**scores, "metrics": evaluate.score([c for c, _ in found]), "by_source": by_source}

    def _crops(self, chosen: list[int], rng: np.random.Generator) -> tuple[Any, Any]:
        import torch

        cut = [_crop(self.train[i], self.config.crop, _draw(self.train[i], self.config, rng), rng) for i in chosen]
        x = _normalise(torch.from_numpy(np.stack([image for image, _ in cut])))
        return x, torch.from_numpy(np.stack([label for _, label in cut]))

    def _crops_there(self, chosen: list[int], rng: np.random.Generator) -> tuple[Any, Any]:
        """The same where the frames are held on a GPU: moved, lit and normalised there, noise of its own."""
        import torch

        from cloudcore.networks import held, light

        if self.held is None:
            frames = held.Held([example.image for example in self.train], self.place)
            self.held = frames, held.Held([example.label for example in self.train], self.place, fill=128)
        drawn = [_draw(self.train[i], self.config, rng) for i in chosen]
        warps, out_hw = np.stack([one.warp for one in drawn]), (self.config.crop, self.config.crop)
        x = self.held[0].views(chosen, warps, out_hw)
        if self.config.augment:
            gain, gamma = np.stack([one.gain for one in drawn]), np.array([one.gamma for one in drawn])
            grey, noise = np.array([float(one.grey) for one in drawn]), np.array([one.noise for one in drawn])
            x = light.exposed(x, gain, gamma, grey, noise, int(rng.integers(2**62)))
        y = self.held[1].views(chosen, warps, out_hw, nearest=True)
        return _normalise(x.permute(0, 2, 3, 1)), y[:, 0].to(torch.uint8)

    def _patches(self, chosen: list[data.Example], rng: np.random.Generator, each: int) -> tuple[Any, Any]:
        import torch

        x, y = [], []
        for example in chosen:
            half = PATCH // 2
            padded = np.pad(example.image, ((half, half), (half, half), (0, 0)), mode="edge")
            rows, columns = np.nonzero(example.label != 128)
            if rows.size == 0:
                continue
            for pick in rng.integers(0, rows.size, each):
                row, column = int(rows[pick]), int(columns[pick])
                x.append(padded[row : row + PATCH, column : column + PATCH])
                y.append(example.label[row, column])
        if not x:
            x, y = [np.zeros((PATCH, PATCH, 3), np.uint8)], [np.uint8(128)]
        return _normalise(torch.from_numpy(np.stack(x))), torch.from_numpy(np.array(y))[:, None, None]


class _Scorer:
    """Confusions at 0.5 over defined pixels, one a frame, and the masks they came from."""

    def __init__(self, frames: list[data.Example], stride: int) -> None:
        self.frames, self.stride = frames, stride
        self.confusions: list[metrics.Confusion] = []
        self.views: list[Any] = []

    def add(self, logits: Any, target: Any) -> None:
        """Logits (N, 1, h, w) and labels (N, H, W), read at every (H / h)-th pixel."""
        step = round(target.shape[1] / logits.shape[2])
        for answer, label in zip(logits, target[:, ::step, ::step], strict=True):
            grey = label.cpu().numpy()
            predicted = (answer[0] > 0).cpu().numpy()
            self.confusions.append(metrics.confusion(predicted, grey == mask.CLOUD, grey != mask.UNDEFINED))
            self.views.append(predicted if min(grey.shape) >= 16 else None)

    def row(self) -> dict[str, float]:
        """Sky scores of the epoch, pixels pooled over the frames."""
        if not self.confusions:
            return {}
        whole = sum(self.confusions[1:], self.confusions[0])
        errors = [abs(c.cloud_predicted - c.cloud_truth) for c in self.confusions if c.tp + c.fp + c.fn + c.tn]
        scores = {"miou": whole.miou, "f1": whole.dice, "accuracy": whole.accuracy, "base_rate": whole.base_rate}
        return {**scores, "fraction_error": float(np.mean(errors)) if errors else math.nan}

    def pictures(self, each: int) -> list[Shown]:
        """Error maps of the worst and best frames by mIoU."""
        seen = [i for i, view in enumerate(self.views) if view is not None]
        order = sorted(seen, key=lambda i: self.confusions[i].miou)
        chosen = [(i, "worst") for i in order[:each]] + [(i, "best") for i in order[each:][-each:]]
        return [self._shown(index, kind) for index, kind in chosen]

    def _shown(self, index: int, kind: str) -> Shown:
        example = self.frames[index]
        predicted = _enlarged(self.views[index], example.label.shape, self.stride)
        truth, valid = mask.from_label(example.label)
        picture = render.error_map(example.image, predicted, truth, valid)
        return Shown(kind, example.pair.stem, self.confusions[index].miou, picture)


def _enlarged(view: Any, hw: tuple[int, ...], stride: int) -> Any:
    """A predicted mask at label size: repeated where the network answered every n-th pixel, padding cut off."""
    if view.shape[0] * stride < hw[0] + 2 * stride and stride > 1 and view.shape[0] < hw[0]:
        view = view.repeat(stride, axis=0).repeat(stride, axis=1)
    return view[: hw[0], : hw[1]]


def _is_patch(config: Config) -> bool:
    return config.network == "cloudnet" and config.form == "patch"


def _normalise(batch: Any) -> Any:
    """uint8 (N, H, W, 3) tensor -> float32 (N, 3, H, W), ImageNet mean and std, channels last in memory."""
    import torch

    mean, std = (torch.tensor(value, device=batch.device) * 255 for value in (MEAN, STD))
    return ((batch.float() - mean) / std).permute(0, 3, 1, 2)


def _pad(image: images.Image, label: Any, multiple: int) -> tuple[Any, Any]:
    height, width = label.shape
    below, right = -height % multiple, -width % multiple
    padded = np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")
    return padded, np.pad(label, ((0, below), (0, right)), constant_values=128)


@dataclass(frozen=True)
class _Drawn:
    """How one crop is taken: the affine map (2, 3) from px of the frame to px of the crop, and its light."""

    warp: NDArray[np.float64]
    gain: NDArray[np.float64] = field(default_factory=lambda: np.ones(3))
    gamma: float = 1.0
    grey: bool = False
    noise: float = 0.0


def _draw(example: data.Example, config: Config, rng: np.random.Generator) -> _Drawn:
    """Scale, turn, shift and mirror in one map; gain, tint and gamma, now and then grey, and noise."""
    import cv2

    side, strength = config.crop, config.augment
    height, width = example.label.shape
    scale = float(np.exp(rng.uniform(-0.45, 0.45) * strength))
    angle = float(rng.uniform(-180, 180)) if strength and rng.random() < 0.5 else 0.0
    reach_y, reach_x = max(0.0, height - side / scale) / 2, max(0.0, width - side / scale) / 2
    centre = (width / 2 + rng.uniform(-1, 1) * reach_x, height / 2 + rng.uniform(-1, 1) * reach_y)
    warp = np.vstack([cv2.getRotationMatrix2D(centre, angle, scale), [0, 0, 1]])
    warp[:2, 2] += side / 2 - np.array(centre)
    if not strength:
        return _Drawn(warp[:2])
    quarter = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, side - 1.0], [0.0, 0.0, 1.0]])
    warp = np.linalg.matrix_power(quarter, int(rng.integers(4))) @ warp
    if rng.integers(2):
        warp = np.array([[-1.0, 0.0, side - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ warp
    gain = np.exp(rng.normal(0, 0.15 * strength) + rng.normal(0, 0.06 * strength, 3))
    gamma, grey = float(np.exp(rng.normal(0, 0.15 * strength))), bool(rng.random() < 0.15 * strength)
    noise = float(rng.uniform(0, 8 * strength)) if rng.random() < 0.5 else 0.0
    return _Drawn(warp[:2], gain, gamma, grey, noise)


def _crop(example: data.Example, side: int, drawn: _Drawn, rng: np.random.Generator) -> tuple[Any, Any]:
    """Image (side, side, 3) and label (side, side), uint8; outside the frame black and undefined."""
    import cv2

    nearest, size_wh = cv2.INTER_NEAREST, (side, side)
    image = np.asarray(cv2.warpAffine(example.image, drawn.warp, size_wh, flags=cv2.INTER_LINEAR), np.uint8)
    label = np.asarray(cv2.warpAffine(example.label, drawn.warp, size_wh, flags=nearest, borderValue=(128,)), np.uint8)
    light = np.clip(np.linspace(0, 1, 256)[:, None] * drawn.gain, 0, 1) ** drawn.gamma
    image = np.asarray(cv2.LUT(image, np.rint(light * 255).astype(np.uint8)[None]), np.uint8)
    if drawn.grey:
        image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    if drawn.noise:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(drawn.noise)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image, label


def dataset(config: Config, folder: Path, progress: Callable[[int, int], None] | None = None) -> SkyData:
    """Read a sky data folder, keep twins together, split by group. Raises DataError where nothing can be learnt."""
    examples = data.load(data.pairs(folder), config.size, progress)
    usable = [example for example in examples if (example.label != 128).any()]
    if not usable:
        raise DataError(f"Every mask in {folder} is undefined everywhere. Paint cloud or sky on a frame first.")
    joined = data.join_twins([example.pair for example in usable], np.stack([example.print for example in usable]))
    parts = data.split(joined, config.validation, config.seed) if config.validation > 0 else None
    held = {pair.image for pair in parts.valid} if parts else set()
    train = [example for example in usable if example.pair.image not in held]
    valid = [example for example in usable if example.pair.image in held]
    note = parts.note if parts else f"No validation: all {len(train)} frames are learnt from."
    stems = {"train": [e.pair.stem for e in train], "valid": [e.pair.stem for e in valid]}
    return SkyData(config, train, valid, note, data.base_rate(e.label for e in valid or train), stems)


def network(config: Config) -> Any:
    """The torch module: normalised x (N, 3, H, W) -> logits (N, 1, h, w); h, w shrunk by the stride for CloudNet."""
    if config.network == "cloudnet":
        from cloudcore.networks import cloudnet

        return cloudnet.CloudNet()
    import segmentation_models_pytorch as smp

    width = config.decoder_width
    channels = tuple(max(16, width // 2**level) for level in range(5))
    pretrained = "imagenet" if config.weights == "imagenet" else None
    try:
        return smp.Unet(config.encoder, encoder_weights=pretrained, decoder_channels=channels, in_channels=3, classes=1)
    except (KeyError, RuntimeError, ValueError) as problem:
        raise ModelError(f"No encoder {config.encoder!r} could be made ({problem}). Choose another name.") from problem
    except OSError as problem:
        raise ModelError("ImageNet weights could not be fetched. Go online, or set weights to none.") from problem


def forward(config: Config, net: Any, x: Any) -> Any:
    """Logits during training: patches by the published path, crops densely at the config's stride."""
    if _is_patch(config):
        both = net.forward_patches(x)
        return (both[:, 1] - both[:, 0])[:, None, None, None]
    return net(x, stride=config.stride) if config.network == "cloudnet" else net(x)


def loss(config: Config) -> Callable[[Any, Any], Any]:
    """loss(logits (N,1,h,w), label uint8 (N,H,W)) over defined pixels; labels are read at every (H/h)-th pixel.

    bce and cross_entropy are the same thing for two classes (the logit is their difference); dice is soft and pooled
    over the batch: 1 - 2 sum(p y) / (sum p + sum y).
    """
    import torch
    from torch.nn import functional

    def value(logits: Any, label: Any) -> Any:
        step = round(label.shape[1] / logits.shape[2])
        label = label[:, None, ::step, ::step]
        valid, truth = (label != 128).float(), (label == 255).float()
        logits = logits.float()
        total = logits.new_zeros(())
        if config.loss != "dice":
            every = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
            total = total + (every * valid).sum() / valid.sum().clamp(min=1)
        if config.loss in ("dice", "bce_dice"):
            p = torch.sigmoid(logits) * valid
            total = total + 1 - (2 * (p * truth).sum() + 1) / (p.sum() + (truth * valid).sum() + 1)
        return total

    return value


def deploy(config: Config, net: Any) -> tuple[Any, dict[str, Any]]:
    """What is exported: (module giving logits (N,1,H,W) of every pixel, {multiple, side} of its input)."""
    from cloudcore.networks import deployed, exact

    if config.network == "unet":
        return deployed.FlipAverage(net) if config.flip_test else net, {"multiple": UNET_MULTIPLE, "side": config.size}
    module = exact.PatchCloudNet(net) if config.form == "patch" else net
    return module, {"multiple": 8, "side": config.size}


TASK = Task(
    name="sky",
    title="Clouds on sky frames",
    kind="mask",
    Config=Config,
    dataset=dataset,
    network=network,
    loss=loss,
    metrics=("miou", "f1", "accuracy", "fraction_error"),
    preflight=data.preflight,
    presets=PRESETS,
    forward=forward,
    deploy=deploy,
)
