"""fastai's distributed trainer over the house's own loaders."""

from typing import Any

import torch
from accelerate.utils import InitProcessGroupKwargs
from fastai.callback.core import CancelValidException
from fastai.distributed import DistributedTrainer

from cloudcore.learning.fit import distributed


class DistributedCallback(DistributedTrainer):
    """Wraps the network while it learns, and gives it back bare for validation and at the end."""

    def __init__(self, device: torch.device) -> None:
        long_timeout = InitProcessGroupKwargs(timeout=distributed.TIMEOUT)
        super().__init__(sync_bn=device.type == "cuda", cpu=device.type == "cpu", kwargs_handlers=[long_timeout])

    def _wrap_dl(self, dl: Any) -> Any:
        return dl  # the loaders split each batch among the processes themselves

    def before_validate(self) -> None:
        """Process 0 takes the bare network: a wrapped one would wait for the others, which skip validation."""
        if distributed.rank():
            raise CancelValidException()
        self.wrapped, self.learn.model = self.learn.model, self.learn.bare

    def after_validate(self) -> None:
        """Wrap it again."""
        if not distributed.rank():
            self.learn.model = self.wrapped
