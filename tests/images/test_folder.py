"""The image files of a folder."""

from pathlib import Path

from cloudcore import images


def test_listing_is_sorted_and_skips_the_hidden(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "b/10.jpg", "a.tif", ".hidden.png", ".git/x.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [path.relative_to(tmp_path).as_posix() for path in images.list_images(tmp_path)]
    assert found == ["a.tif", "b/10.jpg", "b/2.PNG"]
    assert images.list_images(tmp_path / "absent") == []
