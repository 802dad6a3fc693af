"""A night written down: CSV and Parquet with a row for every file, and a picture of keogram and curve."""

import csv
import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as PIL
from PIL import ImageDraw, ImageFont

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.files import atomic
from cloudcore.files.tables import safe_cell
from cloudcore.images import Image
from cloudcore.night.frame_selection import LeftOut
from cloudcore.night.keogram import unbroken
from cloudcore.night.measure import Row
from cloudcore.night.series import Point
from cloudcore.sky.cloud_amount import MEASURES

_AMOUNTS = [f"{name}{part}" for name in MEASURES for part in ("", "_low", "_high")]
COLUMNS = [
    "file", "time_utc", "night", "camera", *_AMOUNTS, "okta", "cloudy", "cloud_fraction_all", "left_out",
    "left_out_share", "sun_altitude", "moon_altitude", "reason",
]  # fmt: skip
"""cloud_fraction_all counts the surroundings of sun and moon too; a file without a row has its reason instead."""

Cell = str | int | float | bool | datetime | None


def records(rows: Sequence[Row], left_out: Sequence[LeftOut]) -> list[dict[str, Cell]]:
    """A record a file with COLUMNS as keys: rows by time, then what is left out with its reason."""
    found: list[dict[str, Cell]] = []
    for row in rows:
        numbers: dict[str, Cell] = {}
        for name, amount in row.amounts.items():
            parts = (amount.value, amount.low, amount.high)
            numbers |= {f"{name}{part}": _number(v) for part, v in zip(("", "_low", "_high"), parts, strict=True)}
        found.append({
            "file": row.file, "time_utc": row.time, "night": row.night, "camera": row.camera, **numbers,
            "okta": row.okta, "cloudy": row.cloudy, "cloud_fraction_all": _number(row.cloud_fraction_all),
            "left_out": row.left_out, "left_out_share": _number(row.left_out_share),
            "sun_altitude": _number(row.sun_altitude), "moon_altitude": _number(row.moon_altitude), "reason": "",
        })  # fmt: skip
    return [*found, *({**dict.fromkeys(COLUMNS), "file": one.file, "reason": one.reason} for one in left_out)]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 6)


def as_csv(rows: Sequence[Row], left_out: Sequence[LeftOut]) -> bytes:
    """CSV in UTF-8; times as 2017-08-17T09:56:06Z, cloudy as 1 or 0, and no cell that a spreadsheet would run."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records(rows, left_out):
        writer.writerow([_written(record[name]) for name in COLUMNS])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _written(value: Cell) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else safe_cell(value) if isinstance(value, str) else str(value)


def as_parquet(rows: Sequence[Row], left_out: Sequence[LeftOut]) -> bytes:
    """The same records as Parquet, with types: times in UTC, missing numbers as nulls."""
    import pandas as pd

    table = pd.DataFrame(records(rows, left_out), columns=COLUMNS)
    kinds: dict[str, Any] = dict.fromkeys([*_AMOUNTS, "cloud_fraction_all", "left_out_share"], "Float64")
    kinds |= {"okta": "Int64", "cloudy": "boolean", "sun_altitude": "Float64", "moon_altitude": "Float64"}
    table = table.astype(kinds | dict.fromkeys(["file", "night", "camera", "left_out", "reason"], "string"))
    table["time_utc"] = pd.to_datetime(table["time_utc"], utc=True)
    out = io.BytesIO()
    table.to_parquet(out, index=False)
    return out.getvalue()


def write(path: Path, rows: Sequence[Row], left_out: Sequence[LeftOut], picture: Image | None = None) -> None:
    """Write a .csv, .parquet or .png, whole or not at all. Raises DataError for another suffix."""
    kind = path.suffix.lower()
    if kind == ".png" and picture is not None:
        content = images.encode_png(picture)
    elif kind in (".csv", ".parquet"):
        content = (as_csv if kind == ".csv" else as_parquet)(rows, left_out)
    else:
        raise DataError(f"{path.name} is of no kind a night is written as. Give FILE.csv, FILE.parquet or FILE.png.")
    try:
        atomic.replace_file(path, content)
    except OSError as problem:
        raise DataError(f"{path} cannot be written ({problem.strerror}). Choose another place.") from problem


_LEFT, _TOP, _RIGHT, _BOTTOM, _GAP = 90, 64, 36, 64, 12
_INK, _GREY, _GRID, _LINE, _BAND = (27, 38, 45), (82, 98, 109), (223, 229, 233), (27, 99, 132), (198, 218, 228)


def draw(
    points: Sequence[Point], title: str, y_title: str, keogram: Image | None = None, start: datetime | None = None,
    end: datetime | None = None, size_wh: tuple[int, int] = (1600, 900),
) -> Image:  # fmt: skip
    """Curve with its band, the keogram above on the same axis, as a picture to print: uint8 (H, W, 3) of size_wh.

    keogram is a picture of the time from start to end (both needed with it). Raises DataError without a point.
    """
    if not points:
        raise DataError("There is nothing to draw yet: no frame has a row.")
    begin, until = start or points[0].time, end or points[-1].time
    if until <= begin:
        begin, until = begin - timedelta(minutes=30), until + timedelta(minutes=30)
    width, height = size_wh
    top = _TOP + (height // 3 + _GAP if keogram is not None else 0)
    box = (_LEFT, top, width - _RIGHT, height - _BOTTOM)
    canvas = PIL.new("RGB", size_wh, (255, 255, 255))
    pen = ImageDraw.Draw(canvas)
    pen.text((_LEFT, 18), title, fill=_INK, font=ImageFont.load_default(26))
    if keogram is not None:
        sized = cv2.resize(keogram, (box[2] - box[0], height // 3), interpolation=cv2.INTER_AREA)
        canvas.paste(PIL.fromarray(np.asarray(sized, np.uint8)), (_LEFT, _TOP))
    _axes(pen, box, begin, until, y_title)
    span = (until - begin).total_seconds()
    places = [
        (box[0] + (p.time - begin).total_seconds() / span * (box[2] - box[0]), *(_y(box, v) for v in (p.low, p.high)))
        for p in points
    ]
    parts = unbroken([point.time.timestamp() for point in points])
    for band in (places[part] for part in parts if part.stop - part.start > 1):
        pen.polygon([*((x, high) for x, _, high in band), *((x, low) for x, low, _ in reversed(band))], fill=_BAND)
    _grid(pen, box)
    line = [(x, _y(box, p.value)) for (x, _, _), p in zip(places, points, strict=True)]
    for part in parts:
        pen.line(line[part], fill=_LINE, width=3, joint="curve")
    for x, y in line if len(line) <= 120 else []:
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=_LINE)
    return np.asarray(canvas, np.uint8)


def _y(box: tuple[int, int, int, int], value: float) -> float:
    return box[3] - value * (box[3] - box[1])


def _grid(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    for part in range(5):
        y = _y(box, part / 4)
        pen.line((box[0], y, box[2], y), fill=_GRID)
    pen.line((box[0], box[1], box[0], box[3], box[2], box[3]), fill=_GREY)


def _axes(
    pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], begin: datetime, until: datetime, y_title: str
) -> None:
    small = ImageFont.load_default(18)
    for part in range(5):
        pen.text((box[0] - 12, _y(box, part / 4)), f"{part / 4:.2f}", fill=_GREY, font=small, anchor="rm")
    span = until - begin
    shape = "%H:%M" if span <= timedelta(days=2) else "%Y-%m-%d"
    for moment in _ticks(begin, until):
        x = box[0] + (moment - begin) / span * (box[2] - box[0])
        pen.line((x, box[3], x, box[3] + 7), fill=_GREY)
        pen.text((x, box[3] + 12), f"{moment:{shape}}", fill=_GREY, font=small, anchor="ma")
    pen.text((box[2], box[3] + 38), f"{begin:%Y-%m-%d} to {until:%Y-%m-%d}, UTC", fill=_GREY, font=small, anchor="ra")
    pen.text((box[0], box[1] - 4 if box[1] <= _TOP else box[1]), f" {y_title}, 0 to 1", fill=_GREY, font=small)


def _ticks(begin: datetime, until: datetime) -> list[datetime]:
    """At most ten round times (UTC) of an axis."""
    minutes = (5, 10, 30, 60, 120, 180, 360, 720, *(1440 * days for days in (1, 2, 7, 14, 30, 60, 180, 365, 1825)))
    step = timedelta(minutes=next((m for m in minutes if (until - begin) / timedelta(minutes=m) <= 10), 3650 * 1440))
    first = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
    first += math.ceil((begin - first) / step) * step
    return [first + i * step for i in range(11) if first + i * step <= until]
