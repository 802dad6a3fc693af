"""Callbacks of a training: seeds, averaged weights, scores, progress, and what is kept after each epoch."""

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import torch
from fastai.callback.core import Callback, CancelFitException

from cloudcore import images, runs
from cloudcore.errors import RunError
from cloudcore.files import atomic
from cloudcore.learning.fit import checkpoints, distributed, tensorboard
from cloudcore.learning.task import Scorer, TrainingData, ValidationSample

STRIP = 3
"""Pictures of the worst validation samples, and as many of the best."""
READ_EVERY = 4
"""On a GPU losses and stops are read once in so many batches: each reading waits until the GPU is done."""


class Outcome(IntEnum):
    """What follows from the losses of some batches; the larger is the graver."""

    CONTINUE, STOP, BROKEN = 0, 1, 2


class SeedEachEpoch(Callback):
    """Before each epoch: seeds torch's global generators by (seed, epoch) and sets the loader's epoch."""

    order = -60

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_epoch(self) -> None:
        """Seed for the epoch."""
        torch.manual_seed((self.seed * 100_003 + self.epoch) % 2**63)
        self.dls.train.epoch = self.epoch


class WeightAveraging(Callback):
    """Averaged weights: w <- decay w + (1 - decay) trained w after each step; scored and kept in place of the last.

    The decay grows with the steps, (1 + n) / (10 + n), so that short trainings are averaged too.
    """

    order = 5

    def __init__(self, net: torch.nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.average = copy.deepcopy(net) if decay else None

    def after_step(self) -> None:
        """Move the average towards the trained weights."""
        if self.average is None:
            return
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            trained = self.learn.bare.net.state_dict()
            for name, value in self.average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(trained[name], 1 - decay)
                else:
                    value.copy_(trained[name])

    def before_validate(self) -> None:
        """Put the averaged network in the place of the trained one."""
        if self.average is not None:
            self._trained, self.learn.bare.net = self.learn.bare.net, self.average
            self.learn.bare.eval()

    def after_validate(self) -> None:
        """Go on with the trained network."""
        if self.average is not None:
            self.learn.bare.net = self._trained


class ScoreCallback(Callback):
    """Hands each validation batch to the scorer the prepared data made for this epoch."""

    order = 20
    scorer: Scorer | None = None

    def __init__(self, prepared: TrainingData) -> None:
        self.prepared = prepared

    def before_validate(self) -> None:
        """Begin with a fresh scorer."""
        self.scorer = self.prepared.scorer()

    def after_loss(self) -> None:
        """Score a validation batch."""
        if not self.training and self.scorer:
            self.scorer.add(self.pred.detach(), self.yb[0])

    def row(self) -> dict[str, float | None]:
        """The epoch's scores, None where one is undefined."""
        scores = self.scorer.row() if self.scorer else {}
        return {name: finite(value) for name, value in scores.items()}


@dataclass
class EpochRecord:
    """What an epoch has done so far: written by ProgressCallback, read by KeepEpoch when the epoch is over.

    loss_sum adds the training losses of loss_count batches. images counts what all processes have learnt from.
    """

    began: float = 0.0
    loss_sum: float = 0.0
    loss_count: float = 0.0
    images: int = 0
    valid_losses: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Seconds since the epoch began."""
        return time.monotonic() - self.began

    def restart(self) -> None:
        """Begin a new epoch now."""
        self.began, self.loss_sum, self.loss_count, self.images = time.monotonic(), 0.0, 0.0, 0
        self.valid_losses = []

    def add(self, losses: Sequence[float]) -> None:
        """Count the training losses of some batches."""
        self.loss_sum, self.loss_count = self.loss_sum + sum(losses), self.loss_count + len(losses)


class ProgressCallback(Callback):
    """Reports progress into the run's folder; stops on request, and fails on a loss that is NaN or infinite."""

    order = 50

    def __init__(self, reporter: runs.Reporter, record: EpochRecord, board: tensorboard.Board | None) -> None:
        self.reporter, self.record, self.board = reporter, record, board
        self.stopped = False
        self.unread: list[Any] = []

    def before_epoch(self) -> None:
        """Begin the record of a new epoch."""
        self.record.restart()
        self.unread = []

    def after_loss(self) -> None:
        """Keep the loss of a batch, on its device while training, and count its images."""
        if not self.training:
            self.record.valid_losses.append(float(self.loss.detach()))
            return
        self.unread.append(self.loss.detach())
        self.record.images += len(self.xb[0]) * distributed.world_size()

    def after_batch(self) -> None:
        """Read losses and a request to stop, after every batch on a CPU and every READ_EVERY-th on a GPU."""
        if self.training:
            done = self.iter + 1
            if self.loss.is_cuda and done % READ_EVERY and done < self.n_iter:
                return
            self._act_on(self._read_losses())
            self._note_progress(done)
        elif distributed.world_size() == 1 and self.reporter.run.stop_requested():
            self._act_on(Outcome.STOP)

    def _read_losses(self) -> Outcome:
        """Add the losses of the batches since the last reading; several processes agree on the gravest outcome."""
        losses = torch.stack(self.unread).tolist()
        self.unread.clear()
        self.record.add(losses)
        if self.board:
            last = self.epoch * self.n_iter + self.iter + 1
            for before, loss in enumerate(reversed(losses)):
                self.board.step(last - before, loss)
        if not math.isfinite(sum(losses)):
            outcome = Outcome.BROKEN
        else:
            outcome = Outcome.STOP if self.reporter.run.stop_requested() else Outcome.CONTINUE
        if distributed.world_size() == 1:
            return outcome
        return Outcome(distributed.all_reduce_max(outcome, self.loss.device))

    def _act_on(self, outcome: Outcome) -> None:
        if outcome is Outcome.BROKEN:
            raise RunError(f"Stopped at epoch {self.epoch + 1}: loss is NaN. Lower the learning rate, then resume.")
        if outcome is Outcome.STOP:
            self.stopped = True
            raise CancelFitException()

    def _note_progress(self, batches: int) -> None:
        spent, share = self.record.seconds, batches / self.n_iter
        left = (self.n_epoch - self.epoch - share) * spent / share
        gpu_memory = torch.cuda.max_memory_allocated() >> 20 if self.loss.is_cuda else None
        self.reporter.note(
            epoch=self.epoch,
            batch=batches,
            batches=self.n_iter,
            eta_seconds=round(left, 1),
            images_per_second=round(self.record.images / max(spent, 1e-9), 2),
            gpu_memory_mib=gpu_memory,
            learning_rate=finite(self.opt.hypers[-1]["lr"]),
        )


class KeepEpoch(Callback):
    """After each epoch: a history row, a checkpoint, the best weights so far, and pictures of validation samples.

    metric names the score that decides which epoch is best; rows is the history, which grows by a row an epoch.
    """

    order = 60

    def __init__(
        self,
        reporter: runs.Reporter,
        record: EpochRecord,
        board: tensorboard.Board | None,
        metric: str,
        rows: list[dict[str, Any]],
    ) -> None:
        self.reporter, self.record, self.board, self.metric, self.rows = reporter, record, board, metric, rows

    def after_epoch(self) -> None:
        """Add the row of the epoch, the same in every process; process 0 writes it."""
        record = self.record
        if distributed.world_size() > 1:
            sums = distributed.all_reduce_sum(record.loss_sum, record.loss_count, device=self.loss.device)
            record.loss_sum, record.loss_count = sums
            row = distributed.broadcast(self._make_row())
        else:
            row = self._make_row()
        best = max((earlier.get(self.metric) or -math.inf for earlier in self.rows), default=-math.inf)
        self.rows.append(row)
        if distributed.rank() == 0:
            self._write(row, best)

    def _make_row(self) -> dict[str, Any]:
        record, seconds = self.record, self.record.seconds
        valid_loss = float(np.mean(record.valid_losses)) if record.valid_losses else None
        return {
            "epoch": self.epoch + 1,
            "train_loss": finite(record.loss_sum / max(record.loss_count, 1)),
            "valid_loss": finite(valid_loss),
            "learning_rate": finite(self.opt.hypers[-1]["lr"]),
            **self.learn.score.row(),
            "images_per_second": round(record.images / seconds, 2),
            "seconds": round(seconds, 2),
        }

    def _write(self, row: dict[str, Any], best: float) -> None:
        run, epoch, score = self.reporter.run, self.epoch + 1, row.get(self.metric)
        self._save_weights(run, epoch, is_best=score is None or score >= best)
        run.write_history(self.rows)
        scored = f", {self.metric} {score:.3f}" if score is not None else ""
        run.log(f"epoch {epoch} of {self.n_epoch}: loss {row['train_loss']:.4f}{scored}, {row['seconds']} s")
        self.reporter.tell(epoch=epoch, loss=row["train_loss"], metric=score, metric_name=self.metric, message="")
        shown = draw_samples(run, epoch, self.learn.score)
        if self.board:
            self.board.epoch(row, [(f"{one.kind}-{place + 1}", one.picture) for place, one in enumerate(shown)])

    def _save_weights(self, run: runs.Run, epoch: int, is_best: bool) -> None:
        """Write a checkpoint, and the best weights where this epoch has them."""
        net, average = self.learn.bare.net, self.learn.average
        if is_best:
            checkpoints.save_tensors(run.checkpoints / "best.safetensors", (average.average or net).state_dict())
        numbers = {"average_steps": average.steps, "rows": self.rows}
        checkpoints.save(run, epoch, net, average.average, self.learn.opt, numbers)


def finite(value: float | None) -> float | None:
    """The value rounded to eight decimals, None where it is not finite."""
    return round(float(value), 8) if value is not None and math.isfinite(value) else None


def draw_samples(run: runs.Run, epoch: int, score: ScoreCallback) -> list[ValidationSample]:
    """The worst and best validation samples as pictures, worst first."""
    folder = run.folder / "samples"
    folder.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    found = score.scorer.pictures(STRIP) if score.scorer else []
    for shown in found:
        name = f"{shown.kind}-{len(rows)}.png"
        images.write_png(folder / name, shown.picture)
        rows.append(
            {"file": name, "stem": shown.stem, "score": finite(shown.score), "kind": shown.kind, "epoch": epoch}
        )
    atomic.write_json(folder / "samples.json", {"samples": rows})
    return list(found)
