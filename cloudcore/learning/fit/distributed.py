"""One training in several processes, as `accelerate launch` starts them: who this one is, and what all agree on.

Alone, everything here is a plain answer: process 0 of 1. The batch of the settings is the whole one and every process
learns from its share of it, so a rate means the same however many there are. Process 0 alone validates; what it finds
reaches the others before the next epoch. Torch is loaded only where several processes speak.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

PATIENCE = timedelta(days=1)
"""How long a process waits for the others: the first may stand in a queue for hours."""


def world_size() -> int:
    """How many processes share this training."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def rank() -> int:
    """This process's number, from 0; 0 alone writes and listens to people."""
    return int(os.environ.get("RANK") or 0)


def agree_on(make: Callable[[], Path], device: str) -> Path:
    """The path that process 0 makes, the same in every process; what it raises there ends the others too."""
    if world_size() == 1:
        return make()
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState(cpu=device == "cpu" or not torch.cuda.is_available(), timeout=PATIENCE)
    return Path(broadcast_object_list([str(make()) if rank() == 0 else ""])[0])


def all_reduce_max(word: int, place: Any) -> int:
    """The largest of the numbers the processes hold, known to all; place is their torch device."""
    import torch

    value = torch.tensor(word, device=place)
    torch.distributed.all_reduce(value, torch.distributed.ReduceOp.MAX)
    return int(value)


def all_reduce_sum(*numbers: float, place: Any) -> list[float]:
    """Each number summed over the processes; place is their torch device."""
    import torch

    summed = torch.tensor(numbers, device=place, dtype=torch.float32)
    torch.distributed.all_reduce(summed)
    return [float(value) for value in summed]


def broadcast(value: Any) -> Any:
    """The value that process 0 holds, in every process."""
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([value])[0]
