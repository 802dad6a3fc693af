"""The image files of a folder."""

import os
from pathlib import Path

from cloudcore.errors import ImageError

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
"""File name endings that `list_images` takes; `read` itself looks at the bytes alone."""


def list_images(folder: Path) -> list[Path]:
    """Files below folder with a suffix of `SUFFIXES`, sorted by path; hidden files and folders are left out.

    A folder that is not there holds none. Links to folders are not followed. Raises ImageError where it cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("b.PNG", "a.jpg", ".hidden.png", "notes.txt"):
    ...         Path(folder, name).touch()
    ...     [path.name for path in list_images(Path(folder))]
    ['a.jpg', 'b.PNG']
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise ImageError(f"Cannot read {error.filename} ({error.strerror}): choose another folder") from error

    found: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, f) for f in files if not f.startswith(".") and f.lower().endswith(SUFFIXES)]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())
