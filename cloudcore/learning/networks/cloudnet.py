"""CloudNet, the 32x32-patch pixel classifier, as published and evaluated densely.

Shi, Xie, Zi, Yin: "Deep learning for cloud detection", 8th International Conference of Pattern Recognition Systems
(ICPRS 2017). Three times (5x5 convolution of 64 channels, ReLU, 2x2 max pool), then 1024 -> 384 -> 192 -> 2 with ReLU
between; the classes are sky and cloud, in this order. Other networks share the name.

A pixel's patch holds the rows and columns from 16 before it to 15 after it. There are two ways to see a frame:

- patch: every 32x32 patch goes through the network alone, and each convolution pads the patch's own maps with zeros.
  `forward_patches` does one patch; `exact.exact_logits` does all patches of a frame, sharing what they have in common.
- dense: the convolutions see what really lies beyond the patch, so neighbours share all their work. The two differ at
  the rim of every patch: weights trained one way belong to that way.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from cloudcore.errors import ModelError

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""ImageNet's mean and standard deviation of RGB in 0..1: what every input is normalised with."""
PATCH = 32
BEFORE = PATCH // 2
"""Rows of a patch above its pixel, and columns to its left; one fewer lie below and to the right."""
CONTEXT = 14
"""Pixels beyond the patch that the dense form sees on each side: reach 2 of each convolution at steps 1, 2 and 4."""
STRIDES = (1, 2, 4, 8)
WIDTH = 64
BAND_ROWS = 32


class CloudNet(nn.Module):
    """The network; 677,698 weights. Input is RGB in 0..1, normalised by MEAN and STD."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 5, padding=2)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 5, padding=2)
        self.conv3 = nn.Conv2d(WIDTH, WIDTH, 5, padding=2)
        self.fc1 = nn.Linear(WIDTH * 4 * 4, 384)
        self.fc2 = nn.Linear(384, 192)
        self.fc3 = nn.Linear(192, 2)

    def forward_patches(self, patches: Tensor) -> Tensor:
        """Patches (N, 3, 32, 32) -> logits (N, 2) of sky and cloud, as published."""
        x = patches.contiguous(memory_format=torch.channels_last)
        for conv in (self.conv1, self.conv2, self.conv3):
            # Pool and ReLU commute; pooled first, ReLU has a quarter of the work.
            x = functional.relu(functional.max_pool2d(conv(x), 2))
        x = functional.relu(self.fc1(x.flatten(1)))
        x = functional.relu(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits

    def forward(self, x: Tensor, stride: int = 1) -> Tensor:
        """Frames (N, 3, H, W) -> logit(cloud) - logit(sky), (N, 1, ceil(H / stride), ceil(W / stride)), densely.

        Output (i, j) belongs to the pixel (i * stride, j * stride), and at every stride it is the same number:
        forward(x, s) equals forward(x)[..., ::s, ::s]. Beyond the frame its edge pixels are repeated.
        Raises ModelError unless stride is 1, 2, 4 or 8.
        """
        _check(stride)
        before, after = BEFORE + CONTEXT, BEFORE - 1 + CONTEXT
        height, width = x.shape[2:]
        sides = (before, after + -width % stride, before, after + -height % stride)
        return self.inside(functional.pad(x, sides, mode="replicate"), stride)

    def inside(self, x: Tensor, stride: int = 1) -> Tensor:
        """Dense logits without padding, for crops that bring their context: h and w a multiple of the stride.

        (N, 3, 30 + h + 29, 30 + w + 29) -> (N, 1, h / stride, w / stride); output (i, j) belongs to the pixel
        (30 + i * stride, 30 + j * stride). Raises ModelError unless stride is 1, 2, 4 or 8.

        A pool that halved the map would answer every second pixel only. So the maps keep their resolution, and what
        comes after a pool takes twice the steps (dilation). At a larger stride the first pools do halve.
        """
        _check(stride)
        y, step = x.contiguous(memory_format=torch.channels_last), 1
        for level, conv in enumerate((self.conv1, self.conv2, self.conv3)):
            halves = stride >> level > 1
            y = _in_bands(partial(_convolve, conv, step, halves), y, 4 * step if halves else 5 * step)
            step = step if halves else 2 * step
        return _in_bands(partial(self._classify, step), y, 3 * step).to(x.dtype)

    def _classify(self, step: int, x: Tensor) -> Tensor:
        """The linear layers at every place: (N, 64, h + 3 step, w + 3 step) -> logit(cloud) - logit(sky)."""
        y = functional.conv2d(x, self.fc1.weight.view(-1, WIDTH, 4, 4), self.fc1.bias, dilation=step)
        y = functional.conv2d(functional.relu_(y), self.fc2.weight[:, :, None, None], self.fc2.bias)
        weight, bias = self.difference()
        return functional.conv2d(functional.relu_(y), weight[:, :, None, None], bias)

    def difference(self) -> tuple[Tensor, Tensor]:
        """Weight (1, 192) and bias (1,) of logit(cloud) - logit(sky)."""
        weight, bias = self.fc3.weight, self.fc3.bias
        return weight[1:] - weight[:1], bias[1:] - bias[:1]


def _convolve(conv: nn.Conv2d, step: int, halves: bool, x: Tensor) -> Tensor:
    """Convolution, ReLU and 2x2 max pool over neighbours step apart; the pool answers every place unless it halves."""
    y = functional.conv2d(x, conv.weight, conv.bias, dilation=step)
    if halves:
        return functional.relu_(functional.max_pool2d(y, 2))
    y = functional.relu_(y)
    y = torch.maximum(y[:, :, :-step], y[:, :, step:])
    return torch.maximum(y[..., :-step], y[..., step:])


def _in_bands(work: Callable[[Tensor], Tensor], x: Tensor, reach: int) -> Tensor:
    """work(x) by bands of rows where no gradient is wanted: what it makes on the way then fits the cache.

    work needs reach more rows than it answers. A graph being exported takes the frame at once.
    """
    if torch.is_grad_enabled() or torch.compiler.is_exporting():
        return work(x)
    ends = range(0, x.shape[2] - reach, BAND_ROWS)
    return torch.cat([work(x[:, :, top : top + BAND_ROWS + reach]) for top in ends], dim=2)


def _check(stride: int) -> None:
    if stride not in STRIDES:
        raise ModelError(f"Got stride {stride}; wanted 1, 2, 4 or 8, the steps that CloudNet's pools can take.")


def to_frame(logits: Tensor, stride: int, shape_hw: tuple[int, int]) -> Tensor:
    """Logits at a stride (N, 1, h, w) -> (N, 1, H, W), bilinear between the pixels they belong to."""
    height, width = shape_hw
    size = logits.shape[2] * stride + 1, logits.shape[3] * stride + 1
    edged = functional.pad(logits, (0, 1, 0, 1), mode="replicate")
    fine = functional.interpolate(edged, size=size, mode="bilinear", align_corners=True)
    return fine[:, :, :height, :width]
