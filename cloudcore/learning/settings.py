"""Settings that every task has: each stands here once, and a task's Config takes it over with what differs there.

`option` makes a setting, `shared` takes over one of TrainingSettings with another default, help, range or choices, and
`in_order` gives a Config the order that form, flags and config.json show.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Protocol, TypeVar


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: tuple[Any, ...] = (),
    advanced: bool = False,
) -> Any:
    """A Config field with what a form and a flag need: help, range (low..high, both allowed), unit, choices."""
    described = {"help": help, "min": low, "max": high, "unit": unit, "choices": choices, "advanced": advanced}
    return field(default=default, metadata=described)


@dataclass(frozen=True)
class TrainingSettings:
    """What the loop reads of every task's Config."""

    network: str = option("", "Architecture")
    epochs: int = option(3, "Passes over the images", low=1, high=2000)
    batch: int = option(8, "Images a step", low=1, high=512)
    learning_rate: float = option(0.002, "Peak learning rate", low=1e-7, high=1.0)
    seed: int = option(0, "Same seed, same numbers on the CPU", low=0, high=2**31 - 1)
    validation: float = option(0.2, "Share of images held out", low=0.0, high=0.6)
    optimiser: str = option("adamw", "Who takes the steps", choices=("adamw", "sgd"), advanced=True)
    momentum: float = option(0.9, "Momentum of SGD, first beta of AdamW", low=0.0, high=0.999, advanced=True)
    weight_decay: float = option(0.01, "Weight decay", low=0.0, high=1.0, advanced=True)
    schedule: str = option("one_cycle", "Learning rate over time", choices=("one_cycle", "constant"), advanced=True)
    averaging: float = option(0.0, "Decay of averaged weights a step; 0: none", low=0.0, high=0.9999, advanced=True)
    precision: str = option("auto", "Arithmetic", choices=("auto", "float32", "bfloat16"), advanced=True)
    stop_after: int = option(
        0, "Stop after so many epochs without a lower loss; 0: never", low=0, high=1000, advanced=True
    )
    compile: bool = option(False, "Compile the network first: for long runs on a GPU", advanced=True)


_SHARED: dict[str, Field[Any]] = {item.name: item for item in fields(TrainingSettings)}


def shared(
    name: str,
    default: Any = MISSING,
    help: str | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] | None = None,
) -> Any:
    """The setting of TrainingSettings of this name; what is given replaces what stands there."""
    base = _SHARED[name]
    given = {"help": help, "min": low, "max": high, "choices": choices}
    changed = {key: value for key, value in given.items() if value is not None}
    return field(default=base.default if default is MISSING else default, metadata={**base.metadata, **changed})


Config = TypeVar("Config", bound=TrainingSettings)


def in_order(names: str) -> Callable[[type[Config]], type[Config]]:
    """Order the fields of a Config, inherited ones too, by a text of their names with spaces between.

    Inheritance alone would put the shared settings first. Raises ValueError unless the text names each field once.
    """

    def arrange(config: type[Config]) -> type[Config]:
        order, known = names.split(), config.__dataclass_fields__
        if sorted(order) != sorted(known):
            raise ValueError(f"{config.__qualname__} has {', '.join(known)}; the order names {', '.join(order)}.")
        ordered = {name: known[name] for name in order}
        known.clear()
        known.update(ordered)
        return config

    return arrange


class BatchSettings(Protocol):
    """What the data of every task reads of its Config."""

    @property
    def batch(self) -> int:
        """Images a step."""

    @property
    def seed(self) -> int:
        """What the order of images and everything drawn depend on, beside the epoch."""
