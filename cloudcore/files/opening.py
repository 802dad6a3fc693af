"""Files opened for reading, and known by their content."""

import hashlib
from pathlib import Path

MAX_BYTES = 50 * 2**20
"""Largest image file read: 50 MB."""


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
