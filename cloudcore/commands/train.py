"""python -m cloudcore train TASK: the flags are the fields of the task."""

import inspect
import logging
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Optional

import typer

from cloudcore import runs, settings
from cloudcore.errors import CloudcoreError
from cloudcore.learning.fit import distributed
from cloudcore.learning.options import option_flags
from cloudcore.learning.task import Task
from cloudcore.learning.tasks import find_tasks

app = typer.Typer(help="Train a model in the foreground; prints the run's folder last.", no_args_is_help=True)

_SPECIAL = ("data", "runs_dir", "device", "start", "resume", "preset", "name", "terms", "find_rate", "only_speed")


def _train_command(task: Task) -> Callable[..., None]:
    """The train command of a task, its flags made from the task's Config."""

    def command(**given: Any) -> None:
        special = {name: given.pop(name) for name in _SPECIAL}
        options = {name: value for name, value in given.items() if value is not None}
        _train(task, options, **special)

    flags: list[tuple[str, Any, Any]] = [
        ("data", Optional[Path], typer.Option(None, "--data", help="Data folder")),  # noqa: UP045
        ("runs_dir", Optional[Path], typer.Option(None, "--runs", help="Runs folder")),  # noqa: UP045
        ("device", str, typer.Option("auto", help="auto, cpu or cuda")),
        ("start", Optional[str], typer.Option(None, help="Begin from a model's weights")),  # noqa: UP045
        ("resume", Optional[Path], typer.Option(None, help="Go on with this run, from its config.json")),  # noqa: UP045
        ("preset", Optional[str], typer.Option(None, help=", ".join(task.presets))),  # noqa: UP045
        ("name", Optional[str], typer.Option(None, help="A name for the run")),  # noqa: UP045
        ("terms", Optional[str], typer.Option(None, help="The data's terms, kept in model.json")),  # noqa: UP045
        ("find_rate", Optional[Path], typer.Option(None, help="Only try learning rates, the curve as JSON")),  # noqa: UP045
        ("only_speed", bool, typer.Option(False, "--only-speed", help="With --find-rate: time some steps alone")),
    ]
    for name, kind, default, told in option_flags(task):
        flags.append((name, kind | None, typer.Option(None, help=f"{told}; default {default}")))
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(n, keyword, default=default, annotation=kind) for n, kind, default in flags]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {name: kind for name, kind, _ in flags}
    command.__doc__ = f"{task.title}."
    return command


def _train(
    task: Task, options: dict[str, Any], data: Path | None, runs_dir: Path | None, device: str, start: str | None,
    resume: Path | None, preset: str | None, name: str | None, terms: str | None, find_rate: Path | None,
    only_speed: bool,
) -> None:  # fmt: skip
    from cloudcore.learning import trial, work

    if find_rate is not None and data is not None:
        found = trial.work(task.name, options, data, find_rate, device, start, preset, only_speed)
        for way, rate in found.get("suggestions", {}).items():
            print(f"{way}: {rate:g}")
        print(f"{found['images_per_second']} images/s on {found['device']}")
        return

    root = (runs_dir or settings.load().runs).absolute()

    if resume is not None:
        run = runs.find(root, resume)
    elif data is None:
        raise CloudcoreError("No data folder was given. Add --data DIR, or --resume RUN to go on with a run.")
    else:
        prepared = partial(work.prepare, task.name, options, data, root, start, device, preset, name=name, terms=terms)
        run = runs.Run(distributed.agree_on(lambda: prepared().folder, device))
    try:
        status = work.run_training(run)
    except KeyboardInterrupt:
        status = run.status()
    except Exception as problem:
        run.log(f"failed: {problem}")
        if not isinstance(problem, CloudcoreError):
            logging.exception("the run failed")
        else:
            print(problem, file=sys.stderr)
        print(run.folder)
        raise typer.Exit(1) from problem
    if distributed.rank():
        return
    for row in run.history()[-1:]:
        print(", ".join(f"{key} {value}" for key, value in row.items() if value is not None))
    print(run.folder)
    if status.state != "done":
        raise typer.Exit(1)


for _task in find_tasks():
    app.command(_task.name, help=_task.title)(_train_command(_task))
