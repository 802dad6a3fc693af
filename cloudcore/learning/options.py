"""Options of a task: their types, their checks, and the flags made of them."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from cloudcore.errors import DataError
from cloudcore.learning.settings import TrainingSettings
from cloudcore.learning.task import ConfigT, DataT, Task


def option_types(config: type[TrainingSettings]) -> dict[str, type[Any]]:
    """Field name -> int, float, str or bool, for forms and flags."""
    hints = typing.get_type_hints(config)
    return {item.name: _plain(hints[item.name]) for item in dataclasses.fields(config)}


def _plain(hint: Any) -> type[Any]:
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    return typing.cast("type[Any]", hint)


def make_config(task: Task[ConfigT, DataT], values: Mapping[str, Any], preset: str | None = None) -> ConfigT:
    """A checked Config from field values, laid over a preset. Raises DataError for an unknown name or a bad value."""
    if preset and preset not in task.presets:
        raise DataError(f"There is no preset {preset!r}. Choose one of {', '.join(task.presets) or 'none'}.")
    given = {**(task.presets[preset] if preset else {}), **values}
    kinds = option_types(task.Config)
    for name in given:
        if name not in kinds:
            raise DataError(f"{task.title} has no setting {name!r}. It has {', '.join(kinds)}.")
    limits = {item.name: item.metadata for item in dataclasses.fields(task.Config)}
    return task.Config(**{name: _checked(name, value, kinds[name], limits[name]) for name, value in given.items()})


def _checked(name: str, value: Any, kind: type[Any], limits: Mapping[str, Any]) -> Any:
    words = name.replace("_", " ").capitalize()
    try:
        value = kind(value)
    except (TypeError, ValueError) as problem:
        raise DataError(f"{words} must be {kind.__name__}, got {value!r}. Correct it.") from problem
    if limits["choices"] and value not in limits["choices"]:
        raise DataError(f"{words} must be one of {', '.join(map(str, limits['choices']))}, got {value!r}. Choose one.")
    if kind in (int, float):
        low, high = limits["min"], limits["max"]
        outside = (low is not None and value < low) or (high is not None and value > high)
        if outside or not math.isfinite(value):
            raise DataError(f"{words} must lie between {low} and {high}, got {value}. Correct it.")
    return value


def option_flags(task: Task) -> list[tuple[str, type[Any], Any, str]]:
    """(name, type, default, help with choices and unit) of each option of a task, for the command line."""
    kinds = option_types(task.Config)
    listed = dataclasses.fields(task.Config)
    return [(item.name, kinds[item.name], item.default, _described(item.metadata)) for item in listed]


def _described(option: Mapping[str, Any]) -> str:
    choices = f" ({', '.join(map(str, option['choices']))})" if option["choices"] else ""
    unit = f" [{option['unit']}]" if option["unit"] else ""
    return f"{option['help']}{choices}{unit}"
