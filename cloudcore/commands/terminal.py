"""What the commands share: flags of the same meaning, a bar on one line, a result as JSON."""

import dataclasses
import inspect
import json
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

DataDir = Annotated[Path, typer.Option("--data", help="Data folder: images/ and masks/, or a pairs.csv")]
JsonFile = Annotated[Optional[Path], typer.Option("--json", help="Write the result there as JSON")]  # noqa: UP045
Every = Annotated[bool, typer.Option("--all", help="Count images the model was trained on too")]


def progress(done: int, total: int, text: str = "") -> None:
    """A bar and a counter on one line of the terminal; silent where nobody looks."""
    if sys.stderr.isatty():
        bar = "█" * round(20 * done / max(1, total))
        print(
            f"\r{bar:░<20} {done} of {total} {text[:50]:50}",
            end="" if done < total else "\n",
            file=sys.stderr,
            flush=True,
        )


def write_json(path: Path | None, content: Any) -> None:
    """Write a result as JSON, NaN refused; nothing where no file was asked for."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def command_of(flags: type[Any], action: Callable[[Any], None]) -> Callable[..., None]:
    """A command whose arguments and flags are the fields of a dataclass; its action takes one of these."""

    def command(**given: Any) -> None:
        action(flags(**given))

    command.__name__, command.__doc__ = action.__name__, action.__doc__
    return with_parameters(command, parameters_of(flags))


def parameters_of(flags: type[Any]) -> list[inspect.Parameter]:
    """The fields of a dataclass as parameters, annotated as typer reads them."""
    hints = typing.get_type_hints(flags, include_extras=True)
    defaults = [(item.name, item.default) for item in dataclasses.fields(flags)]
    return [
        parameter(name, hints[name], inspect.Parameter.empty if default is dataclasses.MISSING else default)
        for name, default in defaults
    ]


def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """One parameter of a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def with_parameters(command: Callable[..., None], parameters: Sequence[inspect.Parameter]) -> Callable[..., None]:
    """The command, seen by typer with these parameters."""
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command
