"""Fields of a task's Config: what a form, a flag and config.json need, and their checks."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from cloudcore.errors import DataError
from cloudcore.learning.task import Task


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
    told = {"help": help, "min": low, "max": high, "unit": unit, "choices": choices, "advanced": advanced}
    return field(default=default, metadata=told)


def option_types(config: type[Any]) -> dict[str, type[Any]]:
    """Field name -> int, float, str or bool, for forms and flags."""
    hints = typing.get_type_hints(config)
    return {item.name: _plain(hints[item.name]) for item in dataclasses.fields(config)}


def _plain(hint: Any) -> type[Any]:
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    return typing.cast("type[Any]", hint)


def make_config(task: Task, values: Mapping[str, Any], preset: str | None = None) -> Any:
    """A checked Config from field values, laid over a preset. Raises DataError for an unknown name or a bad value."""
    if preset and preset not in task.presets:
        raise DataError(f"There is no preset {preset!r}. Choose one of {', '.join(task.presets) or 'none'}.")
    given = {**(task.presets[preset] if preset else {}), **values}
    kinds = option_types(task.Config)
    for name in given:
        if name not in kinds:
            raise DataError(f"{task.title} has no setting {name!r}. It has {', '.join(kinds)}.")
    told = {item.name: item.metadata for item in dataclasses.fields(task.Config)}
    return task.Config(**{name: _checked(name, value, kinds[name], told[name]) for name, value in given.items()})


def _checked(name: str, value: Any, kind: type[Any], told: Mapping[str, Any]) -> Any:
    words = name.replace("_", " ").capitalize()
    try:
        value = kind(value)
    except (TypeError, ValueError) as problem:
        raise DataError(f"{words} must be {kind.__name__}, got {value!r}. Correct it.") from problem
    if told["choices"] and value not in told["choices"]:
        raise DataError(f"{words} must be one of {', '.join(map(str, told['choices']))}, got {value!r}. Choose one.")
    if kind in (int, float):
        low, high = told["min"], told["max"]
        outside = (low is not None and value < low) or (high is not None and value > high)
        if outside or not math.isfinite(value):
            raise DataError(f"{words} must lie between {low} and {high}, got {value}. Correct it.")
    return value


def option_flags(task: Task) -> list[tuple[str, type[Any], Any, str]]:
    """(name, type, default, help with choices and unit) of each option of a task, for the command line."""
    kinds = option_types(task.Config)
    listed = dataclasses.fields(task.Config)
    return [(item.name, kinds[item.name], item.default, _described(item.metadata)) for item in listed]


def _described(told: Mapping[str, Any]) -> str:
    choices = f" ({', '.join(map(str, told['choices']))})" if told["choices"] else ""
    unit = f" [{told['unit']}]" if told["unit"] else ""
    return f"{told['help']}{choices}{unit}"
