"""Cloud or sky, a probability for every pixel of an all-sky frame: U-Net, and CloudNet as published or dense."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloudcore.errors import DataError, ModelError
from cloudcore.frames import examples as frames_examples
from cloudcore.frames import labelled, near_duplicates, preflight, splits
from cloudcore.learning.batches.sky_data import UNET_MULTIPLE, SkyData, is_patch
from cloudcore.learning.settings import TrainingSettings, in_order, option, shared
from cloudcore.learning.task import Loss, Network, Progress, Task, Tensor


@in_order(
    "network epochs batch learning_rate size crop loss seed validation form encoder decoder_width weights optimiser "
    "momentum weight_decay schedule averaging augment stride min_steps flip_test precision stop_after compile"
)
@dataclass(frozen=True)
class Config(TrainingSettings):
    """Settings of a sky training. Defaults: three epochs on the samples in well under two minutes on two cores."""

    network: str = option("unet", "U-Net, or the 32x32-patch CloudNet of 2017", choices=("unet", "cloudnet"))
    epochs: int = shared("epochs", help="Passes over the frames")
    batch: int = shared("batch", help="Frames (or crops) a step", high=256)
    size: int = option(256, "Shorter side the frames are resized to; 0 leaves them", low=0, high=2048, unit="px")
    crop: int = option(224, "Side of the square cut for training", low=32, high=1024, unit="px")
    loss: str = option("bce_dice", "What is minimised", choices=("bce_dice", "bce", "dice", "cross_entropy"))
    validation: float = shared("validation", help="Share of frames held out, by whole nights or blocks")
    form: str = option("dense", "CloudNet: trained on real context, or on padded patches", choices=("dense", "patch"))
    encoder: str = option("tu-mobilenetv4_conv_small", "U-Net: any encoder of segmentation-models", advanced=True)
    decoder_width: int = option(128, "U-Net: channels of the deepest decoder block", low=16, high=512, advanced=True)
    weights: str = option("none", "Encoder start: none, imagenet (fetched), or a safetensors file", advanced=True)
    weight_decay: float = shared("weight_decay", help="Decoupled weight decay")
    augment: float = option(
        0.5, "Strength of flips, turns, scale, gain, tint and noise", low=0.0, high=1.0, advanced=True
    )
    stride: int = option(4, "CloudNet: every n-th pixel learns and is scored", choices=(1, 2, 4, 8), advanced=True)
    min_steps: int = option(8, "Steps an epoch has at least", low=1, high=10000, advanced=True)
    flip_test: bool = option(False, "Predict on the frame and its mirror images, averaged", advanced=True)


PRESETS: dict[str, dict[str, Any]] = {
    "Quick": {},
    "CloudNet, dense": {
        "network": "cloudnet",
        "size": 0,
        "crop": 160,
        "batch": 4,
        "learning_rate": 0.001,
        "loss": "cross_entropy",
        "epochs": 10,
        "stride": 4,
    },
    "CloudNet, as published": {
        "network": "cloudnet",
        "form": "patch",
        "size": 0,
        "batch": 4,
        "optimiser": "sgd",
        "learning_rate": 0.001,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "schedule": "constant",
        "loss": "cross_entropy",
        "augment": 0.0,
        "epochs": 10,
    },
    "Thorough U-Net": {
        "epochs": 120,
        "batch": 8,
        "learning_rate": 0.003,
        "crop": 256,
        "averaging": 0.998,
        "augment": 1.0,
        "flip_test": True,
        "weight_decay": 0.05,
        "precision": "bfloat16",
    },
}


def dataset(config: Config, folder: Path, progress: Progress | None = None) -> SkyData:
    """Read a sky data folder, keep twins together, split by group. Raises DataError where nothing can be learnt."""
    examples = frames_examples.load(labelled.pairs(folder), config.size, progress)
    usable = [example for example in examples if (example.label != 128).any()]
    if not usable:
        raise DataError(f"Every mask in {folder} is undefined everywhere. Paint cloud or sky on a frame first.")
    joined = near_duplicates.join_twins(
        [example.pair for example in usable], np.stack([example.print for example in usable])
    )
    parts = splits.split(joined, config.validation, config.seed) if config.validation > 0 else None
    held_out = {pair.image for pair in parts.valid} if parts else set()
    train = [example for example in usable if example.pair.image not in held_out]
    valid = [example for example in usable if example.pair.image in held_out]
    note = parts.note if parts else f"No validation: all {len(train)} frames are learnt from."
    stems = {"train": [e.pair.stem for e in train], "valid": [e.pair.stem for e in valid]}
    return SkyData(config, train, valid, note, labelled.base_rate(e.label for e in valid or train), stems)


def network(config: Config, classes: int = 1) -> Network:
    """The torch module: normalised x (N, 3, H, W) -> logits (N, 1, h, w); h, w shrunk by the stride for CloudNet."""
    if config.network == "cloudnet":
        from cloudcore.learning.networks import cloudnet

        return cloudnet.CloudNet()
    import segmentation_models_pytorch as smp

    width = config.decoder_width
    channels = tuple(max(16, width // 2**level) for level in range(5))
    pretrained = "imagenet" if config.weights == "imagenet" else None
    try:
        return smp.Unet(
            config.encoder, encoder_weights=pretrained, decoder_channels=channels, in_channels=3, classes=classes
        )
    except (KeyError, RuntimeError, ValueError) as problem:
        raise ModelError(f"No encoder {config.encoder!r} could be made ({problem}). Choose another name.") from problem
    except OSError as problem:
        raise ModelError("ImageNet weights could not be fetched. Go online, or set weights to none.") from problem


def forward(config: Config, net: Network, x: Tensor) -> Tensor:
    """Logits during training: patches by the published path, crops densely at the config's stride."""
    if is_patch(config):
        both = net.forward_patches(x)
        return (both[:, 1] - both[:, 0])[:, None, None, None]
    return net(x, stride=config.stride) if config.network == "cloudnet" else net(x)


def loss(config: Config) -> Loss:
    """loss(logits (N,1,h,w), label uint8 (N,H,W)) over defined pixels; labels are read at every (H/h)-th pixel.

    bce and cross_entropy are the same thing for two classes (the logit is their difference); dice is soft and pooled
    over the batch: 1 - 2 sum(p y) / (sum p + sum y).
    """
    import torch
    from torch.nn import functional

    def value(logits: Tensor, label: Tensor) -> Tensor:
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


def deploy(config: Config, net: Network) -> tuple[Network, dict[str, Any]]:
    """What is exported: (module giving logits (N,1,H,W) of every pixel, {multiple, side} of its input)."""
    from cloudcore.learning.networks import cloudnet_exact, flip_average

    if config.network == "unet":
        return flip_average.FlipAverage(net) if config.flip_test else net, {
            "multiple": UNET_MULTIPLE,
            "side": config.size,
        }
    module = cloudnet_exact.PatchCloudNet(net) if config.form == "patch" else net
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
    preflight=preflight.check,
    presets=PRESETS,
    forward=forward,
    deploy=deploy,
)
