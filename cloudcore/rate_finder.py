"""Which learning rate to take: the loss while the rate grows step by step, and three readings of that curve.

After Smith, "Cyclical learning rates for training neural networks" (2017); the readings are those fastai names valley,
steep and minimum.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cloudcore.errors import RunError
from cloudcore.task import Task

LOWEST, HIGHEST, STEPS = 1e-6, 1.0, 80
MEMORY = 0.9
"""Decay of the smoothed loss."""


@dataclass(frozen=True)
class Curve:
    """Rates and smoothed losses, and the rates that three readings suggest."""

    rates: list[float]
    losses: list[float]
    valley: float
    steep: float
    minimum: float

    def as_json(self) -> dict[str, Any]:
        """The curve as plain JSON."""
        return asdict(self)


def readings(rates: Sequence[float], losses: Sequence[float]) -> tuple[float, float, float]:
    """(valley, steep, minimum) of a curve of 4 points or more.

    valley: two thirds into the longest falling subsequence; steep: where the loss falls fastest over log rate; minimum:
    a tenth of the rate of the lowest loss. Raises RunError for fewer points.
    """
    if len(rates) < 4 or len(rates) != len(losses):
        raise RunError(f"Got {len(losses)} losses, wanted 4 or more. Try a larger batch or other data.")
    values = np.asarray(losses, float)
    start, end = _longest_fall(values)
    valley = rates[start + round((end - start) * 2 / 3)]
    steep = rates[int(np.gradient(values, np.log(np.asarray(rates))).argmin())]
    return float(valley), float(steep), float(rates[int(values.argmin())] / 10)


def _longest_fall(values: "np.ndarray[Any, np.dtype[np.float64]]") -> tuple[int, int]:
    """First and last index of the longest subsequence of falling values."""
    length, begin = np.ones(len(values), int), np.arange(len(values))
    for index in range(1, len(values)):
        earlier = np.flatnonzero(values[:index] > values[index])
        if earlier.size:
            best = earlier[length[earlier].argmax()]
            length[index], begin[index] = length[best] + 1, begin[best]
    end = int(length.argmax())
    return int(begin[end]), end


def find(task: Task, config: Any, prepared: Any, progress: Callable[[int, int], None] | None = None) -> Curve:
    """Train a fresh network for up to 80 steps while the rate grows from 1e-6 to 1, and read the curve, on the CPU."""
    import torch

    from cloudcore import training

    torch.manual_seed(config.seed)
    net = training.make_network(task, config, prepared).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=LOWEST, weight_decay=config.weight_decay)
    loss_of, rates, losses = task.loss(config), list[float](), list[float]()
    smooth, best, epoch, batches = 0.0, math.inf, 0, iter(prepared.batches(0))
    for step in range(STEPS):
        try:
            x, y = next(batches)
        except StopIteration:
            epoch += 1
            batches = iter(prepared.batches(epoch))
            x, y = next(batches)
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        optimiser.param_groups[0]["lr"] = rate
        loss = loss_of(task.forward(config, net, x).float(), y)
        value = float(loss.detach())
        smooth = MEMORY * smooth + (1 - MEMORY) * value
        level = smooth / (1 - MEMORY ** (step + 1))
        best = min(best, level)
        if not math.isfinite(value) or (step > 10 and level > 4 * best):
            break
        rates.append(rate)
        losses.append(level)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if progress:
            progress(step + 1, STEPS)
    return Curve(rates, losses, *readings(rates, losses))
