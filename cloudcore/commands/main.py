"""python -m cloudcore ...: the same functions as the pages, from the terminal."""

import csv
import inspect
import json
import logging
import secrets
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cloudcore import night_command, runs, settings, sharing
from cloudcore.errors import CloudcoreError
from cloudcore.task import Task, find_tasks, option_flags

app = typer.Typer(help="Cloud Lab from the terminal.", no_args_is_help=True, add_completion=False)
train_app = typer.Typer(help="Train a model in the foreground; prints the run's folder last.", no_args_is_help=True)
runs_app = typer.Typer(help="Runs: list, show, stop, resume.", no_args_is_help=True)
labels_app = typer.Typer(help="The label store: list, export, import, fsck.", no_args_is_help=True)
app.add_typer(train_app, name="train")
app.add_typer(runs_app, name="runs")
app.add_typer(labels_app, name="labels")
app.command(name="night")(night_command.night)

_SPECIAL = ("data", "runs_dir", "device", "start", "resume", "preset", "name", "terms", "find_rate", "only_speed")
DataDir = Annotated[Path, typer.Option("--data", help="Data folder: images/ and masks/, or a pairs.csv")]
JsonFile = Annotated[Optional[Path], typer.Option("--json", help="Write the result there as JSON")]  # noqa: UP045
Every = Annotated[bool, typer.Option("--all", help="Count images the model was trained on too")]
LabelSet = Annotated[str, typer.Option("--label-set", help="Label set")]
ImagesDir = Annotated[Optional[Path], typer.Option("--images", help="The frames' folder")]  # noqa: UP045


@app.command()
def samples(folder: Path, seed: Annotated[int, typer.Option(help="Same seed, same bytes", min=0)] = 0) -> None:
    """Write the seeded sample workspace: frames by night and day with exact masks, and a sample night."""
    from cloudcore import samples as writer

    writer.write(folder, seed=seed, progress=lambda share, text: _progress(round(100 * share), 100, text))
    print(folder)


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
    from cloudcore import jobs, rehearsal

    if find_rate is not None and data is not None:
        found = rehearsal.work(task.name, options, data, find_rate, device, start, preset, only_speed)
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
        prepared = partial(jobs.prepare, task.name, options, data, root, start, device, preset, name=name, terms=terms)
        run = runs.Run(sharing.agree_on(lambda: prepared().folder, device))
    try:
        status = jobs.work(run)
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
    if sharing.rank():
        return
    for row in run.history()[-1:]:
        print(", ".join(f"{key} {value}" for key, value in row.items() if value is not None))
    print(run.folder)
    if status.state != "done":
        raise typer.Exit(1)


for _task in find_tasks():
    train_app.command(_task.name, help=_task.title)(_train_command(_task))


@app.command()
def predict(
    model: str, paths: Annotated[list[Path], typer.Argument(help="Frames or folders of frames")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the masks")],
) -> None:  # fmt: skip
    """Write a mask PNG (0 sky, 255 cloud, the image's size) for every frame, one a class where there are several.

    A model of kind class writes OUT/predictions.csv instead.
    """
    from cloudcore import evaluate_masks, images, mask, models

    predictor = models.load(model)
    listed = [(path, path.parent) for path in paths if not path.is_dir()]
    for folder in (path for path in paths if path.is_dir()):
        listed += [(path, folder) for path in images.list_images(folder)]
    if not listed:
        raise CloudcoreError("No image was found. Give files, or a folder with JPEG or PNG files.")
    if predictor.info["kind"] == "class":
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
        if predictor.info["kind"] == "masks":
            for name, found in zip(predictor.classes, evaluate_masks.masks_of(predictor, image), strict=True):
                images.write_png(target.with_name(f"{target.stem}_{name}.png"), mask.to_label(found))
        else:
            cloud = mask.clean(predictor(image), predictor.threshold[0], predictor.min_size[0])
            images.write_png(target, mask.to_label(cloud))
        _progress(index + 1, len(listed), path.name)
    print(f"Masks of {len(listed) - refused} images in {out}, {refused} files left out")
    if refused == len(listed):
        raise typer.Exit(1)


def _predict_classes(predictor: Any, listed: list[tuple[Path, Path]], out: Path) -> None:
    from cloudcore import predict_class

    written, refused = predict_class.write_table(predictor, listed, out, _progress)
    for words in refused:
        print(f"left out: {words}", file=sys.stderr)
    print(f"{written} photographs in {out / 'predictions.csv'}, {len(refused)} files left out")
    if not written:
        raise typer.Exit(1)


@app.command()
def join(
    names: Annotated[list[str], typer.Argument(help="Class models that learnt from the same split")],
    data: DataDir,
    out: Annotated[Path, typer.Option("--out", help="The new model's folder")],
    title: str = "Several networks as one",
    side: Annotated[int, typer.Option(help="Side of the square photographs are resized to; 0: as the first")] = 0,
) -> None:
    """One model that averages several classifiers inside its graph, calibrated and scored anew."""
    from cloudcore import joining

    print(joining.join(names, data, out, title, side))


@app.command()
def gather(
    out: Annotated[Path, typer.Option("--out", help="Folder for the photographs")],
    urls: Annotated[Optional[Path], typer.Option("--urls", help="A file: an address a line, or class, address")] = None,  # noqa: UP045
    source: Annotated[Optional[Path], typer.Option("--from", help="A folder or a zip instead")] = None,  # noqa: UP045
) -> None:  # fmt: skip
    """Photographs from a list of addresses, a folder or a zip; broken, flat, tiny ones and twins are left out."""
    from cloudcore import gather as gathering

    if (urls is None) == (source is None):
        raise CloudcoreError("Give either --urls FILE or --from PATH.")
    if source is not None:
        found = gathering.take(source, out, _progress)
    else:
        found = gathering.gather(gathering.read_addresses(urls or Path()), out, _progress)
    for address, why in found.refused:
        print(f"left out: {address}: {why}", file=sys.stderr)
    print(f"{len(found.written)} photographs in {out}, {len(found.refused)} left out")
    if not found.written:
        raise typer.Exit(1)


@app.command()
def svrimg(
    source: Annotated[Path, typer.Argument(help="Folder of PNG named by UNID, or a .npy of uint8 pictures")],
    table: Annotated[Path, typer.Option("--classes", help="CSV with UNID, Class Code and Class Name")],
    out: Annotated[Path, typer.Option("--out", help="Folder for a folder per class")],
) -> None:  # fmt: skip
    """Sort SVRIMG's radar pictures into a folder per class, as the table names them."""
    from cloudcore import svrimg as importing

    report = importing.import_folder(source, table, out, _progress)
    for words in report.left_out:
        print(f"left out: {words}", file=sys.stderr)
    told = ", ".join(f"{name} {count}" for name, count in report.counts.items())
    print(f"{sum(report.counts.values())} pictures in {out}: {told}; {len(report.left_out)} left out")


@app.command()
def evaluate(
    model: str, data: DataDir, json_file: JsonFile = None, every: Every = False,
    against: Annotated[Optional[Path], typer.Option(help="Real data to reject")] = None,  # noqa: UP045
) -> None:  # fmt: skip
    """Scores on a data folder, each with its 95 % interval and n; images the model was trained on are left out."""
    from cloudcore import evaluate as evaluation
    from cloudcore import models

    result = evaluation.evaluate(models.load(model), data, every, _progress, against or settings.load().real_data)
    parts = result.get("by_source", {}) | result.get("by_class", {})
    for source, table in [("all", result["metrics"]), *parts.items()]:
        for name, row in table.items():
            low, high = row["low"], row["high"]
            interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
            value = "–" if row["value"] is None else f"{row['value']:.3f}"
            print(f"{source:10} {name:16} {value}{interval}  n = {row['n']}")
    print(f"{result['left_out']} images the model was trained on were left out. {result['note']}".strip())
    _write_json(json_file, result)


@app.command()
def sweep(
    model: str, data: DataDir, json_file: JsonFile = None, every: Every = False,
    write: Annotated[bool, typer.Option("--write", help="Store the best in model.json")] = False,
) -> None:  # fmt: skip
    """The exact best threshold and smallest cloud on a data folder."""
    from cloudcore import evaluate as evaluation
    from cloudcore import models

    predictor = models.load(model)
    result = evaluation.sweep_model(predictor, data, every, _progress)
    for name, row in result.items():
        print(f"{name}: threshold {row['threshold']:.2f}, smallest cloud {row['min_size']} px, Dice {row['dice']:.4f}")
    if write:
        rows = [result[name] for name in predictor.classes]
        note, grid = f"best Dice of {rows[0]['n']} frames of {data.absolute().name}", rows[0]["grid_hw"]
        chosen = [row["threshold"] for row in rows], [row["min_size"] for row in rows]
        models.write_threshold(predictor.folder, *chosen, (grid[0], grid[1]) if grid else None, note)
        print(f"stored in {predictor.folder / 'model.json'}")
    _write_json(json_file, result)


@app.command()
def submit(
    model: str, images_dir: Annotated[Path, typer.Option("--images", help="Folder with the images to predict")],
    out: Annotated[Path, typer.Option("--out", help="CSV file to write")],
) -> None:  # fmt: skip
    """Write a Kaggle submission of pattern masks at 350 x 525, then read it back and check it."""
    from cloudcore import evaluate_masks, models

    count = evaluate_masks.submit(models.load(model), images_dir, out, _progress)
    print(f"{count} images, {4 * count} rows in {out}; checked")


@runs_app.command("list")
def runs_list() -> None:
    """One line a run, newest first; then those that cannot be read."""
    root = settings.load().runs
    for run in runs.list_runs(root):
        status = run.status()
        metric = f"{status.metric_name} {status.metric:.3f}" if status.metric is not None else ""
        print(f"{run.id}  {status.state:8} epoch {status.epoch} of {status.epochs}  {metric}")
    for found in runs.damaged(root):
        print(f"{found.folder.name}  damaged  {found.problem}")


@runs_app.command("show")
def runs_show(run: str) -> None:
    """A run's config, status and history."""
    found = runs.find(settings.load().runs, run)
    print(json.dumps({"config": found.config(), "status": vars(found.status()), "history": found.history()}, indent=1))


@runs_app.command("stop")
def runs_stop(run: str) -> None:
    """Ask a run to stop."""
    from cloudcore import jobs

    jobs.stop(runs.find(settings.load().runs, run))


@runs_app.command("resume")
def runs_resume(run: str) -> None:
    """Go on with a run in the background."""
    from cloudcore import jobs

    place = settings.load()
    jobs.resume(runs.find(place.runs, run), place)


def _store() -> Any:
    from cloudcore.labels import LabelStore

    place = settings.load()
    return LabelStore(place.labels, place.database_url)


def _frames(folder: Path | None) -> list[Any]:
    from cloudcore import data

    place = settings.load()
    return data.list_frames(folder or data.frames_folder(place))


@labels_app.command("list")
def labels_list(label_set: LabelSet = "sky") -> None:
    """One line a labelled frame."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("stem", "revision", "author", "saved_at", "cloud_fraction"))
    for stem, head in sorted(_store().heads(label_set).items()):
        writer.writerow((stem, head.revision, head.author, head.saved_at.isoformat(), f"{head.cloud_fraction:.4f}"))


@labels_app.command("export")
def labels_export(
    out: Path, label_set: LabelSet = "sky", images_dir: ImagesDir = None,
    form: Annotated[str, typer.Option("--format", help="folder, coco or kaggle")] = "folder",
) -> None:  # fmt: skip
    """Write every head: a folder of images and label PNGs, a COCO JSON file, or a Kaggle run-length CSV."""
    from cloudcore import coco, exchange, kaggle

    if form == "folder":
        exchange.export_folder(_store(), label_set, _frames(images_dir), out)
    elif form in ("coco", "kaggle"):
        (coco.export_coco if form == "coco" else kaggle.export_kaggle)(_store(), label_set, out)
    else:
        raise CloudcoreError(f"There is no format {form!r}. Choose folder, coco or kaggle.")
    print(out)


@labels_app.command("import")
def labels_import(
    masks: Path, label_set: LabelSet = "sky", images_dir: ImagesDir = None,
    author: Annotated[str, typer.Option(help="Whose labels these are")] = "import",
    repair: Annotated[bool, typer.Option("--repair", help="Sort and merge run lengths that need it")] = False,
) -> None:  # fmt: skip
    """Import a folder of masks, a pairs.csv, a COCO JSON file or a Kaggle CSV; what does not fit is listed."""
    from cloudcore import exchange
    from cloudcore.coco import import_coco
    from cloudcore.kaggle import import_kaggle

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


@labels_app.command("fsck")
def labels_fsck() -> None:
    """Prove the store's promises; prints what does not hold and ends with 1, or says that all is well."""
    found = _store().fsck()
    for line in found:
        print(line)
    if found:
        raise typer.Exit(1)
    print("Every promise holds.")


def _progress(done: int, total: int, text: str = "") -> None:
    """A bar and a counter on one line of the terminal; silent where nobody looks."""
    if sys.stderr.isatty():
        bar = "█" * round(20 * done / max(1, total))
        print(
            f"\r{bar:░<20} {done} of {total} {text[:50]:50}",
            end="" if done < total else "\n",
            file=sys.stderr,
            flush=True,
        )


def _write_json(path: Path | None, content: Any) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def main() -> None:
    """Run a command; an error a person can meet is one sentence and exit code 1."""
    logging.basicConfig(level=logging.WARNING)
    try:
        app()
    except CloudcoreError as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(1) from None
    except Exception:
        code = secrets.token_hex(2).upper()
        logging.exception("error %s", code)
        print(f"Something failed. Labels are safe. Error {code} stands above.", file=sys.stderr)
        raise SystemExit(1) from None
