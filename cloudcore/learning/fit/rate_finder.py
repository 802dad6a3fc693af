"""Try a training out before it starts: the loss while the rate climbs and the rates it suggests; the speed of steps.

The range test of Smith, "Cyclical Learning Rates for Training Neural Networks" (2017); what is suggested from the curve
is fastai's valley, steepest slope, and a tenth of the minimum.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from fastai.callback.core import Callback, CancelFitException, CancelValidException
from fastai.callback.schedule import minimum, steep, valley

from cloudcore import runs
from cloudcore.errors import RunError
from cloudcore.learning.fit import loop
from cloudcore.learning.task import ConfigT, DataT, Progress, Task, TrainingData, Weights

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 60
SMOOTHING = 0.9
BLOWN_UP = 4.0
"""A smoothed loss this many times its lowest ends the climb."""
SHORTEST_CURVE = 8
"""Fewer finite losses than this make no curve."""
SKIPPED = 2
"""First steps that are not timed: they warm caches up."""
TIMED_S, TIMED_STEPS = 6.0, 3
"""How long steps are timed where only the speed is asked for, s, and how many of them at least."""
MANY_STEPS = 10_000
"""More steps than are taken in TIMED_S."""


@dataclass
class StepTimer:
    """When each step ended, and how many images the steps after the first SKIPPED ones learnt from."""

    ends: list[float] = field(default_factory=lambda: [time.perf_counter()])
    images: int = 0

    def add(self, images: int) -> None:
        """A step of so many images ends now."""
        self.ends.append(time.perf_counter())
        if len(self.ends) - 1 > SKIPPED:
            self.images += images

    @property
    def _skipped(self) -> int:
        return min(SKIPPED, len(self.ends) - 2)

    @property
    def seconds(self) -> float:
        """Seconds of the timed steps."""
        return self.ends[-1] - self.ends[self._skipped]

    @property
    def steps(self) -> int:
        """How many steps are timed, at least one."""
        return max(1, len(self.ends) - 1 - self._skipped)


class Climb(Callback):
    """Raises the rate by the same factor at every step up to `highest`; keeps rates and smoothed losses.

    Ends the fit after `steps` steps, after `seconds` of timed ones, or where the loss blows up.
    """

    order = 80

    def __init__(self, steps: int, progress: Progress, highest: float = HIGHEST, seconds: float = math.inf) -> None:
        self.steps, self.progress, self.highest, self.seconds = steps, progress, highest, seconds
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.mean = 0.0
        self.timer = StepTimer()

    def before_validate(self) -> None:
        """Skip validation: only the curve is wanted."""
        raise CancelValidException()

    def before_batch(self) -> None:
        """Set the rate of every parameter group."""
        done = len(self.rates) / max(1, self.steps - 1)
        rate = LOWEST * (self.highest / LOWEST) ** done
        self.opt.set_hyper("lr", rate)
        self.rates.append(rate)

    def after_batch(self) -> None:
        """Keep the loss and the time; end the fit where the climb is over."""
        loss = float(self.loss.detach())
        self.losses.append(self._smooth(loss))
        self.timer.add(len(self.xb[0]))
        self.progress(len(self.rates), self.steps)
        if self._is_over(loss):
            raise CancelFitException()

    def _smooth(self, loss: float) -> float:
        """The exponential moving average up to this loss, corrected for its start at 0 (Kingma and Ba 2015)."""
        self.mean = SMOOTHING * self.mean + (1 - SMOOTHING) * loss
        return self.mean / (1 - SMOOTHING ** len(self.rates))

    def _is_over(self, loss: float) -> bool:
        count = len(self.rates)
        blown_up = not math.isfinite(loss) or self.losses[-1] > BLOWN_UP * min(self.losses)
        timed = count >= SKIPPED + TIMED_STEPS and self.timer.seconds > self.seconds
        return blown_up or timed or count >= self.steps

    def curve(self) -> tuple[list[float], list[float]]:
        """(rates, smoothed losses) of the steps whose smoothed loss is finite. Raises RunError for too few."""
        pairs = zip(self.rates, self.losses, strict=False)
        finite = [(rate, loss) for rate, loss in pairs if math.isfinite(loss)]
        if len(finite) < SHORTEST_CURVE:
            raise RunError(
                f"The loss broke down after {len(finite)} steps, too few for a curve. Look at the data, try again."
            )
        return [rate for rate, _ in finite], [loss for _, loss in finite]


def find(
    task: Task[ConfigT, DataT],
    config: ConfigT,
    prepared: DataT,
    device: str = "auto",
    start: Weights | None = None,
    steps: int = STEPS,
    progress: Progress = lambda done, of: None,
) -> dict[str, Any]:
    """{rates, losses, suggestions: {valley, steep, minimum}, and the entries of speed()} of a short climb.

    Nothing of it is kept: the network is thrown away. Raises RunError for too short a curve, a missing device, and
    weights that do not fit.
    """
    learn, torch_device = loop.learner(task, config, prepared, device, start)
    climb = Climb(steps, progress)
    learn.add_cb(climb)
    learn.fit(math.ceil(steps / max(1, prepared.steps)), lr=LOWEST)
    rates, losses = (torch.tensor(values) for values in climb.curve())
    found = {way.__name__: float(way(rates, losses, len(rates))[0]) for way in (valley, steep, minimum)}
    return {
        "rates": rates.tolist(),
        "losses": [round(value, 6) for value in losses.tolist()],
        "suggestions": {name: float(f"{value:.2g}") for name, value in found.items()},
        **_cost(climb.timer, prepared, torch_device),
    }


def speed(
    task: Task[ConfigT, DataT],
    config: ConfigT,
    prepared: DataT,
    device: str = "auto",
    start: Weights | None = None,
    progress: Progress = lambda done, of: None,
) -> dict[str, Any]:
    """{images_per_second, epoch_images, valid_images, memory_mib, device} of some seconds of training steps.

    epoch_images is what an epoch learns from, repeats counted; memory_mib is the peak of the process, on a GPU that of
    the card. Nothing of it is kept. Raises RunError as find does.
    """
    learn, torch_device = loop.learner(task, config, prepared, device, start)
    timing = Climb(MANY_STEPS, lambda done, of: progress(done, 0), highest=LOWEST, seconds=TIMED_S)
    learn.add_cb(timing)
    learn.fit(MANY_STEPS, lr=LOWEST)
    return _cost(timing.timer, prepared, torch_device)


def _cost(timer: StepTimer, prepared: TrainingData, device: torch.device) -> dict[str, Any]:
    """What timed steps say about a whole training."""
    peak = runs.peak_memory_mib()
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device) >> 20
    return {
        "images_per_second": round(timer.images / max(timer.seconds, 1e-9), 2),
        "epoch_images": round(prepared.steps * timer.images / timer.steps),
        "valid_images": len(prepared.valid),
        "memory_mib": peak,
        "device": str(device),
    }
