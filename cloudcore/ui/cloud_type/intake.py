"""Photographs into the Cloud type page: from disk, clipboard, camera or the samples; and the table of answers out."""

from collections.abc import Sequence

import streamlit as st

from cloudcore import images, models
from cloudcore.errors import CloudcoreError
from cloudcore.ui.cloud_type import photographs
from cloudcore.ui.shared.library import Library
from cloudcore.ui.shared.models import load_predictor

ACCEPTED_MB = 50
SAMPLE_GENERA = ("Cirrus", "Altocumulus", "Cumulus")
EMPTY = "Drop photographs here, JPEG or PNG, to 50 MB."


def download(library: Library) -> None:
    """Offer the session's results as CSV."""
    if photographs.kept():
        st.download_button(
            "Download table",
            photographs.table(library.store),
            "cloud-types.csv",
            "text/csv",
            key="genus_download",
            on_click="ignore",
        )


def add_more(entry: models.ModelEntry) -> None:
    """Draw the page's primary button once there is a photograph: add more, from disk, clipboard or camera."""
    if photographs.kept():
        with st.popover("Add photographs", type="primary", key="genus_add"):
            _ways_in(entry, "more")


def show_empty(entry: models.ModelEntry, library: Library) -> None:
    """Draw the first view: a place to drop photographs, and what they may be."""
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
        photographs.take_in(files, entry, load_predictor(entry.folder))
    except CloudcoreError as problem:
        st.error(str(problem))
        return
    st.rerun()


def _ways_in(entry: models.ModelEntry, place: str) -> None:
    number = photographs.round_number()
    given = st.file_uploader(
        "Photographs",
        accept_multiple_files=True,
        max_upload_size=ACCEPTED_MB,
        label_visibility="collapsed",
        key=f"genus-files-{place}-{number}",
    )
    files = [(item.name, item) for item in given]
    pasted = st.chat_input(
        "Or paste one here, then Enter",
        accept_file="multiple",
        max_upload_size=ACCEPTED_MB,
        key=f"genus-paste-{place}-{number}",
    )
    if pasted:
        files += [(item.name, item) for item in pasted.files]
    if st.toggle("Use the camera", key=f"genus-camera-{place}-{number}"):
        shot = st.camera_input("Photograph", label_visibility="collapsed", key=f"genus-shot-{place}-{number}")
        files += [("camera.jpg", shot)] if shot else []
    if files:
        _take_in([(name, item.getvalue()) for name, item in files], entry)


def show_refused() -> None:
    """Say which of the last photographs were refused, and why."""
    for sentence in st.session_state.get(photographs.REFUSED, [])[:6]:
        st.error(sentence)
