"""The settings of each task are those of 0.3.0: form, flags and config.json name them in the same order."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from cloudcore.learning import settings
from cloudcore.learning.options import make_config, option_flags, option_types
from cloudcore.learning.tasks import find_tasks, get_task

PINNED: dict[str, list[list[Any]]] = json.loads((Path(__file__).parent / "made_by_0_3_0" / "options.json").read_text())
"""Task -> [name, type, default, help, min, max, choices, unit, advanced] of each setting, written by 0.3.0."""


def _settings(config: type[Any]) -> list[list[Any]]:
    kinds, rows = option_types(config), []
    for item in dataclasses.fields(config):
        told = item.metadata
        rows.append(
            [
                item.name,
                kinds[item.name].__name__,
                item.default,
                told["help"],
                told["min"],
                told["max"],
                list(told["choices"]),
                told["unit"],
                told["advanced"],
            ]
        )
    return rows


@pytest.mark.parametrize("name", list(PINNED))
def test_a_task_has_the_settings_of_0_3_0_in_their_order(name: str) -> None:
    assert _settings(get_task(name).Config) == PINNED[name]


@pytest.mark.parametrize("name", list(PINNED))
def test_flags_and_config_json_keep_the_order(name: str) -> None:
    wanted, task = [row[0] for row in PINNED[name]], get_task(name)
    assert [flag[0] for flag in option_flags(task)] == wanted
    assert list(dataclasses.asdict(make_config(task, {}))) == wanted


def test_every_task_is_pinned() -> None:
    assert {task.name for task in find_tasks()} == set(PINNED)


def test_an_order_names_every_setting_once() -> None:
    names = [item.name for item in dataclasses.fields(settings.TrainingSettings)]
    for order in (names[1:], [*names, names[0]], [*names, "colour"]):
        with pytest.raises(ValueError, match="the order names"):
            settings.in_order(" ".join(order))(
                dataclasses.make_dataclass("C", [], bases=(settings.TrainingSettings,), frozen=True)
            )


def test_a_shared_setting_keeps_what_a_task_does_not_change() -> None:
    taken = settings.shared("batch", help="Frames a step", high=256)
    assert taken.default == 8
    assert taken.metadata == {
        "help": "Frames a step",
        "min": 1,
        "max": 256,
        "unit": "",
        "choices": (),
        "advanced": False,
    }
