"""One fastai Learner for every task: seeded, watched, stoppable, and resumed to the same bits on the CPU.

Everything random is a function of (seed, epoch), and a checkpoint is written after each epoch. A stop loses the epoch
it falls into. Under `accelerate launch` several processes share each batch (cloudcore.networks.several).
"""

import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from fastai.callback.core import CancelEpochException, TrainEvalCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from safetensors.torch import load_file

from cloudcore import runs
from cloudcore.errors import RunError
from cloudcore.learning.fit import checkpoints, distributed, early_stopping, schedule, tensorboard
from cloudcore.learning.fit.callbacks import KeepEpoch, ProgressCallback, ScoreCallback, SeedEachEpoch, WeightAveraging
from cloudcore.learning.fit.checkpoints import load_weights
from cloudcore.learning.task import Task, TrainingData


class _Batches:
    """What fastai needs of a loader: a length and an iterator that knows its epoch, and this process's share."""

    def __init__(self, prepared: TrainingData, training: bool) -> None:
        self.prepared, self.training, self.epoch = prepared, training, 0

    def __len__(self) -> int:
        return self.prepared.steps if self.training else self.prepared.validation_steps

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if not self.training:
            yield from self.prepared.validation()
            return
        for x, y in self.prepared.batches(self.epoch):
            yield (x, y) if distributed.world_size() == 1 else (_share(x), _share(y))


def _share(whole: Any) -> Any:
    """Every n-th entry of a batch for each of n processes, the last ones from the front again: shares are equal."""
    each = math.ceil(len(whole) / distributed.world_size())
    return whole[(torch.arange(each) * distributed.world_size() + distributed.rank()) % len(whole)]


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

    def __init__(self, prepared: TrainingData, device: torch.device) -> None:
        super().__init__(_Batches(prepared, True), _Batches(prepared, False))
        self._device, self.n_inp = device, 1


class _Learner(Learner):
    """fastai's Learner, able to begin at a later epoch: the schedule counts those before it, nothing else sees them."""

    first = 0
    average: "WeightAveraging"
    score: "ScoreCallback"

    @property
    def bare(self) -> _Net:
        """The network without what lets several processes train it."""
        return cast(_Net, getattr(self.model, "module", self.model))

    def _do_fit(self) -> None:
        for epoch in range(self.first, self.n_epoch):
            self.epoch = epoch
            self._with_events(self._do_epoch, "epoch", CancelEpochException)


def fit(task: Task, config: Any, prepared: TrainingData, reporter: runs.Reporter, device: str = "auto",
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
    told = tensorboard.Board(reporter.run, first) if distributed.rank() == 0 else None
    watch = ProgressCallback(reporter, task.metrics[0], told)
    learn.add_cbs([watch, KeepEpoch(watch, average, score, rows)])
    reporter.tell(state="running", device=str(place), epoch=first, epochs=config.epochs, message="Learning.")
    try:
        if first < config.epochs and not early_stopping.has_stopped(config, rows):
            learn.first = first
            learn.fit(
                config.epochs, lr=schedule.rates(config), wd=config.weight_decay, cbs=schedule.schedule(config, rows)
            )
    finally:
        if told:
            told.close()
    if len(rows) < config.epochs and not watch.stopped:
        reporter.log(f"stopped early: no lower validation loss for {config.stop_after} epochs")
    if watch.stopped:
        reporter.tell(state="stopped", eta_seconds=None, message="Stopped. Resume goes on from the last whole epoch.")
    if watch.stopped or distributed.rank():
        return None
    best = make_network(task, config, prepared)
    load_weights(best, load_file(reporter.run.checkpoints / "best.safetensors"))
    return best.eval()


def make_network(task: Task, config: Any, prepared: TrainingData) -> torch.nn.Module:
    """The network of a task for the classes of its data, fresh."""
    net = task.network(config, len(prepared.classes)) if task.kind == "class" else task.network(config)
    return cast(torch.nn.Module, net)


def learner(
    task: Task, config: Any, prepared: TrainingData, device: str = "auto", start: dict[str, Any] | None = None
) -> tuple[_Learner, torch.device]:
    """A task's learner with its network on a device, seeded, nothing learnt yet. Raises RunError as fit does."""
    place = _device(device)
    if place.type == "cpu":
        schedule.keep_freed_memory()
    torch.manual_seed(config.seed)
    net = make_network(task, config, prepared)
    if start is not None:
        load_weights(net, start)
    net = net.to(place, memory_format=torch.channels_last)
    wants = config.precision == "bfloat16" or (config.precision == "auto" and place.type == "cuda")
    prepared.place = place  # batches are made where they are learnt from
    average, score = WeightAveraging(net, config.averaging), ScoreCallback(prepared)
    model = _Net(task, config, net, wants)
    if config.compile:
        model.compile()  # in place: names of the weights stay as they are
    learn = _Learner(
        _Loader(prepared, place), model, loss_func=task.loss(config),
        opt_func=schedule.optimiser(config), splitter=schedule.groups(config), lr=schedule.rates(config),
        wd=config.weight_decay, default_cbs=False,
        cbs=[TrainEvalCallback(), SeedEachEpoch(config.seed), average, score],
    )  # fmt: skip
    learn.average, learn.score = average, score
    learn.create_opt()
    if distributed.world_size() > 1:
        from cloudcore.learning.fit import distributed_callback

        learn.add_cb(distributed_callback.DistributedCallback(place))
    return learn, place


def _device(wanted: str) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RunError("No CUDA GPU was found. Choose auto or cpu.")
    if wanted not in ("auto", "cpu", "cuda"):
        raise RunError(f"There is no device {wanted!r}. Choose auto, cpu or cuda.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
