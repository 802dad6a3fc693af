"""python -m cloudcore ...: the same functions as the pages, from the terminal."""

import logging
import secrets
import sys

import typer

from cloudcore.commands import data, labels, night, predict, runs, scores, terminal, train
from cloudcore.errors import CloudcoreError

app = typer.Typer(help="Cloud Lab from the terminal.", no_args_is_help=True, add_completion=False)
for _command in (
    data.samples,
    predict.predict,
    scores.join,
    data.gather,
    data.svrimg,
    scores.evaluate,
    scores.sweep,
    scores.submit,
):
    app.command()(_command)
app.command()(terminal.command_of(night.Flags, night.night))
app.add_typer(train.app, name="train")
app.add_typer(runs.app, name="runs")
app.add_typer(labels.app, name="labels")

EXTRAS = {
    "alembic": "labels",
    "sqlalchemy": "labels",
    "psycopg": "postgres",
    "numba": "scores",
    "astropy": "night",
    "matplotlib": "night",
    "pandas": "night",
    "plotly": "night",
    "pyarrow": "night",
    "accelerate": "train",
    "fastai": "train",
    "onnx": "train",
    "safetensors": "train",
    "segmentation_models_pytorch": "train",
    "torch": "train",
    "torchvision": "train",
}
"""The extra of pyproject.toml that brings a library which some commands need."""


def main() -> None:
    """Run a command; an error a person can meet is one sentence and exit code 1."""
    logging.basicConfig(level=logging.WARNING)
    try:
        app()
    except CloudcoreError as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as problem:  # the one broad except of the commands: what nobody foresaw ends in words and a log
        if isinstance(problem, ModuleNotFoundError) and (extra := EXTRAS.get(problem.name or "")):
            print(f'This needs {problem.name}. Install Cloud Lab with it: pip install ".[{extra}]"', file=sys.stderr)
            raise SystemExit(1) from None
        code = secrets.token_hex(2).upper()
        logging.exception("error %s", code)
        print(f"Something failed. Labels are safe. Error {code} stands above.", file=sys.stderr)
        raise SystemExit(1) from None
