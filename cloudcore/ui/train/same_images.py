"""The same held-out images answered by each of some runs, side by side: errors, outlines, or the top three classes."""

import filecmp
import html
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cloudcore import images, models, runs
from cloudcore.errors import CloudcoreError
from cloudcore.frames import labelled
from cloudcore.masks import mask, metrics
from cloudcore.models import mask_evaluation
from cloudcore.photographs import folders as photographs_folders
from cloudcore.satellite import table as satellite_table
from cloudcore.ui.shared.models import load_predictor
from cloudcore.ui.train import class_form, pattern_form
from cloudcore.views import render

T = TypeVar("T")
COUNT = {"mask": 4, "masks": 4, "class": 5}
"""How many images each of the runs answers, by kind."""
WORDS = {"mask": "frames", "masks": "images", "class": "pictures"}
SIDE = 320
"""Longer side of a picture, px."""
GRID_HW = (175, 263)
"""What patterns are drawn on, px: half the grid they are scored on."""
QUIET_S = 0.5
"""How long answers may take before a count is shown, s."""
ALL = "All four"
SHOWN_CLASSES = 3
_LIST = (
    "font-size:12.5px;line-height:1.5;display:grid;grid-template-columns:minmax(0,1fr);gap:2px;"
    "font-variant-numeric:tabular-nums"
)
_LINE = "display:flex;justify-content:space-between;gap:.3rem;padding:0 .25rem;border-radius:2px"
_CUT = "min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap"


@dataclass(frozen=True)
class Item:
    """A held-out image: its stem, its file, and the truth: a Pair, the label table's path, or the class's name."""

    stem: str
    path: Path
    truth: Any


@dataclass(frozen=True)
class Model:
    """A run that has left a model: its name, its folder, and the time of change that names its state."""

    name: str
    folder: Path
    changed_ns: int


def show(chosen: Sequence[runs.Run], names: Sequence[str]) -> None:
    """Draw a row a run; say why not where fewer than two can answer or they hold out nothing in common."""
    done = [(run, name) for run, name in zip(chosen, names, strict=True) if (run.model_folder / "model.json").is_file()]
    if len(done) < 2:
        st.caption("The same images by each: once two of these runs have left a model.")
        return
    try:
        infos = [models.ModelInfo.read(run.model_folder) for run, _ in done]
        if len({info.task for info in infos}) > 1:
            st.caption("These runs learnt different tasks: there is no image that all of them answer.")
            return
        _show(done, infos)
    except CloudcoreError as error:
        st.caption(str(error))


def _show(done: Sequence[tuple[runs.Run, str]], infos: Sequence[models.ModelInfo]) -> None:
    kind = infos[0].kind
    shared = _shared([run for run, _ in done], infos)
    if not shared:
        st.caption(f"These runs hold out none of the same {WORDS[kind]}: take the same data and split to compare them.")
        return
    count = min(COUNT[kind], len(shared))
    picked = [shared[index * len(shared) // count] for index in range(count)]
    st.subheader(f"The same {WORDS[kind]} by each", anchor=False)
    all_of_them = "both" if len(done) == 2 else f"all {len(done)}"
    st.caption(f"{len(picked)} of the {len(shared):,} that {all_of_them} hold out.")
    given = [Model(name, run.model_folder, (run.model_folder / "model.json").stat().st_mtime_ns) for run, name in done]
    {"mask": _show_masks, "masks": _show_patterns, "class": _show_classes}[kind](given, picked, infos[0].task)


def _shared(done: Sequence[runs.Run], infos: Sequence[models.ModelInfo]) -> list[Item]:
    """Images that no run learnt from or chose its weights by: the same stem, and the same file where data differ."""
    held = [{*info.validated_on, *info.tested_on} for info in infos]
    folders = [str(run.config()["data"]) for run in done]
    found = [_items(Path(folder), infos[0].kind) for folder in folders]
    common = [item for stem, item in found[0].items() if all(stem in each for each in held)]
    others = [each for each, folder in zip(found, folders, strict=True) if folder != folders[0]]
    return [item for item in common if all(_is_same(item, each.get(item.stem)) for each in others)]


def _is_same(item: Item, other: Item | None) -> bool:
    return other is not None and filecmp.cmp(item.path, other.path, shallow=False)


@st.cache_data(show_spinner=False, max_entries=8, ttl=60)
def _items(folder: Path, kind: str) -> dict[str, Item]:
    """Stem -> labelled image of a data folder, as its task names it. Raises DataError."""
    if kind == "mask":
        return {pair.stem: Item(pair.stem, pair.image, pair) for pair in labelled.pairs(folder)}
    if kind == "masks":
        path, place = satellite_table.find(folder)
        named = pattern_form.table(path, path.stat().st_mtime_ns).images
        return {name: Item(name, place / name, path) for name in named if (place / name).is_file()}
    classes = photographs_folders.list_classes(folder)
    photos = photographs_folders.list_photos(folder, classes)
    return {photo.stem: Item(photo.stem, photo.path, classes[photo.label]) for photo in photos}


def _answers(given: Sequence[Model], picked: Sequence[Item], ask: Callable[[Model, Item], T]) -> list[list[T]]:
    """Ask each model about each image, a list a model; show a count where that takes longer than a moment."""
    place, began, done = st.empty(), time.monotonic(), 0
    rows: list[list[T]] = []
    for model in given:
        rows.append([])
        for item in picked:
            rows[-1].append(ask(model, item))
            done += 1
            if time.monotonic() - began > QUIET_S:
                place.progress(done / (len(given) * len(picked)), f"{done} of {len(given) * len(picked)} answered")
    place.empty()
    return rows


def _row(title: str, items: Sequence[Item], pictures: Sequence[tuple[bytes, str]]) -> None:
    st.caption(title)
    for cell, item, (picture, words) in zip(
        st.columns(COUNT["mask"], gap="xsmall", wrap=False), items, pictures, strict=False
    ):
        with cell.container(gap=None):
            st.image(picture, width="stretch", alt=f"{title} on {item.stem}: {words}")
            st.caption(words)


def _show_masks(given: Sequence[Model], picked: Sequence[Item], task: str) -> None:
    """Error maps, with each frame's mIoU."""
    rows = _answers(given, picked, lambda model, item: _errors(model, item, item.path.stat().st_mtime_ns))
    for model, pictures in zip(given, rows, strict=True):
        _row(model.name, picked, pictures)
    _show_error_key()


@st.cache_data(show_spinner=False, max_entries=256)
def _errors(model: Model, item: Item, changed_ns: int) -> tuple[bytes, str]:
    """Error map as JPEG, and the frame's mIoU in words."""
    answers, (image, label) = load_predictor(model.folder), labelled.read_pair(item.truth)
    truth, valid = mask.from_label(label)
    predicted = answers.mask(image, valid)
    score = metrics.confusion(predicted, truth, valid).miou
    picture = images.thumbnail(render.error_map(image, predicted, truth, valid), SIDE)
    return images.encode_jpeg(picture), f"mIoU {score:.3f}"


def _show_patterns(given: Sequence[Model], picked: Sequence[Item], task: str) -> None:
    """The outlines of all four patterns under the labels' own, or the errors of one."""
    classes = satellite_table.PATTERNS
    view = str(
        st.segmented_control(
            "Pattern", (ALL, *classes), default=ALL, required=True, key="runs-pattern", label_visibility="collapsed"
        )
    )
    rows = _answers(given, picked, lambda model, item: _patterns(model, item.path, item.path.stat().st_mtime_ns))
    truths = [_truth(item) for item in picked]
    if view == ALL:
        _row("Labels", picked, [_outlines(item, truth, None) for item, truth in zip(picked, truths, strict=True)])
    for model, masks in zip(given, rows, strict=True):
        answered = list(zip(picked, masks, truths, strict=True))
        if view == ALL:
            _row(model.name, picked, [_outlines(*one) for one in answered])
        else:
            _row(model.name, picked, [_pattern_errors(*one, classes.index(view)) for one in answered])
    if view == ALL:
        _show_key(list(zip(classes, render.PATTERNS, strict=True)))
    else:
        _show_error_key()


@st.cache_data(show_spinner=False, max_entries=256)
def _patterns(model: Model, path: Path, changed_ns: int) -> NDArray[np.bool_]:
    """Cleaned masks of an image, bool (4, 350, 525)."""
    return load_predictor(model.folder).mask(images.read(path), out_hw=satellite_table.GRID_HW)


def _truth(item: Item) -> NDArray[np.bool_]:
    table = pattern_form.table(item.truth, item.truth.stat().st_mtime_ns)
    return np.asarray(table.masks(item.path.name, satellite_table.GRID_HW), np.bool_)


def _small(item: Item) -> images.Image:
    return images.resize(images.read(item.path), GRID_HW)


def _outlines(item: Item, masks: NDArray[np.bool_], truth: NDArray[np.bool_] | None) -> tuple[bytes, str]:
    """The image with masks (4, 350, 525) outlined, their mean Dice where there is a truth, and which are there."""
    found = [name for name, one in zip(satellite_table.PATTERNS, masks, strict=True) if one.any()]
    words = ", ".join(found) or "no pattern"
    if truth is not None:
        words = f"Dice {mask_evaluation.dice_rows(masks, truth).mean():.3f} · {words}"
    return images.encode_jpeg(render.patterns(_small(item), _halved(masks))), words


def _pattern_errors(item: Item, masks: NDArray[np.bool_], truth: NDArray[np.bool_], index: int) -> tuple[bytes, str]:
    """The error map of one pattern, and its Dice."""
    score = metrics.dice(masks[index], truth[index])
    both = not masks[index].any() and not truth[index].any()
    small = (_halved(masks)[index], _halved(truth)[index])
    words = f"Dice {score:.3f}" + (" · none there, none said" if both else "")
    return images.encode_jpeg(render.error_map(_small(item), *small)), words


def _halved(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.ascontiguousarray(masks[:, ::2, ::2])


def _show_classes(given: Sequence[Model], picked: Sequence[Item], task: str) -> None:
    """Each picture with its class, below it what each run says: its three likeliest classes, right or wrong."""
    rows = _answers(given, picked, lambda model, item: _top(model, item.path, item.path.stat().st_mtime_ns))
    with st.container(key="strip-classes"):
        cells = st.columns(COUNT["class"], gap="xsmall", wrap=False)
    for cell, item in zip(cells, picked, strict=False):
        with cell.container(gap=None):
            seen = class_form.picture(item.path, task, item.path.stat().st_mtime_ns)
            st.image(seen, width="stretch", alt=f"{item.stem}, class {item.truth}")
            st.caption(str(item.truth))
    for model, tops in zip(given, rows, strict=True):
        right = sum(top[0][0] == item.truth for top, item in zip(tops, picked, strict=True))
        st.caption(f"{model.name} · {right} of {len(picked)} right")
        for cell, item, top in zip(st.columns(COUNT["class"], gap="xsmall", wrap=False), picked, tops, strict=False):
            cell.html(_bars(top, str(item.truth)))


@st.cache_data(show_spinner=False, max_entries=512)
def _top(model: Model, path: Path, changed_ns: int) -> list[tuple[str, float]]:
    """The likeliest classes of a picture with their probabilities, likeliest first."""
    answers = load_predictor(model.folder)
    probability = answers(images.read(path))
    order = np.argsort(-probability, kind="stable")[:SHOWN_CLASSES]
    return [(answers.classes[number], float(probability[number])) for number in order]


def _bars(top: Sequence[tuple[str, float]], truth: str) -> str:
    """Right or wrong in a word, then a line a class whose ground is filled as far as its probability."""
    is_right = top[0][0] == truth
    colour = "light-dark(#1F7A4D,#7CCBA0)" if is_right else "light-dark(#B5352B,#F08A7D)"
    lines = [f"<div style='font-weight:600;color:{colour}'>{'right' if is_right else 'wrong'}</div>"]
    for name, share in top:
        filled = f"color-mix(in srgb,currentColor 20%,transparent) {100 * share:.0f}%,transparent 0"
        lines.append(
            f"<div style='{_LINE};font-weight:{600 if name == truth else 400};background:linear-gradient(to right,"
            f"{filled})'><span style='{_CUT}' title='{html.escape(name, quote=True)}'>{html.escape(name)}</span>"
            f"<span>{share:.2f}</span></div>"
        )
    return f"<div style='{_LIST}'>{''.join(lines)}</div>"


def _show_error_key() -> None:
    _show_key([("hit", render.HIT), ("false, solid", render.FALSE_CLOUD), ("missed, hatched", render.MISSED)])


def _show_key(colours: Sequence[tuple[str, render.Rgb]]) -> None:
    """Draw what the colours of the pictures above mean."""
    parts = [
        f"<span style='display:inline-flex;align-items:center;gap:.35rem'><i style='width:.7rem;height:.7rem;"
        f"border-radius:2px;background:rgb{rgb};box-shadow:0 0 0 1px #0b101466'></i>{html.escape(name)}</span>"
        for name, rgb in colours
    ]
    st.html(
        f"<div style='display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:13px;opacity:.85'>{''.join(parts)}</div>"
    )
