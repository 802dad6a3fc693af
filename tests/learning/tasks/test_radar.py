"""Radar: the chapter's shapes as published, samples told apart by shape alone, folders, tables, and real pictures."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from cloudcore import images, models, runs
from cloudcore.errors import DataError, ImageError
from cloudcore.learning import work
from cloudcore.learning.options import make_config
from cloudcore.learning.tasks import get_task
from cloudcore.learning.tasks import radar as tasks_radar
from cloudcore.photographs import folders
from cloudcore.radar import folders as radar_folders
from cloudcore.radar import svrimg, variants
from cloudcore.samples import radar

REAL = Path(os.environ.get("CLOUDCORE_REAL_DATA", "missing")) / "radar"
TABLE = "UNID,Class Code,Class Name\na,5,Noise\nb,4,Missing\nc,5,Noise\n"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample pictures alone."""
    folder = tmp_path_factory.mktemp("drawn") / "radar"
    radar.write(folder)
    return folder


def _small(folder: Path, count: int = 3) -> Path:
    for name in radar.CLASSES[:2]:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            field = radar.draw(name, np.random.default_rng(index))
            images.write_png(folder / name / f"2011040{index + 1}1310z00028267{index}.png", field)
    return folder


def test_the_chapter_has_the_published_shapes() -> None:
    """conv (3,3,1,32), 61,952 -> 128 -> 6 (published as height, width, in, out; torch has out, in, height, width)."""
    net = tasks_radar.network(make_config(tasks_radar.TASK, {}, "Chapter"))
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    assert shapes == {
        "conv.weight": (32, 1, 3, 3),
        "conv.bias": (32,),
        "dense.weight": (128, 61952),
        "dense.bias": (128,),
        "head.weight": (6, 128),
        "head.bias": (6,),
    }
    assert sum(value.numel() for value in net.parameters()) == 7_931_078


def test_the_variant_has_relu_and_drops_whole_maps() -> None:
    import torch

    config = make_config(tasks_radar.TASK, {}, "Chapter, dropout and augmentation")
    assert config.learning_rate == 1e-5 and config.dropout == 0.3 and config.flips
    torch.manual_seed(0)
    net, x = tasks_radar.network(config).eval(), torch.rand(1, 1, 136, 136)
    with torch.no_grad():
        raw = net.conv(x)
        by_hand = net.head(net.dense(net.pool(raw.clamp(min=0)).flatten(1)).clamp(min=0))
        linear = net.head(net.dense(net.pool(raw).flatten(1)).clamp(min=0))
        assert torch.allclose(net(x), by_hand, atol=1e-5) and not torch.allclose(by_hand, linear, atol=1e-3)
        maps = net.train().dropout(net.activation(raw + 10))
    share = (maps == 0).float().mean((0, 2, 3))
    assert set(share.tolist()) <= {0.0, 1.0} and 0 < float(share.mean()) < 1


def test_batches_are_a_function_of_seed_and_epoch(tmp_path: Path) -> None:
    prepared = tasks_radar.dataset(tasks_radar.Config(validation=0.0, batch=3), _small(tmp_path / "data"))
    first, again, later = (list(prepared.batches(epoch)) for epoch in (1, 1, 2))
    assert all(bool((a[0] == b[0]).all()) for a, b in zip(first, again, strict=True))
    assert not bool((first[0][0] == later[0][0]).all())
    x, classes = first[0]
    assert tuple(x.shape) == (3, 1, 136, 136) and 0.3 < float(x.max()) <= 65 / 80 and classes.dtype.is_signed


def test_a_still_spread_changes_nothing_and_flips_only_mirror(rng: np.random.Generator) -> None:
    field = rng.integers(0, 60, (1, 136, 136)).astype(np.uint8)
    still = variants.draw(1, (136, 136), variants.Spread(), rng)
    assert np.array_equal(variants.varied(field, still), field)
    flipping = variants.draw(8, (136, 136), variants.Spread(flips=True), rng)
    mirrored = variants.varied(np.repeat(field, 8, axis=0), flipping)
    forms = [field[0], field[0][::-1], field[0][:, ::-1], field[0][::-1, ::-1]]
    assert all(any(np.array_equal(one, form) for form in forms) for one in mirrored)
    assert len({one.tobytes() for one in mirrored}) > 1


def test_a_shift_reflects_at_the_rim() -> None:
    field = np.tile(np.arange(136, dtype=np.uint8) % 60, (136, 1))[None]
    warps = variants.draw(1, (136, 136), variants.Spread(shift=0.2), np.random.default_rng(1))
    moved = variants.varied(field, warps)
    assert moved.min() >= 0 and not np.array_equal(moved, field) and (moved > 0).mean() > 0.95


def test_pixel_histograms_alone_do_not_tell_the_samples(drawn: Path) -> None:
    """Five nearest histograms, each picture against all others: chance is 0.17, and it must stay at or below 0.6."""
    photos = folders.list_photos(drawn)
    rows = np.stack([np.histogram(images.read(p.path)[..., 0], 16, (0, 80))[0] for p in photos])
    truth = np.array([photo.label for photo in photos])
    apart = ((np.sqrt(rows)[:, None] - np.sqrt(rows)[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = truth[np.argsort(apart, axis=1)[:, :5]]
    answers = np.array([np.bincount(row).argmax() for row in nearest])
    assert len(truth) == 180 and (answers == truth).mean() <= 0.6


def test_samples_are_learnt_exported_and_scored(drawn: Path, tmp_path: Path) -> None:
    """Three blocks: at least 0.9 of what was held out, by network and by exported model.

    The 16 epochs of the defaults reach 0.90 to 0.97, which is no margin; 32 reach 1.0 with every seed tried.
    """
    run = work.prepare("radar", {"precision": "float32", "epochs": 32}, drawn, tmp_path / "runs", None, "cpu")
    assert work.run_training(run).state == "done"
    last = run.history()[-1]
    assert last["accuracy"] >= 0.9 and last["base_rate"] < 0.4 and last["macro_f1"] > 0.85
    model = models.load(run.model_folder)
    assert model.classes == ("Cellular", "Missing", "Noise", "Other", "QLCS", "Tropical")
    told = model.info["scores"]
    assert told["metrics"]["accuracy"]["value"] >= 0.9 and told["part"] == "validation" and told["n"] > 20
    picture = images.read(drawn / "Tropical" / "storm-01.png")
    assert model.classes[int(model(picture).argmax())] == "Tropical"
    assert model.activation_map(picture) is None


def test_pictures_of_one_day_stay_together(tmp_path: Path) -> None:
    read = radar_folders.read_folder(_small(tmp_path / "data"))
    assert sorted({example.photo.group for example in read.examples}) == ["20110401", "20110402", "20110403"]
    assert radar_folders.group_of("storm-01", "abc") == "abc"


def test_what_is_no_radar_picture_is_left_out_in_words(tmp_path: Path) -> None:
    folder = _small(tmp_path / "data")
    images.write_png(folder / "QLCS" / "small.png", np.zeros((64, 64), np.uint8))
    images.write_png(folder / "QLCS" / "bright.png", np.full((136, 136), 255, np.uint8))
    colour = np.zeros((136, 136, 3), np.uint8)
    colour[..., 0] = 40
    images.write_png(folder / "QLCS" / "colour.png", colour)
    found = radar_folders.preflight(folder)
    assert not found.problems and found.n_images == 6 and any("3 files are left out" in note for note in found.notes)
    with pytest.raises(ImageError, match="64 × 64 px, wanted 136 × 136"):
        radar_folders.read_picture(folder / "QLCS" / "small.png")


def test_one_picture_in_two_classes_is_left_out(tmp_path: Path) -> None:
    folder = _small(tmp_path / "data")
    field = radar.draw("Other", np.random.default_rng(0))
    for name in ("Cellular", "QLCS"):
        images.write_png(folder / name / "same.png", field)
    read = radar_folders.read_folder(folder)
    assert len(read.examples) == 6 and len(read.disputed) == 1 and read.dropped == 2


def test_codes_are_read_from_the_table_and_contradictions_refused(tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text(TABLE)
    assert radar_folders.read_table(table) == ({5: "Noise", 4: "Missing"}, {"a": "Noise", "b": "Missing", "c": "Noise"})
    assert radar_folders.check_classes(("Missing", "Noise"), {5: "Noise", 4: "Missing"}) == []
    assert radar_folders.check_classes(("Missing", "Hail"), {5: "Noise", 4: "Missing"}) == [
        "The table knows no class Hail.",
        "There is no picture of Noise.",
    ]
    for row in ("d,4,Noise\n", "a,4,Missing\n", "e,x,Noise\n", "f,6,Noise\n"):
        table.write_text(TABLE + row)
        with pytest.raises(DataError):
            radar_folders.read_table(table)


def test_svrimg_is_sorted_into_a_folder_per_class(tmp_path: Path) -> None:
    source, table, out = tmp_path / "png", tmp_path / "classes.csv", tmp_path / "out"
    table.write_text(TABLE)
    field = np.full((136, 136), 30, np.uint8)
    for name in ("a", "b", "stranger"):
        images.write_png(source / f"{name}.png", field)
    report = svrimg.import_folder(source, table, out)
    assert report.counts == {"Missing": 1, "Noise": 1} and "stranger has no row" in report.left_out[0]
    assert (radar_folders.read_picture(out / "Noise" / "a.png") == 30).all()
    with pytest.raises(DataError, match="holds something already"):
        svrimg.import_folder(source, table, out)


def test_arrays_are_read_and_pickles_refused(tmp_path: Path) -> None:
    table, array = tmp_path / "classes.csv", tmp_path / "all.npy"
    table.write_text(TABLE)
    np.save(array, np.arange(3, dtype=np.uint8)[:, None, None] + np.zeros((1, 136, 136), np.uint8))
    svrimg.import_folder(array, table, tmp_path / "out")
    assert (radar_folders.read_picture(tmp_path / "out" / "Noise" / "c.png") == 2).all()
    pickled = tmp_path / "pickled.npy"
    np.save(pickled, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(DataError, match="pickled objects and is not opened.*numpy.save"):
        svrimg.import_folder(pickled, table, tmp_path / "two")
    (tmp_path / "raw.npy").write_bytes(b"\x80\x04nothing")
    with pytest.raises(DataError, match="is a pickle"):
        svrimg.import_folder(tmp_path / "raw.npy", table, tmp_path / "two")
    np.save(array, np.zeros((3, 136, 136), np.float32))
    with pytest.raises(DataError, match="wanted uint8"):
        svrimg.import_folder(array, table, tmp_path / "two")


@pytest.mark.skipif(not REAL.is_dir(), reason="no real radar pictures: set CLOUDCORE_REAL_DATA")
def test_real_pictures_and_the_real_table_have_the_known_form(tmp_path: Path) -> None:
    paths = images.list_images(REAL / "images")
    stack = svrimg.read_array(REAL / "test_imgs.npy")
    pictures = [radar_folders.read_picture(path)[..., 0] for path in paths]
    assert len(paths) == 5 and {picture.tobytes() for picture in pictures} == {field.tobytes() for field in stack}
    assert {radar_folders.group_of(path.stem, "") for path in paths} == {"20110404"}
    table = REAL / "eg_classes_96-17.csv"
    codes, classes = radar_folders.read_table(table)
    with table.open() as file:
        assert {(int(row["Class Code"]), row["Class Name"]) for row in csv.DictReader(file)} == set(codes.items())
    assert len(classes) == 1741 and radar_folders.check_classes(radar.CLASSES, codes) == []


def test_the_task_is_found_and_runs_are_listed(tmp_path: Path) -> None:
    task = get_task("radar")
    assert task.kind == "class" and list(task.presets) == [
        "Three blocks",
        "Chapter",
        "Chapter, dropout and augmentation",
    ]
    assert task.variants is not None
    shown = task.variants(tasks_radar.Config(), np.zeros((136, 136, 3), np.uint8), 9)
    assert len(shown) == 9 and shown[0].shape == (136, 136, 3)
    assert runs.list_runs(tmp_path) == []
