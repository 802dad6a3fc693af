"""Files replaced whole or not at all."""

import json
import os
import secrets
import uuid
from pathlib import Path
from typing import Any


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all: under a temporary name, to the disk, then renamed. Folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Replace a JSON file atomically: readers see the old one or the new one, never a half."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    os.replace(part, path)
