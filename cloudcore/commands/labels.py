"""python -m cloudcore labels list, export, import, fsck."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cloudcore import settings
from cloudcore.errors import CloudcoreError

app = typer.Typer(help="The label store: list, export, import, fsck.", no_args_is_help=True)

LabelSet = Annotated[str, typer.Option("--label-set", help="Label set")]
ImagesDir = Annotated[Optional[Path], typer.Option("--images", help="The frames' folder")]  # noqa: UP045


def _store() -> Any:
    from cloudcore.labels import LabelStore

    place = settings.load()
    return LabelStore(place.labels, place.database_url)


def _hash_of() -> Callable[[Path], str]:
    from cloudcore.files.content_hashes import ContentHashes

    return ContentHashes(settings.load().hashes).of


def _frames(folder: Path | None) -> list[Any]:
    from cloudcore.frames import chosen_folder, listing

    place = settings.load()
    return listing.list_frames(folder or chosen_folder.frames_folder(place))


@app.command("list")
def labels_list(label_set: LabelSet = "sky") -> None:
    """One line a labelled frame."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("stem", "revision", "author", "saved_at", "cloud_fraction"))
    for stem, head in sorted(_store().heads(label_set).items()):
        writer.writerow((stem, head.revision, head.author, head.saved_at.isoformat(), f"{head.cloud_fraction:.4f}"))


@app.command("export")
def labels_export(
    out: Path,
    label_set: LabelSet = "sky",
    images_dir: ImagesDir = None,
    form: Annotated[str, typer.Option("--format", help="folder, coco or kaggle")] = "folder",
) -> None:
    """Write every head: a folder of images and label PNGs, a COCO JSON file, or a Kaggle run-length CSV."""
    from cloudcore.labels import exchange

    if form == "folder":
        report = exchange.export_folder(_store(), label_set, _frames(images_dir), out, hash_of=_hash_of())
        for words in report.left_out:
            print(f"left out: {words}", file=sys.stderr)
    elif form in ("coco", "kaggle"):
        (exchange.export_coco if form == "coco" else exchange.export_kaggle)(_store(), label_set, out)
    else:
        raise CloudcoreError(f"There is no format {form!r}. Choose folder, coco or kaggle.")
    print(out)


@app.command("import")
def labels_import(
    masks: Path,
    label_set: LabelSet = "sky",
    images_dir: ImagesDir = None,
    author: Annotated[str, typer.Option(help="Whose labels these are")] = "import",
    repair: Annotated[bool, typer.Option("--repair", help="Sort and merge run lengths that need it")] = False,
) -> None:
    """Import a folder of masks, a pairs.csv, a COCO JSON file or a Kaggle CSV; what does not fit is listed."""
    from cloudcore.labels import exchange
    from cloudcore.labels.exchange import import_coco, import_kaggle

    store, frames = _store(), _frames(images_dir)
    if masks.suffix == ".json":
        report = import_coco(masks, store, label_set, author, frames)
    elif masks.suffix == ".csv" and masks.name != "pairs.csv":
        report = import_kaggle(masks, store, label_set, author, frames, repair)
    else:
        report = exchange.run_import(exchange.plan_import(masks, frames, None), store, label_set, author)
    for name, why in report.refused:
        print(f"left out: {name}: {why}", file=sys.stderr)
    for note in report.notes:
        print(note)
    print(f"{len(report.saved)} labels saved, {len(report.unchanged)} there already, {len(report.refused)} left out")
    if report.refused and not report.saved and not report.unchanged:
        raise typer.Exit(1)


@app.command("fsck")
def labels_fsck() -> None:
    """Prove the store's promises; prints what does not hold and ends with 1, or says that all is well."""
    found = _store().fsck()
    for line in found:
        print(line)
    if found:
        raise typer.Exit(1)
    print("terminal.Every promise holds.")
