"""Networks for radar pictures of 136 x 136 px: the chapter's, its variant with dropout, and three blocks.

The chapter is the radar classifier of the SVRIMG teaching notebooks (Haberlie, Ashley and others): one 3x3 convolution
of 32 filters without padding, 3x3 max pool, 61,952 numbers to 128 to 6.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cloudcore.radar.folders import SIDE

FILTERS = 32
FLAT = FILTERS * 44 * 44
"""Numbers after the pool: (136 - 2) / 3 = 44 places a side."""
DENSE = 128
WIDTHS = (16, 32, 64)


class Chapter(nn.Module):
    """x (N, 1 or more, 136, 136) of dBZ / 80 -> logits (N, K); the first channel is looked at.

    With dropout, ReLU follows the convolution and whole maps are dropped (spatial dropout) before the pool.
    """

    def __init__(self, classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, FILTERS, 3)
        self.activation: nn.Module = nn.ReLU() if dropout else nn.Identity()
        self.dropout = nn.Dropout2d(dropout)
        self.pool = nn.MaxPool2d(3)
        self.dense = nn.Linear(FLAT, DENSE)
        self.relu = nn.ReLU()
        self.head = nn.Linear(DENSE, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K)."""
        y = self.pool(self.dropout(self.activation(self.conv(x[:, :1]))))
        logits: Tensor = self.head(self.relu(self.dense(y.flatten(1))))
        return logits


class Blocks(nn.Module):
    """Three blocks (3x3 convolution, batch normalisation, ReLU, 3x3 max pool), mean and maximum of each map, linear.

    x (N, 1 or more, 136, 136) of dBZ / 80 -> logits (N, K). Mean and maximum find shapes wherever they lie.
    """

    def __init__(self, classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, width in enumerate(WIDTHS):
            before = WIDTHS[number - 1] if number else 1
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3)]
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * WIDTHS[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K)."""
        maps = self.body(x[:, :1])
        logits: Tensor = self.head(self.dropout(torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)))
        return logits


class Deployed(nn.Module):
    """What is exported: x (N, 3, H, W) of any size -> logits (N, K), brought to 136 x 136 first."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K)."""
        logits: Tensor = self.net(functional.interpolate(x, size=(SIDE, SIDE), mode="bilinear"))
        return logits


def build(name: str, classes: int, dropout: float) -> nn.Module:
    """The network of a name: chapter or blocks."""
    return Chapter(classes, dropout) if name == "chapter" else Blocks(classes, dropout)
