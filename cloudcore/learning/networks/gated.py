"""Two segmenters and an image gate, as strong entries of Kaggle's cloud competition were built, in one graph.

The first segmenter learns from all images, the second from channels that hold the pattern, and a gate on the first
one's encoder says whether the pattern is in the image at all. The second one's mask counts where the first finds
enough of the pattern and the gate is open.
"""

import torch
from torch import Tensor, nn

SHUT = -20.0
"""Logit of every pixel of a class that was gated away: a probability of 2e-9, below every threshold."""


class Gated(nn.Module):
    """first: a segmenter returning (logits (N, K, H, W), gate logits (N, K)); second: one returning logits."""

    def __init__(self, first: nn.Module, second: nn.Module, share: float) -> None:
        super().__init__()
        self.first, self.second, self.share = first, second, share

    def parts(self, x: Tensor) -> Tensor:
        """x (N, 3, H, W) -> (N, 3 K, H, W): logits of the first, of the second, and the gate's, the same everywhere."""
        seen, gate = self.first(x)
        return torch.cat([seen, self.second(x), gate[:, :, None, None].expand_as(seen)], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 3, H, W) -> gated logits (N, K, H, W)."""
        return gate(self.parts(x), self.share)


class GatedFlips(nn.Module):
    """A Gated whose parts are averaged over an image and its three mirror images before they are gated."""

    def __init__(self, net: Gated) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 3, H, W) -> gated logits (N, K, H, W)."""
        seen = torch.cat([x, x.flip(2), x.flip(3), x.flip(2, 3)])
        plain, rows, columns, both = self.net.parts(seen).unflatten(0, (4, -1)).unbind(0)
        return gate((plain + rows.flip(2) + columns.flip(3) + both.flip(2, 3)) / 4, self.net.share)


def gate(parts: Tensor, share: float) -> Tensor:
    """Gated logits (N, K, H, W) of what Gated.parts gives (N, 3 K, H, W).

    A class is kept where more than `share` of the first segmenter's pixels and the gate are above a half; else SHUT.
    """
    first, second, door = parts.chunk(3, dim=1)
    found = (first > 0).to(parts.dtype).mean(dim=(2, 3), keepdim=True) > share
    opened = door.mean(dim=(2, 3), keepdim=True) > 0
    return torch.where(found & opened, second, torch.full_like(second, SHUT))
