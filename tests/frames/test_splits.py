"""Splits by group: nights and blocks are never cut."""

from pathlib import Path

from cloudcore.frames import labelled, splits
from tests.frames.drawn_pairs import write


def test_nights_are_never_cut_and_the_split_is_seeded(tmp_path: Path) -> None:
    write(tmp_path, [f"c_2017-08-{day:02d}T22-0{m}-00" for day in range(1, 11) for m in range(4)])
    found = labelled.pairs(tmp_path)
    parts = splits.split(found, 0.2, seed=3)
    assert parts.by == "night"
    assert len(parts.valid) == 8
    assert not {pair.group for pair in parts.train} & {pair.group for pair in parts.valid}
    assert splits.split(found, 0.2, seed=3) == parts
    assert splits.split(found, 0.2, seed=4).valid != parts.valid


def test_without_times_blocks_of_ten_numbers_are_kept_whole(tmp_path: Path) -> None:
    write(tmp_path, [f"{number:03d}" for number in range(50)])
    parts = splits.split(labelled.pairs(tmp_path))
    assert parts.by == "blocks of 10"
    assert {int(pair.stem) // 10 for pair in parts.valid}.isdisjoint({int(pair.stem) // 10 for pair in parts.train})
    assert len(parts.valid) == 10


def test_one_group_means_no_validation_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, ["c_2017-08-17T22-00-00", "c_2017-08-17T22-10-00"])
    parts = splits.split(labelled.pairs(tmp_path))
    assert parts.valid == ()
    assert "No validation" in parts.note
