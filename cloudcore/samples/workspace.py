"""A seeded sample workspace: drawn sky frames with exact masks, and a night whose cloudiness is known.

A pixel is cloud where the drawn clouds' optical depth along its ray exceeds `CUT` = 0.2, that is where they take more
than 18 % of the light behind them. The mask comes from the depth itself, before light, lens and noise: it is exact.
Labels are 255 cloud, 0 sky and 128 outside the dome or on an object on the horizon.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.files import atomic
from cloudcore.masks.mask import Label, Mask, to_label
from cloudcore.samples import patterns, photographs, radar
from cloudcore.samples.sky_camera import Scene, photograph
from cloudcore.samples.sky_scene import Kind, Layer, View, optical_depth, texture
from cloudcore.sky import cloud_amount, dome

CUT = 0.2
"""Optical depth above which a pixel is cloud."""
NIGHT_FRAMES = 40
NIGHT_STARTS = datetime(2017, 8, 17, 2, 30, tzinfo=UTC)
NIGHT_STEP = timedelta(minutes=12)

CAMERA1 = View("camera1", (512, 512), dome.Dome((257.0, 253.0), 239.0), 3, "mountain")
CAMERA2 = View("camera2", (512, 512), dome.Dome((252.0, 259.0), 246.0), 9, "town")
CAMERA3 = View("camera3", (256, 256), dome.Dome((128.0, 127.0), 119.0), 5, "mountain")

# camera, UTC, moon or sun (altitude, azimuth) or None, Milky Way, then layers: kind, cover, depth, scale.
# Nights and days never share a date, so a split by night holds out whole groups of three.
_Row = tuple[View, str, tuple[float, float] | None, float, tuple[tuple[Kind, float, float, float], ...]]
_NIGHTS: tuple[_Row, ...] = (
    (CAMERA1, "2017-08-17T03-20-11", None, 1.0, ()),
    (CAMERA1, "2017-08-17T06-41-37", None, 0.8, (("cirrus", 0.42, 1.8, 1.7),)),
    (CAMERA1, "2017-08-17T09-56-06", (52, 100), 0.0, (("cells", 0.50, 2.2, 1.2),)),
    (CAMERA1, "2017-09-02T04-02-50", None, 0.9, (("cumulus", 0.35, 3.0, 1.3),)),
    (CAMERA1, "2017-09-02T06-33-18", (41, 310), 0.0, (("cumulus", 0.62, 4.0, 1.5), ("cirrus", 0.4, 0.6, 1.4))),
    (CAMERA1, "2017-09-02T08-47-55", (63, 245), 0.0, (("sheet", 0.96, 3.2, 1.1), ("cumulus", 0.5, 2.0, 1.6))),
    (CAMERA2, "2018-01-20T19-12-00", None, 0.25, ()),
    (CAMERA2, "2018-01-20T21-34-20", None, 0.0, (("sheet", 0.50, 3.0, 1.0),)),
    (CAMERA2, "2018-01-20T23-58-40", None, 0.0, (("sheet", 0.97, 4.0, 1.0), ("cumulus", 0.7, 3.0, 1.2))),
    (CAMERA2, "2018-05-29T21-40-00", (33, 60), 0.0, (("cirrus", 0.50, 1.0, 1.5),)),
    (CAMERA2, "2018-05-29T23-05-30", None, 0.0, (("cumulus", 0.30, 4.0, 1.0),)),
    (CAMERA2, "2018-05-30T00-51-10", None, 0.0, (("cells", 0.72, 2.4, 1.1), ("cirrus", 0.5, 0.5, 1.5))),
)
_DAYS: tuple[_Row, ...] = (
    (CAMERA1, "2017-08-21T15-10-00", (28, 20), 0.0, (("cumulus", 0.08, 5.0, 0.8),)),
    (CAMERA1, "2017-08-21T18-25-00", (62, 290), 0.0, (("cumulus", 0.32, 6.0, 1.0),)),
    (CAMERA1, "2017-08-21T21-40-00", (44, 205), 0.0, (("cumulus", 0.62, 6.5, 1.5), ("cirrus", 0.4, 0.6, 1.5))),
    (CAMERA1, "2017-09-10T16-00-00", (38, 30), 0.0, (("cirrus", 0.48, 1.0, 1.6),)),
    (CAMERA1, "2017-09-10T19-15-00", (58, 270), 0.0, (("cells", 0.55, 4.0, 1.0),)),
    (CAMERA1, "2017-09-10T22-20-00", (34, 190), 0.0, (("sheet", 0.98, 6.5, 1.0), ("cumulus", 0.6, 3.0, 1.5))),
    (CAMERA2, "2018-06-03T09-05-00", (46, 335), 0.0, ()),
    (CAMERA2, "2018-06-03T12-10-00", (61, 262), 0.0, (("cumulus", 0.22, 6.0, 0.9), ("cirrus", 0.3, 0.7, 1.7))),
    (CAMERA2, "2018-06-03T15-30-00", (36, 196), 0.0, (("cells", 0.80, 4.5, 1.2),)),
    (CAMERA2, "2018-06-14T08-20-00", (40, 345), 0.0, (("cumulus", 0.48, 6.0, 1.2),)),
    (CAMERA2, "2018-06-14T11-45-00", (63, 275), 0.0, (("cumulus", 0.82, 6.0, 1.6), ("cirrus", 0.5, 0.8, 1.5))),
    (CAMERA2, "2018-06-14T16-15-00", (30, 188), 0.0, (("sheet", 0.62, 3.0, 1.3), ("cirrus", 0.5, 0.8, 1.2))),
)


@dataclass(frozen=True)
class _Plan:
    """One frame to draw: where it goes, what is in it, and the seed of its noise."""

    path: Path
    view: View
    scene: Scene
    layers: list[Layer]
    seed: int
    label: Path | None = None


def write(folder: Path, seed: int = 0, progress: Callable[[float, str], None] | None = None) -> None:
    """Draws folder/sky/{images,masks}, 24 frames of 512 x 512, and folder/night/{images,masks,truth.csv}, 40 of
    256 x 256, folder/genus/<Genus>, eight photographs of each genus, and folder/radar/<Class>, thirty of each class.

    Also folder/patterns/{train.csv,train_images}, twelve satellite-like images of 1400 x 2100. truth.csv has the
    columns file, time_utc and cloud_fraction (0..1 of the valid pixels). The same seed draws the same bytes. Everything
    is written under a temporary name beside folder and renamed when complete; progress hears the share done, 0..1, and
    a sentence. Raises DataError where folder already holds something.
    """
    folder = folder.absolute()
    _check_free(folder)
    with atomic.new_folder(folder, durable=False) as started:  # 400 files, drawn anew at any time
        _draw_all(started, seed, progress or (lambda share, words: None))
        _check_free(folder)


def _check_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} already holds something, wanted an empty or new folder: choose another for samples")


def _draw_all(folder: Path, seed: int, progress: Callable[[float, str], None]) -> None:
    """Every frame, on as many threads as there are processors; a frame's bytes do not depend on the others."""
    kinds: tuple[Kind, ...] = ("cumulus", "cells", "cirrus", "sheet")
    for kind in kinds:
        texture(kind, seed)
    photographs.write(folder / "genus", seed)
    radar.write(folder / "radar", seed)
    plans = [*_sky(folder / "sky", seed), *_night(folder / "night", seed)]
    tasks: list[tuple[Path | None, Callable[[], float | None]]] = [(p.path, partial(_draw, p, seed)) for p in plans]
    tasks += [(None, draw) for draw in patterns.write(folder / "patterns", seed)]
    fractions: dict[Path, float] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        running = {pool.submit(draw): path for path, draw in tasks}
        for done, future in enumerate(as_completed(running), 1):
            path, fraction = running[future], future.result()
            if path is not None and fraction is not None:
                fractions[path] = fraction
            progress(done / len(tasks), f"{done} of {len(tasks)} pictures drawn")
    _write_truth(folder / "night" / "truth.csv", fractions)


def _draw(plan: _Plan, seed: int) -> float:
    """Draws and writes one frame, and its label where one is wanted; returns its cloud fraction."""
    depth = optical_depth(plan.view, plan.layers, seed)
    cloud: Mask = np.asarray(depth > np.float32(CUT), np.bool_)
    plan.path.parent.mkdir(parents=True, exist_ok=True)
    plan.path.write_bytes(images.encode_png(photograph(plan.view, plan.scene, depth, plan.seed)))
    if plan.label is not None:
        label: Label = to_label(cloud & plan.view.valid, plan.view.valid)
        plan.label.parent.mkdir(parents=True, exist_ok=True)
        plan.label.write_bytes(images.encode_png(label))
    return cloud_amount.cloud_fraction(cloud, plan.view.valid)


def _sky(folder: Path, seed: int) -> Iterator[_Plan]:
    for index, (night, row) in enumerate([(True, r) for r in _NIGHTS] + [(False, r) for r in _DAYS]):
        view, when, light, milky_way, clouds = row
        rng = np.random.default_rng([seed, 1, index])
        layers = [
            Layer(kind, cover, depth, scale, float(rng.uniform(0, 6.3)), (float(rng.random()), float(rng.random())))
            for kind, cover, depth, scale in clouds
        ]
        town = view.style == "town"
        scene = Scene(
            night=night,
            light=light,
            glow=0.8 if town else 0.13,
            glow_azimuth=130.0 if town else 200.0,
            milky_way=milky_way,
            turn=15.0 * (int(when[11:13]) + int(when[14:16]) / 60),
            exposure=float(rng.uniform(0.92, 1.08)),
        )
        stem = f"{view.name}_{when}"
        label = folder / "masks" / f"{stem}.png"
        yield _Plan(folder / "images" / f"{stem}.png", view, scene, layers, seed * 1000 + index, label)


def _night(folder: Path, seed: int) -> Iterator[_Plan]:
    """Clear, then thin cloud, then thick cloud that closes the sky and breaks up, while the moon climbs."""
    rng = np.random.default_rng([seed, 2])
    starts = rng.random((2, 2))
    for index in range(NIGHT_FRAMES):
        part = index / (NIGHT_FRAMES - 1)
        thin = 0.62 * float(np.exp(-(((part - 0.30) / 0.13) ** 2)))
        thick = 1.05 * float(np.exp(-(((part - 0.67) / 0.15) ** 2)))
        drift = part * np.array([[1.1, 0.35], [0.75, -0.3]]) + starts
        layers = [
            Layer("cirrus", thin, 1.0, 1.7, 0.6, (float(drift[0, 0]), float(drift[0, 1]))),
            Layer("cumulus", thick if thick > 0.01 else 0.0, 3.5, 1.4, 1.9, (float(drift[1, 0]), float(drift[1, 1]))),
        ]
        moon = -22 + 76 * part
        when = NIGHT_STARTS + index * NIGHT_STEP
        scene = Scene(
            night=True,
            light=(moon, 15 + 40 * part) if moon > 0.5 else None,
            glow=0.2,
            glow_azimuth=230.0,
            milky_way=max(0.0, 0.9 - max(0.0, moon) / 20),
            turn=15.0 * 0.2 * index,
        )
        name = f"{CAMERA3.name}_{when:%Y-%m-%dT%H-%M-%S}.png"
        label = folder / "masks" / name
        yield _Plan(folder / "images" / name, CAMERA3, scene, layers, seed * 1000 + 500 + index, label)


def _write_truth(path: Path, fractions: dict[Path, float]) -> None:
    rows = ["file,time_utc,cloud_fraction"]
    for file in sorted(file for file in fractions if file.parent == path.parent / "images"):
        when = datetime.strptime(file.stem.split("_")[1], "%Y-%m-%dT%H-%M-%S")
        rows.append(f"{file.name},{when:%Y-%m-%dT%H:%M:%SZ},{fractions[file]:.6f}")
    atomic.replace_file(path, ("\n".join(rows) + "\n").encode())
