"""A small data folder for tests: images of noise, whose labels are cloud in the upper half."""

from pathlib import Path

import numpy as np

from cloudcore import images


def write(folder: Path, stems: list[str], size: int = 32) -> None:
    """images/ and masks/ with a PNG of size x size px for each stem; the upper half of each label is cloud."""
    rng = np.random.default_rng(len(stems))
    for stem in stems:
        image = rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
        label = np.zeros((size, size), np.uint8)
        label[: size // 2] = 255
        for kind, array in (("images", image), ("masks", label)):
            path = folder / kind / f"{stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            images.write_png(path, array)
