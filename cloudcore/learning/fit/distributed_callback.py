"""fastai's distributed trainer over the house's own loaders."""

from typing import Any

import torch
from accelerate.utils import InitProcessGroupKwargs
from fastai.callback.core import CancelValidException
from fastai.distributed import DistributedTrainer

from cloudcore.learning.fit import distributed


class DistributedCallback(DistributedTrainer):
    """Wraps the network while it learns, and gives it back bare for validation and at the end."""

    def __init__(self, place: torch.device) -> None:
        patient = InitProcessGroupKwargs(timeout=distributed.PATIENCE)
        super().__init__(sync_bn=place.type == "cuda", cpu=place.type == "cpu", kwargs_handlers=[patient])

    def _wrap_dl(self, dl: Any) -> Any:
        return dl  # the loaders share their batches themselves

    def before_validate(self) -> None:
        """The bare network for process 0, for a wrapped one would wait for the others; they go on."""
        if distributed.rank():
            raise CancelValidException()
        self.wrapped, self.learn.model = self.learn.model, self.learn.bare

    def after_validate(self) -> None:
        """Wrap it again."""
        if not distributed.rank():
            self.learn.model = self.wrapped
