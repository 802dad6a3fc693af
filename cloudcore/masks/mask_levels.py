"""What the grey levels of somebody else's mask file mean: read from words, guessed from the levels, applied."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloudcore.errors import DataError
from cloudcore.masks.mask import CLOUD, SKY, UNDEFINED, Label

HALF = 128
BLUR = 16
BLURRED_FRACTION = 0.03
_SAID = re.compile(r"(\d+)\s*=\s*(cloud|sky|undefined)", re.IGNORECASE)
_CUT = re.compile(r">=\s*(\d+)\s*cloud", re.IGNORECASE)


@dataclass(frozen=True)
class Meaning:
    """Grey levels (0..255) that stand for cloud, sky and undefined; with a threshold, levels >= it are cloud.

    Under a threshold sky and cloud are not used, undefined still is. Raises DataError for a level outside 0..255 or
    with two meanings, and where nothing means cloud.

    >>> meaning = Meaning.read("255=cloud 100=sky 0=undefined")
    >>> meaning.words()
    '255 = cloud, 100 = sky, 0 = undefined'
    >>> meaning.label(np.array([[255, 100, 0]], np.uint8)).tolist()
    [[255, 0, 128]]
    """

    cloud: tuple[int, ...] = (CLOUD,)
    sky: tuple[int, ...] = (SKY,)
    undefined: tuple[int, ...] = (UNDEFINED,)
    threshold: int | None = None

    def __post_init__(self) -> None:
        levels = self.undefined if self.threshold is not None else (*self.cloud, *self.sky, *self.undefined)
        cut = () if self.threshold is None else (self.threshold,)
        if strange := [level for level in (*levels, *cut) if not 0 <= level <= 255]:
            raise DataError(f"The level {strange[0]} is not in 0..255. Give the grey levels of an 8-bit mask.")
        if twice := [level for level in levels if levels.count(level) > 1]:
            raise DataError(f"The level {twice[0]} is given two meanings. Give each level one.")
        if self.threshold is None and not self.cloud:
            raise DataError("No level means cloud. Say which level is cloud.")

    def words(self) -> str:
        """The meaning as a person reads it: `255 = cloud, 100 = sky, 0 = undefined`."""
        named = [("cloud", self.cloud), ("sky", self.sky), ("undefined", self.undefined)]
        if self.threshold is not None:
            named = [("undefined", self.undefined)]
        parts = [f"{' and '.join(map(str, levels))} = {name}" for name, levels in named if levels]
        if self.threshold is not None:
            parts = [f"{self.threshold} and above = cloud, below = sky", *parts]
        return ", ".join(parts)

    def inverted(self) -> "Meaning":
        """The same with cloud and sky exchanged. Raises DataError under a threshold, which has no other side."""
        if self.threshold is not None:
            raise DataError("A threshold cannot be turned round. Say which levels are cloud and which sky.")
        return Meaning(self.sky, self.cloud, self.undefined)

    def missing(self, levels: Iterable[int]) -> list[int]:
        """Levels this meaning leaves out, sorted."""
        if self.threshold is not None:
            return []
        return sorted(set(levels) - {*self.cloud, *self.sky, *self.undefined})

    def label(self, grey: NDArray[np.uint8]) -> Label:
        """The label (H, W) uint8 0/128/255 of grey levels (H, W). Raises DataError for a level without a meaning."""
        if strange := self.missing(levels_of(grey)):
            raise DataError(no_meaning(strange, self))
        table = np.full(256, SKY, np.uint8)
        if self.threshold is not None:
            table[self.threshold :] = CLOUD
        else:
            table[list(self.cloud)] = CLOUD
        table[list(self.undefined)] = UNDEFINED
        return table[grey]

    @staticmethod
    def read(text: str) -> "Meaning | None":
        """The meaning a table states, such as `255=cloud 100=sky 0=undefined` or `>=128 cloud`; None without one."""
        said: dict[str, tuple[int, ...]] = {"cloud": (), "sky": (), "undefined": ()}
        for level, name in _SAID.findall(text):
            said[name.lower()] += (int(level),)
        if said["cloud"]:
            return Meaning(said["cloud"], said["sky"], said["undefined"])
        if cut := _CUT.search(text):
            return Meaning((), (), (), threshold=int(cut[1]))
        return None

    @staticmethod
    def guess(values: "NDArray[np.uint8] | Mapping[int, int]") -> "Meaning | None":
        """A likely meaning of grey levels (an array, or counts by level); None where the levels do not tell.

        Known are 255/128/0 and 255/0, 255/100/0 with 0 undefined, 1/0, and a black and white picture blurred by JPEG
        (at most 3 % of its pixels between 17 and 238), which is cut at 128.
        """
        counts = dict(values) if isinstance(values, Mapping) else levels_of(values)
        levels = {level for level, count in counts.items() if count}
        if not levels:
            return None
        if levels <= {SKY, UNDEFINED, CLOUD}:
            return Meaning()
        if levels <= {0, 100, 255}:
            return Meaning((255,), (100,), (0,))
        if levels <= {0, 1}:
            return Meaning((1,), (0,), ())
        between = sum(count for level, count in counts.items() if BLUR < level < 255 - BLUR)
        if between <= BLURRED_FRACTION * sum(counts.values()):
            return Meaning((), (), (), threshold=HALF)
        return None


def levels_of(grey: NDArray[np.uint8]) -> dict[int, int]:
    """Counts of the grey levels that occur.

    >>> levels_of(np.array([[0, 7, 7]], np.uint8))
    {0: 1, 7: 2}
    """
    counts = np.bincount(grey.reshape(-1), minlength=256)
    return {int(level): int(counts[level]) for level in np.flatnonzero(counts)}


def no_meaning(strange: list[int], meaning: Meaning | None) -> str:
    """The sentence for levels that have no meaning."""
    shown = ", ".join(map(str, strange[:5])) + (f" and {len(strange) - 5} more" if len(strange) > 5 else "")
    said = f"the meaning given is {meaning.words()}" if meaning else "no meaning is known for such levels"
    return f"The mask holds the level{'s' if len(strange) > 1 else ''} {shown}, but {said}. Say what each level means."
