"""The lens on Compare: its data, the set's Dice, and the actions of the two buttons."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import models
from cloudcore.errors import ModelError
from cloudcore.frames import listing
from cloudcore.masks import mask, sweep
from cloudcore.ui import lens
from cloudcore.ui.compare import patterns, predictions
from cloudcore.ui.compare.counting import MARKS, View, levels_of
from cloudcore.ui.compare.known_counts import name_of
from cloudcore.ui.compare.selection import Choice, Contender
from cloudcore.ui.shared.library import LABEL_SET


def look_through(view: View, beside: DeltaGenerator) -> View:
    """Draw the lens (its sliders in `beside`) and return the view as its sliders now stand."""
    choice, grid = view.choice, view.choice.grid
    whole = set_surface(view)
    picture: lens.Picture | None = None
    shown = surface(view)
    if not choice.whole:
        counts, picture = _against_truth(view) if choice.rival is None else _against_rival(view, choice.rival)
        shown = counts.dice()
    # against a rival the sliders change how far two models agree, which has no best
    best = None if choice.rival and not choice.whole else grid.nearest(*best_of(view, shown)[:2])
    tables = lens.Tables(shown, None if choice.whole else whole)
    sliders = lens.Sliders(grid, view.at, choice.usual(choice.model), best, view.marks.order)
    value = lens.lens(picture, tables, sliders, names=_names(view), key="compare", beside=beside)
    if value is None or (value.threshold, value.min_size) == (view.marks.threshold, view.marks.min_size):
        return view
    marks = replace(view.marks, threshold=value.threshold, min_size=value.min_size)
    st.session_state[MARKS] = marks
    return replace(view, marks=marks, at=grid.nearest(marks.threshold, marks.min_size))


def _names(view: View) -> lens.Names:
    choice, count = view.choice, len(view.counted())
    of_set = f"set of {count}"
    if choice.rival is None or choice.whole:
        names = lens.Names(model=choice.model.name, truth="Truth", set=of_set, dice="Dice")
    else:
        mine, other = choice.model.name, choice.rival.name
        parts = ("both", f"only {mine}", f"only {other}")
        names = lens.Names(mine, other, *parts, dice="Agreement, Dice", set=of_set)
    if not choice.several:
        return names
    if names.wrong == "false cloud":
        names = replace(names, wrong=f"false {choice.pattern}")
    colour = patterns.ink(choice.model.predictor.classes, choice.pattern)
    return replace(
        names,
        thing=choice.pattern,
        nothing=f"no {choice.pattern}",
        smallest="Smallest area, px",
        oktas=False,
        ink=colour,
        black=patterns.is_on_black(),
        iou=not choice.whole,
    )


def _against_truth(view: View) -> tuple[predictions.Counts, lens.Picture]:
    choice = view.choice
    image, _ = predictions.read(choice.case, choice.library.store, LABEL_SET)
    _, valid = mask.from_label(view.label)
    doc = name_of(choice.model.predictor, choice.case, choice.grid)
    if choice.several and patterns.is_on_black():
        doc = f"{doc}|black"
    return view.found[choice.case.stem], lens.Picture(doc, image, view.level, view.label, valid, _caption(choice))


def _against_rival(view: View, rival: Contender) -> tuple[predictions.Counts, lens.Picture]:
    choice, case, usual = view.choice, view.choice.case, view.choice.usual(rival)
    image, label = predictions.read(case, choice.library.store, LABEL_SET)
    level = levels_of(choice, rival.predictor, case, image)
    cloud, _, valid = predictions.masks_at(level, label, choice.grid, *usual)
    other = np.where(valid, np.where(cloud, mask.CLOUD, mask.SKY), mask.UNDEFINED).astype(np.uint8)
    names = [name_of(predictor, case, choice.grid) for predictor in (choice.model.predictor, rival.predictor)]
    doc = f"{'|'.join(names)}|{usual}"
    picture = lens.Picture(doc, image, view.level, other, valid, _caption(choice))
    return predictions.count(view.level, other, choice.grid), picture


def _caption(choice: Choice) -> str:
    case = choice.case
    camera = listing.camera_of(case.path.name) if case.time else short(case.stem)
    parts = [camera, f"{case.time:%Y-%m-%d %H:%M} UTC" if case.time else ""]
    if case.table is not None:
        parts.append(", ".join(case.table.present(case.path.name)) or "no pattern")
    if case.stem in choice.learnt:
        parts.append("trained on this")
    return " · ".join(part for part in parts if part)


def called(case: predictions.Case) -> str:
    """A frame's name under a small picture: its time in UTC, else the end of its stem."""
    return f"{case.time:%m-%d %H:%M}" if case.time else short(case.stem)


def short(stem: str) -> str:
    """A stem's last part, shortened from the left."""
    name = stem.rsplit("/", 1)[-1]
    return name if len(name) <= 14 else f"…{name[-13:]}"


def pooled(counts: Sequence[predictions.Counts]) -> predictions.Counts | None:
    """The pixels of several frames together, None of none."""
    return reduce(add, counts) if counts else None


def set_surface(view: View) -> predictions.Floats | None:
    """Dice of every slider step over the set, (T, M): pixels pooled for sky, the mean over images for patterns."""
    counts = view.counted()
    if not counts:
        return None
    if view.choice.several:
        return np.asarray(np.mean([one.dice() for one in counts], axis=0), np.float64)
    whole = pooled(counts)
    return whole.dice() if whole else None


def surface(view: View) -> predictions.Floats:
    """Dice of every slider step, (T, M), of what the scores are shown of: the frame in view, or the whole set."""
    whole = set_surface(view) if view.choice.whole else None
    return view.found[view.choice.case.stem].dice() if whole is None else whole


def best_of(view: View, dice: predictions.Floats) -> tuple[float, float, float]:
    """(threshold, min_size, Dice) of the best slider step of a surface."""
    return sweep.best(dice, view.choice.grid.thresholds, view.choice.grid.min_sizes)


def use(view: View, threshold: float, min_size: float) -> None:
    """Move the sliders to a threshold and min_size, as [Use best] does."""
    marks = replace(view.marks, threshold=threshold, min_size=int(min_size), order=view.marks.order + 1)
    st.session_state[MARKS] = marks


def save_default(view: View) -> None:
    """Write the sliders' values into the model as its default, with the data they were chosen on."""
    choice, marks = view.choice, view.marks
    where = "frames of this app" if choice.own_frames else f"{choice.noun}s of a data folder"
    note = f"chosen on Compare over {len(view.counted())} {where}"
    try:
        if choice.several:
            mark = marks.threshold, marks.min_size
            patterns.save(choice.model.folder, choice.model.predictor, choice.model.index, mark, note)
        else:
            models.write_threshold(choice.model.folder, [marks.threshold], [marks.min_size], None, note)
    except ModelError as error:
        st.toast(str(error))
        return
    except OSError as error:
        st.toast(f"Not saved: {error.strerror or error}. The model's folder must be writable.")
        return
    of = f"{choice.pattern} in {choice.model.name}" if choice.several else choice.model.name
    st.toast(f"Saved {marks.threshold:.2f}, {marks.min_size:,} px as the default of {of}")
