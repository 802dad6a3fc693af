"""Augmentation of a batch of images with their masks, by torchvision.transforms.v2 on tensors, CPU or GPU.

Mirror images are drawn for every image; shifts, turns, distortions and blur for groups of images, since v2 draws once
a call. Everything drawn comes from the CPU's generator, which the caller seeds.
"""

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as moves

from cloudcore.learning.batches.pattern_data import PatternSettings

GROUPS = 8
"""At most so many differently moved groups in a batch."""
CELLS = 5
"""Cells along each side of the distorted grid."""


class Displaced(v2.Transform):
    """Moves pixels by a field that is drawn on a coarse grid, still at the border, and smooth between its corners."""

    def displaced(self, corners: Tensor, image: Any, mode: str) -> dict[str, Any]:
        """Displacements, float32 (1, H, W, 2) in v2's units (2 is the whole side), of corners (1, 2, rows, columns)."""
        inner = corners.clone()
        inner[..., (0, -1), :], inner[..., (0, -1)] = 0, 0
        grown = torch.nn.functional.interpolate(inner, image.shape[-2:], mode=mode, align_corners=True)
        return {"displacement": grown.permute(0, 2, 3, 1).to(image.device)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The image bilinearly, its masks by nearest neighbour."""
        return self._call_kernel(moves.elastic, inpt, displacement=params["displacement"])


class GridDistortion(Displaced):
    """Moves the corners of a coarse grid by up to `reach` of a cell, everything between them in proportion."""

    def __init__(self, reach: float) -> None:
        super().__init__()
        self.reach = reach

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Displacements of a new draw."""
        corners = (torch.rand(1, 2, CELLS + 1, CELLS + 1) * 2 - 1) * self.reach * 2 / CELLS
        return self.displaced(corners, flat_inputs[0], "bilinear")


class Elastic(Displaced):
    """Elastic distortion (Simard et al. 2003): shifts of deviation `px`, alike over about `smooth` px.

    Drawn every 2 `smooth` px and made smooth by cubic interpolation, which costs little beside v2's wide blur.
    """

    def __init__(self, px: float, smooth: float) -> None:
        super().__init__()
        self.px, self.smooth = px, smooth

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Displacements of a new draw."""
        height, width = flat_inputs[0].shape[-2:]
        rows, columns = (max(3, round(side / (2 * self.smooth)) + 1) for side in (height, width))
        corners = torch.randn(1, 2, rows, columns) * self.px * 2 / torch.tensor([width, height])[:, None, None]
        return self.displaced(corners, flat_inputs[0], "bicubic")


def transform(config: PatternSettings) -> v2.Transform:
    """The shared moves of a config: shift-scale-rotate, grid and elastic distortion, blur, each with its chance."""
    turn = v2.RandomAffine(
        degrees=20, translate=(0.08, 0.08), scale=(0.85, 1.2), interpolation=v2.InterpolationMode.BILINEAR
    )
    return v2.Compose(
        [
            v2.RandomApply([turn], p=config.shift_scale_rotate),
            v2.RandomApply([GridDistortion(0.35)], p=config.grid_distortion),
            v2.RandomApply([Elastic(1.1, 6.0)], p=config.elastic),
            v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.6))], p=config.blur),
        ]
    )


def augment(config: PatternSettings, x: Tensor, y: Tensor, seed: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """x uint8 (N, 3, H, W) and y uint8 (N, K, H, W) moved alike; a pure function of its arguments."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(hash(seed) % 2**63)
        x, y = _mirrored(x, y) if config.flips else (x, y)
        chances = (config.shift_scale_rotate, config.grid_distortion, config.elastic, config.blur)
        if not any(chances):
            return x, y
        moved = transform(config)
        size = -(-len(x) // GROUPS)
        groups = zip(x.split(size), y.split(size), strict=True)
        parts = [moved(tv_tensors.Image(a), tv_tensors.Mask(b)) for a, b in groups]
        x, y = (torch.cat(halves) for halves in zip(*parts, strict=True))
        return x.as_subclass(Tensor), y.as_subclass(Tensor)


def _mirrored(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Each image left to right and upside down by a coin each."""
    for dim in (2, 3):
        coin = (torch.rand(len(x)) < 0.5).to(x.device)[:, None, None, None]
        x, y = torch.where(coin, x.flip(dim), x), torch.where(coin, y.flip(dim), y)
    return x, y
