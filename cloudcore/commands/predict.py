"""python -m cloudcore predict MODEL PATH...: masks of frames and images, classes of photographs."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cloudcore.commands import terminal
from cloudcore.errors import CloudcoreError


def predict(
    model: str,
    paths: Annotated[list[Path], typer.Argument(help="Frames or folders of frames")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the masks")],
) -> None:
    """Write a mask PNG (0 sky, 255 cloud, the image's size) for every frame, one a class where there are several.

    A model of kind class writes OUT/predictions.csv instead.
    """
    from cloudcore import images, models
    from cloudcore.masks import mask

    predictor = models.load(model)
    listed = [(path, path.parent) for path in paths if not path.is_dir()]
    for folder in (path for path in paths if path.is_dir()):
        listed += [(path, folder) for path in images.list_images(folder)]
    if not listed:
        raise CloudcoreError("No image was found. Give files, or a folder with JPEG or PNG files.")
    if predictor.info.kind == "class":
        _predict_classes(predictor, listed, out)
        return
    refused = 0
    for index, (path, base) in enumerate(listed):
        try:
            image = images.read(path)
        except CloudcoreError as problem:
            refused += 1
            print(f"left out: {problem}", file=sys.stderr)
            continue
        target = out / path.relative_to(base).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        cloud = predictor.mask(image)
        if predictor.info.kind == "masks":
            for name, plane in zip(predictor.classes, cloud, strict=True):
                images.write_png(target.with_name(f"{target.stem}_{name}.png"), mask.to_label(plane))
        else:
            images.write_png(target, mask.to_label(cloud))
        terminal.progress(index + 1, len(listed), path.name)
    print(f"Masks of {len(listed) - refused} images in {out}, {refused} files left out")
    if refused == len(listed):
        raise typer.Exit(1)


def _predict_classes(predictor: Any, listed: list[tuple[Path, Path]], out: Path) -> None:
    from cloudcore.models import class_table

    written, refused = class_table.write_table(predictor, listed, out, terminal.progress)
    for words in refused:
        print(f"left out: {words}", file=sys.stderr)
    print(f"{written} photographs in {out / 'predictions.csv'}, {len(refused)} files left out")
    if not written:
        raise typer.Exit(1)
