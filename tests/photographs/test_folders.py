"""Folders of classes: twins on one side, a split that stays, conflicts left out, decisions kept."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from cloudcore import images
from cloudcore.errors import DataError
from cloudcore.photographs import decisions, folders
from cloudcore.samples import photographs


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eighty drawn photographs."""
    folder = tmp_path_factory.mktemp("genus")
    photographs.write(folder)
    return folder


@pytest.fixture
def own(drawn: Path, tmp_path: Path) -> Path:
    """A copy of three classes that a test may change."""
    folder = tmp_path / "photos"
    for name in ("Cirrus", "Cumulus", "Stratus"):
        shutil.copytree(drawn / name, folder / name)
    return folder


def test_samples_are_eight_of_each_and_the_same_again(drawn: Path, tmp_path: Path) -> None:
    photos = folders.list_photos(drawn)
    assert np.bincount([photo.label for photo in photos]).tolist() == [8] * 10
    photographs.write(tmp_path / "again")
    one = photos[13].path
    assert one.read_bytes() == (tmp_path / "again" / one.relative_to(drawn)).read_bytes()
    assert images.read(one).shape == (224, 224, 3)


def test_folders_that_teach_nothing_are_refused(tmp_path: Path, own: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        folders.list_classes(tmp_path / "nowhere")
    for name in ("Cumulus", "Stratus"):
        shutil.rmtree(own / name)
    with pytest.raises(DataError, match="only Cirrus; at least two classes"):
        folders.list_classes(own)
    assert folders.preflight(own).problems


def test_twins_are_found_and_stay_together(own: Path) -> None:
    source = own / "Cirrus" / "Ci-1.jpg"
    image = images.read(source)
    brighter = np.clip(image.astype(int) + 6, 0, 255).astype(np.uint8)
    images.write_png(own / "Cumulus" / "twin.png", images.resize(brighter, (180, 180)))
    read = folders.read_folder(own)
    assert read.disputed == (("Cirrus/Ci-1", "Cumulus/twin"),)
    groups = {example.photo.stem: example.photo.group for example in read.examples}
    assert groups["Cirrus/Ci-1"] == groups["Cumulus/twin"]
    assert len(set(groups.values())) == len(groups) - 1
    for seed in range(8):
        parts = folders.split([example.photo for example in read.examples], 0.3, 0.3, seed)
        sides = [
            {photo.stem for photo in part} & {"Cirrus/Ci-1", "Cumulus/twin"}
            for part in (parts.train, parts.valid, parts.test)
        ]
        assert sorted(map(len, sides)) == [0, 0, 2]


def test_the_split_stays_when_photographs_come_and_go(own: Path) -> None:
    photos = [example.photo for example in folders.read_folder(own).examples]
    before = folders.split(photos, 0.2, 0.2, 5)
    after = folders.split(photos[3:], 0.2, 0.2, 5)
    assert {photo.stem for photo in after.test} == {p.stem for p in before.test} - {p.stem for p in photos[:3]}
    assert folders.split(photos, 0.2, 0.2, 6) != before
    assert len(before.train) + len(before.valid) + len(before.test) == len(photos)


def test_photographs_under_two_names_are_left_out(own: Path) -> None:
    table = own / folders.CONFLICTS
    table.write_text("file_a,label_a,file_b,label_b\nCi-1.jpg,Cirrus,St-2.jpg,Stratus\n")
    read = folders.read_folder(own)
    assert read.dropped == 2 and len(read.examples) == 22
    table.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="file_a"):
        folders.read_folder(own)


def test_a_broken_file_is_named_and_the_rest_read(own: Path) -> None:
    (own / "Cirrus" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    found = folders.preflight(own)
    assert not found.problems and any("broken.jpg" in note for note in found.notes)
    assert found.n_images == 24 and found.base_rate == pytest.approx(8 / 24)


def test_decisions_survive_and_can_be_taken_back(own: Path) -> None:
    decisions.decide(own, "Cirrus/Ci-1", "bin")
    decisions.decide(own, "Cirrus/Ci-2", "move", "Stratus")
    decisions.decide(own, "Cirrus/Ci-3", "keep")
    photos = folders.read_folder(own, where=decisions.apply_to(own)).examples
    labels = {example.photo.stem: example.photo.label for example in photos}
    assert "Cirrus/Ci-1" not in labels and labels["Cirrus/Ci-2"] == 2 and labels["Cirrus/Ci-3"] == 0
    assert (own / "Cirrus" / "Ci-1.jpg").is_file(), "the bin deletes nothing"
    undone = decisions.undo(own, "Cirrus/Ci-1")
    assert undone is not None and undone.what == "bin"
    assert set(decisions.standing(own)) == {"Cirrus/Ci-2", "Cirrus/Ci-3"}
    assert decisions.undo(own, "Cirrus/Ci-1") is None


def test_bad_decisions_and_files_are_refused(own: Path) -> None:
    with pytest.raises(DataError, match="keep, bin, or move"):
        decisions.decide(own, "Cirrus/Ci-1", "move")
    path = decisions.file_for(own)
    path.parent.mkdir(parents=True)
    path.write_text("{not json\n")
    with pytest.raises(DataError, match="cannot be read"):
        decisions.standing(own)
