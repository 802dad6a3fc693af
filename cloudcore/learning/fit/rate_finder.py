"""Try a training out before it starts: the loss while the rate climbs, what it suggests; and how fast steps are.

The range test of Smith, "Cyclical Learning Rates for Training Neural Networks" (2017); what is suggested from the curve
is fastai's valley, steepest slope, and a tenth of the minimum.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from cloudcore import runs
from cloudcore.errors import RunError
from cloudcore.learning.task import Task, TrainingData

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 60
SMOOTHING = 0.9
BLOWN_UP = 4.0
"""A smoothed loss this many times its lowest ends the climb."""
SKIPPED = 2
"""First steps that are not timed: they warm caches up."""
TIMED_S, TIMED_STEPS = 6.0, 3
"""How long steps are timed where only the speed is asked for, s, and how many of them at least."""


def _climb(steps: int, progress: Callable[[int, int], None], top: float = HIGHEST, seconds: float = math.inf) -> Any:
    """The callback that climbs to the rate `top`, and ends after `seconds` of timed steps; made here, so that fastai is
    imported by who calls it."""
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
            rate = LOWEST * (top / LOWEST) ** part
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
            if count >= SKIPPED + TIMED_STEPS and self.spent() > seconds:
                raise CancelFitException()

        def spent(self) -> float:
            """Seconds of the timed steps."""
            return float(self.times[-1] - self.times[min(SKIPPED, len(self.times) - 2)])

    return Climb()


def find(
    task: Task,
    config: Any,
    prepared: TrainingData,
    device: str = "auto",
    start: dict[str, Any] | None = None,
    steps: int = STEPS,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """{rates, losses, suggestions: {valley, steep, minimum}, and what speed() tells} of a short climb.

    Nothing of it stays: the network is thrown away. Raises RunError for too short a curve, a missing device, and
    weights that do not fit.
    """
    import torch
    from fastai.callback.schedule import minimum, steep, valley

    from cloudcore.learning.fit import loop

    learn, place = loop.learner(task, config, prepared, device, start)
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
    return {
        "rates": rates.tolist(),
        "losses": [round(value, 6) for value in losses.tolist()],
        "suggestions": {name: float(f"{value:.2g}") for name, value in found.items()},
        **_cost(climb, prepared, place),
    }


def speed(
    task: Task,
    config: Any,
    prepared: TrainingData,
    device: str = "auto",
    start: dict[str, Any] | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """{images_per_second, epoch_images, valid_images, memory_mib, device} of some seconds of training steps.

    epoch_images is what an epoch learns from, repeats counted; memory_mib is the most the process held, on a GPU the
    card's. Nothing of it stays. Raises RunError as find does.
    """
    from cloudcore.learning.fit import loop

    learn, place = loop.learner(task, config, prepared, device, start)
    timing = _climb(10_000, lambda done, of: progress(done, 0), top=LOWEST, seconds=TIMED_S)
    learn.add_cb(timing)
    learn.fit(10_000, lr=LOWEST)
    return _cost(timing, prepared, place)


def _cost(timed: Any, prepared: TrainingData, place: Any) -> dict[str, Any]:
    """What the timed steps of a climb say about a whole training."""
    import torch

    steps = max(1, len(timed.times) - 1 - min(SKIPPED, len(timed.times) - 2))
    held = runs.peak_memory_mib()
    if place.type == "cuda":
        held = torch.cuda.max_memory_allocated(place) >> 20
    return {
        "images_per_second": round(timed.images / max(timed.spent(), 1e-9), 2),
        "epoch_images": round(prepared.steps * timed.images / steps),
        "valid_images": len(prepared.valid),
        "memory_mib": held,
        "device": str(place),
    }
