"""What the Cloud type page is made of: model, photographs in, strip, photograph with heat map, genus and its texts."""

import html
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore import images, models
from cloudcore.errors import CloudcoreError
from cloudcore.photographs.genera import BAND_WORDS, GENERA, Genus, base_words, find
from cloudcore.ui.cloud_type import photographs
from cloudcore.ui.cloud_type.photographs import CLEAR, OTHER, Photograph
from cloudcore.ui.shared import author
from cloudcore.ui.shared.widgets import Library

INSPECTOR_PX = 336
STRIP_PX = 176
STRIP_HEIGHT = 680
ACCEPTED_MB = 50
PHOTO, LOOKED = "Photograph", "Where it looked"
ANSWER, CLEANER = "Photographs", "Clean and train"
KIND = "class"
SAMPLE_GENERA = ("Cirrus", "Altocumulus", "Cumulus")
EMPTY = "Drop photographs here, JPEG or PNG, to 50 MB."


@st.cache_resource(show_spinner=False, max_entries=4)
def _predictor(folder: Path, changed_ns: int) -> models.Predictor:
    return models.load(folder)


def predictor(entry: models.ModelEntry) -> models.Predictor:
    """The loaded model, kept until its model.json changes. Raises ModelError."""
    return _predictor(entry.folder, (entry.folder / "model.json").stat().st_mtime_ns)


def choose_model(library: Library) -> models.ModelEntry:
    """The classifier in use: the shipped one, or another from the head row; stops the page where there is none."""
    entries = [e for e in models.available(library.settings) if e.kind == KIND and _knows_genera(e)]
    if not entries:
        st.info("No model yet. Train one.")
        st.page_link("pages/train.py", label="Train")
        st.stop()
    if len(entries) == 1:
        return entries[0]
    asked = st.query_params.get("model")
    first = next((number for number, entry in enumerate(entries) if entry.name == asked), 0)
    return st.selectbox(
        "Model", entries, index=first, format_func=lambda entry: entry.name, key="genus_model",
        label_visibility="collapsed",
        width=190,
    )  # fmt: skip


def _knows_genera(entry: models.ModelEntry) -> bool:
    return any(find(name) is not None for name in entry.info.classes)


def model_words(entry: models.ModelEntry) -> str:
    """The model and what it is worth: 'model genus, macro F1 0.52 [0.45, 0.58] on 230 photographs'."""
    scores = entry.info.scores
    row = scores.get("metrics", {}).get("macro_f1", {})
    if row.get("value") is None:
        return f"model {entry.name}, not scored"
    interval = f" [{row['low']:.2f}, {row['high']:.2f}]" if row.get("low") is not None else ""
    held = "held-out" if scores.get("part", "test") == "test" else "validation"
    return f"model {entry.name}, macro F1 {row['value']:.2f}{interval} on {row['n']} {held} photographs"


def choose_view() -> str:
    """The page's two views: photographs to name, or photographs to learn from."""
    return st.segmented_control(
        "View", (ANSWER, CLEANER), default=ANSWER, required=True, key="genus_view", persist_state="session",
        label_visibility="collapsed",
    )  # fmt: skip


def download(library: Library) -> None:
    """The session's results as CSV."""
    if photographs.kept():
        st.download_button(
            "Download table", photographs.table(library.store), "cloud-types.csv", "text/csv", key="genus_download",
            on_click="ignore",
        )  # fmt: skip


def add_more(entry: models.ModelEntry) -> None:
    """The page's primary button, once there is a photograph: more of them, from disk, clipboard or camera."""
    if photographs.kept():
        with st.popover("Add photographs", type="primary", key="genus_add"):
            _ways_in(entry, "more")


def show_empty(entry: models.ModelEntry, library: Library) -> None:
    """The first view: a place to drop photographs, and what they may be."""
    st.subheader(EMPTY, anchor=False)
    with st.container(key="drop", gap="small"):
        _ways_in(entry, "first")
    _offer_samples(entry, library)
    with st.expander("What is taken, and what is not", type="compact"):
        st.markdown(INPUT_WORDS)


INPUT_WORDS = """
- JPEG, PNG or TIFF, 16 px a side to 50 megapixels, judged by content whatever the name says; each is named in a second.
- Put right, and told: CMYK and 16-bit pictures, photographs that lie on their side, transparency, the first frame of
  an animation.
- Refused in a sentence: broken, empty or far too large files, HEIC (convert it to JPEG), SVG, HTML, EPS, pictures of
  floats, and pickles such as `export.pkl`, which are never opened.
"""


def _offer_samples(entry: models.ModelEntry, library: Library) -> None:
    folder = library.settings.samples / "genus"
    if folder.is_dir() and st.button("Use samples", key="genus_samples", help="Three drawn pictures, no photographs"):
        paths = [path for name in SAMPLE_GENERA for path in images.list_images(folder / name)[:1]]
        _take_in([(path.name, path.read_bytes()) for path in paths], entry)


def _take_in(files: Sequence[tuple[str, bytes]], entry: models.ModelEntry) -> None:
    try:
        photographs.take_in(files, entry, predictor(entry))
    except CloudcoreError as problem:
        st.error(str(problem))
        return
    st.rerun()


def _ways_in(entry: models.ModelEntry, place: str) -> None:
    number = photographs.round_number()
    given = st.file_uploader(
        "Photographs", accept_multiple_files=True, max_upload_size=ACCEPTED_MB, label_visibility="collapsed",
        key=f"genus-files-{place}-{number}",
    )  # fmt: skip
    files = [(item.name, item) for item in given]
    pasted = st.chat_input(
        "Or paste one here, then Enter", accept_file="multiple", max_upload_size=ACCEPTED_MB,
        key=f"genus-paste-{place}-{number}",
    )  # fmt: skip
    if pasted:
        files += [(item.name, item) for item in pasted.files]
    if st.toggle("Use the camera", key=f"genus-camera-{place}-{number}"):
        shot = st.camera_input("Photograph", label_visibility="collapsed", key=f"genus-shot-{place}-{number}")
        files += [("camera.jpg", shot)] if shot else []
    if files:
        _take_in([(name, item.getvalue()) for name, item in files], entry)


def show_told() -> None:
    """What was refused of the last photographs, and why."""
    for sentence in st.session_state.get(photographs.TOLD, [])[:6]:
        st.error(sentence)


def chosen(shown: Sequence[Photograph]) -> Photograph:
    """The photograph in view: the one chosen in the strip, else the newest."""
    stem = st.session_state.get("genus_chosen")
    return next((photo for photo in shown if photo.stem == stem), shown[-1])


def show_strip(shown: Sequence[Photograph], current: Photograph) -> None:
    """Thumbnails, newest first, each with its answer; a click brings one into view."""
    with st.container(height=STRIP_HEIGHT if len(shown) > 4 else "content", border=False, gap="small", key="strip"):
        for photo in reversed(shown):
            with st.container(gap=None):
                st.image(photo.thumb, alt=f"{photo.name}: {photo.code}", width="stretch")
                name = Path(photo.name).stem
                text = f"{photo.code} · {name if len(name) <= 12 else name[:11] + '…'}"
                seen = photo is current
                if st.button(
                    text, key=f"genus-show-{photo.stem}", type="secondary" if seen else "tertiary", width="stretch"
                ):  # fmt: skip
                    st.session_state["genus_chosen"] = photo.stem
                    st.rerun()


def show_photograph(photo: Photograph) -> None:
    """The photograph, or where the model looked, with its name and size below."""
    place = st.container(key="photograph")
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        view = st.segmented_control(
            "Show", (PHOTO, LOOKED), default=PHOTO, required=True, key="genus_shows", persist_state="session",
            label_visibility="collapsed",
        )  # fmt: skip
        st.space("stretch")
        height, width = photo.shape_hw
        st.caption(f"{photo.name}, {height:,} × {width:,} px (h × w)", width="content")
    seen = photographs.heat_map(photo) if view == LOOKED else None
    name = photo.top[0][0]
    if view == LOOKED and seen is None:
        st.caption("This model cannot tell where it looked.")
    alt = f"Where the model looked for {name} in {photo.name}" if seen else f"Photograph {photo.name}: {photo.answer}"
    place.image(seen or photo.picture, alt=alt, width="stretch")
    for note in photo.notes:
        st.caption(note)


def show_answer(photo: Photograph, entry: models.ModelEntry) -> None:
    """Genus, band and the top three with their confidence; or that it is a clear sky or no photograph of clouds."""
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
    """What such a confidence was worth on photographs the model never saw; a plain word where nobody counted."""
    for bin_ in entry.info.scores.get("reliability", []):
        if bin_["low"] < probability <= bin_["high"] and bin_["n"]:
            right = round(bin_["accuracy"] * bin_["n"])
            between = f"{100 * bin_['low']:.0f}–{100 * bin_['high']:.0f} %"
            return f"Of {bin_['n']} held-out photographs answered at {between}, {right} were right."
    return "How often such a confidence is right was not counted on held-out photographs."


def ask_label(photo: Photograph, library: Library) -> None:
    """Right, Wrong, or what it is: the person's label, saved by one click and shown."""
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
    """What the genus looks like, what it is mistaken for, and what weather it brings."""
    genus = find(photo.top[0][0]) if photo.answer not in (CLEAR, OTHER) else None
    if genus is None:
        return
    st.markdown(f"**Looks like** {genus.looks} Usual {base_words(genus)}.")
    st.markdown("**Mistaken for** " + " ".join(f"*{other}.* {how}" for other, how in genus.mistaken))
    st.markdown(f"**Weather** {genus.weather}")


def stage() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """(strip, stage, inspector) of the loaded page."""
    row = st.container(horizontal=True, gap="small")
    strip = row.container(key="strip-column", width=STRIP_PX, gap="small")
    left = row.container(key="stage", gap="small")
    return strip, left, row.container(key="inspector", width=INSPECTOR_PX, gap="small")
