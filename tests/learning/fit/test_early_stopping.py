"""Early stopping computed from history rows alone."""

import pytest

from cloudcore.learning.fit import early_stopping


def test_the_countdown_by_hand() -> None:
    rows = [{"valid_loss": value} for value in (1.0, 0.5, 0.6, 0.51)]
    found = early_stopping.countdown(rows, 5)
    assert found is not None and (found.epochs, found.loss) == (3, "validation")
    assert found.below == pytest.approx(0.5 * (1 - 1e-4))
    better = [*rows, {"valid_loss": 0.4}]
    assert (early_stopping.countdown(better, 5) or found).epochs == 5, "a gain winds the clock up again"
    too_little = [*rows, {"valid_loss": 0.49996}]
    assert (early_stopping.countdown(too_little, 5) or found).epochs == 2, "as little as that is no gain"


def test_there_is_no_countdown_without_a_limit_or_an_epoch() -> None:
    assert early_stopping.countdown([{"valid_loss": 1.0}], 0) is None
    assert early_stopping.countdown([], 5) is None


def test_without_validation_the_training_loss_is_watched() -> None:
    found = early_stopping.countdown([{"train_loss": 0.3, "valid_loss": None}], 2)
    assert found is not None and (found.epochs, found.loss) == (2, "training")


def test_the_countdown_ends_where_the_run_does() -> None:
    rows = [{"valid_loss": value} for value in (0.5, 0.6, 0.6, 0.6)]
    for number in range(1, len(rows) + 1):
        found = early_stopping.countdown(rows[:number], 3)
        assert found is not None and (found.epochs == 0) is early_stopping.has_stopped(3, rows[:number])
