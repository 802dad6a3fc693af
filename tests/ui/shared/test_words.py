"""Times of runs in the words of a page."""

import pytest

from cloudcore.ui.shared import words as in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (float("nan"), "–"), (-1, "–"), (40, "40 s left"), (250, "4 min left"), (7200, "2.0 h left")],
)
def test_time_left_in_words(seconds: float | None, words: str) -> None:
    assert in_words.time_left(seconds) == words


def test_a_run_without_a_name_is_called_by_task_and_start() -> None:
    run_id = "20261121T024305Z-sky-4f2a"
    assert in_words.title(run_id, "sky") == in_words.run_title_of(run_id) == "sky, 2026-11-21 02:43 UTC"
    assert in_words.title("moonless", "sky") == "moonless"


def test_names_are_no_markdown() -> None:
    assert in_words.plain("*a* [b](c) 1") == r"\*a\* \[b\]\(c\) 1"
