"""What a photograph shows: its genus with the top three, the genus in words, and the person's own label."""

import html

import streamlit as st

from cloudcore import models
from cloudcore.errors import CloudcoreError
from cloudcore.photographs.genera import BAND_WORDS, GENERA, Genus, base_words, find
from cloudcore.ui.cloud_type import photographs
from cloudcore.ui.cloud_type.photographs import CLEAR, OTHER, Photograph
from cloudcore.ui.shared import author
from cloudcore.ui.shared.library import Library


def show(photo: Photograph, entry: models.ModelEntry) -> None:
    """Draw genus, band and the top three with their confidence, or say that it is a clear sky or no cloud."""
    genus = find(photo.answer)
    st.html(_title(photo.answer, genus))
    if photo.answer == CLEAR:
        st.caption("Blue and smooth nearly everywhere. The model knows clouds alone and would have said:")
    elif photo.answer == OTHER:
        st.caption("Less like a cloud photograph than 95 of 100 the model knows. Were it one, it would say:")
    elif genus is None:
        st.caption("Not one of the ten genera of the WMO.")
    st.html(_bars(photo, muted=genus is None))
    st.caption(confidence_words(photo.top[0][1], entry))


def _title(answer: str, genus: Genus | None) -> str:
    if genus is None:
        return f'<div style="font-size:1.5rem;font-weight:650">{html.escape(answer)}</div>'
    return (
        f'<div style="font-size:1.75rem;font-weight:650;line-height:1.2">{genus.name} '
        f'<span style="font-size:1.05rem;font-weight:400;opacity:.7">{genus.code}</span></div>'
        f'<div style="display:flex;align-items:center;gap:.5rem;margin-top:.35rem"><span aria-hidden="true" '
        f'style="width:.8rem;height:.8rem;border-radius:2px;background:{genus.colour}"></span>'
        f"{BAND_WORDS[genus.band]}</div>"
    )


def _bars(photo: Photograph, muted: bool) -> str:
    rows = []
    for name, probability in photo.top:
        genus = find(name)
        colour = "#8A96A0" if muted or genus is None else genus.colour
        share = f"{100 * probability:.0f} %"
        rows.append(
            f"<div>{html.escape(name)}</div>"
            f'<div style="background:#80889040;border-radius:2px;height:.55rem"><div '
            f'style="width:{100 * probability:.1f}%;'
            f'height:100%;border-radius:2px;background:{colour}"></div></div>'
            f'<div style="text-align:right;font-weight:600;font-variant-numeric:tabular-nums">{share}</div>'
        )
    grid = "display:grid;grid-template-columns:8.5rem 1fr 3rem;gap:.45rem .6rem;align-items:center"
    return f'<div style="{grid}" class="top-three">{"".join(rows)}</div>'


def confidence_words(probability: float, entry: models.ModelEntry) -> str:
    """How often such a confidence was right on held-out photographs, in a sentence; another where nobody counted."""
    for bin_ in entry.info.scores.get("reliability", []):
        if bin_["low"] < probability <= bin_["high"] and bin_["n"]:
            right = round(bin_["accuracy"] * bin_["n"])
            between = f"{100 * bin_['low']:.0f}–{100 * bin_['high']:.0f} %"
            return f"Of {bin_['n']} held-out photographs answered at {between}, {right} were right."
    return "How often such a confidence is right was not counted on held-out photographs."


def ask_label(photo: Photograph, library: Library) -> None:
    """Ask for the person's label: Right, Wrong, or what it is; save it by one click and show it."""
    head = library.store.class_of(photographs.LABEL_SET, photo.stem)
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    said = None
    with row:
        if st.button("Right", key=f"genus-right-{photo.stem}", disabled=not photo.picture):
            said = photo.answer
        if st.button("Wrong", key=f"genus-wrong-{photo.stem}", disabled=not photo.picture):
            said = f"not {photo.answer}"
        key = f"genus-is-{photo.stem}-{head.revision if head else 0}"
        names = [genus.name for genus in GENERA] + [CLEAR, OTHER]
        other = st.selectbox("It is", names, index=None, placeholder="It is…", key=key, label_visibility="collapsed")
        said = other or said
    if head is not None:
        st.caption(f"Your label: {head.name} (revision {head.revision}, {head.author}).")
    if said is not None and (head is None or head.name != said):
        _save(photo, said, library)


def _save(photo: Photograph, name: str, library: Library) -> None:
    try:
        revision = photographs.label(photo, name, library.store, library.settings.workspace, author.current())
    except CloudcoreError as problem:
        st.error(str(problem))
        return
    st.toast(f"Saved, revision {revision}")
    st.rerun()


def show_texts(photo: Photograph) -> None:
    """Say what the genus looks like, what it is mistaken for, and what weather it brings."""
    genus = find(photo.top[0][0]) if photo.answer not in (CLEAR, OTHER) else None
    if genus is None:
        return
    st.markdown(f"**Looks like** {genus.looks} Usual {base_words(genus)}.")
    st.markdown("**Mistaken for** " + " ".join(f"*{other}.* {how}" for other, how in genus.mistaken))
    st.markdown(f"**Weather** {genus.weather}")
