"""One fastai Learner for every task: seeded, watched, stoppable, and resumed to the same bits on the CPU.

Everything random is a function of (seed, epoch), and a checkpoint is written after each epoch: weights, averaged
weights and the optimiser's state as safetensors, the rest as JSON. A stop loses the epoch it falls into.
"""

import copy
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from fastai.callback.core import Callback, CancelEpochException, CancelFitException, TrainEvalCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cloudcore import images, runs
from cloudcore.errors import RunError
from cloudcore.networks import pace
from cloudcore.task import Task

STRIP = 3
KEPT_CHECKPOINTS = 2


class _Batches:
    """What fastai needs of a loader: a length and an iterator that knows its epoch."""

    def __init__(self, prepared: Any, training: bool) -> None:
        self.prepared, self.training, self.epoch = prepared, training, 0

    def __len__(self) -> int:
        return int(self.prepared.steps if self.training else self.prepared.validation_steps)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        yield from self.prepared.batches(self.epoch) if self.training else self.prepared.validation()


class _Net(torch.nn.Module):
    """The network in the form it is trained in (Task.forward)."""

    def __init__(self, task: Task, config: Any, net: torch.nn.Module, bfloat16: bool) -> None:
        super().__init__()
        self.net, self._task, self._config, self._bfloat16 = net, task, config, bfloat16

    def forward(self, x: Any) -> Any:
        """Logits, float32, computed in bfloat16 where that was asked for."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self._bfloat16):
            return self._task.forward(self._config, self.net, x).float()


class _Loader(DataLoaders):
    """Two loaders on one device; fastai's own class insists on its own kind of loader."""

    def __init__(self, prepared: Any, device: torch.device) -> None:
        super().__init__(_Batches(prepared, True), _Batches(prepared, False))
        self._device, self.n_inp = device, 1


class _Learner(Learner):
    """fastai's Learner, able to begin at a later epoch: the schedule counts those before it, nothing else sees them."""

    first = 0
    average: "_Average"
    score: "_Score"

    def _do_fit(self) -> None:
        for epoch in range(self.first, self.n_epoch):
            self.epoch = epoch
            self._with_events(self._do_epoch, "epoch", CancelEpochException)


class _Seed(Callback):
    """Before each epoch: every global generator seeded by (seed, epoch), the loader told its epoch."""

    order = -60

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_epoch(self) -> None:
        torch.manual_seed((self.seed * 100_003 + self.epoch) % 2**63)
        self.dls.train.epoch = self.epoch


class _Average(Callback):
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
            trained = self.learn.model.net.state_dict()
            for name, value in self.average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(trained[name], 1 - decay)
                else:
                    value.copy_(trained[name])

    def before_validate(self) -> None:
        if self.average is not None:
            self._trained, self.learn.model.net = self.learn.model.net, self.average
            self.learn.model.eval()

    def after_validate(self) -> None:
        if self.average is not None:
            self.learn.model.net = self._trained


class _Score(Callback):
    """Hands each validation batch to the scorer the prepared data made for this epoch."""

    order = 20
    scorer: Any = None

    def __init__(self, prepared: Any) -> None:
        self.prepared = prepared

    def before_validate(self) -> None:
        self.scorer = self.prepared.scorer()

    def after_loss(self) -> None:
        if not self.training:
            self.scorer.add(self.pred.detach(), self.yb[0])

    def row(self) -> dict[str, float | None]:
        """The epoch's scores, None where one is undefined."""
        scores = self.scorer.row() if self.scorer else {}
        return {name: _finite(value) for name, value in scores.items()}


class _Watch(Callback):
    """Tells the run's folder how it goes; stops on request, ends on a loss that is no number."""

    order = 50

    def __init__(self, reporter: runs.Reporter, prepared: Any, config: Any, best_of: str) -> None:
        self.reporter, self.prepared, self.config, self.best_of = reporter, prepared, config, best_of
        self.stopped = False

    def before_epoch(self) -> None:
        self.began, self.sum, self.count, self.seen = time.monotonic(), 0.0, 0, 0
        self.valid_loss: list[float] = []

    def after_loss(self) -> None:
        value = float(self.loss.detach())
        if not self.training:
            self.valid_loss.append(value)
            return
        if not math.isfinite(value):
            raise RunError(f"Stopped at epoch {self.epoch + 1}: loss is NaN. Lower the learning rate, then resume.")
        self.sum, self.count, self.seen = self.sum + value, self.count + 1, self.seen + len(self.xb[0])

    def after_batch(self) -> None:
        if self.reporter.run.stop_requested():
            self.stopped = True
            raise CancelFitException()
        if not self.training:
            return
        spent = time.monotonic() - self.began
        done = self.epoch + (self.iter + 1) / self.n_iter
        left = (self.n_epoch - done) * spent / max((self.iter + 1) / self.n_iter, 1e-9)
        self.reporter.note(
            epoch=self.epoch, batch=self.iter + 1, batches=self.n_iter, eta_seconds=round(left, 1),
            images_per_second=round(self.seen / max(spent, 1e-9), 2), learning_rate=_finite(self.opt.hypers[-1]["lr"]),
        )  # fmt: skip


class _Keep(Callback):
    """After each epoch: a history row, a checkpoint, the best weights so far, and pictures of validation frames."""

    order = 60

    def __init__(self, watch: _Watch, average: _Average, score: _Score, rows: list[dict[str, Any]]) -> None:
        self.watch, self.average, self.score, self.rows = watch, average, score, rows

    def after_epoch(self) -> None:
        watch, run = self.watch, self.watch.reporter.run
        valid = float(np.mean(watch.valid_loss)) if watch.valid_loss else None
        row = {
            "epoch": self.epoch + 1,
            "train_loss": _finite(watch.sum / max(watch.count, 1)), "valid_loss": _finite(valid),
            "learning_rate": _finite(self.opt.hypers[-1]["lr"]), **self.score.row(),
            "images_per_second": round(watch.seen / (time.monotonic() - watch.began), 2),
            "seconds": round(time.monotonic() - watch.began, 2),
        }  # fmt: skip
        best = max((r.get(watch.best_of) or -math.inf for r in self.rows), default=-math.inf)
        self.rows.append(row)
        scored = row.get(watch.best_of)
        weights = (self.average.average or self.learn.model.net).state_dict()
        if scored is None or scored >= best:
            _save_tensors(run.checkpoints / "best.safetensors", weights)
        _save_checkpoint(run, self.epoch + 1, self.learn, self.average, self.rows)
        run.write_history(self.rows)
        metric = f", {watch.best_of} {scored:.3f}" if scored is not None else ""
        run.log(f"epoch {self.epoch + 1} of {self.n_epoch}: loss {row['train_loss']:.4f}{metric}, {row['seconds']} s")
        watch.reporter.tell(
            epoch=self.epoch + 1, loss=row["train_loss"], metric=scored, metric_name=watch.best_of, message=""
        )
        _draw_samples(run, self.epoch + 1, self.score)


def fit(task: Task, config: Any, prepared: Any, reporter: runs.Reporter, device: str = "auto",
        start: dict[str, Any] | None = None) -> torch.nn.Module | None:  # fmt: skip
    """Train, going on from the newest sound checkpoint of the run if there is one; returns the best network.

    start is a state dict to begin from. None is returned where the run was stopped. Raises RunError for a loss that is
    no number, a device that is missing, and weights that do not fit.
    """
    learn, place = learner(task, config, prepared, device, start)
    average, score = learn.average, learn.score
    found = _newest_checkpoint(reporter.run)
    first, rows = _restore(found, learn, average) if found else (0, [])
    watch = _Watch(reporter, prepared, config, task.metrics[0])
    learn.add_cbs([watch, _Keep(watch, average, score, rows)])
    reporter.tell(state="running", device=str(place), epoch=first, epochs=config.epochs, message="Learning.")
    if first < config.epochs and not pace.has_stopped(config, rows):
        _fit(learn, config, first, rows)
    if len(rows) < config.epochs and not watch.stopped:
        reporter.run.log(f"stopped early: no lower validation loss for {config.stop_after} epochs")
    if watch.stopped:
        reporter.tell(state="stopped", eta_seconds=None, message="Stopped. Resume goes on from the last whole epoch.")
        return None
    best = make_network(task, config, prepared)
    load_weights(best, load_file(reporter.run.checkpoints / "best.safetensors"))
    return best.eval()


def make_network(task: Task, config: Any, prepared: Any) -> torch.nn.Module:
    """The network of a task for the classes of its data, fresh."""
    net = task.network(config, len(prepared.classes)) if task.kind == "class" else task.network(config)
    return cast(torch.nn.Module, net)


def learner(
    task: Task, config: Any, prepared: Any, device: str = "auto", start: dict[str, Any] | None = None
) -> tuple[_Learner, torch.device]:
    """A task's learner with its network on a device, seeded, nothing learnt yet. Raises RunError as fit does."""
    place = _device(device)
    torch.manual_seed(config.seed)
    net = make_network(task, config, prepared)
    if start is not None:
        load_weights(net, start)
    net = net.to(place, memory_format=torch.channels_last)
    wants = config.precision == "bfloat16" or (config.precision == "auto" and place.type == "cuda")
    if hasattr(prepared, "place"):
        prepared.place = place  # batches are made where they are learnt from
    average, score = _Average(net, config.averaging), _Score(prepared)
    learn = _Learner(
        _Loader(prepared, place), _Net(task, config, net, wants), loss_func=task.loss(config),
        opt_func=pace.optimiser(config), splitter=pace.groups(config), lr=pace.rates(config),
        wd=config.weight_decay, default_cbs=False,
        cbs=[TrainEvalCallback(), _Seed(config.seed), average, score],
    )  # fmt: skip
    learn.average, learn.score = average, score
    learn.create_opt()
    return learn, place


def _fit(learn: _Learner, config: Any, first: int, rows: list[dict[str, Any]]) -> None:
    learn.first = first
    callbacks = pace.schedule(config, rows)
    learn.fit(config.epochs, lr=pace.rates(config), wd=config.weight_decay, cbs=callbacks)


def load_weights(net: torch.nn.Module, state: dict[str, Any]) -> None:
    """Fill a network from a state dict. Raises RunError where names, shapes or numbers do not fit."""
    own = net.state_dict()
    if odd := sorted(set(own) ^ set(state)):
        raise RunError(
            f"These weights belong to another architecture ({odd[0]} is on one side only). "
            "Choose the network they were trained with."
        )
    for name, value in state.items():
        if value.shape != own[name].shape:
            raise RunError(
                f"{name} is {tuple(value.shape)} in the weights and {tuple(own[name].shape)} in the network."
            )
        if not torch.isfinite(value.float()).all():
            raise RunError(f"{name} holds NaN: these weights are damaged. Take an earlier checkpoint or model.")
    net.load_state_dict({name: value.to(own[name].dtype) for name, value in state.items()})


def _device(wanted: str) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RunError("No CUDA GPU was found. Choose auto or cpu.")
    if wanted not in ("auto", "cpu", "cuda"):
        raise RunError(f"There is no device {wanted!r}. Choose auto, cpu or cuda.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def _finite(value: float | None) -> float | None:
    return round(float(value), 8) if value is not None and math.isfinite(value) else None


def _save_tensors(path: Path, tensors: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}")
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, part)
    os.replace(part, path)


def _save_checkpoint(run: runs.Run, epoch: int, learn: Learner, average: _Average, rows: list[dict[str, Any]]) -> None:
    """The JSON is written last: a checkpoint without it does not count."""
    tensors = {f"net.{name}": value for name, value in learn.model.net.state_dict().items()}
    if average.average is not None:
        tensors |= {f"average.{name}": value for name, value in average.average.state_dict().items()}
    numbers: list[dict[str, float]] = []
    for index, state in enumerate(learn.opt.state_dict()["state"]):
        tensors |= {f"opt.{index}.{name}": value for name, value in state.items() if torch.is_tensor(value)}
        numbers.append({name: value for name, value in state.items() if not torch.is_tensor(value)})
    name = f"epoch-{epoch:05d}"
    _save_tensors(run.checkpoints / f"{name}.safetensors", tensors)
    runs.write_json(
        run.checkpoints / f"{name}.json", {"epoch": epoch, "average_steps": average.steps, "opt": numbers, "rows": rows}
    )
    for old in sorted(run.checkpoints.glob("epoch-*.json"))[:-KEPT_CHECKPOINTS]:
        old.unlink()
        old.with_suffix(".safetensors").unlink(missing_ok=True)


def _newest_checkpoint(run: runs.Run) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(JSON, tensors) of the newest checkpoint that can be read whole; a damaged one is passed over and logged."""
    for path in sorted(run.checkpoints.glob("epoch-*.json"), reverse=True):
        try:
            return json.loads(path.read_text()), load_file(path.with_suffix(".safetensors"))
        except (OSError, ValueError, SafetensorError) as problem:
            run.log(f"{path.stem} cannot be read ({problem}); going back to the one before")
    return None


def _restore(found: tuple[dict[str, Any], dict[str, Any]], learn: Learner, average: _Average
             ) -> tuple[int, list[dict[str, Any]]]:  # fmt: skip
    told, tensors = found
    load_weights(learn.model.net, _below(tensors, "net."))
    if average.average is not None:
        load_weights(average.average, _below(tensors, "average."))
        average.steps = int(told["average_steps"])
    state = [{**numbers, **_below(tensors, f"opt.{index}.")} for index, numbers in enumerate(told["opt"])]
    learn.opt.load_state_dict({"state": state, "hypers": learn.opt.state_dict()["hypers"]})
    return int(told["epoch"]), list(told["rows"])


def _below(tensors: dict[str, Any], head: str) -> dict[str, Any]:
    return {name.removeprefix(head): value for name, value in tensors.items() if name.startswith(head)}


def _draw_samples(run: runs.Run, epoch: int, score: _Score) -> None:
    """The worst and best validation samples as pictures, worst first."""
    folder = run.folder / "samples"
    folder.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    for shown in score.scorer.pictures(STRIP) if score.scorer else ():
        name = f"{shown.kind}-{len(rows)}.png"
        images.write_png(folder / name, shown.picture)
        rows.append({"file": name, "stem": shown.stem, "score": _finite(shown.score), "kind": shown.kind,
                     "epoch": epoch})  # fmt: skip
    runs.write_json(folder / "samples.json", {"samples": rows})
