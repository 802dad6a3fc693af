"""Losses of several masks at once: logits float (N, K, H, W) against target uint8 (N, K, H, W) of 0 and 1.

Each is a mean over images and classes, or over pixels, so that a batch of another size weighs the same.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1.0
"""Pixels added above and below, so that two empty masks agree."""


def soft_dice(logits: Tensor, target: Tensor, nonempty: bool = False) -> Tensor:
    """1 - (2 sum(p y) + 1) / (sum p + sum y + 1), mean over images and classes, or over those with truth alone."""
    p, y = torch.sigmoid(logits), target.to(logits.dtype)
    hit, all_ = (p * y).sum((2, 3)), p.sum((2, 3)) + y.sum((2, 3))
    return _mean(1 - (2 * hit + SMOOTH) / (all_ + SMOOTH), y, nonempty)


def soft_iou(logits: Tensor, target: Tensor, nonempty: bool = False) -> Tensor:
    """1 - (sum(p y) + 1) / (sum p + sum y - sum(p y) + 1), the soft Jaccard distance."""
    p, y = torch.sigmoid(logits), target.to(logits.dtype)
    hit, all_ = (p * y).sum((2, 3)), p.sum((2, 3)) + y.sum((2, 3))
    return _mean(1 - (hit + SMOOTH) / (all_ - hit + SMOOTH), y, nonempty)


def tversky(logits: Tensor, target: Tensor, nonempty: bool = False) -> Tensor:
    """Tversky distance with 0.3 for false and 0.7 for missed pixels (Salehi, Erdogmus and Gholipour 2017)."""
    p, y = torch.sigmoid(logits), target.to(logits.dtype)
    hit = (p * y).sum((2, 3))
    false, missed = (p * (1 - y)).sum((2, 3)), ((1 - p) * y).sum((2, 3))
    return _mean(1 - (hit + SMOOTH) / (hit + 0.3 * false + 0.7 * missed + SMOOTH), y, nonempty)


def focal(logits: Tensor, target: Tensor) -> Tensor:
    """(1 - p of the truth)^2 times cross-entropy, mean over pixels (Lin et al. 2017, gamma 2, no alpha)."""
    y = target.to(logits.dtype)
    every = functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
    return ((1 - torch.exp(-every)) ** 2 * every).mean()


def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy, mean over pixels."""
    return functional.binary_cross_entropy_with_logits(logits, target.to(logits.dtype))


def lovasz(logits: Tensor, target: Tensor, nonempty: bool = False) -> Tensor:
    """Lovasz hinge of each image and class (Berman, Triki and Blaschko 2018): a convex stand-in for the Jaccard."""
    y = target.to(logits.dtype)
    flat, truth = logits.flatten(2), y.flatten(2)
    errors, order = (1 - flat * (2 * truth - 1)).sort(dim=2, descending=True)
    sorted_truth = truth.gather(2, order)
    total = sorted_truth.sum(2, keepdim=True)
    jaccard = 1 - (total - sorted_truth.cumsum(2)) / (total + (1 - sorted_truth).cumsum(2))
    steps = torch.cat([jaccard[..., :1], jaccard[..., 1:] - jaccard[..., :-1]], dim=2)
    return _mean((functional.relu(errors) * steps).sum(2), y, nonempty)


def _mean(each: Tensor, y: Tensor, nonempty: bool) -> Tensor:
    """Mean of (N, K) values; with nonempty over image and class pairs that hold the pattern, 0 where none does."""
    if not nonempty:
        return each.mean()
    present = (y.amax((2, 3)) > 0).to(each.dtype)
    return (each * present).sum() / present.sum().clamp(min=1)


def gated(first: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of gated.Gated.parts: `first` on all images, Dice of non-empty channels, and BCE of the gate."""

    def value(parts: Tensor, target: Tensor) -> Tensor:
        seen, second, door = parts.chunk(3, dim=1)
        holds = (target.amax((2, 3), keepdim=True) > 0).to(parts.dtype)
        opened = functional.binary_cross_entropy_with_logits(door[:, :, :1, :1], holds)
        return first(seen, target) + soft_dice(second, target, nonempty=True) + 0.5 * opened

    return value


def named(name: str, bce_share: float, nonempty: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of a name: bce, dice, bce_dice, iou, focal, iou_dice_focal, lovasz or tversky.

    bce_dice is bce_share BCE + (1 - bce_share) Dice; iou_dice_focal is 0.7 IoU + 1.5 Dice + 0.4 Focal. nonempty keeps
    the overlap terms to image and class pairs that hold the pattern.
    """
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "bce": bce,
        "dice": lambda x, y: soft_dice(x, y, nonempty),
        "bce_dice": lambda x, y: bce_share * bce(x, y) + (1 - bce_share) * soft_dice(x, y, nonempty),
        "iou": lambda x, y: soft_iou(x, y, nonempty),
        "focal": focal,
        "iou_dice_focal": lambda x, y: (
            0.7 * soft_iou(x, y, nonempty) + 1.5 * soft_dice(x, y, nonempty) + 0.4 * focal(x, y)
        ),
        "lovasz": lambda x, y: lovasz(x, y, nonempty),
        "tversky": lambda x, y: tversky(x, y, nonempty),
    }
    return losses[name]
