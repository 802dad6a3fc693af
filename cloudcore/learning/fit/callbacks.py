"""What watches a training: seeds, averaged weights, scores, progress, and what is kept after each epoch."""

import copy
import math
import time
from typing import Any

import numpy as np
import torch
from fastai.callback.core import Callback, CancelFitException

from cloudcore import images, runs
from cloudcore.errors import RunError
from cloudcore.files import atomic
from cloudcore.learning.fit import checkpoints, distributed, tensorboard
from cloudcore.learning.task import TrainingData, ValidationSample

STRIP = 3
LOOK = 4
"""On a GPU losses and stops are looked at after so many batches: each look waits until the GPU is done."""
GOES_ON, STOPS, BROKEN = 0, 1, 2


class SeedEachEpoch(Callback):
    """Before each epoch: every global generator seeded by (seed, epoch), the loader told its epoch."""

    order = -60

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_epoch(self) -> None:
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
        if self.average is not None:
            self._trained, self.learn.bare.net = self.learn.bare.net, self.average
            self.learn.bare.eval()

    def after_validate(self) -> None:
        if self.average is not None:
            self.learn.bare.net = self._trained


class ScoreCallback(Callback):
    """Hands each validation batch to the scorer the prepared data made for this epoch."""

    order = 20
    scorer: Any = None

    def __init__(self, prepared: TrainingData) -> None:
        self.prepared = prepared

    def before_validate(self) -> None:
        self.scorer = self.prepared.scorer()

    def after_loss(self) -> None:
        if not self.training:
            self.scorer.add(self.pred.detach(), self.yb[0])

    def row(self) -> dict[str, float | None]:
        """The epoch's scores, None where one is undefined."""
        scores = self.scorer.row() if self.scorer else {}
        return {name: finite(value) for name, value in scores.items()}


class ProgressCallback(Callback):
    """Tells the run's folder how it goes; stops on request, ends on a loss that is no number."""

    order = 50

    def __init__(self, reporter: runs.Reporter, best_of: str, told: tensorboard.Board | None) -> None:
        self.reporter, self.best_of, self.told = reporter, best_of, told
        self.stopped = False

    def before_epoch(self) -> None:
        self.began, self.sum, self.count, self.seen = time.monotonic(), 0.0, 0.0, 0
        self.fresh: list[Any] = []
        self.valid_loss: list[float] = []

    def after_loss(self) -> None:
        if not self.training:
            self.valid_loss.append(float(self.loss.detach()))
            return
        self.fresh.append(self.loss.detach())
        self.seen += len(self.xb[0]) * distributed.world_size()

    def after_batch(self) -> None:
        if self.training:
            done = self.iter + 1
            if self.loss.is_cuda and done % LOOK and done < self.n_iter:
                return
            self._obey(self._take_in())
            self._tell(done)
        elif distributed.world_size() == 1 and self.reporter.run.stop_requested():
            self._obey(STOPS)

    def _take_in(self) -> int:
        """Add the losses since the last look; whether to go on, which several processes answer with one voice."""
        values = torch.stack(self.fresh).tolist()
        self.fresh.clear()
        self.sum, self.count = self.sum + sum(values), self.count + len(values)
        if self.told:
            for back, value in enumerate(reversed(values)):
                self.told.step(self.epoch * self.n_iter + self.iter + 1 - back, value)
        word = BROKEN if not math.isfinite(sum(values)) else STOPS if self.reporter.run.stop_requested() else GOES_ON
        if distributed.world_size() == 1:
            return word
        return distributed.all_reduce_max(word, self.loss.device)

    def _obey(self, word: int) -> None:
        if word == BROKEN:
            raise RunError(f"Stopped at epoch {self.epoch + 1}: loss is NaN. Lower the learning rate, then resume.")
        if word == STOPS:
            self.stopped = True
            raise CancelFitException()

    def _tell(self, batches: int) -> None:
        spent, share = time.monotonic() - self.began, batches / self.n_iter
        left = (self.n_epoch - self.epoch - share) * spent / share
        held = torch.cuda.max_memory_allocated() >> 20 if self.loss.is_cuda else None
        self.reporter.note(
            epoch=self.epoch, batch=batches, batches=self.n_iter, eta_seconds=round(left, 1),
            images_per_second=round(self.seen / max(spent, 1e-9), 2), gpu_memory_mib=held,
            learning_rate=finite(self.opt.hypers[-1]["lr"]),
        )  # fmt: skip


class KeepEpoch(Callback):
    """After each epoch: a history row, a checkpoint, the best weights so far, and pictures of validation frames."""

    order = 60

    def __init__(
        self, watch: ProgressCallback, average: WeightAveraging, score: ScoreCallback, rows: list[dict[str, Any]]
    ) -> None:
        self.watch, self.average, self.score, self.rows = watch, average, score, rows

    def after_epoch(self) -> None:
        if distributed.world_size() > 1:
            watch = self.watch
            watch.sum, watch.count = distributed.all_reduce_sum(watch.sum, watch.count, place=self.loss.device)
            row = distributed.broadcast(self._row())
        else:
            row = self._row()
        best = max((r.get(self.watch.best_of) or -math.inf for r in self.rows), default=-math.inf)
        self.rows.append(row)
        if distributed.rank() == 0:
            self._write(row, best)

    def _row(self) -> dict[str, Any]:
        watch, spent = self.watch, time.monotonic() - self.watch.began
        valid = float(np.mean(watch.valid_loss)) if watch.valid_loss else None
        return {
            "epoch": self.epoch + 1,
            "train_loss": finite(watch.sum / max(watch.count, 1)), "valid_loss": finite(valid),
            "learning_rate": finite(self.opt.hypers[-1]["lr"]), **self.score.row(),
            "images_per_second": round(watch.seen / spent, 2), "seconds": round(spent, 2),
        }  # fmt: skip

    def _write(self, row: dict[str, Any], best: float) -> None:
        watch, run, net = self.watch, self.watch.reporter.run, self.learn.bare.net
        scored = row.get(watch.best_of)
        if scored is None or scored >= best:
            checkpoints.save_tensors(run.checkpoints / "best.safetensors", (self.average.average or net).state_dict())
        told = {"average_steps": self.average.steps, "rows": self.rows}
        checkpoints.save(run, self.epoch + 1, net, self.average.average, self.learn.opt, told)
        run.write_history(self.rows)
        metric = f", {watch.best_of} {scored:.3f}" if scored is not None else ""
        run.log(f"epoch {self.epoch + 1} of {self.n_epoch}: loss {row['train_loss']:.4f}{metric}, {row['seconds']} s")
        watch.reporter.tell(
            epoch=self.epoch + 1, loss=row["train_loss"], metric=scored, metric_name=watch.best_of, message=""
        )
        shown = draw_samples(run, self.epoch + 1, self.score)
        if watch.told:
            watch.told.epoch(row, [(f"{one.kind}-{place + 1}", one.picture) for place, one in enumerate(shown)])


def finite(value: float | None) -> float | None:
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
        rows.append({"file": name, "stem": shown.stem, "score": finite(shown.score), "kind": shown.kind,
                     "epoch": epoch})  # fmt: skip
    atomic.write_json(folder / "samples.json", {"samples": rows})
    return list(found)
