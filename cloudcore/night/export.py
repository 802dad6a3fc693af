"""A night written down: CSV and Parquet with a row for every file, and a picture of keogram and curve."""

import csv
import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.files import atomic
from cloudcore.files.tables import safe_cell
from cloudcore.images import Image
from cloudcore.night.frame_selection import LeftOutFile
from cloudcore.night.measure import Measurement
from cloudcore.sky.cloud_amount import MEASURES

_AMOUNTS = [f"{name}{part}" for name in MEASURES for part in ("", "_low", "_high")]
COLUMNS = [
    "file",
    "time_utc",
    "night",
    "camera",
    *_AMOUNTS,
    "okta",
    "cloudy",
    "cloud_fraction_all",
    "left_out",
    "left_out_share",
    "sun_altitude",
    "moon_altitude",
    "reason",
]
"""cloud_fraction_all counts the surroundings of sun and moon too; a file without a row has its reason instead."""

Cell = str | int | float | bool | datetime | None


def records(rows: Sequence[Measurement], left_out: Sequence[LeftOutFile]) -> list[dict[str, Cell]]:
    """A record a file with COLUMNS as keys: rows by time, then what is left out with its reason."""
    found: list[dict[str, Cell]] = []
    for row in rows:
        numbers: dict[str, Cell] = {}
        for name, amount in row.amounts.items():
            parts = (amount.value, amount.low, amount.high)
            numbers |= {f"{name}{part}": _number(v) for part, v in zip(("", "_low", "_high"), parts, strict=True)}
        found.append(
            {
                "file": row.file,
                "time_utc": row.time,
                "night": row.night,
                "camera": row.camera,
                **numbers,
                "okta": row.okta,
                "cloudy": row.cloudy,
                "cloud_fraction_all": _number(row.cloud_fraction_all),
                "left_out": row.left_out,
                "left_out_share": _number(row.left_out_share),
                "sun_altitude": _number(row.sun_altitude),
                "moon_altitude": _number(row.moon_altitude),
                "reason": "",
            }
        )
    return [*found, *({**dict.fromkeys(COLUMNS), "file": one.file, "reason": one.reason} for one in left_out)]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 6)


def as_csv(rows: Sequence[Measurement], left_out: Sequence[LeftOutFile]) -> bytes:
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


def as_parquet(rows: Sequence[Measurement], left_out: Sequence[LeftOutFile]) -> bytes:
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


def write(
    path: Path, rows: Sequence[Measurement], left_out: Sequence[LeftOutFile], picture: Image | None = None
) -> None:
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
