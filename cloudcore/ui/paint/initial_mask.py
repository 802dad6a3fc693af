"""The initial mask of a frame, to be painted over: from a model, from red over blue, from brightness, or empty."""

from collections.abc import Sequence

import numpy as np

from cloudcore import models
from cloudcore.errors import CloudcoreError
from cloudcore.masks.mask import Mask
from cloudcore.settings import Settings
from cloudcore.sky import initial_masks
from cloudcore.ui.paint import strokes
from cloudcore.ui.paint.paint_session import PaintSession, current_session
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.models import find_predictor

KINDS = MODEL, RATIO, BRIGHTNESS, EMPTY = ("Model", "Red/blue", "Bright", "Empty")
"""How an initial mask is computed, as the page names it."""


def sky_models(settings: Settings) -> Sequence[str]:
    """Names of the models that answer with one mask."""
    return [entry.name for entry in models.available(settings) if entry.kind == "mask"]


def compute(session: PaintSession, kind: str, model: str | None, settings: Settings) -> Mask:
    """The initial mask of one of KINDS, bool (H, W). Raises CloudcoreError where the model is missing or fails."""
    if kind == MODEL:
        if model is None:
            raise CloudcoreError("There is no model yet. Train one, or choose another first coat.")
        return find_predictor(model, settings).mask(session.image, session.valid)
    if kind == RATIO:
        return initial_masks.from_ratio(session.image, session.valid)
    if kind == BRIGHTNESS:
        return initial_masks.from_brightness(session.image, session.valid)
    return np.zeros(session.valid.shape, np.bool_)


def lay(kind: str, model: str | None) -> None:
    """Compute an initial mask and put it in place of the paint; keep the reason on the session where it fails."""
    session = current_session()
    if session is None:
        return
    strokes.keep_stroke()
    try:
        strokes.lay_cloud(session, compute(session, kind, model, open_library().settings))
    except CloudcoreError as error:
        session.problem = f"No coat laid: {error}"
