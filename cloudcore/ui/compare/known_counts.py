"""Counts of models on frames by their content, kept in memory for all sessions."""

from collections import OrderedDict

import streamlit as st

from cloudcore import models
from cloudcore.ui import lens
from cloudcore.ui.compare.predictions import Case, Counts, model_mark

MOST_KEPT = 6000
"""Counts kept in memory, some 50 kB a frame and model."""


def name_of(predictor: models.Predictor, case: Case, grid: lens.Grid) -> str:
    """Names a model's answer for a frame with this truth, at these slider steps."""
    return f"{model_mark(predictor)}|{case.identity}|{hash(grid)}"


def find(predictor: models.Predictor, case: Case, grid: lens.Grid) -> Counts | str | None:
    """The counts of a model on a frame; a sentence where the frame cannot be scored; None where nobody counted yet."""
    return _kept().get(name_of(predictor, case, grid))


def keep(predictor: models.Predictor, case: Case, grid: lens.Grid, answer: Counts | str) -> None:
    """Keep counts, or the sentence in their place; the oldest give way beyond MOST_KEPT."""
    kept = _kept()
    kept[name_of(predictor, case, grid)] = answer
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)


@st.cache_resource(show_spinner=False)
def _kept() -> OrderedDict[str, Counts | str]:
    return OrderedDict()
