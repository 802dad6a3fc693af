"""python -m cloudcore train TASK: the flags are the fields of the task."""

import inspect
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from cloudcore import runs, settings
from cloudcore.commands import terminal
from cloudcore.errors import CloudcoreError
from cloudcore.learning.fit import distributed
from cloudcore.learning.options import option_flags
from cloudcore.learning.task import Task
from cloudcore.learning.tasks import find_tasks

app = typer.Typer(help="Train a model in the foreground; prints the run's folder last.", no_args_is_help=True)


@dataclass(frozen=True)
class Flags:
    """The flags that every task has; those of its options follow them."""

    data: Annotated[Path | None, typer.Option("--data", help="Data folder")] = None
    runs_dir: Annotated[Path | None, typer.Option("--runs", help="Runs folder")] = None
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto"
    start: Annotated[str | None, typer.Option(help="Begin from a model's weights")] = None
    resume: Annotated[Path | None, typer.Option(help="Go on with this run, from its config.json")] = None
    preset: Annotated[str | None, typer.Option()] = None
    name: Annotated[str | None, typer.Option(help="A name for the run")] = None
    terms: Annotated[str | None, typer.Option(help="The data's terms, kept in model.json")] = None
    find_rate: Annotated[Path | None, typer.Option(help="Only try learning rates, the curve as JSON")] = None
    only_speed: Annotated[bool, typer.Option("--only-speed", help="With --find-rate: time some steps alone")] = False


def _train_command(task: Task) -> Callable[..., None]:
    """The train command of a task, its flags made from Flags and from the task's Config."""
    shared = [item.name for item in fields(Flags)]

    def command(**given: Any) -> None:
        flags = Flags(**{name: given.pop(name) for name in shared})
        _train(task, {name: value for name, value in given.items() if value is not None}, flags)

    command.__doc__ = f"{task.title}."
    return terminal.with_parameters(command, _parameters(task))


def _parameters(task: Task) -> list[inspect.Parameter]:
    """The parameters of a task's command: those of Flags, then the task's options."""
    presets = Annotated[str | None, typer.Option(help=", ".join(task.presets))]
    found = [one.replace(annotation=presets) if one.name == "preset" else one for one in terminal.parameters_of(Flags)]
    for name, kind, default, described in option_flags(task):
        option = typer.Option(help=f"{described}; default {default}")
        found.append(terminal.parameter(name, Annotated[kind | None, option], None))
    return found


def _train(task: Task, options: Mapping[str, Any], flags: Flags) -> None:
    """Try rates, resume a run or start one, as the flags say."""
    if flags.find_rate is not None and flags.data is not None:
        _find_rate(task, options, flags.data, flags.find_rate, flags)
        return
    root = (flags.runs_dir or settings.load().runs).absolute()
    if flags.resume is not None:
        run = runs.find(root, flags.resume)
    elif flags.data is None:
        raise CloudcoreError("No data folder was given. Add --data DIR, or --resume RUN to go on with a run.")
    else:
        run = _prepare(task, options, flags.data, root, flags)
    _run(run)


def _find_rate(task: Task, options: Mapping[str, Any], data: Path, out: Path, flags: Flags) -> None:
    """Try learning rates, or time steps alone, and print what was found."""
    from cloudcore.learning import trial

    asked = trial.Trial(task.name, options, data, flags.start, flags.preset, flags.only_speed)
    found = trial.run_trial(asked, out, flags.device)
    for way, rate in found.get("suggestions", {}).items():
        print(f"{way}: {rate:g}")
    print(f"{found['images_per_second']} images/s on {found['device']}")


def _prepare(task: Task, options: Mapping[str, Any], data: Path, root: Path, flags: Flags) -> runs.Run:
    """A new run, the same in every process of a distributed training."""
    from cloudcore.learning import work

    def make() -> Path:
        run = work.prepare(
            task.name, options, data, root, flags.start, flags.device, flags.preset, name=flags.name, terms=flags.terms
        )
        return run.folder

    return runs.Run(distributed.broadcast_path(make, flags.device))


def _run(run: runs.Run) -> None:
    """Train in this process; print the last scores and the run's folder. Exits with 1 unless the run is done."""
    from cloudcore.learning import work

    try:
        status = work.run_training(run)
    except KeyboardInterrupt:
        status = run.status()
    except Exception as problem:  # whatever ended the run, its folder is printed last and the exit code says so
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
