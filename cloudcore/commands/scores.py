"""python -m cloudcore evaluate, sweep, submit, join: what a model is worth on a data folder."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from cloudcore import settings
from cloudcore.commands import terminal


def evaluate(
    model: str,
    data: terminal.DataDir,
    json_file: terminal.JsonFile = None,
    every: terminal.Every = False,
    against: Annotated[Optional[Path], typer.Option(help="Real data to reject")] = None,  # noqa: UP045
) -> None:
    """Scores on a data folder, each with its 95 % interval and n; images the model was trained on are left out."""
    from cloudcore import models
    from cloudcore.models import evaluation

    result = evaluation.evaluate(
        models.load(model), data, every, terminal.progress, against or settings.load().real_data
    )
    parts = result.get("by_source", {}) | result.get("by_class", {})
    for source, table in [("all", result["metrics"]), *parts.items()]:
        for name, row in table.items():
            low, high = row["low"], row["high"]
            interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
            value = "–" if row["value"] is None else f"{row['value']:.3f}"
            print(f"{source:10} {name:16} {value}{interval}  n = {row['n']}")
    print(f"{result['left_out']} images the model was trained on were left out. {result['note']}".strip())
    terminal.write_json(json_file, result)


def sweep(
    model: str,
    data: terminal.DataDir,
    json_file: terminal.JsonFile = None,
    every: terminal.Every = False,
    write: Annotated[bool, typer.Option("--write", help="Store the best in model.json")] = False,
) -> None:
    """The exact best threshold and smallest cloud on a data folder."""
    from cloudcore import models
    from cloudcore.models import evaluation

    predictor = models.load(model)
    result = evaluation.sweep_model(predictor, data, every, terminal.progress)
    for name, row in result.items():
        print(f"{name}: threshold {row['threshold']:.2f}, smallest cloud {row['min_size']} px, Dice {row['dice']:.4f}")
    if write:
        rows = [result[name] for name in predictor.classes]
        note, grid = f"best Dice of {rows[0]['n']} frames of {data.absolute().name}", rows[0]["grid_hw"]
        chosen = [row["threshold"] for row in rows], [row["min_size"] for row in rows]
        models.write_threshold(predictor.folder, *chosen, (grid[0], grid[1]) if grid else None, note)
        print(f"stored in {predictor.folder / 'model.json'}")
    terminal.write_json(json_file, result)


def submit(
    model: str,
    images_dir: Annotated[Path, typer.Option("--images", help="Folder with the images to predict")],
    out: Annotated[Path, typer.Option("--out", help="CSV file to write")],
) -> None:
    """Write a Kaggle submission of pattern masks at 350 x 525, then read it back and check it."""
    from cloudcore import models
    from cloudcore.models import mask_evaluation

    count = mask_evaluation.submit(models.load(model), images_dir, out, terminal.progress)
    print(f"{count} images, {4 * count} rows in {out}; checked")


def join(
    names: Annotated[list[str], typer.Argument(help="Class models that learnt from the same split")],
    data: terminal.DataDir,
    out: Annotated[Path, typer.Option("--out", help="The new model's folder")],
    title: str = "Several networks as one",
    side: Annotated[int, typer.Option(help="Side of the square photographs are resized to; 0: as the first")] = 0,
) -> None:
    """One model that averages several classifiers inside its graph, calibrated and scored anew."""
    from cloudcore.learning import ensemble

    print(ensemble.join(names, data, out, title, side))
