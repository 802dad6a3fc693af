"""Frames in memory as batches: cut, moved, lit and normalised on demand; and their scores."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images, models
from cloudcore.frames import examples
from cloudcore.learning.task import ValidationSample
from cloudcore.masks import mask, metrics
from cloudcore.models import evaluation
from cloudcore.views import render

if TYPE_CHECKING:
    from cloudcore.learning.tasks.sky import Config

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
PATCH = 32
UNET_MULTIPLE = 32
VALIDATION_PATCHES = 1500


@dataclass
class SkyData:
    """Frames in memory, split by group. Arrays are uint8; batches are cut, augmented and normalised on demand."""

    config: "Config"
    train: list[examples.Example]
    valid: list[examples.Example]
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
            if is_patch(self.config):
                yield self._patches([self.train[i] for i in chosen], rng, 64)
            else:
                yield self._crops(chosen, rng) if str(self.place) == "cpu" else self._crops_there(chosen, rng)

    def validation(self) -> Iterator[tuple[Any, Any]]:
        """One batch a validation frame: the whole frame, padded to what the network takes (padding undefined)."""
        import torch

        for number, example in enumerate(self.valid):
            if is_patch(self.config):
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
        found = [(evaluation.confusion_of(predictor, e.pair), e.pair.source or "all") for e in self.valid]
        scores: dict[str, Any] = {"n": len(found)}
        if not found:
            return scores
        by_source = {
            name: evaluation.score([c for c, source in found if source == name])
            for name in sorted({source for _, source in found})
        }
        return {**scores, "metrics": evaluation.score([c for c, _ in found]), "by_source": by_source}

    def _crops(self, chosen: list[int], rng: np.random.Generator) -> tuple[Any, Any]:
        import torch

        cut = [_crop(self.train[i], self.config.crop, _draw(self.train[i], self.config, rng), rng) for i in chosen]
        x = _normalise(torch.from_numpy(np.stack([image for image, _ in cut])))
        return x, torch.from_numpy(np.stack([label for _, label in cut]))

    def _crops_there(self, chosen: list[int], rng: np.random.Generator) -> tuple[Any, Any]:
        """The same where the frames are held on a GPU: moved, lit and normalised there, noise of its own."""
        import torch

        from cloudcore.learning.batches import device_images, exposure

        if self.held is None:
            frames = device_images.Held([example.image for example in self.train], self.place)
            self.held = frames, device_images.Held([example.label for example in self.train], self.place, fill=128)
        drawn = [_draw(self.train[i], self.config, rng) for i in chosen]
        warps, out_hw = np.stack([one.warp for one in drawn]), (self.config.crop, self.config.crop)
        x = self.held[0].views(chosen, warps, out_hw)
        if self.config.augment:
            gain, gamma = np.stack([one.gain for one in drawn]), np.array([one.gamma for one in drawn])
            grey, noise = np.array([float(one.grey) for one in drawn]), np.array([one.noise for one in drawn])
            x = exposure.exposed(x, gain, gamma, grey, noise, int(rng.integers(2**62)))
        y = self.held[1].views(chosen, warps, out_hw, nearest=True)
        return _normalise(x.permute(0, 2, 3, 1)), y[:, 0].to(torch.uint8)

    def _patches(self, chosen: list[examples.Example], rng: np.random.Generator, each: int) -> tuple[Any, Any]:
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

    def __init__(self, frames: list[examples.Example], stride: int) -> None:
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

    def pictures(self, each: int) -> list[ValidationSample]:
        """Error maps of the worst and best frames by mIoU."""
        seen = [i for i, view in enumerate(self.views) if view is not None]
        order = sorted(seen, key=lambda i: self.confusions[i].miou)
        chosen = [(i, "worst") for i in order[:each]] + [(i, "best") for i in order[each:][-each:]]
        return [self._shown(index, kind) for index, kind in chosen]

    def _shown(self, index: int, kind: str) -> ValidationSample:
        example = self.frames[index]
        predicted = _enlarged(self.views[index], example.label.shape, self.stride)
        truth, valid = mask.from_label(example.label)
        picture = render.error_map(example.image, predicted, truth, valid)
        return ValidationSample(kind, example.pair.stem, self.confusions[index].miou, picture)


def _enlarged(view: Any, hw: tuple[int, ...], stride: int) -> Any:
    """A predicted mask at label size: repeated where the network answered every n-th pixel, padding cut off."""
    if view.shape[0] * stride < hw[0] + 2 * stride and stride > 1 and view.shape[0] < hw[0]:
        view = view.repeat(stride, axis=0).repeat(stride, axis=1)
    return view[: hw[0], : hw[1]]


def is_patch(config: "Config") -> bool:
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


def _draw(example: examples.Example, config: "Config", rng: np.random.Generator) -> _Drawn:
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


def _crop(example: examples.Example, side: int, drawn: _Drawn, rng: np.random.Generator) -> tuple[Any, Any]:
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
