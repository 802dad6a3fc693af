"""One fastai Learner for every task: seeded, stopped on request, and resumed to the same bits on the CPU.

Everything random is a function of (seed, epoch), and a checkpoint is written after each epoch. A stop loses the epoch
it falls into. Under `accelerate launch` several processes learn from parts of each batch (fit.distributed).
"""

import math
from typing import Any, cast

import torch
from fastai.callback.core import CancelEpochException, TrainEvalCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from safetensors.torch import load_file

from cloudcore import runs
from cloudcore.errors import RunError
from cloudcore.learning.fit import checkpoints, distributed, early_stopping, schedule, tensorboard
from cloudcore.learning.fit.callbacks import (
    EpochRecord,
    KeepEpoch,
    ProgressCallback,
    ScoreCallback,
    SeedEachEpoch,
    WeightAveraging,
)
from cloudcore.learning.fit.checkpoints import load_weights
from cloudcore.learning.settings import TrainingSettings
from cloudcore.learning.task import Batches, ConfigT, DataT, Task, TrainingData, Weights


class _Batches:
    """What fastai needs of a loader: a length and an iterator that knows its epoch, and this process's share."""

    def __init__(self, prepared: TrainingData, training: bool) -> None:
        self.prepared, self.training, self.epoch = prepared, training, 0

    def __len__(self) -> int:
        return self.prepared.steps if self.training else self.prepared.validation_steps

    def __iter__(self) -> Batches:
        if not self.training:
            yield from self.prepared.validation()
            return
        for x, y in self.prepared.batches(self.epoch):
            yield (x, y) if distributed.world_size() == 1 else (_share(x), _share(y))


def _share(whole: torch.Tensor) -> torch.Tensor:
    """Every n-th entry of a batch for each of n processes, the last ones from the front again: shares are equal."""
    each = math.ceil(len(whole) / distributed.world_size())
    return whole[(torch.arange(each) * distributed.world_size() + distributed.rank()) % len(whole)]


class _Net(torch.nn.Module):
    """The network in the form it is trained in (Task.forward)."""

    def __init__(self, task: Task, config: TrainingSettings, net: torch.nn.Module, bfloat16: bool) -> None:
        super().__init__()
        self.net, self._task, self._config, self._bfloat16 = net, task, config, bfloat16

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, float32, computed in bfloat16 where the settings say so."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self._bfloat16):
            logits: torch.Tensor = self._task.forward(self._config, self.net, x)
            return logits.float()


class _Loader(DataLoaders):
    """Two loaders on one device; fastai's own class insists on its own kind of loader."""

    def __init__(self, prepared: TrainingData, device: torch.device) -> None:
        super().__init__(_Batches(prepared, True), _Batches(prepared, False))
        self._device, self.n_inp = device, 1


class _Learner(Learner):
    """fastai's Learner, able to begin at a later epoch; only the schedule counts the epochs before it."""

    first = 0
    average: "WeightAveraging"
    score: "ScoreCallback"

    @property
    def bare(self) -> _Net:
        """The network without the wrapper of distributed training."""
        return cast(_Net, getattr(self.model, "module", self.model))

    def _do_fit(self) -> None:
        for epoch in range(self.first, self.n_epoch):
            self.epoch = epoch
            self._with_events(self._do_epoch, "epoch", CancelEpochException)


def fit(
    task: Task[ConfigT, DataT],
    config: ConfigT,
    prepared: DataT,
    reporter: runs.Reporter,
    device: str = "auto",
    start: Weights | None = None,
) -> torch.nn.Module | None:
    """Train from the newest sound checkpoint of the run, or from nothing; returns the best network.

    start is a state dict to begin from. A run that was stopped returns None, and so does every process but the first
    of several. Raises RunError for a loss that is NaN, a device that is missing, and weights that do not fit.
    """
    learn, torch_device = learner(task, config, prepared, device, start)
    first, rows = _restore_newest(learn, reporter)
    board = tensorboard.Board(reporter.run, first) if distributed.rank() == 0 else None
    record = EpochRecord()
    progress = ProgressCallback(reporter, record, board)
    learn.add_cbs([progress, KeepEpoch(reporter, record, board, task.metrics[0], rows)])
    reporter.tell(state="running", device=str(torch_device), epoch=first, epochs=config.epochs, message="Learning.")
    try:
        if first < config.epochs and not early_stopping.has_stopped(config.stop_after, rows):
            learn.first = first
            learn.fit(
                config.epochs, lr=schedule.rates(config), wd=config.weight_decay, cbs=schedule.schedule(config, rows)
            )
    finally:
        if board:
            board.close()
    if progress.stopped:
        reporter.tell(state="stopped", eta_seconds=None, message="Stopped. Resume goes on from the last whole epoch.")
    elif len(rows) < config.epochs:
        reporter.log(f"stopped early: no lower validation loss for {config.stop_after} epochs")
    if progress.stopped or distributed.rank():
        return None
    best = make_network(task, config, prepared)
    load_weights(best, load_file(reporter.run.checkpoints / "best.safetensors"))
    return best.eval()


def _restore_newest(learn: _Learner, reporter: runs.Reporter) -> tuple[int, list[dict[str, Any]]]:
    """Fill a learner from the newest sound checkpoint; (epochs done, history rows), 0 and none without one."""
    found, damaged = checkpoints.newest(reporter.run)
    for sentence in damaged:
        reporter.log(sentence)
    if not found:
        return 0, []
    checkpoints.restore(found, learn.bare.net, learn.average.average, learn.opt)
    learn.average.steps = int(found[0]["average_steps"])
    return int(found[0]["epoch"]), list(found[0]["rows"])


def make_network(task: Task[ConfigT, DataT], config: ConfigT, prepared: TrainingData) -> torch.nn.Module:
    """The network of a task for the classes of its data, fresh."""
    return cast(torch.nn.Module, task.network(config, len(prepared.classes)))


def learner(
    task: Task[ConfigT, DataT], config: ConfigT, prepared: DataT, device: str = "auto", start: Weights | None = None
) -> tuple[_Learner, torch.device]:
    """A task's learner with its network on a device, seeded, nothing learnt yet. Raises RunError as fit does."""
    torch_device = _find_device(device)
    if torch_device.type == "cpu":
        schedule.keep_freed_memory()
    torch.manual_seed(config.seed)
    net = make_network(task, config, prepared)
    if start is not None:
        load_weights(net, start)
    net = net.to(torch_device, memory_format=torch.channels_last)
    bfloat16 = config.precision == "bfloat16" or (config.precision == "auto" and torch_device.type == "cuda")
    prepared.device = torch_device  # batches are made where they are learnt from
    average, score = WeightAveraging(net, config.averaging), ScoreCallback(prepared)
    model = _Net(task, config, net, bfloat16)
    if config.compile:
        model.compile()  # in place: names of the weights stay as they are
    learn = _Learner(
        _Loader(prepared, torch_device),
        model,
        loss_func=task.loss(config),
        opt_func=schedule.optimiser(config),
        splitter=schedule.groups(config),
        lr=schedule.rates(config),
        wd=config.weight_decay,
        default_cbs=False,
        cbs=[TrainEvalCallback(), SeedEachEpoch(config.seed), average, score],
    )
    learn.average, learn.score = average, score
    learn.create_opt()
    if distributed.world_size() > 1:
        from cloudcore.learning.fit import distributed_callback

        learn.add_cb(distributed_callback.DistributedCallback(torch_device))
    return learn, torch_device


def _find_device(wanted: str) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RunError("No CUDA GPU was found. Choose auto or cpu.")
    if wanted not in ("auto", "cpu", "cuda"):
        raise RunError(f"There is no device {wanted!r}. Choose auto, cpu or cuda.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
