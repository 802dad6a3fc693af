"""Fish, Flower, Gravel, Sugar: four masks of a satellite image, by any network and encoder of segmentation-models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudcore import settings
from cloudcore.errors import ModelError
from cloudcore.learning.batches.pattern_data import PatternData
from cloudcore.learning.settings import TrainingSettings, in_order, option, shared
from cloudcore.learning.task import Loss, Network, Progress, Task, Tensor
from cloudcore.satellite import cache as satellite_cache
from cloudcore.satellite.table import PATTERNS

MULTIPLE = 32
NETWORKS = (
    "unet",
    "fpn",
    "unetplusplus",
    "manet",
    "linknet",
    "pspnet",
    "deeplabv3",
    "deeplabv3plus",
    "pan",
    "upernet",
    "segformer",
    "dpt",
)
SIZES = ("320x480", "320x640", "384x576", "192x288", "64x96")
LOSSES = ("bce_dice", "bce", "dice", "iou", "focal", "iou_dice_focal", "lovasz", "tversky")


@in_order(
    "network encoder epochs batch learning_rate size loss seed validation decoder_width weights gate gate_share "
    "bce_share dice_nonempty folds fold optimiser encoder_rate momentum weight_decay schedule factor patience "
    "min_rate stop_after accumulate averaging flips shift_scale_rotate grid_distortion elastic blur flip_test "
    "min_steps precision compile"
)
@dataclass(frozen=True)
class Config(TrainingSettings):
    """Settings of a patterns training. Defaults: three epochs on the samples in about a minute on two cores."""

    network: str = option("unet", "Architecture of segmentation-models", choices=NETWORKS)
    encoder: str = option("tu-mobilenetv4_conv_small", "Any encoder of segmentation-models")
    batch: int = shared("batch", 4)
    learning_rate: float = shared(
        "learning_rate", help="Peak learning rate (of the decoder, where the encoder has its own)"
    )
    size: str = option("192x288", "Height x width the images are resized to", choices=SIZES, unit="px")
    loss: str = option("bce_dice", "What is minimised", choices=LOSSES)
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
    optimiser: str = shared("optimiser", choices=("adamw", "radam", "adam", "sgd"))
    encoder_rate: float = option(0.0, "Peak rate of the encoder; 0: as the rest", low=0.0, high=1.0, advanced=True)
    momentum: float = shared("momentum", help="Momentum of SGD, first beta of the others")
    schedule: str = shared("schedule", choices=("one_cycle", "plateau", "constant"))
    factor: float = option(0.5, "Plateau: what the rate is multiplied by", low=0.01, high=0.99, advanced=True)
    patience: int = option(3, "Plateau: epochs without a lower loss", low=0, high=1000, advanced=True)
    min_rate: float = option(1e-6, "Plateau: lowest rate", low=0.0, high=1.0, advanced=True)
    accumulate: int = option(1, "Batches a step", low=1, high=256, advanced=True)
    flips: bool = option(True, "Augment: mirror images", advanced=True)
    shift_scale_rotate: float = option(
        0.5, "Augment: chance of a shift, scale and turn", low=0.0, high=1.0, advanced=True
    )
    grid_distortion: float = option(0.2, "Augment: chance of a distorted grid", low=0.0, high=1.0, advanced=True)
    elastic: float = option(0.0, "Augment: chance of an elastic distortion", low=0.0, high=1.0, advanced=True)
    blur: float = option(0.1, "Augment: chance of a blur", low=0.0, high=1.0, advanced=True)
    flip_test: bool = option(False, "Predict on the image and its mirror images, averaged", advanced=True)
    min_steps: int = option(8, "Batches an epoch has at least", low=1, high=10000, advanced=True)


PRESETS: dict[str, dict[str, Any]] = {
    "Quick": {},
    "Strong recipe": {
        "gate": True,
        "network": "fpn",
        "encoder": "resnet34",
        "weights": "imagenet",
        "size": "384x576",
        "batch": 16,
        "epochs": 30,
        "loss": "bce_dice",
        "bce_share": 0.75,
        "encoder_rate": 2.5e-5,
        "learning_rate": 2.5e-4,
        "averaging": 0.998,
        "flip_test": True,
        "grid_distortion": 0.4,
        "blur": 0.0,
        "validation": 0.08,
        "min_steps": 1,
    },
    "ResNet34 U-Net, as published": {
        "network": "unet",
        "decoder_width": 256,
        "encoder": "resnet34",
        "weights": "imagenet",
        "size": "320x480",
        "batch": 32,
        "epochs": 15,
        "optimiser": "adam",
        "learning_rate": 3e-4,
        "weight_decay": 0.0,
        "loss": "bce_dice",
        "schedule": "plateau",
        "factor": 0.5,
        "patience": 3,
        "min_rate": 1e-6,
        "stop_after": 5,
        "min_steps": 1,
    },
    "se_resnext101 FPN, as published": {
        "network": "fpn",
        "encoder": "se_resnext101_32x4d",
        "weights": "imagenet",
        "size": "320x640",
        "batch": 6,
        "accumulate": 3,
        "epochs": 50,
        "optimiser": "radam",
        "learning_rate": 2e-3,
        "weight_decay": 0.0,
        "loss": "iou_dice_focal",
        "schedule": "plateau",
        "factor": 0.3,
        "patience": 5,
        "validation": 0.08,
        "elastic": 0.2,
        "blur": 0.2,
        "min_steps": 1,
    },
}


def size_hw(config: Config) -> tuple[int, int]:
    """Height and width of the network's input, px."""
    height, width = config.size.split("x")
    return int(height), int(width)


def dataset(config: Config, folder: Path, progress: Progress | None = None) -> PatternData:
    """Read a patterns data folder through its cache below the workspace and split it. Raises DataError."""
    table, found, names = satellite_cache.sources(folder)
    root = settings.load().workspace / "cache" / "patterns"
    cache = satellite_cache.build(table, found, names, size_hw(config), root, progress)
    parts = satellite_cache.hold_out(cache, config.validation, config.seed, config.folds, config.fold)
    return PatternData(config, cache, table, found, parts, parts.note)


def network(config: Config, classes: int = len(PATTERNS)) -> Network:
    """The torch module: normalised x (N, 3, h, w) -> logits (N, 4, h, w); with a gate, networks.gated.Gated."""
    if not config.gate:
        return _segmenter(config, classes)
    from cloudcore.learning.networks import gated

    first = _segmenter(config, classes, aux_params={"classes": classes})
    return gated.Gated(first, _segmenter(config, classes), config.gate_share)


def _segmenter(config: Config, classes: int, **more: Any) -> Network:
    import segmentation_models_pytorch as smp

    pretrained = "imagenet" if config.weights == "imagenet" else None
    wanted = {"encoder_weights": pretrained, "in_channels": 3, "classes": classes, **more}
    if config.network in ("unet", "unetplusplus", "manet"):
        wanted["decoder_channels"] = tuple(max(16, config.decoder_width // 2**level) for level in range(5))
    try:
        net = smp.create_model(config.network, config.encoder, **wanted)
    except OSError as problem:
        raise ModelError("ImageNet weights could not be fetched. Go online, or set weights to none.") from problem
    # segmentation_models raises NotImplementedError where an encoder cannot be dilated
    except (KeyError, RuntimeError, ValueError, NotImplementedError, TypeError) as problem:
        raise ModelError(
            f"No {config.network} with the encoder {config.encoder!r} could be made ({problem}). Choose another."
        ) from problem
    if config.weights not in ("none", "imagenet"):
        _load_encoder(net.encoder, Path(config.weights).expanduser())
    return net


def _load_encoder(encoder: Network, path: Path) -> None:
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


def forward(config: Config, net: Network, x: Tensor) -> Tensor:
    """Logits in training: of a gated network all its parts, (N, 12, h, w)."""
    return net.parts(x) if config.gate else net(x)


def loss(config: Config) -> Loss:
    """loss(logits, target uint8 (N, 4, h, w)) by name; with a gate that of all three parts."""
    from cloudcore.learning.fit import mask_losses

    first = mask_losses.named(config.loss, config.bce_share, config.dice_nonempty)
    return mask_losses.gated(first) if config.gate else first


def deploy(config: Config, net: Network) -> tuple[Network, dict[str, Any]]:
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
