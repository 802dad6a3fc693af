"""Class answers for many photographs, as a table."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cloudcore import images
from cloudcore.errors import ImageError
from cloudcore.files.tables import safe_cell
from cloudcore.models import predictor

COLUMNS = ("file", "top1", "p1", "top2", "p2", "top3", "p3")


def write_table(
    model: predictor.Predictor,
    listed: Sequence[tuple[Path, Path]],
    out: Path,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, list[str]]:
    """Classify every (file, folder it is named below) into out/predictions.csv: (rows written, refusals in words)."""
    out.mkdir(parents=True, exist_ok=True)
    refused: list[str] = []
    with (out / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, (path, base) in enumerate(listed, 1):
            try:
                writer.writerow([safe_cell(path.relative_to(base).as_posix()), *_top(model, images.read(path))])
            except ImageError as problem:
                refused.append(str(problem))
            if progress:
                progress(number, len(listed))
    return len(listed) - len(refused), refused


def _top(model: predictor.Predictor, image: images.Image) -> list[str]:
    probability = model(image)
    order = np.argsort(-probability, kind="stable")[:3]
    cells = [cell for k in order for cell in (model.classes[k], f"{probability[k]:.4f}")]
    return [*cells, *[""] * (6 - len(cells))]
