"""python -m cloudcore night MODEL DIR --out FILE.csv: a row for every frame, or the reason why it has none."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from cloudcore import settings
from cloudcore.errors import DataError
from cloudcore.files import opening
from cloudcore.images import Image
from cloudcore.night import export, keogram
from cloudcore.night import measure as nights
from cloudcore.night import series as night_series
from cloudcore.night.cache import Store
from cloudcore.night.frame_selection import NIGHT_SUN, Options, cameras_in, plan
from cloudcore.sky import camera_sites, cloud_amount
from cloudcore.sky import times as sky_times
from cloudcore.sky.camera_sites import Place
from cloudcore.sky.sun_moon import Orientation, Site
from cloudcore.sky.times import Clock

TOLD = 20
"""How many reasons the terminal tells one by one; the table holds them all."""

Out = Annotated[list[Path], typer.Option("--out", help="FILE.csv, FILE.parquet or FILE.png; may be given again")]
Also = Annotated[Optional[list[str]], typer.Option("--also", help="Another model, for the error bar")]  # noqa: UP045
SiteText = Annotated[
    str, typer.Option("--site", help="LATITUDE,LONGITUDE[,METRES], north and east positive; else as kept")
]
North = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(help="Where north is, degrees clockwise from the top; else as kept", min=0, max=360),
]
Times = Annotated[Optional[Path], typer.Option(help="CSV with the columns file and time_utc")]  # noqa: UP045
Second = Annotated[Optional[Path], typer.Option(help="CSV with time_utc and value, to correlate")]  # noqa: UP045


def night(
    model: str, folder: Path, out: Out, also: Also = None, site: SiteText = "", north: North = None,
    east_right: Annotated[bool, typer.Option("--east-right", help="East is right of north: mirrored frames")] = False,
    sun_below: Annotated[float, typer.Option(help="Night: sun altitude below this, degrees")] = NIGHT_SUN,
    every: Annotated[bool, typer.Option("--all", help="Frames by day too")] = False,
    moon_radius: Annotated[float, typer.Option(help="Left out around a risen moon, degrees")] = 50.0,
    sun_radius: Annotated[float, typer.Option(help="Left out around a risen sun, degrees")] = 20.0,
    keep_site: Annotated[bool, typer.Option("--keep-site", help="Keep --site and --north for these cameras")] = False,
    spread: Annotated[float, typer.Option(help="Error bar: threshold plus and minus this")] = 0.2,
    pattern: Annotated[str, typer.Option(help="Times in names, such as IMG_%Y%m%d_%H%M%S")] = "",
    clock_ahead: Annotated[float, typer.Option(help="Hours the camera's clock is ahead of UTC")] = 0.0,
    times: Times = None, second: Second = None,
    step: Annotated[str, typer.Option(help="Steps of picture and correlation")] = "Frames",
) -> None:  # fmt: skip
    """How cloudy a night was: a CSV with a row for every frame; frames done before are not done again."""
    here = settings.load()
    hangs, place = _hangs(north, east_right), _site(site)
    table = {} if times is None else sky_times.read_table(times.name, _content(times))
    told = place is not None and hangs is not None  # what is kept need not be readable then
    options = Options(
        place, hangs, None if every else sun_below, moon_radius, sun_radius, spread,
        clock=Clock(table, pattern, clock_ahead),
        places={} if told else camera_sites.load_all(here.cameras, cameras_in(folder)),
    )  # fmt: skip
    series = None if second is None else night_series.read_series(second.name, _content(second))
    planned = plan(folder, options)
    if keep_site:
        _keep(here.cameras, cameras_in(folder), options)
    predictors = nights.load([model, *(also or [])], here)
    with Store(here.workspace) as store:
        observer = nights.Observer(planned, predictors, store, here.cameras)
        rows, left_out = nights.observe(observer, _progress)
        camera = night_series.commonest_camera(rows)
        drawn = [row for row in rows if row.camera == camera]  # a curve is one camera's, never a mixture
        for path in out:
            picture = _picture(observer, drawn, step) if path.suffix.lower() == ".png" and rows else None
            export.write(path, rows, left_out, picture)
    for one in left_out[:TOLD]:
        print(f"left out: {one.file}: {one.reason}", file=sys.stderr)
    for words in options.words(frame.camera for frame in planned.frames):
        print(words)
    if len(drawn) < len(rows):
        who = camera or "the unnamed one"
        print(f"Several cameras: curve and correlation are of {who}, {len(drawn)} of {len(rows)} rows.")
    points = night_series.curve(drawn, "cloud_fraction", step)
    if series is not None:
        pairs = night_series.pairs(points, night_series.binned(series, step), step)
        print(f"{second.name if second else ''}: {night_series.agreement(pairs).words}")
    for name in sorted({row.camera for row in rows}):
        _tell_nights([row for row in rows if row.camera == name], f"{name}, " if len(drawn) < len(rows) else "")
    print(f"{len(rows)} rows, {len(left_out)} files left out, in {', '.join(map(str, out))}")
    if not rows:
        raise typer.Exit(1)


def _tell_nights(rows: list[nights.Row], who: str) -> None:
    """A line for each night of one camera."""
    for name, (count, cloudy) in night_series.night_summary(rows).items():
        middle = night_series.curve([row for row in rows if row.night == name], "cloud_fraction", "Nights")
        words = f"median cloud fraction {middle[0].value:.2f}" if middle else "no sky seen"
        print(f"{who}night of {name}: {words}, {cloudy} of {count} frames cloudy")


def _hangs(north: float | None, east_right: bool) -> Orientation | None:
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


def _keep(cameras: Path, names: list[str], options: Options) -> None:
    """Keep what was given, with what is kept already, for each camera."""
    for name in names:
        site, hangs = options.site_of(name), options.orientation_of(name)
        place = Place() if site is None else Place(site.latitude, site.longitude, site.elevation)
        if hangs is not None:
            place = replace(place, north=hangs.north, east_left=hangs.east_left)
        try:
            camera_sites.save(cameras, name, place)
        except OSError as problem:
            raise DataError(f"The site is not kept ({problem.strerror}). Check {cameras}.") from problem


def _content(path: Path) -> bytes:
    return opening.read_file(path, DataError, "a CSV file")


def _picture(observer: nights.Observer, rows: list[nights.Row], step: str) -> Image:
    points = night_series.curve(rows, "cloud_fraction", step)
    several = len({frame.camera for frame in observer.plan.frames}) > 1
    title = f"{observer.plan.folder.name}, {f'{rows[0].camera}, ' if several else ''}{len(rows)} frames"
    if step != "Frames":
        return export.draw(points, title, cloud_amount.MEASURES["cloud_fraction"])
    seconds = [row.time.timestamp() for row in rows]
    half = keogram.width_of(seconds) / 2
    start, end = rows[0].time.timestamp() - half, rows[-1].time.timestamp() + half
    strip = keogram.keogram([observer.column(row) for row in rows], seconds, start, end, 1474)
    return export.draw(
        points, title, cloud_amount.MEASURES["cloud_fraction"], strip, nights.moment(start), nights.moment(end)
    )


def _progress(done: int, total: int) -> None:
    """A counter on one line of the terminal; silent where nobody looks."""
    if sys.stderr.isatty():
        print(f"\r{done} of {total} frames", end="" if done < total else "\n", file=sys.stderr, flush=True)
