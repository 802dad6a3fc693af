"""CloudNet over a 512x512 frame: dense, exact and preview against every dome pixel's patch, and against the GEMM limit.

The patch way is the best we know of: patches by unfold, channels last, 250 at a time. It takes a minute for a dome, so
it is timed on BAND pixels across the dome's middle and scaled to the 171,961 pixels of a dome, which is exact enough:
every patch costs the same. Dense and preview answer all 262,144 pixels of the frame, exact those of the dome.
"""

import math
import time
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.harness import Case, Seconds, Way
from cloudcore.learning.networks.cloudnet import CloudNet, to_frame
from cloudcore.learning.networks.cloudnet_exact import exact_logits

SIDE = 512
DOME_PIXELS = 171_961
BATCH = 250
BAND = 2_000
PREVIEW_STRIDE = 4
MOST_DIFFERENCE = 1e-4
MOST_CHANGED = 0.025
GEMM_SIDE = 2048
WORK = 2 * (75 * 64 + 2 * 1600 * 64 + 1024 * 384 + 384 * 192 + 192) * SIDE * SIDE
"""Floating point operations that the dense form cannot avoid: one of each layer's outputs a pixel, no padding."""


def dome() -> Tensor:
    """A disc of DOME_PIXELS about the middle of the frame, bool (512, 512)."""
    away = torch.arange(SIDE) - SIDE / 2
    return away[:, None] ** 2 + away**2 <= DOME_PIXELS / math.pi


@cache
def picture() -> tuple[Tensor, Tensor]:
    """A drawn night sky (1, 3, 512, 512), normalised, with soft clouds, stars and noise, and its truth (512, 512)."""
    random = torch.Generator().manual_seed(0)
    thickness = torch.zeros(1, 1, SIDE, SIDE)
    for octave, cells in enumerate((4, 8, 16, 32, 64)):
        noise = torch.randn(1, 1, cells, cells, generator=random)
        thickness += functional.interpolate(noise, size=(SIDE, SIDE), mode="bicubic") / 2**octave
    cloud = torch.sigmoid(4 * thickness)[0]
    stars = (torch.rand(1, SIDE, SIDE, generator=random) > 0.998) * (1 - cloud) * 2.0
    tint = torch.tensor([0.9, 0.5, 0.1])[:, None, None]
    noise = 0.15 * torch.randn(3, SIDE, SIDE, generator=random)
    return (tint * cloud * 1.5 - 1.2 + stars + noise)[None], cloud[0] > 0.5


def _fit(net: CloudNet, steps: int, loss: Callable[[], Tensor]) -> CloudNet:
    """AdamW on what loss() draws; the weights need not be good, only no longer random."""
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    return net.eval()


@cache
def trained_dense() -> CloudNet:
    """CloudNet after 60 steps on crops of the picture, in real context, every fourth pixel."""
    torch.manual_seed(0)
    net, (x, truth) = CloudNet(), picture()

    def loss() -> Tensor:
        corners = torch.randint(SIDE - 96, (4, 2)).tolist()
        crops = torch.cat([x[:, :, row : row + 96, column : column + 96] for row, column in corners])
        wanted = torch.stack([truth[row : row + 96 : 4, column : column + 96 : 4] for row, column in corners])
        return functional.binary_cross_entropy_with_logits(net(crops, stride=4)[:, 0], wanted.float())

    return _fit(net, 60, loss)


@cache
def trained_patches() -> CloudNet:
    """CloudNet after 150 steps on patches of the picture."""
    torch.manual_seed(0)
    net, (x, truth) = CloudNet(), picture()

    def loss() -> Tensor:
        pixels = torch.randint(16, SIDE - 16, (50, 2)).tolist()
        patches = torch.cat([x[:, :, row - 16 : row + 16, column - 16 : column + 16] for row, column in pixels])
        wanted = torch.stack([truth[row, column] for row, column in pixels]).long()
        return functional.cross_entropy(net.forward_patches(patches), wanted)

    return _fit(net, 150, loss)


@torch.inference_mode()
def patch_band(net: CloudNet, x: Tensor, pixels: int = BAND) -> Tensor:
    """logit(cloud) - logit(sky) of the pixels right of column 128 in the rows below row 240, BATCH a row."""
    rows = []
    for row in range(240, 240 + pixels // BATCH):
        strip = x[:, :, row - 16 : row + 16, 128 - 16 : 128 + BATCH + 15]
        patches = functional.unfold(strip, 32)[0].T.reshape(BATCH, 3, 32, 32)
        both = net.forward_patches(patches.contiguous(memory_format=torch.channels_last))
        rows.append(both[:, 1] - both[:, 0])
    return torch.stack(rows)


def _patch_way(net: CloudNet, x: Tensor) -> Way:
    """Seconds that all dome pixels take by patches."""

    def way() -> Seconds:
        start = time.perf_counter()
        patch_band(net, x)
        return Seconds((time.perf_counter() - start) * DOME_PIXELS / BAND)

    return way


@torch.inference_mode()
def _dense(net: CloudNet, x: Tensor) -> Tensor:
    logits: Tensor = net(x)
    return logits


@torch.inference_mode()
def _preview(net: CloudNet, x: Tensor) -> Tensor:
    return to_frame(net(x, stride=PREVIEW_STRIDE), PREVIEW_STRIDE, (SIDE, SIDE))


def _make_dense() -> tuple[Way, Way]:
    net, (x, _) = trained_dense(), picture()
    return lambda: _dense(net, x), _patch_way(net, x)


def _make_share() -> tuple[Way, Way]:
    """other / ours is the share: what a plain matrix product would take for the same work, over what dense takes."""
    net, (x, _) = trained_dense(), picture()
    left, right = torch.randn(2, GEMM_SIDE, GEMM_SIDE)

    def gemm() -> Seconds:
        start = time.perf_counter()
        for _ in range(4):
            torch.mm(left, right)
        return Seconds((time.perf_counter() - start) / (4 * 2 * GEMM_SIDE**3) * WORK)

    return lambda: _dense(net, x), gemm


def _make_exact() -> tuple[Way, Way]:
    """Raises RuntimeError where the exact form is not exact."""
    net, (x, _) = trained_patches(), picture()
    valid = dome()
    band = exact_logits(net, x, valid)[0, 0, 240 : 240 + BAND // BATCH, 128 : 128 + BATCH]
    if not (difference := float((band - patch_band(net, x)).abs().max())) <= MOST_DIFFERENCE:
        raise RuntimeError(f"The exact form differs from patches by {difference:.2g}; wanted <= {MOST_DIFFERENCE}.")
    return lambda: exact_logits(net, x, valid), _patch_way(net, x)


def _make_preview() -> tuple[Way, Way]:
    """Raises RuntimeError where the preview shows another sky than the full evaluation."""
    net, (x, _) = trained_dense(), picture()
    changed = float(((_preview(net, x) > 0) != (_dense(net, x) > 0)).float().mean())
    if changed > MOST_CHANGED:
        raise RuntimeError(f"The preview changes {changed:.2%} of the pixels; wanted <= {MOST_CHANGED:.1%}.")
    return lambda: _preview(net, x), _patch_way(net, x)


CASES = [
    Case("cloudnet dense / patches of 171,961 dome px", _make_dense, goal=25, repeats=5),
    Case("cloudnet dense / GEMM limit", _make_share, goal=0.8, repeats=7),
    Case("cloudnet exact / patches of 171,961 dome px", _make_exact, goal=3, repeats=3),
    Case("cloudnet preview / patches of 171,961 dome px", _make_preview, goal=300, repeats=7),
]
