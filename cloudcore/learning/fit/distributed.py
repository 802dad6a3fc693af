"""A training shared by several processes, as `accelerate launch` starts them: who this one is, and what all agree on.

Alone, everything here is a plain answer: process 0 of 1.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

PATIENCE = timedelta(days=1)
"""How long a process waits for the others: the first may stand in a queue for hours."""


def count() -> int:
    """How many processes share this training."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def rank() -> int:
    """This process's number, from 0; 0 alone writes and listens to people."""
    return int(os.environ.get("RANK") or 0)


def agree_on(make: Callable[[], Path], device: str) -> Path:
    """The path that process 0 makes, the same in every process; what it raises there ends the others too."""
    if count() == 1:
        return make()
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    PartialState(cpu=device == "cpu" or not torch.cuda.is_available(), timeout=PATIENCE)
    return Path(broadcast_object_list([str(make()) if rank() == 0 else ""])[0])
