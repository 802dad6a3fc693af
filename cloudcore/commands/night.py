"""python -m cloudcore night MODEL DIR --out FILE.csv: a row for every frame, or the reason why it has none."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import typer

from cloudcore import settings
from cloudcore.errors import DataError
from cloudcore.files import opening
from cloudcore.night import report as night_report
from cloudcore.night import series
from cloudcore.night.frame_selection import NIGHT_SUN, Options, cameras_in
from cloudcore.night.measure import Measurement
from cloudcore.night.report import Report, Request
from cloudcore.settings import Settings
from cloudcore.sky import cameras, times
from cloudcore.sky.sun_moon import Orientation, Site
from cloudcore.sky.times import TimeSource

TOLD = 20
"""How many reasons the terminal tells one by one; the table holds them all."""


@dataclass(frozen=True)
class Flags:
    """What the command takes: each field is an argument or a flag, its default the flag's."""

    model: str
    folder: Path
    out: Annotated[list[Path], typer.Option("--out", help="FILE.csv, FILE.parquet or FILE.png; may be given again")]
    also: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--also", help="Another model, for the error bar"),
    ] = None
    site: Annotated[
        str, typer.Option("--site", help="LATITUDE,LONGITUDE[,METRES], north and east positive; else as kept")
    ] = ""
    north: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Where north is, degrees clockwise from the top; else as kept", min=0, max=360),
    ] = None
    east_right: Annotated[bool, typer.Option("--east-right", help="East is right of north: mirrored frames")] = False
    sun_below: Annotated[float, typer.Option(help="Night: sun altitude below this, degrees")] = NIGHT_SUN
    every: Annotated[bool, typer.Option("--all", help="Frames by day too")] = False
    moon_radius: Annotated[float, typer.Option(help="Left out around a risen moon, degrees")] = 50.0
    sun_radius: Annotated[float, typer.Option(help="Left out around a risen sun, degrees")] = 20.0
    keep_site: Annotated[bool, typer.Option("--keep-site", help="Keep --site and --north for these cameras")] = False
    spread: Annotated[float, typer.Option(help="Error bar: threshold plus and minus this")] = 0.2
    pattern: Annotated[str, typer.Option(help="Times in names, such as IMG_%Y%m%d_%H%M%S")] = ""
    clock_ahead: Annotated[float, typer.Option(help="Hours the camera's clock is ahead of UTC")] = 0.0
    times: Annotated[Optional[Path], typer.Option(help="CSV with the columns file and time_utc")] = None  # noqa: UP045
    second: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="CSV with time_utc and value, to correlate"),
    ] = None
    step: Annotated[str, typer.Option(help="Steps of picture and correlation")] = "Frames"


def night(flags: Flags) -> None:
    """How cloudy a night was: a CSV with a row for every frame; frames done before are not done again."""
    here = settings.load()
    options = _options(flags, here)
    second = None if flags.second is None else series.read_series(flags.second.name, _content(flags.second))
    models = (flags.model, *(flags.also or ()))
    request = Request(models, flags.folder, options, tuple(flags.out), flags.step, flags.keep_site)
    report = night_report.make(request, here, _progress)
    _print_left_out(report)
    for words in options.words(frame.camera for frame in report.selection.frames):
        print(words)
    if second is not None and flags.second is not None:
        _print_agreement(report, flags.second.name, second, flags.step)
    _print_nights(report)
    print(f"{len(report.rows)} rows, {len(report.left_out)} files left out, in {', '.join(map(str, flags.out))}")
    if not report.rows:
        raise typer.Exit(1)


def _options(flags: Flags, here: Settings) -> Options:
    """What counts as night and as sky; what is kept of the cameras need not be readable where flags name it all."""
    orientation, site = _orientation(flags.north, flags.east_right), _site(flags.site)
    table = {} if flags.times is None else times.read_table(flags.times.name, _content(flags.times))
    is_given = site is not None and orientation is not None
    return Options(
        site,
        orientation,
        None if flags.every else flags.sun_below,
        flags.moon_radius,
        flags.sun_radius,
        flags.spread,
        time_source=TimeSource(table, flags.pattern, flags.clock_ahead),
        poses={} if is_given else cameras.load_poses(here.cameras, cameras_in(flags.folder)),
    )


def _orientation(north: float | None, east_right: bool) -> Orientation | None:
    if east_right and north is None:
        raise DataError("--east-right tells how frames hang around north. Give --north too.")
    return None if north is None else Orientation(north, not east_right)


def _site(text: str) -> Site | None:
    if not text.strip():
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
        return Site(*numbers)
    except (ValueError, TypeError) as problem:
        raise DataError(f"Site {text!r} is not understood. Write --site=31.96,-111.60,2120.") from problem


def _content(path: Path) -> bytes:
    return opening.read_file(path, DataError, "a CSV file")


def _print_left_out(report: Report) -> None:
    for one in report.left_out[:TOLD]:
        print(f"left out: {one.file}: {one.reason}", file=sys.stderr)


def _print_agreement(report: Report, name: str, second: list[series.Point], step: str) -> None:
    """How the curve and a second series agree, in a sentence."""
    pairs = series.pairs(report.curve(step), series.binned(second, step), step)
    print(f"{name}: {series.agreement(pairs).words}")


def _print_nights(report: Report) -> None:
    """Which camera the curve is of, where there are several, and a line for each night of each camera."""
    several = len(report.drawn) < len(report.rows)
    if several:
        who = report.camera or "the unnamed one"
        print(f"Several cameras: curve and correlation are of {who}, {len(report.drawn)} of {len(report.rows)} rows.")
    for name, rows in report.of_cameras().items():
        _print_nights_of(rows, f"{name}, " if several else "")


def _print_nights_of(rows: Sequence[Measurement], who: str) -> None:
    for name, (count, cloudy) in series.night_summary(rows).items():
        middle = series.curve([row for row in rows if row.night == name], night_report.MEASURE, "Nights")
        words = f"median cloud fraction {middle[0].value:.2f}" if middle else "no sky seen"
        print(f"{who}night of {name}: {words}, {cloudy} of {count} frames cloudy")


def _progress(done: int, total: int) -> None:
    """A counter on one line of the terminal; silent where the output is no terminal."""
    if sys.stderr.isatty():
        print(f"\r{done} of {total} frames", end="" if done < total else "\n", file=sys.stderr, flush=True)
