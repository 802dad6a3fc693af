"""Where the frames come from: a chosen folder, uploads, or the samples.

The choice stands in workspace/frames.json. Without one, frames are read from workspace/images where a person put any,
else from the samples.
"""

import os
from collections.abc import Sequence
from pathlib import Path, PurePath

from cloudcore import images
from cloudcore.errors import DataError, ImageError
from cloudcore.files import atomic, names, small_json
from cloudcore.settings import Settings

CHOICE = "frames.json"
"""Name of the file in the workspace that remembers the chosen folder."""


def sample_frames(settings: Settings) -> Path:
    """The folder of the sample sky frames."""
    return settings.samples / "sky" / "images"


def remembered_folder(settings: Settings) -> Path | None:
    """The folder a person chose, or None; a file that cannot be understood counts as no choice."""
    try:
        choice = small_json.read_object(settings.workspace / CHOICE, DataError, "Choose a folder again.")
        return Path(str(choice["folder"]))
    except (DataError, KeyError):
        return None


def remember_folder(settings: Settings, folder: Path | None) -> None:
    """Keep the choice of a folder for the next visits, whole or not at all; None forgets it."""
    settings.workspace.mkdir(parents=True, exist_ok=True)
    target = settings.workspace / CHOICE
    if folder is None:
        target.unlink(missing_ok=True)
        return
    atomic.write_json(target, {"folder": str(folder)})


def check_folder(text: str) -> Path:
    """The absolute path of a folder a person typed, readable and holding an image; DataError says what is wrong."""
    if not text.strip() or "\0" in text:
        raise DataError("No folder was named. Type the path of a folder that holds frames.")
    folder = Path(text.strip().strip("\"'")).expanduser().absolute()
    try:
        if not folder.is_dir():
            raise DataError(f"Cannot read {folder}: there is no such folder. Choose another.")
        os.listdir(folder)
        found = images.list_images(folder)
    except OSError as error:
        raise DataError(f"Cannot read {folder}: {(error.strerror or 'refused').lower()}. Choose another.") from error
    if not found:
        raise DataError(f"{folder} holds no image. Choose a folder with {', '.join(images.SUFFIXES)} files.")
    return folder


def frames_folder(settings: Settings) -> Path:
    """The folder frames are read from: the chosen one, else workspace/images if it holds any, else the samples."""
    if (chosen := remembered_folder(settings)) is not None:
        return chosen
    return settings.images if images.list_images(settings.images) else sample_frames(settings)


def add_frames(settings: Settings, files: Sequence[tuple[str, bytes]]) -> tuple[list[Path], list[str], list[str]]:
    """Keep uploaded frames as PNG in workspace/images: (files written, what was normalised, what was refused).

    Every file is read first and written anew, so nothing but pixels enters. An existing frame is never overwritten.
    """
    added: list[Path] = []
    notes: list[str] = []
    refused: list[str] = []
    for name, content in files:
        said: list[str] = []
        try:
            target = names.free_path(settings.images, names.plain(PurePath(_shown(name)).stem, "frame"), ".png")
            image = images.read(content, said)
            settings.images.mkdir(parents=True, exist_ok=True)
            images.write_png(target, image)
        except ImageError as error:
            refused.append(f"{_shown(name)}: {error}")
        except OSError as error:
            refused.append(f"{_shown(name)} was not stored: {(error.strerror or 'refused').lower()}. Try again.")
        else:
            added.append(target)
            notes += [f"{target.name}: {sentence}" for sentence in said]
    return added, notes, refused


def _shown(name: str) -> str:
    return PurePath(name.replace("\\", "/")).name[:80] or "file"
