"""Another exposure of pictures, on their device: float32 (N, 3, h, w) in 0..255, in and out.

The caller draws what is random, as arrays of one entry a picture.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Drawn = NDArray[np.floating]
"""Drawn values, (N,) or (N, channels)."""


def _each(values: Drawn, x: Tensor) -> Tensor:
    """(N,) or (N, C) as a float32 tensor beside x: (N, C, 1, 1)."""
    return torch.from_numpy(np.asarray(values, np.float32).reshape(len(x), -1, 1, 1)).to(x.device)


def _grey(x: Tensor) -> Tensor:
    weights = torch.tensor([0.299, 0.587, 0.114], device=x.device)
    return torch.einsum("nchw,c->nhw", x, weights)[:, None]


def exposed(x: Tensor, gain: Drawn, gamma: Drawn, grey: Drawn, noise: Drawn, seed: int) -> Tensor:
    """Gain a channel (N, 3), gamma (N,), grey where it is 1 (N,), then noise of that deviation (N,), seeded."""
    x = (x / 255 * _each(gain, x)).clamp(0, 1) ** _each(gamma, x) * 255
    x = torch.where(_each(grey, x) > 0.5, _grey(x), x)
    source = torch.Generator(x.device).manual_seed(seed)
    return (x + torch.randn(x.shape, generator=source, device=x.device) * _each(noise, x)).clamp(0, 255)
