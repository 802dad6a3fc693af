"""Small JSON files from outside: an object, read within a size limit, or a sentence about what is wrong."""

import json
from pathlib import Path
from typing import Any

from cloudcore.errors import CloudcoreError
from cloudcore.files import opening


def read_object(
    path: Path,
    error: type[CloudcoreError],
    remedy: str,
    *,
    named: str = "",
    optional: bool = False,
    max_bytes: int = opening.MAX_BYTES,
) -> dict[str, Any]:
    """The JSON object of a regular file in UTF-8, a byte-order mark or not; with optional, {} where there is none.

    Raises `error` in a sentence that names the file and its folder, or `named`, and ends with the remedy:
    `model.json of moonlit is no JSON object. Export the model again.`
    """
    named = named or f"{path.name} of {path.parent.name}"
    try:
        with opening.open_regular(path) as file:
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise error(f"{named} is over {max_bytes >> 20} MB. {remedy}")
        found = json.loads(content.decode("utf-8-sig"))
    except FileNotFoundError as problem:
        if optional:
            return {}
        raise error(f"{named} cannot be read ({problem}). {remedy}") from problem
    except (OSError, ValueError, RecursionError) as problem:
        raise error(f"{named} cannot be read ({problem}). {remedy}") from problem
    if not isinstance(found, dict):
        raise error(f"{named} is no JSON object. {remedy}")
    return found
