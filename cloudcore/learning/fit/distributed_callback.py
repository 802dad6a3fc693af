"""One training in several processes: fastai's distributed trainer over the house's own loaders.

The batch of the settings is the whole one and every process learns from its share of it, so a rate means the same
however many there are. Process 0 alone validates; what it finds reaches the others before the next epoch.
"""

from typing import Any

import torch
from accelerate.utils import InitProcessGroupKwargs, broadcast_object_list
from fastai.callback.core import CancelValidException
from fastai.distributed import DistributedTrainer

from cloudcore import sharing


class Sharing(DistributedTrainer):
    """Wraps the network while it learns, and gives it back bare for validation and at the end."""

    def __init__(self, place: torch.device) -> None:
        patient = InitProcessGroupKwargs(timeout=sharing.PATIENCE)
        super().__init__(sync_bn=place.type == "cuda", cpu=place.type == "cpu", kwargs_handlers=[patient])

    def _wrap_dl(self, dl: Any) -> Any:
        return dl  # the loaders share their batches themselves

    def before_validate(self) -> None:
        """The bare network for process 0, for a wrapped one would wait for the others; they go on."""
        if sharing.rank():
            raise CancelValidException()
        self.wrapped, self.learn.model = self.learn.model, self.learn.bare

    def after_validate(self) -> None:
        """Wrap it again."""
        if not sharing.rank():
            self.learn.model = self.wrapped


def loudest(word: int, place: torch.device) -> int:
    """The largest of the numbers the processes say, heard by all."""
    said = torch.tensor(word, device=place)
    torch.distributed.all_reduce(said, torch.distributed.ReduceOp.MAX)
    return int(said)


def total(*numbers: float, place: torch.device) -> list[float]:
    """Each number summed over the processes."""
    summed = torch.tensor(numbers, device=place, dtype=torch.float32)
    torch.distributed.all_reduce(summed)
    return [float(value) for value in summed]


def from_first(told: Any) -> Any:
    """What process 0 tells, in every process."""
    return broadcast_object_list([told])[0]
