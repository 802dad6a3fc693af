"""Charts of Compare: Dice over the sliders' steps, precision against recall, cloud fraction against the truth."""

import numpy as np
import streamlit as st

from cloudcore.models import charts
from cloudcore.ui.compare import predictions, selection, viewer
from cloudcore.ui.compare.counting import View
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures


def show_surface(view: View) -> None:
    """Draw Dice over threshold x min_size and precision against recall, each behind a tab; then the two buttons."""
    choice, dice = view.choice, viewer.surface(view)
    best = viewer.best_of(view, dice)
    surface, curve = st.tabs(["Dice surface", "Precision–recall"])
    with surface:
        figure = charts.surface(
            dice,
            choice.grid.thresholds,
            choice.grid.min_sizes,
            (view.marks.threshold, view.marks.min_size),
            best[:2],
            dark=is_dark(),
        )
        st.plotly_chart(
            figure,
            theme=None,
            config=figures.CONFIG,
            key="compare-surface",
            alt=f"Dice is best, {best[2]:.3f}, at threshold {best[0]:.2f} and {best[1]:,.0f} px",
        )
    with curve:
        show_curve(view, 216, "compare-curve")
    with st.container(horizontal=True, gap="xsmall"):
        if st.button(f"Use best: {best[0]:.2f}, {best[1]:,.0f} px", key=selection.BEST):
            viewer.use(view, best[0], best[1])
            st.rerun()
        if st.button("Save as default", type="tertiary", help="Writes the sliders' values into the model"):
            viewer.save_default(view)


def show_curve(view: View, height: int, key: str) -> None:
    """Draw precision against recall over all thresholds at the sliders' min_size; of both models if there are two."""
    lines: dict[str, tuple[predictions.Floats, predictions.Floats]] = {}
    marks: dict[str, tuple[float, float]] = {}
    base = None
    for side in view.sides:
        counts, (k, m) = viewer.pooled(view.in_scope(side)), side.at
        if counts is None or not counts.truth:
            continue
        kept = counts.predicted[:, m] > 0
        precision = counts.hit[kept, m] / counts.predicted[kept, m]
        lines[side.name] = (precision, counts.hit[kept, m] / counts.truth)
        base = counts.truth / max(counts.defined, 1)
        if counts.predicted[k, m]:
            marks[side.name] = (counts.hit[k, m] / counts.predicted[k, m], counts.hit[k, m] / counts.truth)
    if not lines:
        st.caption(f"No {view.choice.pattern or 'cloud'} in the truth: precision and recall say nothing here.")
        return
    figure = charts.precision_recall(lines, marks, base, dark=is_dark(), height=height)
    said = "; ".join(f"{name}: precision {p:.3f}, recall {r:.3f}" for name, (p, r) in marks.items())
    st.plotly_chart(figure, theme=None, config=figures.CONFIG, key=key, alt=f"Precision against recall. {said}")


def show_whole(view: View) -> None:
    """Draw the whole set: precision against recall, and each frame's cloud fraction against the truth."""
    left, right = st.columns(2, gap="small")
    with left:
        show_curve(view, 330, "compare-set-curve")
    with right:
        cases = [case for case in view.choice.counted if case.stem in view.found]
        found = [predictions.scores(view.found[case.stem].confusion(*view.at)[None]) for case in cases]
        truth, model = ([float(one[name]) for one in found] for name in ("cloud_truth", "cloud_predicted"))
        error = float(np.mean(np.abs(np.array(truth) - np.array(model)))) if cases else float("nan")
        names, thing = [viewer.called(case) for case in cases], view.choice.pattern or "Cloud"
        figure = charts.fractions(truth, model, names, dark=is_dark(), height=330)
        if view.choice.several:
            figure.update_layout(xaxis_title=f"{thing}, truth", yaxis_title=f"{thing}, model")
        st.plotly_chart(
            figure,
            theme=None,
            config=figures.CONFIG,
            key="compare-fractions",
            alt=f"{thing} fraction of {len(cases)} {view.choice.noun}s, mean error {error:.3f}",
        )
