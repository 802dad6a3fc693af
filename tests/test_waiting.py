"""The helper that waits."""

import pytest

from tests import waiting


def test_it_asks_until_the_answer_is_true() -> None:
    answers = iter([False, 0, "", "yes"])
    waiting.until(lambda: next(answers))
    assert not list(answers)


def test_a_deadline_ends_it_with_what_there_is_to_tell() -> None:
    with pytest.raises(AssertionError, match=r"it did not happen within 0\.1 s: state lost"):
        waiting.until(lambda: False, 0.1, lambda: "state lost")
