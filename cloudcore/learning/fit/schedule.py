"""Optimisers, learning rates of encoder and rest, schedules, early stopping, accumulation of gradients.

A schedule that looks back reads the history rows alone, so a resumed run takes the same steps as one that was never
stopped. Settings of some tasks alone are Protocols here; a Config without them trains in the plain way.
"""

import contextlib
import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
import torch
from fastai.callback.core import Callback, CancelBatchException, CancelFitException
from fastai.callback.schedule import ParamScheduler, combined_cos
from fastai.optimizer import SGD, Adam, RAdam

from cloudcore.learning.fit.early_stopping import Rows, epochs_without_gain, plateaus
from cloudcore.learning.settings import TrainingSettings


@runtime_checkable
class _EncoderRate(Protocol):
    """Settings with a peak rate of the encoder's own; 0: as the rest."""

    @property
    def encoder_rate(self) -> float: ...


@runtime_checkable
class _Accumulation(Protocol):
    """Settings that make one step of several batches."""

    @property
    def accumulate(self) -> int: ...


@runtime_checkable
class _PlateauSettings(Protocol):
    """Settings of a rate that is reduced where the loss no longer falls."""

    @property
    def factor(self) -> float: ...
    @property
    def patience(self) -> int: ...
    @property
    def min_rate(self) -> float: ...


@runtime_checkable
class _FineTuning(Protocol):
    """Settings of a body with given weights below a new head."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def weights(self) -> str: ...
    @property
    def frozen(self) -> float: ...
    @property
    def body_rate(self) -> float: ...


def keep_freed_memory() -> None:
    """Have glibc keep large blocks that are freed: the next step asks for the same ones.

    Otherwise it returns them to the system and gets them again page by page. Measured on a U-Net at 320 x 480, batch
    4, two threads: 286 to 161 ms an image in float32, 98 to 84 in bfloat16. With another C library nothing happens.
    """
    most_mapped, trim_threshold = -4, -1  # M_MMAP_MAX, M_TRIM_THRESHOLD of malloc.h
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(most_mapped, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)


def optimiser(config: TrainingSettings) -> Any:
    """fastai's optimiser of config.optimiser: adamw, adam (weight decay as L2), radam or sgd."""
    found = {
        "sgd": partial(SGD, mom=config.momentum),
        "adam": partial(Adam, mom=config.momentum, decouple_wd=False),
        "radam": partial(RAdam, mom=config.momentum),
    }
    return found.get(config.optimiser, partial(Adam, mom=config.momentum))


def groups(config: TrainingSettings) -> Callable[[torch.nn.Module], list[list[Any]]]:
    """fastai's splitter: encoder and rest apart where config.encoder_rate is set (> 0), else all together.

    A body with given weights and its new head are the two groups of fine-tuning.
    """

    def split(model: torch.nn.Module) -> list[list[Any]]:
        if _fine_tunes(config):
            return [list(part.parameters()) for part in (model.net.body, model.net.head)]
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        if not _encoder_rate(config):
            return [[p for _, p in named]]
        return [[p for name, p in named if ("encoder" in name.split(".")) is wanted] for wanted in (True, False)]

    return split


def _encoder_rate(config: TrainingSettings) -> float:
    return config.encoder_rate if isinstance(config, _EncoderRate) else 0.0


def rates(config: TrainingSettings) -> Any:
    """Peak learning rate: a number, or an array of (encoder, rest)."""
    encoder = _encoder_rate(config)
    return np.array([encoder, config.learning_rate]) if encoder else config.learning_rate


def schedule(config: TrainingSettings, rows: Rows) -> list[Callback]:
    """The callbacks of config.schedule (one_cycle, plateau, constant), early stopping and accumulation."""
    found: list[Callback] = []
    peak = rates(config)
    if config.schedule == "one_cycle":
        whole = combined_cos(0.25, peak / 25, peak, peak / 1e5)
        found.append(ParamScheduler({"lr": _fine_tuning_rates(config) if _fine_tunes(config) else whole}))
    if config.schedule == "plateau" and isinstance(config, _PlateauSettings):
        found.append(Plateau(config, peak, rows))
    if config.stop_after:
        found.append(EarlyStop(config.stop_after, rows))
    if isinstance(config, _Accumulation) and config.accumulate > 1:
        found.append(Accumulate(config.accumulate))
    return found


def _fine_tunes(config: object) -> TypeGuard[_FineTuning]:
    """Whether a body with given weights is trained under a new head."""
    return isinstance(config, _FineTuning) and config.weights != "none"


def _fine_tuning_rates(config: _FineTuning) -> Callable[[float], list[float]]:
    """Rates [body, head] over the share of the training done: the body at 0 at first, then at its own lower rate.

    As fastai's fine_tune, but one function of the share done, so that a resumed run follows the same curve.
    """
    peak, frozen = config.learning_rate, config.frozen
    first = combined_cos(0.3, peak / 25, peak, peak / 10)
    second = combined_cos(0.25, peak / 50, peak / 2, peak / 1e5)

    def rates(done: float) -> list[float]:
        if done < frozen:
            return [0.0, float(first(done / frozen))]
        rate = float(second((done - frozen) / (1 - frozen)))
        return [rate * config.body_rate, rate]

    return rates


class Plateau(Callback):
    """Each epoch's rate: the peak times factor to the number of plateaus so far, never below min_rate."""

    order = 55

    def __init__(self, config: _PlateauSettings, peak: Any, rows: Rows) -> None:
        self.config, self.peak, self.rows = config, peak, rows

    def before_epoch(self) -> None:
        """Set the rate of every parameter group."""
        reduced = self.config.factor ** plateaus(self.rows, self.config.patience)
        for group, peak in zip(self.opt.hypers, np.atleast_1d(self.peak).tolist(), strict=True):
            group["lr"] = max(peak * reduced, min(self.config.min_rate, peak))


class EarlyStop(Callback):
    """Ends the fit once the watched value has not improved for `patience` epochs; runs after the row is written."""

    order = 70

    def __init__(self, patience: int, rows: Rows) -> None:
        self.patience, self.rows = patience, rows

    def after_epoch(self) -> None:
        """Look at the rows."""
        if epochs_without_gain(self.rows) >= self.patience:
            raise CancelFitException()


class Accumulate(Callback):
    """One step for `count` batches, their gradients averaged; what is left at the end of an epoch makes a step too."""

    order, run_valid = 30, False

    def __init__(self, count: int) -> None:
        self.count = count

    def after_loss(self) -> None:
        """Share the loss out among the batches of this step."""
        began = self.iter - self.iter % self.count
        self.learn.loss_grad = self.learn.loss_grad / min(self.count, self.n_iter - began)

    def before_step(self) -> None:
        """Skip the step, keeping the gradients, until the last batch of the group."""
        if (self.iter + 1) % self.count and self.iter + 1 < self.n_iter:
            raise CancelBatchException()
