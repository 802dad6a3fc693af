"""One training in several processes, as `accelerate launch` starts them: who this one is, and what all agree on.

A single process is process 0 of 1. The batch of the settings is the whole one and every process learns from its share
of it, so a rate means the same for any number of processes. Process 0 alone validates and broadcasts the scores before
the next epoch. Torch is loaded only where there are several processes.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from cloudcore.learning.task import Device

Value = TypeVar("Value")

TIMEOUT = timedelta(days=1)
"""How long a process waits for the others: the first may wait in the device queue for hours."""


def world_size() -> int:
    """Number of processes of this training."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def rank() -> int:
    """Number of this process, from 0; process 0 alone writes files and obeys a stop."""
    return int(os.environ.get("RANK") or 0)


def broadcast_path(make: Callable[[], Path], device: str) -> Path:
    """The path that process 0 makes, in every process; an error there ends the others too."""
    if world_size() == 1:
        return make()
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState(cpu=device == "cpu" or not torch.cuda.is_available(), timeout=TIMEOUT)
    return Path(broadcast_object_list([str(make()) if rank() == 0 else ""])[0])


def all_reduce_max(number: int, device: Device) -> int:
    """The largest of the processes' numbers, in every process; device is the torch device of each."""
    import torch

    value = torch.tensor(number, device=device)
    torch.distributed.all_reduce(value, torch.distributed.ReduceOp.MAX)
    return int(value)


def all_reduce_sum(*numbers: float, device: Device) -> list[float]:
    """Each number summed over the processes, in every process; device is the torch device of each."""
    import torch

    summed = torch.tensor(numbers, device=device, dtype=torch.float32)
    torch.distributed.all_reduce(summed)
    return [float(value) for value in summed]


def broadcast(value: Value) -> Value:
    """The value of process 0, in every process."""
    from accelerate.utils import broadcast_object_list

    received: Value = broadcast_object_list([value])[0]
    return received
