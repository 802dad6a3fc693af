"""Which frames of a folder make up its nights: their times, sun and moon, and why the others are left out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from cloudcore import images
from cloudcore.errors import CloudcoreError, DataError
from cloudcore.frames import listing
from cloudcore.sky import sun_moon, times
from cloudcore.sky.cameras import Pose
from cloudcore.sky.sun_moon import Orientation, Site
from cloudcore.sky.times import TimeSource

NIGHT_SUN = -17.0
"""Sun altitude, degrees, below which a frame is a night frame: as Kitt Peak's observers counted."""
SUN_UP = -0.8
"""Sun altitude, degrees, from which the sun's surroundings are left out: its upper limb, lifted by refraction."""
NO_TIME = "No time found. Give a file name pattern."
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """What counts as night and as sky, and how far the thresholds are moved for the error bar.

    A site or an orientation given here holds for every camera; else each camera's own of `poses` does. Where a site is
    known, frames count whose sun stands below sun_below (degrees; None takes every frame). With a site and an
    orientation moon_radius degrees around a risen moon, or sun_radius around a risen sun, are left out. spread is moved
    on either side of each model's threshold. A frame is cloudy where its cloud fraction exceeds cloudy_above.
    """

    site: Site | None = None
    orientation: Orientation | None = None
    sun_below: float | None = NIGHT_SUN
    moon_radius: float = 50.0
    sun_radius: float = 20.0
    spread: float = 0.2
    cloudy_above: float = 0.25
    time_source: TimeSource = field(default_factory=TimeSource)
    poses: Mapping[str, Pose] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for words, value, low, high in (
            ("Sun below, degrees,", -18.0 if self.sun_below is None else self.sun_below, -90, 90),
            ("Radius around the moon, degrees,", self.moon_radius, 0, 180),
            ("Radius around the sun, degrees,", self.sun_radius, 0, 180),
            ("Spread of the threshold", self.spread, 0, 0.5),
            ("Cloudy above", self.cloudy_above, 0, 1),
        ):
            if not low <= value <= high:
                raise DataError(f"{words} must lie between {low} and {high}, got {value}. Correct it.")

    def site_of(self, camera: str) -> Site | None:
        """The site of a camera, None where it is not known."""
        return self.site or self.poses.get(camera, Pose()).site

    def orientation_of(self, camera: str) -> Orientation | None:
        """The orientation of a camera's frames, None where it is not known."""
        return self.orientation or self.poses.get(camera, Pose()).orientation

    def words(self, cameras: Iterable[str] = ()) -> list[str]:
        """What was done about sun, moon and clock for these cameras, in sentences."""
        names = sorted(set(cameras)) or [""]
        sited = [name for name in names if self.site_of(name)]
        oriented = [name for name in sited if self.orientation_of(name)]
        ahead = self.time_source.ahead_hours
        clock = f"Times without a zone count as UTC{f'{ahead:+g} h' if ahead else ''}.".replace("-", "−")
        if not sited:
            no_site = (
                "No site is given: frames are not chosen by the sun, and the moon's surroundings are not left out."
            )
            return [no_site, clock]
        chosen = "Every frame counts, by day too."
        if self.sun_below is not None:
            chosen = f"Frames count with the sun below {self.sun_below:.0f}°.".replace("-", "−")
        light = f"Left out: {self.moon_radius:.0f}° around the moon, {self.sun_radius:.0f}° around the sun."
        if not oriented:
            light = "The camera's north is not given: the moon's surroundings are not left out."
        partly = [name for name in names if name not in oriented] if oriented else [n for n in names if n not in sited]
        without = [f"No site or no north is given for {', '.join(partly)}."] if partly else []
        return [chosen, light, *without, clock]


@dataclass(frozen=True)
class Light:
    """A risen sun or moon: its name, altitude and azimuth in degrees."""

    name: str
    altitude: float
    azimuth: float


@dataclass(frozen=True)
class TimedFrame:
    """A frame that counts: its file below the folder, UTC time, and sun and moon (None without a site)."""

    file: str
    path: Path
    time: datetime
    camera: str
    sun_altitude: float | None = None
    moon_altitude: float | None = None
    light: Light | None = None


@dataclass(frozen=True)
class LeftOutFile:
    """A file without a row, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class FrameSelection:
    """The frames of a folder that count, by time, those left out so far, and how many files there are."""

    folder: Path
    options: Options
    frames: tuple[TimedFrame, ...]
    left_out: tuple[LeftOutFile, ...]
    n_files: int

    @property
    def without_time(self) -> int:
        """How many files were left out for want of a time."""
        return sum(one.reason == NO_TIME for one in self.left_out)


def frames_below(folder: Path) -> Path:
    """The folder itself, or the images/ in it where the frames of a data folder lie."""
    return folder / "images" if (folder / "images").is_dir() else folder


def select(folder: Path, options: Options, progress: Progress | None = None) -> FrameSelection:
    """The frames of a folder that count, their times read, and sun and moon computed where a site is known.

    progress is called with the files read and their number. Raises DataError for a folder without frames.
    """
    root = frames_below(folder)
    files = times.list_files(root)
    if not files:
        raise DataError(f"{root} holds no frame. Choose a folder with {', '.join(images.SUFFIXES)} or FITS files.")
    frames, left_out = [], []
    for index, path in enumerate(files):
        name = path.relative_to(root).as_posix()
        try:
            time = times.time_of(path, root, options.time_source)
        except CloudcoreError as problem:
            left_out.append(LeftOutFile(name, str(problem)))
            continue
        if time is None:
            left_out.append(LeftOutFile(name, NO_TIME))
        else:
            frames.append(TimedFrame(name, path, time, listing.frame_of(path, root).camera))
        if progress:
            progress(index + 1, len(files))
    kept, by_day = _by_sun(frames, options)
    return FrameSelection(root, options, tuple(kept), (*left_out, *by_day), len(files))


def cameras_in(folder: Path) -> list[str]:
    """Names of the cameras whose frames lie in a folder, by file name alone. Raises DataError."""
    root = frames_below(folder)
    return sorted({listing.frame_of(path, root).camera for path in times.list_files(root)})


def _by_sun(frames: Sequence[TimedFrame], options: Options) -> tuple[list[TimedFrame], list[LeftOutFile]]:
    kept: list[TimedFrame] = []
    left_out: list[LeftOutFile] = []
    for site in {options.site_of(frame.camera) for frame in frames}:
        same = [frame for frame in frames if options.site_of(frame.camera) == site]
        if site is None:
            kept += same
        else:
            _select_at(same, site, options.sun_below, kept, left_out)
    return sorted(kept, key=lambda frame: (frame.time, frame.file)), left_out


def _select_at(
    frames: Sequence[TimedFrame],
    site: Site,
    sun_below: float | None,
    kept: list[TimedFrame],
    left_out: list[LeftOutFile],
) -> None:
    """Frames of one site with sun and moon put into `kept`, or into `left_out` where the sun stood too high."""
    found = sun_moon.lights(site, [frame.time for frame in frames])
    for index, frame in enumerate(frames):
        sun, moon = float(found.sun_altitude[index]), float(found.moon_altitude[index])
        if sun_below is not None and sun >= sun_below:
            words = f"The sun stood at {sun:.1f}°, not below {sun_below:.0f}°.".replace("-", "−")
            left_out.append(LeftOutFile(frame.file, words))
            continue
        light = Light("moon", moon, float(found.moon_azimuth[index])) if moon > 0 else None
        if sun > SUN_UP:
            light = Light("sun", sun, float(found.sun_azimuth[index]))
        kept.append(replace(frame, sun_altitude=sun, moon_altitude=moon, light=light))
