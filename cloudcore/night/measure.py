"""How cloudy each frame of a selection is: the models predict, the sky that counts is taken, the amounts are kept.

Every prediction is kept by content and model below the workspace, so that nothing is predicted twice. A frame that
cannot be read, has no time or was taken by day is listed with its reason, and the others are measured.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudcore import images, models
from cloudcore.errors import CloudcoreError, DataError, ModelError
from cloudcore.files import opening
from cloudcore.frames import listing
from cloudcore.images import fits
from cloudcore.night import keogram
from cloudcore.night.cache import NightCache
from cloudcore.night.frame_selection import FrameSelection, LeftOutFile, Progress, TimedFrame
from cloudcore.settings import Settings
from cloudcore.sky import cameras as sky_cameras
from cloudcore.sky import cloud_amount, dome_search, sky_grid, sun_moon
from cloudcore.sky.cameras import Camera
from cloudcore.sky.cloud_amount import Estimate, Prediction
from cloudcore.sky.dome import Dome
from cloudcore.sky.sky_grid import SkyGrid

GRID_SIDE = 256
"""Shorter side of the grid that predictions are kept and amounts are counted on, px."""
PICTURE_SIDE = 320
DOME_FRAMES = 5
_RULES = "1"


@dataclass(frozen=True)
class Measurement:
    """How cloudy one frame is. okta and cloudy are None where nothing of the sky counts.

    left_out names the sun or moon whose surroundings do not count, left_out_share their part of the sky, 0..1;
    cloud_fraction_all is the cloud fraction with them. content is the file's sha256.
    """

    file: str
    time: datetime
    camera: str
    amounts: dict[str, Estimate]
    okta: int | None
    cloudy: bool | None
    cloud_fraction_all: float
    left_out: str
    left_out_share: float
    sun_altitude: float | None
    moon_altitude: float | None
    content: str

    @property
    def night(self) -> str:
        """The UTC date of the noon before."""
        return listing.night_of(self.time)


@dataclass
class Observer:
    """Measures the frames of a plan one by one with one model or several; holds no frame in memory.

    cameras is the folder of kept domes; a camera without one gets the dome found on a few of its frames, once.
    """

    selection: FrameSelection
    predictors: Sequence[models.Predictor]
    cache: NightCache
    cameras: Path
    _grids: dict[Any, SkyGrid] = field(default_factory=dict)
    _cameras: dict[tuple[str, tuple[int, int]], Camera] = field(default_factory=dict)

    def measure(self, frame: TimedFrame) -> Measurement | LeftOutFile:
        """The measurement of a frame, from the cache where it is there; the reason for a frame that cannot be read."""
        try:
            content = self.cache.content(frame.path)
            shape_hw = self._ensure(frame, content)
            return self._row(frame, content, self.camera(frame.camera, shape_hw))
        except CloudcoreError as problem:
            return LeftOutFile(frame.file, str(problem))
        except OSError as problem:
            return LeftOutFile(frame.file, f"The file cannot be read ({problem.strerror}). Check it.")

    def predictions(self, content: str) -> list[Prediction]:
        """Each model's prediction for a frame that was measured. Raises DataError where it is not kept any more."""
        found = []
        for predictor in self.predictors:
            levels = self.cache.levels(content, mark_of(predictor))
            picture = self.cache.picture(content)
            if levels is None or picture is None:
                raise DataError("This frame's answer is not kept any more. Open the page again.")
            own_hw = predictor.grid_hw or picture[1]
            scale = levels.size / (own_hw[0] * own_hw[1])
            found.append(Prediction(levels, predictor.threshold[0], predictor.min_size[0] * scale))
        return found

    def camera(self, name: str, shape_hw: tuple[int, int]) -> Camera:
        """The kept camera of that name and frame size, else KPNO's for its frames, else one with the dome found."""
        key = (name, shape_hw)
        if key not in self._cameras:
            kept = sky_cameras.camera_for(self.cameras, name, "night", shape_hw)
            ours = name.lower().startswith("kp") and shape_hw == sky_cameras.KPNO.shape_hw
            circle = sky_cameras.KPNO.dome if ours else None
            self._cameras[key] = kept or Camera(name, "night", shape_hw, circle or self._found_dome(name, shape_hw))
        return self._cameras[key]

    def grid(self, camera: Camera, out_hw: tuple[int, int]) -> SkyGrid:
        """The camera's sky on a grid, kept for its next frames."""
        key = (camera.name, camera.shape_hw, out_hw)
        if key not in self._grids:
            self._grids[key] = sky_grid.grid_of(camera, out_hw)
        return self._grids[key]

    def counted(self, frame: TimedFrame, sky: SkyGrid) -> NDArray[np.bool_]:
        """bool (h, w): the sky less the surroundings of a risen sun or moon, where these can be placed."""
        options, light = self.selection.options, frame.light
        orientation = options.orientation_of(frame.camera)
        if light is None or orientation is None or sky.circle is None:
            return sky.valid
        radius = options.sun_radius if light.name == "sun" else options.moon_radius
        shape_hw = (sky.valid.shape[0], sky.valid.shape[1])
        away = sun_moon.angle_to(sky.circle, shape_hw, orientation, light.altitude, light.azimuth)
        return np.asarray(sky.valid & (away >= radius), np.bool_)

    def column(self, row: Measurement) -> images.Image:
        """A measured frame's line of the keogram, uint8 (h, 1, 3), north at the upper end where it is known."""
        kept = self.cache.picture(row.content)
        if kept is None:
            return np.zeros((keogram.HEIGHT, 1, 3), np.uint8)
        small, shape_hw = kept
        circle = self.grid(self.camera(row.camera, shape_hw), (small.shape[0], small.shape[1])).circle
        orientation = self.selection.options.orientation_of(row.camera)
        return keogram.column(small, circle, orientation.north if orientation else 0.0)

    def _ensure(self, frame: TimedFrame, content: str) -> tuple[int, int]:
        """Predict what is not kept yet; returns the frame's height and width."""
        marks = [mark_of(predictor) for predictor in self.predictors]
        picture = self.cache.picture(content)
        missing = [i for i, mark in enumerate(marks) if self.cache.levels(content, mark) is None]
        if picture is not None and not missing:
            return picture[1]
        image = read(frame.path)
        shape_hw = (image.shape[0], image.shape[1])
        for index in missing:
            self.cache.keep_levels(content, marks[index], levels_of(self.predictors[index], image))
        small = images.short_side(shape_hw, min(PICTURE_SIDE, min(shape_hw)))
        self.cache.keep_picture(content, images.resize(image, small), shape_hw)
        return shape_hw

    def _row(self, frame: TimedFrame, content: str, camera: Camera) -> Measurement:
        key = self._key(frame, content, camera)
        kept = self.cache.row(key)
        if kept is None:
            kept = self._measured(frame, content, camera)
            self.cache.keep_row(key, kept)
        every = kept["cloud_fraction_all"]
        return Measurement(
            frame.file,
            frame.time,
            frame.camera,
            cloud_amount.from_json(kept["amounts"]),
            kept["okta"],
            kept["cloudy"],
            math.nan if every is None else every,
            kept["left_out"],
            kept["left_out_share"],
            frame.sun_altitude,
            frame.moon_altitude,
            content,
        )

    def _measured(self, frame: TimedFrame, content: str, camera: Camera) -> dict[str, Any]:
        predictions = self.predictions(content)
        out_hw = (predictions[0].levels.shape[0], predictions[0].levels.shape[1])
        predictions = [_on(prediction, out_hw) for prediction in predictions]
        sky = self.grid(camera, out_hw)
        counted = self.counted(frame, sky)
        found = cloud_amount.estimate(predictions, sky, counted, self.selection.options.spread)
        whole = [
            cloud_amount.cloud_fraction(prediction.cloud(prediction.threshold, sky.valid), sky.valid)
            for prediction in predictions
        ]
        value, total = found["cloud_fraction"].value, float(sky.angle.sum(dtype=np.float64))
        share = 1 - float(sky.angle.sum(where=counted, dtype=np.float64)) / total if total else 0.0
        seen = math.isfinite(value)
        return {
            "amounts": cloud_amount.to_json(found),
            "okta": cloud_amount.okta(value) if seen else None,
            "cloudy": value > self.selection.options.cloudy_above if seen else None,
            "cloud_fraction_all": round(float(np.mean(whole)), 6) if math.isfinite(float(np.mean(whole))) else None,
            "left_out": frame.light.name if frame.light and share > 0 else "",
            "left_out_share": round(max(share, 0.0), 6),
        }

    def _key(self, frame: TimedFrame, content: str, camera: Camera) -> str:
        """Names all that goes into a row."""
        options, horizon = self.selection.options, b"" if camera.horizon is None else camera.horizon.tobytes()
        models_ = [(mark_of(p), p.threshold[0], p.min_size[0], p.grid_hw) for p in self.predictors]
        light = frame.light and (frame.light.name, round(frame.light.altitude, 2), round(frame.light.azimuth, 2))
        orientation = options.orientation_of(frame.camera)
        turned = orientation and (orientation.north, orientation.east_left)
        circle = camera.dome and (*camera.dome.centre_yx, camera.dome.radius)
        asked = (options.spread, options.cloudy_above, options.moon_radius, options.sun_radius)
        sky = (camera.shape_hw, circle, hashlib.sha256(horizon).hexdigest())
        text = json.dumps([_RULES, content, models_, light, turned, sky, asked])
        return hashlib.sha256(text.encode()).hexdigest()

    def _found_dome(self, name: str, shape_hw: tuple[int, int]) -> Dome | None:
        """The median of the circles seen on a few frames spread over the plan; kept, so that it stays the same."""
        key = json.dumps([str(self.selection.folder), name, shape_hw])
        circle = self.cache.dome(key)
        if circle is None:
            seen = [found for image in self._some(name, shape_hw) if (found := dome_search.find(image))]
            table = [[*found.centre_yx, found.radius] for found in seen]
            circle = [float(value) for value in np.median(table, axis=0)] if table else []
            self.cache.keep_dome(key, circle)
        return Dome((circle[0], circle[1]), circle[2]) if circle else None

    def _some(self, name: str, shape_hw: tuple[int, int]) -> list[images.Image]:
        same = [frame for frame in self.selection.frames if frame.camera == name]
        step = max(1, len(same) // DOME_FRAMES)
        found = []
        for frame in same[step // 2 :: step][:DOME_FRAMES]:
            try:
                image = read(frame.path)
            except CloudcoreError:
                continue
            if image.shape[:2] == shape_hw:
                found.append(image)
        return found


def moment(seconds: float) -> datetime:
    """The UTC time of a POSIX timestamp."""
    return datetime.fromtimestamp(seconds, UTC)


def observe(observer: Observer, progress: Progress | None = None) -> tuple[list[Measurement], list[LeftOutFile]]:
    """Every frame of a plan, by time: (rows, files left out with their reasons, the plan's own included)."""
    rows: list[Measurement] = []
    left_out = list(observer.selection.left_out)
    for index, frame in enumerate(observer.selection.frames):
        found = observer.measure(frame)
        if isinstance(found, Measurement):
            rows.append(found)
        else:
            left_out.append(found)
        if progress:
            progress(index + 1, len(observer.selection.frames))
    return rows, sorted(left_out, key=lambda one: one.file)


def load(names: Sequence[str], settings: Settings) -> list[models.Predictor]:
    """The models of a night, all of kind mask. Raises ModelError, also where none is named."""
    if not names:
        raise ModelError("No model was named. Name one, such as sky.")
    found = [models.load(name, settings) for name in names]
    for predictor in found:
        if predictor.info["kind"] != "mask":
            raise ModelError(f"{predictor.folder.name} does not answer cloud or sky. Choose a model of the sky task.")
    return found


def read(path: Path) -> images.Image:
    """A frame, uint8 (H, W, 3), from FITS or any format of the house. Raises ImageError."""
    return fits.read(path) if fits.is_fits(path) else images.read(path)


def mark_of(predictor: models.Predictor) -> str:
    """Names a model by its graph, its temperature and the grid its predictions are kept on."""
    graph = predictor.info.get("files", {}).get("model.onnx") or opening.sha256_of(predictor.folder / "model.onnx")
    return f"{graph}|{predictor.info['temperature']}|{GRID_SIDE}"


def levels_of(predictor: models.Predictor, image: images.Image) -> NDArray[np.uint8]:
    """A model's probability in 255ths, uint8 (h, w), on a small grid; nothing depends on the frame's own range.

    A model that resizes its input gets the frame resized already: its prediction comes on that grid, which spares the
    enlarging. One that does not, sees the frame as it is, and its prediction is averaged to GRID_SIDE.
    """
    import cv2

    shape_hw = (image.shape[0], image.shape[1])
    side = int(predictor.info["input"]["side"])
    if 0 < side < min(shape_hw):
        image = images.resize(image, images.short_side(shape_hw, side))
    probability = predictor(image)
    out_hw = images.short_side((probability.shape[0], probability.shape[1]), min(GRID_SIDE, min(probability.shape)))
    if out_hw != probability.shape:
        probability = np.asarray(cv2.resize(probability, out_hw[::-1], interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(np.rint(probability * 255), np.uint8)


def _on(prediction: Prediction, out_hw: tuple[int, int]) -> Prediction:
    """The prediction on another grid: models of different inputs are compared on the first one's."""
    if prediction.levels.shape == out_hw:
        return prediction
    scale = out_hw[0] * out_hw[1] / prediction.levels.size
    return Prediction(images.resize(prediction.levels, out_hw), prediction.threshold, prediction.min_size * scale)
