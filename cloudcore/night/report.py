"""A folder of frames measured and written down in one go: what the page does in slices and the command at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cloudcore.errors import DataError
from cloudcore.images import Image
from cloudcore.night import export, keogram, measure, picture, series
from cloudcore.night.cache import NightCache
from cloudcore.night.frame_selection import FrameSelection, LeftOutFile, Options, Progress, cameras_in, select
from cloudcore.night.measure import Measurement, Observer
from cloudcore.settings import Settings
from cloudcore.sky import cameras as sky_cameras
from cloudcore.sky.cameras import Pose
from cloudcore.sky.cloud_amount import MEASURES

MEASURE = "cloud_fraction"
"""What the picture and the curves of a report show, a key of MEASURES."""
_KEOGRAM_PX = 1474


@dataclass(frozen=True)
class Request:
    """What is asked: models (the first one's threshold decides, the others widen the band), frames, files to write.

    step is one of series.STEPS. keep_site keeps the site and the orientation of the options for the folder's cameras.
    """

    models: tuple[str, ...]
    folder: Path
    options: Options
    out: tuple[Path, ...] = ()
    step: str = "Frames"
    keep_site: bool = False


@dataclass(frozen=True)
class Report:
    """What was measured: a row a frame by time, the files left out with their reasons, and the camera of the curve.

    drawn are the rows of that camera: a curve is one camera's, never a mixture.
    """

    selection: FrameSelection
    rows: tuple[Measurement, ...]
    left_out: tuple[LeftOutFile, ...]
    camera: str
    drawn: tuple[Measurement, ...]

    def curve(self, step: str) -> list[series.Point]:
        """The drawn rows as points, one a step."""
        return series.curve(list(self.drawn), MEASURE, step)

    def of_cameras(self) -> dict[str, list[Measurement]]:
        """The rows of each camera, by name."""
        names = sorted({row.camera for row in self.rows})
        return {name: [row for row in self.rows if row.camera == name] for name in names}


def make(request: Request, settings: Settings, progress: Progress | None = None) -> Report:
    """Select the frames, measure each, write the files; frames measured before are not measured again.

    Raises DataError for a folder without frames and a file that cannot be written, ModelError for a model that does not
    answer cloud or sky.
    """
    selection = select(request.folder, request.options)
    if request.keep_site:
        keep_sites(settings.cameras, cameras_in(request.folder), request.options)
    predictors = measure.load(request.models, settings)
    with NightCache(settings.workspace) as cache:
        observer = Observer(selection, predictors, cache, settings.cameras)
        rows, left_out = measure.observe(observer, progress)
        camera = series.commonest_camera(rows)
        drawn = tuple(row for row in rows if row.camera == camera)
        report = Report(selection, tuple(rows), tuple(left_out), camera, drawn)
        for path in request.out:
            export.write(path, rows, left_out, _picture_for(path, report, observer, request.step))
    return report


def keep_sites(cameras: Path, names: Iterable[str], options: Options) -> None:
    """Keep the options' site and orientation, with what is kept already, for each camera. Raises DataError."""
    for name in names:
        site, orientation = options.site_of(name), options.orientation_of(name)
        pose = Pose() if site is None else Pose(site.latitude, site.longitude, site.elevation)
        if orientation is not None:
            pose = replace(pose, north=orientation.north, east_left=orientation.east_left)
        try:
            sky_cameras.save_pose(cameras, name, pose)
        except OSError as problem:
            raise DataError(f"The site is not kept ({problem.strerror}). Check {cameras}.") from problem


def _picture_for(path: Path, report: Report, observer: Observer, step: str) -> Image | None:
    """The picture of a report where a file of pictures is asked for and there is something to show."""
    if path.suffix.lower() != ".png" or not report.rows:
        return None
    title = _title(report)
    if step != "Frames":
        return picture.draw(report.curve(step), title, MEASURES[MEASURE])
    seconds = [row.time.timestamp() for row in report.drawn]
    strip, start, end = _keogram(observer, report.drawn, seconds)
    span = measure.moment(start), measure.moment(end)
    return picture.draw(report.curve(step), title, MEASURES[MEASURE], strip, span)


def _title(report: Report) -> str:
    several = len({frame.camera for frame in report.selection.frames}) > 1
    return f"{report.selection.folder.name}, {f'{report.camera}, ' if several else ''}{len(report.drawn)} frames"


def _keogram(observer: Observer, rows: Sequence[Measurement], seconds: Sequence[float]) -> tuple[Image, float, float]:
    """The keogram of some rows, and the POSIX times at which it begins and ends."""
    half = keogram.width_of(seconds) / 2
    start, end = seconds[0] - half, seconds[-1] + half
    columns = [observer.column(row) for row in rows]
    return keogram.keogram(columns, seconds, start, end, _KEOGRAM_PX), start, end
