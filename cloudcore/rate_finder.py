"""Try learning rates before a training: the loss while the rate climbs, what it suggests, and how fast steps are.

The range test of Smith, "Cyclical Learning Rates for Training Neural Networks" (2017); what is suggested from the curve
is fastai's valley, steepest slope, and a tenth of the minimum.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from cloudcore.errors import RunError
from cloudcore.task import Prepared, Task

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 60
SMOOTHING = 0.9
BLOWN_UP = 4.0
"""A smoothed loss this many times its lowest ends the climb."""
SKIPPED = 2
"""First steps that are not timed: they warm caches up."""


def _climb(steps: int, progress: Callable[[int, int], None]) -> Any:
    """The callback that climbs; made here, so that fastai is imported by who calls it."""
    from fastai.callback.core import Callback, CancelFitException, CancelValidException

    class Climb(Callback):
        """Raises the rate by the same factor at every step; keeps rates, smoothed losses and the time of each step."""

        order = 80

        def __init__(self) -> None:
            self.rates: list[float] = []
            self.losses: list[float] = []
            self.times: list[float] = [time.perf_counter()]
            self.images, self.mean = 0, 0.0

        def before_validate(self) -> None:
            """No validation: only the curve is wanted."""
            raise CancelValidException()

        def before_batch(self) -> None:
            """Set the rate of every parameter group, keeping the groups' ratios."""
            part = len(self.rates) / max(1, steps - 1)
            rate = LOWEST * (HIGHEST / LOWEST) ** part
            self.opt.set_hyper("lr", rate)
            self.rates.append(rate)

        def after_batch(self) -> None:
            """Take the loss in; end when the steps are done or the loss has blown up."""
            value = float(self.loss.detach())
            count = len(self.rates)
            self.mean = SMOOTHING * self.mean + (1 - SMOOTHING) * value
            self.losses.append(self.mean / (1 - SMOOTHING**count))
            self.times.append(time.perf_counter())
            if count > SKIPPED:
                self.images += len(self.xb[0])
            progress(count, steps)
            if not math.isfinite(value) or count >= steps or self.losses[-1] > BLOWN_UP * min(self.losses):
                raise CancelFitException()

    return Climb()


def find(
    task: Task,
    config: Any,
    prepared: Prepared,
    device: str = "auto",
    start: dict[str, Any] | None = None,
    steps: int = STEPS,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """{rates, losses, suggestions: {valley, steep, minimum}, images_per_second, device} of a short climb.

    Nothing of it stays: the network is thrown away. Raises RunError for too short a curve, a missing device, and
    weights that do not fit.
    """
    import torch
    from fastai.callback.schedule import minimum, steep, valley

    from cloudcore import training

    learn, place = training.learner(task, config, prepared, device, start)
    climb = _climb(steps, progress)
    learn.add_cb(climb)
    learn.fit(math.ceil(steps / max(1, prepared.steps)), lr=LOWEST)
    kept = [(rate, loss) for rate, loss in zip(climb.rates, climb.losses, strict=False) if math.isfinite(loss)]
    if len(kept) < 8:
        raise RunError(
            f"The loss broke down after {len(kept)} steps, too few for a curve. Look at the data, try again."
        )
    rates, losses = (torch.tensor(values) for values in zip(*kept, strict=True))
    found = {way.__name__: float(way(rates, losses, len(kept))[0]) for way in (valley, steep, minimum)}
    spent = climb.times[-1] - climb.times[min(SKIPPED, len(climb.times) - 2)]
    return {
        "rates": rates.tolist(),
        "losses": [round(value, 6) for value in losses.tolist()],
        "suggestions": {name: float(f"{value:.2g}") for name, value in found.items()},
        "images_per_second": round(climb.images / max(spent, 1e-9), 2),
        "device": str(place),
    }
