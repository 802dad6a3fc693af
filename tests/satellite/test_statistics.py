"""Statistics of a label table, worked by hand on three images; images that look alike."""

from pathlib import Path

import numpy as np
import pytest

from cloudcore.masks import rle
from cloudcore.masks.mask import Mask
from cloudcore.satellite import statistics
from cloudcore.satellite import table as satellite_table

SHAPE = satellite_table.SHAPE_HW


def _boxes(*boxes: tuple[int, int, int, int]) -> str:
    """Run lengths of boxes (top, left, bottom, right)."""
    mask: Mask = np.zeros(SHAPE, np.bool_)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return rle.encode(mask)


@pytest.fixture
def table(tmp_path: Path) -> satellite_table.Table:
    rows = [
        f"a_Fish,{_boxes((0, 0, 700, 2100))}",
        f"a_Sugar,{_boxes((0, 0, 400, 300), (800, 1500, 1400, 2100))}",
        f"b_Fish,{_boxes((700, 0, 1400, 2100))}",
        "c_Fish,",
    ]
    path = tmp_path / "train.csv"
    path.write_text("\n".join(["Image_Label,EncodedPixels", *rows]))
    return satellite_table.read(path)


def test_numbers_worked_by_hand(table: satellite_table.Table) -> None:
    found = statistics.statistics(table)
    assert found.n_images == 3
    assert found.with_pattern.tolist() == [2, 0, 0, 1]
    assert found.per_image.tolist() == [1, 1, 1, 0, 0]
    assert found.together.tolist() == [[2, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]]
    assert found.area_share[0].tolist() == [0.5, 0, 0, pytest.approx((400 * 300 + 600 * 600) / (1400 * 2100))]
    assert found.pixel_share[0] == pytest.approx(1 / 3)
    assert found.parts.tolist() == [[1, 0, 0, 2], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert found.run_counts.tolist() == [[2100, 0, 0, 900], [2100, 0, 0, 0], [0, 0, 0, 0]]
    heat = found.heat[0]
    assert heat.shape == (35, 53) and np.allclose(heat, 0.5), "one image has the upper half, the other the lower"
    assert found.heat[3][0, 0] == 1 and found.heat[3][0, -1] == 0 and found.heat[3][-1, -1] == 1


def test_kept_once_and_read_again(table: satellite_table.Table, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    first = statistics.statistics(table, tmp_path / "cache", lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3), (3, 3)]
    again = statistics.statistics(table, tmp_path / "cache", lambda *at: told.append(at))
    assert len(told) == 3 and np.array_equal(again.heat, first.heat)
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(b"PK\x03\x04 cut short")
    assert np.array_equal(statistics.statistics(table, tmp_path / "cache").parts, first.parts)


def test_alike_images_are_found(rng: np.random.Generator) -> None:
    one, other = (rng.integers(0, 255, (60, 90, 3), np.uint8) for _ in range(2))
    brighter = np.clip(one.astype(int) + 2, 0, 255).astype(np.uint8)
    found = statistics.look_alikes([one, other, brighter], ["one", "other", "brighter"])
    assert [(first, second) for first, second, _ in found] == [("one", "brighter")]
    assert 1 < found[0][2] < 2.5
    assert statistics.look_alikes([one], ["one"]) == []
    assert len(statistics.look_alikes([one] * 5, list("abcde"), limit=4)) == 4


def test_no_pair_is_lost_against_every_comparison(rng: np.random.Generator) -> None:
    prints = (rng.random((60, 768)) * 4 + rng.integers(0, 4, (60, 1)) * 2).astype(np.float32)
    names = [f"{at:02d}" for at in range(60)]
    slow = {
        (names[i], names[j]) for i in range(60) for j in range(i + 1, 60) if np.abs(prints[i] - prints[j]).mean() < 2.5
    }
    assert {pair[:2] for pair in statistics.alike(prints, names, 10_000)} == slow and len(slow) > 10
