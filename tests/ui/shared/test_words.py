"""Times of runs in the words of a page."""

import pytest

from cloudcore.ui.shared import words as in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (float("nan"), "–"), (-1, "–"), (40, "40 s left"), (250, "4 min left"), (7200, "2.0 h left")],
)
def test_time_left_in_words(seconds: float | None, words: str) -> None:
    assert in_words.time_left(seconds) == words
