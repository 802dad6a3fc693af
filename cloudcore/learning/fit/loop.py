"""One fastai Learner for every task: seeded, watched, stoppable, and resumed to the same bits on the CPU.

Everything random is a function of (seed, epoch), and a checkpoint is written after each epoch. A stop loses the epoch
it falls into. Under `accelerate launch` several processes share each batch (cloudcore.networks.several).
"""

import copy
import math
import time
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from fastai.callback.core import Callback, CancelEpochException, CancelFitException, TrainEvalCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from safetensors.torch import load_file

from cloudcore import board, images, patience, runs, sharing
from cloudcore.errors import RunError
from cloudcore.networks import checkpoints, pace
from cloudcore.networks.checkpoints import load_weights
from cloudcore.task import Prepared, Shown, Task

STRIP = 3
LOOK = 4
"""On a GPU losses and stops are looked at after so many batches: each look waits until the GPU is done."""
GOES_ON, STOPS, BROKEN = 0, 1, 2


class _Batches:
    """What fastai needs of a loader: a length and an iterator that knows its epoch, and this process's share."""

    def __init__(self, prepared: Prepared, training: bool) -> None:
        self.prepared, self.training, self.epoch = prepared, training, 0

    def __len__(self) -> int:
        return self.prepared.steps if self.training else self.prepared.validation_steps

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if not self.training:
            yield from self.prepared.validation()
            return
        for x, y in self.prepared.batches(self.epoch):
            yield (x, y) if sharing.count() == 1 else (_share(x), _share(y))


def _share(whole: Any) -> Any:
    """Every n-th entry of a batch for each of n processes, the last ones from the front again: shares are equal."""
    each = math.ceil(len(whole) / sharing.count())
    return whole[(torch.arange(each) * sharing.count() + sharing.rank()) % len(whole)]


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

    def __init__(self, prepared: Prepared, device: torch.device) -> None:
        super().__init__(_Batches(prepared, True), _Batches(prepared, False))
        self._device, self.n_inp = device, 1


class _Learner(Learner):
    """fastai's Learner, able to begin at a later epoch: the schedule counts those before it, nothing else sees them."""

    first = 0
    average: "_Average"
    score: "_Score"

    @property
    def bare(self) -> _Net:
        """The network without what lets several processes train it."""
        return cast(_Net, getattr(self.model, "module", self.model))

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


class _Score(Callback):
    """Hands each validation batch to the scorer the prepared data made for this epoch."""

    order = 20
    scorer: Any = None

    def __init__(self, prepared: Prepared) -> None:
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

    def __init__(self, reporter: runs.Reporter, best_of: str, told: board.Board | None) -> None:
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
        self.seen += len(self.xb[0]) * sharing.count()

    def after_batch(self) -> None:
        if self.training:
            done = self.iter + 1
            if self.loss.is_cuda and done % LOOK and done < self.n_iter:
                return
            self._obey(self._take_in())
            self._tell(done)
        elif sharing.count() == 1 and self.reporter.run.stop_requested():
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
        if sharing.count() == 1:
            return word
        from cloudcore.networks import several

        return several.loudest(word, self.loss.device)

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
            learning_rate=_finite(self.opt.hypers[-1]["lr"]),
        )  # fmt: skip


class _Keep(Callback):
    """After each epoch: a history row, a checkpoint, the best weights so far, and pictures of validation frames."""

    order = 60

    def __init__(self, watch: _Watch, average: _Average, score: _Score, rows: list[dict[str, Any]]) -> None:
        self.watch, self.average, self.score, self.rows = watch, average, score, rows

    def after_epoch(self) -> None:
        if sharing.count() > 1:
            from cloudcore.networks import several

            watch = self.watch
            watch.sum, watch.count = several.total(watch.sum, watch.count, place=self.loss.device)
            row = several.from_first(self._row())
        else:
            row = self._row()
        best = max((r.get(self.watch.best_of) or -math.inf for r in self.rows), default=-math.inf)
        self.rows.append(row)
        if sharing.rank() == 0:
            self._write(row, best)

    def _row(self) -> dict[str, Any]:
        watch, spent = self.watch, time.monotonic() - self.watch.began
        valid = float(np.mean(watch.valid_loss)) if watch.valid_loss else None
        return {
            "epoch": self.epoch + 1,
            "train_loss": _finite(watch.sum / max(watch.count, 1)), "valid_loss": _finite(valid),
            "learning_rate": _finite(self.opt.hypers[-1]["lr"]), **self.score.row(),
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
        shown = _draw_samples(run, self.epoch + 1, self.score)
        if watch.told:
            watch.told.epoch(row, [(f"{one.kind}-{place + 1}", one.picture) for place, one in enumerate(shown)])


def fit(task: Task, config: Any, prepared: Prepared, reporter: runs.Reporter, device: str = "auto",
        start: dict[str, Any] | None = None) -> torch.nn.Module | None:  # fmt: skip
    """Train, going on from the newest sound checkpoint of the run if there is one; returns the best network.

    start is a state dict to begin from. None is returned where the run was stopped, and in every process but the first
    of several. Raises RunError for a loss that is no number, a device that is missing, and weights that do not fit.
    """
    learn, place = learner(task, config, prepared, device, start)
    average, score = learn.average, learn.score
    found, passed = checkpoints.newest(reporter.run)
    for sentence in passed:
        reporter.log(sentence)
    first, rows = 0, []
    if found:
        checkpoints.restore(found, learn.bare.net, average.average, learn.opt)
        first, rows, average.steps = int(found[0]["epoch"]), list(found[0]["rows"]), int(found[0]["average_steps"])
    told = board.Board(reporter.run, first) if sharing.rank() == 0 else None
    watch = _Watch(reporter, task.metrics[0], told)
    learn.add_cbs([watch, _Keep(watch, average, score, rows)])
    reporter.tell(state="running", device=str(place), epoch=first, epochs=config.epochs, message="Learning.")
    try:
        if first < config.epochs and not patience.has_stopped(config, rows):
            learn.first = first
            learn.fit(config.epochs, lr=pace.rates(config), wd=config.weight_decay, cbs=pace.schedule(config, rows))
    finally:
        if told:
            told.close()
    if len(rows) < config.epochs and not watch.stopped:
        reporter.log(f"stopped early: no lower validation loss for {config.stop_after} epochs")
    if watch.stopped:
        reporter.tell(state="stopped", eta_seconds=None, message="Stopped. Resume goes on from the last whole epoch.")
    if watch.stopped or sharing.rank():
        return None
    best = make_network(task, config, prepared)
    load_weights(best, load_file(reporter.run.checkpoints / "best.safetensors"))
    return best.eval()


def make_network(task: Task, config: Any, prepared: Prepared) -> torch.nn.Module:
    """The network of a task for the classes of its data, fresh."""
    net = task.network(config, len(prepared.classes)) if task.kind == "class" else task.network(config)
    return cast(torch.nn.Module, net)


def learner(
    task: Task, config: Any, prepared: Prepared, device: str = "auto", start: dict[str, Any] | None = None
) -> tuple[_Learner, torch.device]:
    """A task's learner with its network on a device, seeded, nothing learnt yet. Raises RunError as fit does."""
    place = _device(device)
    if place.type == "cpu":
        pace.keep_freed_memory()
    torch.manual_seed(config.seed)
    net = make_network(task, config, prepared)
    if start is not None:
        load_weights(net, start)
    net = net.to(place, memory_format=torch.channels_last)
    wants = config.precision == "bfloat16" or (config.precision == "auto" and place.type == "cuda")
    prepared.place = place  # batches are made where they are learnt from
    average, score = _Average(net, config.averaging), _Score(prepared)
    model = _Net(task, config, net, wants)
    if config.compile:
        model.compile()  # in place: names of the weights stay as they are
    learn = _Learner(
        _Loader(prepared, place), model, loss_func=task.loss(config),
        opt_func=pace.optimiser(config), splitter=pace.groups(config), lr=pace.rates(config),
        wd=config.weight_decay, default_cbs=False,
        cbs=[TrainEvalCallback(), _Seed(config.seed), average, score],
    )  # fmt: skip
    learn.average, learn.score = average, score
    learn.create_opt()
    if sharing.count() > 1:
        from cloudcore.networks import several

        learn.add_cb(several.Sharing(place))
    return learn, place


def _device(wanted: str) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RunError("No CUDA GPU was found. Choose auto or cpu.")
    if wanted not in ("auto", "cpu", "cuda"):
        raise RunError(f"There is no device {wanted!r}. Choose auto, cpu or cuda.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def _finite(value: float | None) -> float | None:
    return round(float(value), 8) if value is not None and math.isfinite(value) else None


def _draw_samples(run: runs.Run, epoch: int, score: _Score) -> list[Shown]:
    """The worst and best validation samples as pictures, worst first."""
    folder = run.folder / "samples"
    folder.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    found = score.scorer.pictures(STRIP) if score.scorer else []
    for shown in found:
        name = f"{shown.kind}-{len(rows)}.png"
        images.write_png(folder / name, shown.picture)
        rows.append({"file": name, "stem": shown.stem, "score": _finite(shown.score), "kind": shown.kind,
                     "epoch": epoch})  # fmt: skip
    runs.write_json(folder / "samples.json", {"samples": rows})
    return list(found)
