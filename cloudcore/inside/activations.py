"""What goes on inside a trained network: its layers, their maps for an image, its filters, its Grad-CAM."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from cloudcore import images, models
from cloudcore.errors import ModelError, RunError
from cloudcore.learning.networks.cloudnet import BEFORE, PATCH, CloudNet
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task

LONGEST_SIDE = 288
"""Frames are resized to a shorter side of at most this before a network takes them, px."""
SMALLEST_MAP = 7
"""Grad-CAM takes the deepest maps of at least this many places a side: below that a map says little of where."""
SILENT = (nn.Identity, nn.Dropout, nn.Dropout2d)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A layer as called: its name in the network, what it is, its output's shape without the batch, its own weights."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int

    @property
    def is_map(self) -> bool:
        """Whether its output is maps (channels, h, w)."""
        return len(self.shape) == 3


@dataclass(frozen=True)
class Opened:
    """A model whose network was built again: its model.json and the torch module with its weights, set to answer."""

    info: models.ModelInfo
    net: nn.Module

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the output."""
        return self.info.classes

    @property
    def is_class(self) -> bool:
        """Whether it answers with one class an image."""
        return self.info.kind == "class"

    @property
    def is_cloudnet(self) -> bool:
        """Whether it is the 32x32-patch classifier."""
        return isinstance(self.net, CloudNet)


@dataclass(frozen=True)
class PatchView:
    """What CloudNet sees under a point: uint8 (32, 32, 3), the output of each layer, the probability of cloud."""

    image: images.Image
    outputs: dict[str, Floats]
    probability: float


def open_model(name_or_folder: str | Path) -> Opened:
    """A model's network, built from model.json and weights.safetensors. Raises ModelError where they do not fit."""
    from cloudcore.learning.fit import checkpoints

    folder = models.find_folder(name_or_folder)
    info = models.ModelInfo.read(folder)
    task = get_task(info.task)
    known = {item.name for item in fields(task.Config)}
    options = {key: value for key, value in info.options.items() if key in known}
    config = make_config(task, options)
    if hasattr(config, "weights"):
        config = replace(config, weights="none")  # the model's own weights follow
    net = task.network(config, len(info.classes))
    try:
        state = load_file(folder / "weights.safetensors")
        checkpoints.load_weights(net, {k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    except (OSError, SafetensorError, RunError) as problem:
        raise ModelError(f"weights.safetensors of {folder.name} do not fit ({problem}). Export it again.") from problem
    return Opened(info, net.eval())


def fit(opened: Opened, image: images.Image) -> Tensor:
    """An image (H, W, 3) as the network takes it: normalised float32 (1, 3, h, w)."""
    wanted = opened.info.input
    if opened.is_class:
        return _normalised(opened, images.resize(image, (wanted.side, wanted.side)))
    full_hw = wanted.hw or (image.shape[0], image.shape[1])
    scale = min(wanted.side or LONGEST_SIDE, LONGEST_SIDE, min(full_hw)) / min(full_hw)
    height, width = (max(1, round(side * scale / wanted.multiple)) * wanted.multiple for side in full_hw)
    return _normalised(opened, images.resize(image, (height, width)))


def _normalised(opened: Opened, image: images.Image) -> Tensor:
    """An image less the model's mean, over its deviation, float32 (1, 3, H, W)."""
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) * 255 for value in (opened.info.mean, opened.info.std))
    return (torch.from_numpy(image.astype(np.float32).transpose(2, 0, 1)[None].copy()) - mean) / std


def run(opened: Opened, x: Tensor) -> Tensor | None:
    """Let the network answer x, each layer once. CloudNet's convolutions see the whole frame, without an answer."""
    if not isinstance(opened.net, CloudNet):
        answer: Tensor = opened.net(x)
        return answer
    for conv in (opened.net.conv1, opened.net.conv2, opened.net.conv3):
        x = functional.relu(functional.max_pool2d(conv(x), 2))
    return None


def outputs(opened: Opened, x: Tensor, answer: Callable[[], Any] | None = None) -> dict[str, Floats]:
    """Layer name -> its output for x without the batch, (C, h, w) or (C,), in the order of the calls."""
    found: dict[str, Floats] = {}

    def keep(name: str, value: Tensor) -> None:
        found.pop(name, None)
        found[name] = value.detach()[0].float().numpy().copy()  # a later layer may work in place

    with _watched(opened.net, keep), torch.no_grad():
        answer() if answer else run(opened, x)
    return found


@contextmanager
def _watched(net: nn.Module, keep: Callable[[str, Tensor], None]) -> Iterator[None]:
    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def take(module: nn.Module, given: Any, value: Any) -> None:
            if isinstance(value, Tensor):
                keep(name, value)

        return take

    handles = [module.register_forward_hook(hook(name)) for name, module in _named(net)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _named(net: nn.Module) -> list[tuple[str, nn.Module]]:
    """Layers that are shown: those with weights of their own, and those that hold no further module."""
    return [
        (name, module)
        for name, module in net.named_modules()
        if name and not isinstance(module, SILENT) and (_own(module) or not list(module.children()))
    ]


def _own(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters(recurse=False))


def layers(opened: Opened, x: Tensor) -> list[Layer]:
    """The layers x went through, in order; those with weights that were not asked (CloudNet's linear ones) follow."""
    shapes = {name: value.shape for name, value in outputs(opened, x).items()}
    modules = dict(_named(opened.net))
    rest = [name for name, module in modules.items() if name not in shapes and _own(module)]
    made = [Layer(name, _kind(modules[name]), tuple(shapes[name]), _own(modules[name])) for name in shapes]
    return made + [Layer(n, _kind(modules[n]), _width(modules[n]), _own(modules[n])) for n in rest]


def _width(module: nn.Module) -> tuple[int, ...]:
    return (int(module.out_features),) if isinstance(module, nn.Linear) else ()


def _kind(module: nn.Module) -> str:
    if isinstance(module, nn.Conv2d):
        height, width = (int(side) for side in module.kernel_size)
        alone = " of each map" if module.groups > 1 and module.groups == module.in_channels else ""
        return f"convolution {height} × {width}{alone}"
    if isinstance(module, nn.Linear):
        return "linear"
    return type(module).__name__


def filters(opened: Opened, layer: str) -> Floats:
    """Weights of a convolution by its name, float32 (filters, channels in, k, k). Raises ModelError for any other."""
    module = dict(opened.net.named_modules()).get(layer)
    if not isinstance(module, nn.Conv2d):
        raise ModelError(f"Layer {layer} is no convolution, so it has no filters. Choose another.")
    return np.asarray(module.weight.detach().numpy(), np.float32)


def first_filters(opened: Opened) -> Floats:
    """Weights of the first convolution, float32 (filters, channels in, k, k). Raises ModelError without one."""
    for _, module in opened.net.named_modules():
        if isinstance(module, nn.Conv2d):
            return np.asarray(module.weight.detach().numpy(), np.float32)
    raise ModelError("This network has no convolution, so it has no filters to show. Choose another model.")


def probabilities(opened: Opened, x: Tensor) -> Floats:
    """Softmax of a class model's answer at its temperature, float32 (K,)."""
    with torch.no_grad():
        logits = run(opened, x)
    if logits is None or not opened.is_class:
        raise ModelError("This model answers pixels, not one class an image. Choose a model of classes.")
    return np.asarray((logits[0] / opened.info.temperature).softmax(0).numpy(), np.float32)


def deepest_maps(found: list[Layer]) -> str:
    """The layer of Grad-CAM by default: the last whose maps have 7 places a side or more."""
    named = [layer.name for layer in found if layer.is_map and min(layer.shape[1:]) >= SMALLEST_MAP]
    if not named:
        raise ModelError("This network has no maps of 7 places a side, so it cannot show where it looked.")
    return named[-1]


def grad_cam(opened: Opened, x: Tensor, number: int, layer: str) -> Floats:
    """Grad-CAM of class `number` from the maps of a layer, float32 (h, w) in 0..1.

    Each map is weighted by the mean gradient of the class's logit over it; negative sums are cut to 0 (Selvaraju et
    al. 2017). All 0 where no sum is positive. Raises ModelError for a layer without maps.
    """
    kept: list[Tensor] = []

    def take(module: nn.Module, given: Any, value: Tensor) -> Tensor:
        kept[:] = [value]
        return value.clone()  # a later layer may work in place

    handle = dict(_named(opened.net))[layer].register_forward_hook(take)
    try:
        with torch.enable_grad():
            logits = run(opened, x.clone().requires_grad_(True))
            if logits is None or logits.ndim != 2 or not kept or kept[0].ndim != 4:
                raise ModelError(f"Layer {layer} has no maps of a class model. Choose another.")
            (slope,) = torch.autograd.grad(logits[0, number], kept[0])
    finally:
        handle.remove()
    weighted = functional.relu((slope.mean((2, 3), keepdim=True) * kept[0]).sum(1))[0].detach()
    return np.asarray((weighted / weighted.max().clamp_min(1e-12)).numpy(), np.float32)


def patch_under(opened: Opened, image: images.Image, row: int, column: int) -> PatchView:
    """What CloudNet makes of the pixel (row, column) of an image: its 32x32 patch alone, as published.

    Beyond the image its edge is repeated. Raises ModelError for another network.
    """
    net = opened.net
    if not isinstance(net, CloudNet):
        raise ModelError("Only CloudNet looks at patches of 32 × 32 px. Choose a CloudNet model.")
    padded = np.pad(image, ((BEFORE, BEFORE), (BEFORE, BEFORE), (0, 0)), mode="edge")
    patch = np.ascontiguousarray(padded[row : row + PATCH, column : column + PATCH])
    x = _normalised(opened, patch)
    found = outputs(opened, x, lambda: net.forward_patches(x))
    difference = (found["fc3"][1] - found["fc3"][0]) / opened.info.temperature
    return PatchView(patch, found, float(1 / (1 + np.exp(-difference))))
