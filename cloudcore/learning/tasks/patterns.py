"""Fish, Flower, Gravel, Sugar: four masks of a satellite image, by any network and encoder of segmentation-models."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudcore import settings
from cloudcore.errors import ModelError
from cloudcore.learning.batches.pattern_data import PatternData
from cloudcore.learning.options import option
from cloudcore.learning.task import Task
from cloudcore.satellite import cache as satellite_cache
from cloudcore.satellite.table import PATTERNS

MULTIPLE = 32
NETWORKS = (
    "unet", "fpn", "unetplusplus", "manet", "linknet", "pspnet", "deeplabv3", "deeplabv3plus", "pan", "upernet",
    "segformer", "dpt",
)  # fmt: skip
SIZES = ("320x480", "320x640", "384x576", "192x288", "64x96")
LOSSES = ("bce_dice", "bce", "dice", "iou", "focal", "iou_dice_focal", "lovasz", "tversky")


@dataclass(frozen=True)
class Config:
    """Settings of a patterns training. Defaults: three epochs on the samples in about a minute on two cores."""

    network: str = option("unet", "Architecture of segmentation-models", choices=NETWORKS)
    encoder: str = option("tu-mobilenetv4_conv_small", "Any encoder of segmentation-models")
    epochs: int = option(3, "Passes over the images", low=1, high=2000)
    batch: int = option(4, "Images a step", low=1, high=512)
    learning_rate: float = option(0.002, "Peak learning rate (of the decoder, where the encoder has its own)", low=1e-7,
                                  high=1.0)  # fmt: skip
    size: str = option("192x288", "Height x width the images are resized to", choices=SIZES, unit="px")
    loss: str = option("bce_dice", "What is minimised", choices=LOSSES)
    seed: int = option(0, "Same seed, same numbers on the CPU", low=0, high=2**31 - 1)
    validation: float = option(0.2, "Share of images held out", low=0.0, high=0.6)
    decoder_width: int = option(
        128, "Channels of the deepest decoder block (U-Net and its kin)", low=16, high=512, advanced=True
    )
    weights: str = option("none", "Encoder start: none, imagenet (fetched), or a safetensors file", advanced=True)
    gate: bool = option(False, "A second network for non-empty channels and an image gate", advanced=True)
    gate_share: float = option(
        0.01, "Gate: share of the image the first network must find", low=0.0, high=0.5, advanced=True
    )
    bce_share: float = option(0.5, "Weight of BCE in bce_dice, the rest is Dice", low=0.0, high=1.0, advanced=True)
    dice_nonempty: bool = option(False, "Overlap losses on non-empty channels only", advanced=True)
    folds: int = option(
        0, "k-fold: parts the images are dealt into; 0: hold a share out", low=0, high=50, advanced=True
    )
    fold: int = option(0, "k-fold: which part is held out, from 0", low=0, high=49, advanced=True)
    optimiser: str = option("adamw", "Who takes the steps", choices=("adamw", "radam", "adam", "sgd"), advanced=True)
    encoder_rate: float = option(0.0, "Peak rate of the encoder; 0: as the rest", low=0.0, high=1.0, advanced=True)
    momentum: float = option(0.9, "Momentum of SGD, first beta of the others", low=0.0, high=0.999, advanced=True)
    weight_decay: float = option(0.01, "Weight decay", low=0.0, high=1.0, advanced=True)
    schedule: str = option(
        "one_cycle", "Learning rate over time", choices=("one_cycle", "plateau", "constant"), advanced=True
    )
    factor: float = option(0.5, "Plateau: what the rate is multiplied by", low=0.01, high=0.99, advanced=True)
    patience: int = option(3, "Plateau: epochs without a lower loss", low=0, high=1000, advanced=True)
    min_rate: float = option(1e-6, "Plateau: lowest rate", low=0.0, high=1.0, advanced=True)
    stop_after: int = option(0, "Stop after so many epochs without a lower loss; 0: never", low=0, high=1000,
                             advanced=True)  # fmt: skip
    accumulate: int = option(1, "Batches a step", low=1, high=256, advanced=True)
    averaging: float = option(0.0, "Decay of averaged weights a step; 0: none", low=0.0, high=0.9999, advanced=True)
    flips: bool = option(True, "Augment: mirror images", advanced=True)
    shift_scale_rotate: float = option(0.5, "Augment: chance of a shift, scale and turn", low=0.0, high=1.0,
                                       advanced=True)  # fmt: skip
    grid_distortion: float = option(0.2, "Augment: chance of a distorted grid", low=0.0, high=1.0, advanced=True)
    elastic: float = option(0.0, "Augment: chance of an elastic distortion", low=0.0, high=1.0, advanced=True)
    blur: float = option(0.1, "Augment: chance of a blur", low=0.0, high=1.0, advanced=True)
    flip_test: bool = option(False, "Predict on the image and its mirror images, averaged", advanced=True)
    min_steps: int = option(8, "Batches an epoch has at least", low=1, high=10000, advanced=True)
    precision: str = option("auto", "Arithmetic", choices=("auto", "float32", "bfloat16"), advanced=True)
    compile: bool = option(False, "Compile the network first: for long runs on a GPU", advanced=True)


PRESETS: dict[str, dict[str, Any]] = {
    "Quick": {},
    "Strong recipe": {
        "gate": True, "network": "fpn", "encoder": "resnet34", "weights": "imagenet", "size": "384x576", "batch": 16,
        "epochs": 30, "loss": "bce_dice", "bce_share": 0.75, "encoder_rate": 2.5e-5, "learning_rate": 2.5e-4,
        "averaging": 0.998, "flip_test": True, "grid_distortion": 0.4, "blur": 0.0, "validation": 0.08, "min_steps": 1,
    },
    "ResNet34 U-Net, as published": {
        "network": "unet", "decoder_width": 256, "encoder": "resnet34", "weights": "imagenet", "size": "320x480",
        "batch": 32, "epochs": 15, "optimiser": "adam", "learning_rate": 3e-4, "weight_decay": 0.0, "loss": "bce_dice",
        "schedule": "plateau", "factor": 0.5, "patience": 3, "min_rate": 1e-6, "stop_after": 5, "min_steps": 1,
    },
    "se_resnext101 FPN, as published": {
        "network": "fpn", "encoder": "se_resnext101_32x4d", "weights": "imagenet", "size": "320x640", "batch": 6,
        "accumulate": 3, "epochs": 50, "optimiser": "radam", "learning_rate": 2e-3, "weight_decay": 0.0,
        "loss": "iou_dice_focal", "schedule": "plateau", "factor": 0.3, "patience": 5, "validation": 0.08,
        "elastic": 0.2, "blur": 0.2, "min_steps": 1,
    },
}  # fmt: skip


def size_hw(config: Config) -> tuple[int, int]:
    """Height and width of the network's input, px."""
    height, width = config.size.split("x")
    return int(height), int(width)


def dataset(config: Config, folder: Path, progress: Callable[[int, int], None] | None = None) -> PatternData:
    """Read a patterns data folder through its cache below the workspace and split it. Raises DataError."""
    table, found, names = satellite_cache.sources(folder)
    root = settings.load().workspace / "cache" / "patterns"
    cache = satellite_cache.build(table, found, names, size_hw(config), root, progress)
    held = satellite_cache.hold_out(cache, config.validation, config.seed, config.folds, config.fold)
    return PatternData(config, cache, table, found, held, held.note)


def network(config: Config) -> Any:
    """The torch module: normalised x (N, 3, h, w) -> logits (N, 4, h, w); with a gate, networks.gated.Gated."""
    if not config.gate:
        return _segmenter(config)
    from cloudcore.learning.networks import gated

    return gated.Gated(_segmenter(config, aux_params={"classes": len(PATTERNS)}), _segmenter(config), config.gate_share)


def _segmenter(config: Config, **more: Any) -> Any:
    import segmentation_models_pytorch as smp

    pretrained = "imagenet" if config.weights == "imagenet" else None
    wanted = {"encoder_weights": pretrained, "in_channels": 3, "classes": len(PATTERNS), **more}
    if config.network in ("unet", "unetplusplus", "manet"):
        wanted["decoder_channels"] = tuple(max(16, config.decoder_width // 2**level) for level in range(5))
    try:
        net = smp.create_model(config.network, config.encoder, **wanted)
    except OSError as problem:
        raise ModelError("ImageNet weights could not be fetched. Go online, or set weights to none.") from problem
    except (KeyError, RuntimeError, ValueError, NotImplementedError, TypeError) as problem:
        raise ModelError(
            f"No {config.network} with the encoder {config.encoder!r} could be made ({problem}). Choose another."
        ) from problem
    if config.weights not in ("none", "imagenet"):
        _load_encoder(net.encoder, Path(config.weights).expanduser())
    return net


def _load_encoder(encoder: Any, path: Path) -> None:
    """Fill an encoder from a safetensors file of its own names, of timm's, or of a whole network's."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path)
    except (OSError, SafetensorError) as problem:
        raise ModelError(
            f"The encoder weights {path.name} cannot be read ({problem}). Give a safetensors file."
        ) from problem
    own = encoder.state_dict()
    for head in ("", "encoder.", "model."):
        plain = {name.removeprefix(head): value for name, value in state.items()}
        for put in ("", "model."):
            fits = {
                put + name: v for name, v in plain.items() if put + name in own and own[put + name].shape == v.shape
            }
            if len(fits) >= 0.9 * len(own):
                encoder.load_state_dict({**own, **fits})
                return
    raise ModelError(f"{path.name} holds the weights of another encoder. Choose the encoder they belong to.")


def forward(config: Config, net: Any, x: Any) -> Any:
    """Logits in training: of a gated network all its parts, (N, 12, h, w)."""
    return net.parts(x) if config.gate else net(x)


def loss(config: Config) -> Callable[[Any, Any], Any]:
    """loss(logits, target uint8 (N, 4, h, w)) by name; with a gate that of all three parts."""
    from cloudcore.learning.fit import mask_losses

    first = mask_losses.named(config.loss, config.bce_share, config.dice_nonempty)
    return mask_losses.gated(first) if config.gate else first


def deploy(config: Config, net: Any) -> tuple[Any, dict[str, Any]]:
    """What is exported: (module giving logits (N, 4, H, W), its input's shape); gated and flipped inside the graph."""
    from cloudcore.learning.networks import flip_average, gated

    wanted = {"multiple": MULTIPLE, "hw": list(size_hw(config)), "side": min(size_hw(config))}
    if config.gate:
        return gated.GatedFlips(net) if config.flip_test else net, wanted
    return flip_average.FlipAverage(net) if config.flip_test else net, wanted


TASK = Task(
    name="patterns",
    title="Patterns on satellite images",
    kind="masks",
    Config=Config,
    dataset=dataset,
    network=network,
    loss=loss,
    metrics=("dice", "dice_nonempty"),
    preflight=satellite_cache.preflight,
    presets=PRESETS,
    forward=forward,
    deploy=deploy,
)
