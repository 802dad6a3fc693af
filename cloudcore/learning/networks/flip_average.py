"""Networks as they are exported: what is wrapped around a trained module so that one graph answers every pixel."""

import torch
from torch import Tensor, nn


class FlipAverage(nn.Module):
    """Mean logits over a frame and its three mirror images (flip test-time augmentation)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 3, H, W) -> logits (N, K, H, W)."""
        seen = torch.cat([x, x.flip(2), x.flip(3), x.flip(2, 3)])
        plain, rows, columns, both = self.net(seen).unflatten(0, (4, -1)).unbind(0)
        return (plain + rows.flip(2) + columns.flip(3) + both.flip(2, 3)) / 4
